"""`strategy-ledger export`: a ledger's tables, as of one moment, into files for other programs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from ledger_cli.archived import CODE as ARCHIVED
from ledger_cli.archived import lacks_archived
from ledger_cli.asking import parse_moment, printer_of, printing_options
from ledger_cli.failures import Misused, Refused, Unknown, Unreadable
from ledger_cli.listing import Listing, Printer, number, one_row, text
from ledger_cli.progress import progress
from ledger_cli.reading import note, say
from ledger_cli.settings import Settings
from ledger_cli.writing import one_path, path_argument, reader_for
from ledger_interop.exporting import (
    TABLES,
    AlreadyThere,
    Decimals,
    DoesNotFit,
    Export,
    ExportedFile,
    Format,
    MissingExtra,
    export,
)

STEPS = 10_000
"""Into how many steps the progress of an export is divided."""

_OF_RECORDS = {"orders", "fills", "trades"}
"""Tables of what goes to archives; positions and adjustments stay."""

_SUFFIXES = {
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".beancount": Format.BEANCOUNT,
    ".bean": Format.BEANCOUNT,
}

FILES: Listing[ExportedFile] = Listing(
    (
        text("table"),
        number("rows"),
        number("bytes", rank=1),
        text("file"),
        text("sha256", below=True, rank=2),
    ),
    one_row(lambda one: (one.table, one.rows, one.size, str(one.path), one.sha256)),
)
"""Files that were written, one a row."""

_TABLE_NAMES = "\n".join(f"  {table.name:12}{table.description}" for table in TABLES.values())


@click.command("export", short_help="Tables into files for other programs.", epilog=f"\b\nTables:\n{_TABLE_NAMES}")
@path_argument
@click.option("--to", "to", metavar="FILE|DIR", required=True, help="The file; several tables go into a folder.")
@click.option(
    "--format",
    "form_of_files",
    type=click.Choice([one.value for one in Format]),
    help="By default what the suffix of FILE says.",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    type=click.Choice(list(TABLES)),
    help="Only this table; may be given again. By default all.",
)
@click.option("--strategy", metavar="ID", help="Only this strategy.")
@click.option("--since", metavar="TIME", help="Only what happened at this time or date, or later.")
@click.option("--until", metavar="TIME", help="Only what happened before. Positions are as they stand, always.")
@click.option(
    "--decimals",
    type=click.Choice([one.value for one in Decimals]),
    default=Decimals.DECIMAL128.value,
    show_default=True,
    help="Parquet and Arrow: the type of exact numbers.",
)
@click.option(
    "--places",
    metavar="N",
    type=click.IntRange(0, 36),
    help="Parquet and Arrow: N digits behind the point everywhere, instead of what each column needs.",
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@printing_options
def export_(
    paths: tuple[str, ...],
    to: str,
    form_of_files: str | None,
    tables: tuple[str, ...],
    strategy: str | None,
    since: str | None,
    until: str | None,
    decimals: str,
    places: int | None,
    force: bool,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
) -> None:
    """Write tables of the ledger at PATH, all as of one moment, while the bot goes on.

    Every number is exact: nothing is rounded to fit, and a number that does not fit is an error. One table goes into
    FILE, several into DIR, with a manifest that has the rows, the SHA-256 of each file, and where each journal ended.
    Each file is there whole or not at all. What is there already is not replaced without --force.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    path = one_path(paths, settings)
    kind = _format(to, form_of_files, tables)
    begin, end = parse_moment(since, "--since", printer.zone), parse_moment(until, "--until", printer.zone)
    with reader_for(path) as reader:
        if strategy is not None and strategy not in reader.strategies():
            held = ", ".join(reader.strategies()) or "no strategy at all"
            raise Unknown(f"no strategy {strategy!r} in this ledger; it holds {held}", "UNKNOWN_STRATEGY")
        wanted = reader.strategies() if strategy is None else (strategy,)
        with _about(to), progress(f"exporting {Path(to).name}", STEPS) as advance:
            done = export(
                reader,
                to,
                kind,
                tables=tables or None,
                strategies=None if strategy is None else [strategy],
                since=begin,
                until=end,
                decimals=decimals,
                places=places,
                force=force,
                progress=lambda part: advance(int(part * STEPS)),
            )
        written = {file.table for file in done.files}
        of_records, of_journal = bool(written & _OF_RECORDS), "journal" in written
        lacking = [
            name
            for name in wanted
            if lacks_archived(reader.strategy(name), begin, records=of_records, journal=of_journal)
        ]
    _print(done, printer)
    if lacking:
        named = ", ".join(lacking)
        note(printer, ARCHIVED, f"what {named} has in archives is not in these files: span puts both together")


def _format(to: str, given: str | None, tables: Sequence[str]) -> Format:
    found = Format(given) if given is not None else _SUFFIXES.get(Path(to).suffix.lower())
    if found is None:
        raise Misused(f"say with --format what {to} is to be: {', '.join(_SUFFIXES)} speak for themselves")
    names_file = Path(to).suffix.lower() in _SUFFIXES and not to.endswith("/") and not Path(to).is_dir()
    if names_file and found is not Format.BEANCOUNT and len(tables) != 1:
        raise Misused(f"{to} has room for one table: choose it with --table, or name a folder for several")
    return found


@contextmanager
def _about(to: str) -> Iterator[None]:
    """Turn what can go wrong with the target into one line."""
    try:
        yield
    except AlreadyThere as error:
        raise Refused(f"{error.message}; --force replaces it", error.code) from error
    except (DoesNotFit, MissingExtra) as error:
        raise Unreadable(error.message, error.code) from error
    except OSError as error:
        raise Unreadable(f"{to} cannot be written: {error.strerror or error}") from error


def _print(done: Export, printer: Printer) -> None:
    if printer.form.is_json:
        printer.print_document(done.document())
        return
    printer.print(FILES, done.files)
    for part in done.parts:
        head = part.head
        say(f"{part.strategy_id}: as of entry {head.sequence:,}, recorded {printer.at(head.recorded_at) or 'never'}")
    if not done.parts:
        say("the ledger is empty, and so are the tables")
