"""Reconciling with a broker: what is found, what is proposed, and that nothing changes until it is applied."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ledger_core import CommandRefused, InvalidValue, OverfillError, StrategyLedger
from ledger_core.reconciling import Comparison, Reconciliation
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, limit_order, market_order

LATER = START + timedelta(hours=1)


def listed(order_id: str | None = None, quantity: object = 10, **more: Any) -> dict[str, Any]:
    """Return an order in ACME as a broker lists it."""
    return {"order_id": order_id, "symbol": "ACME", "side": "BUY", "quantity": quantity, **more}


def execution(fill_id: str, quantity: object, price: object = 100, order_id: str | None = "O1", **more: Any) -> Any:
    """Return an execution as a broker lists it."""
    return {"fill_id": fill_id, "quantity": quantity, "price": price, "order_id": order_id, **more}


def holding(quantity: object, **more: Any) -> dict[str, Any]:
    """Return a position in ACME as a broker lists it."""
    return {"symbol": "ACME", "quantity": quantity, **more}


def calls(found: Reconciliation) -> list[tuple[str, str]]:
    """Return (operation, order id) of what is proposed."""
    return [(one.operation.value, one.arguments["order_id"]) for one in found.proposals]


def keys(findings: Sequence[Comparison]) -> list[tuple[str, tuple[str, ...]]]:
    """Return (subject, key) of findings."""
    return [(one.subject.value, one.key) for one in findings]


def applied(ledger: StrategyLedger, snapshot: Any) -> Reconciliation:
    """Apply what is proposed, twice, and reconcile again: the second time changes nothing, the rest is proposed no more."""
    head = ledger.head()
    found = ledger.reconcile(snapshot)
    assert ledger.head() == head, "reconciling changes nothing"
    for proposal in found.proposals:
        proposal.apply(ledger)
    after = ledger.head()
    for proposal in found.proposals:
        proposal.apply(ledger)
    assert ledger.head() == after, "a proposal that is applied again is a repeat"
    again = ledger.reconcile(snapshot)
    assert again.proposals == ()
    assert not again.missing_here
    return again


def test_agreement_is_matched_and_proposes_nothing(ledger: StrategyLedger) -> None:
    """An order, its fill and its position, known to both sides alike."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    ledger.update_order_fill("O1", fill("F1", 4, executed_at=LATER))
    found = ledger.reconcile(
        {
            "open_orders": [
                listed("O1", venue_order_id="V1", limit_price="100.00", cum_quantity=4, status="PARTIALLY_FILLED")
            ],
            "executions": [execution("F1", 4, side="BUY", symbol="ACME", executed_at=LATER)],
            "positions": [holding(4)],
        },
    )
    assert keys(found.matched) == [
        ("FILL", ("O1", "F1")),
        ("ORDER", ("O1",)),
        ("POSITION", ("ACME", "", "", "")),
    ]
    assert found.agrees
    assert found.proposals == ()


def test_a_part_that_was_not_asked_for_is_not_compared(ledger: StrategyLedger) -> None:
    """Absent means not asked; an empty list means that the broker has none."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 4))
    assert ledger.reconcile({"executions": []}) == Reconciliation()
    assert ledger.reconcile({"open_orders": None, "positions": None, "executions": ()}).agrees
    found = ledger.reconcile({"open_orders": [], "positions": []})
    assert keys(found.missing_there) == [("ORDER", ("O1",)), ("POSITION", ("ACME", "", "", "NET"))]
    assert found.proposals == ()


def test_nothing_changes_until_a_proposal_is_applied(ledger: StrategyLedger) -> None:
    """Head and records are those from before; applying is what changes them."""
    order = ledger.record_order("O1", market_order())
    head = ledger.head()
    found = ledger.reconcile({"open_orders": [listed("O1", venue_order_id="V1")], "executions": [execution("F1", 4)]})
    assert ledger.head() == head
    assert ledger.get_order("O1") == order
    assert calls(found) == [("update_order_acceptance", "O1"), ("update_order_fill", "O1")]
    assert [proposal.apply(ledger).state for proposal in found.proposals] == ["ACCEPTED", "PARTIALLY_FILLED"]


def test_proposals_can_be_applied_in_one_batch(ledger: StrategyLedger) -> None:
    """All of them or none: a batch takes them as the ledger does."""
    ledger.record_order("O1", market_order())
    found = ledger.reconcile({"executions": [execution("F1", 4), execution("F2", 6)]})
    with ledger.batch() as batch:
        for proposal in found.proposals:
            proposal.apply(batch)
    assert ledger.get_order("O1").state == "FILLED"


def test_missing_execution_is_booked_as_the_broker_says(ledger: StrategyLedger) -> None:
    """Everything that the broker says of it arrives: time, fees, liquidity, trade date."""
    ledger.record_order("O1", market_order())
    said = execution("F1", 4, "101.50", executed_at=LATER, trade_date="2026-01-06", liquidity="MAKER", symbol="ACME")
    found = ledger.reconcile({"executions": [{**said, "fee": "0.1", "fee_currency": "USD", "venue_order_id": "V1"}]})
    assert keys(found.missing_here) == [("FILL", ("O1", "F1"))]
    found.proposals[0].apply(ledger)
    booked = ledger.get_fill("O1", "F1")
    assert (booked.quantity, booked.price, booked.executed_at) == (4, Decimal("101.50"), LATER)
    assert (booked.liquidity, str(booked.trade_date), booked.fees[0].amount) == ("MAKER", "2026-01-06", Decimal("0.1"))
    assert ledger.get_order("O1").venue_order_ids == ("V1",)


def test_facts_without_a_time_occurred_when_the_snapshot_was_taken(ledger: StrategyLedger) -> None:
    """`as_of` stands in where the broker names no time."""
    ledger.record_order("O1", market_order())
    for proposal in ledger.reconcile({"executions": [execution("F1", 4)], "as_of": LATER}).proposals:
        proposal.apply(ledger)
    assert ledger.get_fill("O1", "F1").executed_at == LATER


def test_missing_executions_are_proposed_in_the_order_of_time(ledger: StrategyLedger) -> None:
    """Whatever the order in which the broker lists them; those without a time come last."""
    ledger.record_order("O1", market_order())
    ledger.record_order("O2", market_order())
    times = {"F3": None, "F2": LATER + timedelta(seconds=1), "F1": LATER}
    said = [execution(name, 1, order_id="O1" if name == "F2" else "O2", executed_at=at) for name, at in times.items()]
    found = ledger.reconcile({"executions": said})
    assert [one.arguments["fill_data"]["fill_id"] for one in found.proposals] == ["F1", "F2", "F3"]


@pytest.mark.parametrize("client_id", ["theirs-1", None])
def test_order_unknown_here_is_recorded_accepted_and_filled(ledger: StrategyLedger, client_id: str | None) -> None:
    """Under the client's id, else under EXT- and the venue's; its origin says where it came from."""
    order_id = client_id or "EXT-V1"
    snapshot = {
        "open_orders": [
            listed(client_id, venue_order_id="V1", limit_price=99, cum_quantity=4, venue="X", order_type="LIMIT")
        ],
        "executions": [execution("F1", 4, order_id=None, venue_order_id="V1")],
        "positions": [holding(4, account="main")],
        "account": "main",
    }
    found = ledger.reconcile(snapshot)
    assert keys(found.missing_here) == [("FILL", (order_id, "F1")), ("ORDER", (order_id,))]
    assert [operation for operation, _ in calls(found)] == [
        "record_order",
        "update_order_acceptance",
        "update_order_fill",
    ]
    assert keys(found.matched) == [("POSITION", ("ACME", "", "main", ""))]
    assert applied(ledger, snapshot).agrees
    order = ledger.get_order(order_id)
    assert (order.state, order.cum_quantity, order.details.origin) == ("PARTIALLY_FILLED", 4, "EXTERNAL")
    assert (order.venue, order.account, order.venue_order_ids) == ("X", "main", ("V1",))
    assert (order.limit_price, order.details.order_type) == (99, "LIMIT")


def test_type_of_an_order_that_nobody_told_is_not_guessed(ledger: StrategyLedger) -> None:
    """OTHER, not MARKET."""
    applied(ledger, {"open_orders": [listed("X1", status="PLACED")]})
    assert ledger.get_order("X1").details.order_type == "OTHER"
    assert ledger.get_order("X1").state == "PLACED"


def test_ids_that_are_taken_are_not_taken_again(ledger: StrategyLedger) -> None:
    """The venue's id may be in use in two symbols; a client id that is a trade's cannot be an order's."""
    applied(ledger, {"open_orders": [listed(venue_order_id="V1"), {**listed(venue_order_id="V1"), "symbol": "OTHER"}]})
    assert [order.order_id for order in ledger.find_orders()] == ["EXT-V1", "EXT-OTHER-V1"]
    ledger.update_order_fill("EXT-V1", fill("F1", 1))
    ledger.create_trade("T1", ["EXT-V1"])
    found = ledger.reconcile({"open_orders": [listed("T1")], "executions": [execution("F9", 1, order_id="T1")]})
    assert found.proposals == ()
    assert all("no id is free" in one.note for one in found.missing_here[:2])


def test_execution_of_an_order_that_nobody_knows_is_only_found(ledger: StrategyLedger) -> None:
    """Its order's quantity would be a guess: a person records it."""
    found = ledger.reconcile({"open_orders": [], "executions": [execution("F1", 4, order_id="O9")]})
    assert keys(found.missing_here) == [("FILL", ("O9", "F1"))]
    assert "record the order" in found.missing_here[0].note
    assert found.proposals == ()


@pytest.mark.parametrize("doubt", [False, True])
def test_order_that_was_never_answered_is_accepted_as_the_broker_lists_it(ledger: StrategyLedger, doubt: bool) -> None:
    """PLACED and IN_DOUBT end with the broker's word, which brings its id."""
    ledger.record_order("O1", market_order())
    if doubt:
        ledger.update_order_in_doubt("O1")
    snapshot = {"open_orders": [listed("O1", venue_order_id="V1", status="ACCEPTED")]}
    found = ledger.reconcile(snapshot)
    assert [one.fields for one in found.different] == [("status", "venue_order_id")]
    assert calls(found) == [("update_order_acceptance", "O1")]
    assert applied(ledger, snapshot).agrees
    assert (ledger.get_order("O1").state, ledger.get_order("O1").venue_order_ids) == ("ACCEPTED", ("V1",))


def test_order_that_the_broker_has_not_acknowledged_is_not_accepted(ledger: StrategyLedger) -> None:
    """Pending there, placed here: that is agreement, and its new id is kept without an acceptance."""
    ledger.record_order("O1", market_order())
    assert ledger.reconcile({"open_orders": [listed("O1", status="PLACED")]}).agrees
    assert applied(ledger, {"open_orders": [listed("O1", status="PLACED", venue_order_id="V1")]}).agrees
    assert (ledger.get_order("O1").state, ledger.get_order("O1").venue_order_ids) == ("PLACED", ("V1",))


def test_placed_order_that_the_broker_does_not_know_is_in_doubt(ledger: StrategyLedger) -> None:
    """The one thing that can be said of it; what became of the others is not guessed."""
    for order_id in ("PLACED", "ACCEPTED", "DOUBT", "FILLED"):
        ledger.record_order(order_id, market_order())
    ledger.update_order_acceptance("ACCEPTED")
    ledger.request_order_cancel("ACCEPTED")
    ledger.update_order_in_doubt("DOUBT")
    ledger.update_order_fill("FILLED", fill("F1", 10))
    found = ledger.reconcile({"open_orders": []})
    assert calls(found) == [("update_order_in_doubt", "PLACED")]
    assert keys(found.missing_there) == [("ORDER", ("PLACED",)), ("ORDER", ("ACCEPTED",)), ("ORDER", ("DOUBT",))]
    assert all("update_order_cancellation" in one.note for one in found.missing_there)
    assert ["a cancel is in flight" in one.note for one in found.missing_there] == [False, True, False]
    assert len(applied(ledger, {"open_orders": []}).missing_there) == 3
    assert ledger.get_order("PLACED").state == "IN_DOUBT"


def test_missing_executions_end_an_order_that_the_broker_does_not_list(ledger: StrategyLedger) -> None:
    """They complete it: nothing else is proposed, and nothing is left."""
    ledger.record_order("O1", market_order())
    snapshot = {"open_orders": [], "executions": [execution("F1", 4), execution("F2", 6)], "positions": [holding(10)]}
    found = ledger.reconcile(snapshot)
    assert calls(found) == [("update_order_fill", "O1"), ("update_order_fill", "O1")]
    assert [one.note for one in found.missing_there] == ["the executions that are missing here complete it"]
    assert applied(ledger, snapshot).agrees
    assert ledger.get_order("O1").state == "FILLED"


def test_order_placed_after_the_snapshot_is_not_missed(ledger: StrategyLedger) -> None:
    """What happened here after `as_of` the broker could not list: neither an order nor a fill nor what it moved."""
    ledger.record_order("O1", market_order(placed_at=START))
    ledger.update_order_fill("O1", fill("F1", 10, executed_at=START))
    ledger.record_order("O2", market_order(placed_at=LATER))
    ledger.update_order_fill("O2", fill("F2", 3, executed_at=LATER))
    snapshot = {"open_orders": [], "positions": [holding(10)], "as_of": LATER - timedelta(seconds=1)}
    assert ledger.reconcile(snapshot).agrees
    assert not ledger.reconcile({**snapshot, "as_of": LATER + timedelta(seconds=1)}).agrees


def test_other_terms_are_restated(ledger: StrategyLedger) -> None:
    """Quantity and prices as the broker has them; what it leaves out is not compared."""
    ledger.record_order("O1", {**limit_order(), "order_type": "STOP_LIMIT", "stop_price": 98})
    ledger.update_order_acceptance("O1")
    snapshot = {"open_orders": [listed("O1", 12, limit_price="100.5")]}
    found = ledger.reconcile(snapshot)
    assert [one.fields for one in found.different] == [("quantity", "limit_price")]
    assert calls(found) == [("update_order_restatement", "O1")]
    assert found.proposals[0].arguments["changes"] == {"quantity": 12, "limit_price": Decimal("100.5")}
    assert applied(ledger, snapshot).agrees
    order = ledger.get_order("O1")
    assert (order.quantity, order.limit_price, order.stop_price) == (12, Decimal("100.5"), 98)


def test_a_raise_is_restated_before_its_fills_and_opens_a_filled_order(ledger: StrategyLedger) -> None:
    """Or the fills would be overfills."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 10))
    snapshot = {
        "open_orders": [listed("O1", 15, cum_quantity=12)],
        "executions": [execution("F1", 10), execution("F2", 2)],
    }
    assert calls(ledger.reconcile(snapshot)) == [("update_order_restatement", "O1"), ("update_order_fill", "O1")]
    assert applied(ledger, snapshot).agrees
    assert (ledger.get_order("O1").state, ledger.get_order("O1").cum_quantity) == ("PARTIALLY_FILLED", 12)


def test_terms_that_were_asked_for_answer_the_request(ledger: StrategyLedger) -> None:
    """A replace in flight whose terms the broker has was accepted; while it is pending there, nothing is concluded."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.request_order_replace("O1", {"quantity": 12, "limit_price": 101}, "R1")
    assert ledger.reconcile({"open_orders": [listed("O1", limit_price=100)]}).agrees
    asked = listed("O1", 12, limit_price=101)
    assert ledger.reconcile({"open_orders": [{**asked, "status": "PENDING_REPLACE"}]}).agrees
    assert calls(ledger.reconcile({"open_orders": [asked]})) == [("update_order_replacement", "O1")]
    assert applied(ledger, {"open_orders": [asked]}).agrees
    assert (ledger.get_order("O1").status, ledger.unresolved().requests) == ("ACCEPTED", ())


def test_terms_that_nobody_asked_for_leave_the_request_in_flight(ledger: StrategyLedger) -> None:
    """Half of what was asked is not what was asked."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.request_order_replace("O1", {"quantity": 12, "limit_price": 101}, "R1")
    snapshot = {"open_orders": [listed("O1", 12, limit_price=100)]}
    assert calls(ledger.reconcile(snapshot)) == [("update_order_restatement", "O1")]
    assert applied(ledger, snapshot).agrees
    assert len(ledger.unresolved().requests) == 1


def test_fills_that_have_not_arrived_are_reported_not_invented(ledger: StrategyLedger) -> None:
    """The broker counts more than its executions explain: that is kept, shown, and proposed once."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1")
    snapshot = {
        "open_orders": [listed("O1", cum_quantity=7, status="PARTIALLY_FILLED")],
        "executions": [execution("F1", 4)],
    }
    assert calls(ledger.reconcile(snapshot)) == [("update_order_fill", "O1"), ("report_order_status", "O1")]
    again = applied(ledger, snapshot)
    assert [(one.key, one.fields) for one in again.different] == [(("O1",), ("cum_quantity",))]
    assert "have not arrived" in again.different[0].note
    order = ledger.get_order("O1")
    assert (order.cum_quantity, order.missing_quantity) == (4, 3)


def test_executions_that_explain_the_count_need_no_report(ledger: StrategyLedger) -> None:
    """Nor is it a difference."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1")
    snapshot = {"open_orders": [listed("O1", cum_quantity=4)], "executions": [execution("F1", 4)]}
    assert calls(ledger.reconcile(snapshot)) == [("update_order_fill", "O1")]
    assert applied(ledger, snapshot).agrees


def test_list_of_orders_that_is_older_than_the_executions_is_no_difference(ledger: StrategyLedger) -> None:
    """The broker was asked for one after the other, and the order was filled in between."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F0", 2, executed_at=START))
    snapshot = {"open_orders": [listed("O1", cum_quantity=2)], "executions": [execution("F1", 8, executed_at=LATER)]}
    assert calls(ledger.reconcile(snapshot)) == [("update_order_fill", "O1")]
    assert applied(ledger, snapshot).agrees
    assert ledger.get_order("O1").state == "FILLED"


def test_more_filled_here_than_there_is_found(ledger: StrategyLedger) -> None:
    """Nothing is taken back on a count alone."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 4))
    found = ledger.reconcile({"open_orders": [listed("O1", cum_quantity=1)]})
    assert [one.fields for one in found.different] == [("cum_quantity",)]
    assert "bust" in found.different[0].note
    assert found.proposals == ()


@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED", "REJECTED"])
def test_end_that_the_broker_tells_is_booked_after_the_fills(ledger: StrategyLedger, status: str) -> None:
    """Some brokers list what has just ended: none of the fills before it is late."""
    ledger.record_order("O1", market_order())
    snapshot = {
        "open_orders": [listed("O1", status=status, cum_quantity=4, venue_order_id="V1", limit_price=55)],
        "executions": [execution("F1", 4)],
    }
    assert [operation for operation, _ in calls(ledger.reconcile(snapshot))][-1] == "report_order_status"
    assert applied(ledger, snapshot).agrees
    assert (ledger.get_order("O1").state, ledger.get_fill("O1", "F1").late) == (status, False)


@pytest.mark.parametrize("status", ["CANCELED", "REJECTED", "FILLED"])
def test_order_unknown_here_that_has_ended_there(ledger: StrategyLedger, status: str) -> None:
    """It is recorded and its end reported; a refused one was never accepted."""
    cum_quantity = 10 if status == "FILLED" else 0
    snapshot = {"open_orders": [listed("X1", status=status, cum_quantity=cum_quantity, venue_order_id="V1")]}
    found = ledger.reconcile(snapshot)
    assert (("update_order_acceptance", "X1") in calls(found)) is (status == "FILLED")
    again = applied(ledger, snapshot)
    order = ledger.get_order("X1")
    if status == "FILLED":
        assert (order.state, order.missing_quantity) == ("ACCEPTED", 10)
        assert [one.fields for one in again.different] == [("status", "cum_quantity")]
    else:
        assert again.agrees
        assert order.state == status


def test_end_of_an_id_that_a_replace_left_behind_ends_nothing(ledger: StrategyLedger) -> None:
    """Venues that cancel and place anew list the old order as canceled: ours lives on under the new id."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    ledger.update_order_replacement("O1", None, {"venue_order_id": "V2"})
    both = [listed(venue_order_id="V1", status="CANCELED"), listed(venue_order_id="V2")]
    assert ledger.reconcile({"open_orders": both}).agrees
    found = ledger.reconcile({"open_orders": both[:1]})
    assert keys(found.missing_there) == [("ORDER", ("O1",))]
    assert found.proposals == ()


@pytest.mark.parametrize("end", ["cancellation", "expiry", "rejection"])
def test_order_that_ended_here_and_is_open_there_is_not_opened(ledger: StrategyLedger, end: str) -> None:
    """A person decides; only its fills are booked, as late ones."""
    ledger.record_order("O1", market_order())
    getattr(ledger, f"update_order_{end}")("O1", "why")
    snapshot = {
        "open_orders": [listed("O1", 12, venue_order_id="V1", cum_quantity=3)],
        "executions": [execution("F1", 3)],
    }
    again = applied(ledger, snapshot)
    assert [(one.key, one.fields) for one in again.different] == [(("O1",), ("status",))]
    assert "nothing opens it again" in again.different[0].note
    assert ledger.get_fill("O1", "F1").late


@pytest.mark.parametrize(
    ("status", "named"),
    [
        ("SUSPENDED", "update_order_suspension"),
        ("STOPPED", "update_order_guarantee"),
        ("DONE_FOR_DAY", "update_order_done_for_day"),
    ],
)
def test_standing_that_the_broker_alone_knows_is_found_and_named(
    ledger: StrategyLedger, status: str, named: str
) -> None:
    """The command is named in the note, and making the call settles it."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1")
    snapshot = {"open_orders": [listed("O1", status=status)]}
    found = ledger.reconcile(snapshot)
    assert [(one.fields, named in one.note) for one in found.different] == [(("status",), True)]
    assert found.proposals == ()
    getattr(ledger, named)("O1")
    assert ledger.reconcile(snapshot).agrees


def test_quantity_of_a_cash_order_comes_with_the_broker(ledger: StrategyLedger) -> None:
    """An order by value has no quantity until the venue names one."""
    cash = {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "cash_quantity": 1000, "cash_currency": "USD"}
    ledger.record_order("O1", cash)
    snapshot = {"open_orders": [listed("O1")], "executions": [execution("F1", 4)]}
    assert applied(ledger, snapshot).agrees
    assert (ledger.get_order("O1").quantity, ledger.get_order("O1").cum_quantity) == (10, 4)


def test_orders_are_found_by_the_venues_id_in_the_same_symbol(ledger: StrategyLedger) -> None:
    """Of several that carry it, the newest: venues use ids again."""
    ledger.record_order("OLD", market_order())
    ledger.update_order_acceptance("OLD", {"venue_order_id": "V1"})
    ledger.update_order_cancellation("OLD")
    ledger.record_order("OTHER", {**market_order(), "symbol": "OTHER"})
    ledger.update_order_acceptance("OTHER", {"venue_order_id": "V1"})
    ledger.record_order("NEW", market_order())
    ledger.update_order_acceptance("NEW", {"venue_order_id": "V1"})
    snapshot = {
        "open_orders": [listed("unheard-of", venue_order_id="V1")],
        "executions": [execution("F1", 1, order_id="unheard-of", venue_order_id="V1", symbol="OTHER")],
    }
    found = ledger.reconcile(snapshot)
    assert keys(found.matched) == [("ORDER", ("NEW",))]
    assert calls(found) == [("update_order_fill", "OTHER")]


def test_execution_is_found_by_an_id_that_only_the_broker_joins(ledger: StrategyLedger) -> None:
    """The list of orders says which of ours has the venue's id that the execution names."""
    ledger.record_order("O1", market_order())
    snapshot = {
        "open_orders": [listed("O1", venue_order_id="V1")],
        "executions": [execution("F1", 4, order_id=None, venue_order_id="V1")],
    }
    assert applied(ledger, snapshot).agrees
    assert ledger.get_order("O1").cum_quantity == 4


def test_venues_id_that_is_used_again_means_the_order_that_is_listed(ledger: StrategyLedger) -> None:
    """An older order of ours had it; the broker's list says which has it now."""
    ledger.record_order("O1", market_order())
    ledger.record_order("OLD", market_order())
    ledger.update_order_acceptance("OLD", {"venue_order_id": "V1"})
    ledger.update_order_cancellation("OLD")
    snapshot = {
        "open_orders": [listed("O1", venue_order_id="V1")],
        "executions": [execution("F1", 4, order_id=None, venue_order_id="V1")],
    }
    assert applied(ledger, snapshot).agrees
    assert (ledger.get_order("O1").cum_quantity, ledger.get_order("OLD").cum_quantity) == (4, 0)


def test_quantity_below_what_was_executed_is_found_not_restated(ledger: StrategyLedger) -> None:
    """The broker contradicts itself, or a cut was clamped there: a person looks."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 2))
    snapshot = {"open_orders": [listed("O1", 3, cum_quantity=4)], "executions": [execution("F2", 2)]}
    assert calls(ledger.reconcile(snapshot)) == [("update_order_fill", "O1")]
    again = applied(ledger, snapshot)
    assert [one.fields for one in again.different] == [("quantity",)]
    assert "more was executed" in again.different[0].note


def test_order_that_is_done_for_good_is_not_opened_by_terms_of_a_filled_one(ledger: StrategyLedger) -> None:
    """A day order that is done for the day here, and FILLED there: restating it would open it again."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_done_for_day("O1")
    snapshot = {"open_orders": [listed("O1", 10, limit_price=99, status="FILLED")]}
    assert applied(ledger, snapshot).different[0].fields == ("status",)
    assert ledger.get_order("O1").state == "DONE_FOR_DAY"


def test_another_order_under_our_id_is_left_alone(ledger: StrategyLedger) -> None:
    """Symbol or side contradict: nothing of it is proposed, its executions neither."""
    ledger.record_order("O1", market_order())
    snapshot = {
        "open_orders": [{**listed("O1", 99, venue_order_id="V1"), "side": "SELL", "symbol": "OTHER"}],
        "executions": [execution("F1", 4)],
    }
    found = ledger.reconcile(snapshot)
    assert [one.fields for one in found.different] == [("symbol", "side")]
    assert [one.note for one in found.missing_here] == [found.different[0].note]
    assert (found.proposals, found.missing_there) == ((), ())


def test_execution_that_contradicts_its_order_is_not_proposed(ledger: StrategyLedger) -> None:
    """The ledger would refuse it; the note says why."""
    ledger.record_order("O1", market_order())
    said = [execution("F1", 4, side="SELL"), execution("F2", 4, symbol="OTHER")]
    found = ledger.reconcile({"executions": said})
    assert [one.note.split()[1] for one in found.missing_here] == ["side", "symbol"]
    assert found.proposals == ()


def test_order_listed_twice_as_open_concludes_nothing(ledger: StrategyLedger) -> None:
    """One of both is wrong; the same words twice are one."""
    ledger.record_order("O1", market_order())
    once = listed("O1", venue_order_id="V1")
    found = ledger.reconcile({"open_orders": [once, {**once, "quantity": 12}]})
    assert "several times" in found.different[0].note
    assert found.proposals == ()
    assert applied(ledger, {"open_orders": [once, dict(once)]}).agrees


def test_execution_listed_twice(ledger: StrategyLedger) -> None:
    """Pages that overlap repeat it: once. With other figures it is not proposed at all."""
    ledger.record_order("O1", market_order())
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    by_id, by_venue = execution("F1", 4), execution("F1", 4, order_id=None, venue_order_id="V1")
    assert len(ledger.reconcile({"executions": [by_id, dict(by_id), by_venue]}).proposals) == 1
    found = ledger.reconcile({"executions": [by_id, {**by_venue, "price": 101}, execution("F2", 1)]})
    assert [one.arguments["fill_data"]["fill_id"] for one in found.proposals] == ["F2"]
    assert ["twice" in one.note for one in found.missing_here] == [False, True, False]


def test_other_figures_of_an_execution_are_found_not_corrected(ledger: StrategyLedger) -> None:
    """A correction has an id of its own, which a list of executions does not name."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 4, fee=1, fee_currency="USD"))
    said = execution("F1", 5, "100.5", fee=2, fee_currency="USD")
    found = ledger.reconcile({"executions": [said]})
    assert [(one.key, one.fields) for one in found.different] == [(("O1", "F1"), ("quantity", "price", "fees"))]
    assert (found.different[0].ours or {})["price"] == 100
    assert (found.different[0].theirs or {})["price"] == Decimal("100.5")
    assert "correct_order_fill" in found.different[0].note
    assert found.proposals == ()


def test_a_corrected_fill_matches_as_it_was_and_as_it_is(ledger: StrategyLedger) -> None:
    """Brokers list the report, its correction, or the report with the corrected figures."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 4, executed_at=LATER))
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 5, "price": 101})
    for said in (
        [execution("F1", 4, executed_at=LATER), execution("C1", 5, 101)],
        [execution("F1", 5, 101, executed_at=LATER)],
    ):
        assert ledger.reconcile({"executions": said, "open_orders": [listed("O1", cum_quantity=5)]}).agrees


def test_a_busted_fill_that_the_broker_lists_is_found(ledger: StrategyLedger) -> None:
    """And one that it does not list is as it should be."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 4, executed_at=LATER))
    ledger.update_order_fill("O1", fill("F2", 1, executed_at=LATER))
    ledger.bust_order_fill("O1", "F1")
    assert ledger.reconcile({"executions": [execution("F2", 1, executed_at=LATER)]}).agrees
    found = ledger.reconcile({"executions": [execution("F1", 4)]})
    assert [one.fields for one in found.different] == [("busted",)]
    assert found.proposals == ()


def test_fees_that_come_with_the_snapshot_are_added(ledger: StrategyLedger) -> None:
    """A commission that was not known is; one that differs is a person's to decide."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("F1", 4))
    assert ledger.reconcile({"executions": [execution("F1", 4, fee=0, fee_currency="USD")]}).agrees
    snapshot = {"executions": [execution("F1", 4, fees=[{"amount": "0.1", "currency": "USD"}])]}
    assert calls(ledger.reconcile(snapshot)) == [("update_fill_fee", "O1")]
    assert applied(ledger, snapshot).agrees
    found = ledger.reconcile({"executions": [execution("F1", 4, fee="0.2", fee_currency="USD")]})
    assert ([one.fields for one in found.different], found.proposals) == ([("fees",)], ())


def test_our_fills_within_the_time_of_the_executions_must_be_listed(ledger: StrategyLedger) -> None:
    """Before and after it, the broker was not asked; both ends count."""
    ledger.record_order("O1", market_order())
    for number in range(5):
        ledger.update_order_fill("O1", fill(f"F{number}", 1, executed_at=START + timedelta(seconds=number)))
    ledger.update_order_fill("O1", fill("F9", 1, executed_at=START + timedelta(seconds=3)))
    said = [execution(f"F{number}", 1, executed_at=START + timedelta(seconds=number)) for number in (1, 3)]
    found = ledger.reconcile({"executions": said})
    assert keys(found.missing_there) == [("FILL", ("O1", "F2")), ("FILL", ("O1", "F9"))]
    assert found.proposals == ()
    last = datetime.max.replace(tzinfo=UTC)
    assert len(ledger.reconcile({"executions": [*said, execution("F8", 1, executed_at=last)]}).missing_there) == 3


def test_inferred_fill_gives_way_to_the_one_it_stood_for(ledger: StrategyLedger) -> None:
    """It is not missed there, and the count of the broker is not exceeded by both."""
    ledger.record_order("O1", market_order())
    ledger.update_order_fill("O1", fill("I1", 4, inferred=True, executed_at=LATER))
    snapshot = {
        "open_orders": [listed("O1", cum_quantity=4)],
        "executions": [execution("F1", 4, executed_at=LATER)],
        "positions": [holding(4)],
    }
    found = ledger.reconcile(snapshot)
    assert calls(found) == [("update_order_fill", "O1")]
    assert (found.missing_there, found.different) == ((), ())
    assert applied(ledger, snapshot).agrees


def test_fill_that_waits_in_quarantine_is_not_proposed_again(ledger: StrategyLedger) -> None:
    """A person decides on it there; the note says where it is."""
    ledger.record_order("O1", market_order())
    with pytest.raises(OverfillError) as refused:
        ledger.update_order_fill("O1", fill("F1", 11))
    snapshot = {"executions": [execution("F1", 11)]}
    found = ledger.reconcile(snapshot)
    assert refused.value.quarantine_id is not None
    assert [refused.value.quarantine_id in one.note for one in found.missing_here] == [True]
    assert found.proposals == ()


def test_fill_that_waits_for_its_order_is_booked_with_it(ledger: StrategyLedger) -> None:
    """The order is introduced; what waited for it follows by itself."""
    with pytest.raises(LookupError):
        ledger.update_order_fill(None, fill("F1", 4, venue_order_id="V1", symbol="ACME"))
    snapshot = {
        "open_orders": [listed(venue_order_id="V1", cum_quantity=4)],
        "executions": [execution("F1", 4, order_id=None, venue_order_id="V1")],
    }
    assert applied(ledger, snapshot).agrees
    assert ledger.quarantined() == []


def test_overfill_is_proposed_and_filed_as_the_ledger_files_it(ledger: StrategyLedger) -> None:
    """The broker executed it: it belongs into the books or into quarantine, and is proposed once."""
    ledger.record_order("O1", market_order())
    snapshot = {"executions": [execution("F1", 11)]}
    (proposal,) = ledger.reconcile(snapshot).proposals
    with pytest.raises(OverfillError):
        proposal.apply(ledger)
    assert len(ledger.quarantined()) == 1
    assert ledger.reconcile(snapshot).proposals == ()


def test_positions_are_compared_over_the_parts_that_are_given(ledger: StrategyLedger) -> None:
    """A position without an account is that of all accounts; zero and absent are the same."""
    for number, (account, quantity) in enumerate([("A", 10), ("B", 5), ("C", 2)]):
        ledger.record_order(f"O{number}", market_order("BUY", quantity, account=account, venue="X"))
        ledger.update_order_fill(f"O{number}", fill("F", quantity))
    for agreeing in (
        [holding(17)],
        [holding(17, venue="X")],
        [holding(10, account="A"), holding(7)],
        [holding(10, account="A"), holding(5, account="B"), holding(2, account="C"), holding(0, account="D")],
        [holding(4, account="A"), holding(6, account="A"), holding(5, account="B"), holding(2, account="C")],
        [holding(17), {"symbol": "OTHER", "quantity": 0}],
    ):
        assert ledger.reconcile({"positions": agreeing}).agrees, agreeing
    found = ledger.reconcile(
        {"positions": [holding(11, account="A"), holding(3, account="D"), holding(5, account="B")]}
    )
    assert keys(found.different) == [("POSITION", ("ACME", "", "A", ""))]
    assert keys(found.missing_here) == [("POSITION", ("ACME", "", "D", ""))]
    assert keys(found.missing_there) == [("POSITION", ("ACME", "X", "C", "NET"))]
    assert found.different[0].fields == ("quantity",)
    assert "10 here by every execution that is known, 11 there" in found.different[0].note
    assert "record_adjustment" in found.different[0].note
    assert found.proposals == ()


def test_hedge_sides_are_apart_where_the_broker_names_them(ledger: StrategyLedger) -> None:
    """Net of both where it does not."""
    for side, direction, quantity in (("LONG", "BUY", 10), ("SHORT", "SELL", 4)):
        ledger.record_order(side, market_order(direction, quantity, position_side=side))
        ledger.update_order_fill(side, fill("F", quantity))
    assert ledger.reconcile({"positions": [holding(6)]}).agrees
    assert ledger.reconcile(
        {"positions": [holding(10, position_side="LONG"), holding(-4, position_side="SHORT")]}
    ).agrees
    assert not ledger.reconcile({"positions": [holding(6, position_side="LONG")]}).agrees


def test_position_counts_the_executions_that_are_proposed(ledger: StrategyLedger) -> None:
    """Fees in the base currency leave it; a position that they explain is matched, and the note says when."""
    ledger.record_order("O1", market_order(base_currency="ACM"))
    snapshot = {
        "executions": [execution("F1", 4, fee="0.004", fee_currency="ACM", fee_in_base=True)],
        "positions": [holding("3.996")],
    }
    found = ledger.reconcile(snapshot)
    assert [one.note for one in found.matched] == ["they agree once the proposed executions are booked"]
    assert applied(ledger, snapshot).agrees
    assert ledger.get_position("ACME").quantity == Decimal("3.996")


def test_snapshot_of_one_venue_says_nothing_of_another(ledger: StrategyLedger) -> None:
    """With `venue` or `account`, ours elsewhere are not missed."""
    for number, venue in enumerate(["X", "Y"]):
        ledger.record_order(f"O{number}", market_order(venue=venue, account="A"))
        ledger.update_order_fill(f"O{number}", fill("F", 4, executed_at=LATER))
    said = {
        "open_orders": [listed("O0")],
        "executions": [execution("F", 4, order_id="O0", executed_at=LATER)],
        "positions": [holding(4)],
    }
    assert ledger.reconcile({**said, "venue": "X"}).agrees
    assert ledger.reconcile({**said, "venue": "X", "account": "A"}).agrees
    assert len(ledger.reconcile(said).missing_there) == 2
    assert not ledger.reconcile({**said, "account": "A"}).agrees


@pytest.mark.parametrize(
    ("snapshot", "argument"),
    [
        (None, "snapshot"),
        ({}, "snapshot"),
        ([], "snapshot"),
        ({"as_of": LATER}, "snapshot"),
        ({"open_order": []}, "snapshot"),
        ({"positions": {}}, "snapshot.positions"),
        ({"positions": [], "as_of": "2026-01-05"}, "snapshot.as_of"),
        ({"open_orders": ["O1"]}, "snapshot.open_orders[0]"),
        ({"open_orders": [listed()]}, "snapshot.open_orders[0].order_id"),
        ({"open_orders": [listed("O1"), {**listed("O2"), "side": "LONG"}]}, "snapshot.open_orders[1].side"),
        ({"open_orders": [listed("O1", 0)]}, "snapshot.open_orders[0].quantity"),
        ({"open_orders": [listed("O1", cum_quantity=-1)]}, "snapshot.open_orders[0].cum_quantity"),
        ({"open_orders": [listed("O1", status="OPEN")]}, "snapshot.open_orders[0].status"),
        ({"executions": [execution("F1", 4, 1.5)]}, "snapshot.executions[0].price"),
        ({"executions": [execution("F1", 4, order_id=None)]}, "snapshot.executions[0].order_id"),
        ({"executions": [execution("F1", 4, fee=1)]}, "snapshot.executions[0].fee_currency"),
        ({"executions": [execution("F1", 4, fee_in_base=True)]}, "snapshot.executions[0].fee_in_base"),
        ({"executions": [execution("F1", 4, fees=[{"amount": 1}])]}, "snapshot.executions[0].fees[0].currency"),
        ({"executions": [execution("F1", 4, executed_at=datetime(2026, 1, 5))]}, "snapshot.executions[0].executed_at"),  # noqa: DTZ001  # naive on purpose
        ({"positions": [{"symbol": "ACME"}]}, "snapshot.positions[0].quantity"),
        ({"positions": [holding(4, position_side="SHORT")]}, "snapshot.positions[0].quantity"),
    ],
)
def test_malformed_snapshot_is_refused_with_the_path(ledger: StrategyLedger, snapshot: object, argument: str) -> None:
    """As every argument is: where, what was found, what is accepted."""
    with pytest.raises(InvalidValue) as refused:
        ledger.reconcile(snapshot)  # type: ignore[arg-type]  # what a caller might give
    assert refused.value.argument == argument


def test_unknown_key_is_refused_with_the_nearest_name(ledger: StrategyLedger) -> None:
    """A misspelt key would otherwise be a part that is silently not compared."""
    with pytest.raises(InvalidValue, match=r"executions\[0\] has no key 'exec_id'"):
        ledger.reconcile({"executions": [{"exec_id": "F1"}]})
    with pytest.raises(InvalidValue, match="did you mean 'cum_quantity'"):
        ledger.reconcile({"open_orders": [listed("O1", cum_qty=3)]})


# -- random ledgers and brokers ---------------------------------------------------------------------------------------


@attrs.frozen
class Life:
    """One order of a random broker, and how much of it this ledger has heard."""

    side: str
    quantity: int
    fills: tuple[int, ...]
    known: bool
    heard: tuple[bool, ...]
    accepted: bool
    told_quantity: int
    told_price: int
    end: str | None
    lists_order: bool
    by_venue: bool


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Draw an order whose fills fit it, told to the ledger in part."""
    quantity = draw(st.integers(1, 6))
    fills: list[int] = []
    while sum(fills) < quantity and draw(st.booleans()):
        fills.append(draw(st.integers(1, quantity - sum(fills))))
    known = draw(st.booleans())
    complete = sum(fills) == quantity
    return Life(
        side=draw(st.sampled_from(["BUY", "SELL"])),
        quantity=quantity,
        fills=tuple(fills),
        known=known,
        heard=tuple(known and draw(st.booleans()) for _ in fills),
        accepted=draw(st.booleans()),
        told_quantity=quantity + (draw(st.integers(0, 2)) if known else 0),
        told_price=draw(st.sampled_from([100, 101])),
        end="FILLED" if complete else draw(st.sampled_from([None, None, "CANCELED", "EXPIRED"])),
        lists_order=not known or draw(st.integers(0, 3)) > 0,
        by_venue=draw(st.booleans()),
    )


def told_of(number: int, life: Life) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the order and its executions as the broker lists them."""
    named = {"venue_order_id": f"V{number}"} if life.by_venue else {"order_id": f"O{number}"}
    order = {
        "symbol": "ACME",
        "side": life.side,
        "quantity": life.quantity,
        "cum_quantity": sum(life.fills),
        "limit_price": 100,
        "status": life.end,
        **named,
    }
    executions = [
        {"fill_id": f"F{index}", "quantity": units, "price": 100 + index, "executed_at": at(number, index), **named}
        for index, units in enumerate(life.fills)
    ]
    return order, executions


def at(number: int, index: int) -> datetime:
    """Return when a fill of an order was executed."""
    return START + timedelta(minutes=number, seconds=index)


def heard(ledger: StrategyLedger, number: int, life: Life) -> None:
    """Tell the ledger what it has heard of an order."""
    order_id = f"O{number}"
    if not life.known:
        return
    ledger.record_order(order_id, limit_order(life.side, life.told_quantity, life.told_price))
    if life.accepted or life.by_venue:
        ledger.update_order_acceptance(order_id, {"venue_order_id": f"V{number}"})
    for index, (units, known) in enumerate(zip(life.fills, life.heard, strict=True)):
        if known:
            ledger.update_order_fill(order_id, fill(f"F{index}", units, 100 + index, executed_at=at(number, index)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broker=st.lists(lives(), min_size=1, max_size=4), data=st.data())
def test_what_is_applied_is_settled(broker: list[Life], data: st.DataObject) -> None:
    """Whatever was missed: the proposals apply, twice alike, and then nothing is missing here, different or proposed."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    orders, executions = [], []
    for number, life in enumerate(broker):
        heard(ledger, number, life)
        order, fills = told_of(number, life)
        orders += [order] if life.lists_order else []
        executions += fills
    net = sum(sum(life.fills) * (1 if life.side == "BUY" else -1) for life in broker)
    snapshot = {
        "open_orders": data.draw(st.permutations(orders)),
        "executions": data.draw(st.permutations(executions)),
        "positions": [holding(net)],
    }
    again = applied(ledger, snapshot)
    assert again.different == ()
    assert ledger.quarantined() == []
    assert {one.subject for one in again.missing_there} <= {"ORDER"}
    assert ledger.get_position_exposure("ACME").net_quantity == net
    for number, life in enumerate(broker):
        order_id = f"O{number}" if life.known or not life.by_venue else f"EXT-V{number}"
        assert ledger.get_order(order_id).cum_quantity == sum(life.fills)
        assert not any(one.late for one in ledger.find_fills(order_id=order_id))


STEPS = (
    "update_order_acceptance",
    "update_order_in_doubt",
    "update_order_suspension",
    "update_order_guarantee",
    "update_order_done_for_day",
    "update_order_cancellation",
    "update_order_expiry",
    "request_order_cancel",
)
STATUSES = ("PLACED", "ACCEPTED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED", "SUSPENDED",
            "STOPPED", "DONE_FOR_DAY", "PENDING_CANCEL", "PENDING_REPLACE")  # fmt: skip
NAMES: tuple[dict[str, Any], ...] = (
    {"order_id": "O1"},
    {"venue_order_id": "V1"},
    {"order_id": "O2", "venue_order_id": "V2"},
    {"order_id": "O3"},
    {"order_id": "unheard-of", "venue_order_id": "V1"},
    {"venue_order_id": "V4"},
)
"""How a broker names orders, each as it does in all of a snapshot: O1 is V1 here, and O2 is known by our id alone."""

units = st.integers(1, 6)
told_orders = st.fixed_dictionaries(
    {"symbol": st.just("ACME"), "side": st.just("BUY"), "quantity": units},
    optional={
        "cum_quantity": st.integers(0, 6),
        "limit_price": st.sampled_from([100, 101]),
        "status": st.sampled_from(STATUSES),
    },
)
told_executions = st.fixed_dictionaries(
    {"fill_id": st.sampled_from(["F1", "F2", "F3"]), "quantity": units, "price": st.just(100)},
    optional={
        "side": st.sampled_from(["BUY", "BUY", "SELL"]),
        "executed_at": st.sampled_from([START, LATER]),
        "fees": st.sampled_from([[], [{"amount": 1, "currency": "USD"}]]),
    },
)
named_orders = st.builds(lambda name, one: {**name, **one}, st.sampled_from(NAMES), told_orders)
named_executions = st.builds(lambda name, one: {**name, **one}, st.sampled_from(NAMES), told_executions)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.tuples(st.sampled_from(["O1", "O2"]), st.sampled_from(STEPS)), max_size=4),
    fills=st.lists(st.tuples(st.sampled_from(["O1", "O2"]), st.sampled_from(["F1", "F2"]), units), max_size=3),
    asked=st.sampled_from([None, {"quantity": 3}, {"quantity": 6, "limit_price": 101}]),
    good_till=st.booleans(),
    orders=st.lists(named_orders, max_size=3),
    executions=st.lists(named_executions, max_size=4),
)
def test_whatever_a_broker_says_is_settled_once(
    steps: list[tuple[str, str]],
    fills: list[tuple[str, str, int]],
    asked: dict[str, Any] | None,
    good_till: bool,
    orders: list[dict[str, Any]],
    executions: list[dict[str, Any]],
) -> None:
    """A snapshot may contradict us and itself, but for its ids: a proposal is a call that books, or files an overfill, and then a repeat."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for number in (1, 2):
        terms = {"time_in_force": "GTC"} if good_till else {}
        ledger.record_order(f"O{number}", limit_order("BUY", 4, **terms))
        ledger.update_order_acceptance(f"O{number}", {"venue_order_id": f"V{number}"}) if number == 1 else None
    if asked is not None:
        ledger.request_order_replace("O1", asked, "R1")
    for order_id, fill_id, quantity in fills:
        with suppress(CommandRefused):
            ledger.update_order_fill(order_id, fill(fill_id, quantity, executed_at=START))
    for order_id, step in steps:
        with suppress(CommandRefused):
            getattr(ledger, step)(order_id)
    # An end that waits to be legal again would come true in the midst of the proposals: that is no repeat of ours.
    assume(all(fact.operation == "update_order_fill" for fact in ledger.quarantined()))
    snapshot = {"open_orders": orders, "executions": executions}
    head = ledger.head()
    assert ledger.reconcile(snapshot) == ledger.reconcile(snapshot)
    assert ledger.head() == head
    waited = bool(ledger.quarantined())
    overfilled = apply_all(ledger, snapshot)
    if waited or overfilled:  # what was booked from quarantine, or filed there, may be news for a second look
        assert not apply_all(ledger, snapshot)
    assert ledger.reconcile(snapshot).proposals == ()


def apply_all(ledger: StrategyLedger, snapshot: dict[str, Any]) -> bool:
    """Apply every proposal twice; say whether an overfill was filed, which is the only refusal there is."""
    proposals = ledger.reconcile(snapshot).proposals
    heads, overfilled = [], False
    for _ in range(2):
        for proposal in proposals:
            try:
                proposal.apply(ledger)
            except OverfillError:
                assert proposal.operation == "update_order_fill"
                overfilled = True
        heads.append(ledger.head())
    assert heads[0] == heads[1], "a proposal that is applied again is a repeat"
    return overfilled
