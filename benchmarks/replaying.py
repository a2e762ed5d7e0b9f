"""What the ledger says to SQLite, recorded, and said again by nobody: the floor of a program that makes these statements."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from unittest.mock import patch

from ledger_core.repository import open_repository

SYNCHRONOUS = {"full": "EXTRA", "process": "NORMAL", "none": "OFF"}


class Statement(NamedTuple):
    """A statement, what was bound to it, and whether the connection that only reads made it."""

    by_reader: bool
    text: str
    parameters: Sequence[Any]


class Recorder:
    """Records the statements of all connections that are opened while it is entered, as long as they live."""

    def __init__(self) -> None:
        self._statements: list[Statement] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        connect, taken = sqlite3.connect, self._statements

        def recording(database: str, **options: Any) -> sqlite3.Connection:
            by_reader = "mode=ro" in database

            class Recording(sqlite3.Connection):
                def execute(self, text: str, parameters: Any = (), /) -> sqlite3.Cursor:
                    taken.append(Statement(by_reader, text, tuple(parameters)))
                    return super().execute(text, parameters)

            return connect(database, factory=Recording, **options)

        self._stack.enter_context(patch("sqlite3.connect", recording))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def take(self, run: Callable[[], object]) -> list[Statement]:
        """Run it, and return the statements that it made."""
        self._statements.clear()
        run()
        return list(self._statements)


class Replay:
    """Two plain connections, one that writes and one that reads, to a file of the ledger's schema."""

    def __init__(self, path: Path, durability: str) -> None:
        if not path.exists():
            open_repository(f"sqlite:///{path}?durability=none", strategy_id="bench").close()
        self._writer = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        for pragma in ("foreign_keys = 1", "recursive_triggers = 1", "wal_autocheckpoint = 0"):
            self._writer.execute(f"PRAGMA {pragma}")
        self._writer.execute(f"PRAGMA synchronous = {SYNCHRONOUS[durability]}")
        self._reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, cached_statements=256)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._reader.close()
        self._writer.close()

    def run(self, statements: Sequence[Statement]) -> None:
        """Make the statements again, and fetch what they give."""
        write, read = self._writer.execute, self._reader.execute
        for by_reader, text, parameters in statements:
            (read if by_reader else write)(text, parameters).fetchall()


@contextmanager
def nothing_copied() -> Any:
    """Let the WAL grow, so that its frames can be counted."""
    with patch("ledger_storage_sqlite._writer.CHECKPOINT_ROWS", 10**9):
        yield
