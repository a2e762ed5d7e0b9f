"""`strategy-ledger span`: what is in archives and what is left in the ledger, together in one place to be read."""

from pathlib import Path

import click

from ledger_cli import words
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.failures import Refused, Unreadable, one_line
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import one_path, path_argument, reader_for
from ledger_interop.archive import list_archives
from ledger_interop.archive import span as write_span
from ledger_interop.exporting import AlreadyThere


@click.command(short_help="Archives and what is left, together.")
@path_argument
@click.argument("folder", metavar="DIR", type=click.Path())
@click.argument("out", metavar="OUT", type=click.Path())
@printing_options
def span(
    paths: tuple[str, ...], folder: str, out: str, form: str | None, as_json: bool, tz: str | None, wide: bool
) -> None:
    """Write into OUT what the archives below DIR hold together with what is left in the ledger at PATH.

    Each record is there once: what came back from an archive is the ledger's. Neither the ledger nor the archives are
    changed, and the bot may go on.
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
            write_span(reader, Path(folder), Path(out))
        except AlreadyThere as error:
            raise Refused(error.message, error.code) from error
    if printer.form.is_json:
        archives = [{"strategy_id": one.strategy_id, "archive_id": one.archive_id} for one in read]
        printer.print_document({"out": out, "archives": archives})
        return
    say(f"done: {out} has what is left and what {words.count(len(read), 'archive')} hold")
