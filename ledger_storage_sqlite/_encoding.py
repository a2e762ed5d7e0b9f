"""A record becomes the parameters of a statement by a function that is written out for them, column by column.

It writes values that are of just their field's type and nothing else: whatever is unlike that makes it raise, and the
record is looked at again by the codec, which says what is wrong with it.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn, cast

from ledger_core._frozen import FrozenDict, written
from ledger_core.model import Record

Bound = str | int | None
"""What is bound to a statement; never a float, which STRICT TEXT would take as text without a word."""

Convert = Callable[[Any], Any]


class Source(NamedTuple):
    """Where in a record the value of a column is, of what type it is, and how that is written."""

    path: str  # `details.symbol`: the field `symbol` inside the field `details`
    python_type: type
    convert: Convert | None


def encoder(sources: Sequence[Source | Convert]) -> Callable[[Record], tuple[Bound, ...]]:
    """Return a function of a record that gives a parameter for each source; it raises where a type is not as it is.

    What is no source is computed: it is called with the record.
    """
    names: dict[str, Any] = {"refuse": _refuse}
    values = []
    for place, source in enumerate(sources):
        if isinstance(source, Source):
            values.append(_value(source, str(place), names))
        else:
            names[f"compute_{place}"] = source
            values.append(f"compute_{place}(record)")
    has_details = any(isinstance(source, Source) and "." in source.path for source in sources)
    body = [*(["details = record.details"] if has_details else []), f"return ({', '.join(values)},)"]
    return cast(Callable[[Record], tuple[Bound, ...]], written("encode(record)", body, names))


def _value(source: Source, place: str, names: dict[str, Any]) -> str:
    """Return the expression for a parameter; `names` takes what the expression speaks of."""
    value = source.path if "." in source.path else f"record.{source.path}"
    kind, convert = f"type_{place}", f"convert_{place}"
    names[kind] = FrozenDict if source.python_type is Mapping else source.python_type
    names[convert] = source.convert
    if source.convert is None:
        return f"(value if (value := {value}) is None or type(value) is {kind} else refuse(value))"
    if issubclass(source.python_type, StrEnum):
        return f"(None if (value := {value}) is None else value._value_ if type(value) is {kind} else refuse(value))"
    return f"(None if (value := {value}) is None else {convert}(value) if type(value) is {kind} else refuse(value))"


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{value!r} is not of its column's type")
