"""Commands of several threads that gather in one group: what each came to, and when."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs

from ledger_core import StrategyLedger
from support.details import limit_order
from support.repositories import FaultyRepository

Call = Callable[[StrategyLedger], Any]

PATIENCE = 15.0
"""Seconds after which what does not come about fails the test."""


@attrs.define
class Outcome:
    """What a call came to; neither, while it is under way."""

    answer: Any = None
    error: BaseException | None = None

    @property
    def is_there(self) -> bool:
        """Whether the caller was told anything."""
        return self.answer is not None or self.error is not None


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; fail after some seconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.0005)


class Gathering:
    """Holds a first command in its append; calls given meanwhile queue, in their order, and are one group then.

    The first command records the order `first`.
    """

    def __init__(self, ledger: StrategyLedger, repository: FaultyRepository) -> None:
        """Start the first command, and return while it is being stored."""
        self._ledger = ledger
        self._repository = repository
        self._go = threading.Event()
        self._threads: list[threading.Thread] = []
        self.outcomes: list[Outcome] = []
        reached = threading.Event()

        def hold() -> None:
            reached.set()
            assert self._go.wait(PATIENCE)

        repository.on_append = hold
        self.first = self._start(lambda held: held.record_order("first", limit_order()))
        assert reached.wait(PATIENCE)

    @property
    def waiting(self) -> int:
        """How many commands are queued."""
        return len(self._ledger._group._waiting)

    def add(self, *calls: Call) -> None:
        """Let a thread of its own give each command; the first of them all will lead."""
        for call in calls:
            queued = self.waiting + 1
            self.outcomes.append(self._start(call))
            wait_until(partial(self._has_queued, queued))

    def release(self, at_write: Callable[[], object] | None = None) -> list[Outcome]:
        """Let the first command be stored, and with it the rest; `at_write` is called in the group's append."""
        self._repository.on_append = at_write
        self._go.set()
        deadline = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
            assert not thread.is_alive(), "a caller was never told"
        return self.outcomes

    def _has_queued(self, count: int) -> bool:
        return self.waiting >= count

    def _start(self, call: Call) -> Outcome:
        outcome = Outcome()

        def run() -> None:
            try:
                outcome.answer = call(self._ledger)
            except BaseException as error:  # noqa: BLE001  # it is what the test looks at
                outcome.error = error

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        return outcome


def in_one_group(
    ledger: StrategyLedger,
    repository: FaultyRepository,
    calls: Sequence[Call],
    at_write: Callable[[], object] | None = None,
) -> list[Outcome]:
    """Give the commands of `calls` in one group, and return what each came to."""
    gathering = Gathering(ledger, repository)
    gathering.add(*calls)
    return gathering.release(at_write)
