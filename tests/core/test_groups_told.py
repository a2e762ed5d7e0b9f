"""What is told to each command of a group whose write went wrong, without a thread."""

from collections.abc import Callable, Sequence

import pytest

from ledger_core import grouping
from ledger_core.changes import Cursor, Entry
from ledger_core.commands import Operation, RecordOrder
from ledger_core.details import order_details
from ledger_core.errors import InvalidValue, OutcomeUnknown, ReadOnlyLedger, StorageError, StorageFull
from ledger_core.grouping import Given, GroupCommit
from ledger_core.ledger import StrategyLedger
from ledger_core.repository import PAGE_SIZE_MAX
from ledger_core.testing.samples import STRATEGY, later
from ledger_storage_memory import MemoryRepository
from support import limit_order


class _Journal(MemoryRepository):
    """A journal whose next appends do as they are told, before they store."""

    def __init__(self) -> None:
        super().__init__(strategy_id=STRATEGY)
        self.steps: list[Callable[[], object]] = []
        self.sizes: list[int] = []
        self.stores_first = False
        self.unreadable: list[Exception] = []

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store, behind the next step or before it."""
        self.sizes.append(len(entries))
        if self.stores_first:
            super().append(entries, cursors)
        if self.steps:
            self.steps.pop(0)()
        if not self.stores_first:
            super().append(entries, cursors)

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Read, or fail as told."""
        if self.unreadable:
            raise self.unreadable.pop(0)
        return super().read(after, limit, subject)


@pytest.fixture
def journal() -> _Journal:
    """Return an empty journal."""
    return _Journal()


@pytest.fixture
def group(journal: _Journal) -> GroupCommit:
    """Return what commits groups to it."""
    return StrategyLedger(journal, clock=lambda: later(0))._group


def given(*names: str) -> list[Given]:
    """Return commands that record orders."""
    return [
        Given(
            RecordOrder(
                operation=Operation.RECORD_ORDER,
                occurred_at=later(0),
                order_id=name,
                details=order_details(limit_order())[0],
            )
        )
        for name in names
    ]


def failing(error: BaseException) -> Callable[[], object]:
    """Return a step that fails."""

    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize("names", [("A",), ("A", "B"), ("A", "B", "C")])
def test_an_error_of_the_store_is_told_to_each_as_its_own(
    journal: _Journal, group: GroupCommit, names: Sequence[str]
) -> None:
    """One by itself gets what was raised; several get copies, whose cause it is."""
    error = StorageFull("no room")
    journal.steps = [failing(error)]
    told = given(*names)
    group.execute_all(told)
    if len(names) == 1:
        assert told[0].error is error
        return
    assert len({id(one.error) for one in told}) == len(names)
    assert [(type(one.error), one.error and one.error.__cause__) for one in told] == [(StorageFull, error)] * len(names)
    assert error not in [one.error for one in told]


@pytest.mark.parametrize("names", [("A", "B"), ("A", "B", "C")])
def test_an_error_that_may_be_of_one_alone_has_each_written_alone(
    journal: _Journal, group: GroupCommit, names: Sequence[str]
) -> None:
    """Whoever it is not about is stored."""
    journal.steps = [failing(InvalidValue("a text that is none"))] * 2
    told = given(*names)
    group.execute_all(told)
    assert journal.sizes == [len(names)] + [1] * len(names)
    assert [type(one.error) for one in told] == [InvalidValue] + [type(None)] * (len(names) - 1)
    assert journal.head().sequence == len(names) - 1


def test_a_commit_that_was_looked_up_and_is_not_there_is_told_with_its_reason(
    journal: _Journal, group: GroupCommit
) -> None:
    """The commit itself could not be looked up; a moment later it can, and nothing was stored."""
    reason = OutcomeUnknown("the answer was lost")
    journal.steps = [failing(reason)]
    journal.unreadable = [StorageError("not now")]
    told = given("A", "B")
    group.execute_all(told)
    for one in told:
        assert type(one.error) is StorageError
        assert one.error.message == "the answer was lost; it was looked up: nothing was stored"
        assert one.error.__cause__ is reason
    assert journal.head().sequence == 0


def test_what_proves_to_be_stored_is_told_even_where_it_cannot_be_read_whole(
    journal: _Journal, group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subscribers hear of it later; the caller's own answer does not wait for that."""
    journal.stores_first = True
    journal.steps = [failing(OutcomeUnknown("the answer was lost"))]
    journal.unreadable = [StorageError("not now")]
    monkeypatch.setattr(group._writer, "catch_up", failing(StorageError("nor now")))
    told = given("A")
    group.execute_all(told)
    assert told[0].outcome().key == ("A",)


def test_an_interrupted_write_that_cannot_be_looked_up_says_so(journal: _Journal, group: GroupCommit) -> None:
    """In words that a caller's log shows."""
    journal.stores_first = True
    journal.steps = [failing(KeyboardInterrupt())]
    journal.unreadable = [StorageError("not now"), StorageError("nor now")]
    told = given("A", "B")
    with pytest.raises(KeyboardInterrupt):
        group.execute_all(told)
    assert [str(one.error) for one in told] == ["the thread that wrote it was interrupted"] * 2
    assert {type(one.error) for one in told} == {OutcomeUnknown}


def test_a_command_behind_another_that_ended_is_alone_again(
    group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It queues for nobody."""
    monkeypatch.setattr(group, "_in_turn", failing(AssertionError("it queues")))
    for one in given("A", "B"):
        assert group.execute(one.command).key == (one.command.target,)


def test_a_reader_that_meets_others_is_told_what_needs_a_writer(journal: _Journal) -> None:
    """Before it queues."""
    reader = MemoryRepository(journal.store, strategy_id=STRATEGY, read_only=True)
    group = StrategyLedger(reader)._group
    group._is_busy = True
    (one,) = given("A")
    with pytest.raises(ReadOnlyLedger, match=r"^record_order needs a ledger opened for writing$"):
        group.execute(one.command)


def test_a_caller_may_be_woken_twice() -> None:
    """By whoever told it and by whoever left: it looks once."""
    (one,) = given("A")
    waiting = grouping._Waiting(one.command)
    waiting.wake()
    waiting.wake()
    assert waiting.gate.acquire(blocking=False)


def test_a_child_process_has_locks_of_its_own(group: GroupCommit) -> None:
    """Which no thread of its parent holds, and nobody queues."""
    lock, mutex = group._writer.lock, group._mutex
    group._is_busy = True
    group._waiting.append(grouping._Waiting(given("A")[0].command))
    grouping._after_fork()
    assert group._writer.lock is not lock
    assert group._mutex is not mutex
    assert not group._is_busy
    assert not group._waiting
    with group._writer.lock:
        assert group.execute(given("A")[0].command).key == ("A",)
