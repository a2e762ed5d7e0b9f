"""Random lives of orders: the position is what an independent recomputation in fractions says, in any order of arrival."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_core import Fee, StrategyLedger
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, market_order

STEP = Fraction(1, 10**18)
"""The last of the 18 places to which a share of cost is rounded."""


@attrs.frozen
class Execution:
    """One fill of a random life; `order` picks one of the orders of its side."""

    is_buy: bool
    order: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    base_fee: Decimal | None

    @property
    def delta(self) -> Fraction:
        """What it adds to the position."""
        gross = Fraction(self.quantity) if self.is_buy else -Fraction(self.quantity)
        return gross - Fraction(self.base_fee or 0)

    def data(self, number: int) -> dict[str, Any]:
        """Return it as a caller gives it; `number` is its place in time."""
        fees = [{"amount": self.fee, "currency": "USD"}] if self.fee else []
        if self.base_fee is not None:
            fees.insert(0, {"amount": self.base_fee, "currency": "ACM"})
        return fill(
            f"F{number}",
            self.quantity,
            self.price,
            executed_at=START + timedelta(seconds=number),
            fees=fees or None,
            fee_in_base=self.base_fee is not None,
        )


@attrs.frozen
class Expected:
    """The position by average cost, in fractions, with no rounding anywhere."""

    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    flips: int = 0
    reductions: int = 0  # that left something open since the position was last flat: each may round once

    def after(self, one: Execution, multiplier: int) -> "Expected":
        """Return the position after one more execution."""
        delta, price = one.delta, Fraction(one.price) * multiplier
        quantity = self.quantity + delta
        if self.quantity * delta >= 0:
            return attrs.evolve(self, quantity=quantity, cost=self.cost + abs(delta) * price)
        closed = min(abs(delta), abs(self.quantity))
        cost_out = self.cost * closed / abs(self.quantity)
        gain = closed * price - cost_out
        flipped = abs(delta) > abs(self.quantity)
        left_open = abs(delta) < abs(self.quantity)
        return Expected(
            quantity=quantity,
            cost=abs(quantity) * price if flipped else self.cost - cost_out,
            realized=self.realized + (gain if self.quantity > 0 else -gain),
            flips=self.flips + flipped,
            reductions=self.reductions + 1 if left_open else 0,
        )


small = st.integers(1, 40).map(lambda units: Decimal(units) / 4)
fine = st.integers(1, 10**19).map(lambda units: Decimal(units).scaleb(-18))
prices = st.one_of(
    st.integers(-50, 4000).map(lambda ticks: Decimal(ticks) / 20),
    st.integers(1, 10**21).map(lambda units: Decimal(units).scaleb(-18)),
)


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    """Draw one execution: round or of 18 digits, with or without fees and rebates."""
    quantity = draw(st.one_of(small, small, fine))
    has_base_fee = draw(st.integers(0, 4)) == 0
    return Execution(
        is_buy=draw(st.booleans()),
        order=draw(st.integers(0, 1)),
        quantity=quantity,
        price=draw(prices),
        fee=draw(st.sampled_from([Decimal(0), Decimal("0.35"), Decimal("-0.1")])),
        base_fee=draw(st.sampled_from([quantity / 8, -quantity / 16])).quantize(Decimal("1E-18"))
        if has_base_fee
        else None,
    )


lives = st.lists(executions(), min_size=1, max_size=12)


def lived(life: Sequence[Execution], arrival: Sequence[int], multiplier: int, batches: int) -> StrategyLedger:
    """Return a ledger that was told the life in an order of arrival, some of it in batches."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for side in ("BUY", "SELL"):
        for number in (0, 1):
            details = market_order(side, 10**12, multiplier=multiplier, currency="USD", base_currency="ACM")
            ledger.record_order(f"{side}-{number}", details)
    size = max(1, len(arrival) // batches)
    for start in range(0, len(arrival), size):
        with ledger.batch() as batch:
            for number in arrival[start : start + size]:
                one = life[number]
                batch.update_order_fill(f"{'BUY' if one.is_buy else 'SELL'}-{one.order}", one.data(number))
    return ledger


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=lives, data=st.data(), multiplier=st.sampled_from([1, 1, 50]), batches=st.integers(1, 12))
def test_position_is_what_fractions_say_in_any_order_of_arrival(
    life: list[Execution], data: st.DataObject, multiplier: int, batches: int
) -> None:
    """Quantity exact; cost and PnL within the rounding of shares of cost; exact when flat; arrival is no matter."""
    in_order = range(len(life))
    arrival = data.draw(st.permutations(list(in_order)))
    ledger = lived(life, arrival, multiplier, batches)
    position = ledger.get_position("ACME")

    expected, total_shares = Expected(), 0
    cash = Fraction(0)
    for one in life:
        expected = expected.after(one, multiplier)
        total_shares += 1
        cash -= one.delta * Fraction(one.price) * multiplier
    assert Fraction(position.quantity) == expected.quantity
    # Each share that leaves rounds by at most half a place, and what it left open carries that on.
    slack = STEP * total_shares
    assert abs(Fraction(position.cost) - expected.cost) <= slack
    assert abs(Fraction(position.realized_pnl) - expected.realized) <= slack
    # Nothing is lost in between, rounded or not: cash flows are realized PnL less what the open part cost.
    open_cost = Fraction(position.cost) if position.quantity > 0 else -Fraction(position.cost)
    assert cash == Fraction(position.realized_pnl) - open_cost
    if position.is_flat:
        assert position.cost == 0
        assert Fraction(position.realized_pnl) == cash

    paid: dict[str, Decimal] = {}
    for one in life:
        for currency, amount in (("ACM", one.base_fee), ("USD", one.fee)):
            if amount:
                paid[currency] = paid.get(currency, Decimal(0)) + amount
    assert position.fees == tuple(Fee(currency, paid[currency]) for currency in sorted(paid) if paid[currency])

    straight = lived(life, list(in_order), multiplier, 1)
    compared = ("quantity", "cost", "realized_pnl", "cycle_realized_pnl", "average_price", "opened_at", "fees")
    other = straight.get_position("ACME")
    assert {name: getattr(position, name) for name in compared} == {name: getattr(other, name) for name in compared}
    flat = {one.key: one.flat_realized_pnl for one in ledger.find_fills(limit=None)}
    assert flat == {one.key: one.flat_realized_pnl for one in straight.find_fills(limit=None)}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=lives, data=st.data())
def test_trade_over_every_order_agrees_with_the_cash_that_flowed(life: list[Execution], data: st.DataObject) -> None:
    """Bought and sold values are exact; the PnL of a flat trade is the sum of its cash flows, in any arrival."""
    arrival = data.draw(st.permutations(list(range(len(life)))))
    ledger = lived(life, arrival, 1, 1)
    trade = ledger.create_trade("T", ["BUY-0", "BUY-1", "SELL-0", "SELL-1"])
    bought = sum((one.delta for one in life if one.is_buy), Fraction(0))
    sold = -sum((one.delta for one in life if not one.is_buy), Fraction(0))
    leg = trade.leg
    assert leg is not None
    assert (Fraction(leg.bought_quantity), Fraction(leg.sold_quantity)) == (bought, sold)
    assert trade.direction == ("BUY" if life[0].is_buy else "SELL")
    cash = -sum((one.delta * Fraction(one.price) for one in life), Fraction(0))
    assert Fraction(leg.sold_value) - Fraction(leg.bought_value) == cash
    if trade.is_flat:
        assert trade.realized_pnl is not None
        assert Fraction(trade.realized_pnl) == cash
