"""Somebody with full access to the file cannot change what lies before a head that was remembered elsewhere."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger_core import Finding, Head
from ledger_core.verifying import verify
from reliability.campaign import require_kept
from reliability.finished import open_at, place_files
from reliability.tampering import CAMPAIGN, original_of, put_right, rebuild_at, run
from reliability.workload import STRATEGY

pytestmark = pytest.mark.reliability


def test_whatever_is_done_up_to_a_remembered_head_is_found() -> None:
    """Programs of deleting, inserting, reordering, cutting and changing are found, however much the forger put right.

    Some of them are found by the remembered head and by nothing else: it is what a forger cannot reach.
    """
    counts = require_kept(CAMPAIGN).details
    assert counts["changed: reported"] > CAMPAIGN.quick / 2
    assert counts["changed: found by the remembered head alone"] > 0


def test_command_on_a_fill_that_was_changed_ends_with_a_typed_error() -> None:
    """22464: a fee that is said to be in the base currency, and is not there, is damage to whoever trades on."""
    assert not run(22464, 1, None).violations


def test_what_is_carried_off_is_no_ledger_of_the_other_strategy() -> None:
    """9103: a journal given to another strategy, and put back: that strategy's is reported, ours is as it was."""
    tally = run(9103, 1, None)
    assert (dict(tally.details), tally.violations) == (
        {"changed under another name alone: silent, but for doctor or the verification of that": 1},
        (),
    )


def test_a_row_of_nobody_is_found_by_doctor() -> None:
    """20069500: a command slipped in for a strategy whose name is empty, which no ledger can be opened by."""
    tally = run(20069500, 1, None)
    assert (dict(tally.details), tally.violations) == (
        {"changed under another name alone: silent, but for doctor or the verification of that": 1},
        (),
    )


def test_a_tail_cut_off_with_its_records_is_found_by_the_remembered_head_alone(tmp_path: Path) -> None:
    """A journal cut and the records rebuilt from it are a ledger as it was a while ago: intact, but for the head."""
    path = tmp_path / "ledger.db"
    ledger, journal = original_of(1)
    place_files(path, ledger.files)
    with closing(sqlite3.connect(path)) as connection:
        (guard,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'journal_no_delete'").fetchone()
        connection.execute("DROP TRIGGER journal_no_delete")
        connection.execute("DELETE FROM journal WHERE strategy_id = ? AND sequence > 20", (STRATEGY,))
        connection.execute(guard)
        connection.commit()
    rebuild_at(path)
    with closing(open_at(path, read_only=True)) as repository:
        assert verify(repository).is_intact
        assert verify(repository, Head(20, journal[19].digest)).is_intact
        (found,) = verify(repository, ledger.head).differences
    assert (found.what, found.sequence, found.found) == (Finding.HEAD_DIFFERS, ledger.head.sequence, None)


def test_the_forger_of_the_campaign_is_a_good_one() -> None:
    """What is put right again has a chain that checks: the campaign does not win against a bungler."""
    _, journal = original_of(1)
    forged = [*journal[:5], *journal[7:]]
    put_right(forged)
    assert [row.sequence for row in forged] == list(range(1, len(journal) - 1))
    untouched = [*journal]
    put_right(untouched)
    assert untouched == original_of(1)[1]
