"""What a file's schema may hold beside our own: nothing that SQLite runs, or changes, while we write."""

import sqlite3
from collections.abc import Sequence

import pytest

from ledger_core.errors import StorageCorrupt
from ledger_storage_sqlite import schema
from ledger_storage_sqlite._schema_check import SCHEMA, oddity_of, require_readable, require_writable


@pytest.fixture(scope="module")
def ours() -> Sequence[Sequence[object]]:
    """Return the schema of a file that our migrations made."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    rows = connection.execute(SCHEMA).fetchall()
    connection.close()
    return rows


@pytest.mark.parametrize(
    "row",
    [
        ("table", "notes", "notes", "CREATE TABLE notes (a, b)"),
        ("table", "notes", "notes", "CREATE TABLE notes(a, b)"),
        ("table", "my notes", "my notes", 'CREATE TABLE "my notes" (a)'),
        ("table", "my notes", "my notes", "CREATE TABLE [my notes] (a)"),
        ("table", "my notes", "my notes", "CREATE TABLE `my notes` (a)"),
        ("view", "mine", "mine", "CREATE VIEW mine AS SELECT 1"),
        ("view", "mine", "mine", "CREATE VIEW mine AS SELECT 'references' FROM orders"),
        ("index", "i", "notes", "CREATE INDEX i ON notes (a)"),
        ("index", "i", "notes", "CREATE UNIQUE INDEX i ON notes (a)"),
        ("index", "i", "notes", 'CREATE INDEX i ON notes ("references")'),
        ("index", "sqlite_autoindex_notes_1", "notes", None),
    ],
)
def test_what_others_may_have_in_the_file(ours: Sequence[Sequence[object]], row: tuple[object, ...]) -> None:
    """Tables, indexes and views of a user's own are never touched by what we write."""
    assert oddity_of([*ours, row], schema.SCHEMA_VERSION) is None


@pytest.mark.parametrize(
    "row",
    [
        ("trigger", "t", "notes", "CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT 1; END"),
        ("table", "notes", "notes", "CREATE TABLE notes (a REFERENCES orders (order_id))"),
        ("table", "notes", "notes", "CREATE TABLE notes (a references orders (order_id))"),
        ("table", "notes", "notes", "CREATE VIRTUAL TABLE notes USING fts5 (a)"),
        ("table", "notes", "notes", "CREATE TABLE ORDERS (a)"),
        ("table", "notes", "notes", b"CREATE TABLE notes (a)"),
        ("view", "mine", "mine", "CREATE VIEW orders AS SELECT 1"),
        ("index", "i", "notes", "CREATE INDEX i ON orders (reason)"),
        ("index", "journal", "notes", "CREATE INDEX journal ON notes (a)"),
        ("index", "i", "notes", None),
        ("index", "sqlite_autoindex_other_1", "notes", None),
    ],
)
def test_what_may_run_on_our_writes_is_named(ours: Sequence[Sequence[object]], row: tuple[object, ...]) -> None:
    """SQLite goes by the text of a statement, whatever stands beside it; so it is the text that is judged."""
    assert oddity_of([*ours, row], schema.SCHEMA_VERSION) == (
        f"the file's schema has the {row[0]} {row[1]!r}, which is no part of a ledger and may run on its writes"
    )


@pytest.mark.parametrize("table", ["orders", "Orders", "ORDERS"])
def test_what_was_added_to_our_tables_is_seen(ours: Sequence[Sequence[object]], table: str) -> None:
    """An index on one of our tables would be written with it, however its name is spelled."""
    row = ("index", "i", table, f"CREATE INDEX i ON {table} (reason)")
    sentence = "an index or a trigger on the file's tables was added, changed or removed"
    assert oddity_of([*ours, row], schema.SCHEMA_VERSION) == sentence
    assert oddity_of(ours[1:], schema.SCHEMA_VERSION) == sentence
    assert oddity_of([*ours, row], schema.SCHEMA_VERSION + 1) is None, "of a version that we do not know, nothing is"


def test_a_refusal_says_the_version_and_the_encoding(ours: Sequence[Sequence[object]]) -> None:
    """Who finds a file refused knows which schema it was compared with."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    assert require_readable(connection, schema.SCHEMA_VERSION) == ours
    require_writable(connection, schema.SCHEMA_VERSION)
    connection.execute("CREATE INDEX i ON orders (reason)")
    require_readable(connection, schema.SCHEMA_VERSION)
    with pytest.raises(StorageCorrupt, match="was added, changed or removed; the ledger can be opened") as odd:
        require_writable(connection, schema.SCHEMA_VERSION)
    assert odd.value.version == schema.SCHEMA_VERSION
    connection.execute("ALTER TABLE orders ADD COLUMN more TEXT")
    with pytest.raises(StorageCorrupt, match="to the letter") as changed:
        require_readable(connection, schema.SCHEMA_VERSION)
    assert changed.value.version == schema.SCHEMA_VERSION
    with pytest.raises(StorageCorrupt, match="to the letter"):
        require_writable(connection, schema.SCHEMA_VERSION)
    connection.close()
    other = sqlite3.connect(":memory:")
    other.execute("PRAGMA encoding = 'UTF-16le'")
    other.execute("CREATE TABLE a (b)")
    with pytest.raises(StorageCorrupt, match="stores text as UTF-16le") as encoded:
        require_readable(other, schema.SCHEMA_VERSION)
    assert encoded.value.encoding == "UTF-16le"
    other.close()
