"""Plain values out of what callers hand in, without trusting any of it.

A stranger's object may say that it is of another class, raise at every touch or never end. So its type is looked at,
not what it says of itself; of a subclass the value is taken as its base class has it, without a call of the
subclass's own methods; and what is iterated over is iterated over once, and so far as is wanted.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from ledger_core.errors import InvalidValue

KEYS_MAX = 100_000
"""The most keys of one mapping."""


def native(value: Any) -> object:
    """Return a text, number, time or date of a subclass as a plain one, and any other value as it is."""
    kind = type(value)
    if kind is str or kind is Decimal or kind is int or kind is datetime or kind is bool:
        return value
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, Decimal):
        return Decimal(value)
    if issubclass(kind, datetime):
        return datetime.combine(datetime.date(value), datetime.timetz(value))
    if issubclass(kind, date):
        return date.fromordinal(date.toordinal(value))
    return value


def is_mapping(value: object) -> bool:
    """Say whether a value is a mapping by its type."""
    kind = type(value)
    if issubclass(kind, dict):
        return True
    try:
        return issubclass(kind, Mapping)
    except Exception:  # noqa: BLE001  # the class of a class may raise anything
        return False


def taken(given: Any, argument: str, *, at_most: int) -> tuple[Any, ...]:
    """Return the items of something; raise InvalidValue where they cannot be read or are too many."""
    try:
        items = tuple(islice(given, at_most + 1))
    except Exception as error:  # noqa: BLE001  # a list of the caller's own may raise anything when it is read
        raise InvalidValue(f"{argument} cannot be read: {said(error)}", argument=argument, value=given) from None
    if len(items) > at_most:
        raise InvalidValue(f"{argument} has more than {at_most} items, at most so many are taken", argument=argument)
    return items


def pairs_of(given: Any, argument: str) -> Iterator[tuple[Any, Any]]:
    """Generate the keys of a mapping, each with its value; whatever reading a value raises passes through."""
    for name in taken(given, argument, at_most=KEYS_MAX):
        yield name, given[name]


def kind_of(value: object) -> str:
    """Return the name of a value's class, as far as it has one."""
    try:
        return str(type(value).__name__)
    except Exception:  # noqa: BLE001  # the class of a class may raise anything
        return "something without a name"


def said(error: Exception) -> str:
    """Return what an error of the caller's own code says, as far as it says anything."""
    try:
        return str(error) or kind_of(error)
    except Exception:  # noqa: BLE001  # an error may raise when it is asked what it is
        return kind_of(error)
