"""What a question takes, of a ledger and of a view of it: each argument is named where it is malformed or unknown."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import inspect
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from ledger_core import InvalidValue, LedgerError, StrategyLedger, UnknownFill, UnknownOrder, UnknownTrade
from ledger_core.errors import Archived
from ledger_core.model import Order, Position, Unresolved
from ledger_core.views import LedgerView
from support import fill, limit_order, market_order
from support.trading import at

QUESTIONS: Mapping[str, dict[str, Any]] = {
    "get_order": {"order_id": "O"},
    "get_trade": {"trade_id": "T"},
    "get_fill": {"order_id": "O", "fill_id": "F"},
    "get_order_day": {"order_id": "O", "trade_date": date(2026, 1, 5)},
    "get_position": {"symbol": "ACME"},
    "get_position_exposure": {"symbol": "ACME"},
    "find_orders": {},
    "find_fills": {},
    "find_trades": {},
    "find_adjustments": {},
    "as_of": {},
    "read_journal": {},
    "explain_pnl": {"symbol": "ACME"},
    "get_net_pnl": {"symbol": "ACME", "currency": "USD"},
    "get_trade_statistics": {"trade_id": "T"},
    "records": {},
}
"""Every question with arguments, and what it cannot be asked without."""


@pytest.fixture
def lived(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with one order that is filled, and one trade."""
    ledger.record_order("O", market_order(venue="X"), occurred_at=at(0))
    ledger.update_order_fill("O", fill("F", 10, venue_order_id="V"), occurred_at=at(1))
    ledger.create_trade("T", ["O"], occurred_at=at(2))
    return ledger


def asked(of: object) -> list[str]:
    """Return the questions that something answers."""
    return [name for name in QUESTIONS if hasattr(of, name)]


@pytest.mark.parametrize("is_view", [False, True])
def test_a_malformed_argument_of_a_question_is_named_and_shown(lived: StrategyLedger, is_view: bool) -> None:
    """Whichever it is, and before anything is looked up."""
    subject: Any = lived.as_of(recorded=at(100)) if is_view else lived
    junk = object()
    for question in asked(subject):
        for name in inspect.signature(getattr(subject, question)).parameters:
            given = {**QUESTIONS[question], name: junk}
            if name == "trade_id":
                given.pop("symbol", None)
            with pytest.raises(InvalidValue) as refused:
                getattr(subject, question)(**given)
            assert (refused.value.argument, refused.value.value) == (name, junk), question


@pytest.mark.parametrize("is_view", [False, True])
def test_what_is_not_there_is_named(lived: StrategyLedger, is_view: bool) -> None:
    """A fill of an order that is not there is an order that is not there."""
    subject: Any = lived.as_of(recorded=at(100)) if is_view else lived
    unknown: tuple[tuple[str, tuple[Any, ...], type[LedgerError], dict[str, str]], ...] = (
        ("get_order", ("O9",), UnknownOrder, {"order_id": "O9"}),
        ("get_trade", ("T9",), UnknownTrade, {"trade_id": "T9"}),
        ("get_fill", ("O9", "F"), UnknownOrder, {"order_id": "O9"}),
        ("get_fill", ("O", "F9"), UnknownFill, {"order_id": "O", "fill_id": "F9"}),
        ("get_order_day", ("O9", date(2026, 1, 5)), UnknownOrder, {"order_id": "O9"}),
        ("get_history", ("O9",), UnknownOrder, {"order_id": "O9"}),
        ("get_trade_statistics", ("T9",), UnknownTrade, {"trade_id": "T9"}),
    )
    for question, arguments, error, context in unknown:
        if hasattr(subject, question):
            with pytest.raises(error) as refused:
                getattr(subject, question)(*arguments)
            assert refused.value.context == context
            assert all(repr(name) in refused.value.message for name in context.values())


def test_an_id_of_history_is_checked(lived: StrategyLedger) -> None:
    """It is an order's or a trade's: the argument is called what it is."""
    for junk in ("", 7):
        with pytest.raises(InvalidValue) as refused:
            lived.get_history(junk)  # type: ignore[arg-type]  # what a caller might give
        assert (refused.value.argument, refused.value.value) == ("id", junk)
    assert [entry.sequence for entry in lived.get_history("T")] == [3]


@pytest.mark.parametrize("is_view", [False, True])
def test_a_position_that_never_was_is_flat_under_the_names_that_were_given(
    lived: StrategyLedger, is_view: bool
) -> None:
    """With every part of the key that the question had."""
    subject = lived.as_of(recorded=at(100)) if is_view else lived
    named: dict[str, Any] = {"venue": "Y", "account": "A", "position_side": "LONG"}
    assert subject.get_position("ACME", **named) == Position(symbol="ACME", **named)
    assert subject.get_position("NONE") == Position(symbol="NONE")
    assert subject.get_position("ACME", venue="X").quantity == 10
    assert subject.get_position("ACME", venue="Y").quantity == 0
    assert subject.get_position("ACME", account="A").quantity == 0
    assert subject.get_position("ACME", position_side="LONG").quantity == 0


@pytest.mark.parametrize("is_view", [False, True])
def test_what_is_left_out_of_a_key_means_all(lived: StrategyLedger, is_view: bool) -> None:
    """Of positions and of exposure; where they cannot be added their keys are told in order."""
    keys: tuple[tuple[str, dict[str, str], int], ...] = (
        ("P", {"venue": "B", "account": "N"}, 5),
        ("Q", {"venue": "A", "account": "M"}, 3),
        ("R", {"venue": "A", "account": "N"}, 1),
    )
    for order_id, key, quantity in keys:
        lived.record_order(order_id, market_order(**key), occurred_at=at(10))
        lived.update_order_fill(order_id, fill("F", quantity), occurred_at=at(11))
    for venue, currency in (("Y", "USD"), ("B", "EUR")):
        lived.record_order(f"FX{venue}", market_order(symbol="FX", venue=venue, currency=currency), occurred_at=at(12))
        lived.update_order_fill(f"FX{venue}", fill("F", 1), occurred_at=at(13))
    subject: Any = lived.as_of(recorded=at(100)) if is_view else lived
    held = {"": 19, "X": 10, "A": 4, "B": 5, "M": 3, "N": 6, "AN": 1, "XN": 0}
    for name, quantity in held.items():
        given = {"venue" if part in "ABX" else "account": part for part in name}
        assert subject.get_position("ACME", **given).quantity == quantity
        exposure = subject.get_position_exposure("ACME", **given)
        assert (exposure.net_quantity, exposure.symbol) == (quantity, "ACME")
    whole: tuple[tuple[dict[str, str], int], ...] = (
        ({"position_side": "NET"}, 19),
        ({"position_side": "LONG"}, 0),
        ({"position_side": "NET", "venue": "A"}, 4),
        ({"position_side": "NET", "venue": "A", "account": "M"}, 3),
        ({"position_side": "LONG", "venue": "A", "account": "M"}, 0),
        ({"position_side": "NET", "venue": "B", "account": "M"}, 0),
        ({"position_side": "NET", "venue": "B", "account": "N"}, 5),
    )
    for given, quantity in whole:
        assert subject.get_position("ACME", **given).quantity == quantity
    with pytest.raises(InvalidValue) as refused:
        subject.get_position("FX")
    assert [key[1] for key in refused.value.keys] == ["B", "Y"]
    assert [one.key[1] for one in subject.get_open_positions()] == ["A", "A", "B", "X", "B", "Y"]


def test_a_page_goes_on_after_a_record_of_its_own_kind(lived: StrategyLedger) -> None:
    """Named by the record or by its sequence; a record of another kind is refused and shown."""
    order, trade = lived.get_order("O"), lived.get_trade("T")
    lived.record_order("P", limit_order())
    for after in (order, order.sequence):
        assert [one.order_id for one in lived.find_orders(after=after)] == ["P"]
    for find in (lived.find_fills, lived.find_trades, lived.find_adjustments):
        with pytest.raises(InvalidValue) as refused:
            find(after=order)
        assert (refused.value.argument, refused.value.value) == ("after", order)
    with pytest.raises(InvalidValue) as refused:
        lived.find_orders(after=trade)
    assert (refused.value.argument, refused.value.value) == ("after", trade)
    assert list(lived.find_orders(after=0, limit=None)) == list(lived.find_orders(limit=2))


@pytest.mark.parametrize(("field", "path"), [("sequence", "after.sequence"), ("order_id", "after.key")])
def test_a_record_of_the_callers_own_making_is_checked_as_a_place(lived: StrategyLedger, field: str, path: str) -> None:
    """It may say anything of itself."""
    found = lived.get_order("O")
    values = {name: getattr(found, name) for name in ("order_id", "details", "placed_at", "recorded_at", "sequence")}
    made = Order(**{**values, field: -1})
    with pytest.raises(InvalidValue) as refused:
        lived.find_orders(after=made)
    assert (refused.value.argument, refused.value.value) == (path, -1)


def test_a_view_is_of_a_moment(lived: StrategyLedger) -> None:
    """At least one is given, and the view says which; both are in UTC."""
    with pytest.raises(InvalidValue, match=r"^give recorded, occurred, or both$") as refused:
        lived.as_of()
    assert (refused.value.argument, refused.value.value) == ("recorded", None)
    view = lived.as_of(recorded=at(100), occurred=at(1))
    assert isinstance(view, LedgerView)
    assert (view.recorded, view.occurred) == (at(100), at(1))
    assert view.head == lived.head()


def test_a_fill_is_archived_with_its_order(lived: StrategyLedger) -> None:
    """Whoever asks for either is told in which archive."""
    lived.record_order("S", market_order("SELL", venue="X"), occurred_at=at(3))
    lived.update_order_fill("S", fill("F", 10), occurred_at=at(4))
    lived.update_trade("T", {"order_ids": ["S"]})
    lived.close_trade("T", occurred_at=at(5))
    groups = list(lived.archivist.archivable(at(10_000)))
    assert [refusal for _, refusal in lived.archivist.let_go("A1", groups)] == [None] * len(groups)
    for ask in (
        lambda: lived.get_order("O"),
        lambda: lived.get_fill("O", "F"),
        lambda: lived.get_fill("O", "F9"),
        lambda: lived.get_trade("T"),
        lambda: lived.get_order_day("O", date(2026, 1, 5)),
    ):
        with pytest.raises(Archived) as refused:
            ask()
        assert refused.value.archive_id == "A1"


def test_something_is_unresolved_where_any_part_of_it_is() -> None:
    """An order in doubt, a request in flight or a fact that waits."""
    nothing: dict[str, Any] = {"orders": (), "requests": (), "quarantined": ()}
    assert not Unresolved(**nothing)
    for part in nothing:
        assert Unresolved(**{**nothing, part: ("something",)})
