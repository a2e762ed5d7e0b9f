"""How long a single command takes at most: the median, the slowest in a hundred, the slowest of all; checkpoints included."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contestants import COMMANDS, LedgerContestant, run_rounds
from benchmarks.results import Options, Result, Row

HEADINGS = ("what", "commands", "median_us", "p99_us", "max_us", "p99_by_median", "goal", "max_goal_us")
P99_BY_MEDIAN = 4.0
MAX_US = 50_000.0


class Stopwatch(LedgerContestant):
    """The ledger, with a note of how long each command took."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.took: list[float] = []

    def _timed(self, name: str, *arguments: Any) -> Any:
        started = time.perf_counter()
        answer = getattr(LedgerContestant, name)(self, *arguments)
        self.took.append((time.perf_counter() - started) * 1e6)
        return answer

    def place(self, *arguments: str) -> Any:
        return self._timed("place", *arguments)

    def accept(self, *arguments: str) -> Any:
        return self._timed("accept", *arguments)

    def fill(self, *arguments: str) -> Any:
        return self._timed("fill", *arguments)


def measure(options: Options) -> Result:
    """Time each command, in each durability."""
    rows: list[Row] = []
    for durability in ("full", "process"):
        with TemporaryDirectory(dir=options.folder) as directory:
            url = f"sqlite:///{Path(directory)}/ledger.db?durability={durability}"
            with Stopwatch(url) as contestant:
                run_rounds(contestant, "orders", 0, options.rounds)
                contestant.took.clear()
                run_rounds(contestant, "orders", options.rounds, options.rounds * options.blocks)
                rows.append(_row(f"sqlite {durability}", sorted(contestant.took)))
    return Result(
        what="latency",
        headings=HEADINGS,
        rows=rows,
        notes=(f"Microseconds of a command, in rounds of {COMMANDS['orders']}.",),
    )


def _row(what: str, took: list[float]) -> Row:
    median, p99 = statistics.median(took), took[len(took) * 99 // 100]
    return {
        "what": what,
        "commands": len(took),
        "median_us": round(median, 1),
        "p99_us": round(p99, 1),
        "max_us": round(took[-1], 1),
        "p99_by_median": round(p99 / median, 2),
        "goal": P99_BY_MEDIAN,
        "max_goal_us": MAX_US,
    }
