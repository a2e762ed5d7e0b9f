"""Row 5: the writer is killed by `kill -9` at random moments, again and again, and nothing acknowledged is lost.

A life goes on with the first step that was not acknowledged before, which may have become durable all the same. What
it acknowledges it tells before the next step begins. After each death the file is looked at as it lies there, by the
oracle: mostly by a reader that changes nothing, so that one death comes on top of the other, now and then by a
writer, which recovers the file. When a workload is through, its journal is the reference's; the next seed starts on
a new file.
"""

import hashlib
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from ledger_core import StorageError, StrategyLedger
from ledger_storage_memory import MemoryRepository
from ledger_storage_sqlite import _writer, open_repository
from reliability.campaign import Campaign, Tally
from reliability.kill_moments import CHECKPOINT, COMMIT, OPENING, Death, Kind, draw, live_until, tell_of_statements
from reliability.kill_zygote import Hung, Teller, Zygote
from reliability.oracle import Reference, violations
from reliability.workload import STRATEGY, Outcome, Step, StepClock, run_step, steps_of

BEGUN: Final = "b"
ACKNOWLEDGED: Final = "a"
"""Told with the number of a step, before it is given to the ledger and after the ledger has returned."""

CHECKPOINT_ROWS = 12
"""So many rows a checkpoint, a few steps, so that many a life dies in one."""

KILLS: Final = "kills"

LIVES_MAX = 500
"""A workload that is not through after so many lives makes no progress."""

KINDS = (
    Kind("while opening", OPENING, weight=2, count_max=1, span=0.006),
    Kind("in or after a commit", COMMIT, weight=4, count_max=12, span=0.001),
    Kind("in or after a checkpoint", CHECKPOINT, weight=4, count_max=3, span=0.002),
    Kind("at any moment", OPENING, weight=2, count_max=1, span=0.05),
)

WARM_UP = "reliability.kills:warm_up"


def warm_up() -> None:
    """Use everything once that a life uses, without opening a file."""
    import sqlite_utils  # noqa: F401  # what the adapter imports to make a file

    clock = StepClock()
    with StrategyLedger(MemoryRepository(strategy_id=STRATEGY), clock=clock) as ledger:
        for step in steps_of(0):
            run_step(ledger, clock, step)


def trade(teller: Teller, url: str, seed: int, first: int) -> None:
    """Be a writer: go on with the workload from a step on, to its end, and close."""
    _writer.CHECKPOINT_ROWS = CHECKPOINT_ROWS
    tell_of_statements(teller)
    teller.tell(OPENING)
    clock = StepClock()
    with StrategyLedger(open_repository(url, strategy_id=STRATEGY), clock=clock) as ledger:
        for step in steps_of(seed)[first:]:
            teller.tell(BEGUN, step.number)
            outcome = run_step(ledger, clock, step)
            teller.tell(ACKNOWLEDGED, step.number, digest_of(outcome))


def digest_of(outcome: Outcome) -> bytes:
    """Return a few bytes by which an outcome is known."""
    return hashlib.sha256("\n".join(outcome).encode()).digest()[:8]


def _is_answered_once(step: Step) -> bool:
    """Say whether the step is answered otherwise when it is given again, though it changes nothing."""
    return step.is_batch or step.commands[0].method == "resolve_quarantined"


class Workload:
    """One seed's workload on one file, however many lives it takes."""

    program = "reliability.kills:trade"
    kinds: tuple[Kind, ...] = KINDS

    def __init__(self, zygote: Zygote, folder: Path, seed: int, program: str | None = None) -> None:
        """Start with no file."""
        self.reference = Reference.of(seed)
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.is_through = False
        self.head = 0  # of the journal, when it was looked at last
        self._zygote = zygote
        self._program = program or self.program
        self._url = f"sqlite:///{folder / 'ledger.db'}"
        self._seed = seed
        self._generator = random.Random(f"kills of {seed}")
        self._lives = 0
        self._acknowledged = 0  # so many steps
        self._attempted = 0

    def live(self, *, to_the_end: bool = False) -> None:
        """Live once, and look at what is left."""
        self._lives += 1
        moment = None if to_the_end else draw(self.kinds, self._generator)
        life = self._zygote.start(self._program, url=self._url, seed=self._seed, first=self._acknowledged)
        death = live_until(life, moment)
        if death.is_killed and moment is not None:
            self.counts[KILLS] += 1
            self.counts[moment.name] += 1
        if death.failure is not None:
            self.blame(death.failure)
        if self._lives >= LIVES_MAX:
            self.blame(f"no end after {LIVES_MAX} lives")
        self.is_through = death.is_through
        self._hear(death)
        self._look(recovering=self.is_through or self._generator.random() < 0.15)
        self.judge(death)

    def judge(self, death: Death) -> None:
        """Judge a life beyond what it has left in the file."""

    def blame(self, violation: str) -> None:
        """Note a violation."""
        self.violations.append(f"seed {self._seed}, life {self._lives}: {violation}")

    def _hear(self, death: Death) -> None:
        for told in death.told:
            if told.word == BEGUN:
                self._attempted = max(self._attempted, told.number + 1)
            elif told.word == ACKNOWLEDGED:
                self._acknowledged = told.number + 1
                step = self.reference.steps[told.number]
                expected = digest_of(self.reference.outcomes[told.number])
                if told.content != expected and not _is_answered_once(step):
                    self.blame(f"step {told.number} ({step.commands[0].method}) was not answered as by the reference")

    def _look(self, *, recovering: bool) -> None:
        try:
            repository = open_repository(self._url, strategy_id=STRATEGY, read_only=not recovering)
        except StorageError as error:
            # A file that was never finished need not be readable: nothing in it was acknowledged.
            if recovering or self.reference.heads[self._acknowledged] > 0:
                self.blame(f"the file cannot be opened: {type(error).__name__}: {error}")
            return
        try:
            for violation in violations(repository, self.reference, self._acknowledged, self._attempted):
                self.blame(violation)
            self.head = repository.head().sequence
            if self.head > self.reference.heads[self._acknowledged]:
                self.counts["deaths with a commit that nobody was told of"] += 1
        except StorageError as error:
            self.blame(f"the file cannot be read: {type(error).__name__}: {error}")
        finally:
            repository.close()


def run_workloads(
    kind: type[Workload], first_seed: int, amount: int, deadline: float | None, program: str | None = None
) -> Tally:
    """Kill so many times, seed after seed, or until something is violated; the last workload is let run to its end."""
    tally = Tally(0, first_seed)
    with (
        Zygote(program or kind.program, warm_up=WARM_UP) as zygote,
        tempfile.TemporaryDirectory(prefix="kills-") as folder,
    ):
        while tally.done < amount and not tally.violations and (deadline is None or time.monotonic() < deadline):
            seed = tally.next_seed
            place = Path(folder) / str(seed)
            place.mkdir()
            workload = kind(zygote, place, seed, program)
            try:
                while not workload.is_through and not workload.violations:
                    workload.live(to_the_end=tally.done + workload.counts[KILLS] >= amount)
            except Hung as hung:
                workload.blame(str(hung))
            done = workload.counts.pop(KILLS, 0)
            tally = tally.plus(Tally(done, seed + 1, tuple(workload.violations), dict(workload.counts)))
            shutil.rmtree(place)
    return tally


def run(first_seed: int, amount: int, deadline: float | None = None) -> Tally:
    """Kill a writer so many times."""
    return run_workloads(Workload, first_seed, amount, deadline)


CAMPAIGN = Campaign(
    name="kills",
    row="5",
    promise="kill -9 of the writer at random moments loses nothing acknowledged, stores nothing that nobody gave, tears nothing",
    unit="kills",
    quick=20,
    ci=500,
    whole=20_000,
    run=run,
)
