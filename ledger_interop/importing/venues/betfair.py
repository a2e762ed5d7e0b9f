"""Betfair: the order stream, and orders of the betting interface.

A bet is an order at odds: what is backed is sold, what is laid is bought, so that who backs at high odds and lays at
low ones has won. A selection of a market is an instrument.
"""

from ledger_core.lifecycle import OrderState
from ledger_interop.importing.facts import AnyFact, Ending, NamedOrder, Placement
from ledger_interop.importing.fields import Fields, Getter, NotUnderstood, Terms
from ledger_interop.importing.readers import cancel_refused
from ledger_interop.importing.shapes import ENDED, Defaults, OrderShape, details_of, read_order
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_SIDES = {"B": "SELL", "BACK": "SELL", "L": "BUY", "LAY": "BUY"}


def _side(*paths: str) -> Getter:
    return lambda fields: _SIDES.get(fields.word(*paths) or "")


def _symbol(market: str, selection: str, handicap: str) -> Getter:
    def read(fields: Fields) -> str | None:
        parts = [fields.text(market), fields.text(selection)]
        if None in parts:
            return None
        shift = fields.nonzero(handicap)
        return "-".join(str(part) for part in (*parts, *((shift,) if shift is not None else ())))

    return read


def _complete(matched: str, lapsed: str, status: str, done: str) -> Getter:
    """Return what reads a status: of a bet that is over, its sizes tell whether it was matched, canceled or lapsed."""

    def read(fields: Fields) -> str | None:
        word = fields.text(status)
        if word != done:
            return word
        return "LAPSED" if fields.positive(lapsed) is not None and fields.positive(matched) is None else "OVER"

    return read


_STATUSES = {"E": "ACCEPTED", "EXECUTABLE": "ACCEPTED", "OVER": ENDED, "LAPSED": "EXPIRED", "PENDING": "PLACED"}
_STREAM = OrderShape(
    client_id="rfo",
    venue_id="id",
    details={
        "symbol": _symbol("_up._up.id", "_up.id", "_up.hc"),
        "side": _side("side"),
        "order_type": lambda fields: "limit" if fields.text("ot") == "L" else "market on close",
        "quantity": "s",
        "limit_price": "p",
    },
    placed_at="pd",
    at=("md", "cd", "ld", "pd"),
    status=_complete("sm", "sl", "status", "EC"),
    statuses=_STATUSES,
    filled="sm",
    average="avp",
)
_CURRENT = OrderShape(
    client_id="customerOrderRef",
    venue_id="betId",
    details={
        "symbol": _symbol("marketId", "selectionId", "handicap"),
        "side": _side("side"),
        "order_type": "orderType",
        "quantity": ("priceSize.size", "bspLiability"),
        "limit_price": "priceSize.price",
    },
    placed_at="placedDate",
    at=("matchedDate", "cancelledDate", "lapsedDate", "placedDate"),
    status=_complete("sizeMatched", "sizeLapsed", "status", "EXECUTION_COMPLETE"),
    statuses=_STATUSES,
    filled="sizeMatched",
    average="averagePriceMatched",
)
_CLEARED = OrderShape(
    client_id="customerOrderRef",
    venue_id="betId",
    details={
        "symbol": _symbol("marketId", "selectionId", "handicap"),
        "side": _side("side"),
        "order_type": "orderType",
        "quantity": "sizeSettled",
        "limit_price": "priceRequested",
    },
    placed_at="placedDate",
    at=("lastMatchedDate", "settledDate"),
    status=lambda _: "SETTLED",
    statuses={"SETTLED": "FILLED"},
    filled="sizeSettled",
    average="priceMatched",
)
_REPORT = OrderShape(
    client_id="instruction.customerOrderRef",
    venue_id="betId",
    details={
        "symbol": _symbol("_market", "instruction.selectionId", "instruction.handicap"),
        "side": _side("instruction.side"),
        "order_type": "instruction.orderType",
        "quantity": "instruction.limitOrder.size",
        "limit_price": "instruction.limitOrder.price",
    },
    placed_at="placedDate",
    at="placedDate",
    status=lambda fields: fields.text("orderStatus") or "EXECUTABLE",
    statuses={**_STATUSES, "EXECUTIONCOMPLETE": ENDED},
    filled="sizeMatched",
    average="averagePriceMatched",
)
_SENT: Terms = {
    "symbol": _symbol("_up.marketId", "selectionId", "handicap"),
    "side": _side("side"),
    "order_type": "orderType",
    "quantity": "limitOrder.size",
    "limit_price": "limitOrder.price",
}


def _with_market(fields: Fields) -> Fields:
    market = fields.text("_up.marketId", "_up._up.marketId")
    return Fields({**fields.source, "_market": market}, fields.zone)


def _placed(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    found = _with_market(fields)
    if fields.text("status") == "FAILURE":
        client_id = fields.id("instruction.customerOrderRef")
        if client_id is None:
            raise NotUnderstood("it refuses an order and does not say which")
        order = NamedOrder(client_id=client_id, details=details_of(found, _REPORT.details, defaults))
        return (Ending(order=order, state=OrderState.REJECTED, reason=fields.reason("errorCode")),)
    return read_order(found, _REPORT, defaults)


def _sent(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    client_id = fields.id("customerOrderRef")
    if client_id is None:
        raise NotUnderstood("the order has no id before its answer")
    return (Placement(order=NamedOrder(client_id=client_id, details=details_of(fields, _SENT, defaults))),)


def _canceled(_fields: Fields, _defaults: Defaults) -> tuple[AnyFact, ...]:
    raise NotUnderstood("it says how much of a bet was canceled, and not whether that was all of it")


VENUE = Venue(
    kind="betfair",
    name="BETFAIR",
    zone="UTC",
    records=(
        Record("bet of the stream", ("id", "p", "s", "side", "sm"), _STREAM),
        Record("bet", ("betId", "priceSize", "status"), _CURRENT),
        Record("settled bet", ("betId", "sizeSettled", "priceMatched"), _CLEARED),
        Record("answer to a bet", ("instruction", "status"), _placed, test=lambda f: "side" in f.part("instruction")),
        Record(
            "answer to a cancel",
            ("instruction", "sizeCancelled"),
            _canceled,
            test=lambda f: f.text("status") == "SUCCESS",
        ),
        Record(
            "refusal of a cancel",
            ("instruction", "errorCode"),
            cancel_refused(venue_id="instruction.betId", reason="errorCode"),
            test=lambda fields: fields.text("status") == "FAILURE",
        ),
        Record("bet as sent", ("selectionId", "limitOrder", "side"), _sent),
    ),
    asides=(
        Aside(("op", "oc"), "what is matched in a market, without the bets"),
        Aside(("availableToBetBalance",), "account balances"),
        Aside(("currencyCode",), "settings of the account"),
        Aside(("newPersistenceType",), "says only that a bet is kept in play"),
        Aside(("currentOrders", "moreAvailable"), "nothing is in it"),
        Aside(("errorCode",), "it refuses a request as a whole and names no bet"),
        Aside(("jsonrpc", "error"), "it refuses a request as a whole and names no bet"),
        Aside(("params", "method"), "a request, whose answer tells what became of it"),
        Aside(("instructions",), "a request, whose answer tells what became of it"),
    ),
)
