"""Rows are updated by what changed alone, and written whole where a row is not the one that should be there."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from ledger_core import open_ledger
from ledger_core.changes import Change, Entry
from ledger_core.lifecycle import OrderState, TradeState
from ledger_core.model import Order, Record, RecordKind
from ledger_core.testing.samples import MINIMAL, STRATEGY, change_of, entry, head_after, order, position, trade
from ledger_storage_sqlite._columns import TABLES
from ledger_storage_sqlite._updates import Image, images_of, update_of
from sqlite.files import EMPTY, append, open_at, raw
from support import fill, limit_order


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with an accepted order."""
    path = tmp_path / "orders.db"
    with open_ledger(f"sqlite:///{path}?durability=none", strategy_id="alpha") as ledger:
        ledger.record_order("A", limit_order())
        ledger.update_order_acceptance("A", {"venue_order_id": "V-1"})
    return path


def test_a_change_writes_its_own_columns(path: Path) -> None:
    """What a stranger wrote into a column that did not change stays, so that `verify` can tell of it."""
    _execute(path, "UPDATE orders SET reason = 'by a stranger'")
    with open_ledger(f"sqlite:///{path}", strategy_id="alpha") as ledger:
        ledger.update_order_fill("A", fill("f1", "1"))
        (difference,) = ledger.verify().differences
        assert (difference.field, difference.found) == ("reason", "by a stranger")


@pytest.mark.parametrize("damage", ["UPDATE orders SET version = 7", "DELETE FROM orders"])
def test_a_row_that_is_not_the_one_before_is_written_whole(path: Path, damage: str) -> None:
    """A row of another version, or none at all: the after-image takes its place, and nothing of the old one is left."""
    with open_ledger(f"sqlite:///{path}", strategy_id="alpha") as ledger:
        _execute(path, "PRAGMA foreign_keys = OFF", damage)
        ledger.update_order_fill("A", fill("f1", "1"))
        assert ledger.verify().is_intact


def test_a_batch_writes_a_record_once_with_all_that_changed(path: Path) -> None:
    """Acceptance, fill and the last fill of one order in one write: every column is as the journal says."""
    with open_ledger(f"sqlite:///{path}", strategy_id="alpha") as ledger:
        with ledger.batch() as batch:
            batch.update_order_fill("A", fill("f1", "1"))
            batch.update_order_restatement("A", {"quantity": "2"}, "reduced")
            batch.record_order("B", limit_order())
            batch.update_order_fill("A", fill("f2", "1"))
            batch.update_order_rejection("B", "no")
        assert ledger.get_order("A").state == "FILLED"
        assert ledger.verify().is_intact


BORN = order("A", sequence=1)


def _next(version: int, **values: Any) -> tuple[Order, Change]:
    """Return a later version of an order, and the change that made it."""
    record = attrs.evolve(BORN, version=version, **values)
    return record, attrs.evolve(change_of(record), values=values)


def _written_by(*parts: tuple[Sequence[Record], Sequence[Change]]) -> Sequence[Image]:
    """Return what is to be written of entries with these records and changes."""
    made: list[Entry] = []
    for records, changes in parts:
        made.append(entry(head_after(made[-1]) if made else EMPTY, *records, changes=changes))
    return images_of(made)


REASON, LIMIT = _next(2, reason="halted"), _next(3, limit_price=Decimal(9), reason="on")
OTHER = order("B", sequence=1, version=5, reason="other")
OF_OTHER = attrs.evolve(change_of(OTHER), values={"reason": "other"})


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([([BORN], [change_of(BORN)])], [Image(BORN, None, 0)]),
        ([([REASON[0]], [REASON[1]])], [Image(REASON[0], ("reason",), 1)]),
        ([([REASON[0]], [LIMIT[1]])], [Image(REASON[0], None, 2)]),
        ([([LIMIT[0]], [REASON[1], LIMIT[1]])], [Image(LIMIT[0], ("reason", "limit_price"), 1)]),
        ([([LIMIT[0]], [change_of(BORN), REASON[1], LIMIT[1]])], [Image(LIMIT[0], None, 0)]),
        ([([LIMIT[0]], [REASON[1], OF_OTHER])], [Image(LIMIT[0], None, 0)]),
        ([([LIMIT[0]], [])], [Image(LIMIT[0], None, 0)]),
        (
            [([REASON[0], OTHER], [OF_OTHER, REASON[1]])],
            [Image(REASON[0], ("reason",), 1), Image(OTHER, ("reason",), 4)],
        ),
        (
            [([REASON[0], OTHER], [REASON[1], OF_OTHER]), ([LIMIT[0]], [LIMIT[1]])],
            [Image(OTHER, ("reason",), 4), Image(LIMIT[0], ("reason", "limit_price"), 1)],
        ),
        ([([BORN], [change_of(BORN)]), ([REASON[0]], [REASON[1]])], [Image(REASON[0], None, 0)]),
        ([([REASON[0]], [REASON[1]]), ([REASON[0]], [change_of(BORN)])], [Image(REASON[0], None, 0)]),
        ([([REASON[0]], [REASON[1]]), ([_next(4)[0]], [_next(4)[1]])], [Image(_next(4)[0], None, 0)]),
    ],
)
def test_of_each_record_the_last_image_is_written_with_all_that_changed(
    parts: list[tuple[Sequence[Record], Sequence[Change]]], expected: list[Image]
) -> None:
    """Where the changes are those between two versions, they say what is set; where a link is missing, all is."""
    found = _written_by(*parts)
    assert [(image.record.key, image.fields) for image in found] == [(one.record.key, one.fields) for one in expected]
    assert [image.record for image in found] == [one.record for one in expected]
    versions = [(image.fields, image.version_before) for image in found if image.fields is not None]
    assert versions == [(one.fields, one.version_before) for one in expected if one.fields is not None]


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to a file that holds one record of each kind."""
    made = tmp_path / "rows.db"
    repository = open_at(made)
    append(repository, *(attrs.evolve(record, version=1) for record in MINIMAL.values()))
    repository.close()
    connection = raw(made)
    yield connection
    connection.close()


@pytest.mark.parametrize("kind", RecordKind)
def test_an_update_says_whether_the_row_was_there(rows: sqlite3.Connection, kind: RecordKind) -> None:
    """One of another version, or of another strategy, is not; nothing is written then."""
    update = update_of(kind, ("version",))
    assert update is not None
    image = Image(attrs.evolve(MINIMAL[kind], version=2, sequence=1), ("version",), 1)
    assert not update.write(rows, "other", image)
    assert update.write(rows, STRATEGY, image)
    assert not update.write(rows, STRATEGY, image)
    assert rows.execute(f"SELECT version FROM {TABLES[kind].name}").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("states", "statements"),
    [
        ([order(version=2, sequence=1)], ["is_open = 1"]),
        ([order(version=2, sequence=1, state=OrderState.FILLED)], ["is_open = 0"]),
        (
            [order(version=2, sequence=1, state=OrderState.FILLED), order(version=3, sequence=1)],
            ["is_open = 0", "is_open = 1", "is_open = 1"],
        ),
        ([trade(version=2, sequence=1)], ["state = 'OPEN'"]),
        ([trade(version=2, sequence=1, state=TradeState.CLOSED)], ["state = 'CLOSED'"]),
        ([position(version=2, sequence=1, quantity=Decimal(1))], ["is_flat = 0", "is_flat = 0"]),
        ([position(version=2, sequence=1)], ["is_flat = 1"]),
    ],
)
def test_what_stays_open_is_looked_for_among_what_is_open(
    rows: sqlite3.Connection, states: Sequence[Any], statements: list[str]
) -> None:
    """One statement for what stays open or is over, two for what comes back; each says which it is."""
    update = update_of(states[0].kind, ("version", "state") if hasattr(states[0], "state") else ("version", "quantity"))
    assert update is not None
    executed: list[str] = []
    rows.set_trace_callback(executed.append)
    for state in states:
        assert update.write(rows, STRATEGY, Image(state, None, state.version - 1))
    rows.set_trace_callback(None)
    name = statements[0].partition(" ")[0]
    found = [re.findall(rf"\b{name} = (?:\d+|'\w+')", one) for one in executed if one.startswith("UPDATE")]
    assert found == [[statement] for statement in statements]


@pytest.mark.parametrize("kind", [kind for kind, table in TABLES.items() if table.hot is not None])
def test_an_update_of_what_stays_open_touches_no_index(kind: RecordKind) -> None:
    """Neither what a row is found by nor the column that says what is open is set, be it to what it is."""
    update, table = update_of(kind, ("version",)), TABLES[kind]
    assert update is not None
    assert table.hot is not None
    settings, _, condition = update.staying_hot.partition(" SET ")[2].partition(" WHERE ")
    names = {setting.removesuffix(" = ?") for setting in settings.split(", ")}
    assert names.isdisjoint({table.hot[0], *table.key, *table.fixed})
    assert f"{table.hot[0]} = {table.hot[1]!r}" in condition
    assert f"{table.hot[0]} = ?" in update.with_hot.partition(" WHERE ")[0]


def test_what_a_row_is_found_by_is_never_updated() -> None:
    """A change of such a field, which no command makes, would write the whole row."""
    assert update_of("ORDER", ("state", "sequence")) is None
    assert update_of("ORDER", ("details",)) is None


def _execute(path: Path, *statements: str) -> None:
    connection: sqlite3.Connection = raw(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
