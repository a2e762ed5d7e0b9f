"""Fold fills and adjustments into positions by average cost, and money into totals: pure, exact, in economic order.

The share of the cost that leaves with a reduction is a quotient, rounded half-even to 18 places; the remainder
stays with the open part, so a position that is flat has paid out its cost to the last digit.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import attrs

from ledger_core._frozen import replaced
from ledger_core.holdings import money_behind
from ledger_core.model import Adjustment, AdjustmentKind, CashFlow, Fee, Fill, Instrument, Opening, Position, TradeLeg
from ledger_core.numbers import ONE, ZERO, magnitude, minus, negated, plain, plus, quotient, times

HolderT = TypeVar("HolderT", Position, TradeLeg)

Movement = Fill | Adjustment
"""What moves a position. Both kinds have one economic order."""

FlatPoint = Fill | Opening
"""Where a position was flat: just after a fill, or where its live history begins."""


def fold(position: Position, movement: Movement) -> Position:
    """Return the position after a fill or adjustment, which must stand after all that was folded before it.

    A movement against the position realizes PnL on the part that it closes; what is left of it opens the other side
    at its own price (a flip). Two kinds realize nothing: a transfer takes its share of the cost along, and a split
    changes units alone. Interest in the base currency leaves or enters for nothing, so that realized PnL stays the
    sum of the cash flows. Fees and cash flows are added by `merge_fees` and `merge_cash_flows`, whatever their order.
    """
    executed_at, sequence, index = movement.economic_order
    values: dict[str, Any]
    delta, held = movement.signed_quantity, position.quantity
    if isinstance(movement, Adjustment) and movement.ratio is not None:
        values = {"quantity": quotient(times(held, movement.ratio), ONE)}
    elif not delta:
        values = {}
    elif not held or (held > ZERO) is (delta > ZERO):
        values = _increase(position, delta, movement.price, executed_at)
    else:
        transfers = isinstance(movement, Adjustment) and movement.adjustment_kind is AdjustmentKind.TRANSFER
        values = _reduce(position, delta, movement.price, executed_at, realizes=not transfers)
    values["last_executed_at"], values["last_sequence"], values["last_index"] = executed_at, sequence, index
    return replaced(position, values)


def with_terms(position: HolderT, instrument: Instrument) -> HolderT:
    """Return the position, or leg of a trade, with the instrument's terms as they are known now."""
    if (
        position.currency == instrument.currency
        and position.base_currency == instrument.base_currency
        and position.multiplier == instrument.multiplier
        and position.inverse == instrument.inverse
    ):
        return position
    terms = {
        "currency": instrument.currency,
        "base_currency": instrument.base_currency,
        "multiplier": instrument.multiplier,
        "inverse": instrument.inverse,
    }
    return replaced(position, terms)


def restart(position: Position, flat: FlatPoint | None) -> Position:
    """Return the position as it was at a flat point: just after a fill, at its opening, or before the first of all.

    What its last cycle came to, and when that began, is known of an opening alone.
    """
    executed_at, sequence, index = flat.economic_order if flat is not None else (None, 0, 0)
    realized_pnl: Decimal | None = None
    cycle_realized_pnl, opened_at = ZERO, None
    if isinstance(flat, Opening):
        realized_pnl, cycle_realized_pnl, opened_at = flat.realized_pnl, flat.cycle_realized_pnl, flat.opened_at
    elif flat is not None:
        realized_pnl = flat.flat_realized_pnl
    return attrs.evolve(
        position,
        quantity=ZERO,
        cost=ZERO,
        realized_pnl=ZERO if realized_pnl is None else realized_pnl,
        cycle_realized_pnl=cycle_realized_pnl,
        opened_at=opened_at,
        last_executed_at=executed_at,
        last_sequence=sequence,
        last_index=index,
    )


def merge_fees(paid: tuple[Fee, ...], more: Iterable[Fee]) -> tuple[Fee, ...]:
    """Return the totals per currency, sorted, without those that come to nothing; currencies are never added up."""
    totals = {fee.currency: fee.amount for fee in paid}
    for fee in more:
        totals[fee.currency] = plain(plus(totals.get(fee.currency, ZERO), fee.amount))
    return tuple(Fee(currency, totals[currency]) for currency in sorted(totals) if totals[currency])


def negated_fees(fees: Iterable[Fee]) -> tuple[Fee, ...]:
    """Return what takes fees back out of their totals."""
    return tuple(Fee(fee.currency, negated(fee.amount)) for fee in fees)


def merge_cash_flows(known: tuple[CashFlow, ...], adjustment: Adjustment) -> tuple[CashFlow, ...]:
    """Return the totals per kind and currency, sorted, with one more adjustment of money."""
    if not adjustment.adjustment_kind.moves_cash or adjustment.currency is None or adjustment.amount is None:
        return known
    return sum_cash_flows((*known, CashFlow(adjustment.adjustment_kind, adjustment.currency, adjustment.amount)))


def sum_cash_flows(flows: Iterable[CashFlow]) -> tuple[CashFlow, ...]:
    """Return the totals per kind and currency, sorted."""
    totals: dict[tuple[AdjustmentKind, str], Decimal] = {}
    for flow in flows:
        name = (flow.adjustment_kind, flow.currency)
        totals[name] = plain(plus(totals.get(name, ZERO), flow.amount))
    return tuple(CashFlow(kind, currency, totals[kind, currency]) for kind, currency in sorted(totals))


def value_at(terms: Instrument | Position, quantity: Decimal, price: Decimal | None) -> Decimal:
    """Return the money behind a quantity; without a price it moved for nothing."""
    return ZERO if price is None else money_behind(terms, quantity, price)


def _increase(position: Position, delta: Decimal, price: Decimal | None, executed_at: datetime) -> dict[str, Any]:
    added = value_at(position, magnitude(delta), price)
    values: dict[str, Any] = {
        "quantity": plain(plus(position.quantity, delta)),
        "cost": plain(plus(position.cost, added)),
    }
    if not position.quantity:
        values["cycle_realized_pnl"], values["opened_at"] = ZERO, executed_at
    return values


def _reduce(
    position: Position, delta: Decimal, price: Decimal | None, executed_at: datetime, *, realizes: bool
) -> dict[str, Any]:
    held, terms = position.quantity, position
    closed = min(magnitude(delta), magnitude(held))
    whole = closed == magnitude(held)
    cost_out = position.cost if whole else quotient(times(position.cost, closed), magnitude(held))
    gain = minus(value_at(terms, closed, price), cost_out) if realizes else ZERO
    if (held > 0) == terms.inverse:
        gain = negated(gain)
    quantity = plain(plus(held, delta))
    values: dict[str, Any] = {"quantity": quantity, "realized_pnl": plain(plus(position.realized_pnl, gain))}
    if quantity and whole:  # a flip: the rest opens the other side at this price
        cost = value_at(terms, magnitude(quantity), price)
        values.update(cycle_realized_pnl=ZERO, opened_at=executed_at)
    else:
        cost = minus(position.cost, cost_out)
        values["cycle_realized_pnl"] = plain(plus(position.cycle_realized_pnl, gain))
    values["cost"] = plain(cost)
    return values
