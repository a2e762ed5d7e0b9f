"""An append: one transaction, stored whole or not at all, and what is said when the disk does not play along."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from ledger_core.changes import Cursor
from ledger_core.errors import (
    Conflict,
    InvalidValue,
    OutcomeUnknown,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
)
from ledger_core.lifecycle import OrderState
from ledger_core.model import RecordKind
from ledger_core.testing.samples import archived, checkpoint, entries, entry, fill, head_after, order, position
from ledger_storage_sqlite import SqliteRepository, statements
from sqlite.conftest import Opener
from sqlite.files import EMPTY, append, chain_of, order_ids, query, raw


class Failing:
    """The writer's connection, but that some statement raises once, before it is run or after."""

    def __init__(
        self, repository: SqliteRepository, statement: str, error: BaseException, *, after: bool = False
    ) -> None:
        """Stand between the writer and its connection."""
        assert repository._writer is not None
        assert repository._writer._connection is not None
        self.connection = repository._writer._connection
        self._statement: str | None = statement
        self._error, self._after = error, after
        repository._writer._connection = self  # type: ignore[assignment]  # a stand-in

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run the statement, or fail."""
        if self._statement is None or not statement.startswith(self._statement):
            return self.connection.execute(statement, parameters)
        if self._after:
            self.connection.execute(statement, parameters)
        self._statement = None
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def sqlite_error(code: int, name: str) -> sqlite3.OperationalError:
    """Return an error as SQLite reports it."""
    error = sqlite3.OperationalError("injected")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


IO_ERROR = (sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC")


def test_a_taken_sequence_is_a_conflict(repository: SqliteRepository) -> None:
    """An entry at a place that is taken raises Conflict with the present head, and stores nothing."""
    append(repository, order("O-1"))
    append(repository, order("O-2"))
    with pytest.raises(Conflict) as caught:
        repository.append([entry(EMPTY, order("O-3"))], [Cursor("publisher", 1)])
    assert caught.value.head == 2
    assert order_ids(repository) == ["O-1", "O-2"]
    assert repository.claim("publisher").sequence == 0


def test_a_sequence_beyond_the_next_is_a_conflict(repository: SqliteRepository) -> None:
    """An entry that would leave a gap raises Conflict, and stores nothing."""
    with pytest.raises(Conflict) as caught:
        repository.append(chain_of(3)[2:])
    assert caught.value.head == 0
    assert repository.head() == EMPTY


def test_entries_with_a_gap_are_a_conflict(repository: SqliteRepository) -> None:
    """Entries that do not follow each other are refused before anything is written."""
    first, _, third = chain_of(3)
    with pytest.raises(Conflict, match="entries 1 to 2 do not follow each other") as caught:
        repository.append([first, third])
    assert caught.value.head == 0
    assert repository.head() == EMPTY


def test_an_entry_of_another_strategy_is_refused(repository: SqliteRepository) -> None:
    """An entry that was made for another strategy is a caller's bug, not stored under this one's name."""
    with pytest.raises(InvalidValue):
        repository.append([entry(EMPTY, order(), strategy_id="momentum-2")])
    assert repository.head() == EMPTY


def test_an_error_midway_rolls_everything_back(repository: SqliteRepository, path: Path) -> None:
    """Where the third table refuses its row, the journal and the first two have none either; later writes work."""
    tool = raw(path)
    tool.execute(
        "CREATE TRIGGER closed BEFORE INSERT ON positions BEGIN SELECT RAISE(ABORT, 'closed for the test'); END"
    )
    tool.close()
    with pytest.raises(StorageError, match="closed for the test"):
        repository.append([entry(EMPTY, order(), fill(), position())], [Cursor("publisher", 1)])
    for table in ("journal", "orders", "fills", "positions", "cursors"):
        assert query(path, f"SELECT COUNT(*) FROM {table}") == [(0,)]
    append(repository, order(), fill())
    assert repository.head().sequence == 1


def test_a_full_disk_stores_nothing_and_writes_resume(repository: SqliteRepository) -> None:
    """Without room an append raises StorageFull and stores nothing; reads go on, and with room so do writes."""
    append(repository, order("O-0"))
    assert repository._writer is not None
    assert repository._writer._connection is not None
    connection = repository._writer._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    large = entries(repository.head(), [order("O-1", reason="x" * 20_000)], [order("O-2")])
    with pytest.raises(StorageFull):
        repository.append(large, [Cursor("publisher", 2)])
    assert order_ids(repository) == ["O-0"]
    assert repository.head().sequence == 1
    assert repository.claim("publisher").sequence == 0
    connection.execute("PRAGMA max_page_count = 1000000")
    repository.append(large)
    assert order_ids(repository) == ["O-0", "O-1", "O-2"]


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        ((sqlite3.SQLITE_FULL, "SQLITE_FULL"), StorageFull),
        ((sqlite3.SQLITE_BUSY, "SQLITE_BUSY"), StorageBusy),
    ],
)
def test_a_commit_that_certainly_failed_is_rolled_back(
    repository: SqliteRepository, code: tuple[int, str], error_class: type[StorageError]
) -> None:
    """Where SQLite says that there is no room, or no lock, nothing was committed, and the error says so."""
    Failing(repository, "COMMIT", sqlite_error(*code))
    with pytest.raises(error_class):
        append(repository, order("O-1"))
    assert repository.head() == EMPTY
    append(repository, order("O-2"))
    assert order_ids(repository) == ["O-2"]


@pytest.mark.parametrize("committed", [False, True])
def test_a_commit_that_failed_in_the_air_is_unknown_until_it_is_read(
    repository: SqliteRepository, committed: bool
) -> None:
    """An I/O error of COMMIT raises OutcomeUnknown; the next read, on connections opened anew, knows the outcome."""
    Failing(repository, "COMMIT", sqlite_error(*IO_ERROR), after=committed)
    made = entry(EMPTY, order("O-1"))
    with pytest.raises(OutcomeUnknown):
        repository.append([made])
    assert repository._writer is not None
    assert repository._writer._connection is None
    assert [one.digest for one in repository.read(0)] == ([made.digest] if committed else [])
    append(repository, order("O-2"))
    assert order_ids(repository) == (["O-1", "O-2"] if committed else ["O-2"])


def test_after_a_failed_commit_the_next_append_opens_the_file_anew(repository: SqliteRepository) -> None:
    """Also without a read in between, nothing is written through the connection that failed."""
    Failing(repository, "COMMIT", sqlite_error(*IO_ERROR))
    with pytest.raises(OutcomeUnknown):
        append(repository, order("O-1"))
    append(repository, order("O-2"))
    assert repository._writer is not None
    assert isinstance(repository._writer._connection, sqlite3.Connection)
    assert order_ids(repository) == ["O-2"]


def test_what_a_failed_commit_left_in_the_wal_cannot_come_back(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside another writer, opening anew commits a page over what the failed commit may have left behind."""
    repository, _other = opener(), opener()
    Failing(repository, "COMMIT", sqlite_error(*IO_ERROR))
    with pytest.raises(OutcomeUnknown):
        append(repository, order("O-1"))
    ran: list[str] = []
    set_user_version = statements.set_user_version

    def watched(version: int) -> str:
        ran.append("sealed")
        return set_user_version(version)

    monkeypatch.setattr(statements, "set_user_version", watched)
    assert repository.head() == EMPTY
    assert ran == ["sealed"]
    assert repository.head() == EMPTY
    assert ran == ["sealed"]


def test_an_io_error_before_the_commit_is_no_doubt(repository: SqliteRepository) -> None:
    """An I/O error of any statement before COMMIT means that nothing was stored; the file is opened anew."""
    Failing(repository, "INSERT INTO orders", sqlite_error(*IO_ERROR))
    with pytest.raises(StorageError, match="disk reported an error") as caught:
        append(repository, order("O-1"))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert repository._writer is not None
    assert repository._writer._connection is None
    assert repository.head() == EMPTY
    append(repository, order("O-2"))
    assert order_ids(repository) == ["O-2"]


@pytest.mark.parametrize("statement", ["INSERT INTO journal", "INSERT INTO orders", "COMMIT"])
def test_an_interrupt_leaves_no_transaction_open(repository: SqliteRepository, statement: str) -> None:
    """Ctrl-C before any statement rolls back: no later command can commit what it had half written."""
    Failing(repository, statement, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        append(repository, order("O-1"))
    assert repository._writer is not None
    assert repository._writer._connection is not None
    assert not repository._writer._connection.in_transaction
    append(repository, order("O-2"))
    assert order_ids(repository) == ["O-2"]


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("UPDATE journal SET digest = 'x'", "no update"),
        ("DELETE FROM journal", "no delete"),
        ("INSERT OR REPLACE INTO journal VALUES ('momentum-1', 1, 't', 's', 'b', 'd')", "not the next"),
        ("INSERT INTO journal VALUES ('momentum-1', 9, 't', 's', 'b', 'd')", "not the next"),
        ("INSERT INTO journal VALUES ('new', 2, 't', 's', 'b', 'd')", "not the next"),
        ("INSERT INTO journal VALUES ('new', 0, 't', 's', 'b', 'd')", "not the next"),
    ],
)
@pytest.mark.parametrize("recursive_triggers", ["ON", "OFF"])
def test_the_journal_only_grows(
    repository: SqliteRepository, path: Path, statement: str, refusal: str, recursive_triggers: str
) -> None:
    """No tool can change, replace or delete an entry, or leave a gap, by mistake."""
    made = append(repository, order())
    tool = raw(path)
    tool.execute(f"PRAGMA recursive_triggers = {recursive_triggers}")
    with pytest.raises(sqlite3.IntegrityError, match=refusal):
        tool.execute(statement)
    tool.close()
    assert list(repository.read(0)) == [made]


def test_a_tool_may_delete_entries_up_to_the_checkpoint_alone(repository: SqliteRepository, path: Path) -> None:
    """The trigger lets go what the strategy's own checkpoint has behind it; what lies beyond is missing, not cut."""
    for number in range(4):
        append(repository, order(f"O-{number}"))
    append(repository, checkpoint(2, runs=()))
    tool = raw(path)
    for condition in ("sequence = 3", "sequence <= 5", "sequence IN (1, 4)"):
        with pytest.raises(sqlite3.IntegrityError, match="no delete beyond its checkpoint"):
            tool.execute(f"DELETE FROM journal WHERE {condition}")
    assert [one.sequence for one in repository.read(0)] == [1, 2, 3, 4, 5]
    tool.execute("DELETE FROM journal WHERE sequence <= 2")
    assert [one.sequence for one in repository.read(0)] == [3, 4, 5]
    tool.execute("DROP TRIGGER journal_no_delete")
    tool.execute("DELETE FROM journal WHERE sequence = 3")
    tool.close()
    with pytest.raises(StorageCorrupt) as caught:
        repository.read(0)
    assert caught.value.sequence == 1


def test_a_missing_entry_is_found_when_reading(repository: SqliteRepository, path: Path) -> None:
    """An entry that was deleted behind the triggers' back raises StorageCorrupt, naming its place."""
    for number in range(4):
        append(repository, order(f"O-{number}"))
    tool = raw(path)
    tool.execute("DROP TRIGGER journal_no_delete")
    tool.execute("DELETE FROM journal WHERE sequence = 2")
    tool.close()
    with pytest.raises(StorageCorrupt) as caught:
        repository.read(0)
    assert caught.value.sequence == 2
    assert [one.sequence for one in repository.read(2)] == [3, 4]


def test_a_body_in_the_wrong_place_is_found_when_reading(repository: SqliteRepository, path: Path) -> None:
    """A body that was moved to another row raises StorageCorrupt, though it is a good entry."""
    for number in range(2):
        append(repository, order(f"O-{number}"))
    tool = raw(path)
    tool.execute("DROP TRIGGER journal_no_update")
    tool.execute("UPDATE journal SET body = (SELECT body FROM journal WHERE sequence = 1) WHERE sequence = 2")
    tool.close()
    with pytest.raises(StorageCorrupt) as caught:
        repository.read(0)
    assert caught.value.sequence == 2


def test_an_entry_filed_under_another_subject_is_found_when_reading(repository: SqliteRepository, path: Path) -> None:
    """A row whose subject is not that of its body raises StorageCorrupt rather than joining another's history."""
    append(repository, order("O-1"), subject="O-1")
    tool = raw(path)
    tool.execute("DROP TRIGGER journal_no_update")
    tool.execute("UPDATE journal SET subject = 'O-2'")
    tool.close()
    with pytest.raises(StorageCorrupt) as caught:
        repository.read(0, subject="O-2")
    assert caught.value.sequence == 1


def test_only_a_taken_place_is_a_conflict(repository: SqliteRepository, path: Path) -> None:
    """Where the journal refuses an entry for another reason than its place, that is no conflict to be retried."""
    tool = raw(path)
    tool.execute("CREATE TRIGGER closed BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'closed for the test'); END")
    tool.close()
    with pytest.raises(StorageError, match="closed for the test") as caught:
        append(repository, order())
    assert not isinstance(caught.value, Conflict)


def test_bodies_are_stored_verbatim(repository: SqliteRepository, path: Path) -> None:
    """The body's bytes, over which the digest was taken, are those in the file, as text that people can read."""
    made = append(repository, order(reason="Ünïcödé ✓ 漢字 \U0001f680 \u2028 ' \" \\"))
    assert query(path, "SELECT TYPEOF(body), CAST(body AS BLOB), digest FROM journal") == [
        ("text", made.body, made.digest)
    ]
    assert repository.read(0)[0].body == made.body


def test_of_a_batch_only_the_last_image_is_written(repository: SqliteRepository) -> None:
    """Entries that change one record again and again write its row once, as it is after the last."""
    images: list[list[Any]] = [[order("O-1", version=1, sequence=1)]]
    images += [[order("O-1", version=version, sequence=1, reason=f"{version}")] for version in range(2, 30)]
    made = entries(EMPTY, *images)
    ran = _statements_of(repository, lambda: repository.append(made))
    assert len([one for one in ran if "orders" in one]) == 1
    assert repository.load(RecordKind.ORDER, ("O-1",)) == images[-1][0]
    assert repository.head() == head_after(made[-1])


def test_a_command_takes_few_statements(repository: SqliteRepository) -> None:
    """A command writes each row once, without looking for it first: from 4 to 6 statements, BEGIN and COMMIT included."""
    born = order("O-1", sequence=1)
    accepted = attrs.evolve(born, state=OrderState.ACCEPTED, venue_order_ids=("V-1",), version=2)
    partly = attrs.evolve(accepted, state=OrderState.PARTIALLY_FILLED, version=3)
    filled = attrs.evolve(accepted, state=OrderState.FILLED, version=4)
    held = position(version=1, sequence=3)
    for expected, records in (
        (4, [born]),
        (4, [accepted]),
        (6, [partly, fill("F-1"), held]),
        (6, [filled, fill("F-2"), attrs.evolve(held, version=2)]),
    ):
        made = entry(repository.head(), *records)
        ran = _statements_of(repository, partial(repository.append, [made]))
        assert len(ran) == expected, ran
        assert (ran[0], ran[-1]) == ("BEGIN IMMEDIATE", "COMMIT")


def _statements_of(repository: SqliteRepository, run: Callable[[], None]) -> list[str]:
    """Return the statements that the writer runs, without those of triggers."""
    assert repository._writer is not None
    ran: list[str] = []

    class Listening:
        def __init__(self, connection: Any) -> None:
            self.connection = connection

        def execute(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
            ran.append(statement)
            cursor: sqlite3.Cursor = self.connection.execute(statement, parameters)
            return cursor

        def __getattr__(self, name: str) -> Any:
            return getattr(self.connection, name)

    listening = Listening(repository._writer._connection)
    repository._writer._connection = listening  # type: ignore[assignment]  # a stand-in
    run()
    repository._writer._connection = listening.connection
    return ran


def test_cursors_need_an_entry_of_their_own_only_forward(repository: SqliteRepository, path: Path) -> None:
    """A cursor is stored by the largest place that it was ever given, in the file too."""
    append(repository, order("O-1"))
    for sequence in (1, 0):
        repository.append([], [Cursor("publisher", sequence)])
    assert query(path, "SELECT strategy_id, subscriber, sequence FROM cursors") == [("momentum-1", "publisher", 1)]


def test_nothing_to_store_takes_no_transaction(repository: SqliteRepository) -> None:
    """An append of nothing does not touch the file."""
    assert _statements_of(repository, lambda: repository.append([])) == []


def test_what_stands_for_no_key_removes_nothing(repository: SqliteRepository) -> None:
    """An archived record of a key that no record of its kind can have is refused whole."""
    append(repository, order("O-0"))
    head = repository.head()
    with pytest.raises(StorageCorrupt, match="is no key of ORDER") as caught:
        append(repository, archived('["O-0","too much"]'))
    assert (caught.value.kind, caught.value.key) == ("ORDER", ("O-0", "too much"))
    assert repository.head() == head
    assert order_ids(repository) == ["O-0"]


def test_a_page_that_is_no_blob_is_damage(repository: SqliteRepository, path: Path) -> None:
    """In a copy without STRICT a page may be anything; it is told, and a head whose time is none likewise."""
    append(repository, order("O-0"))
    repository.stage("1", [b"page"])
    tool = raw(path)
    tool.execute("PRAGMA writable_schema = ON")
    tool.execute("UPDATE sqlite_schema SET sql = REPLACE(sql, ') STRICT', ')') WHERE name = 'checkpoint_pages'")
    tool.execute("PRAGMA writable_schema = RESET")
    tool.execute("UPDATE checkpoint_pages SET body = 'text'")
    tool.execute("DROP TRIGGER journal_no_update")
    tool.execute("UPDATE journal SET recorded_at = 'no time'")
    tool.close()
    with pytest.raises(StorageCorrupt, match="page 0"):
        repository.staged("1", 0)
    with pytest.raises(StorageCorrupt, match="the time of entry 1") as caught:
        repository.head()
    assert caught.value.sequence == 1
