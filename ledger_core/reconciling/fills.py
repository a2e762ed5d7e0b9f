"""Executions: which are missing here, which differ, and which of ours the broker does not list."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs

from ledger_core._frozen import FrozenDict
from ledger_core.commands import Operation
from ledger_core.model import Fee, Fill, Order, PositionSide, RecordKind, position_key, split_quantity
from ledger_core.numbers import ZERO, plus, time_text
from ledger_core.reconciling.archived import OF_FILLS, archived_order_of, compare_archived_fill, waits
from ledger_core.reconciling.book import Book, Executed, Listing, Listings
from ledger_core.reconciling.results import Comparison, Results, told
from ledger_core.reconciling.snapshot import BrokerExecution, BrokerOrder

_LATEST = datetime.max.replace(tzinfo=UTC)

ORDER_UNKNOWN = (
    "its order is neither here nor among the orders listed: record the order and then the fill; "
    "update_order_fill alone files it in quarantine"
)
MAY_BE_ARCHIVED = f"{ORDER_UNKNOWN}; or it is in an archive: the broker names it by its own id alone"
OTHER_FIGURES = "correct_order_fill books a correction, once the broker has named its id"
OTHER_FEES = "update_fill_fee sets what it cost"


@attrs.frozen(kw_only=True)
class _Target:
    """The order that an execution belongs to: ours, or one that the snapshot introduces."""

    order_id: str
    order: Order | None
    listing: Listing | None

    @property
    def known_as(self) -> Order | BrokerOrder:
        """What is known of the order: ours, else what the broker lists."""
        if self.order is not None:
            return self.order
        assert self.listing is not None, "a target is an order here or one that is listed"
        return self.listing.theirs


def compare_fills(book: Book, listings: Listings, results: Results) -> Executed:
    """Compare the snapshot's executions with our fills, and our fills of the time that they span with them."""
    new: dict[str, dict[str, BrokerExecution]] = {}
    confirmed: dict[str, Decimal] = {}
    waiting: dict[str, Decimal] = {}
    listed: set[tuple[str, str]] = set()
    first: dict[tuple[str, str], BrokerExecution] = {}
    for execution in book.snapshot.executions or ():
        archived_as = archived_order_of(book, listings, execution)
        if archived_as:
            compare_archived_fill(book, archived_as, execution, results)
            continue
        target = _target(book, listings, execution)
        fill = _fill(book, target, execution)
        if target is None or fill is None:
            order_id = target.order_id if target else ""
            refusal = _refusal(book, target, execution)
            other = first.setdefault((order_id or execution.reference, execution.fill_id), execution)
            if target is not None and book.waiting(order_id, execution) is not None:
                waiting[order_id] = plus(waiting.get(order_id, ZERO), execution.quantity)
            if other is not execution:
                if all(getattr(other, name) == getattr(execution, name) for name in ("quantity", "price", "fees")):
                    continue
                refusal = "the broker lists it twice, with other figures: nothing is proposed"
                new.get(order_id, {}).pop(execution.fill_id, None)
            elif not refusal:
                new.setdefault(order_id, {})[execution.fill_id] = execution
            _missing(target, execution, refusal, results)
            continue
        if fill.key not in listed and not fill.busted:
            assert target.order is not None, "it has a fill here"
            counted = split_quantity(fill.quantity, fill.economic_order, target.order.splits)
            confirmed[fill.order_id] = plus(confirmed.get(fill.order_id, ZERO), counted)
        listed.add((fill.order_id, fill.fill_id))
        _compare(fill, execution, results)
    _propose(new, results)
    _unlisted(book, listed, results)
    executions = {order_id: tuple(fills.values()) for order_id, fills in new.items() if fills}
    return Executed(new=executions, confirmed=confirmed, waiting=waiting, listed=frozenset(listed))


def _target(book: Book, listings: Listings, execution: BrokerExecution) -> _Target | None:
    """Return the order that our id names, else the listed one that the venue's id names, else any of ours that has it.

    The list comes first because venues use ids again: it says which order has the id now.
    """
    order = book.order(execution.order_id) if execution.order_id is not None else None
    if order is None:
        listing = listings.of(execution)
        if listing is not None:
            return _Target(order_id=listing.order_id, order=listing.order, listing=listing)
        order = book.find(None, execution.venue_order_id, execution.symbol, None)
    if order is None:
        return None
    return _Target(order_id=order.order_id, order=order, listing=listings.of_order(order.order_id))


def _fill(book: Book, target: _Target | None, execution: BrokerExecution) -> Fill | None:
    """Return our fill of an execution: the fill of its id, or the one that a correction of its id corrected."""
    if target is None or target.order is None:
        return None
    fill_id = target.order.corrections.get(execution.fill_id, execution.fill_id)
    return book.fills(target.order_id).get(fill_id)


def _refusal(book: Book, target: _Target | None, execution: BrokerExecution) -> str:
    """Say why an execution that is missing here is not proposed; nothing where it is."""
    waiting = book.waiting(target.order_id if target else None, execution)
    if waiting is not None:
        return waits(waiting)
    if target is None:
        return MAY_BE_ARCHIVED if book.has_archived else ORDER_UNKNOWN
    if target.listing is not None and target.listing.conflict:
        return target.listing.conflict
    ours = target.known_as
    if execution.symbol not in (None, ours.symbol):
        return f"its symbol is {execution.symbol!r}, that of its order {ours.symbol!r}"
    if execution.side is not None and execution.side.is_buy != ours.side.is_buy:
        return f"its side is {execution.side}, that of its order {ours.side}"
    opening = book.opening(position_key(ours.symbol, *book.place_of(ours), ours.position_side or PositionSide.NET))
    if opening is not None and execution.executed_at is not None and execution.executed_at < opening.executed_at:
        until = time_text(opening.executed_at)
        return f"the history of its position up to {until} is in archives, the last of them {opening.archive_id!r}"
    return ""


def _missing(target: _Target | None, execution: BrokerExecution, refusal: str, results: Results) -> None:
    order_id = (target.order_id if target else "") or execution.reference
    results.missing_here.append(
        Comparison(
            subject=RecordKind.FILL,
            key=(order_id, execution.fill_id),
            theirs=told(execution, *OF_FILLS),
            note=refusal,
        )
    )


def _compare(fill: Fill, execution: BrokerExecution, results: Results) -> None:
    """Compare a fill with its execution; of a corrected one, the version that is named may be listed, or the last."""
    named = next(one for one in fill.executions if one.fill_id == execution.fill_id)
    figures = (execution.quantity, execution.price)
    version = named if (named.quantity, named.price) == figures else fill
    fields = [name for name in ("quantity", "price") if getattr(version, name) != getattr(execution, name)]
    if execution.side is not None and execution.side.is_buy != fill.side.is_buy:
        fields.append("side")
    if execution.symbol not in (None, fill.symbol):
        fields.append("symbol")
    notes = [OTHER_FIGURES] if fields else []
    if fill.busted:
        fields.append("busted")
        notes = ["it was busted here, and the broker lists it"]
    elif execution.fees is not None and _paid(execution.fees) != _paid(fill.fees):
        late_fee = not fill.fees and not execution.fee_in_base and not fields
        fields.append("fees")
        if late_fee:
            fees = tuple(FrozenDict(amount=fee.amount, currency=fee.currency) for fee in execution.fees)
            results.reports.append(
                results.proposal(
                    Operation.UPDATE_FILL_FEE,
                    "the broker says what it cost",
                    order_id=fill.order_id,
                    fill_id=fill.fill_id,
                    fees=fees,
                )
            )
        else:
            notes.append(OTHER_FEES)
    results.compared(
        Comparison(
            subject=RecordKind.FILL,
            key=(fill.order_id, execution.fill_id),
            ours=told(fill, *OF_FILLS),
            theirs=told(execution, *OF_FILLS),
            fields=tuple(fields),
            note="; ".join(notes),
        )
    )


def _paid(fees: Sequence[Fee]) -> list[tuple[str, Decimal]]:
    return sorted((fee.currency, fee.amount) for fee in fees if fee.amount)


def _propose(new: dict[str, dict[str, BrokerExecution]], results: Results) -> None:
    """Propose the missing executions in the order of time, those without a time last."""
    ordered = [(order_id, execution) for order_id, fills in new.items() for execution in fills.values()]
    ordered.sort(key=lambda item: item[1].executed_at or _LATEST)
    for order_id, execution in ordered:
        data = dict(attrs.asdict(execution, recurse=False))
        data.pop("order_id")
        if execution.fees is not None:
            data["fees"] = tuple(FrozenDict(amount=fee.amount, currency=fee.currency) for fee in execution.fees)
        given = {name: value for name, value in data.items() if value is not None}
        results.fills.append(
            results.proposal(
                Operation.UPDATE_ORDER_FILL,
                "the broker executed it",
                order_id=order_id,
                fill_data=FrozenDict(given),
            )
        )


def _unlisted(book: Book, listed: set[tuple[str, str]], results: Results) -> None:
    """Find our fills of the time that the executions span which the broker does not list."""
    executed = [one.executed_at for one in book.snapshot.executions or () if one.executed_at is not None]
    if not executed:
        return
    last = max(executed)
    until = None if last == _LATEST else last + timedelta(microseconds=1)
    for fill in book.source.find_fills(since=min(executed), until=until, limit=None):
        covered = book.snapshot.covers(fill.venue, fill.account)
        if covered and not fill.busted and not fill.inferred and fill.key not in listed:
            results.missing_there.append(
                Comparison(
                    subject=RecordKind.FILL,
                    key=fill.key,
                    ours=told(fill, *OF_FILLS),
                    note="bust_order_fill takes it back, if the broker says that it did not happen",
                )
            )
