"""Tables of the page: a caption, headings with their scope, and a region that scrolls where the page is too narrow."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import attrs

from ledger_report.page.markup import Content, Html, join, tag, unclosed
from ledger_report.page.wording import number


@attrs.frozen
class Column:
    """A column: its heading, whether it holds numbers, and whether its text may be broken into lines."""

    heading: Content
    is_number: bool = False
    is_wide: bool = False
    is_bar: bool = False

    @property
    def style(self) -> str | None:
        """Its class."""
        return "n" if self.is_number else "w" if self.is_wide else "bar" if self.is_bar else None


@attrs.frozen
class Cell:
    """A cell with a class of its own."""

    content: Content
    style: str


def text(heading: Content) -> Column:
    """Return a column of words or times."""
    return Column(heading)


def prose(heading: Content) -> Column:
    """Return a column of sentences."""
    return Column(heading, is_wide=True)


def numbers(heading: Content) -> Column:
    """Return a column of numbers."""
    return Column(heading, is_number=True)


def bars_column() -> Column:
    """Return a column of bars."""
    return Column(tag("span", "Bar", class_="hidden"), is_bar=True)


def money(amount: Decimal | None) -> Cell:
    """Return what was made: a gain or a loss."""
    return Cell(number(amount), sign_of(amount))


def sign_of(amount: Decimal | None) -> str:
    """Return the class of an amount."""
    return "" if not amount else "gain" if amount > 0 else "loss"


def table(name: str, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Content | Cell]]) -> Html:
    """Return a table; the first cell of each row is its heading. `name` is unique on the page."""
    head = unclosed("tr", *(unclosed("th", column.heading, scope="col", class_=column.style) for column in columns))
    body = join((unclosed("tr", *_cells(columns, row)) for row in rows), "\n")
    captioned = tag("caption", tag("span", caption), id=name)
    whole = tag("table", captioned, tag("thead", head), tag("tbody", body))
    return tag("div", whole, class_="wide", role="region", aria_labelledby=name, tabindex=0)


def bar(amount: Decimal | None, low: Decimal, high: Decimal) -> Cell:
    """Return a bar that grows from zero, which lies where it must between the lowest and the highest amount."""
    if amount is None or low == high:
        return Cell(None, "")
    span = float(high - low)
    zero, end = float(-low) / span * 100, float(amount - low) / span * 100
    left, width = min(zero, end), abs(end - zero)
    line = tag("b", class_=sign_of(amount) or None, style=f"left:{left:.1f}%;width:{width:.1f}%")
    return Cell(tag("i", line, style=f"--z:{zero:.1f}%"), "")


def _cells(columns: Sequence[Column], row: Sequence[Content | Cell]) -> Iterable[Html]:
    for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
        content, own = (cell.content, cell.style) if isinstance(cell, Cell) else (cell, "")
        style = " ".join(name for name in (column.style or "", own) if name)
        if place:
            yield unclosed("td", content, class_=style or None)
        else:
            yield unclosed("th", content, scope="row", class_=style or None)
