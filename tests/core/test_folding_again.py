"""Whatever comes late, is taken back or changed, and however it is written: positions are what a fold of it all says.

A position folds again from its last flat point alone. Here it is compared with a fold of everything from the beginning.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from ledger_core import CommandRefused, Fill, Position, StrategyLedger
from ledger_core.methods import Commands
from ledger_core.model import Adjustment
from ledger_core.positions import Movement, fold
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, market_order
from support.trading import at

VENUES = ("X", "Y")
SEEDS = range(8)


def new_ledger() -> StrategyLedger:
    """Return an empty ledger on a clock that stands, so that nothing depends on how often it was read."""
    return StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock(START, timedelta(0)))


class Script:
    """Commands about two positions in one symbol, drawn by lot, that leave little in the order in which it happened."""

    def __init__(self, seed: int) -> None:
        """Begin."""
        self.lot = random.Random(seed)
        self.known: list[tuple[str, str]] = []
        self.number = 0

    def place(self, told: Commands) -> None:
        """Place an order of each side at each venue."""
        for venue in VENUES:
            for side in ("BUY", "SELL"):
                told.record_order(f"{side}-{venue}", market_order(side, 60, venue=venue, currency="USD"))

    def tell(self, told: Commands) -> None:
        """Tell one thing; what is refused was to be."""
        self.number += 1
        kind = self.lot.choices(
            ("fill", "inferred", "bust", "correction", "transfer", "split", "funding"), (50, 8, 10, 8, 8, 3, 3)
        )[0]
        when = at(self.lot.randrange(60))
        with suppress(CommandRefused):
            if kind in ("fill", "inferred"):
                self.fill(told, is_inferred=kind == "inferred")
            elif kind == "bust" and self.known:
                told.bust_order_fill(*self.lot.choice(self.known))
            elif kind == "correction" and self.known:
                order_id, fill_id = self.lot.choice(self.known)
                correction = {"fill_id": f"C{self.number}", "quantity": self.lot.randint(1, 6), "price": 101}
                told.correct_order_fill(order_id, fill_id, correction)
            else:
                told.record_adjustment(f"A{self.number}", self.adjustment(kind), occurred_at=when)

    def fill(self, told: Commands, *, is_inferred: bool) -> None:
        """Execute a few units, of sizes that often leave nothing."""
        side, venue = self.lot.choice(("BUY", "SELL")), self.lot.choice(VENUES)
        order_id, fill_id = f"{side}-{venue}", f"F{self.number}"
        data = fill(fill_id, self.lot.choice((1, 2, 2, 4)), self.lot.randint(90, 110), inferred=is_inferred)
        told.update_order_fill(order_id, data, occurred_at=at(self.lot.randrange(60)))
        self.known.append((order_id, fill_id))

    def adjustment(self, kind: str) -> dict[str, Any]:
        """Return what moves a position without an execution."""
        venue = self.lot.choice(VENUES)
        of: dict[str, Any] = {"symbol": "ACME", "venue": venue}
        if kind == "transfer":
            return {"kind": "TRANSFER", "quantity": self.lot.choice((-2, -1, 1, 2)), "price": 100, **of}
        if kind == "split":
            return {"kind": "SPLIT", "ratio": 2, **of}
        return {"kind": "FUNDING", "amount": 1, "currency": "USD", **of}


def movements(ledger: StrategyLedger, venue: str) -> Iterator[Movement]:
    """Generate what moved a position, in the order in which it happened."""
    found: list[Fill | Adjustment] = [one for one in ledger.find_fills(limit=None) if not one.busted]
    found += ledger.find_adjustments(limit=None)
    yield from sorted((one for one in found if one.venue == venue), key=lambda one: one.economic_order)


def figures(position: Position) -> tuple[Any, ...]:
    """Return what a position came to."""
    return (
        position.quantity,
        position.cost,
        position.realized_pnl,
        position.cycle_realized_pnl,
        position.opened_at,
    )


def check(ledger: StrategyLedger) -> None:
    """Compare each position, and what each fill says of it, with a fold from the beginning."""
    for venue in VENUES:
        found = ledger.get_position("ACME", venue=venue)
        whole = Position(symbol="ACME", venue=venue, currency="USD")
        flat = {}
        for movement in movements(ledger, venue):
            whole = fold(whole, movement)
            if isinstance(movement, Fill):
                flat[movement.key] = whole.realized_pnl if whole.is_flat else None
        assert figures(found) == figures(whole)
        if found.version:  # there was more than splits of nothing
            assert found.last_economic_order == whole.last_economic_order
        fills = [one for one in ledger.find_fills(limit=None) if one.venue == venue]
        assert {one.key: one.flat_realized_pnl for one in fills} == {one.key: flat.get(one.key) for one in fills}


@pytest.mark.parametrize("seed", SEEDS)
def test_position_is_the_fold_of_all_that_happened(seed: int) -> None:
    """After every command of a life in which little comes in order."""
    ledger, script = new_ledger(), Script(seed)
    script.place(ledger)
    for _ in range(60):
        script.tell(ledger)
        check(ledger)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [7, 60])
def test_batches_write_what_their_commands_would_alone(seed: int, size: int) -> None:
    """The same journal to the last bit, in one write or in sixty, and so the same positions."""
    alone, together = new_ledger(), new_ledger()
    script, again = Script(seed), Script(seed)
    script.place(alone)
    for _ in range(60):
        script.tell(alone)
    for start in range(0, 60, size):
        with together.batch() as batch:
            if start == 0:
                again.place(batch)
            for _ in range(min(size, 60 - start)):
                again.tell(batch)
    assert together.head() == alone.head()
    check(together)
