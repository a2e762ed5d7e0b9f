"""Every public operation, a good call of it, and each place of that call that something else can be put into."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from ledger_core import Batch, open_ledger, open_reader, open_repository
from reliability.hostile_values import Sample
from support import START, DictCache, RecordingPublisher
from test_bad_input import CALLS, READER_CALLS, WRITING

# fmt: off
VIEW_CALLS: Mapping[str, dict[str, Any]] = {
    "get_order": {"order_id": "o1"},
    "get_trade": {"trade_id": "t1"},
    "get_fill": {"order_id": "o1", "fill_id": "f1"},
    "get_open_positions": {},
    "get_position": {"symbol": "ACME", "venue": "X", "account": "main", "position_side": "NET"},
    "get_position_exposure": {"symbol": "ACME", "venue": "X", "account": "main"},
    "find_orders": {"symbol": "ACME", "state": "ACCEPTED", "status": "ACCEPTED", "is_open": True},
    "find_fills": {"order_id": "o1", "symbol": "ACME"},
    "find_trades": {"state": "OPEN", "symbol": "ACME"},
    "find_adjustments": {"symbol": "ACME"},
    "quarantined": {},
    "records": {"kind": "ORDER"},
}
OPENER_CALLS: Mapping[str, dict[str, Any]] = {
    "open_ledger": {
        "url_or_path": "memory://", "strategy_id": "beta", "publisher": RecordingPublisher(), "cache": DictCache(),
        "clock": lambda: START, "read_only": False, "overfill": "book", "chain_key": b"k" * 32,
    },
    "open_reader": {"url_or_path": "memory://", "chain_key": b"k" * 32},
    "open_repository": {"url_or_path": "memory://", "strategy_id": "beta", "read_only": False},
}
# fmt: on
OPENERS: Mapping[str, Callable[..., Any]] = {
    "open_ledger": open_ledger,
    "open_reader": open_reader,
    "open_repository": open_repository,
}
TABLES: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "ledger": CALLS,
    "batch": {name: call for name, call in CALLS.items() if hasattr(Batch, name)},
    "reader": dict(READER_CALLS),
    "view": VIEW_CALLS,
    "module": OPENER_CALLS,
}
"""The operations by what they are operations of."""

Place = tuple[str | int | tuple[str, str], ...]
"""Where a value stands: the argument's name, then keys and indices."""
Edits = list[tuple[int, Sample]]
"""What to put where; the number of a place wraps around."""


@attrs.frozen
class PublicOperation:
    """A public operation; `of` says whose."""

    of: str
    name: str
    good: Mapping[str, Any] = attrs.field(eq=False, repr=False)
    places: tuple[Place, ...] = attrs.field(eq=False, repr=False)

    @property
    def is_command(self) -> bool:
        """Whether the journal may get an entry of it."""
        return self.name in WRITING

    def arguments(self, edits: Edits) -> dict[str, Any]:
        """Return the good call with other values: outer places first, so that each value is made from a good one."""
        arguments: Any = dict(self.good)
        for place, sample in self._filled_places(edits):
            arguments = _filled(arguments, place, sample)
        made: dict[str, Any] = arguments
        return made

    def described(self, edits: Edits) -> str:
        """Return the call in words."""
        filled = (f"{'.'.join(map(str, place))}: {sample.name}" for place, sample in self._filled_places(edits))
        return f"{self.of}.{self.name}({', '.join(filled)})"

    def _filled_places(self, edits: Edits) -> list[tuple[Place, Sample]]:
        if not self.places:
            return []
        named = {self.places[number % len(self.places)]: sample for number, sample in edits}
        return sorted(named.items(), key=lambda item: len(item[0]))


def _places(value: object, place: Place = ()) -> Iterator[Place]:
    if place:
        yield place
    inner: Sequence[tuple[Any, object]] = ()
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    for name, item in inner:
        yield from _places(item, (*place, name))


def _filled(value: Any, place: Place, sample: Sample) -> Any:
    """Return a copy of a value with a sample in a place; the value itself where an edit took that place away."""
    if not place:
        return sample.make(value)
    name = place[0]
    is_there = name in value if type(value) is dict else type(value) is list and type(name) is int and name < len(value)
    if not is_there:
        return value
    copy = value.copy()
    copy[name] = _filled(value[name], place[1:], sample)
    return copy


OPERATIONS = tuple(
    PublicOperation(of, name, good, tuple(_places(good)))
    for of, table in TABLES.items()
    for name, good in table.items()
)
"""All of them, in the order of the tables."""
