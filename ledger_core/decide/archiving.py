"""Decide on letting records go to an archive, and on taking them back.

What goes is closed history: orders that ended, with their requests, fills and commands, and trades that are closed,
each trade together with all its orders. Fills go only as far back as a point at which their position was flat; there
the position's live history begins from now on, its `opening`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ledger_core.archived import JOURNAL
from ledger_core.changes import Change, EventType
from ledger_core.commands import ArchiveRecords, ReopenPositions, RestoreRecords, SetCheckpoint
from ledger_core.decide.draft import Draft, EconomicOrder
from ledger_core.decide.holdings import instrument_of, movements_after
from ledger_core.errors import InvalidValue, StorageCorrupt
from ledger_core.evolve import KEY_FIELDS, attach
from ledger_core.lifecycle import TradeState
from ledger_core.model import (
    ArchivedRecord,
    Checkpoint,
    Fill,
    Key,
    Opening,
    Order,
    OrderRequest,
    Position,
    Record,
    RecordKind,
    Trade,
    archived_key,
)
from ledger_core.netting import money_fees
from ledger_core.positions import fold, merge_fees, restart

ARCHIVABLE = frozenset({RecordKind.ORDER, RecordKind.REQUEST, RecordKind.FILL, RecordKind.TRADE, RecordKind.COMMAND})
"""The kinds that may go. Positions, instruments, adjustments and quarantined facts stay."""

_NAMES = {RecordKind.ORDER: "order_id", RecordKind.TRADE: "trade_id"}
_SET_ANEW = ("requests", "version")
_OF_CHECKPOINT = ("archive_id", "cut_sequence", "cut_digest", "cut_at", "stage", "runs", "digest")

Name = tuple[RecordKind, Key]


def archive(draft: Draft, command: ArchiveRecords) -> Name:
    """Let records go: each must be as it was when it was copied, and nothing that is still open may need it.

    Raises InvalidValue where that is not so; records that went already are passed over.
    """
    left = {_name(one): one for one in command.records if not _has_gone(draft, one)}
    records = {name: _required(draft, name, one) for name, one in left.items()}
    for record in records.values():
        if isinstance(record, Order):
            _refuse_open_order(draft, record, records)
        elif isinstance(record, Trade):
            _refuse_open_trade(record, records)
        elif record.kind in (RecordKind.FILL, RecordKind.REQUEST) and (RecordKind.ORDER, record.key[:1]) not in records:
            raise _refused(f"{record.kind.lower()} {'/'.join(record.key)!r} cannot go without its order")
    reached: dict[Key, EconomicOrder] = {}
    for record in records.values():
        if isinstance(record, Fill) and not record.busted:
            known = reached.get(record.position_key)
            reached[record.position_key] = max(known or record.economic_order, record.economic_order)
    for key, place in sorted(reached.items()):
        _open_later(draft, key, place, command.archive_id)
    for name, one in left.items():
        _let_go(draft, name, one)
    return RecordKind.ARCHIVED, command.records[0].key


def restore(draft: Draft, command: RestoreRecords) -> Name:
    """Take records back, each as it went; those that are back already are passed over."""
    for record in sorted(command.records, key=lambda one: one.kind is not RecordKind.ORDER):
        known = draft.get(RecordKind.ARCHIVED, archived_key(record.kind, record.key))
        if not isinstance(known, ArchivedRecord) or known.archive_id != command.archive_id:
            raise _refused(
                f"{record.kind.lower()} {'/'.join(record.key)!r} did not go to archive {command.archive_id!r}"
            )
        if known.is_restored:
            continue
        if draft.record_digest(record) != known.digest:
            raise _refused(f"{record.kind.lower()} {'/'.join(record.key)!r} is not the one that went to the archive")
        draft.change(known, {"is_restored": True}, event_type=_event(record.kind, EventType.RECORD_RESTORED),
                     facts=_facts(record.kind, record.key, command.archive_id))  # fmt: skip
        _take_back(draft, record)
    first = command.records[0]
    return RecordKind.ARCHIVED, archived_key(first.kind, first.key)


def reopen(draft: Draft, command: ReopenPositions) -> Name:
    """Move positions back to the openings that they had before an archive. All its records must be back."""
    for key in command.keys:
        kept = draft.get(RecordKind.ARCHIVED, archived_key(RecordKind.POSITION, (command.archive_id, *key)))
        position = draft.get(RecordKind.POSITION, key)
        if not isinstance(kept, ArchivedRecord) or not isinstance(position, Position):
            raise _refused(f"archive {command.archive_id!r} did not move position {'/'.join(key)!r}")
        if kept.is_restored:
            continue
        opening = position.opening
        if opening is None or opening.archive_id != command.archive_id:
            raise _refused(
                f"position {'/'.join(key)!r} was moved on by archive {(opening and opening.archive_id)!r}: restore that"
                " one first"
            )
        draft.change(position, {"opening": kept.opening})
        draft.change(kept, {"is_restored": True})
    return RecordKind.ARCHIVED, archived_key(RecordKind.POSITION, (command.archive_id, *command.keys[0]))


def set_checkpoint(draft: Draft, command: SetCheckpoint) -> Name:
    """Note what the journal came to up to an entry; the same again changes nothing, and an earlier one is refused."""
    name = (RecordKind.CHECKPOINT, (JOURNAL,))
    known = draft.get(*name)
    reached = known.cut_sequence if isinstance(known, Checkpoint) else 0
    if not max(reached, 1) <= command.cut_sequence < draft.sequence:
        raise InvalidValue(
            f"entry {command.cut_sequence} lies not between the checkpoint, {reached}, and the end of the journal,"
            f" {draft.sequence - 1}; nothing was written",
            argument="through",
            value=command.cut_sequence,
        )
    if command.cut_sequence == reached:
        return name
    values = {field: getattr(command, field) for field in _OF_CHECKPOINT}
    told: dict[str, Any] = {
        "event_type": EventType.CHECKPOINT_SET,
        "facts": {"archive_id": command.archive_id, "cut_sequence": command.cut_sequence},
    }
    if known is None:
        draft.create(*name, values, **told)
    else:
        draft.change(known, values, **told)
    return name


def _name(one: ArchivedRecord) -> Name:
    name = one.removed
    if name is None or name[0] not in ARCHIVABLE or len(name[1]) != len(KEY_FIELDS[name[0]]):
        raise _refused(f"{one.record_kind} {one.record_key} is nothing that can go to an archive")
    return name


def _has_gone(draft: Draft, one: ArchivedRecord) -> bool:
    """Say whether a record went already; a record that came back may not go to the same archive again."""
    known = draft.get(RecordKind.ARCHIVED, one.key)
    if not isinstance(known, ArchivedRecord):
        return False
    if known.archive_id == one.archive_id and known.is_restored:
        raise _refused(f"{one.record_kind} {one.record_key} came back from {one.archive_id!r}: begin another archive")
    return not known.is_restored


def _required(draft: Draft, name: Name, one: ArchivedRecord) -> Record:
    record = draft.get(*name)
    if record is None or record.version != one.record_version:
        found = "is not there" if record is None else f"has version {record.version}, not {one.record_version}"
        raise _refused(f"{name[0].lower()} {'/'.join(name[1])!r} {found}: it changed since it was copied")
    return record


def _refuse_open_order(draft: Draft, order: Order, records: Mapping[Name, Record]) -> None:
    if order.is_open or order.cancels_in_flight or order.replaces_in_flight or draft.waiting_facts(order):
        raise _refused(f"order {order.order_id!r} is not over: {order.status}, or something waits for it")
    own = [
        *((RecordKind.FILL, fill.key) for fill in draft.fills_of(order.order_id)),
        *((RecordKind.REQUEST, request.key) for request in order.requests),
        *((RecordKind.TRADE, (trade_id,)) for trade_id in order.trade_ids),
    ]
    _require_all(f"order {order.order_id!r}", own, records)


def _refuse_open_trade(trade: Trade, records: Mapping[Name, Record]) -> None:
    if trade.state is not TradeState.CLOSED:
        raise _refused(f"trade {trade.trade_id!r} is open")
    _require_all(
        f"trade {trade.trade_id!r}", [(RecordKind.ORDER, (order_id,)) for order_id in trade.order_ids], records
    )


def _require_all(what: str, names: Iterable[Name], records: Mapping[Name, Record]) -> None:
    for kind, key in names:
        if (kind, key) not in records:
            raise _refused(f"{what} cannot go without its {kind.lower()} {'/'.join(key)!r}")


def _open_later(draft: Draft, key: Key, place: EconomicOrder, archive_id: str) -> None:
    """Move a position's opening to the first point at or behind a place at which it was flat."""
    position = draft.get(RecordKind.POSITION, key)
    if not isinstance(position, Position):
        raise StorageCorrupt(f"the position {'/'.join(key)!r} of a fill is not there: verify the ledger", key=key)
    before = position.opening
    if before is not None and place <= before.economic_order:
        return
    kept = archived_key(RecordKind.POSITION, (archive_id, *key))
    known = draft.get(RecordKind.ARCHIVED, kept)
    if known is not None and (before is None or before.archive_id != archive_id):
        # What is kept for the archive leads back behind what another has taken since, or was used up by its return.
        raise _refused(
            f"position {'/'.join(key)!r} came back from {archive_id!r}, or another archive moved it on since: begin"
            " another archive"
        )
    opening = _flat_from(draft, position, place, archive_id)
    if known is None:
        values = {"archive_id": archive_id, "record_version": position.version, "opening": before}
        draft.create(RecordKind.ARCHIVED, kept, values)
    draft.change(position, {"opening": opening})


def _flat_from(draft: Draft, position: Position, place: EconomicOrder, archive_id: str) -> Opening:
    """Fold a position from its opening to the first flat point at or behind a place."""
    start = position.opening
    after, instrument = restart(position, start), instrument_of(draft, position.venue, position.symbol)
    fees, in_money = ((), ()) if start is None else (start.fees, start.money_fees)
    for movement in movements_after(draft, position.key, start):
        after = fold(after, movement)
        if not isinstance(movement, Fill):
            continue
        fees = merge_fees(fees, movement.fees)
        in_money = merge_fees(in_money, money_fees(movement, instrument))
        if movement.flat_realized_pnl is None or movement.economic_order < place:
            continue
        if movement.flat_realized_pnl != after.realized_pnl or not after.is_flat or after.opened_at is None:
            raise StorageCorrupt(
                f"position {'/'.join(position.key)!r} does not come to what fill {'/'.join(movement.key)!r} says:"
                " verify the ledger",
                key=position.key,
            )
        executed_at, sequence, index = movement.economic_order
        return Opening(
            archive_id=archive_id,
            executed_at=executed_at,
            sequence=sequence,
            index=index,
            realized_pnl=after.realized_pnl,
            cycle_realized_pnl=after.cycle_realized_pnl,
            opened_at=after.opened_at,
            fees=fees,
            money_fees=in_money,
        )
    raise _refused(f"position {'/'.join(position.key)!r} was not flat since: its fills are still needed")


def _let_go(draft: Draft, name: Name, one: ArchivedRecord) -> None:
    """Stage what stays of a record."""
    kind, key = name
    values = {
        "archive_id": one.archive_id,
        "record_version": one.record_version,
        "digest": one.digest,
        "contents": one.contents,
    }
    told: dict[str, Any] = {
        "event_type": _event(kind, EventType.RECORD_ARCHIVED),
        "facts": _facts(kind, key, one.archive_id),
    }
    known = draft.get(RecordKind.ARCHIVED, one.key)
    if known is None:
        draft.create(RecordKind.ARCHIVED, one.key, values, **told)
    else:
        draft.change(known, {**values, "is_restored": False}, **told)


def _take_back(draft: Draft, record: Record) -> None:
    """Stage a record as it was, with all its fields, for whoever folds the journal from a place behind its birth."""
    kept = attrs.fields_dict(type(record))
    values = {name: getattr(record, name) for name in kept if name not in (*_SET_ANEW, *KEY_FIELDS[record.kind])}
    change = Change(kind=record.kind, key=record.key, version=record.version + 1, values=values)
    draft.changes.append(change)
    taken = attrs.evolve(record, version=record.version + 1)
    draft.staged[record.kind, record.key] = taken
    if isinstance(taken, OrderRequest):
        draft.staged[RecordKind.ORDER, record.key[:1]] = attach(draft.order(taken.order_id), taken)


def _event(kind: RecordKind, event_type: EventType) -> EventType | None:
    return event_type if kind in _NAMES else None


def _facts(kind: RecordKind, key: Key, archive_id: str) -> Mapping[str, Any] | None:
    return {_NAMES[kind]: key[0], "archive_id": archive_id} if kind in _NAMES else None


def _refused(problem: str) -> InvalidValue:
    return InvalidValue(f"{problem}; nothing was written", argument="groups")
