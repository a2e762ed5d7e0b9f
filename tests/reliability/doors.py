"""The doors to a ledger file, each tried on a file that may be malicious, in a process that may not take long nor much.

What comes of a door is an answer, a refusal with a typed error, or what must never be: a crash, which is any other
error, a lack of memory among them; or nothing at all, if it hangs.
"""

import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import attrs

from ledger_core import LedgerError, StrategyLedger, open_ledger, open_reader
from reliability.spoiling import CANARY, VICTIM, Case
from reliability.workload import STRATEGY, StepClock

SECONDS_MAX = 30
MEMORY_MAX = 400 * 2**20
"""What a door may take; of a healthy file each needs some milliseconds and some hundred kilobytes."""

ANSWERED, REFUSED, CRASHED, HUNG = "answered", "refused", "crashed", "hung"


@attrs.frozen
class Opened:
    """What came of a door: one of the words above, and the answer or the error in words."""

    kind: str
    said: str


# -- the doors --------------------------------------------------------------------------------------------------------


def _url(path: Path) -> str:
    return f"sqlite:///{path}?durability=none&busy_timeout=1"


def read(path: Path) -> Any:
    """Open the ledger for reading and ask for all that is there."""
    with open_ledger(_url(path), strategy_id=STRATEGY, read_only=True) as ledger:
        return _answers(ledger)


def read_all_strategies(path: Path) -> Any:
    """Open the reader over all strategies, as a person does in an emergency."""
    with open_reader(_url(path)) as reader:
        return (
            list(reader.strategies()),
            [order.order_id for _, order in reader.get_open_orders()],
            [trade.trade_id for _, trade in reader.get_open_trades()],
            [(position.key, position.quantity) for _, position in reader.get_open_positions()],
            [fact.quarantine_id for _, fact in reader.quarantined()],
        )


def verify(path: Path) -> Any:
    """Open the ledger for reading, verify it and print what was found; the answer's last word is whether it is intact."""
    with open_ledger(_url(path), strategy_id=STRATEGY, read_only=True) as ledger:
        found = ledger.verify()
        assert found.is_intact or any(str(difference) for difference in found.differences)
        return found.entries, found.head.digest, found.is_intact


def write(path: Path) -> Any:
    """Trade with the file, replay it to a subscriber, and say all that it holds afterwards."""
    heard: list[Any] = []
    with open_ledger(_url(path), strategy_id=STRATEGY, clock=StepClock()) as ledger:
        ledger.subscribe("monitor", lambda _, payload: heard.append(payload["sequence"]))
        details = {"symbol": "ACME", "side": "BUY", "order_type": "LIMIT", "limit_price": "9.5", "quantity": 3}
        ledger.record_order("new", {**details, "venue": "X"})
        ledger.update_order_acceptance("new", {"venue_order_id": "v-new"})
        ledger.update_order_fill("new", {"fill_id": "n1", "quantity": 2, "price": "9.5"})
        ledger.request_order_cancel("new")
        return _answers(ledger), len(heard)


DOORS: Mapping[str, Callable[[Path], Any]] = {
    "read": read,
    "read all strategies": read_all_strategies,
    "verify": verify,
    "write": write,
}


def _answers(ledger: StrategyLedger) -> Any:
    return (
        ledger.head().digest,
        [(order.order_id, order.version, order.cum_quantity) for order in ledger.find_orders(limit=None)],
        [(order.order_id, order.status) for order in ledger.find_orders(is_open=True, limit=None)],
        [(fill.order_id, fill.fill_id, fill.quantity, fill.price) for fill in ledger.find_fills(limit=None)],
        [(trade.trade_id, trade.state) for trade in ledger.find_trades(limit=None)],
        [(position.key, position.quantity, position.cost) for position in ledger.get_open_positions()],
        [ledger.get_position_exposure(symbol).worst_case_long for symbol in ("ACME", "BTC-PERP")],
        [fact.quarantine_id for fact in ledger.quarantined()],
        [entry.digest for entry in ledger.read_journal()],
    )


# -- trying them ------------------------------------------------------------------------------------------------------


def tried(folder: Path, case: Case | None, ledger: int = 0) -> dict[str, Opened]:
    """Make the case's file anew for each door, and open it in a child process; without a case, the healthy file."""
    from_child, to_parent = os.pipe()
    child = os.fork()
    if not child:
        with suppress(BaseException):
            os.close(from_child)
            _try_doors(folder, case or Case(lambda _: None, "", None, ledger), to_parent)
        os._exit(0)
    os.close(to_parent)
    with os.fdopen(from_child, "rb") as pipe:
        lines = pipe.read().decode().splitlines()
    os.waitpid(child, 0)
    opened = {door: Opened(kind, said) for door, kind, said in map(json.loads, lines)}
    return {door: opened.get(door, Opened(HUNG, f"or was not come to within {SECONDS_MAX} s")) for door in DOORS}


def _try_doors(folder: Path, case: Case, pipe: int) -> None:
    logging.disable()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _limit_memory()
    for number, (door, open_it) in enumerate(DOORS.items()):
        path = folder / str(number) / "ledger.db"
        path.parent.mkdir()
        case.make(path)
        signal.alarm(SECONDS_MAX)
        opened = _opened(path, open_it)
        signal.alarm(0)
        os.write(pipe, json.dumps([door, opened.kind, opened.said]).encode() + b"\n")


def _opened(path: Path, open_it: Callable[[Path], Any]) -> Opened:
    try:
        said = Opened(ANSWERED, repr(open_it(path)))
    except LedgerError as error:
        said = Opened(REFUSED, f"{type(error).__name__}: {error}"[:500])
    except BaseException as error:  # noqa: BLE001  # an error that is not typed is what is looked for
        return Opened(CRASHED, f"{type(error).__name__}: {error}"[:500])
    if (path.parent / "victim.txt").read_text() != VICTIM:
        return Opened(CRASHED, "the file changed or removed another one")
    return Opened(CRASHED, "what the file carries was run") if _has_run(path) else said


def _has_run(path: Path) -> bool:
    """Say whether something was written into the canary table."""
    if not path.is_file() or CANARY.encode() not in path.read_bytes():
        return False
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("SELECT * FROM canary").fetchall())
    return False


def _limit_memory() -> None:
    if sys.platform == "linux":  # elsewhere the limit is not kept, or counts what other processes share
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_MAX, used + MEMORY_MAX))
