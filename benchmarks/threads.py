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

from ledger_core import AsyncStrategyLedger, StrategyLedger, open_ledger

CALLERS = 64
ALONE = 64
"""Commands of one thread in a block."""

HEADINGS = (
    "column", "commands_a_second", "one_a_second", "batch_a_second", "to_one", "to_one_least", "to_batch",
    "to_batch_least",
)  # fmt: skip
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


def measure_threads(*, blocks: int, commands: int, folder: str | None) -> list[dict[str, Any]]:
    """Let `CALLERS` threads give `commands` each, `blocks` times."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as directory,
        open_ledger(f"sqlite:///{directory}/ledger.db", strategy_id="bench") as ledger,
    ):
        contest = Contest(ledger, commands)
        return [_measured(f"{CALLERS} threads", contest, contest.threads, blocks, commands)]


def measure_coroutines(*, blocks: int, commands: int, folder: str | None) -> list[dict[str, Any]]:
    """Let `CALLERS` coroutines give `commands` each, `blocks` times."""
    with tempfile.TemporaryDirectory(dir=folder) as directory, asyncio.Runner() as runner:
        ledger = open_ledger(f"sqlite:///{directory}/ledger.db", strategy_id="bench")
        contest = Contest(ledger, commands)

        async def serve() -> AsyncStrategyLedger:
            return AsyncStrategyLedger(ledger)

        served = runner.run(serve())

        def run() -> None:
            work: Coroutine[Any, Any, None] = contest.coroutines(served)
            runner.run(work)

        try:
            return [_measured(f"{CALLERS} coroutines", contest, run, blocks, commands)]
        finally:
            runner.run(served.close())


def _measured(name: str, contest: Contest, callers: Work, blocks: int, commands: int) -> dict[str, Any]:
    speeds: dict[str, list[float]] = {"one": [], "callers": [], "batch": []}
    kinds = {"one": (contest.one, ALONE), "callers": (callers, CALLERS * commands),
             "batch": (contest.batches, CALLERS * commands)}  # fmt: skip
    for block in range(blocks + 1):
        for kind, (work, given) in kinds.items():
            started = time.perf_counter()
            work()
            if block:  # the first block warms up
                speeds[kind].append(given / (time.perf_counter() - started))
    to_one = [mine / one for mine, one in zip(speeds["callers"], speeds["one"], strict=True)]
    to_batch = [mine / batch for mine, batch in zip(speeds["callers"], speeds["batch"], strict=True)]
    return {
        "column": name,
        "commands_a_second": round(statistics.median(speeds["callers"])),
        "one_a_second": round(statistics.median(speeds["one"])),
        "batch_a_second": round(statistics.median(speeds["batch"])),
        "to_one": round(statistics.median(to_one), 2),
        "to_one_least": round(min(to_one), 2),
        "to_batch": round(statistics.median(to_batch), 2),
        "to_batch_least": round(min(to_batch), 2),
    }
