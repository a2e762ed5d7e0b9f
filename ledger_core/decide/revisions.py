"""Decide on what the venue takes back or changes of an execution: busts, corrections, fees that come later.

Order, position and trades are derived again from the fills that still stand, in the same entry, on open orders and on
ended ones (FIX 5.0 SP2 matrix J). A bust or correction of a fill that waits in quarantine acts on it there.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from ledger_core._frozen import FrozenDict, differences, replaced
from ledger_core.changes import EventType
from ledger_core.commands import BookFill, BustFill, CorrectFill, UpdateFee
from ledger_core.decide import trades
from ledger_core.decide.draft import Draft
from ledger_core.decide.holdings import fold_again, instrument_of
from ledger_core.decide.requests import end_requests
from ledger_core.errors import (
    CommandRefused,
    FactMismatch,
    IdempotencyConflict,
    InvalidValue,
    OverfillError,
    StorageCorrupt,
    UnknownFill,
)
from ledger_core.lifecycle import OrderEvent, OrderState
from ledger_core.model import (
    Execution,
    Fill,
    Instrument,
    Key,
    Order,
    QuarantinedFact,
    QuarantineState,
    RecordKind,
    TimeInForce,
    split_quantity,
)
from ledger_core.numbers import ZERO, minus, plain, plus, times
from ledger_core.positions import negated_fees

REPLACED_INFERRED = "REPLACED_INFERRED"
"""The reason of a bust or correction that a real fill made of an inferred one."""

_fill_changes = differences(Fill)
_FILL_OR_KILL = (TimeInForce.IOC, TimeInForce.FOK)


def bust(draft: Draft, command: BustFill) -> tuple[RecordKind, Key]:
    """Take an execution back; a second bust of it is a repeat, and a bust itself cannot be busted."""
    order = draft.order(command.order_id)
    answer = order.kind, order.key
    fill = fill_of(draft, order, command.fill_id)
    if fill is None:
        waiting = _waiting_fill(draft, order, command.fill_id)
        if waiting is None:
            raise _unknown(order, command.fill_id)
        draft.change(
            waiting,
            {"state": QuarantineState.DISMISSED, "resolved_at": draft.recorded_at, "resolution": "busted"},
            event_type=EventType.QUARANTINE_RESOLVED,
            from_state=QuarantineState.WAITING,
            to_state=QuarantineState.DISMISSED,
            facts={"order_id": order.order_id, "reason": command.reason or "busted"},
        )
        return answer
    if not fill.busted:
        facts = {"fill_id": fill.fill_id, "reason": command.reason}
        _revise(
            draft,
            order,
            fill,
            _busted(fill),
            EventType.FILL_BUSTED,
            facts,
            reinstated=_is_reinstated(order, command.reinstated),
        )
    return answer


def correct(draft: Draft, command: CorrectFill) -> tuple[RecordKind, Key]:
    """Change what an execution was; a correction names the last execution of its chain."""
    order = draft.order(command.order_id)
    answer = order.kind, order.key
    given = command.correction
    if given.fill_id in order.corrections:
        _refuse_other_correction(draft, order, command)
        return answer
    fill = fill_of(draft, order, command.fill_id)
    if fill is None:
        waiting = _waiting_fill(draft, order, command.fill_id)
        if waiting is None:
            raise _unknown(order, command.fill_id)
        _correct_waiting(draft, waiting, command)
        return answer
    _refuse_correction(draft, order, fill, command)
    refuse_price(instrument_of(draft, order.venue, order.symbol), given.price, "correction.price")
    made = Execution(fill_id=given.fill_id, quantity=given.quantity, price=given.price, occurred_at=command.occurred_at)
    revised = replaced(fill, {"quantity": given.quantity, "price": given.price, "chain": (*fill.executions, made)})
    facts = {"fill_id": fill.fill_id, "correction_id": given.fill_id}
    aliases = FrozenDict({**order.corrections, given.fill_id: fill.fill_id})
    _revise(
        draft,
        order,
        fill,
        revised,
        EventType.FILL_CORRECTED,
        facts,
        reinstated=_is_reinstated(order, command.reinstated),
        corrections=aliases,
    )
    return answer


def update_fee(draft: Draft, command: UpdateFee) -> tuple[RecordKind, Key]:
    """Set what an execution cost; the same fees again are a repeat."""
    order = draft.order(command.order_id)
    answer = order.kind, order.key
    fill = fill_of(draft, order, command.fill_id)
    if fill is None:
        raise _unknown(order, command.fill_id)
    if fill.fee_in_base and not command.fees:
        raise InvalidValue(
            f"fill {fill.fill_id!r} took its fee out of the quantity: it cannot be without one",
            argument="fees",
            value=command.fees,
        )
    if fill.fees == command.fees:
        return answer
    draft.change(fill, {"fees": command.fees})
    if not fill.busted:
        fold_again(draft, replaced(fill, {"fees": command.fees}), (*negated_fees(fill.fees), *command.fees))
    draft.change(
        order,
        {},
        event_type=EventType.FILL_FEE_UPDATED,
        from_state=order.state,
        to_state=order.state,
        status=order.status,
        facts={"fill_id": fill.fill_id},
    )
    trades.restate(draft, order)
    return answer


def retire_inferred(draft: Draft, order: Order, command: BookFill) -> Order:
    """Make room for a real fill: take as much out of the inferred fills that stood for it.

    An inferred fill stands for what was executed before it was inferred; a later execution comes on top, unless
    the order has no room for both.
    """
    left = command.fill.quantity
    inferred = [fill for fill in draft.fills_of(order.order_id) if fill.inferred and not fill.busted]
    limit = order.fill_limit
    no_room = limit is not None and plus(order.cum_quantity, left) > limit
    for known in sorted(inferred, key=lambda fill: fill.economic_order):
        if left <= ZERO or (known.executed_at < command.occurred_at and not no_room):
            continue
        fill = cast(Fill, draft.get(RecordKind.FILL, known.key))  # the one before may have made it a flat point
        taken = min(left, fill.quantity)
        left = minus(left, taken)
        if taken == fill.quantity:
            revised, event_type = _busted(fill), EventType.FILL_BUSTED
        else:
            quantity = plain(minus(fill.quantity, taken))
            made = Execution(fill_id=fill.fill_id, quantity=quantity, price=fill.price, occurred_at=command.occurred_at)
            revised = replaced(fill, {"quantity": quantity, "chain": (*fill.executions, made)})
            event_type = EventType.FILL_CORRECTED
        facts = {"fill_id": fill.fill_id, "reason": REPLACED_INFERRED, "replaced_by": command.fill.fill_id}
        order = _revise(draft, order, fill, revised, event_type, facts, reinstated=True)
    return order


def fill_of(draft: Draft, order: Order, fill_id: str) -> Fill | None:
    """Return the fill that an id means: its own, or that of one of its corrections."""
    key = (order.order_id, order.corrections.get(fill_id, fill_id))
    return cast(Fill | None, draft.get(RecordKind.FILL, key))


def refuse_price(instrument: Instrument, price: Decimal, argument: str) -> None:
    """Raise InvalidValue for a price at which an inverse contract is worth nothing that can be said."""
    if instrument.inverse and price <= 0:
        raise InvalidValue(f"an inverse contract has no price of {price}", argument=argument, value=price)


def refuse_overfill(draft: Draft, order: Order, quantity: Decimal, fill_id: str) -> None:
    """Raise OverfillError where more would be filled than any quantity that the order may have."""
    limit = order.fill_limit
    added = quantity > ZERO
    if limit is None or draft.books_overfills or not added or plus(order.cum_quantity, quantity) <= limit:
        return
    raise OverfillError(
        f"{quantity} on top of {order.cum_quantity} exceeds the {limit} of order {order.order_id!r}",
        order_id=order.order_id,
        fill_id=fill_id,
        limit=limit,
        cum_quantity=order.cum_quantity,
        quantity=quantity,
    )


def _revise(
    draft: Draft,
    order: Order,
    before: Fill,
    after: Fill,
    event_type: EventType,
    facts: Mapping[str, Any],
    *,
    reinstated: bool,
    **values: Any,
) -> Order:
    """Stage a fill that was busted or changed, and everything that follows from it."""
    counted, counts = _counted(order, before), _counted(order, after)
    values["cum_quantity"] = plain(plus(minus(order.cum_quantity, counted[0]), counts[0]))
    values["executed_value"] = plain(plus(minus(order.executed_value, counted[1]), counts[1]))
    if before.inferred:
        left = ZERO if after.busted else after.quantity
        values["inferred_quantity"] = plain(plus(minus(order.inferred_quantity, before.quantity), left))
    refuse_overfill(draft, order, minus(counts[0], counted[0]), before.fill_id)
    event = _event(order, values["cum_quantity"], reinstated=reinstated)
    draft.change(before, _fill_changes(before, after))
    fold_again(draft, after, negated_fees(before.fees) if after.busted else ())
    known = {name: value for name, value in facts.items() if value is not None}
    order = draft.change_order(order, event, event_type, values, facts=known)
    if event is OrderEvent.REVISION_NOT_REINSTATED:
        end_requests(draft, order)
    trades.shrink_shares(draft, order)
    trades.restate(draft, order)
    return draft.order(order.order_id)


def _busted(fill: Fill) -> Fill:
    """Return a fill that counts nowhere, and after which nothing was flat."""
    return replaced(fill, {"busted": True, "flat_realized_pnl": None})


def _counted(order: Order, fill: Fill) -> tuple[Decimal, Decimal]:
    """Return what of an order's cum_quantity and executed value comes from a fill."""
    if fill.busted:
        return ZERO, ZERO
    return split_quantity(fill.quantity, fill.economic_order, order.splits), times(fill.quantity, fill.price)


def _event(order: Order, cum_quantity: Decimal, *, reinstated: bool) -> OrderEvent:
    complete = order.quantity is not None and cum_quantity >= order.quantity
    if complete:
        return OrderEvent.REVISION_COMPLETE
    if not reinstated and order.state is OrderState.FILLED:
        return OrderEvent.REVISION_NOT_REINSTATED
    return OrderEvent.REVISION_PARTLY_FILLED if cum_quantity else OrderEvent.REVISION_UNFILLED


def _is_reinstated(order: Order, given: bool | None) -> bool:
    return order.time_in_force not in _FILL_OR_KILL if given is None else given


def _refuse_correction(draft: Draft, order: Order, fill: Fill, command: CorrectFill) -> None:
    if draft.get(RecordKind.FILL, (order.order_id, command.correction.fill_id)) is not None:
        raise IdempotencyConflict(
            f"{command.correction.fill_id!r} is the id of another fill of order {order.order_id!r}",
            recorded=fill,
            given=command.correction,
        )
    last = fill.executions[-1].fill_id
    if fill.busted or command.fill_id != last:
        problem = "was busted" if fill.busted else f"was corrected since: the last of its chain is {last!r}"
        raise FactMismatch(
            f"fill {command.fill_id!r} of order {order.order_id!r} {problem}",
            field="fill_id",
            recorded=fill,
            given=command.fill_id,
        )


def _refuse_other_correction(draft: Draft, order: Order, command: CorrectFill) -> None:
    """Refuse a correction that is known by its id with other figures, or of another fill."""
    fill = fill_of(draft, order, command.correction.fill_id)
    if fill is None:
        key = (order.order_id, order.corrections[command.correction.fill_id])
        raise StorageCorrupt(f"fill {'/'.join(key)} was corrected, but is not there: verify the ledger", key=key)
    versions = {one.fill_id: one for one in fill.executions}
    known, given = versions[command.correction.fill_id], command.correction
    if command.fill_id not in versions or (known.quantity, known.price) != (given.quantity, given.price):
        raise IdempotencyConflict(
            f"correction {given.fill_id!r} of order {order.order_id!r} is known otherwise",
            recorded=known,
            given=given,
        )


def _waiting_fill(draft: Draft, order: Order, fill_id: str) -> QuarantinedFact | None:
    """Return the fact in quarantine that reported a fill, or that a correction made of it."""
    for fact in draft.waiting_facts(order):
        command = draft.command_of(fact.fact)
        ids = [draft.command_of(one) for one in fact.corrections]
        if isinstance(command, BookFill) and fill_id in (
            command.fill.fill_id,
            *(one.correction.fill_id for one in ids if isinstance(one, CorrectFill)),
        ):
            return fact
    return None


def _correct_waiting(draft: Draft, waiting: QuarantinedFact, command: CorrectFill) -> None:
    """Add a correction to a fill in quarantine: when it is tried again, it is booked as corrected."""
    known = [draft.command_of(one) for one in waiting.corrections]
    for one in known:
        if isinstance(one, CorrectFill) and one.correction.fill_id == command.correction.fill_id:
            if one.correction != command.correction:
                raise IdempotencyConflict(
                    f"correction {command.correction.fill_id!r} is known otherwise",
                    recorded=one.correction,
                    given=command.correction,
                )
            return
    draft.change(
        waiting,
        {
            "corrections": (*waiting.corrections, draft.json_of(command)),
            "quantity": command.correction.quantity,
        },
        event_type=EventType.FACT_QUARANTINED,
        from_state=waiting.state,
        to_state=waiting.state,
        facts={"order_id": command.order_id, "code": waiting.code},
    )


def _unknown(order: Order, fill_id: str) -> CommandRefused:
    return UnknownFill(f"order {order.order_id!r} has no fill {fill_id!r}", order_id=order.order_id, fill_id=fill_id)
