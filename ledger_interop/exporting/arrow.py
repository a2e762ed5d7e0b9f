"""Arrow: the schema of a table, and its rows as batches, as Parquet and as Arrow's own file.

Needs pyarrow, the extra `arrow`, which is imported when it is used. Every field carries its unit and description, and
the schema the moment at which the ledger was read. No more than a row group is held in memory.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from ledger_core.numbers import time_text
from ledger_interop.exporting.columns import Column, Form, Table
from ledger_interop.exporting.decimals import Decimals, Places
from ledger_interop.exporting.errors import missing
from ledger_interop.exporting.snapshot import Snapshot
from ledger_interop.exporting.text import json_text, ready

BATCH_ROWS = 2_048
"""How many rows are turned into one batch: Python's values of them are held at once."""

ROW_GROUP_BATCHES = 8
"""How many batches make a row group of Parquet."""

FORMAT_VERSION = 1
"""Of the tables' columns; it grows when a column changes its meaning or goes, not when one is added."""

METADATA_KEY = b"strategy_ledger"
"""Where the schema's metadata has what `moment_of` returns, as JSON."""


@attrs.frozen
class Shape:
    """What a table looks like in Arrow: its pyarrow schema, and how its numbers are held."""

    table: Table
    places: Places
    schema: Any


def pyarrow() -> Any:
    """Import pyarrow; raise MissingExtra where it is not installed."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise missing("pyarrow", "arrow", "Arrow and Parquet") from error
    return pa


def moment_of(table: Table, snapshot: Snapshot) -> dict[str, Any]:
    """Return what a file says of itself, JSON-ready: which table, and when, and where the journals ended."""
    bounds = {"since": snapshot.since, "until": snapshot.until} if table.time else {}
    return {
        "format_version": FORMAT_VERSION,
        "table": table.name,
        "snapshot": [part.document for part in snapshot.parts],
        **{name: time_text(moment) for name, moment in bounds.items() if moment is not None},
    }


def shape_of(table: Table, places: Places, snapshot: Snapshot) -> Shape:
    """Return the schema of a table."""
    pa = pyarrow()
    fields = [_field(pa, column, places, column.name) for column in table.columns]
    metadata = {METADATA_KEY: json.dumps(moment_of(table, snapshot)).encode(), b"description": table.description}
    return Shape(table, places, pa.schema(fields, metadata=metadata))


def batches(shape: Shape, rows: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    """Generate record batches; none where there is no row. Raises DoesNotFit."""
    pa = pyarrow()
    found = iter(rows)
    while taken := [shape.table.row(*row) for row in islice(found, BATCH_ROWS)]:
        arrays = [
            _array(pa, column, field.type, [row[place] for row in taken], shape.places)
            for place, (column, field) in enumerate(zip(shape.table.columns, shape.schema, strict=True))
        ]
        yield pa.record_batch(arrays, schema=shape.schema)


def as_table(shape: Shape, rows: Iterable[tuple[str, Any]]) -> Any:
    """Return a pyarrow.Table, all of it in memory."""
    return pyarrow().Table.from_batches(batches(shape, rows), schema=shape.schema)


def write_parquet(path: Path, shape: Shape, rows: Iterable[tuple[str, Any]]) -> int:
    """Write Parquet, zstd inside, and return how many rows there were."""
    pa = pyarrow()
    import pyarrow.parquet as pq

    count = 0
    found = batches(shape, rows)
    with pq.ParquetWriter(path, shape.schema, compression="zstd") as writer:
        while group := list(islice(found, ROW_GROUP_BATCHES)):
            table = pa.Table.from_batches(group, schema=shape.schema)
            writer.write_table(table, row_group_size=BATCH_ROWS * ROW_GROUP_BATCHES)
            count += table.num_rows
    return count


def write_arrow(path: Path, shape: Shape, rows: Iterable[tuple[str, Any]]) -> int:
    """Write Arrow's file format (Feather 2), uncompressed so that it can be mapped; return how many rows there were."""
    pa = pyarrow()
    count = 0
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, shape.schema) as writer:
        for batch in batches(shape, rows):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _field(pa: Any, column: Column, places: Places, path: str) -> Any:
    metadata = {"description": column.description}
    if column.unit is not None:
        metadata["unit"] = column.unit
    return pa.field(column.name, _type(pa, column, places, path), nullable=True, metadata=metadata)


def _type(pa: Any, column: Column, places: Places, path: str) -> Any:
    match column.form:
        case Form.TEXT | Form.JSON:
            return pa.string()
        case Form.WORD:
            return pa.dictionary(pa.int8(), pa.string())
        case Form.DECIMAL | Form.PRICE:
            return _decimal_type(pa, places, path)
        case Form.COUNT:
            return pa.int64()
        case Form.FLAG:
            return pa.bool_()
        case Form.TIME:
            return pa.timestamp("us", tz="UTC")
        case Form.DATE:
            return pa.date32()
        case Form.LIST:
            return pa.list_(pa.string())
        case Form.ROWS:
            return pa.list_(pa.struct([_field(pa, one, places, f"{path}.{one.name}") for one in column.fields]))


def _decimal_type(pa: Any, places: Places, path: str) -> Any:
    match places.decimals:
        case Decimals.DECIMAL128:
            return pa.decimal128(38, places.places[path])
        case Decimals.DECIMAL256:
            return pa.decimal256(76, places.places[path])
        case Decimals.TEXT:
            return pa.string()


def _array(pa: Any, column: Column, kind: Any, values: list[Any], places: Places) -> Any:
    if column.form is Form.WORD:
        numbers = {word: number for number, word in enumerate(column.words)}
        indices = [None if value is None else numbers[str(value)] for value in values]
        # One dictionary for the whole file, because Arrow's file format has room for one.
        return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(column.words, pa.string()))
    return pa.array([_held(column, value, places, column.name) for value in values], type=kind)


def _held(column: Column, value: Any, places: Places, path: str) -> Any:
    """Return a value as pyarrow takes it."""
    if value is None:
        return None
    match column.form:
        case Form.DECIMAL | Form.PRICE:
            return _number(column, value, places, path)
        case Form.JSON:
            return json_text(value)
        case Form.LIST:
            return list(value)
        case Form.ROWS:
            return [_structure(column.fields, item, places, path) for item in value]
        case _:
            return value


def _structure(fields: Iterable[Column], item: Any, places: Places, path: str) -> Mapping[str, Any]:
    return {field.name: _held(field, field.value(item), places, f"{path}.{field.name}") for field in fields}


def _number(column: Column, value: Decimal, places: Places, path: str) -> Any:
    if places.decimals is Decimals.TEXT:
        return ready(column, value)
    places.require(path, value)
    return value
