"""What was believed at a moment, and what is known now of a moment."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

import pytest

from ledger_core import InvalidValue, LedgerView, StrategyLedger, UnknownOrder, UnknownTrade
from support import START, SteppingClock, fill, limit_order

OpenLedger = Callable[..., StrategyLedger]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def lived(ledger: StrategyLedger, clock: SteppingClock) -> StrategyLedger:
    """Return a ledger whose second fill was told late and whose first was corrected at last."""
    ledger.record_order("O1", limit_order(currency="USD"))
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    clock.turn(seconds=3600)
    ledger.update_order_fill("O1", fill("F2", 4, 110), occurred_at=START + 40 * MINUTE)
    ledger.create_trade("T1", ["O1"])
    clock.turn(seconds=3600)
    ledger.update_order_fill("O1", fill("F1", 3, 100), occurred_at=START + 20 * MINUTE)
    clock.turn(seconds=3600)
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 2, "price": 90})
    return ledger


def figures(view: LedgerView) -> tuple[object, ...]:
    """Return what a view says of the order and its position."""
    order, position = view.get_order("O1"), view.get_position("ACME")
    return (order.state, order.cum_quantity, order.average_price, position.quantity, position.cost)


def test_later_corrections_do_not_change_what_was_believed(lived: StrategyLedger) -> None:
    """Each moment is answered as the ledger would have answered then."""
    moments = [entry.recorded_at for entry in lived.read_journal()]
    assert [figures(lived.as_of(recorded=moment)) for moment in moments] == [
        ("PLACED", 0, None, 0, 0),
        ("ACCEPTED", 0, None, 0, 0),
        ("PARTIALLY_FILLED", 4, 110, 4, 440),
        ("PARTIALLY_FILLED", 4, 110, 4, 440),
        ("PARTIALLY_FILLED", 7, lived.as_of(recorded=moments[4]).get_order("O1").average_price, 7, 740),
        ("PARTIALLY_FILLED", 6, lived.get_order("O1").average_price, 6, 620),
    ]
    assert [lived.as_of(recorded=moment).head.sequence for moment in moments] == [1, 2, 3, 4, 5, 6]


def test_what_is_known_now_of_then_has_what_was_told_late_and_corrected(lived: StrategyLedger) -> None:
    """At minute 30 only the first fill had happened, and it was of 2 at 90, as is known now."""
    assert figures(lived.as_of(occurred=START + 10 * MINUTE)) == ("ACCEPTED", 0, None, 0, 0)
    assert figures(lived.as_of(occurred=START + 30 * MINUTE)) == ("PARTIALLY_FILLED", 2, 90, 2, 180)
    assert figures(lived.as_of(occurred=START + 50 * MINUTE))[1] == 6
    before_the_late_fill = list(lived.read_journal())[3].recorded_at
    both = lived.as_of(recorded=before_the_late_fill, occurred=START + 30 * MINUTE)
    assert figures(both) == ("ACCEPTED", 0, None, 0, 0)


def test_view_of_now_is_the_ledger(lived: StrategyLedger) -> None:
    """Every question has the same answer as the ledger's own."""
    lived.request_order_cancel("O1", "R1")
    view = lived.as_of(recorded=list(lived.read_journal())[-1].recorded_at)
    assert list(view.find_orders()) == list(lived.find_orders())
    assert list(view.find_fills(symbol="ACME")) == list(lived.find_fills())
    assert list(view.find_trades(state="OPEN")) == list(lived.find_trades())
    assert view.get_trade("T1") == lived.get_trade("T1")
    assert view.get_fill("O1", "F1") == lived.get_fill("O1", "F1")
    assert view.get_open_positions() == lived.get_open_positions()
    assert view.get_position_exposure("ACME") == lived.get_position_exposure("ACME")
    assert view.head == lived.head()


def test_requests_and_ends_are_those_of_the_moment(ledger: StrategyLedger) -> None:
    """A request that was answered later was in flight; an order that was canceled later was open."""
    ledger.record_order("O1", limit_order(), occurred_at=START)
    ledger.request_order_cancel("O1", "R1", occurred_at=START + MINUTE)
    ledger.update_order_cancellation("O1", occurred_at=START + 3 * MINUTE)
    then = ledger.as_of(occurred=START + 2 * MINUTE).get_order("O1")
    assert (then.status, then.is_open, then.ended_at) == ("PENDING_CANCEL", True, None)
    assert [request.is_in_flight for request in then.requests] == [True]
    now = ledger.as_of(occurred=START + 3 * MINUTE).get_order("O1")
    assert (now.status, now.requests[0].state) == ("CANCELED", "ACCEPTED")


def test_trade_of_then_counts_what_had_happened(lived: StrategyLedger) -> None:
    """Its figures are sums over the fills of its orders by then; before it was created there was none."""
    created = lived.get_trade("T1").recorded_at
    assert lived.as_of(occurred=created).get_trade("T1").entry_quantity == 6
    with pytest.raises(UnknownTrade):
        lived.as_of(occurred=START + 50 * MINUTE).get_trade("T1")
    with pytest.raises(UnknownOrder):
        lived.as_of(occurred=START - MINUTE).get_order("O1")


def test_no_order_of_arrival_changes_what_is_known_of_then(open_ledger_on: OpenLedger) -> None:
    """Facts with times of their own, told in any order, come to the same view of every moment."""
    facts: list[Callable[[StrategyLedger], object]] = [
        lambda ledger: ledger.update_order_acceptance("O1", {"venue_order_id": "V1"}, occurred_at=START + MINUTE),
        lambda ledger: ledger.update_order_fill("O1", fill("F1", 3), occurred_at=START + 2 * MINUTE),
        lambda ledger: ledger.update_order_fill("O1", fill("F2", 7, 101), occurred_at=START + 3 * MINUTE),
        lambda ledger: ledger.record_adjustment(
            "A1", {"kind": "TRANSFER", "symbol": "ACME", "quantity": -2, "price": 1}, occurred_at=START + 4 * MINUTE
        ),
    ]
    seen = set()
    ledger = open_ledger_on("never told")
    for number, arrival in enumerate(permutations(facts)):
        ledger = open_ledger_on(f"s{number}")
        ledger.record_order("O1", limit_order(), occurred_at=START)
        for tell in arrival:
            tell(ledger)
        seen.add(tuple(figures(ledger.as_of(occurred=START + minute * MINUTE)) for minute in range(5)))
    assert seen == {
        (
            ("PLACED", 0, None, 0, 0),
            ("ACCEPTED", 0, None, 0, 0),
            ("PARTIALLY_FILLED", 3, 100, 3, 300),
            ("FILLED", 10, ledger.get_order("O1").average_price, 10, 1007),
            ("FILLED", 10, ledger.get_order("O1").average_price, 8, ledger.get_position("ACME").cost),
        )
    }


@pytest.mark.parametrize("moments", [{}, {"recorded": START.replace(tzinfo=None)}, {"occurred": "yesterday"}])
def test_moment_is_given_and_aware(lived: StrategyLedger, moments: dict[str, object]) -> None:
    """A view of no moment would be the ledger itself."""
    with pytest.raises(InvalidValue):
        lived.as_of(**moments)  # type: ignore[arg-type]  # what a caller might give


def test_views_of_one_moment_are_equal(lived: StrategyLedger) -> None:
    """The head's digest is over everything that a view holds; another moment or journal is another view."""
    first, last = (list(lived.read_journal())[place].recorded_at for place in (0, -1))
    assert lived.as_of(recorded=last) == lived.as_of(recorded=last)
    assert len({lived.as_of(recorded=last), lived.as_of(recorded=last), lived.as_of(recorded=first)}) == 2
