"""The schema's versions: made once, by one process, all or nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger_core import open_ledger
from ledger_core.errors import SchemaTooNew, StorageCorrupt, StorageError
from ledger_core.testing.samples import order
from ledger_storage_sqlite import schema

if TYPE_CHECKING:
    from sqlite_utils import Database

from sqlite.conftest import Opener
from sqlite.files import Process, append, open_at, query, raw, run
from support import fill, market_order

Step = Callable[["Database"], None]


def step(statement: str) -> Step:
    """Return a migration that runs one statement."""

    def run_statement(db: "Database") -> None:
        db.conn.execute(statement)

    return run_statement


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Return a plain connection to a new file."""
    opened = raw(path)
    yield opened
    opened.close()


def test_a_new_file_gets_the_present_schema(path: Path) -> None:
    """A new file is marked as a ledger, of the present version, with every step noted by its name."""
    open_at(path).close()
    assert query(path, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert query(path, "PRAGMA user_version") == [(schema.SCHEMA_VERSION,)]
    noted = query(path, "SELECT name FROM _sqlite_migrations ORDER BY id")
    assert noted == [(name,) for name in schema.MIGRATIONS]


def test_every_table_is_strict(path: Path) -> None:
    """Each of our tables is STRICT, so that no column takes a value of another type; none is REAL."""
    open_at(path).close()
    tables = query(path, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    assert {name for name, strict in tables if not strict} <= {"sqlite_schema"}
    types = query(
        path, "SELECT DISTINCT c.type FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table'"
    )
    assert set(types) == {("TEXT",), ("INTEGER",), ("BLOB",)}


def test_opening_again_changes_nothing(path: Path) -> None:
    """A file that is current is not migrated, and sqlite-utils is not even imported for it."""
    open_at(path).close()
    before = query(path, "SELECT * FROM sqlite_schema ORDER BY name")
    run("open_repository(URL, strategy_id='s').close(); assert 'sqlite_utils' not in sys.modules", path)
    assert query(path, "SELECT * FROM sqlite_schema ORDER BY name") == before


def test_three_processes_may_open_a_new_file_at_once(path: Path) -> None:
    """Three processes that open a file that is not there yet all succeed, and all write."""
    code = """
tell("ready")
wait()
repository = open_repository(URL, strategy_id=sys.argv[2])
repository.append([entry(EMPTY, order(), strategy_id=sys.argv[2])])
repository.close()
"""
    processes = [Process(code, path, f"strategy-{number}") for number in range(3)]
    for process in processes:
        assert process.hear() == "ready"
    for process in processes:
        process.go_on()
    assert [process.end() for process in processes] == [0, 0, 0]
    reader = open_at(path, read_only=True)
    assert list(reader.strategies()) == ["strategy-0", "strategy-1", "strategy-2"]
    reader.close()


def test_later_steps_run_on_what_is_there(connection: sqlite3.Connection) -> None:
    """A step that is appended runs once, on a file with its content, and the version rises with it."""
    first = {"0001_create": step("CREATE TABLE a (x TEXT) STRICT")}
    schema.migrate(connection, first)
    connection.execute("INSERT INTO a VALUES ('kept')")
    ran = []

    def more(db: "Database") -> None:
        ran.append(1)
        db.execute("ALTER TABLE a ADD COLUMN y TEXT")

    both = {**first, "0002_more": more}
    for _ in range(2):
        schema.migrate(connection, both)
    assert connection.execute("SELECT * FROM a").fetchall() == [("kept", None)]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert ran == [1]


def test_a_file_of_more_steps_than_are_known_is_not_touched(connection: sqlite3.Connection) -> None:
    """Another process, of a newer program, may have migrated it while this one waited for the lock."""
    steps = {f"{number:04}": step(f"CREATE TABLE t{number} (x TEXT) STRICT") for number in range(3)}
    schema.migrate(connection, steps)
    with pytest.raises(SchemaTooNew) as caught:
        schema.migrate(connection, dict(list(steps.items())[:2]))
    assert (caught.value.found, caught.value.supported) == (3, 2)
    assert not connection.in_transaction


def test_a_migration_locks_before_it_looks(connection: sqlite3.Connection) -> None:
    """The write lock is taken before the version is read: a plain BEGIN fails at once where another opener was first."""
    ran: list[str] = []
    connection.set_trace_callback(ran.append)
    schema.migrate(connection)
    assert ran[0] == "BEGIN IMMEDIATE"
    assert ran[-1] == "COMMIT"


def test_a_migration_that_fails_leaves_the_old_version(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If any step fails, none of the steps of that run has happened, nor is the transaction left open."""
    first = {"0001_create": step("CREATE TABLE a (x TEXT) STRICT")}
    schema.migrate(connection, first)
    before = connection.execute("SELECT * FROM sqlite_schema").fetchall()
    steps = {
        **first,
        "0002_fine": step("CREATE TABLE b (x TEXT) STRICT"),
        "0003_broken": step("CREATE TABLE b (x TEXT) STRICT"),
    }
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        schema.migrate(connection, steps)
    assert not connection.in_transaction
    assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == before
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT name FROM _sqlite_migrations").fetchall() == [("0001_create",)]


def test_a_file_whose_making_failed_can_be_made_again(
    path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first migration of a new file fails, the error is typed and the next opening starts over."""
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_VIEWS", "CREATE VIEW v AS SELECT nonsense FROM nowhere GROUP;")
        with pytest.raises(StorageError, match="syntax"):
            open_at(path)
    assert query(path, "SELECT COUNT(*) FROM sqlite_schema") == [(0,)]
    append(opener(), order())
    assert query(path, "PRAGMA user_version") == [(schema.SCHEMA_VERSION,)]


def test_a_step_may_not_end_the_transaction(connection: sqlite3.Connection) -> None:
    """A step that commits behind our back is found out, rather than taken for half a migration."""
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, {"0001_create": step("COMMIT")})
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)


def test_an_older_schema_is_not_read_but_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader, which may change nothing, says of an older file how it is brought up to date."""
    open_at(path).close()
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    with pytest.raises(StorageError, match="open it once for writing to migrate it"):
        open_at(path, read_only=True)


@pytest.mark.parametrize("version", [1, 3])
def test_an_older_file_is_brought_along(tmp_path: Path, version: int) -> None:
    """What it holds is there afterwards, to the byte; its ids are known, and its history can be archived."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    with open_ledger(new, strategy_id="alpha") as ledger:
        for side in ("BUY", "SELL"):
            ledger.record_order(side, market_order(side, 10), command_id="C")
            ledger.update_order_acceptance(side, {"venue_order_id": f"V-{side}"})
            ledger.update_order_fill(side, fill("F", 10, 100))
        head, position = ledger.head(), ledger.get_position("ACME")
    connection = sqlite3.connect(old, isolation_level=None)
    schema.migrate(connection, dict(list(schema.MIGRATIONS.items())[:version]))
    connection.execute("ATTACH DATABASE ? AS new", (str(new),))
    for table in ("journal", "orders", "fills", "positions", "instruments", "commands"):
        columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
        source = "v_journal" if table == "journal" else table  # bodies were whole
        connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{source} ORDER BY sequence")
    connection.close()
    written = "SELECT * FROM journal ORDER BY sequence"
    whole = query(old, written)
    with open_ledger(old, strategy_id="alpha") as ledger:
        assert (ledger.head(), ledger.get_position("ACME")) == (head, position)
        assert ledger.verify().is_intact
        assert [order.order_id for order in ledger.find_orders(venue_order_id="V-SELL")] == ["SELL"]
        ledger.record_order("BUY", market_order("BUY", 10), command_id="C")
        assert ledger.head() == head
        groups = ledger.archivist.archivable(datetime.now(UTC) + timedelta(days=1))
        assert [reason for _, reason in ledger.archivist.let_go("A", groups)] == [None, None]
        ledger.record_order("NEW", market_order("BUY", 10))
        assert ledger.verify().is_intact
    assert query(old, "PRAGMA user_version") == [(schema.SCHEMA_VERSION,)]
    assert query(old, written)[: len(whole)] == whole
    assert query(old, "SELECT body FROM journal") != query(old, "SELECT body FROM v_journal")
    made = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    assert query(old, made) == query(new, made)


@pytest.mark.parametrize(
    ("application_id", "version", "objects", "expected"),
    [
        (0, 0, 0, 0),
        (schema.APPLICATION_ID, 1, 0, 1),
        (schema.APPLICATION_ID, schema.SCHEMA_VERSION, 1, schema.SCHEMA_VERSION),
        (0, 0, 1, None),
        (0, 1, 0, None),
        (42, 0, 0, None),
        (42, 1, 1, None),
        (schema.APPLICATION_ID, 0, 1, None),
        (schema.APPLICATION_ID, -1, 1, None),
    ],
)
def test_a_version_is_that_of_a_ledger(application_id: int, version: int, objects: int, expected: int | None) -> None:
    """A file without anything is new; one that is marked otherwise, or not at all, is none of ours."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"PRAGMA application_id = {application_id}")
    connection.execute(f"PRAGMA user_version = {version}")
    for number in range(objects):
        connection.execute(f"CREATE TABLE t{number} (a)")
    if expected is not None:
        assert schema.version_of(connection) == expected
    else:
        with pytest.raises(StorageCorrupt, match=f"no ledger .application_id 0x{application_id:08x}") as caught:
            schema.version_of(connection)
        assert caught.value.application_id == application_id
    connection.close()


def test_what_is_too_new_or_too_old_says_both_versions() -> None:
    """Who reads the error knows whether to update the program or the file."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 3")
    assert schema.version_of(connection, 3) == 3
    with pytest.raises(SchemaTooNew) as new:
        schema.version_of(connection, 2)
    assert (new.value.found, new.value.supported) == (3, 2)
    connection.close()
    schema.require_current(schema.SCHEMA_VERSION)
    with pytest.raises(StorageError, match="to migrate it") as old:
        schema.require_current(schema.SCHEMA_VERSION - 1)
    assert (old.value.found, old.value.supported) == (schema.SCHEMA_VERSION - 1, schema.SCHEMA_VERSION)
    with pytest.raises(StorageCorrupt, match="no ledger was ever written"):
        schema.require_current(0)


def test_no_plugin_of_sqlite_utils_is_run_on_a_ledger(connection: sqlite3.Connection) -> None:
    """Whatever else is installed beside it, a connection of ours is nobody's to prepare."""
    from sqlite_utils import hookimpl
    from sqlite_utils.plugins import pm

    class Plugin:
        """Would be given the connection."""

        @hookimpl
        def prepare_connection(self, conn: sqlite3.Connection) -> None:
            """Fail."""
            pytest.fail(f"{conn} was given away")

    plugin = Plugin()
    pm.register(plugin)
    try:
        schema.migrate(connection)
    finally:
        pm.unregister(plugin)
