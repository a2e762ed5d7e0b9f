"""Updates that write what a command changed, and no column beside: an order has sixty, and most changes touch five.

A row is found by its primary key and the version that it should have; one that is not there, or is of another version,
is written whole instead. What an update sets is named by the entry's changes.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from ledger_core.changes import Entry
from ledger_core.model import Key, Record, RecordKind
from ledger_storage_sqlite._columns import TABLES, Column, Encoder, Table
from ledger_storage_sqlite._encoding import Bound, Convert

Fields = tuple[str, ...]


class Image(NamedTuple):
    """A record as the entries leave it, and how far they changed it."""

    record: Record
    fields: Fields | None  # None: it is new, or what changed is not known
    version_before: int


def images_of(entries: Sequence[Entry]) -> list[Image]:
    """Return the last after-image of each record of some entries, and which of its fields they set."""
    if len(entries) == 1:
        return _images_of(entries[0])
    last: dict[tuple[RecordKind, Key], Image] = {}
    for entry in entries:
        for image in _images_of(entry):
            name = image.record.kind, image.record.key
            known = last.pop(name, None)
            last[name] = image if known is None else _joined(known, image)
    return list(last.values())


def _images_of(entry: Entry) -> list[Image]:
    records, changes = entry.records, entry.changes
    if len(changes) != len(records):
        return [_image_of(record, entry) for record in records]
    images = []
    for record, change in zip(records, changes, strict=True):
        if change.kind is not record.kind or change.key != record.key:
            return [_image_of(record, entry) for record in records]
        version = change.version
        fields = tuple(change.values) if version > 1 and version == record.version else None
        images.append(Image(record, fields, version - 1))
    return images


def _image_of(record: Record, entry: Entry) -> Image:
    changes = [change for change in entry.changes if change.kind is record.kind and change.key == record.key]
    versions = [change.version for change in changes]
    if not versions or versions[0] == 1 or versions != list(range(versions[0], record.version + 1)):
        return Image(record, None, 0)
    return Image(record, tuple(dict.fromkeys(name for change in changes for name in change.values)), versions[0] - 1)


def _joined(first: Image, then: Image) -> Image:
    if first.fields is None or then.fields is None or then.version_before != first.record.version:
        return Image(then.record, None, 0)
    return Image(then.record, tuple(dict.fromkeys((*first.fields, *then.fields))), first.version_before)


class Update:
    """How the rows of one kind are updated where just these fields changed.

    What is computed is written each time. The hot column, if the table has one, is left as it is where the row is hot
    before and after, so that no index is touched.
    """

    def __init__(self, table: Table, columns: Sequence[Column]) -> None:
        """Build the statements."""
        hot = None if table.hot is None else table.hot[0]
        written = [column for column in columns if column.name != hot]
        computed = {name: how for name, how in table.computed.items() if name not in table.key and name != hot}
        self._encoder = Encoder(table, [*written, *computed.values()])
        settable = ", ".join(f"{name} = ?" for name in (*(column.name for column in written), *computed))
        place = "".join(f" AND {name} = ?" for name in ("sequence", *table.key, "version"))
        self.statement = f"UPDATE {table.name} SET {settable} WHERE strategy_id = ?{place}"
        self.staying_hot = self.with_hot = ""
        self._hot: Bound = None
        self._heat: Convert | None = None
        if table.hot is not None:
            hot, self._hot = table.hot
            self._heat = attrgetter(hot)
            self.staying_hot = f"{self.statement} AND {hot} = {self._hot!r}"
            self.with_hot = f"UPDATE {table.name} SET {settable}, {hot} = ? WHERE strategy_id = ?{place}"

    def write(self, connection: sqlite3.Connection, strategy_id: str, image: Image) -> bool:
        """Update the row; say whether it was there, in the version before."""
        record = image.record
        values = self._encoder.encode(record)
        place = (strategy_id, record.sequence, *record.key, image.version_before)
        if self._heat is None:
            return connection.execute(self.statement, (*values, *place)).rowcount == 1
        heat = self._heat(record)
        if heat == self._hot and connection.execute(self.staying_hot, (*values, *place)).rowcount == 1:
            return True
        return connection.execute(self.with_hot, (*values, heat, *place)).rowcount == 1


@lru_cache(maxsize=1024)
def update_of(kind: RecordKind, fields: Fields) -> Update | None:
    """Return the update that writes these fields; None where one of them is part of what a row is found by."""
    table = TABLES[kind]
    wanted = {*fields, "version"}
    columns = [column for column in table.columns if column.path in wanted]
    placed = {*table.fixed, *table.key}
    if len(columns) != len(wanted) or any(column.name in placed for column in columns):
        return None
    return Update(table, columns)
