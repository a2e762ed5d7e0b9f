"""Where each subscriber is: what it is handed, when its cursor is stored, and what is kept at hand for it."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from ledger_core import publishing
from ledger_core.changes import GENESIS_DIGEST, Cursor, Entry, Head
from ledger_core.errors import LedgerClosed, SubscriberInUse
from ledger_core.publishing import CURSOR_SECONDS, CURSOR_STEP, ENTRIES_AT_HAND, Follower, Publishing, Subscription
from ledger_core.repository import PAGE_SIZE_MAX
from ledger_core.testing.samples import STRATEGY, entries
from ledger_storage_memory import MemoryRepository
from support.clock import StillTime

PATIENCE = 30.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StillTime:
    """Return the time by which cursors are stored."""
    made = StillTime()
    monkeypatch.setattr(publishing, "time", made)
    return made


class _Counting(MemoryRepository):
    """A journal that keeps where it was read from, and with which limit."""

    def __init__(self) -> None:
        super().__init__(strategy_id=STRATEGY)
        self.read_from: list[tuple[int, int]] = []

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Read."""
        self.read_from.append((after, limit))
        return super().read(after, limit, subject)


@pytest.fixture
def journal() -> _Counting:
    """Return a journal of five entries."""
    repository = _Counting()
    repository.append(entries(Head(0, GENESIS_DIGEST), [], [], [], [], []))
    return repository


class _Taken:
    """A subscriber that keeps the places of what it took, and refuses one."""

    def __init__(self, refused: int = 0) -> None:
        self.refused = refused
        self.places: list[int] = []

    def __call__(self, entry: Entry) -> None:
        """Take an entry, or refuse it."""
        if entry.sequence == self.refused:
            raise ValueError("not this one")
        self.places.append(entry.sequence)


def test_a_subscription_takes_each_entry_once_and_in_order(journal: _Counting) -> None:
    """What is behind it is passed over; what it refuses comes again, and nothing beyond it before."""
    taken = _Taken(refused=4)
    one = Subscription("bot", taken, 2)
    assert (one.name, one.sequence, one.stored) == ("bot", 2, 2)
    assert one.deliver(journal.read(0)) is False
    assert (taken.places, one.sequence) == ([3], 3)
    taken.refused = 0
    assert one.deliver(journal.read(0)) is True
    assert (taken.places, one.sequence) == ([3, 4, 5], 5)
    assert one.deliver([]) is True


def test_what_is_skipped_counts_as_stored(clock: StillTime) -> None:
    """A cursor that was stored with the note is not stored again, and never goes back."""
    one = Subscription("bot", _Taken(), 2)
    one.skip_to(5)
    assert (one.sequence, one.stored) == (5, 5)
    one.skip_to(4)
    assert (one.sequence, one.stored) == (5, 5)


def test_a_cursor_is_stored_after_so_many_entries_or_so_long(clock: StillTime) -> None:
    """Whichever comes first, and never where it has not moved."""
    one = Subscription("bot", _Taken(), 0)
    one.sequence = CURSOR_STEP - 1
    assert not one.is_due()
    one.sequence += 1
    assert one.is_due()
    one.sequence = 1
    clock.now += CURSOR_SECONDS - 0.001
    assert not one.is_due()
    clock.now += 0.001
    assert one.is_due()
    one.sequence = 0
    assert not one.is_due()


def test_cursors_that_are_due_ride_on_a_commit_and_are_not_due_again(journal: _Counting, clock: StillTime) -> None:
    """Each by itself: one whose cursor was not stored stays due; the time until the next begins with the storing."""
    served = Publishing(journal)
    assert served.due_cursors() == []
    served.subscribe("first", _Taken())
    served.subscribe("second", _Taken(refused=3))
    served.deliver()
    assert served.due_cursors() == []
    clock.now += CURSOR_SECONDS
    assert served.due_cursors() == [Cursor("first", 5), Cursor("second", 2)]
    served.stored([])
    served.stored([Cursor("first", 4)])
    assert served.due_cursors() == [Cursor("second", 2)]
    clock.now += CURSOR_SECONDS
    assert served.due_cursors() == [Cursor("first", 5), Cursor("second", 2)]


def test_closing_stores_the_cursors_that_have_moved(
    journal: _Counting, clock: StillTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other: nothing is written where there is nothing to say."""
    served = Publishing(journal)
    served.store()
    served.subscribe("first", _Taken())
    served.subscribe("second", _Taken(refused=1))
    served.deliver()
    stored: list[Sequence[Cursor]] = []
    append = journal.append

    def noting(made: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> None:
        stored.append(cursors)
        append(made, cursors)

    monkeypatch.setattr(journal, "append", noting)
    served.close()
    served.close()
    assert stored == [[Cursor("first", 5)]]
    assert (journal.claim("first"), journal.claim("second")) == (Cursor("first", 5), Cursor("second", 0))
    clock.now += CURSOR_SECONDS
    assert served.due_cursors() == []


@pytest.mark.parametrize("thread", [False, True])
def test_a_name_is_subscribed_once(journal: _Counting, thread: bool) -> None:
    """Here as elsewhere; the error says which name it was."""
    served = Publishing(journal)
    served.subscribe("bot", _Taken(), thread=thread)
    with pytest.raises(SubscriberInUse) as refusal:
        served.subscribe("bot", _Taken())
    assert refusal.value.subscriber == "bot"
    served.close()


def test_a_new_cursor_may_start_at_the_head_and_an_old_one_stays_where_it_is(journal: _Counting) -> None:
    """`from_head` is for subscribers that the journal does not know."""
    journal.append([], [Cursor("old", 3)])
    served = Publishing(journal)
    taken = {name: _Taken() for name in ("old", "new", "whole")}
    served.subscribe("old", taken["old"], from_head=5)
    served.subscribe("new", taken["new"], from_head=4)
    served.subscribe("whole", taken["whole"])
    served.deliver()
    assert {name: one.places for name, one in taken.items()} == {"old": [4, 5], "new": [5], "whole": [1, 2, 3, 4, 5]}


def test_a_place_is_that_of_who_is_served_here_or_of_the_store(journal: _Counting) -> None:
    """Asking for that of a name that nobody here serves makes one its owner."""
    journal.append([], [Cursor("other", 3)])
    served = Publishing(journal)
    served.subscribe("bot", _Taken(refused=3))
    served.deliver()
    assert (served.place_of("bot"), served.place_of("other")) == (2, 3)
    assert (served.pending("bot", 5), served.pending("bot", 1)) == (3, 0)
    with pytest.raises(KeyError, match="other"):
        served.pending("other", 5)
    served.skip_to("other", 4)
    served.skip_to("bot", 3)
    assert (served.place_of("bot"), served.pending("bot", 5)) == (3, 2)


def test_the_latest_entries_are_at_hand_and_older_ones_are_read(journal: _Counting) -> None:
    """What was committed while there was a subscriber is delivered without reading the journal, up to a limit."""
    served = Publishing(journal)
    taken = _Taken()
    served.subscribe("bot", taken)
    served.deliver()
    assert journal.read_from == [(0, publishing.PAGE)]
    made = entries(journal.head(), *([] for _ in range(ENTRIES_AT_HAND)))
    journal.append(made)
    for entry in made:
        served.committed(entry)
    served.deliver()
    assert journal.read_from == [(0, publishing.PAGE)]
    assert taken.places == list(range(1, 5 + ENTRIES_AT_HAND + 1))
    more = entries(journal.head(), *([] for _ in range(ENTRIES_AT_HAND + 1)))
    journal.append(more)
    for entry in more:
        served.committed(entry)
    served.deliver()
    assert journal.read_from[1] == (5 + ENTRIES_AT_HAND, publishing.PAGE), "the first is no longer at hand"
    assert taken.places == list(range(1, more[-1].sequence + 1))


def test_entries_of_other_processes_are_delivered_once_the_ledger_knows_of_them(journal: _Counting) -> None:
    """A delivery knows how far the journal goes as this ledger has seen it, and reads no more."""
    served = Publishing(journal)
    taken = _Taken()
    served.subscribe("bot", taken)
    served.deliver()
    others = entries(journal.head(), [], [])
    journal.append(others)
    reads = len(journal.read_from)
    served.deliver()
    assert (taken.places[-1], len(journal.read_from)) == (5, reads)
    for entry in others:
        served.committed(entry)
    served.deliver()
    assert taken.places == [1, 2, 3, 4, 5, 6, 7]


def test_a_delivery_that_was_interrupted_leaves_the_next_one_free(journal: _Counting) -> None:
    """An interrupt in a subscriber goes through, and the entries come with the next delivery."""
    served = Publishing(journal)
    interrupts = [KeyboardInterrupt()]
    taken: list[int] = []

    def handle(entry: Entry) -> None:
        if interrupts:
            raise interrupts.pop()
        taken.append(entry.sequence)

    served.subscribe("bot", handle)
    with pytest.raises(KeyboardInterrupt):
        served.deliver()
    served.deliver()
    assert taken == [1, 2, 3, 4, 5]


def test_a_command_inside_a_delivery_leaves_its_entries_to_it(journal: _Counting) -> None:
    """The thread that is at it delivers them to everybody, in order, after what it has at hand."""
    served = Publishing(journal)
    order: list[tuple[str, int]] = []

    def first(entry: Entry) -> None:
        order.append(("first", entry.sequence))
        if entry.sequence == 5:
            (made,) = entries(journal.head(), [])
            journal.append([made])
            served.committed(made)
            served.deliver()

    served.subscribe("first", first)
    served.subscribe("second", lambda entry: order.append(("second", entry.sequence)))
    served.deliver()
    assert order == [("first", number) for number in range(1, 7)] + [("second", number) for number in range(1, 7)]


def test_who_was_served_before_a_command_inside_a_delivery_is_served_again(journal: _Counting) -> None:
    """What the last subscriber's command added comes to the first one, too, before the delivery ends."""
    served = Publishing(journal)
    first = _Taken()

    def last(entry: Entry) -> None:
        if entry.sequence == 5:
            (made,) = entries(journal.head(), [])
            journal.append([made])
            served.committed(made)
            served.deliver()

    served.subscribe("first", first)
    served.subscribe("last", last)
    served.deliver()
    assert first.places == [1, 2, 3, 4, 5, 6]


def test_the_cursor_of_a_subscriber_with_a_thread_rides_on_commits(journal: _Counting, clock: StillTime) -> None:
    """Also where every subscriber has a thread of its own."""
    served = Publishing(journal)
    seen = threading.Semaphore(0)
    served.subscribe("bot", lambda _: seen.release(), thread=True)
    for _ in range(5):
        assert seen.acquire(timeout=PATIENCE)
    served._threaded[0].stop()
    clock.now += CURSOR_SECONDS
    assert served.due_cursors() == [Cursor("bot", 5)]
    served.close()


def test_a_subscriber_with_a_thread_is_served_from_the_start_and_when_woken(journal: _Counting) -> None:
    """Its thread is named after it and ends with the ledger; its cursor is stored like any other."""
    served = Publishing(journal)
    places: list[tuple[int, str, bool]] = []
    seen = threading.Semaphore(0)

    def handle(entry: Entry) -> None:
        thread = threading.current_thread()
        places.append((entry.sequence, thread.name, thread.daemon))
        seen.release()

    served.subscribe("bot", handle, thread=True)
    for _ in range(5):
        assert seen.acquire(timeout=PATIENCE)
    journal.append(entries(journal.head(), []))
    served.deliver()
    assert seen.acquire(timeout=PATIENCE)
    assert places == [(number, "strategy-ledger-bot", True) for number in range(1, 7)]
    served.close()
    assert not any(thread.name == "strategy-ledger-bot" for thread in threading.enumerate())
    assert journal.claim("bot") == Cursor("bot", 6)


def test_a_subscriber_with_a_thread_is_served_page_by_page(journal: _Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the end, without being woken again."""
    monkeypatch.setattr(publishing, "PAGE", 2)
    served = Publishing(journal)
    seen = threading.Semaphore(0)
    served.subscribe("bot", lambda _: seen.release(), thread=True)
    for _ in range(5):
        assert seen.acquire(timeout=PATIENCE)
    served.close()
    assert [place for place in journal.read_from if place[0] < 5] == [(0, 2), (2, 2), (4, 2)]


def test_following_is_stopped_within_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is at something that takes for ever."""
    monkeypatch.setattr(publishing, "STOP_SECONDS", 0.01)
    begun, released = threading.Event(), threading.Event()

    def blocks() -> None:
        begun.set()
        released.wait(PATIENCE)

    follower = Follower(blocks, 0.001)
    assert begun.wait(PATIENCE)
    follower.stop()
    assert follower._thread.is_alive()
    released.set()
    follower._thread.join(PATIENCE)
    assert not follower._thread.is_alive()


def test_who_follows_asks_again_and_again_until_the_ledger_is_closed() -> None:
    """Its thread is named, ends when it is told to, and by itself when there is nothing to follow any more."""
    asked = threading.Semaphore(0)
    names: list[tuple[str, bool]] = []

    def publish_pending() -> None:
        thread = threading.current_thread()
        names.append((thread.name, thread.daemon))
        asked.release()
        if len(names) == 3:
            raise LedgerClosed("closed")

    follower = Follower(publish_pending, 0.001)
    for _ in range(3):
        assert asked.acquire(timeout=PATIENCE)
    follower._thread.join(PATIENCE)
    assert not follower._thread.is_alive()
    assert names == [("strategy-ledger-follow", True)] * 3
    follower.stop()
    slow: list[Any] = []
    patient = Follower(lambda: slow.append(1), 3_600)
    patient.stop()
    assert (slow, patient._thread.is_alive()) == ([], False)
