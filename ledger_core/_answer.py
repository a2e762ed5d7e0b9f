"""Answers that are no records: frozen values which can be written as JSON, numbers and times as text."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from ledger_core.numbers import Price, decimal_text, price_text, time_text


class Answer:
    """What every answer of this kind can do."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: numbers, times and durations (in seconds) as text, tuples as lists."""
        return _fields(self)


def _fields(answer: Any) -> dict[str, Any]:
    found = {}
    for field in attrs.fields(type(answer)):
        value = getattr(answer, field.name)
        is_price = field.type in (Price, Price | None) and value is not None
        found[field.name] = price_text(value) if is_price else _json(value)
    return found


def _json(value: Any) -> Any:
    match value:
        case None | bool() | int():
            return value
        case Decimal():
            return decimal_text(value)
        case datetime():
            return time_text(value)
        case timedelta():
            return decimal_text(Decimal(value // timedelta(microseconds=1)).scaleb(-6))
        case StrEnum():
            return value.value
        case str():
            return value
        case tuple():
            return [_json(item) for item in value]
        case _:
            return _fields(value)
