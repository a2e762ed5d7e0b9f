"""`strategy-ledger orders`: what is open, in doubt first; everything with --all; one order in full with its id."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import click

from ledger_cli import documents, words
from ledger_cli.archived import refuse_archived, say_archived
from ledger_cli.asking import with_last_id
from ledger_cli.facts import FACTS, REQUESTS
from ledger_cli.failures import Unknown
from ledger_cli.listing import Cell, Document, Listing, Printer, age, number, one_row, text
from ledger_cli.reading import (
    Asked,
    Found,
    Store,
    first,
    last_entry,
    newest,
    reading_options_with_id,
    records_of,
    stores_of,
    symbol_option,
)
from ledger_cli.tables import render_pairs

if TYPE_CHECKING:
    from ledger_core import Fill, Order, QuarantinedFact

AVERAGE_PLACES = 6
"""To how many places averages are rounded in tables."""

_STYLES = {
    "IN_DOUBT": "doubt",
    "PLACED": "waiting",
    "PENDING_CANCEL": "waiting",
    "PENDING_REPLACE": "waiting",
    "SUSPENDED": "waiting",
    "REJECTED": "bad",
}


def status_style(status: str) -> str:
    """Return the style in which a status is shown."""
    return _STYLES.get(status, "")


def quantity(order: "Order") -> str:
    """Return the quantity, or the money to spend while the venue has not said how many units that is."""
    if order.quantity is not None:
        return words.number(order.quantity) or "0"
    return f"{words.number(order.details.cash_quantity)} {order.details.cash_currency}"


def _row(found: "Found[Order]") -> Sequence[Cell]:
    order = found.record
    return (
        order.status.value,
        order.placed_at,
        found.ledger,
        found.strategy_id,
        order.order_id,
        order.symbol,
        order.side.value,
        quantity(order),
        order.cum_quantity,
        order.leaves_quantity,
        order.average_price,
        order.details.order_type.value,
        order.limit_price,
        order.stop_price,
        order.time_in_force.value if order.time_in_force else None,
        order.placed_at,
        order.account,
        order.venue,
        ", ".join(order.venue_order_ids),
        order.reason,
    )


def _document(found: "Found[Order]") -> Document:
    return {**found.whose, **documents.of_order(found.record)}


ORDERS: "Listing[Found[Order]]" = Listing(
    (
        text("status", style=status_style),
        age(),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("order_id", "order"),
        text("symbol"),
        text("side"),
        number("quantity"),
        number("cum_quantity", "filled", rank=1),
        number("leaves_quantity", "leaves"),
        number("average_price", "average", places=AVERAGE_PLACES, rank=4),
        text("order_type", "type", rank=2),
        number("limit_price", "limit", rank=1),
        number("stop_price", "stop", rank=2),
        text("time_in_force", "in force", rank=5),
        text("placed_at", "placed", rank=6),
        text("account", rank=5),
        text("venue", rank=3),
        text("venue_order_ids", "venue's id", rank=2),
        text("reason", rank=3, below=True),
    ),
    one_row(_row),
    _document,
)
"""Orders, one a row."""

FILLS_OF_ORDER: "Listing[Fill]" = Listing(
    (
        text("executed_at", "executed"),
        text("fill_id", "fill"),
        number("quantity"),
        number("price"),
        text("fees"),
        text("note"),
    ),
    one_row(
        lambda fill: (
            fill.executed_at,
            fill.fill_id,
            fill.quantity,
            fill.price,
            words.fees(fill.fees),
            notes_of(fill),
        )
    ),
)
"""The executions of one order."""


@attrs.frozen
class WithFills:
    """An order and its executions."""

    order: "Order"
    fills: "Sequence[Fill]"


@click.command(short_help="What is open at the venues, in doubt first.")
@reading_options_with_id
@symbol_option
def orders(asked: Asked, symbol: str | None) -> None:
    """Print the open orders of ledgers, those in doubt first; with --all, every order, ended ones included.

    PATH is a ledger file or a URL. An order's id behind it shows everything about that order, as `show` does. Facts
    that the ledger could not book are listed below the orders: they may be fills of orders you see.
    """
    paths, order_id = with_last_id(asked.paths)
    asked = attrs.evolve(asked, paths=paths)
    with stores_of(asked) as stores:
        if order_id is not None:
            print_orders(asked, orders_named(stores, order_id))
            return
        found, total = _every_order(stores, asked, symbol) if asked.everything else _open_orders(stores, asked, symbol)
        facts = [one for one in records_of(stores, lambda ledger: ledger.quarantined()) if _is_of(one, symbol)]
        asked.printer.print(ORDERS, found)
        noun = "order" if asked.everything else "open order"
        asked.say_how_many(len(found), total, noun, f"; {last_entry(stores, asked.printer)}")
        if asked.everything:
            say_archived(asked, stores)
        if facts:
            counted = words.count(len(facts), "fact")
            asked.say(f"{counted} in quarantine: reported by the venue, in no order or position")
            if asked.form == "table":
                click.echo("\nIn quarantine\n")
                asked.printer.print(FACTS, facts)


def render(found: "Iterable[tuple[str, Order]]", moment: datetime) -> str:
    """Return (strategy_id, order) as a table, however wide."""
    items = [Found("", strategy_id, order) for strategy_id, order in found]
    return Printer(moment=moment).table(ORDERS, items).text


def orders_named(stores: Sequence[Store], order_id: str) -> "list[Found[WithFills]]":
    """Return the order of this id of each strategy that has one, with its fills; raise Unknown where none has."""
    from ledger_core import UnknownOrder
    from ledger_core.errors import Archived

    found: list[Found[WithFills]] = []
    for store in stores:
        for strategy_id, ledger in store.ledgers:
            try:
                order = ledger.get_order(order_id)
            except (UnknownOrder, Archived):
                continue
            fills = tuple(ledger.find_fills(order_id=order_id, limit=None))
            found.append(Found(store.shown, strategy_id, WithFills(order, fills)))
    if not found:
        refuse_archived(stores, order_id, whole=True)
        raise Unknown(f"no order {order_id!r} in this ledger", "UNKNOWN_ORDER")
    return found


def print_orders(asked: Asked, found: "Sequence[Found[WithFills]]") -> None:
    """Print orders in full."""
    if asked.form == "table":
        click.echo("\n\n".join(render_one(one, asked.printer) for one in found))
        return
    listing: Listing[Found[WithFills]] = Listing(
        ORDERS.columns,
        one_row(lambda one: _row(Found(one.ledger, one.strategy_id, one.record.order))),
        lambda one: {**one.whose, **documents.of_order(one.record.order, one.record.fills)},
    )
    asked.printer.print(listing, found)


def render_one(found: "Found[WithFills]", printer: Printer) -> str:
    """Return everything about an order: its terms, what came of it, its requests and executions."""
    order, fills = found.record.order, found.record.fills
    details = order.details
    parts = [
        render_pairs(
            (
                ("order", order.order_id),
                ("strategy", found.strategy_id),
                ("status", order.status.value),
                ("state", order.state.value if order.state.value != order.status.value else None),
                ("reason", order.reason),
                ("what", f"{order.side.value} {quantity(order)} {order.symbol} {details.order_type.value}"),
                ("limit price", words.number(order.limit_price)),
                ("stop price", words.number(order.stop_price)),
                ("in force", order.time_in_force.value if order.time_in_force else None),
                ("expires", printer.at(order.expire_at)),
                ("filled", words.number(order.cum_quantity)),
                ("leaves", words.number(order.leaves_quantity)),
                ("overfilled", words.number(order.overfill_quantity) if order.overfill_quantity else None),
                ("missing", words.number(order.missing_quantity) if order.missing_quantity else None),
                ("~average", words.rounded(order.average_price, AVERAGE_PLACES)),
                ("venue", order.venue),
                ("account", order.account),
                ("venue's id", ", ".join(order.venue_order_ids)),
                ("trade", ", ".join(order.trade_ids)),
                ("plan", details.trade_plan_id),
                ("group", details.execution_group_id),
                ("parent", details.parent_order_id),
                ("origin", details.origin),
                ("placed", printer.ago(order.placed_at)),
                ("ended", printer.at(order.ended_at)),
            )
        )
    ]
    if order.requests:
        requests = [Found(found.ledger, found.strategy_id, request) for request in order.requests]
        parts.append(printer.table(REQUESTS, requests).text)
    if fills:
        parts.append(printer.table(FILLS_OF_ORDER, fills).text)
    return "\n\n".join(parts)


def notes_of(fill: "Fill") -> str:
    """Return what a person must know of a fill; one that was busted counts nowhere."""
    notes = {"busted": fill.busted, "corrected": bool(fill.chain), "late": fill.late, "inferred": fill.inferred}
    return ", ".join(note for note, is_so in notes.items() if is_so)


def open_orders(stores: Iterable[Store]) -> "list[Found[Order]]":
    """Return every open order of the ledgers, those in doubt first, then in order of placing."""
    found = list(records_of(stores, lambda ledger: ledger.find_orders(is_open=True, limit=None)))
    return sorted(found, key=lambda one: (one.record.status != "IN_DOUBT", one.record.placed_at, one.strategy_id))


def _open_orders(stores: Iterable[Store], asked: Asked, symbol: str | None) -> "tuple[list[Found[Order]], int | None]":
    found = [one for one in open_orders(stores) if symbol in (None, one.record.symbol)]
    return first(found, asked.rows_max), len(found)


def _every_order(stores: Iterable[Store], asked: Asked, symbol: str | None) -> "tuple[list[Found[Order]], int | None]":
    return newest(
        stores,
        lambda ledger, after: ledger.find_orders(symbol=symbol, limit=None, after=after),
        asked.rows_max,
        lambda order: order.placed_at,
    )


def _is_of(found: "Found[QuarantinedFact]", symbol: str | None) -> bool:
    return symbol in (None, found.record.symbol)
