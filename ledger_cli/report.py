"""`strategy-ledger report`: a ledger's figures as one page of HTML that needs nothing else.

The file appears whole or not at all. Nothing is replaced without --force, and with it nothing but another such page.
"""

import os
import shlex
import sys
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click

from ledger_cli.asking import parse_moment, printer_of
from ledger_cli.failures import Misused, Refused, Unreadable
from ledger_cli.pnl import parse_rates
from ledger_cli.progress import progress
from ledger_cli.reading import Asked, say, stores_of
from ledger_cli.settings import Settings
from ledger_cli.writing import one_path, path_argument

_STDOUT = "-"
_BEGINNING = b"<!doctype html>"


@click.command(short_help="A page of HTML: curves, figures, trades, risk.")
@path_argument
@click.option(
    "-o", "--output", "target", metavar="FILE", required=True, help="The file to write; - writes the page to stdout."
)
@click.option("--strategy", metavar="ID", help="Only this strategy.")
@click.option("--since", metavar="TIME", help="Only what happened at this time or date, or later.")
@click.option("--until", metavar="TIME", help="Only what happened before.")
@click.option("--currency", metavar="CODE", help="Convert everything into this currency.")
@click.option(
    "--rate",
    "rates",
    metavar="BASE/QUOTE=N",
    multiple=True,
    help="One unit of BASE is N of QUOTE; repeat it. It serves both ways; rates are not chained.",
)
@click.option("--tz", metavar="ZONE", help="The time zone of days and times, such as Europe/Berlin, or local.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there and is a page of HTML.")
def report(
    paths: tuple[str, ...],
    target: str,
    strategy: str | None,
    since: str | None,
    until: str | None,
    currency: str | None,
    rates: tuple[str, ...],
    tz: str | None,
    force: bool,
) -> None:
    """Write a report of a ledger: one file of HTML that needs no network, no script and no other file.

    PATH is a ledger file or a URL. The page holds the curve of net realized PnL and its drawdown, PnL by day, symbol
    and strategy, the latest trades, open risk and execution quality; for a screen, a telephone or paper. The period
    bounds what was made and ordered; open risk is always that of the last entry. The file is for its owner alone.
    """
    from ledger_report.page import Source, html_page, read_report

    settings = Settings()
    asked = Asked(
        paths=(one_path(paths, settings),),
        strategy=strategy,
        limit=None,
        everything=True,
        printer=printer_of(settings, None, as_json=False, tz=tz, wide=False),
        settings=settings,
    )
    zone = asked.printer.zone
    begin, end = parse_moment(since, "--since", zone), parse_moment(until, "--until", zone)
    known_rates = parse_rates(rates)
    if target != _STDOUT:
        _require_room(Path(target), force=force)
    with stores_of(asked) as (store,):
        with progress("reading", sum(ledger.head().sequence for _, ledger in store.ledgers)) as advance:
            found = read_report(
                dict(store.ledgers),
                Source(name=store.shown, arguments=_arguments(store.shown, strategy), period=_period(begin, end)),
                made_at=asked.printer.moment,
                since=begin,
                until=end,
                zone=zone,
                currency=currency,
                rates=known_rates,
                done=advance,
            )
        page = html_page(found).encode()
    if target == _STDOUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(page)
        return
    _write(Path(target), page, force=force)
    say(f"wrote {target}: {len(page):,} bytes")


def _arguments(path: str, strategy: str | None) -> str:
    """Return what to type behind another command to ask the same ledger."""
    return shlex.quote(path) + (f" --strategy {shlex.quote(strategy)}" if strategy is not None else "")


def _period(since: datetime | None, until: datetime | None) -> str:
    bounds = (("--since", since), ("--until", until))
    return " ".join(f"{option} {moment.isoformat()}" for option, moment in bounds if moment is not None)


def _require_room(target: Path, *, force: bool) -> None:
    """Refuse a target that must not be replaced, before anything is read."""
    if target.is_dir():
        raise Misused(f"{target} is a directory: name a file in it")
    if not target.parent.is_dir():
        raise Unreadable(f"there is no directory {target.parent} to write {target.name} to")
    if not os.path.lexists(target):
        return
    if not force:
        raise Refused(f"{target} is there already: --force replaces it", "EXISTS")
    if not target.is_file() or not _is_page(target):
        raise Refused(f"{target} is no page of HTML: --force replaces nothing else", "EXISTS")


def _is_page(target: Path) -> bool:
    try:
        with target.open("rb") as file:
            return file.read(len(_BEGINNING)).lower() == _BEGINNING
    except OSError as error:
        raise Unreadable(f"{target}: {error.strerror}") from error


def _write(target: Path, page: bytes, *, force: bool) -> None:
    """Make the file appear whole; without force it replaces nothing, also what was made meanwhile."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}-", suffix=".part")
    except OSError as error:
        raise Unreadable(f"{target.parent}: {error.strerror}") from error
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(page)
        if force:
            partial.replace(target)
        else:
            os.link(partial, target)
    except FileExistsError:
        raise Refused(f"{target} is there already: --force replaces it", "EXISTS") from None
    except OSError as error:
        raise Unreadable(f"{target}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
