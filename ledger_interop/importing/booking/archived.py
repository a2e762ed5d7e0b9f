"""Orders that are in an archive, as the journal has them: what is told of them again is known by that.

What is news of such an order is given to the ledger, which keeps it in quarantine until the order is back.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import attrs

from ledger_core import Entry, Execution, Fill, Order, RecordKind, StrategyLedger
from ledger_core.errors import Archived, InvalidValue
from ledger_core.evolve import attach, evolve
from ledger_core.model import Key, OrderRequest, PositionSide, Record, position_key
from ledger_interop.importing import facts as told
from ledger_interop.importing.facts import AnyFact, OrderFact


@attrs.frozen
class ArchivedOrder:
    """An order with its requests, and its fills, as they were when they went."""

    order: Order
    fills: Mapping[str, Fill]

    def says(self, fact: AnyFact) -> bool:
        """Whether the journal has this fact; of what an order's state tells, this does not say it."""
        match fact:
            case told.Execution():
                fill = self._of(fact.fill_id, fact)
                return fill is not None and bool(fill.fees or not fact.fees)
            case told.Correction():
                return self._of(fact.correction_id, fact) is not None
            case told.Bust():
                fill = self.fills.get(self._known_as(fact.fill_id))
                return fill is not None and fill.busted
            case told.FeeReport():
                fill = self.fills.get(self._known_as(fact.fill_id))
                paid = sorted((currency, amount) for amount, currency in fact.fees)
                return fill is not None and sorted((fee.currency, fee.amount) for fee in fill.fees) == paid
            case told.NewTerms():
                return any(one.request_id == fact.request_id and not one.is_in_flight for one in self.order.requests)
            case _:
                return False

    def has_fill(self, fill_id: str) -> bool:
        """Whether an execution, or a correction of one, is of this order."""
        return self._known_as(fill_id) in self.fills

    def _of(self, fill_id: str, fact: told.Execution | told.Correction) -> Fill | None:
        """Return the fill that once had this id and these figures."""
        figures = (fill_id, fact.quantity, fact.price)
        return next((fill for fill in self.fills.values() if figures in map(_figures, fill.executions)), None)

    def _known_as(self, fill_id: str) -> str:
        return self.order.corrections.get(fill_id, fill_id)


class Archives(Protocol):
    """The archives of a strategy, to look up in; see `ledger_interop.archive.ArchivedOrders`."""

    def named(
        self, venue_order_id: str, *, symbol: str | None = None, is_buy: bool | None = None, venue: str | None = None
    ) -> str | None:
        """Return our id of the one order that a venue gave this id."""
        ...

    def records_of(self, order_id: str) -> Sequence[Record]:
        """Return an order, its requests and its fills, as they went."""
        ...


def from_archives(archives: Archives, order_id: str) -> ArchivedOrder | None:
    """Put together what the archives have of an order: all of it, where its journal was cut, too."""
    return _of_records({(record.kind, record.key): record for record in archives.records_of(order_id)}, order_id)


def from_journal(ledger: StrategyLedger, order_id: str) -> ArchivedOrder | None:
    """Fold what the journal has of an order; None where it has nothing, or not all, as it was cut."""
    try:
        records = _folded(ledger.get_history(order_id), order_id)
    except Archived:
        return None
    return _of_records(records, order_id)


def _of_records(records: dict[tuple[RecordKind, Key], Record], order_id: str) -> ArchivedOrder | None:
    order = records.pop((RecordKind.ORDER, (order_id,)), None)
    if not isinstance(order, Order):
        return None
    for record in records.values():
        if isinstance(record, OrderRequest):
            order = attach(order, record)
    return ArchivedOrder(order, {record.fill_id: record for record in records.values() if isinstance(record, Fill)})


def is_before_opening(ledger: StrategyLedger, fact: OrderFact) -> bool:
    """Whether a fact about an unknown order happened where the history of its position is in archives.

    Its order may be there, named otherwise: recorded anew it would be there twice.
    """
    details, at = fact.order.details, fact.at or fact.order.placed_at
    symbol = details.get("symbol")
    if symbol is None or at is None:
        return False
    try:
        side = PositionSide(details.get("position_side") or PositionSide.NET)
        place = (symbol, details.get("venue"), details.get("account"), side)
        found = ledger.get_position(symbol, venue=place[1], account=place[2], position_side=side)
    except (InvalidValue, ValueError):
        return False  # the ledger says so itself
    return found.opening is not None and found.key == position_key(*place) and at < found.opening.executed_at


def _folded(entries: Iterable[Entry], order_id: str) -> dict[tuple[RecordKind, Key], Record]:
    found: dict[tuple[RecordKind, Key], Record] = {}
    for entry in entries:
        for change in entry.changes:
            if change.kind in (RecordKind.ORDER, RecordKind.REQUEST, RecordKind.FILL) and change.key[0] == order_id:
                name = (change.kind, change.key)
                known = found.get(name)
                if known is None and change.version > 1:  # what it was before was cut
                    return {}
                found[name] = evolve(known, change, sequence=entry.sequence, recorded_at=entry.recorded_at)
    return found


def _figures(one: Execution) -> tuple[object, ...]:
    return (one.fill_id, one.quantity, one.price)
