"""Locks of the kernel's that end with their process: who writes now, who has the file open, who owns a cursor.

All are flock() locks, which belong to an open file: two repositories of one process exclude each other as two
processes do, and closing one file never drops another's lock, as it would with POSIX record locks.

    x.db-lock             held around each write transaction and checkpoint (SQLite before 3.51.3 can damage the file
                          when two connections write or checkpoint at the same instant); its bytes are marks that
                          outlive who made them, see `WriteLock`
    x.db-claims/          one file per claimed cursor, held by its owner; the content is the owner's process id
    x.db-claims/.writers  held, shared, by everyone who has the file open for writing
"""

import fcntl
import hashlib
import os
import time
from pathlib import Path
from urllib.parse import quote

from ledger_core.errors import StorageBusy, SubscriberInUse

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_POLL_FIRST = 0.000_5  # seconds; doubled from try to try, as a lock is held for some milliseconds at most
_POLL_MAX = 0.02
_UNSET, _SET = b"\0", b"\1"
_CLEAN = _UNSET * 2
_NAME_BYTES_MAX = 200  # file systems allow 255


class LockFile:
    """One file with one lock, which this object holds or does not."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it if need be; the lock is not taken."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)

    @property
    def descriptor(self) -> int:
        """The open file that holds the lock."""
        return self._descriptor

    def acquire(self, timeout: float) -> None:
        """Take the lock for this object alone; raise StorageBusy if others hold it for longer than `timeout`."""
        if self.try_acquire():
            return
        deadline = time.monotonic() + timeout
        pause = _POLL_FIRST
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise StorageBusy(f"another writer held {self.path} for longer than {timeout} s", path=str(self.path))
            time.sleep(min(pause, remaining))
            if self.try_acquire():
                return
            pause = min(2 * pause, _POLL_MAX)

    def try_acquire(self) -> bool:
        """Take the lock if nobody else holds it, and say whether that was so."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Hold the lock together with all others that share it; the caller knows that nobody holds it alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give the lock up; the file stays open."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def write_note(self, text: str) -> None:
        """Replace the file's content, for people who ask who holds the lock."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def close(self) -> None:
        """Close the file and with it give up the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class WriteLock(LockFile):
    """The lock around writing, and two marks in its file that a writer which died or failed leaves to the next.

    Byte 0 is set while something is written, and cleared when it ended well. Byte 1 is set when somebody found byte 0
    set, until the end of the journal has been looked through. Neither needs a sync: a power cut takes the pages in
    memory along, and with them what the marks warn of.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and give it its two bytes, so that marking needs no room on a full disk."""
        super().__init__(path)
        try:
            if os.fstat(self._descriptor).st_size < len(_CLEAN):
                os.pwrite(self._descriptor, _CLEAN, 0)
        except BaseException:
            self.close()
            raise

    @property
    def is_marked(self) -> bool:
        """Whether the last one who wrote did not end well."""
        return os.pread(self._descriptor, 1, 0) == _SET

    def mark(self) -> None:
        """Note that something is being written."""
        os.pwrite(self._descriptor, _SET, 0)

    def clear(self) -> None:
        """Note that it ended well."""
        os.pwrite(self._descriptor, _UNSET, 0)

    @property
    def is_unchecked(self) -> bool:
        """Whether the end of the journal is to be looked through."""
        return os.pread(self._descriptor, 1, 1) == _SET

    def mark_unchecked(self) -> None:
        """Note that somebody did not end well."""
        os.pwrite(self._descriptor, _SET, 1)

    def clear_unchecked(self) -> None:
        """Note that the journal's end was looked through."""
        os.pwrite(self._descriptor, _UNSET, 1)


class Claims:
    """The cursors that one repository owns."""

    def __init__(self, folder: Path) -> None:
        """Own nothing; `folder` must exist."""
        self._folder = folder
        self._held: dict[str, LockFile] = {}

    def take(self, strategy_id: str, subscriber: str) -> None:
        """Become the owner; raise SubscriberInUse if another object of this or another process is it."""
        if subscriber in self._held:
            return
        lock = LockFile(self._folder / claim_name(strategy_id, subscriber))
        if not lock.try_acquire():
            owner = lock.path.read_text("ascii", "replace").strip()
            lock.close()
            raise SubscriberInUse(
                f"subscriber {subscriber!r} of {strategy_id!r} is owned by process {owner or 'unknown'}",
                subscriber=subscriber,
                owner=owner,
            )
        self._held[subscriber] = lock
        lock.write_note(f"{os.getpid()}\n")

    def close(self) -> None:
        """Give up everything owned."""
        while self._held:
            self._held.popitem()[1].close()


def claim_name(strategy_id: str, subscriber: str) -> str:
    """Return the name of a claim's file: readable where that fits, a digest where it is too long for a name."""
    name = f"{quote(subscriber, safe='')}@{quote(strategy_id, safe='')}"
    if len(name) <= _NAME_BYTES_MAX:
        return name
    return hashlib.sha256(f"{len(strategy_id)}:{strategy_id}{subscriber}".encode()).hexdigest()


def make_folder(path: Path) -> Path:
    """Return the folder, made for its owner alone if it is not there."""
    path.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    return path
