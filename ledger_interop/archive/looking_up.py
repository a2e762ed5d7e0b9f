"""Look up orders in archives by what a ledger does not keep of them: the ids that their venue gave.

What stays in a ledger of an archived order is its own id. A venue that names it by its id alone, in a snapshot or in an
old file, can only be answered from the archives; `ArchivedOrders` reads all of a strategy's once, into a database of
SQLite's that lives in a temporary file and ends with it, so that memory does not grow with them.
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import attrs

from ledger_core import StrategyLedger, UnknownOrder
from ledger_core.codec import canonical_json, dump_record, load_record
from ledger_core.errors import Archived
from ledger_core.model import Order, Record, RecordKind
from ledger_core.reconciling.snapshot import BrokerExecution, BrokerOrder, Snapshot, broker_snapshot
from ledger_interop.archive.checking import list_archives
from ledger_interop.archive.reading import read_groups

FOUND_MAX = 2
"""One order is meant, or none: of several nothing is concluded."""

_KEPT = (RecordKind.ORDER, RecordKind.REQUEST, RecordKind.FILL)
_TABLES = """
    CREATE TABLE orders (order_id TEXT PRIMARY KEY, symbol TEXT, is_buy INTEGER, venue TEXT);
    CREATE TABLE names (venue_order_id TEXT, order_id TEXT, PRIMARY KEY (venue_order_id, order_id)) WITHOUT ROWID;
    CREATE TABLE records (order_id TEXT, kind TEXT, record TEXT);
    CREATE INDEX records_of ON records (order_id);
"""
_NAMED = """
    SELECT order_id FROM names JOIN orders USING (order_id)
    WHERE venue_order_id = :venue_order_id
        AND (:symbol IS NULL OR symbol = :symbol)
        AND (:is_buy IS NULL OR is_buy = :is_buy)
        AND (:venue IS NULL OR venue IS NULL OR venue = :venue)
    LIMIT :found_max
"""


class ArchivedOrders:
    """The orders in a strategy's archives, with their requests and fills; a context manager."""

    def __init__(self, archives: Path, strategy_id: str) -> None:
        """Read the archives of a strategy below a folder; raise ArchiveDamaged, NotTheTopFolder, MissingExtra."""
        self._connection = sqlite3.connect("", isolation_level=None)
        try:
            self._connection.executescript(_TABLES)
            self._connection.execute("BEGIN")
            for manifest in list_archives(archives, strategy_id):  # the oldest first: what went again stands last
                for group in read_groups(manifest.folder):
                    self._keep(group)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "ArchivedOrders":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the temporary file."""
        self._connection.close()

    def named(
        self,
        venue_order_id: str,
        *,
        symbol: str | None = None,
        is_buy: bool | None = None,
        venue: str | None = None,
    ) -> str | None:
        """Return our id of the one order that a venue gave this id; None where there is none, or more than one fits."""
        found = self._connection.execute(
            _NAMED,
            {
                "venue_order_id": venue_order_id,
                "symbol": symbol,
                "is_buy": is_buy,
                "venue": venue,
                "found_max": FOUND_MAX,
            },
        ).fetchall()
        return str(found[0][0]) if len(found) == 1 else None

    def records_of(self, order_id: str) -> Sequence[Record]:
        """Return an order, its requests and its fills, as they went; nothing where no archive has it."""
        found = self._connection.execute("SELECT kind, record FROM records WHERE order_id = ?", (order_id,))
        return [load_record(RecordKind(kind), json.loads(record)) for kind, record in found]

    def _keep(self, group: Sequence[Record]) -> None:
        for order in group:
            if isinstance(order, Order):
                for table in ("orders", "names", "records"):
                    self._connection.execute(f"DELETE FROM {table} WHERE order_id = ?", order.key)
                terms = (order.order_id, order.symbol, order.side.is_buy, order.venue)
                self._connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", terms)
                names = [(name, order.order_id) for name in dict.fromkeys(order.venue_order_ids)]
                self._connection.executemany("INSERT INTO names VALUES (?, ?)", names)
        for record in group:
            if record.kind in _KEPT:
                stored = canonical_json(dump_record(record)).decode()
                self._connection.execute("INSERT INTO records VALUES (?, ?, ?)", (record.key[0], record.kind, stored))


def with_our_ids(snapshot: object, ledger: StrategyLedger, archived: ArchivedOrders) -> Snapshot:
    """Return a broker's snapshot in which archived orders that only the venue's id names have ours, too.

    `reconcile` then knows them by it, and in which archive each is. What is of an order that is here, or open there,
    or what came after the end of the one in the archive, stays as it is: a venue may give an id again. Raises
    InvalidValue for what is no snapshot.
    """
    told = broker_snapshot(snapshot)

    def meant(one: BrokerOrder | BrokerExecution) -> tuple[str, Sequence[Record]] | None:
        if one.order_id is not None or one.venue_order_id is None:
            return None
        venue = (one.venue if isinstance(one, BrokerOrder) else None) or told.venue
        here = ledger.find_orders(venue_order_id=one.venue_order_id, limit=None)
        if any(one.symbol in (None, order.symbol) for order in here):
            return None
        is_buy = None if one.side is None else one.side.is_buy
        order_id = archived.named(one.venue_order_id, symbol=one.symbol, is_buy=is_buy, venue=venue)
        if order_id is None or not _is_archived(ledger, order_id):
            return None
        return order_id, archived.records_of(order_id)

    def of_order(one: BrokerOrder) -> BrokerOrder:
        found = meant(one) if one.has_ended else None
        return attrs.evolve(one, order_id=found[0]) if found and _is_order(one, found[1]) else one

    def of_execution(one: BrokerExecution) -> BrokerExecution:
        found = meant(one)
        return attrs.evolve(one, order_id=found[0]) if found and _is_of_order(one, found[1]) else one

    return attrs.evolve(
        told,
        open_orders=None if told.open_orders is None else tuple(map(of_order, told.open_orders)),
        executions=None if told.executions is None else tuple(map(of_execution, told.executions)),
    )


def _order_in(records: Sequence[Record]) -> Order:
    return next(record for record in records if isinstance(record, Order))


def _is_order(one: BrokerOrder, records: Sequence[Record]) -> bool:
    return one.quantity in (_order_in(records).details.quantity, _order_in(records).quantity)


def _is_of_order(one: BrokerExecution, records: Sequence[Record]) -> bool:
    """Whether an execution is in the archive, or was before the order ended."""
    order = _order_in(records)
    if one.fill_id in order.corrections or any(one.fill_id == getattr(record, "fill_id", None) for record in records):
        return True
    return one.executed_at is not None and order.ended_at is not None and one.executed_at <= order.ended_at


def _is_archived(ledger: StrategyLedger, order_id: str) -> bool:
    try:
        ledger.get_order(order_id)
    except Archived:
        return True
    except UnknownOrder:
        pass
    return False
