"""storage-sqlite.md: the URL, the files, the tables and the views, from a ledger file made for the purpose."""

import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _generator.markdown import code, codes, fence, page, prose, sentence, table
from ledger_storage_sqlite import _location, schema
from ledger_storage_sqlite.repository import open_repository

INTRODUCTION = """\
The default store is one SQLite file that every SQLite tool can read. Decimals and times are canonical text, tables
are STRICT, and no number of a table ever was a float. What each durability promises is in
[durability](../explanation/durability.md).
"""

SYNCHRONOUS = {
    "full": "what was acknowledged survives a power cut",
    "process": "survives a killed process; a power cut may take the last entries",
    "none": "for tests",
}

VIEWS = {
    "v_open_orders": "what the venue may still execute",
    "v_positions": "what is held now",
    "v_fills": "every execution",
    "v_trades": "every trade",
    "v_pnl_daily": "gross PnL by the day on which positions went flat",
    "v_needs_attention": "what a person looks at first after a crash",
    "v_journal": "every entry, its body spelled out to the byte",
}


def files() -> dict[str, str]:
    """Return the page."""
    assert set(SYNCHRONOUS) == set(_location.DURABILITIES), "every durability has its words"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        open_repository(f"sqlite:///{path}?durability=none", strategy_id="-").close()
        connection = sqlite3.connect(path)
        try:
            parts = _parts(connection)
        finally:
            connection.close()
    return {"storage-sqlite.md": page("SQLite storage", INTRODUCTION, *parts)}


def _parts(connection: sqlite3.Connection) -> list[str]:
    tables = _names(connection, "table")
    views = _names(connection, "view")
    assert set(views) == set(VIEWS), "every view has its words"
    return [
        "## The URL",
        prose(open_repository.__doc__),
        table(
            ("`durability=`", "SQLite's `synchronous`", "promise"),
            [
                (code(name) + (" (default)" if name == "full" else ""), code(level), SYNCHRONOUS[name])
                for name, level in _location.DURABILITIES.items()
            ],
        ),
        (
            f"`busy_timeout=` takes seconds from 0 to {_location.BUSY_TIMEOUT_MAX:,.0f}; the default is "
            f"{_location.BUSY_TIMEOUT_DEFAULT:g}. `check=` takes {codes(_location.CHECKS)}: with `quick` or `full` the "
            "whole file is looked through when it is opened. A file on one of these file systems is refused, because "
            f"SQLite's write-ahead log does not work there: {codes(sorted(_location.NETWORK_FILE_SYSTEMS))}."
        ),
        "## The files",
        "Beside the ledger lie files that belong to it; they are made for their owner alone.",
        table(
            ("file", "what it is"),
            (
                ("`x.db`", "the ledger"),
                (
                    "`x.db-wal`, `x.db-shm`",
                    "SQLite's write-ahead log and its index; the log may hold what `x.db` has not",
                ),
                (
                    "`x.db-lock`",
                    "held around each write transaction and checkpoint; a byte in it tells of a writer that died",
                ),
                (
                    "`x.db-claims/`",
                    "one file for each claimed cursor, locked by its owner; the content is its process id",
                ),
            ),
        ),
        (
            f"`PRAGMA application_id` is `{schema.APPLICATION_ID:#010x}`, `PRAGMA user_version` is the schema's "
            f"version, now {schema.SCHEMA_VERSION}. A program refuses a file of a newer version with `SchemaTooNew`."
        ),
        "## Views",
        (
            "For people with any SQLite tool. Columns named `..._rounded` passed through floating point and are for "
            "the eye only."
        ),
        table(("view", "what it shows"), [(f"[`{name}`](#{name})", VIEWS[name]) for name in views]),
        *(_view(connection, name) for name in views),
        "## Tables",
        table(
            ("table", "columns"), [(f"[`{name}`](#{name})", str(len(_columns(connection, name)))) for name in tables]
        ),
        *(_table(connection, name) for name in tables),
    ]


def _names(connection: sqlite3.Connection, kind: str) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'"
        " ORDER BY rowid",
        (kind,),
    )
    return [name for (name,) in rows]


def _columns(connection: sqlite3.Connection, name: str) -> Sequence[tuple[str, str, int, int]]:
    rows = connection.execute('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (name,))
    return rows.fetchall()


def _note(sql: str) -> str:
    """Return the comment lines that stand alone at the top of a statement."""
    lines = [line.strip() for line in sql.splitlines() if line.strip().startswith("--")]
    return " ".join(line.removeprefix("--").strip() for line in lines)


def _view(connection: sqlite3.Connection, name: str) -> str:
    (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    columns = [column for column, *_ in _columns(connection, name)]
    return "\n\n".join(part for part in (f"### {name}", sentence(_note(sql)), f"Columns: {codes(columns)}.") if part)


def _table(connection: sqlite3.Connection, name: str) -> str:
    (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    rows = [
        (
            code(column),
            code(kind),
            "" if required or key else "yes",
            str(key) if key else "",
        )
        for column, kind, required, key in _columns(connection, name)
    ]
    indexes = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? AND sql IS NOT NULL"
        " ORDER BY rowid",
        (name,),
    )
    others = "\n".join(f"{text};" for (text,) in indexes)
    parts = [f"### {name}", sentence(_note(sql)), table(("column", "type", "may be NULL", "place in the key"), rows)]
    if others:
        parts.append(fence("sql", others))
    return "\n\n".join(part for part in parts if part)
