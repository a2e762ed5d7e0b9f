"""The venues whose own messages are read: orders, executions and streams as their interfaces send them.

One module a venue: a table of what its records are known by, and of which field means what. `BY_KIND` has them all.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger_interop.importing.facts import Message
from ledger_interop.importing.shapes import Defaults
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.venues import (
    architect,
    betfair,
    binance,
    bitmex,
    bybit,
    coinbase,
    deribit,
    derive,
    dydx,
    hyperliquid,
    korean,
    kraken,
    lighter,
    okx,
    poloniex,
    polymarket,
    zerodha,
)
from ledger_interop.importing.walking import messages_in

BY_KIND: Mapping[str, Venue] = {
    venue.kind: venue
    for venue in (
        architect.VENUE,
        betfair.VENUE,
        binance.VENUE,
        korean.BITHUMB,
        bitmex.VENUE,
        bybit.VENUE,
        coinbase.VENUE,
        korean.COINONE,
        deribit.VENUE,
        derive.VENUE,
        dydx.VENUE,
        hyperliquid.VENUE,
        korean.KORBIT,
        kraken.VENUE,
        lighter.VENUE,
        okx.VENUE,
        poloniex.VENUE,
        polymarket.VENUE,
        zerodha.VENUE,
    )
}

__all__ = ["BY_KIND", "Venue", "read_documents"]


def read_documents(
    venue: Venue, documents: Iterable[tuple[str, Any]], defaults: Defaults | None = None
) -> Iterator[Message]:
    """Generate the messages of a venue's documents, given as (place, JSON value)."""
    known = venue.completed(defaults or Defaults())
    for place, document in documents:
        yield from messages_in(document, place, venue.records, venue.asides, known)
