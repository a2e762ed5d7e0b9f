"""NautilusTrader: order events as `to_dict()` writes them.

An instrument id is SYMBOL.VENUE. Events of positions and accounts say nothing that the order events do not.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ledger_core.lifecycle import OrderState, RequestKind
from ledger_interop.importing.facts import (
    Acceptance,
    AnyFact,
    Bust,
    Change,
    Ending,
    Execution,
    Fees,
    Happening,
    NamedOrder,
    NewTerms,
    Placement,
    Request,
    RequestRefusal,
)
from ledger_interop.importing.fields import Fields, NotUnderstood, decimal_of, shown
from ledger_interop.importing.readers import quote_of
from ledger_interop.importing.shapes import Defaults
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.vocabulary import liquidity_of, order_type_of, side_of, time_in_force_of
from ledger_interop.importing.walking import Aside, Record

_Reader = Callable[[Fields, NamedOrder], tuple[AnyFact, ...]]


def _event(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    kind = fields.text("type") or ""
    reader = _READERS.get(kind)
    if reader is None:
        raise NotUnderstood(f"events of the kind {shown(kind)} are not known")
    client_id, venue_id = fields.id("client_order_id"), fields.id("venue_order_id")
    if client_id is None and venue_id is None:
        raise NotUnderstood("it names no order")
    details = defaults.completed(_details(fields, kind))
    placed_at = _time(fields) if kind == "OrderInitialized" else None
    order = NamedOrder(client_id=client_id, venue_id=venue_id, details=details, placed_at=placed_at)
    return reader(fields, order)


def _details(fields: Fields, kind: str) -> dict[str, Any]:
    symbol, _, venue = (fields.text("instrument_id") or "").rpartition(".")
    found: dict[str, Any] = {"symbol": symbol or None, "venue": venue or None, "account": fields.text("account_id")}
    side = fields.text("order_side")
    if side is not None and side != "NO_ORDER_SIDE":
        found["side"] = side_of(side)
    if kind == "OrderFilled":
        found["currency"] = fields.text("currency")
        found["order_type"] = order_type_of(fields.text("order_type"))
    elif kind == "OrderInitialized":
        options = fields.part("options")
        is_value = fields.flag("quote_quantity") is True
        found.update(
            order_type=order_type_of(fields.text("order_type")),
            time_in_force=time_in_force_of(fields.text("time_in_force")),
            quantity=None if is_value else fields.positive("quantity"),
            limit_price=options.number("price"),
            stop_price=options.number("trigger_price"),
            trailing_offset=options.nonzero("trailing_offset"),
            expire_at=options.time("expire_time_ns", "expire_time") if options.id("expire_time_ns") else None,
            post_only=fields.flag("post_only"),
            reduce_only=fields.flag("reduce_only"),
            order_list_id=fields.id("order_list_id"),
            parent_order_id=fields.id("parent_order_id"),
        )
        if is_value:
            found.update(cash_quantity=fields.positive("quantity"), cash_currency=_quote(symbol))
    return {name: value for name, value in found.items() if value is not None}


def _quote(symbol: str) -> str:
    quote = quote_of(symbol)
    if quote is None:
        raise NotUnderstood(f"an order by value, in a currency that {shown(symbol)} does not tell")
    return quote


def _initialized(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    return (Placement(order=order, at=_time(fields)),)


def _accepted(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    return (Acceptance(order=order, at=_time(fields), resumes=True),)


def _ended(state: OrderState) -> _Reader:
    def read(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
        return (Ending(order=order, at=_time(fields), state=state, reason=fields.reason("reason")),)

    return read


def _triggered(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    return (Change(order=order, at=_time(fields), happening=Happening.TRIGGERED),)


def _pending_cancel(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    """Return the request; an event has an id of its own, which stands for the request's."""
    request_id = fields.id("event_id")
    if request_id is None:
        return ()
    return (Request(order=order, at=_time(fields), kind=RequestKind.CANCEL, request_id=request_id),)


def _refused(kind: RequestKind) -> _Reader:
    def read(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
        return (RequestRefusal(order=order, at=_time(fields), kind=kind, reason=fields.reason("reason")),)

    return read


def _updated(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    found = {
        "quantity": fields.positive("quantity"),
        "limit_price": fields.number("price"),
        "stop_price": fields.number("trigger_price"),
    }
    terms = {name: value for name, value in found.items() if value is not None}
    event_id = fields.id("event_id")
    return (NewTerms(order=order, at=_time(fields), terms=terms, asked=True, request_id=event_id),)


def _filled(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    fill_id, price = fields.id("trade_id"), fields.number("last_px")
    if fill_id is None or price is None:
        raise NotUnderstood("the fill has no trade_id, or no last_px")
    return (
        Execution(
            order=order,
            at=_time(fields),
            fill_id=fill_id,
            quantity=fields.needed("last_qty"),
            price=price,
            fees=_commission(fields),
            liquidity=liquidity_of(fields.text("liquidity_side")),
        ),
    )


def _voided(fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    fill_id = fields.id("trade_id")
    if fill_id is None:
        raise NotUnderstood("the fill that is voided has no trade_id")
    return (Bust(order=order, at=_time(fields), fill_id=fill_id, reason=fields.reason("reason")),)


def _commission(fields: Fields) -> Fees:
    """Return the commission, which is written as `0.50 USD`."""
    amount, _, currency = (fields.text("commission") or "").partition(" ")
    number = decimal_of(amount.replace("_", "") or None, "commission")
    return ((number, currency.strip()),) if number and currency.strip() else ()


def _nothing(_fields: Fields, order: NamedOrder) -> tuple[AnyFact, ...]:
    return (Placement(order=order),) if "side" in order.details else ()


def _time(fields: Fields) -> Any:
    return fields.time("ts_event", "ts_init")


# fmt: off
_READERS: Mapping[str, _Reader] = {
    "OrderInitialized":     _initialized,
    "OrderDenied":          _ended(OrderState.REJECTED),
    "OrderEmulated":        _nothing,
    "OrderReleased":        _nothing,
    "OrderSubmitted":       _nothing,
    "OrderAccepted":        _accepted,
    "OrderRejected":        _ended(OrderState.REJECTED),
    "OrderCanceled":        _ended(OrderState.CANCELED),
    "OrderExpired":         _ended(OrderState.EXPIRED),
    "OrderTriggered":       _triggered,
    "OrderPendingUpdate":   _nothing,
    "OrderPendingCancel":   _pending_cancel,
    "OrderModifyRejected":  _refused(RequestKind.REPLACE),
    "OrderCancelRejected":  _refused(RequestKind.CANCEL),
    "OrderUpdated":         _updated,
    "OrderFilled":          _filled,
    "OrderFillVoided":      _voided,
}
# fmt: on

VENUE = Venue(
    kind="nautilus",
    name=None,
    zone="UTC",
    records=(
        Record(
            "order event",
            ("type", "client_order_id"),
            _event,
            test=lambda fields: (fields.text("type") or "").startswith("Order"),
        ),
    ),
    asides=(
        Aside(("position_id", "entry"), "an event of a position, which its fills tell"),
        Aside(("balances", "account_id"), "account balances"),
        Aside(("bid_price", "ask_price"), "market data"),
    ),
)
