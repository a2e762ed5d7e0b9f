"""Stage new terms of an order, whoever set them: the state follows the level to which they leave it filled."""

from collections.abc import Mapping
from typing import Any

from ledger_core.changes import EventType
from ledger_core.decide.draft import Draft
from ledger_core.lifecycle import OrderEvent, next_order_state
from ledger_core.model import Order, OrderChanges

_TERMS = ("quantity", "limit_price", "stop_price", "trailing_offset", "time_in_force", "expire_at")


def change_terms(
    draft: Draft,
    order: Order,
    changes: OrderChanges,
    event_type: EventType,
    *,
    facts: Mapping[str, Any] | None = None,
    **extra: Any,
) -> Order:
    """Stage new terms; the state follows the level to which the order is filled under them.

    A quantity below what is filled is clamped up to it. Terms and state that are already so stage nothing.
    """
    values = {**_new_terms(order, changes), **extra}
    quantity = values.get("quantity", order.quantity)
    if not order.cum_quantity:
        event = OrderEvent.TERMS_UNFILLED
    elif quantity is None or order.cum_quantity < quantity:
        event = OrderEvent.TERMS_PARTLY_FILLED
    else:
        event = OrderEvent.TERMS_COMPLETE
    state = next_order_state(order.state, event)
    if not values and state is order.state:
        return order
    return draft.change_order(order, event, event_type, values, facts=facts)


def _new_terms(order: Order, changes: OrderChanges) -> dict[str, Any]:
    values = new_venue_order_id(order, changes.venue_order_id)
    for name in _TERMS:
        value = getattr(changes, name)
        if name == "quantity" and value is not None:
            value = max(value, order.cum_quantity)
        if value is not None and value != getattr(order, name):
            values[name] = value
    return values


def new_venue_order_id(order: Order, venue_order_id: str | None) -> dict[str, Any]:
    """Return the order's venue ids with a new one added; nothing if there is none."""
    if venue_order_id is None or venue_order_id in order.venue_order_ids:
        return {}
    return {"venue_order_ids": (*order.venue_order_ids, venue_order_id)}
