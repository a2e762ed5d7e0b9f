"""The port: what a storage adapter implements, and how one is found by its URL.

A repository is bound to one strategy. Its unit of work is a value: `append` takes finished entries and stores
them with their after-images, all or nothing. `ledger_core.testing.RepositoryContract` holds the laws.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cache
from os import PathLike, fsencode, fspath
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import attrs

from ledger_core._frozen import FrozenDict
from ledger_core._plain import kind_of, native, said
from ledger_core._words import Word
from ledger_core.changes import Cursor, Entry, Head
from ledger_core.checks import check_bool, check_id, shown
from ledger_core.errors import InvalidValue, UnknownStorage
from ledger_core.findings import Difference
from ledger_core.model import ArchivedRecord, Fill, Key, Order, Record, RecordKind, Trade, archived_key

ENTRY_POINT_GROUP = "strategy_ledger.storage"
"""Distributions offer adapters here: name = URL scheme, value = `module:open_repository`."""

PAGE_SIZE_MAX = 1_000
"""The most records or entries that one call of `find` or `read` may return."""


class Ordering(Word):
    """In which order `find` returns records; `sort_key` says by what."""

    SEQUENCE = "SEQUENCE"
    ECONOMIC = "ECONOMIC"  # fills only: (executed_at, sequence, index)
    ECONOMIC_DESCENDING = "ECONOMIC_DESCENDING"


# fmt: off
FILTERS: Mapping[RecordKind, frozenset[str]] = {
    RecordKind.ORDER: frozenset({
        "symbol", "side", "state", "status", "is_open", "venue", "account", "position_side", "venue_order_id",
        "parent_order_id", "execution_group_id", "trade_plan_id",
    }),
    RecordKind.REQUEST: frozenset({"order_id", "request_id", "is_in_flight"}),
    RecordKind.FILL: frozenset({
        "order_id", "fill_id", "symbol", "side", "venue", "account", "position_side", "is_flat",
    }),
    RecordKind.TRADE: frozenset({"state", "symbol"}),
    RecordKind.POSITION: frozenset({"symbol", "venue", "account", "position_side", "is_flat"}),
    RecordKind.INSTRUMENT: frozenset({"symbol", "venue"}),
    RecordKind.QUARANTINE: frozenset({"state", "order_id", "venue_order_id", "symbol"}),
    RecordKind.ADJUSTMENT: frozenset({"symbol", "adjustment_kind"}),
    RecordKind.COMMAND: frozenset({"target"}),
    RecordKind.ARCHIVED: frozenset({"record_kind", "archive_id", "is_restored"}),
    RecordKind.CHECKPOINT: frozenset(),
}
"""What `Query.where` may name for each kind; `field_of` says what each name means."""
# fmt: on


@attrs.frozen(kw_only=True)
class Query:
    """A page of records of one kind.

    `where` maps names of `FILTERS[kind]` to the value a record must have (None: not given). `since` (inclusive)
    and `until` (exclusive) bound the time the record happened (`occurred_at_of`). `after` is the `sort_key` of the
    last record of the previous page, or a prefix of it: only records whose key, cut to the same length, lies
    beyond it (before it, when descending) are returned. At most `limit` (1 to PAGE_SIZE_MAX) come back; fewer
    mean that there are no more.
    """

    kind: RecordKind
    where: Mapping[str, Any] = attrs.field(factory=FrozenDict)
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[Any, ...] | None = None
    ordering: Ordering = Ordering.SEQUENCE
    limit: int = PAGE_SIZE_MAX


class RawEntry(NamedTuple):
    """An entry as its bytes are stored: nothing is parsed, nothing checked.

    A plain tuple, because verification makes one for every entry of the journal.
    """

    sequence: int
    recorded_at: str  # as in the body: `numbers.time_text`
    subject: str | None
    body: bytes
    digest: str


class StoredRecord(Protocol):
    """A record as it is stored, which may be anything but what was stored: read without being understood."""

    @property
    def key(self) -> Key:
        """The key under which it is stored."""
        ...

    @property
    def sequence(self) -> int:
        """The entry that it says it was born in."""
        ...

    @property
    def version(self) -> int:
        """The version that it says it has."""
        ...

    def differences(self, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        """Return (expected, found) of every stored field that is not, to the byte, what `expected` would be.

        Fields are named as the store names them, and include what it derives from the record.
        """
        ...


class LedgerRepository(Protocol):
    """Durable storage of one strategy's journal and records. Every method is safe to call from any thread.

    Each call is its own short transaction. Errors are those of `ledger_core.errors.StorageError`; a closed
    repository raises LedgerClosed.
    """

    @property
    def strategy_id(self) -> str:
        """The strategy that everything read and written here belongs to."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether `append`, `claim`, `restore`, `stage` and `cut` raise ReadOnlyLedger."""
        ...

    @property
    def ended_uncleanly(self) -> bool:
        """Whether some writer died, or failed, in the middle of a write, and the end was not looked through since."""
        ...

    def confirm_end(self) -> None:
        """Note that the journal's end was looked through and is sound, so that the next opening need not."""
        ...

    def head(self) -> Head:
        """Return the end of the journal; (0, GENESIS_DIGEST, None) when it is empty."""
        ...

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record as of the last entry, or None. Orders come without their requests (`requests=()`)."""
        ...

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page of records; see Query."""
        ...

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return up to `limit` entries with a sequence above `after`, in order; only those of `subject` if given.

        Entries that were cut are passed over: the first that is left comes first. Raises StorageCorrupt for any other
        gap.
        """
        ...

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries, their after-images and the cursors: all of it durably, or nothing.

        The entries follow each other without a gap. Raises Conflict, with nothing stored, unless the first one
        is the next of the journal; OutcomeUnknown where the commit failed and may or may not have happened. A
        cursor never moves back; one at FORGOTTEN is removed, and whoever claims it later begins anew, at 0.
        """
        ...

    def alone(self) -> AbstractContextManager[object]:
        """Let no other writer append while the block lasts; this thread may, and may enter it again.

        Raises StorageBusy where others hold the store for longer than the busy timeout.
        """
        ...

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner of a subscriber's cursor, until `close`, and return where it stands (0 when new).

        A new one is stored at once: from then on it holds the journal back from being cut.
        Raises SubscriberInUse while another repository object, of this process or another, owns it. The death
        of an owner frees it.
        """
        ...

    def strategies(self) -> Sequence[str]:
        """Return the ids of all strategies that have an entry in the store, sorted."""
        ...

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return up to `limit` entries with a sequence above `after`, in order, as they are stored.

        Gaps, and bytes that are no entry, are returned as they are found. Raises StorageCorrupt only for what the
        store itself cannot give back.
        """
        ...

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Return up to `limit` stored records of a kind, ordered by (sequence, *key), as they are stored.

        `after` is such a key or a prefix of it, as in Query. Raises StorageCorrupt only for what the store itself
        cannot give back.
        """
        ...

    def audit(self) -> Iterator[Difference]:
        """Generate what differs between the records and what the adapter derives from them outside of `scan`."""
        ...

    def restore(self, records: Iterable[Record]) -> None:
        """Replace all records of the strategy by these, durably, all or nothing; no other writer comes between.

        The records are taken one by one, and may be made by reading the journal meanwhile; whatever making them
        raises leaves everything as it was. Journal and cursors stay as they are.
        """
        ...

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Keep pages for a checkpoint to come, in place of those of this name; they are part of no answer.

        The pages are taken as they are made, which may take long and read this repository meanwhile.
        """
        ...

    def staged(self, stage: str, page: int) -> bytes | None:
        """Return a page that was kept, counted from 0; None where there is none."""
        ...

    def cut(self, through: int) -> Sequence[Cursor]:
        """Remove the journal up to an entry, durably, piece by piece; return the cursors that hold it back.

        Entries go that the strategy's checkpoint and every cursor have behind them, and the pages of every other
        stage. Nothing goes where there is no checkpoint, or where a page of it is missing (StorageCorrupt). What is
        interrupted is gone on with by the next call.
        """
        ...

    def close(self) -> None:
        """Release everything held; further calls of `close` do nothing."""
        ...


class RepositoryOpener(Protocol):
    """What the entry point of an adapter names."""

    def __call__(self, url: str, *, strategy_id: str, read_only: bool) -> LedgerRepository:
        """Open the store behind the URL for one strategy; a read-only open creates and changes nothing."""
        ...


def field_of(record: Record, name: str) -> Any:
    """Return what a filter name means for a record; a tuple means that any of its members matches."""
    match record, name:
        case Order(), "venue_order_id":
            return record.venue_order_ids
        case Order(), "parent_order_id" | "execution_group_id" | "trade_plan_id":
            return getattr(record.details, name)
        case Fill(), "is_flat":
            return record.flat_realized_pnl is not None
        case Trade(), "symbol":
            return tuple(leg.symbol for leg in record.legs)
        case _:
            return getattr(record, name)


def matches(record: Record, where: Mapping[str, Any]) -> bool:
    """Say whether the record has every value that `where` asks for."""
    for name, wanted in where.items():
        found = field_of(record, name)
        if (wanted not in found) if isinstance(found, tuple) else (found != wanted):
            return False
    return True


def occurred_at_of(record: Record) -> datetime | None:
    """Return the time that `since` and `until` bound; None for kinds that have none."""
    match record:
        case Order():
            return record.placed_at
        case Fill():
            return record.executed_at
        case Trade():
            return record.opened_at
        case _:
            return getattr(record, "requested_at", None) or getattr(record, "occurred_at", None)


def sort_key(record: Record, ordering: Ordering = Ordering.SEQUENCE) -> tuple[Any, ...]:
    """Return the key by which pages are ordered: (sequence, *key), or the economic order of fills."""
    if ordering is Ordering.SEQUENCE:
        return (record.sequence, *record.key)
    assert isinstance(record, Fill), "only fills have an economic order"
    return record.economic_order


def open_repository(url_or_path: str | PathLike[str], *, strategy_id: str, read_only: bool = False) -> LedgerRepository:
    """Open the store that a URL such as `sqlite:///orders.db`, or a plain path, names.

    Adapters are found by the entry point group `strategy_ledger.storage`. Raises UnknownStorage, listing those
    that are installed, if none has the URL's scheme; there is no fallback.
    """
    url = storage_url(url_or_path)
    checked_id = check_id(strategy_id, "strategy_id")
    check_bool(read_only, "read_only")
    return _opener_of(url.partition(":")[0])(url, strategy_id=checked_id, read_only=read_only)


@cache  # of what was found: looking through everything that is installed takes longer than opening a file
def _opener_of(scheme: str) -> RepositoryOpener:
    # Imported here: it can look into archives, and brings along all that this takes.
    from importlib.metadata import entry_points

    known = entry_points(group=ENTRY_POINT_GROUP)
    if scheme not in known.names:
        names = sorted(set(known.names))
        raise UnknownStorage(
            f"no installed adapter for {scheme!r} (installed: {', '.join(names) or 'none'})",
            scheme=scheme,
            known=tuple(names),
        )
    opener: RepositoryOpener = known[scheme].load()
    return opener


def storage_url(url_or_path: object) -> str:
    """Return the URL as it is, or `sqlite:///PATH`, quoted, for a plain path."""
    try:
        text = native(fspath(url_or_path))  # type: ignore[call-overload]  # whatever it is, it says so
    except TypeError:
        raise InvalidValue(
            f"url_or_path must be a str or a path, not {kind_of(url_or_path)}",
            argument="url_or_path",
            value=url_or_path,
        ) from None
    except Exception as error:  # noqa: BLE001  # a path of the caller's own may raise anything
        raise InvalidValue(
            f"url_or_path is no path: {said(error)}", argument="url_or_path", value=url_or_path
        ) from None
    if type(text) is not str or "\0" in text or not text:
        raise InvalidValue(f"url_or_path names nothing: {shown(text)}", argument="url_or_path", value=url_or_path)
    if "://" in text:
        return text
    try:
        return f"sqlite:///{quote(fsencode(text))}"  # a name of the file system need not be UTF-8
    except UnicodeEncodeError:
        raise InvalidValue(f"url_or_path is no text: {text!r}", argument="url_or_path", value=url_or_path) from None


def archived_in(repository: LedgerRepository, kind: RecordKind, key: Key) -> ArchivedRecord | None:
    """Return what stayed of a record that is in an archive now; None of any other."""
    known = repository.load(RecordKind.ARCHIVED, archived_key(kind, key))
    return known if isinstance(known, ArchivedRecord) and not known.is_restored else None


def all_pages(find: Callable[[Query], Sequence[Record]], query: Query) -> Sequence[Record]:
    """Return every record of a query, page by page; for queries whose answer is known to be small."""
    records: list[Record] = []
    while True:
        page = find(query)
        records.extend(page)
        if len(page) < query.limit:
            return records
        query = attrs.evolve(query, after=sort_key(page[-1], query.ordering))
