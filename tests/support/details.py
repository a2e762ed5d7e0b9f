"""Shorthands for what callers hand in; every keyword overrides or adds a key."""

from typing import Any


def limit_order(side: str = "BUY", quantity: object = 10, limit_price: object = 100, **more: Any) -> dict[str, Any]:
    """Return the details of a limit order in ACME."""
    return {
        "symbol": "ACME",
        "side": side,
        "order_type": "LIMIT",
        "quantity": quantity,
        "limit_price": limit_price,
        **more,
    }


def market_order(side: str = "BUY", quantity: object = 10, **more: Any) -> dict[str, Any]:
    """Return the details of a market order in ACME."""
    return {"symbol": "ACME", "side": side, "order_type": "MARKET", "quantity": quantity, **more}


def fill(fill_id: str, quantity: object, price: object = 100, **more: Any) -> dict[str, Any]:
    """Return the data of a fill."""
    return {"fill_id": fill_id, "quantity": quantity, "price": price, **more}
