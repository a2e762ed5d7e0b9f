"""A list of things in the form that was asked for: a table, JSON, JSON Lines, CSV or Markdown.

A `Listing` says once what its columns are and how a thing becomes a row and a document; a `Printer` knows the form,
the time zone and the present moment. Numbers of CSV and JSON have every digit that is stored, times are UTC; tables
and Markdown round what a `~` marks, and show times in the zone that was asked for. JSON, JSON Lines and CSV are
written as they are made: a list of any length takes no memory.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from itertools import compress
from typing import Any, Generic, TypeVar

import attrs
import click

from ledger_cli import tables, terminal, words

ItemT = TypeVar("ItemT")
Cell = str | int | Decimal | datetime | timedelta | None
"""What stands in a column: `None` is nothing; of an age column it is the moment from which the age counts."""

Document = dict[str, Any]


class Form(StrEnum):
    """What may be asked for with `-o`."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "md"

    @property
    def is_json(self) -> bool:
        """Whether a program reads it, which gets errors in the same form."""
        return self in (Form.JSON, Form.JSONL)

    @property
    def is_for_people(self) -> bool:
        """Whether it is cut to what a person can read."""
        return self in (Form.TABLE, Form.MARKDOWN)


@attrs.frozen
class Column:
    """A column by its name for programs and its heading for people.

    `places` rounds for the eye, which a `~` before the heading says. `is_age` shows people how long ago a time was. The
    rest is as in `tables.Column`.
    """

    name: str
    heading: str
    is_number: bool = False
    places: int | None = None
    is_age: bool = False
    rank: int = 0
    varies: bool = False
    below: bool = False
    style: Callable[[str], str] = tables.unstyled

    @property
    def shown(self) -> tables.Column:
        """The column of a table."""
        return tables.Column(
            self.heading if self.places is None else f"~{self.heading}",
            self.is_number,
            rank=self.rank,
            varies=self.varies,
            below=self.below,
            style=self.style,
        )


def text(
    name: str,
    heading: str = "",
    *,
    rank: int = 0,
    varies: bool = False,
    below: bool = False,
    style: Callable[[str], str] = tables.unstyled,
) -> Column:
    """Return a column of words or times."""
    return Column(name, heading or name, rank=rank, varies=varies, below=below, style=style)


def number(name: str, heading: str = "", *, rank: int = 0, places: int | None = None) -> Column:
    """Return a column of numbers."""
    return Column(name, heading or name, is_number=True, places=places, rank=rank)


def age(*, rank: int = 0) -> Column:
    """Return a column that says how long ago a time was. It is for people: programs have the time, in its column."""
    return Column("age", "age", is_age=True, rank=rank)


@attrs.frozen
class Listing(Generic[ItemT]):
    """The columns of a kind of thing, its row, and its document, which may hold more than the row.

    An item may have several rows. Without `document` the JSON is that of the columns.
    """

    columns: Sequence[Column]
    rows: Callable[[ItemT], Iterable[Sequence[Cell]]]
    document: Callable[[ItemT], Document] | None = None

    def documents(self, items: Iterable[ItemT]) -> Iterator[Document]:
        """Return the JSON of each item."""
        for item in items:
            if self.document is not None:
                yield self.document(item)
                continue
            for row in self.rows(item):
                yield {
                    column.name: _json(cell)
                    for column, cell in zip(self.columns, row, strict=True)
                    if not column.is_age
                }


def one_row(row: Callable[[ItemT], Sequence[Cell]]) -> Callable[[ItemT], Iterable[Sequence[Cell]]]:
    """Return the `rows` of a listing whose items have one row each."""
    return lambda item: (row(item),)


@attrs.frozen(kw_only=True)
class Printer:
    """Prints what was asked for, in the form that was asked for."""

    form: Form = Form.TABLE
    zone: tzinfo | None = UTC
    moment: datetime = attrs.field(factory=lambda: datetime.now(UTC))
    is_wide: bool = False

    def print(self, listing: Listing[ItemT], items: Iterable[ItemT]) -> None:
        """Print a list that is the whole answer; an empty table prints nothing."""
        match self.form:
            case Form.TABLE:
                self._print_table(listing, items)
            case Form.MARKDOWN:
                for line in self.markdown(listing, items):
                    click.echo(line)
            case Form.CSV:
                for piece in csv_pieces(listing, items):
                    click.echo(piece, nl=False)
            case Form.JSON:
                for piece in array(json.dumps(document) for document in listing.documents(items)):
                    click.echo(piece, nl=False)
            case Form.JSONL:
                for document in listing.documents(items):
                    click.echo(json.dumps(document))

    def print_document(self, document: Document) -> None:
        """Print one JSON object that is the whole answer."""
        click.echo(json.dumps(document, indent=None if self.form is Form.JSONL else 2))

    def table(self, listing: Listing[ItemT], items: Iterable[ItemT], width: int | None = None) -> tables.Table:
        """Return a table."""
        columns = [column.shown for column in listing.columns]
        return tables.lay_out(columns, self.cells(listing, items), width)

    def markdown(self, listing: Listing[ItemT], items: Iterable[ItemT]) -> list[str]:
        """Return the lines of a Markdown table; none where there is no item."""
        rows = self.cells(listing, items)
        if not rows:
            return []
        every = [column.shown for column in listing.columns]
        shown = [index for index, column in enumerate(every) if tables.is_shown(column, [row[index] for row in rows])]
        columns = [every[index] for index in shown]
        head = [[column.heading for column in columns], ["---:" if column.is_number else "---" for column in columns]]
        body = [[_in_markdown(row[index] or "") for index in shown] for row in rows]
        return [f"| {' | '.join(cells)} |" for cells in (*head, *body)]

    def plain(self, listing: Listing[ItemT], items: Iterable[ItemT]) -> list[str]:
        """Return each row as a line without headings and columns, for rows that come one by one."""
        return ["  ".join(tables.printable(cell) for cell in row if cell) for row in self.cells(listing, items)]

    def at(self, moment: datetime | None) -> str | None:
        """Write a time in the zone that was asked for."""
        return words.at(moment, self.zone)

    def ago(self, moment: datetime | None) -> str | None:
        """Write a time and how long ago it was."""
        return None if moment is None else f"{self.at(moment)}, {words.age(self.moment, moment)} ago"

    def _print_table(self, listing: Listing[ItemT], items: Iterable[ItemT]) -> None:
        rows = list(items)
        if rows:
            table = self.table(listing, rows, None if self.is_wide else terminal.width())
            terminal.print_lines(table.lines)
            say_left_out(table.left_out)

    def cells(self, listing: Listing[ItemT], items: Iterable[ItemT]) -> list[list[str | None]]:
        """Return each row as it is shown to people, cell by cell."""
        return [
            [self.shown(column, cell) for column, cell in zip(listing.columns, row, strict=True)]
            for item in items
            for row in listing.rows(item)
        ]

    def shown(self, column: Column, cell: Cell) -> str | None:
        """Return one cell as it is shown to people."""
        match cell:
            case None:
                return None
            case str():
                return cell
            case Decimal():
                return words.number(cell) if column.places is None else words.rounded(cell, column.places)
            case datetime():
                return words.age(self.moment, cell) if column.is_age else self.at(cell)
            case timedelta():
                return words.duration(cell) if column.is_age else words.fine_duration(cell)
            case int():
                return str(cell)


def say_left_out(headings: Sequence[str]) -> None:
    """Say which columns had no room in the terminal."""
    if headings:
        click.echo(terminal.wrapped(f"no room here for: {', '.join(headings)}; --wide shows them"), err=True)


def csv_pieces(listing: Listing[ItemT], items: Iterable[ItemT]) -> Iterator[str]:
    """Write CSV (RFC 4180, lines ending in LF) a line at a time: the names of the columns, then the rows."""
    shown = [not column.is_age for column in listing.columns]
    yield _csv_line([column.name for column in listing.columns if not column.is_age])
    for item in items:
        for row in listing.rows(item):
            yield _csv_line([_exact(cell) for cell in compress(row, shown)])


def array(texts: Iterable[str]) -> Iterator[str]:
    """Write JSON texts as one JSON array, one item a line, a piece at a time."""
    before = "["
    for item in texts:
        yield f"{before}\n{item}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _exact(cell: Cell) -> str:
    value = _json(cell)
    return "" if value is None else str(value)


def _json(cell: Cell) -> str | int | None:
    from ledger_core.numbers import decimal_text, time_text

    match cell:
        case Decimal():
            return words.number(cell)
        case datetime():
            return time_text(cell.astimezone(UTC))
        case timedelta():
            return decimal_text(Decimal(cell // timedelta(microseconds=1)).scaleb(-6))
        case _:
            return cell


def _in_markdown(value: str) -> str:
    return tables.printable(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
