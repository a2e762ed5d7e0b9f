"""What the SQLite adapter does to files itself, with plain `os` calls, told to the same observer as SQLite's I/O.

    with adapter_watched(observer, seed=7):     # SQLite's calls (`vfs.watched`) and the adapter's own
        ledger = open_ledger(url, strategy_id="alpha")

The adapter's own code runs: only the name `os` in its modules stands for a `WatchedOs`, which tells the observer and
passes everything on. Rewriting the WAL, which may be left to a child process, is done here. A function of `os` that changes files and is not watched here fails loudly, so that nothing
the adapter learns to do later goes unseen.
"""

import errno
import importlib
import os
import pkgutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import ledger_storage_sqlite
from ledger_storage_sqlite import _recovery, _rewrite
from reliability.sqlite_abi import OPEN_CREATE
from reliability.vfs import Event, Kind, Observer, Partly, Shim, watched

_HARMLESS = frozenset({
    *("fspath", "fsdecode", "fsencode", "getpid", "path", "sep", "stat", "lstat", "fstat", "environ", "strerror"),
    *("access", "listdir", "scandir", "statvfs", "cpu_count", "getuid", "geteuid", "PathLike", "stat_result"),
    *("register_at_fork", "sched_yield", "getenv", "umask"),
})  # fmt: skip


class WatchedOs:
    """Stands for the module `os`, and tells an observer what is done to files."""

    def __init__(self, observer: Observer) -> None:
        """Watch nothing but what is opened from here on."""
        self._observer = observer
        self._paths: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        """Pass on what changes no file."""
        if name in _HARMLESS or name.isupper() or name.startswith("O_"):
            return getattr(os, name)
        raise AssertionError(f"the adapter calls os.{name}, which the reliability harness does not watch")

    def open(self, path: str | os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        """Open a file, or a folder, whose sync makes the names in it durable."""
        name = os.fspath(path)
        event = Event(Kind.OPEN, name, flags=OPEN_CREATE if flags & os.O_CREAT else 0)
        self._ask(event)
        descriptor = os.open(name, flags, mode)
        self._paths[descriptor] = name
        if not os.path.isdir(name):  # noqa: PTH112 - it is a str, and this is hot
            self._observer.happened(event)
            if flags & os.O_TRUNC:
                self._observer.happened(Event(Kind.TRUNCATE, name))
        return descriptor

    def close(self, descriptor: int) -> None:
        """Close; nothing that is not synced becomes durable by it."""
        self._paths.pop(descriptor, None)
        os.close(descriptor)

    def pread(self, descriptor: int, size: int, offset: int) -> bytes:
        """Read at a place."""
        self._ask(Event(Kind.READ, self._paths[descriptor], offset, size))
        return os.pread(descriptor, size, offset)

    def pwrite(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        """Write at a place; like the kernel's own, it may come to fewer bytes than were given, or to none."""
        content = bytes(data)
        event = Event(Kind.WRITE, self._paths[descriptor], offset, len(content), content)
        answer = self._observer.decide(event)
        if isinstance(answer, Partly) and answer.size:
            content = content[: answer.size]
        elif answer:
            raise _error(answer, event)
        written = os.pwrite(descriptor, content, offset)
        self._observer.happened(event._replace(size=written, data=content[:written]))
        return written

    def ftruncate(self, descriptor: int, size: int) -> None:
        """Cut or extend."""
        event = Event(Kind.TRUNCATE, self._paths[descriptor], size=size)
        self._ask(event)
        os.ftruncate(descriptor, size)
        self._observer.happened(event)

    def fsync(self, descriptor: int) -> None:
        """Make a file's content, or the names in a folder, durable."""
        path = self._paths[descriptor]
        kind = Kind.SYNC_FOLDER if os.path.isdir(path) else Kind.SYNC  # noqa: PTH112
        self._ask(Event(kind, path))
        os.fsync(descriptor)
        self._observer.happened(Event(kind, path))

    fdatasync = fsync

    def unlink(self, path: str | os.PathLike[str]) -> None:
        """Take a name away."""
        event = Event(Kind.DELETE, os.fspath(path))
        self._ask(event)
        os.unlink(path)  # noqa: PTH108 - a str
        self._observer.happened(event)

    remove = unlink

    def _ask(self, event: Event) -> None:
        if answer := self._observer.decide(event):
            raise _error(answer, event)


def _error(answer: int | Partly, event: Event) -> OSError:
    code = answer.code if isinstance(answer, Partly) else answer
    number = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_CANTOPEN: errno.EACCES}.get(code & 0xFF, errno.EIO)
    return OSError(number, os.strerror(number), event.path)


@contextmanager
def adapter_watched(observer: Observer, *, seed: int = 0) -> Iterator[Shim]:
    """Let the observer see, and decide on, all I/O of ledgers that are opened, and closed, in the block."""
    for found in pkgutil.iter_modules(ledger_storage_sqlite.__path__, "ledger_storage_sqlite."):
        importlib.import_module(found.name)
    adapter = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("ledger_storage_sqlite") and getattr(module, "os", None) is os
    ]
    if not adapter:
        raise RuntimeError("no module of the adapter calls os: the harness looks in the wrong place")
    stand_in = WatchedOs(observer)
    with ExitStack() as stack:
        for module in adapter:
            stack.enter_context(patch.object(module, "os", stand_in))
        # A child process would go unseen. Here too opening the -wal drops no lock: SQLite has none on it.
        stack.enter_context(patch.object(_recovery, "_rewrite_in_child", lambda path, _lock: _rewrite.rewrite(path)))
        yield stack.enter_context(watched(observer, seed=seed))
