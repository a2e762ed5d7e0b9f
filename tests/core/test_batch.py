"""Many commands in one durable write: decided at their call, written together, or not at all."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import threading
from collections.abc import Callable

import pytest

from ledger_core import (
    BatchConflict,
    BatchUsage,
    IdempotencyConflict,
    OutcomeUnknown,
    OverfillError,
    StorageFull,
    StrategyLedger,
    UnknownOrder,
)
from ledger_core.batch import Batch
from ledger_core.model import Key, Record, RecordKind
from support import FaultyRepository, RecordingPublisher, SteppingClock, Store, fill, limit_order, market_order

OpenLedger = Callable[..., StrategyLedger]


def in_batch(ledger: StrategyLedger, work: Callable[[Batch], None]) -> None:
    """Do the work in a batch of its own."""
    with ledger.batch() as batch:
        work(batch)


def test_commands_of_a_batch_become_durable_together(
    ledger: StrategyLedger, published: RecordingPublisher, open_ledger_on: OpenLedger
) -> None:
    """Each sees those before it; nobody else sees any, and nothing is published, before the block is left."""
    other = open_ledger_on()
    with ledger.batch() as batch:
        assert batch.record_order("O1", limit_order()).state == "PLACED"
        assert batch.update_order_acceptance("O1").state == "ACCEPTED"
        assert batch.update_order_fill("O1", fill("F1", 10)).state == "FILLED"
        assert batch.create_trade("T1", ["O1"]).entry_quantity == 10
        assert (list(other.find_orders()), list(ledger.find_orders()), published.events) == ([], [], [])
        assert ledger.head().sequence == 0
    assert ledger.get_order("O1").state == "FILLED"
    assert [entry.operation for entry in other.read_journal()] == [
        "record_order", "update_order_acceptance", "update_order_fill", "create_trade",
    ]  # fmt: skip
    assert published.places == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert other.get_trade("T1") == ledger.get_trade("T1")


def test_the_store_is_not_asked_for_fills_of_what_the_batch_placed(
    store: Store, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else can have filled the order yet; a fill that comes twice in the batch is known by the batch."""
    repository = store.repository()
    ledger, asked, load = StrategyLedger(repository, clock=clock), list[RecordKind](), repository.load

    def watched(kind: RecordKind, key: Key) -> Record | None:
        asked.append(kind)
        return load(kind, key)

    monkeypatch.setattr(repository, "load", watched)
    with ledger.batch() as batch:
        batch.record_order("O1", limit_order())
        batch.update_order_fill("O1", fill("F1", 4))
        assert batch.update_order_fill("O1", fill("F1", 4)).cum_quantity == 4
        with pytest.raises(IdempotencyConflict):
            batch.update_order_fill("O1", fill("F1", 5))
        assert batch.create_trade("T1", ["O1"]).entry_quantity == 4
    assert RecordKind.FILL not in asked


def test_batch_writes_once(store: Store, clock: SteppingClock) -> None:
    """However many commands: one append."""
    repository = FaultyRepository(store.repository())
    ledger = StrategyLedger(repository, clock=clock)
    repository.fail_after_storing(OutcomeUnknown("the answer was lost"))
    with ledger.batch() as batch:
        for number in range(50):
            batch.record_order(f"O{number}", limit_order())
    assert ledger.head().sequence == 50
    assert len(list(ledger.find_orders())) == 50
    assert repository.appends == [50]


def test_batch_whose_write_fails_leaves_nothing(store: Store, clock: SteppingClock) -> None:
    """The error reaches the caller at the exit; the ledger answers as before and takes the batch again."""

    def accept(batch: Batch) -> None:
        batch.update_order_acceptance("O1")
        batch.update_order_acceptance("O2")

    repository = FaultyRepository(store.repository())
    ledger = StrategyLedger(repository, clock=clock)
    ledger.record_order("O1", limit_order())
    ledger.record_order("O2", limit_order())
    repository.fail_before_storing(StorageFull("no room"))
    with pytest.raises(StorageFull):
        in_batch(ledger, accept)
    assert list(ledger.find_orders(state="ACCEPTED")) == []
    assert ledger.get_order("O1").state == "PLACED"
    in_batch(ledger, accept)
    assert len(list(ledger.find_orders(state="ACCEPTED"))) == 2


def test_refusal_caught_inside_leaves_the_rest_standing(ledger: StrategyLedger) -> None:
    """What was refused is refused; what came before and after is written."""
    with ledger.batch() as batch:
        batch.record_order("O1", limit_order())
        with pytest.raises(IdempotencyConflict):
            batch.record_order("O1", limit_order(quantity=11))
        with pytest.raises(UnknownOrder):
            batch.request_order_cancel("O9")
        batch.record_order("O2", limit_order())
    assert [order.order_id for order in ledger.find_orders()] == ["O1", "O2"]


@pytest.mark.parametrize("error", [ValueError("the caller's own"), KeyboardInterrupt()])
def test_exception_that_leaves_the_block_discards_everything(
    ledger: StrategyLedger, published: RecordingPublisher, error: BaseException
) -> None:
    """Nothing is written or published, and the ledger answers as before."""
    ledger.record_order("O1", limit_order())
    before, count = ledger.get_order("O1"), len(published.events)

    def work(batch: Batch) -> None:
        batch.update_order_fill("O1", fill("F1", 4))
        batch.record_order("O2", limit_order())
        raise error

    with pytest.raises(type(error)):
        in_batch(ledger, work)
    assert (ledger.get_order("O1"), ledger.head().sequence, len(published.events)) == (before, 1, count)
    assert ledger.get_open_positions() == []
    assert ledger.update_order_fill("O1", fill("F1", 5)).cum_quantity == 5


def test_quarantine_survives_the_exception_that_discards_the_rest(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """What the caller was told is filed is filed."""
    ledger.record_order("O1", limit_order())
    told = []

    def work(batch: Batch) -> None:
        batch.record_order("O2", limit_order())
        with pytest.raises(UnknownOrder) as unknown:
            batch.update_order_fill("O9", fill("F1", 1))
        told.append(unknown.value.quarantine_id)
        batch.update_order_fill("O1", fill("F1", 11))

    with pytest.raises(OverfillError) as refused:
        in_batch(ledger, work)
    filed = [fact.quarantine_id for fact in ledger.quarantined()]
    assert filed == [*told, refused.value.quarantine_id]
    assert published.types == ["ORDER_PLACED", "FACT_QUARANTINED", "FACT_QUARANTINED"]
    assert [order.order_id for order in ledger.find_orders()] == ["O1"]


def test_fact_that_waits_for_an_order_of_the_batch_is_booked_with_it(ledger: StrategyLedger) -> None:
    """Filed and booked within one batch: both entries are written."""
    with ledger.batch() as batch:
        with pytest.raises(UnknownOrder):
            batch.update_order_fill("O1", fill("F1", 4))
        assert batch.record_order("O1", limit_order()).cum_quantity == 4
    assert (ledger.get_order("O1").cum_quantity, ledger.quarantined(), ledger.head().sequence) == (4, [], 2)


def test_batch_of_repeats_writes_nothing(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """No-ops make no entry, nor does an empty block."""
    order = ledger.record_order("O1", limit_order())
    with ledger.batch() as batch:
        assert batch.record_order("O1", limit_order()) == order
    with ledger.batch():
        pass
    assert (ledger.head().sequence, len(published.events)) == (1, 1)


def test_what_a_batch_told_is_what_is_written(open_ledger_on: OpenLedger) -> None:
    """To the microsecond, where nobody came in between: a batch is decided once."""
    ledger = open_ledger_on(clock=SteppingClock())
    with ledger.batch() as batch:
        batch.record_order("O1", limit_order())
        told = batch.update_order_acceptance("O1")
    assert ledger.get_order("O1") == told
    times = [entry.recorded_at for entry in ledger.read_journal()]
    assert ledger.record_order("O2", limit_order()).recorded_at - times[-1] == times[1] - times[0]


def test_batch_is_decided_again_when_another_writer_was_first(open_ledger_on: OpenLedger) -> None:
    """As long as each command comes to what its caller was told, the batch is written behind the other's entries."""
    first, second = open_ledger_on(), open_ledger_on()
    first.record_order("O1", market_order(quantity=10))
    with first.batch() as batch:
        batch.record_order("O2", limit_order())
        second.record_order("O3", limit_order())
        batch.update_order_fill("O1", fill("F1", 4))
    assert [entry.subject for entry in first.read_journal()] == ["O1", "O3", "O2", "O1"]
    assert [order.order_id for order in second.find_orders()] == ["O1", "O3", "O2"]
    assert second.get_order("O1").cum_quantity == 4


def test_batch_whose_outcome_another_writer_changed_is_not_written(
    open_ledger_on: OpenLedger, published: RecordingPublisher
) -> None:
    """A told part fill that would now complete the order, or come after its end: BatchConflict, and no trace."""
    first, second = open_ledger_on(publisher=published), open_ledger_on()
    first.record_order("O1", limit_order())

    def work(batch: Batch) -> None:
        batch.record_order("O2", limit_order())
        batch.update_order_fill("O1", fill("F1", 6))
        if second.get_order("O1").cum_quantity:
            second.update_order_cancellation("O1")
        else:
            second.update_order_fill("O1", fill("other", 4))

    for _ in range(2):
        head = first.head().sequence
        with pytest.raises(BatchConflict) as refused:
            in_batch(first, work)
        assert refused.value.retryable
        assert first.head().sequence == head + 1
    assert [order.order_id for order in first.find_orders()] == ["O1"]
    first.publish_pending()
    assert published.types == ["ORDER_PLACED", "ORDER_PARTIALLY_FILLED", "ORDER_CANCELED"]


def test_batch_that_was_told_other_figures_is_not_written(open_ledger_on: OpenLedger) -> None:
    """A fill of another writer that leaves every state as it was told, but no sum: what was made of the sum is wrong."""
    first, second = open_ledger_on(), open_ledger_on()
    first.record_order("O1", limit_order())
    first.update_order_fill("O1", fill("F1", 1))

    def fill_up_to_six(batch: Batch) -> None:
        missing = 6 - first.get_order("O1").cum_quantity
        batch.update_order_fill("O1", fill("ours", missing))
        if second.get_order("O1").cum_quantity == 1:
            second.update_order_fill("O1", fill("other", 2))

    with pytest.raises(BatchConflict) as refused:
        in_batch(first, fill_up_to_six)
    assert refused.value.retryable
    in_batch(first, fill_up_to_six)
    assert second.get_order("O1").cum_quantity == 6


def test_batch_is_used_once_and_only_inside_its_block(ledger: StrategyLedger) -> None:
    """Before, after and a second time it takes nothing."""
    batch = ledger.batch()
    with pytest.raises(BatchUsage):
        batch.record_order("O1", limit_order())
    with batch:
        batch.record_order("O1", limit_order())
    with pytest.raises(BatchUsage):
        batch.record_order("O2", limit_order())
    with pytest.raises(BatchUsage), batch:
        pass
    assert ledger.head().sequence == 1


def test_open_batch_holds_nobody_up(ledger: StrategyLedger) -> None:
    """The body holds no lock: another thread commits meanwhile, and the batch is decided again behind it."""
    finished = threading.Event()

    def command() -> None:
        ledger.record_order("OTHER", limit_order())
        finished.set()

    with ledger.batch() as batch:
        batch.record_order("O1", limit_order())
        thread = threading.Thread(target=command)
        thread.start()
        assert finished.wait(30)
        thread.join()
        batch.record_order("O2", limit_order())
    assert [order.order_id for order in ledger.find_orders()] == ["OTHER", "O1", "O2"]


def test_command_beside_the_batch_within_its_block_is_its_own(ledger: StrategyLedger) -> None:
    """A command on the ledger itself is committed at once, also if the batch is then discarded."""

    def work(batch: Batch) -> None:
        batch.record_order("O1", limit_order())
        ledger.record_order("O2", limit_order())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_batch(ledger, work)
    assert [order.order_id for order in ledger.find_orders()] == ["O2"]


def test_two_batches_of_one_ledger_are_written_one_behind_the_other(ledger: StrategyLedger) -> None:
    """The second to be left is decided again on what the first wrote."""
    with ledger.batch() as outer:
        outer.record_order("O1", limit_order())
        with ledger.batch() as inner:
            inner.record_order("O2", limit_order())
    assert [order.order_id for order in ledger.find_orders()] == ["O2", "O1"]
    assert [entry.sequence for entry in ledger.read_journal()] == [1, 2]


def test_batch_takes_so_many_commands_and_no_more(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held in memory; what it took before is written all the same."""
    monkeypatch.setattr("ledger_core.batch.BATCH_SIZE_MAX", 2)
    with ledger.batch() as batch:
        for order_id in ("O1", "O2"):
            batch.record_order(order_id, limit_order())
        with pytest.raises(BatchUsage, match="at most 2 commands"):
            batch.record_order("O3", limit_order())
    assert [order.order_id for order in ledger.find_orders()] == ["O1", "O2"]


@pytest.mark.parametrize("is_overtaken", [False, True])
def test_error_of_a_command_is_a_conflict_where_another_came_in_between(
    ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch, is_overtaken: bool
) -> None:
    """By this ledger itself, too: what the command was decided on is of two moments then."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    def work(batch: Batch) -> None:
        batch.record_order("O1", limit_order())
        if is_overtaken:
            ledger.record_order("O2", limit_order())
        monkeypatch.setattr(ledger._writer, "decide_at", fail)
        batch.record_order("O3", limit_order())

    with pytest.raises(BatchConflict if is_overtaken else ZeroDivisionError):
        in_batch(ledger, work)
    assert [order.order_id for order in ledger.find_orders()] == ["O2"][: int(is_overtaken)]
