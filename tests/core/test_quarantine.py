"""Facts that could not be booked: filed, raised, counted in the worst case, and tried again when their order changes."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from functools import partial

import pytest

from ledger_core import (
    CommandRefused,
    FactMismatch,
    IdempotencyConflict,
    IllegalTransition,
    InvalidValue,
    OverfillError,
    StrategyLedger,
    UnknownOrder,
)
from support import START, RecordingPublisher, fill, limit_order

OpenLedger = Callable[..., StrategyLedger]


def file(error: type[CommandRefused], command: Callable[[], object]) -> str:
    """Run a fact that must be refused and filed; return its quarantine id."""
    with pytest.raises(error) as refused:
        command()
    assert refused.value.quarantine_id is not None
    return refused.value.quarantine_id


def test_filed_fact_says_what_it_was_and_why(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """The record holds the command, the code and the sentence; the event names it; nothing else has changed."""
    ledger.record_order("O1", limit_order())
    before = ledger.update_order_fill("O1", fill("F1", 9))
    quarantine_id = file(OverfillError, lambda: ledger.update_order_fill("O1", fill("F2", 2)))
    (fact,) = ledger.quarantined()
    assert (fact.quarantine_id, fact.operation, fact.order_id) == (quarantine_id, "update_order_fill", "O1")
    assert (fact.symbol, fact.side, fact.quantity) == ("ACME", "BUY", 2)
    assert (fact.code, fact.state) == ("OVERFILL", "WAITING")
    assert fact.fact["fill"]["fill_id"] == "F2"
    event = published.events[-1]
    assert (event["event_type"], event["quarantine_id"], event["code"]) == (
        "FACT_QUARANTINED",
        quarantine_id,
        "OVERFILL",
    )
    assert ledger.get_order("O1") == before
    assert ledger.unresolved().quarantined == (fact,)


def test_same_fact_again_raises_the_same_and_files_nothing_also_after_a_restart(open_ledger_on: OpenLedger) -> None:
    """The quarantine id is the fact's for ever."""
    ledger = open_ledger_on()
    first = file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 2)))
    ledger.close()
    again = open_ledger_on()
    assert file(UnknownOrder, lambda: again.update_order_fill("O1", fill("F1", 2, liquidity="MAKER"))) == first
    assert (again.head().sequence, len(again.quarantined())) == (1, 1)


def test_filed_fill_that_comes_again_with_other_figures_is_a_conflict(ledger: StrategyLedger) -> None:
    """Neither of the two is believed over the other."""
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 2)))
    with pytest.raises(IdempotencyConflict) as refused:
        ledger.update_order_fill("O1", fill("F1", 3))
    assert (refused.value.recorded.quantity, refused.value.given.quantity) == (2, 3)
    assert (ledger.head().sequence, len(ledger.quarantined())) == (1, 1)


def test_different_facts_are_filed_apart(ledger: StrategyLedger) -> None:
    """Two fills, or two replacements with other terms, are two facts."""
    for number in (1, 2):
        file(UnknownOrder, partial(ledger.update_order_fill, "O1", fill(f"F{number}", 1)))
        file(UnknownOrder, partial(ledger.update_order_restatement, "O1", {"quantity": number}))
    assert len(ledger.quarantined()) == 4


def test_malformed_argument_is_no_fact(ledger: StrategyLedger) -> None:
    """A caller's bug is refused and not filed."""
    with pytest.raises(InvalidValue) as refused:
        ledger.update_order_fill("O1", fill("F1", -1))
    assert (refused.value.quarantine_id, ledger.quarantined(), ledger.head().sequence) == (None, [], 0)


def test_facts_of_an_order_are_booked_with_it_in_order_of_arrival(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """What came before the order is booked in the entry that records it, and each booking is published."""
    file(UnknownOrder, lambda: ledger.update_order_acceptance("O1", {"venue_order_id": "V1"}))
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 4, 101)))
    file(UnknownOrder, lambda: ledger.update_order_cancellation("O1", "gone"))
    published.clear()
    order = ledger.record_order("O1", limit_order())
    assert (order.state, order.cum_quantity, order.reason) == ("CANCELED", 4, "gone")
    assert {sequence for sequence, _ in published.places} == {4}
    assert published.types == [
        "ORDER_PLACED",
        "ORDER_ACCEPTED",
        "QUARANTINE_RESOLVED",
        "ORDER_PARTIALLY_FILLED",
        "QUARANTINE_RESOLVED",
        "ORDER_CANCELED",
        "QUARANTINE_RESOLVED",
    ]
    assert (ledger.quarantined(), ledger.get_position("ACME").quantity) == ([], 4)
    assert not ledger.unresolved()


def test_recording_an_order_never_fails_because_of_a_filed_fact(ledger: StrategyLedger) -> None:
    """Facts that still cannot be booked stay where they are: too much, the wrong symbol, the wrong side."""
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 11)))
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F2", 1, symbol="OTHER")))
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F3", 1, side="SELL")))
    file(UnknownOrder, lambda: ledger.update_order_request_rejection("O1", "no", "R1"))
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F4", 3)))
    order = ledger.record_order("O1", limit_order())
    assert (order.state, order.cum_quantity) == ("PARTIALLY_FILLED", 3)
    assert [fact.fact.get("fill", {}).get("fill_id") for fact in ledger.quarantined()] == ["F1", "F2", "F3", None]


def test_recording_an_order_whose_instrument_cannot_have_the_fact_does_not_fail(ledger: StrategyLedger) -> None:
    """A filed fill with a price that an inverse contract cannot have stays in quarantine."""
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 1, 0)))
    order = ledger.record_order("O1", limit_order(inverse=True, base_currency="BTC", currency="USD"))
    assert (order.cum_quantity, len(ledger.quarantined())) == (0, 1)


def test_overfill_is_booked_when_the_venue_raises_the_order(ledger: StrategyLedger) -> None:
    """Any change of the order tries its facts again: here a restatement makes room."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 9))
    file(OverfillError, lambda: ledger.update_order_fill("O1", fill("F2", 2)))
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    assert len(ledger.quarantined()) == 1
    order = ledger.update_order_restatement("O1", {"quantity": 11})
    assert (order.state, order.cum_quantity, ledger.quarantined()) == ("FILLED", 11, [])


def test_fact_refused_by_the_table_is_booked_once_the_table_allows_it(ledger: StrategyLedger) -> None:
    """A resumption that overtook its suspension."""
    ledger.record_order("O1", limit_order())
    file(IllegalTransition, lambda: ledger.update_order_resumption("O1"))
    assert ledger.update_order_suspension("O1").state == "ACCEPTED"
    assert ledger.quarantined() == []


def test_fill_by_an_unknown_venue_id_is_booked_by_the_acceptance_that_brings_the_id(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """The caller knew only the venue's id; the acknowledgement names the order."""
    ledger.record_order("O1", limit_order())
    quarantine_id = file(
        UnknownOrder, lambda: ledger.update_order_fill(None, fill("F1", 4, venue_order_id="V1", symbol="ACME"))
    )
    (fact,) = ledger.quarantined()
    assert (fact.order_id, fact.venue_order_id, fact.symbol) == (None, "V1", "ACME")
    order = ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    assert (order.state, order.cum_quantity, ledger.quarantined()) == ("PARTIALLY_FILLED", 4, [])
    assert published.of_type("QUARANTINE_RESOLVED")[0]["quarantine_id"] == quarantine_id


@pytest.mark.parametrize("bringer", ["details", "replacement", "late acceptance", "another fill"])
def test_every_fact_that_brings_the_venue_id_tries_again(ledger: StrategyLedger, bringer: str) -> None:
    """The id may come with the order itself, a replacement, a late acknowledgement, or a fill that names both."""
    if bringer != "details":
        ledger.record_order("O1", limit_order())
        ledger.update_order_acceptance("O1")
    file(UnknownOrder, lambda: ledger.update_order_fill(None, fill("F1", 4, venue_order_id="V1")))
    match bringer:
        case "details":
            ledger.record_order("O1", limit_order(venue_order_id="V1"))
        case "replacement":
            ledger.update_order_replacement("O1", None, {"limit_price": 99, "venue_order_id": "V1"})
        case "late acceptance":
            ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
        case _:
            ledger.update_order_fill("O1", fill("F2", 1, venue_order_id="V1"))
    assert ledger.quarantined() == []
    assert ledger.get_fill("O1", "F1").quantity == 4


def test_fact_that_names_the_venues_id_is_filed_with_it(ledger: StrategyLedger) -> None:
    """Not only a fill: an acknowledgement and the answer of a poll bring one too."""
    file(UnknownOrder, lambda: ledger.update_order_acceptance("O1", {"venue_order_id": "V1"}))
    file(UnknownOrder, lambda: ledger.report_order_status("O1", {"status": "FILLED", "venue_order_id": "V2"}))
    file(UnknownOrder, lambda: ledger.update_order_cancellation("O1"))
    assert [fact.venue_order_id for fact in ledger.quarantined()] == ["V1", "V2", None]


def test_corrected_fact_is_booked_once_it_adds_no_overfill(ledger: StrategyLedger) -> None:
    """What an order is overfilled by already keeps nothing out that comes in the place of what was inferred."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("I1", 10, inferred=True), occurred_at=START)
    quarantine_id = file(OverfillError, lambda: ledger.update_order_fill("O1", fill("I2", 2, inferred=True)))
    ledger.resolve_quarantined(quarantine_id, {"order_id": "O1", "reason": "the venue says so"})
    assert ledger.get_order("O1").overfill_quantity == 2
    file(OverfillError, lambda: ledger.update_order_fill("O1", fill("F1", 15), occurred_at=START))
    ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 13, "price": 100})
    assert ledger.get_order("O1").inferred_quantity == 12
    ledger.correct_order_fill("O1", "C1", {"fill_id": "C2", "quantity": 12, "price": 100})
    order = ledger.get_order("O1")
    assert (order.cum_quantity, order.overfill_quantity, order.inferred_quantity) == (12, 2, 0)
    assert ledger.quarantined() == []


def test_retries_follow_each_other_in_one_entry(ledger: StrategyLedger) -> None:
    """A booked fact may make room for the next, wherever that stands in the queue."""
    file(UnknownOrder, lambda: ledger.update_order_fill(None, fill("F1", 3, venue_order_id="V2")))
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F2", 12)))
    file(UnknownOrder, lambda: ledger.update_order_restatement("O1", {"quantity": 15, "venue_order_id": "V2"}))
    order = ledger.record_order("O1", limit_order())
    assert (order.state, order.cum_quantity, order.quantity) == ("FILLED", 15, 15)
    assert (ledger.quarantined(), ledger.head().sequence) == ([], 4)
    assert ledger.get_position("ACME").quantity == 15


def test_booked_fact_that_comes_again_is_a_repeat(ledger: StrategyLedger) -> None:
    """Out of quarantine a fill is a fill: its redelivery changes nothing, other figures are a conflict."""
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 4)))
    order = ledger.record_order("O1", limit_order())
    head = ledger.head()
    assert ledger.update_order_fill("O1", fill("F1", 4)) == order
    with pytest.raises(IdempotencyConflict):
        ledger.update_order_fill("O1", fill("F1", 5))
    assert ledger.head() == head


def test_fact_that_was_booked_and_is_refused_again_is_filed_anew(ledger: StrategyLedger) -> None:
    """The same suspension-less resumption on another day is another fact."""
    ledger.record_order("O1", limit_order())
    first = file(IllegalTransition, lambda: ledger.update_order_resumption("O1"))
    ledger.update_order_suspension("O1")
    ledger.update_order_guarantee("O1")
    second = file(IllegalTransition, lambda: ledger.update_order_resumption("O1"))
    assert first != second
    assert [fact.quarantine_id for fact in ledger.quarantined()] == [second]


def test_filed_fills_count_in_the_worst_case(ledger: StrategyLedger) -> None:
    """What may have happened is counted as if it had, until it is booked; then it counts once."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 10))
    file(OverfillError, lambda: ledger.update_order_fill("O1", fill("F2", 3)))
    file(UnknownOrder, lambda: ledger.update_order_fill("O2", fill("F3", 4, symbol="ACME", side="SELL")))
    exposure = ledger.get_position_exposure("ACME")
    assert (exposure.net_quantity, exposure.worst_case_long, exposure.worst_case_short) == (10, 13, 6)
    ledger.record_order("O2", limit_order("SELL", 4))
    exposure = ledger.get_position_exposure("ACME")
    assert (exposure.net_quantity, exposure.worst_case_long, exposure.worst_case_short) == (6, 9, 6)


def test_quarantine_survives_a_restart_and_is_tried_again_then(open_ledger_on: OpenLedger) -> None:
    """Facts wait durably, by order id and by venue id."""
    ledger = open_ledger_on()
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 4)))
    file(UnknownOrder, lambda: ledger.update_order_fill(None, fill("F2", 5, venue_order_id="V1")))
    ledger.close()
    again = open_ledger_on()
    assert len(again.quarantined()) == 2
    order = again.record_order("O1", limit_order(venue_order_id="V1"))
    assert (order.cum_quantity, again.quarantined()) == (9, [])


def test_fact_filed_by_one_writer_is_booked_by_the_order_of_another(open_ledger_on: OpenLedger) -> None:
    """Two ledgers on one store: the second knows what the first filed."""
    first, second = open_ledger_on(), open_ledger_on()
    file(UnknownOrder, lambda: first.update_order_fill("O1", fill("F1", 4)))
    assert second.record_order("O1", limit_order()).cum_quantity == 4
    assert first.quarantined() == []


@pytest.mark.parametrize("given", [fill("F1", 1, symbol="OTHER"), fill("F1", 1, side="SELL")])
def test_mismatch_names_the_field_and_both_values(ledger: StrategyLedger, given: dict[str, object]) -> None:
    """What the fact says, and what the order says."""
    ledger.record_order("O1", limit_order())
    with pytest.raises(FactMismatch) as refused:
        ledger.update_order_fill("O1", given)
    field = refused.value.field
    assert (refused.value.given, refused.value.recorded) == (given[field], getattr(ledger.get_order("O1"), field))


def test_history_of_an_order_has_its_filed_facts(ledger: StrategyLedger) -> None:
    """From the first filing to the booking, whichever id the fact was known by."""
    file(UnknownOrder, lambda: ledger.update_order_fill(None, fill("F1", 4, venue_order_id="V1")))
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F2", 4)))
    ledger.record_order("OTHER", limit_order())
    ledger.record_order("O1", limit_order(venue_order_id="V1"))
    assert [entry.sequence for entry in ledger.get_history("O1")] == [1, 2, 4]


def test_history_of_an_order_that_is_not_known_yet_has_its_filed_facts(ledger: StrategyLedger) -> None:
    """An id that only filed facts name can be asked for."""
    file(UnknownOrder, lambda: ledger.update_order_fill("O1", fill("F1", 4)))
    assert [entry.operation for entry in ledger.get_history("O1")] == ["update_order_fill"]
