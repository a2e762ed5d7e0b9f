"""`strategy-ledger orders`: what is open, in doubt first; everything with --all; one order in full with its id."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ledger_cli import tables, words
from ledger_cli.failures import Unknown
from ledger_cli.reading import (
    Asked,
    first,
    last_entry,
    latest,
    ledgers_of,
    now,
    reader_of,
    reading_options,
    say,
    say_how_many,
    symbol_option,
)

if TYPE_CHECKING:
    from ledger_core import Fill, LedgerReader, Order, OrderRequest, QuarantinedFact, StrategyLedger

    Found = Sequence[tuple[str, Order]]

_COLUMNS = (
    tables.text("status"),
    tables.text("age"),
    tables.text("strategy"),
    tables.text("order"),
    tables.text("symbol"),
    tables.text("side"),
    tables.numbers("quantity"),
    tables.numbers("filled"),
    tables.numbers("leaves"),
    tables.numbers("~average"),
    tables.text("type"),
    tables.numbers("limit"),
    tables.numbers("stop"),
    tables.text("in force"),
    tables.text("placed"),
    tables.text("account"),
    tables.text("venue"),
    tables.text("venue's id"),
    tables.text("reason"),
)
_FILL_COLUMNS = (
    tables.text("executed"),
    tables.text("fill"),
    tables.numbers("quantity"),
    tables.numbers("price"),
    tables.text("fees"),
    tables.text("note"),
)
_REQUEST_COLUMNS = (
    tables.text("requested"),
    tables.text("request"),
    tables.text("kind"),
    tables.text("state"),
    tables.text("reason"),
)
_FACT_COLUMNS = (
    tables.text("recorded"),
    tables.text("strategy"),
    tables.text("fact"),
    tables.text("order"),
    tables.text("venue's id"),
    tables.text("symbol"),
    tables.text("side"),
    tables.numbers("quantity"),
    tables.text("why it is not booked"),
)
AVERAGE_PLACES = 6
"""To how many places the columns with a `~` are rounded."""


@click.command(short_help="What is open at the venues, in doubt first.")
@reading_options
@symbol_option
@click.argument("order_id", required=False)
@click.option("--all", "show_all", is_flag=True, help="Ended orders too; the latest where not all are shown.")
def orders(
    path: str,
    order_id: str | None,
    strategy: str | None,
    symbol: str | None,
    limit: int | None,
    as_json: bool,
    show_all: bool,
) -> None:
    """Print the open orders of a ledger, those in doubt first.

    PATH is a ledger file or a URL. With ORDER_ID: everything about that order, its fills and requests included.
    Facts that the ledger could not book are listed below the orders: they may be fills of orders you see.
    """
    asked = Asked(path, strategy, limit, as_json, symbol)
    with reader_of(path) as reader:
        ledgers = ledgers_of(reader, strategy)
        if order_id is not None:
            _print_one(ledgers, order_id, asked)
            return
        found, total = _every_order(ledgers, asked) if show_all else _open_orders(reader, asked)
        facts = [
            (strategy_id, fact)
            for strategy_id, ledger in ledgers
            for fact in ledger.quarantined()
            if symbol in (None, fact.symbol)
        ]
        moment = now()
        if as_json:
            from ledger_cli.documents import array, of_order

            for piece in array(of_order(strategy_id, order) for strategy_id, order in found):
                click.echo(piece, nl=False)
        elif found:
            click.echo(render(found, moment))
        noun = "order" if show_all else "open order"
        say_how_many(len(found), total, noun, f"; {last_entry(ledgers, moment)}")
        if facts:
            say(f"{words.count(len(facts), 'fact')} in quarantine: reported by the venue, in no order or position")
            if not as_json:
                click.echo(f"\nIn quarantine\n\n{_render_facts(facts)}")


def render(found: "Found", moment: datetime) -> str:
    """Return orders as a table."""
    several = len({strategy_id for strategy_id, _ in found}) > 1
    return tables.render(
        _COLUMNS,
        (
            (
                order.status.value,
                words.age(moment, order.placed_at),
                strategy_id if several else None,
                order.order_id,
                order.symbol,
                order.side.value,
                _quantity(order),
                words.number(order.cum_quantity),
                words.number(order.leaves_quantity),
                words.rounded(order.average_price, AVERAGE_PLACES),
                order.details.order_type.value,
                words.number(order.limit_price),
                words.number(order.stop_price),
                order.time_in_force.value if order.time_in_force else None,
                words.at(order.placed_at),
                order.account,
                order.venue,
                ", ".join(order.venue_order_ids),
                order.reason,
            )
            for strategy_id, order in found
        ),
    )


def _open_orders(reader: "LedgerReader", asked: Asked) -> "tuple[Found, int]":
    found = [
        (strategy_id, order)
        for strategy_id, order in reader.get_open_orders()
        if asked.strategy in (None, strategy_id) and asked.symbol in (None, order.symbol)
    ]
    return first(found, asked.rows_max), len(found)


def _every_order(ledgers: "Sequence[tuple[str, StrategyLedger]]", asked: Asked) -> "tuple[Found, int]":
    found: list[tuple[str, Order]] = []
    total = 0
    for strategy_id, ledger in ledgers:
        kept, count = latest(ledger.find_orders(symbol=asked.symbol, limit=None), asked.rows_max)
        found.extend((strategy_id, order) for order in kept)
        total += count
    found.sort(key=lambda item: item[1].placed_at)
    return found[-asked.rows_max :] if asked.rows_max else found, total


def _print_one(ledgers: "Sequence[tuple[str, StrategyLedger]]", order_id: str, asked: Asked) -> None:
    from ledger_core import UnknownOrder

    found: list[tuple[str, Order, list[Fill]]] = []
    for strategy_id, ledger in ledgers:
        try:
            order = ledger.get_order(order_id)
        except UnknownOrder:
            continue
        found.append((strategy_id, order, list(ledger.find_fills(order_id=order_id, limit=None))))
    if not found:
        raise Unknown(f"no order {order_id!r} in this ledger")
    if asked.as_json:
        from ledger_cli.documents import array, of_order

        for piece in array(of_order(strategy_id, order, fills) for strategy_id, order, fills in found):
            click.echo(piece, nl=False)
        return
    moment = now()
    click.echo("\n\n".join(_render_one(*one, moment) for one in found))


def _render_one(strategy_id: str, order: "Order", fills: "Sequence[Fill]", moment: datetime) -> str:
    details = order.details
    parts = [
        tables.render_pairs(
            (
                ("order", order.order_id),
                ("strategy", strategy_id),
                ("status", order.status.value),
                ("state", order.state.value if order.state.value != order.status.value else None),
                ("reason", order.reason),
                ("what", f"{order.side.value} {_quantity(order)} {order.symbol} {details.order_type.value}"),
                ("limit price", words.number(order.limit_price)),
                ("stop price", words.number(order.stop_price)),
                ("in force", order.time_in_force.value if order.time_in_force else None),
                ("expires", words.at(order.expire_at)),
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
                ("placed", f"{words.at(order.placed_at)}, {words.age(moment, order.placed_at)} ago"),
                ("ended", words.at(order.ended_at)),
            )
        )
    ]
    if order.requests:
        parts.append(_render_requests(order.requests))
    if fills:
        parts.append(_render_fills(fills))
    return "\n\n".join(parts)


def _render_fills(fills: "Sequence[Fill]") -> str:
    return tables.render(
        _FILL_COLUMNS,
        (
            (
                words.at(fill.executed_at),
                fill.fill_id,
                words.number(fill.quantity),
                words.number(fill.price),
                words.fees(fill.fees),
                _notes(fill),
            )
            for fill in fills
        ),
    )


def _notes(fill: "Fill") -> str:
    """Return what a person must know of a fill; one that was busted counts nowhere."""
    notes = {"busted": fill.busted, "corrected": bool(fill.chain), "late": fill.late, "inferred": fill.inferred}
    return ", ".join(note for note, is_so in notes.items() if is_so)


def _render_requests(requests: "Sequence[OrderRequest]") -> str:
    return tables.render(
        _REQUEST_COLUMNS,
        (
            (
                words.at(request.requested_at),
                request.request_id,
                request.request_kind.value,
                request.state.value,
                request.reason,
            )
            for request in requests
        ),
    )


def _render_facts(facts: "Sequence[tuple[str, QuarantinedFact]]") -> str:
    several = len({strategy_id for strategy_id, _ in facts}) > 1
    return tables.render(
        _FACT_COLUMNS,
        (
            (
                words.at(fact.recorded_at),
                strategy_id if several else None,
                fact.operation.removeprefix("update_order_"),
                fact.order_id,
                fact.venue_order_id,
                fact.symbol,
                fact.side.value if fact.side else None,
                words.number(fact.quantity),
                fact.message,
            )
            for strategy_id, fact in facts
        ),
    )


def _quantity(order: "Order") -> str:
    """Return the quantity, or the money to spend while the venue has not said how many units that is."""
    if order.quantity is not None:
        return words.number(order.quantity) or "0"
    return f"{words.number(order.details.cash_quantity)} {order.details.cash_currency}"
