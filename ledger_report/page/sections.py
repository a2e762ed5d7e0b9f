"""A section of the page, and what is said where not everything is shown."""

from collections.abc import Sequence

import attrs

from ledger_report.page.markup import Content, Html, join, tag

ROWS_MAX = 100
"""How many rows a table has, trades and days apart."""


@attrs.frozen
class Section:
    """A section: its name in the page's address, its heading, and its content."""

    name: str
    heading: str
    contents: Sequence[Html]

    @property
    def html(self) -> Html:
        """The section as HTML."""
        heading = f"{self.name}-heading"
        parts = (tag("h2", self.heading, id=heading), *self.contents)
        return tag("section", join(parts, "\n"), id=self.name, aria_labelledby=heading)


def note(*sentence: Content) -> Html:
    """Return a remark."""
    return tag("p", *sentence, class_="note")


def nothing(sentence: str) -> Html:
    """Return what stands where there is nothing to show."""
    return tag("p", sentence)


def shown_of(shown: int, count: int, noun: str, command: str) -> str:
    """Say how many are shown of how many, and how to see the rest; nothing where all are shown."""
    return f"Showing {shown:,} of {count:,} {noun}; all of them: {command}" if shown < count else ""


def command(name: str, arguments: str, *more: str) -> str:
    """Return what to type for the rest."""
    return " ".join(part for part in ("strategy-ledger", name, arguments, *more) if part)
