"""`strategy-ledger trades`: what is open; closed ones too with --all; one trade in full with its id."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ledger_cli import tables, words
from ledger_cli.failures import Unknown
from ledger_cli.reading import (
    Asked,
    last_entry,
    latest,
    ledgers_of,
    now,
    reader_of,
    reading_options,
    say_how_many,
    symbol_option,
)

if TYPE_CHECKING:
    from ledger_core import StrategyLedger, Trade

    Found = Sequence[tuple[str, Trade]]

_COLUMNS = (
    tables.text("state"),
    tables.text("strategy"),
    tables.text("trade"),
    tables.text("symbol"),
    tables.text("direction"),
    tables.numbers("entered"),
    tables.numbers("exited"),
    tables.numbers("open"),
    tables.numbers("~entry"),
    tables.numbers("~exit"),
    tables.numbers("realized"),
    tables.text("currency"),
    tables.text("fees"),
    tables.text("opened"),
    tables.text("closed"),
    tables.text("lasted"),
    tables.text("note"),
)
_LEG_COLUMNS = (
    tables.text("symbol"),
    tables.text("direction"),
    tables.numbers("bought"),
    tables.numbers("for"),
    tables.numbers("sold"),
    tables.numbers("for"),
    tables.numbers("realized"),
    tables.text("currency"),
)
_PLACES = 6


@click.command(short_help="Round trips: what they hold and made.")
@reading_options
@symbol_option
@click.argument("trade_id", required=False)
@click.option("--all", "show_all", is_flag=True, help="Closed trades too; the latest where not all are shown.")
def trades(
    path: str,
    trade_id: str | None,
    strategy: str | None,
    symbol: str | None,
    limit: int | None,
    as_json: bool,
    show_all: bool,
) -> None:
    """Print the open trades of a ledger.

    PATH is a ledger file or a URL. With TRADE_ID: everything about that trade. Realized PnL is gross of fees, which
    stand beside it; columns with a ~ are rounded for the eye.
    """
    asked = Asked(path, strategy, limit, as_json, symbol)
    with reader_of(path) as reader:
        ledgers = ledgers_of(reader, strategy)
        if trade_id is None:
            found, total = _found(ledgers, asked, show_all=show_all)
        else:
            found = _named(ledgers, trade_id)
            total = len(found)
        moment = now()
        if as_json:
            from ledger_cli.documents import array, of_trade

            for piece in array(of_trade(strategy_id, trade) for strategy_id, trade in found):
                click.echo(piece, nl=False)
        elif trade_id is not None:
            click.echo("\n\n".join(_render_one(strategy_id, trade, moment) for strategy_id, trade in found))
        elif found:
            click.echo(render(found, moment))
        if trade_id is None:
            noun = "trade" if show_all else "open trade"
            say_how_many(len(found), total, noun, f"; {last_entry(ledgers, moment)}")


def render(found: "Found", moment: datetime) -> str:
    """Return trades as a table."""
    several = len({strategy_id for strategy_id, _ in found}) > 1
    return tables.render(
        _COLUMNS,
        (
            (
                trade.state.value,
                strategy_id if several else None,
                trade.trade_id,
                trade.symbol or ", ".join(leg.symbol for leg in trade.legs),
                trade.direction.value,
                words.number(trade.entry_quantity),
                words.number(trade.exit_quantity),
                words.number(trade.open_quantity),
                words.rounded(trade.average_entry_price, _PLACES),
                words.rounded(trade.average_exit_price, _PLACES),
                words.number(trade.realized_pnl),
                trade.currency,
                words.fees(trade.fees),
                words.at(trade.opened_at),
                words.at(trade.closed_at),
                words.age(trade.closed_at or moment, trade.opened_at),
                _note(trade),
            )
            for strategy_id, trade in found
        ),
    )


def _found(ledgers: "Sequence[tuple[str, StrategyLedger]]", asked: Asked, *, show_all: bool) -> "tuple[Found, int]":
    found: list[tuple[str, Trade]] = []
    total = 0
    for strategy_id, ledger in ledgers:
        matching = ledger.find_trades(state=None if show_all else "OPEN", symbol=asked.symbol, limit=None)
        kept, count = latest(matching, asked.rows_max)
        found.extend((strategy_id, trade) for trade in kept)
        total += count
    found.sort(key=lambda item: item[1].opened_at)
    return found[-asked.rows_max :] if asked.rows_max else found, total


def _named(ledgers: "Sequence[tuple[str, StrategyLedger]]", trade_id: str) -> "Found":
    from ledger_core import UnknownTrade

    found: list[tuple[str, Trade]] = []
    for strategy_id, ledger in ledgers:
        try:
            found.append((strategy_id, ledger.get_trade(trade_id)))
        except UnknownTrade:
            continue
    if not found:
        raise Unknown(f"no trade {trade_id!r} in this ledger")
    return found


def _render_one(strategy_id: str, trade: "Trade", moment: datetime) -> str:
    pairs = tables.render_pairs(
        (
            ("trade", trade.trade_id),
            ("strategy", strategy_id),
            ("state", trade.state.value),
            ("note", _note(trade)),
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
            ("opened", f"{words.at(trade.opened_at)}, {words.age(moment, trade.opened_at)} ago"),
            ("closed", words.at(trade.closed_at)),
        )
    )
    legs = tables.render(
        _LEG_COLUMNS,
        (
            (
                leg.symbol,
                leg.direction.value,
                words.number(leg.bought_quantity),
                words.number(leg.bought_value),
                words.number(leg.sold_quantity),
                words.number(leg.sold_value),
                words.number(leg.realized_pnl),
                leg.instrument.money_currency,
            )
            for leg in trade.legs
        ),
    )
    return f"{pairs}\n\n{legs}"


def _money(trade: "Trade") -> str | None:
    return None if trade.realized_pnl is None else f"{words.number(trade.realized_pnl)} {trade.currency or ''}".strip()


def _note(trade: "Trade") -> str | None:
    residual = ", ".join(f"{words.number(quantity)} {symbol}" for symbol, quantity in trade.residual.items())
    through_zero = any(leg.open_quantity < 0 for leg in trade.legs)
    notes = (
        "went through zero" if through_zero else "",
        "restated after its close" if trade.restated else "",
        trade.reason or "",
        f"residual {residual} {trade.residual_reason or ''}".strip() if residual else "",
    )
    return "; ".join(note for note in notes if note) or None
