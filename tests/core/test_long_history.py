"""What a command reads does not grow with what happened long ago."""

from collections.abc import Callable
from unittest.mock import patch

import pytest

from ledger_core import StrategyLedger
from ledger_core.model import Record
from ledger_core.repository import Query
from support import SteppingClock

FUNDINGS = 300
"""Payments of a hundred days; a perpetual pays three a day."""

READS_MAX = 20


def _order(ledger: StrategyLedger, order_id: str, side: str) -> None:
    ledger.record_order(
        order_id, {"symbol": "BTC-PERP", "side": side, "quantity": 5, "venue": "X", "order_type": "MARKET"}
    )


def _fill(ledger: StrategyLedger, order_id: str, **keywords: object) -> None:
    ledger.update_order_fill(order_id, {"fill_id": "1", "quantity": 5, "price": "10"}, **keywords)  # type: ignore[arg-type]  # a time


def _late_fill(ledger: StrategyLedger, clock: SteppingClock) -> None:
    _order(ledger, "in", "BUY")
    _order(ledger, "out", "SELL")
    earlier = clock()
    _fill(ledger, "out")
    _fill(ledger, "in", occurred_at=earlier)


def _bust(ledger: StrategyLedger, clock: SteppingClock) -> None:
    _order(ledger, "in", "BUY")
    _fill(ledger, "in")
    ledger.bust_order_fill("in", "1", "erroneous")


def _trade(ledger: StrategyLedger, clock: SteppingClock) -> None:
    _order(ledger, "in", "BUY")
    _fill(ledger, "in")
    ledger.create_trade("t", ["in"])


@pytest.mark.parametrize("work", [_late_fill, _bust, _trade])
def test_a_symbol_s_old_payments_are_not_read_again(
    ledger: StrategyLedger, clock: SteppingClock, work: Callable[[StrategyLedger, SteppingClock], None]
) -> None:
    """A late fill, a bust and a new trade read what happened since the position was flat, not years of funding."""
    for name in ("before", "between", "since"):
        _order(ledger, f"in {name}", "BUY")
        _fill(ledger, f"in {name}")
        _order(ledger, f"out {name}", "SELL")
        _fill(ledger, f"out {name}")
        for number in range(FUNDINGS if name == "before" else 0):
            payment = {"symbol": "BTC-PERP", "venue": "X", "kind": "FUNDING", "amount": "-0.01", "currency": "USD"}
            ledger.record_adjustment(f"a{number}", payment)
    read: list[Record] = []
    repository = ledger._repository
    find = repository.find

    def counting(query: Query) -> object:
        page = find(query)
        read.extend(page)
        return page

    with patch.object(repository, "find", counting):
        work(ledger, clock)
    assert len(read) <= READS_MAX, f"{len(read)} records were read"
