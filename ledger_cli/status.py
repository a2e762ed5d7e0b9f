"""`strategy-ledger status`: the first thing to type when something is wrong."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from ledger_cli import documents, terminal, words
from ledger_cli.asking import parse_duration
from ledger_cli.exposure import EXPOSURES
from ledger_cli.facts import FACTS, REQUESTS_IN_FLIGHT
from ledger_cli.failures import FOUND
from ledger_cli.journal import event_in_words
from ledger_cli.listing import Cell, Document, Form, Listing, Printer, age, number, one_row, say_left_out, text
from ledger_cli.orders import ORDERS, quantity, status_style
from ledger_cli.picture import GRACE, Picture, complaints, gather, next_steps
from ledger_cli.positions import POSITIONS
from ledger_cli.reading import Asked, Found, reading_options, stores_of
from ledger_cli.status_items import ITEMS, items_of
from ledger_cli.tables import Line

if TYPE_CHECKING:
    from ledger_core import Order

ItemT = TypeVar("ItemT")


def _doubtful(found: "Found[Order]") -> Sequence[Cell]:
    order = found.record
    return (
        order.status.value,
        order.placed_at,
        found.ledger,
        found.strategy_id,
        order.order_id,
        ", ".join(order.venue_order_ids) or "none",
        order.symbol,
        order.side.value,
        quantity(order),
        order.cum_quantity,
        order.limit_price,
        order.venue,
        order.account,
        order.placed_at,
        order.reason,
    )


IN_DOUBT: "Listing[Found[Order]]" = Listing(
    (
        text("status", style=status_style),
        age(),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("order_id", "our id"),
        text("venue_order_ids", "venue's id"),
        text("symbol"),
        text("side"),
        number("quantity"),
        number("cum_quantity", "filled", rank=1),
        number("limit_price", "limit", rank=2),
        text("venue", rank=1),
        text("account", rank=3),
        text("placed_at", "placed", rank=4),
        text("reason", rank=2, below=True),
    ),
    one_row(_doubtful),
    lambda found: {**found.whose, **documents.of_order(found.record)},
)
"""Orders in doubt, by both of their ids."""


@attrs.frozen
class Section:
    """A part of the answer: its name for programs, its heading, what it says where there is nothing."""

    name: str
    heading: str
    nothing: str
    listing: Listing[Any]
    items: Sequence[Any]
    style: str = "title"


def sections(picture: Picture) -> list[Section]:
    """Return the parts of the answer, most urgent first."""
    # fmt: off
    return [
        Section("in_doubt", "IN DOUBT: the venue may have these or not", "nothing in doubt",
                IN_DOUBT, picture.in_doubt, "doubt"),
        Section("requests_in_flight", "Requests without an answer", "no request without an answer",
                REQUESTS_IN_FLIGHT, picture.requests, "waiting"),
        Section("working", "Working at the venues", "no order working", ORDERS, picture.working),
        Section("positions", "Held", "no position", POSITIONS, picture.positions),
        Section("exposures", "Net, over all strategies", "no exposure", EXPOSURES, picture.exposures),
        Section("quarantine", "In quarantine: told by the venue, in no order and no position",
                "nothing in quarantine", FACTS, picture.facts, "waiting"),
    ]
    # fmt: on


@click.command(short_help="What is in doubt, open and held; what to do.")
@reading_options
@click.option("--check", is_flag=True, help="End with 1 if anything needs a person, for a monitor to ask.")
@click.option(
    "--grace",
    metavar="TIME",
    default="60s",
    show_default=True,
    help="With --check: how long an order or a request may wait for its answer.",
)
@click.option("--max-age", metavar="TIME", help="With --check: how long ago the last entry may be, such as 90s or 2h.")
def status(asked: Asked, check: bool, grace: str, max_age: str | None) -> None:
    """Print what a person must know of ledgers when something is wrong, and what to do next.

    PATH is a ledger file or a URL. In this order: the last event and its age, and who has the file open; orders in
    doubt, by our id and the venue's; requests without an answer; what works at the venues; what is held; the net by
    symbol over all strategies; what waits in quarantine; the next step.

    With --check an order in doubt, an order or a request without an answer, a fact in quarantine or a fill that is
    known to be missing ends with exit code 1.
    """
    graced = parse_duration(grace, "--grace") or GRACE
    silence_max = parse_duration(max_age, "--max-age")
    with stores_of(asked) as stores:
        picture = gather(stores, asked.printer.moment)
        found = list(complaints(picture, grace=graced, silence_max=silence_max))
        _print(asked, picture, found)
    if check and found:
        for complaint in found:
            asked.say(complaint)
        click.get_current_context().exit(FOUND)


def lines(
    picture: Picture, printer: Printer, *, width: int | None, rows_max: int | None
) -> tuple[list[Line], list[str]]:
    """Return the answer as lines, and the headings of the columns that had no room."""
    shown: list[Line] = [*heading(picture, printer)]
    left_out: dict[str, None] = {}
    nothing = []
    for section in sections(picture):
        if not section.items:
            nothing.append(section.nothing)
            continue
        items = section.items[:rows_max]
        table = printer.table(section.listing, items, width)
        counted = f"{len(section.items):,}"
        if len(items) < len(section.items):
            counted = f"showing {len(items):,} of {counted}; --all"
        shown += [[], [(f"{section.heading} ({counted})", section.style)], [], *table.lines]
        left_out.update(dict.fromkeys(table.left_out))
    if nothing:
        shown += [[], [(sentence(nothing), "good")]]
    steps = list(steps_to_take(picture))
    if steps:
        shown += [[], [("Next", "title")], [], *steps]
    return shown, list(left_out)


def steps_to_take(picture: Picture) -> Iterator[Line]:
    """Return what a person does next, and what to type, as lines."""
    for place, step in enumerate(next_steps(picture), 1):
        yield [(f"{place}. {step.sentence}", "")]
        if step.command is not None:
            yield [(f"   {step.command}", "heading")]


def document(picture: Picture, found: Sequence[str]) -> Document:
    """Return the answer as one JSON object."""
    parts = {section.name: list(section.listing.documents(section.items)) for section in sections(picture)}
    return {
        "moment": _time(picture.moment),
        "ledgers": [
            {
                "ledger": one.ledger,
                "strategies": list(one.strategies),
                "last_event": None
                if one.last is None
                else {
                    "strategy_id": one.last.strategy_id,
                    "sequence": one.last.sequence,
                    "recorded_at": _time(one.last.recorded_at),
                    "age_seconds": str(int((picture.moment - one.last.recorded_at).total_seconds())),
                    "what": event_in_words(one.last),
                },
                "open_for_writing_by": None if one.writers is None else [attrs.asdict(who) for who in one.writers],
            }
            for one in picture.ledgers
        ],
        **parts,
        "complaints": list(found),
        "next_steps": [attrs.asdict(step) for step in next_steps(picture)],
    }


def _print(asked: Asked, picture: Picture, found: Sequence[str]) -> None:
    match asked.form:
        case Form.TABLE:
            width = None if asked.printer.is_wide else terminal.width()
            shown, left_out = lines(picture, asked.printer, width=width, rows_max=asked.rows_max)
            terminal.print_lines(shown)
            say_left_out(left_out)
        case Form.JSON:
            click.echo(json.dumps(document(picture, found), indent=2))
        case Form.MARKDOWN:
            for line in _markdown(picture, asked.printer, asked.rows_max):
                click.echo(line)
        case Form.CSV | Form.JSONL:
            asked.printer.print(ITEMS, items_of(picture))


def heading(picture: Picture, printer: Printer) -> Iterator[Line]:
    """Return which ledgers these are, their last events and their ages, and who has them open, as lines."""
    for one in picture.ledgers:
        strategies = ", ".join(one.strategies) or "no strategy yet"
        counted = words.count(len(one.strategies), "strategy", "strategies")
        yield [(one.ledger, "title"), (f"  {counted}: {strategies}", "")]
        if one.last is None:
            yield [("nothing was ever recorded", "")]
        else:
            yield [(f"last event  {printer.ago(one.last.recorded_at)}", "heading")]
            yield [(f"            {event_in_words(one.last)} ({one.last.strategy_id}, entry {one.last.sequence})", "")]
        if one.writers is not None:
            who = ", ".join(map(str, one.writers)) or "no process on this machine"
            yield [(f"open by     {who}", "" if one.writers else "waiting")]


def _markdown(picture: Picture, printer: Printer, rows_max: int | None) -> Iterator[str]:
    for line in heading(picture, printer):
        yield "".join(part for part, _ in line).rstrip() + "  "
    for section in sections(picture):
        yield f"\n## {section.heading} ({len(section.items):,})\n"
        yield from printer.markdown(section.listing, section.items[:rows_max]) or [section.nothing]
    yield "\n## Next\n"
    for place, step in enumerate(next_steps(picture), 1):
        yield f"{place}. {step.sentence}" + (f" `{step.command}`" if step.command else "")


def sentence(parts: Sequence[str]) -> str:
    """Return what there is nothing of, as one sentence."""
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _time(moment: Any) -> str:
    from ledger_core.numbers import time_text

    return time_text(moment)
