"""A plan to leave the market: which orders to cancel, and what to send to be flat. Nothing here sends anything.

Client ids follow from what the ledger holds: the same holdings give the same ids, so a plan that is made, or sent,
twice is one that a venue takes once. An id is 32 hexadecimal characters, which every known venue accepts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs

from ledger_cli import words
from ledger_cli.reading import Found

if TYPE_CHECKING:
    from ledger_core import Order, Position, QuarantinedFact

Document = dict[str, Any]

ID_PREFIX = "f1a7"
_ID_LENGTH = 32


@attrs.frozen
class Cancel:
    """An open order that is to be canceled, and the id of the request."""

    found: "Found[Order]"
    request_id: str


@attrs.frozen
class Close:
    """A position that is to be closed: the order's client id, its side and quantity."""

    found: "Found[Position]"
    client_id: str
    side: str
    quantity: Decimal

    @property
    def order_details(self) -> Document:
        """What `record_order` takes, before the order is sent."""
        position = self.found.record
        details = {
            "symbol": position.symbol,
            "side": self.side,
            "quantity": words.number(self.quantity),
            "order_type": "MARKET",
            "venue": position.venue,
            "account": position.account,
            "position_side": position.position_side.value if position.position_side.value != "NET" else None,
            "origin": "FLATTEN",
        }
        return {name: value for name, value in details.items() if value is not None}


@attrs.frozen(kw_only=True)
class Plan:
    """Cancels come first; the closing orders are right once every cancel is confirmed and its fills are booked."""

    cancels: Sequence[Cancel]
    closes: Sequence[Close]
    warnings: Sequence[str]


def plan_for(
    orders: "Iterable[Found[Order]]", positions: "Iterable[Found[Position]]", facts: "Iterable[Found[QuarantinedFact]]"
) -> Plan:
    """Return the plan that cancels these open orders and closes these positions."""
    cancels = [Cancel(found, _cancel_id(found)) for found in orders]
    closes = [
        Close(found, _close_id(found), "SELL" if found.record.quantity > 0 else "BUY", abs(found.record.quantity))
        for found in positions
    ]
    return Plan(cancels=cancels, closes=closes, warnings=list(_warnings(cancels, closes, list(facts))))


def _warnings(
    cancels: Sequence[Cancel], closes: Sequence[Close], facts: "Sequence[Found[QuarantinedFact]]"
) -> Iterator[str]:
    if cancels and closes:
        yield (
            "send the cancels first; when each is confirmed and its last fills are booked, make the plan again:"
            " only then are the closing quantities right"
        )
    doubtful = [cancel.found.record.order_id for cancel in cancels if cancel.found.record.state.value == "IN_DOUBT"]
    if doubtful:
        yield f"nobody knows whether the venue has these orders, so ask it, and cancel by our id: {', '.join(doubtful)}"
    if facts:
        yield f"{words.count(len(facts), 'fact')} in quarantine: what is held may not be what the ledger says"
    directions: defaultdict[tuple[str, str | None, str | None], set[bool]] = defaultdict(set)
    for close in closes:
        held = close.found.record
        directions[held.symbol, held.venue, held.account].add(held.quantity > 0)
    for (symbol, *_), signs in sorted(directions.items(), key=lambda item: item[0][0]):
        if len(signs) > 1:
            yield f"strategies hold {symbol} in opposite directions: each is closed for itself, the net would be less"


def as_json(plan: Plan) -> Document:
    """Return the plan with everything that is known of each step."""
    return {
        "cancels": [
            {
                **cancel.found.whose,
                "request_id": cancel.request_id,
                "order_id": cancel.found.record.order_id,
                "venue_order_ids": list(cancel.found.record.venue_order_ids),
                "symbol": cancel.found.record.symbol,
                "venue": cancel.found.record.venue,
                "account": cancel.found.record.account,
                "status": cancel.found.record.status.value,
                "leaves_quantity": words.number(cancel.found.record.leaves_quantity),
            }
            for cancel in plan.cancels
        ],
        "closes": [
            {
                **close.found.whose,
                "client_order_id": close.client_id,
                "position_quantity": words.number(close.found.record.quantity),
                "record_order": {"order_id": close.client_id, "order_details": close.order_details},
            }
            for close in plan.closes
        ],
        "warnings": list(plan.warnings),
    }


def as_ccxt(plan: Plan) -> Document:
    """Return the calls of ccxt's unified API; amounts are text, as ccxt's own precision functions take them."""
    return _calls(plan, _ccxt_cancel, _ccxt_close)


def as_alpaca(plan: Plan) -> Document:
    """Return the requests of Alpaca's Trading API v2."""
    return _calls(plan, _alpaca_cancel, _alpaca_close)


def as_ib(plan: Plan) -> Document:
    """Return the calls of Interactive Brokers' TWS API; our ids stand in `orderRef`."""
    return _calls(plan, _ib_cancel, _ib_close)


FORMS: Mapping[str, Callable[[Plan], Document]] = {
    "json": as_json,
    "ccxt": as_ccxt,
    "alpaca": as_alpaca,
    "ib": as_ib,
}
"""What a plan can be printed as, beside a table."""


def _calls(plan: Plan, cancel: Callable[[Cancel], Document], close: Callable[[Close], Document]) -> Document:
    return {
        "calls": [*(cancel(one) for one in plan.cancels), *(close(one) for one in plan.closes)],
        "warnings": list(plan.warnings),
    }


def _ccxt_cancel(cancel: Cancel) -> Document:
    order = cancel.found.record
    venue_id = order.venue_order_ids[-1] if order.venue_order_ids else None
    params = {} if venue_id is not None else {"clientOrderId": order.order_id}
    return {
        "exchange": order.venue,
        "method": "cancelOrder",
        "arguments": {"id": venue_id, "symbol": order.symbol, "params": params},
    }


def _ccxt_close(close: Close) -> Document:
    position = close.found.record
    params: Document = {"clientOrderId": close.client_id}
    if position.inverse or position.position_side.value != "NET":  # known to be a derivative
        params["reduceOnly"] = True
    if position.position_side.value != "NET":
        params["positionSide"] = position.position_side.value
    return {
        "exchange": position.venue,
        "method": "createOrder",
        "arguments": {
            "symbol": position.symbol,
            "type": "market",
            "side": close.side.lower(),
            "amount": words.number(close.quantity),
            "price": None,
            "params": params,
        },
    }


def _alpaca_cancel(cancel: Cancel) -> Document:
    order = cancel.found.record
    if order.venue_order_ids:
        return {"method": "DELETE", "path": f"/v2/orders/{order.venue_order_ids[-1]}"}
    return {
        "method": "GET",
        "path": "/v2/orders:by_client_order_id",
        "query": {"client_order_id": order.order_id},
        "then": "DELETE /v2/orders/{id of the answer}; 404 means that Alpaca never had it",
    }


def _alpaca_close(close: Close) -> Document:
    symbol = close.found.record.symbol
    return {
        "method": "POST",
        "path": "/v2/orders",
        "body": {
            "symbol": symbol,
            "qty": words.number(close.quantity),
            "side": close.side.lower(),
            "type": "market",
            "time_in_force": "gtc" if "/" in symbol else "day",  # crypto trades round the clock
            "client_order_id": close.client_id,
        },
    }


def _ib_cancel(cancel: Cancel) -> Document:
    order = cancel.found.record
    return {
        "call": "cancelOrder",
        "orderRef": order.order_id,
        "venue_order_id": order.venue_order_ids[-1] if order.venue_order_ids else None,
        "account": order.account,
    }


def _ib_close(close: Close) -> Document:
    position = close.found.record
    return {
        "call": "placeOrder",
        "contract": {
            "symbol": position.symbol,
            "exchange": position.venue or "SMART",
            "currency": position.currency,
            "multiplier": words.number(position.multiplier),
        },
        "order": {
            "action": close.side,
            "totalQuantity": words.number(close.quantity),
            "orderType": "MKT",
            "tif": "DAY",
            "account": position.account,
            "orderRef": close.client_id,
        },
    }


def _close_id(found: "Found[Position]") -> str:
    position = found.record
    return _id("close", found.strategy_id, *position.key, words.number(position.quantity), str(position.version))


def _cancel_id(found: "Found[Order]") -> str:
    return _id("cancel", found.strategy_id, found.record.order_id, str(found.record.version))


def _id(*parts: str | None) -> str:
    digest = sha256("\0".join(part or "" for part in parts).encode()).hexdigest()
    return (ID_PREFIX + digest)[:_ID_LENGTH]
