"""No subscriber misses an event or hears of a wrong one when its writer is killed; and if one did, it would be seen."""

import os

import pytest

from reliability.campaign import require_kept
from reliability.kill_publishers import CAMPAIGN, Event, PublishedWorkload, Subscriber
from reliability.kills import run_workloads

pytestmark = [pytest.mark.reliability]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")

EVENTS: list[Event] = [(1, 0, "aa"), (2, 0, "bb"), (2, 1, "bb"), (3, 0, "cc")]
"""Of a journal whose second entry has two events."""


@forks
def test_a_killed_publisher_loses_invents_and_reorders_nothing() -> None:
    """Over all lives each subscriber gets every event of the journal, in order, and only what is committed."""
    require_kept(CAMPAIGN)


@forks
def test_kills_come_at_every_kind_of_moment() -> None:
    """Writers die in the publisher, between commit and publishing, while a cursor is stored; much is delivered again."""
    tally = run_workloads(PublishedWorkload, 1_000, 60, None)
    assert not tally.violations
    assert {kind.name for kind in PublishedWorkload.kinds} <= set(tally.details)
    assert tally.details["events delivered"] > tally.details["of these again"] > 0


@forks
def test_publishing_before_the_commit_is_seen() -> None:
    """Negative control: a writer that publishes what it has not committed yet is caught inventing events."""
    tally = run_workloads(PublishedWorkload, 0, 100, None, "reliability.kill_controls:publish_before_commit")
    assert any(": invented: event" in violation for violation in tally.violations), tally.violations


@forks
def test_publishing_without_an_outbox_is_seen() -> None:
    """Negative control: a writer that delivers only what it commits itself is caught losing events."""
    tally = run_workloads(PublishedWorkload, 0, 100, None, "reliability.kill_controls:publish_without_outbox")
    assert any(": lost: event" in violation for violation in tally.violations), tally.violations


def test_a_resumption_from_an_earlier_place_is_no_violation() -> None:
    """A life that begins again with an entry that was delivered, in part or whole, repeats; then nothing is missing."""
    subscriber = Subscriber(EVENTS)
    assert subscriber.hear(EVENTS[:2], head=2) is None
    assert subscriber.missing() == "lost: event 2.1 (bb) was never delivered"
    assert subscriber.hear([], head=2) is None
    assert subscriber.hear(EVENTS[1:], head=3) is None
    assert subscriber.repeats == 1
    assert subscriber.hear(EVENTS, head=3) is None
    assert (subscriber.repeats, subscriber.missing()) == (5, None)


@pytest.mark.parametrize(
    ("delivered", "head", "expected"),
    [
        ([(1, 0, "aa"), (2, 0, "xx")], 3, "invented: event 2.0 (xx)"),
        ([(1, 0, "aa"), (2, 0, "bb")], 1, "invented: event 2.0 (bb)"),
        ([(1, 1, "aa")], 3, "invented: event 1.1 (aa)"),
        ([(2, 0, "bb")], 3, "lost: event 1.0 (aa) was passed over"),
        ([(1, 0, "aa"), (2, 1, "bb")], 3, "out of order: 2.1 (bb) came where 2.0 (bb)"),
        ([(1, 0, "aa"), (1, 0, "aa")], 3, "out of order: 1.0 (aa) came where 2.0 (bb)"),
        (
            [(1, 0, "aa"), (2, 0, "bb"), (2, 1, "bb"), (3, 0, "cc"), (1, 0, "aa")],
            3,
            "out of order: 1.0 (aa) came where nothing",
        ),
    ],
)
def test_every_wrong_delivery_is_named(delivered: list[Event], head: int, expected: str) -> None:
    """An event that is not in the journal, one that was passed over, one out of turn: each is told apart."""
    found = Subscriber(EVENTS).hear(delivered, head)
    assert found is not None
    assert found.startswith(expected)


def test_a_life_that_begins_in_the_middle_of_an_entry_is_seen() -> None:
    """A cursor knows entries, not events: what comes again begins with an entry's first event."""
    subscriber = Subscriber(EVENTS)
    assert subscriber.hear(EVENTS[:2], head=2) is None
    assert subscriber.hear(EVENTS[2:], head=3) == "out of order: a life began with 2.1 (bb), in the middle of an entry"
