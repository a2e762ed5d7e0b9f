"""Which entries of the journal are about one order or trade."""

from collections.abc import Iterable, Iterator

from ledger_core.changes import Entry
from ledger_core.checkpoints import base_of
from ledger_core.decide.draft import symbols_of
from ledger_core.errors import Archived, UnknownOrder
from ledger_core.model import Order, Record, RecordKind, Trade
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, Query, all_pages, archived_in
from ledger_core.vocabulary import AdjustmentKind


def history_of(repository: LedgerRepository, record_id: str, order: Order | None, trade: Trade | None) -> list[Entry]:
    """Return every entry that touched an order or trade, in order; the records are those of this id, if there are any.

    Raises UnknownOrder for an id that no entry names, and Archived for one whose entries were all cut.
    """
    entries: dict[int, Entry] = {}
    about = list(_found(repository, _facts_about(record_id, order)))
    elsewhere = _found(repository, _facts_about_orders_of(trade))
    own = (record_id, *_ids(about))  # what was decided on a fact by hand is told under the fact's own id
    for subject in (*own, *_others(order, trade), *_ids(elsewhere)):
        for entry in entries_after(repository, 0, subject):
            if subject in own or _touches(entry, record_id):
                entries[entry.sequence] = entry
    for entry in _entries_born_with(repository, about):
        entries[entry.sequence] = entry
    for entry in _entries_born_with(repository, _found(repository, _splits_of(order or trade))):
        if _touches(entry, record_id):
            entries[entry.sequence] = entry
    if not entries:
        _refuse_what_was_cut(repository, record_id, order or trade)
        raise UnknownOrder(f"no entry names {record_id!r}", order_id=record_id)
    return [entries[sequence] for sequence in sorted(entries)]


def entries_after(repository: LedgerRepository, after: int, subject: str | None = None) -> Iterator[Entry]:
    """Iterate over the entries with a sequence above `after`, of one subject or all of them, page by page."""
    while True:
        page = repository.read(after, PAGE_SIZE_MAX, subject)
        yield from page
        if len(page) < PAGE_SIZE_MAX:
            return
        after = page[-1].sequence


def _others(order: Order | None, trade: Trade | None) -> Iterator[str]:
    """Yield what else the entries may have as their subject: of an order its trades, of a trade its orders."""
    if order is not None:
        yield from order.trade_ids
    if trade is not None:
        yield from trade.order_ids


def _facts_about(record_id: str, order: Order | None) -> Iterator[Query]:
    """Yield where the facts in quarantine are that name an order, by its id or by the venue's."""
    yield Query(kind=RecordKind.QUARANTINE, where={"order_id": record_id})
    for venue_order_id in () if order is None else order.venue_order_ids:
        yield Query(kind=RecordKind.QUARANTINE, where={"venue_order_id": venue_order_id})


def _facts_about_orders_of(trade: Trade | None) -> Iterator[Query]:
    """Yield where the facts are that may have been booked by hand onto the orders of a trade."""
    for order_id in () if trade is None else trade.order_ids:
        yield Query(kind=RecordKind.QUARANTINE, where={"order_id": order_id})


def _splits_of(record: Order | Trade | None) -> Iterator[Query]:
    """Yield where the splits are that may have restated an order or trade: their entries are about the symbol."""
    for symbol in () if record is None else symbols_of(record):
        yield Query(kind=RecordKind.ADJUSTMENT, where={"symbol": symbol, "adjustment_kind": AdjustmentKind.SPLIT})


def _found(repository: LedgerRepository, queries: Iterable[Query]) -> Iterator[Record]:
    """Yield the records of several queries."""
    for query in queries:
        yield from all_pages(repository.find, query)


def _ids(records: Iterable[Record]) -> list[str]:
    return [record.key[0] for record in records]


def _entries_born_with(repository: LedgerRepository, records: Iterable[Record]) -> Iterator[Entry]:
    """Yield the entries that made records, as far as the journal still has them."""
    for record in records:
        yield from (one for one in repository.read(record.sequence - 1, 1) if one.sequence == record.sequence)


def _touches(entry: Entry, record_id: str) -> bool:
    return any(change.key[0] == record_id for change in entry.changes)


def _refuse_what_was_cut(repository: LedgerRepository, record_id: str, record: Record | None) -> None:
    """Raise Archived for what is known, but was last changed in an entry that is in an archive now."""
    base = base_of(repository)
    kinds = (RecordKind.ORDER, RecordKind.TRADE)
    is_known = record is not None or any(archived_in(repository, kind, (record_id,)) for kind in kinds)
    if base is not None and is_known:
        raise Archived(
            f"what happened to {record_id!r} lies before {base.cut_at.isoformat()}, and the journal up to there is in"
            f" archive {base.archive_id!r}: make one ledger of ledger and archives to see it",
            archive_id=base.archive_id,
        )
