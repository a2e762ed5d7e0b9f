"""What an event of the journal says beside the state, in words: the order, the execution, the terms, the reason.

An event holds what its entry set, and no more: a bust names a fill without its quantity, a late fee without its price.
So nothing here is taken to be there, and each kind of event shows what it has.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger_core import Entry

Words = Iterator[str]

ORDERS_MAX = 8
"""How many orders of a trade are named."""

_TERMS = {
    "quantity": "quantity",
    "limit_price": "limit",
    "stop_price": "stop",
    "trailing_offset": "trailing by",
    "target_price": "target",
    "time_in_force": "in force",
    "expire_at": "until",
}
"""What may change of an order or trade, and how it is called."""

_TOLD = ("request_id", "upkeep", "code", "reason")
"""Facts of an event that are shown as they are."""


def events_or_command(entry: "Entry") -> list[dict[str, Any]]:
    """Return the events of an entry; of one that published none, what stands in the place of one: the bare command."""
    from ledger_core.events import events_of

    bare: dict[str, Any] = {"event_type": None, "index": 0, "order_id": None, "trade_id": None, "changed": {}}
    states: dict[str, Any] = {"from_state": None, "to_state": None}
    return events_of(entry) or [{**bare, **states, "subject": entry.subject, "operation": entry.operation}]


def id_of(event: Mapping[str, Any]) -> str | None:
    """Return what an event is about: an order, a trade, a filed fact, an adjustment."""
    named = (event.get(name) for name in ("order_id", "trade_id", "quarantine_id", "adjustment_id", "subject"))
    return next((record_id for record_id in named if record_id), None)


def what_it_says(entry: "Entry", event: Mapping[str, Any]) -> str | None:
    """Return what a person wants to know of an event beside its id and state; None where there is nothing more."""
    if event["event_type"] is None:
        return f"{event['operation']}, nothing published"
    changed = event["changed"]
    parts = [
        *_details(changed.get("details")),
        *_fill(event.get("fill"), event),
        *_adjustment(changed),
        *(() if "adjustment_kind" in changed else _terms(changed)),
        *_requested(entry, event),
        *_venue(changed, event),
        *_report(changed.get("report")),
        *_trade(event),
        *(["late"] if event.get("late") else ()),
        *(str(event[name]) for name in _TOLD if event.get(name)),
        *_rest(event),
    ]
    return ", ".join(part for part in parts if part) or None


def _details(details: Mapping[str, Any] | None) -> Words:
    if details is None:
        return
    quantity = details.get("quantity") or f"{details['cash_quantity']} {details['cash_currency']}"
    yield f"{details['side']} {quantity} {details['symbol']} {details['order_type']}"
    if "limit_price" in details:
        yield f"limit {details['limit_price']}"


def _fill(fill: Mapping[str, Any] | None, event: Mapping[str, Any]) -> Words:
    """Tell an execution by what was executed; what came of one later by its id, as the rest may not be there."""
    if fill is None:
        return
    if "correction_id" in event:
        yield f"fill {fill['fill_id']} by {event['correction_id']}"
        yield " > ".join(f"{version['quantity']} at {version['price']}" for version in fill.get("chain", ())[-2:])
    elif "quantity" in fill and "price" in fill:
        yield f"{fill['quantity']} at {fill['price']}"
    else:
        yield f"fill {fill['fill_id']}"
    if "replaced_by" in event:
        yield f"replaced by {event['replaced_by']}"
    if "fees" in fill and not fill["fees"]:
        yield "no fee"
    for fee in fill.get("fees", ()):
        yield f"fee {fee['amount']} {fee['currency']}"


def _adjustment(changed: Mapping[str, Any]) -> Words:
    """Tell an adjustment by its kind, its figures, and what it is about."""
    if "adjustment_kind" not in changed:
        return
    figures = (changed.get(name) for name in ("quantity", "ratio", "amount", "currency", "symbol"))
    yield " ".join([changed["adjustment_kind"], *(figure for figure in figures if figure)])
    if "price" in changed:
        yield f"at {changed['price']}"


def _terms(changed: Mapping[str, Any]) -> Words:
    for name, word in _TERMS.items():
        if name in changed and "details" not in changed and "fact" not in changed:
            yield f"{word} {'none' if changed[name] is None else changed[name]}"


def _requested(entry: "Entry", event: Mapping[str, Any]) -> Words:
    """Tell what a request asks for: it is in the record of the request, which the same entry holds."""
    if event["event_type"] != "ORDER_REPLACE_REQUESTED":
        return
    for document in entry.documents:
        if document["kind"] == "REQUEST":
            yield from _terms(document["values"].get("changes") or {})


def _venue(changed: Mapping[str, Any], event: Mapping[str, Any]) -> Words:
    venue_order_ids: Sequence[str] = changed.get("venue_order_ids", ())
    if venue_order_ids and "fill" not in event:
        yield f"the venue's id is {venue_order_ids[-1]}"


def _report(report: Mapping[str, Any] | None) -> Words:
    if report is None:
        return
    yield f"the venue says {report.get('status') or 'nothing of its state'}"
    if report.get("cum_quantity") is not None:
        priced = f" at {report['average_price']}" if report.get("average_price") is not None else ""
        yield f"{report['cum_quantity']} executed{priced}"


def _trade(event: Mapping[str, Any]) -> Words:
    changed = event["changed"]
    if event["trade_id"] is None:
        return
    before, after = event.get("before"), event.get("after")
    if before is not None and after is not None:
        for name in after:
            if before.get(name) != after[name]:
                yield f"{name.replace('_', ' ')} {before.get(name)} > {after[name]}"
    elif "order_ids" in changed:
        order_ids = changed["order_ids"]
        more = f" and {len(order_ids) - ORDERS_MAX:,} more" if len(order_ids) > ORDERS_MAX else ""
        yield f"of {', '.join(order_ids[:ORDERS_MAX])}{more}"
    for symbol, quantity in (changed.get("residual") or {}).items():
        yield f"{quantity} {symbol} left"


def _rest(event: Mapping[str, Any]) -> Words:
    changed = event["changed"]
    if event["event_type"] == "FACT_QUARANTINED":
        yield str(changed.get("message", ""))
    if event.get("trade_date"):
        yield f"of {event['trade_date']}"
    if event.get("subscriber"):
        yield f"{event['subscriber']} goes on behind entry {event['skipped']}"
    if event.get("cut_sequence"):
        yield f"what the journal came to up to entry {event['cut_sequence']}"
    if event.get("archive_id"):
        yield f"archive {event['archive_id']}"
