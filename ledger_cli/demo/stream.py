"""The recorded stream: what a backtest engine noted of its orders, executions and holdings, day by day."""

import gzip
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from importlib.resources import files
from typing import Any, Self

import attrs


class RecordedStatus(IntEnum):
    """How the engine numbers the states of an order."""

    OPEN = 0
    FILLED = 1
    CANCELED = 2


@attrs.frozen(kw_only=True)
class RecordedOrder:
    """An order as it was at the close of a day; `amount` is signed, `commission` the sum so far."""

    recorded_id: str
    symbol: str
    amount: Decimal
    status: RecordedStatus
    commission: Decimal
    created_at: datetime

    @property
    def quantity(self) -> Decimal:
        """The amount without its sign."""
        return abs(self.amount)

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.amount > 0


@attrs.frozen(kw_only=True)
class Transaction:
    """What was executed of an order; `amount` is signed. Without an order the engine itself closed the position."""

    recorded_id: str | None
    symbol: str
    amount: Decimal
    price: Decimal


@attrs.frozen(kw_only=True)
class Holding:
    """What was held of a symbol at a close; `cost_basis` is per unit and includes commissions."""

    symbol: str
    amount: Decimal
    cost_basis: Decimal
    last_price: Decimal


@attrs.frozen(kw_only=True)
class Day:
    """A trading day: the orders that changed on it, what was executed, and the holdings at its close."""

    at: datetime
    orders: tuple[RecordedOrder, ...]
    transactions: tuple[Transaction, ...]
    holdings: Mapping[str, Holding]
    pnl: Decimal

    @property
    def new_orders(self) -> tuple[RecordedOrder, ...]:
        """What the strategy decided to order on this day."""
        return tuple(order for order in self.orders if order.created_at == self.at)


@attrs.frozen
class RecordedStream:
    """All days, oldest first."""

    days: tuple[Day, ...]

    @classmethod
    def shipped(cls) -> Self:
        """Read the stream that ships with the package; its numbers stay exactly as they are printed there."""
        packed = files("ledger_cli").joinpath("data", "momentum_pipeline.jsonl.gz").read_bytes()
        lines = gzip.decompress(packed).decode().splitlines()
        return cls(tuple(_day(json.loads(line, parse_float=Decimal)) for line in lines))

    def final_orders(self) -> list[RecordedOrder]:
        """Return every order as it was last recorded."""
        last = {order.recorded_id: order for day in self.days for order in day.orders}
        return list(last.values())

    def transactions(self) -> list[Transaction]:
        """Return every transaction."""
        return [transaction for day in self.days for transaction in day.transactions]


def _day(row: Mapping[str, Any]) -> Day:
    return Day(
        at=datetime.fromisoformat(row["date"]),
        orders=tuple(
            RecordedOrder(
                recorded_id=order["id"],
                symbol=order["sid"],
                amount=Decimal(order["amount"]),
                status=RecordedStatus(order["status"]),
                commission=Decimal(order["commission"]),
                created_at=datetime.fromisoformat(order["created"]),
            )
            for order in row["orders"]
        ),
        transactions=tuple(
            Transaction(
                recorded_id=transaction["order_id"],
                symbol=transaction["sid"],
                amount=Decimal(transaction["amount"]),
                price=Decimal(transaction["price"]),
            )
            for transaction in row["transactions"]
        ),
        holdings={
            held["sid"]: Holding(
                symbol=held["sid"],
                amount=Decimal(held["amount"]),
                cost_basis=Decimal(held["cost_basis"]),
                last_price=Decimal(held["last_sale_price"]),
            )
            for held in row["positions"]
        },
        pnl=Decimal(row["pnl"]),
    )
