"""How a long life went: points on its way, and whether the end is as the beginning was."""

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import attrs

MEBIBYTE = 1024 * 1024
POINTS_MIN = 8
"""So many points it takes to compare the first and the last quarter of a life."""


@attrs.frozen(kw_only=True)
class Point:
    """One moment of a life, and what the commands since the point before cost."""

    commands: int
    seconds: float  # since the beginning
    memory: int  # bytes that the process holds
    reader_memory: int  # bytes that the process beside it holds, which only reads
    wal: int  # bytes, the most since the point before
    file: int  # bytes
    command_us: float  # a command that is a transaction of its own, median
    command_p99_us: float
    cpu_us: float  # processor time of a command, alone or in a batch
    positions_us: float  # get_open_positions, median
    exposure_us: float  # get_position_exposure, median
    orders_us: float  # open orders, median
    reopen_ms: float

    def __str__(self) -> str:
        """Return it for people."""
        return (
            f"{self.commands:,} commands in {self.seconds:,.0f} s: memory {self.memory / MEBIBYTE:,.1f} MiB, "
            f"reader {self.reader_memory / MEBIBYTE:,.1f} MiB, WAL {self.wal / MEBIBYTE:,.1f} MiB, "
            f"file {self.file / MEBIBYTE:,.0f} MiB, command {self.command_us:,.0f} µs (p99 {self.command_p99_us:,.0f}), "
            f"CPU {self.cpu_us:,.0f} µs, positions {self.positions_us:,.0f} µs, exposure {self.exposure_us:,.0f} µs, "
            f"open orders {self.orders_us:,.0f} µs, reopened in {self.reopen_ms:,.0f} ms"
        )


@attrs.frozen
class Bound:
    """What may become of a figure: the last quarter is at most `factor` times the first, plus `slack`."""

    figure: str
    factor: float
    slack: float
    of: Callable[[Sequence[float]], float] = median

    def violation(self, first: Sequence[Point], last: Sequence[Point]) -> str | None:
        """Return what is wrong, or None."""
        before, after = (self.of([getattr(point, self.figure) for point in quarter]) for quarter in (first, last))
        if after <= before * self.factor + self.slack:
            return None
        return (
            f"{self.figure} grew from {before:,.1f} in the first quarter to {after:,.1f} in the last; "
            f"at most {before * self.factor + self.slack:,.1f} is flat"
        )


SPACE = (
    Bound("memory", 1.0, 32 * MEBIBYTE),  # no factor: what else the process holds is not the life's
    Bound("reader_memory", 1.0, 32 * MEBIBYTE),
    Bound("wal", 2.0, 16 * MEBIBYTE, max),
)
TIME = (
    Bound("cpu_us", 1.2, 0),
    Bound("command_us", 1.5, 200),
    Bound("positions_us", 1.5, 50),
    Bound("exposure_us", 1.5, 50),
    Bound("orders_us", 1.5, 50),
    Bound("reopen_ms", 1.5, 20),
)
"""The disk's part of a time is not ours, and others use the machine too: only processor time is held closely."""


def violations(points: Sequence[Point], *, times: bool) -> Iterator[str]:
    """Generate what is not flat; with `times`, times too, which say something only in a life of many minutes."""
    if len(points) < POINTS_MIN:
        return
    quarter = len(points) // 4
    for bound in (*SPACE, *(TIME if times else ())):
        found = bound.violation(points[:quarter], points[-quarter:])
        if found is not None:
            yield found


def store(path: Path, points: Sequence[Point]) -> None:
    """Keep the curve, for the page that is made of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{name: round(value, 3) for name, value in attrs.asdict(point).items()} for point in points]
    path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def memory_of(process: int) -> int:
    """Return how many bytes of memory a process holds."""
    if platform.system() == "Linux":
        pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=True)
    return int(told.stdout) * 1024


def size_of(path: Path) -> int:
    """Return how long a file is, 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
