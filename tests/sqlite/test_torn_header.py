"""A reader that may write nothing meets a writer who is just changing what both share: it looks again."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger_core import StorageBusy, StorageError
from sqlite.files import append, open_at


class _Torn(sqlite3.Connection):
    """Fails as SQLite does when it read the header of the shared memory in the middle of a change."""

    failures: int = 0
    code: int = sqlite3.SQLITE_READONLY_RECOVERY

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if _Torn.failures and sql.startswith(("SELECT", "PRAGMA user_version")):
            _Torn.failures -= 1
            error = sqlite3.OperationalError("attempt to write a readonly database")
            error.sqlite_errorcode = _Torn.code
            error.sqlite_errorname = "SQLITE_READONLY"
            raise error
        return super().execute(sql, parameters)


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Return what lets the next readings of every connection fail, with a code."""
    connect = sqlite3.connect

    def torn(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, **options, factory=_Torn)

    def fail_next(times: int, code: int = sqlite3.SQLITE_READONLY_RECOVERY) -> None:
        _Torn.failures, _Torn.code = times, code

    monkeypatch.setattr("sqlite3.connect", torn)
    monkeypatch.setattr(_Torn, "failures", 0)
    return fail_next


@pytest.mark.parametrize("is_opening", [True, False])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("code", [sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTINIT])
def test_a_header_that_was_read_in_the_middle_of_a_change_is_read_again(
    path: Path, fail: Callable[..., None], code: int, times: int, is_opening: bool
) -> None:
    """Neither opening nor reading beside a live writer fails because the writer was at work at that moment."""
    writer = open_at(path)
    append(writer)
    if is_opening:
        fail(times, code)
    reader = open_at(path, read_only=True)
    if not is_opening:
        fail(times, code)
    assert reader.head() == writer.head()
    reader.close()
    writer.close()


def test_a_header_that_stays_broken_is_told_and_may_be_tried_again(path: Path, fail: Callable[..., None]) -> None:
    """After some looks the reader gives up, with an error that says that a retry makes sense."""
    writer = open_at(path)
    append(writer)
    reader = open_at(path, read_only=True)
    fail(1_000)
    with pytest.raises(StorageBusy):
        reader.head()
    fail(1_000)
    with pytest.raises(StorageBusy):
        open_at(path, read_only=True)
    fail(0)
    assert reader.head() == writer.head()
    reader.close()
    writer.close()


def test_any_other_refusal_is_not_tried_again(path: Path, fail: Callable[..., None]) -> None:
    """Only the moment of a change passes by itself."""
    writer = open_at(path)
    append(writer)
    reader = open_at(path, read_only=True)
    fail(1, sqlite3.SQLITE_READONLY)
    with pytest.raises(StorageError) as refusal:
        reader.head()
    assert not isinstance(refusal.value, StorageBusy)
    reader.close()
    writer.close()
