"""Campaign: a sync fails and the kernel drops the pages; then the power is cut, at once or after what was done next.

After a failed fsync() the kernel may count pages as written that are not on the disk. They are still there for who
reads them, so a ledger may look well, and be built upon, until the next power cut takes away what was confirmed. At
each sync of a stretch of a life that happens, and what the caller was told must survive a cut at any later moment:
on the same ledger, after the death of the process, behind the back of another ledger.
"""

import gc
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_core import LedgerError, StorageError, StrategyLedger
from ledger_storage_sqlite import SqliteRepository, open_repository
from reliability.campaign import Campaign, Tally
from reliability.disk import Damage, Disk
from reliability.dropped_pages import Aftermath, Kernel, Point, Relay
from reliability.image import Image
from reliability.oracle import violations
from reliability.power_cuts import url_in
from reliability.stretches import PARAMETERS, Start, Stretch, rehearsed, stretch_of
from reliability.vfs import Shim
from reliability.workload import STRATEGY, StepClock, run_step

PATIENCE = 2
"""How often the caller fails until a disk whose syncs go on failing is mended."""

STEPS_BEHIND = 2
"""How many steps another ledger gives behind the back of the one whose sync failed."""

STEPS_TO_CLOSE = 2
"""After how many steps the first ledger is closed, and opened again."""

STEPS = 5
"""How many steps a stretch has."""

_GOES_ON = 1 / 10  # the share of images from which the life is lived to its end
_SAMPLED_BELOW = 200  # points: an amount for which no stretch is tried at every one
_VIOLATIONS_MAX = 100


class Caller:
    """Gives the steps of a stretch to one ledger, or two, and looks at what a power cut would leave."""

    def __init__(self, stretch: Stretch, folder: Path, kernel: Kernel, shim: Shim, generator: random.Random) -> None:
        """Use a folder in which the stretch was laid."""
        self.found: list[str] = []
        self.counts: Counter[str] = Counter()
        self._stretch = stretch
        self._folder = folder
        self._images = folder / "images"
        self._kernel = kernel
        self._shim = shim
        self._generator = generator
        self._clock = StepClock()
        self._acknowledged = stretch.acknowledged
        self._attempted = stretch.attempted
        self._shown = stretch.acknowledged  # a step that was answered, or that a ledger showed to be stored
        self._failures = 0
        self._seen: set[object] = set()

    def live(self, aftermath: Aftermath) -> None:
        """Give all steps, with an end and a start between them, and look whenever something was told."""
        ledger: StrategyLedger | None = None
        other: StrategyLedger | None = None
        if aftermath is Aftermath.OTHER:
            with self._unharmed():
                other = self._open()
        close_at = self._acknowledged + STEPS_TO_CLOSE
        left_behind = STEPS_BEHIND if aftermath in (Aftermath.OTHER, Aftermath.OTHER_OPENED) else 0
        while self._acknowledged < self._stretch.end and not self.found:
            if left_behind and self._kernel.has_failed:
                left_behind -= 1
                with self._unharmed():
                    other = other or self._open()
                    self._give(other)
            elif ledger is None:
                ledger = self._opened()
            elif self._acknowledged == close_at:
                close_at = -1
                self._close(ledger)
                ledger = None
            else:
                self._give(ledger)
            if not self._kernel.is_up:
                if ledger is not None:
                    self._close(ledger)
                ledger = None
                self._kernel.is_up = True
                self._kernel.mend()
                if aftermath is Aftermath.IS_CUT:
                    self._look_at(self._kernel.at_failure, goes_on=1)
                    return
        for opened in (ledger, other):
            if opened is not None:
                self._close(opened)
        if left := self._shim.open_paths():
            self.found.append(f"left open at the end: {left}")
        self._kernel.mend()
        self._cut()

    def _opened(self) -> StrategyLedger | None:
        was_over = self._kernel.is_over
        try:
            return self._open()
        except StorageError as error:
            self._failed("opening", error, was_over=was_over)
            return None

    def _open(self) -> StrategyLedger:
        repository = open_repository(url_in(self._folder, PARAMETERS), strategy_id=STRATEGY)
        try:
            return StrategyLedger(repository, clock=self._clock)
        except BaseException:
            self._close(repository)
            raise

    def _give(self, ledger: StrategyLedger) -> None:
        """Give the next step to a ledger, and cut the power, if only to look, behind whatever is told."""
        step, was_over = self._stretch.reference.steps[self._acknowledged], self._kernel.is_over
        is_again = self._attempted > self._acknowledged
        self._attempted = step.number + 1
        try:
            outcome = run_step(ledger, self._clock, step)
        except StorageError as error:
            self._failed(f"step {step.number}", error, was_over=was_over)
            self._ask(ledger)
        else:
            right = self._stretch.right.outcomes[step.number]
            if outcome not in right if is_again else outcome != right[0]:
                self.found.append(f"wrong: step {step.number} was answered {outcome}, not {right[0]}")
            self._acknowledged += 1
            self._shown = max(self._shown, self._acknowledged)
        self._cut()

    def _failed(self, what: str, error: StorageError, *, was_over: bool) -> None:
        self.counts[type(error).__name__] += 1
        self._failures += 1
        if was_over:
            self.found.append(f"stuck: {what} raised {type(error).__name__}: {error}, though nothing fails any more")
        if self._failures >= PATIENCE and self._kernel.is_up:
            self._kernel.mend()

    def _ask(self, ledger: StrategyLedger) -> None:
        """Look up what became of the step: what a ledger once showed as stored must stay so."""
        try:
            head = ledger.head()
        except StorageError:
            return
        mistake = self._stretch.right.mistake("head", head, self._shown, self._attempted)
        if mistake is not None:
            self.found.append(mistake)
        elif head != self._stretch.right.answers[self._shown].head:
            self._shown = self._attempted

    def _close(self, opened: StrategyLedger | SqliteRepository) -> None:
        try:
            opened.close()
        except StorageError:
            self.counts["closed with an error"] += 1

    def _cut(self) -> None:
        """Look at what a power cut would leave now, if a sync has failed."""
        if self._kernel.has_failed and self._kernel.is_up:
            damages = (Damage.DROP, self._generator.choice(list(Damage)))
            images = [self._kernel.disk.image(damage, self._generator) for damage in damages]
            self._look_at(images, goes_on=_GOES_ON)

    def _look_at(self, images: list[Image], *, goes_on: float) -> None:
        with self._unharmed():
            for image in images:
                key = (image.key, self._shown, self._attempted)
                if key in self._seen or self.found:
                    continue
                self._seen.add(key)
                self.counts["images"] += 1
                image.write_to(self._images)
                try:
                    self.found += self._of_image(self._generator.random() < goes_on)
                except LedgerError as error:
                    self.found.append(f"after a cut: {type(error).__name__}: {error}")

    def _of_image(self, is_to_go_on: bool) -> list[str]:
        reference, url = self._stretch.reference, url_in(self._images, PARAMETERS)
        repository = open_repository(url, strategy_id=STRATEGY)
        try:
            found = violations(repository, reference, self._shown, self._attempted)
            if not found and is_to_go_on:
                ledger = StrategyLedger(repository, clock=self._clock)
                for step in reference.steps[self._acknowledged : self._stretch.end]:
                    run_step(ledger, self._clock, step)
                found = violations(repository, reference, self._stretch.end, self._stretch.end)
        finally:
            repository.close()
        return [f"after a cut: {violation}" for violation in found]

    @contextmanager
    def _unharmed(self) -> Iterator[None]:
        """Do what is not the first ledger's: nothing fails, nothing is counted."""
        self._kernel.is_counting = False
        try:
            yield
        finally:
            self._kernel.is_counting = True


def lived(
    stretch: Stretch, folder: Path, relay: Relay, shim: Shim, aftermath: Aftermath, point: Point | None = None
) -> tuple[Caller, Kernel]:
    """Live a stretch; at a point, a sync of it fails."""
    generator = random.Random(f"{stretch.seed} {point}")
    (folder / "images").mkdir(exist_ok=True)
    stretch.lay(folder)
    kernel = relay.to = Kernel(Disk(folder))
    if point is not None:
        kernel.fail_at(point, generator)
    shim.install(relay, stretch.seed)
    caller = Caller(stretch, folder, kernel, shim, generator)
    try:
        caller.live(aftermath)
    except Exception as error:  # noqa: BLE001 - whatever a caller cannot be asked to handle
        caller.found.append(f"raised {type(error).__name__}: {error}")
    if shim.errors:
        raise shim.errors.pop()
    if caller.found:
        gc.collect()  # whatever was left open is not the next caller's
    return caller, kernel


def tried(seed: int, wanted: int | None, deadline: float | None) -> Tally:
    """Try every point of a seed's stretch, or some of them."""
    starts = list(Start)
    stretch = stretch_of(seed, starts[seed % len(starts)], STEPS)
    done, found, counts = 0, list[str](), Counter[str]()
    relay = Relay()
    with rehearsed(stretch, relay) as (folder, shim):
        points = list[Point]()
        for aftermath in Aftermath:
            caller, kernel = lived(stretch, folder, relay, shim, aftermath)
            if caller.found:
                raise AssertionError(f"the stretch goes wrong without a fault: {caller.found}")
            for number, sync in enumerate(kernel.syncs):
                points.append(Point(number, sync, aftermath))
                if aftermath is not Aftermath.IS_CUT:  # which leaves nothing to fail again
                    points.append(Point(number, sync, aftermath, is_lasting=True))
        if wanted is not None and wanted < len(points):
            points = random.Random(f"syncs {seed}").sample(points, wanted)
        for point in points:
            if deadline is not None and time.monotonic() > deadline:
                break
            caller, kernel = lived(stretch, folder, relay, shim, point.aftermath, point)
            if kernel.syncs[point.number : point.number + 1] != [point.sync]:
                raise AssertionError(f"the same life makes other syncs: {point} came to {kernel.syncs}")
            done += 1
            counts += caller.counts
            counts[f"failed syncs of {point.sync}"] += 1
            found += [f"seed {seed}, {stretch.start}, {point}: {violation}" for violation in caller.found]
    return Tally(done, seed + 1, tuple(found[:_VIOLATIONS_MAX]), dict(counts))


def run(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Try at least `amount` points: all of a stretch, then all of the next; if few are wanted, some of each sort."""
    total = Tally(0, first_seed)
    wanted = -(-amount // len(Start)) if amount < _SAMPLED_BELOW else None
    while total.done < amount and (deadline is None or time.monotonic() < deadline):
        total = total.plus(tried(total.next_seed, wanted, deadline))
    return total


CAMPAIGN = Campaign(
    name="sync-faults",
    row="4",
    promise="whichever sync fails and loses its pages, a power cut at any later moment loses nothing acknowledged",
    unit="points",
    quick=30,
    ci=300,
    whole=20_000,
    run=run,
)
