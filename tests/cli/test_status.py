"""`status`: what a person must know first, in the order in which it matters; and what a monitor asks."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.ledgers import START, Call, of_csv, parsed
from ledger_cli import processes
from ledger_cli.picture import Picture, complaints, gather, next_steps
from ledger_cli.processes import Process, writers_of
from ledger_cli.reading import Store
from ledger_core import open_ledger, open_reader
from support import fill, limit_order, market_order

WRITER = """
import sys, time
from ledger_core import open_ledger
ledger = open_ledger(sys.argv[1] + "?durability=none", strategy_id="bot")
ledger.record_order("K1", {"symbol": "ACME", "side": "BUY", "quantity": 3, "order_type": "MARKET"})
print("open", flush=True)
sys.stdin.readline()
"""


def picture_of(path: Path, moment: datetime) -> Picture:
    """Return what `status` knows of a ledger at a moment."""
    with open_reader(path) as reader:
        ledgers = [(name, reader.strategy(name)) for name in reader.strategies()]
        return gather([Store(str(path), str(path), reader, ledgers)], moment)


def test_the_most_urgent_comes_first(call: Call, ledger_file: Path) -> None:
    """Last event, orders in doubt by both ids, requests, working orders, positions, net, quarantine, what to do."""
    shown = call("status", ledger_file).stdout.replace(str(ledger_file), "FILE")
    parts = (
        "2 strategies: alpha, beta",
        "last event  2026-01-05 09:41:00Z",
        "ORDER_ACCEPTED B2 (beta, entry 4)",
        "IN DOUBT",
        "A2",
        "no answer within 2 s",
        "Requests without an answer (1)",
        "C-1",
        "Working at the venues (2)",
        "PENDING_CANCEL",
        "Held (2)",
        "-5",
        "Net, over all strategies (2)",
        "In quarantine",
        "Q-",
        "Next",
        "strategy-ledger resolve FILE A2 ",
    )
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)
    assert call("status", ledger_file).exit_code == 0


def test_an_order_in_doubt_is_shown_by_our_id_and_the_venues(call: Call, tmp_path: Path) -> None:
    """Both are needed to ask the venue; that it has given none is said."""
    path = tmp_path / "doubt.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("ours-1", limit_order(venue_order_id="theirs-1", symbol="XY"))
        ledger.update_order_in_doubt("ours-1", "timeout")
        ledger.record_order("ours-2", limit_order(symbol="XY"))
    lines = call("status", path).stdout.splitlines()
    (first,) = [line for line in lines if line.startswith("IN_DOUBT")]
    (second,) = [line for line in lines if line.startswith("PLACED")]
    assert "ours-1" in first
    assert "theirs-1" in first
    assert "none" in second
    assert lines.index(first) < lines.index(second)


def test_the_json_has_everything_the_table_has(call: Call, ledger_file: Path) -> None:
    """One object, with the records in full, what there is to complain of and what to type."""
    document = parsed(call("status", ledger_file, "--json").stdout)
    assert [order["order_id"] for order in document["in_doubt"]] == ["A2"]
    assert [order["order_id"] for order in document["working"]] == ["A1", "B2"]
    assert [request["request_id"] for request in document["requests_in_flight"]] == ["C-1"]
    assert [position["quantity"] for position in document["positions"]] == ["4", "-5"]
    assert [(one["symbol"], one["net_quantity"]) for one in document["exposures"]] == [("ACME", "-1"), ("BTC-USD", "0")]
    assert len(document["quarantine"]) == 2
    (ledger,) = document["ledgers"]
    assert ledger["last_event"]["what"] == "ORDER_ACCEPTED B2"
    assert len(document["complaints"]) == 3
    assert document["next_steps"][0]["command"].startswith("strategy-ledger resolve ")


def test_as_rows_everything_is_one_list(call: Call, ledger_file: Path) -> None:
    """CSV and JSON Lines have one thing a row, with the section that it belongs to."""
    rows = of_csv(call("status", ledger_file, "-o", "csv").stdout)
    assert [(row["section"], row["id"] or row["symbol"]) for row in rows[:6]] == [
        ("in_doubt", "A2"),
        ("working", "A1"),
        ("working", "B2"),
        ("request", "A1"),
        ("position", "ACME"),
        ("position", "ACME"),
    ]
    lines = call("status", ledger_file, "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["section"] for line in lines] == [row["section"] for row in rows]
    assert "## Held (2)" in call("status", ledger_file, "-o", "md").stdout


def test_check_ends_with_one_where_a_person_is_needed(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """A monitor reads the exit code: 0 where all is well, 1 with the reasons on stderr where it is not."""
    result = call("status", ledger_file, "--check", "-o", "csv")
    assert result.exit_code == 1
    assert "1 order in doubt: A2" in result.stderr
    assert "2 facts in quarantine" in result.stderr
    quiet = tmp_path / "quiet.db"
    with open_ledger(f"sqlite:///{quiet}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", limit_order())
        ledger.update_order_acceptance("A1")
        ledger.record_order("A2", limit_order())  # has only just been sent
    assert call("status", quiet, "--check").exit_code == 0
    assert call("status", quiet, "--check", "--max-age", "1h").exit_code == 0
    assert call("status", ledger_file, "--max-age", "1h").exit_code == 0  # without --check it only shows


@pytest.mark.parametrize("bad", ["soon", "-5s", "5", "s", "5w"])
def test_a_length_of_time_is_checked(call: Call, ledger_file: Path, bad: str) -> None:
    """What is no length of time is refused, rather than taken for something."""
    assert call("status", ledger_file, "--check", f"--max-age={bad}").exit_code == 2


def test_what_is_complained_of_depends_on_how_long_it_waits(tmp_path: Path) -> None:
    """An order without an answer is no reason for an alarm in the first minute, and is one after it."""
    path = tmp_path / "waiting.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha", clock=lambda: START) as ledger:
        ledger.record_order("A1", limit_order())
        ledger.record_order("A2", limit_order())
        ledger.update_order_acceptance("A2")
        ledger.request_order_cancel("A2", "C-1")
    soon, later = picture_of(path, START + timedelta(seconds=30)), picture_of(path, START + timedelta(seconds=90))
    assert list(complaints(soon)) == []
    assert list(complaints(later)) == [
        "1 order in doubt: A1",
        "1 request to cancel or replace without an answer: A2",
    ]
    assert list(complaints(later, grace=timedelta(minutes=5))) == []
    silent = complaints(soon, silence_max=timedelta(seconds=10))
    assert list(silent) == ["nothing was recorded for 30s"]


def test_fills_that_are_known_to_be_missing_are_complained_of(tmp_path: Path) -> None:
    """A venue that says 7 where the ledger has 4 has told less than it did."""
    path = tmp_path / "missing.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", limit_order())
        ledger.update_order_fill("A1", fill("F1", "4", "100"))
        ledger.report_order_status("A1", {"status": "PARTIALLY_FILLED", "cum_quantity": 7})
    assert list(complaints(picture_of(path, datetime.now(UTC)))) == ["fills are missing of 1 order: A1"]


def test_nothing_to_do_means_no_advice(call: Call, tmp_path: Path) -> None:
    """A quiet ledger says that there is nothing, of each kind, and proposes nothing."""
    path = tmp_path / "quiet.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", market_order())
        ledger.update_order_rejection("A1", "no margin")
    shown = call("status", path).stdout
    assert "Nothing in doubt, no request without an answer, no order working, no position" in shown
    assert "Next" not in shown
    with open_ledger(f"sqlite:///{tmp_path}/new.db?durability=none", strategy_id="alpha"):
        pass
    assert "nothing was ever recorded" in call("status", tmp_path / "new.db").stdout


def test_leaving_the_market_is_proposed_only_where_nobody_runs(tmp_path: Path) -> None:
    """While the bot has the file open, its positions are its own business."""
    path = tmp_path / "held.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", market_order(quantity=1))
        ledger.update_order_fill("A1", fill("F1", 1, 10))
    picture = picture_of(path, datetime.now(UTC))
    steps = [step.command for step in next_steps(picture)]
    if picture.ledgers[0].writers is None:
        pytest.skip("this machine does not tell who has a file open")
    assert steps == [f"strategy-ledger flatten {path}"]


def test_who_has_the_file_open_is_seen_from_outside(call: Call, tmp_path: Path) -> None:
    """A person sees whether the bot is alive: its process is named while it has the file open, and not afterwards."""
    path = tmp_path / "bot.db"
    command = [sys.executable, "-c", WRITER, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == "open\n"
        writers = writers_of(path)
        if writers is None:
            pytest.skip("this machine does not tell who has a file open")
        assert [process.pid for process in writers] == [bot.pid]
        assert f"open by     process {bot.pid}" in call("status", path).stdout
        bot.communicate("\n")
    assert writers_of(path) == []
    assert "open by     no process" in call("status", path).stdout


def test_locks_are_read_as_the_kernel_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks of other files, and those that somebody only waits for, are nobody's; without the list nothing is known."""
    path = tmp_path / "x.db-shm"
    path.touch()
    status = path.stat()
    import os

    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    table = tmp_path / "locks"
    table.write_text(
        f"1: POSIX  ADVISORY  READ 4711 {device}:{status.st_ino} 125 125\n"
        f"1: -> POSIX  ADVISORY  READ 4712 {device}:{status.st_ino} 126 126\n"
        f"2: POSIX  ADVISORY  READ 4713 {device}:{status.st_ino + 1} 124 124\n"
        f"3: POSIX  ADVISORY  READ 4714 {device}:{status.st_ino} 128 128\n"
    )
    monkeypatch.setattr(processes, "LOCKS", table)
    assert processes.wal_readers_of(tmp_path / "x.db") == [(Process(4711), 2)]
    monkeypatch.setattr(processes, "LOCKS", tmp_path / "nothing")
    assert processes.writers_of(tmp_path / "x.db") is None
    assert str(Process(1, "init")) == "process 1 (init)"
