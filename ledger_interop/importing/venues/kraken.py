"""Kraken: spot orders and trades, and futures orders, fills and order events."""

import re
from decimal import Decimal
from typing import Any

from ledger_core.lifecycle import OrderState
from ledger_interop.importing.facts import AnyFact, NamedOrder, Placement
from ledger_interop.importing.fields import Fields, NotUnderstood, Terms
from ledger_interop.importing.readers import (
    DONE,
    OPEN,
    acknowledged,
    base_of,
    ended,
    quote_of,
    sum_of,
    words,
)
from ledger_interop.importing.shapes import (
    ENDED,
    Defaults,
    FillShape,
    OrderShape,
    details_of,
    fee,
    read_order,
)
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import UP, Aside, Record

_INVERSE = ("PI_", "FI_")
"""Futures with these names are inverse: their contracts are worth 1 USD each, and are settled in the coin."""
_FUTURES_TYPES = {
    "lmt": "limit",
    "mkt": "market",
    "stp": "stop",
    "post": "limit",
    "ioc": "limit",
    "take_profit": "take profit",
    "trailing_stop": "trailing stop",
}
_ORDER_TEXT = re.compile(r"(?:buy|sell) (\d+(?:\.\d+)?) ", re.ASCII)


def _pair(fields: Fields) -> str | None:
    return fields.text("descr.pair", "pair", "symbol")


def _spot_limit(fields: Fields) -> Decimal | None:
    word = fields.text("descr.ordertype") or ""
    if word.endswith("-limit"):
        return fields.positive("descr.price2", "limitprice")
    return fields.positive("descr.price") if word == "limit" else None


def _spot_stop(fields: Fields) -> Decimal | None:
    if "stop" not in (fields.text("descr.ordertype") or ""):
        return None
    return fields.positive("stopprice") or fields.positive("descr.price") or fields.positive("descr.price2")


def _futures_terms(symbol: Any) -> dict[str, Any]:
    def is_inverse(fields: Fields) -> bool | None:
        return True if (fields.text(*symbol) or "").upper().startswith(_INVERSE) else None

    def base(fields: Fields) -> str | None:
        if not is_inverse(fields):
            return None
        name = (fields.text(*symbol) or "")[3:].partition("_")[0]
        return base_of(name)

    return {
        "symbol": symbol,
        "inverse": is_inverse,
        "base_currency": base,
        "currency": lambda fields: "USD" if is_inverse(fields) else None,
    }


def _futures_type(*paths: str) -> Any:
    return lambda fields: _FUTURES_TYPES.get(fields.text(*paths) or "", fields.text(*paths))


def _direction(fields: Fields) -> str | None:
    word = fields.text("direction")
    return None if word is None else {"0": "buy", "1": "sell"}.get(word, word)


def _is_buy(fields: Fields) -> str | None:
    bought = fields.flag("buy")
    return None if bought is None else "buy" if bought else "sell"


def _feed_status(fields: Fields) -> str:
    """Return the status of an order of the stream, which its envelope tells."""
    if not fields.flag("_up.is_cancel"):
        return "open"
    return "filled" if fields.text("_up.reason") == "full_fill" else "canceled"


def _placed_spot(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what the answer to a spot order says: its terms stand in a sentence, its id beside it."""
    sentence = _ORDER_TEXT.search(fields.text("descr.order") or "")
    ids = fields.value("txid")
    if sentence is None or not isinstance(ids, list) or len(ids) != 1:
        raise NotUnderstood("the answer does not name one order and its quantity")
    details = details_of(fields, _SPOT_TERMS, defaults)
    details["quantity"] = Decimal(sentence[1])
    order = NamedOrder(venue_id=str(ids[0]), details=details)
    return (Placement(order=order),)


def _asked_spot(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    shape: Terms = {
        "symbol": "params.symbol",
        "side": "params.side",
        "order_type": "params.order_type",
        "quantity": "params.order_qty",
        "limit_price": "params.limit_price",
        "time_in_force": "params.time_in_force",
        "post_only": "params.post_only",
    }
    client_id = fields.id("params.cl_ord_id")
    if client_id is None:
        raise NotUnderstood("the order has no id before its answer")
    return (Placement(order=NamedOrder(client_id=client_id, details=details_of(fields, shape, defaults))),)


def _event(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what a futures order event says: the order as it then was, and what happened to it."""
    order = {**fields.part("order", "orderTrigger").source, UP: fields.source}
    return read_order(Fields(order, fields.zone), _EVENT_ORDER, defaults)


_SPOT_TERMS: Terms = {
    "symbol": _pair,
    "side": ("descr.type", "type"),
    "order_type": ("descr.ordertype", "ordertype"),
    "quantity": "vol",
    "limit_price": _spot_limit,
    "stop_price": _spot_stop,
}
_SPOT_ORDER = OrderShape(
    client_id="cl_ord_id",
    venue_id="_key",
    details=_SPOT_TERMS,
    placed_at="opentm",
    at=("closetm", "opentm"),
    status="status",
    statuses=words(OPEN, DONE, CLOSED=ENDED, PENDING="PLACED"),
    filled="vol_exec",
    average="price",
    reason="reason",
    fees=fee("fee", lambda fields: quote_of(_pair(fields))),
)
_SPOT_TRADE = FillShape(
    venue_id="ordertxid",
    fill_id="_key",
    quantity="vol",
    price="price",
    details={"symbol": "pair", "side": "type", "order_type": "ordertype"},
    at="time",
    liquidity=lambda fields: fields.flag("maker"),
    fees=fee("fee", lambda fields: quote_of(_pair(fields))),
)
_FUTURES_ORDER = OrderShape(
    client_id="cli_ord_id",
    venue_id="order_id",
    details={
        **_futures_terms(("symbol",)),
        "side": "side",
        "order_type": _futures_type("orderType"),
        "quantity": sum_of("unfilledSize", "filledSize"),
        "limit_price": "limitPrice",
        "stop_price": "stopPrice",
        "reduce_only": "reduceOnly",
    },
    placed_at="receivedTime",
    at="lastUpdateTime",
    status="status",
    statuses=words(OPEN, DONE, UNTOUCHED="ACCEPTED"),
    filled="filledSize",
    stands_for_fills=False,
)
_FEED_ORDER = OrderShape(
    client_id="cli_ord_id",
    venue_id="order_id",
    details={
        **_futures_terms(("instrument",)),
        "side": _direction,
        "order_type": _futures_type("type"),
        "quantity": sum_of("qty", "filled"),
        "limit_price": "limit_price",
        "stop_price": "stop_price",
        "reduce_only": "reduce_only",
    },
    placed_at="time",
    at="last_update_time",
    status=_feed_status,
    statuses=words(OPEN, DONE),
    filled="filled",
    reason="_up.reason",
    stands_for_fills=False,
)
_EVENT_ORDER = OrderShape(
    client_id="cliOrdId",
    venue_id=("orderId", "uid"),
    details={
        **_futures_terms(("symbol",)),
        "side": "side",
        "order_type": _futures_type("type"),
        "quantity": "quantity",
        "limit_price": "limitPrice",
        "stop_price": ("stopPrice", "triggerPrice"),
        "reduce_only": "reduceOnly",
    },
    placed_at="timestamp",
    at="lastUpdateTimestamp",
    status="_up.type",
    statuses=words(PLACE="ACCEPTED", FILL="PARTIALLY_FILLED", CANCEL="CANCELED", EDIT="ACCEPTED", REJECT="REJECTED"),
    filled="filled",
    stands_for_fills=False,
)
_FUTURES_FILL = FillShape(
    client_id="cli_ord_id",
    venue_id="order_id",
    fill_id="fill_id",
    quantity=("size", "qty"),
    price="price",
    details={
        **_futures_terms(("symbol", "instrument")),
        "side": lambda fields: fields.text("side") or _is_buy(fields),
        "order_type": _futures_type("order_type"),
    },
    at=("fillTime", "time"),
    liquidity=("fillType", "fill_type"),
    fees=fee("fee_paid", "fee_currency"),
)

VENUE = Venue(
    kind="kraken",
    name="KRAKEN",
    zone="UTC",
    records=(
        Record("spot order", ("descr", "vol", "vol_exec", "status"), _SPOT_ORDER),
        Record("spot trade", ("ordertxid", "pair", "vol", "price"), _SPOT_TRADE),
        Record("answer to a spot order", ("descr", "txid"), _placed_spot),
        Record("spot order as sent", ("method", "params"), _asked_spot, test=lambda f: f.text("method") == "add_order"),
        Record(
            "acknowledgement",
            ("order_id", "cl_ord_id", "order_userref"),
            acknowledged(client_id="cl_ord_id", venue_id="order_id", at="_up.time_out"),
        ),
        Record("futures fill", ("fill_id", "order_id", "price"), _FUTURES_FILL),
        Record("futures order", ("order_id", "unfilledSize", "orderType"), _FUTURES_ORDER),
        Record("futures order", ("order_id", "instrument", "qty", "filled"), _FEED_ORDER),
        Record("futures order event", ("order", "type"), _event, test=lambda f: "orderId" in f.part("order")),
        Record("futures order event", ("orderTrigger", "type"), _event),
        Record(
            "end of a futures order",
            ("feed", "order_id", "is_cancel"),
            ended(OrderState.CANCELED, client_id="cli_ord_id", venue_id="order_id", reason="reason"),
            test=lambda fields: fields.flag("is_cancel") is True,
        ),
        Record(
            "end of a futures order",
            ("order_id", "status"),
            ended(OrderState.CANCELED, venue_id="order_id", at="_up.serverTime"),
            test=lambda fields: fields.text("status") == "cancelled",
        ),
        Record(
            "acknowledgement",
            ("order_id", "status"),
            acknowledged(client_id="cli_ord_id", venue_id="order_id", at="_up.serverTime"),
            test=lambda fields: fields.text("status") == "placed",
        ),
    ),
    asides=(
        Aside(("method", "error"), "it refuses an order and does not say which"),
        Aside(("method", "params"), "a request, whose answer tells what became of it"),
        Aside(("candles",), "market data"),
        Aside(("eb", "tb"), "account balances"),
        Aside(("count",), "says only how many orders were canceled"),
        Aside(("asks", "bids"), "an order book"),
        Aside(("orderBook",), "an order book"),
        Aside(("makerOrder", "takerOrder"), "trades of the whole market"),
        Aside(("feed", "uid"), "trades of the whole market"),
        Aside(("trade_id", "ord_type"), "trades of the whole market"),
        Aside(("openPositions",), "positions"),
        Aside(("posstatus",), "positions"),
        Aside(("XBTUSDT", "last"), "trades of the whole market"),
    ),
)
