"""Fold fills into positions by average cost, and their fees into totals: pure, exact, in economic order.

The share of the cost that leaves with a reduction is a quotient, rounded half-even to 18 places; the remainder
stays with the open part, so a position that is flat has paid out its cost to the last digit.
"""

from collections.abc import Iterable
from typing import Any

import attrs

from ledger_core._frozen import replaced
from ledger_core.model import Fee, Fill, Instrument, Position
from ledger_core.numbers import ZERO, magnitude, minus, negated, plain, plus, quotient, times


def fold(position: Position, fill: Fill) -> Position:
    """Return the position after the fill, which must stand after all that was folded before it.

    A fill against the position realizes PnL on the part that it closes; what is left of it opens the other side
    at its own price (a flip). Fees are added by `merge_fees`, whatever their order.
    """
    delta, held = fill.signed_quantity, position.quantity
    values: dict[str, Any] = {
        "last_executed_at": fill.executed_at,
        "last_sequence": fill.sequence,
        "last_index": fill.index,
    }
    if not held or not delta or (held > 0) == (delta > 0):
        values.update(_increase(position, fill))
    else:
        values.update(_reduce(position, fill))
    return replaced(position, values)


def with_terms(position: Position, instrument: Instrument) -> Position:
    """Return the position with the instrument's terms as they are known now."""
    terms = {
        "currency": instrument.currency,
        "base_currency": instrument.base_currency,
        "multiplier": instrument.multiplier,
        "inverse": instrument.inverse,
    }
    known = all(getattr(position, name) == value for name, value in terms.items())
    return position if known else replaced(position, terms)


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


def _increase(position: Position, fill: Fill) -> dict[str, Any]:
    delta = fill.signed_quantity
    if not delta:
        return {}
    added = position.instrument.value(magnitude(delta), fill.price)
    values: dict[str, Any] = {
        "quantity": plain(plus(position.quantity, delta)),
        "cost": plain(plus(position.cost, added)),
    }
    if position.is_flat:
        values.update(cycle_realized_pnl=ZERO, opened_at=fill.executed_at)
    return values


def _reduce(position: Position, fill: Fill) -> dict[str, Any]:
    delta, held, terms = fill.signed_quantity, position.quantity, position.instrument
    closed = min(magnitude(delta), magnitude(held))
    whole = closed == magnitude(held)
    cost_out = position.cost if whole else quotient(times(position.cost, closed), magnitude(held))
    gain = minus(terms.value(closed, fill.price), cost_out)
    if (held > 0) == terms.inverse:
        gain = negated(gain)
    quantity = plain(plus(held, delta))
    values: dict[str, Any] = {"quantity": quantity, "realized_pnl": plain(plus(position.realized_pnl, gain))}
    if quantity and whole:  # a flip: the rest opens the other side at this price
        cost = terms.value(magnitude(quantity), fill.price)
        values.update(cycle_realized_pnl=ZERO, opened_at=fill.executed_at)
    else:
        cost = minus(position.cost, cost_out)
        values["cycle_realized_pnl"] = plain(plus(position.cycle_realized_pnl, gain))
    values["cost"] = plain(cost)
    return values
