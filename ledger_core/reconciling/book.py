"""Which order of ours the broker means: by our id, else by the venue's id in the same symbol."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import attrs

from ledger_core.checks import ID_LENGTH_MAX
from ledger_core.commands import Operation
from ledger_core.errors import Archived, InvalidValue, UnknownFill, UnknownOrder, UnknownTrade
from ledger_core.model import (
    Fill,
    Key,
    Opening,
    Order,
    Position,
    PositionSide,
    QuarantinedFact,
    RecordKind,
    position_key,
)
from ledger_core.reconciling.results import LedgerSource
from ledger_core.reconciling.snapshot import BrokerExecution, BrokerOrder, Snapshot, agrees

LISTED_TWICE = "the broker lists it several times as open: nothing is concluded"
NO_FREE_ID = "no id is free for it here: record it by hand"
MAY_BE_ARCHIVED = "it has ended, and the broker names it by its own id alone: it may be in an archive"


@attrs.frozen(kw_only=True)
class Listing:
    """An order that the broker lists, and the order of ours that it is.

    `order` is None for one that is unknown here, which would be recorded as `order_id`. A `conflict` says why nothing
    is concluded; `fields` are those that make it another order than ours. One that is in an archive has the
    `archive_id`.
    """

    theirs: BrokerOrder
    order: Order | None = None
    order_id: str
    fields: tuple[str, ...] = ()
    conflict: str = ""
    archive_id: str = ""


@attrs.frozen(kw_only=True)
class Executed:
    """What the snapshot's executions say, order by order.

    `new` are those that are proposed, `confirmed` is how much of what is filled here the broker lists too, `waiting`
    how much of what it lists waits in quarantine, and `listed` names the fills of ours that it lists, as (order_id,
    fill_id).
    """

    new: Mapping[str, Sequence[BrokerExecution]]
    confirmed: Mapping[str, Decimal]
    waiting: Mapping[str, Decimal]
    listed: frozenset[tuple[str, str]]


class Book:
    """What a reconciliation looks up in the ledger, each order once."""

    def __init__(self, source: LedgerSource, snapshot: Snapshot, *, has_archived: bool) -> None:
        """Look up in a ledger what a snapshot names."""
        self.source = source
        self.snapshot = snapshot
        self.has_archived = has_archived
        self._archives: dict[str, str] = {}
        self._orders: dict[str, Order | None] = {}
        self._at_venue: dict[str, list[Order]] = {}
        self._fills: dict[str, dict[str, Fill]] = {}
        self._waiting: dict[str, list[QuarantinedFact]] = {}
        self._executed_at: dict[str | None, datetime] = {}  # of the last execution, by the venue's id of the order
        for one in snapshot.executions or ():
            if one.executed_at is not None:
                known = self._executed_at.get(one.venue_order_id, one.executed_at)
                self._executed_at[one.venue_order_id] = max(known, one.executed_at)
        for fact in source.quarantined():
            if fact.operation == Operation.UPDATE_ORDER_FILL:
                self._waiting.setdefault(fact.fact["fill"]["fill_id"], []).append(fact)

    def order(self, order_id: str) -> Order | None:
        """Return an order of ours, or None, also of one that is in an archive."""
        if order_id not in self._orders:
            self._orders[order_id] = None
            try:
                self._orders[order_id] = self.source.get_order(order_id)
            except UnknownOrder:
                pass
            except Archived as known:
                self._archives[order_id] = known.archive_id
        return self._orders[order_id]

    def archive_of(self, order_id: str | None) -> str:
        """Return the archive that an order of ours is in; nothing where it is in none."""
        if order_id is None or self.order(order_id) is not None:
            return ""
        return self._archives.get(order_id, "")

    def is_fill_archived(self, order_id: str, fill_id: str) -> bool:
        """Say whether a fill of an order that is in an archive is there, too."""
        try:
            self.source.get_fill(order_id, fill_id)
        except Archived as known:
            return known.context.get("kind") is RecordKind.FILL
        except (UnknownOrder, UnknownFill):  # restored meanwhile, as where the fill is found
            pass
        return False

    def may_be_archived(self, theirs: BrokerOrder) -> bool:
        """Say whether an order that is unknown here may be in an archive, which keeps no id that a venue gave.

        What was executed since the live history of its position began is in none, if its position is one of ours.
        """
        if not (self.has_archived and theirs.has_ended and theirs.order_id is None):
            return False
        since = self._executed_at.get(theirs.venue_order_id)
        if since is None:
            return True
        key = position_key(theirs.symbol, *self.place_of(theirs), theirs.position_side or PositionSide.NET)
        found = self._position(key)
        if found is None or found.key != key:  # it may be of any of those that fit
            return True
        return found.opening is not None and since <= found.opening.executed_at

    def opening(self, key: Key) -> Opening | None:
        """Return where the live history of a position begins, if a part of it is in archives."""
        found = self._position(key) if self.has_archived else None
        return None if found is None or found.key != key else found.opening

    def _position(self, key: Key) -> Position | None:
        """Return what fits a position's key, parts of which may not be known here; None for what cannot be added."""
        symbol, venue, account, side = key
        try:
            return self.source.get_position(
                symbol, venue=venue or None, account=account or None, position_side=PositionSide(side)
            )
        except InvalidValue:
            return None

    def place_of(self, ours: Order | BrokerOrder) -> tuple[str | None, str | None]:
        """Return (venue, account) of an order of ours, or of one that the snapshot introduces."""
        if isinstance(ours, Order):
            return ours.venue, ours.account
        return ours.venue or self.snapshot.venue, ours.account or self.snapshot.account

    def find(
        self, order_id: str | None, venue_order_id: str | None, symbol: str | None, venue: str | None
    ) -> Order | None:
        """Return the order of ours that the broker means; venues use ids again, so the newest of several is meant."""
        known = self.order(order_id) if order_id is not None else None
        if known is not None or venue_order_id is None:
            return known
        if venue_order_id not in self._at_venue:
            found = self.source.find_orders(venue_order_id=venue_order_id, limit=None)
            self._at_venue[venue_order_id] = list(found)
        candidates = (
            order
            for order in self._at_venue[venue_order_id]
            if agrees(symbol, order.symbol) and agrees(venue or self.snapshot.venue, order.venue)
        )
        return max(candidates, key=lambda order: order.sequence, default=None)

    def fills(self, order_id: str) -> Mapping[str, Fill]:
        """Return the fills of an order of ours, by their ids."""
        if order_id not in self._fills:
            found = self.source.find_fills(order_id=order_id, limit=None)
            self._fills[order_id] = {fill.fill_id: fill for fill in found}
        return self._fills[order_id]

    def waiting(self, order_id: str | None, execution: BrokerExecution) -> QuarantinedFact | None:
        """Return the fact in quarantine that reported an execution."""
        named = {order_id, execution.order_id} - {None}
        for fact in self._waiting.get(execution.fill_id, ()):
            by_venue = fact.venue_order_id is not None and fact.venue_order_id == execution.venue_order_id
            if fact.order_id in named or (by_venue and agrees(execution.symbol, fact.symbol)):
                return fact
        return None

    def is_free(self, order_id: str) -> bool:
        """Say whether an order could be recorded under an id; orders and trades share one namespace."""
        if len(order_id) > ID_LENGTH_MAX or self.order(order_id) is not None or self.archive_of(order_id):
            return False
        try:
            self.source.get_trade(order_id)
        except UnknownTrade:
            return True
        except Archived:
            pass
        return False


class Listings:
    """The orders of a snapshot, one listing for each order that is meant."""

    def __init__(self, book: Book) -> None:
        """Match every order that the snapshot lists."""
        self._book = book
        known: dict[str, list[BrokerOrder]] = {}
        unknown: dict[tuple[str | None, ...], list[BrokerOrder]] = {}
        for theirs in book.snapshot.open_orders or ():
            order = book.find(theirs.order_id, theirs.venue_order_id, theirs.symbol, theirs.venue)
            if order is None:
                by_venue = (theirs.venue_order_id, theirs.symbol, theirs.venue)
                unknown.setdefault((theirs.order_id,) if theirs.order_id else by_venue, []).append(theirs)
            elif not _is_superseded(order, theirs):
                known.setdefault(order.order_id, []).append(theirs)
        self.all: list[Listing] = [self._known(order_id, listed) for order_id, listed in known.items()]
        self._taken: set[str] = set()
        self.all.extend(self._unknown(listed) for listed in unknown.values())
        self._by_order_id: dict[str, Listing] = {}
        self._by_venue_order_id: dict[str, list[Listing]] = {}
        for listing in self.all:
            for name in (listing.order_id, listing.theirs.order_id):
                if name:
                    self._by_order_id[name] = listing
            if listing.theirs.venue_order_id is not None:
                self._by_venue_order_id.setdefault(listing.theirs.venue_order_id, []).append(listing)

    def of(self, execution: BrokerExecution) -> Listing | None:
        """Return the listed order that an execution belongs to."""
        named = self._by_order_id.get(execution.order_id or "")
        if named is not None and agrees(execution.symbol, named.theirs.symbol):
            return named
        at_venue = self._by_venue_order_id.get(execution.venue_order_id or "", ())
        fitting = [listing for listing in at_venue if agrees(execution.symbol, listing.theirs.symbol)]
        return fitting[0] if len(fitting) == 1 else None

    def of_order(self, order_id: str) -> Listing | None:
        """Return how an order of ours, or one that would be recorded under this id, is listed."""
        return self._by_order_id.get(order_id)

    def _known(self, order_id: str, listed: Sequence[BrokerOrder]) -> Listing:
        theirs, conflict = _one_of(listed)
        order = self._book.order(order_id)
        assert order is not None, "it was found under this id"
        fields = [name for name in ("symbol",) if theirs.symbol != order.symbol]
        if theirs.side.is_buy != order.side.is_buy:
            fields.append("side")
        if fields:
            conflict = "another order has its id there: nothing is concluded"
        return Listing(theirs=theirs, order=order, order_id=order_id, fields=tuple(fields), conflict=conflict)

    def _unknown(self, listed: Sequence[BrokerOrder]) -> Listing:
        theirs, conflict = _one_of(listed)
        archive_id = self._book.archive_of(theirs.order_id)
        if theirs.order_id is not None and archive_id:
            return Listing(theirs=theirs, order_id=theirs.order_id, archive_id=archive_id)
        if self._book.may_be_archived(theirs):
            conflict = conflict or MAY_BE_ARCHIVED
        named = f"EXT-{theirs.venue_order_id}", f"EXT-{theirs.symbol}-{theirs.venue_order_id}"
        wanted: Iterable[str] = (theirs.order_id,) if theirs.order_id else named
        free = (name for name in wanted if name not in self._taken and self._book.is_free(name))
        order_id = next(free, "")
        self._taken.add(order_id)
        return Listing(theirs=theirs, order_id=order_id, conflict=conflict or ("" if order_id else NO_FREE_ID))


def _one_of(listed: Sequence[BrokerOrder]) -> tuple[BrokerOrder, str]:
    """Return what counts of one order that is listed several times: the one that is open; and what is unclear."""
    at_work = [theirs for theirs in listed if not theirs.has_ended]
    return (at_work or listed)[-1], LISTED_TWICE if len(at_work) > 1 else ""


def _is_superseded(order: Order, theirs: BrokerOrder) -> bool:
    """Say whether an end is that of an id which a replace left behind: the order lives on under another."""
    return theirs.has_ended and theirs.venue_order_id in order.venue_order_ids[:-1]
