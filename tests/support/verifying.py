"""What tests of verification share: a store that others write to meanwhile, and one that is verified in parts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import pytest

from ledger_core import Difference, LedgerRepository, RecordKind, StorageCorrupt, Verification, replaying
from ledger_core.model import Order, Record
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry, StoredRecord
from ledger_core.verifying import verify
from support.repositories import AroundRepository


class Between(AroundRepository):
    """Lets another writer take a step between two looks into the store, and fails where it is told to."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Do nothing in between."""
        super().__init__(inner)
        self.before_scan: dict[RecordKind, Callable[[], object]] = {}
        self.before_read: Callable[[], object] | None = None
        self.audited: list[Difference] = []
        self.bad_records: set[tuple[RecordKind, int]] = set()
        self.bad_digests: set[int] = set()
        self.failures = 0
        self.has_bad_pages = False

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Step once, and scan, unless a bad record is on the page."""
        step = self.before_scan.pop(kind, None)
        if step is not None:
            step()
        page = super().scan(kind, after, limit)
        if any((kind, one.sequence) in self.bad_records for one in page):
            raise StorageCorrupt("a bad page")
        return page

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Step each time, and read; fail as often as told first."""
        if self.before_read is not None and limit > 1:
            self.before_read()
        if self.failures:
            self.failures -= 1
            raise StorageCorrupt("a bad page")
        page = super().read_raw(after, limit)
        return [one._replace(digest="0" * 64) if one.sequence in self.bad_digests else one for one in page]

    def staged(self, stage: str, page: int) -> bytes | None:
        """Return a page of a checkpoint, or another one."""
        return b"another" if self.has_bad_pages else super().staged(stage, page)

    def audit(self) -> Iterator[Difference]:
        """Find what is to be found."""
        yield from self.audited


def forged(record: Record) -> Record:
    """Return an order as nobody made it."""
    assert isinstance(record, Order)
    return attrs.evolve(record, reason="forged")


def in_parts(repository: LedgerRepository, held_max: int = 1) -> Verification:
    """Verify with no more than so many records held at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "HELD_MAX", held_max)
        return verify(repository)


def require_same(parts: Verification, whole: Verification) -> None:
    """Fail unless both found the same, though in another order."""
    assert sorted(map(str, parts.differences)) == sorted(map(str, whole.differences))
    assert (parts.entries, parts.records, parts.head) == (whole.entries, whole.records, whole.head)
    assert parts.difference_count == whole.difference_count
