"""The end of a journal of a few entries: which of them are looked at, and at which one it does not hold together."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from ledger_core import StorageBusy, StorageCorrupt, StrategyLedger
from ledger_core.ending import require_sound_end
from ledger_core.model import RecordKind
from ledger_storage_memory import MemoryRepository, MemoryStore
from support import SteppingClock, limit_order
from support.endings import Doubtful, Gappy

KEY = b"k" * 16
CUT = 6


@pytest.fixture
def store() -> MemoryStore:
    """Return a store for a ledger that every test opens as it likes."""
    return MemoryStore()


def opened(store: MemoryStore, key: bytes | None = None) -> StrategyLedger:
    """Open the ledger."""
    return StrategyLedger(MemoryRepository(store, strategy_id="alpha"), clock=SteppingClock(), chain_key=key)


def ended(store: MemoryStore, *, orders: int = 8, is_cut: bool | None = None, key: bytes | None = None) -> Doubtful:
    """Return the repository of a ledger with some orders, which has a checkpoint at the sixth, and was cut there."""
    ledger = opened(store, key)
    for number in range(1, orders + 1):
        ledger.record_order(f"O{number}", limit_order())
    if is_cut is not None:
        sixth = next(ledger.read_journal(CUT - 1))
        ledger.archivist.set_checkpoint("J1", ledger.head().__class__(sixth.sequence, sixth.digest, sixth.recorded_at))
        if is_cut:
            ledger.archivist.cut()
    repository = Gappy(MemoryRepository(store, strategy_id="alpha"))
    repository.places.clear()
    return repository


def refused_at(repository: Doubtful, key: bytes | None = None) -> int:
    """Return the entry at which an end does not hold together."""
    with pytest.raises(StorageCorrupt) as corrupt:
        require_sound_end(repository, key)
    assert repository.in_doubt or not repository.ended_uncleanly
    return int(corrupt.value.sequence)


def damaged(repository: Doubtful, sequence: int, **parts: Any) -> Doubtful:
    """Show an entry otherwise than it is, or without any part not at all."""
    shown = {one.sequence: one for one in repository.inner.read_raw(0)}
    repository.shown[sequence] = shown[sequence]._replace(**parts) if parts else None
    return repository


def test_a_good_end_is_looked_at_by_its_last_entry_and_the_one_before(store: MemoryStore) -> None:
    """That is what its digest follows from."""
    repository = ended(store)
    repository.in_doubt = False
    require_sound_end(repository)
    assert repository.places == [(6, 1), (7, 1)]
    damaged(repository, 8, digest="0" * 64)
    assert refused_at(repository) == 8
    repository.shown.clear()
    damaged(damaged(repository, 6, body=b"{}"), 7, body=b"{}")
    require_sound_end(repository)
    damaged(repository, 7, digest="no digest")
    assert refused_at(repository) == 8


def test_a_first_entry_follows_from_nothing(store: MemoryStore) -> None:
    """There is none before it to be read."""
    repository = ended(store, orders=1)
    repository.in_doubt = False
    require_sound_end(repository)
    assert repository.places == [(0, 1)]
    assert refused_at(damaged(repository, 1, digest="0" * 64)) == 1


@pytest.mark.parametrize("page", [1, 2, 3, 8])
def test_a_doubtful_end_is_looked_through_page_by_page(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """As many of the last entries as are looked at, and what the first of them follows from."""
    monkeypatch.setattr("ledger_core.ending.ENTRIES_CHECKED", 5)
    monkeypatch.setattr("ledger_core.ending.PAGE_SIZE_MAX", page)
    repository = ended(store)
    require_sound_end(repository)
    read = [(3 + start, min(page, 5 - start)) for start in range(0, 5, page)]
    assert repository.places == [(2, 1), *read]
    assert not repository.in_doubt
    for sequence in (4, 6, 8):
        repository.in_doubt = True
        assert refused_at(damaged(repository, sequence, digest="0" * 64)) == sequence
        repository.shown.clear()
    repository.in_doubt = True
    require_sound_end(damaged(damaged(repository, 1), 2, body=b"{}"))


def test_a_doubtful_end_is_made_with_its_key(store: MemoryStore) -> None:
    """Without it, or with another, the first entry that is looked at does not fit."""
    repository = ended(store, key=KEY)
    for wrong in (None, b"l" * 16):
        assert refused_at(repository, wrong) == 1
    require_sound_end(repository, KEY)


@pytest.mark.parametrize("checked", [2, 3, 4, 9])
def test_a_journal_that_was_cut_begins_behind_its_checkpoint(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, checked: int
) -> None:
    """Its first entry follows from the one that the checkpoint stands for, however far back is looked."""
    monkeypatch.setattr("ledger_core.ending.ENTRIES_CHECKED", checked)
    repository = ended(store, is_cut=True)
    assert [entry.sequence for entry in repository.inner.read_raw(0)] == [7, 8, 9]
    require_sound_end(repository)
    looked_at = {2: [(6, 1), (7, 2)], 3: [(5, 1), (0, 1), (0, 1), (6, 3)], 4: [(4, 1), (0, 1), (0, 1), (6, 3)]}
    assert repository.places == looked_at.get(checked, [(0, 1), (0, 1), (6, 3)])
    repository.in_doubt = True
    assert refused_at(damaged(repository, 8, digest="0" * 64)) in (8, 9)
    repository.shown.clear()
    if checked > 2:
        assert refused_at(damaged(repository, 7, digest="0" * 64)) == 7
    repository.shown.clear()
    assert refused_at(damaged(repository, 8)) == 8


def test_a_journal_that_is_being_cut_begins_with_what_is_left(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first entry on it holds together, which is not asked what it follows from."""
    repository = ended(store, is_cut=False)
    damaged(damaged(repository, 1), 2, body=b"{}")
    require_sound_end(repository)
    repository.in_doubt = True
    assert refused_at(damaged(repository, 3, body=b"{}")) == 3
    for sequence in range(1, CUT):
        damaged(repository, sequence)
    require_sound_end(damaged(repository, CUT, body=b"{}"))
    repository.in_doubt = True
    assert refused_at(damaged(repository, CUT, digest="0" * 64)) == CUT + 1
    monkeypatch.setattr("ledger_core.ending.ENTRIES_CHECKED", 2)
    assert refused_at(damaged(repository, 7)) == 7


def test_a_journal_without_a_checkpoint_begins_at_its_beginning(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing there is missing."""
    monkeypatch.setattr("ledger_core.ending.ENTRIES_CHECKED", 5)
    repository = ended(store)
    assert refused_at(damaged(repository, 3)) == 3


def torn(repository: Doubtful, number: int, change: Callable[[Any], Any]) -> None:
    """Show an order otherwise than it is."""
    key = (f"O{number}",)
    repository.records[RecordKind.ORDER, key] = change(repository.inner.load(RecordKind.ORDER, key))


def test_a_record_that_says_more_than_the_journal_is_torn(store: MemoryStore) -> None:
    """Nobody wrote meanwhile: it cannot know what no entry told."""
    repository = ended(store)
    torn(repository, 8, lambda order: attrs.evolve(order, version=order.version + 1, reason="later"))
    assert refused_at(repository) == 8


def test_records_behind_one_that_moved_on_are_looked_at(store: MemoryStore) -> None:
    """Of one that a later entry changed nothing is known; that says nothing of the next."""
    repository = ended(store)
    head = repository.inner.head()
    with opened(store) as other:
        other.update_order_cancellation("O1")
        torn(repository, 3, lambda order: attrs.evolve(order, version=0))
        repository.heads = [head, other.head(), head]
        assert refused_at(repository) == 3
    repository.records.clear()
    repository.heads = [head, repository.inner.head()]
    require_sound_end(repository)


def test_records_behind_one_that_is_archived_are_looked_at(store: MemoryStore) -> None:
    """What went to an archive is not stored, and that is as it should be."""
    repository = ended(store)
    ledger = opened(store)
    ledger.update_order_cancellation("O1")
    groups = list(ledger.archivist.archivable(ledger.get_order("O8").placed_at))
    assert [refusal for _, refusal in ledger.archivist.let_go("A1", groups)] == [None]
    require_sound_end(repository)
    repository.in_doubt = True
    torn(repository, 5, lambda _: None)
    assert refused_at(repository) == 5


def test_an_end_that_moves_on_for_ever_is_given_up(store: MemoryStore) -> None:
    """What was read meanwhile means nothing; as long as it does not fit, it is read again, and not for ever."""
    repository = ended(store)
    head = repository.inner.head()
    torn(repository, 8, lambda order: attrs.evolve(order, version=0))
    repository.heads = [head, attrs.evolve(head, sequence=9)] * 100
    with pytest.raises(StorageBusy):
        require_sound_end(repository)
    assert refused_at(repository) == 8
