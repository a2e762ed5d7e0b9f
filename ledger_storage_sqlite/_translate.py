"""The one place where errors of SQLite and of the operating system become errors of the ledger."""

import errno
import sqlite3
from types import TracebackType
from typing import Final

from ledger_core.errors import InvalidValue, StorageBusy, StorageCorrupt, StorageError, StorageFull

_PRIMARY_CODE: Final = 0xFF  # an extended result code carries the primary one in its low byte

_CLASSES: Final[dict[int, tuple[type[StorageError], str]]] = {
    sqlite3.SQLITE_BUSY: (StorageBusy, "the file stayed locked for longer than the busy timeout"),
    sqlite3.SQLITE_LOCKED: (StorageBusy, "the file stayed locked for longer than the busy timeout"),
    sqlite3.SQLITE_PROTOCOL: (StorageBusy, "the file's locks changed hands too often to read a consistent state"),
    sqlite3.SQLITE_FULL: (StorageFull, "the disk, or the room that the file may take, is full"),
    sqlite3.SQLITE_CORRUPT: (StorageCorrupt, "the file is damaged; restore a backup, or rebuild it from the journal"),
    sqlite3.SQLITE_NOTADB: (StorageCorrupt, "the file is no SQLite database"),
    sqlite3.SQLITE_READONLY: (StorageError, "the file, or its folder, cannot be written"),
    sqlite3.SQLITE_CANTOPEN: (StorageError, "the file, or one beside it, cannot be opened"),
    sqlite3.SQLITE_IOERR: (StorageError, "the disk reported an error"),
    sqlite3.SQLITE_CONSTRAINT: (StorageError, "the schema refused a row"),
}

_FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def primary_code(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code; None for errors that the Python module raised itself."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE


DriverError = sqlite3.Error | OSError | UnicodeError | OverflowError


def translate(error: DriverError, what: str) -> StorageError | InvalidValue:
    """Return the ledger's error for a driver's; `what` says in words what failed, such as `append to x.db`."""
    if isinstance(error, UnicodeEncodeError):
        return InvalidValue(f"cannot {what}: a text holds characters that UTF-8 cannot", value=error.object)
    if isinstance(error, UnicodeError):  # of SQLite's own message, which names a part of a damaged schema
        return StorageCorrupt(f"cannot {what}: the file's schema is damaged ({error})")
    if isinstance(error, OverflowError):
        return InvalidValue(f"cannot {what}: {error}")
    if isinstance(error, OSError):
        kind = StorageFull if error.errno in _FULL_ERRNOS else StorageError
        return kind(f"cannot {what}: {error.strerror or error}", errno=error.errno)
    code = primary_code(error)
    if code is None and "decode to UTF-8" in str(error):
        return StorageCorrupt(f"cannot {what}: the file holds text that is not UTF-8 ({error})")
    error_class, sentence = _CLASSES.get(code or 0, (StorageError, "SQLite reported an error"))
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return error_class(f"cannot {what}: {sentence} ({name}: {error})", sqlite_error=name)


class translated:  # noqa: N801  # used like a function, as contextlib's own are
    """Translates what a block raises; see `translate`."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        """Say in words what the block does."""
        self._what = what

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the ledger's error for a driver's."""
        if isinstance(error, (sqlite3.Error, OSError, UnicodeError, OverflowError)):
            raise translate(error, self._what) from error
