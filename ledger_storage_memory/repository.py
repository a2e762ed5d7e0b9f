"""Repositories over a store in memory: the port in its plainest form."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakValueDictionary

from ledger_core.archived import JOURNAL
from ledger_core.changes import FORGOTTEN, GENESIS_DIGEST, Cursor, Entry, Head, without_records
from ledger_core.codec import canonical_json, dump_values, field_names
from ledger_core.errors import (
    Conflict,
    InvalidValue,
    LedgerClosed,
    ReadOnlyLedger,
    StorageCorrupt,
    SubscriberInUse,
)
from ledger_core.findings import Difference
from ledger_core.model import ArchivedRecord, Checkpoint, Key, Order, Record, RecordKind
from ledger_core.numbers import time_text
from ledger_core.repository import (
    FILTERS,
    PAGE_SIZE_MAX,
    Ordering,
    Query,
    RawEntry,
    matches,
    occurred_at_of,
    sort_key,
)


class _Journal:
    """What a store keeps of one strategy."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []  # without those that were cut
        self.records: dict[RecordKind, dict[Key, Record]] = defaultdict(dict)
        self.cursors: dict[str, int] = {}
        self.owners: dict[str, MemoryRepository] = {}
        self.pages: dict[str, list[bytes]] = {}

    @property
    def head(self) -> int:
        """The sequence of the last entry; 0 when there is none: an entry is left of every journal that was cut."""
        return self.entries[-1].sequence if self.entries else 0

    def behind(self, after: int) -> list[Entry]:
        """Return the entries with a sequence above `after`."""
        return self.entries[max(0, after + len(self.entries) - self.head) :]


class MemoryStore:
    """What a file is to the SQLite adapter: it outlives the repositories that are opened on it."""

    def __init__(self) -> None:
        """Start empty."""
        self.lock = threading.RLock()
        self.journals: dict[str, _Journal] = {}

    def journal(self, strategy_id: str) -> _Journal:
        """Return the journal of a strategy, empty when it is new. Called with the lock held."""
        return self.journals.setdefault(strategy_id, _Journal())


_named_stores: "WeakValueDictionary[str, MemoryStore]" = WeakValueDictionary()


def open_repository(url: str, *, strategy_id: str, read_only: bool = False) -> "MemoryRepository":
    """Open `memory://`, a store of its own, or `memory://NAME`, one shared by all who have NAME open.

    A named store lasts as long as one repository on it is alive.
    """
    name = url.partition("://")[2].strip("/")
    store = _named_stores.setdefault(name, MemoryStore()) if name else MemoryStore()
    return MemoryRepository(store, strategy_id=strategy_id, read_only=read_only)


class MemoryRepository:
    """One strategy's journal and records in a MemoryStore."""

    def __init__(self, store: MemoryStore | None = None, *, strategy_id: str, read_only: bool = False) -> None:
        """Open one strategy of the store; without a store, of a new one."""
        self.store = store or MemoryStore()
        self._strategy_id = strategy_id
        self._read_only = read_only
        self._closed = False
        self._journal: _Journal | None = None

    @property
    def strategy_id(self) -> str:
        """The strategy that everything read and written here belongs to."""
        return self._strategy_id

    @property
    def read_only(self) -> bool:
        """Whether `append`, `claim`, `restore`, `stage` and `cut` raise ReadOnlyLedger."""
        return self._read_only

    @property
    def ended_uncleanly(self) -> bool:
        """False: what is in memory ends with its process."""
        with self.store.lock:
            self._open_journal()
        return False

    def confirm_end(self) -> None:
        """Do nothing."""
        with self.store.lock:
            self._open_journal()
            if self._read_only:
                raise ReadOnlyLedger("this repository was opened for reading")

    def head(self) -> Head:
        """Return the end of the journal."""
        with self.store.lock:
            entries = self._open_journal().entries
            return Head.at(entries[-1]) if entries else Head(0, GENESIS_DIGEST)

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record as of the last entry, or None."""
        with self.store.lock:
            return self._open_journal().records[kind].get(key)

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page of records."""
        unknown = set(query.where) - FILTERS[query.kind]
        if unknown or not 1 <= query.limit <= PAGE_SIZE_MAX:
            raise InvalidValue(f"a query of {query.kind} has no {sorted(unknown) or 'such limit'}")
        if query.ordering is not Ordering.SEQUENCE and query.kind is not RecordKind.FILL:
            raise InvalidValue(f"only fills have an economic order, not {query.kind}")
        with self.store.lock:
            found = [record for record in self._open_journal().records[query.kind].values() if _wanted(record, query)]
        found.sort(
            key=lambda record: sort_key(record, query.ordering),
            reverse=query.ordering is Ordering.ECONOMIC_DESCENDING,
        )
        return found[: query.limit]

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return up to `limit` entries with a sequence above `after`, in order."""
        _require_page(limit)
        with self.store.lock:
            entries = self._open_journal().behind(max(after, 0))
            if subject is None:
                return entries[:limit]
            return [entry for entry in entries if entry.subject == subject][:limit]

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries, their after-images and the cursors, or nothing."""
        with self.store.lock:
            journal = self._open_journal(writing=True)
            head = journal.head
            for expected, entry in enumerate(entries, head + 1):
                if entry.strategy_id != self._strategy_id:
                    raise InvalidValue(f"an entry of {entry.strategy_id!r} was given to {self._strategy_id!r}")
                if entry.sequence != expected:
                    raise Conflict(f"the journal of {self._strategy_id} ends at {head}", head=head)
            # All that can fail comes before the first change.
            stored = [without_records(entry) for entry in entries]
            images = [
                (record.kind, record.key, _stored_form(record) if type(record) is Order else record)
                for entry in entries
                for record in entry.records
            ]
            if cursors:
                reached = dict(journal.cursors)
                for cursor in cursors:
                    if cursor.sequence == FORGOTTEN:
                        reached.pop(cursor.subscriber, None)
                    else:
                        reached[cursor.subscriber] = max(reached.get(cursor.subscriber, 0), cursor.sequence)
                journal.cursors = reached
            journal.entries += stored
            records = journal.records
            for kind, key, image in images:
                records[kind][key] = image
                if kind is RecordKind.ARCHIVED:
                    _remove(records, image)

    def alone(self) -> AbstractContextManager[object]:
        """Hold the store."""
        with self.store.lock:
            self._open_journal(writing=True)
        return self.store.lock

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner of a subscriber's cursor until `close`."""
        with self.store.lock:
            journal = self._open_journal(writing=True)
            if journal.owners.setdefault(subscriber, self) is not self:
                raise SubscriberInUse(f"subscriber {subscriber!r} has an owner", subscriber=subscriber)
            return Cursor(subscriber, journal.cursors.setdefault(subscriber, 0))

    def strategies(self) -> Sequence[str]:
        """Return the ids of all strategies that have an entry in the store, sorted."""
        with self.store.lock:
            self._open_journal()
            return sorted(name for name, journal in self.store.journals.items() if journal.entries)

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return up to `limit` entries with a sequence above `after`, as they are stored."""
        _require_page(limit)
        with self.store.lock:
            found = self._open_journal().behind(max(after, 0))
        return [
            RawEntry(entry.sequence, time_text(entry.recorded_at), entry.subject, entry.body, entry.digest)
            for entry in found[:limit]
        ]

    def scan(
        self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX
    ) -> "Sequence[_StoredImage]":
        """Return up to `limit` stored records of a kind by (sequence, *key), as they are stored."""
        _require_page(limit)
        with self.store.lock:
            images = [_StoredImage(key, record) for key, record in self._open_journal().records[kind].items()]
        images.sort(key=lambda image: image.place)
        return [image for image in images if image.place[: len(after)] > after or not after][:limit]

    def audit(self) -> Iterator[Difference]:
        """Generate nothing: there is nothing beside the records."""
        with self.store.lock:
            self._open_journal()
        return iter(())

    def restore(self, records: Iterable[Record]) -> None:
        """Replace all records of the strategy by these, or leave everything as it was."""
        with self.store.lock:
            journal = self._open_journal(writing=True)
            restored: dict[RecordKind, dict[Key, Record]] = defaultdict(dict)
            for record in records:
                restored[record.kind][record.key] = _stored_form(record)
            journal.records = restored

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Keep pages for a checkpoint to come."""
        with self.store.lock:
            kept = self._open_journal(writing=True).pages[stage] = []
        for page in pages:
            with self.store.lock:
                self._open_journal()
                kept.append(page)

    def staged(self, stage: str, page: int) -> bytes | None:
        """Return a page that was kept."""
        with self.store.lock:
            kept = self._open_journal().pages.get(stage, [])
            return kept[page] if 0 <= page < len(kept) else None

    def cut(self, through: int) -> Sequence[Cursor]:
        """Remove the journal up to an entry; return the cursors that hold it back."""
        with self.store.lock:
            journal = self._open_journal(writing=True)
            checkpoint = journal.records[RecordKind.CHECKPOINT].get((JOURNAL,))
            if not isinstance(checkpoint, Checkpoint):
                return []
            pages = journal.pages.get(checkpoint.stage, [])
            if len(pages) != sum(checkpoint.runs):
                raise StorageCorrupt(f"pages of the checkpoint of {self._strategy_id} are missing; nothing was cut")
            wanted = min(through, checkpoint.cut_sequence)
            holding = [Cursor(name, place) for name, place in sorted(journal.cursors.items()) if place < wanted]
            last = min([wanted, *(cursor.sequence for cursor in holding)])
            journal.entries = journal.behind(last)
            journal.pages = {checkpoint.stage: pages}
            return holding

    def close(self) -> None:
        """Give up the claims; the store keeps its content."""
        with self.store.lock:
            if not self._closed:
                owners = self.store.journal(self._strategy_id).owners
                for subscriber in [name for name, owner in owners.items() if owner is self]:
                    del owners[subscriber]
                self._closed = True

    def _open_journal(self, *, writing: bool = False) -> _Journal:
        if self._closed:
            raise LedgerClosed("this repository is closed")
        if writing and self._read_only:
            raise ReadOnlyLedger("this repository was opened for reading")
        journal = self._journal
        if journal is None:
            journal = self._journal = self.store.journal(self._strategy_id)
        return journal


class _StoredImage:
    """A record as it lies in the store, and the key under which it lies there."""

    __slots__ = ("_record", "key")

    def __init__(self, key: Key, record: Record) -> None:
        self.key = key
        self._record = record

    @property
    def sequence(self) -> int:
        """The entry that it says it was born in."""
        return self._record.sequence

    @property
    def version(self) -> int:
        """The version that it says it has."""
        return self._record.version

    @property
    def place(self) -> tuple[Any, ...]:
        """Where it stands among others of its kind."""
        return (self._record.sequence, *self.key)

    def differences(self, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        """Return (expected, found) of every field that would be written otherwise."""
        kind, found = expected.kind, {}
        for name in field_names(kind):
            wanted, there = getattr(expected, name), getattr(self._record, name)
            if _written(kind, name, wanted) != _written(kind, name, there):
                found[name] = (wanted, there)
        return found


def _written(kind: RecordKind, name: str, value: Any) -> Any:
    """Return the bytes of a field: equality alone takes 50.0 for 50.00, and True for 1."""
    if value is None or type(value) in (str, int):
        return value
    try:
        return canonical_json(dump_values(kind, {name: value})[name])
    except Exception:  # noqa: BLE001  # a value that is none of its field's: nothing that is written is equal to it
        return (value,)


def _require_page(limit: int) -> None:
    if not 1 <= limit <= PAGE_SIZE_MAX:
        raise InvalidValue(f"a page holds 1 to {PAGE_SIZE_MAX}", argument="limit", value=limit)


def _remove(records: dict[RecordKind, dict[Key, Record]], archived: Record) -> None:
    """Let go of what moved to an archive."""
    if isinstance(archived, ArchivedRecord) and archived.removed is not None:
        records[archived.removed[0]].pop(archived.removed[1], None)


def _stored_form(record: Record) -> Record:
    """Return an order without its requests, which are records of their own; any other record as it is."""
    if isinstance(record, Order) and record.requests:
        return Order(**{name: getattr(record, name) for name in field_names(RecordKind.ORDER)})
    return record


def _wanted(record: Record, query: Query) -> bool:
    if not matches(record, query.where):
        return False
    if query.since is not None or query.until is not None:
        occurred_at = occurred_at_of(record)
        if occurred_at is None:
            return False
        if query.since is not None and occurred_at < query.since:
            return False
        if query.until is not None and occurred_at >= query.until:
            return False
    if query.after is None:
        return True
    key = sort_key(record, query.ordering)[: len(query.after)]
    return key < query.after if query.ordering is Ordering.ECONOMIC_DESCENDING else key > query.after
