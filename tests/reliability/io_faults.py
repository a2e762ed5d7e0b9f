"""Campaign: each I/O call of a stretch of a life fails, once or until it is mended, and the caller goes on.

A stretch is lived once without the fault, which counts its calls, and then once for each call, error, duration and
way to go on. Some stretches begin with what a crash left, and in some a sync has failed before, so that each call of
a recovery fails too. The caller is as a real one has to be: what was not acknowledged is given again, with the same
command id and time, to the same ledger object or to one that was opened anew.
"""

import gc
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from ledger_core import StorageError, StrategyLedger
from ledger_core.errors import BatchConflict, Conflict, StorageBusy, StorageFull
from ledger_storage_sqlite import SqliteRepository, open_repository
from reliability.campaign import Campaign, Tally
from reliability.failing_calls import ERRORS, Call, Faults, Point, Way, points_of
from reliability.oracle import Reference, violations
from reliability.power_cuts import url_in
from reliability.stretches import PARAMETERS, QUESTIONS, Right, Start, Stretch, rehearsed, stretch_of
from reliability.vfs import Kind, Shim
from reliability.workload import STRATEGY, Outcome, Step, StepClock, run_step

PATIENCE = 2
"""How often the caller fails until a fault that lasts is mended."""

NOTHING_WRITTEN = (StorageFull, StorageBusy, Conflict, BatchConflict)
"""The errors that say that nothing of the command was written."""

_SAMPLED_BELOW = 500  # points: an amount for which no stretch is tried at every one
_VIOLATIONS_MAX = 100


@attrs.frozen
class Setting:
    """What a stretch begins with, and whether it has a commit that fails before the point, and a ledger beside it."""

    start: Start
    is_behind_a_failed_sync: bool = False
    is_beside_another: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        words = str(self.start)
        words += ", after a failed sync" * self.is_behind_a_failed_sync
        return words + ", beside another ledger" * self.is_beside_another


SETTINGS = (
    *(Setting(start) for start in Start),
    Setting(Start.CLOSED, is_behind_a_failed_sync=True),
    Setting(Start.CLOSED, is_behind_a_failed_sync=True, is_beside_another=True),
)


@attrs.frozen
class Judge:
    """What is right in one of the ways in which the life may have gone: some batches were left, and filed facts."""

    reference: Reference
    right: Right

    def if_left(self, step: Step) -> Iterator["Judge"]:
        """Generate the ways in which it may go on once the block of a batch was left: not at all, or at a command."""
        known, seen = dict(self.reference.left), set[int]()
        for count in range(known.get(step.number, 0), len(step.commands) + 1):
            left = tuple(sorted({**known, step.number: count}.items())) if count else self.reference.left
            reference = Reference.of(self.reference.seed, len(self.reference.steps), left)
            head = reference.left_heads.get(step.number, 0)
            if head not in seen:
                seen.add(head)
                yield Judge(reference, Right.of(reference.seed, len(reference.steps), left))

    def of_outcome(self, step: Step, outcome: Outcome, *, is_again: bool) -> list[str]:
        """Return what is wrong with what a step was answered."""
        right = self.right.outcomes[step.number]
        if outcome in right if is_again else outcome == right[0]:
            return []
        return [f"wrong: step {step.number} was answered {outcome}, not {right[0]}"]

    def of_answer(self, question: str, answer: object, acknowledged: int, attempted: int) -> list[str]:
        """Return what is wrong with an answer."""
        mistake = self.right.mistake(question, answer, acknowledged, attempted)
        return [] if mistake is None else [mistake]


class Caller:
    """Gives the steps of a stretch to ledgers in a folder, as one has to whose disk may fail."""

    def __init__(self, stretch: Stretch, folder: Path, faults: Faults, shim: Shim) -> None:
        """Use a folder in which the stretch was laid."""
        self.found: list[str] = []
        self.counts: Counter[str] = Counter()
        self.could_choose = False  # an error came while a ledger was open, which could be given the step again
        self._stretch = stretch
        self._folder = folder
        self._faults = faults
        self._shim = shim
        self._clock = StepClock()
        self._judges = [Judge(stretch.reference, stretch.right)]
        self._acknowledged = stretch.acknowledged
        self._attempted = stretch.attempted
        self._failures = 0
        self._is_closed_well = False
        self._other: StrategyLedger | None = None
        self._others_paths: list[str] = []

    def live_beside_another(self, way: Way) -> None:
        """Do so while another ledger is open on the file, which only looks, and for which nothing fails."""
        with self._unharmed():
            repository = open_repository(url_in(self._folder, PARAMETERS), strategy_id=STRATEGY)
            self._other = StrategyLedger(repository, clock=self._clock)
        self._others_paths = self._shim.open_paths()
        try:
            self.live(way)
        finally:
            self._others_paths = []
            self._faults.is_paused = True
            self._close(self._other)

    def live(self, way: Way) -> None:
        """Give all steps, close, and look at what is stored."""
        ledger: StrategyLedger | None = None
        try:
            while self._acknowledged < self._stretch.end and not self.found:
                if ledger is None:
                    ledger = self._opened()
                elif not self._give(ledger) and way is Way.REOPENED:
                    self._close(ledger)
                    ledger = None
        finally:
            if ledger is not None:
                self._close(ledger)
        self._faults.mend()
        if not self.found and not self._faults.is_to_come:
            self._look_at_the_end()

    def _opened(self) -> StrategyLedger | None:
        was_over = self._faults.is_over
        self.counts["openings"] += 1
        try:
            repository = open_repository(url_in(self._folder, PARAMETERS), strategy_id=STRATEGY)
            try:
                ledger = StrategyLedger(repository, clock=self._clock)
            except BaseException:
                self._close(repository)
                raise
        except StorageError as error:
            self._failed("opening", error, was_over=was_over)
            self._require_closed("an opening that failed")
            return None
        if self._failures:
            self._look(repository, self._acknowledged, self._attempted)
        return ledger

    def _give(self, ledger: StrategyLedger) -> bool:
        """Give the next step; say whether the ledger answered. While the disk fails, ask it something, too."""
        step, was_over = self._stretch.reference.steps[self._acknowledged], self._faults.is_over
        is_again = self._attempted > self._acknowledged
        self.counts["steps again"] += is_again
        self._attempted = step.number + 1
        try:
            outcome = run_step(ledger, self._clock, step)
        except StorageError as error:
            self.could_choose = True
            if step.is_batch:
                self._judges = [left for judge in self._judges for left in judge.if_left(step)]
            self._failed(f"step {step.number}", error, was_over=was_over)
            if isinstance(error, NOTHING_WRITTEN) and not is_again:
                self._attempted = self._acknowledged
            self._ask(ledger)
            if self._other is not None:
                with self._unharmed():
                    self._ask(self._other)
            return False
        self._take(lambda judge: judge.of_outcome(step, outcome, is_again=is_again))
        self._acknowledged += 1
        if self._faults.is_lasting:
            self._ask(ledger)
        return True

    def _failed(self, what: str, error: StorageError, *, was_over: bool) -> None:
        self.counts[type(error).__name__] += 1
        self._failures += 1
        if was_over:
            self.found.append(f"stuck: {what} raised {type(error).__name__}: {error}, though nothing fails any more")
        if self._failures >= PATIENCE:
            self._faults.mend()

    def _ask(self, ledger: StrategyLedger) -> None:
        """Ask the ledger what it knows: it says what is right, or that it cannot."""
        for question, ask in QUESTIONS.items():
            try:
                answer = ask(ledger)
            except StorageError:
                self.counts["questions not answered"] += 1
                continue
            self.counts["questions answered"] += 1
            self._take(
                lambda judge, question=question, answer=answer: judge.of_answer(  # type: ignore[misc]
                    question, answer, self._acknowledged, self._attempted
                )
            )

    def _take(self, judged: Callable[["Judge"], list[str]]) -> None:
        """Note what is wrong whichever way it went; keep the ways in which it is right."""
        found = [judged(judge) for judge in self._judges]
        right = [judge for judge, mistakes in zip(self._judges, found, strict=True) if not mistakes]
        if right:
            self._judges = right
        else:
            self.found += found[0]

    def _close(self, opened: StrategyLedger | SqliteRepository) -> None:
        try:
            opened.close()
            self._is_closed_well = True
        except StorageError:
            self.counts["closed with an error"] += 1
        self._require_closed("closing")

    def _look_at_the_end(self) -> None:
        """Open the file once more: for reading, and for writing where it was not closed well."""
        with self._unharmed():
            repository = open_repository(
                url_in(self._folder, PARAMETERS), strategy_id=STRATEGY, read_only=self._is_closed_well
            )
            self._look(repository, self._stretch.end, self._stretch.end)
            repository.close()
            self._require_closed("the end")
            if self._other is not None:
                self._ask(self._other)

    def _look(self, repository: SqliteRepository, acknowledged: int, attempted: int) -> None:
        """Look at all that is stored."""
        with self._unharmed():
            self._take(lambda judge: violations(repository, judge.reference, acknowledged, attempted))

    @contextmanager
    def _unharmed(self) -> Iterator[None]:
        """Let nothing fail, and count nothing."""
        was_paused, self._faults.is_paused = self._faults.is_paused, True
        try:
            yield
        finally:
            self._faults.is_paused = was_paused

    def _require_closed(self, what: str) -> None:
        if (left := self._shim.open_paths()) != self._others_paths:
            names = [path.rpartition("/")[2] for path in left]
            gc.collect()
            kept = "for ever" if self._shim.open_paths() != self._others_paths else "until garbage is collected"
            self.found.append(f"left open after {what}, {kept}: {names}")


class Trials:
    """One stretch, lived again and again in one folder."""

    def __init__(self, stretch: Stretch, setting: Setting, folder: Path, faults: Faults, shim: Shim) -> None:
        """Use a folder that exists; the faults are what the shim asks."""
        self._stretch = stretch
        self._setting = setting
        self._folder = folder
        self._faults = faults
        self._shim = shim

    def lived(self, points: Sequence[Point]) -> Caller:
        """Live the stretch with these calls failing."""
        self._stretch.lay(self._folder)
        self._faults.begin(points)
        self._shim.install(self._faults, self._stretch.seed)
        files = _open_files()
        caller = Caller(self._stretch, self._folder, self._faults, self._shim)
        live = caller.live_beside_another if self._setting.is_beside_another else caller.live
        try:
            live(points[-1].way if points else Way.SAME)
        except Exception as error:  # noqa: BLE001 - whatever a caller cannot be asked to handle
            caller.found.append(f"raised {type(error).__name__}: {error}")
        if self._shim.errors:
            raise self._shim.errors.pop()
        if self._faults.is_to_come and not caller.found:
            raise AssertionError(f"the same life makes other calls: {points[-1]} was never reached")
        if caller.found:
            gc.collect()  # whatever was left open is not the next caller's
        if _open_files() != files and not caller.found:
            caller.found.append("left open at the end: a file of the adapter's own")
        return caller

    def calls(self, before: Sequence[Point] = ()) -> list[Call]:
        """Return the I/O calls of the stretch."""
        caller = self.lived(before)
        if caller.found:
            raise AssertionError(f"the stretch goes wrong without a fault: {caller.found}")
        return self._faults.calls

    def failed_sync(self, generator: random.Random) -> list[Point]:
        """Return a failing commit of the stretch, to be recovered from; none where its steps come to no commit."""
        syncs = [
            (number, call)
            for number, call in enumerate(self.calls())
            if call.kind is Kind.SYNC and call.name == "x.db-wal"
        ]
        if not syncs:
            return []
        number, call = generator.choice(syncs)
        return [Point(number, call.kind, call.name, ERRORS[call.kind][0])]


def _open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - hot


def tried(seed: int, wanted: int | None, deadline: float | None) -> Tally:
    """Try every point of a seed's stretch, or some of them."""
    generator = random.Random(f"faults {seed}")
    setting = SETTINGS[seed % len(SETTINGS)]
    stretch = stretch_of(seed, setting.start)
    done, found, counts = 0, list[str](), Counter[str]()
    faults = Faults()
    with rehearsed(stretch, faults) as (folder, shim):
        trials = Trials(stretch, setting, folder, faults, shim)
        before = trials.failed_sync(generator) if setting.is_behind_a_failed_sync else []
        calls = trials.calls(before)
        points = list(points_of(calls, before[0].number + 1 if before else 0, generator))
        if wanted is not None and wanted < len(points):
            points = [
                attrs.evolve(point, way=generator.choice(list(Way))) for point in generator.sample(points, wanted)
            ]
        while points and (deadline is None or time.monotonic() < deadline):
            point = points.pop()
            caller = trials.lived([*before, point])
            done += 1
            counts += caller.counts
            told = ", ".join(map(str, (*before, point)))
            found += [f"seed {seed}, {setting}, {told}: {violation}" for violation in caller.found]
            if wanted is None and caller.could_choose and point.way is Way.SAME:
                points.append(attrs.evolve(point, way=Way.REOPENED))
    return Tally(done, seed + 1, tuple(found[:_VIOLATIONS_MAX]), {"I/O calls": len(calls), **counts})


def run(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Try at least `amount` points: all of a stretch, then all of the next; if few are wanted, some of each sort."""
    total = Tally(0, first_seed)
    share = -(-amount // len(SETTINGS)) if amount < _SAMPLED_BELOW else None
    while total.done < amount and (deadline is None or time.monotonic() < deadline):
        left = amount - total.done
        total = total.plus(tried(total.next_seed, share or (left if left < _SAMPLED_BELOW else None), deadline))
    return total


CAMPAIGN = Campaign(
    name="io-faults",
    row="3",
    promise="whichever I/O call fails, a typed error comes, nothing acknowledged is lost, and the next try succeeds",
    unit="points",
    quick=150,
    ci=3_600,
    whole=100_000,
    run=run,
)
