"""The laws of `ledger_core.testing`, on the adapters of this distribution."""

from pathlib import Path

import pytest

from ledger_core.repository import LedgerRepository
from ledger_core.testing import STRATEGY, Opener, RepositoryContract
from ledger_storage_memory import MemoryRepository, MemoryStore


class TestMemoryRepository(RepositoryContract):
    """The reference adapter passes every law."""

    @pytest.fixture
    def opener(self) -> Opener:
        """Open repositories on one MemoryStore."""
        store = MemoryStore()

        def open_repository(strategy_id: str = STRATEGY, *, read_only: bool = False) -> LedgerRepository:
            return MemoryRepository(store, strategy_id=strategy_id, read_only=read_only)

        return open_repository


class TestSqliteRepository(RepositoryContract):
    """The production default passes every law."""

    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        """Open repositories on one file; what a sync costs is no matter here."""
        from ledger_storage_sqlite import open_repository as open_sqlite

        url = f"sqlite:///{tmp_path}/l.db?durability=none"

        def open_repository(strategy_id: str = STRATEGY, *, read_only: bool = False) -> LedgerRepository:
            return open_sqlite(url, strategy_id=strategy_id, read_only=read_only)

        return open_repository
