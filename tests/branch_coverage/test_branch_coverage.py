"""The check of branch coverage: what was not run is named, and an excuse needs a reason."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from branch_coverage import __main__ as command
from branch_coverage import figures
from branch_coverage.excuses import Excuse, excuses, without_reason
from branch_coverage.figures import JUDGED, Figures, figures_of


def file(lines: list[int], branches: list[list[int]]) -> dict[str, Any]:
    """Return a file of ten statements and four branches in coverage's report."""
    summary = {"num_statements": 10, "num_branches": 4}
    return {"summary": summary, "missing_lines": lines, "missing_branches": branches}


def report(**missing: Any) -> dict[str, Any]:
    """Return a report in which every judged package was run, but for what is given of the core."""
    whole = {f"{package}/module.py": file([], []) for package in JUDGED}
    return {"files": {**whole, "ledger_cli/main.py": file([1], []), **missing}}


def test_lines_and_branches_that_were_not_run_are_named() -> None:
    """Each with its file and line; a branch with where it would have gone."""
    found = figures_of({"files": {"ledger_core/a/b.py": file([3, 5], [[7, 9], [8, -1]])}})
    missing = ("ledger_core/a/b.py:3", "ledger_core/a/b.py:5", "ledger_core/a/b.py:7->9", "ledger_core/a/b.py:8->exit")
    assert found == [Figures("ledger_core", 10, 4, missing)]


def test_almost_all_is_not_shown_as_all() -> None:
    """One line of very many is not rounded away."""
    assert "99.99%" in str(Figures("ledger_core", 1_000_000, 0, ("a.py:1",)))
    assert "100.00%" in str(Figures("ledger_core", 1_000_000, 0, ()))


def test_excuse_has_a_reason(tmp_path: Path) -> None:
    """Excuses are read from the code; one that does not say why is found."""
    package = tmp_path / "package"
    package.mkdir()
    text = "if a:  # pragma: no branch  # it always is\n    b()\nelse:  # pragma: no cover\n    c()  # no pragma\n"
    (package / "a.py").write_text(text)
    said = [Excuse("package/a.py", 1, "if a:", "it always is"), Excuse("package/a.py", 3, "else:", "")]
    assert list(excuses(package)) == said
    assert list(without_reason(package)) == said[1:]


@pytest.mark.parametrize(
    ("missing", "code", "said"),
    [
        ({}, 0, ""),
        ({"ledger_core/module.py": file([4], [])}, 1, "not run: ledger_core/module.py:4"),
        ({"ledger_storage_sqlite/module.py": file([], [[4, 6]])}, 1, "not run: ledger_storage_sqlite/module.py:4->6"),
    ],
)
def test_check_fails_for_what_was_not_run(
    missing: dict[str, Any], code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of core and adapters all must be run; the other packages are only counted."""
    monkeypatch.setattr(command, "_report", lambda: report(**missing))
    assert command.main(["--dry-run"]) == code
    assert said in capsys.readouterr().out


def test_check_fails_for_a_package_that_was_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is missing from the data is not one without gaps."""
    monkeypatch.setattr(command, "_report", lambda: {"files": {"ledger_core/module.py": file([], [])}})
    assert command.main(["--dry-run"]) == 1


def test_result_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the documentation prints is what the run came to."""
    monkeypatch.setattr(figures, "FILE", tmp_path / "coverage.json")
    monkeypatch.setattr(command, "_report", report)
    assert command.main([]) == 0
    kept = (tmp_path / "coverage.json").read_text("utf-8")
    assert '"package": "ledger_core"' in kept
    assert '"not run": 0' in kept


def test_every_excuse_of_this_repository_has_a_reason() -> None:
    """The next coverage run need not be waited for to see that one is missing."""
    found = [excuse for package in JUDGED for excuse in without_reason(command.ROOT / package)]
    assert [attrs.astuple(excuse) for excuse in found] == []
