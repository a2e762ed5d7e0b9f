"""Ledgers with something of everything, for tests of what is exported; and the libraries that read it."""

import csv
import importlib
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger_core import LedgerReader, StrategyLedger
from ledger_core.numbers import ZERO, plain, plus
from ledger_interop.exporting import Format, Table, export, snapshot_of
from ledger_interop.exporting.columns import Column, Form
from reliability.workload import StepClock, run_step, steps_of
from support import START, SteppingClock, Store, fill, limit_order, market_order

SPOT = {"symbol": "BTC/USDT", "currency": "USDT", "base_currency": "BTC", "venue": "X"}
INVERSE = {
    "symbol": "BTC-PERP",
    "currency": "USD",
    "base_currency": "BTC",
    "inverse": True,
    "multiplier": 100,
    "venue": "D",
}
FUTURE = {"symbol": "ES", "currency": "USD", "multiplier": 50, "venue": "XCME", "account": "main 1"}


def library(name: str) -> Any:
    """Import a library that exports are read with; skip, saying so, where it is not installed."""
    return pytest.importorskip(name, reason=f"{name} is not installed: it is in the dependency group `tests`")


def at(seconds: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(seconds=seconds)


def fill_with_everything(ledger: StrategyLedger) -> None:
    """Trade shares, coins, futures and an inverse contract, with all that is told late, wrongly, or not at all."""
    _shares(ledger)
    _contracts(ledger)
    _coins(ledger)
    _holdings(ledger)


def _shares(ledger: StrategyLedger) -> None:
    shares = {"currency": "USD", "venue": "XNAS"}
    ledger.record_order("buy", limit_order(quantity=30, limit_price="100.50", metadata={"why": ["é", 1.5]}, **shares))
    ledger.update_order_acceptance("buy", {"venue_order_id": "V1"})
    ledger.update_order_fill("buy", fill("F1", 7, "100.10", fee="0.35", fee_currency="USD", liquidity="MAKER"))
    ledger.update_order_fill("buy", fill("F2", 13, "100.300", fees=[{"currency": "USD", "amount": "-0.05"}]))
    ledger.update_order_fill("buy", fill("F3", 5, "99.99"))
    ledger.correct_order_fill("buy", "F2", {"fill_id": "F2a", "quantity": 12, "price": "100.31"})
    ledger.bust_order_fill("buy", "F3", "erroneous")
    ledger.request_order_replace("buy", {"quantity": 25}, "R1")
    ledger.create_trade("T1", ["buy"], {"stop_price": "95.00", "tags": ["swing", "a,b"], "metadata": {"n": 1}})
    ledger.record_adjustment("split", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2})
    ledger.record_order("sell", market_order("SELL", 9, **shares))
    ledger.update_order_fill("sell", fill("F1", 9, "51.77", fee="0.1", fee_currency="BNB"))
    ledger.update_order_fill("buy", fill("F4", 1, "101", executed_at=at(2)))  # told late: before all others
    ledger.update_trade("T1", {"order_ids": ["sell"], "target_price": "60"})
    ledger.record_adjustment(
        "dividend", {"kind": "DIVIDEND", "amount": "3.21", "currency": "USD", **_of("ACME", "XNAS")}
    )
    ledger.record_order("nowhere", market_order("SELL_SHORT", 4, currency="USD"))  # the same symbol without a venue
    ledger.update_order_fill("nowhere", fill("F1", 4, "50"))
    ledger.record_order("doubt", limit_order(quantity=1, **shares))
    ledger.update_order_in_doubt("doubt", 'no answer, "really"')
    ledger.record_order("none", limit_order(quantity=1, **shares))
    ledger.update_order_rejection("none", "no margin")


def _contracts(ledger: StrategyLedger) -> None:
    ledger.record_order("perp", market_order("BUY", 10, **INVERSE))
    ledger.update_order_fill("perp", fill("P1", 3, "61000.5", fee="0.0000012", fee_currency="BTC"))
    ledger.update_order_fill("perp", fill("P2", 4, "62000"))
    ledger.record_order("perp out", market_order("SELL", 12, **INVERSE))
    ledger.update_order_fill("perp out", fill("P1", 5, "63000.1"))
    ledger.update_order_fill("perp out", fill("P2", 6, "59000"))  # through zero
    ledger.record_adjustment(
        "funding", {"kind": "FUNDING", "amount": "-0.00001", "currency": "BTC", **_of("BTC-PERP", "D")}
    )
    ledger.record_order("es", market_order("SELL_SHORT", 3, **FUTURE))
    ledger.update_order_fill("es", fill("E1", 3, "5000.25", fee="6.33", fee_currency="USD"))
    ledger.record_order("es out", market_order("BUY", 3, **FUTURE))
    ledger.update_order_fill("es out", fill("E1", 1, "4990.50"))
    ledger.create_trade("T2", ["es", "es out"])
    ledger.update_order_fill("es out", fill("E2", 2, "5010"))
    ledger.close_trade("T2", {"reason": "target"})
    for side in ("LONG", "SHORT"):
        ledger.record_order(side, market_order("BUY" if side == "LONG" else "SELL", 2, position_side=side, **INVERSE))
        ledger.update_order_fill(side, fill("H1", 2, "60000"))


def _coins(ledger: StrategyLedger) -> None:
    ledger.record_order("coin", market_order("BUY", "0.5", **SPOT))
    in_base = {"fee": "0.0005", "fee_currency": "BTC", "fee_in_base": True}
    ledger.update_order_fill("coin", fill("C1", "0.4", "60000.01", **in_base))
    ledger.record_order("coin out", market_order("SELL", "0.3", **SPOT))
    ledger.update_order_fill("coin out", fill("C1", "0.12345678", "61234.56789", fee="1.5", fee_currency="USDT"))
    ledger.update_order_fill("coin out", fill("C2", "0.1", "61000", **in_base))
    ledger.record_adjustment(
        "loan", {"kind": "INTEREST", "amount": "0.0002", "currency": "BTC", **_of("BTC/USDT", "X")}
    )
    ledger.record_adjustment("lent", {"kind": "INTEREST", "amount": "2.5", "currency": "USDT", **_of("BTC/USDT", "X")})
    ledger.create_trade("T3", ["coin", "perp"], {"tags": []})


def _holdings(ledger: StrategyLedger) -> None:
    ledger.record_order("old", limit_order(symbol="OLD", venue="X", currency="USD"))
    ledger.record_adjustment(
        "opening", {"kind": "OPENING_POSITION", "quantity": "-3", "price": "20.25", **_of("OLD", "X")}
    )
    ledger.record_adjustment("moved", {"kind": "TRANSFER", "quantity": "-0.05", "price": "1", **_of("BTC/USDT", "X")})
    ledger.record_adjustment("arrived", {"kind": "TRANSFER", "quantity": "5", "price": "21", **_of("OLD", "X")})


def _of(symbol: str, venue: str) -> dict[str, str]:
    return {"symbol": symbol, "venue": venue}


def fill_store(store: Store, *, seeds: Iterable[int] = (1, 2)) -> LedgerReader:
    """Write `alpha`, which has everything, and strategies of random days; return their reader."""
    with store.open("alpha", clock=SteppingClock()) as ledger:
        fill_with_everything(ledger)
    for seed in seeds:
        clock = StepClock()
        with store.open(f"desk {seed}", clock=clock) as ledger:
            for step in steps_of(seed, 120):
                run_step(ledger, clock, step)
    return store.reader()


def exported(source: Any, folder: Path, form: Format | str, **options: Any) -> dict[str, Path]:
    """Export into a folder that is not there yet; return the file of each table."""
    done = export(source, f"{folder}/", form, **options)
    return {file.table: file.path for file in done.files}


def wanted(source: Any, table: Table, **options: Any) -> list[list[Any]]:
    """Return the rows that a table must have, as the ledger's own values."""
    return [table.row(*row) for row in snapshot_of(source, **options).rows(table.kind)]


def as_python(column: Column, value: Any) -> Any:
    """Return a value as every library gives it back when it is exact: plain Python, structures as dicts."""
    match column.form:
        case _ if value is None:
            return None
        case Form.JSON:
            return json.loads(json.dumps(value))
        case Form.LIST:
            return list(value)
        case Form.ROWS:
            return [{one.name: as_python(one, one.value(item)) for one in column.fields} for item in value]
        case Form.WORD:
            return str(value)
        case _:
            return value


def read_back(column: Column, value: Any) -> Any:
    """Return what a library read, as `as_python` has it."""
    if column.form is Form.JSON and value is not None:
        return json.loads(value)
    return value


def of_text(column: Column, value: Any, *, is_csv: bool) -> Any:
    """Return a cell of CSV, or a value of JSON Lines, as `as_python` has it."""
    if value is None or (is_csv and value == ""):
        return [] if column.form in (Form.LIST, Form.ROWS) else None
    if is_csv and column.form in (Form.LIST, Form.ROWS, Form.JSON):
        value = json.loads(value)
    match column.form:
        case Form.DECIMAL | Form.PRICE:
            return Decimal(value)
        case Form.TIME:
            return datetime.fromisoformat(value)
        case Form.DATE:
            return datetime.fromisoformat(value).date()
        case Form.COUNT:
            return int(value)
        case Form.FLAG:
            return value == "true" if is_csv else value
        case Form.ROWS:
            return [{one.name: of_text(one, item[one.name], is_csv=False) for one in column.fields} for item in value]
        case _:
            return value


def of_csv(path: Path, table: Table) -> list[list[Any]]:
    """Read CSV as any program does, each cell by its column's form."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    assert names == [column.name for column in table.columns]
    return [
        [of_text(column, cell, is_csv=True) for column, cell in zip(table.columns, row, strict=True)] for row in rows
    ]


def of_jsonl(path: Path, table: Table) -> list[list[Any]]:
    """Read JSON Lines; a number with a point would have lost digits, except in what a caller attached."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [[of_text(column, line[column.name], is_csv=False) for column in table.columns] for line in lines]


def totals(rows: Iterable[tuple[Any, Decimal]]) -> dict[Any, Decimal]:
    """Return exact sums by key, without those that are zero."""
    sums: defaultdict[Any, Decimal] = defaultdict(lambda: ZERO)
    for key, amount in rows:
        sums[key] = plain(plus(sums[key], amount))
    return {key: amount for key, amount in sums.items() if amount}


def pyarrow() -> Any:
    """Return pyarrow with its Parquet module, or skip."""
    found = library("pyarrow")
    importlib.import_module("pyarrow.parquet")
    return found
