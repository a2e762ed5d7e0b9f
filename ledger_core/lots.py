"""Fold fills and adjustments into lots: what entered, in the order in which a cost method lets it leave.

Every method pays the same money for the same movements: what a reduction brought is worked out once, and what
entered leaves to the last digit. So the methods differ only in when a cost leaves, and agree once a position is flat,
unless a transfer took units, and with them their cost, away. By average cost the lots add up to what `positions`
folds, digit by digit.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal

import attrs

from ledger_core._frozen import quick, replaced
from ledger_core.model import Adjustment, AdjustmentKind, CostMethod, Fill, Instrument, Position
from ledger_core.numbers import ONE, ZERO, magnitude, minus, negated, plain, plus, quotient, times, total
from ledger_core.positions import FlatPoint, Movement, restart, value_at


@quick
@attrs.frozen(weakref_slot=False)
class Move:
    """A part of a movement that either enters or leaves: units, signed, and the money behind them.

    `unit_value` is the money behind one unit where that is exact; None where the money is shared by quotients.
    """

    movement: Movement
    quantity: Decimal
    value: Decimal
    unit_value: Decimal | None
    realizes: bool = True


@quick
@attrs.frozen(weakref_slot=False)
class Lot:
    """What is still open of one movement that entered: units, unsigned, and the value at which they entered."""

    entry: Movement
    quantity: Decimal
    cost: Decimal
    unit_value: Decimal | None


@quick
@attrs.frozen(weakref_slot=False)
class Match:
    """Units that entered with one movement and left with another. A transfer takes them along at their cost."""

    entry: Movement
    exit: Movement
    quantity: Decimal
    entry_value: Decimal
    exit_value: Decimal
    realized_pnl: Decimal


class LotBook:
    """The open lots of one position or trade, oldest first; `quantity` is signed, as of a position."""

    def __init__(self, cost_method: CostMethod, *, inverse: bool) -> None:
        """Start flat. `inverse` is that of the instrument: it turns the sign of every gain."""
        self.quantity = ZERO
        self.lots: deque[Lot] = deque()
        self._cost_method = cost_method
        self._inverse = inverse

    @property
    def cost(self) -> Decimal:
        """The value at which the open part was entered."""
        return total(lot.cost for lot in self.lots)

    def fold(self, movement: Movement, terms: Instrument) -> list[Match]:
        """Take a movement of a position, as `positions.fold` does; return what it closed."""
        if isinstance(movement, Adjustment) and movement.ratio is not None:
            self._split(movement.ratio)
            return []
        return [match for move in _moves(movement, self.quantity, terms) for match in self.take(move)]

    def take(self, move: Move) -> list[Match]:
        """Take units that all enter or all leave; return what they closed."""
        if self.quantity and (self.quantity > 0) != (move.quantity > 0):
            return self._leave(move)
        self.lots.append(Lot(move.movement, magnitude(move.quantity), move.value, move.unit_value))
        self.quantity = plus(self.quantity, move.quantity)
        return []

    def _leave(self, move: Move) -> list[Match]:
        held, closed = magnitude(self.quantity), magnitude(move.quantity)
        assert closed <= held, "a flip is two moves"
        if closed == held:
            taken = list(self.lots)
            self.lots.clear()
        elif self._cost_method is CostMethod.AVERAGE:
            taken = self._taken_of_all(closed, held)
        else:
            taken = self._taken_in_turn(closed)
        is_long = self.quantity > 0
        self.quantity = plus(self.quantity, move.quantity)
        return list(self._matches(taken, move, closed, is_long=is_long))

    def _matches(self, taken: Iterable[Lot], move: Move, closed: Decimal, *, is_long: bool) -> Iterator[Match]:
        # Differences of a running share: what the matches bring adds up to what the whole move brought.
        quantity, value = ZERO, ZERO
        for lot in taken:
            quantity = plus(quantity, lot.quantity)
            reached = _share(move.value, move.unit_value, quantity, closed)
            exit_value = minus(reached, value) if move.realizes else lot.cost
            value = reached
            gain = minus(exit_value, lot.cost)
            if is_long == self._inverse:
                gain = negated(gain)
            if lot.quantity or lot.cost:
                yield Match(
                    entry=lot.entry,
                    exit=move.movement,
                    quantity=plain(lot.quantity),
                    entry_value=plain(lot.cost),
                    exit_value=plain(exit_value),
                    realized_pnl=plain(gain),
                )

    def _taken_in_turn(self, closed: Decimal) -> list[Lot]:
        newest_first = self._cost_method is CostMethod.LIFO
        taken, left = [], closed
        while left:
            lot = self.lots.pop() if newest_first else self.lots.popleft()
            part = min(lot.quantity, left)
            cost = _share(lot.cost, lot.unit_value, part, lot.quantity)
            taken.append(attrs.evolve(lot, quantity=part, cost=cost))
            left = minus(left, part)
            if part != lot.quantity:
                rest = attrs.evolve(lot, quantity=minus(lot.quantity, part), cost=minus(lot.cost, cost))
                if newest_first:
                    self.lots.append(rest)
                else:
                    self.lots.appendleft(rest)
        return taken

    def _taken_of_all(self, closed: Decimal, held: Decimal) -> list[Lot]:
        """Take from every lot in proportion; the parts add up to the share that `positions` takes of the whole."""
        taken, rests = [], []
        quantity = cost = quantity_out = cost_out = ZERO
        for lot in self.lots:
            quantity, cost = plus(quantity, lot.quantity), plus(cost, lot.cost)
            quantity_reached = quotient(times(quantity, closed), held)
            cost_reached = quotient(times(cost, closed), held)
            part = attrs.evolve(lot, quantity=minus(quantity_reached, quantity_out), cost=minus(cost_reached, cost_out))
            quantity_out, cost_out = quantity_reached, cost_reached
            taken.append(part)
            rest = attrs.evolve(part, quantity=minus(lot.quantity, part.quantity), cost=minus(lot.cost, part.cost))
            if rest.quantity or rest.cost:
                rests.append(rest)
        self.lots = deque(rests)
        return taken

    def _split(self, ratio: Decimal) -> None:
        """Multiply every lot; the parts add up to the position's new quantity, which is rounded once."""
        before = after = ZERO
        lots = []
        for lot in self.lots:
            before = plus(before, lot.quantity)
            reached = quotient(times(before, ratio), ONE)
            lots.append(attrs.evolve(lot, quantity=minus(reached, after), unit_value=None))
            after = reached
        self.lots = deque(lots)
        self.quantity = after if self.quantity > 0 else negated(after)


def position_by(
    cost_method: CostMethod, position: Position, movements: Iterable[Movement], *, start: FlatPoint | None = None
) -> Position:
    """Return a position, which is stored by average cost, by another method.

    `movements` are all that moved it after `start`, in economic order; `start` is where it was flat, or
    None for the beginning. No transfer may stand before `start`: it took along what the method says that it cost, so
    the realized PnL that the fill carries, by average cost, is not that of the others.
    """
    if cost_method is CostMethod.AVERAGE:
        return position
    terms = position.instrument
    book = LotBook(cost_method, inverse=terms.inverse)
    realized, of_cycle = restart(position, start).realized_pnl, ZERO
    for movement in movements:
        held = book.quantity
        gain = total(match.realized_pnl for match in book.fold(movement, terms))
        realized = plus(realized, gain)
        of_cycle = ZERO if opens_cycle(held, book.quantity) else plus(of_cycle, gain)
    return replaced(
        position,
        {
            "quantity": plain(book.quantity),
            "cost": plain(book.cost),
            "realized_pnl": plain(realized),
            "cycle_realized_pnl": plain(of_cycle),
        },
    )


def opens_cycle(before: Decimal, after: Decimal) -> bool:
    """Say whether something is held on a side on which nothing was held before: opened from flat, or flipped."""
    return bool(after) and (not before or (before > 0) != (after > 0))


def fill_moves(fill: Fill, quantity: Decimal, value: Decimal, unit_value: Decimal | None, held: Decimal) -> list[Move]:
    """Return the moves of a fill whose whole value is known: two that add up to it, where it flips what is held."""
    if not quantity:
        return []
    moved, closed = magnitude(quantity), magnitude(held)
    if not held or (held > 0) == (quantity > 0) or moved <= closed:
        return [Move(fill, quantity, value, unit_value)]
    value_of_closed = _share(value, unit_value, closed, moved)
    return [
        Move(fill, negated(held), value_of_closed, unit_value),
        Move(fill, plus(quantity, held), minus(value, value_of_closed), unit_value),
    ]


def unit_value_of(terms: Instrument, price: Decimal | None) -> Decimal | None:
    """Return the exact money behind one unit; None for inverse contracts, whose values are rounded."""
    return None if terms.inverse and price is not None else value_at(terms, ONE, price)


def _moves(movement: Movement, held: Decimal, terms: Instrument) -> list[Move]:
    """Return the moves of a movement of a position: closing and opening parts are valued apart, as in `positions`."""
    delta, price = movement.signed_quantity, movement.price
    if not delta:
        return []
    unit_value = unit_value_of(terms, price)
    realizes = not (isinstance(movement, Adjustment) and movement.adjustment_kind is AdjustmentKind.TRANSFER)
    parts = [delta]
    if held and (held > 0) != (delta > 0) and magnitude(delta) > magnitude(held):
        parts = [negated(held), plus(delta, held)]
    return [
        Move(movement, part, value_at(terms, magnitude(part), price), unit_value, realizes=realizes) for part in parts
    ]


def _share(value: Decimal, unit_value: Decimal | None, part: Decimal, whole: Decimal) -> Decimal:
    """Return the value of a part: exact where a unit has an exact value, else a quotient."""
    if part == whole:
        return value
    return quotient(times(value, part), whole) if unit_value is None else times(unit_value, part)
