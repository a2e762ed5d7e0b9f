"""`strategy-ledger report`: the file appears whole, replaces nothing by accident, and the ledger is left as it was."""

import os
import stat
from pathlib import Path

import pytest

from cli.ledgers import Call, RunScript, fill_file, fingerprint
from ledger_cli.failures import REFUSED, UNKNOWN, UNREADABLE, USAGE


def test_it_writes_one_page_for_its_owner(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """The page is the whole answer: stdout is empty, stderr says where it is and how large."""
    target = tmp_path / "report.html"
    result = call("report", ledger_file, "-o", target)
    page = target.read_text("utf-8")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"wrote {target}: {len(page.encode()):,} bytes\n"
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert page.endswith("</html>\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert str(ledger_file) in page
    for of_the_ledger in ("alpha", "beta", "199.999999999999999998", "no answer within 2 s", "V-?"):
        assert of_the_ledger in page


def test_it_leaves_the_ledger_as_it_was(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """Nothing beside the ledger is made or changed, and nothing but the page is left where it is written."""
    before = fingerprint(ledger_file.parent)
    folder = tmp_path / "out"
    folder.mkdir()
    assert call("report", ledger_file, "-o", folder / "report.html").exit_code == 0
    assert fingerprint(ledger_file.parent) == before
    assert [path.name for path in folder.iterdir()] == ["report.html"]


def test_it_replaces_nothing_but_a_page_and_that_only_by_force(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """A slip of the hand must not cost a file, least of all a ledger."""
    target, notes, other = tmp_path / "report.html", tmp_path / "notes.txt", tmp_path / "other.db"
    target.write_text("<!DOCTYPE html><p>of yesterday", "utf-8")
    notes.write_text("mine", "utf-8")
    fill_file(other)
    kept = fingerprint(tmp_path)
    for path, force in (
        (target, ()),
        (notes, ()),
        (notes, ("--force",)),
        (other, ("--force",)),
        (ledger_file, ("--force",)),
    ):
        result = call("report", ledger_file, "-o", path, *force)
        assert result.exit_code == REFUSED, path
        assert "--force" in result.stderr
    (tmp_path / "link.html").symlink_to(tmp_path / "nowhere")
    assert call("report", ledger_file, "-o", tmp_path / "link.html").exit_code == REFUSED
    (tmp_path / "link.html").unlink()
    assert {name: print_ for name, print_ in fingerprint(tmp_path).items() if name != str(tmp_path)} == {
        name: print_ for name, print_ in kept.items() if name != str(tmp_path)
    }
    assert call("report", ledger_file, "-o", target, "--force").exit_code == 0
    assert "alpha" in target.read_text("utf-8")


def test_it_goes_to_stdout_on_request(run_script: RunScript, ledger_file: Path) -> None:
    """With - nothing else is printed, so it can be sent on."""
    done = run_script("report", ledger_file, "-o", "-")
    assert done.stdout.startswith("<!doctype html>")
    assert done.stdout.endswith("</html>\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_it_can_be_narrowed(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """To a strategy, a period and a zone."""
    target = tmp_path / "report.html"
    call("report", ledger_file, "-o", target, "--strategy", "beta", "--since", "2026-01-05", "--tz", "Europe/Berlin")
    page = target.read_text("utf-8")
    assert "alpha" not in page
    assert "from 2026-01-05 00:00:00 on" in page
    assert "Europe/Berlin" in page


def test_with_rates_it_is_in_one_currency(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """The same options as those of pnl."""
    target = tmp_path / "report.html"
    call("report", ledger_file, "-o", target, "--currency", "USD", "--rate", "EUR/USD=2")
    page = target.read_text("utf-8")
    assert "399.899999999999999996" in page  # 2 x 199.999999999999999998 EUR less a fee of 0.10 USD
    assert "Everything in" in page


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.db", "-o", "r.html"], UNREADABLE, "missing.db"),
        (["ledger.db", "-o", "nowhere/r.html"], UNREADABLE, "there is no directory nowhere"),
        (["ledger.db", "-o", "."], USAGE, "is a directory"),
        (["ledger.db", "-o", "r.html", "--strategy", "gamma"], UNKNOWN, "no strategy 'gamma'"),
        (["ledger.db", "-o", "r.html", "--since", "yesterday"], USAGE, "--since is no ISO 8601 time"),
        (["ledger.db", "-o", "r.html", "--rate", "2"], USAGE, "--rate is no rate"),
        (["ledger.db", "ledger.db-wal", "-o", "r.html"], USAGE, "one ledger at a time"),
        (["ledger.db"], USAGE, "--output"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    call: Call, ledger_file: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    """Each mistake has its exit code and a sentence, and leaves no file."""
    monkeypatch.chdir(ledger_file.parent)
    result = call("report", *arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("r.html").exists()
    assert [path.name for path in Path().iterdir() if path.name.endswith(".part")] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_said(call: Call, ledger_file: Path, tmp_path: Path) -> None:
    """One line, not a traceback."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    result = call("report", ledger_file, "-o", folder / "report.html")
    assert (result.exit_code, len(result.stderr.splitlines())) == (UNREADABLE, 1)
