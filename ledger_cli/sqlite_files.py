"""The SQLite file behind a path or URL, for the commands that are about files: backup, doctor, query, migrate.

What they read they read through `ledger_rescue`, which leaves no trace.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from ledger_cli.failures import Busy, Misused, Unreadable
from ledger_rescue import ATTEMPTS_MAX, Changed, Reading
from ledger_rescue import Unreadable as NotReadable

AnswerT = TypeVar("AnswerT")

NOT_A_LEDGER = "NOT_A_LEDGER"
"""The code of a failure to open what is no ledger, is not there, or may not be read."""

_URL = "sqlite:///"


def file_of(path_or_url: str) -> Path:
    """Return the file that is meant; raise Misused for a URL of another storage."""
    if "://" not in path_or_url:
        if not path_or_url or "\0" in path_or_url:
            raise Misused("the path names nothing")
        return Path(path_or_url).resolve()
    if not path_or_url.startswith(_URL):
        raise Misused(f"this needs an SQLite file: a path, or {_URL}PATH; not {path_or_url}")
    name = unquote(path_or_url.removeprefix(_URL).partition("?")[0], errors="surrogateescape")
    if not name or "\0" in name:
        raise Misused(f"the URL names no file: {path_or_url}")
    return Path(name).resolve()


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file as it is now, in one transaction; raise Changed at the end if what was read is of no meaning."""
    with readable(path), Reading(path) as opened:
        opened.connection.execute("BEGIN")
        yield opened.connection
        opened.require_unchanged()


def read(path: Path, ask: Callable[[sqlite3.Connection], AnswerT]) -> AnswerT:
    """Ask a file something, again where it changed meanwhile."""
    for _ in range(ATTEMPTS_MAX):
        try:
            with reading(path) as connection:
                return ask(connection)
        except Changed:
            continue
    raise Busy(f"{path} changed again and again while it was read")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what reading a file raises into one line."""
    try:
        yield
    except NotReadable as error:
        is_damaged = isinstance(error.__cause__, sqlite3.DatabaseError) and "malformed" in str(error.__cause__)
        raise Unreadable(str(error), "DAMAGED" if is_damaged else NOT_A_LEDGER) from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        damaged = "the file is damaged: " if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) else ""
        raise Unreadable(f"{path}: {damaged}{error}", name or None) from error
