"""The life of orders through the ledger and through the floors, interleaved block by block in one process.

A round of form `orders` is 7 commands: BUY placed, accepted, half filled, filled, SELL placed, accepted, filled.
A round of form `trade` is 8: BUY placed, accepted, half filled, filled, SELL placed, filled, trade created, closed.
Every command is its own durable transaction, but for the columns that say batch.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import attrs

from benchmarks.floors import DictFloor, SqliteFloor
from ledger_core import Order, StrategyLedger, Trade
from ledger_core.ledger import open_ledger
from ledger_core.methods import Commands

COMMANDS = {"orders": 7, "trade": 8}


class Contestant(Protocol):
    """What can live the life of orders."""

    def place(self, order_id: str, side: str, quantity: str) -> object: ...
    def accept(self, order_id: str) -> object: ...
    def fill(self, order_id: str, fill_id: str, quantity: str, price: str) -> object: ...
    def open_trade(self, trade_id: str, order_id: str) -> object: ...
    def close_trade(self, trade_id: str, order_id: str) -> object: ...
    def finish(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class Silent:
    """A publisher that takes every event and keeps none: publishing is part of what is measured."""

    def publish(self, name: str, payload: Mapping[str, Any], /) -> None:
        """Take the event."""


class LedgerContestant:
    """StrategyLedger behind the same five calls."""

    def __init__(self, url: str, batch: int = 1) -> None:
        self._ledger: StrategyLedger = open_ledger(url, strategy_id="bench", publisher=Silent())
        self._batch_size = batch
        self._stack = ExitStack()
        self._target: Commands = self._ledger
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.finish()
        self._ledger.close()

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

    def finish(self) -> None:
        """Write what waits in a batch."""
        self._stack.close()
        self._target = self._ledger
        self._taken = 0

    def _next(self) -> Commands:
        if self._batch_size == 1:
            return self._ledger
        if self._taken % self._batch_size == 0:
            self.finish()
            self._target = self._stack.enter_context(self._ledger.batch())
        self._taken += 1
        return self._target


def run_rounds(contestant: Contestant, form: str, first: int, count: int) -> None:
    """Live `count` rounds, with ids from `first` on."""
    for number in range(first, first + count):
        buy, sell = f"b{number}", f"s{number}"
        contestant.place(buy, "BUY", "10")
        contestant.accept(buy)
        contestant.fill(buy, f"f{number}", "5", "100.25")
        contestant.fill(buy, f"g{number}", "5", "100.75")
        contestant.place(sell, "SELL", "10")
        if form == "orders":
            contestant.accept(sell)
        contestant.fill(sell, f"h{number}", "10", "101.50")
        if form == "trade":
            contestant.open_trade(f"t{number}", buy)
            contestant.close_trade(f"t{number}", sell)
    contestant.finish()


@attrs.frozen
class Column:
    """One way of storing, with the ledger's contestant and its floor."""

    name: str
    ledger: Callable[[Path], Contestant]
    floor: Callable[[Path], Contestant]


def _sqlite(durability: str, batch: int = 1) -> Column:
    name = f"sqlite {durability}" + (f", batches of {batch}" if batch > 1 else "")
    return Column(
        name,
        lambda folder: LedgerContestant(f"sqlite:///{folder}/ledger.db?durability={durability}", batch),
        lambda folder: SqliteFloor(folder / "floor.db", durability, batch),
    )


COLUMNS = (
    Column("memory", lambda _: LedgerContestant("memory://"), lambda _: DictFloor()),
    _sqlite("full"),
    _sqlite("process"),
    _sqlite("none"),
    _sqlite("full", 100),
)


def measure(column: Column, *, form: str, blocks: int, rounds: int, folder: str | None) -> dict[str, Any]:
    """Alternate blocks of the ledger and its floor; return medians (µs a round), ratios and their spread."""
    with tempfile.TemporaryDirectory(dir=folder) as directory, ExitStack() as stack:
        ours = stack.enter_context(column.ledger(Path(directory)))
        floor = stack.enter_context(column.floor(Path(directory)))
        walls: dict[str, list[float]] = {"ledger": [], "floor": []}
        cpus: dict[str, list[float]] = {"ledger": [], "floor": []}
        for block in range(blocks + 1):
            for name, contestant in (("ledger", ours), ("floor", floor)):
                wall, cpu = time.perf_counter(), time.process_time()
                run_rounds(contestant, form, block * rounds, rounds)
                if block:  # the first block warms up
                    walls[name].append((time.perf_counter() - wall) / rounds * 1e6)
                    cpus[name].append((time.process_time() - cpu) / rounds * 1e6)
    ratios = sorted(mine / theirs for mine, theirs in zip(walls["ledger"], walls["floor"], strict=True))
    return {
        "column": column.name,
        "form": form,
        "commands_a_round": COMMANDS[form],
        "ledger_us": round(statistics.median(walls["ledger"]), 1),
        "floor_us": round(statistics.median(walls["floor"]), 1),
        "ledger_cpu_us": round(statistics.median(cpus["ledger"]), 1),
        "floor_cpu_us": round(statistics.median(cpus["floor"]), 1),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_quartiles": [round(ratios[len(ratios) // 4], 2), round(ratios[-1 - len(ratios) // 4], 2)],
    }
