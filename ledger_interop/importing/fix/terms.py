"""The order that a FIX message names, and its terms, by the tags that orders and reports share."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ledger_interop.importing.facts import NamedOrder
from ledger_interop.importing.fields import NotUnderstood, shown
from ledger_interop.importing.fix.parsing import FixMessage
from ledger_interop.importing.times import moment_of

_SIDES = {"1": "BUY", "2": "SELL", "3": "BUY", "4": "SELL", "5": "SELL_SHORT", "6": "SELL_SHORT"}
_ORDER_TYPES = {
    "1": "MARKET",
    "2": "LIMIT",
    "3": "STOP",
    "4": "STOP_LIMIT",
    "5": "MARKET_ON_CLOSE",
    "B": "LIMIT_ON_CLOSE",
    "P": "PEGGED",
}
_TIMES_IN_FORCE = {
    "0": "DAY",
    "1": "GTC",
    "2": "AT_OPEN",
    "3": "IOC",
    "4": "FOK",
    "6": "GTD",
    "7": "AT_CLOSE",
}
_PUT_OR_CALL = {"0": "P", "1": "C"}


def named_order(message: FixMessage) -> NamedOrder:
    """Return the order of a message.

    A request, and what answers it, carry the request's own ClOrdID (11), and in OrigClOrdID (41) the order's, or that
    of the request before it. So the older id of the two is the order's, where neither is known.
    """
    own, before = message.id("11"), message.id("41")
    venue_id = message.id("37")
    if own is None and before is None and venue_id is None:
        raise NotUnderstood("it names no order: ClOrdID (11) and OrderID (37) are missing")
    names = [name for name in (before, own) if name is not None]
    return NamedOrder(
        client_id=names[0] if names else None,
        other_ids=tuple(name for name in names[1:] if name != names[0]),
        venue_id=venue_id,
        details=details_of(message),
        placed_at=message.time() if message.kind == "D" else None,
    )


def details_of(message: FixMessage) -> Mapping[str, Any]:
    """Return keys of `order_details`."""
    side = message.get("54")
    if side is not None and side not in _SIDES:
        raise NotUnderstood(f"the Side (54) {shown(side)} is neither a purchase nor a sale")
    order_type = message.get("40")
    found = {
        "symbol": symbol_of(message),
        "side": _SIDES.get(side or ""),
        "order_type": None if order_type is None else _ORDER_TYPES.get(order_type, "OTHER"),
        "time_in_force": time_in_force_of(message),
        "expire_at": _expiry(message),
        "quantity": message.positive("38"),
        "cash_quantity": message.positive("152"),
        "limit_price": message.number("44") or None,
        "stop_price": message.number("99") or None,
        "account": message.id("1"),
        "venue": message.get("100") or message.get("207"),
        "currency": message.get("15"),
        "multiplier": message.positive("231"),
    }
    if found["order_type"] in ("MARKET", "STOP"):
        found["limit_price"] = None
    if found["quantity"] is not None or found["currency"] is None:
        found["cash_quantity"] = None
    elif found["cash_quantity"] is not None:
        found["cash_currency"] = found["currency"]
    return {name: value for name, value in found.items() if value is not None}


def terms_of(message: FixMessage) -> Mapping[str, Any]:
    """Return the terms that a replace asks for, or that a report says the order has: totals, not open amounts."""
    found = {
        "quantity": message.positive("38"),
        "limit_price": message.number("44") or None,
        "stop_price": message.number("99") or None,
        "time_in_force": time_in_force_of(message),
        "expire_at": _expiry(message),
    }
    if message.get("40") in ("1", "3"):
        found["limit_price"] = None
    return {name: value for name, value in found.items() if value is not None}


def symbol_of(message: FixMessage) -> str | None:
    """Return the symbol; of a future or option with its maturity, because one root has many contracts."""
    symbol = message.get("55")
    maturity = message.get("541") or message.get("200")
    if symbol is None or maturity is None or symbol.endswith(maturity):
        return symbol
    day = message.get("205")
    parts = [symbol, maturity if day is None or len(maturity) > 6 else f"{maturity}{day.zfill(2)}"]
    strike, right = message.get("202"), _PUT_OR_CALL.get(message.get("201") or "")
    if strike is not None and right is not None:
        parts.append(f"{strike}{right}")
    return "-".join(parts)


def time_in_force_of(message: FixMessage) -> str | None:
    """Return TimeInForce (59)."""
    word = message.get("59")
    return None if word is None else _TIMES_IN_FORCE.get(word, "OTHER")


def _expiry(message: FixMessage) -> datetime | None:
    value = message.get("126")
    if value is None:
        return None
    try:
        return moment_of(value, UTC)
    except ValueError as error:
        raise NotUnderstood(f"tag 126 {error}") from None
