"""Decide on facts that cannot be booked: file them, and try them again whenever their order changes."""

from collections.abc import Callable, Mapping
from typing import Any

from ledger_core.changes import EventType
from ledger_core.commands import BookFill, Fact
from ledger_core.decide.draft import Draft
from ledger_core.errors import CommandRefused, FactMismatch, IllegalTransition, OverfillError, UnknownOrder
from ledger_core.model import Key, Order, QuarantinedFact, QuarantineState, RecordKind

QUARANTINABLE = (UnknownOrder, OverfillError, IllegalTransition, FactMismatch)
"""The refusals after which a fact is filed. A malformed argument or a conflict is told to the caller alone."""

RETRIES_MAX = 10_000
"""The most retries within one entry; what is left then is tried in the next one."""


def file_fact(
    draft: Draft, quarantine_id: str, command: Fact, fact: Mapping[str, Any], refusal: CommandRefused
) -> None:
    """Stage a refused fact in quarantine; `fact` is the command as JSON."""
    fill = command.fill if isinstance(command, BookFill) else None
    order = draft.get(RecordKind.ORDER, (command.order_id,)) if command.order_id is not None else None
    values: dict[str, Any] = {
        "operation": command.operation.value,
        "fact": fact,
        "code": refusal.code,
        "message": refusal.message,
        "occurred_at": command.occurred_at,
    }
    if command.order_id is not None:
        values["order_id"] = command.order_id
    venue_order_id = getattr(command, "venue_order_id", None)
    if fill is not None:
        known = order if isinstance(order, Order) else None
        venue_order_id = fill.venue_order_id
        values["quantity"] = fill.quantity
        symbol = fill.symbol or (known.symbol if known else None)
        side = fill.side or (known.side if known else None)
        values.update({name: value for name, value in (("symbol", symbol), ("side", side)) if value is not None})
    if venue_order_id is not None:
        values["venue_order_id"] = venue_order_id
    draft.create(
        RecordKind.QUARANTINE,
        (quarantine_id,),
        values,
        event_type=EventType.FACT_QUARANTINED,
        to_state=QuarantineState.WAITING,
        facts={"order_id": command.order_id, "code": refusal.code},
    )


def retry_waiting(draft: Draft, decide_one: Callable[[Draft, Any], tuple[RecordKind, Key]]) -> None:
    """Try the waiting facts of every order that the draft changed, in order of arrival, until none succeeds.

    A fact that is refused again stays where it is; a retry never fails the command that caused it.
    """
    tried = 0
    progress = True
    while progress:
        progress = False
        for order_id in _changed_orders(draft):
            for fact in draft.waiting_facts(draft.order(order_id)):
                tried += 1
                if tried > RETRIES_MAX:
                    return
                if _retry(draft, fact, decide_one):
                    progress = True
                    break


def _changed_orders(draft: Draft) -> list[str]:
    return list(dict.fromkeys(change.key[0] for change in draft.changes if change.kind is RecordKind.ORDER))


def _retry(draft: Draft, fact: QuarantinedFact, decide_one: Callable[[Draft, Any], tuple[RecordKind, Key]]) -> bool:
    command = draft.command_of(fact)
    trial = draft.trial(command)
    try:
        decide_one(trial, command)
    except CommandRefused:
        return False
    trial.change(
        fact,
        {"state": QuarantineState.BOOKED, "resolved_at": draft.recorded_at},
        event_type=EventType.QUARANTINE_RESOLVED,
        from_state=QuarantineState.WAITING,
        to_state=QuarantineState.BOOKED,
        facts={"order_id": fact.order_id},
    )
    draft.adopt(trial)
    return True
