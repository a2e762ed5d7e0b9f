"""OKX v5: orders, algo orders and spread orders, whose messages carry the last fill with them."""

from decimal import Decimal

from ledger_interop.importing.facts import AnyFact
from ledger_interop.importing.fields import Fields, Terms
from ledger_interop.importing.readers import DONE, OPEN, acknowledged, words
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
from ledger_interop.importing.walking import Aside, Record

_STATUSES = words(
    OPEN,
    DONE,
    MMPCANCELED="CANCELED",
    EFFECTIVE="ACCEPTED",
    ORDERPLACED="ACCEPTED",
    PARTIALLYEFFECTIVE="ACCEPTED",
    PAUSE="ACCEPTED",
    ORDERFAILED="REJECTED",
    PARTIALLYFAILED="REJECTED",
)
_TIMES_IN_FORCE = {"fok": "FOK", "ioc": "IOC", "optimal_limit_ioc": "IOC", "post_only": "GTC", "limit": "GTC"}
_ALGO_TYPES = {"trigger": "stop", "conditional": "stop", "move_order_stop": "trailing stop", "oco": "oco"}


def _time_in_force(fields: Fields) -> str | None:
    return _TIMES_IN_FORCE.get(fields.text("ordType") or "")


def _order_type(fields: Fields) -> str | None:
    word = fields.text("ordType")
    return "limit" if word in ("fok", "ioc", "post_only", "limit") else word


def _algo_type(fields: Fields) -> str | None:
    word = _ALGO_TYPES.get(fields.text("ordType") or "")
    return "stop limit" if word == "stop" and fields.positive("ordPx", "slOrdPx", "tpOrdPx") is not None else word


def _fill_fee(fields: Fields) -> Decimal | None:
    """Return what this fill cost: `fee` of an order is that of all its fills."""
    if "fillFee" in fields or "accFillSz" not in fields or fields.number("accFillSz") == fields.number("fillSz"):
        return fields.nonzero("fillFee", "fee")
    return None


def _is_charged_in_base(fields: Fields) -> bool:
    """Whether a fee was taken out of what was bought: only of spot, whose names have two parts."""
    base, _, quote = (fields.text("instId") or "").partition("-")
    return bool(quote) and "-" not in quote and fields.text("fillFeeCcy", "feeCcy") == base


_TERMS: Terms = {
    "symbol": ("instId", "sprdId"),
    "side": "side",
    "position_side": "posSide",
    "reduce_only": "reduceOnly",
}
_ORDER = OrderShape(
    client_id="clOrdId",
    venue_id="ordId",
    details={
        **_TERMS,
        "order_type": _order_type,
        "time_in_force": _time_in_force,
        "quantity": "sz",
        "limit_price": "px",
    },
    placed_at="cTime",
    at="uTime",
    status="state",
    statuses=_STATUSES,
    filled="accFillSz",
    average="avgPx",
    reason="cancelSourceReason",
    fees=fee("fee", "feeCcy", negative_is_paid=True),
    fee_in_base=_is_charged_in_base,
)
_ALGO = OrderShape(
    client_id="algoClOrdId",
    venue_id="algoId",
    details={
        **_TERMS,
        "order_type": _algo_type,
        "quantity": "sz",
        "limit_price": lambda fields: fields.positive("ordPx", "slOrdPx", "tpOrdPx"),
        "stop_price": lambda fields: fields.positive("triggerPx", "slTriggerPx", "tpTriggerPx"),
    },
    placed_at="cTime",
    at="uTime",
    status="state",
    statuses=words(_STATUSES, FILLED="ACCEPTED"),  # what it set off is an order of its own, with the fills
)
_FILL = FillShape(
    client_id="clOrdId",
    venue_id="ordId",
    fill_id="tradeId",
    quantity="fillSz",
    price="fillPx",
    details={**_TERMS, "order_type": _order_type, "time_in_force": _time_in_force, "quantity": "sz"},
    placed_at="cTime",
    at=("fillTime", "ts", "uTime"),
    liquidity="execType",
    fees=fee(_fill_fee, ("fillFeeCcy", "feeCcy"), negative_is_paid=True),
    fee_in_base=_is_charged_in_base,
)


def _order_with_fill(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what an order's message says: its last fill, where it has one, then the order as it stands."""
    fills: tuple[AnyFact, ...] = ()
    if fields.id("tradeId") is not None and fields.positive("fillSz") is not None:
        fills = read_fill(fields, _FILL, defaults)
    try:
        order = read_order(fields, _ORDER, defaults)
    except PartlyUnderstood as error:
        raise PartlyUnderstood(str(error), (*fills, *error.facts)) from None
    return (order[0], *fills, *order[1:])


def _is_filled_alone(fields: Fields) -> bool:
    return fields.id("ordId") is not None and "state" not in fields


VENUE = Venue(
    kind="okx",
    name="OKX",
    records=(
        Record("algo order", ("algoId", "algoClOrdId", "state"), _ALGO, unless=("accFillSz",)),
        Record("order", ("ordId", "state", "side"), _order_with_fill),
        Record("fill", ("tradeId", "ordId", "fillSz"), _FILL, test=_is_filled_alone),
        Record(
            "acknowledgement",
            ("ordId", "clOrdId", "sCode"),
            acknowledged(client_id="clOrdId", venue_id="ordId"),
            test=lambda fields: fields.text("sCode") == "0",
        ),
        Record(
            "acknowledgement",
            ("algoId", "algoClOrdId", "sCode"),
            acknowledged(client_id="algoClOrdId", venue_id="algoId"),
            test=lambda fields: fields.text("sCode") == "0",
        ),
    ),
    asides=(
        Aside(("totalEq",), "account balances"),
        Aside(("bids", "asks"), "an order book"),
        Aside(("posId",), "positions"),
        Aside(("closeAvgPx",), "positions"),
        Aside(("posMode",), "settings of the account"),
        Aside(("maker", "taker"), "fees in force"),
        Aside(("imr", "mmr"), "terms of margin"),
        Aside(("tier", "maxLever"), "terms of margin"),
        Aside(("tradeId", "instId", "px"), "trades of the whole market"),
        Aside(("algoId", "sCode"), "says only that a request was received"),
    ),
)
