"""Look back: the ledger as it was believed at a moment, and what is known now of a moment.

`recorded` folds the journal up to the last entry that was recorded by then: what was believed, to the last digit, and
later corrections do not change it. `occurred` takes what the journal knows now and leaves out what happened later:
executions count by their own time, with every bust and correction that has come since. So does a fact that waited in
quarantine: it shares the entry of what it was retried with, but happened when it happened.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from ledger_core._frozen import replaced
from ledger_core.changes import GENESIS_DIGEST, Change, Entry, Head
from ledger_core.checkpoints import base_of, records_at, require_same_base
from ledger_core.commands import Operation
from ledger_core.decide.holdings import new_position
from ledger_core.decide.requests import ORDER_ENDED
from ledger_core.decide.shares import figures_of
from ledger_core.errors import Archived, StorageCorrupt
from ledger_core.evolve import attach, evolve
from ledger_core.lifecycle import OrderState, RequestKind, RequestState
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    ArchivedRecord,
    Checkpoint,
    Fill,
    Instrument,
    Key,
    Order,
    OrderRequest,
    Position,
    QuarantinedFact,
    QuarantineState,
    Record,
    RecordKind,
    Trade,
    TradeLeg,
    split_quantity,
)
from ledger_core.numbers import ZERO, minus, plain, times, total
from ledger_core.positions import Movement, fold, merge_cash_flows, merge_fees, with_terms
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, sort_key

Records = dict[tuple[RecordKind, Key], Record]

_BY_LEVEL = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED)
_UNANSWERED = (OrderState.PLACED, OrderState.IN_DOUBT)
_ACCEPTING = (
    Operation.UPDATE_ORDER_ACCEPTANCE,
    Operation.UPDATE_ORDER_REPLACEMENT,
    Operation.UPDATE_ORDER_RESTATEMENT,
)
_SILENT = (
    Operation.CREATE_TRADE,
    Operation.UPDATE_TRADE,
    Operation.CLOSE_TRADE,
    Operation.RESOLVE_QUARANTINED,
    Operation.RESTORE_RECORDS,
)
"""Commands that change orders and tell nothing of their lives: what is told in their entries, waiting facts said."""

_GROWING = ("venue_order_ids", "trade_ids")
"""Fields of an order that every change writes whole, though it adds to them what it alone brought."""

_Step = tuple[Change, Record | None]
"""A change, and the record before it."""


@attrs.frozen
class Past:
    """The records of a strategy at a moment, and the end of the journal that they come from."""

    records: Mapping[tuple[RecordKind, Key], Record]
    head: Head

    def of_kind(self, kind: RecordKind) -> list[Record]:
        """Return the records of a kind, in the order of the journal."""
        return sorted((record for (known, _), record in self.records.items() if known is kind), key=sort_key)


def past_of(repository: LedgerRepository, *, recorded: datetime | None, occurred: datetime | None) -> Past:
    """Fold the journal up to a moment; time and memory grow with the history up to it.

    A journal that was cut is folded from its checkpoint on. Raises Archived for what lies before that, and for what
    happened by a moment, which may take any entry to tell; StorageCorrupt where an entry is missing.
    """
    folded: Records = {}
    then = _Then(occurred)
    head = Head(0, GENESIS_DIGEST)
    base = base_of(repository)
    if base is not None:
        _refuse_what_was_cut(base, recorded, occurred)
        head = Head(base.cut_sequence, base.cut_digest, base.cut_at)
        folded = {(one.kind, one.key): one.record() for one in records_at(repository, base)}
    for entry in _entries_until(repository, head.sequence, recorded):
        if entry.sequence != head.sequence + 1:
            require_same_base(repository, base)
            raise StorageCorrupt(f"entry {head.sequence + 1} is missing", sequence=head.sequence + 1)
        steps: list[_Step] = []
        for change in entry.changes:
            name = (change.kind, change.key)
            steps.append((change, folded.get(name)))
            after = evolve(folded.get(name), change, sequence=entry.sequence, recorded_at=entry.recorded_at)
            folded[name] = after
            # What happened by a moment is told from all that the journal knows, also of what was archived since.
            if isinstance(after, ArchivedRecord) and after.removed is not None and occurred is None:
                folded.pop(after.removed, None)
        then.take(entry, steps, folded)
        head = Head(entry.sequence, entry.digest, entry.recorded_at)
    return Past(_with_requests(folded if occurred is None else then.records(folded)), head)


def _refuse_what_was_cut(base: Checkpoint, recorded: datetime | None, occurred: datetime | None) -> None:
    where = (
        f"the journal up to {base.cut_at.isoformat()} was cut, and is in archive {base.archive_id!r}: make one ledger"
        " of ledger and archives to look back further"
    )
    if occurred is not None:
        raise Archived(f"what had happened by a moment takes the whole journal to tell; {where}", **_of(base))
    if recorded is not None and recorded < base.cut_at:
        raise Archived(where, **_of(base))


def _of(base: Checkpoint) -> dict[str, Any]:
    return {"archive_id": base.archive_id, "cut_at": base.cut_at, "cut_sequence": base.cut_sequence}


def _entries_until(repository: LedgerRepository, after: int, recorded: datetime | None) -> Iterable[Entry]:
    while True:
        page = repository.read(after, PAGE_SIZE_MAX)
        for entry in page:
            if recorded is not None and entry.recorded_at > recorded:
                return
            yield entry
        if len(page) < PAGE_SIZE_MAX:
            return
        after = page[-1].sequence


def _with_requests(records: Records) -> Records:
    """Attach each order's requests, as every order that is answered has them."""
    complete = dict(records)
    for record in sorted((one for one in records.values() if isinstance(one, OrderRequest)), key=sort_key):
        name = (RecordKind.ORDER, (record.order_id,))
        order = complete.get(name)
        if isinstance(order, Order):
            complete[name] = attach(order, record)
    return complete


def _facts_of(entry: Entry, steps: Sequence[_Step], folded: Records) -> Iterator[tuple[datetime, str, Sequence[_Step]]]:
    """Take an entry apart: when the command and each fact that was retried with it happened, and what each changed."""
    begin, retried = 0, False
    for index, (change, _) in enumerate(steps):
        fact = folded.get((change.kind, change.key))
        if not isinstance(fact, QuarantinedFact) or change.to_state != QuarantineState.BOOKED:
            continue
        if not retried:
            own = _own(entry, steps[:index], corrections=len(fact.corrections))
            yield entry.occurred_at, entry.operation, steps[:own]
            begin = own
        yield fact.occurred_at, fact.operation, steps[begin:index]
        begin, retried = index + 1, True
    yield entry.occurred_at, entry.operation, steps[begin:]


def _own(entry: Entry, steps: Sequence[_Step], *, corrections: int) -> int:
    """Return how many of the steps before the first retried fact was booked are the command's own: they come first.

    The fact made the last of the orders' changes, its corrections one by one behind it, and a command made at least
    the first: that let the fact be retried. Only those in `_SILENT`, and a correction of the waiting fact itself, tell
    nothing of an order.
    """
    told = [index for index, (change, _) in enumerate(steps) if change.kind is RecordKind.ORDER and _is_told(change)]
    is_silent = entry.operation in _SILENT or any(change.kind is RecordKind.QUARANTINE for change, _ in steps)
    first = 0 if is_silent else max(1, len(told) - 1 - corrections)
    return told[first] if first < len(told) else len(steps)


def _is_told(change: Change) -> bool:
    """Say whether a change of an order is what a fact said, not the end of its requests that follows from it."""
    return change.event_type is not None and change.facts.get("reason") != ORDER_ENDED


class _Then:
    """What had happened by a moment, collected entry by entry.

    Terms and states of orders and trades are those that facts up to the moment set, in the order of the journal;
    quantities and level states follow from the executions up to it.
    """

    def __init__(self, moment: datetime | None) -> None:
        self._moment = moment
        self._set: dict[tuple[RecordKind, Key], Record] = {}
        self._accepted: set[Key] = set()

    def take(self, entry: Entry, steps: Sequence[_Step], folded: Records) -> None:
        """Note what an entry set, as far as it is about what had happened by the moment."""
        if self._moment is None:
            return
        for happened_at, operation, made in _facts_of(entry, steps, folded):
            for change, before in made:
                if change.kind is not RecordKind.ORDER and change.kind is not RecordKind.TRADE:
                    continue
                if before is not None and "sequence" in change.values:
                    continue  # it came back from an archive as it went
                # An order has a time of its own, also where a person placed it for a fact in quarantine; what is born
                # twice, as in a damaged journal alone, need not have one.
                is_birth = before is None and change.kind is RecordKind.ORDER and change.version == 1
                time = change.values["placed_at"] if is_birth else happened_at
                if time <= self._moment:
                    self._apply(entry, change, before)
                    if operation in _ACCEPTING:
                        self._accepted.add(change.key)

    def _apply(self, entry: Entry, change: Change, before: Record | None) -> None:
        name = (change.kind, change.key)
        known = self._set.get(name)
        if before is None:
            self._set[name] = evolve(None, change, sequence=entry.sequence, recorded_at=entry.recorded_at)
        elif known is not None:
            values = dict(change.values)
            for field in _GROWING:
                if field in values:
                    added = (one for one in values[field] if one not in getattr(before, field))
                    values[field] = (*getattr(known, field), *added)
            self._set[name] = replaced(known, values)

    def records(self, folded: Records) -> Records:
        """Return the records as of the moment."""
        assert self._moment is not None, "asked for"
        moment = self._moment
        past: Records = {}
        for name, record in folded.items():
            match record:
                case Instrument():
                    past[name] = record
                case Fill() if not record.busted and record.executed_at <= moment:
                    past[name] = record
                case Adjustment() | QuarantinedFact() if record.occurred_at <= moment:
                    past[name] = record
                case OrderRequest() if record.requested_at <= moment:
                    past[name] = _request_at(record, moment)
        self._add_orders(past, folded, moment)
        _add_positions(past)
        self._add_trades(past, folded, moment)
        return past

    def _add_orders(self, past: Records, folded: Records, moment: datetime) -> None:
        fills: dict[str, list[Fill]] = defaultdict(list)
        requests: dict[str, list[OrderRequest]] = defaultdict(list)
        for record in past.values():
            if isinstance(record, Fill):
                fills[record.order_id].append(record)
            elif isinstance(record, OrderRequest):
                requests[record.order_id].append(record)
        for name, record in self._set.items():
            if isinstance(record, Order) and record.placed_at <= moment:
                latest = folded[name]
                assert isinstance(latest, Order), "kind ORDER"
                kept = {
                    "splits": tuple(split for split in latest.splits if split.occurred_at <= moment),
                    "corrections": latest.corrections,
                    "trade_ids": tuple(one for one in record.trade_ids if (RecordKind.TRADE, (one,)) in self._set),
                    "version": latest.version,
                }
                base = replaced(record, kept)
                accepted = record.key in self._accepted
                past[name] = _order_at(base, fills[record.order_id], requests[record.order_id], accepted=accepted)

    def _add_trades(self, past: Records, folded: Records, moment: datetime) -> None:
        found = {name: record for name, record in self._set.items() if isinstance(record, Trade)}
        past.update(found)
        known = _Lookup(past)
        for name, trade in found.items():
            placed = [order_id for order_id in trade.order_ids if (RecordKind.ORDER, (order_id,)) in past]
            legs = tuple(_leg_at(leg, moment) for leg in trade.legs)
            values: dict[str, Any] = figures_of(known, trade.trade_id, placed, trade.shares, legs)
            past[name] = replaced(trade, {**values, "version": folded[name].version})


def _leg_at(leg: TradeLeg, moment: datetime) -> TradeLeg:
    """Return a leg without the splits after the moment, which what was told later has brought along."""
    splits = tuple(split for split in leg.splits if split.occurred_at <= moment)
    return leg if splits == leg.splits else replaced(leg, {"splits": splits})


def _request_at(request: OrderRequest, moment: datetime) -> OrderRequest:
    if request.ended_at is None or request.ended_at <= moment:
        return request
    return replaced(request, {"state": RequestState.REQUESTED, "ended_at": None, "reason": None, "answer": None})


def _order_at(order: Order, fills: Sequence[Fill], requests: Sequence[OrderRequest], *, accepted: bool) -> Order:
    """Return an order with the quantities of the fills that count, and the state that goes with them."""
    filled = plain(total(split_quantity(fill.quantity, fill.economic_order, order.splits) for fill in fills))
    in_flight = [request.request_kind for request in requests if request.is_in_flight]
    values: dict[str, Any] = {
        "requests": tuple(requests),
        "cum_quantity": filled,
        "executed_value": plain(total(times(fill.quantity, fill.price) for fill in fills)),
        "inferred_quantity": total(fill.quantity for fill in fills if fill.inferred),
        "request_count": len(requests),
        "cancels_in_flight": in_flight.count(RequestKind.CANCEL),
        "replaces_in_flight": len(in_flight) - in_flight.count(RequestKind.CANCEL),
    }
    if order.state in _BY_LEVEL or (order.state in _UNANSWERED and (filled or accepted)):
        complete = order.quantity is not None and filled >= order.quantity
        if filled:
            values["state"] = OrderState.FILLED if complete else OrderState.PARTIALLY_FILLED
        else:
            values["state"] = OrderState.ACCEPTED
    after = replaced(order, values)
    limit = after.fill_limit
    over = ZERO if limit is None or filled <= limit else plain(minus(filled, limit))
    last = max((fill.executed_at for fill in fills), default=order.placed_at)
    ended_at = None if after.is_open else order.ended_at or last
    if after.state is OrderState.FILLED and ended_at is not None:
        ended_at = max(ended_at, last)  # whichever of its fills was told last
    return replaced(after, {"overfill_quantity": over, "ended_at": ended_at})


def _add_positions(past: Records) -> None:
    movements: dict[Key, list[Movement]] = defaultdict(list)
    splits: dict[str, list[Adjustment]] = defaultdict(list)
    for record in past.values():
        if isinstance(record, Adjustment) and record.ratio is not None:
            splits[record.symbol].append(record)
        elif isinstance(record, (Fill, Adjustment)):
            movements[record.position_key].append(record)
    for key, moves in movements.items():
        moves.extend(split for split in splits.get(key[0], ()) if split.concerns(key))
        position = new_position(key)
        terms = past.get((RecordKind.INSTRUMENT, (key[1], key[0])))
        if not isinstance(terms, Instrument):  # whatever moves a position notes its instrument first
            raise StorageCorrupt(f"the instrument of position {'/'.join(key)!r} was never noted", key=key)
        past[RecordKind.POSITION, key] = _folded(with_terms(position, terms), moves)


def _folded(position: Position, movements: Iterable[Movement]) -> Position:
    for movement in sorted(movements, key=lambda movement: movement.economic_order):
        position = fold(position, movement)
        if isinstance(movement, Fill):
            position = replaced(position, {"fees": merge_fees(position.fees, movement.fees)})
        else:
            position = replaced(position, {"cash_flows": merge_cash_flows(position.cash_flows, movement)})
    return position


class _Lookup:
    """What adding up a trade looks at, over records in a dict."""

    def __init__(self, records: Mapping[tuple[RecordKind, Key], Record]) -> None:
        self._records = records
        self._fills: dict[str, list[Fill]] = defaultdict(list)
        self._adjustments: dict[str, list[Adjustment]] = defaultdict(list)
        for record in records.values():
            if isinstance(record, Fill):
                self._fills[record.order_id].append(record)
            elif isinstance(record, Adjustment):
                self._adjustments[record.symbol].append(record)

    def get(self, kind: RecordKind, key: Key) -> Record | None:
        return self._records.get((kind, key))

    def order(self, order_id: str) -> Order:
        found = self._records.get((RecordKind.ORDER, (order_id,)))
        assert isinstance(found, Order), "only orders that were placed by then are asked for"
        return found

    def trade(self, trade_id: str) -> Trade:
        found = self._records.get((RecordKind.TRADE, (trade_id,)))
        assert isinstance(found, Trade), "an order of then names only trades of then"
        return found

    def fills_of(self, order_id: str) -> Sequence[Fill]:
        return self._fills.get(order_id, ())

    def adjustments_of(
        self, symbol: str, *, since: datetime | None = None, kind: AdjustmentKind | None = None
    ) -> Sequence[Adjustment]:
        return [known for known in self._adjustments.get(symbol, ()) if known.is_wanted(symbol, since, kind)]
