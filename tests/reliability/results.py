"""What the whole campaigns came to: kept in docs/_data/reliability, one file each, from which a page is made."""

import hashlib
import json
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import attrs

import ledger_core
import ledger_storage_memory
import ledger_storage_sqlite
from reliability.campaign import Campaign, Tally

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "_data" / "reliability"


class Span(NamedTuple):
    """Seeds that were used: from the first up to, not including, the last."""

    first: int
    end: int


@attrs.frozen
class Result:
    """What one run came to."""

    tally: Tally
    spans: tuple[Span, ...]
    seconds: float


@attrs.frozen
class Results:
    """What all runs of a campaign came to."""

    runs: tuple[dict[str, Any], ...] = ()

    @property
    def done(self) -> int:
        """How many units were done, in all runs on the present code or an earlier one."""
        return sum(run["done"] for run in self.runs)

    @property
    def next_seed(self) -> int:
        """A seed behind all that were used."""
        return max((end for run in self.runs for _, end in run["seeds"]), default=0)

    def plus(self, result: Result, command: str) -> "Results":
        """Return these and a further run's."""
        run = {
            "date": datetime.now(UTC).date().isoformat(),
            "command": command,
            "seeds": [list(span) for span in result.spans],
            "done": result.tally.done,
            "violations": list(result.tally.violations),
            "details": result.tally.details,
            "seconds": round(result.seconds),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "code": code_digest(),
        }
        return Results((*self.runs, run))


def code_digest() -> str:
    """Return a digest of the code that was tested: which runs were of the same code can be seen by it."""
    digest = hashlib.sha256()
    for package in (ledger_core, ledger_storage_memory, ledger_storage_sqlite):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def load(name: str) -> Results:
    """Return what is kept of a campaign."""
    path = FOLDER / f"{name}.json"
    return Results(tuple(json.loads(path.read_text("utf-8"))["runs"])) if path.exists() else Results()


def store(campaign: Campaign, results: Results) -> None:
    """Keep what a campaign came to."""
    kept = {
        "name": campaign.name,
        "row": campaign.row,
        "promise": campaign.promise,
        "unit": campaign.unit,
        "ci": campaign.ci,
        "whole": campaign.whole,
        "runs": list(results.runs),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{campaign.name}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
