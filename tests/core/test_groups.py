"""Commands of several threads in one durable write: each decided in its turn, and told what is true of it alone."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_core import (
    CommandRefused,
    Cursor,
    Entry,
    IdempotencyConflict,
    InvalidValue,
    LedgerClosed,
    LedgerRepository,
    Order,
    OutcomeUnknown,
    OverfillError,
    RecordKind,
    StorageBusy,
    StorageError,
    StorageFull,
    StrategyLedger,
    UnknownOrder,
)
from ledger_core.events import events_of
from ledger_core.evolve import detached
from ledger_core.repository import PAGE_SIZE_MAX
from ledger_storage_memory import MemoryRepository
from support import FaultyRepository, RecordingPublisher, SteppingClock, Store, fill, limit_order, market_order
from support.gathering import Call, Gathering, Outcome, in_one_group, wait_until
from support.replay import states_of
from support.repositories import AroundRepository


class _Overtaken(AroundRepository):
    """Lets somebody write straight after the next append."""

    def __init__(self, inner: LedgerRepository, write: Callable[[], object]) -> None:
        super().__init__(inner)
        self._writes = [write]

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        super().append(entries, cursors)
        if self._writes:
            self._writes.pop()()


class _Choosy(AroundRepository):
    """Cannot store anything about one subject, as SQLite cannot store text that is none."""

    def __init__(self, inner: LedgerRepository, subject: str) -> None:
        super().__init__(inner)
        self._subject = subject

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        if any(entry.subject == self._subject for entry in entries):
            raise InvalidValue("a text holds characters that UTF-8 cannot")
        super().append(entries, cursors)


class _Unreadable(AroundRepository):
    """Cannot read the journal, some times or for ever."""

    def __init__(self, inner: LedgerRepository, times: int | None = None) -> None:
        super().__init__(inner)
        self._left = times

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        if self._left is None or self._left > 0:
            self._left = None if self._left is None else self._left - 1
            raise StorageError("the disk reported an error")
        return super().read(after, limit, subject)


@pytest.fixture(autouse=True)
def nobody_is_rescued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a leader that hands nothing over be seen: nobody takes its place in the end."""
    monkeypatch.setattr("ledger_core.grouping.LEADER_SECONDS", 3600)


@pytest.fixture
def repository(store: Store) -> FaultyRepository:
    """Return the repository below `held`, which fails on demand."""
    return FaultyRepository(store.repository())


@pytest.fixture
def held(repository: FaultyRepository, clock: SteppingClock, published: RecordingPublisher) -> StrategyLedger:
    """Return a ledger whose appends can be held up and made to fail."""
    return StrategyLedger(repository, clock=clock, publisher=published)


def record(order_id: str, **details: Any) -> Call:
    """Return the call that records a limit order."""
    return lambda ledger: ledger.record_order(order_id, limit_order(**details))


def book(order_id: str, fill_id: str, quantity: object) -> Call:
    """Return the call that books a fill."""
    return lambda ledger: ledger.update_order_fill(order_id, fill(fill_id, quantity))


def cancel(order_id: str) -> Call:
    """Return the call that asks for a cancellation: intent, which is refused without an entry."""
    return lambda ledger: ledger.request_order_cancel(order_id)


def subjects(ledger: StrategyLedger) -> list[str | None]:
    """Return the subject of each entry, in order."""
    return [entry.subject for entry in ledger.read_journal()]


def test_commands_that_come_during_a_write_are_one_write(
    held: StrategyLedger, repository: FaultyRepository, published: RecordingPublisher
) -> None:
    """Five callers queue while a sixth one's write syncs: one append for all five, in their order, published in it."""
    outcomes = in_one_group(held, repository, [record(f"O{number}") for number in range(5)])
    assert repository.appends == [1, 5]
    assert [outcome.answer.order_id for outcome in outcomes] == ["O0", "O1", "O2", "O3", "O4"]
    assert subjects(held) == ["first", "O0", "O1", "O2", "O3", "O4"]
    held.publish_pending()
    assert published.places == [(sequence, 0) for sequence in range(1, 7)]
    assert held.verify().is_intact


def test_command_alone_waits_for_nobody(held: StrategyLedger, repository: FaultyRepository) -> None:
    """One thread writes each command by itself, at once."""
    for number in range(3):
        held.record_order(f"O{number}", limit_order())
    assert repository.appends == [1, 1, 1]


def test_each_is_decided_on_those_before_it(held: StrategyLedger, repository: FaultyRepository) -> None:
    """An order, its acceptance, its fills and its trade, each from another thread, in one write."""
    outcomes = in_one_group(
        held,
        repository,
        [
            record("O1"),
            lambda ledger: ledger.update_order_acceptance("O1", {"venue_order_id": "V1"}),
            lambda ledger: ledger.update_order_fill(None, fill("F1", 4, venue_order_id="V1")),
            book("O1", "F2", 6),
            lambda ledger: ledger.create_trade("T1", ["O1"]),
        ],
    )
    assert repository.appends == [1, 5]
    assert [outcome.answer.state for outcome in outcomes] == [
        "PLACED",
        "ACCEPTED",
        "PARTIALLY_FILLED",
        "FILLED",
        "OPEN",
    ]
    assert held.get_trade("T1").entry_quantity == 10
    assert held.get_position("ACME").quantity == 10


def test_each_is_refused_alone(held: StrategyLedger, repository: FaultyRepository) -> None:
    """Refusals, with or without an entry in quarantine, reach their own callers, and the others are stored."""
    outcomes = in_one_group(
        held,
        repository,
        [
            record("O1"),
            book("O1", "F1", 11),  # an overfill: a fact, filed
            cancel("nobody"),  # an intent: nothing to file
            book("O1", "F2", 10),
            book("nobody", "F3", 1),  # an unknown order: a fact, filed
            record("O1", quantity=11),  # another content
            record("O2"),
        ],
    )
    errors = [type(outcome.error) for outcome in outcomes]
    none = type(None)
    assert errors == [none, OverfillError, UnknownOrder, none, UnknownOrder, IdempotencyConflict, none]
    assert repository.appends == [1, 5], "the two facts are filed by the same write"
    filed = [fact.quarantine_id for fact in held.quarantined()]
    told = [outcome.error.quarantine_id for outcome in outcomes if isinstance(outcome.error, CommandRefused)]
    assert told == [filed[0], None, filed[1], None]
    assert held.get_order("O1").cum_quantity == 10


def test_repeats_in_a_group_are_heard_once(held: StrategyLedger, repository: FaultyRepository) -> None:
    """The same order and the same fill from several threads: one entry each, and every caller has the record."""
    outcomes = in_one_group(
        held, repository, [record("O1"), record("O1"), book("O1", "F1", 3), book("O1", "F1", 3), record("O1")]
    )
    assert repository.appends == [1, 2]
    assert [outcome.answer.cum_quantity for outcome in outcomes] == [0, 0, 3, 3, 3]


def test_group_that_changes_nothing_writes_nothing(held: StrategyLedger, repository: FaultyRepository) -> None:
    """Repeats and refusals alone need no write; each is told."""
    held.record_order("O1", limit_order())
    outcomes = in_one_group(held, repository, [record("O1"), cancel("nobody")])
    assert repository.appends == [1, 1]
    assert outcomes[0].answer == held.get_order("O1")
    assert isinstance(outcomes[1].error, UnknownOrder)


def test_nobody_is_told_before_all_is_durable(held: StrategyLedger, repository: FaultyRepository) -> None:
    """While the group is being written no caller knows anything: not the stored ones, not the refused ones."""
    gathering = Gathering(held, repository)
    gathering.add(record("O1"), record("O2"), book("O1", "F1", 11), cancel("nobody"), record("O1"))
    told: list[bool] = []
    gathering.release(lambda: told.extend(outcome.is_there for outcome in gathering.outcomes))
    assert told == [False] * 5
    assert all(outcome.is_there for outcome in gathering.outcomes)


def test_long_queue_is_written_in_several_groups(
    held: StrategyLedger, repository: FaultyRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write takes a bounded number; the rest are the next one's, in order, led by one of their own."""
    monkeypatch.setattr("ledger_core.grouping.GROUP_MAX", 3)
    outcomes = in_one_group(held, repository, [record(f"O{number}") for number in range(7)])
    assert repository.appends == [1, 3, 3, 1]
    assert [outcome.answer.order_id for outcome in outcomes] == [f"O{number}" for number in range(7)]
    assert subjects(held) == ["first", *(f"O{number}" for number in range(7))]


def test_malformed_argument_never_reaches_the_queue(held: StrategyLedger, repository: FaultyRepository) -> None:
    """It is refused in its caller's thread, while others write."""
    gathering = Gathering(held, repository)
    with pytest.raises(InvalidValue):
        held.record_order("O1", limit_order(quantity=-1))
    assert gathering.waiting == 0
    gathering.release()


# -- when others come first, or storing fails -------------------------------------------------------------------------


def test_group_that_was_overtaken_is_decided_again(
    held: StrategyLedger, repository: FaultyRepository, store: Store, clock: SteppingClock
) -> None:
    """Another ledger writes at the last moment: all are decided on its entry, and one is a refusal now."""
    other = store.open(clock=clock)

    def overtake() -> None:
        other.record_order("O1", limit_order())
        other.update_order_fill("O1", fill("F0", 8))

    outcomes = in_one_group(held, repository, [record("O1"), book("O1", "F1", 2), book("O1", "F2", 1)], overtake)
    assert [outcome.answer and outcome.answer.cum_quantity for outcome in outcomes] == [8, 10, None]
    assert isinstance(outcomes[2].error, OverfillError)
    assert outcomes[2].error.quarantine_id == other.quarantined()[0].quarantine_id
    assert subjects(other) == ["first", "O1", "O1", "O1", "O1"]
    assert other.verify().is_intact


def test_refusal_on_what_another_has_changed_is_not_told(
    held: StrategyLedger, repository: FaultyRepository, store: Store, clock: SteppingClock
) -> None:
    """A refusal on older records is decided again at the head, though the group had nothing to write."""
    other = store.open(clock=clock)
    for order_id, side in (("O1", "BUY"), ("O2", "SELL")):
        held.record_order(order_id, limit_order(side))
    held.update_order_fill("O1", fill("F1", 10))
    held.create_trade("T1", ["O1", "O2"])
    gathering = Gathering(held, repository)
    gathering.add(lambda ledger: ledger.close_trade("T1"), cancel("nobody"))
    repository.inner = _Overtaken(repository.inner, lambda: other.update_order_fill("O2", fill("F1", 10)))
    outcomes = gathering.release()
    assert (outcomes[0].error, outcomes[0].answer.state) == (None, "CLOSED")
    assert isinstance(outcomes[1].error, UnknownOrder)


def test_exception_on_records_of_two_moments_means_nothing(
    held: StrategyLedger,
    repository: FaultyRepository,
    store: Store,
    clock: SteppingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What one command met while others had written is met again, or not, on their entries."""
    other = store.open(clock=clock)
    decide_at = held._writer.decide_at

    def mixed(records: Any, tip: Any, command: Any) -> Any:
        if command.target == "O2" and other.head().sequence == 1:
            other.record_order("other", limit_order())
            raise ZeroDivisionError("half of this is older than the rest")
        return decide_at(records, tip, command)

    monkeypatch.setattr(held._writer, "decide_at", mixed)
    outcomes = in_one_group(held, repository, [record("O1"), record("O2")])
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert subjects(held) == ["first", "other", "O1", "O2"]


@pytest.mark.parametrize("error", [StorageFull("no room"), StorageBusy("somebody else writes")])
def test_failed_write_is_told_to_each(held: StrategyLedger, repository: FaultyRepository, error: StorageError) -> None:
    """Nothing was written, and each caller has an error of its own that says so; the ledger goes on."""
    held.record_order("known", limit_order())
    outcomes = in_one_group(
        held,
        repository,
        [record("O1"), cancel("O1"), book("O1", "F1", 99), record("known"), cancel("nobody")],
        lambda: repository.fail_before_storing(error),
    )
    told = [outcome.error for outcome in outcomes[:3]]
    assert [type(one) for one in told] == [type(error), UnknownOrder, type(error)]
    assert told[0] is not told[2]
    assert str(told[0]) == str(told[2]) == str(error)
    assert outcomes[3].answer == held.get_order("known"), "what is known needs no room"
    assert isinstance(outcomes[4].error, UnknownOrder)
    assert subjects(held) == ["known", "first"]
    assert held.record_order("O1", limit_order()).state == "PLACED"
    assert held.verify().is_intact


def test_refusal_that_another_has_overtaken_is_not_told_for_a_failed_write(
    held: StrategyLedger, repository: FaultyRepository, store: Store, clock: SteppingClock
) -> None:
    """Who needs no write is told alone, but never on records that are older than the journal's head."""
    other = store.open(clock=clock)
    for order_id, side in (("O1", "BUY"), ("O2", "SELL")):
        held.record_order(order_id, limit_order(side))
    held.update_order_fill("O1", fill("F1", 10))
    held.create_trade("T1", ["O1", "O2"])

    def fail() -> None:
        other.update_order_fill("O2", fill("F1", 10))
        repository.fail_before_storing(StorageFull("no room"))

    outcomes = in_one_group(held, repository, [lambda ledger: ledger.close_trade("T1"), record("O3")], fail)
    assert [type(outcome.error) for outcome in outcomes] == [StorageFull, StorageFull]
    assert held.close_trade("T1").state == "CLOSED"


def test_entry_that_the_store_cannot_take_fails_its_own_caller(
    held: StrategyLedger, repository: FaultyRepository
) -> None:
    """Where an append fails for what one of its entries holds, the others are stored without it."""
    repository.inner = _Choosy(repository.inner, "bad")
    outcomes = in_one_group(held, repository, [record("O1"), record("bad"), record("O2")])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), InvalidValue, type(None)]
    assert subjects(held) == ["first", "O1", "O2"]


def test_exception_in_deciding_one_is_its_callers_alone(
    held: StrategyLedger, repository: FaultyRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug met by one command is raised to its caller; the others are decided without it."""
    decide_at = held._writer.decide_at

    def failing(records: Any, tip: Any, command: Any) -> Any:
        if command.target == "bad":
            raise ZeroDivisionError("a bug")
        return decide_at(records, tip, command)

    monkeypatch.setattr(held._writer, "decide_at", failing)
    outcomes = in_one_group(held, repository, [record("O1"), record("bad"), record("O2")])
    assert [type(outcome.error) for outcome in outcomes] == [type(None), ZeroDivisionError, type(None)]
    assert repository.appends == [1, 2]


def test_lost_answer_of_a_commit_is_looked_up(held: StrategyLedger, repository: FaultyRepository) -> None:
    """A group whose commit failed in the air but is in the journal is acknowledged, and stored once."""
    outcomes = in_one_group(
        held,
        repository,
        [record("O1"), book("O1", "F1", 99), record("O2")],
        lambda: repository.fail_after_storing(OutcomeUnknown("the answer was lost")),
    )
    assert [type(outcome.error) for outcome in outcomes] == [type(None), OverfillError, type(None)]
    assert subjects(held) == ["first", "O1", "O1", "O2"]


def test_commit_that_did_not_happen_is_told_to_each(held: StrategyLedger, repository: FaultyRepository) -> None:
    """Tried twice and looked up: each is told that nothing was stored."""

    def fail() -> None:
        for _ in range(2):
            repository.fail_before_storing(OutcomeUnknown("the disk reported an error"))

    outcomes = in_one_group(held, repository, [record("O1"), record("O2")], fail)
    assert [type(outcome.error) for outcome in outcomes] == [StorageError, StorageError]
    assert all("nothing was stored" in str(outcome.error) for outcome in outcomes)
    assert subjects(held) == ["first"]


@pytest.mark.parametrize("stored", [True, False])
def test_commit_that_cannot_be_looked_up_is_unknown_to_each_that_wrote(
    held: StrategyLedger, repository: FaultyRepository, stored: bool
) -> None:
    """Neither stored nor refused: each entry is looked up, and only who had none is told that nothing was written."""
    fail = repository.fail_after_storing if stored else repository.fail_before_storing

    def lose() -> None:
        fail(OutcomeUnknown("the answer was lost"))
        repository.inner = _Unreadable(repository.inner)

    outcomes = in_one_group(held, repository, [record("O1"), cancel("O2"), record("O2")], lose)
    refused = StorageError if stored else UnknownOrder  # O2 is in the journal, or it is not
    assert [type(outcome.error) for outcome in outcomes] == [OutcomeUnknown, refused, OutcomeUnknown]
    assert not stored or "nothing was written" in str(outcomes[1].error)
    assert outcomes[0].error is not outcomes[2].error
    assert isinstance(repository.inner, _Unreadable)
    repository.inner = repository.inner.inner
    assert subjects(held) == (["first", "O1", "O2"] if stored else ["first"])
    assert held.record_order("O1", limit_order()).state == "PLACED"


@pytest.mark.parametrize("stored", [True, False])
def test_commit_that_can_be_looked_up_a_moment_later_is_told_as_it_is(
    held: StrategyLedger, repository: FaultyRepository, stored: bool, published: RecordingPublisher
) -> None:
    """The first look fails, the second does not: stored is stored, for each entry, and published."""
    fail = repository.fail_after_storing if stored else repository.fail_before_storing

    def lose() -> None:
        fail(OutcomeUnknown("the answer was lost"))
        repository.inner = _Unreadable(repository.inner, times=1)

    outcomes = in_one_group(held, repository, [record("O1"), record("O2")], lose)
    assert [type(outcome.error) for outcome in outcomes] == [type(None) if stored else StorageError] * 2
    assert subjects(held) == (["first", "O1", "O2"] if stored else ["first"])
    assert len(published.events) == (3 if stored else 1)


# -- leaders and callers that go away -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
def test_interrupted_leader_leaves_nobody_waiting(
    held: StrategyLedger, repository: FaultyRepository, stored: bool
) -> None:
    """Its caller gets the interrupt. The others get a new leader, or what a look into the journal shows is stored."""
    fail = repository.fail_after_storing if stored else repository.fail_before_storing
    outcomes = in_one_group(
        held,
        repository,
        [record("O1"), record("O2"), cancel("O2"), book("O2", "F1", 11), cancel("nobody")],
        lambda: fail(KeyboardInterrupt()),
    )
    assert isinstance(outcomes[0].error, KeyboardInterrupt)
    assert [type(outcome.error) for outcome in outcomes[1:]] == [type(None), type(None), OverfillError, UnknownOrder]
    written = ["O2", "O2", "O2"]
    assert subjects(held) == (["first", "O1", *written] if stored else ["first", *written])
    assert held.get_order("O2").request_count == 1, "asked once, whatever was interrupted"
    assert held.verify().is_intact


def test_followers_of_an_interrupted_leader_keep_their_place(
    held: StrategyLedger, repository: FaultyRepository
) -> None:
    """Who came while the interrupted group was being written stands behind those who were in it."""
    gathering = Gathering(held, repository)
    gathering.add(record("O1"), record("O2"), record("O3"))

    def interrupt() -> None:
        gathering.add(record("O4"))
        repository.fail_before_storing(KeyboardInterrupt())

    outcomes = gathering.release(interrupt)
    assert isinstance(outcomes[0].error, KeyboardInterrupt)
    assert subjects(held) == ["first", "O2", "O3", "O4"]
    assert repository.appends == [1, 3]


def test_leader_interrupted_while_it_decides_is_followed_by_the_next(
    held: StrategyLedger, repository: FaultyRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was written yet: the others are decided by the next leader, in their order."""
    decide_at = held._writer.decide_at
    interrupts = [KeyboardInterrupt()]

    def interrupted(records: Any, tip: Any, command: Any) -> Any:
        if command.target == "O2" and interrupts:
            raise interrupts.pop()
        return decide_at(records, tip, command)

    monkeypatch.setattr(held._writer, "decide_at", interrupted)
    outcomes = in_one_group(held, repository, [record("O1"), record("O2"), record("O3")])
    assert isinstance(outcomes[0].error, KeyboardInterrupt)
    assert subjects(held) == ["first", "O2", "O3"]
    assert repository.appends == [1, 2]


def test_interrupted_group_that_cannot_be_looked_up_is_unknown(
    held: StrategyLedger, repository: FaultyRepository
) -> None:
    """Whoever waited for an interrupted write that nobody can look up is told that its outcome is not known."""

    def lose() -> None:
        repository.fail_after_storing(KeyboardInterrupt())
        repository.inner = _Unreadable(repository.inner, times=2)

    outcomes = in_one_group(held, repository, [record("O1"), record("O2")], lose)
    assert isinstance(outcomes[0].error, KeyboardInterrupt)
    assert isinstance(outcomes[1].error, OutcomeUnknown)
    assert subjects(held) == ["first", "O1", "O2"]


def test_interrupted_caller_takes_its_command_out_of_the_queue(
    held: StrategyLedger, repository: FaultyRepository
) -> None:
    """Ctrl-C while waiting: what was not being written yet is not written, and the others are."""
    gathering = Gathering(held, repository)
    gathering.add(record("O1"))
    main = threading.get_ident()

    def interrupt() -> None:
        wait_until(lambda: gathering.waiting == 2)
        signal.pthread_kill(main, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            held.record_order("O2", limit_order())
    finally:
        interrupting.join()
        signal.signal(signal.SIGINT, before)
    gathering.add(record("O3"))
    gathering.release()
    assert subjects(held) == ["first", "O1", "O3"]


def test_leader_that_was_lost_is_replaced(
    held: StrategyLedger, repository: FaultyRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever became of a leader, who waits longer than any write takes writes for itself."""
    monkeypatch.setattr("ledger_core.grouping.LEADER_SECONDS", 0.01)
    gathering = Gathering(held, repository)
    held._group._leader = held._group._leader or object()  # type: ignore[assignment]  # one that will never come
    gathering.add(record("O1"), record("O2"))
    outcomes = gathering.release()
    assert sorted(outcome.answer.order_id for outcome in outcomes) == ["O1", "O2"]


def test_closing_while_callers_wait_tells_them(held: StrategyLedger, repository: FaultyRepository) -> None:
    """They get LedgerClosed, and nothing of theirs is stored."""
    gathering = Gathering(held, repository)
    gathering.add(record("O1"), cancel("O1"))
    closing: list[threading.Thread] = []

    def close() -> None:
        closing.append(threading.Thread(target=repository.inner.close))
        closing[0].start()
        closing[0].join()

    outcomes = gathering.release(close)
    assert [type(outcome.error) for outcome in outcomes] == [LedgerClosed, LedgerClosed]


class _Stubborn(StorageError):
    """An adapter's own error, which its arguments alone cannot make."""

    def __init__(self, message: str, *, place: int) -> None:
        super().__init__(message, place=place)

    def __reduce__(self) -> Any:
        raise TypeError("it cannot be copied")


def test_an_error_that_cannot_be_copied_is_told_as_it_is(held: StrategyLedger, repository: FaultyRepository) -> None:
    """Each caller of a write that failed hears of it, also where they have to share what they are told."""
    error = _Stubborn("the adapter gave up", place=1)
    calls = [record("O1"), record("O2")]
    outcomes = in_one_group(held, repository, calls, lambda: repository.fail_before_storing(error))
    assert [outcome.error for outcome in outcomes] == [error, error]
    assert subjects(held) == ["first"]


# From 3.12 on Python warns of fork() beside other threads.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_child_of_a_fork_waits_for_no_thread_of_its_parent(held: StrategyLedger, repository: FaultyRepository) -> None:
    """The parent forks while its threads write and wait: in the child there are none, and a command is executed."""
    gathering = Gathering(held, repository)
    gathering.add(record("O1"))
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        code = 1
        with suppress(BaseException):
            held.record_order("O2", limit_order())
            code = 0 if subjects(held) == ["O2"] else 2
        os._exit(code)
    gathering.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert subjects(held) == ["first", "O1"]


# -- beside everything else -----------------------------------------------------------------------------------------------


def test_subscribers_may_give_commands_while_others_wait(repository: FaultyRepository, clock: SteppingClock) -> None:
    """A command from a callback, in the thread of whoever delivers, is a caller's like any other's."""
    ledger = StrategyLedger(repository, clock=clock)
    seen: list[str] = []

    def accept(_name: str, payload: Any) -> None:
        seen.append(payload["event_type"])
        if payload["event_type"] == "ORDER_PLACED":
            ledger.update_order_acceptance(payload["order_id"])

    ledger.subscribe("acceptor", accept)
    in_one_group(ledger, repository, [record(f"O{number}") for number in range(4)])
    ledger.publish_pending()
    assert sorted(seen) == ["ORDER_ACCEPTED"] * 5 + ["ORDER_PLACED"] * 5
    assert all(order.state == "ACCEPTED" for order in ledger.find_orders())


def test_clock_that_gives_a_command_while_others_wait(repository: FaultyRepository) -> None:
    """A command from within a decision, by the thread that writes, waits for nobody; the outer one is decided again."""
    steps = SteppingClock()
    inner: list[str] = ["inner"]
    ledger: list[StrategyLedger] = []

    def clock() -> Any:
        if inner and ledger and len(ledger[0]._group._waiting) == 0 and ledger[0]._group._leader is not None:
            name = inner.pop()
            ledger[0].record_order(name, limit_order(), occurred_at=steps())
        return steps()

    held = StrategyLedger(repository, clock=clock)
    ledger.append(held)
    in_one_group(held, repository, [record("O1", placed_at=steps()), record("O2", placed_at=steps())])
    assert subjects(held) == ["first", "inner", "O1", "O2"]


def test_batches_questions_and_skips_go_on_beside_groups(open_ledger_on: Callable[..., StrategyLedger]) -> None:
    """Threads that give commands, batches, questions and skips at once: gap-free, nothing lost, nothing twice."""
    ledger = open_ledger_on()
    ledger.record_order("shared", market_order(quantity=10_000))

    def commands(number: int) -> None:
        for index in range(12):
            ledger.update_order_fill("shared", fill(f"c{number}-{index}", 1))

    def batches(number: int) -> None:
        for index in range(4):
            with ledger.batch() as batch:
                batch.record_order(f"b{number}-{index}", limit_order(symbol="OTHER"))
                batch.update_order_acceptance(f"b{number}-{index}")

    def questions(_number: int) -> None:
        for _ in range(12):
            before = ledger.get_order("shared").cum_quantity
            assert ledger.get_position("ACME").quantity >= before

    def skips(_number: int) -> None:
        for sequence in range(1, 5):
            ledger.skip_entry("poisoned", sequence, "cannot be taken")

    outcomes = _at_once([*([commands] * 4), *([batches] * 2), questions, skips])
    assert [outcome.error for outcome in outcomes] == [None] * 8
    assert [entry.sequence for entry in ledger.read_journal()] == list(range(1, 1 + 1 + 48 + 16 + 4))
    assert ledger.get_position("ACME").quantity == 48
    assert ledger.verify().is_intact


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), min_size=2, max_size=6))
def test_whatever_threads_give_agrees_with_the_journal(plans: Sequence[Sequence[int]]) -> None:
    """Random commands of several threads: the journal folds to what is stored, and each answer is a state it shows."""
    publisher = RecordingPublisher()
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock(), publisher=publisher)
    answers: list[list[Order]] = [[] for _ in plans]
    refusals: list[CommandRefused] = []

    def live(number: int) -> None:
        for step in plans[number]:
            try:
                answers[number].append(_some_command(ledger, step, number))
            except CommandRefused as refused:
                refusals.append(refused)

    outcomes = _at_once([live] * len(plans))
    assert [outcome.error for outcome in outcomes] == [None] * len(plans)
    states = states_of(ledger.read_journal())
    for given_to_one in answers:
        seen: dict[str, int] = {}
        for answer in given_to_one:
            assert detached(answer) == states[answer.kind, answer.key, answer.version]
            assert answer.version >= seen.get(answer.order_id, 0), "a thread sees what it was told before"
            seen[answer.order_id] = answer.version
    filed = {key[0] for kind, key, _ in states if kind is RecordKind.QUARANTINE}
    assert {refused.quarantine_id for refused in refusals} - {None} == filed
    ledger.publish_pending()
    expected = [(event["sequence"], event["index"]) for entry in ledger.read_journal() for event in events_of(entry)]
    assert publisher.places == expected
    assert ledger.verify().is_intact
    ledger.close()


def _some_command(ledger: StrategyLedger, step: int, number: int) -> Order:
    """Give the command that a number stands for: few orders, so that threads meet on them."""
    order_id = f"O{step // 7 % 3}"
    match step % 7:
        case 0 | 1:
            return ledger.record_order(order_id, limit_order(quantity=10 + step // 21 % 2))
        case 2:
            return ledger.update_order_acceptance(order_id)
        case 3 | 4:
            return ledger.update_order_fill(order_id, fill(f"F{step // 21 % 5}", 1 + step // 105 % 4))
        case 5:
            return ledger.request_order_cancel(order_id, f"R{number}")
        case _:
            return ledger.update_order_cancellation(order_id)


def _at_once(works: Sequence[Callable[[int], object]]) -> list[Outcome]:
    """Run every work in a thread of its own, given its number, and return what they came to."""
    outcomes = [Outcome() for _ in works]
    start = threading.Barrier(len(works))

    def run(number: int) -> None:
        start.wait()
        try:
            works[number](number)
        except BaseException as error:  # noqa: BLE001  # it is what the test looks at
            outcomes[number].error = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
