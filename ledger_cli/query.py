"""`strategy-ledger query`: a question in SQL, which can only read, and is stopped by Ctrl-C or after a time.

SQLite is asked to refuse everything but reading (its authorizer, and `query_only` behind it); the answer, the time and
the memory are bounded, because the bot may run on the same machine.
"""

import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from types import FrameType
from typing import Any

import attrs
import click

from ledger_cli import sqlite_files
from ledger_cli.asking import LedgerPath, ledger_paths, parse_duration, printer_of, printing_options
from ledger_cli.failures import Interrupted, Misused, Refused
from ledger_cli.listing import Cell, Column, Form, Listing, Printer
from ledger_cli.reading import ROWS_DEFAULT, say
from ledger_cli.settings import Settings
from ledger_rescue import Changed

ROWS_OF_PROGRAMS = 10_000
"""How many rows JSON and CSV have unless told otherwise."""

VALUE_BYTES_MAX = 16 * 1024 * 1024
MEMORY_MAX = 1024 * 1024 * 1024
"""What SQLite may use for one query: a sort of everything must not take the machine from the bot."""

_STEPS = 10_000  # of SQLite's machine, between two looks at the clock

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"})


@click.command(short_help="A question in SQL; it can only read.")
@click.argument("arguments", nargs=-1, required=True, metavar="[PATH] SQL", type=LedgerPath())
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="Show at most N rows; 0 means all.")
@click.option("--all", "everything", is_flag=True, help="All rows, however many.")
@click.option(
    "--timeout", default="60s", show_default=True, metavar="TIME", help="Stop after this time; 0s means never."
)
@printing_options
def query(
    arguments: tuple[str, ...],
    limit: int | None,
    everything: bool,
    timeout: str,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
) -> None:
    """Ask a ledger file in SQL. It can only read: whatever would write is refused. Ctrl-C stops it.

    PATH is a ledger file. The views are the place to begin: v_open_orders, v_positions, v_fills, v_trades,
    v_pnl_daily, v_needs_attention, v_journal; `select name, sql from sqlite_schema` shows everything. Numbers of orders
    and money are text, exact to the last digit: what SQL computes from them is floating point, and is not.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    if len(arguments) > 2:
        raise Misused("a query is one PATH and one SQL text: quote the SQL")
    (path,) = ledger_paths(arguments[:-1], settings)
    seconds = parse_duration(timeout, "--timeout")
    asked = _Query(
        sql=arguments[-1],
        rows_max=_rows_max(printer, limit, everything=everything),
        seconds=0.0 if seconds is None else seconds.total_seconds(),
    )
    file = sqlite_files.file_of(path)
    try:
        with sqlite_files.reading(file) as connection:
            asked.answer(connection, printer)
    except Changed:
        raise Interrupted(f"{file} was opened for writing while it was read: ask again", "CHANGED") from None


@attrs.frozen(kw_only=True)
class _Query:
    """A question, and its bounds."""

    sql: str
    rows_max: int | None
    seconds: float

    def answer(self, connection: sqlite3.Connection, printer: Printer) -> None:
        """Ask it and print the answer; raise Refused for what is no reading, Interrupted where it was stopped."""
        refused: list[str] = []
        _bound(connection, refused)
        with _stoppable(connection, self.seconds) as why_stopped:
            try:
                cursor = connection.execute(self.sql)
                self._print(cursor, printer)
            except sqlite3.Warning as error:
                raise Misused(str(error)) from error
            except sqlite3.Error as error:
                if why_stopped:
                    raise Interrupted(why_stopped[0]) from error
                if refused:
                    raise Refused(f"a query can only read: {refused[0]}") from error
                raise _told(error) from error
            except MemoryError as error:
                raise Refused(f"the query needs more than {MEMORY_MAX // 1024**2} MiB of memory") from error

    def _print(self, cursor: sqlite3.Cursor, printer: Printer) -> None:
        if cursor.description is None:
            raise Misused("there is no query in it")
        names = [column[0] for column in cursor.description]
        listing: Listing[Sequence[Any]] = Listing(
            tuple(Column(name, name) for name in names),
            lambda row: (tuple(_cell(value) for value in row),),
            lambda row: dict(zip(names, map(_json, row), strict=True)),
        )
        rows = _Rows(cursor, self.rows_max)
        printer.print(listing, rows)
        if rows.has_more:
            say(f"showing {rows.count:,} rows of more; --all")


class _Rows:
    """The rows of a cursor, up to so many; it knows whether there would have been more."""

    def __init__(self, cursor: sqlite3.Cursor, rows_max: int | None) -> None:
        self._cursor = cursor
        self._rows_max = rows_max
        self.count = 0
        self.has_more = False

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in islice(self._cursor, self._rows_max):
            self.count += 1
            yield row
        self.has_more = self.count == self._rows_max and self._cursor.fetchone() is not None


def _rows_max(printer: Printer, limit: int | None, *, everything: bool) -> int | None:
    if everything or limit == 0:
        return None
    return limit or (ROWS_DEFAULT if printer.form in (Form.TABLE, Form.MARKDOWN) else ROWS_OF_PROGRAMS)


def _bound(connection: sqlite3.Connection, refused: list[str]) -> None:
    """Let the connection do nothing but read, with bounded memory."""
    connection.execute(f"PRAGMA hard_heap_limit = {MEMORY_MAX}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)

    def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in _ALLOWED and second != "load_extension":
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS:
            return sqlite3.SQLITE_OK
        refused.append(f"{_ACTIONS.get(action, 'not this:')} {first or second or ''}".strip())
        return sqlite3.SQLITE_DENY

    connection.set_authorizer(authorize)


# The codes of what SQLite asks leave for, by the words that SQL has for them.
_ACTIONS = {
    getattr(sqlite3, name): name.removeprefix("SQLITE_").lower().replace("_", " ")
    for name in dir(sqlite3)
    if name.startswith(("SQLITE_CREATE_", "SQLITE_DROP_", "SQLITE_ALTER_"))
    or name
    in (
        "SQLITE_INSERT",
        "SQLITE_UPDATE",
        "SQLITE_DELETE",
        "SQLITE_PRAGMA",
        "SQLITE_ATTACH",
        "SQLITE_DETACH",
        "SQLITE_TRANSACTION",
        "SQLITE_SAVEPOINT",
        "SQLITE_REINDEX",
        "SQLITE_ANALYZE",
    )
}


@contextmanager
def _stoppable(connection: sqlite3.Connection, seconds: float) -> Iterator[list[str]]:
    """Stop the query at Ctrl-C, or when its time is up; what is yielded says why it was stopped."""
    why: list[str] = []
    deadline = time.monotonic() + seconds if seconds else None

    def look() -> int:
        """Run inside SQLite, every so many steps: Python's own handlers of signals run with it."""
        if deadline is not None and time.monotonic() > deadline and not why:
            why.append(f"stopped after {seconds:g} s; --timeout gives it more")
        return bool(why)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        why.append("stopped by Ctrl-C")

    before = signal.signal(signal.SIGINT, interrupt)
    connection.set_progress_handler(look, _STEPS)
    try:
        yield why
    finally:
        connection.set_progress_handler(None, 0)
        signal.signal(signal.SIGINT, before)


def _told(error: sqlite3.Error) -> Exception:
    """Return what SQLite says about the SQL itself; what it says of the file stays as it is."""
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    if name in ("SQLITE_ERROR", "SQLITE_RANGE", "SQLITE_MISMATCH", "SQLITE_TOOBIG") or isinstance(
        error, sqlite3.ProgrammingError
    ):
        return Misused(str(error), name)
    return error


def _cell(value: Any) -> Cell:
    if isinstance(value, bytes):
        return value.hex()
    return repr(value) if isinstance(value, float) else value


def _json(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
