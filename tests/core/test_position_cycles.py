"""What was taken back leaves a position as if it had never been; what turned around begins anew."""

from decimal import Decimal

import attrs
import pytest

from ledger_core import Position, StrategyLedger
from support import fill


def _order(ledger: StrategyLedger, order_id: str, side: str, quantity: int) -> None:
    details = {"symbol": "ACME", "side": side, "quantity": quantity, "order_type": "MARKET"}
    ledger.record_order(order_id, details)


def _trade(ledger: StrategyLedger, order_id: str, side: str, quantity: int, price: str) -> None:
    _order(ledger, order_id, side, quantity)
    ledger.update_order_fill(order_id, fill(f"F-{order_id}", quantity, price))


def _content(position: Position) -> Position:
    return attrs.evolve(position, sequence=0, version=0)


def test_a_position_whose_only_fill_is_busted_is_one_that_never_was(ledger: StrategyLedger) -> None:
    """It is flat, costs nothing, has realized nothing, and nothing is the last that happened to it."""
    _trade(ledger, "in", "BUY", 10, "100")
    ledger.bust_order_fill("in", "F-in", "erroneous")
    position = ledger.get_position("ACME")
    assert _content(position) == Position(symbol="ACME")
    assert position.last_economic_order is None


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_position_is_what_it_was_before_a_fill_that_is_busted(ledger: StrategyLedger, rounds: int) -> None:
    """After whole rounds, the first fill of a new one, taken back, leaves what the last round left."""
    for number in range(rounds):
        _trade(ledger, f"in {number}", "BUY", 10, "100")
        _trade(ledger, f"out {number}", "SELL", 10, f"10{number + 1}")
    before = ledger.get_position("ACME")
    assert before.cycle_realized_pnl == 10 * rounds
    _trade(ledger, "again", "SELL", 3, "50")
    ledger.bust_order_fill("again", "F-again", "erroneous")
    assert _content(ledger.get_position("ACME")) == _content(before)


def test_what_is_told_after_a_bust_is_in_order_again(ledger: StrategyLedger) -> None:
    """A fill that happened after what still stands is the next one, whatever was taken back in between."""
    _trade(ledger, "in", "BUY", 10, "100")
    _trade(ledger, "out", "SELL", 10, "101")
    _trade(ledger, "again", "BUY", 3, "50")
    ledger.bust_order_fill("again", "F-again", "erroneous")
    _trade(ledger, "more", "BUY", 4, "60")
    position = ledger.get_position("ACME")
    assert (position.quantity, position.cost, position.realized_pnl) == (Decimal(4), Decimal(240), Decimal(10))
    assert position.last_executed_at == ledger.get_fill("more", "F-more").executed_at


@pytest.mark.parametrize("sign", [1, -1])
def test_a_position_that_turns_around_begins_a_new_cycle(ledger: StrategyLedger, sign: int) -> None:
    """What a part exit has realized belongs to the cycle that the flip ends, and the new one begins with nothing."""
    enter, leave = ("BUY", "SELL") if sign > 0 else ("SELL", "BUY")
    _trade(ledger, "in", enter, 10, "100")
    _trade(ledger, "part", leave, 4, "110")
    held = ledger.get_position("ACME")
    assert (held.cycle_realized_pnl, held.realized_pnl) == (Decimal(40 * sign), Decimal(40 * sign))
    _trade(ledger, "flip", leave, 10, "120")
    turned = ledger.get_position("ACME")
    assert (turned.quantity, turned.cycle_realized_pnl, turned.realized_pnl) == (
        Decimal(-4 * sign),
        Decimal(0),
        Decimal(160 * sign),
    )
    assert turned.opened_at == ledger.get_fill("flip", "F-flip").executed_at
    _trade(ledger, "out", enter, 4, "119.5")
    assert ledger.get_position("ACME").cycle_realized_pnl == sign * Decimal(2)
