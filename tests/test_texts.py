"""The text of a change is, to the byte, the canonical JSON of its document, whatever it sets and whatever that is."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledger_core._frozen import FrozenDict, freeze
from ledger_core._texts import _encoder, _values_writer, change_text, json_text, strings_text
from ledger_core.changes import Change, EventType
from ledger_core.codec import canonical_json, dump_change
from ledger_core.lifecycle import OrderState
from ledger_core.model import Fee, OrderDetails, OrderType, PositionSide, RecordKind, Side
from ledger_core.testing.samples import NOON, change_of, every_shape

DETAILS = OrderDetails(symbol="AA'\"\\PL", side=Side.BUY, order_type=OrderType.LIMIT)

VALUES: tuple[tuple[RecordKind, str, Any, str], ...] = (
    # what it is a field of, which one, its value, and how that is written
    (RecordKind.ORDER, "quantity", Decimal("5.50"), '"5.5"'),
    (RecordKind.ORDER, "quantity", None, "null"),
    (RecordKind.ORDER, "limit_price", Decimal("5.50"), '"5.50"'),
    (RecordKind.ORDER, "limit_price", None, "null"),
    (RecordKind.ORDER, "expire_at", NOON, '"2026-03-02T12:00:00.123456Z"'),
    (RecordKind.ORDER, "expire_at", None, "null"),
    (RecordKind.ORDER, "reason", 'say "é"\n', '"say \\"é\\"\\n"'),
    (RecordKind.ORDER, "reason", None, "null"),
    (RecordKind.ORDER, "state", OrderState.FILLED, '"FILLED"'),
    (RecordKind.ORDER, "triggered", True, "true"),
    (RecordKind.ORDER, "triggered", False, "false"),
    (RecordKind.ORDER, "request_count", 12, "12"),
    (RecordKind.ORDER, "trade_date", date(2026, 3, 2), '"2026-03-02"'),
    (RecordKind.ORDER, "venue_order_ids", ("V-1", 'V"2'), '["V-1","V\\"2"]'),
    (RecordKind.ORDER, "venue_order_ids", (), "[]"),
    (RecordKind.ORDER, "corrections", freeze({"b": "1", "a": "2"}), '{"a":"2","b":"1"}'),
    (RecordKind.ORDER, "details", DETAILS, '{"order_type":"LIMIT","side":"BUY","symbol":"AA\'\\"\\\\PL"}'),
    (RecordKind.FILL, "fees", (Fee("USD", Decimal("0.50")),), '[{"amount":"0.5","currency":"USD"}]'),
    (RecordKind.FILL, "metadata", freeze({"b": 0.5, "a": [None, "é"]}), '{"a":[null,"é"],"b":0.5}'),
    (RecordKind.POSITION, "position_side", PositionSide.LONG, '"LONG"'),
)


@pytest.mark.parametrize("kind", RecordKind)
def test_every_change_is_written_as_its_document_is(kind: RecordKind) -> None:
    """Of each record in every shape."""
    for shape in every_shape(kind):
        change = change_of(shape)
        assert change_text(change).encode() == canonical_json(dump_change(change))


def test_each_value_is_written_by_what_its_field_is() -> None:
    """A decimal without its zeros, a price with them; nothing is left out because it is at its default."""
    for kind, name, value, text in VALUES:
        change = Change(kind=kind, key=("K",), version=3, values={name: value})
        assert change_text(change) == f'{{"key":["K"],"kind":"{kind}","values":{{"{name}":{text}}},"version":3}}'
        assert change_text(change).encode() == canonical_json(dump_change(change))


def test_all_values_of_a_change_stand_in_the_order_of_their_names() -> None:
    """In whatever order they were set."""
    given = {name: value for kind, name, value, _ in VALUES if kind is RecordKind.ORDER and value is not None}
    written = {name: text for kind, name, value, text in VALUES if kind is RecordKind.ORDER and value is not None}
    members = ",".join(f'"{name}":{written[name]}' for name in sorted(written))
    for names in (list(given), sorted(given, reverse=True)):
        values = {name: given[name] for name in names}
        change = Change(kind=RecordKind.ORDER, key=("K", "L"), version=1, values=values)
        assert change_text(change) == f'{{"key":["K","L"],"kind":"ORDER","values":{{{members}}},"version":1}}'
        assert change_text(change).encode() == canonical_json(dump_change(change))


def test_every_field_of_an_orders_details_is_written_unless_it_is_at_its_default() -> None:
    """Also where what is given is equal to the default without being the same."""
    seen = set()
    for shape in every_shape(RecordKind.ORDER):
        details: Any = shape.details  # type: ignore[union-attr]  # of kind ORDER
        change = Change(kind=RecordKind.ORDER, key=("K",), version=1, values={"details": details})
        document = canonical_json(dump_change(change))
        assert change_text(change).encode() == document
        seen |= set(dump_change(change)["values"]["details"])
    assert len(seen) == len(OrderDetails.__attrs_attrs__)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("reason", Side.BUY, '"BUY"'),
        ("request_count", True, "true"),
        ("triggered", 1, "1"),
        ("venue_order_ids", ["V-1"], '["V-1"]'),
        ("venue_order_ids", ("V-1", None), '["V-1",null]'),
    ],
)
def test_a_value_of_another_type_than_its_field_goes_the_long_way(name: str, value: object, text: str) -> None:
    """And is written as what it is, for whoever reads it to refuse."""
    _values_writer.cache_clear()  # whatever was written out before
    change = Change(kind=RecordKind.ORDER, key=("K",), version=3, values={name: value})
    assert change_text(change) == f'{{"key":["K"],"kind":"ORDER","values":{{"{name}":{text}}},"version":3}}'


def test_facts_of_a_change_are_sorted_and_of_any_json() -> None:
    """They are the event's own words."""
    facts = freeze({"z": 'a "word"', "late": True, "again": False, "b": None, "legs": [{"b": 1, "a": 0.5}]})
    change = Change(
        kind=RecordKind.ORDER, key=("K",), version=1, values={}, event_type=EventType.ORDER_FILLED, facts=facts
    )
    assert change_text(change) == (
        '{"event_type":"ORDER_FILLED","facts":{"again":false,"b":null,"late":true,"legs":[{"a":0.5,"b":1}],'
        '"z":"a \\"word\\""},"key":["K"],"kind":"ORDER","values":{},"version":1}'
    )


@pytest.mark.parametrize("has_accelerator", [True, False])
def test_json_is_written_the_same_by_every_python(monkeypatch: pytest.MonkeyPatch, has_accelerator: bool) -> None:
    """Sorted, without spaces, escaped no more than need be; what is no JSON raises."""
    if not has_accelerator:
        monkeypatch.setattr("json.encoder.c_make_encoder", None)
    encoder = _encoder()
    value = {"b": [1, -0.5, True, False, None, 'é"\n\\'], "a": {"z": 2**70, "Z": ()}, "": {}}
    assert (
        encoder(value) == '{"":{},"a":{"Z":[],"z":1180591620717411303424},"b":[1,-0.5,true,false,null,"é\\"\\n\\\\"]}'
    )
    assert encoder(FrozenDict(a=freeze({"c": [1], "b": 2}))) == '{"a":{"b":2,"c":[1]}}'
    assert encoder("x") == '"x"'
    for wrong in (float("nan"), [float("inf")]):
        with pytest.raises(ValueError, match="not JSON compliant"):
            encoder(wrong)
    for unknown, words in ((object(), "not JSON serializable"), ({(1, 2): 3}, "keys must be"), ({1: 2, "a": 3}, "'<'")):
        with pytest.raises(TypeError, match=words):
            encoder(unknown)


def test_texts_are_written_without_an_escape_that_need_not_be() -> None:
    """Of every language, and of any value of JSON."""
    assert strings_text(("é", "\u2028", '"')) == '["é","\u2028","\\""]'
    assert strings_text(()) == "[]"
    assert json_text({"é": [1, 0.5, True, None, "\u2028\\"]}) == '{"é":[1,0.5,true,null,"\u2028\\\\"]}'
