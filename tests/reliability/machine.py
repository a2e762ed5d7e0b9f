"""A computer for a ledger to run on: its disk fails, its processes are killed, its power is cut; all from one seed.

The machine is an observer of all I/O. It knows what the disk would hold after a cut, decides which calls fail, and
keeps a trace of everything. When it goes down, every further call fails and changes nothing, so that closing the
ledger, which a dead process cannot do, does nothing either.
"""

import hashlib
import random
import sqlite3
import zlib
from pathlib import Path

from reliability.disk import Damage, Disk
from reliability.vfs import CHANGES, Event, Kind, Observer, Partly

_CODES = {
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
_ERROR_RATES = (0, 0, 1 / 1000, 1 / 300, 1 / 100)
_RARE_FAIL_MORE = 6  # times: of the calls that are not one of the many that read and write pages
_SYNC_FAILS_MORE = 25  # times: the worst that can happen, and seldom asked for
_LASTS_MAX = 40  # calls of a kind that fail in a row
_EVENTS_TO_DEATH = 350

Line = tuple[str, str, int, int, int, int]
"""An I/O call of a trace: kind, file, offset, size, checksum of what was written, code with which it failed."""


class Machine(Observer):
    """One computer with one folder; `start` it before use, and again whenever it went down."""

    def __init__(self, folder: Path, generator: random.Random) -> None:
        """Be switched off; what lies in the folder is durable."""
        self.trace: list[Line] = []
        self.counts = {"I/O calls": 0, "I/O errors": 0, "dropped syncs": 0, "power cuts": 0, "kills": 0}
        self.is_up = False
        self._folder = folder
        self._random = generator
        self._disk = Disk(folder)
        self.is_spared = False
        """Whether no call is made to fail for now, but for all of them when it goes down."""
        self._is_careful = False
        self._rate = 0.0
        self._lasting: dict[Kind, tuple[int, int]] = {}  # kind -> its code, and how many calls more it will fail
        self._events_left = 0

    def start(self, *, may_die: bool = True) -> None:
        """Switch on; from here on the disk may fail, and at some event the machine goes down."""
        self.is_up = True
        self._lasting.clear()
        self._rate = self._random.choice(_ERROR_RATES)
        self._events_left = self._random.randint(1, _EVENTS_TO_DEATH) if may_die else 0

    def mend(self) -> None:
        """Have no I/O errors until the next start."""
        self._lasting.clear()
        self._rate = 0.0

    def careful(self, *, is_careful: bool) -> None:
        """While somebody only looks, nothing fails and nothing dies."""
        self._is_careful = is_careful

    def come_back(self) -> None:
        """After it went down, and everything is closed: have on the disk what the death left there."""
        if self._random.random() < 0.25:
            self.counts["kills"] += 1  # of the process alone: the kernel still has everything
            return
        self.counts["power cuts"] += 1
        damage = self._random.choice(list(Damage))
        self._disk.image(damage, self._random).write_to(self._folder)
        self._disk = Disk(self._folder)

    def decide(self, event: Event) -> int | Partly:
        """Make calls fail: all of them when it is down, few when it is up, none while somebody only looks."""
        if not self.is_up:
            return _CODES[event.kind][0]
        answer = 0 if self._is_careful or self.is_spared else self._fault(event)
        self.counts["I/O calls"] += 1
        if answer or event.kind in CHANGES:
            code = answer.code if isinstance(answer, Partly) else answer
            name = event.path.rpartition("/")[2]
            self.trace.append((event.kind, name, event.offset, event.size, zlib.crc32(event.data), code))
        return answer

    def happened(self, event: Event) -> None:
        """Change the disk; perhaps it was the last thing to happen."""
        self._disk.apply(event)
        if self._events_left and event.kind in CHANGES and not self._is_careful:
            self._events_left -= 1
            self.is_up = self._events_left > 0

    @property
    def digest(self) -> str:
        """Equal exactly for machines to which the same happened."""
        return hashlib.sha256(repr(self.trace).encode()).hexdigest()

    def _fault(self, event: Event) -> int | Partly:
        code, left = self._lasting.get(event.kind, (0, 0))
        if left:
            self._lasting[event.kind] = (code, left - 1)
        else:
            is_rare = event.kind not in (Kind.READ, Kind.WRITE) or event.path.endswith("-lock")
            times = _SYNC_FAILS_MORE if event.kind is Kind.SYNC else _RARE_FAIL_MORE if is_rare else 1
            chance = self._rate * times
            if not chance or self._random.random() >= chance:
                return 0
            code = self._random.choice(_CODES[event.kind])
            if self._random.random() < 0.2:
                self._lasting[event.kind] = (code, self._random.randint(1, _LASTS_MAX))
        self.counts["I/O errors"] += 1
        if event.kind is Kind.SYNC and self._random.random() < 0.5:
            self.counts["dropped syncs"] += 1
            self._disk.sync_failed(event.path)
        if event.kind is Kind.WRITE and self._random.random() < 0.5:
            return Partly(code, self._random.randint(0, event.size))
        return code
