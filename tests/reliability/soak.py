"""Row 15: a long life is like a short one: memory, WAL and the time of a command do not grow with the history.

One strategy trades on one file, with the default durability: commands one by one and in batches, with reopenings,
beside a thread that asks and a process that reads and pins the WAL. What an archive does to
the file is done more harshly by a second strategy, whose records are all deleted in one transaction, and later come
back by `rebuild`: tens of megabytes are freed and taken again at once, between the commands of the first.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import attrs

from ledger_core import StrategyLedger, open_ledger
from ledger_core.verifying import rebuild
from ledger_storage_sqlite import open_repository
from reliability.campaign import Campaign, Tally
from reliability.results import FOLDER
from reliability.soak_company import Asker, Neighbour
from reliability.soak_curve import Point, memory_of, size_of, store, violations
from reliability.soak_trading import Desk
from reliability.workload import STRATEGY, Command

LONG = 500_000
"""Commands from which on a life is long: its times are held to be flat, and its curve is kept."""

CURVE = FOLDER / "curves" / "soak.json"

COLD = "cold"  # the strategy whose records go and come back
_COLD_COMMANDS = 60_000  # of the cold strategy, in a long life: tens of megabytes of records
_POINTS, _POINTS_FEW = 60, 10
_DELETE_EVERY = 5  # points; the next time the records come back
_ALONE = 6  # commands that are transactions of their own, between two batches
_BATCH_MIN, _BATCH_MAX = 20, 180
_ANSWERS = frozenset({"Order", "Trade", "Adjustment", "QuarantinedFact"})
_REFUSALS = frozenset({"OverfillError", "UnknownOrder"})  # what the venue's mistakes are answered with
_MEASURED = 15  # times that a question is put for its median
_VERIFIED_WHOLE = 1_000_000  # commands up to which every record is verified at the end; beyond, the journal's chain


@attrs.define
class _Window:
    """What the commands since the last point cost."""

    alone: list[float] = attrs.Factory(list)  # seconds each
    processor: float = 0.0
    commands: int = 0
    wal: int = 0


class _Publisher:
    """Hears of every entry, in order; what is delivered again after a reopening is known already."""

    def __init__(self) -> None:
        self.sequence = 0
        self.wrong: list[str] = []

    def publish(self, _: str, payload: Any) -> None:
        sequence = payload["sequence"]
        if sequence > self.sequence + 1:
            self.wrong.append(f"entry {sequence} was published after entry {self.sequence}")
        self.sequence = max(sequence, self.sequence)


class Life:
    """One long life in a folder."""

    def __init__(self, folder: Path, seed: int, amount: int) -> None:
        """Make the file, with the cold strategy in it."""
        self.points: list[Point] = []
        self.counts = {"commands alone": 0, "batches": 0, "refusals": 0, "reopenings": 0, "deletes of all records": 0}
        self._path = folder / "x.db"
        self._wal = folder / "x.db-wal"
        self._amount = amount
        self._random = random.Random(f"life {seed}")
        self._desk = Desk(seed)
        self._cold_commands = min(_COLD_COMMANDS, amount // 10)
        self._is_cold_gone = False
        self._window = _Window()
        self._wrong: list[str] = []
        self._began = time.monotonic()
        self._publisher = _Publisher()
        self._head = 0
        self._fill_cold(Desk(seed + 1))
        for _ in range(2):  # now, so that the memory that this takes is not taken for growth later
            self._delete_or_restore_cold()
        self._ledger = self._open()
        self._asker = Asker(self._ledger)
        is_long = amount >= LONG
        self.neighbour = Neighbour(self._path, pin_every=30.0 if is_long else 1.0, pin_for=5.0 if is_long else 0.2)

    def live(self, deadline: float | None) -> Iterator[str]:
        """Live it, point by point, until it is done or the time is up; generate what is wrong."""
        points = _POINTS if self._amount >= LONG else _POINTS_FEW
        try:
            for number in range(1, points + 1):
                if not self._go_on(self._amount * number // points, deadline):
                    break
                if number % _DELETE_EVERY == 2:
                    self._delete_or_restore_cold()
                self._measure()
            yield from self._end()
        finally:
            self._asker.stop()
            counts, wrong = self.neighbour.stop()
            self.counts |= {**counts, "questions by a thread": self._asker.questions}
            self._ledger.close()
        yield from (*self._wrong, *wrong, *self._asker.wrong, *self._publisher.wrong)
        if self._publisher.sequence != self._head:
            yield f"the last entry published was {self._publisher.sequence}, of {self._head}"
        yield from violations(self.points, times=self._amount >= LONG)

    def _go_on(self, commands: int, deadline: float | None) -> bool:
        """Give commands until there were so many; False if the time is up before, or somebody found a wrong."""
        while self._desk.count < commands:
            self._step()
            if deadline is not None and time.monotonic() > deadline:
                return False
            if self._wrong or self._asker.wrong or self._publisher.wrong or not self.neighbour.is_alive:
                return False
        return True

    @property
    def done(self) -> int:
        """How many commands were given."""
        return self._desk.count

    def _open(self) -> StrategyLedger:
        return open_ledger(self._path, strategy_id=STRATEGY, clock=self._desk.clock, publisher=self._publisher)

    # -- commands -------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Give some commands alone, then a batch."""
        for _ in range(_ALONE):
            self._alone(self._desk.next_command())
        commands: list[Command] = []
        alone: Command | None = None
        size = self._random.randint(_BATCH_MIN, _BATCH_MAX)
        while alone is None and len(commands) < size:
            command = self._desk.next_command()
            if command.method == "resolve_quarantined":  # a batch knows no questions, such as what waits
                alone = command
            else:
                commands.append(command)
        processor = time.thread_time()
        with self._ledger.batch() as batch:
            for command in commands:
                self._give(command, batch)
        self._window.processor += time.thread_time() - processor
        self._window.commands += len(commands)
        self.counts["batches"] += 1
        self._window.wal = max(self._window.wal, size_of(self._wal))
        if alone is not None:
            self._alone(alone)

    def _alone(self, command: Command) -> None:
        began, processor = time.perf_counter(), time.thread_time()
        self._give(command, self._ledger)
        self._window.alone.append(time.perf_counter() - began)
        self._window.processor += time.thread_time() - processor
        self._window.commands += 1
        self.counts["commands alone"] += 1

    def _give(self, command: Command, target: Any) -> None:
        outcome = command.on(target)
        kind = outcome.partition(" ")[0]
        if kind in _REFUSALS:
            self.counts["refusals"] += 1
        elif kind not in _ANSWERS:
            self._wrong.append(f"{command} was answered with {outcome}")

    # -- the cold strategy ----------------------------------------------------------------------------------------

    def _fill_cold(self, desk: Desk) -> None:
        with open_ledger(self._path, strategy_id=COLD, clock=desk.clock) as ledger:
            while desk.count < self._cold_commands:
                with ledger.batch() as batch:
                    for _ in range(_BATCH_MAX):
                        command = desk.next_command()
                        if command.method != "resolve_quarantined":
                            command.on(batch)

    def _delete_or_restore_cold(self) -> None:
        repository = open_repository(f"sqlite:///{self._path}", strategy_id=COLD)
        try:
            if self._is_cold_gone:
                rebuild(repository)
            else:
                repository.restore(())
                self.counts["deletes of all records"] += 1
        finally:
            repository.close()
        self._is_cold_gone = not self._is_cold_gone
        self._window.wal = max(self._window.wal, size_of(self._wal))

    # -- measuring ------------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        window, self._window = self._window, _Window()
        ledger = self._ledger
        with self._asker.pausing():
            positions = _microseconds(ledger.get_open_positions)
            exposure = _microseconds(lambda: ledger.get_position_exposure("SYM-1"))
            orders = _microseconds(lambda: list(ledger.find_orders(is_open=True, limit=None)))
            wal = max(window.wal, size_of(self._wal))
            ledger.close()
            began = time.perf_counter()
            self._ledger = self._asker.ledger = self._open()
            reopened = time.perf_counter() - began
            self.counts["reopenings"] += 1
        point = Point(
            commands=self._desk.count,
            seconds=time.monotonic() - self._began,
            memory=memory_of(os.getpid()),
            reader_memory=memory_of(self.neighbour.process_id),
            wal=wal,
            file=size_of(self._path),
            command_us=median(window.alone) * 1e6,
            command_p99_us=quantiles(window.alone, n=100)[-1] * 1e6,
            cpu_us=window.processor / window.commands * 1e6,
            positions_us=positions,
            exposure_us=exposure,
            orders_us=orders,
            reopen_ms=reopened * 1e3,
        )
        self.points.append(point)
        sys.stderr.write(f"soak: {point}\n")
        if self._amount >= LONG:
            store(CURVE, self.points)

    # -- the end --------------------------------------------------------------------------------------------------

    def _end(self) -> Iterator[str]:
        """Let every round come to its end, and look whether the ledger is what all that must have come to."""
        for command in self._desk.end():
            self._give(command, self._ledger)
        if self._is_cold_gone:
            self._delete_or_restore_cold()
        with self._asker.pausing():
            self._ledger.close()
            self._ledger = self._asker.ledger = self._open()
        self._head = self._ledger.head().sequence
        if positions := self._ledger.get_open_positions():
            yield f"{len(positions)} positions are left open: {positions[:2]}"
        if orders := list(self._ledger.find_orders(is_open=True, limit=None)):
            yield f"{len(orders)} orders are left open: {orders[:2]}"
        if facts := self._ledger.quarantined():
            yield f"{len(facts)} facts are left in quarantine: {facts[:2]}"
        report = self._ledger.verify(chain_only=self._amount > _VERIFIED_WHOLE)
        yield from (f"verify: {difference}" for difference in report.differences)
        if report.entries != self._head:
            yield f"{report.entries} entries were verified, of {self._head}"
        with open_ledger(self._path, strategy_id=COLD, read_only=True) as cold:
            yield from (f"verify of what came back: {difference}" for difference in cold.verify().differences)


def _microseconds(ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(_MEASURED):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1e6


def run(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Live one life of so many commands, a long one on a real disk; it cannot be divided."""
    memory = Path("/dev/shm")
    where = memory if amount < LONG and memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="soak-", dir=where) as folder:
        life = Life(Path(folder), first_seed, amount)
        found = tuple(f"seed {first_seed}: {violation}" for violation in life.live(deadline))
        return Tally(life.done, first_seed + 1, found, life.counts)


CAMPAIGN = Campaign(
    name="soak",
    row="15",
    promise="memory, WAL and the time of a command, a question and an opening do not grow with the history",
    unit="commands",
    quick=2_000,
    ci=20_000,
    whole=5_000_000,
    run=run,
    is_one_life=True,
)
