"""Whatever comes late, is taken back or changed, and however it is written: positions are what a fold of it all says.

A position folds again from its last flat point alone. Here it is compared with a fold of everything from the beginning.
"""

# Numbers are written here as a caller would: Decimal(10) == 10.
# mypy: disable-error-code="comparison-overlap"

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import CommandRefused, Fee, Fill, Position, StrategyLedger
from ledger_core.archivable import Group
from ledger_core.errors import Archived
from ledger_core.methods import Commands
from ledger_core.model import Adjustment, RecordKind
from ledger_core.positions import Movement, fold
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, market_order
from support.trading import at

VENUES = ("X", "Y")
SEEDS = range(8)


def new_ledger() -> StrategyLedger:
    """Return an empty ledger on a clock that stands, so that nothing depends on how often it was read."""
    return StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock(START, timedelta(0)))


def holding(*told: tuple[str, object, object, float], **more: Any) -> StrategyLedger:
    """Return a ledger on which fills (side, quantity, price, second) were told, of an order of each side."""
    ledger = new_ledger()
    for side in ("BUY", "SELL"):
        ledger.record_order(side, market_order(side, 100, currency="USD", **more))
    for number, one in enumerate(told):
        execute(ledger, *one, fill_id=f"F{number}")
    return ledger


def execute(ledger: StrategyLedger, side: str, quantity: object, price: object, second: float, fill_id: str) -> None:
    """Tell a fill, which costs 1."""
    fee = {"fee": 1, "fee_currency": "USD"}
    ledger.update_order_fill(side, fill(fill_id, quantity, price, **fee), occurred_at=at(second))


def adjust(ledger: StrategyLedger, kind: str, second: float, **more: Any) -> Adjustment:
    """Tell an adjustment."""
    name = f"{kind}-{second}"
    return ledger.record_adjustment(name, {"kind": kind, "symbol": "ACME", **more}, occurred_at=at(second))


def with_archive() -> StrategyLedger:
    """Return a ledger that bought 2 at 100 in second 10 and sold them at 110 in second 20, and has that in an archive."""
    ledger = new_ledger()
    for order_id, side, price, second in (("OLD-B", "BUY", 100, 10), ("OLD-S", "SELL", 110, 20)):
        ledger.record_order(order_id, market_order(side, 2, currency="USD"))
        ledger.update_order_fill(order_id, fill("F", 2, price), occurred_at=at(second))
    for side in ("BUY", "SELL"):
        ledger.record_order(side, market_order(side, 100, currency="USD"))
    assert [reason for _, reason in ledger.archivist.let_go("A1", ledger.archivist.archivable(at(60)))] == [None, None]
    return ledger


def test_fill_after_which_nothing_is_held_says_what_was_realized() -> None:
    """Told in order or late; and it says so no more when something turns out to have been held."""
    ledger = holding(("BUY", 2, 100, 1), ("SELL", 2, 110, 3))
    assert [ledger.get_fill(*name).flat_realized_pnl for name in (("BUY", "F0"), ("SELL", "F1"))] == [None, 20]
    execute(ledger, "BUY", 1, 100, 2, "late")
    assert ledger.get_fill("SELL", "F1").flat_realized_pnl is None
    execute(ledger, "SELL", 1, 105, 2.5, "late")
    assert ledger.get_fill("SELL", "F1").flat_realized_pnl == 25
    assert ledger.get_position("ACME").fees == (Fee("USD", Decimal(4)),)


def test_position_is_of_its_venue_account_and_side() -> None:
    """A fill of an order moves the one that the order names, and no other."""
    names = {"venue": "X", "account": "main", "position_side": "LONG"}
    ledger = holding(("BUY", 2, 100, 1), **names)
    (position,) = ledger.get_open_positions()
    assert {name: getattr(position, name) for name in names} == names
    assert position.key == ("ACME", "X", "main", "LONG")


def test_late_movement_counts_what_was_transferred_before_it_once() -> None:
    """What lies before the flat point from which it folds again is in that point already."""
    ledger = holding(("BUY", 2, 100, 1), ("SELL", 4, 110, 3), ("BUY", 5, 90, 9), venue="X")
    adjust(ledger, "TRANSFER", 2, quantity=2, price=100, venue="X")
    adjust(ledger, "TRANSFER", 8.5, quantity=7, price=100, venue="Y")
    execute(ledger, "BUY", 1, 80, 8, "late")
    position = ledger.get_position("ACME", venue="X")
    assert (position.quantity, position.cost, position.realized_pnl) == (6, 530, 40)


@pytest.mark.parametrize("kind", ["SPLIT", "FUNDING"])
def test_split_that_was_told_before_there_was_a_position_counts(kind: str) -> None:
    """The first fill of all may lie before it; other adjustments make no difference."""
    ledger = holding()
    adjust(ledger, kind, 5, **({"ratio": 2} if kind == "SPLIT" else {"amount": 1, "currency": "USD"}))
    adjust(ledger, "SPLIT", 6, ratio=3, venue="elsewhere")
    execute(ledger, "BUY", 2, 100, 1, "F1")
    execute(ledger, "BUY", 2, 100, 9, "F2")
    assert [one.quantity for one in ledger.get_open_positions()] == [6 if kind == "SPLIT" else 4]


def test_live_history_begins_where_the_archived_one_ends() -> None:
    """What is told late behind it folds from there on; the figures that it had stay in."""
    ledger = with_archive()
    execute(ledger, "BUY", 4, 90, 40, "F1")
    execute(ledger, "BUY", 1, 80, 30, "F2")
    position = ledger.get_position("ACME")
    assert (position.quantity, position.cost, position.realized_pnl, position.opened_at) == (5, 440, 20, at(30))
    execute(ledger, "SELL", 5, 100, 50, "F1")
    execute(ledger, "SELL", 3, 70, 60, "F2")
    ledger.bust_order_fill("SELL", "F2")
    position = ledger.get_position("ACME")
    assert (position.quantity, position.realized_pnl, position.cycle_realized_pnl) == (0, 80, 60)
    for name in (("SELL", "F1"), ("BUY", "F1"), ("BUY", "F2")):
        ledger.bust_order_fill(*name)
    position = ledger.get_position("ACME")
    assert (position.realized_pnl, position.cycle_realized_pnl, position.opened_at) == (20, 20, at(10))


def test_cash_of_archived_times_is_booked_and_quantity_is_not() -> None:
    """It moves nothing that was folded; what would have moved it needs the archive."""
    ledger = with_archive()
    execute(ledger, "BUY", 4, 90, 40, "F1")
    adjust(ledger, "FUNDING", 15, amount=3, currency="USD")
    adjust(ledger, "FUNDING", 35, amount=4, currency="USD")
    position = ledger.get_position("ACME")
    assert [flow.amount for flow in position.cash_flows] == [7]
    assert (position.quantity, position.realized_pnl, position.last_executed_at) == (4, 20, at(40))
    for kind, more in (("TRANSFER", {"quantity": 1, "price": 100}), ("SPLIT", {"ratio": 2})):
        with pytest.raises(Archived) as refused:
            adjust(ledger, kind, 15, **more)
        error = refused.value
        assert (error.archive_id, error.kind, error.key) == ("A1", RecordKind.POSITION, position.key)
    assert ledger.get_position("ACME") == position


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
