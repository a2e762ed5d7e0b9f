"""Fixtures of the tests of imports: one ledger in memory, for what is asked here does not depend on the adapter."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from ledger_core import StrategyLedger, open_ledger


@pytest.fixture
def ledger() -> Iterator[StrategyLedger]:
    """Return an empty ledger in memory."""
    with open_ledger(f"memory://{uuid4().hex}", strategy_id="alpha") as opened:
        yield opened
