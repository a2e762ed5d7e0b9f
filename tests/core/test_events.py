"""What subscribers are told of each command: the events of its entry, with their states and the facts beside them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from ledger_core import CommandRefused, StrategyLedger
from ledger_storage_memory import MemoryRepository
from support import RecordingPublisher, SteppingClock, fill, limit_order, market_order
from support.trading import at

Told = Callable[[StrategyLedger], object]
Event = Mapping[str, Any]

_OF_EVERY_EVENT = {
    "sequence",
    "index",
    "strategy_id",
    "occurred_at",
    "recorded_at",
    "digest",
    "operation",
    "command_id",
}
_ELSEWHERE = {"changed", "fill", "quarantine_id"}


def of_order(event_type: str, before: str | None, after: str, status: str | None = None, /, **facts: Any) -> Event:
    """Return what is said of an order, O1 unless it is named; its status is the state unless told."""
    states = {"from_state": before, "to_state": after, "status": status or after}
    return {"event_type": event_type, "order_id": "O1", "trade_id": None, **states, **facts}


def of_trade(event_type: str, before: str | None, after: str, /, **facts: Any) -> Event:
    """Return what is said of the trade T1."""
    states = {"from_state": before, "to_state": after, "status": None}
    return {"event_type": event_type, "order_id": None, "trade_id": "T1", **states, **facts}


def of_fact(event_type: str, before: str | None, after: str, /, **facts: Any) -> Event:
    """Return what is said of a fact in quarantine that is about O1."""
    states = {"from_state": before, "to_state": after, "status": None}
    return {"event_type": event_type, "order_id": "O1", "trade_id": None, **states, **facts}


def of_ledger(event_type: str, /, **facts: Any) -> Event:
    """Return what is said of no order or trade."""
    nothing = dict.fromkeys(("order_id", "trade_id", "from_state", "to_state", "status"))
    return {"event_type": event_type, **nothing, **facts}


def placed(ledger: StrategyLedger) -> None:
    """Place an order of 10."""
    ledger.record_order("O1", limit_order(time_in_force="GTC"))


def accepted(ledger: StrategyLedger) -> None:
    """Have it accepted."""
    placed(ledger)
    ledger.update_order_acceptance("O1")


def part_filled(ledger: StrategyLedger) -> None:
    """Fill 4 of it."""
    placed(ledger)
    ledger.update_order_fill("O1", fill("F1", 4), occurred_at=at(1))


def filled(ledger: StrategyLedger) -> None:
    """Fill all of it."""
    part_filled(ledger)
    ledger.update_order_fill("O1", fill("F2", 6), occurred_at=at(2))


def asked(ledger: StrategyLedger) -> None:
    """Ask to cancel it, and to make it 12."""
    accepted(ledger)
    ledger.request_order_cancel("O1", "C1")
    ledger.request_order_replace("O1", {"quantity": 12}, "R1")


def traded(ledger: StrategyLedger) -> None:
    """Make a trade of what is filled, and sell it."""
    filled(ledger)
    ledger.create_trade("T1", ["O1"])
    ledger.record_order("X1", market_order("SELL"))
    ledger.update_order_fill("X1", fill("F1", 10, 110), occurred_at=at(3))


def closed(ledger: StrategyLedger) -> None:
    """Close the trade."""
    traded(ledger)
    ledger.close_trade("T1", {"order_ids": ["X1"]})


def overfilled(ledger: StrategyLedger) -> None:
    """Have a fill in quarantine that is more than the order has room for."""
    part_filled(ledger)
    with suppress(CommandRefused):
        ledger.update_order_fill("O1", fill("F2", 7))


def both(first: Told, second: Told) -> Told:
    """Tell two things, one after the other."""
    return lambda ledger: (first(ledger), second(ledger))


def noted(fact: str, *arguments: object) -> Told:
    """Tell a fact of the order."""
    return lambda ledger: getattr(ledger, f"update_order_{fact}")("O1", *arguments)


def resolved(ledger: StrategyLedger, **resolution: Any) -> None:
    """Decide on the fact in quarantine."""
    (fact,) = ledger.quarantined()
    ledger.resolve_quarantined(fact.quarantine_id, resolution)


def figures(entry: str, left: str, exit_price: str | None, pnl: str) -> Mapping[str, Any]:
    """Return the figures of a trade that entered at 100."""
    return {
        "entry_quantity": entry, "exit_quantity": "10", "open_quantity": left, "average_entry_price": "100",
        "average_exit_price": exit_price, "realized_pnl": pnl,
    }  # fmt: skip


# name -> (what was told before, what is told, and what is published of it)
CASES: dict[str, tuple[Told | None, Told, list[Event]]] = {
    # -- orders -------------------------------------------------------------------------------------------------------
    "placement": (None, placed, [of_order("ORDER_PLACED", None, "PLACED")]),
    "acceptance": (placed, noted("acceptance"), [of_order("ORDER_ACCEPTED", "PLACED", "ACCEPTED")]),
    "late acceptance": (
        filled, noted("acceptance", {"venue_order_id": "V2"}), [of_order("ORDER_UPDATED", "FILLED", "FILLED")],
    ),
    "acceptance of a cash order": (
        lambda ledger: ledger.record_order("O1", cash_order()), noted("acceptance", {"quantity": 5}),
        [of_order("ORDER_ACCEPTED", "PLACED", "ACCEPTED")],
    ),
    "late acceptance of a cash order": (
        both(
            lambda ledger: ledger.record_order("O1", cash_order()),
            lambda ledger: ledger.update_order_fill("O1", fill("F1", 4)),
        ),
        noted("acceptance", {"quantity": 5}),
        [of_order("ORDER_RESTATED", "PARTIALLY_FILLED", "PARTIALLY_FILLED")],
    ),
    "partial fill": (
        placed, lambda ledger: ledger.update_order_fill("O1", fill("F1", 4)),
        [of_order("ORDER_PARTIALLY_FILLED", "PLACED", "PARTIALLY_FILLED", fill_id="F1", late=False)],
    ),
    "completing fill": (
        part_filled, lambda ledger: ledger.update_order_fill("O1", fill("F2", 6)),
        [of_order("ORDER_FILLED", "PARTIALLY_FILLED", "FILLED", fill_id="F2", late=False)],
    ),
    "late fill": (
        both(part_filled, lambda ledger: ledger.update_order_cancellation("O1")),
        lambda ledger: ledger.update_order_fill("O1", fill("F2", 6)),
        [of_order("ORDER_FILLED", "CANCELED", "CANCELED", fill_id="F2", late=True)],
    ),
    "rejection": (placed, noted("rejection", "no"), [of_order("ORDER_REJECTED", "PLACED", "REJECTED", reason="no")]),
    "rejection without a reason": (
        placed, noted("rejection", None), [of_order("ORDER_REJECTED", "PLACED", "REJECTED")],
    ),
    "cancellation": (placed, noted("cancellation"), [of_order("ORDER_CANCELED", "PLACED", "CANCELED")]),
    "expiry": (placed, noted("expiry", "its time"), [of_order("ORDER_EXPIRED", "PLACED", "EXPIRED", reason="its time")]),
    "doubt": (placed, noted("in_doubt", "?"), [of_order("ORDER_IN_DOUBT", "PLACED", "IN_DOUBT", reason="?")]),
    "trigger": (placed, noted("trigger"), [of_order("ORDER_TRIGGERED", "PLACED", "PLACED")]),
    "guarantee": (placed, noted("guarantee"), [of_order("ORDER_STOPPED", "PLACED", "STOPPED")]),
    "suspension": (
        placed, noted("suspension", "halt"), [of_order("ORDER_SUSPENDED", "PLACED", "SUSPENDED", reason="halt")],
    ),
    "resumption": (
        both(placed, lambda ledger: ledger.update_order_suspension("O1")), noted("resumption"),
        [of_order("ORDER_RESUMED", "SUSPENDED", "ACCEPTED")],
    ),
    "end of the day": (
        part_filled, noted("done_for_day", date(2026, 1, 5)),
        [of_order("ORDER_DONE_FOR_DAY", "PARTIALLY_FILLED", "DONE_FOR_DAY", trade_date="2026-01-05")],
    ),
    "restatement": (
        accepted, noted("restatement", {"quantity": 8}, "band"),
        [of_order("ORDER_RESTATED", "ACCEPTED", "ACCEPTED", reason="band")],
    ),
    "restatement without a reason": (
        accepted, noted("restatement", {"quantity": 8}), [of_order("ORDER_RESTATED", "ACCEPTED", "ACCEPTED")],
    ),
    "answer of a poll": (
        asked, lambda ledger: ledger.report_order_status("O1", {"cum_quantity": 3}),
        [of_order("ORDER_UPDATED", "ACCEPTED", "ACCEPTED", "PENDING_CANCEL")],
    ),
    "acceptance by a poll": (
        placed, lambda ledger: ledger.report_order_status("O1", {"status": "ACCEPTED"}),
        [of_order("ORDER_ACCEPTED", "PLACED", "ACCEPTED")],
    ),
    # -- requests -----------------------------------------------------------------------------------------------------
    "request to cancel": (
        accepted, lambda ledger: ledger.request_order_cancel("O1"),
        [of_order("ORDER_CANCEL_REQUESTED", "ACCEPTED", "ACCEPTED", "PENDING_CANCEL", request_id="O1#1")],
    ),
    "request to replace": (
        accepted, lambda ledger: ledger.request_order_replace("O1", {"quantity": 12}, "R1"),
        [of_order("ORDER_REPLACE_REQUESTED", "ACCEPTED", "ACCEPTED", "PENDING_REPLACE", request_id="R1")],
    ),
    "replacement": (
        asked, noted("replacement"),
        [of_order("ORDER_REPLACED", "ACCEPTED", "ACCEPTED", "PENDING_CANCEL", request_id="R1")],
    ),
    "replacement that nobody asked for": (
        accepted, noted("replacement", None, {"quantity": 12}), [of_order("ORDER_REPLACED", "ACCEPTED", "ACCEPTED")],
    ),
    "replacement that nobody here asked for": (
        accepted, noted("replacement", "V1", {"quantity": 12}),
        [of_order("ORDER_REPLACED", "ACCEPTED", "ACCEPTED", request_id="V1")],
    ),
    "refusal of a request": (
        asked, noted("request_rejection", "no", "C1"),
        [of_order("ORDER_REQUEST_REJECTED", "ACCEPTED", "ACCEPTED", "PENDING_REPLACE", request_id="C1", reason="no")],
    ),
    "end with requests in flight": (
        asked, noted("expiry"),
        [
            of_order("ORDER_EXPIRED", "ACCEPTED", "EXPIRED"),
            of_order("ORDER_REQUEST_REJECTED", "EXPIRED", "EXPIRED", request_id="C1", reason="ORDER_ENDED"),
            of_order("ORDER_REQUEST_REJECTED", "EXPIRED", "EXPIRED", request_id="R1", reason="ORDER_ENDED"),
        ],
    ),
    # -- what the venue takes back or changes -------------------------------------------------------------------------
    "bust": (
        filled, lambda ledger: ledger.bust_order_fill("O1", "F1", "erroneous"),
        [of_order("FILL_BUSTED", "FILLED", "PARTIALLY_FILLED", fill_id="F1", reason="erroneous")],
    ),
    "correction": (
        filled, lambda ledger: ledger.correct_order_fill("O1", "F1", {"fill_id": "C1", "quantity": 3, "price": 99}),
        [of_order("FILL_CORRECTED", "FILLED", "PARTIALLY_FILLED", fill_id="F1", correction_id="C1")],
    ),
    "fee": (
        both(part_filled, lambda ledger: ledger.request_order_cancel("O1")),
        lambda ledger: ledger.update_fill_fee("O1", "F1", {"amount": 1, "currency": "USD"}),
        [of_order("FILL_FEE_UPDATED", "PARTIALLY_FILLED", "PARTIALLY_FILLED", "PENDING_CANCEL", fill_id="F1")],
    ),
    "real fill in the place of an inferred one": (
        both(placed, lambda ledger: ledger.update_order_fill("O1", fill("guess", 4, inferred=True), occurred_at=at(9))),
        lambda ledger: ledger.update_order_fill("O1", fill("real", 4), occurred_at=at(1)),
        [
            of_order(
                "FILL_BUSTED", "PARTIALLY_FILLED", "ACCEPTED",
                fill_id="guess", reason="REPLACED_INFERRED", replaced_by="real",
            ),
            of_order("ORDER_PARTIALLY_FILLED", "ACCEPTED", "PARTIALLY_FILLED", fill_id="real", late=False),
        ],
    ),
    "real fill in the place of a part of an inferred one": (
        both(placed, lambda ledger: ledger.update_order_fill("O1", fill("guess", 4, inferred=True), occurred_at=at(9))),
        lambda ledger: ledger.update_order_fill("O1", fill("real", 1), occurred_at=at(1)),
        [
            of_order(
                "FILL_CORRECTED", "PARTIALLY_FILLED", "PARTIALLY_FILLED",
                fill_id="guess", reason="REPLACED_INFERRED", replaced_by="real",
            ),
            of_order("ORDER_PARTIALLY_FILLED", "PARTIALLY_FILLED", "PARTIALLY_FILLED", fill_id="real", late=False),
        ],
    ),
    # -- adjustments --------------------------------------------------------------------------------------------------
    "funding": (
        None,
        lambda ledger: ledger.record_adjustment(
            "A1", {"kind": "FUNDING", "symbol": "ACME", "amount": 1, "currency": "USD"}
        ),
        [of_ledger("ADJUSTMENT_RECORDED", adjustment_id="A1")],
    ),
    "split of an order with a request in flight": (
        both(accepted, lambda ledger: ledger.request_order_cancel("O1")),
        lambda ledger: ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}),
        [
            of_ledger("ADJUSTMENT_RECORDED", adjustment_id="A1"),
            of_order("ORDER_RESTATED", "ACCEPTED", "ACCEPTED", "PENDING_CANCEL", reason="SPLIT"),
        ],
    ),
    "split told late, behind fills in new units": (
        both(
            both(placed, lambda ledger: ledger.update_order_fill("O1", fill("F1", 5), occurred_at=at(1))),
            lambda ledger: ledger.update_order_fill("O1", fill("F2", 2), occurred_at=at(9)),
        ),
        lambda ledger: ledger.record_adjustment(
            "A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": "0.4"}, occurred_at=at(5)
        ),
        [
            of_ledger("ADJUSTMENT_RECORDED", adjustment_id="A1"),
            of_order("ORDER_RESTATED", "PARTIALLY_FILLED", "FILLED", reason="SPLIT"),
        ],
    ),
    # -- trades -------------------------------------------------------------------------------------------------------
    "creation of a trade": (
        filled, lambda ledger: ledger.create_trade("T1", ["O1"]), [of_trade("TRADE_CREATED", None, "OPEN")],
    ),
    "update of a trade": (
        traded, lambda ledger: ledger.update_trade("T1", {"stop_price": 9}), [of_trade("TRADE_UPDATED", "OPEN", "OPEN")],
    ),
    "closure of a trade": (
        traded, lambda ledger: ledger.close_trade("T1", {"order_ids": ["X1"], "reason": "target"}),
        [of_trade("TRADE_CLOSED", "OPEN", "CLOSED", reason="target")],
    ),
    "closure of a trade without a reason": (
        traded, lambda ledger: ledger.close_trade("T1", {"order_ids": ["X1"]}),
        [of_trade("TRADE_CLOSED", "OPEN", "CLOSED")],
    ),
    "split of a trade": (
        both(filled, lambda ledger: ledger.create_trade("T1", ["O1"])),
        lambda ledger: ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}),
        [of_ledger("ADJUSTMENT_RECORDED", adjustment_id="A1"), of_trade("TRADE_UPDATED", "OPEN", "OPEN")],
    ),
    "restatement of a closed trade": (
        closed, lambda ledger: ledger.bust_order_fill("O1", "F1"),
        [
            of_order("FILL_BUSTED", "FILLED", "PARTIALLY_FILLED", fill_id="F1"),
            of_trade(
                "TRADE_RESTATED", "CLOSED", "CLOSED",
                before=figures("10", "0", "110", "100"), after=figures("6", "-4", "110", "60"),
            ),
        ],
    ),
    # -- quarantine ---------------------------------------------------------------------------------------------------
    "fact that cannot be booked": (
        placed, noted("resumption"), [of_fact("FACT_QUARANTINED", None, "WAITING", code="ILLEGAL_TRANSITION")],
    ),
    "correction of a fact in quarantine": (
        overfilled,
        lambda ledger: ledger.correct_order_fill("O1", "F2", {"fill_id": "C2", "quantity": 8, "price": 99}),
        [of_fact("FACT_QUARANTINED", "WAITING", "WAITING", code="OVERFILL")],
    ),
    "bust of a fact in quarantine": (
        overfilled, lambda ledger: ledger.bust_order_fill("O1", "F2", "erroneous"),
        [of_fact("QUARANTINE_RESOLVED", "WAITING", "DISMISSED", reason="erroneous")],
    ),
    "bust of a fact in quarantine without a reason": (
        overfilled, lambda ledger: ledger.bust_order_fill("O1", "F2"),
        [of_fact("QUARANTINE_RESOLVED", "WAITING", "DISMISSED", reason="busted")],
    ),
    "fact in quarantine that is booked": (
        overfilled, noted("restatement", {"quantity": 11}),
        [
            of_order("ORDER_RESTATED", "PARTIALLY_FILLED", "PARTIALLY_FILLED"),
            of_order("ORDER_FILLED", "PARTIALLY_FILLED", "FILLED", fill_id="F2", late=False),
            of_fact("QUARANTINE_RESOLVED", "WAITING", "BOOKED"),
        ],
    ),
    "fact in quarantine that is booked by hand": (
        overfilled, lambda ledger: resolved(ledger, order_id="O1", reason="confirmed"),
        [
            of_order("ORDER_FILLED", "PARTIALLY_FILLED", "FILLED", fill_id="F2", late=False),
            of_fact("QUARANTINE_RESOLVED", "WAITING", "BOOKED", reason="confirmed"),
        ],
    ),
    "fact in quarantine that is booked onto another order": (
        both(overfilled, lambda ledger: ledger.record_order("O2", limit_order())),
        lambda ledger: resolved(ledger, order_id="O2", reason="matched"),
        [
            of_order("ORDER_PARTIALLY_FILLED", "PLACED", "PARTIALLY_FILLED", order_id="O2", fill_id="F2", late=False),
            of_fact("QUARANTINE_RESOLVED", "WAITING", "BOOKED", order_id="O2", reason="matched"),
        ],
    ),
    "fact in quarantine that is dismissed": (
        overfilled, lambda ledger: resolved(ledger, dismiss=True, reason="not ours"),
        [of_fact("QUARANTINE_RESOLVED", "WAITING", "DISMISSED", reason="not ours")],
    ),
    # -- the ledger itself --------------------------------------------------------------------------------------------
    "entry that a subscriber does not get": (
        placed, lambda ledger: ledger.skip_entry("monitor", 1, "its broker is gone"),
        [of_ledger("ENTRY_SKIPPED", subscriber="monitor", skipped=1, reason="its broker is gone")],
    ),
    "upkeep": (
        None, lambda ledger: ledger.note_upkeep("rebuild", "a damaged page"),
        [of_ledger("UPKEEP_NOTED", upkeep="rebuild", reason="a damaged page")],
    ),
}  # fmt: skip


def cash_order() -> dict[str, Any]:
    """Return the details of an order for money, whose quantity nobody knows yet."""
    return {
        "symbol": "ACME", "side": "BUY", "order_type": "MARKET", "cash_quantity": 500, "cash_currency": "USD",
    }  # fmt: skip


@pytest.mark.parametrize(("before", "told", "expected"), CASES.values(), ids=CASES)
def test_events_of_a_command(before: Told | None, told: Told, expected: list[Event]) -> None:
    """Each says what it is about, from which state it went to which, the status, and its facts: these and no others."""
    published = RecordingPublisher()
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), publisher=published, clock=SteppingClock())
    if before is not None:
        before(ledger)
    published.clear()
    with suppress(CommandRefused):
        told(ledger)
    left_out = _OF_EVERY_EVENT | _ELSEWHERE
    assert [{name: event[name] for name in event.keys() - left_out} for event in published.events] == expected


def test_whoever_takes_an_event_may_change_it(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """What was told of nested values is whole, and a subscriber's own: neither a record nor another event shares it."""
    metadata = {"tags": ["a", {"b": [1, True, None]}], "why": "test"}
    ledger.record_order("O1", limit_order(metadata=metadata))
    (event,) = published.events
    assert event["changed"]["details"]["metadata"] == metadata
    event["changed"]["details"]["metadata"]["tags"].append("c")
    event["changed"].clear()
    assert ledger.get_order("O1").details.metadata == {"tags": ("a", {"b": (1, True, None)}), "why": "test"}
    ledger.update_order_acceptance("O1")
    assert published.events[-1]["event_type"] == "ORDER_ACCEPTED"
