"""Which I/O call fails, with what error, and for how long: told by its number, counted from the beginning of a life."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from enum import StrEnum

import attrs

from reliability.vfs import Event, Kind, Observer, Partly

# fmt: off
ERRORS: dict[Kind, tuple[int, ...]] = {
    Kind.OPEN: (sqlite3.SQLITE_CANTOPEN,),
    Kind.READ: (sqlite3.SQLITE_IOERR_READ,),
    Kind.WRITE: (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_FULL),
    Kind.TRUNCATE: (sqlite3.SQLITE_IOERR_TRUNCATE,),
    Kind.SYNC: (sqlite3.SQLITE_IOERR_FSYNC,),
    Kind.SYNC_FOLDER: (sqlite3.SQLITE_IOERR_DIR_FSYNC,),
    Kind.SIZE: (sqlite3.SQLITE_IOERR_FSTAT,),
    Kind.DELETE: (sqlite3.SQLITE_IOERR_DELETE,),
    Kind.ACCESS: (sqlite3.SQLITE_IOERR_ACCESS,),
    Kind.SHM_MAP: (sqlite3.SQLITE_IOERR_SHMMAP,),
}
"""What SQLite is told of a call that fails; the adapter's own calls get the operating system's word for it."""
# fmt: on


class Lasts(StrEnum):
    """How long a fault lasts; but for the first, until it is mended."""

    ONCE = "once"
    KIND = "as do all of its kind"
    ALL = "as do all calls"


class Way(StrEnum):
    """How the caller goes on after an error."""

    SAME = "same ledger"
    REOPENED = "opened anew"


@attrs.frozen
class Point:
    """A call of a stretch, by its number, and how it fails."""

    number: int
    kind: Kind
    name: str  # of the file
    answer: int | Partly
    lasts: Lasts = Lasts.ONCE
    way: Way = Way.SAME

    def __str__(self) -> str:
        """Say all that it takes to fail there again."""
        part = f" after {self.answer.size} bytes" if isinstance(self.answer, Partly) else ""
        return f"call {self.number} ({self.kind} {self.name}) fails with {self.code}{part} {self.lasts}, {self.way}"

    @property
    def code(self) -> int:
        """SQLite's code."""
        return self.answer.code if isinstance(self.answer, Partly) else self.answer


@attrs.frozen
class Call:
    """An I/O call that was made."""

    kind: Kind
    name: str  # of the file
    size: int


class Faults(Observer):
    """Counts the calls, and makes those fail that it was told of."""

    def __init__(self) -> None:
        """Let everything happen."""
        self.calls: list[Call] = []
        self.is_paused = False  # while somebody only looks: nothing fails, nothing counts
        self._points: list[Point] = []
        self._lasting: Point | None = None

    def begin(self, points: Sequence[Point]) -> None:
        """Count from 0 again, and fail at these points."""
        self.calls = []
        self.is_paused = False
        self._points = sorted(points, key=lambda point: point.number)
        self._lasting = None

    def mend(self) -> None:
        """End the fault that lasts."""
        self._lasting = None

    @property
    def is_to_come(self) -> bool:
        """Whether a point is yet to be reached."""
        return bool(self._points)

    @property
    def is_lasting(self) -> bool:
        """Whether a fault has begun that is yet to be mended."""
        return self._lasting is not None

    @property
    def is_over(self) -> bool:
        """Whether everything has failed that was to fail."""
        return not self._points and self._lasting is None

    def decide(self, event: Event) -> int | Partly:
        """Fail at the points, and as long as a fault lasts."""
        if self.is_paused:
            return 0
        call = Call(event.kind, event.path.rpartition("/")[2], event.size)
        self.calls.append(call)
        if self._points and self._points[0].number == len(self.calls) - 1:
            point = self._points.pop(0)
            if (point.kind, point.name) != (call.kind, call.name):
                raise AssertionError(f"the same life makes other calls: {point} came to {call}")
            if point.lasts is not Lasts.ONCE:
                self._lasting = point
            return point.answer
        lasting = self._lasting
        if lasting is None or (lasting.lasts is Lasts.KIND and event.kind is not lasting.kind):
            return 0
        return lasting.code if event.kind is lasting.kind else ERRORS[event.kind][0]


def points_of(calls: Sequence[Call], first: int, generator: random.Random) -> Iterator[Point]:
    """Generate the ways in which calls can fail, from the one with number `first` on."""
    for number, call in enumerate(calls[first:], first):
        for code in ERRORS[call.kind]:
            answer: int | Partly = code
            if code == sqlite3.SQLITE_FULL and call.size:  # what there was room for is written
                answer = Partly(code, generator.randrange(call.size))
            for lasts in Lasts:
                yield Point(number, call.kind, call.name, answer, lasts)
