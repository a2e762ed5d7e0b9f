"""Binance: the user data streams of spot and futures, and orders and trades of their REST interfaces.

Order and trade ids are unique by symbol only, so an order that has no client id is recorded as `SYMBOL-orderId`.
"""

from typing import Any

from ledger_interop.importing.facts import AnyFact, NewTerms
from ledger_interop.importing.fields import Fields, NotUnderstood
from ledger_interop.importing.readers import DONE, OPEN, average_of, words
from ledger_interop.importing.shapes import (
    Defaults,
    FillShape,
    OrderShape,
    PartlyUnderstood,
    fee,
    read_fill,
    read_order,
)
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import UP, Aside, Record

_STATUSES = words(
    OPEN,
    DONE,
    PENDINGNEW="PLACED",
    PENDINGCANCEL="PENDING",
    EXPIREDINMATCH="EXPIRED",
    NEWADL="ACCEPTED",
    NEWINSURANCE="ACCEPTED",
    TRIGGERING="ACCEPTED",
    TRIGGERED="ACCEPTED",
    FINISHED="ENDED",
    WORKING="ACCEPTED",
)
_TYPES = {
    "STOP_LOSS": "stop",
    "STOP_MARKET": "stop",
    "STOP_LOSS_LIMIT": "stop limit",
    "STOP": "stop limit",  # of futures, where a stop at the market is STOP_MARKET
    "TAKE_PROFIT": "take profit",
    "TAKE_PROFIT_LIMIT": "take profit",
    "TAKE_PROFIT_MARKET": "take profit",
    "TRAILING_STOP_MARKET": "trailing stop",
    "LIMIT_MAKER": "limit",
}
_TRADES = ("TRADE", "CALCULATED")  # CALCULATED: a liquidation


def _type(*paths: str) -> Any:
    return lambda fields: _TYPES.get(fields.text(*paths) or "", fields.text(*paths))


def _recorded_as(symbol: str, order_id: str) -> Any:
    def read(fields: Fields) -> str | None:
        name, number = fields.text(symbol), fields.id(order_id)
        return None if name is None or number is None else f"{name}-{number}"

    return read


def _takes_from_base(symbol: str, currency: str) -> Any:
    """Return what tells whether a fee is paid in the coin that is traded: then it changes what is held of it."""

    def read(fields: Fields) -> bool:
        pair, paid = fields.text(symbol) or "", fields.text(currency)
        return paid is not None and pair != paid and pair.startswith(paid)

    return read


def _client_id(fields: Fields) -> str | None:
    """Return the order's client id: the event of a cancel has the cancel's own in `c`, and the order's in `C`."""
    return fields.id("C") or fields.id("c")


_SPOT_TERMS: dict[str, Any] = {
    "symbol": "s",
    "side": "S",
    "order_type": _type("o"),
    "time_in_force": "f",
    "quantity": "q",
    "limit_price": "p",
    "stop_price": "P",
}
_SPOT_ORDER = OrderShape(
    client_id=_client_id,
    venue_id="i",
    recorded_as=_recorded_as("s", "i"),
    details=_SPOT_TERMS,
    placed_at="O",
    at="T",
    status="X",
    statuses=_STATUSES,
    filled="z",
    average=average_of("Z", "z"),
    reason=lambda fields: None if fields.text("r") in (None, "NONE") else fields.reason("r"),
)
_SPOT_FILL = FillShape(
    client_id=_client_id,
    venue_id="i",
    recorded_as=_recorded_as("s", "i"),
    fill_id="t",
    quantity="l",
    price="L",
    details=_SPOT_TERMS,
    placed_at="O",
    at="T",
    liquidity=lambda fields: fields.flag("m"),
    fees=fee("n", "N"),
    fee_in_base=_takes_from_base("s", "N"),
)
_FUTURES_TERMS: dict[str, Any] = {
    "symbol": "s",
    "side": "S",
    "order_type": _type("ot", "o"),
    "time_in_force": "f",
    "quantity": "q",
    "limit_price": "p",
    "stop_price": "sp",
    "position_side": "ps",
    "reduce_only": "R",
}
_FUTURES_ORDER = OrderShape(
    client_id="c",
    venue_id="i",
    recorded_as=_recorded_as("s", "i"),
    details=_FUTURES_TERMS,
    at="T",
    status="X",
    statuses=_STATUSES,
    filled="z",
    average="ap",
)
_FUTURES_FILL = FillShape(
    client_id="c",
    venue_id="i",
    recorded_as=_recorded_as("s", "i"),
    fill_id="t",
    quantity="l",
    price="L",
    details=_FUTURES_TERMS,
    at="T",
    liquidity=lambda fields: fields.flag("m"),
    fees=fee("n", "N"),
)
_LITE_FILL = FillShape(
    client_id="c",
    venue_id="i",
    recorded_as=_recorded_as("s", "i"),
    fill_id="t",
    quantity="l",
    price="L",
    details={"symbol": "s", "side": "S", "quantity": "q", "limit_price": "p"},
    at="T",
    liquidity=lambda fields: fields.flag("m"),
)
_ALGO_ORDER = OrderShape(
    client_id=("caid", "clientAlgoId"),
    venue_id=("aid", "algoId"),
    details={
        "symbol": ("s", "symbol"),
        "side": ("S", "side"),
        "order_type": _type("o", "type"),
        "time_in_force": ("f", "timeInForce"),
        "quantity": ("q", "quantity"),
        "limit_price": ("p", "price"),
        "stop_price": ("tp", "triggerPrice"),
        "position_side": ("ps", "positionSide"),
        "reduce_only": ("R", "reduceOnly"),
    },
    placed_at="createTime",
    at=("_up.T", "updateTime"),
    status=("X", "algoStatus"),
    statuses=_STATUSES,
    reason="rm",
)
_REST_TERMS: dict[str, Any] = {
    "symbol": "symbol",
    "side": "side",
    "order_type": _type("origType", "type"),
    "time_in_force": "timeInForce",
    "quantity": lambda fields: fields.positive("origQty", "executedQty"),
    "limit_price": "price",
    "stop_price": "stopPrice",
    "position_side": "positionSide",
    "reduce_only": "reduceOnly",
}
_REST_ORDER = OrderShape(
    client_id=("origClientOrderId", "clientOrderId"),
    venue_id="orderId",
    recorded_as=_recorded_as("symbol", "orderId"),
    details=_REST_TERMS,
    placed_at=("time", "workingTime"),
    at=("updateTime", "transactTime", "time"),
    status="status",
    statuses=_STATUSES,
    filled="executedQty",
    average=lambda fields: (
        fields.positive("avgPrice") or average_of(("cummulativeQuoteQty", "cumQuote"), "executedQty")(fields)
    ),
)
_ANSWER_FILL = FillShape(
    client_id="_up.clientOrderId",
    venue_id="_up.orderId",
    recorded_as=_recorded_as("_up.symbol", "_up.orderId"),
    fill_id="tradeId",
    quantity="qty",
    price="price",
    details={name: f"_up.{path}" for name, path in (("symbol", "symbol"), ("side", "side"), ("quantity", "origQty"))},
    at="_up.transactTime",
    fees=fee("commission", "commissionAsset"),
    fee_in_base=_takes_from_base("_up.symbol", "commissionAsset"),
)
_REST_TRADE = FillShape(
    venue_id="orderId",
    recorded_as=_recorded_as("symbol", "orderId"),
    fill_id="id",
    quantity="qty",
    price="price",
    details={
        "symbol": "symbol",
        "side": lambda fields: fields.text("side") or ("buy" if fields.flag("isBuyer", "buyer") else "sell"),
        "position_side": "positionSide",
    },
    at="time",
    liquidity=lambda fields: fields.flag("isMaker", "maker"),
    fees=fee("commission", "commissionAsset"),
    fee_in_base=lambda fields: "isBuyer" in fields and _takes_from_base("symbol", "commissionAsset")(fields),
)


def _with_fills(
    fields: Fields, defaults: Defaults, order: OrderShape, fills: tuple[AnyFact, ...]
) -> tuple[AnyFact, ...]:
    """Return an order as it stands, with its fills told first, so that its total only confirms them."""
    try:
        facts = read_order(fields, order, defaults)
    except PartlyUnderstood as error:
        raise PartlyUnderstood(str(error), (error.facts[0], *fills, *error.facts[1:])) from None
    return (facts[0], *fills, *facts[1:])


def _fills(fields: Fields, shape: FillShape, defaults: Defaults) -> tuple[AnyFact, ...]:
    if fields.text("x") not in _TRADES or fields.positive("l") is None:
        return ()
    return read_fill(fields, shape, defaults)


def _spot_event(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    return _with_fills(fields, defaults, _SPOT_ORDER, _fills(fields, _SPOT_FILL, defaults))


def _futures_event(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    order = Fields({**fields.part("o").source, UP: fields.source}, fields.zone)
    facts = _with_fills(order, defaults, _FUTURES_ORDER, _fills(order, _FUTURES_FILL, defaults))
    if order.text("x") != "AMENDMENT":
        return facts
    placed: Any = facts[0]
    terms = {name: placed.order.details[name] for name in ("quantity", "limit_price") if name in placed.order.details}
    return (placed, NewTerms(order=placed.order, at=order.time("T"), terms=terms, asked=True), *facts[1:])


def _algo_event(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    return read_order(Fields({**fields.part("o").source, UP: fields.source}, fields.zone), _ALGO_ORDER, defaults)


def _rest_order(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    fills: list[AnyFact] = []
    for part in fields.parts("fills"):
        if part.id("tradeId") is None:
            raise NotUnderstood("a fill in the answer has no id")
        fills.extend(read_fill(Fields({**part.source, UP: fields.source}, fields.zone), _ANSWER_FILL, defaults))
    return _with_fills(fields, defaults, _REST_ORDER, tuple(fills))


def _is(event: str) -> Any:
    return lambda fields: fields.text("e") == event


VENUE = Venue(
    kind="binance",
    name="BINANCE",
    records=(
        Record("executionReport", ("e", "i", "x", "X"), _spot_event, test=_is("executionReport")),
        Record("ORDER_TRADE_UPDATE", ("e", "o"), _futures_event, test=_is("ORDER_TRADE_UPDATE")),
        Record("TRADE_LITE", ("e", "i", "t"), _LITE_FILL, test=_is("TRADE_LITE")),
        Record("ALGO_UPDATE", ("e", "o"), _algo_event, test=_is("ALGO_UPDATE")),
        Record("order", ("orderId", "symbol", "status", "side"), _rest_order),
        Record("algo order", ("algoId", "algoStatus", "symbol"), _ALGO_ORDER),
        Record("trade", ("id", "orderId", "symbol", "qty", "price"), _REST_TRADE),
    ),
    asides=(
        Aside(("fixture",), "a description of a binary message"),
        Aside(("fixtures",), "a description of a binary message"),
        Aside(("e", "B"), "account balances"),
        Aside(("e", "a", "E"), "account balances"),
        Aside(("e", "O", "g"), "the state of a list of orders, whose orders have events of their own"),
        Aside(("listStatusType",), "the state of a list of orders, whose orders have events of their own"),
        Aside(("e", "p", "q"), "trades of the whole market"),
        Aside(("isBuyerMaker",), "trades of the whole market"),
        Aside(("positionAmt",), "positions"),
        Aside(("assets", "positions"), "account balances"),
        Aside(("balances",), "account balances"),
        Aside(("a", "p", "q", "f", "l"), "trades of the whole market"),
        Aside(("longShortRatio",), "market data"),
        Aside(("dualSidePosition",), "settings of the account"),
        Aside(("marginType", "leverage"), "settings of the account"),
    ),
)
