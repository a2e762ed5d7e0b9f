"""The neutral form: what a message of any source says of an order, as a handful of frozen facts.

Every source is parsed into these, and `booking` alone turns them into calls of a ledger. A fact says what its message
says and no more: None means that the message does not say it. Quantities and prices are Decimals, times are aware.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from ledger_core.lifecycle import OrderState, OrderStatus, RequestKind

Fees = tuple[tuple[Decimal, str], ...]
"""(amount, currency) of each fee; a negative amount was received."""


class Happening(StrEnum):
    """What may happen to an order beside fills, requests and its end; each is one call of the ledger."""

    TRIGGERED = "TRIGGERED"
    STOPPED = "STOPPED"
    SUSPENDED = "SUSPENDED"
    RESUMED = "RESUMED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    IN_DOUBT = "IN_DOUBT"


@attrs.frozen(kw_only=True)
class NamedOrder:
    """The order that a message is about: the ids by which it is found, and its terms as far as the message has them.

    `client_id` is the id that the strategy gave, `other_ids` those that it gave before (FIX OrigClOrdID), `venue_id`
    the venue's. `reference` is a word that the strategy wrote on it: it leads to the order whose id it is, but may
    stand on any number of orders. `session_id` is its own only until the venue's id comes, and is given again later.
    `recorded_as` is the id under which it is recorded if the strategy gave none. `details` are keys of
    `order_details`; without a quantity in them the order, if it has to be recorded, is as large as its fills.
    """

    client_id: str | None = None
    other_ids: tuple[str, ...] = ()
    venue_id: str | None = None
    reference: str | None = None
    session_id: str | None = None
    recorded_as: str | None = None
    details: Mapping[str, Any] = attrs.field(factory=dict)
    placed_at: datetime | None = None

    @property
    def new_id(self) -> str | None:
        """The id under which it would be recorded."""
        return self.client_id or self.recorded_as or self.venue_id

    @property
    def has_name(self) -> bool:
        """Whether it is named at all; what an execution cost may be told of the execution alone."""
        return any(self.names)

    @property
    def names(self) -> tuple[str | None, ...]:
        """All that it may be found by, None for what the message has not."""
        own = (self.client_id, *self.other_ids, self.venue_id)
        return (*own, self.reference, self.session_id, self.recorded_as)

    @property
    def symbol(self) -> str | None:
        """The instrument."""
        return self.details.get("symbol")


@attrs.frozen(kw_only=True)
class Fact:
    """What every fact has: the order, and when the venue says that it happened."""

    order: NamedOrder
    at: datetime | None = None


@attrs.frozen(kw_only=True)
class Placement(Fact):
    """The order was placed, with the terms that its `details` have."""


@attrs.frozen(kw_only=True)
class Acceptance(Fact):
    """The venue works the order; it may say the units of an order that was placed by value.

    `resumes`: this is also how the source says that a suspended order works again.
    """

    quantity: Decimal | None = None
    resumes: bool = False


@attrs.frozen(kw_only=True)
class Execution(Fact):
    """A fill. `revises` names its older versions, the newest first, and `revised_by` the newer ones.

    `is_unique`: no other execution anywhere has this id, so it leads to the order where nothing else does.
    """

    fill_id: str
    quantity: Decimal
    price: Decimal
    fees: Fees = ()
    fee_in_base: bool = False
    liquidity: str | None = None
    trade_date: date | None = None
    revises: tuple[str, ...] = ()
    revised_by: tuple[str, ...] = ()
    is_unique: bool = False


@attrs.frozen(kw_only=True)
class Ending(Fact):
    """The order is CANCELED, EXPIRED or REJECTED.

    `of_duplicate`: a second order under the id of this one was rejected; if this one works, it works on.
    """

    state: OrderState
    reason: str | None = None
    of_duplicate: bool = False


@attrs.frozen(kw_only=True)
class Change(Fact):
    """Something else happened to the order; `message_id` tells two alike apart, where the source has one."""

    happening: Happening
    reason: str | None = None
    trade_date: date | None = None
    message_id: str | None = None


@attrs.frozen(kw_only=True)
class Request(Fact):
    """The strategy asked to cancel the order, or to replace its terms by `terms` (totals)."""

    kind: RequestKind
    request_id: str
    terms: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class RequestRefusal(Fact):
    """The venue refused a request to cancel or replace."""

    request_id: str | None = None
    kind: RequestKind | None = None
    reason: str | None = None


@attrs.frozen(kw_only=True)
class NewTerms(Fact):
    """The order has other terms: `asked` for (an accepted replace) or not (a restatement).

    `trade_date`: the day that a restatement begins, of an order that is good for more than one.
    """

    terms: Mapping[str, Any]
    asked: bool
    request_id: str | None = None
    reason: str | None = None
    message_id: str | None = None
    trade_date: date | None = None


@attrs.frozen(kw_only=True)
class Bust(Fact):
    """An execution was taken back."""

    fill_id: str
    reason: str | None = None


@attrs.frozen(kw_only=True)
class Correction(Fact):
    """An execution was corrected to these figures; `correction_id` is the correction's own id."""

    fill_id: str
    correction_id: str
    quantity: Decimal
    price: Decimal


@attrs.frozen(kw_only=True)
class FeeReport(Fact):
    """What an execution cost, told apart from it; the order may be unknown to the message."""

    fill_id: str
    fees: Fees


@attrs.frozen(kw_only=True)
class Status(Fact):
    """What the venue says of the order as it stands. It confirms what is booked, or shows what is missing.

    `stands_for_fills` says that the source tells of no executions apart from this, so that what is filled beyond what
    is booked is booked as an inferred fill, at the price that the average tells, with `fees`.
    """

    status: OrderStatus | None = None
    cum_quantity: Decimal | None = None
    average_price: Decimal | None = None
    stands_for_fills: bool = False
    fees: Fees = ()
    fee_in_base: bool = False


@attrs.frozen(kw_only=True)
class Movement:
    """What moves a position or its money without an execution: `adjustment` as `record_adjustment` takes it."""

    adjustment_id: str
    adjustment: Mapping[str, Any]
    at: datetime | None = None


@attrs.frozen(kw_only=True)
class Grouping:
    """A round trip that the source keeps: its orders, and whether it was closed."""

    trade_id: str
    orders: tuple[NamedOrder, ...]
    details: Mapping[str, Any] = attrs.field(factory=dict)
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    reason: str | None = None


OrderFact = (
    Placement
    | Acceptance
    | Execution
    | Ending
    | Change
    | Request
    | RequestRefusal
    | NewTerms
    | Bust
    | Correction
    | FeeReport
    | Status
)
AnyFact = OrderFact | Movement | Grouping


@attrs.frozen
class Message:
    """A message of a source: where it stands, what the source calls it, and what it says.

    One without facts says in `passed_over` why it is no matter here (a heartbeat), or in `problem` why it was not
    understood. A message may have both facts and a problem: its quantities count, its unknown status does not.
    """

    place: str
    what: str
    facts: tuple[AnyFact, ...] = ()
    passed_over: str | None = None
    problem: str | None = None
