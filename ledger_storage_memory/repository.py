"""Repositories over a store in memory: the port in its plainest form."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from weakref import WeakValueDictionary

from ledger_core.changes import GENESIS_DIGEST, Cursor, Entry, Head, without_records
from ledger_core.codec import field_names
from ledger_core.errors import Conflict, InvalidValue, LedgerClosed, ReadOnlyLedger, SubscriberInUse
from ledger_core.model import Key, Order, Record, RecordKind
from ledger_core.repository import (
    FILTERS,
    PAGE_SIZE_MAX,
    Ordering,
    Query,
    matches,
    occurred_at_of,
    sort_key,
)


class _Journal:
    """What a store keeps of one strategy."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.records: dict[RecordKind, dict[Key, Record]] = defaultdict(dict)
        self.cursors: dict[str, int] = {}
        self.owners: dict[str, MemoryRepository] = {}


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

    @property
    def strategy_id(self) -> str:
        """The strategy that everything read and written here belongs to."""
        return self._strategy_id

    @property
    def read_only(self) -> bool:
        """Whether `append` and `claim` raise ReadOnlyLedger."""
        return self._read_only

    def head(self) -> Head:
        """Return the end of the journal."""
        with self.store.lock:
            entries = self._open_journal().entries
            if not entries:
                return Head(0, GENESIS_DIGEST)
            return Head(entries[-1].sequence, entries[-1].digest, entries[-1].recorded_at)

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
        if not 1 <= limit <= PAGE_SIZE_MAX:
            raise InvalidValue(f"a page holds 1 to {PAGE_SIZE_MAX} entries", argument="limit", value=limit)
        after = max(after, 0)
        with self.store.lock:
            entries = self._open_journal().entries
            if subject is None:
                return entries[after : after + limit]
            return [entry for entry in entries[after:] if entry.subject == subject][:limit]

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries, their after-images and the cursors, or nothing."""
        with self.store.lock:
            journal = self._open_journal(writing=True)
            foreign = {entry.strategy_id for entry in entries} - {self._strategy_id}
            if foreign:
                raise InvalidValue(f"entries of {sorted(foreign)} were given to {self._strategy_id!r}")
            head = len(journal.entries)
            if [entry.sequence for entry in entries] != list(range(head + 1, head + 1 + len(entries))):
                raise Conflict(f"the journal of {self._strategy_id} ends at {head}", head=head)
            # All that can fail comes before the first change.
            stored = [without_records(entry) for entry in entries]
            images = [(record.kind, record.key, _stored_form(record)) for entry in entries for record in entry.records]
            reached = dict(journal.cursors)
            for cursor in cursors:
                reached[cursor.subscriber] = max(reached.get(cursor.subscriber, 0), cursor.sequence)
            journal.entries.extend(stored)
            for kind, key, image in images:
                journal.records[kind][key] = image
            journal.cursors = reached

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner of a subscriber's cursor until `close`."""
        with self.store.lock:
            journal = self._open_journal(writing=True)
            if journal.owners.setdefault(subscriber, self) is not self:
                raise SubscriberInUse(f"subscriber {subscriber!r} has an owner", subscriber=subscriber)
            return Cursor(subscriber, journal.cursors.get(subscriber, 0))

    def strategies(self) -> Sequence[str]:
        """Return the ids of all strategies that have an entry in the store, sorted."""
        with self.store.lock:
            self._open_journal()
            return sorted(name for name, journal in self.store.journals.items() if journal.entries)

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
        return self.store.journal(self._strategy_id)


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
