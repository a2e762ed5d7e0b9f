"""One pass over the journal and the stored records, side by side, both in the order of sequences.

A record is stored at the sequence of its birth, so each entry meets the records that it gave birth to. One is held
until the fold has reached the version that is stored; then the two are compared, to the byte, and both are let go.
Memory thus holds what was alive at one time, and beyond HELD_MAX of that the keys are taken part by part
(`replaying`), in a pass each.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from math import inf
from operator import attrgetter
from typing import Any

from ledger_core import replaying
from ledger_core.changes import Head
from ledger_core.checkpoints import PASSING, Folded, records_at, restored_at
from ledger_core.codec import record_digest
from ledger_core.errors import StorageCorrupt, StorageError
from ledger_core.findings import Finding, Report
from ledger_core.model import ArchivedRecord, Checkpoint, Key, Order, Record, RecordKind
from ledger_core.numbers import ZERO, load_decimal, minus, plus, time_text, times
from ledger_core.replaying import PARTS_MAX, Part, RawChange, StoredStream, Walk, body_of
from ledger_core.repository import LedgerRepository, RawEntry, StoredRecord, archived_in

Name = tuple[RecordKind, Key]

_BESIDE = ("strategy_id", "sequence", "recorded_at", "subject")
"""What is stored beside a body, in the order of these names."""


class _Held(Folded):
    """A record that is not complete yet, with what is stored of it; of an order, with the sums over its fills."""

    __slots__ = ("filled", "has_sums", "is_torn", "stored", "value")

    def __init__(self, change: RawChange, sequence: int, recorded_at: str, stored: "_Stored | None") -> None:
        kind, key, version, values = change
        super().__init__(kind, key, sequence, recorded_at, values, version)
        self.stored = stored
        self.is_torn = False  # a change of it was in an entry that cannot be read
        self.has_sums = True
        self.filled = ZERO
        self.value = ZERO

    @property
    def is_complete(self) -> bool:
        return self.stored is not None and self.version >= self.stored.version


class _Archived:
    """What stayed of a record that moved to an archive, in place of what would be stored of it."""

    def __init__(self, known: ArchivedRecord) -> None:
        self._known = known
        self.version = known.record_version

    def differences(self, expected: Record) -> Mapping[str, tuple[Any, Any]]:
        digest = record_digest(expected)
        return {} if digest == self._known.digest else {"digest": (digest, self._known.digest)}


_Stored = StoredRecord | _Archived


class Pass:
    """One pass over journal and records, side by side, over the keys of one part."""

    def __init__(
        self,
        repository: LedgerRepository,
        report: Report,
        end: Head | None,
        *,
        part: Part | None = None,
        counted_to: int = 0,
        base: Checkpoint | None = None,
    ) -> None:
        """Verify up to `end`; what is found up to `counted_to` was counted by an earlier pass."""
        self._repository = repository
        self._report = report
        self._base = base
        self._unclaimed: dict[Name, StoredRecord] = {}  # stored, but archived when the journal was cut: came back since
        self._end = end.sequence if end is not None else None
        self._is_first = part is None
        self._part = part or Part()
        self._counted_to = counted_to
        self._divisions: list[tuple[int, int]] = []  # (after this sequence, into so many parts)
        self._held: dict[Name, _Held] = {}
        # What cannot be read is reported by the first pass.
        skipped = report if self._is_first else Report()
        self._streams = {kind: StoredStream(repository, kind, skipped) for kind in RecordKind}
        self._is_incomplete = False  # an entry was missing or unreadable: the fold cannot be held against records
        self._reported: set[Name] = set()
        self._sequence = 0
        self._recorded_at = ""
        self.records = 0

    def run(self, walk: Walk) -> None:
        """Compare everything."""
        if self._base is not None:
            self._begin(self._base)
        begun_at = self._sequence
        for raw in walk:
            if raw.sequence <= begun_at:
                continue  # what is left of it is to be cut
            self._report.is_muted = raw.sequence <= self._counted_to
            if raw.sequence != self._sequence + 1:
                self._lose(raw.sequence - 1)
            self._sequence = raw.sequence
            self._entry(raw)
            if self._is_first:
                self._divide()
            if self._end is not None and raw.sequence >= self._end and not self._is_waiting():
                break
        self._report.is_muted = False
        self._is_incomplete |= walk.has_given_up
        self._finish(has_all_entries=not walk.has_given_up)

    def other_parts(self) -> Iterator[tuple[Part, int]]:
        """Generate the parts that are still to be compared, and up to where the first pass compared them."""
        for index in range(1, self._part.count):
            left_at = next(sequence for sequence, count in self._divisions if index % count)
            yield Part(index, self._part.count), left_at

    def _begin(self, base: Checkpoint) -> None:
        """Begin with the records as of a checkpoint, as if each had been born with all that it was there."""
        self._report.is_muted = not self._is_first  # parts are divided behind it, so the first pass had all of them
        self._sequence, self._recorded_at = base.cut_sequence, time_text(base.cut_at)
        try:
            for birth, born_then in groupby(records_at(self._repository, base), attrgetter("birth")):
                born = self._born_at(birth)
                for one in born_then:
                    if self._part.covers(one.kind, one.key):
                        self._begin_with(one, born.pop((one.kind, one.key), None))
                self._unclaimed.update(born)
        except StorageCorrupt as error:
            self._report.add(Finding.RECORD_UNREADABLE, kind=base.kind, key=base.key, found=error.message)
            self._lose(base.cut_sequence)
        self._unclaimed.update(self._born_at(base.cut_sequence))

    def _begin_with(self, one: Folded, stored: _Stored | None) -> None:
        if stored is None:
            stored = self._archived(one.kind, one.key)
        if stored is None and not self._streams[one.kind].is_unknown_at(one.birth):
            self._report.add(Finding.RECORD_MISSING, kind=one.kind, key=one.key, sequence=one.birth)
        held = _Held((one.kind, one.key, one.version, one.values), one.sequence, one.recorded_at, stored)
        held.has_sums = False  # over fills of which some went to an archive before
        if held.is_complete:
            self._compare(held)
        else:
            self._held[one.kind, one.key] = held

    def _entry(self, raw: RawEntry) -> None:
        try:
            body, changes = body_of(raw)
        except StorageCorrupt as error:
            if self._is_first:
                self._report.add(Finding.ENTRY_UNREADABLE, sequence=raw.sequence, found=error.message)
            self._lose(raw.sequence)
            return
        if self._is_first:
            self._check_columns(raw, body)
        born = self._born_at(raw.sequence)
        touched = [
            held
            for change in changes
            if self._part.covers(change[0], change[1])
            and (held := self._change(change, raw.sequence, body["recorded_at"], born)) is not None
        ]
        for (kind, key), stored in born.items():
            self._report.add(Finding.RECORD_EXTRA, kind=kind, key=key, sequence=stored.sequence)
        for held in touched:
            if held.is_complete and self._held.pop((held.kind, held.key), None) is not None:
                self._compare(held)

    def _check_columns(self, raw: RawEntry, body: dict[str, Any]) -> None:
        """Compare what is stored beside the body with what it says; its own time may not go back."""
        recorded_at = body["recorded_at"]
        beside = (self._repository.strategy_id, raw.sequence, raw.recorded_at, raw.subject)
        if tuple(map(body.get, _BESIDE)) != beside or "subject" not in body:
            for name, found in zip(_BESIDE, beside, strict=True):
                if name not in body or body[name] != found:
                    self._report.add(
                        Finding.ENTRY_DIFFERS, sequence=raw.sequence, field=name, expected=body.get(name), found=found
                    )
        if recorded_at < self._recorded_at:
            self._report.add(
                Finding.TIME_WENT_BACK,
                sequence=raw.sequence,
                field="recorded_at",
                expected=self._recorded_at,
                found=recorded_at,
            )
        self._recorded_at = max(recorded_at, self._recorded_at)

    def _change(
        self, change: RawChange, sequence: int, recorded_at: str, born: dict[Name, StoredRecord]
    ) -> _Held | None:
        """Fold a change; return the record if it is held."""
        kind, key, version, values = change
        held = self._held.get((kind, key))
        is_settled = self._end is None or sequence <= self._end
        if held is None and version == 1:
            stored: _Stored | None = born.pop((kind, key), None)
            if kind is RecordKind.FILL:
                self._add_to_order(key, sequence, _sums(values), is_settled=is_settled)
            if not is_settled:
                return None  # born after the beginning of the verification: only needed to tell it from an extra one
            if stored is None:
                stored = self._archived(kind, key)
            if stored is None and not self._streams[kind].is_unknown_at(sequence):
                self._report.add(Finding.RECORD_MISSING, kind=kind, key=key, sequence=sequence)
            held = self._held[kind, key] = _Held(change, sequence, recorded_at, stored)
            return held
        if held is None and restored_at(values) is not None and self._base is not None:
            stored = self._unclaimed.pop((kind, key), None) or self._archived(kind, key)
            if stored is not None:
                held = self._held[kind, key] = _Held(change, sequence, recorded_at, stored)
                held.has_sums = False
                return held
        if held is None:
            if kind is RecordKind.FILL:
                self._forget_sums(key)
            if is_settled:
                self._report_unexpected(kind, key, version, sequence)
            return None
        if version != held.version + 1:
            held.is_torn = self._is_incomplete
            if not held.is_torn:
                self._report.add(
                    Finding.VERSION_BROKEN,
                    kind=kind,
                    key=key,
                    sequence=sequence,
                    field="version",
                    expected=held.version + 1,
                    found=version,
                )
        before = _sums(held.values) if kind is RecordKind.FILL else None
        held.fold(version, values)
        if before is not None:
            after = _sums(held.values)
            moved = (minus(after[0], before[0]), minus(after[1], before[1]))
            self._add_to_order(key, sequence, moved, is_settled=is_settled)
        return held

    def _archived(self, kind: RecordKind, key: Key) -> _Archived | None:
        """Return what stayed of a record that moved to an archive, to be compared in its place."""
        if kind is RecordKind.ARCHIVED:
            return None
        try:
            known = archived_in(self._repository, kind, key)
        except PASSING:
            raise
        except StorageError:
            return None  # its own row is reported where it is met
        return None if known is None else _Archived(known)

    def _report_unexpected(self, kind: RecordKind, key: Key, version: int, sequence: int) -> None:
        """Report a change of a record that is not held: what is stored is behind the journal, or it has no birth."""
        if self._is_incomplete or (kind, key) in self._reported:
            return
        if len(self._reported) < replaying.HELD_MAX:
            self._reported.add((kind, key))
        try:
            stored = self._repository.load(kind, key)
        except PASSING:
            raise
        except StorageError:
            stored = None
        where = {"kind": kind, "key": key, "sequence": sequence, "field": "version"}
        if stored is None or stored.version >= version:
            self._report.add(Finding.VERSION_BROKEN, **where, expected=1, found=version)
        else:
            self._report.add(Finding.RECORD_DIFFERS, **where, expected=version, found=stored.version)

    def _add_to_order(self, key: Key, sequence: int, sums: tuple[Decimal, Decimal], *, is_settled: bool) -> None:
        """Add to the sums of a fill's order, which is held: booking the fill changes the order in the same entry."""
        order = self._held.get((RecordKind.ORDER, key[:1]))
        if order is not None:
            order.filled, order.value = plus(order.filled, sums[0]), plus(order.value, sums[1])
        elif is_settled and not self._is_incomplete and any(sums):
            self._report.add(
                Finding.SUM_DIFFERS, kind=RecordKind.ORDER, key=key[:1], sequence=sequence, field="cum_quantity",
                expected="a change together with its fill",
            )  # fmt: skip

    def _forget_sums(self, key: Key) -> None:
        order = self._held.get((RecordKind.ORDER, key[:1]))
        if order is not None:
            order.has_sums = False

    def _compare(self, held: _Held) -> None:
        """Compare a record, now complete, with what is stored of it."""
        assert held.stored is not None, "only what is stored can be compared"
        self.records += not (self._report.is_muted or isinstance(held.stored, _Archived))
        if held.is_torn:
            return
        where: dict[str, Any] = {"kind": held.kind, "key": held.key, "sequence": held.birth}
        try:
            record = held.record()
        except StorageCorrupt as error:
            self._report.add(Finding.RECORD_UNREADABLE, **where, found=error.message)
            return
        for field, (expected, found) in held.stored.differences(record).items():
            self._report.add(Finding.RECORD_DIFFERS, **where, field=field, expected=expected, found=found)
        if isinstance(record, ArchivedRecord) and record.removed is not None:
            self._require_gone(*record.removed)
        # After a split an order counts in other units than the fills before it.
        if isinstance(record, Order) and held.has_sums and not self._is_incomplete and not record.splits:
            for field, expected in (("cum_quantity", held.filled), ("executed_value", held.value)):
                found = getattr(record, field)
                if found != expected:
                    self._report.add(Finding.SUM_DIFFERS, **where, field=field, expected=expected, found=found)

    def _require_gone(self, kind: RecordKind, key: Key) -> None:
        """Report a record that is stored although it moved to an archive."""
        try:
            left = self._repository.load(kind, key)
        except PASSING:
            raise
        except StorageError:
            return  # reported where it is met
        if left is not None:
            self._report.add(Finding.RECORD_EXTRA, kind=kind, key=key, sequence=left.sequence)

    def _finish(self, *, has_all_entries: bool) -> None:
        """Compare what never became complete, and report what is stored beyond the journal."""
        if not self._is_incomplete:
            for held in self._held.values():
                if held.stored is not None:
                    self._compare(held)
            for (kind, key), stored in self._unclaimed.items():
                self._report.add(Finding.RECORD_EXTRA, kind=kind, key=key, sequence=stored.sequence)
        if has_all_entries:
            for stream in self._streams.values():
                for stored in stream.take(inf):
                    if self._part.covers(stream.kind, stored.key):
                        self._report.add(
                            Finding.RECORD_EXTRA, kind=stream.kind, key=stored.key, sequence=stored.sequence
                        )

    def _is_waiting(self) -> bool:
        """Say whether something that was read is still to be explained by what others wrote since the beginning."""
        return (
            bool(self._unclaimed)
            or any(held.stored is not None for held in self._held.values())
            or any(stream.place < inf for stream in self._streams.values())
        )

    def _divide(self) -> None:
        """Go on with a part of the keys, where more is held than may be."""
        while len(self._held) > replaying.HELD_MAX and self._part.count < PARTS_MAX:
            self._part = Part(0, self._part.count * 2)
            self._divisions.append((self._sequence, self._part.count))
            self._held = {name: held for name, held in self._held.items() if self._part.covers(*name)}
            self._unclaimed = {name: stored for name, stored in self._unclaimed.items() if self._part.covers(*name)}

    def _born_at(self, sequence: int) -> dict[Name, StoredRecord]:
        """Return what is stored at a sequence; what is stored at none that the journal has is reported."""
        born: dict[Name, StoredRecord] = {}
        for stream in self._streams.values():
            if stream.place <= sequence:
                for stored in stream.take(sequence):
                    if self._part.covers(stream.kind, stored.key):
                        born[stream.kind, stored.key] = stored
        return born

    def _lose(self, sequence: int) -> None:
        """Pass over entries that are missing or unreadable: what was born in them cannot be judged."""
        self._is_incomplete = True
        for stream in self._streams.values():
            for _ in stream.take(sequence):
                pass


def _sums(values: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """Return what a fill adds to the quantity and value of its order: nothing once it was busted."""
    if values.get("busted"):
        return ZERO, ZERO
    try:
        quantity = load_decimal(values["quantity"])
        return quantity, times(quantity, load_decimal(values["price"]))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return ZERO, ZERO  # no fill at all: comparing it says so
