"""What the tests of the command line share: how it is called, the ledger they know by heart, and a folder's print."""

import csv
import fcntl
import hashlib
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sysconfig
import termios
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from click.testing import Result

from ledger_core import OverfillError, UnknownOrder, open_ledger
from support import fill, limit_order, market_order

Call = Callable[..., Result]
"""Calls the command in this process."""

RunScript = Callable[..., "CompletedProcess[str]"]
"""Runs the installed command in a process of its own."""

SCRIPT = Path(sysconfig.get_path("scripts"), "strategy-ledger")
"""The installed command."""

PATIENCE = 120.0
"""Seconds that a program in a terminal may take; most take one or two."""

BY_THE_ADAPTER = {
    "status": (),
    "orders": (),
    "positions": (),
    "exposure": (),
    "trades": (),
    "fills": (),
    "journal": (),
    "pnl": (),
    "quality": (),
    "verify": (),
    "flatten": (),
    "show": ("A1",),
    "history": ("A1",),
    "explain": ("A1",),
    "watch": ("--count", "1", "-o", "jsonl"),
}
"""Commands that read a ledger as a reader does, and what follows the PATH of each."""

READING = {**BY_THE_ADAPTER, "doctor": (), "query": ("SELECT 1 AS one",)}
"""Every command that reads."""

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When the ledger's first entry was recorded; each reading of its clock is a minute later."""


def fill_file(path: Path) -> None:
    """Write the ledger that the tests of the reading commands know by heart."""
    times = iter(START + timedelta(minutes=n) for n in range(1_000))
    url = f"sqlite:///{path}?durability=none"
    with open_ledger(url, strategy_id="alpha", clock=lambda: next(times)) as ledger:
        ledger.record_order("A1", limit_order(quantity="10", limit_price="100.50", venue="XNAS", currency="USD"))
        ledger.update_order_acceptance("A1", {"venue_order_id": "V-1"})
        ledger.update_order_fill("A1", fill("F1", "4", "100.25", fee="0.10", fee_currency="USD"))
        ledger.create_trade("T1", ["A1"], {"stop_price": "90", "tags": ["swing"]})
        ledger.record_order("A2", market_order(quantity="0.0000004", symbol="BTC-USD", venue="XNAS", currency="USD"))
        ledger.update_order_in_doubt("A2", "no answer within 2 s")
        ledger.record_order("A3", market_order(side="SELL", quantity="1", symbol="ETH", currency="EUR"))
        ledger.update_order_rejection("A3", "no margin")
        ledger.record_order("A4", market_order(quantity="2", symbol="ETH", currency="EUR"))
        ledger.update_order_fill("A4", fill("F1", "2", "3000.000000000000000001"))
        ledger.record_order("A5", market_order(side="SELL", quantity="2", symbol="ETH", currency="EUR"))
        ledger.update_order_fill("A5", fill("F1", "2", "3100"))
        ledger.create_trade("T2", ["A4", "A5"])
        ledger.close_trade("T2", {"order_ids": ["A5"], "reason": "target"})
        ledger.request_order_cancel("A1", "C-1")
        with pytest.raises(UnknownOrder):
            ledger.update_order_fill(None, fill("F9", "7", "99", symbol="ACME", side="SELL", venue_order_id="V-?"))
        with pytest.raises(OverfillError):
            ledger.update_order_fill("A1", fill("F2", "7", "100"))
    with open_ledger(url, strategy_id="beta", clock=lambda: next(times)) as ledger:
        ledger.record_order("A1", market_order(side="SELL_SHORT", quantity="5", venue="XNAS", currency="USD"))
        ledger.update_order_fill("A1", fill("F1", "5", "101"))
        ledger.record_order("B2", market_order(quantity="3", venue="XNAS", currency="USD"))
        ledger.update_order_acceptance("B2")


def fill_history(path: Path, strategy_id: str = "alpha") -> None:
    """Write six round trips of ACME, one a day, each a trade that made 10 USD, and then an order that is open."""
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id=strategy_id) as ledger:
        moment = START
        for number in range(6):
            day = START + timedelta(days=number)
            for hour, side in enumerate(("BUY", "SELL")):
                order_id, moment = f"{side.lower()}-{number}", day + timedelta(hours=hour)
                details = market_order(side, 10, venue="XNAS", currency="USD")
                ledger.record_order(order_id, details, command_id="C", occurred_at=moment)
                ledger.update_order_acceptance(order_id, {"venue_order_id": f"V-{order_id}"}, occurred_at=moment)
                told = fill("F1", 10, 100 + number + hour, fee="0.35", fee_currency="USD")
                ledger.update_order_fill(order_id, told, occurred_at=moment)
            ledger.create_trade(f"trade-{number}", [f"buy-{number}", f"sell-{number}"], occurred_at=day)
            ledger.close_trade(f"trade-{number}", occurred_at=day + timedelta(hours=1, minutes=1))
        open_order = limit_order(quantity=5, limit_price=90, venue="XNAS", currency="USD")
        ledger.record_order("open-1", open_order, occurred_at=START + timedelta(days=9))


def fingerprint(folder: Path) -> dict[str, tuple[str, int, int, int]]:
    """Return the content, size, mode and time of change of every file below a folder, and the folders' own."""
    found: dict[str, tuple[str, int, int, int]] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (content, status.st_size, status.st_mode, status.st_mtime_ns)
    return found


def parsed(text: str) -> Any:
    """Read JSON that holds no float: money in it would have lost digits."""

    def refuse(number: str) -> Decimal:
        raise AssertionError(f"a number with a point must be text: {number}")

    return json.loads(text, parse_float=refuse)


def of_csv(output: str) -> list[dict[str, str]]:
    """Read CSV as any program does."""
    return list(csv.DictReader(io.StringIO(output)))


def rows(table: str) -> list[list[str]]:
    """Return the cells of a table, split where its ruler says that columns begin."""
    _, ruler, *lines = table.splitlines()
    starts = [at for at, mark in enumerate(ruler) if mark == "-" and (at == 0 or ruler[at - 1] == " ")]
    ends = [*(start - 2 for start in starts[1:]), None]
    return [[line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines]


def in_terminal(
    *arguments: object,
    columns: int = 80,
    lines: int = 40,
    typed: str = "",
    typed_at: str | None = None,
    interrupted_at: str | None = None,
    environment: dict[str, str] | None = None,
    program: Sequence[str] = (str(SCRIPT),),
) -> tuple[str, int]:
    """Run the installed command in a terminal of its own; return what it showed, and its exit code.

    `interrupted_at` is a text at which it gets what Ctrl-C sends, once it has shown that, and again every few seconds,
    as Python drops an interrupt that comes while it frees an object; `typed_at` is one at which it is typed into. What
    has not ended after `PATIENCE` is killed.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    # What a shell starts in the background ignores Ctrl-C, and so would its children: of these tests, too.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [*program, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**kept, "TERM": "xterm-256color", **(environment or {})},
            close_fds=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, inherited)
    os.close(theirs)
    if typed_at is None:
        os.write(ours, typed.encode())
    shown = b""
    deadline = time.monotonic() + PATIENCE
    again = deadline
    try:
        while True:
            if select.select([ours], [], [], 0.5)[0]:
                piece = os.read(ours, 65_536)
                if not piece:
                    break
                shown += piece
            if typed_at is not None and typed_at.encode() in shown:
                os.write(ours, typed.encode())
                typed_at = None
            if interrupted_at is not None and interrupted_at.encode() in shown:
                interrupted_at, again = None, 0.0
            if time.monotonic() >= deadline:
                process.kill()
            elif time.monotonic() >= again and process.poll() is None:
                process.send_signal(signal.SIGINT)
                again = time.monotonic() + 5
    except OSError:  # the other end was closed
        pass
    finally:
        os.close(ours)  # whoever still writes to it gets an error, and ends
        code = process.wait()
    return shown.decode().replace("\r\n", "\n"), code
