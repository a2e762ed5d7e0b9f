"""The records: frozen values of what was ordered, filled, traded and held.

Quantities are Decimals in units of the instrument (shares, contracts, coins), positive unless a docstring says
signed; prices are Decimals in the instrument's currency per unit; times are aware and UTC. What can be derived
is a property, so it can never disagree with what is stored. Every record carries `sequence`, the journal entry
that created it, and `version`, which counts the changes to it.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

import attrs

from ledger_core.lifecycle import (
    ENDED_STATES,
    OrderState,
    OrderStatus,
    RequestKind,
    RequestState,
    TradeState,
    is_open,
)
from ledger_core.numbers import ONE, ZERO, Price, magnitude, minus, negated, plain, plus, quotient, times

Key = tuple[str, ...]
"""What identifies a record within its kind and strategy."""


class RecordKind(StrEnum):
    """The kinds of record that a store keeps; see each record's `key` for what identifies it."""

    ORDER = "ORDER"
    REQUEST = "REQUEST"
    FILL = "FILL"
    TRADE = "TRADE"
    POSITION = "POSITION"
    INSTRUMENT = "INSTRUMENT"
    QUARANTINE = "QUARANTINE"
    COMMAND = "COMMAND"


class Side(StrEnum):
    """FIX Side (tag 54): BUY 1, SELL 2, SELL_SHORT 5."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"

    @property
    def is_buy(self) -> bool:
        """Whether a fill of this side adds to a signed quantity."""
        return self is Side.BUY


class OrderType(StrEnum):
    """FIX OrdType (tag 40)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    MARKET_ON_CLOSE = "MARKET_ON_CLOSE"
    LIMIT_ON_CLOSE = "LIMIT_ON_CLOSE"
    PEGGED = "PEGGED"
    OTHER = "OTHER"


class TimeInForce(StrEnum):
    """FIX TimeInForce (tag 59); an order without one is a day order."""

    DAY = "DAY"
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"
    FOK = "FOK"
    AT_OPEN = "AT_OPEN"
    AT_CLOSE = "AT_CLOSE"
    OTHER = "OTHER"

    @property
    def is_good_till(self) -> bool:
        """Whether the order outlives the trading day."""
        return self is TimeInForce.GTC or self is TimeInForce.GTD


class PositionSide(StrEnum):
    """NET for one-way accounts; LONG and SHORT are separate positions of a hedged account."""

    NET = "NET"
    LONG = "LONG"
    SHORT = "SHORT"


class Liquidity(StrEnum):
    """FIX LastLiquidityInd (tag 851): 1 = MAKER, 2 = TAKER, 4 = AUCTION."""

    MAKER = "MAKER"
    TAKER = "TAKER"
    AUCTION = "AUCTION"


class ResidualReason(StrEnum):
    """Why a trade was closed while it still held something."""

    DUST = "DUST"
    TRANSFERRED = "TRANSFERRED"
    WRITTEN_OFF = "WRITTEN_OFF"


class QuarantineState(StrEnum):
    """Whether a quarantined fact still waits."""

    WAITING = "WAITING"
    BOOKED = "BOOKED"


@attrs.frozen
class Fee:
    """An amount paid (positive) or received as a rebate (negative), in `currency`, as the venue charged it."""

    currency: str
    amount: Decimal


@attrs.frozen(kw_only=True)
class OrderDetails:
    """What was ordered, as first given; None means not given.

    `quantity` is in units; an order by value has `cash_quantity` in `cash_currency` instead. `multiplier` turns
    price x quantity into money; an `inverse` contract is priced in `currency` and settled in `base_currency`.
    """

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal | None = None
    cash_quantity: Decimal | None = None
    cash_currency: str | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    trailing_offset: Price | None = None
    time_in_force: TimeInForce | None = None
    expire_at: datetime | None = None
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide = PositionSide.NET
    venue_order_id: str | None = None
    currency: str | None = None
    base_currency: str | None = None
    multiplier: Decimal | None = None
    inverse: bool | None = None
    reduce_only: bool | None = None
    post_only: bool | None = None
    parent_order_id: str | None = None
    order_list_id: str | None = None
    execution_group_id: str | None = None
    trade_plan_id: str | None = None
    arrival_price: Price | None = None
    origin: str | None = None
    metadata: Mapping[str, Any] | None = None


@attrs.frozen(kw_only=True)
class OrderChanges:
    """New terms of an order, in totals (not open amounts); None leaves a term as it is."""

    quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    trailing_offset: Price | None = None
    time_in_force: TimeInForce | None = None
    expire_at: datetime | None = None
    venue_order_id: str | None = None


@attrs.frozen(kw_only=True)
class OrderRequest:
    """A request to cancel or replace an order: its own small life, which never overwrites the order's."""

    kind: ClassVar[RecordKind] = RecordKind.REQUEST

    order_id: str
    request_id: str
    request_kind: RequestKind
    state: RequestState = RequestState.REQUESTED
    changes: OrderChanges | None = None
    answer: OrderChanges | None = None
    reason: str | None = None
    unsolicited: bool = False
    requested_at: datetime
    ended_at: datetime | None = None
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(order_id, request_id)."""
        return (self.order_id, self.request_id)

    @property
    def is_in_flight(self) -> bool:
        """Whether the venue has yet to answer."""
        return self.state is RequestState.REQUESTED


@attrs.frozen(kw_only=True)
class Order:
    """An order: `details` as first given, its terms as they are now, and what the venue has made of it.

    `executed_value` is the exact sum of quantity x price over its fills. `requests` holds every request to
    cancel or replace, oldest first.
    """

    kind: ClassVar[RecordKind] = RecordKind.ORDER

    order_id: str
    details: OrderDetails
    state: OrderState = OrderState.PLACED
    quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    trailing_offset: Price | None = None
    time_in_force: TimeInForce | None = None
    expire_at: datetime | None = None
    cum_quantity: Decimal = ZERO
    executed_value: Decimal = ZERO
    overfill_quantity: Decimal = ZERO
    venue_order_ids: tuple[str, ...] = ()
    trade_ids: tuple[str, ...] = ()
    triggered: bool = False
    trade_date: date | None = None
    reason: str | None = None
    request_count: int = 0
    cancels_in_flight: int = 0
    replaces_in_flight: int = 0
    requests: tuple[OrderRequest, ...] = ()
    placed_at: datetime
    recorded_at: datetime
    ended_at: datetime | None = None
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(order_id,)."""
        return (self.order_id,)

    @property
    def status(self) -> OrderStatus:
        """IN_DOUBT if the state is; else PENDING_CANCEL, else PENDING_REPLACE while in flight; else the state."""
        if self.state is not OrderState.IN_DOUBT:
            if self.cancels_in_flight:
                return OrderStatus.PENDING_CANCEL
            if self.replaces_in_flight:
                return OrderStatus.PENDING_REPLACE
        return OrderStatus(self.state.value)

    @property
    def is_good_till(self) -> bool:
        """Whether the order outlives the trading day (GTC, GTD)."""
        return self.time_in_force is not None and self.time_in_force.is_good_till

    @property
    def is_open(self) -> bool:
        """Whether the venue may still execute it."""
        return is_open(self.state, good_till=self.is_good_till)

    @property
    def leaves_quantity(self) -> Decimal | None:
        """What is left to execute; 0 once it has ended; None while the quantity of a cash order is unknown."""
        if self.state in ENDED_STATES or (self.state is OrderState.DONE_FOR_DAY and not self.is_good_till):
            return ZERO
        if self.quantity is None:
            return None
        return max(ZERO, plain(minus(self.quantity, self.cum_quantity)))

    @property
    def average_price(self) -> Decimal | None:
        """Executed value per unit, rounded to 18 places; None before the first fill."""
        return quotient(self.executed_value, self.cum_quantity) if self.cum_quantity else None

    @property
    def fill_limit(self) -> Decimal | None:
        """The most that may be filled: the largest of quantity and replaces in flight; None = no limit known."""
        if self.quantity is None or not self.replaces_in_flight:
            return self.quantity
        asked = (r.changes.quantity for r in self.requests if r.is_in_flight and r.changes is not None)
        return max(self.quantity, *(quantity for quantity in asked if quantity is not None), ZERO)

    @property
    def pending_quantity(self) -> Decimal | None:
        """What may still execute, a raise in flight included; None while that is unknown (FIX has no word)."""
        leaves = self.leaves_quantity
        limit = self.fill_limit
        if leaves is None or limit is None or not self.is_open:
            return leaves
        return max(leaves, minus(limit, self.cum_quantity))

    @property
    def current_details(self) -> OrderDetails:
        """The details with the terms as they are now."""
        return attrs.evolve(
            self.details,
            quantity=self.quantity,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            trailing_offset=self.trailing_offset,
            time_in_force=self.time_in_force,
            expire_at=self.expire_at,
        )

    @property
    def symbol(self) -> str:
        """The instrument."""
        return self.details.symbol

    @property
    def side(self) -> Side:
        """BUY, SELL or SELL_SHORT."""
        return self.details.side

    @property
    def venue(self) -> str | None:
        """Where it was sent."""
        return self.details.venue

    @property
    def account(self) -> str | None:
        """On whose account."""
        return self.details.account

    @property
    def position_side(self) -> PositionSide:
        """Which position of a hedged account it works on."""
        return self.details.position_side

    @property
    def position_key(self) -> Key:
        """The key of the position that its fills change."""
        return position_key(self.details.symbol, self.venue, self.account, self.position_side)


@attrs.frozen(kw_only=True)
class Fill:
    """One execution of an order.

    The economic order of fills is (executed_at, sequence, index). `flat_realized_pnl` is set on a fill after
    which its position was flat: the cumulative realized PnL at that point, from which a later re-fold starts.
    """

    kind: ClassVar[RecordKind] = RecordKind.FILL

    order_id: str
    fill_id: str
    symbol: str
    side: Side
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide = PositionSide.NET
    quantity: Decimal
    price: Price
    fees: tuple[Fee, ...] = ()
    fee_in_base: bool = False
    liquidity: Liquidity | None = None
    executed_at: datetime
    trade_date: date | None = None
    venue_order_id: str | None = None
    inferred: bool = False
    late: bool = False
    flat_realized_pnl: Decimal | None = None
    metadata: Mapping[str, Any] | None = None
    recorded_at: datetime
    sequence: int = 0
    index: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(order_id, fill_id): two orders may carry the same fill id."""
        return (self.order_id, self.fill_id)

    @property
    def position_key(self) -> Key:
        """The key of the position that it changes."""
        return position_key(self.symbol, self.venue, self.account, self.position_side)

    @property
    def economic_order(self) -> tuple[datetime, int, int]:
        """Where it stands in the order in which positions are folded."""
        return (self.executed_at, self.sequence, self.index)

    @property
    def base_fee(self) -> Decimal:
        """What of the fees was taken out of, or added to, the quantity itself; 0 unless `fee_in_base`."""
        return self.fees[0].amount if self.fee_in_base else ZERO

    @property
    def signed_quantity(self) -> Decimal:
        """What it adds to the position: positive for a buy, less the fee taken in the base currency."""
        gross = self.quantity if self.side.is_buy else negated(self.quantity)
        return minus(gross, self.base_fee) if self.fee_in_base else gross

    @property
    def effective_trade_date(self) -> date:
        """The trade date as reported, else the UTC date of the execution."""
        return self.trade_date or self.executed_at.date()


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
    the position was last flat. `fees` are what was paid, currency by currency.
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
        """Where the fill that was folded last stands in economic order."""
        if self.last_executed_at is None:
            return None
        return (self.last_executed_at, self.last_sequence, self.last_index)


@attrs.frozen(kw_only=True)
class TradeLeg:
    """What a trade bought and sold of one instrument: sums, so the order in which facts arrive is no matter.

    Values are quantity x price x multiplier in `currency` (inverse: quantity x multiplier / price in the base).
    `direction` is the side of the leg's first fill in economic order, which stands at `first_executed_at`.
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
    prices are None and `realized_pnl` is given where all legs share a currency.
    """

    kind: ClassVar[RecordKind] = RecordKind.TRADE

    trade_id: str
    state: TradeState = TradeState.OPEN
    order_ids: tuple[str, ...]
    initial_order_ids: tuple[str, ...]
    exit_order_ids: tuple[str, ...] = ()
    legs: tuple[TradeLeg, ...]
    fees: tuple[Fee, ...] = ()
    stop_price: Price | None = None
    target_price: Price | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    reason: str | None = None
    residual: Mapping[str, Decimal] = attrs.field(factory=dict)
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
class QuarantinedFact:
    """A fact of the venue that could not be booked: kept, counted in the worst case, and tried again.

    `fact` is the command as it was given, JSON-ready. `symbol`, `side` and `quantity` are known of fills.
    """

    kind: ClassVar[RecordKind] = RecordKind.QUARANTINE

    quarantine_id: str
    operation: str
    order_id: str | None = None
    venue_order_id: str | None = None
    symbol: str | None = None
    side: Side | None = None
    quantity: Decimal | None = None
    fact: Mapping[str, Any]
    code: str
    message: str
    state: QuarantineState = QuarantineState.WAITING
    occurred_at: datetime
    recorded_at: datetime
    resolved_at: datetime | None = None
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(quarantine_id,)."""
        return (self.quarantine_id,)


@attrs.frozen(kw_only=True)
class CommandRecord:
    """A command given with a command_id: what it was, so that a repeat is known and a conflict is seen."""

    kind: ClassVar[RecordKind] = RecordKind.COMMAND

    operation: str
    target: str
    command_id: str
    content: Mapping[str, Any]
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(operation, order or trade id, command_id)."""
        return (self.operation, self.target, self.command_id)


Record = Order | OrderRequest | Fill | Trade | Position | Instrument | QuarantinedFact | CommandRecord

RECORD_TYPES: Mapping[RecordKind, type[Record]] = {
    record_type.kind: record_type
    for record_type in (
        Order,
        OrderRequest,
        Fill,
        Trade,
        Position,
        Instrument,
        QuarantinedFact,
        CommandRecord,
    )
}


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


@attrs.frozen(kw_only=True)
class OrderDay:
    """One trading day of an order (FIX DayOrderQty 424, DayCumQty 425, DayAvgPx 426)."""

    order_id: str
    trade_date: date
    day_order_quantity: Decimal | None
    day_cum_quantity: Decimal
    day_average_price: Decimal | None


@attrs.frozen(kw_only=True)
class Unresolved:
    """What a handler walks first after a crash: intent without outcome, requests without answer, unbooked facts."""

    orders: tuple[Order, ...]
    requests: tuple[OrderRequest, ...]
    quarantined: tuple[QuarantinedFact, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to resolve."""
        return bool(self.orders or self.requests or self.quarantined)


def position_key(symbol: str, venue: str | None, account: str | None, position_side: PositionSide) -> Key:
    """Return the key of a position; "" stands for a part that was not given."""
    return (symbol, venue or "", account or "", position_side.value)
