"""`strategy-ledger exposure`: by symbol, what is held and what open orders may still add."""

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
    from ledger_core import Exposure, LedgerReader, StrategyLedger

_COLUMNS = (
    tables.text("symbol"),
    tables.numbers("net"),
    tables.numbers("long"),
    tables.numbers("short"),
    tables.numbers("~average"),
    tables.numbers("pending buy"),
    tables.numbers("pending sell"),
    tables.numbers("worst long"),
    tables.numbers("worst short"),
    tables.text("orders of unknown quantity"),
)
_PLACES = 6


@click.command(short_help="What is held and may still be added.")
@reading_options
@symbol_option
def exposure(path: str, strategy: str | None, symbol: str | None, limit: int | None, as_json: bool) -> None:
    """Print by symbol what is held and what open orders may still add, over all strategies.

    PATH is a ledger file or a URL. The worst cases are the net position if every pending buy, and no pending sell,
    is filled, and the reverse; orders in doubt and fills in quarantine count. With --symbol: that symbol, also where
    nothing is known of it.
    """
    asked = Asked(path, strategy, limit, as_json, symbol)
    with reader_of(path) as reader:
        ledgers = ledgers_of(reader, strategy)
        everything = _of_one(ledgers[0][1], symbol) if strategy is not None else _of_all(reader, symbol)
        found = first(everything, asked.rows_max)
        if as_json:
            from ledger_cli.documents import array, of_exposure

            for piece in array(of_exposure(one) for one in found):
                click.echo(piece, nl=False)
        elif found:
            click.echo(render(found))
        say_how_many(len(found), len(everything), "symbol", f"; {last_entry(ledgers, now())}")


def render(found: "Sequence[Exposure]") -> str:
    """Return exposures as a table."""
    return tables.render(
        _COLUMNS,
        (
            (
                one.symbol,
                words.number(one.net_quantity),
                words.number(one.long_quantity),
                words.number(one.short_quantity),
                words.rounded(one.average_price, _PLACES),
                words.number(one.pending_buy_quantity),
                words.number(one.pending_sell_quantity),
                words.number(one.worst_case_long),
                words.number(one.worst_case_short),
                ", ".join(one.unquantified_order_ids),
            )
            for one in found
        ),
    )


def _of_all(reader: "LedgerReader", symbol: str | None) -> "list[Exposure]":
    return reader.get_exposures() if symbol is None else [reader.get_exposure(symbol)]


def _of_one(ledger: "StrategyLedger", symbol: str | None) -> "list[Exposure]":
    if symbol is not None:
        return [ledger.get_position_exposure(symbol)]
    symbols = {position.symbol for position in ledger.get_open_positions()}
    symbols.update(order.symbol for order in ledger.find_orders(is_open=True, limit=None))
    symbols.update(fact.symbol for fact in ledger.quarantined() if fact.symbol is not None)
    return [ledger.get_position_exposure(name) for name in sorted(symbols)]
