"""Decide on the answer of a poll: it changes no quantity, but shows which fills have not arrived."""

from collections.abc import Mapping
from typing import Any

from ledger_core.changes import EventType
from ledger_core.commands import ReportStatus
from ledger_core.decide.draft import Draft
from ledger_core.decide.requests import end_requests
from ledger_core.decide.terms import new_venue_order_id
from ledger_core.lifecycle import ENDED_STATES, OrderEvent, OrderState, OrderStatus
from ledger_core.model import Key, Order, RecordKind

# What a poll may say that stands for itself. Fills are never inferred from a status: it is kept until they arrive.
_EVENTS: Mapping[OrderStatus | None, tuple[OrderEvent, EventType]] = {
    OrderStatus.ACCEPTED: (OrderEvent.ACCEPTANCE, EventType.ORDER_ACCEPTED),
    OrderStatus.CANCELED: (OrderEvent.CANCELLATION, EventType.ORDER_CANCELED),
    OrderStatus.EXPIRED: (OrderEvent.EXPIRY, EventType.ORDER_EXPIRED),
    OrderStatus.REJECTED: (OrderEvent.REJECTION, EventType.ORDER_REJECTED),
}
_UNANSWERED = (OrderState.PLACED, OrderState.IN_DOUBT)


def report(draft: Draft, command: ReportStatus) -> tuple[RecordKind, Key]:
    """Keep what the venue says of an order, and take an acceptance or an end from it; the same again is a repeat.

    A status that is behind what is known, such as a late ACCEPTED, moves nothing back.
    """
    order = draft.order(command.order_id)
    values: dict[str, Any] = new_venue_order_id(order, command.venue_order_id)
    if command.report != order.report:
        values["report"] = command.report
    event, event_type = _event(order, command.report.status)
    if event is not None:
        order = draft.change_order(order, event, event_type, values)
        if order.state in ENDED_STATES:
            end_requests(draft, order)
    elif values:
        draft.change(
            order,
            values,
            event_type=EventType.ORDER_UPDATED,
            from_state=order.state,
            to_state=order.state,
            status=order.status,
        )
    return order.kind, order.key


def _event(order: Order, status: OrderStatus | None) -> tuple[OrderEvent | None, EventType | None]:
    found = _EVENTS.get(status)
    if found is None or not order.is_open:
        return None, None
    if status is OrderStatus.ACCEPTED and order.state not in _UNANSWERED:
        return None, None
    return found
