"""Reading leaves no trace: beside a live writer, on a killed bot's file, on a copy, in a folder that cannot be written."""

import gc
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger_core.errors import StorageBusy, StorageCorrupt, StorageError
from ledger_core.model import RecordKind
from ledger_core.repository import Query
from ledger_core.testing.samples import order
from ledger_storage_sqlite import _connections
from ledger_storage_sqlite._connections import ReadConnection
from sqlite.conftest import Opener
from sqlite.files import Process, append, contents, killed_writer, open_at, order_ids, query, run
from support.rights import as_somebody_else


def _killed(path: Path) -> None:
    killed_writer(path)


def _closed(path: Path) -> None:
    repository = open_at(path)
    for number in range(3):
        append(repository, order(f"O-{number + 1}"))
    repository.close()


def _closed_by_another_tool(path: Path) -> None:
    """Leave the file alone in its folder, as the last connection of the sqlite3 shell does."""
    _closed(path)
    query(path, "SELECT COUNT(*) FROM orders")
    assert not path.with_name(f"{path.name}-wal").exists()


def _killed_without_shm(path: Path) -> None:
    """Leave what a power cut leaves, or a copy of the file and its -wal: no shared memory."""
    killed_writer(path)
    path.with_name(f"{path.name}-shm").unlink()


def _killed_with_old_shm(path: Path) -> None:
    killed_writer(path)
    path.with_name(f"{path.name}-shm").write_bytes(b"\xa5" * 32768)


def _killed_with_empty_shm(path: Path) -> None:
    killed_writer(path)
    path.with_name(f"{path.name}-shm").write_bytes(b"")


def _closed_with_empty_wal_alone(path: Path) -> None:
    _closed_by_another_tool(path)
    path.with_name(f"{path.name}-wal").touch()


STATES: list[Callable[[Path], None]] = [
    _killed,
    _closed,
    _closed_by_another_tool,
    _killed_without_shm,
    _killed_with_old_shm,
    _killed_with_empty_shm,
    _closed_with_empty_wal_alone,
]


def _read_everything(path: Path) -> None:
    reader = open_at(path, read_only=True)
    assert order_ids(reader) == ["O-1", "O-2", "O-3"]
    assert reader.head().sequence == 3
    assert len(reader.read(0)) == 3
    assert reader.load(RecordKind.ORDER, ("O-2",)) is not None
    assert list(reader.strategies()) == ["momentum-1"]
    reader.close()


@pytest.mark.parametrize("leave", STATES)
def test_reading_changes_no_byte(path: Path, leave: Callable[[Path], None]) -> None:
    """Whatever state a file was left in, a reader sees all that was committed, and changes, makes and removes nothing."""
    leave(path)
    before = contents(path.parent)
    _read_everything(path)
    assert contents(path.parent) == before


# From 3.12 on Python warns of fork() beside other threads, such as pytest-xdist's; the child here needs none of them.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

# From 3.13 on Python warns of a connection that nobody closed, which is what these tests are about.
unclosed = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")


@forks
@pytest.mark.parametrize("leave", STATES)
def test_reading_needs_no_right_to_write(leave: Callable[[Path], None]) -> None:
    """A user who may write neither the file nor its folder can read all that was committed."""
    folder = Path(tempfile.mkdtemp(prefix="readable-"))
    try:
        path = folder / "orders.db"
        leave(path)
        shutil.rmtree(folder / "orders.db-claims")
        for found in folder.iterdir():
            found.chmod(0o444)
        folder.chmod(0o555)
        before = contents(folder)
        _read_everything(path)  # what Python imports for it may lie where the child cannot read
        assert as_somebody_else(lambda: _read_everything(path)) == 0
        assert contents(folder) == before
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@forks
def test_the_user_without_rights_really_has_none(tmp_path: Path) -> None:
    """The child of the test above cannot write where it must not: the test would see a write."""
    folder = Path(tempfile.mkdtemp(prefix="readable-"))
    folder.chmod(0o555)
    try:
        assert as_somebody_else((folder / "x").touch) == 1
    finally:
        shutil.rmtree(folder)


def test_a_reader_beside_a_live_writer_sees_each_commit(path: Path) -> None:
    """What another process commits is seen by a reader that is open already, and no byte is changed by looking."""
    code = """
repository = open_repository(URL, strategy_id="momentum-1")
for number in range(1, 4):
    repository.append([entry(repository.head(), order(f"O-{number}"))])
    tell(f"O-{number}")
    wait()
"""
    writer = Process(code, path)
    reader = None
    for number in range(1, 4):
        assert writer.hear() == f"O-{number}"
        before = contents_seen_by_another(path.parent)
        reader = reader or open_at(path, read_only=True)
        assert order_ids(reader) == [f"O-{one}" for one in range(1, number + 1)]
        assert contents_seen_by_another(path.parent) == before
        writer.go_on()
    assert writer.end() == 0
    assert reader is not None
    assert len(order_ids(reader)) == 3
    reader.close()


def contents_seen_by_another(folder: Path) -> list[tuple[str, int, bytes]]:
    """Return name, time of change and digest of each file, looked at by a process that has none of them open."""
    code = """
import hashlib
for found in sorted(path.iterdir()):
    if found.is_file():
        print(found.name, found.stat().st_mtime_ns, hashlib.sha256(found.read_bytes()).hexdigest())
tell("end")
"""
    process = Process(code, folder, ledger=False)
    lines = []
    while (line := process.hear()) != "end":
        assert line
        lines.append(line)
    assert process.end() == 0
    return [(name, int(stamp), digest.encode()) for name, stamp, digest in map(str.split, lines)]


def test_a_reader_does_not_hold_up_the_writer(opener: Opener) -> None:
    """A reader takes no lock that a writer waits for, not even with a page half read."""
    writer = opener(parameters="durability=none&busy_timeout=0")
    append(writer, order("O-1"))
    reader = opener(read_only=True)
    order_ids(reader)
    for number in range(2, 50):
        append(writer, order(f"O-{number}"))
    assert len(order_ids(reader)) == 49


@pytest.mark.parametrize("leave", STATES)
def test_a_reader_of_this_process_does_not_spoil_a_writer(path: Path, leave: Callable[[Path], None]) -> None:
    """A writer that opens after a reader of the same process can write, and the reader sees it."""
    leave(path)
    reader = open_at(path, read_only=True)
    assert len(order_ids(reader)) == 3
    writer = open_at(path)
    append(writer, order("O-4"))
    assert order_ids(reader) == order_ids(writer) == ["O-1", "O-2", "O-3", "O-4"]
    reader.close()
    append(writer, order("O-5"))
    writer.close()
    for _ in range(2):
        open_at(path, read_only=True).close()
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "SELECT COUNT(*) FROM orders") == [(5,)]


def test_closing_a_reader_drops_no_lock_of_this_process(path: Path) -> None:
    """With a reader opened on the bare file, another one beside a writer, closing the first leaves the others' locks.

    A last connection deletes -wal and -shm; another process's tool may do so only if nobody is connected.
    """
    _closed_by_another_tool(path)
    first = open_at(path, read_only=True)
    assert len(order_ids(first)) == 3
    code = """
repository = open_repository(URL, strategy_id="momentum-1")
repository.append([entry(repository.head(), order("O-4"))])
tell("open")
wait()
repository.close()
"""
    writer = Process(code, path)
    assert writer.hear() == "open"
    second = open_at(path, read_only=True)
    assert len(order_ids(second)) == 4
    first.close()
    writer.go_on()
    assert writer.end() == 0
    run("sqlite3.connect(path).execute('SELECT COUNT(*) FROM orders').fetchall()", path)
    assert path.with_name(f"{path.name}-wal").exists()
    assert len(order_ids(second)) == 4
    second.close()


@pytest.mark.parametrize("leave", [_closed_by_another_tool, _killed_without_shm, _closed_with_empty_wal_alone])
def test_a_reader_that_took_the_file_for_unchanging_sees_it_change(path: Path, leave: Callable[[Path], None]) -> None:
    """Whoever reads a file that nobody writes finds out when somebody does, and answers from what is there then."""
    leave(path)
    reader = open_at(path, read_only=True)
    assert len(order_ids(reader)) == 3
    code = """
repository = open_repository(URL, strategy_id="momentum-1")
for number in range(200):
    repository.append([entry(repository.head(), order(f"{sys.argv[2]}-{number}"))])
repository.close()
if sys.argv[2] == "P":
    sqlite3.connect(path).execute("SELECT COUNT(*) FROM orders").fetchall()
"""
    run(code, path, "P")  # and leave the file alone in its folder again
    assert len(order_ids(reader)) == 203
    run(code, path, "Q")
    assert len(order_ids(reader)) == 403
    assert reader.head().sequence == 403
    reader.close()


def test_a_file_that_changes_while_it_is_read_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read while the file changed under a connection that takes it for unchanging is thrown away."""
    _closed_by_another_tool(path)
    reader = open_at(path, read_only=True)
    unchanged = ReadConnection._is_unchanged
    calls = []

    def changed_once(self: ReadConnection) -> bool:
        calls.append(1)
        return len(calls) != 2 and unchanged(self)  # the look after the first query

    monkeypatch.setattr(ReadConnection, "_is_unchanged", changed_once)
    assert len(order_ids(reader)) == 3
    assert len(calls) > 3
    monkeypatch.setattr(ReadConnection, "_is_unchanged", lambda self: False)
    with pytest.raises(StorageBusy, match="again and again"):
        order_ids(reader)
    reader.close()


def test_an_error_counts_only_if_the_file_stayed_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanging file that is damaged is reported as damaged, not read for ever."""
    _closed_by_another_tool(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StorageCorrupt, match="damaged"):
        open_at(path, read_only=True)


@unclosed
def test_a_copy_is_removed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy that reading a -wal without -shm takes is gone after closing, and also if nobody closes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _killed_without_shm(path)
    before = sorted(tmp_path.iterdir())
    reader = open_at(path, read_only=True)
    (made,) = set(tmp_path.iterdir()) - set(before)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    reader.close()
    assert sorted(tmp_path.iterdir()) == before
    forgotten = open_at(path, read_only=True)
    del forgotten
    assert sorted(tmp_path.iterdir()) == before
    gc.collect()  # its connection is in a circle: what is said of it is said here, not in another test


def test_a_reader_cannot_write_by_any_statement(path: Path) -> None:
    """The reading connections refuse to write, a writer's own too, whatever statement they are given."""
    _killed_without_shm(path)
    of_copy = open_at(path, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
        of_copy._reader.fetch("DELETE FROM orders")
    of_copy.close()
    writer = open_at(path)
    for repository in (writer, open_at(path, read_only=True)):
        with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
            repository._reader.fetch("DELETE FROM orders")
        repository.close()


def test_uncommitted_rows_are_not_seen(path: Path) -> None:
    """While a transaction is open, reads of the same repository see what was committed before it."""
    repository = open_at(path)
    append(repository, order("O-1"))
    assert repository._writer is not None
    connection = repository._writer._connection
    assert connection is not None
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM orders")
    assert order_ids(repository) == ["O-1"]
    connection.execute("ROLLBACK")
    repository.close()


@pytest.fixture
def after_close(path: Path) -> dict[str, int]:
    """Return the files beside a ledger, with their lengths, after writers closed it."""
    first, second = open_at(path), open_at(path)
    append(first, order("O-1"))
    append(second, order("O-2"))
    first.close()
    second.close()
    return {found.name: found.stat().st_size for found in path.parent.iterdir() if found.is_file()}


def test_closing_leaves_the_files_that_readers_need(after_close: dict[str, int], path: Path) -> None:
    """After the last writer closed, everything is in the file, and an empty -wal and a -shm stay beside it."""
    assert after_close[f"{path.name}-wal"] == 0
    assert after_close[f"{path.name}-shm"] > 0


def test_a_missing_file_is_named_when_reading(path: Path) -> None:
    """A file that vanishes under a reader is an error that names it, not an empty ledger."""
    _closed_by_another_tool(path)
    reader = open_at(path, read_only=True)
    path.unlink()
    with pytest.raises(StorageError, match="no ledger file"):
        order_ids(reader)
    reader.close()


def test_pages_are_read_while_a_writer_changes_them(opener: Opener) -> None:
    """A walk over pages by key meets each record once, though records are added and changed in between."""
    writer, reader = opener(), opener(read_only=True)
    append(writer, *(order(f"O-{number:02}") for number in range(30)))
    seen: list[str] = []
    wanted = Query(kind=RecordKind.ORDER, limit=7)
    while page := reader.find(wanted):
        seen += [record.key[0] for record in page]
        last = page[-1]
        append(writer, order(last.key[0], sequence=last.sequence, version=2, reason="x" * 500))
        wanted = Query(kind=RecordKind.ORDER, limit=7, after=(last.sequence, *last.key))
    assert seen == [f"O-{number:02}" for number in range(30)]


@unclosed
def test_readers_are_not_kept_alive(path: Path) -> None:
    """Being known to the process does not keep a reader that nobody uses any more."""
    _closed(path)
    before = len(_connections._readers)
    reader = open_at(path, read_only=True)
    assert len(_connections._readers) == before + 1
    del reader
    assert len(_connections._readers) == before
    gc.collect()  # see test_a_copy_is_removed
