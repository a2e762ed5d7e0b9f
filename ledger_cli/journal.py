"""`strategy-ledger journal` and `history`: what happened, in order; all of it, or that of one order or trade."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import click

from ledger_cli.archived import CODE as ARCHIVED
from ledger_cli.archived import archived_as, cut_journals
from ledger_cli.asking import require_order, with_last_id
from ledger_cli.completing import IdOrPath
from ledger_cli.event_words import events_or_command, id_of, what_it_says
from ledger_cli.failures import Misused, Unknown
from ledger_cli.listing import Cell, Form, Listing, array, number, text
from ledger_cli.reading import Asked, Store, last_entry, reading_options_with_id, stores_of

if TYPE_CHECKING:
    from ledger_core import Entry, StrategyLedger

NAMED_MAX = 4
"""How many events of one entry are named in one line."""


def _rows(entry: "Entry") -> Iterator[Sequence[Cell]]:
    for event in events_or_command(entry):
        yield (
            entry.strategy_id,
            str(entry.sequence),
            entry.recorded_at,
            entry.occurred_at if entry.occurred_at != entry.recorded_at else None,
            event["event_type"],
            id_of(event),
            _states(event),
            what_it_says(entry, event),
        )


EVENTS: "Listing[Entry]" = Listing(
    (
        text("strategy_id", "strategy", varies=True, rank=1),
        number("sequence", "entry"),
        text("recorded_at", "recorded"),
        text("occurred_at", "occurred", rank=5),
        text("event_type", "event"),
        text("id", "order or trade"),
        text("state", rank=4),
        text("what", rank=1, below=True),
    ),
    _rows,
)
"""Entries of the journal, a row for each event that was published, or for the command where none was."""


@click.command(short_help="What happened, in order.")
@reading_options_with_id
@click.option("--after", metavar="N", type=click.IntRange(min=0), help="Only entries after number N, from there on.")
@click.option("--jsonl", "as_lines", is_flag=True, help="The same as -o jsonl: one entry a line, all of them.")
def journal(asked: Asked, after: int | None, as_lines: bool) -> None:
    """Print the journal: every entry, in order; a table shows the latest.

    PATH is a ledger file or a URL. The id of an order or trade behind it shows its history alone, as `history` does.
    In JSON each entry is its digest and its body as stored, byte for byte; a digest is the sha256 of the digest before
    and the body.
    """
    if as_lines:
        if asked.form not in (Form.TABLE, Form.JSONL):
            raise Misused(f"-o {asked.form} and --jsonl are two forms of the same: give one")
        asked = attrs.evolve(asked, printer=attrs.evolve(asked.printer, form=Form.JSONL))
    paths, record_id = with_last_id(asked.paths)
    asked = attrs.evolve(asked, paths=paths)
    with stores_of(asked) as stores:
        if record_id is not None:
            _print(asked, stores, *_last_of(histories(stores, record_id, after or 0), asked))
        else:
            _print(asked, stores, *_entries(stores, asked, after))
            _say_where_it_begins(asked, stores)


@click.command(short_help="What happened to an order or trade.")
@reading_options_with_id
@click.argument("record_id", metavar="ID", type=IdOrPath())
def history(asked: Asked, record_id: str) -> None:
    """Print what happened to an order or trade, step by step, facts in quarantine included.

    PATH is a ledger file or a URL.
    """
    require_order(asked.paths, record_id)
    with stores_of(asked) as stores:
        _print(asked, stores, *_last_of(histories(stores, record_id), asked))
        for store in stores:
            for strategy_id, ledger in store.ledgers:
                known = archived_as(ledger, record_id)
                if known is not None:
                    asked.note(
                        ARCHIVED, f"{known.kind.lower()} {record_id} of {strategy_id} is in archive {known.archive_id}"
                    )


def histories(stores: Iterable[Store], record_id: str, after: int = 0) -> "list[Entry]":
    """Return every entry about an order or trade, of every strategy that has one of this id."""
    from ledger_core import UnknownOrder
    from ledger_core.errors import Archived

    found: list[Entry] = []
    gone: Archived | None = None
    for store in stores:
        for _, ledger in store.ledgers:
            try:
                found.extend(ledger.get_history(record_id))
            except UnknownOrder:
                continue
            except Archived as error:  # with the beginning of its journal
                gone = error
    if not found and gone is not None:
        raise Unknown(gone.message, ARCHIVED)
    if not found:
        raise Unknown(f"no order or trade {record_id!r} in this ledger", "UNKNOWN_ID")
    return sorted((entry for entry in found if entry.sequence > after), key=lambda entry: entry.recorded_at)


def last_event(ledger: "StrategyLedger") -> "Entry | None":
    """Return the last entry of a strategy's journal."""
    head = ledger.head().sequence
    return next(iter(ledger.read_journal(head - 1)), None) if head else None


def event_in_words(entry: "Entry") -> str:
    """Return what an entry published, in one line."""
    from ledger_core.events import events_of

    events = events_of(entry)
    named = dict.fromkeys(f"{event['event_type']} {id_of(event) or ''}".strip() for event in events)
    if len(named) > NAMED_MAX:
        return f"{', '.join(list(named)[:NAMED_MAX])} and {len(named) - NAMED_MAX:,} more"
    return ", ".join(named) or f"{entry.operation} {entry.subject or ''}".strip()


def _say_where_it_begins(asked: Asked, stores: Iterable[Store]) -> None:
    for strategy_id, base in cut_journals(stores):
        asked.note(
            ARCHIVED,
            f"the journal of {strategy_id} up to entry {base.cut_sequence:,} is in archive {base.archive_id}:"
            " span puts both together",
        )


def _last_of(found: "Sequence[Entry]", asked: Asked) -> "tuple[Iterable[Entry], int]":
    return (found[-asked.rows_max :] if asked.rows_max else found), len(found)


def _entries(stores: Sequence[Store], asked: Asked, after: int | None) -> "tuple[Iterable[Entry], int]":
    """Return what is to be shown, in order of recording, and how many entries there are of it."""
    ledgers = [ledger for store in stores for _, ledger in store.ledgers]
    heads = [ledger.head().sequence for ledger in ledgers]
    begins = [next((entry.sequence - 1 for entry in ledger.read_journal()), 0) for ledger in ledgers]
    total = sum(max(0, head - max(after or 0, begin)) for head, begin in zip(heads, begins, strict=True))
    if asked.rows_max is None:
        return _merged([ledger.read_journal(after or 0) for ledger in ledgers]), total
    if after is not None:
        merged = _merged([ledger.read_journal(after) for ledger in ledgers])
        return [entry for entry, _ in zip(merged, range(asked.rows_max), strict=False)], total
    rows_max = asked.rows_max
    tails = [ledger.read_journal(max(0, head - rows_max)) for ledger, head in zip(ledgers, heads, strict=True)]
    return list(_merged(tails))[-rows_max:], total


def _merged(journals: "Iterable[Iterator[Entry]]") -> "Iterator[Entry]":
    return heapq.merge(*journals, key=lambda entry: entry.recorded_at)


def _print(asked: Asked, stores: Iterable[Store], entries: "Iterable[Entry]", total: int) -> None:
    if asked.form.is_json:
        from ledger_cli.documents import entry_text

        texts = (entry_text(entry) for entry in entries)
        for piece in (f"{text}\n" for text in texts) if asked.form is Form.JSONL else array(texts):
            click.echo(piece, nl=False)
        return
    if asked.form is Form.CSV:
        asked.printer.print(EVENTS, entries)
        return
    shown = list(entries)
    asked.printer.print(EVENTS, shown)
    asked.say_how_many(len(shown), total, "entry", f"; {last_entry(stores, asked.printer)}", plural="entries")


def _states(event: Mapping[str, Any]) -> str | None:
    before, after = event["from_state"], event["to_state"]
    return after if before in (None, after) else f"{before} > {after}"
