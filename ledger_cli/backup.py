"""`strategy-ledger backup`: a copy of a ledger file, made while the bot goes on, and proven by reopening it."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs
import click

from ledger_cli import sqlite_files, words
from ledger_cli.asking import printer_of, printing_options
from ledger_cli.failures import Busy, Refused, Unreadable
from ledger_cli.listing import Listing, one_row, text
from ledger_cli.progress import progress
from ledger_cli.reading import say
from ledger_cli.settings import Settings
from ledger_cli.writing import one_path, path_argument
from ledger_rescue import ATTEMPTS_MAX, Changed

PAGES_AT_ONCE = 1_000
"""How many pages are copied between two looks at Ctrl-C."""

_PARTIAL = ".partial"
_FILE_MODE = 0o600
_CHUNK = 1024 * 1024
_HEADS = (
    "SELECT strategy_id, sequence, digest FROM journal AS j"
    " WHERE sequence = (SELECT MAX(sequence) FROM journal WHERE strategy_id = j.strategy_id) ORDER BY strategy_id"
)

Heads = tuple[tuple[str, int, str], ...]
"""(strategy, sequence, digest) of the last entry of each journal."""


@attrs.frozen(kw_only=True)
class Backup:
    """A backup that was made and proven."""

    file: Path
    size: int
    sha256: str
    heads: Heads


BACKUPS: Listing[Backup] = Listing(
    (text("backup"), text("size"), text("sha256", below=True, rank=1), text("heads", below=True, rank=1)),
    one_row(
        lambda one: (
            str(one.file),
            words.size(one.size),
            one.sha256,
            ", ".join(f"{strategy_id}={sequence}:{digest}" for strategy_id, sequence, digest in one.heads),
        )
    ),
    lambda one: {
        "file": str(one.file),
        "bytes": one.size,
        "sha256": one.sha256,
        "heads": [
            {"strategy_id": strategy_id, "sequence": sequence, "digest": digest}
            for strategy_id, sequence, digest in one.heads
        ],
    },
)
"""Backups, one a row."""


@click.command(short_help="A proven copy, made while the bot goes on.")
@path_argument
@click.argument("out", metavar="OUT")
@printing_options
def backup(paths: tuple[str, ...], out: str, form: str | None, as_json: bool, tz: str | None, wide: bool) -> None:
    """Copy the ledger at PATH to OUT while the bot goes on, and prove the copy by reopening it.

    OUT is a file that does not exist, or a folder, in which the copy is named after the ledger and the time. The copy
    is of one moment, has every commit up to it, and is checked: SQLite's integrity check finds nothing, and every
    journal ends where it did. Its SHA-256 is written beside it, as sha256sum -c reads it. Keep the heads that are
    printed elsewhere: verify takes them.
    """
    settings = Settings()
    printer = printer_of(settings, form, as_json=as_json, tz=tz, wide=wide)
    file = sqlite_files.file_of(one_path(paths, settings))
    target = _target(file, out)
    partial = target.with_name(target.name + _PARTIAL)
    with _cleaned_up(partial):
        heads = _copy(file, partial)
        _prove(partial, heads)
        size, digest = _sealed(partial)
        _name(partial, target)
    checksum = target.with_name(f"{target.name}.sha256")
    checksum.write_text(f"{digest}  {target.name}\n")
    _sync_folder(target.parent)
    printer.print(BACKUPS, [Backup(file=target, size=size, sha256=digest, heads=heads)])
    if not printer.form.is_json:
        say(f"proven: the copy is sound, and {words.count(len(heads), 'journal')} end where they did")


def _target(file: Path, out: str) -> Path:
    target = Path(out).resolve()
    if target.is_dir():
        target = target / f"{file.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{file.suffix}"
    if target.exists() or target.with_name(f"{target.name}.sha256").exists():
        raise Refused(f"{target} is there already: a backup replaces nothing", "EXISTS")
    if not target.parent.is_dir():
        raise Unreadable(f"there is no directory {target.parent} to make {target.name} in")
    return target


@contextmanager
def _cleaned_up(partial: Path) -> Iterator[None]:
    """Leave nothing half-made behind, and turn what the disk says into one line."""
    try:
        yield
    except OSError as error:
        raise Unreadable(f"the backup {partial} cannot be written: {error.strerror or error}") from error
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _copy(file: Path, partial: Path) -> Heads:
    """Copy the file as it is at one moment; return where its journals end."""
    for _ in range(ATTEMPTS_MAX):
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE))
        try:
            with sqlite_files.reading(file) as source:
                heads = tuple(source.execute(_HEADS).fetchall())  # the transaction holds this moment from here on
                pages = int(source.execute("PRAGMA page_count").fetchone()[0])
                with closing(sqlite3.connect(partial)) as target, progress("copying", pages) as advance:
                    source.backup(
                        target, pages=PAGES_AT_ONCE, progress=lambda _, remaining, total: advance(total - remaining)
                    )
                return heads
        except Changed:
            continue
    raise Busy(f"{file} changed again and again while it was copied")


def _prove(partial: Path, heads: Heads) -> None:
    """Open the copy as a reader would, and look through all of it; raise Unreadable if anything is wrong."""

    def look(connection: sqlite3.Connection) -> tuple[Heads, list[str]]:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
        return tuple(connection.execute(_HEADS).fetchall()), found

    copied, found = sqlite_files.read(partial, look)
    if found != ["ok"]:
        raise Unreadable(f"the copy is damaged, and so is the ledger, for all we know: {'; '.join(found)}", "DAMAGED")
    if copied != heads:
        raise Unreadable("the copy does not end where the ledger did", "DAMAGED")


def _sealed(partial: Path) -> tuple[int, str]:
    """Make the copy durable; return its size and its SHA-256. Nobody has it open in SQLite by now."""
    digest = hashlib.sha256()
    with partial.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
        os.fsync(content.fileno())
        return content.tell(), digest.hexdigest()


def _name(partial: Path, target: Path) -> None:
    """Give the copy its name, without replacing what was made under it meanwhile."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise Refused(f"{target} is there already: a backup replaces nothing", "EXISTS") from None
    except OSError:  # a file system without links
        partial.rename(target)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
