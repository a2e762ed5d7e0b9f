"""Poloniex: orders and trades of its first interface. A pair names the money first; times are UTC."""

from decimal import Decimal

from ledger_core.numbers import PLACES_MAX, plain, times
from ledger_interop.importing.fields import Fields
from ledger_interop.importing.readers import OPEN, rest_of
from ledger_interop.importing.shapes import FillShape, OrderShape, fee
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record


def _pair(fields: Fields) -> str | None:
    """Return the pair, which a trade names itself or stands under."""
    named = fields.text("currencyPair", "_key")
    return named if named is not None and "_" in named else None


def _currency(fields: Fields) -> str | None:
    pair = _pair(fields)
    return None if pair is None else pair.partition("_")[0]


def _fee_amount(fields: Fields) -> Decimal | None:
    """Return the fee, which is told as a share: of the coins by who buys, of the money by who sells."""
    share, amount, total = fields.positive("fee"), fields.positive("amount"), fields.positive("total")
    base = amount if fields.text("type") == "buy" else total
    return None if share is None or base is None else plain(round(times(share, base), PLACES_MAX))


def _fee_currency(fields: Fields) -> str | None:
    money, _, coin = (_pair(fields) or "").partition("_")
    return (coin if fields.text("type") == "buy" else money) or None


_ORDER = OrderShape(
    venue_id="orderNumber",
    details={
        "symbol": _pair,
        "side": "type",
        "order_type": lambda _: "limit",
        "quantity": ("startingAmount", "amount"),
        "limit_price": "rate",
        "currency": _currency,
    },
    placed_at="date",
    at="date",
    status=lambda _: "open",
    statuses=OPEN,
    filled=rest_of(("startingAmount", "amount"), "amount"),
)
_TRADE = FillShape(
    venue_id=("orderNumber", "_up.orderNumber", "_up._up.orderNumber"),
    fill_id="tradeID",
    quantity="amount",
    price="rate",
    details={"symbol": _pair, "side": "type", "currency": _currency},
    at="date",
    fees=fee(_fee_amount, _fee_currency),
    fee_in_base=lambda fields: fields.text("type") == "buy",
)

VENUE = Venue(
    kind="poloniex",
    name="POLONIEX",
    zone="UTC",
    records=(
        Record("trade", ("tradeID", "rate", "amount", "type"), _TRADE),
        Record("order", ("orderNumber", "rate", "amount", "type"), _ORDER),
    ),
    asides=(
        Aside(("orderNumber",), "an id, without the order that it was given to"),
        Aside(("success",), "says only that a request was received"),
        Aside(("response",), "says only that a request was received"),
        Aside(("duration",), "loans"),
        Aside(("provided",), "loans"),
        Aside(("interest",), "loans"),
        Aside(("range",), "loans"),
        Aside(("makerFee",), "fees in force"),
        Aside(("basePrice",), "positions"),
        Aside(("totalValue",), "account balances"),
        Aside(("available",), "account balances"),
        Aside(("exchange",), "account balances"),
        Aside(("BTC",), "account balances"),
        Aside(("BTC_DASH",), "account balances"),
        Aside(("deposits",), "movements of money and coins"),
    ),
)
