"""Lots by average cost, FIFO and LIFO: each against a recomputation in fractions, and all alike once flat."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_core import Adjustment, AdjustmentKind, CostMethod, Fee, Fill, InvalidValue, Position, Side, StrategyLedger
from ledger_core.lots import LotBook, Match, fill_moves, opens_cycle, position_by
from ledger_core.positions import Movement, fold
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, market_order

STEP = Fraction(1, 10**18)
"""The last of the 18 places to which quotients are rounded."""

METHODS = tuple(CostMethod)
UP, DOWN, TRANSFER_IN, TRANSFER_OUT, FREE, SPLIT = "up", "down", "transfer in", "transfer out", "free", "split"


@attrs.frozen
class Step:
    """One movement of a random life."""

    kind: str
    quantity: Decimal
    price: Decimal
    base_fee: Decimal = Decimal(0)

    @property
    def delta(self) -> Decimal:
        """What it adds to the position, by its kind; 0 of a split."""
        if self.kind == SPLIT:
            return Decimal(0)
        return (self.quantity if self.kind in (UP, TRANSFER_IN, FREE) else -self.quantity) - self.base_fee

    def movement(self, number: int) -> Movement:
        """Return it as the record that a ledger keeps; `number` is its place in time."""
        at = START + timedelta(seconds=number)
        if self.kind in (UP, DOWN):
            return Fill(
                order_id="O",
                fill_id=str(number),
                symbol="ACME",
                side=Side.BUY if self.kind == UP else Side.SELL,
                quantity=self.quantity,
                price=self.price,
                fees=(Fee("ACM", self.base_fee),) if self.base_fee else (),
                fee_in_base=bool(self.base_fee),
                executed_at=at,
                recorded_at=at,
                sequence=number + 1,
            )
        kinds = {FREE: AdjustmentKind.INTEREST, SPLIT: AdjustmentKind.SPLIT}
        moves = self.kind in (TRANSFER_IN, TRANSFER_OUT)
        return Adjustment(
            adjustment_id=str(number),
            adjustment_kind=kinds.get(self.kind, AdjustmentKind.TRANSFER),
            symbol="ACME",
            amount=-self.delta if self.kind == FREE else None,
            currency="ACM" if self.kind == FREE else None,
            moves_quantity=self.kind == FREE,
            quantity=self.delta if moves else None,
            price=self.price if moves else None,
            ratio=self.quantity if self.kind == SPLIT else None,
            occurred_at=at,
            recorded_at=at,
            sequence=number + 1,
        )


@attrs.define
class Expected:
    """A position by one method, in fractions, with no rounding anywhere."""

    method: CostMethod
    inverse: bool
    multiplier: Fraction
    lots: list[list[Fraction]] = attrs.Factory(list)  # [units, cost], oldest first
    sign: int = 0
    realized: Fraction = Fraction(0)

    def take(self, step: Step) -> None:
        """Take one more step."""
        if step.kind == SPLIT:
            self.lots = [[units * Fraction(step.quantity), cost] for units, cost in self.lots]
            return
        units, sign = abs(Fraction(step.delta)), 1 if step.delta > 0 else -1
        if not self.lots or sign == self.sign:
            self.enter(units, sign, step)
            return
        closed = min(units, sum((lot[0] for lot in self.lots), Fraction(0)))
        cost = self.leave(closed)
        if step.kind not in (TRANSFER_IN, TRANSFER_OUT):
            gain = self.value(closed, step) - cost
            self.realized += gain if (self.sign > 0) != self.inverse else -gain
        if units > closed:
            self.enter(units - closed, sign, step)

    def enter(self, units: Fraction, sign: int, step: Step) -> None:
        """Open a lot."""
        if units:
            self.sign = sign
            self.lots.append([units, self.value(units, step)])

    def leave(self, closed: Fraction) -> Fraction:
        """Close units by the method; return what they had cost."""
        held = sum((lot[0] for lot in self.lots), Fraction(0))
        left, cost = closed, Fraction(0)
        order = list(reversed(self.lots)) if self.method == "lifo" else list(self.lots)
        for lot in order:
            part = lot[0] * closed / held if self.method == "average" else min(lot[0], left)
            cost_out = lot[1] * part / lot[0]
            left, cost = left - part, cost + cost_out
            lot[0], lot[1] = lot[0] - part, lot[1] - cost_out
        self.lots = [lot for lot in self.lots if lot[0]]
        return cost

    def value(self, units: Fraction, step: Step) -> Fraction:
        """Return the money behind units at the step's price."""
        price = Fraction(0) if step.kind == FREE else Fraction(step.price)
        if self.inverse:
            return units * self.multiplier / price if price else Fraction(0)
        return units * self.multiplier * price

    @property
    def quantity(self) -> Fraction:
        """What is held, signed."""
        return self.sign * sum((lot[0] for lot in self.lots), Fraction(0))

    @property
    def cost(self) -> Fraction:
        """What the open lots had cost."""
        return sum((lot[1] for lot in self.lots), Fraction(0))


small = st.integers(1, 24).map(lambda units: Decimal(units) / 4)
fine = st.integers(1, 10**19).map(lambda units: Decimal(units).scaleb(-18))
coarse_prices = st.integers(1, 400).map(lambda ticks: Decimal(ticks) / 20)
prices = st.one_of(coarse_prices, st.integers(1, 10**21).map(lambda units: Decimal(units).scaleb(-18)))


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Draw one step: mostly fills, of round quantities or of 18 digits."""
    kind = draw(st.sampled_from([UP, UP, UP, DOWN, DOWN, DOWN, TRANSFER_IN, TRANSFER_OUT, FREE]))
    quantity = draw(st.one_of(small, fine))
    has_fee = kind in (UP, DOWN) and draw(st.integers(0, 5)) == 0
    base_fee = (quantity / 8).quantize(Decimal("1E-18")) if has_fee else Decimal(0)
    return Step(kind, quantity, draw(prices), base_fee)


coarse_steps = st.one_of(
    st.builds(Step, st.sampled_from([UP, DOWN, UP, DOWN, TRANSFER_OUT]), small, coarse_prices),
    st.builds(Step, st.just(SPLIT), st.sampled_from([Decimal(2), Decimal("0.5"), Decimal(4)]), coarse_prices),
)
lives = st.one_of(st.lists(steps(), min_size=1, max_size=14), st.lists(coarse_steps, min_size=1, max_size=14))


@settings(max_examples=150, deadline=None)
@given(life=lives, inverse=st.booleans(), multiplier=st.sampled_from([1, 1, 50]))
def test_every_method_is_what_fractions_say(life: Sequence[Step], inverse: bool, multiplier: int) -> None:
    """After each movement: within the rounding of quotients; FIFO and LIFO exact where none is taken; alike when flat."""
    terms = Position(symbol="ACME", multiplier=Decimal(multiplier), inverse=inverse, currency="USD", base_currency="A")
    stored = terms
    expected = {method: Expected(method, inverse, Fraction(multiplier)) for method in METHODS}
    movements = [step.movement(number) for number, step in enumerate(life)]
    exact = not inverse and not any(step.kind == SPLIT for step in life)
    transfers = any(step.kind in (TRANSFER_IN, TRANSFER_OUT) for step in life)
    for number, step in enumerate(life, 1):
        stored = fold(stored, movements[number - 1])
        for method in METHODS:
            expected[method].take(step)
            found = position_by(method, stored, movements[:number])
            wanted = expected[method]
            rounded = Fraction(0) if exact and method != "average" else STEP * 2 * number
            assert Fraction(found.quantity) == wanted.quantity, method
            assert abs(Fraction(found.cost) - wanted.cost) <= rounded, method
            assert abs(Fraction(found.realized_pnl) - wanted.realized) <= rounded, method
            if stored.is_flat:
                assert found.cost == 0, method
                if not transfers:
                    compared = (found.realized_pnl, found.cycle_realized_pnl)
                    assert compared == (stored.realized_pnl, stored.cycle_realized_pnl), method


@settings(max_examples=150, deadline=None)
@given(life=lives, inverse=st.booleans(), method=st.sampled_from(METHODS))
def test_lots_and_matches_add_up_to_the_position(life: Sequence[Step], inverse: bool, method: CostMethod) -> None:
    """Quantities are never negative; each movement's matches add up; by average cost all is as `positions` folds it."""
    stored = Position(symbol="ACME", multiplier=Decimal(10), inverse=inverse)
    book = LotBook(method, inverse=inverse)
    realized = Fraction(0)
    for number, step in enumerate(life):
        movement, held = step.movement(number), book.quantity
        matches = book.fold(movement, stored.instrument)
        stored = fold(stored, movement)
        closed = min(abs(held), abs(step.delta)) if held * step.delta < 0 else 0
        assert sum(Fraction(match.quantity) for match in matches) == closed
        assert all(match.quantity >= 0 and match.exit is movement for match in matches)
        if matches and step.kind in (UP, DOWN):
            worth = stored.instrument.value(Decimal(closed), step.price)
            assert sum(Fraction(match.exit_value) for match in matches) == Fraction(worth)
        realized += sum((_gain(match, held, inverse) for match in matches), Fraction(0))
        assert all(lot.quantity >= 0 for lot in book.lots)
        assert sum(Fraction(lot.quantity) for lot in book.lots) == abs(Fraction(stored.quantity))
        assert book.quantity == stored.quantity
        if method == "average":
            assert (book.cost, realized) == (stored.cost, Fraction(stored.realized_pnl))


def _gain(match: Match, held: Decimal, inverse: bool) -> Fraction:
    gain = Fraction(match.exit_value) - Fraction(match.entry_value)
    assert Fraction(match.realized_pnl) == (gain if (held > 0) != inverse else -gain)
    return Fraction(match.realized_pnl)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(life=st.lists(steps(), min_size=1, max_size=10), data=st.data(), inverse=st.booleans())
def test_arrival_busts_and_corrections_change_no_final_figure(
    life: list[Step], data: st.DataObject, inverse: bool
) -> None:
    """What was reported late, wrongly or in vain comes to the same figures by every method as the truth in order."""
    arrival = data.draw(st.permutations(range(len(life))))
    wrong = data.draw(st.sets(st.sampled_from(range(len(life)))))
    straight, crooked = _lived(life, range(len(life)), frozenset(), inverse), _lived(life, arrival, wrong, inverse)
    names = ("quantity", "cost", "realized_pnl", "cycle_realized_pnl", "average_price", "opened_at", "fees")
    for method in METHODS:
        one, other = (ledger.get_position("ACME", cost_method=method) for ledger in (straight, crooked))
        assert {name: getattr(one, name) for name in names} == {name: getattr(other, name) for name in names}
        moved = [step.movement(number) for number, step in enumerate(life) if step.kind != FREE or not inverse]
        whole = position_by(method, one, moved)
        assert (one.cost, one.realized_pnl) == (whole.cost, whole.realized_pnl), "lots start where methods agree"


def _lived(
    life: Sequence[Step], arrival: Sequence[int], wrong: frozenset[int] | set[int], inverse: bool
) -> StrategyLedger:
    """Return a ledger that was told a life in an order of arrival; `wrong` fills came otherwise, or with a twin."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    terms = {"currency": "USD", "base_currency": "ACM", "inverse": inverse}
    for side in ("BUY", "SELL"):
        ledger.record_order(side, market_order(side, 10**12, **terms))
    for number in arrival:
        step, at = life[number], START + timedelta(seconds=number)
        if step.kind not in (UP, DOWN):
            ledger.record_adjustment(f"A{number}", _adjustment(step, inverse), occurred_at=at)
            continue
        order_id = "BUY" if step.kind == UP else "SELL"
        fees = [{"amount": step.base_fee, "currency": "ACM"}] if step.base_fee else None
        more = {"executed_at": at, "fees": fees, "fee_in_base": bool(step.base_fee)}
        if number in wrong:
            twin = at + timedelta(microseconds=1)
            ledger.update_order_fill(order_id, fill(f"T{number}", 3, 7, executed_at=twin))
            ledger.update_order_fill(order_id, fill(f"F{number}", step.quantity + 1, 5, **more))
            truth = {"fill_id": f"C{number}", "quantity": step.quantity, "price": step.price}
            ledger.correct_order_fill(order_id, f"F{number}", truth)
            ledger.bust_order_fill(order_id, f"T{number}")
        else:
            ledger.update_order_fill(order_id, fill(f"F{number}", step.quantity, step.price, **more))
    return ledger


def _adjustment(step: Step, inverse: bool) -> dict[str, object]:
    if step.kind == FREE and not inverse:
        return {"kind": "INTEREST", "symbol": "ACME", "amount": -step.quantity, "currency": "ACM"}
    if step.kind == FREE:
        return {"kind": "FUNDING", "symbol": "ACME", "amount": step.quantity, "currency": "ACM"}
    return {"kind": "TRANSFER", "symbol": "ACME", "quantity": step.delta, "price": step.price}


def test_which_lot_leaves_first_is_the_methods_to_say() -> None:
    """Two lots at 10 and 20, half of them sold at 30."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    ledger.record_order("B", market_order("BUY", 20))
    ledger.record_order("S", market_order("SELL", 20))
    ledger.update_order_fill("B", fill("F1", 10, 10))
    ledger.update_order_fill("B", fill("F2", 10, 20))
    ledger.update_order_fill("S", fill("F1", 10, 30))
    figures = {}
    for method in ("average", "fifo", "lifo"):
        position = ledger.get_position("ACME", cost_method=method)
        figures[method] = (position.realized_pnl, position.cost, position.average_price)
    assert figures == {"average": (150, 150, 15), "fifo": (200, 200, 20), "lifo": (100, 100, 10)}
    with pytest.raises(InvalidValue) as refused:
        ledger.get_position("ACME", cost_method="hifo")
    assert refused.value.argument == "cost_method"


def test_transfer_takes_the_lots_of_the_method_also_once_flat() -> None:
    """What the transferred units had cost differs, so the realized figures differ for good, and stay so afterwards."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    ledger.record_order("B", market_order("BUY", 40))
    ledger.record_order("S", market_order("SELL", 40))
    ledger.update_order_fill("B", fill("F1", 10, 1))
    ledger.update_order_fill("B", fill("F2", 10, 3))
    ledger.record_adjustment("A", {"kind": "TRANSFER", "symbol": "ACME", "quantity": -10, "price": 9})
    ledger.update_order_fill("S", fill("F1", 10, 3))
    wanted = {"average": 10, "fifo": 0, "lifo": 20}
    assert {method: ledger.get_position("ACME", cost_method=method).realized_pnl for method in wanted} == wanted
    ledger.update_order_fill("B", fill("F3", 10, 5))
    ledger.update_order_fill("S", fill("F2", 5, 6))
    later = {method: pnl + 5 for method, pnl in wanted.items()}
    assert {method: ledger.get_position("ACME", cost_method=method).realized_pnl for method in wanted} == later


def test_split_leaves_no_negative_lot_and_loses_no_unit() -> None:
    """Six lots of the last place, times 0.7: rounded one by one the first five would take more than there is."""
    book = LotBook(CostMethod.FIFO, inverse=False)
    stored = Position(symbol="ACME")
    smallest = Decimal("0.000000000000000001")
    life = [Step(UP, smallest, Decimal(2))] * 6 + [Step(SPLIT, Decimal("0.7"), Decimal(1))]
    for number, step in enumerate(life):
        stored = fold(stored, step.movement(number))
        book.fold(step.movement(number), stored.instrument)
    assert [lot.quantity / smallest for lot in book.lots] == [1, 0, 1, 1, 1, 0]
    assert book.quantity == stored.quantity == smallest * 4
    matches = book.fold(Step(DOWN, smallest * 4, Decimal(3)).movement(9), stored.instrument)
    assert sum(match.entry_value for match in matches) == smallest * 12
    assert not book.lots


@pytest.mark.parametrize(
    ("quantity", "held", "parts"),
    [
        ("-3", "1", ["-1", "-2"]),
        ("-3", "3", ["-3"]),
        ("-0.75", "0.5", ["-0.5", "-0.25"]),
        ("0.75", "-0.5", ["0.5", "0.25"]),
        ("0.75", "0.5", ["0.75"]),
        ("-2", "-1", ["-2"]),
        ("-2", "0", ["-2"]),
        ("0", "1", []),
    ],
)
@pytest.mark.parametrize("unit_value", [Decimal(4), None])
def test_fill_that_flips_is_two_moves(quantity: str, held: str, parts: list[str], unit_value: Decimal | None) -> None:
    """One that closes what is held, one that opens the rest: their values add up to that of the whole."""
    one = Step(UP, Decimal(1), Decimal(4)).movement(1)
    assert isinstance(one, Fill)
    moves = fill_moves(one, Decimal(quantity), abs(Decimal(quantity)) * 4, unit_value, Decimal(held))
    assert [move.quantity for move in moves] == [Decimal(part) for part in parts]
    assert [move.value for move in moves] == [abs(Decimal(part)) * 4 for part in parts]
    assert {move.unit_value for move in moves} <= {unit_value}
    assert all(move.movement is one and move.realizes for move in moves)


def test_flip_divides_a_value_exactly_where_a_unit_has_an_exact_value() -> None:
    """To more places than a quotient has."""
    one = Step(UP, Decimal(1), Decimal(4)).movement(1)
    assert isinstance(one, Fill)
    moves = fill_moves(one, Decimal("-3E-9"), Decimal("3E-22"), Decimal("1E-13"), Decimal("1E-9"))
    assert [move.value for move in moves] == [Decimal("1E-22"), Decimal("2E-22")]


def test_exit_of_several_lots_is_exact_where_a_unit_has_an_exact_value() -> None:
    """Each lot brings its units times the price, to more places than a quotient has."""
    book = LotBook(CostMethod.FIFO, inverse=False)
    terms = Position(symbol="ACME").instrument
    life = [
        Step(UP, Decimal("1E-9"), Decimal(1)),
        Step(UP, Decimal("2E-9"), Decimal(1)),
        Step(DOWN, Decimal("3E-9"), Decimal("1E-13")),
    ]
    matches = [match for number, step in enumerate(life) for match in book.fold(step.movement(number), terms)]
    assert [match.exit_value for match in matches] == [Decimal("1E-22"), Decimal("2E-22")]


def test_lot_without_a_unit_keeps_the_cost_that_rounding_left() -> None:
    """Two lots of the last place, half of them sold by average cost: no unit can be halved, but each cost can."""
    book = LotBook(CostMethod.AVERAGE, inverse=False)
    stored = Position(symbol="ACME")
    smallest = Decimal("0.000000000000000001")
    matches: list[Match] = []
    for number, step in enumerate([Step(UP, smallest, Decimal(100))] * 2 + [Step(DOWN, smallest, Decimal(300))]):
        stored = fold(stored, step.movement(number))
        matches = book.fold(step.movement(number), stored.instrument)
    assert [(lot.quantity / smallest, lot.cost / smallest) for lot in book.lots] == [(1, 50), (0, 50)]
    assert (book.cost, book.quantity) == (stored.cost, stored.quantity) == (smallest * 100, smallest)
    assert sum(match.realized_pnl for match in matches) == stored.realized_pnl == smallest * 200


def test_cycle_begins_where_something_is_held_on_a_side_on_which_nothing_was() -> None:
    """From flat, or by a flip; of however small a part of a unit."""
    for before, after, opens in (
        ("0", "0.5", True),
        ("0", "-0.5", True),
        ("0.5", "0", False),
        ("0", "0", False),
        ("0.5", "1", False),
        ("2", "0.5", False),
        ("-0.5", "-2", False),
        ("0.5", "-0.5", True),
        ("-2", "0.5", True),
        ("2", "-0.5", True),
    ):
        assert opens_cycle(Decimal(before), Decimal(after)) is opens


@pytest.mark.parametrize("method", METHODS)
def test_flip_begins_a_cycle_by_every_method(method: CostMethod) -> None:
    """What the one before came to stays in the realized PnL, and is no part of the new one's."""
    stored = Position(symbol="ACME")
    life = [
        step.movement(number)
        for number, step in enumerate(
            [
                Step(UP, Decimal(10), Decimal(100)),
                Step(DOWN, Decimal(4), Decimal(101)),
                Step(DOWN, Decimal(11), Decimal(110)),
                Step(UP, Decimal(2), Decimal(105)),
            ]
        )
    ]
    for movement in life:
        stored = fold(stored, movement)
    found = position_by(method, stored, life)
    assert (found.quantity, found.cost) == (-3, 330)
    assert (found.realized_pnl, found.cycle_realized_pnl) == (74, 10)


def test_share_of_an_inverse_lot_is_a_quotient_of_what_it_cost() -> None:
    """Six contracts at 9 cost 0.666666666666666667 coins; half of that leaves, not three times a rounded ninth."""
    book = LotBook(CostMethod.FIFO, inverse=True)
    terms = Position(symbol="ACME", inverse=True).instrument
    book.fold(Step(UP, Decimal(6), Decimal(9)).movement(1), terms)
    (match,) = book.fold(Step(DOWN, Decimal(3), Decimal(9)).movement(2), terms)
    assert match.entry_value == Decimal("0.333333333333333334")
    assert book.cost == Decimal("0.333333333333333333")
