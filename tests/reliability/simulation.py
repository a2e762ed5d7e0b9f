"""Campaign: a whole life of a ledger on a machine that fails, dies and comes back, told by nothing but its seed.

The caller is as a real one has to be: what is not acknowledged is given again, with the same command id and time,
by the same ledger object, a new one, or after the next start, until all steps are through. Some steps are given
twice. Whenever the ledger was opened, the oracle looks at it.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timezone
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import attrs

from ledger_core import OutcomeUnknown, StorageCorrupt, StorageError, StrategyLedger
from ledger_storage_sqlite import SqliteRepository, _writer, open_repository
from reliability.campaign import Campaign, Tally
from reliability.machine import Machine
from reliability.oracle import Reference, violations
from reliability.os_calls import adapter_watched
from reliability.power_cuts import known_by_heart, scratch, url_in
from reliability.vfs import Observer, Shim
from reliability.workload import STRATEGY, StepClock, run_step
from support.clock import START

_CHECKPOINT_ROWS = (10, 30, _writer.CHECKPOINT_ROWS)
_STEPS = (6, 15)  # how many a life has, from and to
_BEGINS_EMPTY = 0.8  # the share of lives that begin with a ledger without entries; the others make their file
_PATIENCE = 6  # failures in a row, after which the disk is mended
_DEATHS_MAX = 8  # after which the machine lives on
_FAILURES_MAX = 60  # in a row, more than can come of that
_VIOLATIONS_MAX = 5  # of one seed


@attrs.frozen
class Told:
    """What came of a seed."""

    violations: tuple[str, ...]
    trace: str
    counts: dict[str, int]


class Life:
    """A caller that gives a seed's steps to a ledger on a machine."""

    def __init__(self, seed: int, folder: Path, parameters: str = "") -> None:
        """Draw a life; the folder is empty."""
        self._url = url_in(folder, parameters)
        self._random = random.Random(f"simulation {seed}")
        self._reference = Reference.of(seed, self._random.randint(*_STEPS))
        if self._random.random() < _BEGINS_EMPTY:
            for name, content in new_ledger().items():
                (folder / name).write_bytes(content)
        self._clock = StepClock()
        self.machine = Machine(folder, self._random)
        self._shim: Shim | None = None
        self._acknowledged = 0
        self._deaths = 0
        self._failures = 0
        self._is_again = False  # the present step was given before
        self._may_be_stored = False  # it may have been stored by that
        self.found: list[str] = []
        self.counts = {"openings": 0, "steps again": 0, "storage errors": 0}

    def live(self) -> None:
        """Give all steps; then look a last time."""
        seed = self._random.getrandbits(32)
        rows = self._random.choice(_CHECKPOINT_ROWS)
        with (
            patch.object(_writer, "CHECKPOINT_ROWS", rows),
            patch.object(_writer._log, "disabled", True),
            known_by_heart(self._reference),
            same_time_of_migrations(),
            adapter_watched(self.machine, seed=seed) as self._shim,
        ):
            self.machine.start()
            is_over = False
            while not is_over and not self.found:
                try:
                    is_over = self._session()
                except Exception as error:  # noqa: BLE001 - whatever a caller cannot be asked to handle
                    self._complain(f"raised {type(error).__name__}: {error}")
                if left := self._shim.open_paths():
                    self._complain(f"closed, but still open: {left}")
                if not self.machine.is_up:
                    self._deaths += 1
                    self.machine.come_back()
                    self.machine.start(may_die=self._deaths < _DEATHS_MAX)

    def _session(self) -> bool:
        """Open the ledger and give it steps, as long as that goes well; say whether all was done before, and seen."""
        repository = None
        try:
            repository = open_repository(self._url, strategy_id=STRATEGY)
            ledger = StrategyLedger(repository, clock=self._clock)
        except StorageError as error:
            self._failed(error)
            if repository is not None:
                self._close(repository)
            return False
        self.counts["openings"] += 1
        self._look(repository)
        is_over = self._acknowledged == len(self._reference.steps)
        while not is_over and not self.found and self._step(ledger, repository):
            pass
        self._close(ledger)
        return is_over

    def _step(self, ledger: StrategyLedger, repository: SqliteRepository) -> bool:
        """Give the next step; say whether the same ledger is to be given another."""
        steps = self._reference.steps
        if self._acknowledged == len(steps):
            return False
        step = steps[self._acknowledged]
        self.counts["steps again"] += self._is_again
        # What a batch quarantined stays when an error ends it: the journal is right, but not the reference's.
        self.machine.is_spared = step.is_batch and any(" Q-" in told for told in self._reference.outcomes[step.number])
        try:
            outcome = run_step(ledger, self._clock, step)
        except StorageError as error:
            self._failed(error)
            self._is_again = True
            # Any other error says that nothing was written; what a dead machine says, nobody heard.
            self._may_be_stored |= isinstance(error, OutcomeUnknown) or not self.machine.is_up
            if self._random.random() < 0.3:
                self._look(repository)
            return self.machine.is_up and self._random.random() < 0.6
        finally:
            self.machine.is_spared = False
        self._failures = 0
        if not self._is_again and outcome != self._reference.outcomes[step.number]:
            self._complain(f"step {step.number} was answered {outcome}, not {self._reference.outcomes[step.number]}")
        if not self._is_again and self._random.random() < 0.1:
            self._is_again = self._may_be_stored = True
            return True  # what the caller forgets, it gives again
        self._is_again = self._may_be_stored = False
        self._acknowledged += 1
        return self._random.random() < 0.95

    def _failed(self, error: StorageError) -> None:
        self.counts["storage errors"] += 1
        self._failures += 1
        if self._failures > _PATIENCE:
            self.machine.mend()
        if isinstance(error, StorageCorrupt) and self.machine.is_up:
            self._complain(f"calls a sound file damaged: {error}")
        if self._failures > _FAILURES_MAX:
            self._complain(f"fails for ever, on a machine that does not: {type(error).__name__}: {error}")

    def _look(self, repository: SqliteRepository) -> None:
        if not self.machine.is_up:
            return
        self.machine.careful(is_careful=True)
        attempted = self._acknowledged + self._may_be_stored
        try:
            found = violations(repository, self._reference, self._acknowledged, attempted)
        finally:
            self.machine.careful(is_careful=False)
        for violation in found:
            self._complain(violation)

    def _close(self, opened: StrategyLedger | SqliteRepository) -> None:
        with suppress(StorageError):
            opened.close()

    def _complain(self, violation: str) -> None:
        if len(self.found) < _VIOLATIONS_MAX:
            self.found.append(violation)


@contextmanager
def same_time_of_migrations() -> Iterator[None]:
    """Let sqlite-utils note one time at which a schema was made, so that the same seed makes the same file."""
    now = SimpleNamespace(now=lambda _zone: START)
    stand_in = SimpleNamespace(datetime=now, timezone=timezone)
    with patch("sqlite_utils.migrations.datetime", stand_in):
        yield


@cache
def new_ledger() -> Mapping[str, bytes]:
    """Return the files of a ledger without entries."""
    with scratch() as name, same_time_of_migrations(), adapter_watched(Observer()):
        folder = Path(name)
        open_repository(url_in(folder), strategy_id=STRATEGY).close()
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "x.db-shm"}


def simulated(seed: int, folder: Path, parameters: str = "") -> Told:
    """Live a seed's life in a folder, whose files go first; `parameters` are those of the URL."""
    for left in folder.iterdir():
        if left.is_file():
            left.unlink()
    life = Life(seed, folder, parameters)
    life.live()
    found = tuple(f"seed {seed}: {violation}" for violation in life.found)
    return Told(found, life.machine.digest, {**life.machine.counts, **life.counts})


def run(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Live the lives of `amount` seeds."""
    total = Tally(0, first_seed)
    with scratch() as folder:
        while total.done < amount and (deadline is None or time.monotonic() < deadline):
            told = simulated(total.next_seed, Path(folder))
            total = total.plus(Tally(1, total.next_seed + 1, told.violations, told.counts))
    return total


CAMPAIGN = Campaign(
    name="simulation",
    row="2",
    promise="through errors, kills and power cuts a ledger that is given every step again ends as if there were none",
    unit="seeds",
    quick=60,
    ci=3_000,
    whole=200_000,
    run=run,
)
