"""The canonical JSON of a change, by functions that are written out for what it sets, field by field.

They write what `codec.canonical_json` writes of `codec.dump_change`, to the byte, at half its cost: no document is made
for it, no names are sorted, and no encoder is started. A value that is not of its field's type goes the long way.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin

import attrs

from ledger_core._frozen import written
from ledger_core._hooks import Json, dumper
from ledger_core.changes import Change
from ledger_core.model import RECORD_TYPES, OrderDetails, RecordKind
from ledger_core.numbers import Price, decimal_text, price_text, time_text

Write = Callable[[Any], str]


def _encoder() -> Write:
    """Return what writes any JSON, without the third of its time in which an encoder prepares itself at every call."""
    encoder = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
    )
    make = cast(Any, json.encoder).c_make_encoder
    if make is None:  # a Python without the accelerator
        return encoder.encode
    escaped = json.encoder.encode_basestring  # as JSONEncoder takes it
    chunks = make(None, encoder.default, escaped, None, ":", ",", True, False, False)
    return lambda value: "".join(chunks(value, 0))


json_text = _encoder()
"""Writes a JSON value: sorted keys, no spaces, no character escaped that need not be."""

quote = json.encoder.encode_basestring
"""Writes a text as JSON."""


def change_text(change: Change) -> str:
    """Return the canonical JSON of a change, without what is empty."""
    values, key = change.values, change.key
    start, middle, end = _frame(change.kind, change.event_type, change.from_state, change.status, change.to_state)
    facts = f'"facts":{json_text(change.facts)},' if change.facts else ""
    key_text = quote(key[0]) if len(key) == 1 else ",".join([quote(part) for part in key])
    values_text = _values_writer(change.kind, tuple(values))(values)
    return f'{start}{facts}{middle}{key_text}{end}{values_text},"version":{change.version}}}'


@lru_cache(maxsize=1024)
def _frame(
    kind: RecordKind, event_type: str | None, from_state: str | None, status: str | None, to_state: str | None
) -> tuple[str, str, str]:
    """Return what stands before the facts of a change, between them and its key, and between that and its values."""
    told, came, is_now, became = (
        f'"{name}":{quote(word)},' if word else ""
        for name, word in (
            ("event_type", event_type),
            ("from_state", from_state),
            ("status", status),
            ("to_state", to_state),
        )
    )
    return f"{{{told}", f'{came}"key":[', f'],"kind":{quote(kind)},{is_now}{became}"values":'


_BOOLEANS = {True: "true", False: "false"}


@lru_cache(maxsize=1024)
def _values_writer(kind: RecordKind, names: Sequence[str]) -> Callable[[Mapping[str, Any]], str]:
    """Return the function that writes values of just these fields of a kind."""
    hints = {field.name: field.type for field in attrs.fields(attrs.resolve_types(RECORD_TYPES[kind]))}
    used: dict[str, Any] = {}
    members = [f'"{name}":{{{_expression(name, hints[name], used)}}}' for name in sorted(names)]
    body = [*(f"{name} = values[{name!r}]" for name in names), f"return f'{{{{{','.join(members)}}}}}'"]
    return cast(Callable[[Mapping[str, Any]], str], written("text(values)", body, used))


def _object_writer(cls: type) -> Write:
    """Return the function that writes an attrs value as an object, without what is at its default."""
    used: dict[str, Any] = {}
    body = ["parts = []"]
    for field in sorted(attrs.fields(attrs.resolve_types(cls)), key=lambda field: field.name):
        name = field.name
        body.append(f"{name} = value.{name}")
        condition = ""
        if field.default is not attrs.NOTHING:
            used[f"default_{name}"] = field.default
            condition = f"if {name} is not default_{name} and {name} != default_{name}: "
        body.append(f"{condition}parts.append(f'\"{name}\":{{{_expression(name, field.type, used)}}}')")
    body.append("return '{' + ','.join(parts) + '}'")
    return cast(Write, written("text(value)", body, used))


def _expression(name: str, hint: Any, used: dict[str, Any]) -> str:
    """Return the expression that writes the value which `name` stands for; `used` takes what the expression names.

    No text in it is in quotes of either kind: it stands inside of one.
    """
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    dump = dumper(hint)
    used["null"], used[f"other_{name}"] = "null", _other(dump)
    other = f"null if {name} is None else other_{name}({name})"
    kind = hint
    if hint in _TEXTS:
        kind, text = _TEXTS[hint]
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        text = {word: quote(word) for word in hint}.__getitem__
    elif hint is OrderDetails:
        text = _object_writer(hint)
    else:
        return other
    used[f"type_{name}"], used[f"text_{name}"] = kind, text
    return f"text_{name}({name}) if type({name}) is type_{name} else {other}"


def _other(dump: Callable[[Any], Json] | None) -> Write:
    return json_text if dump is None else lambda value: json_text(dump(value))


def strings_text(value: tuple[str, ...]) -> str:
    """Return a list of texts as JSON."""
    try:
        return f"[{','.join([quote(text) for text in value])}]"
    except TypeError:  # there is something else among them
        return json_text(value)


def _decimal_json(value: Decimal) -> str:
    return f'"{decimal_text(value)}"'


def _price_json(value: Decimal) -> str:
    return f'"{price_text(value)}"'


def _time_json(value: datetime) -> str:
    return f'"{time_text(value)}"'


# Of what type a value of each hint is, and what writes it.
_TEXTS: Mapping[Any, tuple[type, Write]] = {
    str: (str, quote),
    int: (int, int.__repr__),
    bool: (bool, _BOOLEANS.__getitem__),
    tuple[str, ...]: (tuple, strings_text),
    Decimal: (Decimal, _decimal_json),
    Price: (Decimal, _price_json),
    datetime: (datetime, _time_json),
}
