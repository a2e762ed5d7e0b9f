"""Which decimal type holds a column to the last digit: measured first, never rounded.

A column takes the places that its numbers need, in a first pass over the same snapshot that keeps nothing but the most
digits it met. Or the caller states the places, and a number that does not fit is an error: columns of several exports
then have one type.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from ledger_core.numbers import PLACES_MAX, plain
from ledger_interop.exporting.columns import Column, Table
from ledger_interop.exporting.errors import DoesNotFit


class Decimals(StrEnum):
    """As what decimals are written to Parquet, Arrow and frames."""

    DECIMAL128 = "decimal128"  # 38 digits
    DECIMAL256 = "decimal256"  # 76 digits; polars does not know it
    TEXT = "text"  # the text as it is stored, however long

    @property
    def digits(self) -> int | None:
        """How many digits it holds; None for any number."""
        return {Decimals.DECIMAL128: 38, Decimals.DECIMAL256: 76, Decimals.TEXT: None}[self]


@attrs.define
class Extent:
    """The most digits before and after the point that a column has."""

    before: int = 0
    places: int = 0

    def add(self, number: Decimal) -> None:
        """Take in a number."""
        if not number:
            return
        exponent = _exponent(number)
        if -exponent > self.places:  # trailing zeros need no place
            exponent = min(0, _exponent(plain(number)))
            self.places = max(self.places, -exponent)
        self.before = max(self.before, number.adjusted() + 1)


Extents = Mapping[str, Extent]
"""What each decimal column of a table needs, by its path, such as `fees.amount`."""


def paths_of(columns: Iterable[Column], within: str = "") -> list[str]:
    """Return the paths of every decimal column, those of structures included."""
    found = []
    for column in columns:
        path = f"{within}.{column.name}" if within else column.name
        if column.form.is_decimal:
            found.append(path)
        found.extend(paths_of(column.fields, path))
    return found


def measured(table: Table, rows: Iterable[Any]) -> dict[str, Extent]:
    """Return what each decimal column needs; rows are read once, and none is kept."""
    extents = {path: Extent() for path in paths_of(table.columns)}
    for _, record in rows:
        for column in table.columns[1:]:
            if column.form.is_decimal or column.fields:
                for path, number in column.numbers(column.value(record)):
                    extents[path].add(number)
    return extents


@attrs.frozen(kw_only=True)
class Places:
    """The type of the decimals of a table, and how many digits behind the point each column has."""

    table: str
    decimals: Decimals
    places: Mapping[str, int]

    def require(self, path: str, number: Decimal) -> None:
        """Raise DoesNotFit for a number that its column does not hold exactly."""
        extent = Extent()
        extent.add(number)
        digits = self.decimals.digits
        if digits is None or (extent.places <= self.places[path] and extent.before + self.places[path] <= digits):
            return
        raise DoesNotFit(
            f"{self.table}.{path} has {number}, which {self.decimals} with {self.places[path]} places does not hold"
            f" exactly: let places be measured, or take {self._wider()}",
            table=self.table,
            column=path,
            value=number,
        )

    def _wider(self) -> str:
        return " or ".join(list(Decimals)[list(Decimals).index(self.decimals) + 1 :])


def places_of(table: Table, decimals: Decimals, extents: Extents) -> Places:
    """Return the places that were measured; raise DoesNotFit for a column that has more digits than the type.

    A column without a number has 18 places, as has what the ledger rounds.
    """
    places = {}
    for path, extent in extents.items():
        digits = extent.before + extent.places
        most = decimals.digits
        if most is not None and digits > most:
            wider = [one for one in Decimals if one.digits is None or one.digits >= digits]
            raise DoesNotFit(
                f"{table.name}.{path} needs {digits} digits ({extent.before} before the point and {extent.places} after"
                f" it), and {decimals} holds {most}: take {' or '.join(wider)}",
                table=table.name,
                column=path,
                digits=digits,
            )
        places[path] = extent.places if digits else PLACES_MAX
    return Places(table=table.name, decimals=decimals, places=places)


def fixed_places(table: Table, decimals: Decimals, places: int) -> Places:
    """Return stated places, the same for every column."""
    return Places(table=table.name, decimals=decimals, places=dict.fromkeys(paths_of(table.columns), places))


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "finite"
    return exponent
