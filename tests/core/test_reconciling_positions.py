"""Reconciling positions: what is held by the books, then and with what is proposed, against what the broker holds."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from typing import Any

import attrs
import pytest

from ledger_core import StrategyLedger
from ledger_core.reconciling import Comparison, Reconciliation
from support import fill, market_order
from support.trading import at

AFTERWARDS = "they agree once the proposed executions are booked"
UNEXPLAINED = "once a person knows why, record_adjustment books a transfer, an opening position or a split"


def holding(quantity: object, **more: Any) -> dict[str, Any]:
    """Return a position in ACME as a broker lists it."""
    return {"symbol": "ACME", "quantity": quantity, **more}


def execution(fill_id: str, quantity: object, order_id: str = "O1", **more: Any) -> dict[str, Any]:
    """Return an execution at 100 as a broker lists it."""
    return {"fill_id": fill_id, "quantity": quantity, "price": 100, "order_id": order_id, **more}


def bought(ledger: StrategyLedger, order_id: str, quantity: int, seconds: int = 0, **terms: Any) -> None:
    """Buy so many, at a time."""
    ledger.record_order(order_id, market_order(**{"quantity": quantity, **terms}))
    ledger.update_order_fill(order_id, fill("F", quantity, executed_at=at(seconds)))


def positions(findings: tuple[Comparison, ...]) -> list[Comparison]:
    """Return the findings that are about positions."""
    return [one for one in findings if one.subject == "POSITION"]


def quantities(found: Reconciliation) -> dict[tuple[str, ...], tuple[Any, Any]]:
    """Return what both sides hold, None where a side has nothing, by the key of each position."""
    everything = (*found.matched, *found.different, *found.missing_here, *found.missing_there)
    return {
        one.key: ((one.ours or {}).get("quantity"), (one.theirs or {}).get("quantity")) for one in positions(everything)
    }


def test_each_symbol_venue_account_and_side_is_a_position_of_its_own(ledger: StrategyLedger) -> None:
    """None is added to another where the broker tells them apart."""
    held = (
        ("ACME", "X", "A", "NET", 1),
        ("ACME", "Y", "A", "NET", 2),
        ("ACME", "X", "B", "NET", 4),
        ("GOOG", "X", "A", "NET", 8),
        ("GOOG", "X", "A", "LONG", 16),
    )
    listed = []
    for number, (symbol, venue, account, side, quantity) in enumerate(held):
        key: dict[str, Any] = {"symbol": symbol, "venue": venue, "account": account, "position_side": side}
        bought(ledger, f"O{number}", quantity, **key)
        listed.append({**key, "quantity": quantity})
    found = ledger.reconcile({"positions": listed})
    assert found.agrees
    assert quantities(found) == {key[:4]: (key[4], key[4]) for key in held}
    assert {(one.fields, one.note) for one in found.matched} == {((), "")}
    none = ledger.reconcile({"positions": []})
    assert quantities(none) == {key[:4]: (key[4], None) for key in held}
    assert len(none.missing_there) == len(held)


def test_positions_are_those_of_the_time_of_the_snapshot(ledger: StrategyLedger) -> None:
    """What was executed later is taken off again, each from its own position; a fill of that very moment stays."""
    bought(ledger, "O0", 1, 10, venue="X", account="A")
    bought(ledger, "O1", 2, 11, venue="X", account="A")
    bought(ledger, "O2", 4, 11, venue="Y", account="A")
    bought(ledger, "O3", 8, 11, venue="X", account="B")
    bought(ledger, "O4", 16, 11, venue="X", account="A", symbol="GOOG")
    bought(ledger, "O5", 32, 11, venue="X", account="A", position_side="LONG")
    ledger.record_order("O6", market_order("SELL", 64, venue="X", account="A"))
    ledger.update_order_fill("O6", fill("F", 64, executed_at=at(12)))
    key = {"venue": "X", "account": "A", "position_side": "NET"}
    found = ledger.reconcile({"positions": [holding(1, **key)], "as_of": at(10)})
    assert quantities(found) == {("ACME", "X", "A", "NET"): (1, 1)}
    assert found.agrees
    latest = {"positions": [holding(-61, **key)], "as_of": at(12)}
    assert quantities(ledger.reconcile(latest))["ACME", "X", "A", "NET"] == (-61, -61)


def test_fill_after_the_snapshot_that_the_broker_lists_counts_with_it(ledger: StrategyLedger) -> None:
    """It executed it by then: the clocks differ, not the positions."""
    bought(ledger, "O1", 4, 20)
    snapshot = {"executions": [execution("F", 4, executed_at=at(20))], "positions": [holding(4)], "as_of": at(10)}
    assert ledger.reconcile(snapshot).agrees


def test_every_fill_after_the_snapshot_is_taken_off_however_many_there_are(ledger: StrategyLedger) -> None:
    """More than a question gives at once."""
    with ledger.batch() as batch:
        batch.record_order("O1", market_order(quantity=2_000))
        for number in range(1_002):
            batch.update_order_fill("O1", fill(f"F{number}", 1, executed_at=at(number)))
    assert quantities(ledger.reconcile({"positions": [holding(2)], "as_of": at(1)})) == {("ACME", "", "", ""): (2, 2)}


@pytest.mark.parametrize("listed", [False, True])
def test_missing_executions_move_the_position_of_our_order(ledger: StrategyLedger, listed: bool) -> None:
    """Where the order is by our books, also where the broker's list leaves out its venue, account or side."""
    key: dict[str, Any] = {"venue": "X", "account": "A", "position_side": "LONG"}
    bought(ledger, "O0", 1, **key)
    ledger.record_order("O1", market_order(**key))
    orders = [{"order_id": "O1", "symbol": "ACME", "side": "BUY", "quantity": 10}] if listed else []
    executions = [execution("F1", 4), execution("F2", 2)]
    long = holding(7, venue="X", position_side="LONG")
    found = ledger.reconcile({"open_orders": orders, "executions": executions, "positions": [long]})
    (one,) = positions(found.matched)
    assert one == Comparison(
        subject=one.subject,
        key=("ACME", "X", "", "LONG"),
        ours={"quantity": 1},
        theirs={"quantity": 7},
        note=AFTERWARDS,
    )
    assert quantities(ledger.reconcile({"executions": executions, "positions": []})) == {
        ("ACME", "X", "A", "LONG"): (1, None)
    }


def test_executions_of_an_order_that_the_snapshot_introduces_open_its_position(ledger: StrategyLedger) -> None:
    """It is where the list, or else the whole snapshot, says, on its own side."""
    order = {"order_id": "X1", "symbol": "ACME", "side": "BUY", "quantity": 10, "position_side": "LONG", "venue": "X"}
    executions = [execution("F1", 4, "X1")]
    told = {"open_orders": [order], "executions": executions, "account": "A"}
    key = {"venue": "X", "account": "A", "position_side": "LONG"}
    explained = ledger.reconcile({**told, "positions": [holding(4, **key)]})
    (one,) = positions(explained.matched)
    assert (one.key, one.ours, one.theirs) == (("ACME", "X", "A", "LONG"), {"quantity": 0}, {"quantity": 4})
    assert one.note == AFTERWARDS
    net = ledger.reconcile({**told, "positions": [holding(4, **{**key, "position_side": "NET"})]})
    assert quantities(net) == {("ACME", "X", "A", "LONG"): (None, None), ("ACME", "X", "A", "NET"): (None, 4)}
    del order["position_side"]
    assert positions(ledger.reconcile({**told, "positions": [holding(4, **key)]}).matched) == []


@pytest.mark.parametrize(("side", "sign"), [("BUY", 1), ("SELL", -1)])
def test_inferred_fill_is_no_longer_held_once_its_execution_is(ledger: StrategyLedger, side: str, sign: int) -> None:
    """Of 4 inferred, 3 give way to the execution of 3, which moves nothing then."""
    ledger.record_order("O1", market_order(side))
    ledger.update_order_fill("O1", fill("I1", 4, inferred=True))
    for quantity, held in ((3, 4), (4, 4), (6, 6)):
        snapshot = {"executions": [execution("F1", quantity)], "positions": [holding(sign * held)]}
        found = ledger.reconcile(snapshot)
        assert quantities(found) == {("ACME", "", "", ""): (sign * 4, sign * held)}
        assert len(positions(found.matched)) == 1


def test_positions_elsewhere_are_none_of_the_snapshots(ledger: StrategyLedger) -> None:
    """It speaks of one venue or account: what we hold on others is not missed there, nor added."""
    bought(ledger, "O1", 1, venue="X", account="A")
    bought(ledger, "O2", 2, venue="Y", account="A")
    bought(ledger, "O3", 4, venue="X", account="B")
    for speaks_of, key, quantity in (
        ({"venue": "X"}, ("ACME", "X", "", ""), 5),
        ({"account": "A"}, ("ACME", "", "A", ""), 3),
        ({"venue": "X", "account": "A"}, ("ACME", "X", "A", ""), 1),
    ):
        found = ledger.reconcile({"positions": [holding(quantity)], **speaks_of})
        assert quantities(found) == {key: (quantity, quantity)}
    assert quantities(ledger.reconcile({"positions": [], "venue": "Y"})) == {("ACME", "Y", "A", "NET"): (2, None)}


def test_positions_that_may_be_the_same_are_compared_together(ledger: StrategyLedger) -> None:
    """Through a third record, too: of the key remains what all of a side agree on."""
    bought(ledger, "O1", 1, venue="X", account="A")
    bought(ledger, "O2", 2, venue="Y", account="A")
    bought(ledger, "O3", 4, venue="Y", account="B")
    bought(ledger, "O4", 8, venue="Z", account="C")
    bought(ledger, "O5", 16, symbol="GOOG")
    joined = [holding(3, account="A"), holding(4, venue="Y"), holding(8, venue="Z"), holding(16, symbol="GOOG")]
    found = ledger.reconcile({"positions": joined})
    assert found.agrees
    assert quantities(found) == {
        ("ACME", "", "", ""): (7, 7),
        ("ACME", "Z", "", ""): (8, 8),
        ("GOOG", "", "", ""): (16, 16),
    }


def test_position_of_ours_without_a_venue_may_be_what_the_broker_holds_on_several(ledger: StrategyLedger) -> None:
    """The key says none then: it is about all of them."""
    bought(ledger, "O1", 3)
    found = ledger.reconcile({"positions": [holding(1, venue="X"), holding(2, venue="Y")]})
    assert quantities(found) == {("ACME", "", "", ""): (3, 3)}


def test_positions_under_one_key_are_added_also_where_we_have_none(ledger: StrategyLedger) -> None:
    """Brokers list a lot at a time; those under other keys stay apart."""
    listed = [holding(1, venue="X"), holding(2, venue="X"), holding(4, venue="Y"), holding(8, account="A")]
    found = ledger.reconcile({"positions": listed})
    assert [(one.key, one.theirs) for one in found.missing_here] == [
        (("ACME", "X", "", ""), {"quantity": 3}),
        (("ACME", "Y", "", ""), {"quantity": 4}),
        (("ACME", "", "A", ""), {"quantity": 8}),
    ]


@pytest.mark.parametrize(("ours", "theirs", "where", "fields"), [
    (10, 9, "different", ("quantity",)),
    (10, 0, "different", ("quantity",)),
    (10, None, "missing_there", ()),
    (0, 9, "missing_here", ()),
])  # fmt: skip
def test_difference_that_nothing_explains_is_a_persons_to_explain(
    ledger: StrategyLedger, ours: int, theirs: int | None, where: str, fields: tuple[str, ...]
) -> None:
    """What both hold is said, and what may be behind it; a side that has nothing says nothing."""
    if ours:
        bought(ledger, "O1", ours, venue="X")
    found = ledger.reconcile({"positions": [] if theirs is None else [holding(theirs)]})
    one = Comparison(
        subject=(*found.different, *found.missing_here, *found.missing_there)[0].subject,
        key=("ACME", "X", "", "NET") if theirs is None else ("ACME", "", "", ""),
        ours={"quantity": ours} if ours else None,
        theirs=None if theirs is None else {"quantity": theirs},
        fields=fields,
        note=f"{ours} here by every execution that is known, {theirs or 0} there: {UNEXPLAINED}",
    )
    assert attrs.asdict(found, recurse=False) == {**attrs.asdict(Reconciliation(), recurse=False), where: (one,)}


def test_position_that_the_proposed_executions_open_and_the_broker_does_not_hold_differs(
    ledger: StrategyLedger,
) -> None:
    """Nothing is held here yet: what will be is in the note."""
    ledger.record_order("O1", market_order())
    executions = {"executions": [execution("F1", 4)]}
    none = ledger.reconcile({**executions, "positions": []})
    (missing,) = none.missing_there
    assert (missing.key, missing.ours, missing.theirs) == (("ACME", "", "", "NET"), None, None)
    assert missing.note.startswith("4 here by every execution that is known, 0 there: ")
    (flat,) = ledger.reconcile({**executions, "positions": [holding(0)]}).different
    assert (flat.ours, flat.theirs) == (None, {"quantity": 0})


def test_position_that_the_proposed_executions_close_is_matched_where_it_is_not_listed(ledger: StrategyLedger) -> None:
    """The broker holds none any more, and neither do we then."""
    bought(ledger, "O0", 4)
    ledger.record_order("O1", market_order("SELL", 4))
    (one,) = ledger.reconcile({"executions": [execution("F1", 4)], "positions": []}).matched
    assert (one.key, one.ours, one.theirs) == (("ACME", "", "", "NET"), {"quantity": 4}, {"quantity": 0})
    assert one.note == AFTERWARDS


def test_flat_positions_are_no_finding(ledger: StrategyLedger) -> None:
    """Listed with nothing in it, and closed here: there is nothing to compare."""
    bought(ledger, "O1", 4)
    ledger.record_order("O2", market_order("SELL", 4))
    ledger.update_order_fill("O2", fill("F", 4))
    assert ledger.reconcile({"positions": [holding(0)]}) == Reconciliation()
