"""Excuses by line: `# pragma: no cover  # reason`, or `no branch`, behind the code that no test can reach."""

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

_EXCUSE = re.compile(r"^\s*(?P<code>.*?)\s*# pragma: no (?:cover|branch)\b(?:\s*#\s*(?P<reason>.*\S))?")


@attrs.frozen
class Excuse:
    """A line that need not be run, and why."""

    path: str
    line: int
    code: str
    reason: str


def excuses(package: Path) -> Iterator[Excuse]:
    """Generate the excuses in the code of a package, in order."""
    for path in sorted(package.rglob("*.py")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            found = _EXCUSE.match(line)
            if found is not None:
                where = path.relative_to(package.parent).as_posix()
                yield Excuse(where, number, found["code"], found["reason"] or "")


def without_reason(package: Path) -> Iterator[Excuse]:
    """Generate the excuses that give no reason."""
    return (excuse for excuse in excuses(package) if not excuse.reason)
