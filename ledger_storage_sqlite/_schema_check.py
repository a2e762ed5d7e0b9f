"""Whether a file's schema is the one that our migrations make, to the letter, and runs nothing else when we use it.

A ledger file may come from anywhere. SQLite runs what the schema says: a trigger or an expression of an index on each
write, a view in place of a table, a generated column. So for reading, our tables and views must be ours, to the
letter. For writing, so must be all that is on them, and beside them may lie only what SQLite never touches when we
write our own: tables of other tools (sqlite-utils, Litestream), their indexes, and views that people have made. No
trigger, no virtual table, and no foreign key, whose actions would run when our rows change.

SQLite goes by the text of a statement alone, whatever the columns beside it say; so does what is judged here.
"""

import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256

import attrs

from ledger_core.errors import StorageCorrupt
from ledger_storage_sqlite._columns import TABLES

# fmt: off
OUR_NAMES = frozenset({
    "journal", "cursors", "venue_orders", "checkpoint_pages", *(table.name for table in TABLES.values()),
    "v_open_orders", "v_positions", "v_fills", "v_trades", "v_pnl_daily", "v_needs_attention", "v_journal",
})
"""Our tables and views. An index or a trigger is of ours if it is on one of them."""
# fmt: on

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

SchemaRow = Sequence[object]
"""(type, name, table, statement) of `sqlite_schema`; what SQLite made itself has no statement."""


@attrs.frozen
class Digests:
    """What `digest_of` says of our tables and views, and of all that is on them."""

    tables: str
    whole: str


DIGESTS: Mapping[int, Digests] = {
    1: Digests(
        tables="16d13ef7e11a7e8ec9094d3b2717de51187fa615e775b9289c8cff54c2e7e9bd",
        whole="dce6cd46ccd0b990d3aff7e77070308d53985d133666027ca45371a64d203f3b",
    ),
    2: Digests(
        tables="0b94d5b9325b1bc6c49fd718e17a3fad24ff06f3fbf4512ed28b158ff4aa24d3",
        whole="7098741c0363e7316fd35eac2abad6c8a77050d0c4b59521a864ab112fbbfc8e",
    ),
    3: Digests(
        tables="b050a5ad572dbcc1f6495550152a5174a03c9503d82a5425895fd86f8a022634",
        whole="1e650d58a9c93c706ba002d904156bcb489317fcbc6f9f488ca610457aa9ce0b",
    ),
    4: Digests(
        tables="de68ba66cfbc1cdb443f26cbcc4492dac17699dafad86cc288e0db5ddc85fc88",
        whole="046e098eca80dbf86277f0cd16ba04a12ea395d9957a6aa3a491cce0d3581ba8",
    ),
}
"""By schema version. A migration brings those of its version along."""

_NAME = r'(?:"([^"]+)"|\[([^\]]+)\]|`([^`]+)`|(\w+))'
_INERT = re.compile(rf"CREATE (?:(TABLE) {_NAME}|VIEW {_NAME}|(?:UNIQUE )?INDEX {_NAME}\s+ON {_NAME})[\s(]")
_FOREIGN_KEY = re.compile("references", re.IGNORECASE)
_TABLES_AND_VIEWS = frozenset({"table", "view"})


def require_readable(connection: sqlite3.Connection, version: int) -> Sequence[SchemaRow]:
    """Return the schema; raise StorageCorrupt unless it is in UTF-8 and our tables and views are of this version."""
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        raise StorageCorrupt(f"the file stores text as {encoding}; a ledger's is UTF-8", encoding=encoding)
    rows: list[SchemaRow] = connection.execute(SCHEMA).fetchall()
    if version in DIGESTS and digest_of(rows, _TABLES_AND_VIEWS) != DIGESTS[version].tables:
        raise StorageCorrupt(
            "the tables and views of the file are not, to the letter, those of a ledger", version=version
        )
    return rows


def require_writable(connection: sqlite3.Connection, version: int) -> None:
    """Raise StorageCorrupt unless the file is readable, and nothing but our own is run when it is written."""
    oddity = oddity_of(require_readable(connection, version), version)
    if oddity is not None:
        raise StorageCorrupt(f"{oddity}; the ledger can be opened for reading", version=version)


def oddity_of(rows: Sequence[SchemaRow], version: int) -> str | None:
    """Return what keeps a schema from being written, in words; None where nothing does."""
    for kind, name, table, sql in rows:
        if str(table).casefold() not in OUR_NAMES and not _is_inert(name, table, sql):
            return f"the file's schema has the {kind} {name!r}, which is no part of a ledger and may run on its writes"
    if version in DIGESTS and digest_of(rows) != DIGESTS[version].whole:
        return "an index or a trigger on the file's tables was added, changed or removed"
    return None


def digest_of(rows: Iterable[SchemaRow], kinds: Collection[object] | None = None) -> str:
    """Return a digest over our part of a schema, whose rows come ordered by type and name."""
    ours = (row for row in rows if str(row[2]).casefold() in OUR_NAMES and (kinds is None or row[0] in kinds))
    return sha256("\0\0".join("\0".join(map(str, row)) for row in ours).encode()).hexdigest()


def _is_inert(name: object, table: object, sql: object) -> bool:
    """Say whether an object that is not ours is one that SQLite leaves alone while we use our own."""
    if sql is None:
        return str(name).startswith(f"sqlite_autoindex_{table}_")
    found = _INERT.match(sql) if isinstance(sql, str) else None
    if found is None or (found[1] and _FOREIGN_KEY.search(found.string)):
        return False
    return not any(part.casefold() in OUR_NAMES for part in found.groups() if part is not None)
