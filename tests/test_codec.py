"""Records, commands and entries go to JSON and back without losing a digit, and damaged bytes are named as such."""

import copy
import hashlib
import json
import pickle
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger_core._frozen import FrozenDict, freeze
from ledger_core.changes import GENESIS_DIGEST, Head
from ledger_core.codec import (
    BODY_FORMAT,
    canonical_json,
    digest_of,
    dump_body,
    dump_change,
    dump_command,
    dump_record,
    dump_values,
    field_names,
    load_command,
    load_entry,
    load_json,
    load_record,
    load_values,
    record_digest,
)
from ledger_core.commands import (
    COMMAND_TYPES,
    AcceptOrder,
    AdjustmentDetails,
    AnyCommand,
    BookFill,
    BustFill,
    CloseTrade,
    CorrectFill,
    Correction,
    CreateTrade,
    EndOrderDay,
    FillDetails,
    NoteOrder,
    Operation,
    RecordAdjustment,
    RecordOrder,
    RejectRequest,
    ReplaceOrder,
    ReportStatus,
    RequestCancel,
    RequestReplace,
    ResolveQuarantined,
    RestateOrder,
    SkipEntry,
    TradeDetails,
    UpdateFee,
    UpdateTrade,
)
from ledger_core.errors import StorageCorrupt
from ledger_core.model import (
    RECORD_TYPES,
    AdjustmentKind,
    Fee,
    OrderChanges,
    OrderDetails,
    OrderType,
    RecordKind,
    Side,
    StatusReport,
)
from ledger_core.testing import (
    MINIMAL,
    NOON,
    assert_same_record,
    entry,
    every_shape,
    fill,
    order,
    trade,
    variations,
)

EMPTY = Head(0, GENESIS_DIGEST)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure: nothing here depends on the clock."""

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=5)
decimals = st.tuples(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(0, 18)).map(
    lambda parts: Decimal(f"{parts[0]}e-{parts[1]}")
)
times = st.datetimes(timezones=st.just(UTC))
DAMAGED_NUMBERS: tuple[object, ...] = ("x", "", "1_0", " 1", "NaN", "Infinity", 1, None, [], {}, 1.5)


@pytest.mark.parametrize("kind", RecordKind)
def test_every_record_reads_back_equal_and_to_the_byte(kind: RecordKind) -> None:
    """Each record, in every shape, goes to JSON bytes and back equal, and to the same bytes again."""
    for shape in every_shape(kind):
        stored = canonical_json(dump_record(shape))
        read = load_record(kind, json.loads(stored))
        assert_same_record(read, shape)
        assert canonical_json(dump_record(read)) == stored


@pytest.mark.parametrize("kind", RecordKind)
def test_every_entry_reads_back_equal_and_to_the_byte(kind: RecordKind) -> None:
    """An entry's body reads back to equal changes, and these make the same body again."""
    for shape in every_shape(kind):
        given_entry = entry(EMPTY, shape, subject="O-1", command_id="C-1")
        read = load_entry(given_entry.body, given_entry.digest)
        assert read == given_entry
        assert read.changes == given_entry.changes
        again = dump_body(
            strategy_id=read.strategy_id,
            sequence=read.sequence,
            operation=read.operation,
            subject=read.subject,
            command_id=read.command_id,
            occurred_at=read.occurred_at,
            recorded_at=read.recorded_at,
            documents=[dump_change(change) for change in read.changes],
        )
        assert again == given_entry.body


@unhurried
@given(texts, decimals, decimals, times, objects, st.lists(st.builds(Fee, texts, decimals), max_size=4))
def test_any_fill_reads_back_equal(
    text: str, quantity: Decimal, price: Decimal, time: datetime, metadata: dict[str, Any], fees: list[Fee]
) -> None:
    """A fill of any text, numbers, time, fees and metadata goes to JSON bytes and back equal."""
    given_fill = fill(
        text, quantity=quantity, price=price, executed_at=time, metadata=freeze(metadata), fees=tuple(fees), symbol=text
    )
    read = load_record(RecordKind.FILL, json.loads(canonical_json(dump_record(given_fill))))
    assert_same_record(read, given_fill)


@unhurried
@given(texts, decimals, decimals, times, objects)
def test_any_order_reads_back_equal(
    text: str, quantity: Decimal, price: Decimal, time: datetime, metadata: dict[str, Any]
) -> None:
    """An order of any text, numbers, times and metadata goes to JSON bytes and back equal."""
    given_order = order(
        text,
        details={"symbol": text, "limit_price": price, "quantity": quantity, "metadata": freeze(metadata)},
        quantity=quantity,
        limit_price=price,
        expire_at=time,
        venue_order_ids=(text, text),
    )
    read = load_record(RecordKind.ORDER, json.loads(canonical_json(dump_record(given_order))))
    assert_same_record(read, given_order)


@pytest.mark.parametrize("kind", RecordKind)
def test_numbers_and_times_are_stored_as_text(kind: RecordKind) -> None:
    """No decimal and no time becomes a JSON number: only what is an int in the record is one."""
    for shape in every_shape(kind):
        stored = dump_record(shape)
        for field in attrs.fields(type(shape)):
            if isinstance(getattr(shape, field.name), (Decimal, datetime)) and field.name in stored:
                assert type(stored[field.name]) is str


def test_fields_at_their_default_are_left_out() -> None:
    """A record's JSON has no field that says nothing, and never its requests."""
    assert sorted(dump_record(order())) == ["details", "order_id", "placed_at", "recorded_at"]
    assert dump_record(order())["details"] == {"order_type": "LIMIT", "side": "BUY", "symbol": "AAPL"}
    assert "requests" not in dump_record(every_shape(RecordKind.ORDER)[-1])
    assert "requests" not in field_names(RecordKind.ORDER)


@pytest.mark.parametrize("kind", RecordKind)
def test_values_read_back_by_name(kind: RecordKind) -> None:
    """Any part of a record's fields goes to JSON and back by name, without the rest."""
    for shape in every_shape(kind)[::3]:
        values = {name: getattr(shape, name) for name in field_names(kind)}
        stored = json.loads(canonical_json(dump_values(kind, values)))
        assert load_values(kind, stored) == values
        for name, value in values.items():
            assert load_values(kind, {name: stored[name]}) == {name: value}


def _commands() -> Iterator[AnyCommand]:
    """Generate every command, bare and with each field at each value of its type."""
    given: dict[str, Any] = {"order_id": "O-1", "occurred_at": NOON}
    details = OrderDetails(symbol="AAPL", side=Side.BUY, order_type=OrderType.LIMIT)
    fill_details = FillDetails(fill_id="F-1", quantity=Decimal(1), price=Decimal("50.00"))
    correction = Correction(fill_id="C-1", quantity=Decimal(1), price=Decimal("50.00"))
    adjustment = AdjustmentDetails(kind=AdjustmentKind.FUNDING, symbol="AAPL")
    traded: dict[str, Any] = {"trade_id": "T-1", "occurred_at": NOON}
    bare: dict[type, AnyCommand] = {
        RecordOrder: RecordOrder(operation=Operation.RECORD_ORDER, details=details, **given),
        RequestCancel: RequestCancel(operation=Operation.REQUEST_ORDER_CANCEL, **given),
        RequestReplace: RequestReplace(operation=Operation.REQUEST_ORDER_REPLACE, changes=OrderChanges(), **given),
        AcceptOrder: AcceptOrder(operation=Operation.UPDATE_ORDER_ACCEPTANCE, **given),
        NoteOrder: NoteOrder(operation=Operation.UPDATE_ORDER_REJECTION, **given),
        EndOrderDay: EndOrderDay(operation=Operation.UPDATE_ORDER_DONE_FOR_DAY, **given),
        RestateOrder: RestateOrder(operation=Operation.UPDATE_ORDER_RESTATEMENT, **given),
        ReplaceOrder: ReplaceOrder(operation=Operation.UPDATE_ORDER_REPLACEMENT, **given),
        RejectRequest: RejectRequest(operation=Operation.UPDATE_ORDER_REQUEST_REJECTION, reason=None, **given),
        BookFill: BookFill(operation=Operation.UPDATE_ORDER_FILL, fill=fill_details, **given),
        CreateTrade: CreateTrade(
            operation=Operation.CREATE_TRADE, order_ids=("O-1",), details=TradeDetails(), **traded
        ),
        UpdateTrade: UpdateTrade(operation=Operation.UPDATE_TRADE, details=TradeDetails(), **traded),
        CloseTrade: CloseTrade(operation=Operation.CLOSE_TRADE, **traded),
        BustFill: BustFill(operation=Operation.BUST_ORDER_FILL, fill_id="F-1", **given),
        CorrectFill: CorrectFill(operation=Operation.CORRECT_ORDER_FILL, fill_id="F-1", correction=correction, **given),
        UpdateFee: UpdateFee(operation=Operation.UPDATE_FILL_FEE, fill_id="F-1", fees=(), **given),
        ReportStatus: ReportStatus(operation=Operation.REPORT_ORDER_STATUS, report=StatusReport(), **given),
        RecordAdjustment: RecordAdjustment(
            operation=Operation.RECORD_ADJUSTMENT, occurred_at=NOON, adjustment_id="A-1", adjustment=adjustment
        ),
        ResolveQuarantined: ResolveQuarantined(
            operation=Operation.RESOLVE_QUARANTINED, occurred_at=NOON, quarantine_id="Q-1"
        ),
        SkipEntry: SkipEntry(
            operation=Operation.SKIP_ENTRY, occurred_at=NOON, subscriber="monitor", entry_sequence=7, reason="poison"
        ),
    }
    for operation, command_type in COMMAND_TYPES.items():
        base: Any = attrs.evolve(bare[command_type], operation=operation)
        yield base
        for name, value in variations(base):
            if name != "operation":
                yield attrs.evolve(base, **{name: value})


def test_every_command_reads_back_equal_and_to_the_byte() -> None:
    """Each command, in every shape, goes to JSON bytes and back equal, of its own type."""
    seen = set()
    for command in _commands():
        stored = canonical_json(dump_command(command))
        read = load_command(json.loads(stored))
        assert type(read) is type(command)
        assert read == command
        assert canonical_json(dump_command(read)) == stored
        seen.add(read.operation)
    assert seen == set(Operation) - {
        Operation.ARCHIVE_RECORDS, Operation.RESTORE_RECORDS, Operation.REOPEN_POSITIONS,  # never written down
        Operation.SET_CHECKPOINT, Operation.NOTE_UPKEEP,
    }  # fmt: skip


@unhurried
@given(objects, st.randoms(use_true_random=False))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, Any], random: Any) -> None:
    """Whatever the order in which keys were put in, at any depth, the bytes are the same."""

    def shuffled(part: Any) -> Any:
        if isinstance(part, dict):
            names = list(part)
            random.shuffle(names)
            return {name: shuffled(part[name]) for name in names}
        return [shuffled(item) for item in part] if isinstance(part, list) else part

    assert canonical_json(shuffled(value)) == canonical_json(value)


@unhurried
@given(json_values)
def test_canonical_json_reads_back_equal(value: Any) -> None:
    """Canonical bytes are JSON of the same value, and canonical again; frozen or not makes no difference."""
    stored = canonical_json(value)
    assert json.loads(stored) == value
    assert canonical_json(json.loads(stored)) == stored
    assert canonical_json(freeze(value)) == stored


def test_a_digest_of_json_is_of_its_canonical_bytes() -> None:
    """SHA-256 in hex, so that other programs can compare; that of a record is of what is stored of it."""
    assert digest_of({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()
    assert record_digest(order()) == digest_of(dump_record(order())) != record_digest(order("O-2"))


@pytest.mark.parametrize("text", ["12", "-5", "0.1", '""', "[]", "true", "null", '{"a":[1]}'])
def test_json_of_any_kind_is_read_from_its_first_character_to_its_last(text: str) -> None:
    """Be it no object at all."""
    assert load_json(text) == load_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", [' {"a":1}', '{"a":1} ', "\n[1]\t", '["\\u00e9","\\ud83d\\ude80"]'])
def test_json_of_another_program_is_read(text: str) -> None:
    """Nobody here puts spaces around it or escapes what need not be, but it is the same value."""
    assert load_json(text) == load_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", ["", " ", '{"a":1}}', "1 2", "[1]x", '"\\ud800"', "NaN", "-Infinity", "1e999"])
def test_what_is_no_value_of_ours_is_not_read(text: str) -> None:
    """Nothing at all, something behind the value, half a character, and what no float can hold."""
    with pytest.raises(ValueError):  # noqa: PT011  # json's own words, in which there is nothing to promise
        load_json(text)


def test_canonical_json_is_what_the_digest_is_taken_over() -> None:
    """The canonical form is pinned: sorted keys, no spaces, UTF-8 as it is."""
    assert canonical_json({"b": [1, None, True], "a": {"é": "\u2028", "Z": 0.1}}) == (
        '{"a":{"Z":0.1,"é":"\u2028"},"b":[1,null,true]}'.encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_canonical_json_has_no_nan(value: object) -> None:
    """NaN and infinities are no JSON and raise."""
    with pytest.raises(ValueError, match="Out of range float"):
        canonical_json(value)


def test_the_body_of_an_entry_is_pinned() -> None:
    """The stored form of an entry is fixed: whoever changes it breaks every ledger there is."""
    given_entry = entry(EMPTY, fill(fees=(Fee("USD", Decimal("0.50")),)), subject="O-1")
    assert json.loads(given_entry.body) == {
        "format": 1,
        "strategy_id": "momentum-1",
        "sequence": 1,
        "operation": "record_order",
        "subject": "O-1",
        "command_id": None,
        "occurred_at": "2026-03-02T12:00:00.123456Z",
        "recorded_at": "2026-03-02T12:00:00.123456Z",
        "changes": [
            {
                "kind": "FILL",
                "key": ["O-1", "F-1"],
                "version": 1,
                "facts": {"late": True, "reason": "Ünïcödé ✓ 漢字 \U0001f680 \uffee"},
                "values": {
                    **dict.fromkeys(("venue", "account", "liquidity", "trade_date", "venue_order_id", "metadata")),
                    "order_id": "O-1",
                    "fill_id": "F-1",
                    "symbol": "AAPL",
                    "side": "BUY",
                    "position_side": "NET",
                    "quantity": "10",
                    "price": "50.00",
                    "fees": [{"currency": "USD", "amount": "0.5"}],
                    "fee_in_base": False,
                    "executed_at": "2026-03-02T12:00:00.123456Z",
                    "inferred": False,
                    "late": False,
                    "busted": False,
                    "chain": [],
                    "flat_realized_pnl": None,
                    "recorded_at": "2026-03-02T12:00:00.123456Z",
                    "sequence": 1,
                    "index": 0,
                    "version": 1,
                },
            }
        ],
    }


@pytest.mark.parametrize(
    "mutate",
    [
        lambda frozen: frozen.__setitem__("a", 2),
        lambda frozen: frozen.__delitem__("a"),
        lambda frozen: frozen.__ior__({"b": 1}),
        lambda frozen: frozen.clear(),
        lambda frozen: frozen.pop("a"),
        lambda frozen: frozen.popitem(),
        lambda frozen: frozen.setdefault("b", 1),
        lambda frozen: frozen.update(b=1),
        lambda frozen: frozen["deep"].update(b=1),
        lambda frozen: frozen["list"].append(1),
        lambda frozen: frozen["list"][0].clear(),
    ],
)
def test_a_frozen_object_refuses_to_change(mutate: Any) -> None:
    """Every way to change a frozen JSON object, at any depth, raises and changes nothing."""
    frozen = freeze({"a": 1, "deep": {"a": 1}, "list": [{"a": 1}]})
    before = copy.deepcopy(dict(frozen))
    with pytest.raises((TypeError, AttributeError)):
        mutate(frozen)
    assert frozen == before


@unhurried
@given(objects)
def test_freezing_changes_no_value(value: dict[str, Any]) -> None:
    """A frozen object is a dict of the same JSON, hashable, and stays frozen when copied or pickled."""
    frozen = freeze(value)
    assert canonical_json(frozen) == canonical_json(value)
    assert hash(frozen) == hash(freeze(copy.deepcopy(value)))
    for twin in (copy.copy(frozen), copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen)), freeze(frozen)):
        assert type(twin) is FrozenDict
        assert twin == frozen


def test_what_was_frozen_is_a_copy() -> None:
    """Changing the caller's object after it was frozen changes no record."""
    mine: dict[str, Any] = {"deep": {"list": [1]}}
    frozen = freeze(mine)
    mine["deep"]["list"].append(2)
    mine["more"] = 1
    assert frozen == {"deep": {"list": (1,)}}


@pytest.mark.parametrize("kind", RecordKind)
def test_every_object_of_a_record_read_is_frozen(kind: RecordKind) -> None:
    """Each JSON object of a record that was read refuses to change, whether it was stored or is a default."""
    for shape in every_shape(kind):
        read = load_record(kind, json.loads(canonical_json(dump_record(shape))))
        for value in (*attrs.asdict(read, recurse=False).values(), getattr(read, "details", None)):
            inner = getattr(value, "metadata", value)
            if isinstance(inner, Mapping):
                with pytest.raises(TypeError):
                    inner["new"] = 1  # type: ignore[index]  # that is the point


def test_the_objects_of_an_entry_read_are_frozen() -> None:
    """The facts of a change that was read refuse to change."""
    read = load_entry(entry(EMPTY, fill(), order()).body, GENESIS_DIGEST)
    for change in read.changes:
        facts: Any = change.facts
        with pytest.raises(TypeError):
            facts["new"] = 1


@pytest.mark.parametrize("newer", [BODY_FORMAT + 1, 99])
def test_a_newer_format_is_refused(newer: int) -> None:
    """A body of a newer format is refused, naming both formats, rather than half understood."""
    stored = json.loads(entry(EMPTY, order()).body)
    stored["format"] = newer
    with pytest.raises(StorageCorrupt, match=f"format {newer} is newer than {BODY_FORMAT}"):
        load_entry(canonical_json(stored), GENESIS_DIGEST)


@unhurried
@given(st.binary())
@example(b"")
@example(b"null")
@example(b"[]")
@example(b"{}")
@example(b'"format"')
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf{}")
@example(b"NaN")
@example(b'{"format":"1"}')
@example(b'{"format":null}')
@example(b"[" * 100_000)
@example(b'{"format":' * 100_000)
@example(b"1" * 10_000)
def test_bytes_that_are_no_entry_are_corrupt(body: bytes) -> None:
    """Bytes that are no entry raise StorageCorrupt and nothing else."""
    with pytest.raises(StorageCorrupt):
        load_entry(body, GENESIS_DIGEST)


BODY = entry(
    EMPTY,
    order(details={"metadata": freeze({"a": 1})}),
    fill(fees=(Fee("USD", Decimal(1)),)),
    trade(residual=freeze({"AAPL": Decimal(1)})),
    MINIMAL[RecordKind.QUARANTINE],
    MINIMAL[RecordKind.REQUEST],
    subject="O-1",
).body


@unhurried
@given(st.integers(0, len(BODY) - 1), st.integers(0, 255), st.integers(0, 3))
def test_a_damaged_entry_is_read_or_corrupt(place: int, byte: int, cut: int) -> None:
    """With a byte changed or some cut out an entry is read, if it still is one, or StorageCorrupt; nothing escapes."""
    damaged = BODY[:place] + bytes([byte]) + BODY[place + cut :]
    with suppress(StorageCorrupt):
        load_entry(damaged, GENESIS_DIGEST)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Generate the path of every part of a JSON value."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _places(part, (*path, name))


@pytest.mark.parametrize("junk", [None, "x", "", -1, 1.5, True, [], {}, [[]], {"a": 1}, "2026-13-01", "1e"], ids=repr)
def test_an_entry_with_any_part_replaced_is_read_or_corrupt(junk: object) -> None:
    """With any one part of its JSON replaced by junk or missing an entry is read or StorageCorrupt; nothing escapes."""
    refused = 0
    for path in _places(json.loads(BODY)):
        for missing in (False, True):
            stored = json.loads(BODY)
            parent = stored
            for name in path[:-1]:
                parent = parent[name]
            if not path:
                stored = junk
            elif missing:
                del parent[path[-1]]
            else:
                parent[path[-1]] = junk
            try:
                load_entry(canonical_json(stored), GENESIS_DIGEST)
            except StorageCorrupt:
                refused += 1
    assert refused > 50


@pytest.mark.parametrize("kind", RecordKind)
@pytest.mark.parametrize("junk", [None, "x", -1, 1.5, [], {}, [[]], {"a": 1}, "2026-13-01", "1e"], ids=repr)
def test_a_record_with_any_field_replaced_is_read_or_corrupt(kind: RecordKind, junk: object) -> None:
    """With any one stored field replaced by junk or missing a record is read or StorageCorrupt; nothing escapes."""
    stored = dump_record(every_shape(kind)[-1])
    refused = 0
    for name in stored:
        for damaged in (stored | {name: junk}, {other: stored[other] for other in stored if other != name}):
            try:
                load_record(kind, damaged)
            except StorageCorrupt:
                refused += 1
    assert refused


@pytest.mark.parametrize("kind", RecordKind)
def test_a_record_with_an_unknown_field_is_corrupt(kind: RecordKind) -> None:
    """A stored field that the record does not have is refused, not dropped: a newer program wrote it."""
    with pytest.raises(StorageCorrupt, match=kind) as corrupt:
        load_record(kind, dump_record(MINIMAL[kind]) | {"new_in_2030": 1})
    assert corrupt.value.context["kind"] is kind


@pytest.mark.parametrize("junk", DAMAGED_NUMBERS, ids=repr)
def test_a_damaged_number_is_corrupt(junk: object) -> None:
    """A quantity that is no decimal text is StorageCorrupt, in a record and in a change; a float too."""
    with pytest.raises(StorageCorrupt):
        load_record(RecordKind.FILL, dump_record(fill()) | {"quantity": junk})
    stored = json.loads(entry(EMPTY, fill()).body)
    stored["changes"][0]["values"]["quantity"] = junk
    with pytest.raises(StorageCorrupt):
        load_entry(canonical_json(stored), GENESIS_DIGEST)


@unhurried
@given(st.dictionaries(st.sampled_from(field_names(RecordKind.ORDER)), json_values))
def test_any_json_is_an_order_or_corrupt(stored: dict[str, Any]) -> None:
    """Any JSON under an order's field names is an order or StorageCorrupt; nothing else escapes."""
    try:
        read = load_record(RecordKind.ORDER, stored)
    except StorageCorrupt:
        return
    assert isinstance(read, RECORD_TYPES[RecordKind.ORDER])
