"""Events as they are published, to the last key; and what the cache is given of an order or trade."""

from decimal import Decimal
from typing import Any

import pytest

from ledger_core._frozen import freeze
from ledger_core.changes import GENESIS_DIGEST, Change, EventType, Head
from ledger_core.codec import dump_record
from ledger_core.events import context_of, events_of
from ledger_core.lifecycle import OrderState, TradeState
from ledger_core.model import RecordKind, Side
from ledger_core.testing.samples import entry, later, leg, order, request, trade

EMPTY = Head(0, GENESIS_DIGEST)
NOTHING = dict.fromkeys(("order_id", "trade_id", "from_state", "to_state", "status"))


def published(*changes: Change) -> list[dict[str, Any]]:
    """Return what is published of an entry."""
    made = entry(
        EMPTY,
        strategy_id="alpha",
        operation="update_order_fill",
        command_id="C-1",
        occurred_at=later(1),
        recorded_at=later(2),
        changes=changes,
    )
    common = {
        "sequence": 1,
        "strategy_id": "alpha",
        "occurred_at": "2026-03-02T12:00:01.123456Z",
        "recorded_at": "2026-03-02T12:00:02.123456Z",
        "digest": made.digest,
        "operation": "update_order_fill",
        "command_id": "C-1",
    }
    events = events_of(made)
    for index, event in enumerate(events):
        assert {name: event.pop(name) for name in common} == common
        assert event.pop("index") == index
    return events


def change(kind: RecordKind, event_type: EventType | None, *key: str, **given: Any) -> Change:
    """Return a change that sets a value or none."""
    return Change(kind=kind, key=key, version=2, event_type=event_type, **{"values": {}, **given})


def test_each_change_with_an_event_is_published_in_its_place() -> None:
    """Those without are not, and do not count."""
    events = published(
        change(RecordKind.FILL, None, "O-1", "F-1", values={"quantity": Decimal("1.50"), "index": 0}),
        change(
            RecordKind.ORDER,
            EventType.ORDER_FILLED,
            "O-1",
            values={"cum_quantity": Decimal(10)},
            from_state="ACCEPTED",
            to_state="FILLED",
            status="FILLED",
            facts=freeze({"fill_id": "F-1", "late": True}),
        ),
        change(RecordKind.POSITION, None, "AAPL", "", "", "NET"),
        change(RecordKind.TRADE, EventType.TRADE_UPDATED, "T-1", from_state="OPEN", to_state="OPEN"),
        change(
            RecordKind.QUARANTINE, EventType.FACT_QUARANTINED, "Q-1", facts=freeze({"code": "X", "order_id": "O-9"})
        ),
    )
    assert events == [
        {
            **NOTHING,
            "event_type": "ORDER_FILLED",
            "order_id": "O-1",
            "from_state": "ACCEPTED",
            "to_state": "FILLED",
            "status": "FILLED",
            "changed": {"cum_quantity": "10"},
            "fill_id": "F-1",
            "late": True,
            "fill": {"fill_id": "F-1", "quantity": "1.5", "index": 0},
        },
        {
            **NOTHING,
            "event_type": "TRADE_UPDATED",
            "trade_id": "T-1",
            "from_state": "OPEN",
            "to_state": "OPEN",
            "changed": {},
        },
        {
            **NOTHING,
            "event_type": "FACT_QUARANTINED",
            "quarantine_id": "Q-1",
            "code": "X",
            "order_id": "O-9",
            "changed": {},
        },
    ]
    assert [type(event["event_type"]) for event in events] == [str] * 3


def test_an_executions_event_has_its_own_fill() -> None:
    """Of several in one entry, of the same id on another order, and beside a request of that name."""
    events = published(
        change(RecordKind.REQUEST, None, "O-1", "F-1", values={"reason": "none"}),
        change(RecordKind.FILL, None, "O-2", "F-1", values={"sequence": 2}),
        change(RecordKind.FILL, None, "O-1", "F-2", values={"sequence": 3}),
        change(RecordKind.FILL, None, "O-1", "F-1", values={"sequence": 4}),
        change(RecordKind.ORDER, EventType.ORDER_FILLED, "O-1", facts=freeze({"fill_id": "F-1"})),
    )
    assert [event["fill"] for event in events] == [{"fill_id": "F-1", "sequence": 4}]


def test_what_a_subscriber_does_to_an_event_is_its_own() -> None:
    """Objects and lists are copies, all the way down; the next one sees them as they were."""
    facts = freeze({"before": {"legs": [{"a": 1}, "text"]}})
    values = {"metadata": freeze({"a": [1, {"b": None}], "t": "x"})}
    made = entry(EMPTY, changes=[change(RecordKind.TRADE, EventType.TRADE_UPDATED, "T-1", values=values, facts=facts)])
    (event,) = events_of(made)
    assert event["before"] == {"legs": [{"a": 1}, "text"]}
    assert event["changed"] == {"metadata": {"a": [1, {"b": None}], "t": "x"}}
    event["before"]["legs"][0]["a"] = 2
    event["changed"]["metadata"]["a"][1]["b"] = 2
    event["changed"]["metadata"]["a"].append(3)
    (again,) = events_of(made)
    assert again["before"] == {"legs": [{"a": 1}, "text"]}
    assert again["changed"] == {"metadata": {"a": [1, {"b": None}], "t": "x"}}


def test_context_of_an_order_has_what_derives_from_it() -> None:
    """As text, with its requests; it is complete without any entry before it."""
    given = order(
        state=OrderState.PARTIALLY_FILLED,
        quantity=Decimal("10.0"),
        cum_quantity=Decimal("4.0"),
        executed_value=Decimal(42),
        cancels_in_flight=1,
        request_count=1,
        requests=(request(),),
        version=5,
    )
    assert context_of(given, "alpha") == {
        **dump_record(given),
        "strategy_id": "alpha",
        "version": 5,
        "state": "PARTIALLY_FILLED",
        "status": "PENDING_CANCEL",
        "is_open": True,
        "cum_quantity": "4",
        "leaves_quantity": "6",
        "average_price": "10.5",
        "requests": [dump_record(request())],
    }


@pytest.mark.parametrize("field", ["leaves_quantity", "average_price"])
def test_what_is_not_known_of_an_order_is_none(field: str) -> None:
    """Nothing is filled, and the quantity is the venue's to say."""
    context = context_of(order(), "alpha")
    assert context[field] is None
    assert (context["cum_quantity"], context["requests"], context["state"], context["version"]) == (
        "0",
        [],
        "PLACED",
        1,
    )


def test_context_of_a_trade_has_its_figures() -> None:
    """As text; those of several instruments are none of them a figure."""
    figures: dict[str, Any] = {
        "bought_quantity": Decimal(10),
        "bought_value": Decimal(1000),
        "sold_quantity": Decimal(4),
        "sold_value": Decimal(420),
        "currency": "USD",
    }
    given = trade(legs=(leg(**figures),), version=3)
    expected = {
        "strategy_id": "alpha",
        "version": 3,
        "state": "OPEN",
        "direction": "BUY",
        "currency": "USD",
        "entry_quantity": "10",
        "exit_quantity": "4",
        "open_quantity": "6",
        "average_entry_price": "100",
        "average_exit_price": "105",
        "realized_pnl": "20",
    }
    assert context_of(given, "alpha") == {**dump_record(given), **expected}
    several = trade(legs=(leg(**figures), leg("B", direction=Side.SELL, currency="EUR")), state=TradeState.CLOSED)
    found = context_of(several, "alpha")
    names = ("currency", "entry_quantity", "exit_quantity", "open_quantity", "average_entry_price", "realized_pnl")
    assert [found[name] for name in names] == [None] * 6
    assert (found["state"], found["average_exit_price"]) == ("CLOSED", None)
