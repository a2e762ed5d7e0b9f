"""Trades: the round trips of a strategy, as sums over what their orders bought and sold.

Quantities are Decimals in units, prices in the instrument's currency per unit. What can be derived is a property.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ledger_core._frozen import EMPTY, quick
from ledger_core.holdings import Fee, Instrument, Split
from ledger_core.lifecycle import TradeState
from ledger_core.numbers import ONE, ZERO, Price, minus, negated, plain, plus, quotient, times
from ledger_core.vocabulary import Key, RecordKind, ResidualReason, Side


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class TradeLeg:
    """What a trade bought and sold of one instrument: sums, so the order in which facts arrive is no matter.

    Values are quantity x price x multiplier in `currency` (inverse: quantity x multiplier / price in the base).
    `direction` is the side of the leg's first fill in economic order, which stands at `first_executed_at`.
    `splits` are those of the instrument while the trade was open: what was executed before them counts after them.
    """

    symbol: str
    venue: str | None = None
    direction: Side
    bought_quantity: Decimal = ZERO
    bought_value: Decimal = ZERO
    sold_quantity: Decimal = ZERO
    sold_value: Decimal = ZERO
    currency: str | None = None
    base_currency: str | None = None
    multiplier: Decimal = ONE
    inverse: bool = False
    first_executed_at: datetime
    first_sequence: int
    first_index: int
    splits: tuple[Split, ...] = ()

    @property
    def instrument(self) -> Instrument:
        """The terms by which it is valued."""
        return Instrument(
            venue=self.venue,
            symbol=self.symbol,
            multiplier=self.multiplier,
            inverse=self.inverse,
            base_currency=self.base_currency,
            currency=self.currency,
        )

    @property
    def entry(self) -> tuple[Decimal, Decimal]:
        """(quantity, value) of the side that entered."""
        bought, sold = (self.bought_quantity, self.bought_value), (self.sold_quantity, self.sold_value)
        return bought if self.direction.is_buy else sold

    @property
    def exit(self) -> tuple[Decimal, Decimal]:
        """(quantity, value) of the side that left."""
        bought, sold = (self.bought_quantity, self.bought_value), (self.sold_quantity, self.sold_value)
        return sold if self.direction.is_buy else bought

    @property
    def open_quantity(self) -> Decimal:
        """Entered less left; negative when more left than had entered."""
        return plain(minus(self.entry[0], self.exit[0]))

    @property
    def realized_pnl(self) -> Decimal:
        """Gross PnL over the matched quantity; once flat exactly the sum of the cash flows."""
        (entered, entry_value), (left, exit_value) = self.entry, self.exit
        matched = min(entered, left)
        if not matched:
            return ZERO
        if entered != matched:
            entry_value = quotient(times(entry_value, matched), entered)
        if left != matched:
            exit_value = quotient(times(exit_value, matched), left)
        gain = minus(exit_value, entry_value)
        return plain(gain if self.direction.is_buy != self.inverse else negated(gain))


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Trade:
    """A round trip of a strategy: the orders that entered and left, and what came of it.

    Figures of a trade in one instrument are those of its one leg; of several instruments the quantities and
    prices are None and `realized_pnl` is given where all legs share a currency. `shares` holds, of orders whose
    fills are shared between trades, how many units are this trade's; an order that is not in it belongs to it whole.
    `initial_stop_price` is the first stop that was stated, by which the risk is measured.
    """

    kind: ClassVar[RecordKind] = RecordKind.TRADE

    trade_id: str
    state: TradeState = TradeState.OPEN
    order_ids: tuple[str, ...]
    initial_order_ids: tuple[str, ...]
    exit_order_ids: tuple[str, ...] = ()
    shares: Mapping[str, Decimal] = EMPTY
    initial_shares: Mapping[str, Decimal] = EMPTY
    legs: tuple[TradeLeg, ...]
    fees: tuple[Fee, ...] = ()
    stop_price: Price | None = None
    initial_stop_price: Price | None = None
    target_price: Price | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    reason: str | None = None
    residual: Mapping[str, Decimal] = EMPTY
    residual_reason: ResidualReason | None = None
    restated: bool = False
    opened_at: datetime
    closed_at: datetime | None = None
    recorded_at: datetime
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(trade_id,)."""
        return (self.trade_id,)

    @property
    def leg(self) -> TradeLeg | None:
        """The one leg of a trade in one instrument; None for several."""
        return self.legs[0] if len(self.legs) == 1 else None

    @property
    def symbol(self) -> str | None:
        """The one instrument of the trade; None for several."""
        return self.leg.symbol if self.leg else None

    @property
    def direction(self) -> Side:
        """The side of the first fill in economic order: that side enters, the other leaves."""
        first = min(self.legs, key=lambda leg: (leg.first_executed_at, leg.first_sequence, leg.first_index))
        return first.direction

    @property
    def entry_quantity(self) -> Decimal | None:
        """Units that entered."""
        return self.leg.entry[0] if self.leg else None

    @property
    def exit_quantity(self) -> Decimal | None:
        """Units that left."""
        return self.leg.exit[0] if self.leg else None

    @property
    def open_quantity(self) -> Decimal | None:
        """Entered less left."""
        return self.leg.open_quantity if self.leg else None

    @property
    def is_flat(self) -> bool:
        """Whether every leg has left what it entered."""
        return not any(leg.open_quantity for leg in self.legs)

    @property
    def average_entry_price(self) -> Decimal | None:
        """Entry value per unit, 18 places."""
        return self.leg.instrument.price(*self.leg.entry) if self.leg else None

    @property
    def average_exit_price(self) -> Decimal | None:
        """Exit value per unit, 18 places; None before the first exit."""
        return self.leg.instrument.price(*self.leg.exit) if self.leg else None

    @property
    def currency(self) -> str | None:
        """The currency of `realized_pnl`; None where it is unknown or the legs differ."""
        currencies = {leg.instrument.money_currency for leg in self.legs}
        return currencies.pop() if len(currencies) == 1 else None

    @property
    def realized_pnl(self) -> Decimal | None:
        """Gross of fees, over the matched quantity; None where legs in several currencies cannot be added."""
        if len({leg.instrument.money_currency for leg in self.legs}) > 1:
            return None
        result = ZERO
        for leg in self.legs:
            result = plus(result, leg.realized_pnl)
        return result
