"""events.md: every event type, when it is published, and a payload of each, taken from a ledger that was run."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from _generator.markdown import code, codes, fence, page, prose, table
from ledger_core import StrategyLedger, events
from ledger_core.changes import EventType
from ledger_core.errors import CommandRefused
from ledger_storage_memory import MemoryRepository

INTRODUCTION = """\
Everything is published under one name, `STRATEGY_LEDGER_UPDATED`, after its commit; the payload's `event_type` says
what happened. An entry of the journal yields one event for each of its changes that has an event type, so an event is
known for ever by `(strategy_id, sequence, index)`: a subscriber that sees one of them again has seen a repeat. See
[how to subscribe](../how-to/subscribe-to-events.md).
"""

WHEN: Mapping[str, str] = {
    "ORDER_PLACED": "the intent is durable; the venue has not been called yet",
    "ORDER_ACCEPTED": "the venue acknowledged the order",
    "ORDER_PARTIALLY_FILLED": "an execution that leaves something to execute",
    "ORDER_FILLED": "an execution that completes the order, or comes on top",
    "ORDER_REJECTED": "the venue refused the order",
    "ORDER_CANCELED": "the venue canceled the order, asked for or not",
    "ORDER_EXPIRED": "the order's time ran out",
    "ORDER_IN_DOUBT": "the order was sent and its outcome is unknown",
    "ORDER_TRIGGERED": "a stop was triggered; no state changes",
    "ORDER_STOPPED": "the venue guarantees a price",
    "ORDER_SUSPENDED": "the venue suspended the order",
    "ORDER_RESUMED": "a suspended order works again",
    "ORDER_DONE_FOR_DAY": "the venue does not work the order any more today",
    "ORDER_RESTATED": "the venue changed or renewed the order unasked",
    "ORDER_CANCEL_REQUESTED": "the venue is about to be asked to cancel",
    "ORDER_REPLACE_REQUESTED": "the venue is about to be asked for other terms",
    "ORDER_REPLACED": "the venue accepted a replace, or made one that nobody here asked for",
    "ORDER_REQUEST_REJECTED": "a request was refused, or its order ended first (reason `ORDER_ENDED`)",
    "ORDER_UPDATED": "a late acknowledgement brought an id of the venue, or a poll was answered; no state changed",
    "FILL_BUSTED": "the venue took an execution back, or a real fill, named by `replaced_by`, an inferred one",
    "FILL_CORRECTED": "the venue corrected an execution",
    "FILL_FEE_UPDATED": "the venue said what an execution cost",
    "ADJUSTMENT_RECORDED": "funding, interest, a dividend, a split, a transfer or an opening position",
    "TRADE_CREATED": "orders were grouped into a trade",
    "TRADE_UPDATED": "its levels, tags or orders changed, or one of its orders was filled",
    "TRADE_CLOSED": "the trade was closed",
    "TRADE_RESTATED": "a fact on one of its orders came after the close; the trade stays closed",
    "FACT_QUARANTINED": "a fact could not be booked and was filed",
    "QUARANTINE_RESOLVED": "a filed fact was booked, in the entry that made it possible, or resolved by hand",
    "ENTRY_SKIPPED": "a person let a subscriber go on behind an entry that it could not take",
    "UPKEEP_NOTED": "a person did something to the store that no command tells of, such as a rebuild",
    "RECORD_ARCHIVED": "an order or a trade that is over moved to an archive",
    "RECORD_RESTORED": "an order or a trade came back from an archive",
    "CHECKPOINT_SET": "what the journal came to up to an entry was kept, so that it can be cut there",
}

COMMON: Mapping[str, str] = {
    "event_type": "one of the words below",
    "sequence": "the entry's place in the strategy's journal",
    "index": "the event's place within the entry, from 0",
    "strategy_id": "whose journal",
    "order_id": "the order, or None",
    "trade_id": "the trade, or None",
    "from_state": "the state before, None at birth",
    "to_state": "the state after",
    "status": "of an order: the status after, which may be PENDING_CANCEL or PENDING_REPLACE",
    "occurred_at": "when it happened, as the command said",
    "recorded_at": "when it was recorded; never goes back",
    "digest": "of the entry; the end of the chain up to it",
    "operation": "the command: the name of the method",
    "command_id": "the caller's id of the command, or None",
    "changed": "the fields of the record that were set, as they are now, JSON-ready",
}

FURTHER: Mapping[str, str] = {
    "fill": "of an execution: the fill",
    "fill_id": "of an execution: its id",
    "late": "of an execution: true if the order had ended before",
    "correction_id": "of a correction: its own id",
    "adjustment_id": "of an adjustment: its id",
    "request_id": "the request to cancel or replace",
    "reason": "where one was given",
    "trade_date": "the day that is done",
    "before": "TRADE_RESTATED: the trade's figures before",
    "after": "TRADE_RESTATED: the trade's figures after",
    "quarantine_id": "where a fact is filed",
    "code": "why it was filed: the code of the error",
    "subscriber": "ENTRY_SKIPPED: the subscriber that goes on",
    "upkeep": "UPKEEP_NOTED: what was done",
    "skipped": "ENTRY_SKIPPED: the sequence of the entry that it does not get",
    "archive_id": "RECORD_ARCHIVED, RECORD_RESTORED, CHECKPOINT_SET: the archive",
    "cut_sequence": "CHECKPOINT_SET: the last entry that may go",
}


def files() -> dict[str, str]:
    """Return the page."""
    samples = _samples()
    assert list(WHEN) == [word.value for word in EventType], "events.py must name every event type, in order"
    missing = set(WHEN) - set(samples)
    assert not missing, f"the sample run of events.py publishes no {missing}"
    keys = {key for payload in samples.values() for key in payload}
    assert keys == set(COMMON) | set(FURTHER), f"keys that are not explained: {keys ^ (set(COMMON) | set(FURTHER))}"
    parts = [
        "## Keys of every payload",
        "Numbers and times are canonical text: decimals without exponent, times in UTC with microseconds.",
        table(("key", "meaning"), [(code(key), text) for key, text in COMMON.items()]),
        "## Further keys",
        table(("key", "meaning"), [(code(key), text) for key, text in FURTHER.items()]),
        "## Event types",
        table(("event type", "published when", "further keys"), [_row(word, samples[word]) for word in WHEN]),
        "## One of each",
        "Published by a ledger whose clock advances one second a reading; digests are shortened.",
        *(_sample(word, samples[word]) for word in WHEN),
        "## What the cache is given",
        (
            "After each commit the injected StrategyCache gets, under the id of each order and trade that changed, its "
            "present context: the record's stored fields, and what derives from them. It is served before the "
            "publisher, so whoever handles an event finds the context at least as new as the event."
        ),
        prose(events.StrategyCache.__doc__),
    ]
    return {"events.md": page("Events", INTRODUCTION, *parts)}


def _row(word: str, payload: Mapping[str, Any]) -> tuple[str, str, str]:
    return (f"[`{word}`](#{word.lower()})", WHEN[word], codes(key for key in payload if key not in COMMON))


def _sample(word: str, payload: Mapping[str, Any]) -> str:
    shown = {**payload, "digest": payload["digest"][:12] + "…"}
    return f"### {word}\n\n" + fence("json", json.dumps(shown, indent=2, ensure_ascii=False))


class _Collector:
    """Keeps the first payload of each event type."""

    def __init__(self) -> None:
        self.first: dict[str, dict[str, Any]] = {}

    def publish(self, name: str, payload: Mapping[str, Any]) -> None:
        assert name == events.STRATEGY_LEDGER_UPDATED
        self.first.setdefault(payload["event_type"], dict(payload))


def _clock() -> Callable[[], datetime]:
    def seconds() -> Iterator[datetime]:
        moment = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
        while True:
            moment += timedelta(seconds=1)
            yield moment

    return seconds().__next__


def _samples() -> dict[str, dict[str, Any]]:
    """Run a ledger through one case of everything that is published."""
    collector = _Collector()
    with StrategyLedger(MemoryRepository(strategy_id="momentum-1"), publisher=collector, clock=_clock()) as ledger:
        _live(ledger)
    return collector.first


_MUCH_LATER = datetime(2026, 4, 1, tzinfo=UTC)


def _live(ledger: StrategyLedger) -> None:
    def place(order_id: str, side: str = "BUY", **further: Any) -> None:
        details = {"symbol": "AAPL", "side": side, "quantity": 100, "order_type": "LIMIT", "limit_price": "187.50"}
        ledger.record_order(order_id, {**details, "venue": "XNAS", "currency": "USD", **further})

    def fill(order_id: str, fill_id: str, quantity: int, price: str, **further: Any) -> None:
        ledger.update_order_fill(order_id, {"fill_id": fill_id, "quantity": quantity, "price": price, **further})

    place("buy-1", time_in_force="GTC")
    ledger.update_order_acceptance("buy-1", {"venue_order_id": "V-1"})
    ledger.update_order_acceptance("buy-1", {"venue_order_id": "V-2"})
    ledger.update_order_trigger("buy-1")
    ledger.request_order_replace("buy-1", {"limit_price": "188.00"}, "replace-1")
    ledger.update_order_replacement("buy-1", "replace-1")
    ledger.update_order_restatement("buy-1", {"limit_price": "187.90"}, "price band")
    ledger.update_order_suspension("buy-1", "halt")
    ledger.update_order_resumption("buy-1")
    ledger.update_order_guarantee("buy-1")
    ledger.update_order_done_for_day("buy-1")
    ledger.update_order_restatement("buy-1", None, "renewed", "2026-03-03")
    fill("buy-1", "F-1", 40, "187.45", fee="0.40", fee_currency="USD", liquidity="MAKER")
    fill("buy-1", "F-2", 60, "187.50")
    ledger.create_trade("trade-1", ["buy-1"], {"stop_price": "180.00"})
    ledger.update_trade("trade-1", {"target_price": "195.00"})
    place("sell-1", "SELL")
    ledger.request_order_cancel("sell-1", "cancel-1")
    ledger.update_order_request_rejection("sell-1", "too late to cancel", "cancel-1")
    fill("sell-1", "F-3", 90, "190.00")
    ledger.update_order_cancellation("sell-1", "canceled by the venue")
    ledger.close_trade(
        "trade-1",
        {
            "order_ids": ["sell-1"],
            "reason": "target reached",
            "residual": {"AAPL": 10},
            "residual_reason": "TRANSFERRED",
        },
    )
    fill("sell-1", "F-4", 10, "190.10")
    ledger.bust_order_fill("sell-1", "F-4", "clearly erroneous")
    ledger.correct_order_fill("sell-1", "F-3", {"fill_id": "F-3.1", "quantity": 90, "price": "189.90"})
    ledger.update_fill_fee("sell-1", "F-3", [{"amount": "0.90", "currency": "USD"}])
    ledger.record_adjustment("A-1", {"kind": "DIVIDEND", "symbol": "AAPL", "amount": "2.60", "currency": "USD"})
    place("buy-2")
    ledger.update_order_rejection("buy-2", "insufficient margin")
    place("buy-3")
    ledger.update_order_in_doubt("buy-3", "timeout")
    ledger.update_order_expiry("buy-3")
    try:
        fill("buy-4", "F-5", 5, "187.00")
    except CommandRefused:
        place("buy-4")
    ledger.skip_entry("monitor", 1, "its broker is gone")
    ledger.note_upkeep("rebuild", "the disk gave back a damaged page")
    gone = [group for group, _ in ledger.archivist.let_go("2026-03", ledger.archivist.archivable(_MUCH_LATER))]
    ledger.archivist.take_back("2026-03", gone)
    ledger.archivist.set_checkpoint("2026-03", ledger.head())
