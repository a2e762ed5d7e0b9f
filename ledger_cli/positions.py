"""`strategy-ledger positions`: what is held, strategy by strategy."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from ledger_cli import documents, words
from ledger_cli.listing import Cell, Listing, Printer, age, number, one_row, text
from ledger_cli.reading import (
    Asked,
    Found,
    Store,
    first,
    last_entry,
    reading_options,
    records_of,
    stores_of,
    symbol_option,
)

if TYPE_CHECKING:
    from ledger_core import Position

_PLACES = 6


def _row(found: "Found[Position]") -> Sequence[Cell]:
    position = found.record
    return (
        found.ledger,
        found.strategy_id,
        position.symbol,
        position.venue,
        position.account,
        position.position_side.value if position.position_side.value != "NET" else None,
        position.quantity,
        position.average_price,
        position.cost,
        position.realized_pnl,
        position.money_currency,
        words.fees(position.fees),
        words.cash_flows(position.cash_flows),
        position.opened_at,
        position.opened_at,
        position.last_executed_at,
    )


POSITIONS: "Listing[Found[Position]]" = Listing(
    (
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("symbol"),
        text("venue", rank=3),
        text("account", rank=3),
        text("position_side", "side"),
        number("quantity"),
        number("average_price", "average", places=_PLACES, rank=1),
        number("cost", rank=2),
        number("realized_pnl", "realized", rank=1),
        text("money_currency", "currency", rank=1),
        text("fees", rank=4),
        text("cash_flows", "cash flows", rank=4),
        age(rank=1),
        text("opened_at", "opened", rank=5),
        text("last_executed_at", "last fill", rank=5),
    ),
    one_row(_row),
    lambda found: {**found.whose, **documents.of_position(found.record)},
)
"""Positions, one a row."""


@click.command(short_help="What is held.")
@reading_options
@symbol_option
def positions(asked: Asked, symbol: str | None) -> None:
    """Print what is held: every position that is not flat.

    PATH is a ledger file or a URL. Quantities are signed, negative is short. Cost is what the open part was entered
    for; realized PnL counts since the position's first fill; both are gross of fees, which stand beside them.
    """
    with stores_of(asked) as stores:
        everything = [one for one in open_positions(stores) if symbol in (None, one.record.symbol)]
        found = first(everything, asked.rows_max)
        asked.printer.print(POSITIONS, found)
        asked.say_how_many(len(found), len(everything), "open position", f"; {last_entry(stores, asked.printer)}")


def open_positions(stores: Iterable[Store]) -> "list[Found[Position]]":
    """Return every position of the ledgers that is not flat."""
    return list(records_of(stores, lambda ledger: ledger.get_open_positions()))


def render(found: "Iterable[tuple[str, Position]]") -> str:
    """Return (strategy_id, position) as a table, however wide."""
    return Printer().table(POSITIONS, [Found("", strategy_id, position) for strategy_id, position in found]).text
