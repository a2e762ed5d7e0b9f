"""The status as flat rows, one for each thing of each section: for CSV and JSON Lines."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from ledger_cli.listing import Listing, number, one_row, text
from ledger_cli.orders import quantity
from ledger_cli.picture import Picture
from ledger_cli.reading import Found


@attrs.frozen(kw_only=True)
class Item:
    """One thing of one section; None is what it has not."""

    section: str
    ledger: str | None = None
    strategy_id: str | None = None
    id: str | None = None
    venue_order_ids: str | None = None
    symbol: str | None = None
    side: str | None = None
    quantity: Decimal | str | None = None
    price: Decimal | None = None
    status: str | None = None
    since: datetime | None = None
    note: str | None = None


ITEMS: Listing[Item] = Listing(
    tuple(
        number(field.name) if field.name in ("quantity", "price") else text(field.name) for field in attrs.fields(Item)
    ),
    one_row(attrs.astuple),
)
"""Everything of the status, one thing a row."""


def items_of(picture: Picture) -> Iterator[Item]:
    """Return everything that the status shows."""
    for section, orders in (("in_doubt", picture.in_doubt), ("working", picture.working)):
        for one in orders:
            order = one.record
            yield attrs.evolve(
                _of(section, one),
                id=order.order_id,
                venue_order_ids=", ".join(order.venue_order_ids),
                symbol=order.symbol,
                side=order.side.value,
                quantity=quantity(order),
                price=order.limit_price,
                status=order.status.value,
                since=order.placed_at,
                note=order.reason,
            )
    for asked in picture.requests:
        request = asked.record
        yield attrs.evolve(
            _of("request", asked),
            id=request.order_id,
            status=request.state.value,
            since=request.requested_at,
            note=request.request_kind.value,
        )
    for held in picture.positions:
        position = held.record
        yield attrs.evolve(
            _of("position", held),
            symbol=position.symbol,
            side=position.position_side.value,
            quantity=position.quantity,
            price=position.average_price,
            since=position.opened_at,
        )
    for net in picture.exposures:
        yield Item(section="exposure", symbol=net.symbol, quantity=net.net_quantity, price=net.average_price)
    for told in picture.facts:
        fact = told.record
        yield attrs.evolve(
            _of("quarantine", told),
            id=fact.quarantine_id,
            venue_order_ids=fact.venue_order_id,
            symbol=fact.symbol,
            side=fact.side.value if fact.side else None,
            quantity=fact.quantity,
            status=fact.code,
            since=fact.recorded_at,
            note=fact.message,
        )


def _of(section: str, found: Found[Any]) -> Item:
    return Item(section=section, ledger=found.ledger, strategy_id=found.strategy_id)
