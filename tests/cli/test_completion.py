"""Shells complete commands, options, files, and the ids of what is open."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from cli.ledgers import Call
from ledger_cli.main import main


def offered(*words: str) -> list[tuple[str, str]]:
    """Return (kind, word) of what a shell is offered behind these words, of which the last is not complete."""
    shell = ShellComplete(main, {}, "strategy-ledger", "_STRATEGY_LEDGER_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(list(words[:-1]), words[-1])]


def test_commands_and_options_are_offered() -> None:
    """By their beginning."""
    assert offered("sta") == [("plain", "status")]
    assert ("plain", "--max-age") in offered("status", "--m")
    assert [word for _, word in offered("flatten", "-o", "a")] == ["alpaca"]


def test_files_are_left_to_the_shell() -> None:
    """A PATH is a file."""
    assert offered("status", "led") == [("file", "led")]
    assert offered("show", "led") == [("file", "led")]


def test_ids_of_what_is_open_are_offered(ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open orders and trades and waiting facts of the ledger that was named, or of the configured one."""
    assert [word for _, word in offered("show", str(ledger_file), "A")] == ["A1", "A2"]
    assert [word for _, word in offered("history", str(ledger_file), "T")] == ["T1"]
    assert [word for _, word in offered("orders", str(ledger_file), "B")] == ["B2"]
    assert len(offered("resolve", str(ledger_file), "Q-")) == 2
    assert [word for _, word in offered("resolve", str(ledger_file), "A2", "ca")] == ["canceled"]
    monkeypatch.setenv("STRATEGY_LEDGER_URL", str(ledger_file))
    assert [word for _, word in offered("show", "A")] == ["A1", "A2"]


def test_a_ledger_that_cannot_be_read_offers_nothing(tmp_path: Path) -> None:
    """Completion never fails."""
    assert offered("show", str(tmp_path / "nothing.db"), "A") == [("file", "A")]
    (tmp_path / "text.db").write_text("x")
    assert offered("show", str(tmp_path / "text.db"), "A") == [("file", "A")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_it_can_read(call: Call, shell: str, tmp_path: Path) -> None:
    """The script names the program that it completes; where the shell is installed, it is read without a complaint."""
    script = call("completion", shell).stdout
    assert f"{shell}_complete" in script
    file = tmp_path / "script"
    file.write_text(script)
    program = shutil.which(shell)
    if program is not None:
        done = subprocess.run([program, "-n", str(file)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert call("completion", "powershell").exit_code == 2
