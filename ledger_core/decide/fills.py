"""Decide on an execution: which order it belongs to, whether it may be booked, and all that it moves.

One fill changes the fill, its order, the position and the trades of the order, in one entry. Positions fold in
economic order (executed_at, then sequence): a fill that is older than what was folded last folds again from the
last flat point before it, so no order of arrival changes the final figures.
"""

from typing import Any, cast

from ledger_core.changes import EventType
from ledger_core.commands import BookFill, FillDetails
from ledger_core.decide import trades
from ledger_core.decide.draft import Draft
from ledger_core.errors import FactMismatch, IdempotencyConflict, InvalidValue, OverfillError, UnknownOrder
from ledger_core.lifecycle import ENDED_STATES, OrderEvent, OrderState
from ledger_core.model import Fee, Fill, Instrument, Key, Order, Position, RecordKind, Side
from ledger_core.numbers import plain, plus, times
from ledger_core.positions import fold, merge_fees, restart, with_terms


def book_fill(draft: Draft, command: BookFill) -> tuple[RecordKind, Key]:
    """Book an execution; the same fill id of the same order with the same figures is a repeat."""
    order = _order_of(draft, command)
    answer = order.kind, order.key
    known = draft.get(RecordKind.FILL, (order.order_id, command.fill.fill_id))
    if known is not None:
        assert isinstance(known, Fill), "kind FILL"
        refuse_other_content(known, command.fill)
        return answer
    _refuse_mismatch(order, command.fill)
    instrument = draft.get(RecordKind.INSTRUMENT, (order.venue or "", order.symbol))
    assert isinstance(instrument, Instrument), "every recorded order has noted its instrument"
    if instrument.inverse and command.fill.price <= 0:
        raise InvalidValue(
            f"an inverse contract has no price of {command.fill.price}",
            argument="fill_data.price",
            value=command.fill.price,
        )
    _refuse_overfill(draft, order, command.fill)
    fill = _fill(draft, order, command)
    event = _event(order, fill)
    fill = _fold_into_position(draft, fill, instrument)
    order = _execute(draft, order, fill, event)
    trades.progress(draft, order, fill, instrument)
    return answer


def refuse_other_content(known: Fill | FillDetails, given: FillDetails) -> None:
    """Raise IdempotencyConflict unless a repeated fill says the same, where both copies say anything."""
    pairs = (
        ("quantity", known.quantity, given.quantity),
        ("price", known.price, given.price),
        ("side", _is_buy(known.side), _is_buy(given.side)),
        ("symbol", known.symbol, given.symbol),
        ("fees", _sorted(known.fees), _sorted(given.fees)),
    )
    differing = [name for name, ours, theirs in pairs if None not in (ours, theirs) and ours != theirs]
    if differing:
        raise IdempotencyConflict(
            f"fill {known.fill_id!r} is known with other {', '.join(differing)}",
            fields=tuple(differing),
            recorded=known,
            given=given,
        )


def _is_buy(side: Side | None) -> bool | None:
    return None if side is None else side.is_buy


def _sorted(fees: tuple[Fee, ...] | None) -> tuple[tuple[str, Any], ...] | None:
    return tuple(sorted((fee.currency, fee.amount) for fee in fees)) if fees else None


def _order_of(draft: Draft, command: BookFill) -> Order:
    if command.order_id is not None:
        return draft.order(command.order_id)
    venue_order_id = command.fill.venue_order_id
    if venue_order_id is None:
        raise InvalidValue("a fill without order_id needs venue_order_id in fill_data", argument="order_id", value=None)
    found = draft.orders_at_venue(venue_order_id)
    if command.fill.symbol is not None and len(found) > 1:
        found = [order for order in found if order.symbol == command.fill.symbol]
    if len(found) != 1:
        raise UnknownOrder(
            f"{'no order has' if not found else 'several orders have'} the venue's id {venue_order_id!r}",
            venue_order_id=venue_order_id,
            order_ids=tuple(order.order_id for order in found),
        )
    return found[0]


def _refuse_mismatch(order: Order, fill: FillDetails) -> None:
    if fill.symbol is not None and fill.symbol != order.symbol:
        raise _mismatch("symbol", order.symbol, fill.symbol)
    if fill.side is not None and fill.side.is_buy != order.side.is_buy:
        raise _mismatch("side", order.side, fill.side)


def _mismatch(field: str, recorded: str, given: str) -> FactMismatch:
    return FactMismatch(
        f"the fill's {field} is {given}, its order's {recorded}", field=field, recorded=recorded, given=given
    )


def _refuse_overfill(draft: Draft, order: Order, fill: FillDetails) -> None:
    limit = order.fill_limit
    if limit is None or draft.books_overfills or plus(order.cum_quantity, fill.quantity) <= limit:
        return
    raise OverfillError(
        f"{fill.quantity} on top of {order.cum_quantity} exceeds the {limit} of order {order.order_id!r}",
        order_id=order.order_id,
        fill_id=fill.fill_id,
        limit=limit,
        cum_quantity=order.cum_quantity,
        quantity=fill.quantity,
    )


def _fill(draft: Draft, order: Order, command: BookFill) -> Fill:
    given = command.fill
    ended_day = order.state is OrderState.DONE_FOR_DAY and not order.is_good_till
    fill = Fill(
        order_id=order.order_id,
        fill_id=given.fill_id,
        symbol=order.symbol,
        side=order.side,
        venue=order.venue,
        account=order.account,
        position_side=order.position_side,
        quantity=given.quantity,
        price=given.price,
        fees=given.fees or (),
        fee_in_base=given.fee_in_base,
        liquidity=given.liquidity,
        executed_at=command.occurred_at,
        trade_date=given.trade_date,
        venue_order_id=given.venue_order_id,
        inferred=given.inferred,
        late=order.state in ENDED_STATES or ended_day,
        metadata=given.metadata,
        recorded_at=draft.recorded_at,
        sequence=draft.sequence,
        index=draft.fills_booked,
    )
    draft.fills_booked += 1
    return fill


def _event(order: Order, fill: Fill) -> OrderEvent:
    complete = order.quantity is not None and plus(order.cum_quantity, fill.quantity) >= order.quantity
    if (
        order.state is OrderState.DONE_FOR_DAY
        and order.is_good_till
        and order.trade_date is not None
        and fill.effective_trade_date > order.trade_date
    ):
        return OrderEvent.NEXT_DAY_COMPLETING_FILL if complete else OrderEvent.NEXT_DAY_PARTIAL_FILL
    return OrderEvent.COMPLETING_FILL if complete else OrderEvent.PARTIAL_FILL


def _execute(draft: Draft, order: Order, fill: Fill, event: OrderEvent) -> Order:
    values: dict[str, Any] = {
        "cum_quantity": plain(plus(order.cum_quantity, fill.quantity)),
        "executed_value": plain(plus(order.executed_value, times(fill.quantity, fill.price))),
    }
    if fill.venue_order_id is not None and fill.venue_order_id not in order.venue_order_ids:
        values["venue_order_ids"] = (*order.venue_order_ids, fill.venue_order_id)
    complete = event in (OrderEvent.COMPLETING_FILL, OrderEvent.NEXT_DAY_COMPLETING_FILL)
    return draft.change_order(
        order,
        event,
        EventType.ORDER_FILLED if complete else EventType.ORDER_PARTIALLY_FILLED,
        facts={"fill_id": fill.fill_id, "late": fill.late},
        **values,
    )


_FILL_DEFAULTS = {field.name: field.default for field in Fill.__attrs_attrs__}
_FILL_NOT_STORED = frozenset({"order_id", "fill_id", "recorded_at", "sequence", "index", "version"})


def _fold_into_position(draft: Draft, fill: Fill, instrument: Instrument) -> Fill:
    """Stage the fill and the position that it moves; return the fill as staged."""
    known = draft.get(RecordKind.POSITION, fill.position_key)
    before = known if isinstance(known, Position) else _new_position(fill)
    position = with_terms(before, instrument)
    last = position.last_economic_order
    if last is None or last < fill.economic_order:
        after = fold(position, fill)
        _create_fill(draft, fill, after)
    else:
        _create_fill(draft, fill, None)
        after = _refold(draft, position, fill)
    staged = draft.get(RecordKind.FILL, fill.key)
    values = _position_values(before, after)
    if fill.fees:
        values["fees"] = merge_fees(before.fees, fill.fees)
    if known is None:
        draft.create(RecordKind.POSITION, fill.position_key, values)
    else:
        draft.change(known, values)
    return cast(Fill, staged)


def _refold(draft: Draft, position: Position, late: Fill) -> Position:
    """Fold again from the last flat point before a late fill; stage what that changes at later flat points."""
    start = draft.last_flat_before(late)
    after = restart(position, start)
    restated: list[tuple[Fill, Any]] = []
    for fill in draft.fills_after(late.position_key, start):
        after = fold(after, fill)
        flat_realized_pnl = after.realized_pnl if after.is_flat else None
        if flat_realized_pnl != fill.flat_realized_pnl:
            restated.append((fill, flat_realized_pnl))
    for fill, flat_realized_pnl in restated:
        draft.change(fill, {"flat_realized_pnl": flat_realized_pnl})
    return after


def _create_fill(draft: Draft, fill: Fill, after: Position | None) -> None:
    values = {
        name: value
        for name, default in _FILL_DEFAULTS.items()
        if name not in _FILL_NOT_STORED and (value := getattr(fill, name)) != default
    }
    if fill.index:
        values["index"] = fill.index
    if after is not None and after.is_flat:
        values["flat_realized_pnl"] = after.realized_pnl
    draft.create(RecordKind.FILL, fill.key, values)


def _new_position(fill: Fill) -> Position:
    return Position(symbol=fill.symbol, venue=fill.venue, account=fill.account, position_side=fill.position_side)


_POSITION_FIELDS = tuple(
    field.name
    for field in Position.__attrs_attrs__
    if field.name not in ("symbol", "venue", "account", "position_side", "fees", "sequence", "version")
)


def _position_values(before: Position, after: Position) -> dict[str, Any]:
    return {name: value for name in _POSITION_FIELDS if (value := getattr(after, name)) != getattr(before, name)}
