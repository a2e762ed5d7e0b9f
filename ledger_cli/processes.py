"""Which processes of this machine have a ledger file open for writing, or hold its WAL, as the kernel's locks tell.

Linux alone tells (/proc/locks), and only of processes that this one may see. Nothing is opened or locked to find out.
"""

import os
from pathlib import Path

import attrs

LOCKS = Path("/proc/locks")

_WRITERS = ".writers"  # in the folder of claims: a lock on it is shared by all who have the file open for writing
_WAL_READ = range(123, 128)  # bytes of the -shm file that readers of the WAL lock, one for each read mark


@attrs.frozen
class Process:
    """A process: its id, and the name of its program where that can be seen."""

    pid: int
    name: str = ""

    def __str__(self) -> str:
        """Return it for a person."""
        return f"process {self.pid}" + (f" ({self.name})" if self.name else "")


@attrs.frozen
class Lock:
    """A lock on a file: of the kernel's kind FLOCK or POSIX, on bytes from `first` to `last` (None: to the end)."""

    kind: str
    process: Process
    first: int
    last: int | None


def writers_of(path: Path) -> list[Process] | None:
    """Return who has the ledger open for writing; None where this machine does not tell."""
    if not LOCKS.exists():
        return None
    locks = locks_on(path.with_name(f"{path.name}-claims") / _WRITERS)
    return sorted({lock.process for lock in locks if lock.kind == "FLOCK"}, key=lambda process: process.pid)


def wal_readers_of(path: Path) -> list[tuple[Process, int]]:
    """Return who reads the WAL at this moment, and the number of the read mark that it holds."""
    return [
        (lock.process, lock.first - _WAL_READ.start)
        for lock in locks_on(path.with_name(f"{path.name}-shm"))
        if lock.kind == "POSIX" and lock.first in _WAL_READ
    ]


def locks_on(path: Path) -> list[Lock]:
    """Return the locks that are held on a file."""
    try:
        status = path.stat()
        lines = LOCKS.read_text("ascii", "replace").splitlines()
    except OSError:
        return []
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    found = []
    for line in lines:
        parts = line.split()
        if len(parts) == 8 and parts[5] == wanted:  # one that waits for a lock has nine parts
            kind, pid, first, last = parts[1], int(parts[4]), parts[6], parts[7]
            found.append(Lock(kind, Process(pid, _name(pid)), int(first), None if last == "EOF" else int(last)))
    return found


def _name(pid: int) -> str:
    """Return the name of a program, not its arguments, which may hold secrets."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return ""
