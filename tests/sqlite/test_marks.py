"""The marks in the lock file: what a writer that died or failed leaves to whoever writes next."""

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_core.errors import Conflict, OutcomeUnknown, StorageError, StorageFull
from ledger_core.testing.samples import entry, order
from ledger_storage_sqlite import SqliteRepository, _writer, statements
from ledger_storage_sqlite._location import Location
from ledger_storage_sqlite._locks import LockFile, WriteLock
from ledger_storage_sqlite._recovery import rewrite_wal
from sqlite.conftest import Opener
from sqlite.files import EMPTY, WAIT, append, killed_writer, open_at, order_ids
from sqlite.test_appending import IO_ERROR, Failing, sqlite_error

DURABLE = "durability=full"
# A process that dies in the middle of a write, behind its commit and before it can say that all went well.
DIES_WRITING = """
import os, pathlib, sys
from ledger_storage_sqlite import _locks
from sqlite.files import append, open_at
from ledger_core.testing.samples import order
repository = open_at(pathlib.Path(sys.argv[1]), parameters="durability=full")
_locks.WriteLock.clear = lambda lock: os.kill(os.getpid(), 9)
append(repository, order("O-9"))
"""


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether, at each rewriting of the WAL, this process had a connection open."""
    calls: list[bool] = []

    def watched(location: Location, lock: int, *, is_open_here: bool) -> None:
        calls.append(is_open_here)
        rewrite_wal(location, lock, is_open_here=is_open_here)

    monkeypatch.setattr(_writer, "rewrite_wal", watched)
    return calls


def _marks(path: Path) -> bytes:
    return path.with_name(f"{path.name}-lock").read_bytes()


def _die_writing(path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", DIES_WRITING, str(path)], check=False, timeout=WAIT)
    assert ended.returncode == -9


def test_the_mark_is_set_while_something_is_written(
    repository: SqliteRepository, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who looks during a write sees the mark, and sees none before, after, or behind a refusal."""
    seen: list[bytes] = []
    insert = repository._insert_entry

    def watched(connection: sqlite3.Connection, row: tuple[str | int | None, ...]) -> None:
        seen.append(_marks(path))
        insert(connection, row)

    monkeypatch.setattr(repository, "_insert_entry", watched)
    assert _marks(path) == b"\0\0"
    append(repository, order("O-1"))
    assert seen == [b"\1\0"]
    assert _marks(path) == b"\0\0"
    with pytest.raises(Conflict):
        repository.append([entry(EMPTY)])
    assert len(seen) == 2
    assert _marks(path) == b"\0\0"


@pytest.mark.parametrize("statement", [statements.BEGIN, "INSERT", statements.COMMIT, statements.CHECKPOINT_PASSIVE])
def test_the_mark_stays_where_the_disk_failed(
    repository: SqliteRepository, path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """An error of the disk leaves the mark until somebody has made the WAL durable and written behind it."""
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 1)
    append(repository, order("O-0"))
    Failing(repository, statement, sqlite_error(*IO_ERROR))
    if statement == statements.CHECKPOINT_PASSIVE:
        append(repository, order("O-1"))
    else:
        with pytest.raises(StorageError):
            append(repository, order("O-1"))
    assert _marks(path)[:1] == b"\1"
    append(repository, order("O-2"))
    assert _marks(path) == b"\0\1"
    assert repository.ended_uncleanly


def test_a_locked_file_leaves_no_mark(path: Path, opener: Opener) -> None:
    """Where another program only held the database, nothing is in doubt."""
    repository = opener(parameters="durability=full&busy_timeout=0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        append(repository, order("O-1"))
    other.close()
    assert _marks(path) == b"\0\0"


def test_whoever_writes_behind_a_dead_writer_makes_its_wal_durable_first(path: Path, rewritten: list[bool]) -> None:
    """A ledger that is open beside one that died has the WAL rewritten by a child process, once, and then goes on."""
    repository = open_at(path, parameters=DURABLE)
    append(repository, order("O-1"))
    assert rewritten == []
    _die_writing(path)
    assert _marks(path) == b"\1\0"
    append(repository, order("O-2"))
    append(repository, order("O-3"))
    assert rewritten == [True]
    assert order_ids(repository) == ["O-1", "O-9", "O-2", "O-3"]
    repository.close()


def test_a_mark_is_found_by_who_opens_the_file_beside_others(path: Path, rewritten: list[bool]) -> None:
    """A second ledger of a process that opens behind a dead writer does so too, although it is not alone."""
    repository = open_at(path, parameters=DURABLE)
    append(repository, order("O-1"))
    _die_writing(path)
    other = open_at(path, parameters=DURABLE)
    assert rewritten == [True]
    assert other.ended_uncleanly
    assert order_ids(other) == ["O-1", "O-9"]
    append(repository, order("O-2"))
    assert rewritten == [True]
    for opened in (repository, other):
        opened.close()


def test_a_rewriting_that_fails_writes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the WAL cannot be made durable nothing is written behind it, and the mark stays."""
    repository = open_at(path, parameters=DURABLE)
    _die_writing(path)

    def fails(location: Location, lock: int, *, is_open_here: bool) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(_writer, "rewrite_wal", fails)
        for _ in range(2):
            with pytest.raises(StorageError, match="Input/output error"):
                append(repository, order("O-2"))
    assert _marks(path) == b"\1\1"
    append(repository, order("O-2"))
    assert order_ids(repository) == ["O-9", "O-2"]
    repository.close()


def test_closing_leaves_the_wal_of_a_dead_writer_alone(path: Path, rewritten: list[bool]) -> None:
    """Closing copies no WAL that may not be durable; whoever opens the file next makes it so."""
    repository = open_at(path, parameters=DURABLE)
    append(repository, order("O-1"))
    _die_writing(path)
    wal = path.with_name(f"{path.name}-wal")
    before = wal.stat().st_size
    repository.close()
    assert wal.stat().st_size == before
    again = open_at(path, parameters=DURABLE)
    assert rewritten == [False]
    assert order_ids(again) == ["O-1", "O-9"]
    again.close()


def test_a_wal_that_is_left_over_is_an_unclean_end(path: Path) -> None:
    """A power cut takes the mark along: a WAL that nobody copied tells of it. A good end leaves none."""
    killed_writer(path)
    path.with_name(f"{path.name}-lock").unlink()
    repository = open_at(path)
    assert repository.ended_uncleanly
    repository.close()
    again = open_at(path)
    assert again.ended_uncleanly
    again.confirm_end()
    again.close()
    once_more = open_at(path)
    assert not once_more.ended_uncleanly
    once_more.close()


def test_a_commit_in_doubt_is_an_unclean_end(repository: SqliteRepository, path: Path) -> None:
    """A commit that failed in the air leaves the mark to the lookup, which opens the file anew."""
    Failing(repository, "COMMIT", sqlite_error(*IO_ERROR))
    with pytest.raises(OutcomeUnknown):
        append(repository, order("O-1"))
    assert _marks(path) == b"\1\0"
    assert repository.head() == EMPTY
    assert _marks(path) == b"\0\1"


def test_a_refused_file_is_not_marked(path: Path) -> None:
    """A file that is no ledger gets no mark: nothing of it is in doubt."""
    path.write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(StorageError):
        open_at(path)
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(StorageError, match="no ledger"):
        open_at(path)
    assert _marks(path)[:1] == b"\0"


# -- the lock file itself on a disk that fails ------------------------------------------------------------------------


def _fails(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open_here(folder: Path) -> list[str]:
    """Return the files of the folder that this process holds open."""
    held = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return sorted(name for name in held if name.startswith(str(folder)))


def test_a_mark_that_cannot_be_cleared_calls_no_commit_in_doubt(
    repository: SqliteRepository, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was committed is acknowledged, although the disk is full when the mark is to be cleared; the mark stays."""
    with monkeypatch.context() as patched:
        patched.setattr(WriteLock, "clear", _fails)
        append(repository, order("O-1"))
    assert "the next writer makes the WAL durable once more" in caplog.text
    assert _marks(path)[:1] == b"\1"
    assert order_ids(repository) == ["O-1"]


def test_a_mark_that_cannot_be_set_begins_nothing(
    repository: SqliteRepository, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its mark nothing is written; the error is typed, and the next try may succeed."""
    with monkeypatch.context() as patched:
        patched.setattr(WriteLock, "mark", _fails)
        with pytest.raises(StorageFull):
            append(repository, order("O-1"))
    assert repository.head() == EMPTY
    append(repository, order("O-2"))
    assert order_ids(repository) == ["O-2"]


def test_marks_that_cannot_be_read_are_a_storage_error(
    repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operating system's error comes out as the ledger's own."""
    monkeypatch.setattr(os, "pread", _fails)
    with pytest.raises(StorageError, match="No space left"):
        _ = repository.ended_uncleanly


@pytest.mark.parametrize("has_log", [False, True])
def test_a_folder_that_was_not_synced_is_synced_by_the_next_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch, has_log: bool
) -> None:
    """Where a new name, the file's or its log's, could not be made durable, the next opening makes up for it."""
    log = path.with_name(f"{path.name}-wal")
    with monkeypatch.context() as patched:
        patched.setattr(_writer, "sync_folder", lambda _: _fails() if log.exists() is has_log else None)
        with pytest.raises(StorageFull):
            open_at(path, parameters=DURABLE)
    assert _marks(path)[:1] == (b"\1" if has_log else b"\0")
    synced: list[Path] = []
    monkeypatch.setattr(_writer, "sync_folder", lambda location: synced.append(location.path))
    for _ in range(2):
        open_at(path, parameters=DURABLE).close()
    assert synced == [path, path]  # before there is a log, and behind it


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list what a process holds open")
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (os, "pwrite"),
        (_writer, "make_folder"),
        (_writer, "ReadConnection"),
        (_writer, "sync_folder"),
        (_writer, "connect_writer"),
    ],
)
def test_an_opening_that_fails_leaves_nothing_open(
    path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    """Wherever it fails, no descriptor and no connection is left, which would be closed later outside of every lock."""
    with monkeypatch.context() as patched:
        patched.setattr(module, name, _fails)
        with pytest.raises(StorageFull):
            open_at(path, parameters=DURABLE)
    assert _open_here(path.parent) == []
    repository = open_at(path, parameters=DURABLE)
    append(repository, order("O-1"))
    repository.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list what a process holds open")
@pytest.mark.parametrize("name", ["mark", "is_marked"])
def test_a_closing_that_fails_leaves_nothing_open(path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A disk that fails while a ledger is closed is told, and everything is closed all the same."""
    repository = open_at(path, parameters=DURABLE)
    append(repository, order("O-1"))
    with monkeypatch.context() as patched:
        patched.setattr(WriteLock, name, property(_fails) if name == "is_marked" else _fails)
        with pytest.raises(StorageFull):
            repository.close()
    assert _open_here(path.parent) == []


def test_a_claim_whose_note_cannot_be_written_is_given_up_at_close(
    opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that failed half way is not kept for ever."""
    repository, other = opener(), opener()
    with monkeypatch.context() as patched:
        patched.setattr(LockFile, "write_note", _fails)
        with pytest.raises(StorageFull):
            repository.claim("monitor")
    repository.close()
    other.claim("monitor")


def test_beside_another_writer_a_lookup_without_its_page_is_not_told(
    opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a commit in doubt nothing is answered until a page was written behind it, also where marking fails."""
    repository, other = opener(), opener()
    Failing(repository, "COMMIT", sqlite_error(*IO_ERROR))
    with pytest.raises(OutcomeUnknown):
        append(repository, order("O-1"))
    real, calls = WriteLock.mark, []

    def second_fails(lock: WriteLock) -> None:
        calls.append(1)
        if len(calls) == 2:
            _fails()
        real(lock)

    with monkeypatch.context() as patched:
        patched.setattr(WriteLock, "mark", second_fails)
        with pytest.raises(StorageFull):
            repository.head()
    assert repository.head() == other.head() == EMPTY
