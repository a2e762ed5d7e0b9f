"""Plain text tables: aligned columns, numbers at their decimal point, no column that holds nothing."""

import unicodedata
from collections.abc import Iterable, Sequence

import attrs

Cell = str | None
"""What stands in a column; None leaves it empty."""

_GAP = "  "


@attrs.frozen
class Column:
    """A heading, and whether what stands below it are numbers."""

    heading: str
    is_number: bool = False


def text(heading: str) -> Column:
    """Return a column of words, aligned left."""
    return Column(heading)


def numbers(heading: str) -> Column:
    """Return a column of numbers, aligned at the decimal point."""
    return Column(heading, is_number=True)


def render(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    """Return the table, one line a row below the headings; a column that is empty in every row is left out."""
    cells = [list(row) for row in rows]
    shown = [index for index in range(len(columns)) if any(row[index] for row in cells)]
    blocks = [_block(columns[index], [row[index] or "" for row in cells]) for index in shown]
    lines = (_GAP.join(parts).rstrip() for parts in zip(*blocks, strict=True))
    return "\n".join(lines)


def render_pairs(pairs: Iterable[tuple[str, Cell]]) -> str:
    """Return names and values, one pair a line; a pair without a value is left out."""
    kept = [(name, value) for name, value in pairs if value]
    width = max((display_width(name) for name, _ in kept), default=0)
    return "\n".join(f"{_padded(name, width)}{_GAP}{value}" for name, value in kept)


def display_width(value: str) -> int:
    """Return how many columns of a terminal the text takes: wide characters take two, combining ones none."""
    return sum(_character_width(character) for character in value)


def _block(column: Column, values: Sequence[str]) -> list[str]:
    """Return the heading, a line and the values, all of one width."""
    if column.is_number:
        places = max((display_width(_fraction(value)) for value in values), default=0)
        values = [value + " " * (places - display_width(_fraction(value))) for value in values]
    width = max(display_width(part) for part in (column.heading, *values))
    heading = _padded(column.heading, width, right=column.is_number)
    return [heading, "-" * width, *(_padded(value, width, right=column.is_number) for value in values)]


def _fraction(value: str) -> str:
    """Return a number's point and what follows it."""
    _whole, point, fraction = value.partition(".")
    return point + fraction


def _padded(value: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - display_width(value))
    return blanks + value if right else value + blanks


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
