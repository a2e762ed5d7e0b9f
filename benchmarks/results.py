"""What a measurement came to: rows with headings, where and how it was measured, as a table and as JSON."""

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

KEPT = Path(__file__).resolve().parents[1] / "docs" / "_data" / "performance"
"""Where results are kept that docs/explanation/performance.md is made from."""

Row = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Options:
    """What the command line asked for."""

    blocks: int
    rounds: int
    folder: str | None = None
    cache: str | None = None
    sizes: tuple[int, ...] = ()
    entries: int = 20_000
    only: str = ""
    form: str = "orders"
    keep: bool = False


@attrs.frozen(kw_only=True)
class Result:
    """One measurement; `notes` are printed below the table, `failures` make the command fail."""

    what: str
    headings: tuple[str, ...]
    rows: Sequence[Row]
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    tree: Mapping[str, Any] | None = None

    def table(self) -> str:
        """Return it as text in columns."""
        lines = [self.headings, *(tuple(_cell(row.get(name)) for name in self.headings) for row in self.rows)]
        widths = [max(len(line[index]) for line in lines) for index in range(len(self.headings))]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([*text, *self.notes])

    def document(self, command: str) -> dict[str, Any]:
        """Return it as JSON, with where and when and by which command it was measured."""
        return {
            "what": self.what,
            "command": command,
            **environment(),
            "headings": list(self.headings),
            "rows": [dict(row) for row in self.rows],
            "notes": list(self.notes),
            **({} if self.tree is None else {"tree": self.tree}),
        }

    def keep(self, command: str) -> Path:
        """Write it to where the documentation takes it from."""
        KEPT.mkdir(parents=True, exist_ok=True)
        path = KEPT / f"{self.what}.json"
        path.write_text(json.dumps(self.document(command), indent=2, ensure_ascii=False) + "\n", "utf-8")
        return path


def environment() -> dict[str, str]:
    """Return the date, the machine in words, and the versions."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:,.3g}" if abs(value) < 1 else f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
        case int():
            return f"{value:,}"
        case [low, high]:
            return f"{low:.2f}-{high:.2f}"
        case _:
            return str(value)
