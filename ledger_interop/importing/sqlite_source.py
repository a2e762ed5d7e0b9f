"""Reading another program's SQLite file, which may be hostile: nothing but SELECTs on its tables, nothing written.

A file with a -wal beside it is read with what stands there; a bot may be writing it meanwhile.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from os import PathLike, fsencode
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ledger_interop.errors import UnreadableSource

ROWS_AT_ONCE = 500
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_FUNCTION)
_FUNCTIONS = ("count", "max", "min", "coalesce", "like")


class SqliteSource:
    """A SQLite file of another program, opened for reading; use it in a `with` block."""

    def __init__(self, path: str | PathLike[str], *tables: str) -> None:
        """Open a file that has these tables; raise UnreadableSource for anything else."""
        self.path = Path(path)
        if not self.path.is_file():
            problem = "is a directory" if self.path.is_dir() else "does not exist"
            raise UnreadableSource(f"{self.path} {problem}")
        if not self.path.stat().st_size:  # SQLite would take a log beside it for another file's, and delete it
            raise UnreadableSource(f"{self.path} is empty")
        self._total = 0
        self._done = 0
        try:
            uri = f"file:{quote(fsencode(self.path.resolve()))}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise UnreadableSource(f"{self.path} cannot be opened: {error}") from error
        try:
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA trusted_schema = OFF")
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.set_authorizer(_authorize)
            missing = [table for table in tables if not self.columns(table)]
            if missing:
                raise UnreadableSource(f"{self.path} has no table {', '.join(missing)}: it is of another program")
        except sqlite3.Error as error:
            self.close()
            raise UnreadableSource(f"{self.path} is no SQLite file, or a broken one: {error}") from error
        except UnreadableSource:
            self.close()
            raise

    @property
    def done(self) -> float:
        """How much of what is to be read was read, from 0 to 1."""
        return min(1.0, self._done / self._total) if self._total else 0.0

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table and the types that they were declared with."""
        rows = self._all(f"PRAGMA table_info({_quoted(table)})")
        return {str(row["name"]): str(row["type"]).upper() for row in rows}

    def expect(self, table: str) -> None:
        """Count the rows of a table to those that are to be read, for `done`."""
        self._total += int(self._all(f"SELECT count(*) AS n FROM {_quoted(table)}")[0]["n"])

    def rows(self, table: str, order_by: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Generate the rows of a table, as mappings; memory does not grow with the table."""
        ordering = ", ".join(_quoted(name) for name in order_by)
        try:
            cursor = self._connection.execute(f"SELECT * FROM {_quoted(table)} ORDER BY {ordering}")
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                self._done += len(rows)
                for row in rows:
                    yield dict(row)
        except sqlite3.Error as error:
            raise UnreadableSource(f"{self.path} is broken: {error}", place=f"table {table}") from error

    def related(self, table: str, column: str, value: object, order_by: str) -> list[dict[str, Any]]:
        """Return the rows of a table that belong to a row of another."""
        found = self._all(
            f"SELECT * FROM {_quoted(table)} WHERE {_quoted(column)} = ? ORDER BY {_quoted(order_by)}", (value,)
        )
        return [dict(row) for row in found]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Use the source as a context manager that closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        self.close()

    def _all(self, statement: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise UnreadableSource(f"{self.path} is no SQLite file, or a broken one: {error}") from error


def _quoted(name: str) -> str:
    """Return a name of a table or column for a statement; all of them are ours, none is the file's."""
    return '"' + name.replace('"', '""') + '"'


def _authorize(action: int, name: str | None, value: str | None, *_: object) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_OK if value in _FUNCTIONS else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if name == "table_info" else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
