"""Facts in quarantine, decided by hand: booked onto an order, onto a new one, or dismissed, each on the record."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from typing import Any

import pytest

from ledger_core import (
    CommandRefused,
    FactMismatch,
    IdempotencyConflict,
    InvalidValue,
    OverfillError,
    StrategyLedger,
    UnknownOrder,
)
from support import RecordingPublisher, fill, limit_order


def filed(ledger: StrategyLedger, order_id: str | None, data: dict[str, Any]) -> str:
    """Give a fill that cannot be booked; return where it was filed."""
    with pytest.raises(CommandRefused) as refused:
        ledger.update_order_fill(order_id, data)
    assert refused.value.quarantine_id is not None
    return refused.value.quarantine_id


def test_fact_is_booked_onto_the_order_that_a_person_names(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """The venue's id was never told to us: the fill belongs to an order that is here."""
    ledger.record_order("O1", limit_order())
    quarantine_id = filed(ledger, None, fill("F1", 4, venue_order_id="V1"))
    before = ledger.head().sequence
    fact = ledger.resolve_quarantined(quarantine_id, {"order_id": "O1", "reason": "matched by hand"})
    assert (fact.state, fact.resolution, fact.order_id) == ("BOOKED", "matched by hand", "O1")
    assert ledger.get_order("O1").cum_quantity == 4
    assert (ledger.quarantined(), ledger.head().sequence) == ([], before + 1)
    event = published.events[-1]
    assert (event["event_type"], event["quarantine_id"], event["reason"]) == (
        "QUARANTINE_RESOLVED",
        quarantine_id,
        "matched by hand",
    )


def test_fact_is_attached_to_a_new_order(ledger: StrategyLedger) -> None:
    """An order that was placed past the ledger is recorded with its fill, in one entry."""
    quarantine_id = filed(ledger, "by hand", fill("F1", 4))
    details = limit_order(origin="MANUAL")
    ledger.resolve_quarantined(quarantine_id, {"order_id": "M1", "order_details": details, "reason": "placed by phone"})
    assert (ledger.get_order("M1").state, ledger.get_order("M1").cum_quantity) == ("PARTIALLY_FILLED", 4)
    assert ledger.get_position("ACME").quantity == 4


def test_fact_is_dismissed_with_a_reason(ledger: StrategyLedger) -> None:
    """It changes nothing, stays on the record, and is not tried again."""
    quarantine_id = filed(ledger, "O1", fill("F1", 4))
    fact = ledger.resolve_quarantined(quarantine_id, {"dismiss": True, "reason": "test order"})
    assert (fact.state, fact.resolution, fact.order_id) == ("DISMISSED", "test order", "O1")
    order = ledger.record_order("O1", limit_order())
    assert (order.cum_quantity, ledger.quarantined()) == (0, [])


def test_person_may_book_an_overfill(ledger: StrategyLedger) -> None:
    """What the ledger would not book by itself becomes the order's overfill."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 10))
    quarantine_id = filed(ledger, "O1", fill("F2", 3))
    ledger.resolve_quarantined(quarantine_id, {"order_id": "O1", "reason": "venue confirmed"})
    order = ledger.get_order("O1")
    assert (order.cum_quantity, order.overfill_quantity, order.state) == (13, 3, "FILLED")


def test_what_no_order_can_take_stays_refused(ledger: StrategyLedger) -> None:
    """A sell is no fill of a buy, whoever says so; nothing is written."""
    ledger.record_order("O1", limit_order())
    quarantine_id = filed(ledger, "O2", fill("F1", 4, side="SELL"))
    head = ledger.head()
    with pytest.raises(FactMismatch):
        ledger.resolve_quarantined(quarantine_id, {"order_id": "O1", "reason": "guess"})
    with pytest.raises(UnknownOrder):
        ledger.resolve_quarantined(quarantine_id, {"order_id": "O9", "reason": "guess"})
    assert (ledger.head(), len(ledger.quarantined())) == (head, 1)


def test_resolution_given_twice_is_one(ledger: StrategyLedger) -> None:
    """The same again is a repeat; another one is a conflict."""
    ledger.record_order("O1", limit_order())
    quarantine_id = filed(ledger, None, fill("F1", 4, venue_order_id="V1"))
    first = ledger.resolve_quarantined(quarantine_id, {"order_id": "O1", "reason": "matched"})
    head = ledger.head()
    assert ledger.resolve_quarantined(quarantine_id, {"order_id": "O1", "reason": "matched"}) == first
    with pytest.raises(IdempotencyConflict):
        ledger.resolve_quarantined(quarantine_id, {"dismiss": True, "reason": "no"})
    assert ledger.head() == head


def test_corrected_fact_is_booked_as_corrected(ledger: StrategyLedger) -> None:
    """Corrections that came while it waited are booked with it."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 8))
    with pytest.raises(OverfillError):
        ledger.update_order_fill("O1", fill("F2", 5))
    ledger.correct_order_fill("O1", "F2", {"fill_id": "C1", "quantity": 4, "price": 101})
    (fact,) = ledger.quarantined()
    assert fact.quantity == 4
    ledger.resolve_quarantined(fact.quarantine_id, {"order_id": "O1", "reason": "confirmed"})
    assert (ledger.get_fill("O1", "F2").quantity, ledger.get_order("O1").overfill_quantity) == (4, 2)


def test_corrected_fact_is_booked_as_corrected_onto_another_order(ledger: StrategyLedger) -> None:
    """Its corrections go where it goes."""
    ledger.record_order("O1", limit_order(quantity=4))
    ledger.record_order("O2", limit_order())
    quarantine_id = filed(ledger, "O1", fill("F1", 9))
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 8, "price": 101})
    fact = ledger.resolve_quarantined(quarantine_id, {"order_id": "O2", "reason": "it was the other one"})
    assert (fact.order_id, ledger.get_fill("O2", "F1").price) == ("O2", 101)
    assert (ledger.get_order("O1").cum_quantity, ledger.get_order("O2").cum_quantity) == (0, 8)


@pytest.mark.parametrize(("resolution", "argument"), [
    ({"order_id": "O1"}, "resolution.reason"),
    ({"reason": "x"}, "resolution.order_id"),
    ({"dismiss": True, "order_id": "O1", "reason": "x"}, "resolution.order_id"),
    ({"dismiss": True, "order_details": limit_order(), "reason": "x"}, "resolution.order_details"),
    ({"order_id": "O1", "order_details": {"symbol": "A"}, "reason": "x"}, "resolution.order_details.side"),
    ({"forget": True, "reason": "x"}, "resolution"),
])  # fmt: skip
def test_malformed_resolution_is_refused(ledger: StrategyLedger, resolution: dict[str, Any], argument: str) -> None:
    """Booked or dismissed, with a reason."""
    with pytest.raises(InvalidValue) as refused:
        ledger.resolve_quarantined("Q-1", resolution)
    assert refused.value.argument == argument


def test_unknown_quarantine_id_is_refused(ledger: StrategyLedger) -> None:
    """By name."""
    with pytest.raises(InvalidValue) as refused:
        ledger.resolve_quarantined("Q-1", {"dismiss": True, "reason": "x"})
    assert refused.value.argument == "quarantine_id"
