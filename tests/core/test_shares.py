"""One order's fills shared between several trades: what belongs to whom, and that nothing is lost or counted twice."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import timedelta
from decimal import Decimal

import pytest

from ledger_core import AllocationConflict, Fee, IdempotencyConflict, InvalidValue, StrategyLedger, TradeNotFlat
from support import START, RecordingPublisher, fill, market_order


@pytest.fixture
def shared(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with a buy of 6 at 100 and 4 at 105, each with a fee, and a sale of 10 at 110."""
    for order_id, side in (("B", "BUY"), ("S", "SELL")):
        ledger.record_order(order_id, market_order(side, 10, currency="USD"))
    for minute, (order_id, fill_id, quantity, price, fee) in enumerate(
        [("B", "F1", 6, 100, "0.6"), ("B", "F2", 4, 105, "0.4"), ("S", "F1", 10, 110, "1")]
    ):
        data = fill(fill_id, quantity, price, fee=fee, fee_currency="USD")
        ledger.update_order_fill(order_id, data, occurred_at=START + timedelta(minutes=minute))
    return ledger


def test_shares_take_fills_in_order_of_time(shared: StrategyLedger) -> None:
    """The first share has the first units; the fill on the border is divided, its fee with it."""
    first = shared.create_trade("T1", {"B": 7})
    second = shared.create_trade("T2", {"B": 3})
    assert (first.entry_quantity, second.entry_quantity) == (7, 3)
    assert (first.average_entry_price, second.average_entry_price) == (Decimal("100.714285714285714286"), 105)
    assert (first.fees, second.fees) == ((Fee("USD", Decimal("0.7")),), (Fee("USD", Decimal("0.3")),))
    assert (first.shares, shared.get_order("B").trade_ids) == ({"B": 7}, ("T1", "T2"))


def test_trades_that_share_their_orders_add_up_to_the_position(shared: StrategyLedger) -> None:
    """PnL and fees of the parts are those of the whole, to the last digit."""
    shared.create_trade("T1", {"B": 7})
    shared.create_trade("T2", {"B": 3})
    closed = [
        shared.close_trade("T1", {"order_ids": {"S": 7}}),
        shared.close_trade("T2", {"order_ids": {"S": 3}}),
    ]
    position = shared.get_position("ACME")
    assert sum(trade.realized_pnl or 0 for trade in closed) == position.realized_pnl == 1100 - 1020
    assert sum(fee.amount for trade in closed for fee in trade.fees) == position.fees[0].amount == 2


def test_order_that_flips_closes_one_trade_and_opens_the_next(ledger: StrategyLedger) -> None:
    """Half of the sale leaves the long trade, the other half enters the short one."""
    for order_id, side, quantity, price in (("B", "BUY", 5, 100), ("S", "SELL", 10, 110)):
        ledger.record_order(order_id, market_order(side, quantity))
        ledger.update_order_fill(order_id, fill("F1", quantity, price), occurred_at=START + timedelta(minutes=quantity))
    ledger.create_trade("long", ["B"])
    assert ledger.close_trade("long", {"order_ids": {"S": 5}}).realized_pnl == 50
    short = ledger.create_trade("short", {"S": 5})
    assert (short.direction, short.open_quantity, short.average_entry_price) == ("SELL", 5, 110)


def test_more_than_was_filled_is_not_shared_out(shared: StrategyLedger) -> None:
    """Shares never exceed what is filled, and whole orders are not shared."""
    shared.create_trade("T1", {"B": 7})
    head = shared.head()
    for order_ids in ({"B": 4}, ["B"]):
        with pytest.raises(AllocationConflict):
            shared.create_trade("T2", order_ids)
    shared.create_trade("T3", ["S"])
    with pytest.raises(AllocationConflict, match="whole"):
        shared.create_trade("T2", {"S": 1})
    with pytest.raises(AllocationConflict):
        shared.update_trade("T1", {"order_ids": {"B": 8}})
    assert shared.head().sequence == head.sequence + 1


def test_same_trade_with_other_shares_is_a_conflict(shared: StrategyLedger) -> None:
    """The same shares again are a repeat, whatever became of them."""
    first = shared.create_trade("T1", {"B": 7})
    assert shared.create_trade("T1", {"B": "7.0"}) == first
    for order_ids in ({"B": 6}, ["B"], {"S": 7}):
        with pytest.raises(IdempotencyConflict):
            shared.create_trade("T1", order_ids)
    assert shared.update_trade("T1", {"order_ids": {"B": 7}}) == first


def test_bust_shrinks_the_newest_share_first(shared: StrategyLedger, published: RecordingPublisher) -> None:
    """Six of ten units stand: the first share keeps five, the second has one left."""
    shared.create_trade("T1", {"B": 5})
    shared.create_trade("T2", {"B": 5})
    published.clear()
    shared.bust_order_fill("B", "F2")
    first, second = shared.get_trade("T1"), shared.get_trade("T2")
    assert (first.shares, second.shares) == ({"B": 5}, {"B": 1})
    assert (first.entry_quantity, second.entry_quantity) == (5, 1)
    assert second.average_entry_price == 100
    assert [(event["event_type"], event["trade_id"]) for event in published.events] == [
        ("FILL_BUSTED", None),
        ("TRADE_UPDATED", "T2"),
    ]


def test_late_fill_moves_the_border_between_shares(shared: StrategyLedger) -> None:
    """An execution from before all others is the first share's; what it pushes out is the second's."""
    shared.update_order_restatement("B", {"quantity": 12})
    shared.create_trade("T1", {"B": 6})
    shared.create_trade("T2", {"B": 4})
    shared.update_order_fill("B", fill("F0", 2, 90), occurred_at=START - timedelta(hours=1))
    first, second = shared.get_trade("T1"), shared.get_trade("T2")
    assert [leg.bought_value for trade in (first, second) for leg in trade.legs] == [
        2 * 90 + 4 * 100,
        2 * 100 + 2 * 105,
    ]


def test_parts_that_meet_between_two_fills_divide_neither(shared: StrategyLedger) -> None:
    """The second share begins with the fill behind the border, and so does its trade."""
    shared.create_trade("T1", {"B": 6})
    second = shared.create_trade("T2", {"B": 4})
    assert (second.opened_at, second.average_entry_price) == (START + timedelta(minutes=1), 105)
    shared.bust_order_fill("B", "F2")
    emptied = shared.get_trade("T2")
    assert (emptied.opened_at, emptied.entry_quantity, emptied.shares) == (second.opened_at, 0, {"B": 0})


def test_fill_of_a_shared_order_that_nobody_has_yet_changes_no_trade(shared: StrategyLedger) -> None:
    """It comes behind what is shared out, and a further trade may have it."""
    shared.update_order_restatement("B", {"quantity": 20})
    trades = [shared.create_trade("T1", {"B": 6}), shared.create_trade("T2", {"B": 4})]
    shared.update_order_fill("B", fill("F3", 5, 107), occurred_at=START + timedelta(hours=1))
    assert [shared.get_trade(trade.trade_id) for trade in trades] == trades
    assert shared.create_trade("T3", {"B": 5}).average_entry_price == 107


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize("is_closed", [True, False])
def test_split_leaves_each_trade_what_it_has(shared: StrategyLedger, works: bool, is_closed: bool) -> None:
    """Twice the units of the same fills, whether or not the order works on, beside a trade that is over as well."""
    shared.update_order_restatement("B", {"quantity": 20})
    shared.create_trade("T1", {"B": 7})
    shared.create_trade("T2", {"B": 3})
    if is_closed:
        shared.close_trade("T1", {"order_ids": {"S": 7}})
    if not works:
        shared.update_order_cancellation("B")
    later = START + timedelta(hours=1)
    shared.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=later)
    first, second = shared.get_trade("T1"), shared.get_trade("T2")
    assert (first.entry_quantity, second.entry_quantity) == (7 if is_closed else 14, 6)
    assert second.average_entry_price == Decimal("52.5")
    assert second.shares == {"B": 6 if works else 3}
    shared.bust_order_fill("B", "F2")
    first, second = shared.get_trade("T1"), shared.get_trade("T2")
    assert (first.entry_quantity, second.entry_quantity) == (6 if is_closed else 12, 0)


def test_split_told_late_counts_each_part_where_it_stands(ledger: StrategyLedger) -> None:
    """Of a share on both sides of the split, what was executed before it alone comes to more units."""
    ledger.record_order("B", market_order("BUY", 20))
    for fill_id, minute, quantity in (("F1", 0, 5), ("F2", 9, 2)):
        ledger.update_order_fill("B", fill(fill_id, quantity), occurred_at=START + timedelta(minutes=minute))
    ledger.create_trade("T1", {"B": 6})
    ledger.create_trade("T2", {"B": 1})
    split = {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}
    ledger.record_adjustment("A1", split, occurred_at=START + timedelta(minutes=5))
    first, second = ledger.get_trade("T1"), ledger.get_trade("T2")
    assert (first.shares, second.shares) == ({"B": 11}, {"B": 1})
    assert (first.open_quantity, second.open_quantity, ledger.get_position("ACME").quantity) == (11, 1, 12)


def test_shared_order_that_still_works_does_not_keep_a_trade_open(shared: StrategyLedger) -> None:
    """A share is of what was filled; what the order does further is not the trade's."""
    shared.update_order_restatement("S", {"quantity": 20})
    shared.create_trade("T1", {"B": 10})
    with pytest.raises(TradeNotFlat):
        shared.close_trade("T1", {"order_ids": {"S": 9}})
    assert shared.close_trade("T1", {"order_ids": {"S": 10}}).state == "CLOSED"


@pytest.mark.parametrize("order_ids", [{"B": 0}, {"B": "-1"}, {"B": 1.5}, {"": 1}, {"B": None}, {}])
def test_malformed_shares_are_refused(shared: StrategyLedger, order_ids: dict[str, object]) -> None:
    """A share is a positive quantity of an order."""
    with pytest.raises(InvalidValue):
        shared.create_trade("T1", order_ids)
