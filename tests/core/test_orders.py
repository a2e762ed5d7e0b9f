"""Placing an order, acknowledging and ending it: each command, its repeats, its conflicts."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from ledger_core import (
    STRATEGY_LEDGER_UPDATED,
    IdempotencyConflict,
    IllegalTransition,
    InstrumentTermsConflict,
    InvalidValue,
    OrderDetails,
    OrderType,
    Side,
    StrategyLedger,
    UnknownOrder,
)
from support import START, RecordingPublisher, fill, limit_order, market_order

FULL_DETAILS: dict[str, Any] = {
    "symbol": "ACME",
    "side": "BUY",
    "order_type": "STOP_LIMIT",
    "quantity": "10.50",
    "limit_price": "100.10",
    "stop_price": "99",
    "trailing_offset": "0.5",
    "time_in_force": "GTD",
    "expire_at": datetime(2026, 2, 1, tzinfo=UTC),
    "venue": "XNAS",
    "account": "A-1",
    "position_side": "LONG",
    "venue_order_id": "V-0",
    "currency": "USD",
    "base_currency": "ACM",
    "multiplier": 5,
    "inverse": False,
    "reduce_only": False,
    "post_only": True,
    "parent_order_id": "P-1",
    "order_list_id": "L-1",
    "execution_group_id": "G-1",
    "trade_plan_id": "TP-1",
    "arrival_price": "100.05",
    "origin": "external",
    "metadata": {"why": ["because", 1, None]},
}


def unchanged(ledger: StrategyLedger, published: RecordingPublisher, command: Callable[[], object]) -> object:
    """Run a command that must write and publish nothing; return its answer."""
    head, count = ledger.head(), len(published.events)
    answer = command()
    assert (ledger.head(), len(published.events)) == (head, count)
    return answer


def test_order_is_recorded_with_every_detail(open_ledger_on: Callable[..., StrategyLedger]) -> None:
    """What was ordered is kept as given, and comes back the same after a restart."""
    ledger = open_ledger_on()
    order = ledger.record_order("O1", FULL_DETAILS)
    numbers = ("quantity", "limit_price", "stop_price", "trailing_offset", "multiplier", "arrival_price")
    for name, value in FULL_DETAILS.items():
        if name not in (*numbers, "metadata"):
            assert getattr(order.details, name) == value
    assert json.loads(json.dumps(order.details.metadata)) == FULL_DETAILS["metadata"]
    assert (order.quantity, str(order.limit_price), order.details.multiplier) == (Decimal("10.5"), "100.10", 5)
    assert (order.state, order.status, order.is_open) == ("PLACED", "PLACED", True)
    assert (order.cum_quantity, order.leaves_quantity, order.average_price) == (0, Decimal("10.5"), None)
    assert order.venue_order_ids == ("V-0",)
    assert (order.placed_at, order.sequence, order.version) == (START, 1, 1)
    ledger.close()
    assert open_ledger_on().get_order("O1") == order


def test_details_may_be_an_attrs_value(ledger: StrategyLedger) -> None:
    """A mapping or the class: the order is the same."""
    details = OrderDetails(symbol="ACME", side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(3))
    assert ledger.record_order("O1", details) == ledger.record_order("O1", market_order(quantity=3))


def test_placing_publishes_one_event(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """The event names the order, its states, the place in the journal and what was set."""
    order = ledger.record_order("O1", limit_order())
    (event,) = published.events
    assert published.names == [STRATEGY_LEDGER_UPDATED]
    expected = {
        "event_type": "ORDER_PLACED",
        "sequence": 1,
        "index": 0,
        "strategy_id": "alpha",
        "order_id": "O1",
        "trade_id": None,
        "from_state": None,
        "to_state": "PLACED",
        "status": "PLACED",
        "operation": "record_order",
        "command_id": None,
        "digest": ledger.head().digest,
    }
    assert {name: event[name] for name in expected} == expected
    assert event["occurred_at"] == "2026-01-05T09:00:00.000000Z"
    assert event["changed"]["details"]["quantity"] == "10"
    assert order.recorded_at.isoformat(timespec="microseconds")[:26] + "Z" == event["recorded_at"]


@pytest.mark.parametrize("later", [{}, {"metadata": {"other": True}}, {"placed_at": START + timedelta(days=1)}])
def test_same_order_again_is_a_repeat(
    ledger: StrategyLedger, published: RecordingPublisher, later: dict[str, Any]
) -> None:
    """The same id with the same details, metadata and times aside, answers with the order as it is now."""
    ledger.record_order("O1", limit_order())
    filled = ledger.update_order_fill("O1", fill("F1", 4))
    assert unchanged(ledger, published, lambda: ledger.record_order("O1", limit_order(**later))) == filled


@pytest.mark.parametrize(
    "other",
    [
        {"symbol": "OTHER"},
        {"side": "SELL"},
        {"quantity": 11},
        {"limit_price": 101},
        {"order_type": "MARKET"},
        {"venue": "XNAS"},
        {"time_in_force": "GTC"},
        {"trade_plan_id": "TP"},
    ],
)
def test_known_order_id_with_other_details_is_a_conflict(
    ledger: StrategyLedger, published: RecordingPublisher, other: dict[str, Any]
) -> None:
    """The refusal holds both details, and nothing is written."""
    ledger.record_order("O1", limit_order())

    def again() -> None:
        with pytest.raises(IdempotencyConflict) as refused:
            ledger.record_order("O1", {**limit_order(), **other})
        assert refused.value.recorded == ledger.get_order("O1").details
        assert refused.value.given != refused.value.recorded
        assert refused.value.quarantine_id is None

    unchanged(ledger, published, again)


def test_repeat_compares_with_the_details_first_given_not_with_the_terms_as_now(ledger: StrategyLedger) -> None:
    """After a replacement the first details are still the order's content."""
    ledger.record_order("O1", limit_order())
    replaced = ledger.update_order_replacement("O1", changes={"quantity": 20, "limit_price": 99})
    assert ledger.record_order("O1", limit_order()) == replaced
    with pytest.raises(IdempotencyConflict):
        ledger.record_order("O1", limit_order(quantity=20, limit_price=99))


@pytest.mark.parametrize(
    "terms",
    [{"multiplier": 2}, {"inverse": True}, {"currency": "EUR"}, {"base_currency": "OTHER"}],
)
def test_instrument_terms_belong_to_venue_and_symbol(ledger: StrategyLedger, terms: dict[str, Any]) -> None:
    """Other terms for a known (venue, symbol) are refused; another venue has its own; silence says nothing."""
    ledger.record_order("O1", limit_order(multiplier=1, inverse=False, currency="USD", base_currency="ACM"))
    head = ledger.head()
    with pytest.raises(InstrumentTermsConflict) as refused:
        ledger.record_order("O2", limit_order(**terms))
    ((name, value),) = terms.items()
    assert (refused.value.field, refused.value.given) == (name, value)
    assert ledger.head() == head
    ledger.record_order("O3", limit_order(venue="XNAS", **terms))
    ledger.record_order("O4", limit_order())


def test_terms_that_were_not_known_may_be_added_later(ledger: StrategyLedger) -> None:
    """A currency that the first order left out is noted with the order that names it."""
    ledger.record_order("O1", limit_order())
    ledger.record_order("O2", limit_order(currency="USD"))
    ledger.update_order_fill("O1", fill("F1", 1))
    assert ledger.get_position("ACME").currency == "USD"
    with pytest.raises(InstrumentTermsConflict):
        ledger.record_order("O3", limit_order(currency="EUR"))


def test_terms_at_their_defaults_are_not_written(ledger: StrategyLedger) -> None:
    """A multiplier of one, and not inverse: the journal says of an instrument what is peculiar to it."""
    ledger.record_order("O1", limit_order(multiplier=1, inverse=False, currency="USD"))
    (entry,) = ledger.read_journal()
    (change,) = (change for change in entry.changes if change.kind == "INSTRUMENT")
    assert change.values == {"currency": "USD"}


def test_acceptance_brings_id_and_state(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """The acknowledgement accepts the order and teaches the venue's id."""
    ledger.record_order("O1", limit_order())
    order = ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    assert (order.state, order.venue_order_ids) == ("ACCEPTED", ("V1",))
    event = published.events[-1]
    assert (event["event_type"], event["from_state"], event["to_state"]) == ("ORDER_ACCEPTED", "PLACED", "ACCEPTED")


def test_acceptance_again_is_a_repeat_and_a_further_id_is_noted(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """Without difference nothing happens; another venue id is added, published as ORDER_UPDATED, no state moves."""
    ledger.record_order("O1", limit_order())
    order = ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    repeats: tuple[dict[str, Any] | None, ...] = (None, {}, {"venue_order_id": "V1"})
    for data in repeats:
        assert unchanged(ledger, published, partial(ledger.update_order_acceptance, "O1", data)) == order
    more = ledger.update_order_acceptance("O1", {"venue_order_id": "V2"})
    assert (more.state, more.venue_order_ids, published.types[-1]) == ("ACCEPTED", ("V1", "V2"), "ORDER_UPDATED")


@pytest.mark.parametrize(
    ("end", "state", "event_type"),
    [
        ("cancellation", "CANCELED", "ORDER_CANCELED"),
        ("expiry", "EXPIRED", "ORDER_EXPIRED"),
        ("rejection", "REJECTED", "ORDER_REJECTED"),
    ],
)
def test_end_of_an_order_keeps_its_fills_and_its_reason(
    ledger: StrategyLedger, published: RecordingPublisher, end: str, state: str, event_type: str
) -> None:
    """An ended order has nothing left; when and why it ended is kept; the same end again changes nothing."""
    update = getattr(ledger, f"update_order_{end}")
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4))
    when = START + timedelta(hours=1)
    order = update("O1", "because", occurred_at=when)
    assert (order.state, order.cum_quantity, order.leaves_quantity) == (state, 4, 0)
    assert (order.is_open, order.reason, order.ended_at) == (False, "because", when)
    assert (published.types[-1], published.events[-1]["reason"]) == (event_type, "because")
    assert unchanged(ledger, published, lambda: update("O1", "another reason")) == order


def test_trigger_is_a_flag_and_no_state(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """A triggered stop keeps its state; a second trigger changes nothing."""
    ledger.record_order("O1", limit_order(order_type="STOP", stop_price=90))
    assert not ledger.update_order_acceptance("O1").triggered
    order = ledger.update_order_trigger("O1")
    assert (order.state, order.triggered, published.types[-1]) == ("ACCEPTED", True, "ORDER_TRIGGERED")
    assert unchanged(ledger, published, lambda: ledger.update_order_trigger("O1")) == order


def test_doubt_keeps_its_reason_and_the_answer_ends_it(ledger: StrategyLedger) -> None:
    """A timed-out call is in doubt until the venue speaks; a later doubt does not come back."""
    ledger.record_order("O1", limit_order())
    assert ledger.update_order_in_doubt("O1", "timeout").reason == "timeout"
    assert ledger.update_order_acceptance("O1").state == "ACCEPTED"
    head = ledger.head()
    assert ledger.update_order_in_doubt("O1").state == "ACCEPTED"
    assert ledger.head() == head


def test_doubt_shows_before_any_request(ledger: StrategyLedger) -> None:
    """While in doubt the status says so, whatever requests are in flight."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_in_doubt("O1")
    order = ledger.request_order_cancel("O1")
    assert (order.status, order.cancels_in_flight) == ("IN_DOUBT", 1)
    assert ledger.update_order_acceptance("O1").status == "PENDING_CANCEL"


def test_named_time_and_occurred_at_must_agree(ledger: StrategyLedger) -> None:
    """placed_at and executed_at are the occurred_at of their command; two different times are refused."""
    when = START - timedelta(hours=1)
    assert ledger.record_order("O1", limit_order(placed_at=when)).placed_at == when
    assert ledger.record_order("O2", limit_order(placed_at=when), occurred_at=when).placed_at == when
    with pytest.raises(InvalidValue) as refused:
        ledger.record_order("O3", limit_order(placed_at=when), occurred_at=START)
    assert refused.value.argument == "order_details.placed_at"


FACTS: list[tuple[str, Callable[[StrategyLedger], object]]] = [
    ("acceptance", lambda ledger: ledger.update_order_acceptance("O9")),
    ("fill", lambda ledger: ledger.update_order_fill("O9", fill("F1", 1))),
    ("rejection", lambda ledger: ledger.update_order_rejection("O9", "no")),
    ("cancellation", lambda ledger: ledger.update_order_cancellation("O9")),
    ("expiry", lambda ledger: ledger.update_order_expiry("O9")),
    ("in_doubt", lambda ledger: ledger.update_order_in_doubt("O9")),
    ("trigger", lambda ledger: ledger.update_order_trigger("O9")),
    ("guarantee", lambda ledger: ledger.update_order_guarantee("O9")),
    ("suspension", lambda ledger: ledger.update_order_suspension("O9")),
    ("resumption", lambda ledger: ledger.update_order_resumption("O9")),
    ("done_for_day", lambda ledger: ledger.update_order_done_for_day("O9")),
    ("restatement", lambda ledger: ledger.update_order_restatement("O9", {"quantity": 5})),
    ("replacement", lambda ledger: ledger.update_order_replacement("O9", changes={"quantity": 5})),
    ("request_rejection", lambda ledger: ledger.update_order_request_rejection("O9", "no", "R1")),
]


@pytest.mark.parametrize(("name", "fact"), FACTS, ids=[name for name, _ in FACTS])
def test_every_fact_about_an_unknown_order_is_filed(
    ledger: StrategyLedger, published: RecordingPublisher, name: str, fact: Callable[[StrategyLedger], object]
) -> None:
    """A fact whose order is not known is kept in quarantine and raised; the same again files nothing more."""
    quarantine_ids = set()
    for _ in range(2):
        with pytest.raises(UnknownOrder) as refused:
            fact(ledger)
        quarantine_ids.add(refused.value.quarantine_id)
    (filed,) = ledger.quarantined()
    assert quarantine_ids == {filed.quarantine_id}
    assert (filed.operation, filed.order_id, filed.code) == (f"update_order_{name}", "O9", "UNKNOWN_ORDER")
    assert (published.types, ledger.head().sequence) == (["FACT_QUARANTINED"], 1)
    assert published.events[0]["quarantine_id"] == filed.quarantine_id


@pytest.mark.parametrize(
    "intent",
    [
        lambda ledger: ledger.request_order_cancel("O9"),
        lambda ledger: ledger.request_order_replace("O9", {"quantity": 5}),
        lambda ledger: ledger.get_order("O9"),
        lambda ledger: ledger.get_fill("O9", "F1"),
        lambda ledger: ledger.get_order_day("O9", "2026-01-05"),
        lambda ledger: ledger.get_history("O9"),
        lambda ledger: ledger.create_trade("T1", ["O9"]),
    ],
)
def test_intent_and_questions_about_an_unknown_order_are_refused_without_a_trace(
    ledger: StrategyLedger, intent: Callable[[StrategyLedger], object]
) -> None:
    """What is ours, not the venue's, is not filed: the caller is told, and nothing is written."""
    with pytest.raises(UnknownOrder) as refused:
        intent(ledger)
    assert (refused.value.order_id, refused.value.quarantine_id) == ("O9", None)
    assert ledger.head().sequence == 0


def test_ids_of_orders_and_trades_are_one_namespace(ledger: StrategyLedger) -> None:
    """An order cannot take a trade's id, nor a trade an order's."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 1))
    ledger.create_trade("T1", ["O1"])
    head = ledger.head()
    with pytest.raises(IdempotencyConflict):
        ledger.record_order("T1", limit_order())
    ledger.record_order("O2", limit_order())
    ledger.update_order_fill("O2", fill("F1", 1))
    with pytest.raises(IdempotencyConflict):
        ledger.create_trade("O1", ["O2"])
    assert ledger.head().sequence == head.sequence + 2


def test_illegal_fact_names_state_event_and_what_is_allowed(ledger: StrategyLedger) -> None:
    """The refusal says what the order is and what could have happened to it."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_rejection("O1", "no")
    with pytest.raises(IllegalTransition) as refused:
        ledger.update_order_acceptance("O1")
    error = refused.value
    assert (error.code, error.state, error.event) == ("ILLEGAL_TRANSITION", "REJECTED", "ACCEPTANCE")
    assert "COMPLETING_FILL" in error.allowed
    assert "CANCELLATION" not in error.allowed
