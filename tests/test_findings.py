"""Differences as they are counted and told."""

from typing import Any

import pytest

from ledger_core.changes import GENESIS_DIGEST, Head
from ledger_core.findings import DIFFERENCES_MAX, TEXT_MAX, Difference, Finding, Report, Verification
from ledger_core.model import RecordKind

ALL: dict[str, Any] = {
    "kind": RecordKind.FILL,
    "key": ("O-1", "F-1"),
    "sequence": 7,
    "field": "price",
    "expected": "1",
    "found": None,
}


@pytest.mark.parametrize(
    ("left_out", "text"),
    [
        ((), "RECORD_DIFFERS, FILL O-1 F-1, entry 7, price: expected '1', found None"),
        (("key",), "RECORD_DIFFERS, FILL, entry 7, price: expected '1', found None"),
        (("kind", "key"), "RECORD_DIFFERS, entry 7, price: expected '1', found None"),
        (("sequence",), "RECORD_DIFFERS, FILL O-1 F-1, price: expected '1', found None"),
        (("field",), "RECORD_DIFFERS, FILL O-1 F-1, entry 7: expected '1', found None"),
        (tuple(ALL), "RECORD_DIFFERS: expected None, found None"),
    ],
)
def test_a_difference_reads_as_a_sentence(left_out: tuple[str, ...], text: str) -> None:
    """Of the parts that apply."""
    parts = {name: value for name, value in ALL.items() if name not in left_out}
    assert str(Difference(what=Finding.RECORD_DIFFERS, **parts)) == text


def test_a_long_value_is_told_by_its_beginning() -> None:
    """As much of it as a line holds."""
    whole, cut = "x" * (TEXT_MAX - 2), "x" * (TEXT_MAX - 1)
    text = str(Difference(what=Finding.INDEX_DIFFERS, expected=whole, found=cut))
    assert text == f"INDEX_DIFFERS: expected '{whole}', found '{cut}…"


def test_all_differences_are_counted_and_the_first_are_kept() -> None:
    """What was counted in an earlier pass is not counted again."""
    report = Report()
    for number in range(DIFFERENCES_MAX + 2):
        report.add(Finding.ENTRY_MISSING, sequence=number, found=number + 1)
        report.is_muted = True
        report.add(Finding.ENTRY_MISSING, sequence=number)
        report.take(Difference(what=Finding.ENTRY_MISSING))
        report.is_muted = False
    assert (report.count, len(report.kept)) == (DIFFERENCES_MAX + 2, DIFFERENCES_MAX)
    assert report.kept[-1] == Difference(
        what=Finding.ENTRY_MISSING, sequence=DIFFERENCES_MAX - 1, found=DIFFERENCES_MAX
    )


def test_a_journal_is_intact_where_nothing_differs() -> None:
    """Whatever of it is shown."""
    told: dict[str, Any] = {"entries": 1, "records": 1, "head": Head(0, GENESIS_DIGEST), "differences": ()}
    assert Verification(**told, difference_count=0).is_intact
    assert not Verification(**told, difference_count=1).is_intact
