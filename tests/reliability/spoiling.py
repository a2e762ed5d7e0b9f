"""Spoiling a ledger file: what a case of a malicious file is made of, and what must come of opening it (`doors`).

A file is REFUSED by every door, with a typed error; or it is READABLE, and whoever reads gets what is in the healthy
file, verification names what is wrong, and nobody can write (UNWRITABLE, where it depends on SQLite's version whether
it can be read); or it is HARMLESS, and every door answers just what it answers of the healthy file; or it is SAFE, and
every door does so or refuses; or its content was changed, which must be FOUND by verification, while the other doors
refuse or answer as they can. Nothing that a file carries is ever run.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import attrs

from reliability.finished import ledger_of, place_files

REFUSED, READABLE, UNWRITABLE, HARMLESS, SAFE, FOUND = "refused", "readable", "unwritable", "harmless", "safe", "found"

VICTIM = "nothing of this may change\n" * 8
CANARY = "CREATE TABLE canary (found TEXT)"

Spoil = Callable[..., None]


@attrs.frozen
class Case:
    """A way to spoil a ledger's file, and what must come of it."""

    spoil: Spoil
    outcome: str
    name: str | None = None
    ledger: int = 0

    def make(self, path: Path) -> None:
        """Put the spoilt file there, and a victim beside it."""
        (path.parent / "victim.txt").write_text(VICTIM)
        place_files(path, ledger_of(self.ledger).files)
        self.spoil(path) if self.name is None else self.spoil(path, self.name)


Register = Callable[[Spoil], Spoil]
Cases = dict[str, Case]

CLOSED, WITH_WAL = 0, 1
"""The ledgers that are spoilt."""


def register(cases: Cases, outcome: str, *names: str, ledger: int = CLOSED) -> Register:
    """Put a way to spoil a file among the cases, once, or once for each name, which it is given."""

    def take(spoil: Spoil) -> Spoil:
        word = spoil.__name__.strip("_").replace("_", " ")
        for name in names:
            cases[f"{word}: {name}"] = Case(spoil, outcome, name, ledger)
        if not names:
            cases[word] = Case(spoil, outcome, None, ledger)
        return spoil

    return take


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to the ledger's, with nothing there."""
    place = path.with_name(path.name + suffix)
    place.unlink(missing_ok=True)
    return place


def sql(path: Path, *statements: str) -> None:
    """Run statements as any SQLite tool does, with the guards of the schema's text off."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)


def edited_schema(path: Path, name: str, edit: Callable[[str], str]) -> None:
    """Edit the statement of an object in place."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (statement,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        edited = edit(statement)
        assert edited != statement, f"{name} has nothing to edit"
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (edited, name))


def unguarded(path: Path, *statements: str, for_ever: bool = False) -> None:
    """Run statements with the triggers dropped, and make the triggers again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, statement in guards if not for_ever else ():
            connection.execute(statement)
