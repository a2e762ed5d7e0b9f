"""What is stored, read without being understood: for verification, which trusts no row to be what was written.

A row is compared with the parameters that writing the expected record would bind, so every column takes part, the
computed ones included, to the byte. The table `venue_orders` is compared with the orders that it was derived from.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import attrs

from ledger_core.errors import StorageCorrupt
from ledger_core.findings import Difference, Finding
from ledger_core.model import Key, Record, RecordKind
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry
from ledger_storage_sqlite import statements
from ledger_storage_sqlite._bodies import spelled_out
from ledger_storage_sqlite._columns import CODECS, TABLES, RowCodec
from ledger_storage_sqlite._schema_check import SCHEMA, oddity_of
from ledger_storage_sqlite.schema import SCHEMA_VERSION

Fetch = Callable[[str, Sequence[Any]], list[Any]]


@attrs.frozen
class _Layout:
    """Where in a row of the columns `Table.bound` its place and version stand."""

    codec: RowCodec
    place: Callable[[Sequence[Any]], tuple[Any, ...]]
    version: int

    @classmethod
    def of(cls, kind: RecordKind) -> "_Layout":
        """Return the layout of a kind's table."""
        table = TABLES[kind]
        columns = [table.bound.index(name) for name in ("sequence", *table.key)]
        return cls(CODECS[kind], itemgetter(*columns), table.bound.index("version"))


_LAYOUTS: Mapping[RecordKind, _Layout] = {kind: _Layout.of(kind) for kind in TABLES}


class StoredRow:
    """A row as it is in the file."""

    __slots__ = ("_layout", "_row", "_strategy_id", "key", "sequence", "version")

    def __init__(self, layout: _Layout, row: Sequence[Any], strategy_id: str) -> None:
        """Take where it stands from the row itself."""
        self._layout = layout
        self._strategy_id = strategy_id
        self._row = row
        place = layout.place(row)
        self.sequence: int = _integer(place[0])
        self.key: Key = place[1:]
        self.version: int = _integer(row[layout.version])

    def differences(self, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        """Return (expected, found) of every column that writing the record would have filled otherwise."""
        codec = self._layout.codec
        written = (*codec.encode(expected), self._strategy_id)
        if written == self._row:
            return {}
        return {
            name: (wanted, found)
            for name, wanted, found in zip((*codec.table.bound, "strategy_id"), written, self._row, strict=True)
            if wanted != found
        }


def _integer(value: Any) -> int:
    """Return a column of integers; a damaged page may hold anything, which then is no sequence and no version."""
    return value if type(value) is int else 0


def scan(fetch: Fetch, strategy_id: str, kind: RecordKind, after: tuple[Any, ...], limit: int) -> Sequence[StoredRow]:
    """Return a page of rows; text that is not UTF-8 comes back with its bytes escaped."""
    layout = _LAYOUTS[kind]
    parameters = [strategy_id, *after, limit]
    try:
        rows = fetch(statements.scan(kind, len(after)), parameters)
    except StorageCorrupt:
        escaped = fetch(statements.scan(kind, len(after), as_bytes=True), parameters)
        rows = [tuple(map(_text, row)) for row in escaped]
    return [StoredRow(layout, row, strategy_id) for row in rows]


def read_raw(fetch: Fetch, strategy_id: str, after: int, limit: int) -> list[RawEntry]:
    """Return a page of the journal, likewise."""
    parameters = (strategy_id, after, limit)
    try:
        rows = fetch(statements.READ_RAW, parameters)
    except StorageCorrupt:
        escaped = fetch(statements.READ_RAW_BYTES, parameters)
        rows = [(row[0], _text(row[1]), _text(row[2]), row[3], *map(_text, row[4:])) for row in escaped]
    for sequence, _, _, body, _, found in rows:
        if found != strategy_id or body is None or type(sequence) is not int:
            raise StorageCorrupt(f"behind entry {after} the journal has {found!r}, {sequence!r}", sequence=after + 1)
    return [
        RawEntry(sequence, at, subject, spelled_out(body), digest) for sequence, at, subject, body, digest, _ in rows
    ]


def audit(fetch: Fetch, strategy_id: str) -> Iterator[Difference]:
    """Generate what SQLite finds wrong with the file, and how `venue_orders` differs from the ids that orders carry."""
    oddity = oddity_of(fetch(SCHEMA, ()), SCHEMA_VERSION)
    if oddity is not None:
        yield Difference(what=Finding.INDEX_DIFFERS, field="schema", found=oddity)
    for table, statement in statements.CHECK_INTEGRITY.items():
        for (sentence,) in fetch(statement, ()):
            if sentence != "ok":
                yield Difference(what=Finding.INDEX_DIFFERS, field=table, found=sentence)
    place: tuple[Any, ...] = (-1, "")
    while rows := fetch(statements.VENUE_IDS_MISSING, (strategy_id, *place, PAGE_SIZE_MAX)):
        for _, order_id, missing in rows:
            for venue_order_id in json.loads(missing) if missing != "[]" else ():
                yield _differing(order_id, expected=venue_order_id, found=None)
        place = rows[-1][:2]
    place = ("", "")
    while rows := fetch(statements.VENUE_IDS_EXTRA, (strategy_id, *place, PAGE_SIZE_MAX)):
        for venue_order_id, order_id, is_known in rows:
            if not is_known:
                yield _differing(order_id, expected=None, found=venue_order_id)
        place = rows[-1][:2]


def _differing(order_id: str, *, expected: str | None, found: str | None) -> Difference:
    return Difference(
        what=Finding.INDEX_DIFFERS,
        kind=RecordKind.ORDER,
        key=(order_id,),
        field="venue_orders",
        expected=expected,
        found=found,
    )


def _text(value: Any) -> Any:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value
