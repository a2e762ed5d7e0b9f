"""What a mutant changes: the lines that go and the lines that come, by which it is known again after small edits."""

from collections.abc import Iterable

import attrs


@attrs.frozen(order=True)
class Change:
    """A change in one function; `was` and `became` are lines of its text, put into one line each."""

    module: str
    function: str
    was: str
    became: str

    @classmethod
    def of(cls, module: str, function: str, difference: str) -> "Change":
        """Read it from a unified diff."""
        lines = [line for line in difference.splitlines() if not line.startswith(("---", "+++", "@@"))]
        was = _joined(line[1:] for line in lines if line.startswith("-"))
        became = _joined(line[1:] for line in lines if line.startswith("+"))
        return cls(module, function, was, became)

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.module}: {self.function}\n    was    {self.was}\n    became {self.became}"


def _joined(lines: Iterable[str]) -> str:
    return " ".join(line.strip() for line in lines)
