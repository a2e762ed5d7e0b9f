"""A repository whose journal may not end as it should."""

from collections.abc import Sequence

from ledger_core import Head, LedgerRepository
from ledger_core.model import Key, Record, RecordKind
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry
from support.repositories import AroundRepository


class Doubtful(AroundRepository):
    """A repository whose last writer did not end well; entries and records can be shown otherwise than they are."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Show everything as it is."""
        super().__init__(inner)
        self.in_doubt = True
        self.shown: dict[int, RawEntry | None] = {}
        self.records: dict[tuple[RecordKind, Key], Record | None] = {}
        self.heads: list[Head] = []
        self.asked: list[int] = []
        self.places: list[tuple[int, int]] = []
        self.loaded = 0

    @property
    def ended_uncleanly(self) -> bool:
        """As told."""
        return self.in_doubt

    def confirm_end(self) -> None:
        """Note it."""
        self.in_doubt = False

    def head(self) -> Head:
        """Return the heads that were given, then the real one."""
        return self.heads.pop(0) if self.heads else super().head()

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return what is to be shown."""
        self.asked.append(limit)
        self.places.append((after, limit))
        shown = [self.shown.get(entry.sequence, entry) for entry in super().read_raw(after, limit)]
        return [entry for entry in shown if entry is not None]

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return what is to be shown."""
        self.loaded += 1
        return self.records[kind, key] if (kind, key) in self.records else super().load(kind, key)


class Gappy(Doubtful):
    """Passes over entries that are not shown, as a store does over those that it has lost."""

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return as many entries as are asked for, if there are so many."""
        hidden = sum(entry is None for entry in self.shown.values())
        found = super().read_raw(after, min(limit + hidden, PAGE_SIZE_MAX))[:limit]
        self.places[-1] = (after, limit)
        return found
