"""The draft of an entry: what a decision reads, and the changes that it stages, each visible to the next step.

`Records` is what a decision may look up. An `Overlay` is Records with staged records on top of others; a `Draft`
is the overlay of one command, which also keeps the changes in order.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, cast

from ledger_core._frozen import EMPTY, finish, replaced
from ledger_core.changes import Change, EventType, change_in_order, new_change, plain_text, silent_change
from ledger_core.commands import AnyCommand
from ledger_core.errors import Archived, IdempotencyConflict, StorageCorrupt, UnknownOrder, UnknownTrade
from ledger_core.evolve import attach, birth_of, detached, evolve
from ledger_core.lifecycle import OrderEvent, OrderState, TradeState, next_order_state
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    ArchivedRecord,
    Fill,
    Key,
    Order,
    OrderRequest,
    Position,
    QuarantinedFact,
    QuarantineState,
    Record,
    RecordKind,
    Trade,
    archived_key,
)
from ledger_core.numbers import ZERO, minus, plain
from ledger_core.positions import FlatPoint
from ledger_core.vocabulary import GOOD_TILL

_TO_DO = {True: "; it was a repeat, and nothing is missing", False: ": restore it to change it"}

EconomicOrder = tuple[datetime, int, int]
"""(executed_at, sequence, index): the order in which positions are folded."""


def symbols_of(record: Record) -> tuple[str, ...]:
    """Return the symbols that an order, trade or position is about."""
    if isinstance(record, Trade):
        return tuple(leg.symbol for leg in record.legs)
    assert isinstance(record, (Order, Position)), "only these are looked for by symbol"
    return (record.symbol,)


def may_be_concerned(record: Record) -> bool:
    """Say whether what happens to its symbol may still change a record: open orders and trades, all positions."""
    match record:
        case Order():
            return record.is_open
        case Trade():
            return record.state is TradeState.OPEN
        case _:
            return True


class Records(Protocol):
    """What a decision may look up. Orders come with their requests."""

    def get(self, kind: RecordKind, key: Key) -> Record | None:
        """Return a record as it is now, or None."""
        ...

    def fills_of(self, order_id: str) -> Sequence[Fill]:
        """Return every fill of an order."""
        ...

    def orders_at_venue(self, venue_order_id: str) -> Sequence[Order]:
        """Return the orders that carry a venue's id."""
        ...

    def waiting_facts(self, order: Order) -> Sequence[QuarantinedFact]:
        """Return the quarantined facts about an order, by its id or its venue's ids, in order of arrival."""
        ...

    def has_waiting_facts(self) -> bool:
        """Say whether anything waits in quarantine; of what was decided meanwhile it may say so without need."""
        ...

    def has_archived(self) -> bool:
        """Say whether anything was ever archived."""
        ...

    def last_flat_before(self, position_key: Key, before: EconomicOrder) -> Fill | None:
        """Return the last fill before a place in economic order after which the position was flat."""
        ...

    def fills_after(self, position_key: Key, start: FlatPoint | None) -> Iterable[Fill]:
        """Iterate over the fills of a position after a flat point (None: over all), in economic order."""
        ...

    def adjustments_of(
        self, symbol: str, *, since: datetime | None = None, kind: AdjustmentKind | None = None
    ) -> Sequence[Adjustment]:
        """Return the adjustments of a symbol that happened at `since` or later, of one kind where it is given."""
        ...

    def concerned(self, kind: RecordKind, symbol: str) -> Sequence[Record]:
        """Return the open orders or open trades in a symbol, or all positions in it, flat ones included."""
        ...

    def command_of(self, fact: Mapping[str, Any]) -> AnyCommand:
        """Return the command that was kept as JSON."""
        ...

    def json_of(self, command: AnyCommand) -> Mapping[str, Any]:
        """Return a command as JSON."""
        ...

    def digest_of(self, value: Mapping[str, Any]) -> str:
        """Return the SHA-256 of a JSON object's canonical bytes, in hex."""
        ...

    def record_digest(self, record: Record) -> str:
        """Return the SHA-256 of a record's canonical JSON, in hex."""
        ...


class Overlay:
    """Records with staged ones on top."""

    def __init__(self, below: Records) -> None:
        """Start with nothing staged."""
        self._below = below
        self.staged: dict[tuple[RecordKind, Key], Record] = {}
        self._facts: dict[Key, QuarantinedFact] = {}
        self._placed: set[str] = set()  # the orders that were placed here: below there is no fill of them

    def get(self, kind: RecordKind, key: Key) -> Record | None:
        """Return a record as staged, else as it is below."""
        if self.staged and (found := self.staged.get((kind, key))) is not None:
            return found
        if kind is RecordKind.FILL and key[0] in self._placed:
            return None
        return self._below.get(kind, key)

    def below_get(self, kind: RecordKind, key: Key) -> Record | None:
        """Return a record as it was before anything was staged here."""
        return self._below.get(kind, key)

    def archived(self, kind: RecordKind, key: Key) -> ArchivedRecord | None:
        """Return what stayed of a record that moved to an archive; None of any other."""
        if not self.has_archived():
            return None
        found = self.get(RecordKind.ARCHIVED, archived_key(kind, key))
        return found if isinstance(found, ArchivedRecord) and not found.is_restored else None

    def refuse_archived(self, kind: RecordKind, key: Key) -> None:
        """Raise Archived for the id of a record that moved to an archive."""
        known = self.archived(kind, key)
        if known is not None:
            raise archived_error(kind, key, known)

    def order(self, order_id: str) -> Order:
        """Return the order; raise UnknownOrder, or Archived."""
        found = self.get(RecordKind.ORDER, (order_id,))
        if found is None:
            self.refuse_archived(RecordKind.ORDER, (order_id,))
            raise UnknownOrder(f"no order {order_id!r}", order_id=order_id)
        return cast(Order, found)

    def trade(self, trade_id: str) -> Trade:
        """Return the trade; raise UnknownTrade, or Archived."""
        found = self.get(RecordKind.TRADE, (trade_id,))
        if found is None:
            self.refuse_archived(RecordKind.TRADE, (trade_id,))
            raise UnknownTrade(f"no trade {trade_id!r}", trade_id=trade_id)
        return cast(Trade, found)

    def fills_of(self, order_id: str) -> Sequence[Fill]:
        """Return every fill of an order, staged ones included."""
        below = () if order_id in self._placed else self._below.fills_of(order_id)
        fills = {fill.key: fill for fill in below}
        fills.update((fill.key, fill) for fill in self._staged_fills() if fill.order_id == order_id)
        return list(fills.values())

    def orders_at_venue(self, venue_order_id: str) -> Sequence[Order]:
        """Return the orders that carry a venue's id, staged ones included."""
        orders = {order.order_id: order for order in self._below.orders_at_venue(venue_order_id)}
        for record in self.staged.values():
            if isinstance(record, Order) and venue_order_id in record.venue_order_ids:
                orders[record.order_id] = record
        return list(orders.values())

    def waiting_facts(self, order: Order) -> Sequence[QuarantinedFact]:
        """Return the facts about an order that still wait, staged ones included, in order of arrival."""
        below = self._below.waiting_facts(order)
        if not below and not self._facts:
            return ()
        facts = {fact.key: fact for fact in below}
        # One that was booked by hand onto another order concerns this one no more, but is known below as waiting.
        facts.update((key, fact) for key, fact in self._facts.items() if key in facts or concerns(fact, order))
        waiting = [fact for fact in facts.values() if fact.state is QuarantineState.WAITING]
        return sorted(waiting, key=lambda fact: fact.sequence)

    def has_waiting_facts(self) -> bool:
        """Say whether anything waits in quarantine, here or below."""
        return bool(self._facts) or self._below.has_waiting_facts()

    def has_archived(self) -> bool:
        """Say whether anything was ever archived."""
        return self._below.has_archived()

    def last_flat_before(self, position_key: Key, before: EconomicOrder) -> Fill | None:
        """Return the last fill before a place after which the position was flat, staged ones included."""
        staged = [known for known in self._staged_fills() if known.position_key == position_key]
        candidates = [
            known for known in staged if known.flat_realized_pnl is not None and known.economic_order < before
        ]
        below = self._below.last_flat_before(position_key, before)
        restaged = {known.key for known in staged}
        while below is not None and below.key in restaged:
            below = self._below.last_flat_before(position_key, below.economic_order)
        return max((*candidates, *([below] if below else [])), key=lambda known: known.economic_order, default=None)

    def fills_after(self, position_key: Key, start: FlatPoint | None) -> Iterable[Fill]:
        """Iterate over the fills of a position after a flat point, staged ones included, in economic order."""
        staged = {
            known.key: known
            for known in self._staged_fills()
            if known.position_key == position_key and (start is None or known.economic_order > start.economic_order)
        }
        waiting = sorted(staged.values(), key=lambda known: known.economic_order, reverse=True)
        for below in self._below.fills_after(position_key, start):
            if below.key in staged:
                continue
            while waiting and waiting[-1].economic_order < below.economic_order:
                yield waiting.pop()
            yield below
        yield from reversed(waiting)

    def adjustments_of(
        self, symbol: str, *, since: datetime | None = None, kind: AdjustmentKind | None = None
    ) -> Sequence[Adjustment]:
        """Return what is below, and what is staged; no adjustment ever changes its time or kind."""
        found = {known.key: known for known in self._below.adjustments_of(symbol, since=since, kind=kind)}
        for record in self.staged.values():
            if isinstance(record, Adjustment) and record.is_wanted(symbol, since, kind):
                found[record.key] = record
        return list(found.values())

    def concerned(self, kind: RecordKind, symbol: str) -> Sequence[Record]:
        """Return the open orders or trades in a symbol, or all positions in it, as staged."""
        found = {record.key: record for record in self._below.concerned(kind, symbol)}
        for record in self.staged.values():
            if record.kind is kind and symbol in symbols_of(record):
                found[record.key] = record
        return [record for record in found.values() if may_be_concerned(record)]

    def command_of(self, fact: Mapping[str, Any]) -> AnyCommand:
        """Return the command that was kept as JSON."""
        return self._below.command_of(fact)

    def json_of(self, command: AnyCommand) -> Mapping[str, Any]:
        """Return a command as JSON."""
        return self._below.json_of(command)

    def digest_of(self, value: Mapping[str, Any]) -> str:
        """Return the SHA-256 of a JSON object's canonical bytes, in hex."""
        return self._below.digest_of(value)

    def record_digest(self, record: Record) -> str:
        """Return the SHA-256 of a record's canonical JSON, in hex."""
        return self._below.record_digest(record)

    def absorb(self, staged: Mapping[tuple[RecordKind, Key], Record]) -> None:
        """Put another overlay's staged records on top of these."""
        self.staged.update(staged)
        for record in staged.values():
            if record.kind is RecordKind.QUARANTINE:
                self._facts[record.key] = cast(QuarantinedFact, record)
            elif isinstance(record, Order) and record.version == 1 and record.state is OrderState.PLACED:
                self._placed.add(record.order_id)

    def _staged_fills(self) -> list[Fill]:
        return [record for record in self.staged.values() if isinstance(record, Fill)]


class Draft(Overlay):
    """The entry of one command while it is being decided."""

    def __init__(
        self,
        below: Records,
        sequence: int,
        recorded_at: datetime,
        command: AnyCommand,
        books_overfills: bool,
        index: int,
    ) -> None:
        """Start a draft at its place in the journal; `index` numbers the fills that one entry books.

        There is one for each command: what is called with all its arguments in their places is entered at once.
        """
        self._below = below
        self.staged = {}
        self._facts = {}
        self._placed = set()
        self.sequence = sequence
        self.recorded_at = recorded_at
        self.occurred_at = command.occurred_at
        self.books_overfills = books_overfills
        self.fills_booked = index
        self.changes: list[Change] = []

    def trial(self, command: AnyCommand) -> "Draft":
        """Return a draft on top of this one, to be absorbed if its decision succeeds and dropped if not."""
        return Draft(self, self.sequence, self.recorded_at, command, self.books_overfills, self.fills_booked)

    def adopt(self, trial: "Draft") -> None:
        """Take over what a trial staged."""
        self.absorb(trial.staged)
        self.changes.extend(trial.changes)
        self.fills_booked = trial.fills_booked

    def refuse_taken_id(self, kind: RecordKind, record_id: str) -> None:
        """Orders and trades share one namespace: raise IdempotencyConflict for an id of the other kind.

        Raises Archived where that, or what had the id itself, moved to an archive.
        """
        taken = self.get(kind, (record_id,))
        if taken is not None:
            raise IdempotencyConflict(
                f"{record_id!r} is the id of an existing {kind.lower()}", recorded=taken, given=record_id
            )
        self.refuse_archived(kind, (record_id,))

    def create(
        self,
        kind: RecordKind,
        key: Key,
        values: Mapping[str, Any],
        *,
        event_type: EventType | None = None,
        to_state: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Record:
        """Stage the birth of a record; `values` leave out its key and what is at its default."""
        to_state = plain_text(to_state)
        status = to_state if kind is RecordKind.ORDER else None
        return self._stage(
            new_change(
                kind=kind,
                key=key,
                version=1,
                values=values,
                event_type=event_type,
                to_state=to_state,
                status=status,
                facts=facts or EMPTY,
            )
        )

    def add_fill(self, fill: Fill) -> None:
        """Stage a new fill as it is."""
        change = birth_of(fill)
        self.changes.append(change)
        self.staged[RecordKind.FILL, change.key] = fill

    def move(self, before: Position, after: Position, values: Mapping[str, Any]) -> None:
        """Stage a position as it was made of the one before, of which `values` are what differs."""
        key, version = before.key, before.version + 1
        finish(after, "version", version)
        self.changes.append(silent_change(RecordKind.POSITION, key, version, values))
        self.staged[RecordKind.POSITION, key] = after

    def change(
        self,
        record: Record,
        values: Mapping[str, Any],
        *,
        event_type: EventType | None = None,
        from_state: str | None = None,
        to_state: str | None = None,
        status: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Record:
        """Stage new values of a record."""
        return self._stage(
            new_change(
                kind=record.kind,
                key=record.key,
                version=record.version + 1,
                values=values,
                event_type=event_type,
                from_state=plain_text(from_state),
                to_state=plain_text(to_state),
                status=plain_text(status),
                facts=facts or EMPTY,
            )
        )

    def change_order(
        self,
        order: Order,
        event: OrderEvent,
        event_type: EventType | None,
        given: Mapping[str, Any],
        *,
        facts: Mapping[str, Any] | None = None,
    ) -> Order:
        """Stage what an event does to an order: the state by the table, the rest as given.

        Raises IllegalTransition where the table has no row. Keeps `ended_at` and `overfill_quantity` right.
        """
        before = order.state
        state = next_order_state(before, event, good_till=order.time_in_force in GOOD_TILL)
        version = order.version + 1
        values = dict(given)
        if state is not before:
            values["state"] = state
        after = replaced(order, values)
        finish(after, "version", version)
        is_open = after.is_open
        if is_open is not order.is_open:
            values["ended_at"] = ended_at = None if is_open else self.occurred_at
            finish(after, "ended_at", ended_at)
        limit = after.fill_limit
        overfill = ZERO if limit is None or after.cum_quantity <= limit else minus(after.cum_quantity, limit)
        if overfill != order.overfill_quantity:
            values["overfill_quantity"] = overfill = plain(overfill)
            finish(after, "overfill_quantity", overfill)
        key = (order.order_id,)
        states = before._value_, state._value_, after.status._value_
        self.changes.append(
            change_in_order(RecordKind.ORDER, key, version, values, event_type, *states, facts or EMPTY)
        )
        self.staged[RecordKind.ORDER, key] = after
        return after

    def after_images(self) -> tuple[Record, ...]:
        """Return each record that was changed as it is stored now, in the order in which they were changed first."""
        staged = self.staged
        if len(staged) != len(self.changes):  # one changed twice, or an order took back a request and nothing else
            staged = {(one.kind, one.key): staged[one.kind, one.key] for one in self.changes}
        return tuple([detached(one) if type(one) is Order and one.requests else one for one in staged.values()])

    def _stage(self, change: Change) -> Record:
        before = self.get(change.kind, change.key) if change.version > 1 else None
        if (0 if before is None else before.version) != change.version - 1:
            raise StorageCorrupt(
                f"a change of {change.kind} {change.key} makes version {change.version}, out of order after {before}"
            )
        after = evolve(before, change, sequence=self.sequence, recorded_at=self.recorded_at)
        self.changes.append(change)
        self.staged[change.kind, change.key] = after
        if change.kind is RecordKind.QUARANTINE:
            self._facts[change.key] = cast(QuarantinedFact, after)
        elif isinstance(after, OrderRequest):
            self.staged[RecordKind.ORDER, (after.order_id,)] = attach(self.order(after.order_id), after)
        return after


def archived_error(kind: RecordKind, key: Key, known: ArchivedRecord, *, is_repeat: bool = False) -> Archived:
    """Return the error for what names a record that moved to an archive."""
    return Archived(
        f"{kind.lower()} {'/'.join(key)!r} is in archive {known.archive_id!r}{_TO_DO[is_repeat]}",
        archive_id=known.archive_id,
        is_repeat=is_repeat,
        kind=kind,
        key=key,
    )


def concerns(fact: QuarantinedFact, order: Order) -> bool:
    """Say whether a quarantined fact is about an order: by its id, else by one of its venue's ids."""
    if fact.order_id is not None:
        return fact.order_id == order.order_id
    return fact.venue_order_id is not None and fact.venue_order_id in order.venue_order_ids
