"""`strategy-ledger resolve`: tell the ledger what became of an order in doubt, or decide on a fact in quarantine."""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

import attrs
import click

from ledger_cli import words
from ledger_cli.asking import parse_moment, printer_of, printing_options
from ledger_cli.completing import Choice, IdOrPath
from ledger_cli.failures import Misused, Unknown
from ledger_cli.listing import Printer
from ledger_cli.masking import mask_url
from ledger_cli.orders import WithFills, print_orders
from ledger_cli.reading import Asked, Found, say
from ledger_cli.settings import Settings
from ledger_cli.writing import (
    chain_key,
    confirm,
    key_option,
    ledger_for_writing,
    one_path,
    reader_for,
    strategy_of,
    strategy_option,
    yes_option,
)

if TYPE_CHECKING:
    from ledger_core import Order, QuarantinedFact, StrategyLedger

_OF_ORDERS = ("accepted", "filled", "canceled", "rejected", "expired", "request-refused")
_OF_FACTS = ("book", "dismiss")
_NEEDS_REASON = ("canceled", "rejected", "expired", "request-refused", *_OF_FACTS)
"""Outcomes whose reason is kept in the journal: without one, nobody will know why."""


@attrs.frozen(kw_only=True)
class _Told:
    """What the person says of the outcome."""

    outcome: str
    reason: str | None
    venue_order_id: str | None
    fill_id: str | None
    quantity: str | None
    price: str | None
    fee: str | None
    fee_currency: str | None
    order_id: str | None
    request_id: str | None
    at: Any


@click.command(short_help="Say what became of an order in doubt, or decide on a fact in quarantine.")
@click.argument("paths", nargs=-1, metavar="[PATH]", type=IdOrPath())
@click.argument("record_id", metavar="ID", type=IdOrPath())
@click.argument("outcome", metavar="OUTCOME", type=Choice([*_OF_ORDERS, *_OF_FACTS]))
@click.option("--reason", metavar="TEXT", help=f"Why; needed for {', '.join(_NEEDS_REASON)}. The journal keeps it.")
@click.option("--at", metavar="TIME", help="When the venue did it; now by default.")
@click.option("--venue-id", "venue_order_id", metavar="ID", help="accepted, filled: the venue's id of the order.")
@click.option("--price", metavar="N", help="filled: the price.")
@click.option("--quantity", metavar="N", help="filled: how much; all that is left by default.")
@click.option("--fill-id", metavar="ID", help="filled: the venue's id of the execution. Without one it is inferred.")
@click.option("--fee", metavar="N", help="filled: what it cost, with --fee-currency.")
@click.option("--fee-currency", metavar="CODE", help="filled: the currency of the fee.")
@click.option("--order", "order_id", metavar="ID", help="book: the order that the fact belongs to.")
@click.option("--request", "request_id", metavar="ID", help="request-refused: the request; the oldest by default.")
@strategy_option
@key_option
@printing_options
@yes_option
def resolve(
    paths: tuple[str, ...],
    record_id: str,
    outcome: str,
    at: str | None,
    strategy: str | None,
    key_file: str | None,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
    yes: bool,
    **told: str | None,
) -> None:
    """Tell the ledger what became of the order ID, or decide on the fact ID in quarantine, after you asked the venue.

    OUTCOME of an order is accepted, filled, canceled, rejected or expired; of its request to cancel or replace,
    request-refused; of a fact in quarantine, book (with --order) or dismiss.

    What you say is a fact of the venue like any other: the journal keeps it with its reason, and the bot's
    subscribers hear of it. Without --fill-id a fill is marked as inferred, and gives way to the real one.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    path = one_path(paths, settings)
    said = _Told(outcome=outcome, at=parse_moment(at, "--at", UTC), **told)
    if outcome in _NEEDS_REASON and not said.reason:
        raise Misused(f"{outcome} needs a --reason: the journal keeps why")
    has = _has_order if outcome in _OF_ORDERS else _has_fact
    strategy_id = _strategy(path, settings, strategy, record_id, has, outcome)
    with reader_for(path) as reader:
        call, sentence, order_id = _planned(reader.strategy(strategy_id), record_id, said)
    confirm(f"{sentence}, in {mask_url(path)} (strategy {strategy_id})?", yes=yes)
    with ledger_for_writing(path, strategy_id, chain_key(settings, key_file)) as ledger:
        call(ledger)
        say(f"done: entry {ledger.head().sequence} of {strategy_id}")
        _show(ledger, order_id, record_id, printer, path)


def _strategy(
    path: str,
    settings: Settings,
    strategy: str | None,
    record_id: str,
    has: "Callable[[StrategyLedger, str], bool]",
    outcome: str,
) -> str:
    try:
        return strategy_of(path, settings, strategy, lambda ledger: has(ledger, record_id))
    except Unknown as failure:
        if failure.code != "UNKNOWN_ID":
            raise
        what = "order" if outcome in _OF_ORDERS else "fact in quarantine"
        raise Unknown(f"no {what} {record_id!r} in this ledger", "UNKNOWN_ID") from failure


def _has_order(ledger: "StrategyLedger", order_id: str) -> bool:
    from ledger_core import UnknownOrder

    try:
        ledger.get_order(order_id)
    except UnknownOrder:
        return False
    return True


def _has_fact(ledger: "StrategyLedger", quarantine_id: str) -> bool:
    return any(fact.quarantine_id == quarantine_id for fact in ledger.quarantined())


def _planned(
    ledger: "StrategyLedger", record_id: str, said: _Told
) -> "tuple[Callable[[StrategyLedger], Any], str, str | None]":
    """Return what is to be written, how a person is asked about it, and the order that it is about."""
    if said.outcome not in _OF_FACTS:
        return (*_of_order(ledger.get_order(record_id), said), record_id)
    (fact,) = (fact for fact in ledger.quarantined() if fact.quarantine_id == record_id)
    return (*_of_fact(fact, said), said.order_id or fact.order_id if said.outcome == "book" else None)


def _of_fact(fact: "QuarantinedFact", said: _Told) -> "tuple[Callable[[StrategyLedger], Any], str]":
    what = " ".join(part for part in (fact.operation, fact.side, words.number(fact.quantity), fact.symbol) if part)
    if said.outcome == "dismiss":
        resolution: dict[str, Any] = {"dismiss": True, "reason": said.reason}
        sentence = f"Dismiss {fact.quarantine_id} ({what}): it will count nowhere"
    else:
        order_id = said.order_id or fact.order_id
        if order_id is None:
            raise Misused("book needs --order: the order that the fact belongs to")
        resolution = {"order_id": order_id, "reason": said.reason}
        sentence = f"Book {fact.quarantine_id} ({what}) onto order {order_id}"
    return (
        lambda ledger: ledger.resolve_quarantined(fact.quarantine_id, resolution, occurred_at=said.at),
        sentence,
    )


def _of_order(order: "Order", said: _Told) -> "tuple[Callable[[StrategyLedger], Any], str]":
    order_id, at, reason = order.order_id, said.at, said.reason
    named = f"{order_id} ({order.side.value} {order.symbol}, {order.status.value})"
    match said.outcome:
        case "accepted":
            data = {"venue_order_id": said.venue_order_id} if said.venue_order_id else None
            return (
                lambda ledger: ledger.update_order_acceptance(order_id, data, occurred_at=at),
                f"Note that the venue has {named}",
            )
        case "filled":
            fill = _fill(order, said)
            kind = "an inferred fill" if "inferred" in fill else f"fill {fill['fill_id']}"
            return (
                lambda ledger: ledger.update_order_fill(order_id, fill, occurred_at=at),
                f"Book {kind} of {fill['quantity']} at {fill['price']} onto {named}",
            )
        case "canceled":
            return (
                lambda ledger: ledger.update_order_cancellation(order_id, reason, occurred_at=at),
                f"Note that {named} was canceled",
            )
        case "rejected":
            return (
                lambda ledger: ledger.update_order_rejection(order_id, reason, occurred_at=at),
                f"Note that the venue refused {named}",
            )
        case "expired":
            return (
                lambda ledger: ledger.update_order_expiry(order_id, reason, occurred_at=at),
                f"Note that {named} expired",
            )
        case _:
            return (
                lambda ledger: ledger.update_order_request_rejection(order_id, reason, said.request_id, occurred_at=at),
                f"Note that the venue refused the request about {named}",
            )


def _fill(order: "Order", said: _Told) -> Mapping[str, Any]:
    if said.price is None:
        raise Misused("filled needs --price")
    quantity = said.quantity or words.number(order.leaves_quantity)
    if quantity is None or quantity == "0":
        raise Misused("filled needs --quantity: nothing is known to be left of this order")
    fill: dict[str, Any] = {"quantity": quantity, "price": said.price}
    if said.fill_id is not None:
        fill["fill_id"] = said.fill_id
    else:
        fill.update(fill_id=f"inferred-{order.order_id}-{order.version}"[:128], inferred=True)
    if said.fee is not None:
        fill.update(fee=said.fee, fee_currency=said.fee_currency)
    if said.venue_order_id is not None:
        fill["venue_order_id"] = said.venue_order_id
    return fill


def _show(ledger: "StrategyLedger", order_id: str | None, record_id: str, printer: Printer, path: str) -> None:
    """Print what came of it: the order as it is now."""
    if order_id is None or not _has_order(ledger, order_id):
        if printer.form.is_json:
            printer.print_document({"ledger": mask_url(path), "strategy_id": ledger.strategy_id, "resolved": record_id})
        return
    asked = Asked(paths=(path,), strategy=None, limit=None, everything=True, printer=printer)
    fills = tuple(ledger.find_fills(order_id=order_id, limit=None))
    found = Found(mask_url(path), ledger.strategy_id, WithFills(ledger.get_order(order_id), fills))
    print_orders(asked, [found])
