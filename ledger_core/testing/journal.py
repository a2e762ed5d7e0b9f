"""Laws of the journal: entries are stored whole, in order, to the byte, once."""

from collections.abc import Sequence
from typing import Any, cast

import attrs
import pytest

from ledger_core.changes import GENESIS_DIGEST, Cursor, Entry, Head, chain
from ledger_core.codec import canonical_json
from ledger_core.errors import Conflict, InvalidValue, LedgerError
from ledger_core.model import Record, RecordKind
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, Query
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import (
    METADATA,
    TEXTS,
    change_of,
    entries,
    entry,
    every_shape,
    fill,
    head_after,
    later,
    order,
)

EMPTY = Head(0, GENESIS_DIGEST)


class JournalLaws(Setting):
    """What `head`, `read` and `append` promise of entries."""

    def test_head_of_an_empty_journal_is_zero_and_the_genesis_digest(self, open_repository: Opener) -> None:
        """An empty journal's head is (0, GENESIS_DIGEST, None), and reading it yields nothing."""
        repository = open_repository()
        assert attrs.astuple(repository.head()) == (0, GENESIS_DIGEST, None)
        assert list(repository.read(0)) == []

    def test_append_moves_the_head_to_the_last_entry(self, open_repository: Opener) -> None:
        """After an append the head has the sequence, digest and recorded_at of the last entry appended."""
        repository = open_repository()
        first = entry(EMPTY, order(), recorded_at=later(1))
        repository.append([first])
        assert attrs.astuple(repository.head()) == (1, first.digest, later(1))
        more = entries(repository.head(), [], [order("O-2")], [], recorded_at=later(2.000001))
        repository.append(more)
        assert attrs.astuple(repository.head()) == (4, more[-1].digest, later(2.000001))

    def test_append_of_nothing_changes_nothing(self, open_repository: Opener) -> None:
        """Appending no entries leaves the head where it is."""
        repository = open_repository()
        repository.append([])
        assert repository.head() == EMPTY
        first = _stored(repository, [order()])[0]
        repository.append([])
        assert repository.head() == head_after(first)

    def test_entries_are_read_back_to_the_byte(self, open_repository: Opener) -> None:
        """`read` returns every entry in order, with the same body, digest, sequence, words and times."""
        repository = open_repository()
        given = [entry(EMPTY, order())]
        for text in TEXTS:
            words: dict[str, Any] = {"subject": text, "operation": text, "command_id": text}
            words |= {"occurred_at": later(-3.5), "recorded_at": later(0.000001)}
            given.append(entry(head_after(given[-1]), order(text), **words))
        repository.append(given[:1])
        repository.append(given[1:])
        found = list(repository.read(0))
        assert found == given
        assert [read.body for read in found] == [one.body for one in given]

    @pytest.mark.parametrize("kind", RecordKind)
    def test_changes_are_read_back_as_written(self, open_repository: Opener, kind: RecordKind) -> None:
        """The changes of an entry read back equal those written, in every part, and so do their documents."""
        repository = open_repository()
        given = entry(EMPTY, *every_shape(kind))
        repository.append([given])
        read = repository.read(0)[0]
        assert read.changes == given.changes
        assert canonical_json(read.documents) == canonical_json(given.documents)

    def test_a_body_is_stored_verbatim(self, open_repository: Opener) -> None:
        """The body comes back as the bytes given, even where another encoding would mean the same."""
        repository = open_repository()
        canonical = entry(EMPTY, order(details={"metadata": METADATA[2]}))
        body = canonical.body.replace(b",", b" ,\n ").replace("é".encode(), b"\\u00e9")
        given = attrs.evolve(canonical, body=body, digest=chain(GENESIS_DIGEST, body))
        repository.append([given])
        read = repository.read(0)[0]
        assert (read.body, read.digest) == (body, given.digest)

    def test_an_entry_read_back_carries_no_records(self, open_repository: Opener) -> None:
        """Entries read back have `records == ()`: after-images are for `load` and `find`."""
        repository = open_repository()
        _stored(repository, [order(), fill()])
        assert repository.read(0)[0].records == ()

    def test_digests_chain_from_genesis_to_the_head(self, open_repository: Opener) -> None:
        """Each digest read back is sha256 over the previous digest and the body, up to the head's."""
        repository = open_repository()
        _stored(repository, [order("O-1")], [order("O-2")])
        _stored(repository, [order("O-3")])
        digest = GENESIS_DIGEST
        for read in repository.read(0):
            digest = chain(digest, read.body)
            assert read.digest == digest
        assert repository.head().digest == digest != GENESIS_DIGEST

    def test_read_returns_what_lies_above_after(self, open_repository: Opener) -> None:
        """`read(after)` returns the entries with a sequence above `after`, below the first one too, and no other."""
        repository = open_repository()
        _stored(repository, *([order(f"O-{number}")] for number in range(5)))
        assert [_sequences(repository.read(after)) for after in (-1, 0, 1, 3, 4, 5, 99)] == [
            [1, 2, 3, 4, 5],
            [1, 2, 3, 4, 5],
            [2, 3, 4, 5],
            [4, 5],
            [5],
            [],
            [],
        ]

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    def test_read_pages_through_the_journal(self, open_repository: Opener, limit: int) -> None:
        """Reading page by page, each above the last sequence seen, yields each entry once and in order."""
        repository = open_repository()
        given = _stored(repository, *([order(f"O-{number}")] for number in range(7)))
        found: list[Entry] = []
        while page := repository.read(found[-1].sequence if found else 0, limit):
            assert len(page) <= limit
            found.extend(page)
        assert found == given

    def test_read_is_bounded_by_default(self, open_repository: Opener) -> None:
        """Without a limit `read` returns at most PAGE_SIZE_MAX entries."""
        repository = open_repository()
        _stored(repository, *([] for _ in range(PAGE_SIZE_MAX + 1)))
        assert _sequences(repository.read(0)) == list(range(1, PAGE_SIZE_MAX + 1))
        assert _sequences(repository.read(PAGE_SIZE_MAX)) == [PAGE_SIZE_MAX + 1]

    @pytest.mark.parametrize("limit", [0, -1, PAGE_SIZE_MAX + 1])
    def test_read_refuses_limits_outside_a_page(self, open_repository: Opener, limit: int) -> None:
        """A limit of `read` below 1 or above PAGE_SIZE_MAX raises InvalidValue, which says so."""
        repository = open_repository()
        _stored(repository, [order()])
        with pytest.raises(InvalidValue) as refusal:
            repository.read(0, limit)
        assert (refusal.value.argument, refusal.value.value) == ("limit", limit)

    def test_read_by_subject_returns_that_subject_only(self, open_repository: Opener) -> None:
        """`read(..., subject=X)` returns the entries of subject X, in order, above `after`, by pages."""
        repository = open_repository()
        given: list[Entry] = []
        for subject in ("A", "B", None, "a", "A", "A ", "B", "A"):
            given.append(entry(head_after(given[-1]) if given else EMPTY, subject=subject))
        repository.append(given)
        assert _sequences(repository.read(0, subject="A")) == [1, 5, 8]
        assert _sequences(repository.read(1, subject="A")) == [5, 8]
        assert _sequences(repository.read(0, 2, subject="A")) == [1, 5]
        assert _sequences(repository.read(5, 2, subject="A")) == [8]
        assert _sequences(repository.read(0, subject="C")) == []

    def test_the_place_in_the_journal_is_the_compare_and_swap(self, open_repository: Opener) -> None:
        """An append whose first entry is not the next of the journal raises Conflict and stores nothing."""
        repository = open_repository()
        first = _stored(repository, [order("O-1")])[0]
        _refused(repository, [entry(EMPTY, order("O-2"))], Conflict)
        _refused(repository, [entry(Head(2, first.digest), order("O-2"))], Conflict)
        _refused(repository, entries(EMPTY, [order("O-2")], [order("O-3")]), Conflict)
        repository.append([entry(head_after(first), order("O-2"))])
        assert repository.head().sequence == 2

    def test_a_conflict_replaces_nothing(self, open_repository: Opener) -> None:
        """After a Conflict the entry and the records at the taken place are those of the first writer."""
        repository = open_repository()
        first = _stored(repository, [order("O-1", reason="mine")])[0]
        with pytest.raises(Conflict):
            repository.append([entry(EMPTY, order("O-1", reason="theirs"))])
        assert list(repository.read(0)) == [first]
        assert repository.load(RecordKind.ORDER, ("O-1",)) == first.records[0]

    def test_an_append_with_a_gap_stores_nothing(self, open_repository: Opener) -> None:
        """An append whose entries do not follow each other is refused whole, whichever of them is wrong."""
        repository = open_repository()
        one, two, three = entries(EMPTY, [order("O-1")], [order("O-2")], [order("O-3")])
        for wrong in ([one, three], [one, one], [two, one], [one, two, two], [one, three, two]):
            _refused(repository, wrong, LedgerError)
        repository.append([one, two, three])
        assert repository.head() == head_after(three)

    def test_an_append_that_fails_half_way_stores_nothing(self, open_repository: Opener) -> None:
        """An append that fails at its last record leaves head, records and cursors untouched."""
        repository = open_repository()
        repository.claim("journal-writer")
        before = _stored(repository, [order("O-1", reason="before")])[-1]
        good, bad = entries(head_after(before), [order("O-1", reason="after"), order("O-2")], [order("O-3")])
        unstorable = cast(Record, object())
        bad = attrs.evolve(bad, records=(*bad.records, unstorable))
        _refused(repository, [good, bad], Exception, cursors=[Cursor("journal-writer", 1)])
        assert repository.load(RecordKind.ORDER, ("O-1",)) == before.records[0]
        repository.append([good])
        assert repository.head() == head_after(good)
        repository.close()
        assert open_repository().claim("journal-writer").sequence == 0

    def test_what_is_returned_is_no_live_view(self, open_repository: Opener) -> None:
        """Changing a list that `read`, `find` or `strategies` returned changes nothing in the store."""
        repository = open_repository()
        given = _stored(repository, [order("O-1")], [order("O-2")])
        answers = (
            lambda: repository.read(0),
            lambda: repository.read(0, subject="S"),
            lambda: repository.find(Query(kind=RecordKind.ORDER)),
            repository.strategies,
        )
        for answer in answers:
            before = list(answer())
            returned = answer()
            if isinstance(returned, list):  # pragma: no branch  # what an adapter returns may be unchangeable
                returned.clear()
            assert list(answer()) == before
        assert repository.head() == head_after(given[-1])

    def test_what_was_read_does_not_grow(self, open_repository: Opener) -> None:
        """A page that was returned stays as it was when more is appended."""
        repository = open_repository()
        _stored(repository, [order("O-1")])
        read, found = repository.read(0), repository.find(Query(kind=RecordKind.ORDER))
        _stored(repository, [order("O-1", reason="later", version=2, sequence=1)], [order("O-2")])
        assert _sequences(read) == [1]
        assert [record.version for record in found] == [1]

    def test_what_is_given_is_not_changed(self, open_repository: Opener) -> None:
        """`append` changes neither the lists given nor what is in them, and keeps no hold on the lists."""
        repository = open_repository()
        given = entries(EMPTY, [order("O-1"), fill("F-1")], [order("O-2")])
        cursors = [Cursor("monitor", 1)]
        kept, records = list(given), [one.records for one in given]
        repository.append(given, cursors)
        assert given == kept
        assert [one.records for one in given] == records
        assert [one.changes for one in given] == [tuple(map(change_of, of_one)) for of_one in records]
        assert cursors == [Cursor("monitor", 1)]
        given.clear()
        assert list(repository.read(0)) == kept

    def test_reopening_keeps_everything(self, open_repository: Opener) -> None:
        """What was appended is there, to the byte, for whoever opens the store after a close."""
        repository = open_repository()
        given = _stored(repository, [order("O-1"), fill("F-1")], [order("O-2")])
        repository.close()
        again = open_repository()
        assert again.head() == head_after(given[-1])
        assert [read.body for read in again.read(0)] == [one.body for one in given]
        assert list(again.find(Query(kind=RecordKind.ORDER))) == [given[0].records[0], given[1].records[0]]
        assert again.load(RecordKind.FILL, ("O-1", "F-1")) == given[0].records[1]
        _stored(again, [order("O-3")])
        assert again.head().sequence == 3


def _stored(repository: LedgerRepository, *parts: Sequence[Record]) -> list[Entry]:
    """Append one entry for each sequence of records, in one append, and return the entries."""
    given = entries(repository.head(), *parts)
    repository.append(given)
    return given


def _sequences(page: Sequence[Entry]) -> list[int]:
    return [read.sequence for read in page]


def _refused(
    repository: LedgerRepository,
    given: Sequence[Entry],
    error: type[Exception],
    cursors: Sequence[Cursor] = (),
) -> None:
    """Append, expect the error, and see that journal, records and strategies are what they were."""
    before = _content(repository)
    with pytest.raises(error):
        repository.append(given, cursors)
    assert _content(repository) == before


def _content(repository: LedgerRepository) -> tuple[object, ...]:
    found = [list(repository.find(Query(kind=kind))) for kind in RecordKind]
    return repository.head(), list(repository.read(0)), found, list(repository.strategies())
