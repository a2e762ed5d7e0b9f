"""How what waits for an answer is shown: requests to cancel or replace, and facts in quarantine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger_cli import documents
from ledger_cli.listing import Cell, Listing, age, number, one_row, text
from ledger_cli.reading import Found

if TYPE_CHECKING:
    from ledger_core import OrderRequest, QuarantinedFact


def _request(found: "Found[OrderRequest]") -> Sequence[Cell]:
    request = found.record
    return (
        request.requested_at,
        found.ledger,
        found.strategy_id,
        request.request_id,
        request.request_kind.value,
        request.state.value,
        request.reason,
    )


def _request_in_flight(found: "Found[OrderRequest]") -> Sequence[Cell]:
    request = found.record
    return (
        request.requested_at,
        found.ledger,
        found.strategy_id,
        request.order_id,
        request.request_kind.value,
        request.request_id,
        request.requested_at,
    )


def _fact(found: "Found[QuarantinedFact]") -> Sequence[Cell]:
    fact = found.record
    return (
        fact.recorded_at,
        found.ledger,
        found.strategy_id,
        fact.quarantine_id,
        fact.operation.removeprefix("update_order_"),
        fact.order_id,
        fact.venue_order_id,
        fact.symbol,
        fact.side.value if fact.side else None,
        fact.quantity,
        fact.message,
    )


REQUESTS: "Listing[Found[OrderRequest]]" = Listing(
    (
        text("requested_at", "requested"),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("request_id", "request"),
        text("request_kind", "kind"),
        text("state"),
        text("reason"),
    ),
    one_row(_request),
)
"""The requests of one order, whatever became of them."""

REQUESTS_IN_FLIGHT: "Listing[Found[OrderRequest]]" = Listing(
    (
        age(),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("order_id", "order"),
        text("request_kind", "asks to"),
        text("request_id", "request"),
        text("requested_at", "requested", rank=2),
    ),
    one_row(_request_in_flight),
    lambda found: {**found.whose, **documents.of_record(found.record)},
)
"""Requests without an answer."""

FACTS: "Listing[Found[QuarantinedFact]]" = Listing(
    (
        age(),
        text("ledger", varies=True),
        text("strategy_id", "strategy", varies=True),
        text("quarantine_id", "quarantine"),
        text("operation", "fact"),
        text("order_id", "order"),
        text("venue_order_id", "venue's id"),
        text("symbol"),
        text("side"),
        number("quantity"),
        text("message", "why it is not booked", rank=1, below=True),
    ),
    one_row(_fact),
    lambda found: {**found.whose, **documents.of_record(found.record)},
)
"""Facts in quarantine."""
