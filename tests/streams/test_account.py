"""A real account's signed fills of four years: net positions, and PnL against sums in fractions.

The fills are one order each. What is bought and sold of a symbol crosses zero many times, so cost and realized PnL
are those of long and short cycles, by every cost method.
"""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import csv
import gzip
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest

from ledger_core import StrategyLedger, open_ledger
from support import data_folder

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("account")]

FOLDER = data_folder("data/pyfolio")
NET = {"AMD": 2299, "CERN": 484, "COST": 955, "DELL": 3817, "GPS": 1466, "INTC": 1120, "MMM": -27}
"""The net quantities that the README of the data gives."""


class Row(NamedTuple):
    """One fill of the file."""

    executed_at: datetime
    symbol: str
    amount: int
    price: Decimal


def rows() -> list[Row]:
    """Read the file."""
    assert FOLDER is not None, "skipped where it is absent"
    with gzip.open(FOLDER / "test_txn.csv.gz", "rt") as lines:
        return [
            Row(datetime.fromisoformat(row[""]), row["symbol"], int(row["amount"]), Decimal(row["price"]))
            for row in csv.DictReader(lines)
        ]


@pytest.fixture(scope="module")
def account() -> StrategyLedger:
    """Return a ledger that was told all fills."""
    if FOLDER is None:
        pytest.skip("STRATEGY_LEDGER_TEST_DATA has no folder data/pyfolio")
    ledger = open_ledger("memory://", strategy_id="account")
    numbered = list(enumerate(rows()))
    for start in range(0, len(numbered), 500):
        with ledger.batch() as batch:
            for number, row in numbered[start : start + 500]:
                if not row.amount:
                    continue
                side, quantity = ("BUY" if row.amount > 0 else "SELL"), abs(row.amount)
                details = {"symbol": row.symbol, "side": side, "order_type": "MARKET", "quantity": quantity}
                batch.record_order(f"o{number}", {**details, "currency": "USD"}, occurred_at=row.executed_at)
                fill = {"fill_id": "1", "quantity": quantity, "price": row.price}
                batch.update_order_fill(f"o{number}", fill, occurred_at=row.executed_at)
    return ledger


def test_net_positions_are_those_of_the_file(account: StrategyLedger) -> None:
    """Every fill is counted once."""
    assert {held.symbol: held.quantity for held in account.get_open_positions()} == NET


@pytest.mark.parametrize("cost_method", ["average", "fifo", "lifo"])
def test_cash_that_moved_is_realized_or_still_in_the_position(account: StrategyLedger, cost_method: str) -> None:
    """Whatever the method: realized PnL less the cost of what is held is the sum of the cash flows, to the last digit."""
    cash: dict[str, Fraction] = defaultdict(Fraction)
    for row in rows():
        cash[row.symbol] -= row.amount * Fraction(row.price)
    for symbol, net in NET.items():
        position = account.get_position(symbol, cost_method=cost_method)
        held = Fraction(position.cost) * (1 if net > 0 else -1)
        assert Fraction(position.realized_pnl) - held == cash[symbol]
