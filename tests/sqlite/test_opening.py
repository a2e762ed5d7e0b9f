"""What opening a file for writing makes, verifies and refuses."""

import os
import re
import sqlite3
import stat
from pathlib import Path

import pytest

from ledger_core.errors import SchemaTooNew, StorageBusy, StorageCorrupt, StorageError
from ledger_core.testing.samples import order
from ledger_storage_sqlite import SqliteRepository, _connections
from ledger_storage_sqlite._connections import set_pragmas
from ledger_storage_sqlite.schema import APPLICATION_ID, SCHEMA_VERSION
from sqlite.conftest import Opener
from sqlite.files import append, contents, open_at, query, raw


def _pragma(repository: SqliteRepository, name: str) -> object:
    assert repository._writer is not None
    assert repository._writer._connection is not None
    return repository._writer._connection.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 3), ("process", 1), ("none", 0)])
def test_durability_is_what_the_url_says(opener: Opener, durability: str, synchronous: int) -> None:
    """`full` is synchronous EXTRA, `process` NORMAL, `none` OFF, in WAL mode."""
    repository = opener(parameters=f"durability={durability}")
    assert _pragma(repository, "synchronous") == synchronous
    assert _pragma(repository, "journal_mode") == "wal"


def test_without_parameters_a_commit_is_synced(opener: Opener) -> None:
    """The default is synchronous EXTRA."""
    assert _pragma(opener(parameters=""), "synchronous") == 3


def test_the_writer_is_set_up(opener: Opener) -> None:
    """The writing connection has every setting that its promises rest on."""
    repository = opener(parameters="durability=none&busy_timeout=2.5")
    expected = {
        "busy_timeout": 2500,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "wal_autocheckpoint": 0,
        "journal_size_limit": _connections.JOURNAL_SIZE_LIMIT,
        "application_id": APPLICATION_ID,
        "user_version": SCHEMA_VERSION,
        "encoding": "UTF-8",
    }
    assert {name: _pragma(repository, name) for name in expected} == expected


def test_a_setting_that_is_not_taken_is_an_error() -> None:
    """A PRAGMA that SQLite ignores, which raises nothing, is found by reading it back."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(StorageError, match="no_such_pragma"):
        set_pragmas(connection, {"no_such_pragma": 1})
    connection.execute("BEGIN")
    with pytest.raises(StorageError, match="foreign_keys"):  # a no-op inside a transaction
        set_pragmas(connection, {"foreign_keys": 1})
    connection.close()


def test_a_file_that_does_not_become_wal_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If switching to WAL silently leaves another mode, the file is not opened."""

    class Stubborn(sqlite3.Connection):
        def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:
            return super().execute(statement.replace("journal_mode = WAL", "journal_mode"), *parameters)  # type: ignore[arg-type]  # passes on what it got

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=Stubborn, **k))
    with pytest.raises(StorageError, match="reads back 'delete'"):
        open_at(path)


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SQLite without STRICT tables is refused with both versions, and no file is made."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.36.0")
    with pytest.raises(StorageError, match=r"3\.37\.0 or newer.*3\.36\.0"):
        open_at(path)
    assert list(path.parent.iterdir()) == []


def test_files_are_for_their_owner_alone(repository: SqliteRepository, path: Path) -> None:
    """The file and all that stand beside it cannot be read by others, whatever the umask allows."""
    append(repository, order())
    repository.claim("publisher")
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.rglob("*") if found.is_file()}
    assert modes.keys() >= {path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-lock"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((path.parent / f"{path.name}-claims").stat().st_mode) == 0o700


def test_an_empty_file_becomes_a_ledger(path: Path, opener: Opener) -> None:
    """A writer takes a file of zero bytes, such as mktemp makes, for a new ledger."""
    path.touch()
    append(opener(), order())
    assert opener(read_only=True).head().sequence == 1


def test_an_empty_database_becomes_a_ledger(path: Path, opener: Opener) -> None:
    """A writer takes an SQLite database without any table for a new ledger."""
    connection = raw(path)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("DROP TABLE t")
    connection.close()
    append(opener(), order())
    assert opener(read_only=True).head().sequence == 1


def _other_database(path: Path) -> None:
    connection = raw(path)
    connection.executescript("CREATE TABLE accounts (a); INSERT INTO accounts VALUES (1);")
    connection.close()


def _marked_database(path: Path) -> None:
    connection = raw(path)
    connection.execute("PRAGMA application_id = 42")
    connection.execute("PRAGMA user_version = 1")
    connection.close()


def _text(path: Path) -> None:
    path.write_text("order_id,quantity\n" * 1000)


def _truncated(path: Path) -> None:
    repository = open_at(path)
    append(repository, order())
    repository.close()
    os.truncate(path, path.stat().st_size // 2)


def _garbage_in_header(path: Path) -> None:
    repository = open_at(path)
    append(repository, order())
    repository.close()
    with path.open("r+b") as file:
        file.write(b"\xff" * 64)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_other_database, "no ledger"),
        (_marked_database, "no ledger"),
        (_text, "no SQLite database"),
        (_truncated, "damaged"),
        (_garbage_in_header, "no SQLite database"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_ledger_is_refused_and_left_alone(path: Path, spoil: object, sentence: str, read_only: bool) -> None:
    """A foreign or damaged file raises StorageCorrupt with the reason, and not one byte of it is changed."""
    assert callable(spoil)
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StorageCorrupt, match=sentence):
        open_at(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_zero_byte_file_is_no_ledger_to_a_reader(path: Path) -> None:
    """Opened for reading, a file of zero bytes is refused, and stays of zero bytes."""
    path.touch()
    before = contents(path.parent)
    with pytest.raises(StorageCorrupt, match="empty"):
        open_at(path, read_only=True)
    assert contents(path.parent) == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema_is_refused(path: Path, read_only: bool) -> None:
    """A file of a newer program raises SchemaTooNew with both versions, and is left as it was."""
    open_at(path).close()
    connection = raw(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(SchemaTooNew) as caught:
        open_at(path, read_only=read_only)
    assert (caught.value.found, caught.value.supported) == (SCHEMA_VERSION + 1, SCHEMA_VERSION)
    assert query(path, "PRAGMA user_version") == [(SCHEMA_VERSION + 1,)]


def test_a_file_left_in_the_middle_of_its_making_is_named(path: Path) -> None:
    """A rollback journal beside the file means that it is not whole: a reader says who can repair it."""
    open_at(path).close()
    journal = path.with_name(f"{path.name}-journal")
    journal.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
    with pytest.raises(StorageError, match="open it once for writing"):
        open_at(path, read_only=True)


def test_a_refused_opening_holds_no_lock(path: Path, opener: Opener) -> None:
    """After a failed opening the file's lock is free, so that the next one need not wait for it."""
    path.write_text("no database " * 100)
    for _ in range(2):
        with pytest.raises(StorageCorrupt):
            open_at(path, parameters="durability=none&busy_timeout=0")
    path.unlink()
    append(opener(parameters="durability=none&busy_timeout=0"), order())


def test_a_locked_database_is_busy_not_broken(path: Path, opener: Opener) -> None:
    """A foreign tool that holds SQLite's own lock makes a command StorageBusy, which may be retried."""
    repository = opener(parameters="durability=none&busy_timeout=0.01")
    tool = raw(path)
    tool.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageBusy) as caught:
        append(repository, order())
    assert caught.value.retryable
    tool.execute("ROLLBACK")
    tool.close()
    append(repository, order())
    assert repository.head().sequence == 1


def test_errors_name_the_file(tmp_path: Path) -> None:
    """A person who reads the error knows which file it is about."""
    path = tmp_path / "x.db"
    _text(path)
    with pytest.raises(StorageCorrupt, match=re.escape(str(path))):
        open_at(path)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("check", ["quick", "full"])
def test_a_damaged_file_is_refused_where_a_check_is_asked_for(path: Path, read_only: bool, check: str) -> None:
    """`check=` looks through the whole file first; without it, opening costs nothing that grows with the file."""
    repository = open_at(path)
    append(repository, *(order(f"O-{number}") for number in range(300)))
    repository.close()
    parameters = f"durability=none&check={check}"
    open_at(path, parameters=parameters, read_only=read_only).close()
    spoiled = bytearray(path.read_bytes())
    page = 4096 * (len(spoiled) // 4096 // 2)
    spoiled[page : page + 4096] = bytes(4096)
    path.write_bytes(spoiled)
    open_at(path, read_only=read_only).close()
    with pytest.raises(StorageCorrupt, match="is damaged: ") as caught:
        open_at(path, parameters=parameters, read_only=read_only)
    assert caught.value.context["found"]
    path.unlink()  # nothing holds it
