"""A year of trading in a ledger, the same each time: several symbols and strategies, two currencies, open risk at its end."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from ledger_core import StrategyLedger, UnknownOrder, open_ledger
from support.details import fill, limit_order, market_order

SYMBOLS = (
    ("AAPL", "USD", 180),
    ("MSFT", "USD", 410),
    ("BTC/USDT", "USDT", 60_000),
    ("ETH/USDT", "USDT", 3_000),
    ("SPY", "USD", 520),
)
FIRST_DAY = datetime(2025, 1, 2, 14, 30, tzinfo=UTC)


def trading_days(count: int) -> list[datetime]:
    """Return when trading begins on each of so many week days."""
    days = (FIRST_DAY + timedelta(days=n) for n in range(2 * count + 7))
    return [day for day in days if day.weekday() < 5][:count]


class _Clock:
    def __init__(self) -> None:
        self.now = FIRST_DAY

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=7)
        return self.now


def write_year(
    path: Path, *, days: int = 250, trades_a_day: int = 4, strategies: Sequence[str] = ("momentum", "reversion")
) -> None:
    """Write a year of round trips into a file, and leave something of everything open at its end."""
    for number, strategy in enumerate(strategies):
        draw = random.Random(number)
        clock = _Clock()
        url = f"sqlite:///{path}?durability=none"
        with open_ledger(url, strategy_id=strategy, clock=clock) as ledger:
            for day, begin in enumerate(trading_days(days)):
                for trade in range(trades_a_day // len(strategies)):
                    clock.now = max(clock.now, begin + timedelta(minutes=40 * trade + draw.randrange(30)))
                    _round_trip(ledger, clock, draw, f"{strategy[:3]}-{day:03}-{trade}")
            if not number:
                _open_ends(ledger)


def _round_trip(ledger: StrategyLedger, clock: _Clock, draw: random.Random, name: str) -> None:
    symbol, currency, base = draw.choice(SYMBOLS)
    entry = Decimal(base) + Decimal(draw.randrange(-500, 500)).scaleb(-2)
    exit_price = entry + Decimal(draw.randrange(-95, 105)).scaleb(-4) * base
    quantity = Decimal(draw.randrange(1, 40)) if base < 1_000 else Decimal(draw.randrange(1, 900)).scaleb(-4)
    side, other = draw.choice((("BUY", "SELL"), ("SELL", "BUY")))
    terms = {"symbol": symbol, "currency": currency, "venue": "XNAS" if currency == "USD" else "BINANCE"}
    limit = limit_order(side, quantity, entry, arrival_price=entry - Decimal("0.01"), **terms)
    ledger.record_order(f"{name}-in", limit)
    clock.now += timedelta(milliseconds=draw.randrange(20, 400))
    if draw.random() < 0.04:
        ledger.update_order_rejection(f"{name}-in", draw.choice(("insufficient margin", "price out of bounds")))
        return
    ledger.update_order_acceptance(f"{name}-in", {"venue_order_id": f"V-{name}-in"})
    fee = {"fee": (quantity * entry * Decimal("0.0002")).quantize(Decimal("0.0001")), "fee_currency": currency}
    clock.now += timedelta(seconds=draw.randrange(1, 90))
    ledger.update_order_fill(f"{name}-in", fill("1", quantity, entry, liquidity="MAKER", **fee))
    ledger.create_trade(name, [f"{name}-in"])
    clock.now += timedelta(minutes=draw.randrange(5, 35))
    ledger.record_order(f"{name}-out", market_order(other, quantity, **terms))
    clock.now += timedelta(milliseconds=draw.randrange(20, 400))
    ledger.update_order_fill(f"{name}-out", fill("1", quantity, exit_price, liquidity="TAKER", **fee))
    ledger.close_trade(name, {"order_ids": [f"{name}-out"], "reason": draw.choice(("target", "stop", "time"))})


def _open_ends(ledger: StrategyLedger) -> None:
    ledger.record_order("held", market_order("BUY", 25, symbol="AAPL", currency="USD", venue="XNAS"))
    ledger.update_order_fill("held", fill("1", 25, "181.375", fee="0.35", fee_currency="USD"))
    ledger.create_trade("held-trade", ["held"])
    ledger.record_order("working", limit_order("SELL", 25, "190", symbol="AAPL", currency="USD", venue="XNAS"))
    ledger.update_order_acceptance("working", {"venue_order_id": "V-working"})
    ledger.request_order_cancel("working", "C-1")
    ledger.record_order("lost", market_order("BUY", "0.05", symbol="BTC/USDT", currency="USDT", venue="BINANCE"))
    ledger.update_order_in_doubt("lost", "no answer within 2 s")
    try:
        ledger.update_order_fill(None, fill("9", 3, "411.20", symbol="MSFT", side="BUY", venue_order_id="V-unknown"))
    except UnknownOrder:
        return
    raise AssertionError("a fill of no order is filed in quarantine")
