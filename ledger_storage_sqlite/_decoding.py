"""A row becomes a record by a function that is written out for its table, column by column.

It reads what we write and nothing else: whatever is unlike that makes it raise, and the row is read again by the
codec, which knows every exception to the rule and says of a damaged row what is wrong with it.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NamedTuple, NoReturn, Union, cast, get_args, get_origin

import attrs

from ledger_core._frozen import unfinished
from ledger_core._hooks import loader
from ledger_core.codec import load_json
from ledger_core.model import OrderDetails, Record

NO_ITEMS = "[]"
"""What an empty tuple is stored as."""

NO_MEMBERS = "{}"
"""What an empty mapping is stored as."""


class Place(NamedTuple):
    """Where a column's value belongs: into a field of the record, or of the order's details."""

    column: str
    field: str
    nested: bool
    is_json: bool


def decoder(cls: type[Record], places: Sequence[Place]) -> Callable[[Sequence[Any]], Record]:
    """Return a function of a row that has these columns, which raises whatever it likes for one it cannot read."""
    names: dict[str, Any] = {}
    outer = {place.field: place for place in places if not place.nested}
    inner = {place.field: place for place in places if place.nested}
    body = [f"{', '.join(place.column for place in places)}, = row"]
    if inner:
        body.append(f"details = {_made(OrderDetails, inner, names)}")
    body.append(f"return {_made(cls, outer, names)}")
    exec("\n    ".join(["def decode(row):", *body]), names)  # of the names of our own columns and fields alone
    return cast(Callable[[Sequence[Any]], Record], names["decode"])


def _made(cls: type[Any], places: Mapping[str, Place], names: dict[str, Any]) -> str:
    """Return the expression that makes an instance; `names` takes what the expression speaks of."""
    values = []
    fields = attrs.fields(attrs.resolve_types(cls))
    for field in fields:
        if field.name in places:
            values.append(_value(places[field.name], field, names))
        elif field.default is attrs.NOTHING:
            values.append(field.name)  # made beforehand: the details
        else:
            names[f"default_{field.name}"] = field.default
            values.append(f"default_{field.name}")
    names[f"make_{cls.__name__}"] = unfinished(cls, *(field.name for field in fields))
    return f"make_{cls.__name__}({', '.join(values)})"


def _value(place: Place, field: Any, names: dict[str, Any]) -> str:
    """Return the expression for a field's value: of NULL its default, and an error where it has none."""
    column, hint = place.column, field.type
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    read, default = f"read_{column}", f"default_{column}"
    if hint in (str, int):
        names[read] = _refuse
        value = f"({column} if type({column}) is {hint.__name__} else {read}({column}))"
    elif hint is bool:
        names[read] = {0: False, 1: True}
        value = f"{read}[{column}]"
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        names[read] = {member.value: member for member in hint}
        value = f"{read}[{column}]"
    else:
        names[read] = _json(hint) if place.is_json else loader(hint)
        value = f"{read}({column})"
    if field.default is attrs.NOTHING:
        return value
    names[default] = field.default
    empty = NO_ITEMS if field.default == () else NO_MEMBERS if field.default == {} else None
    is_default = f"{column} is None or {column} == {empty!r}" if empty else f"{column} is None"
    return f"{default} if {is_default} else {value}"


def _json(hint: Any) -> Callable[[str], Any]:
    load = loader(hint)
    return lambda text: load(load_json(text))


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{value!r} is not what is written there")
