"""Booking what happens to an order beside its fills: placed, accepted, changed, suspended, ended."""

from collections.abc import Callable, Mapping
from typing import Any

from ledger_core import Batch, Order
from ledger_core.lifecycle import ENDED_STATES, OrderState, RequestKind
from ledger_interop.importing.booking.desk import KNOWN, Booked, Desk, id_of
from ledger_interop.importing.booking.past import OWN_QUANTITY
from ledger_interop.importing.facts import Acceptance, Change, Ending, Happening, NewTerms, Placement
from ledger_interop.importing.report import Outcome

PAST: Booked = (Outcome.OUTDATED, "the order is past it")
UNSIZED: Booked = (Outcome.OUTDATED, "the order's quantity was not told: it is as large as its fills, and so filled")

_UNANSWERED = (OrderState.PLACED, OrderState.IN_DOUBT)
_ONCE = (Happening.TRIGGERED, Happening.IN_DOUBT)
"""What happens to an order once: the order itself tells whether it has."""
_FILL_OR_KILL = ("IOC", "FOK")


def placement(desk: Desk, order: Order, fact: Placement) -> Booked:
    """Compare an order with what is recorded: only its own quantity may be news."""
    quantity = fact.order.details.get("quantity")
    if quantity is None or not desk.grows(order) or quantity < order.cum_quantity:
        return KNOWN
    desk.past.note_size(order)
    if quantity == order.quantity:
        return KNOWN
    terms = {"quantity": quantity}
    return desk.called(
        order,
        lambda batch: batch.update_order_restatement(order.order_id, terms, OWN_QUANTITY, occurred_at=fact.at),
    )


def acceptance(desk: Desk, order: Order | None, fact: Acceptance) -> Booked:
    """Book that the venue works the order, and the id that it gave it."""
    venue_id = fact.order.venue_id
    resumed = KNOWN
    if order is not None and fact.resumes:
        if order.state is OrderState.SUSPENDED:
            resumed = change(desk, order, Change(order=fact.order, at=fact.at, happening=Happening.RESUMED))
            order = desk.orders.get(order.order_id)
            assert order is not None, "kept after its change"
        else:
            desk.past.note_working(order, fact.at)
    if order is not None and order.state not in _UNANSWERED:
        brings_id = venue_id is not None and venue_id not in order.venue_order_ids
        if not brings_id and not (order.quantity is None and fact.quantity is not None):
            return resumed
    given = {"venue_order_id": venue_id, "quantity": fact.quantity}
    data = {name: value for name, value in given.items() if value is not None}
    order_id = id_of(order, fact.order)
    return desk.called(order, lambda batch: batch.update_order_acceptance(order_id, data, occurred_at=fact.at))


def ending(desk: Desk, order: Order | None, fact: Ending) -> Booked:
    """Book the end of an order. The word for an end without a fill differs between sources: one of them is enough."""
    state = fact.state
    if order is not None:
        if state is OrderState.EXPIRED and order.time_in_force in _FILL_OR_KILL:
            state = OrderState.CANCELED  # the rest of an IOC or FOK is canceled, as the ledger has it
        if fact.of_duplicate and order.state not in _UNANSWERED:
            return KNOWN
        rejected = OrderState.REJECTED in (state, order.state)
        if order.state is state or (order.state in ENDED_STATES and not rejected):
            return KNOWN
        if order.state is OrderState.FILLED and desk.grows(order):
            return UNSIZED
    order_id, at = id_of(order, fact.order), fact.at
    calls: Mapping[OrderState, Callable[[Batch], Order]] = {
        OrderState.CANCELED: lambda batch: batch.update_order_cancellation(order_id, fact.reason, occurred_at=at),
        OrderState.EXPIRED: lambda batch: batch.update_order_expiry(order_id, fact.reason, occurred_at=at),
        OrderState.REJECTED: lambda batch: batch.update_order_rejection(order_id, fact.reason, occurred_at=at),
    }
    return desk.called(order, calls[state])


def change(desk: Desk, order: Order | None, fact: Change) -> Booked:
    """Book what has no id of its own, unless the order is so already, or past it."""
    order_id = id_of(order, fact.order)
    if order is not None and order.state is OrderState.FILLED and desk.grows(order):
        return UNSIZED
    if order is None or fact.happening in _ONCE:
        if order is not None and (_is_so(order, fact) or not _can_happen(order, fact.happening)):
            return KNOWN if _is_so(order, fact) else PAST
        return desk.called(order, lambda batch: _CHANGES[fact.happening](batch, order_id, fact))
    content = (fact.happening, fact.trade_date, fact.message_id)
    is_past = desk.past.has(order, fact.at, content)
    if fact.happening is Happening.SUSPENDED:
        is_past = is_past or desk.past.has_worked_since(order, fact.at)
    desk.past.note(order, fact.at, content)  # also where it is so already: what is older than it is past
    if _is_so(order, fact):
        return KNOWN
    if is_past or not _can_happen(order, fact.happening):
        return PAST
    return desk.called(order, lambda batch: _CHANGES[fact.happening](batch, order_id, fact))


def new_terms(desk: Desk, order: Order | None, fact: NewTerms) -> Booked:
    """Book other terms; an accepted replace is known by its request, a restatement by its time."""
    order_id = id_of(order, fact.order)
    has_id = fact.asked and fact.request_id is not None
    content = (fact.asked, fact.message_id, *sorted((name, str(value)) for name, value in fact.terms.items()))
    if order is not None and not has_id:
        is_past = desk.past.has(order, fact.at, content)
        desk.past.note(order, fact.at, content)
        if is_past or order.state in ENDED_STATES:
            return PAST
    terms: dict[str, Any] = dict(fact.terms)
    if fact.order.venue_id is not None:
        terms["venue_order_id"] = fact.order.venue_id
    answers = has_id or (order is not None and fact.asked and _is_asked_for(order, fact))
    return desk.called(order, lambda batch: _book_terms(batch, order_id, fact, terms or None, answers=answers))


def _is_asked_for(order: Order, fact: NewTerms) -> bool:
    """Whether a replace is in flight that terms without a request's id can answer: one that was asked for before."""
    replaces = (one for one in order.requests if one.is_in_flight and one.request_kind is RequestKind.REPLACE)
    return fact.at is not None and any(one.requested_at <= fact.at for one in replaces)


def _book_terms(batch: Batch, order_id: str, fact: NewTerms, terms: dict[str, Any] | None, *, answers: bool) -> Order:
    if answers:
        return batch.update_order_replacement(order_id, fact.request_id, terms, occurred_at=fact.at)
    return batch.update_order_restatement(order_id, terms, fact.reason, fact.trade_date, occurred_at=fact.at)


def _is_so(order: Order, fact: Change) -> bool:
    match fact.happening:
        case Happening.TRIGGERED:
            return order.triggered
        case Happening.SUSPENDED:
            return order.state is OrderState.SUSPENDED
        case Happening.STOPPED:
            return order.state is OrderState.STOPPED
        case Happening.RESUMED:
            return order.state in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
        case Happening.IN_DOUBT:
            return order.state is not OrderState.PLACED
        case Happening.DONE_FOR_DAY:
            day = fact.trade_date or (fact.at.date() if fact.at is not None else None)
            known = order.trade_date if order.state is OrderState.DONE_FOR_DAY else None
            return known is not None and (day is None or day <= known)


def _can_happen(order: Order, happening: Happening) -> bool:
    """Whether it can still happen to the order; what cannot is older than what the order has seen since."""
    match happening:
        case Happening.TRIGGERED:
            return order.state is not OrderState.REJECTED
        case Happening.RESUMED:
            return order.state is OrderState.SUSPENDED
        case Happening.DONE_FOR_DAY:
            return order.is_open or order.state in (OrderState.FILLED, OrderState.DONE_FOR_DAY)
        case _:
            return order.is_open


_CHANGES: Mapping[Happening, Callable[[Batch, str, Change], Order]] = {
    Happening.TRIGGERED: lambda batch, order_id, fact: batch.update_order_trigger(order_id, occurred_at=fact.at),
    Happening.STOPPED: lambda batch, order_id, fact: batch.update_order_guarantee(order_id, occurred_at=fact.at),
    Happening.RESUMED: lambda batch, order_id, fact: batch.update_order_resumption(order_id, occurred_at=fact.at),
    Happening.SUSPENDED: lambda batch, order_id, fact: batch.update_order_suspension(
        order_id, fact.reason, occurred_at=fact.at
    ),
    Happening.IN_DOUBT: lambda batch, order_id, fact: batch.update_order_in_doubt(
        order_id, fact.reason, occurred_at=fact.at
    ),
    Happening.DONE_FOR_DAY: lambda batch, order_id, fact: batch.update_order_done_for_day(
        order_id, fact.trade_date, occurred_at=fact.at
    ),
}
