"""A simulated venue that plays the lives of recorded orders: it accepts, executes and cancels as they were.

Where the stream has one transaction a day the venue reports two executions, so that an order's life shows its
partly filled state: up to the flat position first where an order goes through zero, else about half and half.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import attrs

from ledger_cli.demo.stream import Day, RecordedOrder, RecordedStatus, RecordedStream, Transaction

_FEE_QUANTUM = Decimal("0.0001")


@attrs.frozen(kw_only=True)
class Ticket:
    """An order as it goes over the wire, under the client's id."""

    order_id: str
    symbol: str
    is_buy: bool
    quantity: Decimal


@attrs.frozen(kw_only=True)
class Accepted:
    """The venue works the order."""

    order_id: str
    at: datetime
    venue_order_id: str


@attrs.frozen(kw_only=True)
class Rejected:
    """The venue does not take the order."""

    order_id: str
    at: datetime
    reason: str


@attrs.frozen(kw_only=True)
class Executed:
    """The venue executed a part of the order, or what was left of it."""

    order_id: str
    at: datetime
    execution_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal


@attrs.frozen(kw_only=True)
class ClosedOut:
    """The venue closed a position of its own accord, under an id that the client has never seen."""

    venue_order_id: str
    at: datetime
    execution_id: str
    symbol: str
    is_buy: bool
    quantity: Decimal
    price: Decimal


@attrs.frozen(kw_only=True)
class Canceled:
    """The venue works the order no more."""

    order_id: str
    at: datetime


Reply = Accepted | Rejected | Executed | ClosedOut | Canceled


class SimulatedVenue:
    """Takes tickets and answers later: replies wait until they are asked for, as on a wire."""

    def __init__(self, stream: RecordedStream) -> None:
        """Know the recorded orders by when and in what they were placed; the engine placed one a symbol and day."""
        self._recorded = {(order.created_at, order.symbol): order for day in stream.days for order in day.new_orders}
        self._client_ids: dict[str, str] = {}  # recorded id -> the client's id, of orders that are worked
        self._held: dict[str, Decimal] = {}
        self._commissions: dict[str, Decimal] = {}  # recorded id -> charged so far
        self._replies: deque[Reply] = deque()

    def submit(self, ticket: Ticket, at: datetime) -> None:
        """Take an order."""
        recorded = self._recorded.get((at, ticket.symbol))
        if recorded is None or (recorded.is_buy, recorded.quantity) != (ticket.is_buy, ticket.quantity):
            self._replies.append(Rejected(order_id=ticket.order_id, at=at, reason="the recording has no such order"))
            return
        self._client_ids[recorded.recorded_id] = ticket.order_id
        accepted = Accepted(order_id=ticket.order_id, at=at, venue_order_id=recorded.recorded_id)
        self._replies.append(accepted)

    def trade(self, day: Day) -> None:
        """Let a day pass: execute and cancel what was executed and canceled on it."""
        orders = {order.recorded_id: order for order in day.orders}
        for transaction in day.transactions:
            if transaction.recorded_id is not None:
                self._replies.extend(self._executions(transaction, orders[transaction.recorded_id], day.at))
        for order in day.orders:
            if order.status is RecordedStatus.CANCELED:
                self._replies.append(Canceled(order_id=self._client_ids.pop(order.recorded_id), at=day.at))
        for transaction in day.transactions:
            if transaction.recorded_id is None:
                self._replies.append(self._close_out(transaction, day.at))

    def replies(self) -> Iterator[Reply]:
        """Hand over the replies that wait, oldest first."""
        while self._replies:
            yield self._replies.popleft()

    def _close_out(self, transaction: Transaction, at: datetime) -> ClosedOut:
        self._held[transaction.symbol] = self._held.get(transaction.symbol, Decimal(0)) + transaction.amount
        name = f"close-out-{transaction.symbol}-{at:%Y-%m-%d}"
        return ClosedOut(
            venue_order_id=name,
            at=at,
            execution_id=f"{name}-1",
            symbol=transaction.symbol,
            is_buy=transaction.amount > 0,
            quantity=abs(transaction.amount),
            price=transaction.price,
        )

    def _executions(self, transaction: Transaction, order: RecordedOrder, at: datetime) -> Iterator[Executed]:
        held = self._held.get(transaction.symbol, Decimal(0))
        self._held[transaction.symbol] = held + transaction.amount
        charged = self._commissions.get(order.recorded_id, Decimal(0))
        self._commissions[order.recorded_id] = order.commission
        parts = _split(transaction.amount, held)
        fees = _split_fee(order.commission - charged, parts)
        for number, (quantity, fee) in enumerate(zip(parts, fees, strict=True), start=1):
            yield Executed(
                order_id=self._client_ids[order.recorded_id],
                at=at,
                execution_id=f"{order.recorded_id}-{number}",
                quantity=quantity,
                price=transaction.price,
                fee=fee,
            )


def _split(amount: Decimal, held: Decimal) -> list[Decimal]:
    """Return the executions of a transaction: two, unless it is of one unit."""
    quantity = abs(amount)
    if quantity == 1:
        return [quantity]
    goes_through_zero = held * amount < 0 and quantity > abs(held)
    first = abs(held) if goes_through_zero else quantity // 2
    return [first, quantity - first]


def _split_fee(fee: Decimal, parts: list[Decimal]) -> list[Decimal]:
    """Share a fee by quantity; the last part takes what rounding leaves, so that the sum is exact."""
    shares = [(fee * part / sum(parts)).quantize(_FEE_QUANTUM) for part in parts[:-1]]
    return [*shares, fee - sum(shares)]
