"""Bithumb, Coinone and Korbit: orders and fills of their first interfaces, in won."""

from ledger_interop.importing.fields import Fields, NotUnderstood
from ledger_interop.importing.readers import DONE, OPEN, rest_of, words
from ledger_interop.importing.shapes import FillShape, OrderShape, fee
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record


def _bithumb_pair(fields: Fields) -> str | None:
    base, quote = fields.text("order_currency"), fields.text("payment_currency")
    return None if base is None or quote is None else f"{base}/{quote}"


_BITHUMB_ORDER = OrderShape(
    venue_id="order_id",
    details={
        "symbol": _bithumb_pair,
        "side": "type",
        "order_type": lambda _: "limit",
        "quantity": "units",
        "limit_price": "price",
        "currency": "payment_currency",
    },
    placed_at="order_date",
    at=("date_completed", "order_date"),
    status="status",
    statuses=words(OPEN, DONE, PLACED="ACCEPTED"),
    filled=rest_of("units", "units_remaining"),
)
_BITHUMB_FILL = FillShape(
    venue_id="_up.order_id",
    fill_id="cont_id",
    quantity="units",
    price="price",
    details={},
    fees=fee("fee", None),
)
BITHUMB = Venue(
    kind="bithumb",
    name="BITHUMB",
    zone="Asia/Seoul",
    records=(
        Record("order", ("order_id", "order_currency", "units", "type"), _BITHUMB_ORDER),
        Record("fill", ("cont_id", "units", "price"), _BITHUMB_FILL),
    ),
    asides=(
        Aside(("account",), "account balances"),
        Aside(("created", "account_id"), "settings of the account"),
        Aside(("wallet_address",), "settings of the account"),
        Aside(("opening_price",), "market data"),
        Aside(("transaction_date", "units_traded"), "trades that name neither their order nor themselves"),
        Aside(("transfer_date",), "movements of money and coins"),
        Aside(("status", "data"), "account balances"),
        Aside(("status",), "says only that a request was received"),
    ),
)


def _coinone_pair(fields: Fields) -> str | None:
    currency = fields.text("currency")
    if currency is None:
        raise NotUnderstood("it does not say of which coin")
    return f"{currency}/KRW"


_COINONE_ORDER = OrderShape(
    venue_id="orderId",
    details={
        "symbol": _coinone_pair,
        "side": "type",
        "order_type": lambda _: "limit",
        "quantity": "qty",
        "limit_price": "price",
        "currency": lambda _: "KRW",
    },
    placed_at="timestamp",
    at="timestamp",
    status=("_up.status", "status"),
    statuses=words(OPEN, DONE),
    filled=rest_of("qty", "remainQty"),
)
COINONE = Venue(
    kind="coinone",
    name="COINONE",
    records=(Record("order", ("orderId", "qty", "price", "type"), _COINONE_ORDER),),
    asides=(
        Aside(("avail", "balance"), "account balances"),
        Aside(("btc", "krw"), "account balances"),
        Aside(("walletAddress",), "settings of the account"),
        Aside(("userInfo",), "settings of the account"),
        Aside(("depositNumber",), "settings of the account"),
        Aside(("transactions",), "movements of money and coins"),
        Aside(("krwHistory",), "movements of money and coins"),
        Aside(("orderId", "result"), "an id, without the order that it was given to"),
        Aside(("errorCode",), "says only that a request was received"),
    ),
)


def _korbit_fee(fields: Fields) -> str | None:
    """Return what a fee is paid in: the coin by who buys, won by who sells."""
    base, _, quote = (fields.text("currency_pair") or "").partition("_")
    return (base if fields.word("side") == "BID" else quote).upper() or None


def _korbit_pair(fields: Fields) -> str | None:
    return fields.text("currency_pair")


def _korbit_listed_pair(fields: Fields) -> str | None:
    base, quote = fields.text("total.currency"), fields.text("price.currency")
    return None if base is None or quote is None else f"{base}_{quote}"


def _korbit_filled_pair(fields: Fields) -> str | None:
    base, quote = fields.text("fillsDetail.amount.currency"), fields.text("fillsDetail.price.currency")
    return None if base is None or quote is None else f"{base}_{quote}"


_KORBIT_ORDER = OrderShape(
    venue_id="id",
    details={
        "symbol": _korbit_pair,
        "side": "side",
        "order_type": lambda _: "limit",
        "quantity": "order_amount",
        "limit_price": "price",
        "currency": lambda _: "KRW",
    },
    placed_at="created_at",
    at=("last_filled_at", "created_at"),
    status="status",
    statuses=words(OPEN, DONE, UNFILLED="ACCEPTED"),
    filled="filled_amount",
    average="avg_price",
    fees=fee("fee", _korbit_fee),
    fee_in_base=lambda fields: fields.word("side") == "BID",
)
_KORBIT_OPEN = OrderShape(
    venue_id="id",
    details={
        "symbol": _korbit_listed_pair,
        "side": "type",
        "order_type": lambda _: "limit",
        "quantity": "total.value",
        "limit_price": "price.value",
        "currency": lambda _: "KRW",
    },
    placed_at="timestamp",
    at="timestamp",
    status=lambda _: "open",
    statuses=OPEN,
    filled=rest_of("total.value", "open.value"),
)
_KORBIT_FILL = FillShape(
    venue_id="fillsDetail.orderId",
    fill_id="id",
    quantity="fillsDetail.amount.value",
    price="fillsDetail.price.value",
    details={"symbol": _korbit_filled_pair, "side": "type", "currency": lambda _: "KRW"},
    at=("completedAt", "timestamp"),
    fees=fee("fee.value", lambda fields: (fields.text("fee.currency") or "").upper() or None),
    fee_in_base=lambda fields: fields.text("fee.currency") == fields.text("fillsDetail.amount.currency"),
)
KORBIT = Venue(
    kind="korbit",
    name="KORBIT",
    records=(
        Record("fill", ("fillsDetail", "id"), _KORBIT_FILL),
        Record("order", ("id", "currency_pair", "order_amount"), _KORBIT_ORDER),
        Record("open order", ("id", "type", "price", "total", "open"), _KORBIT_OPEN),
    ),
    asides=(
        Aside(("orderId", "status"), "says only that a request was received"),
        Aside(("transferId",), "movements of money and coins"),
        Aside(("id", "amount", "type"), "movements of money and coins"),
        Aside(("maker_fee",), "fees in force"),
        Aside(("maker_fee_rate",), "fees in force"),
        Aside(("address",), "settings of the account"),
        Aside(("deposit",), "settings of the account"),
        Aside(("email",), "settings of the account"),
        Aside(("available",), "account balances"),
        Aside(("balances",), "account balances"),
        Aside(("krw",), "account balances"),
    ),
)
