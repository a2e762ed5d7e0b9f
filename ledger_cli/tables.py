"""Plain text tables: aligned columns, numbers at their decimal point, no column that holds nothing.

Where a terminal is too narrow, columns of little interest are left out first, and said; where even the others do not
fit, each row becomes a block of lines. No value is ever cut.
"""

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from ledger_cli.terminal import Segment

Cell = str | None
"""What stands in a column; None leaves it empty."""

Line = Sequence[Segment]

_GAP = "  "
_BLOCK_RULE = 24
_HEAD = 2  # lines: the headings, and the rule below them
_INDENT = "    "
_FOLD_MIN = 24  # columns of a terminal in which words can be read one below the other


def unstyled(_: str) -> str:
    """Return no style, whatever the value."""
    return ""


@attrs.frozen
class Column:
    """A heading, and whether what stands below it are numbers.

    Of a narrow terminal, columns of the highest `rank` are left out first; those of rank 0 stay. What is `below` is
    folded where it stands last, or gets lines of its own under the row instead. One that `varies` is shown only where
    its values differ from row to row. `style` names that of a value.
    """

    heading: str
    is_number: bool = False
    rank: int = attrs.field(default=0, kw_only=True)
    varies: bool = attrs.field(default=False, kw_only=True)
    below: bool = attrs.field(default=False, kw_only=True)
    style: Callable[[str], str] = attrs.field(default=unstyled, kw_only=True)


@attrs.frozen
class Table:
    """The lines of a table, and the headings of the columns that had no room."""

    lines: Sequence[Line]
    left_out: Sequence[str] = ()

    @property
    def text(self) -> str:
        """The lines without style."""
        return "\n".join("".join(part for part, _ in line).rstrip() for line in self.lines)


@attrs.frozen
class Room:
    """Which columns, by their places, say anything and have room, and the block of each, of one width.

    A block is the heading, the rule and the values. `for_last` is how wide the last column may be where it is folded.
    Where not `fits`, even the columns of rank 0 are too wide together.
    """

    shown: Sequence[int]
    kept: Sequence[int]
    blocks: Mapping[int, Sequence[str]]
    for_last: int | None = None
    fits: bool = attrs.field(default=True, kw_only=True)

    @property
    def left_out(self) -> list[int]:
        """The columns that say something and have no room."""
        return [index for index in self.shown if index not in self.kept]


def text(heading: str) -> Column:
    """Return a column of words, aligned left."""
    return Column(heading)


def numbers(heading: str) -> Column:
    """Return a column of numbers, aligned at the decimal point."""
    return Column(heading, is_number=True)


def render(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    """Return the table as text, however wide; a column that is empty in every row is left out."""
    return lay_out(columns, rows, None).text


def lay_out(columns: Sequence[Column], values: Iterable[Sequence[Cell]], width: int | None) -> Table:
    """Return the table, one line a row below the headings, or a block a row, within `width`."""
    cells = [[None if value is None else printable(value) for value in row] for row in values]
    room = make_room(columns, cells, width)
    if not room.shown:
        return Table([])
    shown, kept, blocks = room.shown, room.kept, room.blocks
    if not room.fits:
        return Table(
            _as_blocks([columns[index] for index in shown], [[row[index] for index in shown] for row in cells])
        )
    lines: list[Line] = []
    for number in range(_HEAD + len(cells)):
        parts = [(columns[index], blocks[index][number]) for index in kept]
        lines += _line(number, parts, room.for_last)
        if number >= _HEAD:
            row = cells[number - _HEAD]
            under = [(columns[index], row[index]) for index in shown if index not in kept and columns[index].below]
            for column, value in under:
                lines += _under(column.heading, value, width) if value else []
    return Table(lines, [columns[index].heading for index in room.left_out if not columns[index].below])


def make_room(columns: Sequence[Column], cells: Sequence[Sequence[Cell]], width: int | None) -> Room:
    """Return which columns of a table have room within `width`, and what stands in them; cells are printable."""
    shown = [index for index, column in enumerate(columns) if is_shown(column, [row[index] for row in cells])]
    blocks = {index: _block(columns[index], [row[index] or "" for row in cells]) for index in shown}
    sizes = {index: display_width(blocks[index][1]) for index in shown}
    folded = shown[-1] if shown and columns[shown[-1]].below else None
    needed = {index: min(size, _FOLD_MIN) if index == folded else size for index, size in sizes.items()}
    left_out = _without_room({index: (columns[index].rank, needed[index]) for index in shown}, width)
    kept = [index for index in shown if index not in left_out]
    if width is not None and (not kept or _size(needed[index] for index in kept) > width):
        return Room(shown, kept, blocks, fits=False)
    for_last = None
    if width is not None and folded in kept:
        for_last = width - _size(sizes[index] for index in kept if index != folded) - len(_GAP)
        blocks[folded] = [blocks[folded][0], "-" * min(for_last, sizes[folded]), *blocks[folded][_HEAD:]]
    return Room(shown, kept, blocks, for_last)


def render_pairs(pairs: Iterable[tuple[str, Cell]]) -> str:
    """Return names and values, one pair a line; a pair without a value is left out."""
    kept = [(name, printable(value)) for name, value in pairs if value]
    width = max((display_width(name) for name, _ in kept), default=0)
    return "\n".join(f"{_padded(name, width)}{_GAP}{value}" for name, value in kept)


def printable(value: str) -> str:
    """Return the text with what would move a terminal's cursor, or colour it, written as an escape."""
    if value.isprintable():
        return value
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in value)


def display_width(value: str) -> int:
    """Return how many columns of a terminal the text takes: wide characters take two, combining ones none."""
    if value.isascii():
        return len(value)
    return sum(_character_width(character) for character in value)


def is_shown(column: Column, values: Sequence[Cell]) -> bool:
    """Whether a column says anything: one that `varies` is not shown where all its values are the same."""
    return len(set(values)) > 1 if column.varies else any(values)


def _without_room(sizes: dict[int, tuple[int, int]], width: int | None) -> set[int]:
    """Return which columns to leave out: from the right, the highest rank first, until the rest fits."""
    left_out: set[int] = set()
    if width is None:
        return left_out
    total = _size(size for _, size in sizes.values())
    for index in sorted(sizes, key=lambda index: (sizes[index][0], index), reverse=True):
        rank, size = sizes[index]
        if total <= width or not rank:
            break
        left_out.add(index)
        total -= size + len(_GAP)
    return left_out


def _size(widths: Iterable[int]) -> int:
    """Return how wide columns are together."""
    return sum(width + len(_GAP) for width in widths) - len(_GAP)


def _line(number: int, parts: Sequence[tuple[Column, str]], room: int | None) -> list[Line]:
    """Return a row of a table: 0 are the headings, 1 the rule below them. What is last is folded into its `room`."""
    segments: list[Segment] = []
    for column, value in parts[:-1]:
        segments += [(value, _style(number, column, value)), (_GAP, "")]
    column, value = parts[-1]
    style = _style(number, column, value)
    first, *more = folded(value.rstrip(), room)
    indent = " " * sum(display_width(text) for text, _ in segments)
    return [[*segments, (first, style)], *([(indent, ""), (text, style)] for text in more)]


def _style(number: int, column: Column, value: str) -> str:
    return ("heading", "rule")[number] if number < _HEAD else column.style(value.strip())


def folded(value: str, room: int | None) -> list[str]:
    """Return the text in lines of at most so many columns, as far as its words allow."""
    if room is None or display_width(value) <= room:
        return [value]
    return textwrap.wrap(value, max(1, room), break_long_words=False, break_on_hyphens=False) or [""]


def _under(heading: str, value: str, width: int | None) -> list[Line]:
    """Return what is written under a row for want of room in it."""
    before = f"{_INDENT}{heading}: "
    first, *more = folded(value, None if width is None else width - len(before))
    return [[(before, "rule"), (first, "")], *([(" " * len(before), ""), (text, "")] for text in more)]


def _as_blocks(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[Line]:
    """Return each row as lines of heading and value."""
    width = max((display_width(column.heading) for column in columns), default=0)
    lines: list[Line] = []
    for row in rows:
        lines.append([("-" * _BLOCK_RULE, "rule")])
        for column, value in zip(columns, row, strict=True):
            if value:
                lines.append([(_padded(column.heading, width) + _GAP, "heading"), (value, column.style(value))])
    return lines


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
