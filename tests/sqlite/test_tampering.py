"""An edit by hand of any byte that belongs to a strategy is found: of any column, of any row, of any entry."""

import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_core import Finding, Head, Verification, open_ledger, open_repository
from ledger_core.changes import GENESIS_DIGEST, chain
from ledger_core.errors import LedgerError
from ledger_core.verifying import rebuild, verify
from ledger_storage_sqlite import statements
from ledger_storage_sqlite._columns import TABLES
from sqlite.files import query, raw, url_of
from support.clock import SteppingClock
from support.life import live

STRATEGY = "alpha"
OTHER = "beta"
EXEMPT = frozenset({"cursors", "checkpoint_pages"})
"""Tables whose rows are nobody's truth: how far a subscriber was served, and what a journal that is whole came to.

Pages of a journal that was cut are tampered with in tests/core/test_cutting.py.
"""

FLIPS = 150
"""How many single bits of the file are flipped, each on a copy of its own."""

Edit = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a closed file in which two strategies have lived."""
    path = tmp_path_factory.mktemp("lived") / "lived.db"
    for strategy_id in (STRATEGY, OTHER):
        with open_ledger(url_of(path), strategy_id=strategy_id, clock=SteppingClock()) as ledger:
            live(ledger)
    connection = raw(path)
    connection.execute("PRAGMA journal_mode = DELETE")  # all of it in one file, which can be copied
    connection.execute("VACUUM")
    connection.close()
    return path


@pytest.fixture
def tampered(lived: Path, tmp_path: Path) -> Callable[[Edit], Path]:
    """Return what copies the file, edits the copy behind its guards, and returns it."""

    def tamper(edit: Edit) -> Path:
        path = tmp_path / "copy.db"
        shutil.copyfile(lived, path)
        connection = raw(path)
        guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        try:
            for name, _ in guards:
                connection.execute(f"DROP TRIGGER {name}")  # they stop mistakes, not whoever means it
            edit(connection)
            for _, statement in guards:
                connection.execute(statement)
        finally:
            connection.close()
        return path

    return tamper


def verified(path: Path, head: Head | None = None, *, strategy_id: str = STRATEGY, **options: Any) -> Verification:
    """Verify a strategy of the file, without a ledger, which may not even open."""
    repository = open_repository(url_of(path), strategy_id=strategy_id, read_only=True)
    try:
        return verify(repository, head, **options)
    finally:
        repository.close()


def findings(verification: Verification) -> list[tuple[str, int | None]]:
    """Return what was found, and at which entry."""
    return [(difference.what.value, difference.sequence) for difference in verification.differences]


def columns_of(path: Path) -> Iterator[tuple[str, str, str]]:
    """Generate (table, column, type) of every column of every table that holds rows of a strategy."""
    connection = raw(path)
    try:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            if table not in EXEMPT and any(column[1] == "strategy_id" for column in columns):
                yield from ((table, column[1], column[2]) for column in columns)
    finally:
        connection.close()


def edits_of(column: str, sql_type: str) -> Iterator[tuple[str, str]]:
    """Generate (condition on the row, expression of the new value), from blatant to hardly visible."""
    if sql_type == "INTEGER":
        yield f"{column} IS NOT NULL", f"{column} + 1"
        yield f"{column} IS NOT NULL", f"{column} + 1000"
        yield f"{column} IS NULL", "1"
        yield f"{column} IS NOT NULL", "NULL"
        return
    yield f"{column} IS NOT NULL", f"{column} || ' '"
    yield f"{column} IS NOT NULL", f"'x' || {column}"
    yield f"{column} IS NOT NULL", f"CAST(x'ff' || CAST({column} AS BLOB) AS TEXT)"
    yield f"{column} IS NOT NULL", "''"
    yield f"{column} IS NOT NULL", "NULL"
    yield f"{column} IS NULL", "'x'"
    yield f"{column} GLOB '*[0-9].[0-9]*'", f"{column} || '0'"
    yield f"{column} GLOB '*[a-z]*' AND {column} <> UPPER({column})", f"UPPER({column})"
    yield f"{column} GLOB '[[{{]*'", f"REPLACE({column}, ',', ', ') || ' '"


def test_an_untouched_file_is_intact(tampered: Callable[[Edit], Path]) -> None:
    """The file that the edits are made in has no difference, so whatever is found comes from the edit."""
    path = tampered(lambda connection: None)
    for strategy_id in (STRATEGY, OTHER):
        verification = verified(path, strategy_id=strategy_id)
        assert verification.is_intact, verification.differences
        assert verification.records > 20


RECORD_TABLES = {table.name: kind for kind, table in TABLES.items()}


def test_every_table_of_a_strategy_is_edited_here(lived: Path) -> None:
    """The tables of this module are all that hold rows of a strategy, but for those exempt."""
    assert {table for table, _, _ in columns_of(lived)} == {*RECORD_TABLES, "journal", "venue_orders"}


@pytest.mark.parametrize("table", sorted({*RECORD_TABLES, "journal", "venue_orders"}))
def test_an_edit_of_any_column_is_found(table: str, lived: Path, tampered: Callable[[Edit], Path]) -> None:
    """Every column of every table of the strategy, set to other values in several ways, is a difference each time.

    The columns are those that the file says it has: one that is added later is tested without anybody remembering.
    """
    edited = set()
    columns = [(column, sql_type) for name, column, sql_type in columns_of(lived) if name == table]
    key = [str(row[1]) for row in query(lived, f"PRAGMA table_info({table})") if row[5]]
    for column, sql_type in columns:
        for condition, value in edits_of(column, sql_type):
            statement = (
                f"SELECT {', '.join(key)} FROM {table} WHERE strategy_id = '{STRATEGY}' AND {condition}"
                f" AND {column} IS NOT {value} ORDER BY {', '.join(key)}"
            )
            rows = query(lived, statement)
            if not rows:
                continue
            row = random.Random(statement).choice(rows)
            where = " AND ".join(f"{name} = ?" for name in key)
            update = f"UPDATE {table} SET {column} = {value} WHERE {where}"
            try:
                path = tampered(lambda copy, update=update, row=row: copy.execute(update, row))  # type: ignore[misc]
            except sqlite3.IntegrityError:
                continue  # SQLite itself does not take this one
            edited.add(column)
            verification = verified(path)
            assert not verification.is_intact, (column, value, row)
            if table in RECORD_TABLES:
                named = {difference.kind for difference in verification.differences}
                assert RECORD_TABLES[table] in named, (column, value, verification.differences)
    never = {column for column, _ in columns} - edited
    assert not never, f"the life in tests/support/life.py leaves these columns without a value to edit: {never}"


@pytest.mark.parametrize("table", sorted(table.name for table in TABLES.values()))
def test_a_row_removed_or_added_is_found(table: str, tampered: Callable[[Edit], Path]) -> None:
    """A stored record that is not there, and one that the journal does not know, are named with kind and key."""
    kind = next(kind for kind, one in TABLES.items() if one.name == table)

    def copied(connection: sqlite3.Connection) -> None:
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        key = TABLES[kind].key[-1]
        values = ", ".join(f"{name} || 'x'" if name == key else name for name in names)
        connection.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} WHERE strategy_id = ? LIMIT 1",
            (STRATEGY,),
        )

    removed = tampered(lambda connection: connection.execute(f"DELETE FROM {table} WHERE strategy_id = ?", (STRATEGY,)))
    assert (Finding.RECORD_MISSING, kind) in {(one.what, one.kind) for one in verified(removed).differences}
    extra, *rest = verified(tampered(copied)).differences
    assert (extra.what, extra.kind) == (Finding.RECORD_EXTRA, kind)
    assert extra.key is not None
    assert extra.key[-1].endswith("x")
    assert {one.what for one in rest} <= {Finding.INDEX_DIFFERS}  # of an order: nor does the look-up know its ids


def test_venue_ids_removed_or_added_are_found(tampered: Callable[[Edit], Path]) -> None:
    """The table by which orders are looked up by their venue's id has just what the orders say."""
    statement = "DELETE FROM venue_orders WHERE venue_order_id = 'V1b' AND strategy_id = ?"
    removed = verified(tampered(lambda connection: connection.execute(statement, (STRATEGY,))))
    assert [(one.what, one.key, one.expected, one.found) for one in removed.differences] == [
        (Finding.INDEX_DIFFERS, ("O1",), "V1b", None)
    ]
    statement = "INSERT INTO venue_orders (strategy_id, venue_order_id, order_id) VALUES (?, 'V7', 'nobody')"
    added = verified(tampered(lambda connection: connection.execute(statement, (STRATEGY,))))
    assert [(one.what, one.key, one.expected, one.found) for one in added.differences] == [
        (Finding.INDEX_DIFFERS, ("nobody",), None, "V7")
    ]


def test_other_strategies_are_not_to_blame(tampered: Callable[[Edit], Path]) -> None:
    """What was done to one strategy is no difference of another."""
    path = tampered(lambda connection: connection.execute("DELETE FROM orders WHERE strategy_id = ?", (STRATEGY,)))
    assert not verified(path).is_intact
    assert verified(path, strategy_id=OTHER).is_intact


# -- the journal ------------------------------------------------------------------------------------------------------


def journal_edit(statement: str, *parameters: Any) -> Edit:
    """Return an edit of the strategy's journal; `{s}` stands for its strategy."""
    return lambda connection: connection.execute(statement.replace("{s}", f"'{STRATEGY}'"), parameters)


def swap(connection: sqlite3.Connection) -> None:
    """Let two entries change places."""
    for before, after in ((5, -1), (9, 5), (-1, 9)):
        connection.execute(
            "UPDATE journal SET sequence = ? WHERE sequence = ? AND strategy_id = ?", (after, before, STRATEGY)
        )


def insert(connection: sqlite3.Connection) -> None:
    """Put a copy of entry 5 behind it, and move the others on."""
    connection.execute(
        "UPDATE journal SET sequence = -sequence - 1 WHERE sequence > 5 AND strategy_id = ?", (STRATEGY,)
    )
    connection.execute("UPDATE journal SET sequence = -sequence WHERE sequence < 0 AND strategy_id = ?", (STRATEGY,))
    connection.execute(
        "INSERT INTO journal (strategy_id, sequence, recorded_at, subject, body, digest)"
        " SELECT strategy_id, 6, recorded_at, subject, body, digest FROM journal WHERE sequence = 5 AND strategy_id = ?",
        (STRATEGY,),
    )


# fmt: off
JOURNAL_EDITS: dict[str, tuple[Edit, list[tuple[str, int | None]]]] = {
    "body": (journal_edit("UPDATE journal SET body = REPLACE(body, '99.90', '99.80') WHERE sequence = 3 AND strategy_id = {s}"),
        [("DIGEST_BROKEN", 3)]),
    "a space in a body": (journal_edit("UPDATE journal SET body = body || ' ' WHERE sequence = 3 AND strategy_id = {s}"),
        [("DIGEST_BROKEN", 3)]),
    "no body": (journal_edit("UPDATE journal SET body = '' WHERE sequence = 3 AND strategy_id = {s}"),
        [("DIGEST_BROKEN", 3)]),
    "digest": (journal_edit("UPDATE journal SET digest = REPLACE(digest, SUBSTR(digest, 1, 1), 'e') WHERE sequence = 3 AND strategy_id = {s}"),
        [("DIGEST_BROKEN", 3)]),
    "no digest": (journal_edit("UPDATE journal SET digest = 'none' WHERE sequence = 3 AND strategy_id = {s}"),
        [("DIGEST_BROKEN", 3)]),
    "an entry removed": (journal_edit("DELETE FROM journal WHERE sequence = 3 AND strategy_id = {s}"),
        [("ENTRY_MISSING", 3)]),
    "entries removed": (journal_edit("DELETE FROM journal WHERE sequence BETWEEN 3 AND 6 AND strategy_id = {s}"),
        [("ENTRY_MISSING", 3)]),
    "renumbered": (journal_edit("UPDATE journal SET sequence = sequence + 1 WHERE sequence = 41 AND strategy_id = {s}"),
        [("ENTRY_MISSING", 41)]),
    "two swapped": (swap, [("DIGEST_BROKEN", place) for place in (5, 6, 9, 10)]),
    "one inserted": (insert, [("DIGEST_BROKEN", 6)]),
}
# fmt: on


@pytest.mark.parametrize("name", JOURNAL_EDITS)
def test_an_edit_of_the_journal_is_found_by_the_chain_alone(name: str, tampered: Callable[[Edit], Path]) -> None:
    """Bodies and digests edited, entries removed, inserted, swapped: `chain_only` names the place."""
    edit, expected = JOURNAL_EDITS[name]
    path = tampered(edit)
    assert findings(verified(path, chain_only=True)) == expected
    assert set(expected) <= set(findings(verified(path)))


@pytest.mark.parametrize("column", ["recorded_at", "subject"])
def test_what_stands_beside_the_last_entry_is_read_too(column: str, tampered: Callable[[Edit], Path]) -> None:
    """The last entry's own columns are no exception, though the head is taken from them."""
    path = tampered(journal_edit(f"UPDATE journal SET {column} = 'x' WHERE sequence = 27 AND strategy_id = {{s}}"))
    assert ("ENTRY_DIFFERS", 27) in findings(verified(path))


def test_one_edited_body_does_not_put_the_blame_on_others(tampered: Callable[[Edit], Path]) -> None:
    """An entry that cannot be read is a difference or two of its own; records that it changed are not accused."""
    edit, _ = JOURNAL_EDITS["no body"]
    assert findings(verified(tampered(edit))) == [("DIGEST_BROKEN", 3), ("ENTRY_UNREADABLE", 3)]


def test_the_end_cut_off_is_found_by_the_records(tampered: Callable[[Edit], Path]) -> None:
    """A journal that lost its last entries does not explain what is stored."""
    path = tampered(journal_edit("DELETE FROM journal WHERE sequence > 20 AND strategy_id = {s}"))
    assert verified(path, chain_only=True).is_intact
    whole = verified(path)
    assert whole.head.sequence == 20
    assert {Finding.RECORD_EXTRA, Finding.RECORD_DIFFERS} == {one.what for one in whole.differences}


@pytest.mark.parametrize("chain_only", [True, False])
def test_a_remembered_head_finds_what_was_forged_in_whole(
    tampered: Callable[[Edit], Path], *, chain_only: bool
) -> None:
    """A cut end, and a history that was rewritten with all its digests and records, need a head kept elsewhere."""
    with open_ledger(url_of(tampered(lambda _: None)), strategy_id=STRATEGY, read_only=True) as ledger:
        head, whole = ledger.head(), ledger.verify()
        assert whole.head == head
        assert ledger.verify(head, chain_only=chain_only).is_intact

    def cut(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM journal WHERE sequence > 20 AND strategy_id = ?", (STRATEGY,))

    def rewrite(connection: sqlite3.Connection) -> None:
        digest = GENESIS_DIGEST
        statement = "SELECT sequence, body FROM v_journal WHERE strategy_id = ? ORDER BY sequence"
        for sequence, body in connection.execute(statement, (STRATEGY,)).fetchall():
            changed = body.replace('"no such account"', '"insolvent"')
            digest = chain(digest, changed.encode())
            connection.execute(
                "UPDATE journal SET body = ?, digest = ? WHERE strategy_id = ? AND sequence = ?",
                (changed, digest, STRATEGY, sequence),
            )

    for forge in (cut, rewrite):
        path = tampered(forge)
        repository = open_repository(url_of(path), strategy_id=STRATEGY)
        rebuild(repository)
        repository.close()
        assert verified(path).is_intact
        (found,) = verified(path, head, chain_only=chain_only).differences
        assert (found.what, found.sequence, found.expected) == (Finding.HEAD_DIFFERS, head.sequence, head.digest)
        assert (found.found is None) is (forge is cut)


# -- repair -----------------------------------------------------------------------------------------------------------


def test_rebuild_undoes_what_was_done_to_the_records(lived: Path, tampered: Callable[[Edit], Path]) -> None:
    """After any damage to the records, such that no ledger opens, `rebuild` restores each to the byte."""

    def ruin(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE orders SET quantity = 'many', is_open = 1 WHERE strategy_id = ?", (STRATEGY,))
        connection.execute("DELETE FROM fills WHERE strategy_id = ?", (STRATEGY,))
        connection.execute("UPDATE trades SET realized_pnl = '1000000' WHERE strategy_id = ?", (STRATEGY,))
        connection.execute(
            "UPDATE venue_orders SET venue_order_id = venue_order_id || 'x' WHERE strategy_id = ?", (STRATEGY,)
        )

    path = tampered(ruin)
    with pytest.raises(LedgerError):
        open_ledger(url_of(path), strategy_id=STRATEGY)
    repository = open_repository(url_of(path), strategy_id=STRATEGY)
    before = repository.head()
    rebuild(repository)
    assert repository.head() == before
    repository.close()
    assert dump(path) == dump(lived)


def test_a_flipped_bit_is_found_or_is_none_of_ours(lived: Path, tmp_path: Path) -> None:
    """Whatever single bit of the file is flipped: if any row of the strategy reads otherwise now, it is found."""
    content = lived.read_bytes()
    original = dump(lived)
    chance = random.Random(8)
    touched = 0
    for number in range(FLIPS):
        place = chance.randrange(len(content) * 8)
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path = tmp_path / f"{number}.db"
        path.write_bytes(flipped)
        if dump(path) == original:
            continue
        touched += 1
        try:
            repository = open_repository(url_of(path), strategy_id=STRATEGY, read_only=True)
        except LedgerError:
            continue
        try:
            assert not verify(repository).is_intact, place
        finally:
            repository.close()
            path.unlink()
    assert touched > FLIPS // 10


def test_a_row_found_under_a_key_that_it_does_not_have_is_found(lived: Path, tmp_path: Path) -> None:
    """A search may still find a row whose strategy was damaged in place: what the row itself says is read back."""
    content = lived.read_bytes()
    original = dump(lived)
    path = tmp_path / "copy.db"
    touched = 0
    for place in (match.start() for match in re.finditer(STRATEGY.encode(), content)):
        path.write_bytes(content[:place] + b"alp`a" + content[place + len(STRATEGY) :])
        if dump(path) != original:
            touched += 1
            assert not verified(path).is_intact, place
    assert touched > 20


def dump(path: Path) -> object:
    """Return every row of the strategy as any SQLite tool reads it, or None where it cannot."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    connection.text_factory = bytes
    try:
        rows = []
        for table in sorted({*(one.name for one in TABLES.values()), "journal", "venue_orders"}):
            rows += connection.execute(f"SELECT * FROM {table} WHERE strategy_id = ?", (STRATEGY,)).fetchall()
        return sorted(map(repr, rows))
    except (sqlite3.Error, UnicodeDecodeError):  # the latter from a message about a damaged schema
        return None
    finally:
        connection.close()


def test_scanning_walks_the_primary_key(lived: Path) -> None:
    """Each page is one search of the table in its own order: no sort, no index between, whatever its length."""
    connection = raw(lived)
    try:
        for kind, table in TABLES.items():
            for after in range(len(table.key) + 2):
                statement = statements.scan(kind, after)
                rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?")).fetchall()
                assert [row[3].startswith(f"SEARCH {table.name} USING PRIMARY KEY") for row in rows] == [True], rows
    finally:
        connection.close()
