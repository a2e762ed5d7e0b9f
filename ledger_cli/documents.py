"""Records as JSON: every stored field under its own name, what derives from them, and numbers as decimal text.

Numbers are text because JSON's are read as floating point by most programs, which loses digits.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger_core import Entry, Exposure, Fill, Order, Position, Trade

Document = dict[str, Any]


def of_order(order: "Order", fills: "Iterable[Fill] | None" = None) -> Document:
    """Return an order with its requests and, where they were asked for, its fills."""
    document = {
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


def of_record(record: Any) -> Document:
    """Return the stored fields of a record of any kind."""
    return _stored(record)


def of_trade(trade: "Trade") -> Document:
    """Return a trade with its figures."""
    return {
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


def of_position(position: "Position") -> Document:
    """Return a position with its average price."""
    return {
        **_stored(position),
        "average_price": _text(position.average_price),
        "money_currency": position.money_currency,
    }


def of_exposure(exposure: "Exposure") -> Document:
    """Return the exposure of a symbol."""
    import attrs

    values = attrs.asdict(exposure, recurse=False)
    values["gross_quantity"] = exposure.gross_quantity
    values["unquantified_order_ids"] = list(exposure.unquantified_order_ids)
    return {name: _text(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def of_answer(value: Any) -> Any:
    """Return a frozen value, such as a figure of a report, as JSON: numbers, times and seconds are text."""
    import attrs

    match value:
        case Decimal():
            return _text(value)
        case datetime():
            from ledger_core.numbers import time_text

            return time_text(value)
        case timedelta():
            return _text(Decimal(value // timedelta(microseconds=1)).scaleb(-6))
        case tuple() | list():
            return [of_answer(item) for item in value]
        case None | bool() | int() | str():
            return value
        case _:
            return {field.name: of_answer(getattr(value, field.name)) for field in attrs.fields(type(value))}


def entry_text(entry: "Entry") -> str:
    """Return an entry as JSON text: its digest, and its body byte for byte as it is stored.

    digest = sha256(the digest before, as 32 bytes, followed by the body), so whoever has the lines can check them.
    """
    return f'{{"digest":"{entry.digest}","body":{entry.body.decode()}}}'


def _stored(record: Any) -> Document:
    from ledger_core.codec import dump_values, field_names

    names = field_names(record.kind)
    return dump_values(record.kind, {name: getattr(record, name) for name in names})


def _text(value: Decimal | None) -> str | None:
    from ledger_core.numbers import decimal_text

    return None if value is None else decimal_text(value)
