"""Calls of mutated functions: each goes to the function as it is, or in a fork to its mutant, at the cost of one call.

mutmut's own way looks at the environment at every call, which makes tests several times as slow.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import attrs
import mutmut.mutation.trampoline as slow
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

AnyFunction = Callable[..., Any]

_ORIGINAL = "_mutmut_orig"
_slow_wrap = slow.wrap_in_trampoline

called: set[str] = state()._stats
"""Which functions were called since it was emptied, by mutmut's names: noted until `settle`."""

_switches: "list[_Switch]" = []


@attrs.frozen
class _Switch:
    """Where the calls of one function go."""

    module: str
    mutants: dict[str, AnyFunction]
    is_classmethod: bool
    turn: Callable[[AnyFunction], None]

    def choose(self, name: str) -> None:
        """Send them to one of its mutants, or to the function as it is."""
        chosen = self.mutants[name]
        self.turn(_bound_to_class(chosen.__name__) if self.is_classmethod else chosen)


def install() -> None:
    """Be asked for instead of mutmut's own; before any mutated module is imported."""
    slow.wrap_in_trampoline = _wrap  # type: ignore[assignment]


def settle() -> None:
    """Note no calls any more."""
    for switch in _switches:
        switch.choose(_ORIGINAL)


def choose(mutant: str) -> None:
    """Send the calls of a mutant's function to the mutant."""
    module, _, name = mutant.rpartition(".")
    for switch in _switches:
        if switch.module == module and name in switch.mutants:
            switch.choose(name)


def _wrap(mutants: dict[str, AnyFunction], is_classmethod: bool = False) -> Callable[[AnyFunction], AnyFunction]:
    def decorate(function: AnyFunction) -> AnyFunction:
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return _slow_wrap(mutants, is_classmethod)(function)

        def note(*args: Any, **kwargs: Any) -> Any:
            name = mutants[_ORIGINAL].__name__
            called.add(f"{function.__module__}.{mangled_name_from_mutant_name(name)}")
            original = _bound_to_class(name) if is_classmethod else mutants[_ORIGINAL]
            return original(*args, **kwargs)

        current: AnyFunction = note

        def turn(chosen: AnyFunction) -> None:
            nonlocal current
            current = chosen

        @wraps(function)
        def trampoline(*args: Any, **kwargs: Any) -> Any:
            return current(*args, **kwargs)

        _switches.append(_Switch(function.__module__, mutants, is_classmethod, turn))
        return trampoline

    return decorate


def _bound_to_class(name: str) -> AnyFunction:
    def call(owner: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(owner, name)(*args, **kwargs)

    return call
