"""What is held and what moves it, as values: what can be derived of an adjustment, a split, an instrument, a position."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from ledger_core.holdings import split_quantity
from ledger_core.model import Adjustment, AdjustmentKind, Instrument, Opening, Position, PositionSide, Split
from ledger_core.testing.samples import NOON, adjustment, later

FUNDING, SPLIT = AdjustmentKind.FUNDING, AdjustmentKind.SPLIT


@pytest.mark.parametrize(
    ("symbol", "since", "kind", "is_wanted"),
    [
        ("AAPL", None, None, True),
        ("OTHER", None, None, False),
        ("AAPL", NOON, None, True),
        ("AAPL", later(0.000001), None, False),
        ("AAPL", None, FUNDING, True),
        ("AAPL", None, SPLIT, False),
        ("AAPL", later(-1), FUNDING, True),
        ("AAPL", later(1), FUNDING, False),
        ("OTHER", later(-1), FUNDING, False),
    ],
)
def test_an_adjustment_is_wanted_by_symbol_time_and_kind(
    symbol: str, since: datetime | None, kind: AdjustmentKind | None, is_wanted: bool
) -> None:
    """All that are given must fit; what happened just then is not before it."""
    assert adjustment().is_wanted(symbol, since, kind) is is_wanted


KEY = ("AAPL", "X", "main", "LONG")


@pytest.mark.parametrize(
    ("kind", "parts", "concerns"),
    [
        (FUNDING, {"venue": "X", "account": "main", "position_side": PositionSide.LONG}, True),
        (FUNDING, {"venue": "X", "account": "main"}, False),
        (FUNDING, {}, False),
        (SPLIT, {}, True),
        (SPLIT, {"venue": "X"}, True),
        (SPLIT, {"venue": "Y"}, False),
        (SPLIT, {"account": "main"}, True),
        (SPLIT, {"account": "other"}, False),
        (SPLIT, {"position_side": PositionSide.LONG}, True),
        (SPLIT, {"position_side": PositionSide.SHORT}, False),
        (SPLIT, {"symbol": "OTHER"}, False),
    ],
)
def test_a_split_concerns_every_position_it_does_not_rule_out(
    kind: AdjustmentKind, parts: dict[str, Any], concerns: bool
) -> None:
    """Of every other kind a part that was not given is a part that the position does not have."""
    assert adjustment(adjustment_kind=kind, **parts).concerns(KEY) is concerns


def test_key_of_an_adjustments_position_has_empty_parts() -> None:
    """As positions are named themselves."""
    assert adjustment().position_key == ("AAPL", "", "", "NET") == Position(symbol="AAPL").key
    assert adjustment(venue="X", account="main", position_side=PositionSide.LONG).position_key == KEY


@pytest.mark.parametrize(
    ("given", "signed"),
    [
        ({"quantity": Decimal(-4)}, -4),
        ({}, 0),
        ({"amount": Decimal(3)}, 0),
        ({"amount": Decimal(3), "moves_quantity": True}, -3),
        ({"amount": Decimal(-3), "moves_quantity": True}, 3),
        ({"moves_quantity": True, "quantity": Decimal(5)}, 5),
    ],
)
def test_what_an_adjustment_adds_is_its_quantity_or_the_interest_it_took(given: dict[str, Any], signed: int) -> None:
    """Interest in the base currency that was paid leaves the position."""
    assert adjustment(**given).signed_quantity == signed


def test_splits_count_for_what_was_executed_before_them() -> None:
    """By time, and at one time by their places in the journal; rounded half-even to 18 places."""
    splits = [Split(NOON, 5, Decimal(2)), Split(later(1), 3, Decimal("0.1"))]
    assert split_quantity(Decimal(3), (later(-1), 9, 0), splits) == Decimal("0.6")
    assert split_quantity(Decimal(3), (NOON, 4, 0), splits) == Decimal("0.6")
    assert split_quantity(Decimal(3), (NOON, 6, 0), splits) == Decimal("0.3")
    assert split_quantity(Decimal(3), (later(1), 2, 0), splits) == Decimal("0.3")
    assert split_quantity(Decimal(3), (later(1), 4, 7), splits) == 3
    tiny = Decimal("0.000000000000000003")
    assert split_quantity(tiny, (NOON, 1, 0), [Split(NOON, 2, Decimal("0.5"))]) == Decimal("0.000000000000000002")


def test_price_behind_a_value_is_by_the_terms() -> None:
    """Of nothing there is none, and none of a linear contract that is worth units of nothing."""
    linear, inverse = Instrument(symbol="A", multiplier=Decimal(5)), Instrument(symbol="B", inverse=True)
    assert linear.value(Decimal(2), Decimal(7)) == 70
    assert linear.price(Decimal(2), Decimal(70)) == 7
    assert linear.price(Decimal(0), Decimal(70)) is None
    assert linear.price(Decimal(2), Decimal(0)) == 0
    assert inverse.value(Decimal(100), Decimal(50)) == 2
    assert inverse.price(Decimal(100), Decimal(2)) == 50
    assert inverse.price(Decimal(100), Decimal(0)) is None


def test_economic_order_is_time_then_place_in_the_journal() -> None:
    """Of an adjustment, an opening, and what a position folded last, if anything."""
    place: dict[str, Any] = {"sequence": 7, "index": 2}
    figures: dict[str, Any] = dict.fromkeys(("realized_pnl", "cycle_realized_pnl"), Decimal(0))
    opening = Opening(archive_id="A", executed_at=NOON, opened_at=later(-1), **place, **figures)
    position = Position(symbol="A", last_executed_at=NOON, last_sequence=7, last_index=2)
    for one in (adjustment(**place).economic_order, opening.economic_order, position.last_economic_order):
        assert one == (NOON, 7, 2)
    assert Position(symbol="A").last_economic_order is None


def test_money_of_a_position_is_in_the_currency_of_its_terms() -> None:
    """Quote of a linear, base of an inverse contract; a position's terms are its instrument's."""
    terms: dict[str, Any] = {"venue": "X", "currency": "USD", "base_currency": "BTC", "multiplier": Decimal(5)}
    for inverse, money in ((False, "USD"), (True, "BTC")):
        position = Position(symbol="A", inverse=inverse, **terms)
        assert position.money_currency == position.instrument.money_currency == money
        instrument = Instrument(symbol="A", inverse=inverse, **terms)
        assert position.instrument == instrument
        assert instrument.key == ("X", "A")
    assert Instrument(symbol="A").key == ("", "A")
    assert isinstance(adjustment(), Adjustment)
