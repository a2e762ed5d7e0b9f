"""The one connection that writes: its lock, its transactions, its checkpoints, and what follows a failed commit.

After a commit that failed in the air the connection is not used again. What the journal holds is then found out
by opening the file anew, with the bytes of the WAL rewritten and synced first: after a failed fsync() the kernel
may show bytes that are not on the disk, and the next power cut would take away what a lookup had just confirmed.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet

from ledger_core.errors import LedgerClosed, LedgerError, OutcomeUnknown
from ledger_storage_sqlite import statements
from ledger_storage_sqlite._connections import ReadConnection, connect_writer, keep_for_ever, opening, reads_from
from ledger_storage_sqlite._location import Location, require_file_of_log, size_of
from ledger_storage_sqlite._locks import Claims, LockFile, WriteLock, make_folder
from ledger_storage_sqlite._recovery import rewrite_wal
from ledger_storage_sqlite._translate import primary_code, translate

CHECKPOINT_ROWS = 800
"""Rows written by this connection after which it copies the WAL into the file: about 2,000 pages, 8 MiB.

That is one command in some two hundred, so that the slowest of a hundred is one that copied nothing.
"""

WAL_BYTES_MAX = 8 * 1024 * 1024
"""A WAL that is found longer than this when the file is opened is copied into the file at once."""

WAL_FRAMES_WARNING = 25_000
"""Pages in the WAL, about 100 MiB, from which on a reader that pins it is complained of."""

_FILE_MODE = 0o600

# Where SQLite reports these from COMMIT, the commit's last page was not written: the transaction did not happen.
_CERTAINLY_NOT_COMMITTED = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY})
# After these the connection's view of the disk is not to be trusted: it is opened again before its next use.
_UNTRUSTED = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# After these, once rolled back, nothing is in doubt that the next writer would have to make durable first.
_HARMLESS: frozenset[int | None] = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR}
)

_log = logging.getLogger("ledger_storage_sqlite")
_writers: "WeakSet[Writer]" = WeakSet()


class Writer:
    """Writes to one file for one repository, together with the connection that the repository reads by."""

    def __init__(self, location: Location) -> None:
        """Open the file, make it if it is not there, and bring its schema up to date."""
        self._location = location
        self._mutex = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._changes_checkpointed = 0
        self._closed = False
        self._is_alone = False
        self._is_only_writer = False
        self._lock = WriteLock(location.beside("-lock"))
        try:
            folder = make_folder(location.beside("-claims"))
            self._users = LockFile(folder / ".writers")
        except BaseException:
            self._lock.close()
            raise
        self.claims = Claims(folder)
        try:
            self._lock.acquire(location.busy_timeout)
            try:
                self._connect()
                self.reader = ReadConnection(location, self.ensure_connected)
            except BaseException:
                self._close_connection()
                raise
            finally:
                self._lock.release()
        except BaseException:
            self._close_files()
            raise
        _writers.add(self)

    def write(self, work: Callable[[sqlite3.Connection], None], what: str) -> None:
        """Run `work` in a transaction and commit it durably; whatever it raises, nothing of it is stored.

        Raises OutcomeUnknown if the commit itself failed and SQLite cannot say that it did not happen.
        """
        with self._mutex:
            self._require_open()
            if self._is_alone:
                self._write(work, what)
                return
            self._lock.acquire(self._location.busy_timeout)
            self._is_alone = True
            try:
                self._write(work, what)
            finally:
                self._is_alone = False
                self._lock.release()

    def _write(self, work: Callable[[sqlite3.Connection], None], what: str) -> None:
        """Write; the caller holds the file's lock."""
        connection = self._trusted_connection()
        self._lock.mark()
        try:
            connection.execute(statements.BEGIN)
            work(connection)
            self._commit(connection, what)
        except BaseException as error:
            self._roll_back(connection, error)
            raise
        if connection.total_changes - self._changes_checkpointed >= CHECKPOINT_ROWS and not self._checkpoint(
            connection, statements.CHECKPOINT_PASSIVE
        ):
            self._discard()
        else:
            self._ended_well()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the file's lock; a write inside the block, by the same thread, does not take it again."""
        with self._mutex:
            self._require_open()
            if self._is_alone:
                yield
                return
            self._lock.acquire(self._location.busy_timeout)
            self._is_alone = True
            try:
                yield
            finally:
                self._is_alone = False
                self._lock.release()

    def ensure_connected(self) -> None:
        """Open the file anew if a failed write left it closed, so that what is read next is what is on the disk."""
        with self._mutex:
            self._require_open()
            if self._connection is None:
                with self.alone():
                    self._reconnect()

    def close(self) -> None:
        """Copy the WAL into the file and let go of everything; -wal and -shm stay, for readers to come."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            connection, self._connection = self._connection, None
            try:
                if connection is not None:
                    try:
                        if self._lock.try_acquire() and not self._lock.is_marked:
                            # Readers are not waited for: what they still need stays in the WAL.
                            connection.execute("PRAGMA busy_timeout = 0")
                            self._lock.mark()
                            if self._checkpoint(connection, statements.CHECKPOINT_TRUNCATE):
                                self._ended_well()
                    finally:
                        connection.close()
            finally:
                # Last, and read-only: a last connection that may write would delete -wal and -shm.
                self.reader.close()
                self._close_files()

    def writes_to(self, path: Path) -> bool:
        """Whether this writer has a connection to the file."""
        return self._connection is not None and self._location.path == path

    def abandon(self) -> None:
        """Forget what was inherited from a parent process, without touching what the parent still uses."""
        self._mutex = threading.RLock()
        self._is_alone = False
        keep_for_ever(self._connection)
        self._connection = None
        self._close_files()

    def _close_files(self) -> None:
        self.claims.close()
        self._users.close()
        self._lock.close()

    def _require_open(self) -> None:
        if self._closed:
            raise LedgerClosed("this repository is closed")

    @property
    def is_unchecked(self) -> bool:
        """Whether a writer did not end well, and the journal's end was not looked through since."""
        with self._mutex:
            self._require_open()
            return self._lock.is_unchecked

    def clear_unchecked(self) -> None:
        """Note that the journal's end was looked through."""
        with self._mutex:
            self._require_open()
            self._lock.clear_unchecked()

    def _trusted_connection(self) -> sqlite3.Connection:
        """Return the connection; first make durable what another writer, who did not end well, left in the WAL."""
        if self._connection is None:
            return self._reconnect()
        if self._lock.is_marked:
            self._recover()
        return self._connection

    def _recover(self) -> None:
        self._lock.mark_unchecked()
        rewrite_wal(self._location, self._lock.descriptor, is_open_here=_is_open_here(self._location))

    def _connect(self) -> sqlite3.Connection:
        """Open the connection; the caller holds the file's lock."""
        require_file_of_log(self._location)
        with opening:
            self._is_only_writer = self._users.try_acquire()
            try:
                is_marked = self._lock.is_marked
                # SQLite makes the names of new files durable too, but says nothing where that fails. A file that is
                # empty, or not there yet, may be new beside the log of one that was deleted.
                is_old = size_of(self._location.path) > 0 and self._location.beside("-wal").exists()
                has_new_names = is_marked or not is_old
                # A power cut takes the mark along, but a WAL that is not empty tells of it.
                if is_marked or (self._is_only_writer and self._wal_bytes()):
                    self._recover()
                self._users.share()
                is_new = make_file(self._location)
                if not is_new and not size_of(self._location.path) and self._location.durability != "none":
                    sync_empty_file(self._location)
                if has_new_names and self._location.durability != "none":
                    # Before there can be a log: after a power cut a log without its file cannot be read.
                    sync_folder(self._location)
                self._lock.mark()
                connection = connect_writer(self._location)
            except BaseException as error:
                self._users.release()
                if isinstance(error, LedgerError):  # the file was not touched
                    self._ended_well()
                raise
            try:
                if has_new_names and self._location.durability != "none":
                    sync_folder(self._location)
            except BaseException:
                connection.close()
                self._users.release()
                raise
        self._changes_checkpointed = connection.total_changes
        self._connection = connection
        if self._wal_bytes() <= WAL_BYTES_MAX or self._checkpoint(connection, statements.CHECKPOINT_PASSIVE):
            self._ended_well()
        return connection

    def _ended_well(self) -> None:
        """Clear the mark; one that stays does no harm, so what was committed is not called in doubt for it."""
        try:
            self._lock.clear()
        except OSError:
            _log.exception("the mark in %s stays: the next writer makes the WAL durable once more", self._lock.path)

    def _wal_bytes(self) -> int:
        return size_of(self._location.beside("-wal"))

    def _reconnect(self) -> sqlite3.Connection:
        """Open the file anew and commit one page to it, so that no remains of a failed commit can come back.

        Pages that a failed commit left behind the end of the WAL could be taken for a commit by a later recovery,
        after a lookup said that it had not happened; the page written here overwrites their beginning. Where this
        is the only writer, opening was that recovery, so what it found stands and may be read even if the disk is
        too full to write the page.
        """
        connection = self._connect()
        try:
            self._lock.mark()
            connection.execute(statements.BEGIN)
            (version,) = connection.execute(statements.USER_VERSION).fetchone()
            connection.execute(statements.set_user_version(version))
            connection.execute(statements.COMMIT)
        except (sqlite3.Error, OSError):
            if not self._is_only_writer:
                self._discard()
                raise
            _log.exception("%s was opened anew and can be read, but not written", self._location.path)
            if connection.in_transaction:
                connection.execute(statements.ROLLBACK)
        else:
            self._ended_well()
        return connection

    def _commit(self, connection: sqlite3.Connection, what: str) -> None:
        try:
            connection.execute(statements.COMMIT)
        except sqlite3.Error as error:
            if primary_code(error) in _CERTAINLY_NOT_COMMITTED:
                raise
            self._discard()
            reason = translate(error, what).message
            raise OutcomeUnknown(f"{reason}; whether it was stored will be known when the file is read") from error

    def _roll_back(self, connection: sqlite3.Connection, cause: BaseException) -> None:
        """End the transaction that failed; a connection that cannot even do that is not used again."""
        if self._connection is not connection:
            return
        try:
            if connection.in_transaction:
                connection.execute(statements.ROLLBACK)
        except sqlite3.Error:
            _log.exception("rolling back failed; %s is opened anew", self._location.path)
            self._discard()
            return
        if isinstance(cause, sqlite3.Error) and primary_code(cause) in _UNTRUSTED:
            self._discard()
        elif not _is_of_the_disk(cause):
            self._ended_well()

    def _discard(self) -> None:
        """Close everything that is open on the file; the next write or read opens it anew."""
        self._close_connection()
        self.reader.disconnect()
        self._users.release()

    def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _checkpoint(self, connection: sqlite3.Connection, statement: str) -> bool:
        """Copy the WAL into the file as far as readers allow; what was committed is safe, whatever comes of it.

        Return False where the disk failed, after which the connection is not to be used again.
        """
        self._changes_checkpointed = connection.total_changes
        try:
            busy, frames, copied = connection.execute(statement).fetchone()
        except sqlite3.Error as error:
            if primary_code(error) == sqlite3.SQLITE_BUSY:
                return True
            _log.exception("copying the WAL into %s failed; it is kept", self._location.path)
            return primary_code(error) not in _UNTRUSTED
        if frames > WAL_FRAMES_WARNING and copied < frames:
            _log.warning(
                "the WAL of %s has grown to %d pages, of which %d are copied: a long reader pins it (busy=%d)",
                self._location.path,
                frames,
                copied,
                busy,
            )
        return True


def _is_of_the_disk(error: BaseException) -> bool:
    """Whether an error, after which all was rolled back, may have left something in doubt."""
    if isinstance(error, sqlite3.Error):
        return primary_code(error) not in _HARMLESS
    return isinstance(error, OSError)


def _is_open_here(location: Location) -> bool:
    """Whether this process has a connection to the file."""
    return reads_from(location.path) or any(writer.writes_to(location.path) for writer in list(_writers))


def make_file(location: Location) -> bool:
    """Make an empty file for its owner alone, unless there is one, and say whether it was made."""
    try:
        descriptor = os.open(location.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    except FileExistsError:
        return False
    os.close(descriptor)
    return True


def sync_empty_file(location: Location) -> None:
    """Make it durable that a file is empty, before SQLite opens it.

    Whoever wanted to make a ledger of it may have failed at a sync, and taken the first page back; on the disk that
    page may still be, in part. SQLite would take the journal that removes it for one of nothing, and delete it: after
    a power cut the file would be no database. No connection has an empty file open, so to close it drops no lock.
    """
    descriptor = os.open(location.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(location: Location) -> None:
    """Make the names of new files durable: a power cut may otherwise take away a file that was synced itself."""
    descriptor = os.open(location.path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _after_fork() -> None:
    for writer in list(_writers):
        writer.abandon()


os.register_at_fork(after_in_child=_after_fork)
