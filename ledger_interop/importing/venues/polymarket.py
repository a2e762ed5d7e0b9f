"""Polymarket: orders and trades of the CLOB and its user channel. A token is an instrument, a share costs 0 to 1."""

from typing import Any

from ledger_core.lifecycle import OrderState, RequestKind
from ledger_interop.importing.facts import AnyFact, Bust, Ending, NamedOrder, RequestRefusal
from ledger_interop.importing.fields import Fields, NotUnderstood, items_of
from ledger_interop.importing.readers import OPEN, acknowledged, words
from ledger_interop.importing.shapes import ENDED, Defaults, FillShape, OrderShape, read_fill
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.walking import Aside, Record

_FAILED = "FAILED"
"""The status of a trade that was matched and could not be settled on the chain: it is void."""


def _status(fields: Fields) -> str | None:
    """Return the status without the reason behind it, as in `CANCELED_order couldn't be fully filled`."""
    word = fields.value("status")
    return word.partition("_")[0].strip() if isinstance(word, str) else None


_ORDER = OrderShape(
    venue_id=("id", "orderID"),
    details={
        "symbol": "asset_id",
        "side": "side",
        "order_type": lambda _: "limit",
        "quantity": "original_size",
        "limit_price": "price",
        "time_in_force": "order_type",
        "expire_at": lambda fields: fields.time("expiration") if fields.id("expiration") else None,
        "currency": lambda _: "USDC",
    },
    placed_at="created_at",
    at=("timestamp", "created_at"),
    status=_status,
    statuses=words(OPEN, MATCHED="FILLED", CANCELED="CANCELED", INVALID="CANCELED", UNMATCHED=ENDED, DELAYED="PLACED"),
    filled="size_matched",
    average="price",
    stands_for_fills=False,  # at which price is told by trades only
)


def _trade(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return the fills of a trade that are ours: the taker's order, or those of the makers' that have our owner."""
    if fields.word("trader_side") == "MAKER":
        owner = fields.text("trade_owner", "owner")
        ours = [part for part in fields.parts("maker_orders") if part.text("owner") == owner]
        if not ours:
            raise NotUnderstood("none of the makers' orders is of the owner whom it names")
        found = [_maker_fill(fields, part, defaults) for part in ours]
        return tuple(fact for facts in found for fact in facts)
    shape = _shape("taker_order_id", "size", "price", "side", liquidity=False)
    return _settled(fields, read_fill(fields, shape, defaults))


def _maker_fill(fields: Fields, part: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    taker_side = fields.word("side")
    same_token = part.text("asset_id") == fields.text("asset_id")
    opposite = "SELL" if taker_side == "BUY" else "BUY"
    side = part.text("side") or (opposite if same_token else taker_side)  # the other outcome is matched by minting
    merged = Fields({**fields.source, **part.source, "_side": side}, fields.zone)
    shape = _shape("order_id", "matched_amount", "price", "_side", liquidity=True)
    return _settled(fields, read_fill(merged, shape, defaults))


def _shape(order_id: str, quantity: str, price: str, side: str, *, liquidity: bool) -> FillShape:
    return FillShape(
        venue_id=order_id,
        fill_id="id",
        quantity=quantity,
        price=price,
        details={"symbol": "asset_id", "side": side, "order_type": lambda _: "limit", "currency": lambda _: "USDC"},
        at=("match_time", "timestamp"),
        liquidity=lambda _: liquidity,
    )


def _settled(fields: Fields, facts: tuple[AnyFact, ...]) -> tuple[AnyFact, ...]:
    if fields.word("status") != _FAILED:
        return facts
    fill: Any = facts[0]
    return (Bust(order=fill.order, at=fields.time("last_update", "timestamp"), fill_id=fill.fill_id, reason=_FAILED),)


def _canceled(fields: Fields, _: Defaults) -> tuple[AnyFact, ...]:
    names = fields.value("canceled")
    ended = [
        Ending(order=NamedOrder(venue_id=name), state=OrderState.CANCELED)
        for name in (names if isinstance(names, list) else [])
        if isinstance(name, str)
    ]
    refused = [
        RequestRefusal(order=NamedOrder(venue_id=name), kind=RequestKind.CANCEL, reason=str(reason)[:200])
        for name, reason in items_of(fields.value("not_canceled"))
    ]
    return (*ended, *refused)


VENUE = Venue(
    kind="polymarket",
    name="POLYMARKET",
    records=(
        Record("trade", ("taker_order_id", "maker_orders", "asset_id", "size"), _trade),
        Record("order", ("original_size", "asset_id", "status"), _ORDER),
        Record("canceled orders", ("canceled",), _canceled, test=lambda f: isinstance(f.value("canceled"), list)),
        Record(
            "acknowledgement",
            ("success", "orderID"),
            acknowledged(venue_id="orderID"),
            test=lambda fields: fields.flag("success") is True,
        ),
    ),
    asides=(
        Aside(("proxyWallet",), "trades or positions of the whole market"),
        Aside(("market", "fee_rate_bps", "price", "size"), "trades of the whole market"),
        Aside(("salt", "signer"), "an order as it is signed: its amounts are raw units of two tokens"),
        Aside(("success",), "it refuses an order and does not say which"),
        Aside(("error",), "an error that names no order"),
        Aside(("avgPrice",), "positions"),
    ),
)
