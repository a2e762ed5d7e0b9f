"""Reconcile: what a broker says it has against what the ledger holds, and what could be done about the difference.

    snapshot   what the broker says, checked      book        which order of ours is meant
    results    findings and proposals             orders, fills, positions   what is compared, each for itself
    archived   what is listed and is in an archive

Nothing is changed: a proposal is a call of the ledger that its caller may make.
"""

from ledger_core.reconciling.book import Book, Listings
from ledger_core.reconciling.fills import compare_fills
from ledger_core.reconciling.orders import compare_orders
from ledger_core.reconciling.positions import compare_positions
from ledger_core.reconciling.results import Comparison, LedgerSource, Proposal, Reconciliation, Results
from ledger_core.reconciling.snapshot import (
    BrokerExecution,
    BrokerOrder,
    BrokerPosition,
    Snapshot,
    broker_snapshot,
)

__all__ = [
    "BrokerExecution",
    "BrokerOrder",
    "BrokerPosition",
    "Comparison",
    "LedgerSource",
    "Proposal",
    "Reconciliation",
    "Snapshot",
    "broker_snapshot",
    "reconcile",
]


def reconcile(source: LedgerSource, snapshot: object, *, has_archived: bool = False) -> Reconciliation:
    """Compare a broker's snapshot with a ledger: {open_orders, executions, positions, as_of, venue, account}.

    A part that is left out was not asked of the broker; an empty list says that it has none. `has_archived` says that
    a part of the ledger's history may be in archives. Raises InvalidValue, with the path of what is malformed.
    """
    told = broker_snapshot(snapshot)
    results = Results(told.as_of)
    book = Book(source, told, has_archived=has_archived)
    listings = Listings(book)
    executed = compare_fills(book, listings, results)
    compare_orders(book, listings, executed, results)
    compare_positions(book, listings, executed, results)
    return results.reconciliation()
