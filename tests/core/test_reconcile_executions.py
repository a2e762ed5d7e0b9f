"""What a broker lists as executed: each execution once, with what is said of it, and what counts of the order it is of."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger_core import OverfillError, StrategyLedger
from ledger_core.reconciling import Comparison, Reconciliation, reconcile
from support import START, fill, limit_order, market_order

MINUTE = timedelta(minutes=1)


def at(minutes: int) -> datetime:
    """Return a time after the start."""
    return START + minutes * MINUTE


def listed(order_id: str | None = "O1", **more: Any) -> dict[str, Any]:
    """Return an order in ACME as a broker lists it."""
    return {"order_id": order_id, "symbol": "ACME", "side": "BUY", "quantity": 10, **more}


def executed(fill_id: str, quantity: object = 4, order_id: str | None = "O1", **more: Any) -> dict[str, Any]:
    """Return an execution as a broker lists it."""
    return {"fill_id": fill_id, "quantity": quantity, "price": 100, "order_id": order_id, **more}


def calls(found: Reconciliation) -> list[tuple[str, str]]:
    """Return (operation, fill id) of what is proposed."""
    return [(one.operation.value, one.arguments["fill_data"]["fill_id"]) for one in found.proposals]


def only(found: tuple[Comparison, ...]) -> Comparison:
    """Return the one finding."""
    (one,) = found
    return one


@pytest.fixture
def working(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with an order O1 of 10 that works, and that the venue knows as V1."""
    ledger.record_order("O1", limit_order(), occurred_at=START)
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"}, occurred_at=START)
    return ledger


# -- what is said of each ---------------------------------------------------------------------------------------------


def test_a_finding_shows_what_each_side_says(working: StrategyLedger) -> None:
    """Of one that is missing here what the broker says, of one that is missing there what the ledger holds."""
    working.update_order_fill("O1", fill("F1", 4), occurred_at=at(1))
    working.update_order_fill("O1", fill("F2", 3), occurred_at=at(2))
    found = working.reconcile({"executions": [executed("F1", executed_at=at(1)), executed("F3", 2, executed_at=at(3))]})
    here, there = only(found.missing_here), only(found.missing_there)
    assert here.theirs == {"quantity": 2, "price": 100, "executed_at": at(3)}
    assert (here.ours, here.note) == (None, "")
    assert there.ours == {
        "quantity": 3,
        "price": 100,
        "side": "BUY",
        "symbol": "ACME",
        "fees": (),
        "executed_at": at(2),
    }
    assert there.theirs is None
    assert there.note == "bust_order_fill takes it back, if the broker says that it did not happen"
    assert [(one.key, one.note) for one in found.matched] == [(("O1", "F1"), "")]


def test_every_difference_of_an_execution_is_said(working: StrategyLedger) -> None:
    """Where figures differ, too, a fee that was not known here is a person's to set, and not proposed."""
    working.update_order_fill("O1", fill("F1", 4), occurred_at=START)
    found = working.reconcile({"executions": [executed("F1", 5, fee=1, fee_currency="USD")]})
    assert only(found.different).fields == ("quantity", "fees")
    assert only(found.different).note == (
        "correct_order_fill books a correction, once the broker has named its id; update_fill_fee sets what it cost"
    )
    assert found.proposals == ()


def test_a_busted_fill_that_is_listed_is_said_to_be_busted(working: StrategyLedger) -> None:
    """That it differs otherwise does not matter then."""
    working.update_order_fill("O1", fill("F1", 4))
    working.bust_order_fill("O1", "F1")
    found = working.reconcile({"executions": [executed("F1", 5)]})
    assert only(found.different).note == "it was busted here, and the broker lists it"


def test_an_execution_of_an_order_that_nobody_knows_says_nothing_of_archives_where_there_are_none(
    ledger: StrategyLedger,
) -> None:
    """The order is to be recorded first; there is nowhere else to look for it."""
    found = ledger.reconcile({"executions": [executed("F1", order_id=None, venue_order_id="V9")]})
    assert "record the order" in only(found.missing_here).note
    assert "archive" not in only(found.missing_here).note


def test_a_source_of_which_nothing_is_said_has_no_archives(ledger: StrategyLedger) -> None:
    """Whoever compares with a ledger of their own, and has let nothing go, need not say so."""
    snapshot = {"open_orders": [listed(None, venue_order_id="V1", status="CANCELED")]}
    operations = [one.operation.value for one in reconcile(ledger, snapshot).proposals]
    assert operations == ["record_order", "report_order_status"]
    assert reconcile(ledger, snapshot, has_archived=True).proposals == ()


def test_proposals_occurred_when_the_snapshot_was_taken_where_nothing_else_is_said(ledger: StrategyLedger) -> None:
    """An execution that says when it was has its own time; without `as_of` the time is left to the ledger."""
    ledger.record_order("O1", limit_order(), occurred_at=START)
    snapshot: dict[str, Any] = {
        "open_orders": [listed()],
        "executions": [executed("F1", 1, executed_at=at(1)), executed("F2", 1)],
    }
    expected = ["update_order_acceptance", "update_order_fill", "update_order_fill"]
    for as_of, occurred in ((None, [None, None, None]), (at(5), [at(5), None, at(5)])):
        proposals = ledger.reconcile({**snapshot, "as_of": as_of}).proposals
        assert [one.operation for one in proposals] == expected
        assert [one.arguments.get("occurred_at") for one in proposals] == occurred
        assert ["occurred_at" in one.arguments for one in proposals] == [moment is not None for moment in occurred]
        assert [one.reason for one in proposals] == [
            "the broker has accepted it",
            "the broker executed it",
            "the broker executed it",
        ]


# -- listed twice -----------------------------------------------------------------------------------------------------


def test_executions_behind_one_that_is_listed_twice_are_compared(working: StrategyLedger) -> None:
    """What a page repeats is passed over, and nothing else."""
    again = executed("F1", 4, None, venue_order_id="V1")
    found = working.reconcile({"executions": [executed("F1", 4), again, executed("F2", 1)]})
    assert calls(found) == [("update_order_fill", "F1"), ("update_order_fill", "F2")]


def test_an_execution_that_is_listed_with_many_figures_is_not_proposed(working: StrategyLedger) -> None:
    """Of an order of ours and of one that nobody knows: each listing with other figures is shown."""
    many = [executed("F1", quantity) for quantity in (1, 2, 3)]
    unknown = [executed("F1", quantity, "O9") for quantity in (1, 2)]
    found = working.reconcile({"executions": [*many, *unknown]})
    assert found.proposals == ()
    twice = "the broker lists it twice, with other figures: nothing is proposed"
    assert [one.note == twice for one in found.missing_here] == [False, True, True, False, True]
    assert [one.key for one in found.missing_here] == [("O1", "F1")] * 3 + [("O9", "F1")] * 2


def test_fills_of_one_id_of_two_orders_that_nobody_knows_are_two(ledger: StrategyLedger) -> None:
    """Ids of fills are those of their order: neither is the other with other figures."""
    found = ledger.reconcile({"executions": [executed("F1", 1, "O8"), executed("F1", 2, "O9")]})
    assert [one.key for one in found.missing_here] == [("O8", "F1"), ("O9", "F1")]
    assert all("record the order" in one.note for one in found.missing_here)


# -- what counts as filled --------------------------------------------------------------------------------------------


def filled_otherwise(ledger: StrategyLedger, cum_quantity: int, *executions: dict[str, Any]) -> bool:
    """Say whether it is found that more is filled here than a broker counts, which lists some executions."""
    found = ledger.reconcile({"open_orders": [listed(cum_quantity=cum_quantity)], "executions": executions})
    (order,) = (one for one in (*found.matched, *found.different) if one.subject == "ORDER")
    assert order.fields in ((), ("cum_quantity",))
    return bool(order.fields)


def test_fills_that_are_listed_explain_a_list_of_orders_that_is_older(working: StrategyLedger) -> None:
    """All of them count together; what the broker does not list it must have counted."""
    for minute, quantity in enumerate((2, 3, 1)):
        working.update_order_fill("O1", fill(f"F{minute}", quantity), occurred_at=at(minute))
    both = executed("F0", 2), executed("F1", 3)
    assert not filled_otherwise(working, 1, *both)
    assert filled_otherwise(working, 0, *both)


def test_a_fill_that_is_listed_with_its_correction_counts_once(working: StrategyLedger) -> None:
    """Or another fill, which the broker does not list, would be taken for one that it does."""
    working.update_order_fill("O1", fill("F1", 4))
    working.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 5, "price": 100})
    working.update_order_fill("O1", fill("F2", 3))
    both = executed("F1", 4), executed("C1", 5)
    assert filled_otherwise(working, 2, *both)
    assert not filled_otherwise(working, 3, *both)


def test_a_busted_fill_that_is_listed_explains_nothing(working: StrategyLedger) -> None:
    """It is not among what is filled here."""
    for fill_id in ("F1", "F2"):
        working.update_order_fill("O1", fill(fill_id, 4))
    working.bust_order_fill("O1", "F1")
    assert filled_otherwise(working, 3, executed("F1", 4))
    assert not filled_otherwise(working, 4, executed("F1", 4))


def test_a_fill_from_before_a_split_counts_in_the_units_of_today(working: StrategyLedger) -> None:
    """The broker lists it as it was: half of what it comes to now."""
    working.update_order_fill("O1", fill("F1", 5), occurred_at=START)
    split = {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}
    working.record_adjustment("A1", split, occurred_at=at(1))
    listing = listed(quantity=20, limit_price=50, cum_quantity=0)
    found = working.reconcile({"open_orders": [listing], "executions": [executed("F1", 5)]})
    assert found.agrees
    assert [one.key for one in found.matched] == [("O1", "F1"), ("O1",)]


def test_what_waits_in_quarantine_counts_as_executed(working: StrategyLedger) -> None:
    """All of it, of whichever id the broker names the order by: nothing has failed to arrive."""
    for fill_id in ("F1", "F2"):
        with pytest.raises(OverfillError):
            working.update_order_fill("O1", fill(fill_id, 11))
    waiting = [one.quarantine_id for one in working.quarantined()]
    executions = [executed(fill_id, 11, None, venue_order_id="V1") for fill_id in ("F1", "F2")]
    found = working.reconcile({"open_orders": [listed(cum_quantity=22)], "executions": executions})
    assert found.proposals == ()
    assert [name in one.note for name, one in zip(waiting, found.missing_here, strict=True)] == [True, True]
    assert "cum_quantity" not in [name for one in found.different for name in one.fields]
    missing = working.reconcile({"open_orders": [listed(cum_quantity=23)], "executions": executions})
    assert [one.operation.value for one in missing.proposals] == ["report_order_status"]


# -- ours that the broker does not list -------------------------------------------------------------------------------


def test_a_fill_right_behind_the_last_execution_is_not_missed(working: StrategyLedger) -> None:
    """The broker was asked up to the last one: what came a microsecond later it need not list."""
    working.update_order_fill("O1", fill("F1", 1), occurred_at=START)
    working.update_order_fill("O1", fill("F2", 1), occurred_at=START + timedelta(microseconds=1))
    assert working.reconcile({"executions": [executed("F1", 1, executed_at=START)]}).agrees


def test_a_fill_in_an_account_that_the_snapshot_does_not_speak_of_is_not_missed(ledger: StrategyLedger) -> None:
    """Nor one at another venue; those at the venue and in the account that it speaks of are."""
    for order_id, venue, account in (("O1", "X", "A"), ("O2", "X", "B"), ("O3", "Y", "A"), ("O4", "X", "A")):
        ledger.record_order(order_id, market_order(venue=venue, account=account), occurred_at=START)
        ledger.update_order_fill(order_id, fill("F1", 1), occurred_at=START)
    snapshot = {"executions": [executed("F1", 1, executed_at=START)], "venue": "X", "account": "A"}
    assert [one.key for one in ledger.reconcile(snapshot).missing_there] == [("O4", "F1")]


def test_more_fills_than_a_page_of_answers_holds_are_all_compared(working: StrategyLedger) -> None:
    """The last of very many is known, and each that the broker does not list is missed."""
    working.update_order_restatement("O1", {"quantity": 2000})
    with working.batch() as batch:
        for number in range(1002):
            batch.update_order_fill("O1", fill(f"F{number}", 1), occurred_at=START + timedelta(seconds=number))
    said = [
        executed(f"F{number}", 1, executed_at=START + timedelta(seconds=number), symbol="ACME") for number in (0, 1001)
    ]
    found = working.reconcile({"executions": said})
    assert [one.key for one in found.matched] == [("O1", "F0"), ("O1", "F1001")]
    assert [one.key for one in found.missing_there] == [("O1", f"F{number}") for number in range(1, 1001)]
