"""What may go to an archive, groups of records that belong together and are over, and what stays of each.

Orders that trades tie together go with these trades, their requests, fills and commands, all at once. A group may go
when none of it is open or waits for anything, and every fill of it lies at or before a point at which its position was
flat: from there on the position can be folded without it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import cast

import attrs

from ledger_core import codec
from ledger_core.commands import Operation, RecordOrder
from ledger_core.decide.draft import EconomicOrder
from ledger_core.decide.fills import execution_content
from ledger_core.decide.orders import placed_content
from ledger_core.lifecycle import TradeState
from ledger_core.model import ArchivedRecord, CommandRecord, Fill, Key, Order, Record, RecordKind, Trade, archived_key
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, Query, all_pages, sort_key
from ledger_core.writing import Writer

GROUP_ORDERS_MAX = 5_000
"""The most orders that trades may tie together; a larger group stays."""

Group = tuple[Record, ...]
"""Records that go together: orders and the trades that tie them, with their requests, fills and commands."""


class Search:
    """Finds groups that may go, from the oldest order on."""

    def __init__(self, repository: LedgerRepository, writer: Writer, before: datetime) -> None:
        """Look for what was over before a moment."""
        self._repository = repository
        self._writer = writer
        self._before = before
        self._tied: set[str] = set()  # orders of groups of several, which were looked at with the first of them
        self._flat_at: dict[Key, EconomicOrder | None] = {}

    def groups(self) -> Iterator[Group]:
        """Generate them."""
        query = Query(kind=RecordKind.ORDER, where={"is_open": False}, until=self._before, limit=PAGE_SIZE_MAX)
        while True:
            page = self._repository.find(query)
            for order in page:
                if order.key[0] not in self._tied:
                    group = self._group(cast(Order, order))
                    if group is not None:
                        yield group
            if len(page) < query.limit:
                return
            query = attrs.evolve(query, after=sort_key(page[-1]))

    def _group(self, first: Order) -> Group | None:
        """Return what goes together with an order; None where something of it has to stay."""
        orders, trades = self._tie(first)
        if len(orders) > 1:
            self._tied.update(orders)
        tied: tuple[Order | Trade, ...] = (*orders.values(), *trades.values())
        if len(orders) > GROUP_ORDERS_MAX or not all(map(self._is_over, tied)):
            return None
        records: list[Record] = []
        for order in orders.values():
            fills = all_pages(self._repository.find, Query(kind=RecordKind.FILL, where={"order_id": order.order_id}))
            if not all(self._is_settled(cast(Fill, fill)) for fill in fills):
                return None
            requests = Query(kind=RecordKind.REQUEST, where={"order_id": order.order_id})
            records += (order, *all_pages(self._repository.find, requests), *fills)
        records += trades.values()
        for target in (*orders, *trades):
            records += all_pages(self._repository.find, Query(kind=RecordKind.COMMAND, where={"target": target}))
        return tuple(records)

    def _tie(self, first: Order) -> tuple[dict[str, Order], dict[str, Trade]]:
        """Return the orders that share trades with this one, and these trades."""
        orders, trades, ahead = {first.order_id: first}, dict[str, Trade](), [first]
        while ahead and len(orders) <= GROUP_ORDERS_MAX:
            for trade_id in ahead.pop().trade_ids:
                trade = self._repository.load(RecordKind.TRADE, (trade_id,)) if trade_id not in trades else None
                if not isinstance(trade, Trade):
                    continue
                trades[trade_id] = trade
                for order_id in trade.order_ids:
                    order = self._repository.load(RecordKind.ORDER, (order_id,)) if order_id not in orders else None
                    if isinstance(order, Order):
                        orders[order_id] = order
                        ahead.append(order)
        return orders, trades

    def _is_over(self, record: Order | Trade) -> bool:
        if isinstance(record, Trade):
            return record.state is TradeState.CLOSED and _is_before(record.closed_at, self._before)
        with self._writer.lock:
            waiting = self._writer.records.waiting_facts(record)
        in_flight = record.cancels_in_flight or record.replaces_in_flight
        return not (record.is_open or in_flight or waiting) and _is_before(record.ended_at, self._before)

    def _is_settled(self, fill: Fill) -> bool:
        """Say whether a fill lies at or before a point at which its position was flat."""
        if fill.busted:
            return fill.executed_at < self._before
        if fill.position_key not in self._flat_at:
            with self._writer.lock:
                flat = self._writer.records.last_flat_before(fill.position_key, (self._before, 0, 0))
            self._flat_at[fill.position_key] = None if flat is None else flat.economic_order
        flat_at = self._flat_at[fill.position_key]
        return flat_at is not None and fill.economic_order <= flat_at


def _is_before(moment: datetime | None, before: datetime) -> bool:
    return moment is not None and moment < before


def stays_of(record: Record, archive_id: str) -> ArchivedRecord:
    """Return what stays of a record once it is in an archive."""
    _, key = archived_key(record.kind, record.key)
    return ArchivedRecord(
        record_kind=record.kind,
        record_key=key,
        archive_id=archive_id,
        record_version=record.version,
        digest=codec.record_digest(record),
        contents=_contents(record),
    )


def _contents(record: Record) -> tuple[str, ...]:
    """Return digests of what a repeat of a record is compared by."""
    match record:
        case Order():
            placing = RecordOrder(
                operation=Operation.RECORD_ORDER,
                occurred_at=record.placed_at,
                order_id=record.order_id,
                details=record.details,
            )
            return (codec.digest_of(placed_content(codec.dump_command(placing))),)
        case Fill():
            return tuple(codec.digest_of(execution_content(one)) for one in record.executions)
        case CommandRecord():
            return (codec.digest_of({name: value for name, value in record.content.items() if name != "answer"}),)
        case _:
            return ()
