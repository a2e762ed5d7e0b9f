"""What a ledger file holds, as a plain SQLite connection reads it: the judge of whether a damage changed anything.

Nothing of the adapter has a part in it, and nothing is interpreted: texts are bytes. Rows come in the order in which
they lie in the file, since a row in the wrong place is one that a search does not find.
"""

import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

Content = Mapping[str, list[tuple[object, ...]]]

EXEMPT = frozenset({"cursors", "_sqlite_migrations"})
"""Tables that are nobody's truth: how far a subscriber was served, which steps made the file."""

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
_INDEX = re.compile(rb"CREATE(?: UNIQUE)? INDEX (\w+) ON (\w+)\s*\(([^)]+)\)(?:\s+WHERE (.+))?", re.DOTALL)

_OF_JOURNAL = b"CREATE INDEX sqlite_autoindex_journal_1 ON journal (strategy_id, sequence)"
"""What SQLite itself makes of the journal's primary key; it is the only index without a statement."""


def content_of(path: Path) -> Content | None:
    """Return every row of every table and index, and the schema; None where SQLite cannot read it.

    The connection may write, as recovering a WAL takes that; examine a copy.
    """
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    try:
        objects = connection.execute(_SCHEMA).fetchall()
        schema = [row for row in objects if row[2].decode().casefold() not in EXEMPT]  # as SQLite compares names
        content = {"schema": schema, "marks": _marks(connection)}
        for kind, name, _, sql in schema:
            if kind == b"table":
                # Of the journal neither the order means anything nor how far a body is shortened.
                is_journal = name == b"journal"
                source = "v_journal" if is_journal else f"{name.decode()} NOT INDEXED"
                rows = connection.execute(f"SELECT * FROM {source}").fetchall()
                content[name.decode()] = sorted(rows, key=repr) if is_journal else rows
            elif kind == b"index":
                content[name.decode()] = connection.execute(_scan_of(sql or _OF_JOURNAL)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):  # the latter from a message about a damaged schema
        return None
    finally:
        connection.close()
    return content


def _scan_of(sql: bytes) -> str:
    found = _INDEX.fullmatch(sql)
    if found is None:
        raise sqlite3.DatabaseError(f"no index of ours: {sql!r}")
    name, table, columns, condition = (part and part.decode() for part in found.groups())
    return f"SELECT {columns} FROM {table} INDEXED BY {name} WHERE {condition or 'TRUE'}"


def _marks(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return [connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version", "encoding")]


def integrity_of(path: Path) -> str:
    """Return the first line of `PRAGMA integrity_check`: `ok` where it finds nothing."""
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return str(error)
    finally:
        connection.close()
