"""Execution quality: each figure by hand, in the currency and with the sign that its words say."""

# Numbers are written here as a caller would: Decimal(10) == 10.
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import Entry, StrategyLedger
from ledger_report.quality import OrderHistory, Quality, quality_by, read_order_histories
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, limit_order, market_order
from support.trading import at


@pytest.fixture
def ledger() -> StrategyLedger:
    """Return an empty ledger."""
    return StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())


def quality(ledger: StrategyLedger, **where: Any) -> Quality:
    """Return the figures of all orders."""
    (found,) = quality_by(read_order_histories(ledger, **where))
    return found


def test_the_fill_ratio_is_the_mean_over_orders_that_have_ended(ledger: StrategyLedger) -> None:
    """An order that still works counts not yet, a rejected one counts as nothing filled, one of unknown size not at all."""
    for order_id, filled, end in (("whole", 10, None), ("half", 5, "cancel"), ("none", 0, "cancel"), ("open", 5, None)):
        ledger.record_order(order_id, limit_order())
        if filled:
            ledger.update_order_fill(order_id, fill("F", filled))
        if end:
            ledger.update_order_cancellation(order_id)
    ledger.record_order("refused", limit_order())
    ledger.update_order_rejection("refused", "no margin")
    ledger.record_order("by value", {**_by_value()})
    ledger.update_order_cancellation("by value")
    found = quality(ledger)
    assert (found.orders, found.ended, found.filled, found.partly_filled, found.rejected) == (6, 5, 1, 1, 1)
    assert found.fill_ratio == Decimal("0.375")  # of whole, half, none and refused
    assert found.filled_share == Decimal("0.2")


def _by_value() -> dict[str, object]:
    return {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "cash_quantity": 100, "cash_currency": "USD"}


def test_times_count_from_placing_by_the_venues_clock(ledger: StrategyLedger) -> None:
    """To its first answer, whatever it was, to the first fill, and to the last of a filled order."""
    answers = {"A": 1, "B": 2, "C": 3, "D": 4}
    for order_id, seconds in answers.items():
        ledger.record_order(order_id, limit_order(quantity=2), occurred_at=START)
        ledger.update_order_acceptance(order_id, occurred_at=at(seconds))
    ledger.update_order_fill("A", fill("F1", 1, executed_at=at(10)))
    ledger.update_order_fill("A", fill("F2", 1, executed_at=at(30)))
    ledger.update_order_fill("B", fill("F1", 1, executed_at=at(20)))
    found = quality(ledger)
    assert found.time_to_acknowledgement is not None
    assert found.time_to_acknowledgement.count == 4
    assert found.time_to_acknowledgement.median == timedelta(seconds=2)
    assert found.time_to_acknowledgement.percentile_95 == found.time_to_acknowledgement.most == timedelta(seconds=4)
    assert found.time_to_first_fill is not None
    assert (found.time_to_first_fill.least, found.time_to_first_fill.most) == (
        timedelta(seconds=10),
        timedelta(seconds=20),
    )
    assert found.time_to_filled is not None
    assert (found.time_to_filled.count, found.time_to_filled.median) == (1, timedelta(seconds=30))


def test_an_order_that_nobody_answered_has_no_time(ledger: StrategyLedger) -> None:
    """Doubt is no answer; a fill, a rejection or a cancellation is one."""
    for order_id in ("placed", "doubt", "filled", "refused"):
        ledger.record_order(order_id, limit_order(), occurred_at=START)
    ledger.update_order_in_doubt("doubt", occurred_at=at(1))
    ledger.update_order_fill("filled", fill("F", 1), occurred_at=at(2))
    ledger.update_order_rejection("refused", None, occurred_at=at(3))
    found = quality(ledger).time_to_acknowledgement
    assert found is not None
    assert (found.count, found.least, found.most) == (2, timedelta(seconds=2), timedelta(seconds=3))


@pytest.mark.parametrize(
    ("side", "price", "cost"), [("BUY", 99, -10), ("BUY", 101, 10), ("SELL", 101, -10), ("SELL_SHORT", 99, 10)]
)
def test_slippage_is_positive_to_our_disadvantage(ledger: StrategyLedger, side: str, price: int, cost: int) -> None:
    """Paying more, or getting less, than the benchmark costs; the other way round is a gain."""
    ledger.record_order("A1", market_order(side, 10, currency="USD", arrival_price=100))
    ledger.update_order_fill("A1", fill("F", 10, price))
    (found,) = quality(ledger).against_arrival
    assert (found.currency, found.fills, found.value, found.cost) == ("USD", 1, 1000, cost)
    assert found.basis_points == cost * 10


def test_slippage_of_an_inverse_contract_is_in_its_base(ledger: StrategyLedger) -> None:
    """A buyer who pays 50,000 instead of 40,000 for 100 USD contracts gets less of the coin: that much it cost."""
    terms = {"inverse": True, "base_currency": "BTC", "currency": "USD", "multiplier": 100}
    ledger.record_order("A1", market_order("BUY", 20, symbol="BTC/USD", arrival_price=40000, **terms))
    ledger.update_order_fill("A1", fill("F", 20, 50000))
    (found,) = quality(ledger).against_arrival
    assert (found.currency, found.value, found.cost) == ("BTC", Decimal("0.05"), Decimal("0.01"))


def test_a_fill_is_measured_against_the_limit_of_its_time(ledger: StrategyLedger) -> None:
    """Each against the limit that was in force when it was recorded; without a limit there is nothing to measure."""
    ledger.record_order("A1", limit_order(quantity=3, limit_price=100, currency="USD"))
    ledger.update_order_fill("A1", fill("F1", 1, 98))
    ledger.update_order_replacement("A1", changes={"limit_price": 105})
    ledger.update_order_fill("A1", fill("F2", 1, 104))
    ledger.record_order("A2", market_order(currency="USD"))
    ledger.update_order_fill("A2", fill("F1", 1, 98))
    (found,) = quality(ledger).against_limit
    assert (found.fills, found.value, found.cost) == (2, 205, -3)


def test_currencies_stay_apart(ledger: StrategyLedger) -> None:
    """Money of two currencies is two figures."""
    for order_id, symbol, currency in (("A1", "ACME", "USD"), ("A2", "ETH", "EUR")):
        ledger.record_order(order_id, market_order(symbol=symbol, currency=currency, arrival_price=100))
        ledger.update_order_fill(order_id, fill("F", 10, 101))
    assert [(one.currency, one.cost) for one in quality(ledger).against_arrival] == [("EUR", 10), ("USD", 10)]


def test_the_maker_share_counts_what_the_venue_told(ledger: StrategyLedger) -> None:
    """By value, and by number; executions without a word about it count on neither side, busted ones nowhere."""
    ledger.record_order("A1", market_order(quantity=100, currency="USD"))
    for number, (liquidity, quantity) in enumerate((("MAKER", 3), ("TAKER", 1), ("MAKER", 5), (None, 50))):
        data = fill(f"F{number}", quantity, 10)
        ledger.update_order_fill("A1", {**data, "liquidity": liquidity} if liquidity else data)
    ledger.bust_order_fill("A1", "F2")
    (found,) = quality(ledger).maker
    assert (found.fills, found.maker_fills, found.value, found.maker_value) == (2, 1, 40, 30)
    assert found.share == Decimal("0.75")


def test_rejections_are_counted_by_what_and_why(ledger: StrategyLedger) -> None:
    """Of orders, and of requests to cancel or replace; the most frequent come first."""
    for order_id, reason in (("A", "no margin"), ("B", "no margin"), ("C", None)):
        ledger.record_order(order_id, limit_order())
        ledger.update_order_rejection(order_id, reason)
    ledger.record_order("D", limit_order())
    ledger.request_order_cancel("D", "R1")
    ledger.update_order_request_rejection("D", "too late", "R1")
    assert quality(ledger).rejections == (
        ("order", "no margin", 2),
        ("cancel", "too late", 1),
        ("order", "no reason given", 1),
    )


def test_groups_are_looked_at_apart(ledger: StrategyLedger) -> None:
    """By whatever an order's history has."""
    for order_id, symbol in (("A", "ACME"), ("B", "ETH"), ("C", "ETH")):
        ledger.record_order(order_id, market_order(symbol=symbol))

    def symbol_of(one: OrderHistory) -> str:
        return one.order.symbol

    assert [(one.name, one.orders) for one in quality_by(read_order_histories(ledger), symbol_of)] == [
        ("ACME", 1),
        ("ETH", 2),
    ]


def test_a_part_of_the_history_can_be_looked_at(ledger: StrategyLedger) -> None:
    """By the time of placing and by symbol; of what is not there, there is no quality."""
    for index in range(4):
        ledger.record_order(f"O{index}", market_order(symbol=("ACME", "ETH")[index % 2]), occurred_at=at(index))
        ledger.update_order_acceptance(f"O{index}", occurred_at=at(index + 0.5))
    assert quality(ledger, since=at(2)).orders == 2
    assert quality(ledger, symbol="ETH", until=at(3)).orders == 1
    assert read_order_histories(ledger, symbol="NONE") == []
    assert quality_by([]) == []
    seen: list[int] = []

    def watched(entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            seen.append(entry.sequence)
            yield entry

    read_order_histories(ledger, since=at(2), watched=watched)
    assert seen == [5, 6, 7, 8]
