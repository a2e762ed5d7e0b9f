"""A small disk that one process has for itself: it can be filled to the last page, and be made read-only."""

import ctypes
import errno
import os
import random
import sys
from contextlib import suppress
from pathlib import Path

DISK_BYTES = 3 * 1024 * 1024
PAGE = 4096

_CLONE_NEWNS, _CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
_MS_RDONLY, _MS_REMOUNT, _MS_PRIVATE_ALL = 0x1, 0x20, 0x0004_4000


class SmallDisk:
    """A disk of its own, in memory, that no other process sees and that is gone with this one."""

    def __init__(self, folder: Path) -> None:
        """Mount it over an empty folder; raise OSError where this process may not."""
        enter_own_mounts()
        libc("mount", b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={DISK_BYTES}".encode())
        self.folder = folder
        self._filler = self._open_filler()

    def run_out(self, generator: random.Random) -> None:
        """Fill the disk but for a few pages."""
        end = os.lseek(self._filler, 0, os.SEEK_END)
        with suppress(OSError):
            while True:
                end += os.pwrite(self._filler, bytes(PAGE), end)
        os.ftruncate(self._filler, max(0, end // PAGE - generator.randint(0, 6)) * PAGE)

    def come_back(self) -> None:
        """Empty the file that fills it."""
        os.ftruncate(self._filler, 0)

    def make_read_only(self, *, is_read_only: bool) -> None:
        """Let nothing on the disk be written, or let it again; raise OSError while a file on it is open for writing."""
        if is_read_only:
            os.close(self._filler)
            libc("mount", None, str(self.folder).encode(), None, _MS_REMOUNT | _MS_RDONLY, None)
        else:
            libc("mount", None, str(self.folder).encode(), None, _MS_REMOUNT, None)
            self._filler = self._open_filler()

    def _open_filler(self) -> int:
        return os.open(self.folder / "filler", os.O_RDWR | os.O_CREAT)


def enter_own_mounts() -> None:
    """Give this process mounts of its own; without the right to it, in a user namespace of its own."""
    user, group = os.getuid(), os.getgid()
    try:
        libc("unshare", _CLONE_NEWNS)
    except PermissionError:
        libc("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path("/proc/self", name).write_text(text)
    libc("mount", b"none", b"/", None, _MS_PRIVATE_ALL, None)


def libc(function: str, *arguments: bytes | int | None) -> None:
    """Call a function of the system's library; raise OSError where it fails or is not there."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "mounts of a process's own are Linux's")
    called = getattr(ctypes.CDLL(None, use_errno=True), function)
    called.argtypes = [ctypes.c_ulong if isinstance(one, int) else ctypes.c_char_p for one in arguments]
    if called(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
