"""Finding orders and executions inside the documents of a venue: envelopes, pages, lists, messages of a stream.

A document is any JSON value. What is recognised as a record is read by its shape; around it may stand anything.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import attrs

from ledger_interop.importing.facts import AnyFact, Message
from ledger_interop.importing.fields import Fields, NotUnderstood
from ledger_interop.importing.shapes import Defaults, FillShape, OrderShape, PartlyUnderstood, read_fill, read_order

DEPTH_MAX = 16
"""How deep records are looked for inside a document."""
KEY, UP = "_key", "_up"
"""What a record is given beside its own fields: the name it stands under, and what it stands in."""

Reader = Callable[[Fields, Defaults], tuple[AnyFact, ...]]


@attrs.frozen
class Record:
    """A kind of record: by which fields it is known, and how it is read."""

    what: str
    known_by: tuple[str, ...]
    read: Reader | OrderShape | FillShape
    unless: tuple[str, ...] = ()
    test: Callable[[Fields], bool] | None = None

    def fits(self, fields: Fields) -> bool:
        """Whether a mapping is such a record."""
        if not fields.has(*self.known_by) or any(name in fields for name in self.unless):
            return False
        return self.test is None or self.test(fields)

    def facts_of(self, fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
        """Return what a record says."""
        match self.read:
            case OrderShape():
                return read_order(fields, self.read, defaults)
            case FillShape():
                return read_fill(fields, self.read, defaults)
            case _:
                return self.read(fields, defaults)


@attrs.frozen
class Aside:
    """What a document may be that says nothing of an order, and by which fields it is known."""

    known_by: tuple[str, ...]
    reason: str


def messages_in(
    document: Any, place: str, records: Sequence[Record], asides: Sequence[Aside], defaults: Defaults
) -> Iterator[Message]:
    """Generate a message for each record of a document; one that has none says why it is passed over, or a problem."""
    number = 0
    for record, fields in _records(document, "", {}, records, DEPTH_MAX):
        number += 1
        where = place if number == 1 else f"{place}, record {number}"
        yield read_message(where, record, Fields(fields, defaults.zone), defaults)
    if number == 0:
        reason = _aside(document, asides, DEPTH_MAX)
        what = _what(document)
        if reason is None and _is_empty(document, DEPTH_MAX):
            reason = "nothing is in it"
        if reason is None:
            yield Message(place, what, problem="neither an order nor an execution of one is in it")
        else:
            yield Message(place, what, passed_over=reason)


def read_message(place: str, record: Record, fields: Fields, defaults: Defaults) -> Message:
    """Return a record as a message, with a problem where it cannot be read."""
    try:
        facts = record.facts_of(fields, defaults)
    except PartlyUnderstood as error:
        return Message(place, record.what, error.facts, problem=str(error))
    except NotUnderstood as error:
        return Message(place, record.what, problem=str(error))
    if not facts:
        return Message(place, record.what, passed_over="it says nothing of an order")
    return Message(place, record.what, facts)


def _records(
    value: Any, key: str, up: dict[str, Any], records: Sequence[Record], depth: int
) -> Iterator[tuple[Record, Any]]:
    if depth == 0:
        return
    if value is not None and not isinstance(value, (list, dict, str, int, float, Decimal)):
        fields = Fields(value)  # an object of a library
        found = next((record for record in records if record.fits(fields)), None)
        if found is not None:
            yield found, value
        return
    if isinstance(value, list):
        for item in value:
            yield from _records(item, key, up, records, depth - 1)
    elif isinstance(value, dict):
        node = {**value, KEY: key, UP: up}
        fields = Fields(node)
        found = next((record for record in records if record.fits(fields)), None)
        if found is not None:
            yield found, node
            return
        for name, item in value.items():
            if isinstance(item, (dict, list)):
                yield from _records(item, str(name), node, records, depth - 1)


def _aside(value: Any, asides: Sequence[Aside], depth: int) -> str | None:
    if depth == 0:
        return None
    if isinstance(value, list):
        return next((found for item in value if (found := _aside(item, asides, depth - 1)) is not None), None)
    if not isinstance(value, dict):
        return None
    fields = Fields(value)
    found = next((one.reason for one in asides if fields.has(*one.known_by)), None)
    if found is not None:
        return found
    return next((found for item in value.values() if (found := _aside(item, asides, depth - 1)) is not None), None)


def _is_empty(value: Any, depth: int) -> bool:
    """Whether a document holds lists and mappings, and all of them are empty."""
    if depth == 0:
        return False
    if isinstance(value, list):
        return all(isinstance(item, (dict, list)) and _is_empty(item, depth - 1) for item in value)
    if isinstance(value, dict):
        inner = [item for item in value.values() if isinstance(item, (dict, list))]
        return not value or (bool(inner) and all(_is_empty(item, depth - 1) for item in inner))
    return False


def _what(value: Any) -> str:
    """Return what to call a document that is not understood: its own word, else the names of its first fields."""
    if isinstance(value, list):
        return _what(value[0]) if value else "an empty list"
    if not isinstance(value, dict):
        return type(value).__name__
    for name in ("e", "event_type", "topic", "channel", "feed", "op", "method", "type", "event"):
        word = value.get(name)
        if isinstance(word, str) and 0 < len(word) <= 60 and word.isprintable():
            return f"{name}={word}"
    return "fields " + ", ".join(str(name)[:30] for name in list(value)[:5]) if value else "an empty object"
