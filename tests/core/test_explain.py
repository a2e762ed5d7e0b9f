"""Where a realized figure comes from: every node of the tree is the exact sum of what is below it."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_core import InvalidValue, StrategyLedger, Trade, UnknownTrade
from ledger_core.explaining import PnlExplanation, PnlPart
from ledger_core.numbers import time_text
from ledger_core.positions import merge_fees
from ledger_storage_memory import MemoryRepository
from support import SteppingClock, fill, market_order
from support.trading import at, traded

METHODS = ("average", "fifo", "lifo")


def assert_adds_up(explanation: PnlExplanation) -> None:
    """Every node is the exact sum of what is below it, and the whole can be written as JSON."""
    assert explanation.realized_pnl is not None
    assert Fraction(explanation.realized_pnl) == sum(Fraction(part.realized_pnl) for part in explanation.parts)
    assert explanation.fees == merge_fees((), [fee for part in explanation.parts for fee in part.fees])
    for part in explanation.parts:
        _assert_part_adds_up(part)
    written = json.loads(json.dumps(explanation.as_dict()))
    assert Decimal(written["realized_pnl"]) == explanation.realized_pnl
    assert len(written["parts"]) == len(explanation.parts)


def _assert_part_adds_up(part: PnlPart) -> None:
    cycles = sum((Fraction(cycle.realized_pnl) for cycle in part.cycles), Fraction(0))
    assert Fraction(part.realized_pnl) == cycles + Fraction(part.difference_to_average)
    for cycle in part.cycles:
        assert Fraction(cycle.realized_pnl) == sum(Fraction(match.realized_pnl) for match in cycle.matches)
        for match in cycle.matches:
            gain = Fraction(match.exit_value) - Fraction(match.entry_value)
            assert abs(Fraction(match.realized_pnl)) == abs(gain)
    assert Fraction(part.cost) == sum(Fraction(lot.cost) for lot in part.open_lots)
    assert abs(Fraction(part.quantity)) == sum(Fraction(lot.quantity) for lot in part.open_lots)
    assert part.fees == merge_fees((), [fee for paid in part.fees_paid for fee in paid.fees])
    flows: dict[tuple[str, str], Fraction] = {}
    for one in part.adjustments:
        if one.amount is not None and one.currency is not None:
            name = (one.adjustment_kind.value, one.currency)
            flows[name] = flows.get(name, Fraction(0)) + Fraction(one.amount)
    assert flows == {(flow.adjustment_kind, flow.currency): Fraction(flow.amount) for flow in part.cash_flows}


@attrs.frozen
class Event:
    """One event of a random life."""

    kind: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    base_fee: bool


quantities = st.one_of(
    st.integers(1, 24).map(lambda units: Decimal(units) / 4),
    st.integers(1, 10**19).map(lambda units: Decimal(units).scaleb(-18)),
)
events = st.builds(
    Event,
    st.sampled_from(["BUY", "BUY", "BUY", "SELL", "SELL", "SELL", "BUST", "TRANSFER", "INTEREST", "FUNDING", "SPLIT"]),
    quantities,
    st.integers(1, 10**7).map(lambda units: Decimal(units).scaleb(-4)),
    st.sampled_from([Decimal(0), Decimal("0.35"), Decimal("-0.001")]),
    st.booleans(),
)


def lived(life: Sequence[Event], inverse: bool, trades: bool) -> StrategyLedger:
    """Return a ledger with the events; with `trades`, of fills, busts and splits alone, in two trades that share."""
    ledger = traded(base_currency="ACM", inverse=inverse)
    known: list[tuple[str, str]] = []
    created = False
    for number, one in enumerate(life):
        moment = at(number)
        match one.kind:
            case "BUY" | "SELL":
                taken = (one.quantity / 8).quantize(Decimal("1E-18"))
                base_fee = [{"amount": taken, "currency": "ACM"}] if one.base_fee else []
                fees = [*base_fee, *([{"amount": one.fee, "currency": "USD"}] if one.fee else [])]
                data = fill(f"F{number}", one.quantity, one.price, executed_at=moment)
                ledger.update_order_fill(one.kind, {**data, "fees": fees or None, "fee_in_base": bool(base_fee)})
                known.append((one.kind, f"F{number}"))
            case "BUST" if known:
                ledger.bust_order_fill(*known.pop(0))
            case "SPLIT":
                given = {"kind": "SPLIT", "symbol": "ACME", "ratio": [2, "0.7", 3][number % 3]}
                ledger.record_adjustment(f"A{number}", given, occurred_at=moment)
            case "TRANSFER" if not trades:
                quantity = one.quantity if one.base_fee else -one.quantity
                given = {"kind": "TRANSFER", "symbol": "ACME", "quantity": quantity, "price": one.price}
                ledger.record_adjustment(f"A{number}", given, occurred_at=moment)
            case "INTEREST" | "FUNDING" if not trades:
                currency = "ACM" if one.base_fee else "USD"
                given = {"kind": one.kind, "symbol": "ACME", "amount": one.quantity, "currency": currency}
                ledger.record_adjustment(f"A{number}", given, occurred_at=moment)
        if trades and known and not created:
            created = True
            first = ledger.get_order(known[0][0])
            ledger.create_trade("HALF", {first.order_id: min(Decimal(1), first.cum_quantity)})
    return ledger


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=st.lists(events, min_size=1, max_size=12), inverse=st.booleans(), method=st.sampled_from(METHODS))
def test_explanation_of_a_position_adds_up_at_every_node(life: list[Event], inverse: bool, method: str) -> None:
    """And it is the position, to the last digit: realized PnL, what is open, fees, cash flows."""
    ledger = lived(life, inverse, trades=False)
    position = ledger.get_position("ACME", cost_method=method)
    explanation = ledger.explain_pnl(symbol="ACME", cost_method=method)
    assert_adds_up(explanation)
    assert explanation.realized_pnl == position.realized_pnl
    assert (explanation.fees, explanation.cash_flows) == (position.fees, position.cash_flows)
    assert explanation.difference_to_average == 0
    for part in explanation.parts:
        assert (part.quantity, part.cost) == (position.quantity, position.cost)
        open_cycles = [cycle for cycle in part.cycles if cycle.closed_at is None]
        assert len(open_cycles) == (not position.is_flat)
        assert [cycle.opened_at for cycle in open_cycles] == [position.opened_at][: len(open_cycles)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=st.lists(events, min_size=1, max_size=12), inverse=st.booleans(), method=st.sampled_from(METHODS))
def test_explanation_of_a_trade_adds_up_at_every_node(life: list[Event], inverse: bool, method: str) -> None:
    """And it is the trade, whole orders or a share: what lots differ from its average is 0 once it is flat."""
    ledger = lived(life, inverse, trades=True)
    trades = list(ledger.find_trades())
    whole = [order.order_id for order in ledger.find_orders() if not order.trade_ids and order.cum_quantity]
    if whole:
        trades.append(ledger.create_trade("WHOLE", whole))
    for trade in trades:
        explanation = ledger.explain_pnl(trade.trade_id, cost_method=method)
        assert_adds_up(explanation)
        assert (explanation.realized_pnl, explanation.fees) == (trade.realized_pnl, trade.fees)
        assert explanation.parts[0].quantity == _signed_open(trade)
        if trade.is_flat:
            assert explanation.difference_to_average == 0


def _signed_open(trade: Trade) -> Decimal:
    assert trade.open_quantity is not None
    return trade.open_quantity if trade.direction.is_buy else -trade.open_quantity


def test_matches_say_which_fill_closed_which() -> None:
    """FIFO over two entries and a flip: two cycles, the flipping fill closes in one and opens the other."""
    ledger = traded(("BUY", 10, 100), ("BUY", 10, 110), ("SELL", 15, 120), ("SELL", 10, 130))
    explanation = ledger.explain_pnl(symbol="ACME", cost_method="fifo")
    shown = [
        (match.entry.as_dict()["fill_id"], match.exit.as_dict()["fill_id"], match.quantity, match.realized_pnl)
        for match in explanation.matches
    ]
    assert shown == [("F0", "F2", 10, 200), ("F1", "F2", 5, 50), ("F1", "F3", 5, 100)]
    closed, opened = explanation.cycles
    assert (closed.opened_at, closed.closed_at, closed.realized_pnl) == (at(0), at(3), 350)
    assert (opened.opened_at, opened.closed_at, opened.matches) == (at(3), None, ())
    assert [(lot.quantity, lot.cost) for lot in explanation.open_lots] == [(5, 650)]
    written = explanation.as_dict()
    assert written["parts"][0]["cycles"][0]["matches"][1] == {
        "entry": {
            "order_id": "BUY",
            "fill_id": "F1",
            "side": "BUY",
            "quantity": "10",
            "price": "110",
            "executed_at": time_text(at(1)),
        },
        "exit": {
            "order_id": "SELL",
            "fill_id": "F2",
            "side": "SELL",
            "quantity": "15",
            "price": "120",
            "executed_at": time_text(at(2)),
        },
        "quantity": "5",
        "entry_value": "550",
        "exit_value": "600",
        "realized_pnl": "50",
    }


def test_open_trade_says_what_its_lots_differ_from_its_average() -> None:
    """An entry after an exit moves the trade's average entry, not the lots that had left."""
    ledger = traded(("BUY", 10, 100), ("SELL", 5, 120), ("BUY", 10, 130))
    trade = ledger.create_trade("T", ["BUY", "SELL"])
    assert trade.realized_pnl == 25
    for method in METHODS:
        explanation = ledger.explain_pnl("T", cost_method=method)
        assert sum(match.realized_pnl for match in explanation.matches) == 100
        assert (explanation.realized_pnl, explanation.difference_to_average) == (25, -75)
    ledger.update_order_fill("SELL", fill("F9", 15, 120, executed_at=at(9)))
    assert {ledger.explain_pnl("T", cost_method=method).difference_to_average for method in METHODS} == {Decimal(0)}


def test_legs_of_a_trade_are_parts() -> None:
    """Two legs in one currency add up; in two currencies there is no sum, and no balancing node."""
    ledger = traded(("BUY", 10, 100), ("SELL", 10, 110))
    for symbol, currency in (("OTHER", "USD"), ("EURO", "EUR")):
        ledger.record_order(symbol, market_order(symbol=symbol, currency=currency))
        ledger.update_order_fill(symbol, fill("F1", 10, 7))
    ledger.create_trade("T", ["BUY", "SELL", "OTHER"])
    explanation = ledger.explain_pnl("T")
    assert [(part.symbol, part.realized_pnl) for part in explanation.parts] == [("ACME", 100), ("OTHER", 0)]
    assert (explanation.symbol, explanation.currency, explanation.realized_pnl) == (None, "USD", 100)
    ledger.update_trade("T", {"order_ids": ["EURO"]})
    several = ledger.explain_pnl("T")
    assert (several.currency, several.realized_pnl, several.difference_to_average) == (None, None, None)


def test_parts_of_the_key_choose_positions() -> None:
    """Each position of the symbol is a part; an unknown symbol has none."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for venue, price in (("A", 100), ("B", 200)):
        ledger.record_order(venue, market_order(venue=venue, currency="USD"))
        ledger.record_order(f"{venue}S", market_order("SELL", 4, venue=venue))
        ledger.update_order_fill(venue, fill("F1", 10, price))
        ledger.update_order_fill(f"{venue}S", fill("F1", 4, price + 1))
    both = ledger.explain_pnl(symbol="ACME")
    assert ([part.venue for part in both.parts], both.realized_pnl) == (["A", "B"], 8)
    one = ledger.explain_pnl(symbol="ACME", venue="B")
    assert ([part.venue for part in one.parts], one.realized_pnl) == (["B"], 4)
    for number, part in enumerate(({"account": "A1"}, {"position_side": "LONG"})):
        ledger.record_order(f"O{number}", market_order(venue="C", currency="USD", **part))
        ledger.update_order_fill(f"O{number}", fill("F1", 1, 7))
        (named,) = ledger.explain_pnl(symbol="ACME", **part).parts
        assert (named.account, named.position_side) == (part.get("account"), part.get("position_side", "NET"))
    nothing = ledger.explain_pnl(symbol="NONE")
    assert (nothing.parts, nothing.realized_pnl, nothing.currency) == ((), 0, None)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({}, "trade_id"),
        ({"trade_id": "T", "symbol": "ACME"}, "trade_id"),
        ({"trade_id": "T", "venue": "A"}, "venue"),
        ({"symbol": "ACME", "cost_method": "FIFO"}, "cost_method"),
        ({"symbol": 7}, "symbol"),
        ({"symbol": "ACME", "position_side": "UP"}, "position_side"),
    ],
)
def test_malformed_questions_are_refused(arguments: Mapping[str, Any], argument: str) -> None:
    """With the path of what is wrong."""
    ledger = traded(("BUY", 10, 100))
    with pytest.raises(InvalidValue) as refused:
        ledger.explain_pnl(**arguments)
    assert refused.value.argument == argument


def test_unknown_trade_has_no_answer() -> None:
    """By all three questions."""
    ledger = traded()
    for ask in (ledger.explain_pnl, ledger.get_trade_statistics):
        with pytest.raises(UnknownTrade):
            ask("T")
    with pytest.raises(UnknownTrade):
        ledger.get_net_pnl("T", currency="USD")
