"""Read archives and ledger together: a ledger file of its own in which everything is back.

The journals are copied to the byte, and what was cut of them is taken from the archives; the records are made anew from
them, and the archives restored, the last first. So whatever reads a ledger, a report, a query, an export, reads all of
its history there, to the digit.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger_core import StrategyLedger, open_repository
from ledger_core.changes import Entry
from ledger_core.reader import LedgerReader
from ledger_core.repository import PAGE_SIZE_MAX, storage_url
from ledger_core.verifying import rebuild
from ledger_interop.archive.checking import list_archives, require_sound
from ledger_interop.archive.errors import ArchiveDamaged
from ledger_interop.archive.journal import load_journal, read_journal
from ledger_interop.archive.moving import Watched, restore_archive
from ledger_interop.exporting.files import name, require_new, seal


def span(
    source: LedgerReader, archives: Path, out: Path, *, chain_key: bytes | None = None, watched: Watched | None = None
) -> None:
    """Make a new ledger file `out` of a ledger and its archives below a folder; neither is changed.

    `chain_key` is that of the ledger, if it has one. Raises AlreadyThere where something has the name `out`, and
    ArchiveDamaged; then there is no such file.
    """
    require_new(out)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        made = folder / "x.db"
        for strategy_id in source.strategies():
            _copy(_entries(source.strategy(strategy_id), archives), made, strategy_id, chain_key, watched)
            _restore(archives, made, strategy_id, chain_key, watched)
        seal(made)
        name(made, out, force=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _restore(archives: Path, made: Path, strategy_id: str, chain_key: bytes | None, watched: Watched | None) -> None:
    known = list_archives(archives, strategy_id)
    for manifest in known:
        require_sound(manifest.folder)
    with StrategyLedger(open_repository(_url(made), strategy_id=strategy_id), chain_key=chain_key) as ledger:
        for manifest in reversed(known):
            restore_archive(ledger, manifest.folder, watched=watched)
