"""What a part of an explained figure is about: whose it is, what it was opened with, and what each node refers to."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from decimal import Decimal
from typing import Any

import pytest

from ledger_core import StrategyLedger
from ledger_core.explaining import FillRef, LotMatch, PnlCycle
from ledger_storage_memory import MemoryRepository
from support import SteppingClock, fill, market_order
from support.trading import at, traded


def shown(cycle: PnlCycle) -> tuple[Any, ...]:
    """Return when a cycle began and ended, what it came to, and how many matches it is made of."""
    return (cycle.opened_at, cycle.closed_at, cycle.realized_pnl, len(cycle.matches))


def names(match: LotMatch) -> tuple[str, str]:
    """Return which fill a match closed, and which fill did it."""
    assert isinstance(match.entry, FillRef)
    assert isinstance(match.exit, FillRef)
    return match.entry.fill_id, match.exit.fill_id


def test_part_of_a_position_says_whose_it_is_and_what_is_open_of_it() -> None:
    """The whole key and the currency; each open lot and each fee names the fill that it came with."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    terms = {"venue": "XNAS", "account": "main", "position_side": "LONG", "currency": "USD"}
    ledger.record_order("O1", market_order(**terms))
    fee = {"fees": [{"amount": "0.35", "currency": "USD"}]}
    ledger.update_order_fill("O1", fill("F1", 4, 100, executed_at=at(1)))
    ledger.update_order_fill("O1", fill("F2", 6, 110, executed_at=at(2), **fee))
    explanation = ledger.explain_pnl(symbol="ACME", cost_method="fifo")
    (part,) = explanation.parts
    assert (part.symbol, part.venue, part.account, part.position_side) == ("ACME", "XNAS", "main", "LONG")
    assert (part.currency, explanation.currency) == ("USD", "USD")
    side = ledger.get_order("O1").side
    first, second = (
        FillRef(order_id="O1", fill_id=fill_id, side=side, quantity=quantity, price=price, executed_at=moment)
        for fill_id, quantity, price, moment in (
            ("F1", Decimal(4), Decimal(100), at(1)),
            ("F2", Decimal(6), Decimal(110), at(2)),
        )
    )
    assert [(lot.entry, lot.quantity, lot.cost) for lot in part.open_lots] == [(first, 4, 400), (second, 6, 660)]
    assert [(paid.fill, paid.fees) for paid in part.fees_paid] == [(second, part.fees)]


def test_adjustments_are_shown_with_their_terms() -> None:
    """Units and price of a transfer, ratio of a split, money of interest: each as it was recorded, with its moment."""
    ledger = traded(("BUY", 10, 100))
    recorded: tuple[dict[str, Any], ...] = (
        {"kind": "TRANSFER", "quantity": "-4", "price": "101.5"},
        {"kind": "SPLIT", "ratio": 2},
        {"kind": "INTEREST", "amount": "0.7", "currency": "USD"},
    )
    for number, given in enumerate(recorded):
        ledger.record_adjustment(f"A{number}", {"symbol": "ACME", **given}, occurred_at=at(10 + number))
    transfer, split, interest = ledger.explain_pnl(symbol="ACME").adjustments
    assert [(one.adjustment_id, one.adjustment_kind, one.occurred_at) for one in (transfer, split, interest)] == [
        ("A0", "TRANSFER", at(10)),
        ("A1", "SPLIT", at(11)),
        ("A2", "INTEREST", at(12)),
    ]
    assert (transfer.quantity, transfer.price, transfer.ratio, transfer.amount) == (-4, Decimal("101.5"), None, None)
    assert (split.quantity, split.price, split.ratio, split.amount) == (0, None, 2, None)
    assert (interest.quantity, interest.ratio, interest.amount) == (0, None, Decimal("0.7"))
    assert (interest.currency, split.currency) == ("USD", None)
    (match,) = ledger.explain_pnl(symbol="ACME").matches
    assert (match.exit, match.realized_pnl) == (transfer, 0)


def test_position_that_only_money_moved_has_no_cycle() -> None:
    """Nothing was ever held, so nothing was opened."""
    ledger = traded()
    given = {"kind": "FUNDING", "symbol": "ACME", "amount": 3, "currency": "USD"}
    ledger.record_adjustment("A1", given, occurred_at=at(1))
    (part,) = ledger.explain_pnl(symbol="ACME").parts
    assert [flow.amount for flow in part.cash_flows] == [3]
    assert (part.cycles, part.matches, part.open_lots, part.realized_pnl) == ((), (), (), 0)


def test_leg_of_a_trade_says_where_it_was_traded_and_each_of_its_cycles() -> None:
    """From flat to flat, by a flip to the other side, and what is open at last."""
    ledger = traded(
        ("BUY", 10, 100), ("SELL", 10, 101), ("BUY", 4, 102), ("SELL", 6, 105), ("BUY", 5, 100), venue="XNAS"
    )
    trade = ledger.create_trade("T", ["BUY", "SELL"])
    explanation = ledger.explain_pnl("T", cost_method="fifo")
    (leg,) = explanation.parts
    assert (leg.symbol, leg.venue, leg.currency, leg.opening) == ("ACME", "XNAS", "USD", None)
    assert [shown(cycle) for cycle in leg.cycles] == [
        (at(0), at(1), 10, 1),
        (at(2), at(3), 12, 1),
        (at(3), at(4), 10, 1),
        (at(4), None, 0, 0),
    ]
    assert [names(match) for match in leg.matches] == [("F0", "F1"), ("F2", "F3"), ("F3", "F4")]
    assert leg.quantity == trade.open_quantity == 3


@pytest.mark.parametrize(
    ("bought", "sold", "price"), [("2", "0.5", "1"), ("0.5", "2", "0.000000000000000003")], ids=["part", "flip"]
)
def test_trade_of_whole_orders_is_matched_as_its_position_is_to_the_last_digit(
    bought: str, sold: str, price: str
) -> None:
    """A part of a fill is worth its price times its units, however small: no share of a value is rounded."""
    ledger = traded(("BUY", bought, "0.000000000000000001"), ("SELL", sold, price))
    ledger.create_trade("T", ["BUY", "SELL"])
    explanation = ledger.explain_pnl("T", cost_method="fifo")
    assert explanation.matches == ledger.explain_pnl(symbol="ACME", cost_method="fifo").matches
    (match,) = explanation.matches
    assert (match.quantity, match.entry_value) == (Decimal("0.5"), Decimal("5E-19"))
    assert match.exit_value == Decimal("0.5") * Decimal(price)


def test_units_that_a_split_made_of_a_fill_share_its_value() -> None:
    """10 for 1,000 are 20 for 1,000 after a split by two, so 5 of them cost 250, at whatever price they were bought."""
    ledger = traded(("BUY", 10, 100))
    ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(5))
    ledger.update_order_fill("SELL", fill("F9", 5, 60, executed_at=at(9)))
    ledger.create_trade("T", ["BUY", "SELL"])
    for cost_method in ("average", "fifo", "lifo"):
        explanation = ledger.explain_pnl("T", cost_method=cost_method)
        (match,) = explanation.matches
        assert (match.quantity, match.entry_value, match.exit_value, match.realized_pnl) == (5, 250, 300, 50)
        assert [(lot.quantity, lot.cost) for lot in explanation.open_lots] == [(15, 750)]


def test_what_was_archived_of_a_position_is_part_of_its_figures() -> None:
    """Its opening is shown, and what was realized and paid up to it comes on top of what is explained since."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for number in range(2):
        for minute, (side, price) in enumerate((("BUY", 100), ("SELL", 103))):
            ledger.record_order(f"{side}{number}", market_order(side, currency="USD"))
            moment = at(60 * (10 * number + minute))
            told = fill("F", 10, price, fees=[{"amount": "0.35", "currency": "USD"}])
            ledger.update_order_fill(f"{side}{number}", told, occurred_at=moment)
        if not number:
            groups = ledger.archivist.archivable(at(10**6))
            assert [reason for _, reason in ledger.archivist.let_go("A1", groups)] == [None, None]
    position = ledger.get_position("ACME")
    assert position.opening is not None
    (part,) = ledger.explain_pnl(symbol="ACME").parts
    assert part.opening == position.opening
    assert (part.realized_pnl, [cycle.realized_pnl for cycle in part.cycles]) == (60, [30])
    assert (part.fees, len(part.fees_paid)) == (position.fees, 2)
    assert [fee.amount for fee in part.fees] == [Decimal("1.4")]
