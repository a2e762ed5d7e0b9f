"""Derive: orders, and trades of a subaccount."""

from ledger_interop.importing.facts import AnyFact, NamedOrder, Placement
from ledger_interop.importing.fields import Fields, Terms
from ledger_interop.importing.readers import DONE, OPEN, words
from ledger_interop.importing.shapes import Defaults, FillShape, OrderShape, details_of, fee
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_TERMS: Terms = {
    "symbol": "instrument_name",
    "side": "direction",
    "order_type": "order_type",
    "quantity": "amount",
    "limit_price": "limit_price",
    "stop_price": "trigger_price",
    "time_in_force": "time_in_force",
    "reduce_only": "reduce_only",
}
_ORDER = OrderShape(
    reference="label",
    venue_id="order_id",
    details=_TERMS,
    placed_at="creation_timestamp",
    at="last_update_timestamp",
    status="order_status",
    statuses=words(OPEN, DONE, UNTRIGGERED="ACCEPTED"),
    filled="filled_amount",
    average="average_price",
    reason="cancel_reason",
    fees=fee("order_fee", lambda _: "USDC"),
)
_TRADE = FillShape(
    reference="label",
    venue_id="order_id",
    fill_id="trade_id",
    quantity="trade_amount",
    price="trade_price",
    details={"symbol": "instrument_name", "side": "direction"},
    at="timestamp",
    liquidity="liquidity_role",
    fees=fee("trade_fee", lambda _: "USDC"),
)


def _sent(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    details = details_of(fields, _TERMS, defaults)
    order = NamedOrder(venue_id=fields.id("order_id"), reference=fields.id("label"), details=details)
    return (Placement(order=order),)


VENUE = Venue(
    kind="derive",
    name="DERIVE",
    records=(
        Record("trade", ("trade_id", "order_id", "trade_amount"), _TRADE),
        Record("order", ("order_id", "order_status", "amount"), _ORDER),
        Record("order as sent", ("order_id", "amount", "direction", "signature"), _sent, unless=("order_status",)),
    ),
    asides=(
        Aside(("collaterals",), "account balances"),
        Aside(("bids", "asks"), "an order book"),
        Aside(("trade_id", "trade_price"), "trades of the whole market"),
        Aside(("positions",), "positions"),
        Aside(("average_price", "delta"), "positions"),
        Aside(("page", "page_size"), "a question"),
        Aside(("amount", "direction", "signature"), "an order as it was sent: its answer tells its id"),
    ),
)
