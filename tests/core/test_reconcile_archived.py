"""A broker's snapshot that names what is in an archive: it is known, and never proposed to be booked again."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from datetime import timedelta
from typing import Any, cast

import attrs
import pytest

from ledger_core import Fill, StrategyLedger
from ledger_core.archivable import Group
from ledger_core.errors import Archived
from ledger_core.reconciling import LedgerSource, reconcile
from support import START, fill, limit_order, market_order

MINUTE = timedelta(minutes=1)


@pytest.fixture
def archived(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger whose only round trip, BUY1 and SELL1, is in archive A1, and with it trade T1."""
    for minute, side in enumerate(("BUY", "SELL")):
        order_id, moment = f"{side}1", START + minute * MINUTE
        ledger.record_order(order_id, market_order(side, 10), occurred_at=moment)
        ledger.update_order_acceptance(order_id, {"venue_order_id": f"V-{side}"}, occurred_at=moment)
        ledger.update_order_fill(order_id, fill("F1", 10, 100 + minute), occurred_at=moment)
    ledger.create_trade("T1", ["BUY1", "SELL1"], occurred_at=START + 2 * MINUTE)
    ledger.close_trade("T1", occurred_at=START + 3 * MINUTE)
    groups = list(ledger.archivist.archivable(START + timedelta(days=1)))
    assert [reason for _, reason in ledger.archivist.let_go("A1", groups)] == [None]
    return ledger


def listed(**keys: Any) -> dict[str, Any]:
    """Return BUY1 as a broker lists it, filled."""
    order = {"order_id": "BUY1", "venue_order_id": "V-BUY", "symbol": "ACME", "side": "BUY", "quantity": 10}
    return {**order, "status": "FILLED", "cum_quantity": 10, **keys}


def executed(**keys: Any) -> dict[str, Any]:
    """Return the execution of BUY1 as a broker lists it."""
    execution = {"fill_id": "F1", "order_id": "BUY1", "symbol": "ACME", "side": "BUY", "quantity": 10, "price": 100}
    return {**execution, "executed_at": START, **keys}


def without(item: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return what a broker lists without some keys."""
    return {name: value for name, value in item.items() if name not in names}


def test_archived_orders_and_fills_match(archived: StrategyLedger) -> None:
    """Named by our id they are known, and so is an execution of a listed order that only the venue's id names."""
    by_venue = {**without(executed(), "order_id"), "venue_order_id": "V-BUY"}
    for execution in (executed(), by_venue):
        found = archived.reconcile(
            {"open_orders": [listed()], "executions": [execution], "positions": [{"symbol": "ACME", "quantity": 0}]}
        )
        assert (found.agrees, found.proposals) == (True, ())
        assert {(str(one.subject), one.key) for one in found.matched} == {
            ("ORDER", ("BUY1",)),
            ("FILL", ("BUY1", "F1")),
        }
        assert all("'A1'" in one.note for one in found.matched)


def test_an_archived_order_that_is_open_there_differs(archived: StrategyLedger) -> None:
    """Nothing opens it again, so nothing is proposed."""
    found = archived.reconcile({"open_orders": [listed(status="ACCEPTED")]})
    (different,) = found.different
    assert (different.key, different.fields, found.proposals) == (("BUY1",), ("status",), ())
    assert "it is in archive 'A1': it ended here" in different.note


def test_an_unknown_execution_of_an_archived_order_is_missing(archived: StrategyLedger) -> None:
    """It cannot be booked before the order is back; one that waits says where."""
    late = executed(fill_id="F2")
    found = archived.reconcile({"executions": [late]})
    assert ([one.key for one in found.missing_here], found.proposals) == ([("BUY1", "F2")], ())
    assert "restore it" in found.missing_here[0].note
    with pytest.raises(Archived) as caught:
        archived.update_order_fill("BUY1", fill("F2", 10, 100), occurred_at=START)
    (missing,) = archived.reconcile({"executions": [late]}).missing_here
    assert f"it waits in quarantine as {caught.value.quarantine_id} (ARCHIVED)" in missing.note


def test_what_only_the_venue_names_is_not_recorded_again(archived: StrategyLedger) -> None:
    """An archive takes the venue's ids with it: what ended there may be in it, unless it was executed since."""
    order = without(listed(), "order_id")
    execution = {**without(executed(), "order_id"), "venue_order_id": "V-BUY"}
    found = archived.reconcile({"open_orders": [order], "executions": [execution]})
    assert found.proposals == ()
    assert all("may be in an archive" in one.note for one in found.missing_here)
    later = {**execution, "fill_id": "F8", "executed_at": START + 5 * MINUTE, "venue_order_id": "V-8"}
    new = {**order, "venue_order_id": "V-8"}
    proposed = archived.reconcile({"open_orders": [new], "executions": [later]}).proposals
    assert [one.operation for one in proposed] == ["record_order", "update_order_acceptance", "update_order_fill"]
    (alone,) = archived.reconcile({"executions": [execution]}).missing_here
    assert "it is in an archive" in alone.note


def test_an_execution_before_the_opening_is_not_proposed(archived: StrategyLedger) -> None:
    """Of a live order, too: the ledger would not book it. What happened since is proposed as ever."""
    archived.record_order("LATE", limit_order(), occurred_at=START)
    before = executed(order_id="LATE", fill_id="L1", quantity=1)
    found = archived.reconcile({"executions": [before]})
    assert found.proposals == ()
    assert "in archives, the last of them 'A1'" in found.missing_here[0].note
    since = {**before, "executed_at": START + 5 * MINUTE}
    (proposal,) = archived.reconcile({"executions": [since]}).proposals
    proposal.apply(archived)
    assert archived.get_position("ACME").quantity == 1


def test_ids_in_an_archive_are_not_free(archived: StrategyLedger) -> None:
    """An order that is open there and unknown here gets an id that nothing ever had."""
    found = archived.reconcile({"open_orders": [listed(order_id="T1", venue_order_id="V-9", status="ACCEPTED")]})
    assert found.proposals == ()
    assert "no id is free" in found.missing_here[0].note


def test_a_fill_in_an_archive_is_told_from_its_order(archived: StrategyLedger) -> None:
    """Asked for a fill, the ledger says whether the fill is in the archive, or only its order."""
    kinds = {}
    for fill_id in ("F1", "F2"):
        with pytest.raises(Archived) as caught:
            archived.get_fill("BUY1", fill_id)
        kinds[fill_id] = caught.value.context["kind"]
    assert kinds == {"F1": "FILL", "F2": "ORDER"}


def test_an_order_that_ended_and_has_the_venues_id_alone_may_be_in_an_archive(archived: StrategyLedger) -> None:
    """Where nothing says when it was executed, it is not proposed to be recorded; an execution of today says that it is news."""
    snapshot: dict[str, Any] = {"open_orders": [{**without(listed(), "order_id"), "venue_order_id": "V-ELSE"}]}
    (missing,) = archived.reconcile(snapshot).missing_here
    assert "may be in an archive" in str(missing.note)
    assert archived.reconcile(snapshot).proposals == ()
    today = {**without(executed(), "order_id"), "venue_order_id": "V-ELSE", "executed_at": START + timedelta(days=9)}
    assert archived.reconcile({**snapshot, "executions": [today]}).proposals


@pytest.mark.parametrize("currency", ["USD", "GBP"])
def test_an_order_that_may_be_of_several_positions_may_be_in_an_archive(
    archived: StrategyLedger, currency: str
) -> None:
    """Where the broker does not say at which venue, and several of ours fit, it is not proposed to be booked again."""
    order = {**without(listed(), "order_id"), "venue_order_id": "V-ELSE"}
    later = START + timedelta(days=9)
    execution = {**without(executed(executed_at=later), "order_id"), "venue_order_id": "V-ELSE"}
    snapshot = {"open_orders": [order], "executions": [execution]}
    assert archived.reconcile(snapshot).proposals
    for venue, in_currency in (("XNAS", "USD"), ("XLON", currency)):
        archived.record_order(venue, market_order("BUY", 1, venue=venue, currency=in_currency), occurred_at=later)
        archived.update_order_fill(venue, fill("F", 1, 100), occurred_at=later)
    found = archived.reconcile(snapshot)
    assert found.proposals == ()
    assert "may be in an archive" in str(found.missing_here[0].note)
    with_venue = {"open_orders": [{**order, "venue": "XLON"}], "executions": [execution]}
    assert archived.reconcile(with_venue).proposals


def test_the_side_of_an_execution_is_compared(ledger: StrategyLedger) -> None:
    """A broker that lists a purchase as a sale differs."""
    ledger.record_order("BUY1", market_order("BUY", 10), occurred_at=START)
    ledger.update_order_fill("BUY1", fill("F1", 10, 100), occurred_at=START)
    (found,) = ledger.reconcile({"executions": [executed(side="SELL")]}).different
    assert "side" in found.fields


def test_what_is_archived_shows_the_archive_and_what_the_broker_says(archived: StrategyLedger) -> None:
    """The figures are not compared; a person finds them beside the name of the archive."""
    order, execution = listed(), executed()
    found = archived.reconcile({"open_orders": [order], "executions": [execution, executed(fill_id="F2")]})
    (of_fill, of_order), (missing,) = found.matched, found.missing_here
    assert of_fill.ours == of_order.ours == {"archive_id": "A1"}
    assert of_order.theirs == without(order, "order_id")
    assert of_fill.theirs == missing.theirs == without(execution, "fill_id", "order_id")
    assert of_fill.note == of_order.note == "it is in archive 'A1': its figures are not compared"
    assert (missing.subject, missing.key, missing.ours) == ("FILL", ("BUY1", "F2"), None)


def test_executions_behind_one_that_is_archived_are_compared(archived: StrategyLedger) -> None:
    """One that is known to be in an archive ends nothing but the search for itself."""
    archived.record_order("LIVE", limit_order(), occurred_at=START + 4 * MINUTE)
    live = executed(order_id="LIVE", fill_id="L1", executed_at=START + 5 * MINUTE)
    proposals = archived.reconcile({"executions": [executed(), live]}).proposals
    assert [one.arguments["order_id"] for one in proposals] == ["LIVE"]


def test_a_fill_that_waits_is_found_by_the_archived_order_that_is_listed(archived: StrategyLedger) -> None:
    """The execution has the venue's id alone, and the fact that waits has ours: the list of orders joins them."""
    with pytest.raises(Archived) as caught:
        archived.update_order_fill("BUY1", fill("F2", 10, 100), occurred_at=START)
    late = {**without(executed(fill_id="F2"), "order_id"), "venue_order_id": "V-BUY"}
    (missing,) = archived.reconcile({"open_orders": [listed()], "executions": [late]}).missing_here
    assert f"it waits in quarantine as {caught.value.quarantine_id}" in missing.note


def test_an_execution_at_the_moment_of_the_opening_is_booked(archived: StrategyLedger) -> None:
    """An archive took what came before it; of an earlier execution it is said up to when, and it is not proposed."""
    opening = archived.get_position("ACME").opening
    assert opening is not None
    archived.record_order("LIVE", limit_order(), occurred_at=START)
    moments = {"L1": opening.executed_at - timedelta(microseconds=1), "L2": opening.executed_at}
    found = archived.reconcile(
        {"executions": [executed(order_id="LIVE", fill_id=name, executed_at=at) for name, at in moments.items()]}
    )
    assert "up to 2026-01-05T09:01:00.000000Z is in archives" in found.missing_here[0].note
    (proposal,) = found.proposals
    proposal.apply(archived)
    assert archived.get_fill("LIVE", "L2").executed_at == opening.executed_at


@attrs.frozen
class RestoredMeanwhile:
    """A ledger whose archive A1 is restored after an order was asked for, and before its fill is."""

    ledger: StrategyLedger
    groups: list[Group]

    def __getattr__(self, name: str) -> Any:
        """Answer every other question as the ledger does."""
        return getattr(self.ledger, name)

    def get_fill(self, order_id: str, fill_id: str) -> Fill:
        """Restore the archive, and answer."""
        self.ledger.archivist.take_back("A1", self.groups)
        return self.ledger.get_fill(order_id, fill_id)


@pytest.mark.parametrize(("fill_id", "is_there"), [("F1", True), ("F2", False)])
def test_what_is_restored_meanwhile_is_in_no_archive(ledger: StrategyLedger, fill_id: str, is_there: bool) -> None:
    """It is not said to be in one, but to be compared again, which tells what is here now."""
    ledger.record_order("BUY1", market_order(), occurred_at=START)
    ledger.update_order_fill("BUY1", fill("F1", 10), occurred_at=START)
    ledger.record_order("SELL1", market_order("SELL"), occurred_at=START)
    ledger.update_order_fill("SELL1", fill("F1", 10), occurred_at=START)
    groups = list(ledger.archivist.archivable(START + timedelta(days=1)))
    assert [reason for _, reason in ledger.archivist.let_go("A1", groups)] == [None] * len(groups)
    source = cast(LedgerSource, RestoredMeanwhile(ledger, groups))
    snapshot = {"executions": [without(executed(fill_id=fill_id), "executed_at")]}
    found = reconcile(source, snapshot, has_archived=True)
    assert (found.matched, found.proposals) == ((), ())
    assert "compare again" in found.missing_here[0].note
    again = ledger.reconcile(snapshot)
    assert ([one.key for one in again.matched], len(again.proposals)) == (
        ([("BUY1", "F1")], 0) if is_there else ([], 1)
    )
