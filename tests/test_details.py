"""The objects that callers hand in, read key by key: what is kept of each, and what is said of what does not fit."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import InvalidValue, details
from ledger_core._frozen import freeze
from ledger_core.commands import AdjustmentDetails, Correction, FillDetails, TradeDetails
from ledger_core.lifecycle import OrderStatus
from ledger_core.model import (
    AdjustmentKind,
    Fee,
    Liquidity,
    OrderChanges,
    OrderDetails,
    OrderType,
    PositionSide,
    ResidualReason,
    Side,
    StatusReport,
    TimeInForce,
)
from ledger_core.testing.samples import NOON, later

Given = dict[str, Any]
ONE, TWO = Decimal(1), Decimal("2.50")

TERMS: Given = {
    "quantity": "1.0",
    "limit_price": "2.50",
    "stop_price": "2.50",
    "trailing_offset": "2.50",
    "time_in_force": "GTD",
    "expire_at": NOON.isoformat(),
    "venue_order_id": "V",
}
READ_TERMS: Given = {
    **TERMS,
    "quantity": ONE,
    **dict.fromkeys(("limit_price", "stop_price", "trailing_offset"), TWO),
    "time_in_force": TimeInForce.GTD,
    "expire_at": NOON,
}
PLAIN = ("venue", "account", "currency", "base_currency", "parent_order_id", "order_list_id", "execution_group_id")
ORDER: Given = {
    **TERMS,
    **{name: name.upper() for name in (*PLAIN, "trade_plan_id", "origin", "symbol")},
    "side": "SELL",
    "order_type": "STOP_LIMIT",
    "position_side": "LONG",
    "multiplier": "1.0",
    "inverse": True,
    "reduce_only": False,
    "post_only": True,
    "arrival_price": "2.50",
    "metadata": {"a": [1]},
}
READ_ORDER: Given = {
    **ORDER,
    **READ_TERMS,
    "side": Side.SELL,
    "order_type": OrderType.STOP_LIMIT,
    "position_side": PositionSide.LONG,
    "multiplier": ONE,
    "arrival_price": TWO,
    "metadata": freeze({"a": [1]}),
}
FILL: Given = {
    "fill_id": "F",
    "quantity": "1.0",
    "price": "2.50",
    "side": "BUY",
    "symbol": "ACME",
    "fees": [{"amount": "1.0", "currency": "USD"}, {"amount": "-2.50", "currency": "BNB"}],
    "fee_in_base": True,
    "liquidity": "MAKER",
    "trade_date": "2026-03-02",
    "venue_order_id": "V",
    "inferred": True,
    "metadata": {"a": 1},
}
READ_FILL: Given = {
    **FILL,
    "quantity": ONE,
    "price": TWO,
    "side": Side.BUY,
    "fees": (Fee("USD", ONE), Fee("BNB", -TWO)),
    "liquidity": Liquidity.MAKER,
    "trade_date": date(2026, 3, 2),
    "metadata": freeze({"a": 1}),
}
LEVELS: Given = {"stop_price": "2.50", "target_price": "2.50", "tags": ["a", "b"], "metadata": {"a": 1}}
READ_LEVELS = TradeDetails(stop_price=TWO, target_price=TWO, tags=("a", "b"), metadata=freeze({"a": 1}))
ABOUT: Given = {"symbol": "ACME", "venue": "X", "account": "A", "position_side": "LONG", "base_currency": "BTC"}
MORE: Given = {"multiplier": "1.0", "inverse": False, "metadata": {"a": 1}}
READ_MORE: Given = {
    "multiplier": ONE,
    "inverse": False,
    "metadata": freeze({"a": 1}),
    "position_side": PositionSide.LONG,
}
KINDS: Mapping[AdjustmentKind, tuple[Given, Given]] = {
    AdjustmentKind.FUNDING: ({"amount": "2.50", "currency": "USD"}, {"amount": Decimal("2.5"), "currency": "USD"}),
    AdjustmentKind.INTEREST: ({"amount": "-1.0", "currency": "USD"}, {"amount": -ONE, "currency": "USD"}),
    AdjustmentKind.DIVIDEND: ({"amount": "1.0", "currency": "USD"}, {"amount": ONE, "currency": "USD"}),
    AdjustmentKind.TRANSFER: ({"quantity": "-1.0", "price": "2.50"}, {"quantity": -ONE, "price": TWO}),
    AdjustmentKind.OPENING_POSITION: ({"quantity": "1.0", "price": "0"}, {"quantity": ONE, "price": Decimal(0)}),
    AdjustmentKind.SPLIT: ({"ratio": "0.50"}, {"ratio": Decimal("0.5")}),
}


def test_an_order_is_read_with_everything_that_was_given() -> None:
    """Key by key; when it was placed is the command's to keep."""
    assert details.order_details(ORDER) == (OrderDetails(**READ_ORDER), None)
    least = {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "cash_quantity": "1.0", "cash_currency": "USD"}
    wanted = OrderDetails(
        symbol="ACME", side=Side.BUY, order_type=OrderType.MARKET, cash_quantity=ONE, cash_currency="USD"
    )
    assert details.order_details({**least, "placed_at": NOON}) == (wanted, NOON)


def test_a_fill_is_read_with_everything_that_was_given() -> None:
    """Its fees as a list, or as the one that there is; when it was executed is the command's to keep."""
    assert details.fill_details(FILL) == (FillDetails(**READ_FILL), None)
    least: Given = {"fill_id": "F", "quantity": 1, "price": "2.50"}
    plain = FillDetails(fill_id="F", quantity=ONE, price=TWO)
    assert details.fill_details({**least, "executed_at": NOON}) == (plain, NOON)
    charged = {**least, "fee": "1.0", "fee_currency": "USD"}
    assert details.fill_details(charged)[0].fees == (Fee("USD", ONE),)
    assert details.fill_details({**charged, "fee_in_base": True})[0].fee_in_base


def test_terms_are_read_with_everything_that_was_given() -> None:
    """None of a change that need not be there stays none."""
    assert details.order_changes(TERMS) == OrderChanges(**READ_TERMS)
    assert details.order_changes({"quantity": 1}, required=False) == OrderChanges(quantity=ONE)
    assert details.order_changes(None, required=False) is None
    assert details.order_changes({}, required=False) is None
    assert details.acceptance_data(None) == {}
    assert details.acceptance_data({"venue_order_id": "V", "quantity": "1.0"}) == {
        "venue_order_id": "V",
        "quantity": ONE,
    }


def test_what_the_venue_tells_later_is_read_with_everything_that_was_given() -> None:
    """Corrections, fees and the answers of polls."""
    given: Given = {"fill_id": "C", "quantity": "1.0", "price": "2.50"}
    assert details.correction(given) == Correction(fill_id="C", quantity=ONE, price=TWO)
    fee = {"amount": "1.0", "currency": "USD"}
    assert details.fees(fee) == details.fees([fee]) == (Fee("USD", ONE),)
    assert details.fees([]) == ()
    told = {"status": "FILLED", "cum_quantity": "0", "average_price": "2.50"}
    report = StatusReport(status=OrderStatus.FILLED, cum_quantity=Decimal(0), average_price=TWO)
    assert details.status_report(told) == (report, None)
    assert details.status_report({**told, "venue_order_id": "V"}) == (report, "V")
    assert details.status_report({"venue_order_id": "V"}) == (StatusReport(), "V")


@pytest.mark.parametrize("kind", AdjustmentKind)
def test_an_adjustment_is_read_by_its_kind(kind: AdjustmentKind) -> None:
    """Each needs its own keys, and takes none of another kind's."""
    given, read = KINDS[kind]
    whole = {"kind": kind.value, **ABOUT, **MORE, **given}
    wanted = AdjustmentDetails(kind=kind, **{**ABOUT, **READ_MORE, **read})
    assert details.adjustment(whole) == (wanted, None)
    assert details.adjustment({**whole, "occurred_at": NOON}) == (wanted, NOON)
    for name in given:
        refusal = refusal_of(details.adjustment, {key: value for key, value in whole.items() if key != name})
        assert (refusal.argument, refusal.value) == (f"adjustment.{name}", None)
    for name in {"amount", "quantity", "price", "ratio"} - set(given):
        refusal = refusal_of(details.adjustment, {**whole, name: 7})
        assert (refusal.argument, refusal.value) == (f"adjustment.{name}", 7)
        assert refusal.message == f"adjustment.{name} says nothing of {kind}, which takes {', '.join(given)}"
    for name in {"amount", "quantity"} & set(given):
        refusal = refusal_of(details.adjustment, {**whole, name: 0})
        assert (refusal.argument, refusal.value) == (f"adjustment.{name}", 0)
        assert refusal.message == f"adjustment.{name} must not be zero"


def test_what_is_said_of_a_trade_is_read_with_everything_that_was_given() -> None:
    """Of one that is made, changed and closed; orders whole or shared."""
    assert details.trade_details(LEVELS) == READ_LEVELS
    assert details.trade_details(None) == TradeDetails()
    assert details.trade_updates(LEVELS) == (READ_LEVELS, (), {})
    shared = freeze({"A": ONE})
    assert details.trade_updates({**LEVELS, "order_ids": {"A": 1}}) == (READ_LEVELS, ("A",), shared)
    assert details.trade_updates({"order_ids": ["A"]}) == (TradeDetails(), ("A",), {})
    left: Given = {"residual": {"ACME": "-1.0"}, "residual_reason": "DUST", "reason": "over"}
    read = {"residual": freeze({"ACME": -ONE}), "residual_reason": ResidualReason.DUST, "reason": "over"}
    assert details.exit_data(None) == ({}, None)
    assert details.exit_data({**left, "closed_at": NOON}) == (read, NOON)
    assert details.exit_data({"order_ids": ["A"]}) == ({"order_ids": ("A",), "shares": {}}, None)
    assert details.exit_data({"order_ids": {"A": 1}}) == ({"order_ids": ("A",), "shares": shared}, None)


def test_a_resolution_books_or_dismisses_with_a_reason() -> None:
    """Onto an order that is there, or a new one."""
    why = {"reason": "mine"}
    assert details.resolution({"order_id": "O", **why}) == ("O", None, "mine")
    assert details.resolution({"order_id": "O", "dismiss": False, **why}) == ("O", None, "mine")
    assert details.resolution({"dismiss": True, **why}) == (None, None, "mine")
    made = details.resolution({"order_id": "O", "order_details": ORDER, **why})
    assert made == ("O", OrderDetails(**READ_ORDER), "mine")


def refusal_of(read: Callable[..., Any], given: object) -> InvalidValue:
    """Return what is said of something malformed."""
    with pytest.raises(InvalidValue) as refused:
        read(given)
    return refused.value


CASH: Given = {"symbol": "A", "side": "BUY", "order_type": "MARKET", "cash_quantity": 1, "cash_currency": "USD"}
NO_CASH = {name: CASH[name] for name in ("symbol", "side", "order_type")}
LEAST: Given = {"fill_id": "F", "quantity": 1, "price": 1}
PAID: Given = {"fee": 1, "fee_currency": "USD"}
MINE: Given = {"reason": "mine"}

BOTH = "give both or neither"
TERMS_KNOWN = "quantity, limit_price, stop_price, trailing_offset, time_in_force, expire_at, venue_order_id"
# fmt: off
WRONG: tuple[tuple[Callable[..., Any], Given, str, str], ...] = (
    # by what it is read, what is given, which of its parts is wrong, and what is said of it
    (details.order_details, NO_CASH, "order_details.quantity", "give quantity or cash_quantity, not neither"),
    (details.order_details, {**CASH, "quantity": 1}, "order_details.quantity",
     "give quantity or cash_quantity, not both"),
    (details.order_details, {**NO_CASH, "cash_quantity": 1}, "order_details.cash_currency",
     f"goes with cash_quantity: {BOTH}"),
    (details.order_details, {**NO_CASH, "quantity": 1, "cash_currency": "USD"}, "order_details.cash_currency",
     f"goes with cash_quantity: {BOTH}"),
    (details.fill_details, {**LEAST, "fee": 1}, "fill_data.fee_currency", f"goes with fee: {BOTH}"),
    (details.fill_details, {**LEAST, "fee_currency": "USD"}, "fill_data.fee_currency", f"goes with fee: {BOTH}"),
    (details.fill_details, {**LEAST, **PAID, "fees": []}, "fill_data.fees",
     "give fee and fee_currency, or fees, not both"),
    (details.fill_details, {**LEAST, "fee_in_base": True}, "fill_data.fee_in_base",
     "needs a fee: the first of fees is the one in the base currency"),
    (details.fill_details, {**LEAST, "fee_in_base": True, "fees": []}, "fill_data.fee_in_base",
     "needs a fee: the first of fees is the one in the base currency"),
    (details.order_changes, {}, "changes", f"names no term; known are {TERMS_KNOWN}"),
    (details.status_report, {}, "report",
     "says nothing; known are status, cum_quantity, average_price, venue_order_id"),
    (details.resolution, {**MINE}, "resolution.order_id", "give order_id, to book the fact, or dismiss=True"),
    (details.resolution, {**MINE, "order_id": "O", "dismiss": True}, "resolution.order_id",
     "give order_id, to book the fact, or dismiss=True"),
    (details.resolution, {**MINE, "dismiss": False}, "resolution.order_id",
     "give order_id, to book the fact, or dismiss=True"),
    (details.resolution, {**MINE, "dismiss": True, "order_details": ORDER}, "resolution.order_details",
     "goes with the order_id that the new order shall have"),
    (details.trade_updates, {}, "updates",
     "names nothing; known are stop_price, target_price, tags, metadata, order_ids"),
    (details.trade_updates, {"order_ids": []}, "updates",
     "names nothing; known are stop_price, target_price, tags, metadata, order_ids"),
    (details.exit_data, {"residual": {"A": 1}}, "exit_data.residual_reason", f"goes with residual: {BOTH}"),
    (details.exit_data, {"residual_reason": "DUST"}, "exit_data.residual_reason", f"goes with residual: {BOTH}"),
)
# fmt: on

INSIDE: tuple[tuple[Callable[..., Any], Any, str, Any], ...] = (
    # by what it is read, what is given, which of its parts is wrong, and what is there
    (details.order_details, {**CASH, "side": "UP"}, "order_details.side", "UP"),
    (details.order_details, {**CASH, "side": None}, "order_details.side", None),
    (details.order_details, {**CASH, "symbol": None}, "order_details.symbol", None),
    (details.order_details, {**CASH, "order_type": None}, "order_details.order_type", None),
    (details.order_details, {**CASH, "placed_at": "soon"}, "order_details.placed_at", "soon"),
    (details.order_details, {**CASH, "lot": 1}, "order_details", "lot"),
    (details.fill_details, {**LEAST, "fill_id": None}, "fill_data.fill_id", None),
    (details.fill_details, {**LEAST, "quantity": None}, "fill_data.quantity", None),
    (details.fill_details, {**LEAST, "price": None}, "fill_data.price", None),
    (details.fill_details, {**LEAST, "fees": [{"amount": 1}]}, "fill_data.fees[0].currency", None),
    (details.fill_details, {**LEAST, "fees": [{"currency": "USD"}]}, "fill_data.fees[0].amount", None),
    (details.fill_details, {**LEAST, "fees": {"amount": 1, "currency": 7}}, "fill_data.fees[0].currency", 7),
    (details.fees, [{"amount": 1, "currency": "USD"}, {"amount": "x", "currency": "USD"}], "fees[1].amount", "x"),
    (details.fees, "USD", "fees", "USD"),
    (details.order_changes, None, "changes", None),
    (details.order_changes, {"quantity": 0}, "changes.quantity", 0),
    (details.acceptance_data, {"quantity": 0}, "acceptance_data.quantity", 0),
    (details.acceptance_data, {"side": "BUY"}, "acceptance_data", "side"),
    (details.correction, {"quantity": 1, "price": 1}, "correction.fill_id", None),
    (details.correction, {"fill_id": "C", "price": 1}, "correction.quantity", None),
    (details.correction, {"fill_id": "C", "quantity": 1}, "correction.price", None),
    (details.status_report, {"cum_quantity": -1}, "report.cum_quantity", -1),
    (details.adjustment, {"kind": "SPLIT"}, "adjustment.symbol", None),
    (details.adjustment, {"symbol": "A"}, "adjustment.kind", None),
    (details.adjustment, {"kind": "SPLIT", "symbol": "A", "ratio": 0}, "adjustment.ratio", 0),
    (details.resolution, {"dismiss": True}, "resolution.reason", None),
    (details.resolution, {**MINE, "order_id": "O", "order_details": {}}, "resolution.order_details.symbol", None),
    (details.trade_details, {"tags": ["a", 7]}, "details.tags[1]", 7),
    (details.trade_details, {"stop_price": "x"}, "details.stop_price", "x"),
    (details.trade_updates, {"order_ids": "A"}, "updates.order_ids", "A"),
    (details.trade_updates, {"stop_price": "x"}, "updates.stop_price", "x"),
    (details.exit_data, {"residual": {}}, "exit_data.residual", {}),
    (details.exit_data, {"residual": {7: 1}}, "exit_data.residual", 7),
    (details.exit_data, {"residual": {"A": "x"}}, "exit_data.residual['A']", "x"),
    (details.exit_data, {"residual_reason": "LOST"}, "exit_data.residual_reason", "LOST"),
    (
        details.exit_data,
        {"closed_at": later(1).replace(tzinfo=None)},
        "exit_data.closed_at",
        later(1).replace(tzinfo=None),
    ),
)


def test_parts_that_do_not_go_together_are_refused_with_the_whole() -> None:
    """The one that is missing, or too much, is named; the sentence says what goes with what."""
    for read, given, argument, words in WRONG:
        refusal = refusal_of(read, given)
        assert (refusal.argument, refusal.value) == (argument, given)
        assert refusal.message == f"{argument} {words}"
    nothing = refusal_of(details.exit_data, {"residual": {}, "residual_reason": "DUST"})
    assert nothing.message == "exit_data.residual must be a mapping of symbol to quantity"


def test_a_part_that_is_malformed_or_missing_is_named_by_its_path() -> None:
    """And shown."""
    for read, given, argument, shown in INSIDE:
        refusal = refusal_of(read, given)
        assert (refusal.argument, refusal.value) == (argument, shown)


def test_what_holds_an_object_says_where() -> None:
    """The same terms and details are read under the name that they have there."""
    assert refusal_of(lambda given: details.order_changes(given, "snapshot.terms"), {"quantity": 0}).argument == (
        "snapshot.terms.quantity"
    )
    assert refusal_of(lambda given: details.order_details(given, "made"), {}).argument == "made.symbol"
    assert refusal_of(lambda given: details.trade_details(given, "made"), {"tags": 7}).argument == "made.tags"


def test_a_word_is_read_as_the_member_that_it_is() -> None:
    """Given as either; anything else is refused, also what no dict can look up."""
    read = details._of(Side)
    assert read("SELL", "it") is read(Side.SELL, "it") is Side.SELL
    unhashable: list[object] = ["BUY"]
    for junk in ("UP", 7, None, unhashable):
        refusal = refusal_of(lambda given: read(given, "it"), junk)
        assert refusal.argument == "it"
        assert refusal.value is junk
        assert refusal.message.startswith("it must be one of BUY, SELL, SELL_SHORT, not ")
