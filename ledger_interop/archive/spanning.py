"""Read archives and ledger together: a ledger file of its own in which everything is back.

The journals are copied to the byte, and what was cut of them is taken from the archives; the records are made anew from
them, and the archives restored, the last first. So whatever reads a ledger, a report, a query, an export, reads all of
its history there, to the digit.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from ledger_core import StrategyLedger, open_repository
from ledger_core.archived import ArchivedRecord
from ledger_core.changes import Entry
from ledger_core.model import RecordKind
from ledger_core.reader import LedgerReader
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, Query, sort_key, storage_url
from ledger_core.verifying import rebuild
from ledger_interop.archive.checking import list_archives, require_sound
from ledger_interop.archive.errors import ArchiveDamaged
from ledger_interop.archive.journal import load_journal, read_journal
from ledger_interop.archive.moving import Watched, restore_archive
from ledger_interop.exporting.files import name, require_new, seal


@attrs.frozen
class StillArchived:
    """What a ledger made by `span` is without: how many records are in an archive that did not come back.

    It was not there, or, where `is_there`, a later one was not, which has what came after in the same positions.
    """

    strategy_id: str
    archive_id: str
    records: int
    is_there: bool


def span(
    source: LedgerReader, archives: Path, out: Path, *, chain_key: bytes | None = None, watched: Watched | None = None
) -> tuple[StillArchived, ...]:
    """Make a new ledger file `out` of a ledger and its archives below a folder; neither is changed.

    Return what is not in it, as archives are not below the folder: nothing where it has everything. `chain_key` is
    that of the ledger, if it has one. Raises AlreadyThere where something has the name `out`, NotTheTopFolder, and
    ArchiveDamaged where an archive is, or where entries of the journal are in none; then there is no such file.
    """
    missing: list[StillArchived] = []
    require_new(out)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        made = folder / "x.db"
        for strategy_id in source.strategies():
            _copy(_entries(source.strategy(strategy_id), archives), made, strategy_id, chain_key, watched)
            missing += _restore(archives, made, strategy_id, chain_key, watched)
        seal(made)
        name(made, out, force=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(missing)


def _url(path: Path) -> str:
    return f"{storage_url(path)}?durability=process"


def _entries(ledger: StrategyLedger, archives: Path) -> Iterator[Entry]:
    """Generate the whole journal: what was cut from the archives, the rest from the ledger."""
    last = 0
    folders = [manifest.folder for manifest in list_archives(archives, ledger.strategy_id)]
    journals = [journal for journal in map(load_journal, folders) if journal is not None]
    for journal in sorted(journals, key=lambda one: (one.first, one.last.sequence)):
        if journal.last.sequence > last:
            for entry in read_journal(journal):
                if entry.sequence == last + 1:
                    yield entry
                    last = entry.sequence
    for entry in ledger.read_journal(last):
        if entry.sequence != last + 1:
            raise ArchiveDamaged(
                f"entries {last + 1} to {entry.sequence - 1} of {ledger.strategy_id} were cut from the ledger, and are"
                f" in no archive in {archives}",
                problems=("entries are missing",),
            )
        yield entry
        last = entry.sequence


def _copy(
    entries: Iterable[Entry], made: Path, strategy_id: str, chain_key: bytes | None, watched: Watched | None
) -> None:
    """Copy a journal, and make the records of it."""
    repository = open_repository(_url(made), strategy_id=strategy_id)
    try:
        page: list[Entry] = []
        for entry in entries:
            page.append(entry)
            if len(page) == PAGE_SIZE_MAX:
                repository.append(page)
                page = []
                if watched is not None:
                    watched("copying", entry.sequence)
        repository.append(page)
        rebuild(repository, chain_key=chain_key)
    finally:
        repository.close()


def _restore(
    archives: Path, made: Path, strategy_id: str, chain_key: bytes | None, watched: Watched | None
) -> list[StillArchived]:
    """Take back what the archives have; return what is in others."""
    known = list_archives(archives, strategy_id)
    for manifest in known:
        require_sound(manifest.folder)
    repository = open_repository(_url(made), strategy_id=strategy_id)
    with StrategyLedger(repository, chain_key=chain_key) as ledger:
        for manifest in reversed(known):
            moved_on = ledger.archivist.openings(manifest.archive_id).values()
            if all(opening.archive_id == manifest.archive_id for opening in moved_on):  # else a later one is missing
                restore_archive(ledger, manifest.folder, watched=watched)
        left = Counter(one.archive_id for one in _archived(repository) if one.removed is not None)
    there = {manifest.archive_id for manifest in known}
    return [StillArchived(strategy_id, name, records, name in there) for name, records in sorted(left.items())]


def _archived(repository: LedgerRepository) -> Iterator[ArchivedRecord]:
    """Generate what is in archives and did not come back."""
    query = Query(kind=RecordKind.ARCHIVED, where={"is_restored": False}, limit=PAGE_SIZE_MAX)
    while page := repository.find(query):
        yield from (one for one in page if isinstance(one, ArchivedRecord))
        query = attrs.evolve(query, after=sort_key(page[-1], query.ordering))
