"""Disguises: a good value as a subclass of its own type, one method of which raises, lies or never ends.

A caller's own types are the likeliest trouble: the texts, numbers and times of data libraries, mocks and proxies are
such subclasses, and are honest in all but a few of their methods.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import attrs

STEPS_MAX = 1_500_000
"""So many steps of something endless nobody takes who knows limits; then `NeverEnds` stops it."""


class NeverEnds(BaseException):
    """Raised where somebody goes on and on; no handler of errors takes it for one."""


class UnspeakableError(Exception):
    """An error that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("this error says nothing")

    __repr__ = __str__


def endless(*_: object) -> Iterator[Any]:
    """Generate the same thing for ever."""
    yield from itertools.repeat("symbol", STEPS_MAX)
    raise NeverEnds


def raising(error: Exception) -> Callable[..., Any]:
    """Return what raises an error, whatever it is called with."""

    def raise_it(*_: object, **__: object) -> Any:
        raise error

    return raise_it


def saying(lie: object) -> Callable[..., Any]:
    """Return what always says the same."""
    return lambda *_, **__: lie


class Hostile:
    """Raises at whatever is asked of it."""

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __hash__ = __bool__ = __len__ = __iter__ = __str__ = __repr__ = (
        raising(RuntimeError("this object does nothing that is asked of it"))
    )
    __int__ = __float__ = __index__ = __contains__ = __getitem__ = __fspath__ = __format__ = __call__ = __iter__


@attrs.frozen
class Effect:
    """What a method of a disguise does instead."""

    name: str
    of: Callable[[str], Callable[..., Any]] = attrs.field(eq=False, repr=False)


# fmt: off
_ERRORS: tuple[Exception, ...] = (
    RuntimeError("not that"), UnspeakableError(), ValueError("not that"), KeyError("symbol"), AttributeError("no"),
    StopIteration(), RecursionError("too deep"), MemoryError(), OverflowError("too much"), OSError(2, "no file"),
    UnicodeEncodeError("utf-8", "x", 0, 1, "not that"), TypeError("not so"),
)
_LIES: Mapping[str, object] = {
    "__eq__": True, "__hash__": hash("symbol"), "__bool__": False, "__len__": 1, "__contains__": True, "__lt__": True,
    "__le__": True, "__gt__": True, "__ge__": True, "isprintable": True, "is_finite": True, "bit_length": 1,
    "adjusted": 0, "tzinfo": UTC, "__class__": bool, "timetz": time(1), "year": 10**9, "__getitem__": float("nan"),
}
EFFECTS: tuple[Effect, ...] = (
    *(Effect(f"raises {type(error).__name__}", saying(raising(error))) for error in _ERRORS),
    Effect("lies", lambda method: saying(_LIES.get(method))),
    Effect("says nothing", lambda _: saying(None)),
    Effect("says something hostile", lambda _: saying(Hostile())),
    Effect("never ends", lambda _: endless),
)

_ALL = (
    "__eq__", "__hash__", "__bool__", "__str__", "__repr__", "__format__", "__class__", "__reduce__", "__lt__", "__le__",
    "__gt__", "__ge__",
)
_SIZED = ("__len__", "__iter__", "__contains__", "__getitem__")
METHODS: Mapping[type, tuple[str, ...]] = {
    str: (*_ALL, *_SIZED, "isprintable", "upper", "encode", "partition", "startswith", "strip"),
    int: (*_ALL, "__int__", "__index__", "__float__", "bit_length", "__add__"),
    float: (*_ALL, "__float__", "is_integer"),
    Decimal: (*_ALL, "is_finite", "as_tuple", "adjusted", "normalize", "same_quantum", "__neg__"),
    datetime: (*_ALL, "date", "timetz", "time", "tzinfo", "utcoffset", "astimezone", "isoformat", "year", "replace"),
    date: (*_ALL, "year", "month", "day", "isoformat", "replace"),
    dict: (*_ALL, *_SIZED, "keys", "items", "values", "get", "copy"),
    list: (*_ALL, *_SIZED, "copy", "index"),
}
"""What may be asked of a value of each type that the ledger takes."""
# fmt: on
METHODS_MAX = max(map(len, METHODS.values()))
_ATTRIBUTES = frozenset({"__class__", "tzinfo", "year", "month", "day"})


@lru_cache(maxsize=4096)
def _disguise(base: type, method: str, effect: Effect) -> Any:
    does: Any = effect.of(method)
    return type("Disguise", (base,), {method: property(does) if method in _ATTRIBUTES else does})


def disguised(good: object, effect: Effect, choice: int) -> Any:
    """Return the good value with one bad method; a text where it is of no type that can be disguised."""
    known = (base for base in METHODS if isinstance(good, base) and not isinstance(good, bool))
    base = next(known, str)
    cls = _disguise(base, METHODS[base][choice % len(METHODS[base])], effect)
    if isinstance(good, datetime):
        return cls(good.year, good.month, good.day, good.hour, tzinfo=good.tzinfo)
    if isinstance(good, date):
        return cls(good.year, good.month, good.day)
    return cls(good if isinstance(good, base) else "BUY")
