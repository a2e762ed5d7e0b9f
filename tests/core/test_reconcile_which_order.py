"""Which order of ours a broker means by the ids that it gives, and under which id one that is unknown here is recorded."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import timedelta
from typing import Any

import pytest

from ledger_core import StrategyLedger
from ledger_core.reconciling import Comparison, Reconciliation
from support import START, fill, limit_order, market_order

MINUTE = timedelta(minutes=1)


def listed(order_id: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an order in ACME as a broker lists it."""
    return {"order_id": order_id, "symbol": "ACME", "side": "BUY", "quantity": 10, **more}


def executed(fill_id: str, quantity: object = 4, **more: Any) -> dict[str, Any]:
    """Return an execution as a broker lists it."""
    return {"fill_id": fill_id, "quantity": quantity, "price": 100, **more}


def accepted(ledger: StrategyLedger, order_id: str, venue_order_id: str = "V1", **terms: Any) -> None:
    """Record an order that the venue knows by an id of its own."""
    ledger.record_order(order_id, limit_order(**terms))
    ledger.update_order_acceptance(order_id, {"venue_order_id": venue_order_id})


def archived(ledger: StrategyLedger, *order_ids: str, **terms: Any) -> None:
    """Let a purchase and the sale of it go into archive A1: executed at the start, and a minute later."""
    for number, (order_id, side) in enumerate(zip(order_ids, ("BUY", "SELL"), strict=True)):
        moment = START + number * MINUTE
        ledger.record_order(order_id, market_order(side, 10, **terms), occurred_at=moment)
        ledger.update_order_fill(order_id, fill("F1", 10), occurred_at=moment)
    groups = list(ledger.archivist.archivable(START + timedelta(days=1)))
    assert [reason for _, reason in ledger.archivist.let_go("A1", groups)] == [None] * len(groups)


def calls(found: Reconciliation) -> list[tuple[str, str]]:
    """Return (operation, order id) of what is proposed."""
    return [(one.operation.value, one.arguments["order_id"]) for one in found.proposals]


def recorded(found: Reconciliation) -> list[str]:
    """Return the ids under which orders would be recorded."""
    return [order_id for operation, order_id in calls(found) if operation == "record_order"]


def only(found: tuple[Comparison, ...]) -> Comparison:
    """Return the one finding."""
    (one,) = found
    return one


# -- by the venue's id ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said_of", ["order", "snapshot"])
def test_an_id_in_use_at_two_venues_means_the_order_at_the_venue_that_is_named(
    ledger: StrategyLedger, said_of: str
) -> None:
    """Whether the order says where it is or the snapshot does; the newer order, at the other venue, is not meant."""
    accepted(ledger, "OURS", venue="X")
    accepted(ledger, "NEWER", venue="Y")
    order = listed(venue_order_id="V1")
    told = {"open_orders": [{**order, "venue": "X"}]} if said_of == "order" else {"open_orders": [order], "venue": "X"}
    assert [one.key for one in ledger.reconcile(told).matched] == [("OURS",)]


def test_an_execution_at_the_venue_of_the_snapshot_is_of_the_order_there(ledger: StrategyLedger) -> None:
    """An execution names no venue: that of the snapshot tells apart two orders which have one id."""
    accepted(ledger, "OURS", venue="X")
    accepted(ledger, "NEWER", venue="Y")
    executions = [executed("F1", venue_order_id="V1")]
    assert calls(ledger.reconcile({"executions": executions, "venue": "X"})) == [("update_order_fill", "OURS")]
    assert calls(ledger.reconcile({"executions": executions})) == [("update_order_fill", "NEWER")]


def test_an_id_that_another_symbol_has_used_since_means_the_order_in_the_symbol(ledger: StrategyLedger) -> None:
    """The newest order that has the id is in something else."""
    accepted(ledger, "OURS")
    accepted(ledger, "NEWER", symbol="OTHER")
    assert [one.key for one in ledger.reconcile({"open_orders": [listed(venue_order_id="V1")]}).matched] == [("OURS",)]


def test_the_newest_of_very_many_orders_that_had_an_id_is_meant(ledger: StrategyLedger) -> None:
    """However often a venue has used an id again: no page of answers ends before the newest."""
    with ledger.batch() as batch:
        for number in range(1001):
            batch.record_order(f"O{number}", limit_order())
            batch.update_order_acceptance(f"O{number}", {"venue_order_id": "V1"})
    found = ledger.reconcile({"executions": [executed("F1", venue_order_id="V1")]})
    assert calls(found) == [("update_order_fill", "O1000")]


def test_another_order_under_our_id_is_said_to_be_another(ledger: StrategyLedger) -> None:
    """A person who reads the note knows that nothing is concluded, and why."""
    ledger.record_order("O1", market_order())
    found = ledger.reconcile({"open_orders": [listed("O1", side="SELL")]})
    assert only(found.different).note == "another order has its id there: nothing is concluded"


# -- orders that are unknown here -------------------------------------------------------------------------------------


def test_orders_that_are_unknown_here_are_told_apart_by_each_id_there_is(ledger: StrategyLedger) -> None:
    """By our id, else by the venue's in its symbol and at its venue: none of these is another listed twice."""
    orders = [
        listed("C1"),
        listed("C2"),
        listed(venue_order_id="V1", venue="X"),
        listed(venue_order_id="V1", venue="Y"),
        listed(venue_order_id="V2", venue="Y"),
    ]
    assert recorded(ledger.reconcile({"open_orders": orders})) == ["C1", "C2", "EXT-V1", "EXT-ACME-V1", "EXT-V2"]


def test_an_id_that_an_order_has_here_is_given_to_no_other(ledger: StrategyLedger) -> None:
    """The venue's id with the symbol is tried next; where that is taken, too, the order is only shown."""
    snapshot = {"open_orders": [listed(venue_order_id="V1")]}
    ledger.record_order("EXT-V1", limit_order())
    assert recorded(ledger.reconcile(snapshot)) == ["EXT-ACME-V1"]
    ledger.record_order("EXT-ACME-V1", limit_order())
    found = ledger.reconcile(snapshot)
    assert recorded(found) == []
    assert [(one.key, one.note) for one in found.missing_here] == [
        (("V1",), "no id is free for it here: record it by hand")
    ]


def test_an_id_that_an_archive_holds_is_given_to_no_other(ledger: StrategyLedger) -> None:
    """The archive may be restored: its orders keep their ids."""
    archived(ledger, "EXT-V1", "SOLD")
    assert recorded(ledger.reconcile({"open_orders": [listed(venue_order_id="V1")]})) == ["EXT-ACME-V1"]


def test_an_id_of_the_greatest_length_is_free(ledger: StrategyLedger) -> None:
    """With its prefix, the venue's id fills all the room that an id has; the order is recorded under it."""
    for proposal in ledger.reconcile({"open_orders": [listed(venue_order_id="V" * 124)]}).proposals:
        proposal.apply(ledger)
    assert ledger.get_order("EXT-" + "V" * 124).state == "ACCEPTED"


def test_an_order_that_is_recorded_counts_in_the_account_that_it_names(ledger: StrategyLedger) -> None:
    """Not in another account of the same symbol, and not in all of them."""
    found = ledger.reconcile(
        {
            "open_orders": [listed("C1", account="A")],
            "executions": [executed("F1", 4, order_id="C1")],
            "positions": [
                {"symbol": "ACME", "quantity": 4, "account": "A"},
                {"symbol": "ACME", "quantity": 3, "account": "B"},
            ],
        }
    )
    assert [one.key for one in found.matched] == [("ACME", "", "A", "")]
    assert [one.key for one in found.missing_here if one.subject == "POSITION"] == [("ACME", "", "B", "")]


# -- what waits in quarantine -----------------------------------------------------------------------------------------


def test_an_execution_waits_where_its_order_was_named_by_the_venue_alone(ledger: StrategyLedger) -> None:
    """The same id, of the same order there: a fill of another order, or in another symbol, is another one."""
    with pytest.raises(LookupError):
        ledger.update_order_fill(None, fill("F1", 4, venue_order_id="V1", symbol="ACME"))
    (waiting,) = ledger.quarantined()

    def waits(**named: Any) -> bool:
        found = ledger.reconcile({"executions": [executed("F1", **named)]})
        return waiting.quarantine_id in only(found.missing_here).note

    assert waits(venue_order_id="V1", symbol="ACME")
    assert waits(venue_order_id="V1")
    assert not waits(venue_order_id="V1", symbol="OTHER")
    assert not waits(venue_order_id="V2", symbol="ACME")
    assert not waits(order_id="V1")


def test_an_execution_waits_for_the_order_that_was_named(ledger: StrategyLedger) -> None:
    """Another unknown order may have a fill of the same id."""
    with pytest.raises(LookupError):
        ledger.update_order_fill("O9", fill("F1", 4))
    (waiting,) = ledger.quarantined()
    found = ledger.reconcile({"executions": [executed("F1", order_id="O8"), executed("F1", order_id="O9")]})
    assert [one.key for one in found.missing_here] == [("O8", "F1"), ("O9", "F1")]
    assert [waiting.quarantine_id in one.note for one in found.missing_here] == [False, True]


# -- what may be in an archive ----------------------------------------------------------------------------------------


def test_the_last_execution_says_whether_an_order_may_be_in_an_archive(ledger: StrategyLedger) -> None:
    """Wherever it stands in the list; at the very moment when the live history begins, it may be in the archive."""
    archived(ledger, "BOUGHT", "SOLD")
    opening = ledger.get_position("ACME").opening
    assert opening is not None

    def proposed(*moments: Any) -> list[str]:
        executions = [
            executed(f"E{number}", 1, venue_order_id="V1", executed_at=moment) for number, moment in enumerate(moments)
        ]
        ended = listed(venue_order_id="V1", status="CANCELED", cum_quantity=len(moments))
        return recorded(ledger.reconcile({"open_orders": [ended], "executions": executions}))

    before, since = opening.executed_at - MINUTE, opening.executed_at + MINUTE
    assert proposed(since, before) == proposed(before, since) == ["EXT-V1"]
    assert proposed(before, opening.executed_at) == []


def test_the_live_history_of_the_very_position_says_what_an_archive_holds(ledger: StrategyLedger) -> None:
    """Positions in another account, and on the other side of a hedge, began elsewhere: theirs is not asked."""
    long = {"account": "A", "position_side": "LONG"}
    archived(ledger, "BOUGHT", "SOLD", **long)
    for account, side, direction in (("B", "LONG", "BUY"), ("A", "SHORT", "SELL")):
        order_id = f"{account}-{side}"
        ledger.record_order(order_id, market_order(direction, 1, account=account, position_side=side))
        ledger.update_order_fill(order_id, fill("F1", 1))
    ledger.record_order("LATE", limit_order(**long), occurred_at=START)
    found = ledger.reconcile({"executions": [executed("L1", 1, order_id="LATE", executed_at=START)]})
    assert found.proposals == ()
    assert "is in archives, the last of them 'A1'" in only(found.missing_here).note
