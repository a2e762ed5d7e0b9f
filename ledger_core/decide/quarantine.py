"""Decide on facts that cannot be booked: file them, and try them again whenever their order changes."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ledger_core.changes import EventType
from ledger_core.commands import FACT_TYPES, AnyCommand, BookFill, Fact, Operation, RecordOrder, ResolveQuarantined
from ledger_core.decide.draft import Draft
from ledger_core.errors import (
    Archived,
    CommandRefused,
    FactMismatch,
    IdempotencyConflict,
    IllegalTransition,
    InvalidValue,
    OverfillError,
    StorageCorrupt,
    UnknownFill,
    UnknownOrder,
)
from ledger_core.model import Key, Order, QuarantinedFact, QuarantineState, RecordKind

QUARANTINABLE = (UnknownOrder, UnknownFill, OverfillError, IllegalTransition, FactMismatch, Archived)
"""The refusals after which a fact is filed. A malformed argument or a conflict is told to the caller alone."""

DecideOne = Callable[[Draft, Any], tuple[RecordKind, Key]]
"""Decides one command on a draft; handed in, because this module is one of those that it calls."""

RETRIES_MAX = 10_000
"""The most retries within one entry; what is left then is tried in the next one."""


def file_fact(
    draft: Draft, quarantine_id: str, command: Fact, fact: Mapping[str, Any], refusal: CommandRefused
) -> None:
    """Stage a refused fact in quarantine; `fact` is the command as JSON."""
    fill = command.fill if isinstance(command, BookFill) else None
    order = draft.get(RecordKind.ORDER, (command.order_id,)) if command.order_id is not None else None
    assert order is None or isinstance(order, Order), "kind ORDER"
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
        venue_order_id = fill.venue_order_id
        values["quantity"] = fill.quantity
        symbol = fill.symbol or (order.symbol if order else None)
        side = fill.side or (order.side if order else None)
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


def retry_waiting(draft: Draft, decide_one: DecideOne) -> None:
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
    """Return the orders that changed, and those of which a waiting fact was corrected."""
    changed = (
        change.key[0] if change.kind is RecordKind.ORDER else change.facts.get("order_id")
        for change in draft.changes
        if change.kind is RecordKind.ORDER or change.event_type is EventType.FACT_QUARANTINED
    )
    return list(dict.fromkeys(order_id for order_id in changed if order_id is not None))


def resolve(draft: Draft, command: ResolveQuarantined, decide_one: DecideOne) -> tuple[RecordKind, Key]:
    """Decide on a fact by hand: book it onto the order that is named, perhaps a new one, or dismiss it.

    A person may book what the ledger would not: a fill beyond the order's quantity becomes its overfill. What the
    lifecycle table refuses stays refused.
    """
    key = (command.quarantine_id,)
    fact = draft.get(RecordKind.QUARANTINE, key)
    if not isinstance(fact, QuarantinedFact):
        raise InvalidValue(
            f"nothing in quarantine is known as {command.quarantine_id!r}",
            argument="quarantine_id",
            value=command.quarantine_id,
        )
    wanted = QuarantineState.DISMISSED if command.order_id is None else QuarantineState.BOOKED
    if fact.state is not QuarantineState.WAITING:
        if fact.state is wanted and command.order_id in (None, fact.order_id):
            return RecordKind.QUARANTINE, key
        raise IdempotencyConflict(
            f"{command.quarantine_id!r} was resolved otherwise: {fact.state}", recorded=fact, given=command
        )
    if command.order_id is None:
        _end(draft, fact, QuarantineState.DISMISSED, command.reason)
        return RecordKind.QUARANTINE, key
    if command.order_details is not None:
        placing = RecordOrder(
            operation=Operation.RECORD_ORDER,
            occurred_at=fact.occurred_at,
            order_id=command.order_id,
            details=command.order_details,
        )
        decide_one(draft, placing)
    booked = attrs.evolve(_command_of(draft, fact), order_id=command.order_id)
    trial = draft.trial(booked)
    trial.books_overfills = True
    decide_one(trial, booked)
    for correction in fact.corrections:
        decide_one(trial, attrs.evolve(_as_fact(draft.command_of(correction)), order_id=command.order_id))
    draft.adopt(trial)
    _end(draft, fact, QuarantineState.BOOKED, command.reason, order_id=command.order_id)
    return RecordKind.QUARANTINE, key


def _command_of(draft: Draft, fact: QuarantinedFact) -> Fact:
    return _as_fact(draft.command_of(fact.fact))


def _as_fact(command: AnyCommand) -> Fact:
    if not isinstance(command, FACT_TYPES):
        raise StorageCorrupt(f"{command.operation} is no fact, but stands in quarantine")
    return command


def _retry(draft: Draft, fact: QuarantinedFact, decide_one: DecideOne) -> bool:
    command = _command_of(draft, fact)
    trial = draft.trial(command)
    try:
        if fact.corrections:
            _book_corrected(trial, fact, command, decide_one)
        else:
            decide_one(trial, command)
    except CommandRefused:
        return False
    _end(trial, fact, QuarantineState.BOOKED, None)
    draft.adopt(trial)
    return True


def _book_corrected(trial: Draft, fact: QuarantinedFact, command: Fact, decide_one: DecideOne) -> None:
    """Book a fill with the corrections that came while it waited: what counts is what it comes to with them."""
    allowed, trial.books_overfills = trial.books_overfills, True
    kind, key = decide_one(trial, command)
    for correction in fact.corrections:
        decide_one(trial, trial.command_of(correction))
    order, before = trial.get(kind, key), trial.below_get(kind, key)
    assert isinstance(order, Order), "a fill answers with its order"
    assert isinstance(before, Order), "which was there, or the fill would have waited on"
    if not allowed and order.overfill_quantity > before.overfill_quantity:
        # It is heard by the retry alone.
        raise OverfillError("the order would be overfilled")


def _end(
    draft: Draft, fact: QuarantinedFact, state: QuarantineState, reason: str | None, *, order_id: str | None = None
) -> None:
    values: dict[str, Any] = {"state": state, "resolved_at": draft.recorded_at}
    if reason is not None:
        values["resolution"] = reason
    if order_id is not None and order_id != fact.order_id:
        values["order_id"] = order_id
    facts = {"order_id": order_id or fact.order_id}
    draft.change(
        fact,
        values,
        event_type=EventType.QUARANTINE_RESOLVED,
        from_state=QuarantineState.WAITING,
        to_state=state,
        facts={**facts, "reason": reason} if reason is not None else facts,
    )
