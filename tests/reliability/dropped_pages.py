"""A kernel that drops the pages of a sync that fails: what follows, and what the disk holds in the end.

The pages are still there for who reads them, and count as written, so no later sync writes them; only writing them
anew does.
"""

import random
from enum import StrEnum

import attrs

from reliability.disk import Damage, Disk
from reliability.failing_calls import ERRORS
from reliability.image import Image
from reliability.vfs import Event, Kind, Observer, Partly

CALLS_TO_DEATH = 40
"""How many I/O calls a process makes at most that dies of a sync that failed."""


class Aftermath(StrEnum):
    """What follows a sync that failed."""

    GOES_ON = "the same ledger goes on"
    DIES = "the process dies"
    IS_CUT = "the power is cut at once"
    OTHER = "another ledger, open before, goes on"
    OTHER_OPENED = "another ledger is opened and goes on"


@attrs.frozen
class Sync:
    """A sync that was made: of a file, or of the folder, after which the names in it are durable."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        """Name it."""
        return "the folder" if self.kind is Kind.SYNC_FOLDER else self.name


@attrs.frozen
class Point:
    """A sync of a stretch, by its number, and what follows. If it lasts, all of its kind fail until it is mended."""

    number: int
    sync: Sync
    aftermath: Aftermath
    is_lasting: bool = False

    def __str__(self) -> str:
        """Say all that it takes to fail there again."""
        return f"sync {self.number} ({self.sync}) fails{' for long' if self.is_lasting else ''}, {self.aftermath}"

    @property
    def is_of_folder(self) -> bool:
        """Whether it is the folder that cannot be synced."""
        return self.sync.kind is Kind.SYNC_FOLDER


class Kernel(Observer):
    """Knows what is on the disk, and drops the pages of a sync that is to fail."""

    def __init__(self, disk: Disk) -> None:
        """Let no sync fail."""
        self.disk = disk
        self.syncs: list[Sync] = []
        self.is_counting = True  # else it is somebody else's turn, for whom nothing fails
        self.is_up = True  # else the process is dead, and nothing that it does happens
        self.has_failed = False
        self.at_failure: list[Image] = []
        self._point: Point | None = None
        self._generator = random.Random()
        self._calls_left: int | None = None  # until the process dies
        self._is_asked = False  # of the folder's sync that happens next

    def fail_at(self, point: Point, generator: random.Random) -> None:
        """Let a sync fail."""
        self._point = point
        self._generator = generator

    def mend(self) -> None:
        """Let no further sync fail, and nobody die."""
        self._point = None
        self._calls_left = None

    @property
    def is_over(self) -> bool:
        """Whether nothing is to fail any more."""
        return self._point is None and self._calls_left is None

    def decide(self, event: Event) -> int:
        """Fail where it is to be."""
        self._is_asked = event.kind is Kind.SYNC_FOLDER
        if not self.is_up:
            return ERRORS[event.kind][0]
        if not self.is_counting:
            return 0
        if self._calls_left is not None:
            self._calls_left -= 1
            self.is_up = self._calls_left > 0
        if event.kind not in (Kind.SYNC, Kind.SYNC_FOLDER):
            return 0
        number, point = len(self.syncs), self._point
        self.syncs.append(Sync(event.kind, event.path.rpartition("/")[2]))
        if point is None or number < point.number or event.kind is not point.sync.kind:
            return 0
        self._fail(point, event)
        return ERRORS[event.kind][0]

    def happened(self, event: Event) -> None:
        """Change the disk. Where the folder's sync is to fail, SQLite's own does too, at which it does not look."""
        is_asked, self._is_asked = self._is_asked, False
        if event.kind is Kind.SYNC_FOLDER and not is_asked and self._point is not None and self._point.is_of_folder:
            return
        self.disk.apply(event)

    def _fail(self, point: Point, event: Event) -> None:
        self.has_failed = True
        if event.kind is Kind.SYNC:
            self.disk.sync_failed(event.path)
        if not point.is_lasting:
            self._point = None
        if point.aftermath is Aftermath.DIES and self._calls_left is None:
            self._calls_left = self._generator.randint(0, CALLS_TO_DEATH)
            self.is_up = self._calls_left > 0
        elif point.aftermath is Aftermath.IS_CUT:
            self.at_failure = [self.disk.image(damage, self._generator) for damage in Damage]
            self.is_up = False


class Relay(Observer):
    """Hands on to the kernel of the present life."""

    to: Observer = Observer()

    def decide(self, event: Event) -> int | Partly:
        """Ask it."""
        return self.to.decide(event)

    def happened(self, event: Event) -> None:
        """Tell it."""
        self.to.happened(event)
