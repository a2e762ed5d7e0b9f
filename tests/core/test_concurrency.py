"""One ledger object under many threads, and several writers on one store: nothing lost, nothing twice, no gap."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from ledger_core import (
    Conflict,
    IdempotencyConflict,
    OutcomeUnknown,
    OverfillError,
    StorageBusy,
    StorageError,
    StrategyLedger,
)
from support import START, FaultyRepository, RecordingPublisher, SteppingClock, Store, fill, limit_order, market_order

OpenLedger = Callable[..., StrategyLedger]

THREADS, COMMANDS = 8, 50


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run work(0..count-1) at once; raise the first error that a thread met."""
    errors: list[BaseException] = []
    start = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001  # raised again by the thread that asked
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_share_one_ledger(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """8 threads of 50 commands: every one is in the journal once, gap-free, and every event was published in order."""
    ledger.record_order("shared", market_order(quantity=THREADS * COMMANDS))

    def work(number: int) -> None:
        for index in range(COMMANDS):
            if index % 2:
                order = ledger.update_order_fill("shared", fill(f"{number}-{index}", 1))
                assert order.cum_quantity >= 1
            else:
                assert ledger.record_order(f"{number}-{index}", limit_order()).state == "PLACED"

    in_threads(THREADS, work)
    ledger.publish_pending()
    total = 1 + THREADS * COMMANDS
    assert [entry.sequence for entry in ledger.read_journal()] == list(range(1, total + 1))
    assert published.places == [(sequence, 0) for sequence in range(1, total + 1)]
    assert ledger.get_order("shared").cum_quantity == THREADS * COMMANDS // 2
    assert ledger.get_position("ACME").quantity == THREADS * COMMANDS // 2
    assert len(list(ledger.find_orders(limit=None))) == 1 + THREADS * COMMANDS // 2


def test_threads_that_tell_the_same_are_heard_once(ledger: StrategyLedger) -> None:
    """The same order and the same fills from every thread: one of each."""

    def work(_number: int) -> None:
        ledger.record_order("O1", market_order(quantity=20))
        for index in range(20):
            ledger.update_order_fill("O1", fill(f"F{index}", 1))

    in_threads(4, work)
    assert (ledger.head().sequence, ledger.get_order("O1").cum_quantity) == (21, 20)


@pytest.mark.parametrize("writers", [2, 4])
def test_writers_on_one_store_take_turns(open_ledger_on: OpenLedger, writers: int) -> None:
    """Several ledgers of one strategy write at once: conflicts are folded, and all see all."""
    ledgers = [open_ledger_on() for _ in range(writers)]
    ledgers[0].record_order("shared", market_order(quantity=1000))

    def work(number: int) -> None:
        for index in range(15):
            ledgers[number].update_order_fill("shared", fill(f"{number}-{index}", 1, 100 + number))
            ledgers[number].record_order(f"{number}-{index}", limit_order(symbol="OTHER"))

    in_threads(writers, work)
    total = 1 + writers * 30
    for ledger in ledgers:
        assert [entry.sequence for entry in ledger.read_journal()] == list(range(1, total + 1))
        assert ledger.get_order("shared").cum_quantity == writers * 15
        assert ledger.get_order("shared") == ledgers[0].get_order("shared")
        assert ledger.get_position("ACME") == ledgers[0].get_position("ACME")
        assert len(list(ledger.find_orders(is_open=True, limit=None))) == 1 + writers * 15


def test_command_is_decided_on_what_the_other_writer_wrote(open_ledger_on: OpenLedger) -> None:
    """A refusal, a repeat and a conflict are given after one look at the journal's head."""
    first, second = open_ledger_on(), open_ledger_on()
    first.record_order("O1", limit_order())
    assert second.update_order_fill("O1", fill("F1", 8)).cum_quantity == 8
    with pytest.raises(OverfillError):
        first.update_order_fill("O1", fill("F2", 3))
    head = first.head()
    assert first.update_order_fill("O1", fill("F1", 8)).cum_quantity == 8
    with pytest.raises(IdempotencyConflict):
        second.record_order("O1", limit_order(quantity=11))
    assert second.head() == head


def test_an_id_is_taken_by_a_trade_that_another_writer_made_or_that_was_there_before(
    open_ledger_on: OpenLedger,
) -> None:
    """Who has seen no trade looks for none, and so must learn of the first one, wherever it comes from."""
    first, second = open_ledger_on(), open_ledger_on()
    first.record_order("O1", limit_order())
    second.update_order_fill("O1", fill("F1", 10))
    second.create_trade("T1", ["O1"])
    for ledger in (first, second, open_ledger_on()):
        with pytest.raises(IdempotencyConflict, match="'T1' is the id of an existing trade"):
            ledger.record_order("T1", limit_order())


def test_answers_are_those_of_the_journals_head(open_ledger_on: OpenLedger) -> None:
    """Every question sees what another writer committed a moment ago."""
    first, second = open_ledger_on(), open_ledger_on()
    second.record_order("O1", limit_order())
    assert first.get_order("O1").state == "PLACED"
    second.update_order_fill("O1", fill("F1", 4, venue_order_id="V1"))
    assert first.get_position("ACME").quantity == 4
    assert [position.quantity for position in first.get_open_positions()] == [4]
    second.request_order_replace("O1", {"quantity": 20})
    assert first.get_position_exposure("ACME").pending_buy_quantity == 16
    assert [one.request_id for one in first.unresolved().requests] == ["O1#1"]
    assert [order.status for order in first.find_orders(venue_order_id="V1")] == ["PENDING_REPLACE"]
    second.create_trade("T1", ["O1"])
    assert first.get_trade("T1").entry_quantity == 4
    assert first.get_order("O1").trade_ids == ("T1",)


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_conflict_is_folded_and_decided_again(store: Store, clock: SteppingClock) -> None:
    """Another writer takes the place in the journal at the last moment: the command is decided on its entry."""
    repository = FaultyRepository(store.repository())
    first, second = StrategyLedger(repository, clock=clock), store.open(clock=clock)
    first.record_order("O1", limit_order())
    repository.on_append = lambda: second.update_order_fill("O1", fill("F1", 8))
    order = first.update_order_fill("O1", fill("F2", 2))
    assert (order.state, order.cum_quantity) == ("FILLED", 10)
    repository.on_append = lambda: second.update_order_acceptance("O1", {"venue_order_id": "V1"})
    first.record_order("O2", limit_order())
    assert [entry.subject for entry in second.read_journal()] == ["O1", "O1", "O1", "O1", "O2"]


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_conflict_may_turn_a_command_into_a_refusal(store: Store, clock: SteppingClock) -> None:
    """What was legal a moment ago is decided again, and refused, and filed."""
    repository = FaultyRepository(store.repository())
    first, second = StrategyLedger(repository, clock=clock), store.open(clock=clock)
    first.record_order("O1", limit_order())
    repository.on_append = lambda: second.update_order_fill("O1", fill("F1", 8))
    with pytest.raises(OverfillError) as refused:
        first.update_order_fill("O1", fill("F2", 3))
    assert refused.value.quarantine_id == second.quarantined()[0].quarantine_id
    assert second.get_order("O1").cum_quantity == 8


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_writer_that_is_always_too_late_gives_up_in_the_end(
    store: Store, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries are bounded: StorageBusy, retryable, and nothing written."""
    monkeypatch.setattr("ledger_core.writing.BUSY_SECONDS", 0.0)
    repository = FaultyRepository(store.repository())
    ledger = StrategyLedger(repository, clock=clock)
    for _ in range(3):
        repository.fail_before_storing(Conflict("somebody was first"))
    with pytest.raises(StorageBusy) as refused:
        ledger.record_order("O1", limit_order())
    assert (refused.value.retryable, ledger.head().sequence) == (True, 0)


def test_writer_that_was_overtaken_keeps_the_others_out(store: Store, clock: SteppingClock) -> None:
    """Beside writers that are always faster a command is stored all the same: after some tries it is let through alone."""
    repository = FaultyRepository(store.repository())
    slow, fast = StrategyLedger(repository, clock=clock), store.open(clock=clock)
    overtaken = 0

    def overtake() -> None:
        nonlocal overtaken
        overtaken += 1
        if overtaken <= 2:
            repository.on_append = overtake
            fast.record_order(f"fast-{overtaken}", limit_order())

    repository.on_append = overtake
    slow.record_order("slow", limit_order())
    assert [entry.subject for entry in fast.read_journal()] == ["fast-1", "fast-2", "slow"]
    assert overtaken == 3


def _record(ledger: StrategyLedger, *, in_batch: bool) -> None:
    if in_batch:
        with ledger.batch() as batch:
            batch.record_order("O1", limit_order())
    else:
        ledger.record_order("O1", limit_order())


@pytest.mark.parametrize("operation", ["command", "batch"])
def test_commit_that_does_not_happen_is_told_at_once(store: Store, clock: SteppingClock, operation: str) -> None:
    """A commit that failed, was looked up and is not there is tried once more, and then told as what it is."""
    repository = FaultyRepository(store.repository())
    ledger = StrategyLedger(repository, clock=clock)
    for _ in range(2):
        repository.fail_before_storing(OutcomeUnknown("the disk reported an error"))
    with pytest.raises(
        StorageError, match="the disk reported an error; it was looked up: nothing was stored"
    ) as caught:
        _record(ledger, in_batch=operation == "batch")
    assert type(caught.value) is StorageError
    assert ledger.head().sequence == 0
    ledger.record_order("O1", limit_order())
    assert ledger.head().sequence == 1


def test_records_read_while_others_write_are_whole(ledger: StrategyLedger) -> None:
    """A thread that asks while another books never sees an order without its fills' sum, nor a position without it."""
    ledger.record_order("O1", market_order(quantity=200))
    done = threading.Event()

    def work(number: int) -> None:
        if number:
            for index in range(100):
                ledger.update_order_fill("O1", fill(f"F{index}", 2, 100))
            done.set()
            return
        while not done.is_set():
            before = ledger.get_order("O1").cum_quantity
            position = ledger.get_position("ACME")
            after = ledger.get_order("O1").cum_quantity
            assert before <= position.quantity <= after
            assert position.cost == position.quantity * 100

    in_threads(2, work)
    assert ledger.get_order("O1").state == "FILLED"


def test_late_fill_decided_on_records_of_two_moments_is_decided_again(open_ledger_on: OpenLedger) -> None:
    """A writer that stood still folds again through fills that another has restated since: no error, one result."""
    first, second = open_ledger_on(), open_ledger_on()
    for order_id, side in (("O1", "BUY"), ("O2", "SELL")):
        first.record_order(order_id, market_order(side, 20))
    first.update_order_fill("O1", fill("F1", 5), occurred_at=START)
    first.update_order_fill("O2", fill("F2", 5, 110), occurred_at=START + timedelta(hours=2))
    second.update_order_fill("O1", fill("F3", 1, 90), occurred_at=START + timedelta(hours=1))
    order = first.update_order_fill("O2", fill("F4", 1, 95), occurred_at=START + timedelta(minutes=90))
    assert order.cum_quantity == 6
    position = open_ledger_on().get_position("ACME")
    assert (position.quantity, position.realized_pnl) == (0, 5 * 110 + 95 - 5 * 100 - 90)
