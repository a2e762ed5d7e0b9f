"""A fact that was booked by hand waits no more, under whatever name it waited."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from typing import Any

import pytest

from ledger_core import FactMismatch, StrategyLedger, UnknownOrder, open_ledger
from support.clock import SteppingClock
from support.details import fill, market_order


def quarantined(ledger: StrategyLedger, order_id: str | None, **more: Any) -> str:
    """Tell of a fill that cannot be booked, and return where it is filed."""
    with pytest.raises((UnknownOrder, FactMismatch)) as caught:
        ledger.update_order_fill(order_id, fill("F1", 1, 5, **more))
    assert caught.value.quarantine_id is not None
    return caught.value.quarantine_id


def test_a_fill_known_by_the_venues_id_alone_is_booked_once() -> None:
    """After a person booked it onto an order, that order's next fill is booked as ever."""
    with open_ledger("memory://", strategy_id="alpha", clock=SteppingClock()) as ledger:
        ledger.record_order("O1", market_order("BUY", 5))
        named = quarantined(ledger, None, venue_order_id="V1")
        ledger.resolve_quarantined(named, {"order_id": "O1", "reason": "by hand"})
        assert ledger.update_order_fill("O1", fill("F2", 1, 6)).cum_quantity == 2
        assert ledger.verify().is_intact


@pytest.mark.parametrize("in_batch", [False, True])
def test_a_fill_of_an_order_that_comes_later_is_not_booked_again(*, in_batch: bool) -> None:
    """Booked by hand onto another order than it named, it is not tried again when that one is placed at last."""
    with open_ledger("memory://", strategy_id="alpha", clock=SteppingClock()) as ledger:
        ledger.record_order("O1", market_order("BUY", 5))
        named = quarantined(ledger, "O2")
        resolution = {"order_id": "O1", "reason": "by hand"}
        if in_batch:
            with ledger.batch() as batch:
                batch.resolve_quarantined(named, resolution)
                batch.record_order("O2", market_order("BUY", 5))
        else:
            ledger.resolve_quarantined(named, resolution)
            ledger.record_order("O2", market_order("BUY", 5))
        assert (ledger.get_order("O1").cum_quantity, ledger.get_order("O2").cum_quantity) == (1, 0)
        assert ledger.verify().is_intact
