"""Laws of the cut: what is kept for a checkpoint, and what goes of the journal behind one."""

from collections.abc import Iterator

import pytest

from ledger_core.changes import GENESIS_DIGEST, Cursor, Head
from ledger_core.errors import LedgerClosed, ReadOnlyLedger, StorageCorrupt
from ledger_core.model import RecordKind
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, Query
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import checkpoint, entries, entry, order

EMPTY = Head(0, GENESIS_DIGEST)
LARGE = bytes(range(256)) * 4_000


def _cut_at(repository: LedgerRepository, last: int, length: int) -> Head:
    """Fill a journal with so many entries, and set a checkpoint at one; return the head."""
    named = repository.strategy_id
    made = entries(EMPTY, *([order(f"O-{number}")] for number in range(1, length)), strategy_id=named)
    repository.append(made)
    repository.stage("1", [b"page"])
    at = made[last - 1]
    noted = checkpoint(last, cut_digest=at.digest, cut_at=at.recorded_at, runs=(1,))
    repository.append([entry(repository.head(), noted, strategy_id=named)])
    return repository.head()


def _left(repository: LedgerRepository) -> list[int]:
    return [raw.sequence for raw in repository.read_raw(0)]


class CuttingLaws(Setting):
    """What `stage`, `staged` and `cut` promise, and what the rest promises of a journal that was cut."""

    def test_pages_are_kept_to_the_byte(self, open_repository: Opener) -> None:
        """Each page is read by its number, empty and large ones too, by other objects too, and after reopening."""
        repository = open_repository()
        pages = [b"", b"\x00\xff", LARGE, *(str(number).encode() for number in range(100))]
        repository.stage("a stage", iter(pages))
        for reader in (repository, open_repository(read_only=True)):
            assert [reader.staged("a stage", number) for number in range(len(pages))] == pages
            for stage, number in (("a stage", len(pages)), ("a stage", -1), ("another", 0)):
                assert reader.staged(stage, number) is None
        repository.close()
        assert open_repository().staged("a stage", 2) == LARGE

    def test_pages_take_the_place_of_those_of_their_name(self, open_repository: Opener) -> None:
        """A stage that is begun again has the new pages alone; other stages and strategies keep theirs."""
        repository, neighbour = open_repository(), open_repository("other")
        neighbour.stage("1", [b"theirs"])
        repository.stage("2", [b"kept"])
        repository.stage("1", [b"a", b"b", b"c"])
        repository.stage("1", [b"d"])
        assert [repository.staged("1", number) for number in range(3)] == [b"d", None, None]
        assert (repository.staged("2", 0), neighbour.staged("1", 0)) == (b"kept", b"theirs")

    def test_pages_may_be_made_by_reading(self, open_repository: Opener) -> None:
        """The pages are taken one by one, and making them may read the repository, and write to it."""
        repository = open_repository()
        repository.append(entries(EMPTY, *([] for _ in range(40))))

        def pages() -> Iterator[bytes]:
            for raw in repository.read_raw(0):
                repository.append([entry(repository.head())])
                yield raw.body

        repository.stage("1", pages())
        assert repository.staged("1", 39) == repository.read_raw(39, 1)[0].body
        assert repository.head().sequence == 80

    def test_pages_are_no_record(self, open_repository: Opener) -> None:
        """What is staged moves no head and is found by nobody."""
        repository = open_repository()
        repository.stage("1", [b"page"])
        assert repository.head() == EMPTY
        assert list(repository.strategies()) == []
        assert not any(repository.find(Query(kind=kind)) for kind in RecordKind)

    def test_a_journal_is_cut_at_its_checkpoint(self, open_repository: Opener) -> None:
        """Entries up to it are gone, for all objects; the head, the records and what follows are as they were."""
        repository, other = open_repository(), open_repository()
        head = _cut_at(repository, 4, 7)
        records = list(repository.find(Query(kind=RecordKind.ORDER)))
        assert list(repository.cut(4)) == []
        for one in (repository, other, open_repository(read_only=True)):
            assert _left(one) == [5, 6, 7]
            assert [entry.sequence for entry in one.read(0)] == [5, 6, 7]
            assert [entry.sequence for entry in one.read(2, 2)] == [5, 6]
            assert [entry.sequence for entry in one.read(5)] == [6, 7]
            assert one.head() == head
            assert list(one.strategies()) == [one.strategy_id]
            assert list(one.find(Query(kind=RecordKind.ORDER))) == records
            assert one.staged("1", 0) == b"page"
        assert list(repository.audit()) == []
        other.append([entry(head)])
        assert _left(repository) == [5, 6, 7, 8]

    def test_nothing_goes_beyond_what_is_asked_for_or_the_checkpoint(self, open_repository: Opener) -> None:
        """However far subscribers are, `cut` removes entries up to the lower, none without a checkpoint, none twice."""
        repository = open_repository()
        repository.append(entries(EMPTY, [], []))
        assert list(repository.cut(2)) == []
        assert _left(repository) == [1, 2]
        repository = open_repository("cut")
        _cut_at(repository, 4, 7)
        repository.append([], [Cursor("ahead", 7)])
        for through, left in ((0, [1, 2]), (2, [3, 4]), (1, [3, 4]), (PAGE_SIZE_MAX, [5, 6]), (PAGE_SIZE_MAX, [5, 6])):
            assert list(repository.cut(through)) == []
            assert _left(repository)[:2] == left

    def test_a_cursor_holds_the_journal(self, open_repository: Opener) -> None:
        """Entries that a subscriber has not taken stay, also of one that was only claimed; who holds them is told."""
        repository, other = open_repository(), open_repository()
        _cut_at(repository, 5, 7)
        other.claim("slow")
        other.claim("quick")
        assert list(repository.cut(5)) == [Cursor("quick", 0), Cursor("slow", 0)]
        assert _left(repository)[0] == 1
        other.append([], [Cursor("slow", 3), Cursor("quick", 5)])
        assert list(repository.cut(5)) == [Cursor("slow", 3)]
        assert _left(repository)[0] == 4
        other.append([], [Cursor("slow", 6)])
        assert list(repository.cut(5)) == []
        assert _left(repository)[0] == 6

    def test_a_cut_without_its_pages_is_refused(self, open_repository: Opener) -> None:
        """Where a page of the checkpoint is missing nothing goes: nothing else knows what the entries came to."""
        repository = open_repository()
        _cut_at(repository, 4, 7)
        repository.stage("1", [])
        with pytest.raises(StorageCorrupt):
            repository.cut(4)
        assert _left(repository)[0] == 1

    def test_a_cut_drops_the_pages_of_other_stages(self, open_repository: Opener) -> None:
        """Pages of this strategy that no checkpoint has go with the cut; those of others stay."""
        repository, neighbour = open_repository(), open_repository("other")
        _cut_at(repository, 4, 7)
        repository.stage("begun and left", [LARGE] * 20)
        neighbour.stage("theirs", [b"theirs"])
        repository.cut(4)
        assert (repository.staged("begun and left", 0), repository.staged("begun and left", 19)) == (None, None)
        assert (repository.staged("1", 0), neighbour.staged("theirs", 0)) == (b"page", b"theirs")

    def test_a_cut_leaves_other_strategies_alone(self, open_repository: Opener) -> None:
        """Neither their journals go, nor do their cursors hold this one."""
        repository, neighbour = open_repository(), open_repository("other")
        neighbour.append(entries(EMPTY, [], [], strategy_id="other"))
        neighbour.claim("slow")
        _cut_at(repository, 4, 7)
        assert list(repository.cut(4)) == []
        assert (_left(neighbour), _left(repository)) == ([1, 2], [5, 6, 7])

    def test_a_long_journal_is_cut(self, open_repository: Opener) -> None:
        """However many entries go, exactly those go."""
        repository = open_repository()
        length = 2 * PAGE_SIZE_MAX + 3
        _cut_at(repository, length - 1, length)
        repository.cut(length - 1)
        assert _left(repository) == [length]
        assert repository.head().sequence == length

    def test_a_cut_survives_reopening(self, open_repository: Opener) -> None:
        """What was cut is gone after the store was opened again, and appends go on behind the head."""
        repository = open_repository()
        head = _cut_at(repository, 4, 7)
        repository.cut(4)
        repository.close()
        again = open_repository()
        assert (again.head(), _left(again)) == (head, [5, 6, 7])
        again.append([entry(head)])
        assert _left(again) == [5, 6, 7, 8]

    def test_who_may_not_write_cuts_nothing(self, open_repository: Opener) -> None:
        """Opened for reading, `stage` and `cut` raise ReadOnlyLedger; closed, LedgerClosed."""
        writer = open_repository()
        _cut_at(writer, 4, 7)
        reader = open_repository(read_only=True)
        with pytest.raises(ReadOnlyLedger):
            reader.stage("2", [b"page"])
        with pytest.raises(ReadOnlyLedger):
            reader.cut(4)
        assert (_left(writer)[0], writer.staged("2", 0)) == (1, None)
        reader.close()
        for call in (lambda: reader.stage("2", []), lambda: reader.staged("1", 0), lambda: reader.cut(4)):
            with pytest.raises(LedgerClosed):
                call()
