"""BitMEX: orders, and executions, which are what FIX calls execution reports."""

from decimal import Decimal
from typing import Any

from ledger_core.numbers import plain, times
from ledger_interop.importing.facts import AnyFact, Movement
from ledger_interop.importing.fields import Fields, NotUnderstood, Terms
from ledger_interop.importing.readers import DONE, OPEN, cancel_refused, words
from ledger_interop.importing.shapes import PENDING, Defaults, FillShape, OrderShape, fee
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_UNITS = {"XBt": ("XBT", Decimal("0.00000001")), "USDt": ("USDT", Decimal("0.000001")), "XBT": ("XBT", Decimal(1))}
"""What money is counted in: satoshis, millionths of USDT."""


def _money(fields: Fields, amount: Decimal | None) -> tuple[Decimal, str] | None:
    unit = _UNITS.get(fields.text("settlCurrency") or "")
    if amount is None or unit is None:
        return None
    return plain(times(amount, unit[1])), unit[0]


def _fee_amount(fields: Fields) -> Decimal | None:
    money = _money(fields, fields.nonzero("execComm"))
    return None if money is None else money[0]


def _fee_currency(fields: Fields) -> str | None:
    unit = _UNITS.get(fields.text("settlCurrency") or "")
    return None if unit is None else unit[0]


def _funding(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    paid, symbol, own_id = _money(fields, fields.nonzero("execComm")), fields.text("symbol"), fields.id("execID")
    if paid is None or symbol is None or own_id is None:
        raise NotUnderstood("a funding payment without amount, symbol or id")
    adjustment: dict[str, Any] = {"kind": "FUNDING", "symbol": symbol, "amount": -paid[0], "currency": paid[1]}
    return (
        Movement(
            adjustment_id=own_id, adjustment=defaults.completed(adjustment), at=fields.time("transactTime", "timestamp")
        ),
    )


_DETAILS: Terms = {
    "symbol": "symbol",
    "side": "side",
    "order_type": "ordType",
    "quantity": "orderQty",
    "limit_price": "price",
    "stop_price": "stopPx",
    "time_in_force": "timeInForce",
    "account": "account",
}
_ORDER = OrderShape(
    client_id="clOrdID",
    venue_id="orderID",
    details=_DETAILS,
    at=("transactTime", "timestamp"),
    status="ordStatus",
    statuses=words(OPEN, DONE, TRIGGERED="ACCEPTED", PENDINGCANCEL=PENDING, PENDINGNEW="PLACED"),
    filled="cumQty",
    average="avgPx",
    reason="ordRejReason",
)
_EXECUTION = FillShape(
    client_id="clOrdID",
    venue_id="orderID",
    fill_id="execID",
    quantity="lastQty",
    price="lastPx",
    details=_DETAILS,
    at=("transactTime", "timestamp"),
    liquidity="lastLiquidityInd",
    fees=fee(_fee_amount, _fee_currency),
)

VENUE = Venue(
    kind="bitmex",
    name="BITMEX",
    records=(
        Record(
            "refusal of a cancel",
            ("execID", "orderID", "execType"),
            cancel_refused(client_id="clOrdID", venue_id="orderID", at="transactTime", reason=("ordRejReason", "text")),
            test=lambda fields: fields.text("execType") == "CancelReject",
        ),
        Record("funding", ("execID", "execType"), _funding, test=lambda f: f.text("execType") == "Funding"),
        Record(
            "execution",
            ("execID", "orderID", "lastQty"),
            _EXECUTION,
            test=lambda fields: fields.positive("lastQty") is not None,
        ),
        Record("order", ("orderID", "ordStatus", "symbol"), _ORDER),
    ),
    asides=(
        Aside(("underlying", "leverage"), "positions"),
        Aside(("trdMatchID", "size"), "trades of the whole market"),
        Aside(("bids", "asks"), "an order book"),
        Aside(("size", "side", "id"), "an order book"),
        Aside(("open", "close", "vwap"), "market data"),
        Aside(("fundingRate",), "market data"),
        Aside(("settlementType",), "market data"),
        Aside(("walletBalance",), "account balances"),
        Aside(("marginBalance",), "account balances"),
        Aside(("transactType",), "account balances"),
        Aside(("clOrdID", "orderQty"), "an order as it was sent, without its side"),
        Aside(("prevPayout",), "account balances"),
        Aside(("prevDeposited",), "account balances"),
        Aside(("ttl",), "settings of the account"),
        Aside(("username",), "settings of the account"),
        Aside(("email",), "settings of the account"),
        Aside(("makerFee",), "fees in force"),
    ),
)
