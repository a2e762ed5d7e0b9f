"""Orders: what the broker works and we do not know, what differs, and what we work and the broker does not list.

How an order ended is never guessed: what is proposed, the broker has said.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from ledger_core._frozen import FrozenDict
from ledger_core.commands import Operation
from ledger_core.lifecycle import ENDED_STATES, OrderState, OrderStatus
from ledger_core.model import Order, OrderRequest, OrderType, RecordKind, split_quantity
from ledger_core.numbers import ZERO, minus, plain, plus, total
from ledger_core.reconciling.archived import compare_archived_order
from ledger_core.reconciling.book import Book, Executed, Listing, Listings
from ledger_core.reconciling.results import Comparison, Results, told
from ledger_core.reconciling.snapshot import BrokerExecution, BrokerOrder

_FIELDS = (
    "symbol",
    "side",
    "quantity",
    "cum_quantity",
    "limit_price",
    "stop_price",
    "status",
    "venue",
    "account",
    "venue_order_id",
    "venue_order_ids",
)
_DETAILS = ("symbol", "side", "quantity", "limit_price", "stop_price", "position_side", "time_in_force")
_TERMS = ("quantity", "limit_price", "stop_price")
_REASON = "reconciled with the broker"

_UNANSWERED = frozenset({OrderState.PLACED, OrderState.IN_DOUBT})
_REFUSED_OR_GONE = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
_UNACKNOWLEDGED = frozenset({OrderStatus.PLACED, OrderStatus.IN_DOUBT}) | _REFUSED_OR_GONE
"""What a broker says of an order that it has not accepted, or that is gone: no acceptance is concluded from it."""

# What the broker may say of an order at work that nothing is proposed for, because it can be said in time only.
_NOTED = {
    OrderStatus.SUSPENDED: "update_order_suspension books that it is suspended there",
    OrderStatus.STOPPED: "update_order_guarantee books that its price is guaranteed there",
    OrderStatus.DONE_FOR_DAY: "update_order_done_for_day books that it is done for the day there",
}
_AT_WORK = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)

EXPLAINED = "the executions that are missing here complete it"
GONE = (
    "the broker does not list it as open and does not say how it ended: ask for the order's history, then "
    "update_order_cancellation, update_order_expiry, update_order_rejection or its fills"
)
CANCEL_ASKED = "a cancel is in flight, which may have been granted"
ENDED_HERE = "it ended here and is open there: nothing opens it again, so cancel it there or record it as a new order"
FILLED_HERE = "it is filled here and open there: the broker's list may be older, or a fill here may have been busted"
ENDED_OTHERWISE = "it ended otherwise here"
MISSING_FILLS = "fills have not arrived: ask for the order's executions"
TOO_SMALL = "more was executed than the quantity that the broker lists: update_order_restatement books it, if it is so"
SURPLUS = "more is filled here than the broker counts: a bust may not have arrived, or the list is older"
RESUMED = "update_order_resumption books that it works again"
RENEWED = "it is done for the day here: update_order_restatement books that it was renewed"


@attrs.frozen(kw_only=True)
class _Level:
    """How far an order is filled here once the missing executions are booked.

    `waiting` is what of the executions waits in quarantine, `unlisted` what is filled here and not among them.
    """

    after: Decimal
    waiting: Decimal
    unlisted: Decimal
    any_listed: bool

    @property
    def executed(self) -> Decimal:
        """All that is known to have been executed, booked or not."""
        return plus(self.after, self.waiting)

    def completes(self, quantity: Decimal | None) -> bool:
        """Say whether the order is complete once the missing executions are booked."""
        return quantity is not None and self.after >= quantity

    def outruns(self, theirs: BrokerOrder) -> bool:
        """Say whether the snapshot's executions may go on where its list of orders stopped."""
        return self.any_listed and (theirs.cum_quantity is None or theirs.cum_quantity >= self.unlisted)


@attrs.define(kw_only=True)
class _Verdict:
    """What was found of one order so far."""

    fields: list[str] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    reports: bool = False

    def differs(self, field: str, note: str = "", *, reports: bool = False) -> None:
        """Keep that a field differs, what to know of it, and whether a status report says it."""
        if field not in self.fields:
            self.fields.append(field)
        if note:
            self.notes.append(note)
        self.reports = self.reports or reports


def compare_orders(book: Book, listings: Listings, executed: Executed, results: Results) -> None:
    """Compare the orders that the broker lists with ours, and our open ones with those that it lists."""
    for listing in listings.all:
        if listing.archive_id:
            compare_archived_order(listing, results)
        elif listing.order is None:
            _introduce(book, listing, executed, results)
        elif listing.conflict:
            unclear = _Verdict(fields=list(listing.fields or ("venue_order_id",)), notes=[listing.conflict])
            _found(listing.order, listing.theirs, unclear, results)
        else:
            _compare(listing.order, listing.theirs, _level(listing.order, executed), results)
    if book.snapshot.open_orders is not None:
        known = {listing.order_id for listing in listings.all}
        for order in book.source.find_orders(is_open=True, limit=None):
            if order.order_id not in known:
                _unlisted(book, order, _level(order, executed), results)


def replaced_quantity(order: Order | None, executions: Sequence[BrokerExecution]) -> Decimal:
    """Return how much of an order's inferred fills the missing executions would take the place of."""
    if order is None or not order.inferred_quantity:
        return ZERO
    return min(order.inferred_quantity, total(one.quantity for one in executions))


def _level(order: Order, executed: Executed) -> _Level:
    executions = executed.new.get(order.order_id, ())
    added = total(_counted(order, one) for one in executions)
    confirmed = executed.confirmed.get(order.order_id, ZERO)
    return _Level(
        after=plain(minus(plus(order.cum_quantity, added), replaced_quantity(order, executions))),
        waiting=executed.waiting.get(order.order_id, ZERO),
        unlisted=minus(order.cum_quantity, confirmed),
        any_listed=bool(added or confirmed),
    )


def _counted(order: Order, execution: BrokerExecution) -> Decimal:
    """Return what an execution comes to after the splits that followed it; the latest fill follows every split."""
    if execution.executed_at is None:
        return execution.quantity
    return split_quantity(execution.quantity, (execution.executed_at, 2**63, 0), order.splits)


def _introduce(book: Book, listing: Listing, executed: Executed, results: Results) -> None:
    """Propose to record an order that is unknown here, as far as the broker has told it."""
    theirs = listing.theirs
    results.missing_here.append(
        Comparison(
            subject=RecordKind.ORDER,
            key=(listing.order_id or theirs.reference,),
            theirs=told(theirs, *_FIELDS),
            note=listing.conflict,
        )
    )
    if listing.conflict:
        return
    details = {
        **told(theirs, *_DETAILS, "venue_order_id"),
        "order_type": theirs.order_type or OrderType.OTHER,
        "origin": "EXTERNAL",
    }
    placed = {
        "venue": theirs.venue or book.snapshot.venue,
        "account": theirs.account or book.snapshot.account,
    }
    details.update((name, value) for name, value in placed.items() if value is not None)
    recording = results.proposal(
        Operation.RECORD_ORDER,
        "the broker has an order that is unknown here",
        order_id=listing.order_id,
        order_details=FrozenDict(details),
    )
    results.terms.append(recording)
    if theirs.status not in _UNACKNOWLEDGED:
        _accept(listing.order_id, theirs, results)
    executions = executed.new.get(listing.order_id, ())
    filled = plus(total(one.quantity for one in executions), executed.waiting.get(listing.order_id, ZERO))
    unexplained = theirs.cum_quantity is not None and theirs.cum_quantity > filled
    unfilled = theirs.status is OrderStatus.FILLED and filled < theirs.quantity
    if unexplained or unfilled or theirs.status in _REFUSED_OR_GONE:
        _report(listing.order_id, theirs, results)


def _compare(order: Order, theirs: BrokerOrder, level: _Level, results: Results) -> None:
    """Compare an order with its listing; propose what the broker says of it."""
    verdict = _Verdict()
    _compare_answer(order, theirs, verdict, results)
    quantity = order.quantity
    over_there = theirs.status in _REFUSED_OR_GONE or (theirs.has_ended and _is_done_for_good(order))
    if not over_there and order.state not in ENDED_STATES:  # new terms would open it again
        quantity = _compare_terms(order, theirs, level, verdict, results)
    complete = level.completes(quantity if quantity is not None else theirs.quantity)
    if theirs.has_ended:
        _compare_end(order, theirs, verdict, complete=complete)
    elif not (complete and level.outruns(theirs)):
        _compare_standing(order, theirs, verdict, complete=complete)
    if theirs.cum_quantity is not None:
        if theirs.cum_quantity > level.executed:
            verdict.differs("cum_quantity", MISSING_FILLS, reports=True)
        elif theirs.cum_quantity < level.unlisted:
            verdict.differs("cum_quantity", SURPLUS)
    if verdict.reports and not _is_reported(order, theirs):
        _report(order.order_id, theirs, results)
    _found(order, theirs, verdict, results)


def _compare_answer(order: Order, theirs: BrokerOrder, verdict: _Verdict, results: Results) -> None:
    """Compare whether the order was accepted, and under which id; a cash order's quantity comes with the answer."""
    accepted = order.state in _UNANSWERED and theirs.status not in _UNACKNOWLEDGED
    unanswered = order.state in _UNANSWERED and not accepted
    named = theirs.venue_order_id is not None and theirs.venue_order_id not in order.venue_order_ids
    if order.state is OrderState.REJECTED:
        return
    # An acceptance of an order that was refused is illegal: a second one, after the refusal, would be quarantined.
    reports = unanswered or theirs.status is OrderStatus.REJECTED
    sized = order.quantity is None and order.state not in ENDED_STATES and not reports
    if accepted:
        verdict.differs("status")
    if named:
        verdict.differs("venue_order_id", reports=reports)
    if sized:
        verdict.differs("quantity")
    if accepted or sized or (named and not reports):
        _accept(order.order_id, theirs, results, sized=sized)


def _compare_terms(
    order: Order, theirs: BrokerOrder, level: _Level, verdict: _Verdict, results: Results
) -> Decimal | None:
    """Compare quantity and prices; propose the broker's. Return the quantity that the order has then."""
    changes: dict[str, Any] = {}
    for name in _TERMS:
        ours, value = getattr(order, name), getattr(theirs, name)
        if name == "quantity" and (ours is None or theirs.quantity < level.executed):
            # A cash order's comes with its acceptance; one below what was executed would be clamped up to it.
            if ours not in (None, theirs.quantity, level.after):
                verdict.differs("quantity", TOO_SMALL)
        elif value is not None and value != ours:
            changes[name] = value
    asked = _asked_for(order, theirs, changes)
    if asked is not None and theirs.status is OrderStatus.PENDING_REPLACE:
        return order.quantity  # the broker shows what was asked for, and has yet to grant it
    for name in changes:
        verdict.differs(name)
    if asked is not None:
        results.terms.append(
            results.proposal(
                Operation.UPDATE_ORDER_REPLACEMENT,
                "the broker has the terms that were asked for",
                order_id=order.order_id,
                request_id=asked.request_id,
            )
        )
    elif changes:
        results.terms.append(
            results.proposal(
                Operation.UPDATE_ORDER_RESTATEMENT,
                "the broker has other terms",
                order_id=order.order_id,
                changes=FrozenDict(changes),
                reason=_REASON,
            )
        )
    quantity: Decimal | None = changes.get("quantity", order.quantity)
    return quantity


def _asked_for(order: Order, theirs: BrokerOrder, changes: Mapping[str, Any]) -> OrderRequest | None:
    """Return the replace in flight that asked for exactly what the broker has, where that differs from ours."""
    for request in order.requests if changes else ():
        if not request.is_in_flight or request.changes is None:
            continue
        asked = told(request.changes, *_TERMS)
        same = all(getattr(theirs, name) == value for name, value in asked.items())
        if same and changes.keys() <= asked.keys():
            return request
    return None


def _compare_end(order: Order, theirs: BrokerOrder, verdict: _Verdict, *, complete: bool) -> None:
    """Compare an order that the broker says has ended."""
    filled_there = theirs.status is OrderStatus.FILLED
    if order.is_open and not complete:
        verdict.differs("status", MISSING_FILLS if filled_there else "", reports=True)
    elif (filled_there and complete) or (not filled_there and _is_done_for_good(order)):
        return
    elif order.state.value != theirs.status:
        verdict.differs("status", ENDED_OTHERWISE)


def _compare_standing(order: Order, theirs: BrokerOrder, verdict: _Verdict, *, complete: bool) -> None:
    """Compare an order that the broker works."""
    status = theirs.status
    if order.state in ENDED_STATES:
        verdict.differs("status", ENDED_HERE)
    elif complete:
        verdict.differs("status", FILLED_HERE)
    elif status in _NOTED:
        if order.state.value != status:
            verdict.differs("status", _NOTED[status])
    elif status in _AT_WORK and order.state is OrderState.SUSPENDED:
        verdict.differs("status", RESUMED)
    elif status in _AT_WORK and _is_done_for_good(order):
        verdict.differs("status", RENEWED)


def _unlisted(book: Book, order: Order, level: _Level, results: Results) -> None:
    """Find an open order of ours that the broker does not list; one that it never answered is in doubt."""
    as_of = book.snapshot.as_of
    if not book.snapshot.covers(order.venue, order.account) or (as_of is not None and order.placed_at >= as_of):
        return
    notes = [EXPLAINED if level.completes(order.quantity) else GONE]
    if order.cancels_in_flight and notes == [GONE]:
        notes.append(CANCEL_ASKED)
    results.missing_there.append(
        Comparison(subject=RecordKind.ORDER, key=order.key, ours=told(order, *_FIELDS), note="; ".join(notes))
    )
    if order.state is OrderState.PLACED and not level.any_listed:
        results.reports.append(
            results.proposal(
                Operation.UPDATE_ORDER_IN_DOUBT,
                "the broker does not know it",
                order_id=order.order_id,
                reason="not among the broker's open orders",
            )
        )


def _is_done_for_good(order: Order) -> bool:
    """Say whether it is done for the day and does not outlive it."""
    return order.state is OrderState.DONE_FOR_DAY and not order.is_open


def _accept(order_id: str, theirs: BrokerOrder, results: Results, *, sized: bool = False) -> None:
    data: dict[str, Any] = dict(told(theirs, "venue_order_id"))
    if sized:
        data["quantity"] = theirs.quantity
    results.terms.append(
        results.proposal(
            Operation.UPDATE_ORDER_ACCEPTANCE,
            "the broker has accepted it",
            order_id=order_id,
            acceptance_data=FrozenDict(data),
        )
    )


def _report(order_id: str, theirs: BrokerOrder, results: Results) -> None:
    """Propose to keep what the broker says of an order: it books no quantity, and shows what has not arrived."""
    results.reports.append(
        results.proposal(
            Operation.REPORT_ORDER_STATUS,
            "the broker says so of it, and no execution does",
            order_id=order_id,
            report=told(theirs, "status", "cum_quantity", "venue_order_id"),
        )
    )


def _is_reported(order: Order, theirs: BrokerOrder) -> bool:
    """Say whether the same was reported before, and there is nothing in it that the order has not taken."""
    if order.report is None or (theirs.venue_order_id or "") not in ("", *order.venue_order_ids):
        return False
    reported = (order.report.status, order.report.cum_quantity)
    still_open = order.is_open and theirs.status in _REFUSED_OR_GONE
    return reported == (theirs.status, theirs.cum_quantity) and not still_open


def _found(order: Order, theirs: BrokerOrder, verdict: _Verdict, results: Results) -> None:
    results.compared(
        Comparison(
            subject=RecordKind.ORDER,
            key=order.key,
            ours=told(order, *_FIELDS),
            theirs=told(theirs, *_FIELDS),
            fields=tuple(verdict.fields),
            note="; ".join(dict.fromkeys(verdict.notes)),
        )
    )
