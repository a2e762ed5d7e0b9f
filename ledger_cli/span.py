"""`strategy-ledger span`: a ledger and its archives together, as a ledger of its own that has everything."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from ledger_cli import words
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.failures import FOUND, Refused, Unreadable, one_line
from ledger_cli.masking import mask_url
from ledger_cli.progress import progress
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import chain_key, key_option, one_path, path_argument, reader_for
from ledger_interop.archive import list_archives
from ledger_interop.archive import span as write_span
from ledger_interop.exporting import AlreadyThere

if TYPE_CHECKING:
    from ledger_core import LedgerReader
    from ledger_interop.archive import Manifest


@click.command(short_help="A ledger and its archives, as one new file.")
@path_argument
@click.argument("folder", metavar="DIR", type=click.Path())
@click.argument("out", metavar="OUT", type=click.Path())
@key_option
@printing_options
def span(
    paths: tuple[str, ...],
    folder: str,
    out: str,
    key_file: str | None,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
) -> None:
    """Make a new ledger file OUT of the ledger at PATH and its archives below DIR; ends with 1 if one is missing.

    DIR is the folder that `archive` was given. Everything is back in OUT, of all strategies, so whatever reads a ledger
    reads all of its history there: report, query, export. What is in an archive that is not below DIR is told, and left
    out. Neither the ledger nor the archives are changed, and the bot may go on. OUT is to be read: the bot's own file
    stays the one that the bot writes.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    path = one_path(paths, settings)
    if not Path(folder).is_dir():
        raise Unreadable(f"there is no folder {folder}")
    with one_line(folder):
        known = list_archives(Path(folder))
    with reader_for(path) as reader:
        strategies = reader.strategies()
        read = [one for one in known if one.strategy_id in strategies]
        try:
            with _watching(reader, read) as watched:
                key = chain_key(settings, key_file)
                missing = write_span(reader, Path(folder), Path(out), chain_key=key, watched=watched)
        except AlreadyThere as error:
            raise Refused(error.message, error.code) from error
    if printer.form.is_json:
        archives = [{"strategy_id": one.strategy_id, "archive_id": one.archive_id} for one in read]
        printer.print_document({"out": out, "archives": archives, "missing": [attrs.asdict(one) for one in missing]})
    else:
        counted = words.count(len(read), "archive")
        say(f"done: {out} is a ledger with all that is left in {mask_url(path)} and went to {counted}")
        for one in missing:
            left = words.count(one.records, "record")
            why = "needs a later one, which is" if one.is_there else "is"
            say(f"{left} of {one.strategy_id} are left out: archive {one.archive_id} {why} not below {folder}")
    if missing:
        click.get_current_context().exit(FOUND)


@contextmanager
def _watching(reader: "LedgerReader", archives: "Sequence[Manifest]") -> Iterator[Callable[[str, int], object]]:
    """Show how many entries were copied and records restored, as one bar."""
    entries = sum(reader.strategy(name).head().sequence for name in reader.strategies())
    total = entries + sum(sum(one.records.values()) for one in archives)
    before, last = 0, 0
    with progress("spanning", total) as advance:

        def watched(_: str, done: int) -> None:
            nonlocal before, last
            if done < last:  # the next journal, or archive, begins
                before += last
            last = done
            advance(before + done)

        yield watched
