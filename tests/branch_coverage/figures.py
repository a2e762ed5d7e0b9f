"""How much of each package was run: lines and branches, and the places that were not."""

import json
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import attrs
from coverage import __version__ as coverage_version

from branch_coverage.excuses import Excuse

FILE = Path(__file__).resolve().parents[2] / "docs" / "_data" / "coverage.json"

JUDGED = ("ledger_core", "ledger_storage_memory", "ledger_storage_sqlite")
"""The packages of which every line and branch must be run, or have an excuse."""


@attrs.frozen
class Figures:
    """What was run of one package."""

    package: str
    statements: int
    branches: int
    missing: tuple[str, ...]  # "path:line" or "path:line->line", which was never run

    @property
    def covered(self) -> float:
        """Which share of statements and branches was run."""
        whole = self.statements + self.branches
        return 1.0 if not whole else (whole - len(self.missing)) / whole

    def __str__(self) -> str:
        """Return a line of the table."""
        share = f"{self.covered:.2%}"
        if self.missing and share == "100.00%":
            share = "99.99%"  # of all there is: not rounded to what it is not
        counts = f"{self.statements:>7,} lines {self.branches:>7,} branches {len(self.missing):>5,} not run"
        return f"{self.package:<24} {counts} {share:>8}"


def figures_of(report: Mapping[str, Any]) -> list[Figures]:
    """Return the figures of each package in coverage's JSON report, ordered by name."""
    parts: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for path, file in report["files"].items():
        parts[PurePath(path).parts[0]].append((path, file))
    return [_of_package(package, files) for package, files in sorted(parts.items())]


def _of_package(package: str, files: Iterable[tuple[str, Mapping[str, Any]]]) -> Figures:
    statements = branches = 0
    missing: list[str] = []
    for path, file in sorted(files):
        statements += file["summary"]["num_statements"]
        branches += file["summary"]["num_branches"]
        missing += [f"{path}:{line}" for line in file["missing_lines"]]
        missing += [f"{path}:{line}->{to if to > 0 else 'exit'}" for line, to in file["missing_branches"]]
    return Figures(package, statements, branches, tuple(missing))


def store(figures: Sequence[Figures], excuses: Sequence[Excuse]) -> None:
    """Keep what a run came to; the page of the documentation is made from it."""
    kept = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": "tox -e coverage",
        "python": platform.python_version(),
        "coverage": coverage_version,
        "packages": [
            {
                "package": one.package,
                "judged": one.package in JUDGED,
                "statements": one.statements,
                "branches": one.branches,
                "not run": len(one.missing),
            }
            for one in figures
        ],
        "excuses": [{"path": excuse.path, "code": excuse.code, "reason": excuse.reason} for excuse in excuses],
    }
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
