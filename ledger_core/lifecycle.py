"""Every state, lifecycle event and legal transition of orders, requests and trades: the whole machine on one screen.

A row reads (from-states, event, to). The sources are the FIX 4.4 / 5.0 SP2 "Order State Change Matrices"; where
the known systems disagree, the comment on the row says what was decided. `_machine` compiles the rows with the
`transitions` library and refuses a table that contradicts itself; nothing else in the package decides legality.
"""

from ledger_core import _machine
from ledger_core._machine import SAME, Row
from ledger_core._words import Word
from ledger_core.errors import IllegalTransition


class OrderState(Word):
    """The lifecycle state of an order (FIX OrdStatus, tag 39, but for IN_DOUBT, which is ours)."""

    PLACED = "PLACED"  # 39=A: our intent is durable; the venue has not answered
    IN_DOUBT = "IN_DOUBT"  # sent, outcome unknown: only a fact from the venue leaves this state
    ACCEPTED = "ACCEPTED"  # 39=0
    PARTIALLY_FILLED = "PARTIALLY_FILLED"  # 39=1
    FILLED = "FILLED"  # 39=2
    SUSPENDED = "SUSPENDED"  # 39=9
    STOPPED = "STOPPED"  # 39=7: a price is guaranteed, not a trade
    DONE_FOR_DAY = "DONE_FOR_DAY"  # 39=3
    CANCELED = "CANCELED"  # 39=4
    EXPIRED = "EXPIRED"  # 39=C
    REJECTED = "REJECTED"  # 39=8


class OrderStatus(Word):
    """What a person is shown: the state, unless a request is in flight (FIX precedence: cancel before replace)."""

    PLACED = "PLACED"
    IN_DOUBT = "IN_DOUBT"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    SUSPENDED = "SUSPENDED"
    STOPPED = "STOPPED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    PENDING_CANCEL = "PENDING_CANCEL"  # 39=6
    PENDING_REPLACE = "PENDING_REPLACE"  # 39=E


class OrderEvent(Word):
    """What can happen to an order. Value guards in `decide` choose the event, the table says whether it is legal."""

    PLACEMENT = "PLACEMENT"
    ACCEPTANCE = "ACCEPTANCE"
    PARTIAL_FILL = "PARTIAL_FILL"
    COMPLETING_FILL = "COMPLETING_FILL"
    NEXT_DAY_PARTIAL_FILL = "NEXT_DAY_PARTIAL_FILL"  # of a GTC or GTD order, with a later trade date
    NEXT_DAY_COMPLETING_FILL = "NEXT_DAY_COMPLETING_FILL"
    REJECTION = "REJECTION"
    CANCELLATION = "CANCELLATION"
    EXPIRY = "EXPIRY"
    DOUBT = "DOUBT"
    TRIGGER = "TRIGGER"
    GUARANTEE = "GUARANTEE"
    SUSPENSION = "SUSPENSION"
    RESUMPTION_UNFILLED = "RESUMPTION_UNFILLED"
    RESUMPTION_PARTLY_FILLED = "RESUMPTION_PARTLY_FILLED"
    DAY_END = "DAY_END"
    TERMS_UNFILLED = "TERMS_UNFILLED"  # a replacement or restatement that leaves the order unfilled, ...
    TERMS_PARTLY_FILLED = "TERMS_PARTLY_FILLED"
    TERMS_COMPLETE = "TERMS_COMPLETE"
    REVISION_UNFILLED = "REVISION_UNFILLED"  # a bust or correction that leaves the order unfilled, ...
    REVISION_PARTLY_FILLED = "REVISION_PARTLY_FILLED"
    REVISION_COMPLETE = "REVISION_COMPLETE"
    REVISION_NOT_REINSTATED = "REVISION_NOT_REINSTATED"  # the venue does not work the freed quantity again
    REQUEST = "REQUEST"  # to cancel or to replace
    REQUEST_REJECTION = "REQUEST_REJECTION"


class RequestKind(Word):
    """What a request asks of the venue."""

    CANCEL = "CANCEL"
    REPLACE = "REPLACE"


class RequestState(Word):
    """The lifecycle state of a request to cancel or replace."""

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class RequestEvent(Word):
    """What can happen to a request."""

    ASKED = "ASKED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


class TradeState(Word):
    """The lifecycle state of a trade."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class TradeEvent(Word):
    """What can happen to a trade."""

    CREATION = "CREATION"
    UPDATE = "UPDATE"  # levels, tags, metadata, further orders
    PROGRESS = "PROGRESS"  # a fact on one of its orders while it is open
    CLOSURE = "CLOSURE"
    RESTATEMENT = "RESTATEMENT"  # a fact on one of its orders after the close


S, E = OrderState, OrderEvent
_EVERY = frozenset(S)
_REFUSED = {S.REJECTED}
_ENDED = {S.CANCELED, S.EXPIRED, S.REJECTED}
_WORKING = {S.PLACED, S.IN_DOUBT, S.ACCEPTED, S.PARTIALLY_FILLED}
_OPEN = _WORKING | {S.STOPPED, S.SUSPENDED, S.DONE_FOR_DAY}
_BY_LEVEL = _WORKING | {S.FILLED, S.DONE_FOR_DAY}

# fmt: off
ORDER_ROWS: tuple[Row[OrderState, OrderEvent], ...] = (
    (None,                         E.PLACEMENT,                S.PLACED),
    ({S.PLACED, S.IN_DOUBT},       E.ACCEPTANCE,               S.ACCEPTED),
    (_EVERY - {S.PLACED, S.IN_DOUBT} - _REFUSED, E.ACCEPTANCE, SAME),                # late acknowledgement: brings ids, never moves back
    (_WORKING,                     E.PARTIAL_FILL,             S.PARTIALLY_FILLED),  # a fill implies the acceptance
    (_WORKING,                     E.COMPLETING_FILL,          S.FILLED),
    ({S.SUSPENDED, S.STOPPED},     E.PARTIAL_FILL,             SAME),                # FIX L.1.a: a fill leaves STOPPED standing
    ({S.SUSPENDED, S.STOPPED},     E.COMPLETING_FILL,          S.FILLED),
    ({S.DONE_FOR_DAY} | _ENDED,    E.PARTIAL_FILL,             SAME),                # late: booked, but the order has ended
    ({S.DONE_FOR_DAY} | _ENDED,    E.COMPLETING_FILL,          SAME),
    ({S.FILLED},                   E.COMPLETING_FILL,          SAME),                # while a raise is in flight, or an overfill booked as such
    ({S.DONE_FOR_DAY},             E.NEXT_DAY_PARTIAL_FILL,    S.PARTIALLY_FILLED),  # the venue renewed it without telling
    ({S.DONE_FOR_DAY},             E.NEXT_DAY_COMPLETING_FILL, S.FILLED),
    (_OPEN,                        E.REJECTION,                S.REJECTED),          # fills are kept
    (_OPEN,                        E.CANCELLATION,             S.CANCELED),          # FIX I.1.a: the rest of an IOC or FOK too
    (_OPEN,                        E.EXPIRY,                   S.EXPIRED),
    ({S.PLACED},                   E.DOUBT,                    S.IN_DOUBT),
    (_EVERY - {S.PLACED},          E.DOUBT,                    SAME),                # the venue has answered: no doubt to have
    (_EVERY - _REFUSED,            E.TRIGGER,                  SAME),                # a flag, no state
    (_WORKING | {S.STOPPED},       E.GUARANTEE,                S.STOPPED),
    (_OPEN,                        E.SUSPENSION,               S.SUSPENDED),
    ({S.SUSPENDED},                E.RESUMPTION_UNFILLED,      S.ACCEPTED),
    ({S.SUSPENDED},                E.RESUMPTION_PARTLY_FILLED, S.PARTIALLY_FILLED),
    (_OPEN - {S.SUSPENDED} | {S.FILLED}, E.DAY_END,            S.DONE_FOR_DAY),
    (_BY_LEVEL,                    E.TERMS_UNFILLED,           S.ACCEPTED),          # PLACED and IN_DOUBT are accepted by it
    (_BY_LEVEL,                    E.TERMS_PARTLY_FILLED,      S.PARTIALLY_FILLED),  # a raise reopens FILLED
    (_BY_LEVEL,                    E.TERMS_COMPLETE,           S.FILLED),            # a replace below the filled quantity
    ({S.SUSPENDED, S.STOPPED},     E.TERMS_UNFILLED,           SAME),
    ({S.SUSPENDED, S.STOPPED},     E.TERMS_PARTLY_FILLED,      SAME),
    ({S.SUSPENDED, S.STOPPED},     E.TERMS_COMPLETE,           S.FILLED),
    ({S.FILLED, S.PARTIALLY_FILLED},          E.REVISION_UNFILLED,       S.ACCEPTED),  # FIX J: re-derived from the surviving fills
    ({S.FILLED, S.PARTIALLY_FILLED},          E.REVISION_PARTLY_FILLED,  S.PARTIALLY_FILLED),
    ({S.FILLED, S.PARTIALLY_FILLED},          E.REVISION_COMPLETE,       S.FILLED),
    (_EVERY - {S.FILLED, S.PARTIALLY_FILLED}, E.REVISION_UNFILLED,       SAME),
    (_EVERY - {S.FILLED, S.PARTIALLY_FILLED}, E.REVISION_PARTLY_FILLED,  SAME),
    (_EVERY - {S.FILLED, S.PARTIALLY_FILLED}, E.REVISION_COMPLETE,       SAME),
    ({S.FILLED},                   E.REVISION_NOT_REINSTATED,  S.CANCELED),
    (_EVERY - _ENDED,              E.REQUEST,                  SAME),                # a request is its own machine
    (_EVERY,                       E.REQUEST_REJECTION,        SAME),                # restores nothing: nothing was overwritten
)

REQUEST_ROWS: tuple[Row[RequestState, RequestEvent], ...] = (
    (None,                         RequestEvent.ASKED,         RequestState.REQUESTED),
    ({RequestState.REQUESTED},     RequestEvent.GRANTED,       RequestState.ACCEPTED),
    ({RequestState.REQUESTED},     RequestEvent.REFUSED,       RequestState.REJECTED),
)

TRADE_ROWS: tuple[Row[TradeState, TradeEvent], ...] = (
    (None,                         TradeEvent.CREATION,        TradeState.OPEN),
    ({TradeState.OPEN},            TradeEvent.UPDATE,          SAME),
    ({TradeState.OPEN},            TradeEvent.PROGRESS,        SAME),
    ({TradeState.OPEN},            TradeEvent.CLOSURE,         TradeState.CLOSED),
    ({TradeState.CLOSED},          TradeEvent.RESTATEMENT,     SAME),                # the trade stays closed; TRADE_RESTATED says what changed
)
# fmt: on

ORDER_MACHINE = _machine.compile_machine("order", OrderState, OrderEvent, ORDER_ROWS)
REQUEST_MACHINE = _machine.compile_machine("request", RequestState, RequestEvent, REQUEST_ROWS)
TRADE_MACHINE = _machine.compile_machine("trade", TradeState, TradeEvent, TRADE_ROWS)

ENDED_STATES = frozenset(_ENDED)
"""States in which nothing is left to execute, whatever the order's time in force."""

GOOD_TILL_OPEN_STATES = frozenset(_OPEN)
"""The open states of an order that outlives the day (GTC, GTD)."""

DAY_OPEN_STATES = frozenset(_OPEN - {S.DONE_FOR_DAY})
"""The open states of every other order: done for the day is done for good."""

STATUS_OF_STATE = {state: OrderStatus(state.value) for state in OrderState}
"""The status of an order without a request in flight."""

# What can happen to an order that is done for the day only while it is open, that is, if it outlives the day.
_OF_GOOD_TILL_ORDERS = frozenset(
    {E.REJECTION, E.CANCELLATION, E.EXPIRY, E.SUSPENSION, E.NEXT_DAY_PARTIAL_FILL, E.NEXT_DAY_COMPLETING_FILL}
)


def is_open(state: OrderState, *, good_till: bool) -> bool:
    """Say whether the venue may still execute an order in this state."""
    return state in (GOOD_TILL_OPEN_STATES if good_till else DAY_OPEN_STATES)


def next_order_state(state: OrderState | None, event: OrderEvent, *, good_till: bool = False) -> OrderState:
    """Return the state after the event; raise IllegalTransition where the table has no row.

    `good_till` says whether the order outlives the day: ending or suspending an order that is DONE_FOR_DAY is
    legal only then.
    """
    if state is not OrderState.DONE_FOR_DAY or good_till:
        return ORDER_MACHINE.edges.get((state, event)) or ORDER_MACHINE.target(state, event)
    legal = tuple(event for event in ORDER_MACHINE.allowed(state) if event not in _OF_GOOD_TILL_ORDERS)
    if event in legal:
        return ORDER_MACHINE.target(state, event)
    raise IllegalTransition(
        f"a day order that is done for the day has no {event} to come (legal: {', '.join(legal)})",
        state=state,
        event=event,
        allowed=legal,
    )
