"""Replay from nothing: the journal's raw entries and their chain, the records they come to, those that are stored.

Nothing here trusts what is stored: entries are read as bytes, and every oddity is reported or raised. Records are
folded as JSON, and become records once, when all their changes are known: changes set values, so those of several
changes are those of one.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import partial
from hashlib import sha256
from hmac import digest as hmac_digest
from math import inf
from typing import Any
from zlib import crc32

import attrs

from ledger_core.changes import GENESIS_DIGEST, ChainKey, Head
from ledger_core.checkpoints import PASSING, Folded, base_of, records_at, require_same_base, restored_at
from ledger_core.codec import BODY_FORMAT, load_json
from ledger_core.errors import StorageCorrupt, StorageError
from ledger_core.findings import Finding, Report
from ledger_core.model import Checkpoint, Key, Record, RecordKind, archived_key, key_behind
from ledger_core.numbers import load_time
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, RawEntry, StoredRecord

HELD_MAX = 200_000
"""How many unfinished records one pass over the journal holds: about 300 MB.

Where there are more, a pass takes the records of a part of all keys, and further passes take the other parts.
"""

SKIPS_MAX = 16
"""How many places in a row that the store cannot give back are skipped before the rest is given up."""

PARTS_MAX = 2**16
"""Into how many parts the keys are divided at most."""

_OF_ORDERS = frozenset({RecordKind.ORDER, RecordKind.REQUEST, RecordKind.FILL})

_KINDS = {kind.value: kind for kind in RecordKind}

_NAMED = {kind.value: kind for kind in RecordKind if kind is not RecordKind.POSITION}

RawChange = tuple[RecordKind, Key, int, dict[str, Any]]
"""(kind, key, version, values) of a change, the values still as JSON."""


@attrs.frozen
class Part:
    """A part of all keys, by a stable hash; what belongs to one order falls into one part."""

    index: int = 0
    count: int = 1  # a power of two, so that a part of twice as many is within one of these

    def covers(self, kind: RecordKind, key: Key) -> bool:
        """Say whether a record is of this part."""
        if self.count == 1:
            return True
        if kind is RecordKind.ARCHIVED and len(key) > 1:  # of the part of the record that it stands for
            named = _NAMED.get(key[0])
            kind, key = named or kind, key_behind(key[1]) or key if named else key
        name = ("ORDER", *key[:1]) if kind in _OF_ORDERS else (kind.value, *key)
        return crc32("\0".join(map(str, name)).encode(errors="surrogatepass")) & (self.count - 1) == self.index


def body_of(raw: RawEntry) -> tuple[dict[str, Any], list[RawChange]]:
    """Return an entry's body and its changes; raise StorageCorrupt for bytes that are no entry."""
    try:
        body = load_json(raw.body)
        if body["format"] > BODY_FORMAT:
            raise StorageCorrupt(f"entry format {body['format']} is newer than {BODY_FORMAT}")
        load_time(body["recorded_at"])
        return body, [
            (_KINDS[change["kind"]], tuple(map(str, change["key"])), int(change["version"]), dict(change["values"]))
            for change in body["changes"]
        ]
    except StorageCorrupt:
        raise
    except Exception as error:
        raise StorageCorrupt(f"entry {raw.sequence} cannot be read: {error!r}", sequence=raw.sequence) from error


def _sha256(linked: bytes) -> bytes:
    return sha256(linked).digest()


def _hmac_sha256(key: bytes, linked: bytes) -> bytes:
    return hmac_digest(key, linked, "sha256")


class Walk:
    """Walks the journal from its beginning and checks the chain: gaps, order, digests, and heads that are known.

    A journal that was cut begins behind what was cut, no further than its checkpoint; what is left up to there has to
    lead to it.
    """

    def __init__(
        self,
        repository: LedgerRepository,
        report: Report,
        heads: Iterable[Head] = (),
        key: ChainKey = None,
        base: Checkpoint | None = None,
    ) -> None:
        """Expect to come by each of the heads; `key` is the one that the chain was made with."""
        self._repository = repository
        self._base = base
        self._report = report
        self._digest_of = _sha256 if key is None else partial(_hmac_sha256, key)
        self._awaited: dict[int, set[str]] = {}
        for head in heads:
            self._awaited.setdefault(head.sequence, set()).add(head.digest)
        self._links: tuple[bytes, ...] = (bytes.fromhex(GENESIS_DIGEST),)  # what the next entry may follow
        self._skipped_to = 0
        self._recorded_at: str | None = None
        self._sequence = 0
        self._digest = GENESIS_DIGEST
        self.entries = 0
        self.has_given_up = False

    @property
    def head(self) -> Head:
        """The last entry walked by."""
        try:
            recorded_at = None if self._recorded_at is None else datetime.fromisoformat(self._recorded_at)
        except (TypeError, ValueError):
            recorded_at = None
        return Head(self._sequence, self._digest, recorded_at)

    def __iter__(self) -> Iterator[RawEntry]:
        """Generate the entries that have a place in the journal, until it ends."""
        self._check_heads(0, GENESIS_DIGEST)
        for raw in self._entries():
            sequence = raw.sequence
            if self._base is not None and not self.entries:
                self._begin_at(sequence, self._base)
            if sequence != self._sequence + 1 and not self._leaps_to(sequence):
                continue
            self._check_digest(raw)
            if self._awaited and sequence in self._awaited:
                self._check_heads(sequence, raw.digest)
            self._sequence, self._digest, self._recorded_at = sequence, raw.digest, raw.recorded_at
            self.entries += 1
            yield raw

    def require_heads(self) -> None:
        """Report the heads that the walk, now at its end, has not come by."""
        for sequence, digests in sorted(self._awaited.items()):
            found = None
            if self._base is not None and sequence < self._base.cut_sequence:
                found = f"cut: archive {self._base.archive_id!r} has it"
            for digest in sorted(digests):
                self._report.add(Finding.HEAD_DIFFERS, sequence=sequence, field="digest", expected=digest, found=found)

    def _begin_at(self, sequence: int, base: Checkpoint) -> None:
        """Take the first entry that is left of a journal that was cut for its beginning."""
        if sequence <= base.cut_sequence:
            self._awaited.setdefault(base.cut_sequence, set()).add(base.cut_digest)
            self._sequence, self._links = sequence - 1, ()
        else:
            self._sequence, self._links = base.cut_sequence, _bytes_of(base.cut_digest)
            self._check_heads(base.cut_sequence, base.cut_digest)

    def _entries(self) -> Iterator[RawEntry]:
        after, limit, skips = 0, PAGE_SIZE_MAX, 0
        while True:
            try:
                page = self._repository.read_raw(after, limit)
            except PASSING:
                raise
            except StorageError as error:
                if limit > 1:  # one by one up to the place that cannot be read
                    limit = 1
                    continue
                if self._base is not None and not self.entries:
                    after = max(after, self._base.cut_sequence)  # what was cut is not there to be read
                after, skips, limit = after + 1, skips + 1, PAGE_SIZE_MAX
                self._report.add(Finding.ENTRY_UNREADABLE, sequence=after, found=error.message)
                self._skipped_to = after
                if skips == SKIPS_MAX:
                    self.has_given_up = True
                    return
                continue
            if not page:
                return
            skips = 0
            yield from page
            after = max(after + 1, page[-1].sequence)

    def _leaps_to(self, sequence: int) -> bool:
        """Report a sequence that is not the next; say whether it has a place in the journal at all."""
        expected = self._sequence + 1
        require_same_base(self._repository, self._base)
        if sequence < expected:
            self._report.add(Finding.ENTRY_OUT_OF_ORDER, sequence=sequence, expected=expected, found=sequence)
            return False
        if self._skipped_to < sequence - 1:
            self._report.add(Finding.ENTRY_MISSING, sequence=expected, expected=expected, found=sequence)
        self._links = ()  # what it followed is not there to be seen
        return True

    def _check_digest(self, raw: RawEntry) -> None:
        computed = None
        for link in self._links:
            computed = self._digest_of(link + raw.body)
            if computed.hex() == raw.digest:
                self._links = (computed,)
                return
        stored = _bytes_of(raw.digest)
        if computed is None:
            self._links = stored
            return
        self._report.add(Finding.DIGEST_BROKEN, sequence=raw.sequence, expected=computed.hex(), found=raw.digest)
        # Body or digest was changed; the next entry follows the one that was not, and is not to be blamed for it.
        self._links = (*stored, computed)

    def _check_heads(self, sequence: int, digest: str) -> None:
        for expected in sorted(self._awaited.pop(sequence, ())):
            if expected != digest:
                self._report.add(
                    Finding.HEAD_DIFFERS, sequence=sequence, field="digest", expected=expected, found=digest
                )


class StoredStream:
    """The stored records of one kind in the order of their births; what the store cannot give back is skipped.

    It ends at the first page that is not full, so what is born after it was begun need not be in it.
    """

    def __init__(self, repository: LedgerRepository, kind: RecordKind, report: Report) -> None:
        """Read the first page."""
        self.kind = kind
        self._repository = repository
        self._report = report
        self._unknown: list[tuple[int, float]] = []
        self._rows = self._all()
        self.place: float = 0
        """The sequence of the next record; infinite when there is none."""
        self._next: StoredRecord | None = None
        self._step()

    def take(self, sequence: float) -> Iterator[StoredRecord]:
        """Generate the records up to a sequence."""
        while self._next is not None and self.place <= sequence:
            yield self._next
            self._step()

    def is_unknown_at(self, sequence: int) -> bool:
        """Say whether a record of this birth may be among those that could not be read."""
        return any(first <= sequence <= last for first, last in self._unknown)

    def _step(self) -> None:
        self._next = next(self._rows, None)
        self.place = inf if self._next is None else self._next.sequence

    def _all(self) -> Iterator[StoredRecord]:
        after: tuple[Any, ...] = ()
        limit, skips, last = PAGE_SIZE_MAX, 0, 0
        while True:
            try:
                page = self._repository.scan(self.kind, after, limit)
            except PASSING:
                raise
            except StorageError as error:
                if limit > 1:  # one by one up to the place that cannot be read
                    limit = 1
                    continue
                if not skips:
                    self._report.add(Finding.RECORD_UNREADABLE, kind=self.kind, sequence=last, found=error.message)
                    self._unknown.append((last, inf))
                elif skips == SKIPS_MAX:
                    return
                # The rest of this entry's records first, then ever wider: where the next readable one is, is unknown.
                after, skips = (last + 2**skips - 1,), skips + 1
                continue
            yield from page
            if len(page) < limit:
                return
            if skips:
                self._unknown[-1] = (self._unknown[-1][0], page[0].sequence)
                skips, limit = 0, PAGE_SIZE_MAX
            sequence, key = page[-1].sequence, page[-1].key
            if sequence < last or (sequence, *key) == after:  # a damaged file may lead round in circles
                self._report.add(Finding.RECORD_UNREADABLE, kind=self.kind, sequence=last, found="not in order")
                return
            after, last = (sequence, *key), sequence


def folded_records(repository: LedgerRepository) -> Iterator[Record]:
    """Generate every record that the journal comes to; raise StorageCorrupt where it comes to none."""
    for run in folded_runs(repository):
        for one in run:
            yield one.record()


def folded_runs(repository: LedgerRepository, through: float = inf) -> Iterator[Collection[Folded]]:
    """Generate every record that the journal comes to, up to an entry, as many at a time as are held.

    The first pass divides the keys as often as it must to hold at most HELD_MAX records, and takes the first part.
    """
    base = base_of(repository)
    part, records = _fold_part(repository, base, Part(), through, divides=True)
    yield records.values()
    for index in range(1, part.count):
        _, records = _fold_part(repository, base, Part(index, part.count), through, divides=False)
        yield records.values()


def _fold_part(
    repository: LedgerRepository, base: Checkpoint | None, part: Part, through: float, *, divides: bool
) -> tuple[Part, dict[tuple[RecordKind, Key], Folded]]:
    records: dict[tuple[RecordKind, Key], Folded] = {}

    def divide() -> None:
        nonlocal part, records
        while divides and len(records) > HELD_MAX and part.count < PARTS_MAX:
            part = Part(0, part.count * 2)
            records = {name: one for name, one in records.items() if part.covers(*name)}

    for one in () if base is None else records_at(repository, base):
        if part.covers(one.kind, one.key):
            records[one.kind, one.key] = one
            divide()
    for raw, changes in _readable(repository, base):
        if raw.sequence > through:
            break
        for kind, key, version, values in changes:
            if not part.covers(kind, key):
                continue
            known = records.get((kind, key))
            if known is None and restored_at(values) is not None and _was_archived(records, kind, key, version):
                records[kind, key] = Folded(kind, key, raw.sequence, raw.recorded_at, values, version)
                continue
            if version != (known.version + 1 if known else 1):
                raise StorageCorrupt(f"entry {raw.sequence} has a change of {kind} {key} that follows no other")
            if known is None:
                known = records[kind, key] = Folded(kind, key, raw.sequence, raw.recorded_at, values)
            else:
                known.fold(version, values)
            if kind is RecordKind.ARCHIVED:
                removed = known.removed()
                if removed is not None:
                    records.pop(removed, None)
        divide()
    return part, records


def _was_archived(records: dict[tuple[RecordKind, Key], Folded], kind: RecordKind, key: Key, version: int) -> bool:
    """Say whether a record of the version before went to an archive, and has just been marked as restored."""
    kept = records.get((RecordKind.ARCHIVED, archived_key(kind, key)))
    return kept is not None and kept.values.get("record_version") == version - 1 and kept.removed() is None


def _readable(repository: LedgerRepository, base: Checkpoint | None) -> Iterator[tuple[RawEntry, list[RawChange]]]:
    after = 0 if base is None else base.cut_sequence
    while page := repository.read_raw(after):
        for raw in page:
            if raw.sequence != after + 1:
                require_same_base(repository, base)
                raise StorageCorrupt(f"entry {after + 1} is missing", sequence=after + 1)
            yield raw, body_of(raw)[1]
            after = raw.sequence


def _bytes_of(digest: str) -> tuple[bytes, ...]:
    try:
        return (bytes.fromhex(digest),)
    except (TypeError, ValueError):
        return ()
