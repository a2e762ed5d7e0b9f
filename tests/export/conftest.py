"""Fixtures of the tests of exports: a store with everything in it, written once for all of them."""

from collections.abc import Iterator

import pytest

from cli.conftest import call, demo_file, demo_path, demo_run, ledger_file
from export.books import fill_store
from ledger_core import LedgerReader
from support import ADAPTERS

__all__ = ["call", "demo_file", "demo_path", "demo_run", "ledger_file", "rich"]


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerReader]:
    """Return the reader of a file with three strategies, which tests only read."""
    store = ADAPTERS["sqlite"](tmp_path_factory.mktemp("rich"))
    yield fill_store(store)
    store.close()
