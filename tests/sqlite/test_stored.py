"""What is stored is shown as it lies there: damaged text with its bytes escaped, and every difference from a record."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger_core.errors import StorageCorrupt
from ledger_core.findings import Difference, Finding
from ledger_core.model import RecordKind
from ledger_core.repository import RawEntry
from ledger_core.testing.samples import STRATEGY, order, position
from ledger_storage_sqlite import SqliteRepository, _stored, statements
from ledger_storage_sqlite._bodies import shortened
from ledger_storage_sqlite._columns import CODECS, TABLES
from ledger_storage_sqlite._schema_check import SCHEMA
from sqlite.files import append, raw

AT = "2026-03-02T12:00:00.123456Z"
NOT_UTF8 = StorageCorrupt("the file holds text that is not UTF-8")


@pytest.fixture(autouse=True)
def layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work out anew where in a row its place and its version stand."""
    monkeypatch.setattr(_stored, "_LAYOUTS", {kind: _stored._Layout.of(kind) for kind in RecordKind})


class _File:
    """Answers queries, one after the other, with rows or an error; `asked` is what it was asked."""

    def __init__(self, *answers: Sequence[Any] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, list[Any]]] = []

    def __call__(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """Answer."""
        self.asked.append((statement, list(parameters)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)


def test_raw_entries_are_asked_for_once_where_they_are_text() -> None:
    """A body that was shortened is spelled out, and nothing else is touched."""
    body = b'{"changes":[]}'
    file = _File([(8, AT, None, shortened(body).encode(), "d", STRATEGY), (9, "x", "O-1", body, None, STRATEGY)])
    assert _stored.read_raw(file, STRATEGY, 7, 2) == [
        RawEntry(8, AT, None, body, "d"),
        RawEntry(9, "x", "O-1", body, None),  # type: ignore[arg-type]  # damage
    ]
    assert file.asked == [(statements.READ_RAW, [STRATEGY, 7, 2])]


def test_raw_entries_that_are_no_text_come_with_their_bytes_escaped() -> None:
    """Where one text of a page cannot be decoded, all are read as bytes; bodies always are."""
    file = _File(NOT_UTF8, [(8, b"\xff", b"O-1", b"\xfe", b"d", STRATEGY.encode())])
    assert _stored.read_raw(file, STRATEGY, 7, 2) == [RawEntry(8, "\udcff", "O-1", b"\xfe", "d")]
    assert file.asked[1] == (statements.READ_RAW_BYTES, [STRATEGY, 7, 2])


@pytest.mark.parametrize(
    "row",
    [
        (8, AT, "O-1", b"{}", "d", "other"),
        (8, AT, "O-1", None, "d", STRATEGY),
        ("8", AT, "O-1", b"{}", "d", STRATEGY),
    ],
)
def test_a_row_that_is_none_of_the_journal_is_refused(row: tuple[Any, ...]) -> None:
    """A damaged page may show a row of another strategy, without a body or without a place: its place is told."""
    with pytest.raises(StorageCorrupt) as caught:
        _stored.read_raw(_File([row]), STRATEGY, 7, 2)
    assert caught.value.sequence == 8


def _row(**columns: Any) -> tuple[Any, ...]:
    """Return the row of an order, with some of its columns changed."""
    names = (*TABLES[RecordKind.ORDER].bound, "strategy_id")
    values = (*CODECS[RecordKind.ORDER].encode(order(sequence=3, version=2)), STRATEGY)
    return tuple({**dict(zip(names, values, strict=True)), **columns}.values())


def test_a_scanned_row_tells_every_column_that_differs() -> None:
    """Of a row that is as it was written there is nothing to tell; of another one what was expected and what is there."""
    file = _File([_row(), _row(reason="edited", status="FILLED", strategy_id="other")])
    same, edited = _stored.scan(file, STRATEGY, RecordKind.ORDER, (1, "A"), 5)
    assert (same.sequence, same.key, same.version) == (3, ("O-1",), 2)
    expected = order(sequence=3, version=2)
    assert same.differences(expected) == {}
    assert edited.differences(expected) == {
        "reason": (None, "edited"),
        "status": ("PLACED", "FILLED"),
        "strategy_id": (STRATEGY, "other"),
    }
    assert file.asked == [(statements.scan(RecordKind.ORDER, 2), [STRATEGY, 1, "A", 5])]


def test_a_scanned_row_that_is_no_text_comes_with_its_bytes_escaped() -> None:
    """The whole page is read as bytes then; what is no number is no sequence and no version."""
    encoded = tuple(value.encode() if isinstance(value, str) else value for value in _row(sequence="x", version=None))
    file = _File(NOT_UTF8, [tuple(b"\xff" if value == b"O-1" else value for value in encoded)])
    (found,) = _stored.scan(file, STRATEGY, RecordKind.ORDER, (1, "A"), 5)
    assert (found.sequence, found.key, found.version) == (0, ("\udcff",), 0)
    assert set(found.differences(order(sequence=3, version=2))) == {"order_id", "sequence", "version"}
    assert file.asked[1] == (statements.scan(RecordKind.ORDER, 2, as_bytes=True), [STRATEGY, 1, "A", 5])


def test_what_sqlite_finds_is_told_table_by_table() -> None:
    """Each sentence of its own check is a difference; so is a schema that may run something."""
    tables = list(statements.CHECK_INTEGRITY)
    answers = [[("row 1 missing",), ("row 2 missing",)] if table == "fills" else [("ok",)] for table in tables]
    trigger = ("trigger", "thief", "notes", "CREATE TRIGGER thief AFTER INSERT ON notes BEGIN SELECT 1; END")
    file = _File([trigger], *answers, [], [])
    schema, *found = _stored.audit(file, STRATEGY)
    assert (schema.what, schema.field) == (Finding.INDEX_DIFFERS, "schema")
    assert "thief" in str(schema.found)
    assert found == [
        Difference(what=Finding.INDEX_DIFFERS, field="fills", found=f"row {number} missing") for number in (1, 2)
    ]
    assert [asked for asked, _ in file.asked[: 1 + len(tables)]] == [SCHEMA, *statements.CHECK_INTEGRITY.values()]


@pytest.fixture
def edited(repository: SqliteRepository, path: Path) -> Callable[[str], Sequence[Difference]]:
    """Return what an audit finds after an edit of three orders' ids."""
    append(repository, *(order(f"O-{number}", venue_order_ids=(f"V-{number}", "V")) for number in (1, 2, 3)))
    append(repository, position())

    def edit(statement: str) -> Sequence[Difference]:
        connection = raw(path)
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.executescript(statement)
        connection.close()
        return list(repository.audit())

    return edit


def _of(order_id: str, expected: str | None, found: str | None) -> Difference:
    return Difference(
        what=Finding.INDEX_DIFFERS,
        kind=RecordKind.ORDER,
        key=(order_id,),
        field="venue_orders",
        expected=expected,
        found=found,
    )


@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_ids_of_the_venue_are_compared_page_by_page(
    edited: Callable[[str], Sequence[Difference]], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, each id that is missing or that no order carries is told once, with its order."""
    monkeypatch.setattr(_stored, "PAGE_SIZE_MAX", page)
    missing = edited("DELETE FROM venue_orders WHERE venue_order_id = 'V'")
    assert missing == [_of(f"O-{number}", "V", None) for number in (1, 2, 3)]
    more = edited(f"INSERT INTO venue_orders VALUES ('{STRATEGY}', 'X', 'O-2'), ('{STRATEGY}', '', 'A')")
    assert more == [*missing, _of("A", None, ""), _of("O-2", None, "X")]


def test_an_order_at_no_place_of_the_journal_is_looked_at_too(edited: Callable[[str], Sequence[Difference]]) -> None:
    """A damaged sequence keeps nobody from being told of what is missing."""
    found = edited(
        "UPDATE orders SET sequence = -1 WHERE order_id = 'O-1'; DELETE FROM venue_orders WHERE venue_order_id = 'V-1'"
    )
    assert found == [_of("O-1", "V-1", None)]


def test_a_list_of_ids_that_is_none_is_told_elsewhere(edited: Callable[[str], Sequence[Difference]]) -> None:
    """The audit goes on behind it: what is in the index and not in such a list is told."""
    _, *found = edited(
        "DROP TRIGGER orders_venue_ids_changed; UPDATE orders SET venue_order_ids = 'no JSON' WHERE order_id = 'O-2'"
    )
    assert found == [_of("O-2", None, "V"), _of("O-2", None, "V-2")]
