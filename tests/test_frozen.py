"""Frozen values made quickly: nobody can tell them from those that attrs makes, nor change them."""

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from ledger_core._frozen import (
    EMPTY,
    FrozenDict,
    differences,
    finish,
    freeze,
    given,
    maker,
    quick,
    replaced,
    unfinished,
)


def tripled(value: int) -> int:
    """Convert a value."""
    return value * 3


def plain() -> type:
    """Return a class as attrs makes it."""

    @attrs.frozen(weakref_slot=False)
    class Value:
        """A value."""

        first: int
        second: int = attrs.field(default=2, converter=tripled)
        third: tuple[int, ...] = attrs.field(default=(), kw_only=True)
        fourth: int = attrs.field(default=7, init=False)

    return Value


@attrs.frozen(kw_only=True, weakref_slot=False)
class Whole:
    """A value all of whose fields are given."""

    name: str
    count: int = attrs.field(default=2, converter=tripled)
    items: tuple[int, ...] = ()

    def doubled(self) -> int:
        """Return twice the count."""
        return 2 * self.count


@attrs.frozen(weakref_slot=False)
class Lazy:
    """A value whose length is counted when it is first asked for."""

    text: str
    length: int

    def __getattr__(self, name: str) -> Any:
        """Count it."""
        if name != "length":
            raise AttributeError(name)
        finish(self, "length", len(self.text))
        return self.length


@pytest.mark.parametrize(
    "arguments", [((1,), {}), ((1, 5), {}), ((), {"first": 1, "third": (3,)}), ((1,), {"second": 4, "third": (1, 2)})]
)
def test_a_quick_value_is_made_as_attrs_makes_it(arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    """From the first one on: by place or by name, converted, with its defaults."""
    values, named = arguments
    expected: Any = plain()
    made: Any = quick(plain())
    for _ in range(2):
        assert attrs.asdict(made(*values, **named)) == attrs.asdict(expected(*values, **named))
        assert type(made(*values, **named)) is made


@pytest.mark.parametrize("arguments", [((), {}), ((1, 2, 3), {}), ((1,), {"fifth": 1}), ((1,), {"fourth": 1})])
def test_a_quick_value_refuses_what_attrs_refuses(arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    """Too few, too many, by place what goes by name, and what it does not know."""
    values, named = arguments
    made: Any = quick(plain())
    for _ in range(2):
        with pytest.raises(TypeError):
            made(*values, **named)
        assert made(1).first == 1


def test_a_quick_value_is_frozen() -> None:
    """It was another while it was made; nobody sees that."""
    made: Any = quick(plain())
    value = made(1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.first = 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del value.first
    assert (value.first, value) == (1, made(1))
    assert hash(value) == hash(made(1))


def test_a_quick_class_looks_like_the_one_it_was() -> None:
    """Its signature, its names and its documentation are those of attrs, before and after the first value."""
    expected: Any = plain()
    made: Any = quick(plain())
    for _ in range(2):
        assert inspect.signature(made) == inspect.signature(expected)
        for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__"):
            assert getattr(made.__init__, name) == getattr(expected.__init__, name)
        made(1)
    assert "<locals>" in made.__init__.__qualname__


def test_a_value_is_replaced_as_attrs_evolves_it() -> None:
    """But for the converter: what is put in is what it has; the one before stays as it was."""
    before = Whole(name="a", count=1)
    after = replaced(before, {"count": 5, "items": (1,)})
    assert (after.name, after.count, after.items, after.doubled()) == ("a", 5, (1,), 10)
    assert before == Whole(name="a", count=1)
    assert type(after) is Whole
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        after.name = "b"  # type: ignore[misc]  # that is the point
    with pytest.raises(AttributeError):
        replaced(before, {"no_such_field": 1})


def test_a_maker_makes_what_the_class_makes_without_converting() -> None:
    """With its parameters and its defaults."""
    make = maker(Whole)
    made = make(name="a", count=3)
    assert made == Whole(name="a", count=1)
    assert type(made) is Whole
    assert make(name="b").count == 2
    assert make.__qualname__ == "Whole.__init__"
    untyped: Callable[..., Any] = make
    for wrong in ({}, {"name": "a", "other": 1}):
        with pytest.raises(TypeError):
            untyped(**wrong)
    with pytest.raises(TypeError):
        untyped("a")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.count = 4  # type: ignore[misc]  # that is the point


def test_what_is_left_unfinished_is_made_when_it_is_asked_for() -> None:
    """And kept: the value is frozen all the same."""
    lazy = unfinished(Lazy, "text")("four")
    assert type(lazy) is Lazy
    assert lazy.length == 4
    assert lazy == Lazy("four", 4)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        lazy.length = 5  # type: ignore[misc]  # that is the point


def test_differences_are_the_fields_that_are_not_equal() -> None:
    """As the second has them."""
    found = differences(Whole)
    one = Whole(name="a", count=1, items=(1,))
    assert found(one, one) == {}
    assert found(one, Whole(name="a", count=1, items=(1,))) == {}
    assert found(one, Whole(name="b", count=2)) == {"name": "b", "count": 6, "items": ()}


def test_what_is_given_is_what_is_not_at_its_default() -> None:
    """A field without a default always is; those that are left out never are."""
    assert given(Whole)(Whole(name="a")) == {"name": "a", "count": 6}
    assert given(Whole)(maker(Whole)(name="a")) == {"name": "a"}
    assert given(Whole, "name", "items")(Whole(name="a", items=(1,))) == {"count": 6}


def test_frozen_objects_are_equal_by_content() -> None:
    """However deep, and to the plain ones; lists come back as tuples."""
    frozen = freeze({"a": [1, {"b": (2,)}], "c": "x"})
    assert frozen == {"a": (1, {"b": (2,)}), "c": "x"}
    assert type(frozen["a"][1]) is FrozenDict
    assert hash(frozen) == hash(freeze({"c": "x", "a": (1, {"b": [2]})})) != hash(EMPTY)
    assert freeze("text") == "text"
    with pytest.raises(TypeError, match="frozen"):
        frozen["a"] = 1
