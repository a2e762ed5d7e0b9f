"""Orders in archives by the ids of their venue: named precisely, and never taken for a later order of the same id."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger_core import StrategyLedger, open_ledger
from ledger_core.model import RecordKind
from ledger_interop.archive import ArchivedOrders, restore_archive, with_our_ids, write_archive
from ledger_interop.importing import ImportReport, Message, import_messages
from ledger_interop.importing import facts as neutral
from ledger_interop.importing.report import Outcome
from support import START, fill, market_order

pytest.importorskip("pyarrow", reason="pyarrow is not installed: it is the extra `arrow`")

MINUTE = timedelta(minutes=1)
LATER = START + timedelta(days=1)


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Return the folder of archives."""
    return tmp_path / "archives"


@pytest.fixture(params=[False, True], ids=["journal kept", "journal cut"])
def archived(request: pytest.FixtureRequest, tmp_path: Path, to: Path) -> Iterator[StrategyLedger]:
    """Return a ledger whose one round trip, BUY1 and SELL1, is in archive A1."""
    times = iter(START + n * MINUTE for n in range(1_000))
    path = f"sqlite:///{tmp_path / 'bot.db'}?durability=none"
    with open_ledger(path, strategy_id="s", clock=lambda: next(times)) as ledger:
        for minute, side in enumerate(("BUY", "SELL")):
            moment = START + minute * MINUTE
            ledger.record_order(f"{side}1", market_order(side, 10), occurred_at=moment)
            ledger.update_order_acceptance(f"{side}1", {"venue_order_id": f"V-{side}"}, occurred_at=moment)
            ledger.update_order_fill(f"{side}1", fill("F1", 10, 100 + minute), occurred_at=moment)
        write_archive(ledger, before=LATER, to=to, archive_id="A1", cuts_journal=request.param)
        yield ledger


def executed(**keys: Any) -> dict[str, Any]:
    """Return the execution of BUY1 as a broker lists it that has no id of ours."""
    execution = {"fill_id": "F1", "venue_order_id": "V-BUY", "symbol": "ACME", "side": "BUY", "quantity": 10}
    return {**execution, "price": 100, "executed_at": START, **keys}


def listed(**keys: Any) -> dict[str, Any]:
    """Return BUY1 as that broker lists it."""
    order = {"venue_order_id": "V-BUY", "symbol": "ACME", "side": "BUY", "quantity": 10, "status": "FILLED"}
    return {**order, **keys}


def named(venue_id: str, side: str = "BUY", **details: Any) -> neutral.NamedOrder:
    """Return an order that only the venue's id names."""
    return neutral.NamedOrder(venue_id=venue_id, details={"symbol": "ACME", "side": side, **details})


def told(order: neutral.NamedOrder, fill_id: str, minutes: float) -> neutral.Execution:
    """Return an execution of 10 at 100."""
    return neutral.Execution(
        order=order, at=START + minutes * MINUTE, fill_id=fill_id, quantity=Decimal(10), price=Decimal(100)
    )


def book(ledger: StrategyLedger, to: Path, *facts: neutral.AnyFact) -> ImportReport:
    """Import facts, with the archives at hand."""
    messages = [Message(f"message {number}", "fact", (fact,)) for number, fact in enumerate(facts, start=1)]
    with ArchivedOrders(to, ledger.strategy_id) as archives:
        return import_messages(ledger, messages, source="test", archives=archives)


def test_an_order_is_found_by_the_id_of_its_venue(archived: StrategyLedger, to: Path) -> None:
    """In its symbol, on its side and at its venue alone; with its fills."""
    with ArchivedOrders(to, "s") as orders:
        assert orders.named("V-BUY") == "BUY1"
        assert orders.named("V-BUY", symbol="ACME", is_buy=True, venue="XNAS") == "BUY1"
        assert orders.named("V-BUY", symbol="OTHER") is None
        assert orders.named("V-BUY", is_buy=False) is None
        assert orders.named("V-9") is None
        assert [one.kind for one in orders.records_of("BUY1")] == [RecordKind.ORDER, RecordKind.FILL]
        assert orders.records_of("nobody") == []
    with ArchivedOrders(to, "another") as none:
        assert none.named("V-BUY") is None


def test_a_snapshot_that_only_the_venue_names_agrees(archived: StrategyLedger, to: Path) -> None:
    """What was said to be perhaps in an archive is in A1, and nothing is proposed."""
    snapshot = {"open_orders": [listed()], "executions": [executed()], "positions": []}
    assert "may be in an archive" in archived.reconcile(snapshot).missing_here[0].note
    with ArchivedOrders(to, "s") as orders:
        found = archived.reconcile(with_our_ids(snapshot, archived, orders))
        alone = archived.reconcile(with_our_ids({"executions": [executed()]}, archived, orders))
    assert (found.agrees, found.proposals) == (True, ())
    assert {one.key for one in found.matched} == {("BUY1",), ("BUY1", "F1")}
    assert all("in archive 'A1'" in one.note for one in (*found.matched, *alone.matched))
    assert alone.agrees


def test_an_execution_that_the_archive_lacks_names_it(archived: StrategyLedger, to: Path) -> None:
    """One from before the order ended: its order is in A1, without it."""
    missed = executed(fill_id="F7")
    with ArchivedOrders(to, "s") as orders:
        (missing,) = archived.reconcile(with_our_ids({"executions": [missed]}, archived, orders)).missing_here
    assert (missing.key, "is in archive 'A1', without a fill" in missing.note) == (("BUY1", "F7"), True)


@pytest.mark.parametrize(
    "part",
    [
        {"executions": [executed(fill_id="F7", executed_at=LATER)]},
        {"executions": [executed(symbol="OTHER")]},
        {"executions": [executed(fill_id="F7", executed_at=None)]},
        {"open_orders": [listed(status="ACCEPTED")]},
        {"open_orders": [listed(quantity=3)]},
        {"open_orders": [listed(order_id="mine")]},
    ],
    ids=["later", "another symbol", "no time", "open", "another quantity", "our id"],
)
def test_an_id_that_was_given_again_is_another_order(archived: StrategyLedger, to: Path, part: dict[str, Any]) -> None:
    """What does not fit the order in the archive is left as the broker told it."""
    with ArchivedOrders(to, "s") as orders:
        snapshot = with_our_ids(part, archived, orders)
    ids = [one.order_id for one in snapshot.open_orders or ()] + [one.order_id for one in snapshot.executions or ()]
    assert ids in ([None], ["mine"])


def test_what_is_here_goes_first(archived: StrategyLedger, to: Path) -> None:
    """Of two orders that a venue gave one id, the one in the ledger is meant; and one that came back is here."""
    with ArchivedOrders(to, "s") as orders:
        archived.record_order("AGAIN", market_order("BUY", 10, venue_order_id="V-BUY"), occurred_at=LATER)
        (left,) = with_our_ids({"executions": [executed()]}, archived, orders).executions or ()
        assert left.order_id is None
        restore_archive(archived, to / "s" / "A1")
        (back,) = (
            with_our_ids({"executions": [executed(venue_order_id="V-SELL", side="SELL")]}, archived, orders).executions
            or ()
        )
        assert back.order_id is None


def test_an_import_knows_what_only_the_venue_names(archived: StrategyLedger, to: Path) -> None:
    """It was refused, as it might be in an archive; it is, and the same file again changes nothing."""
    bought, sold = named("V-BUY", quantity=Decimal(10)), named("V-SELL", "SELL", quantity=Decimal(10))
    history = (neutral.Placement(order=bought, at=START), told(bought, "F1", 0))
    refused = import_messages(archived, [Message("1", "fact", history)], source="test")
    assert refused.refused == 2
    head = archived.head()
    sale = neutral.Execution(order=sold, at=START + MINUTE, fill_id="F1", quantity=Decimal(10), price=Decimal(101))
    report = book(archived, to, *history, sale)
    assert (report.refused, report.quarantined, report.facts[Outcome.KNOWN]) == (0, 0, 3), list(report.lines())
    assert archived.head() == head


def test_news_of_an_order_that_only_the_venue_names_wait_for_it(archived: StrategyLedger, to: Path) -> None:
    """A late bust, and an execution that the archive lacks: filed under our id, until the archive is back."""
    report = book(
        archived, to, told(named("V-BUY"), "F7", 0), neutral.Bust(order=named("V-BUY"), at=LATER, fill_id="F1")
    )
    assert report.quarantined == 2, list(report.lines())
    assert {(fact.order_id, fact.code) for fact in archived.quarantined()} == {("BUY1", "ARCHIVED")}


def test_an_import_records_a_later_order_of_the_same_id(archived: StrategyLedger, to: Path) -> None:
    """The venue gave its id again: what happened since, and is not in the archive, is another order's."""
    report = book(archived, to, told(named("V-BUY"), "F7", 2_000))
    assert (report.booked, archived.get_order("V-BUY").cum_quantity) == (1, 10)
