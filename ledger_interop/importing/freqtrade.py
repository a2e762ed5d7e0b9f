"""freqtrade: its SQLite file of trades and orders.

Its orders are ccxt's as they stood last; executions are not kept. So what an order filled is booked as one inferred
fill at the average price, with the fee that the trade was charged at that rate. Each trade is a trade here too.
Amounts are floating point in the file; they are taken by their shortest text.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ledger_core.numbers import PLACES_MAX, plain, times
from ledger_interop.importing.facts import AnyFact, Fees, Grouping, Message, Movement, NamedOrder, Placement
from ledger_interop.importing.fields import Fields, NotUnderstood
from ledger_interop.importing.readers import DONE, OPEN, words
from ledger_interop.importing.shapes import ENDED, PENDING, Defaults, OrderShape, PartlyUnderstood, read_order
from ledger_interop.importing.sqlite_source import SqliteSource
from ledger_interop.importing.times import zone_named

TABLES = ("trades", "orders")

_STATUSES = words(OPEN, DONE, CLOSED=ENDED, CANCELING=PENDING)


def _side(fields: Fields) -> str | None:
    """Return the side; of a stop on the exchange, the one that leaves the trade."""
    word = fields.text("side", "ft_order_side")
    if word == "stoploss":
        return "buy" if fields.flag("_trade.is_short") else "sell"
    return word


def _position_side(fields: Fields) -> str | None:
    if fields.text("_trade.trading_mode") not in ("futures", "FUTURES"):
        return None
    return "short" if fields.flag("_trade.is_short") else "long"


def _quote(fields: Fields) -> str | None:
    pair = fields.text("ft_pair", "symbol") or ""
    return fields.text("_trade.stake_currency") or pair.partition("/")[2].partition(":")[0] or None


def _fees(fields: Fields) -> Fees:
    """Return what the order cost: the trade's rate for its side, of what was paid or received."""
    is_entry = _side(fields) == ("sell" if fields.flag("_trade.is_short") else "buy")
    rate = fields.number("_trade.fee_open" if is_entry else "_trade.fee_close")
    filled, average = fields.positive("filled"), fields.positive("average", "price")
    currency = _quote(fields)
    base = fields.nonzero("ft_fee_base")
    if base:
        coin = (fields.text("ft_pair", "symbol") or "").partition("/")[0]
        return ((base, coin),)
    if not rate or filled is None or average is None or currency is None:
        return ()
    return ((plain(round(times(times(rate, filled), average), PLACES_MAX)), currency),)


_ORDER = OrderShape(
    venue_id="order_id",
    recorded_as="order_id",
    details={
        "symbol": ("symbol", "ft_pair"),
        "side": _side,
        "order_type": "order_type",
        "quantity": ("amount", "ft_amount", "filled"),
        "limit_price": lambda fields: fields.nonzero("price") if fields.text("order_type") == "limit" else None,
        "stop_price": "stop_price",
        "venue": "_trade.exchange",
        "currency": _quote,
        "position_side": _position_side,
        "trade_plan_id": lambda fields: f"freqtrade-{fields.text('ft_trade_id')}",
    },
    placed_at="order_date",
    at=("order_filled_date", "order_update_date", "order_date"),
    status="status",
    statuses=_STATUSES,
    filled="filled",
    average=("average", "price"),
    reason="ft_cancel_reason",
    fees=_fees,
    fee_in_base=lambda fields: fields.nonzero("ft_fee_base") is not None,
)


def read_file(source: SqliteSource, defaults: Defaults | None = None) -> Iterator[Message]:
    """Generate a message for each order, trade by trade, and one for each trade."""
    known = defaults or Defaults()
    zone = known.zone or zone_named("UTC")
    source.expect("trades")
    for row in source.rows("trades", ["id"]):
        trade = Fields(row, zone)
        orders: list[NamedOrder] = []
        for order in source.related("orders", "ft_trade_id", row.get("id"), "id"):
            message = _message(f"orders {order.get('id')}", Fields({**order, "_trade": row}, zone), known)
            orders.extend(fact.order for fact in message.facts[:1] if isinstance(fact, Placement))
            yield message
        yield _grouping(trade, tuple(orders), known)


def _message(place: str, fields: Fields, defaults: Defaults) -> Message:
    try:
        return Message(place, "order", read_order(fields, _ORDER, defaults))
    except PartlyUnderstood as error:
        return Message(place, "order", error.facts, problem=str(error))
    except NotUnderstood as error:
        return Message(place, "order", problem=str(error))


def _grouping(trade: Fields, orders: tuple[NamedOrder, ...], defaults: Defaults) -> Message:
    place = f"trades {trade.text('id')}"
    try:
        facts: list[AnyFact] = []
        if orders:
            facts.append(_trade(trade, orders))
        facts.extend(_funding(trade, defaults))
    except NotUnderstood as error:
        return Message(place, "trade", problem=str(error))
    if not facts:
        return Message(place, "trade", passed_over="the trade has no orders")
    return Message(place, "trade", tuple(facts))


def _trade(trade: Fields, orders: tuple[NamedOrder, ...]) -> Grouping:
    is_open = trade.flag("is_open")
    tags = [tag for tag in (trade.text("strategy"), trade.text("enter_tag", "buy_tag")) if tag is not None]
    found: dict[str, Any] = {"stop_price": trade.positive("stop_loss"), "tags": tags or None}
    return Grouping(
        trade_id=f"freqtrade-{trade.text('id')}",
        orders=orders,
        details={name: value for name, value in found.items() if value is not None},
        opened_at=trade.time("open_date"),
        closed_at=None if is_open else trade.time("close_date"),
        reason=trade.reason("exit_reason", "sell_reason"),
    )


def _funding(trade: Fields, defaults: Defaults) -> list[AnyFact]:
    """Return the funding of a closed futures trade, which the file keeps as one sum."""
    amount: Decimal | None = trade.nonzero("funding_fees")
    pair, currency = trade.text("pair"), trade.text("stake_currency")
    if amount is None or trade.flag("is_open") or pair is None or currency is None:
        return []
    side = "SHORT" if trade.flag("is_short") else "LONG"
    adjustment: dict[str, Any] = {"kind": "FUNDING", "symbol": pair, "amount": amount, "currency": currency}
    adjustment.update(position_side=side, venue=trade.text("exchange"))
    given = {name: value for name, value in adjustment.items() if value is not None}
    own_id = f"freqtrade-{trade.text('id')}-funding"
    return [Movement(adjustment_id=own_id, adjustment=defaults.completed(given), at=trade.time("close_date"))]
