"""Compile lifecycle rows with the `transitions` library and read the frozen lookup back out of it.

The library is the declared machine; a dispatch through it costs microseconds, a lookup does not, so the write
path uses the lookup and the tests fire the real machine over the whole grid and compare. The library accepts
unknown states and two targets for one edge without a word: the compile step refuses both.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Generic, Literal, TypeVar

import attrs
from transitions import Machine

from ledger_core.errors import IllegalTransition

StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)

SAME: Final = "="
"""The target of a row that keeps the state."""

type_of_same = Literal["="]
Row = tuple[AbstractSet[StateT] | None, EventT, StateT | type_of_same]
"""(from-states, event, to); None as from-states is the birth of the record."""

_BIRTH = "initial"
"""What the library calls the state of what is not there yet."""


class MachineDefinitionError(Exception):
    """The rows contradict themselves; raised at import, so a wrong table never runs."""


@attrs.frozen
class CompiledMachine(Generic[StateT, EventT]):
    """A lifecycle table: `declared` is the library's machine, `edges` what was read back out of it."""

    name: str
    states: type[StateT]
    events: type[EventT]
    declared: Machine
    edges: Mapping[tuple[StateT | None, EventT], StateT]

    def target(self, state: StateT | None, event: EventT) -> StateT:
        """Return the state after `event`; raise IllegalTransition, naming what would be legal."""
        found = self.edges.get((state, event))
        if found is None:
            before = "not yet born" if state is None else state
            legal = self.allowed(state)
            raise IllegalTransition(
                f"{self.name} is {before}: {event} is not legal there (legal: {', '.join(legal) or 'nothing'})",
                state="" if state is None else state,
                event=event,
                allowed=legal,
            )
        return found

    def allowed(self, state: StateT | None) -> tuple[EventT, ...]:
        """Return the events that are legal in `state`, in the order of their declaration."""
        return tuple(event for event in self.events if (state, event) in self.edges)


def compile_machine(
    name: str, states: type[StateT], events: type[EventT], rows: Sequence[Row[StateT, EventT]]
) -> CompiledMachine[StateT, EventT]:
    """Build the library's machine from the rows and return it with its frozen lookup.

    Raises MachineDefinitionError for a state or event that the enums do not know, for two targets of one edge,
    for an enum member whose name differs from its value (the library returns names, storage keeps values), and
    for a state or event that no row mentions.
    """
    for member in (*states, *events):
        if member.name != member.value:
            raise MachineDefinitionError(f"{name}: {member.name} is stored as {member.value!r}")
    wanted = _expand(name, states, events, rows)
    machine = Machine(
        model=None,
        states=[_BIRTH, *(state.name for state in states)],
        transitions=[
            {"trigger": event.name, "source": _BIRTH if source is None else source.name, "dest": target.name}
            for (source, event), target in wanted.items()
        ],
        auto_transitions=False,
    )
    edges = _read_back(machine, states, events)
    if edges != wanted:
        raise MachineDefinitionError(f"{name}: the machine differs from its rows")
    _refuse_unused(name, "state", states, edges.values())
    _refuse_unused(name, "event", events, (event for _, event in edges))
    return CompiledMachine(name, states, events, machine, MappingProxyType(edges))


def _expand(
    name: str, states: type[StateT], events: type[EventT], rows: Sequence[Row[StateT, EventT]]
) -> dict[tuple[StateT | None, EventT], StateT]:
    wanted: dict[tuple[StateT | None, EventT], StateT] = {}
    for sources, event, to in rows:
        for source in _in_order(name, states, sources):
            target = source if to == SAME else to
            if not isinstance(target, states) or not isinstance(event, events):
                raise MachineDefinitionError(f"{name}: unknown word in row {source} {event} {to}")
            if (source, event) in wanted:
                raise MachineDefinitionError(f"{name}: two rows for {event} from {source}")
            wanted[source, event] = target
    return wanted


def _in_order(name: str, states: type[StateT], sources: AbstractSet[StateT] | None) -> list[StateT] | list[None]:
    if sources is None:
        return [None]
    unknown = [source for source in sources if not isinstance(source, states)]
    if unknown:
        raise MachineDefinitionError(f"{name}: unknown source states {unknown}")
    return [state for state in states if state in sources]


def _read_back(
    machine: Machine, states: type[StateT], events: type[EventT]
) -> dict[tuple[StateT | None, EventT], StateT]:
    edges: dict[tuple[StateT | None, EventT], StateT] = {}
    for event in events:
        declared = machine.events.get(event.name)
        for source, transitions in declared.transitions.items() if declared else ():
            for transition in transitions:
                edges[None if source == _BIRTH else states(source), event] = states(str(transition.dest))
    return edges


def _refuse_unused(name: str, what: str, declared: Iterable[StrEnum], used: Iterable[StrEnum]) -> None:
    unused = set(declared) - set(used)
    if unused:
        raise MachineDefinitionError(f"{name}: no row mentions {what} {', '.join(sorted(unused))}")
