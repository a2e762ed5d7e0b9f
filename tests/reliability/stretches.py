"""A stretch of a life: a few steps from a known content of the disk on, and what is right to say in each of them.

What fails in a stretch is the campaigns' matter. A stretch begins with a new file, with one that was closed well, or
with what a crash left; its caller has been told of the steps before.
"""

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs

from ledger_core import StrategyLedger
from ledger_core.changes import Head
from ledger_core.model import Record
from ledger_storage_memory import MemoryRepository
from ledger_storage_sqlite import _writer, open_repository
from reliability.disk import Damage, Disk, Recorder, moments
from reliability.image import Image
from reliability.oracle import Left, Reference
from reliability.os_calls import adapter_watched
from reliability.power_cuts import known_by_heart, scratch, url_in
from reliability.simulation import same_time_of_migrations
from reliability.vfs import Observer, Shim
from reliability.workload import STRATEGY, Outcome, StepClock, leave_step, run_step

LENGTH = 12
"""How many steps the life has of which a stretch is taken."""

STEPS = 3
"""How many steps a stretch has."""

CHECKPOINT_ROWS = 12
"""A few steps, so that most stretches have a checkpoint."""

PARAMETERS = "?busy_timeout=0"
"""Nobody else is there: whoever had to wait would wait for a lock that was never released."""

_ANSWER_MAX = 200  # characters of an answer that a violation cites


class Start(StrEnum):
    """What a stretch begins with."""

    NEW = "a new file"
    CLOSED = "a file that was closed"
    CRASHED = "a file after a crash"


@attrs.frozen
class Answers:
    """What a ledger says of a moment in its life."""

    head: Head
    orders: Sequence[Record]
    positions: Sequence[Record]
    quarantined: Sequence[Record]

    @classmethod
    def of(cls, ledger: StrategyLedger) -> "Answers":
        """Ask a ledger everything."""
        return cls(**{question: ask(ledger) for question, ask in QUESTIONS.items()})


QUESTIONS: Mapping[str, Callable[[StrategyLedger], Any]] = {
    "head": StrategyLedger.head,
    "orders": lambda ledger: list(ledger.find_orders()),
    "positions": StrategyLedger.get_open_positions,
    "quarantined": StrategyLedger.quarantined,
}


@attrs.frozen
class Right:
    """What is right: `answers[i]` after i steps, `outcomes[i]` for who gives step i, and for who gives it again.

    `left[i]` are the answers after the block of step i, a batch, was left by an error.
    """

    answers: tuple[Answers, ...]
    outcomes: tuple[tuple[Outcome, Outcome], ...]
    left: Mapping[int, Answers]

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, seed: int, length: int, left: Left = ()) -> "Right":
        """Give each step twice to the memory adapter; leave some before."""
        reference, clock = Reference.of(seed, length), StepClock()
        ledger = StrategyLedger(MemoryRepository(strategy_id=STRATEGY), clock=clock)
        answers, outcomes = [Answers.of(ledger)], []
        answers_left: dict[int, Answers] = {}
        for step in reference.steps:
            if step.number in dict(left):
                leave_step(ledger, clock, step, dict(left)[step.number])
                answers_left[step.number] = Answers.of(ledger)
            outcomes.append((run_step(ledger, clock, step), run_step(ledger, clock, step)))
            answers.append(Answers.of(ledger))
        return cls(tuple(answers), tuple(outcomes), answers_left)

    def mistake(self, question: str, answer: object, acknowledged: int, attempted: int) -> str | None:
        """Return what is wrong with an answer, given by one who was told of some steps and attempted some more."""
        states = [*self.answers[acknowledged : attempted + 1], *filter(None, [self.left.get(acknowledged)])]
        allowed = [getattr(state, question) for state in states]
        if answer in allowed:
            return None
        said, right = (str(one)[:_ANSWER_MAX] for one in (answer, allowed[0]))
        return f"wrong: after {acknowledged} steps the ledger says of {question}: {said}, not: {right}"


@attrs.frozen
class Stretch:
    """A few steps of a seed's life, and the disk before them."""

    seed: int
    start: Start
    reference: Reference
    right: Right
    image: Image | None  # None: an empty folder
    acknowledged: int  # steps, before the stretch
    attempted: int
    end: int  # the first step behind it

    def lay(self, folder: Path) -> None:
        """Make a folder's files those with which it begins; folders in it stay."""
        if self.image is not None:
            self.image.write_to(folder)
            return
        for left in folder.iterdir():
            if left.is_file():
                left.unlink()


def stretch_of(seed: int, start: Start, steps: int = STEPS) -> Stretch:
    """Return a seed's stretch of so many steps; what it begins with is made by the shipped adapter."""
    generator = random.Random(f"stretch {seed}")
    reference, right = Reference.of(seed, LENGTH), Right.of(seed, LENGTH)
    if start is Start.NEW:
        return Stretch(seed, start, reference, right, None, 0, 0, steps)
    with scratch() as made:
        folder, recorder = Path(made), Recorder()
        disk = Disk(folder)
        last = generator.randint(3, LENGTH - steps)
        _live(reference, last, folder, recorder)
        if start is Start.CLOSED:
            image = Disk(folder).image(Damage.KEEP, generator)
            return Stretch(seed, start, reference, right, image, last, last, last + steps)
        events = len(recorder.trace)
        chosen = generator.randint(events // 2, events - 1)
        damage = Damage.KEEP if generator.random() < 0.5 else generator.choice(list(Damage))
        for moment in moments(recorder, disk):
            if moment.number == chosen:
                image = disk.image(damage, generator)
                _ = image.files  # made now: the disk goes on
                acknowledged = moment.acknowledged
                return Stretch(
                    seed, start, reference, right, image, acknowledged, moment.attempted, acknowledged + steps
                )
    raise AssertionError("the moment is one of the trace")


def _live(reference: Reference, steps: int, folder: Path, recorder: Recorder) -> None:
    clock = StepClock()
    with (
        patch.object(_writer, "CHECKPOINT_ROWS", CHECKPOINT_ROWS),
        adapter_watched(recorder, seed=reference.seed),
        StrategyLedger(open_repository(url_in(folder), strategy_id=STRATEGY), clock=clock) as ledger,
    ):
        for step in reference.steps[:steps]:
            recorder.attempted = step.number + 1
            run_step(ledger, clock, step)
            recorder.acknowledged = step.number + 1


@contextmanager
def quiet() -> Iterator[None]:
    """Write no log: it would tell of each fault."""
    loggers = [logging.getLogger(name) for name in ("ledger_core", "ledger_storage_sqlite")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def rehearsed(stretch: Stretch, observer: Observer) -> Iterator[tuple[Path, Shim]]:
    """Prepare a folder, and all that makes the same life do the same I/O."""
    with (
        scratch() as folder,
        quiet(),
        known_by_heart(stretch.reference),
        same_time_of_migrations(),
        patch.object(_writer, "CHECKPOINT_ROWS", CHECKPOINT_ROWS),
        adapter_watched(observer, seed=stretch.seed) as shim,
    ):
        yield Path(folder), shim
