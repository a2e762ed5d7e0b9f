"""Whether the ledger gets slower with age: the same work on files with 10^4, 10^5, 10^6 (or 10^7) ended orders.

Each file begins with 1,000 open orders and 20 positions; behind them, of ten orders eight are canceled, and two are a
position that is opened and closed. The files are made by the ledger itself, in batches, without syncing; with --cache
they stay and are measured again, each time some hundred orders longer. All files are measured in turn, block by block.
"""

import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import COMMANDS, LedgerContestant, run_rounds
from benchmarks.results import Options, Result, Row
from benchmarks.timing import Block, quartiles, timed
from ledger_core import StrategyLedger, open_ledger
from ledger_core.batch import Batch
from ledger_storage_sqlite.schema import SCHEMA_VERSION

OPEN_ORDERS = 1_000
POSITIONS = 20
ORDERS_A_BATCH = 1_000
OPENINGS = 7
GOAL = 1.2
OPENING_GOAL_MS = 50.0

DETAILS = {"order_type": "LIMIT", "quantity": "10", "limit_price": "99.5", "time_in_force": "GTC", "currency": "USD"}

QUESTIONS: Mapping[str, tuple[Callable[[StrategyLedger], object], int]] = {
    f"get_open_positions, {POSITIONS}": (lambda ledger: ledger.get_open_positions(), 100),
    "get_position_exposure": (lambda ledger: ledger.get_position_exposure("S3"), 20),
    f"find_orders(is_open=True), {OPEN_ORDERS:,}": (lambda ledger: list(ledger.find_orders(is_open=True)), 1),
    "get_order, long ended": (lambda ledger: ledger.get_order("e77"), 100),
}

_MEMORY = """
import sys
from ledger_core import open_ledger
with open_ledger(sys.argv[1], strategy_id="bench"), open("/proc/self/statm") as statm:
    print(int(statm.read().split()[1]) * 4096 / 2**20)
"""


def measure(options: Options) -> Result:
    """Make the files that are not there yet, and measure all of them."""
    sizes = sorted(options.sizes)
    with TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(options.cache or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        files = made(folder, sizes)
        urls = {name: f"sqlite:///{path}?durability=process" for name, path in files.items()}
        rows = _compare_work(urls, options.blocks, options.rounds)
        rows.append(_compare_opening(urls))
        rows.append(_compare_memory(urls))
        rows.append(_row("size of the file", "MiB", {name: [_megabytes(path)] for name, path in files.items()}, None))
    headings = ("what", "unit", *urls, "ratio", "quartiles", "goal", "goal_ms")
    note = f"Ended orders behind {OPEN_ORDERS:,} open ones; the ratio is that of the largest file to the smallest."
    return Result(what="scale", headings=headings, rows=rows, notes=(note,))


def made(folder: Path, sizes: Sequence[int]) -> dict[str, Path]:
    """Return a file of each size, by its name; a larger one goes on from a copy of the next smaller one."""
    files: dict[str, Path] = {}
    behind, last = 0, None
    for size in sizes:
        path = folder / f"{size}-orders-schema-{SCHEMA_VERSION}.db"
        if not path.exists():
            started = time.perf_counter()
            unfinished = path.with_name(f"unfinished-{path.name}")
            unfinished.unlink(missing_ok=True)
            if last is not None:
                shutil.copyfile(last, unfinished)
            _grow(unfinished, behind, size)
            unfinished.rename(path)
            print(f"made {path.name} in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        files[f"{size:,}"], behind, last = path, size, path
    return files


def _grow(path: Path, behind: int, size: int) -> None:
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="bench") as ledger:
        if not behind:
            _open_orders(ledger)
        for first in range(behind, size, ORDERS_A_BATCH):
            with ledger.batch() as batch:
                for number in range(first, min(first + ORDERS_A_BATCH, size)):
                    _ended_order(batch, number)


def _open_orders(ledger: StrategyLedger) -> None:
    with ledger.batch() as batch:
        for number in range(OPEN_ORDERS):
            order_id = f"open-{number}"
            batch.record_order(order_id, {"symbol": f"S{number % POSITIONS}", "side": "BUY", **DETAILS})
            batch.update_order_acceptance(order_id, {"venue_order_id": f"W{number}"})
        for number in range(POSITIONS):
            batch.update_order_fill(f"open-{number}", {"fill_id": f"p{number}", "quantity": "3", "price": "99.5"})


def _ended_order(batch: Batch, number: int) -> None:
    order_id, place = f"e{number}", number % 10
    side = "SELL" if place == 9 else "BUY"
    batch.record_order(order_id, {"symbol": f"E{number // 10 % 50}", "side": side, **DETAILS})
    if place < 8:
        batch.update_order_cancellation(order_id)
    else:
        batch.update_order_fill(order_id, {"fill_id": f"x{number}", "quantity": "10", "price": "99.25"})


def _compare_work(urls: Mapping[str, str], blocks: int, rounds: int) -> list[Row]:
    run = uuid.uuid4().hex[:8]
    with ExitStack() as stack:
        ledgers = {name: stack.enter_context(LedgerContestant(url)) for name, url in urls.items()}
        commands: dict[str, Block] = {
            name: partial(_rounds, ledger, f"{run}-{name}", rounds) for name, ledger in ledgers.items()
        }
        units = rounds * COMMANDS["orders"]
        rows = [_row("a command", "us", timed(commands, blocks=blocks, units=units)[0], GOAL)]
        for what, (question, times) in QUESTIONS.items():
            asked: dict[str, Block] = {
                name: partial(_ask, ledger.ledger, question, times) for name, ledger in ledgers.items()
            }
            rows.append(_row(what, "us", timed(asked, blocks=blocks, units=times)[0], GOAL))
    return rows


def _rounds(contestant: LedgerContestant, run: str, rounds: int, block: int) -> None:
    run_rounds(contestant, "orders", block * rounds, rounds, run)


def _ask(ledger: StrategyLedger, question: Callable[[StrategyLedger], object], times: int, _: int) -> None:
    for _ in range(times):
        question(ledger)


def _compare_opening(urls: Mapping[str, str]) -> Row:
    took: dict[str, list[float]] = {name: [] for name in urls}
    for repeat in range(OPENINGS + 1):
        for name, url in urls.items():
            started = time.perf_counter()
            ledger = open_ledger(url, strategy_id="bench")
            milliseconds = (time.perf_counter() - started) * 1e3
            ledger.close()
            if repeat:
                took[name].append(milliseconds)
    return {**_row("opening", "ms", took, GOAL), "goal_ms": OPENING_GOAL_MS}


def _compare_memory(urls: Mapping[str, str]) -> Row:
    used = {}
    for name, url in urls.items():
        found = subprocess.run([sys.executable, "-c", _MEMORY, url], capture_output=True, text=True, check=True)
        used[name] = [float(found.stdout)]
    return _row("memory of a process with it open", "MiB", used, GOAL)


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 2**20


def _row(what: str, unit: str, measured: Mapping[str, Sequence[float]], goal: float | None) -> Row:
    smallest, largest = (list(measured.values())[place] for place in (0, -1))
    ratios = sorted(old / young for old, young in zip(largest, smallest, strict=True))
    return {
        "what": what,
        "unit": unit,
        **{name: round(statistics.median(values), 1) for name, values in measured.items()},
        "ratio": None if goal is None else round(statistics.median(ratios), 2),
        "quartiles": None if goal is None or len(ratios) == 1 else quartiles(ratios),
        "goal": goal,
    }
