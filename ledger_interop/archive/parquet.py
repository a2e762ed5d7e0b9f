"""The tables of an archive in Parquet: each record as its canonical JSON, and columns for analysis beside it.

Needs pyarrow, the extra `arrow`, which is imported when it is used.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_core.codec import canonical_json, dump_record, load_record, record_digest
from ledger_core.model import Order, Record, RecordKind
from ledger_interop.exporting.errors import missing

Row = tuple[int, Record]
"""The number of a group, and a record of it."""

TEXT, NUMBER, TIME, FLAG = "text", "number", "time", "flag"

_PLACES, _DIGITS = 18, 38

# fmt: off
COLUMNS: Mapping[RecordKind, Mapping[str, str]] = {
    RecordKind.ORDER: {
        "order_id": TEXT, "symbol": TEXT, "side": TEXT, "order_type": TEXT, "state": TEXT, "quantity": NUMBER,
        "cum_quantity": NUMBER, "executed_value": NUMBER, "limit_price": NUMBER, "venue": TEXT, "account": TEXT,
        "position_side": TEXT, "placed_at": TIME, "ended_at": TIME,
    },
    RecordKind.REQUEST: {
        "order_id": TEXT, "request_id": TEXT, "request_kind": TEXT, "state": TEXT, "requested_at": TIME,
        "ended_at": TIME,
    },
    RecordKind.FILL: {
        "order_id": TEXT, "fill_id": TEXT, "symbol": TEXT, "side": TEXT, "quantity": NUMBER, "price": NUMBER,
        "executed_at": TIME, "liquidity": TEXT, "venue": TEXT, "account": TEXT, "position_side": TEXT,
        "venue_order_id": TEXT, "busted": FLAG, "flat_realized_pnl": NUMBER,
    },
    RecordKind.TRADE: {
        "trade_id": TEXT, "symbol": TEXT, "state": TEXT, "realized_pnl": NUMBER, "currency": TEXT, "opened_at": TIME,
        "closed_at": TIME,
    },
    RecordKind.COMMAND: {"operation": TEXT, "target": TEXT, "command_id": TEXT},
}
"""The columns beside `group`, `sequence`, `version`, `record` and `digest`; numbers that do not fit are null there."""
# fmt: on


def pyarrow() -> Any:
    """Import pyarrow; raise MissingExtra where it is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise missing("pyarrow", "arrow", "an archive") from error
    return pa


def write_part(path: Path, kind: RecordKind, rows: Sequence[Row]) -> None:
    """Write one file of a kind, compressed with zstd."""
    pa = pyarrow()
    schema = _schema(pa, kind)
    columns: list[list[Any]] = [
        [group for group, _ in rows],
        [record.sequence for _, record in rows],
        [record.version for _, record in rows],
        [canonical_json(dump_record(record)).decode() for _, record in rows],
        [record_digest(record) for _, record in rows],
    ]
    columns += [[_value(record, name, form) for _, record in rows] for name, form in COLUMNS[kind].items()]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    pa.parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), path, compression="zstd")


def read_part(path: Path, kind: RecordKind) -> Iterator[tuple[int, Record, str]]:
    """Generate the rows of a file: the group, the record, and the digest that was written beside it."""
    pa = pyarrow()
    with pa.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1_000, columns=["group", "record", "digest"]):
            for row in batch.to_pylist():
                yield row["group"], load_record(kind, json.loads(row["record"])), row["digest"]


def _schema(pa: Any, kind: RecordKind) -> Any:
    forms = {
        TEXT: pa.string(),
        NUMBER: pa.decimal128(_DIGITS, _PLACES),
        TIME: pa.timestamp("us", tz="UTC"),
        FLAG: pa.bool_(),
    }
    return pa.schema(
        [
            pa.field("group", pa.int64(), nullable=False),
            pa.field("sequence", pa.int64(), nullable=False),
            pa.field("version", pa.int64(), nullable=False),
            pa.field("record", pa.string(), nullable=False),
            pa.field("digest", pa.string(), nullable=False),
            *(pa.field(name, forms[form]) for name, form in COLUMNS[kind].items()),
        ]
    )


def _value(record: Record, name: str, form: str) -> Any:
    holder = record.details if isinstance(record, Order) and name == "order_type" else record
    found = getattr(holder, name)
    if form == NUMBER:
        return fitting(found)
    if form == TEXT and found is not None:
        return str(found)
    assert found is None or isinstance(found, (bool, datetime, str)), "times, flags and text"
    return found


def fitting(number: Decimal | None) -> Decimal | None:
    """Return a number that the column holds to the digit, else None."""
    if number is None:
        return None
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "numbers of a ledger are finite"
    fits = exponent >= -_PLACES and len(digits) + max(exponent, 0) + min(_PLACES, _PLACES + exponent) <= _DIGITS
    return number if fits else None
