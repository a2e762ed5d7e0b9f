"""The laws that every storage adapter must pass, for authors of adapters, and the samples to test them with.

A test module of an adapter is one subclass:

    class TestMyRepository(RepositoryContract):
        @pytest.fixture
        def opener(self, tmp_path):
            def open_repository(strategy_id=STRATEGY, *, read_only=False):
                return MyRepository(tmp_path, strategy_id=strategy_id, read_only=read_only)

            return open_repository

Each test is one law and its docstring says it. Install `strategy-ledger[testing]` for what this needs.
"""

import pytest

pytest.register_assert_rewrite(
    "ledger_core.testing._setting",
    "ledger_core.testing.concurrency",
    "ledger_core.testing.cursors",
    "ledger_core.testing.cutting",
    "ledger_core.testing.journal",
    "ledger_core.testing.ownership",
    "ledger_core.testing.queries",
    "ledger_core.testing.records",
    "ledger_core.testing.samples",
    "ledger_core.testing.verification",
)

from ledger_core.testing._setting import Opener, Setting  # noqa: E402
from ledger_core.testing.concurrency import ConcurrencyLaws  # noqa: E402
from ledger_core.testing.cursors import CursorLaws  # noqa: E402
from ledger_core.testing.cutting import CuttingLaws  # noqa: E402
from ledger_core.testing.journal import JournalLaws  # noqa: E402
from ledger_core.testing.ownership import OwnershipLaws  # noqa: E402
from ledger_core.testing.queries import QueryLaws  # noqa: E402
from ledger_core.testing.records import RecordLaws  # noqa: E402
from ledger_core.testing.samples import (  # noqa: E402
    MINIMAL,
    NOON,
    STRATEGY,
    archived,
    assert_same_record,
    change_of,
    checkpoint,
    command,
    entries,
    entry,
    every_shape,
    fill,
    head_after,
    instrument,
    later,
    leg,
    order,
    position,
    quarantined,
    request,
    trade,
    variations,
)
from ledger_core.testing.verification import VerificationLaws  # noqa: E402

__all__ = [
    "RepositoryContract",
    "Opener",
    "JournalLaws",
    "RecordLaws",
    "QueryLaws",
    "CursorLaws",
    "CuttingLaws",
    "OwnershipLaws",
    "ConcurrencyLaws",
    "VerificationLaws",
    "Setting",
    "entry",
    "entries",
    "head_after",
    "change_of",
    "order",
    "request",
    "fill",
    "leg",
    "trade",
    "position",
    "instrument",
    "quarantined",
    "command",
    "every_shape",
    "variations",
    "archived",
    "checkpoint",
    "assert_same_record",
    "MINIMAL",
    "NOON",
    "STRATEGY",
    "later",
]


class RepositoryContract(
    JournalLaws, RecordLaws, QueryLaws, CursorLaws, OwnershipLaws, ConcurrencyLaws, VerificationLaws, CuttingLaws
):
    """All the laws of a repository; a subclass overrides the fixture `opener`."""
