"""Delivery when something is wrong: a journal that cannot be read, an interrupt, a subscriber that closes the ledger."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from ledger_core import Entry, LedgerClosed, StorageError, StrategyLedger
from ledger_core.repository import PAGE_SIZE_MAX
from support import RecordingPublisher, SteppingClock, Store, limit_order
from support.repositories import AroundRepository

OpenLedger = Callable[..., StrategyLedger]
PATIENCE = 30.0
"""Seconds after which a thread that should have done something has failed; nothing waits that long."""


class Unreadable(AroundRepository):
    """A repository whose journal, while `error` is set, cannot be read; `asked` says that somebody tried."""

    error: Exception | None = None

    def __init__(self, inner: Any) -> None:
        """Be readable."""
        super().__init__(inner)
        self.asked = threading.Event()

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Read, or fail as told."""
        error = self.error
        if error is not None:
            self.asked.set()
            raise error
        return super().read(after, limit, subject)


def until(holds: Callable[[], bool]) -> bool:
    """Wait for another thread; False where it took too long."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


@pytest.fixture
def journal(store: Store) -> Unreadable:
    """Return a repository with two orders in it."""
    with store.open() as ledger:
        ledger.record_order("O1", limit_order())
        ledger.record_order("O2", limit_order())
    return Unreadable(store.repository())


def test_journal_that_cannot_be_read_fails_no_command(journal: Unreadable, caplog: pytest.LogCaptureFixture) -> None:
    """What is committed stays acknowledged: the subscriber is served with a later command."""
    publisher = RecordingPublisher()
    with StrategyLedger(journal, clock=SteppingClock()) as ledger:
        journal.error = StorageError("the disk reported an error")
        ledger.subscribe("monitor", publisher.publish)
        assert ledger.record_order("O3", limit_order()).state == "PLACED"
        assert (publisher.events, ledger.pending("monitor")) == ([], 3)
        assert "subscriber 'monitor' could not be served" in caplog.text
        journal.error = None
        ledger.record_order("O4", limit_order())
        assert [event["order_id"] for event in publisher.events] == ["O1", "O2", "O3", "O4"]


def test_thread_of_a_subscriber_outlives_a_journal_that_cannot_be_read(
    journal: Unreadable, caplog: pytest.LogCaptureFixture
) -> None:
    """It is served again when it is woken; the log says what kept it."""
    publisher = RecordingPublisher()
    with StrategyLedger(journal, clock=SteppingClock()) as ledger:
        journal.error = StorageError("the disk reported an error")
        ledger.subscribe("monitor", publisher.publish, thread=True)
        assert journal.asked.wait(PATIENCE)
        assert until(lambda: "subscriber 'monitor' could not read the journal" in caplog.text)
        journal.error = None
        ledger.record_order("O3", limit_order())
        assert until(lambda: len(publisher.events) == 3)


def test_thread_of_a_subscriber_ends_with_its_repository(journal: Unreadable) -> None:
    """A repository that was closed under the ledger ends the thread without a word."""
    ledger = StrategyLedger(journal, clock=SteppingClock())
    journal.error = LedgerClosed("this repository is closed")
    ledger.subscribe("monitor", RecordingPublisher().publish, thread=True)
    assert until(lambda: not any(one.name == "strategy-ledger-monitor" for one in threading.enumerate()))
    assert journal.asked.is_set()
    journal.error = None
    ledger.close()


def test_interrupt_in_a_subscriber_leaves_delivery_possible(open_ledger_on: OpenLedger) -> None:
    """Ctrl-C reaches the caller, and the entry comes again with the next command."""
    taken: list[int] = []
    interrupts = [KeyboardInterrupt()]

    def monitor(_name: str, payload: Mapping[str, Any]) -> None:
        if interrupts:
            raise interrupts.pop()
        taken.append(payload["sequence"])

    ledger = open_ledger_on()
    ledger.subscribe("monitor", monitor)
    with pytest.raises(KeyboardInterrupt):
        ledger.record_order("O1", limit_order())
    ledger.record_order("O2", limit_order())
    assert taken == [1, 2]


def test_cursor_of_one_subscriber_is_stored_without_anothers(open_ledger_on: OpenLedger, store: Store) -> None:
    """A subscriber that takes nothing does not hold back, nor get, the place of one that takes everything."""
    dying = store.repository()
    ledger = StrategyLedger(dying)

    def refuse(_name: str, _payload: object) -> None:
        raise RuntimeError("this subscriber takes nothing")

    ledger.subscribe("stuck", refuse)
    ledger.subscribe("steady", RecordingPublisher().publish)
    with ledger.batch() as batch:
        for number in range(300):
            batch.record_order(f"O{number}", limit_order())
    ledger.record_order("one more", limit_order())
    dying.close()  # as a crash does: nothing else is stored
    again = open_ledger_on()
    stuck, steady = RecordingPublisher(), RecordingPublisher()
    again.subscribe("stuck", stuck.publish)
    again.subscribe("steady", steady.publish)
    assert (len(stuck.events), len(steady.events)) == (301, 1)


def test_entry_that_was_skipped_inside_a_page_is_not_delivered(open_ledger_on: OpenLedger) -> None:
    """A subscriber that skips its own next entries while it is handed a page is not given them after all."""
    writer = open_ledger_on()
    for number in range(1, 4):
        writer.record_order(f"O{number}", limit_order())
    ledger = open_ledger_on()
    taken: list[int] = []

    def monitor(_name: str, payload: Mapping[str, Any]) -> None:
        if payload["sequence"] == 1:
            for sequence in (1, 2):
                ledger.skip_entry("monitor", sequence, "told by hand")
        taken.append(payload["sequence"])

    ledger.subscribe("monitor", monitor)
    assert taken == [1, 3, 4, 5]
    assert ledger.pending("monitor") == 0


def test_threaded_subscriber_may_close_the_ledger(open_ledger_on: OpenLedger) -> None:
    """A kill switch runs in the subscriber's own thread: it does not wait for itself."""
    ledger = open_ledger_on()
    closed = threading.Event()

    def kill_switch(_name: str, _payload: object) -> None:
        ledger.close()
        closed.set()

    ledger.subscribe("kill switch", kill_switch, thread=True)
    ledger.record_order("O1", limit_order())
    assert closed.wait(PATIENCE)
    with pytest.raises(LedgerClosed):
        ledger.record_order("O2", limit_order())


def test_subscriber_may_close_the_ledger_that_follows(open_ledger_on: OpenLedger) -> None:
    """The thread that follows other writers runs the subscriber: closing there does not wait for itself."""
    ledger, other = open_ledger_on(), open_ledger_on()
    closed = threading.Event()

    def kill_switch(_name: str, _payload: object) -> None:
        ledger.close()
        closed.set()

    ledger.subscribe("kill switch", kill_switch)
    ledger.follow(0.001)
    other.record_order("O1", limit_order())
    assert closed.wait(PATIENCE)
    assert until(lambda: not any(one.name == "strategy-ledger-follow" for one in threading.enumerate()))


def test_following_goes_on_after_an_error(journal: Unreadable, caplog: pytest.LogCaptureFixture, store: Store) -> None:
    """A look at the journal that failed is logged, and the next one is taken as if nothing had been."""
    publisher = RecordingPublisher()
    with StrategyLedger(journal, clock=SteppingClock()) as ledger, store.open() as other:
        ledger.subscribe("monitor", publisher.publish)
        journal.error = StorageError("the disk reported an error")
        other.record_order("O3", limit_order())
        ledger.follow(0.001)
        assert until(lambda: "following the journal failed" in caplog.text)
        journal.error = None
        assert until(lambda: len(publisher.events) == 3)


def test_following_ends_with_the_repository(journal: Unreadable) -> None:
    """A repository that was closed under the ledger ends the thread without a word."""
    ledger = StrategyLedger(journal, clock=SteppingClock())
    ledger.subscribe("monitor", RecordingPublisher().publish)
    ledger.follow(0.001)
    journal.inner.close()
    assert until(lambda: not any(one.name == "strategy-ledger-follow" for one in threading.enumerate()))
    ledger.close()
