"""An archivist's side of cutting a journal: where it may be cut, what a checkpoint is made of, and what is left of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from unittest.mock import patch

import attrs
import pytest

from ledger_core import InvalidValue, LedgerRepository, StrategyLedger, checkpoints, replaying
from ledger_core.changes import Entry, Head
from ledger_core.errors import StorageBusy, StorageCorrupt
from ledger_core.findings import Finding
from ledger_core.model import RecordKind
from ledger_core.repository import PAGE_SIZE_MAX, Query, RawEntry
from support import START, SteppingClock, Store, limit_order
from support.repositories import AroundRepository
from support.trading import at


@pytest.fixture
def ledger(store: Store) -> StrategyLedger:
    """Return a ledger with six orders, each in an entry of its own, and a second apart."""
    ledger = store.open(clock=SteppingClock())
    for number in range(1, 7):
        ledger.record_order(f"O{number}", limit_order())
    return ledger


def head_at(ledger: StrategyLedger, sequence: int) -> Head:
    """Return an entry of a journal as a head."""
    entry = next(ledger.read_journal(sequence - 1))
    return Head(entry.sequence, entry.digest, entry.recorded_at)


def recorded_at(ledger: StrategyLedger, sequence: int) -> datetime:
    """Return when an entry was recorded."""
    return next(ledger.read_journal(sequence - 1)).recorded_at


# -- where it may be cut -----------------------------------------------------------------------------------------------


def test_the_last_entry_before_a_moment_may_be_any(ledger: StrategyLedger) -> None:
    """From the first on, as long as there is no checkpoint; it is told with its time."""
    assert ledger.archivist.journal_before(START) is None
    for sequence in range(1, 6):
        found = ledger.archivist.journal_before(recorded_at(ledger, sequence + 1))
        assert found == head_at(ledger, sequence)
        assert found is not None
        assert found.recorded_at == recorded_at(ledger, sequence)
    assert ledger.archivist.journal_before(at(10**6)) == ledger.head()


@pytest.mark.parametrize("sequence", [1, 6])
def test_a_checkpoint_may_be_set_at_the_first_entry_and_at_the_last(ledger: StrategyLedger, sequence: int) -> None:
    """And the journal be cut there."""
    through = head_at(ledger, sequence)
    made = ledger.archivist.set_checkpoint("J1", through)
    assert (made.cut_sequence, made.cut_digest, made.cut_at) == (sequence, through.digest, through.recorded_at)
    assert made.archive_id == "J1"
    assert ledger.archivist.cut().first_left == sequence + 1
    assert ledger.verify().is_intact


def test_a_checkpoint_that_the_journal_was_cut_at_is_answered_again(ledger: StrategyLedger) -> None:
    """Its entry is gone, but whoever repeats a run that was stopped still gets what there is."""
    through = head_at(ledger, 4)
    made = ledger.archivist.set_checkpoint("J1", through)
    ledger.archivist.cut()
    head = ledger.head()
    assert ledger.archivist.set_checkpoint("J1", through) == made
    for other in (Head(4, "0" * 64), Head(3, through.digest)):
        with pytest.raises(InvalidValue, match=r"^through is no entry of the journal$"):
            ledger.archivist.set_checkpoint("J1", other)
    assert ledger.head() == head


def test_without_a_checkpoint_nothing_is_cut(ledger: StrategyLedger) -> None:
    """No argument is to blame: there is none."""
    with pytest.raises(InvalidValue, match=r"^there is no checkpoint to cut the journal at$") as caught:
        ledger.archivist.cut()
    assert caught.value.argument == ""
    assert next(ledger.read_journal()).sequence == 1


def test_what_is_no_head_is_told_what_is_wanted(ledger: StrategyLedger) -> None:
    """A sequence alone says nothing of what lies before it."""
    with pytest.raises(InvalidValue, match=r"^through must be a Head$"):
        ledger.archivist.set_checkpoint("J1", 3)  # type: ignore[arg-type]


# -- what a checkpoint is made of --------------------------------------------------------------------------------------


class Seen(AroundRepository):
    """A repository with something between it and whoever reads its journal."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Show everything as it is."""
        super().__init__(inner)
        self.before_read: Callable[[], object] = lambda: None
        self.before_raw: Callable[[], object] = lambda: None
        self.raw: Callable[[RawEntry], RawEntry] = lambda raw: raw

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Read, after what is to come before."""
        self.before_read()
        return super().read(after, limit, subject)

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Show the entries as they are to be seen."""
        found = [self.raw(raw) for raw in super().read_raw(after, limit)]
        self.before_raw()
        return found


@pytest.fixture
def seen(store: Store, ledger: StrategyLedger) -> Seen:
    """Return a second repository of the ledger."""
    assert ledger.head().sequence == 6
    return Seen(store.repository())


def test_a_broken_chain_is_told_with_every_difference(seen: Seen) -> None:
    """The error carries what verification found, entry by entry."""
    other = StrategyLedger(seen, clock=SteppingClock(at(100)))
    through = head_at(other, 6)
    seen.raw = lambda raw: raw._replace(body=raw.body + b" ") if raw.sequence in (2, 4) else raw
    with pytest.raises(StorageCorrupt, match="no checkpoint is made of it") as caught:
        other.archivist.set_checkpoint("J1", through)
    assert [(one.what, one.sequence) for one in caught.value.context["differences"]] == [
        (Finding.DIGEST_BROKEN, 2),
        (Finding.DIGEST_BROKEN, 4),
    ]


def test_a_checkpoint_is_made_of_the_journal_whatever_became_of_the_records(ledger: StrategyLedger) -> None:
    """A record that was changed behind the ledger's back is no part of it; rebuilding brings back what was written."""
    repository = ledger._repository
    kept: list[Any] = [one for kind in RecordKind for one in repository.find(Query(kind=kind))]
    genuine = ledger.get_order("O1")
    repository.restore([attrs.evolve(one, reason="forged") if one.key == ("O1",) else one for one in kept])
    ledger.archivist.set_checkpoint("J1", head_at(ledger, 4))
    ledger.archivist.cut()
    ledger.rebuild()
    assert ledger.get_order("O1") == genuine
    assert ledger.verify().is_intact


def test_a_checkpoint_may_have_many_pages_in_many_runs(ledger: StrategyLedger) -> None:
    """All of them count: what is read of them is every record there was."""
    with patch.object(checkpoints, "PAGE_RECORDS", 1), patch.object(replaying, "HELD_MAX", 3):
        made = ledger.archivist.set_checkpoint("J1", head_at(ledger, 6))
    assert len(made.runs) > 1
    assert max(made.runs) > 1
    assert sum(made.runs) >= 6
    ledger.archivist.cut()
    assert [one.key for one in ledger.archivist.records_at_cut(RecordKind.ORDER)] == [(f"O{n}",) for n in range(1, 7)]


def test_a_journal_that_is_cut_meanwhile_is_not_called_damaged(ledger: StrategyLedger, seen: Seen) -> None:
    """Whoever looks for a place in it, or sets a checkpoint, is told to begin again."""
    other = StrategyLedger(seen, clock=SteppingClock(at(100)))
    through = head_at(other, 3)

    def cut() -> None:
        seen.before_read = seen.before_raw = lambda: None
        ledger.archivist.set_checkpoint("J1", head_at(ledger, 6))
        ledger.archivist.cut()

    seen.before_raw = cut
    with pytest.raises(StorageBusy, match="begin again"):
        other.archivist.set_checkpoint("J2", through)
    assert ledger.verify().is_intact


def test_a_place_that_is_cut_while_it_is_looked_for_is_looked_for_again(ledger: StrategyLedger, seen: Seen) -> None:
    """The entry that comes instead of it is another one."""
    other = StrategyLedger(seen, clock=SteppingClock(at(100)))
    before = recorded_at(ledger, 4)

    def cut() -> None:
        seen.before_read = lambda: None
        ledger.archivist.set_checkpoint("J1", head_at(ledger, 6))
        ledger.archivist.cut()

    seen.before_read = cut
    with pytest.raises(StorageBusy, match="begin again"):
        other.archivist.journal_before(before)
    assert other.archivist.journal_before(at(10**6)) == ledger.head()


# -- what is left of it ------------------------------------------------------------------------------------------------


def test_the_records_that_a_journal_begins_with_are_those_of_its_cut(ledger: StrategyLedger) -> None:
    """As they were then, of the kind that is asked for; a journal that is whole begins with none."""
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    assert list(ledger.archivist.records_at_cut(RecordKind.ORDER)) == []
    then = list(ledger.find_orders())
    ledger.archivist.set_checkpoint("J1", ledger.head())
    assert list(ledger.archivist.records_at_cut(RecordKind.ORDER)) == []
    ledger.archivist.cut()
    ledger.update_order_cancellation("O1")
    ledger.record_order("O7", limit_order())
    assert list(ledger.archivist.records_at_cut(RecordKind.ORDER)) == then
    assert list(ledger.archivist.records_at_cut(RecordKind.TRADE)) == []
