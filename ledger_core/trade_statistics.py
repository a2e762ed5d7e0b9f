"""Measure a trade: the result in units of the risk that was taken, and how far it went against and for it.

All figures are gross of fees. Excursions are seen only where a mark says what the price was: between marks the
ledger knows nothing of the market.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, assert_never

import attrs

from ledger_core import checks as check
from ledger_core._answer import Answer
from ledger_core._plain import is_mapping, kind_of, taken
from ledger_core.errors import InvalidValue
from ledger_core.model import Fill, Split, Trade, TradeLeg
from ledger_core.numbers import ONE, ZERO, Price, magnitude, minus, negated, plain, plus, quotient, times, total

_MARK_KEYS = ("at", "price", "symbol")

MARKS_MAX = 1_000_000
"""The most marks in one question: two years of minutes."""


@attrs.frozen
class Mark:
    """What an instrument was worth at a time; `symbol` may be left out where the trade has only one."""

    at: datetime
    price: Price
    symbol: str | None = None


@attrs.frozen(kw_only=True)
class TradeStatistics(Answer):
    """How a trade went; money is in `currency`, gross of fees.

    `initial_risk` is what would have been lost at the initial stop: the distance from the average entry price,
    valued by the instrument over the entry quantity; None without a stop, and of several legs. `r_multiple` is the
    realized PnL in units of it, to 18 places. The excursions are the lowest and the highest of realized and
    unrealized PnL together over the marks; None without one that tells. `holding_time` is from the first fill to the
    close, None while the trade is open.
    """

    trade_id: str
    currency: str | None
    realized_pnl: Decimal | None
    initial_risk: Decimal | None
    r_multiple: Decimal | None
    maximum_adverse_excursion: Decimal | None
    maximum_favorable_excursion: Decimal | None
    holding_time: timedelta | None


def check_marks(given: object, trade: Trade, argument: str = "marks") -> tuple[Mark, ...]:
    """Check marks: a list of Mark, of {at, price, symbol}, or of (at, price[, symbol])."""
    if issubclass(type(given), (str, bytes)) or is_mapping(given):
        raise InvalidValue(f"{argument} must be a list of marks, not {kind_of(given)}", argument=argument, value=given)
    marks = taken(given, argument, at_most=MARKS_MAX)
    terms = {leg.symbol: leg.inverse for leg in trade.legs}
    return tuple(_check_mark(one, terms, f"{argument}[{index}]") for index, one in enumerate(marks))


def statistics_of(
    trade: Trade, fills: Sequence[Fill], marks: Iterable[Mark], stop_price: Decimal | None
) -> TradeStatistics:
    """Measure a trade with its own fills, in economic order; `stop_price` is the initial stop, in present units."""
    realized, leg = trade.realized_pnl, trade.leg
    risk = None if stop_price is None or leg is None else _risk(leg, stop_price)
    excursions = list(_excursions(trade, fills, marks)) if realized is not None else []
    return TradeStatistics(
        trade_id=trade.trade_id,
        currency=trade.currency,
        realized_pnl=realized,
        initial_risk=risk,
        r_multiple=quotient(realized, risk) if realized is not None and risk else None,
        maximum_adverse_excursion=min(excursions, default=None),
        maximum_favorable_excursion=max(excursions, default=None),
        holding_time=None if trade.closed_at is None else trade.closed_at - trade.opened_at,
    )


def _check_mark(given: object, terms: Mapping[str, bool], argument: str) -> Mark:
    keys: Mapping[str, object] = {}
    if type(given) is Mark:
        keys = {name: getattr(given, name) for name in _MARK_KEYS}
    elif is_mapping(given):
        keys = {check.check_id(name, argument): value for name, value in check.mapping_of(given, argument).items()}
    elif issubclass(type(given), (list, tuple)):
        parts = check.items_of(given, argument)
        keys = dict(zip(_MARK_KEYS, parts, strict=False)) if 2 <= len(parts) <= len(_MARK_KEYS) else {}
    if not keys:
        raise InvalidValue(
            f"{argument} must be a Mark, or have {', '.join(_MARK_KEYS)}", argument=argument, value=given
        )
    for name in keys:
        if name not in _MARK_KEYS:
            raise InvalidValue(
                f"{argument} has no key {name!r}; known are {', '.join(_MARK_KEYS)}",
                argument=argument,
                value=name,
            )
    at = check.check_time(keys.get("at"), f"{argument}.at")
    price = check.check_price(keys.get("price"), f"{argument}.price")
    symbol = check.check_optional_id(keys.get("symbol"), f"{argument}.symbol")
    if symbol is None and len(terms) == 1:
        symbol = next(iter(terms))
    if symbol is None or symbol not in terms:
        raise InvalidValue(
            f"{argument}.symbol must be one of {', '.join(terms)}, not {symbol!r}",
            argument=f"{argument}.symbol",
            value=symbol,
        )
    if terms[symbol] and price <= 0:
        raise InvalidValue(
            f"{argument}.price: an inverse contract has no price of {price}", argument=f"{argument}.price", value=price
        )
    return Mark(at=at, price=price, symbol=symbol)


def _risk(leg: TradeLeg, stop_price: Decimal) -> Decimal | None:
    """Return the value between entry and stop: exact, where the average price would have been rounded."""
    if leg.inverse and stop_price <= 0:
        return None  # no such price: the loss of an inverse contract has no limit towards zero
    quantity, value = leg.entry
    return plain(magnitude(minus(value, leg.instrument.value(quantity, stop_price))))


@attrs.define
class _Worth:
    """What a leg is worth while time goes by: the money that flowed, and units at the last price."""

    leg: TradeLeg
    cash: Decimal = ZERO
    held: Decimal = ZERO
    price: Decimal | None = None

    def see(self, event: Fill | Split | Mark) -> None:
        """Take the next event of the leg."""
        match event:
            case Mark():
                self.price = event.price
            case Split():
                self.held = quotient(times(self.held, event.ratio), ONE)
            case Fill():
                moved = magnitude(event.signed_quantity)
                value = self.leg.instrument.value(moved, event.price)
                buys = event.side.is_buy
                self.held = plus(self.held, moved if buys else negated(moved))
                self.cash = minus(self.cash, value) if buys else plus(self.cash, value)
            case _:
                assert_never(event)

    def pnl(self) -> Decimal | None:
        """Return realized and unrealized PnL together; None while something is held at an unknown price."""
        worth = self.cash
        if self.held:
            if self.price is None:
                return None
            value = self.leg.instrument.value(magnitude(self.held), self.price)
            worth = plus(worth, value if self.held > 0 else negated(value))
        return plain(negated(worth) if self.leg.inverse else worth)


def _excursions(trade: Trade, fills: Iterable[Fill], marks: Iterable[Mark]) -> Iterator[Decimal]:
    """Yield the PnL of the whole trade at each time for which there are marks, from its first fill on."""
    legs = {(leg.symbol, leg.venue): _Worth(leg) for leg in trade.legs}
    events: list[tuple[tuple[Any, ...], Fill | Split | Mark, list[_Worth]]] = []
    for fill in fills:
        at, sequence, index = fill.economic_order
        events.append(((at, False, sequence, index), fill, [legs[fill.symbol, fill.venue]]))
    for worth in legs.values():
        events.extend(((split.occurred_at, False, split.sequence), split, [worth]) for split in worth.leg.splits)
    events.extend(
        ((mark.at, True), mark, [one for one in legs.values() if one.leg.symbol == mark.symbol]) for mark in marks
    )
    events.sort(key=lambda event: event[0])
    begun = False
    for (_, is_mark), group in groupby(events, key=lambda event: event[0][:2]):
        for _, event, concerned in group:
            begun = begun or isinstance(event, Fill)
            for worth in concerned:
                worth.see(event)
        figures = [worth.pnl() for worth in legs.values()] if begun and is_mark else [None]
        if None not in figures:
            yield total(figure for figure in figures if figure is not None)
