"""exported-tables.md: the columns of every table that is exported, with their types, units and meanings."""

from collections.abc import Iterable, Iterator

from _generator.markdown import code, page, prose, table
from ledger_interop.exporting.columns import Column, Form, Table
from ledger_interop.exporting.tables import TABLES

INTRODUCTION = """\
What [an export](../how-to/export-history.md) writes: one table for each kind of record, and the journal. Every column
may be empty, but for the strategy, ids and counts. `since` and `until` bound the time that is named for each table.
"""

_TYPES = {
    Form.TEXT: "text",
    Form.WORD: "dictionary of text",
    Form.DECIMAL: "decimal128(38, s)",
    Form.PRICE: "decimal128(38, s)",
    Form.COUNT: "int64",
    Form.FLAG: "bool",
    Form.TIME: "timestamp[us, UTC]",
    Form.DATE: "date32",
    Form.JSON: "JSON text",
    Form.LIST: "list of text",
    Form.ROWS: "list of struct",
}


def files() -> dict[str, str]:
    """Return the page."""
    return {"exported-tables.md": page("Exported tables", INTRODUCTION, *map(_section, TABLES.values()))}


def _section(one: Table) -> str:
    bounds = f"Bounded by `{one.time}`." if one.time else "Bounded by no time: as it stands at the moment."
    rows = list(_rows(one.columns))
    return "\n\n".join(
        (f"## {one.name}", f"{prose(one.description)} {bounds}", table(("column", "type", "unit", "meaning"), rows))
    )


def _rows(columns: Iterable[Column], within: str = "") -> Iterator[tuple[str, str, str, str]]:
    for column in columns:
        words = f" One of {', '.join(map(code, column.words))}." if column.words else ""
        name = f"{within}{column.name}"
        yield code(name), code(_TYPES[column.form]), column.unit or "", prose(column.description) + words
        yield from _rows(column.fields, f"{name}.")
