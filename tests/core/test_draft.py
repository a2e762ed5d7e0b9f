"""The draft of an entry: what a decision stages is seen by the next step, and is what is stored of it."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Sequence
from contextlib import suppress

import pytest

from ledger_core import CommandRefused, OverfillError, StrategyLedger, UnknownFill, UnknownOrder
from ledger_core.changes import Cursor, Entry
from ledger_core.errors import InvalidValue
from ledger_core.model import Order
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, limit_order, market_order
from support.every_event import live_fully
from support.repositories import AroundRepository
from support.trading import at


@pytest.fixture
def held() -> StrategyLedger:
    """Return a ledger that keeps its records in memory."""
    return StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())


class Seen(AroundRepository):
    """Keeps the entries that are stored."""

    def __init__(self) -> None:
        """Start with an empty memory store."""
        super().__init__(MemoryRepository(strategy_id="alpha"))
        self.entries: list[Entry] = []

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store and keep."""
        self.entries += entries
        super().append(entries, cursors)


def test_entry_stores_each_record_that_it_changes_once_as_it_is_then() -> None:
    """In the order in which they were changed first; an order is stored without its requests, which are records too."""
    seen = Seen()
    ledger = StrategyLedger(seen, clock=SteppingClock())
    live_fully(ledger)
    ledger.record_order("asked", limit_order(), occurred_at=at(0))
    ledger.request_order_cancel("asked", "C1")
    ledger.update_order_cancellation("asked")
    groups = [group for group in ledger.archivist.archivable(at(10**7)) if group[0].key == ("asked",)]
    assert [reason for _, reason in ledger.archivist.let_go("A9", groups)] == [None]
    order, *rest = groups[0]
    with suppress(InvalidValue):  # not all are back
        ledger.archivist.take_back("A9", [(order,)])
    ledger.archivist.take_back("A9", [tuple(rest)])
    for entry in seen.entries:
        last = {(change.kind, change.key): change.version for change in entry.changes}
        assert [(record.kind, record.key, record.version) for record in entry.records] == [
            (*name, version) for name, version in last.items()
        ]
        assert not any(record.requests for record in entry.records if isinstance(record, Order))


def test_order_knows_what_it_was_filled_beyond_its_limit_and_when_it_ended(held: StrategyLedger) -> None:
    """Whatever changes the one or the other: fills by hand, new terms, the end, a bust that opens it again."""
    held.record_order("O1", limit_order(quantity=4))
    with pytest.raises(OverfillError):
        held.update_order_fill("O1", fill("F1", 9), occurred_at=at(1))
    (fact,) = held.quarantined()
    held.resolve_quarantined(fact.quarantine_id, {"order_id": "O1", "reason": "confirmed"}, occurred_at=at(5))
    order = held.get_order("O1")
    assert (order.overfill_quantity, order.ended_at) == (5, at(1))
    order = held.update_order_restatement("O1", {"quantity": 12})
    assert (order.overfill_quantity, order.ended_at) == (0, None)
    order = held.update_order_cancellation("O1", occurred_at=at(2))
    assert (order.overfill_quantity, order.ended_at) == (0, at(2))


@pytest.mark.parametrize(("time_in_force", "is_refused"), [("DAY", True), ("GTC", False)])
def test_order_that_is_done_for_the_day_ends_where_it_outlives_it(
    held: StrategyLedger, time_in_force: str, is_refused: bool
) -> None:
    """What the order's own time in force says counts, as it is now."""
    held.record_order("O1", limit_order(time_in_force=time_in_force))
    held.update_order_done_for_day("O1")
    with suppress(CommandRefused):
        held.update_order_cancellation("O1")
    assert held.get_order("O1").state == ("DONE_FOR_DAY" if is_refused else "CANCELED")


def test_batch_books_a_fact_with_the_order_that_has_its_venues_id(held: StrategyLedger) -> None:
    """Filed and placed in one batch: it goes to that order, and to no other."""
    with held.batch() as batch:
        batch.record_order("O1", limit_order(venue_order_id="V1"))
        for order_id, data in ((None, fill("F1", 4, venue_order_id="V2")), ("O3", fill("F2", 5))):
            with suppress(UnknownOrder):
                batch.update_order_fill(order_id, data)
        with pytest.raises(UnknownFill):  # it waits for another order
            batch.bust_order_fill("O1", "F1")
        assert batch.record_order("O2", limit_order(venue_order_id="V2")).cum_quantity == 4
        assert batch.record_order("O3", limit_order()).cum_quantity == 5
    assert [fact.operation for fact in held.quarantined()] == ["bust_order_fill"]


def test_batch_splits_what_it_left_open_alone(held: StrategyLedger) -> None:
    """Orders that ended and trades that were closed within it are what they were; positions follow."""
    with held.batch() as batch:
        for order_id, side in (("B1", "BUY"), ("S1", "SELL"), ("B2", "BUY")):
            batch.record_order(order_id, market_order(side))
            batch.update_order_fill(order_id, fill("F1", 10), occurred_at=START)
        batch.record_order("B3", market_order())
        batch.record_order("B4", market_order(symbol="OTHER"))
        batch.create_trade("T1", ["B1"])
        batch.close_trade("T1", {"order_ids": ["S1"]})
        batch.create_trade("T2", ["B2"])
        batch.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(60))
        batch.record_adjustment("A2", {"kind": "SPLIT", "symbol": "OTHER", "ratio": 3}, occurred_at=at(60))
        batch.update_order_fill("B4", fill("F1", 1), occurred_at=START)
    assert [held.get_order(order_id).quantity for order_id in ("B1", "B2", "B3", "B4")] == [10, 10, 20, 30]
    assert (held.get_trade("T1").entry_quantity, held.get_trade("T2").entry_quantity) == (10, 20)
    assert [held.get_position(symbol).quantity for symbol in ("ACME", "OTHER")] == [20, 3]


def test_batch_folds_each_of_its_positions_from_its_own_last_flat_point(held: StrategyLedger) -> None:
    """What another position came to, or the store has of this one, is kept apart from what the batch did."""
    for symbol in ("ACME", "OTHER"):
        for side in ("BUY", "SELL"):
            held.record_order(f"{symbol}-{side}", market_order(side, 100, symbol=symbol))
    held.update_order_fill("ACME-BUY", fill("F0", 1, 100), occurred_at=at(1))
    held.update_order_fill("ACME-SELL", fill("F0", 1, 101), occurred_at=at(2))
    with held.batch() as batch:
        for second, order_id, price in (
            (3, "OTHER-BUY", 10), (4, "ACME-BUY", 100), (5, "ACME-SELL", 103), (8, "OTHER-SELL", 17),
            (9, "ACME-BUY", 50), (7, "ACME-BUY", 60), (6, "ACME-SELL", 70),
        ):  # fmt: skip
            batch.update_order_fill(order_id, fill(f"F{second}", 1, price), occurred_at=at(second))
    position = held.get_position("ACME")
    assert (position.quantity, position.cost, position.realized_pnl) == (1, 50, 1 + 3 + 10)
    assert held.get_position("OTHER").realized_pnl == 7


def test_fill_in_the_place_of_one_that_left_the_position_flat_folds_from_the_flat_point_before(
    held: StrategyLedger,
) -> None:
    """The stored fill says that it was flat there; the entry that takes it back knows better."""
    held.record_order("B", market_order("BUY", 100))
    held.record_order("S", market_order("SELL", 3))
    held.update_order_fill("B", fill("F1", 1, 100), occurred_at=at(1))
    held.update_order_fill("S", fill("F2", 1, 110), occurred_at=at(2))
    held.update_order_fill("B", fill("F3", 2, 100), occurred_at=at(3))
    held.update_order_fill("S", fill("I1", 2, 105, inferred=True), occurred_at=at(4))
    held.update_order_fill("B", fill("F4", 1, 90), occurred_at=at(9))
    held.update_order_fill("S", fill("F5", 2, 107), occurred_at=at(5))
    position = held.get_position("ACME")
    assert (position.quantity, position.cost, position.realized_pnl) == (1, 90, 10 + 14)
    assert held.get_fill("S", "F5").flat_realized_pnl == 24
