"""A position knows its instrument's terms, all of them, from its first movement on."""

from datetime import timedelta
from decimal import Decimal

from ledger_core import StrategyLedger
from support import fill, limit_order


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


def test_terms_that_become_known_later_reach_what_is_held(ledger: StrategyLedger) -> None:
    """A currency that only a later order names is at once that of the position and of the open trade."""
    ledger.record_order("A", limit_order())
    ledger.update_order_fill("A", fill("f1", 10))
    ledger.create_trade("T", ["A"])
    assert ledger.get_position("ACME").currency is None
    ledger.record_order("B", limit_order(currency="USD", base_currency="ACM"))
    (held,) = ledger.get_open_positions()
    assert (held.currency, held.base_currency) == ("USD", "ACM")
    assert ledger.get_trade("T").currency == "USD"
    later = ledger.as_of(occurred=held.last_executed_at + timedelta(days=9)) if held.last_executed_at else None
    assert later is not None
    assert [one.base_currency for one in later.get_open_positions()] == ["ACM"]
    assert ledger.verify().is_intact


def test_terms_of_another_venue_s_instrument_reach_nothing_here(ledger: StrategyLedger) -> None:
    """The same symbol at another venue is another instrument."""
    ledger.record_order("A", limit_order(venue="X"))
    ledger.update_order_fill("A", fill("f1", 10))
    ledger.record_order("B", limit_order(venue="Y"))
    ledger.record_order("C", limit_order(venue="Y", currency="USD"))
    (held,) = ledger.get_open_positions()
    assert held.currency is None
