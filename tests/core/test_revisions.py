"""What the venue takes back, corrects or tells later: order, trade and position follow from the fills that stand."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import (
    FactMismatch,
    Fee,
    IdempotencyConflict,
    InvalidValue,
    OverfillError,
    StrategyLedger,
    UnknownFill,
    UnknownOrder,
)
from support import START, RecordingPublisher, Store, fill, limit_order, market_order


@pytest.fixture
def filled(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with a filled order O1: 4 at 100 and 6 at 110."""
    ledger.record_order("O1", limit_order(time_in_force="GTC", currency="USD"))
    ledger.update_order_fill("O1", fill("F1", 4), occurred_at=START)
    ledger.update_order_fill("O1", fill("F2", 6, 110), occurred_at=START + timedelta(minutes=1))
    return ledger


def figures(ledger: StrategyLedger, order_id: str = "O1") -> tuple[Any, ...]:
    """Return state, quantities and average price of an order, and quantity and cost of its position."""
    order, position = ledger.get_order(order_id), ledger.get_position("ACME")
    return (
        order.state,
        order.cum_quantity,
        order.leaves_quantity,
        order.average_price,
        position.quantity,
        position.cost,
    )


# -- busts ------------------------------------------------------------------------------------------------------------


def test_bust_of_one_fill_opens_the_order_again(filled: StrategyLedger, published: RecordingPublisher) -> None:
    """What stands is the other fill; the event names the busted one and the order's new state."""
    filled.bust_order_fill("O1", "F1", "erroneous")
    assert figures(filled) == ("PARTIALLY_FILLED", 6, 4, 110, 6, 660)
    event = published.events[-1]
    assert (event["event_type"], event["fill_id"], event["reason"]) == ("FILL_BUSTED", "F1", "erroneous")
    assert (event["from_state"], event["to_state"]) == ("FILLED", "PARTIALLY_FILLED")
    assert filled.get_fill("O1", "F1").busted
    assert filled.get_order("O1").ended_at is None


def test_bust_of_the_only_fill_leaves_an_accepted_order(ledger: StrategyLedger) -> None:
    """Nothing is filled, and the position is as if nothing had been."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4, fee="1", fee_currency="USD"))
    order = ledger.bust_order_fill("O1", "F1")
    assert (order.state, order.cum_quantity, order.average_price) == ("ACCEPTED", 0, None)
    position = ledger.get_position("ACME")
    assert (position.quantity, position.cost, position.fees, position.opened_at) == (0, 0, (), None)
    assert ledger.get_open_positions() == []


def test_bust_given_twice_is_one_bust(filled: StrategyLedger, published: RecordingPublisher) -> None:
    """The second one is a repeat: the same answer, nothing written or published."""
    first = filled.bust_order_fill("O1", "F1")
    head, count = filled.head(), len(published.events)
    assert filled.bust_order_fill("O1", "F1") == first
    assert (filled.head(), len(published.events)) == (head, count)


def test_fill_that_comes_again_after_its_bust_is_a_repeat(filled: StrategyLedger) -> None:
    """A redelivered execution does not undo a bust."""
    filled.bust_order_fill("O1", "F1")
    order = filled.update_order_fill("O1", fill("F1", 4))
    assert order.cum_quantity == 6


@pytest.mark.parametrize(("time_in_force", "reinstated", "state"), [
    ("IOC", None, "CANCELED"),
    ("FOK", None, "CANCELED"),
    ("GTC", False, "CANCELED"),
    ("GTC", None, "PARTIALLY_FILLED"),
    ("IOC", True, "PARTIALLY_FILLED"),
])  # fmt: skip
def test_freed_quantity_is_worked_again_or_not(
    ledger: StrategyLedger, time_in_force: str, reinstated: bool | None, state: str
) -> None:
    """`reinstated` says it; an IOC or FOK order is not worked again unless it says so."""
    ledger.record_order("O1", limit_order(time_in_force=time_in_force))
    ledger.update_order_fill("O1", fill("F1", 4))
    ledger.update_order_fill("O1", fill("F2", 6))
    order = ledger.bust_order_fill("O1", "F1", reinstated=reinstated)
    assert (order.state, order.cum_quantity, order.leaves_quantity) == (state, 6, 0 if state == "CANCELED" else 4)


@pytest.mark.parametrize("reinstated", [True, False])
def test_bust_ends_the_requests_of_an_order_that_it_ends(ledger: StrategyLedger, reinstated: bool) -> None:
    """Where the freed quantity is not worked again the order is canceled; else the venue still answers."""
    ledger.record_order("O1", limit_order())
    ledger.request_order_cancel("O1", "C1")
    ledger.update_order_fill("O1", fill("F1", 10))
    order = ledger.bust_order_fill("O1", "F1", reinstated=reinstated)
    assert (order.state, order.cancels_in_flight) == (("ACCEPTED", 1) if reinstated else ("CANCELED", 0))
    assert order.requests[0].state == ("REQUESTED" if reinstated else "ACCEPTED")


@pytest.mark.parametrize(
    "end", ["update_order_cancellation", "update_order_expiry", "update_order_done_for_day", "update_order_suspension"]
)
def test_bust_of_an_ended_order_keeps_its_state(ledger: StrategyLedger, end: str) -> None:
    """CANCELED stays CANCELED; quantities, average price and position follow (FIX J.1.b)."""
    ledger.record_order("O1", limit_order(time_in_force="GTC"))
    ledger.update_order_fill("O1", fill("F1", 4))
    ledger.update_order_fill("O1", fill("F2", 2, 103))
    state = getattr(ledger, end)("O1").state
    order = ledger.bust_order_fill("O1", "F1")
    assert (order.state, order.cum_quantity, order.average_price) == (state, 2, 103)
    assert ledger.get_position("ACME").quantity == 2


def test_bust_between_two_flat_points_restates_the_later_ones(ledger: StrategyLedger) -> None:
    """What a later cycle realized follows too: positions fold again from the last flat point before the bust."""
    for order_id, side in (("B", "BUY"), ("S", "SELL")):
        ledger.record_order(order_id, market_order(side, 100))
    told = [("B", "F1", 10, 100), ("S", "F2", 10, 101), ("B", "F3", 5, 90), ("S", "F4", 5, 92)]
    for minute, (order_id, fill_id, quantity, price) in enumerate(told):
        executed_at = START + timedelta(minutes=minute)
        ledger.update_order_fill(order_id, fill(fill_id, quantity, price, executed_at=executed_at))
    assert ledger.get_position("ACME").realized_pnl == 20
    ledger.bust_order_fill("S", "F2")
    position = ledger.get_position("ACME")
    assert (position.quantity, position.realized_pnl - position.cost) == (10, 5 * 92 - 10 * 100 - 5 * 90)
    ledger.bust_order_fill("B", "F1")
    assert (ledger.get_position("ACME").quantity, ledger.get_position("ACME").realized_pnl) == (0, 10)


def test_bust_of_what_opened_a_position_again_leaves_its_last_cycle(ledger: StrategyLedger) -> None:
    """It is flat as it was, and what its last cycle realized is what it was."""
    for order_id, side in (("B", "BUY"), ("S", "SELL")):
        ledger.record_order(order_id, market_order(side, 100))
    ledger.update_order_fill("B", fill("F1", 10, 100), occurred_at=START)
    ledger.update_order_fill("S", fill("F2", 10, 120), occurred_at=START + timedelta(minutes=1))
    flat = ledger.get_position("ACME")
    ledger.update_order_fill("B", fill("F3", 1, 90), occurred_at=START + timedelta(minutes=2))
    ledger.bust_order_fill("B", "F3")
    position = ledger.get_position("ACME")
    assert (position.quantity, position.cycle_realized_pnl, position.opened_at) == (0, 200, flat.opened_at)


def test_bust_of_an_unknown_fill_waits_for_it(ledger: StrategyLedger) -> None:
    """It is filed, and undoes the fill in the entry that books it."""
    ledger.record_order("O1", limit_order())
    with pytest.raises(UnknownFill) as refused:
        ledger.bust_order_fill("O1", "F1")
    assert refused.value.quarantine_id is not None
    order = ledger.update_order_fill("O1", fill("F1", 4))
    assert (order.cum_quantity, order.state, ledger.quarantined()) == (0, "ACCEPTED", [])


def test_bust_itself_cannot_be_busted(filled: StrategyLedger) -> None:
    """A bust is no execution: its id is that of no fill."""
    filled.bust_order_fill("O1", "F1")
    with pytest.raises(UnknownFill):
        filled.bust_order_fill("O1", "the bust of F1")
    assert filled.get_order("O1").cum_quantity == 6


def test_bust_of_a_quarantined_fill_dismisses_it_there(filled: StrategyLedger, published: RecordingPublisher) -> None:
    """An overfill that the venue takes back never was; it is not tried again."""
    with pytest.raises(OverfillError):
        filled.update_order_fill("O1", fill("F3", 5))
    filled.bust_order_fill("O1", "F3")
    assert filled.quarantined() == []
    assert published.events[-1]["event_type"] == "QUARANTINE_RESOLVED"
    assert published.events[-1]["changed"]["resolution"] == "busted"
    filled.update_order_restatement("O1", {"quantity": 20})
    assert filled.get_order("O1").cum_quantity == 10


def test_bust_leaves_the_totals_of_its_day(ledger: StrategyLedger) -> None:
    """What was busted counts on no day."""
    ledger.record_order("O1", limit_order(time_in_force="GTC"))
    ledger.update_order_fill("O1", fill("F1", 4, trade_date="2026-01-05"))
    ledger.update_order_fill("O1", fill("F2", 2, 103, trade_date="2026-01-06"))
    ledger.bust_order_fill("O1", "F1")
    first, second = (ledger.get_order_day("O1", date(2026, 1, day)) for day in (5, 6))
    assert (first.day_cum_quantity, first.day_average_price) == (0, None)
    assert (second.day_order_quantity, second.day_cum_quantity, second.day_average_price) == (10, 2, 103)


# -- corrections ------------------------------------------------------------------------------------------------------


def test_correction_changes_what_counts(filled: StrategyLedger, published: RecordingPublisher) -> None:
    """Quantity and price of the fill are the corrected ones; the first report stays in its chain."""
    filled.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": "101.50"})
    assert figures(filled) == ("PARTIALLY_FILLED", 9, 1, Decimal("107.166666666666666667"), 9, Decimal("964.5"))
    known = filled.get_fill("O1", "F1")
    assert (known.quantity, str(known.price)) == (3, "101.50")
    assert [(one.fill_id, one.quantity) for one in known.executions] == [("F1", 4), ("C1", 3)]
    event = published.events[-1]
    assert (event["event_type"], event["fill_id"], event["correction_id"]) == ("FILL_CORRECTED", "F1", "C1")


def test_correction_leaves_what_the_fill_cost(ledger: StrategyLedger) -> None:
    """The fee is that of the execution, however it is corrected."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4, fee="1", fee_currency="USD"))
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 100})
    assert ledger.get_position("ACME").fees == ledger.get_fill("O1", "F1").fees == (Fee("USD", Decimal(1)),)


def test_correction_that_frees_quantity_may_end_the_order(filled: StrategyLedger) -> None:
    """As a bust does: where the venue does not work it again, the order is canceled."""
    order = filled.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 100}, reinstated=False)
    assert (order.state, order.cum_quantity) == ("CANCELED", 9)


def test_correction_of_the_price_of_an_overfilled_order_is_booked(filled: StrategyLedger) -> None:
    """It adds nothing to what is too much already."""
    with pytest.raises(OverfillError):
        filled.update_order_fill("O1", fill("F3", 1))
    (fact,) = filled.quarantined()
    filled.resolve_quarantined(fact.quarantine_id, {"order_id": "O1", "reason": "confirmed"})
    order = filled.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 4, "price": 101})
    assert (order.overfill_quantity, order.executed_value) == (1, 4 * 101 + 6 * 110 + 100)


def test_correction_names_the_last_execution_of_its_chain(filled: StrategyLedger) -> None:
    """C2 corrects C1, not F1 (FIX J.1.a); one that names what was corrected since is filed."""
    filled.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 100})
    filled.correct_order_fill("O1", "C1", {"fill_id": "C2", "quantity": 2, "price": 100})
    assert filled.get_order("O1").cum_quantity == 8
    with pytest.raises(FactMismatch, match="the last of its chain is 'C2'") as refused:
        filled.correct_order_fill("O1", "F1", {"fill_id": "C3", "quantity": 1, "price": 100})
    assert refused.value.quarantine_id is not None
    assert filled.bust_order_fill("O1", "C2").cum_quantity == 6


def test_repeats_of_a_corrected_fill_compare_the_version_that_they_name(filled: StrategyLedger) -> None:
    """The first report and each correction may come again; other figures under a known id are a conflict."""
    correction = {"fill_id": "C1", "quantity": 3, "price": 100}
    answer = filled.correct_order_fill("O1", "F1", correction)
    head = filled.head()
    assert filled.correct_order_fill("O1", "F1", correction) == answer
    assert filled.update_order_fill("O1", fill("F1", 4)) == answer
    assert filled.update_order_fill("O1", fill("C1", 3)) == answer
    conflicts: tuple[Callable[[], object], ...] = (
        lambda: filled.correct_order_fill("O1", "F1", {**correction, "price": 99}),
        lambda: filled.correct_order_fill("O1", "F2", correction),
        lambda: filled.correct_order_fill("O1", "F1", {**correction, "fill_id": "F2"}),
        lambda: filled.update_order_fill("O1", fill("C1", 4)),
        lambda: filled.update_order_fill("O1", fill("F1", 3)),
    )
    for command in conflicts:
        with pytest.raises(IdempotencyConflict):
            command()
    assert filled.head() == head


def test_correction_beyond_the_order_is_an_overfill(filled: StrategyLedger, store: Store) -> None:
    """It is filed like any fill beyond the order's quantity, and booked where overfills are."""
    with pytest.raises(OverfillError):
        filled.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 5, "price": 100})
    assert filled.get_order("O1").cum_quantity == 10
    booking = store.open("books", overfill="book")
    booking.record_order("O1", limit_order())
    booking.update_order_fill("O1", fill("F1", 10))
    order = booking.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 12, "price": 100})
    assert (order.cum_quantity, order.overfill_quantity, order.state) == (12, 2, "FILLED")


def test_correction_of_a_quarantined_fill_acts_on_it_there(filled: StrategyLedger) -> None:
    """As corrected it fits, and is booked with its chain when its order changes."""
    filled.bust_order_fill("O1", "F1")
    with pytest.raises(OverfillError):
        filled.update_order_fill("O1", fill("F3", 5))
    filled.correct_order_fill("O1", "F3", {"fill_id": "C1", "quantity": 4, "price": 105})
    assert filled.quarantined() == []
    known = filled.get_fill("O1", "F3")
    assert (known.quantity, known.price, len(known.chain)) == (4, 105, 2)
    assert filled.get_order("O1").state == "FILLED"


def test_busted_fill_takes_no_correction(filled: StrategyLedger) -> None:
    """There is nothing to correct; the fact is filed."""
    filled.bust_order_fill("O1", "F1")
    with pytest.raises(FactMismatch, match="order 'O1' was busted"):
        filled.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 100})


def test_one_fill_id_on_two_orders_is_corrected_on_its_own(ledger: StrategyLedger) -> None:
    """Execution ids are known per order."""
    for order_id, side in (("O1", "BUY"), ("O2", "SELL")):
        ledger.record_order(order_id, market_order(side))
        ledger.update_order_fill(order_id, fill("F1", 5))
    ledger.correct_order_fill("O2", "F1", {"fill_id": "C1", "quantity": 2, "price": 100})
    assert (ledger.get_order("O1").cum_quantity, ledger.get_order("O2").cum_quantity) == (5, 2)
    assert ledger.get_position("ACME").quantity == 3


# -- trades -----------------------------------------------------------------------------------------------------------


def test_closed_trade_stays_closed_and_is_restated(filled: StrategyLedger, published: RecordingPublisher) -> None:
    """TRADE_RESTATED carries the figures before and after."""
    filled.record_order("X1", limit_order("SELL"))
    filled.update_order_fill("X1", fill("F1", 10, 120), occurred_at=START + timedelta(hours=1))
    filled.create_trade("T1", ["O1"])
    filled.close_trade("T1", {"order_ids": ["X1"]})
    filled.bust_order_fill("O1", "F1")
    trade = filled.get_trade("T1")
    assert (trade.state, trade.restated, trade.entry_quantity, trade.open_quantity) == ("CLOSED", True, 6, -4)
    event = published.events[-1]
    assert (event["event_type"], event["before"]["entry_quantity"]) == ("TRADE_RESTATED", "10")
    assert (event["after"]["entry_quantity"], event["after"]["realized_pnl"]) == ("6", "60")


def test_trade_whose_fills_were_all_busted_is_empty(filled: StrategyLedger) -> None:
    """It keeps its direction and its times, and counts nothing."""
    filled.create_trade("T1", ["O1"])
    filled.bust_order_fill("O1", "F1")
    filled.bust_order_fill("O1", "F2")
    trade = filled.get_trade("T1")
    assert (trade.entry_quantity, trade.open_quantity, trade.realized_pnl, trade.direction) == (0, 0, 0, "BUY")


def test_trade_that_was_emptied_begins_with_its_next_fill(ledger: StrategyLedger) -> None:
    """What was busted is no beginning: the trade opens when what stands was executed."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4), occurred_at=START)
    ledger.create_trade("T1", ["O1"])
    ledger.bust_order_fill("O1", "F1")
    later = START + timedelta(hours=1)
    ledger.update_order_fill("O1", fill("F2", 4), occurred_at=later)
    assert (ledger.get_trade("T1").opened_at, ledger.get_trade("T1").entry_quantity) == (later, 4)


# -- fees -------------------------------------------------------------------------------------------------------------


def test_fee_that_comes_after_its_fill_is_booked(filled: StrategyLedger, published: RecordingPublisher) -> None:
    """Any number, any currency, rebates negative; position and trade count them."""
    filled.create_trade("T1", ["O1"])
    fees = [{"amount": "1.50", "currency": "USD"}, {"amount": "-0.2", "currency": "BNB"}]
    filled.update_fill_fee("O1", "F1", fees)
    paid = (Fee("BNB", Decimal("-0.2")), Fee("USD", Decimal("1.5")))
    assert filled.get_fill("O1", "F1").fees == (Fee("USD", Decimal("1.5")), Fee("BNB", Decimal("-0.2")))
    assert filled.get_position("ACME").fees == filled.get_trade("T1").fees == paid
    assert "FILL_FEE_UPDATED" in [event["event_type"] for event in published.events[-2:]]
    head = filled.head()
    filled.update_fill_fee("O1", "F1", fees)
    assert filled.head() == head
    filled.update_fill_fee("O1", "F1", {"amount": 2, "currency": "USD"})
    assert filled.get_position("ACME").fees == (Fee("USD", Decimal(2)),)
    filled.bust_order_fill("O1", "F1")
    assert filled.get_position("ACME").fees == filled.get_trade("T1").fees == ()


def test_fee_that_comes_before_its_fill_waits_for_it(ledger: StrategyLedger) -> None:
    """It is filed, and booked with the fill, in one entry."""
    ledger.record_order("O1", limit_order())
    with pytest.raises(UnknownFill):
        ledger.update_fill_fee("O1", "F1", {"amount": 1, "currency": "USD"})
    ledger.update_order_fill("O1", fill("F1", 4))
    assert ledger.get_fill("O1", "F1").fees == (Fee("USD", Decimal(1)),)
    assert (ledger.quarantined(), ledger.get_position("ACME").fees) == ([], (Fee("USD", Decimal(1)),))


def test_fee_in_base_that_is_corrected_moves_the_position(ledger: StrategyLedger) -> None:
    """It left the quantity, so another amount leaves another quantity; a bust takes it along."""
    ledger.record_order("O1", market_order(quantity=10, base_currency="ACM"))
    taken = {"fee": "0.01", "fee_currency": "ACM", "fee_in_base": True}
    ledger.update_order_fill("O1", fill("F1", 10, 100, **taken))
    ledger.update_fill_fee("O1", "F1", {"amount": "0.02", "currency": "ACM"})
    assert ledger.get_position("ACME").quantity == Decimal("9.98")
    with pytest.raises(InvalidValue):
        ledger.update_fill_fee("O1", "F1", [])
    ledger.bust_order_fill("O1", "F1")
    assert (ledger.get_position("ACME").quantity, ledger.get_position("ACME").fees) == (0, ())


# -- polls and inferred fills -----------------------------------------------------------------------------------------


def test_poll_shows_what_is_missing_and_changes_no_quantity(ledger: StrategyLedger) -> None:
    """Fills are booked when they arrive; until then the order says how much has not."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    order = ledger.report_order_status("O1", {"status": "FILLED", "cum_quantity": 10, "average_price": "99.5"})
    assert (order.state, order.cum_quantity, order.missing_quantity) == ("ACCEPTED", 0, 10)
    assert ledger.update_order_fill("O1", fill("F1", 4)).missing_quantity == 6
    assert ledger.update_order_fill("O1", fill("F2", 6)).missing_quantity == 0


@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED", "REJECTED"])
def test_poll_ends_an_order_that_is_open(ledger: StrategyLedger, status: str) -> None:
    """An end that a poll reports is a fact; what was filled before it and has not arrived is shown."""
    ledger.record_order("O1", limit_order())
    ledger.request_order_cancel("O1", "R1")
    order = ledger.report_order_status("O1", {"status": status, "cum_quantity": 3})
    assert (order.state, order.missing_quantity) == (status, 3)
    assert not order.requests[0].is_in_flight
    assert ledger.update_order_fill("O1", fill("F1", 3)).missing_quantity == 0


def test_poll_that_is_behind_moves_nothing_back(filled: StrategyLedger) -> None:
    """ACCEPTED after FILLED is an old answer; the same answer again is a repeat."""
    order = filled.report_order_status("O1", {"status": "ACCEPTED", "venue_order_id": "V1"})
    assert (order.state, order.venue_order_ids) == ("FILLED", ("V1",))
    head = filled.head()
    filled.report_order_status("O1", {"status": "ACCEPTED", "venue_order_id": "V1"})
    assert filled.head() == head


def test_inferred_fill_is_replaced_by_the_real_one_in_one_entry(ledger: StrategyLedger) -> None:
    """The real fill was executed before the other was inferred: it takes its place, and nothing counts twice."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("I1", 10, 101, inferred=True), occurred_at=START + timedelta(hours=1))
    before = ledger.head().sequence
    order = ledger.update_order_fill("O1", fill("F1", 10, 100), occurred_at=START)
    assert (order.state, order.cum_quantity, order.average_price, order.inferred_quantity) == ("FILLED", 10, 100, 0)
    assert (ledger.head().sequence, ledger.get_fill("O1", "I1").busted) == (before + 1, True)
    assert ledger.get_position("ACME").cost == 1000


def test_inferred_fill_shrinks_by_what_real_ones_account_for(ledger: StrategyLedger) -> None:
    """Two real fills of 4 leave 2 of an inferred 10, until the last one comes."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("I1", 10, inferred=True), occurred_at=START + timedelta(hours=1))
    for number in (1, 2):
        order = ledger.update_order_fill("O1", fill(f"F{number}", 4), occurred_at=START + timedelta(minutes=number))
        assert (order.cum_quantity, order.inferred_quantity) == (10, 10 - 4 * number)
    order = ledger.update_order_fill("O1", fill("F3", 2), occurred_at=START + timedelta(minutes=3))
    assert (order.cum_quantity, order.inferred_quantity, order.overfill_quantity) == (10, 0, 0)


def test_real_fills_take_the_place_of_the_oldest_inferred_ones_first(ledger: StrategyLedger) -> None:
    """In the order of time, whichever was told first; what is left of one keeps its price, and the next is untouched."""
    ledger.record_order("O1", limit_order())
    for fill_id, hour in (("later", 3), ("earlier", 2)):
        told = fill(fill_id, 5, 100 + hour, inferred=True)
        ledger.update_order_fill("O1", told, occurred_at=START + timedelta(hours=hour))
    untouched = ledger.get_fill("O1", "later")
    order = ledger.update_order_fill("O1", fill("F1", 3), occurred_at=START)
    assert (order.cum_quantity, order.inferred_quantity) == (10, 7)
    chain = [(one.fill_id, one.quantity, one.price) for one in ledger.get_fill("O1", "earlier").executions]
    assert chain == [("earlier", 5, 102), ("earlier", 2, 102)]
    ledger.update_order_fill("O1", fill("F2", 2), occurred_at=START)
    assert (ledger.get_fill("O1", "earlier").busted, ledger.get_fill("O1", "later")) == (True, untouched)
    order = ledger.update_order_fill("O1", fill("F3", 4), occurred_at=START)
    assert (order.inferred_quantity, ledger.get_fill("O1", "later").quantity) == (1, 1)
    order = ledger.update_order_fill("O1", fill("F4", 1), occurred_at=START)
    assert (order.inferred_quantity, order.cum_quantity, order.state) == (0, 10, "FILLED")


def test_real_fill_takes_the_place_of_several_inferred_ones(ledger: StrategyLedger) -> None:
    """As many as it accounts for, but for those that were inferred before it was executed."""
    ledger.record_order("O1", limit_order(quantity=20))
    for number in range(4):
        told = fill(f"I{number}", 2, inferred=True)
        ledger.update_order_fill("O1", told, occurred_at=START + timedelta(hours=number))
    order = ledger.update_order_fill("O1", fill("F1", 3), occurred_at=START + timedelta(minutes=30))
    assert (order.cum_quantity, order.inferred_quantity) == (8, 5)
    assert [ledger.get_fill("O1", f"I{number}").busted for number in range(4)] == [False, True, False, False]
    assert ledger.get_fill("O1", "I2").quantity == 1


def test_real_fill_takes_the_place_of_one_after_which_the_position_is_flat_meanwhile(ledger: StrategyLedger) -> None:
    """With the first inferred sale gone, the second one left the position flat: it is taken back all the same."""
    ledger.record_order("B1", limit_order(quantity=2))
    ledger.record_order("S1", limit_order("SELL"))
    ledger.update_order_fill("B1", fill("F1", 2, 90), occurred_at=START)
    for number in (1, 2):
        told = fill(f"I{number}", 2, inferred=True)
        ledger.update_order_fill("S1", told, occurred_at=START + timedelta(minutes=number))
    ledger.update_order_fill("S1", fill("R1", 4, 101), occurred_at=START + timedelta(seconds=1))
    assert (ledger.get_fill("S1", "I1").busted, ledger.get_fill("S1", "I2").busted) == (True, True)
    position = ledger.get_position("ACME")
    assert (position.quantity, position.realized_pnl, position.cost) == (-2, 22, 202)


def test_execution_of_the_moment_of_an_inferred_one_takes_its_place(ledger: StrategyLedger) -> None:
    """It is not later than what was inferred, though the order has room for both."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("I1", 4, inferred=True), occurred_at=START)
    order = ledger.update_order_fill("O1", fill("F1", 4), occurred_at=START)
    assert (order.cum_quantity, order.inferred_quantity) == (4, 0)


def test_execution_after_an_inferred_one_comes_on_top(ledger: StrategyLedger) -> None:
    """It cannot be what was inferred before it happened, as long as the order has room for both."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("I1", 4, inferred=True), occurred_at=START)
    order = ledger.update_order_fill("O1", fill("F1", 3), occurred_at=START + timedelta(hours=1))
    assert (order.cum_quantity, order.inferred_quantity) == (7, 4)
    order = ledger.update_order_fill("O1", fill("F2", 3), occurred_at=START + timedelta(hours=2))
    assert (order.cum_quantity, order.inferred_quantity, order.state) == (10, 4, "FILLED")
    order = ledger.update_order_fill("O1", fill("F3", 3), occurred_at=START + timedelta(hours=3))
    assert (order.cum_quantity, order.inferred_quantity) == (10, 1)


# -- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [
    lambda ledger: ledger.bust_order_fill("O9", "F1"),
    lambda ledger: ledger.correct_order_fill("O9", "F1", {"fill_id": "C1", "quantity": 1, "price": 1}),
    lambda ledger: ledger.update_fill_fee("O9", "F1", {"amount": 1, "currency": "USD"}),
    lambda ledger: ledger.report_order_status("O9", {"status": "FILLED"}),
])  # fmt: skip
def test_fact_about_an_unknown_order_waits_for_it(ledger: StrategyLedger, command: Any) -> None:
    """Nothing that a venue reported is dropped."""
    with pytest.raises(UnknownOrder) as refused:
        command(ledger)
    assert [fact.quarantine_id for fact in ledger.quarantined()] == [refused.value.quarantine_id]


def test_inverse_contract_takes_any_positive_price(ledger: StrategyLedger) -> None:
    """However little a unit is worth."""
    ledger.record_order("O1", market_order(inverse=True, currency="USD", base_currency="BTC"))
    ledger.update_order_fill("O1", fill("F1", 5, "0.5"))
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 5, "price": "0.25"})
    assert ledger.get_position("ACME").cost == 20


def test_inverse_contract_takes_no_price_of_zero(ledger: StrategyLedger) -> None:
    """A correction is held to what a fill is held to."""
    ledger.record_order("O1", market_order(inverse=True, currency="USD", base_currency="BTC"))
    ledger.update_order_fill("O1", fill("F1", 5))
    head = ledger.head()
    with pytest.raises(InvalidValue, match="inverse"):
        ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 5, "price": 0})
    assert ledger.head() == head
