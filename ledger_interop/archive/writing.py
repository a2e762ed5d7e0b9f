"""Copy groups of records to the files of an archive, and make them durable."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from ledger_core.archivable import Group
from ledger_core.model import RecordKind
from ledger_interop.archive.layout import FOLDERS, Month
from ledger_interop.archive.manifest import Part
from ledger_interop.archive.parquet import Row, write_part
from ledger_interop.archive.reading import Sum, in_order
from ledger_interop.exporting.files import seal, sync_folder, sync_tree

PART_ROWS = 20_000
"""How many rows a file has at most."""

HELD_ROWS = 50_000
"""How many rows are held at once, of all files together."""


class Copying:
    """The files of one archive while they are written."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty folder: what a run left there that was stopped before its end is nobody's."""
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        self._folder = folder
        self._held: dict[tuple[RecordKind, Month], list[Row]] = {}
        self._count = 0
        self._written: dict[tuple[RecordKind, Month], int] = {}
        self._parts: list[Part] = []
        self.sum = Sum()

    def copy(self, groups: Iterable[Group]) -> Iterable[int]:
        """Copy groups; generate how many records there are by then."""
        for group in groups:
            month, ordered = Month.of(group), in_order(group)
            self.sum.add(month, ordered)
            for record in ordered:
                rows = self._held.setdefault((record.kind, month), [])
                rows.append((self.sum.groups, record))
                if len(rows) == PART_ROWS:
                    self._write(record.kind, month)
            self._count += len(ordered)
            while self._count > HELD_ROWS:
                self._write(*max(self._held, key=lambda name: len(self._held[name])))
            yield sum(self.sum.records.values())

    def finish(self) -> tuple[Part, ...]:
        """Write what is held, and make all names durable; return the files."""
        for kind, month in sorted(self._held, key=lambda name: (name[1], list(FOLDERS).index(name[0]))):
            self._write(kind, month)
        sync_tree(self._folder)
        above = self._folder.parent
        for folder in (above, above.parent):
            sync_folder(folder)
        return tuple(sorted(self._parts, key=lambda part: part.path))

    def _write(self, kind: RecordKind, month: Month) -> None:
        rows = self._held.pop((kind, month))
        self._count -= len(rows)
        number = self._written[kind, month] = self._written.get((kind, month), 0) + 1
        path = self._folder / FOLDERS[kind] / month.path / f"{number:04}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_part(path, kind, rows)
        size, digest = seal(path)
        self._parts.append(
            Part(path=path.relative_to(self._folder).as_posix(), rows=len(rows), size=size, sha256=digest)
        )
