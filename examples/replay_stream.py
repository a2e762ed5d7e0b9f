"""Replay a recorded stream of an exchange's order messages into a ledger, then count what the ledger holds.

    python examples/replay_stream.py lobster  GOOG_2012-06-21_message_1.csv.gz [LEDGER.db]
    python examples/replay_stream.py bitstamp orders.csv.xz                    [LEDGER.db]

Every figure that is printed is asked of the ledger, none of the parser, but for the messages that are not about an
order. Without LEDGER.db the file is a temporary one. The stream is read once, in constant memory, and booked in
blocks of one durable write each.

LOBSTER (NASDAQ TotalView; https://lobsterdata.com), one row a message, without a header:

    1 new               record_order and update_order_acceptance, in one block: the feed shows accepted orders only
    2 partial cancel    update_order_restatement to the smaller total: nobody on our side asked for it
    3 delete            update_order_cancellation
    4 execution         update_order_fill; the fill id is the number of the row, side and symbol are stated
    5, 6, 7             hidden execution, cross, halt: no order id, so no order's event; counted by this script

Bitstamp (as recorded by ob-analytics), where `volume` is what remains after the message:

    created             record_order and update_order_acceptance
    changed             a smaller volume is a fill of the difference, at the price of the row; another price is an
                        update_order_restatement of the limit, before the fill; a larger volume one of the total
    deleted             at volume 0: a fill of what remained, which completes the order; else a cancellation
    out of order        a `changed` row after the order was completed restates the total, and at once restates it
                        back to what is filled: the order stays ended, and both stand in its history

Messages about orders that the stream does not introduce are told to the ledger all the same. It refuses them with
UnknownOrder and files them in its quarantine; the block goes on. Should the order turn up later, as on Bitstamp,
where some `deleted` rows come milliseconds before their `created`, the ledger books the waiting fact by itself.
"""

import argparse
import csv
import gzip
import lzma
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from zoneinfo import ZoneInfo

from ledger_core import (
    Change,
    CommandRefused,
    EventType,
    Fill,
    Order,
    OrderState,
    QuarantinedFact,
    Side,
    StrategyLedger,
    UnknownOrder,
    open_ledger,
)
from ledger_core.batch import Batch

ROWS_PER_BLOCK = 250
"""Messages in one durable write: about 400 commands."""

ZERO = Decimal(0)
Figures = dict[str, int | Decimal]


class Block:
    """The commands of one durable write, and the orders as these commands left them."""

    def __init__(self, ledger: StrategyLedger, batch: Batch) -> None:
        self._ledger = ledger
        self._orders: dict[str, Order] = {}
        self.batch = batch

    def order(self, order_id: str) -> Order | None:
        """Return an order with this block's own changes, None if the stream has not introduced it."""
        if order_id not in self._orders:
            try:
                return self._ledger.get_order(order_id)
            except UnknownOrder:
                return None
        return self._orders[order_id]

    def tell(self, command: Callable[..., Order], *arguments: object, **keywords: object) -> Order | None:
        """Give a command; return its order, or None where the fact went to the quarantine."""
        try:
            order = command(*arguments, **keywords)
        except CommandRefused as refusal:
            if refusal.quarantine_id is None:
                raise  # a mistake of this script, not a fact that the ledger keeps for later
            return None
        self._orders[order.order_id] = order
        return order


def replay(ledger: StrategyLedger, rows: Iterable[Any], book: Callable[[Block, Any], None]) -> int:
    """Book every row, block by block; return how many there were."""
    count, remaining = 0, iter(rows)
    while taken := list(islice(remaining, ROWS_PER_BLOCK)):
        with ledger.batch() as batch:
            block = Block(ledger, batch)
            for row in taken:
                book(block, row)
        count += len(taken)
    return count


# -- LOBSTER ----------------------------------------------------------------------------------------------------------

NEW, PARTIAL_CANCEL, DELETE, EXECUTION = "1", "2", "3", "4"
NOT_ABOUT_AN_ORDER = {"5": "hidden executions", "6": "crosses", "7": "halts"}
NEW_YORK = ZoneInfo("America/New_York")


class LobsterRow(NamedTuple):
    """One message; `number` counts the rows from 1, `side` is the resting order's."""

    number: int
    symbol: str
    at: datetime
    kind: str
    order_id: str
    size: Decimal
    price: Decimal
    side: str


def read_lobster(path: Path) -> Iterator[LobsterRow]:
    """Read a message file; its name begins with the symbol and the day, its times count from midnight in New York."""
    named = re.match(r"([A-Z.]+)_(\d{4}-\d{2}-\d{2})_", path.name)
    if named is None:
        raise ValueError(f"{path.name} does not begin with SYMBOL_YYYY-MM-DD_")
    symbol, day = named.groups()
    midnight = datetime.fromisoformat(day).replace(tzinfo=NEW_YORK).astimezone(UTC)
    with open_text(path) as file:
        for number, (seconds, kind, order_id, size, price, direction) in enumerate(csv.reader(file), 1):
            whole, _, fraction = seconds.partition(".")
            microseconds = int(f"{fraction:0<6.6}")  # the feed has nanoseconds, a datetime has not
            yield LobsterRow(
                number,
                symbol,
                midnight + timedelta(seconds=int(whole), microseconds=microseconds),
                kind,
                order_id,
                Decimal(size),
                Decimal(price).scaleb(-4),
                "BUY" if direction == "1" else "SELL",
            )


def lobster_booker(not_orders: Counter[str]) -> Callable[[Block, LobsterRow], None]:
    """Return what books a LOBSTER row; rows that are about no order are counted in `not_orders`."""

    def book(block: Block, row: LobsterRow) -> None:
        batch, order_id = block.batch, row.order_id
        if row.kind == NEW:
            details = {
                "symbol": row.symbol,
                "side": row.side,
                "order_type": "LIMIT",
                "quantity": row.size,
                "limit_price": row.price,
                "time_in_force": "DAY",
                "venue": "XNAS",
                "currency": "USD",
                "venue_order_id": order_id,
            }
            block.tell(batch.record_order, order_id, details, occurred_at=row.at)
            block.tell(batch.update_order_acceptance, order_id, occurred_at=row.at)
        elif row.kind == PARTIAL_CANCEL:
            order = block.order(order_id)
            total = order.quantity if order is not None else None
            changes = None if total is None else {"quantity": total - row.size}
            reason = f"PARTIAL_CANCEL of {row.size} in row {row.number}"
            block.tell(batch.update_order_restatement, order_id, changes, reason, occurred_at=row.at)
        elif row.kind == DELETE:
            block.tell(batch.update_order_cancellation, order_id, occurred_at=row.at)
        elif row.kind == EXECUTION:
            fill = {
                "fill_id": str(row.number),
                "quantity": row.size,
                "price": row.price,
                "side": row.side,
                "symbol": row.symbol,
                "liquidity": "MAKER",
            }
            block.tell(batch.update_order_fill, order_id, fill, occurred_at=row.at)
        else:
            not_orders[NOT_ABOUT_AN_ORDER[row.kind]] += 1

    return book


def lobster_figures(ledger: StrategyLedger) -> Figures:
    """Count what the ledger holds of a LOBSTER stream."""
    orders = count_orders(ledger)
    events = Counter(change.event_type for change in published(ledger))
    facts = unknown_orders(ledger)
    filed = Counter(fact.operation for fact in facts)
    booked = Volume.of(ledger.find_fills(limit=None))
    waiting = Volume.of(fact for fact in facts if fact.operation == "update_order_fill")
    ids = len({fact.order_id for fact in facts})
    return {
        "new": orders["all"],
        "visible executions": booked.executions + waiting.executions,
        "visible shares": booked.bought + booked.sold + waiting.bought + waiting.sold,
        "visible shares, resting buy": booked.bought + waiting.bought,
        "visible shares, resting sell": booked.sold + waiting.sold,
        "deletes": events[EventType.ORDER_CANCELED] + filed["update_order_cancellation"],
        "partial cancels": events[EventType.ORDER_RESTATED] + filed["update_order_restatement"],
        "filled": orders["FILLED"],
        "canceled": orders["CANCELED"],
        "canceled after fills": orders["canceled after fills"],
        "without an end": orders["open"],
        "ids without a new row": ids,
        "ids without a new row, percent": Decimal(100 * ids) / (ids + orders["all"]),
        "events in quarantine": len(facts),
        "executions in quarantine": waiting.executions,
    }


# -- Bitstamp ---------------------------------------------------------------------------------------------------------

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIZE_INCREASE = "SIZE_INCREASE by "
STILL_ENDED = "STILL_ENDED"
PRICE = "PRICE of row "
"""Reasons of restatements, by which the figures tell them apart."""


class BitstampRow(NamedTuple):
    """One message; `remaining` is the volume that is left of the order after it, in BTC."""

    number: int
    order_id: str
    at: datetime
    price: Decimal
    remaining: Decimal
    action: str
    side: str


def read_bitstamp(path: Path) -> Iterator[BitstampRow]:
    """Read a file of order events; `at` is when each was received, in whose order the file is."""
    with open_text(path) as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            yield BitstampRow(
                number,
                row["id"],
                EPOCH + timedelta(milliseconds=int(row["timestamp"])),
                Decimal(row["price"]),
                Decimal(row["volume"]).scaleb(-8),
                row["action"],
                "BUY" if row["direction"] == "bid" else "SELL",
            )


def book_bitstamp(block: Block, row: BitstampRow) -> None:
    """Book a Bitstamp row."""
    if row.action == "created":
        _book_created(block, row)
        return
    order = block.order(row.order_id)
    if order is None:
        _book_unknown(block, row)
    elif row.action == "changed":
        _book_changed(block, row, order)
    elif row.remaining == 0 and order.leaves_quantity:
        _book_fall(block, row, order.leaves_quantity)
    else:
        block.tell(block.batch.update_order_cancellation, row.order_id, occurred_at=row.at)


def _book_created(block: Block, row: BitstampRow) -> None:
    details = {
        "symbol": "BTC/USD",
        "side": row.side,
        "order_type": "LIMIT",
        "quantity": row.remaining,
        "limit_price": row.price,
        "time_in_force": "GTC",
        "venue": "BITSTAMP",
        "base_currency": "BTC",
        "currency": "USD",
        "venue_order_id": row.order_id,
    }
    order = block.tell(block.batch.record_order, row.order_id, details, occurred_at=row.at)
    if order is not None and order.state is OrderState.PLACED:  # else a waiting fact has told more already
        block.tell(block.batch.update_order_acceptance, row.order_id, occurred_at=row.at)


def _book_unknown(block: Block, row: BitstampRow) -> None:
    """Tell the ledger of an order it does not know: it files the fact with all that the row says."""
    if row.action == "changed":
        terms = {"quantity": row.remaining, "limit_price": row.price}
        block.tell(block.batch.update_order_restatement, row.order_id, terms, occurred_at=row.at)
    elif row.remaining:
        block.tell(block.batch.update_order_cancellation, row.order_id, occurred_at=row.at)
    else:
        # Filled, but nobody knows how much: in doubt, should the order turn up, never canceled.
        reason = f"DELETED at volume 0 in row {row.number}"
        block.tell(block.batch.update_order_in_doubt, row.order_id, reason, occurred_at=row.at)


def _book_changed(block: Block, row: BitstampRow, order: Order) -> None:
    restate = block.batch.update_order_restatement
    leaves = order.leaves_quantity or ZERO
    if row.remaining > leaves:
        terms = {"quantity": order.cum_quantity + row.remaining}
        reason = f"{SIZE_INCREASE}{row.remaining - leaves}"
        block.tell(restate, row.order_id, terms, reason, occurred_at=row.at)
        if order.state is OrderState.FILLED:
            terms = {"quantity": order.cum_quantity}
            block.tell(restate, row.order_id, terms, STILL_ENDED, occurred_at=row.at)
            return
    if row.price != order.limit_price:
        reason = f"{PRICE}{row.number}"
        block.tell(restate, row.order_id, {"limit_price": row.price}, reason, occurred_at=row.at)
    if row.remaining < leaves:
        _book_fall(block, row, leaves - row.remaining)


def _book_fall(block: Block, row: BitstampRow, quantity: Decimal) -> None:
    fill = {
        "fill_id": f"{row.action}-{row.number}",
        "quantity": quantity,
        "price": row.price,
        "side": row.side,
        "symbol": "BTC/USD",
    }
    block.tell(block.batch.update_order_fill, row.order_id, fill, occurred_at=row.at)


def bitstamp_figures(ledger: StrategyLedger) -> Figures:
    """Count what the ledger holds of a Bitstamp stream.

    Cancellations are counted as they arrived: one that came before its order was unknown then, waited in the
    quarantine, and was booked with its order. A size increase takes back that much of what falls had implied.
    """
    orders = count_orders(ledger)
    booked = Volume.of(ledger.find_fills(limit=None))
    booked_later, increased, repriced = 0, Volume(0, ZERO, ZERO), set()
    for change in published(ledger):
        reason = change.facts.get("reason") or ""
        if change.event_type is EventType.QUARANTINE_RESOLVED:
            booked_later += 1
        elif reason.startswith(SIZE_INCREASE):
            by = Decimal(reason.removeprefix(SIZE_INCREASE))
            increased = increased.plus(by, ledger.get_order(change.key[0]).side)
        elif reason.startswith(PRICE):
            repriced.add(change.key[0])
    return {
        "created": orders["all"],
        "filled": orders["FILLED"],
        "canceled": orders["CANCELED"] - booked_later,
        "canceled after fills": orders["canceled after fills"],
        "open": orders["open"] + booked_later,
        "canceled, the message before its order": booked_later,
        "implied fills, bid": booked.bought - increased.bought,
        "implied fills, ask": booked.sold - increased.sold,
        "price changes": sum(len(_rows_at_other_prices(ledger, order_id)) for order_id in repriced),
        "events of unknown ids": len(unknown_orders(ledger)) + booked_later,
        "size increases": increased.executions,
    }


def _rows_at_other_prices(ledger: StrategyLedger, order_id: str) -> set[str]:
    """Return the `changed` rows of an order at another price than that at which it was created."""
    created_at = ledger.get_order(order_id).details.limit_price
    rows = {
        change.facts["reason"].removeprefix(PRICE)
        for entry in ledger.get_history(order_id)
        for change in entry.changes
        if change.values.get("limit_price", created_at) != created_at
    }
    for fill in ledger.find_fills(order_id=order_id, limit=None):
        action, _, row = fill.fill_id.partition("-")
        if action == "changed" and fill.price != created_at:
            rows.add(row)
    return rows


# -- what the ledger says ---------------------------------------------------------------------------------------------


def count_orders(ledger: StrategyLedger) -> Counter[str]:
    """Count orders, page by page: all of them, each state, open ones, those canceled after fills."""
    counts: Counter[str] = Counter()
    for order in ledger.find_orders(limit=None):
        counts["all"] += 1
        counts[order.state] += 1
        counts["open"] += order.is_open
        counts["canceled after fills"] += order.state is OrderState.CANCELED and order.cum_quantity > 0
    return counts


def published(ledger: StrategyLedger) -> Iterator[Change]:
    """Yield every change that was published, in the journal's order."""
    for entry in ledger.read_journal():
        yield from (change for change in entry.changes if change.event_type is not None)


def unknown_orders(ledger: StrategyLedger) -> list[QuarantinedFact]:
    """Return the facts that wait because the stream never introduced their order."""
    return [fact for fact in ledger.quarantined() if fact.code == UnknownOrder.code]


class Volume(NamedTuple):
    """A number of executions, and what they bought and sold."""

    executions: int
    bought: Decimal
    sold: Decimal

    @classmethod
    def of(cls, executions: Iterable[Fill | QuarantinedFact]) -> "Volume":
        """Sum executions, booked or quarantined."""
        volume = cls(0, ZERO, ZERO)
        for one in executions:
            assert one.side is not None, "the replay states the side of every fill"
            assert one.quantity is not None, "a fill has a quantity"
            volume = volume.plus(one.quantity, one.side)
        return volume

    def plus(self, quantity: Decimal, side: Side) -> "Volume":
        """Return the volume with one execution more."""
        bought, sold = (quantity, ZERO) if side.is_buy else (ZERO, quantity)
        return Volume(self.executions + 1, self.bought + bought, self.sold + sold)


# -- the command ------------------------------------------------------------------------------------------------------


def open_text(path: Path) -> TextIO:
    """Open a text file, compressed or not."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="ascii", newline="")
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="ascii", newline="")
    return path.open(encoding="ascii", newline="")


def replay_lobster(ledger: StrategyLedger, path: Path) -> Mapping[str, int]:
    """Replay a LOBSTER message file; return how many rows there were, and how many were about no order."""
    not_orders: Counter[str] = Counter()
    rows = replay(ledger, read_lobster(path), lobster_booker(not_orders))
    return {"rows": rows, **not_orders}


def replay_bitstamp(ledger: StrategyLedger, path: Path) -> Mapping[str, int]:
    """Replay a file of Bitstamp's order events; return how many rows there were."""
    return {"rows": replay(ledger, read_bitstamp(path), book_bitstamp)}


STREAMS = {
    "lobster": (replay_lobster, lobster_figures),
    "bitstamp": (replay_bitstamp, bitstamp_figures),
}


def main(arguments: list[str] | None = None) -> int:
    """Replay the stream into a new ledger file and print the ledger's figures."""
    parser = argparse.ArgumentParser(description="Replay a recorded order stream into a ledger.")
    parser.add_argument("stream", choices=STREAMS)
    parser.add_argument("file", type=Path)
    parser.add_argument("ledger", type=Path, nargs="?", help="where to make the ledger file (default: temporary)")
    given = parser.parse_args(arguments)
    if given.ledger is not None:
        return run(given.stream, given.file, str(given.ledger))
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        return run(given.stream, given.file, f"sqlite:///{folder}/ledger.db?durability=none")


def run(stream: str, file: Path, url: str) -> int:
    """Replay and print; refuse a ledger that holds something already, since facts without ids would be told twice."""
    replay_file, figures_of = STREAMS[stream]
    with open_ledger(url, strategy_id=stream) as ledger:
        if ledger.head().sequence:
            print(f"{url} holds a replay of {stream} already; name a new file", file=sys.stderr)
            return 2
        started = time.perf_counter()
        read = replay_file(ledger, file)
        seconds = time.perf_counter() - started
        print(f"{read['rows']:,} rows in {seconds:.1f} s, {ledger.head().sequence:,} entries in the journal")
        for name, count in [item for item in read.items() if item[0] != "rows"]:
            print(f"  {name + ', about no order':42}{count:>20,}")
        for name, figure in figures_of(ledger).items():
            print(f"  {name:42}{figure:>20,.8f}" if figure % 1 else f"  {name:42}{figure:>20,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
