"""Reading what is stored without trusting it: records in the order of their births, and entries as bytes."""

from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

import pytest

from ledger_core import replaying
from ledger_core.codec import BODY_FORMAT, canonical_json
from ledger_core.errors import StorageCorrupt
from ledger_core.findings import Difference, Finding, Report
from ledger_core.model import Key, RecordKind
from ledger_core.numbers import time_text
from ledger_core.replaying import StoredStream, body_of
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry, StoredRecord
from ledger_core.testing.samples import NOON, STRATEGY
from ledger_storage_memory import MemoryRepository
from support.repositories import AroundRepository

# -- what is stored ---------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """As much of a stored record as its stream looks at."""

    sequence: int
    key: Key


class Table(AroundRepository):
    """Shows rows as its records; those of some births cannot be read."""

    def __init__(self, *births: int) -> None:
        """Show a row for each birth."""
        super().__init__(MemoryRepository(strategy_id=STRATEGY))
        self.rows = [Row(birth, (f"K{place}",)) for place, birth in enumerate(births)]
        self.unreadable: set[int] = set()
        self.asked: list[tuple[tuple[Any, ...], int]] = []

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Return the rows behind a place."""
        assert kind is RecordKind.ORDER
        self.asked.append((after, limit))
        page: list[Any] = [row for row in self.rows if (row.sequence, *row.key) > after and self._is_behind(row, after)]
        if any(row.sequence in self.unreadable for row in page[:limit]):
            raise StorageCorrupt("a torn page")
        return page[:limit]

    @staticmethod
    def _is_behind(row: Row, after: tuple[Any, ...]) -> bool:
        return len(after) != 1 or row.sequence > after[0]  # a place without a key is behind all of its birth


def streamed(table: Table) -> tuple[StoredStream, list[int], list[Difference]]:
    """Take all rows of a table; return the stream, their births and what was found."""
    report = Report()
    stream = StoredStream(table, RecordKind.ORDER, report)
    taken = [row.sequence for row in stream.take(inf)]
    assert stream.place == inf
    return stream, taken, report.kept


def test_stream_is_taken_up_to_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was born in it is taken with it; the place of the next is known, and there is none at the end."""
    monkeypatch.setattr(replaying, "PAGE_SIZE_MAX", 2)
    table = Table(1, 2, 2, 5, 7)
    stream = StoredStream(table, RecordKind.ORDER, Report())
    seen = []
    for through in (0, 2, 4, 5, 9):
        before = stream.place
        seen.append((before, [row.sequence for row in stream.take(through)]))
    assert seen == [(1, []), (1, [1, 2, 2]), (5, []), (5, [5]), (7, [7])]
    assert (stream.place, stream.kind, stream.is_unknown_at(2)) == (inf, RecordKind.ORDER, False)
    assert table.asked == [((), 2), ((2, "K1"), 2), ((5, "K3"), 2)]
    assert streamed(Table())[1:] == ([], [])


def test_births_around_records_that_cannot_be_read_are_unknown() -> None:
    """From the last that was read to the next: each such place is told once, with the reason."""
    table = Table(1, 2, 3, 4, 9, 12, 13, 14)
    table.unreadable = {3, 4, 13}
    stream, taken, found = streamed(table)
    assert taken == [1, 2, 9, 12, 14]
    assert found == [
        Difference(what=Finding.RECORD_UNREADABLE, kind=RecordKind.ORDER, sequence=last, found="a torn page")
        for last in (2, 12)
    ]
    assert [birth for birth in range(20) if stream.is_unknown_at(birth)] == [*range(2, 10), 12, 13, 14]
    whole = PAGE_SIZE_MAX
    assert table.asked[:6] == [((), whole), ((), 1), ((1, "K0"), 1), ((2, "K1"), 1), ((2,), 1), ((3,), 1)]
    assert table.asked[6:] == [
        ((5,), 1), ((9, "K4"), whole), ((9, "K4"), 1), ((12, "K5"), 1), ((12,), 1), ((13,), 1), ((14, "K7"), whole)
    ]  # fmt: skip


def test_pages_go_on_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many records may be born in one entry; a page that leads back ends the stream, told with where it was."""
    monkeypatch.setattr(replaying, "PAGE_SIZE_MAX", 2)
    assert streamed(Table(1, 2, 2, 2, 2, 3))[1:] == ([1, 2, 2, 2, 2, 3], [])
    table = Table(5, 6, 1, 2)
    pages = iter([table.rows[:2], table.rows[2:]])
    monkeypatch.setattr(table, "scan", lambda *_: next(pages))
    _, taken, found = streamed(table)
    assert taken == [5, 6, 1, 2]
    assert found == [
        Difference(what=Finding.RECORD_UNREADABLE, kind=RecordKind.ORDER, sequence=6, found="not in order")
    ]


def test_first_records_that_cannot_be_read_are_unknown_from_the_beginning() -> None:
    """Before the first record that is read, any birth may be among them."""
    table = Table(1, 2, 3)
    table.unreadable = {1}
    stream, taken, found = streamed(table)
    assert (taken, [one.sequence for one in found]) == ([2, 3], [0])
    assert [birth for birth in range(5) if stream.is_unknown_at(birth)] == [0, 1, 2]
    assert [after for after, _ in table.asked] == [(), (), (0,), (1,), (2, "K1")]


def test_stream_gives_up_ever_wider_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing behind the last record that was read is known then."""
    monkeypatch.setattr(replaying, "SKIPS_MAX", 3)
    table = Table(5, 6)
    table.unreadable = {6}
    table.rows += [Row(birth, ("X",)) for birth in range(7, 30)]
    table.unreadable |= set(range(7, 30))
    stream, taken, found = streamed(table)
    assert (taken, [one.sequence for one in found]) == ([5], [5])
    assert [after for after, limit in table.asked if limit == 1] == [(), (5, "K0"), (5,), (6,), (8,)]
    assert [stream.is_unknown_at(birth) for birth in (4, 5, 10**9)] == [False, True, True]


# -- entries as bytes -------------------------------------------------------------------------------------------------


def raw_of(body: object) -> RawEntry:
    """Return an entry with a body."""
    return RawEntry(7, time_text(NOON), None, canonical_json(body), "1" * 64)


BODY: dict[str, Any] = {
    "format": BODY_FORMAT,
    "recorded_at": time_text(NOON),
    "changes": [{"kind": "FILL", "key": ["O-1", 2], "version": 3, "values": {"reason": "x"}}],
}


def test_body_of_an_entry_has_its_changes() -> None:
    """With their kinds, their keys as text, their versions and their values, which stay JSON."""
    body, changes = body_of(raw_of(BODY))
    assert body == BODY
    assert changes == [(RecordKind.FILL, ("O-1", "2"), 3, {"reason": "x"})]


@pytest.mark.parametrize("wrong", [{"recorded_at": "yesterday"}, {"changes": None}, {"changes": [{}]}, {"format": "1"}])
def test_body_that_is_none_names_its_entry(wrong: dict[str, Any]) -> None:
    """A time that is none, changes that are none: nothing of the entry is made use of."""
    with pytest.raises(StorageCorrupt, match="entry 7 cannot be read") as caught:
        body_of(raw_of({**BODY, **wrong}))
    assert caught.value.sequence == 7
    with pytest.raises(StorageCorrupt, match=f"{BODY_FORMAT + 1} is newer than {BODY_FORMAT}"):
        body_of(raw_of({**BODY, "format": BODY_FORMAT + 1}))
