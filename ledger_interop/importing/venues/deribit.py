"""Deribit: the answers to orders, edits and cancels, with the trades in them."""

from typing import Any

import attrs

from ledger_interop.importing.facts import AnyFact, NewTerms
from ledger_interop.importing.fields import Fields, Terms
from ledger_interop.importing.readers import DONE, OPEN, words
from ledger_interop.importing.shapes import Defaults, FillShape, OrderShape, fee, read_order
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_TERMS = ("quantity", "limit_price", "stop_price")


def _is_inverse(fields: Fields) -> bool | None:
    """Whether a future is inverse: those of one coin are, in dollars, and those whose name has a stablecoin are not."""
    name = fields.text("instrument_name") or ""
    is_option = name.endswith(("-C", "-P"))
    return True if name and "_" not in name and not is_option else None


def _base(fields: Fields) -> str | None:
    return (fields.text("instrument_name") or "").partition("-")[0] if _is_inverse(fields) else None


def _price(fields: Fields) -> Any:
    price = fields.value("price")
    return None if isinstance(price, str) and not price[:1].isdigit() else fields.nonzero("price")


_INSTRUMENT: Terms = {
    "symbol": "instrument_name",
    "side": "direction",
    "inverse": _is_inverse,
    "base_currency": _base,
    "currency": lambda fields: "USD" if _is_inverse(fields) else None,
}
_ORDER = OrderShape(
    reference="label",
    venue_id="order_id",
    details={
        **_INSTRUMENT,
        "order_type": "order_type",
        "quantity": "amount",
        "limit_price": _price,
        "stop_price": "trigger_price",
        "time_in_force": "time_in_force",
        "post_only": "post_only",
        "reduce_only": "reduce_only",
    },
    placed_at="creation_timestamp",
    at="last_update_timestamp",
    status="order_state",
    statuses=words(OPEN, DONE, UNTRIGGERED="ACCEPTED", TRIGGERED="ACCEPTED"),
    filled="filled_amount",
    average="average_price",
    reason="cancel_reason",
)
_TRADE = FillShape(
    reference="label",
    venue_id="order_id",
    fill_id="trade_id",
    quantity="amount",
    price="price",
    details={**_INSTRUMENT, "order_type": "order_type"},
    at="timestamp",
    liquidity="liquidity",
    fees=fee("fee", "fee_currency"),
)


def _order(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what an order says; one that was edited has other terms than it was placed with."""
    facts = read_order(fields, _ORDER, defaults)
    if not fields.flag("replaced"):
        return facts
    placed = facts[0]
    assert not isinstance(placed, NewTerms), "an order begins with its placement"
    order = getattr(placed, "order", None)
    assert order is not None, "a placement names its order"
    terms = {name: order.details[name] for name in _TERMS if name in order.details}
    named = attrs.evolve(order, venue_id=None)  # it keeps the venue's id
    return (placed, NewTerms(order=named, at=fields.time("last_update_timestamp"), terms=terms, asked=True), *facts[1:])


VENUE = Venue(
    kind="deribit",
    name="DERIBIT",
    records=(
        Record("trade", ("trade_id", "order_id", "price"), _TRADE),
        Record("order", ("order_id", "order_state", "instrument_name"), _order),
    ),
    asides=(
        Aside(("summaries",), "account balances"),
        Aside(("bids", "asks"), "an order book"),
        Aside(("trade_seq", "tick_direction"), "trades of the whole market"),
    ),
)
