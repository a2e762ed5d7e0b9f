"""What the adapter does to files itself is seen with what SQLite does, and can fail as well."""

import errno
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from ledger_core.errors import StorageError, StorageFull
from ledger_storage_sqlite import _recovery, _writer, open_repository
from ledger_storage_sqlite._location import Location
from reliability.os_calls import WatchedOs, adapter_watched
from reliability.vfs import Event, Kind, Observer, Partly

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim below SQLite is proven on Linux only"),
]


class Seen(Observer):
    """Keeps what happened, by file name, and fails one kind of call with a code."""

    def __init__(self, kind: Kind | None = None, suffix: str = "", answer: int | Partly = 0) -> None:
        self.done: list[tuple[Kind, str]] = []
        self.written = b""
        self._fails = (kind, suffix, answer)

    def decide(self, event: Event) -> int | Partly:
        """Fail what was named."""
        kind, suffix, answer = self._fails
        return answer if event.kind is kind and event.path.endswith(suffix) else 0

    def happened(self, event: Event) -> None:
        """Keep the event."""
        self.done.append((event.kind, os.path.basename(event.path)))  # noqa: PTH119 - a str
        self.written += event.data


def _open(folder: Path) -> None:
    open_repository(f"sqlite:///{folder}/x.db", strategy_id="alpha").close()


def test_the_adapters_own_calls_are_seen_beside_those_of_sqlite(tmp_path: Path) -> None:
    """Making the file, marking the lock file and syncing the folder are told, in their order with SQLite's."""
    seen = Seen()
    with adapter_watched(seen):
        _open(tmp_path)
    assert (Kind.WRITE, "x.db-lock") in seen.done
    assert seen.done.index((Kind.OPEN, "x.db")) < seen.done.index((Kind.WRITE, "x.db-wal"))
    assert (Kind.SYNC_FOLDER, tmp_path.name) in seen.done
    assert vars(_writer)["os"] is os, "afterwards the adapter calls os itself"


def test_rewriting_the_wal_is_seen_even_where_a_child_process_would_do_it(tmp_path: Path) -> None:
    """The model of the disk learns of bytes that are written again after a failed sync."""
    (tmp_path / "x.db-wal").write_bytes(b"w" * 100)
    location = Location(path=tmp_path / "x.db")
    for is_open_here in (False, True):
        seen = Seen()
        with adapter_watched(seen):
            _recovery.rewrite_wal(location, 0, is_open_here=is_open_here)
        assert seen.done == [(Kind.OPEN, "x.db-wal"), (Kind.WRITE, "x.db-wal"), (Kind.SYNC, "x.db-wal")]


@pytest.mark.parametrize(
    ("kind", "suffix", "code", "error"),
    [
        (Kind.OPEN, "-lock", sqlite3.SQLITE_CANTOPEN, StorageError),
        (Kind.WRITE, "-lock", sqlite3.SQLITE_IOERR_WRITE, StorageError),
        (Kind.WRITE, "-lock", sqlite3.SQLITE_FULL, StorageFull),
        (Kind.SYNC_FOLDER, "", sqlite3.SQLITE_IOERR_FSYNC, StorageError),
    ],
)
def test_a_call_of_the_adapters_own_can_fail(
    kind: Kind, suffix: str, code: int, error: type[StorageError], tmp_path: Path
) -> None:
    """An injected code comes to the adapter as the system's error, and to the caller as the ledger's."""
    with adapter_watched(Seen(kind, suffix, code)), pytest.raises(error) as raised:
        _open(tmp_path)
    assert type(raised.value) is error


def test_a_short_write_is_told_as_short(tmp_path: Path) -> None:
    """What the kernel did not take is not told to the observer, and the caller sees how much it took."""
    seen = Seen(Kind.WRITE, "f", Partly(sqlite3.SQLITE_FULL, 3))
    calls = WatchedOs(seen)
    descriptor = calls.open(tmp_path / "f", os.O_RDWR | os.O_CREAT, 0o600)
    assert calls.pwrite(descriptor, b"abcdef", 0) == 3
    calls.close(descriptor)
    assert (tmp_path / "f").read_bytes() == seen.written == b"abc"
    nothing = WatchedOs(Seen(Kind.WRITE, "f", Partly(sqlite3.SQLITE_FULL, 0)))
    descriptor = nothing.open(tmp_path / "f", os.O_RDWR)
    with pytest.raises(OSError, match="No space left") as raised:
        nothing.pwrite(descriptor, b"abcdef", 0)
    assert raised.value.errno == errno.ENOSPC
    nothing.close(descriptor)


def test_a_call_that_is_not_watched_fails_loudly() -> None:
    """Nothing that the adapter may learn to do to files goes unseen: it is refused until it is watched."""
    calls = WatchedOs(Observer())
    with pytest.raises(AssertionError, match=r"os\.rename"):
        calls.rename("a", "b")
    assert (calls.getpid(), calls.O_RDWR) == (os.getpid(), os.O_RDWR)
