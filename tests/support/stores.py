"""A test's own storage on either adapter, which can be opened again and again, as a file can."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from ledger_core import (
    LedgerReader,
    LedgerRepository,
    StrategyLedger,
    open_ledger,
    open_reader,
    open_repository,
)
from ledger_core.errors import LedgerError

STRATEGY = "alpha"
"""The strategy that tests work as when they name none."""


class Store:
    """One place of storage; everything opened through it is closed by `close`."""

    def __init__(self, adapter: str, url: str) -> None:
        """Name the adapter and the URL by which ledgers are opened."""
        self.adapter = adapter
        self.url = url
        self._opened: list[StrategyLedger | LedgerReader | LedgerRepository] = []
        # A named memory store lasts as long as one repository on it does; a file needs no such anchor.
        self._anchor = self.repository("anchor") if adapter == "memory" else None

    def open(self, strategy_id: str = STRATEGY, *, parameters: str = "", **options: Any) -> StrategyLedger:
        """Open a ledger; `options` are those of `open_ledger`, `parameters` are added to the URL."""
        ledger = open_ledger(self.url + parameters, strategy_id=strategy_id, **options)
        self._opened.append(ledger)
        return ledger

    def reader(self) -> LedgerReader:
        """Open the reader over all strategies."""
        reader = open_reader(self.url)
        self._opened.append(reader)
        return reader

    def repository(self, strategy_id: str = STRATEGY, *, read_only: bool = False) -> LedgerRepository:
        """Open the bare repository of a strategy."""
        repository = open_repository(self.url, strategy_id=strategy_id, read_only=read_only)
        self._opened.append(repository)
        return repository

    def close(self) -> None:
        """Close whatever was opened; what the test closed itself is left alone."""
        for opened in reversed(self._opened):
            with suppress(LedgerError):
                opened.close()

    @property
    def path(self) -> Path:
        """The file of an SQLite store."""
        assert self.adapter == "sqlite", f"{self.adapter} keeps no file"
        return Path(self.url.removeprefix("sqlite:///").partition("?")[0])


def memory_store(_folder: Path) -> Store:
    """Return a new store in memory, under a name of its own."""
    return Store("memory", f"memory://{uuid4().hex}")


def sqlite_store(folder: Path) -> Store:
    """Return a new store in a file of the folder; what a sync costs is no matter in tests."""
    return Store("sqlite", f"sqlite:///{folder}/ledger.db?durability=none")


ADAPTERS: dict[str, Callable[[Path], Store]] = {"memory": memory_store, "sqlite": sqlite_store}
"""How each adapter of this distribution makes a store."""


def data_folder(name: str) -> Path | None:
    """Return a folder of the test data (STRATEGY_LEDGER_TEST_DATA, else ../shared), or None where it is absent."""
    root = Path(__file__).resolve().parents[2]
    base = Path(os.environ.get("STRATEGY_LEDGER_TEST_DATA") or root.parent / "shared")
    folder = base / name
    return folder if folder.is_dir() else None
