"""Orders by value, whose quantity the venue names; and trading days of day, GTC and GTD orders."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ledger_core import StrategyLedger
from support import RecordingPublisher, fill, limit_order, market_order

DAY_1, DAY_2, DAY_3 = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)


def cash_order(amount: object = 1000) -> dict[str, object]:
    """Return the details of a market order over an amount of money."""
    return market_order(quantity=None, cash_quantity=amount, cash_currency="USD")


def test_cash_order_without_quantity_has_no_leaves_and_no_overfill(ledger: StrategyLedger) -> None:
    """While the quantity is unknown nothing is too much, nothing completes, and the exposure lists the order."""
    order = ledger.record_order("O1", cash_order())
    assert (order.quantity, order.leaves_quantity, order.is_open) == (None, None, True)
    order = ledger.update_order_fill("O1", fill("F1", 1_000_000))
    assert (order.state, order.leaves_quantity, order.overfill_quantity) == ("PARTIALLY_FILLED", None, 0)
    exposure = ledger.get_position_exposure("ACME")
    assert (exposure.unquantified_order_ids, exposure.pending_buy_quantity) == (("O1",), 0)


def test_acceptance_brings_the_quantity_of_a_cash_order(ledger: StrategyLedger) -> None:
    """From then on it is an order like any other."""
    ledger.record_order("O1", cash_order())
    order = ledger.update_order_acceptance("O1", {"quantity": 20, "venue_order_id": "V1"})
    assert (order.state, order.quantity, order.leaves_quantity, order.venue_order_ids) == ("ACCEPTED", 20, 20, ("V1",))
    assert order.details.quantity is None
    assert ledger.get_position_exposure("ACME").pending_buy_quantity == 20
    assert ledger.update_order_fill("O1", fill("F1", 20)).state == "FILLED"


@pytest.mark.parametrize(
    ("named", "state", "leaves"), [(20, "PARTIALLY_FILLED", 5), (15, "FILLED", 0), (12, "FILLED", 0)]
)
@pytest.mark.parametrize("fact", ["acceptance", "restatement"])
def test_late_quantity_of_a_cash_order_is_clamped_up_to_what_is_filled(
    ledger: StrategyLedger, named: int, state: str, leaves: int, fact: str
) -> None:
    """An acceptance or a restatement that comes after fills brings the quantity, never below them."""
    ledger.record_order("O1", cash_order())
    ledger.update_order_fill("O1", fill("F1", 15))
    order = getattr(ledger, f"update_order_{fact}")("O1", {"quantity": named})
    assert (order.state, order.quantity, order.leaves_quantity) == (state, max(named, 15), leaves)
    assert order.overfill_quantity == 0


def test_late_acknowledgement_brings_what_is_not_known_and_nothing_else(ledger: StrategyLedger) -> None:
    """The venue's id with the quantity of a cash order; no quantity to an order that has one, nothing without one."""
    ledger.record_order("O1", cash_order())
    order = ledger.update_order_fill("O1", fill("F1", 15))
    assert ledger.update_order_acceptance("O1") == order
    order = ledger.update_order_acceptance("O1", {"quantity": 20, "venue_order_id": "V1"})
    assert (order.quantity, order.venue_order_ids) == (20, ("V1",))
    assert ledger.update_order_acceptance("O1", {"quantity": 30}) == order


def test_cash_order_that_ends_without_a_quantity_leaves_nothing(ledger: StrategyLedger) -> None:
    """An ended order has no leaves, whatever it was."""
    ledger.record_order("O1", cash_order())
    ledger.update_order_fill("O1", fill("F1", "2.5"))
    order = ledger.update_order_cancellation("O1")
    assert (order.leaves_quantity, order.cum_quantity) == (0, Decimal("2.5"))
    assert ledger.get_position_exposure("ACME").unquantified_order_ids == ()


@pytest.mark.parametrize(
    ("time_in_force", "is_open", "leaves"), [("DAY", False, 0), (None, False, 0), ("GTC", True, 6), ("GTD", True, 6)]
)
def test_done_for_day_ends_a_day_order_and_no_good_till_order(
    ledger: StrategyLedger, time_in_force: str | None, is_open: bool, leaves: int
) -> None:
    """Without a time in force an order is a day order."""
    ledger.record_order("O1", limit_order(time_in_force=time_in_force))
    ledger.update_order_fill("O1", fill("F1", 4))
    order = ledger.update_order_done_for_day("O1", DAY_1)
    assert (order.state, order.is_open, order.leaves_quantity) == ("DONE_FOR_DAY", is_open, leaves)
    assert (order.trade_date, order.ended_at is None) == (DAY_1, is_open)


def test_trade_date_of_the_end_of_day_is_its_utc_date_if_none_is_given(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """The same day again is a repeat, a later one a new fact."""
    ledger.record_order("O1", limit_order(time_in_force="GTC"))
    order = ledger.update_order_done_for_day("O1", occurred_at=datetime(2026, 1, 5, 23, tzinfo=UTC))
    assert (order.trade_date, published.events[-1]["trade_date"]) == (DAY_1, "2026-01-05")
    head = ledger.head()
    assert ledger.update_order_done_for_day("O1", DAY_1) == order
    assert ledger.update_order_done_for_day("O1") == order
    assert ledger.head() == head
    assert ledger.update_order_done_for_day("O1", DAY_2).trade_date == DAY_2


def test_each_day_of_a_good_till_order_has_its_own_figures(ledger: StrategyLedger) -> None:
    """DayOrderQty, DayCumQty and DayAvgPx: what was open in the morning, and what the day made of it."""
    ledger.record_order("O1", limit_order(time_in_force="GTC"))
    ledger.update_order_fill("O1", fill("F1", 2, 100, trade_date=DAY_1))
    ledger.update_order_fill("O1", fill("F2", 1, 103, trade_date=DAY_1))
    ledger.update_order_done_for_day("O1", DAY_1)
    ledger.update_order_restatement("O1", reason="GT_RENEWAL", trade_date=DAY_2)
    ledger.update_order_fill("O1", fill("F3", 4, 110, trade_date=DAY_2))
    first, second, third = (ledger.get_order_day("O1", day) for day in (DAY_1, DAY_2, DAY_3))
    assert (first.day_order_quantity, first.day_cum_quantity, first.day_average_price) == (10, 3, 101)
    assert (second.day_order_quantity, second.day_cum_quantity, second.day_average_price) == (7, 4, 110)
    assert (third.day_order_quantity, third.day_cum_quantity, third.day_average_price) == (3, 0, None)


def test_fill_without_a_trade_date_belongs_to_the_utc_date_of_its_execution(ledger: StrategyLedger) -> None:
    """And renews a GTC order when that date is later than the day that was done."""
    ledger.record_order("O1", limit_order(time_in_force="GTC"))
    ledger.update_order_done_for_day("O1", DAY_1)
    order = ledger.update_order_fill("O1", fill("F1", 1, executed_at="2026-01-06T00:30:00+01:00"))
    assert order.state == "DONE_FOR_DAY"
    assert ledger.get_order_day("O1", DAY_1).day_cum_quantity == 1
    order = ledger.update_order_fill("O1", fill("F2", 1, executed_at="2026-01-06T00:30:00+00:00"))
    assert order.state == "PARTIALLY_FILLED"
    assert ledger.get_order_day("O1", DAY_2).day_cum_quantity == 1


def test_renewal_moves_the_trade_date_and_is_repeated_by_it(ledger: StrategyLedger) -> None:
    """A restatement with a date renews the order for that day; the same again changes nothing."""
    ledger.record_order("O1", limit_order(time_in_force="GTD"))
    ledger.update_order_done_for_day("O1", DAY_1)
    order = ledger.update_order_restatement("O1", trade_date=DAY_2)
    head = ledger.head()
    assert (order.state, order.trade_date) == ("ACCEPTED", DAY_2)
    assert ledger.update_order_restatement("O1", trade_date=DAY_2) == order
    assert ledger.head() == head


def test_restatement_changes_terms_and_is_published_with_its_reason(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """Terms that the venue changed unasked; no difference is a repeat."""
    ledger.record_order("O1", limit_order())
    order = ledger.update_order_restatement("O1", {"quantity": 8, "limit_price": 99}, "PARTIAL_DECLINE")
    assert (order.state, order.quantity, order.limit_price) == ("ACCEPTED", 8, 99)
    assert (published.types[-1], published.events[-1]["reason"]) == ("ORDER_RESTATED", "PARTIAL_DECLINE")
    head = ledger.head()
    assert ledger.update_order_restatement("O1", {"quantity": 8, "limit_price": "99.0"}, "again") == order
    assert ledger.head() == head


def test_restated_price_leaves_a_filled_order_filled(ledger: StrategyLedger) -> None:
    """Its level is what it was."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 10))
    order = ledger.update_order_restatement("O1", {"limit_price": 99})
    assert (order.state, order.limit_price) == ("FILLED", 99)


@pytest.mark.parametrize(("time_in_force", "late"), [("DAY", True), ("GTC", False)])
def test_fill_after_the_day_is_late_for_a_day_order(ledger: StrategyLedger, time_in_force: str, late: bool) -> None:
    """A good-till order is open still."""
    ledger.record_order("O1", limit_order(time_in_force=time_in_force))
    ledger.update_order_done_for_day("O1", DAY_1)
    ledger.update_order_fill("O1", fill("F1", 1, trade_date=DAY_1))
    assert ledger.get_fill("O1", "F1").late is late
    assert ledger.get_order("O1").state == "DONE_FOR_DAY"


def test_restatement_that_makes_a_day_order_good_till_keeps_it_open(ledger: StrategyLedger) -> None:
    """The terms as they are now decide whether an order outlives its day."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_restatement("O1", {"time_in_force": "GTC"})
    assert ledger.update_order_done_for_day("O1", DAY_1).is_open
