"""The parts of a command line that many commands share: which ledgers, in which form, in which time zone."""

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click

from ledger_cli.failures import Misused
from ledger_cli.listing import Form, Printer
from ledger_cli.settings import Settings

PATHS_MAX = 100
"""How many ledgers one command reads at once."""

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

_DURATION = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_BESIDE = ("-wal", "-shm", "-lock", "-claims", "-journal")
_FILE_SUFFIXES = (".db", ".sqlite", ".sqlite3")


class LedgerPath(click.ParamType[str]):
    """A file or a URL; shells complete it as a file."""

    name = "path"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """Leave it to the shell."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


def printing_options(command: CommandT) -> CommandT:
    """Give a command the options about the form of its answer; `printer_of` takes what they were given."""
    options = (
        click.option(
            "-o",
            "--output",
            "form",
            type=click.Choice([form.value for form in Form]),
            help="The form of the answer, a table by default. JSON and CSV have every digit, and times in UTC.",
        ),
        click.option("--json", "as_json", is_flag=True, help="The same as -o json: errors are JSON, too."),
        click.option("--tz", metavar="ZONE", help="The time zone of tables, such as Europe/Berlin, or local."),
        click.option("--wide", is_flag=True, help="Show every column, also where the terminal is too narrow."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def printer_of(settings: Settings, form: str | None, *, as_json: bool, tz: str | None, wide: bool) -> Printer:
    """Return what prints the answer as the options say."""
    if as_json and form not in (None, Form.JSON.value):
        raise Misused(f"--json and -o {form} are two forms of the same: give one")
    chosen = Form.JSON if as_json else Form(form or Form.TABLE.value)
    return Printer(form=chosen, zone=zone_of(settings, tz), moment=datetime.now(UTC), is_wide=wide)


def zone_of(settings: Settings, argument: str | None) -> tzinfo | None:
    """Return the time zone that was asked for, None for this machine's own.

    A configuration file that cannot be read is complained of, and is no reason to fail.
    """
    try:
        setting = settings.find("tz", argument)
    except Misused as failure:
        click.echo(f"strategy-ledger: {failure.message}; times are UTC", err=True)
        return UTC
    name = setting.value or "UTC"
    if name in ("UTC", "utc", "Z"):
        return UTC
    if name == "local":
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise Misused(f"no time zone {name!r} is known here ({setting.origin})", "UNKNOWN_TIME_ZONE") from error


NO_LEDGER = "no ledger is named: give its PATH, or set STRATEGY_LEDGER_URL, or url in strategy-ledger.toml"


def ledger_paths(paths: Sequence[str], settings: Settings) -> list[str]:
    """Return the ledgers that are meant: those named, each once, else the one of the configuration."""
    if not paths:
        setting = settings.find("url")
        if setting.value is None:
            raise Misused(NO_LEDGER)
        return [setting.value]
    if len(paths) > PATHS_MAX:
        raise Misused(f"{len(paths)} ledgers at once are too many: give at most {PATHS_MAX}")
    named = {_identity(path): path for path in reversed(paths)}
    return [path for path in dict.fromkeys(paths) if path in named.values() and not _is_beside(path, paths)]


def with_last_id(paths: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """Tell an id behind the PATHs: what comes last, names no file and does not look like one."""
    if len(paths) < 2 or looks_like_path(paths[-1]):
        return paths, None
    return paths[:-1], paths[-1]


def require_order(paths: Sequence[str], record_id: str) -> None:
    """Refuse an id and a PATH that have changed places: the id comes last."""
    if len(paths) == 1 and _exists(record_id) and not looks_like_path(paths[0]):
        raise Misused(f"the id comes last: {record_id} {paths[0]}")


def looks_like_path(text: str) -> bool:
    """Whether an argument is a file or a URL rather than an id."""
    if "://" in text or os.sep in text or text.endswith(_FILE_SUFFIXES):
        return True
    return _exists(text)


def parse_moment(text: str | None, option: str, zone: tzinfo | None) -> datetime | None:
    """Read a time or a date of the command line; without an offset it is of the zone of the answer."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Misused(f"{option} is no ISO 8601 time or date: {text!r}") from None
    if moment.tzinfo is not None:
        return moment
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)


def parse_duration(text: str | None, option: str) -> timedelta | None:
    """Read a length of time such as 90s, 5m, 2h or 1d."""
    if text is None:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Misused(f"{option} is no length of time: {text!r}; write 90s, 5m, 2h or 1d")
    return timedelta(**{_UNITS[found["unit"]]: int(found["number"])})


def _identity(path: str) -> str:
    """Return a name that a file has only once, however it was written."""
    from ledger_cli.sqlite_files import file_of

    try:
        return str(file_of(path))
    except Misused:
        return path


def _is_beside(path: str, paths: Sequence[str]) -> bool:
    """Whether a path is one of the files that SQLite and the ledger keep beside one that was named too."""
    return any(path.endswith(suffix) and path.removesuffix(suffix) in paths for suffix in _BESIDE)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
