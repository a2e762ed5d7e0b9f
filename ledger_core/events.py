"""STRATEGY_LEDGER_UPDATED: what is published after every commit, and to whom.

An entry yields one event for each of its changes that has an event type; an event is known for ever by
(sequence, index). Payloads are JSON-ready: numbers and times are canonical text.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from ledger_core import codec
from ledger_core.changes import Change, Entry, plain_text
from ledger_core.model import Order, RecordKind, Trade
from ledger_core.numbers import decimal_text, time_text

STRATEGY_LEDGER_UPDATED = "STRATEGY_LEDGER_UPDATED"
"""The one name under which everything is published; the payload's `event_type` says what happened."""


class EventPublisher(Protocol):
    """What the platform injects to hear of changes; see `StrategyLedger` for when it is called."""

    def publish(self, name: str, payload: Mapping[str, Any], /) -> object:
        """Take an event. May raise: the event comes again. Must return: the caller waits."""
        ...


class StrategyCache(Protocol):
    """The platform's cache; the ledger keeps the context of each order and trade in it, under its id."""

    def store(self, key: str, context: Mapping[str, Any], /) -> object:
        """Take the present context of an order or trade."""
        ...


def events_of(entry: Entry) -> list[dict[str, Any]]:
    """Return the payloads of an entry, in order.

    Keys of every payload: event_type, sequence, index, strategy_id, order_id, trade_id, from_state, to_state,
    status, occurred_at, recorded_at, digest, operation, command_id, and `changed`: the record's fields that were
    set. Further keys where they apply: `fill` and `late` of executions, `request_id`, `reason`, `trade_date`,
    `before` and `after` of TRADE_RESTATED, `quarantine_id` and `code` of quarantined facts.
    """
    published = [change for change in entry.changes if change.event_type]
    return [_payload(entry, change, index) for index, change in enumerate(published)]


def context_of(record: Order | Trade, strategy_id: str) -> dict[str, Any]:
    """Return what the StrategyCache holds of an order or trade: its stored fields and what derives from them."""
    context = codec.dump_record(record)
    context["strategy_id"] = strategy_id
    context["version"] = record.version
    context["state"] = record.state.value
    derived: dict[str, Any]
    if isinstance(record, Order):
        context["cum_quantity"] = decimal_text(record.cum_quantity)
        context["status"] = record.status.value
        context["is_open"] = record.is_open
        context["requests"] = [codec.dump_record(request) for request in record.requests]
        derived = {"leaves_quantity": record.leaves_quantity, "average_price": record.average_price}
    else:
        context["direction"] = record.direction.value
        context["currency"] = record.currency
        derived = {
            "entry_quantity": record.entry_quantity,
            "exit_quantity": record.exit_quantity,
            "open_quantity": record.open_quantity,
            "average_entry_price": record.average_entry_price,
            "average_exit_price": record.average_exit_price,
            "realized_pnl": record.realized_pnl,
        }
    context.update({name: None if value is None else decimal_text(value) for name, value in derived.items()})
    return context


def _payload(entry: Entry, change: Change, index: int) -> dict[str, Any]:
    kind, record_id, facts = change.kind, change.key[0], change.facts
    payload: dict[str, Any] = {
        "event_type": plain_text(change.event_type),
        "sequence": entry.sequence,
        "index": index,
        "strategy_id": entry.strategy_id,
        "order_id": record_id if kind is RecordKind.ORDER else None,
        "trade_id": record_id if kind is RecordKind.TRADE else None,
        "from_state": change.from_state,
        "to_state": change.to_state,
        "status": change.status,
        "occurred_at": time_text(entry.occurred_at),
        "recorded_at": time_text(entry.recorded_at),
        "digest": entry.digest,
        "operation": entry.operation,
        "command_id": entry.command_id,
        "changed": _values_of(change),
    }
    if kind is RecordKind.QUARANTINE:
        payload["quarantine_id"] = record_id
    if facts:
        payload.update(_copied(facts))
        if "fill_id" in facts:
            payload["fill"] = _fill_of(entry, record_id, facts["fill_id"])
    return payload


def _fill_of(entry: Entry, order_id: str, fill_id: str) -> dict[str, Any]:
    key = (order_id, fill_id)
    found = [change for change in entry.changes if change.kind is RecordKind.FILL and change.key == key]
    assert found, "an execution's entry holds its fill"
    return {"fill_id": fill_id, **_values_of(found[0])}


def _values_of(change: Change) -> dict[str, Any]:
    """Return what a change set, JSON-ready."""
    values = codec.dump_values(change.kind, change.values)
    for name, value in values.items():
        if type(value) is not str:
            values[name] = _copied(value)
    return values


def _copied(value: Any) -> Any:
    """Return a JSON value that its subscriber may change without any other seeing it."""
    if isinstance(value, dict):
        return {name: item if type(item) is str else _copied(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(item) for item in value]
    return value
