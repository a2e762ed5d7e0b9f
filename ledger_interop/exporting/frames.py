"""Frames of pandas and polars, exact: decimals stay decimals, times are aware and UTC.

They come through Arrow, so they need pyarrow beside their own library: the extras `pandas` and `polars`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ledger_interop.exporting.decimals import Decimals
from ledger_interop.exporting.errors import missing
from ledger_interop.exporting.running import to_arrow
from ledger_interop.exporting.snapshot import Source


def pandas() -> Any:
    """Import pandas; raise MissingExtra where it is not installed."""
    try:
        import pandas as pd
    except ImportError as error:
        raise missing("pandas", "pandas", "a pandas frame") from error
    return pd


def to_pandas(
    source: Source,
    table: str,
    *,
    strategies: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    decimals: Decimals | str = Decimals.DECIMAL128,
    places: int | None = None,
) -> Any:
    """Return a table as a pandas.DataFrame with Arrow's types; words are categories. See `export` for the rest.

    Arrow's types, because pandas' own has no decimals: it keeps Python objects, whose sums Python rounds to 28 digits.
    """
    pd = pandas()
    found = to_arrow(source, table, strategies=strategies, since=since, until=until, decimals=decimals, places=places)
    import pyarrow as pa

    def mapped(kind: Any) -> Any:
        return None if pa.types.is_dictionary(kind) else pd.ArrowDtype(kind)

    return found.to_pandas(types_mapper=mapped)


def to_polars(
    source: Source,
    table: str,
    *,
    strategies: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    decimals: Decimals | str = Decimals.DECIMAL128,
    places: int | None = None,
) -> Any:
    """Return a table as a polars.DataFrame; words are categorical. See `export` for the rest."""
    try:
        import polars as pl
    except ImportError as error:
        raise missing("polars", "polars", "a polars frame") from error
    found = to_arrow(source, table, strategies=strategies, since=since, until=until, decimals=decimals, places=places)
    return pl.from_arrow(found)
