"""`strategy-ledger import`: the history that a venue, a broker or another bot kept, into a strategy's ledger."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from ledger_cli import sqlite_files, words
from ledger_cli.archived import archived_orders, archives_option
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.failures import FOUND, Misused, Unreadable, one_line
from ledger_cli.listing import Cell, Form, Listing, Printer, number, one_row, text
from ledger_cli.masking import mask_url
from ledger_cli.progress import progress
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import chain_key, confirm, key_option, one_path, path_argument, yes_option
from ledger_core.checks import check_amount
from ledger_core.errors import InvalidValue
from ledger_interop import UnreadableSource
from ledger_interop.importing import SOURCES, Defaults, ImportReport, Options, import_file, inspect_file, source_of
from ledger_interop.importing.times import zone_named

if TYPE_CHECKING:
    from ledger_core import StrategyLedger

STEPS = 10_000
"""Into how many steps the progress of a file is divided."""

_KINDS = "\n".join(f"  {source.kind:12}{source.reads}" for source in SOURCES.values())


@attrs.frozen
class _Told:
    """A reason, of what, how often it was given, and where."""

    outcome: str
    count: int
    reason: str
    places: Sequence[str]


def _row(told: _Told) -> Sequence[Cell]:
    where = "; ".join(told.places[:3]) + ("; …" if told.count > 3 else "")
    return (told.outcome, told.count, told.reason, where)


REASONS: Listing[_Told] = Listing(
    (
        text("outcome", "what became of it"),
        number("count", "times"),
        text("reason", "why", below=True),
        text("places", "where", below=True, rank=1),
    ),
    one_row(_row),
)
"""Why facts were not booked, and messages not understood or passed over, one reason a row."""


@click.command("import", short_help="History of a venue or bot into a ledger.", epilog=f"\b\nKinds:\n{_KINDS}")
@click.argument("kind", metavar="KIND")
@click.argument("file", metavar="FILE", type=click.Path())
@path_argument
@click.option("--strategy", metavar="ID", help="The strategy whose history it is.")
@click.option("--check", is_flag=True, help="Only say what FILE holds; needs no ledger, and writes nothing.")
@click.option("--venue", metavar="NAME", help="The venue of orders whose message names none.")
@click.option("--account", metavar="NAME", help="The account of orders whose message names none.")
@click.option("--zone", metavar="ZONE", help="The time zone of times in FILE that have none, such as Asia/Kolkata.")
@click.option("--origin", metavar="WORD", help="What orders recorded here have as their origin; KIND by default.")
@click.option(
    "--multiplier", "multipliers", metavar="SYMBOL=N", multiple=True, help="What one unit of a contract is worth."
)
@click.option(
    "--infer/--no-infer",
    "infers",
    default=None,
    help="Book totals that no execution explains as inferred fills, or only show them as missing.",
)
@archives_option
@click.option("--session", metavar="SENDER->TARGET", help="fix: only what one side of a session sent.")
@click.option(
    "--column",
    "columns",
    metavar="NAME=COLUMN",
    multiple=True,
    help="csv: where NAME is read from; COLUMN may be empty.",
)
@click.option("--delimiter", default=",", show_default=True, help="csv: what parts the cells.")
@click.option("--decimal-comma", is_flag=True, help="csv: numbers are written as 1.234,50.")
@key_option
@printing_options
@yes_option
def import_(
    kind: str,
    file: str,
    paths: tuple[str, ...],
    strategy: str | None,
    check: bool,
    origin: str | None,
    infers: bool | None,
    archives: str | None,
    key_file: str | None,
    form: str | None,
    as_json: bool,
    tz: str | None,
    wide: bool,
    yes: bool,
    **said: Any,
) -> None:
    """Book the history in FILE, of this KIND, into the ledger at PATH; ends with 1 if a person should look.

    Everything is booked at most once: the same FILE again changes nothing. Quantities decide, a venue's status only
    confirms. What contradicts the ledger is refused, what cannot be booked waits in its quarantine, and what is not
    understood is told with its place: nothing is dropped.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    options = _options(**said)
    if kind not in SOURCES:
        raise Misused(f"no source is called {kind!r}; known are {', '.join(SOURCES)}")
    if not Path(file).is_fifo():  # which can be read once only
        with _source_in_one_line(file), source_of(kind).opening(file, options):
            pass  # what cannot be opened is told before anything is asked, or made
    if check:
        with _source_in_one_line(file):
            report = inspect_file(kind, file, options=options)
    else:
        path = one_path(paths, settings)
        strategy_id = settings.find("strategy", strategy).value
        if strategy_id is None:
            raise Misused("name the strategy whose history it is with --strategy")
        confirm(_question(kind, file, path, strategy_id), yes=yes)
        report = _import(
            path, strategy_id, kind, file, options, origin, infers, archives, chain_key(settings, key_file)
        )
    _print(report, printer)
    if report.needs_attention:
        click.get_current_context().exit(FOUND)


def _import(
    path: str,
    strategy_id: str,
    kind: str,
    file: str,
    options: Options,
    origin: str | None,
    infers: bool | None,
    archives: str | None,
    key: bytes | None,
) -> ImportReport:
    with ExitStack() as stack:
        archived = None if archives is None else stack.enter_context(archived_orders(archives, strategy_id))
        stack.enter_context(one_line(mask_url(path)))
        stack.enter_context(_source_in_one_line(file))
        ledger = stack.enter_context(_ledger(path, strategy_id, key))
        before = ledger.head().sequence
        with progress(f"importing {file}", STEPS) as advance:
            report = import_file(
                ledger,
                kind,
                file,
                options=options,
                origin=origin,
                infers=infers,
                archives=archived,
                progress=lambda done: advance(int(done * STEPS)),
            )
        made = words.count(ledger.head().sequence - before, "entry", "entries")
        say(f"{made} of {strategy_id} in {mask_url(path)}")
    return report


def _ledger(path: str, strategy_id: str, key: bytes | None) -> "StrategyLedger":
    from ledger_core import open_ledger

    return open_ledger(path, strategy_id=strategy_id, chain_key=key)


class _source_in_one_line:  # noqa: N801  # used as a context manager, like `one_line`
    """Turn an UnreadableSource into a Failure that names the file."""

    def __init__(self, file: str) -> None:
        self._file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, UnreadableSource):
            message = error.message if self._file in error.message else f"{self._file}: {error.message}"
            raise Unreadable(message, error.code) from error


def _options(
    *,
    venue: str | None,
    account: str | None,
    zone: str | None,
    multipliers: Sequence[str],
    session: str | None,
    columns: Sequence[str],
    delimiter: str,
    decimal_comma: bool,
) -> Options:
    try:
        named = None if zone is None else zone_named(zone)
    except ValueError as error:
        raise Misused(f"--zone {error}", "UNKNOWN_TIME_ZONE") from error
    if len(delimiter) != 1:
        raise Misused("--delimiter is one character")
    terms = {symbol: {"multiplier": _positive(value)} for symbol, value in _pairs(multipliers, "--multiplier")}
    return Options(
        defaults=Defaults(venue=venue, account=account, zone=named, terms=terms),
        session=session,
        columns=dict(_pairs(columns, "--column", may_be_empty=True)),
        delimiter=delimiter,
        decimal_comma=decimal_comma,
    )


def _pairs(given: Sequence[str], option: str, *, may_be_empty: bool = False) -> Iterator[tuple[str, str]]:
    for one in given:
        name, mark, value = one.partition("=")
        if not mark or not name or not (value or may_be_empty):
            raise Misused(f"{option} is written NAME=VALUE, not {one!r}")
        yield name, value


def _positive(value: str) -> Decimal:
    try:
        number_of = check_amount(value, "--multiplier")
    except InvalidValue as error:
        raise Misused(error.message) from error
    if number_of <= 0:
        raise Misused(f"--multiplier must be positive, not {value}")
    return number_of


def _question(kind: str, file: str, path: str, strategy_id: str) -> str:
    try:
        is_new = not sqlite_files.file_of(path).exists()
    except Misused:  # no file: the adapter knows
        is_new = False
    into = f"a new ledger at {mask_url(path)}" if is_new else mask_url(path)
    return f"Import {file} ({kind}) as history of {strategy_id} into {into}?"


def _print(report: ImportReport, printer: Printer) -> None:
    if printer.form.is_json:
        printer.print_document(dict(report.document()))
        return
    told = [
        _Told(outcome, reason.count, why, reason.places)
        for outcome, reasons in report.reasons.items()
        for why, reason in sorted(reasons.items(), key=lambda item: -item[1].count)
    ]
    for line in report.summary():
        click.echo(line, err=printer.form is not Form.TABLE)
    if printer.form is Form.TABLE and told:
        click.echo()
    printer.print(REASONS, told)
