"""Fixtures for the command line: a way to call it, a ledger with something of everything, and the demonstration's."""

import hashlib
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import fill, limit_order, market_order

from ledger_cli.main import main
from ledger_core import OverfillError, UnknownOrder, open_ledger

Call = Callable[..., Result]

SCRIPT = Path(sysconfig.get_path("scripts"), "strategy-ledger")
"""The installed command."""

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def call() -> Call:
    """Return what calls the command in this process; an error that is not one of its own fails the test."""

    def call(*arguments: object) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def run_script() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Return what runs the installed command in a process of its own."""

    def run_script(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command = [str(SCRIPT), *(str(argument) for argument in arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)

    return run_script


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    """Return a file of two strategies: orders of every kind of interest, trades, positions, facts in quarantine."""
    folder = tmp_path / "ledgers"
    folder.mkdir()
    path = folder / "ledger.db"
    fill_file(path)
    return path


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


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    """Return the result of `strategy-ledger demo`, made once; `demo_file` is its file."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    yield CliRunner().invoke(main, ["demo", str(path), "--durability", "none"], catch_exceptions=False)


@pytest.fixture(scope="session")
def demo_file(demo_run: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that the demonstration wrote; tests read it only."""
    assert demo_run.exit_code == 0
    (path,) = tmp_path_factory.getbasetemp().glob("demo*/demo.db")
    return path


def fingerprint(folder: Path) -> dict[str, tuple[str, int, int, int]]:
    """Return the content, size, mode and time of change of every file below a folder, and the folders' own."""
    found: dict[str, tuple[str, int, int, int]] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (content, status.st_size, status.st_mode, status.st_mtime_ns)
    return found
