"""Repositories around a real one, on any adapter: one that fails on demand, one that counts what is asked of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ledger_core import Cursor, Difference, Entry, Head, LedgerRepository, Query, RecordKind
from ledger_core.model import Key, Record
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry, StoredRecord


class AroundRepository:
    """Passes everything on to `inner`; the base of the others."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Stand around a repository, and close it when closed."""
        self.inner = inner

    @property
    def strategy_id(self) -> str:
        """The strategy of the inner repository."""
        return self.inner.strategy_id

    @property
    def read_only(self) -> bool:
        """Whether the inner repository was opened for reading."""
        return self.inner.read_only

    @property
    def ended_uncleanly(self) -> bool:
        """Whether the inner repository found an end in doubt."""
        return self.inner.ended_uncleanly

    def confirm_end(self) -> None:
        """Pass on."""
        self.inner.confirm_end()

    def head(self) -> Head:
        """Pass on."""
        return self.inner.head()

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Pass on."""
        return self.inner.load(kind, key)

    def find(self, query: Query) -> Sequence[Record]:
        """Pass on."""
        return self.inner.find(query)

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Pass on."""
        return self.inner.read(after, limit, subject)

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Pass on."""
        self.inner.append(entries, cursors)

    def alone(self) -> AbstractContextManager[object]:
        """Pass on."""
        return self.inner.alone()

    def claim(self, subscriber: str) -> Cursor:
        """Pass on."""
        return self.inner.claim(subscriber)

    def strategies(self) -> Sequence[str]:
        """Pass on."""
        return self.inner.strategies()

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Pass on."""
        return self.inner.read_raw(after, limit)

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Pass on."""
        return self.inner.scan(kind, after, limit)

    def audit(self) -> Iterator[Difference]:
        """Pass on."""
        return self.inner.audit()

    def restore(self, records: Iterable[Record]) -> None:
        """Pass on."""
        self.inner.restore(records)

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Pass on."""
        self.inner.stage(stage, pages)

    def staged(self, stage: str, page: int) -> bytes | None:
        """Pass on."""
        return self.inner.staged(stage, page)

    def cut(self, through: int) -> Sequence[Cursor]:
        """Pass on."""
        return self.inner.cut(through)

    def close(self) -> None:
        """Pass on."""
        self.inner.close()


class FaultyRepository(AroundRepository):
    """Fails the next appends of entries with the errors that were queued, before or after the store was asked."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Work, until told to fail."""
        super().__init__(inner)
        self._before: list[BaseException] = []
        self._after: list[BaseException] = []
        self.on_append: Callable[[], object] | None = None
        self.appends: list[int] = []
        """How many entries each append that was stored had."""

    def fail_before_storing(self, error: BaseException) -> None:
        """Raise the error at the next append, with nothing stored."""
        self._before.append(error)

    def fail_after_storing(self, error: BaseException) -> None:
        """Store the next append and raise the error all the same: a commit whose answer was lost."""
        self._after.append(error)

    def append(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        """Store, or fail as queued; `on_append` is called once, first."""
        if entries and self.on_append is not None:
            hook, self.on_append = self.on_append, None
            hook()
        if entries and self._before:
            raise self._before.pop(0)
        self.inner.append(entries, cursors)
        self.appends.append(len(entries))
        if entries and self._after:
            raise self._after.pop(0)


class CountingRepository(AroundRepository):
    """Counts the calls of `find`, `load` and `read`, and the records that `find` returned."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Start at zero."""
        super().__init__(inner)
        self.reset()

    def reset(self) -> None:
        """Start at zero again."""
        self.calls = 0
        self.records = 0

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Count and pass on."""
        self.calls += 1
        return self.inner.load(kind, key)

    def find(self, query: Query) -> Sequence[Record]:
        """Count and pass on."""
        found = self.inner.find(query)
        self.calls += 1
        self.records += len(found)
        return found

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Count and pass on."""
        self.calls += 1
        return self.inner.read(after, limit, subject)
