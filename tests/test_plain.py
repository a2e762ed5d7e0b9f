"""Plain values out of what callers hand in: by its type, whatever it says of itself, and none of its own methods."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from ledger_core._plain import is_mapping, kind_of, native, pairs_of, said, taken
from ledger_core.errors import InvalidValue


class Text(str):
    """A text that is shown as another."""

    __slots__ = ()

    def __str__(self) -> str:
        """Lie."""
        return "another"


class Count(int):
    """A count that is another."""

    def __int__(self) -> int:
        """Lie."""
        return -1


class Ratio(float):
    """A number that is another."""

    def __float__(self) -> float:
        """Lie."""
        return -1.0


class Number(Decimal):
    """A decimal of somebody's own."""


class Moment(datetime):
    """A time that is of another day."""

    def date(self) -> date:
        """Lie."""
        return date(1970, 1, 1)


class Day(date):
    """A date that is another."""

    def toordinal(self) -> int:
        """Lie."""
        return 1


class Meta(type):
    """A class that cannot be asked what it is."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]  # that is the point
        """Break."""
        raise RuntimeError("no name")

    def __subclasscheck__(cls, other: type) -> bool:
        """Break."""
        raise RuntimeError("no class")


class Nameless(metaclass=Meta):
    """Something of such a class."""


class Unhashable(type):
    """A class that cannot be looked up."""

    def __hash__(cls) -> int:
        """Break."""
        raise RuntimeError("no hash")


class Lost(metaclass=Unhashable):
    """Something of such a class."""


class Pretender:
    """Something that says it is a dict."""

    @property  # type: ignore[misc]  # that is the point
    def __class__(self) -> type:
        """Lie."""
        return dict


class Members(Mapping[str, int]):
    """A mapping of somebody's own."""

    def __getitem__(self, key: str) -> int:
        """Return the length of the key."""
        return len(key)

    def __iter__(self) -> Iterator[str]:
        """Name some keys."""
        return iter(("a", "bb"))

    def __len__(self) -> int:
        """Count too few of them."""
        return 0


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("x", "x"),
        (Text("x"), "x"),
        (7, 7),
        (True, True),
        (Count(7), 7),
        (0.5, 0.5),
        (Ratio(0.5), 0.5),
        (Decimal("1.50"), Decimal("1.50")),
        (Number("1.50"), Decimal("1.50")),
        (NOON, NOON),
        (Moment(2026, 3, 2, 12, tzinfo=UTC), NOON),
        (date(2026, 3, 2), date(2026, 3, 2)),
        (Day(2026, 3, 2), date(2026, 3, 2)),
        (None, None),
    ],
)
def test_of_a_subclass_the_value_is_taken_as_its_base_has_it(value: object, plain: object) -> None:
    """Whatever its own methods would say."""
    found = native(value)
    assert type(found) is type(plain)
    assert str.__str__(found) == plain if isinstance(found, str) else found == plain


@pytest.mark.parametrize("value", ["x", 7, True, Decimal(1), NOON, object(), b"x", ()])
def test_what_is_plain_already_or_nothing_of_the_kind_stays_as_it_is(value: object) -> None:
    """The very same object."""
    assert native(value) is value


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ({}, True),
        (Members(), True),
        (MappingProxyType({}), True),
        ([], False),
        ("x", False),
        (None, False),
        (Pretender(), False),
        (Lost(), False),
    ],
)
def test_a_mapping_is_known_by_its_type(value: object, is_one: bool) -> None:
    """Not by what it says of itself."""
    assert is_mapping(value) is is_one


def test_items_are_taken_as_far_as_they_are_wanted() -> None:
    """An endless list is read one item beyond that, and refused with its name."""
    read: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            read.append(len(read))
            yield read[-1]

    assert taken([1, 2, 3], "it", at_most=3) == (1, 2, 3)
    with pytest.raises(InvalidValue) as refused:
        taken(endless(), "it", at_most=3)
    assert (refused.value.argument, refused.value.value, read) == ("it", None, [0, 1, 2, 3])


@pytest.mark.parametrize("given", [7, None, object()])
def test_what_has_no_items_is_refused_and_shown(given: object) -> None:
    """By the name of the argument."""
    with pytest.raises(InvalidValue) as refused:
        taken(given, "it", at_most=3)
    assert (refused.value.argument, refused.value.value) == ("it", given)


def test_members_are_read_by_their_keys() -> None:
    """Whatever the mapping says of its length; what reading one raises passes through."""
    assert dict(pairs_of(Members(), "it")) == {"a": 1, "bb": 2}
    with pytest.raises(TypeError):
        list(pairs_of({1, 2}, "it"))
    with pytest.raises(InvalidValue) as refused:
        list(pairs_of(dict.fromkeys(range(100_001)), "it"))
    assert refused.value.argument == "it"
    assert len(list(pairs_of(dict.fromkeys(range(100_000)), "it"))) == 100_000


def test_a_class_without_a_name_has_none() -> None:
    """Everything else is called as its class."""
    named: list[tuple[object, str]] = [(7, "int"), (None, "NoneType"), (Pretender(), "Pretender")]
    for value, name in named:
        assert kind_of(value) == name
    assert kind_of(Nameless()) == "something without a name"


def test_an_error_is_told_in_its_words_or_by_its_class() -> None:
    """Some have none, and some raise when they are asked."""

    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert said(ValueError("because")) == "because"
    assert said(ValueError()) == "ValueError"
    assert said(Silent("x")) == "Silent"
    asked: Any = Silent
    assert kind_of(asked()) == "Silent"
