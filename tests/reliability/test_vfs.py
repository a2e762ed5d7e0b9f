"""The shim sees what SQLite does to files, makes any of it fail, and leaves no trace behind."""

import ctypes
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from reliability.sqlite_abi import X_OPEN, Vfs
from reliability.vfs import Event, Kind, Observer, Partly, shim, watched

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim below SQLite is proven on Linux only"),
]


class Seen(Observer):
    """Keeps everything, and asks a function what is to fail."""

    def __init__(self, decide: Callable[[Event], int | Partly] = lambda _: 0) -> None:
        self.asked: list[Event] = []
        self.done: list[Event] = []
        self._decide = decide

    def decide(self, event: Event) -> int | Partly:
        """Keep the call, and answer as the function says."""
        self.asked.append(event)
        return self._decide(event)

    def happened(self, event: Event) -> None:
        """Keep the event."""
        self.done.append(event)

    def kinds(self, suffix: str) -> list[Kind]:
        """Return what was done to the files whose names end so, without what follows itself."""
        kinds = [event.kind for event in self.done if event.path.endswith(suffix)]
        return [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] is not kind]


@contextmanager
def connected(path: Path, mode: str = "wal") -> Iterator[sqlite3.Connection]:
    """Open a file in a journal mode, and close it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)
        connection.execute("PRAGMA synchronous = EXTRA")
        yield connection


def _run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement).fetchall()


def _make_table(path: Path) -> None:
    _run(path, "CREATE TABLE t (x)")


def _fails(kind: Kind, suffix: str, code: int, times: int = 1) -> Callable[[Event], int]:
    left = [times]

    def decide(event: Event) -> int:
        if event.kind is kind and event.path.endswith(suffix) and left[0]:
            left[0] -= 1
            return code
        return 0

    return decide


def test_it_sits_in_the_library_that_pythons_own_module_calls(tmp_path: Path) -> None:
    """A plain `sqlite3.connect` goes through the shim: its writes are seen, with their bytes, and so are its syncs."""
    seen = Seen()
    with watched(seen), connected(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES ('a word that nothing else says')")
    written = b"".join(event.data for event in seen.done if event.kind is Kind.WRITE)
    assert b"a word that nothing else says" in written
    assert seen.kinds("x.db-wal")[:3] == [Kind.OPEN, Kind.WRITE, Kind.SYNC]
    assert {event.path for event in seen.done} == {
        *(str(tmp_path / name) for name in ("x.db", "x.db-wal", "x.db-journal")),
        str(tmp_path),
    }


def test_what_it_tells_is_what_lies_on_the_disk(tmp_path: Path) -> None:
    """Writes and truncates, done again in their order, make the very files: nothing passes the shim by."""
    seen, contents = Seen(), dict[str, bytearray]()
    with watched(seen), connected(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (x)")
        for number in range(300):
            connection.execute("INSERT INTO t VALUES (?)", (f"{number}" * 50,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("DELETE FROM t")
        connection.execute("VACUUM")
        for event in seen.done:
            content = contents.setdefault(event.path, bytearray())
            if event.kind is Kind.WRITE:
                content.extend(bytes(max(0, event.offset - len(content))))
                content[event.offset : event.offset + event.size] = event.data
            elif event.kind is Kind.TRUNCATE:
                del content[event.size :]
        # Another process reads them: here closing a file would drop the locks on it.
        for suffix in ("", "-wal"):
            path = tmp_path / f"x.db{suffix}"
            found = subprocess.run(["/bin/cat", str(path)], capture_output=True, check=True).stdout
            assert bytes(contents[str(path)]) == found, f"x.db{suffix} differs"


@pytest.mark.parametrize(
    ("kind", "suffix", "code", "statement"),
    [
        (Kind.OPEN, "-wal", sqlite3.SQLITE_CANTOPEN, "SELECT * FROM t"),
        (Kind.READ, "x.db", sqlite3.SQLITE_IOERR_READ, "SELECT * FROM t"),
        (Kind.SHM_MAP, "x.db", sqlite3.SQLITE_IOERR_SHMMAP, "SELECT * FROM t"),
        (Kind.SIZE, "-wal", sqlite3.SQLITE_IOERR_FSTAT, "SELECT * FROM t"),
        (Kind.ACCESS, "-journal", sqlite3.SQLITE_IOERR_ACCESS, "SELECT * FROM t"),
        (Kind.WRITE, "-wal", sqlite3.SQLITE_IOERR_WRITE, "INSERT INTO t VALUES (2)"),
        (Kind.WRITE, "-wal", sqlite3.SQLITE_FULL, "INSERT INTO t VALUES (2)"),
        (Kind.SYNC, "-wal", sqlite3.SQLITE_IOERR_FSYNC, "INSERT INTO t VALUES (2)"),
        (Kind.TRUNCATE, "-wal", sqlite3.SQLITE_IOERR_TRUNCATE, "PRAGMA wal_checkpoint(TRUNCATE)"),
        (Kind.DELETE, "-journal", sqlite3.SQLITE_IOERR_DELETE, "INSERT INTO t VALUES (2)"),
    ],
)
def test_any_call_can_be_made_to_fail_with_any_code(
    kind: Kind, suffix: str, code: int, statement: str, tmp_path: Path
) -> None:
    """The statement raises the code that was injected; without the fault, on a new connection, the same succeeds."""
    mode = "delete" if suffix == "-journal" else "wal"
    with connected(tmp_path / "x.db", mode) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
    with watched(Seen(_fails(kind, suffix, code))):
        with pytest.raises(sqlite3.Error) as raised:
            _run(tmp_path / "x.db", statement)
        assert raised.value.sqlite_errorcode == code
        _run(tmp_path / "x.db", statement)
        assert shim().open_paths() == []


def test_a_file_that_cannot_be_opened_is_never_closed(tmp_path: Path) -> None:
    """A failing open leaves nothing behind that SQLite would close: it fails as often as it is tried, and no more."""
    with watched(Seen(_fails(Kind.OPEN, "x.db", sqlite3.SQLITE_CANTOPEN, times=3))):
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match="unable to open"):
                _make_table(tmp_path / "x.db")
        _make_table(tmp_path / "x.db")


def test_a_file_that_was_not_opened_has_no_methods() -> None:
    """SQLite closes whatever has methods, even after an open that failed; so they are taken from it."""
    with watched(Seen(lambda _: sqlite3.SQLITE_CANTOPEN)) as shim:
        vfs = Vfs.from_address(shim.address)
        file = ctypes.create_string_buffer(b"\xff" * vfs.szOsFile, vfs.szOsFile)
        at = ctypes.addressof(file)
        assert X_OPEN.at(vfs.xOpen)(shim.address, None, at, 0, None) == sqlite3.SQLITE_CANTOPEN
        assert ctypes.c_void_p.from_address(at).value is None


def test_a_write_may_fail_after_some_of_its_bytes_were_written(tmp_path: Path) -> None:
    """A disk that fills up in the middle of a write keeps what fitted; the observer learns of just that."""
    partly = Partly(sqlite3.SQLITE_FULL, 100)
    seen = Seen(lambda event: partly if event.kind is Kind.WRITE and event.size == 4096 else 0)
    with watched(seen):
        with pytest.raises(sqlite3.OperationalError) as raised:
            _make_table(tmp_path / "x.db")
        assert raised.value.sqlite_errorcode == sqlite3.SQLITE_FULL
        sizes = [event.size for event in seen.done if event.kind is Kind.WRITE and event.path.endswith("x.db")]
        assert sizes == [100]


def _salts(folder: Path, seed: int) -> bytes:
    seen = Seen()
    folder.mkdir()
    with watched(seen, seed=seed), connected(folder / "x.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    return next(event.data[16:24] for event in seen.done if event.path.endswith("-wal") and event.kind is Kind.WRITE)


def test_the_seed_decides_what_sqlite_draws(tmp_path: Path) -> None:
    """The salts of a WAL are SQLite's random numbers: the same for the same seed, others for another."""
    first, again, other = (_salts(tmp_path / str(number), seed) for number, seed in enumerate((7, 7, 8)))
    assert first == again != other


def test_afterwards_everything_is_as_it_was(tmp_path: Path) -> None:
    """New connections do not go through the shim any more; one that is still open works on, and is not seen."""
    seen = Seen()
    with watched(seen):
        old = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
        old.execute("CREATE TABLE t (x)")
    count = len(seen.asked)
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
        assert shim().open_paths() == [str(tmp_path / "old.db")]
    old.execute("INSERT INTO t VALUES (1)")
    assert old.execute("SELECT x FROM t").fetchall() == [(1,)]
    old.close()
    assert (len(seen.asked), shim().open_paths()) == (count, [])


def test_what_an_observer_raises_comes_out_at_the_end(tmp_path: Path) -> None:
    """A bug in an observer fails the I/O call, since nothing can be raised through SQLite, and then the block."""

    def decide(event: Event) -> int:
        raise LookupError(f"no idea of {event.kind}")

    def block() -> None:
        with watched(Seen(decide)), pytest.raises(sqlite3.OperationalError):
            _make_table(tmp_path / "x.db")

    with pytest.raises(LookupError, match="no idea of open"):
        block()
    _make_table(tmp_path / "x.db")


def test_there_is_one_observer_at_a_time(tmp_path: Path) -> None:
    """Watching within watching is refused, and the outer observer goes on seeing."""
    seen = Seen()
    with watched(seen):
        with pytest.raises(RuntimeError, match="installed already"), watched(Seen()):
            pass
        _make_table(tmp_path / "x.db")
    assert seen.kinds("x.db")


def test_connections_of_other_threads_are_seen_as_well(tmp_path: Path) -> None:
    """SQLite calls the shim from whatever thread runs the statement."""
    seen = Seen()

    def write(name: str) -> None:
        with connected(tmp_path / name) as connection:
            connection.execute("CREATE TABLE t (x)")
            for number in range(50):
                connection.execute("INSERT INTO t VALUES (?)", (number,))

    with watched(seen):
        threads = [threading.Thread(target=write, args=(f"{number}.db",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    syncs = [sum(e.kind is Kind.SYNC and e.path.endswith(f"{number}.db-wal") for e in seen.done) for number in range(4)]
    assert min(syncs) >= 50


def test_two_processes_share_a_file_that_one_of_them_opened_through_the_shim(tmp_path: Path) -> None:
    """Locks and shared memory pass through: another process's connection sees the commit, and is kept out of a write."""
    code = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
print(connection.execute("SELECT COUNT(*) FROM t").fetchone()[0])
try:
    connection.execute("INSERT INTO t VALUES (3)")
except sqlite3.OperationalError as error:
    print(error)
"""
    path = tmp_path / "x.db"
    with watched(Seen()), connected(path) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (2)")
        said = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        connection.execute("ROLLBACK")
    assert said.stdout.split("\n")[:2] == ["1", "database is locked"]


def test_reading_through_a_memory_map_is_not_possible_and_so_not_missed(tmp_path: Path) -> None:
    """SQLite reads a watched file by calls that are seen, even where memory mapping is asked for."""
    _make_table(tmp_path / "x.db")
    seen = Seen()
    with watched(seen), closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("PRAGMA mmap_size = 1000000").fetchall()
        assert connection.execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
    assert {event.offset for event in seen.asked if event.kind is Kind.READ and event.size == 4096} == {0, 4096}


def test_a_temporary_file_of_sqlites_own_has_no_path(tmp_path: Path) -> None:
    """What SQLite puts aside while it sorts is no file of the ledger: it is seen, under no name."""
    seen = Seen()
    with watched(seen), closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute("PRAGMA cache_size = 5")
        connection.execute("CREATE TEMP TABLE t AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
                           " LIMIT 20000) SELECT x, hex(zeroblob(50)) FROM n")  # fmt: skip
    assert {event.path for event in seen.done} == {"", str(tmp_path / "x.db")}
    assert [path.name for path in tmp_path.iterdir()] == ["x.db"]
