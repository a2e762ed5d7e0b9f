"""Fold fills into positions by average cost, and their fees into totals: pure, exact, in economic order.

The share of the cost that leaves with a reduction is a quotient, rounded half-even to 18 places; the remainder
stays with the open part, so a position that is flat has paid out its cost to the last digit.
"""

from collections.abc import Iterable

import attrs

from ledger_core.model import Fee, Fill, Instrument, Position
from ledger_core.numbers import ZERO, magnitude, minus, negated, plain, plus, quotient, times


def fold(position: Position, fill: Fill) -> Position:
    """Return the position after the fill, which must stand after all that was folded before it.

    A fill against the position realizes PnL on the part that it closes; what is left of it opens the other side
    at its own price (a flip). Fees are added by `merge_fees`, whatever their order.
    """
    delta = fill.signed_quantity
    position = attrs.evolve(
        position,
        last_executed_at=fill.executed_at,
        last_sequence=fill.sequence,
        last_index=fill.index,
    )
    if not delta:
        return position
    held = position.quantity
    if not held or (held > 0) == (delta > 0):
        return _increase(position, fill)
    return _reduce(position, fill)


def with_terms(position: Position, instrument: Instrument) -> Position:
    """Return the position with the instrument's terms as they are known now."""
    return attrs.evolve(
        position,
        currency=instrument.currency,
        base_currency=instrument.base_currency,
        multiplier=instrument.multiplier,
        inverse=instrument.inverse,
    )


def restart(position: Position, flat_fill: Fill | None) -> Position:
    """Return the position as it was when flat: just after `flat_fill`, or before the first fill of all."""
    realized_pnl = flat_fill.flat_realized_pnl if flat_fill is not None else None
    return attrs.evolve(
        position,
        quantity=ZERO,
        cost=ZERO,
        realized_pnl=ZERO if realized_pnl is None else realized_pnl,
        cycle_realized_pnl=ZERO,
        opened_at=None,
        last_executed_at=None,
        last_sequence=0,
        last_index=0,
    )


def merge_fees(paid: tuple[Fee, ...], more: Iterable[Fee]) -> tuple[Fee, ...]:
    """Return the totals per currency, sorted by currency; currencies are never added to each other."""
    totals = {fee.currency: fee.amount for fee in paid}
    for fee in more:
        totals[fee.currency] = plain(plus(totals.get(fee.currency, ZERO), fee.amount))
    return tuple(Fee(currency, totals[currency]) for currency in sorted(totals))


def _increase(position: Position, fill: Fill) -> Position:
    delta = fill.signed_quantity
    added = position.instrument.value(magnitude(delta), fill.price)
    opening = position.is_flat
    return attrs.evolve(
        position,
        quantity=plain(plus(position.quantity, delta)),
        cost=plain(plus(position.cost, added)),
        cycle_realized_pnl=ZERO if opening else position.cycle_realized_pnl,
        opened_at=fill.executed_at if opening else position.opened_at,
    )


def _reduce(position: Position, fill: Fill) -> Position:
    delta, held, terms = fill.signed_quantity, position.quantity, position.instrument
    closed = min(magnitude(delta), magnitude(held))
    whole = closed == magnitude(held)
    cost_out = position.cost if whole else quotient(times(position.cost, closed), magnitude(held))
    gain = minus(terms.value(closed, fill.price), cost_out)
    if (held > 0) == terms.inverse:
        gain = negated(gain)
    quantity = plain(plus(held, delta))
    flipped = bool(quantity) and (quantity > 0) != (held > 0)
    return attrs.evolve(
        position,
        quantity=quantity,
        cost=plain(terms.value(magnitude(quantity), fill.price) if flipped else minus(position.cost, cost_out)),
        realized_pnl=plain(plus(position.realized_pnl, gain)),
        cycle_realized_pnl=ZERO if flipped else plain(plus(position.cycle_realized_pnl, gain)),
        opened_at=fill.executed_at if flipped else position.opened_at,
    )
