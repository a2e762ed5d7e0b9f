"""Frozen values: records that are made and changed quickly, and JSON objects frozen to the last leaf.

A frozen attrs class sets each field of a new instance through a call, because its own `__setattr__` refuses; with
thirty fields that is most of what making a record costs. Here an instance is filled while it belongs to a twin of its
class, which has the same slots and refuses nothing; it is of its frozen class before anybody sees it. The functions
that do so are written out field by field, as attrs writes the methods of its classes.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

import attrs

P = ParamSpec("P")
T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Give a frozen attrs class with slots an `__init__` that makes no call for each field; nothing else changes.

    It is written when the first instance is made: a program has many of these classes and uses few. Threads that make
    the first ones together write the same. The class has no slot for weak references: beside one, Python 3.11 takes no
    two classes for the same layout.
    """
    target = cast(Any, cls)
    original = target.__init__

    def first(self: Any, *values: Any, **named: Any) -> None:
        made = _quick_init(target, original)
        target.__init__ = _like(made, original, target)
        made(self, *values, **named)

    target.__init__ = _like(first, original, target)
    return cls


def _like(made: Any, original: Any, cls: type) -> Any:
    """Give an `__init__` the looks of the one it stands for."""
    made.__name__, made.__doc__, made.__qualname__ = "__init__", original.__doc__, original.__qualname__
    made.__module__, made.__annotations__, made.__wrapped__ = cls.__module__, original.__annotations__, original
    return made


def _quick_init(cls: Any, original: Any) -> Any:
    """Write the `__init__` of a class out, with the parameters of the original."""
    parameters, names = _parameters(original)
    names |= {"twin": _twin(cls), "cls": cls, "become": object.__setattr__}
    body = ["become(self, '__class__', twin)"]
    for field in _fields(cls):
        assert not isinstance(field.default, cast(type, attrs.Factory)), "a default that all instances can share"
        names[f"convert_{field.name}"] = field.converter
        if not field.init:
            names[field.name] = field.default
        value = field.name if field.converter is None else f"convert_{field.name}({field.name})"
        body.append(f"self.{field.name} = {value}")
    return written(f"__init__(self, {', '.join(parameters)})", [*body, "self.__class__ = cls"], names)


def replaced(record: T, values: Mapping[str, Any]) -> T:
    """Return the attrs value with other fields, as `attrs.evolve` does; converters are not called."""
    cls: Any = type(record)
    copy: T = _copier(cls)(record)
    for name, value in values.items():
        setattr(copy, name, value)
    copy.__class__ = cls
    return copy


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """Return a function that makes what calling the class makes, for a third of its cost; converters are not called.

    A call of a class goes a long way round through C to its `__init__`; a function is entered at once.
    """
    original = cast(Any, cls).__init__
    parameters, names = _parameters(original)
    names |= {"twin": _twin(cast(Any, cls)), "cls": cls}
    body = ["made = twin()"]
    for field in _fields(cast(type, cls)):
        assert field.init, "a class that is made whole"
        body.append(f"made.{field.name} = {field.name}")
    made = written(f"made({', '.join(parameters)})", [*body, "made.__class__ = cls", "return made"], names)
    made.__qualname__ = original.__qualname__
    return cast(Callable[P, T], made)


def unfinished(cls: type[T], *fields: str) -> Callable[..., T]:
    """Return a function that makes an instance with these fields alone: `__getattr__` of the class makes the rest."""
    body = ["made = twin()", *(f"made.{name} = {name}" for name in fields), "made.__class__ = cls", "return made"]
    names = {"twin": _twin(cast(Any, cls)), "cls": cls}
    return cast(Callable[..., T], written(f"make({', '.join(fields)})", body, names))


def finish(record: object, name: str, value: object) -> None:
    """Set a field of a frozen value that was left unfinished."""
    object.__setattr__(record, name, value)


def differences(cls: type[T]) -> Callable[[T, T], dict[str, Any]]:
    """Return a function of two instances: the fields of the second that are not equal to the first's, by name."""
    body = ["differing = {}"]
    for field in _fields(cls):
        body.append(f"value, known = after.{field.name}, before.{field.name}")
        body.append(f"if value is not known and value != known: differing[{field.name!r}] = value")
    return cast(Callable[[T, T], dict[str, Any]], written("found(before, after)", [*body, "return differing"], {}))


def given(cls: type[T], *left_out: str) -> Callable[[T], dict[str, Any]]:
    """Return a function that gives the fields of an instance which are not at their default, but for those left out."""
    body, names = ["values = {}"], dict[str, Any]()
    for field in _fields(cls):
        name = field.name
        if name in left_out:
            continue
        names[f"default_{name}"] = field.default
        body.append(f"value = record.{name}")
        put = f"values[{name!r}] = value"
        is_required = field.default is attrs.NOTHING
        body.append(put if is_required else f"if value is not default_{name} and value != default_{name}: {put}")
    return cast(Callable[[T], dict[str, Any]], written("found(record)", [*body, "return values"], names))


@cache
def _copier(cls: Any) -> Any:
    """Return a function that copies every field of an instance into a twin."""
    body = [f"copy.{field.name} = record.{field.name}" for field in _fields(cls)]
    return written("copied(record)", ["copy = twin()", *body, "return copy"], {"twin": _twin(cast(Any, cls))})


@cache
def _twin(cls: Any) -> type:
    """Return a class of the same layout whose instances can be changed, and can become instances of `cls`."""
    assert "__weakref__" not in vars(cls)["__slots__"], f"{cls.__name__} has a slot for weak references"
    # Each of these would otherwise be that of a frozen base.
    plain = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(cls.__name__, cls.__bases__, {"__slots__": vars(cls)["__slots__"], **plain})


def _parameters(function: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the parameters of an `__init__` as they are written, and the defaults that they name."""
    written: list[str] = []
    defaults: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in written:
            written.append("*")
        default = "" if parameter.default is parameter.empty else f"=default_{parameter.name}"
        defaults[f"default_{parameter.name}"] = parameter.default
        written.append(parameter.name + default)
    return written, defaults


def _fields(cls: type) -> tuple[Any, ...]:
    return tuple(attrs.fields(cls))


def written(head: str, body: list[str], names: dict[str, Any]) -> Any:
    """Return the function with this head and these lines, which speak of `names`."""
    exec("\n    ".join([f"def {head}:", *body]), names)  # of field names of our own classes alone
    return names[head.partition("(")[0]]


class FrozenDict(dict[str, Any]):
    """A dict whose every mutator raises TypeError; `json` and `==` treat it as the dict that it is."""

    __slots__ = ()

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("a record's JSON object is frozen; copy it with dict(...) to change it")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # frozen, so hashable by content
        """Hash by content."""
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy as a plain dict would, without calling a mutator."""
        return (FrozenDict, (dict(self),))


EMPTY = FrozenDict()
"""The frozen object without members."""


def freeze(value: Any) -> Any:
    """Return the JSON value with its objects and arrays frozen, all the way down."""
    if isinstance(value, Mapping):
        return FrozenDict({key: freeze(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item) for item in value)
    return value
