"""The queries that the explorer offers: what is open, held and told, each over all strategies.

Sums are `exact_sum`, which the explorer brings along: SQLite's own would pass through floating point. What is bounded
says so in its title. The latest entries and fills are found by their keys; only trades and PnL read a whole history.
"""

from collections.abc import Mapping

import attrs

ENTRIES = 200
"""Of each strategy's journal, so many entries are shown."""

FILL_ENTRIES = 1_000
"""Fills are shown that were recorded by so many latest entries of each strategy."""

# Every strategy and the end of its journal, by steps along the key: nothing is read but the ends.
_HEADS = """\
WITH RECURSIVE names (strategy_id) AS (
    SELECT MIN(strategy_id) FROM journal
    UNION ALL
    SELECT (SELECT MIN(strategy_id) FROM journal AS j WHERE j.strategy_id > names.strategy_id)
    FROM names WHERE names.strategy_id IS NOT NULL
), heads (strategy_id, head) AS (
    SELECT strategy_id, (SELECT MAX(sequence) FROM journal AS j WHERE j.strategy_id = names.strategy_id)
    FROM names WHERE strategy_id IS NOT NULL
)
"""


@attrs.frozen
class Query:
    """A query: its title, what a person should know of its answer, and its SQL."""

    title: str
    description: str
    sql: str


QUERIES: Mapping[str, Query] = {
    "in_doubt": Query(
        "Orders in doubt",
        "The venue may have these or not: ask it about each, by our id and by its own, before anything is sent.",
        """\
SELECT status, placed_at, strategy_id, order_id, venue_order_ids, symbol, side, quantity, limit_price, venue, account,
    reason
FROM v_open_orders WHERE status IN ('IN_DOUBT', 'PLACED') ORDER BY status <> 'IN_DOUBT', placed_at""",
    ),
    "open_orders": Query(
        "Open orders",
        "What venues may still execute, those in doubt first.",
        "SELECT * FROM v_open_orders ORDER BY status <> 'IN_DOUBT', placed_at",
    ),
    "positions": Query(
        "Positions",
        "What is held. average_price_rounded is rounded for the eye, everything else is exact.",
        "SELECT * FROM v_positions ORDER BY symbol, strategy_id",
    ),
    "exposures": Query(
        "Exposure by symbol",
        "What is held, and what is open at venues, over all strategies. Requests on their way and facts in quarantine "
        "are not in it: strategy-ledger exposure counts them.",
        """\
SELECT symbol, exact_sum(held) AS net_quantity, exact_sum(buys) AS open_buys, exact_sum(sells) AS open_sells,
    SUM(unknown) AS orders_of_unknown_quantity
FROM (
    SELECT symbol, quantity AS held, NULL AS buys, NULL AS sells, 0 AS unknown FROM v_positions
    UNION ALL
    SELECT symbol, NULL, CASE WHEN side = 'BUY' THEN leaves_quantity END,
        CASE WHEN side <> 'BUY' THEN leaves_quantity END, leaves_quantity IS NULL
    FROM v_open_orders
) GROUP BY symbol ORDER BY symbol""",
    ),
    "quarantine": Query(
        "Facts in quarantine",
        "Told by a venue, and in no order and no position.",
        """\
SELECT strategy_id, quarantine_id, recorded_at, operation, order_id, venue_order_id, symbol, side, quantity, code,
    message
FROM quarantine INDEXED BY quarantine_waiting WHERE state = 'WAITING' ORDER BY recorded_at""",
    ),
    "recent_fills": Query(
        f"Fills of the latest {FILL_ENTRIES:,} entries of each strategy",
        "Newest first. Older ones are in v_fills.",
        f"""{_HEADS}SELECT v_fills.* FROM heads CROSS JOIN v_fills
ON v_fills.strategy_id = heads.strategy_id AND v_fills.sequence > heads.head - {FILL_ENTRIES}
ORDER BY executed_at DESC, v_fills.strategy_id, sequence DESC""",
    ),
    "trades": Query(
        "Trades",
        "Newest first; realized_pnl is gross of fees.",
        "SELECT * FROM v_trades ORDER BY opened_at DESC, strategy_id, trade_id",
    ),
    "pnl_by_day": Query(
        "PnL by day on which positions went flat",
        "realized_pnl_rounded is rounded for the eye: strategy-ledger pnl --by day has every digit, and fees.",
        "SELECT * FROM v_pnl_daily ORDER BY day DESC, strategy_id, symbol",
    ),
    "journal_tail": Query(
        f"The latest {ENTRIES} entries of each strategy",
        "Newest first. Older ones are in the table journal.",
        f"""{_HEADS}SELECT j.recorded_at, j.strategy_id, j.sequence, j.subject, j.body, j.digest
FROM heads CROSS JOIN journal AS j ON j.strategy_id = heads.strategy_id AND j.sequence > heads.head - {ENTRIES}
ORDER BY j.recorded_at DESC, j.strategy_id, j.sequence DESC""",
    ),
}
"""Every query by its name in the address."""
