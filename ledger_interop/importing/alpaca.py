"""Alpaca: the trade_updates stream, orders of the REST interface, and account activities, as JSON or as SDK objects.

A replaced order ends and a new one begins, with ids and a quantity of its own; so they are two orders here too.
"""

from typing import Any

import attrs

from ledger_interop.importing.facts import (
    AnyFact,
    Bust,
    Change,
    Correction,
    Happening,
    Movement,
    NamedOrder,
    NewTerms,
    RequestRefusal,
)
from ledger_interop.importing.fields import Fields, NotUnderstood, shown
from ledger_interop.importing.readers import DONE, OPEN, words
from ledger_interop.importing.shapes import (
    PENDING,
    Defaults,
    FillShape,
    OrderShape,
    details_of,
    read_fill,
    read_order,
)
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_STATUSES = words(
    OPEN,
    DONE,
    PENDINGNEW="PLACED",
    ACCEPTEDFORBIDDING="ACCEPTED",
    HELD="ACCEPTED",
    REPLACED="CANCELED",
    PENDINGCANCEL=PENDING,
    PENDINGREPLACE=PENDING,
    CALCULATED=PENDING,
    STOPPED="STOPPED",
    SUSPENDED="SUSPENDED",
    DONEFORDAY="DONE_FOR_DAY",
)
_ENDED_AT = ("filled_at", "canceled_at", "expired_at", "failed_at", "replaced_at")
_HAPPENINGS = {
    "done_for_day": Happening.DONE_FOR_DAY,
    "stopped": Happening.STOPPED,
    "suspended": Happening.SUSPENDED,
}
_REFUSALS = ("order_cancel_rejected", "order_replace_rejected")
_NOTHING_MORE = (
    "new",
    "accepted",
    "pending_new",
    "pending_cancel",
    "pending_replace",
    "calculated",
    "held",
    "canceled",
    "expired",
    "rejected",
    "replaced",
)
"""Events that the order in them tells all of."""
_DIVIDENDS = ("DIV", "DIVCGL", "DIVCGS", "DIVNRA", "DIVROC", "DIVTXEX")


def _quantity(fields: Fields) -> Any:
    """Return the quantity; of an order by value that is over, what was filled."""
    is_over = fields.text("status") in ("filled", "canceled", "expired")
    return fields.positive("qty") or (fields.positive("filled_qty") if is_over else None)


def _notional(fields: Fields) -> Any:
    return None if _quantity(fields) is not None else fields.positive("notional")


def _reason(fields: Fields) -> str | None:
    replaced_by = fields.id("replaced_by")
    return f"replaced by {replaced_by}" if replaced_by is not None else None


_ORDER = OrderShape(
    client_id="client_order_id",
    venue_id="id",
    details={
        "symbol": "symbol",
        "side": "side",
        "order_type": ("type", "order_type"),
        "quantity": _quantity,
        "cash_quantity": _notional,
        "cash_currency": lambda fields: None if _notional(fields) is None else "USD",
        "limit_price": "limit_price",
        "stop_price": "stop_price",
        "trailing_offset": "trail_price",
        "time_in_force": "time_in_force",
        "currency": lambda _: "USD",
    },
    placed_at=("submitted_at", "created_at"),
    at=(*_ENDED_AT, "updated_at", "submitted_at"),
    status="status",
    statuses=_STATUSES,
    filled="filled_qty",
    average="filled_avg_price",
    reason=_reason,
)
_UPDATE_FILL = FillShape(
    client_id="order.client_order_id",
    venue_id="order.id",
    fill_id="execution_id",
    quantity="qty",
    price="price",
    details={},
    at="timestamp",
)
_ACTIVITY_FILL = FillShape(
    venue_id="order_id",
    fill_id=lambda fields: (fields.text("id") or "").rpartition("::")[2] or None,
    quantity="qty",
    price="price",
    details={"symbol": "symbol", "side": "side", "currency": lambda _: "USD"},
    at="transaction_time",
)


def _order(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return an order and the legs of a bracket in it."""
    facts = list(read_order(fields, _ORDER, defaults))
    for leg in fields.parts("legs"):
        facts.extend(_order(leg, defaults))
    return tuple(facts)


def _update(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what an event of the stream says, then the order as it stands in it."""
    event, order = fields.text("event") or "", fields.part("order")
    named = NamedOrder(
        client_id=order.id("client_order_id"),
        venue_id=order.id("id"),
        details=details_of(order, _ORDER.details, defaults),
        placed_at=order.time("submitted_at", "created_at"),
    )
    if named.client_id is None and named.venue_id is None:
        raise NotUnderstood("it names no order")
    facts = list(_order(order, defaults))
    return (facts[0], *_happened(fields, event, named, defaults), *facts[1:])


def _happened(fields: Fields, event: str, order: NamedOrder, defaults: Defaults) -> list[AnyFact]:
    at = fields.time("timestamp")
    if event in ("fill", "partial_fill"):
        if fields.positive("qty") is None or fields.id("execution_id") is None:
            return []  # messages of old: only the order's total tells
        fill: Any = read_fill(fields, _UPDATE_FILL, defaults)[0]
        return [attrs.evolve(fill, order=order)]
    if event in _HAPPENINGS:
        return [Change(order=order, at=at, happening=_HAPPENINGS[event], message_id=fields.id("event_id"))]
    if event in _REFUSALS:
        return [RequestRefusal(order=order, at=at, reason=event)]
    if event == "restated":
        terms = {name: order.details[name] for name in ("quantity", "limit_price") if name in order.details}
        return [NewTerms(order=order, at=at, terms=terms, asked=False, message_id=fields.id("event_id"))]
    if event in ("trade_bust", "trade_correct"):
        return [_revision(fields, event, order)]
    if event not in _NOTHING_MORE:
        raise NotUnderstood(f"the event {shown(event)} is not known")
    return []


def _revision(fields: Fields, event: str, order: NamedOrder) -> AnyFact:
    at, previous, own_id = fields.time("timestamp"), fields.id("previous_execution_id"), fields.id("execution_id")
    if event == "trade_bust":
        if previous is None and own_id is None:
            raise NotUnderstood("the bust does not say which execution it takes back")
        return Bust(order=order, at=at, fill_id=previous or own_id or "")
    quantity, price = fields.positive("qty"), fields.number("price")
    if previous is None or own_id is None or quantity is None or price is None:
        raise NotUnderstood("the correction does not say what was executed, or of which execution it is")
    return Correction(order=order, at=at, fill_id=previous, correction_id=own_id, quantity=quantity, price=price)


def _activity(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    kind = fields.text("activity_type") or ""
    if kind == "FILL":
        return read_fill(fields, _ACTIVITY_FILL, defaults)
    if kind in _DIVIDENDS:
        symbol, amount, own_id = fields.text("symbol"), fields.nonzero("net_amount"), fields.id("id")
        if symbol is None or amount is None or own_id is None:
            raise NotUnderstood("a dividend without symbol, amount or id")
        adjustment = {"kind": "DIVIDEND", "symbol": symbol, "amount": amount, "currency": "USD"}
        at = fields.time("transaction_time", "date")
        return (Movement(adjustment_id=own_id, adjustment=defaults.completed(adjustment), at=at),)
    raise NotUnderstood(f"activities of the kind {shown(kind)} are not read")


VENUE = Venue(
    kind="alpaca",
    name="ALPACA",
    zone="UTC",
    records=(
        Record("trade update", ("event", "order"), _update),
        Record("activity", ("activity_type", "id"), _activity),
        Record("order", ("id", "client_order_id", "status", "symbol"), _order),
    ),
    asides=(
        Aside(("stream", "data"), "a message of the connection"),
        Aside(("account_number",), "settings of the account"),
        Aside(("avg_entry_price",), "positions"),
        Aside(("bars",), "market data"),
    ),
)
