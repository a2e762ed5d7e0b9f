"""What reads and writes the values of each class of ours as JSON: cattrs, and a hook for what it does not know.

What is made for a class is made when one of it is first read or written; a thread that comes at the same moment makes
the same.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ledger_core._frozen import FrozenDict, freeze
from ledger_core.commands import COMMAND_TYPES, AdjustmentDetails, Correction, FillDetails, TradeDetails
from ledger_core.model import (
    RECORD_TYPES,
    CashFlow,
    Execution,
    Fee,
    Opening,
    OrderChanges,
    OrderDetails,
    Split,
    StatusReport,
    TradeLeg,
)
from ledger_core.numbers import Price, decimal_text, load_date, load_decimal, load_time, price_text, time_text

Json = Any
"""What `json` reads and writes: dict, list, str, int, bool, None (and float inside a caller's metadata)."""

STORED_ELSEWHERE = frozenset({"requests"})
"""What no record or body needs twice: the parts of an order that are stored in records of their own."""


def _converter() -> Converter:
    # The first error is enough, and of a damaged list of a million items the only one that is affordable.
    converter = Converter(detailed_validation=False)
    converter.register_unstructure_hook(Decimal, decimal_text)
    converter.register_unstructure_hook_func(lambda hint: hint is Price, price_text)
    converter.register_structure_hook(Decimal, lambda text, _: load_decimal(text))
    converter.register_unstructure_hook(datetime, time_text)
    converter.register_structure_hook(datetime, lambda text, _: load_time(text))
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_structure_hook(date, lambda text, _: load_date(text))
    converter.register_unstructure_hook(StrEnum, lambda word: word._value_)
    converter.register_unstructure_hook_func(lambda hint: hint == Mapping[str, Any], lambda value: value)
    converter.register_structure_hook_func(lambda hint: hint == Mapping[str, Any], lambda value, _: freeze(value))
    converter.register_structure_hook_func(
        lambda hint: hint == Mapping[str, Decimal],
        lambda value, _: FrozenDict({name: load_decimal(text) for name, text in value.items()}),
    )
    converter.register_structure_hook_func(
        lambda hint: hint == Mapping[str, str], lambda value, _: FrozenDict({**value})
    )
    # What may be left out is read by the hook of what it is: cattrs would ask for that hook at every value.
    converter.register_structure_hook_factory(_is_optional, lambda hint: _optional(converter, hint))
    converter.register_structure_hook_factory(_is_list, lambda hint: _list(converter, hint))

    # Kept here too: cattrs forgets all that it was given whenever it makes something itself, and each takes long.
    @cache
    def structure(cls: type[Any]) -> Callable[[Json, Any], Any]:
        return make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **_omitted(cls))

    @cache
    def unstructure(cls: type[Any]) -> Callable[[Any], Json]:
        return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **_omitted(cls))

    converter.register_structure_hook_factory(_CLASSES.__contains__, structure)
    converter.register_unstructure_hook_factory(_CLASSES.__contains__, unstructure)
    return converter


_CLASSES: frozenset[object] = frozenset(
    {
        *(Fee, CashFlow, Split, Opening, OrderDetails, OrderChanges, StatusReport, Execution, TradeLeg),
        *(FillDetails, TradeDetails, Correction, AdjustmentDetails),
        *RECORD_TYPES.values(),
        *COMMAND_TYPES.values(),
    }
)


def _omitted(cls: type[Any]) -> dict[str, Any]:
    return {name: override(omit=True) for name in STORED_ELSEWHERE & set(attrs.fields_dict(cls))}


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and len(get_args(hint)) == 2 and NoneType in get_args(hint)


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is tuple and get_args(hint)[1:] == (Ellipsis,)


def _list(converter: Converter, hint: Any) -> Callable[[Json, Any], Any]:
    (member, _) = get_args(hint)
    hook = converter.get_structure_hook(member)
    return lambda items, _: tuple([hook(item, member) for item in items])


def _optional(converter: Converter, hint: Any) -> Callable[[Json, Any], Any]:
    (member,) = (one for one in get_args(hint) if one is not NoneType)
    hook = converter.get_structure_hook(member)
    return lambda value, _: None if value is None else hook(value, member)


CONVERTER = _converter()


def dumper(hint: Any) -> Callable[[Any], Json] | None:
    """Return what writes a value of this type that is not None; None where it is written as it is."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    if hint in (str, int, bool):
        return None
    return CONVERTER.get_unstructure_hook(hint)


def loader(hint: Any) -> Callable[[Json], Any]:
    """Return what reads a value of a type that records have; it raises whatever it likes for one that does not fit."""
    if _is_optional(hint):
        (member,) = (one for one in get_args(hint) if one is not NoneType)
        load = loader(member)
        return lambda value: None if value is None else load(value)
    if hint in _LOADS:
        return _LOADS[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    hook = CONVERTER.get_structure_hook(hint)
    return lambda value: hook(value, hint)


# As cattrs reads them, and as the hooks above do, without a call of either.
_LOADS: Mapping[Any, Callable[[Json], Any]] = {
    str: str,
    int: int,
    bool: bool,
    Decimal: load_decimal,
    Price: load_decimal,
    datetime: load_time,
    date: load_date,
}
