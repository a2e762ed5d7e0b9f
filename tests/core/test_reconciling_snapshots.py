"""Reconciling: how a broker's snapshot is read, what is refused of it and where, and what its words come to."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from decimal import Decimal
from typing import Any

import pytest

from ledger_core import InvalidValue, StrategyLedger
from ledger_core.reconciling.snapshot import broker_snapshot
from support import market_order

ORDER: dict[str, Any] = {"order_id": "O1", "symbol": "ACME", "side": "BUY", "quantity": 10}
EXECUTION: dict[str, Any] = {"fill_id": "F1", "order_id": "O1", "quantity": 4, "price": 100}
POSITION: dict[str, Any] = {"symbol": "ACME", "quantity": 4}
FEE: dict[str, Any] = {"amount": 1, "currency": "USD"}


def refused(part: str, *items: Any) -> InvalidValue:
    """Return the error that a list of the snapshot is refused with."""
    with pytest.raises(InvalidValue) as error:
        broker_snapshot({part: list(items)})
    return error.value


@pytest.mark.parametrize(("part", "item", "required"), [
    ("open_orders", ORDER, ("symbol", "side", "quantity")),
    ("executions", EXECUTION, ("fill_id", "quantity", "price")),
    ("positions", POSITION, ("symbol", "quantity")),
])  # fmt: skip
def test_what_an_item_must_have_is_required(part: str, item: dict[str, Any], required: tuple[str, ...]) -> None:
    """With it alone an item is read; without one of it, the error names the item in the list, and what it lacks."""
    assert len(getattr(broker_snapshot({part: [item]}), part)) == 1
    for name in required:
        error = refused(part, item, {key: value for key, value in item.items() if key != name})
        assert (error.argument, error.value) == (f"snapshot.{part}[1].{name}", None)


def test_fee_has_an_amount_and_a_currency() -> None:
    """Each of a list, which is named by its places in both lists."""
    for name in FEE:
        without = {key: value for key, value in FEE.items() if key != name}
        error = refused("executions", EXECUTION, {**EXECUTION, "fees": [FEE, without]})
        assert error.argument == f"snapshot.executions[1].fees[1].{name}"


@pytest.mark.parametrize("given", [{}, {"venue": "X"}, {"positions": None, "account": "A"}])
def test_snapshot_that_says_nothing_is_refused(given: dict[str, Any]) -> None:
    """Nothing was asked: that is a mistake of the caller's, not agreement."""
    with pytest.raises(InvalidValue) as error:
        broker_snapshot(given)
    assert (error.value.argument, error.value.value) == ("snapshot", given)
    assert str(error.value) == "snapshot says nothing; give open_orders, executions or positions"


@pytest.mark.parametrize("part", ["open_orders", "executions", "positions"])
def test_one_list_is_enough_and_may_be_empty(part: str) -> None:
    """The others were not asked for."""
    told = broker_snapshot({part: []})
    lists = {"open_orders": told.open_orders, "executions": told.executions, "positions": told.positions}
    assert lists == {**dict.fromkeys(lists), part: ()}


@pytest.mark.parametrize(("part", "item"), [("open_orders", ORDER), ("executions", EXECUTION)])
def test_order_is_named_by_our_id_or_by_the_brokers(part: str, item: dict[str, Any]) -> None:
    """By one of both at least."""
    nameless = {key: value for key, value in item.items() if key != "order_id"}
    for named in ({"order_id": "O1"}, {"venue_order_id": "V1"}, {"order_id": "O1", "venue_order_id": "V1"}):
        (read,) = getattr(broker_snapshot({part: [{**nameless, **named}]}), part)
        assert read.reference == next(iter(named.values()))
    error = refused(part, nameless)
    assert (error.argument, error.value) == (f"snapshot.{part}[0].order_id", nameless)
    assert str(error).endswith("order_id is required, or venue_order_id")


@pytest.mark.parametrize(("fees", "name", "said"), [
    ({"fee": 1}, "fee_currency", "goes with fee: give both or neither"),
    ({"fee_currency": "USD"}, "fee_currency", "goes with fee: give both or neither"),
    ({"fee": 1, "fee_currency": "USD", "fees": []}, "fees", "give fee and fee_currency, or fees, not both"),
    ({"fee_in_base": True}, "fee_in_base", "needs a fee: the first of fees is the one in the base"),
    ({"fee_in_base": True, "fees": []}, "fee_in_base", "needs a fee: the first of fees is the one in the base"),
])  # fmt: skip
def test_fee_that_is_told_by_halves_is_refused(fees: dict[str, Any], name: str, said: str) -> None:
    """Where, with the execution as it was given."""
    error = refused("executions", {**EXECUTION, **fees})
    assert (error.argument, error.value) == (f"snapshot.executions[0].{name}", {**EXECUTION, **fees})
    assert str(error) == f"snapshot.executions[0].{name} {said}"


@pytest.mark.parametrize(("fees", "read"), [
    ({"fee": "0.5", "fee_currency": "USD"}, [("USD", Decimal("0.5"))]),
    ({"fees": [FEE, FEE]}, [("USD", 1), ("USD", 1)]),
    ({"fees": []}, []),
    ({"fee_in_base": False}, None),
    ({}, None),
])  # fmt: skip
def test_fees_are_read_as_they_are_told(fees: dict[str, Any], read: list[tuple[str, Decimal]] | None) -> None:
    """The same twice is two fees; none at all was not told."""
    (one,) = broker_snapshot({"executions": [{**EXECUTION, **fees}]}).executions or ()
    assert (None if one.fees is None else [(fee.currency, fee.amount) for fee in one.fees]) == read


def test_what_is_listed_twice_counts_once_but_for_positions() -> None:
    """Pages that overlap repeat orders and executions; lots of a position may be alike."""
    told = broker_snapshot({"open_orders": [ORDER] * 2, "executions": [EXECUTION] * 2, "positions": [POSITION] * 2})
    assert [len(part or ()) for part in (told.open_orders, told.executions, told.positions)] == [1, 1, 2]


def test_list_has_a_hundred_thousand_items_at_most() -> None:
    """More than any other argument, and not without an end."""
    assert len(broker_snapshot({"positions": [POSITION] * 1_001}).positions or ()) == 1_001
    error = refused("positions", *[None] * 100_001)
    assert error.argument == "snapshot.positions"
    assert "more than 100000 items" in str(error)


@pytest.mark.parametrize(
    ("side", "quantity", "holds"), [("LONG", -4, "4"), ("SHORT", 4, "-4"), ("SHORT", "1.5", "-1.5")]
)
def test_position_of_a_side_has_its_sign(side: str, quantity: object, holds: str) -> None:
    """The error shows the number that was meant."""
    error = refused("positions", {**POSITION, "position_side": side, "quantity": quantity})
    assert (error.argument, error.value) == ("snapshot.positions[0].quantity", Decimal(str(quantity)))
    assert str(error).endswith(f"quantity is signed: a {side} position holds {holds}, not {quantity}")


@pytest.mark.parametrize(
    ("side", "quantities"), [("LONG", (4, 0)), ("SHORT", (-4, 0)), ("NET", (4, 0, -4)), (None, (4, 0, -4))]
)
def test_position_may_be_flat_and_a_net_one_of_either_sign(side: str | None, quantities: tuple[int, ...]) -> None:
    """A broker that does not tell sides apart lists the net of both."""
    listed = [{**POSITION, "position_side": side, "quantity": quantity} for quantity in quantities]
    assert tuple(one.quantity for one in broker_snapshot({"positions": listed}).positions or ()) == quantities


@pytest.mark.parametrize(("side", "fees", "moved"), [
    ("BUY", {"fees": [{"amount": "0.5", "currency": "ACM"}, FEE], "fee_in_base": True}, "3.5"),
    ("SELL", {"fees": [{"amount": "0.5", "currency": "ACM"}, FEE], "fee_in_base": True}, "-4.5"),
    ("BUY", {"fees": [{"amount": "0.5", "currency": "ACM"}], "fee_in_base": False}, "4"),
    ("SELL", {"fee": "0.5", "fee_currency": "ACM"}, "-4"),
])  # fmt: skip
def test_fee_in_the_base_currency_leaves_the_position(
    ledger: StrategyLedger, side: str, fees: dict[str, Any], moved: str
) -> None:
    """The first of them, whichever way the order goes; fees in money do not."""
    ledger.record_order("O1", market_order(side, base_currency="ACM"))
    found = ledger.reconcile({"executions": [{**EXECUTION, **fees}], "positions": [{**POSITION, "quantity": moved}]})
    assert [one.theirs for one in found.matched] == [{"quantity": Decimal(moved)}]
    found.proposals[0].apply(ledger)
    assert ledger.get_position("ACME").quantity == Decimal(moved)
