"""CSV and JSON Lines: every number and time as the text that is stored, a row at a time.

In JSON numbers with a point are text, since most programs read them as floating point. In CSV what is nested is JSON
text, and nothing is an empty cell.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from ledger_core.numbers import decimal_text, price_text, time_text
from ledger_interop.exporting.columns import Column, Form, Table


def write_csv(out: TextIO, table: Table, rows: Iterable[tuple[str, Any]]) -> int:
    """Write CSV (RFC 4180, lines ending in LF) and return how many rows there were."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    count = 0
    for strategy_id, record in rows:
        values = table.row(strategy_id, record)
        writer.writerow([_cell(column, value) for column, value in zip(table.columns, values, strict=True)])
        count += 1
    return count


def write_jsonl(out: TextIO, table: Table, rows: Iterable[tuple[str, Any]]) -> int:
    """Write one JSON object a line and return how many there were."""
    count = 0
    for strategy_id, record in rows:
        values = table.row(strategy_id, record)
        out.write(json_text(document(table.columns, values)))
        out.write("\n")
        count += 1
    return count


def document(columns: Sequence[Column], values: Iterable[Any]) -> dict[str, Any]:
    """Return a row as JSON-ready values."""
    return {column.name: ready(column, value) for column, value in zip(columns, values, strict=True)}


def ready(column: Column, value: Any) -> Any:
    """Return a value as JSON has it: numbers and times are text."""
    if value is None:
        return None
    match column.form:
        case Form.DECIMAL:
            return decimal_text(value)
        case Form.PRICE:
            return price_text(value)
        case Form.TIME:
            return time_text(value)
        case Form.DATE:
            return value.isoformat()
        case Form.LIST:
            return list(value)
        case Form.ROWS:
            return [document(column.fields, [field.value(item) for field in column.fields]) for item in value]
        case Form.WORD:
            return str(value)
        case _:
            return value


def json_text(value: Any) -> str:
    """Return a JSON value, such as what a caller attached, as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cell(column: Column, value: Any) -> Any:
    found = ready(column, value)
    match column.form:
        case _ if found is None:
            return ""
        case Form.FLAG:
            return "true" if found else "false"
        case Form.LIST | Form.ROWS:
            return json_text(found) if found else ""
        case Form.JSON:
            return json_text(found)
        case _:
            return found
