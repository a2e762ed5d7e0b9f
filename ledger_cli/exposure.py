"""`strategy-ledger exposure`: by symbol, what is held and what open orders may still add."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ledger_cli import documents
from ledger_cli.listing import Cell, Listing, number, one_row, text
from ledger_cli.reading import Asked, Store, first, last_entry, reading_options, stores_of, symbol_option

if TYPE_CHECKING:
    from ledger_core import Exposure, Order, Position, QuarantinedFact, StrategyLedger

_PLACES = 6


def _row(one: "Exposure") -> Sequence[Cell]:
    return (
        one.symbol,
        one.net_quantity,
        one.long_quantity,
        one.short_quantity,
        one.average_price,
        one.pending_buy_quantity,
        one.pending_sell_quantity,
        one.worst_case_long,
        one.worst_case_short,
        ", ".join(one.unquantified_order_ids),
    )


EXPOSURES: "Listing[Exposure]" = Listing(
    (
        text("symbol"),
        number("net_quantity", "net"),
        number("long_quantity", "long", rank=2),
        number("short_quantity", "short", rank=2),
        number("average_price", "average", places=_PLACES, rank=3),
        number("pending_buy_quantity", "pending buy", rank=1),
        number("pending_sell_quantity", "pending sell", rank=1),
        number("worst_case_long", "worst long"),
        number("worst_case_short", "worst short"),
        text("unquantified_order_ids", "orders of unknown quantity"),
    ),
    one_row(_row),
    documents.of_exposure,
)
"""Exposures, one a row."""


@click.command(short_help="Net by symbol, and what may be added.")
@reading_options
@symbol_option
def exposure(asked: Asked, symbol: str | None) -> None:
    """Print by symbol what is held and what open orders may still add, over all strategies and all ledgers named.

    PATH is a ledger file or a URL. The worst cases are the net position if every pending buy, and no pending sell,
    is filled, and the reverse; orders in doubt and fills in quarantine count. With --symbol: that symbol, also where
    nothing is known of it.
    """
    with stores_of(asked) as stores:
        everything = exposures(stores, symbol)
        found = first(everything, asked.rows_max)
        asked.printer.print(EXPOSURES, found)
        asked.say_how_many(len(found), len(everything), "symbol", f"; {last_entry(stores, asked.printer)}")


def exposures(stores: Iterable[Store], symbol: str | None = None) -> "list[Exposure]":
    """Return the exposure of every symbol that is held, ordered or quarantined, or of the one that is named."""
    from ledger_core.exposure import exposure_of

    positions: defaultdict[str, list[Position]] = defaultdict(list)
    orders: defaultdict[str, list[Order]] = defaultdict(list)
    facts: defaultdict[str, list[QuarantinedFact]] = defaultdict(list)
    for store in stores:
        for _, ledger in store.ledgers:
            for position in ledger.get_open_positions():
                positions[position.symbol].append(position)
            for order in _orders(ledger):
                orders[order.symbol].append(order)
            for fact in ledger.quarantined():
                if fact.symbol is not None:
                    facts[fact.symbol].append(fact)
    symbols = {*positions, *orders, *facts} if symbol is None else {symbol}
    return [exposure_of(name, positions[name], orders[name], facts[name]) for name in sorted(symbols)]


def _orders(ledger: "StrategyLedger") -> "Iterator[Order]":
    """Yield what may still execute: the open orders, and those that a replace in flight may open again."""
    known = set()
    for order in ledger.find_orders(is_open=True, limit=None):
        known.add(order.order_id)
        yield order
    for order_id in {request.order_id for request in ledger.unresolved().requests} - known:
        order = ledger.get_order(order_id)
        if order.replaces_in_flight:
            yield order
