"""The records: frozen values of what was ordered, filled, traded and held.

Quantities are Decimals in units of the instrument (shares, contracts, coins), positive unless a docstring says
signed; prices are Decimals in the instrument's currency per unit; times are aware and UTC. What can be derived
is a property, so it can never disagree with what is stored. Every record carries `sequence`, the journal entry
that created it, and `version`, which counts the changes to it.

The words are in `vocabulary`, fills in `executions`, positions in `holdings`, trades in `trades`; all of them are to
be had from here.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ledger_core._frozen import EMPTY, quick
from ledger_core.archived import ArchivedRecord, Checkpoint, archived_key, key_behind
from ledger_core.executions import Execution, Fill
from ledger_core.holdings import (
    Adjustment,
    CashFlow,
    Exposure,
    Fee,
    Instrument,
    Opening,
    Position,
    Split,
    split_quantity,
)
from ledger_core.lifecycle import (
    DAY_OPEN_STATES,
    ENDED_STATES,
    GOOD_TILL_OPEN_STATES,
    STATUS_OF_STATE,
    OrderState,
    OrderStatus,
    RequestKind,
    RequestState,
)
from ledger_core.numbers import ZERO, Price, minus, plain, quotient
from ledger_core.trades import Trade, TradeLeg
from ledger_core.vocabulary import (
    GOOD_TILL,
    AdjustmentKind,
    CostMethod,
    Key,
    Liquidity,
    OrderType,
    PositionSide,
    QuarantineState,
    RecordKind,
    ResidualReason,
    Side,
    TimeInForce,
    position_key,
)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
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


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class OrderChanges:
    """New terms of an order, in totals (not open amounts); None leaves a term as it is."""

    quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    trailing_offset: Price | None = None
    time_in_force: TimeInForce | None = None
    expire_at: datetime | None = None
    venue_order_id: str | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
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


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class StatusReport:
    """What the venue said of an order when it was asked (a poll); it changes no quantity."""

    status: OrderStatus | None = None
    cum_quantity: Decimal | None = None
    average_price: Price | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Order:
    """An order: `details` as first given, its terms as they are now, and what the venue has made of it.

    `executed_value` is the exact sum of quantity x price over its fills. `requests` holds every request to
    cancel or replace, oldest first. `corrections` maps the id of each correction to that of the fill it corrects.
    `inferred_quantity` is what inferred fills still stand for; `report` is the last poll's answer.
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
    corrections: Mapping[str, str] = EMPTY
    inferred_quantity: Decimal = ZERO
    report: StatusReport | None = None
    splits: tuple[Split, ...] = ()
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
        in_flight = self.cancels_in_flight or self.replaces_in_flight
        if in_flight and self.state is not OrderState.IN_DOUBT and self.state not in ENDED_STATES:
            return OrderStatus.PENDING_CANCEL if self.cancels_in_flight else OrderStatus.PENDING_REPLACE
        return STATUS_OF_STATE[self.state]

    @property
    def is_good_till(self) -> bool:
        """Whether the order outlives the trading day (GTC, GTD)."""
        return self.time_in_force in GOOD_TILL

    @property
    def is_open(self) -> bool:
        """Whether the venue may still execute it."""
        return self.state in (GOOD_TILL_OPEN_STATES if self.time_in_force in GOOD_TILL else DAY_OPEN_STATES)

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
    def missing_quantity(self) -> Decimal:
        """What the venue reported as filled and no fill accounts for: fills that have not arrived."""
        reported = self.report.cum_quantity if self.report is not None else None
        return ZERO if reported is None else max(ZERO, plain(minus(reported, self.cum_quantity)))

    @property
    def quantities_asked(self) -> tuple[Decimal, ...]:
        """The total quantities that replaces in flight ask for."""
        if not self.replaces_in_flight:
            return ()
        asked = (request.changes.quantity for request in self.requests if request.is_in_flight and request.changes)
        return tuple(quantity for quantity in asked if quantity is not None)

    @property
    def fill_limit(self) -> Decimal | None:
        """The most that may be filled: the largest of quantity and replaces in flight; None = no limit known."""
        if not self.replaces_in_flight:
            return self.quantity
        return None if self.quantity is None else max(self.quantity, *self.quantities_asked, ZERO)

    @property
    def pending_quantity(self) -> Decimal | None:
        """What may still execute, a raise in flight included; None while that is unknown (FIX has no word)."""
        leaves = self.leaves_quantity
        if leaves is None:
            return None
        return max(leaves, *(plain(minus(asked, self.cum_quantity)) for asked in self.quantities_asked), ZERO)

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


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class QuarantinedFact:
    """A fact of the venue that could not be booked: kept, counted in the worst case, and tried again.

    `fact` is the command as it was given, JSON-ready. `symbol`, `side` and `quantity` are known of fills.
    `corrections` are what the venue corrected of a fill while it waited, as commands; `resolution` says what a person
    or a bust made of it.
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
    corrections: tuple[Mapping[str, Any], ...] = ()
    resolution: str | None = None
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


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
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


__all__ = [
    "RECORD_TYPES",
    "Adjustment",
    "AdjustmentKind",
    "ArchivedRecord",
    "CashFlow",
    "Checkpoint",
    "CommandRecord",
    "CostMethod",
    "Execution",
    "Exposure",
    "Fee",
    "Fill",
    "Instrument",
    "Key",
    "Liquidity",
    "Opening",
    "Order",
    "OrderChanges",
    "OrderDay",
    "OrderDetails",
    "OrderRequest",
    "OrderType",
    "Position",
    "PositionSide",
    "QuarantineState",
    "QuarantinedFact",
    "Record",
    "RecordKind",
    "ResidualReason",
    "Side",
    "Split",
    "StatusReport",
    "TimeInForce",
    "Trade",
    "TradeLeg",
    "Unresolved",
    "archived_key",
    "key_behind",
    "position_key",
    "split_quantity",
]

Record = (
    Order
    | OrderRequest
    | Fill
    | Trade
    | Position
    | Instrument
    | QuarantinedFact
    | Adjustment
    | CommandRecord
    | ArchivedRecord
    | Checkpoint
)

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
        Adjustment,
        CommandRecord,
        ArchivedRecord,
        Checkpoint,
    )
}


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class OrderDay:
    """One trading day of an order (FIX DayOrderQty 424, DayCumQty 425, DayAvgPx 426)."""

    order_id: str
    trade_date: date
    day_order_quantity: Decimal | None
    day_cum_quantity: Decimal
    day_average_price: Decimal | None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Unresolved:
    """What a handler walks first after a crash: intent without outcome, requests without answer, unbooked facts."""

    orders: tuple[Order, ...]
    requests: tuple[OrderRequest, ...]
    quarantined: tuple[QuarantinedFact, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to resolve."""
        return bool(self.orders or self.requests or self.quarantined)
