"""Reconciling what became of orders: how the broker says that they ended, that they rest, or nothing at all."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from typing import Any

import pytest

from ledger_core import StrategyLedger
from ledger_core.reconciling import Comparison, Proposal, Reconciliation
from support import fill, limit_order, market_order
from support.trading import at

MISSING_FILLS = "fills have not arrived: ask for the order's executions"
ENDED_OTHERWISE = "it ended otherwise here"


def listed(order_id: str = "O1", **more: Any) -> dict[str, Any]:
    """Return an order for 10 ACME as a broker lists it."""
    return {"order_id": order_id, "symbol": "ACME", "side": "BUY", "quantity": 10, **more}


def execution(fill_id: str, quantity: object) -> dict[str, Any]:
    """Return an execution of O1 as a broker lists it."""
    return {"fill_id": fill_id, "quantity": quantity, "price": 100, "order_id": "O1"}


def calls(found: Reconciliation) -> list[str]:
    """Return which operations are proposed."""
    return [one.operation.value for one in found.proposals]


def said(found: Reconciliation) -> tuple[tuple[str, ...], str]:
    """Return which fields of the one order differ, and the note on it."""
    (one,) = (one for one in (*found.matched, *found.different) if one.subject == "ORDER")
    return one.fields, one.note


@pytest.fixture
def working(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with an order for the day, O1, that is accepted and filled by 4 of 10."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.update_order_fill("O1", fill("F1", 4, executed_at=at(1)))
    return ledger


# -- orders that the broker says have ended ---------------------------------------------------------------------------


@pytest.mark.parametrize(("here", "there", "is_same"), [
    ("cancellation", "CANCELED", True),
    ("cancellation", "EXPIRED", False),
    ("cancellation", "FILLED", False),
    ("expiry", "EXPIRED", True),
    ("expiry", "CANCELED", False),
    ("done_for_day", "CANCELED", True),
    ("done_for_day", "EXPIRED", True),
    ("done_for_day", "FILLED", False),
    ("fill", "FILLED", True),
    ("fill", "CANCELED", False),
])  # fmt: skip
def test_end_that_both_know_is_compared_and_never_changed(
    working: StrategyLedger, here: str, there: str, is_same: bool
) -> None:
    """Done for the day, an order that does not outlive it may be canceled or expired there: that is the same."""
    if here == "fill":
        working.update_order_fill("O1", fill("F2", 6))
    else:
        getattr(working, f"update_order_{here}")("O1")
    found = working.reconcile({"open_orders": [listed(status=there)]})
    assert said(found) == (((), "") if is_same else (("status",), ENDED_OTHERWISE))
    assert found.proposals == ()


@pytest.mark.parametrize(("there", "executed", "differs", "note"), [
    ("FILLED", 0, True, MISSING_FILLS),
    ("FILLED", 5, True, MISSING_FILLS),
    ("FILLED", 6, False, ""),
    ("CANCELED", 0, True, ""),
    ("EXPIRED", 5, True, ""),
    ("REJECTED", 0, True, ""),
    ("CANCELED", 6, True, ENDED_OTHERWISE),
])  # fmt: skip
def test_end_there_of_an_order_that_is_open_here_is_reported_unless_its_executions_complete_it(
    working: StrategyLedger, there: str, executed: int, differs: bool, note: str
) -> None:
    """What the broker executed of the 6 that are left is booked first; an end that it makes impossible is shown."""
    executions = [execution("F2", executed)] if executed else []
    found = working.reconcile({"open_orders": [listed(status=there)], "executions": executions})
    assert said(found) == (("status",) if differs else (), note)
    reported = ["report_order_status"] if executed < 6 else []
    assert calls(found) == ["update_order_fill"] * len(executions) + reported


def test_rest_of_a_canceled_order_may_be_taken_off_its_quantity(working: StrategyLedger) -> None:
    """Some brokers list what was filled as the quantity then: it is canceled, not complete."""
    found = working.reconcile({"open_orders": [listed(quantity=4, cum_quantity=4, status="CANCELED")]})
    assert (said(found), calls(found)) == ((("status",), ""), ["report_order_status"])
    found.proposals[0].apply(working)
    assert (working.get_order("O1").state, working.get_order("O1").quantity) == ("CANCELED", 10)


# -- orders that the broker works -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("here", "there", "note"), [
    ("suspension", "ACCEPTED", "update_order_resumption books that it works again"),
    ("suspension", "PARTIALLY_FILLED", "update_order_resumption books that it works again"),
    ("suspension", "SUSPENDED", ""),
    ("suspension", "PENDING_CANCEL", ""),
    ("done_for_day", "ACCEPTED", "it is done for the day here: update_order_restatement books that it was renewed"),
    ("done_for_day", "DONE_FOR_DAY", ""),
    ("done_for_day", "PENDING_CANCEL", ""),
    ("guarantee", "ACCEPTED", ""),
    ("cancellation", "ACCEPTED",
     "it ended here and is open there: nothing opens it again, so cancel it there or record it as a new order"),
])  # fmt: skip
def test_standing_that_differs_is_told_with_what_books_it(
    working: StrategyLedger, here: str, there: str, note: str
) -> None:
    """Nothing is proposed: it can be said in time only."""
    getattr(working, f"update_order_{here}")("O1")
    found = working.reconcile({"open_orders": [listed(status=there)]})
    assert (said(found), found.proposals) == ((("status",) if note else (), note), ())


def test_order_that_outlives_the_day_works_on_the_next(ledger: StrategyLedger) -> None:
    """Done for the day here and at work there: a new day, which nobody has to tell."""
    ledger.record_order("O1", limit_order(time_in_force="GTC"))
    ledger.update_order_acceptance("O1")
    ledger.update_order_done_for_day("O1")
    assert ledger.reconcile({"open_orders": [listed(status="ACCEPTED")]}).agrees


# -- orders that the broker does not list -----------------------------------------------------------------------------


def missing(found: Reconciliation) -> Comparison:
    """Return the one order of ours that the broker has not listed."""
    (one,) = found.missing_there
    return one


def test_order_that_the_broker_does_not_list_is_shown_as_it_is_here(working: StrategyLedger) -> None:
    """With how to learn what became of it, and that a cancel may have been granted."""
    gone = (
        "the broker does not list it as open and does not say how it ended: ask for the order's history, then "
        "update_order_cancellation, update_order_expiry, update_order_rejection or its fills"
    )
    ours = {"symbol": "ACME", "side": "BUY", "quantity": 10, "cum_quantity": 4, "limit_price": 100}
    ours = {**ours, "status": "PARTIALLY_FILLED", "venue_order_ids": ()}
    found = missing(working.reconcile({"open_orders": []}))
    assert found == Comparison(subject=found.subject, key=("O1",), ours=ours, note=gone)
    working.request_order_cancel("O1")
    asked = missing(working.reconcile({"open_orders": []}))
    assert asked.note == f"{gone}; a cancel is in flight, which may have been granted"
    complete = missing(working.reconcile({"open_orders": [], "executions": [execution("F2", 6)]}))
    assert complete.note == "the executions that are missing here complete it"


def test_order_that_was_never_answered_and_is_not_listed_is_in_doubt(ledger: StrategyLedger) -> None:
    """Unless the broker executed some of it: then it was accepted. The reason that the order keeps says why."""
    ledger.record_order("O1", market_order())
    (doubt,) = ledger.reconcile({"open_orders": []}).proposals
    assert doubt == Proposal(
        operation=doubt.operation,
        arguments={"order_id": "O1", "reason": "not among the broker's open orders"},
        reason="the broker does not know it",
    )
    assert doubt.operation == "update_order_in_doubt"
    assert calls(ledger.reconcile({"open_orders": [], "executions": [execution("F1", 4)]})) == ["update_order_fill"]


def test_order_that_the_snapshot_does_not_speak_of_is_not_missed(ledger: StrategyLedger) -> None:
    """On another venue or account, or placed when it was taken or later."""
    ledger.record_order("O1", market_order(venue="X", account="A", placed_at=at(10)))
    for speaks_of, is_missed in (
        ({}, True),
        ({"venue": "X"}, True),
        ({"account": "A"}, True),
        ({"venue": "Y"}, False),
        ({"account": "B"}, False),
        ({"venue": "X", "account": "B"}, False),
        ({"as_of": at(10)}, False),
        ({"as_of": at(11)}, True),
        ({"as_of": at(11), "account": "B"}, False),
    ):
        assert bool(ledger.reconcile({"open_orders": [], **speaks_of}).missing_there) is is_missed, speaks_of


# -- reports ----------------------------------------------------------------------------------------------------------


def test_report_is_proposed_until_it_was_made(working: StrategyLedger) -> None:
    """The difference stays until the fills arrive; another count, status or id is another report."""
    counted = listed(cum_quantity=7)
    (report,) = working.reconcile({"open_orders": [counted]}).proposals
    report.apply(working)
    again = working.reconcile({"open_orders": [counted]})
    assert (said(again), again.proposals) == ((("cum_quantity",), MISSING_FILLS), ())
    for other in ({"cum_quantity": 8}, {"status": "PARTIALLY_FILLED"}):
        assert calls(working.reconcile({"open_orders": [{**counted, **other}]})) == ["report_order_status"]
    both = working.reconcile({"open_orders": [listed(cum_quantity=7, status="FILLED")]})
    assert (said(both), calls(both)) == ((("status", "cum_quantity"), MISSING_FILLS), ["report_order_status"])


def test_end_that_was_reported_of_an_order_that_is_open_again_is_reported_again(working: StrategyLedger) -> None:
    """It was filled when the broker said so; a bust has opened it since, and now the end comes true."""
    working.update_order_fill("O1", fill("F2", 6))
    working.report_order_status("O1", {"status": "CANCELED"})
    assert working.reconcile({"open_orders": [listed(status="CANCELED")]}).proposals == ()
    working.bust_order_fill("O1", "F2")
    (report,) = working.reconcile({"open_orders": [listed(status="CANCELED")]}).proposals
    assert report.operation == "report_order_status"
    assert report.apply(working).state == "CANCELED"


def test_end_that_was_reported_under_another_id_is_reported_again(ledger: StrategyLedger) -> None:
    """The id that the broker gives is news, although nothing else is."""
    ledger.record_order("O1", market_order())
    ledger.report_order_status("O1", {"status": "PLACED"})
    assert ledger.reconcile({"open_orders": [listed(status="PLACED")]}).proposals == ()
    (report,) = ledger.reconcile({"open_orders": [listed(status="PLACED", venue_order_id="V1")]}).proposals
    report.apply(ledger)
    assert ledger.get_order("O1").venue_order_ids == ("V1",)
    assert ledger.reconcile({"open_orders": [listed(status="PLACED", venue_order_id="V1")]}).agrees
