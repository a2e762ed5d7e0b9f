"""One moment of a ledger, read page by page while its bot goes on writing.

A snapshot is the end of each strategy's journal when it was taken. Entries behind it are not read. Records are read as
they are now; what an entry behind the end has changed since is left out of its page, and folded from the journal up to
the end once the pages are through. So nothing is locked or copied, no write-ahead log is held back, and memory grows
with nothing but what the bot changes meanwhile. Journals of several strategies have nothing in common, and so neither
have their ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import attrs

from ledger_core import (
    Adjustment,
    Entry,
    Fill,
    Head,
    LedgerReader,
    Order,
    Position,
    StrategyLedger,
    Trade,
)
from ledger_core.changes import Change
from ledger_core.checks import check_optional_time
from ledger_core.errors import Archived, InvalidValue
from ledger_core.evolve import evolve
from ledger_core.model import Key, Record, RecordKind, key_behind
from ledger_core.numbers import time_text
from ledger_core.repository import PAGE_SIZE_MAX, occurred_at_of, sort_key

Source = LedgerReader | StrategyLedger
"""What is exported: all strategies of a store, or one."""


@attrs.frozen
class Part:
    """A strategy, and where its journal ended."""

    ledger: StrategyLedger
    head: Head

    @property
    def strategy_id(self) -> str:
        """The strategy."""
        return self.ledger.strategy_id

    @property
    def document(self) -> dict[str, Any]:
        """The moment, JSON-ready: `verify` takes its sequence and digest."""
        recorded_at = self.head.recorded_at
        return {
            "strategy_id": self.strategy_id,
            "sequence": self.head.sequence,
            "digest": self.head.digest,
            "recorded_at": None if recorded_at is None else time_text(recorded_at),
        }


@attrs.frozen(kw_only=True)
class Snapshot:
    """A moment of one or several strategies; `since` (inclusive) and `until` bound what had happened by then."""

    parts: tuple[Part, ...]
    since: datetime | None = None
    until: datetime | None = None
    _positions: dict[str, Mapping[Key, Position]] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    @property
    def length(self) -> int:
        """How many entries the journals have together."""
        return sum(part.head.sequence for part in self.parts)

    def rows(self, kind: RecordKind | None) -> Iterator[tuple[str, Any]]:
        """Generate (strategy_id, record) of a kind, None for entries, in the order of each journal.

        What was changed while it was read comes last. `since` and `until` bound no positions.
        """
        for part in self.parts:
            found: Iterator[Any]
            if kind is None:
                found = self._entries(part)
            elif kind is RecordKind.POSITION:
                found = iter(self.positions(part).values())
            else:
                found = _Records(part, kind, self.since, self.until).read()
            for record in found:
                yield part.strategy_id, record

    def positions(self, part: Part) -> Mapping[Key, Position]:
        """Return every position of a strategy by its key; the journal is folded once, and they are few."""
        if part.strategy_id not in self._positions:
            self._positions[part.strategy_id] = positions_at(part)
        return self._positions[part.strategy_id]

    def _entries(self, part: Part) -> Iterator[Entry]:
        for entry in entries_until(part.ledger, part.head):
            if is_within(entry.occurred_at, self.since, self.until):
                yield entry


def snapshot_of(
    source: Source,
    *,
    strategies: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Snapshot:
    """Return the present moment of a ledger, or of a reader's strategies: all, or those named."""
    begin, end = check_optional_time(since, "since"), check_optional_time(until, "until")
    ledgers = (
        [source] if isinstance(source, StrategyLedger) else [source.strategy(name) for name in source.strategies()]
    )
    known = [ledger.strategy_id for ledger in ledgers]
    for name in strategies or ():
        if name not in known:
            held = ", ".join(known) or "no strategy"
            raise InvalidValue(f"no strategy {name!r} here; there is {held}", argument="strategies", value=name)
    wanted = [ledger for ledger in ledgers if strategies is None or ledger.strategy_id in strategies]
    return Snapshot(parts=tuple(Part(ledger, ledger.head()) for ledger in wanted), since=begin, until=end)


def entries_until(ledger: StrategyLedger, head: Head, after: int = 0) -> Iterator[Entry]:
    """Generate the entries above `after`, up to a head."""
    if after >= head.sequence:
        return
    for entry in ledger.read_journal(after):
        yield entry
        if entry.sequence >= head.sequence:
            return


def positions_at(part: Part) -> Mapping[Key, Position]:
    """Return every position, flat ones included, by its key: folded from the journal, for no question gives them."""
    folded: dict[Key, Record] = {one.key: one for one in part.ledger.archivist.records_at_cut(RecordKind.POSITION)}
    for entry in entries_until(part.ledger, part.head):
        for change in entry.changes:
            if change.kind is RecordKind.POSITION:
                before = folded.get(change.key)
                after = evolve(before, change, sequence=entry.sequence, recorded_at=entry.recorded_at)
                folded[change.key] = after
    return {key: cast(Position, folded[key]) for key in sorted(folded)}


def is_within(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    """Say whether a time lies within bounds."""
    return (since is None or (moment is not None and moment >= since)) and (
        until is None or (moment is not None and moment < until)
    )


class _Records:
    """The records of one kind as they were at the end of a part."""

    def __init__(self, part: Part, kind: RecordKind, since: datetime | None, until: datetime | None) -> None:
        self._part = part
        self._kind = kind
        self._since, self._until = since, until
        self._looked_through = part.head.sequence
        self._touched: set[Key] = set()
        self._deferred: dict[Key, int] = {}  # and the entry that each was born in
        self._gone: dict[Key, tuple[Any, ...] | None] = {}  # archived behind the end, and where the pages were then

    def read(self) -> Iterator[Record]:
        head = self._part.head.sequence
        last: Record | None = None
        while head:
            page = self._page(last)
            self._look(last)
            for record in page:
                if record.sequence <= head and record.key not in self._deferred and record.key not in self._gone:
                    yield record
            if len(page) < PAGE_SIZE_MAX or page[-1].sequence > head:
                break
            last = page[-1]
        yield from self._folded()

    def _page(self, after: Record | None) -> list[Any]:
        ledger: Any = self._part.ledger
        find = {
            RecordKind.ORDER: ledger.find_orders,
            RecordKind.FILL: ledger.find_fills,
            RecordKind.TRADE: ledger.find_trades,
            RecordKind.ADJUSTMENT: ledger.find_adjustments,
        }[self._kind]
        return list(find(since=self._since, until=self._until, limit=PAGE_SIZE_MAX, after=after))

    def _look(self, before_page: Record | None) -> None:
        """Put off what was changed behind the end, unless an earlier page had it as it was.

        A record that is in no page may have been moved out of the bounds by its change, so it is put off as well.
        """
        for entry in self._part.ledger.read_journal(self._looked_through):
            self._looked_through = entry.sequence
            for change in entry.changes:
                gone = _archived(change, self._kind)
                if gone is not None and gone not in self._touched:
                    self._touched.add(gone)
                    self._gone[gone] = None if before_page is None else sort_key(before_page)
                is_changed = change.kind is self._kind and change.version > 1  # else it was born behind the end
                if is_changed and change.key not in self._touched:
                    try:
                        record = self._now(change.key)
                    except Archived:
                        continue  # by a later entry, which puts it off
                    self._touched.add(change.key)
                    is_ahead = before_page is None or sort_key(record) > sort_key(before_page)
                    if record.sequence <= self._part.head.sequence and is_ahead:
                        self._deferred[change.key] = record.sequence

    def _now(self, key: Key) -> Order | Fill | Trade | Adjustment:
        ledger = self._part.ledger
        match self._kind:
            case RecordKind.ORDER:
                return ledger.get_order(key[0])
            case RecordKind.FILL:
                return ledger.get_fill(key[0], key[1])
            case RecordKind.TRADE:
                return ledger.get_trade(key[0])
            case _:
                raise AssertionError(f"a {self._kind} never changes")

    def _folded(self) -> Iterator[Record]:
        if not self._deferred and not self._gone:
            return
        at_cut = self._part.ledger.archivist.records_at_cut(self._kind)
        folded = {one.key: one for one in at_cut if one.key in self._deferred or one.key in self._gone}
        first = 1 if self._gone else min(self._deferred.values())  # when what is gone was born, is gone with it
        for entry in entries_until(self._part.ledger, self._part.head, first - 1):
            for change in entry.changes:
                gone = _archived(change, self._kind)
                if gone is not None:
                    folded.pop(gone, None)
                if change.kind is self._kind and (change.key in self._deferred or change.key in self._gone):
                    before = folded.get(change.key)
                    after = evolve(before, change, sequence=entry.sequence, recorded_at=entry.recorded_at)
                    folded[change.key] = after
        for record in sorted(folded.values(), key=sort_key):
            before_page = self._gone.get(record.key)
            if before_page is not None and sort_key(record) <= before_page:
                continue  # an earlier page had it
            if is_within(occurred_at_of(record), self._since, self._until):
                yield record


def _archived(change: Change, kind: RecordKind) -> Key | None:
    """Return the key of a record of this kind that a change let go to an archive."""
    if change.kind is not RecordKind.ARCHIVED or change.key[0] != kind or change.values.get("is_restored"):
        return None
    return key_behind(change.key[1])
