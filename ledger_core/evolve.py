"""Replay: (record, change) -> record. A change carries its outcome, so folding it consults no table and no clock.

Applying a change to a record that already has it gives the same record, which lets a reader that loaded a record
newer than its place in the journal catch up without care.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, cast

import attrs

from ledger_core._frozen import given, maker, replaced
from ledger_core.changes import Change, silent_change
from ledger_core.errors import StorageCorrupt
from ledger_core.model import (
    RECORD_TYPES,
    Fill,
    Key,
    Order,
    OrderDetails,
    OrderRequest,
    PositionSide,
    Record,
    RecordKind,
)

KEY_FIELDS: dict[RecordKind, tuple[str, ...]] = {
    RecordKind.ORDER: ("order_id",),
    RecordKind.REQUEST: ("order_id", "request_id"),
    RecordKind.FILL: ("order_id", "fill_id"),
    RecordKind.TRADE: ("trade_id",),
    RecordKind.POSITION: ("symbol", "venue", "account", "position_side"),
    RecordKind.INSTRUMENT: ("venue", "symbol"),
    RecordKind.QUARANTINE: ("quarantine_id",),
    RecordKind.ADJUSTMENT: ("adjustment_id",),
    RecordKind.COMMAND: ("operation", "target", "command_id"),
    RecordKind.ARCHIVED: ("record_kind", "record_key"),
    RecordKind.CHECKPOINT: ("name",),
}
_PLAIN_KEYS = frozenset(
    kind
    for kind, fields in KEY_FIELDS.items()
    if not {"venue", "account", "position_side", "record_kind"}.intersection(fields)
)
_HAS_RECORDED_AT = frozenset(kind for kind, cls in RECORD_TYPES.items() if "recorded_at" in attrs.fields_dict(cls))


_SET_BY_ENTRY = ("recorded_at", "sequence", "version")
_values_of_fill = given(Fill, *KEY_FIELDS[RecordKind.FILL], *_SET_BY_ENTRY)


def birth_of(fill: Fill) -> Change:
    """Return the change that brings a new fill into being: `evolve` makes of it the very same."""
    return silent_change(RecordKind.FILL, (fill.order_id, fill.fill_id), 1, _values_of_fill(fill))


def evolve(record: Record | None, change: Change, *, sequence: int, recorded_at: datetime) -> Record:
    """Return the record after the change; `sequence` and `recorded_at` are those of the change's entry."""
    try:
        if record is None:
            return _born(change, sequence, recorded_at)
        if record.version >= change.version:
            return record
        return replaced(record, {**change.values, "version": change.version})
    except Exception as error:
        raise StorageCorrupt(
            f"entry {sequence} changes {change.kind} {change.key} to what is no record: {error!r}",
            kind=change.kind,
            key=change.key,
            sequence=sequence,
        ) from error


def attach(order: Order, request: OrderRequest) -> Order:
    """Return the order with the request in its place among its requests, oldest first, of one entry by their ids."""
    for index, known in enumerate(order.requests):
        if known.request_id == request.request_id:
            return replaced(order, {"requests": (*order.requests[:index], request, *order.requests[index + 1 :])})
    requests = sorted((*order.requests, request), key=lambda known: (known.sequence, known.request_id))
    return replaced(order, {"requests": tuple(requests)})


def detached(record: Record) -> Record:
    """Return the record as it is stored: an order without its requests, which are records of their own."""
    if isinstance(record, Order) and record.requests:
        return replaced(record, {"requests": ()})
    return record


def _born(change: Change, sequence: int, recorded_at: datetime) -> Record:
    values = _key_values(change.kind, change.key)
    if change.kind is RecordKind.ORDER:
        values.update(_initial_terms(change.values["details"]))
    values.update(change.values)
    if change.kind in _HAS_RECORDED_AT:
        values.setdefault("recorded_at", recorded_at)
    values.setdefault("sequence", sequence)  # one that comes back from an archive brings along where it was born
    return _maker_of(change.kind)(**values, version=change.version)


@cache
def _maker_of(kind: RecordKind) -> Callable[..., Record]:
    return maker(cast(Callable[..., Record], RECORD_TYPES[kind]))


def _key_values(kind: RecordKind, key: Key) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(KEY_FIELDS[kind], key, strict=True))
    if kind in _PLAIN_KEYS:
        return values
    for name in ("venue", "account"):
        if values.get(name) == "":
            values[name] = None
    if "position_side" in values:
        values["position_side"] = PositionSide(values["position_side"])
    if "record_kind" in values:
        values["record_kind"] = RecordKind(values["record_kind"])
    return values


def _initial_terms(details: OrderDetails) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "quantity": details.quantity,
        "limit_price": details.limit_price,
        "stop_price": details.stop_price,
        "trailing_offset": details.trailing_offset,
        "time_in_force": details.time_in_force,
        "expire_at": details.expire_at,
    }
    if details.venue_order_id is not None:
        terms["venue_order_ids"] = (details.venue_order_id,)
    return terms
