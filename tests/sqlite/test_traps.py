"""The known traps of SQLite, of events and of processes, each with a test by which the shipped adapter avoids it.

The numbers are those of the list of traps that the project keeps. 19 to 21 are PostgreSQL's (a synchronous standby's
warning, retries of serialization failures, how its binaries are had), and come with an adapter for it.
"""

import hashlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger_core import (
    BatchUsage,
    InvalidValue,
    OutcomeUnknown,
    RecordKind,
    SchemaTooNew,
    StorageCorrupt,
    StorageError,
    StrategyLedger,
    open_ledger,
)
from ledger_core.batch import BATCH_SIZE_MAX
from ledger_core.changes import GENESIS_DIGEST
from ledger_core.repository import Query
from ledger_core.testing.samples import entry, fill, order
from ledger_core.verifying import verify
from ledger_storage_sqlite import SqliteRepository, _connections, _location, _recovery, _writer, schema, statements
from ledger_storage_sqlite import repository as adapter
from ledger_storage_sqlite._locks import LockFile
from sqlite.conftest import Opener
from sqlite.files import WAIT, Process, append, order_ids, query, raw, run, url_of
from sqlite.test_appending import IO_ERROR, Failing, sqlite_error
from support import START, SteppingClock, limit_order
from support.life import live

LEDGER = """
from ledger_core import open_ledger, open_reader
from support import SteppingClock, limit_order
from support.life import live
def ledger_of(strategy_id="alpha"):
    return open_ledger(URL, strategy_id=strategy_id, clock=SteppingClock())
"""
"""For code in another process: `ledger_of()` opens a ledger in the file."""

SYNCHRONOUS = {"OFF": 0, "NORMAL": 1, "FULL": 2, "EXTRA": 3}


@pytest.fixture
def open_here(path: Path) -> Iterator[Callable[..., StrategyLedger]]:
    """Return what opens ledgers in this test's file; they are closed afterwards."""
    opened: list[StrategyLedger] = []

    def open_one(strategy_id: str = "alpha", **options: Any) -> StrategyLedger:
        opened.append(open_ledger(url_of(path), strategy_id=strategy_id, **{"clock": SteppingClock(), **options}))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


def writer_of(repository: SqliteRepository) -> sqlite3.Connection:
    """Return the one connection that writes."""
    assert repository._writer is not None
    assert repository._writer._connection is not None
    return repository._writer._connection


def reader_of(repository: SqliteRepository) -> sqlite3.Connection:
    """Return the connection that reads."""
    assert repository._reader._connection is not None
    return repository._reader._connection


def pragma(connection: sqlite3.Connection, name: str) -> object:
    """Return what a PRAGMA reads back as."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def traced(connection: sqlite3.Connection) -> list[str]:
    """Return a list that grows by every statement that the connection runs."""
    told: list[str] = []
    connection.set_trace_callback(told.append)
    return told


def test_trap_01_wal_mode_is_verified(path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite that stays in another mode, or does not take a setting, without a word opens no ledger."""
    connection = writer_of(opener())
    assert [pragma(connection, name) for name in ("journal_mode", "foreign_keys")] == ["wal", 1]
    with pytest.raises(StorageError, match="did not take PRAGMA foreign_key "):
        _connections.set_pragmas(connection, {"foreign_key": 1})  # misspelt, SQLite says nothing to it

    uri = _location.Location.uri
    # By this way of locking there is no shared memory, and SQLite silently keeps to its old mode.
    monkeypatch.setattr(_location.Location, "uri", lambda place, options: uri(place, f"{options}&vfs=unix-dotfile"))
    with pytest.raises(StorageError, match=r"did not switch .* to WAL: journal_mode reads back 'delete'"):
        adapter.open_repository(url_of(path.with_name("other.db")), strategy_id="alpha")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [("", "EXTRA"), ("durability=full", "EXTRA"), ("durability=process", "NORMAL"), ("durability=none", "OFF")],
)
def test_trap_02_what_survives_a_power_cut_is_the_default(opener: Opener, parameters: str, expected: str) -> None:
    """`synchronous` is EXTRA unless the URL says, by a name that says so, that less is wanted."""
    assert pragma(writer_of(opener(parameters=parameters)), "synchronous") == SYNCHRONOUS[expected]


def test_trap_03_transactions_are_our_own(repository: SqliteRepository) -> None:
    """Python's module begins and commits nothing behind our back: BEGIN IMMEDIATE, what is stored, COMMIT."""
    connection = writer_of(repository)
    assert connection.isolation_level is None
    told = traced(connection)
    append(repository, order("O-1"), fill(order_id="O-1"))
    assert [told[0], told[-1]] == ["BEGIN IMMEDIATE", "COMMIT"]
    assert not any(statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT")) for statement in told[1:-1])
    assert not connection.in_transaction


def test_trap_04_no_write_begins_with_a_read(open_here: Callable[..., StrategyLedger]) -> None:
    """Two that read and then write, in turn, never meet SQLITE_BUSY_SNAPSHOT; a failed write leaves no transaction."""
    first, second = open_here("alpha"), open_here("beta")
    for number in range(10):
        for ledger in (first, second):
            ledger.find_orders()
            ledger.record_order(f"o{number}", limit_order())
    repository: Any = first._repository
    Failing(repository, "INSERT INTO journal", sqlite_error(sqlite3.SQLITE_ERROR, "SQLITE_ERROR"))
    with pytest.raises(StorageError):
        first.record_order("failing", limit_order())
    assert not repository._writer._connection.in_transaction
    second.record_order("after", limit_order())
    assert (first.head().sequence, second.head().sequence) == (10, 11)


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "behind it"])
def test_trap_05_an_error_from_commit_is_no_refusal(open_here: Callable[..., StrategyLedger], after: bool) -> None:
    """The outcome is looked up; where it cannot be, it is unknown; the retry with the same id books once."""
    ledger = open_here()
    ledger.record_order("o1", limit_order())
    repository: Any = ledger._repository
    command = {"fill_id": "f1", "quantity": 4, "price": "99.5"}
    Failing(repository, statements.COMMIT, sqlite_error(*IO_ERROR), after=after)
    told = ledger.update_order_fill("o1", command, command_id="c1")
    again = ledger.update_order_fill("o1", command, command_id="c1")
    assert told.cum_quantity == again.cum_quantity == ledger.get_position("ACME").quantity == 4
    assert ledger.head().sequence == 2
    Failing(repository, statements.COMMIT, sqlite_error(*IO_ERROR), after=after)
    with pytest.raises(OutcomeUnknown):
        repository.append([entry(repository.head(), order("o2"), strategy_id="alpha")])


def test_trap_05_a_killed_process_may_have_committed(path: Path, open_here: Callable[..., StrategyLedger]) -> None:
    """Killed behind its COMMIT, before it could say so: the fill is there, and told again it is booked once."""
    code = (
        LEDGER
        + """
from ledger_storage_sqlite import _writer
ledger = ledger_of()
ledger.record_order("o1", limit_order())
commit = _writer.Writer._commit
def dies(self, connection, what):
    commit(self, connection, what)
    os.kill(os.getpid(), 9)
_writer.Writer._commit = dies
ledger.update_order_fill("o1", {"fill_id": "f1", "quantity": 4, "price": "99.5"}, command_id="c1")
"""
    )
    assert Process(code, path).end() == -9
    ledger = open_here()
    assert ledger.get_order("o1").cum_quantity == 4
    again = ledger.update_order_fill("o1", {"fill_id": "f1", "quantity": 4, "price": "99.5"}, command_id="c1")
    assert again.cum_quantity == 4
    assert ledger.head().sequence == 2


def test_trap_06_no_file_of_the_database_is_opened_beside_a_connection(path: Path) -> None:
    """Closing any descriptor of it would drop SQLite's locks: while one is connected, Python opens none of the files."""
    run(
        LEDGER
        + """
from ledger_storage_sqlite import _writer
_writer.CHECKPOINT_ROWS = 20
_writer.WAL_BYTES_MAX = 1
files = {str(path) + suffix for suffix in ("", "-wal", "-shm", "-journal")}
opened, recovered = [], []
def watch(event, arguments):
    # With O_EXCL a file that is there is not opened: it is how a new one is made.
    if event == "open" and str(arguments[0]) in files and not arguments[2] & os.O_EXCL:
        opened.append(arguments)
    if event == "subprocess.Popen":
        recovered.append(arguments)
ledger = ledger_of()
sys.addaudithook(watch)
live(ledger)
second = ledger_of("beta")
live(second)
with open_reader(URL) as reader:
    assert reader.get_exposures() and reader.strategy("alpha").verify().is_intact
assert ledger.verify().is_intact
ledger.rebuild()
second.close()
# Another writer died in the middle of a write: its WAL is made durable first, in a process of its own.
os.pwrite(ledger._repository._writer._lock._descriptor, b"\\1", 0)
ledger._repository._writer._location = __import__("attrs").evolve(ledger._repository._writer._location, durability="full")
ledger.record_order("last", limit_order())
assert len(recovered) == 1, recovered
ledger.close()
assert not opened, opened
""",
        path,
    )


def test_trap_07_one_connection_writes_and_holds_the_lock(
    repository: SqliteRepository, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each write transaction and each checkpoint nobody else can have the file's lock, of this process or another."""
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 1)
    held: dict[str, bool] = {}

    def look(statement: str) -> None:
        held[statement.split("(", maxsplit=1)[0]] = _is_held(path)

    writer_of(repository).set_trace_callback(look)
    append(repository, order("O-1"))
    expected = {"BEGIN IMMEDIATE", "COMMIT", statements.CHECKPOINT_PASSIVE.split("(")[0]}
    assert expected <= set(held)
    assert all(held.values())
    assert not _is_held(path)


def _is_held(path: Path) -> bool:
    lock = LockFile(path.with_name(f"{path.name}-lock"))
    try:
        return not lock.try_acquire()
    finally:
        lock.close()


def test_trap_07_no_connection_crosses_a_fork(path: Path) -> None:
    """A child that inherited a ledger is told so at every use; the parent's goes on."""
    run(
        LEDGER
        + """
from ledger_core import StorageError
ledger = ledger_of()
child = os.fork()
if not child:
    code = 0
    for use in (lambda: ledger.record_order("o1", limit_order()), ledger.head):
        try:
            use()
            code = 1
        except StorageError as error:
            code |= "before fork()" not in str(error)
    os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
ledger.record_order("o1", limit_order())
ledger.close()
""",
        path,
    )


def test_trap_08_a_backup_is_a_copy_that_sqlite_makes(
    path: Path, tmp_path: Path, open_here: Callable[..., StrategyLedger]
) -> None:
    """VACUUM INTO beside the bot is whole, by its head; the `.db` alone lacks what its WAL holds, which shows by it."""
    ledger = open_here()
    repository: Any = ledger._repository
    ledger.record_order("o1", limit_order())
    writer_of(repository).execute(statements.CHECKPOINT_PASSIVE).fetchone()
    live(ledger)
    head = ledger.head()
    copy, alone = tmp_path / "copy.db", tmp_path / "alone.db"
    tool = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    tool.execute("VACUUM INTO ?", (str(copy),))
    tool.close()
    with open_ledger(copy, strategy_id="alpha", read_only=True) as backup:
        assert backup.verify(head).is_intact
        assert backup.head() == head
    run("import shutil; shutil.copyfile(path, sys.argv[2])", path, str(alone))
    with open_ledger(alone, strategy_id="alpha", read_only=True) as backup:
        assert backup.head().sequence == 1
        assert not backup.verify(head).is_intact


def test_trap_09_no_reader_pins_the_wal(
    path: Path, open_here: Callable[..., StrategyLedger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is a transaction of its own: answers that are half read hold up no checkpoint; the WAL has a limit."""
    ledger = open_here()
    live(ledger)
    orders, journal = ledger.find_orders(), ledger.read_journal()
    next(orders)
    next(journal)
    repository: Any = ledger._repository
    assert not reader_of(repository).in_transaction
    busy, frames, copied = writer_of(repository).execute(statements.CHECKPOINT_TRUNCATE).fetchone()
    assert (busy, frames) == (0, copied)
    assert path.with_name(f"{path.name}-wal").stat().st_size == 0
    assert pragma(writer_of(repository), "journal_size_limit") == _connections.JOURNAL_SIZE_LIMIT
    assert next(orders) is not None


def test_trap_10_checkpoints_are_made_by_us_and_their_failure_is_told(
    repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite makes none by itself, whose errors nobody would see; one of ours that fails is logged, and loses nothing."""
    assert pragma(writer_of(repository), "wal_autocheckpoint") == 0
    monkeypatch.setattr(_writer, "CHECKPOINT_ROWS", 1)
    told = traced(writer_of(repository))
    append(repository, order("O-1"))
    assert told[-1] == statements.CHECKPOINT_PASSIVE
    Failing(repository, statements.CHECKPOINT_PASSIVE, sqlite_error(*IO_ERROR))
    append(repository, order("O-2"))
    assert "copying the WAL" in caplog.text
    assert order_ids(repository) == ["O-1", "O-2"]


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_trap_11_network_file_systems_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """For reading and for writing, with the kind of file system, and before anything is made there."""
    monkeypatch.setattr(_location, "file_system_of", lambda _folder: kind)
    for read_only in (False, True):
        if read_only:
            path.touch()
        with pytest.raises(StorageError, match="network file system") as caught:
            adapter.open_repository(url_of(path), strategy_id="alpha", read_only=read_only)
        assert caught.value.file_system == kind
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_trap_12_a_file_is_looked_at_before_it_is_trusted(path: Path, opener: Opener) -> None:
    """Its schema runs nothing, its pages are checked as they are read; a foreign or newer file is left as it is."""
    repository = opener()
    for connection in (writer_of(repository), reader_of(repository)):
        assert [pragma(connection, name) for name in ("trusted_schema", "cell_size_check")] == [0, 1]
    assert query(path, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    repository.close()
    for statement, error in (
        ("PRAGMA user_version = 999", SchemaTooNew),
        ("PRAGMA application_id = 1", StorageCorrupt),
    ):
        tool = raw(path)
        tool.execute(statement)
        tool.close()
        before = path.read_bytes()
        for read_only in (False, True):
            with pytest.raises(error):
                opener(read_only=read_only)
        assert path.read_bytes() == before


def test_trap_12_a_clean_opening_looks_through_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`quick_check` reads the whole file: it is run where `check=` asks for it, and never else."""
    told: list[str] = []
    connect = _connections.connect

    def connect_traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(told.append)
        return connection

    monkeypatch.setattr(_connections, "connect", connect_traced)
    for parameters, checks in (("durability=none", 0), ("durability=none", 0), ("durability=none&check=quick", 1)):
        told.clear()
        adapter.open_repository(url_of(path, parameters), strategy_id="alpha").close()
        assert sum(one.startswith(("PRAGMA quick_check", "PRAGMA integrity_check")) for one in told) == checks


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO journal SELECT strategy_id, sequence, recorded_at, subject, '{}', digest FROM journal",
        "UPDATE OR REPLACE journal SET body = '{}'",
        "DELETE FROM journal",
    ],
)
def test_trap_13_the_journal_is_append_only_for_any_tool(
    repository: SqliteRepository, path: Path, statement: str
) -> None:
    """Also by REPLACE in a tool without recursive triggers; who drops the triggers is found by the chain."""
    append(repository, order("O-1"))
    tool = raw(path)
    assert pragma(tool, "recursive_triggers") == 0
    with pytest.raises(sqlite3.IntegrityError, match="journal: "):
        tool.execute(statement)
    assert verify(repository, chain_only=True).is_intact
    for (trigger,) in tool.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'journal'"):
        tool.execute(f"DROP TRIGGER {trigger}")
    head = repository.head()
    tool.execute(statement)
    tool.close()
    assert not verify(repository, head, chain_only=True).is_intact


def test_trap_14_no_digit_passes_through_a_float(repository: SqliteRepository, path: Path) -> None:
    """Money and quantities are TEXT of STRICT tables; a float, which STRICT TEXT would take, is refused before it."""
    exact = Decimal("99999999999999999999.999999999999999999")
    append(repository, order("O-1"), fill(order_id="O-1", price=exact, quantity=exact))
    assert query(path, "SELECT typeof(price), price, typeof(quantity) FROM fills") == [("text", str(exact), "text")]
    (found,) = repository.find(Query(kind=RecordKind.FILL))
    assert getattr(found, "price") == exact  # noqa: B009  # of any record
    wrong: Any = 1.5
    with pytest.raises(StorageError, match="holds Decimal, not float"):
        append(repository, fill(order_id="O-1", fill_id="F-2", price=wrong))
    types = {
        (table, column): kind
        for (table,) in query(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%'")
        for _, column, kind, *_ in query(path, f"PRAGMA table_info({table})")
    }
    assert types["fills", "price"] == "TEXT"
    assert types.pop(("checkpoint_pages", "body")) == "BLOB"
    assert set(types.values()) == {"TEXT", "INTEGER"}


def test_trap_15_the_digest_is_over_the_stored_bytes(path: Path, open_here: Callable[..., StrategyLedger]) -> None:
    """Any tool can recompute the chain from what its view spells out; decimals are JSON strings in it."""
    live(open_here())
    digest = GENESIS_DIGEST
    for body, stored in query(path, "SELECT CAST(body AS BLOB), digest FROM v_journal ORDER BY sequence"):
        assert isinstance(body, bytes)
        digest = hashlib.sha256(bytes.fromhex(digest) + body).hexdigest()
        assert digest == stored
        numbers: list[str] = []
        json.loads(body, parse_float=numbers.append)
        assert set(numbers) <= {"1.5"}  # of a caller's metadata, as it was given


def test_trap_16_after_a_failed_sync_nothing_goes_on_as_if(
    repository: SqliteRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not acknowledged, the connection is given up, and the WAL is made durable before the file is opened again."""
    append(repository, order("O-1"))
    failed = writer_of(repository)
    steps: list[str] = []
    for name, module in (("rewrite_wal", _recovery), ("connect_writer", _connections)):
        does = getattr(module, name)

        def noted(*arguments: Any, name: str = name, does: Callable[..., Any] = does, **options: Any) -> Any:
            steps.append(name)
            return does(*arguments, **options)

        monkeypatch.setattr(_writer, name, noted)
    made = entry(repository.head(), order("O-2"))
    Failing(repository, statements.COMMIT, sqlite_error(*IO_ERROR), after=True)
    with pytest.raises(OutcomeUnknown):
        repository.append([made])
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        failed.execute("SELECT 1")
    assert repository._writer is not None
    assert repository._writer._lock.is_marked
    assert repository.head().digest == made.digest
    assert steps == ["rewrite_wal", "connect_writer"]
    append(repository, order("O-3"))
    assert order_ids(repository) == ["O-1", "O-2", "O-3"]
    assert not repository._writer._lock.is_marked


def test_trap_17_the_order_is_the_position_s_not_the_clock_s(open_here: Callable[..., StrategyLedger]) -> None:
    """A clock that is turned back moves no entry; the venue's time and ours are both kept."""
    clock = SteppingClock()
    ledger = open_here(clock=clock)
    ledger.record_order("o1", limit_order(), occurred_at=START)
    clock.turn(hours=-5)
    ledger.update_order_acceptance("o1", occurred_at=START + timedelta(days=1))
    ledger.update_order_fill("o1", {"fill_id": "f1", "quantity": 1, "price": 1}, occurred_at=START - timedelta(days=1))
    journal = list(ledger.read_journal())
    assert [one.sequence for one in journal] == [1, 2, 3]
    assert [one.operation for one in journal] == ["record_order", "update_order_acceptance", "update_order_fill"]
    assert [one.occurred_at - START for one in journal] == [timedelta(days=days) for days in (0, 1, -1)]
    recorded = [one.recorded_at for one in journal]
    assert recorded == sorted(recorded)


def test_trap_18_no_reader_skips_what_commits_late(path: Path, open_here: Callable[..., StrategyLedger]) -> None:
    """The place in the journal is taken under the lock that is held to the commit: who reads on misses none."""
    count = 30
    ledgers = [open_here(), open_here()]
    reading = open_here(read_only=True)
    seen: list[int] = []
    done = threading.Event()

    def follow() -> None:
        while len(seen) < len(ledgers) * count and not done.wait(0.001):
            seen.extend(one.sequence for one in reading.read_journal(len(seen)))

    def write(ledger: StrategyLedger, name: str) -> None:
        for number in range(count):
            ledger.record_order(f"{name}{number}", limit_order())

    threads = [threading.Thread(target=write, args=(ledger, name)) for ledger, name in zip(ledgers, "ab", strict=True)]
    follower = threading.Thread(target=follow)
    for thread in (follower, *threads):
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    follower.join(WAIT)
    done.set()
    assert seen == list(range(1, len(ledgers) * count + 1))


def test_trap_22_intent_is_durable_before_the_venue_hears_of_it(
    path: Path, open_here: Callable[..., StrategyLedger]
) -> None:
    """Killed between the record and the venue's answer, the next start lists the order and the request as unresolved."""
    code = (
        LEDGER
        + """
ledger = ledger_of()
ledger.record_order("sent", limit_order())
ledger.record_order("working", limit_order())
ledger.update_order_acceptance("working")
ledger.request_order_cancel("working", "r1")
os.kill(os.getpid(), 9)  # in the place of the call of the venue
"""
    )
    assert Process(code, path).end() == -9
    unresolved = open_here().unresolved()
    assert [one.order_id for one in unresolved.orders] == ["sent"]
    assert [one.request_id for one in unresolved.requests] == ["r1"]


HOSTILE_IDS = ("'); DROP TABLE journal; --", "\"; ATTACH 'x' AS y; --", "%_?:name$1", "sqlite_master", "\\'\\\"")


@pytest.mark.parametrize("name", HOSTILE_IDS)
def test_trap_23_values_are_never_sql(path: Path, open_here: Callable[..., StrategyLedger], name: str) -> None:
    """Ids come back as they were given, in every place where one can be; names of fields are of a fixed list."""
    ledger = open_here(strategy_id=name)
    details = limit_order(symbol=name, venue=name, account=name, execution_group_id=name, trade_plan_id=name)
    ledger.record_order(name, details, command_id=name)
    ledger.update_order_acceptance(name, {"venue_order_id": name})
    ledger.update_order_fill(name, {"fill_id": name, "quantity": 1, "price": 1})
    ledger.subscribe(name, lambda _name, _payload: None)
    (found,) = ledger.find_orders(symbol=name, venue_order_id=name, execution_group_id=name)
    assert (found.order_id, ledger.get_fill(name, name).fill_id) == (name, name)
    assert ledger.verify().is_intact
    with pytest.raises(InvalidValue):
        ledger._repository.find(Query(kind=RecordKind.ORDER, where={name: 1}))


def test_trap_23_files_are_their_owner_s(path: Path, open_here: Callable[..., StrategyLedger]) -> None:
    """0600, and 0700 of the folder that we make, whatever the umask allows."""
    before = os.umask(0)
    try:
        live(open_here())
    finally:
        os.umask(before)
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    folders = {name: mode for name, mode in modes.items() if name.endswith("-claims")}
    assert set(folders.values()) == {0o700}
    assert set(modes.values()) - set(folders.values()) == {0o600}


def test_trap_23_nothing_that_is_read_is_run(path: Path) -> None:
    """Living, reading and verifying unpickle, compile and execute nothing, and start no process."""
    run(
        LEDGER
        + """
def everything(strategy_id):
    ledger = ledger_of(strategy_id)
    live(ledger)
    assert ledger.verify().is_intact and list(ledger.read_journal()) and ledger.reconcile({"positions": []})
    ledger.close()
    with open_reader(URL) as reader:
        assert reader.get_exposures()
everything("warm")  # what is imported late, or made once of a class of ours, is there by now
seen = []
def watch(event, arguments):
    if event in ("pickle.find_class", "compile", "exec", "os.system", "subprocess.Popen", "marshal.loads", "code.__new__"):
        seen.append((event, arguments))
sys.addaudithook(watch)
everything("alpha")
assert not seen, seen
""",
        path,
    )


def test_trap_23_what_is_taken_has_a_limit(open_here: Callable[..., StrategyLedger]) -> None:
    """Texts, metadata and batches beyond it are refused, and nothing of them is stored."""
    ledger = open_here()
    for change in ({"symbol": "x" * 129}, {"metadata": {"a": "x" * 16_384}}):
        with pytest.raises(InvalidValue):
            ledger.record_order("o1", limit_order(**change))
    ledger.record_order("o1", limit_order())
    with ledger.batch() as batch:
        for _ in range(BATCH_SIZE_MAX):
            batch.record_order("o1", limit_order())
        with pytest.raises(BatchUsage):
            batch.record_order("o2", limit_order())
    assert ledger.head().sequence == 1


def test_trap_23_no_secret_is_shown(
    path: Path, open_here: Callable[..., StrategyLedger], caplog: pytest.LogCaptureFixture
) -> None:
    """The chain's key is in no file, event, error, log or representation."""
    secret = b"correct horse battery staple"
    told: list[object] = []
    ledger = open_here(chain_key=secret)
    ledger.subscribe("all", lambda _name, payload: told.append(payload))
    live(ledger)
    ledger.close()
    with pytest.raises(StorageCorrupt) as caught:
        open_here(chain_key=b"another horse battery staple")
    with pytest.raises(InvalidValue) as refused:
        open_here(chain_key=secret[:15])
    words = [repr(ledger), repr(vars(ledger._repository)), caplog.text, repr(told)]
    words += [f"{error!r} {error.context}" for error in (caught.value, refused.value)]
    assert not any(secret[:15].decode() in word for word in words)
    assert not any(secret[:15] in found.read_bytes() for found in path.parent.rglob("*") if found.is_file())


def test_trap_24_what_guards_money_raises_under_python_o(path: Path) -> None:
    """`assert` vanishes there; refusals, exact sums, types before the write and the chain do not."""
    code = (
        LEDGER
        + """
from decimal import Decimal, Inexact
from ledger_core import (Conflict, IdempotencyConflict, IllegalTransition, InvalidValue, OverfillError, StorageError,
    TradeNotFlat)
from ledger_core.numbers import load_decimal, plus
from ledger_core.testing.samples import entry, fill
assert False, "asserts are on"
def must_raise(error, call):
    try:
        call()
    except error:
        return
    print("nothing was raised by", call, flush=True)
    os._exit(1)
ledger = ledger_of()
ledger.record_order("o1", limit_order(quantity=10))
ledger.update_order_fill("o1", {"fill_id": "f1", "quantity": 4, "price": "99.5"})
ledger.create_trade("t1", ["o1"])
head, repository = ledger.head(), ledger._repository
must_raise(OverfillError, lambda: ledger.update_order_fill("o1", {"fill_id": "f2", "quantity": 7, "price": 1}))
must_raise(IdempotencyConflict, lambda: ledger.update_order_fill("o1", {"fill_id": "f1", "quantity": 5, "price": 1}))
must_raise(InvalidValue, lambda: ledger.update_order_fill("o1", {"fill_id": "f3", "quantity": 1.5, "price": 1}))
must_raise(InvalidValue, lambda: ledger.update_order_fill("o1", {"fill_id": "f3", "quantity": -1, "price": 1}))
must_raise(TradeNotFlat, lambda: ledger.close_trade("t1"))
must_raise(Inexact, lambda: plus(Decimal(10) ** 150, Decimal(10) ** -150))
must_raise(ValueError, lambda: load_decimal("1e5"))
must_raise(Conflict, lambda: repository.append([entry(head, strategy_id="alpha")]))
must_raise(StorageError, lambda: repository.append([entry(ledger.head(), fill(price=1.5), strategy_id="alpha")]))
if ledger.get_position("ACME").quantity != 4 or not ledger.verify().is_intact:
    os._exit(2)
import sqlite3
tool = sqlite3.connect(path, isolation_level=None)
tool.execute("UPDATE positions SET quantity = '5'")
if ledger.verify().is_intact:
    os._exit(3)
"""
    )
    from sqlite.files import _LEDGER, _TALK

    ended = subprocess.run(
        [sys.executable, "-O", "-c", _TALK + _LEDGER + code, str(path)],
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
