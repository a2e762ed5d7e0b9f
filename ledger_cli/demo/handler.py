"""An ExecutionHandler: the platform's side of the ledger, with the ledger as its one injected dependency.

Intent is recorded before the venue is called; whatever the venue answers is booked. The handler keeps no state of
its own: which trade is open, how much is held, what was ordered is asked of the ledger, so a restart has nothing
to restore. A trade is a symbol's round trip from flat to flat; an order that goes through zero stays in its trade.
"""

from datetime import datetime
from decimal import Decimal
from typing import assert_never

import attrs

from ledger_cli.demo.stream import Day, RecordedOrder
from ledger_cli.demo.venue import (
    Accepted,
    Canceled,
    ClosedOut,
    Executed,
    Rejected,
    Reply,
    SimulatedVenue,
    Ticket,
)
from ledger_core import Order, StrategyLedger, Trade, UnknownOrder
from ledger_core.batch import Batch

VENUE = "SIMULATED"
CURRENCY = "USD"
CLOSE_OUT = "VENUE"
"""The origin of orders that the venue made itself, to close a position out."""


@attrs.define
class Tally:
    """What a handler did, counted for its progress report."""

    placed: int = 0
    fills: int = 0
    canceled: int = 0
    rejected: int = 0
    quarantined: int = 0
    opened: int = 0
    closed: int = 0


class ExecutionHandler:
    """Turns decisions into orders and the venue's replies into facts of the ledger."""

    def __init__(self, ledger: StrategyLedger, venue: SimulatedVenue) -> None:
        """Serve one strategy's ledger at one venue."""
        self._ledger = ledger
        self._venue = venue
        self.tally = Tally()

    def place(self, decision: RecordedOrder, day: Day) -> None:
        """Order what the strategy decided: first the durable intent, then the venue."""
        side = "BUY" if decision.is_buy else self._selling_side(decision.symbol)
        plan = f"rebalance-{day.at:%Y-%m-%d}"
        # The same decision gives the same id: placing it twice, after a crash for instance, is one order.
        order_id = f"{decision.symbol}-{day.at:%Y-%m-%d}"
        self._ledger.record_order(
            order_id,
            {
                "symbol": decision.symbol,
                "side": side,
                "quantity": decision.quantity,
                "order_type": "MARKET",
                "time_in_force": "GTC",
                "venue": VENUE,
                "currency": CURRENCY,
                "trade_plan_id": plan,
                "execution_group_id": f"{plan}-{'buys' if decision.is_buy else 'sells'}",
                "placed_at": day.at,
            },
        )
        ticket = Ticket(order_id=order_id, symbol=decision.symbol, is_buy=decision.is_buy, quantity=decision.quantity)
        self._venue.submit(ticket, day.at)
        self.tally.placed += 1

    def take_replies(self) -> None:
        """Book everything that the venue has answered meanwhile."""
        for reply in self._venue.replies():
            self._book(reply)

    def _book(self, reply: Reply) -> None:
        match reply:
            case Accepted():
                self._ledger.update_order_acceptance(
                    reply.order_id, {"venue_order_id": reply.venue_order_id}, occurred_at=reply.at
                )
            case Rejected():
                self._ledger.update_order_rejection(reply.order_id, reply.reason, occurred_at=reply.at)
                self.tally.rejected += 1
            case Executed():
                self._book_execution(reply)
            case ClosedOut():
                self._book_close_out(reply)
            case Canceled():
                self._ledger.update_order_cancellation(reply.order_id, occurred_at=reply.at)
                self.tally.canceled += 1
            case _:
                assert_never(reply)

    def _book_execution(self, reply: Executed) -> None:
        """Book a fill together with what it means for its trade: all of it, or nothing, is on disk."""
        with self._ledger.batch() as batch:
            order = batch.update_order_fill(
                reply.order_id,
                {
                    "fill_id": reply.execution_id,
                    "quantity": reply.quantity,
                    "price": reply.price,
                    "fee": reply.fee,
                    "fee_currency": CURRENCY,
                    "executed_at": reply.at,
                },
            )
            self._update_trade(batch, order, reply.at, "flat")
        self.tally.fills += 1

    def _book_close_out(self, reply: ClosedOut) -> None:
        """Book an execution that belongs to no order of ours.

        The ledger keeps it in quarantine, durably, rather than guess. That the venue may close a position is known
        here, so here an order is recorded for it, and the ledger books what waited for that order.
        """
        side = "BUY" if reply.is_buy else "SELL"
        fill_data = {
            "fill_id": reply.execution_id,
            "symbol": reply.symbol,
            "side": side,
            "quantity": reply.quantity,
            "price": reply.price,
            "executed_at": reply.at,
            "venue_order_id": reply.venue_order_id,
        }
        try:
            self._ledger.update_order_fill(None, fill_data)
        except UnknownOrder:
            self.tally.quarantined += 1
        with self._ledger.batch() as batch:
            order = batch.record_order(
                reply.venue_order_id,
                {
                    "symbol": reply.symbol,
                    "side": side,
                    "quantity": reply.quantity,
                    "order_type": "OTHER",
                    "venue": VENUE,
                    "currency": CURRENCY,
                    "venue_order_id": reply.venue_order_id,
                    "origin": CLOSE_OUT,
                    "placed_at": reply.at,
                },
            )
            self._update_trade(batch, order, reply.at, "closed out by the venue")

    def _update_trade(self, batch: Batch, order: Order, at: datetime, reason: str) -> None:
        """Put the order into its trade, and close that once it is flat and the order is done."""
        trade = self._in_trade(batch, order, at)
        if trade.is_flat and not order.is_open:
            batch.close_trade(trade.trade_id, {"order_ids": [order.order_id], "reason": reason, "closed_at": at})
            self.tally.closed += 1

    def _in_trade(self, batch: Batch, order: Order, at: datetime) -> Trade:
        """Return the trade of the order's symbol with the order in it; a new one where the symbol was flat."""
        if order.trade_ids:
            open_trade_id: str | None = order.trade_ids[0]
        else:
            open_trades = self._ledger.find_trades(state="OPEN", symbol=order.symbol, limit=1)
            open_trade_id = next((trade.trade_id for trade in open_trades), None)
        if open_trade_id is None:
            self.tally.opened += 1
            return batch.create_trade(f"trade-{order.order_id}", [order.order_id], occurred_at=at)
        # An order that is in the trade already changes nothing: the answer is the trade as it is now.
        return batch.update_trade(open_trade_id, {"order_ids": [order.order_id]}, occurred_at=at)

    def _selling_side(self, symbol: str) -> str:
        """Tell a sale from a short sale, of what is not held: venues want to know."""
        held: Decimal = self._ledger.get_position(symbol).quantity
        return "SELL" if held > 0 else "SELL_SHORT"
