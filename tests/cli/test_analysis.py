"""`pnl`, `quality`, `explain`, `history`: figures of the history as the command line tells them."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from cli.ledgers import START, Call, of_csv, parsed
from ledger_core import open_ledger, open_reader
from ledger_core.numbers import total
from support import fill, limit_order, market_order


def test_pnl_rows_add_up_to_the_positions(call: Call, demo_file: Path) -> None:
    """By day, week, month or symbol: the sum is the realized PnL that the ledger itself holds, to the last digit."""
    with open_reader(demo_file) as reader:
        (strategy_id,) = reader.strategies()
        ledger = reader.strategy(strategy_id)
        symbols = {one.symbol for one in ledger.find_fills(limit=None)}
        expected = total(ledger.get_position(symbol).realized_pnl for symbol in symbols)
        fees = total(fee.amount for one in ledger.find_fills(limit=None) for fee in one.fees)
    for by in ("day", "week", "month", "symbol", "strategy"):
        rows = of_csv(call("pnl", demo_file, "--by", by, "-o", "csv").stdout)
        assert total(Decimal(row["realized_pnl"]) for row in rows) == expected
        assert total(Decimal(row["fees"]) for row in rows) == fees
        assert total(Decimal(row["net_pnl"]) for row in rows) == expected - fees


def test_pnl_is_told_for_the_days_of_the_zone(call: Call, tmp_path: Path) -> None:
    """What was made at nine in the evening in London was made on the next day in Tokyo."""
    path = tmp_path / "evening.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        evening = START.replace(hour=21)
        for side, price in (("BUY", 10), ("SELL", 12)):
            ledger.record_order(side, market_order(side=side, quantity=1, currency="USD"))
            ledger.update_order_fill(side, fill("F", 1, price), occurred_at=evening)
    assert [row["name"] for row in of_csv(call("pnl", path, "-o", "csv").stdout)] == ["2026-01-05"]
    assert [row["name"] for row in of_csv(call("pnl", path, "-o", "csv", "--tz", "Asia/Tokyo").stdout)] == [
        "2026-01-06"
    ]
    assert of_csv(call("pnl", path, "-o", "csv", "--until", "2026-01-05").stdout) == []


def test_what_has_no_rate_is_in_no_figure_and_is_said(call: Call, tmp_path: Path) -> None:
    """A fee in BNB is not taken for USDT, nor for nothing; with a rate it is converted, one way or the other."""
    path = tmp_path / "fees.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        for side, price in (("BUY", 100), ("SELL", 110)):
            ledger.record_order(side, market_order(side=side, quantity=1, symbol="BTC/USDT", currency="USDT"))
            ledger.update_order_fill(side, fill("F", 1, price, fee="0.01", fee_currency="BNB"))
    (row,) = of_csv(call("pnl", path, "-o", "csv").stdout)
    assert (row["realized_pnl"], row["fees"], row["unconverted"]) == ("10", "0", "fees 0.02 BNB")
    for rate in ("BNB/USDT=300", "USDT/BNB=0.003333333333333333"):
        (row,) = of_csv(call("pnl", path, "-o", "csv", "--rate", rate).stdout)
        assert row["unconverted"] == ""
        assert abs(Decimal(row["net_pnl"]) - 4) < Decimal("1e-12")
    for bad in ("BNB/USDT", "BNB=3", "/USDT=3", "BNB/USDT=x", "BNB/USDT=-1", "BNB/BNB=1"):
        assert call("pnl", path, "--rate", bad).exit_code == 2, bad


def test_quality_says_how_orders_were_executed(call: Call, ledger_file: Path) -> None:
    """Of each group, or of all: orders, fills, times, slippage and why orders were refused."""
    (everything,) = parsed(call("quality", ledger_file, "--json").stdout)
    assert (everything["orders"], everything["ended"], everything["filled"], everything["rejected"]) == (7, 4, 3, 1)
    assert everything["rejections"] == [["order", "no margin", 1]]
    assert everything["against_limit"] == [
        {"currency": "USD", "fills": 1, "value": "402", "cost": "-1", "basis_points": "-24.875621890547263682"}
    ]
    by_symbol = parsed(call("quality", ledger_file, "--by", "symbol", "--json").stdout)
    assert [one["name"] for one in by_symbol] == ["ACME", "BTC-USD", "ETH"]
    figures = {row["figure"]: row for row in of_csv(call("quality", ledger_file, "-o", "csv").stdout)}
    assert figures["fill ratio"]["value"] == "75"
    assert figures["time to first fill, median"]["value"] == "120"
    assert "-24.88  bp" in call("quality", ledger_file).stdout
    assert call("quality", ledger_file, "--since", "2027-01-01").stderr == "no orders\n"


def test_a_figure_is_explained_down_to_its_fills(call: Call, ledger_file: Path) -> None:
    """By the trade, by an order of it, or by the symbol; JSON has the tree."""
    for subject in ("T2", "A4", "ETH"):
        (row,) = of_csv(call("explain", ledger_file, subject, "-o", "csv", "--strategy", "alpha").stdout)
        assert (row["entry"], row["exit"], row["realized_pnl"]) == ("A4/F1", "A5/F1", "199.999999999999999998")
    (tree,) = parsed(call("explain", ledger_file, "T2", "--json").stdout)
    assert tree["realized_pnl"] == "199.999999999999999998"
    text = call("explain", ledger_file, "T1").stdout
    assert "nothing has been closed yet" in text
    assert "A1/F1" in text
    assert call("explain", ledger_file, "NONE").exit_code == 4


@pytest.mark.parametrize(("method", "realized"), [("average", "4000"), ("fifo", "6000"), ("lifo", "2000")])
def test_a_figure_is_explained_by_any_cost_method(call: Call, tmp_path: Path, method: str, realized: str) -> None:
    """Which units left first is the only difference."""
    path = tmp_path / "lots.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("in", market_order(quantity=2, currency="USD"))
        ledger.record_order("out", market_order(side="SELL", quantity=1, currency="USD"))
        for order_id, fill_id, price in (("in", "F1", 60000), ("in", "F2", 64000), ("out", "F3", 66000)):
            ledger.update_order_fill(order_id, fill(fill_id, 1, price))
    (tree,) = parsed(call("explain", path, "ACME", "--method", method, "--json").stdout)
    assert tree["realized_pnl"] == realized


def test_history_is_the_journal_of_one_id(call: Call, ledger_file: Path) -> None:
    """The same events as `journal PATH ID`; an id that nobody has is said to be unknown."""
    assert call("history", ledger_file, "A1").stdout == call("journal", ledger_file, "A1").stdout
    lines = call("history", ledger_file, "T2", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["body"]["operation"] for line in lines] == ["create_trade", "close_trade"]
    assert call("history", ledger_file, "nobody").exit_code == 4


def test_fills_are_selected(call: Call, ledger_file: Path) -> None:
    """By order, trade, symbol and time; busted ones are listed and marked."""
    assert len(of_csv(call("fills", ledger_file, "--symbol", "ETH", "-o", "csv").stdout)) == 2
    assert len(of_csv(call("fills", ledger_file, "--trade", "T2", "-o", "csv").stdout)) == 2
    assert len(of_csv(call("fills", ledger_file, "--order", "A1", "-o", "csv").stdout)) == 2
    assert len(of_csv(call("fills", ledger_file, "--order", "A1", "--strategy", "beta", "-o", "csv").stdout)) == 1
    with open_ledger(f"sqlite:///{ledger_file}?durability=none", strategy_id="beta") as ledger:
        ledger.bust_order_fill("A1", "F1")
    assert of_csv(call("fills", ledger_file, "--strategy", "beta", "-o", "csv").stdout)[0]["note"] == "busted"


def test_trades_of_a_time_are_selected(call: Call, ledger_file: Path) -> None:
    """By when they were opened."""
    some = call("trades", ledger_file, "--all", "--since", "2026-01-05T09:10", "-o", "csv").stdout
    assert [row["trade_id"] for row in of_csv(some)] == ["T2"]


def test_limits_that_were_replaced_count_for_the_fills_before(call: Call, tmp_path: Path) -> None:
    """A fill is measured against the limit that was in force when it came."""
    path = tmp_path / "replaced.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A1", limit_order(quantity=2, limit_price="100", currency="USD"))
        ledger.update_order_fill("A1", fill("F1", 1, 99))
        ledger.request_order_replace("A1", {"limit_price": "105"})
        ledger.update_order_replacement("A1")
        ledger.update_order_fill("A1", fill("F2", 1, 105))
    (found,) = parsed(call("quality", path, "--json").stdout)
    assert found["against_limit"][0]["cost"] == "-1"
