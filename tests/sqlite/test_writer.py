"""The one connection that writes: what it holds, when it copies the log, and what it makes sure of when it opens."""

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from ledger_core.errors import LedgerClosed, OutcomeUnknown, StorageBusy
from ledger_core.testing.samples import order
from ledger_storage_sqlite import _connections, _writer
from ledger_storage_sqlite._location import parse_url
from ledger_storage_sqlite._locks import WriteLock
from ledger_storage_sqlite._recovery import rewrite_wal
from ledger_storage_sqlite._writer import Writer, make_file, sync_empty_file, sync_folder
from sqlite.files import append, open_at, order_ids, url_of
from sqlite.test_appending import IO_ERROR, Failing, sqlite_error

IMPATIENT = "durability=none&busy_timeout=0"

OpenWriter = Callable[..., Writer]


@pytest.fixture
def open_writer(path: Path) -> Iterator[OpenWriter]:
    """Return what opens the file for writing; what it opened is closed afterwards."""
    opened: list[Writer] = []

    def open_here(parameters: str = IMPATIENT) -> Writer:
        opened.append(Writer(parse_url(url_of(path, parameters))))
        return opened[-1]

    yield open_here
    for writer in opened:
        writer.close()


@pytest.fixture
def lock(path: Path) -> Iterator[WriteLock]:
    """Return the lock of the file, as another process has it."""
    path.with_name(f"{path.name}-lock").touch(mode=0o600)
    other = WriteLock(path.with_name(f"{path.name}-lock"))
    yield other
    other.close()


def _nothing(_connection: sqlite3.Connection) -> None:
    pass


@pytest.fixture
def left(path: Path) -> Path:
    """Return a file as a power cut leaves it: three orders in its log, and no mark."""
    living = path.with_name("living.db")
    repository = open_at(living)
    for number in range(1, 4):
        append(repository, order(f"O-{number}"))
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{living}{suffix}", f"{path}{suffix}")
    repository.close()
    return path


# -- what it holds ------------------------------------------------------------------------------------------------------


def test_the_files_beside_the_ledger(open_writer: OpenWriter, path: Path) -> None:
    """Their names are what other processes, of other versions, go by."""
    open_writer()
    names = {str(found.relative_to(path.parent)) for found in path.parent.rglob("*")}
    beside = {f"{path.name}{suffix}" for suffix in ("", "-wal", "-shm", "-lock", "-claims", "-claims/.writers")}
    assert names == beside


def test_opening_and_writing_wait_no_longer_than_told(open_writer: OpenWriter, lock: WriteLock) -> None:
    """The file's lock is taken for each, and another holder of it is told after the busy timeout."""
    writer = open_writer()
    lock.acquire(0)
    with pytest.raises(StorageBusy):
        writer.write(_nothing, "write")
    with pytest.raises(StorageBusy), writer.alone():
        pass
    with pytest.raises(StorageBusy):
        open_writer()
    lock.release()
    writer.write(_nothing, "write")
    lock.acquire(0)
    with pytest.raises(StorageBusy):
        writer.write(_nothing, "write again")


def test_a_write_alone_keeps_the_lock_until_the_block_ends(open_writer: OpenWriter, lock: WriteLock) -> None:
    """Whoever is alone stays alone: neither a write nor another block inside gives the lock up."""
    writer = open_writer()
    with writer.alone():
        writer.write(_nothing, "write")
        assert not lock.try_acquire()
        with writer.alone():
            pass
        assert not lock.try_acquire()
    assert lock.try_acquire()
    lock.release()
    held: list[bool] = []

    def work(_connection: sqlite3.Connection) -> None:
        with writer.alone():
            pass
        held.append(not lock.try_acquire())

    writer.write(work, "write")
    assert held == [True]
    assert lock.try_acquire()


@pytest.mark.parametrize("is_alone", [False, True])
def test_a_commit_in_doubt_says_what_was_being_written(path: Path, is_alone: bool) -> None:
    """In a block of its own as well."""
    repository = open_at(path)
    Failing(repository, "COMMIT", sqlite_error(*IO_ERROR))
    refused = pytest.raises(OutcomeUnknown, match=f"^cannot append to {path}: .*injected")
    with repository.alone() if is_alone else nullcontext(), refused as caught:
        append(repository, order())
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    repository.close()


def test_who_reads_after_a_connection_was_given_up_has_it_opened_anew(open_writer: OpenWriter, path: Path) -> None:
    """A writer's own reader asks the writer first, so that what is read is what is on the disk."""
    writer = open_writer()
    assert writer.writes_to(path)
    assert not writer.writes_to(path.with_name("other.db"))
    writer._discard()
    assert not writer.writes_to(path)
    assert writer.reader.fetch("SELECT COUNT(*) FROM orders") == [(0,)]
    assert writer.writes_to(path)


def test_a_closed_writer_writes_no_more(open_writer: OpenWriter, path: Path, lock: WriteLock) -> None:
    """And holds nothing: neither the lock, nor the claims, nor its place among those who have the file open."""
    writer = open_writer()
    writer.claims.take("alpha", "bot")
    writer.close()
    writer.close()
    assert not writer.writes_to(path)
    with pytest.raises(LedgerClosed):
        writer.write(_nothing, "write")
    with pytest.raises(LedgerClosed):
        writer.ensure_connected()
    with pytest.raises(LedgerClosed):
        writer.clear_unchecked()
    with pytest.raises(LedgerClosed):
        _ = writer.is_unchecked
    assert lock.try_acquire()
    lock.release()
    second = open_writer()
    second.claims.take("alpha", "bot")
    assert second._is_only_writer


def test_a_child_forgets_what_it_inherited(open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock may be held by a thread that it does not have; the connection is the parent's, and stays open."""
    kept: list[sqlite3.Connection] = []
    monkeypatch.setattr(_connections, "_kept", kept)
    writer = open_writer()
    inherited, writer._is_alone = writer._connection, True
    holder = threading.Thread(target=writer._mutex.acquire)
    holder.start()
    holder.join()
    writer.abandon()
    assert kept == [inherited]
    assert kept[0].execute("SELECT 1").fetchone() == (1,)
    assert (writer._connection, writer._is_alone) == (None, False)
    assert writer._mutex.acquire(blocking=False)
    writer._mutex.release()
    second = open_writer()
    assert second._is_only_writer, "the inherited files are closed"


# -- copying the log ----------------------------------------------------------------------------------------------------


def test_the_log_is_copied_after_so_many_rows(open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from the last copying on; the connection stays in use."""
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 10)
    writer = open_writer()

    def run(statement: str) -> Callable[[sqlite3.Connection], None]:
        def work(used: sqlite3.Connection) -> None:
            used.execute(statement)

        return work

    writer.write(run("CREATE TABLE notes (a)"), "make a table")
    checkpoint, copied = Writer._checkpoint, []

    def counted(self: Writer, connection: sqlite3.Connection, statement: str) -> bool:
        copied.append(statement)
        return checkpoint(self, connection, statement)

    monkeypatch.setattr(Writer, "_checkpoint", counted)
    connection = writer._connection
    for rows, copies in ((9, 0), (1, 1), (9, 1), (1, 2), (15, 3), (9, 3)):
        values = ", ".join("(1)" for _ in range(rows))
        writer.write(run(f"INSERT INTO notes VALUES {values}"), "note")
        assert len(copied) == copies
    assert set(copied) == {"PRAGMA wal_checkpoint(PASSIVE)"}
    assert writer._connection is connection


def test_a_log_that_is_too_long_is_copied_when_the_file_is_opened(
    left: Path, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of just the limit is not."""
    length = left.with_name(f"{left.name}-wal").stat().st_size
    statements: list[str] = []
    checkpoint = Writer._checkpoint

    def counted(self: Writer, connection: sqlite3.Connection, statement: str) -> bool:
        statements.append(statement)
        return checkpoint(self, connection, statement)

    monkeypatch.setattr(Writer, "_checkpoint", counted)
    monkeypatch.setattr(_writer, "WAL_BYTES_MAX", length)
    open_writer()
    assert statements == []
    monkeypatch.setattr(_writer, "WAL_BYTES_MAX", length - 1)
    open_writer()
    assert statements == ["PRAGMA wal_checkpoint(PASSIVE)"]


class _Copied:
    """A connection on which so many pages were in the log, and so many of them copied."""

    total_changes = 0

    def __init__(self, frames: int, copied: int) -> None:
        self._answer = (1, frames, copied)

    def execute(self, _statement: str) -> "_Copied":
        """Copy."""
        return self

    def fetchone(self) -> tuple[int, int, int]:
        """Return what came of it."""
        return self._answer


@pytest.mark.parametrize(
    ("frames", "copied", "is_complained_of"),
    [(25_000, 0, False), (25_001, 25_001, False), (25_001, 25_000, True), (100, 0, False)],
)
def test_a_log_that_cannot_be_copied_is_complained_of_when_it_is_long(
    open_writer: OpenWriter, caplog: pytest.LogCaptureFixture, frames: int, copied: int, is_complained_of: bool
) -> None:
    """A reader that holds some pages for a moment is nothing to tell; the writing goes on in any case."""
    writer = open_writer()
    assert writer._checkpoint(_Copied(frames, copied), "copy") is True  # type: ignore[arg-type]  # stands in for it
    assert ("a long reader pins it" in caplog.text) == is_complained_of


@pytest.mark.parametrize(
    ("code", "is_used_again"),
    [
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR_WRITE, False),
        (sqlite3.SQLITE_CORRUPT, False),
    ],
)
def test_a_copying_that_fails_ends_the_connection_where_the_disk_is_not_to_be_trusted(
    open_writer: OpenWriter, code: int, is_used_again: bool
) -> None:
    """Whoever only held the file, or a disk that is full, leaves the connection as good as it was."""

    class Refusing(_Copied):
        """A connection that copies nothing."""

        def execute(self, _statement: str) -> _Copied:
            """Fail."""
            raise sqlite_error(code, "")

    assert open_writer()._checkpoint(Refusing(0, 0), "copy") is is_used_again  # type: ignore[arg-type]  # a stand-in


# -- what it makes sure of ----------------------------------------------------------------------------------------------


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return what was rewritten: the file, the lock's descriptor, and whether this process had it open."""
    found: list[tuple[Any, ...]] = []

    def watched(location: Any, lock: int, *, is_open_here: bool) -> None:
        found.append((location.path, lock, is_open_here))
        rewrite_wal(location, lock, is_open_here=is_open_here)

    monkeypatch.setattr(_writer, "rewrite_wal", watched)
    return found


def test_a_log_that_is_left_over_is_made_durable_by_the_first_alone(
    left: Path, open_writer: OpenWriter, rewritten: list[tuple[Any, ...]]
) -> None:
    """The next one finds a log that is in use, and no mark."""
    first = open_writer()
    assert rewritten == [(left, first._lock.descriptor, False)]
    assert first.is_unchecked
    open_writer()
    assert len(rewritten) == 1
    first.clear_unchecked()
    assert not first.is_unchecked


def test_behind_a_mark_the_log_is_made_durable_by_whoever_comes(
    path: Path, open_writer: OpenWriter, lock: WriteLock, rewritten: list[tuple[Any, ...]]
) -> None:
    """Who opens the file beside others, and who writes to it next; not once more when it ended well."""
    first = open_writer()
    assert rewritten == []
    lock.mark()
    second = open_writer()
    assert rewritten == [(path, second._lock.descriptor, True)]
    lock.mark()
    first.write(_nothing, "write")
    assert rewritten[1:] == [(path, first._lock.descriptor, True)]
    assert not lock.is_marked
    assert lock.is_unchecked
    first.write(_nothing, "write again")
    assert len(rewritten) == 2


@pytest.mark.parametrize(
    ("error", "is_in_doubt"),
    [(OSError("the disk"), True), (ValueError("a value"), False), (KeyboardInterrupt(), False)],
)
def test_what_fails_in_a_write_leaves_the_mark_where_the_disk_may_be_at_fault(
    open_writer: OpenWriter, lock: WriteLock, error: BaseException, is_in_doubt: bool
) -> None:
    """All else was rolled back, and is nothing that the next writer would have to make sure of."""

    def work(_connection: sqlite3.Connection) -> None:
        assert lock.is_marked
        raise error

    with pytest.raises(type(error)):
        open_writer().write(work, "write")
    assert lock.is_marked is is_in_doubt


def test_a_file_is_open_here_by_a_reader_or_a_writer(open_writer: OpenWriter, path: Path) -> None:
    """Either has locks on it that opening it otherwise would drop."""
    location = parse_url(url_of(path))
    assert not _writer._is_open_here(location)
    writer = open_writer()
    writer.reader.disconnect()
    assert _writer._is_open_here(location)
    writer.close()
    assert not _writer._is_open_here(location)
    reader = open_at(path, read_only=True)
    assert _writer._is_open_here(location)
    reader.close()
    assert not _writer._is_open_here(location)


@pytest.mark.parametrize(("durability", "syncs"), [("full", 2), ("process", 2), ("none", 0)])
def test_names_of_new_files_are_made_durable_where_anything_is(
    open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch, durability: str, syncs: int
) -> None:
    """Before the log is there and behind it; a file that is old has its name already."""
    synced: list[Any] = []
    monkeypatch.setattr(_writer, "sync_folder", synced.append)
    open_writer(f"durability={durability}")
    assert len(synced) == syncs
    open_writer(f"durability={durability}")
    assert len(synced) == syncs


@pytest.mark.parametrize(("durability", "syncs"), [("full", 1), ("process", 1), ("none", 0)])
def test_that_a_file_is_empty_is_made_durable_before_it_is_used(
    open_writer: OpenWriter, path: Path, monkeypatch: pytest.MonkeyPatch, durability: str, syncs: int
) -> None:
    """It may be what is left of one that could not be made; one that is new, or has something in it, is not."""
    synced: list[int] = []
    monkeypatch.setattr(_writer, "sync_empty_file", lambda location: synced.append(location.path.stat().st_size))
    path.touch()
    open_writer(f"durability={durability}").close()
    assert synced == [0] * syncs
    open_writer(f"durability={durability}").close()
    assert synced == [0] * syncs
    path.unlink()
    open_writer(f"durability={durability}")
    assert synced == [0] * syncs


@pytest.mark.parametrize("is_of_folder", [True, False])
def test_what_is_synced_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch, *, is_of_folder: bool) -> None:
    """The folder that the file is in, or the file, as it is; and no descriptor stays."""
    path.write_bytes(b"content")
    synced: list[str] = []
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    )
    (sync_folder if is_of_folder else sync_empty_file)(parse_url(url_of(path)))
    assert synced == [str(path.parent if is_of_folder else path)]
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert path.read_bytes() == b"content"


def test_a_file_is_made_once_for_its_owner_alone(path: Path) -> None:
    """Whatever the umask allows; one that is there is left as it is."""
    before = os.umask(0)
    try:
        assert make_file(parse_url(url_of(path))) is True
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"content")
    assert make_file(parse_url(url_of(path))) is False
    assert path.read_bytes() == b"content"


def test_a_ledger_of_a_power_cut_is_whole(left: Path) -> None:
    """What was in its log is read, and goes on."""
    repository = open_at(left)
    assert order_ids(repository) == ["O-1", "O-2", "O-3"]
    assert repository.ended_uncleanly
    append(repository, order("O-4"))
    repository.close()
