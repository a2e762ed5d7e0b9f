"""What the -wal and -shm files beside a ledger say: how much waits to be copied, and which reader keeps it.

The layout is SQLite's own (https://www.sqlite.org/walformat.html). The files are read as bytes: look before this
process opens the ledger, for closing a file drops the locks that SQLite holds on it here.
"""

import struct
from pathlib import Path

import attrs

_HEADER = 48  # bytes of the WAL index's header, of which there are two copies
_INFO = 2 * _HEADER
_MARKS = 5
_UNUSED = 0xFFFFFFFF
_WAL_HEADER = struct.Struct(">8I")


@attrs.frozen(kw_only=True)
class Wal:
    """The state of a write-ahead log: bytes, the frames that count, those copied already, and the readers' marks.

    A reader at mark n may still need what lies behind frame `marks[n]`; None is a mark that nobody has set.
    """

    size: int
    page_size: int = 0
    frames: int = 0
    copied: int = 0
    marks: tuple[int | None, ...] = ()


def wal_of(path: Path) -> Wal | None:
    """Return the state of the log beside a ledger; None where there is none."""
    wal, shm = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
    try:
        size = wal.stat().st_size
    except OSError:
        return None
    if not size:
        return Wal(size=0)
    try:
        with wal.open("rb") as file:
            page_size = _WAL_HEADER.unpack(file.read(_WAL_HEADER.size))[2]
        with shm.open("rb") as file:
            index = file.read(_INFO + 4 * (1 + _MARKS))
        (frames,) = struct.unpack_from("=I", index, 16)
        copied, *marks = struct.unpack_from(f"={1 + _MARKS}I", index, _INFO)
    except (OSError, struct.error):
        return Wal(size=size)
    return Wal(
        size=size,
        page_size=page_size,
        frames=frames,
        copied=copied,
        marks=tuple(None if mark == _UNUSED else mark for mark in marks),
    )
