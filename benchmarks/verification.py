"""What verifying costs: entries a second of the chain alone and of everything, memory, and the chain's share of a write.

The file is made by the life of orders and trades of `lifecycle`, in batches. Rates are entries per second of CPU time,
that is, of one core, whatever else the machine does; memory is the peak that one verification adds, by tracemalloc.
"""

import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.lifecycle import COMMANDS, LedgerContestant, run_rounds
from ledger_core import LedgerRepository
from ledger_core.changes import GENESIS_DIGEST, chain
from ledger_core.repository import open_repository
from ledger_core.verifying import verify

ENTRIES = 20_000
REPEATS = 5
FORM = "trade"
BATCH = 500

HEADINGS = ("what", "measured", "unit", "goal", "wall_s")


def measure(*, entries: int, folder: str | None) -> list[dict[str, Any]]:
    """Make a file of about so many entries and measure it; one result a figure."""
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        url = f"sqlite:///{directory}/ledger.db?durability=none"
        with LedgerContestant(url, BATCH) as contestant:
            run_rounds(contestant, FORM, 0, max(1, entries // COMMANDS[FORM]))
        size = (Path(directory) / "ledger.db").stat().st_size
        with closing(open_repository(url, strategy_id="bench", read_only=True)) as repository:
            whole = verify(repository)
            assert whole.is_intact, whole.differences[0]
            chain_only = _rate(lambda: verify(repository, chain_only=True).entries)
            full = _rate(lambda: verify(repository).entries)
            return [
                _result("verify(chain_only=True)", chain_only, "entries/s", ">= 100000"),
                _result("verify()", full, "entries/s", ">= 15000"),
                _result("memory of verify()", (_peak(repository), 0.0), "MiB", ""),
                _result("chain of digests", _chain_cost(repository), "us a transaction", "<= 10"),
                _result("entries in the file", (whole.entries, 0.0), "entries", ""),
                _result("records in the file", (whole.records, 0.0), "records", ""),
                _result("size of the file", (size / 2**20, 0.0), "MiB", ""),
            ]


def _result(what: str, measured: tuple[float, float], unit: str, goal: str) -> dict[str, Any]:
    value, wall = measured
    return {"what": what, "measured": round(value, 1), "unit": unit, "goal": goal, "wall_s": round(wall, 3)}


def _timed(action: Callable[[], int]) -> tuple[float, float]:
    """Return how many of what the action did it does in a second of CPU time, and the seconds that passed."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = action()
    return done / (time.process_time() - cpu), time.perf_counter() - wall


def _rate(action: Callable[[], int]) -> tuple[float, float]:
    measured = [_timed(action) for _ in range(REPEATS)]
    return statistics.median(rate for rate, _ in measured), statistics.median(wall for _, wall in measured)


def _peak(repository: LedgerRepository) -> float:
    tracemalloc.start()
    try:
        verify(repository)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def _chain_cost(repository: LedgerRepository) -> tuple[float, float]:
    """Return what computing an entry's digest takes, in microseconds, over the bodies that are there."""
    bodies: list[bytes] = []
    while page := repository.read_raw(len(bodies)):
        bodies += (raw.body for raw in page)

    def link_all() -> int:
        digest = GENESIS_DIGEST
        for body in bodies:
            digest = chain(digest, body)
        return len(bodies)

    rate, wall = _rate(link_all)
    return 1e6 / rate, wall
