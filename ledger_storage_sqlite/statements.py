"""Every SQL statement but the schema's: upper-case, parametrised, its text built once.

Because `strategy_id` leads every key, SQLite's planner passes over partial indexes; statements that ask for what
is open name their index (INDEXED BY), and a test pins the query plan of each.
"""

from collections.abc import Mapping
from functools import lru_cache

import attrs

from ledger_core.model import RecordKind
from ledger_core.repository import Ordering
from ledger_storage_sqlite._columns import TABLES, Table


def strategies_in(table: str) -> str:
    """Hop from one strategy of a table to the next: O(strategies), where DISTINCT would walk all its rows."""
    return (
        "WITH RECURSIVE strategies (strategy_id) AS ("
        f"SELECT MIN(strategy_id) FROM {table}"
        " UNION ALL"
        f" SELECT (SELECT MIN(t.strategy_id) FROM {table} AS t WHERE t.strategy_id > strategies.strategy_id)"
        " FROM strategies WHERE strategies.strategy_id IS NOT NULL"
        ") SELECT strategy_id FROM strategies WHERE strategy_id IS NOT NULL"
    )


BEGIN = "BEGIN IMMEDIATE"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"

HEAD = "SELECT sequence, digest, recorded_at FROM journal WHERE strategy_id = ? ORDER BY sequence DESC LIMIT 1"
INSERT_ENTRY = (
    "INSERT INTO journal (strategy_id, sequence, recorded_at, subject, body, digest) VALUES (?, ?, ?, ?, ?, ?)"
)
# The body comes back as the bytes that it is: a damaged text must reach the digest check, not fail to decode here.
READ = (
    "SELECT sequence, subject, CAST(body AS BLOB), digest FROM journal"
    " WHERE strategy_id = ? AND sequence > ? ORDER BY sequence LIMIT ?"
)
READ_SUBJECT = (
    "SELECT sequence, subject, CAST(body AS BLOB), digest FROM journal INDEXED BY journal_by_subject"
    " WHERE strategy_id = ? AND sequence > ? AND subject = ? ORDER BY sequence LIMIT ?"
)
# For verification: read without being understood, first as it should be, then with every text as its bytes.
READ_RAW = (
    "SELECT sequence, recorded_at, subject, CAST(body AS BLOB), digest, strategy_id FROM journal"
    " WHERE strategy_id = ? AND sequence > ? ORDER BY sequence LIMIT ?"
)
READ_RAW_BYTES = (
    "SELECT sequence, CAST(recorded_at AS BLOB), CAST(subject AS BLOB), CAST(body AS BLOB), CAST(digest AS BLOB),"
    " CAST(strategy_id AS BLOB) FROM journal WHERE strategy_id = ? AND sequence > ? ORDER BY sequence LIMIT ?"
)
# Of each order, which of its venue's ids `venue_orders` lacks; a text that is no JSON is reported as such elsewhere.
VENUE_IDS_MISSING = (
    "SELECT o.sequence, o.order_id, (SELECT json_group_array(j.value)"
    " FROM json_each(CASE WHEN json_valid(o.venue_order_ids) THEN o.venue_order_ids ELSE '[]' END) AS j"
    " WHERE NOT EXISTS (SELECT 1 FROM venue_orders AS v WHERE v.strategy_id = o.strategy_id"
    " AND v.venue_order_id = j.value AND v.order_id = o.order_id))"
    " FROM orders AS o WHERE o.strategy_id = ? AND (o.sequence, o.order_id) > (?, ?)"
    " ORDER BY o.sequence, o.order_id LIMIT ?"
)
VENUE_IDS_EXTRA = (
    "SELECT v.venue_order_id, v.order_id, EXISTS (SELECT 1 FROM orders AS o INDEXED BY orders_by_id,"
    " json_each(CASE WHEN json_valid(o.venue_order_ids) THEN o.venue_order_ids ELSE '[]' END) AS j"
    " WHERE o.strategy_id = v.strategy_id AND o.order_id = v.order_id AND j.value = v.venue_order_id)"
    " FROM venue_orders AS v WHERE v.strategy_id = ? AND (v.venue_order_id, v.order_id) > (?, ?)"
    " ORDER BY v.venue_order_id, v.order_id LIMIT ?"
)
# SQLite's own look at a table, its pages and its indexes; table by table, so that no read is longer than it must be.
CHECK_INTEGRITY: Mapping[str, str] = {
    table: f"PRAGMA integrity_check({table})"
    for table in ("journal", "cursors", "venue_orders", "checkpoint_pages", *(table.name for table in TABLES.values()))
}
STRATEGIES = strategies_in("journal")
CURSOR = "SELECT sequence FROM cursors WHERE strategy_id = ? AND subscriber = ?"
ADVANCE_CURSOR = (
    "INSERT INTO cursors (strategy_id, subscriber, sequence) VALUES (?, ?, ?)"
    " ON CONFLICT (strategy_id, subscriber) DO UPDATE SET sequence = excluded.sequence"
    " WHERE excluded.sequence > cursors.sequence"
)
FORGET_CURSOR = "DELETE FROM cursors WHERE strategy_id = ? AND subscriber = ?"
CURSORS_BELOW = "SELECT subscriber, sequence FROM cursors WHERE strategy_id = ? AND sequence < ? ORDER BY subscriber"
FIRST_CURSOR = "SELECT MIN(sequence) FROM cursors WHERE strategy_id = ?"
# The checkpoint, up to which the journal may be cut, and the pages of what it came to there.
FIRST_ENTRY = "SELECT MIN(sequence) FROM journal WHERE strategy_id = ?"
CUT = "DELETE FROM journal WHERE strategy_id = ? AND sequence <= ?"
CUT_SEQUENCE = "SELECT MAX(cut_sequence) FROM checkpoints WHERE strategy_id = ?"
INSERT_PAGE = "INSERT INTO checkpoint_pages (strategy_id, stage, page, body) VALUES (?, ?, ?, ?)"
PAGE = "SELECT body FROM checkpoint_pages WHERE strategy_id = ? AND stage = ? AND page = ?"
COUNT_PAGES = "SELECT COUNT(*) FROM checkpoint_pages WHERE strategy_id = ? AND stage = ?"
DROP_STAGE = "DELETE FROM checkpoint_pages WHERE strategy_id = ? AND stage = ?"
DROP_PAGES = (
    "DELETE FROM checkpoint_pages WHERE rowid IN"
    " (SELECT rowid FROM checkpoint_pages WHERE strategy_id = ? AND stage <> ? LIMIT ?)"
)
USER_VERSION = "PRAGMA user_version"
CHECKPOINT_PASSIVE = "PRAGMA wal_checkpoint(PASSIVE)"
CHECKPOINT_TRUNCATE = "PRAGMA wal_checkpoint(TRUNCATE)"

_BY_KEY: Mapping[RecordKind, str] = {
    RecordKind.ORDER: "orders_by_id",
    RecordKind.REQUEST: "order_requests_by_id",
    RecordKind.FILL: "fills_by_id",
    RecordKind.TRADE: "trades_by_id",
    RecordKind.POSITION: "positions_by_key",
    RecordKind.INSTRUMENT: "instruments_by_key",
    RecordKind.QUARANTINE: "quarantine_by_id",
    RecordKind.ADJUSTMENT: "adjustments_by_id",
    RecordKind.COMMAND: "commands_by_id",
    RecordKind.ARCHIVED: "archived_by_key",
    RecordKind.CHECKPOINT: "checkpoints_by_name",
}

# fmt: off
_HOT: Mapping[RecordKind, tuple[str, object, str, str]] = {
    # kind: (filter, the value that its partial index holds, the index's condition, the index)
    RecordKind.ORDER:      ("is_open", True, "is_open = 1", "orders_open"),
    RecordKind.REQUEST:    ("is_in_flight", True, "state = 'REQUESTED'", "order_requests_in_flight"),
    RecordKind.TRADE:      ("state", "OPEN", "state = 'OPEN'", "trades_open"),
    RecordKind.POSITION:   ("is_flat", False, "is_flat = 0", "positions_open"),
    RecordKind.QUARANTINE: ("state", "WAITING", "state = 'WAITING'", "quarantine_waiting"),
}

_SELECTIVE: Mapping[RecordKind, tuple[tuple[str, str], ...]] = {
    # The filters that leave few records, best first, and the index of each.
    RecordKind.ORDER: (
        ("venue_order_id", "orders_by_id"), ("parent_order_id", "orders_by_parent"),
        ("execution_group_id", "orders_by_group"), ("trade_plan_id", "orders_by_plan"),
    ),
    RecordKind.REQUEST: (("order_id", "order_requests_by_id"),),
    RecordKind.FILL: (("order_id", "fills_by_id"),),
    RecordKind.COMMAND: (("target", "commands_by_id"),),
}
# fmt: on

_IN_FLIGHT = "state = 'REQUESTED'"
_CONDITIONS: Mapping[tuple[RecordKind, str], str] = {
    (RecordKind.ORDER, "venue_order_id"): (
        "order_id IN (SELECT v.order_id FROM venue_orders AS v WHERE v.strategy_id = ? AND v.venue_order_id = ?)"
        # An id that an after-image took away again is still in venue_orders.
        " AND EXISTS (SELECT 1 FROM json_each(orders.venue_order_ids) AS j WHERE j.value = ?)"
    ),
    (RecordKind.TRADE, "symbol"): (
        "(symbol = ? OR (symbol IS NULL AND EXISTS"
        " (SELECT 1 FROM json_each(trades.legs) AS j WHERE json_extract(j.value, '$.symbol') = ?)))"
    ),
}


@attrs.frozen
class RecordStatements:
    """The fixed statements of one kind; their parameters come in the order that `Table.bound` says."""

    load: str
    upsert: str


def _statements(table: Table) -> RecordStatements:
    bound = (*table.bound, "strategy_id")
    identity = ("strategy_id", *table.key)
    return RecordStatements(
        load=(
            f"SELECT {', '.join(table.column_names)} FROM {table.name}"
            f" INDEXED BY {_BY_KEY[table.kind]} WHERE strategy_id = ?"
            + "".join(f" AND {name} = ?" for name in table.key)
        ),
        upsert=(
            f"INSERT INTO {table.name} ({', '.join(bound)}) VALUES ({', '.join('?' for _ in bound)})"
            f" ON CONFLICT ({', '.join(identity)}) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in bound if name not in identity)
        ),
    )


RECORDS: Mapping[RecordKind, RecordStatements] = {kind: _statements(table) for kind, table in TABLES.items()}
"""The fixed statements of every kind."""


DELETE_VENUE_IDS = (
    "DELETE FROM venue_orders WHERE strategy_id = ? AND order_id = ? AND venue_order_id IN ("
    "SELECT j.value FROM orders AS o INDEXED BY orders_by_id, json_each(o.venue_order_ids) AS j"
    " WHERE o.strategy_id = ? AND o.order_id = ?)"
)
"""What takes away the venue's ids of an order, before it is deleted itself."""

DELETE_RECORD: Mapping[RecordKind, str] = {
    table.kind: f"DELETE FROM {table.name} INDEXED BY {_BY_KEY[table.kind]} WHERE strategy_id = ?"
    + "".join(f" AND {name} = ?" for name in table.key)
    for table in TABLES.values()
}
"""What deletes one record, by its key: it moved to an archive."""

DELETE_RECORDS: tuple[str, ...] = (
    "DELETE FROM venue_orders WHERE strategy_id = ?",  # triggers fill it again
    *(f"DELETE FROM {table.name} WHERE strategy_id = ?" for table in TABLES.values()),
)
"""What empties the records of one strategy; its journal and cursors stay."""

# The schema's triggers do the same at each write; a file that lost them is restored all the same.
RESTORE_VENUE_IDS = (
    "INSERT INTO venue_orders (strategy_id, venue_order_id, order_id)"
    " SELECT DISTINCT o.strategy_id, j.value, o.order_id FROM orders AS o, json_each(o.venue_order_ids) AS j"
    " WHERE o.strategy_id = ? AND NOT EXISTS (SELECT 1 FROM venue_orders AS v WHERE v.strategy_id = o.strategy_id"
    " AND v.venue_order_id = j.value AND v.order_id = o.order_id)"
)


@lru_cache(maxsize=64)
def scan(kind: RecordKind, after: int, *, as_bytes: bool = False) -> str:
    """Return the statement of a page of rows as they are; parameters: strategy, the place after, limit.

    The strategy is read back too: in a damaged file a row may be found under a key that it does not have.
    """
    table = TABLES[kind]
    columns = (*table.bound, "strategy_id")
    if as_bytes:
        columns = tuple(
            f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END" for name in columns
        )
    place = ("sequence", *table.key)
    beyond = f" AND ({', '.join(place[:after])}) > ({', '.join('?' * after)})" if after else ""
    return (
        f"SELECT {', '.join(columns)} FROM {table.name}"
        f" WHERE strategy_id = ?{beyond} ORDER BY {', '.join(place)} LIMIT ?"
    )


def set_user_version(version: int) -> str:
    """Return the statement that sets the schema's version; a PRAGMA takes no parameters."""
    return f"PRAGMA user_version = {version:d}"


@attrs.frozen
class Shape:
    """What of a query decides its statement's text: which filters, whether each asks for None, and the bounds."""

    kind: RecordKind
    given: tuple[str, ...]
    null: tuple[str, ...]
    hot: bool
    since: bool
    until: bool
    after: int
    ordering: Ordering


def is_hot(kind: RecordKind, name: str, wanted: object) -> bool:
    """Say whether a filter asks for what the kind's partial index holds."""
    hot = _HOT.get(kind)
    return hot is not None and name == hot[0] and wanted == hot[1]


def may_be_null(kind: RecordKind, name: str) -> bool:
    """Say whether a filter can ask for what was not given: no flag is None, nor any of several values."""
    return not _is_boolean(name) and (kind, name) not in _CONDITIONS


def can_match(name: str, wanted: object) -> bool:
    """Say whether a record can have the value at all: no text is equal to a number, though SQL may think so."""
    return wanted in (0, 1) if _is_boolean(name) else isinstance(wanted, str)


def parameters_of(kind: RecordKind, name: str, wanted: object, strategy_id: str) -> list[object]:
    """Return what a filter's condition binds."""
    value = int(bool(wanted)) if _is_boolean(name) else str(wanted)
    match kind, name:
        case RecordKind.ORDER, "venue_order_id":
            return [strategy_id, value, value]
        case RecordKind.TRADE, "symbol":
            return [value, value]
        case _:
            return [value]


def _is_boolean(name: str) -> bool:
    return name.startswith("is_")


def order_columns(kind: RecordKind, ordering: Ordering) -> tuple[str, ...]:
    """Return the columns of `sort_key`."""
    if ordering is Ordering.SEQUENCE:
        return ("sequence", *TABLES[kind].key)
    return ("executed_at", "sequence", "entry_index")


@lru_cache(maxsize=1024)
def find(shape: Shape) -> str:
    """Return the statement of a page; parameters: strategy, filters as given, since, until, after, limit."""
    table = TABLES[shape.kind]
    conditions = ["strategy_id = ?"]
    conditions += [_condition(shape.kind, name) for name in shape.given]
    conditions += [f"{name} IS NULL" for name in shape.null]
    if shape.hot:
        conditions.append(_HOT[shape.kind][2])
    if shape.since:
        conditions.append(f"{table.occurred_at} >= ?")
    if shape.until:
        conditions.append(f"{table.occurred_at} < ?")
    columns = order_columns(shape.kind, shape.ordering)
    descending = shape.ordering is Ordering.ECONOMIC_DESCENDING
    if shape.after:
        names, marks = ", ".join(columns[: shape.after]), ", ".join("?" * shape.after)
        conditions.append(f"({names}) {'<' if descending else '>'} ({marks})")
    index = _index(shape)
    return (
        f"SELECT {', '.join(table.column_names)} FROM {table.name}"
        f"{f' INDEXED BY {index}' if index else ''} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {', '.join(f'{name} DESC' if descending else name for name in columns)} LIMIT ?"
    )


def _condition(kind: RecordKind, name: str) -> str:
    special = _CONDITIONS.get((kind, name))
    if special is not None:
        return special
    if (kind, name) == (RecordKind.FILL, "is_flat"):
        return "(flat_realized_pnl IS NOT NULL) = ?"
    if (kind, name) == (RecordKind.REQUEST, "is_in_flight"):
        return f"({_IN_FLIGHT}) = ?"
    return f"{name} = ?"


def _index(shape: Shape) -> str | None:
    if shape.kind is RecordKind.FILL and shape.ordering is not Ordering.SEQUENCE and "symbol" in shape.given:
        return "fills_by_position"
    if shape.kind is RecordKind.ADJUSTMENT and "symbol" in shape.given:
        # Those of one kind, such as splits, are few; so are those since a position was flat, which may be sorted.
        if "adjustment_kind" in shape.given:
            return "adjustments_by_kind"
        return "adjustments_by_time" if shape.since else "adjustments_by_symbol"
    for name, index in _SELECTIVE.get(shape.kind, ()):
        if name in shape.given:
            return index
    return _HOT[shape.kind][3] if shape.hot else None
