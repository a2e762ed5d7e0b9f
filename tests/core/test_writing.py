"""The one place that writes: how long it tries, what it keeps others out for, and what it says of what went wrong."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import writing
from ledger_core.changes import GENESIS_DIGEST, Change, Entry, EventType, Head
from ledger_core.errors import (
    BatchConflict,
    Conflict,
    OutcomeUnknown,
    ReadOnlyLedger,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    UnknownOrder,
)
from ledger_core.ledger import StrategyLedger
from ledger_core.model import Record
from ledger_core.publishing import Publishing
from ledger_core.testing.samples import STRATEGY, change_of, entries, instrument, later, order, trade
from ledger_core.writing import ATTEMPTS_MAX, BUSY_SECONDS, Decided, Writer
from ledger_storage_memory import MemoryRepository
from support import fill, limit_order
from support.clock import StillTime

EMPTY = Head(0, GENESIS_DIGEST)


class _Journal(MemoryRepository):
    """A journal that notes when others are kept out, and whose appends fail as told, before or after storing."""

    def __init__(self) -> None:
        super().__init__(strategy_id=STRATEGY)
        self.kept_out = 0
        self.before: list[Exception] = []
        self.after: list[Exception] = []

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Note it."""
        self.kept_out += 1
        yield

    def append(self, entries: Sequence[Entry], cursors: Any = ()) -> None:
        """Store, or fail as told."""
        if self.before:
            raise self.before.pop(0)
        super().append(entries, cursors)
        if self.after:
            raise self.after.pop(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StillTime:
    """Return the time by which a command gives up."""
    made = StillTime()
    monkeypatch.setattr(writing, "time", made)
    return made


@pytest.fixture
def journal() -> _Journal:
    """Return an empty journal."""
    return _Journal()


@pytest.fixture
def writer(journal: _Journal) -> Writer:
    """Return a writer to it."""
    return Writer(journal, Publishing(journal), lambda: later(0), books_overfills=True)


# -- how long it tries --------------------------------------------------------------------------------------------------


def _succeeding(number: int, attempts: list[int]) -> Callable[[], str | None]:
    def attempt() -> str | None:
        attempts.append(len(attempts) + 1)
        return "done" if len(attempts) == number else None

    return attempt


@pytest.mark.parametrize(("number", "overtaken", "kept_out"), [(1, 0, 0), (2, 0, 0), (3, 0, 1), (1, 1, 0), (2, 1, 1)])
def test_who_was_overtaken_twice_keeps_the_others_out(
    writer: Writer, journal: _Journal, number: int, overtaken: int, kept_out: int
) -> None:
    """The first two attempts leave everybody else alone; from the third on nobody comes first any more."""
    attempts: list[int] = []
    assert writer.until_stored(_succeeding(number, attempts), overtaken=overtaken) == "done"
    assert len(attempts) == number
    assert journal.kept_out == kept_out


def test_who_keeps_the_others_out_looks_first(writer: Writer, journal: _Journal) -> None:
    """What they wrote meanwhile is folded before the next attempt, which nobody can come before."""
    seen: list[int] = []

    def attempt() -> bool | None:
        seen.append(writer.records.head.sequence)
        if len(seen) == 2:
            MemoryRepository.append(journal, entries(EMPTY, []))
        return True if len(seen) == 3 else None

    writer.until_stored(attempt)
    assert seen == [0, 0, 1]


def test_it_gives_up_when_the_time_is_over(writer: Writer, clock: StillTime) -> None:
    """What succeeds at the last moment counts; what has not by then is told as busy, and may be given again."""
    attempts: list[int] = []

    def attempt() -> None:
        attempts.append(1)
        clock.now += BUSY_SECONDS / 4

    with pytest.raises(StorageBusy, match=r"for 5\.0 s") as busy:
        writer.until_stored(attempt)
    assert len(attempts) == 4
    assert busy.value.retryable


def test_it_gives_up_after_very_many_attempts(writer: Writer, clock: StillTime) -> None:
    """A clock that stands still does not make it try for ever."""
    attempts: list[int] = []
    with pytest.raises(StorageBusy, match="for 1000 attempts"):
        writer.until_stored(_succeeding(0, attempts))
    assert len(attempts) == ATTEMPTS_MAX
    attempts.clear()
    with pytest.raises(StorageBusy):
        writer.until_stored(_succeeding(0, attempts), overtaken=1)
    assert len(attempts) == ATTEMPTS_MAX - 1


def test_records_are_loaded_anew_until_nobody_came_between(writer: Writer, journal: _Journal) -> None:
    """And given up on where somebody always does."""
    before = writer.records
    writer.reload()
    assert writer.records is not before
    head = journal.head

    def overtaken() -> Head:
        found = head()
        if found == writer.records.head:
            MemoryRepository.append(journal, entries(found, []))
        return found

    journal.head = overtaken  # type: ignore[method-assign]
    with pytest.raises(StorageBusy, match="for 1000 attempts"):
        writer.reload()


# -- a commit that failed -----------------------------------------------------------------------------------------------


def test_a_commit_that_failed_and_is_stored_has_happened(journal: _Journal) -> None:
    """It is looked up, and the caller hears of nothing."""
    journal.after = [OutcomeUnknown("no answer")]
    ledger = StrategyLedger(journal)
    ledger.record_order("A", limit_order())
    assert [one.sequence for one in journal.read(0)] == [1]


def test_a_commit_that_failed_twice_is_told(journal: _Journal) -> None:
    """Once may happen; the second time the caller is told what it was, and that nothing is stored."""
    ledger = StrategyLedger(journal)
    journal.before = [OutcomeUnknown("no answer")]
    ledger.record_order("A", limit_order())
    journal.before = [OutcomeUnknown("no answer"), OutcomeUnknown("none either")]
    with pytest.raises(StorageError) as caught:
        ledger.record_order("B", limit_order())
    assert str(caught.value) == "none either; it was looked up: nothing was stored"
    assert type(caught.value) is StorageError
    assert isinstance(caught.value.__cause__, OutcomeUnknown)
    assert journal.head().sequence == 1
    journal.before = [OutcomeUnknown("no answer")]
    ledger.record_order("B", limit_order())
    assert journal.head().sequence == 2


def test_a_batch_may_fail_once_too(journal: _Journal) -> None:
    """Each batch, as each command, has its own two attempts."""
    ledger = StrategyLedger(journal)
    for name in ("A", "B"):
        journal.before = [OutcomeUnknown("no answer")]
        with ledger.batch() as batch:
            batch.record_order(name, limit_order())
    assert journal.head().sequence == 2


def test_an_outcome_that_cannot_be_looked_up_is_told_as_unknown(journal: _Journal) -> None:
    """What the adapter said comes out as it is."""
    ledger = StrategyLedger(journal)
    unknown = OutcomeUnknown("no answer")
    journal.after = [unknown]

    def unreadable(*_: object) -> Sequence[Entry]:
        raise StorageError("the disk")

    read, journal.read = journal.read, unreadable  # type: ignore[assignment,method-assign]
    with pytest.raises(OutcomeUnknown) as caught:
        ledger.record_order("A", limit_order())
    assert caught.value is unknown
    assert caught.value.__suppress_context__
    journal.read = read  # type: ignore[method-assign]


# -- what others wrote --------------------------------------------------------------------------------------------------


def test_a_store_that_was_replaced_is_told_with_both_heads(writer: Writer, journal: _Journal) -> None:
    """A backup that was put back under a running bot is nothing to go on from."""
    journal.append(entries(EMPTY, [], []))
    assert writer.catch_up() is True
    assert writer.catch_up() is False
    known = writer.records.head
    older = Head(1, "0" * 64, later(0))
    journal.head = lambda: older  # type: ignore[method-assign]
    with pytest.raises(StorageCorrupt, match="the store was replaced") as caught:
        writer.catch_up()
    assert (caught.value.found, caught.value.known) == (older, known)
    assert f"ends at 1 {'0' * 12}," in str(caught.value)
    assert f"has seen 2 {known.digest[:12]}:" in str(caught.value)


def test_of_a_journal_that_was_cut_meanwhile_what_is_left_is_told_to_subscribers(
    writer: Writer, journal: _Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, once each, up to what others write while the records are loaded anew; then it is at the head."""
    journal.append(entries(EMPTY, *([] for _ in range(8))))
    told: list[int] = []
    asked: list[int] = []
    read = journal.read

    def left(after: int, *_: Any) -> Sequence[Entry]:
        asked.append(after)
        return read(max(after, 2), 3)

    def committed(entry: Entry) -> None:
        told.append(entry.sequence)
        if told == [3]:
            MemoryRepository.append(journal, entries(journal.head(), []))

    monkeypatch.setattr(journal, "read", left)
    monkeypatch.setattr(writer._publishing, "committed", committed)
    assert writer.catch_up() is True
    assert told == [3, 4, 5, 6, 7, 8, 9]
    assert writer.records.head == journal.head()
    assert asked == [0, 5, 8]


def test_a_command_that_changes_nothing_is_answered_with_what_is_now(journal: _Journal) -> None:
    """What was a repeat on old records is decided again where others came first, alone and in a batch."""
    ledger = StrategyLedger(journal)
    ledger.record_order("A", limit_order())
    ledger.update_order_acceptance("A", {"venue_order_id": "V"})
    with StrategyLedger(MemoryRepository(journal.store, strategy_id=STRATEGY)) as other:
        other.update_order_fill("A", fill("F1", 1))
        assert ledger.update_order_acceptance("A", {"venue_order_id": "V"}).cum_quantity == 1
        batch = ledger.batch().__enter__()
        assert batch.update_order_acceptance("A", {"venue_order_id": "V"}).cum_quantity == 1
        other.update_order_fill("A", fill("F2", 1))
        with pytest.raises(BatchConflict):
            batch.__exit__(None, None, None)
    assert journal.head().sequence == 4


def test_entries_are_looked_up_by_their_digest(writer: Writer, journal: _Journal) -> None:
    """Another's entry at the same place is not ours."""
    ours, _ = entries(EMPTY, [], [])
    assert not writer.is_stored(ours)
    journal.append([ours])
    assert writer.is_stored(ours)
    assert not writer.is_stored(attrs.evolve(ours, digest="0" * 64))


def test_a_refusal_stands_only_where_nobody_came_first(journal: _Journal) -> None:
    """What looks wrong on old records may be right on those of now: it is decided again."""
    ledger = StrategyLedger(journal)
    with StrategyLedger(MemoryRepository(journal.store, strategy_id=STRATEGY)) as other:
        other.record_order("A", limit_order())
    assert ledger.update_order_acceptance("A").order_id == "A"
    with pytest.raises(UnknownOrder):
        ledger.update_order_acceptance("B")


def test_a_reader_is_told_which_command_needs_a_writer(journal: _Journal) -> None:
    """Before anything is decided."""
    reader = MemoryRepository(journal.store, strategy_id=STRATEGY, read_only=True)
    ledger = StrategyLedger(reader)
    with pytest.raises(ReadOnlyLedger, match=r"^record_order needs a ledger opened for writing$"):
        ledger.record_order("A", limit_order())


def test_the_time_of_an_entry_is_never_before_that_of_the_last(writer: Writer) -> None:
    """The clock's own time where it is later; a clock that stepped back is not believed."""
    now = later(10)
    writer.now = lambda: now
    for recorded_at, expected in ((None, now), (later(9), now), (now, now), (later(11), later(11))):
        assert writer._time_after(attrs.evolve(EMPTY, recorded_at=recorded_at)) == expected


# -- what a caller was told ---------------------------------------------------------------------------------------------

_DONE = change_of(order())
_SILENT = attrs.evolve(_DONE, event_type=None)


def _decided(answer: Record | None, changes: Sequence[Change] | None = None, refusal: Any = None) -> Decided:
    entry = None
    if changes is not None:
        entry = attrs.evolve(entries(EMPTY, [])[0], changes=tuple(changes))
    return Decided(entry, {}, answer, refusal)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (_decided(order()), _decided(order(reason="other")), True),
        (_decided(order()), _decided(order("O-2")), False),
        (_decided(order(quantity=Decimal(1))), _decided(order(quantity=Decimal(2))), False),
        (_decided(order(cum_quantity=Decimal(1))), _decided(order(cum_quantity=Decimal(2))), False),
        (_decided(order(executed_value=Decimal(1))), _decided(order(executed_value=Decimal(2))), False),
        (_decided(order(overfill_quantity=Decimal(1))), _decided(order(overfill_quantity=Decimal(2))), False),
        (_decided(trade(order_ids=("A",))), _decided(trade(order_ids=("B",))), False),
        (_decided(trade()), _decided(trade(legs=())), False),
        (_decided(trade(reason="x")), _decided(trade(reason="y")), True),
        (_decided(instrument()), _decided(instrument(inverse=True)), True),
        (_decided(order()), _decided(order(), [_SILENT]), True),
        (_decided(order()), _decided(order(), [_DONE]), False),
        (_decided(order(), [_DONE]), _decided(order(), [_SILENT, _DONE]), True),
        (_decided(order(), [_DONE]), _decided(order(), [attrs.evolve(_DONE, to_state="FILLED")]), False),
        (_decided(order(), [_DONE]), _decided(order(), [attrs.evolve(_DONE, from_state="FILLED")]), False),
        (_decided(order(), [_DONE]), _decided(order(), [attrs.evolve(_DONE, status="FILLED")]), False),
        (_decided(order(), [_DONE]), _decided(order(), [attrs.evolve(_DONE, key=("O-9",))]), False),
        (
            _decided(order(), [_DONE]),
            _decided(order(), [attrs.evolve(_DONE, event_type=EventType.ORDER_PLACED)]),
            False,
        ),
        (_decided(order()), _decided(None, None, UnknownOrder("x")), False),
        (_decided(None, None, UnknownOrder("x")), _decided(None, None, UnknownOrder("y")), True),
        (_decided(None, None, UnknownOrder("x")), _decided(None, None, Conflict("x")), None),
    ],
)
def test_a_batch_is_written_only_with_the_outcomes_that_were_told(
    first: Decided, second: Decided, is_same: bool | None
) -> None:
    """States, events and figures count, words and times do not."""
    if is_same is None:
        second.refusal.quarantine_id = None  # type: ignore[union-attr]  # no refusal of a command
    if is_same:
        writing._refuse_other_outcomes([first], [second])
        return
    with pytest.raises(BatchConflict) as caught:
        writing._refuse_other_outcomes([first], [second])
    assert (caught.value.told, caught.value.now) == (first.outcome, second.outcome)


def test_a_fact_has_the_same_id_in_quarantine_for_ever(journal: _Journal) -> None:
    """A fill is known by its order and its own id, whatever else it says; ids that were given are in files."""
    ledger = StrategyLedger(journal, clock=lambda: later(0))
    ids = []
    for number, given in enumerate((fill("F", 1, 100), fill("F", 1, 100, executed_at=later(-5)), fill("G", 1, 100))):
        with pytest.raises(UnknownOrder) as refusal:
            ledger.update_order_fill("A", given, command_id=None)
        ids.append(refusal.value.quarantine_id)
        assert journal.head().sequence == (1, 1, 2)[number]
    with pytest.raises(UnknownOrder) as other:
        ledger.bust_order_fill("A", "F")
    fills = ["Q-4952ac44a1ab4936", "Q-4952ac44a1ab4936", "Q-a4a906cc068711b2"]
    assert [*ids, other.value.quarantine_id] == [*fills, "Q-b133fd2463d08dea"]
