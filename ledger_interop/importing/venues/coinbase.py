"""Coinbase Advanced Trade: orders, fills, and the user channel."""

from decimal import Decimal
from typing import Any

from ledger_interop.importing.facts import AnyFact
from ledger_interop.importing.fields import Fields, NotUnderstood, items_of
from ledger_interop.importing.readers import DONE, OPEN, quote_of, sum_of, words
from ledger_interop.importing.shapes import PENDING, Defaults, FillShape, OrderShape, fee, read_fill
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record


def _configured(name: str) -> Any:
    """Return what reads a term from the order's configuration, which stands under the name of its kind."""

    def read(fields: Fields) -> Decimal | None:
        for _, configuration in items_of(fields.value("order_configuration")):
            return Fields(configuration).positive(name)
        return None

    return read


def _quote(fields: Fields) -> str | None:
    return quote_of(fields.text("product_id"))


def _cash_currency(fields: Fields) -> str | None:
    return _quote(fields) if _configured("quote_size")(fields) is not None else None


_ORDER = OrderShape(
    client_id="client_order_id",
    venue_id="order_id",
    details={
        "symbol": "product_id",
        "side": "side",
        "order_type": "order_type",
        "quantity": _configured("base_size"),
        "cash_quantity": _configured("quote_size"),
        "cash_currency": _cash_currency,
        "limit_price": _configured("limit_price"),
        "stop_price": _configured("stop_price"),
        "time_in_force": "time_in_force",
        "currency": _quote,
    },
    placed_at="created_time",
    at=("last_fill_time", "created_time"),
    status="status",
    statuses=words(
        OPEN, DONE, PENDING="PLACED", QUEUED="PLACED", CANCELQUEUED=PENDING, EDITQUEUED=PENDING, FAILED="REJECTED"
    ),
    filled="filled_size",
    average="average_filled_price",
    reason="reject_message",
    fees=fee("total_fees", _quote),
)
_FEED_ORDER = OrderShape(
    client_id="client_order_id",
    venue_id="order_id",
    details={
        "symbol": "product_id",
        "side": "order_side",
        "order_type": "order_type",
        "quantity": sum_of("cumulative_quantity", "leaves_quantity"),
        "limit_price": "limit_price",
        "stop_price": "stop_price",
        "time_in_force": "time_in_force",
        "currency": _quote,
    },
    placed_at="creation_time",
    at=("last_fill_time", "_up._up.timestamp"),
    status="status",
    statuses=_ORDER.statuses,
    filled="cumulative_quantity",
    average="avg_price",
    reason=("reject_reason", "cancel_reason"),
    fees=fee("total_fees", _quote),
)
_FILL = FillShape(
    venue_id="order_id",
    fill_id="trade_id",
    quantity="size",
    price="price",
    details={"symbol": "product_id", "side": "side", "currency": _quote},
    at="trade_time",
    liquidity="liquidity_indicator",
    fees=fee("commission", _quote),
)


def _fill(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    if fields.flag("size_in_quote"):
        raise NotUnderstood("the size is in the quote currency: how many units were filled is not told")
    return read_fill(fields, _FILL, defaults)


VENUE = Venue(
    kind="coinbase",
    name="COINBASE",
    records=(
        Record("fill", ("trade_id", "order_id", "product_id", "size"), _fill),
        Record("order", ("order_id", "product_id", "status", "order_configuration"), _ORDER),
        Record("order", ("order_id", "product_id", "status", "order_side"), _FEED_ORDER),
    ),
    asides=(
        Aside(("available_balance",), "account balances"),
        Aside(("channel", "client_id"), "market data"),
        Aside(("number_of_contracts",), "positions"),
    ),
)
