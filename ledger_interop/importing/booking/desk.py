"""What booking a fact needs: the ledger and its batch, the orders at hand, and how a call's outcome is told."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from ledger_core import Batch, FactMismatch, Order, RecordKind, StrategyLedger, Trade, UnknownFill, UnknownOrder
from ledger_core.errors import Archived
from ledger_core.lifecycle import OrderState
from ledger_core.numbers import ZERO, plus
from ledger_interop.importing.booking.archived import Archives
from ledger_interop.importing.booking.known_orders import KnownOrders, contradictions
from ledger_interop.importing.booking.past import GROWN, Past
from ledger_interop.importing.booking.waiting import WaitingRoom
from ledger_interop.importing.facts import NamedOrder
from ledger_interop.importing.report import Outcome

_GROWS = {"quantity": "SUM_OF_FILLS"}
"""The metadata of an order whose own quantity no message has told: it is as large as its fills."""

Booked = tuple[Outcome, str | None]
"""What became of a fact, and why, where there is something to say."""

BOOKED: Booked = (Outcome.BOOKED, None)
KNOWN: Booked = (Outcome.KNOWN, None)
IN_ARCHIVE = (Outcome.KNOWN, "it is in an archive")


@attrs.frozen(kw_only=True)
class Rules:
    """How facts are booked.

    `origin` says of each order recorded here where it is from. `infers` overrides what the sources say of totals
    without executions: True books inferred fills, False only shows what is missing.
    """

    origin: str
    infers: bool | None = None


class Desk:
    """The ledger as the facts before left it. At the last call nothing waits any more."""

    def __init__(self, ledger: StrategyLedger, rules: Rules, archives: Archives | None = None) -> None:
        """Work on this ledger, with its archives where they are at hand."""
        self.ledger = ledger
        self.rules = rules
        self.orders = KnownOrders(ledger, archives)
        self.past = Past(ledger)
        self.waiting = WaitingRoom()
        self.is_last_call = False
        self.adjustments: set[str] = set()
        self.trades: dict[str, Trade] = {}
        self.base = 0
        self.has_archived = False
        self.is_to_commit = False
        """Whether the ledger booked more than it was told, from its quarantine: once written, it says which fills."""
        self._batch: Batch | None = None

    def begin(self, batch: Batch) -> None:
        """Give what follows to this batch."""
        self._batch = batch
        self.base = self.ledger.head().sequence
        self.has_archived = self.ledger.archivist.has_archived
        self.is_to_commit = False
        self.waiting.begin()
        self.orders.begin()

    def committed(self) -> None:
        """Note that the batch was written."""
        self._batch = None
        self.adjustments.clear()
        self.trades.clear()
        self.orders.trim()
        self.past.trim()

    def discarded(self) -> None:
        """Note that nothing of the batch was written."""
        self._batch = None
        self.adjustments.clear()
        self.trades.clear()
        self.waiting.discarded()
        self.orders.forget()
        self.past.forget()

    @property
    def batch(self) -> Batch:
        """The batch that calls are made on."""
        assert self._batch is not None, "facts are booked inside a batch"
        return self._batch

    def record(self, named: NamedOrder, at: datetime | None, *, filled: Decimal | None = None) -> Order | None:
        """Record an order of the past, with its source as the origin; None where the message tells too little.

        `filled` is the quantity of the fill that asks: without a quantity of its own the order is as large as that.
        """
        details = dict(named.details)
        if named.new_id is None or "symbol" not in details or "side" not in details:
            return None
        if "quantity" not in details and "cash_quantity" not in details:
            if filled is None:
                return None
            details.update(quantity=filled, metadata={**details.get("metadata", {}), **_GROWS})
        details.setdefault("order_type", "OTHER")
        details["origin"] = self.rules.origin
        if named.venue_id is not None:
            details["venue_order_id"] = named.venue_id
        placed_at = named.placed_at or at
        order = self.batch.record_order(named.new_id, details, occurred_at=placed_at)
        self.is_to_commit |= bool(order.cum_quantity)
        return self.orders.keep_new(order, named)

    def called(self, order: Order | None, call: Callable[[Batch], Order], *, adds: Decimal = ZERO) -> Booked:
        """Make a call, which adds so much to what is filled or nothing; say whether it changed the order."""
        after = self.orders.keep(call(self.batch))
        if order is not None and after.cum_quantity not in (order.cum_quantity, plus(order.cum_quantity, adds)):
            self.is_to_commit = True
        if order is not None and order.state is OrderState.FILLED and after.state is not OrderState.FILLED:
            self.orders.learn_again(after)  # what waited for that can be booked
        return KNOWN if order is not None and after.version == order.version else BOOKED

    def make_room(self, order: Order, quantity: Decimal, at: datetime | None) -> Order:
        """Let an order grow that is as large as its fills."""
        needed = plus(order.cum_quantity, quantity)
        if (
            self.orders.archived(order) is not None
            or not self.grows(order)
            or order.quantity is None
            or needed <= order.quantity
        ):
            return order
        terms = {"quantity": needed}
        self.called(order, lambda batch: batch.update_order_restatement(order.order_id, terms, GROWN, occurred_at=at))
        grown = self.orders.get(order.order_id)
        assert grown is not None, "kept after its change"
        return grown

    def grows(self, order: Order) -> bool:
        """Whether an order is as large as its fills, because nobody has told its own quantity."""
        metadata: Mapping[str, Any] = order.details.metadata or {}
        return all(metadata.get(name) == value for name, value in _GROWS.items()) and not self.past.is_sized(order)

    def has_fill(self, order: Order, fill_id: str) -> bool:
        """Whether an execution, or a correction of one, is booked on the order."""
        if fill_id in order.corrections or self.orders.has_fill(order.order_id, fill_id):
            return True
        if order.sequence > self.base:
            return False
        try:
            self.ledger.get_fill(order.order_id, fill_id)
        except (UnknownFill, UnknownOrder):
            return False
        except Archived as known:
            return known.context.get("kind") is RecordKind.FILL
        return True


def id_of(order: Order | None, named: NamedOrder) -> str:
    """Return the id that the ledger is to be called with; of an unknown order, the one it would have."""
    order_id = order.order_id if order is not None else named.new_id
    if order_id is None:
        raise UnknownOrder("the message names no order")
    return order_id


def refuse_contradiction(order: Order, named: NamedOrder) -> None:
    """Raise FactMismatch where a message contradicts the order that it names."""
    fields = tuple(contradictions(order, named))
    if fields:
        raise FactMismatch(
            f"it names order {order.order_id!r}, whose {' and '.join(fields)} is another",
            field=fields[0],
            recorded=order.details,
            given=dict(named.details),
        )
