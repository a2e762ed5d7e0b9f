"""What the tests of the page share: a report of a year, and the page taken apart as a browser would."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs

from ledger_core import open_reader
from ledger_report.page import Report, Source, read_report

MADE_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOURCE = Source(name="year.db", arguments="year.db")


def report_of(path: Path, source: Source = SOURCE, **options: Any) -> Report:
    """Return the report of a file, made at a known moment."""
    with open_reader(path) as reader:
        ledgers = {name: reader.strategy(name) for name in reader.strategies()}
        return read_report(ledgers, source, **{"made_at": MADE_AT, **options})


@attrs.define
class Table:
    """A table: its caption, and its cells as text, the heading first."""

    caption: str = ""
    rows: list[list[str]] = attrs.field(factory=list)

    def column(self, heading: str) -> list[str]:
        """Return what stands below a heading."""
        place = self.rows[0].index(heading)
        return [row[place] for row in self.rows[1:]]


@attrs.define
class Element:
    """A start tag, and the text that is directly in it."""

    name: str
    attributes: dict[str, str | None]
    inside: tuple[str, ...]
    text: str = ""


class Parsed(HTMLParser):
    """A page taken apart: its elements in order, its tables by name, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.tables: dict[str, Table] = {}
        self.text = ""
        self._open: list[Element] = []
        self._table = Table()
        self.feed(page)
        self.close()

    def named(self, *names: str) -> list[Element]:
        """Return the elements of some names."""
        return [one for one in self.elements if one.name in names]

    def section(self, name: str) -> str:
        """Return the text of a section, by its id."""
        return " ".join(one.text for one in self.elements if f"section#{name}" in one.inside)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and that it ends those whose end may be left out."""
        closes = {"td": ("td", "th"), "th": ("td", "th"), "tr": ("td", "th", "tr")}.get(tag, ())
        while self._open and self._open[-1].name in closes:
            self._open.pop()
        element = Element(tag, dict(attrs), tuple(_label(one) for one in self._open))
        self.elements.append(element)
        match tag:
            case "meta" | "link" | "br":
                return
            case "table":
                self._table = Table()
            case "caption":
                self.tables[element.attributes["id"] or ""] = self._table
            case "tr":
                self._table.rows.append([])
            case "td" | "th":
                self._table.rows[-1].append("")
            case _:
                pass
        self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Note that an element has ended."""
        while self._open and self._open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note text."""
        if not self._open:
            return
        self._open[-1].text += data
        if self._open[-1].name != "style":
            self.text += data
        names = [one.name for one in self._open]
        if "caption" in names:
            self._table.caption += data
        elif "td" in names or "th" in names:
            self._table.rows[-1][-1] += data.rstrip("\n")


def _label(element: Element) -> str:
    return f"{element.name}#{element.attributes['id']}" if "id" in element.attributes else element.name
