"""After a commit that failed in the air: the file is opened anew, and what fails then leaves nothing locked."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from ledger_core.errors import InvalidValue, LedgerClosed, OutcomeUnknown, StorageError
from ledger_core.testing.samples import order
from ledger_storage_sqlite import SqliteRepository, _writer, statements
from ledger_storage_sqlite._connections import ReadConnection
from ledger_storage_sqlite._locks import LockFile
from sqlite.conftest import Opener
from sqlite.files import EMPTY, append, killed_writer, open_at, order_ids
from sqlite.test_appending import IO_ERROR, Failing, sqlite_error
from sqlite.test_reading import forks


def _in_doubt(repository: SqliteRepository) -> None:
    """Let a commit fail in the air, which did not happen."""
    Failing(repository, "COMMIT", sqlite_error(*IO_ERROR))
    with pytest.raises(OutcomeUnknown):
        append(repository, order("O-1"))


def test_where_the_outcome_cannot_be_made_final_it_is_not_told(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside another writer, a lookup fails as long as the remains of the failed commit cannot be overwritten."""
    repository, other = opener(), opener()
    _in_doubt(repository)
    with monkeypatch.context() as patched:
        patched.setattr(statements, "set_user_version", lambda version: f"nonsense {version}")
        for _ in range(2):
            with pytest.raises(StorageError, match="nonsense"):
                repository.head()
        assert other.head() == EMPTY
    assert repository.head() == EMPTY
    append(repository, order("O-2"))
    assert order_ids(other) == ["O-2"]


def test_the_only_writer_may_read_though_it_cannot_write(
    repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A writer that is alone has recovered the file by opening it: it reads on, on a disk that takes no page more."""
    append(repository, order("O-0"))
    _in_doubt(repository)
    monkeypatch.setattr(statements, "set_user_version", lambda version: f"nonsense {version}")
    assert order_ids(repository) == ["O-0"]
    assert "can be read, but not written" in caplog.text


def test_an_opening_that_fails_leaves_nothing_locked(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where opening anew fails, the error is typed, others can open the file, and the next try may succeed."""
    repository = opener()
    _in_doubt(repository)

    def refuse(_location: object, _lock: int, *, is_open_here: bool) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(_writer, "rewrite_wal", refuse)
        with pytest.raises(StorageError, match="Input/output error"):
            repository.head()
    other = opener(parameters="durability=none&busy_timeout=0")
    append(other, order("O-2"))
    assert order_ids(repository) == ["O-2"]


def test_a_rollback_that_fails_closes_the_connection(
    repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that can neither commit nor roll back is not used again, and what it held is gone."""
    failing = Failing(repository, "ROLLBACK", sqlite_error(*IO_ERROR))
    monkeypatch.setattr(statements, "INSERT_ENTRY", "INSERT INTO nowhere VALUES (?, ?, ?, ?, ?, ?)")
    with pytest.raises(StorageError, match="nowhere"):
        append(repository, order("O-1"))
    monkeypatch.undo()
    with pytest.raises(sqlite3.ProgrammingError):
        failing.connection.execute("SELECT 1")
    append(repository, order("O-2"))
    assert order_ids(repository) == ["O-2"]


def test_closing_after_a_failed_commit_closes(path: Path) -> None:
    """A repository whose connection was given up can be closed, and frees what it owned."""
    repository = open_at(path)
    repository.claim("publisher")
    _in_doubt(repository)
    repository.close()
    other = open_at(path)
    other.claim("publisher")
    assert other.head() == EMPTY
    other.close()


def test_closing_does_not_wait_for_another_writer(path: Path) -> None:
    """While another process writes, closing leaves the WAL as it is; nothing is lost by that."""
    repository = open_at(path, parameters="durability=none&busy_timeout=60")
    append(repository, order("O-1"))
    lock = LockFile(path.with_name(f"{path.name}-lock"))
    lock.acquire(0)
    repository.close()
    lock.close()
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    reader = open_at(path, read_only=True)
    assert order_ids(reader) == ["O-1"]
    reader.close()


def test_a_read_that_comes_too_late_is_told(path: Path) -> None:
    """A thread that reads while another closes gets LedgerClosed, not a connection opened again; a writer too."""
    repository = open_at(path)
    reader, writer = repository._reader, repository._writer
    assert writer is not None
    repository.close()
    with pytest.raises(LedgerClosed):
        reader.fetch(statements.HEAD, ("s",))
    with pytest.raises(LedgerClosed):
        writer.write(lambda connection: None, "nothing")
    writer.close()
    killed_writer(path)
    traceless = open_at(path, read_only=True)
    reader = traceless._reader
    traceless.close()
    with pytest.raises(LedgerClosed):
        reader.fetch(statements.HEAD, ("s",))


def test_a_file_that_changes_while_it_is_opened_is_opened_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file changes between looking at it and opening it, whatever was read then does not count."""
    killed_writer(path)
    path.with_name(f"{path.name}-shm").unlink()
    unchanged = ReadConnection._is_unchanged
    looks: list[int] = []

    def changed_at_first(self: ReadConnection) -> bool:
        looks.append(1)
        return len(looks) > 2 and unchanged(self)

    monkeypatch.setattr(ReadConnection, "_is_unchanged", changed_at_first)
    with monkeypatch.context() as patched:
        patched.setattr("ledger_storage_sqlite.schema.require_current", _nonsense_once())
        reader = open_at(path, read_only=True)
    assert order_ids(reader) == ["O-1", "O-2", "O-3"]
    reader.close()
    monkeypatch.setattr(ReadConnection, "_is_unchanged", lambda self: False)
    with pytest.raises(StorageError, match="again and again"):
        open_at(path, read_only=True)


def _nonsense_once() -> object:
    calls: list[int] = []

    def require_current(version: int) -> None:
        calls.append(version)
        if len(calls) == 1:
            raise sqlite3.DatabaseError("half of this page, half of that")

    return require_current


@forks
def test_a_forked_child_removes_no_copy(path: Path) -> None:
    """The copy that a reader works on is its own process's to remove, not a child's."""
    killed_writer(path)
    path.with_name(f"{path.name}-shm").unlink()
    reader = open_at(path, read_only=True)
    child = os.fork()
    if child == 0:
        reader.close()
        del reader
        os._exit(0)
    os.waitpid(child, 0)
    assert order_ids(reader) == ["O-1", "O-2", "O-3"]
    reader.close()


def test_numbers_beyond_sqlite_are_refused(repository: SqliteRepository) -> None:
    """A place that no 64-bit integer can say is a caller's bug."""
    with pytest.raises(InvalidValue, match="too large"):
        repository.read(2**70)
