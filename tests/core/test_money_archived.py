"""Questions about money of positions whose history is partly in archives: what is left answers, or names the archive."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import Fee, InvalidValue, StrategyLedger
from ledger_core.errors import Archived
from support import START, CountingRepository, SteppingClock, Store, fill, market_order

METHODS = ("average", "fifo", "lifo")
Ask = Callable[[StrategyLedger, str], object]


def at(minutes: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(minutes=minutes)


def trade(ledger: StrategyLedger, side: str, minute: float, quantity: int, price: int, **more: Any) -> None:
    """Execute a whole order."""
    order_id = f"{side}{minute}"
    ledger.record_order(order_id, market_order(side, quantity, currency="USD", **more), occurred_at=at(minute))
    ledger.update_order_fill(order_id, fill("F", quantity, price), occurred_at=at(minute))


def adjust(ledger: StrategyLedger, kind: str, minute: float, **given: Any) -> None:
    """Record an adjustment that is named after its kind and time."""
    ledger.record_adjustment(f"{kind}{minute}", {"kind": kind, "symbol": "ACME", **given}, occurred_at=at(minute))


def archive(ledger: StrategyLedger) -> None:
    """Let everything go that may."""
    groups = list(ledger.archivist.archivable(START + timedelta(days=1)))
    assert [refusal for _, refusal in ledger.archivist.let_go("A1", groups)] == [None] * len(groups)


def test_lots_go_on_from_what_was_archived(ledger: StrategyLedger) -> None:
    """What a position had realized before its opening stays in its figures by every cost method."""
    trade(ledger, "BUY", 0, 10, 100)
    trade(ledger, "SELL", 1, 10, 107)
    for minute, price in ((10, 100), (11, 110)):
        trade(ledger, "BUY", minute, 10, price)
    trade(ledger, "SELL", 12, 5, 120)
    before = {method: ledger.get_position("ACME", cost_method=method) for method in METHODS}
    assert [one.realized_pnl for one in before.values()] == [145, 170, 120]
    archive(ledger)
    assert ledger.get_position("ACME").opening is not None
    for method, one in before.items():
        now = ledger.get_position("ACME", cost_method=method)
        assert (now.quantity, now.cost, now.realized_pnl) == (one.quantity, one.cost, one.realized_pnl)
        assert now.cycle_realized_pnl == one.cycle_realized_pnl == one.realized_pnl - 70
        explained = ledger.explain_pnl(symbol="ACME", cost_method=method)
        assert (explained.realized_pnl, explained.symbol, explained.cost_method) == (one.realized_pnl, "ACME", method)


@pytest.mark.parametrize("method", ["fifo", "lifo"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger, method: ledger.get_position("ACME", cost_method=method),
        lambda ledger, method: ledger.explain_pnl(symbol="ACME", cost_method=method),
    ],
    ids=["position", "explanation"],
)
def test_lots_that_a_transfer_took_along_before_the_opening_are_in_the_archive(
    ledger: StrategyLedger, ask: Ask, method: str
) -> None:
    """The refusal names the archive and the position; a transfer to another position is nothing to this one."""
    trade(ledger, "BUY", 0, 10, 100)
    adjust(ledger, "TRANSFER", 1, quantity="-4", price="100")
    trade(ledger, "SELL", 2, 6, 101)
    archive(ledger)
    key = ledger.get_position("ACME").key
    with pytest.raises(Archived) as refused:
        ask(ledger, method)
    assert refused.value.context == {"kind": "POSITION", "key": key}
    assert refused.value.archive_id == "A1"
    assert ask(ledger, "average")


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_transfer_needs_no_archive(ledger: StrategyLedger, method: str) -> None:
    """Funding before the opening, and a transfer into another account, leave the lots where they are."""
    trade(ledger, "BUY", 0, 10, 100, account="main")
    adjust(ledger, "FUNDING", 1, amount="-3", currency="USD", account="main")
    adjust(ledger, "TRANSFER", 1.5, quantity="4", price="100", account="another")
    trade(ledger, "SELL", 2, 10, 101, account="main")
    archive(ledger)
    trade(ledger, "BUY", 10, 3, 90, account="main")
    held = ledger.get_position("ACME", account="main", cost_method=method)
    assert held.opening is not None
    assert (held.quantity, held.cost, held.realized_pnl) == (3, 270, 10)
    assert ledger.explain_pnl(symbol="ACME", account="main", cost_method=method).realized_pnl == 10


def test_explanation_has_the_adjustments_from_before_the_opening(ledger: StrategyLedger) -> None:
    """They are never archived: all of the position's own, in the order in which they happened, then the later ones."""
    trade(ledger, "BUY", 0, 10, 100, account="main")
    for minute in (7, 3, 5):
        adjust(ledger, "FUNDING", minute, amount=minute, currency="USD", account="main")
    adjust(ledger, "FUNDING", 4, amount=100, currency="USD", account="another")
    trade(ledger, "SELL", 8, 10, 101, account="main")
    archive(ledger)
    adjust(ledger, "FUNDING", 9, amount=1, currency="USD", account="main")
    explained = ledger.explain_pnl(symbol="ACME", account="main")
    assert [one.adjustment_id for one in explained.adjustments] == ["FUNDING3", "FUNDING5", "FUNDING7", "FUNDING9"]
    assert [flow.amount for flow in explained.cash_flows] == [16]
    assert ledger.get_net_pnl(symbol="ACME", account="main", currency="USD").cash_flows == 16


def test_lots_are_folded_from_the_last_flat_point(store: Store) -> None:
    """How long the history before it is makes no difference to what is read."""
    costs = []
    for name, rounds in (("short", 1), ("long", 30)):
        with store.open(name, clock=SteppingClock()) as ledger:
            for number in range(rounds):
                trade(ledger, "BUY", 10 * number, 10, 100)
                trade(ledger, "SELL", 10 * number + 1, 10, 101)
            trade(ledger, "BUY", 1000, 10, 100)
        counting = CountingRepository(store.repository(name))
        with StrategyLedger(counting, clock=SteppingClock()) as ledger:
            counting.reset()
            assert ledger.get_position("ACME", cost_method="fifo").realized_pnl == 10 * rounds
            costs.append((counting.calls, counting.records))
    assert costs[0] == costs[1]


def test_lots_start_before_the_first_transfer(ledger: StrategyLedger) -> None:
    """At what cost it took units along is told by what entered before it, though the position was flat since."""
    trade(ledger, "BUY", 0, 10, 100)
    trade(ledger, "BUY", 1, 10, 120)
    adjust(ledger, "TRANSFER", 2, quantity="-10", price="110")
    trade(ledger, "SELL", 3, 10, 130)
    trade(ledger, "BUY", 4, 1, 90)
    found = [ledger.get_position("ACME", cost_method=method).realized_pnl for method in METHODS]
    assert found == [200, 100, 300]


@pytest.mark.parametrize("is_known", [True, False])
def test_fees_of_what_was_archived_are_netted_at_the_prices_of_their_fills(
    ledger: StrategyLedger, is_known: bool
) -> None:
    """Where the money of the PnL has a rate; else they are listed as they were paid."""
    terms = {"symbol": "BTC/USDT", "currency": "USDT", "base_currency": "BTC"}
    for side, minute, quantity, price in (("BUY", 0, "1", 100), ("SELL", 1, "0.99", 110)):
        ledger.record_order(side, market_order(side, quantity, **terms), occurred_at=at(minute))
        fees = [{"amount": "0.01", "currency": "BTC"}] if side == "BUY" else []
        told = fill("F", quantity, price, fees=fees or None, fee_in_base=bool(fees))
        ledger.update_order_fill(side, told, occurred_at=at(minute))
    question: dict[str, Any] = {"symbol": "BTC/USDT", "currency": "USDT" if is_known else "EUR"}
    rates = {("BTC", "EUR"): 70}
    before = [ledger.get_net_pnl(**question), ledger.get_net_pnl(**question, rates=rates)]
    archive(ledger)
    assert ledger.get_position("BTC/USDT").opening is not None
    assert [ledger.get_net_pnl(**question), ledger.get_net_pnl(**question, rates=rates)] == before
    if is_known:
        assert [one.fees for one in before] == [1, 1]
    else:
        assert [one.currency for one in before[0].unconverted if isinstance(one, Fee)] == ["BTC"]
        assert before[1].fees == Decimal("0.7")


@pytest.mark.parametrize("argument", ["trade_id", "symbol", "venue", "account", "position_side"])
def test_malformed_part_of_a_question_is_named(ledger: StrategyLedger, argument: str) -> None:
    """With what was given for it."""
    question: dict[str, Any] = {} if argument in ("trade_id", "symbol") else {"symbol": "ACME"}
    with pytest.raises(InvalidValue) as refused:
        ledger.explain_pnl(**question | {argument: 7})
    assert (refused.value.argument, refused.value.value) == (argument, 7)


@pytest.mark.parametrize(
    ("question", "argument", "value"),
    [
        ({}, "trade_id", None),
        ({"trade_id": "T", "symbol": "ACME"}, "trade_id", "T"),
        ({"trade_id": "T", "venue": "X"}, "venue", "X"),
        ({"trade_id": "T", "account": "main"}, "account", "main"),
        ({"trade_id": "T", "position_side": "LONG"}, "position_side", "LONG"),
    ],
)
def test_question_is_about_a_trade_or_a_symbol(
    ledger: StrategyLedger, question: dict[str, Any], argument: str, value: object
) -> None:
    """Parts of a key go with a symbol; the refusal says what was given."""
    with pytest.raises(InvalidValue) as refused:
        ledger.explain_pnl(**question)
    assert (refused.value.argument, refused.value.value) == (argument, value)


def test_explanation_of_a_trade_says_by_which_method(ledger: StrategyLedger) -> None:
    """And matches by it."""
    for minute, price in ((0, 100), (1, 120)):
        trade(ledger, "BUY", minute, 10, price)
    trade(ledger, "SELL", 2, 10, 130)
    ledger.create_trade("T", ["BUY0", "BUY1", "SELL2"])
    for method, entered in (("average", [500, 600]), ("fifo", [1000]), ("lifo", [1200])):
        explained = ledger.explain_pnl("T", cost_method=method)
        assert (explained.trade_id, explained.symbol, explained.cost_method) == ("T", "ACME", method)
        assert [match.entry_value for match in explained.matches] == entered
