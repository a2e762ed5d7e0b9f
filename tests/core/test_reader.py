"""The reader over all strategies: what is open in each, however much that is, and nothing that is over."""

from pathlib import Path

import pytest

from ledger_core import LedgerReader, open_reader, open_repository
from ledger_core.changes import GENESIS_DIGEST, Head
from ledger_core.lifecycle import OrderState, TradeState
from ledger_core.testing.samples import entry, later, order, trade

AMOUNT = 1_001
"""One more than a page has."""


@pytest.fixture
def reader(tmp_path: Path) -> LedgerReader:
    """Return a reader of two strategies, of which one has much that is open."""
    path = tmp_path / "orders.db"
    for name, amount in (("beta", AMOUNT), ("alpha", 1)):
        repository = open_repository(path, strategy_id=name)
        repository.append([entry(Head(0, GENESIS_DIGEST), order("O-0", sequence=1), strategy_id=name)])
        repository.restore(
            [
                *(order(f"O-{number}", placed_at=later(number), sequence=number) for number in range(1, amount + 1)),
                *(trade(f"T-{number}", opened_at=later(number), sequence=number) for number in range(1, amount + 1)),
                order("DOUBT", state=OrderState.IN_DOUBT, placed_at=later(9_999), sequence=9_998),
                order("GONE", state=OrderState.CANCELED, sequence=9_999),
                trade("OVER", state=TradeState.CLOSED, sequence=9_999),
            ]
        )
        repository.close()
    return open_reader(path)


def test_all_that_is_open_is_told_with_its_strategy(reader: LedgerReader) -> None:
    """Orders in doubt come first, then the oldest, of one time by their strategies; trades by strategy."""
    with reader:
        orders = [(name, one.order_id) for name, one in reader.get_open_orders()]
        assert orders[:5] == [("alpha", "DOUBT"), ("beta", "DOUBT"), ("alpha", "O-1"), ("beta", "O-1"), ("beta", "O-2")]
        assert orders[5:] == [("beta", f"O-{number}") for number in range(3, AMOUNT + 1)]
        trades = [(name, one.trade_id) for name, one in reader.get_open_trades()]
        assert trades == [("alpha", "T-1"), *(("beta", f"T-{number}") for number in range(1, AMOUNT + 1))]
