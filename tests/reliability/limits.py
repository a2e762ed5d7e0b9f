"""Row 12: the room runs out in the middle of the work, and comes back: real limits of the system, not injected errors.

A life goes through a workload in a place where it can be left without room: beside a file that fills a small disk, or
under a limit on the size of its files. Whatever a command raises then is a StorageError, and nothing of it is stored;
reads go on; with room again the same command is done, and in the end the journal is the reference's.
"""

import random
import resource
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from ledger_core import LedgerRepository, OutcomeUnknown, StorageError, StrategyLedger
from ledger_storage_sqlite import _writer, open_repository
from reliability.campaign import Campaign, Tally
from reliability.kill_moments import live_until
from reliability.kill_zygote import Hung, Teller, Zygote
from reliability.kills import CHECKPOINT_ROWS, WARM_UP
from reliability.limits_disk import PAGE, SmallDisk
from reliability.oracle import Reference, violations
from reliability.workload import STRATEGY, StepClock, run_step

WITHOUT_ROOM: Final = "f"
OPENED_WITHOUT_ROOM: Final = "o"
WRONG: Final = "v"
IMPOSSIBLE: Final = "n"
"""Told when a command, or an opening, was refused for want of room; with a violation; with why there is no such place."""

SHARED_MEMORY = 32 * 1024
"""What SQLite takes beside a file at the least, to read it."""

PROGRAM = "reliability.limits:work_without_room"


class Room(Protocol):
    """A folder in which the room can run out."""

    folder: Path

    def run_out(self, generator: random.Random) -> None:
        """Leave so little room that a command or a few may still fit."""
        ...

    def come_back(self) -> None:
        """Leave enough room again."""
        ...


class SizeLimit:
    """A limit on the size of every file of this process."""

    def __init__(self, folder: Path) -> None:
        """Set none yet."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.folder = folder
        self._hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def run_out(self, generator: random.Random) -> None:
        """Let the WAL grow by no more than a few pages; the file itself may be longer, and take no page at its end."""
        wal = self.folder / "ledger.db-wal"
        longest = max(SHARED_MEMORY, wal.stat().st_size if wal.exists() else 0)
        limit = longest + generator.randint(0, 6 * PAGE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, self._hard))

    def come_back(self) -> None:
        """Lift the limit."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._hard, self._hard))


ROOMS: Final[dict[str, type[SmallDisk] | type[SizeLimit]]] = {"small disk": SmallDisk, "size limit": SizeLimit}


def work_without_room(teller: Teller, room: str, folder: str, seed: int) -> None:
    """Go through a workload in a place where the room runs out now and then."""
    try:
        place = ROOMS[room](Path(folder))
    except OSError as error:
        teller.tell(IMPOSSIBLE, content=str(error).encode())
        return
    _Worker(teller, place, seed).work()


class _Worker:
    """The ledger of a process whose room runs out."""

    def __init__(self, teller: Teller, room: Room, seed: int) -> None:
        _writer.CHECKPOINT_ROWS = CHECKPOINT_ROWS
        self._teller = teller
        self._room = room
        self._url = f"sqlite:///{room.folder / 'ledger.db'}"
        self._reference = Reference.of(seed)
        self._generator = random.Random(f"room of {seed}")
        self._clock = StepClock()
        self._done = 0  # so many steps
        self._attempted = 0  # further ones, of which it is unknown whether they are done
        self._open()

    def work(self) -> None:
        for step in self._reference.steps:
            if self._generator.random() < 0.1:
                self._open_without_room()
            if self._generator.random() < 0.4:
                self._room.run_out(self._generator)
                for _ in range(self._generator.randint(1, 3)):
                    self._try(step.number)
                self._room.come_back()
            run_step(self._ledger, self._clock, step)
            self._done = step.number + 1
        self._ledger.close()
        self._look(self._done, self._done, self._reopened(read_only=True))

    def _open(self) -> None:
        self._repository = open_repository(self._url, strategy_id=STRATEGY)
        self._ledger = StrategyLedger(self._repository, clock=self._clock)

    def _reopened(self, *, read_only: bool) -> LedgerRepository:
        return open_repository(self._url, strategy_id=STRATEGY, read_only=read_only)

    def _open_without_room(self) -> None:
        """Close and open where there is no room: to read is possible, to write perhaps not, and then with room again."""
        if self._generator.random() < 0.5:
            self._room.run_out(self._generator)
        with suppress(StorageError):  # the file is closed all the same; what could not be stored is a place of a cursor
            self._ledger.close()
        self._room.run_out(self._generator)
        reader = self._reopened(read_only=True)
        self._look(self._done, self._done, reader)
        reader.close()
        try:
            self._open()
        except StorageError as error:
            self._teller.tell(OPENED_WITHOUT_ROOM, self._done, type(error).__name__.encode())
            self._room.come_back()
            self._open()
        self._room.come_back()

    def _try(self, number: int) -> None:
        """Give the step without room; whether it is done or not, what is stored can be read, and is as was told."""
        try:
            run_step(self._ledger, self._clock, self._reference.steps[number])
            self._done = number + 1
        except StorageError as error:
            self._teller.tell(WITHOUT_ROOM, number, type(error).__name__.encode())
            if isinstance(error, OutcomeUnknown):
                self._attempted = number + 1
        self._look(self._done, max(self._attempted, self._done), self._repository)

    def _look(self, acknowledged: int, attempted: int, repository: LedgerRepository) -> None:
        for violation in violations(repository, self._reference, acknowledged, attempted):
            self._teller.tell(WRONG, acknowledged, violation[:1500].encode())


def run(first_seed: int, amount: int, deadline: float | None = None) -> Tally:
    """Let so many commands be refused for want of room."""
    tally = Tally(0, first_seed)
    with Zygote(PROGRAM, warm_up=WARM_UP) as zygote:
        while tally.done < amount and not tally.violations and (deadline is None or time.monotonic() < deadline):
            tally = tally.plus(_run_seed(zygote, tally.next_seed))
    return tally


def _run_seed(zygote: Zygote, seed: int) -> Tally:
    room = list(ROOMS)[seed % len(ROOMS)]
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="limits-") as folder:
        try:
            death = live_until(zygote.start(PROGRAM, room=room, folder=folder, seed=seed), None)
        except Hung as hung:
            return Tally(0, seed + 1, (f"seed {seed} ({room}): {hung}",))
    for told in death.told:
        text = told.content.decode()
        if told.word == WRONG:
            wrong.append(f"seed {seed} ({room}), after {told.number} steps: {text}")
        elif told.word == IMPOSSIBLE:
            counts[f"no {room} here: {text}"] += 1
        elif told.word in (WITHOUT_ROOM, OPENED_WITHOUT_ROOM):
            counts[f"{room}: {text}" if told.word == WITHOUT_ROOM else f"{room}: {text} at opening"] += 1
    if death.failure is not None:
        wrong.append(f"seed {seed} ({room}): {death.failure}")
    done = sum(told.word in (WITHOUT_ROOM, OPENED_WITHOUT_ROOM) for told in death.told)
    return Tally(done, seed + 1, tuple(wrong), dict(counts))


CAMPAIGN = Campaign(
    name="limits",
    row="12",
    promise="without room commands raise a StorageError and store nothing, reads go on, and with room again writes do",
    unit="refusals",
    quick=20,
    ci=150,
    whole=3_000,
    run=run,
)
