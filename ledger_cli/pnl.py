"""`strategy-ledger pnl`: realized PnL by day, week, month, symbol or strategy."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import click

from ledger_cli import words
from ledger_cli.archived import CODE as ARCHIVED
from ledger_cli.asking import parse_moment
from ledger_cli.failures import Misused
from ledger_cli.listing import Cell, Document, Listing, number, one_row, text
from ledger_cli.progress import progress
from ledger_cli.reading import Asked, Store, last_entry, reading_options, stores_of, symbol_option

if TYPE_CHECKING:
    from ledger_report.pnl import Carried, PnlRow, Realization

_BY = ("day", "week", "month", "symbol", "strategy")


@attrs.frozen
class _Row:
    """A row, and what of fees and cash flows is in none of its figures."""

    row: "PnlRow"

    @property
    def unconverted(self) -> str | None:
        """Fees and cash flows in other currencies, for which no rate was given."""
        from ledger_core import Fee, RealizedPnl

        net = self.row.net
        parts = [] if net is None else net.unconverted
        shown = []
        for part in parts:
            kind = "fees" if isinstance(part, Fee) else "pnl" if isinstance(part, RealizedPnl) else part.adjustment_kind
            shown.append(f"{kind.lower()} {words.number(part.amount)} {part.currency or '?'}")
        return ", ".join(shown) or None


def _cells(item: _Row) -> Sequence[Cell]:
    row, net = item.row, item.row.net
    return (
        row.name,
        row.currency,
        row.realized_pnl,
        None if net is None else net.fees,
        None if net is None or not net.cash_flows else net.cash_flows,
        None if net is None else net.net_realized_pnl,
        row.fills,
        item.unconverted,
    )


def _document(item: _Row) -> Document:
    row = item.row
    return {
        "name": row.name,
        "currency": row.currency,
        "realized_pnl": words.number(row.realized_pnl),
        "fills": row.fills,
        "net": None if row.net is None else row.net.as_dict(),
    }


def _listing(by: str) -> Listing[_Row]:
    return Listing(
        (
            text("name", by),
            text("currency"),
            number("realized_pnl", "realized"),
            number("fees"),
            number("cash_flows", "cash flows"),
            number("net_pnl", "net"),
            number("fills", rank=1),
            text("unconverted", "not in it", rank=1, below=True),
        ),
        one_row(_cells),
        _document,
    )


@click.command(short_help="Realized PnL by day, week, month, symbol or strategy.")
@reading_options
@click.option("--by", type=click.Choice(_BY), default="day", show_default=True, help="What the rows are.")
@symbol_option
@click.option("--since", metavar="TIME", help="Only what happened at this time or date, or later.")
@click.option("--until", metavar="TIME", help="Only what happened before.")
@click.option("--currency", metavar="CODE", help="Convert everything into this currency.")
@click.option(
    "--rate",
    "rates",
    metavar="BASE/QUOTE=N",
    multiple=True,
    help="One unit of BASE is N of QUOTE; repeat it. It serves both ways; rates are not chained.",
)
def pnl(
    asked: Asked,
    by: str,
    symbol: str | None,
    since: str | None,
    until: str | None,
    currency: str | None,
    rates: tuple[str, ...],
) -> None:
    """Print realized PnL by day, week, month, symbol or strategy: exact, gross of fees and net of them.

    PATH is a ledger file or a URL. What an execution realized counts for the time at which it happened, in the days
    of --tz. Fees and cash flows in another currency are converted by --rate; what has no rate is listed, and is in no
    figure. What is in archives is one row of its own, or in that of its symbol or strategy; a period leaves it out. The
    rows add up to the realized PnL of the positions.
    """
    from ledger_report.pnl import By, pnl_by

    zone = asked.printer.zone
    known_rates = parse_rates(rates)
    begin, end = parse_moment(since, "--since", zone), parse_moment(until, "--until", zone)
    with stores_of(asked) as stores:
        items = [one for one in _realizations(stores) if _is_wanted(one, symbol, begin, end)]
        carried = [one for one in _carried(stores) if symbol in (None, one.symbol)]
        is_whole = begin is None and end is None
        rows = pnl_by(
            items, By(by), carried=carried if is_whole else (), zone=zone, currency=currency, rates=known_rates
        )
        shown = rows[-asked.rows_max :] if asked.rows_max else rows
        asked.printer.print(_listing(by), [_Row(row) for row in shown])
        asked.say_how_many(len(shown), len(rows), "row", f"; {last_entry(stores, asked.printer)}")
        for one in carried:
            cut = one.opening.executed_at
            where = f"what {one.symbol} of {one.strategy_id} made up to {asked.printer.at(cut)} is in archives"
            if is_whole:
                asked.say(where)
            elif begin is None or begin <= cut:
                asked.note(ARCHIVED, f"{where} as a whole, and not in these rows: span puts both together")


def _realizations(stores: Sequence[Store]) -> "Iterator[Realization]":
    from ledger_report.pnl import read_realizations

    ledgers = [ledger for store in stores for _, ledger in store.ledgers]
    heads = [ledger.head().sequence for ledger in ledgers]
    done = 0
    with progress("reading", sum(heads)) as advance:
        for ledger, head in zip(ledgers, heads, strict=True):
            yield from read_realizations(ledger)
            done += head
            advance(done)


def _carried(stores: Sequence[Store]) -> "Iterator[Carried]":
    from ledger_report.pnl import read_carried

    for store in stores:
        for _, ledger in store.ledgers:
            yield from read_carried(ledger)


def _is_wanted(one: "Realization", symbol: str | None, since: datetime | None, until: datetime | None) -> bool:
    return (
        symbol in (None, one.symbol)
        and (since is None or one.occurred_at >= since)
        and (until is None or one.occurred_at < until)
    )


def parse_rates(given: Sequence[str]) -> dict[tuple[str, str], str]:
    """Read the rates of the command line: BNB/USDT=310.5."""
    rates = {}
    for one in given:
        pair, equals, rate = one.partition("=")
        base, slash, quote = pair.partition("/")
        if not (equals and slash and base and quote and rate):
            raise Misused(f"--rate is no rate: {one!r}; write BNB/USDT=310.5")
        rates[base, quote] = rate
    return rates
