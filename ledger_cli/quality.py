"""`strategy-ledger quality`: how orders were executed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import click

from ledger_cli import documents, words
from ledger_cli.archived import say_archived, say_cut
from ledger_cli.asking import parse_moment
from ledger_cli.listing import Cell, Form, Listing, number, one_row, text
from ledger_cli.progress import progress, watched
from ledger_cli.reading import Asked, Store, one_answer_options, stores_of, symbol_option

if TYPE_CHECKING:
    from ledger_core import Entry
    from ledger_report.quality import OrderHistory, Quality

_PERCENT = Decimal(100)
_PLACES = 2
_UNKNOWN = "unknown"


@attrs.frozen
class _Figure:
    """One figure of one group of orders: what it is, in which currency, its value, and of how many."""

    name: str
    what: str
    currency: str | None
    value: Cell
    unit: str
    count: int


def _groups() -> "Mapping[str, Callable[[OrderHistory], str]]":
    return {
        "all": lambda _: "all",
        "symbol": lambda one: one.order.symbol,
        "venue": lambda one: one.order.venue or _UNKNOWN,
        "strategy": lambda one: one.strategy_id,
        "side": lambda one: one.order.side.value,
        "type": lambda one: one.order.details.order_type.value,
    }


def _listing(form: Form) -> Listing[_Figure]:
    """Return the figures of each group, one a row: rounded for people, exact in CSV."""
    shown = _for_people if form.is_for_people else _exact
    return Listing(
        (
            text("name", "orders", varies=True),
            text("figure"),
            text("currency"),
            number("value"),
            text("unit"),
            number("count", "of"),
        ),
        one_row(lambda one: (one.name, one.what, one.currency, shown(one), one.unit, one.count)),
    )


@click.command(short_help="How orders were executed.")
@one_answer_options
@click.option(
    "--by",
    type=click.Choice(("all", "symbol", "venue", "strategy", "side", "type")),
    default="all",
    show_default=True,
    help="What is looked at apart.",
)
@symbol_option
@click.option("--since", metavar="TIME", help="Only orders placed at this time or date, or later.")
@click.option("--until", metavar="TIME", help="Only orders placed before.")
def quality(asked: Asked, by: str, symbol: str | None, since: str | None, until: str | None) -> None:
    """Print how orders were executed: fill ratio, times, slippage, maker share, and why orders were refused.

    PATH is a ledger file or a URL. The fill ratio is the mean, over orders that have ended, of what was filled of the
    quantity. Times count from placing to the venue's first answer, to the first fill, and to the last of a filled
    order. Slippage is money, positive to our disadvantage: against the limit that was in force, and against the
    arrival_price of an order. Of liquidity only executions count of which the venue told it.
    """
    from ledger_report.quality import quality_by

    zone = asked.printer.zone
    begin, end = parse_moment(since, "--since", zone), parse_moment(until, "--until", zone)
    with stores_of(asked) as stores:
        found = quality_by(_histories(stores, symbol, begin, end), _groups()[by])
        say_archived(asked, stores)
        say_cut(asked, stores)
    if asked.form.is_json:
        listing: Listing[Quality] = Listing((), lambda _: (), documents.of_answer)
        asked.printer.print(listing, found)
        return
    asked.printer.print(_listing(asked.form), [figure for one in found for figure in _figures(one)])
    if not found:
        asked.say("no orders")


def _histories(
    stores: Sequence[Store], symbol: str | None, since: datetime | None, until: datetime | None
) -> "Iterator[OrderHistory]":
    from ledger_report.quality import read_order_histories

    ledgers = [ledger for store in stores for _, ledger in store.ledgers]
    with progress("reading", sum(ledger.head().sequence for ledger in ledgers)) as advance:
        done = 0
        for ledger in ledgers:

            def seen(entries: "Iterable[Entry]", done: int = done) -> "Iterable[Entry]":
                return watched(entries, lambda number: advance(done + number))

            yield from read_order_histories(ledger, symbol=symbol, since=since, until=until, watched=seen)
            done += ledger.head().sequence


def _figures(one: "Quality") -> Iterator[_Figure]:
    def figure(what: str, value: Cell, unit: str, count: int, currency: str | None = None) -> _Figure:
        return _Figure(one.name, what, currency, value, unit, count)

    yield figure("orders", Decimal(one.orders), "", one.orders)
    yield figure("ended", Decimal(one.ended), "", one.orders)
    yield figure("filled whole", _percent(one.filled_share), "%", one.ended)
    yield figure("filled in part", Decimal(one.partly_filled), "", one.ended)
    yield figure("rejected", Decimal(one.rejected), "", one.ended)
    yield figure("fill ratio", _percent(one.fill_ratio), "%", one.ended)
    for what, lengths in (
        ("time to acknowledgement", one.time_to_acknowledgement),
        ("time to first fill", one.time_to_first_fill),
        ("time to filled", one.time_to_filled),
    ):
        if lengths is not None:
            yield figure(f"{what}, median", lengths.median, "", lengths.count)
            yield figure(f"{what}, 95 %", lengths.percentile_95, "", lengths.count)
            yield figure(f"{what}, longest", lengths.most, "", lengths.count)
    for what, parts in (("limit", one.against_limit), ("arrival", one.against_arrival)):
        for part in parts:
            yield figure(f"slippage against {what}", part.cost, "", part.fills, part.currency)
            yield figure(f"slippage against {what}", part.basis_points, "bp", part.fills, part.currency)
    for share in one.maker:
        yield figure("maker share by value", _percent(share.share), "%", share.fills, share.currency)
    for what, why, count in one.rejections:
        yield figure(f"{what} refused: {why}", Decimal(count), "", one.orders)


def _percent(share: Decimal | None) -> Decimal | None:
    from ledger_core.numbers import plain, times

    return None if share is None else plain(times(share, _PERCENT))


def _for_people(one: _Figure) -> Cell:
    if isinstance(one.value, timedelta):
        return words.fine_duration(one.value)
    if isinstance(one.value, Decimal) and one.unit:
        return words.rounded(one.value, _PLACES)
    return one.value


def _exact(one: _Figure) -> Cell:
    return one.value
