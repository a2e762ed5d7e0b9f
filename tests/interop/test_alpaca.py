"""Alpaca: the trade_updates stream, orders as REST returns them, and account activities."""

from typing import Any

import pytest

from interop.imports import brief, fills, imported, reasons
from ledger_core import StrategyLedger
from ledger_core.lifecycle import OrderState


def order(order_id: str = "a1", **more: Any) -> dict[str, Any]:
    """Return an order of the REST interface."""
    own = {"id": f"uuid-{order_id}", "client_order_id": order_id, "symbol": "AAPL", "side": "buy", "type": "limit"}
    terms = {"qty": "100", "limit_price": "150.25", "stop_price": None, "time_in_force": "day", "notional": None}
    state = {"status": "new", "filled_qty": "0", "filled_avg_price": None, "legs": None, "replaced_by": None}
    return {**own, **terms, **state, "submitted_at": "2026-03-02T14:30:00.123456789Z", **more}


def update(event: str, more_of_event: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a message of the stream, as it is wrapped there."""
    data = {"event": event, "timestamp": "2026-03-02T14:31:00Z", "order": order(**more), **(more_of_event or {})}
    return {"stream": "trade_updates", "data": data}


def fill(execution_id: str, quantity: str, cum: str, event: str = "partial_fill") -> dict[str, Any]:
    """Return the event of a fill at 150.1."""
    status = "filled" if event == "fill" else "partially_filled"
    figures = {"execution_id": execution_id, "qty": quantity, "price": "150.1", "position_qty": cum}
    return update(event, figures, status=status, filled_qty=cum, filled_avg_price="150.1")


def test_the_stream_tells_an_orders_life(ledger: StrategyLedger) -> None:
    """Accepted, filled in two parts; each execution is one fill, the order's total only confirms them."""
    imported(ledger, "alpaca", [update("new"), fill("E1", "40", "40"), fill("E2", "60", "100", "fill")])
    assert brief(ledger, "a1") == "FILLED 100 of 100"
    assert fills(ledger, "a1") == ["E1: 40 @ 150.1", "E2: 60 @ 150.1"]


def test_an_order_of_the_rest_interface_stands_for_its_fills(ledger: StrategyLedger) -> None:
    """It has a total and no executions; activities, imported later, take the place of what was inferred."""
    imported(ledger, "alpaca", [order(status="canceled", filled_qty="40", filled_avg_price="150.1")])
    assert fills(ledger, "a1") == ["inferred:40: 40 @ 150.1"]
    activity = {"id": "20260302::E1", "activity_type": "FILL", "order_id": "uuid-a1", "symbol": "AAPL", "side": "buy"}
    imported(
        ledger, "alpaca", [{**activity, "qty": "40", "price": "150.1", "transaction_time": "2026-03-02T14:31:00Z"}]
    )
    assert fills(ledger, "a1") == ["E1: 40 @ 150.1"]
    assert brief(ledger, "a1") == "CANCELED 40 of 100"


def test_a_replaced_order_ends_and_a_new_one_begins(ledger: StrategyLedger) -> None:
    """Alpaca keeps two orders with ids of their own."""
    replaced = update("replaced", status="replaced", replaced_by="uuid-a2")
    imported(ledger, "alpaca", [update("new"), replaced, update("new", order_id="a2", qty="60")])
    assert (brief(ledger, "a1"), brief(ledger, "a2")) == ("CANCELED 0 of 100", "ACCEPTED 0 of 60")


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ("canceled", OrderState.CANCELED),
        ("expired", OrderState.EXPIRED),
        ("rejected", OrderState.REJECTED),
        ("done_for_day", OrderState.DONE_FOR_DAY),
        ("stopped", OrderState.STOPPED),
        ("suspended", OrderState.SUSPENDED),
        ("pending_cancel", OrderState.ACCEPTED),
    ],
)
def test_each_event_is_what_it_says(event: str, state: OrderState, ledger: StrategyLedger) -> None:
    """The event and the status in the order tell the same, and are booked once."""
    imported(ledger, "alpaca", [update("new"), update(event, status=event)])
    assert ledger.get_order("a1").state is state


def test_a_bust_and_a_correction(ledger: StrategyLedger) -> None:
    """They name the execution that they are about."""
    bust = update("trade_bust", {"previous_execution_id": "E1", "execution_id": "E3"}, filled_qty="60")
    figures = {"previous_execution_id": "E2", "execution_id": "E4", "qty": "50", "price": "150.2"}
    told = [update("new"), fill("E1", "40", "40"), fill("E2", "60", "100", "fill"), bust]
    imported(ledger, "alpaca", [*told, update("trade_correct", figures, filled_qty="50")])
    assert fills(ledger, "a1") == ["E2: 50 @ 150.2"]


def test_a_bracket_is_its_legs_too(ledger: StrategyLedger) -> None:
    """Orders of REST may carry the orders that hang on them."""
    leg = order("a1-stop", side="sell", type="stop", stop_price="140", limit_price=None, status="held")
    imported(ledger, "alpaca", [order(legs=[leg])])
    assert ledger.get_order("a1-stop").details.stop_price == 140


def test_an_order_by_value(ledger: StrategyLedger) -> None:
    """A notional is a value in dollars until the order is over and its quantity known."""
    notional: dict[str, Any] = {"qty": None, "notional": "500", "type": "market", "limit_price": None}
    imported(ledger, "alpaca", [order(**notional)])
    assert ledger.get_order("a1").details.cash_quantity == 500
    assert brief(ledger, "a1") == "ACCEPTED 0 of ?"


def test_a_dividend_is_an_adjustment(ledger: StrategyLedger) -> None:
    """Other activities are not read, which is told."""
    known = {
        "id": "20260302::D1",
        "activity_type": "DIV",
        "symbol": "AAPL",
        "net_amount": "12.50",
        "date": "2026-03-02",
    }
    report = imported(ledger, "alpaca", [known, {"id": "20260302::J1", "activity_type": "JNLC", "net_amount": "5"}])
    assert [one.adjustment_id for one in ledger.find_adjustments()] == ["20260302::D1"]
    assert reasons(report, "not understood") == ["activities of the kind 'JNLC' are not read"]


def test_an_event_that_is_not_known_is_told(ledger: StrategyLedger) -> None:
    """Nothing is dropped; messages of the connection are passed over."""
    hello = {"stream": "authorization", "data": {"status": "authorized"}}
    report = imported(ledger, "alpaca", [hello, update("teleported")])
    assert reasons(report, "not understood") == ["the event 'teleported' is not known"]
    assert reasons(report, "passed over") == ["a message of the connection"]
