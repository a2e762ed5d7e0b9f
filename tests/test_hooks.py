"""What reads and writes each type of a record's fields: values go to JSON and back, and nothing else is taken."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Optional

import pytest

from ledger_core._frozen import FrozenDict, freeze
from ledger_core._hooks import CONVERTER, _converter, _is_list, _is_optional, dumper, loader
from ledger_core.commands import NoteOrder, Operation
from ledger_core.lifecycle import OrderState
from ledger_core.model import Fee, Order, OrderRequest, PositionSide, Side, Split
from ledger_core.numbers import Price
from ledger_core.testing.samples import NOON, order, request

STORED_NOON = "2026-03-02T12:00:00.123456Z"
COMMAND = NoteOrder(operation=Operation.UPDATE_ORDER_EXPIRY, order_id="O", occurred_at=NOON)
STORED_COMMAND = {"operation": "update_order_expiry", "order_id": "O", "occurred_at": STORED_NOON}

VALUES: tuple[tuple[Any, Any, Any], ...] = (
    # the type of a field, a value of it, and how that is stored
    (str, "x", "x"),
    (int, 7, 7),
    (bool, True, True),
    (Decimal, Decimal("1.5"), "1.5"),
    (Price, Decimal("1.50"), "1.50"),
    (datetime, NOON, STORED_NOON),
    (date, date(2026, 3, 2), "2026-03-02"),
    (Side, Side.BUY, "BUY"),
    (str | None, "x", "x"),
    (Decimal | None, Decimal("1.5"), "1.5"),
    (Price | None, Decimal("1.50"), "1.50"),
    (datetime | None, NOON, STORED_NOON),
    (date | None, date(2026, 3, 2), "2026-03-02"),
    (PositionSide | None, PositionSide.LONG, "LONG"),
    (Mapping[str, Any], freeze({"a": [1, {"b": None}]}), {"a": (1, {"b": None})}),
    (Mapping[str, Any] | None, freeze({"a": 0.5}), {"a": 0.5}),
    (Mapping[str, Decimal], freeze({"a": Decimal("1.5")}), {"a": "1.5"}),
    (Mapping[str, str], freeze({"a": "b"}), {"a": "b"}),
    (tuple[str, ...], ("a", "b"), ["a", "b"]),
    (tuple[int, ...], (1, 2), [1, 2]),
    (tuple[Fee, ...], (Fee("USD", Decimal("0.5")),), [{"currency": "USD", "amount": "0.5"}]),
    (Fee, Fee("USD", Decimal(2)), {"currency": "USD", "amount": "2"}),
    (Split | None, Split(NOON, 3, Decimal(2)), {"occurred_at": STORED_NOON, "sequence": 3, "ratio": "2"}),
    (NoteOrder, COMMAND, STORED_COMMAND),
)


def test_a_value_of_every_type_is_stored_as_text_and_read_back() -> None:
    """By what a converter has for it, and by what is made for a field of a record."""
    made = _converter()
    for hint, value, stored in VALUES:
        assert made.unstructure(value, hint) == stored
        dump = dumper(hint)
        assert (value if dump is None else dump(value)) == stored
        for read in (made.structure(stored, hint), loader(hint)(stored)):
            assert (read, type(read)) == (value, type(value))
        assert str(made.structure(stored, hint)) == str(value)


def test_what_may_be_left_out_is_known_by_its_type() -> None:
    """And so is a list: each is read by a hook of ours, which asks once for that of what is in it."""
    made = _converter()
    optional: tuple[Any, ...] = (Decimal | None, Optional[str], None | Fee)  # noqa: UP045  # as others write it
    neither: tuple[Any, ...] = (Decimal, str | int, str | int | None, tuple[str, int], tuple[str], list[str], Fee)
    lists: tuple[Any, ...] = (tuple[str, ...], tuple[Fee, ...])
    for hint in (*optional, *neither, *lists):
        assert (_is_optional(hint), _is_list(hint)) == (hint in optional, hint in lists)
    hooks = [made.get_structure_hook(hint) for hint in (*optional, *lists)]
    assert {hook.__module__ for hook in hooks} == {"ledger_core._hooks"}


@pytest.mark.parametrize(
    "hint", [hint for hint, _, _ in VALUES if type(None) in getattr(hint, "__args__", ())], ids=str
)
def test_what_may_be_left_out_is_read_as_nothing(hint: Any) -> None:
    """None is none, whatever it could have been."""
    assert _converter().structure(None, hint) is None
    assert loader(hint)(None) is None


def test_plain_texts_counts_and_flags_are_written_as_they_are() -> None:
    """Without a call for each, also where they may be left out."""
    hints: tuple[Any, ...] = (str, int, bool, str | None, int | None, bool | None)
    assert [dumper(hint) for hint in hints] == [None] * 6
    others: tuple[Any, ...] = (Decimal, Decimal | None, OrderState, datetime)
    assert None not in [dumper(hint) for hint in others]


@pytest.mark.parametrize(
    ("hint", "stored"),
    [
        (Decimal, 1.5),
        (Decimal, "1e5"),
        (Price, None),
        (datetime, "2026-03-02"),
        (date, STORED_NOON),
        (Side, "UP"),
        (Fee, {"currency": "USD"}),
        (Fee, {"currency": "USD", "amount": "1", "more": 1}),
        (tuple[Fee, ...], [{"currency": "USD"}]),
        (tuple[str, ...], 7),
        (Mapping[str, Decimal], {"a": 1}),
        (Mapping[str, Decimal], [1]),
        (Mapping[str, str], 7),
        (NoteOrder, {**STORED_COMMAND, "more": 1}),
    ],
)
def test_what_is_no_value_of_its_type_is_not_read(hint: Any, stored: Any) -> None:
    """It raises whatever it likes: whoever asked says what was damaged."""
    for read in (_converter().structure, lambda stored, hint: loader(hint)(stored)):
        with pytest.raises(Exception):  # noqa: B017, PT011  # that is the promise
            read(stored, hint)


def test_objects_that_are_read_are_frozen() -> None:
    """However they were stored."""
    for hint, stored in ((Mapping[str, Any], {"a": {}}), (Mapping[str, Decimal], {"a": "1"}), (Mapping[str, str], {})):
        assert type(_converter().structure(stored, hint)) is FrozenDict
        assert type(loader(hint)(stored)) is FrozenDict


def test_an_orders_requests_are_stored_elsewhere() -> None:
    """They are records of their own: no order brings them along, and none that is read has any."""
    made = _converter()
    stored = made.unstructure(order(requests=(request(),), request_count=1), Order)
    assert "requests" not in stored
    assert stored["request_count"] == 1
    assert made.structure(stored, Order).requests == ()
    with pytest.raises(Exception, match="requests"):
        made.structure({**stored, "requests": []}, Order)


def test_what_is_at_its_default_is_left_out_and_read_back_as_that() -> None:
    """So a field that is added to a record needs no migration."""
    made = _converter()
    stored = made.unstructure(request(), OrderRequest)
    assert sorted(stored) == ["order_id", "request_id", "request_kind", "requested_at"]
    assert made.structure(stored, OrderRequest) == request()
    assert made.structure({**stored, "reason": None}, OrderRequest) == request()


def test_the_first_error_of_a_damaged_value_is_told_as_it_is() -> None:
    """Not gathered with all the others: of a damaged list of a million items that would take long."""
    with pytest.raises(ValueError, match="not a canonical decimal"):
        _converter().structure({"currency": "USD", "amount": "x"}, Fee)
    with pytest.raises(ValueError, match="not a canonical decimal"):
        CONVERTER.structure([{"currency": "USD", "amount": "x"}] * 3, tuple[Fee, ...])
