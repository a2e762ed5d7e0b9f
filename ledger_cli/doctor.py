"""`strategy-ledger doctor`: is the file sound, does anything keep it from working, does any order hang."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import click

from ledger_cli import health, sqlite_files, words
from ledger_cli.asking import ledger_paths, parse_duration
from ledger_cli.failures import FOUND, Failure, Misused, one_line
from ledger_cli.health import Check, Verdict
from ledger_cli.listing import Listing, one_row, text
from ledger_cli.masking import mask_url
from ledger_cli.picture import GRACE, gather
from ledger_cli.reading import Asked, one_answer_options, stores_of
from ledger_cli.sqlite_files import NOT_A_LEDGER
from ledger_cli.verify import verified
from ledger_cli.writing import chain_key, key_option
from ledger_rescue import Reading

_STYLES = {"ok": "good", "note": "waiting", "warning": "waiting", "PROBLEM": "bad"}

CHECKS: Listing[Check] = Listing(
    (
        text("verdict", style=lambda verdict: _STYLES.get(verdict, "")),
        text("ledger", varies=True),
        text("check"),
        text("what", "found", below=True, rank=1),
    ),
    one_row(lambda check: (check.verdict.value, check.ledger, check.name, check.what)),
)
"""Checks, one a row."""


@click.command(short_help="Is the file sound, and does anything hang.")
@one_answer_options
@click.option("--full", "in_full", is_flag=True, help="Every page in full, and every record against the journal.")
@click.option("--grace", default="60s", show_default=True, metavar="TIME", help="How long an order may be unanswered.")
@key_option
def doctor(asked: Asked, in_full: bool, grace: str, key_file: str | None) -> None:
    """Examine ledgers without touching them; end with 1 if there is a problem.

    PATH is a ledger file or a URL. Looked at are SQLite's version, the file and its rights, the write-ahead log and who
    keeps it, who has the file open and whether the last who wrote ended well, the schema, the pages, the journal's
    chain, rows of strategies that have no journal, the open orders against their fills, the subscribers, and orders and
    requests that hang.
    """
    graced = parse_duration(grace, "--grace") or GRACE
    key = chain_key(asked.settings, key_file)
    checks = [health.check_library()]
    for path in ledger_paths(asked.paths, asked.settings):
        checks += _examined(attrs.evolve(asked, paths=(path,)), path, key, graced, in_full=in_full)
    checks.sort(key=lambda check: check.ledger)
    asked.printer.print(CHECKS, checks)
    problems = sum(check.verdict is Verdict.PROBLEM for check in checks)
    warnings = sum(check.verdict is Verdict.WARNING for check in checks)
    counted = (words.count(len(checks), "check"), words.count(problems, "problem"), words.count(warnings, "warning"))
    asked.say(", ".join(counted))
    if problems:
        click.get_current_context().exit(FOUND)


def _examined(asked: Asked, path: str, key: bytes | None, grace: timedelta, *, in_full: bool) -> Iterator[Check]:
    """Examine one ledger; what keeps a part from being examined is a problem itself."""
    shown = mask_url(path)
    try:
        file = sqlite_files.file_of(path)
    except Misused:
        file = None
    if file is not None:
        with sqlite_files.readable(file):
            Reading(file).require_file()
        yield from health.check_file(shown, file)  # before anything is opened: see `wal`
        yield from _database(shown, file, in_full=in_full)
    try:
        with stores_of(asked) as stores:
            yield from health.check_open(stores)
            yield from health.check_stuck(shown, gather(stores, asked.printer.moment), grace)
            names = [name for store in stores for name, _ in store.ledgers]
    except Failure as failure:
        yield Check(shown, "reading", Verdict.PROBLEM, failure.message)
        return
    for strategy_id in names:
        with one_line(shown):
            verification = verified(path, strategy_id, None, key, chain_only=not in_full)
        yield health.check_journal(shown, strategy_id, verification, chain_only=not in_full, has_key=key is not None)


def _database(shown: str, file: Path, *, in_full: bool) -> Iterator[Check]:
    try:
        yield from sqlite_files.read(
            file, lambda connection: list(health.check_database(shown, connection, in_full=in_full))
        )
    except Failure as failure:
        if failure.code == NOT_A_LEDGER:
            raise
        yield Check(shown, "pages", Verdict.PROBLEM, failure.message)
