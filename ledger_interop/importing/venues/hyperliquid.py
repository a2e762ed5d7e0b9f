"""Hyperliquid: a user's fills, and orders with their status."""

from ledger_interop.importing.fields import Fields
from ledger_interop.importing.readers import DONE, OPEN, rest_of, words
from ledger_interop.importing.shapes import FillShape, OrderShape, fee
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_SPOT_MARKS = ("@", "/")
_CONVERTED = "0x" + "0" * 64
"""The hash of what no transaction of the chain did, such as a conversion of dust."""


def _fill_id(fields: Fields) -> str | None:
    """Return the trade's id; conversions have none, so their order and time stand for it."""
    return fields.id("tid") or f"{fields.text('oid')}:{fields.text('time')}"


def _is_charged_in_base(fields: Fields) -> bool:
    """Whether a fee was taken out of what was bought: of spot purchases, unless it was paid in dollars."""
    is_spot = any(mark in (fields.text("coin") or "") for mark in _SPOT_MARKS)
    return is_spot and fields.text("side") == "B" and fields.text("feeToken") not in ("USDC", "USDH", "USDT0")


_FILL = FillShape(
    client_id="cloid",
    venue_id="oid",
    fill_id=_fill_id,
    quantity="sz",
    price="px",
    details={"symbol": "coin", "side": "side"},
    at="time",
    liquidity=lambda fields: None if fields.flag("crossed") is None else not fields.flag("crossed"),
    fees=fee("fee", "feeToken"),
    fee_in_base=_is_charged_in_base,
)
_ORDER = OrderShape(
    client_id="order.cloid",
    venue_id="order.oid",
    details={
        "symbol": "order.coin",
        "side": "order.side",
        "order_type": "order.orderType",
        "quantity": ("order.origSz", "order.sz"),
        "limit_price": "order.limitPx",
        "stop_price": "order.triggerPx",
        "time_in_force": "order.tif",
        "reduce_only": "order.reduceOnly",
    },
    placed_at="order.timestamp",
    at="statusTimestamp",
    status="status",
    statuses=words(OPEN, DONE, TRIGGERED="ACCEPTED", MARGINCANCELED="CANCELED", SELFTRADECANCELED="CANCELED"),
    filled=rest_of("order.origSz", "order.sz"),
    stands_for_fills=False,
)

VENUE = Venue(
    kind="hyperliquid",
    name="HYPERLIQUID",
    records=(
        Record("fill", ("coin", "px", "sz", "oid", "tid"), _FILL),
        Record("order", ("order", "status", "statusTimestamp"), _ORDER),
    ),
    asides=(Aside(("coin", "px", "sz", "users"), "trades of the whole market"),),
)
