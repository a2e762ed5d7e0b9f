"""The lifecycle tables: against the machine that `transitions` runs, and against the design, fact by fact."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from transitions import MachineError

from ledger_core._machine import SAME, CompiledMachine, MachineDefinitionError, compile_machine
from ledger_core.errors import IllegalTransition
from ledger_core.lifecycle import (
    DAY_OPEN_STATES,
    ENDED_STATES,
    GOOD_TILL_OPEN_STATES,
    ORDER_MACHINE,
    REQUEST_MACHINE,
    TRADE_MACHINE,
    OrderEvent,
    OrderState,
    OrderStatus,
    RequestEvent,
    RequestState,
    TradeEvent,
    TradeState,
    is_open,
    next_order_state,
)

AnyMachine = CompiledMachine[Any, Any]

MACHINES: tuple[AnyMachine, ...] = (ORDER_MACHINE, REQUEST_MACHINE, TRADE_MACHINE)


class Subject:
    """What a machine moves: `transitions` puts a state and a method for each event on it."""

    state: str
    trigger: Any


def _grid() -> Iterator[Any]:
    for machine in MACHINES:
        for state in (None, *machine.states.__members__.values()):
            for event in machine.events:
                yield pytest.param(machine, state, event, id=f"{machine.name}-{state}-{event}")


@pytest.mark.parametrize(("machine", "state", "event"), [*_grid()])
def test_the_lookup_agrees_with_the_declared_machine(machine: AnyMachine, state: Any, event: Any) -> None:
    """For every state and event, firing the library's machine and asking the lookup come to the same."""
    subject = Subject()
    machine.declared.add_model(subject, initial="initial" if state is None else state.name)
    try:
        try:
            subject.trigger(event.name)
        except MachineError:
            fired = None
        else:
            fired = subject.state
    finally:
        machine.declared.remove_model(subject)
    if fired is not None:
        target = machine.target(state, event)
        assert type(target) is machine.states
        assert target.value == fired
        assert event in machine.allowed(state)
    else:
        with pytest.raises(IllegalTransition) as refusal:
            machine.target(state, event)
        assert refusal.value.state == (state or "")
        assert refusal.value.event is event
        assert refusal.value.allowed == machine.allowed(state)
        assert event not in refusal.value.allowed
        assert refusal.value.context["state"] == (state or "")
        for word in (f"{machine.name} is {state or 'not yet born'}: ", event, *refusal.value.allowed):
            assert word in refusal.value.message


def test_firing_an_unknown_word_is_not_taken_for_illegal() -> None:
    """The declared machines know every event, so that MachineError in the grid means illegal, not unknown."""
    for machine in MACHINES:
        assert {event.name for event in machine.events} == set(machine.declared.events)


# The design's table, restated: one line for each fact and level, one letter for each from-state. A letter is the
# to-state, "." refuses, and a capital is legal only of an order that outlives the day (GTC, GTD).
LETTERS = {
    "p": OrderState.PLACED,
    "i": OrderState.IN_DOUBT,
    "a": OrderState.ACCEPTED,
    "t": OrderState.PARTIALLY_FILLED,
    "f": OrderState.FILLED,
    "s": OrderState.SUSPENDED,
    "o": OrderState.STOPPED,
    "d": OrderState.DONE_FOR_DAY,
    "c": OrderState.CANCELED,
    "e": OrderState.EXPIRED,
    "r": OrderState.REJECTED,
}
# fmt: off
DESIGN = (
    # fact                                  event                                from: p i a t f s o d c e r
    ("acceptance",                          OrderEvent.ACCEPTANCE,                    "a a a t f s o d c e ."),
    ("fill, more to come",                  OrderEvent.PARTIAL_FILL,                  "t t t t . s o d c e r"),
    ("fill, complete",                      OrderEvent.COMPLETING_FILL,               "f f f f f f f d c e r"),
    ("fill of a later day, more to come",   OrderEvent.NEXT_DAY_PARTIAL_FILL,         ". . . . . . . T . . ."),
    ("fill of a later day, complete",       OrderEvent.NEXT_DAY_COMPLETING_FILL,      ". . . . . . . F . . ."),
    ("rejection",                           OrderEvent.REJECTION,                     "r r r r . r r R . . ."),
    ("cancellation",                        OrderEvent.CANCELLATION,                  "c c c c . c c C . . ."),
    ("expiry",                              OrderEvent.EXPIRY,                        "e e e e . e e E . . ."),
    ("in doubt",                            OrderEvent.DOUBT,                         "i i a t f s o d c e r"),
    ("trigger",                             OrderEvent.TRIGGER,                       "p i a t f s o d c e ."),
    ("guarantee",                           OrderEvent.GUARANTEE,                     "o o o o . . o . . . ."),
    ("suspension",                          OrderEvent.SUSPENSION,                    "s s s s . s s S . . ."),
    ("resumption, nothing filled",          OrderEvent.RESUMPTION_UNFILLED,           ". . . . . a . . . . ."),
    ("resumption, partly filled",           OrderEvent.RESUMPTION_PARTLY_FILLED,      ". . . . . t . . . . ."),
    ("done for day",                        OrderEvent.DAY_END,                       "d d d d d . d d . . ."),
    ("replacement, nothing filled",         OrderEvent.TERMS_UNFILLED,                "a a a a a s o a . . ."),
    ("replacement, partly filled",          OrderEvent.TERMS_PARTLY_FILLED,           "t t t t t s o t . . ."),
    ("replacement, complete",               OrderEvent.TERMS_COMPLETE,                "f f f f f f f f . . ."),
    ("bust, nothing left filled",           OrderEvent.REVISION_UNFILLED,             "p i a a a s o d c e r"),
    ("bust, partly filled",                 OrderEvent.REVISION_PARTLY_FILLED,        "p i a t t s o d c e r"),
    ("correction, complete",                OrderEvent.REVISION_COMPLETE,             "p i a f f s o d c e r"),
    ("bust, not reinstated",                OrderEvent.REVISION_NOT_REINSTATED,       ". . . . c . . . . . ."),
    ("request",                             OrderEvent.REQUEST,                       "p i a t f s o d . . ."),
    ("request refused",                     OrderEvent.REQUEST_REJECTION,             "p i a t f s o d c e r"),
)
# fmt: on


def _facts() -> Iterator[Any]:
    for fact, event, targets in DESIGN:
        for state, letter in zip(LETTERS.values(), targets.split(), strict=True):
            for good_till in (False, True):
                legal = letter != "." and (good_till or letter.islower())
                target = LETTERS[letter.lower()] if legal else None
                kind = "good-till" if good_till else "day"
                yield pytest.param(event, state, good_till, target, id=f"{fact}-{kind}-{state}")


@pytest.mark.parametrize(("event", "state", "good_till", "target"), [*_facts()])
def test_each_fact_leads_where_the_design_says(
    event: OrderEvent, state: OrderState, good_till: bool, target: OrderState | None
) -> None:
    """Each fact leads from each state to the state of the design's table, or is refused where it has none."""
    if target is not None:
        assert next_order_state(state, event, good_till=good_till) is target
        return
    with pytest.raises(IllegalTransition) as refusal:
        next_order_state(state, event, good_till=good_till)
    assert (refusal.value.state, refusal.value.event) == (state, event)
    legal = [
        other for _, other, targets in DESIGN if _is_legal(targets.split()[[*LETTERS.values()].index(state)], good_till)
    ]
    assert sorted(refusal.value.allowed) == sorted(legal)


def _is_legal(letter: str, good_till: bool) -> bool:
    return letter != "." and (good_till or letter.islower())


def test_the_design_knows_every_event_and_state() -> None:
    """The restated table covers every order event but the birth, once, and every state."""
    events = [event for _, event, _ in DESIGN]
    assert sorted([*events, OrderEvent.PLACEMENT]) == sorted(OrderEvent)
    assert set(LETTERS.values()) == set(OrderState)


@pytest.mark.parametrize("event", OrderEvent)
def test_an_order_is_born_by_its_placement_alone(event: OrderEvent) -> None:
    """Nothing but PLACEMENT can happen to an order that is not there, and PLACEMENT never to one that is."""
    if event is OrderEvent.PLACEMENT:
        assert next_order_state(None, event) is OrderState.PLACED
        for state in OrderState:
            with pytest.raises(IllegalTransition):
                next_order_state(state, event)
    else:
        with pytest.raises(IllegalTransition, match="not yet born") as refusal:
            next_order_state(None, event)
        assert refusal.value.allowed == (OrderEvent.PLACEMENT,)
        assert refusal.value.state == ""


@pytest.mark.parametrize(
    ("state", "event", "target"),
    [
        (None, RequestEvent.ASKED, RequestState.REQUESTED),
        (RequestState.REQUESTED, RequestEvent.GRANTED, RequestState.ACCEPTED),
        (RequestState.REQUESTED, RequestEvent.REFUSED, RequestState.REJECTED),
    ],
)
def test_a_request_is_asked_then_granted_or_refused(
    state: RequestState | None, event: RequestEvent, target: RequestState
) -> None:
    """A request goes REQUESTED to ACCEPTED or REJECTED, and these are all its transitions."""
    assert REQUEST_MACHINE.target(state, event) is target
    assert len(REQUEST_MACHINE.edges) == 3


@pytest.mark.parametrize(
    ("state", "event", "target"),
    [
        (None, TradeEvent.CREATION, TradeState.OPEN),
        (TradeState.OPEN, TradeEvent.UPDATE, TradeState.OPEN),
        (TradeState.OPEN, TradeEvent.PROGRESS, TradeState.OPEN),
        (TradeState.OPEN, TradeEvent.CLOSURE, TradeState.CLOSED),
        (TradeState.CLOSED, TradeEvent.RESTATEMENT, TradeState.CLOSED),
    ],
)
def test_a_trade_is_open_then_closed_and_stays_so(
    state: TradeState | None, event: TradeEvent, target: TradeState
) -> None:
    """A trade goes OPEN to CLOSED, never back, and these are all its transitions."""
    assert TRADE_MACHINE.target(state, event) is target
    assert len(TRADE_MACHINE.edges) == 5


@pytest.mark.parametrize("state", OrderState)
def test_open_means_that_the_venue_may_execute(state: OrderState) -> None:
    """The open states are those of the design; DONE_FOR_DAY is one of a GTC or GTD order alone."""
    always = {"PLACED", "IN_DOUBT", "ACCEPTED", "PARTIALLY_FILLED", "STOPPED", "SUSPENDED"}
    assert is_open(state, good_till=False) == (state in always) == (state in DAY_OPEN_STATES)
    assert is_open(state, good_till=True) == (state in always | {"DONE_FOR_DAY"}) == (state in GOOD_TILL_OPEN_STATES)
    assert (state in ENDED_STATES) == (state in {"CANCELED", "EXPIRED", "REJECTED"})


def test_a_status_is_a_state_or_a_request_in_flight() -> None:
    """OrderStatus has every OrderState, under the same word, and the two pending ones."""
    assert {*OrderStatus} - {*OrderState} == {"PENDING_CANCEL", "PENDING_REPLACE"}
    assert {*OrderState} < {*OrderStatus}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_lookup_cannot_be_changed(machine: AnyMachine) -> None:
    """The lookup is read-only: nobody adds a transition at run time."""
    edges: Any = machine.edges
    (state, event), target = next(iter(edges.items()))
    with pytest.raises(TypeError):
        edges[state, event] = target


class Door(StrEnum):
    """A small machine's states."""

    OPEN = "OPEN"
    SHUT = "SHUT"


class Move(StrEnum):
    """A small machine's events."""

    BUILD = "BUILD"
    PUSH = "PUSH"


class Window(StrEnum):
    """States of something else, one of which has the same word."""

    OPEN = "OPEN"
    AJAR = "AJAR"


class Renamed(StrEnum):
    """States of which one is stored under another word."""

    OPEN = "OPEN"
    SHUT = "CLOSED"


BIRTH = (None, Move.BUILD, Door.OPEN)
PUSH = ({Door.OPEN}, Move.PUSH, Door.SHUT)


def test_a_sound_table_compiles() -> None:
    """A table without a fault compiles to the lookup of its rows, SAME taken apart."""
    machine = compile_machine("door", Door, Move, (BIRTH, PUSH, ({Door.SHUT}, Move.PUSH, SAME)))
    assert dict(machine.edges) == {
        (None, Move.BUILD): Door.OPEN,
        (Door.OPEN, Move.PUSH): Door.SHUT,
        (Door.SHUT, Move.PUSH): Door.SHUT,
    }
    assert machine.allowed(Door.SHUT) == (Move.PUSH,)
    assert (machine.name, machine.states, machine.events) == ("door", Door, Move)


def test_what_is_not_legal_is_told_with_what_would_be() -> None:
    """In words for people, too."""
    machine = compile_machine("door", Door, Move, (BIRTH, PUSH))
    with pytest.raises(IllegalTransition) as refusal:
        machine.target(None, Move.PUSH)
    assert str(refusal.value) == "door is not yet born: PUSH is not legal there (legal: BUILD)"
    assert refusal.value.context == {"state": "", "event": Move.PUSH, "allowed": (Move.BUILD,)}
    with pytest.raises(IllegalTransition) as refusal:
        machine.target(Door.SHUT, Move.PUSH)
    assert str(refusal.value) == "door is SHUT: PUSH is not legal there (legal: nothing)"
    assert refusal.value.context == {"state": Door.SHUT, "event": Move.PUSH, "allowed": ()}


def test_the_declared_machine_knows_what_its_rows_say_and_nothing_else() -> None:
    """It begins before the birth, moves nothing of its own, and adds no event that no row has."""
    declared = compile_machine("door", Door, Move, (BIRTH, PUSH)).declared
    assert (declared.initial, [*declared.states]) == ("initial", ["initial", "OPEN", "SHUT"])
    assert ([*declared.events], declared.models) == (["BUILD", "PUSH"], [])


@pytest.mark.parametrize(
    ("rows", "states", "complaint"),
    [
        pytest.param((BIRTH, ({Window.AJAR}, Move.PUSH, Door.SHUT)), Door, "unknown source", id="unknown source"),
        pytest.param((BIRTH, ({"OPEN"}, Move.PUSH, Door.SHUT)), Door, "unknown source", id="source as text"),
        pytest.param((BIRTH, ({Door.OPEN}, Move.PUSH, Window.AJAR)), Door, "unknown word", id="unknown target"),
        pytest.param((BIRTH, ({Door.OPEN}, Move.PUSH, Window.OPEN)), Door, "unknown word", id="target's twin"),
        pytest.param((BIRTH, PUSH, ({Door.OPEN}, "SLAM", Door.SHUT)), Door, "unknown word", id="unknown event"),
        pytest.param((BIRTH, PUSH, ({Door.OPEN}, Move.PUSH, Door.OPEN)), Door, "two rows", id="two targets"),
        pytest.param((BIRTH, PUSH, PUSH), Door, "two rows", id="one row twice"),
        pytest.param((BIRTH, (None, Move.BUILD, Door.SHUT), PUSH), Door, "two rows", id="two births"),
        pytest.param(((None, Move.BUILD, SAME), PUSH), Door, "unknown word", id="born as it was"),
        pytest.param(
            (BIRTH, ({Door.OPEN}, Move.PUSH, Door.OPEN)), Door, "no row mentions state SHUT", id="unused state"
        ),
        pytest.param(
            (BIRTH, (None, Move.PUSH, Door.SHUT))[:1], Door, "no row mentions state SHUT", id="state unreached"
        ),
        pytest.param(
            (BIRTH, ({Door.OPEN}, Move.BUILD, Door.SHUT)), Door, "no row mentions event PUSH", id="unused event"
        ),
        pytest.param((), Renamed, "stored as 'CLOSED'", id="name is not value"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(rows: Any, states: Any, complaint: str) -> None:
    """A table with a fault raises at import, naming both; the library alone would take it without a word."""
    with pytest.raises(MachineDefinitionError, match=f"^door: .*{complaint}"):
        compile_machine("door", states, Move, rows)


def test_an_event_stored_under_another_word_is_refused() -> None:
    """Events too are stored by value and fired by name: the two must be one."""

    class Shove(StrEnum):
        PUSH = "SHOVE"

    with pytest.raises(MachineDefinitionError, match="stored as 'SHOVE'"):
        compile_machine("door", Door, Shove, ())
