"""`strategy-ledger init` and `migrate`: make a ledger file, and bring an older one to the present schema."""

import click

from ledger_cli import sqlite_files
from ledger_cli.failures import FOUND, Refused, Unreadable, one_line
from ledger_cli.masking import mask_url
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import confirm, one_path, path_argument, yes_option

_NO_STRATEGY = "-"


@click.command(short_help="Make an empty ledger.")
@path_argument
@yes_option
def init(paths: tuple[str, ...], yes: bool) -> None:
    """Make an empty ledger at PATH; what is there already is never touched.

    A bot that opens a ledger makes it, too: this is for whoever wants to see where it lies, and that it can.
    """
    from ledger_core import open_repository

    settings = Settings()
    path = one_path(paths, settings)
    shown = mask_url(path)
    file = sqlite_files.file_of(path)
    with one_line(shown):
        if file.exists():
            raise Refused(f"{file} is there already: nothing was changed", "EXISTS")
        if not file.parent.is_dir():
            raise Unreadable(f"there is no directory {file.parent} to make {file.name} in")
    confirm(f"Make an empty ledger at {file}?", yes=yes)
    with one_line(shown):
        open_repository(path, strategy_id=_NO_STRATEGY).close()
    say(f"made {file}")


@click.command(short_help="Bring an older file to the present schema.")
@path_argument
@click.option("--check", is_flag=True, help="Only say what would be done; end with 1 if anything would.")
@yes_option
def migrate(paths: tuple[str, ...], check: bool, yes: bool) -> None:
    """Bring the ledger at PATH to the schema of this program, in one transaction. Make a backup first.

    A program of an older version cannot open it afterwards: stop the bots that use it, and update them together.
    """
    from ledger_core import open_repository
    from ledger_storage_sqlite.schema import SCHEMA_VERSION

    settings = Settings()
    path = one_path(paths, settings)
    file = sqlite_files.file_of(path)
    version = sqlite_files.read(file, lambda connection: int(connection.execute("PRAGMA user_version").fetchone()[0]))
    if version > SCHEMA_VERSION:
        raise Unreadable(
            f"{file} has schema {version}; this program knows schemas up to {SCHEMA_VERSION}: update it",
            "SCHEMA_TOO_NEW",
        )
    if version == SCHEMA_VERSION:
        click.echo(f"{file} has schema {version}, which is the present one: nothing to do")
        return
    click.echo(f"{file} has schema {version}; the present one is {SCHEMA_VERSION}")
    if check:
        click.get_current_context().exit(FOUND)
    confirm(f"Bring it to schema {SCHEMA_VERSION}?", yes=yes)
    with one_line(mask_url(path)):
        open_repository(path, strategy_id=_NO_STRATEGY).close()
    say(f"done: {file} has schema {SCHEMA_VERSION}")
