"""Zerodha Kite: the order book, the trade book, an order's history, and postbacks. Times are those of India."""

from ledger_interop.importing.fields import Fields
from ledger_interop.importing.readers import DONE, OPEN, words
from ledger_interop.importing.shapes import PENDING, FillShape, OrderShape
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_TYPES = {"SL": "stop limit", "SL-M": "stop"}


def _order_type(fields: Fields) -> str | None:
    word = fields.text("order_type")
    return _TYPES.get(word or "", word)


_STATUSES = words(
    OPEN,
    DONE,
    TRIGGERPENDING="ACCEPTED",
    **dict.fromkeys(("PUTORDERREQRECEIVED", "VALIDATIONPENDING", "OPENPENDING", "AMOREQRECEIVED", "UPDATE"), "PLACED"),
    **dict.fromkeys(("MODIFYVALIDATIONPENDING", "MODIFYPENDING", "MODIFIED", "CANCELPENDING"), PENDING),
)
_ORDER = OrderShape(
    venue_id="order_id",
    details={
        "symbol": "tradingsymbol",
        "venue": "exchange",
        "side": "transaction_type",
        "order_type": _order_type,
        "quantity": "quantity",
        "limit_price": "price",
        "stop_price": "trigger_price",
        "time_in_force": "validity",
        "parent_order_id": "parent_order_id",
        "currency": lambda _: "INR",
    },
    placed_at="order_timestamp",
    at=("exchange_update_timestamp", "exchange_timestamp", "order_timestamp"),
    status="status",
    statuses=_STATUSES,
    filled="filled_quantity",
    average="average_price",
    reason="status_message",
)
_TRADE = FillShape(
    venue_id="order_id",
    fill_id="trade_id",
    quantity=("quantity", "filled"),
    price="average_price",
    details={
        "symbol": "tradingsymbol",
        "venue": "exchange",
        "side": "transaction_type",
        "currency": lambda _: "INR",
    },
    at=("fill_timestamp", "exchange_timestamp"),
)

VENUE = Venue(
    kind="zerodha",
    name="ZERODHA",
    zone="Asia/Kolkata",
    records=(
        Record("trade", ("trade_id", "order_id", "tradingsymbol"), _TRADE),
        Record("order", ("order_id", "status", "tradingsymbol", "transaction_type"), _ORDER),
    ),
    asides=(
        Aside(("charges",), "a forecast of charges"),
        Aside(("condition", "orders"), "conditions that will place orders later"),
        Aside(("day_buy_quantity",), "positions"),
        Aside(("status", "data"), "says only that a request was received"),
    ),
)
