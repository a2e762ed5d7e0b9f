"""Beside writers that are always faster: what is read, decided or reloaded is of one moment, or told to be none."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable, Iterable, Sequence

import pytest

from ledger_core import (
    BatchConflict,
    Conflict,
    Head,
    LedgerRepository,
    OverfillError,
    StorageBusy,
    StorageError,
    StrategyLedger,
    UnknownOrder,
)
from ledger_core.model import Record
from ledger_core.repository import Query
from support import FaultyRepository, SteppingClock, Store, fill, limit_order, market_order
from support.repositories import AroundRepository
from support.trading import at


class Overtaken(AroundRepository):
    """A repository beside which another writer takes a step whenever something is asked for."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Be alone, until told otherwise."""
        super().__init__(inner)
        self.on_find: Callable[[], object] | None = None
        self.on_restore: Callable[[], object] | None = None
        self.after_head: Callable[[Head], object] | None = None
        self.error: Exception | None = None

    def head(self) -> Head:
        """Return the head; the other's step comes behind it."""
        found = super().head()
        if self.after_head is not None:
            self.after_head(found)
        return found

    def find(self, query: Query) -> Sequence[Record]:
        """Find, after the other's step; or fail as told."""
        if self.on_find is not None:
            self.on_find()
        if self.error is not None:
            raise self.error
        return super().find(query)

    def restore(self, records: Iterable[Record]) -> None:
        """Restore, before the other's step."""
        super().restore(records)
        if self.on_restore is not None:
            self.on_restore()


@pytest.fixture
def overtaken(store: Store) -> Overtaken:
    """Return a repository with a position in it."""
    with store.open(clock=SteppingClock()) as ledger:
        ledger.record_order("BUY", market_order("BUY", 10**6))
        ledger.update_order_fill("BUY", fill("F0", 1))
        ledger.update_order_fill("BUY", fill("F1", 1, 120))
    return Overtaken(store.repository())


def opened(repository: LedgerRepository) -> StrategyLedger:
    """Open a ledger on the repository."""
    return StrategyLedger(repository, clock=SteppingClock())


def test_figures_that_were_read_of_two_moments_are_read_again(store: Store, overtaken: Overtaken) -> None:
    """A fill of another writer between two pages is in the answer as a whole, or not at all."""
    with opened(overtaken) as ledger, store.open(clock=SteppingClock()) as other:
        steps = [2, 3]

        def step() -> None:
            if steps:
                other.update_order_fill("BUY", fill(f"F{steps.pop(0)}", 1))

        overtaken.on_find = step
        found = ledger.explain_pnl(symbol="ACME", cost_method="fifo")
        assert sum(lot.quantity for lot in found.open_lots) == ledger.get_position("ACME").quantity == 4


def test_reading_beside_writers_that_never_rest_ends(store: Store, overtaken: Overtaken) -> None:
    """After some attempts the question is given up as one to be asked again, instead of being answered of no moment."""
    with opened(overtaken) as ledger, store.open(clock=SteppingClock()) as other:
        numbers = iter(range(2, 10**6))
        overtaken.on_find = lambda: other.update_order_fill("BUY", fill(f"F{next(numbers)}", 1))
        with pytest.raises(StorageBusy, match="other writers stayed ahead of") as refused:
            ledger.explain_pnl(symbol="ACME")
        assert (refused.value.retryable, refused.value.attempts) == (True, 16)


def test_position_that_nothing_moves_any_more_has_no_lots(overtaken: Overtaken) -> None:
    """Where every fill was busted there is nothing to fold by another method either."""
    with opened(overtaken) as ledger:
        for number in (0, 1):
            ledger.bust_order_fill("BUY", f"F{number}")
        for method in ("fifo", "lifo", "average"):
            assert ledger.get_position("ACME", cost_method=method) == ledger.get_position("ACME")


def test_late_fill_behind_a_page_of_others_is_folded_with_all(store: Store) -> None:
    """A position, an order and its fills come in pages: what follows from them is that of all."""
    count = 1_003
    with store.open(clock=SteppingClock()) as ledger:
        ledger.record_order("BUY", market_order("BUY", 10**6))
        with ledger.batch() as batch:
            for number in range(count):
                batch.update_order_fill("BUY", fill(f"F{number}", 1, 100, executed_at=at(number + 10)))
    with store.open(clock=SteppingClock()) as ledger:
        ledger.update_order_fill("BUY", fill("late", 1, 100, executed_at=at(1)))
        position = ledger.get_position("ACME")
        assert (position.quantity, position.cost) == (count + 1, 100 * (count + 1))
        assert ledger.bust_order_fill("BUY", "F7").cum_quantity == count
        assert len(list(ledger.find_fills(order_id="BUY", limit=None))) == count + 1
        assert ledger.get_order_day("BUY", at(0).date()).day_cum_quantity == count


# -- rebuilding -------------------------------------------------------------------------------------------------------


def test_rebuilding_takes_in_what_others_wrote_meanwhile(store: Store, overtaken: Overtaken) -> None:
    """The records that were restored may be overtaken before they are loaded: they are loaded again."""
    with opened(overtaken) as ledger, store.open(clock=SteppingClock()) as other:
        steps = [2]

        def step(seen: Head) -> None:
            if steps and seen == ledger._writer.records.head:  # it has caught up, and will load the records now
                other.update_order_fill("BUY", fill(f"F{steps.pop()}", 1))

        overtaken.on_restore = lambda: setattr(overtaken, "after_head", step)
        ledger.rebuild()
        assert (steps, ledger.get_position("ACME").quantity) == ([], 3)
        assert ledger.verify().is_intact


def test_rebuilding_beside_writers_that_never_rest_ends(
    store: Store, overtaken: Overtaken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries are bounded: StorageBusy, retryable, and the ledger can be used once they rest."""
    monkeypatch.setattr("ledger_core.writing.ATTEMPTS_MAX", 3)
    with opened(overtaken) as ledger, store.open(clock=SteppingClock()) as other:
        numbers = iter(range(2, 10**6))

        def step(seen: Head) -> None:
            if seen == ledger._writer.records.head:
                other.update_order_fill("BUY", fill(f"F{next(numbers)}", 1))

        overtaken.on_restore = lambda: setattr(overtaken, "after_head", step)
        with pytest.raises(StorageBusy, match="stayed ahead for 3 attempts") as refused:
            ledger.rebuild()
        assert refused.value.retryable
        overtaken.after_head = None
        assert ledger.get_position("ACME").quantity == 5


def test_command_that_is_overtaken_for_ever_is_given_up(
    store: Store, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backstop behind the time limit: so many attempts, and then StorageBusy with nothing written."""
    monkeypatch.setattr("ledger_core.writing.ATTEMPTS_MAX", 4)
    repository = FaultyRepository(store.repository())
    for _ in range(4):
        repository.fail_before_storing(Conflict("somebody was first"))
    with StrategyLedger(repository, clock=clock) as ledger:
        with pytest.raises(StorageBusy, match="stayed ahead for 4 attempts") as refused:
            ledger.record_order("O1", limit_order())
        assert (refused.value.retryable, ledger.head().sequence) == (True, 0)


# -- batches ----------------------------------------------------------------------------------------------------------


def test_error_of_the_store_inside_a_batch_is_told_as_what_it_is(overtaken: Overtaken) -> None:
    """Where nobody else wrote, it is the store's own: nothing of the batch is written, and the ledger goes on."""
    with opened(overtaken) as ledger:
        head = ledger.head()
        overtaken.error = StorageError("the disk reported an error")
        with pytest.raises(StorageError, match="the disk reported an error"), ledger.batch() as batch:
            batch.update_order_fill("BUY", fill("late", 1, executed_at=at(-1)))
        overtaken.error = None
        assert ledger.head() == head
        assert ledger.update_order_fill("BUY", fill("F2", 1)).cum_quantity == 3


def test_error_inside_a_batch_that_was_overtaken_is_a_conflict(store: Store, overtaken: Overtaken) -> None:
    """On records of two moments anything may go wrong, and means nothing: the caller is told to begin again."""
    with opened(overtaken) as ledger, store.open(clock=SteppingClock()) as other:

        def fail() -> None:
            overtaken.on_find = None
            other.update_order_fill("BUY", fill("F2", 1))
            raise StorageError("what was read does not fit together")

        overtaken.on_find = fail
        nothing = "came in between; nothing of the batch was written"
        with pytest.raises(BatchConflict, match=nothing) as refused, ledger.batch() as batch:
            batch.update_order_fill("BUY", fill("late", 1, executed_at=at(-1)))
        assert isinstance(refused.value.__cause__, StorageError)
        assert ledger.get_order("BUY").cum_quantity == 3


def test_batch_that_is_decided_again_may_hold_repeats(store: Store, clock: SteppingClock) -> None:
    """A command that changes nothing has no entry, also when the batch is decided a second time."""
    repository = FaultyRepository(store.repository())
    with StrategyLedger(repository, clock=clock) as ledger, store.open(clock=clock) as other:
        ledger.record_order("O1", limit_order())
        with ledger.batch() as batch:
            batch.record_order("O1", limit_order())
            batch.update_order_acceptance("O1")
            repository.on_append = lambda: other.record_order("O2", limit_order())
        assert [entry.subject for entry in ledger.read_journal()] == ["O1", "O2", "O1"]


def test_batch_that_is_decided_again_may_hold_trades_and_adjustments(store: Store, clock: SteppingClock) -> None:
    """Their figures are what the caller was told; what another changed about a trade meanwhile is a conflict."""
    repository = FaultyRepository(store.repository())
    funding = {"kind": "FUNDING", "symbol": "ACME", "amount": 1, "currency": "USD"}
    with StrategyLedger(repository, clock=clock) as ledger, store.open(clock=clock) as other:
        ledger.record_order("O1", limit_order())
        ledger.update_order_fill("O1", fill("F1", 1))
        with ledger.batch() as batch:
            batch.create_trade("T1", ["O1"])
            batch.record_adjustment("A1", funding)
            repository.on_append = lambda: other.record_order("O2", limit_order())
        assert [entry.subject for entry in ledger.read_journal()][2:] == ["O2", "T1", "A1"]

        def tag() -> None:
            with ledger.batch() as batch:
                batch.update_trade("T1", {"tags": ["x"]})
                repository.on_append = lambda: other.update_order_fill("O1", fill("F2", 1))

        with pytest.raises(BatchConflict):
            tag()
        assert ledger.get_trade("T1").tags == ()


def test_fact_that_another_filed_meanwhile_is_filed_once(store: Store, clock: SteppingClock) -> None:
    """A discarded batch files what it had told its caller was quarantined, unless it is there by then."""
    with store.open(clock=clock) as ledger, store.open(clock=clock) as other:
        ledger.record_order("O1", limit_order())

        def fails() -> None:
            with ledger.batch() as batch:
                with pytest.raises(OverfillError):
                    batch.update_order_fill("O1", fill("F1", 11, executed_at=at(5)))
                with pytest.raises(OverfillError):
                    other.update_order_fill("O1", fill("F1", 11, executed_at=at(5)))
                raise UnknownOrder("the caller gives up", order_id="O1")

        with pytest.raises(UnknownOrder):
            fails()
        assert len(ledger.quarantined()) == 1
        assert [entry.operation for entry in ledger.read_journal()] == ["record_order", "update_order_fill"]
