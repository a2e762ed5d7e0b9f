"""Reading leaves a file as it is, whatever its state; what is no ledger gets one line and an exit code."""

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cli.ledgers import BY_THE_ADAPTER, READING, SCRIPT, Call, RunScript, fill_file, fingerprint
from ledger_core import open_ledger
from support import fill, market_order
from support.rights import as_somebody_else

KILLED_WRITER = """
import os, sys
from ledger_core import open_ledger
ledger = open_ledger(sys.argv[1], strategy_id="bot")
for number in range(20):
    ledger.record_order(f"K{number}", {"symbol": "ACME", "side": "BUY", "quantity": 3, "order_type": "MARKET"})
    ledger.update_order_fill(f"K{number}", {"fill_id": "F", "quantity": 1, "price": "10.5"})
ledger.update_order_in_doubt("K19")
ledger.record_order("LAST", {"symbol": "ACME", "side": "SELL", "quantity": 1, "order_type": "MARKET"})
ledger.update_order_in_doubt("LAST", "no answer")
os._exit(9)
"""


UPKEEP = {
    "resolve": ("A1", "canceled", "--reason", "test", "--yes"),
    "skip": ("publisher", "1", "--reason", "test", "--yes"),
    "rebuild": ("--yes",),
    "reconcile": ("SNAPSHOT", "--apply", "--yes"),
    "migrate": ("--yes",),
    "backup": ("OUT",),
}
"""Every command that writes, but `init`, and what follows the PATH."""


def read_everything(call: Call, path: object, *, knows: bool = True) -> None:
    """Ask every reading command, in each form that it has."""
    for command, more in READING.items():
        if not knows and more and command not in ("query", "watch"):
            continue
        for form in ((), ("--json",), ("-o", "csv")):
            if form and (command == "watch" or (command in ("flatten", "show") and "csv" in form)):
                continue
            assert call(command, path, *more, *form).exit_code in (0, 1), command
    for question in (("orders", "--all"), ("trades", "--all"), ("journal", "--jsonl"), ("journal", "--after", "3")):
        assert call(question[0], path, *question[1:]).exit_code == 0


# --- reading changes nothing


def test_reading_changes_no_byte_of_a_closed_ledger(call: Call, ledger_file: Path) -> None:
    """Content, size, mode and time of every file in the folder stay as they are, and no file is added."""
    before = fingerprint(ledger_file.parent)
    read_everything(call, ledger_file)
    assert fingerprint(ledger_file.parent) == before


def test_reading_changes_no_byte_beside_a_live_writer_and_does_not_hinder_it(
    run_script: RunScript, ledger_file: Path
) -> None:
    """While a bot has the file open, another process reads and touches nothing; the bot's next order is seen."""
    url = f"sqlite:///{ledger_file}?durability=none"
    with open_ledger(url, strategy_id="alpha") as ledger:
        ledger.record_order("live-1", market_order())
        before = fingerprint(ledger_file.parent)
        for command, more in READING.items():
            assert run_script(command, ledger_file, *more).returncode in (0, 1)
        assert fingerprint(ledger_file.parent) == before
        ledger.record_order("live-2", market_order())
        listed = json.loads(run_script("orders", ledger_file, "--json").stdout)
    assert {"live-1", "live-2"} <= {order["order_id"] for order in listed}


def test_the_file_of_a_killed_bot_is_read_as_it_was_left(call: Call, run_script: RunScript, tmp_path: Path) -> None:
    """The last acknowledged order is there, in doubt and on top, with the write-ahead log not checkpointed."""
    folder = tmp_path / "killed"
    folder.mkdir()
    path = folder / "ledger.db"
    command = [sys.executable, "-c", KILLED_WRITER, str(path)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 9
    assert (folder / "ledger.db-wal").stat().st_size > 0
    before = fingerprint(folder)
    done = run_script("orders", path, "--json")
    assert done.returncode == 0
    orders = json.loads(done.stdout)
    assert len(orders) == 21
    assert [(order["order_id"], order["status"]) for order in orders[:1]] == [("LAST", "IN_DOUBT")]
    read_everything(call, path, knows=False)
    (position,) = json.loads(call("positions", path, "--json").stdout)
    assert (position["quantity"], position["cost"]) == ("20", "210")
    assert fingerprint(folder) == before


def test_a_copy_in_a_folder_that_cannot_be_written_is_read(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """Evidence is often kept read-only: file and folder without write permission are no obstacle."""
    kept = tmp_path / "kept"
    shutil.copytree(ledger_file.parent, kept)
    for path in kept.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    kept.chmod(0o500)
    before = fingerprint(kept)
    try:
        read_everything(call, kept / "ledger.db")
        assert fingerprint(kept) == before
    finally:
        kept.chmod(0o700)
        (kept / "ledger.db-claims").chmod(0o700)


@pytest.mark.parametrize(
    "name",
    ["with blank.db", "100%.db", "what?.db", "a#b.db", "%41.db", "ünï.db", "quote'.db", "no-suffix", "-dash.db"],
)
def test_any_name_of_a_file_is_taken_literally(call: Call, tmp_path: Path, name: str) -> None:
    """What means something in a URL means nothing in a path."""
    ledger = tmp_path / "ledger.db"
    fill_file(ledger)
    path = tmp_path / "odd" / name
    path.parent.mkdir()
    shutil.copy(ledger, path)
    before = sorted(path.parent.iterdir())
    result = call("positions", "--json", "--", path)
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)) == 2
    assert sorted(path.parent.iterdir()) == before


# From 3.12 on Python warns of fork() beside other threads, such as pytest-xdist's; the child here needs none of them.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


# --- what is no ledger


def _zero_bytes(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("order,symbol\n1,ACME\n" * 100)


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (order_id TEXT)")
    connection.close()


def _other_application(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id = 77")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("CREATE TABLE journal (body TEXT)")
    connection.close()


def _newer_schema(path: Path) -> None:
    fill_file(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 4711")
    connection.close()


def _truncated(path: Path) -> None:
    fill_file(path)
    os.truncate(path, 20_000)


def _cut_header(path: Path) -> None:
    fill_file(path)
    os.truncate(path, 50)


def _folder(path: Path) -> None:
    path.mkdir()


def _nothing(path: Path) -> None:
    assert not path.exists()


BAD = {
    "nothing": (_nothing, "there is no ledger file"),
    "a folder": (_folder, "is a directory"),
    "zero bytes": (_zero_bytes, "the file is empty"),
    "text": (_text, "no SQLite database"),
    "another database": (_other_database, "no ledger"),
    "another application": (_other_application, "no ledger"),
    "a newer schema": (_newer_schema, "schema 4711"),
    "a truncated file": (_truncated, "damaged"),
    "a cut header": (_cut_header, "damaged"),
}


def assert_is_one_line(result: Result, exit_code: int, *parts: str) -> None:
    """Assert that a command ended with an exit code and one line, which has all the parts, on stderr."""
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.startswith("strategy-ledger: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_ledger_gets_one_line_and_is_left_alone(call: Call, tmp_path: Path, kind: str) -> None:
    """One line that names the file and says what was found, exit code 3, nothing on stdout, nothing changed."""
    make, sentence = BAD[kind]
    path = tmp_path / "bad" / "file.db"
    path.parent.mkdir()
    make(path)
    before = fingerprint(path.parent)
    for command, more in BY_THE_ADAPTER.items():
        if command != "watch":
            assert_is_one_line(call(command, path, *more), 3, str(path), sentence)
        error = json.loads(call(command, path, *more, "--json" if command != "watch" else "--wide").stderr)["error"]
        assert error["exit_code"] == 3
        assert str(path) in error["message"]
        assert sentence in error["message"]
    assert fingerprint(path.parent) == before


@pytest.mark.parametrize(
    "kind", ["nothing", "a folder", "zero bytes", "text", "another database", "another application"]
)
@pytest.mark.parametrize("command", [*UPKEEP, "doctor", "query"])
def test_upkeep_of_what_is_no_ledger_gets_one_line_too(call: Call, tmp_path: Path, kind: str, command: str) -> None:
    """No command makes a ledger of it, or beside it; neither does one that looks at the file itself."""
    make, sentence = BAD[kind]
    path = tmp_path / "bad" / "file.db"
    path.parent.mkdir()
    make(path)
    snapshot, out = tmp_path / "snapshot.json", tmp_path / "out.db"
    snapshot.write_text("{}")
    before = fingerprint(path.parent)
    places = {"SNAPSHOT": str(snapshot), "OUT": str(out)}
    arguments = [places.get(one, one) for one in {**UPKEEP, **READING}[command]]
    assert_is_one_line(call(command, path, *arguments), 3, str(path), sentence)
    assert fingerprint(path.parent) == before
    assert not out.exists()


def test_a_damaged_file_is_a_problem_for_the_doctor(call: Call, tmp_path: Path) -> None:
    """What cannot be examined is a problem that is listed beside what can: the exit code is 1, not 3."""
    path = tmp_path / "file.db"
    _truncated(path)
    result = call("doctor", path, "--json")
    assert result.exit_code == 1
    checks = {check["check"]: check["verdict"] for check in json.loads(result.stdout)}
    assert checks["pages"] == checks["reading"] == "PROBLEM"
    assert checks["file"] == "ok"


def test_a_newer_schema_can_be_queried_but_not_written(call: Call, tmp_path: Path) -> None:
    """SQL over a newer file hurts nobody; whatever would understand or change it refuses."""
    path = tmp_path / "file.db"
    _newer_schema(path)
    before = fingerprint(tmp_path)
    assert call("query", path, "SELECT COUNT(*) AS n FROM orders", "-o", "csv").stdout == "n\n7\n"
    assert call("doctor", path).exit_code == 1
    for command in ("migrate", "rebuild"):
        assert_is_one_line(call(command, path, "--yes"), 3, "schema 4711")
    assert fingerprint(tmp_path) == before


@forks
def test_a_file_that_may_not_be_read_gets_one_line(call: Call) -> None:
    """Another user's file is named as such, whatever looks at it."""
    folder = Path(tempfile.mkdtemp(prefix="unreadable-"))
    try:
        path = folder / "file.db"
        fill_file(path)
        folder.chmod(0o755)
        path.chmod(0o600)
        call("status", path)  # what is imported for it may lie where the child cannot read
        call("query", path, "SELECT 1")

        def ask() -> None:
            assert_is_one_line(call("status", path), 3, str(path))
            assert_is_one_line(call("query", path, "SELECT 1"), 3, "may not be read")

        assert as_somebody_else(ask) == 0
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("path", "exit_code"),
    [
        ("x://somewhere", 3),
        ("sqlite://host/x.db", 2),
        ("sqlite:///x.db?durabilty=none", 2),
        ("no/such/folder/x.db", 3),
        ("", 2),
        ("x" * 300, 3),
    ],
)
def test_a_place_that_cannot_be_gets_one_line(
    call: Call, path: str, exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown schemes, malformed URLs and impossible paths are told apart from ledgers that cannot be read."""
    monkeypatch.chdir(tmp_path)
    assert_is_one_line(call("orders", path), exit_code)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error(ledger_file: Path) -> None:
    """`strategy-ledger journal ... | head -1` ends without a traceback."""
    with (
        open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="alpha") as ledger,
        ledger.batch() as batch,
    ):
        for number in range(200):
            batch.record_order(f"many-{number}", market_order(quantity=1))
            batch.update_order_fill(f"many-{number}", fill("F", 1))
    line = f"{shlex.quote(str(SCRIPT))} journal {shlex.quote(str(ledger_file))} --jsonl | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_the_checks_see_a_change(ledger_file: Path) -> None:
    """The print of a folder differs after one byte, one mode or one file: the tests above can fail."""
    changes: list[Callable[[], object]] = [
        lambda: ledger_file.write_bytes(ledger_file.read_bytes()[:-1] + b"x"),
        lambda: ledger_file.chmod(0o640),
        lambda: ledger_file.with_suffix(".new").touch(),
    ]
    for change in changes:
        before = fingerprint(ledger_file.parent)
        change()
        assert fingerprint(ledger_file.parent) != before
