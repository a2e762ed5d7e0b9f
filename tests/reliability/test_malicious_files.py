"""A file that somebody made to do harm does none: it is refused, or read for what it is, and nothing in it is run."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from ledger_core import StorageCorrupt, open_ledger
from ledger_storage_sqlite import _schema_check, schema
from ledger_storage_sqlite._schema_check import DIGESTS, require_writable
from reliability import spoiling
from reliability.doors import ANSWERED, CRASHED, HUNG, REFUSED, Opened, tried
from reliability.finished import ledger_of, open_at, place_files
from reliability.malicious import CASES
from reliability.spoiling import CLOSED, FOUND, HARMLESS, READABLE, UNWRITABLE, WITH_WAL, unguarded
from reliability.workload import STRATEGY

pytestmark = pytest.mark.reliability


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Mapping[str, Opened]]:
    """Return what each door answers of the files before they are spoilt."""
    said = {ledger: tried(tmp_path_factory.mktemp("healthy"), None, ledger) for ledger in (CLOSED, WITH_WAL)}
    assert {opened.kind for doors in said.values() for opened in doors.values()} == {ANSWERED}, said
    return said


@pytest.mark.parametrize("name", CASES)
def test_a_malicious_file_does_no_harm(name: str, tmp_path: Path, healthy: Mapping[int, Mapping[str, Opened]]) -> None:
    """Through every door: no crash, no hang, no memory, nothing run, no other file touched, no wrong answer."""
    case = CASES[name]
    for door, opened in tried(tmp_path, case).items():
        assert opened.kind not in (CRASHED, HUNG), (door, opened.said)
        assert _is_right(case.outcome, door, opened, healthy[case.ledger][door]), (door, opened)


def _is_right(outcome: str, door: str, opened: Opened, before: Opened) -> bool:
    is_refused, is_as_before = opened.kind == REFUSED, opened == before
    if outcome == spoiling.REFUSED or (door == "write" and outcome in (READABLE, UNWRITABLE)):
        return is_refused
    if door == "verify" and outcome in (READABLE, UNWRITABLE, FOUND):
        return is_refused or opened.said.endswith("False)")
    if outcome in (HARMLESS, READABLE):
        return is_as_before
    return outcome == FOUND or is_as_before or is_refused


def test_the_schema_that_is_asked_for_is_the_one_that_is_made(tmp_path: Path) -> None:
    """Each version has its digests, the present one those of what the migrations make: a change of one is noticed."""
    path = tmp_path / "new.db"
    open_at(path).close()
    with closing(sqlite3.connect(path)) as connection:
        require_writable(connection, schema.SCHEMA_VERSION)
        rows = connection.execute(_schema_check.SCHEMA).fetchall()
        names = {name for kind, name, *_ in rows if kind in ("table", "view")}
    assert names - {"_sqlite_migrations"} == _schema_check.OUR_NAMES
    assert set(DIGESTS) == set(range(1, schema.SCHEMA_VERSION + 1))


def test_a_refused_schema_says_what_is_wrong(tmp_path: Path) -> None:
    """Who made the trigger for a reason of their own is told its name; what of ours is not as it was, is said to be so."""
    path = tmp_path / "ledger.db"
    for statement, sentence in (
        ("CREATE TABLE mine (a); CREATE TRIGGER my_own AFTER INSERT ON mine BEGIN SELECT 1; END", "trigger 'my_own'"),
        ("DROP TRIGGER journal_next", "a trigger on the file's tables was added, changed or removed"),
        ("DROP VIEW v_fills", "tables and views of the file are not"),
    ):
        place_files(path, ledger_of(CLOSED).files)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(statement)
        with pytest.raises(StorageCorrupt, match=sentence):
            open_ledger(path, strategy_id=STRATEGY)


def test_the_guards_that_were_dropped_and_restored_are_the_same(tmp_path: Path) -> None:
    """The schema's text is all that counts: a file that was edited and put right again opens (and is verified)."""
    path = tmp_path / "ledger.db"
    place_files(path, ledger_of(CLOSED).files)
    unguarded(path, "UPDATE cursors SET sequence = 0")
    with open_ledger(path, strategy_id=STRATEGY) as ledger:
        assert ledger.verify().is_intact
