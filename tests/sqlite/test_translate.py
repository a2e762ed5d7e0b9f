"""What SQLite, Python and the operating system raise becomes an error of the ledger's own, of one kind each."""

import errno
import os
import sqlite3
from typing import Any

import pytest

from ledger_core.errors import InvalidValue, LedgerError, StorageBusy, StorageCorrupt, StorageError, StorageFull
from ledger_storage_sqlite._translate import DriverError, primary_code, translate, translated


def _sqlite(code: int, name: str, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind("as SQLite says it")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


@pytest.mark.parametrize(
    ("error", "kind", "attributes"),
    [
        (_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT"), StorageBusy, "SQLITE_BUSY_SNAPSHOT"),
        (_sqlite(sqlite3.SQLITE_LOCKED, "SQLITE_LOCKED"), StorageBusy, "SQLITE_LOCKED"),
        (_sqlite(sqlite3.SQLITE_PROTOCOL, "SQLITE_PROTOCOL"), StorageBusy, "SQLITE_PROTOCOL"),
        (_sqlite(sqlite3.SQLITE_FULL, "SQLITE_FULL"), StorageFull, "SQLITE_FULL"),
        (_sqlite(sqlite3.SQLITE_CORRUPT_INDEX, "SQLITE_CORRUPT_INDEX"), StorageCorrupt, "SQLITE_CORRUPT_INDEX"),
        (_sqlite(sqlite3.SQLITE_NOTADB, "SQLITE_NOTADB"), StorageCorrupt, "SQLITE_NOTADB"),
        (_sqlite(sqlite3.SQLITE_READONLY, "SQLITE_READONLY"), StorageError, "SQLITE_READONLY"),
        (_sqlite(sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"), StorageError, "SQLITE_IOERR_FSYNC"),
        (_sqlite(sqlite3.SQLITE_ERROR, "SQLITE_ERROR"), StorageError, "SQLITE_ERROR"),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), StorageError, "ProgrammingError"),
        (sqlite3.OperationalError("Could not decode to UTF-8 column 'x'"), StorageCorrupt, {}),
        (_sqlite(sqlite3.SQLITE_FULL, "could not decode to UTF-8"), StorageFull, "could not decode to UTF-8"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StorageFull, {"errno": errno.ENOSPC}),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), StorageFull, {"errno": errno.EDQUOT}),
        (OSError(errno.EIO, os.strerror(errno.EIO)), StorageError, {"errno": errno.EIO}),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), InvalidValue, {"argument": "", "value": "\ud800"}),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no start"), StorageCorrupt, {}),
        (OverflowError("int too large to convert"), InvalidValue, {"argument": "", "value": None}),
    ],
)
def test_each_error_has_its_kind(error: DriverError, kind: type[LedgerError], attributes: Any) -> None:
    """Who catches it knows whether a retry makes sense and what was found; who reads it knows what was being done."""
    made = translate(error, "append to x.db")
    assert type(made) is kind
    assert made.context == ({"sqlite_error": attributes} if isinstance(attributes, str) else attributes)
    assert made.message.startswith("cannot append to x.db: ")


def test_an_error_without_a_number_is_told_in_its_own_words() -> None:
    """Not every OSError comes from the operating system."""
    assert translate(OSError("rewriting took too long"), "open x.db").message == (
        "cannot open x.db: rewriting took too long"
    )
    assert translate(OSError(errno.EIO, "the disk"), "open x.db").message == "cannot open x.db: the disk"
    assert translate(sqlite3.ProgrammingError("closed"), "open x.db").message == (
        "cannot open x.db: SQLite reported an error (ProgrammingError: closed)"
    )


def test_the_primary_code_is_the_low_byte() -> None:
    """An extended code says more of the same; what Python's module raises itself has none."""
    assert primary_code(_sqlite(sqlite3.SQLITE_IOERR_FSYNC, "")) == sqlite3.SQLITE_IOERR
    assert primary_code(sqlite3.ProgrammingError("closed")) is None


@pytest.mark.parametrize("error", [OSError(errno.EIO, "disk"), sqlite3.Error("x"), OverflowError("x")])
def test_a_block_raises_the_ledger_s_error_with_the_cause_behind_it(error: Exception) -> None:
    """Nothing of what the driver said is lost; any other error of the block is its own."""
    with pytest.raises(LedgerError, match=r"cannot read x\.db") as caught, translated("read x.db"):
        raise error
    assert caught.value.__cause__ is error
    with pytest.raises(ZeroDivisionError), translated("read x.db"):
        raise ZeroDivisionError
    with translated("read x.db"):
        pass
