"""`strategy-ledger restore`: an archive back into its ledger, and what waited for it booked."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import click

from ledger_cli import words
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.failures import FOUND, Unknown, Unreadable, one_line
from ledger_cli.listing import Form, Listing, Printer, one_row, text
from ledger_cli.masking import mask_url
from ledger_cli.progress import progress
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import (
    chain_key,
    confirm,
    key_option,
    ledger_for_writing,
    one_path,
    path_argument,
    reader_for,
    yes_option,
)
from ledger_interop.archive import Manifest, RestoreReport, check_archive, load_journal, load_manifest, restore_archive


@attrs.frozen
class _Fact:
    """A fact that waited for what is in the archive, and what became of it."""

    quarantine_id: str
    outcome: str
    reason: str | None


FACTS: Listing[_Fact] = Listing(
    (text("quarantine_id", "fact"), text("outcome"), text("reason", "because", below=True)),
    one_row(lambda one: (one.quarantine_id, one.outcome, one.reason)),
)
"""Facts that waited, one a row."""


@click.command(short_help="An archive back into its ledger.")
@path_argument
@click.argument("folder", metavar="ARCHIVE", type=click.Path())
@key_option
@printing_options
@yes_option
def restore(
    paths: tuple[str, ...],
    folder: str,
    key_file: str | None,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
    yes: bool,
) -> None:
    """Take the ARCHIVE, a folder that `archive` made, back into the ledger at PATH; ends with 1 if facts still wait.

    Nothing is taken back that is not what went, to the byte. Facts that waited in quarantine for it are booked. Later
    archives of the strategy are restored first. The folder stays; interrupted, the same command goes on.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    path = one_path(paths, settings)
    with one_line(folder):
        manifest = load_manifest(Path(folder))
        problems = check_archive(Path(folder))
    if problems:
        raise Unreadable(f"archive {folder} is damaged: {problems[0]}", "ARCHIVE_DAMAGED")
    _require_strategy(path, manifest)
    total = sum(manifest.records.values())
    counted, named = words.count(total, "record"), f"{manifest.archive_id} of {manifest.strategy_id}"
    confirm(f"Take back {counted} of archive {named} into {mask_url(path)}?", yes=yes)
    with ledger_for_writing(path, manifest.strategy_id, chain_key(settings, key_file)) as ledger:
        with progress("restoring", total) as advance:
            done = restore_archive(ledger, Path(folder), watched=lambda _, count: advance(count))
        _print(done, manifest, printer)
        say(f"done: {words.count(done.records, 'record')} of {named} came back, entry {ledger.head().sequence}")
        if load_journal(Path(folder)) is not None:
            say("the archive keeps the entries of the journal that it has: strategy-ledger span puts them together")
    if done.still_waiting:
        say("facts still wait: strategy-ledger resolve decides on them")
        click.get_current_context().exit(FOUND)


def _require_strategy(path: str, manifest: Manifest) -> None:
    with reader_for(path) as reader:
        known = reader.strategies()
    if manifest.strategy_id not in known:
        held = ", ".join(known) or "no strategy at all"
        raise Unknown(f"the archive is of strategy {manifest.strategy_id!r}; {mask_url(path)} holds {held}",
                      "UNKNOWN_STRATEGY")  # fmt: skip


def _print(done: RestoreReport, manifest: Manifest, printer: Printer) -> None:
    if printer.form.is_json:
        printer.print_document(
            {
                "strategy_id": manifest.strategy_id,
                "archive_id": done.archive_id,
                "records": done.records,
                "booked": list(done.booked),
                "still_waiting": [{"quarantine_id": one, "reason": reason} for one, reason in done.still_waiting],
            }
        )
        return
    facts: Sequence[_Fact] = [
        *(_Fact(one, "booked", None) for one in done.booked),
        *(_Fact(one, "waits", reason) for one, reason in done.still_waiting),
    ]
    if facts or printer.form is Form.CSV:
        printer.print(FACTS, facts)
