"""What the tests of the command line share: how it is called, the ledger they know by heart, and a folder's print."""

import hashlib
import sysconfig
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

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


def fingerprint(folder: Path) -> dict[str, tuple[str, int, int, int]]:
    """Return the content, size, mode and time of change of every file below a folder, and the folders' own."""
    found: dict[str, tuple[str, int, int, int]] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (content, status.st_size, status.st_mode, status.st_mtime_ns)
    return found
