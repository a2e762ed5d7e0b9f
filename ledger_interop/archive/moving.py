"""Move closed history to an archive, and back.

Nothing goes from the ledger before its copy was made durable, read back and found to be the same; each step may be
stopped, and the next call goes on. The manifest is written last: a folder without one is begun anew, for nothing went
by it; one with a manifest is gone on with until `removed.json` says that all that may go has gone. Where the journal
goes too, it goes last, and likewise: copied, then noted in a checkpoint, then cut.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import attrs

from ledger_core import CommandRefused, InvalidValue, ReadOnlyLedger, StrategyLedger
from ledger_core import checks as check
from ledger_core.archivable import Group
from ledger_core.archiving import Cut
from ledger_core.changes import Head
from ledger_core.model import Order
from ledger_core.numbers import decimal_text, time_text
from ledger_interop.archive.checking import require_same_files, require_sound
from ledger_interop.archive.errors import ArchiveDamaged
from ledger_interop.archive.journal import copy_journal, load_journal
from ledger_interop.archive.layout import REMOVED, Month, check_archive_id, ended_at, strategy_folder
from ledger_interop.archive.manifest import Manifest, has_manifest, load_manifest, store_manifest, write_json
from ledger_interop.archive.parquet import pyarrow
from ledger_interop.archive.reading import Sum, read_groups
from ledger_interop.archive.writing import Copying

Watched = Callable[[str, int], object]
"""Hears of progress: what is being done, and how many records were done."""


@attrs.frozen
class ArchivePlan:
    """What would go: counts by kind, and when the oldest and the newest group were over.

    `entries` counts those of the journal that were recorded before.
    """

    before: datetime
    groups: int
    records: Mapping[str, int]
    oldest: datetime | None
    newest: datetime | None
    entries: int


@attrs.frozen
class ArchiveReport:
    """What went. `copied` and `removed` count records by kind; `stayed` names the orders of each group that did not go.

    A group stays where something came since it was copied; its copy is in the archive all the same. `folder` is None
    where there was nothing to archive. `cut` is how far the journal is cut, None where it was not to be.
    """

    archive_id: str | None
    folder: Path | None
    copied: Mapping[str, int]
    removed: Mapping[str, int]
    stayed: tuple[tuple[tuple[str, ...], str], ...]
    head: Head
    cut: Cut | None = None


@attrs.frozen
class RestoreReport:
    """What came back: how many records, which facts were booked that had waited for them, and which still wait."""

    archive_id: str
    records: int
    booked: tuple[str, ...]
    still_waiting: tuple[tuple[str, str], ...]


def plan_archive(ledger: StrategyLedger, before: datetime, *, watched: Watched | None = None) -> ArchivePlan:
    """Count what would go to an archive; nothing is written."""
    moment, found = check.check_time(before, "before"), Sum()
    oldest: datetime | None = None
    newest: datetime | None = None
    for group in ledger.archivist.archivable(moment):
        found.add(Month.of(group), group)
        ended = max(ended_at(group))
        oldest = ended if oldest is None else min(oldest, ended)
        newest = ended if newest is None else max(newest, ended)
        _tell(watched, "looking", sum(found.records.values()))
    return ArchivePlan(moment, found.groups, found.records, oldest, newest, _entries_before(ledger, moment))


def archive_folder(to: Path, strategy_id: str, archive_id: str) -> Path:
    """Return the folder of an archive that is to be written; raise InvalidValue for an id that cannot be, or is taken.

    That of an archive which was not completed is not taken: writing goes on with it.
    """
    folder = strategy_folder(to, strategy_id) / check_archive_id(check.check_id(archive_id, "archive_id"))
    if has_manifest(folder) and load_manifest(folder).is_finished:
        raise InvalidValue(
            f"archive {archive_id!r} is there and complete, in {folder}: take another id",
            argument="archive_id",
            value=archive_id,
        )
    return folder


def write_archive(
    ledger: StrategyLedger,
    *,
    before: datetime,
    to: Path,
    archive_id: str | None = None,
    cuts_journal: bool = False,
    watched: Watched | None = None,
) -> ArchiveReport:
    """Move what was over before a moment to an archive below `to`; see `Archivist.archivable` for what may go.

    The archive is `to`/STRATEGY/`archive_id`; without an id it is named for the day of `before`, with `-2` and so on
    where such an archive is complete. An archive of that id that was not completed is gone on with, as it was begun:
    what it was copied for is not looked for anew. With `cuts_journal` the journal goes there too, up to its last entry
    that was recorded before that moment, and as far as every subscriber has come. Raises ReadOnlyLedger, MissingExtra,
    ArchiveDamaged where a copy is not what was written, InvalidValue for an id that names a complete archive.
    """
    moment, base = check.check_time(before, "before"), strategy_folder(to, ledger.strategy_id)
    if ledger.read_only:
        raise ReadOnlyLedger("archiving needs a ledger opened for writing")
    pyarrow()
    folder = base / _next_id(base, moment) if archive_id is None else archive_folder(to, ledger.strategy_id, archive_id)
    if has_manifest(folder):
        require_sound(folder)
    elif not _copy(ledger, moment, folder, watched, cuts_journal=check.check_bool(cuts_journal, "cuts_journal")):
        return ArchiveReport(None, None, {}, {}, (), ledger.head())
    return _let_go(ledger, load_manifest(folder), watched)


def restore_archive(ledger: StrategyLedger, folder: Path, *, watched: Watched | None = None) -> RestoreReport:
    """Take back what went to an archive, and book the facts that waited for it.

    What is not there any more, because it stayed or came back already, is passed over. Raises ArchiveDamaged, and
    InvalidValue where the archive is another strategy's or a later archive is to be restored first.
    """
    if ledger.read_only:
        raise ReadOnlyLedger("restoring needs a ledger opened for writing")
    require_sound(folder)
    manifest = load_manifest(folder)
    if manifest.strategy_id != ledger.strategy_id:
        raise InvalidValue(
            f"the archive is of strategy {manifest.strategy_id!r}, not {ledger.strategy_id!r}",
            argument="folder",
            value=str(folder),
        )
    archivist, count = ledger.archivist, 0

    def gone() -> Iterator[Group]:
        nonlocal count
        for group in read_groups(folder):
            if archivist.has_gone(manifest.archive_id, group[0]):
                yield group
                count += len(group)
                _tell(watched, "restoring", count)

    archivist.take_back(manifest.archive_id, gone())
    booked, waiting = _book_waiting(ledger, manifest.archive_id)
    return RestoreReport(manifest.archive_id, count, booked, waiting)


def _next_id(base: Path, before: datetime) -> str:
    """Return the first id for a day that names no complete archive."""
    day = before.astimezone(UTC).date().isoformat()
    number = 1
    while True:
        named = day if number == 1 else f"{day}-{number}"
        if not has_manifest(base / named) or not load_manifest(base / named).is_finished:
            return named
        number += 1


def _entries_before(ledger: StrategyLedger, before: datetime) -> int:
    through, first = ledger.archivist.journal_before(before), next(ledger.read_journal(), None)
    return 0 if through is None or first is None else through.sequence - first.sequence + 1


def _copy(
    ledger: StrategyLedger, before: datetime, folder: Path, watched: Watched | None, *, cuts_journal: bool
) -> bool:
    """Copy what may go, read it back and compare; say whether there was anything."""
    head = ledger.head()
    groups = ledger.archivist.archivable(before)
    first = next(groups, None)
    if first is None and not (cuts_journal and _entries_before(ledger, before)):
        return False
    copying = Copying(folder)
    for count in copying.copy(groups if first is None else chain((first,), groups)):
        _tell(watched, "copying", count)
    parts = copying.finish()
    made, found = copying.sum, Sum()
    for group in read_groups(folder):
        found.add(Month.of(group), group)
        _tell(watched, "comparing", sum(found.records.values()))
    if (made.groups, made.records, made.digest) != (found.groups, found.records, found.digest):
        raise ArchiveDamaged(f"what was written to {folder} is not what is read there", problems=("not the same",))
    manifest = Manifest(
        archive_id=folder.name,
        strategy_id=ledger.strategy_id,
        before=before,
        created_at=datetime.now(UTC),
        head_sequence=head.sequence,
        head_digest=head.digest,
        groups=made.groups,
        records=made.records,
        digest=made.digest,
        parts=parts,
        cuts_journal=cuts_journal,
        folder=folder,
    )
    require_same_files(manifest)
    store_manifest(manifest)
    return True


def _let_go(ledger: StrategyLedger, manifest: Manifest, watched: Watched | None) -> ArchiveReport:
    """Let everything go that the archive holds, and note what became of it."""
    removed = dict.fromkeys(manifest.records, 0)
    stayed: list[tuple[tuple[str, ...], str]] = []
    for group, reason in ledger.archivist.let_go(manifest.archive_id, read_groups(manifest.folder)):
        if reason is not None:
            stayed.append((tuple(record.order_id for record in group if isinstance(record, Order)), reason))
            continue
        for record in group:
            removed[record.kind.lower()] += 1
        _tell(watched, "letting go", sum(removed.values()))
    cut = _cut_journal(ledger, manifest, watched) if manifest.cuts_journal else None
    head = ledger.head()
    openings = ledger.archivist.openings(manifest.archive_id)
    write_json(
        manifest.folder / REMOVED,
        {
            "archive_id": manifest.archive_id,
            "removed": removed,
            "stayed": [{"orders": orders, "reason": reason} for orders, reason in stayed],
            "openings": [
                {
                    "symbol": key[0], "venue": key[1], "account": key[2], "position_side": key[3],
                    "executed_at": time_text(opening.executed_at),
                    "realized_pnl": decimal_text(opening.realized_pnl),
                    "fees": [{"currency": fee.currency, "amount": decimal_text(fee.amount)} for fee in opening.fees],
                }
                for key, opening in sorted(openings.items())
            ],
            "head": {"sequence": head.sequence, "digest": head.digest},
            "journal": None if cut is None else {
                "checkpoint": cut.checkpoint.cut_sequence, "first_left": cut.first_left, "held_by": cut.held_by
            },
        },
    )  # fmt: skip
    return ArchiveReport(manifest.archive_id, manifest.folder, manifest.records, removed, tuple(stayed), head, cut)


def _cut_journal(ledger: StrategyLedger, manifest: Manifest, watched: Watched | None) -> Cut | None:
    """Copy the journal up to the archive's date, note what it came to, and cut it; None where there is nothing to cut.

    Of a later archive that was cut at meanwhile, nothing is left to do.
    """
    archivist, journal = ledger.archivist, load_journal(manifest.folder)
    if journal is None:
        through = archivist.journal_before(manifest.before)
        if through is None:
            return None
        journal = copy_journal(
            ledger, manifest.folder, through, lambda sequence: _tell(watched, "copying the journal", sequence)
        )
    known = archivist.checkpoint
    if known is None or known.cut_sequence < journal.last.sequence:
        _tell(watched, "folding the journal", journal.last.sequence)
        archivist.set_checkpoint(manifest.archive_id, journal.last)
    return archivist.cut()


def _book_waiting(ledger: StrategyLedger, archive_id: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Try the facts that waited because what they are about was archived."""
    booked: list[str] = []
    waiting: list[tuple[str, str]] = []
    for fact in ledger.quarantined():
        if fact.code != "ARCHIVED" or fact.order_id is None:
            continue
        resolution = {"order_id": fact.order_id, "reason": f"restored from archive {archive_id}"}
        try:
            ledger.resolve_quarantined(fact.quarantine_id, resolution)
        except CommandRefused as refusal:
            waiting.append((fact.quarantine_id, refusal.message))
        else:
            booked.append(fact.quarantine_id)
    return tuple(booked), tuple(waiting)


def _tell(watched: Watched | None, what: str, count: int) -> None:
    if watched is not None:
        watched(what, count)
