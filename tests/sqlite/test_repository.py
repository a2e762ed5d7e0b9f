"""The adapter itself: what its errors say of what was being done, and how much it does in one transaction."""

import errno
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest

from ledger_core.changes import Cursor
from ledger_core.errors import Conflict, InvalidValue, LedgerClosed, StorageCorrupt, StorageError
from ledger_core.model import RecordKind
from ledger_core.repository import Query
from ledger_core.testing.samples import STRATEGY, archived, change_of, checkpoint, entry, later, order
from ledger_storage_sqlite import SqliteRepository, open_repository
from ledger_storage_sqlite import repository as adapter
from ledger_storage_sqlite._connections import ReadConnection
from ledger_storage_sqlite._location import parse_url
from ledger_storage_sqlite._locks import WriteLock
from ledger_storage_sqlite._writer import Writer
from sqlite.files import append, chain_of, query, raw, url_of

Call = Callable[[SqliteRepository], object]


@pytest.fixture
def cuttable(repository: SqliteRepository) -> SqliteRepository:
    """Return a repository with five entries, of which three may go, and pages of checkpoints that were given up."""
    repository.append(chain_of(5))
    append(repository, checkpoint(3, stage="kept"))
    repository.stage("kept", [])
    repository.stage("given up", [b"page"] * 5)
    return repository


def test_whoever_does_not_say_otherwise_may_write(path: Path) -> None:
    """A file is opened for writing, by its URL as by its location."""
    for opened in (
        open_repository(url_of(path), strategy_id=STRATEGY),
        SqliteRepository(parse_url(url_of(path)), strategy_id=STRATEGY),
    ):
        append(opened)
        opened.close()


def test_a_place_that_cannot_be_looked_at_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a file is opened its folder is looked at, which may fail as well."""
    monkeypatch.setattr(adapter, "require_usable", _fail)
    with pytest.raises(StorageError) as caught:
        open_repository(url_of(path), strategy_id=STRATEGY)
    assert caught.value.message == f"cannot open {path}: the disk"


def _staged(repository: SqliteRepository) -> None:
    repository.stage("1", [b"page"])


@pytest.mark.parametrize(
    ("call", "number", "sentence"),
    [
        (append, 1, "append to {}"),
        (lambda repository: repository.append([], [Cursor("bot", 1)]), 1, "append to {}"),
        (lambda repository: repository.claim("bot"), 1, "store the cursor of 'bot' in {}"),
        (lambda repository: repository.restore([]), 1, "restore the records of {}"),
        (_staged, 1, "keep a checkpoint in {}"),
        (_staged, 2, "keep a checkpoint in {}"),
        (lambda repository: repository.cut(3), 1, "cut the journal of {}"),
        (lambda repository: repository.cut(3), 3, "cut the journal of {}"),
    ],
)
def test_a_write_that_fails_says_what_was_being_written(
    cuttable: SqliteRepository, path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, number: int, sentence: str
) -> None:
    """The words are in the error whoever it comes from: SQLite, the disk, or a commit whose outcome is not known."""
    write, calls = Writer.write, []

    def fail(self: Writer, work: Callable[[sqlite3.Connection], None], what: str) -> None:
        calls.append(what)
        if len(calls) == number:
            raise OSError(errno.EIO, f"the disk; {what}")
        write(self, work, what)

    monkeypatch.setattr(Writer, "write", fail)
    with pytest.raises(StorageError) as caught:
        call(cuttable)
    expected = sentence.format(path)
    assert caught.value.message == f"cannot {expected}: the disk; {expected}"


def _fail(*_: object, **__: object) -> Any:
    raise OSError(errno.EIO, "the disk")


@pytest.mark.parametrize(
    ("place", "name", "call", "sentence"),
    [
        (ReadConnection, "fetch", lambda repository: repository.head(), "read {}"),
        (WriteLock, "clear_unchecked", lambda repository: repository.confirm_end(), "mark {}"),
        (Writer, "is_unchecked", lambda repository: repository.ended_uncleanly, "read the marks of {}"),
        (Writer, "close", lambda repository: repository.close(), "close {}"),
    ],
)
def test_what_fails_beside_a_write_says_so_too(
    repository: SqliteRepository,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: type,
    name: str,
    call: Call,
    sentence: str,
) -> None:
    """Reading, marking and closing are told apart."""
    with monkeypatch.context() as patched:
        patched.setattr(place, name, property(_fail) if name == "is_unchecked" else _fail)
        with pytest.raises(StorageError) as caught:
            call(repository)
    assert caught.value.message == f"cannot {sentence.format(path)}: the disk"
    repository._closed = False  # what failed to close is closed by the fixture


def test_a_claim_whose_file_cannot_be_made_says_so(repository: SqliteRepository, path: Path) -> None:
    """The folder of the claims may be gone, or full."""
    (path.parent / f"{path.name}-claims" / ".writers").unlink()
    (path.parent / f"{path.name}-claims").rmdir()
    with pytest.raises(StorageError) as caught:
        repository.claim("bot")
    assert caught.value.message == f"cannot claim 'bot' in {path}: No such file or directory"
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize("key", [(), ("O-1", "O-1"), (1,), (None,), (b"O-1",)])
def test_what_is_no_key_is_found_nowhere(repository: SqliteRepository, key: Any) -> None:
    """A key of too many parts, or of another type, is nobody's: no error, and no record."""
    append(repository, order("O-1"))
    assert repository.load(RecordKind.ORDER, key) is None
    assert repository.load(RecordKind.ORDER, ("O-1",)) is not None


@pytest.mark.parametrize(
    "call",
    [
        lambda repository: repository.read(0, 0),
        lambda repository: repository.read_raw(0, 0),
        lambda repository: repository.scan(RecordKind.ORDER, (), 0),
    ],
)
def test_a_page_of_nothing_is_refused_with_what_it_may_hold(repository: SqliteRepository, call: Call) -> None:
    """The same in every method that reads by pages."""
    with pytest.raises(InvalidValue, match="a page has 1 to 1000, not 0") as refusal:
        call(repository)
    assert (refusal.value.argument, refusal.value.value) == ("limit", 0)


def test_times_are_asked_for_as_they_are_stored(repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """In UTC, wherever the process is and whatever zone the caller's own time is in."""
    append(repository, order(placed_at=later(0)))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        for zone in (UTC, timezone(timedelta(hours=-7))):
            since, until = later(0).astimezone(zone), later(0.000001).astimezone(zone)
            assert len(repository.find(Query(kind=RecordKind.ORDER, since=since, until=until))) == 1
            assert repository.find(Query(kind=RecordKind.ORDER, until=since)) == []
            assert repository.find(Query(kind=RecordKind.ORDER, since=until)) == []
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_cut_takes_some_entries_and_some_pages_at_a_time(
    cuttable: SqliteRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no other writer waits for long; what is deleted in one transaction has a limit."""
    monkeypatch.setattr(adapter, "_ENTRIES_AT_ONCE", 2)
    monkeypatch.setattr(adapter, "_PAGES_AT_ONCE", 4)
    deleted: list[int] = []
    change, cut = SqliteRepository._change, SqliteRepository._cut_some

    def change_counted(self: SqliteRepository, *arguments: Any) -> int:
        deleted.append(change(self, *arguments))
        return deleted[-1]

    def cut_counted(self: SqliteRepository, *arguments: Any) -> int:
        deleted.append(cut(self, *arguments))
        return deleted[-1]

    monkeypatch.setattr(SqliteRepository, "_change", change_counted)
    monkeypatch.setattr(SqliteRepository, "_cut_some", cut_counted)
    assert cuttable.cut(3) == []
    assert deleted == [2, 1, 0, 4, 1, 0]
    assert [one.sequence for one in cuttable.read(0)] == [4, 5, 6]


def test_pages_are_written_some_at_a_time(repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages a checkpoint has, sixteen are written in one transaction, each under its number."""
    write, writes = Writer.write, []

    def counted(self: Writer, work: Callable[[sqlite3.Connection], None], what: str) -> None:
        writes.append(what)
        write(self, work, what)

    monkeypatch.setattr(Writer, "write", counted)
    repository.stage("1", (b"%d" % number for number in range(33)))
    assert len(writes) == 1 + 3
    assert [repository.staged("1", number) for number in (0, 16, 32, 33)] == [b"0", b"16", b"32", None]


def test_a_missing_first_entry_is_a_gap_where_nothing_was_cut(repository: SqliteRepository, path: Path) -> None:
    """A journal begins with its first entry, unless a checkpoint says otherwise."""
    repository.append(chain_of(3))
    connection = raw(path)
    connection.execute("DROP TRIGGER journal_no_delete")
    connection.execute("DELETE FROM journal WHERE sequence = 1")
    connection.close()
    with pytest.raises(StorageCorrupt) as caught:
        repository.read(0)
    assert caught.value.sequence == 1


def test_what_was_cut_is_no_gap_and_what_is_missing_behind_it_is_one(cuttable: SqliteRepository, path: Path) -> None:
    """Were it the first entry alone that was cut; an entry that nobody cut is missed wherever the journal begins."""
    cuttable.cut(1)
    assert [one.sequence for one in cuttable.read(0)] == [2, 3, 4, 5, 6]
    cuttable.cut(3)
    assert [one.sequence for one in cuttable.read(1)] == [4, 5, 6]
    connection = raw(path)
    connection.execute("DROP TRIGGER journal_no_delete")
    connection.execute("DELETE FROM journal WHERE sequence = 4")
    connection.close()
    with pytest.raises(StorageCorrupt, match=r"entry 1 of .* is missing"):
        cuttable.read(0)


def test_a_change_is_an_update_and_nothing_else(repository: SqliteRepository) -> None:
    """Of a record that was stored before, what changed is written; it is written whole only where it is not found."""
    append(repository, order("O-1"))
    changed = order("O-1", sequence=1, version=2, reason="halted")
    change = attrs.evolve(change_of(changed), values={"reason": "halted"})
    assert repository._writer is not None
    assert repository._writer._connection is not None
    executed: list[str] = []
    repository._writer._connection.set_trace_callback(executed.append)
    repository.append([entry(repository.head(), changed, changes=[change])])
    repository._writer._connection.set_trace_callback(None)
    written = [one.partition(" ")[0] for one in executed if " orders " in one.partition("(")[0]]
    assert written == ["UPDATE"]
    assert repository.load(RecordKind.ORDER, ("O-1",)) == changed


def test_an_entry_that_cannot_be_written_as_a_row_says_so(
    repository: SqliteRepository, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made before the transaction begins, and fails in the same words."""
    monkeypatch.setattr(adapter, "shortened", _fail)
    with pytest.raises(StorageError) as caught:
        append(repository)
    assert caught.value.message == f"cannot append to {path}: the disk"


def test_a_closed_repository_answers_no_question(repository: SqliteRepository) -> None:
    """Not even one that could be answered without the file."""
    repository.close()
    with pytest.raises(LedgerClosed):
        repository.load(RecordKind.ORDER, ())
    with pytest.raises(LedgerClosed):
        repository.find(Query(kind=RecordKind.ORDER, after=()))


def test_a_row_that_is_refused_at_its_own_place_is_no_conflict(repository: SqliteRepository, path: Path) -> None:
    """A conflict is tried again; what a trigger of somebody refuses would be refused again."""
    connection = raw(path)
    connection.execute("CREATE TRIGGER closed BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'closed'); END")
    connection.close()
    with pytest.raises(StorageError, match="closed") as caught:
        append(repository)
    assert not isinstance(caught.value, Conflict)
    with pytest.raises(Conflict) as beyond:
        repository.append(chain_of(2)[1:])
    assert beyond.value.head == 0


def test_what_a_child_process_inherits_answers_nothing_and_closes_nothing(repository: SqliteRepository) -> None:
    """What is open belongs to the parent: closing it in the child would drop the parent's locks."""
    repository.abandon()
    with pytest.raises(StorageError, match="opened before fork"):
        repository.head()
    repository.close()
    repository._is_inherited = False
    append(repository)
    repository.close()
    with pytest.raises(LedgerClosed):
        repository.head()


def test_what_is_archived_takes_the_venue_s_ids_along(repository: SqliteRepository, path: Path) -> None:
    """Those of the order that goes; another order's stay, and so do those of another strategy."""
    append(repository, order("O-0", venue_order_ids=("V-1",)), order("O-1", venue_order_ids=("V-1",)))
    append(repository, archived())
    assert query(path, "SELECT strategy_id, venue_order_id, order_id FROM venue_orders") == [(STRATEGY, "V-1", "O-1")]
