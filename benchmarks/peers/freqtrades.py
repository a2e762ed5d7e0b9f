# mypy: ignore-errors
"""Freqtrade's persistence on SQLite: its Trade and Order models, committed after each command."""

import os
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from _loop import serve
from freqtrade.persistence import Order, Trade, init_db


class Rounds:
    """A trade a round, with a buy and a sell order, each updated as the exchange's answers come in."""

    def __init__(self, folder: str) -> None:
        init_db(f"sqlite:///{Path(folder) / 'trades.sqlite'}")

    def place(self, trade, name, side):
        order = Order.parse_from_ccxt_object(self.answer(name, side, "open", 0, None), "X/USD", side, 10, 100.25)
        trade.orders.append(order)
        Trade.session.add(trade)
        Trade.commit()
        return order

    def answer(self, name, side, status, filled, average):
        now = datetime.now(UTC)
        return {
            "id": name,
            "symbol": "X/USD",
            "type": "limit",
            "side": side,
            "status": status,
            "price": 100.25,
            "average": average,
            "amount": 10.0,
            "filled": float(filled),
            "remaining": 10.0 - filled,
            "cost": float(filled) * (average or 0),
            "timestamp": int(now.timestamp() * 1000),
            "datetime": now.isoformat(),
        }

    def update(self, trade, order, answer):
        order.update_from_ccxt_object(answer)
        if answer["status"] == "closed":
            trade.update_trade(order)
        Trade.commit()

    def run(self, first, rounds):
        for number in range(first, first + rounds):
            trade = Trade(
                pair="X/USD",
                base_currency="X",
                stake_currency="USD",
                stake_amount=1002.5,
                amount=10.0,
                amount_requested=10.0,
                open_rate=100.25,
                open_rate_requested=100.25,
                fee_open=0.0,
                fee_close=0.0,
                open_date=datetime.now(UTC),
                exchange="bench",
                is_open=True,
                leverage=1.0,
            )
            buy = self.place(trade, f"b{number}", "buy")
            self.update(trade, buy, self.answer(f"b{number}", "buy", "open", 0, None))
            self.update(trade, buy, self.answer(f"b{number}", "buy", "open", 5, 100.25))
            self.update(trade, buy, self.answer(f"b{number}", "buy", "closed", 10, 100.5))
            sell = self.place(trade, f"s{number}", "sell")
            self.update(trade, sell, self.answer(f"s{number}", "sell", "open", 0, None))
            self.update(trade, sell, self.answer(f"s{number}", "sell", "closed", 10, 101.5))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARKS_FOLDER")) as folder:
        serve(version("freqtrade"), Rounds(folder).run)
