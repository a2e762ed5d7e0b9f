"""A file that was emptied or lost, with its log still there: the log is all that is left, and nobody may delete it."""

import subprocess
import sys
from pathlib import Path

import pytest

import ledger_rescue
from ledger_core import StorageCorrupt, open_ledger, open_reader
from support import market_order


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    """Return the path of a ledger whose writer was killed with entries in its log, and whose file was then emptied."""
    path = tmp_path / "orders.db"
    script = (
        "import os, sys; from ledger_core import open_ledger\n"
        "ledger = open_ledger(sys.argv[1], strategy_id='alpha')\n"
        "ledger.record_order('A', {'symbol': 'X', 'side': 'BUY', 'order_type': 'MARKET', 'quantity': 1})\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60)
    assert path.with_name("orders.db-wal").stat().st_size > 32
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("is_gone", [False, True])
def test_no_writer_begins_anew_beside_a_log(lost: Path, is_gone: bool) -> None:
    """A bot that found no orders would place them again: it is told, and the log stays to the byte."""
    log = lost.with_name("orders.db-wal").read_bytes()
    if is_gone:
        lost.unlink()
    with pytest.raises(StorageCorrupt, match="put the file back") as caught:
        open_ledger(lost, strategy_id="alpha")
    assert caught.value.log == str(lost.with_name("orders.db-wal"))
    assert lost.with_name("orders.db-wal").read_bytes() == log
    assert lost.exists() is not is_gone


def test_no_reader_takes_the_log_away(lost: Path) -> None:
    """Neither the reader nor the rescue script, which look at such a file first, leave less than they found."""
    log = lost.with_name("orders.db-wal").read_bytes()
    with pytest.raises(StorageCorrupt, match="put the file back"):
        open_reader(lost)
    with pytest.raises(ledger_rescue.Unreadable, match="put the file back"), ledger_rescue.Reading(lost):
        pass
    assert lost.with_name("orders.db-wal").read_bytes() == log


@pytest.mark.parametrize("log_bytes", [0, 32])
def test_without_a_log_an_empty_file_becomes_a_ledger(tmp_path: Path, log_bytes: int) -> None:
    """What `touch` made is a place for a new ledger, and so is one whose log holds nothing but its own header."""
    path = tmp_path / "new.db"
    path.touch()
    path.with_name("new.db-wal").write_bytes(bytes(log_bytes))
    with open_ledger(path, strategy_id="alpha") as ledger:
        ledger.record_order("A", market_order())
        assert ledger.verify().is_intact
