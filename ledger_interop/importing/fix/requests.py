"""Orders (35=D), requests to cancel (F) and replace (G), and what refuses them (9, j), as facts."""

from ledger_core.lifecycle import OrderState, RequestKind
from ledger_interop.importing.facts import AnyFact, Ending, NamedOrder, Placement, Request, RequestRefusal
from ledger_interop.importing.fields import NotUnderstood
from ledger_interop.importing.fix.parsing import FixMessage
from ledger_interop.importing.fix.terms import named_order, terms_of

_ANSWERED = {"1": RequestKind.CANCEL, "2": RequestKind.REPLACE}


def new_order(message: FixMessage) -> tuple[AnyFact, ...]:
    """Return the placement that a NewOrderSingle is."""
    return (Placement(order=named_order(message), at=message.time()),)


def cancel_request(message: FixMessage) -> tuple[AnyFact, ...]:
    """Return the request that an OrderCancelRequest is; its ClOrdID is the request's id."""
    return (_request(message, RequestKind.CANCEL),)


def replace_request(message: FixMessage) -> tuple[AnyFact, ...]:
    """Return the request that an OrderCancelReplaceRequest is."""
    return (_request(message, RequestKind.REPLACE),)


def cancel_reject(message: FixMessage) -> tuple[AnyFact, ...]:
    """Return the refusal that an OrderCancelReject is. What it says of the order's status, the reports say too."""
    return (
        RequestRefusal(
            order=named_order(message),
            at=message.time(),
            request_id=message.id("11"),
            kind=_ANSWERED.get(message.get("434") or ""),
            reason=message.reason() or _code(message, "102"),
        ),
    )


def business_reject(message: FixMessage) -> tuple[AnyFact, ...]:
    """Return what a BusinessMessageReject ends: the order or the request whose ClOrdID it names."""
    reference, refused = message.id("379"), message.get("372")
    reason = message.reason() or _code(message, "380")
    if refused not in ("D", "F", "G"):
        return ()
    if reference is None:
        raise NotUnderstood("it rejects an order or request, and does not say which: tag 379 is missing")
    order = NamedOrder(client_id=reference)
    if refused == "D":
        return (Ending(order=order, at=message.time(), state=OrderState.REJECTED, reason=reason),)
    kind = RequestKind.CANCEL if refused == "F" else RequestKind.REPLACE
    return (RequestRefusal(order=order, at=message.time(), request_id=reference, kind=kind, reason=reason),)


def _request(message: FixMessage, kind: RequestKind) -> Request:
    request_id = message.id("11")
    if request_id is None:
        raise NotUnderstood("the request has no ClOrdID (11)")
    terms = terms_of(message) if kind is RequestKind.REPLACE else {}
    return Request(order=named_order(message), at=message.time(), kind=kind, request_id=request_id, terms=terms)


def _code(message: FixMessage, tag: str) -> str | None:
    code = message.get(tag)
    return None if code is None else f"code {code[:20]} (tag {tag})"
