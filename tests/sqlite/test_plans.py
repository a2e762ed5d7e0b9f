"""How SQLite answers: what is open in O(open), pages by key, never by walking the history."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from ledger_core.model import RecordKind
from ledger_core.repository import FILTERS, Ordering, Query
from ledger_core.testing import every_shape
from ledger_storage_sqlite import statements
from ledger_storage_sqlite._columns import CODECS, TABLES
from ledger_storage_sqlite._updates import update_of
from ledger_storage_sqlite.repository import _find
from sqlite.files import open_at, raw

NOW = datetime(2026, 3, 2, tzinfo=UTC)
POSITION = {"symbol": "AAPL", "venue": None, "account": "main", "position_side": "NET"}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Return a plain connection to an empty ledger."""
    path = tmp_path_factory.mktemp("plans") / "orders.db"
    open_at(path).close()
    opened = raw(path)
    yield opened
    opened.close()


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    """Return the lines of the statement's query plan."""
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
    return [row[3] for row in rows]


def plan_of(connection: sqlite3.Connection, **fields: Any) -> list[str]:
    """Return the lines of a query's plan."""
    statement, parameters = _find(Query(**fields), "momentum-1")
    assert statement is not None
    assert statement.count("?") == len(parameters)
    return plan(connection, statement)


HOT = {
    RecordKind.ORDER: ({"is_open": True}, "orders USING INDEX orders_open"),
    RecordKind.REQUEST: ({"is_in_flight": True}, "order_requests USING INDEX order_requests_in_flight"),
    RecordKind.TRADE: ({"state": "OPEN"}, "trades USING INDEX trades_open"),
    RecordKind.POSITION: ({"is_flat": False}, "positions USING INDEX positions_open"),
    RecordKind.QUARANTINE: ({"state": "WAITING"}, "quarantine USING INDEX quarantine_waiting"),
}


@pytest.mark.parametrize("kind", list(HOT))
def test_what_is_open_is_found_by_its_partial_index(connection: sqlite3.Connection, kind: RecordKind) -> None:
    """What is open, held, waiting or in flight is one search of the index that holds nothing else, in order."""
    where, used = HOT[kind]
    assert plan_of(connection, kind=kind, where=where) == [f"SEARCH {used} (strategy_id=?)"]
    assert plan_of(connection, kind=kind, where=where, after=(7,)) == [f"SEARCH {used} (strategy_id=? AND sequence>?)"]


@pytest.mark.parametrize("name", sorted(FILTERS[RecordKind.ORDER] - {"is_open", "venue_order_id"}))
def test_open_orders_stay_cheap_with_a_second_filter(connection: sqlite3.Connection, name: str) -> None:
    """Open orders of a symbol, a group, a plan, ... are found among the open, or by an index of their own."""
    (line,) = plan_of(connection, kind=RecordKind.ORDER, where={"is_open": True, name: "x"})
    assert line.startswith("SEARCH orders USING INDEX orders_")


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("parent_order_id", "orders_by_parent"),
        ("execution_group_id", "orders_by_group"),
        ("trade_plan_id", "orders_by_plan"),
    ],
)
def test_orders_of_a_group_are_one_search(connection: sqlite3.Connection, name: str, index: str) -> None:
    """All orders of a parent, group or plan come by their own index, in order, page by page."""
    found = plan_of(connection, kind=RecordKind.ORDER, where={name: "x"}, after=(7,))
    assert found == [f"SEARCH orders USING INDEX {index} (strategy_id=? AND {name}=? AND sequence>?)"]


def test_an_order_is_found_by_its_venue_s_id(connection: sqlite3.Connection) -> None:
    """The venue's id leads to the few orders that have it, without a walk over orders."""
    found = plan_of(connection, kind=RecordKind.ORDER, where={"venue_order_id": "V-1"})
    assert found[0] == "SEARCH orders USING INDEX orders_by_id (strategy_id=? AND order_id=?)"
    assert "SEARCH v USING PRIMARY KEY (strategy_id=? AND venue_order_id=?)" in found
    assert not any(line.startswith(("SCAN orders", "SCAN v")) for line in found)


@pytest.mark.parametrize("kind", list(RecordKind))
def test_a_record_is_loaded_by_its_key(connection: sqlite3.Connection, kind: RecordKind) -> None:
    """Loading is one search by the whole key."""
    (line,) = plan(connection, statements.RECORDS[kind].load)
    searched = line.rpartition("(")[2].rstrip(")").split(" AND ")
    assert sorted(searched) == sorted(f"{name}=?" for name in ("strategy_id", *TABLES[kind].key))


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (RecordKind.ORDER, "state"),
        (RecordKind.REQUEST, "state"),
        (RecordKind.FILL, "busted"),
        (RecordKind.TRADE, "legs"),
        (RecordKind.POSITION, "quantity"),
        (RecordKind.QUARANTINE, "state"),
    ],
)
def test_an_update_is_one_search(connection: sqlite3.Connection, kind: RecordKind, field: str) -> None:
    """Whatever changed, the row is found by its whole key, and columns that no change named are not written."""
    update = update_of(kind, (field,))
    assert update is not None
    for statement in filter(None, (update.statement, update.staying_hot, update.with_hot)):
        (line,) = plan(connection, statement)
        assert line.startswith(f"SEARCH {TABLES[kind].name} ")
        assert all(f"{name}=?" in line for name in ("strategy_id", *TABLES[kind].key))
        assert "recorded_at" not in statement


@pytest.mark.parametrize("kind", list(RecordKind))
def test_a_page_starts_at_its_key(connection: sqlite3.Connection, kind: RecordKind) -> None:
    """Any page of records starts by a search for the last key of the page before, and is not sorted."""
    table = TABLES[kind]
    whole = plan_of(connection, kind=kind, after=(7, *("x" for _ in table.key)))
    columns = ",".join(("sequence", *table.key))
    marks = ",".join("?" * (1 + len(table.key)))
    assert whole == [f"SEARCH {table.name} USING PRIMARY KEY (strategy_id=? AND ({columns})>({marks}))"]
    assert plan_of(connection, kind=kind) == [f"SEARCH {table.name} USING PRIMARY KEY (strategy_id=?)"]


@pytest.mark.parametrize("ordering", [Ordering.ECONOMIC, Ordering.ECONOMIC_DESCENDING])
def test_a_position_s_fills_come_in_economic_order(connection: sqlite3.Connection, ordering: Ordering) -> None:
    """Folding a position reads its fills, forth or back from any point, in order, by one search."""
    for more in ({}, {"is_flat": True}):
        for after in (None, (NOW,), (NOW, 7, 0)):
            found = plan_of(
                connection, kind=RecordKind.FILL, where={**POSITION, **more}, ordering=ordering, after=after
            )
            assert len(found) == 1
            assert found[0].startswith("SEARCH fills USING INDEX fills_by_position (strategy_id=? AND symbol=?")
            assert ("executed_at" in found[0]) == (after is not None)


def test_the_index_of_a_position_s_fills_is_named() -> None:
    """Statistics that somebody made with ANALYZE change no plan; other fills, and other orders, are not told to use it."""
    economic = Query(kind=RecordKind.FILL, where=POSITION, ordering=Ordering.ECONOMIC)
    for query, is_named in (
        (economic, True),
        (attrs.evolve(economic, where={}), False),
        (attrs.evolve(economic, ordering=Ordering.SEQUENCE), False),
    ):
        statement, _ = _find(query, "s")
        assert (" INDEXED BY fills_by_position " in str(statement)) == is_named


def test_an_order_s_fills_and_requests_are_few(connection: sqlite3.Connection) -> None:
    """The fills and the requests of one order are found by its id; the handful that there are may be sorted."""
    for kind, index in ((RecordKind.FILL, "fills_by_id"), (RecordKind.REQUEST, "order_requests_by_id")):
        found = plan_of(connection, kind=kind, where={"order_id": "O-1"})
        table = TABLES[kind].name
        assert found[0] == f"SEARCH {table} USING INDEX {index} (strategy_id=? AND order_id=?)"


def test_an_adjustment_is_found_without_those_of_the_whole_history(connection: sqlite3.Connection) -> None:
    """The splits of a symbol, and what happened to it since it was flat, are each one search, however long it lives."""
    of_a_kind = plan_of(connection, kind=RecordKind.ADJUSTMENT, where={"symbol": "AAPL", "adjustment_kind": "SPLIT"})
    assert of_a_kind == [
        "SEARCH adjustments USING INDEX adjustments_by_kind (strategy_id=? AND symbol=? AND adjustment_kind=?)"
    ]
    whole = plan_of(connection, kind=RecordKind.ADJUSTMENT, where={"symbol": "AAPL"})
    assert whole == ["SEARCH adjustments USING INDEX adjustments_by_symbol (strategy_id=? AND symbol=?)"]
    recent = plan_of(connection, kind=RecordKind.ADJUSTMENT, where={"symbol": "AAPL"}, since=NOW)
    assert recent[0] == (
        "SEARCH adjustments USING INDEX adjustments_by_time (strategy_id=? AND symbol=? AND occurred_at>?)"
    )


JOURNAL = {
    "HEAD": "SEARCH journal USING INDEX sqlite_autoindex_journal_1 (strategy_id=?)",
    "READ": "SEARCH journal USING INDEX sqlite_autoindex_journal_1 (strategy_id=? AND sequence>?)",
    "READ_SUBJECT": "SEARCH journal USING INDEX journal_by_subject (strategy_id=? AND subject=? AND sequence>?)",
}


@pytest.mark.parametrize("name", list(JOURNAL))
def test_the_journal_is_read_by_its_key(connection: sqlite3.Connection, name: str) -> None:
    """The head, a page after a place, and the history of a subject are each one search."""
    assert plan(connection, getattr(statements, name)) == [JOURNAL[name]]


def test_strategies_are_hopped_over(connection: sqlite3.Connection) -> None:
    """The list of strategies is found by one search each, not by a walk over the journal."""
    found = plan(connection, statements.STRATEGIES)
    assert not any(line.startswith(("SCAN journal", "SCAN j ")) for line in found)


@pytest.mark.parametrize("kind", list(RecordKind))
def test_every_filter_has_a_statement(connection: sqlite3.Connection, kind: RecordKind) -> None:
    """Each filter, asked for a value and for None, alone and with every bound, is a statement that SQLite takes."""
    for name in sorted(FILTERS[kind]):
        for wanted in ("x", None, True, False, 0):
            bounds: list[dict[str, Any]] = [{}, {"since": NOW, "until": NOW, "after": (7,)}]
            for more in bounds:
                statement, parameters = _find(Query(kind=kind, where={name: wanted}, **more), "s")
                if statement is not None:
                    assert statement.count("?") == len(parameters)
                    plan(connection, statement)


@pytest.mark.parametrize("kind", RecordKind)
def test_a_record_is_written_and_loaded_by_its_key(connection: sqlite3.Connection, kind: RecordKind) -> None:
    """The statements that are made of a table's declaration write every column, and find one row."""
    made, codec = statements._statements(TABLES[kind]), CODECS[kind]
    first, other = every_shape(kind)[0], every_shape(kind)[-1]
    again = attrs.evolve(first, version=7)
    connection.execute("BEGIN")
    for record in (first, other, again):
        connection.execute(made.upsert, (*codec.encode(record), "s"))
    for record in (again, other):
        (row,) = connection.execute(made.load, ("s", *record.key)).fetchall()
        assert codec.decode(row) == record
    connection.execute("ROLLBACK")


def test_statement_texts_are_made_once() -> None:
    """Queries that differ in values alone share one text, which holds none of the values."""
    texts = {
        _find(Query(kind=RecordKind.ORDER, where={"symbol": symbol, "venue": None}, after=(place,)), "s")[0]
        for symbol, place in (("AAPL'--", 1), ("MSFT", 2))
    }
    assert len(texts) == 1
    assert "AAPL" not in texts.pop()  # type: ignore[operator]  # a text


VIEWS = {
    "v_open_orders": "SCAN orders USING INDEX orders_open",
    "v_positions": "SCAN positions USING INDEX positions_open",
}


@pytest.mark.parametrize("name", list(VIEWS))
def test_views_of_what_is_open_walk_only_that(connection: sqlite3.Connection, name: str) -> None:
    """The views of what is open name their partial index, with and without a strategy."""
    assert plan(connection, f"SELECT * FROM {name}") == [VIEWS[name]]
    (line,) = plan(connection, f"SELECT * FROM {name} WHERE strategy_id = 's'")
    assert line == f"{VIEWS[name].replace('SCAN', 'SEARCH')} (strategy_id=?)"


def test_the_view_of_what_needs_attention_walks_only_what_is_open(connection: sqlite3.Connection) -> None:
    """Its three parts name their partial indexes."""
    found = plan(connection, "SELECT * FROM v_needs_attention")
    walked = [line for line in found if line.startswith("SCAN") and "USING INDEX" in line]
    assert [line.rpartition(" ")[2] for line in walked] == [
        "orders_open",
        "order_requests_in_flight",
        "quarantine_waiting",
    ]


def test_a_plain_file_shows_its_columns(tmp_path: Path) -> None:
    """A query without INDEXED BY, as a person types it, works on every table and view."""
    open_at(tmp_path / "x.db").close()
    connection = raw(tmp_path / "x.db")
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")]
    for name in names:
        assert connection.execute(f"SELECT * FROM {name}").fetchall() is not None
    connection.close()
