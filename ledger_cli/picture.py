"""What a person must know of ledgers at three in the morning, gathered once; and what of it needs a person.

`gather` reads, the rest is pure. What has waited for less than `grace` may only be on its way.
"""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from ledger_cli import words
from ledger_cli.exposure import exposures
from ledger_cli.failures import Misused
from ledger_cli.journal import last_event
from ledger_cli.orders import open_orders
from ledger_cli.positions import open_positions
from ledger_cli.processes import Process, writers_of
from ledger_cli.reading import Found, Store, records_of
from ledger_cli.sqlite_files import file_of

if TYPE_CHECKING:
    from ledger_core import Entry, Exposure, Order, OrderRequest, Position, QuarantinedFact

GRACE = timedelta(minutes=1)
"""How long an order or a request may be without an answer before a person should look at it."""

_NAMED_MAX = 3


@attrs.frozen
class Writer:
    """One ledger: its strategies, their last entries, and who has it open for writing (None: unknown)."""

    ledger: str
    strategies: tuple[str, ...]
    last: "Entry | None"
    writers: list[Process] | None


@attrs.frozen(kw_only=True)
class Picture:
    """Everything that `status` shows. Orders in doubt come first those IN_DOUBT, then those PLACED and unanswered."""

    moment: datetime
    ledgers: Sequence[Writer]
    in_doubt: "Sequence[Found[Order]]"
    requests: "Sequence[Found[OrderRequest]]"
    working: "Sequence[Found[Order]]"
    positions: "Sequence[Found[Position]]"
    exposures: "Sequence[Exposure]"
    facts: "Sequence[Found[QuarantinedFact]]"

    @property
    def last(self) -> "Entry | None":
        """The entry that was recorded last of all."""
        known = [one.last for one in self.ledgers if one.last is not None]
        return max(known, key=lambda entry: entry.recorded_at, default=None)


def gather(stores: Sequence[Store], moment: datetime) -> Picture:
    """Ask the ledgers."""
    orders = open_orders(stores)
    doubtful = [one for one in orders if _is_doubtful(one.record)]
    requests = list(records_of(stores, lambda ledger: ledger.unresolved().requests))
    return Picture(
        moment=moment,
        ledgers=[_writer(store) for store in stores],
        in_doubt=doubtful,
        requests=sorted(requests, key=lambda one: one.record.requested_at),
        working=[one for one in orders if not _is_doubtful(one.record)],
        positions=open_positions(stores),
        exposures=exposures(stores),
        facts=list(records_of(stores, lambda ledger: ledger.quarantined())),
    )


def complaints(picture: Picture, *, grace: timedelta = GRACE, silence_max: timedelta | None = None) -> Iterator[str]:
    """Return what needs a person, one sentence each; nothing where all is well.

    `silence_max` is how long nothing may have been recorded.
    """
    doubtful = [one for one in picture.in_doubt if _is_overdue(one.record, picture.moment, grace)]
    if doubtful:
        ids = _named([one.record.order_id for one in doubtful])
        yield f"{words.count(len(doubtful), 'order')} in doubt: {ids}"
    late = [one.record for one in picture.requests if picture.moment - one.record.requested_at > grace]
    if late:
        ids = _named([request.order_id for request in late])
        yield f"{words.count(len(late), 'request')} to cancel or replace without an answer: {ids}"
    if picture.facts:
        ids = _named([one.record.quarantine_id for one in picture.facts])
        yield f"{words.count(len(picture.facts), 'fact')} in quarantine: {ids}"
    missing = [one.record for one in (*picture.in_doubt, *picture.working) if one.record.missing_quantity]
    if missing:
        ids = _named([order.order_id for order in missing])
        yield f"fills are missing of {words.count(len(missing), 'order')}: {ids}"
    if silence_max is not None:
        last = picture.last
        if last is None:
            yield "nothing was ever recorded"
        elif picture.moment - last.recorded_at > silence_max:
            age = words.age(picture.moment, last.recorded_at)
            yield f"nothing was recorded for {age}"


@attrs.frozen
class Step:
    """What a person does next: a sentence, and what to type, if anything."""

    sentence: str
    command: str | None = None


def next_steps(picture: Picture) -> Iterator[Step]:
    """Return what a person does now, most urgent first."""
    path = shlex.quote(picture.ledgers[0].ledger) if len(picture.ledgers) == 1 else "PATH"

    def typed(command: str, *more: str) -> str:
        return " ".join(("strategy-ledger", command, path, *more))

    if picture.in_doubt:
        order = picture.in_doubt[0].record
        yield Step(
            f"Ask {order.venue or 'the venue'} about each order in doubt, by our id and by its own, and say so:",
            typed("resolve", shlex.quote(order.order_id), "accepted|filled|canceled|rejected|expired"),
        )
    if picture.requests:
        order_id = shlex.quote(picture.requests[0].record.order_id)
        yield Step("Ask the venue whether the requests without an answer arrived:", typed("history", order_id))
    if picture.facts:
        quarantine_id = picture.facts[0].record.quarantine_id
        yield Step("Look at what could not be booked:", typed("show", quarantine_id))
        yield Step("and decide on it:", typed("resolve", quarantine_id, "book|dismiss"))
    if picture.positions and all(one.writers == [] for one in picture.ledgers):
        yield Step("Nobody here has the ledger open. For a plan to leave the market:", typed("flatten"))


def _writer(store: Store) -> Writer:
    entries = [entry for _, ledger in store.ledgers if (entry := last_event(ledger)) is not None]
    try:
        writers = writers_of(file_of(store.path))
    except Misused:
        writers = None
    last = max(entries, key=lambda entry: entry.recorded_at, default=None)
    return Writer(store.shown, tuple(name for name, _ in store.ledgers), last, writers)


def _is_doubtful(order: "Order") -> bool:
    return order.state.value in ("IN_DOUBT", "PLACED")


def _is_overdue(order: "Order", moment: datetime, grace: timedelta) -> bool:
    return order.state.value == "IN_DOUBT" or moment - order.recorded_at > grace


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED_MAX:,} more" if len(ids) > _NAMED_MAX else ""
    return ", ".join(ids[:_NAMED_MAX]) + more
