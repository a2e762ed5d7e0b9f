"""The SQLite files of freqtrade and hummingbot, and files that only look like them."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from interop.bot_files import FREQTRADE, HUMMINGBOT, bot_file
from interop.imports import brief, fills, imported_file, reasons
from ledger_core import StrategyLedger
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing import import_file

D = Decimal
AT = 1_772_461_800_000
NINE, TEN = "2026-03-02 09:00:00.000000", "2026-03-02 10:00:00.000000"


def trade(**more: Any) -> dict[str, Any]:
    """Return a trade of freqtrade: BTC bought and sold for 0.1 per cent each."""
    own = {"id": 1, "exchange": "binance", "pair": "BTC/USDT", "stake_currency": "USDT", "is_open": 0, "is_short": 0}
    fees = {"fee_open": 0.001, "fee_close": 0.001, "open_date": NINE, "close_date": TEN, "exit_reason": "roi"}
    return {
        **own,
        **fees,
        "strategy": "Sample",
        "enter_tag": "dip",
        "stop_loss": 45000.0,
        "trading_mode": "SPOT",
        **more,
    }


def order(number: int, side: str, price: float, **more: Any) -> dict[str, Any]:
    """Return an order of freqtrade, filled whole."""
    own = {"id": number, "ft_trade_id": 1, "ft_order_side": side, "ft_pair": "BTC/USDT", "order_id": f"X{number}"}
    state: dict[str, Any] = {"status": "closed", "symbol": "BTC/USDT", "order_type": "limit", "price": price}
    state["side"] = None if side == "stoploss" else side
    figures = {"average": price, "amount": 0.1, "filled": 0.1, "remaining": 0.0, "ft_amount": 0.1, "ft_price": price}
    return {**own, **state, **figures, "order_date": NINE, "order_filled_date": NINE, **more}


def test_a_trade_of_freqtrade_is_one_here(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Its orders are filled at their average, with the fee that the trade was charged, and grouped."""
    rows = {"trades": [trade()], "orders": [order(1, "buy", 50000.0), order(2, "sell", 51000.0, order_filled_date=TEN)]}
    imported_file(ledger, "freqtrade", bot_file(tmp_path / "tradesv3.sqlite", FREQTRADE, rows))
    assert fills(ledger, "X1") == ["inferred:0.1: 0.1 @ 50000 - 5 USDT"]
    assert fills(ledger, "X2") == ["inferred:0.1: 0.1 @ 51000 - 5.1 USDT"]
    found = ledger.get_trade("freqtrade-1")
    assert (found.state.value, found.realized_pnl, found.order_ids) == ("CLOSED", D(100), ("X1", "X2"))
    assert ledger.get_order("X1").details.venue == "binance"


def test_a_file_that_grew_is_imported_on(ledger: StrategyLedger, tmp_path: Path) -> None:
    """An open trade is closed by the import of the file of next week."""
    opened = {"trades": [trade(is_open=1, close_date=None)], "orders": [order(1, "buy", 50000.0)]}
    imported_file(ledger, "freqtrade", bot_file(tmp_path / "monday.sqlite", FREQTRADE, opened))
    assert ledger.get_trade("freqtrade-1").state.value == "OPEN"
    closed = {
        "trades": [trade()],
        "orders": [order(1, "buy", 50000.0), order(2, "sell", 51000.0, order_filled_date=TEN)],
    }
    imported_file(ledger, "freqtrade", bot_file(tmp_path / "friday.sqlite", FREQTRADE, closed))
    assert ledger.get_trade("freqtrade-1").state.value == "CLOSED"


def test_a_canceled_part_and_an_order_of_the_exchange_itself(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A partly filled order that was canceled; a stop on the exchange, which sells what the trade holds."""
    rows = {
        "trades": [trade(is_open=1, close_date=None)],
        "orders": [
            order(1, "buy", 50000.0, status="canceled", filled=0.04, remaining=0.06),
            order(2, "stoploss", 45000.0, status="open", filled=0.0, order_type="stoploss", stop_price=45000.0),
        ],
    }
    imported_file(ledger, "freqtrade", bot_file(tmp_path / "tradesv3.sqlite", FREQTRADE, rows))
    assert (brief(ledger, "X1"), brief(ledger, "X2")) == ("CANCELED 0.04 of 0.1", "ACCEPTED 0 of 0.1")
    assert ledger.get_order("X2").side == "SELL"


def test_a_short_trade_with_funding(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Of futures the file keeps the funding of a trade as one sum."""
    futures = {"pair": "BTC/USDT:USDT", "trading_mode": "FUTURES", "is_short": 1, "funding_fees": -0.75}
    rows = {
        "trades": [trade(**futures)],
        "orders": [
            order(1, "sell", 51000.0, symbol="BTC/USDT:USDT"),
            order(2, "buy", 50000.0, symbol="BTC/USDT:USDT", order_filled_date=TEN),
        ],
    }
    imported_file(ledger, "freqtrade", bot_file(tmp_path / "tradesv3.sqlite", FREQTRADE, rows))
    assert [str(one.amount) for one in ledger.find_adjustments()] == ["-0.75"]
    assert ledger.get_trade("freqtrade-1").realized_pnl == 100


def hummingbot_order(order_id: str = "buy-1", **more: Any) -> dict[str, Any]:
    """Return an order of hummingbot: 0.3 ETH at 3,000, in millionths."""
    own = {"id": order_id, "market": "kucoin", "symbol": "ETH-USDT", "base_asset": "ETH", "quote_asset": "USDT"}
    terms = {"order_type": "LIMIT", "amount": 300_000, "price": 3_000_000_000, "creation_timestamp": AT}
    state = {"last_status": "BuyOrderCreated", "last_update_timestamp": AT + 5_000, "exchange_order_id": "E1"}
    return {**own, **terms, **state, **more}


def hummingbot_fill(trade_id: str, amount: int, **more: Any) -> dict[str, Any]:
    """Return a fill of hummingbot at 3,000, with a flat fee of 0.1 USDT."""
    own = {"market": "kucoin", "symbol": "ETH-USDT", "base_asset": "ETH", "quote_asset": "USDT", "order_id": "buy-1"}
    fee = {"flat_fees": [{"token": "USDT", "amount": "0.1"}], "percent": "0"}
    figures = {"amount": amount, "price": 3_000_000_000, "timestamp": AT + 1_000, "trade_fee": json.dumps(fee)}
    return {**own, **figures, "trade_type": "BUY", "order_type": "LIMIT", "exchange_trade_id": trade_id, **more}


def test_orders_and_fills_of_hummingbot(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Amounts are millionths; the side is told by the states and the fills; the end comes after the fills."""
    rows = {
        "Order": [hummingbot_order(last_status="OrderCancelled"), hummingbot_order("lost-1", last_status="Odd")],
        "OrderStatus": [{"id": 1, "order_id": "buy-1", "timestamp": AT, "status": "BuyOrderCreated"}],
        "TradeFill": [hummingbot_fill("T1", 100_000), hummingbot_fill("T2", 50_000)],
    }
    report = imported_file(ledger, "hummingbot", bot_file(tmp_path / "conf.sqlite", HUMMINGBOT, rows))
    assert brief(ledger, "buy-1") == "CANCELED 0.15 of 0.3"
    assert fills(ledger, "buy-1") == ["T1: 0.1 @ 3000 - 0.1 USDT", "T2: 0.05 @ 3000 - 0.1 USDT"]
    assert reasons(report, "not understood") == ["the status 'Odd' is not known"]


def test_a_fee_in_per_cent_and_a_payment(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A share of what was paid, in the currency that it names; funding is an adjustment."""
    fee = json.dumps({"flat_fees": [], "percent": "0.001", "percent_token": "USDT"})
    payment = {"timestamp": AT, "market": "kucoin", "symbol": "ETH-USDT", "amount": 0.5, "rate": 0.0001}
    rows = {"TradeFill": [hummingbot_fill("T1", 100_000, trade_fee=fee)], "FundingPayment": [payment]}
    imported_file(ledger, "hummingbot", bot_file(tmp_path / "conf.sqlite", HUMMINGBOT, rows))
    assert fills(ledger, "buy-1") == ["T1: 0.1 @ 3000 - 0.3 USDT"]
    assert [str(one.amount) for one in ledger.find_adjustments()] == ["0.5"]


@pytest.mark.parametrize(("market", "held"), [("kucoin", "0.0999"), ("kucoin_perpetual", "0.1")])
def test_a_fee_in_the_coin_that_was_bought_is_taken_out_of_it(
    market: str, held: str, ledger: StrategyLedger, tmp_path: Path
) -> None:
    """What is held is what the exchange credited; a perpetual's position has no coins to take from."""
    flat = [{"token": "USDT", "amount": "0.1"}]
    fee = json.dumps({"flat_fees": flat, "percent": "0.001", "percent_token": "ETH"})
    rows = {"TradeFill": [hummingbot_fill("T1", 100_000, trade_fee=fee, market=market)]}
    imported_file(ledger, "hummingbot", bot_file(tmp_path / "conf.sqlite", HUMMINGBOT, rows))
    (position,) = ledger.get_open_positions()
    assert (str(position.quantity), len(ledger.get_fill("buy-1", "T1").fees)) == (held, 2)


def test_a_fill_that_is_too_small_for_the_file_is_told(ledger: StrategyLedger, tmp_path: Path) -> None:
    """Less than a millionth became 0 in the file: it cannot be booked, and is not dropped."""
    rows = {"Order": [hummingbot_order()], "TradeFill": [hummingbot_fill("T1", 0)]}
    report = imported_file(ledger, "hummingbot", bot_file(tmp_path / "conf.sqlite", HUMMINGBOT, rows))
    assert reasons(report, "not understood") == ["the execution's quantity is missing, or not above zero"]


@pytest.mark.parametrize("kind", ["freqtrade", "hummingbot"])
def test_a_file_of_something_else_is_said_to_be_so(kind: str, ledger: StrategyLedger, tmp_path: Path) -> None:
    """No file, a folder, a text, another program's database: one sentence, and nothing is written anywhere."""
    text = tmp_path / "notes.txt"
    text.write_text("no database", "utf-8")
    other = bot_file(tmp_path / "other.sqlite", "CREATE TABLE notes (id INTEGER)", {})
    cut = bot_file(tmp_path / "cut.sqlite", FREQTRADE + HUMMINGBOT, {"trades": [trade(id=n) for n in range(500)]})
    cut.write_bytes(cut.read_bytes()[:6_000])
    before = sorted((path.name, path.stat().st_size) for path in tmp_path.iterdir())
    for path in (tmp_path / "none.sqlite", tmp_path, text, other, cut):
        with pytest.raises(
            UnreadableSource, match=r"does not exist|is a directory|is no SQLite file|is broken|of another"
        ):
            import_file(ledger, kind, path)
    assert sorted((path.name, path.stat().st_size) for path in tmp_path.iterdir()) == before
    assert ledger.head().sequence == 0


def test_what_a_file_would_run_is_not_run(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A file may have views and triggers of its own: none of them runs anything but a SELECT of plain functions."""
    path = tmp_path / "hostile.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(FREQTRADE.replace("CREATE TABLE trades", "CREATE TABLE hidden"))
        connection.execute("CREATE VIEW trades AS SELECT upper('evil') AS id FROM hidden")
    with pytest.raises(UnreadableSource, match="is no SQLite file, or a broken one"):
        import_file(ledger, "freqtrade", path)


def test_a_bot_that_runs_is_not_disturbed(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A file in WAL mode that is being written is read as of its last commit."""
    path = bot_file(tmp_path / "live.sqlite", FREQTRADE, {"trades": [trade(is_open=1, close_date=None)]})
    with closing(sqlite3.connect(path)) as bot:
        bot.execute("PRAGMA journal_mode = WAL")
        columns = ", ".join(order(1, "buy", 50000.0))
        marks = ", ".join("?" * len(order(1, "buy", 50000.0)))
        bot.execute(
            f"INSERT INTO orders ({columns}, ft_is_open) VALUES ({marks}, 0)", list(order(1, "buy", 50000.0).values())
        )
        bot.commit()
        bot.execute("UPDATE orders SET filled = 0")
        imported_file(ledger, "freqtrade", path)
        assert brief(ledger, "X1") == "FILLED 0.1 of 0.1"
        bot.rollback()
