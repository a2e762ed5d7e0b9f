"""How a ledger file is opened: for writing, for reading beside a writer, and for reading without leaving a trace.

A reader that may change nothing has three ways in, by what lies beside the file:

    -wal and -shm           SQLite's own, with a shared-memory file that it only reads (`readonly_shm`)
    no -wal, or no frame    the file alone is everything (`immutable`); whether that still holds is looked at before
                            and after each query
    -wal without -shm       a power cut or a copy; reading it would need a new -shm, so both are copied elsewhere first

Inside one process SQLite shares one -shm among all connections, as the first of them opened it: a writer that
opens after a reader could not write. So it makes this process's readers let go first; they connect again at their
next query.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

import attrs

from ledger_core.errors import LedgerClosed, StorageBusy, StorageCorrupt, StorageError
from ledger_storage_sqlite import schema
from ledger_storage_sqlite._location import DURABILITIES, WAL_HEADER_BYTES, Location, require_file_of_log
from ledger_storage_sqlite._schema_check import require_readable, require_writable

SQLITE_VERSION_MIN = (3, 37, 0)
"""From here on SQLite has STRICT tables."""

ATTEMPTS_MAX = 8
"""How often a reader starts again because the file changed while it was read."""

CHANGE_PAUSE = 0.001
"""Seconds before a reader looks again at what a writer was just changing."""

JOURNAL_SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes to which SQLite cuts a WAL that a long reader let grow, once it starts over."""

_STATEMENT_CACHE = 256
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")

# PRAGMA -> what it must read back as. A misspelt or refused PRAGMA raises nothing (RELIABILITY, trap 1).
_WRITER_PRAGMAS: Mapping[str, int] = {
    "trusted_schema": 0,
    "cell_size_check": 1,
    "foreign_keys": 1,
    "recursive_triggers": 1,  # else INSERT OR REPLACE passes by the triggers that guard the journal
    "wal_autocheckpoint": 0,  # its errors are swallowed; `Writer` checkpoints and looks at the result
    "journal_size_limit": JOURNAL_SIZE_LIMIT,
    "mmap_size": 0,
}
_READER_PRAGMAS: Mapping[str, int] = {
    "query_only": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
    "temp_store": 2,  # a reader's sorts stay in memory: nothing of the ledger is left in a temporary folder
}
_SYNCHRONOUS = {"OFF": 0, "NORMAL": 1, "FULL": 2, "EXTRA": 3}

opening = threading.RLock()
"""Held while a connection of this process is opened, so that a writer's and a reader's opening never interleave."""

_readers: "WeakSet[ReadConnection]" = WeakSet()


def require_sqlite() -> None:
    """Raise StorageError for an SQLite that lacks what the schema needs."""
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        needed = ".".join(map(str, SQLITE_VERSION_MIN))
        raise StorageError(
            f"SQLite {needed} or newer is needed; this Python has {sqlite3.sqlite_version}",
            found=sqlite3.sqlite_version,
            needed=needed,
        )


def connect(uri: str, *, busy_timeout: float) -> sqlite3.Connection:
    """Open a connection that leaves transactions to us and may be used, under a lock, from any thread."""
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENT_CACHE,
    )


def set_pragmas(connection: sqlite3.Connection, pragmas: Mapping[str, int]) -> None:
    """Set each PRAGMA and read it back; raise StorageError where SQLite has not taken it."""
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        row = connection.execute(f"PRAGMA {name}").fetchone()
        # A build without memory mapping answers mmap_size with no row at all.
        if row != (value,) and not (name == "mmap_size" and row is None):
            raise StorageError(f"SQLite did not take PRAGMA {name} = {value}: it reads back {row}", pragma=name)


def connect_writer(location: Location) -> sqlite3.Connection:
    """Open the file, which must exist, for writing: its settings verified, its schema current.

    The caller holds the file's lock and `opening`.
    """
    for reader in list(_readers):
        reader.let_go(location.path)
    _refuse_super_journal(location)
    connection = connect(location.uri("mode=rw"), busy_timeout=location.busy_timeout)
    try:
        set_pragmas(connection, _WRITER_PRAGMAS)
        # Before anything is written: a foreign database must not even be switched to WAL.
        version = schema.version_of(connection)
        require_writable(connection, version)
        set_pragmas(connection, {"synchronous": _SYNCHRONOUS[DURABILITIES[location.durability]]})
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StorageError(f"SQLite did not switch {location.path} to WAL: journal_mode reads back {mode!r}")
        if version < schema.SCHEMA_VERSION:
            schema.migrate(connection)
            require_writable(connection, schema.SCHEMA_VERSION)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_super_journal(location: Location) -> None:
    """Raise StorageCorrupt for a rollback journal that names a further file, which SQLite would delete after it.

    Only a transaction over several databases writes such a name, at the journal's end; a ledger has none of those.
    """
    journal = location.beside("-journal")
    if not journal.exists():
        return
    with journal.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - len(_JOURNAL_MAGIC)))
        tail = file.read()
    if tail == _JOURNAL_MAGIC:
        raise StorageCorrupt(f"{journal} is none of a ledger's: it names a file to be deleted; remove it")


@attrs.frozen
class _Signature:
    """What tells that a file, and the -wal beside it, are still those that were opened."""

    file: tuple[int, int, int] | None
    wal: tuple[int, int, int] | None
    has_shm: bool

    @classmethod
    def of(cls, location: Location) -> "_Signature":
        """Look at the files; nothing is opened."""
        shm = location.beside("-shm")
        return cls(_stamp(location.path), _stamp(location.beside("-wal")), _stamp(shm) is not None)

    @property
    def wal_bytes(self) -> int:
        """How long the -wal is, 0 if there is none."""
        return self.wal[1] if self.wal else 0


def _is_of_a_change(error: sqlite3.Error) -> bool:
    """Whether SQLite, which may not write here, met a writer that opened the shared memory or changed its header.

    It takes a header that it read in the middle of a change for a broken one, if the writer is done by the time that
    it looks whether anybody writes.
    """
    code = getattr(error, "sqlite_errorcode", None)  # an error of Python's own module has none
    return code in (sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTINIT)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)


class ReadConnection:
    """The connection behind `head`, `load`, `find` and `read`: each query is its own short transaction."""

    def __init__(self, location: Location, open_writer: Callable[[], None] | None = None) -> None:
        """Connect at once; `open_writer` is called before each later connect, by a repository that has a writer."""
        self._location = location
        self._open_writer = open_writer
        self._mutex = threading.Lock()
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._signature: _Signature | None = None  # of a file taken for unchanging; None beside -wal and -shm
        self._remove_copy: weakref.finalize[..., ReadConnection] | None = None
        with opening, self._mutex:
            self._connect()
            _readers.add(self)

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        for _ in range(ATTEMPTS_MAX):
            with self._mutex:
                rows = self._query(statement, parameters)
            if rows is not None:
                return rows
            if self._open_writer is not None:
                self._open_writer()
            with opening, self._mutex:
                if self._closed:
                    raise LedgerClosed("this repository is closed")
                if self._connection is None:
                    self._connect()
        raise StorageBusy(f"{self._location.path} changed again and again while it was read")

    def let_go(self, path: Path) -> None:
        """Close the connection if it is a trace-free reader's of this file; the next query connects again."""
        if path == self._location.path and self._open_writer is None:
            self.disconnect()

    def reads_from(self, path: Path) -> bool:
        """Whether the connection is open, and to this file."""
        return self._connection is not None and self._location.path == path

    def disconnect(self) -> None:
        """Close the connection; the next query connects again."""
        with self._mutex:
            self._disconnect()

    def close(self) -> None:
        """Close the connection for good."""
        with self._mutex:
            self._closed = True
            self._disconnect()

    def abandon(self) -> None:
        """Forget a connection inherited from a parent process, without closing it."""
        self._mutex = threading.Lock()
        keep_for_ever(self._connection)
        self._connection = None
        if self._remove_copy is not None:
            self._remove_copy.detach()  # the parent's to remove
            self._remove_copy = None

    def _query(self, statement: str, parameters: Sequence[Any]) -> list[Any] | None:
        """Return the rows, or None if there is no connection or the file is not the one that was opened."""
        if self._connection is None:
            return None
        if self._signature is None:
            return self._beside_a_writer(statement, parameters)
        rows = None
        if self._is_unchanged():
            try:
                rows = self._connection.execute(statement, parameters).fetchall()
            except sqlite3.Error:
                if self._is_unchanged():
                    raise
        if rows is None or not self._is_unchanged():
            self._disconnect()
            return None
        return rows

    def _beside_a_writer(self, statement: str, parameters: Sequence[Any]) -> list[Any] | None:
        """Return the rows, or None where what a writer was just changing is to be looked at again."""
        assert self._connection is not None, "connected"
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if not _is_of_a_change(error):
                raise
        time.sleep(CHANGE_PAUSE)
        return None

    def _is_unchanged(self) -> bool:
        return _Signature.of(self._location) == self._signature

    def _connect(self) -> None:
        if self._open_writer is not None:
            self._open("mode=ro")
            return
        for _ in range(ATTEMPTS_MAX):
            signature = _Signature.of(self._location)
            self._require_complete(signature)
            if signature.wal is not None and signature.has_shm and signature.wal_bytes != WAL_HEADER_BYTES:
                try:
                    self._open("mode=ro&readonly_shm=1")
                except sqlite3.OperationalError as error:
                    if not _is_of_a_change(error):
                        raise
                    time.sleep(CHANGE_PAUSE)
                    continue
                return
            if signature.wal_bytes <= WAL_HEADER_BYTES:
                self._open("mode=ro&immutable=1", signature)
            else:
                self._open_copy(signature)
            if self._is_unchanged():
                return
            self._disconnect()
        raise StorageBusy(f"{self._location.path} changed again and again while it was opened")

    def _require_complete(self, signature: _Signature) -> None:
        require_file_of_log(self._location)
        if signature.file is None:
            raise StorageError(f"there is no ledger file {self._location.path}")
        if _stamp(self._location.beside("-journal")) is not None:
            raise StorageError(
                f"{self._location.path} was left in the middle of being made; open it once for writing to repair it"
            )

    def _open(self, parameters: str, signature: _Signature | None = None, path: Path | None = None) -> None:
        location = self._location if path is None else attrs.evolve(self._location, path=path)
        self._connection = connect(location.uri(parameters), busy_timeout=location.busy_timeout)
        self._signature = signature
        try:
            set_pragmas(self._connection, _READER_PRAGMAS)
            schema.require_current(schema.version_of(self._connection))
            require_readable(self._connection, schema.SCHEMA_VERSION)
        except BaseException:
            if signature is not None and not self._is_unchanged():
                return  # what was read is of no meaning; the caller sees the change and starts again
            self._disconnect()
            raise

    def _open_copy(self, signature: _Signature) -> None:
        import shutil  # here: few readers ever come to a file without its shared memory
        import tempfile

        folder = tempfile.mkdtemp(prefix="strategy-ledger-")
        self._remove_copy = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = Path(folder) / self._location.path.name
        # Nobody is connected to a file whose -shm is missing, so opening it here drops no lock.
        for suffix in ("", "-wal"):
            shutil.copyfile(self._location.beside(suffix), path.with_name(path.name + suffix))
        self._open("mode=rw", signature, path)

    def _disconnect(self) -> None:
        connection, self._connection, self._signature = self._connection, None, None
        if connection is not None:
            connection.close()
        if self._remove_copy is not None:
            self._remove_copy()
            self._remove_copy = None


def reads_from(path: Path) -> bool:
    """Whether this process has a connection to the file that reads."""
    return any(reader.reads_from(path) for reader in list(_readers))


_kept: list[sqlite3.Connection] = []


def keep_for_ever(connection: sqlite3.Connection | None) -> None:
    """Never close a connection that fork() copied: SQLite's clean-up in the child would act for the parent."""
    if connection is not None:
        import ctypes

        _kept.append(connection)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _after_fork() -> None:
    opening.release()
    for reader in list(_readers):
        reader.abandon()


# Held across fork(), so that the child does not inherit it from a thread that it does not have.
os.register_at_fork(before=opening.acquire, after_in_parent=opening.release, after_in_child=_after_fork)
