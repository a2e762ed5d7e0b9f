"""How a record becomes a row and a row a record: one declaration per kind, from which all statements are built.

Every stored field has a column of its own; `Order.details` is spread out, and only what is nested (fees, legs,
tags, metadata) is JSON text. A field without a value is NULL. The columns named `computed` repeat a property of
the record for queries and for people; they are never read back.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import attrs

from ledger_core._texts import json_text, strings_text
from ledger_core.codec import dump_values, field_names, load_json, load_record
from ledger_core.errors import StorageCorrupt, StorageError
from ledger_core.model import RECORD_TYPES, OrderDetails, Record, RecordKind
from ledger_core.numbers import decimal_text, price_text, time_text
from ledger_storage_sqlite._decoding import NO_ITEMS, NO_MEMBERS, Place, decoder
from ledger_storage_sqlite._encoding import Bound, Convert, Source, encoder

TEXT, INTEGER, BOOLEAN, JSON = "TEXT", "INTEGER", "BOOLEAN", "JSON"

# How what SQL gives back is read.
_READ: Mapping[str, Convert | None] = {TEXT: None, INTEGER: None, BOOLEAN: bool, JSON: load_json}

# `index` is a word of SQL.
_RENAMED = {"index": "entry_index"}

ORDERED_PREFIX = "ordered_"
"""Marks the terms of an order as first given, where the order has the same term as it is now."""


@attrs.frozen
class Column:
    """One column: its name in SQL, where in the record its value is, and how that is written."""

    name: str
    sql_type: str
    path: str  # `details.symbol`: the field `symbol` inside the field `details`
    python_type: type
    convert: Convert | None
    is_empty_by_default: bool = False  # a tuple that the record has without items where none are given

    @property
    def nested(self) -> bool:
        """Whether it is a field of the order's details."""
        return "." in self.path

    @property
    def field(self) -> str:
        """The name of the field, inside the details or not."""
        return self.path.rpartition(".")[2]


@attrs.frozen(kw_only=True)
class Table:
    """How the records of one kind are stored.

    Parameters of every statement come in one order: what may change, then the hot column, then `fixed`, then the
    key. `fixed` columns are indexed and do not change in a record's life, so no update writes them. `hot` names the
    column and the value of what is open, in flight or held: the condition of the table's partial index.
    """

    kind: RecordKind
    name: str
    key: tuple[str, ...]
    fixed: tuple[str, ...]
    hot: tuple[str, Bound] | None = None
    occurred_at: str | None = None
    computed: Mapping[str, Convert] = attrs.field(factory=dict)
    columns: tuple[Column, ...] = attrs.field(init=False)
    bound: tuple[str, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Derive the columns from the record's fields and put them into the order of the parameters."""
        columns = _columns(self.kind)
        tail = (*((self.hot[0],) if self.hot else ()), *self.fixed, *self.key)
        names = [column.name for column in columns] + list(self.computed)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "bound", (*(name for name in names if name not in tail), *tail))

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of fields, in the order in which rows are read."""
        return tuple(column.name for column in self.columns)


def _columns(kind: RecordKind) -> tuple[Column, ...]:
    columns: list[Column] = []
    types = attrs.fields_dict(attrs.resolve_types(RECORD_TYPES[kind]))
    for name in field_names(kind):
        if name == "details":
            for nested, field in attrs.fields_dict(attrs.resolve_types(OrderDetails)).items():
                clash = nested in types or nested == "venue_order_id"
                column = f"{ORDERED_PREFIX}{nested}" if clash else nested
                columns.append(_column(column, f"{name}.{nested}", field.type, json_text))
        else:
            column_of_field = _column(_RENAMED.get(name, name), name, types[name].type, _dump(kind, name))
            columns.append(attrs.evolve(column_of_field, is_empty_by_default=types[name].default == ()))
    return tuple(columns)


def _dump(kind: RecordKind, name: str) -> Callable[[Any], str]:
    return lambda value: json_text(dump_values(kind, {name: value})[name])


def _column(name: str, path: str, hint: Any, dump: Callable[[Any], str]) -> Column:
    """Return the column of a field of this type; a union is stored as its one member beside None."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    origin = get_origin(hint) or hint
    if origin is Annotated:
        return Column(name, TEXT, path, Decimal, price_text)
    if hint == tuple[str, ...]:
        return Column(name, JSON, path, origin, strings_text)
    if origin is Mapping:
        return Column(name, JSON, path, origin, lambda value: NO_MEMBERS if value == {} else dump(value))
    if origin is tuple or attrs.has(origin):
        return Column(name, JSON, path, origin, lambda value: NO_ITEMS if value == () else dump(value))
    if issubclass(origin, StrEnum):
        return Column(name, TEXT, path, origin, str)
    return Column(name, _SQL_TYPES.get(origin, TEXT), path, origin, _WRITE[origin])


_SQL_TYPES: Mapping[type, str] = {int: INTEGER, bool: BOOLEAN}
_WRITE: Mapping[type, Convert | None] = {
    str: None,
    int: None,
    bool: None,
    Decimal: decimal_text,
    datetime: time_text,
    date: date.isoformat,
}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


# fmt: off
TABLES: Mapping[RecordKind, Table] = {
    table.kind: table
    for table in (
        Table(
            kind=RecordKind.ORDER, name="orders", key=("order_id",),
            fixed=("sequence", "parent_order_id", "execution_group_id", "trade_plan_id"),
            hot=("is_open", 1), occurred_at="placed_at",
            computed={
                "is_open": lambda order: int(order.is_open),
                "status": lambda order: order.status._value_,
                "leaves_quantity": lambda order: _text(order.leaves_quantity),
            },
        ),
        Table(
            kind=RecordKind.REQUEST, name="order_requests", key=("order_id", "request_id"),
            fixed=("sequence",), occurred_at="requested_at",
        ),
        Table(
            kind=RecordKind.FILL, name="fills", key=("order_id", "fill_id"),
            fixed=("symbol", "venue", "account", "position_side", "executed_at", "sequence", "entry_index"),
            occurred_at="executed_at",
        ),
        Table(
            kind=RecordKind.TRADE, name="trades", key=("trade_id",),
            fixed=("sequence",), hot=("state", "OPEN"), occurred_at="opened_at",
            computed={
                "symbol": lambda trade: trade.symbol,
                "direction": lambda trade: trade.direction.value if trade.legs else None,
                "open_quantity": lambda trade: _text(trade.open_quantity),
                "realized_pnl": lambda trade: _text(trade.realized_pnl),
                "currency": lambda trade: trade.currency,
            },
        ),
        Table(
            kind=RecordKind.POSITION, name="positions", key=("symbol", "venue_key", "account_key", "position_side"),
            fixed=("sequence",), hot=("is_flat", 0),
            computed={
                "is_flat": lambda position: int(position.is_flat),
                "venue_key": lambda position: position.venue or "",
                "account_key": lambda position: position.account or "",
                "opening_at": lambda position: position.opening and time_text(position.opening.executed_at),
                "opening_sequence": lambda position: position.opening and position.opening.sequence,
                "opening_index": lambda position: position.opening and position.opening.index,
                "opening_realized_pnl": lambda position: position.opening and _text(position.opening.realized_pnl),
            },
        ),
        Table(
            kind=RecordKind.INSTRUMENT, name="instruments", key=("venue_key", "symbol"),
            fixed=("sequence",),
            computed={"venue_key": lambda instrument: instrument.venue or ""},
        ),
        Table(
            kind=RecordKind.QUARANTINE, name="quarantine", key=("quarantine_id",),
            fixed=("sequence",), occurred_at="occurred_at",
        ),
        Table(
            kind=RecordKind.ADJUSTMENT, name="adjustments", key=("adjustment_id",),
            fixed=("sequence", "symbol"), occurred_at="occurred_at",
        ),
        Table(
            kind=RecordKind.COMMAND, name="commands", key=("operation", "target", "command_id"),
            fixed=("sequence",),
        ),
        Table(
            kind=RecordKind.ARCHIVED, name="archived", key=("record_kind", "record_key"),
            fixed=("sequence",),
        ),
        Table(
            kind=RecordKind.CHECKPOINT, name="checkpoints", key=("name",),
            fixed=("sequence",),
        ),
    )
}
# fmt: on


Part = Column | Convert
"""What a parameter is taken from: a column of the record, or what is computed of it."""


class Encoder:
    """Takes some columns, and some that are computed, out of a record, as parameters of a statement."""

    def __init__(self, table: Table, parts: Sequence[Part]) -> None:
        """Keep what each parameter is taken from."""
        self._table = table.name
        self._parts = parts
        self._columns = tuple((part, attrgetter(part.path)) for part in parts if isinstance(part, Column))
        self._encode: Callable[[Record], tuple[Bound, ...]] | None = None

    def encode(self, record: Record) -> tuple[Bound, ...]:
        """Return the parameters; raise StorageError for a value of a wrong type."""
        encode = self._encode
        if encode is None:  # written when it is first needed; two threads that write it write the same
            encode = self._encode = encoder(
                [_source(part) if isinstance(part, Column) else part for part in self._parts]
            )
        try:
            return encode(record)
        except Exception:  # noqa: BLE001  # whatever it is about this record: it is looked at field by field
            return self._encode_carefully(record)

    def _encode_carefully(self, record: Record) -> tuple[Bound, ...]:
        """Return the parameters of a record that is unlike those that we make, or raise StorageError, saying why."""
        self._check(record)
        return tuple([self._parameter(part, record) for part in self._parts])

    def _parameter(self, part: Part, record: Record) -> Bound:
        if not isinstance(part, Column):
            return cast(Bound, part(record))
        value = attrgetter(part.path)(record)
        return cast(Bound, value if value is None or part.convert is None else part.convert(value))

    def _check(self, record: Record) -> None:
        """Refuse what would be written without a word though it is not of the field's type: 1.5 for a Decimal."""
        for column, read in self._columns:
            value, expected = read(record), column.python_type
            fits = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
            if value is not None and not fits:
                found = type(value).__name__
                raise StorageError(
                    f"{self._table}.{column.name} holds {expected.__name__}, not {found}; nothing was written",
                    column=column.name,
                    found=found,
                )


def _source(column: Column) -> Source:
    return Source(column.path, column.python_type, column.convert)


class RowCodec:
    """Encodes records of one kind to the parameters of its statements, and decodes rows of its columns."""

    def __init__(self, table: Table) -> None:
        """Work out once what each parameter is taken from."""
        self.table = table
        by_name = {column.name: column for column in table.columns}
        self._encoder = Encoder(table, [by_name.get(name) or table.computed[name] for name in table.bound])
        self._read = tuple(
            (column.field, column.nested, _READ[column.sql_type], NO_ITEMS if column.is_empty_by_default else None)
            for column in table.columns
        )
        self._has_details = any(column.nested for column in table.columns)
        self._decode: Callable[[Sequence[Any]], Record] | None = None

    def encode(self, record: Record) -> tuple[Bound, ...]:
        """Return the parameters, in the table's order, without the strategy; raise StorageError for a wrong type."""
        return self._encoder.encode(record)

    def decode(self, row: Sequence[Any]) -> Record:
        """Return the record behind a row of the table's columns; raise StorageCorrupt for one that cannot be read."""
        decode = self._decode
        if decode is None:  # written when it is first needed; two threads that write it write the same
            places = [Place(one.name, one.field, one.nested, one.sql_type == JSON) for one in self.table.columns]
            decode = self._decode = decoder(RECORD_TYPES[self.table.kind], places)
        try:
            return decode(row)
        except Exception:  # noqa: BLE001  # whatever it is about this row: it is read field by field, which says what
            return self._decode_carefully(row)

    def _decode_carefully(self, row: Sequence[Any]) -> Record:
        """Return the record behind a row that is unlike those that we write, or raise StorageCorrupt, saying why."""
        stored: dict[str, Any] = {}
        details: dict[str, Any] = {}
        try:
            for (field, nested, read, default), value in zip(self._read, row, strict=True):
                if value is not None and value != default:
                    (details if nested else stored)[field] = value if read is None else read(value)
        except (TypeError, ValueError) as error:
            raise StorageCorrupt(f"a row of {self.table.name} cannot be read: {error}") from error
        if self._has_details:
            stored["details"] = details
        return load_record(self.table.kind, stored)


CODECS: Mapping[RecordKind, RowCodec] = {kind: RowCodec(table) for kind, table in TABLES.items()}
"""The one codec of each kind."""
