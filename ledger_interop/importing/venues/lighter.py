"""Lighter: orders and trades of an account. Markets have numbers only."""

from ledger_interop.importing.facts import AnyFact
from ledger_interop.importing.fields import Fields, NotUnderstood
from ledger_interop.importing.readers import DONE, OPEN, average_of, words
from ledger_interop.importing.shapes import Defaults, FillShape, OrderShape, read_fill
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record


def _market(fields: Fields) -> str | None:
    number = fields.text("market_index", "market_id")
    return None if number is None else f"MARKET-{number}"


def _status(fields: Fields) -> str | None:
    """Return the status without the reason that canceled orders have in it, such as canceled-post-only."""
    word = fields.text("status")
    return None if word is None else word.partition("-")[0] if word.startswith("canceled") else word


_ORDER = OrderShape(
    client_id=("client_order_id", "client_order_index"),
    venue_id=("order_id", "order_index"),
    details={
        "symbol": _market,
        "side": lambda fields: "sell" if fields.flag("is_ask") else "buy",
        "order_type": "type",
        "quantity": "initial_base_amount",
        "limit_price": "price",
        "stop_price": "trigger_price",
        "time_in_force": "time_in_force",
        "expire_at": "order_expiry",
        "reduce_only": "reduce_only",
        "currency": lambda _: "USDC",
    },
    placed_at="created_at",
    at="updated_at",
    status=_status,
    statuses=words(OPEN, DONE, INPROGRESS="PLACED", PENDING="PLACED"),
    filled="filled_base_amount",
    average=average_of("filled_quote_amount", "filled_base_amount"),
    reason="status",
)


def _trade(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return the fill of our side of a trade: the channel names the account."""
    account = (fields.text("_up._up.channel") or "").partition(":")[2]
    sides = {"ask": fields.text("ask_account_id"), "bid": fields.text("bid_account_id")}
    ours = [side for side, other in sides.items() if account and other == account]
    if len(ours) != 1:
        raise NotUnderstood("which side of the trade is ours is not told: it names no account, or both sides are")
    side = ours[0]
    is_maker = fields.flag("is_maker_ask") == (side == "ask")
    shape = FillShape(
        client_id=(f"{side}_client_id_str", f"{side}_client_id"),
        venue_id=(f"{side}_id_str", f"{side}_id"),
        fill_id=("trade_id_str", "trade_id"),
        quantity="size",
        price="price",
        details={"symbol": _market, "side": lambda _: side, "currency": lambda _: "USDC"},
        at="timestamp",
        liquidity=lambda _: is_maker,
    )
    return read_fill(fields, shape, defaults)


VENUE = Venue(
    kind="lighter",
    name="LIGHTER",
    records=(
        Record("order", ("order_index", "initial_base_amount", "status"), _ORDER),
        Record(
            "trade",
            ("ask_id", "bid_id", "price", "size"),
            _trade,
            test=lambda fields: (fields.text("_up._up.channel") or "").startswith("account"),
        ),
    ),
    asides=(
        Aside(("ask_id", "bid_id"), "trades of the whole market"),
        Aside(("accounts",), "account balances"),
        Aside(("assets",), "account balances"),
        Aside(("stats",), "account balances"),
        Aside(("positions",), "positions"),
        Aside(("order_books",), "market data"),
        Aside(("order_book_details",), "market data"),
        Aside(("order_book",), "an order book"),
        Aside(("asks", "bids"), "an order book"),
        Aside(("order_id", "remaining_base_amount"), "an order book"),
        Aside(("code",), "nothing is in it"),
    ),
)
