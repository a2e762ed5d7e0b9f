"""Questions, opening and closing; the floor is the statements that they make, made again in plain sqlite3.

Where an answer comes from memory, the floor is what remains: one look at the journal's head.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import LedgerContestant, run_rounds
from benchmarks.replaying import Recorder, Replay
from benchmarks.results import Options, Result, Row
from benchmarks.timing import RATIO_HEADINGS, compare
from ledger_core import StrategyLedger, open_ledger

ROUNDS = 1_000
OPEN_ORDERS = 200
OPEN_POSITIONS = 20
FLOOR = "replay"

Question = Callable[[StrategyLedger], object]

QUESTIONS: Mapping[str, tuple[Question, int]] = {
    # what: (the question, how often it is asked in a block)
    "get_order, open": (lambda ledger: ledger.get_order("open-7"), 200),
    "get_order, long ended": (lambda ledger: ledger.get_order("b3"), 200),
    "get_fill": (lambda ledger: ledger.get_fill("b3", "f3"), 200),
    f"get_open_positions, {OPEN_POSITIONS}": (lambda ledger: ledger.get_open_positions(), 100),
    "get_position_exposure": (lambda ledger: ledger.get_position_exposure("S3"), 100),
    f"find_orders(is_open=True), {OPEN_ORDERS}": (lambda ledger: list(ledger.find_orders(is_open=True)), 10),
    "find_orders, a page of 100": (lambda ledger: list(ledger.find_orders(symbol="X", limit=100)), 10),
    "find_orders, a page of 1,000": (lambda ledger: list(ledger.find_orders(symbol="X", limit=1000)), 2),
    "find_fills of an order": (lambda ledger: list(ledger.find_fills(order_id="b3")), 100),
}


def measure(options: Options) -> Result:
    """Measure every question, and opening and closing, on a file with a history."""
    rows: list[Row] = []
    with TemporaryDirectory(dir=options.folder) as directory:
        path = Path(directory) / "ledger.db"
        url = f"sqlite:///{path}?durability=process"
        fill_with_history(f"sqlite:///{path}?durability=none")
        for what, (question, times) in QUESTIONS.items():
            rows += _compare(what, question, times, url, path, options.blocks)
        rows += _compare_opening(url, path, options.blocks)
    return Result(
        what="reads",
        headings=RATIO_HEADINGS,
        rows=rows,
        notes=(
            f"{2 * ROUNDS:,} ended orders, {OPEN_ORDERS} open ones, {OPEN_POSITIONS} positions; a look is a replay.",
        ),
    )


def fill_with_history(url: str) -> None:
    """Write ended orders, open ones, and positions."""
    with LedgerContestant(url, batch=500) as contestant:
        run_rounds(contestant, "orders", 0, ROUNDS)
        with contestant.ledger.batch() as batch:
            for number in range(OPEN_ORDERS):
                details = {"symbol": f"S{number % OPEN_POSITIONS}", "side": "BUY", "order_type": "LIMIT"}
                details |= {"quantity": "10", "limit_price": "99.5", "time_in_force": "GTC", "currency": "USD"}
                batch.record_order(f"open-{number}", details)
                batch.update_order_acceptance(f"open-{number}", {"venue_order_id": f"W{number}"})
            for number in range(OPEN_POSITIONS):
                fill = {"fill_id": f"p{number}", "quantity": "3", "price": "99.5"}
                batch.update_order_fill(f"open-{number}", fill)


def _compare(what: str, question: Question, times: int, url: str, path: Path, blocks: int) -> list[Row]:
    with ExitStack() as stack:
        with Recorder() as recorder, open_ledger(url, strategy_id="bench") as watched:
            question(watched)
            statements = recorder.take(partial(question, watched))
        ledger = stack.enter_context(open_ledger(url, strategy_id="bench"))
        replay = stack.enter_context(Replay(path, "process"))

        def ours(_: int) -> None:
            for _ in range(times):
                question(ledger)

        def floor(_: int) -> None:
            for _ in range(times):
                replay.run(statements)

        return compare(what, ours, {FLOOR: floor}, blocks=blocks, units=times)


def _compare_opening(url: str, path: Path, blocks: int) -> list[Row]:
    """Opening and closing again, against plain connections that make the same statements."""

    def ours(_: int = 0) -> None:
        open_ledger(url, strategy_id="bench").close()

    with Recorder() as recorder:
        statements = recorder.take(ours)

    def floor(_: int) -> None:
        with Replay(path, "process") as replay:
            replay.run(statements)

    return compare("open and close", ours, {FLOOR: floor}, blocks=blocks, units=1)
