"""Booking what is no order: movements of a position, and the round trips that a source keeps."""

from ledger_core import Trade, UnknownTrade
from ledger_core.errors import Archived
from ledger_core.lifecycle import TradeState
from ledger_interop.importing.booking.desk import BOOKED, IN_ARCHIVE, KNOWN, Booked, Desk
from ledger_interop.importing.facts import Grouping, Movement
from ledger_interop.importing.report import Outcome


def movement(desk: Desk, fact: Movement) -> Booked:
    """Book an adjustment; its id tells whether it is known."""
    adjustment = desk.batch.record_adjustment(fact.adjustment_id, fact.adjustment, occurred_at=fact.at)
    if adjustment.sequence <= desk.base or fact.adjustment_id in desk.adjustments:
        return KNOWN
    desk.adjustments.add(fact.adjustment_id)
    return BOOKED


def grouping(desk: Desk, fact: Grouping) -> Booked:
    """Book a round trip as far as its orders are filled; close it when the source has closed it."""
    try:
        trade = _known(desk, fact.trade_id)
    except Archived:
        return IN_ARCHIVE
    orders = [order for named in fact.orders if (order := desk.orders.find(named)) is not None]
    filled = [order.order_id for order in orders if order.cum_quantity]
    if trade is not None and trade.state is TradeState.CLOSED:
        return KNOWN
    if not filled:
        return Outcome.KNOWN, "none of its orders is filled yet: a trade begins with a fill"
    outcome = KNOWN
    if trade is None:
        outcome, trade = (
            BOOKED,
            desk.batch.create_trade(fact.trade_id, filled, dict(fact.details), occurred_at=fact.opened_at),
        )
    elif added := [order_id for order_id in filled if order_id not in trade.order_ids]:
        outcome, trade = BOOKED, desk.batch.update_trade(fact.trade_id, {"order_ids": added})
    desk.trades[fact.trade_id] = trade
    if fact.closed_at is None:
        return outcome
    exit_data = {} if fact.reason is None else {"reason": fact.reason}
    desk.trades[fact.trade_id] = desk.batch.close_trade(fact.trade_id, exit_data, occurred_at=fact.closed_at)
    return BOOKED


def _known(desk: Desk, trade_id: str) -> Trade | None:
    if (trade := desk.trades.get(trade_id)) is not None:
        return trade
    try:
        return desk.ledger.get_trade(trade_id)
    except UnknownTrade:
        return None
