"""How a record becomes a row and a row a record: one declaration per kind, from which all statements are built.

Every stored field has a column of its own; `Order.details` is spread out, and only what is nested (fees, legs,
tags, metadata) is JSON text. A field without a value is NULL. The columns named `computed` repeat a property of
the record for queries and for people; they are never read back.
"""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import attrs

from ledger_core.codec import canonical_json, dump_record, dump_values, field_names, load_record
from ledger_core.errors import StorageCorrupt, StorageError
from ledger_core.model import RECORD_TYPES, OrderDetails, Record, RecordKind
from ledger_core.numbers import decimal_text

Bound = str | int | None
"""What is bound to a statement; never a float, which STRICT TEXT would take as text without a word."""

TEXT, ENUM, INTEGER, BOOLEAN, JSON = "TEXT", "ENUM", "INTEGER", "BOOLEAN", "JSON"

_PYTHON_TYPES = {TEXT: str, ENUM: str, INTEGER: int, BOOLEAN: bool, JSON: str}

# `index` and `metadata.venue_order_id` are the only names that would mislead in SQL.
_RENAMED = {"index": "entry_index"}
ORDERED_PREFIX = "ordered_"
"""Marks the terms of an order as first given, where the order has the same term as it is now."""


@attrs.frozen
class Column:
    """One column: its name in SQL, the field behind it, and what stands there when the field is at its default."""

    name: str
    type: str
    field: str
    nested: bool = False  # inside `details`
    default: Bound = None


@attrs.frozen(kw_only=True)
class Table:
    """How the records of one kind are stored.

    Parameters of every statement come in one order: `set_columns`, then the hot column, then `fixed`, then the
    key. `fixed` columns are indexed and do not change in a record's life, so an update compares them instead of
    writing them, and touches no index. `hot` names the column and the value of what is open, in flight or held:
    the condition of the table's partial index.
    """

    kind: RecordKind
    name: str
    key: tuple[str, ...]
    fixed: tuple[str, ...]
    hot: tuple[str, Bound] | None = None
    occurred_at: str | None = None
    computed: Mapping[str, Callable[[Any], Bound]] = attrs.field(factory=dict)
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
    def set_columns(self) -> tuple[str, ...]:
        """The columns that an update writes."""
        return self.bound[: len(self.bound) - len(self.fixed) - len(self.key) - (self.hot is not None)]


def _columns(kind: RecordKind) -> tuple[Column, ...]:
    columns: list[Column] = []
    types = attrs.fields_dict(attrs.resolve_types(RECORD_TYPES[kind]))
    for name in field_names(kind):
        if name == "details":
            details = attrs.fields_dict(attrs.resolve_types(OrderDetails))
            for nested, field in details.items():
                clash = nested in types or nested == "venue_order_id"
                column = f"{ORDERED_PREFIX}{nested}" if clash else nested
                default = _default(dump_order_detail, field)
                columns.append(Column(column, _type(field.type), nested, nested=True, default=default))
        else:
            default = _default(lambda named, kind=kind: dump_values(kind, named), types[name])
            columns.append(Column(_RENAMED.get(name, name), _type(types[name].type), name, default=default))
    return tuple(columns)


def dump_order_detail(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return default values of OrderDetails as they are stored; only an enumeration is not None."""
    return {name: None if value is None else str(value) for name, value in named.items()}


def _type(hint: Any) -> str:
    """Return how a field of this type is stored; a union is stored as its one member beside None."""
    members = [member for member in get_args(hint) if member is not NoneType]
    if get_origin(hint) in (Union, UnionType):
        (hint,) = members
    origin = get_origin(hint) or hint
    if origin is Annotated:
        return TEXT
    if origin in (tuple, Mapping) or attrs.has(origin):
        return JSON
    if issubclass(origin, StrEnum):
        return ENUM
    return {bool: BOOLEAN, int: INTEGER}.get(origin, TEXT)


def _default(dump: Callable[[Mapping[str, Any]], dict[str, Any]], field: "attrs.Attribute[Any]") -> Bound:
    default = field.default
    if default is attrs.NOTHING:
        return None
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class, whatever its stub says
        default = default.factory()
    stored = dump({field.name: default})[field.name]
    if stored is None:
        return None
    match _type(field.type):
        case "JSON":
            return canonical_json(stored).decode()
        case "ENUM":
            return str(stored)
        case _:
            return cast(Bound, stored)


def _text(value: Any) -> str | None:
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
                "status": lambda order: order.status.value,
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
            kind=RecordKind.COMMAND, name="commands", key=("operation", "target", "command_id"),
            fixed=("sequence",),
        ),
    )
}
# fmt: on


class RowCodec:
    """Encodes records of one kind to the parameters of its statements, and decodes rows of its columns."""

    def __init__(self, table: Table) -> None:
        """Work out once what each parameter is taken from."""
        self.table = table
        self.column_names = tuple(column.name for column in table.columns)
        by_name = {column.name: column for column in table.columns}
        self._plan = tuple((by_name.get(name), table.computed.get(name)) for name in table.bound)
        self._types = tuple(
            _PYTHON_TYPES[column.type] if column is not None else None for column, _ in self._plan
        )
        self._checked: set[tuple[type, ...]] = set()
        self._has_details = any(column.nested for column in table.columns)

    def encode(self, record: Record) -> tuple[Bound, ...]:
        """Return the parameters, in the table's order, without the strategy; raise StorageError for a wrong type."""
        stored = dump_record(record)
        details = stored["details"] if self._has_details else stored
        values: list[Bound] = []
        for column, compute in self._plan:
            if column is None:
                assert compute is not None, "a parameter is a column of a field or computed"
                values.append(compute(record))
                continue
            value = (details if column.nested else stored).get(column.field, None)
            if value is None:
                values.append(column.default)
            elif column.type is ENUM:
                values.append(str(value))
            elif column.type is JSON:
                values.append(canonical_json(value).decode())
            else:
                values.append(value)
        types = tuple(map(type, values))
        if types not in self._checked:
            self._check(values)
            self._checked.add(types)
        return tuple(values)

    def _check(self, values: list[Bound]) -> None:
        for name, expected, value in zip(self.table.bound, self._types, values, strict=True):
            fits = type(value) is expected if expected is not None else type(value) in (str, int)
            if value is not None and not fits:
                raise StorageError(
                    f"{self.table.name}.{name} cannot hold a {type(value).__name__}; nothing was written",
                    column=name,
                    found=type(value).__name__,
                )

    def decode(self, row: tuple[Any, ...]) -> Record:
        """Return the record behind a row of `column_names`; raise StorageCorrupt for one that cannot be read."""
        stored: dict[str, Any] = {}
        details: dict[str, Any] = {}
        try:
            for column, value in zip(self.table.columns, row, strict=True):
                if value is not None:
                    target = details if column.nested else stored
                    target[column.field] = _READ[column.type](value)
        except ValueError as error:
            raise StorageCorrupt(f"a row of {self.table.name} cannot be read: {error}") from error
        if self._has_details:
            stored["details"] = details
        return load_record(self.table.kind, stored)


def _same(value: Any) -> Any:
    return value


_READ: Mapping[str, Callable[[Any], Any]] = {TEXT: _same, ENUM: _same, INTEGER: _same, BOOLEAN: bool, JSON: json.loads}

CODECS: Mapping[RecordKind, RowCodec] = {kind: RowCodec(table) for kind, table in TABLES.items()}
"""The one codec of each kind."""
