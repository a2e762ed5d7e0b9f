"""One movement, one position: what each makes of it, and what a position was where it was flat."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core.model import AdjustmentKind, CashFlow, Opening, Position, Side
from ledger_core.positions import Movement, fold, merge_cash_flows, restart, value_at
from ledger_core.testing.samples import NOON, adjustment, fill, later

HELD = Position(
    symbol="AAPL",
    quantity=Decimal(10),
    cost=Decimal(500),
    realized_pnl=Decimal(7),
    cycle_realized_pnl=Decimal(3),
    opened_at=later(-9),
    last_executed_at=later(-1),
    last_sequence=4,
    last_index=2,
)
OPENING = Opening(
    archive_id="A",
    executed_at=later(-50),
    sequence=2,
    index=1,
    realized_pnl=Decimal(4),
    cycle_realized_pnl=Decimal(2),
    opened_at=later(-60),
)


def moved(kind: AdjustmentKind, **given: Any) -> Movement:
    """Return an adjustment that happened after all that was folded."""
    return adjustment(adjustment_kind=kind, occurred_at=NOON, sequence=8, index=3, **given)


@pytest.mark.parametrize(
    ("movement", "changes"),
    [
        (moved(AdjustmentKind.FUNDING, amount=Decimal(5), currency="USD"), {}),
        (moved(AdjustmentKind.SPLIT, ratio=Decimal(2)), {"quantity": 20}),
        (moved(AdjustmentKind.TRANSFER, quantity=Decimal(10), price=Decimal(60)), {"quantity": 20, "cost": 1100}),
        (moved(AdjustmentKind.TRANSFER, quantity=Decimal(-4), price=Decimal(60)), {"quantity": 6, "cost": 300}),
        (
            moved(AdjustmentKind.INTEREST, amount=Decimal(4), moves_quantity=True),
            {"quantity": 6, "cost": 300, "realized_pnl": -193, "cycle_realized_pnl": -197},
        ),
        (moved(AdjustmentKind.INTEREST, amount=Decimal(-4), moves_quantity=True), {"quantity": 14, "cost": 500}),
        (fill(executed_at=NOON, sequence=8, index=3), {"quantity": 20, "cost": 1000}),
        (
            fill(executed_at=NOON, sequence=8, index=3, side=Side.SELL, quantity=Decimal(4), price=Decimal(60)),
            {"quantity": 6, "cost": 300, "realized_pnl": 47, "cycle_realized_pnl": 43},
        ),
        (
            fill(executed_at=NOON, sequence=8, index=3, side=Side.SELL, quantity=Decimal(10), price=Decimal(60)),
            {"quantity": 0, "cost": 0, "realized_pnl": 107, "cycle_realized_pnl": 103},
        ),
        (
            fill(executed_at=NOON, sequence=8, index=3, side=Side.SELL, quantity=Decimal(12), price=Decimal(60)),
            {"quantity": -2, "cost": 120, "realized_pnl": 107, "cycle_realized_pnl": 0, "opened_at": NOON},
        ),
    ],
)
def test_a_movement_changes_what_it_moves_and_where_the_position_stands(
    movement: Movement, changes: dict[str, Any]
) -> None:
    """And nothing else: cash alone moves nothing, a split only units, interest leaves or enters for nothing."""
    expected = attrs.evolve(HELD, **changes, last_executed_at=NOON, last_sequence=8, last_index=3)
    assert fold(HELD, movement) == expected


def test_the_first_movement_opens_a_position() -> None:
    """What the last cycle came to is over."""
    flat = attrs.evolve(HELD, quantity=Decimal(0), cost=Decimal(0))
    after = fold(flat, fill(executed_at=NOON, side=Side.SELL))
    assert (after.quantity, after.cost, after.cycle_realized_pnl, after.opened_at) == (-10, 500, 0, NOON)


def test_what_moved_without_a_price_moved_for_nothing() -> None:
    """As interest in the base currency does."""
    assert value_at(HELD, Decimal(10), None) == 0
    assert value_at(HELD, Decimal(10), Decimal(5)) == 50
    assert value_at(attrs.evolve(HELD, inverse=True), Decimal(10), Decimal(5)) == 2
    assert value_at(attrs.evolve(HELD, inverse=True), Decimal(10), None) == 0


@pytest.mark.parametrize(
    ("flat", "is_known"),
    [
        (None, {"realized_pnl": 0, "cycle_realized_pnl": 0, "opened_at": None}),
        (
            fill(executed_at=later(-50), sequence=2, index=1, flat_realized_pnl=Decimal(4)),
            {"realized_pnl": 4, "cycle_realized_pnl": 0, "opened_at": None},
        ),
        (OPENING, {"realized_pnl": 4, "cycle_realized_pnl": 2, "opened_at": later(-60)}),
    ],
)
def test_a_position_starts_again_from_where_it_was_flat(flat: Any, is_known: dict[str, Any]) -> None:
    """Nothing held, what was realized until then, and standing there; of an opening its last cycle is known too."""
    place = (None, 0, 0) if flat is None else (later(-50), 2, 1)
    standing: dict[str, Any] = dict(zip(("last_executed_at", "last_sequence", "last_index"), place, strict=True))
    assert restart(HELD, flat) == attrs.evolve(HELD, quantity=Decimal(0), cost=Decimal(0), **is_known, **standing)


def test_only_money_is_a_cash_flow() -> None:
    """Totals of each kind and currency, in their order."""
    funding = adjustment(amount=Decimal(5), currency="USD")
    interest = adjustment(adjustment_kind=AdjustmentKind.INTEREST, amount=Decimal(2), currency="EUR")
    transfer = adjustment(adjustment_kind=AdjustmentKind.TRANSFER, quantity=Decimal(5), price=Decimal(1))
    flows: tuple[CashFlow, ...] = ()
    for one in (interest, funding, transfer, funding):
        flows = merge_cash_flows(flows, one)
    assert flows == (
        CashFlow(AdjustmentKind.FUNDING, "USD", Decimal(10)),
        CashFlow(AdjustmentKind.INTEREST, "EUR", Decimal(2)),
    )
