"""Fixtures of the SQLite adapter's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_storage_sqlite import SqliteRepository
from sqlite.files import open_at

Opener = Callable[..., SqliteRepository]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where this test's ledger file is to be, alone in a folder that exists."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    return folder / "orders.db"


@pytest.fixture
def opener(path: Path) -> Iterator[Opener]:
    """Return what opens this test's file; whatever it opened is closed afterwards."""
    opened: list[SqliteRepository] = []

    def open_here(*arguments: Any, **options: Any) -> SqliteRepository:
        opened.append(open_at(path, *arguments, **options))
        return opened[-1]

    yield open_here
    for repository in opened:
        repository.close()


@pytest.fixture
def repository(opener: Opener) -> SqliteRepository:
    """Return a repository on a new file."""
    return opener()
