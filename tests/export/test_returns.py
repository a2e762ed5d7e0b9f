"""Daily returns, positions and transactions: what pyfolio and its kin take, and what they come to."""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from export.books import fill_with_everything, library
from ledger_core import InvalidValue, StrategyLedger, open_ledger
from ledger_core.numbers import total
from ledger_interop.exporting import NoRate, accounts_of, daily_returns, pyfolio_inputs
from support import data_folder, fill, market_order

MONDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def week(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger that bought on Monday, sold half on Wednesday, and paid on Saturday."""
    for side in ("BUY", "SELL"):
        ledger.record_order(side, market_order(side, 10, currency="USD"))
    ledger.update_order_fill("BUY", fill("F1", 10, "100", fee="1", fee_currency="USD", executed_at=MONDAY))
    ledger.update_order_fill("SELL", fill("F1", 5, "110", executed_at=MONDAY + timedelta(days=2)))
    ledger.record_adjustment(
        "paid",
        {"kind": "INTEREST", "symbol": "ACME", "amount": "3", "currency": "USD"},
        occurred_at=MONDAY + timedelta(days=5),
    )
    return ledger


def _equities(ledger: StrategyLedger, **options: Any) -> list[str]:
    days = accounts_of(ledger, starting_capital=10_000, currency="USD", **options).days
    return [f"{day.day:%a} {day.equity}" for day in days]


def test_equity_follows_executions(week: StrategyLedger) -> None:
    """What is held counts at the last executed price, days on which nothing happened have the equity of the day before."""
    assert _equities(week) == ["Mon 9999", "Tue 9999", "Wed 10099", "Thu 10099", "Fri 10099", "Sat 10096"]


def test_closing_prices_count_for_their_day(week: StrategyLedger) -> None:
    """A closing price counts until a later price is known."""
    closes = {("ACME", date(2026, 1, 5)): "101", ("ACME", date(2026, 1, 8)): "90.5"}
    assert _equities(week, closes=closes) == [
        *("Mon 10009", "Tue 10009", "Wed 10099", "Thu 10001.5", "Fri 10001.5", "Sat 9998.5"),
    ]


def test_weekends_can_be_left_out(week: StrategyLedger) -> None:
    """What happened at a weekend is in Monday's figures."""
    week.update_order_fill("SELL", fill("F2", 5, "110", executed_at=MONDAY + timedelta(days=7)))
    assert _equities(week, weekdays_only=True)[-2:] == ["Fri 10099", "Mon 10096"]


def test_days_are_those_of_a_zone(week: StrategyLedger) -> None:
    """Noon in UTC is the next day in Auckland."""
    assert _equities(week, zone=ZoneInfo("Pacific/Auckland"))[0] == "Tue 9999"


def test_returns_are_by_the_day_before(week: StrategyLedger) -> None:
    """A return is the change of equity by the equity of the day before, and of the capital on the first day."""
    pd = library("pandas")
    library("pyarrow")
    returns = daily_returns(week, starting_capital="10000", currency="USD")
    assert returns.tolist() == pytest.approx([-0.0001, 0, 100 / 9999, 0, 0, -3 / 10099])
    assert returns.index.tolist() == [pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(days=n) for n in range(6)]
    assert (str(returns.dtype), returns.index.freq, returns.name) == ("float64", None, "returns")


def test_fees_and_figures_of_other_currencies_need_a_rate(week: StrategyLedger) -> None:
    """Nothing is left out silently: without a rate there is an error, with one it counts."""
    week.update_fill_fee("BUY", "F1", [{"currency": "BNB", "amount": "0.01"}])
    with pytest.raises(NoRate, match=r"0.01 BNB cannot be converted to USD: give a rate"):
        _equities(week)
    assert _equities(week, rates={("BNB", "USD"): 500})[0] == "Mon 9995"


def test_an_equity_of_nothing_has_no_return(week: StrategyLedger) -> None:
    """After a loss of all the capital there is no return, and so no series that pretends to have one."""
    library("pandas")
    with pytest.raises(InvalidValue, match="equity was 0 USD before 2026-01-06"):
        daily_returns(week, starting_capital=1, currency="USD")
    with pytest.raises(InvalidValue, match="starting_capital must be positive"):
        daily_returns(week, starting_capital=0, currency="USD")


@pytest.mark.parametrize("closes", [{"ACME": 1}, {("ACME", "soon"): 1}, {("ACME", MONDAY): 1}])
def test_prices_that_are_not_by_symbol_and_day_are_refused(week: StrategyLedger, closes: Any) -> None:
    """A price whose day is not known would count for none, silently."""
    with pytest.raises(InvalidValue, match="closes"):
        _equities(week, closes=closes)


def test_equity_ends_at_the_ledgers_own_figures(ledger: StrategyLedger) -> None:
    """At marks that are the cost, equity is the capital and what the ledger says was realized, paid and received."""
    fill_with_everything(ledger)
    rates = {("BTC", "USD"): 60_000, ("USDT", "USD"): "0.999", ("BNB", "USD"): 500}
    accounts = accounts_of(ledger, starting_capital=10**9, currency="USD", rates=rates)
    symbols = {"ACME", "BTC-PERP", "ES", "BTC/USDT", "OLD"}
    net = [ledger.get_net_pnl(symbol=symbol, currency="USD", rates=rates) for symbol in symbols]
    realized = total(one.net_realized_pnl for one in net if one.net_realized_pnl is not None)
    cost = Decimal(0)
    for part in ledger.get_open_positions():
        value = part.cost if (part.quantity > 0) != part.inverse else -part.cost
        mark = (
            {"ACME": {"XNAS": "51.77", None: "50"}[part.venue]}
            if part.symbol == "ACME"
            else {
                "BTC-PERP": "59000" if part.position_side == "NET" else "60000",
                "BTC/USDT": "1",
                "OLD": "21",
            }
        )
        worth = part.instrument.value(abs(part.quantity), Decimal(mark[part.symbol]))
        signed = worth if (part.quantity > 0) != part.inverse else -worth
        rate = {"USD": Decimal(1), "BTC": Decimal(60_000), "USDT": Decimal("0.999")}[part.money_currency or ""]
        cost += (signed - value) * rate
    assert accounts.days[-1].equity == 10**9 + realized + cost
    assert accounts.days[-1].quantities["OLD"] == 2


def test_cash_and_holdings_are_the_equity(ledger: StrategyLedger) -> None:
    """On every day the row of pyfolio's positions adds up to the equity."""
    library("pandas")
    fill_with_everything(ledger)
    rates = {("BTC", "USD"): 60_000, ("USDT", "USD"): "0.999", ("BNB", "USD"): 500}
    options: dict[str, Any] = {"starting_capital": 10**6, "currency": "USD", "rates": rates}
    accounts, inputs = accounts_of(ledger, **options), pyfolio_inputs(ledger, **options)
    assert inputs.positions.columns.tolist() == ["ACME", "BTC-PERP", "BTC/USDT", "OLD", "cash"]
    assert inputs.positions.sum(axis=1).tolist() == pytest.approx([float(day.equity) for day in accounts.days])
    assert inputs.positions.index.equals(inputs.returns.index.rename("index"))


def test_an_empty_ledger_has_empty_inputs(ledger: StrategyLedger) -> None:
    """Without a fill there are frames of no row, with their columns and types."""
    library("pandas")
    inputs = pyfolio_inputs(ledger, starting_capital=1, currency="USD")
    assert inputs.transactions.columns.tolist() == ["amount", "price", "symbol", "txn_dollars"]
    assert (len(inputs.returns), inputs.positions.columns.tolist()) == (0, ["cash"])
    assert str(inputs.returns.index.dtype) == "datetime64[us, UTC]"


@pytest.fixture(scope="module")
def pyfolio_data() -> Path:
    """Return pyfolio's own test data; skip where it is absent."""
    folder = data_folder("data/pyfolio")
    if folder is None:
        pytest.skip("no data/pyfolio in STRATEGY_LEDGER_TEST_DATA")
    return folder


def _rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def traded_pyfolio(pyfolio_data: Path) -> Iterator[tuple[StrategyLedger, list[dict[str, str]], list[dict[str, str]]]]:
    """Return a ledger that executed the transactions of pyfolio's test data, they, and its positions."""
    positions = _rows_of(pyfolio_data / "test_pos.csv.gz")
    transactions = _rows_of(pyfolio_data / "test_txn.csv.gz")
    assert (len(positions), len(transactions)) == (1506, 9367)
    with open_ledger("memory://", strategy_id="alpha") as ledger:
        for number, row in enumerate(transactions):
            side = "BUY" if not row["amount"].startswith("-") else "SELL"
            order_id, quantity = f"{number}", row["amount"].lstrip("-")
            moment = datetime.fromisoformat(row[""])
            with ledger.batch() as batch:
                batch.record_order(order_id, market_order(side, quantity, symbol=row["symbol"], currency="USD"))
                batch.update_order_fill(order_id, fill(order_id, quantity, row["price"], executed_at=moment))
        yield ledger, transactions, positions


@pytest.mark.data
def test_pyfolios_own_data_comes_back(
    traded_pyfolio: tuple[StrategyLedger, list[dict[str, str]], list[dict[str, str]]],
) -> None:
    """Transactions have the columns, order, types and figures of pyfolio's own file, positions its cash and values.

    The closing prices are those of its positions, so it is their cash that proves anything: 1,506 days of it.
    """
    pd = library("pandas")
    ledger, transactions, positions = traded_pyfolio
    held: dict[str, Decimal] = {}
    closes: dict[tuple[str, date], Decimal] = {}
    for row in positions:
        day = row["index"]
        for one in transactions:
            if one[""] == day:
                held[one["symbol"]] = held.get(one["symbol"], Decimal(0)) + Decimal(one["amount"])
        for symbol, quantity in held.items():
            if quantity and row[symbol]:
                closes[symbol, date.fromisoformat(day[:10])] = round(Decimal(row[symbol]) / quantity, 12)
    inputs = pyfolio_inputs(ledger, starting_capital=100_000, currency="USD", closes=closes, weekdays_only=True)
    own = pd.DataFrame(
        {
            "amount": [float(row["amount"]) for row in transactions],
            "price": [float(row["price"]) for row in transactions],
            "symbol": [row["symbol"] for row in transactions],
            "txn_dollars": [float(row["txn_dollars"]) for row in transactions],
        },
        index=pd.DatetimeIndex([row[""] for row in transactions], dtype="datetime64[us, UTC]", name="date"),
    )
    pd.testing.assert_frame_equal(
        inputs.transactions, own, check_exact=False, rtol=1e-9
    )  # its prices are rounded apart from its dollars
    found = inputs.positions
    assert found.columns[-1] == "cash"
    assert set(found.columns) <= set(positions[0])
    assert str(found.index.tz) == "UTC"
    for row in positions:
        mine = found.loc[pd.Timestamp(row["index"])]
        for name in found.columns:
            assert mine[name] == pytest.approx(float(row[name] or 0), abs=0.01), (row["index"], name)
