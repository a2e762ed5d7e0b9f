"""Datasette over one ledger file that may be written meanwhile: it can only read, and leaves no trace.

Every question opens the file anew, as `ledger_rescue` does, and asks in one transaction: an answer is never older than
its question, and between questions nothing of the file is held. Where a log lies there without its index, which a power
cut leaves, the copy that reading it needs is kept until the file changes. Questions come one after the other, so a page
of many queries never takes more than one processor from the bot.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

os.environ.setdefault("DATASETTE_LOAD_PLUGINS", "")  # plugins that happen to be installed may write

from datasette.app import Datasette
from datasette.database import Database

from ledger_cli.explorer_queries import QUERIES
from ledger_cli.whole_answers import note_cut
from ledger_core.numbers import decimal_text, plus
from ledger_rescue import ATTEMPTS_MAX, Changed, Reading

NAME = "ledger"
"""What the file is called in addresses."""

ROWS_MAX = 1_000
"""How many rows a query shows; of more it says so."""

SETTINGS = {
    "allow_download": False,
    "allow_csv_stream": True,
    "default_cache_ttl": 0,  # a page is as old as its question
    "max_returned_rows": ROWS_MAX,
    "num_sql_threads": 1,
    "sql_time_limit_ms": 5_000,
    "suggest_facets": False,  # guesses that cost a query for each column
    "truncate_cells_html": 0,  # a cell is shown whole
}

_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_PRAGMAS = frozenset(
    {"database_list", "foreign_key_list", "function_list", "index_info", "index_list", "index_xinfo", "schema_version",
     "table_info", "table_list", "table_xinfo"}
)  # fmt: skip


class ExactSum:
    """The aggregate exact_sum(x): adds decimals that are stored as text; what is NULL does not count."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, value: str | int | None) -> None:
        """Add a value."""
        if value is not None:
            self._sum = plus(self._sum, Decimal(value))

    def finalize(self) -> str:
        """Return the sum as it would be stored."""
        return decimal_text(self._sum)


class LedgerDatabase(Database):  # type: ignore[misc]  # Datasette ships no types
    """The ledger as Datasette asks for it: each question is a reading of its own, and nothing writes."""

    def __init__(self, datasette: Datasette, path: Path) -> None:
        super().__init__(datasette, path=str(path), is_mutable=True)
        self._file = path
        self._copy: Reading | None = None
        self._copies = ExitStack()

    def connect(self, write: bool = False) -> sqlite3.Connection:  # noqa: ARG002  # Datasette's signature
        """Refuse: a connection that is kept would grow old, and none may write."""
        raise PermissionError("the explorer opens the ledger for reading, and anew for each question")

    async def execute_fn(self, fn: Callable[[sqlite3.Connection], Any]) -> Any:
        """Ask the file something, in the one thread for questions."""
        return await asyncio.get_running_loop().run_in_executor(self.ds.executor, self.ask, fn)

    async def execute_write_fn(self, fn: Callable[[sqlite3.Connection], Any], block: bool = True) -> Any:  # noqa: ARG002
        """Refuse to write."""
        raise PermissionError("the explorer writes nothing")

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        """Ask a query, and note where it had more rows than it returns."""
        results = await super().execute(*arguments, **options)
        if results.truncated:
            note_cut()
        return results

    def ask(self, fn: Callable[[sqlite3.Connection], Any]) -> Any:
        """Ask the file something, again where it changed meanwhile."""
        for _ in range(ATTEMPTS_MAX):
            try:
                return self._ask(fn)
            except Changed:
                self.close()
        raise sqlite3.OperationalError(f"{self._file} changed again and again while it was read")

    def close(self) -> None:
        """Forget the copy, if there is one. It belongs to the thread for questions."""
        self._copy = None
        self._copies.close()

    def _ask(self, fn: Callable[[sqlite3.Connection], Any]) -> Any:
        with ExitStack() as stack:
            reading = self._copy
            if reading is None:
                reading = stack.enter_context(Reading(self._file))
                self._prepare(reading.connection)
            answer = _in_one_transaction(reading.connection, fn)
            reading.require_unchanged()
            if self._copy is None and _file_of(reading.connection) != self._file:
                self._copy, self._copies = reading, stack.pop_all()
            return answer

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.create_aggregate("exact_sum", 1, ExactSum)  # type: ignore[arg-type]  # it never sees a blob
        self.ds._prepare_connection(connection, self.name)  # noqa: SLF001  # what Database.connect is followed by


def explorer_of(path: Path, shown: str) -> tuple[Datasette, LedgerDatabase]:
    """Return Datasette over a ledger, with its queries."""
    metadata = {
        "title": "StrategyLedger",
        "description": f"{shown}, read anew for each page. Nothing here writes.",
        "databases": {
            NAME: {
                "description": "Numbers are text, exact to the last digit. SQL that computes with them passes through "
                "floating point, but for exact_sum(column). Columns named ..._rounded are for the eye.",
                "tables": {"_sqlite_migrations": {"hidden": True}},
                "queries": {
                    name: {
                        "title": query.title,
                        "description": query.description,
                        "sql": query.sql,
                        "hide_sql": True,
                    }
                    for name, query in QUERIES.items()
                },
            }
        },
    }
    _keep_mistakes_off_stdout()
    datasette = Datasette([], metadata=metadata, settings=SETTINGS)
    datasette.remove_database("_memory")
    database = LedgerDatabase(datasette, path)
    datasette.add_database(database, name=NAME)
    return datasette, database


def _keep_mistakes_off_stdout() -> None:
    """Where rich is installed, Datasette prints all local variables of every mistake, until whoever reads stops."""
    from datasette import handle_exception  # only behind Datasette itself: it registers itself when that is imported

    handle_exception.rich = None


def _in_one_transaction(connection: sqlite3.Connection, fn: Callable[[sqlite3.Connection], Any]) -> Any:
    connection.execute("BEGIN")
    connection.set_authorizer(_authorize)
    try:
        return fn(connection)
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)
        connection.rollback()


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Let SQLite do nothing but read; a pragma may ask, and set nothing."""
    if action in _READING:
        return sqlite3.SQLITE_DENY if second == "load_extension" else sqlite3.SQLITE_OK
    is_asked = action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS
    return sqlite3.SQLITE_OK if is_asked else sqlite3.SQLITE_DENY


def _file_of(connection: sqlite3.Connection) -> Path:
    return Path(connection.execute("PRAGMA database_list").fetchone()[2]).resolve()
