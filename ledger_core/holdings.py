"""What is held and what came of it: instruments, positions, trades, exposure.

Quantities are Decimals in units, prices in the instrument's currency per unit. What can be derived is a property.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ledger_core._frozen import FrozenDict
from ledger_core.lifecycle import TradeState
from ledger_core.numbers import ONE, ZERO, Price, magnitude, minus, negated, plain, plus, quotient, times
from ledger_core.vocabulary import (
    AdjustmentKind,
    Key,
    PositionSide,
    RecordKind,
    ResidualReason,
    Side,
    position_key,
)


@attrs.frozen
class Fee:
    """An amount paid (positive) or received as a rebate (negative), in `currency`, as the venue charged it."""

    currency: str
    amount: Decimal


@attrs.frozen
class CashFlow:
    """What adjustments of one kind came to in one currency; signs as in AdjustmentKind."""

    adjustment_kind: AdjustmentKind
    currency: str
    amount: Decimal


@attrs.frozen
class Split:
    """A split that restated an order or a leg: units executed before it, in economic order, count `ratio` times."""

    occurred_at: datetime
    sequence: int
    ratio: Decimal


def split_quantity(quantity: Decimal, executed: tuple[datetime, int, int], splits: Iterable[Split]) -> Decimal:
    """Return what a quantity comes to after the splits that followed it; rounded half-even to 18 places.

    `executed` is the economic order of its fill.
    """
    for split in splits:
        if (split.occurred_at, split.sequence) > executed[:2]:
            quantity = quotient(times(quantity, split.ratio), ONE)
    return quantity


@attrs.frozen(kw_only=True)
class Instrument:
    """The terms of a (venue, symbol), set by the first order that names them; None = not known yet.

    Money of a linear instrument is price x quantity x multiplier in `currency`; of an inverse one
    quantity x multiplier / price in `base_currency`.
    """

    kind: ClassVar[RecordKind] = RecordKind.INSTRUMENT

    venue: str | None = None
    symbol: str
    multiplier: Decimal = ONE
    inverse: bool = False
    base_currency: str | None = None
    currency: str | None = None
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(venue, symbol), the venue "" where none was given."""
        return (self.venue or "", self.symbol)

    @property
    def money_currency(self) -> str | None:
        """The currency of cost and PnL."""
        return self.base_currency if self.inverse else self.currency

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Return the money behind a quantity at a price; inverse values are rounded half-even to 18 places."""
        units = quantity if self.multiplier == ONE else times(quantity, self.multiplier)
        return quotient(units, price) if self.inverse else times(units, price)

    def price(self, quantity: Decimal, value: Decimal) -> Decimal | None:
        """Return the average price behind a quantity and its value; None where there is none."""
        units = times(quantity, self.multiplier)
        dividend, divisor = (units, value) if self.inverse else (value, units)
        return quotient(dividend, divisor) if divisor else None


@attrs.frozen(kw_only=True)
class Position:
    """What is held of one (symbol, venue, account, position_side), by average cost.

    `quantity` is signed: negative is short. `cost` is the value at which the open part was entered (of a short:
    the proceeds), without fees. `realized_pnl` is gross of fees and cumulative; `cycle_realized_pnl` counts since
    the position was last flat. `fees` are what was paid, currency by currency; `cash_flows` what funding, interest
    and dividends came to. Neither is part of the realized PnL.
    """

    kind: ClassVar[RecordKind] = RecordKind.POSITION

    symbol: str
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide = PositionSide.NET
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    cycle_realized_pnl: Decimal = ZERO
    fees: tuple[Fee, ...] = ()
    cash_flows: tuple[CashFlow, ...] = ()
    currency: str | None = None
    base_currency: str | None = None
    multiplier: Decimal = ONE
    inverse: bool = False
    opened_at: datetime | None = None
    last_executed_at: datetime | None = None
    last_sequence: int = 0
    last_index: int = 0
    sequence: int = 0
    version: int = 0

    @property
    def key(self) -> Key:
        """(symbol, venue, account, position_side), "" where none was given."""
        return position_key(self.symbol, self.venue, self.account, self.position_side)

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return not self.quantity

    @property
    def average_price(self) -> Decimal | None:
        """The average entry price of the open part (harmonic for inverse contracts); None when flat."""
        return self.instrument.price(magnitude(self.quantity), self.cost) if self.quantity else None

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
    def money_currency(self) -> str | None:
        """The currency of `cost` and PnL: `currency`, or `base_currency` of an inverse contract."""
        return self.base_currency if self.inverse else self.currency

    @property
    def last_economic_order(self) -> tuple[datetime, int, int] | None:
        """Where the fill or adjustment that was folded last stands in economic order."""
        if self.last_executed_at is None:
            return None
        return (self.last_executed_at, self.last_sequence, self.last_index)


@attrs.frozen(kw_only=True)
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


@attrs.frozen(kw_only=True)
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
    shares: Mapping[str, Decimal] = attrs.field(factory=FrozenDict)
    initial_shares: Mapping[str, Decimal] = attrs.field(factory=FrozenDict)
    legs: tuple[TradeLeg, ...]
    fees: tuple[Fee, ...] = ()
    stop_price: Price | None = None
    initial_stop_price: Price | None = None
    target_price: Price | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    reason: str | None = None
    residual: Mapping[str, Decimal] = attrs.field(factory=FrozenDict)
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


@attrs.frozen(kw_only=True)
class Adjustment:
    """What moved a position, or money because of one, without an execution.

    Cash kinds have `amount` in `currency`, TRANSFER and OPENING_POSITION a signed `quantity` at a `price`, SPLIT a
    `ratio`. `moves_quantity` marks INTEREST in the base currency, which takes its amount out of the quantity. Parts
    of the key that a SPLIT leaves out mean all positions of the symbol; of the other kinds, a part that was not given.
    """

    kind: ClassVar[RecordKind] = RecordKind.ADJUSTMENT

    adjustment_id: str
    adjustment_kind: AdjustmentKind
    symbol: str
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide | None = None
    amount: Decimal | None = None
    currency: str | None = None
    quantity: Decimal | None = None
    price: Price | None = None
    ratio: Decimal | None = None
    moves_quantity: bool = False
    metadata: Mapping[str, Any] | None = None
    occurred_at: datetime
    recorded_at: datetime
    sequence: int = 0
    index: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(adjustment_id,)."""
        return (self.adjustment_id,)

    @property
    def economic_order(self) -> tuple[datetime, int, int]:
        """Where it stands in the order in which positions are folded."""
        return (self.occurred_at, self.sequence, self.index)

    @property
    def position_key(self) -> Key:
        """The key of the one position that it moves; of a SPLIT only where every part was given."""
        return position_key(self.symbol, self.venue, self.account, self.position_side or PositionSide.NET)

    @property
    def signed_quantity(self) -> Decimal:
        """What it adds to the quantity of its position; 0 for what moves cash alone, and for a SPLIT."""
        if self.moves_quantity and self.amount is not None:
            return negated(self.amount)
        return self.quantity or ZERO

    def concerns(self, key: Key) -> bool:
        """Say whether it changes the position of this key."""
        if self.adjustment_kind is not AdjustmentKind.SPLIT:
            return key == self.position_key
        symbol, venue, account, side = key
        given = ((self.venue, venue), (self.account, account), (self.position_side, side))
        return symbol == self.symbol and all(ours is None or ours == theirs for ours, theirs in given)


@attrs.frozen(kw_only=True)
class Exposure:
    """What a symbol could move: held, and what open orders may still add, over the keys that were asked for.

    Quantities are in units; `net_quantity` is signed. `worst_case_long` is the net if every pending buy and no
    pending sell is filled, `worst_case_short` the reverse; both count quarantined fills. Orders of unknown
    quantity are listed, never taken as zero. `average_price` is None when flat or where keys differ in sign.
    """

    symbol: str
    net_quantity: Decimal
    long_quantity: Decimal
    short_quantity: Decimal
    average_price: Decimal | None
    pending_buy_quantity: Decimal
    pending_sell_quantity: Decimal
    worst_case_long: Decimal
    worst_case_short: Decimal
    unquantified_order_ids: tuple[str, ...] = ()

    @property
    def gross_quantity(self) -> Decimal:
        """Long plus short."""
        return plus(self.long_quantity, self.short_quantity)
