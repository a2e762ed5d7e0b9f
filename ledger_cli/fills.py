"""`strategy-ledger fills`: every execution, in the order in which the ledger learned of it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ledger_cli import documents, words
from ledger_cli.archived import say_archived
from ledger_cli.asking import parse_moment
from ledger_cli.listing import Cell, Listing, number, one_row, text
from ledger_cli.orders import notes_of
from ledger_cli.reading import (
    Asked,
    Found,
    Store,
    last_entry,
    newest,
    reading_options,
    records_of,
    stores_of,
    symbol_option,
)

if TYPE_CHECKING:
    from ledger_core import Fill


def _row(found: "Found[Fill]") -> Sequence[Cell]:
    fill = found.record
    return (
        fill.executed_at,
        found.ledger,
        found.strategy_id,
        fill.order_id,
        fill.fill_id,
        fill.symbol,
        fill.side.value,
        fill.quantity,
        fill.price,
        words.fees(fill.fees),
        fill.liquidity.value if fill.liquidity else None,
        fill.venue,
        fill.account,
        fill.venue_order_id,
        notes_of(fill),
    )


FILLS: "Listing[Found[Fill]]" = Listing(
    (
        text("executed_at", "executed"),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("order_id", "order"),
        text("fill_id", "fill", rank=1),
        text("symbol"),
        text("side"),
        number("quantity"),
        number("price"),
        text("fees", rank=2),
        text("liquidity", rank=3),
        text("venue", rank=4),
        text("account", rank=5),
        text("venue_order_id", "venue's id", rank=5),
        text("note", rank=1),
    ),
    one_row(_row),
    lambda found: {**found.whose, **documents.of_record(found.record)},
)
"""Executions, one a row."""


@click.command(short_help="Every execution.")
@reading_options
@symbol_option
@click.option("--order", "order_id", metavar="ID", help="Only those of this order.")
@click.option("--trade", "trade_id", metavar="ID", help="Only those of this trade's orders.")
@click.option("--since", metavar="TIME", help="Only what was executed at this time or date, or later.")
@click.option("--until", metavar="TIME", help="Only what was executed before.")
def fills(
    asked: Asked,
    symbol: str | None,
    order_id: str | None,
    trade_id: str | None,
    since: str | None,
    until: str | None,
) -> None:
    """Print executions: a table shows the latest, in the order in which they were recorded.

    PATH is a ledger file or a URL. Busted executions are listed and marked: they count nowhere.
    """
    zone = asked.printer.zone
    where: dict[str, Any] = {
        "symbol": symbol,
        "order_id": order_id,
        "trade_id": trade_id,
        "since": parse_moment(since, "--since", zone),
        "until": parse_moment(until, "--until", zone),
    }
    total: int | None
    with stores_of(asked) as stores:
        if asked.rows_max is None:
            counter = _Counter()
            asked.printer.print(FILLS, counter.counted(_every_fill(stores, where)))
            shown, total = counter.count, counter.count
        else:
            found, total = newest(
                stores,
                lambda ledger, after: ledger.find_fills(**where, limit=None, after=after),
                asked.rows_max,
                _recorded,
            )
            asked.printer.print(FILLS, found)
            shown = len(found)
        asked.say_how_many(shown, total, "fill", f"; {last_entry(stores, asked.printer)}")
        say_archived(asked, stores)


class _Counter:
    """Counts what goes by."""

    def __init__(self) -> None:
        self.count = 0

    def counted(self, items: "Iterable[Found[Fill]]") -> "Iterator[Found[Fill]]":
        for item in items:
            self.count += 1
            yield item


def _every_fill(stores: Iterable[Store], where: dict[str, Any]) -> "Iterator[Found[Fill]]":
    return records_of(stores, lambda ledger: ledger.find_fills(**where, limit=None))


def _recorded(fill: "Fill") -> tuple[datetime, int, int]:
    return (fill.recorded_at, fill.sequence, fill.index)
