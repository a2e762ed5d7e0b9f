"""Mutants that live, and why they may: excused.toml says it by what a mutant changes, so that small edits keep it.

An excuse is either that the mutant is equivalent (no caller can tell it from the code), and then it does not count; or
that it is not worth a test, and then it counts as what it is: alive, with the reason for all to see.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import attrs

from mutation.changes import Change

FILE = Path(__file__).with_name("excused.toml")


class Kind(StrEnum):
    """What an excuse says."""

    EQUIVALENT = "equivalent"
    ACCEPTED = "accepted"


@attrs.frozen(kw_only=True)
class Excuse:
    """Which mutants are excused, and why.

    `where` is a module and function, with `*` for any part. `was` and `became` are the changed lines; regular
    expressions where `is_pattern`, else the very text, or empty for any.
    """

    where: str
    was: str = ""
    became: tuple[str, ...] = ()
    kind: Kind
    reason: str
    is_pattern: bool = False

    def covers(self, change: Change) -> bool:
        """Whether this excuse is of this change."""
        if not fnmatch(f"{change.module}.{change.function}", self.where):
            return False
        if self.was and not self._fits(self.was, change.was):
            return False
        return not self.became or any(self._fits(text, change.became) for text in self.became)

    def _fits(self, text: str, found: str) -> bool:
        return re.search(text, found) is not None if self.is_pattern else text == found


def excuses() -> tuple[Excuse, ...]:
    """Return all excuses."""
    rows: list[dict[str, Any]] = tomllib.loads(FILE.read_text("utf-8")).get("excused", [])
    return tuple(_excuse(**row) for row in rows)


def _excuse(*, kind: str, became: Iterable[str] = (), **rest: Any) -> Excuse:
    return Excuse(kind=Kind(kind), became=tuple(became), **rest)


def excuse_for(change: Change, known: Iterable[Excuse]) -> Excuse | None:
    """Return the first excuse that covers a change."""
    return next((excuse for excuse in known if excuse.covers(change)), None)


def unused(changes: Iterable[Change], known: Iterable[Excuse]) -> Iterator[Excuse]:
    """Generate the excuses that excuse nothing: the mutant is killed now, or the code has changed."""
    alive = list(changes)
    for excuse in known:
        if not any(excuse.covers(change) for change in alive):
            yield excuse
