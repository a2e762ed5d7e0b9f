"""What a command comes to on the records of now: its entry, or its place in quarantine, or a refusal alone."""

from typing import Any

import pytest

from ledger_core import writing
from ledger_core.commands import AnyCommand
from ledger_core.errors import Archived, CommandRefused, OverfillError, StorageCorrupt, UnknownOrder
from ledger_core.ledger import StrategyLedger
from ledger_core.model import RecordKind
from ledger_core.publishing import CURSOR_STEP
from ledger_core.testing.samples import STRATEGY, later
from ledger_storage_memory import MemoryRepository
from support import fill, limit_order


@pytest.fixture
def journal() -> MemoryRepository:
    """Return an empty journal."""
    return MemoryRepository(strategy_id=STRATEGY)


@pytest.fixture
def ledger(journal: MemoryRepository) -> StrategyLedger:
    """Return a ledger on it, whose clock stands still."""
    return StrategyLedger(journal, clock=lambda: later(0))


def test_an_entry_has_the_id_of_its_command_and_what_it_is_about(ledger: StrategyLedger) -> None:
    """A fact that names the venue's order alone is about the order that it is booked to."""
    ledger.record_order("A", limit_order(), command_id="C-1")
    ledger.update_order_acceptance("A", {"venue_order_id": "V"})
    ledger.update_order_fill(None, fill("F", 1, venue_order_id="V"))
    assert [(entry.command_id, entry.subject) for entry in ledger.read_journal()] == [
        ("C-1", "A"),
        (None, "A"),
        (None, "A"),
    ]


def test_fills_of_an_entry_are_counted_from_zero(ledger: StrategyLedger) -> None:
    """Their number is the last part of the order in which positions are folded."""
    ledger.record_order("A", limit_order())
    ledger.update_order_fill("A", fill("F", 1))
    booked = ledger.get_fill("A", "F")
    assert booked is not None
    assert booked.economic_order[1:] == (2, 0)


def test_more_than_was_ordered_is_booked_or_refused_as_the_ledger_was_told(journal: MemoryRepository) -> None:
    """By default it waits in quarantine; where it is booked, the order says by how much it is over."""
    booking, refusing = StrategyLedger(journal, overfill="book"), StrategyLedger(journal)
    booking.record_order("A", limit_order(quantity=1))
    assert booking.update_order_fill("A", fill("F", 3)).overfill_quantity == 2
    booking.record_order("B", limit_order(quantity=1))
    with pytest.raises(OverfillError):
        refusing.update_order_fill("B", fill("F", 3))


def test_a_known_command_whose_record_is_gone_is_damage(journal: MemoryRepository, ledger: StrategyLedger) -> None:
    """It is told which record it is; nothing is made up in its place."""
    ledger.record_order("A", limit_order(), command_id="C-1")
    del journal._open_journal().records[RecordKind.ORDER]["A",]
    with pytest.raises(StorageCorrupt, match="record_order is known, but the ORDER") as caught:
        StrategyLedger(journal).record_order("A", limit_order(), command_id="C-1")
    assert (caught.value.kind, caught.value.key) == (RecordKind.ORDER, ("A",))
    assert journal.head().sequence == 1


@pytest.mark.parametrize("is_repeat", [True, False])
def test_a_repeat_of_what_is_archived_is_refused_but_not_filed(
    ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch, is_repeat: bool
) -> None:
    """Nothing is missing of a repeat; of anything else somebody has to look at it."""

    def archived(_: object, __: AnyCommand) -> Any:
        raise Archived("it is in an archive", archive_id="J", is_repeat=is_repeat)

    monkeypatch.setattr(writing, "decide", archived)
    with pytest.raises(Archived) as caught:
        ledger.update_order_fill("A", fill("F", 1))
    assert (caught.value.quarantine_id is None) is is_repeat
    assert ledger.head().sequence == (0 if is_repeat else 1)


def quarantine_id(ledger: StrategyLedger, order_id: str | None, **given: Any) -> str:
    """Return under which id a fill of nobody's order waits."""
    with pytest.raises(CommandRefused) as refusal:
        ledger.update_order_fill(order_id, fill("F", 1, **given))
    assert refusal.value.quarantine_id is not None
    return refusal.value.quarantine_id


def test_a_fact_that_comes_again_after_it_was_dismissed_waits_anew(ledger: StrategyLedger) -> None:
    """Under its own id with a number: 2, 3, and so on."""
    base = quarantine_id(ledger, "A")
    found = [base]
    for _ in range(3):
        ledger.resolve_quarantined(found[-1], {"dismiss": True, "reason": "not ours"})
        found.append(quarantine_id(ledger, "A"))
    assert found == [base, f"{base}-2", f"{base}-3", f"{base}-4"]
    assert {entry.recorded_at for entry in ledger.read_journal()} == {later(0)}


def test_a_fill_is_known_by_its_order_and_where_that_is_not_named_by_the_venues(ledger: StrategyLedger) -> None:
    """The same fill told twice waits once: with the venue's id of an order that is named, or without."""
    named = {quarantine_id(ledger, "A"), quarantine_id(ledger, "A", venue_order_id="V-1")}
    assert len(named) == 1
    unnamed = [quarantine_id(ledger, None, venue_order_id=name) for name in ("V-1", "V-2", "V-1")]
    assert unnamed[0] == unnamed[2]
    assert len({*named, *unnamed}) == 3


def test_a_cursor_that_rode_on_a_commit_does_not_ride_on_the_next(
    journal: MemoryRepository, ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored once, however far it had moved."""
    stored: list[str] = []
    append = journal.append

    def noting(entries: Any, cursors: Any = ()) -> None:
        stored.extend(cursor.subscriber for cursor in cursors)
        append(entries, cursors)

    monkeypatch.setattr(journal, "append", noting)
    ledger.subscribe("bot", lambda *_: None)
    ledger._publishing._all[0].sequence = CURSOR_STEP
    for name in ("A", "B"):
        ledger.record_order(name, limit_order())
    assert stored == ["bot"]


def test_a_question_of_nobodys_order_is_refused_without_an_entry(ledger: StrategyLedger) -> None:
    """What is wished for and cannot be is no fact, and is filed nowhere."""
    with pytest.raises(UnknownOrder) as refusal:
        ledger.request_order_cancel("A")
    assert refusal.value.quarantine_id is None
    assert ledger.head().sequence == 0
