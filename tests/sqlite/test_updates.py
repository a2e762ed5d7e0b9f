"""Rows are updated by what changed alone, and written whole where a row is not the one that should be there."""

import sqlite3
from pathlib import Path

import pytest

from ledger_core import open_ledger
from ledger_storage_sqlite._updates import update_of
from sqlite.files import raw
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
