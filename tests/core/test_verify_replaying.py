"""Reading a journal that cannot be trusted: walking its chain, and folding it in parts of all keys."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from ledger_core import replaying
from ledger_core.changes import GENESIS_DIGEST, Entry, Head, chain
from ledger_core.errors import StorageCorrupt
from ledger_core.findings import Difference, Finding, Report
from ledger_core.model import Checkpoint, Key, Record, RecordKind, archived_key
from ledger_core.replaying import Part, Walk, folded_records, folded_runs
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry
from ledger_core.testing.samples import NOON, STRATEGY, archived, checkpoint, entries, entry, head_after, order
from ledger_storage_memory import MemoryRepository
from support.repositories import AroundRepository

EMPTY = Head(0, GENESIS_DIGEST)
ONES, TWOS = "1" * 64, "2" * 64


class Journal(AroundRepository):
    """Orders, one born in each entry; some entries are shown otherwise, are not there, or cannot be read."""

    def __init__(self, count: int) -> None:
        """Store the entries; show them as they are."""
        super().__init__(MemoryRepository(strategy_id=STRATEGY))
        self.entries: list[Entry] = entries(EMPTY, *([order(f"O-{number}")] for number in range(1, count + 1)))
        self.inner.append(self.entries)
        self.raws = list(self.inner.read_raw(0))
        self.unreadable: set[int] = set()
        self.base: Checkpoint | None = None
        self.asked: list[tuple[int, int]] = []

    def change(self, sequence: int, **parts: Any) -> RawEntry:
        """Show parts of an entry otherwise."""
        place = next(place for place, raw in enumerate(self.raws) if raw.sequence == sequence)
        self.raws[place] = self.raws[place]._replace(**parts)
        return self.raws[place]

    def show_cut(self, through: int, left_from: int, **parts: Any) -> Checkpoint:
        """Show the journal from an entry on, with a checkpoint behind another one."""
        self.raws = [raw for raw in self.raws if raw.sequence >= left_from]
        known = {"cut_digest": self.entries[through - 1].digest, "archive_id": "J"}
        self.base = checkpoint(through, **{**known, **parts})
        return self.base

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return the checkpoint, or what is stored."""
        return self.base if kind is RecordKind.CHECKPOINT else super().load(kind, key)

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Read what is to be shown, unless an entry on the page cannot be read."""
        self.asked.append((after, limit))
        first = next((place for place, raw in enumerate(self.raws) if raw.sequence > after), len(self.raws))
        page = self.raws[first : first + limit]
        expected = {raw.sequence for raw in page} | ({after + 1} if limit == 1 else set())
        if bad := sorted(expected & self.unreadable):
            raise StorageCorrupt(f"page of {bad[0]} is torn")
        return page


def walked(journal: Journal, heads: Iterable[Head] = (), **options: Any) -> tuple[Walk, list[int], list[Difference]]:
    """Walk a journal to its end; return the walk, the entries that it came by and what it found."""
    report = Report()
    walk = Walk(journal, report, heads, base=journal.base, **options)
    passed = [raw.sequence for raw in walk]
    walk.require_heads()
    assert walk.entries == len(passed)
    return walk, passed, report.kept


# -- the chain --------------------------------------------------------------------------------------------------------


def test_walk_ends_at_the_head_of_the_journal() -> None:
    """Before the first step it is that of an empty journal; a time that is none is left out, and nothing else."""
    journal = Journal(3)
    walk = Walk(journal, Report())
    assert (walk.head, walk.head.recorded_at, walk.entries, walk.has_given_up) == (EMPTY, None, 0, False)
    walk, passed, found = walked(journal, [EMPTY, Head(2, journal.entries[1].digest)])
    assert (passed, found, walk.has_given_up) == ([1, 2, 3], [], False)
    assert (walk.head, walk.head.recorded_at) == (Head(3, journal.entries[2].digest), NOON)
    for wrong in ("yesterday", 7):
        journal.change(3, recorded_at=wrong)
        walk, _, _ = walked(journal)
        assert (walk.head, walk.head.recorded_at) == (Head(3, journal.entries[2].digest), None)


def test_gap_is_told_once_and_not_blamed_on_the_chain() -> None:
    """The first that is missing is named with the one behind the gap; what an entry there followed is not known."""
    journal = Journal(6)
    del journal.raws[2:4]
    _, passed, found = walked(journal)
    assert passed == [1, 2, 5, 6]
    assert found == [Difference(what=Finding.ENTRY_MISSING, sequence=3, expected=3, found=5)]
    journal.change(6, body=b"{}")
    assert [(one.what, one.sequence) for one in walked(journal)[2]] == [
        (Finding.ENTRY_MISSING, 3),
        (Finding.DIGEST_BROKEN, 6),
    ]
    journal = Journal(2)
    del journal.raws[0]
    assert walked(journal)[2] == [Difference(what=Finding.ENTRY_MISSING, sequence=1, expected=1, found=2)]


def test_entry_out_of_order_has_no_place() -> None:
    """It is told with what was expected there, and the walk goes on as if it were not there."""
    journal = Journal(4)
    journal.raws.insert(3, journal.raws[0])
    _, passed, found = walked(journal)
    assert passed == [1, 2, 3, 4]
    assert found == [Difference(what=Finding.ENTRY_OUT_OF_ORDER, sequence=1, expected=4, found=1)]


def test_broken_link_is_told_of_one_entry() -> None:
    """Body or digest may be the one that was changed: the entry behind follows what it always followed."""
    journal = Journal(4)
    changed = journal.change(2, body=b"{}")
    computed = chain(journal.entries[0].digest, b"{}")
    assert walked(journal)[2] == [
        Difference(what=Finding.DIGEST_BROKEN, sequence=2, expected=computed, found=changed.digest)
    ]
    for wrong in (ONES, "no digest", None):
        journal = Journal(4)
        journal.change(2, digest=wrong)
        expected = journal.entries[1].digest
        assert walked(journal)[2] == [
            Difference(what=Finding.DIGEST_BROKEN, sequence=2, expected=expected, found=wrong)
        ]


def test_chain_with_a_key_holds_with_that_key_alone() -> None:
    """Digests are HMACs of what an entry follows and its body."""
    journal = Journal(2)
    first = chain(GENESIS_DIGEST, journal.raws[0].body, b"the key")
    journal.change(1, digest=first)
    journal.change(2, digest=chain(first, journal.raws[1].body, b"the key"))
    assert walked(journal, key=b"the key")[2] == []
    for other in (b"another", None):
        assert [one.sequence for one in walked(journal, key=other)[2]] == [1, 2]


def test_heads_that_are_not_come_by_are_told() -> None:
    """Each of another digest with what is there, in order; those beyond the end with nothing."""
    journal = Journal(3)
    third = journal.entries[2].digest
    heads = [Head(9, TWOS), Head(3, TWOS), Head(3, third), Head(3, ONES), Head(0, ONES), Head(9, ONES), Head(8, ONES)]

    def told(sequence: int, expected: str, found: str | None) -> Difference:
        return Difference(what=Finding.HEAD_DIFFERS, sequence=sequence, field="digest", expected=expected, found=found)

    assert walked(journal, heads)[2] == [
        told(0, ONES, GENESIS_DIGEST),
        told(3, ONES, third),
        told(3, TWOS, third),
        told(8, ONES, None),
        told(9, ONES, None),
        told(9, TWOS, None),
    ]


# -- a journal that was cut -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_from", [2, 3, 4, 5])
def test_what_is_left_of_a_cut_journal_leads_to_its_checkpoint(left_from: int) -> None:
    """Whether entries are left up to it or not; what was cut is asked for at the archive."""
    journal = Journal(6)
    digests = ["", *(one.digest for one in journal.entries)]
    journal.show_cut(4, left_from)
    _, passed, found = walked(journal, [Head(4, digests[4]), Head(5, digests[5])])
    assert (passed, found) == (list(range(left_from, 7)), [])
    found = walked(journal, [Head(4, TWOS), Head(1, digests[1])])[2]
    gone = "cut: archive 'J' has it"
    assert found == [
        Difference(what=Finding.HEAD_DIFFERS, sequence=4, field="digest", expected=TWOS, found=digests[4]),
        Difference(what=Finding.HEAD_DIFFERS, sequence=1, field="digest", expected=digests[1], found=gone),
    ]
    journal.show_cut(4, left_from, cut_digest=ONES)
    found = walked(journal)[2]
    assert [(one.what, one.sequence) for one in found] == [
        (Finding.HEAD_DIFFERS, 4) if left_from <= 4 else (Finding.DIGEST_BROKEN, 5)
    ]


def test_checkpoint_that_the_journal_does_not_reach_is_a_head_that_is_not_there() -> None:
    """It was not cut away: no archive is said to have it."""
    journal = Journal(3)
    journal.show_cut(3, 2)
    journal.raws.pop()
    (found,) = walked(journal)[2]
    assert (found.what, found.sequence, found.found) == (Finding.HEAD_DIFFERS, 3, None)


def test_gap_behind_a_cut_is_told() -> None:
    """The journal has to go on where it was cut, and behind that has no gap either."""
    journal = Journal(7)
    journal.show_cut(2, 5)
    assert walked(journal)[2] == [Difference(what=Finding.ENTRY_MISSING, sequence=3, expected=3, found=5)]
    journal = Journal(7)
    journal.show_cut(2, 3)
    del journal.raws[2]
    assert walked(journal)[2] == [Difference(what=Finding.ENTRY_MISSING, sequence=5, expected=5, found=6)]


def test_first_entry_behind_a_cut_that_cannot_be_read_is_named() -> None:
    """Not the first of all, which was cut; a later one is named by its own place, too."""
    journal = Journal(6)
    journal.show_cut(3, 4)
    journal.unreadable = {1, 4}  # a page of one from the beginning is that of the first entry left
    _, passed, found = walked(journal)
    assert ([one.sequence for one in found], passed) == ([4], [5, 6])
    journal.unreadable = {5}
    _, passed, found = walked(journal)
    assert ([one.sequence for one in found], passed) == ([5], [4, 6])


# -- what cannot be read ----------------------------------------------------------------------------------------------


def test_entries_are_read_one_by_one_up_to_what_cannot_be_read() -> None:
    """Behind it whole pages are read again; the place is told with the reason, and is no gap."""
    journal = Journal(6)
    journal.unreadable = {3}
    walk, passed, found = walked(journal)
    assert passed == [1, 2, 4, 5, 6]
    assert found == [Difference(what=Finding.ENTRY_UNREADABLE, sequence=3, found="page of 3 is torn")]
    whole = PAGE_SIZE_MAX
    assert journal.asked == [(0, whole), (0, 1), (1, 1), (2, 1), (3, whole), (6, whole)]
    assert not walk.has_given_up


def test_gap_that_goes_on_behind_what_cannot_be_read_is_told() -> None:
    """An entry that cannot be read explains its own absence, and that of no other."""
    journal = Journal(5)
    journal.unreadable = {2}
    journal.raws = [raw for raw in journal.raws if raw.sequence not in (2, 3)]
    journal.raws.insert(1, journal.raws[0]._replace(sequence=2))
    _, passed, found = walked(journal)
    assert passed == [1, 4, 5]
    assert [(one.what, one.sequence, one.found) for one in found] == [
        (Finding.ENTRY_UNREADABLE, 2, "page of 2 is torn"),
        (Finding.ENTRY_MISSING, 2, 4),
    ]


def test_only_places_in_a_row_make_a_walk_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that can be read between them begins the count anew."""
    monkeypatch.setattr(replaying, "SKIPS_MAX", 2)
    journal = Journal(8)
    journal.unreadable = {1, 3, 5}
    walk, passed, found = walked(journal)
    assert (passed, [one.sequence for one in found], walk.has_given_up) == ([2, 4, 6, 7, 8], [1, 3, 5], False)
    journal.unreadable = {3, 4}
    walk, passed, found = walked(journal)
    assert (passed, [one.sequence for one in found], walk.has_given_up) == ([1, 2], [3, 4], True)


def test_store_that_leads_back_is_walked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged index may show the first entry again wherever it is asked: each page brings the walk one place on."""
    journal = Journal(4)

    def read_raw(after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        journal.asked.append((after, limit))
        assert len(journal.asked) < 10, "the walk does not end"
        return journal.raws[:1] if after < 4 else ()

    monkeypatch.setattr(journal, "read_raw", read_raw)
    _, passed, found = walked(journal)
    assert passed == [1]
    assert {one.what for one in found} == {Finding.ENTRY_OUT_OF_ORDER}
    assert [after for after, _ in journal.asked] == [0, 1, 2, 3, 4]


# -- parts ------------------------------------------------------------------------------------------------------------


NAMES: Sequence[tuple[RecordKind, Key]] = [
    *((RecordKind.ORDER, (f"O-{number}",)) for number in range(40)),
    *((RecordKind.TRADE, (f"O-{number}",)) for number in range(40)),
    *((RecordKind.POSITION, ("ACME", "", f"account-{number}", "NET")) for number in range(40)),
    (RecordKind.ORDER, ("\ud800 is no text of any encoding",)),
    (RecordKind.ARCHIVED, ("POSITION", '["ACME"]')),
    (RecordKind.ARCHIVED, ("ORDER", "no key")),
    (RecordKind.ARCHIVED, ("NOTHING", "at all")),
]


def test_every_key_is_of_one_part() -> None:
    """The whole is one part; a part of twice as many is within one of these, and each has some of every kind."""
    assert all(Part().covers(*name) for name in NAMES)
    for count in (2, 4, 8):
        for name in NAMES:
            (index,) = (index for index in range(count) if Part(index, count).covers(*name))
            assert Part(index % (count // 2), count // 2).covers(*name)
    for kind in (RecordKind.ORDER, RecordKind.TRADE, RecordKind.POSITION):
        for index in range(4):
            assert any(Part(index, 4).covers(*name) for name in NAMES if name[0] is kind)


def test_what_belongs_to_an_order_is_of_one_part() -> None:
    """Its requests and fills, and what stands for any of these in an archive; a trade's stand-in goes with the trade."""
    for number in range(16):
        order_id = f"O-{number}"
        of_order: list[tuple[RecordKind, Key]] = [
            (RecordKind.ORDER, (order_id,)),
            (RecordKind.FILL, (order_id, "F-1")),
            (RecordKind.REQUEST, (order_id, "R-1")),
        ]
        for together in (of_order, [(RecordKind.TRADE, (order_id,))]):
            names = [*together, *((RecordKind.ARCHIVED, archived_key(*name)) for name in together)]
            parts = {index for index in range(16) for name in names if Part(index, 16).covers(*name)}
            assert len(parts) == 1


def sizes(journal: Journal, **options: Any) -> list[int]:
    """Return how many records each pass holds, after looking that each record is in one of them."""
    runs = [[one.key for one in run] for run in folded_runs(journal, **options)]
    keys = [key for run in runs for key in run]
    assert len(keys) == len(set(keys))
    return [len(run) for run in runs]


def test_passes_are_as_many_as_what_is_held_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for as many records as may be held, twice as many as often as it must for more, up to a bound."""
    journal = Journal(12)
    monkeypatch.setattr(replaying, "HELD_MAX", 12)
    assert sizes(journal) == [12]
    monkeypatch.setattr(replaying, "HELD_MAX", 11)
    halves = sizes(journal)
    assert (len(halves), sum(halves)) == (2, 12)
    monkeypatch.setattr(replaying, "HELD_MAX", 1)
    assert sizes(journal)[0] <= 1
    for parts_max in (1, 2, 4):
        monkeypatch.setattr(replaying, "PARTS_MAX", parts_max)
        assert len(sizes(journal)) == parts_max
        assert sum(sizes(journal)) == 12


def test_records_are_those_up_to_an_entry() -> None:
    """What was born in it is one of them; where an entry is missing, the journal comes to no records."""
    journal = Journal(5)
    assert sizes(journal, through=3) == [3]
    del journal.raws[3]
    with pytest.raises(StorageCorrupt, match="entry 4 is missing") as caught:
        sizes(journal)
    assert caught.value.sequence == 4


# -- folding ----------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_only_from_where_it_went() -> None:
    """A change from the midst of a record's life follows no other, also where it says when the record was born."""
    journal = Journal(1)
    body = json.loads(journal.raws[0].body)
    assert "sequence" in body["changes"][0]["values"]
    body["changes"][0]["version"] = 3
    journal.change(1, body=json.dumps(body).encode())
    with pytest.raises(StorageCorrupt, match="follows no other"):
        list(folded_records(journal))


def test_what_never_was_there_may_be_said_to_have_gone() -> None:
    """Verification tells of it; folding goes on."""
    journal = Journal(1)
    body = json.loads(entry(head_after(journal.entries[0]), archived()).body)
    for said in ("sequence", "version"):
        del body["changes"][0]["values"][said]
    journal.raws.append(journal.raws[0]._replace(sequence=2, body=json.dumps(body).encode()))
    (run,) = folded_runs(journal)
    assert [(one.kind, one.key) for one in run] == [
        (RecordKind.ORDER, ("O-1",)),
        (RecordKind.ARCHIVED, ("ORDER", '["O-0"]')),
    ]
