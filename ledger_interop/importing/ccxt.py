"""ccxt: unified orders, trades and funding payments, of any exchange; name the venue, for ccxt does not.

A contract's size is no part of its orders and trades: tell it by `terms`, or positions are in contracts and money is a
fraction of what it was.
"""

from typing import Any

from ledger_interop.importing.facts import AnyFact, Movement
from ledger_interop.importing.fields import Fields, Getter, NotUnderstood, Terms
from ledger_interop.importing.readers import DONE, OPEN, words
from ledger_interop.importing.shapes import (
    ENDED,
    PENDING,
    Defaults,
    FillShape,
    OrderShape,
    PartlyUnderstood,
    fee,
    read_fill,
    read_order,
)
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import UP, Aside, Record


def _parts(fields: Fields) -> tuple[str, str, str | None]:
    """Return base, quote and settlement currency of a unified symbol: BTC/USDT, BTC/USDT:USDT, BTC/USD:BTC-250328."""
    base, _, rest = (fields.text("symbol") or "").partition("/")
    quote, _, settled = rest.partition(":")
    return base, quote, settled.partition("-")[0] or None


def _currency(fields: Fields) -> str | None:
    return _parts(fields)[1] or None


def _is_inverse(fields: Fields) -> bool | None:
    base, quote, settled = _parts(fields)
    return True if settled is not None and settled == base and settled != quote else None


def _inverse_base(fields: Fields) -> str | None:
    return _parts(fields)[0] if _is_inverse(fields) else None


def _is_charged_in_base(fields: Fields) -> bool:
    """Whether a spot fee was taken in the coin that is traded: then it changes what is held of it."""
    base, _, settled = _parts(fields)
    return settled is None and fields.text("fee.currency", "_fee.currency") == base


def _quantity(fields: Fields) -> Any:
    """Return the amount; of a market order by value that is over, what was filled."""
    filled = fields.positive("filled") if fields.text("status") in ("closed", "canceled", "expired") else None
    return fields.positive("amount") or filled


def _cash(name: str) -> Getter:
    def read(fields: Fields) -> Any:
        cost = None if _quantity(fields) is not None else fields.positive("cost")
        return None if cost is None else cost if name == "quantity" else _currency(fields)

    return read


_INSTRUMENT: Terms = {
    "symbol": "symbol",
    "side": "side",
    "order_type": "type",
    "currency": _currency,
    "inverse": _is_inverse,
    "base_currency": _inverse_base,
}
_ORDER = OrderShape(
    client_id="clientOrderId",
    venue_id="id",
    details={
        **_INSTRUMENT,
        "quantity": _quantity,
        "cash_quantity": _cash("quantity"),
        "cash_currency": _cash("currency"),
        "limit_price": "price",
        "stop_price": ("triggerPrice", "stopPrice"),
        "time_in_force": "timeInForce",
        "reduce_only": "reduceOnly",
        "post_only": "postOnly",
    },
    placed_at=("timestamp", "datetime"),
    at=("lastTradeTimestamp", "lastUpdateTimestamp", "timestamp", "datetime"),
    status="status",
    statuses=words(OPEN, DONE, CLOSED=ENDED, CANCELING=PENDING),
    filled="filled",
    average="average",
    fees=fee(("fee.cost", "_fee.cost"), ("fee.currency", "_fee.currency")),
    fee_in_base=_is_charged_in_base,
)
_TRADE = FillShape(
    venue_id="order",
    fill_id="id",
    quantity="amount",
    price="price",
    details=_INSTRUMENT,
    at=("timestamp", "datetime"),
    liquidity="takerOrMaker",
    fees=fee(("fee.cost", "_fee.cost"), ("fee.currency", "_fee.currency")),
    fee_in_base=_is_charged_in_base,
)


def _with_fee(fields: Fields) -> Fields:
    """Return a record with the one fee of its `fees`, where `fee` has none. Several are not read."""
    if fields.value("fee.cost") is not None:
        return fields
    several = [part for part in fields.parts("fees") if part.value("cost") is not None]
    if len(several) != 1:
        return fields
    return Fields({**_plain(fields), "_fee": several[0].source}, fields.zone)


def _plain(fields: Fields) -> dict[str, Any]:
    source = fields.source
    return dict(source) if isinstance(source, dict) else dict(vars(source))


def _order(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return an order, with the trades that it lists told first."""
    fills: list[AnyFact] = []
    for part in fields.parts("trades"):
        inherited = {name: fields.value(name) for name in ("symbol", "side", "type")}
        inherited["order"] = fields.value("id")
        given = {name: value for name, value in _plain(part).items() if value is not None}
        fills.extend(_trade(Fields({**inherited, **given, UP: fields.source}, fields.zone), defaults))
    try:
        facts = read_order(_with_fee(fields), _ORDER, defaults)
    except PartlyUnderstood as error:
        raise PartlyUnderstood(str(error), (error.facts[0], *fills, *error.facts[1:])) from None
    return (facts[0], *fills, *facts[1:])


def _trade(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    return read_fill(_with_fee(fields), _TRADE, defaults)


def _funding(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    amount, symbol, currency, own_id = (
        fields.nonzero("amount"),
        fields.text("symbol"),
        fields.text("code"),
        fields.id("id"),
    )
    if amount is None or symbol is None or currency is None or own_id is None:
        raise NotUnderstood("a funding payment without amount, symbol, code or id")
    adjustment = {"kind": "FUNDING", "symbol": symbol, "amount": amount, "currency": currency}
    return (
        Movement(
            adjustment_id=own_id, adjustment=defaults.completed(adjustment), at=fields.time("timestamp", "datetime")
        ),
    )


VENUE = Venue(
    kind="ccxt",
    name=None,
    zone="UTC",
    records=(
        Record("trade", ("id", "symbol", "side", "price", "amount", "order"), _trade, unless=("status",)),
        Record("order", ("id", "symbol", "side", "status"), _order),
        Record("order", ("id", "symbol", "side", "amount", "remaining"), _order),
        Record("funding", ("id", "symbol", "code", "amount", "timestamp"), _funding, unless=("side",)),
    ),
    asides=(
        Aside(("bids", "asks"), "an order book"),
        Aside(("bid", "ask"), "market data"),
        Aside(("free", "used", "total"), "account balances"),
        Aside(("contracts", "entryPrice"), "positions"),
        Aside(("id", "symbol", "price", "amount"), "trades of the whole market, or of no order"),
    ),
)
