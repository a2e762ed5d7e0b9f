"""Decide on requests to cancel and replace, and on the venue's answers: each request is its own small machine."""

from typing import Any, cast

import attrs

from ledger_core._frozen import given
from ledger_core.changes import EventType
from ledger_core.commands import RejectRequest, ReplaceOrder, RequestCancel, RequestReplace
from ledger_core.decide.draft import Draft
from ledger_core.decide.terms import change_terms
from ledger_core.errors import FactMismatch, IdempotencyConflict
from ledger_core.lifecycle import (
    REQUEST_MACHINE,
    OrderEvent,
    OrderState,
    RequestEvent,
    RequestKind,
    RequestState,
)
from ledger_core.model import Key, Order, OrderChanges, OrderRequest, RecordKind

ORDER_ENDED = "ORDER_ENDED"
"""The reason of a request that was refused because its order had ended before the venue answered it."""

_REQUESTED = {
    RequestKind.CANCEL: EventType.ORDER_CANCEL_REQUESTED,
    RequestKind.REPLACE: EventType.ORDER_REPLACE_REQUESTED,
}
_given = given(OrderChanges)
_COUNTER = {RequestKind.CANCEL: "cancels_in_flight", RequestKind.REPLACE: "replaces_in_flight"}


def request(draft: Draft, command: RequestCancel | RequestReplace) -> tuple[RecordKind, Key]:
    """Note a request before the venue is asked; the status turns PENDING_* at once (the client's view)."""
    order = draft.order(command.order_id)
    answer = order.kind, order.key
    kind = RequestKind.CANCEL if isinstance(command, RequestCancel) else RequestKind.REPLACE
    changes = command.changes if isinstance(command, RequestReplace) else None
    if command.request_id is not None:
        known = _known(draft, order, command.request_id)
        if known is not None:
            if (known.request_kind, known.changes) != (kind, changes):
                raise _conflict(known, {"kind": kind, "changes": changes})
            return answer
    request_id = command.request_id or _next_id(draft, order)
    values: dict[str, Any] = {"request_kind": kind, "requested_at": command.occurred_at}
    if changes is not None:
        values["changes"] = changes
    to_state = REQUEST_MACHINE.target(None, RequestEvent.ASKED)
    draft.create(RecordKind.REQUEST, (order.order_id, request_id), values, to_state=to_state)
    counters = {_COUNTER[kind]: getattr(order, _COUNTER[kind]) + 1, "request_count": order.request_count + 1}
    draft.change_order(
        draft.order(order.order_id),
        OrderEvent.REQUEST,
        _REQUESTED[kind],
        counters,
        facts={"request_id": request_id},
    )
    return answer


def replace(draft: Draft, command: ReplaceOrder) -> tuple[RecordKind, Key]:
    """Book an accepted replace: asked for by id, the oldest in flight, or one that nobody here asked for."""
    order = draft.order(command.order_id)
    answer = order.kind, order.key
    asked = _asked(draft, order, command.request_id, RequestKind.REPLACE)
    if asked is not None and asked.request_kind is not RequestKind.REPLACE:
        raise FactMismatch(
            f"request {asked.request_id!r} asked to cancel, not to replace",
            field="request_id",
            recorded=asked.request_kind,
            given=RequestKind.REPLACE,
        )
    if asked is not None and not asked.is_in_flight and asked.reason != ORDER_ENDED:
        same = command.changes is None or command.changes == (asked.answer or asked.changes)
        if asked.state is RequestState.ACCEPTED and same:
            return answer
        raise _conflict(asked, {"state": RequestState.ACCEPTED, "changes": command.changes})
    changes = _overlaid(asked.changes if asked else None, command.changes)
    counters: dict[str, Any] = {}
    request_id = command.request_id
    if asked is not None and asked.is_in_flight:
        request_id = asked.request_id
        values: dict[str, Any] = {"ended_at": command.occurred_at}
        if command.changes is not None:
            values["answer"] = command.changes
        _end(draft, asked, RequestEvent.GRANTED, values)
        counters = {"replaces_in_flight": order.replaces_in_flight - 1}
    elif asked is None and request_id is not None:
        draft.create(
            RecordKind.REQUEST,
            (order.order_id, request_id),
            {
                "request_kind": RequestKind.REPLACE,
                "state": RequestState.ACCEPTED,
                "answer": command.changes,
                "unsolicited": True,
                "requested_at": command.occurred_at,
                "ended_at": command.occurred_at,
            },
            to_state=RequestState.ACCEPTED,
        )
        counters = {"request_count": order.request_count + 1}
    change_terms(
        draft,
        draft.order(order.order_id),
        changes,
        EventType.ORDER_REPLACED,
        facts={"request_id": request_id} if request_id else {},
        **counters,
    )
    return answer


def reject(draft: Draft, command: RejectRequest) -> tuple[RecordKind, Key]:
    """Book a refused request: it ends, and the order is what it always was."""
    order = draft.order(command.order_id)
    answer = order.kind, order.key
    asked = _asked(draft, order, command.request_id, None)
    if asked is None:
        if command.request_id is None and order.requests and order.requests[-1].state is RequestState.REJECTED:
            return answer
        raise FactMismatch(
            f"order {order.order_id!r} has no request {command.request_id or 'in flight'}",
            field="request_id",
            recorded=tuple(known.request_id for known in order.requests),
            given=command.request_id,
        )
    if asked.state is RequestState.REJECTED:
        return answer
    if asked.state is RequestState.ACCEPTED:
        raise _conflict(asked, {"state": RequestState.REJECTED})
    _end(draft, asked, RequestEvent.REFUSED, {"ended_at": command.occurred_at, "reason": command.reason})
    counter = _COUNTER[asked.request_kind]
    facts = {"request_id": asked.request_id, "reason": command.reason}
    draft.change_order(
        draft.order(order.order_id),
        OrderEvent.REQUEST_REJECTION,
        EventType.ORDER_REQUEST_REJECTED,
        {counter: getattr(order, counter) - 1},
        facts=facts,
    )
    return answer


def end_requests(draft: Draft, order: Order) -> None:
    """End every request in flight of an order that has ended: cancels are granted by CANCELED, all else refused."""
    for asked in order.requests:
        if not asked.is_in_flight:
            continue
        order = draft.order(order.order_id)
        counter = _COUNTER[asked.request_kind]
        fewer = {counter: getattr(order, counter) - 1}
        if asked.request_kind is RequestKind.CANCEL and order.state is OrderState.CANCELED:
            _end(draft, asked, RequestEvent.GRANTED, {"ended_at": draft.occurred_at})
            draft.change_order(draft.order(order.order_id), OrderEvent.REQUEST_REJECTION, None, fewer)
        else:
            _end(draft, asked, RequestEvent.REFUSED, {"ended_at": draft.occurred_at, "reason": ORDER_ENDED})
            facts = {"request_id": asked.request_id, "reason": ORDER_ENDED}
            draft.change_order(
                draft.order(order.order_id),
                OrderEvent.REQUEST_REJECTION,
                EventType.ORDER_REQUEST_REJECTED,
                fewer,
                facts=facts,
            )


def _end(draft: Draft, asked: OrderRequest, event: RequestEvent, values: dict[str, Any]) -> None:
    state = REQUEST_MACHINE.target(asked.state, event)
    draft.change(asked, {"state": state, **values}, from_state=asked.state, to_state=state)


def _asked(draft: Draft, order: Order, request_id: str | None, kind: RequestKind | None) -> OrderRequest | None:
    """Return the request that an answer is about: by its id, else the oldest in flight (of a kind, if given)."""
    if request_id is not None:
        return _known(draft, order, request_id)
    in_flight = (known for known in order.requests if known.is_in_flight)
    return next((known for known in in_flight if kind is None or known.request_kind is kind), None)


def _known(draft: Draft, order: Order, request_id: str) -> OrderRequest | None:
    return cast(OrderRequest | None, draft.get(RecordKind.REQUEST, (order.order_id, request_id)))


def _next_id(draft: Draft, order: Order) -> str:
    number = order.request_count + 1
    while _known(draft, order, f"{order.order_id}#{number}") is not None:
        number += 1
    return f"{order.order_id}#{number}"


def _overlaid(asked: OrderChanges | None, answered: OrderChanges | None) -> OrderChanges:
    """Return what was asked for, with the venue's own values where it gave any."""
    if asked is None or answered is None:
        return answered or asked or OrderChanges()
    return attrs.evolve(asked, **_given(answered))


def _conflict(known: OrderRequest, told: dict[str, Any]) -> IdempotencyConflict:
    return IdempotencyConflict(
        f"request {known.request_id!r} of order {known.order_id!r} is known otherwise",
        recorded=known,
        given=told,
    )
