"""Reconciling orders: what is said of each, what is proposed, word for word, and where nothing is concluded."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from contextlib import suppress
from typing import Any

import pytest

from ledger_core import CommandRefused, StrategyLedger
from ledger_core.reconciling import Comparison, Proposal, Reconciliation
from ledger_core.testing import samples
from ledger_storage_memory import MemoryRepository
from support import SteppingClock, fill, limit_order, market_order
from support.trading import at

CASH = {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "cash_quantity": 1000, "cash_currency": "USD"}


def listed(order_id: str | None = "O1", quantity: object = 10, **more: Any) -> dict[str, Any]:
    """Return an order in ACME as a broker lists it."""
    return {"order_id": order_id, "symbol": "ACME", "side": "BUY", "quantity": quantity, **more}


def execution(fill_id: str, quantity: object, order_id: str | None = "O1", **more: Any) -> dict[str, Any]:
    """Return an execution at 100 as a broker lists it."""
    return {"fill_id": fill_id, "quantity": quantity, "price": 100, "order_id": order_id, **more}


def calls(found: Reconciliation) -> list[str]:
    """Return which operations are proposed."""
    return [one.operation.value for one in found.proposals]


def of_order(found: Reconciliation) -> Comparison:
    """Return what was found of the one order that both sides know."""
    (one,) = (one for one in (*found.matched, *found.different) if one.subject == "ORDER")
    return one


def said(found: Reconciliation) -> tuple[tuple[str, ...], str]:
    """Return which fields of the one order differ, and the note on it."""
    one = of_order(found)
    return one.fields, one.note


# -- orders that are unknown here -------------------------------------------------------------------------------------


def test_order_unknown_here_is_told_and_recorded_as_the_broker_lists_it(ledger: StrategyLedger) -> None:
    """All that the broker says of it is shown and recorded; what it leaves out is the snapshot's, or not said."""
    terms = {"limit_price": 99, "stop_price": 98, "position_side": "LONG", "time_in_force": "GTC"}
    theirs = listed("X1", venue_order_id="V1", venue="X", cum_quantity=0, status="ACCEPTED", **terms)
    snapshot = {"open_orders": [{**theirs, "order_type": "STOP_LIMIT"}], "account": "main", "as_of": at(5)}
    found = ledger.reconcile(snapshot)
    (missing,) = found.missing_here
    assert (missing.subject, missing.key, missing.ours, missing.note) == ("ORDER", ("X1",), None, "")
    names = ("symbol", "side", "quantity", "cum_quantity", "limit_price", "stop_price", "status", "venue")
    assert missing.theirs == {**{name: theirs[name] for name in names}, "venue_order_id": "V1"}
    recording, acceptance = found.proposals
    details = {name: theirs[name] for name in ("symbol", "side", "quantity", "venue", "venue_order_id")}
    details = {**details, **terms, "order_type": "STOP_LIMIT", "account": "main", "origin": "EXTERNAL"}
    assert recording == Proposal(
        operation=recording.operation,
        arguments={"order_id": "X1", "order_details": details, "occurred_at": at(5)},
        reason="the broker has an order that is unknown here",
    )
    assert acceptance == Proposal(
        operation=acceptance.operation,
        arguments={"order_id": "X1", "acceptance_data": {"venue_order_id": "V1"}, "occurred_at": at(5)},
        reason="the broker has accepted it",
    )
    assert calls(found) == ["record_order", "update_order_acceptance"]


@pytest.mark.parametrize(("keys", "executions", "proposed"), [
    ({}, [], []),
    ({"cum_quantity": 4}, [4], []),
    ({"cum_quantity": 4}, [3, 1], []),
    ({"cum_quantity": 5}, [4], ["report_order_status"]),
    ({"cum_quantity": 3}, [4], []),
    ({"status": "FILLED"}, [4], ["report_order_status"]),
    ({"status": "FILLED"}, [4, 6], []),
    ({"status": "PARTIALLY_FILLED"}, [4], []),
    ({"status": "FILLED", "cum_quantity": 10}, [], ["report_order_status"]),
])  # fmt: skip
def test_order_unknown_here_is_reported_where_its_executions_do_not_explain_it(
    ledger: StrategyLedger, keys: dict[str, Any], executions: list[int], proposed: list[str]
) -> None:
    """A count, or an end, that the listed executions come up to needs no report."""
    told = [execution(f"F{number}", quantity, "X1") for number, quantity in enumerate(executions)]
    found = ledger.reconcile({"open_orders": [listed("X1", **keys)], "executions": told})
    booked = ["record_order", "update_order_acceptance", *["update_order_fill"] * len(told)]
    assert calls(found) == booked + proposed
    if proposed:
        assert found.proposals[-1].arguments == {"order_id": "X1", "report": keys}


def test_what_waits_for_an_order_that_is_unknown_here_explains_its_count(ledger: StrategyLedger) -> None:
    """A fill in quarantine is booked with its order: the count that includes it is no news, a higher one is."""
    with suppress(CommandRefused):
        ledger.update_order_fill(None, fill("F1", 4, venue_order_id="V1", symbol="ACME"))
    executions = [execution("F1", 4, None, venue_order_id="V1"), execution("F2", 1, None, venue_order_id="V1")]
    for count, reported in ((5, False), (6, True)):
        theirs = listed(None, venue_order_id="V1", cum_quantity=count)
        found = ledger.reconcile({"open_orders": [theirs], "executions": executions})
        assert ("report_order_status" in calls(found)) is reported


# -- what is said of an order that both sides know --------------------------------------------------------------------


def test_both_sides_of_an_order_are_shown(ledger: StrategyLedger) -> None:
    """What either says of it, where it agrees and where it differs; no note where there is nothing to say."""
    ledger.record_order("O1", limit_order(venue="X", account="A"))
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    ours = {"symbol": "ACME", "side": "BUY", "quantity": 10, "cum_quantity": 0, "limit_price": 100}
    ours = {**ours, "status": "ACCEPTED", "venue": "X", "account": "A", "venue_order_ids": ("V1",)}
    for price, fields in ((100, ()), (101, ("limit_price",))):
        theirs = listed(None, venue_order_id="V1", limit_price=price)
        one = of_order(ledger.reconcile({"open_orders": [theirs]}))
        assert (one.key, one.ours, one.fields, one.note) == (("O1",), ours, fields, "")
        assert one.theirs == {name: value for name, value in theirs.items() if value is not None}


def test_order_that_is_listed_twice_as_open_is_shown_with_the_last_of_its_listings(ledger: StrategyLedger) -> None:
    """What is unclear is under which id it works there."""
    ledger.record_order("O1", market_order())
    found = ledger.reconcile({"open_orders": [listed(venue_order_id="V1"), listed(venue_order_id="V2")]})
    assert said(found) == (("venue_order_id",), "the broker lists it several times as open: nothing is concluded")
    assert (of_order(found).theirs or {})["venue_order_id"] == "V2"
    assert (found.proposals, found.missing_there) == ((), ())


def test_every_open_order_must_be_listed_however_many_there_are() -> None:
    """More than a question gives at once are compared, too."""
    repository = MemoryRepository(strategy_id="alpha")
    repository.restore(samples.order(f"O-{number}", sequence=number) for number in range(1, 1_003))
    assert len(StrategyLedger(repository).reconcile({"open_orders": []}).missing_there) == 1_002


# -- answers and ids --------------------------------------------------------------------------------------------------


def test_new_id_of_an_order_that_works_is_an_acceptance_and_nothing_else(ledger: StrategyLedger) -> None:
    """The venue gave it another id: its quantity, known here, does not come with it."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    found = ledger.reconcile({"open_orders": [listed(venue_order_id="V2")]})
    assert said(found) == (("venue_order_id",), "")
    assert [one.arguments for one in found.proposals] == [
        {"order_id": "O1", "acceptance_data": {"venue_order_id": "V2"}}
    ]


def test_id_that_comes_with_a_refusal_is_reported_with_it(ledger: StrategyLedger) -> None:
    """No acceptance is made of it, or the refusal that follows would find an accepted order."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    found = ledger.reconcile({"open_orders": [listed(venue_order_id="V2", status="REJECTED")]})
    assert said(found) == (("venue_order_id", "status"), "")
    (report,) = found.proposals
    assert report == Proposal(
        operation=report.operation,
        arguments={"order_id": "O1", "report": {"status": "REJECTED", "venue_order_id": "V2"}},
        reason="the broker says so of it, and no execution does",
    )
    report.apply(ledger)
    assert (ledger.get_order("O1").state, ledger.get_order("O1").venue_order_ids) == ("REJECTED", ("V1", "V2"))


def test_quantity_of_a_cash_order_is_taken_once_and_from_an_acceptance_alone(ledger: StrategyLedger) -> None:
    """Not from a broker that has not accepted it, nor for an order that is over here."""
    ledger.record_order("O1", CASH)
    accepted = ledger.reconcile({"open_orders": [listed()]})
    assert said(accepted) == (("status", "quantity"), "")
    assert [one.arguments["acceptance_data"] for one in accepted.proposals] == [{"quantity": 10}]
    assert ledger.reconcile({"open_orders": [listed(status="PLACED")]}).agrees
    refused = ledger.reconcile({"open_orders": [listed(status="REJECTED")]})
    assert (said(refused), calls(refused)) == ((("status",), ""), ["report_order_status"])
    ledger.update_order_acceptance("O1")
    working = ledger.reconcile({"open_orders": [listed()]})
    assert (said(working), calls(working)) == ((("quantity",), ""), ["update_order_acceptance"])
    ledger.update_order_cancellation("O1")
    assert ledger.reconcile({"open_orders": [listed(status="CANCELED")]}).agrees
    over = ledger.reconcile({"open_orders": [listed()]})
    assert (of_order(over).fields, over.proposals) == (("status",), ())


@pytest.mark.parametrize("fills", [[], [execution("F1", 4)], [execution("F1", 4), execution("F2", 6)]])
def test_cash_order_that_is_filled_there_is_complete_with_the_quantity_listed(
    ledger: StrategyLedger, fills: list[dict[str, Any]]
) -> None:
    """Only where the executions fall short of it have fills not arrived."""
    ledger.record_order("O1", CASH)
    ledger.update_order_acceptance("O1")
    found = ledger.reconcile({"open_orders": [listed(status="FILLED")], "executions": fills})
    missing = "fills have not arrived: ask for the order's executions"
    assert said(found) == ((("quantity",), "") if len(fills) == 2 else (("quantity", "status"), missing))
    assert ("report_order_status" in calls(found)) is (len(fills) < 2)


# -- how far it is filled ---------------------------------------------------------------------------------------------


def test_order_that_is_filled_here_and_open_there_is_told(ledger: StrategyLedger) -> None:
    """Unless the executions in the snapshot show that its list of orders is the older part of it."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 4))
    ledger.update_order_fill("O1", fill("F2", 6))
    note = "it is filled here and open there: the broker's list may be older, or a fill here may have been busted"
    surplus = "more is filled here than the broker counts: a bust may not have arrived, or the list is older"
    without = ledger.reconcile({"open_orders": [listed()]})
    assert (said(without), without.proposals) == ((("status",), note), ())
    assert said(ledger.reconcile({"open_orders": [listed(cum_quantity=10)]})) == (("status",), note)
    newer = {"executions": [execution("F2", 6)]}
    assert ledger.reconcile({"open_orders": [listed(cum_quantity=4)], **newer}).agrees
    assert ledger.reconcile({"open_orders": [listed()], **newer}).agrees
    less = ledger.reconcile({"open_orders": [listed(cum_quantity=3)], **newer})
    assert said(less) == (("status", "cum_quantity"), f"{note}; {surplus}")


def test_fill_that_waits_in_quarantine_is_no_fill_that_has_not_arrived(ledger: StrategyLedger) -> None:
    """The broker's count includes an overfill that a person has yet to decide on."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1")
    with suppress(CommandRefused):
        ledger.update_order_fill("O1", fill("F1", 11))
    for count, fields in ((11, ()), (12, ("cum_quantity",))):
        theirs = listed(cum_quantity=count)
        assert said(ledger.reconcile({"open_orders": [theirs], "executions": [execution("F1", 11)]}))[0] == fields


@pytest.mark.parametrize(("count", "fields"), [(5, ()), (6, ("cum_quantity",))])
def test_execution_that_takes_the_place_of_an_inferred_fill_counts_once(
    ledger: StrategyLedger, count: int, fields: tuple[str, ...]
) -> None:
    """Of 4 inferred, 4 give way: 5 executed are 5 filled, and a count of 6 says that one has not arrived."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1")
    ledger.update_order_fill("O1", fill("I1", 4, inferred=True))
    found = ledger.reconcile({"open_orders": [listed(cum_quantity=count)], "executions": [execution("F1", 5)]})
    assert said(found)[0] == fields


@pytest.mark.parametrize(("executed_at", "counted"), [(at(1), 8), (at(49), 8), (at(50), 4), (None, 4)])
def test_execution_from_before_a_split_counts_in_new_units(
    ledger: StrategyLedger, executed_at: object, counted: int
) -> None:
    """One of the split's very moment, told after it, and one without a time, are in the new units as they are."""
    ledger.record_order("O1", market_order(), occurred_at=at(0))
    ledger.update_order_acceptance("O1", occurred_at=at(0))
    ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(50))
    said_of = {"executions": [execution("F1", 4, executed_at=executed_at)]}
    for count, agrees in ((counted, True), (counted + 1, False)):
        found = ledger.reconcile({"open_orders": [listed(quantity=20, cum_quantity=count)], **said_of})
        assert (said(found) == ((), "")) is agrees


def test_execution_of_the_very_moment_of_a_split_follows_it_however_much_was_written_before() -> None:
    """It is the latest of that moment: the place of the split in the journal is no matter."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    ledger.record_order("O1", market_order(), occurred_at=at(0))
    ledger.update_order_acceptance("O1", occurred_at=at(0))
    for number in range(130):
        ledger.update_order_suspension("O1", occurred_at=at(number))
        ledger.update_order_resumption("O1", occurred_at=at(number))
    ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(200))
    for count, fields in ((4, ()), (5, ("cum_quantity",))):
        theirs = listed(quantity=20, cum_quantity=count)
        found = ledger.reconcile({"open_orders": [theirs], "executions": [execution("F1", 4, executed_at=at(200))]})
        assert said(found)[0] == fields


# -- terms ------------------------------------------------------------------------------------------------------------


def test_other_terms_are_restated_with_what_differs_and_why(ledger: StrategyLedger) -> None:
    """In the words that the order keeps: it was reconciled."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    (restatement,) = ledger.reconcile({"open_orders": [listed(quantity=12)], "as_of": at(5)}).proposals
    changes = {"changes": {"quantity": 12}, "reason": "reconciled with the broker"}
    assert restatement == Proposal(
        operation=restatement.operation,
        arguments={"order_id": "O1", **changes, "occurred_at": at(5)},
        reason="the broker has other terms",
    )


def test_terms_of_an_order_that_is_filled_there_are_restated_before_its_fills(ledger: StrategyLedger) -> None:
    """Or the last of them would be an overfill."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    snapshot = {"open_orders": [listed(quantity=12, status="FILLED")], "executions": [execution("F1", 12)]}
    found = ledger.reconcile(snapshot)
    assert (said(found), calls(found)) == (
        (("quantity",), ""),
        ["update_order_restatement", "update_order_fill"],
    )


def test_raise_that_the_executions_do_not_come_up_to_leaves_fills_missing(ledger: StrategyLedger) -> None:
    """It is complete by the quantity that it has then, not by the one it had."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    snapshot = {"open_orders": [listed(quantity=12, status="FILLED")], "executions": [execution("F1", 10)]}
    found = ledger.reconcile(snapshot)
    assert said(found) == (("quantity", "status"), "fills have not arrived: ask for the order's executions")
    assert calls(found) == ["update_order_restatement", "update_order_fill", "report_order_status"]


def test_request_that_asked_for_the_terms_is_the_one_that_is_answered(ledger: StrategyLedger) -> None:
    """Not one to cancel, not one that was refused, not one for other terms: whatever their order."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.request_order_replace("O1", {"quantity": 12}, "R1")
    ledger.update_order_request_rejection("O1", "R1")
    ledger.request_order_cancel("O1", "C1")
    ledger.request_order_replace("O1", {"quantity": 11}, "R2")
    ledger.request_order_replace("O1", {"quantity": 12}, "R3")
    (answer,) = ledger.reconcile({"open_orders": [listed(quantity=12)]}).proposals
    assert answer == Proposal(
        operation=answer.operation,
        arguments={"order_id": "O1", "request_id": "R3"},
        reason="the broker has the terms that were asked for",
    )


def test_terms_beyond_what_was_asked_for_are_restated(ledger: StrategyLedger) -> None:
    """The request is for one of the terms that differ, or for none that is compared: neither was granted by this."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.request_order_replace("O1", {"time_in_force": "GTC"}, "R1")
    ledger.request_order_replace("O1", {"quantity": 12}, "R2")
    same = ledger.reconcile({"open_orders": [listed(limit_price=100)]})
    assert (said(same), same.proposals) == (((), ""), ())
    found = ledger.reconcile({"open_orders": [listed(quantity=12, limit_price=101)]})
    assert (calls(found), said(found)) == (["update_order_restatement"], (("quantity", "limit_price"), ""))


def test_pending_replace_hides_what_was_asked_for_and_nothing_else(ledger: StrategyLedger) -> None:
    """Terms that nobody asked for are the broker's, also while it considers others; ours are complete as they are."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.request_order_replace("O1", {"quantity": 12}, "R1")
    asked = {"open_orders": [listed(quantity=12, status="PENDING_REPLACE")]}
    assert ledger.reconcile(asked).agrees
    other = ledger.reconcile({"open_orders": [listed(quantity=13, status="PENDING_REPLACE")]})
    assert (said(other), calls(other)) == ((("quantity",), ""), ["update_order_restatement"])
    ledger.update_order_fill("O1", fill("F1", 10))
    assert said(ledger.reconcile(asked))[0] == ("status",)


@pytest.mark.parametrize(("ours", "theirs", "fields"), [
    (10, 5, ("quantity", "status")),
    (10, 6, ("quantity",)),
    (6, 5, ()),
    (10, 10, ("status",)),
])  # fmt: skip
def test_quantity_below_what_was_executed_is_told(
    ledger: StrategyLedger, ours: int, theirs: int, fields: tuple[str, ...]
) -> None:
    """Where ours is not what was executed: a cut below it is clamped up to it, here as there; it is complete by ours."""
    ledger.record_order("O1", market_order(quantity=ours))
    ledger.update_order_acceptance("O1")
    snapshot = {"open_orders": [listed(quantity=theirs, status="FILLED")], "executions": [execution("F1", 6)]}
    found = ledger.reconcile(snapshot)
    assert of_order(found).fields == fields
    assert ("update_order_restatement" in calls(found)) is (theirs == 6)
    too_small = (
        "more was executed than the quantity that the broker lists: update_order_restatement books it, if it is so"
    )
    assert (too_small in of_order(found).note) is ((ours, theirs) == (10, 5))
