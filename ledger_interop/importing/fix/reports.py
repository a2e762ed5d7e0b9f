"""Execution reports (35=8): ExecType, OrdStatus and the quantities, of FIX 4.0 to 5.0 SP2, as facts.

ExecType says what happened, OrdStatus what the order is now, and both are kept to. Up to FIX 4.2 a fill is an ExecType
of 1 or 2, a bust or correction an ExecTransType (20) of 1 or 2; from FIX 4.3 on they are ExecTypes F, H and G. In all
of them a fill is one only if LastQty says how much: an ExecID alone is no key, for some brokers give the report of an
end the ExecID of the last fill.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from ledger_core.lifecycle import OrderState, OrderStatus, RequestKind
from ledger_core.numbers import PLACES_MAX, plain, times
from ledger_interop.importing.facts import (
    Acceptance,
    AnyFact,
    Bust,
    Change,
    Correction,
    Ending,
    Execution,
    Fees,
    Happening,
    NamedOrder,
    NewTerms,
    Placement,
    Request,
    Status,
)
from ledger_interop.importing.fields import NotUnderstood, decimal_of, shown
from ledger_interop.importing.fix.parsing import FixMessage
from ledger_interop.importing.fix.terms import named_order, terms_of

NEW, BUST, CORRECTION, STATUS = "0", "1", "2", "3"
"""ExecTransType (20), until FIX 4.2."""

_FILLS = ("1", "2", "F")
_ENDS: Mapping[str, OrderState] = {"4": OrderState.CANCELED, "8": OrderState.REJECTED, "C": OrderState.EXPIRED}
_ENDED_OTHERWISE = {"4": ("0", "1", "5", "9", "A", "E"), "C": ("0", "1", "5", "9", "A", "E"), "8": ("1", "2")}
"""The OrdStatus that contradicts an ExecType which ends the order."""
_STATUSES: Mapping[str, OrderStatus] = {
    "0": OrderStatus.ACCEPTED,
    "1": OrderStatus.PARTIALLY_FILLED,
    "2": OrderStatus.FILLED,
}
_HAPPENINGS: Mapping[str, Happening] = {
    "3": Happening.DONE_FOR_DAY,
    "7": Happening.STOPPED,
    "9": Happening.SUSPENDED,
    "L": Happening.TRIGGERED,
}
_DUPLICATE = "6"
"""OrdRejReason (103) of an order whose ClOrdID another order has, which works on."""
_UNKNOWN_ORDER = "5"
"""OrdRejReason of the answer to a question after an order that the venue does not know: it rejects nothing."""
_RENEWALS = ("0", "1")
"""ExecRestatementReason (378) of a good-till order that goes on, with or without a corporate action."""
_LIQUIDITIES = {"1": "MAKER", "2": "TAKER", "4": "AUCTION"}


def execution_report(message: FixMessage) -> tuple[AnyFact, ...]:
    """Return what an execution report says: what happened, then the venue's total, then an end that OrdStatus tells."""
    order = named_order(message)
    transaction = message.get("20") or NEW
    kind = message.get("150") or message.get("39") or ""
    facts: list[AnyFact] = []
    if transaction == BUST or kind == "H":
        facts.append(Bust(order=order, at=message.time(), fill_id=_reference(message), reason=message.reason()))
    elif transaction == CORRECTION or kind == "G":
        facts.append(_correction(message, order))
    elif transaction == STATUS:
        kind = "I"
    elif kind in _FILLS:
        facts.extend(_fill(message, order))
    else:
        facts.extend(_happened(message, order, kind))
    facts.extend(_total(message, order))
    facts.extend(_as_it_is_now(message, order, kind))
    return tuple(facts) or (Placement(order=order, at=message.time()),)


def fees_of(message: FixMessage) -> Fees:
    """Return what a fill cost: the commission (12, 13) and the miscellaneous fees (136)."""
    fees: list[tuple[Decimal, str]] = []
    commission, basis = message.number("12"), message.get("13")
    currency = message.get("479") or message.get("15")
    quantity, price = message.number("32"), message.number("31")
    if commission and quantity is not None and currency is not None:
        amount: Decimal | None = None
        match basis:
            case "3" | None:
                amount = commission
            case "1":
                amount = times(commission, quantity)
            case "2" if price is not None:  # a share of the value, as 0.0004 is of 4 basis points
                amount = times(times(commission, quantity), price)
        if amount is not None:
            fees.append((_fitting(amount), currency))
    for entry in message.group("137", "138", "139"):
        amount = decimal_of(entry["137"], "tag 137")
        name = entry.get("138") or currency
        if amount and name is not None:
            fees.append((_fitting(amount), name))
    return tuple(fees)


def _happened(message: FixMessage, order: NamedOrder, kind: str) -> list[AnyFact]:
    at = message.time()
    if kind == "8" and message.get("103") == _DUPLICATE:
        return [Ending(order=order, at=at, state=OrderState.REJECTED, reason=message.reason(), of_duplicate=True)]
    if kind in _ENDS:
        if message.get("39") in _ENDED_OTHERWISE[kind]:
            raise NotUnderstood(f"ExecType {kind} and OrdStatus {message.get('39')} contradict each other")
        if message.get("39") == "2":  # filled when the cancel came: the quantities decide
            return []
        state = _ENDS[kind]
        accepted = [] if state is OrderState.REJECTED else [Acceptance(order=order, at=at)]
        return [*accepted, Ending(order=order, at=at, state=state, reason=message.reason())]
    if kind in _HAPPENINGS:
        return [
            Acceptance(order=order, at=at),
            Change(
                order=order,
                at=at,
                happening=_HAPPENINGS[kind],
                reason=message.reason(),
                trade_date=message.day("75"),
                message_id=message.id("17"),
            ),
        ]
    match kind:
        case "0":
            return [Acceptance(order=order, at=at, quantity=message.positive("38"), resumes=True)]
        case "5":
            terms, request_id = terms_of(message), message.id("11")
            return [NewTerms(order=order, at=at, terms=terms, asked=True, request_id=request_id)]
        case "D":
            return [
                NewTerms(
                    order=order,
                    at=at,
                    terms=terms_of(message),
                    asked=False,
                    reason=message.reason(),
                    message_id=message.id("17"),
                    trade_date=_day_begun(message),
                )
            ]
        case "6" | "E":
            return _pending(message, order, kind)
        case "A" | "B" | "I" | "J" | "K":  # pending new, calculated, status, clearing: only the quantities count
            return []
        case _:
            raise NotUnderstood(f"ExecType (150) {shown(kind)} is not known")


def _day_begun(message: FixMessage) -> date | None:
    """Return the day that the renewal of a good-till order begins."""
    at = message.time()
    day = message.day("75")
    return at.date() if day is None and at is not None and message.get("378") in _RENEWALS else day


def _pending(message: FixMessage, order: NamedOrder, kind: str) -> list[AnyFact]:
    """Return the request to cancel that the venue has received; one to replace says its terms only when it is made."""
    request_id = message.id("11")
    if kind != "6" or request_id is None or message.id("41") in (None, request_id):
        return []
    return [Request(order=order, at=message.time(), kind=RequestKind.CANCEL, request_id=request_id)]


def _fill(message: FixMessage, order: NamedOrder) -> list[AnyFact]:
    quantity, price, fill_id = message.positive("32"), message.number("31"), message.id("17")
    if quantity is None:
        return []  # nothing was filled by this report: only the total counts
    if price is None or fill_id is None:
        raise NotUnderstood("the fill has no LastPx (31)" if price is None else "the fill has no ExecID (17)")
    return [
        Execution(
            order=order,
            at=message.time(),
            fill_id=fill_id,
            quantity=quantity,
            price=price,
            fees=fees_of(message),
            liquidity=_LIQUIDITIES.get(message.get("851") or ""),
            trade_date=message.day("75"),
        )
    ]


def _correction(message: FixMessage, order: NamedOrder) -> Correction:
    quantity, price, own_id = message.positive("32"), message.number("31"), message.id("17")
    if quantity is None or price is None or own_id is None:
        raise NotUnderstood("the correction does not say what was executed (17, 31, 32)")
    return Correction(
        order=order,
        at=message.time(),
        fill_id=_reference(message),
        correction_id=own_id,
        quantity=quantity,
        price=price,
    )


def _reference(message: FixMessage) -> str:
    reference = message.id("19")
    if reference is None:
        raise NotUnderstood("it does not say which execution it is about: ExecRefID (19) is missing")
    return reference


def _total(message: FixMessage, order: NamedOrder) -> list[AnyFact]:
    total = message.number("14")
    if total is None:
        return []
    average = message.number("6")
    return [
        Status(
            order=order,
            at=message.time(),
            status=_STATUSES.get(message.get("39") or ""),
            cum_quantity=total,
            average_price=average if average and total else None,
        )
    ]


def _as_it_is_now(message: FixMessage, order: NamedOrder, kind: str) -> list[AnyFact]:
    """Return what OrdStatus tells beyond ExecType: an end, and of a status report a suspension or guarantee too."""
    status = message.get("39") or ""
    if status in _ENDS and kind not in _ENDS and not (kind == "I" and message.get("103") == _UNKNOWN_ORDER):
        return [Ending(order=order, at=message.time(), state=_ENDS[status], reason=message.reason())]
    if kind == "I" and status in _HAPPENINGS:
        return [Change(order=order, at=message.time(), happening=_HAPPENINGS[status], message_id=message.id("17"))]
    if kind == "I" and status in _STATUSES:
        return [Acceptance(order=order, at=message.time())]
    return []


def _fitting(amount: Decimal) -> Decimal:
    """Return an amount rounded half-even to the places that the ledger keeps."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > PLACES_MAX:
        return plain(round(amount, PLACES_MAX))
    return amount
