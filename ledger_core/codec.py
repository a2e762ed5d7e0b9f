"""Records, commands and entries <-> JSON, for our own bytes only; what callers hand in is `details`' to check.

The form is canonical: sorted keys, no spaces, UTF-8, decimals and times as text, fields at their default left
out. The journal's digest is taken over exactly these bytes.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

import attrs

from ledger_core._frozen import freeze
from ledger_core._hooks import CONVERTER, STORED_ELSEWHERE, Json, dumper, loader
from ledger_core._texts import change_text, json_text, quote
from ledger_core.changes import ChainKey, Change, Entry, EventType, Head, chain, unwritten
from ledger_core.commands import (
    COMMAND_TYPES,
    AnyCommand,
    Operation,
)
from ledger_core.errors import StorageCorrupt
from ledger_core.evolve import KEY_FIELDS
from ledger_core.model import (
    RECORD_TYPES,
    Key,
    Record,
    RecordKind,
)
from ledger_core.numbers import load_time, time_text

ValueT = TypeVar("ValueT")
HookT = TypeVar("HookT")

BODY_FORMAT = 1
"""The version of the entry body; readers refuse a newer one."""

_STORED = {
    kind: {
        field.name: field.type for field in attrs.fields(attrs.resolve_types(cls)) if field.name not in STORED_ELSEWHERE
    }
    for kind, cls in RECORD_TYPES.items()
}


class _Hooks(dict[RecordKind, Mapping[str, HookT]]):
    """What reads, or writes, each field of a kind: made when it is first asked for. Two threads make the same."""

    def __init__(self, make: Callable[[Any], HookT]) -> None:
        """Take what makes the hook of a type."""
        super().__init__()
        self._make = make

    def __missing__(self, kind: RecordKind) -> Mapping[str, HookT]:
        """Make those of a kind."""
        made = self[kind] = {name: self._make(hint) for name, hint in _STORED[kind].items()}
        return made


_DUMPS = _Hooks(dumper)
_LOADS = _Hooks(loader)


def field_names(kind: RecordKind) -> tuple[str, ...]:
    """Return the names of the stored fields of a record kind, in their order of declaration."""
    return tuple(_STORED[kind])


def dump_record(record: Record) -> dict[str, Json]:
    """Return the record's stored fields, JSON-ready, without those at their default."""
    return cast(dict[str, Json], CONVERTER.unstructure(record))


def load_record(kind: RecordKind, stored: Mapping[str, Json]) -> Record:
    """Return the record behind stored fields; raise StorageCorrupt for fields that do not fit."""
    try:
        return CONVERTER.structure(stored, RECORD_TYPES[kind])
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
    return cast(dict[str, Json], CONVERTER.unstructure(command))


def load_command(stored: Mapping[str, Json]) -> AnyCommand:
    """Return the command behind its JSON; raise StorageCorrupt for what is none."""
    try:
        return CONVERTER.structure(stored, COMMAND_TYPES[Operation(stored["operation"])])
    except Exception as error:
        raise StorageCorrupt(f"a stored command cannot be read: {error!r}") from error


def canonical_json(value: Json) -> bytes:
    """Return the canonical bytes of a JSON value: sorted keys, no spaces, UTF-8."""
    return json_text(value).encode()


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


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
_SCAN: Callable[[str, int], tuple[Json, int]] = cast(Any, _DECODER).scan_once


def _decode(text: str) -> Json:
    """Decode JSON; of what we wrote, which has nothing before it and nothing behind, without looking for spaces."""
    try:
        value, end = _SCAN(text, 0)
    except StopIteration:
        return _DECODER.decode(text)
    return value if end == len(text) else _DECODER.decode(text)


def load_json(text: str | bytes) -> Json:
    """Return the value behind JSON of ours; raise ValueError for what `canonical_json` could never have written."""
    if isinstance(text, bytes):
        text = text.decode()
    try:
        value = _decode(text)
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
    """Return the entry behind `previous`, ready to append; its body and digest are made when they are first read.

    There is one for each command: what is called with all its arguments in their places is entered at once.
    """
    behind = previous.writing if type(previous) is Entry else None
    writing = _Writing(
        behind if type(behind) is _Writing else previous.digest,
        chain_key,
        (strategy_id, sequence, operation, subject, command_id, occurred_at, recorded_at),
        changes,
    )
    return unwritten(
        strategy_id, sequence, operation, subject, command_id, occurred_at, recorded_at, changes, records, writing
    )


class _Writing:
    """The body and digest of an entry, and its documents, each made when it is first read."""

    __slots__ = ("_documents", "chain_key", "changes", "done", "header", "previous")

    def __init__(
        self,
        previous: "_Writing | str",
        chain_key: ChainKey,
        header: tuple[str, int, str, str | None, str | None, datetime, datetime],
        changes: tuple[Change, ...],
    ) -> None:
        self.previous = previous  # a digest, or what that is made of
        self.chain_key = chain_key
        self.header = header
        self.changes = changes
        self.done: tuple[bytes, str] | None = None
        self._documents: tuple[Mapping[str, Json], ...] | None = None

    @property
    def written(self) -> tuple[bytes, str]:
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

    @property
    def documents(self) -> tuple[Mapping[str, Json], ...]:
        """Dump the changes: events are made of these, and who publishes none needs none."""
        if self._documents is None:
            self._documents = tuple([dump_change(change) for change in self.changes])
        return self._documents


def _write(entry: _Writing) -> None:
    """Write an entry behind one that is written; the body is what `dump_body` makes of its documents."""
    previous = entry.previous
    digest = previous if isinstance(previous, str) else previous.written[1]
    strategy_id, sequence, operation, subject, command_id, occurred_at, recorded_at = entry.header
    body = (
        f'{{"changes":[{",".join([change_text(change) for change in entry.changes])}]'
        f',"command_id":{"null" if command_id is None else quote(command_id)},"format":{BODY_FORMAT}'
        f',"occurred_at":"{time_text(occurred_at)}","operation":{quote(operation)}'
        f',"recorded_at":"{time_text(recorded_at)}","sequence":{sequence},"strategy_id":{quote(strategy_id)}'
        f',"subject":{"null" if subject is None else quote(subject)}}}'
    ).encode()
    entry.done = body, chain(digest, body, entry.chain_key)
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
        facts=freeze(_exactly(dict, stored.get("facts", {}))),
    )


def _exactly(kind: type[ValueT], value: object) -> ValueT:
    """Return a value of just this type: of JSON, True is no 1, and a list no text."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _exactly(str, value)
