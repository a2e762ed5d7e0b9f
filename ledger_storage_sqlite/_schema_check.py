"""Whether a file's schema is the one that our migrations make, to the letter, and runs nothing else on our writes.

A ledger file may come from anywhere. SQLite runs what the schema says: a trigger on each write, a view in place of a
table, an expression of an index, of a generated column or of a CHECK. So whatever is on our tables, or named like
them, must be ours. Beside them may lie what SQLite never touches when we read and write our own: tables of other
tools (sqlite-utils, Litestream), their indexes, and views that people have made. No trigger, no virtual table, and no
foreign key, whose actions would run when our rows change.

SQLite goes by the text of a statement alone, whatever the columns beside it say; so does what is judged here.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping
from hashlib import sha256

from ledger_core.errors import StorageCorrupt
from ledger_storage_sqlite._columns import TABLES

# fmt: off
OUR_NAMES = frozenset({
    "journal", "cursors", "venue_orders", *(table.name for table in TABLES.values()),
    "v_open_orders", "v_positions", "v_fills", "v_trades", "v_pnl_daily", "v_needs_attention",
})
"""Our tables and views. Indexes and triggers are named after the table that they are on."""
# fmt: on

DIGESTS: Mapping[int, frozenset[str]] = {
    1: frozenset({"0ef03f234fc597201a1432aa0d4f15ce38b297513d3c066ee99e485e6abd33b6"}),
}
"""By schema version, `digest_of` our part of it; several where SQLite's releases write the same change differently."""

_ALL = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
_NAME = r'(?:"([^"]+)"|\[([^\]]+)\]|`([^`]+)`|(\w+))'
_INERT = re.compile(rf"CREATE (?:(TABLE) {_NAME}|VIEW {_NAME}|(?:UNIQUE )?INDEX {_NAME}\s+ON {_NAME})[\s(]")
_FOREIGN_KEY = re.compile("references", re.IGNORECASE)

SchemaRow = tuple[str, str, str, str | None]
"""(type, name, table, statement) of `sqlite_schema`; what SQLite made itself has no statement."""


def require_ours(connection: sqlite3.Connection, version: int) -> None:
    """Raise StorageCorrupt unless the file is in UTF-8 and its schema is ours, of this version, or inert."""
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        raise StorageCorrupt(f"the file stores text as {encoding}; a ledger's is UTF-8", encoding=encoding)
    rows = connection.execute(_ALL).fetchall()
    for kind, name, table, sql in rows:
        if str(table).casefold() not in OUR_NAMES and not _is_inert(name, table, sql):
            raise StorageCorrupt(
                f"the file's schema has the {kind} {name!r}, which is no part of a ledger and could run on its writes;"
                " remove it with an SQLite tool if you know what it is",
                name=name,
            )
    if version in DIGESTS and digest_of(rows) not in DIGESTS[version]:
        raise StorageCorrupt(
            "the file's schema is not, to the letter, that of a ledger: a table, index, trigger or view on it was"
            f" added, changed or removed (schema {version}, digest {digest_of(rows)})",
            version=version,
        )


def digest_of(rows: Iterable[SchemaRow]) -> str:
    """Return a digest over our part of a schema, whose rows come ordered by type and name."""
    ours = (row for row in rows if str(row[2]).casefold() in OUR_NAMES)
    return sha256("\0\0".join("\0".join(map(str, row)) for row in ours).encode(errors="surrogatepass")).hexdigest()


def _is_inert(name: object, table: object, sql: object) -> bool:
    """Say whether an object that is not ours is one that SQLite leaves alone while we use our own."""
    if sql is None:
        return str(name).startswith(f"sqlite_autoindex_{table}_")
    found = _INERT.match(sql) if isinstance(sql, str) else None
    if found is None or (found[1] and _FOREIGN_KEY.search(found.string)):
        return False
    return not any(part.casefold() in OUR_NAMES for part in found.groups() if part is not None)
