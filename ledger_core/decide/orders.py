"""Decide on placing an order and on what a venue says of it, but for fills and answers to requests."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

import attrs

from ledger_core.changes import EventType
from ledger_core.commands import AcceptOrder, EndOrderDay, NoteOrder, Operation, RecordOrder, RestateOrder
from ledger_core.decide.draft import Draft, archived_error
from ledger_core.decide.holdings import restate_terms
from ledger_core.decide.requests import end_requests
from ledger_core.decide.terms import change_terms, new_venue_order_id
from ledger_core.errors import IdempotencyConflict, InstrumentTermsConflict
from ledger_core.lifecycle import ENDED_STATES, OrderEvent, OrderState, next_order_state
from ledger_core.model import Instrument, Key, Order, OrderChanges, OrderDetails, RecordKind
from ledger_core.numbers import ONE

# operation -> (event, what is published, the state in which the fact is a repeat)
_NOTES: Mapping[Operation, tuple[OrderEvent, EventType, OrderState]] = {
    Operation.UPDATE_ORDER_REJECTION: (OrderEvent.REJECTION, EventType.ORDER_REJECTED, OrderState.REJECTED),
    Operation.UPDATE_ORDER_CANCELLATION: (
        OrderEvent.CANCELLATION,
        EventType.ORDER_CANCELED,
        OrderState.CANCELED,
    ),
    Operation.UPDATE_ORDER_EXPIRY: (OrderEvent.EXPIRY, EventType.ORDER_EXPIRED, OrderState.EXPIRED),
    Operation.UPDATE_ORDER_IN_DOUBT: (OrderEvent.DOUBT, EventType.ORDER_IN_DOUBT, OrderState.IN_DOUBT),
    Operation.UPDATE_ORDER_GUARANTEE: (OrderEvent.GUARANTEE, EventType.ORDER_STOPPED, OrderState.STOPPED),
    Operation.UPDATE_ORDER_SUSPENSION: (
        OrderEvent.SUSPENSION,
        EventType.ORDER_SUSPENDED,
        OrderState.SUSPENDED,
    ),
}

_UNSAID = (None, None, None)


def record_order(draft: Draft, command: RecordOrder) -> tuple[RecordKind, Key]:
    """Make an intent durable; the same id with the same details is a repeat."""
    key = (command.order_id,)
    known = draft.get(RecordKind.ORDER, key)
    if known is not None:
        assert isinstance(known, Order), "kind ORDER"
        if _content(known.details) != _content(command.details):
            raise IdempotencyConflict(
                f"order {command.order_id!r} is known with other details",
                order_id=command.order_id,
                recorded=known.details,
                given=command.details,
            )
        return RecordKind.ORDER, key
    _refuse_archived(draft, command)
    draft.refuse_taken_id(RecordKind.TRADE, command.order_id)
    details = command.details
    note_terms(
        draft,
        details.venue,
        details.symbol,
        multiplier=details.multiplier,
        inverse=details.inverse,
        base_currency=details.base_currency,
        currency=details.currency,
    )
    draft.create(
        RecordKind.ORDER,
        key,
        {"details": command.details, "placed_at": command.occurred_at},
        event_type=EventType.ORDER_PLACED,
        to_state=next_order_state(None, OrderEvent.PLACEMENT),
    )
    return RecordKind.ORDER, key


def accept(draft: Draft, command: AcceptOrder) -> tuple[RecordKind, Key]:
    """Book the venue's acknowledgement; a late one brings ids, and the quantity of a cash order, but no state."""
    order = draft.order(command.order_id)
    values = new_venue_order_id(order, command.venue_order_id)
    if order.state in (OrderState.PLACED, OrderState.IN_DOUBT):
        if command.quantity is not None and command.quantity != order.quantity:
            values["quantity"] = max(command.quantity, order.cum_quantity)
        draft.change_order(order, OrderEvent.ACCEPTANCE, EventType.ORDER_ACCEPTED, values)
    elif order.quantity is None and command.quantity is not None:
        changes = OrderChanges(quantity=command.quantity, venue_order_id=command.venue_order_id)
        change_terms(draft, order, changes, EventType.ORDER_RESTATED)
    else:
        next_order_state(order.state, OrderEvent.ACCEPTANCE)
        if values:
            draft.change_order(order, OrderEvent.ACCEPTANCE, EventType.ORDER_UPDATED, values)
    return RecordKind.ORDER, (order.order_id,)


def note(draft: Draft, command: NoteOrder) -> tuple[RecordKind, Key]:
    """Book a fact that brings nothing but itself and a reason."""
    order = draft.order(command.order_id)
    answer = order.kind, order.key
    if command.operation is Operation.UPDATE_ORDER_TRIGGER:
        if not order.triggered:
            draft.change_order(order, OrderEvent.TRIGGER, EventType.ORDER_TRIGGERED, {"triggered": True})
        return answer
    if command.operation is Operation.UPDATE_ORDER_RESUMPTION:
        event, event_type = _resumption(order), EventType.ORDER_RESUMED
        repeat = order.state in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
    else:
        event, event_type, repeated_in = _NOTES[command.operation]
        repeat = order.state is repeated_in
    if repeat:
        return answer
    state = next_order_state(order.state, event, good_till=order.is_good_till)
    if state is order.state:
        return answer
    said = {"reason": command.reason} if command.reason else {}
    order = draft.change_order(order, event, event_type, said, facts=said)
    if state in ENDED_STATES:
        end_requests(draft, order)
    return answer


def end_day(draft: Draft, command: EndOrderDay) -> tuple[RecordKind, Key]:
    """Book that the venue is done with the order for the day."""
    order = draft.order(command.order_id)
    trade_date = command.trade_date or command.occurred_at.date()
    repeat = (
        order.state is OrderState.DONE_FOR_DAY
        and order.trade_date is not None
        and (command.trade_date is None or trade_date <= order.trade_date)
    )
    if not repeat:
        facts = {"trade_date": trade_date.isoformat()}
        draft.change_order(
            order, OrderEvent.DAY_END, EventType.ORDER_DONE_FOR_DAY, {"trade_date": trade_date}, facts=facts
        )
    return order.kind, order.key


def restate(draft: Draft, command: RestateOrder) -> tuple[RecordKind, Key]:
    """Book terms that the venue changed, or a renewal for a new day, that nobody here asked for."""
    order = draft.order(command.order_id)
    extra: dict[str, Any] = {}
    if command.trade_date is not None and command.trade_date != order.trade_date:
        extra["trade_date"] = command.trade_date
    facts = {"reason": command.reason} if command.reason else {}
    changes = command.changes or OrderChanges()
    change_terms(draft, order, changes, EventType.ORDER_RESTATED, facts=facts, **extra)
    return order.kind, order.key


def _resumption(order: Order) -> OrderEvent:
    return OrderEvent.RESUMPTION_PARTLY_FILLED if order.cum_quantity else OrderEvent.RESUMPTION_UNFILLED


def _refuse_archived(draft: Draft, command: RecordOrder) -> None:
    """Raise Archived for an order that moved to an archive, IdempotencyConflict where its details were others."""
    key = (command.order_id,)
    known = draft.archived(RecordKind.ORDER, key)
    if known is None:
        return
    if draft.digest_of(placed_content(draft.json_of(command))) not in known.contents:
        raise IdempotencyConflict(
            f"order {command.order_id!r} is known with other details; it is in archive {known.archive_id!r}",
            order_id=command.order_id,
            recorded=known,
            given=command.details,
        )
    raise archived_error(RecordKind.ORDER, key, known, is_repeat=True)


def placed_content(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what of a placing command, as JSON, is compared when it is repeated: its details but for the metadata."""
    return {name: value for name, value in stored["details"].items() if name != "metadata"}


def _content(details: OrderDetails) -> OrderDetails:
    return attrs.evolve(details, metadata=None)


def note_terms(
    draft: Draft,
    venue: str | None,
    symbol: str,
    *,
    multiplier: Decimal | None,
    inverse: bool | None,
    base_currency: str | None,
    currency: str | None,
) -> None:
    """Keep the instrument's terms: the first order or adjustment sets them, later ones add what was not known."""
    key = (venue or "", symbol)
    known = draft.get(RecordKind.INSTRUMENT, key)
    if isinstance(known, Instrument) and currency == known.currency and (multiplier, inverse, base_currency) == _UNSAID:
        return  # nothing that is not known, as most orders say
    given = {"multiplier": multiplier, "inverse": inverse, "base_currency": base_currency, "currency": currency}
    if known is None:
        defaults = {"multiplier": ONE, "inverse": False}
        values = {name: value for name, value in given.items() if value not in (None, defaults.get(name))}
        draft.create(RecordKind.INSTRUMENT, key, values)
        return
    assert isinstance(known, Instrument), "kind INSTRUMENT"
    values = {}
    for name, value in given.items():
        recorded = getattr(known, name)
        if value is None or value == recorded:
            continue
        if recorded is not None:
            raise InstrumentTermsConflict(
                f"{name} of {symbol!r} is {recorded}, not {value}",
                field=name,
                recorded=recorded,
                given=value,
            )
        values[name] = value
    if values:
        restate_terms(draft, cast(Instrument, draft.change(known, values)))
