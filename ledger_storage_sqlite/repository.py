"""One strategy's journal and records in an SQLite file: the adapter itself.

Nothing is decided here. An append is one transaction: the journal's rows, whose primary key is the compare-and-swap,
then the last after-image of each record, then cursors. Reads go through a connection of their own, since another
thread on the writer's would see what is not committed yet.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from weakref import WeakSet

from ledger_core.archived import JOURNAL
from ledger_core.changes import FORGOTTEN, GENESIS_DIGEST, Cursor, Entry, Head
from ledger_core.codec import load_entry
from ledger_core.errors import Conflict, InvalidValue, LedgerClosed, ReadOnlyLedger, StorageCorrupt, StorageError
from ledger_core.findings import Difference
from ledger_core.model import ArchivedRecord, Checkpoint, Key, Record, RecordKind
from ledger_core.numbers import load_time, time_text
from ledger_core.repository import FILTERS, PAGE_SIZE_MAX, Ordering, Query, RawEntry, StoredRecord
from ledger_storage_sqlite import _stored, statements
from ledger_storage_sqlite._bodies import shortened, spelled_out
from ledger_storage_sqlite._columns import CODECS, TABLES
from ledger_storage_sqlite._connections import ReadConnection, require_sqlite
from ledger_storage_sqlite._encoding import Bound
from ledger_storage_sqlite._location import CHECKS, Location, parse_url, require_usable
from ledger_storage_sqlite._translate import translated
from ledger_storage_sqlite._updates import images_of, update_of
from ledger_storage_sqlite._writer import Writer

_PAGES_AT_ONCE = 16
"""How many pages of a checkpoint, of some 100 KB each, are written or removed in one transaction."""

_ENTRIES_AT_ONCE = 1_000
"""How many entries are removed in one transaction, so that no other writer waits for long."""


def open_repository(url: str, *, strategy_id: str, read_only: bool = False) -> "SqliteRepository":
    """Open `sqlite:///relative.db` or `sqlite:////absolute.db`; a file that is not there is made, unless read-only.

    Parameters of the URL: `durability=full` (the default: survives a power cut), `process` (survives kill -9, not
    a power cut) or `none` (for tests); `busy_timeout=SECONDS` (default 5); `check=quick` or `full` looks through the
    whole file first, which takes time that grows with it (default `none`). A read-only open makes, changes, locks
    and migrates nothing, whether a writer is alive, was killed, or has closed the file.
    """
    location = parse_url(url)
    with translated(f"open {location.path}"):
        require_usable(location, read_only=read_only)
    return SqliteRepository(location, strategy_id=strategy_id, read_only=read_only)


class SqliteRepository:
    """One strategy's journal and records in one SQLite file; see `LedgerRepository` for what each method promises."""

    def __init__(self, location: Location, *, strategy_id: str, read_only: bool = False) -> None:
        """Open the file; `open_repository` takes a URL instead."""
        require_sqlite()
        self._location = location
        self._strategy_id = strategy_id
        self._is_inherited = False
        self._closed = False
        _repositories.add(self)
        self._reading, self._appending = f"read {location.path}", f"append to {location.path}"
        with translated(f"open {location.path}"):
            self._writer = None if read_only else Writer(location)
            self._reader = ReadConnection(location) if self._writer is None else self._writer.reader
        if (statement := CHECKS[location.check]) is not None:
            try:
                self._require_sound(statement)
            except BaseException:
                self.close()
                raise

    @property
    def strategy_id(self) -> str:
        """The strategy that everything read and written here belongs to."""
        return self._strategy_id

    @property
    def read_only(self) -> bool:
        """Whether `append`, `claim`, `restore`, `stage` and `cut` raise ReadOnlyLedger."""
        return self._writer is None

    @property
    def ended_uncleanly(self) -> bool:
        """Whether a writer died or failed in the middle of a write, and the end was not looked through since."""
        self._require_open()
        with translated(f"read the marks of {self._location.path}"):
            return self._writer is not None and self._writer.is_unchecked

    def confirm_end(self) -> None:
        """Note that the journal's end was looked through."""
        with translated(f"mark {self._location.path}"):
            self._require_writer().clear_unchecked()

    def head(self) -> Head:
        """Return the end of the journal."""
        rows = self._fetch(statements.HEAD, (self._strategy_id,))
        if not rows:
            return Head(0, GENESIS_DIGEST)
        ((sequence, digest, recorded_at),) = rows
        try:
            return Head(sequence, digest, load_time(recorded_at))
        except ValueError as error:
            raise StorageCorrupt(f"the time of entry {sequence} cannot be read: {error}", sequence=sequence) from error

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record as of the last entry, or None."""
        self._require_open()
        if len(key) != len(TABLES[kind].key) or not all(isinstance(part, str) for part in key):
            return None
        rows = self._fetch(statements.RECORDS[kind].load, (self._strategy_id, *key))
        return CODECS[kind].decode(rows[0]) if rows else None

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page of records."""
        self._require_open()
        statement, parameters = _find(query, self._strategy_id)
        if statement is None:
            return []
        decode = CODECS[query.kind].decode
        return [decode(row) for row in self._fetch(statement, parameters)]

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return up to `limit` entries with a sequence above `after`, in order; raise StorageCorrupt for a gap.

        What was cut is no gap.
        """
        _require_page(limit)
        after = max(after, 0)
        if subject is None:
            rows = self._fetch(statements.READ, (self._strategy_id, after, limit))
        else:
            rows = self._fetch(statements.READ_SUBJECT, (self._strategy_id, after, subject, limit))
        entries = [self._entry(row) for row in rows]
        if subject is None:
            if entries and after + 1 < entries[0].sequence <= self._cut_sequence() + 1:
                after = entries[0].sequence - 1
            for expected, entry in enumerate(entries, after + 1):
                if entry.sequence != expected:
                    raise StorageCorrupt(f"entry {expected} of {self._strategy_id} is missing", sequence=expected)
        return entries

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries, their after-images and the cursors, or nothing."""
        writer = self._require_writer()
        if not entries and not cursors:
            return
        head = entries[0].sequence - 1 if entries else 0
        for expected, entry in enumerate(entries, head + 1):
            if entry.sequence != expected:
                raise Conflict(f"entries {head + 1} to {expected} do not follow each other", head=head)
            if entry.strategy_id != self._strategy_id:
                raise InvalidValue(f"an entry of {entry.strategy_id!r} was given to {self._strategy_id!r}")
        with translated(self._appending):
            rows = [self._journal_row(entry) for entry in entries]
            images = images_of(entries)

            def work(connection: sqlite3.Connection) -> None:
                for row in rows:
                    self._insert_entry(connection, row)
                for image in images:
                    update = None if image.fields is None else update_of(image.record.kind, image.fields)
                    if update is None or not update.write(connection, self._strategy_id, image):
                        self._store(connection, image.record)
                    if isinstance(image.record, ArchivedRecord) and image.record.removed is not None:
                        self._remove(connection, *image.record.removed)
                for cursor in cursors:
                    self._move(connection, cursor)

            writer.write(work, self._appending)

    def alone(self) -> AbstractContextManager[object]:
        """Hold the file's lock."""
        return self._require_writer().alone()

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner of a subscriber's cursor until `close`."""
        writer = self._require_writer()
        with translated(f"claim {subscriber!r} in {self._location.path}"):
            writer.claims.take(self._strategy_id, subscriber)
        rows = self._fetch(statements.CURSOR, (self._strategy_id, subscriber))
        if not rows:
            what = f"store the cursor of {subscriber!r} in {self._location.path}"
            self._change(writer, statements.ADVANCE_CURSOR, (self._strategy_id, subscriber, 0), what)
        return Cursor(subscriber, rows[0][0] if rows else 0)

    def strategies(self) -> Sequence[str]:
        """Return the ids of all strategies that have an entry in the store, sorted."""
        return [strategy_id for (strategy_id,) in self._fetch(statements.STRATEGIES)]

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return up to `limit` entries with a sequence above `after`, as they are stored."""
        _require_page(limit)
        return _stored.read_raw(self._fetch, self._strategy_id, after, limit)

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Return up to `limit` rows of a kind by (sequence, *key), as they are stored."""
        _require_page(limit)
        return _stored.scan(self._fetch, self._strategy_id, kind, after, limit)

    def audit(self) -> Iterator[Difference]:
        """Generate what differs between `venue_orders` and the orders that it was derived from."""
        self._require_open()
        return _stored.audit(self._fetch, self._strategy_id)

    def restore(self, records: Iterable[Record]) -> None:
        """Replace all records of the strategy by these, or leave everything as it was."""
        writer = self._require_writer()
        what = f"restore the records of {self._location.path}"

        def work(connection: sqlite3.Connection) -> None:
            for statement in statements.DELETE_RECORDS:
                connection.execute(statement, (self._strategy_id,))
            for record in records:
                self._store(connection, record)
            connection.execute(statements.RESTORE_VENUE_IDS, (self._strategy_id,))

        with translated(what):
            writer.write(work, what)

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Keep pages for a checkpoint to come, some of them in each transaction."""
        writer = self._require_writer()
        what = f"keep a checkpoint in {self._location.path}"
        self._change(writer, statements.DROP_STAGE, (self._strategy_id, stage), what)
        numbered = enumerate(pages)
        while rows := [(self._strategy_id, stage, page, body) for page, body in islice(numbered, _PAGES_AT_ONCE)]:
            with translated(what):
                writer.write(lambda connection, rows=rows: _insert_pages(connection, rows), what)  # type: ignore[misc]

    def staged(self, stage: str, page: int) -> bytes | None:
        """Return a page that was kept."""
        rows = self._fetch(statements.PAGE, (self._strategy_id, stage, page))
        if not rows:
            return None
        ((body,),) = rows
        if not isinstance(body, bytes):
            raise StorageCorrupt(f"page {page} of the checkpoint of {self._strategy_id} is none")
        return body

    def cut(self, through: int) -> Sequence[Cursor]:
        """Remove the journal up to an entry, some entries in each transaction; return the cursors that hold it."""
        writer = self._require_writer()
        checkpoint = self.load(RecordKind.CHECKPOINT, (JOURNAL,))
        if not isinstance(checkpoint, Checkpoint):
            return []
        what = f"cut the journal of {self._location.path}"
        kept = (self._strategy_id, checkpoint.stage)
        if self._fetch(statements.COUNT_PAGES, kept) != [(sum(checkpoint.runs),)]:
            raise StorageCorrupt(f"pages of the checkpoint of {self._strategy_id} are missing; nothing was cut")
        wanted = min(through, checkpoint.cut_sequence)
        while self._cut_some(writer, wanted, what):
            pass
        while self._change(writer, statements.DROP_PAGES, (*kept, _PAGES_AT_ONCE), what):
            pass
        return [Cursor(*row) for row in self._fetch(statements.CURSORS_BELOW, (self._strategy_id, wanted))]

    def close(self) -> None:
        """Give up connections, locks and claims; further calls do nothing."""
        if self._closed or self._is_inherited:
            return
        self._closed = True
        with translated(f"close {self._location.path}"):
            if self._writer is not None:
                self._writer.close()
            else:
                self._reader.close()

    def abandon(self) -> None:
        """Refuse everything from now on: this is a child process, and what is open belongs to its parent."""
        self._is_inherited = True

    def _change(self, writer: Writer, statement: str, parameters: Sequence[Any], what: str) -> int:
        """Execute a statement in a transaction of its own; return how many rows it changed."""
        changed = 0

        def work(connection: sqlite3.Connection) -> None:
            nonlocal changed
            changed = connection.execute(statement, parameters).rowcount

        with translated(what):
            writer.write(work, what)
        return changed

    def _cut_some(self, writer: Writer, wanted: int, what: str) -> int:
        """Delete the first entries up to one, and no further than every cursor has come; return how many."""
        deleted = 0

        def work(connection: sqlite3.Connection) -> None:
            nonlocal deleted
            (first,) = connection.execute(statements.FIRST_ENTRY, (self._strategy_id,)).fetchone()
            (served,) = connection.execute(statements.FIRST_CURSOR, (self._strategy_id,)).fetchone()
            last = min(wanted, wanted if served is None else served, (first or 0) + _ENTRIES_AT_ONCE - 1)
            deleted = connection.execute(statements.CUT, (self._strategy_id, last)).rowcount

        with translated(what):
            writer.write(work, what)
        return deleted

    def _cut_sequence(self) -> int:
        """Return up to where the journal may have been cut."""
        rows = self._fetch(statements.CUT_SEQUENCE, (self._strategy_id,))
        return rows[0][0] if rows and type(rows[0][0]) is int else 0

    def _require_sound(self, statement: str) -> None:
        found = [str(row[0]) for row in self._fetch(statement)]
        if found != ["ok"]:
            raise StorageCorrupt(f"{self._location.path} is damaged: {'; '.join(found)}", found=tuple(found))

    def _require_open(self) -> None:
        if self._is_inherited:
            raise StorageError("this repository was opened before fork(); open one in the child process instead")
        if self._closed:
            raise LedgerClosed("this repository is closed")

    def _require_writer(self) -> Writer:
        self._require_open()
        if self._writer is None:
            raise ReadOnlyLedger("this repository was opened for reading")
        return self._writer

    def _fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        self._require_open()
        with translated(self._reading):
            return self._reader.fetch(statement, parameters)

    def _journal_row(self, entry: Entry) -> tuple[Bound, ...]:
        return (
            self._strategy_id,
            entry.sequence,
            time_text(entry.recorded_at),
            entry.subject,
            shortened(entry.body),
            entry.digest,
        )

    def _insert_entry(self, connection: sqlite3.Connection, row: tuple[Bound, ...]) -> None:
        try:
            connection.execute(statements.INSERT_ENTRY, row)
        except sqlite3.IntegrityError as error:
            found = connection.execute(statements.HEAD, (self._strategy_id,)).fetchone()
            head = found[0] if found else 0
            if row[1] != head + 1:
                raise Conflict(f"the journal of {self._strategy_id} ends at {head}", head=head) from error
            raise

    def _store(self, connection: sqlite3.Connection, record: Record) -> None:
        """Write an after-image whole, whether there is a row of it or not."""
        values = CODECS[record.kind].encode(record)
        connection.execute(statements.RECORDS[record.kind].upsert, (*values, self._strategy_id))

    def _move(self, connection: sqlite3.Connection, cursor: Cursor) -> None:
        """Move a cursor forward, or remove it."""
        if cursor.sequence == FORGOTTEN:
            connection.execute(statements.FORGET_CURSOR, (self._strategy_id, cursor.subscriber))
        else:
            place = (self._strategy_id, cursor.subscriber, cursor.sequence)
            connection.execute(statements.ADVANCE_CURSOR, place)

    def _remove(self, connection: sqlite3.Connection, kind: RecordKind, key: Key) -> None:
        """Delete a record that moved to an archive."""
        if len(key) != len(TABLES[kind].key):
            raise StorageCorrupt(f"{key} is no key of {kind}", kind=kind, key=key)
        if kind is RecordKind.ORDER:
            connection.execute(statements.DELETE_VENUE_IDS, (self._strategy_id, *key, self._strategy_id, *key))
        connection.execute(statements.DELETE_RECORD[kind], (self._strategy_id, *key))

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        sequence, subject, body, digest = row
        entry = load_entry(spelled_out(body), digest)
        if (entry.strategy_id, entry.sequence, entry.subject) != (self._strategy_id, sequence, subject):
            raise StorageCorrupt(
                f"entry {sequence} of {self._strategy_id} holds that of {entry.strategy_id}, {entry.sequence}",
                sequence=sequence,
            )
        return entry


def _insert_pages(connection: sqlite3.Connection, rows: Sequence[tuple[str, str, int, bytes]]) -> None:
    connection.executemany(statements.INSERT_PAGE, rows)


def _find(query: Query, strategy_id: str) -> tuple[str | None, list[Any]]:
    """Return the statement and parameters of a query; no statement where no record can match."""
    unknown = set(query.where) - FILTERS[query.kind]
    if unknown or not 1 <= query.limit <= PAGE_SIZE_MAX:
        raise InvalidValue(f"a query of {query.kind} has no {sorted(unknown) or 'such limit'}")
    if query.ordering is not Ordering.SEQUENCE and query.kind is not RecordKind.FILL:
        raise InvalidValue(f"only fills have an economic order, not {query.kind}")
    table = TABLES[query.kind]
    bounds = [bound for bound in (query.since, query.until) if bound is not None]
    if (bounds and table.occurred_at is None) or query.after == ():
        return None, []
    parameters: list[Any] = [strategy_id]
    given: list[str] = []
    null: list[str] = []
    hot = False
    for name, wanted in sorted(query.where.items()):
        if wanted is None and statements.may_be_null(query.kind, name):
            null.append(name)
        elif not statements.can_match(name, wanted):
            return None, []
        elif statements.is_hot(query.kind, name, wanted):
            hot = True
        else:
            given.append(name)
            parameters += statements.parameters_of(query.kind, name, wanted, strategy_id)
    after = query.after or ()
    shape = statements.Shape(
        query.kind,
        tuple(given),
        tuple(null),
        hot,
        query.since is not None,
        query.until is not None,
        len(after),
        query.ordering,
    )
    parameters += [_time(bound) for bound in bounds]
    parameters += [_time(part) if isinstance(part, datetime) else part for part in after]
    return statements.find(shape), [*parameters, query.limit]


def _require_page(limit: int) -> None:
    if not 1 <= limit <= PAGE_SIZE_MAX:
        raise InvalidValue(f"a page has 1 to {PAGE_SIZE_MAX}, not {limit}", argument="limit", value=limit)


def _time(moment: datetime) -> str:
    return time_text(moment.astimezone(UTC))


_repositories: "WeakSet[SqliteRepository]" = WeakSet()


def _after_fork() -> None:
    for repository in list(_repositories):
        repository.abandon()


os.register_at_fork(after_in_child=_after_fork)
