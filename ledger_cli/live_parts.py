"""The live view as values: its parts, the rows of each, what a row is found by, and which rows are new or changed.

Everything here is pure. What the parts are and how a row is made is that of `status`, `trades` and `journal`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import attrs

from ledger_cli.event_words import events_or_command
from ledger_cli.exposure import EXPOSURES
from ledger_cli.facts import FACTS, REQUESTS_IN_FLIGHT
from ledger_cli.journal import EVENTS
from ledger_cli.listing import Cell, Column
from ledger_cli.lookup import Match
from ledger_cli.orders import ORDERS
from ledger_cli.picture import Picture
from ledger_cli.positions import POSITIONS
from ledger_cli.reading import Found
from ledger_cli.status import IN_DOUBT, sections
from ledger_cli.trades import TRADES, Timed

if TYPE_CHECKING:
    from ledger_core import Entry, Exposure, Order, OrderRequest, Position, QuarantinedFact, Trade

MARKED_FOR = timedelta(seconds=10)
"""How long a row that is new or has changed is marked."""

NAMES = {
    "in_doubt": "doubt",
    "requests_in_flight": "requests",
    "working": "working",
    "positions": "held",
    "exposures": "net",
    "quarantine": "quarantine",
    "trades": "trades",
    "events": "events",
}
"""The parts in their order, and what each is called where there is little room."""

Place = tuple[str, str, str]
"""Where an order or trade is: its ledger, its strategy, its id."""

Symbols = Mapping[Place, str]
"""The symbols of orders and trades, for what names an order or trade but no symbol."""


@attrs.frozen(kw_only=True)
class Row:
    """One row: by what it is known from look to look, its cells, what a filter finds it by, and what it is about."""

    key: tuple[str, ...]
    cells: Sequence[Cell]
    words: tuple[str, ...]
    match: Match | None = None

    def is_found_by(self, text: str) -> bool:
        """Whether a filter lets it through."""
        return any(text.casefold() in word.casefold() for word in self.words)


@attrs.frozen(kw_only=True)
class Part:
    """One part of the view."""

    name: str
    heading: str
    nothing: str
    style: str
    columns: Sequence[Column]
    rows: Sequence[Row]


class Mark(StrEnum):
    """What is said of a row beside it, for some seconds."""

    NEW = "+"
    CHANGED = "*"


@attrs.frozen
class Seen:
    """What a row was at the last look, the mark that it got, and the moment of that look."""

    content: tuple[Cell, ...]
    mark: Mark | None = None
    at: datetime | None = None

    def mark_at(self, moment: datetime) -> Mark | None:
        """Return the mark that it still has."""
        return self.mark if self.at is not None and moment - self.at < MARKED_FOR else None


Memory = Mapping[tuple[str, ...], Seen]
"""What was seen, by part and row."""


def parts_of(
    picture: Picture, trades: "Sequence[Found[Trade]]", events: "Sequence[Found[Entry]]", symbols: Symbols
) -> list[Part]:
    """Return the parts, most urgent first; `events` are shown in the order given."""
    owners = _owners(picture)
    rows: dict[str, Callable[[Any], Iterator[Row]]] = {
        "in_doubt": lambda one: _order(one, IN_DOUBT.rows(one)),
        "requests_in_flight": lambda one: _request(one, symbols),
        "working": lambda one: _order(one, ORDERS.rows(one)),
        "positions": _position,
        "exposures": lambda one: _exposure(one, owners),
        "quarantine": _fact,
    }
    parts = [
        Part(
            name=section.name,
            heading=section.heading,
            nothing=section.nothing,
            style=section.style,
            columns=section.listing.columns,
            rows=[row for item in section.items for row in rows[section.name](item)],
        )
        for section in sections(picture)
    ]
    open_trades = [row for one in trades for row in _trade(one, picture.moment)]
    published = [row for one in events for row in _events(one, symbols)]
    # fmt: off
    return [
        *parts,
        Part(name="trades", heading="Trades open", nothing="no trade open", style="title",
             columns=TRADES.columns, rows=open_trades),
        Part(name="events", heading="Latest events, newest first", nothing="no event", style="title",
             columns=EVENTS.columns, rows=published),
    ]
    # fmt: on


def remembered(before: Memory | None, parts: Iterable[Part], moment: datetime) -> Memory:
    """Return what is seen now; rows that were not there `before`, or not so, are marked. None: nothing was seen yet."""
    memory: dict[tuple[str, ...], Seen] = {}
    for part in parts:
        for row in part.rows:
            key, content = (part.name, *row.key), _content(part.columns, row.cells)
            known = None if before is None else before.get(key)
            if before is None or (known is not None and known.content == content):
                memory[key] = known or Seen(content)
            else:
                memory[key] = Seen(content, Mark.NEW if known is None else Mark.CHANGED, moment)
    return memory


def ordered(rows: Iterable[Row], columns: Sequence[Column], by: str | None, *, is_reversed: bool) -> list[Row]:
    """Return rows by the values of one column, numbers by their size, those without a value last."""
    place = next((index for index, column in enumerate(columns) if column.name == by), None)
    if place is None:
        return list(rows)
    filled: list[tuple[tuple[int, Any], Row]] = []
    empty = []
    for row in rows:
        cell = row.cells[place]
        if cell is None or cell == "":
            empty.append(row)
        else:
            filled.append((_rank(cell, columns[place]), row))
    filled.sort(key=lambda pair: pair[0], reverse=is_reversed)
    return [row for _, row in filled] + empty


def _rank(cell: Cell, column: Column) -> tuple[int, Any]:
    """Return by what a value is sorted: numbers before words, where a column of numbers has both."""
    match cell:
        case str() if column.is_number:
            try:
                return (0, Decimal(cell))
            except InvalidOperation:
                return (1, cell.casefold())
        case str():
            return (1, cell.casefold())
        case datetime() if column.is_age:  # the youngest has the smallest age
            return (0, -cell.timestamp())
        case _:
            return (0, cell)


def _content(columns: Sequence[Column], cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Return what of a row can change: ages do so by themselves."""
    return tuple(
        cell
        for column, cell in zip(columns, cells, strict=True)
        if not column.is_age and not isinstance(cell, timedelta)
    )


def _order(found: "Found[Order]", rows: Iterable[Sequence[Cell]]) -> Iterator[Row]:
    order = found.record
    for cells in rows:
        yield Row(
            key=(found.ledger, found.strategy_id, order.order_id),
            cells=cells,
            words=(found.strategy_id, order.symbol, order.order_id, *order.venue_order_ids),
            match=_of_order(found, order.order_id),
        )


def _request(found: "Found[OrderRequest]", symbols: Symbols) -> Iterator[Row]:
    request = found.record
    for cells in REQUESTS_IN_FLIGHT.rows(found):
        yield Row(
            key=(found.ledger, found.strategy_id, request.order_id, request.request_id),
            cells=cells,
            words=(found.strategy_id, request.order_id, *_symbol(symbols, found, request.order_id)),
            match=_of_order(found, request.order_id),
        )


def _position(found: "Found[Position]") -> Iterator[Row]:
    held = found.record
    for cells in POSITIONS.rows(found):
        key = (found.ledger, found.strategy_id, held.symbol, held.venue or "", held.account or "", held.position_side)
        yield Row(key=key, cells=cells, words=(found.strategy_id, held.symbol))


def _exposure(one: "Exposure", owners: Mapping[str, set[str]]) -> Iterator[Row]:
    for cells in EXPOSURES.rows(one):
        yield Row(key=(one.symbol,), cells=cells, words=(one.symbol, *sorted(owners[one.symbol])))


def _fact(found: "Found[QuarantinedFact]") -> Iterator[Row]:
    fact = found.record
    named = (word for word in (fact.symbol, fact.order_id, fact.venue_order_id) if word)
    for cells in FACTS.rows(found):
        yield Row(
            key=(found.ledger, found.strategy_id, fact.quarantine_id),
            cells=cells,
            words=(found.strategy_id, fact.quarantine_id, *named),
            match=Match("quarantine", found.ledger, found.strategy_id, fact.quarantine_id),
        )


def _trade(found: "Found[Trade]", moment: datetime) -> Iterator[Row]:
    trade = found.record
    for cells in TRADES.rows(Timed(found, moment)):
        yield Row(
            key=(found.ledger, found.strategy_id, trade.trade_id),
            cells=cells,
            words=(found.strategy_id, trade.trade_id, *(leg.symbol for leg in trade.legs)),
            match=Match("trade", found.ledger, found.strategy_id, trade.trade_id),
        )


def _events(found: "Found[Entry]", symbols: Symbols) -> Iterator[Row]:
    entry = found.record
    for event, cells in zip(events_or_command(entry), EVENTS.rows(entry), strict=True):
        words = [entry.strategy_id]
        match = None
        # A fact may name an order that the ledger does not know, so the fact itself comes first.
        for name, kind in (("quarantine_id", "quarantine"), ("order_id", "order"), ("trade_id", "trade")):
            record_id = event.get(name)
            if record_id:
                words += [record_id, *_symbol(symbols, found, record_id)]
                match = match or Match(kind, found.ledger, entry.strategy_id, record_id)
        told = event["changed"].get("symbol")
        yield Row(
            key=(found.ledger, entry.strategy_id, str(entry.sequence), str(event["index"])),
            cells=cells,
            words=(*words, told) if isinstance(told, str) else tuple(words),
            match=match,
        )


def _of_order(found: Found[Any], order_id: str) -> Match:
    return Match("order", found.ledger, found.strategy_id, order_id, order_id)


def _symbol(symbols: Symbols, found: Found[Any], record_id: str) -> tuple[str, ...]:
    symbol = symbols.get((found.ledger, found.strategy_id, record_id))
    return () if symbol is None else (symbol,)


def _owners(picture: Picture) -> Mapping[str, set[str]]:
    """Return which strategies have anything in a symbol."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    found: list[Found[Any]] = [*picture.in_doubt, *picture.working, *picture.positions, *picture.facts]
    for one in found:
        if one.record.symbol is not None:
            owners[one.record.symbol].add(one.strategy_id)
    return owners
