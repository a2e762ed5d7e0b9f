"""The journal goes to an archive with `--cut-journal`: what is asked, what is told, and what reads the ledger then."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from cli.ledgers import START, Call, of_csv, parsed
from ledger_core import open_ledger
from support import SteppingClock, fill, market_order

pytest.importorskip("pyarrow", reason="pyarrow is not installed: it is the extra `arrow`")

BEFORE = "2026-01-11"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return a file with eight round trips; each of its entries was recorded six hours after the one before."""
    path = tmp_path / "bot.db"
    clock = SteppingClock(START, step=timedelta(hours=6))
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha", clock=clock) as ledger:
        for number in range(8):
            for hour, side in enumerate(("BUY", "SELL")):
                ledger.record_order(f"{side.lower()}-{number}", market_order(side, 10, currency="USD"))
                ledger.update_order_fill(f"{side.lower()}-{number}", fill("F1", 10, 100 + hour))
    return path


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Return where archives are to lie."""
    return tmp_path / "archives"


def cut(call: Call, history: Path, to: Path, *more: str) -> str:
    """Archive with the journal; return what is told in JSON."""
    done = call("archive", history, "--before", BEFORE, "--to", to, "--id", "A1", "--yes", "--cut-journal", *more)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_the_plan_counts_the_entries(call: Call, history: Path, to: Path) -> None:
    """Before it is asked for, nothing is said of the journal; then how many of its entries go, and nothing is written."""
    asked = ("archive", history, "--before", BEFORE, "--to", to)
    assert "entry" not in call(*asked, "--dry-run").stdout
    assert parsed(call(*asked, "--dry-run", "--json").stdout)["entries"] == 0
    told = call(*asked, "--dry-run", "--cut-journal")
    entries = parsed(call(*asked, "--dry-run", "--cut-journal", "--json").stdout)["entries"]
    assert 0 < entries < 32
    assert ["entry", str(entries)] in [line.split() for line in told.stdout.splitlines()]
    refused = call(*asked, "--cut-journal")
    assert (refused.exit_code, not to.exists()) == (5, True)


def test_the_journal_goes_and_the_rest_proves_itself(call: Call, history: Path, to: Path) -> None:
    """The answer says where it begins now; verify, rebuild, backup and the archive are sound; span has all of it."""
    heads = [call("journal", history, "-o", "csv").stdout]
    report = parsed(cut(call, history, to, "--json"))
    left = report["journal"]["first_left"]
    assert report["journal"] == {"checkpoint": left - 1, "first_left": left, "held_by": []}
    assert of_csv(call("journal", history, "-o", "csv").stdout)[0]["sequence"] == str(left)
    for command in ("verify", "doctor", "status", "orders", "fills", "positions", "pnl", "quality"):
        assert call(command, history).exit_code in (0, 1), command
    assert call("verify", history).exit_code == 0
    assert call("rebuild", history, "--yes").exit_code == 0
    assert call("verify", history).exit_code == 0
    assert call("archives", to, "--check").exit_code == 0
    (archive,) = parsed(call("archives", to, "--json").stdout)
    assert archive["journal"] == {"first": 1, "last": left - 1}
    assert of_csv(call("archives", to, "-o", "csv").stdout)[0]["entries"] == str(left - 1)
    assert "are left out: the journal up to there is in archive A1" in call("quality", history).stderr
    assert f"up to entry {left - 1} is in archive A1" in call("journal", history).stderr
    assert "CHECKPOINT_SET" in call("journal", history).stdout
    restored = call("restore", history, to / "alpha" / "A1", "--yes")
    assert (restored.exit_code, "keeps the entries of the journal" in restored.stderr) == (0, True)
    assert call("verify", history).exit_code == 0
    assert call("backup", history, history.parent / "copy.db").exit_code == 0
    assert call("verify", history.parent / "copy.db").exit_code == 0
    assert call("span", history, to, history.parent / "whole.db").exit_code == 0
    whole = call("journal", history.parent / "whole.db", "-o", "csv").stdout.replace("whole.db", "bot.db")
    assert whole.startswith(heads[0].rstrip())
    assert call("verify", history.parent / "whole.db").exit_code == 0


def test_what_the_journal_told_alone_is_said_to_be_in_the_archive(call: Call, history: Path, to: Path) -> None:
    """The history of an old order ends with 4 and names it; a head from before is not taken for damage without a word."""
    head = call("verify", history, "-o", "json").stdout
    cut(call, history, to)
    told = call("history", history, "buy-0")
    assert (told.exit_code, "archive 'A1'" in told.stderr) == (4, True)
    (old,) = parsed(head)
    assert "cut" not in json.dumps(old)
    older = call("verify", history, "--head", f"3:{'0' * 64}")
    assert (older.exit_code, "cut: archive 'A1' has it" in older.stdout + older.stderr) == (1, True)


def test_it_may_be_configured(call: Call, history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`cuts_journal` in [retention] is as good as the option; what is neither true nor false is refused."""
    monkeypatch.chdir(history.parent)
    toml = history.parent / "strategy-ledger.toml"
    toml.write_text('[retention]\nkeep_days = 1\nto = "archives"\ncuts_journal = true\n')
    done = call("archive", history, "--yes", "--json")
    assert parsed(done.stdout)["journal"]["first_left"] > 1
    shown = call("config", "show", "-o", "csv").stdout
    assert "retention.cuts_journal,True" in shown
    toml.write_text('[retention]\nkeep_days = 1\nto = "archives"\ncuts_journal = "yes"\n')
    assert "true or false" in call("archive", history, "--yes").stderr


def test_who_holds_the_journal_is_named(call: Call, history: Path, to: Path) -> None:
    """A subscriber that has not taken what is copied keeps it in the ledger, and is told by its name."""

    def broken(*_: object) -> None:
        raise ConnectionError

    with open_ledger(f"sqlite:///{history}?durability=none", strategy_id="alpha") as ledger:
        ledger.subscribe("monitor", broken)
    done = call("archive", history, "--before", BEFORE, "--to", to, "--yes", "--cut-journal")
    assert "the journal begins with entry 1 now" in done.stderr
    assert "monitor did not take all of what is copied" in done.stderr
    assert call("verify", history).exit_code == 0
