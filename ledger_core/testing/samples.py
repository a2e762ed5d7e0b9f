"""Entries and records to store: minimal ones, extreme ones, and every variation of every field.

The variations are generated from the fields' types, so a field that is added to a record is tested by every
adapter without anybody remembering it.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin

import attrs

from ledger_core._frozen import freeze
from ledger_core.changes import Change, Entry, EventType, Head
from ledger_core.codec import build_entry, canonical_json, dump_record
from ledger_core.lifecycle import RequestKind
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    ArchivedRecord,
    CashFlow,
    Checkpoint,
    CommandRecord,
    Execution,
    Fee,
    Fill,
    Instrument,
    Opening,
    Order,
    OrderChanges,
    OrderDetails,
    OrderRequest,
    OrderType,
    Position,
    QuarantinedFact,
    Record,
    RecordKind,
    Side,
    Split,
    StatusReport,
    Trade,
    TradeLeg,
)
from ledger_core.numbers import Price

STRATEGY = "momentum-1"
"""The strategy that entries belong to unless they say otherwise."""

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
"""When things happen unless they say otherwise."""

TEXTS = (
    "a",
    "x" * 128,
    "Ünïcödé ✓ 漢字 \U0001f680 \uffee",
    "quotes ' \" ` and ; -- \\ % _ ? :name {}",
    " leading, trailing and\ttabs\nand lines ",
    "null",
)
"""Texts that any field of text must keep to the letter."""

DECIMALS = tuple(
    map(
        Decimal,
        (
            "12345678901234567890123456789012345678",
            "99999999999999999999.999999999999999999",
            "0.000000000000000001",
            "0.00000812",
            "0.0000004",
            "0.1",
            "9500000000000",
            "9007199254740993",
            "-0.3",
            "-18446744073709551617.5",
            "99999999999999999998.999999999999999999000000000000000001",
        ),
    )
)
"""Numbers that binary floating point, 64-bit integers or rounding would change; the last is a product."""

PRICES = (*DECIMALS[:-1], *map(Decimal, ("50.00", "1.10", "100", "-37.630", "0")))
"""Prices: their trailing zeros are part of their text; they may be zero or negative (oil, April 2020)."""

TIMES = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 3, 2, 12, 0, 0, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)

METADATA: tuple[Mapping[str, Any], ...] = tuple(
    freeze(value)
    for value in (
        {"signal": "x"},
        {"deep": {"er": [{"and": [1, [2, [3]], {}]}, []]}, "empty": {}, "": "empty name"},
        {"z": 1, "a": 2, "Ω": 3, "\U0001f680": 4, "\uffee": 5},
        {"text": "1.50", "big": 2**70, "float": 0.1, "none": None, "true": True, "false": False, "one": 1},
        {"quotes": "' \" \\ \n \u2028", "$.path": ["[0]"]},
        {f"key {number}": number for number in range(200)},
    )
)
"""JSON objects of a caller: nesting, order, every type of leaf, names that mean something to SQL."""

FEES: tuple[tuple[Fee, ...], ...] = (
    (),
    (Fee("USD", Decimal("0.00000812")),),
    tuple(Fee(f"C{number}", Decimal(number)) for number in range(60)),
    (Fee("USD", Decimal("1.5")), Fee("BNB", Decimal("-0.000000000000000001")), Fee("USD", Decimal("1.5"))),
)
"""None, one, many, and several currencies with a rebate and a repeat."""

RecordT = TypeVar("RecordT", bound=Record)

_Fields = dict[str, Any]

KEY_FIELDS: Mapping[RecordKind, tuple[str, ...]] = {
    RecordKind.ORDER: ("order_id",),
    RecordKind.REQUEST: ("request_id", "order_id"),
    RecordKind.FILL: ("fill_id", "order_id"),
    RecordKind.TRADE: ("trade_id",),
    RecordKind.POSITION: ("symbol", "venue", "account", "position_side"),
    RecordKind.INSTRUMENT: ("symbol", "venue"),
    RecordKind.QUARANTINE: ("quarantine_id",),
    RecordKind.ADJUSTMENT: ("adjustment_id",),
    RecordKind.COMMAND: ("command_id", "operation", "target"),
    RecordKind.ARCHIVED: ("record_key", "record_kind"),
    RecordKind.CHECKPOINT: ("name",),
}
"""The fields that make up each kind's key; the first tells one sample from the next."""

_NOT_VARIED = frozenset({"requests", "sequence", "index", "version"})


def later(seconds: float) -> datetime:
    """Return the time that many seconds after NOON."""
    return NOON + timedelta(seconds=seconds)


def order(order_id: str = "O-1", *, details: Mapping[str, Any] | None = None, **fields: Any) -> Order:
    """Return an order with as little as an order has; `details` are fields of its OrderDetails."""
    words: _Fields = {"symbol": "AAPL", "side": Side.BUY, "order_type": OrderType.LIMIT, **(details or {})}
    given: _Fields = {"placed_at": NOON, "recorded_at": NOON}
    return Order(order_id=order_id, details=OrderDetails(**words), **given | fields)


def request(request_id: str = "O-1#1", **fields: Any) -> OrderRequest:
    """Return a cancel request with as little as a request has."""
    given: _Fields = {"order_id": "O-1", "request_kind": RequestKind.CANCEL, "requested_at": NOON}
    return OrderRequest(request_id=request_id, **given | fields)


def fill(fill_id: str = "F-1", **fields: Any) -> Fill:
    """Return a fill with as little as a fill has."""
    given: _Fields = {"order_id": "O-1", "symbol": "AAPL", "side": Side.BUY, "executed_at": NOON}
    given |= {"quantity": Decimal(10), "price": Decimal("50.00"), "recorded_at": NOON}
    return Fill(fill_id=fill_id, **given | fields)


def leg(symbol: str = "AAPL", **fields: Any) -> TradeLeg:
    """Return a leg of a trade with as little as a leg has."""
    given: _Fields = {"direction": Side.BUY, "first_executed_at": NOON, "first_sequence": 1, "first_index": 0}
    return TradeLeg(symbol=symbol, **given | fields)


def trade(trade_id: str = "T-1", **fields: Any) -> Trade:
    """Return a trade with as little as a trade has."""
    given: _Fields = {"order_ids": ("O-1",), "initial_order_ids": ("O-1",), "legs": (leg(),)}
    given |= {"opened_at": NOON, "recorded_at": NOON}
    return Trade(trade_id=trade_id, **given | fields)


def position(symbol: str = "AAPL", **fields: Any) -> Position:
    """Return a flat position."""
    given: _Fields = {"version": 1}
    return Position(symbol=symbol, **given | fields)


def instrument(symbol: str = "AAPL", **fields: Any) -> Instrument:
    """Return an instrument without terms."""
    return Instrument(symbol=symbol, **fields)


def quarantined(quarantine_id: str = "Q-1", **fields: Any) -> QuarantinedFact:
    """Return a fact that waits in quarantine."""
    given: _Fields = {"operation": "update_order_fill", "fact": freeze({"fill_id": "F-9"})}
    given |= {"code": "UNKNOWN_ORDER", "message": "no such order", "occurred_at": NOON, "recorded_at": NOON}
    return QuarantinedFact(quarantine_id=quarantine_id, **given | fields)


def adjustment(adjustment_id: str = "A-1", **fields: Any) -> Adjustment:
    """Return an adjustment with as little as one has."""
    given: _Fields = {"adjustment_kind": AdjustmentKind.FUNDING, "symbol": "AAPL", "occurred_at": NOON}
    return Adjustment(adjustment_id=adjustment_id, **{"recorded_at": NOON} | given | fields)


def command(command_id: str = "C-1", **fields: Any) -> CommandRecord:
    """Return the record of a command that was given with an id."""
    given: _Fields = {"operation": "record_order", "target": "O-1", "content": freeze({"symbol": "AAPL"})}
    return CommandRecord(command_id=command_id, **given | fields)


def archived(record_key: str = '["O-0"]', **fields: Any) -> ArchivedRecord:
    """Return what stays of an order that was archived."""
    given: _Fields = {"record_kind": RecordKind.ORDER, "archive_id": "2026-02", "record_version": 1}
    return ArchivedRecord(record_key=record_key, **given | fields)


def checkpoint(cut_sequence: int = 1, **fields: Any) -> Checkpoint:
    """Return a checkpoint without a page."""
    given: _Fields = {"archive_id": "2026-02", "cut_digest": "0" * 64, "cut_at": NOON, "stage": "1", "runs": ()}
    return Checkpoint(cut_sequence=cut_sequence, **{"digest": "0" * 64} | given | fields)


MINIMAL: Mapping[RecordKind, Record] = {
    record.kind: record
    for record in (
        order(),
        request(),
        fill(),
        trade(),
        position(),
        instrument(),
        quarantined(),
        adjustment(),
        command(),
        archived(),
        checkpoint(),
    )
}
"""One record of each kind, with every optional field left out."""


def entry(
    previous: Head,
    *records: Record,
    strategy_id: str = STRATEGY,
    operation: str = "record_order",
    subject: str | None = None,
    command_id: str | None = None,
    occurred_at: datetime = NOON,
    recorded_at: datetime = NOON,
    changes: Sequence[Change] | None = None,
) -> Entry:
    """Return the entry that follows `previous` and stores these after-images.

    Records of sequence 0 are born in this entry: they get its sequence, and fills their index in it. Without
    `changes`, there is one for each record, which sets all its fields.
    """
    sequence = previous.sequence + 1
    stored = tuple(_born(record, sequence, index) for index, record in enumerate(records))
    made = tuple(map(change_of, stored)) if changes is None else tuple(changes)
    return build_entry(
        previous,
        strategy_id=strategy_id,
        sequence=sequence,
        operation=operation,
        subject=subject,
        command_id=command_id,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        changes=made,
        records=stored,
    )


def head_after(last: Entry) -> Head:
    """Return the head of a journal that ends with this entry."""
    return Head(last.sequence, last.digest, last.recorded_at)


def entries(previous: Head, *parts: Sequence[Record], **options: Any) -> list[Entry]:
    """Return the entries that follow `previous` and each other, one for each sequence of records."""
    made: list[Entry] = []
    for records in parts:
        made.append(entry(previous, *records, **options))
        previous = head_after(made[-1])
    return made


def change_of(record: Record) -> Change:
    """Return a change that sets every stored field of the record."""
    values = attrs.asdict(record, recurse=False)
    values.pop("requests", None)
    return Change(
        kind=record.kind,
        key=record.key,
        version=record.version,
        values=values,
        event_type=EventType.ORDER_UPDATED if record.kind is RecordKind.ORDER else None,
        to_state=getattr(record, "state", None),
        status=getattr(record, "status", None),
        facts=freeze({"late": True, "reason": TEXTS[2]}) if record.kind is RecordKind.FILL else freeze({}),
    )


@cache
def every_shape(kind: RecordKind) -> tuple[Record, ...]:
    """Return records of a kind: each field at each value of its type, on a bare record and on a full one.

    The types' values include every member of every enum, None for what is optional, extreme decimals, prices
    with trailing zeros, every kind of text, nested metadata, and tuples from empty to long. No two of the
    records share a key.
    """
    bare = MINIMAL[kind]
    identity = KEY_FIELDS[kind][0]
    shapes: list[Record] = []
    for base, prefix in ((bare, "bare"), (_full(bare), "full")):
        first: _Fields = {identity: prefix}
        shapes.append(attrs.evolve(base, **first))
        for count, (name, value) in enumerate(variations(base)):
            changed: _Fields = {identity: f"{prefix} {count}", name: value}
            if name != identity or base is bare:
                shapes.append(attrs.evolve(base, **changed))
    return tuple(shapes)


def assert_same_record(found: Record | None, given: Record) -> None:
    """Fail unless the record is equal to the one given, in every type and every digit of its text as well.

    Equality alone passes Decimal("50.0") for Decimal("50.00"), 0.5 for Decimal("0.5") and "BUY" for Side.BUY.
    """
    assert found == given
    assert canonical_json(dump_record(found)) == canonical_json(dump_record(given))
    assert _types_of(found) == _types_of(given)


def _born(record: RecordT, sequence: int, index: int) -> RecordT:
    if record.sequence:
        return record
    place: _Fields = {"index": index} if isinstance(record, (Fill, Adjustment)) else {}
    return attrs.evolve(record, sequence=sequence, **place)


def variations(instance: Any) -> Iterator[tuple[str, Any]]:
    """Generate (field, value) for each field of a record and each value that its type may have."""
    for field in attrs.fields(attrs.resolve_types(type(instance))):
        if field.name not in _NOT_VARIED:
            for value in _values(field.type, getattr(instance, field.name)):
                yield field.name, value


def _values(hint: Any, present: Any) -> Iterator[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint == Price:
        yield from PRICES
    elif hint in _PLAIN:
        yield from _PLAIN[hint]
    elif origin in (types.UnionType, Union):
        yield None
        for argument in arguments:
            if argument is not types.NoneType:
                yield from _values(argument, present)
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        yield from hint
    elif attrs.has(hint):
        base = present if present is not None else _BASES[hint]
        for name, value in variations(base):
            yield attrs.evolve(base, **{name: value})
    elif origin is tuple:
        members = tuple(_values(arguments[0], None))
        yield from ((), members[:1], members[:1] * 100, members, members[:2])
    else:
        raise TypeError(f"give samples some values of {hint}, so that adapters are tested with them")


_PLAIN: Mapping[Any, Sequence[Any]] = {
    str: TEXTS,
    Decimal: DECIMALS,
    bool: (False, True),
    int: (0, 1, 2**31, 2**53 + 1),
    datetime: TIMES,
    date: (date(1970, 1, 1), date(2026, 2, 28), date(9999, 12, 31)),
    Mapping[str, Any]: METADATA,
    Mapping[str, Decimal]: tuple(
        freeze(dict(residual))
        for residual in ((), (("AAPL", Decimal("0.00000812")),), zip(TEXTS, DECIMALS, strict=False))
    ),
    Mapping[str, str]: tuple(freeze(dict(pairs)) for pairs in ((), (("C-1", "F-1"),), zip(TEXTS, TEXTS, strict=True))),
    tuple[Fee, ...]: FEES,
}

_LEAVES = frozenset({str, Decimal, bool, int, float, datetime, date})

_BASES: Mapping[Any, Any] = {
    OrderDetails: OrderDetails(symbol="AAPL", side=Side.BUY, order_type=OrderType.LIMIT),
    OrderChanges: OrderChanges(quantity=Decimal("0.00000812")),
    TradeLeg: leg(),
    Fee: Fee("USD", Decimal(1)),
    CashFlow: CashFlow(AdjustmentKind.FUNDING, "USD", Decimal(1)),
    Split: Split(NOON, 1, Decimal(2)),
    Opening: Opening(
        archive_id="2026-02",
        executed_at=NOON,
        sequence=1,
        index=0,
        realized_pnl=Decimal(1),
        cycle_realized_pnl=Decimal(2),
        opened_at=NOON,
    ),
    Execution: Execution(fill_id="F-1", quantity=Decimal(1), price=Decimal("50.00"), occurred_at=NOON),
    StatusReport: StatusReport(cum_quantity=Decimal(1)),
}


def _full(bare: Any) -> Any:
    """Return the value with every field set, and set to something else than its default."""
    fields: _Fields = {}
    for name, value in variations(bare):
        if value is not None and value != getattr(bare, name):
            fields[name] = _full(value) if isinstance(value, (OrderDetails, OrderChanges)) else value
    return attrs.evolve(bare, **fields)


def _types_of(value: Any) -> Any:
    if value is None or type(value) in _LEAVES:
        return type(value)
    if attrs.has(type(value)):
        return type(value), tuple(_types_of(part) for part in attrs.asdict(value, recurse=False).values())
    if isinstance(value, Mapping):
        return Mapping, tuple((name, _types_of(value[name])) for name in sorted(value))
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_types_of, value))
    return type(value)
