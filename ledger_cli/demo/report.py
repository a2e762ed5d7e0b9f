"""What the demonstration prints: the file read back as tables, and how its figures agree with the stream's."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import click

from ledger_cli import orders, positions, tables, trades, words
from ledger_cli.demo.agreement import TOLERANCE, Books, Check, SymbolPnl, checks, pnl_by_symbol
from ledger_cli.demo.handler import CLOSE_OUT
from ledger_cli.demo.session import STRATEGY
from ledger_cli.demo.stream import RecordedStream
from ledger_core import open_reader
from ledger_core.numbers import total

_LATEST_TRADES = 12
_CENTS = 2
_PLACES = 10
_PNL_COLUMNS = (
    tables.text("symbol"),
    tables.numbers("held"),
    tables.numbers("last price"),
    tables.numbers("~realized"),
    tables.numbers("~unrealized"),
    tables.numbers("~fees"),
    tables.numbers("~net USD"),
)
_CHECK_COLUMNS = (
    tables.text("figure"),
    tables.numbers("~ledger"),
    tables.numbers("~stream"),
    tables.text("difference"),
)


def print_report(file: Path, stream: RecordedStream) -> str | None:
    """Print what the file holds and compare it with the stream.

    Returns the id of an order that is worth a look, or None where a figure does not agree.
    """
    end = stream.days[-1].at
    with open_reader(file) as reader:
        books = Books.read(reader.strategy(STRATEGY))
        open_orders = reader.get_open_orders()
        held = reader.get_open_positions()
        entries = reader.strategy(STRATEGY).head().sequence
    named = sorted(((STRATEGY, trade) for trade in books.trades), key=lambda item: item[1].opened_at)
    ours = sum(order.details.origin != CLOSE_OUT for order in books.orders)
    _section(
        f"Open orders at the end of the stream ({len(open_orders)} of {len(books.orders)}:"
        f" the strategy's {ours}, and {len(books.orders) - ours} by which the venue closed a position out)"
    )
    click.echo(orders.render(open_orders, end))
    _section(f"Positions ({len(held)})")
    click.echo(positions.render(held))
    _section(f"Trades (the latest {min(_LATEST_TRADES, len(named))} of {len(named)})")
    click.echo(trades.render(named[-_LATEST_TRADES:], end))
    _section("PnL")
    click.echo(_pnl_table(pnl_by_symbol(books, stream.days[-1])))
    found = checks(books, stream)
    _section("The ledger's figures and the stream's own")
    click.echo(_check_table(found))
    agrees = all(check.agrees for check in found)
    worst = max(found, key=lambda check: check.difference)
    click.echo(
        f"\n{sum(check.agrees for check in found)} of {len(found)} figures agree within {TOLERANCE:e};"
        f" the largest difference is {worst.difference:.1e} ({worst.what})."
        f"\nThe journal holds {entries:,} entries, {words.count(len(books.fills), 'fill')} among them."
    )
    return _worth_a_look(books) if agrees else None


def _section(heading: str) -> None:
    click.echo(f"\n{heading}\n")


def _pnl_table(rows: Sequence[SymbolPnl]) -> str:
    def line(name: str, held: str | None, price: Decimal | None, *money: Decimal) -> list[str | None]:
        return [name, held, words.number(price), *(words.rounded(amount, _CENTS) for amount in money)]

    lines = [
        line(one.symbol, words.number(one.quantity), one.last_price, one.realized, one.unrealized, one.fees, one.net)
        for one in rows
    ]
    sums = (total(getattr(one, name) for one in rows) for name in ("realized", "unrealized", "fees", "net"))
    return tables.render(_PNL_COLUMNS, [*lines, line("all", None, None, *sums)])


def _check_table(found: Sequence[Check]) -> str:
    return tables.render(
        _CHECK_COLUMNS,
        ((check.what, _figure(check.ledger), _figure(check.stream), _difference(check)) for check in found),
    )


def _figure(value: Decimal) -> str | None:
    return words.number(value) if value == value.to_integral_value() else words.rounded(value, _PLACES)


def _difference(check: Check) -> str:
    if not check.difference:
        return "none"
    return f"{check.difference:.1e}" if check.agrees else f"{check.difference:.1e}  DIFFERS"


def _worth_a_look(books: Books) -> str:
    """Return the latest order that was filled in parts: its history shows most of an order's life."""
    parts = Counter(fill.order_id for fill in books.fills)
    return max(
        (order for order in books.orders if parts[order.order_id] > 1), key=lambda order: order.sequence
    ).order_id
