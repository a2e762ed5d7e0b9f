"""How a law gets its repositories: the one fixture that an adapter's tests override."""

from collections.abc import Iterator
from typing import Protocol

import pytest

from ledger_core.repository import LedgerRepository
from ledger_core.testing.samples import STRATEGY


class Opener(Protocol):
    """Opens the store of one test, as often as it is called."""

    def __call__(self, strategy_id: str = STRATEGY, *, read_only: bool = False) -> LedgerRepository:
        """Return a further repository object on the same store."""
        ...


class Setting:
    """What all laws share: `opener`, to be overridden, and `open_repository`, which closes what it opened."""

    @pytest.fixture
    def opener(self) -> Opener:
        """Return how this test's own store, empty at first, is opened; every call opens it again."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `opener`")

    @pytest.fixture
    def open_repository(self, opener: Opener) -> Iterator[Opener]:
        """Open repositories for a law, and close them after it."""
        opened: list[LedgerRepository] = []

        def open_repository(strategy_id: str = STRATEGY, *, read_only: bool = False) -> LedgerRepository:
            opened.append(opener(strategy_id, read_only=read_only))
            return opened[-1]

        yield open_repository
        for repository in opened:
            repository.close()
