"""The tables of a ledger file, and the migrations that make them: appended, never edited.

`strategy_id` leads every key, so strategies share a file and no query crosses from one to another by mistake.
Records are clustered by (strategy_id, sequence, key), the order in which they are paged, with one unique index by
key. Partial indexes hold what is open. Decimals are canonical TEXT and tables are STRICT: no number of this file
ever passes through binary floating point, but for the columns of views that are named `..._rounded`.
"""

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ledger_core.errors import SchemaTooNew, StorageCorrupt, StorageError
from ledger_storage_sqlite import _bodies

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x534C4447
"""`SLDG`: marks a file as a ledger in its SQLite header, so that no other database is taken for one."""

MIGRATION_SET = "strategy_ledger"
"""The name under which sqlite-utils notes in `_sqlite_migrations` which steps have run."""

# fmt: off
_JOURNAL = """
CREATE TABLE journal (
    -- One row per command, append-only. digest = sha256(previous digest, body) over the exact bytes of body.
    strategy_id TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    recorded_at TEXT NOT NULL,
    subject     TEXT,            -- the order or trade that the command was about
    body        TEXT NOT NULL,   -- canonical JSON: operation, changes, times
    digest      TEXT NOT NULL,
    PRIMARY KEY (strategy_id, sequence)
) STRICT;
CREATE INDEX journal_by_subject ON journal (strategy_id, subject, sequence) WHERE subject IS NOT NULL;
CREATE TRIGGER journal_next BEFORE INSERT ON journal
WHEN NEW.sequence IS NOT 1 + COALESCE((SELECT MAX(sequence) FROM journal WHERE strategy_id = NEW.strategy_id), 0)
BEGIN
    SELECT RAISE(ABORT, 'journal: not the next sequence');
END;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'journal: append-only, no update');
END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'journal: append-only, no delete');
END;
CREATE TABLE cursors (
    -- How far each subscriber has been served.
    strategy_id TEXT NOT NULL,
    subscriber  TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    PRIMARY KEY (strategy_id, subscriber)
) STRICT, WITHOUT ROWID;
"""

_ORDERS = """
CREATE TABLE orders (
    -- ordered_...: the term as first given; the column without the prefix: as it is now.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, order_id TEXT NOT NULL, version INTEGER NOT NULL,
    state TEXT NOT NULL, status TEXT NOT NULL, is_open INTEGER NOT NULL,
    symbol TEXT NOT NULL, side TEXT NOT NULL, order_type TEXT NOT NULL,
    quantity TEXT, cum_quantity TEXT NOT NULL, leaves_quantity TEXT, executed_value TEXT NOT NULL,
    overfill_quantity TEXT NOT NULL, limit_price TEXT, stop_price TEXT, trailing_offset TEXT,
    time_in_force TEXT, expire_at TEXT, venue TEXT, account TEXT, position_side TEXT NOT NULL,
    placed_at TEXT NOT NULL, recorded_at TEXT NOT NULL, ended_at TEXT, trade_date TEXT, reason TEXT,
    corrections TEXT NOT NULL, inferred_quantity TEXT NOT NULL, report TEXT, splits TEXT NOT NULL,
    triggered INTEGER NOT NULL, request_count INTEGER NOT NULL,
    cancels_in_flight INTEGER NOT NULL, replaces_in_flight INTEGER NOT NULL,
    venue_order_ids TEXT NOT NULL, trade_ids TEXT NOT NULL,
    parent_order_id TEXT, order_list_id TEXT, execution_group_id TEXT, trade_plan_id TEXT,
    ordered_quantity TEXT, cash_quantity TEXT, cash_currency TEXT, ordered_limit_price TEXT,
    ordered_stop_price TEXT, ordered_trailing_offset TEXT, ordered_time_in_force TEXT, ordered_expire_at TEXT,
    ordered_venue_order_id TEXT, currency TEXT, base_currency TEXT, multiplier TEXT, inverse INTEGER,
    reduce_only INTEGER, post_only INTEGER, arrival_price TEXT, origin TEXT, metadata TEXT,
    PRIMARY KEY (strategy_id, sequence, order_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX orders_by_id ON orders (strategy_id, order_id);
CREATE INDEX orders_open ON orders (strategy_id, sequence, order_id) WHERE is_open = 1;
CREATE INDEX orders_by_parent ON orders (strategy_id, parent_order_id, sequence, order_id)
    WHERE parent_order_id IS NOT NULL;
CREATE INDEX orders_by_group ON orders (strategy_id, execution_group_id, sequence, order_id)
    WHERE execution_group_id IS NOT NULL;
CREATE INDEX orders_by_plan ON orders (strategy_id, trade_plan_id, sequence, order_id)
    WHERE trade_plan_id IS NOT NULL;
CREATE TABLE venue_orders (
    -- Every id that a venue has given to an order; filled by the triggers below.
    strategy_id TEXT NOT NULL, venue_order_id TEXT NOT NULL, order_id TEXT NOT NULL,
    PRIMARY KEY (strategy_id, venue_order_id, order_id),
    FOREIGN KEY (strategy_id, order_id) REFERENCES orders (strategy_id, order_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER orders_venue_ids_given AFTER INSERT ON orders WHEN NEW.venue_order_ids <> '[]'
BEGIN
    -- No INSERT OR IGNORE: in a trigger the conflict clause of the statement that fired it takes its place.
    INSERT INTO venue_orders (strategy_id, venue_order_id, order_id)
    SELECT DISTINCT NEW.strategy_id, j.value, NEW.order_id FROM json_each(NEW.venue_order_ids) AS j
    WHERE NOT EXISTS (SELECT 1 FROM venue_orders AS v WHERE v.strategy_id = NEW.strategy_id
        AND v.venue_order_id = j.value AND v.order_id = NEW.order_id);
END;
CREATE TRIGGER orders_venue_ids_changed AFTER UPDATE OF venue_order_ids ON orders
WHEN NEW.venue_order_ids <> OLD.venue_order_ids
BEGIN
    -- No INSERT OR IGNORE: in a trigger the conflict clause of the statement that fired it takes its place.
    INSERT INTO venue_orders (strategy_id, venue_order_id, order_id)
    SELECT DISTINCT NEW.strategy_id, j.value, NEW.order_id FROM json_each(NEW.venue_order_ids) AS j
    WHERE NOT EXISTS (SELECT 1 FROM venue_orders AS v WHERE v.strategy_id = NEW.strategy_id
        AND v.venue_order_id = j.value AND v.order_id = NEW.order_id);
END;
CREATE TABLE order_requests (
    -- Requests to cancel or replace; changes = the terms asked for, answer = those the venue gave, both JSON.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, order_id TEXT NOT NULL, request_id TEXT NOT NULL,
    version INTEGER NOT NULL, request_kind TEXT NOT NULL, state TEXT NOT NULL, changes TEXT, answer TEXT,
    reason TEXT, unsolicited INTEGER NOT NULL, requested_at TEXT NOT NULL, ended_at TEXT,
    PRIMARY KEY (strategy_id, sequence, order_id, request_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX order_requests_by_id ON order_requests (strategy_id, order_id, request_id);
CREATE INDEX order_requests_in_flight ON order_requests (strategy_id, sequence, order_id, request_id)
    WHERE state = 'REQUESTED';
CREATE TABLE fills (
    -- Executions, in economic order by (executed_at, sequence, entry_index). flat_realized_pnl: flat after it.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, entry_index INTEGER NOT NULL, order_id TEXT NOT NULL,
    fill_id TEXT NOT NULL, version INTEGER NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    quantity TEXT NOT NULL, price TEXT NOT NULL, fees TEXT NOT NULL, fee_in_base INTEGER NOT NULL,
    liquidity TEXT, executed_at TEXT NOT NULL, trade_date TEXT, venue TEXT, account TEXT,
    position_side TEXT NOT NULL, venue_order_id TEXT, inferred INTEGER NOT NULL, late INTEGER NOT NULL,
    busted INTEGER NOT NULL, chain TEXT NOT NULL, flat_realized_pnl TEXT, recorded_at TEXT NOT NULL, metadata TEXT,
    PRIMARY KEY (strategy_id, sequence, order_id, fill_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX fills_by_id ON fills (strategy_id, order_id, fill_id);
CREATE INDEX fills_by_position ON fills
    (strategy_id, symbol, venue, account, position_side, executed_at, sequence, entry_index);
"""

_STATE = """
CREATE TABLE trades (
    -- Round trips. Order ids, legs, fees, tags, metadata, residual are JSON; symbol is NULL for several legs.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, trade_id TEXT NOT NULL, version INTEGER NOT NULL,
    state TEXT NOT NULL, symbol TEXT, direction TEXT, open_quantity TEXT, realized_pnl TEXT, currency TEXT,
    order_ids TEXT NOT NULL, initial_order_ids TEXT NOT NULL, exit_order_ids TEXT NOT NULL, shares TEXT NOT NULL,
    initial_shares TEXT NOT NULL, legs TEXT NOT NULL,
    fees TEXT NOT NULL, stop_price TEXT, initial_stop_price TEXT, target_price TEXT, tags TEXT NOT NULL,
    metadata TEXT, reason TEXT,
    residual TEXT NOT NULL, residual_reason TEXT, restated INTEGER NOT NULL,
    opened_at TEXT NOT NULL, closed_at TEXT, recorded_at TEXT NOT NULL,
    PRIMARY KEY (strategy_id, sequence, trade_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX trades_by_id ON trades (strategy_id, trade_id);
CREATE INDEX trades_open ON trades (strategy_id, sequence, trade_id) WHERE state = 'OPEN';
CREATE TABLE positions (
    -- Signed quantity; cost is the value at which the open part was entered. ..._key: '' where none was given.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, symbol TEXT NOT NULL, venue_key TEXT NOT NULL,
    account_key TEXT NOT NULL, position_side TEXT NOT NULL, version INTEGER NOT NULL, venue TEXT, account TEXT,
    quantity TEXT NOT NULL, is_flat INTEGER NOT NULL, cost TEXT NOT NULL, realized_pnl TEXT NOT NULL,
    cycle_realized_pnl TEXT NOT NULL, fees TEXT NOT NULL, cash_flows TEXT NOT NULL, currency TEXT, base_currency TEXT,
    multiplier TEXT NOT NULL, inverse INTEGER NOT NULL, opened_at TEXT, last_executed_at TEXT,
    last_sequence INTEGER NOT NULL, last_index INTEGER NOT NULL,
    PRIMARY KEY (strategy_id, sequence, symbol, venue_key, account_key, position_side)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX positions_by_key ON positions (strategy_id, symbol, venue_key, account_key, position_side);
CREATE INDEX positions_open ON positions (strategy_id, sequence, symbol, venue_key, account_key, position_side)
    WHERE is_flat = 0;
CREATE TABLE instruments (
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, venue_key TEXT NOT NULL, symbol TEXT NOT NULL,
    version INTEGER NOT NULL, venue TEXT, multiplier TEXT NOT NULL, inverse INTEGER NOT NULL,
    base_currency TEXT, currency TEXT,
    PRIMARY KEY (strategy_id, sequence, venue_key, symbol)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX instruments_by_key ON instruments (strategy_id, venue_key, symbol);
CREATE TABLE quarantine (
    -- Facts that could not be booked; fact = the command as it was given, JSON.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, quarantine_id TEXT NOT NULL, version INTEGER NOT NULL,
    state TEXT NOT NULL, operation TEXT NOT NULL, order_id TEXT, venue_order_id TEXT, symbol TEXT, side TEXT,
    quantity TEXT, code TEXT NOT NULL, message TEXT NOT NULL, fact TEXT NOT NULL, corrections TEXT NOT NULL,
    resolution TEXT, occurred_at TEXT NOT NULL, recorded_at TEXT NOT NULL, resolved_at TEXT,
    PRIMARY KEY (strategy_id, sequence, quarantine_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX quarantine_by_id ON quarantine (strategy_id, quarantine_id);
CREATE INDEX quarantine_waiting ON quarantine (strategy_id, sequence, quarantine_id) WHERE state = 'WAITING';
CREATE TABLE adjustments (
    -- What moved positions or money without an execution. Cash kinds have amount, SPLIT ratio, the others quantity.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, adjustment_id TEXT NOT NULL, version INTEGER NOT NULL,
    adjustment_kind TEXT NOT NULL, symbol TEXT NOT NULL, venue TEXT, account TEXT, position_side TEXT, amount TEXT,
    currency TEXT, quantity TEXT, price TEXT, ratio TEXT, moves_quantity INTEGER NOT NULL, metadata TEXT,
    occurred_at TEXT NOT NULL, entry_index INTEGER NOT NULL, recorded_at TEXT NOT NULL,
    PRIMARY KEY (strategy_id, sequence, adjustment_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX adjustments_by_id ON adjustments (strategy_id, adjustment_id);
CREATE INDEX adjustments_by_symbol ON adjustments (strategy_id, symbol, sequence, adjustment_id);
CREATE INDEX adjustments_by_kind ON adjustments (strategy_id, symbol, adjustment_kind, sequence, adjustment_id);
CREATE INDEX adjustments_by_time ON adjustments (strategy_id, symbol, occurred_at, sequence, adjustment_id);
CREATE TABLE commands (
    -- Commands given with an id of their own, so that a repeat is known for ever.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, operation TEXT NOT NULL, target TEXT NOT NULL,
    command_id TEXT NOT NULL, version INTEGER NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (strategy_id, sequence, operation, target, command_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX commands_by_id ON commands (strategy_id, operation, target, command_id);
"""

_VIEWS = """
CREATE VIEW v_open_orders AS
SELECT strategy_id, order_id, symbol, side, order_type, status, quantity, cum_quantity, leaves_quantity,
    limit_price, stop_price, time_in_force, venue, account, position_side, venue_order_ids, trade_plan_id,
    execution_group_id, placed_at, reason
FROM orders INDEXED BY orders_open WHERE is_open = 1;
CREATE VIEW v_positions AS
-- What is held now. Columns named ..._rounded passed through floating point and are for the eye only.
SELECT strategy_id, symbol, venue, account, position_side, quantity, cost, realized_pnl, cycle_realized_pnl,
    CASE WHEN inverse THEN base_currency ELSE currency END AS money_currency, fees, opened_at, last_executed_at,
    ROUND(CASE WHEN inverse
        THEN ABS(CAST(quantity AS REAL)) * CAST(multiplier AS REAL) / NULLIF(CAST(cost AS REAL), 0)
        ELSE CAST(cost AS REAL) / (ABS(CAST(quantity AS REAL)) * CAST(multiplier AS REAL)) END, 8)
    AS average_price_rounded
FROM positions INDEXED BY positions_open WHERE is_flat = 0;
CREATE VIEW v_fills AS
-- Columns named ..._rounded passed through floating point and are for the eye only.
SELECT strategy_id, executed_at, order_id, fill_id, symbol, side, quantity, price, fees, liquidity, venue, account,
    position_side, trade_date, late, inferred, busted, flat_realized_pnl, sequence,
    ROUND(CAST(quantity AS REAL) * CAST(price AS REAL), 8) AS quantity_x_price_rounded
FROM fills;
CREATE VIEW v_trades AS
SELECT strategy_id, trade_id, state, symbol, direction, open_quantity, realized_pnl, currency, fees, order_ids,
    exit_order_ids, stop_price, target_price, tags, reason, residual, opened_at, closed_at, restated
FROM trades;
CREATE VIEW v_pnl_daily AS
-- Gross PnL of what went flat on a UTC day, per position: the rise of its cumulative realized PnL from one flat
-- point to the next. What is still open is not in it. Columns named ..._rounded passed through floating point.
SELECT f.strategy_id, f.day, f.symbol, f.venue, f.account, f.position_side,
    CASE WHEN p.inverse THEN p.base_currency ELSE p.currency END AS money_currency,
    ROUND(SUM(f.gain), 8) AS realized_pnl_rounded, COUNT(*) AS times_flat
FROM (
    SELECT strategy_id, symbol, venue, account, position_side, SUBSTR(executed_at, 1, 10) AS day,
        CAST(flat_realized_pnl AS REAL) - LAG(CAST(flat_realized_pnl AS REAL), 1, 0.0) OVER (
            PARTITION BY strategy_id, symbol, venue, account, position_side
            ORDER BY executed_at, sequence, entry_index) AS gain
    FROM fills WHERE flat_realized_pnl IS NOT NULL
) AS f
JOIN positions AS p ON p.strategy_id = f.strategy_id AND p.symbol = f.symbol
    AND p.venue_key = COALESCE(f.venue, '') AND p.account_key = COALESCE(f.account, '')
    AND p.position_side = f.position_side
GROUP BY f.strategy_id, f.day, f.symbol, f.venue, f.account, f.position_side;
CREATE VIEW v_needs_attention AS
-- What a person looks at first after a crash: intent without outcome, requests without answer, unbooked facts.
SELECT strategy_id, 'order ' || status AS what, order_id, NULL AS detail_id, symbol, placed_at AS since, reason
FROM orders INDEXED BY orders_open WHERE is_open = 1 AND state IN ('PLACED', 'IN_DOUBT')
UNION ALL
SELECT strategy_id, request_kind || ' request in flight', order_id, request_id, NULL, requested_at, reason
FROM order_requests INDEXED BY order_requests_in_flight WHERE state = 'REQUESTED'
UNION ALL
SELECT strategy_id, 'fact in quarantine', order_id, quarantine_id, symbol, occurred_at, message
FROM quarantine INDEXED BY quarantine_waiting WHERE state = 'WAITING';
"""

_ARCHIVED = """
CREATE TABLE archived (
    -- What stays of records that moved to an archive. record_key: the key as JSON; opening: of a position, before.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, record_kind TEXT NOT NULL, record_key TEXT NOT NULL,
    version INTEGER NOT NULL, archive_id TEXT NOT NULL, record_version INTEGER NOT NULL, digest TEXT NOT NULL,
    contents TEXT NOT NULL, opening TEXT, is_restored INTEGER NOT NULL,
    PRIMARY KEY (strategy_id, sequence, record_kind, record_key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX archived_by_key ON archived (strategy_id, record_kind, record_key);
ALTER TABLE positions ADD COLUMN opening TEXT;
ALTER TABLE positions ADD COLUMN opening_at TEXT;
ALTER TABLE positions ADD COLUMN opening_sequence INTEGER;
ALTER TABLE positions ADD COLUMN opening_index INTEGER;
ALTER TABLE positions ADD COLUMN opening_realized_pnl TEXT;
DROP INDEX commands_by_id;
CREATE UNIQUE INDEX commands_by_id ON commands (strategy_id, target, operation, command_id);
DROP TABLE venue_orders;
CREATE TABLE venue_orders (
    -- Every id that a venue has given to an order; filled by triggers. No foreign key: it would have no index.
    strategy_id TEXT NOT NULL, venue_order_id TEXT NOT NULL, order_id TEXT NOT NULL,
    PRIMARY KEY (strategy_id, venue_order_id, order_id)
) STRICT, WITHOUT ROWID;
INSERT INTO venue_orders (strategy_id, venue_order_id, order_id)
SELECT DISTINCT o.strategy_id, j.value, o.order_id FROM orders AS o, json_each(o.venue_order_ids) AS j;
DROP VIEW v_pnl_daily;
CREATE VIEW v_pnl_daily AS
-- Gross PnL of what went flat on a UTC day, per position: the rise of its cumulative realized PnL from one flat
-- point to the next, beginning behind what was archived. What is still open is not in it. Columns named
-- ..._rounded passed through floating point.
SELECT strategy_id, day, symbol, venue, account, position_side, money_currency,
    ROUND(SUM(gain), 8) AS realized_pnl_rounded, COUNT(*) AS times_flat
FROM (
    SELECT f.strategy_id, f.symbol, f.venue, f.account, f.position_side, SUBSTR(f.executed_at, 1, 10) AS day,
        CASE WHEN p.inverse THEN p.base_currency ELSE p.currency END AS money_currency,
        CAST(f.flat_realized_pnl AS REAL) - LAG(CAST(f.flat_realized_pnl AS REAL), 1,
            COALESCE(CAST(p.opening_realized_pnl AS REAL), 0.0)) OVER (
            PARTITION BY f.strategy_id, f.symbol, f.venue, f.account, f.position_side
            ORDER BY f.executed_at, f.sequence, f.entry_index) AS gain
    FROM fills AS f
    JOIN positions AS p ON p.strategy_id = f.strategy_id AND p.symbol = f.symbol
        AND p.venue_key = COALESCE(f.venue, '') AND p.account_key = COALESCE(f.account, '')
        AND p.position_side = f.position_side
    WHERE f.flat_realized_pnl IS NOT NULL AND (p.opening_at IS NULL OR (f.executed_at, f.sequence, f.entry_index)
        > (p.opening_at, p.opening_sequence, p.opening_index))
)
GROUP BY strategy_id, day, symbol, venue, account, position_side;
"""

_CHECKPOINTS = """
CREATE TABLE checkpoints (
    -- What the journal came to up to cut_sequence: from there on it may be folded, and the entries up to there may go.
    strategy_id TEXT NOT NULL, sequence INTEGER NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
    archive_id TEXT NOT NULL, cut_sequence INTEGER NOT NULL, cut_digest TEXT NOT NULL, cut_at TEXT NOT NULL,
    stage TEXT NOT NULL, runs TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (strategy_id, sequence, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX checkpoints_by_name ON checkpoints (strategy_id, name);
CREATE TABLE checkpoint_pages (
    -- Every record as of a checkpoint, in compressed pages; `strategy-ledger verify` reads them.
    strategy_id TEXT NOT NULL, stage TEXT NOT NULL, page INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (strategy_id, stage, page)
) STRICT;
DROP TRIGGER journal_no_delete;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
WHEN OLD.sequence > COALESCE((SELECT MAX(cut_sequence) FROM checkpoints WHERE strategy_id = OLD.strategy_id), 0)
BEGIN
    SELECT RAISE(ABORT, 'journal: append-only, no delete beyond its checkpoint');
END;
"""

_KEEP_VENUE_IDS = """\
    -- No INSERT OR IGNORE: in a trigger the conflict clause of the statement that fired it takes its place.
    INSERT INTO venue_orders (strategy_id, venue_order_id, order_id)
    SELECT NEW.strategy_id, j.value, NEW.order_id FROM json_each(NEW.venue_order_ids) AS j WHERE TRUE
    ON CONFLICT (strategy_id, venue_order_id, order_id) DO NOTHING;"""

_SHORT_BODIES = f"""
CREATE VIEW v_journal AS
-- The journal, each body as the digest has it: in the table it may be shortened. digest = sha256(previous, body).
SELECT strategy_id, sequence, recorded_at, subject,
    {_bodies.spelling()} AS body, digest
FROM journal;
DROP TRIGGER orders_venue_ids_given;
CREATE TRIGGER orders_venue_ids_given AFTER INSERT ON orders WHEN NEW.venue_order_ids <> '[]'
BEGIN
{_KEEP_VENUE_IDS}
END;
DROP TRIGGER orders_venue_ids_changed;
CREATE TRIGGER orders_venue_ids_changed AFTER UPDATE OF venue_order_ids ON orders
WHEN NEW.venue_order_ids <> OLD.venue_order_ids
BEGIN
{_KEEP_VENUE_IDS}
END;
"""
# fmt: on


def _create(db: "Database") -> None:
    _run(db, _JOURNAL, _ORDERS, _STATE, _VIEWS)


def _add_archived(db: "Database") -> None:
    _run(db, _ARCHIVED)


def _add_checkpoints(db: "Database") -> None:
    _run(db, _CHECKPOINTS)


def _shorten_bodies(db: "Database") -> None:
    _run(db, _SHORT_BODIES)


def _run(db: "Database", *scripts: str) -> None:
    for script in scripts:
        # Statement by statement: executescript() looks at every character, which takes 50 ms.
        for statement in re.split(r";\n(?=CREATE |ALTER |DROP |INSERT )", script.strip()):
            db.execute(statement)


MIGRATIONS: Mapping[str, "Callable[[Database], None]"] = {
    "0001_create": _create,
    "0002_archived": _add_archived,
    "0003_checkpoints": _add_checkpoints,
    "0004_short_bodies": _shorten_bodies,
}
"""The steps, in order, by the name that is stored once they have run; the file's user_version counts them."""

SCHEMA_VERSION = len(MIGRATIONS)
"""The version that this program reads and writes."""


def version_of(connection: sqlite3.Connection, supported: int | None = None) -> int:
    """Return the schema version of an open file, 0 for a new one; raise for what is no ledger or too new."""
    supported = SCHEMA_VERSION if supported is None else supported
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id == APPLICATION_ID and version > 0:
        if version > supported:
            raise SchemaTooNew(
                f"the file has schema {version}; this program reads schemas up to {supported}: update it",
                found=version,
                supported=supported,
            )
        return int(version)
    (objects,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
    if application_id or version or objects:
        raise StorageCorrupt(
            f"the file is an SQLite database, but no ledger (application_id {application_id:#010x},"
            f" not {APPLICATION_ID:#010x})",
            application_id=application_id,
        )
    return 0


def require_current(version: int) -> None:
    """Raise for a schema that a reader, which may change nothing, cannot read."""
    if version == 0:
        raise StorageCorrupt("the file is empty: no ledger was ever written to it")
    if version < SCHEMA_VERSION:
        raise StorageError(
            f"the file has schema {version}, older than {SCHEMA_VERSION}: open it once for writing to migrate it",
            found=version,
            supported=SCHEMA_VERSION,
        )


def migrate(connection: sqlite3.Connection, steps: "Mapping[str, Callable[[Database], None]]" = MIGRATIONS) -> None:
    """Bring the file to `steps`, all in one transaction: another opener sees the old version or the new one."""
    # Imported here: it takes 110 ms, and a file that is current never needs it.
    from sqlite_utils import Database, Migrations

    connection.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again inside the transaction: another process may have migrated while this one waited.
        if version_of(connection, len(steps)) < len(steps):
            database = Database(connection, execute_plugins=False, strict=True)
            migrations = Migrations(MIGRATION_SET)
            for name, step in steps.items():
                migrations(name=name)(step)
            migrations.apply(database)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")  # fails if a step ended the transaction behind our back
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
