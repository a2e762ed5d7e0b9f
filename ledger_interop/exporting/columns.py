"""What a table is: columns with a name, a form, a unit and a meaning, and how each is taken from a record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any

import attrs

from ledger_core.model import RecordKind


class Form(StrEnum):
    """What a column holds."""

    TEXT = "text"
    WORD = "word"  # one of a few, which `words` lists
    DECIMAL = "decimal"
    PRICE = "price"  # a decimal whose text keeps the trailing zeros that were given
    COUNT = "count"
    FLAG = "flag"
    TIME = "time"  # UTC, to the microsecond
    DATE = "date"
    JSON = "json"  # text
    LIST = "list"  # of texts
    ROWS = "rows"  # a list of structures, whose `fields` are columns

    @property
    def is_decimal(self) -> bool:
        """Whether it holds a number that is exact."""
        return self in (Form.DECIMAL, Form.PRICE)


@attrs.frozen(kw_only=True)
class Column:
    """A column, or a field of a structure. `unit` is in words; None where there is none."""

    name: str
    form: Form
    description: str
    value: Callable[[Any], Any]
    unit: str | None = None
    words: tuple[str, ...] = ()
    fields: "tuple[Column, ...]" = ()

    def numbers(self, value: Any, path: str = "") -> "Iterable[tuple[str, Any]]":
        """Generate (path of the column, number) of every decimal in a value of this column."""
        here = f"{path}.{self.name}" if path else self.name
        if value is None:
            return
        if self.form.is_decimal:
            yield here, value
        elif self.form is Form.ROWS:
            for item in value:
                for field in self.fields:
                    yield from field.numbers(field.value(item), here)


@attrs.frozen(kw_only=True)
class Table:
    """A table: its name, what a row is, and which time `since` and `until` bound; None where they bound nothing.

    `kind` is the kind of record that its rows are made of; None for entries of the journal.
    """

    name: str
    description: str
    kind: RecordKind | None
    columns: tuple[Column, ...]
    time: str | None

    def row(self, strategy_id: str, record: Any) -> list[Any]:
        """Return the values of a row; the first column is the strategy."""
        return [strategy_id, *[column.value(record) for column in self.columns[1:]]]


STRATEGY = Column(
    name="strategy_id",
    form=Form.TEXT,
    description="The strategy whose record it is.",
    value=lambda _: None,
)
"""The first column of every table; its value is not in the record."""


@attrs.frozen
class ColumnsOf:
    """Makes the columns of a record's class; what derives from a record brings its own description."""

    record: type[Any]

    def __call__(
        self,
        name: str,
        form: Form,
        description: str | None = None,
        *,
        at: str | None = None,
        unit: str | None = None,
        words: Iterable[str] = (),
        fields: Sequence[Column] = (),
        value: Callable[[Any], Any] | None = None,
    ) -> Column:
        """Return a column of the field or property `at`, by default the one of the column's name."""
        path = at or name
        return Column(
            name=name,
            form=form,
            description=description or self._documented(path),
            value=value or attrgetter(path),
            unit=unit,
            words=tuple(str(word) for word in words),
            fields=tuple(fields),
        )

    def _documented(self, name: str) -> str:
        derived = getattr(self.record, name)
        assert isinstance(derived, property), f"{self.record.__name__}.{name} has no words of its own"
        return " ".join((derived.__doc__ or "").split())


def by_name(tables: Iterable[Table]) -> Mapping[str, Table]:
    """Return tables by their names."""
    return {table.name: table for table in tables}
