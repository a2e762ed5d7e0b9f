"""`strategy-ledger positions`: what is held, strategy by strategy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ledger_cli import tables, words
from ledger_cli.reading import (
    Asked,
    first,
    last_entry,
    ledgers_of,
    now,
    reader_of,
    reading_options,
    say_how_many,
    symbol_option,
)

if TYPE_CHECKING:
    from ledger_core import Position

    Found = Sequence[tuple[str, Position]]

_COLUMNS = (
    tables.text("strategy"),
    tables.text("symbol"),
    tables.text("venue"),
    tables.text("account"),
    tables.text("side"),
    tables.numbers("quantity"),
    tables.numbers("~average"),
    tables.numbers("cost"),
    tables.numbers("realized"),
    tables.text("currency"),
    tables.text("fees"),
    tables.text("opened"),
    tables.text("last fill"),
)
_PLACES = 6


@click.command(short_help="What is held.")
@reading_options
@symbol_option
def positions(path: str, strategy: str | None, symbol: str | None, limit: int | None, as_json: bool) -> None:
    """Print what is held: every position that is not flat.

    PATH is a ledger file or a URL. Quantities are signed, negative is short. Cost is what the open part was entered
    for; realized PnL counts since the position's first fill; both are gross of fees, which stand beside them.
    """
    asked = Asked(path, strategy, limit, as_json, symbol)
    with reader_of(path) as reader:
        ledgers = ledgers_of(reader, strategy)
        everything = [
            (strategy_id, position)
            for strategy_id, ledger in ledgers
            for position in ledger.get_open_positions()
            if symbol in (None, position.symbol)
        ]
        found = first(everything, asked.rows_max)
        if as_json:
            from ledger_cli.documents import array, of_position

            for piece in array(of_position(strategy_id, position) for strategy_id, position in found):
                click.echo(piece, nl=False)
        elif found:
            click.echo(render(found))
        say_how_many(len(found), len(everything), "open position", f"; {last_entry(ledgers, now())}")


def render(found: "Found") -> str:
    """Return positions as a table."""
    several = len({strategy_id for strategy_id, _ in found}) > 1
    return tables.render(
        _COLUMNS,
        (
            (
                strategy_id if several else None,
                position.symbol,
                position.venue,
                position.account,
                position.position_side.value if position.position_side.value != "NET" else None,
                words.number(position.quantity),
                words.rounded(position.average_price, _PLACES),
                words.number(position.cost),
                words.number(position.realized_pnl),
                position.money_currency,
                words.fees(position.fees),
                words.at(position.opened_at),
                words.at(position.last_executed_at),
            )
            for strategy_id, position in found
        ),
    )
