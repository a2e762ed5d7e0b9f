"""A shim below SQLite: sees each I/O call of the stdlib's own `sqlite3`, and may make it fail.

Use:

    class Faults(Observer):
        def decide(self, event):            # before the call: 0 lets it happen, an SQLite code makes it fail
            return sqlite3.SQLITE_IOERR_FSYNC if event.kind is Kind.SYNC else 0

        def happened(self, event):          # after a call that was made and that succeeded
            ...

    with watched(Faults(), seed=7):         # from here on new connections go through the shim
        connection = sqlite3.connect(path)

`watched` also sets the seed of SQLite's random numbers, so that the same program does the same I/O. Afterwards new
connections are as they ever were; one that is still open goes on through the shim, unobserved. What the adapter
does with plain `os` calls is seen through `reliability.os_calls`, which tells the same observer.

How: `sqlite3_vfs_register` makes a copy of the default VFS the default, with four functions replaced, in the very
library that Python's module calls. Each file that it opens gets a copy of its table of methods, with the few
replaced that read, write or sync. Everything else (locks, shared memory, paths) stays C, at C's speed. The file's
own object is the original's, so there is nothing to allocate: `szOsFile` stays as it is.
"""

import ctypes
import os
import random
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_void_p
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from reliability import sqlite_abi as abi
from reliability.sqlite_abi import OPEN_CREATE, OPEN_MAIN_JOURNAL, OPEN_SUPER_JOURNAL, OPEN_WAL, Signature

NAME = b"watched"
_OK = sqlite3.SQLITE_OK
_WITH_SYNCED_NAMES = OPEN_WAL | OPEN_MAIN_JOURNAL | OPEN_SUPER_JOURNAL


class Kind(StrEnum):
    """What an I/O call does; the value is its name in a printed trace."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    SYNC_FOLDER = "sync folder"
    SIZE = "size"
    DELETE = "delete"
    ACCESS = "access"
    SHM_MAP = "map shm"


CHANGES = frozenset({Kind.OPEN, Kind.WRITE, Kind.TRUNCATE, Kind.SYNC, Kind.SYNC_FOLDER, Kind.DELETE})
"""The calls that change what is on the disk, or what of it survives a power cut."""


class Event(NamedTuple):
    """One I/O call; `path` is absolute, '' for a temporary file of SQLite's own."""

    kind: Kind
    path: str
    offset: int = 0  # in bytes
    size: int = 0  # in bytes: of what is read or written; of the file after a truncate
    data: bytes = b""  # of a write
    flags: int = 0  # SQLite's, of an open; its syncDir, of a delete; its flags, of a sync


@attrs.frozen
class Partly:
    """An answer of `Observer.decide` to a write: the first `size` bytes are written, then it fails with `code`."""

    code: int
    size: int


class Observer:
    """Lets everything happen and keeps nothing; the base of those that do more."""

    def decide(self, event: Event) -> "int | Partly":
        """Return 0 for a call that is to be made, else the SQLite code with which it fails without being made.

        A SYNC_FOLDER that SQLite makes on its own, after the first sync of a new journal or WAL, cannot fail: SQLite
        does not look at what comes of it.
        """
        return _OK

    def happened(self, event: Event) -> None:
        """Learn of a call that was made and succeeded."""


class Shim:
    """The registered VFS. There is one a process, `shim()`; use `watched`."""

    def __init__(self) -> None:
        """Register with the library that `sqlite3` calls; prove that it sees what Python's connections do."""
        self.observer: Observer | None = None
        self.random: random.Random | None = None
        self.errors: list[BaseException] = []
        self._kept: list[Any] = []  # callbacks and tables: SQLite may call them until the process ends
        self._paths: dict[int, str] = {}  # of open files, by the address of SQLite's file object
        self._unsynced_names: set[int] = set()  # new journals, whose folder SQLite syncs with their first sync
        self._tables: dict[int, int] = {}  # address of an original table of methods -> that of the copy
        self._library = abi.library()
        self._original: int = self._library.sqlite3_vfs_find(None)
        self._vfs = self._copy_of_vfs()
        self._prove()

    def install(self, observer: Observer, seed: int) -> None:
        """Make new connections go through the shim."""
        self.observer = observer
        self.random = random.Random(seed)
        self._register(self.address)

    def uninstall(self) -> None:
        """Give the original back its place; raise what an observer raised in the meantime."""
        self.observer = None
        self.random = None
        self._register(self._original)
        if self.errors:
            errors, self.errors = self.errors, []
            raise errors[0]

    @property
    def address(self) -> int:
        """Where SQLite finds the VFS."""
        return ctypes.addressof(self._vfs)

    def open_paths(self) -> list[str]:
        """Return the paths of the files that are open through the shim, sorted."""
        return sorted(self._paths.values())

    def _register(self, address: int) -> None:
        code = self._library.sqlite3_vfs_register(address, 1)
        if code != _OK:
            raise RuntimeError(f"sqlite3_vfs_register returned {code}")
        self._library.sqlite3_randomness(0, None)  # drawn anew from the VFS that is now the default

    def _prove(self) -> None:
        class Seen(Observer):
            writes = 0

            def happened(self, event: Event) -> None:
                self.writes += event.kind is Kind.WRITE

        seen = Seen()
        with tempfile.TemporaryDirectory() as folder:
            self.install(seen, 0)
            try:
                connection = sqlite3.connect(Path(folder) / "proof.db")
                connection.execute("CREATE TABLE proof (x)")
                connection.close()
            finally:
                self.uninstall()
        if not seen.writes:
            raise RuntimeError("the shim saw no write of Python's sqlite3 module: it sits in another copy of SQLite")

    def _guarded(self, fails_with: int, function: Callable[..., int]) -> Callable[..., int]:
        """Keep what an observer raises for `uninstall`: an exception cannot pass through SQLite."""

        def guarded(*arguments: Any) -> int:
            try:
                return function(*arguments)
            except BaseException as error:  # noqa: BLE001 - an interrupt too is raised later
                self.errors.append(error)
                return fails_with

        return guarded

    def _callback(self, signature: Signature, fails_with: int, function: Callable[..., int]) -> int:
        address, callback = signature.callback(self._guarded(fails_with, function))
        self._kept.append(callback)
        return address

    def _copy_of_vfs(self) -> abi.Vfs:
        original = abi.Vfs.from_address(self._original)
        copy = abi.Vfs.from_buffer_copy(original)
        copy.zName = NAME
        copy.pNext = None
        # fmt: off
        for name, signature, fails_with, made in (
            ("xOpen", abi.X_OPEN, sqlite3.SQLITE_CANTOPEN, self._opens),
            ("xDelete", abi.X_DELETE, sqlite3.SQLITE_IOERR_DELETE, self._deletes),
            ("xAccess", abi.X_ACCESS, sqlite3.SQLITE_IOERR_ACCESS, self._accesses),
            ("xRandomness", abi.X_RANDOMNESS, 0, self._draws),
        ):
            function = made(signature.at(getattr(original, name)))
            setattr(copy, name, self._callback(signature, fails_with, function))
        # fmt: on
        return copy

    def _copy_of_methods(self, address: int) -> int:
        """Return the address of a file's table with our functions in it; one copy for each original."""
        if address not in self._tables:
            original = abi.Methods.from_address(address)
            copy = abi.Methods.from_buffer_copy(original)
            copy.iVersion = min(original.iVersion, 2)  # from 3 on SQLite may read through a memory map, unseen
            # fmt: off
            for name, signature, fails_with, made in (
                ("xClose", abi.X_CLOSE, sqlite3.SQLITE_IOERR_CLOSE, self._closes),
                ("xRead", abi.X_READ, sqlite3.SQLITE_IOERR_READ, self._reads),
                ("xWrite", abi.X_WRITE, sqlite3.SQLITE_IOERR_WRITE, self._writes),
                ("xTruncate", abi.X_TRUNCATE, sqlite3.SQLITE_IOERR_TRUNCATE, self._truncates),
                ("xSync", abi.X_SYNC, sqlite3.SQLITE_IOERR_FSYNC, self._syncs),
                ("xFileSize", abi.X_FILE_SIZE, sqlite3.SQLITE_IOERR_FSTAT, self._sizes),
                ("xShmMap", abi.X_SHM_MAP, sqlite3.SQLITE_IOERR_SHMMAP, self._maps_shm),
            ):
                if getattr(original, name):
                    function = made(signature.at(getattr(original, name)))
                    setattr(copy, name, self._callback(signature, fails_with, function))
            # fmt: on
            self._kept.append(copy)
            self._tables[address] = ctypes.addressof(copy)
        return self._tables[address]

    def _opens(self, original: Callable[..., int]) -> Callable[..., int]:
        def opens(_vfs: int, name: int | None, file: int, flags: int, out_flags: int | None) -> int:
            path = os.fsdecode(ctypes.string_at(name)) if name else ""
            observer, event = self.observer, Event(Kind.OPEN, path, flags=flags)
            methods = c_void_p.from_address(file)
            if observer is not None and (code := observer.decide(event)):
                methods.value = None  # else SQLite would call xClose of a file that was never opened
                return _code(code)
            result = original(self._original, name, file, flags, out_flags)
            if methods.value is not None:
                methods.value = self._copy_of_methods(methods.value)
                self._paths[file] = path
                self._unsynced_names.discard(file)
                if flags & OPEN_CREATE and flags & _WITH_SYNCED_NAMES:
                    self._unsynced_names.add(file)
            if observer is not None and result == _OK:
                observer.happened(event)
            return result

        return opens

    def _deletes(self, original: Callable[..., int]) -> Callable[..., int]:
        def deletes(_vfs: int, name: int, sync_folder: int) -> int:
            path = os.fsdecode(ctypes.string_at(name))
            observer, event = self.observer, Event(Kind.DELETE, path, flags=sync_folder)
            if observer is not None and (code := observer.decide(event)):
                return _code(code)
            result = original(self._original, name, sync_folder)
            if observer is not None and result == _OK:
                observer.happened(event)
                if sync_folder:
                    observer.happened(Event(Kind.SYNC_FOLDER, os.path.dirname(path)))  # noqa: PTH120 - it is a str
            return result

        return deletes

    def _accesses(self, original: Callable[..., int]) -> Callable[..., int]:
        def accesses(_vfs: int, name: int, flags: int, out: int) -> int:
            observer = self.observer
            if observer is not None:
                event = Event(Kind.ACCESS, os.fsdecode(ctypes.string_at(name)), flags=flags)
                if code := observer.decide(event):
                    return _code(code)
            return original(self._original, name, flags, out)

        return accesses

    def _draws(self, original: Callable[..., int]) -> Callable[..., int]:
        def draws(_vfs: int, size: int, out: int) -> int:
            if self.random is None:
                return original(self._original, size, out)
            ctypes.memmove(out, self.random.randbytes(size), size)
            return size

        return draws

    def _closes(self, original: Callable[..., int]) -> Callable[..., int]:
        def closes(file: int) -> int:
            self._paths.pop(file, None)
            return original(file)

        return closes

    def _reads(self, original: Callable[..., int]) -> Callable[..., int]:
        def reads(file: int, buffer: int, size: int, offset: int) -> int:
            observer = self.observer
            if observer is not None:
                event = Event(Kind.READ, self._paths[file], offset, size)
                if code := observer.decide(event):
                    return _code(code)
            return original(file, buffer, size, offset)

        return reads

    def _writes(self, original: Callable[..., int]) -> Callable[..., int]:
        def writes(file: int, buffer: int, size: int, offset: int) -> int:
            observer = self.observer
            if observer is None:
                return original(file, buffer, size, offset)
            event = Event(Kind.WRITE, self._paths[file], offset, size, ctypes.string_at(buffer, size))
            answer = observer.decide(event)
            if isinstance(answer, Partly):
                event = event._replace(size=answer.size, data=event.data[: answer.size])
            elif answer:
                return answer
            result = original(file, buffer, event.size, offset)
            if result == _OK:
                observer.happened(event)
            return answer.code if isinstance(answer, Partly) else result

        return writes

    def _truncates(self, original: Callable[..., int]) -> Callable[..., int]:
        def truncates(file: int, size: int) -> int:
            observer, event = self.observer, Event(Kind.TRUNCATE, self._paths[file], size=size)
            if observer is not None and (code := observer.decide(event)):
                return _code(code)
            result = original(file, size)
            if observer is not None and result == _OK:
                observer.happened(event)
            return result

        return truncates

    def _syncs(self, original: Callable[..., int]) -> Callable[..., int]:
        def syncs(file: int, flags: int) -> int:
            observer, event = self.observer, Event(Kind.SYNC, self._paths[file], flags=flags)
            if observer is not None and (code := observer.decide(event)):
                return _code(code)
            result = original(file, flags)
            if result == _OK:
                if observer is not None:
                    observer.happened(event)
                if file in self._unsynced_names:
                    self._unsynced_names.discard(file)
                    if observer is not None:
                        observer.happened(Event(Kind.SYNC_FOLDER, os.path.dirname(event.path)))  # noqa: PTH120
            return result

        return syncs

    def _sizes(self, original: Callable[..., int]) -> Callable[..., int]:
        def sizes(file: int, out: int) -> int:
            observer = self.observer
            if observer is not None and (code := observer.decide(Event(Kind.SIZE, self._paths[file]))):
                return _code(code)
            return original(file, out)

        return sizes

    def _maps_shm(self, original: Callable[..., int]) -> Callable[..., int]:
        def maps_shm(file: int, region: int, size: int, extend: int, out: int) -> int:
            observer = self.observer
            if observer is not None:
                event = Event(Kind.SHM_MAP, self._paths[file], region * size, size, flags=extend)
                if code := observer.decide(event):
                    c_void_p.from_address(out).value = None
                    return _code(code)
            return original(file, region, size, extend, out)

        return maps_shm


def _code(answer: int | Partly) -> int:
    return answer.code if isinstance(answer, Partly) else answer


_lock = threading.Lock()
_shims: list[Shim] = []


def shim() -> Shim:
    """Return the process's one shim, registered at the first call; raise RuntimeError where it cannot be."""
    with _lock:
        if not _shims:
            _shims.append(Shim())
        return _shims[0]


@contextmanager
def watched(observer: Observer, *, seed: int = 0) -> Iterator[Shim]:
    """Let the observer see, and decide on, all I/O of connections that are opened in the block."""
    watching = shim()
    if watching.observer is not None:
        raise RuntimeError("an observer is installed already")
    watching.install(observer, seed)
    try:
        yield watching
    finally:
        watching.uninstall()
