"""The journal of an archive: its entries, to the byte, copied and read back before they may go from the ledger.

It goes up to the last entry that was recorded before the archive's date, and begins where the ledger's journal began
then. `journal.json` is written last.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs

from ledger_core import Entry, StrategyLedger
from ledger_core.changes import GENESIS_DIGEST, Head
from ledger_core.codec import load_entry
from ledger_core.errors import LedgerError, StorageCorrupt
from ledger_core.numbers import load_time, time_text
from ledger_interop.archive.errors import ArchiveDamaged
from ledger_interop.archive.manifest import Part, write_json
from ledger_interop.archive.parquet import pyarrow
from ledger_interop.exporting.files import seal, sync_tree

FOLDER = "journal"
MANIFEST = "journal.json"
FORMAT = 1
PART_ROWS = 20_000
"""How many entries a file has at most."""


@attrs.frozen(kw_only=True)
class ArchivedJournal:
    """What `journal.json` says: the entries from `first` to `last`.

    `previous_digest` is the digest of the entry before the first, if it was known; `digest` is over the digests and
    bodies of all entries, in order.
    """

    strategy_id: str
    first: int
    last: Head
    previous_digest: str | None
    digest: str
    parts: tuple[Part, ...]
    folder: Path = attrs.field(eq=False)

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return self.last.sequence - self.first + 1


class _Sum:
    """What the entries of a journal come to."""

    def __init__(self) -> None:
        self._whole = sha256()
        self.first = self.last = 0

    def add(self, entry: Entry) -> None:
        if self.last and entry.sequence != self.last + 1:
            raise StorageCorrupt(f"entry {self.last + 1} is missing", sequence=self.last + 1)
        self.first = self.first or entry.sequence
        self.last = entry.sequence
        self._whole.update(bytes.fromhex(entry.digest) + sha256(entry.body).digest())

    @property
    def digest(self) -> str:
        return self._whole.hexdigest()


def copy_journal(
    ledger: StrategyLedger, folder: Path, through: Head, told: Callable[[int], object] = lambda _: None
) -> ArchivedJournal:
    """Copy the journal up to an entry into an archive, and read it back; what a stopped run left there is begun anew.

    Raises StorageCorrupt for a journal whose chain is broken, ArchiveDamaged where a copy is not what was written.
    """
    verified = ledger.verify(through, chain_only=True)
    if not verified.is_intact:
        raise StorageCorrupt(f"the journal is damaged, so none of it is cut: {verified.differences[0]}")
    place = folder / FOLDER
    if place.exists():
        shutil.rmtree(place)
    made, parts, held = _Sum(), list[Part](), list[Entry]()
    for entry in ledger.read_journal():
        if entry.sequence > through.sequence:
            break
        if held and (len(held) == PART_ROWS or _month(held[0]) != _month(entry)):
            parts.append(_write(folder, len(parts) + 1, held))
            held = []
        held.append(entry)
        made.add(entry)
        told(entry.sequence)
    parts.append(_write(folder, len(parts) + 1, held))
    sync_tree(folder)
    base = ledger.archivist.base
    previous = GENESIS_DIGEST if made.first == 1 else None
    if base is not None and base.cut_sequence == made.first - 1:
        previous = base.cut_digest
    journal = ArchivedJournal(
        strategy_id=ledger.strategy_id,
        first=made.first,
        last=through,
        previous_digest=previous,
        digest=made.digest,
        parts=tuple(parts),
        folder=folder,
    )
    if not is_sound(journal):
        raise ArchiveDamaged(f"what was written to {place} is not what is read there", problems=("not the same",))
    _store(journal)
    return journal


def load_journal(folder: Path) -> ArchivedJournal | None:
    """Read what an archive says of its journal; None where it has none. Raises ArchiveDamaged for what says nothing."""
    try:
        stored = json.loads((folder / MANIFEST).read_text("utf-8"))
        if stored["format"] != FORMAT:
            raise ArchiveDamaged(f"{folder / MANIFEST} has format {stored['format']}", problems=("another format",))
        last = stored["last"]
        return ArchivedJournal(
            strategy_id=stored["strategy_id"],
            first=stored["first"],
            last=Head(last["sequence"], last["digest"], load_time(last["recorded_at"])),
            previous_digest=stored["previous_digest"],
            digest=stored["digest"],
            parts=tuple(Part(**part) for part in stored["files"]),
            folder=folder,
        )
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArchiveDamaged(f"{folder / MANIFEST} cannot be read: {error}", problems=(str(error),)) from error


def read_journal(journal: ArchivedJournal) -> Iterator[Entry]:
    """Generate the entries of an archive; raise ArchiveDamaged for what is none."""
    pa = pyarrow()
    for part in journal.parts:
        path = journal.folder / part.path
        try:
            with pa.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=1_000, columns=["body", "digest"]):
                    for row in batch.to_pylist():
                        yield load_entry(row["body"].encode(), row["digest"])
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError, LedgerError) as error:
            told = error.message if isinstance(error, LedgerError) else str(error)
            raise ArchiveDamaged(f"{path} is damaged: {told}", problems=(f"{part.path}: {told}",)) from error


def is_sound(journal: ArchivedJournal) -> bool:
    """Say whether the entries of an archive are those that were written; raise ArchiveDamaged for what is none."""
    found, digest = _Sum(), ""
    try:
        for entry in read_journal(journal):
            found.add(entry)
            digest = entry.digest
    except StorageCorrupt:
        return False
    return (found.first, found.last, found.digest, digest) == (
        journal.first, journal.last.sequence, journal.digest, journal.last.digest
    )  # fmt: skip


def _write(folder: Path, number: int, entries: list[Entry]) -> Part:
    pa = pyarrow()
    year, month = _month(entries[0])
    path = folder / FOLDER / f"year={year:04d}" / f"month={month:02d}" / f"{number:04}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: list[tuple[str, Any, list[Any]]] = [
        ("sequence", pa.int64(), [one.sequence for one in entries]),
        ("recorded_at", pa.timestamp("us", tz="UTC"), [one.recorded_at for one in entries]),
        ("occurred_at", pa.timestamp("us", tz="UTC"), [one.occurred_at for one in entries]),
        ("operation", pa.string(), [one.operation for one in entries]),
        ("subject", pa.string(), [one.subject for one in entries]),
        ("body", pa.string(), [one.body.decode() for one in entries]),
        ("digest", pa.string(), [one.digest for one in entries]),
    ]
    schema = pa.schema([pa.field(name, kind, nullable=name == "subject") for name, kind, _ in columns])
    arrays = [pa.array(values, kind) for _, kind, values in columns]
    pa.parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), path, compression="zstd")
    size, digest = seal(path)
    return Part(path=path.relative_to(folder).as_posix(), rows=len(entries), size=size, sha256=digest)


def _month(entry: Entry) -> tuple[int, int]:
    return entry.recorded_at.year, entry.recorded_at.month


def _store(journal: ArchivedJournal) -> None:
    last = journal.last
    recorded_at: datetime | None = last.recorded_at
    assert recorded_at is not None, "an entry has a time"
    write_json(
        journal.folder / MANIFEST,
        {
            "format": FORMAT,
            "strategy_id": journal.strategy_id,
            "first": journal.first,
            "last": {"sequence": last.sequence, "digest": last.digest, "recorded_at": time_text(recorded_at)},
            "previous_digest": journal.previous_digest,
            "digest": journal.digest,
            "files": [attrs.asdict(part) for part in journal.parts],
        },
    )
