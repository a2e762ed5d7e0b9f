"""Booking requests to cancel and replace, and their refusals; each request is known by its id."""

from ledger_core import Order, OrderRequest
from ledger_core.lifecycle import ENDED_STATES, RequestKind, RequestState
from ledger_interop.importing.booking.desk import KNOWN, Booked, Desk
from ledger_interop.importing.facts import Request, RequestRefusal
from ledger_interop.importing.report import Outcome

_ENDED: Booked = (Outcome.OUTDATED, "the order had ended")
NOBODY_ASKED: Booked = (Outcome.KNOWN, "it refuses a request that nobody recorded: the order stands as it was")


def request(desk: Desk, order: Order | None, fact: Request) -> Booked:
    """Book that the venue was asked to cancel or to replace."""
    if order is None:
        return Outcome.REFUSED, "it asks about an order that nobody recorded"
    if _known(order, fact.request_id) is not None:
        return KNOWN
    if order.state in ENDED_STATES:
        return _ENDED
    if fact.kind is RequestKind.CANCEL:
        return desk.called(
            order, lambda batch: batch.request_order_cancel(order.order_id, fact.request_id, occurred_at=fact.at)
        )
    if not fact.terms:
        return Outcome.KNOWN, "it asks to replace the order, and does not say by what"
    return desk.called(
        order,
        lambda batch: batch.request_order_replace(order.order_id, fact.terms, fact.request_id, occurred_at=fact.at),
    )


def refusal(desk: Desk, order: Order | None, fact: RequestRefusal) -> Booked | None:
    """Book that a request was refused. One that nobody recorded is recorded with its refusal, where it can be.

    None: a refusal of what nobody recorded waits for the request.
    """
    if order is None:
        return Outcome.REFUSED, "it refuses a request about an order that nobody recorded"
    asked = _asked(order, fact)
    if asked is None:
        if fact.request_id is None or fact.kind is not RequestKind.CANCEL:
            return NOBODY_ASKED if desk.is_last_call else None
        if order.state in ENDED_STATES:
            return _ENDED
        order = desk.orders.keep(desk.batch.request_order_cancel(order.order_id, fact.request_id, occurred_at=fact.at))
    elif not asked.is_in_flight:
        return KNOWN if asked.state is RequestState.REJECTED else _ENDED
    request_id = fact.request_id if asked is None else asked.request_id
    order_id = order.order_id
    return desk.called(
        order,
        lambda batch: batch.update_order_request_rejection(order_id, fact.reason, request_id, occurred_at=fact.at),
    )


def _known(order: Order, request_id: str) -> OrderRequest | None:
    return next((one for one in order.requests if one.request_id == request_id), None)


def _asked(order: Order, fact: RequestRefusal) -> OrderRequest | None:
    """Return the request that is refused: by its id, else one that was refused then, else the oldest in flight."""
    if fact.request_id is not None:
        return _known(order, fact.request_id)
    if fact.at is None:
        return None
    meant = [one for one in order.requests if fact.kind in (None, one.request_kind)]
    refused = (one for one in meant if one.state is RequestState.REJECTED and one.ended_at == fact.at)
    waiting = (one for one in meant if one.is_in_flight and one.requested_at <= fact.at)
    return next(refused, None) or next(waiting, None)
