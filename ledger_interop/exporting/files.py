"""Files that are there whole or not at all: written under another name, made durable, then given their own."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger_core.errors import LedgerError

_CHUNK = 1024 * 1024


class AlreadyThere(LedgerError):
    """A file of this name exists, and nobody said that it may be replaced."""

    code = "EXISTS"


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Give a path beside the target to write to; whatever happens, it is gone afterwards unless it was renamed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder unless it is there; one that was made is gone again if the block fails and left nothing in it."""
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # something is in it
                folder.rmdir()
        raise
    sync_folder(folder.resolve().parent)


def seal(partial: Path) -> tuple[int, str]:
    """Make a file durable; return its size and SHA-256."""
    digest = hashlib.sha256()
    with partial.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
        os.fsync(content.fileno())
        return content.tell(), digest.hexdigest()


def name(partial: Path, target: Path, *, force: bool) -> None:
    """Give a sealed file its name; without `force` nothing is replaced, not even what was made meanwhile."""
    if force:
        partial.replace(target)
    else:
        try:
            os.link(partial, target)
        except FileExistsError:
            raise exists(target) from None
        except OSError:  # a file system without links
            require_new(target)
            partial.replace(target)
    sync_folder(target.parent)


def require_new(target: Path) -> None:
    """Raise AlreadyThere where something has the name."""
    if target.exists() or target.is_symlink():
        raise exists(target)


def exists(target: Path) -> AlreadyThere:
    """Return the error about a name that is taken."""
    return AlreadyThere(f"{target} is there already, and nothing was replaced", path=str(target))


def sync_tree(folder: Path) -> None:
    """Make the names in a folder durable, and in all folders below it."""
    for place, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(place))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
