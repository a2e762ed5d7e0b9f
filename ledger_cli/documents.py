"""Records as JSON: every stored field under its own name, what derives from them, and numbers as decimal text.

Numbers are text because JSON's are read as floating point by most programs, which loses digits.
"""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import attrs

from ledger_core import Entry, Exposure, Fill, Order, Position, Trade
from ledger_core.codec import dump_values, field_names
from ledger_core.numbers import decimal_text

Document = dict[str, Any]


def of_order(strategy_id: str, order: Order, fills: Iterable[Fill] | None = None) -> Document:
    """Return an order with its requests and, where they were asked for, its fills."""
    document = {
        "strategy_id": strategy_id,
        **_stored(order),
        "status": order.status.value,
        "is_open": order.is_open,
        "leaves_quantity": _text(order.leaves_quantity),
        "pending_quantity": _text(order.pending_quantity),
        "average_price": _text(order.average_price),
        "missing_quantity": _text(order.missing_quantity),
        "requests": [_stored(request) for request in order.requests],
    }
    if fills is not None:
        document["fills"] = [_stored(fill) for fill in fills]
    return document


def of_trade(strategy_id: str, trade: Trade) -> Document:
    """Return a trade with its figures."""
    return {
        "strategy_id": strategy_id,
        **_stored(trade),
        "symbol": trade.symbol,
        "direction": trade.direction.value,
        "entry_quantity": _text(trade.entry_quantity),
        "exit_quantity": _text(trade.exit_quantity),
        "open_quantity": _text(trade.open_quantity),
        "average_entry_price": _text(trade.average_entry_price),
        "average_exit_price": _text(trade.average_exit_price),
        "realized_pnl": _text(trade.realized_pnl),
        "currency": trade.currency,
    }


def of_position(strategy_id: str, position: Position) -> Document:
    """Return a position with its average price."""
    return {
        "strategy_id": strategy_id,
        **_stored(position),
        "average_price": _text(position.average_price),
        "money_currency": position.money_currency,
    }


def of_exposure(exposure: Exposure) -> Document:
    """Return the exposure of a symbol."""
    values = attrs.asdict(exposure, recurse=False)
    values["gross_quantity"] = exposure.gross_quantity
    values["unquantified_order_ids"] = list(exposure.unquantified_order_ids)
    return {name: _text(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def entry_text(entry: Entry) -> str:
    """Return an entry as JSON text: its digest, and its body byte for byte as it is stored.

    digest = sha256(the digest before, as 32 bytes, followed by the body), so whoever has the lines can check them.
    """
    return f'{{"digest":"{entry.digest}","body":{entry.body.decode()}}}'


def array(items: Iterable[Document]) -> Iterator[str]:
    """Write documents as one JSON array, a piece at a time."""
    return array_of_texts(json.dumps(item) for item in items)


def array_of_texts(items: Iterable[str]) -> Iterator[str]:
    """Write JSON texts as one JSON array, one item a line."""
    before = "["
    for item in items:
        yield f"{before}\n{item}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _stored(record: Any) -> Document:
    names = field_names(record.kind)
    return dump_values(record.kind, {name: getattr(record, name) for name in names})


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
