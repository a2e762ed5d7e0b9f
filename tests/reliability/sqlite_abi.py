"""SQLite's own structures and functions, as `sqlite3.h` declares them, and the library that Python's module calls."""

import ctypes
import sqlite3
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_int64, c_void_p
from typing import Any

# Flags of an open, which Python's module does not name.
OPEN_CREATE = 0x4
OPEN_MAIN_DB = 0x100
OPEN_MAIN_JOURNAL = 0x800
OPEN_SUPER_JOURNAL = 0x4000
OPEN_WAL = 0x80000


class Vfs(ctypes.Structure):
    """The table of a VFS, up to its version 3."""

    _fields_ = [
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        ("xDelete", c_void_p),
        ("xAccess", c_void_p),
        ("xFullPathname", c_void_p),
        ("xDlOpen", c_void_p),
        ("xDlError", c_void_p),
        ("xDlSym", c_void_p),
        ("xDlClose", c_void_p),
        ("xRandomness", c_void_p),
        ("xSleep", c_void_p),
        ("xCurrentTime", c_void_p),
        ("xGetLastError", c_void_p),
        ("xCurrentTimeInt64", c_void_p),
        ("xSetSystemCall", c_void_p),
        ("xGetSystemCall", c_void_p),
        ("xNextSystemCall", c_void_p),
    ]


_METHODS = (
    *("xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize", "xLock", "xUnlock", "xCheckReservedLock"),
    *("xFileControl", "xSectorSize", "xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap"),
    *("xFetch", "xUnfetch"),
)


class Methods(ctypes.Structure):
    """The table of an open file's methods, up to its version 3."""

    _fields_ = [("iVersion", c_int), *((name, c_void_p) for name in _METHODS)]


class Signature:
    """What a function of SQLite takes; it returns an int. Pointers come, and are given, as ints."""

    def __init__(self, *arguments: Any) -> None:
        """Take ctypes' types."""
        self._called = ctypes.PYFUNCTYPE(c_int, *arguments)
        self._given = ctypes.CFUNCTYPE(c_int, *arguments)

    def at(self, address: int) -> Callable[..., int]:
        """Return SQLite's function, to be called with the interpreter's lock held: none of them needs Python."""
        return self._called(address)

    def callback(self, function: Callable[..., int]) -> tuple[int, object]:
        """Return the address by which SQLite calls our function, for as long as the object beside it is kept."""
        made = self._given(function)
        address = ctypes.cast(made, c_void_p).value
        assert address is not None, "a callback has an address"
        return address, made


X_OPEN = Signature(c_void_p, c_void_p, c_void_p, c_int, c_void_p)
X_DELETE = Signature(c_void_p, c_void_p, c_int)
X_ACCESS = Signature(c_void_p, c_void_p, c_int, c_void_p)
X_RANDOMNESS = Signature(c_void_p, c_int, c_void_p)
X_CLOSE = Signature(c_void_p)
X_READ = X_WRITE = Signature(c_void_p, c_void_p, c_int, c_int64)
X_TRUNCATE = Signature(c_void_p, c_int64)
X_SYNC = Signature(c_void_p, c_int)
X_FILE_SIZE = Signature(c_void_p, c_void_p)
X_SHM_MAP = Signature(c_void_p, c_int, c_int, c_int, c_void_p)


def library() -> ctypes.CDLL:
    """Return the SQLite that Python's own module calls: what the loader resolves for it, linked in or shared.

    Raises RuntimeError where that cannot be had, or is another than the module says it uses.
    """
    import _sqlite3

    sqlite = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        sqlite.sqlite3_libversion.restype = sqlite.sqlite3_sourceid.restype = c_char_p
    except AttributeError as error:
        raise RuntimeError("this Python hides the SQLite that it is linked with; use one with a shared one") from error
    found = (sqlite.sqlite3_libversion().decode(), sqlite.sqlite3_sourceid().decode())
    connection = sqlite3.connect(":memory:")
    wanted = connection.execute("SELECT sqlite_version(), sqlite_source_id()").fetchone()
    connection.close()
    if found != wanted or found[0] != sqlite3.sqlite_version:
        raise RuntimeError(f"found SQLite {found}, but Python's module uses {wanted}")
    sqlite.sqlite3_vfs_find.restype = c_void_p
    sqlite.sqlite3_vfs_find.argtypes = [c_char_p]
    sqlite.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
    sqlite.sqlite3_randomness.argtypes = [c_int, c_void_p]
    sqlite.sqlite3_randomness.restype = None
    return sqlite
