"""What an id, or the beginning of one, names: an order, a trade, an execution, a fact in quarantine, or a group.

Orders, trades and the venue's ids are looked up by the ledger. For the other ids, and for beginnings, an SQLite file is
asked by its indexes; of another storage the records are read one by one.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from ledger_cli.archived import refuse_archived
from ledger_cli.failures import Misused, Unknown
from ledger_cli.reading import Store

if TYPE_CHECKING:
    from ledger_core import StrategyLedger

MATCHES_MAX = 50
"""How many matches of one kind are looked for."""

_LAST_CHARACTER = "\U0010ffff"

# fmt: off
_SQL = {
    # kind: (columns: what is looked for, the order, or fact, that it leads to; its table)
    "order": ("order_id", "order_id", "orders INDEXED BY orders_by_id"),
    "trade": ("trade_id", "NULL", "trades INDEXED BY trades_by_id"),
    "venue's id": ("venue_order_id", "order_id", "venue_orders"),
    "quarantine": ("quarantine_id", "order_id", "quarantine INDEXED BY quarantine_by_id"),
    "fill": ("fill_id", "order_id", "fills"),
    "waiting fill": ("json_extract(fact, '$.fill.fill_id')", "quarantine_id", "quarantine INDEXED BY quarantine_by_id"),
    "request": ("request_id", "order_id", "order_requests"),
    "adjustment": ("adjustment_id", "NULL", "adjustments INDEXED BY adjustments_by_id"),
    "group": ("execution_group_id", "NULL", "orders INDEXED BY orders_by_group"),
    "plan": ("trade_plan_id", "NULL", "orders INDEXED BY orders_by_plan"),
    "parent": ("parent_order_id", "NULL", "orders INDEXED BY orders_by_parent"),
}
# fmt: on


@attrs.frozen(order=True)
class Match:
    """Something that an id names: its kind, whose it is, its id, and the order, or fact, that it leads to, if any."""

    kind: str
    ledger: str
    strategy_id: str
    id: str
    leads_to: str | None = None


def find(stores: Iterable[Store], text: str) -> list[Match]:
    """Return what the id names, or else what begins with it; raise Unknown where nothing does, or only in archives."""
    known = list(stores)
    for search in (_known_ids, _exactly, _beginning):
        if search is _exactly:
            refuse_archived(known, text, whole=True)
        matches = list(dict.fromkeys(match for store in known for match in search(store, text)))
        orders = {match.id for match in matches if match.kind == "order"}
        if matches:
            return [match for match in matches if match.kind != "parent" or match.id not in orders]
    refuse_archived(known, text, whole=False)
    raise Unknown(f"nothing in this ledger has the id {text!r}, or one that begins with it", "UNKNOWN_ID")


def _known_ids(store: Store, text: str) -> Iterator[Match]:
    from ledger_core import UnknownOrder, UnknownTrade
    from ledger_core.errors import Archived

    for strategy_id, ledger in store.ledgers:
        with suppress(UnknownOrder, Archived):
            yield Match("order", store.shown, strategy_id, ledger.get_order(text).order_id, text)
        with suppress(UnknownTrade, Archived):
            yield Match("trade", store.shown, strategy_id, ledger.get_trade(text).trade_id)
        for order in ledger.find_orders(venue_order_id=text, limit=MATCHES_MAX):
            yield Match("venue's id", store.shown, strategy_id, text, order.order_id)


def _exactly(store: Store, text: str) -> Iterator[Match]:
    return _search(store, "= ?", (text,), lambda found: found == text)


def _beginning(store: Store, text: str) -> Iterator[Match]:
    return _search(store, "BETWEEN ? AND ?", (text, text + _LAST_CHARACTER), lambda found: found.startswith(text))


def _search(store: Store, condition: str, parameters: tuple[str, ...], fits: Callable[[str], bool]) -> Iterator[Match]:
    from ledger_cli import sqlite_files

    try:
        path = sqlite_files.file_of(store.path)
    except Misused:
        for strategy_id, ledger in store.ledgers:
            yield from _scan(store.shown, strategy_id, ledger, fits)
        return

    def ask(connection: sqlite3.Connection) -> list[Match]:
        return [
            Match(kind, store.shown, strategy_id, found, aim)
            for strategy_id, _ in store.ledgers
            for kind, (column, leads_to, table) in _SQL.items()
            for found, aim in connection.execute(
                f"SELECT DISTINCT {column}, {leads_to} FROM {table}"
                f" WHERE strategy_id = ? AND {column} IS NOT NULL AND {column} {condition} ORDER BY 1 LIMIT ?",
                (strategy_id, *parameters, MATCHES_MAX),
            )
        ]

    yield from sqlite_files.read(path, ask)


def _scan(ledger_name: str, strategy_id: str, ledger: "StrategyLedger", fits: Callable[[str], bool]) -> Iterator[Match]:
    """Look through the records one by one: for storages that have no other way."""

    def ids() -> Iterator[tuple[str, str | None, str | None]]:
        for order in ledger.find_orders(limit=None):
            details = order.details
            yield "order", order.order_id, order.order_id
            yield from (("venue's id", venue_order_id, order.order_id) for venue_order_id in order.venue_order_ids)
            yield from (("request", request.request_id, order.order_id) for request in order.requests)
            yield "group", details.execution_group_id, None
            yield "plan", details.trade_plan_id, None
            yield "parent", details.parent_order_id, None
        yield from (("trade", trade.trade_id, None) for trade in ledger.find_trades(limit=None))
        yield from (("fill", fill.fill_id, fill.order_id) for fill in ledger.find_fills(limit=None))
        for fact in ledger.quarantined():
            yield "quarantine", fact.quarantine_id, fact.order_id
            yield "waiting fill", fact.fact.get("fill", {}).get("fill_id"), fact.quarantine_id
        yield from (("adjustment", one.adjustment_id, None) for one in ledger.find_adjustments(limit=None))

    matches = (
        Match(kind, ledger_name, strategy_id, found, leads_to)
        for kind, found, leads_to in ids()
        if found is not None and fits(found)
    )
    yield from islice(dict.fromkeys(matches), MATCHES_MAX)
