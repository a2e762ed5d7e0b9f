"""`forget`: a subscriber that is gone for good no longer holds the journal, and a person said so on the record."""

from pathlib import Path
from typing import Any

import pytest

from cli.ledgers import Call, fingerprint
from ledger_core import open_ledger, open_reader


@pytest.fixture
def watched_file(ledger_file: Path) -> Path:
    """Return a file whose strategies have subscribers: two the same one, one of them another."""
    for strategy_id, names in {"alpha": ("monitor", "old monitor"), "beta": ("monitor",)}.items():
        with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id=strategy_id) as ledger:
            for name in names:
                ledger.subscribe(name, lambda _, __: None)
    return ledger_file


def last_notes(path: Path) -> dict[str, tuple[str, Any]]:
    """Return the last operation of each strategy, and what its event says was done."""
    with open_reader(path) as reader:
        last = {name: list(reader.strategy(name).read_journal())[-1] for name in reader.strategies()}
    return {name: (entry.operation, entry.changes[0].facts.get("upkeep")) for name, entry in last.items()}


def subscribers_of(call: Call, path: Path) -> str:
    """Return what doctor says of subscribers."""
    return "\n".join(line for line in call("doctor", path).stdout.splitlines() if "subscriber" in line)


def test_who_is_forgotten_is_gone_and_the_journal_says_so(call: Call, watched_file: Path) -> None:
    """Doctor lists it no more; others of the name, and of the strategy, stay."""
    assert "old monitor" in subscribers_of(call, watched_file)
    result = call("forget", watched_file, "old monitor", "--reason", "replaced", "--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "of alpha says who was forgotten, and why" in result.stderr
    assert last_notes(watched_file)["alpha"] == ("note_upkeep", "forget subscriber old monitor")
    listed = subscribers_of(call, watched_file)
    assert "old monitor" not in listed
    assert listed.count("monitor of") == 2
    assert call("verify", watched_file).exit_code == 0


def test_of_several_strategies_one_is_named(call: Call, watched_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the option or by the configuration; else nothing happens."""
    unclear = call("forget", watched_file, "monitor", "--reason", "x", "--yes")
    assert unclear.exit_code == 2
    assert "--strategy: alpha, beta" in unclear.stderr
    assert call("forget", watched_file, "monitor", "--reason", "x", "--strategy", "beta", "--yes").exit_code == 0
    assert {name: note[1] for name, note in last_notes(watched_file).items() if note[1]} == {
        "beta": "forget subscriber monitor"
    }
    monkeypatch.setenv("STRATEGY_LEDGER_STRATEGY", "alpha")
    assert call("forget", watched_file, "monitor", "--reason", "x", "--yes").exit_code == 0
    assert last_notes(watched_file)["alpha"][1] == "forget subscriber monitor"


def test_who_is_not_there_is_not_forgotten(call: Call, watched_file: Path) -> None:
    """A misspelt name is answered with those there are; nothing is written. So is a strategy that has no such one."""
    before = fingerprint(watched_file.parent)
    result = call("forget", watched_file, "monitr", "--reason", "x", "--yes")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "it has monitor, old monitor" in result.stderr
    result = call("forget", watched_file, "old monitor", "--reason", "x", "--strategy", "beta", "--yes")
    assert result.exit_code == 4
    assert "no subscriber 'old monitor' of beta" in result.stderr
    assert fingerprint(watched_file.parent) == before


def test_a_file_without_subscribers_says_so(call: Call, ledger_file: Path) -> None:
    """Rather than list none."""
    result = call("forget", ledger_file, "monitor", "--reason", "x", "--yes")
    assert result.exit_code == 4
    assert "it has no subscriber at all" in result.stderr


def test_nobody_is_forgotten_without_being_asked_for(call: Call, watched_file: Path) -> None:
    """In a pipe nobody can be asked: the question says how much it has yet to take, and no byte changes."""
    before = fingerprint(watched_file.parent)
    result = call("forget", watched_file, "old monitor", "--reason", "x")
    assert result.exit_code == 5
    assert "which has yet to take 0 entries" in result.stderr
    assert "--yes" in result.stderr
    assert fingerprint(watched_file.parent) == before


def test_who_is_served_is_left_alone(call: Call, run_script: Any, watched_file: Path) -> None:
    """While the bot runs, its subscribers are its own."""
    with open_ledger(f"sqlite:///{watched_file}?durability=none", strategy_id="alpha") as ledger:
        ledger.subscribe("old monitor", lambda _, __: None)
        done = run_script("forget", watched_file, "old monitor", "--reason", "x", "--yes")
    assert done.returncode == 5
    assert "owned by process" in done.stderr
    assert "old monitor" in subscribers_of(call, watched_file)
