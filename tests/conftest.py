"""Fixtures for everybody: every test that asks for `ledger`, `store` or `open_ledger_on` runs once per adapter."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ledger_core import StrategyLedger
from support import ADAPTERS, RecordingPublisher, SteppingClock, Store

OpenLedger = Callable[..., StrategyLedger]

_MARKED = {
    "once": (
        "tests/cli/test_demo",
        "tests/cli/test_live",
        "tests/cli/test_terminal",
        "tests/cli/test_web",
        "tests/examples/",
        "tests/reliability/",
        "tests/report/test_page_access",
        "tests/sqlite/test_tampering",
        "tests/streams/",
        "tests/test_docs",
    ),
    "ends": ("tests/cli/", "tests/export/", "tests/interop/", "tests/report/"),
}
"""Where all tests have a marker that pyproject.toml explains; a test elsewhere has it by a line of its own."""

# No test is about time: an example that takes long on a busy machine is no failure.
settings.register_profile("strategy-ledger", deadline=None, print_blob=True)
settings.load_profile("strategy-ledger")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long before tests are chosen by their markers."""
    for item in items:
        for marker, places in _MARKED.items():
            if item.nodeid.startswith(places):
                item.add_marker(marker)


@pytest.fixture
def clock() -> SteppingClock:
    """Return a clock that starts at a fixed moment, advances one second a reading, and can be turned back."""
    return SteppingClock()


@pytest.fixture(params=sorted(ADAPTERS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return this test's own empty storage, on each adapter in turn; what is opened on it is closed afterwards."""
    made = ADAPTERS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def open_ledger_on(store: Store, clock: SteppingClock) -> OpenLedger:
    """Return what opens ledgers on this test's storage, all on one clock; call it again to reopen."""

    def open_ledger_on(strategy_id: str = "alpha", **options: Any) -> StrategyLedger:
        return store.open(strategy_id, **{"clock": clock, **options})

    return open_ledger_on


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep coverage out of the programs that a test starts: it imports what it needs and writes a file of its own."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def published() -> RecordingPublisher:
    """Return the publisher of `ledger`, which keeps every event."""
    return RecordingPublisher()


@pytest.fixture
def ledger(open_ledger_on: OpenLedger, published: RecordingPublisher) -> StrategyLedger:
    """Return a ledger on an empty store; `published` is its publisher."""
    return open_ledger_on(publisher=published)
