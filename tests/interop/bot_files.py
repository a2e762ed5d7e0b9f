"""SQLite files as freqtrade and hummingbot make them: their tables, as far as an import reads them."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

FREQTRADE = """
CREATE TABLE trades (
    id INTEGER NOT NULL PRIMARY KEY, exchange VARCHAR(25) NOT NULL, pair VARCHAR(25) NOT NULL, base_currency VARCHAR(25),
    stake_currency VARCHAR(25), is_open BOOLEAN NOT NULL, fee_open FLOAT NOT NULL, fee_open_cost FLOAT,
    fee_open_currency VARCHAR(25), fee_close FLOAT NOT NULL, fee_close_cost FLOAT, open_rate FLOAT NOT NULL,
    close_rate FLOAT, stake_amount FLOAT NOT NULL, amount FLOAT, open_date DATETIME NOT NULL, close_date DATETIME,
    stop_loss FLOAT, exit_reason VARCHAR(255), strategy VARCHAR(100), enter_tag VARCHAR(255), timeframe INTEGER,
    trading_mode VARCHAR(7), leverage FLOAT, is_short BOOLEAN NOT NULL, funding_fees FLOAT
);
CREATE TABLE orders (
    id INTEGER NOT NULL PRIMARY KEY, ft_trade_id INTEGER, ft_order_side VARCHAR(25) NOT NULL, ft_pair VARCHAR(25) NOT NULL,
    ft_is_open BOOLEAN NOT NULL, ft_amount FLOAT NOT NULL, ft_price FLOAT NOT NULL, ft_cancel_reason VARCHAR(255),
    order_id VARCHAR(255) NOT NULL, status VARCHAR(255), symbol VARCHAR(25), order_type VARCHAR(50), side VARCHAR(25),
    price FLOAT, average FLOAT, amount FLOAT, filled FLOAT, remaining FLOAT, cost FLOAT, stop_price FLOAT,
    order_date DATETIME, order_filled_date DATETIME, order_update_date DATETIME, funding_fee FLOAT, ft_fee_base FLOAT
);
"""

HUMMINGBOT = """
CREATE TABLE "Order" (
    id TEXT NOT NULL PRIMARY KEY, config_file_path TEXT NOT NULL, strategy TEXT NOT NULL, market TEXT NOT NULL,
    symbol TEXT NOT NULL, base_asset TEXT NOT NULL, quote_asset TEXT NOT NULL, creation_timestamp BIGINT NOT NULL,
    order_type TEXT NOT NULL, amount BIGINT NOT NULL, leverage INTEGER NOT NULL, price BIGINT NOT NULL,
    last_status TEXT NOT NULL, last_update_timestamp BIGINT NOT NULL, exchange_order_id TEXT, position TEXT
);
CREATE TABLE "OrderStatus" (
    id INTEGER NOT NULL PRIMARY KEY, order_id TEXT NOT NULL, timestamp BIGINT NOT NULL, status TEXT NOT NULL
);
CREATE TABLE "TradeFill" (
    config_file_path TEXT NOT NULL, strategy TEXT NOT NULL, market TEXT NOT NULL, symbol TEXT NOT NULL,
    base_asset TEXT NOT NULL, quote_asset TEXT NOT NULL, timestamp BIGINT NOT NULL, order_id TEXT NOT NULL,
    trade_type TEXT NOT NULL, order_type TEXT NOT NULL, price BIGINT NOT NULL, amount BIGINT NOT NULL,
    leverage INTEGER NOT NULL, trade_fee JSON NOT NULL, trade_fee_in_quote BIGINT, exchange_trade_id TEXT NOT NULL,
    position TEXT, PRIMARY KEY (market, order_id, exchange_trade_id)
);
CREATE TABLE "FundingPayment" (
    timestamp BIGINT NOT NULL PRIMARY KEY, config_file_path TEXT NOT NULL, market TEXT NOT NULL, rate FLOAT NOT NULL,
    symbol TEXT NOT NULL, amount FLOAT NOT NULL
);
"""


def bot_file(path: Path, schema: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """Make a file with rows in its tables; a column that is needed and not given is 0."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(schema)
        for table, several in rows.items():
            columns = list(connection.execute(f"PRAGMA table_info('{table}')"))
            for row in several:
                given = [row.get(column[1], 0 if column[3] else None) for column in columns]
                marks = ", ".join("?" * len(given))
                connection.execute(f'INSERT INTO "{table}" VALUES ({marks})', given)
    return path
