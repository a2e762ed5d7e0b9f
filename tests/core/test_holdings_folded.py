"""Whatever comes late, is taken back or changed, and however it is written: positions are what a fold of it all says.

A position folds again from its last flat point alone. Here it is compared with a fold of everything from the beginning.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from ledger_core import CommandRefused, Fill, Position, StrategyLedger
from ledger_core.archiving import Group
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


class Rounds:
    """Orders that are filled at once, transfers and splits, drawn by lot about a time that moves on."""

    def __init__(self, seed: int) -> None:
        """Begin."""
        self.lot = random.Random(seed)
        self.number = 0

    def draw(self) -> Callable[[StrategyLedger], object]:
        """Return what tells the next thing."""
        self.number += 1
        name, when = f"O{self.number}", at(self.lot.randrange(max(0, self.number - 12), self.number + 4))
        venue, side = self.lot.choice(VENUES), self.lot.choice(("BUY", "SELL"))
        quantity, price = self.lot.choice((1, 1, 2)), self.lot.randint(90, 110)
        match self.lot.choices(("order", "bust", "transfer", "split"), (60, 12, 8, 2))[0]:
            case "order":
                details = market_order(side, quantity, venue=venue, currency="USD")
                fee = {"fee": 1, "fee_currency": "USD"}
                return lambda ledger: (
                    ledger.record_order(name, details, occurred_at=when),
                    ledger.update_order_fill(name, fill("F", quantity, price, **fee), occurred_at=when),
                )
            case "bust":
                busted = f"O{self.lot.randint(1, self.number)}"
                return lambda ledger: ledger.bust_order_fill(busted, "F")
            case "transfer":
                moved = {"kind": "TRANSFER", "symbol": "ACME", "venue": venue, "quantity": quantity, "price": price}
                return lambda ledger: ledger.record_adjustment(name, moved, occurred_at=when)
            case _:
                split = {"kind": "SPLIT", "symbol": "ACME", "venue": venue, "ratio": 2}
                return lambda ledger: ledger.record_adjustment(name, split, occurred_at=when)


@pytest.mark.parametrize("seed", range(6, 14))  # in each of these something may go
def test_position_whose_history_is_in_archives_is_what_it_would_be_with_it(seed: int) -> None:
    """What is refused as archived apart, each command does the same to it; and with all taken back it is the fold."""
    whole, archived, rounds = new_ledger(), new_ledger(), Rounds(seed)
    gone: list[tuple[str, list[Group]]] = []
    for number in range(1, 121):
        told = rounds.draw()
        with suppress(CommandRefused):
            told(archived)
            told(whole)
        if number % 15 == 0:
            name, groups = f"A{number}", list(archived.archivist.archivable(at(number - 5)))
            went = [group for group, reason in archived.archivist.let_go(name, groups) if reason is None]
            gone += [(name, went)] if went else []
        for venue in VENUES:
            assert totals(archived, venue) == totals(whole, venue)
    assert gone
    for name, groups in reversed(gone):
        archived.archivist.take_back(name, groups)
    check(archived)


def totals(ledger: StrategyLedger, venue: str) -> tuple[Any, ...]:
    """Return what a position came to, and what it cost to trade it."""
    position = ledger.get_position("ACME", venue=venue)
    return (*figures(position), position.fees)
