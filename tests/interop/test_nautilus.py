"""NautilusTrader: order events as `to_dict()` writes them."""

from typing import Any

import pytest

from interop.imports import brief, fills, imported, reasons
from ledger_core import StrategyLedger

AT = 1_772_461_800_000_000_000


def event(kind: str, number: int = 0, **more: Any) -> dict[str, Any]:
    """Return an event, a second after another for each number."""
    head = {"type": kind, "trader_id": "T-1", "strategy_id": "S-1", "instrument_id": "AUD/USD.SIM"}
    ids = {"client_order_id": "O-1", "venue_order_id": "V-1", "account_id": "SIM-001", "event_id": f"{kind}-{number}"}
    return {**head, **ids, "ts_event": AT + number * 1_000_000_000, "ts_init": AT, **more}


def initialized(**more: Any) -> dict[str, Any]:
    """Return the event of a limit order to buy 100,000."""
    options = {"price": "0.65000", "expire_time_ns": 0}
    terms = {"order_side": "BUY", "order_type": "LIMIT", "quantity": "100000", "time_in_force": "GTC"}
    flags = {"post_only": False, "reduce_only": False, "quote_quantity": False, "venue_order_id": None}
    return event("OrderInitialized", **{**terms, **flags, "options": options, **more})


def filled(trade_id: str, quantity: str, number: int = 2, **more: Any) -> dict[str, Any]:
    """Return the event of a fill."""
    own = {"trade_id": trade_id, "order_side": "BUY", "order_type": "LIMIT", "last_qty": quantity, "last_px": "0.65"}
    return event("OrderFilled", number, **{**own, "currency": "USD", "commission": "2.00 USD", **more})


def test_the_events_of_an_order_tell_its_life(ledger: StrategyLedger) -> None:
    """From its initialization to its last fill, with fees and liquidity."""
    told = [
        initialized(),
        event("OrderSubmitted"),
        event("OrderAccepted", 1),
        filled("T1", "40000", liquidity_side="MAKER"),
        filled("T2", "60000", 3, liquidity_side="TAKER"),
    ]
    imported(ledger, "nautilus", told)
    assert brief(ledger, "O-1") == "FILLED 100000 of 100000"
    assert fills(ledger, "O-1") == ["T1: 40000 @ 0.65 - 2 USD", "T2: 60000 @ 0.65 - 2 USD"]
    order = ledger.get_order("O-1")
    assert (order.symbol, order.details.venue, order.venue_order_ids) == ("AUD/USD", "SIM", ("V-1",))


def test_requests_are_answered(ledger: StrategyLedger) -> None:
    """An update brings new terms; a refused cancel leaves the order; a cancel ends it."""
    told = [
        initialized(),
        event("OrderAccepted", 1),
        event("OrderUpdated", 2, quantity="80000", price="0.64"),
        event("OrderPendingCancel", 3),
        event("OrderCancelRejected", 4, reason="too late"),
        event("OrderPendingCancel", 5),
        event("OrderCanceled", 6),
    ]
    imported(ledger, "nautilus", told)
    order = ledger.get_order("O-1")
    assert (brief(ledger, "O-1"), str(order.limit_price)) == ("CANCELED 0 of 80000", "0.64")
    assert [one.state.value for one in order.requests if one.request_kind == "CANCEL"] == ["REJECTED", "ACCEPTED"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("OrderDenied", "REJECTED"),
        ("OrderRejected", "REJECTED"),
        ("OrderExpired", "EXPIRED"),
        ("OrderTriggered", "ACCEPTED"),
        ("OrderPendingUpdate", "ACCEPTED"),
        ("OrderModifyRejected", "ACCEPTED"),
    ],
)
def test_each_event_is_what_it_says(kind: str, status: str, ledger: StrategyLedger) -> None:
    """An event that ends the order ends it, any other leaves it at work."""
    imported(ledger, "nautilus", [initialized(), event("OrderAccepted", 1), event(kind, 2, reason="so")])
    assert ledger.get_order("O-1").status == status


def test_a_fill_that_is_voided_is_taken_back(ledger: StrategyLedger) -> None:
    """The order works again for what was taken back."""
    told = [initialized(), filled("T1", "40000"), event("OrderFillVoided", 3, trade_id="T1")]
    imported(ledger, "nautilus", told)
    assert brief(ledger, "O-1") == "ACCEPTED 0 of 100000"


def test_a_fill_alone_records_its_order(ledger: StrategyLedger) -> None:
    """The start of the file may be missing."""
    imported(ledger, "nautilus", [filled("T1", "40000")])
    assert brief(ledger, "O-1") == "FILLED 40000 of 40000"


def test_what_is_not_known_is_told(ledger: StrategyLedger) -> None:
    """Events of positions say nothing that the fills do not."""
    position = {"type": "PositionOpened", "position_id": "P-1", "entry": "BUY"}
    report = imported(ledger, "nautilus", [position, event("OrderLost")])
    assert reasons(report, "passed over") == ["an event of a position, which its fills tell"]
    assert reasons(report, "not understood") == ["events of the kind 'OrderLost' are not known"]
