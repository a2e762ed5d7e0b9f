"""`strategy-ledger archives`: which archives there are, what they hold, and whether they are sound."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
import click

from ledger_cli import words
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.failures import FOUND, Misused, Unreadable, one_line
from ledger_cli.listing import Cell, Document, Form, Listing, number, one_row, text
from ledger_cli.reading import say
from ledger_cli.retention import section
from ledger_cli.settings import Settings
from ledger_core.numbers import time_text
from ledger_interop.archive import (
    ArchiveDamaged,
    ArchivedJournal,
    Manifest,
    archive_folders,
    check_archive,
    load_journal,
    load_manifest,
)


@attrs.frozen
class Listed:
    """An archive, and what is wrong with it: None where nobody looked. One that cannot be read has no manifest."""

    folder: Path
    manifest: Manifest | None = None
    journal: ArchivedJournal | None = None
    problems: Sequence[str] | None = None

    @property
    def state(self) -> str:
        """How it is, in a word."""
        if self.problems or self.manifest is None:
            return "damaged"
        if not self.manifest.is_finished:
            return "unfinished"
        return "complete" if self.problems is None else "sound"

    @property
    def entries(self) -> int:
        """How many entries of the journal it has."""
        return 0 if self.journal is None else self.journal.entries

    @property
    def place(self) -> tuple[datetime, int, str]:
        """Where it stands among the others: the oldest first, what cannot be read last."""
        if self.manifest is None:
            return (datetime.max.replace(tzinfo=UTC), 0, str(self.folder))
        return (self.manifest.created_at, self.manifest.head_sequence, str(self.folder))


def listed(folder: Path, *, checks: bool) -> Listed:
    """Look at an archive; with `checks`, read it whole."""
    try:
        manifest, journal = load_manifest(folder), load_journal(folder)
    except ArchiveDamaged as error:
        return Listed(folder, problems=(error.message,))
    return Listed(folder, manifest, journal, check_archive(folder) if checks else None)


def _row(one: Listed) -> Sequence[Cell]:
    manifest, problems = one.manifest, "; ".join(one.problems or ()) or None
    if manifest is None:
        return (one.state, None, one.folder.name, *[None] * 8, str(one.folder), problems)
    counts = (manifest.records.get(kind, 0) for kind in ("order", "fill", "trade"))
    return (
        one.state,
        manifest.strategy_id,
        manifest.archive_id,
        manifest.before,
        *counts,
        sum(manifest.records.values()),
        one.entries,
        words.size(manifest.size + sum(part.size for part in (one.journal.parts if one.journal else ()))),
        manifest.created_at,
        str(manifest.folder),
        problems,
    )


def _document(one: Listed) -> Document:
    manifest, problems = one.manifest, None if one.problems is None else list(one.problems)
    if manifest is None:
        return {"state": one.state, "archive_id": one.folder.name, "folder": str(one.folder), "problems": problems}
    journal = one.journal
    return {
        "state": one.state,
        "strategy_id": manifest.strategy_id,
        "archive_id": manifest.archive_id,
        "before": time_text(manifest.before),
        "created_at": time_text(manifest.created_at),
        "records": dict(manifest.records),
        "groups": manifest.groups,
        "journal": None if journal is None else {"first": journal.first, "last": journal.last.sequence},
        "bytes": manifest.size,
        "folder": str(manifest.folder),
        "problems": problems,
    }


ARCHIVES: Listing[Listed] = Listing(
    (
        text("state", style=lambda state: "bad" if state == "damaged" else "good" if state == "sound" else ""),
        text("strategy_id", "strategy", varies=True),
        text("archive_id", "archive"),
        text("before", "over before"),
        number("orders"),
        number("fills"),
        number("trades"),
        number("records"),
        number("entries"),
        text("size"),
        text("created_at", "made", rank=2),
        text("folder", rank=1, below=True),
        text("problems", below=True),
    ),
    one_row(_row),
    _document,
)
"""Archives, one a row."""


@click.command(short_help="Which archives there are, and whether they are sound.")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path())
@click.option("--strategy", metavar="ID", help="Only this strategy.")
@click.option("--check", "checks", is_flag=True, help="Read every archive whole; ends with 1 if one is damaged.")
@printing_options
def archives(
    folder: str | None,
    strategy: str | None,
    checks: bool,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
) -> None:
    """List the archives below DIR, oldest first; without DIR those of [retention] in the configuration.

    One that is unfinished was copied whole, but not everything in it has gone from the ledger: `archive` goes on.
    --check compares every file with its SHA-256, and every record with its digest. Ends with 1 if one is damaged.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    named = folder if folder is not None else section(settings).get("to")
    if named is None:
        raise Misused("name the folder of the archives, or set to in [retention] of strategy-ledger.toml")
    place = Path(named)
    if not place.is_dir():
        raise Unreadable(f"there is no folder {place}")
    with one_line(str(place)):
        looked_at = [listed(one, checks=checks) for one in archive_folders(place, strategy)]
    found = sorted(looked_at, key=lambda one: one.place)
    printer.print(ARCHIVES, found)
    if not printer.form.is_json:
        say(f"{words.count(len(found), 'archive')} below {place}")
    if any(one.problems for one in found):
        if printer.form is Form.TABLE:
            say("take a damaged archive from a backup before you restore it")
        click.get_current_context().exit(FOUND)
