"""The life of orders, and the ledger as one of those that can live it.

A round of form `orders` is 7 commands: BUY placed, accepted, half filled, filled, SELL placed, accepted, filled.
A round of form `trade` is 9, and two questions: the same, trade created and closed, get_order, get_open_positions.
Every command is its own durable transaction, unless it is given in a batch.
"""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from ledger_core import EventPublisher, Order, StrategyLedger, Trade
from ledger_core.ledger import open_ledger
from ledger_core.methods import Commands

COMMANDS = {"orders": 7, "trade": 9}


class Contestant(Protocol):
    """What can live the life of orders."""

    def place(self, order_id: str, side: str, quantity: str) -> object: ...
    def accept(self, order_id: str) -> object: ...
    def fill(self, order_id: str, fill_id: str, quantity: str, price: str) -> object: ...
    def open_trade(self, trade_id: str, order_id: str) -> object: ...
    def close_trade(self, trade_id: str, order_id: str) -> object: ...
    def ask(self, order_id: str) -> object: ...
    def finish(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class Silent:
    """A publisher that takes every event and reads nothing of it."""

    def publish(self, name: str, payload: Mapping[str, Any], /) -> None:
        """Take the event."""


class Dumping:
    """A publisher that makes JSON of every event, as one that sends them somewhere would."""

    def publish(self, name: str, payload: Mapping[str, Any], /) -> None:
        """Take the event."""
        json.dumps((name, payload))


class LedgerContestant:
    """StrategyLedger behind the five calls."""

    def __init__(self, url: str, batch: int = 1, publisher: EventPublisher | None = None) -> None:
        self.ledger: StrategyLedger = open_ledger(url, strategy_id="bench", publisher=publisher)
        self._batch_size = batch
        self._stack = ExitStack()
        self._target: Commands = self.ledger
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.finish()
        self.ledger.close()

    def place(self, order_id: str, side: str, quantity: str) -> Order:
        details = {
            "symbol": "X",
            "side": side,
            "order_type": "LIMIT",
            "quantity": quantity,
            "limit_price": "100.25",
            "time_in_force": "GTC",
            "currency": "USD",
        }
        return self._next().record_order(order_id, details)

    def accept(self, order_id: str) -> Order:
        return self._next().update_order_acceptance(order_id, {"venue_order_id": f"V{order_id}"})

    def fill(self, order_id: str, fill_id: str, quantity: str, price: str) -> Order:
        return self._next().update_order_fill(order_id, {"fill_id": fill_id, "quantity": quantity, "price": price})

    def open_trade(self, trade_id: str, order_id: str) -> Trade:
        return self._next().create_trade(trade_id, [order_id])

    def close_trade(self, trade_id: str, order_id: str) -> Trade:
        return self._next().close_trade(trade_id, {"order_ids": [order_id]})

    def ask(self, order_id: str) -> None:
        """Ask for an order and for what is held; a batch answers no question."""
        if self._batch_size == 1:
            self.ledger.get_order(order_id)
            self.ledger.get_open_positions()

    def finish(self) -> None:
        """Write what waits in a batch."""
        self._stack.close()
        self._target = self.ledger
        self._taken = 0

    def _next(self) -> Commands:
        if self._batch_size == 1:
            return self.ledger
        if self._taken % self._batch_size == 0:
            self.finish()
            self._target = self._stack.enter_context(self.ledger.batch())
        self._taken += 1
        return self._target


def run_rounds(contestant: Contestant, form: str, first: int, count: int, prefix: str = "") -> None:
    """Live `count` rounds, with ids from `first` on, behind a prefix where the store may know them already."""
    for number in range(first, first + count):
        buy, sell = f"{prefix}b{number}", f"{prefix}s{number}"
        contestant.place(buy, "BUY", "10")
        contestant.accept(buy)
        contestant.fill(buy, f"f{number}", "5", "100.25")
        contestant.fill(buy, f"g{number}", "5", "100.75")
        contestant.place(sell, "SELL", "10")
        contestant.accept(sell)
        contestant.fill(sell, f"h{number}", "10", "101.50")
        if form == "trade":
            contestant.open_trade(f"{prefix}t{number}", buy)
            contestant.close_trade(f"{prefix}t{number}", sell)
            contestant.ask(buy)
    contestant.finish()
