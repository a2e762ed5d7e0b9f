"""The current records of one strategy as this process knows them: what is open, and a bounded rest.

It stands at a place in the journal, `head`. It moves there by what this process committed and by folding what
others did. A record loaded from the store may be newer than that place; folding the entries in between again
gives the same record (`evolve`), so a mixture heals as soon as the head is reached, and the journal's
compare-and-swap refuses whatever was decided on a mixture.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from ledger_core import codec
from ledger_core._frozen import freeze
from ledger_core.changes import Entry, Head, Tip
from ledger_core.commands import AnyCommand
from ledger_core.decide.draft import EconomicOrder, may_be_concerned, symbols_of
from ledger_core.evolve import attach, evolve
from ledger_core.lifecycle import TradeState
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    ArchivedRecord,
    Fill,
    Key,
    Order,
    OrderRequest,
    Position,
    PositionSide,
    QuarantinedFact,
    QuarantineState,
    Record,
    RecordKind,
    Trade,
)
from ledger_core.positions import FlatPoint
from ledger_core.repository import LedgerRepository, Ordering, Query, all_pages, sort_key

RECENT_MAX = 4_096
"""How many records that are not open are kept at hand."""

_LIVE_QUERIES = (
    Query(kind=RecordKind.ORDER, where={"is_open": True}),
    Query(kind=RecordKind.TRADE, where={"state": TradeState.OPEN}),
    Query(kind=RecordKind.POSITION, where={"is_flat": False}),
    Query(kind=RecordKind.QUARANTINE, where={"state": QuarantineState.WAITING}),
)


class CurrentRecords:
    """`Records` over a repository, with what is open held in memory."""

    def __init__(self, repository: LedgerRepository) -> None:
        """Load what is open: O(open), whatever the length of the history."""
        self._repository = repository
        self._live: dict[RecordKind, dict[Key, Record]] = defaultdict(dict)
        self._recent: OrderedDict[tuple[RecordKind, Key], Record] = OrderedDict()
        self._fills: dict[str, dict[str, Fill]] = {}
        self._facts_about: dict[tuple[str | None, str | None], dict[Key, QuarantinedFact]] = {}
        self._waits_under: dict[Key, tuple[str | None, str | None]] = {}
        self.tip: Tip = repository.head()
        for query in _LIVE_QUERIES:
            for record in all_pages(repository.find, query):
                self._place(self._with_requests(record))
        self._has_archived = bool(repository.find(Query(kind=RecordKind.ARCHIVED, limit=1)))
        self._has_trades = bool(repository.find(Query(kind=RecordKind.TRADE, limit=1)))
        in_flight = Query(kind=RecordKind.REQUEST, where={"is_in_flight": True})
        for record in all_pages(repository.find, in_flight):
            self.get(RecordKind.ORDER, (record.key[0],))

    @property
    def head(self) -> Head:
        """Where it stands in the journal."""
        return Head.at(self.tip)

    def get(self, kind: RecordKind, key: Key) -> Record | None:
        """Return a record as it is now, or None; an order comes with its requests."""
        if kind is RecordKind.FILL and (fills := self._fills.get(key[0])) is not None:
            return fills.get(key[1])
        found = self._live[kind].get(key)
        if found is None:
            found = self._recent.get((kind, key))
        if found is not None:
            return found
        if kind is RecordKind.REQUEST:
            order = self._live[RecordKind.ORDER].get((key[0],))
            if order is not None:
                return _request_of(cast(Order, order), key[1])
        if kind is RecordKind.TRADE and not self._has_trades:
            return None  # each order asks whether its id is a trade's, and many strategies keep no trades
        found = self._repository.load(kind, key)
        if found is not None:
            found = self._with_requests(found)
            self._place(found)
        return found

    def live(self, kind: RecordKind) -> Iterable[Record]:
        """Return what is open of a kind: orders, trades, positions, waiting facts."""
        return self._live[kind].values()

    def fills_of(self, order_id: str) -> Sequence[Fill]:
        """Return every fill of an order."""
        if order_id in self._fills:
            return list(self._fills[order_id].values())
        query = Query(kind=RecordKind.FILL, where={"order_id": order_id})
        return cast(Sequence[Fill], all_pages(self._repository.find, query))

    def orders_at_venue(self, venue_order_id: str) -> Sequence[Order]:
        """Return the orders that carry a venue's id."""
        query = Query(kind=RecordKind.ORDER, where={"venue_order_id": venue_order_id})
        found = all_pages(self._repository.find, query)
        return [cast(Order, self.get(record.kind, record.key)) for record in found]

    def waiting_facts(self, order: Order) -> Sequence[QuarantinedFact]:
        """Return the waiting facts about an order, by its id or its venue's ids."""
        if not self._facts_about:
            return ()
        names = [
            (order.order_id, None),
            *((None, venue_order_id) for venue_order_id in order.venue_order_ids),
        ]
        return [fact for name in names for fact in self._facts_about.get(name, {}).values()]

    def has_waiting_facts(self) -> bool:
        """Say whether anything waits in quarantine."""
        return bool(self._facts_about)

    def has_archived(self) -> bool:
        """Say whether anything was ever archived."""
        return self._has_archived

    def adjustments_of(
        self, symbol: str, *, since: datetime | None = None, kind: AdjustmentKind | None = None
    ) -> Sequence[Adjustment]:
        """Return the adjustments of a symbol that happened at `since` or later, of one kind where it is given."""
        where: dict[str, Any] = {"symbol": symbol} if kind is None else {"symbol": symbol, "adjustment_kind": kind}
        query = Query(kind=RecordKind.ADJUSTMENT, where=where, since=since)
        return cast(Sequence[Adjustment], all_pages(self._repository.find, query))

    def concerned(self, kind: RecordKind, symbol: str) -> Sequence[Record]:
        """Return the open orders or open trades in a symbol, or all positions in it, flat ones included."""
        if kind is RecordKind.POSITION:
            found = all_pages(self._repository.find, Query(kind=kind, where={"symbol": symbol}))
            return [record for one in found if (record := self.get(kind, one.key)) is not None]
        return [
            record for record in self._live[kind].values() if symbol in symbols_of(record) and may_be_concerned(record)
        ]

    def last_flat_before(self, position_key: Key, before: EconomicOrder) -> Fill | None:
        """Return the last fill before a place in economic order after which the position was flat."""
        query = Query(
            kind=RecordKind.FILL,
            where={**_position_filter(position_key), "is_flat": True},
            ordering=Ordering.ECONOMIC_DESCENDING,
            after=before,
            limit=1,
        )
        found = self._repository.find(query)
        return cast(Fill, found[0]) if found else None

    def fills_after(self, position_key: Key, start: FlatPoint | None) -> Iterator[Fill]:
        """Iterate over the fills of a position after a flat point, in economic order, page by page."""
        after = start.economic_order if start is not None else None
        while True:
            query = Query(
                kind=RecordKind.FILL,
                where=_position_filter(position_key),
                ordering=Ordering.ECONOMIC,
                after=after,
            )
            page = cast(Sequence[Fill], self._repository.find(query))
            yield from page
            if len(page) < query.limit:
                return
            after = page[-1].economic_order

    def command_of(self, fact: Mapping[str, Any]) -> AnyCommand:
        """Return the command that was kept as JSON."""
        return codec.load_command(fact)

    def json_of(self, command: AnyCommand) -> Mapping[str, Any]:
        """Return a command as JSON, frozen, as it will be read back."""
        return cast(Mapping[str, Any], freeze(codec.dump_command(command)))

    def digest_of(self, value: Mapping[str, Any]) -> str:
        """Return the SHA-256 of a JSON object's canonical bytes, in hex."""
        return codec.digest_of(value)

    def record_digest(self, record: Record) -> str:
        """Return the SHA-256 of a record's canonical JSON, in hex."""
        return codec.record_digest(record)

    def with_requests(self, order: Order) -> Order:
        """Return a stored order with its requests."""
        return cast(Order, self._with_requests(order))

    def advance(self, entry: Entry, staged: Mapping[tuple[RecordKind, Key], Record]) -> None:
        """Take over what this process committed."""
        for (kind, key), record in staged.items():
            if kind is RecordKind.ORDER and record.sequence == entry.sequence:
                self._fills.setdefault(key[0], {})  # born here, before its fills: they are known to be complete
            self._place_at(kind, key, record)
        self.tip = entry

    def fold(self, entry: Entry) -> None:
        """Take over what another process committed, change by change."""
        for change in entry.changes:
            before = self._at_hand(change.kind, change.key)
            if before is None and change.version > 1:
                before = self._repository.load(change.kind, change.key)
                if before is None:
                    continue
                before = self._with_requests(before)
            after = evolve(before, change, sequence=entry.sequence, recorded_at=entry.recorded_at)
            self._place(after)
            if isinstance(after, OrderRequest):
                order = self.get(RecordKind.ORDER, (after.order_id,))
                if order is not None:
                    self._place(attach(cast(Order, order), after))
        self.tip = entry

    def _at_hand(self, kind: RecordKind, key: Key) -> Record | None:
        found = self._live[kind].get(key)
        if found is None:
            found = self._recent.get((kind, key))
        if found is None and kind is RecordKind.FILL:
            found = self._fills.get(key[0], {}).get(key[1])
        return found

    def _place(self, record: Record) -> None:
        self._place_at(record.kind, record.key, record)

    def _place_at(self, kind: RecordKind, key: Key, record: Record) -> None:
        if kind is RecordKind.FILL and (fills := self._fills.get(key[0])) is not None:
            fills[key[1]] = record  # type: ignore[assignment]  # of kind FILL
            return
        if kind is RecordKind.TRADE:
            self._has_trades = True
        elif kind is RecordKind.QUARANTINE or kind is RecordKind.ARCHIVED:
            self._note(record)
        live = self._live[kind]
        if _is_live(record):
            if key not in live:
                self._recent.pop((kind, key), None)
            live[key] = record
            return
        live.pop(key, None)
        name = kind, key
        recent = self._recent
        recent[name] = record
        recent.move_to_end(name)
        if len(recent) > RECENT_MAX:
            (evicted_kind, evicted_key), _ = recent.popitem(last=False)
            if evicted_kind is RecordKind.ORDER:
                self._fills.pop(evicted_key[0], None)

    def _note(self, record: Record) -> None:
        """Keep in mind what waits in quarantine, and what moved to an archive."""
        if isinstance(record, QuarantinedFact):
            self._index_fact(record)
            return
        assert isinstance(record, ArchivedRecord), "the other kind of which something is kept in mind"
        self._has_archived = True
        if record.removed is not None:
            self._forget(*record.removed)

    def _forget(self, kind: RecordKind, key: Key) -> None:
        """Let go of a record that moved to an archive."""
        self._live[kind].pop(key, None)
        self._recent.pop((kind, key), None)
        if kind is RecordKind.ORDER:
            self._fills.pop(key[0], None)
        elif kind is RecordKind.FILL and key[0] in self._fills:
            self._fills[key[0]].pop(key[1], None)

    def _index_fact(self, fact: QuarantinedFact) -> None:
        # Whoever books a fact by hand may name another order than it did, so it is looked for where it waited.
        waited = self._waits_under.pop(fact.key, None)
        if waited is not None:
            del self._facts_about[waited][fact.key]
            if not self._facts_about[waited]:
                del self._facts_about[waited]
        if fact.state is QuarantineState.WAITING:
            name = (fact.order_id, None) if fact.order_id is not None else (None, fact.venue_order_id)
            self._facts_about.setdefault(name, {})[fact.key] = fact
            self._waits_under[fact.key] = name

    def _with_requests(self, record: Record) -> Record:
        if not isinstance(record, Order) or not record.request_count:
            return record
        query = Query(kind=RecordKind.REQUEST, where={"order_id": record.order_id})
        requests = sorted(all_pages(self._repository.find, query), key=sort_key)
        order = record
        for request in requests:
            order = attach(order, cast(OrderRequest, request))
        return order


def _is_live(record: Record) -> bool:
    match record:
        case Order():
            return record.is_open or bool(record.cancels_in_flight or record.replaces_in_flight)
        case Position():
            return bool(record.quantity)
        case Trade():
            return record.state is TradeState.OPEN
        case QuarantinedFact():
            return record.state is QuarantineState.WAITING
        case _:
            return False


def _request_of(order: Order, request_id: str) -> OrderRequest | None:
    return next((known for known in order.requests if known.request_id == request_id), None)


def _position_filter(key: Key) -> dict[str, Any]:
    symbol, venue, account, position_side = key
    return {
        "symbol": symbol,
        "venue": venue or None,
        "account": account or None,
        "position_side": PositionSide(position_side),
    }
