"""Cases on which real trading systems tripped, each as a test named after the behaviour, on every adapter.

The number in a docstring is that of the catalogue of cases. Not here, because the API does not have them yet:
11 (bust), 12 (correction of a correction), and of 14 the commission that arrives before or after its fill.
"""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import sqlite3
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import (
    FactMismatch,
    Fee,
    IdempotencyConflict,
    IllegalTransition,
    OutcomeUnknown,
    OverfillError,
    Query,
    RecordKind,
    SchemaTooNew,
    StorageBusy,
    StorageError,
    StorageFull,
    StrategyLedger,
    UnknownFill,
    UnknownOrder,
)
from support import (
    START,
    CountingRepository,
    FaultyRepository,
    RaisingPublisher,
    RecordingPublisher,
    SteppingClock,
    Store,
    fill,
    limit_order,
    market_order,
)

OpenLedger = Callable[..., StrategyLedger]


sqlite_only = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


# -- 1 to 6: what comes late, early, twice -------------------------------------------------------------------------


@pytest.mark.parametrize("filled", ["4", "10"])
def test_acknowledgement_after_fills_moves_nothing_back(ledger: StrategyLedger, filled: str) -> None:
    """1: a status New that arrives after the fills brings the venue's id and no state."""
    ledger.record_order("O1", limit_order())
    before = ledger.update_order_fill("O1", fill("F1", filled))
    after = ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    assert after.state == before.state == ("PARTIALLY_FILLED" if filled == "4" else "FILLED")
    assert (after.cum_quantity, after.venue_order_ids) == (Decimal(filled), ("V1",))


@pytest.mark.parametrize("end", ["cancellation", "expiry", "rejection"])
@pytest.mark.parametrize("filled", ["3", "10"])
def test_fill_after_the_end_is_booked_and_marked_late(
    ledger: StrategyLedger, published: RecordingPublisher, end: str, filled: str
) -> None:
    """2: a fill after Canceled, Expired or Rejected moves the position and keeps the state, partial or completing."""
    ledger.record_order("O1", limit_order())
    getattr(ledger, f"update_order_{end}")("O1", "the end")
    ended = ledger.get_order("O1").state
    order = ledger.update_order_fill("O1", fill("F1", filled))
    assert (order.state, order.cum_quantity, order.leaves_quantity) == (ended, Decimal(filled), 0)
    assert ledger.get_position("ACME").quantity == Decimal(filled)
    assert ledger.get_fill("O1", "F1").late
    assert published.events[-1]["late"] is True


def test_fill_before_its_order_waits_and_is_booked_with_the_order(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """3: a fill before the order is known is kept, booked when the order comes, and then known when redelivered."""
    with pytest.raises(UnknownOrder) as refused:
        ledger.update_order_fill("O1", fill("F1", 4))
    assert refused.value.quarantine_id is not None
    order = ledger.record_order("O1", limit_order())
    assert (order.state, order.cum_quantity) == ("PARTIALLY_FILLED", 4)
    assert ledger.quarantined() == []
    count = len(published.events)
    assert ledger.update_order_fill("O1", fill("F1", 4)) == order
    assert len(published.events) == count


def test_one_unknown_fill_costs_no_other_of_the_same_batch(ledger: StrategyLedger) -> None:
    """3: a fill of an unknown order among others does not take the batch down with it."""
    ledger.record_order("O1", limit_order())
    with ledger.batch() as batch:
        batch.update_order_fill("O1", fill("F1", 1))
        with pytest.raises(UnknownOrder):
            batch.update_order_fill("O9", fill("F2", 1))
        batch.update_order_fill("O1", fill("F3", 1))
    assert ledger.get_order("O1").cum_quantity == 2
    assert [fact.order_id for fact in ledger.quarantined()] == ["O9"]


def test_fill_given_twice_counts_once_also_after_a_restart_and_after_the_end(open_ledger_on: OpenLedger) -> None:
    """4: the same fill again is known: at once, after a restart, after the terminal event."""
    first = open_ledger_on()
    first.record_order("O1", limit_order())
    for _ in range(2):
        assert first.update_order_fill("O1", fill("F1", 4)).cum_quantity == 4
    first.close()
    again = open_ledger_on()
    assert again.update_order_fill("O1", fill("F1", 4)).cum_quantity == 4
    again.update_order_cancellation("O1")
    assert again.update_order_fill("O1", fill("F1", 4)).cum_quantity == 4
    assert again.head().sequence == 3


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (fill("F1", 5), ("quantity",)),
        (fill("F1", 4, "100.01"), ("price",)),
        (fill("F1", 4, side="SELL"), ("side",)),
        (fill("F1", 4, symbol="OTHER"), ("symbol",)),
        (fill("F1", 4, fee=2, fee_currency="USD"), ("fees",)),
    ],
)
def test_known_fill_id_with_other_content_is_a_conflict(
    ledger: StrategyLedger, published: RecordingPublisher, given: Mapping[str, Any], fields: tuple[str, ...]
) -> None:
    """5: the same fill id with another figure is refused with both copies, and nothing is written or published."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4, fee=1, fee_currency="USD"))
    head, count = ledger.head(), len(published.events)
    with pytest.raises(IdempotencyConflict) as refused:
        ledger.update_order_fill("O1", given)
    assert refused.value.fields == fields
    assert (refused.value.recorded.quantity, refused.value.given.fill_id) == (4, "F1")
    assert (ledger.head(), len(published.events)) == (head, count)


def test_same_fill_id_on_two_orders_is_two_fills(ledger: StrategyLedger) -> None:
    """6: both sides of a self-trade carry one fill id; both count."""
    ledger.record_order("B", limit_order("BUY"))
    ledger.record_order("S", limit_order("SELL"))
    ledger.update_order_fill("B", fill("F1", 10))
    ledger.update_order_fill("S", fill("F1", 10))
    assert [one.key for one in ledger.find_fills(fill_id="F1")] == [("B", "F1"), ("S", "F1")]
    assert ledger.get_position("ACME").is_flat


# -- 7 to 10: quantities and requests ------------------------------------------------------------------------------


def test_overfill_is_kept_apart_and_changes_nothing(ledger: StrategyLedger) -> None:
    """7: a fill beyond the quantity goes to quarantine; order and position stand as they were."""
    ledger.record_order("O1", limit_order())
    before = ledger.update_order_fill("O1", fill("F1", 9))
    with pytest.raises(OverfillError) as refused:
        ledger.update_order_fill("O1", fill("F2", "1.000000000000000001"))
    assert refused.value.quarantine_id == ledger.quarantined()[0].quarantine_id
    assert ledger.get_order("O1") == before
    assert ledger.get_position("ACME").quantity == 9


def test_fill_short_by_the_smallest_unit_does_not_complete_the_order(ledger: StrategyLedger) -> None:
    """7: what completes an order only within a float's tolerance does not complete it."""
    ledger.record_order("O1", limit_order(quantity="0.3"))
    order = ledger.update_order_fill("O1", fill("F1", "0.299999999999999999"))
    assert (order.state, order.leaves_quantity) == ("PARTIALLY_FILLED", Decimal("1E-18"))
    assert ledger.update_order_fill("O1", fill("F2", "0.000000000000000001")).state == "FILLED"


def test_refused_cancel_leaves_the_order_and_its_part_fill_as_they_were(ledger: StrategyLedger) -> None:
    """8: after a refused cancel the order lives on, part-filled as before."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    before = ledger.update_order_fill("O1", fill("F1", 4))
    ledger.request_order_cancel("O1", "C1")
    after = ledger.update_order_request_rejection("O1", "too late", "C1")
    assert (after.status, after.cum_quantity, after.leaves_quantity) == (before.status, 4, 6)
    assert after.is_open


@pytest.mark.parametrize("kind", ["cancel", "replace"])
def test_fill_while_a_request_is_pending_is_booked(ledger: StrategyLedger, kind: str) -> None:
    """9: a fill counts while a cancel or a replace is in flight, and the request stays in flight."""
    ledger.record_order("O1", limit_order())
    if kind == "cancel":
        ledger.request_order_cancel("O1")
    else:
        ledger.request_order_replace("O1", {"limit_price": 101})
    order = ledger.update_order_fill("O1", fill("F1", 4))
    assert (order.status, order.state, order.cum_quantity) == (f"PENDING_{kind.upper()}", "PARTIALLY_FILLED", 4)
    assert ledger.update_order_fill("O1", fill("F2", 6)).status == f"PENDING_{kind.upper()}"


def test_amend_below_the_filled_quantity_fills_the_order(ledger: StrategyLedger) -> None:
    """10: a replacement below what is filled is clamped up to it, and the order is filled."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 6))
    ledger.request_order_replace("O1", {"quantity": 5})
    order = ledger.update_order_replacement("O1")
    assert (order.state, order.quantity, order.leaves_quantity) == ("FILLED", 6, 0)


def test_raise_of_a_filled_order_opens_it_again(ledger: StrategyLedger) -> None:
    """10: a filled order whose quantity is raised works again, and is no longer ended."""
    ledger.record_order("O1", limit_order())
    assert ledger.update_order_fill("O1", fill("F1", 10)).ended_at is not None
    ledger.request_order_replace("O1", {"quantity": 12})
    order = ledger.update_order_replacement("O1")
    assert (order.state, order.leaves_quantity, order.ended_at) == ("PARTIALLY_FILLED", 2, None)
    assert [one.order_id for one in ledger.find_orders(is_open=True)] == ["O1"]


# -- 11 and 12: busts and corrections --------------------------------------------------------------------------------


def test_bust_of_one_of_two_of_the_only_fill_twice_and_of_a_closed_trade(ledger: StrategyLedger) -> None:
    """The order is derived again from what stands, and a closed trade stays closed."""
    ledger.record_order("O1", limit_order(quantity=10))
    ledger.update_order_fill("O1", fill("F1", 6), occurred_at=START)
    ledger.update_order_fill("O1", fill("F2", 4), occurred_at=START)
    ledger.record_order("X1", limit_order("SELL", 10))
    ledger.update_order_fill("X1", fill("F1", 10, 110), occurred_at=START + timedelta(hours=1))
    ledger.create_trade("T1", ["O1"])
    ledger.close_trade("T1", {"order_ids": ["X1"]})
    assert ledger.bust_order_fill("O1", "F2").state == "PARTIALLY_FILLED"
    assert ledger.bust_order_fill("O1", "F2").cum_quantity == 6
    assert ledger.bust_order_fill("O1", "F1").state == "ACCEPTED"
    trade = ledger.get_trade("T1")
    assert (trade.state, trade.restated, trade.direction, trade.open_quantity) == ("CLOSED", True, "SELL", 10)
    assert ledger.get_position("ACME").quantity == -10


def test_correction_of_a_correction_counts_once(ledger: StrategyLedger) -> None:
    """Execution ids that differ after the last dot: each names the one before, and only the last one counts."""
    ledger.record_order("O1", limit_order(quantity=10))
    ledger.update_order_fill("O1", fill("0001.01", 6, 100))
    ledger.correct_order_fill("O1", "0001.01", {"fill_id": "0001.02", "quantity": 5, "price": 101})
    order = ledger.correct_order_fill("O1", "0001.02", {"fill_id": "0001.03", "quantity": 4, "price": 102})
    assert (order.cum_quantity, order.average_price) == (4, 102)
    assert ledger.update_order_fill("O1", fill("0001.02", 5, 101)) == order
    assert len(list(ledger.find_fills(order_id="O1"))) == 1


# -- 13 to 15: money -----------------------------------------------------------------------------------------------


def test_flip_through_zero_with_a_fee_and_its_fill_redelivered(ledger: StrategyLedger) -> None:
    """13: a fill that closes and opens realizes on the closed part alone; its redelivery changes nothing."""
    ledger.record_order("B", limit_order("BUY"))
    ledger.record_order("S", limit_order("SELL", quantity=15))
    ledger.update_order_fill("B", fill("F1", 10, 100))
    flipping = fill("F2", 15, 103, fee="1.5", fee_currency="USD")
    for _ in range(2):
        ledger.update_order_fill("S", flipping)
        position = ledger.get_position("ACME")
        assert (position.quantity, position.average_price, position.cost) == (-5, 103, 515)
        assert (position.realized_pnl, position.cycle_realized_pnl) == (30, 0)
        assert position.fees == (Fee("USD", Decimal("1.5")),)


def test_fees_in_base_quote_and_third_currency_and_rebates_are_kept_apart(ledger: StrategyLedger) -> None:
    """14: a fee in the base coin reduces what is held; others, rebates too, are summed by currency and touch no PnL."""
    ledger.record_order("O1", limit_order(symbol="BTC-USD", base_currency="BTC", currency="USD"))
    order = ledger.update_order_fill("O1", fill("F1", 1, fee="0.001", fee_currency="BTC", fee_in_base=True))
    assert (order.cum_quantity, ledger.get_position("BTC-USD").quantity) == (1, Decimal("0.999"))
    ledger.update_order_fill("O1", fill("F2", 1, fee="0.1", fee_currency="USD"))
    ledger.update_order_fill("O1", fill("F3", 1, fees=[{"amount": 2, "currency": "BNB"}]))
    ledger.update_order_fill("O1", fill("F4", 1, fee="-0.3", fee_currency="USD"))
    position = ledger.get_position("BTC-USD")
    assert position.fees == (Fee("BNB", Decimal(2)), Fee("BTC", Decimal("0.001")), Fee("USD", Decimal("-0.2")))
    assert (position.quantity, position.realized_pnl) == (Decimal("3.999"), 0)


@pytest.mark.parametrize("comes", ["before", "after"])
def test_commission_that_comes_before_or_after_its_fill_is_booked(ledger: StrategyLedger, comes: str) -> None:
    """One that is early waits in quarantine; either way the position has it once."""
    ledger.record_order("O1", limit_order(quantity=10))
    commission = {"amount": "1.25", "currency": "USD"}
    if comes == "before":
        with pytest.raises(UnknownFill):
            ledger.update_fill_fee("O1", "F1", commission)
    ledger.update_order_fill("O1", fill("F1", 6))
    if comes == "after":
        ledger.update_fill_fee("O1", "F1", commission)
    assert [(fee.currency, fee.amount) for fee in ledger.get_position("ACME").fees] == [("USD", Decimal("1.25"))]
    assert ledger.quarantined() == []


@pytest.mark.parametrize(
    ("quantity", "price"),
    [
        ("1", "0.00000812"),
        ("0.0000004", "64123.5"),
        ("9500000000000", "1.01"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("99999999999999999999", "99999999999999999999.999999999999999999"),
    ],
)
def test_numbers_of_every_size_are_kept_to_the_last_digit(
    open_ledger_on: OpenLedger, quantity: str, price: str
) -> None:
    """15: tiny prices, tiny and huge quantities and 18 decimals survive storage and come out exact."""
    ledger = open_ledger_on()
    ledger.record_order("O1", market_order(quantity=quantity))
    ledger.update_order_fill("O1", fill("F1", quantity, price))
    ledger.close()
    again = open_ledger_on()
    booked, position = again.get_fill("O1", "F1"), again.get_position("ACME")
    assert (format(booked.price, "f"), position.quantity) == (price, Decimal(quantity))
    exact = int(Decimal(quantity).scaleb(18)) * int(Decimal(price).scaleb(18))
    assert int(position.cost.scaleb(36)) == exact
    assert again.get_order("O1").state == "FILLED"


# -- 16 to 20: crashes, locks, subscribers --------------------------------------------------------------------------


@sqlite_only
def test_failure_between_the_order_row_and_the_trade_row_leaves_neither(
    store: Store, open_ledger_on: OpenLedger, published: RecordingPublisher
) -> None:
    """16: a write that fails half-way is rolled back whole, and the same command succeeds afterwards."""
    ledger = open_ledger_on(publisher=published)
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 5))
    ledger.create_trade("T1", ["O1"])
    before = (ledger.head(), ledger.get_order("O1"), ledger.get_trade("T1"), ledger.get_position("ACME"))
    count = len(published.events)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("CREATE TRIGGER broken BEFORE UPDATE ON trades BEGIN SELECT RAISE(ABORT, 'injected'); END")
    with pytest.raises(StorageError):
        ledger.update_order_fill("O1", fill("F2", 5))
    assert (ledger.head(), ledger.get_order("O1"), ledger.get_trade("T1"), ledger.get_position("ACME")) == before
    reader = open_ledger_on(read_only=True)
    assert (reader.head(), reader.get_order("O1"), reader.get_trade("T1"), reader.get_position("ACME")) == before
    assert [one.fill_id for one in reader.find_fills()] == ["F1"]
    assert len(published.events) == count
    other.execute("DROP TRIGGER broken")
    other.close()
    assert ledger.update_order_fill("O1", fill("F2", 5)).state == "FILLED"
    assert ledger.get_trade("T1").entry_quantity == 10


def test_order_that_was_sent_before_a_crash_is_found_unresolved(open_ledger_on: OpenLedger) -> None:
    """16: between send and commit nothing is lost: the intent is durable before the venue is called."""
    ledger = open_ledger_on()
    ledger.record_order("O1", limit_order())
    ledger.record_order("O2", limit_order())
    ledger.update_order_acceptance("O2")
    ledger.request_order_cancel("O2")
    del ledger  # no close: the process is gone
    unresolved = open_ledger_on().unresolved()
    assert [order.order_id for order in unresolved.orders] == ["O1"]
    assert [request.order_id for request in unresolved.requests] == ["O2"]


def test_reader_never_meets_a_record_half_way_between_two_versions(store: Store, open_ledger_on: OpenLedger) -> None:
    """17: while a writer updates, every reading has the order, with exactly the fills that its quantity counts."""
    ledger = open_ledger_on()
    ledger.record_order("O1", market_order(quantity=100))
    done = threading.Event()

    def write() -> None:
        try:
            for number in range(100):
                ledger.update_order_fill("O1", fill(f"F{number}", 1))
        finally:
            done.set()

    reader = open_ledger_on(read_only=True)
    repository = store.repository(read_only=True)
    writer = threading.Thread(target=write)
    writer.start()
    readings = 0
    while not done.is_set() or not readings:
        before = reader.get_order("O1").cum_quantity
        (found,) = reader.find_orders()
        assert before <= found.cum_quantity
        fills = len(repository.find(Query(kind=RecordKind.FILL)))
        assert found.cum_quantity <= fills <= reader.get_order("O1").cum_quantity
        readings += 1
    writer.join()
    assert reader.get_order("O1").state == "FILLED"


@sqlite_only
def test_locked_file_is_reported_busy_and_nothing_is_half_written(
    store: Store, clock: SteppingClock, published: RecordingPublisher
) -> None:
    """18: while another program holds the write lock the caller is told StorageBusy, may retry, and then succeeds."""
    ledger = store.open(parameters="&busy_timeout=0.01", clock=clock, publisher=published)
    ledger.record_order("O1", limit_order())
    before, count = ledger.head(), len(published.events)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageBusy) as refused:
        ledger.update_order_fill("O1", fill("F1", 5))
    assert refused.value.retryable
    assert (ledger.head(), ledger.get_order("O1").cum_quantity, len(published.events)) == (before, 0, count)
    other.execute("ROLLBACK")
    other.close()
    assert ledger.update_order_fill("O1", fill("F1", 5)).cum_quantity == 5
    assert ledger.head().sequence == before.sequence + 1


@pytest.mark.parametrize("error", [StorageFull("no room"), StorageBusy("locked"), StorageError("gone")])
def test_failed_write_reaches_the_caller_and_leaves_everything_as_it_was(
    store: Store, clock: SteppingClock, published: RecordingPublisher, error: StorageError
) -> None:
    """18, 19: a storage that fails mid-write changes no answer and publishes nothing; the next try is whole."""
    repository = FaultyRepository(store.repository())
    ledger = StrategyLedger(repository, clock=clock, publisher=published)
    ledger.record_order("O1", limit_order())
    before, count = (ledger.head(), ledger.get_order("O1")), len(published.events)
    repository.fail_before_storing(error)
    with pytest.raises(type(error)) as refused:
        ledger.update_order_fill("O1", fill("F1", 5))
    assert refused.value is error
    assert (ledger.head(), ledger.get_order("O1")) == before
    assert ledger.get_open_positions() == []
    assert len(published.events) == count
    ledger.update_order_fill("O1", fill("F1", 5))
    assert published.types[count:] == ["ORDER_PARTIALLY_FILLED"]


def test_commit_whose_answer_was_lost_is_looked_up(
    store: Store, clock: SteppingClock, published: RecordingPublisher
) -> None:
    """18: a commit that happened although its answer was lost is found in the journal, and counts once."""
    repository = FaultyRepository(store.repository())
    ledger = StrategyLedger(repository, clock=clock, publisher=published)
    ledger.record_order("O1", limit_order())
    repository.fail_after_storing(OutcomeUnknown("the connection went away"))
    assert ledger.update_order_fill("O1", fill("F1", 5)).cum_quantity == 5
    repository.fail_before_storing(OutcomeUnknown("the connection went away"))
    assert ledger.update_order_fill("O1", fill("F2", 5)).state == "FILLED"
    assert (ledger.head().sequence, len(published.events)) == (3, 3)


def test_nothing_is_published_before_it_is_durable(store: Store, open_ledger_on: OpenLedger) -> None:
    """19: at each event a reader of its own finds the entry committed."""
    seen: list[tuple[int, int]] = []

    class LookingPublisher:
        def publish(self, _name: str, payload: Mapping[str, Any]) -> None:
            stored = store.repository(read_only=True).read(payload["sequence"] - 1, 1)
            assert [entry.digest for entry in stored] == [payload["digest"]]
            seen.append((payload["sequence"], payload["index"]))

    ledger = open_ledger_on(publisher=LookingPublisher())
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 5))
    ledger.create_trade("T1", ["O1"])
    assert seen == [(1, 0), (2, 0), (3, 0)]


def test_subscriber_that_raises_fails_no_write_and_loses_nothing(
    open_ledger_on: OpenLedger, caplog: pytest.LogCaptureFixture
) -> None:
    """20: the write stands, the events come again in order, and no other subscriber is held up."""
    publisher, steady = RaisingPublisher(), RecordingPublisher()
    ledger = open_ledger_on(publisher=publisher)
    ledger.subscribe("steady", steady.publish)
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 5))
    assert ledger.get_order("O1").cum_quantity == 5
    assert steady.types == ["ORDER_PLACED", "ORDER_PARTIALLY_FILLED"]
    assert (publisher.events, ledger.pending("publisher")) == ([], 2)
    assert "subscriber 'publisher'" in caplog.text
    publisher.fails = False
    ledger.publish_pending()
    assert publisher.places == [(1, 0), (2, 0)]
    assert ledger.pending("publisher") == 0


# -- 21 to 26: strategies, versions, clocks, size, doubt, readers ----------------------------------------------------


def test_two_strategies_in_one_store_do_not_see_each_other(open_ledger_on: OpenLedger) -> None:
    """21: same store, same symbol, same order and fill ids: each strategy has its own, and the reader sees both."""
    ledgers = {name: open_ledger_on(name) for name in ("alpha", "beta")}
    for number, ledger in enumerate(ledgers.values(), 1):
        ledger.record_order("O1", limit_order("BUY" if number == 1 else "SELL"))
        ledger.update_order_fill("O1", fill("F1", number, venue_order_id="V1"))
    assert ledgers["alpha"].get_position("ACME").quantity == 1
    assert ledgers["beta"].get_position("ACME").quantity == -2
    for name, ledger in ledgers.items():
        (order,) = ledger.find_orders(limit=None)
        assert {entry.strategy_id for entry in ledger.read_journal()} == {name}
        assert [one.quantity for one in ledger.find_fills(order_id=order.order_id)] == [order.cum_quantity]
        assert ledger.head().sequence == 2


@sqlite_only
def test_file_of_a_newer_program_is_refused_and_left_alone(store: Store, open_ledger_on: OpenLedger) -> None:
    """22: a newer schema is refused with both versions, for writing and for reading; the file is not touched."""
    ledger = open_ledger_on()
    ledger.record_order("O1", limit_order())
    ledger.close()
    other = sqlite3.connect(store.path, isolation_level=None)
    (version,) = other.execute("PRAGMA user_version").fetchone()
    other.execute(f"PRAGMA user_version = {version + 1}")
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    content = store.path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(SchemaTooNew) as refused:
            open_ledger_on(read_only=read_only)
        assert (refused.value.found, refused.value.supported) == (version + 1, version)
    with pytest.raises(SchemaTooNew):
        store.reader()
    assert store.path.read_bytes() == content


def test_clock_that_steps_back_never_turns_the_journal_back(ledger: StrategyLedger, clock: SteppingClock) -> None:
    """23: recorded_at never goes back, whatever the clock says; the sequence is the order."""
    ledger.record_order("O1", limit_order())
    clock.turn(hours=-1)
    ledger.update_order_acceptance("O1")
    clock.turn(hours=-1)
    ledger.update_order_fill("O1", fill("F1", 5))
    clock.turn(hours=5)
    ledger.update_order_fill("O1", fill("F2", 5))
    recorded = [entry.recorded_at for entry in ledger.read_journal()]
    assert recorded == sorted(recorded)
    assert recorded[0] == recorded[1] == recorded[2] < recorded[3]
    assert [entry.sequence for entry in ledger.read_journal()] == [1, 2, 3, 4]


def test_equal_timestamps_fold_in_the_order_of_the_journal(open_ledger_on: OpenLedger) -> None:
    """23: with a clock that stands still, every fill counts, in the order in which it was booked."""
    ledger = open_ledger_on(clock=SteppingClock(step=timedelta(0)))
    ledger.record_order("B", market_order("BUY", 20))
    ledger.record_order("S", market_order("SELL", 10))
    ledger.update_order_fill("B", fill("F1", 10, 100))
    ledger.update_order_fill("S", fill("F1", 10, 110))
    ledger.update_order_fill("B", fill("F2", 10, 120))
    position = ledger.get_position("ACME")
    assert (position.quantity, position.average_price, position.realized_pnl) == (10, 120, 100)
    assert [one.key for one in ledger.find_fills()] == [("B", "F1"), ("S", "F1"), ("B", "F2")]


def test_venue_time_before_the_placing_time_is_taken_as_it_is(ledger: StrategyLedger) -> None:
    """23: a venue whose clock is behind ours executes before we placed: booked, with its own time."""
    ledger.record_order("O1", limit_order())
    early = START - timedelta(minutes=5)
    ledger.update_order_acceptance("O1", occurred_at=early)
    ledger.update_order_fill("O1", fill("F1", 10, executed_at=early))
    assert ledger.get_fill("O1", "F1").executed_at == early
    assert ledger.get_order("O1").ended_at == early
    assert ledger.get_order("O1").placed_at > early


def test_what_is_open_costs_the_same_whatever_the_history(store: Store, clock: SteppingClock) -> None:
    """24: opening, open orders, exposure, unresolved and a first page ask as much of the store after 20 times more."""
    costs: list[tuple[int, int]] = []
    for number in (10, 200):
        with store.open(clock=clock) as ledger, ledger.batch() as batch:
            for index in range(number):
                batch.record_order(f"{number}-{index}", limit_order())
                batch.update_order_fill(f"{number}-{index}", fill("F", 10))
                if index % 2:
                    batch.update_order_cancellation(batch.record_order(f"{number}-{index}-x", limit_order()).order_id)
            batch.record_order(f"{number}-open", limit_order(symbol="OPEN"))
        repository = CountingRepository(store.repository())
        with StrategyLedger(repository, clock=clock) as ledger:
            assert len(list(ledger.find_orders(is_open=True))) == len(costs) + 1
            assert ledger.get_position_exposure("OPEN").pending_buy_quantity == 10 * (len(costs) + 1)
            assert len(ledger.unresolved().orders) == len(costs) + 1
            assert len(list(ledger.find_orders(limit=5))) == 5
            ledger.record_order(f"{number}-more", limit_order(symbol="MORE"))
            ledger.update_order_cancellation(f"{number}-more")
        costs.append((repository.calls, repository.records))
    (calls, records), (calls_later, records_later) = costs
    assert calls_later == calls
    assert records_later == records + 2  # the second open order: once at opening, once in the query


def test_timed_out_order_that_turns_out_filled_is_booked(open_ledger_on: OpenLedger) -> None:
    """25: an outcome that is unknown stays so, over a restart too, until a fact of the venue says what it was."""
    ledger = open_ledger_on()
    ledger.record_order("O1", limit_order())
    assert ledger.update_order_in_doubt("O1", "timeout").status == "IN_DOUBT"
    assert ledger.get_position_exposure("ACME").worst_case_long == 10
    ledger.close()
    again = open_ledger_on()
    (doubtful,) = again.unresolved().orders
    assert (doubtful.order_id, doubtful.is_open, doubtful.reason) == ("O1", True, "timeout")
    assert again.update_order_fill("O1", fill("F1", 10)).state == "FILLED"
    assert not again.unresolved()
    assert again.get_position("ACME").quantity == 10


def test_timed_out_order_that_was_never_there_ends_by_the_venues_word(ledger: StrategyLedger) -> None:
    """25: a rejection or cancellation resolves a doubt as well; our own doubt never overwrites the venue's word."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_in_doubt("O1")
    ledger.update_order_rejection("O1", "unknown order")
    assert ledger.update_order_in_doubt("O1").state == "REJECTED"
    assert not ledger.unresolved()


@sqlite_only
def test_reader_in_the_middle_of_a_page_locks_no_writer_out(store: Store, clock: SteppingClock) -> None:
    """26: a writer that waits for nothing commits while readers hold the file open and stand amid an iteration."""
    ledger = store.open(parameters="&busy_timeout=0", clock=clock)
    ledger.record_order("O0", limit_order())
    readers = [store.reader().strategy("alpha") for _ in range(3)]
    iterators = [reader.find_orders(limit=None) for reader in readers]
    assert [next(iterator).order_id for iterator in iterators] == ["O0"] * 3
    other = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True, isolation_level=None)
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    for number in range(1, 4):
        ledger.record_order(f"O{number}", limit_order())
    assert other.execute("SELECT count(*) FROM orders").fetchone() == (1,), "the reader keeps its snapshot"
    other.close()
    assert [order.order_id for order in readers[0].find_orders()] == ["O0", "O1", "O2", "O3"]
    assert list(iterators[0]) == []


def test_reader_opened_beside_a_writer_sees_what_it_commits(store: Store, open_ledger_on: OpenLedger) -> None:
    """26: a reader over all strategies follows a live writer, and closing it disturbs nobody."""
    ledger = open_ledger_on()
    ledger.record_order("O1", limit_order())
    reader = store.reader()
    assert [order.order_id for _, order in reader.get_open_orders()] == ["O1"]
    ledger.record_order("O2", limit_order())
    assert [order.order_id for _, order in reader.get_open_orders()] == ["O1", "O2"]
    reader.close()
    ledger.update_order_fill("O2", fill("F1", 10))
    assert ledger.get_position("ACME").quantity == 10


# -- what a wrong fact leaves behind ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error"),
    [(fill("F1", 4, symbol="OTHER"), FactMismatch), (fill("F1", 4, side="SELL"), FactMismatch)],
)
def test_fill_of_another_symbol_or_side_moves_no_position(
    ledger: StrategyLedger, given: Mapping[str, Any], error: type[Exception]
) -> None:
    """3, 6: a fill that contradicts the order it names is kept apart; neither instrument's position moves."""
    before = ledger.record_order("O1", limit_order())
    with pytest.raises(error):
        ledger.update_order_fill("O1", given)
    assert ledger.get_order("O1") == before
    assert ledger.get_open_positions() == []
    assert len(ledger.quarantined()) == 1


def test_second_end_of_an_order_is_kept_apart(ledger: StrategyLedger) -> None:
    """1, 2: an expiry after the cancellation is refused, filed, and leaves the first end standing."""
    ledger.record_order("O1", limit_order())
    before = ledger.update_order_cancellation("O1")
    with pytest.raises(IllegalTransition) as refused:
        ledger.update_order_expiry("O1")
    assert (refused.value.state, refused.value.event) == ("CANCELED", "EXPIRY")
    assert ledger.get_order("O1") == before
    assert [fact.code for fact in ledger.quarantined()] == ["ILLEGAL_TRANSITION"]
