"""Decide on an execution: which order it belongs to, whether it may be booked, and all that it moves.

One fill changes the fill, its order, the position and the trades of the order, in one entry.
"""

from collections.abc import Mapping
from typing import Any

from ledger_core._frozen import maker
from ledger_core.changes import EventType
from ledger_core.commands import BookFill, FillDetails
from ledger_core.decide import revisions, trades
from ledger_core.decide.draft import Draft, archived_error
from ledger_core.decide.holdings import add_fill, instrument_of
from ledger_core.errors import FactMismatch, IdempotencyConflict, InvalidValue, UnknownOrder
from ledger_core.lifecycle import ENDED_STATES, OrderEvent, OrderState
from ledger_core.model import Execution, Fee, Fill, Key, Order, RecordKind, Side, split_quantity
from ledger_core.numbers import decimal_text, plain, plus, times

_new_fill = maker(Fill)


def book_fill(draft: Draft, command: BookFill) -> tuple[RecordKind, Key]:
    """Book an execution; the same fill id of the same order with the same figures is a repeat."""
    order = _order_of(draft, command)
    answer = RecordKind.ORDER, (order.order_id,)
    known = revisions.fill_of(draft, order, command.fill.fill_id)
    if known is not None:
        refuse_other_content(known, command.fill)
        return answer
    _refuse_mismatch(order, command.fill)
    instrument = instrument_of(draft, order.details.venue, order.details.symbol)
    if instrument.inverse:
        revisions.refuse_price(instrument, command.fill.price, "fill_data.price")
    if order.inferred_quantity and not command.fill.inferred:
        order = revisions.retire_inferred(draft, order, command)
    fill = _fill(draft, order, command)
    quantity = fill.quantity
    if order.splits:
        quantity = split_quantity(quantity, fill.economic_order, order.splits)
    cum_quantity = plain(plus(order.cum_quantity, quantity))
    revisions.refuse_overfill(draft, order, quantity, fill.fill_id)
    event = _event(order, fill, complete=order.quantity is not None and cum_quantity >= order.quantity)
    fill = add_fill(draft, fill, instrument)
    values: dict[str, Any] = {
        "cum_quantity": cum_quantity,
        "executed_value": plain(plus(order.executed_value, times(fill.quantity, fill.price))),
    }
    if fill.inferred:
        values["inferred_quantity"] = plain(plus(order.inferred_quantity, fill.quantity))
    order = _execute(draft, order, fill, event, values)
    if order.trade_ids:
        trades.progress(draft, order, fill, instrument)
    return answer


def refuse_other_content(known: Fill | FillDetails, given: FillDetails) -> None:
    """Raise IdempotencyConflict unless a repeated fill says the same, where both copies say anything.

    Of a fill that was corrected, the version counts that the repeat names.
    """
    version = _version_of(known, given.fill_id)
    pairs = (
        ("quantity", version.quantity, given.quantity),
        ("price", version.price, given.price),
        ("side", _is_buy(known.side), _is_buy(given.side)),
        ("symbol", known.symbol, given.symbol),
        ("fees", _sorted(known.fees), _sorted(given.fees)),
    )
    differing = [name for name, ours, theirs in pairs if None not in (ours, theirs) and ours != theirs]
    if differing:
        raise IdempotencyConflict(
            f"fill {given.fill_id!r} is known with other {', '.join(differing)}",
            fields=tuple(differing),
            recorded=known,
            given=given,
        )


def _version_of(known: Fill | FillDetails, fill_id: str) -> Fill | FillDetails | Execution:
    if isinstance(known, Fill):
        return next(one for one in known.executions if one.fill_id == fill_id)
    return known


def _is_buy(side: Side | None) -> bool | None:
    return None if side is None else side.is_buy


def _sorted(fees: tuple[Fee, ...] | None) -> tuple[tuple[str, Any], ...] | None:
    return tuple(sorted((fee.currency, fee.amount) for fee in fees)) if fees else None


def _order_of(draft: Draft, command: BookFill) -> Order:
    if command.order_id is not None:
        order = draft.get(RecordKind.ORDER, (command.order_id,))
        if type(order) is Order:
            return order
        _refuse_archived_repeat(draft, (command.order_id, command.fill.fill_id), command.fill)
        return draft.order(command.order_id)
    venue_order_id = command.fill.venue_order_id
    if venue_order_id is None:
        raise InvalidValue(
            "a fill without order_id needs venue_order_id in fill_data",
            argument="order_id",
        )
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


def _refuse_archived_repeat(draft: Draft, key: Key, given: FillDetails) -> None:
    """Raise Archived, as a repeat, for a fill that moved to an archive and had these figures once."""
    known = draft.archived(RecordKind.FILL, key)
    if known is not None and draft.digest_of(execution_content(given)) in known.contents:
        raise archived_error(RecordKind.FILL, key, known, is_repeat=True)


def execution_content(given: FillDetails | Execution) -> Mapping[str, Any]:
    """Return what of an execution is compared when it is told again after its order was archived."""
    return {"quantity": decimal_text(given.quantity), "price": decimal_text(given.price)}


def _refuse_mismatch(order: Order, fill: FillDetails) -> None:
    if fill.symbol is not None and fill.symbol != order.symbol:
        raise _mismatch("symbol", order.symbol, fill.symbol)
    if fill.side is not None and fill.side.is_buy != order.side.is_buy:
        raise _mismatch("side", order.side, fill.side)


def _mismatch(field: str, recorded: str, given: str) -> FactMismatch:
    return FactMismatch(
        f"the fill's {field} is {given}, its order's {recorded}", field=field, recorded=recorded, given=given
    )


def _fill(draft: Draft, order: Order, command: BookFill) -> Fill:
    given, details = command.fill, order.details
    ended_day = order.state is OrderState.DONE_FOR_DAY and not order.is_good_till
    fill = _new_fill(
        order_id=order.order_id,
        fill_id=given.fill_id,
        symbol=details.symbol,
        side=details.side,
        venue=details.venue,
        account=details.account,
        position_side=details.position_side,
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


def _event(order: Order, fill: Fill, *, complete: bool) -> OrderEvent:
    if (
        order.state is OrderState.DONE_FOR_DAY
        and order.is_good_till
        and order.trade_date is not None
        and fill.effective_trade_date > order.trade_date
    ):
        return OrderEvent.NEXT_DAY_COMPLETING_FILL if complete else OrderEvent.NEXT_DAY_PARTIAL_FILL
    return OrderEvent.COMPLETING_FILL if complete else OrderEvent.PARTIAL_FILL


def _execute(draft: Draft, order: Order, fill: Fill, event: OrderEvent, values: dict[str, Any]) -> Order:
    if fill.venue_order_id is not None and fill.venue_order_id not in order.venue_order_ids:
        values["venue_order_ids"] = (*order.venue_order_ids, fill.venue_order_id)
    complete = event in (OrderEvent.COMPLETING_FILL, OrderEvent.NEXT_DAY_COMPLETING_FILL)
    return draft.change_order(
        order,
        event,
        EventType.ORDER_FILLED if complete else EventType.ORDER_PARTIALLY_FILLED,
        values,
        facts={"fill_id": fill.fill_id, "late": fill.late},
    )
