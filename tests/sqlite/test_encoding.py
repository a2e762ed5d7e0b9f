"""The function written out for a table's parameters writes every record as the codec does, field by field."""

from decimal import Decimal
from types import NoneType

import attrs
import pytest

from ledger_core._frozen import freeze, replaced
from ledger_core.errors import StorageError
from ledger_core.lifecycle import OrderState
from ledger_core.model import Record, RecordKind
from ledger_core.testing import assert_same_record, every_shape, order
from ledger_storage_sqlite._columns import CODECS, TABLES, Encoder, RowCodec
from ledger_storage_sqlite._encoding import Bound

WRONG: tuple[object, ...] = (1.5, True, 1, "x", Decimal("1.50"), b"x", (), [1], {"x": 1}, object())
"""What an adapter's caller may put into a field, of whatever type that field is."""


@pytest.mark.parametrize("kind", RecordKind)
def test_every_shape_of_a_record_is_written_without_the_long_way(
    kind: RecordKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What we make is written by the function, and comes to the same parameters."""
    expected = [CODECS[kind]._encoder._encode_carefully(shape) for shape in every_shape(kind)]
    monkeypatch.setattr(Encoder, "_encode_carefully", _no_long_way)
    codec = RowCodec(attrs.evolve(TABLES[kind]))
    assert [codec.encode(shape) for shape in every_shape(kind)] == expected


def test_an_order_s_details_are_columns_of_their_own() -> None:
    """Both ways of writing and of reading them, with what is nested in them; nothing but texts and numbers is bound."""
    words = {"metadata": freeze({"signal": "x"}), "quantity": Decimal("1.5"), "venue": "V", "reduce_only": True}
    record = order(details=words, state=OrderState.ACCEPTED, venue_order_ids=("V-1",))
    codec = RowCodec(attrs.evolve(TABLES[RecordKind.ORDER]))
    carefully = codec._encoder._encode_carefully(record)
    codec._encoder._encode_carefully = None  # type: ignore[assignment,method-assign]  # nothing takes the long way
    written = codec.encode(record)
    assert written == carefully
    for bound_values in (written, carefully):
        assert {type(value) for value in bound_values} == {str, int, bool, NoneType}
    bound = dict(zip(codec.table.bound, written, strict=True))
    assert (bound["metadata"], bound["ordered_quantity"], bound["venue"]) == ('{"signal":"x"}', "1.5", "V")
    row = [bound[name] for name in codec.table.column_names]
    assert_same_record(codec._decode_carefully(row), record)
    codec._decode_carefully = None  # type: ignore[assignment,method-assign]  # nothing takes the long way
    assert_same_record(codec.decode(row), record)


@pytest.mark.parametrize("kind", RecordKind)
def test_the_long_way_comes_to_the_same(kind: RecordKind) -> None:
    """What is written when somebody's own record comes along is what the function would write."""
    careful = RowCodec(attrs.evolve(TABLES[kind]))._encoder._encode_carefully
    assert [careful(shape) for shape in every_shape(kind)] == [
        CODECS[kind].encode(shape) for shape in every_shape(kind)
    ]


@pytest.mark.parametrize("kind", RecordKind)
def test_whatever_stands_in_a_field_is_written_or_refused_as_the_codec_does(kind: RecordKind) -> None:
    """The same parameters, or the same sentence about what is wrong."""
    encoder = CODECS[kind]._encoder
    shape = every_shape(kind)[-1]
    for field in attrs.fields(type(shape)):
        for wrong in WRONG:
            record = replaced(shape, {field.name: wrong})
            assert _outcome(encoder.encode, record) == _outcome(encoder._encode_carefully, record), field.name


def _outcome(encode: object, record: Record) -> tuple[str, object]:
    assert callable(encode)
    try:
        return "written", encode(record)
    except StorageError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001  # of what is computed from a value that is none
        return "raised", type(error)


def _no_long_way(_encoder: Encoder, record: Record) -> tuple[Bound, ...]:
    raise AssertionError(f"{record} was written the long way")
