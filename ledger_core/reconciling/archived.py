"""What the broker lists and an archive holds: known by its id, not compared, and never proposed."""

from ledger_core._frozen import FrozenDict
from ledger_core.model import QuarantinedFact, RecordKind
from ledger_core.reconciling.book import Book, Listing, Listings
from ledger_core.reconciling.results import Comparison, Results, told
from ledger_core.reconciling.snapshot import BrokerExecution

_OF_ORDERS = ("symbol", "side", "quantity", "cum_quantity", "status", "venue", "account", "venue_order_id")
OF_FILLS = ("quantity", "price", "side", "symbol", "fees", "executed_at")
"""What is told of an execution."""

OPEN_THERE = "it ended here and is open there: cancel it there, or record it as a new order"


def compare_archived_order(listing: Listing, results: Results) -> None:
    """Find an order that is in an archive: it is over here, so only one that is open there differs."""
    is_over = listing.theirs.has_ended
    note = "its figures are not compared" if is_over else OPEN_THERE
    results.compared(
        Comparison(
            subject=RecordKind.ORDER,
            key=(listing.order_id,),
            ours=FrozenDict(archive_id=listing.archive_id),
            theirs=told(listing.theirs, *_OF_ORDERS),
            fields=() if is_over else ("status",),
            note=f"it is in archive {listing.archive_id!r}: {note}",
        )
    )


def archived_order_of(book: Book, listings: Listings, execution: BrokerExecution) -> str:
    """Return the order in an archive that an execution belongs to; nothing where it belongs to none."""
    if execution.order_id is not None and book.archive_of(execution.order_id):
        return execution.order_id
    listing = listings.of(execution)
    return listing.order_id if listing is not None and listing.archive_id else ""


def compare_archived_fill(book: Book, order_id: str, execution: BrokerExecution, results: Results) -> None:
    """Find an execution of an order that is in an archive: there, too, or else missing here."""
    archive_id = book.archive_of(order_id)
    key, theirs = (order_id, execution.fill_id), told(execution, *OF_FILLS)
    waiting = book.waiting(order_id, execution)
    if waiting is None and book.is_fill_archived(*key):
        ours = FrozenDict(archive_id=archive_id)
        note = f"it is in archive {archive_id!r}: its figures are not compared"
        results.compared(Comparison(subject=RecordKind.FILL, key=key, ours=ours, theirs=theirs, note=note))
        return
    note = f"its order is in archive {archive_id!r}, without a fill of this id: restore it, and compare again"
    if waiting is not None:
        note = waits(waiting)
    results.missing_here.append(Comparison(subject=RecordKind.FILL, key=key, theirs=theirs, note=note))


def waits(fact: QuarantinedFact) -> str:
    """Say where an execution waits."""
    return f"it waits in quarantine as {fact.quarantine_id} ({fact.code}): resolve_quarantined decides on it"
