"""`strategy-ledger trades`: what is open; closed ones too with --all; one trade in full with its id."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import click

from ledger_cli import documents, words
from ledger_cli.archived import refuse_archived, say_archived
from ledger_cli.asking import parse_moment, with_last_id
from ledger_cli.failures import Unknown
from ledger_cli.listing import Cell, Listing, Printer, number, one_row, text
from ledger_cli.reading import (
    Asked,
    Found,
    Store,
    last_entry,
    newest,
    reading_options_with_id,
    records_of,
    stores_of,
    symbol_option,
)
from ledger_cli.tables import render_pairs

if TYPE_CHECKING:
    from ledger_core import Trade, TradeLeg

_PLACES = 6


@attrs.frozen
class Timed:
    """A trade and the moment up to which an open one has lasted."""

    found: "Found[Trade]"
    moment: datetime


def _row(timed: Timed) -> Sequence[Cell]:
    trade = timed.found.record
    return (
        trade.state.value,
        timed.found.ledger,
        timed.found.strategy_id,
        trade.trade_id,
        trade.symbol or ", ".join(leg.symbol for leg in trade.legs),
        trade.direction.value,
        trade.entry_quantity,
        trade.exit_quantity,
        trade.open_quantity,
        trade.average_entry_price,
        trade.average_exit_price,
        trade.realized_pnl,
        trade.currency,
        words.fees(trade.fees),
        trade.opened_at,
        trade.closed_at,
        (trade.closed_at or timed.moment) - trade.opened_at,
        note_of(trade),
    )


TRADES: Listing[Timed] = Listing(
    (
        text("state"),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("trade_id", "trade"),
        text("symbol"),
        text("direction"),
        number("entry_quantity", "entered", rank=2),
        number("exit_quantity", "exited", rank=3),
        number("open_quantity", "open"),
        number("average_entry_price", "entry", places=_PLACES, rank=1),
        number("average_exit_price", "exit", places=_PLACES, rank=2),
        number("realized_pnl", "realized"),
        text("currency", rank=1),
        text("fees", rank=3),
        text("opened_at", "opened", rank=4),
        text("closed_at", "closed", rank=5),
        text("lasted_seconds", "lasted", rank=1),
        text("note", rank=2, below=True),
    ),
    one_row(_row),
    lambda timed: {**timed.found.whose, **documents.of_trade(timed.found.record)},
)
"""Trades, one a row."""

LEGS: "Listing[TradeLeg]" = Listing(
    (
        text("symbol"),
        text("direction"),
        number("bought_quantity", "bought"),
        number("bought_value", "for"),
        number("sold_quantity", "sold"),
        number("sold_value", "for"),
        number("realized_pnl", "realized"),
        text("currency"),
    ),
    one_row(
        lambda leg: (
            leg.symbol,
            leg.direction.value,
            leg.bought_quantity,
            leg.bought_value,
            leg.sold_quantity,
            leg.sold_value,
            leg.realized_pnl,
            leg.instrument.money_currency,
        )
    ),
)
"""The instruments of one trade."""


@click.command(short_help="Round trips: what they hold and made.")
@reading_options_with_id
@symbol_option
@click.option("--since", metavar="TIME", help="Only trades that were opened at this time or date, or later.")
@click.option("--until", metavar="TIME", help="Only trades that were opened before.")
def trades(asked: Asked, symbol: str | None, since: str | None, until: str | None) -> None:
    """Print the open trades of ledgers; with --all, closed ones too.

    PATH is a ledger file or a URL. A trade's id behind it shows everything about that trade. Realized PnL is gross of
    fees, which stand beside it; columns with a ~ are rounded for the eye.
    """
    paths, trade_id = with_last_id(asked.paths)
    asked = attrs.evolve(asked, paths=paths)
    begin = parse_moment(since, "--since", asked.printer.zone)
    end = parse_moment(until, "--until", asked.printer.zone)
    with stores_of(asked) as stores:
        if trade_id is not None:
            print_trades(asked, trades_named(stores, trade_id))
            return
        found, total = _found(stores, asked, symbol, begin, end)
        asked.printer.print(TRADES, [Timed(one, asked.printer.moment) for one in found])
        noun = "trade" if asked.everything else "open trade"
        asked.say_how_many(len(found), total, noun, f"; {last_entry(stores, asked.printer)}")
        if asked.everything:
            say_archived(asked, stores)


def render(found: "Iterable[tuple[str, Trade]]", moment: datetime) -> str:
    """Return (strategy_id, trade) as a table, however wide."""
    timed = [Timed(Found("", strategy_id, trade), moment) for strategy_id, trade in found]
    return Printer(moment=moment).table(TRADES, timed).text


def trades_named(stores: Sequence[Store], trade_id: str) -> "list[Found[Trade]]":
    """Return the trade of this id of each strategy that has one; raise Unknown where none has."""
    from ledger_core import UnknownTrade
    from ledger_core.errors import Archived

    found: list[Found[Trade]] = []
    for store in stores:
        for strategy_id, ledger in store.ledgers:
            try:
                found.append(Found(store.shown, strategy_id, ledger.get_trade(trade_id)))
            except (UnknownTrade, Archived):
                continue
    if not found:
        refuse_archived(stores, trade_id, whole=True)
        raise Unknown(f"no trade {trade_id!r} in this ledger", "UNKNOWN_TRADE")
    return found


def print_trades(asked: Asked, found: "Sequence[Found[Trade]]") -> None:
    """Print trades in full."""
    if asked.form == "table":
        click.echo("\n\n".join(render_one(one, asked.printer) for one in found))
    else:
        asked.printer.print(TRADES, [Timed(one, asked.printer.moment) for one in found])


def render_one(found: "Found[Trade]", printer: Printer) -> str:
    """Return everything about a trade, leg by leg."""
    trade = found.record
    pairs = render_pairs(
        (
            ("trade", trade.trade_id),
            ("strategy", found.strategy_id),
            ("state", trade.state.value),
            ("note", note_of(trade)),
            ("symbol", trade.symbol),
            ("direction", trade.direction.value),
            ("entered", words.number(trade.entry_quantity)),
            ("exited", words.number(trade.exit_quantity)),
            ("open", words.number(trade.open_quantity)),
            ("~entry", words.rounded(trade.average_entry_price, _PLACES)),
            ("~exit", words.rounded(trade.average_exit_price, _PLACES)),
            ("realized", _money(trade)),
            ("fees", words.fees(trade.fees)),
            ("stop price", words.number(trade.stop_price)),
            ("target price", words.number(trade.target_price)),
            ("tags", ", ".join(trade.tags)),
            ("orders", ", ".join(trade.order_ids)),
            ("exit orders", ", ".join(trade.exit_order_ids)),
            ("opened", printer.ago(trade.opened_at)),
            ("closed", printer.at(trade.closed_at)),
        )
    )
    return f"{pairs}\n\n{printer.table(LEGS, trade.legs).text}"


def note_of(trade: "Trade") -> str | None:
    """Return what a person must know of a trade."""
    residual = ", ".join(f"{words.number(quantity)} {symbol}" for symbol, quantity in trade.residual.items())
    through_zero = any(leg.open_quantity < 0 for leg in trade.legs)
    notes = (
        "went through zero" if through_zero else "",
        "restated after its close" if trade.restated else "",
        trade.reason or "",
        f"residual {residual} {trade.residual_reason or ''}".strip() if residual else "",
    )
    return "; ".join(note for note in notes if note) or None


def open_trades(stores: Iterable[Store]) -> "list[Found[Trade]]":
    """Return every open trade of the ledgers, in order of opening."""
    found = records_of(stores, lambda ledger: ledger.find_trades(state="OPEN", limit=None))
    return sorted(found, key=lambda one: one.record.opened_at)


def _found(
    stores: Iterable[Store], asked: Asked, symbol: str | None, since: datetime | None, until: datetime | None
) -> "tuple[list[Found[Trade]], int | None]":
    state = None if asked.everything else "OPEN"
    return newest(
        stores,
        lambda ledger, after: ledger.find_trades(
            state=state, symbol=symbol, since=since, until=until, limit=None, after=after if asked.everything else None
        ),
        asked.rows_max,
        lambda trade: trade.opened_at,
    )


def _money(trade: "Trade") -> str | None:
    return None if trade.realized_pnl is None else f"{words.number(trade.realized_pnl)} {trade.currency or ''}".strip()
