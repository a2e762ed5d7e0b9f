"""Finding the order that a message names, by any id that anybody gave it: in this batch, in this import, in the ledger.

An order is found by its own id, by the id of a request to cancel or replace it (FIX gives each a ClOrdID of its own),
or by the venue's id. Venues number orders by symbol, so the venue's id is taken together with it. A message that names
an order in two ways makes both lead to it, for the rest of the import.
"""

from collections import OrderedDict
from collections.abc import Iterable
from decimal import Decimal

from ledger_core import Order, StrategyLedger, UnknownOrder
from ledger_core.errors import Archived
from ledger_interop.importing.booking.archived import ArchivedOrder, Archives, from_archives, from_journal
from ledger_interop.importing.booking.waiting import fill_name
from ledger_interop.importing.facts import NamedOrder

ORDERS_KEPT_MAX = 4_000
"""How many orders are kept at hand; more than a batch can touch."""
FOUND_MAX = 10
"""How many orders with one id of a venue are looked at."""

Alias = tuple[str, str]


class KnownOrders:
    """Orders as the last command left them, and the ids that lead to them."""

    def __init__(self, ledger: StrategyLedger, archives: Archives | None = None) -> None:
        """Start with nothing at hand."""
        self._ledger = ledger
        self._archives = archives
        self._orders: OrderedDict[str, Order] = OrderedDict()
        self._stale: set[str] = set()
        self._archived: dict[str, ArchivedOrder] = {}
        self._aliases: dict[Alias, list[str]] = {}
        self._aliases_of: dict[str, list[Alias]] = {}
        self._looked_up: set[Alias] = set()  # all orders that the ledger has by these are at hand
        self.learned: list[str] = []
        """Names that have led to an order since somebody looked: what waits for them can be booked."""
        self._fills: OrderedDict[tuple[str, str], Decimal | None] = OrderedDict()  # (fill_id, order_id)
        self._orders_of_fill: dict[str, list[str]] = {}
        # A ledger that was empty when the import began has no order that is not at hand: nothing is to be looked up.
        self._has_all = ledger.head().sequence == 0

    def find(self, named: NamedOrder) -> Order | None:
        """Return the order, or None where nobody has recorded it."""
        order = self._find(named)
        if order is not None:
            self.keep_names(order, named)
        return order

    def keep_names(self, order: Order, named: NamedOrder) -> None:
        """Let all names that a message has for an order lead to it; a reference may be that of many orders."""
        for name in (named.client_id, *named.other_ids, named.session_id):
            if name is not None and name != order.order_id:
                self._alias(("name", name), order.order_id)
        if named.venue_id is not None:
            self._alias(("venue", named.venue_id), order.order_id)

    def _find(self, named: NamedOrder) -> Order | None:
        names = [name for name in (named.client_id, *named.other_ids) if name is not None]
        for name in names:
            if (order := self.get(name)) is not None:
                return order
        if named.venue_id is not None and (order := self._at_venue(named, named.venue_id)) is not None:
            return order
        if named.reference is not None and (order := self.get(named.reference)) is not None:
            return order
        if named.session_id is not None and (order := self._in_session(named, named.session_id)) is not None:
            return order
        for name in names:
            if (order := self._called(named, name) or self._requested(name)) is not None:
                return order
        for recorded in (named.recorded_as, named.venue_id if named.client_id is None else None):
            if recorded is not None and (order := self.get(recorded)) is not None and _agrees(order, named):
                return order
        return None

    def get(self, order_id: str) -> Order | None:
        """Return the order of an id, also one that is in an archive, or None."""
        known = self._orders.get(order_id)
        if known is None and self._has_all:
            return None
        if known is not None and order_id not in self._stale:
            return known
        try:
            order = self._ledger.get_order(order_id)
        except UnknownOrder:
            return None
        except Archived:
            found = self._archived.get(order_id) or from_journal(self._ledger, order_id)
            if found is None and self._archives is not None:
                found = from_archives(self._archives, order_id)
            if found is None:
                raise
            self._archived[order_id], order = found, found.order
        return self.keep(order)

    def in_archives(self, named: NamedOrder, fill_id: str | None, *, is_before: bool) -> Order | None:
        """Return the order in an archive that the venue's id alone names; None where it is in none.

        A venue may give an id again: what is not from before the live history of its position has to be about an
        execution that is in the archive, too.
        """
        if self._archives is None or named.venue_id is None or named.client_id is not None:
            return None
        details = named.details
        side = details.get("side")
        order_id = self._archives.named(
            named.venue_id,
            symbol=named.symbol,
            is_buy=None if side is None else side == "BUY",
            venue=details.get("venue"),
        )
        order = None if order_id is None else self.get(order_id)
        archived = None if order is None else self.archived(order)
        if order is None or archived is None:
            return None
        if not is_before and (fill_id is None or not archived.has_fill(fill_id)):
            return None
        self.keep_names(order, named)
        return order

    def archived(self, order: Order) -> ArchivedOrder | None:
        """Return what the journal has of an order that is in an archive; None of any other."""
        return self._archived.get(order.order_id)

    def keep_new(self, order: Order, named: NamedOrder) -> Order:
        """Keep an order that was just recorded, with all the names that its message has for it."""
        self.keep(order)
        self.keep_names(order, named)
        return order

    def keep(self, order: Order) -> Order:
        """Keep an order as a command left it."""
        is_new = order.order_id not in self._orders
        self._stale.discard(order.order_id)
        if is_new:
            self.learned.append(order.order_id)
        self._orders[order.order_id] = order
        self._orders.move_to_end(order.order_id)
        recent = slice(None) if is_new else slice(-2, None)
        for venue_id in order.venue_order_ids[recent]:
            self._alias(("venue", venue_id), order.order_id)
        for request in order.requests[recent]:
            self._alias(("request", request.request_id), order.order_id)
        return order

    def learn_again(self, order: Order) -> None:
        """Tell all that waits for the order that more of it is known."""
        self.learned.append(order.order_id)
        self.learned.extend(name for _, name in self._aliases_of.get(order.order_id, ()))

    def keep_fill(self, fill_id: str, order_id: str, quantity: Decimal | None) -> None:
        """Keep whose fill an id is: what it cost may be told without its order. None: the ledger knows the quantity."""
        if (fill_id, order_id) not in self._fills:
            self.learned.append(fill_name(fill_id))
            self._orders_of_fill.setdefault(fill_id, []).append(order_id)
            self._fills[fill_id, order_id] = quantity
        elif quantity is not None:
            self._fills[fill_id, order_id] = quantity

    def quantity_of(self, order_id: str, fill_id: str) -> Decimal | None:
        """Return the quantity of a fill that this import booked; None for any other."""
        return self._fills.get((fill_id, order_id))

    def has_fill(self, order_id: str, fill_id: str) -> bool:
        """Whether an execution of the order was kept."""
        return (fill_id, order_id) in self._fills

    def of_fill(self, fill_id: str) -> Order | None:
        """Return the order of which an execution is; None where it is unknown, or not one order's alone."""
        found = set(self._orders_of_fill.get(fill_id, ()))
        if not found and not self._has_all:
            found = {fill.order_id for fill in self._ledger.find_fills(fill_id=fill_id, limit=2)}
        return self.get(found.pop()) if len(found) == 1 else None

    def trim(self) -> None:
        """Let go of the orders not used for longest; called between batches, when all are in the ledger."""
        while len(self._fills) > ORDERS_KEPT_MAX:
            (fill_id, order_id), _ = self._fills.popitem(last=False)
            self._orders_of_fill[fill_id].remove(order_id)
            if not self._orders_of_fill[fill_id]:
                del self._orders_of_fill[fill_id]
            self._has_all = False
        while len(self._orders) > ORDERS_KEPT_MAX:
            order_id, _ = self._orders.popitem(last=False)
            self._stale.discard(order_id)
            self._archived.pop(order_id, None)
            self._has_all = False
            for alias in self._aliases_of.pop(order_id, ()):
                self._looked_up.discard(alias)
                self._aliases[alias].remove(order_id)
                if not self._aliases[alias]:
                    del self._aliases[alias]

    def begin(self) -> None:
        """Look at each order again before it is used in the next batch: a bot may have written since."""
        self._stale.update(self._orders)

    def forget(self) -> None:
        """Let go of everything: what a batch said was not written."""
        self._orders.clear()
        self._stale.clear()
        self._archived.clear()
        self.learned.clear()
        self._aliases.clear()
        self._aliases_of.clear()
        self._looked_up.clear()
        self._fills.clear()
        self._orders_of_fill.clear()
        self._has_all = False

    def _at_venue(self, named: NamedOrder, venue_id: str) -> Order | None:
        alias = ("venue", venue_id)
        if self._is_to_look_up(alias):
            self._have_at_hand(alias, self._ledger.find_orders(venue_order_id=venue_id, limit=FOUND_MAX))
        found = [order for order in self._aliased(alias) if _agrees(order, named)]
        if len(found) > 1:  # one order that was recorded twice, before a message told that: the first stays
            found = [order for order in found if order.order_id in (named.recorded_as, venue_id)]
        return found[0] if len(found) == 1 else None

    def _in_session(self, named: NamedOrder, session_id: str) -> Order | None:
        """Return the order that has an id of a session, unless it is known by another id of the venue."""
        kept = [self.get(session_id), *self._aliased(("name", session_id))]
        found = {
            order.order_id: order
            for order in kept
            if order is not None
            and not any(contradictions(order, named))
            and (named.venue_id is None or not order.venue_order_ids or named.venue_id in order.venue_order_ids)
        }
        return found.popitem()[1] if len(found) == 1 else None

    def _called(self, named: NamedOrder, name: str) -> Order | None:
        kept = self._aliased(("name", name))
        found = [order for order in kept if not any(contradictions(order, named))]
        return found[0] if len(found) == 1 else None

    def _requested(self, request_id: str) -> Order | None:
        alias = ("request", request_id)
        if self._is_to_look_up(alias):
            self._have_at_hand(alias, self._ledger.find_orders(request_id=request_id, limit=2))
        found = self._aliased(alias)
        return found[0] if len(found) == 1 else None

    def _is_to_look_up(self, alias: Alias) -> bool:
        return not self._has_all and alias not in self._looked_up

    def _have_at_hand(self, alias: Alias, stored: Iterable[Order]) -> None:
        for order in stored:
            if order.order_id not in self._orders or order.order_id in self._stale:
                self.keep(order)
            self._looked_up.add(alias)

    def _aliased(self, alias: Alias) -> list[Order]:
        return [order for name in self._aliases.get(alias, ()) if (order := self.get(name)) is not None]

    def _alias(self, alias: Alias, order_id: str) -> None:
        names = self._aliases.setdefault(alias, [])
        if order_id not in names:
            names.append(order_id)
            self._aliases_of.setdefault(order_id, []).append(alias)
            self.learned.append(alias[1])


def contradictions(order: Order, named: NamedOrder) -> Iterable[str]:
    """Generate the fields of a message that contradict the order that it names."""
    symbol, side = named.details.get("symbol"), named.details.get("side")
    if symbol is not None and symbol != order.symbol:
        yield "symbol"
    if side is not None and (side == "BUY") != order.side.is_buy:
        yield "side"


def _agrees(order: Order, named: NamedOrder) -> bool:
    venue = named.details.get("venue")
    return (named.symbol is None or named.symbol == order.symbol) and (
        venue is None or order.venue is None or venue == order.venue
    )
