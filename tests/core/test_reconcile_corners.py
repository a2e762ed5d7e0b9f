"""Reconciling: what a broker says that is rarely said, and what is concluded from it."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import timedelta
from typing import Any

import pytest

from ledger_core import InvalidValue, StrategyLedger
from ledger_core.reconciling import Comparison
from support import START, fill, limit_order, market_order
from support.trading import at


def listed(order_id: str | None = "O1", **more: Any) -> dict[str, Any]:
    """Return an order in ACME as a broker lists it."""
    return {"order_id": order_id, "symbol": "ACME", "side": "BUY", "quantity": 10, **more}


def only(found: tuple[Comparison, ...]) -> Comparison:
    """Return the one finding."""
    (one,) = found
    return one


def test_order_that_works_again_at_the_broker_is_told(ledger: StrategyLedger) -> None:
    """It is suspended here and works there: which command books that is said, and none is proposed."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.update_order_suspension("O1", "halted")
    found = ledger.reconcile({"open_orders": [listed(status="ACCEPTED")]})
    assert only(found.different).note == "update_order_resumption books that it works again"
    assert found.proposals == ()


def test_day_order_that_was_renewed_at_the_broker_is_told(ledger: StrategyLedger) -> None:
    """It is done for the day here and works there: which command books that is said."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.update_order_done_for_day("O1")
    found = ledger.reconcile({"open_orders": [listed(status="ACCEPTED")]})
    assert "update_order_restatement books that it was renewed" in only(found.different).note


def test_field_that_differs_twice_is_named_once(ledger: StrategyLedger) -> None:
    """An order that was never answered and is suspended there differs in its status, for two reasons."""
    ledger.record_order("O1", limit_order())
    found = ledger.reconcile({"open_orders": [listed(status="SUSPENDED")]})
    assert only(found.different).fields == ("status",)
    assert [one.operation.value for one in found.proposals] == ["update_order_acceptance"]


def test_execution_in_another_symbol_differs(ledger: StrategyLedger) -> None:
    """The same fill id of the same order, but of something else: it is shown, and nothing is proposed."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4))
    execution = {"fill_id": "F1", "order_id": "O1", "quantity": 4, "price": 100, "symbol": "OTHER"}
    found = ledger.reconcile({"executions": [execution]})
    assert "symbol" in only(found.different).fields
    assert found.proposals == ()


def test_order_with_an_id_too_long_to_be_recorded_is_introduced_under_none(ledger: StrategyLedger) -> None:
    """A venue's id may fill all the room that an id has: with a prefix it is none, and the order is only shown."""
    found = ledger.reconcile({"open_orders": [listed(None, venue_order_id="V" * 128)]})
    assert found.proposals == ()
    assert only(found.missing_here).theirs is not None


def test_fills_at_the_very_moment_of_the_snapshot_count_with_it(ledger: StrategyLedger) -> None:
    """Holdings of a moment are those with what was executed up to it; what came after, or was busted, is left out."""
    ledger.record_order("O1", market_order())
    for number, seconds in enumerate((1, 5, 9, 10)):
        ledger.update_order_fill("O1", fill(f"F{number}", 1, executed_at=at(seconds)))
    ledger.bust_order_fill("O1", "F3")
    moment = START + timedelta(seconds=5)
    found = ledger.reconcile({"positions": [{"symbol": "ACME", "quantity": 2}], "as_of": moment})
    assert found.agrees


def test_fee_is_given_once(ledger: StrategyLedger) -> None:
    """Either one fee with its currency, or a list of them: both would be added, or not, by guessing."""
    execution: dict[str, Any] = {"fill_id": "F1", "order_id": "O1", "quantity": 4, "price": 100}
    both = {**execution, "fee": 1, "fee_currency": "USD", "fees": [{"amount": 1, "currency": "USD"}]}
    with pytest.raises(InvalidValue, match="give fee and fee_currency, or fees, not both") as refused:
        ledger.reconcile({"executions": [both]})
    assert refused.value.argument == "snapshot.executions[0].fees"
