"""The page for three in the morning fits on a screen, and what it says to type works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli.ledgers import Call

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "its-3-am.md"
LINES_MAX = 40
COLUMNS_MAX = 80


def commands() -> list[list[str]]:
    """Return every command of the page, without the remark behind it."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def test_the_page_fits_on_one_screen() -> None:
    """Whoever reads it has no time to scroll."""
    lines = PAGE.read_text("utf-8").splitlines()
    assert len(lines) <= LINES_MAX
    assert max(map(len, lines)) <= COLUMNS_MAX


def test_what_it_says_to_type_works(call: Call, ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command answers on a ledger with an order in doubt; those that ask need a yes more."""
    monkeypatch.chdir(ledger_file.parent)
    ledger_file.rename("bot.db")
    for beside in Path().glob("ledger.db-*"):
        beside.rename(beside.name.replace("ledger.db", "bot.db"))
    Path("safe").mkdir()
    asked = commands()
    assert {command[1] for command in asked if command[0] == "strategy-ledger"} == {
        "status",
        "show",
        "history",
        "exposure",
        "doctor",
        "backup",
        "resolve",
        "flatten",
    }
    for program, *arguments in asked:
        given = ["bot.db" if argument == "*.db" else argument for argument in arguments]
        if program == "python":
            done = subprocess.run([sys.executable, *given], capture_output=True, text=True, check=False)
            assert (done.returncode, bool(done.stdout)) == (0, True)
            continue
        if given[0] == "resolve":
            given.append("--yes")
        result = call(*given)
        assert (result.exit_code in (0, 1), bool(result.stdout)) == (True, True), given
