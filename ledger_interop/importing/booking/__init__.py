"""Facts -> calls of a ledger, each at most once: what is booked already, or past, is not booked again.

Quantities decide, a status only confirms. What the ledger tells apart by an id of its own (an order, a fill, a request,
a correction) is given to it as it is; what has no id is compared with the order first. An order that nobody recorded is
recorded, with the source as its origin, as soon as a message tells enough of it.

    desk           the ledger, the batch, and the orders at hand
    known_orders   finding an order by any of its ids        past   telling what an order is past
    waiting        facts about what only a later message tells of            archived   orders that are in an archive
    placing, requesting, filling, grouping                   one call of the ledger for each fact
"""

from typing import assert_never

from ledger_core import Order
from ledger_core.lifecycle import OrderState
from ledger_interop.importing.booking import filling, grouping, placing, requesting
from ledger_interop.importing.booking.archived import Archives, is_before_opening
from ledger_interop.importing.booking.desk import BOOKED, IN_ARCHIVE, Booked, Desk, Rules, refuse_contradiction
from ledger_interop.importing.booking.known_orders import contradictions
from ledger_interop.importing.facts import (
    Acceptance,
    AnyFact,
    Bust,
    Change,
    Correction,
    Ending,
    Execution,
    FeeReport,
    Grouping,
    Movement,
    NewTerms,
    OrderFact,
    Placement,
    Request,
    RequestRefusal,
    Status,
)
from ledger_interop.importing.report import Outcome

__all__ = ["IN_ARCHIVE", "Archives", "Booked", "Desk", "Rules", "book", "has_order", "names_learned"]

MAY_BE_ARCHIVED: Booked = (
    Outcome.REFUSED,
    "it happened before the live history of its position: its order, unknown by this id, may be in an archive",
)
TOO_LITTLE: Booked = (Outcome.REFUSED, "the message tells too little of the order to record it")

_OF_OPEN_ORDERS = (Ending, Change, NewTerms, Request, RequestRefusal)
_OF_KNOWN_FILLS = (Bust, Correction, FeeReport)
_RECORDING_NOTHING = (Request, RequestRefusal, *_OF_KNOWN_FILLS)
"""Facts that an order is not recorded for: they say nothing that it could have without having been recorded."""


def book(desk: Desk, fact: AnyFact, place: str) -> Booked | None:
    """Book a fact; raise what the ledger raises when it refuses it. None means that it waits for another message."""
    match fact:
        case Movement():
            return grouping.movement(desk, fact)
        case Grouping():
            if not desk.is_last_call and desk.waiting.add(place, fact):
                return None  # until what its orders came to is known
            return grouping.grouping(desk, fact)
        case _:
            return _book_of_order(desk, fact, place)


def has_order(desk: Desk, fact: AnyFact) -> bool:
    """Whether a fact is about an order that is known."""
    return not isinstance(fact, (Movement, Grouping)) and desk.orders.find(fact.order) is not None


def names_learned(desk: Desk) -> list[str]:
    """Return, once, the names that have led to an order or an execution: what waits for them can be booked."""
    names, desk.orders.learned = desk.orders.learned, []
    return names


def _book_of_order(desk: Desk, fact: OrderFact, place: str) -> Booked | None:
    order = desk.orders.find(fact.order)
    if order is None and isinstance(fact, (Execution, *_OF_KNOWN_FILLS)):
        is_unique = fact.is_unique if isinstance(fact, Execution) else not fact.order.has_name
        order = desk.orders.of_fill(fact.fill_id) if is_unique else None
        if order is not None and not any(contradictions(order, fact.order)):
            desk.orders.keep_names(order, fact.order)
    if order is None and desk.has_archived:
        is_before = is_before_opening(desk.ledger, fact)
        order = desk.orders.in_archives(fact.order, getattr(fact, "fill_id", None), is_before=is_before)
        if order is None and is_before:
            return MAY_BE_ARCHIVED
    if order is None and not isinstance(fact, _RECORDING_NOTHING):
        filled = fact.quantity if isinstance(fact, Execution) else None
        order = desk.record(fact.order, fact.at, filled=filled)
        if order is not None and isinstance(fact, Placement):
            return BOOKED
    if not desk.is_last_call and _is_early(desk, order, fact) and desk.waiting.add(place, fact):
        return None
    if order is not None and not isinstance(fact, Execution):  # the ledger compares fills, and keeps what contradicts
        refuse_contradiction(order, fact.order)
    booked = _booked(desk, order, fact)
    if booked is None and not desk.waiting.add(place, fact):
        return requesting.NOBODY_ASKED
    return booked


def _is_early(desk: Desk, order: Order | None, fact: OrderFact) -> bool:
    """Whether only a later message can tell what the fact is about, or whether the order can take it."""
    if order is None:
        return True
    if isinstance(fact, _OF_KNOWN_FILLS):
        return not desk.has_fill(order, fact.fill_id)
    # An order that is as large as its fills is filled until its own quantity is told.
    return isinstance(fact, _OF_OPEN_ORDERS) and order.state is OrderState.FILLED and desk.grows(order)


def _booked(desk: Desk, order: Order | None, fact: OrderFact) -> Booked | None:
    archived = None if order is None else desk.orders.archived(order)
    if archived is not None and archived.says(fact):
        return IN_ARCHIVE
    match fact:  # the most frequent first
        case Execution():
            return filling.execution(desk, order, fact)
        case Placement():
            return TOO_LITTLE if order is None else placing.placement(desk, order, fact)
        case Acceptance():
            return placing.acceptance(desk, order, fact)
        case Status():
            return filling.status(desk, order, fact)
        case Ending():
            return placing.ending(desk, order, fact)
        case Request():
            return requesting.request(desk, order, fact)
        case RequestRefusal():
            return requesting.refusal(desk, order, fact)
        case NewTerms():
            return placing.new_terms(desk, order, fact)
        case Change():
            return placing.change(desk, order, fact)
        case Bust():
            return filling.bust(desk, order, fact)
        case Correction():
            return filling.correction(desk, order, fact)
        case FeeReport():
            return filling.fee(desk, order, fact)
        case _:
            assert_never(fact)
