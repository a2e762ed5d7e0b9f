"""`strategy-ledger archive`: closed history out of the ledger, into files that were proven before anything went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import click

from ledger_cli import words
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.failures import one_line
from ledger_cli.listing import Document, Form, Listing, Printer, number, one_row, text
from ledger_cli.masking import mask_url
from ledger_cli.progress import progress
from ledger_cli.reading import say
from ledger_cli.retention import Wanted, wanted
from ledger_cli.settings import Settings
from ledger_cli.writing import (
    chain_key,
    confirm,
    key_option,
    ledger_for_writing,
    one_path,
    path_argument,
    reader_for,
    strategy_of,
    strategy_option,
    yes_option,
)
from ledger_core.numbers import time_text
from ledger_interop.archive import (
    ArchivePlan,
    ArchiveReport,
    Manifest,
    archive_folder,
    list_archives,
    plan_archive,
    write_archive,
)

if TYPE_CHECKING:
    from ledger_core import StrategyLedger

_STAGES = ("copying", "comparing", "letting go")
_STAYS = (
    "What is open stays, with all that it needs: orders at work, orders of open trades, fills since their position was"
    " last flat, orders that facts in quarantine are about. So do positions, adjustments and instruments."
)
_ENTRY = "entry"
"""How an entry of the journal is called among the kinds of records."""


@attrs.frozen
class _Kind:
    """How many records of a kind are to go, or went."""

    kind: str
    copied: int
    removed: int | None


@attrs.frozen
class _Stayed:
    """Orders that stayed together, and why."""

    orders: Sequence[str]
    reason: str


PLANNED: Listing[_Kind] = Listing(
    (text("kind", "what goes"), number("records")), one_row(lambda one: (one.kind, one.copied))
)
"""What would go, one kind a row."""

WENT: Listing[_Kind] = Listing(
    (text("kind"), number("copied"), number("removed", "went")),
    one_row(lambda one: (one.kind, one.copied, one.removed)),
)
"""What was copied and what went, one kind a row."""

STAYED: Listing[_Stayed] = Listing(
    (text("orders", "stayed"), text("reason", "because", below=True)),
    one_row(lambda one: (", ".join(one.orders), one.reason)),
)
"""What stayed though it was copied, one group a row."""


@click.command(short_help="Closed history into an archive, and out of the ledger.")
@path_argument
@click.option("--before", metavar="DATE", help="What was over before this date or time may go.")
@click.option("--keep-days", metavar="N", type=click.IntRange(min=1), help="The last N whole days, UTC, stay.")
@click.option("--to", metavar="DIR", help="The folder of archives; this one is made in DIR/STRATEGY.")
@click.option("--id", "archive_id", metavar="ID", help="The archive's id; by default the date of --before.")
@click.option("--cut-journal", "cuts_journal", is_flag=True, help="The journal goes too, up to the same date.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@strategy_option
@key_option
@printing_options
@yes_option
def archive(
    paths: tuple[str, ...],
    before: str | None,
    keep_days: int | None,
    to: str | None,
    archive_id: str | None,
    cuts_journal: bool,
    dry_run: bool,
    strategy: str | None,
    key_file: str | None,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
    yes: bool,
) -> None:
    """Move history that is over from the ledger at PATH into an archive below DIR.

    Orders that ended go, with their requests, fills and commands, and closed trades, each trade with all its orders;
    what is open, or needed by what is open, stays. They are copied, read back and compared, and only then they go.
    Ids and digests stay, so a repeat is known, and so do all figures. The journal stays whole, unless --cut-journal
    lets it go too: what it came to is kept, and `verify` goes on from there. What was not told here is that of
    [retention] in the configuration. Interrupted, the same command goes on. `restore` takes an archive back.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    has_path = bool(paths) or settings.find("url").value is not None
    what = wanted(settings, printer, before, keep_days, to, cuts_journal=cuts_journal, has_path=has_path)
    path = one_path(paths, settings)
    strategy_id = strategy_of(path, settings, strategy, lambda _: True)
    if archive_id is not None:
        with one_line(str(what.to)):
            archive_folder(what.to, strategy_id, archive_id)
    with reader_for(path) as reader:
        begun = _begun(what, strategy_id) if archive_id is None else None
        plan = plan_archive(reader.strategy(strategy_id), what.before if begun is None else begun.before)
    cuts = what.cuts_journal if begun is None else begun.cuts_journal
    if begun is not None:
        say(f"archive {begun.archive_id} of {strategy_id} was begun and not finished: this goes on with it")
    elif not plan.groups and not (cuts and plan.entries):
        _print_nothing(plan, strategy_id, printer)
        return
    if dry_run or printer.form is Form.TABLE:
        _print_plan(plan, strategy_id, printer, cuts=cuts)
    if dry_run:
        return
    total = sum(plan.records.values())
    counted = words.count(total, "record") if begun is None else "the rest"
    if cuts and begun is None:
        counted += f" and {plan.entries:,} of the journal's entries"
    confirm(f"Move {counted} of {strategy_id} in {mask_url(path)} to {what.to}?", yes=yes)
    with ledger_for_writing(path, strategy_id, chain_key(settings, key_file)) as ledger:
        with _watching(total) as watched:
            done = write_archive(
                ledger,
                before=plan.before,
                to=what.to,
                archive_id=archive_id if begun is None else begun.archive_id,
                cuts_journal=cuts,
                watched=watched,
            )
        if done.archive_id is None:  # what was to go was changed while somebody was asked
            _print_nothing(plan, strategy_id, printer)
            return
        _print(done, ledger, printer)


def _begun(what: Wanted, strategy_id: str) -> Manifest | None:
    """Return the archive that was copied whole, but of which not everything went."""
    with one_line(str(what.to)):
        return next((one for one in list_archives(what.to, strategy_id) if not one.is_finished), None)


@contextmanager
def _watching(total: int) -> Iterator[Callable[[str, int], object]]:
    """Show how far the copying, the comparing and the letting go are, as one bar."""
    with progress("archiving", len(_STAGES) * total) as advance:

        def watched(stage: str, done: int) -> None:
            if stage in _STAGES:  # else of the journal, which comes last
                advance(_STAGES.index(stage) * total + done)

        yield watched


def _print_nothing(plan: ArchivePlan, strategy_id: str, printer: Printer) -> None:
    if printer.form.is_json:
        printer.print_document(_document_of_plan(plan, strategy_id))
        return
    say(f"nothing of {strategy_id} that was over before {printer.at(plan.before)} may go")


def _print_plan(plan: ArchivePlan, strategy_id: str, printer: Printer, *, cuts: bool) -> None:
    if printer.form.is_json:
        printer.print_document(_document_of_plan(plan, strategy_id, cuts=cuts))
        return
    counts = {**plan.records, _ENTRY: plan.entries if cuts else 0}
    printer.print(PLANNED, [_Kind(kind, count, None) for kind, count in counts.items() if count])
    told = f"of {strategy_id}, over before {printer.at(plan.before)}"
    if plan.oldest is not None:
        told += f": from {printer.at(plan.oldest)} to {printer.at(plan.newest)}"
    say(told)
    say(_STAYS)


def _document_of_plan(plan: ArchivePlan, strategy_id: str, *, cuts: bool = False) -> Document:
    return {
        "strategy_id": strategy_id,
        "before": time_text(plan.before),
        "groups": plan.groups,
        "records": dict(plan.records),
        "entries": plan.entries if cuts else 0,
        "oldest": None if plan.oldest is None else time_text(plan.oldest),
        "newest": None if plan.newest is None else time_text(plan.newest),
    }


def _print(done: ArchiveReport, ledger: "StrategyLedger", printer: Printer) -> None:
    stayed = [_Stayed(orders, reason) for orders, reason in done.stayed]
    if printer.form.is_json:
        printer.print_document(_document(done, ledger.strategy_id, stayed))
        return
    if printer.form is Form.TABLE:
        click.echo()
    printer.print(WENT, [_Kind(kind, copied, done.removed.get(kind, 0)) for kind, copied in _counted(done.copied)])
    if stayed:
        click.echo(err=printer.form is not Form.TABLE)
        for line in printer.table(STAYED, stayed).text.splitlines():
            click.echo(line, err=printer.form is not Form.TABLE)
    say(f"done: entry {ledger.head().sequence} of {ledger.strategy_id}; archive {done.archive_id} is {done.folder}")
    if stayed:
        say(f"{words.count(len(stayed), 'group')} stayed, and may go with the next archive")
    if done.cut is not None:
        say(f"the journal begins with entry {done.cut.first_left} now")
        if done.cut.held_by:
            behind = ", ".join(done.cut.held_by)
            say(f"{behind} did not take all of what is copied: the rest goes with the next archive")
            say("strategy-ledger forget takes away a subscriber that is gone for good")
    say("strategy-ledger restore takes it back, strategy-ledger span makes a ledger that has both")


def _counted(records: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(kind, count) for kind, count in records.items() if count]


def _document(done: ArchiveReport, strategy_id: str, stayed: Sequence[_Stayed]) -> Document:
    return {
        "strategy_id": strategy_id,
        "archive_id": done.archive_id,
        "folder": None if done.folder is None else str(done.folder),
        "copied": dict(done.copied),
        "removed": dict(done.removed),
        "stayed": [{"orders": list(one.orders), "reason": one.reason} for one in stayed],
        "journal": None
        if done.cut is None
        else {
            "checkpoint": done.cut.checkpoint.cut_sequence,
            "first_left": done.cut.first_left,
            "held_by": list(done.cut.held_by),
        },
    }
