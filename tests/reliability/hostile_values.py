"""Values that no caller should hand in: strangers, extremes, disguises, and whatever Hypothesis thinks of.

A `Sample` makes its value when it is used, from the good value of its place, and is shown by a name: nobody may
compare, hash or print what it makes, Hypothesis included.
"""

import enum
import itertools
from collections import ChainMap, OrderedDict, UserDict, UserList, UserString, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import attrs
from hypothesis import strategies as st

from ledger_core import Fee, Head, Order, OrderDetails, Side
from reliability.disguises import (
    EFFECTS,
    METHODS_MAX,
    Hostile,
    UnspeakableError,
    disguised,
    endless,
    raising,
    saying,
)
from support import START


@attrs.frozen
class Sample:
    """A value by its name; `make` is given the good value of the place."""

    name: str
    make: Callable[[Any], Any] = attrs.field(eq=False, repr=False)


def _without_good(make: Callable[[], Any], _good: object) -> Any:
    return make()


def _always(**values: Callable[[], Any]) -> tuple[Sample, ...]:
    return tuple(Sample(name, partial(_without_good, make)) for name, make in values.items())


# -- strangers ----------------------------------------------------------------------------------------------------


class Faceless(Hostile):
    """Raises when it is asked for anything at all, its class included."""

    def __getattribute__(self, name: str) -> Any:
        raise UnspeakableError


class Yes:
    """Says yes to everything."""

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = saying(lie=True)
    __hash__ = __len__ = __int__ = __index__ = saying(1)
    __iter__ = endless

    def __getattr__(self, name: str) -> Any:
        return self

    __call__ = __getitem__ = __getattr__


class _NamelessClass(type):
    __hash__ = __eq__ = __instancecheck__ = __subclasscheck__ = raising(RuntimeError("this class does nothing"))
    __name__ = property(raising(RuntimeError("no name")))


class Nameless(metaclass=_NamelessClass):
    """Its very class cannot be named, hashed or compared."""


class NamelessText(str, metaclass=_NamelessClass):
    """A text of such a class."""

    __slots__ = ()


class VouchedText(str):
    """A text that says of itself that it is short and printable, which it is not."""

    __slots__ = ()
    isprintable = saying(lie=True)
    __len__ = saying(1)


class HashedOnce:
    """Hashes once, as the key of a mapping must, and never again."""

    def __init__(self) -> None:
        """Wait for the first time."""
        self._hashes = 0

    def __hash__(self) -> int:
        self._hashes += 1
        if self._hashes > 1:
            raise UnspeakableError
        return hash("symbol")


class EndlessMapping(Mapping[str, Any]):
    """Has ever more keys."""

    __iter__ = endless

    def __getitem__(self, key: str) -> Any:
        return "x"

    def __len__(self) -> int:
        return 1


class ChangingMapping(Mapping[str, Any]):
    """Is good when it is read first, and holds nonsense from then on."""

    def __init__(self, good: Mapping[str, Any]) -> None:
        """Wait for the first reading."""
        self._good = good
        self._reads = 0

    def __iter__(self) -> Iterator[str]:
        self._reads += 1
        return iter([*self._good, "nonsense"] if self._reads > 1 else list(self._good))

    def __getitem__(self, key: str) -> Any:
        return self._good[key] if self._reads < 2 else Hostile()

    def __len__(self) -> int:
        return len(self._good)


class Zone(tzinfo):
    """A time zone whose offset is what it is told to be."""

    def __init__(self, offset: Callable[[], Any]) -> None:
        """Ask for the offset at each use."""
        self._offset = offset

    def utcoffset(self, _moment: datetime | None) -> Any:
        """Return whatever it is."""
        return self._offset()

    dst = utcoffset

    def tzname(self, _moment: datetime | None) -> str:
        """Return a name."""
        return "nowhere"


class Colour(enum.Enum):
    """An enum that is none of ours."""

    RED = "BUY"


@attrs.frozen
class Strange:
    """An attrs value that is none of ours."""

    symbol: object = "ACME"
    colour: object = "red"


class FalseAttrs:
    """Says that it is an attrs class, of which nothing is true."""

    __attrs_attrs__ = 5


class PoisonedDetails(OrderDetails):
    """An attrs value of ours, a field of which raises."""

    quantity = property(raising(RuntimeError("no quantity")))


def pretender(kind: type) -> Any:
    """Return an object that says that it is of a class, as mocks do, and has nothing of it."""
    return type("Pretender", (), {"__class__": property(saying(kind))})()


def order_of(anything: Any) -> Order:
    """Return an order of ours whose every field holds the same."""
    details = OrderDetails(symbol=anything, side=Side.BUY, order_type=anything, quantity=anything)
    return Order(
        sequence=anything, version=1, order_id=anything, details=details, placed_at=anything, recorded_at=anything
    )


def nested(depth: int, *, lists: bool) -> Any:
    """Return something so many levels deep."""
    value: Any = "x"
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    return value


def shared(levels: int) -> Any:
    """Return lists in lists, few of them, that are many when they are written out."""
    value: Any = ["x", "x"]
    for _ in range(levels):
        value = [value, value]
    return {"a": value}


def _in_itself(container: Any) -> Any:
    container.update(metadata=container) if isinstance(container, dict) else container.append(container)
    return container


def _coroutine() -> Any:
    async def wait() -> None:
        """Do nothing."""

    made = wait()
    made.close()  # else Python would complain that nobody awaited it
    return made


_ANY: Any = Hostile()
_PRETENDED = (
    str,
    int,
    float,
    bool,
    Decimal,
    datetime,
    date,
    dict,
    list,
    tuple,
    set,
    OrderDetails,
    Fee,
    Head,
    Side,
    Order,
)
_LONG, _LIST, _DICT = "x" * 1_000_000, ["x"] * 50_000, dict.fromkeys(map(str, range(20_000)), "1")
_DEEP_LIST, _DEEP_DICT = nested(20_000, lists=True), nested(20_000, lists=False)

# fmt: off
STRANGERS: tuple[Sample, ...] = (
    *_always(
        hostile=Hostile, faceless=Faceless, yes=Yes, nameless=Nameless, nameless_text=lambda: NamelessText("BUY"),
        an_object=object, vouched_surrogate=lambda: VouchedText("\ud800"), vouched_nul=lambda: VouchedText("a\0"),
        vouched_length=lambda: VouchedText(_LONG), a_class=lambda: OrderDetails, a_type=lambda: type, a_function=lambda: lambda *_: None,
        none=lambda: None, ellipsis=lambda: ..., an_error=lambda: ValueError("x"), mock=Mock,
        mock_of_text=lambda: Mock(spec=str), mock_of_details=lambda: Mock(spec=OrderDetails), generator=lambda: (x for x in ("o1",)),
        endless=endless, an_iterator=lambda: iter(["o1"]), counter=itertools.count, coroutine=_coroutine,
        a_range=lambda: range(3), long_range=lambda: range(10**12), data=lambda: b"BUY", bytearray=lambda: bytearray(b"x"),
        enum=lambda: Colour.RED, path=lambda: PurePosixPath("x"), namespace=SimpleNamespace, fraction=lambda: Fraction(1, 3),
        imaginary=lambda: 1j, duration=lambda: timedelta(1), clock_time=lambda: time(9), user_text=lambda: UserString("o1"),
        user_list=lambda: UserList(["o1"]), false_attrs=FalseAttrs, strange_attrs=Strange,
        poisoned_attrs=lambda: PoisonedDetails.__new__(PoisonedDetails), false_fee=lambda: Fee(_ANY, _ANY),
        false_head=lambda: Head(_ANY, _ANY), unhashable_head=lambda: Head([], {}),  # type: ignore[arg-type]  # that is the point
        head_of_text=lambda: Head("1", 1), head_elsewhere=lambda: Head(10**30, "zz"),  # type: ignore[arg-type]  # that is the point
        false_order=lambda: order_of(Hostile()), order_of_text=lambda: order_of("first"), order_of_none=lambda: order_of(None),
    ),
    *(Sample(f"pretended {kind.__name__}", partial(_without_good, partial(pretender, kind))) for kind in _PRETENDED),
)
EXTREMES: tuple[Sample, ...] = _always(
    nan=lambda: float("nan"), infinity=lambda: float("inf"), decimal_nan=lambda: Decimal("NaN"), signalling_nan=lambda: Decimal("sNaN"),
    decimal_infinity=lambda: Decimal("-Infinity"), huge_decimal=lambda: Decimal("1E+999999"), tiny_decimal=lambda: Decimal("1E-999999"),
    long_decimal=lambda: Decimal("1" * 5_000), minus_zero=lambda: Decimal("-0.0"), huge_int=lambda: 10**6000, int_64=lambda: 2**63,
    int_65=lambda: 2**64, minus_int_64=lambda: -(2**63), a_float=lambda: 0.1, true=lambda: True, false=lambda: False, zero=lambda: 0,
    minus_one=lambda: -1, float_text=lambda: "1e400", int_text=lambda: "1" * 39, wide_digits=lambda: "\uff11\u0663", blank=lambda: "",
    space=lambda: " ", nul=lambda: "a\0b", escape=lambda: "\x1b[2J", newline=lambda: "o1\n", surrogate=lambda: "\ud800",
    low_surrogate=lambda: "a\udfff", right_to_left=lambda: "\u202eo1", unassigned=lambda: "\U000e0fff", byte_order_mark=lambda: "\ufeffo1",
    long_text=lambda: _LONG, text_128=lambda: "x" * 128, text_129=lambda: "x" * 129, text_1001=lambda: "x" * 1001,
    wide_text=lambda: "\U0001f9ff" * 128, naive=lambda: START.replace(tzinfo=None), first=lambda: datetime.min.replace(tzinfo=UTC),
    last=lambda: datetime.max.replace(tzinfo=UTC), before_first=lambda: datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    after_last=lambda: datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), zone_of_none=lambda: START.replace(tzinfo=Zone(saying(None))),
    zone_of_text=lambda: START.replace(tzinfo=Zone(saying("+1"))), zone_of_days=lambda: START.replace(tzinfo=Zone(saying(timedelta(days=3)))),
    zone_raises=lambda: START.replace(tzinfo=Zone(raising(UnspeakableError()))), zone_refuses=lambda: START.replace(tzinfo=Zone(raising(ValueError(_ANY)))),
    zone_of_a_microsecond=lambda: START.replace(tzinfo=Zone(saying(timedelta(microseconds=1)))), first_day=lambda: date.min,
    last_day=lambda: date.max, week_text=lambda: "2026-W01-1", time_text=lambda: "2026-01-05T09:00:00.123456789Z", empty_list=list,
    empty_dict=dict, empty_tuple=tuple, long_list=lambda: _LIST, large_dict=lambda: _DICT, a_set=lambda: {"o1", 1, None},
    list_in_itself=lambda: _in_itself([]), dict_in_itself=lambda: _in_itself({}), shared=lambda: shared(12),
    deep_list=lambda: _DEEP_LIST, deep_dict=lambda: _DEEP_DICT, depth_16=lambda: nested(16, lists=False),
    depth_17=lambda: nested(17, lists=True), endless_mapping=EndlessMapping, tuple_keys=lambda: {("a", "b"): 1, (): 2},
    none_key=lambda: {None: None}, nan_key=lambda: {float("nan"): 1}, mixed_keys=lambda: {1: 1, "1": 2}, dunder_keys=lambda: {"__class__": str},
    user_dict=lambda: UserDict(symbol=1), chain_map=lambda: ChainMap({"symbol": 1}), default_dict=lambda: defaultdict(list),
    ordered_dict=lambda: OrderedDict(symbol="ACME"), read_only_dict=lambda: MappingProxyType({"symbol": 1}),
)
# fmt: on


# -- around the good value ----------------------------------------------------------------------------------------


def _as_mapping(good: object) -> dict[str, Any]:
    is_one = isinstance(good, dict) and all(isinstance(key, str) for key in good)
    return dict(good) if is_one else {"symbol": good}  # type: ignore[call-overload]  # it was looked at


AROUND: tuple[Sample, ...] = (
    Sample("it, changing", lambda good: ChangingMapping(_as_mapping(good))),
    Sample("it in a list", lambda good: [good]),
    Sample("it twice", lambda good: [good, good]),
    Sample("it in a tuple", lambda good: (good,)),
    Sample("it as a key", lambda good: {good: good} if isinstance(good, str) else {"symbol": good}),
    Sample("it as text", str),
    Sample("it and a key that is hashed once", lambda good: {**_as_mapping(good), HashedOnce(): 1}),
    Sample("it and a key that lies", lambda good: {**_as_mapping(good), disguised("nonsense", EFFECTS[12], 1): 1}),
    Sample("its keys, hostile", lambda good: dict.fromkeys(_as_mapping(good), Hostile())),
    Sample("its keys, faceless", lambda good: dict.fromkeys(_as_mapping(good), Faceless())),
    Sample("its values in lists", lambda good: {name: [value] for name, value in _as_mapping(good).items()}),
    Sample("hostile in a list", lambda _good: [Hostile(), Faceless()]),
    Sample("none in a list", lambda _good: [None]),
    Sample("its keys as attributes", lambda good: SimpleNamespace(**_as_mapping(good))),
    Sample("it, read-only", lambda good: MappingProxyType(_as_mapping(good))),
)

_TEXT = st.text(st.characters(), max_size=20)
_KNOWN = ("o1", "o2", "o3", "t1", "f1", "r1", "ACME", "BUY", "SELL", "LIMIT", "USD", "X", "1", "10", "99.5", "new")
_LEAVES = st.one_of(
    _TEXT, st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=9), st.decimals(), st.datetimes(),
    st.dates(), st.sampled_from(_KNOWN), st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes))).map(START.astimezone),
)  # fmt: skip
PLAIN = st.one_of(
    _LEAVES,
    st.lists(_LEAVES, max_size=3),
    st.dictionaries(st.one_of(_TEXT, st.sampled_from(("symbol", "quantity", "price"))), _LEAVES, max_size=3),
).map(lambda value: Sample(repr(value)[:200], lambda _good: value))
DISGUISES = st.tuples(st.sampled_from(EFFECTS), st.integers(0, METHODS_MAX - 1)).map(
    lambda drawn: Sample(f"it, a method of which {drawn[0].name} ({drawn[1]})", lambda good: disguised(good, *drawn))
)
SAMPLES = st.one_of(PLAIN, DISGUISES, st.sampled_from((*STRANGERS, *EXTREMES, *AROUND)))
"""Any of them."""
