"""`strategy-ledger import`: what it asks, says and ends with, for a person and for a script."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from interop.fix_rendering import fix_line
from interop.imports import brief
from ledger_cli.failures import FOUND, INTERNAL, UNREADABLE, USAGE
from ledger_cli.main import main
from ledger_core import open_ledger
from ledger_interop.importing import SOURCES

Call = Callable[..., Result]

ORDER = {"35": "D", "11": "O1", "55": "ES", "54": "1", "38": "3", "40": "1", "60": "20260302-09:00:00"}
FILL = {**ORDER, "35": "8", "37": "V1", "17": "F1", "150": "F", "39": "2", "32": "3", "31": "4500", "14": "3"}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return what calls the command with a FIX log, `fix.log`, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    log = "\n".join(fix_line("FIX.4.4", message) for message in (ORDER, FILL))
    (tmp_path / "fix.log").write_text(f"{log}\n", "utf-8")

    def call(*arguments: str, answer: str | None = None) -> Result:
        result = CliRunner().invoke(main, ["import", *arguments], input=answer)
        assert result.exit_code != INTERNAL, result.output
        return result

    return call


INTO = ("ledger.db", "--strategy", "alpha", "--yes")


def test_a_log_becomes_a_ledger(call: Call) -> None:
    """The report goes to stdout, what was written to stderr; the same import again writes nothing."""
    first, second = call("fix", "fix.log", *INTO), call("fix", "fix.log", *INTO)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.splitlines()[:2] == [
        "fix: read 2 messages: 2 understood, 0 passed over, 0 not understood",
        "2 booked, 1 known, 0 outdated, 0 quarantined, 0 refused",
    ]
    assert "2 entries of alpha in ledger.db" in first.stderr
    assert "0 entries of alpha in ledger.db" in second.stderr
    with open_ledger("sqlite:///ledger.db", strategy_id="alpha") as ledger:
        assert brief(ledger, "O1") == "FILLED 3 of 3"


def test_a_file_is_looked_at_without_a_ledger(call: Call, tmp_path: Path) -> None:
    """`--check` needs no path and no strategy, and makes nothing."""
    result = call("fix", "fix.log", "--check")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].endswith("nothing was booked")
    assert [path.name for path in tmp_path.iterdir()] == ["fix.log"]


def test_it_asks_before_it_writes(call: Call, tmp_path: Path) -> None:
    """Without a yes nothing is made, also where nobody can be asked."""
    arguments = ("fix", "fix.log", *INTO[:3])
    for answer in ("n\n", None):
        assert call(*arguments, answer=answer).exit_code != 0
        assert not (tmp_path / "ledger.db").exists()


def test_what_a_person_should_look_at_ends_with_one(call: Call, tmp_path: Path) -> None:
    """Every reason is told, with its places; nothing is dropped."""
    with (tmp_path / "fix.log").open("a", encoding="utf-8") as log:
        log.write("8=FIX.4.4|9=100|35=8|11=O1\n")
    result = call("fix", "fix.log", *INTO)
    assert result.exit_code == FOUND
    assert "its checksum (10) is missing" in result.stdout
    assert "line 3: FIX" in result.stdout


def test_a_script_gets_the_report_as_json(call: Call) -> None:
    """Counts, reasons and places, as the report's document."""
    document = json.loads(call("fix", "fix.log", *INTO, "--json").stdout)
    assert (document["source"], document["read"], document["facts"]["booked"]) == ("fix", 2, 2)


@pytest.mark.parametrize("form", ["csv", "md"])
def test_other_forms_have_the_reasons_and_the_counts_beside_them(form: str, call: Call) -> None:
    """The rows alone are on stdout, so that a program can read them."""
    result = call("fix", "fix.log", *INTO, "-o", form)
    assert "2 booked, 1 known" in result.stderr
    assert "booked" not in result.stdout


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00cut off", b"[" * 100_000, b""], ids=["gzip", "deep", "empty"])
def test_a_broken_file_is_one_line_without_a_traceback(content: bytes, call: Call, tmp_path: Path) -> None:
    """It names the file and, where there is one, the place."""
    (tmp_path / "orders.json").write_bytes(content)
    result = call("ccxt", "orders.json", *INTO)
    assert result.exit_code == (UNREADABLE if content else 0)
    assert "Traceback" not in result.output
    if content:
        (line,) = result.stderr.strip().splitlines()
        assert "orders.json" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("excel", "fix.log", *INTO), "no source is called 'excel'"),
        (("fix", "fix.log", "ledger.db", "--yes"), "name the strategy"),
        (("fix", "fix.log", *INTO, "--multiplier", "ES"), "--multiplier is written NAME=VALUE"),
        (("fix", "fix.log", *INTO, "--multiplier", "ES=-1"), "--multiplier must be positive"),
        (("fix", "fix.log", *INTO, "--zone", "Mars/Olympus"), "names the time zone 'Mars/Olympus'"),
        (("csv", "fix.log", *INTO, "--delimiter", "||"), "--delimiter is one character"),
    ],
)
def test_what_is_misused_is_said_before_anything_is_made(
    arguments: tuple[str, ...], words: str, call: Call, tmp_path: Path
) -> None:
    """One sentence, and no ledger."""
    result = call(*arguments)
    assert (result.exit_code, words in result.stderr) == (USAGE, True)
    assert not (tmp_path / "ledger.db").exists()


def test_a_file_that_is_not_there_makes_no_ledger(call: Call, tmp_path: Path) -> None:
    """It is found out before anybody is asked."""
    result = call("freqtrade", "none.sqlite", *INTO)
    assert (result.exit_code, "none.sqlite does not exist" in result.stderr) == (UNREADABLE, True)
    assert not (tmp_path / "ledger.db").exists()


def test_a_pipe_is_read_as_a_file_is(call: Call, tmp_path: Path) -> None:
    """What another program unpacks or fetches needs no file in between."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = (tmp_path / "fix.log").read_bytes()
    writing = threading.Thread(target=pipe.write_bytes, args=(content,))
    writing.start()
    result = call("fix", "pipe", *INTO)
    writing.join()
    assert (result.exit_code, "2 entries of alpha" in result.stderr) == (0, True)


def test_terms_that_a_source_does_not_tell_are_told(call: Call) -> None:
    """A contract's size, the venue, the account and the origin of orders."""
    told = ("--multiplier", "ES=50", "--venue", "CME", "--account", "A1", "--origin", "desk")
    assert call("fix", "fix.log", *INTO, *told).exit_code == 0
    with open_ledger("sqlite:///ledger.db", strategy_id="alpha") as ledger:
        details = ledger.get_order("O1").details
    assert (str(details.multiplier), details.venue, details.account, details.origin) == ("50", "CME", "A1", "desk")


def test_columns_of_csv_are_named(call: Call, tmp_path: Path) -> None:
    """One `--column` for each name."""
    (tmp_path / "fills.csv").write_text("T;N;P;W\nSAP;10;1.234,50;02.03.2026 15:30\n", "utf-8")
    columns = {"symbol": "T", "quantity": "N", "price": "P", "executed_at": "W"}
    named = [word for name, column in columns.items() for word in ("--column", f"{name}={column}")]
    told = ("--delimiter", ";", "--decimal-comma", "--zone", "Europe/Berlin")
    assert call("csv", "fills.csv", *INTO, *named, *told).exit_code == 0
    with open_ledger("sqlite:///ledger.db", strategy_id="alpha") as ledger:
        assert str(ledger.get_position("SAP").cost) == "12345"


def test_its_help_names_every_kind(call: Call) -> None:
    """Nobody has to guess the word for a source."""
    shown = call("--help").stdout
    assert [kind for kind in SOURCES if f"  {kind} " not in shown] == []
