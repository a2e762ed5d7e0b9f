"""The floors: the same life of orders written by hand, with nothing between the code and the store.

`SqliteFloor` is what an engineer writes in an afternoon with the sqlite3 module: four tables (orders, fills,
positions, journal), one transaction a command, decimals as text, no check, no index to serve a query, no event.
`DictFloor` does the same in plain dicts with a set of legal transitions. `SyncFloor` writes some pages a command and
waits for the disk, and does nothing else. The statements of the ledger, made again by nobody, are `replaying`'s.
"""

import json
import os
import sqlite3
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.replaying import SYNCHRONOUS

SCHEMA = """
CREATE TABLE orders (order_id TEXT PRIMARY KEY, symbol TEXT, side TEXT, quantity TEXT, state TEXT, cum_quantity TEXT,
    executed_value TEXT, placed_at TEXT) STRICT;
CREATE TABLE fills (order_id TEXT, fill_id TEXT, quantity TEXT, price TEXT, executed_at TEXT,
    PRIMARY KEY (order_id, fill_id)) STRICT;
CREATE TABLE positions (symbol TEXT PRIMARY KEY, quantity TEXT, cost TEXT, realized_pnl TEXT) STRICT;
CREATE TABLE trades (trade_id TEXT PRIMARY KEY, order_ids TEXT, state TEXT, realized_pnl TEXT) STRICT;
CREATE TABLE journal (sequence INTEGER PRIMARY KEY, body TEXT) STRICT;
"""
NOW = "2026-01-01T00:00:00.000000Z"


class Book:
    """The state that both floors keep in Python, as a handler would."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.position = [Decimal(0), Decimal(0), Decimal(0)]

    def place(self, order_id: str, side: str, quantity: str) -> dict[str, Any]:
        order = {"order_id": order_id, "side": side, "quantity": Decimal(quantity), "state": "PLACED"}
        order["cum"] = order["value"] = Decimal(0)
        self.orders[order_id] = order
        return order

    def fill(self, order_id: str, quantity: str, price: str) -> dict[str, Any]:
        order, filled, at = self.orders[order_id], Decimal(quantity), Decimal(price)
        assert order["state"] in LEGAL_FILL
        order["cum"] += filled
        order["value"] += filled * at
        order["state"] = "FILLED" if order["cum"] >= order["quantity"] else "PARTIALLY_FILLED"
        held, cost, realized = self.position
        if order["side"] == "BUY":
            self.position = [held + filled, cost + filled * at, realized]
        else:
            out = cost * filled / held
            self.position = [held - filled, cost - out, realized + filled * at - out]
        return order

    def ask(self, order_id: str) -> tuple[dict[str, Any], list[Decimal]]:
        """Return copies of an order and of the position."""
        return dict(self.orders[order_id]), list(self.position)


LEGAL_FILL = frozenset({"PLACED", "ACCEPTED", "PARTIALLY_FILLED"})


class DictFloor:
    """Plain dicts in memory: what the memory adapter is measured against."""

    def __init__(self) -> None:
        self._book = Book()
        self._journal: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def place(self, order_id: str, side: str, quantity: str) -> None:
        order = self._book.place(order_id, side, quantity)
        self._journal.append(dict(order))

    def accept(self, order_id: str) -> None:
        order = self._book.orders[order_id]
        assert order["state"] == "PLACED"
        order["state"] = "ACCEPTED"
        self._journal.append(dict(order))

    def fill(self, order_id: str, fill_id: str, quantity: str, price: str) -> None:
        order = self._book.fill(order_id, quantity, price)
        self._journal.append({"fill_id": fill_id, **order})

    def open_trade(self, trade_id: str, order_id: str) -> None:
        self._journal.append({"trade_id": trade_id, "order_ids": [order_id], "state": "OPEN"})

    def close_trade(self, trade_id: str, order_id: str) -> None:
        self._journal.append({"trade_id": trade_id, "order_ids": [order_id], "state": "CLOSED"})

    def ask(self, order_id: str) -> None:
        """Look both up."""
        self._book.ask(order_id)

    def finish(self) -> None:
        """Nothing waits."""


class SqliteFloor:
    """The same by hand in sqlite3, one transaction a command, or one for `batch` commands."""

    def __init__(self, path: Path, durability: str, batch: int = 1) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(SCHEMA)
        mode = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        assert mode == "wal"
        self._connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[durability]}")
        self._book = Book()
        self._batch = batch
        self._waiting = 0
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def place(self, order_id: str, side: str, quantity: str) -> None:
        self._write(self._book.place(order_id, side, quantity), None)

    def accept(self, order_id: str) -> None:
        order = self._book.orders[order_id]
        assert order["state"] == "PLACED"
        order["state"] = "ACCEPTED"
        self._write(order, None)

    def fill(self, order_id: str, fill_id: str, quantity: str, price: str) -> None:
        self._write(self._book.fill(order_id, quantity, price), (fill_id, quantity, price))

    def open_trade(self, trade_id: str, order_id: str) -> None:
        self._write_trade(trade_id, order_id, "OPEN")

    def close_trade(self, trade_id: str, order_id: str) -> None:
        self._write_trade(trade_id, order_id, "CLOSED")

    def ask(self, order_id: str) -> None:
        """Look both up: a handler keeps them in Python."""
        self._book.ask(order_id)

    def finish(self) -> None:
        """Commit what waits in a batch."""
        if self._waiting:
            self._connection.execute("COMMIT")
            self._waiting = 0

    def _begin(self, body: dict[str, Any]) -> None:
        if not self._waiting:
            self._connection.execute("BEGIN IMMEDIATE")
        self._sequence += 1
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?)", (self._sequence, json.dumps(body, sort_keys=True, default=str))
        )

    def _end(self) -> None:
        self._waiting += 1
        if self._waiting >= self._batch:
            self.finish()

    def _write(self, order: dict[str, Any], fill: tuple[str, str, str] | None) -> None:
        execute = self._connection.execute
        self._begin({"order": order, "fill": fill, "recorded_at": NOW})
        row = (order["order_id"], "X", order["side"], str(order["quantity"]), order["state"])
        execute(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state,"
            " cum_quantity = excluded.cum_quantity, executed_value = excluded.executed_value",
            (*row, str(order["cum"]), str(order["value"]), NOW),
        )
        if fill is not None:
            execute("INSERT INTO fills VALUES (?, ?, ?, ?, ?)", (order["order_id"], *fill, NOW))
            execute(
                "INSERT INTO positions VALUES ('X', ?, ?, ?) ON CONFLICT DO UPDATE SET quantity = excluded.quantity,"
                " cost = excluded.cost, realized_pnl = excluded.realized_pnl",
                tuple(map(str, self._book.position)),
            )
        self._end()

    def _write_trade(self, trade_id: str, order_id: str, state: str) -> None:
        self._begin({"trade_id": trade_id, "order_id": order_id, "state": state, "recorded_at": NOW})
        self._connection.execute(
            "INSERT INTO trades VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
            (trade_id, order_id, state, "0"),
        )
        self._end()


class SyncFloor:
    """A write of a few pages and an fdatasync() for each command, in a file as long as a WAL gets."""

    FRAME = bytes(4096 + 24)
    FRAMES = 5
    LENGTH = 4 * 1024 * 1024

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        self._place = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._descriptor)

    def run(self, commands: int) -> None:
        """Write and wait so often."""
        for _ in range(commands):
            self._place += os.pwrite(self._descriptor, self.FRAME * self.FRAMES, self._place)
            os.fdatasync(self._descriptor)
            if self._place > self.LENGTH:
                self._place = 0
