"""The questions a ledger answers: one record, a page, what is open, what is exposed, what happened.

Every answer is given on records that a look has shown to be at the journal's head.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ledger_core import checks as check
from ledger_core.changes import Entry, Head
from ledger_core.current import CurrentRecords
from ledger_core.decide.draft import Overlay
from ledger_core.errors import InvalidValue, UnknownFill, UnknownOrder, UnknownTrade
from ledger_core.exposure import combined, exposure_of
from ledger_core.history import entries_after, history_of
from ledger_core.lifecycle import OrderState, OrderStatus, TradeState
from ledger_core.model import (
    Adjustment,
    CostMethod,
    Exposure,
    Fill,
    Order,
    OrderDay,
    OrderRequest,
    Position,
    PositionSide,
    QuarantinedFact,
    Record,
    RecordKind,
    Side,
    Trade,
    Unresolved,
    position_key,
)
from ledger_core.money import MoneyAnswers, check_cost_method
from ledger_core.numbers import minus, quotient, times, total
from ledger_core.repository import (
    PAGE_SIZE_MAX,
    LedgerRepository,
    Query,
    all_pages,
    matches,
    occurred_at_of,
    sort_key,
)
from ledger_core.writing import Writer

if TYPE_CHECKING:  # imported by those who ask for it
    from ledger_core.reconciling import Reconciliation
    from ledger_core.reconciling.snapshot import Snapshot
    from ledger_core.views import LedgerView

RecordT = TypeVar("RecordT", Order, Fill, Trade)
After = int | Order | Fill | Trade | Adjustment | None
"""Where a page goes on: the last record of the one before, or its sequence."""
_PAGED: Mapping[type, RecordKind] = {
    Order: RecordKind.ORDER,
    Fill: RecordKind.FILL,
    Trade: RecordKind.TRADE,
    Adjustment: RecordKind.ADJUSTMENT,
}


class Answers(MoneyAnswers):
    """Everything that can be asked of one strategy's ledger. Nothing here changes anything."""

    def __init__(self, repository: LedgerRepository, writer: Writer) -> None:
        """Answer from the writer's records and, for history, from the repository."""
        self._repository = repository
        self._writer = writer

    # -- one record -----------------------------------------------------------------------------------------------

    def get_order(self, order_id: str) -> Order:
        """Return an order as it is now. Raises UnknownOrder."""
        return cast(Order, self._get(RecordKind.ORDER, (check.check_id(order_id, "order_id"),)))

    def get_trade(self, trade_id: str) -> Trade:
        """Return a trade as it is now. Raises UnknownTrade."""
        return cast(Trade, self._get(RecordKind.TRADE, (check.check_id(trade_id, "trade_id"),)))

    def get_fill(self, order_id: str, fill_id: str) -> Fill:
        """Return one execution of an order. Raises UnknownOrder, UnknownFill, Archived."""
        key = (check.check_id(order_id, "order_id"), check.check_id(fill_id, "fill_id"))
        with self._at_head() as records:
            Overlay(records).refuse_archived(RecordKind.FILL, key)
            self._found(records, RecordKind.ORDER, key[:1])
            return cast(Fill, self._found(records, RecordKind.FILL, key))

    def get_order_day(self, order_id: str, trade_date: date) -> OrderDay:
        """Return what one trading day made of an order (FIX DayOrderQty, DayCumQty, DayAvgPx).

        Fills without a trade date count for the UTC date of their execution. Raises UnknownOrder.
        """
        day = check.check_date(trade_date, "trade_date")
        with self._at_head() as records:
            order = cast(Order, self._found(records, RecordKind.ORDER, (check.check_id(order_id, "order_id"),)))
            fills = [fill for fill in records.fills_of(order.order_id) if not fill.busted]
        before = total(fill.quantity for fill in fills if fill.effective_trade_date < day)
        today = [fill for fill in fills if fill.effective_trade_date == day]
        filled = total(fill.quantity for fill in today)
        value = total(times(fill.quantity, fill.price) for fill in today)
        return OrderDay(
            order_id=order.order_id,
            trade_date=day,
            day_order_quantity=None if order.quantity is None else minus(order.quantity, before),
            day_cum_quantity=filled,
            day_average_price=quotient(value, filled) if filled else None,
        )

    # -- what is open ---------------------------------------------------------------------------------------------

    def get_open_positions(self) -> list[Position]:
        """Return every position that is not flat, ordered by its key."""
        with self._at_head() as records:
            found = cast(Iterable[Position], records.live(RecordKind.POSITION))
            return sorted(found, key=lambda position: position.key)

    def get_position(
        self,
        symbol: str,
        *,
        venue: str | None = None,
        account: str | None = None,
        position_side: PositionSide | str | None = None,
        cost_method: str = "average",
    ) -> Position:
        """Return the position of a symbol, also when flat; a flat one with no history where nothing was traded.

        Parts of the key that are left out mean all: positions of several keys are added where they agree in sign
        and terms, and refused with InvalidValue, naming the keys, where they do not (their average would mean
        nothing; `get_position_exposure` nets them). `cost_method` is "average", which is kept, or "fifo" or "lifo",
        which are folded from the fills on the question; all three agree once flat.
        """
        name = check.check_id(symbol, "symbol")
        side = None if position_side is None else check.check_enum(PositionSide, position_side, "position_side")
        venue, account = check.check_optional_id(venue, "venue"), check.check_optional_id(account, "account")
        method = check_cost_method(cost_method)
        if method is CostMethod.AVERAGE:
            found = self._positions(name, venue, account, side)
        else:
            found = self._positions_by(method, name, venue, account, side)
        if not found:
            return Position(symbol=name, venue=venue, account=account, position_side=side or PositionSide.NET)
        if len(found) == 1:
            return found[0]
        return combined(found)

    def get_position_exposure(self, symbol: str, *, venue: str | None = None, account: str | None = None) -> Exposure:
        """Return what is held of a symbol and what open orders may still add; an unknown symbol has zero exposure."""
        name = check.check_id(symbol, "symbol")
        venue, account = check.check_optional_id(venue, "venue"), check.check_optional_id(account, "account")

        def selected(record: Order | Position) -> bool:
            known_venue, known_account = venue in (None, record.venue), account in (None, record.account)
            return record.symbol == name and known_venue and known_account

        with self._at_head() as records:
            positions = cast(Iterable[Position], records.live(RecordKind.POSITION))
            orders = cast(Iterable[Order], records.live(RecordKind.ORDER))
            facts = cast(Iterable[QuarantinedFact], records.live(RecordKind.QUARANTINE))
            return exposure_of(
                name,
                [position for position in positions if selected(position)],
                [order for order in orders if selected(order) and (order.is_open or order.replaces_in_flight)],
                [fact for fact in facts if fact.symbol == name],
            )

    def unresolved(self) -> Unresolved:
        """Return what a handler walks first after a crash.

        Orders PLACED or IN_DOUBT (intent whose outcome is unknown), requests in flight, and waiting facts, each in
        the order of the journal.
        """
        with self._at_head() as records:
            orders = sorted(cast(Iterable[Order], records.live(RecordKind.ORDER)), key=sort_key)
            facts = sorted(cast(Iterable[QuarantinedFact], records.live(RecordKind.QUARANTINE)), key=sort_key)
        requests: list[OrderRequest] = [one for order in orders for one in order.requests if one.is_in_flight]
        return Unresolved(
            orders=tuple(one for one in orders if one.state in (OrderState.PLACED, OrderState.IN_DOUBT)),
            requests=tuple(sorted(requests, key=sort_key)),
            quarantined=tuple(facts),
        )

    def quarantined(self) -> list[QuarantinedFact]:
        """Return the facts that wait in quarantine, in the order in which they arrived."""
        with self._at_head() as records:
            facts = cast(Iterable[QuarantinedFact], records.live(RecordKind.QUARANTINE))
            return sorted(facts, key=sort_key)

    # -- pages ----------------------------------------------------------------------------------------------------

    def find_orders(
        self,
        *,
        symbol: str | None = None,
        side: Side | str | None = None,
        state: OrderState | str | None = None,
        status: OrderStatus | str | None = None,
        is_open: bool | None = None,
        venue: str | None = None,
        account: str | None = None,
        venue_order_id: str | None = None,
        request_id: str | None = None,
        parent_order_id: str | None = None,
        execution_group_id: str | None = None,
        trade_plan_id: str | None = None,
        trade_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 1000,
        after: After = None,
    ) -> Iterator[Order]:
        """Iterate over the orders that match everything given, in sequence order, page by page.

        `since` (inclusive) and `until` (exclusive) bound the time of placing. `limit` None means all; `after` is
        the last order of the previous page, or its sequence.
        """
        where = self._where(
            symbol=symbol,
            venue=venue,
            account=account,
            venue_order_id=venue_order_id,
            parent_order_id=parent_order_id,
            execution_group_id=execution_group_id,
            trade_plan_id=trade_plan_id,
        )
        for name, words, value in (
            ("side", Side, side),
            ("state", OrderState, state),
            ("status", OrderStatus, status),
        ):
            if value is not None:
                where[name] = check.check_enum(words, value, name)
        if is_open is not None:
            where["is_open"] = check.check_bool(is_open, "is_open")
        most = check.check_optional_count(limit, "limit", minimum=1)
        page = self._page(RecordKind.ORDER, where, since, until, most, after)
        if request_id is None and trade_id is None:
            return self._orders(page, most)
        candidates = self._orders_named(
            check.check_optional_id(request_id, "request_id"), check.check_optional_id(trade_id, "trade_id")
        )
        return iter(_selected(candidates, page, most))

    def find_fills(
        self,
        *,
        order_id: str | None = None,
        fill_id: str | None = None,
        symbol: str | None = None,
        side: Side | str | None = None,
        venue: str | None = None,
        account: str | None = None,
        position_side: PositionSide | str | None = None,
        trade_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 1000,
        after: After = None,
    ) -> Iterator[Fill]:
        """Iterate over the executions that match everything given, in sequence order; times are executed_at."""
        where = self._where(order_id=order_id, fill_id=fill_id, symbol=symbol, venue=venue, account=account)
        if side is not None:
            where["side"] = check.check_enum(Side, side, "side")
        if position_side is not None:
            where["position_side"] = check.check_enum(PositionSide, position_side, "position_side")
        most = check.check_optional_count(limit, "limit", minimum=1)
        page = self._page(RecordKind.FILL, where, since, until, most, after)
        if trade_id is None:
            return cast(Iterator[Fill], self._pages(page, most))
        with self._at_head() as records:
            trade = records.get(RecordKind.TRADE, (check.check_id(trade_id, "trade_id"),))
            order_ids = trade.order_ids if isinstance(trade, Trade) else ()
            fills = [fill for order_id in order_ids for fill in records.fills_of(order_id)]
        return iter(_selected(fills, page, most))

    def find_trades(
        self,
        *,
        state: TradeState | str | None = None,
        symbol: str | None = None,
        order_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 1000,
        after: After = None,
    ) -> Iterator[Trade]:
        """Iterate over the trades that match everything given, in sequence order; times are opened_at."""
        where = self._where(symbol=symbol)
        if state is not None:
            where["state"] = check.check_enum(TradeState, state, "state")
        most = check.check_optional_count(limit, "limit", minimum=1)
        page = self._page(RecordKind.TRADE, where, since, until, most, after)
        if order_id is None:
            return cast(Iterator[Trade], self._pages(page, most))
        with self._at_head() as records:
            order = records.get(RecordKind.ORDER, (check.check_id(order_id, "order_id"),))
            trade_ids = order.trade_ids if isinstance(order, Order) else ()
            found = [records.get(RecordKind.TRADE, (trade_id,)) for trade_id in trade_ids]
        return iter(_selected([trade for trade in found if isinstance(trade, Trade)], page, most))

    def find_adjustments(
        self,
        *,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 1000,
        after: After = None,
    ) -> Iterator[Adjustment]:
        """Iterate over the adjustments that match everything given, in sequence order; times are occurred_at."""
        most = check.check_optional_count(limit, "limit", minimum=1)
        page = self._page(RecordKind.ADJUSTMENT, self._where(symbol=symbol), since, until, most, after)
        return cast(Iterator[Adjustment], self._pages(page, most))

    # -- history --------------------------------------------------------------------------------------------------

    def get_history(self, record_id: str) -> list[Entry]:
        """Return every entry that touched an order or trade, in order; quarantined facts about it included.

        Raises UnknownOrder for an id that no entry names.
        """
        name = check.check_id(record_id, "id")
        with self._at_head() as records:
            order = records.get(RecordKind.ORDER, (name,))
            trade = records.get(RecordKind.TRADE, (name,))
        return history_of(self._repository, name, cast(Order | None, order), cast(Trade | None, trade))

    def read_journal(self, after: int = 0) -> Iterator[Entry]:
        """Iterate over the journal's entries with a sequence above `after`, in order, page by page.

        Of a journal that was cut, over those that are left.
        """
        sequence = check.check_count(after, "after", minimum=0)
        self._repository.head()  # a closed ledger says so now, not at the first entry
        return entries_after(self._repository, sequence)

    def as_of(self, *, recorded: datetime | None = None, occurred: datetime | None = None) -> "LedgerView":
        """Return the ledger as of a moment; see LedgerView.

        `recorded`: as it was believed then, which later corrections do not change. `occurred`: what is known now of
        then. At least one of them is given. Raises Archived for what only entries tell that were cut.
        """
        from ledger_core.views import view_as_of

        return view_as_of(self._repository, recorded=recorded, occurred=occurred)

    def reconcile(self, snapshot: "Mapping[str, Any] | Snapshot") -> "Reconciliation":
        """Compare a broker's snapshot with the ledger: {open_orders, executions, positions}; nothing is changed.

        The answer has what matched, what is missing here or there, what differs, and proposals: calls of this ledger
        that its caller may make. A part that is left out was not asked of the broker; an empty list says that it has
        none. Raises InvalidValue, with the path of what is malformed.
        """
        from ledger_core.reconciling import reconcile

        with self._at_head() as records:
            has_archived = records.has_archived()
        return reconcile(self, snapshot, has_archived=has_archived)

    def head(self) -> Head:
        """Return the sequence and digest of the journal's last entry."""
        return self._repository.head()

    # -- shared ---------------------------------------------------------------------------------------------------

    def _at_head(self) -> "_AtHead":
        return _AtHead(self._writer)

    def _get(self, kind: RecordKind, key: tuple[str, ...]) -> Record:
        with self._at_head() as records:
            return self._found(records, kind, key)

    def _found(self, records: CurrentRecords, kind: RecordKind, key: tuple[str, ...]) -> Record:
        found = records.get(kind, key)
        if found is not None:
            return found
        overlay = Overlay(records)
        overlay.refuse_archived(kind, key)
        if kind is RecordKind.TRADE:
            raise UnknownTrade(f"no trade {key[0]!r}", trade_id=key[0])
        if kind is RecordKind.FILL:
            raise UnknownFill(f"order {key[0]!r} has no fill {key[1]!r}", order_id=key[0], fill_id=key[1])
        raise UnknownOrder(f"no order {key[0]!r}", order_id=key[0])

    def _positions(
        self, symbol: str, venue: str | None, account: str | None, side: PositionSide | None
    ) -> list[Position]:
        where = {"symbol": symbol, "venue": venue, "account": account, "position_side": side}
        given = {name: value for name, value in where.items() if value is not None}
        with self._at_head() as records:
            if len(given) == len(where) and side is not None:
                found = records.get(RecordKind.POSITION, position_key(symbol, venue, account, side))
                return [] if found is None else [cast(Position, found)]
            query = Query(kind=RecordKind.POSITION, where=given)
            stored = all_pages(self._repository.find, query)
        return cast(list[Position], sorted(stored, key=lambda position: position.key))

    def _where(self, **names: str | None) -> dict[str, Any]:
        return {name: check.check_id(value, name) for name, value in names.items() if value is not None}

    def _page(
        self,
        kind: RecordKind,
        where: dict[str, Any],
        since: datetime | None,
        until: datetime | None,
        limit: int | None,
        after: After,
    ) -> Query:
        key: tuple[Any, ...] | None = None  # of the page before
        known = next((paged for record, paged in _PAGED.items() if type(after) is record), None)
        if known is not None:
            if known is not kind:
                raise InvalidValue(
                    f"after is a {known.lower()}, which is no place among {kind.lower()}s",
                    argument="after",
                    value=after,
                )
            sequence, *names = sort_key(cast(Record, after))
            key = (
                check.check_count(sequence, "after.sequence", minimum=0),
                *(check.check_id(name, "after.key") for name in names),
            )
        elif after is not None:
            key = (check.check_count(after, "after", minimum=0),)
        self._repository.head()  # a closed ledger says so now, not at the first record
        return Query(
            kind=kind,
            where=where,
            since=check.check_optional_time(since, "since"),
            until=check.check_optional_time(until, "until"),
            after=key,
            limit=PAGE_SIZE_MAX if limit is None else min(limit, PAGE_SIZE_MAX),
        )

    def _pages(self, query: Query, limit: int | None) -> Iterator[Record]:
        left = limit
        while left is None or left > 0:
            size = PAGE_SIZE_MAX if left is None else min(left, PAGE_SIZE_MAX)
            query = _next_page(query, query.after, size)
            page = self._repository.find(query)
            yield from page
            if len(page) < size:
                return
            left = None if left is None else left - size
            query = _next_page(query, sort_key(page[-1]), size)

    def _orders(self, query: Query, limit: int | None) -> Iterator[Order]:
        for record in self._pages(query, limit):
            yield self._writer.records.with_requests(cast(Order, record))

    def _orders_named(self, request_id: str | None, trade_id: str | None) -> list[Order]:
        with self._at_head() as records:
            named: list[set[str]] = []
            if request_id is not None:
                query = Query(kind=RecordKind.REQUEST, where={"request_id": request_id})
                named.append({record.key[0] for record in all_pages(self._repository.find, query)})
            if trade_id is not None:
                trade = records.get(RecordKind.TRADE, (trade_id,))
                named.append(set(trade.order_ids) if isinstance(trade, Trade) else set())
            found = [records.get(RecordKind.ORDER, (order_id,)) for order_id in set.intersection(*named)]
        return [order for order in found if isinstance(order, Order)]


class _AtHead:
    """Hold the writer's lock with its records at the journal's head."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> CurrentRecords:
        self._writer.lock.acquire()
        try:
            self._writer.catch_up()
        except BaseException:
            self._writer.lock.release()
            raise
        return self._writer.records

    def __exit__(self, *_: object) -> None:
        self._writer.lock.release()


def _selected(records: Iterable[RecordT], query: Query, limit: int | None) -> list[RecordT]:
    """Apply a query to records at hand."""
    found = []
    for record in records:
        occurred_at = occurred_at_of(record)
        in_time = occurred_at is not None and not (
            (query.since is not None and occurred_at < query.since)
            or (query.until is not None and occurred_at >= query.until)
        )
        beyond = query.after is None or sort_key(record)[: len(query.after)] > query.after
        if in_time and beyond and matches(record, query.where):
            found.append(record)
    found.sort(key=sort_key)
    return found[:limit]


def _next_page(query: Query, after: tuple[Any, ...] | None, size: int) -> Query:
    return Query(
        kind=query.kind,
        where=query.where,
        since=query.since,
        until=query.until,
        after=after,
        limit=size,
    )
