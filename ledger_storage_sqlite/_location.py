"""Where a ledger file is: its URL taken apart, and the places that cannot hold one."""

import math
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

import attrs

from ledger_core.errors import InvalidValue, StorageCorrupt, StorageError

WAL_HEADER_BYTES = 32
"""A WAL of this length was begun by a writer that died before its first frame: SQLite cannot read beside it alone."""

SCHEME = "sqlite://"

DURABILITIES = {"full": "EXTRA", "process": "NORMAL", "none": "OFF"}
"""What `?durability=` may say, and the PRAGMA synchronous of each. Only `full` survives a power cut."""

CHECKS = {"none": None, "quick": "PRAGMA quick_check(10)", "full": "PRAGMA integrity_check(10)"}
"""What `?check=` may say, and the statement with which each looks through the whole file when it is opened."""

BUSY_TIMEOUT_DEFAULT = 5.0
BUSY_TIMEOUT_MAX = 3600.0

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}

MOUNTS = Path("/proc/self/mounts")
_OCTAL = re.compile(r"\\([0-7]{3})")  # as the kernel writes blanks and backslashes of a mount point

# fmt: off
NETWORK_FILE_SYSTEMS = frozenset({
    "nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "beegfs",
    "gpfs", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone",
    "fuse.davfs2",
})
"""Where SQLite's WAL does not work: its index is memory that all who use the file must share."""
# fmt: on


@attrs.frozen(kw_only=True)
class Location:
    """A ledger file and how to use it; `path` is absolute and free of symbolic links, as SQLite itself names it."""

    path: Path
    durability: str = "full"
    busy_timeout: float = BUSY_TIMEOUT_DEFAULT
    check: str = "none"

    def beside(self, suffix: str) -> Path:
        """Return the path of a file that belongs to this one, such as its `-wal`."""
        return self.path.with_name(self.path.name + suffix)

    def uri(self, parameters: str) -> str:
        """Return the file as an SQLite URI."""
        return f"file:{quote(os.fsencode(self.path))}?{parameters}"


def parse_url(url: str) -> Location:
    """Take apart `sqlite:///relative.db` or `sqlite:////absolute.db`; raise InvalidValue with what is accepted."""
    if not url.startswith(f"{SCHEME}/"):
        hint = "sqlite:///relative.db or sqlite:////absolute/file.db"
        raise InvalidValue(f"not the URL of an SQLite ledger: {url!r}; write {hint}", argument="url", value=url)
    encoded, _, query = url.removeprefix(f"{SCHEME}/").partition("?")
    name = unquote(encoded, errors="surrogateescape")  # as Python names what is no UTF-8 in a file system
    if name == ":memory:":
        raise InvalidValue("a ledger in memory is memory://, not sqlite:///:memory:", argument="url", value=url)
    if not name or "\0" in name:
        raise InvalidValue(f"the URL names no file: {url!r}", argument="url", value=url)
    options = _options(query, url)
    try:
        path = Path(os.fsdecode(os.fsencode(name))).resolve()  # bytes written in two ways are one name
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, characters that no file name has
        raise InvalidValue(f"the URL names no file that can be: {error}", argument="url", value=url) from None
    return Location(
        path=path,
        durability=_one_of(DURABILITIES, "durability", options.get("durability", "full"), url),
        busy_timeout=_busy_timeout(options.get("busy_timeout", str(BUSY_TIMEOUT_DEFAULT)), url),
        check=_one_of(CHECKS, "check", options.get("check", "none"), url),
    )


def _options(query: str, url: str) -> dict[str, str]:
    known = ("durability", "busy_timeout", "check")
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known or name in options:
            problem = "given twice" if name in options else f"unknown; known are {', '.join(known)}"
            raise InvalidValue(f"the URL's parameter {name!r} is {problem}", argument="url", value=url)
        options[name] = value
    return options


def _one_of(known: Iterable[str], name: str, value: str, url: str) -> str:
    if value not in known:
        raise InvalidValue(f"{name}={value!r} is unknown; known are {', '.join(known)}", argument="url", value=url)
    return value


def _busy_timeout(value: str, url: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= BUSY_TIMEOUT_MAX:
        raise InvalidValue(
            f"busy_timeout={value!r} is not a number of seconds from 0 to {BUSY_TIMEOUT_MAX:.0f}",
            argument="url",
            value=url,
        )
    return seconds


def require_usable(location: Location, *, read_only: bool) -> None:
    """Raise StorageError for a place that holds no file, or where SQLite's WAL cannot work."""
    path = location.path
    if path.is_dir():
        raise StorageError(f"{path} is a directory, not a ledger file")
    if not path.parent.is_dir():
        raise StorageError(f"the directory {path.parent} does not exist; make it first")
    if read_only and not path.exists():
        raise StorageError(f"there is no ledger file {path}; opening for reading creates none")
    if not read_only:
        for known in (path, location.beside("-wal"), location.beside("-shm")):
            if known.exists() and not os.access(known, os.W_OK):  # SQLite would open it for reading, without a word
                raise StorageError(f"{known} cannot be written by this user; open the ledger for reading instead")
    for suffix in ("", "-wal", "-shm", "-journal", "-lock"):
        _require_plain_file(location.beside(suffix))
    kind = file_system_of(path.parent)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StorageError(
            f"{path} is on a network file system ({kind}), where SQLite's WAL mode does not work;"
            " keep the ledger on a local disk, or copy the folder to one to read it",
            file_system=kind,
        )


def require_file_of_log(location: Location) -> None:
    """Raise StorageCorrupt for a log that holds something beside a file that is empty, or not there.

    SQLite takes such a log for one of another file and deletes it, even where it opens the file for reading alone.
    """
    log = location.beside("-wal")
    size = size_of(log)  # looked at first: a file that is being made has its first page before its log has one
    if size > WAL_HEADER_BYTES and not size_of(location.path):
        raise StorageCorrupt(
            f"{location.path} is {'empty' if location.path.exists() else 'gone'}, but {log.name} beside it holds {size}"
            " bytes of a ledger: put the file back, from a backup if need be; without its file the log cannot be read."
            " To begin a new ledger here, move the log away first",
            log=str(log),
        )


def size_of(path: Path) -> int:
    """Return how many bytes a file has; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _require_plain_file(path: Path) -> None:
    """Raise StorageError for what SQLite would follow, write to, or wait for for ever."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise StorageError(f"{path} is no plain file, but {_KINDS.get(stat.S_IFMT(mode), 'a device')}")


def file_system_of(folder: Path, mounts: Path | None = None) -> str | None:
    """Return the type of the file system that holds a folder; None where this system does not tell."""
    try:
        lines = (mounts or MOUNTS).read_text("utf-8", "surrogateescape").split("\n")
    except OSError:
        return None
    found: tuple[int, str] | None = None
    for line in filter(None, lines):
        _, point, kind, *_ = line.split(" ")
        place = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), point))
        if folder.is_relative_to(place) and (found is None or len(place.parts) >= found[0]):
            found = (len(place.parts), kind)
    return found[1] if found else None
