"""The connections themselves: how each is opened, whom it makes room for, and what it leaves to a parent process."""

import shutil
import sqlite3
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger_core.errors import LedgerClosed, StorageCorrupt, StorageError
from ledger_core.testing.samples import order
from ledger_storage_sqlite import _connections, _writer, repository, schema
from ledger_storage_sqlite._connections import (
    ReadConnection,
    connect,
    connect_writer,
    reads_from,
    require_sqlite,
    set_pragmas,
)
from ledger_storage_sqlite._location import parse_url
from sqlite.conftest import Opener
from sqlite.files import append, open_at, order_ids, raw, url_of


@pytest.fixture
def file(path: Path) -> Path:
    """Return a ledger file with one order, which nobody has open."""
    repository = open_at(path)
    append(repository, order())
    repository.close()
    return path


def test_a_connection_keeps_to_its_mode_and_serves_every_thread(file: Path) -> None:
    """It is opened as the URI says, waits as long as told, begins no transaction of its own, and is no thread's own."""
    connection = connect(f"file:{file}?mode=ro", busy_timeout=2.5)
    assert connection.isolation_level is None
    assert connection.execute("PRAGMA busy_timeout").fetchone() == (2500,)
    with ThreadPoolExecutor(1) as threads:
        rows = threads.submit(lambda: connection.execute("SELECT COUNT(*) FROM orders").fetchall())
        assert rows.result() == [(1,)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM orders")
    connection.close()


def test_a_file_is_named_by_a_uri_whatever_sqlite_was_built_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some builds take names for URIs without being told, most do not."""
    given: list[object] = []
    monkeypatch.setattr(sqlite3, "connect", lambda name, **options: given.extend((name, options["uri"])))
    connect("file:/x.db?mode=ro", busy_timeout=1)
    assert given == ["file:/x.db?mode=ro", True]


def test_the_oldest_sqlite_that_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """3.37.0 itself is new enough; of an older one the error has both versions."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 0))
    require_sqlite()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 9))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.36.9")
    with pytest.raises(StorageError) as caught:
        require_sqlite()
    assert (caught.value.found, caught.value.needed) == ("3.36.9", "3.37.0")


class _WithoutMapping(sqlite3.Connection):
    """A connection of an SQLite that was built without memory mapping."""

    def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:
        """Answer what such a build answers."""
        return super().execute("SELECT 1 WHERE 0" if "mmap_size" in statement else statement)


def test_a_build_without_memory_mapping_maps_none() -> None:
    """It answers `mmap_size` with no row, which is as good as 0; any other setting without an answer is an error."""
    connection = sqlite3.connect(":memory:", factory=_WithoutMapping)
    set_pragmas(connection, {"mmap_size": 0, "recursive_triggers": 1})
    with pytest.raises(StorageError) as caught:
        set_pragmas(connection, {"no_such_pragma": 1})
    assert caught.value.pragma == "no_such_pragma"
    connection.close()


def test_a_writer_opens_a_file_that_is_there_and_makes_none(path: Path) -> None:
    """A file that is lost between its making and its opening is not made again, under another's lock."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connect_writer(parse_url(url_of(path)))
    assert not path.exists()


def test_a_file_of_the_present_schema_is_not_migrated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening it runs no step again, and imports nothing for it."""
    monkeypatch.setattr(schema, "migrate", None)
    connect_writer(parse_url(url_of(file))).close()


def test_a_journal_that_is_nothing_but_the_end_of_one_is_refused(file: Path) -> None:
    """The mark that a further file is named before it counts wherever the journal begins."""
    file.with_name(file.name + "-journal").write_bytes(bytes.fromhex("d9d505f920a163d7"))
    with pytest.raises(StorageCorrupt, match="names a file to be deleted"):
        connect_writer(parse_url(url_of(file)))


def test_a_writer_makes_readers_of_its_own_file_let_go_and_no_others(file: Path, opener: Opener) -> None:
    """A trace-free reader of the file connects again at its next query; one of another file never notices."""
    other = file.with_name("other.db")
    open_at(other).close()
    mine, theirs = opener(read_only=True), open_at(other, read_only=True)
    assert reads_from(file)
    assert reads_from(other)
    assert not reads_from(file.with_name("third.db"))
    writer = opener()
    assert mine._reader._connection is None
    assert reads_from(other)
    second = opener()
    assert writer._reader._connection is not None, "a writer's own reader shares its shared memory"
    assert order_ids(mine) == order_ids(writer) == order_ids(second) == ["O-1"]
    theirs.close()
    assert not reads_from(other)


def test_a_connection_that_was_closed_is_not_opened_again(file: Path) -> None:
    """Not even by a thread that was waiting for its turn."""
    reader = ReadConnection(parse_url(url_of(file)))
    reader.disconnect()
    assert reader.fetch("SELECT order_id FROM orders") == [("O-1",)]
    reader.close()
    with pytest.raises(LedgerClosed):
        reader.fetch("SELECT order_id FROM orders")
    assert not reads_from(file)


def test_what_a_child_process_inherits_is_kept_for_ever(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is neither used nor closed: SQLite's cleaning up would act for the parent."""
    kept: list[sqlite3.Connection] = []
    monkeypatch.setattr(_connections, "_kept", kept)
    reader = ReadConnection(parse_url(url_of(file)))
    inherited = reader._connection
    references = sys.getrefcount(inherited)
    reader.abandon()
    assert kept == [inherited]
    assert sys.getrefcount(inherited) == references + 1, "in place of the reader's, and one that nobody gives back"
    assert reader.fetch("SELECT order_id FROM orders") == [("O-1",)], "by a connection of its own"
    reader.close()
    assert kept[0].execute("SELECT 1").fetchone() == (1,)


def test_behind_a_fork_every_connection_is_abandoned(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock around opening, which was held across it, is free; each repository, reader and writer is told."""
    told: list[str] = []

    class Known:
        """Is known to the process."""

        def abandon(self) -> None:
            """Be told."""
            told.append("abandoned")

    for module, name in ((_connections, "_readers"), (_writer, "_writers"), (repository, "_repositories")):
        monkeypatch.setattr(module, name, {Known(), Known()})
    _connections.opening.acquire()
    for module in (_connections, _writer, repository):
        module._after_fork()
    assert len(told) == 6
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(_connections.opening.acquire, False).result()
        threads.submit(_connections.opening.release).result()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_table_or_view_that_is_not_ours_to_the_letter_is_refused(file: Path, read_only: bool) -> None:
    """Whoever opens it would be shown what somebody made up."""
    connection = raw(file)
    connection.executescript("DROP VIEW v_fills; CREATE VIEW v_fills AS SELECT 1 AS strategy_id")
    connection.close()
    with pytest.raises(StorageCorrupt, match="to the letter"):
        open_at(file, read_only=read_only)


def test_an_index_that_was_added_to_our_tables_keeps_writers_out(file: Path) -> None:
    """SQLite would run its expressions on each write; reading does not."""
    connection = raw(file)
    connection.execute("CREATE INDEX more ON orders (reason)")
    connection.close()
    with pytest.raises(StorageCorrupt, match="was added, changed or removed; the ledger can be opened for reading"):
        connect_writer(parse_url(url_of(file)))
    reader = open_at(file, read_only=True)
    assert order_ids(reader) == ["O-1"]
    reader.close()


def test_a_copy_that_is_gone_already_is_no_trouble(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log without its shared memory is read in a copy of both, which somebody may have tidied away since."""
    writer = open_at(file)
    append(writer, order("O-2"))
    copy = file.with_name("copy.db")
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{file}{suffix}", f"{copy}{suffix}")
    writer.close()
    folder = file.with_name("copies")
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    reader = open_at(copy, read_only=True)
    assert order_ids(reader) == ["O-1", "O-2"]
    (made,) = folder.iterdir()
    assert made.name.startswith("strategy-ledger-")
    assert sorted(found.name for found in made.iterdir()) == ["copy.db", "copy.db-shm", "copy.db-wal"]
    assert not copy.with_name("copy.db-shm").exists()
    shutil.rmtree(made)
    reader._reader.disconnect()
    reader.close()
    reader = open_at(copy, read_only=True)
    reader.close()
    assert list(folder.iterdir()) == []


def test_a_reader_does_not_roll_back_what_a_writer_left_half_made(file: Path) -> None:
    """It may change nothing, so it says who can repair the file."""
    file.with_name(file.name + "-journal").write_bytes(b"half")
    with pytest.raises(StorageError, match="open it once for writing to repair it"):
        open_at(file, read_only=True)


def test_a_log_that_was_only_begun_needs_no_copy(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing in it, with or without shared memory beside it: the file alone is everything."""
    monkeypatch.setattr(tempfile, "mkdtemp", None)
    file.with_name(file.name + "-wal").write_bytes(bytes(32))
    for has_shm in (True, False):
        if not has_shm:
            file.with_name(file.name + "-shm").unlink()
        reader = open_at(file, read_only=True)
        assert order_ids(reader) == ["O-1"]
        reader.close()
