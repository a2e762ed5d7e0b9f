"""What a broker says against what the ledger holds: what matches, what is missing where, and what could be done."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import InvalidValue, Reconciliation, StrategyLedger
from support import START, fill, limit_order

MINUTE = timedelta(minutes=1)


@pytest.fixture
def working(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with a part-filled order O1, known to the venue as V1, and O2, of which nothing was heard."""
    ledger.record_order("O1", limit_order(), occurred_at=START)
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"}, occurred_at=START)
    ledger.update_order_fill("O1", fill("F1", 4), occurred_at=START + MINUTE)
    ledger.record_order("O2", limit_order("SELL", 5, 110), occurred_at=START + 2 * MINUTE)
    return ledger


def listed(**keys: Any) -> dict[str, Any]:
    """Return an open order as a broker lists it."""
    return {"order_id": "O1", "venue_order_id": "V1", "symbol": "ACME", "side": "BUY", "quantity": 10, **keys}


def executed(fill_id: str, quantity: object, minute: int, **keys: Any) -> dict[str, Any]:
    """Return an execution as a broker lists it."""
    execution = {"fill_id": fill_id, "order_id": "O1", "symbol": "ACME", "side": "BUY", "quantity": quantity}
    return {**execution, "price": 100, "executed_at": START + minute * MINUTE, **keys}


def applied(ledger: StrategyLedger, snapshot: dict[str, Any]) -> Reconciliation:
    """Apply every proposal, twice; return what the same snapshot comes to then."""
    for proposal in ledger.reconcile(snapshot).proposals:
        proposal.apply(ledger)
        head = ledger.head()
        proposal.apply(ledger)
        assert ledger.head() == head, f"{proposal.operation} is no repeat"
    return ledger.reconcile(snapshot)


def test_what_both_sides_have_matches(working: StrategyLedger) -> None:
    """Nothing is missing, nothing differs, nothing is proposed; and asking changes nothing."""
    head = working.head()
    snapshot = {
        "open_orders": [
            listed(cum_quantity=4, limit_price=100),
            listed(order_id="O2", venue_order_id=None, side="SELL", quantity=5),
        ],
        "executions": [executed("F1", 4, 1)],
        "positions": [{"symbol": "ACME", "quantity": 4}],
    }
    working.update_order_acceptance("O2")
    found = working.reconcile(snapshot)
    assert (found.missing_here, found.missing_there, found.different, found.proposals) == ((), (), (), ())
    assert {str(one.subject) for one in found.matched} == {"ORDER", "FILL", "POSITION"}
    assert working.head().sequence == head.sequence + 1


def test_execution_that_never_arrived_is_proposed(working: StrategyLedger) -> None:
    """Applied, it completes the order; the second time the snapshot matches."""
    snapshot = {"executions": [executed("F1", 4, 1), executed("F2", 6, 3, price=101)]}
    found = working.reconcile(snapshot)
    assert [one.key for one in found.missing_here] == [("O1", "F2")]
    assert [proposal.operation for proposal in found.proposals] == ["update_order_fill"]
    again = applied(working, snapshot)
    assert (again.missing_here, again.proposals) == ((), ())
    order = working.get_order("O1")
    assert (order.state, order.average_price) == ("FILLED", Decimal("100.6"))


def test_order_that_the_venue_has_and_we_have_not_heard_of_is_accepted(working: StrategyLedger) -> None:
    """A placed order that the broker lists was accepted, under its own id there."""
    snapshot = {"open_orders": [listed(), listed(order_id="O2", venue_order_id="V2", side="SELL", quantity=5)]}
    assert applied(working, snapshot).proposals == ()
    order = working.get_order("O2")
    assert (order.state, order.venue_order_ids) == ("ACCEPTED", ("V2",))


def test_order_that_nobody_here_placed_is_recorded_with_its_executions(working: StrategyLedger) -> None:
    """It is external: recorded from the snapshot, accepted, and filled."""
    snapshot = {
        "open_orders": [
            listed(),
            listed(order_id="O2", venue_order_id=None, side="SELL", quantity=5),
            listed(order_id=None, venue_order_id="V9", symbol="GOOG", quantity=7, limit_price=50, cum_quantity=2),
        ],
        "executions": [
            executed("F1", 4, 1),
            executed("G1", 2, 4, order_id=None, venue_order_id="V9", symbol="GOOG", price=50),
        ],
    }
    found = working.reconcile(snapshot)
    assert tuple(sorted(str(one.subject) for one in found.missing_here)) == ("FILL", "ORDER")
    again = applied(working, snapshot)
    assert (again.missing_here, again.different, again.proposals) == ((), (), ())
    order = working.get_order("EXT-V9")
    assert (order.state, order.cum_quantity, order.details.origin) == ("PARTIALLY_FILLED", 2, "EXTERNAL")


def test_order_that_the_broker_does_not_have_is_never_ended_by_a_guess(working: StrategyLedger) -> None:
    """O1 is missing there with a note; O2, of which nothing was ever heard, is in doubt."""
    snapshot: dict[str, Any] = {"open_orders": []}
    found = working.reconcile(snapshot)
    assert {one.key for one in found.missing_there} == {("O1",), ("O2",)}
    assert all(one.note for one in found.missing_there)
    applied(working, snapshot)
    assert (working.get_order("O1").state, working.get_order("O2").state) == ("PARTIALLY_FILLED", "IN_DOUBT")


def test_quantity_filled_there_that_no_execution_explains_is_reported(working: StrategyLedger) -> None:
    """Nothing is booked that nobody can say the price of; the order shows what is missing."""
    snapshot = {
        "open_orders": [listed(cum_quantity=7), listed(order_id="O2", venue_order_id=None, side="SELL", quantity=5)]
    }
    applied(working, snapshot)
    order = working.get_order("O1")
    assert (order.cum_quantity, order.missing_quantity) == (4, 3)


def test_other_figures_of_a_known_execution_are_shown_and_left_to_a_person(working: StrategyLedger) -> None:
    """A correction has an id of its own, which a snapshot does not tell."""
    found = working.reconcile({"executions": [executed("F1", 3, 1)]})
    (one,) = found.different
    assert (one.key, one.fields, bool(one.note)) == (("O1", "F1"), ("quantity",), True)
    assert found.proposals == ()


def test_other_terms_are_proposed_as_a_restatement(working: StrategyLedger) -> None:
    """The venue's own quantity and price are the order's."""
    snapshot = {
        "open_orders": [
            listed(quantity=12, limit_price=99),
            listed(order_id="O2", venue_order_id=None, side="SELL", quantity=5),
        ]
    }
    assert applied(working, snapshot).different == ()
    order = working.get_order("O1")
    assert (order.quantity, order.limit_price) == (12, 99)


def test_position_that_differs_is_shown(working: StrategyLedger) -> None:
    """It counts what the proposals would book; what then differs is a person's to explain."""
    explained = {"executions": [executed("F2", 6, 3)], "positions": [{"symbol": "ACME", "quantity": 10}]}
    assert [one.subject for one in working.reconcile(explained).different] == []
    unexplained = {"positions": [{"symbol": "ACME", "quantity": 9}, {"symbol": "GOOG", "quantity": -1}]}
    found = working.reconcile(unexplained)
    assert {one.key[0] for one in (*found.different, *found.missing_here)} == {"ACME", "GOOG"}
    assert found.proposals == ()


@pytest.mark.parametrize(("snapshot", "path"), [
    ([], "snapshot"),
    ({"orders": []}, "snapshot"),
    ({"executions": [executed("F1", 4, 1, price=1.5)]}, "snapshot.executions[0].price"),
    ({"open_orders": [listed(colour="red")]}, "snapshot.open_orders[0]"),
    ({"positions": [{"symbol": "ACME"}]}, "snapshot.positions[0].quantity"),
])  # fmt: skip
def test_malformed_snapshot_is_refused_with_its_path(working: StrategyLedger, snapshot: Any, path: str) -> None:
    """Every key is checked, before anything is compared."""
    with pytest.raises(InvalidValue) as refused:
        working.reconcile(snapshot)
    assert refused.value.argument == path
