"""Binance: user data streams of spot and futures, and orders and trades as REST returns them."""

from typing import Any

import pytest

from interop.imports import brief, fills, imported, reasons
from ledger_core import StrategyLedger

AT = 1_772_461_800_000


def spot(kind: str, status: str, cum: str = "0", **more: Any) -> dict[str, Any]:
    """Return an executionReport of the spot stream."""
    head = {"e": "executionReport", "E": AT, "s": "BTCUSDT", "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC"}
    terms = {"q": "0.3", "p": "50000", "P": "0.0", "C": "", "x": kind, "X": status, "r": "NONE", "i": 991}
    executed = {"l": "0", "L": "0", "z": cum, "Z": str(float(cum) * 50000), "n": "0", "N": None, "t": -1, "m": False}
    return {**head, **terms, **executed, "T": AT, "O": AT, **more}


def spot_fill(trade_id: int, quantity: str, cum: str, **more: Any) -> dict[str, Any]:
    """Return the report of a spot fill."""
    status = "FILLED" if cum == "0.3" else "PARTIALLY_FILLED"
    return spot("TRADE", status, cum, **{"l": quantity, "L": "50000", "t": trade_id, "n": "0.1", "N": "USDT", **more})


def futures(kind: str, status: str, cum: str = "0", **more: Any) -> dict[str, Any]:
    """Return an ORDER_TRADE_UPDATE of the futures stream."""
    own = {"s": "BTCUSDT", "c": "mine", "S": "SELL", "o": "LIMIT", "ot": "LIMIT", "f": "GTC", "q": "3", "p": "50000"}
    state = {"sp": "0", "x": kind, "X": status, "i": 992, "l": "0", "z": cum, "L": "0", "T": AT, "t": 0, "ap": "50000"}
    order = {**own, **state, "m": True, "R": False, "ps": "SHORT", "rp": "0", **more}
    return {"e": "ORDER_TRADE_UPDATE", "E": AT, "T": AT, "o": order}


def rest_order(**more: Any) -> dict[str, Any]:
    """Return an order as allOrders has it."""
    own = {"symbol": "BTCUSDT", "orderId": 991, "clientOrderId": "mine", "side": "BUY", "type": "LIMIT"}
    state = {"origQty": "0.3", "executedQty": "0", "cummulativeQuoteQty": "0", "status": "NEW", "price": "50000"}
    return {**own, **state, "timeInForce": "GTC", "stopPrice": "0.0", "time": AT, "updateTime": AT, **more}


def rest_trade(trade_id: int = 71, **more: Any) -> dict[str, Any]:
    """Return a trade as myTrades has it."""
    own = {"id": trade_id, "orderId": 991, "symbol": "BTCUSDT", "price": "50000", "qty": "0.1", "time": AT}
    return {**own, "commission": "0.1", "commissionAsset": "USDT", "isBuyer": True, "isMaker": True, **more}


def test_the_spot_stream_tells_an_orders_life(ledger: StrategyLedger) -> None:
    """New, filled in parts, canceled: the cancel's event has an id of its own, and the order's in C."""
    canceled = spot("CANCELED", "CANCELED", "0.1", c="cancel-1", C="mine")
    imported(ledger, "binance", [spot("NEW", "NEW"), spot_fill(71, "0.1", "0.1"), canceled])
    assert brief(ledger, "mine") == "CANCELED 0.1 of 0.3"
    assert fills(ledger, "mine") == ["71: 0.1 @ 50000 - 0.1 USDT"]
    assert ledger.get_order("mine").details.venue == "BINANCE"


def test_rest_and_stream_tell_of_the_same_fills(ledger: StrategyLedger) -> None:
    """The lists of orders and trades after the stream change nothing; before it they stand for it."""
    stream = [spot("NEW", "NEW"), spot_fill(71, "0.1", "0.1")]
    rest = [rest_order(status="PARTIALLY_FILLED", executedQty="0.1", cummulativeQuoteQty="5000"), rest_trade()]
    imported(ledger, "binance", rest)
    assert fills(ledger, "mine") == ["71: 0.1 @ 50000 - 0.1 USDT"]
    before = ledger.head()
    imported(ledger, "binance", stream)
    assert ledger.head() == before


def test_trades_alone_are_an_order_of_their_symbol_and_number(ledger: StrategyLedger) -> None:
    """Binance numbers the orders of each symbol: two symbols may have the same number."""
    imported(ledger, "binance", [rest_trade(), rest_trade(symbol="ETHUSDT", isBuyer=False, qty="2", price="3000")])
    assert brief(ledger, "BTCUSDT-991") == "FILLED 0.1 of 0.1"
    assert fills(ledger, "ETHUSDT-991") == ["71: 2 @ 3000 - 0.1 USDT"]


def test_an_answer_with_its_fills(ledger: StrategyLedger) -> None:
    """The answer to a new order (FULL) lists what it filled at once."""
    done = [{"price": "50000", "qty": "0.1", "commission": "0.0001", "commissionAsset": "BTC", "tradeId": 71}]
    imported(ledger, "binance", [rest_order(status="PARTIALLY_FILLED", executedQty="0.1", fills=done, transactTime=AT)])
    assert fills(ledger, "mine") == ["71: 0.1 @ 50000 - 0.0001 BTC"]
    assert str(ledger.get_position("BTCUSDT").quantity) == "0.0999"


def test_the_futures_stream_keeps_the_sides_of_a_hedge_apart(ledger: StrategyLedger) -> None:
    """A position has a side there; fees are booked when they come with the fill."""
    done = futures("TRADE", "PARTIALLY_FILLED", "1", l="1", L="50000", t=8, n="0.02", N="USDT")
    imported(ledger, "binance", [futures("NEW", "NEW"), done])
    assert fills(ledger, "mine") == ["8: 1 @ 50000 - 0.02 USDT"]
    assert ledger.get_order("mine").details.position_side == "SHORT"


def test_an_amended_order_has_its_new_terms(ledger: StrategyLedger) -> None:
    """An event of the kind AMENDMENT: quantity and price are other ones."""
    imported(ledger, "binance", [futures("NEW", "NEW"), futures("AMENDMENT", "NEW", q="5", p="49000", T=AT + 1)])
    assert brief(ledger, "mine") == "ACCEPTED 0 of 5"
    assert ledger.get_order("mine").limit_price == 49000


def test_a_fill_that_is_told_in_brief_and_in_full_is_one(ledger: StrategyLedger) -> None:
    """TRADE_LITE comes before the ORDER_TRADE_UPDATE, without the fee."""
    brief_one = {"e": "TRADE_LITE", "E": AT, "T": AT, "s": "BTCUSDT", "q": "3", "p": "50000", "m": True, "c": "mine"}
    done = futures("TRADE", "PARTIALLY_FILLED", "1", l="1", L="50000", t=8, n="0.02", N="USDT")
    lite = {**brief_one, "S": "SELL", "L": "50000", "l": "1", "t": 8, "i": 992}
    imported(ledger, "binance", [lite, done])
    assert fills(ledger, "mine") == ["8: 1 @ 50000 - 0.02 USDT"]


@pytest.mark.parametrize(
    ("kind", "status", "shown"),
    [
        ("EXPIRED", "EXPIRED", "EXPIRED 0 of 0.3"),
        ("REJECTED", "REJECTED", "REJECTED 0 of 0.3"),
        ("TRADE_PREVENTION", "EXPIRED_IN_MATCH", "EXPIRED 0 of 0.3"),
        ("REPLACED", "NEW", "ACCEPTED 0 of 0.3"),
    ],
)
def test_each_status_is_what_it_says(kind: str, status: str, shown: str, ledger: StrategyLedger) -> None:
    """Spot statuses."""
    imported(ledger, "binance", [spot("NEW", "NEW"), spot(kind, status)])
    assert brief(ledger, "mine") == shown


def test_what_is_not_known_is_told(ledger: StrategyLedger) -> None:
    """Balances are passed over; a status that is not known is told, with the order booked as far as it goes."""
    balances = {"e": "outboundAccountPosition", "E": AT, "u": AT, "B": []}
    report = imported(ledger, "binance", [balances, spot("NEW", "VANISHED")])
    assert reasons(report, "not understood") == ["the status 'VANISHED' is not known"]
    assert reasons(report, "passed over") == ["account balances"]
    assert ledger.get_order("mine").quantity is not None
