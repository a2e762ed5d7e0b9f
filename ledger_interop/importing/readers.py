"""Readers that several sources share: pairs of currencies, status words, totals that are written as differences."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from ledger_core.lifecycle import OrderState, RequestKind
from ledger_core.numbers import minus, plain, plus, quotient
from ledger_interop.importing.facts import Acceptance, AnyFact, Ending, NamedOrder, RequestRefusal
from ledger_interop.importing.fields import Fields, Getter, NotUnderstood, Path, got
from ledger_interop.importing.shapes import Defaults

_QUOTES = (
    "USDT",
    "USDC",
    "BUSD",
    "FDUSD",
    "TUSD",
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "KRW",
    "XBT",
    "BTC",
    "ETH",
    "BNB",
    "DAI",
)

_LETTERS_MIN = 3

OPEN = {"OPEN": "ACCEPTED", "NEW": "ACCEPTED", "ACTIVE": "ACCEPTED", "LIVE": "ACCEPTED", "ACCEPTED": "ACCEPTED"}
"""Words for an order at work."""
DONE = {
    **dict.fromkeys(("FILLED", "COMPLETE", "COMPLETED", "EXECUTED"), "FILLED"),
    **dict.fromkeys(("PARTIALLYFILLED", "PARTIALFILL", "PARTIALLY"), "PARTIALLY_FILLED"),
    **dict.fromkeys(("CANCELED", "CANCELLED"), "CANCELED"),
    "EXPIRED": "EXPIRED",
    "REJECTED": "REJECTED",
}
"""Words for what became of one."""


def quote_of(symbol: str | None) -> str | None:
    """Return the currency in which a pair is priced, from its name; None where the name does not tell."""
    if symbol is None:
        return None
    for mark in ("/", "-", "_"):
        base, parted, quote = symbol.partition(mark)
        if parted and base and quote:
            return quote.split(":")[0].split("-")[0] or None
    found = [quote for quote in _QUOTES if symbol.upper().endswith(quote) and len(symbol) > len(quote)]
    # XBTUSD is XBT in USD, not XB in TUSD: few coins have fewer than three letters.
    return next((quote for quote in found if len(symbol) - len(quote) >= _LETTERS_MIN), next(iter(found), None))


def base_of(symbol: str | None) -> str | None:
    """Return the currency that a pair trades, from its name; None where the name does not tell."""
    quote = quote_of(symbol)
    if symbol is None or quote is None:
        return None
    for mark in ("/", "-", "_"):
        if mark in symbol:
            return symbol.partition(mark)[0]
    return symbol[: -len(quote)] or None


def rest_of(total: Path, remaining: Path) -> Callable[[Fields], Decimal | None]:
    """Return what reads the filled quantity, where a source writes the total and what is left of it."""

    def read(fields: Fields) -> Decimal | None:
        whole, left = fields.number(total), fields.number(remaining)
        return None if whole is None or left is None else plain(minus(whole, left))

    return read


def sum_of(*paths: Path) -> Callable[[Fields], Decimal | None]:
    """Return what reads the sum of fields, where a source writes what is filled and what is left of an order."""

    def read(fields: Fields) -> Decimal | None:
        numbers = [fields.number(path) for path in paths]
        known = [number for number in numbers if number is not None]
        total = Decimal(0)
        for number in known:
            total = plus(total, number)
        return plain(total) if len(known) == len(numbers) and total > 0 else None

    return read


def average_of(value: Path, quantity: Path) -> Callable[[Fields], Decimal | None]:
    """Return what reads the average price, where a source writes what was paid and how much was filled."""

    def read(fields: Fields) -> Decimal | None:
        paid, filled = fields.number(value), fields.number(quantity)
        return quotient(paid, filled) if paid and filled else None

    return read


def acknowledged(
    *, client_id: Getter = None, venue_id: Getter = None, at: Getter = None
) -> Callable[[Fields, Defaults], tuple[AnyFact, ...]]:
    """Return what reads the answer to a placement that has ids only."""

    def read(fields: Fields, _: Defaults) -> tuple[AnyFact, ...]:
        order = named(fields, client_id, venue_id)
        return (Acceptance(order=order, at=got(fields, at, fields.time)),)

    return read


def ended(
    state: OrderState, *, client_id: Getter = None, venue_id: Getter = None, at: Getter = None, reason: Getter = None
) -> Callable[[Fields, Defaults], tuple[AnyFact, ...]]:
    """Return what reads the news of an end that has ids only."""

    def read(fields: Fields, _: Defaults) -> tuple[AnyFact, ...]:
        order = named(fields, client_id, venue_id)
        why = got(fields, reason, fields.reason)
        return (Ending(order=order, at=got(fields, at, fields.time), state=state, reason=why),)

    return read


def cancel_refused(
    *, client_id: Getter = None, venue_id: Getter = None, at: Getter = None, reason: Getter = None
) -> Callable[[Fields, Defaults], tuple[AnyFact, ...]]:
    """Return what reads the refusal of a cancel."""

    def read(fields: Fields, _: Defaults) -> tuple[AnyFact, ...]:
        order = named(fields, client_id, venue_id)
        why = got(fields, reason, fields.reason)
        at_time = got(fields, at, fields.time)
        return (RequestRefusal(order=order, at=at_time, kind=RequestKind.CANCEL, reason=why),)

    return read


def named(fields: Fields, client_id: Getter, venue_id: Getter) -> NamedOrder:
    """Return an order by its ids; raise NotUnderstood where there is none."""
    order = NamedOrder(client_id=got(fields, client_id, fields.id), venue_id=got(fields, venue_id, fields.id))
    if order.client_id is None and order.venue_id is None:
        raise NotUnderstood("it names no order")
    return order


def words(*tables: Mapping[str, str], **more: str) -> dict[str, str]:
    """Return several tables of status words as one."""
    merged: dict[str, str] = {}
    for table in (*tables, more):
        merged.update(table)
    return merged
