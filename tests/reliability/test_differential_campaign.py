"""Every adapter gives the same answers, errors and journal for the same program."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger_core.model import Record
from ledger_core.repository import Query
from reliability.campaign import require_kept
from reliability.differential import CAMPAIGN, Opener, memory_and_sqlite, run
from support.repositories import AroundRepository

pytestmark = pytest.mark.reliability


def test_no_program_tells_the_adapters_apart() -> None:
    """Random programs, legal and illegal, on memory and SQLite: the same outcomes, digests, answers, verifications.

    They are no exercise in refusals: many commands are refused, and more are answered.
    """
    counts = require_kept(CAMPAIGN).details
    assert counts["commands"] / 10 < counts["refused"] < counts["commands"] * 0.6
    assert counts["entries"] > counts["commands"] / 2


class Forgetful(AroundRepository):
    """Finds one record less, where there are some."""

    def find(self, query: Query) -> Sequence[Record]:
        """Leave out the last one."""
        found = self.inner.find(query)
        return found[:-1] if len(found) > 2 else found


def test_an_adapter_that_forgets_is_told_apart() -> None:
    """The campaign has teeth: an adapter whose pages lack a record does not come through it."""

    def adapters(folder: Path) -> dict[str, Opener]:
        memory, sqlite = memory_and_sqlite(folder).values()
        return {"memory": memory, "forgetful": lambda strategy_id: Forgetful(sqlite(strategy_id))}

    assert len(run(0, 3, None, adapters).violations) == 3
