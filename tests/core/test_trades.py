"""Trades: what they group, what their fills come to, how they close, and what happens to them afterwards."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from ledger_core import (
    AllocationConflict,
    Fee,
    IdempotencyConflict,
    IllegalTransition,
    InvalidValue,
    StrategyLedger,
    Trade,
    TradeNotFlat,
    UnknownTrade,
)
from support import START, RecordingPublisher, fill, market_order

Executor = Callable[..., str]


@pytest.fixture
def execute(ledger: StrategyLedger) -> Executor:
    """Return what places an order and fills it at once, all of it unless told otherwise; it returns the order's id."""

    def execute(
        order_id: str, side: str, quantity: object, price: object, *, of: object = None, minute: int = 0, **more: object
    ) -> str:
        ledger.record_order(order_id, market_order(side, of or quantity, **more))
        executed_at = START + timedelta(minutes=minute)
        ledger.update_order_fill(order_id, fill("F1", quantity, price, executed_at=executed_at))
        return order_id

    return execute


def test_trade_sums_the_fills_of_its_orders(
    ledger: StrategyLedger, execute: Executor, published: RecordingPublisher
) -> None:
    """Created over two entries, one of them part-filled, it knows what was entered, at what average, and since when."""
    execute("E1", "BUY", 10, 100, minute=1)
    execute("E2", "BUY", 30, 104, of=50, minute=0)
    trade = ledger.create_trade(
        "T1", ["E1", "E2"], {"stop_price": 90, "target_price": "120.50", "tags": ["a", "b"], "metadata": {"x": 1}}
    )
    assert (trade.state, trade.direction, trade.order_ids) == ("OPEN", "BUY", ("E1", "E2"))
    assert (trade.entry_quantity, trade.exit_quantity, trade.open_quantity) == (40, 0, 40)
    assert (trade.average_entry_price, trade.average_exit_price, trade.realized_pnl) == (103, None, 0)
    assert (trade.opened_at, trade.closed_at, trade.symbol) == (START, None, "ACME")
    assert (trade.stop_price, str(trade.target_price), trade.tags, trade.metadata) == (
        90,
        "120.50",
        ("a", "b"),
        {"x": 1},
    )
    assert ledger.get_order("E1").trade_ids == ("T1",)
    event = published.events[-1]
    assert (event["event_type"], event["trade_id"], event["order_id"]) == ("TRADE_CREATED", "T1", None)


@pytest.mark.parametrize(
    ("entry", "leaving", "sign"), [("BUY", "SELL", 1), ("SELL", "BUY", -1), ("SELL_SHORT", "BUY", -1)]
)
def test_round_trip_realizes_over_the_matched_quantity(
    ledger: StrategyLedger, execute: Executor, entry: str, leaving: str, sign: int
) -> None:
    """Scaled in and out; once flat the PnL is the sum of the cash flows."""
    execute("E1", entry, 10, 100)
    ledger.create_trade("T1", ["E1"])
    execute("E2", entry, 30, 104)
    execute("X1", leaving, 10, 110)
    trade = ledger.update_trade("T1", {"order_ids": ["E2", "X1"]})
    assert (trade.direction, trade.entry_quantity, trade.exit_quantity, trade.open_quantity) == (entry, 40, 10, 30)
    assert (trade.average_exit_price, trade.realized_pnl) == (110, 70 * sign)
    execute("X2", leaving, 30, 101)
    trade = ledger.close_trade("T1", {"order_ids": ["X2"], "reason": "target"})
    assert (trade.state, trade.open_quantity, trade.reason) == ("CLOSED", 0, "target")
    assert trade.realized_pnl == (10 * 110 + 30 * 101 - 10 * 100 - 30 * 104) * sign
    assert (trade.order_ids, trade.exit_order_ids) == (("E1", "E2", "X1", "X2"), ("X2",))


def test_fill_of_a_trades_order_moves_the_trade_in_the_same_entry(
    ledger: StrategyLedger, execute: Executor, published: RecordingPublisher
) -> None:
    """TRADE_UPDATED comes with the fill, under the same sequence."""
    execute("E1", "BUY", 4, 100, of=10)
    ledger.create_trade("T1", ["E1"])
    published.clear()
    ledger.update_order_fill("E1", fill("F2", 6, 110, fee=1, fee_currency="USD"))
    assert published.types == ["ORDER_FILLED", "TRADE_UPDATED"]
    assert published.places == [(4, 0), (4, 1)]
    trade = ledger.get_trade("T1")
    assert (trade.entry_quantity, trade.average_entry_price, trade.fees) == (10, 106, (Fee("USD", Decimal(1)),))


def test_order_without_a_fill_may_join_beside_one_that_has(ledger: StrategyLedger, execute: Executor) -> None:
    """A trade begins with a fill; an exit that works already belongs to it too."""
    execute("E1", "BUY", 10, 100)
    ledger.record_order("X1", market_order("SELL", 10))
    ledger.create_trade("T1", ["E1", "X1"])
    ledger.update_order_fill("X1", fill("F1", 10, 103))
    trade = ledger.close_trade("T1", {"order_ids": ["X1"]})
    assert (trade.realized_pnl, trade.order_ids, trade.exit_order_ids) == (30, ("E1", "X1"), ("X1",))


def test_trade_without_any_fill_is_refused(ledger: StrategyLedger) -> None:
    """Nothing was traded; nothing is written."""
    ledger.record_order("E1", market_order())
    with pytest.raises(InvalidValue) as refused:
        ledger.create_trade("T1", ["E1"])
    assert (refused.value.argument, ledger.head().sequence) == ("order_ids", 1)


def test_direction_is_that_of_the_first_fill_in_economic_order(ledger: StrategyLedger, execute: Executor) -> None:
    """A fill that turns out to be older turns the trade round."""
    execute("A", "SELL", 10, 110, minute=5)
    trade = ledger.create_trade("T1", ["A"])
    assert (trade.direction, trade.entry_quantity) == ("SELL", 10)
    execute("B", "BUY", 10, 100, minute=1)
    trade = ledger.update_trade("T1", {"order_ids": ["B"]})
    assert (trade.direction, trade.average_entry_price, trade.average_exit_price) == ("BUY", 100, 110)
    assert (trade.opened_at, trade.realized_pnl) == (START + timedelta(minutes=1), 100)


def test_same_trade_again_is_a_repeat_whatever_became_of_it(ledger: StrategyLedger, execute: Executor) -> None:
    """By its id and its first orders, as a set; details are no content without a command_id."""
    execute("E1", "BUY", 10, 100)
    execute("E2", "BUY", 10, 100)
    execute("E3", "BUY", 10, 100)
    ledger.create_trade("T1", ["E1", "E2"])
    trade = ledger.update_trade("T1", {"order_ids": ["E3"], "stop_price": 95})
    head = ledger.head()
    assert ledger.create_trade("T1", ("E2", "E1")) == trade
    assert ledger.create_trade("T1", {"E1", "E2"}) == trade  # type: ignore[arg-type]  # a set is taken too
    assert ledger.head() == head
    with pytest.raises(IdempotencyConflict) as refused:
        ledger.create_trade("T1", ["E1"])
    assert (set(refused.value.recorded), set(refused.value.given)) == ({"E1", "E2"}, {"E1"})


def test_order_belongs_to_one_trade(ledger: StrategyLedger, execute: Executor) -> None:
    """Creating, updating and closing refuse an order that another trade has; nothing is half-done."""
    execute("E1", "BUY", 10, 100)
    execute("E2", "BUY", 10, 100)
    ledger.create_trade("T1", ["E1"])
    head = ledger.head()
    with pytest.raises(AllocationConflict) as refused:
        ledger.create_trade("T2", ["E2", "E1"])
    assert (refused.value.order_id, refused.value.trade_ids, refused.value.given) == ("E1", ("T1",), "T2")
    assert (ledger.head(), ledger.get_order("E2").trade_ids) == (head, ())
    with pytest.raises(UnknownTrade):
        ledger.get_trade("T2")
    ledger.create_trade("T2", ["E2"])
    for command in (ledger.update_trade, ledger.close_trade):
        with pytest.raises(AllocationConflict):
            command("T2", {"order_ids": ["E1"]})
    assert ledger.get_trade("T2").order_ids == ("E2",)


def test_update_without_difference_is_a_repeat(
    ledger: StrategyLedger, execute: Executor, published: RecordingPublisher
) -> None:
    """A difference is a new fact, never a conflict; adding an order that is there is none."""
    execute("E1", "BUY", 10, 100)
    ledger.create_trade("T1", ["E1"])
    trade = ledger.update_trade("T1", {"stop_price": "95.0", "tags": ["x"], "metadata": {"n": 1}})
    head, count = ledger.head(), len(published.events)
    assert (
        ledger.update_trade("T1", {"stop_price": 95, "tags": ("x",), "metadata": {"n": 1}, "order_ids": ["E1"]})
        == trade
    )
    assert (ledger.head(), len(published.events)) == (head, count)
    trade = ledger.update_trade("T1", {"stop_price": 96})
    assert (trade.stop_price, trade.tags, published.types[-1]) == (96, ("x",), "TRADE_UPDATED")


@pytest.mark.parametrize("what", ["held", "working"])
def test_trade_that_holds_or_works_something_is_not_closed(
    ledger: StrategyLedger, execute: Executor, what: str
) -> None:
    """The refusal says what is open; the trade and its orders are as before."""
    execute("E1", "BUY", 10, 100)
    ledger.create_trade("T1", ["E1"])
    execute("X1", "SELL", 4 if what == "held" else 10, 103)
    if what == "working":
        ledger.record_order("X2", market_order("SELL", 1))
    exits = ["X1"] if what == "held" else ["X1", "X2"]
    before, head = ledger.get_trade("T1"), ledger.head()
    found = "still holds 6 ACME and works 0" if what == "held" else "still holds nothing and works 1"
    with pytest.raises(TradeNotFlat, match=found) as refused:
        ledger.close_trade("T1", {"order_ids": exits})
    assert refused.value.open_quantities == ({"ACME": 6} if what == "held" else {})
    assert refused.value.open_order_ids == (() if what == "held" else ("X2",))
    assert (ledger.get_trade("T1"), ledger.head(), ledger.get_order("X1").trade_ids) == (before, head, ())


def test_trade_with_an_overnight_good_till_order_is_not_closed(ledger: StrategyLedger, execute: Executor) -> None:
    """DONE_FOR_DAY of a GTC order is open: it may fill tomorrow."""
    execute("E1", "BUY", 10, 100)
    execute("X1", "SELL", 10, 103, of=12, time_in_force="GTC")
    ledger.create_trade("T1", ["E1", "X1"])
    ledger.update_order_done_for_day("X1")
    with pytest.raises(TradeNotFlat):
        ledger.close_trade("T1")
    ledger.update_order_cancellation("X1")
    assert ledger.close_trade("T1").state == "CLOSED"


@pytest.mark.parametrize("reason", ["DUST", "TRANSFERRED", "WRITTEN_OFF"])
def test_stated_residual_closes_a_trade_and_stays_in_the_position(
    ledger: StrategyLedger, execute: Executor, reason: str
) -> None:
    """What is left is named exactly, with why."""
    execute("E1", "BUY", "10", 100)
    execute("X1", "SELL", "9.9997", 103)
    ledger.create_trade("T1", ["E1"])
    exit_data = {"order_ids": ["X1"], "residual": {"ACME": "0.0003"}, "residual_reason": reason}
    trade = ledger.close_trade("T1", exit_data)
    assert (trade.state, dict(trade.residual), trade.residual_reason) == ("CLOSED", {"ACME": Decimal("0.0003")}, reason)
    assert trade.realized_pnl == Decimal("29.9991")
    assert ledger.get_position("ACME").quantity == Decimal("0.0003")
    head = ledger.head()
    assert ledger.close_trade("T1", exit_data) == trade
    assert ledger.head() == head


@pytest.mark.parametrize("residual", [{"ACME": "0.0004"}, {"OTHER": "0.0003"}, {"ACME": "0.0003", "OTHER": 1}])
def test_wrong_residual_is_refused(ledger: StrategyLedger, execute: Executor, residual: dict[str, object]) -> None:
    """A residual that is not what is held is no account of it."""
    execute("E1", "BUY", "0.0003", 100)
    ledger.create_trade("T1", ["E1"])
    with pytest.raises(TradeNotFlat) as refused:
        ledger.close_trade("T1", {"residual": residual, "residual_reason": "DUST"})
    assert refused.value.open_quantities == {"ACME": Decimal("0.0003")}
    assert ledger.get_trade("T1").state == "OPEN"


@pytest.mark.parametrize("data", [{"residual": {"ACME": 1}}, {"residual_reason": "DUST"}])
def test_residual_and_its_reason_go_together(
    ledger: StrategyLedger, execute: Executor, data: dict[str, object]
) -> None:
    """One without the other is malformed."""
    execute("E1", "BUY", 1, 100)
    ledger.create_trade("T1", ["E1"])
    with pytest.raises(InvalidValue):
        ledger.close_trade("T1", data)


def closed(ledger: StrategyLedger, execute: Executor) -> Trade:
    """Close a trade of 10 at a gain of 3 each, whose exit was filled with 10 of 12 and then canceled."""
    execute("E1", "BUY", 10, 100)
    execute("X1", "SELL", 10, 103, of=12)
    ledger.update_order_cancellation("X1")
    ledger.create_trade("T1", ["E1"])
    return ledger.close_trade("T1", {"order_ids": ["X1"], "closed_at": START + timedelta(hours=1)})


def test_closing_twice_is_a_repeat_unless_it_is_said_otherwise(
    ledger: StrategyLedger, execute: Executor, published: RecordingPublisher
) -> None:
    """By its id; other exits or another residual are a conflict."""
    trade = closed(ledger, execute)
    head, count = ledger.head(), len(published.events)
    assert (trade.closed_at, published.types[-1]) == (START + timedelta(hours=1), "TRADE_CLOSED")
    for again in (None, {}, {"order_ids": ["X1"]}, {"reason": "other words"}):
        assert ledger.close_trade("T1", again) == trade
    with pytest.raises(IdempotencyConflict):
        ledger.close_trade("T1", {"order_ids": ["E1"]})
    with pytest.raises(IdempotencyConflict):
        ledger.close_trade("T1", {"residual": {"ACME": 1}, "residual_reason": "DUST"})
    assert (ledger.head(), len(published.events)) == (head, count)


def test_closed_trade_takes_no_update(ledger: StrategyLedger, execute: Executor) -> None:
    """Intent about a closed trade is refused; no difference is still a repeat."""
    trade = closed(ledger, execute)
    with pytest.raises(IllegalTransition) as refused:
        ledger.update_trade("T1", {"stop_price": 90})
    assert (refused.value.state, refused.value.event) == ("CLOSED", "UPDATE")
    assert ledger.get_trade("T1") == trade


def test_late_fill_restates_a_closed_trade_and_says_what_changed(
    ledger: StrategyLedger, execute: Executor, published: RecordingPublisher
) -> None:
    """The trade stays closed; TRADE_RESTATED has its figures before and after."""
    before = closed(ledger, execute)
    published.clear()
    ledger.update_order_fill("X1", fill("F2", 2, 90))
    trade = ledger.get_trade("T1")
    assert (trade.state, trade.restated, trade.closed_at) == ("CLOSED", True, before.closed_at)
    assert (trade.exit_quantity, trade.open_quantity) == (12, -2)
    assert published.types == ["ORDER_FILLED", "TRADE_RESTATED"]
    event = published.events[-1]
    assert (event["trade_id"], event["from_state"], event["to_state"]) == ("T1", "CLOSED", "CLOSED")
    assert (event["before"]["exit_quantity"], event["before"]["realized_pnl"]) == ("10", "30")
    assert (event["after"]["exit_quantity"], event["after"]["open_quantity"]) == ("12", "-2")
    assert ledger.get_position("ACME").quantity == -2


def test_trade_in_several_symbols_of_one_currency_adds_their_pnl(ledger: StrategyLedger, execute: Executor) -> None:
    """A pair: quantities are asked of its legs, PnL is the sum; it closes when every leg is flat."""
    for symbol, entry, leaving, price in (("AAA", "BUY", "SELL", 110), ("BBB", "SELL", "BUY", 45)):
        execute(f"E-{symbol}", entry, 10, 100 if symbol == "AAA" else 50, symbol=symbol, currency="USD")
        execute(f"X-{symbol}", leaving, 10, price, symbol=symbol, currency="USD")
    trade = ledger.create_trade("T1", ["E-AAA", "E-BBB", "X-AAA"])
    assert (trade.symbol, trade.entry_quantity, trade.open_quantity) == (None, None, None)
    assert [(leg.symbol, leg.direction, leg.open_quantity) for leg in trade.legs] == [
        ("AAA", "BUY", 0),
        ("BBB", "SELL", 10),
    ]
    with pytest.raises(TradeNotFlat) as refused:
        ledger.close_trade("T1")
    assert refused.value.open_quantities == {"BBB": 10}
    trade = ledger.close_trade("T1", {"order_ids": ["X-BBB"]})
    assert (trade.realized_pnl, trade.currency) == (150, "USD")


def test_each_fill_moves_the_leg_of_its_symbol(ledger: StrategyLedger, execute: Executor) -> None:
    """A leg begins with its first fill, though its order was there before; the others are as they were."""
    execute("E1", "BUY", 4, 100, of=10, symbol="AAA", currency="USD")
    execute("E2", "SELL", 5, 50, symbol="BBB", currency="USD", minute=1)
    ledger.record_order("E3", market_order("BUY", 7, symbol="CCC", currency="USD", multiplier=2))
    ledger.create_trade("T1", ["E1", "E2", "E3"])
    ledger.update_order_fill("E3", fill("F1", 7, 10))
    ledger.update_order_fill("E1", fill("F2", 6, 110))
    assert [(leg.symbol, leg.direction, leg.open_quantity) for leg in ledger.get_trade("T1").legs] == [
        ("AAA", "BUY", 10),
        ("BBB", "SELL", 5),
        ("CCC", "BUY", 7),
    ]
    with pytest.raises(TradeNotFlat, match="still holds 10 AAA, 5 BBB, 7 CCC and works 0 orders"):
        ledger.close_trade("T1")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_leg_whose_fills_were_all_busted_is_empty(ledger: StrategyLedger, execute: Executor, side: str) -> None:
    """Neither quantity nor value is left of what was bought or sold."""
    execute("E1", side, 10, 100)
    ledger.create_trade("T1", ["E1"])
    ledger.bust_order_fill("E1", "F1")
    (leg,) = ledger.get_trade("T1").legs
    assert (leg.bought_quantity, leg.bought_value, leg.sold_quantity, leg.sold_value) == (0, 0, 0, 0)


def test_residual_of_a_symbol_is_what_all_its_legs_hold(ledger: StrategyLedger, execute: Executor) -> None:
    """At two venues it is two legs; what is stated of one alone is no account of both."""
    for venue, quantity in (("XNAS", 5), ("XLON", 3)):
        execute(venue, "BUY", quantity, 100, venue=venue)
    ledger.create_trade("T1", ["XNAS", "XLON"])
    with pytest.raises(TradeNotFlat) as refused:
        ledger.close_trade("T1", {"residual": {"ACME": 3}, "residual_reason": "DUST"})
    assert refused.value.open_quantities == {"ACME": 8}
    assert ledger.close_trade("T1", {"residual": {"ACME": 8}, "residual_reason": "DUST"}).state == "CLOSED"


def test_pnl_of_several_currencies_is_not_added(ledger: StrategyLedger, execute: Executor) -> None:
    """Without rates there is no sum."""
    execute("E1", "BUY", 10, 100, symbol="AAA", currency="USD")
    execute("E2", "BUY", 10, 100, symbol="BBB", currency="EUR")
    trade = ledger.create_trade("T1", ["E1", "E2"])
    assert (trade.realized_pnl, trade.currency) == (None, None)


def test_multiplier_and_inverse_terms_value_a_trade(ledger: StrategyLedger, execute: Executor) -> None:
    """Money of a trade is that of its instrument, as of its position."""
    futures = {"symbol": "ES", "multiplier": 50, "currency": "USD"}
    execute("E1", "BUY", 2, 4000, **futures)
    execute("X1", "SELL", 2, 4010, **futures)
    trade = ledger.create_trade("T1", ["E1", "X1"])
    assert (trade.realized_pnl, trade.currency, trade.average_entry_price) == (1000, "USD", 4000)
    perpetual = {"symbol": "XBT", "inverse": True, "base_currency": "BTC", "currency": "USD"}
    execute("E2", "BUY", 1000, 1000, **perpetual)
    execute("X2", "SELL", 1000, 1250, **perpetual)
    trade = ledger.create_trade("T2", ["E2", "X2"])
    assert (trade.realized_pnl, trade.currency, trade.average_entry_price) == (Decimal("0.2"), "BTC", 1000)
    assert trade.realized_pnl == ledger.get_position("XBT").realized_pnl


def test_base_fee_leaves_the_trades_quantity_too(ledger: StrategyLedger) -> None:
    """What was taken in the base coin cannot be sold: the trade is flat without it."""
    terms = {"symbol": "BTC-USD", "base_currency": "BTC", "currency": "USD"}
    ledger.record_order("E1", market_order("BUY", 1, **terms))
    ledger.update_order_fill("E1", fill("F1", 1, 100, fee="0.001", fee_currency="BTC", fee_in_base=True))
    ledger.record_order("X1", market_order("SELL", "0.999", **terms))
    ledger.update_order_fill("X1", fill("F1", "0.999", 110))
    ledger.create_trade("T1", ["E1"])
    trade = ledger.close_trade("T1", {"order_ids": ["X1"]})
    assert (trade.entry_quantity, trade.realized_pnl) == (Decimal("0.999"), Decimal("9.99"))
    assert trade.fees == (Fee("BTC", Decimal("0.001")),)


def test_order_of_arrival_is_no_matter_to_a_trade(ledger: StrategyLedger) -> None:
    """Figures are sums over the fills: told backwards they are the same."""
    fills = [("E1", "F1", 1, 4, 100), ("X1", "F1", 2, 3, 107), ("E1", "F2", 3, 6, 101), ("X1", "F2", 4, 7, 99)]
    seen = set()
    for name, told in (("forwards", fills), ("backwards", fills[::-1])):
        for order_id, side in (("E1", "BUY"), ("X1", "SELL")):
            ledger.record_order(f"{name}-{order_id}", market_order(side, 10, symbol=name))
        for number, (order_id, fill_id, minute, quantity, price) in enumerate(told):
            executed_at = START + timedelta(minutes=minute)
            ledger.update_order_fill(f"{name}-{order_id}", fill(fill_id, quantity, price, executed_at=executed_at))
            if number == 0:
                ledger.create_trade(name, [f"{name}-{order_id}"])
                ledger.update_trade(name, {"order_ids": [f"{name}-E1", f"{name}-X1"]})
        trade = ledger.close_trade(name)
        seen.add((trade.direction, trade.entry_quantity, trade.average_exit_price, trade.realized_pnl, trade.opened_at))
    assert seen == {("BUY", 10, Decimal("101.4"), 8, START + timedelta(minutes=1))}


@pytest.mark.parametrize(
    "command",
    [
        lambda ledger: ledger.get_trade("T9"),
        lambda ledger: ledger.update_trade("T9", {"stop_price": 1}),
        lambda ledger: ledger.close_trade("T9"),
    ],
)
def test_unknown_trade_is_refused(ledger: StrategyLedger, command: Callable[[StrategyLedger], object]) -> None:
    """By name, with nothing written."""
    with pytest.raises(UnknownTrade) as refused:
        command(ledger)
    assert (refused.value.trade_id, ledger.head().sequence) == ("T9", 0)
