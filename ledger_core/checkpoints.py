"""The pages of a checkpoint: every record as of an entry, as far as the journal tells of it, compressed.

A record is kept as it is folded: the JSON values of its changes, so that whatever comes behind the checkpoint is folded
on, and verified, as if nothing had been cut. Records come in runs, each in the order of their births, and are merged
when they are read; a run is what is held at once when the pages are made.
"""

import heapq
import zlib
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from ledger_core.archived import JOURNAL
from ledger_core.changes import Change
from ledger_core.codec import canonical_json, load_json, load_values
from ledger_core.errors import LedgerClosed, StorageBusy, StorageCorrupt, StorageError
from ledger_core.evolve import KEY_FIELDS, evolve
from ledger_core.model import ArchivedRecord, Checkpoint, Key, Record, RecordKind
from ledger_core.numbers import load_time
from ledger_core.repository import LedgerRepository

PAGE_RECORDS = 1_000
"""How many records a page has at most: about a megabyte before it is compressed, a tenth of that after ..."""

PAGE_BYTES = 4 * 1024 * 1024
"""... and from how many bytes on it takes no further record."""

PASSING = (StorageBusy, LedgerClosed)
"""Errors of storage that say nothing about what is stored; every other one is a finding."""

_UNPACKED_MAX = 1 << 30

_KINDS = {kind.value: kind for kind in RecordKind}


class Folded:
    """A record as far as its changes were read."""

    __slots__ = ("key", "kind", "recorded_at", "sequence", "values", "version")

    def __init__(
        self, kind: RecordKind, key: Key, sequence: int, recorded_at: str, values: dict[str, Any], version: int = 1
    ) -> None:
        """Begin with the change that creates it, or brings it back; the values are kept and changed."""
        self.kind = kind
        self.key = key
        self.sequence = sequence
        self.recorded_at = recorded_at
        self.values = values
        self.version = version

    @property
    def birth(self) -> int:
        """The entry that it was born in, which is an earlier one for what came back from an archive."""
        restored = restored_at(self.values)
        return self.sequence if restored is None else restored

    def fold(self, version: int, values: dict[str, Any]) -> None:
        """Apply a further change."""
        self.values.update(values)
        self.version = version

    def removed(self) -> tuple[RecordKind, Key] | None:
        """Return the record that is stored no more, of one that stands for it in an archive."""
        record = self.record()
        return record.removed if isinstance(record, ArchivedRecord) else None

    def record(self) -> Record:
        """Return the record; raise StorageCorrupt if the changes make none."""
        try:
            values = load_values(self.kind, self.values)
            change = Change(kind=self.kind, key=self.key, version=self.version, values=values)
            return evolve(None, change, sequence=self.sequence, recorded_at=load_time(self.recorded_at))
        except Exception as error:
            raise StorageCorrupt(
                f"the changes of {self.kind} {self.key} make no record: {error!r}", kind=self.kind, key=self.key
            ) from error


def restored_at(values: dict[str, Any]) -> int | None:
    """Return where a record was born that a change brings back from an archive; None of any other change."""
    sequence = values.get("sequence")
    return sequence if type(sequence) is int else None


def checkpoint_of(repository: LedgerRepository) -> Checkpoint | None:
    """Return the last checkpoint of a strategy, whether or not its journal was cut there."""
    found = repository.load(RecordKind.CHECKPOINT, (JOURNAL,))
    return found if isinstance(found, Checkpoint) else None


def base_of(repository: LedgerRepository) -> Checkpoint | None:
    """Return the checkpoint from which a journal has to be folded; None for one that has all its entries."""
    checkpoint = checkpoint_of(repository)
    if checkpoint is None:
        return None
    first = repository.read_raw(0, 1)
    return checkpoint if first and first[0].sequence > 1 else None


def require_same_base(repository: LedgerRepository, base: Checkpoint | None) -> None:
    """Raise StorageBusy if the journal was cut since it was begun to be read."""
    try:
        is_same = base_of(repository) == base
    except PASSING:
        raise
    except StorageError:
        return  # whoever reads on comes by it
    if not is_same:
        raise StorageBusy("the journal was cut while it was read: begin again")


def pages_of(run: Iterable[Folded]) -> Iterator[bytes]:
    """Generate the pages of a run of records."""
    held, size = list[bytes](), 0
    for one in sorted(run, key=_place):
        if len(held) == PAGE_RECORDS or size >= PAGE_BYTES:
            yield zlib.compress(b"[%b]" % b",".join(held))
            held, size = [], 0
        held.append(canonical_json([one.kind, one.key, one.version, one.sequence, one.recorded_at, one.values]))
        size += len(held[-1])
    if held:
        yield zlib.compress(b"[%b]" % b",".join(held))


class Sum:
    """Adds up the digest of a checkpoint's pages."""

    def __init__(self) -> None:
        """Start with no page."""
        self._whole = sha256()

    def add(self, page: bytes) -> None:
        """Add the next page."""
        self._whole.update(sha256(page).digest())

    @property
    def digest(self) -> str:
        """The digest, in hex."""
        return self._whole.hexdigest()


def has_pages(repository: LedgerRepository, checkpoint: Checkpoint) -> bool:
    """Say whether all pages of a checkpoint are kept, and are those that were written."""
    found = Sum()
    for number in range(sum(checkpoint.runs)):
        page = repository.staged(checkpoint.stage, number)
        if page is None:
            return False
        found.add(page)
    return found.digest == checkpoint.digest


def records_at(repository: LedgerRepository, checkpoint: Checkpoint) -> Iterator[Folded]:
    """Generate every record as of a checkpoint, in the order of births; raise StorageCorrupt for other pages."""
    if not has_pages(repository, checkpoint):
        raise StorageCorrupt("the pages of the checkpoint are not those that were written, or not all are there")
    runs, first = list[Iterator[Folded]](), 0
    for length in checkpoint.runs:
        runs.append(_run(repository, checkpoint.stage, range(first, first + length)))
        first += length
    return heapq.merge(*runs, key=_place)


def _run(repository: LedgerRepository, stage: str, pages: Sequence[int]) -> Iterator[Folded]:
    for number in pages:
        unpacking = zlib.decompressobj()
        try:
            text = unpacking.decompress(_page(repository, stage, number), _UNPACKED_MAX)
            if not unpacking.eof:
                raise ValueError("it ends in the middle, or is too long")
            for document in load_json(text):
                yield _folded(*document)
        except (zlib.error, ValueError, KeyError, TypeError) as error:
            raise StorageCorrupt(f"page {number} of the checkpoint cannot be read: {error!r}") from error


def _folded(
    kind: object, key: object, version: object, sequence: object, recorded_at: object, values: object
) -> Folded:
    """Return a record of a page; raise ValueError for what is none: a file may come from anywhere."""
    if type(kind) is not str or type(key) is not list or type(values) is not dict or type(recorded_at) is not str:
        raise ValueError("a record is none")
    if type(version) is not int or type(sequence) is not int or not all(type(part) is str for part in key):
        raise ValueError("a record is none")
    found = _KINDS[kind]
    if len(key) != len(KEY_FIELDS[found]):
        raise ValueError(f"{key} is no key of a {kind}")
    return Folded(found, tuple(key), sequence, recorded_at, values, version)


def _page(repository: LedgerRepository, stage: str, number: int) -> bytes:
    page = repository.staged(stage, number)
    if page is None:
        raise StorageCorrupt(f"page {number} of the checkpoint is missing")
    return page


def _place(one: Folded) -> tuple[int, RecordKind, Key]:
    return (one.birth, one.kind, one.key)
