"""What pyfolio, quantstats and empyrical take: daily returns, positions and transactions, as pandas has them.

These libraries count in floating point. Everything is summed exactly before, and each figure turns into a float once,
at the end. Returns are simple: equity at a day's end by that of the day before, of the first day by the capital.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

import attrs

from ledger_core import Fill
from ledger_core.errors import InvalidValue
from ledger_core.model import Instrument
from ledger_core.numbers import magnitude, minus, negated, quotient
from ledger_interop.exporting.accounts import Accounts, accounts_of
from ledger_interop.exporting.frames import pandas
from ledger_interop.exporting.snapshot import Source


@attrs.frozen(eq=False)
class PyfolioInputs:
    """The three arguments of `pyfolio.create_full_tear_sheet`: a Series and two DataFrames, indexed by aware times.

    `positions` has a column of signed values for each symbol, and `cash`. `transactions` has `amount` (signed units),
    `price`, `symbol` and `txn_dollars` (what the account got), a row for each fill, in economic order.
    """

    returns: Any
    positions: Any
    transactions: Any


def pyfolio_inputs(
    source: Source,
    *,
    starting_capital: Decimal | int | str,
    currency: str,
    closes: Any = None,
    rates: Any = None,
    strategies: Sequence[str] | None = None,
    zone: tzinfo = UTC,
    weekdays_only: bool = False,
) -> PyfolioInputs:
    """Return pyfolio's inputs; see `accounts_of`."""
    pd = pandas()
    accounts = accounts_of(
        source,
        starting_capital=starting_capital,
        currency=currency,
        closes=closes,
        rates=rates,
        strategies=strategies,
        zone=zone,
        weekdays_only=weekdays_only,
    )
    return PyfolioInputs(_returns(pd, accounts), _positions(pd, accounts), _transactions(pd, accounts))


def daily_returns(
    source: Source,
    *,
    starting_capital: Decimal | int | str,
    currency: str,
    closes: Any = None,
    rates: Any = None,
    strategies: Sequence[str] | None = None,
    zone: tzinfo = UTC,
    weekdays_only: bool = False,
) -> Any:
    """Return daily returns for empyrical and pyfolio; quantstats takes them as `returns.tz_localize(None)`."""
    pd = pandas()
    accounts = accounts_of(
        source,
        starting_capital=starting_capital,
        currency=currency,
        closes=closes,
        rates=rates,
        strategies=strategies,
        zone=zone,
        weekdays_only=weekdays_only,
    )
    return _returns(pd, accounts)


def _index(pd: Any, moments: Sequence[datetime], accounts: Accounts, name: str) -> Any:
    return pd.DatetimeIndex(list(moments), dtype=pd.DatetimeTZDtype("us", accounts.zone), name=name)


def _returns(pd: Any, accounts: Accounts) -> Any:
    before, returns = accounts.starting_capital, []
    for day in accounts.days:
        if before <= 0:
            raise InvalidValue(
                f"equity was {before} {accounts.currency} before {day.day}: there is no return on that;"
                " give the capital that the strategy had",
                argument="starting_capital",
                value=accounts.starting_capital,
            )
        returns.append(float(quotient(minus(day.equity, before), before)))
        before = day.equity
    index = _index(pd, [accounts.day_start(day.day) for day in accounts.days], accounts, "date")
    return pd.Series(returns, index=index, name="returns", dtype="float64")


def _positions(pd: Any, accounts: Accounts) -> Any:
    symbols = sorted({symbol for day in accounts.days for symbol in day.holdings})
    rows = [[*(float(day.holdings.get(symbol, 0)) for symbol in symbols), float(day.cash)] for day in accounts.days]
    index = _index(pd, [accounts.day_start(day.day) for day in accounts.days], accounts, "index")
    return pd.DataFrame(rows, index=index, columns=[*symbols, "cash"], dtype="float64")


def _transactions(pd: Any, accounts: Accounts) -> Any:
    names = ("amount", "price", "symbol", "txn_dollars")
    rows = [_transaction(fill, terms) for fill, terms in accounts.fills]
    index = _index(pd, [fill.executed_at for fill, _ in accounts.fills], accounts, "date")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    frame = pd.DataFrame(columns, index=index, columns=list(names))
    return frame.astype({"amount": "float64", "price": "float64", "txn_dollars": "float64"})


def _transaction(fill: Fill, terms: Instrument) -> tuple[float, float, str, float]:
    value = terms.value(fill.quantity, fill.price)
    amount = magnitude(fill.quantity) if fill.side.is_buy else negated(fill.quantity)
    return float(amount), float(fill.price), fill.symbol, float(negated(value) if fill.side.is_buy else value)
