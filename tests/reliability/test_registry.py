"""A worker's share of a campaign."""

import pytest

from reliability import registry
from reliability.campaign import Campaign, Tally


def breaks_down(first_seed: int, amount: int, _deadline: float | None) -> Tally:
    """Do one unit a seed; seed 20 is too much for the harness."""
    if first_seed + amount > 20:
        raise ZeroDivisionError("a seed that nobody thought of")
    return Tally(amount, first_seed + amount)


def test_what_was_done_before_the_harness_broke_down_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of a campaign are not lost to one exception; it is told like a violation, with where it was, and ends it."""
    campaign = Campaign(name="x", row="1", promise="it holds", unit="units", quick=1, ci=1, whole=100, run=breaks_down)
    monkeypatch.setattr(registry, "campaigns", lambda: {"x": campaign})
    tally = registry.work("x", 0, 200, None)
    assert (tally.done, tally.next_seed) == (20, 20)
    (told,) = tally.violations
    assert told.startswith("the harness raised ZeroDivisionError: a seed that nobody thought of at test_registry.py:")
    assert told.endswith("somewhere in the 5 from seed 20 on")
