"""Row 7: a writer that publishes is killed at random moments; no subscriber misses an event, or hears of a wrong one.

Two subscribers tell each event that they are given: the injected publisher, in the thread that commits, and one with
a thread of its own. What a life has told is held against the journal that it leaves: every event is one of an entry
that is committed there, in the order of the journal and without a gap, and begins not behind the event that comes
after all that were delivered before. So what is delivered again is a resumption from an earlier place, and when the
workload is through, nothing is missing.
"""

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ledger_core import StrategyLedger, publishing
from ledger_core.codec import load_entry
from ledger_core.events import events_of
from ledger_storage_sqlite import _writer, open_repository
from reliability.campaign import Campaign, Tally
from reliability.kill_moments import COMMIT, COMMITTED, CURSOR, OPENING, Death, Kind, tell_of_statements
from reliability.kill_zygote import WAIT, Teller, Told
from reliability.kills import ACKNOWLEDGED, BEGUN, CHECKPOINT_ROWS, Workload, digest_of, run_workloads
from reliability.workload import STRATEGY, StepClock, run_step, steps_of

PUBLISHER: Final = "p"
MONITOR: Final = "t"
"""Told with the sequence, index and digest of an event by the injected publisher, and by the threaded subscriber."""

SUBSCRIBERS: Final = {PUBLISHER: "publisher", MONITOR: "monitor"}

CURSOR_STEP = 3
"""A cursor is stored every so many entries, so that many a life dies while one is."""

_EVENT: Final = struct.Struct("<I32s")

Event = tuple[int, int, str]
"""(sequence, index, digest)."""


class TellingPublisher:
    """Tells every event that it is given."""

    def __init__(self, teller: Teller, word: str) -> None:
        """Tell by this word."""
        self._teller = teller
        self._word = word

    def publish(self, name: str, payload: Mapping[str, Any]) -> None:
        """Tell the event."""
        content = _EVENT.pack(payload["index"], bytes.fromhex(payload["digest"]))
        self._teller.tell(self._word, payload["sequence"], content)


def publish(teller: Teller, url: str, seed: int, first: int) -> None:
    """Be a writer with two subscribers: go on with the workload from a step on, to its end, and close."""
    _writer.CHECKPOINT_ROWS = CHECKPOINT_ROWS
    publishing.CURSOR_STEP = CURSOR_STEP
    tell_of_statements(teller)
    teller.tell(OPENING)
    clock = StepClock()
    repository = open_repository(url, strategy_id=STRATEGY)
    with StrategyLedger(repository, publisher=TellingPublisher(teller, PUBLISHER), clock=clock) as ledger:
        ledger.subscribe("monitor", TellingPublisher(teller, MONITOR).publish, thread=True)
        for step in steps_of(seed)[first:]:
            teller.tell(BEGUN, step.number)
            outcome = run_step(ledger, clock, step)
            teller.tell(ACKNOWLEDGED, step.number, digest_of(outcome))
        wait_until(lambda: not ledger.pending("monitor"))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + WAIT / 2
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError("a subscriber with a thread of its own was not served")
        time.sleep(0.000_5)


class Subscriber:
    """What one subscriber has been given, over all lives."""

    def __init__(self, events: Sequence[Event]) -> None:
        """Have been given nothing of the journal's events."""
        self._events = events
        self._places = {event: place for place, event in enumerate(events)}
        self.reached = 0  # so many of the events were delivered
        self.repeats = 0

    def hear(self, delivered: Sequence[Event], head: int) -> str | None:
        """Take what a life delivered before it left a journal that ends at `head`; return what is wrong with it."""
        expected = None
        for event in delivered:
            place = self._places.get(event)
            if place is None or event[0] > head:
                return f"invented: event {_named(event)} is not in the journal, which ends at {head}"
            if expected is None and place > self.reached:
                return f"lost: event {_named(self._events[self.reached])} was passed over, by {_named(event)}"
            if expected is None and event[1]:
                return f"out of order: a life began with {_named(event)}, in the middle of an entry"
            if expected is not None and place != expected:
                due = _named(self._events[expected]) if expected < len(self._events) else "nothing"
                return f"out of order: {_named(event)} came where {due} was to come"
            expected = place + 1
            self.repeats += place < self.reached
            self.reached = max(self.reached, place + 1)
        return None

    def missing(self) -> str | None:
        """Return what was lost, now that everything was to be delivered."""
        if self.reached == len(self._events):
            return None
        return f"lost: event {_named(self._events[self.reached])} was never delivered"


def _named(event: Event) -> str:
    return f"{event[0]}.{event[1]} ({event[2][:8]})"


class PublishedWorkload(Workload):
    """A workload whose events are told."""

    program = "reliability.kill_publishers:publish"
    kinds = (
        Kind("while opening", OPENING, weight=2, count_max=1, span=0.006),
        Kind("in or after a commit", COMMIT, weight=2, count_max=12, span=0.001),
        Kind("between commit and publishing", COMMITTED, weight=3, count_max=12, span=0.000_3),
        Kind("in the publisher or after it", PUBLISHER, weight=3, count_max=12, span=0.000_3),
        Kind("in the threaded subscriber or after it", MONITOR, weight=3, count_max=12, span=0.000_3),
        Kind("while a cursor is stored", CURSOR, weight=3, count_max=4, span=0.001),
        Kind("at any moment", OPENING, weight=2, count_max=1, span=0.05),
    )

    def __init__(self, *arguments: Any) -> None:
        """Start with no file and nothing delivered."""
        super().__init__(*arguments)
        events = [
            (event["sequence"], event["index"], event["digest"])
            for raw in self.reference.entries
            for event in events_of(load_entry(raw.body, raw.digest))
        ]
        self._subscribers = {word: Subscriber(events) for word in SUBSCRIBERS}

    def judge(self, death: Death) -> None:
        """Hold what was delivered against the journal."""
        for word, subscriber in self._subscribers.items():
            delivered = [_event(told) for told in death.told if told.word == word]
            wrong = subscriber.hear(delivered, self.head) or (self.is_through and subscriber.missing()) or None
            if wrong is not None:
                self.blame(f"{SUBSCRIBERS[word]}: {wrong}")
            self.counts["events delivered"] += len(delivered)
            self.counts["of these again"] += subscriber.repeats
            subscriber.repeats = 0


def _event(told: Told) -> Event:
    index, digest = _EVENT.unpack(told.content)
    return (told.number, index, digest.hex())


def run(first_seed: int, amount: int, deadline: float | None = None) -> Tally:
    """Kill a writer that publishes so many times."""
    return run_workloads(PublishedWorkload, first_seed, amount, deadline)


CAMPAIGN = Campaign(
    name="kill-publishers",
    row="7",
    promise="publishing under kill -9 loses no event, invents none, and delivers in order; repeats are resumptions",
    unit="kills",
    quick=20,
    ci=500,
    whole=10_000,
    run=run,
)
