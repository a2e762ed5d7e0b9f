"""Bybit v5: orders and executions of the REST interface and of the private stream, all categories."""

from typing import Any

from ledger_interop.importing.facts import AnyFact, Movement
from ledger_interop.importing.fields import Fields, NotUnderstood, Terms
from ledger_interop.importing.readers import DONE, OPEN, acknowledged, base_of, quote_of, words
from ledger_interop.importing.shapes import PENDING, Defaults, FillShape, OrderShape, fee
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_STATUSES = words(
    OPEN,
    DONE,
    CREATED="PLACED",
    UNTRIGGERED="ACCEPTED",
    TRIGGERED="ACCEPTED",
    DEACTIVATED="CANCELED",
    PARTIALLYFILLEDCANCELED="CANCELED",
    PENDINGCANCEL=PENDING,
)
_POSITION_SIDES = {"1": "LONG", "2": "SHORT"}


def _order_type(fields: Fields) -> str | None:
    """Return the type with what triggers it: a buy that waits for a rise, or a sale for a fall, is a stop."""
    word = fields.text("orderType")
    if fields.positive("triggerPrice") is None or fields.text("stopOrderType") in (None, "UNKNOWN"):
        return word
    waits_for_rise = fields.text("triggerDirection") == "1"
    if fields.text("triggerDirection") in ("1", "2") and waits_for_rise != (fields.word("side") == "BUY"):
        return "if touched"
    return "stop limit" if word == "Limit" else "stop"


def _is_inverse(fields: Fields) -> bool | None:
    return True if fields.text("category", "_up.category") == "inverse" else None


def _inverse_base(fields: Fields) -> str | None:
    return base_of(fields.text("symbol")) if _is_inverse(fields) else None


def _fee_currency(fields: Fields) -> str | None:
    told = fields.text("feeCurrency")
    return told or (_inverse_base(fields) if _is_inverse(fields) else quote_of(fields.text("symbol")))


def _is_charged_in_base(fields: Fields) -> bool:
    """Whether a fee was taken out of what was bought: only of spot, where the category or the name of the fee tells."""
    is_spot = fields.text("category", "_up.category") in (None, "spot")
    told = fields.text("feeCurrency")
    return is_spot and told is not None and told == base_of(fields.text("symbol"))


def _funding(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    paid, symbol, own_id = fields.nonzero("execFee"), fields.text("symbol"), fields.id("execId")
    currency = _fee_currency(fields)
    if paid is None or symbol is None or own_id is None or currency is None:
        raise NotUnderstood("a funding payment without amount, symbol, currency or id")
    adjustment: dict[str, Any] = {"kind": "FUNDING", "symbol": symbol, "amount": -paid, "currency": currency}
    return (Movement(adjustment_id=own_id, adjustment=defaults.completed(adjustment), at=fields.time("execTime")),)


_TERMS: Terms = {
    "symbol": "symbol",
    "side": "side",
    "inverse": _is_inverse,
    "base_currency": _inverse_base,
    "position_side": lambda fields: _POSITION_SIDES.get(fields.text("positionIdx") or ""),
}
_ORDER = OrderShape(
    client_id="orderLinkId",
    venue_id="orderId",
    details={
        **_TERMS,
        "order_type": _order_type,
        "quantity": "qty",
        "limit_price": "price",
        "stop_price": "triggerPrice",
        "time_in_force": "timeInForce",
        "reduce_only": "reduceOnly",
    },
    placed_at="createdTime",
    at="updatedTime",
    status="orderStatus",
    statuses=_STATUSES,
    filled="cumExecQty",
    average="avgPrice",
    reason=lambda fields: fields.reason("rejectReason", "cancelType") if fields.text("rejectReason") else None,
    fees=fee("cumExecFee", _fee_currency),
    fee_in_base=_is_charged_in_base,
)
_FILL = FillShape(
    client_id="orderLinkId",
    venue_id="orderId",
    fill_id="execId",
    quantity="execQty",
    price="execPrice",
    details={
        **_TERMS,
        "order_type": "orderType",
        "quantity": "orderQty",
        "limit_price": "orderPrice",
    },
    at="execTime",
    liquidity=lambda fields: fields.flag("isMaker"),
    fees=fee("execFee", _fee_currency),
    fee_in_base=_is_charged_in_base,
)

VENUE = Venue(
    kind="bybit",
    name="BYBIT",
    records=(
        Record("funding", ("execId", "execType"), _funding, test=lambda fields: fields.text("execType") == "Funding"),
        Record("execution", ("execId", "execQty", "orderId"), _FILL),
        Record("order", ("orderId", "orderStatus", "symbol"), _ORDER),
        Record(
            "acknowledgement",
            ("orderId", "orderLinkId"),
            acknowledged(client_id="orderLinkId", venue_id="orderId"),
            test=lambda fields: fields.text("_up.op") in (None, "order.create"),
        ),
    ),
    asides=(
        Aside(("b", "a", "u"), "an order book"),
        Aside(("totalWalletBalance",), "account balances"),
        Aside(("positionValue",), "positions"),
        Aside(("execId", "isBlockTrade"), "trades of the whole market"),
        Aside(("T", "v", "p", "S"), "trades of the whole market"),
        Aside(("unifiedMarginStatus",), "settings of the account"),
        Aside(("apiKey",), "settings of the account"),
        Aside(("permissions",), "settings of the account"),
        Aside(("subMembers",), "settings of the account"),
        Aside(("uid", "username"), "settings of the account"),
    ),
)
