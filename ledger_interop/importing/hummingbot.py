"""hummingbot: its SQLite file of orders, their states, fills and funding payments.

Amounts and prices are whole numbers of millionths in the file, so what was smaller is lost in it: a fill whose amount
became 0 there is told, not booked. Older files have floating point numbers, which are taken by their shortest text.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import attrs

from ledger_core.numbers import plain, times
from ledger_interop.importing.facts import AnyFact, Fees, Message, Movement
from ledger_interop.importing.fields import Fields, NotUnderstood, decimal_of, items_of
from ledger_interop.importing.shapes import (
    Defaults,
    FillShape,
    OrderShape,
    PartlyUnderstood,
    read_fill,
    read_order,
)
from ledger_interop.importing.sqlite_source import SqliteSource
from ledger_interop.importing.times import zone_named

TABLES = ("Order", "TradeFill")

_SCALE = Decimal("0.000001")
_STATUSES = {
    "BUYORDERCREATED": "ACCEPTED",
    "SELLORDERCREATED": "ACCEPTED",
    "ORDERFILLED": "PARTIALLY_FILLED",
    "BUYORDERCOMPLETED": "FILLED",
    "SELLORDERCOMPLETED": "FILLED",
    "ORDERCANCELLED": "CANCELED",
    "ORDEREXPIRED": "EXPIRED",
    "ORDERFAILURE": "REJECTED",
    "RANGEPOSITIONLIQUIDITYADDED": "ACCEPTED",
}


def _side(fields: Fields) -> str | None:
    """Return the side, which an order does not keep itself: its states and fills tell it."""
    words = [fields.text("trade_type"), fields.text("last_status"), *(fields.value("_words") or ())]
    for word in words:
        upper = (word or "").upper()
        if upper.startswith(("BUY", "SELL")):
            return "buy" if upper.startswith("BUY") else "sell"
    return None


def _scaled(name: str) -> Any:
    """Return what reads a number in the unit of its column."""

    def read(fields: Fields) -> Decimal | None:
        number = fields.number(name)
        scale = fields.value("_scale")
        return number if number is None or name not in (scale or ()) else plain(times(number, _SCALE))

    return read


def _fees(fields: Fields) -> Fees:
    """Return the flat fees, and the share that was charged: `percent` of what was paid, in `percent_token`."""
    found = fields.value("trade_fee")
    if isinstance(found, str):
        try:
            found = json.loads(found, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise NotUnderstood("the fee of the fill is no JSON") from None
    told = Fields(found or {}, fields.zone)
    fees: list[tuple[Decimal, str]] = []
    for part in told.parts("flat_fees"):
        pair = [value for _, value in items_of(part.source)] if "token" not in part else None
        amount = part.nonzero("amount") if pair is None else decimal_of(pair[-1], "amount")
        token = part.text("token", "asset") if pair is None else str(pair[0])
        if amount and token is not None:
            fees.append((amount, token))
    percent = told.nonzero("percent")
    quantity, price = _scaled("amount")(fields), _scaled("price")(fields)
    if percent and quantity is not None and price is not None:
        quote = fields.text("quote_asset")
        token = told.text("percent_token") or quote
        is_base = token == fields.text("base_asset")
        value = times(percent, quantity) if is_base else times(times(percent, quantity), price)
        if token is not None and token in (quote, fields.text("base_asset")):
            fees.append((plain(round(value, 18)), token))
    return tuple(sorted(fees, key=lambda one: one[1] != fields.text("base_asset")))  # what is taken out goes first


def _is_charged_in_base(fields: Fields) -> bool:
    """Whether a fee was taken out of the coins that were traded: of spot, not of a perpetual."""
    is_spot = "perpetual" not in (fields.text("market") or "")
    return is_spot and _fees(fields)[0][1] == fields.text("base_asset")


_TERMS: dict[str, Any] = {
    "symbol": "symbol",
    "side": _side,
    "order_type": "order_type",
    "venue": "market",
    "currency": "quote_asset",
}
_ORDER = OrderShape(
    client_id="id",
    venue_id="exchange_order_id",
    details={**_TERMS, "quantity": _scaled("amount"), "limit_price": _scaled("price")},
    placed_at="creation_timestamp",
    at="last_update_timestamp",
    status="last_status",
    statuses=_STATUSES,
)
_FILL = FillShape(
    client_id="order_id",
    fill_id="exchange_trade_id",
    quantity=_scaled("amount"),
    price=_scaled("price"),
    details=_TERMS,
    at="timestamp",
    fees=_fees,
    fee_in_base=_is_charged_in_base,
)


def read_file(source: SqliteSource, defaults: Defaults | None = None) -> Iterator[Message]:
    """Generate a message for each order and each fill, order by order, then for fills without an order and payments."""
    known = defaults or Defaults()
    zone = known.zone or zone_named("UTC")
    scales = {table: _scaled_columns(source, table) for table in TABLES}
    source.expect("Order")
    source.expect("TradeFill")
    for row in source.rows("Order", ["creation_timestamp", "id"]):
        fills = source.related("TradeFill", "order_id", row.get("id"), "timestamp")
        states = source.related("OrderStatus", "order_id", row.get("id"), "id") if source.columns("OrderStatus") else []
        words = [*(one.get("status") for one in states), *(one.get("trade_type") for one in fills)]
        order = Fields({**row, "_scale": scales["Order"], "_words": words}, zone)
        first, last = _halves(_read_order(f"Order {row.get('id')}", order, known))
        yield first
        for fill in fills:
            yield _read_fill(Fields({**fill, "_scale": scales["TradeFill"]}, zone), known)
        if last is not None:
            yield last
    for fill in source.rows("TradeFill", ["timestamp", "exchange_trade_id"]):
        if not source.related("Order", "id", fill.get("order_id"), "id"):
            yield _read_fill(Fields({**fill, "_scale": scales["TradeFill"]}, zone), known)
    if source.columns("FundingPayment"):
        for row in source.rows("FundingPayment", ["timestamp"]):
            yield _payment(Fields(row, zone), known)


def _scaled_columns(source: SqliteSource, table: str) -> tuple[str, ...]:
    columns = source.columns(table)
    return tuple(name for name in ("amount", "price") if columns.get(name, "").startswith(("BIGINT", "INT")))


def _read_order(place: str, fields: Fields, defaults: Defaults) -> Message:
    try:
        return Message(place, "order", read_order(fields, _ORDER, defaults))
    except PartlyUnderstood as error:
        return Message(place, "order", error.facts, problem=str(error))
    except NotUnderstood as error:
        return Message(place, "order", problem=str(error))


def _halves(message: Message) -> tuple[Message, Message | None]:
    """Return an order's placement and acceptance, and what became of it: its fills go between."""
    if len(message.facts) <= 2:
        return message, None
    first = attrs.evolve(message, facts=message.facts[:2])
    return first, Message(message.place, "end of the order", message.facts[2:])


def _read_fill(fields: Fields, defaults: Defaults) -> Message:
    place = f"TradeFill {fields.value('exchange_trade_id')}"
    try:
        return Message(place, "fill", read_fill(fields, _FILL, defaults))
    except PartlyUnderstood as error:
        return Message(place, "fill", error.facts, problem=str(error))
    except NotUnderstood as error:
        return Message(place, "fill", problem=str(error))


def _payment(fields: Fields, defaults: Defaults) -> Message:
    place = f"FundingPayment {fields.value('timestamp')}"
    try:
        amount, symbol = fields.nonzero("amount"), fields.text("symbol")
        if amount is None or symbol is None:
            raise NotUnderstood("the payment has no amount, or no symbol")
        adjustment: dict[str, Any] = {
            "kind": "FUNDING",
            "symbol": symbol,
            "amount": amount,
            "currency": symbol.rpartition("-")[2],
            "venue": fields.text("market"),
        }
        given = {name: value for name, value in adjustment.items() if value is not None}
        own_id = f"hummingbot-{fields.text('market')}-{symbol}-{fields.text('timestamp')}"
        facts: tuple[AnyFact, ...] = (
            Movement(adjustment_id=own_id, adjustment=defaults.completed(given), at=fields.time("timestamp")),
        )
    except NotUnderstood as error:
        return Message(place, "funding payment", problem=str(error))
    return Message(place, "funding payment", facts)
