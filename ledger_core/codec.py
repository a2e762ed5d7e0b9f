"""Records, commands and entries <-> JSON, for our own bytes only; what callers hand in is `details`' to check.

The form is canonical: sorted keys, no spaces, UTF-8, decimals and times as text, fields at their default left
out. The journal's digest is taken over exactly these bytes.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ledger_core._frozen import FrozenDict, freeze
from ledger_core.changes import ChainKey, Change, Entry, EventType, Head, chain, unwritten
from ledger_core.commands import (
    COMMAND_TYPES,
    AdjustmentDetails,
    AnyCommand,
    Correction,
    FillDetails,
    Operation,
    TradeDetails,
)
from ledger_core.errors import StorageCorrupt
from ledger_core.evolve import KEY_FIELDS
from ledger_core.model import (
    RECORD_TYPES,
    CashFlow,
    Execution,
    Fee,
    Key,
    Opening,
    OrderChanges,
    OrderDetails,
    Record,
    RecordKind,
    Split,
    StatusReport,
    TradeLeg,
)
from ledger_core.numbers import Price, decimal_text, load_date, load_decimal, load_time, price_text, time_text

Json = Any
"""What `json` reads and writes: dict, list, str, int, bool, None (and float inside a caller's metadata)."""

ValueT = TypeVar("ValueT")

BODY_FORMAT = 1
"""The version of the entry body; readers refuse a newer one."""

# What no record or body needs twice: the parts of an order that are stored in records of their own.
_STORED_ELSEWHERE = frozenset({"requests"})


def _converter() -> Converter:
    # The first error is enough, and of a damaged list of a million items the only one that is affordable.
    converter = Converter(detailed_validation=False)
    converter.register_unstructure_hook(Decimal, decimal_text)
    converter.register_unstructure_hook_func(lambda hint: hint is Price, price_text)
    converter.register_structure_hook(Decimal, lambda text, _: load_decimal(text))
    converter.register_structure_hook_func(lambda hint: hint is Price, lambda text, _: load_decimal(text))
    converter.register_unstructure_hook(datetime, time_text)
    converter.register_structure_hook(datetime, lambda text, _: load_time(text))
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_structure_hook(date, lambda text, _: load_date(text))
    converter.register_unstructure_hook(StrEnum, lambda word: word._value_)
    converter.register_unstructure_hook_func(lambda hint: hint == Mapping[str, Any], lambda value: value)
    converter.register_structure_hook_func(lambda hint: hint == Mapping[str, Any], lambda value, _: freeze(value))
    converter.register_structure_hook_func(
        lambda hint: hint == Mapping[str, Decimal],
        lambda value, _: FrozenDict({name: load_decimal(text) for name, text in value.items()}),
    )
    converter.register_structure_hook_func(
        lambda hint: hint == Mapping[str, str], lambda value, _: FrozenDict({**value})
    )
    # What may be left out is read by the hook of what it is: cattrs would ask for that hook at every value.
    converter.register_structure_hook_factory(_is_optional, lambda hint: _optional(converter, hint))
    records = (Fee, CashFlow, Split, Opening, OrderDetails, OrderChanges, StatusReport, Execution, TradeLeg)
    arguments = (FillDetails, TradeDetails, Correction, AdjustmentDetails)
    classes = (*records, *arguments)
    for cls in (*classes, *RECORD_TYPES.values(), *dict.fromkeys(COMMAND_TYPES.values())):
        omitted: dict[str, Any] = {
            name: override(omit=True) for name in _STORED_ELSEWHERE & set(attrs.fields_dict(cls))
        }
        dump = make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **omitted)
        load = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **omitted)
        converter.register_unstructure_hook(cls, dump)
        converter.register_structure_hook(cls, load)
    return converter


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and len(get_args(hint)) == 2 and NoneType in get_args(hint)


def _optional(converter: Converter, hint: Any) -> Callable[[Json, Any], Any]:
    (member,) = (one for one in get_args(hint) if one is not NoneType)
    hook = converter.get_structure_hook(member)
    return lambda value, _: None if value is None else hook(value, member)


_CONVERTER = _converter()


def _load_of(hint: Any) -> Callable[[Json], Any]:
    hook = _CONVERTER.get_structure_hook(hint)
    return lambda value: hook(value, hint)


def _dump_of(hint: Any) -> Callable[[Any], Json] | None:
    """Return what writes a value of this type that is not None; None where it is written as it is."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    if hint in (str, int, bool):
        return None
    return _CONVERTER.get_unstructure_hook(hint)


_STORED = {
    kind: {
        field.name: field.type
        for field in attrs.fields(attrs.resolve_types(cls))
        if field.name not in _STORED_ELSEWHERE
    }
    for kind, cls in RECORD_TYPES.items()
}
_DUMPS = {kind: {name: _dump_of(hint) for name, hint in fields.items()} for kind, fields in _STORED.items()}
_LOADS = {kind: {name: _load_of(hint) for name, hint in fields.items()} for kind, fields in _STORED.items()}


def field_names(kind: RecordKind) -> tuple[str, ...]:
    """Return the names of the stored fields of a record kind, in their order of declaration."""
    return tuple(_STORED[kind])


def dump_record(record: Record) -> dict[str, Json]:
    """Return the record's stored fields, JSON-ready, without those at their default."""
    return cast(dict[str, Json], _CONVERTER.unstructure(record, type(record)))


def load_record(kind: RecordKind, stored: Mapping[str, Json]) -> Record:
    """Return the record behind stored fields; raise StorageCorrupt for fields that do not fit."""
    try:
        return _CONVERTER.structure(stored, RECORD_TYPES[kind])
    except Exception as error:
        raise StorageCorrupt(f"a stored {kind} record cannot be read: {error!r}", kind=kind) from error


def dump_values(kind: RecordKind, values: Mapping[str, Any]) -> dict[str, Json]:
    """Return field values of a record kind, JSON-ready."""
    hooks = _DUMPS[kind]
    return {
        name: value if value is None or (dump := hooks[name]) is None else dump(value) for name, value in values.items()
    }


def load_values(kind: RecordKind, stored: Mapping[str, Json]) -> dict[str, Any]:
    """Return the field values behind their JSON."""
    hooks = _LOADS[kind]
    return {name: hooks[name](value) for name, value in stored.items()}


def dump_command(command: AnyCommand) -> dict[str, Json]:
    """Return a command, JSON-ready, its operation included."""
    return cast(dict[str, Json], _CONVERTER.unstructure(command, type(command)))


def load_command(stored: Mapping[str, Json]) -> AnyCommand:
    """Return the command behind its JSON; raise StorageCorrupt for what is none."""
    try:
        return _CONVERTER.structure(stored, COMMAND_TYPES[Operation(stored["operation"])])
    except Exception as error:
        raise StorageCorrupt(f"a stored command cannot be read: {error!r}") from error


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


def _encoder() -> Callable[[Json], str]:
    """Return the encoder's `encode`, without the third of its time in which it prepares itself anew at every call."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without the accelerator
        return _ENCODER.encode
    escaped = json.encoder.encode_basestring  # as JSONEncoder takes it
    chunks = make(None, _ENCODER.default, escaped, None, ":", ",", True, False, False)
    return lambda value: "".join(chunks(value, 0))


_ENCODE = _encoder()


def canonical_json(value: Json) -> bytes:
    """Return the canonical bytes of a JSON value: sorted keys, no spaces, UTF-8."""
    return _ENCODE(value).encode()


def digest_of(value: Json) -> str:
    """Return the SHA-256 of a JSON value's canonical bytes, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def record_digest(record: Record) -> str:
    """Return the SHA-256 of a record's canonical JSON, in hex."""
    return digest_of(dump_record(record))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number that is stored")
    return number


_DECODE = json.JSONDecoder(parse_float=_finite, parse_constant=_finite).decode


def load_json(text: str | bytes) -> Json:
    """Return the value behind JSON of ours; raise ValueError for what `canonical_json` could never have written."""
    if isinstance(text, bytes):
        text = text.decode()
    try:
        value = _DECODE(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if "\\u" in text:  # hardly ever: what can be written without an escape is, but a lone surrogate cannot
        canonical_json(value)
    return value


def dump_body(
    *,
    strategy_id: str,
    sequence: int,
    operation: str,
    subject: str | None,
    command_id: str | None,
    occurred_at: datetime,
    recorded_at: datetime,
    documents: Sequence[Mapping[str, Json]],
) -> bytes:
    """Return the canonical body of an entry; `documents` are its changes, each through `dump_change`."""
    return canonical_json(
        {
            "format": BODY_FORMAT,
            "strategy_id": strategy_id,
            "sequence": sequence,
            "operation": operation,
            "subject": subject,
            "command_id": command_id,
            "occurred_at": time_text(occurred_at),
            "recorded_at": time_text(recorded_at),
            "changes": documents,
        }
    )


def build_entry(
    previous: Head | Entry,
    *,
    strategy_id: str,
    sequence: int,
    operation: str,
    subject: str | None,
    command_id: str | None,
    occurred_at: datetime,
    recorded_at: datetime,
    changes: tuple[Change, ...],
    records: tuple[Record, ...],
    chain_key: ChainKey = None,
) -> Entry:
    """Return the entry behind `previous`, ready to append; its body and digest are made when they are first read."""
    writing = _Writing(
        previous, chain_key, (strategy_id, sequence, operation, subject, command_id, occurred_at, recorded_at), changes
    )
    return unwritten(
        strategy_id, sequence, operation, subject, command_id, occurred_at, recorded_at, changes, records, writing
    )


class _Writing:
    """The documents, body and digest of an entry: each change is written once, for the body and for the events."""

    __slots__ = ("chain_key", "changes", "done", "header", "previous")

    def __init__(
        self,
        previous: Head | Entry,
        chain_key: ChainKey,
        header: tuple[str, int, str, str | None, str | None, datetime, datetime],
        changes: tuple[Change, ...],
    ) -> None:
        behind = previous.writing if isinstance(previous, Entry) else None
        self.previous: _Writing | str = behind if isinstance(behind, _Writing) else previous.digest
        self.chain_key = chain_key
        self.header = header
        self.changes = changes
        self.done: tuple[tuple[Mapping[str, Json], ...], bytes, str] | None = None

    @property
    def written(self) -> tuple[tuple[Mapping[str, Json], ...], bytes, str]:
        """Write it, and before it every entry that it follows and nobody has looked at yet: digests are a chain."""
        if self.done is None:
            unread, one = [self], self.previous
            while isinstance(one, _Writing) and one.done is None:
                unread.append(one)
                one = one.previous
            while unread:
                _write(unread.pop())
            assert self.done is not None, "just written"
        return self.done


def _write(entry: _Writing) -> None:
    """Write an entry behind one that is written."""
    previous = entry.previous
    digest = previous if isinstance(previous, str) else previous.written[2]
    strategy_id, sequence, operation, subject, command_id, occurred_at, recorded_at = entry.header
    documents = tuple([dump_change(change) for change in entry.changes])
    body = dump_body(
        strategy_id=strategy_id,
        sequence=sequence,
        operation=operation,
        subject=subject,
        command_id=command_id,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        documents=documents,
    )
    entry.done = documents, body, chain(digest, body, entry.chain_key)
    entry.previous = digest


def load_entry(body: bytes, digest: str) -> Entry:
    """Return the entry behind a stored body; raise StorageCorrupt for bytes that are no entry."""
    try:
        stored = load_json(body)
        if stored["format"] > BODY_FORMAT:
            raise StorageCorrupt(f"entry format {stored['format']} is newer than {BODY_FORMAT}")
        return Entry(
            strategy_id=_exactly(str, stored["strategy_id"]),
            sequence=_exactly(int, stored["sequence"]),
            operation=_exactly(str, stored["operation"]),
            subject=_text_or_none(stored["subject"]),
            command_id=_text_or_none(stored["command_id"]),
            occurred_at=load_time(stored["occurred_at"]),
            recorded_at=load_time(stored["recorded_at"]),
            changes=tuple(_load_change(change) for change in stored["changes"]),
            body=body,
            digest=digest,
            documents=tuple(stored["changes"]),
        )
    except StorageCorrupt:
        raise
    except Exception as error:
        raise StorageCorrupt(f"a journal entry cannot be read: {error!r}") from error


def dump_change(change: Change) -> dict[str, Json]:
    """Return a change as the JSON that bodies hold, without what is empty."""
    stored: dict[str, Json] = {
        "kind": change.kind,
        "key": change.key,
        "version": change.version,
        "values": dump_values(change.kind, change.values),
    }
    if change.event_type:
        stored["event_type"] = change.event_type
    if change.from_state:
        stored["from_state"] = change.from_state
    if change.to_state:
        stored["to_state"] = change.to_state
    if change.status:
        stored["status"] = change.status
    if change.facts:
        stored["facts"] = change.facts
    return stored


def _load_change(stored: Mapping[str, Json]) -> Change:
    kind = RecordKind(stored["kind"])
    key: Key = tuple(_exactly(str, part) for part in stored["key"])
    if len(key) != len(KEY_FIELDS[kind]):
        raise ValueError(f"{key} is no key of a {kind}")
    event_type = stored.get("event_type")
    return Change(
        kind=kind,
        key=key,
        version=_exactly(int, stored["version"]),
        values=load_values(kind, stored["values"]),
        event_type=None if event_type is None else EventType(event_type),
        from_state=_text_or_none(stored.get("from_state") or None),
        to_state=_text_or_none(stored.get("to_state") or None),
        status=_text_or_none(stored.get("status") or None),
        facts=freeze(stored.get("facts", {})),
    )


def _exactly(kind: type[ValueT], value: object) -> ValueT:
    """Return a value of just this type: of JSON, True is no 1, and a list no text."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _exactly(str, value)
