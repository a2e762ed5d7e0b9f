"""What moves positions and money without an execution: funding, interest, dividends, transfers, splits."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import (
    AdjustmentKind,
    CashFlow,
    IdempotencyConflict,
    InstrumentTermsConflict,
    InvalidValue,
    StrategyLedger,
)
from support import START, RecordingPublisher, fill, limit_order, market_order

OpenLedger = Callable[..., StrategyLedger]
LATER = START + timedelta(days=1)


@pytest.fixture
def held(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger that holds 10 at 100."""
    ledger.record_order("B1", market_order(quantity=10, currency="USD", base_currency="ACM"))
    ledger.update_order_fill("B1", fill("F1", 10), occurred_at=START)
    return ledger


def adjustment(kind: str, **keys: Any) -> dict[str, Any]:
    """Return an adjustment of ACME."""
    return {"kind": kind, "symbol": "ACME", **keys}


def test_cash_is_kept_by_kind_and_currency(held: StrategyLedger, published: RecordingPublisher) -> None:
    """Two at the same moment both count; the realized PnL is what it was."""
    for number, (kind, amount, currency) in enumerate(
        [("FUNDING", "-1.5", "USD"), ("FUNDING", "0.5", "USD"), ("INTEREST", 2, "USD"), ("DIVIDEND", 3, "EUR")]
    ):
        made = held.record_adjustment(
            f"A{number}", adjustment(kind, amount=amount, currency=currency), occurred_at=LATER
        )
        assert (made.amount, made.occurred_at) == (Decimal(str(amount)), LATER)
    position = held.get_position("ACME")
    assert position.cash_flows == (
        CashFlow(AdjustmentKind.DIVIDEND, "EUR", Decimal(3)),
        CashFlow(AdjustmentKind.FUNDING, "USD", Decimal(-1)),
        CashFlow(AdjustmentKind.INTEREST, "USD", Decimal(2)),
    )
    assert (position.quantity, position.realized_pnl, position.cost) == (10, 0, 1000)
    assert published.events[-1]["event_type"] == "ADJUSTMENT_RECORDED"
    assert published.events[-1]["adjustment_id"] == "A3"
    assert [one.adjustment_id for one in held.find_adjustments(symbol="ACME")] == ["A0", "A1", "A2", "A3"]


def test_adjustment_is_known_by_its_id(held: StrategyLedger) -> None:
    """The same content is a repeat, also at another time; other content is a conflict."""
    given = adjustment("FUNDING", amount=1, currency="USD")
    first = held.record_adjustment("A1", given)
    head = held.head()
    assert held.record_adjustment("A1", given, occurred_at=LATER) == first
    with pytest.raises(IdempotencyConflict):
        held.record_adjustment("A1", {**given, "amount": 2})
    with pytest.raises(IdempotencyConflict):
        held.record_adjustment("A1", {**given, "kind": "DIVIDEND"})
    assert held.head() == head


@pytest.mark.parametrize(("symbol", "base_currency"), [("ACM/USD", None), ("PERP", "ACM")])
def test_interest_in_the_base_currency_moves_the_quantity(
    ledger: StrategyLedger, symbol: str, base_currency: str | None
) -> None:
    """What is owed in the coin itself is bought back on top: it entered for nothing, and is all cost."""
    for order_id, side, quantity in (("S1", "SELL", "30"), ("B1", "BUY", "30.000625")):
        details = market_order(side, quantity, symbol=symbol, currency="USD", base_currency=base_currency)
        ledger.record_order(order_id, details)
    ledger.update_order_fill("S1", fill("F1", 30, "2.2"), occurred_at=START)
    given = {"kind": "INTEREST", "symbol": symbol, "amount": "0.000625", "currency": "ACM"}
    made = ledger.record_adjustment("A1", given, occurred_at=LATER)
    assert made.moves_quantity
    assert ledger.get_position(symbol).quantity == Decimal("-30.000625")
    ledger.update_order_fill("B1", fill("F2", "30.000625", 2), occurred_at=LATER + timedelta(hours=1))
    position = ledger.get_position(symbol)
    assert (position.quantity, position.cost) == (0, 0)
    assert position.realized_pnl == Decimal(66) - Decimal("60.00125")


@pytest.mark.parametrize(("kind", "symbol", "currency", "inverse"), [
    ("INTEREST", "ACM/USD", "USD", False),  # paid in what the price is in
    ("INTEREST", "ACM", "ACM", False),  # a symbol without a slash names no currency
    ("INTEREST", "ACM/USD/NEXT", "ACM/USD", False),  # the base is what stands before the first slash
    ("INTEREST", "ACM/USD", "ACM", True),  # an inverse contract is no amount of its base
    ("FUNDING", "ACM/USD", "ACM", False),
])  # fmt: skip
def test_other_cash_moves_no_quantity(
    ledger: StrategyLedger, kind: str, symbol: str, currency: str, inverse: bool
) -> None:
    """Only interest in what the position itself consists of does; the rest is kept as cash."""
    ledger.record_order("B1", market_order(symbol=symbol, currency="USD", inverse=inverse))
    ledger.update_order_fill("B1", fill("F1", 10), occurred_at=START)
    given = {"kind": kind, "symbol": symbol, "amount": 2, "currency": currency}
    assert not ledger.record_adjustment("A1", given, occurred_at=LATER).moves_quantity
    position = ledger.get_position(symbol)
    assert (position.quantity, position.cash_flows) == (10, (CashFlow(AdjustmentKind(kind), currency, Decimal(2)),))


def test_opening_position_is_what_was_held_before(ledger: StrategyLedger) -> None:
    """It enters at its price; a sale realizes against it."""
    ledger.record_adjustment("A1", adjustment("OPENING_POSITION", quantity=-100, price=50, currency="USD"))
    ledger.record_order("B1", market_order(quantity=200, currency="USD"))
    ledger.update_order_fill("B1", fill("F1", 200, 100))
    position = ledger.get_position("ACME")
    assert (position.quantity, position.average_price, position.realized_pnl) == (100, 100, -5000)


def test_transfer_takes_its_share_of_the_cost_and_realizes_nothing(held: StrategyLedger) -> None:
    """Four of ten go at any price: six stay at theirs."""
    held.record_adjustment("A1", adjustment("TRANSFER", quantity=-4, price=150), occurred_at=LATER)
    position = held.get_position("ACME")
    assert (position.quantity, position.cost, position.realized_pnl) == (6, 600, 0)
    held.record_adjustment("A2", adjustment("TRANSFER", quantity=6, price=110), occurred_at=LATER)
    assert (held.get_position("ACME").quantity, held.get_position("ACME").average_price) == (12, 105)


def test_terms_of_an_instrument_are_set_by_the_first_that_names_them(ledger: StrategyLedger) -> None:
    """An adjustment too; another currency later is a conflict, that of an amount says nothing."""
    opening = adjustment("OPENING_POSITION", quantity=1, price=50, currency="USD", multiplier=10)
    ledger.record_adjustment("A1", opening)
    assert ledger.get_position("ACME").cost == 500
    with pytest.raises(InstrumentTermsConflict):
        ledger.record_order("O1", market_order(currency="EUR"))
    ledger.record_adjustment("A2", adjustment("DIVIDEND", amount=1, currency="EUR"))


def test_terms_that_an_adjustment_names_are_those_of_its_venue(ledger: StrategyLedger) -> None:
    """What it says of an instrument values the position there, and no other."""
    terms = {"multiplier": 10, "inverse": True, "base_currency": "ACM", "currency": "USD"}
    ledger.record_adjustment("A1", adjustment("TRANSFER", quantity=1, price="0.5", venue="X", **terms))
    ledger.record_adjustment("A2", adjustment("TRANSFER", quantity=1, price=0, venue="Y"))
    there, elsewhere = (ledger.get_position("ACME", venue=venue) for venue in ("X", "Y"))
    assert {name: getattr(there, name) for name in terms} == terms
    assert (elsewhere.multiplier, elsewhere.inverse, elsewhere.base_currency, elsewhere.currency) == (
        1,
        False,
        None,
        None,
    )
    assert (there.cost, elsewhere.cost) == (20, 0)


def test_split_restates_positions_orders_and_trades(held: StrategyLedger, published: RecordingPublisher) -> None:
    """Three for one: three times the units at a third of the price; what was paid stays."""
    held.create_trade("T1", ["B1"])
    held.record_order("S1", limit_order("SELL", 10, 120))
    held.update_order_fill("S1", fill("F1", 4, 120), occurred_at=START + timedelta(hours=1))
    held.update_trade("T1", {"order_ids": ["S1"]})
    assert not held.record_adjustment("A1", adjustment("SPLIT", ratio=3), occurred_at=LATER).moves_quantity
    order, trade, position = held.get_order("S1"), held.get_trade("T1"), held.get_position("ACME")
    assert (order.quantity, order.cum_quantity, order.leaves_quantity, order.limit_price) == (30, 12, 18, 40)
    assert (order.state, order.details.quantity, order.average_price) == ("PARTIALLY_FILLED", 10, 40)
    assert (position.quantity, position.cost, position.realized_pnl) == (18, 600, 80)
    assert (trade.entry_quantity, trade.exit_quantity, trade.open_quantity) == (30, 12, 18)
    restated = [event["order_id"] for event in published.events if event["event_type"] == "ORDER_RESTATED"]
    assert restated == ["S1"]
    held.update_order_fill("S1", fill("F2", 18, 41), occurred_at=LATER + timedelta(hours=1))
    assert (held.get_order("S1").state, held.get_position("ACME").quantity) == ("FILLED", 0)
    assert held.close_trade("T1").realized_pnl == held.get_position("ACME").realized_pnl == 4 * 120 + 18 * 41 - 1000


def test_bust_of_a_fill_from_before_a_split_takes_its_new_units(held: StrategyLedger) -> None:
    """Quantity x ratio leaves the order and the position; the money is that of the fill."""
    held.record_order("S1", limit_order("SELL", 10, 120))
    held.update_order_fill("S1", fill("F1", 4, 120), occurred_at=START + timedelta(hours=1))
    held.record_adjustment("A1", adjustment("SPLIT", ratio=2), occurred_at=LATER)
    held.bust_order_fill("S1", "F1")
    order, position = held.get_order("S1"), held.get_position("ACME")
    assert (order.state, order.quantity, order.cum_quantity, order.executed_value) == ("ACCEPTED", 20, 0, 0)
    assert (position.quantity, position.cost) == (20, 1000)


@pytest.mark.parametrize("late", ["fill", "split"])
def test_split_counts_where_it_stands_in_time(open_ledger_on: OpenLedger, late: str) -> None:
    """Whether the fill or the split was told first, units executed before the split count twice."""
    ledger = open_ledger_on(late)
    ledger.record_order("B1", limit_order(quantity=10))
    steps: dict[str, Callable[[], object]] = {
        "fill": lambda: ledger.update_order_fill("B1", fill("F1", 4), occurred_at=START),
        "split": lambda: ledger.record_adjustment("A1", adjustment("SPLIT", ratio=2), occurred_at=LATER),
    }
    for name in sorted(steps, key=lambda name: name == late):
        steps[name]()
    order, position = ledger.get_order("B1"), ledger.get_position("ACME")
    assert (order.quantity, order.cum_quantity, order.executed_value) == (20, 8, 400)
    assert (position.quantity, position.cost) == (8, 400)


@pytest.mark.parametrize(("ratio", "overfill"), [("0.6", 0), ("0.5", 1)])
def test_split_told_behind_fills_in_its_units_may_complete_their_order(
    ledger: StrategyLedger, ratio: str, overfill: int
) -> None:
    """A reverse split that halves what was ordered, told after fills that already were in the new units, fills the order."""
    ledger.record_order("O1", limit_order(quantity=10), occurred_at=START)
    ledger.update_order_fill("O1", fill("F1", 6), occurred_at=LATER + timedelta(hours=1))
    ledger.record_adjustment("A1", adjustment("SPLIT", ratio=ratio), occurred_at=LATER)
    order = ledger.get_order("O1")
    assert (order.state, order.cum_quantity, order.overfill_quantity, order.leaves_quantity) == (
        "FILLED",
        6,
        overfill,
        0,
    )
    assert not list(ledger.find_orders(is_open=True))
    assert ledger.get_position("ACME").quantity == 6
    assert ledger.verify().is_intact


def test_trade_that_is_created_after_a_split_counts_in_new_units(held: StrategyLedger) -> None:
    """What was bought before the split and sold after it meets."""
    held.record_adjustment("A1", adjustment("SPLIT", ratio=2), occurred_at=LATER)
    held.record_order("S1", market_order("SELL", 20))
    held.update_order_fill("S1", fill("F1", 20, 60), occurred_at=LATER + timedelta(hours=1))
    trade = held.create_trade("T1", ["B1", "S1"])
    assert (trade.entry_quantity, trade.open_quantity, trade.realized_pnl) == (20, 0, 200)


def test_trade_takes_the_splits_of_its_instrument_in_the_order_of_time(ledger: StrategyLedger) -> None:
    """Told in any order; not those of another venue, nor what is no split, and one of the very moment counts."""
    for order_id, venue in (("B1", "X"), ("B2", "Y")):
        ledger.record_order(order_id, market_order(quantity=10, venue=venue))
        ledger.update_order_fill(order_id, fill("F1", 10), occurred_at=LATER)
    for number, (days, ratio) in enumerate([(3, 5), (1, 2)]):
        given = adjustment("SPLIT", ratio=ratio, venue="X")
        ledger.record_adjustment(f"A{number}", given, occurred_at=START + timedelta(days=days))
    ledger.record_adjustment("A2", adjustment("FUNDING", amount=1, currency="USD", venue="Y"), occurred_at=LATER)
    (here,), (elsewhere,) = (ledger.create_trade(f"T{order_id}", [order_id]).legs for order_id in ("B1", "B2"))
    assert ([split.ratio for split in here.splits], here.open_quantity) == ([2, 5], 100)
    assert (elsewhere.splits, elsewhere.open_quantity) == ((), 10)


def test_split_after_the_close_leaves_a_trade_in_its_units(held: StrategyLedger) -> None:
    """What is restated of it afterwards too."""
    held.record_order("S1", market_order("SELL", 10))
    held.update_order_fill("S1", fill("F1", 6, 110))
    held.update_order_fill("S1", fill("F2", 4, 110))
    held.create_trade("T1", ["B1", "S1"])
    held.close_trade("T1")
    held.record_adjustment("A1", adjustment("SPLIT", ratio=2), occurred_at=LATER)
    held.bust_order_fill("S1", "F2")
    trade = held.get_trade("T1")
    assert (trade.entry_quantity, trade.exit_quantity, trade.restated) == (10, 6, True)


@pytest.mark.parametrize("first", ["split", "opening"])
def test_split_told_before_the_opening_position_that_it_split_counts(open_ledger_on: OpenLedger, first: str) -> None:
    """A position with no history yet may have a split behind its first movement in time; arrival is no matter."""
    ledger = open_ledger_on(first)
    opening = adjustment("OPENING_POSITION", quantity=10, price=50)
    steps: dict[str, Callable[[], object]] = {
        "split": lambda: ledger.record_adjustment("A1", adjustment("SPLIT", ratio=2), occurred_at=LATER),
        "opening": lambda: ledger.record_adjustment("A2", opening, occurred_at=START),
    }
    for name in sorted(steps, key=lambda name: name != first):
        steps[name]()
    position = ledger.get_position("ACME")
    assert (position.quantity, position.cost) == (20, 500)
    assert ledger.as_of(occurred=LATER).get_position("ACME").quantity == 20


def test_split_concerns_what_it_names(ledger: StrategyLedger) -> None:
    """Parts of the key that are left out mean all; those that are given are meant alone."""
    for venue in ("X", "Y"):
        ledger.record_order(venue, market_order(quantity=10, venue=venue))
        ledger.update_order_fill(venue, fill("F1", 10), occurred_at=START)
    ledger.record_adjustment("A1", adjustment("SPLIT", ratio=2, venue="X"), occurred_at=LATER)
    assert [ledger.get_position("ACME", venue=venue).quantity for venue in ("X", "Y")] == [20, 10]
    ledger.record_adjustment("A2", adjustment("SPLIT", ratio=3), occurred_at=LATER + timedelta(days=1))
    assert [ledger.get_position("ACME", venue=venue).quantity for venue in ("X", "Y")] == [60, 30]


def test_split_leaves_alone_what_it_does_not_concern(ledger: StrategyLedger) -> None:
    """An open order at another venue, and the cash that an order spends, are what they were."""
    ledger.record_order("X", market_order(quantity=10, venue="X"))
    ledger.record_order("Y", market_order(quantity=10, venue="Y"))
    ledger.record_order("C", market_order(quantity=None, cash_quantity=500, cash_currency="USD", venue="X"))
    ledger.update_order_fill("C", fill("F1", 2, 100), occurred_at=START)
    for venue in ("X", "Y"):
        ledger.update_order_fill(venue, fill("F1", 1), occurred_at=START)
    ledger.record_adjustment("A1", adjustment("SPLIT", ratio=2, venue="X"), occurred_at=LATER)
    orders = {name: ledger.get_order(name) for name in ("X", "Y", "C")}
    assert {name: order.quantity for name, order in orders.items()} == {"X": 20, "Y": 10, "C": None}
    assert {name: order.cum_quantity for name, order in orders.items()} == {"X": 2, "Y": 1, "C": 4}
    assert orders["C"].details.cash_quantity == 500


def test_late_adjustment_folds_the_position_again(held: StrategyLedger) -> None:
    """A transfer that came to light later counts from its own time on."""
    held.record_order("S1", market_order("SELL", 10))
    held.update_order_fill("S1", fill("F1", 10, 110), occurred_at=LATER)
    assert held.get_position("ACME").realized_pnl == 100
    moment = START + timedelta(hours=1)
    held.record_adjustment("A1", adjustment("TRANSFER", quantity=10, price=104), occurred_at=moment)
    position = held.get_position("ACME")
    assert (position.quantity, position.average_price, position.realized_pnl) == (10, 102, 80)


@pytest.mark.parametrize(("keys", "argument", "says"), [
    ({"kind": "FUNDING", "symbol": "ACME", "amount": 1}, "adjustment.currency", "required of FUNDING"),
    ({"kind": "FUNDING", "symbol": "ACME", "amount": 0, "currency": "USD"}, "adjustment.amount", "not be zero"),
    ({"kind": "SPLIT", "symbol": "ACME"}, "adjustment.ratio", "required of SPLIT"),
    ({"kind": "SPLIT", "symbol": "ACME", "ratio": 0}, "adjustment.ratio", "positive"),
    ({"kind": "SPLIT", "symbol": "ACME", "ratio": 2, "quantity": 1}, "adjustment.quantity", "says nothing of SPLIT"),
    ({"kind": "TRANSFER", "symbol": "ACME", "quantity": 1}, "adjustment.price", "required of TRANSFER"),
    ({"kind": "TRANSFER", "symbol": "ACME", "quantity": 1.0, "price": 1}, "adjustment.quantity", "floats"),
    ({"kind": "TAX", "symbol": "ACME"}, "adjustment.kind", "must be one of FUNDING"),
    ({"kind": "FUNDING"}, "adjustment.symbol", "required"),
])  # fmt: skip
def test_malformed_adjustment_is_refused(held: StrategyLedger, keys: dict[str, Any], argument: str, says: str) -> None:
    """The error names the key, and what its kind takes; nothing is written."""
    head = held.head()
    with pytest.raises(InvalidValue, match=says) as refused:
        held.record_adjustment("A1", keys)
    assert (refused.value.argument, held.head()) == (argument, head)
