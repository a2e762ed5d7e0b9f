"""Write the bytes of a file over themselves and sync them: run by its path, in a process of its own.

`python _rewrite.py FILE` needs nothing but the standard library, and imports nothing of the ledger.
"""

import os
import sys

_CHUNK = 1024 * 1024


def rewrite(path: str) -> None:
    """Rewrite a file in place; one that is not there is left so."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        offset = 0
        while chunk := os.pread(descriptor, _CHUNK, offset):
            view = memoryview(chunk)
            while view:
                written = os.pwrite(descriptor, view, offset)
                offset += written
                view = view[written:]
        if offset:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    try:
        rewrite(sys.argv[1])
    except OSError as error:
        sys.exit(error.errno)
