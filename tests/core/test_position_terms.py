"""A position knows its instrument's terms, all of them, from its first movement on."""

from decimal import Decimal

from ledger_core import StrategyLedger
from support import fill


def test_a_position_takes_every_term_of_its_instrument(ledger: StrategyLedger) -> None:
    """An inverse contract of 100 dollars, quoted in dollars and paid in bitcoin, is held as exactly that."""
    terms = {"multiplier": "100", "inverse": True, "base_currency": "BTC", "currency": "USD"}
    details = {"symbol": "BTC-PERP", "side": "BUY", "quantity": 5, "venue": "X", "order_type": "MARKET"}
    ledger.record_order("O-1", details | terms)
    ledger.update_order_fill("O-1", fill("F-1", 5, "20000"))
    position = ledger.get_position("BTC-PERP", venue="X")
    held = (position.multiplier, position.inverse, position.base_currency, position.currency)
    assert held == (Decimal(100), True, "BTC", "USD")
    assert position.cost == Decimal("0.025")
