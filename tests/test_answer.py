"""Answers as JSON: numbers, times and durations are text, and a price keeps its zeros."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core._answer import Answer
from ledger_core.model import Fee, Side
from ledger_core.numbers import Price
from ledger_core.testing.samples import NOON


@attrs.frozen
class Inner(Answer):
    """A part of an answer."""

    price: Price | None
    amount: Decimal = Decimal("1.50")


@attrs.frozen
class Outer(Answer):
    """An answer of one field of each sort."""

    value: Any
    price: Price = Decimal("50.00")
    parts: tuple[Inner | Fee, ...] = (Inner(Decimal("7.10")), Inner(None), Fee("USD", Decimal("0.50")))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("text", "text"),
        (Side.BUY, "BUY"),
        (Decimal("50.00"), "50"),
        (Decimal("1E-7"), "0.0000001"),
        (NOON, "2026-03-02T12:00:00.123456Z"),
        (timedelta(0), "0"),
        (timedelta(days=1, microseconds=1), "86400.000001"),
        (timedelta(seconds=-1.5), "-1.5"),
        (timedelta(days=1_000_000, microseconds=1), "86400000000.000001"),
        ((Decimal(1), None, ("a",)), ["1", None, ["a"]]),
    ],
)
def test_an_answer_is_written_as_json(value: object, written: object) -> None:
    """Field by field, down to the last part of it."""
    assert Outer(value).as_dict() == {
        "value": written,
        "price": "50.00",
        "parts": [
            {"price": "7.10", "amount": "1.5"},
            {"price": None, "amount": "1.5"},
            {"currency": "USD", "amount": "0.5"},
        ],
    }
    assert type(Outer(value).as_dict()["value"]) is type(written)
    assert json.loads(json.dumps(Outer(value).as_dict()))["value"] == written
