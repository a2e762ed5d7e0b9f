"""Many callers on one ledger: threads, or coroutines, against one thread and against a batch of as many commands.

Each of 64 callers records orders, one at a time, and waits for each to be durable. Every block measures the ledger
alone, under one thread, under all callers, and in batches of 64, on one file, so that a slow moment of the disk meets
all of them; the ratios are those of a block, and their medians are printed.
"""

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from typing import Any

from benchmarks.results import Options, Result
from ledger_core import AsyncStrategyLedger, StrategyLedger, open_ledger

CALLERS = 64
COMMANDS = 8
"""Commands of each caller in a block."""
ALONE = 64
"""Commands of one thread in a block."""

HEADINGS = ("what", "ratio", "least", "goal", "commands_a_second", "floor_a_second")
GOALS = {("64 threads", "one"): 2.0, ("64 threads", "batch"): 0.35, ("64 coroutines", "batch"): 0.55}
FLOORS = {"one": "one thread", "batch": "batches of 64"}
DETAILS = {
    "symbol": "X",
    "side": "BUY",
    "order_type": "LIMIT",
    "quantity": "10",
    "limit_price": "100.25",
    "time_in_force": "GTC",
    "currency": "USD",
}

Work = Callable[[], None]


class Contest:
    """One ledger, and the ways of giving it commands."""

    def __init__(self, ledger: StrategyLedger, commands: int) -> None:
        self._ledger = ledger
        self._commands = commands
        self._ids: Iterator[int] = count()

    def one(self) -> None:
        """One thread, one command after the other."""
        for _ in range(ALONE):
            self._ledger.record_order(f"o{next(self._ids)}", DETAILS)

    def batches(self) -> None:
        """One thread, a batch for as many commands as there are callers."""
        for _ in range(self._commands):
            with self._ledger.batch() as batch:
                for _ in range(CALLERS):
                    batch.record_order(f"o{next(self._ids)}", DETAILS)

    def threads(self) -> None:
        """All callers are threads."""

        def call() -> None:
            for _ in range(self._commands):
                self._ledger.record_order(f"o{next(self._ids)}", DETAILS)

        threads = [threading.Thread(target=call) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    async def coroutines(self, ledger: AsyncStrategyLedger) -> None:
        """All callers are coroutines of one loop."""

        async def call() -> None:
            for _ in range(self._commands):
                await ledger.record_order(f"o{next(self._ids)}", DETAILS)

        await asyncio.gather(*(call() for _ in range(CALLERS)))


def measure(options: Options) -> Result:
    """Measure threads, then coroutines."""
    return Result(what="threads", headings=HEADINGS, rows=[*_threads(options), *_coroutines(options)])


def _threads(options: Options) -> list[dict[str, Any]]:
    """Let `CALLERS` threads give `COMMANDS` each, in each block."""
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as directory,
        open_ledger(f"sqlite:///{directory}/ledger.db", strategy_id="bench") as ledger,
    ):
        contest = Contest(ledger, COMMANDS)
        return _measured(f"{CALLERS} threads", contest, contest.threads, options.blocks, COMMANDS)


def _coroutines(options: Options) -> list[dict[str, Any]]:
    """Let `CALLERS` coroutines give `COMMANDS` each, in each block."""
    with tempfile.TemporaryDirectory(dir=options.folder) as directory, asyncio.Runner() as runner:
        ledger = open_ledger(f"sqlite:///{directory}/ledger.db", strategy_id="bench")
        contest = Contest(ledger, COMMANDS)

        async def serve() -> AsyncStrategyLedger:
            return AsyncStrategyLedger(ledger)

        served = runner.run(serve())

        def run() -> None:
            work: Coroutine[Any, Any, None] = contest.coroutines(served)
            runner.run(work)

        try:
            return _measured(f"{CALLERS} coroutines", contest, run, options.blocks, COMMANDS)
        finally:
            runner.run(served.close())


def _measured(name: str, contest: Contest, callers: Work, blocks: int, commands: int) -> list[dict[str, Any]]:
    speeds: dict[str, list[float]] = {"one": [], "callers": [], "batch": []}
    kinds = {
        "one": (contest.one, ALONE),
        "callers": (callers, CALLERS * commands),
        "batch": (contest.batches, CALLERS * commands),
    }
    for block in range(blocks + 1):
        for kind, (work, given) in kinds.items():
            started = time.perf_counter()
            work()
            if block:  # the first block warms up
                speeds[kind].append(given / (time.perf_counter() - started))
    rows = []
    for floor, named in FLOORS.items():
        ratios = [mine / theirs for mine, theirs in zip(speeds["callers"], speeds[floor], strict=True)]
        rows.append(
            {
                "what": f"{name}, by {named}",
                "ratio": round(statistics.median(ratios), 2),
                "least": round(min(ratios), 2),
                "goal": GOALS.get((name, floor)),
                "commands_a_second": round(statistics.median(speeds["callers"])),
                "floor_a_second": round(statistics.median(speeds[floor])),
            }
        )
    return rows
