"""Every law of the contract fails an adapter that breaks it: each adapter here breaks one promise."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import attrs
import pytest

from ledger_core.changes import FORGOTTEN, Cursor, Entry, Head
from ledger_core.codec import dump_record, load_record
from ledger_core.errors import Conflict, LedgerClosed, LedgerError, ReadOnlyLedger, SubscriberInUse
from ledger_core.findings import Difference, Finding
from ledger_core.lifecycle import OrderState, RequestState, TradeState
from ledger_core.model import (
    ArchivedRecord,
    Checkpoint,
    Fill,
    Instrument,
    Key,
    Order,
    OrderRequest,
    Record,
    RecordKind,
    Trade,
)
from ledger_core.numbers import decimal_text
from ledger_core.repository import (
    FILTERS,
    PAGE_SIZE_MAX,
    LedgerRepository,
    Ordering,
    Query,
    RawEntry,
    StoredRecord,
    matches,
    sort_key,
)
from ledger_core.testing import STRATEGY, Opener, RepositoryContract, entry, order, request
from ledger_core.testing.concurrency import WRITERS
from ledger_storage_memory import MemoryRepository, MemoryStore


class ForgetsTheGenesisDigest(MemoryRepository):
    """Says of an empty journal that it has no digest."""

    def head(self) -> Head:
        """Return the end of the journal."""
        head = super().head()
        return head if head.sequence else Head(0, "")


class LosesTheTimeOfTheHead(MemoryRepository):
    """Leaves out of the head when its entry was recorded."""

    def head(self) -> Head:
        """Return the end of the journal."""
        return attrs.evolve(super().head(), recorded_at=None)


class HeadLagsBehind(MemoryRepository):
    """Says of a journal of several entries that it ends one earlier."""

    def head(self) -> Head:
        """Return the end of the journal."""
        head = super().head()
        return attrs.evolve(head, sequence=head.sequence - 1) if head.sequence > 1 else head


class RefusesToAppendNothing(MemoryRepository):
    """Takes an empty append for a conflict."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        if not entries and not cursors:
            raise Conflict("nothing to append")
        super().append(entries, cursors)


class ReadsAltered(MemoryRepository):
    """Alters entries on the way out."""

    def altered(self, one: Entry) -> Entry:
        """Return what is handed out in place of the entry."""
        return one

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        return [self.altered(one) for one in super().read(after, limit, subject)]


class MutatesTheBody(ReadsAltered):
    """Stores bodies as text without what lies beyond ASCII."""

    def altered(self, one: Entry) -> Entry:
        """Drop what is not ASCII."""
        return attrs.evolve(one, body=one.body.decode().encode("ascii", "ignore"))


class ReformatsTheBody(ReadsAltered):
    """Stores bodies as JSON and writes them anew on the way out."""

    def altered(self, one: Entry) -> Entry:
        """Drop the white space."""
        return attrs.evolve(one, body=b"".join(part.strip() for part in one.body.splitlines()))


class LosesTheCommandId(ReadsAltered):
    """Does not store who asked."""

    def altered(self, one: Entry) -> Entry:
        """Drop the command's id."""
        return attrs.evolve(one, command_id=None)


class CutsTimesToSeconds(ReadsAltered):
    """Stores times without microseconds."""

    def altered(self, one: Entry) -> Entry:
        """Drop the microseconds."""
        return attrs.evolve(one, recorded_at=one.recorded_at.replace(microsecond=0))


class LosesTheFactsOfChanges(ReadsAltered):
    """Stores of a change the values alone."""

    def altered(self, one: Entry) -> Entry:
        """Drop the last value of each change."""
        changes = [attrs.evolve(change, values=dict([*change.values.items()][:-1])) for change in one.changes]
        return attrs.evolve(one, changes=tuple(changes))


class LosesTheDocuments(ReadsAltered):
    """Stores changes without their JSON."""

    def altered(self, one: Entry) -> Entry:
        """Drop the last document."""
        return attrs.evolve(one, documents=one.documents[:-1])


class KeepsRecordsOnEntries(ReadsAltered):
    """Hands out entries with their after-images."""

    def altered(self, one: Entry) -> Entry:
        """Put records onto the entry."""
        return attrs.evolve(one, records=(order(),))


class DigestsAnew(ReadsAltered):
    """Stores digests of its own making."""

    def altered(self, one: Entry) -> Entry:
        """Digest from genesis each time."""
        return attrs.evolve(one, digest=one.digest[::-1])


class IgnoresAfterInRead(MemoryRepository):
    """Reads from the start whatever was asked for."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        return super().read(0, limit, subject) if after < self.head().sequence else []


class ReadsAfterInclusively(MemoryRepository):
    """Takes `above` for `from`."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        return super().read(after - 1, limit, subject)


class ReadsBackwards(MemoryRepository):
    """Returns pages newest first."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        return super().read(after, limit, subject)[::-1]


class ReadsWithoutBound(MemoryRepository):
    """Returns the whole journal where no limit is given, and any limit that is."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        found = self.store.journal(self.strategy_id).entries[after:]
        return found[:limit] if limit != PAGE_SIZE_MAX else found


class IgnoresSubject(MemoryRepository):
    """Returns entries of every subject."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        return super().read(after, limit)


class ComparesSubjectsWithoutCase(MemoryRepository):
    """Takes a subject for another that differs in case."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        found = super().read(after)
        asked = None if subject is None else subject.lower()
        return [one for one in found if asked is None or (one.subject or "").lower() == asked][:limit]


class CutsBeforeItFilters(MemoryRepository):
    """Takes the page first and looks for the subject in it."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        return [one for one in super().read(after, limit) if subject is None or one.subject == subject]


class AcceptsATakenPlace(MemoryRepository):
    """Lets a later writer replace what stands in the journal, and go on beyond its end."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        with self.store.lock:
            if entries:
                del self._open_journal(writing=True).entries[entries[0].sequence - 1 :]
            super().append(entries, cursors)


class ReplacesRecordsBeforeItConflicts(MemoryRepository):
    """Stores records first and looks at the journal second."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        records = self._open_journal(writing=True).records
        for one in entries:
            for record in one.records:
                if isinstance(record, Order):
                    records[record.kind][record.key] = record
        super().append(entries, cursors)


class MovesCursorsBeforeItConflicts(MemoryRepository):
    """Stores cursors first and looks at the journal second."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append([], cursors)
        super().append(entries)


class IsNotAtomic(MemoryRepository):
    """Stores entry by entry, each in a transaction of its own."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        for one in entries:
            super().append([one], cursors)
        super().append([], cursors)


class ChecksOnlyTheFirstPlace(MemoryRepository):
    """Looks at the first entry alone and lets gaps and repeats in behind it."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        with self.store.lock:
            head = self.head().sequence
            renumbered = [attrs.evolve(one, sequence=head + at) for at, one in enumerate(entries[1:], 2)]
            super().append([*entries[:1], *renumbered], cursors)


class ForgetsOnClose(MemoryRepository):
    """Keeps everything in what is gone after close."""

    def close(self) -> None:
        """Forget."""
        super().close()
        self.store.journals.clear()


class LosesTheLastEntryOnClose(MemoryRepository):
    """Closes without writing its buffer."""

    def close(self) -> None:
        """Forget the last entry."""
        entries = self.store.journal(self.strategy_id).entries
        if entries and not self._closed:
            entries.pop()
        super().close()


class ReturnsALiveList(MemoryRepository):
    """Hands out the journal itself."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        found = super().read(after, limit, subject)
        return found if after or subject else self.store.journal(self.strategy_id).entries


class ReturnsItsCache(MemoryRepository):
    """Hands out, of a query asked before, the very list that it keeps for the next who asks."""

    def __init__(self, store: MemoryStore, **options: Any) -> None:
        """Start with an empty cache."""
        super().__init__(store, **options)
        self.cache: dict[tuple[RecordKind, int], Sequence[Record]] = {}

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        key = (query.kind, super().head().sequence)
        return self.cache.setdefault(key, super().find(query))


class EmptiesTheListGiven(MemoryRepository):
    """Takes the caller's list for its own."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append(entries, cursors)
        if isinstance(entries, list):
            entries.clear()


class AltersRecords(MemoryRepository):
    """Alters records on the way in, as a store does that cannot hold them."""

    def altered(self, record: Any) -> Any:
        """Return what is stored in place of the record."""
        raise NotImplementedError

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        altered = [attrs.evolve(one, records=tuple(map(self.altered, one.records))) for one in entries]
        super().append(altered, cursors)


class LosesAFee(AltersRecords):
    """Stores one fee of each currency."""

    def altered(self, record: Any) -> Any:
        """Drop all fees of a currency but the last."""
        if not isinstance(record, Fill):
            return record
        return attrs.evolve(record, fees=tuple({fee.currency: fee for fee in record.fees}.values()))


class StripsPriceZeros(AltersRecords):
    """Stores prices as numbers, without the zeros that were given."""

    def altered(self, record: Any) -> Any:
        """Strip a fill's price."""
        if not isinstance(record, Fill):
            return record
        return attrs.evolve(record, price=Decimal(decimal_text(record.price)))


class RoundsThroughFloat(AltersRecords):
    """Stores quantities as REAL."""

    def altered(self, record: Any) -> Any:
        """Send a quantity through a float."""
        if not isinstance(record, Order) or record.quantity is None:
            return record
        return attrs.evolve(record, quantity=Decimal(str(float(record.quantity))))


class ReturnsFloats(AltersRecords):
    """Returns a number as a float where it is equal to the decimal."""

    def altered(self, record: Any) -> Any:
        """Turn a multiplier into a float."""
        multiplier: Any = float(getattr(record, "multiplier", 0))
        if not hasattr(record, "multiplier") or multiplier != record.multiplier:
            return record
        return attrs.evolve(record, multiplier=multiplier)


class ReturnsTextForEnums(AltersRecords):
    """Returns the stored word in place of the enum's member, which is equal to it."""

    def altered(self, record: Any) -> Any:
        """Turn the state into text."""
        if not hasattr(record, "state"):
            return record
        return attrs.evolve(record, state=str(record.state.value))


class TakesNoneForEmpty(AltersRecords):
    """Stores "" where nothing was given."""

    def altered(self, record: Any) -> Any:
        """Turn None into text."""
        return attrs.evolve(record, venue=record.venue or "") if isinstance(record, (Fill, Instrument)) else record


class LosesMetadata(AltersRecords):
    """Stores no metadata of fills."""

    def altered(self, record: Any) -> Any:
        """Drop the metadata."""
        return attrs.evolve(record, metadata=None) if isinstance(record, Fill) else record


class CutsText(AltersRecords):
    """Stores at most 100 characters of an id."""

    def altered(self, record: Any) -> Any:
        """Cut the target of a command."""
        return attrs.evolve(record, target=record.target[:100]) if hasattr(record, "target") else record


class StripsText(AltersRecords):
    """Stores text without the white space around it."""

    def altered(self, record: Any) -> Any:
        """Strip the message of a quarantined fact."""
        return attrs.evolve(record, message=record.message.strip()) if hasattr(record, "message") else record


class SwapsUnknownStates(AltersRecords):
    """Does not know a state."""

    def altered(self, record: Any) -> Any:
        """Take STOPPED for SUSPENDED."""
        stopped = isinstance(record, Order) and record.state is OrderState.STOPPED
        return attrs.evolve(record, state=OrderState.SUSPENDED) if stopped else record


class KeepsRequestsOnOrders(MemoryRepository):
    """Hands out orders with the requests that they were stored with."""

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record."""
        found = super().load(kind, key)
        return attrs.evolve(found, requests=(request(),)) if isinstance(found, Order) and found.request_count else found


class NeverClosesTrades(AltersRecords):
    """Stores every trade as open."""

    def altered(self, record: Any) -> Any:
        """Open the trade."""
        return attrs.evolve(record, state=TradeState.OPEN) if isinstance(record, Trade) else record


class NeverAnswersRequests(AltersRecords):
    """Stores every request as in flight."""

    def altered(self, record: Any) -> Any:
        """Put the request in flight."""
        return attrs.evolve(record, state=RequestState.REQUESTED) if isinstance(record, OrderRequest) else record


class LosesFeesOnClose(MemoryRepository):
    """Writes fills without their fees when it closes."""

    def close(self) -> None:
        """Close, and lose the fees."""
        fills = self.store.journal(self.strategy_id).records[RecordKind.FILL]
        fills |= {key: attrs.evolve(record, fees=()) for key, record in fills.items() if isinstance(record, Fill)}
        super().close()


class KeepsTheFirstAfterImage(MemoryRepository):
    """Inserts, and ignores that the key is there."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        with self.store.lock:
            before = {kind: dict(known) for kind, known in self._open_journal(writing=True).records.items()}
            super().append(entries, cursors)
            for kind, known in before.items():
                self.store.journal(self.strategy_id).records[kind].update(known)


class KeepsTheFirstOfAnEntry(MemoryRepository):
    """Writes the records of an entry last to first."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append([attrs.evolve(one, records=one.records[::-1]) for one in entries], cursors)


class MergesAfterImages(MemoryRepository):
    """Updates the fields that have a value and leaves the old one where there is none."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        with self.store.lock:
            super().append(
                [attrs.evolve(one, records=tuple(map(self.merged, one.records))) for one in entries], cursors
            )

    def merged(self, record: Record) -> Record:
        """Return the record over what was stored of it."""
        known = self.store.journal(self.strategy_id).records[record.kind].get(record.key)
        return load_record(record.kind, {**dump_record(known), **dump_record(record)}) if known else record


class LooksUpWithoutCase(MemoryRepository):
    """Compares keys without case and trailing blanks, as some databases do."""

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record."""
        for record in self.store.journal(self.strategy_id).records[kind].values():
            if [part.rstrip().lower() for part in record.key] == [part.rstrip().lower() for part in key]:
                return super().load(kind, record.key)
        return super().load(kind, key)


class KeepsKindsTogether(MemoryRepository):
    """Finds a record of another kind under the key."""

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record."""
        every = [known.get(key) for known in self.store.journal(self.strategy_id).records.values()]
        return next((record for record in every if record), None)


class FindsWrongly(MemoryRepository):
    """Answers another query than the one asked."""

    def asked(self, query: Query) -> Query:
        """Return the query that is answered."""
        raise NotImplementedError

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        super().find(query)
        return super().find(self.asked(query))


class IgnoresAfterInFind(MemoryRepository):
    """Returns the first page again, less a record, so that following the pages ends."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        found = super().find(attrs.evolve(query, after=None))
        return found[: query.limit - 1] if query.after else found


class IgnoresPrefixes(FindsWrongly):
    """Takes a prefix for a whole key, so that what shares it lies beyond it."""

    def asked(self, query: Query) -> Query:
        """Make the prefix a key that is below all that share it."""
        if query.after and len(query.after) == 1:
            return attrs.evolve(query, after=(*query.after, "" if query.ordering is Ordering.SEQUENCE else -1))
        return query


class StartsAtAfter(MemoryRepository):
    """Repeats the last record of the previous page."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        found = list(super().find(query))
        if query.after and found and query.limit > 1:
            key = query.after
            every = super().find(attrs.evolve(query, after=None, limit=PAGE_SIZE_MAX))
            found = [one for one in every if sort_key(one, query.ordering)[: len(key)] == key] + found
        return found[: query.limit]


class NeedsAfterToExist(MemoryRepository):
    """Looks the record of `after` up to know where to go on."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        every = super().find(attrs.evolve(query, after=None, limit=PAGE_SIZE_MAX))
        if query.after and not any(sort_key(one, query.ordering)[: len(query.after)] == query.after for one in every):
            return []
        return super().find(query)


class IgnoresUntil(FindsWrongly):
    """Returns what happened after `until`."""

    def asked(self, query: Query) -> Query:
        """Drop the bound."""
        return attrs.evolve(query, until=None)


class TakesUntilInclusively(FindsWrongly):
    """Returns what happened at `until`."""

    def asked(self, query: Query) -> Query:
        """Move the bound."""
        tick = timedelta(microseconds=1)
        return query if query.until is None else attrs.evolve(query, until=query.until + tick)


class TakesSinceExclusively(FindsWrongly):
    """Leaves out what happened at `since`."""

    def asked(self, query: Query) -> Query:
        """Move the bound."""
        tick = timedelta(microseconds=1)
        return query if query.since is None else attrs.evolve(query, since=query.since + tick)


class ComparesTimesBySecond(FindsWrongly):
    """Bounds times as far as the second."""

    def asked(self, query: Query) -> Query:
        """Cut the bounds."""
        bounds: dict[str, datetime] = {}
        for name in ("since", "until"):
            if bound := getattr(query, name):
                bounds[name] = bound.replace(microsecond=0)
        return attrs.evolve(query, **bounds)  # type: ignore[arg-type]  # since and until


class ReturnsTimelessRecords(FindsWrongly):
    """Ignores bounds of kinds that have no time."""

    def asked(self, query: Query) -> Query:
        """Drop the bounds."""
        if query.kind in (RecordKind.POSITION, RecordKind.INSTRUMENT, RecordKind.COMMAND):
            return attrs.evolve(query, since=None, until=None)
        return query


class TakesNoneForAny(FindsWrongly):
    """Drops filters whose value is None."""

    def asked(self, query: Query) -> Query:
        """Drop them."""
        return attrs.evolve(query, where={name: value for name, value in query.where.items() if value is not None})


class IgnoresFilters(FindsWrongly):
    """Ignores filters."""

    def asked(self, query: Query) -> Query:
        """Drop them."""
        return attrs.evolve(query, where={})


class UsesTheLastFilter(FindsWrongly):
    """Uses the last filter alone."""

    def asked(self, query: Query) -> Query:
        """Drop all others."""
        return attrs.evolve(query, where=dict([*query.where.items()][-1:]))


class KnowsTheFirstVenueIdOnly(MemoryRepository):
    """Finds an order by the first of its venue ids alone."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        found = super().find(query)
        asked = query.where.get("venue_order_id")
        return [one for one in found if asked is None or not isinstance(one, Order) or one.venue_order_ids[0] == asked]


class ForgetsThatStatusIsDerived(FindsWrongly):
    """Takes the status of an order for its state."""

    def asked(self, query: Query) -> Query:
        """Replace the filter."""
        if query.kind is not RecordKind.ORDER:
            return query
        return attrs.evolve(
            query, where={{"status": "state"}.get(name, name): value for name, value in query.where.items()}
        )


class IndexesTheFirstStateOnly(MemoryRepository):
    """Finds records by the state in which they were born."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        born: dict[Key, Record] = {}
        found = super().find(attrs.evolve(query, where={}))
        for one in reversed(self.store.journal(self.strategy_id).entries):
            for change in one.changes:
                if change.kind is query.kind and (current := super().load(change.kind, change.key)):
                    born[change.key] = attrs.evolve(current, **change.values)
        return [one for one in found if matches(born[one.key], query.where)]


class IgnoresUnknownFilters(FindsWrongly):
    """Ignores filters that it does not know."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        return MemoryRepository.find(self, self.asked(query))

    def asked(self, query: Query) -> Query:
        """Drop them."""
        known = {name: value for name, value in query.where.items() if name in FILTERS[query.kind]}
        return attrs.evolve(query, where=known)


class ClampsLimits(FindsWrongly):
    """Takes a limit out of bounds for the nearest in bounds."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        return MemoryRepository.find(self, self.asked(query))

    def asked(self, query: Query) -> Query:
        """Clamp it."""
        return attrs.evolve(query, limit=min(max(query.limit, 1), PAGE_SIZE_MAX))


class IgnoresTheLimit(FindsWrongly):
    """Returns full pages whatever the limit."""

    def asked(self, query: Query) -> Query:
        """Drop the limit."""
        return attrs.evolve(query, limit=PAGE_SIZE_MAX)


class OrdersByKeyAlone(MemoryRepository):
    """Orders by key, whenever the records were born."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        return sorted(super().find(query), key=lambda record: record.key)


class OrdersByInsertion(MemoryRepository):
    """Orders as stored, whatever the key."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        places = {key: place for place, key in enumerate(self.store.journal(self.strategy_id).records[query.kind])}
        return sorted(super().find(query), key=lambda record: (record.sequence, places[record.key]))


class OrdersWithoutCase(MemoryRepository):
    """Orders keys by a collation of people."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        found = super().find(query)
        return sorted(found, key=lambda record: (record.sequence, [part.lower() for part in record.key]))


class OrdersByUtf16(MemoryRepository):
    """Orders keys by the code units of UTF-16, in which an emoji lies below some letters."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        found = super().find(query)
        return sorted(found, key=lambda record: (record.sequence, [part.encode("utf-16-be") for part in record.key]))


class OrdersByLastChange(MemoryRepository):
    """Orders by the entry that changed a record last."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        return sorted(super().find(query), key=lambda record: (record.version, *sort_key(record)))


class KnowsNoDescending(FindsWrongly):
    """Orders upward always."""

    def asked(self, query: Query) -> Query:
        """Turn the order round."""
        return attrs.evolve(query, ordering=Ordering.ECONOMIC if query.kind is RecordKind.FILL else query.ordering)


class KnowsNoEconomicOrder(MemoryRepository):
    """Orders fills by sequence always."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        return sorted(super().find(query), key=sort_key)


class OrdersByTimeAlone(MemoryRepository):
    """Orders fills of one moment against their sequence."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        found = list(super().find(query))
        if query.ordering is not Ordering.SEQUENCE:
            found.sort(key=lambda record: -record.sequence)
            downward = query.ordering is Ordering.ECONOMIC_DESCENDING
            found.sort(key=lambda record: sort_key(record, query.ordering)[0], reverse=downward)
        return found


class MixesKinds(MemoryRepository):
    """Finds requests among orders."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        others = super().find(Query(kind=RecordKind.REQUEST)) if query.kind is RecordKind.ORDER else ()
        return [*super().find(query), *others][: query.limit]


class StartsCursorsAtTheHead(MemoryRepository):
    """Takes a new subscriber for one that has seen everything."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        self._open_journal().cursors.setdefault(subscriber, self.head().sequence)
        return super().claim(subscriber)


class LosesCursorsOfEntries(MemoryRepository):
    """Stores no cursor beside entries."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append(entries, () if entries else cursors)


class LosesCursorsWithoutEntries(MemoryRepository):
    """Returns early where there is no entry."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append(entries, cursors if entries else ())


class KnowsClaimedCursorsAlone(MemoryRepository):
    """Stores the cursors that somebody has claimed."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        known = self._open_journal().cursors
        super().append(entries, [cursor for cursor in cursors if cursor.subscriber in known])


class MovesCursorsBack(MemoryRepository):
    """Puts a cursor where it is told to."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append(entries)
        for cursor in cursors:
            self._open_journal().cursors[cursor.subscriber] = cursor.sequence


class ForgetsNoCursor(MemoryRepository):
    """Lets a cursor stand that is to be no more."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries and the cursors that stay."""
        super().append(entries, [cursor for cursor in cursors if cursor.sequence != FORGOTTEN])


class ForgetsCursorsOnClose(MemoryRepository):
    """Keeps cursors in the repository."""

    def close(self) -> None:
        """Forget them."""
        super().close()
        self.store.journal(self.strategy_id).cursors.clear()


class SharesCursors(MemoryRepository):
    """Compares the names of subscribers without case."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        known = self._open_journal().cursors
        reached = max((known[name] for name in known if name.lower() == subscriber.lower()), default=0)
        return attrs.evolve(super().claim(subscriber), sequence=reached)


class AllowsASecondClaim(MemoryRepository):
    """Lets anybody have a cursor."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        if not self.read_only:
            self._open_journal().owners.pop(subscriber, None)
        return super().claim(subscriber)


class OwnsOneCursorAtMost(MemoryRepository):
    """Locks all cursors at once."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        if any(owner is not self for owner in self._open_journal().owners.values()):
            raise SubscriberInUse("locked", subscriber=subscriber)
        return super().claim(subscriber)


class TakesOverOnRefusal(MemoryRepository):
    """Notes the claim before it looks whether it may."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        try:
            return super().claim(subscriber)
        except SubscriberInUse:
            self._open_journal().owners[subscriber] = self
            raise


class RefusesTheOwner(MemoryRepository):
    """Refuses a claim of what is claimed, whoever asks."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        if subscriber in self._open_journal().owners:
            raise SubscriberInUse("claimed")
        return super().claim(subscriber)


class RemembersTheFirstClaim(MemoryRepository):
    """Answers a repeated claim with what it answered first."""

    def __init__(self, store: MemoryStore, **options: Any) -> None:
        """Remember nothing yet."""
        super().__init__(store, **options)
        self.answers: dict[str, Cursor] = {}

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        return self.answers.setdefault(subscriber, super().claim(subscriber))


class KeepsItsClaims(MemoryRepository):
    """Gives up nothing on close."""

    def close(self) -> None:
        """Close alone."""
        self._closed = True


class TakesEntriesOfOthers(MemoryRepository):
    """Stores whatever it is given, under its own name."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append([attrs.evolve(one, strategy_id=self.strategy_id) for one in entries], cursors)


class TakesAnyOrdering(FindsWrongly):
    """Orders by sequence what has no other order."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        return MemoryRepository.find(self, self.asked(query))

    def asked(self, query: Query) -> Query:
        """Replace the ordering."""
        return query if query.kind is RecordKind.FILL else attrs.evolve(query, ordering=Ordering.SEQUENCE)


class SharesCursorsOfStrategies(MemoryRepository):
    """Knows a subscriber by its name alone."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        cursor = super().claim(subscriber)
        reached = [journal.cursors.get(subscriber, 0) for journal in self.store.journals.values()]
        return attrs.evolve(cursor, sequence=max(reached))


class ForgetsWhatItIs(MemoryRepository):
    """Says of a read-only repository that it is not."""

    @property
    def read_only(self) -> bool:
        """Say whether it is read-only."""
        return False


class RemembersWhatItLoaded(MemoryRepository):
    """Answers with what it has loaded once."""

    def __init__(self, store: MemoryStore, **options: Any) -> None:
        """Remember nothing yet."""
        super().__init__(store, **options)
        self.cached: dict[Key, Record] = {}

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record."""
        found = super().load(kind, key)
        return self.cached.setdefault((kind.value, *key), found) if found else None


class LeaksRecordsOfOthers(MemoryRepository):
    """Finds records of every strategy."""

    def find(self, query: Query) -> Sequence[Record]:
        """Return one page."""
        found = list(super().find(query))
        for name, journal in self.store.journals.items():
            if name != self.strategy_id:
                found += [one for one in journal.records[query.kind].values() if matches(one, query.where)]
        return found


class LoadsFromOthers(MemoryRepository):
    """Loads from another strategy what is not its own."""

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the record."""
        others = (journal.records[kind].get(key) for journal in self.store.journals.values())
        return super().load(kind, key) or next((record for record in others if record), None)


class SharesTheJournal(MemoryRepository):
    """Reads the entries of every strategy."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        super().read(after, limit, subject)
        every = [one for journal in self.store.journals.values() for one in journal.entries[after:]]
        return [one for one in every if subject in (None, one.subject)][:limit]


class ListsWhoeverOpened(MemoryRepository):
    """Lists strategies that were opened and never wrote."""

    def strategies(self) -> Sequence[str]:
        """Return the strategies."""
        super().strategies()
        return sorted(self.store.journals)


class ListsInOrderOfBirth(MemoryRepository):
    """Lists strategies as they came."""

    def strategies(self) -> Sequence[str]:
        """Return the strategies."""
        known = super().strategies()
        return [name for name in self.store.journals if name in known]


class ReadersSeeNothing(MemoryRepository):
    """Has nothing for whoever opens read-only."""

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Return entries."""
        return [] if self.read_only else super().read(after, limit, subject)


class WritesWhenReadOnly(MemoryRepository):
    """Lets a reader write."""

    def _open_journal(self, *, writing: bool = False) -> Any:
        return super()._open_journal()


class AlwaysEndsInDoubt(MemoryRepository):
    """Says at every opening that the last writer did not end well."""

    @property
    def ended_uncleanly(self) -> bool:
        """Return True."""
        return True


class IsNeverAlone(MemoryRepository):
    """Keeps nobody out."""

    def alone(self) -> AbstractContextManager[object]:
        """Do nothing."""
        super().alone()
        return nullcontext()


class ConfirmsWhenReadOnly(MemoryRepository):
    """Lets a reader note that the end was looked through."""

    def confirm_end(self) -> None:
        """Do nothing."""


class ClaimsWhenReadOnly(MemoryRepository):
    """Lets a reader claim."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        return Cursor(subscriber, 0) if self.read_only else super().claim(subscriber)


class WritesBeforeItRefuses(MemoryRepository):
    """Notices that it is read-only when it has written."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        if not self.read_only:
            super().append(entries, cursors)
            return
        self._read_only = False
        try:
            super().append(entries, cursors)
        finally:
            self._read_only = True
        raise ReadOnlyLedger("read-only")


class AnswersAfterClose(MemoryRepository):
    """Lists strategies after close."""

    def strategies(self) -> Sequence[str]:
        """Return the strategies."""
        try:
            return super().strategies()
        except LedgerClosed:
            return []


class ClosesOnce(MemoryRepository):
    """Takes a second close for a mistake."""

    def close(self) -> None:
        """Close."""
        if self._closed:
            raise LedgerClosed("closed")
        super().close()


class ClosesTheStore(MemoryRepository):
    """Closes what others use."""

    def head(self) -> Head:
        """Return the end of the journal."""
        if getattr(self.store, "shut", False):
            raise LedgerClosed("the store was closed")
        return super().head()

    def close(self) -> None:
        """Close."""
        super().close()
        vars(self.store)["shut"] = True


class FreesOthersOnASecondClose(MemoryRepository):
    """Frees on close every cursor that it ever claimed, whoever has it now."""

    def close(self) -> None:
        """Close."""
        super().close()
        self.store.journal(self.strategy_id).owners.clear()


class AcknowledgesConflicts(MemoryRepository):
    """Returns as if all were well when another writer was first."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        try:
            super().append(entries, cursors)
        except Conflict:
            return


class StoresTwice(MemoryRepository):
    """Tries a conflict again by itself, at a place of which the caller knows nothing."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        with self.store.lock:
            super().append(entries, cursors)
            again = [entry(self.head(), *one.records, subject=one.subject) for one in entries]
            super().append(again if self.head().sequence < 50 else [], cursors)


class ShowsTheHeadFirst(MemoryRepository):
    """Stores records in a second transaction, which it leaves to the next append."""

    def __init__(self, store: MemoryStore, **options: Any) -> None:
        """Owe nothing yet."""
        super().__init__(store, **options)
        self.owed: tuple[Record, ...] = ()

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        for record in self.owed:
            self._open_journal().records[record.kind][record.key] = record
        first = self.head().sequence == 0
        super().append(entries if first else [attrs.evolve(one, records=()) for one in entries], cursors)
        self.owed = () if first else tuple(record for one in entries for record in one.records)


class ClaimsWithoutALock(MemoryRepository):
    """Looks whether a cursor is free and takes it later; here, when every other one has looked too."""

    everybody_has_looked = threading.Barrier(WRITERS)

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        owners = self.store.journal(self.strategy_id).owners
        free = owners.get(subscriber, self) is self
        self.everybody_has_looked.wait()
        if not free:
            raise SubscriberInUse("claimed")
        owners[subscriber] = self
        return Cursor(subscriber, 0)


class ReadsRawAltered(MemoryRepository):
    """Alters raw entries on the way out."""

    def raw(self, one: RawEntry) -> RawEntry:
        """Return what is handed out in place of the entry."""
        return one

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return raw entries."""
        return [self.raw(one) for one in super().read_raw(after, limit)]


class WritesRawTimesItsOwnWay(ReadsRawAltered):
    """Writes times as Python does."""

    def raw(self, one: RawEntry) -> RawEntry:
        """Name the offset."""
        return one._replace(recorded_at=one.recorded_at.replace("Z", "+00:00"))


class LosesRawSubjects(ReadsRawAltered):
    """Takes an entry about something for one about nothing."""

    def raw(self, one: RawEntry) -> RawEntry:
        """Drop the subject."""
        return one._replace(subject=None)


class ReadsRawWithoutBound(MemoryRepository):
    """Takes any limit of raw entries."""

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return raw entries."""
        return super().read_raw(after, max(1, min(limit, PAGE_SIZE_MAX)))


class ReadsRawFromAfter(MemoryRepository):
    """Takes `above` for `from`."""

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return raw entries."""
        return super().read_raw(after - 1, limit)


class ScansWrongly(MemoryRepository):
    """Scans in a way of its own."""

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Any:
        """Return stored records."""
        raise NotImplementedError


class ScansByKey(ScansWrongly):
    """Scans in the order of keys."""

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Any:
        """Return stored records."""
        return sorted(super(ScansWrongly, self).scan(kind, after, limit), key=lambda one: one.key[::-1])


class ScansTheFirstPageOnly(ScansWrongly):
    """Ignores where the page before ended, once there was one."""

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Any:
        """Return stored records."""
        return [] if after else super(ScansWrongly, self).scan(kind, after, limit)


class ScansAfterWholeKeysOnly(ScansWrongly):
    """Compares a whole key with what may be a prefix."""

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Any:
        """Return stored records."""
        found = super(ScansWrongly, self).scan(kind, (), PAGE_SIZE_MAX)
        return [one for one in found if (one.sequence, *one.key) > after][:limit]


class ShowsStoredRecordsWrongly(MemoryRepository):
    """Hands out stored records that compare in a way of their own."""

    def compared(self, stored: StoredRecord, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        """Return what differs."""
        raise NotImplementedError

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Any:
        """Return stored records."""
        return [_Shown(one, self.compared) for one in super().scan(kind, after, limit)]


@attrs.frozen
class _Shown:
    stored: StoredRecord
    compared: Callable[[StoredRecord, Record], Mapping[str, tuple[Any, Any]]]

    @property
    def key(self) -> Key:
        return self.stored.key

    @property
    def sequence(self) -> int:
        return self.stored.sequence

    @property
    def version(self) -> int:
        return self.stored.version

    def differences(self, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        return self.compared(self.stored, expected)


class CannotCompareLongRecords(ShowsStoredRecordsWrongly):
    """Says of whatever is long that it differs."""

    def compared(self, stored: StoredRecord, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        """Return a difference in whatever is long."""
        found = dict(stored.differences(expected))
        if len(repr(expected)) > 2_000:
            found["record"] = (None, None)
        return found


class ComparesByEquality(ShowsStoredRecordsWrongly):
    """Says that 50.0 is 50.00: numbers are equal whatever their text."""

    def compared(self, stored: StoredRecord, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        """Return what is not equal."""
        return {name: two for name, two in stored.differences(expected).items() if two[0] != two[1]}


class NamesTheWholeRecord(ShowsStoredRecordsWrongly):
    """Says that something differs, but not what."""

    def compared(self, stored: StoredRecord, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        """Return one difference for all."""
        return {"record": (expected, stored)} if stored.differences(expected) else {}


class FindsFaultWithItself(MemoryRepository):
    """Reports its own work."""

    def audit(self) -> Iterator[Difference]:
        """Generate a difference for each order that a venue has named."""
        for record in self.store.journal(self.strategy_id).records[RecordKind.ORDER].values():
            if isinstance(record, Order) and record.venue_order_ids:
                yield Difference(what=Finding.INDEX_DIFFERS, kind=RecordKind.ORDER, key=record.key)


class RestoresWrongly(MemoryRepository):
    """Restores in a way of its own."""


class AddsWhatItRestores(RestoresWrongly):
    """Leaves what was there beside what it restores."""

    def restore(self, records: Iterable[Record]) -> None:
        """Put the records beside the others."""
        kept = [one for kind in self._open_journal().records.values() for one in kind.values()]
        super().restore([*kept, *records])


class RestoresWithoutVenueIds(RestoresWrongly):
    """Restores what it stores, but not what it derives from it."""

    def restore(self, records: Iterable[Record]) -> None:
        """Forget the venue's ids."""
        super().restore(attrs.evolve(one, venue_order_ids=()) if isinstance(one, Order) else one for one in records)


class RestoresToTheBeginning(RestoresWrongly):
    """Takes cursors for records."""

    def restore(self, records: Iterable[Record]) -> None:
        """Replace the records, and drop the cursors."""
        super().restore(records)
        self._open_journal().cursors.clear()


class RestoresOneByOne(RestoresWrongly):
    """Restores in no transaction."""

    def restore(self, records: Iterable[Record]) -> None:
        """Drop what was there, then take what comes."""
        super().restore([])
        for record in records:
            self._open_journal().records[record.kind][record.key] = record


class RestoresBehindALock(RestoresWrongly):
    """Lets nobody read while it restores."""

    restoring = False

    def restore(self, records: Iterable[Record]) -> None:
        """Replace the records."""
        self.restoring = True
        super().restore(records)

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return raw entries."""
        if self.restoring:
            raise LedgerClosed("it is being restored")
        return super().read_raw(after, limit)


class RestoresTheRestOfTheStore(RestoresWrongly):
    """Takes the store for its own."""

    def restore(self, records: Iterable[Record]) -> None:
        """Replace the records of everybody."""
        super().restore(records)
        for name, journal in self.store.journals.items():
            if name != self.strategy_id:
                journal.records.clear()


class RestoresBeforeItRefuses(RestoresWrongly):
    """Notices that it is read-only when it has taken the records."""

    def restore(self, records: Iterable[Record]) -> None:
        """Replace the records."""
        super().restore(list(records))


# fmt: off
class KeepsWhatWasArchived(MemoryRepository):
    """Stores what stays of a record beside the record."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        kept = [
            found
            for one in entries
            for record in one.records
            if isinstance(record, ArchivedRecord) and record.removed and (found := self.load(*record.removed))
        ]
        super().append(entries, cursors)
        for record in kept:
            self.store.journal(self.strategy_id).records[record.kind][record.key] = record


class RemovesWhatCameBack(MemoryRepository):
    """Removes a record although it is marked as restored."""

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store the entries."""
        super().append(entries, cursors)
        for one in entries:
            for record in one.records:
                if isinstance(record, ArchivedRecord) and record.is_restored:
                    self.store.journal(self.strategy_id).records[record.record_kind].clear()


class StagesText(MemoryRepository):
    """Takes pages for text that ends with a zero."""

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Keep the pages."""
        super().stage(stage, [page.partition(b"\0")[0] for page in pages])


class StagesBesideWhatIsThere(MemoryRepository):
    """Adds pages to those of their name."""

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Keep the pages."""
        super().stage(stage, [*self._open_journal().pages.get(stage, []), *pages])


class StagesBehindALock(MemoryRepository):
    """Lets nobody read while it takes pages."""

    staging = False

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Keep the pages."""
        self.staging = True
        super().stage(stage, pages)
        self.staging = False

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return raw entries."""
        if self.staging:
            raise LedgerClosed("pages are taken")
        return super().read_raw(after, limit)


class ListsWhoeverStaged(MemoryRepository):
    """Takes whoever has pages for one who has entries."""

    def strategies(self) -> Sequence[str]:
        """Return the strategies."""
        return sorted({*super().strategies(), *(name for name, one in self.store.journals.items() if one.pages)})


class CutsOneTooFew(MemoryRepository):
    """Keeps the entry at which it cuts."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        return super().cut(through - 1)


class CutsAsFarAsItCan(MemoryRepository):
    """Cuts at the checkpoint whatever was asked for."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        return super().cut(2**62)


class CutsUnderItsSubscribers(MemoryRepository):
    """Asks no cursor."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        self._open_journal().cursors.clear()
        return super().cut(through)


class ClaimsWithoutStoring(MemoryRepository):
    """Stores a cursor when it first moves."""

    def claim(self, subscriber: str) -> Cursor:
        """Become the owner."""
        is_new = subscriber not in self._open_journal().cursors
        cursor = super().claim(subscriber)
        if is_new:
            del self._open_journal().cursors[subscriber]
        return cursor


class CutsWithoutPages(MemoryRepository):
    """Takes it that the pages are there."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        journal = self._open_journal(writing=True)
        for checkpoint in journal.records[RecordKind.CHECKPOINT].values():
            assert isinstance(checkpoint, Checkpoint)
            journal.pages[checkpoint.stage] = [b""] * len(checkpoint.runs)
        return super().cut(through)


class KeepsEveryStage(MemoryRepository):
    """Never drops a page."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        kept = dict(self._open_journal().pages)
        held = super().cut(through)
        self._open_journal().pages = kept
        return held


class CutsEverybody(MemoryRepository):
    """Takes the store for its own."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        for name, journal in self.store.journals.items():
            if name != self.strategy_id:
                journal.entries = journal.behind(min(through, journal.head - 1))
        return super().cut(through)


class CutsOnePage(MemoryRepository):
    """Stops after a page."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        return super().cut(min(through, PAGE_SIZE_MAX))


class ForgetsTheCut(MemoryRepository):
    """Cuts what it shows, not what it keeps."""

    kept: list[Entry] | None = None

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        self.kept = self._open_journal().entries
        return super().cut(through)

    def close(self) -> None:
        """Close."""
        if self.kept is not None:
            self.store.journal(self.strategy_id).entries = self.kept
        super().close()


class CutsWhenReadOnly(MemoryRepository):
    """Cuts and stages for readers too."""

    def cut(self, through: int) -> Sequence[Cursor]:
        """Cut."""
        return MemoryRepository(self.store, strategy_id=self.strategy_id).cut(through)


CAUGHT: tuple[tuple[type[MemoryRepository], str], ...] = (
    (StagesText, "pages_are_kept_to_the_byte"),
    (StagesBesideWhatIsThere, "pages_take_the_place_of_those_of_their_name"),
    (StagesBehindALock, "pages_may_be_made_by_reading"),
    (ListsWhoeverStaged, "pages_are_no_record"),
    (CutsOneTooFew, "a_journal_is_cut_at_its_checkpoint"),
    (CutsAsFarAsItCan, "nothing_goes_beyond_what_is_asked_for_or_the_checkpoint"),
    (CutsUnderItsSubscribers, "a_cursor_holds_the_journal"),
    (ClaimsWithoutStoring, "a_cursor_holds_the_journal"),
    (CutsWithoutPages, "a_cut_without_its_pages_is_refused"),
    (KeepsEveryStage, "a_cut_drops_the_pages_of_other_stages"),
    (CutsEverybody, "a_cut_leaves_other_strategies_alone"),
    (CutsOnePage, "a_long_journal_is_cut"),
    (ForgetsTheCut, "a_cut_survives_reopening"),
    (CutsWhenReadOnly, "who_may_not_write_cuts_nothing"),
    (KeepsWhatWasArchived, "what_stays_of_an_archived_record_takes_its_place"),
    (RemovesWhatCameBack, "a_record_comes_back_and_goes_again"),
    (ForgetsTheGenesisDigest, "head_of_an_empty_journal_is_zero_and_the_genesis_digest"),
    (LosesTheTimeOfTheHead, "append_moves_the_head_to_the_last_entry"),
    (HeadLagsBehind, "append_moves_the_head_to_the_last_entry"),
    (RefusesToAppendNothing, "append_of_nothing_changes_nothing"),
    (MutatesTheBody, "entries_are_read_back_to_the_byte"),
    (LosesTheCommandId, "entries_are_read_back_to_the_byte"),
    (CutsTimesToSeconds, "entries_are_read_back_to_the_byte"),
    (LosesTheFactsOfChanges, "changes_are_read_back_as_written"),
    (LosesTheDocuments, "changes_are_read_back_as_written"),
    (ReformatsTheBody, "a_body_is_stored_verbatim"),
    (MutatesTheBody, "a_body_is_stored_verbatim"),
    (KeepsRecordsOnEntries, "an_entry_read_back_carries_no_records"),
    (DigestsAnew, "digests_chain_from_genesis_to_the_head"),
    (IgnoresAfterInRead, "read_returns_what_lies_above_after"),
    (ReadsAfterInclusively, "read_returns_what_lies_above_after"),
    (ReadsBackwards, "read_pages_through_the_journal"),
    (ReadsWithoutBound, "read_is_bounded_by_default"),
    (ReadsWithoutBound, "read_refuses_limits_outside_a_page"),
    (IgnoresSubject, "read_by_subject_returns_that_subject_only"),
    (ComparesSubjectsWithoutCase, "read_by_subject_returns_that_subject_only"),
    (CutsBeforeItFilters, "read_by_subject_returns_that_subject_only"),
    (AcceptsATakenPlace, "the_place_in_the_journal_is_the_compare_and_swap"),
    (AcceptsATakenPlace, "a_conflict_replaces_nothing"),
    (ReplacesRecordsBeforeItConflicts, "a_conflict_replaces_nothing"),
    (IsNotAtomic, "an_append_with_a_gap_stores_nothing"),
    (ChecksOnlyTheFirstPlace, "an_append_with_a_gap_stores_nothing"),
    (IsNotAtomic, "an_append_that_fails_half_way_stores_nothing"),
    (ReplacesRecordsBeforeItConflicts, "an_append_that_fails_half_way_stores_nothing"),
    (MovesCursorsBeforeItConflicts, "an_append_that_fails_half_way_stores_nothing"),
    (ReturnsALiveList, "what_is_returned_is_no_live_view"),
    (ReturnsItsCache, "what_is_returned_is_no_live_view"),
    (ReturnsALiveList, "what_was_read_does_not_grow"),
    (EmptiesTheListGiven, "what_is_given_is_not_changed"),
    (ForgetsOnClose, "reopening_keeps_everything"),
    (LosesTheLastEntryOnClose, "reopening_keeps_everything"),
    (LosesAFee, "records_come_back_equal_in_every_shape"),
    (StripsPriceZeros, "records_come_back_equal_in_every_shape"),
    (RoundsThroughFloat, "records_come_back_equal_in_every_shape"),
    (ReturnsFloats, "records_come_back_equal_in_every_shape"),
    (ReturnsTextForEnums, "records_come_back_equal_in_every_shape"),
    (TakesNoneForEmpty, "records_come_back_equal_in_every_shape"),
    (LosesMetadata, "records_come_back_equal_in_every_shape"),
    (CutsText, "records_come_back_equal_in_every_shape"),
    (StripsText, "records_come_back_equal_in_every_shape"),
    (SwapsUnknownStates, "records_come_back_equal_in_every_shape"),
    (LosesFeesOnClose, "records_survive_reopening_in_every_shape"),
    (MergesAfterImages, "every_shape_replaces_every_other"),
    (KeepsTheFirstAfterImage, "every_shape_replaces_every_other"),
    (SwapsUnknownStates, "an_order_follows_every_row_of_its_lifecycle"),
    (IndexesTheFirstStateOnly, "an_order_follows_every_row_of_its_lifecycle"),
    (NeverAnswersRequests, "a_request_follows_every_row_of_its_lifecycle"),
    (IndexesTheFirstStateOnly, "a_request_follows_every_row_of_its_lifecycle"),
    (NeverClosesTrades, "a_trade_follows_every_row_of_its_lifecycle"),
    (IndexesTheFirstStateOnly, "a_trade_follows_every_row_of_its_lifecycle"),
    (KeepsTheFirstAfterImage, "the_last_after_image_of_an_append_wins"),
    (KeepsTheFirstOfAnEntry, "the_last_after_image_of_an_append_wins"),
    (LooksUpWithoutCase, "an_unknown_key_is_none"),
    (KeepsKindsTogether, "kinds_do_not_share_keys"),
    (KeepsRequestsOnOrders, "orders_come_without_their_requests"),
    (MixesKinds, "find_returns_every_record_of_the_kind"),
    (OrdersByKeyAlone, "find_returns_every_record_of_the_kind"),
    (IgnoresFilters, "each_filter_returns_what_matches"),
    (TakesNoneForAny, "each_filter_returns_what_matches"),
    (KnowsTheFirstVenueIdOnly, "each_filter_returns_what_matches"),
    (ForgetsThatStatusIsDerived, "each_filter_returns_what_matches"),
    (UsesTheLastFilter, "two_filters_are_joined_by_and"),
    (ForgetsThatStatusIsDerived, "filters_mean_what_they_say"),
    (KnowsTheFirstVenueIdOnly, "filters_mean_what_they_say"),
    (IgnoresUnknownFilters, "unknown_filters_are_refused"),
    (ClampsLimits, "find_refuses_limits_outside_a_page"),
    (TakesAnyOrdering, "only_fills_have_an_economic_order"),
    (IgnoresTheLimit, "find_returns_at_most_the_limit"),
    (IgnoresUntil, "since_is_inclusive_and_until_exclusive"),
    (TakesUntilInclusively, "since_is_inclusive_and_until_exclusive"),
    (TakesSinceExclusively, "since_is_inclusive_and_until_exclusive"),
    (ComparesTimesBySecond, "since_is_inclusive_and_until_exclusive"),
    (ReturnsTimelessRecords, "since_is_inclusive_and_until_exclusive"),
    (IgnoresAfterInFind, "paging_yields_each_record_once"),
    (StartsAtAfter, "paging_yields_each_record_once"),
    (OrdersByInsertion, "paging_yields_each_record_once"),
    (KnowsNoDescending, "paging_in_economic_order"),
    (KnowsNoEconomicOrder, "paging_in_economic_order"),
    (OrdersByTimeAlone, "paging_in_economic_order"),
    (IgnoresPrefixes, "after_may_be_a_prefix_of_the_key"),
    (StartsAtAfter, "after_may_be_a_prefix_of_the_key"),
    (IgnoresPrefixes, "after_may_be_a_prefix_in_economic_order"),
    (KnowsNoDescending, "after_may_be_a_prefix_in_economic_order"),
    (NeedsAfterToExist, "after_need_not_name_a_record"),
    (OrdersByInsertion, "records_of_one_entry_have_one_order"),
    (OrdersWithoutCase, "records_of_one_entry_have_one_order"),
    (OrdersByUtf16, "records_of_one_entry_have_one_order"),
    (OrdersByLastChange, "a_changed_record_keeps_its_place"),
    (StartsCursorsAtTheHead, "a_new_cursor_stands_at_zero"),
    (LosesCursorsOfEntries, "cursors_are_stored_with_entries"),
    (LosesCursorsWithoutEntries, "cursors_are_stored_without_entries"),
    (KnowsClaimedCursorsAlone, "a_cursor_may_be_stored_that_nobody_has_claimed"),
    (MovesCursorsBack, "a_cursor_never_moves_back"),
    (ForgetsNoCursor, "a_cursor_can_be_forgotten"),
    (ForgetsCursorsOnClose, "cursors_survive_reopening"),
    (SharesCursors, "subscribers_do_not_share_a_cursor"),
    (AllowsASecondClaim, "a_cursor_has_one_owner"),
    (OwnsOneCursorAtMost, "a_cursor_has_one_owner"),
    (TakesOverOnRefusal, "a_refused_claim_changes_nothing"),
    (RefusesTheOwner, "the_owner_may_claim_again"),
    (RemembersTheFirstClaim, "the_owner_may_claim_again"),
    (KeepsItsClaims, "close_gives_up_the_claims"),
    (MovesCursorsBeforeItConflicts, "a_conflict_moves_no_cursor"),
    (ForgetsWhatItIs, "a_repository_says_what_it_was_opened_for"),
    (RemembersWhatItLoaded, "commits_are_seen_at_once"),
    (AcceptsATakenPlace, "a_stale_writer_gets_a_conflict"),
    (ReplacesRecordsBeforeItConflicts, "a_stale_writer_gets_a_conflict"),
    (LeaksRecordsOfOthers, "strategies_do_not_see_each_other"),
    (LoadsFromOthers, "strategies_do_not_see_each_other"),
    (SharesTheJournal, "strategies_do_not_see_each_other"),
    (TakesEntriesOfOthers, "entries_of_another_strategy_are_refused"),
    (SharesCursorsOfStrategies, "strategies_have_cursors_of_their_own"),
    (ListsWhoeverOpened, "strategies_lists_those_with_an_entry"),
    (ListsInOrderOfBirth, "strategies_lists_those_with_an_entry"),
    (ReadersSeeNothing, "read_only_reads"),
    (WritesWhenReadOnly, "read_only_writes_nothing"),
    (ClaimsWhenReadOnly, "read_only_writes_nothing"),
    (WritesBeforeItRefuses, "read_only_writes_nothing"),
    (AnswersAfterClose, "closed_is_closed"),
    (IsNeverAlone, "who_is_alone_is_not_overtaken"),
    (AlwaysEndsInDoubt, "who_closes_ends_well"),
    (ConfirmsWhenReadOnly, "read_only_writes_nothing"),
    (ClosesOnce, "close_may_be_repeated"),
    (FreesOthersOnASecondClose, "close_may_be_repeated"),
    (ClosesTheStore, "close_leaves_others_open"),
    (AcknowledgesConflicts, "writers_with_repositories_of_their_own"),
    (AcceptsATakenPlace, "writers_with_repositories_of_their_own"),
    (AcknowledgesConflicts, "writers_that_share_a_repository"),
    (StoresTwice, "writers_that_share_a_repository"),
    (ShowsTheHeadFirst, "a_head_is_never_seen_without_its_records"),
    (ClaimsWithoutALock, "a_claim_has_one_winner"),
    (WritesRawTimesItsOwnWay, "raw_entries_are_what_was_appended"),
    (LosesRawSubjects, "raw_entries_are_what_was_appended"),
    (ReadsRawFromAfter, "raw_entries_come_by_pages"),
    (ReadsRawWithoutBound, "raw_entries_come_by_pages"),
    (ScansByKey, "a_scan_yields_each_record_once"),
    (ScansTheFirstPageOnly, "a_scan_yields_each_record_once"),
    (ScansAfterWholeKeysOnly, "a_scan_starts_after_a_prefix"),
    (CannotCompareLongRecords, "what_was_stored_does_not_differ"),
    (ComparesByEquality, "every_field_that_differs_is_found"),
    (NamesTheWholeRecord, "a_difference_shows_both_sides"),
    (FindsFaultWithItself, "an_untouched_store_passes_its_audit"),
    (AddsWhatItRestores, "restore_replaces_all_records"),
    (RestoresWithoutVenueIds, "restored_records_are_what_was_given"),
    (RestoresToTheBeginning, "restore_leaves_journal_and_cursors"),
    (RestoresOneByOne, "a_restore_that_fails_changes_nothing"),
    (RestoresBehindALock, "restored_records_may_be_made_from_the_journal"),
    (RestoresTheRestOfTheStore, "restore_leaves_other_strategies_alone"),
    (RestoresBeforeItRefuses, "a_reader_restores_nothing"),
)
"""Each adapter and the laws that must fail it."""
# fmt: on

BASES = (
    ReadsAltered,
    AltersRecords,
    FindsWrongly,
    ReadsRawAltered,
    ScansWrongly,
    ShowsStoredRecordsWrongly,
    RestoresWrongly,
)


@pytest.mark.parametrize(("adapter", "law"), CAUGHT, ids=lambda part: getattr(part, "__name__", part))
def test_a_broken_adapter_fails_its_law(adapter: type[MemoryRepository], law: str) -> None:
    """An adapter that breaks a promise fails the law of that promise."""
    assert not _passes(adapter, f"test_{law}")


def test_every_law_catches_something() -> None:
    """No law is without an adapter that it fails, and no adapter here is without a law."""
    laws = {name for name in dir(RepositoryContract) if name.startswith("test_")}
    assert laws == {f"test_{law}" for _, law in CAUGHT}
    here = {value for value in globals().values() if isinstance(value, type) and issubclass(value, MemoryRepository)}
    assert here - {MemoryRepository, *BASES} == {adapter for adapter, _ in CAUGHT}


@pytest.mark.parametrize("law", sorted({law for _, law in CAUGHT}))
def test_an_unbroken_adapter_passes_the_law_in_the_same_way(law: str) -> None:
    """What these tests run is the law itself: the reference adapter passes it here too."""
    assert _passes(MemoryRepository, f"test_{law}")


def _passes(adapter: type[MemoryRepository], law: str) -> bool:
    """Run a law directly, once for each of its parameters; an adapter's own error fails it as in pytest."""
    function = getattr(RepositoryContract(), law)
    for parameters in _parameters(function):
        try:
            function(_opener(adapter), **parameters)
        except (AssertionError, pytest.fail.Exception, LedgerError):
            return False
    return True


def _parameters(function: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """Generate the keyword arguments that a law's `parametrize` marks stand for."""
    choices: list[list[dict[str, Any]]] = []
    for mark in getattr(function, "pytestmark", ()):
        names = (mark.args[0],) if isinstance(mark.args[0], str) else mark.args[0]
        several = len(names) > 1
        choices.append([dict(zip(names, value if several else (value,), strict=True)) for value in mark.args[1]])
    for chosen in product(*choices):
        yield {name: value for parameters in chosen for name, value in parameters.items()}


def _opener(adapter: type[MemoryRepository]) -> Opener:
    store = MemoryStore()

    def open_repository(strategy_id: str = STRATEGY, *, read_only: bool = False) -> LedgerRepository:
        return adapter(store, strategy_id=strategy_id, read_only=read_only)

    return open_repository
