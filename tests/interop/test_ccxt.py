"""ccxt: unified orders, trades and funding payments, as any exchange's come out of it."""

from decimal import Decimal
from typing import Any

import pytest

from interop.imports import brief, fills, imported, reasons
from ledger_core import StrategyLedger

AT = 1_772_461_800_000


def order(order_id: str = "1", **more: Any) -> dict[str, Any]:
    """Return a unified order."""
    own = {"id": order_id, "clientOrderId": None, "symbol": "BTC/USDT", "side": "buy", "type": "limit"}
    terms = {"price": 50000.0, "amount": 0.3, "timeInForce": "GTC", "timestamp": AT}
    return {**own, **terms, "status": "open", "filled": 0.0, "remaining": 0.3, "average": None, "info": {}, **more}


def trade(trade_id: str = "11", amount: float = 0.1, **more: Any) -> dict[str, Any]:
    """Return a unified trade of order 1."""
    own = {"id": trade_id, "order": "1", "symbol": "BTC/USDT", "side": "buy", "price": 50000.0, "amount": amount}
    return {**own, "timestamp": AT, "takerOrMaker": "maker", "fee": {"cost": 0.05, "currency": "USDT"}, **more}


def test_an_order_and_its_trades_come_to_one(ledger: StrategyLedger) -> None:
    """Trades before the order, and the order's total, which only confirms them; floats are taken as they are written."""
    closed = order(status="closed", filled=0.3, remaining=0.0, average=50000.0)
    imported(ledger, "ccxt", [trade(), trade("12", 0.2), closed], venue="KRAKEN")
    assert brief(ledger, "1") == "FILLED 0.3 of 0.3"
    assert fills(ledger, "1") == ["11: 0.1 @ 50000 - 0.05 USDT", "12: 0.2 @ 50000 - 0.05 USDT"]
    assert ledger.get_order("1").details.venue == "KRAKEN"


def test_trades_that_an_order_lists_are_its_fills(ledger: StrategyLedger) -> None:
    """Some exchanges answer with the trades in the order; they need not repeat what it says."""
    own = {name: value for name, value in trade().items() if name in ("id", "price", "amount", "timestamp", "fee")}
    imported(ledger, "ccxt", [order(status="canceled", filled=0.1, trades=[own])])
    assert (brief(ledger, "1"), fills(ledger, "1")) == ("CANCELED 0.1 of 0.3", ["11: 0.1 @ 50000 - 0.05 USDT"])


def test_an_order_without_its_trades_stands_for_them(ledger: StrategyLedger) -> None:
    """With the fee of the whole order; trades that come later take its place."""
    imported(ledger, "ccxt", [order(filled=0.1, average=50000.0, fee={"cost": 0.05, "currency": "USDT"})])
    assert fills(ledger, "1") == ["inferred:0.1: 0.1 @ 50000 - 0.05 USDT"]
    imported(ledger, "ccxt", [trade()])
    assert fills(ledger, "1") == ["11: 0.1 @ 50000 - 0.05 USDT"]


@pytest.mark.parametrize(
    ("status", "filled", "shown"),
    [
        ("open", 0.0, "ACCEPTED 0 of 0.3"),
        ("open", 0.1, "PARTIALLY_FILLED 0.1 of 0.3"),
        ("closed", 0.3, "FILLED 0.3 of 0.3"),
        ("closed", 0.1, "CANCELED 0.1 of 0.3"),
        ("canceled", 0.0, "CANCELED 0 of 0.3"),
        ("canceling", 0.0, "ACCEPTED 0 of 0.3"),
        ("expired", 0.0, "EXPIRED 0 of 0.3"),
        ("rejected", 0.0, "REJECTED 0 of 0.3"),
    ],
)
def test_quantities_decide_and_the_status_confirms(
    status: str, filled: float, shown: str, ledger: StrategyLedger
) -> None:
    """A closed order is filled only as far as its quantities say so."""
    imported(ledger, "ccxt", [order(status=status, filled=filled, average=50000.0)])
    assert brief(ledger, "1") == shown


def test_a_spot_fee_in_the_coin_itself_is_taken_from_what_is_held(ledger: StrategyLedger) -> None:
    """Bought 0.1 BTC with 0.001 BTC of fees: 0.099 are held."""
    imported(ledger, "ccxt", [trade(fee={"cost": 0.001, "currency": "BTC"})])
    assert str(ledger.get_position("BTC/USDT").quantity) == "0.099"


def test_several_fees_of_one_trade_are_read_from_its_list(ledger: StrategyLedger) -> None:
    """`fees` with one fee is that fee."""
    imported(ledger, "ccxt", [trade(fee=None, fees=[{"cost": 0.07, "currency": "BNB"}])])
    assert fills(ledger, "1") == ["11: 0.1 @ 50000 - 0.07 BNB"]


def test_a_contract_whose_coin_pays_is_inverse(ledger: StrategyLedger) -> None:
    """BTC/USD:BTC is margined and settled in BTC; its size has to be told."""
    terms = {"BTC/USD:BTC": {"multiplier": 100}}
    imported(ledger, "ccxt", [trade(symbol="BTC/USD:BTC", amount=3, fee=None)], terms=terms)
    details = ledger.get_order("1").details
    assert (details.inverse, details.base_currency, details.multiplier) == (True, "BTC", Decimal(100))


def test_a_funding_payment_is_an_adjustment(ledger: StrategyLedger) -> None:
    """Paid or received, once."""
    payment = {"id": "f1", "symbol": "BTC/USDT:USDT", "code": "USDT", "amount": -0.25, "timestamp": AT, "info": {}}
    imported(ledger, "ccxt", [payment])
    assert [str(one.amount) for one in ledger.find_adjustments()] == ["-0.25"]


def test_what_is_of_the_market_is_passed_over_and_what_is_not_known_is_told(ledger: StrategyLedger) -> None:
    """Tickers, order books and balances say nothing of an order."""
    told = [{"bids": [], "asks": []}, {"free": {}, "used": {}, "total": {}}, {"status": "ok"}]
    report = imported(ledger, "ccxt", told)
    assert reasons(report, "passed over") == ["account balances", "an order book"]
    assert report.not_understood == 1


def test_what_is_broken_in_an_order_is_told_with_its_field(ledger: StrategyLedger) -> None:
    """The rest is read."""
    report = imported(ledger, "ccxt", [order(amount="a lot"), order("2")])
    assert reasons(report, "not understood") == ["amount is no number: 'a lot'"]
    assert brief(ledger, "2") == "ACCEPTED 0 of 0.3"
