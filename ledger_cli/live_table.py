"""One part of the live view as a table that keeps its place: cursor, sorting and scrolling survive each new look."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import ClassVar

import attrs
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Static

from ledger_cli import words
from ledger_cli.listing import Printer
from ledger_cli.live_parts import NAMES, Mark, Memory, Part, Row, ordered
from ledger_cli.tables import Cell, folded, make_room, printable
from ledger_cli.terminal import STYLES, styled

ROWS_MAX = 500
"""How many rows a part shows; of more it says so."""

_MARK_KEY = "mark"
_AROUND = 6  # columns of the terminal that hold no value: the mark, the padding of the edges, the scroll bar
_SORTED = {False: "▲", True: "▼"}


@attrs.frozen
class Shown:
    """What a part shows, and how: its rows as a filter let them through, their marks, their form."""

    part: Part
    rows: Sequence[Row]
    memory: Memory
    printer: Printer
    is_wide: bool = False
    is_alone: bool | None = None
    """Whether it is the part that has the screen for itself; None where no part has."""

    def mark_of(self, row: Row) -> Mark | None:
        """Return the mark of a row."""
        seen = self.memory.get((self.part.name, *row.key))
        return None if seen is None else seen.mark_at(self.moment)

    @property
    def moment(self) -> datetime:
        """When it was so."""
        return self.printer.moment


@attrs.frozen
class _Grid:
    """What the table holds: (key, heading, width) of each column, (key, height) and the cells of each row."""

    columns: tuple[tuple[str, str, int], ...]
    rows: tuple[tuple[str, int], ...]
    cells: Sequence[Sequence[Text]]


class PartTable(DataTable[Text]):
    """The rows of one part."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Detail"),
        Binding("s", "sort", "Sort"),
        Binding("S", "reverse", "Reverse", show=False),
    ]

    class Left(Message):
        """The cursor went beyond the first row (-1) or the last (1)."""

        def __init__(self, table: "PartTable", step: int) -> None:
            super().__init__()
            self.table = table
            self.step = step

    def __init__(self, name: str) -> None:
        super().__init__(id=f"table-{name}", cursor_type="row", show_row_labels=False)
        self.cursor_foreground_priority = "renderable"
        self.sorted_by: str | None = None
        self.is_reversed = False
        self.left_out: Sequence[str] = ()
        self._shown: Shown | None = None
        self._grid: _Grid | None = None
        self._rows: Sequence[Row] = ()

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor_row] if 0 <= self.cursor_row < len(self._rows) else None

    def show(self, shown: Shown, width: int) -> None:
        """Show rows within `width`, and stay where the cursor is."""
        self._shown = shown
        chosen = ordered(shown.rows, shown.part.columns, self.sorted_by, is_reversed=self.is_reversed)[:ROWS_MAX]
        grid = self._laid_out(shown, chosen, None if shown.is_wide else width - _AROUND)
        before, at = self._grid, self.row
        self._grid, self._rows = grid, chosen
        if before is None or (before.columns, before.rows) != (grid.columns, grid.rows):
            self._build(grid, at)
            return
        for (row_key, _), old, new in zip(grid.rows, before.cells, grid.cells, strict=True):
            for (column_key, *_), was, now in zip(grid.columns, old, new, strict=True):
                if was != now:
                    self.update_cell(row_key, column_key, now)

    def action_cursor_down(self) -> None:
        """Move down, from the last row on to the next part."""
        if self.cursor_row >= self.row_count - 1:
            self.post_message(self.Left(self, 1))
        else:
            super().action_cursor_down()

    def action_cursor_up(self) -> None:
        """Move up, from the first row on to the part before."""
        if self.cursor_row <= 0:
            self.post_message(self.Left(self, -1))
        else:
            super().action_cursor_up()

    def action_sort(self) -> None:
        """Sort by the next column; behind the last is the order in which the part stands by itself."""
        if self._grid is None:
            return
        keys = [key for key, *_ in self._grid.columns if key != _MARK_KEY]
        following = dict(pairwise([None, *keys, None]))
        self._sort(following.get(self.sorted_by), is_reversed=False)

    def action_reverse(self) -> None:
        """Turn the order of the sorted column round."""
        self._sort(self.sorted_by, is_reversed=not self.is_reversed)

    @on(DataTable.HeaderSelected)
    def _sort_by_heading(self, event: DataTable.HeaderSelected) -> None:
        name = event.column_key.value
        if name is None or name == _MARK_KEY:
            self._sort(None, is_reversed=False)
        else:
            self._sort(name, is_reversed=name == self.sorted_by and not self.is_reversed)

    def _sort(self, by: str | None, *, is_reversed: bool) -> None:
        self.sorted_by, self.is_reversed = by, is_reversed and by is not None
        if self._shown is not None:
            self.show(self._shown, self.size.width)

    def _laid_out(self, shown: Shown, rows: Sequence[Row], width: int | None) -> _Grid:
        columns = [column.shown for column in shown.part.columns]
        texts: list[list[Cell]] = [
            [
                _printable(shown.printer.shown(column, cell))
                for column, cell in zip(shown.part.columns, row.cells, strict=True)
            ]
            for row in rows
        ]
        room = make_room(columns, texts, width)
        self.left_out = [columns[index].heading for index in room.left_out]
        kept = room.kept
        widths = {index: len(room.blocks[index][1]) for index in kept}
        headings = {index: self._heading(shown.part.columns[index].name, columns[index].heading) for index in kept}
        marks = [shown.mark_of(row) for row in rows]
        cells, heights = [], []
        for number, mark in enumerate(marks):
            line = []
            height = 1
            for index in kept:
                value = room.blocks[index][2 + number]
                is_last = index == kept[-1] and room.for_last is not None
                pieces = folded(value.rstrip(), room.for_last) if is_last else [value]
                height = max(height, len(pieces))
                line.append(_cell("\n".join(pieces), columns[index].style(value.strip()), mark))
            cells.append([_cell(mark or " ", "", mark), *line])
            heights.append(height)
        return _Grid(
            (
                (_MARK_KEY, " ", 1),
                *(
                    (shown.part.columns[index].name, headings[index], max(widths[index], len(headings[index])))
                    for index in kept
                ),
            ),
            tuple(("\0".join(row.key), height) for row, height in zip(rows, heights, strict=True)),
            cells,
        )

    def _heading(self, name: str, heading: str) -> str:
        return f"{heading} {_SORTED[self.is_reversed]}" if name == self.sorted_by else heading

    def _build(self, grid: _Grid, at: Row | None) -> None:
        """Fill the table anew, and go back to where the cursor was, or as near as there are rows."""
        place, offset = self.cursor_row, self.scroll_offset
        self.clear(columns=True)
        for key, heading, width in grid.columns:
            self.add_column(Text(heading, no_wrap=True), key=key, width=width)
        for (key, height), cells in zip(grid.rows, grid.cells, strict=True):
            self.add_row(*cells, key=key, height=height)
        known = {row.key: number for number, row in enumerate(self._rows)}
        target = known.get(at.key, place) if at is not None else 0
        self.move_cursor(row=min(target, max(0, len(self._rows) - 1)), animate=False, scroll=False)
        if offset.x or offset.y:
            self.call_after_refresh(self.scroll_to, offset.x, offset.y, animate=False, force=True)


class PartView(Vertical):
    """One part: its heading and its table; nothing of it is seen where there is nothing in it."""

    def __init__(self, name: str) -> None:
        super().__init__(id=f"part-{name}", classes="part")
        self.part_name = name
        self.table = PartTable(name)
        self.title = Static(classes="title")
        self._shown: Shown | None = None

    def compose(self) -> ComposeResult:
        """Put the heading above the table."""
        yield self.title
        yield self.table

    def show(self, shown: Shown) -> None:
        """Show what there is."""
        self._shown = shown
        self.display = bool(shown.rows) if shown.is_alone is None else shown.is_alone
        self.set_class(bool(shown.is_alone), "alone")
        self.table.show(shown, self.table.size.width or self.app.size.width)
        number = list(NAMES).index(shown.part.name) + 1
        found, shown_rows = len(shown.rows), min(len(shown.rows), ROWS_MAX)
        counted = f"{found:,}" if found == shown_rows else f"showing {shown_rows:,} of {found:,}"
        line = [(f"{number} ", "rule"), (f"{shown.part.heading} ({counted})", shown.part.style)]
        if self.table.left_out:
            line.append((f"  {words.count(len(self.table.left_out), 'column')} more: w", "rule"))
        self.title.update(styled(line))

    def on_resize(self) -> None:
        """Make room, or use it."""
        if self._shown is not None:
            self.show(self._shown)


def _printable(value: str | None) -> str | None:
    return None if value is None else printable(value)


def _cell(value: str, style: str, mark: Mark | None) -> Text:
    text = Text(no_wrap=True)
    text.append(value, " ".join(filter(None, (STYLES[style], "bold" if mark else ""))) or None)
    return text
