"""Requests to cancel and replace: small machines of their own, several in flight, each ended by its answer."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from decimal import Decimal

import pytest

from ledger_core import (
    FactMismatch,
    IdempotencyConflict,
    IllegalTransition,
    OverfillError,
    RequestKind,
    RequestState,
    StrategyLedger,
    UnknownOrder,
)
from support import RecordingPublisher, Store, fill, limit_order


@pytest.fixture
def working(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with an accepted order O1 of 10."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1")
    return ledger


def states(ledger: StrategyLedger, order_id: str = "O1") -> dict[str, tuple[str, str | None]]:
    """Return the state and reason of each request of an order."""
    return {one.request_id: (one.state, one.reason) for one in ledger.get_order(order_id).requests}


def test_request_turns_the_status_at_once_and_never_the_state(
    working: StrategyLedger, published: RecordingPublisher
) -> None:
    """PENDING_CANCEL goes before PENDING_REPLACE; the order's own state is untouched."""
    order = working.request_order_replace("O1", {"limit_price": 99}, "R1")
    assert (order.status, order.state, order.limit_price) == ("PENDING_REPLACE", "ACCEPTED", 100)
    order = working.request_order_cancel("O1", "C1")
    assert (order.status, order.state) == ("PENDING_CANCEL", "ACCEPTED")
    assert published.types[-2:] == ["ORDER_REPLACE_REQUESTED", "ORDER_CANCEL_REQUESTED"]
    assert (published.events[-1]["request_id"], published.events[-1]["status"]) == ("C1", "PENDING_CANCEL")
    replace, cancel = order.requests
    assert (replace.request_kind, cancel.request_kind) == (RequestKind.REPLACE, RequestKind.CANCEL)
    assert replace.changes is not None
    assert replace.changes.limit_price == 99
    assert replace.is_in_flight


def test_requests_without_id_are_numbered_past_those_that_are_taken(working: StrategyLedger) -> None:
    """`<order_id>#<n>` counts the order's requests and skips a name that somebody gave."""
    working.request_order_cancel("O1", "O1#2")
    working.request_order_cancel("O1")
    working.request_order_replace("O1", {"quantity": 12})
    assert list(states(working)) == ["O1#2", "O1#3", "O1#4"]


@pytest.mark.parametrize("again", [{"quantity": 12}, {"quantity": "12.0"}])
def test_same_request_again_is_a_repeat(
    working: StrategyLedger, published: RecordingPublisher, again: dict[str, object]
) -> None:
    """By (order_id, request_id), also after it was answered."""
    first = working.request_order_replace("O1", {"quantity": 12}, "R1")
    head = working.head()
    assert working.request_order_replace("O1", again, "R1") == first
    assert working.head() == head
    answered = working.update_order_replacement("O1", "R1")
    assert working.request_order_replace("O1", again, "R1") == answered


def test_known_request_id_with_other_content_is_a_conflict(working: StrategyLedger) -> None:
    """Other terms, or the other kind, under one id are refused with both."""
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    with pytest.raises(IdempotencyConflict) as refused:
        working.request_order_replace("O1", {"quantity": 13}, "R1")
    assert refused.value.recorded.request_id == "R1"
    with pytest.raises(IdempotencyConflict):
        working.request_order_cancel("O1", "R1")


def test_request_ids_belong_to_their_order(working: StrategyLedger) -> None:
    """Two orders may have requests of one name."""
    working.record_order("O2", limit_order())
    working.request_order_cancel("O1", "C1")
    working.request_order_cancel("O2", "C1")
    working.update_order_request_rejection("O2", "no", "C1")
    assert (states(working)["C1"][0], states(working, "O2")["C1"][0]) == ("REQUESTED", "REJECTED")
    assert [one.order_id for one in working.find_orders(request_id="C1")] == ["O1", "O2"]


@pytest.mark.parametrize("end", ["cancellation", "expiry", "rejection"])
def test_request_about_an_ended_order_is_refused_without_a_trace(working: StrategyLedger, end: str) -> None:
    """Intent is not filed; CANCELED, EXPIRED and REJECTED take no request."""
    getattr(working, f"update_order_{end}")("O1", "the end")
    head = working.head()
    with pytest.raises(IllegalTransition) as refused:
        working.request_order_cancel("O1")
    assert refused.value.quarantine_id is None
    with pytest.raises(IllegalTransition) as refused:
        working.request_order_replace("O1", {"quantity": 5})
    assert refused.value.quarantine_id is None
    assert working.head() == head


def test_answer_with_an_id_ends_that_request_alone(working: StrategyLedger) -> None:
    """Of several in flight, the named one is answered."""
    for number in (12, 14, 16):
        working.request_order_replace("O1", {"quantity": number}, f"R{number}")
    order = working.update_order_replacement("O1", "R14")
    assert (order.quantity, order.status, order.replaces_in_flight) == (14, "PENDING_REPLACE", 2)
    order = working.update_order_request_rejection("O1", "no", "R12")
    assert (order.quantity, order.replaces_in_flight) == (14, 1)
    assert states(working) == {"R12": ("REJECTED", "no"), "R14": ("ACCEPTED", None), "R16": ("REQUESTED", None)}


def test_answer_without_an_id_goes_to_the_oldest_of_its_kind(working: StrategyLedger) -> None:
    """A replacement answers the oldest replace, though a cancel is older; a rejection the oldest of all."""
    working.request_order_cancel("O1", "C1")
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    working.request_order_replace("O1", {"quantity": 14}, "R2")
    assert working.update_order_replacement("O1").quantity == 12
    working.update_order_request_rejection("O1", "no")
    assert [state for state, _ in states(working).values()] == ["REJECTED", "ACCEPTED", "REQUESTED"]


def test_venue_may_answer_a_replace_with_its_own_values(working: StrategyLedger) -> None:
    """What the venue gave goes before what was asked; what it left out is as asked; its new id is learned."""
    working.request_order_replace("O1", {"quantity": 12, "limit_price": 99, "time_in_force": "GTC"}, "R1")
    order = working.update_order_replacement("O1", "R1", {"quantity": 11, "venue_order_id": "V2"})
    assert (order.quantity, order.limit_price, order.time_in_force) == (11, 99, "GTC")
    assert order.venue_order_ids == ("V2",)
    (request,) = order.requests
    assert request.answer is not None
    assert (request.state, request.answer.quantity) == (RequestState.ACCEPTED, 11)


@pytest.mark.parametrize("changes", [None, {"quantity": 12}])
def test_same_answer_again_is_a_repeat_and_the_other_answer_a_conflict(
    working: StrategyLedger, published: RecordingPublisher, changes: dict[str, object] | None
) -> None:
    """By (order_id, request_id): accepted stays accepted."""
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    order = working.update_order_replacement("O1", "R1", changes)
    head, count = working.head(), len(published.events)
    assert working.update_order_replacement("O1", "R1", changes) == order
    with pytest.raises(IdempotencyConflict):
        working.update_order_replacement("O1", "R1", {"quantity": 13})
    with pytest.raises(IdempotencyConflict):
        working.update_order_request_rejection("O1", "no", "R1")
    assert (working.head(), len(published.events)) == (head, count)


def test_rejection_given_twice_is_a_repeat_and_its_acceptance_then_a_conflict(working: StrategyLedger) -> None:
    """By (order_id, request_id): rejected stays rejected, by name and without one."""
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    order = working.update_order_request_rejection("O1", "no", "R1")
    head = working.head()
    assert working.update_order_request_rejection("O1", "other words", "R1") == order
    assert working.update_order_request_rejection("O1", "no") == order
    with pytest.raises(IdempotencyConflict):
        working.update_order_replacement("O1", "R1")
    assert (working.head(), working.quarantined()) == (head, [])


def test_answer_to_no_request_is_filed(working: StrategyLedger) -> None:
    """A rejection of what nobody asked, and a replacement that names a cancel, contradict the order."""
    with pytest.raises(FactMismatch):
        working.update_order_request_rejection("O1", "no", "R9")
    working.request_order_cancel("O1", "C1")
    with pytest.raises(FactMismatch):
        working.update_order_replacement("O1", "C1", {"quantity": 5})
    assert [fact.code for fact in working.quarantined()] == ["FACT_MISMATCH"] * 2
    assert working.get_order("O1").quantity == 10


def test_rejection_that_came_before_its_request_is_booked_with_it(working: StrategyLedger) -> None:
    """An answer that overtook the record of its request waits for it."""
    with pytest.raises(FactMismatch):
        working.update_order_request_rejection("O1", "no", "C1")
    order = working.request_order_cancel("O1", "C1")
    assert (order.status, states(working)) == ("ACCEPTED", {"C1": ("REJECTED", "no")})
    assert working.quarantined() == []


@pytest.mark.parametrize(
    ("end", "cancel", "replace"),
    [
        ("cancellation", ("ACCEPTED", None), ("REJECTED", "ORDER_ENDED")),
        ("expiry", ("REJECTED", "ORDER_ENDED"), ("REJECTED", "ORDER_ENDED")),
        ("rejection", ("REJECTED", "ORDER_ENDED"), ("REJECTED", "ORDER_ENDED")),
    ],
)
def test_end_of_the_order_ends_every_request_in_the_same_entry(
    working: StrategyLedger,
    published: RecordingPublisher,
    end: str,
    cancel: tuple[str, str | None],
    replace: tuple[str, str | None],
) -> None:
    """Cancels are granted by CANCELED, everything else is refused because the order has ended."""
    working.request_order_cancel("O1", "C1")
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    working.request_order_cancel("O1", "C2")
    published.clear()
    order = getattr(working, f"update_order_{end}")("O1", "the end")
    assert states(working) == {"C1": cancel, "R1": replace, "C2": cancel}
    assert (order.cancels_in_flight, order.replaces_in_flight) == (0, 0)
    assert (order.status, {sequence for sequence, _ in published.places}) == (order.state, {6})
    assert working.unresolved().requests == ()
    refused = [one["request_id"] for one in published.of_type("ORDER_REQUEST_REJECTED")]
    assert refused == [name for name, (state, _) in states(working).items() if state == "REJECTED"]


def test_end_of_the_order_leaves_answered_requests_as_they_were(working: StrategyLedger) -> None:
    """Only what is in flight ends with it, wherever it stands among the others."""
    for request_id in ("C1", "C2", "C3"):
        working.request_order_cancel("O1", request_id)
    working.update_order_request_rejection("O1", "too late", "C1")
    assert working.update_order_cancellation("O1").cancels_in_flight == 0
    assert states(working) == {"C1": ("REJECTED", "too late"), "C2": ("ACCEPTED", None), "C3": ("ACCEPTED", None)}


def test_journal_says_what_became_of_each_request(working: StrategyLedger) -> None:
    """From being asked to its answer, also of one that nobody here asked, though no event tells of it alone."""
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    working.request_order_cancel("O1", "C1")
    working.update_order_replacement("O1", "R1")
    working.update_order_replacement("O1", "V1", {"quantity": 11})
    working.update_order_request_rejection("O1", "no", "C1")
    changes = [change for entry in working.read_journal() for change in entry.changes if change.kind == "REQUEST"]
    assert [(change.key[1], change.from_state, change.to_state, change.status) for change in changes] == [
        ("R1", None, "REQUESTED", None),
        ("C1", None, "REQUESTED", None),
        ("R1", "REQUESTED", "ACCEPTED", None),
        ("V1", None, "ACCEPTED", None),
        ("C1", "REQUESTED", "REJECTED", None),
    ]


def test_request_that_nobody_here_made_counts_among_the_names(working: StrategyLedger) -> None:
    """The next one without an id is the second."""
    working.update_order_replacement("O1", "V1", {"quantity": 11})
    working.request_order_cancel("O1")
    assert list(states(working)) == ["V1", "O1#2"]


def test_fill_that_completes_the_order_ends_no_request(working: StrategyLedger) -> None:
    """The venue still answers: until then the status shows the request."""
    working.request_order_cancel("O1", "C1")
    order = working.update_order_fill("O1", fill("F1", 10))
    assert (order.state, order.status, order.is_open) == ("FILLED", "PENDING_CANCEL", False)
    assert [one.request_id for one in working.unresolved().requests] == ["C1"]
    assert working.update_order_request_rejection("O1", "too late", "C1").status == "FILLED"
    assert not working.unresolved()


def test_refusal_of_a_replace_after_the_order_ended_changes_nothing(working: StrategyLedger) -> None:
    """The end already refused it: the venue's own refusal is a repeat."""
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    order = working.update_order_cancellation("O1")
    assert working.update_order_request_rejection("O1", "no such order", "R1") == order


def test_unsolicited_replacement_is_legal_with_and_without_an_id(
    working: StrategyLedger, published: RecordingPublisher
) -> None:
    """With an id it is remembered as a request that nobody here made; without, it repeats by its terms."""
    order = working.update_order_replacement("O1", None, {"quantity": 8})
    head = working.head()
    assert working.update_order_replacement("O1", None, {"quantity": 8}) == order
    assert (order.quantity, order.requests, working.head()) == (8, (), head)
    order = working.update_order_replacement("O1", "V-R1", {"quantity": 7})
    (request,) = order.requests
    assert (order.quantity, request.unsolicited, request.state) == (7, True, "ACCEPTED")
    assert working.update_order_replacement("O1", "V-R1", {"quantity": 7}) == order
    with pytest.raises(IdempotencyConflict):
        working.update_order_replacement("O1", "V-R1", {"quantity": 6})
    assert published.types[-2:] == ["ORDER_REPLACED"] * 2


def test_raise_in_flight_lifts_the_limit_of_fills(working: StrategyLedger) -> None:
    """Up to the largest quantity asked for a fill is none too many; beyond it it is."""
    working.request_order_replace("O1", {"quantity": 12}, "R1")
    working.request_order_replace("O1", {"quantity": 15}, "R2")
    order = working.update_order_fill("O1", fill("F1", 15))
    assert (order.state, order.cum_quantity, order.leaves_quantity, order.overfill_quantity) == ("FILLED", 15, 0, 0)
    with pytest.raises(OverfillError) as refused:
        working.update_order_fill("O1", fill("F2", 1))
    assert (refused.value.limit, refused.value.cum_quantity, refused.value.quantity) == (15, 15, 1)


def test_refused_raise_turns_the_excess_into_an_overfill(working: StrategyLedger) -> None:
    """What was filled beyond the quantity that stands is shown, not hidden; a granted raise takes it away again."""
    working.request_order_replace("O1", {"quantity": 15}, "R1")
    working.request_order_replace("O1", {"quantity": 12}, "R2")
    working.update_order_fill("O1", fill("F1", 14))
    order = working.update_order_request_rejection("O1", "no", "R1")
    assert (order.state, order.overfill_quantity) == ("FILLED", 2)
    order = working.update_order_request_rejection("O1", "no", "R2")
    assert (order.quantity, order.overfill_quantity) == (10, 4)
    order = working.update_order_restatement("O1", {"quantity": 20})
    assert (order.state, order.overfill_quantity, order.leaves_quantity) == ("PARTIALLY_FILLED", 0, 6)


def test_end_of_an_order_turns_the_excess_of_its_raise_into_an_overfill(working: StrategyLedger) -> None:
    """A raise that ends with its order was never granted."""
    working.request_order_replace("O1", {"quantity": 15}, "R1")
    working.update_order_suspension("O1")
    working.update_order_fill("O1", fill("F1", 9))
    working.update_order_fill("O1", fill("F2", "0.5"))
    order = working.update_order_cancellation("O1")
    assert (order.cum_quantity, order.overfill_quantity) == (Decimal("9.5"), 0)


def test_fills_of_a_raise_wait_for_its_request(working: StrategyLedger) -> None:
    """A fill that overtook the record of its raise is filed as an overfill and booked when the raise is recorded."""
    working.update_order_fill("O1", fill("F1", 10))
    with pytest.raises(OverfillError):
        working.update_order_fill("O1", fill("F2", 2))
    order = working.request_order_replace("O1", {"quantity": 12}, "R1")
    assert (order.cum_quantity, order.overfill_quantity, working.quarantined()) == (12, 0, [])


@pytest.mark.parametrize("asked", [3, 6])
def test_replacement_below_the_filled_quantity_is_clamped(working: StrategyLedger, asked: int) -> None:
    """The order is filled at what was filled; nothing is an overfill."""
    working.update_order_fill("O1", fill("F1", 6))
    working.request_order_replace("O1", {"quantity": asked}, "R1")
    order = working.update_order_replacement("O1", "R1")
    assert (order.state, order.quantity, order.leaves_quantity, order.overfill_quantity) == ("FILLED", 6, 0, 0)


def test_every_term_can_be_replaced(working: StrategyLedger) -> None:
    """Quantity, prices, offsets, time in force and expiry; the details stay as first given."""
    first = working.get_order("O1").details
    changes = {
        "quantity": 12,
        "limit_price": "99.50",
        "stop_price": 98,
        "trailing_offset": "0.25",
        "time_in_force": "GTD",
        "expire_at": "2026-03-01T00:00:00+01:00",
    }
    working.request_order_replace("O1", changes)
    order = working.update_order_replacement("O1")
    assert (order.quantity, str(order.limit_price), order.stop_price) == (12, "99.50", 98)
    assert (order.trailing_offset, order.time_in_force) == (Decimal("0.25"), "GTD")
    assert order.expire_at is not None
    assert order.expire_at.isoformat() == "2026-02-28T23:00:00+00:00"
    assert order.details == first
    assert order.current_details.limit_price == Decimal("99.50")


def test_requests_of_one_entry_stand_in_one_order_wherever_they_are_read(ledger: StrategyLedger, store: Store) -> None:
    """Two replacements that waited for their order are booked in one entry; a second reader sees the same order."""
    for request_id in ("R2", "R1"):
        with pytest.raises(UnknownOrder):
            ledger.update_order_replacement("O1", request_id, {"limit_price": 99})
    order = ledger.record_order("O1", limit_order())
    assert [request.request_id for request in order.requests] == ["R1", "R2"]
    assert store.open(read_only=True).get_order("O1") == order
