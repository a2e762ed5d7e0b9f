"""kill -9 of a writer loses nothing that was acknowledged; and where it did, the campaign would see it."""

import os

import pytest

from reliability.campaign import require_kept
from reliability.kills import CAMPAIGN, KINDS, Workload, run_workloads

pytestmark = [pytest.mark.reliability, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")]


def test_a_killed_writer_loses_nothing_that_was_acknowledged() -> None:
    """Whenever it dies, the file holds what was acknowledged, nothing that nobody gave, and nothing torn."""
    require_kept(CAMPAIGN)


def test_kills_come_at_every_kind_of_moment() -> None:
    """Writers die while opening, in commits and in checkpoints, and some with a commit that nobody was told of."""
    tally = run_workloads(Workload, 1_000, 40, None)
    assert not tally.violations
    assert set(tally.details) == {*(kind.name for kind in KINDS), "deaths with a commit that nobody was told of"}


def test_telling_too_early_is_seen() -> None:
    """Negative control: a writer that acknowledges before it commits is caught losing what it acknowledged."""
    tally = run_workloads(Workload, 0, 100, None, "reliability.kill_controls:acknowledge_before_commit")
    assert any(": lost: the journal ends at" in violation for violation in tally.violations), tally.violations
