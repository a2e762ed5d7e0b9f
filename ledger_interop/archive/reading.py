"""Read an archive back: its records group by group, in constant memory."""

import heapq
from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ledger_core.archivable import Group
from ledger_core.codec import record_digest
from ledger_core.errors import LedgerError
from ledger_core.model import Record, RecordKind
from ledger_interop.archive.errors import ArchiveDamaged
from ledger_interop.archive.layout import FOLDERS, Month, months_of, parts_of
from ledger_interop.archive.parquet import pyarrow, read_part

KINDS = tuple(FOLDERS)


def read_groups(folder: Path) -> Iterator[Group]:
    """Generate the groups of an archive; raise ArchiveDamaged for a record that is not what was written."""
    for month in months_of(folder):
        kinds = [_numbered(folder, kind, month, place) for place, kind in enumerate(KINDS)]
        for _, rows in groupby(heapq.merge(*kinds, key=itemgetter(0, 1)), key=itemgetter(0)):
            yield tuple(record for _, _, record in rows)


def read_records(folder: Path, kind: RecordKind) -> Iterator[Record]:
    """Generate the records of one kind, month by month."""
    for month in months_of(folder):
        for _, _, record in _numbered(folder, kind, month, 0):
            yield record


def _numbered(folder: Path, kind: RecordKind, month: Month, place: int) -> Iterator[tuple[int, int, Record]]:
    """Generate (group, place of the kind, record)."""
    pa = pyarrow()
    for path in parts_of(folder, kind, month):
        try:
            for group, record, digest in read_part(path, kind):
                if record_digest(record) != digest:
                    raise _damaged(path, f"{kind.lower()} {'/'.join(record.key)!r} is not the one that was written")
                yield group, place, record
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, str(error)) from error
        except LedgerError as error:
            if isinstance(error, ArchiveDamaged):
                raise
            raise _damaged(path, error.message) from error


def _damaged(path: Path, problem: str) -> ArchiveDamaged:
    return ArchiveDamaged(f"{path} is damaged: {problem}", problems=(f"{path.name}: {problem}",))


class Sum:
    """What the groups of an archive come to: counts, and a digest over all records in the order of `read_groups`."""

    def __init__(self) -> None:
        """Start with no record."""
        self._months: dict[Month, Any] = {}
        self.records = {kind.lower(): 0 for kind in KINDS}
        self.groups = 0

    def add(self, month: Month, group: Group) -> None:
        """Add a group, its records in the order in which they are read back."""
        hashed = self._months.setdefault(month, sha256())
        for record in group:
            hashed.update(bytes.fromhex(record_digest(record)))
            self.records[record.kind.lower()] += 1
        self.groups += 1

    @property
    def digest(self) -> str:
        """The digest, in hex."""
        whole = sha256()
        for month in sorted(self._months):
            whole.update(self._months[month].digest())
        return whole.hexdigest()


def in_order(group: Group) -> Group:
    """Return the records of a group in the order in which they are read back."""
    return tuple(sorted(group, key=lambda record: KINDS.index(record.kind)))
