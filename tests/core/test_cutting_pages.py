"""The pages of a checkpoint: what they hold, where one ends, and what is no page."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest

from ledger_core import checkpoints
from ledger_core.archived import JOURNAL
from ledger_core.checkpoints import Folded, Sum, checkpoint_of, pages_of, records_at, restored_at
from ledger_core.codec import canonical_json
from ledger_core.errors import StorageCorrupt
from ledger_core.ledger import StrategyLedger
from ledger_core.model import Checkpoint, RecordKind
from ledger_core.numbers import time_text
from ledger_core.repository import Query
from ledger_core.testing.samples import STRATEGY, later, order
from ledger_storage_memory import MemoryRepository
from support import limit_order

EARLY = time_text(later(0))


def folded(number: int) -> Folded:
    """Return a record that was born in an entry; its JSON is as long as any other's."""
    return Folded(RecordKind.ORDER, (f"O-{number}",), number, EARLY, {"reason": f"because of {number}"})


def document(one: Folded) -> bytes:
    """Return what a page says of a record."""
    return canonical_json([one.kind, one.key, one.version, one.sequence, one.recorded_at, one.values])


LENGTH = len(document(folded(1)))


@pytest.mark.parametrize(
    ("records", "size", "expected"),
    [
        (3, 1 << 20, [3, 3, 1]),
        (1_000, 2 * LENGTH, [2, 2, 2, 1]),
        (1_000, 2 * LENGTH + 1, [3, 3, 1]),
        (2, 3 * LENGTH, [2, 2, 2, 1]),
        (1_000, 1 << 20, [7]),
    ],
)
def test_a_page_ends_after_so_many_records_or_bytes(
    monkeypatch: pytest.MonkeyPatch, records: int, size: int, expected: Sequence[int]
) -> None:
    """Whichever comes first; records are in the order of their births, as JSON."""
    monkeypatch.setattr(checkpoints, "PAGE_RECORDS", records)
    monkeypatch.setattr(checkpoints, "PAGE_BYTES", size)
    pages = [zlib.decompress(page) for page in pages_of([folded(number) for number in (7, 2, 5, 1, 3, 6, 4)])]
    left = iter(range(1, 8))
    assert pages == [b"[" + b",".join(document(folded(next(left))) for _ in range(count)) + b"]" for count in expected]


def test_a_run_without_records_has_no_page() -> None:
    """Nor does it need one."""
    assert list(pages_of([])) == []


def with_runs(repository: MemoryRepository, runs: Sequence[Iterable[bytes]]) -> Checkpoint:
    """Keep runs of pages; return the checkpoint that they belong to."""
    pages = [list(run) for run in runs]
    whole = Sum()
    for run in pages:
        for page in run:
            whole.add(page)
    repository.stage("S", [page for run in pages for page in run])
    return Checkpoint(
        archive_id="J",
        cut_sequence=9,
        cut_digest="0" * 64,
        cut_at=later(0),
        stage="S",
        runs=tuple(map(len, pages)),
        digest=whole.digest,
    )


def test_runs_are_merged_in_the_order_of_births(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of one page, of several and of none, of records that were born in turn."""
    monkeypatch.setattr(checkpoints, "PAGE_RECORDS", 2)
    repository = MemoryRepository(strategy_id=STRATEGY)
    runs = [(1, 8), (2, 4, 6, 9), (), (3,), (5, 7)]
    checkpoint = with_runs(repository, [pages_of(map(folded, run)) for run in runs])
    assert checkpoint.runs == (1, 2, 0, 1, 1)
    found = list(records_at(repository, checkpoint))
    assert [one.sequence for one in found] == list(range(1, 10))
    assert [document(one) for one in found] == [document(folded(number)) for number in range(1, 10)]


def test_a_page_that_is_too_long_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes could become all the memory there is."""
    repository = MemoryRepository(strategy_id=STRATEGY)
    checkpoint = with_runs(repository, [pages_of([folded(1)])])
    monkeypatch.setattr(checkpoints, "_UNPACKED_MAX", LENGTH + 2)
    assert len(list(records_at(repository, checkpoint))) == 1
    monkeypatch.setattr(checkpoints, "_UNPACKED_MAX", LENGTH + 1)
    with pytest.raises(StorageCorrupt, match=r"page 0 .* is too long"):
        list(records_at(repository, checkpoint))


GOOD: Sequence[Any] = ("ORDER", ["O-1"], 1, 1, EARLY, {})


@pytest.mark.parametrize(("place", "wrong"), [(0, 1), (1, "O-1"), (1, [1]), (2, "1"), (3, "1"), (4, 1), (5, [])])
def test_what_is_no_record_of_a_page_is_named_as_such(place: int, wrong: object) -> None:
    """Each value by itself; a page may come from anywhere."""
    checkpoints._folded(*GOOD)
    with pytest.raises(ValueError, match="a record is none"):
        checkpoints._folded(*[*GOOD[:place], wrong, *GOOD[place + 1 :]])


def test_what_stands_for_nothing_in_an_archive_removes_nothing() -> None:
    """An order, say; and only an entry's number says that a record came back."""
    journal = MemoryRepository(strategy_id=STRATEGY)
    StrategyLedger(journal).record_order("O-1", limit_order())
    (values,) = (one["values"] for one in journal.read(0)[0].documents if one["kind"] == "ORDER")
    one = Folded(RecordKind.ORDER, ("O-1",), 3, EARLY, dict(cast(Any, values)))
    assert one.removed() is None
    for told, restored in (({}, None), ({"sequence": "2"}, None), ({"sequence": 2}, 2)):
        assert restored_at(told) == restored


def test_what_is_no_checkpoint_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a store keeps in its place."""
    repository = MemoryRepository(strategy_id=STRATEGY)
    assert checkpoint_of(repository) is None
    monkeypatch.setattr(
        repository, "load", lambda kind, key: order() if (kind, key) == ("CHECKPOINT", (JOURNAL,)) else None
    )
    assert checkpoint_of(repository) is None
    assert repository.find(Query(kind=RecordKind.CHECKPOINT)) == []
