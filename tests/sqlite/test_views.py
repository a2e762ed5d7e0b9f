"""The views: what a person with any SQLite tool sees."""

from decimal import Decimal
from pathlib import Path

import attrs

from ledger_core.lifecycle import OrderState
from ledger_core.model import Side
from ledger_core.testing.samples import fill, later, leg, order, position, quarantined, request, trade
from ledger_storage_sqlite import SqliteRepository
from sqlite.files import append, query, raw


def test_open_orders(repository: SqliteRepository, path: Path) -> None:
    """v_open_orders shows what the venue may still execute, with what is left of it, and nothing else."""
    append(
        repository,
        order("O-1", quantity=Decimal("1.50"), cum_quantity=Decimal("0.25"), replaces_in_flight=1),
        order("O-2", state=OrderState.FILLED),
    )
    assert query(path, "SELECT order_id, status, quantity, leaves_quantity FROM v_open_orders") == [
        ("O-1", "PENDING_REPLACE", "1.5", "1.25")
    ]


def test_positions(repository: SqliteRepository, path: Path) -> None:
    """v_positions shows what is held, exact in text, with an average price that says that it is rounded."""
    append(
        repository,
        position("AAPL", quantity=Decimal(-3), cost=Decimal(100), currency="USD"),
        position("FLAT", realized_pnl=Decimal(5)),
        position("INV", quantity=Decimal(10), cost=Decimal("0.002"), inverse=True, base_currency="BTC"),
    )
    rows = query(
        path, "SELECT symbol, quantity, cost, money_currency, average_price_rounded FROM v_positions ORDER BY symbol"
    )
    assert rows == [("AAPL", "-3", "100", "USD", 33.33333333), ("INV", "10", "0.002", "BTC", 5000.0)]


def test_fills_and_trades(repository: SqliteRepository, path: Path) -> None:
    """v_fills and v_trades show every fill and trade with exact figures in text."""
    append(repository, fill(price=Decimal("50.10"), quantity=Decimal("0.1")), trade(legs=(leg(),)))
    assert query(path, "SELECT price, quantity, quantity_x_price_rounded FROM v_fills") == [("50.10", "0.1", 5.01)]
    assert query(path, "SELECT trade_id, state, symbol, direction FROM v_trades") == [("T-1", "OPEN", "AAPL", "BUY")]


def test_pnl_of_a_day(repository: SqliteRepository, path: Path) -> None:
    """v_pnl_daily sums, by day and position, what was realized from one flat point to the next."""
    day = 86_400
    base = fill("F-0", price=Decimal(10))
    append(
        repository,
        position("AAPL", currency="USD"),
        position("MSFT", currency="EUR"),
        base,
        attrs.evolve(base, fill_id="F-1", executed_at=later(1), side=Side.SELL, flat_realized_pnl=Decimal("7.25")),
        attrs.evolve(base, fill_id="F-2", executed_at=later(2), flat_realized_pnl=Decimal("5.25")),
        attrs.evolve(base, fill_id="F-3", executed_at=later(day), flat_realized_pnl=Decimal("6.25")),
        attrs.evolve(base, fill_id="F-4", symbol="MSFT", executed_at=later(day), flat_realized_pnl=Decimal(-1)),
    )
    rows = query(
        path,
        "SELECT day, symbol, money_currency, realized_pnl_rounded, times_flat FROM v_pnl_daily ORDER BY day, symbol",
    )
    assert rows == [
        ("2026-03-02", "AAPL", "USD", 5.25, 2),
        ("2026-03-03", "AAPL", "USD", 1.0, 1),
        ("2026-03-03", "MSFT", "EUR", -1.0, 1),
    ]


def test_what_needs_attention(repository: SqliteRepository, path: Path) -> None:
    """v_needs_attention lists intent without outcome, requests without answer and facts that wait, and nothing else."""
    append(
        repository,
        order("O-1"),
        order("O-2", state=OrderState.IN_DOUBT),
        order("O-3", state=OrderState.ACCEPTED),
        request("O-3#1", order_id="O-3"),
        quarantined("Q-1", order_id="O-9"),
    )
    rows = query(path, "SELECT what, order_id, detail_id FROM v_needs_attention ORDER BY order_id")
    assert rows == [
        ("order PLACED", "O-1", None),
        ("order IN_DOUBT", "O-2", None),
        ("CANCEL request in flight", "O-3", "O-3#1"),
        ("fact in quarantine", "O-9", "Q-1"),
    ]


def test_what_is_rounded_says_so(path: Path, repository: SqliteRepository) -> None:
    """No column of a view is a floating point number unless its name says `rounded`."""
    append(
        repository,
        order(),
        fill(flat_realized_pnl=Decimal(1)),
        position(quantity=Decimal(1), cost=Decimal(1)),
        trade(),
        quarantined(),
    )
    connection = raw(path)
    views = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")]
    assert len(views) == 7
    for view in views:
        cursor = connection.execute(f"SELECT * FROM {view}")
        rows = cursor.fetchall()
        assert rows
        for row in rows:
            for (name, *_), value in zip(cursor.description, row, strict=True):
                assert isinstance(value, float) == ("rounded" in name and value is not None)
    connection.close()
