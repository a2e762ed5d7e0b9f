"""What is held and what moved it without an execution: instruments, positions, adjustments, exposure.

Quantities are Decimals in units, prices in the instrument's currency per unit. What can be derived is a property.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ledger_core._frozen import quick
from ledger_core.numbers import ONE, ZERO, Price, magnitude, negated, plus, quotient, times
from ledger_core.vocabulary import AdjustmentKind, Key, PositionSide, RecordKind, position_key


@quick
@attrs.frozen(weakref_slot=False)
class Fee:
    """An amount paid (positive) or received as a rebate (negative), in `currency`, as the venue charged it."""

    currency: str
    amount: Decimal


@quick
@attrs.frozen(weakref_slot=False)
class CashFlow:
    """What adjustments of one kind came to in one currency; signs as in AdjustmentKind."""

    adjustment_kind: AdjustmentKind
    currency: str
    amount: Decimal


@quick
@attrs.frozen(weakref_slot=False)
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


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
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
        return money_behind(self, quantity, price)

    def price(self, quantity: Decimal, value: Decimal) -> Decimal | None:
        """Return the average price behind a quantity and its value; None where there is none."""
        units = times(quantity, self.multiplier)
        dividend, divisor = (units, value) if self.inverse else (value, units)
        return quotient(dividend, divisor) if divisor else None


def money_behind(terms: "Instrument | Position", quantity: Decimal, price: Decimal) -> Decimal:
    """Return the money behind a quantity at a price by an instrument's terms, which its positions carry too."""
    multiplier = terms.multiplier
    units = quantity if multiplier is ONE or multiplier == ONE else times(quantity, multiplier)
    return quotient(units, price) if terms.inverse else times(units, price)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Opening:
    """A position at the flat point up to which its history may be in archives: nothing before it changes any more.

    It stands just after a fill, named by its place in economic order; the figures are those of the position then.
    `fees` are what all fills up to it had cost; `money_fees` are the same, but those that were taken out of a quantity
    in the currency of the PnL, at the prices of their own fills. `archive_id` is the archive that moved it here.
    """

    archive_id: str
    executed_at: datetime
    sequence: int
    index: int
    realized_pnl: Decimal
    cycle_realized_pnl: Decimal
    opened_at: datetime
    fees: tuple[Fee, ...] = ()
    money_fees: tuple[Fee, ...] = ()

    @property
    def economic_order(self) -> tuple[datetime, int, int]:
        """Where the fill after which the position was flat stands in economic order."""
        return (self.executed_at, self.sequence, self.index)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Position:
    """What is held of one (symbol, venue, account, position_side), by average cost.

    `quantity` is signed: negative is short. `cost` is the value at which the open part was entered (of a short:
    the proceeds), without fees. `realized_pnl` is gross of fees and cumulative; `cycle_realized_pnl` counts since
    the position was last flat. `fees` are what was paid, currency by currency; `cash_flows` what funding, interest
    and dividends came to. Neither is part of the realized PnL. `opening` is where its live history begins, once a part
    of it was archived.
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
    opening: Opening | None = None
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


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
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

    def is_wanted(self, symbol: str, since: datetime | None, kind: AdjustmentKind | None) -> bool:
        """Say whether it is of the symbol, not before `since` and of the kind, where these are given."""
        return (
            self.symbol == symbol
            and (since is None or self.occurred_at >= since)
            and (kind is None or self.adjustment_kind is kind)
        )

    def concerns(self, key: Key) -> bool:
        """Say whether it changes the position of this key."""
        if self.adjustment_kind is not AdjustmentKind.SPLIT:
            return key == self.position_key
        symbol, venue, account, side = key
        given = ((self.venue, venue), (self.account, account), (self.position_side, side))
        return symbol == self.symbol and all(ours is None or ours == theirs for ours, theirs in given)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
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
