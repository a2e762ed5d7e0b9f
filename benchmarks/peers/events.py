# mypy: ignore-errors
"""The library eventsourcing: orders and a position as aggregates, saved after each command, in memory or in SQLite.

With `reloaded` each command loads its aggregates first, as a service without a cache does; else they are held.
"""

import os
import sys
import tempfile
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

from _loop import serve
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Order(Aggregate):
    """One order."""

    @event("Placed")
    def __init__(self, side: str, quantity: Decimal) -> None:
        self.side = side
        self.quantity = quantity
        self.filled = Decimal(0)
        self.value = Decimal(0)
        self.state = "PLACED"

    @event("Accepted")
    def accept(self, venue_order_id: str) -> None:
        self.state = "ACCEPTED"
        self.venue_order_id = venue_order_id

    @event("Filled")
    def fill(self, fill_id: str, quantity: Decimal, price: Decimal) -> None:
        self.last_fill_id = fill_id
        self.filled += quantity
        self.value += quantity * price
        self.state = "FILLED" if self.filled >= self.quantity else "PARTIALLY_FILLED"


class Position(Aggregate):
    """What is held of a symbol."""

    @event("Opened")
    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.quantity = Decimal(0)
        self.cost = Decimal(0)

    @event("Moved")
    def move(self, quantity: Decimal, price: Decimal) -> None:
        self.quantity += quantity
        self.cost += quantity * price


class Rounds(Application):
    """Seven commands a round; a fill saves its order and the position in one transaction."""

    reloaded = False

    def begin(self):
        self.position = Position("X")
        self.save(self.position)
        self.rounds = 0

    def again(self, aggregate):
        return self.repository.get(aggregate.id) if self.reloaded else aggregate

    def place(self, side):
        order = Order(side, Decimal(10))
        self.save(order)
        return order

    def accept(self, order, name):
        order = self.again(order)
        order.accept(name)
        self.save(order)
        return order

    def fill(self, order, name, quantity, price):
        order, position = self.again(order), self.again(self.position)
        order.fill(name, Decimal(quantity), Decimal(price))
        position.move(Decimal(quantity) * (1 if order.side == "BUY" else -1), Decimal(price))
        self.save(order, position)
        self.position = position
        return order

    def run(self, first, rounds):
        for number in range(first, first + rounds):
            if number % 5 == 0:  # a long-lived aggregate would be reloaded from ever more events
                self.position = Position("X")
                self.save(self.position)
            buy = self.accept(self.place("BUY"), f"V{number}")
            buy = self.fill(buy, f"f{number}", "5", "100.25")
            self.fill(buy, f"g{number}", "5", "100.75")
            sell = self.accept(self.place("SELL"), f"W{number}")
            self.fill(sell, f"h{number}", "10", "101.50")


if __name__ == "__main__":
    store, how = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARKS_FOLDER")) as folder:
        environment = {}
        if store == "sqlite":
            module = "eventsourcing.sqlite"
            environment = {"PERSISTENCE_MODULE": module, "SQLITE_DBNAME": str(Path(folder) / "events.db")}
        application = Rounds(env=environment)
        application.reloaded = how == "reloaded"
        application.begin()
        serve(version("eventsourcing"), application.run)
