"""What a strategy was worth at the end of each day, from a starting capital that the caller gives.

A ledger of orders knows what was realized, paid and received, but no balance of money and no market price: the caller
gives the capital and, if there are any, closing prices. Equity is capital + realized PnL - fees + cash flows +
unrealized PnL; what is held counts at the day's closing price, else at the price at which it was last executed. All of
it is exact, up to quotients, which are rounded to 18 places.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import attrs

from ledger_core import Adjustment, Fill, Position, RealizedPnl
from ledger_core.checks import check_amount, check_id, check_price, mapping_of
from ledger_core.errors import InvalidValue
from ledger_core.model import Instrument, Key
from ledger_core.netting import NetPnl, Rates, check_rates, net_of, pnl_currency
from ledger_core.numbers import ZERO, magnitude, minus, negated, parse_date, plain, plus, quotient
from ledger_core.positions import Movement
from ledger_interop.exporting.errors import NoRate
from ledger_interop.exporting.moves import Move, moves_of
from ledger_interop.exporting.snapshot import Source, snapshot_of

Closes = Mapping[tuple[str, date], Decimal]
"""(symbol, day) -> the price at its end."""


@attrs.frozen(kw_only=True)
class Day:
    """The end of a day, in one currency: `holdings` are signed values by symbol, `quantities` signed units."""

    day: date
    equity: Decimal
    holdings: Mapping[str, Decimal]
    quantities: Mapping[str, Decimal]

    @property
    def cash(self) -> Decimal:
        """Equity less the values of what is held."""
        cash = self.equity
        for value in self.holdings.values():
            cash = minus(cash, value)
        return plain(cash)


@attrs.frozen(kw_only=True)
class Accounts:
    """The days from the first movement to the last, and the fills that count with their terms, in economic order."""

    starting_capital: Decimal
    currency: str
    zone: tzinfo
    days: tuple[Day, ...]
    fills: tuple[tuple[Fill, Instrument], ...]

    def day_start(self, day: date) -> datetime:
        """Return when a day begins."""
        return datetime.combine(day, time(), self.zone)


def accounts_of(
    source: Source,
    *,
    starting_capital: Decimal | int | str,
    currency: str,
    closes: Any = None,
    rates: Any = None,
    strategies: Sequence[str] | None = None,
    zone: tzinfo = UTC,
    weekdays_only: bool = False,
) -> Accounts:
    """Return what the strategies together were worth at the end of each day.

    `closes` maps (symbol, date) to a closing price, `rates` maps pairs of currencies as in `get_net_pnl`; one rate
    serves all days. `weekdays_only` leaves Saturdays and Sundays out: what happened then is in Monday's figures. Raises
    NoRate for an amount in a currency that cannot be converted; nothing is left out silently.
    """
    capital = check_amount(starting_capital, "starting_capital")
    if capital <= 0:
        raise InvalidValue("starting_capital must be positive", argument="starting_capital", value=starting_capital)
    money = check_id(currency, "currency")
    given = _closes(closes)
    known_rates = check_rates(rates)
    snapshot = snapshot_of(source, strategies=strategies)
    moves = [((part.strategy_id, *move.key), move) for part in snapshot.parts for move in moves_of(part)]
    moves.sort(key=lambda item: (item[1].movement.economic_order, item[0]))
    book = _Book(money, known_rates, capital, given)
    days = [
        day
        for day in _days(book, moves, zone)
        if not weekdays_only or day.day.weekday() < 5  # Monday is 0
    ]
    return Accounts(
        starting_capital=capital,
        currency=money,
        zone=zone,
        days=tuple(days),
        fills=tuple((move.movement, move.after.instrument) for _, move in moves if isinstance(move.movement, Fill)),
    )


def _days(book: "_Book", moves: Sequence[tuple[Key, Move]], zone: tzinfo) -> Iterator[Day]:
    by_day: defaultdict[date, list[tuple[Key, Move]]] = defaultdict(list)
    for key, move in moves:
        by_day[move.movement.economic_order[0].astimezone(zone).date()].append((key, move))
    if not by_day:
        return
    day, last = min(by_day), max(by_day)
    while day <= last:
        for key, move in by_day.get(day, ()):
            book.take(key, move)
        yield book.close(day)
        day += timedelta(days=1)


class _Book:
    """Positions and their marks, and what has been earned so far."""

    def __init__(self, currency: str, rates: Rates, capital: Decimal, closes: Closes) -> None:
        self._currency = currency
        self._rates = rates
        self._equity = capital
        self._closes = closes
        self._positions: dict[Key, Position] = {}
        self._marks: dict[Key, Decimal] = {}

    def take(self, key: Key, move: Move) -> None:
        """Book what a movement realized, cost and brought."""
        movement, after = move.movement, move.after
        gain = RealizedPnl(pnl_currency(after.instrument), plain(minus(after.realized_pnl, move.before.realized_pnl)))
        net = self._net([gain], [(movement, after.instrument)])
        assert net.net_realized_pnl is not None, "all of it was converted"
        self._equity = plus(self._equity, net.net_realized_pnl)
        self._positions[key] = after
        if isinstance(movement, Adjustment) and movement.ratio is not None:
            if key in self._marks:
                self._marks[key] = quotient(self._marks[key], movement.ratio)
        elif movement.price is not None:
            self._marks[key] = movement.price

    def close(self, day: date) -> Day:
        """Return the end of a day."""
        equity = self._equity
        holdings: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        quantities: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for key, position in self._positions.items():
            close = self._closes.get((position.symbol, day))
            if close is not None:
                self._marks[key] = close
            if position.is_flat:
                continue
            value = position.instrument.value(magnitude(position.quantity), self._marks.get(key, ZERO))
            signed = value if (position.quantity > 0) != position.inverse else negated(value)
            cost = position.cost if (position.quantity > 0) != position.inverse else negated(position.cost)
            equity = plus(equity, self._converted(minus(signed, cost), position))
            shown = value if position.quantity > 0 else negated(value)
            holdings[position.symbol] = plus(holdings[position.symbol], self._converted(shown, position))
            quantities[position.symbol] = plus(quantities[position.symbol], position.quantity)
        return Day(day=day, equity=plain(equity), holdings=dict(holdings), quantities=dict(quantities))

    def _converted(self, amount: Decimal, position: Position) -> Decimal:
        gross = self._net([RealizedPnl(pnl_currency(position.instrument), amount)], ()).gross_realized_pnl
        assert gross is not None, "it was converted"
        return gross

    def _net(self, realized: Sequence[RealizedPnl], movements: Sequence[tuple[Movement, Instrument]]) -> NetPnl:
        net = net_of(self._currency, self._rates, realized, movements)
        if not net.is_complete:
            what = net.unconverted[0]
            raise NoRate(
                f"{what.amount} {what.currency} cannot be converted to {self._currency}: give a rate"
                if what.currency is not None
                else f"{what.amount} is in a currency that nobody gave: an order of the symbol has to name it",
                currency=what.currency,
                wanted=self._currency,
            )
        return net


def _closes(given: Any) -> Closes:
    closes = {}
    for key, price in ({} if given is None else mapping_of(given, "closes")).items():
        if not isinstance(key, tuple) or len(key) != 2:
            raise InvalidValue(
                "closes has a key that is no (symbol, date), such as ('AAPL', date(2026, 1, 5))",
                argument="closes",
                value=key,
            )
        try:
            day = parse_date(key[1], "closes.date")
        except ValueError as error:
            raise InvalidValue(str(error), argument="closes.date", value=key[1]) from None
        closes[check_id(key[0], "closes.symbol"), day] = check_price(price, f"closes[{key!r}]")
    return closes
