"""The WAL: copied into the file before it grows, rewritten before it is trusted."""

import errno
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger_core.errors import StorageError
from ledger_core.testing.samples import order
from ledger_storage_sqlite import _recovery, _rewrite, _writer
from ledger_storage_sqlite._location import Location
from ledger_storage_sqlite._locks import LockFile, WriteLock
from ledger_storage_sqlite._recovery import rewrite_wal
from sqlite.conftest import Opener
from sqlite.files import WAIT, Process, append, killed_writer, open_at, order_ids, query

NO_LOCK = os.open(os.devnull, os.O_RDONLY)
"""What stands for the descriptor of the lock, which a child inherits."""


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def test_the_wal_does_not_grow_without_bound(opener: Opener, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many rows the WAL is copied into the file, and its room is used again."""
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 20)
    repository = opener()
    for number in range(100):
        append(repository, order(f"O-{number}"))
    size = _wal(path).stat().st_size
    for number in range(100, 300):
        append(repository, order(f"O-{number}"))
    assert _wal(path).stat().st_size <= size * 1.5
    assert len(order_ids(repository)) == 300


def test_what_was_copied_is_in_the_file(opener: Opener, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint puts what was committed into the file itself."""
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 1)
    append(opener(), order("O-1"))
    alone = path.with_name("alone.db")
    alone.write_bytes(path.read_bytes())
    assert query(alone, "SELECT order_id FROM orders") == [("O-1",)]


def test_a_reader_that_pins_the_wal_is_complained_of(
    opener: Opener, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a long reader keeps the WAL from being copied, writes go on, and a warning says why it grows."""
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 1)
    monkeypatch.setattr(_writer, "WAL_FRAMES_WARNING", 5)
    repository = opener()
    append(repository, order("O-1"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM orders").fetchall()
    with caplog.at_level(logging.WARNING, "ledger_storage_sqlite"):
        append(repository, order("O-2"))
        append(repository, order("O-3"))
    assert "a long reader pins it" in caplog.text
    reader.close()
    assert order_ids(repository) == ["O-1", "O-2", "O-3"]


class _NoCheckpoint:
    """The writer's connection, whose checkpoints fail."""

    def __init__(self, connection: sqlite3.Connection, code: int) -> None:
        self._connection = connection
        self._error = sqlite3.OperationalError("injected")
        self._error.sqlite_errorcode = code

    def execute(self, statement: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if "wal_checkpoint" in statement:
            raise self._error
        return self._connection.execute(statement, parameters)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_BUSY])
def test_a_checkpoint_that_fails_fails_no_command(
    opener: Opener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """The command was committed before the checkpoint: it succeeds, the error is logged, and later writes work."""
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 1)
    repository = opener()
    assert repository._writer is not None
    assert repository._writer._connection is not None
    repository._writer._connection = _NoCheckpoint(repository._writer._connection, code)  # type: ignore[assignment]  # a stand-in
    append(repository, order("O-1"))
    assert ("copying the WAL" in caplog.text) == (code != sqlite3.SQLITE_BUSY)
    append(repository, order("O-2"))
    assert order_ids(repository) == ["O-1", "O-2"]
    repository.close()


def test_a_long_wal_is_copied_when_the_file_is_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that is killed again and again before its first checkpoint does not let the WAL grow for ever."""
    monkeypatch.setattr(_writer, "WAL_BYTES_MAX", 1)
    killed_writer(path)
    repository = open_at(path)
    alone = path.with_name("alone.db")
    alone.write_bytes(path.read_bytes())
    repository.close()
    assert query(alone, "SELECT COUNT(*) FROM orders") == [(3,)]


def test_the_wal_of_a_killed_writer_is_rewritten_before_it_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only writer rewrites and syncs the WAL that it finds, before SQLite opens the file; a second one does not."""
    killed_writer(path)
    rewritten = []

    def watched(location: Location, lock: int, *, is_open_here: bool) -> None:
        before = _wal(location.path).read_bytes()
        rewrite_wal(location, lock, is_open_here=is_open_here)
        assert _wal(location.path).read_bytes() == before
        rewritten.append(len(before))

    monkeypatch.setattr(_writer, "rewrite_wal", watched)
    first = open_at(path)
    assert len(rewritten) == 1
    assert rewritten[0] > 0
    second = open_at(path)
    assert len(rewritten) == 1
    assert len(order_ids(second)) == 3
    first.close()
    second.close()


@pytest.mark.parametrize(("durability", "syncs"), [("full", 1), ("process", 1)])
def test_rewriting_ends_with_a_sync(path: Path, monkeypatch: pytest.MonkeyPatch, durability: str, syncs: int) -> None:
    """Every byte is written again and then synced, once."""
    content = bytes(range(256)) * 20_000
    _wal(path).write_bytes(content)
    synced: list[int] = []
    written: list[int] = []
    pwrite = os.pwrite
    monkeypatch.setattr(os, "fsync", synced.append)

    def short_write(descriptor: int, data: bytes, offset: int) -> int:
        written.append(pwrite(descriptor, bytes(data)[:100_000], offset))
        return written[-1]

    monkeypatch.setattr(os, "pwrite", short_write)
    rewrite_wal(Location(path=path, durability=durability), NO_LOCK)
    assert sum(written) == len(content)
    assert len(synced) == syncs
    assert _wal(path).read_bytes() == content


@pytest.mark.parametrize("is_open_here", [False, True])
def test_nothing_is_rewritten_where_nothing_is(path: Path, is_open_here: bool) -> None:
    """Without a WAL there is nothing to do, and none is made; nor where nothing was ever synced."""
    rewrite_wal(Location(path=path), NO_LOCK, is_open_here=is_open_here)
    assert not _wal(path).exists()
    _wal(path).write_bytes(b"frames")
    before = _wal(path).stat()
    rewrite_wal(Location(path=path, durability="none"), NO_LOCK, is_open_here=is_open_here)
    assert _wal(path).stat().st_mtime_ns == before.st_mtime_ns


def test_a_wal_that_is_in_use_here_is_rewritten_by_a_child(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of a database is opened in a process that has a connection to it; a disk that fails is told all the same."""
    wal = _wal(path)
    wal.write_bytes(bytes(range(256)) * 10_000)
    before = (wal.read_bytes(), wal.stat().st_mtime_ns)
    monkeypatch.setattr(_rewrite, "rewrite", lambda path: pytest.fail("opened here"))
    rewrite_wal(Location(path=path), NO_LOCK, is_open_here=True)
    after = (wal.read_bytes(), wal.stat().st_mtime_ns)
    assert after[0] == before[0]
    assert after[1] > before[1]
    wal.unlink()
    wal.mkdir()
    with pytest.raises(OSError, match="Is a directory") as refused:
        rewrite_wal(Location(path=path), NO_LOCK, is_open_here=True)
    assert refused.value.errno == errno.EISDIR
    monkeypatch.setattr(_recovery, "_SECONDS", 0)
    with pytest.raises(OSError, match="took longer"):
        rewrite_wal(Location(path=path), NO_LOCK, is_open_here=True)
    monkeypatch.undo()
    monkeypatch.setattr(_rewrite, "__file__", str(path.with_name("nowhere.py")))
    with pytest.raises(OSError, match="nowhere") as broken:
        rewrite_wal(Location(path=path), NO_LOCK, is_open_here=True)
    assert broken.value.errno == errno.EIO


def test_the_child_that_rewrites_inherits_the_lock_and_no_surroundings(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Python reads no settings and no site's packages, and holds the lock for as long as it is at work."""
    lock = LockFile(path)
    script = path.with_name("script.py")
    script.write_text(f"import os, sys; os.fstat({lock.descriptor}); assert sys.flags.isolated and sys.flags.no_site")
    _wal(path).touch()
    monkeypatch.setattr(_rewrite, "__file__", str(script))
    rewrite_wal(Location(path=path), lock.descriptor, is_open_here=True)
    with pytest.raises(OSError, match="Bad file descriptor"):
        rewrite_wal(Location(path=path), NO_LOCK, is_open_here=True)
    lock.close()


def test_a_new_file_s_name_is_synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file's name is durable before there is a log, and the log's after: neither is found without the other.

    A power cut behind a sync of the folder that failed left a log without its file, which nobody can read.
    """
    has_log: list[bool] = []
    log = path.with_name(f"{path.name}-wal")
    monkeypatch.setattr(_writer, "sync_folder", lambda _: has_log.append(log.exists()))
    for _ in range(2):
        open_at(path, parameters="durability=full").close()
    assert has_log == [False, True]


def test_a_new_file_s_name_is_synced_beside_an_old_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file made anew beside the empty log of one that was deleted has a new name too, until a sync has succeeded."""
    open_at(path, parameters="durability=full").close()
    assert path.with_name(f"{path.name}-wal").stat().st_size == 0
    path.unlink()

    def fails(_: Location) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(_writer, "sync_folder", fails)
        with pytest.raises(StorageError, match="Input/output error"):
            open_at(path, parameters="durability=full")
    sizes: list[int] = []
    monkeypatch.setattr(_writer, "sync_folder", lambda location: sizes.append(location.path.stat().st_size))
    open_at(path, parameters="durability=full").close()
    assert sizes[0] == 0
    assert len(sizes) == 2


# A process that is to be killed while its child rewrites the WAL, slowly.
REWRITES = """
import pathlib, sys
from ledger_storage_sqlite import _recovery, _rewrite
from ledger_storage_sqlite._location import Location
from ledger_storage_sqlite._locks import WriteLock
path = pathlib.Path(sys.argv[1])
_rewrite.__file__ = sys.argv[2]
lock = WriteLock(path.with_name(path.name + "-lock"))
lock.acquire(0)
_recovery.rewrite_wal(Location(path=path), lock.descriptor, is_open_here=True)
"""
SLOW = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1]).parent
(folder / "rewriting").touch()
while not (folder / "go").exists():
    time.sleep(0.01)
"""


def test_a_rewriting_child_holds_the_lock_when_its_parent_is_killed(path: Path) -> None:
    """What the child has read must not be written over what others commit meanwhile: nobody writes until it is done."""
    _wal(path).write_bytes(b"frames")
    script = path.with_name("slow.py")
    script.write_text(SLOW)
    process = subprocess.Popen([sys.executable, "-c", REWRITES, str(path), str(script)])
    rewriting, go = path.with_name("rewriting"), path.with_name("go")
    try:
        _wait_for(rewriting.exists)
        process.kill()
        process.wait(WAIT)
        lock = WriteLock(path.with_name(f"{path.name}-lock"))
        assert not lock.try_acquire()
    finally:
        go.touch()
        process.kill()
    lock.acquire(WAIT)
    lock.close()


def test_a_log_that_was_only_begun_is_read_as_none(path: Path) -> None:
    """A bot that died between the log's header and its first frame leaves a file that can be read at once."""
    killed_writer(path)
    repository = open_at(path)
    repository.close()
    code = """
repository = open_repository(URL, strategy_id="momentum-1")
repository.append([entry(repository.head(), order("O-9"))])
os.kill(os.getpid(), 9)
"""
    assert Process(code, path).end() == -9
    os.truncate(_wal(path), 32)
    reader = open_at(path, read_only=True, parameters="durability=none&busy_timeout=0")
    assert order_ids(reader) == ["O-1", "O-2", "O-3"]
    reader.close()
    writer = open_at(path)
    assert order_ids(writer) == ["O-1", "O-2", "O-3"]
    writer.close()


def _wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)
