"""Of three writers on one file one is killed all the time; and where that lost, doubled or held up, it would be seen."""

import os
from collections import Counter

import pytest

from reliability import kill_writers, kill_zygote
from reliability.campaign import require_kept
from reliability.kill_writers import ARRANGEMENTS, CAMPAIGN, Seat, miscounted, run

pytestmark = [pytest.mark.reliability, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")]


def test_beside_a_killed_writer_nothing_is_missing_or_doubled() -> None:
    """Each command that was acknowledged is in the journal once, positions are the sums of fills, nobody hangs."""
    require_kept(CAMPAIGN)


@pytest.mark.parametrize("seed", range(len(ARRANGEMENTS)), ids=[one.name for one in ARRANGEMENTS])
def test_every_arrangement_keeps_the_promise(seed: int) -> None:
    """It holds on one strategy that all write to, with a strategy each, and where each of them is killed in turn."""
    tally = run(seed, 4)
    assert not tally.violations
    assert tally.details[f"files of {ARRANGEMENTS[seed].name}"] == 1


def test_a_command_that_is_given_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where a retry after a death has a new id, commands and positions are found doubled."""
    monkeypatch.setattr(kill_writers, "KILLS_A_FILE", 8)
    violations: list[str] = []
    for seed in range(
        8
    ):  # a command that is doubled moves no position where it is no fill: whom a kill meets is chance
        violations += run(seed, 200, None, "reliability.kill_controls:write_without_dedupe").violations
        if any(": doubled: the position" in violation for violation in violations):
            break
    assert any(": doubled: command" in violation for violation in violations), violations
    assert any(": doubled: the position" in violation for violation in violations), violations


def test_a_lock_that_outlives_its_holder_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where a killed writer holds up the others, they are found not to get on."""
    monkeypatch.setattr(kill_writers, "PROGRESS_SECONDS", 1.0)
    monkeypatch.setattr(kill_zygote, "ABORT_SECONDS", 0.05)
    tally = run(0, 200, None, "reliability.kill_controls:write_under_a_lock_that_outlives")
    assert any("got on no more" in violation for violation in tally.violations), tally.violations


def test_every_miscount_is_named() -> None:
    """A command that was acknowledged and is not there is lost; one that nobody gave is a phantom; twice is doubled."""
    seat = Seat(1)
    seat.acknowledged, seat.attempted = 2, 3
    assert list(miscounted(Counter({"1-0": 1, "1-1": 1}), [seat])) == []
    assert list(miscounted(Counter({"1-0": 1, "1-1": 1, "1-2": 1}), [seat])) == []
    (lost,) = miscounted(Counter({"1-0": 1, "1-2": 1}), [seat])
    (doubled,) = miscounted(Counter({"1-0": 1, "1-1": 2}), [seat])
    (phantom,) = miscounted(Counter({"1-0": 1, "1-1": 1, "1-3": 1}), [seat])
    assert lost.startswith("lost: command 1-1 ")
    assert doubled.startswith("doubled: command 1-1 ")
    assert phantom.startswith("phantom: command 1-3 ")
