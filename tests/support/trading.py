"""A ledger with a few fills in it, a second apart, for tests about what they come to."""

from datetime import datetime, timedelta
from typing import Any

from ledger_core import StrategyLedger
from ledger_storage_memory import MemoryRepository
from support.clock import START, SteppingClock
from support.details import fill, market_order


def at(seconds: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(seconds=seconds)


def traded(*fills: tuple[str, object, object], symbol: str = "ACME", **terms: Any) -> StrategyLedger:
    """Return a ledger with fills (side, quantity, price), a second apart, of an order of each side."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for side in ("BUY", "SELL"):
        ledger.record_order(side, market_order(side, 10**9, symbol=symbol, **{"currency": "USD", **terms}))
    for number, (side, quantity, price) in enumerate(fills):
        ledger.update_order_fill(side, fill(f"F{number}", quantity, price, executed_at=at(number)))
    return ledger
