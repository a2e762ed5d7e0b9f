"""`strategy-ledger journal`: what happened, in order; of one order or trade with its id."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ledger_cli import tables, words
from ledger_cli.failures import Misused, Unknown
from ledger_cli.reading import (
    Asked,
    last_entry,
    ledgers_of,
    now,
    reader_of,
    reading_options,
    say_how_many,
)

if TYPE_CHECKING:
    from ledger_core import Entry, StrategyLedger

_COLUMNS = (
    tables.text("strategy"),
    tables.numbers("entry"),
    tables.text("recorded"),
    tables.text("event"),
    tables.text("order or trade"),
    tables.text("state"),
    tables.text("what"),
)


@click.command(short_help="What happened, in order.")
@reading_options
@click.argument("record_id", required=False)
@click.option("--after", metavar="N", type=click.IntRange(min=0), help="Only entries after number N, from there on.")
@click.option("--jsonl", "as_lines", is_flag=True, help="Print JSON Lines: one entry a line, all of them.")
def journal(
    path: str,
    record_id: str | None,
    strategy: str | None,
    limit: int | None,
    as_json: bool,
    after: int | None,
    as_lines: bool,
) -> None:
    """Print the journal: every entry, in order; a table shows the latest.

    PATH is a ledger file or a URL. With RECORD_ID: the history of that order or trade. In JSON each entry is its
    digest and its body as stored, byte for byte; a digest is the sha256 of the digest before and the body.
    """
    if as_json and as_lines:
        raise Misused("--json and --jsonl are two forms of the same: give one")
    asked = Asked(path, strategy, limit, as_json or as_lines)
    with reader_of(path) as reader:
        ledgers = ledgers_of(reader, strategy)
        entries, total = _entries(ledgers, asked, record_id, after)
        if as_json or as_lines:
            _print_json(entries, as_lines=as_lines)
            return
        shown = list(entries)
        if shown:
            click.echo(_render(shown))
        say_how_many(len(shown), total, "entry", f"; {last_entry(ledgers, now())}", plural="entries")


def _entries(
    ledgers: "Sequence[tuple[str, StrategyLedger]]", asked: Asked, record_id: str | None, after: int | None
) -> "tuple[Iterable[Entry], int]":
    """Return what is to be shown, in order of recording, and how many entries there are of it."""
    if record_id is not None:
        history = [entry for entry in _history(ledgers, record_id) if entry.sequence > (after or 0)]
        return (history[-asked.rows_max :] if asked.rows_max else history), len(history)
    heads = [ledger.head().sequence for _, ledger in ledgers]
    total = sum(max(0, head - (after or 0)) for head in heads)
    if asked.rows_max is None:
        return _merged([ledger.read_journal(after or 0) for _, ledger in ledgers]), total
    if after is not None:
        merged = _merged([ledger.read_journal(after) for _, ledger in ledgers])
        return [entry for entry, _ in zip(merged, range(asked.rows_max), strict=False)], total
    tails = [
        ledger.read_journal(max(0, head - asked.rows_max)) for (_, ledger), head in zip(ledgers, heads, strict=True)
    ]
    return list(_merged(tails))[-asked.rows_max :], total


def _merged(journals: "Iterable[Iterator[Entry]]") -> "Iterator[Entry]":
    return heapq.merge(*journals, key=lambda entry: entry.recorded_at)


def _history(ledgers: "Iterable[tuple[str, StrategyLedger]]", record_id: str) -> "list[Entry]":
    from ledger_core import UnknownOrder

    found: list[Entry] = []
    for _, ledger in ledgers:
        try:
            found.extend(ledger.get_history(record_id))
        except UnknownOrder:
            continue
    if not found:
        raise Unknown(f"no order or trade {record_id!r} in this ledger")
    return sorted(found, key=lambda entry: entry.recorded_at)


def _print_json(entries: "Iterable[Entry]", *, as_lines: bool) -> None:
    from ledger_cli.documents import array_of_texts, entry_text

    texts = (entry_text(entry) for entry in entries)
    pieces = (f"{text}\n" for text in texts) if as_lines else array_of_texts(texts)
    for piece in pieces:
        click.echo(piece, nl=False)


def _render(entries: "Sequence[Entry]") -> str:
    from ledger_core.events import events_of

    several = len({entry.strategy_id for entry in entries}) > 1
    return tables.render(
        _COLUMNS,
        (
            (
                entry.strategy_id if several else None,
                str(entry.sequence),
                words.at(entry.recorded_at),
                event["event_type"],
                event["order_id"] or event["trade_id"] or event.get("quarantine_id"),
                _states(event),
                _what(event),
            )
            for entry in entries
            for event in events_of(entry)
        ),
    )


def _states(event: Mapping[str, Any]) -> str | None:
    before, after = event["from_state"], event["to_state"]
    return after if before in (None, after) else f"{before} > {after}"


def _what(event: Mapping[str, Any]) -> str | None:
    """Return what a person wants to know beside the state: the order, the execution, the reason."""
    changed = event["changed"]
    parts: list[str] = []
    details = changed.get("details")
    if isinstance(details, Mapping):
        quantity = details.get("quantity") or f"{details['cash_quantity']} {details['cash_currency']}"
        parts.append(f"{details['side']} {quantity} {details['symbol']} {details['order_type']}")
        if "limit_price" in details:
            parts.append(f"limit {details['limit_price']}")
    fill = event.get("fill")
    if fill:
        parts.append(f"{fill['quantity']} at {fill['price']}")
        parts.extend(f"fee {fee['amount']} {fee['currency']}" for fee in fill.get("fees", ()))
    if event.get("late"):
        parts.append("late")
    parts.extend(str(event[name]) for name in ("request_id", "code", "reason") if event.get(name))
    if event["event_type"] == "FACT_QUARANTINED":
        parts.append(str(changed.get("message", "")))
    return ", ".join(part for part in parts if part) or None
