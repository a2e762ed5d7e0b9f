"""What became of the mutants of each module: kept in docs/_data/mutation, one file each, from which a page is made."""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs

from mutation.mutants import Mutant
from mutation.survivors import Excuse, Kind, excuse_for

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "_data" / "mutation"

ALIVE = ("survived", "no tests")
KILLED = ("killed", "timeout", "segfault", "suspicious")  # of the last: pytest or the process itself broke down
GOAL = 0.95


@attrs.frozen
class Result:
    """What became of one module's mutants."""

    module: str
    statuses: Counter[str]
    survivors: tuple[dict[str, str], ...]  # change, kind of excuse (or "none") and reason

    @classmethod
    def of(cls, module: str, mutants: Sequence[Mutant], known: Iterable[Excuse]) -> "Result":
        """Add up what is known of a module's mutants."""
        excuses = tuple(known)
        survivors = []
        for mutant in mutants:
            if mutant.status in ALIVE:
                change = mutant.change
                excuse = excuse_for(change, excuses)
                survivors.append(
                    {
                        "function": change.function,
                        "was": change.was,
                        "became": change.became,
                        "status": mutant.status,
                        "excuse": excuse.kind if excuse is not None else "none",
                        "reason": excuse.reason if excuse is not None else "",
                    }
                )
        return cls(module, Counter(mutant.status for mutant in mutants), tuple(survivors))

    @property
    def total(self) -> int:
        """How many mutants there are."""
        return self.statuses.total()

    @property
    def killed(self) -> int:
        """How many a test has seen."""
        return sum(self.statuses[status] for status in KILLED)

    @property
    def unchecked(self) -> int:
        """How many were not run yet."""
        return self.total - self.killed - len(self.survivors)

    @property
    def equivalent(self) -> int:
        """How many survivors no caller can tell from the code."""
        return sum(survivor["excuse"] == Kind.EQUIVALENT for survivor in self.survivors)

    @property
    def unexcused(self) -> int:
        """How many survivors have no reason to live."""
        return sum(survivor["excuse"] == "none" for survivor in self.survivors)

    @property
    def score(self) -> float:
        """Which share of the mutants that are not equivalent was killed."""
        counted = self.total - self.equivalent
        return self.killed / counted if counted else 1.0

    def __str__(self) -> str:
        """Return a line of the table."""
        return (
            f"{self.module:<36} {self.total:>6,} {self.killed:>6,} {self.statuses['timeout']:>8,} "
            f"{len(self.survivors):>8,} {self.equivalent:>10,} {self.unexcused:>9,} {self.score:>7.1%}"
        )


HEADING = (
    f"{'module':<36} {'all':>6} {'killed':>6} {'timeouts':>8} {'survived':>8} {'equivalent':>10} {'unexcused':>9} score"
)


def results(mutants: Iterable[Mutant], known: Iterable[Excuse]) -> list[Result]:
    """Return a result for each module."""
    excuses = tuple(known)
    by_module = groupby(sorted(mutants, key=lambda mutant: mutant.module), key=lambda mutant: mutant.module)
    return [Result.of(module, list(group), excuses) for module, group in by_module]


def store(result: Result) -> None:
    """Keep the result of a module whose mutants were all run."""
    kept: dict[str, Any] = {
        "module": result.module,
        "mutants": result.total,
        "killed": result.killed,
        "timeouts": result.statuses["timeout"],
        "survived": len(result.survivors),
        "no tests": result.statuses["no tests"],
        "equivalent": result.equivalent,
        "unexcused": result.unexcused,
        "score": round(result.score, 4),
        "date": datetime.now(UTC).date().isoformat(),
        "mutmut": version("mutmut"),
        "python": platform.python_version(),
        "code": _digest_of(result.module),
        "survivors": list(result.survivors),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / f"{result.module}.json").write_text(text, "utf-8")


def _digest_of(module: str) -> str:
    """Return a digest of the code that was mutated."""
    place = Path(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
