"""When a life is killed: soon after it has told that it is about to open, to commit, to copy the WAL.

The process is not stopped at these places: it tells, goes on, and is killed some random microseconds later, by
someone else, wherever it is then.
"""

import random
import signal
import sqlite3
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import attrs

from ledger_storage_sqlite import statements
from reliability.kill_zygote import FAILED, THROUGH, WAIT, Hung, Life, Teller, Told

OPENING: Final = "o"
COMMIT: Final = "c"
COMMITTED: Final = "C"
CHECKPOINT: Final = "k"
CURSOR: Final = "u"
"""Told before a commit, after it, before the WAL is copied, before a subscriber's cursor is stored."""

_TOLD_BEFORE: Final = {
    statements.COMMIT: COMMIT,
    statements.CHECKPOINT_PASSIVE: CHECKPOINT,
    statements.CHECKPOINT_TRUNCATE: CHECKPOINT,
    statements.ADVANCE_CURSOR: CURSOR,
}


class _TellingConnection(sqlite3.Connection):
    """A connection that tells of what it is about to do."""

    teller: Teller

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        word = _TOLD_BEFORE.get(sql)
        if word is not None:
            self.teller.tell(word)
        cursor = super().execute(sql, *parameters)
        if word == COMMIT:
            self.teller.tell(COMMITTED)
        return cursor


def tell_of_statements(teller: Teller) -> None:
    """Let every SQLite connection that this process opens from here on tell of what it does."""
    _TellingConnection.teller = teller
    sqlite3.connect = partial(sqlite3.connect, factory=_TellingConnection)  # type: ignore[assignment]  # overloaded


@attrs.frozen
class Moment:
    """`delay` seconds after the life has told the word for the `count`-th time."""

    name: str
    word: str
    count: int
    delay: float


@attrs.frozen
class Kind:
    """A kind of moment: of `weight` in the draw, after 1 to `count_max` words, within `span` seconds."""

    name: str
    word: str
    weight: int
    count_max: int
    span: float

    def drawn(self, generator: random.Random) -> Moment:
        """Return a moment of this kind."""
        return Moment(self.name, self.word, generator.randint(1, self.count_max), generator.uniform(0, self.span))


def draw(kinds: Sequence[Kind], generator: random.Random) -> Moment:
    """Return a moment of one of the kinds."""
    (kind,) = generator.choices(kinds, [kind.weight for kind in kinds])
    return kind.drawn(generator)


@attrs.frozen
class Death:
    """What a life told, all of it, and how it ended."""

    told: tuple[Told, ...]
    is_killed: bool
    failure: str | None = None

    @property
    def is_through(self) -> bool:
        """Whether the life came to the end of its program before it was killed."""
        return any(one.word == THROUGH for one in self.told)


def live_until(life: Life, moment: Moment | None) -> Death:
    """Listen to a life and kill it at the moment, or collect it if it ends before; without a moment it runs through."""
    told: list[Told] = []
    seen = 0
    deadline = time.monotonic() + WAIT
    while moment is None or seen < moment.count:
        one = life.next(max(0.0, deadline - time.monotonic()))
        if (one is None and not life.is_silent) or time.monotonic() >= deadline:
            life.abort()
            raise Hung(f"a life was not through, and at {moment}, after {WAIT:.0f} s; its last words: {told[-3:]}")
        if one is None:
            break
        told.append(one)
        seen += moment is not None and one.word == moment.word
    if life.is_silent or moment is None:
        told += life.collect()
    else:
        time.sleep(moment.delay)
        told += life.kill()
    return Death(tuple(told), life.code == -signal.SIGKILL, _failure(told, life.code))


def _failure(told: Sequence[Told], code: int | None) -> str | None:
    for one in told:
        if one.word == FAILED:
            return one.content.decode()
    return None if code in (0, -signal.SIGKILL) else f"a life ended with exit code {code}"
