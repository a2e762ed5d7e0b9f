"""An import of what is in an archive already: repeats are known, news wait in quarantine, nothing is recorded twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from interop.imports import reasons
from ledger_core import StrategyLedger, open_ledger
from ledger_core.lifecycle import OrderState, OrderStatus, RequestKind
from ledger_interop.importing import ImportReport, Message, import_messages
from ledger_interop.importing import facts as neutral
from ledger_interop.importing.report import Outcome

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
FEES = ((Decimal("0.5"), "USD"),)


def at(minutes: float) -> datetime:
    """Return a moment after nine."""
    return NINE + timedelta(minutes=minutes)


def named(order_id: str | None, side: str = "BUY", **more: object) -> neutral.NamedOrder:
    """Return an order with its terms."""
    details = {"symbol": "ACME", "side": side, "quantity": Decimal(10), **more}
    venue_id = None if order_id is None else f"V-{order_id}"
    return neutral.NamedOrder(client_id=order_id, venue_id=venue_id or "V-O1", details=details)


def executed(order: neutral.NamedOrder, fill_id: str, minutes: float, quantity: int = 10) -> neutral.Execution:
    """Return a fill at 100."""
    return neutral.Execution(
        order=order, at=at(minutes), fill_id=fill_id, quantity=Decimal(quantity), price=Decimal(100)
    )


def history() -> list[neutral.AnyFact]:
    """Return the facts of a round trip, with about everything that may happen to orders."""
    bought, sold, gone = named("O1"), named("O2", "SELL"), named("O3")
    return [
        neutral.Placement(order=bought, at=at(0)),
        neutral.Acceptance(order=bought, at=at(1)),
        neutral.Request(
            order=bought, at=at(2), request_id="R1", kind=RequestKind.REPLACE, terms={"quantity": Decimal(12)}
        ),
        neutral.NewTerms(order=bought, at=at(3), terms={"quantity": Decimal(12)}, request_id="R1", asked=True),
        executed(bought, "F1", 4, 9),
        neutral.Correction(
            order=bought, at=at(5), fill_id="F1", correction_id="C1", quantity=Decimal(10), price=Decimal(100)
        ),
        neutral.FeeReport(order=bought, at=at(5), fill_id="F1", fees=FEES),
        executed(bought, "F2", 6, 2),
        neutral.Bust(order=bought, at=at(7), fill_id="F2", reason="erroneous"),
        neutral.Ending(order=bought, at=at(8), state=OrderState.CANCELED),
        neutral.Placement(order=sold, at=at(9)),
        executed(sold, "F1", 10),
        neutral.Status(order=sold, at=at(11), cum_quantity=Decimal(10), status=OrderStatus.FILLED),
        neutral.Placement(order=gone, at=at(12)),
        neutral.Ending(order=gone, at=at(13), state=OrderState.REJECTED, reason="no margin"),
        neutral.Grouping(
            trade_id="T1", orders=(bought, sold), opened_at=at(0), closed_at=at(11), details={}, reason="target"
        ),
    ]


def book(ledger: StrategyLedger, *told: neutral.AnyFact) -> ImportReport:
    """Import facts."""
    messages = (Message(f"message {number}", "fact", (fact,)) for number, fact in enumerate(told, start=1))
    return import_messages(ledger, messages, source="test")


@pytest.fixture
def archived() -> StrategyLedger:
    """Return a ledger whose imported history is in archive A1."""
    ledger = open_ledger(f"memory://{uuid4().hex}", strategy_id="s")
    assert book(ledger, *history()).booked == len(history()) - 1  # the status confirms what was booked
    groups = list(ledger.archivist.archivable(at(10_000)))
    assert [reason for _, reason in ledger.archivist.let_go("A1", groups)] == [None, None]
    assert list(ledger.find_orders()) == []
    return ledger


def test_what_is_in_an_archive_is_known(archived: StrategyLedger) -> None:
    """The same file again changes nothing, and nobody need look."""
    head = archived.head()
    report = book(archived, *history())
    assert archived.head() == head
    assert not report.needs_attention, list(report.lines())
    assert report.facts[Outcome.BOOKED] == 0
    assert report.reasons["known"]["it is in an archive"].count >= 6


@pytest.mark.parametrize(
    "news",
    [
        neutral.Bust(order=named("O1"), at=at(100), fill_id="F1", reason="erroneous"),
        neutral.FeeReport(order=named("O2", "SELL"), at=at(100), fill_id="F1", fees=FEES),
        executed(named("O1"), "F9", 6),
        neutral.Correction(
            order=named("O2", "SELL"),
            at=at(100),
            fill_id="F1",
            correction_id="C2",
            quantity=Decimal(9),
            price=Decimal(100),
        ),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_news_of_what_is_in_an_archive_wait(archived: StrategyLedger, news: neutral.AnyFact) -> None:
    """They are kept in quarantine, once, with what to do; given again they wait still."""
    report = book(archived, news)
    assert (report.quarantined, report.needs_attention) == (1, True)
    assert reasons(report, "quarantined") == ["it is news of what is in an archive: restore that first"]
    (waiting,) = archived.quarantined()
    assert waiting.code == "ARCHIVED"
    assert book(archived, news).quarantined == 1
    assert len(archived.quarantined()) == 1
    assert archived.verify().is_intact


def test_what_cannot_be_told_from_an_archive_is_not_recorded_anew(archived: StrategyLedger) -> None:
    """The venue's ids are in the archive: an order that only they name would be there twice. Later ones are recorded."""
    by_venue = named(None)
    report = book(archived, neutral.Placement(order=by_venue, at=at(0)), executed(by_venue, "F1", 4))
    assert (report.refused, list(archived.find_orders())) == (2, [])
    assert "may be in an archive" in reasons(report, "refused")[0]
    later = neutral.NamedOrder(venue_id="V-9", details=by_venue.details)
    assert book(archived, executed(later, "F1", 20)).booked == 1
    assert archived.get_position("ACME").quantity == 10


def test_a_round_trip_of_archived_orders_is_refused(archived: StrategyLedger) -> None:
    """It cannot be made of what is not there; the one that is in the archive is known."""
    other = neutral.Grouping(trade_id="T2", orders=(named("O1"),), opened_at=at(0), closed_at=None, details={})
    report = book(archived, other)
    assert (report.refused, report.facts[Outcome.KNOWN]) == (1, 0)
    assert archived.quarantined() == []
