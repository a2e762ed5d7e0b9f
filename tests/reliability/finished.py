"""Finished ledgers: what their files hold when nobody has them open, to be damaged, forged or spoilt, copy by copy."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from ledger_core import Head, StrategyLedger
from ledger_storage_sqlite import SqliteRepository, open_repository
from ledger_storage_sqlite._locks import LockFile
from reliability.content import Content, content_of
from reliability.workload import STRATEGY, StepClock, run_step, steps_of

STEPS = 25
"""How long a life they have had."""

FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files are made: in memory where there is such a place, as nothing here is about the disk."""


@attrs.frozen
class Ledger:
    """A finished ledger: its files by suffix, the main file as it was halfway, its head and its content."""

    files: Mapping[str, bytes]
    older: bytes
    head: Head
    content: Content

    @property
    def has_wal(self) -> bool:
        """Whether some of it is in the WAL alone."""
        return bool(self.files.get("-wal"))


@lru_cache(maxsize=4)
def ledger_of(seed: int) -> Ledger:
    """Return the ledger of a seed; every other one was left with a WAL."""
    with TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / "ledger.db"
        clock, steps = StepClock(), steps_of(seed, STEPS)
        half = STEPS // 2
        older = b""
        head = Head(0, "")
        for part in (steps[:half], steps[half:]):
            ledger = StrategyLedger(open_at(path), clock=clock)
            for step in part:
                run_step(ledger, clock, step)
            head = ledger.head()
            if part[-1] is steps[-1] and seed % 2:
                close_with_wal(ledger, path)
            else:
                ledger.close()
            older = older or path.read_bytes()
        files = {suffix: path.with_name(path.name + suffix).read_bytes() for suffix in ("", "-wal", "-shm")}
        content = content_of(path)
        assert content is not None, "an undamaged file can be read"
        return Ledger(files, older, head, content)


def open_at(path: Path, *, read_only: bool = False) -> SqliteRepository:
    """Open the ledger in a file; what a sync costs is no matter here."""
    return open_repository(f"sqlite:///{path}?durability=none", strategy_id=STRATEGY, read_only=read_only)


def close_with_wal(ledger: StrategyLedger, path: Path) -> None:
    """Close while somebody else holds the file's lock, so that the WAL is not copied into the file."""
    lock = LockFile(path.with_name(f"{path.name}-lock"))
    lock.acquire(timeout=1)
    try:
        ledger.close()
    finally:
        lock.close()


def place_files(path: Path, files: Mapping[str, bytes]) -> None:
    """Put the files of a ledger there, and nothing else."""
    for suffix in ("-journal", "-wal", "-shm", "-lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    for suffix, found in files.items():
        path.with_name(path.name + suffix).write_bytes(found)
