"""Telling what an order is past: facts without an id of their own, such as a suspension, that were booked long ago.

Fills and requests have ids, and an end ends once. But a suspension that is read again after the resumption would
suspend the order again. So these facts have a mark for each order: the time of the latest one. What is not after the
mark is past. Only what this very import booked may share its time with another.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from datetime import datetime
from decimal import Decimal

import attrs

from ledger_core import Entry, Order, RecordKind, StrategyLedger, UnknownOrder
from ledger_core.errors import Archived

MARKS_KEPT_MAX = 4_000

_MARKED = frozenset(
    {
        "update_order_suspension",
        "update_order_resumption",
        "update_order_guarantee",
        "update_order_done_for_day",
        "update_order_restatement",
        "update_order_replacement",
    }
)
GROWN = "as large as its fills"
OWN_QUANTITY = "the order's own quantity"
"""Why the import itself restates an order whose quantity no message had told: no mark."""
_ACCEPTANCE = "update_order_acceptance"
_REVISIONS = frozenset({"bust_order_fill", "correct_order_fill"})


@attrs.define
class _Mark:
    before: datetime | None = None
    during: datetime | None = None
    revised: datetime | None = None
    worked: datetime | None = None
    counted: Decimal | None = None
    is_sized: bool = False
    contents: set[Hashable] = attrs.field(factory=set)


class Past:
    """The marks of orders, made from the ledger's journal when they are first asked for."""

    def __init__(self, ledger: StrategyLedger) -> None:
        """Remember where the journal ends now: what is before counts as booked by somebody else."""
        self._ledger = ledger
        self._start = ledger.head().sequence
        self._base = ledger.archivist.base
        self._marks: OrderedDict[str, _Mark] = OrderedDict()

    def has(self, order: Order, at: datetime | None, content: Hashable) -> bool:
        """Whether the order is past a fact of this time and content."""
        mark = self._mark_of(order)
        if at is None:
            return mark.before is not None or content in mark.contents
        if mark.before is not None and at <= mark.before:
            return True
        if mark.during is None or at > mark.during:
            return False
        return at < mark.during or content in mark.contents

    def note(self, order: Order, at: datetime | None, content: Hashable) -> None:
        """Move the mark of an order: this was booked, or is so already."""
        mark = self._mark_of(order)
        if at is not None and (mark.during is None or at > mark.during):
            mark.during = at
            mark.contents.clear()
        mark.contents.add(content)

    def has_worked_since(self, order: Order, at: datetime | None) -> bool:
        """Whether the venue said that it works the order after a time: a suspension that is older is past."""
        worked = self._mark_of(order).worked
        return worked is not None and at is not None and at < worked

    def note_working(self, order: Order, at: datetime | None) -> None:
        """Note that the venue worked the order."""
        mark = self._mark_of(order)
        if at is not None:
            mark.worked = _later(mark.worked, at)

    def is_revised_since(self, order: Order, at: datetime | None, total: Decimal) -> bool:
        """Whether a total may count what was taken back: one from before a bust or correction, by its time or its size.

        Some venues give a bust the time of the execution that it takes back, so a later time proves nothing. A total
        does that is above all that was ever booked before: it was so when the fact was read first, too, whichever of
        the executions, the total and the bust a source tells first.
        """
        mark = self._mark_of(order)
        if mark.revised is not None and (at is None or at <= mark.revised):
            return True
        return mark.counted is not None and total <= mark.counted

    def note_revision(self, order: Order, at: datetime | None) -> None:
        """Note that an execution of the order, as it is before that, was busted or corrected."""
        mark = self._mark_of(order)
        mark.counted = _larger(mark.counted, order.cum_quantity)
        if at is not None:
            mark.revised = _later(mark.revised, at)

    def is_sized(self, order: Order) -> bool:
        """Whether the order's own quantity was told after it was recorded without one."""
        return self._mark_of(order).is_sized

    def note_size(self, order: Order) -> None:
        """Note that the order's own quantity was told."""
        self._mark_of(order).is_sized = True

    def forget(self) -> None:
        """Let go of all marks: what they were made of was not written."""
        self._marks.clear()

    def trim(self) -> None:
        """Let go of the marks not used for longest; the journal has what they are made of."""
        while len(self._marks) > MARKS_KEPT_MAX:
            self._marks.popitem(last=False)

    def _mark_of(self, order: Order) -> _Mark:
        mark = self._marks.get(order.order_id)
        if mark is None:
            mark = self._marks[order.order_id] = self._read(order)
        self._marks.move_to_end(order.order_id)
        return mark

    def _read(self, order: Order) -> _Mark:
        mark = _Mark()
        base = self._base
        if base is not None and order.sequence <= base.cut_sequence:
            # What was told until then is in an archive: whatever has no id of its own and is not later is past.
            mark.before = base.cut_at
            if order.corrections or any(fill.busted for fill in self._ledger.find_fills(order_id=order.order_id)):
                mark.revised = base.cut_at
        try:
            history = self._ledger.get_history(order.order_id)
        except (UnknownOrder, Archived):  # recorded in the batch that is not written yet, or long ago
            return mark
        counted: Decimal | None = None
        for entry in history:
            if entry.operation in _REVISIONS:
                mark.counted = counted
                mark.revised = _later(mark.revised, entry.occurred_at)
                if entry.sequence <= self._start:  # it may have opened the order again for what was past before
                    mark.before = _later(mark.before, entry.occurred_at)
            elif entry.operation == _ACCEPTANCE:
                mark.worked = _later(mark.worked, entry.occurred_at)
            elif entry.operation not in _MARKED or (reason := _reason(entry)) == GROWN:
                pass
            elif reason == OWN_QUANTITY:
                mark.is_sized = True
            elif entry.sequence <= self._start:
                mark.before = _later(mark.before, entry.occurred_at)
            else:
                mark.during = _later(mark.during, entry.occurred_at)
            for total in _totals_in(entry, order):
                counted = _larger(counted, total)
        return mark


def _totals_in(entry: Entry, order: Order) -> Iterator[Decimal]:
    for change in entry.changes:
        total = change.values.get("cum_quantity")
        if change.kind is RecordKind.ORDER and change.key == order.key and isinstance(total, Decimal):
            yield total


def _larger(known: Decimal | None, other: Decimal) -> Decimal:
    return other if known is None else max(known, other)


def _reason(entry: Entry) -> str | None:
    reasons = (change.facts.get("reason") for change in entry.changes)
    return next((reason for reason in reasons if reason is not None), None)


def _later(known: datetime | None, other: datetime) -> datetime:
    return other if known is None else max(known, other)
