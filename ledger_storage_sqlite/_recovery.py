"""After a failed sync or a writer that died: make the WAL durable before anybody believes what is read from it.

When fsync() fails, the kernel may keep pages in memory that are not on the disk and count them as written. Another
process that reads them, and commits behind them, builds on what the next power cut takes away. So a writer marks
the lock file while it writes, and whoever finds the mark of another first writes the bytes of the WAL over
themselves and syncs them, under the lock.
"""

import errno
import os
import subprocess
import sys

from ledger_storage_sqlite import _rewrite
from ledger_storage_sqlite._location import Location

_SECONDS = 600  # for a WAL of many gigabytes on a slow disk


def rewrite_wal(location: Location, lock: int, *, is_open_here: bool = False) -> None:
    """Rewrite and sync the WAL; the caller holds the file's lock. Raises OSError where the disk still fails.

    `lock` is the descriptor that the lock is held by. A child inherits it, so the lock is held until the child is
    done even if this process is killed meanwhile: what it read must not be written over what others commit then.

    `is_open_here` says that this process has a connection to the file. No file of a database is opened beside one:
    closing it would drop the locks that SQLite holds on it (RELIABILITY, trap 6). A child process does it then.
    """
    path = location.beside("-wal")
    if location.durability == "none":  # promises nothing, and syncs nothing ever
        return
    if not is_open_here or not sys.executable:
        _rewrite.rewrite(str(path))
    elif path.exists():
        _rewrite_in_child(str(path), lock)


def _rewrite_in_child(path: str, lock: int) -> None:
    script = str(_rewrite.__file__)
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", script, path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            pass_fds=[lock],
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"rewriting {path} took longer than {_SECONDS} s") from error
    if ended.returncode:
        known = ended.returncode in errno.errorcode and not ended.stderr
        raise OSError(
            ended.returncode if known else errno.EIO,
            os.strerror(ended.returncode) if known else f"rewriting {path} failed: {ended.stderr.decode()}",
        )
