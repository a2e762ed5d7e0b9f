"""Tampering: somebody with full access to the file drops the guards, edits journal and records, and restores them.

The better the forger, the more is put right again: nothing; the journal's chain from the point of change on, with
sequences, times and subjects to match; or the chain and all records, rebuilt from the forged journal. Whatever is
done up to the head that was remembered must be found by `verify(head)`: deletions, insertions, changes of order,
truncations and changes, in the journal and in the records. What is forged in whole behind that head is a history
like any other; those cases are counted, and not demanded.
"""

import json
import random
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from ledger_cli.health import strays_in
from ledger_core import Finding, Head, StorageError
from ledger_core.changes import GENESIS_DIGEST
from ledger_core.codec import canonical_json
from ledger_core.verifying import rebuild, verify
from ledger_storage_sqlite import open_repository
from ledger_storage_sqlite._columns import TABLES
from reliability.bit_rot import READS_EVERY, WRITES_EVERY, examine, write_on
from reliability.campaign import Campaign, Tally
from reliability.content import Content, content_of
from reliability.finished import FOLDER, Ledger, ledger_of, open_at, place_files
from reliability.workload import STRATEGY

PROGRAMS_PER_LEDGER = 50
EDITS_MAX = 4
RECORD_TABLES = (*(table.name for table in TABLES.values()), "venue_orders")

OTHER = "mallory"
"""To which strategy rows are carried off."""

NOTHING, CHAIN, RECORDS = range(3)
"""How much a forger puts right again after the edits."""


@attrs.define
class Row:
    """A row of the journal in the forger's hands."""

    sequence: int
    recorded_at: str
    subject: str | None
    body: str
    digest: str


Journal = list[Row]
Edit = Callable[[random.Random, Journal], None]


# -- edits of the journal ---------------------------------------------------------------------------------------------


def _remove_one(chance: random.Random, journal: Journal) -> None:
    del journal[chance.randrange(len(journal))]


def _remove_run(chance: random.Random, journal: Journal) -> None:
    first = chance.randrange(len(journal))
    del journal[first : first + chance.randint(2, 5)]


def _cut_end(chance: random.Random, journal: Journal) -> None:
    del journal[-chance.randint(1, max(1, len(journal) // 3)) :]


def _cut_beginning(chance: random.Random, journal: Journal) -> None:
    del journal[: chance.randint(1, max(1, len(journal) // 3))]


def _insert_copy(chance: random.Random, journal: Journal) -> None:
    copied = attrs.evolve(chance.choice(journal))
    journal.insert(chance.randint(0, len(journal)), copied)


def _swap(chance: random.Random, journal: Journal) -> None:
    one, other = chance.randrange(len(journal)), chance.randrange(len(journal))
    journal[one], journal[other] = journal[other], journal[one]


def _move(chance: random.Random, journal: Journal) -> None:
    row = journal.pop(chance.randrange(len(journal)))
    journal.insert(chance.randint(0, len(journal)), row)


def _swap_bodies(chance: random.Random, journal: Journal) -> None:
    one, other = chance.choice(journal), chance.choice(journal)
    one.body, other.body = other.body, one.body


def _change_body(chance: random.Random, journal: Journal) -> None:
    row = chance.choice(journal)
    place = chance.randrange(len(row.body))
    row.body = row.body[:place] + chance.choice("0123456789 xX{}") + row.body[place + chance.randint(0, 1) :]


def _change_meaning(chance: random.Random, journal: Journal) -> None:
    """Change one value in a body, and leave it in the form in which bodies are written."""
    row = chance.choice(journal)
    body = _loaded(row.body)
    if body is not None:
        place, name = chance.choice(list(_leaves(body)))
        place[name] = _other(chance, place[name])
        row.body = canonical_json(body).decode()


def _change_digest(chance: random.Random, journal: Journal) -> None:
    row = chance.choice(journal)
    row.digest = chance.choice((chance.randbytes(32).hex(), GENESIS_DIGEST, "", row.digest.upper()))


def _change_beside(chance: random.Random, journal: Journal) -> None:
    """Change what stands beside a body, which no digest covers."""
    row = chance.choice(journal)
    if chance.random() < 0.5:
        row.recorded_at = row.recorded_at[:-2] + chance.choice("0123456789") + "Z"
    else:
        row.subject = chance.choice((None, "o1", "nobody"))


def _leaves(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in pairs:
        if isinstance(inner, (dict, list)) and inner:
            yield from _leaves(inner)
        else:
            yield value, name


def _other(chance: random.Random, value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + chance.choice((1, -1, 1000))
        case str() if any(letter.isdigit() for letter in value):
            place = chance.choice([place for place, letter in enumerate(value) if letter.isdigit()])
            return value[:place] + chance.choice("0123456789") + value[place + 1 :]
        case str():
            return chance.choice((value + "x", value.upper(), ""))
        case _:
            return chance.choice((None, "x", 1))


def _loaded(body: str) -> dict[str, Any] | None:
    try:
        loaded = json.loads(body)
    except ValueError:
        return None
    return loaded if isinstance(loaded, dict) else None


# fmt: off
JOURNAL_EDITS: Mapping[Edit, int] = {
    _remove_one: 4, _remove_run: 2, _cut_end: 4, _cut_beginning: 1, _insert_copy: 3, _swap: 3, _move: 3,
    _swap_bodies: 2, _change_body: 4, _change_meaning: 8, _change_digest: 2, _change_beside: 3,
}
# fmt: on


# -- edits of the records ---------------------------------------------------------------------------------------------


def _edit_records(chance: random.Random, connection: sqlite3.Connection) -> None:
    """Change, remove or copy a row of a record; what SQLite itself does not take stays undone."""
    table = chance.choice(RECORD_TABLES)
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    key = [column[1] for column in columns if column[5]]
    rows = connection.execute(f"SELECT {', '.join(key)} FROM {table} ORDER BY {', '.join(key)}").fetchall()
    if not rows:
        return
    where, place = " AND ".join(f"{name} IS ?" for name in key), chance.choice(rows)
    _, column, sql_type, *_ = chance.choice(columns)
    match chance.randrange(4):
        case 0:
            connection.execute(f"DELETE FROM {table} WHERE {where}", place)
        case 1:
            names = [one[1] for one in columns]
            values = [f"{name} || 'x'" if name == key[-1] else name for name in names]
            connection.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table} WHERE {where}", place
            )
        case _ if sql_type == "INTEGER":
            connection.execute(f"UPDATE {table} SET {column} = COALESCE({column}, 0) + 1 WHERE {where}", place)
        case _:
            (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}", place).fetchone()
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (_other(chance, value), *place))


def _carry_off(chance: random.Random, connection: sqlite3.Connection) -> None:
    """Give all that a strategy has, or a table of it, to another strategy."""
    tables = ("journal", *RECORD_TABLES)
    for table in tables if chance.random() < 0.5 else (chance.choice(tables),):
        connection.execute(f"UPDATE {table} SET strategy_id = ? WHERE strategy_id = ?", (OTHER, STRATEGY))


# -- the forger -------------------------------------------------------------------------------------------------------


def tamper(path: Path, chance: random.Random, skill: int) -> None:
    """Drop the guards, edit, put right again as much as the skill allows, and restore the guards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        connection.execute("BEGIN")
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        journal = journal_of(connection)
        for _ in range(chance.randint(1, EDITS_MAX)):
            draw = chance.random()
            if draw < 0.7 and journal:
                (edit,) = chance.choices(tuple(JOURNAL_EDITS), tuple(JOURNAL_EDITS.values()))
                edit(chance, journal)
            elif draw < 0.97:
                _try(connection, lambda: _edit_records(chance, connection))
            else:
                _try(connection, lambda: _carry_off(chance, connection))
        if skill >= CHAIN:
            put_right(journal)
        elif chance.random() < 0.5:
            _renumber(journal)
        _try(connection, lambda: _write_back(connection, journal))
        for _, sql in guards:
            connection.execute(sql)
        connection.execute("COMMIT")
    if skill >= RECORDS:
        rebuild_at(path)


def journal_of(connection: sqlite3.Connection) -> Journal:
    """Return the strategy's journal as it is."""
    statement = (
        "SELECT sequence, recorded_at, subject, body, digest FROM v_journal WHERE strategy_id = ? ORDER BY sequence"
    )
    return [Row(*row) for row in connection.execute(statement, (STRATEGY,))]


def put_right(journal: Journal) -> None:
    """Number the entries anew, in their bodies too, and make the whole chain and what stands beside it fit."""
    _renumber(journal)
    digest = GENESIS_DIGEST
    for row in journal:
        body = _loaded(row.body)
        if body is not None:
            body["sequence"] = row.sequence
            row.body = canonical_json(body).decode()
            row.recorded_at = str(body.get("recorded_at", row.recorded_at))
        digest = row.digest = sha256(bytes.fromhex(digest) + row.body.encode()).hexdigest()


def rebuild_at(path: Path) -> None:
    """Let the ledger itself make the records that the forged journal comes to, if it comes to any."""
    with closing(open_at(path)) as repository:
        try:
            rebuild(repository)
        except StorageError:
            return


def _renumber(journal: Journal) -> None:
    for sequence, row in enumerate(journal, 1):
        row.sequence = sequence


def _write_back(connection: sqlite3.Connection, journal: Journal) -> None:
    if journal_of(connection) or journal:
        connection.execute("DELETE FROM journal WHERE strategy_id = ?", (STRATEGY,))
        connection.executemany(
            "INSERT INTO journal (strategy_id, sequence, recorded_at, subject, body, digest) VALUES (?, ?, ?, ?, ?, ?)",
            [(STRATEGY, *attrs.astuple(row)) for row in journal],
        )


def _try(connection: sqlite3.Connection, edit: Callable[[], None]) -> None:
    """Make an edit, or none of it where SQLite does not take it."""
    connection.execute("SAVEPOINT edit")
    try:
        edit()
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO edit")
    connection.execute("RELEASE edit")


# -- the campaign -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def original_of(seed: int) -> tuple[Ledger, Journal]:
    """Return a closed ledger and its journal."""
    ledger = ledger_of(2 * seed)
    with TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / "ledger.db"
        place_files(path, ledger.files)
        with closing(sqlite3.connect(path)) as connection:
            return ledger, journal_of(connection)


def run(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Tamper with one file for each seed, and verify it given a head that was remembered."""
    violations: list[str] = []
    details: dict[str, int] = {}
    seed = first_seed
    with TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / "ledger.db"
        while seed < first_seed + amount and (deadline is None or time.monotonic() < deadline):
            outcome = _one(path, seed)
            details[outcome] = details.get(outcome, 0) + 1
            if outcome.startswith("violation"):
                violations.append(f"seed {seed}: {outcome}")
            seed += 1
    return Tally(seed - first_seed, seed, tuple(violations), details)


def _one(path: Path, seed: int) -> str:
    chance = random.Random(f"tampering {seed}")
    ledger, journal = original_of(seed // PROGRAMS_PER_LEDGER)
    place_files(path, ledger.files)
    skill = chance.choice((NOTHING, CHAIN, CHAIN, RECORDS))
    row = journal[-1] if chance.random() < 0.7 else chance.choice(journal)
    try:
        tamper(path, chance, skill)
        verdict = examine(path, Head(row.sequence, row.digest), reads=not seed % READS_EVERY)
        with closing(sqlite3.connect(path)) as connection:
            forged = journal_of(connection)
        content = content_of(path)
        is_changed = content != ledger.content
        if not seed % WRITES_EVERY:
            write_on(path, 2 * (seed // PROGRAMS_PER_LEDGER))
    except Exception as error:  # noqa: BLE001  # an error that is not typed is what is looked for
        return f"violation: {type(error).__name__}: {error}"
    if not is_changed:
        return "nothing changed" if verdict.is_silent else f"violation: nothing changed, yet {verdict}"
    if verdict.is_silent:
        is_behind = forged[: row.sequence] == journal[: row.sequence]
        if skill >= CHAIN and is_behind:
            return "forged in whole, behind the remembered head: silent"
        if _own(content) == _own(ledger.content) and _is_reported(path, content):
            return "changed under another name alone: silent, but for doctor or the verification of that"
        return f"violation: changed (skill {skill}, head {row.sequence}), and nobody said a word"
    if verdict.verification is None:
        return "changed: refused"
    found = {difference.what for difference in verdict.verification.differences}
    return "changed: found by the remembered head alone" if found == {Finding.HEAD_DIFFERS} else "changed: reported"


def _own(content: Content | None) -> Content | None:
    """Return what is not another strategy's."""
    if content is None:
        return None
    others = {(name.encode(),) for name in _others(content)}
    return {table: [row for row in rows if row[:1] not in others] for table, rows in content.items()}


def _others(content: Content | None) -> set[str]:
    """Return all names but the verified strategy's that have rows; the name leads every row."""
    tables = (rows for table, rows in (content or {}).items() if table not in ("schema", "marks"))
    names = {row[0] for rows in tables for row in rows}
    return {name.decode() for name in names if isinstance(name, bytes)} - {STRATEGY}


def _is_reported(path: Path, content: Content | None) -> bool:
    """Tell whether `doctor` finds every other name that has rows, be it by verifying that name's ledger."""
    with closing(sqlite3.connect(path)) as connection:
        strays = {name for _, name in strays_in(connection)}
    return all(name in strays or not _is_intact(path, name) for name in _others(content))


def _is_intact(path: Path, strategy_id: str) -> bool:
    url = f"sqlite:///{path}?durability=none"
    with closing(open_repository(url, strategy_id=strategy_id, read_only=True)) as repository:
        return verify(repository).is_intact


CAMPAIGN = Campaign(
    name="tampering",
    row="8",
    promise="Whatever is deleted, inserted, reordered, cut off or changed up to a remembered head is found given it.",
    unit="programs of tampering",
    quick=80,
    ci=2_000,
    whole=100_000,
    run=run,
)
