"""`strategy-ledger flatten`: a plan to cancel what is open and close what is held. It sends nothing."""

import json
from collections.abc import Sequence
from typing import Any

import click

from ledger_cli import plans, terminal
from ledger_cli.asking import LedgerPath, printer_of
from ledger_cli.listing import Cell, Listing, Printer, number, one_row, say_left_out, text
from ledger_cli.orders import open_orders, status_style
from ledger_cli.plans import Cancel, Close, Plan, plan_for
from ledger_cli.positions import open_positions
from ledger_cli.reading import Asked, records_of, say, stores_of, symbol_option
from ledger_cli.settings import Settings
from ledger_cli.tables import Line

_FORMS = ("table", *plans.FORMS)


def _cancel(cancel: Cancel) -> Sequence[Cell]:
    order = cancel.found.record
    return (
        order.status.value,
        cancel.found.ledger,
        cancel.found.strategy_id,
        order.order_id,
        ", ".join(order.venue_order_ids) or "none",
        order.symbol,
        order.side.value,
        order.leaves_quantity,
        order.venue,
        order.account,
        cancel.request_id,
    )


def _close(close: Close) -> Sequence[Cell]:
    position = close.found.record
    return (
        close.found.ledger,
        close.found.strategy_id,
        position.symbol,
        close.side,
        close.quantity,
        position.position_side.value if position.position_side.value != "NET" else None,
        position.venue,
        position.account,
        close.client_id,
    )


CANCELS: Listing[Cancel] = Listing(
    (
        text("status", style=status_style),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("order_id", "our id"),
        text("venue_order_ids", "venue's id"),
        text("symbol"),
        text("side"),
        number("leaves_quantity", "leaves"),
        text("venue", rank=1),
        text("account", rank=2),
        text("request_id", "request id", rank=3),
    ),
    one_row(_cancel),
)
"""The orders to cancel."""

CLOSES: Listing[Close] = Listing(
    (
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("symbol"),
        text("side"),
        number("quantity"),
        text("position_side", "of position"),
        text("venue", rank=1),
        text("account", rank=2),
        text("client_order_id", "client id"),
    ),
    one_row(_close),
)
"""The orders to send."""


@click.command(short_help="A plan to leave the market; sends nothing.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=LedgerPath())
@click.option("--strategy", metavar="ID", help="Only this strategy.")
@symbol_option
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(_FORMS),
    default="table",
    help="A table, JSON, or the calls of ccxt, Alpaca or Interactive Brokers, as JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as -o json: errors are JSON, too.")
@click.option("--wide", is_flag=True, help="Show every column, also where the terminal is too narrow.")
def flatten(
    paths: tuple[str, ...], strategy: str | None, symbol: str | None, form: str, as_json: bool, wide: bool
) -> None:
    """Print a plan that cancels every open order and closes every position. Nothing is sent, nothing is written.

    PATH is a ledger file or a URL. Cancels come first, then one market order for each position that is held. Client
    ids follow from what the ledger holds, so the same plan twice has the same ids, and a venue takes it once. Record
    each closing order before you send it: the JSON has what record_order takes.
    """
    settings = Settings()
    asked = Asked(
        paths=paths,
        strategy=strategy,
        limit=None,
        everything=True,
        printer=printer_of(settings, "json" if as_json or form != "table" else None, as_json=False, tz=None, wide=wide),
        settings=settings,
    )
    with stores_of(asked) as stores:
        orders = [one for one in open_orders(stores) if symbol in (None, one.record.symbol)]
        positions = [one for one in open_positions(stores) if symbol in (None, one.record.symbol)]
        waiting = records_of(stores, lambda ledger: ledger.quarantined())
        facts = [one for one in waiting if symbol in (None, one.record.symbol) or one.record.symbol is None]
        plan = plan_for(orders, positions, facts)
    if as_json or form != "table":
        click.echo(json.dumps(plans.FORMS["json" if as_json else form](plan), indent=2))
        return
    _print_table(plan, asked.printer)


def _print_table(plan: Plan, printer: Printer) -> None:
    width = None if printer.is_wide else terminal.width()
    lines: list[Line] = []
    left_out: list[str] = []
    parts: tuple[tuple[str, Listing[Any], Sequence[Any]], ...] = (
        ("Cancel", CANCELS, plan.cancels),
        ("Send", CLOSES, plan.closes),
    )
    for number_of_part, (heading, listing, items) in enumerate((part for part in parts if part[2]), 1):
        table = printer.table(listing, items, width)
        title = f"{number_of_part}. {heading} ({len(items):,})"
        lines += [*([[]] if lines else []), [(title, "title")], [], *table.lines]
        left_out += table.left_out
    terminal.print_lines(lines)
    say_left_out(left_out)
    if not plan.cancels and not plan.closes:
        say("nothing is open and nothing is held: there is nothing to do")
    for warning in plan.warnings:
        say(f"note: {warning}")
    if plan.cancels or plan.closes:
        say("this is a plan: nothing was sent")
