"""What a file, a disk or an operating system rarely does: each is refused or survived by name."""

import errno
import os
import runpy
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from ledger_core import Finding, RecordKind, StorageCorrupt, StorageError, open_ledger
from ledger_core.changes import Entry
from ledger_core.testing.samples import change_of, entry, order
from ledger_storage_sqlite import SqliteRepository, _connections, _rewrite, _writer, statements
from ledger_storage_sqlite._connections import ReadConnection, keep_for_ever
from ledger_storage_sqlite._translate import translate
from sqlite.conftest import Opener
from sqlite.files import append, killed_writer, open_at, order_ids, raw, url_of
from support import SteppingClock
from support.life import live

# -- what stands beside the file --------------------------------------------------------------------------------------


def test_journal_that_names_a_further_file_is_not_rolled_back(path: Path) -> None:
    """SQLite would delete the file that is named at its end: no ledger has such a journal, and it is left alone."""
    open_at(path).close()
    journal = path.with_name(path.name + "-journal")
    journal.write_bytes(b"\0" * 512 + bytes.fromhex("d9d505f920a163d7"))
    with pytest.raises(StorageCorrupt, match="names a file to be deleted"):
        open_at(path)
    assert journal.exists()


@pytest.mark.parametrize("suffix", ["-wal", "-lock"])
def test_link_beside_the_file_is_not_followed(path: Path, suffix: str) -> None:
    """Somebody who may write to the folder could have another file written to: what is no plain file is refused."""
    other = path.with_name("other")
    other.write_bytes(b"precious")
    path.with_name(path.name + suffix).symlink_to(other)
    with pytest.raises(StorageError, match=f"{suffix} is no plain file, but a symbolic link"):
        open_at(path)
    assert other.read_bytes() == b"precious"


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_file_of_somebody_else_is_not_opened_for_writing(
    path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would open it for reading without a word: the first command would be the one that fails."""
    open_at(path).close()
    refused = path.with_name(path.name + suffix)
    access = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: place != refused and access(place, mode))  # as for no root
    with pytest.raises(StorageError, match="cannot be written by this user; open the ledger for reading instead"):
        open_at(path)
    open_at(path, read_only=True).close()


# -- the schema -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read_only", [False, True])
def test_file_in_another_encoding_is_no_ledger(path: Path, read_only: bool) -> None:
    """Text in UTF-16 would sort and compare otherwise than what was verified: refused before anything is read."""
    open_at(path).close()
    source = raw(path)
    script = "\n".join(row[0] + ";" for row in source.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    pragmas = [(name, source.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version")]
    source.close()
    other = path.with_name("utf16.db")
    copy = raw(other)
    copy.execute("PRAGMA encoding = 'UTF-16le'")
    copy.executescript(script)
    for name, value in pragmas:
        copy.execute(f"PRAGMA {name} = {value}")
    copy.close()
    with pytest.raises(StorageCorrupt, match="stores text as UTF-16le; a ledger's is UTF-8"):
        open_at(other, read_only=read_only)


def test_table_of_the_users_own_may_have_a_key(path: Path, opener: Opener) -> None:
    """The index that SQLite makes for a key has no statement of its own, and runs on no write of the ledger's."""
    open_at(path).close()
    connection = raw(path)
    connection.execute("CREATE TABLE notes (name TEXT PRIMARY KEY, said TEXT UNIQUE)")
    connection.close()
    append(opener(), order())
    assert list(opener().audit()) == []


def test_trigger_that_was_added_is_found_by_verification(path: Path) -> None:
    """It may run on the ledger's writes: a reader, which can open the file all the same, is told of it."""
    with open_ledger(url_of(path), strategy_id="alpha", clock=SteppingClock()) as ledger:
        live(ledger)
    connection = raw(path)
    connection.execute("CREATE TRIGGER thief AFTER UPDATE ON orders BEGIN SELECT 1; END")
    connection.close()
    with open_ledger(url_of(path), strategy_id="alpha", read_only=True) as ledger:
        (difference,) = ledger.verify().differences
    assert (difference.what, difference.field) == (Finding.INDEX_DIFFERS, "schema")
    assert "trigger" in str(difference.found)


def test_damaged_file_is_refused_by_its_check(repository: SqliteRepository) -> None:
    """What SQLite's own check says of a file is in the error, line by line."""
    with pytest.raises(StorageCorrupt, match="is damaged: row 1 missing; row 2 missing") as refused:
        repository._require_sound('SELECT value FROM json_each(\'["row 1 missing", "row 2 missing"]\')')
    assert refused.value.context["found"] == ("row 1 missing", "row 2 missing")


def test_message_that_is_no_text_is_told_as_damage() -> None:
    """A damaged schema may hold a name that SQLite's message quotes, and Python cannot read."""
    error = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    told = translate(error, "read x.db")
    assert isinstance(told, StorageCorrupt)
    assert "the file's schema is damaged" in told.message


# -- readers ----------------------------------------------------------------------------------------------------------


def test_copy_that_a_reader_took_is_the_parents_to_remove(path: Path, opener: Opener) -> None:
    """A forked child forgets the copy that its parent reads from, and leaves it where it is."""
    killed_writer(path)
    path.with_name(path.name + "-shm").unlink()
    repository = opener(read_only=True)
    reader = repository._reader
    finalizer = reader._remove_copy
    assert finalizer is not None
    of_parent = finalizer.peek()
    assert of_parent is not None
    copy = Path(of_parent[2][0])
    reader.abandon()  # as in the child
    assert (reader.reads_from(path), finalizer.alive, copy.exists()) == (False, False, True)
    of_parent[1](*of_parent[2])
    assert not copy.exists()


def test_repository_of_another_process_is_refused(
    repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened before fork() is not used in the child, where it would act for the parent; closing is no error."""
    with monkeypatch.context() as child:
        child.setattr(repository, "_is_inherited", True)  # as the hook of fork() sets it there
        with pytest.raises(StorageError, match=r"opened before fork\(\)"):
            repository.head()
        repository.close()
    append(repository, order())


def test_nothing_to_keep_is_nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was closed before fork() needs no keeping."""
    monkeypatch.setattr(_connections, "_kept", [])
    keep_for_ever(None)
    assert _connections._kept == []


def test_error_of_a_file_that_changed_meanwhile_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong while the file was replaced under the reader says nothing of the file that is there now."""
    repository = open_at(path)
    append(repository, order())
    repository.close()
    path.with_name(path.name + "-shm").unlink()
    path.with_name(path.name + "-wal").unlink()
    reader = open_at(path, read_only=True)
    assert reader._reader._connection is not None
    real = reader._reader._is_unchanged
    assert real()  # it reads a file that is taken for unchanging
    reader._reader._connection.close()  # so that the next statement fails
    answers = [True, False, False]
    monkeypatch.setattr(reader._reader, "_is_unchanged", lambda: answers.pop(0) if answers else real())
    assert order_ids(reader) == ["O-1"]
    assert answers == []
    reader.close()


def test_error_that_is_of_no_change_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a writer may be changing is looked at again: any other failure of opening is told at once."""
    killed_writer(path)
    tries: list[str] = []

    def fail(_self: ReadConnection, parameters: str, *_rest: object) -> None:
        tries.append(parameters)
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(ReadConnection, "_open", fail)
    with pytest.raises(StorageError, match="unable to open database file"):
        open_at(path, read_only=True)
    assert tries == ["mode=ro&readonly_shm=1"]


# -- writers ----------------------------------------------------------------------------------------------------------


def append_of(repository: SqliteRepository, *records: Any) -> Entry:
    """Return the entry that would be appended next."""
    return entry(repository.head(), *records, strategy_id=repository.strategy_id)


def test_write_after_a_failed_commit_opens_the_file_anew(path: Path, opener: Opener) -> None:
    """A connection that is not to be trusted was closed: the next write, too, begins on what is on the disk."""
    repository = opener()
    append(repository, order("O-1"))
    assert repository._writer is not None
    made = append_of(repository, order("O-2"))
    repository._writer._discard()
    repository.append([made])
    assert order_ids(opener()) == ["O-1", "O-2"]


def test_long_wal_that_cannot_be_copied_when_opening_stays_in_doubt(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The ledger opens and has everything, but the mark stays: the next writer makes the WAL durable first."""
    killed_writer(path)
    monkeypatch.setattr(_writer, "WAL_BYTES_MAX", 0)
    checkpoint = _writer.Writer._checkpoint
    monkeypatch.setattr(
        _writer.Writer,
        "_checkpoint",
        lambda self, connection, statement: (
            checkpoint(self, connection, statement) and statement != statements.CHECKPOINT_PASSIVE
        ),
    )
    repository = open_at(path)
    assert repository._writer is not None
    assert repository._writer._lock.is_marked
    assert order_ids(repository) == ["O-1", "O-2", "O-3"]
    monkeypatch.undo()
    repository.close()


def test_records_in_another_order_than_their_changes_are_written(repository: SqliteRepository, opener: Opener) -> None:
    """An entry need not list its records as it lists its changes: each is stored as it is, and found."""
    append(repository, order("O-1"), order("O-2"))
    held = order("O-1", version=2, sequence=1, reason="halted")
    stopped = order("O-2", version=2, sequence=1, stop_price=Decimal(90))
    said: dict[str, dict[str, Any]] = {"O-1": {"reason": "halted"}, "O-2": {"stop_price": Decimal(90)}}
    changes = [attrs.evolve(change_of(one), values=said[one.order_id]) for one in (held, stopped)]
    repository.append([entry(repository.head(), stopped, held, changes=changes)])
    assert opener().load(RecordKind.ORDER, ("O-1",)) == held
    assert opener().load(RecordKind.ORDER, ("O-2",)) == stopped


# -- the program that rewrites a file ---------------------------------------------------------------------------------


def run_rewrite(monkeypatch: pytest.MonkeyPatch, path: Path) -> object:
    """Run the program as a process of its own would; return what it exits with."""
    monkeypatch.setattr("sys.argv", ["_rewrite.py", str(path)])
    try:
        runpy.run_path(str(_rewrite.__file__), run_name="__main__")
    except SystemExit as ended:
        return ended.code
    return 0


def test_rewriting_keeps_every_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is the same after it was rewritten; one that is not there is left so, and any other error is its number."""
    path = tmp_path / "x.db-wal"
    path.write_bytes(os.urandom(2 * 1024 * 1024 + 17))
    before = path.read_bytes()
    assert run_rewrite(monkeypatch, path) == 0
    assert path.read_bytes() == before
    assert run_rewrite(monkeypatch, tmp_path / "missing") == 0
    assert run_rewrite(monkeypatch, tmp_path) == errno.EISDIR
