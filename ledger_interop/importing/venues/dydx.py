"""dYdX v4: orders and fills of the indexer, by its REST interface and its stream."""

from ledger_interop.importing.fields import Fields
from ledger_interop.importing.readers import DONE, OPEN, words
from ledger_interop.importing.shapes import PENDING, FillShape, OrderShape, fee
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record


def _market(fields: Fields) -> str | None:
    """Return the market; the stream's orders name it by a number, and their fills, in the same message, by its name."""
    named = fields.text("ticker", "market")
    if named is not None:
        return named
    fills = (fill for fill in fields.parts("_up.fills") if fill.text("orderId") == fields.text("id"))
    return next((fill.text("market") for fill in fills), None)


_ORDER = OrderShape(
    client_id="clientId",
    venue_id="id",
    details={
        "symbol": _market,
        "side": "side",
        "order_type": "type",
        "quantity": "size",
        "limit_price": "price",
        "stop_price": "triggerPrice",
        "time_in_force": "timeInForce",
        "reduce_only": "reduceOnly",
        "post_only": "postOnly",
        "currency": lambda _: "USD",
    },
    at="updatedAt",
    status="status",
    statuses=words(OPEN, DONE, UNTRIGGERED="ACCEPTED", BESTEFFORTOPENED="PLACED", BESTEFFORTCANCELED=PENDING),
    filled="totalFilled",
    stands_for_fills=False,
)
_FILL = FillShape(
    venue_id="orderId",
    fill_id="id",
    quantity="size",
    price="price",
    details={"symbol": "market", "side": "side", "order_type": "type", "currency": lambda _: "USD"},
    at="createdAt",
    liquidity="liquidity",
    fees=fee("fee", lambda _: "USDC"),
)

VENUE = Venue(
    kind="dydx",
    name="DYDX",
    records=(
        Record("order", ("id", "totalFilled", "status"), _ORDER),
        Record("fill", ("id", "orderId", "market", "size"), _FILL),
    ),
    asides=(
        Aside(("bids", "asks"), "an order book"),
        Aside(("equity", "freeCollateral"), "account balances"),
        Aside(("id", "size", "price", "createdAt"), "trades of the whole market"),
    ),
)
