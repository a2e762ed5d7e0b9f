"""Deliver the journal to subscribers: at least once, in order, never before the commit, each from its own cursor.

The journal is the outbox. A subscriber that raises is logged and gets the same entry again later; it fails no
write and holds up nobody else. Cursors are stored lazily, riding on later commits: losing the last steps means
repeats, never gaps.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from ledger_core.changes import Cursor, Entry
from ledger_core.errors import LedgerClosed, LedgerError, SubscriberInUse
from ledger_core.repository import LedgerRepository

ENTRIES_AT_HAND = 1_024
"""How many of the latest entries are delivered without reading the journal again."""

CURSOR_STEP = 256
"""A cursor is stored at the latest after this many delivered entries ..."""

CURSOR_SECONDS = 1.0
"""... or after this long, with the next commit, and at close."""

PAGE = 256
STOP_SECONDS = 5.0
"""How long `close` waits for each subscriber that has its own thread."""

Handler = Callable[[Entry], None]
_log = logging.getLogger(__name__)


class Subscription:
    """One subscriber's place in the journal."""

    def __init__(self, name: str, handler: Handler, sequence: int) -> None:
        """Start at the entry after `sequence`."""
        self.name = name
        self.handler = handler
        self.sequence = sequence
        self.stored = sequence
        self.stored_at = time.monotonic()

    def deliver(self, entries: Sequence[Entry]) -> bool:
        """Hand over the entries in order; False as soon as one is not taken."""
        for entry in entries:
            if entry.sequence <= self.sequence:
                continue
            try:
                self.handler(entry)
            except Exception:  # noqa: BLE001  # whatever it raises, the write stands and the entry comes again
                _log.exception("subscriber %r did not take entry %d; it comes again", self.name, entry.sequence)
                return False
            self.sequence = max(self.sequence, entry.sequence)  # it may have skipped further ones itself
        return True

    def skip_to(self, sequence: int) -> None:
        """Go on behind an entry that was not taken."""
        self.sequence = self.stored = max(self.sequence, sequence)

    def is_due(self) -> bool:
        """Whether the cursor has moved far or long enough to be stored."""
        moved = self.sequence - self.stored
        return moved > 0 and (moved >= CURSOR_STEP or time.monotonic() - self.stored_at >= CURSOR_SECONDS)


class Publishing:
    """All subscribers of one ledger. Delivery runs in the thread that committed, outside every lock of the ledger."""

    def __init__(self, repository: LedgerRepository) -> None:
        """Start without subscribers."""
        self._repository = repository
        self._lock = threading.Lock()
        self._at_hand: dict[int, Entry] = {}
        self._head = repository.head().sequence
        self._all: list[Subscription] = []
        self._here: list[Subscription] = []
        self._threaded: list[_ThreadedSubscription] = []
        self._delivering = False
        self._again = False

    def subscribe(self, name: str, handler: Handler, *, thread: bool = False, from_head: int | None = None) -> None:
        """Own the subscriber's cursor and deliver from it; a new cursor starts at `from_head` where given.

        Raises SubscriberInUse when the name has an owner, here or elsewhere.
        """
        with self._lock:
            sequence = self._claim(name)
            if sequence == 0 and from_head is not None:
                sequence = from_head
            subscription = Subscription(name, handler, sequence)
            if thread:
                self._threaded.append(_ThreadedSubscription(subscription, self._repository))
            else:
                self._here.append(subscription)
            self._all.append(subscription)

    def committed(self, entry: Entry) -> None:
        """Note an entry that is in the journal now, ours or another's, in order; called under the ledger's lock.

        Without a subscriber it is not kept: who subscribes later reads it from the journal.
        """
        sequence = self._head = entry.sequence
        if self._here:
            self._at_hand[sequence] = entry
            self._at_hand.pop(sequence - ENTRIES_AT_HAND, None)

    def due_cursors(self) -> list[Cursor]:
        """Return the cursors that should ride on the next commit."""
        return [Cursor(one.name, one.sequence) for one in self._all if one.is_due()]

    def stored(self, cursors: Sequence[Cursor]) -> None:
        """Note that the cursors are durable."""
        if not cursors:
            return
        reached = {cursor.subscriber: cursor.sequence for cursor in cursors}
        for one in self._all:
            if one.name in reached:
                one.stored = reached[one.name]
                one.stored_at = time.monotonic()

    def deliver(self) -> None:
        """Deliver what is pending, up to the last entry that this ledger knows of, whoever wrote it.

        One thread delivers at a time. A call that finds one at it, such as a command issued from a subscriber,
        returns at once and leaves its entries to that thread.
        """
        for threaded in self._threaded:
            threaded.wake()
        if not self._here:
            return
        with self._lock:
            if self._delivering:
                self._again = True
                return
            self._delivering = True
        while True:
            self._again = False
            try:
                for subscription in list(self._here):
                    self._deliver_to(subscription)
            except BaseException:
                with self._lock:
                    self._delivering = False
                raise
            with self._lock:
                if not self._again:
                    self._delivering = False
                    return

    def place_of(self, name: str) -> int:
        """Return the last entry that a subscriber took; become the owner of a cursor that nobody here serves.

        Raises SubscriberInUse where another process owns it.
        """
        with self._lock:
            for one in self._all:
                if one.name == name:
                    return one.sequence
            return self._repository.claim(name).sequence

    def take_over(self, name: str) -> None:
        """Become the owner of a cursor that nobody serves; raises SubscriberInUse where somebody does, here or not."""
        with self._lock:
            self._claim(name)

    def skip_to(self, name: str, sequence: int) -> None:
        """Go on behind an entry that was skipped, whose cursor is stored."""
        for one in self._all:
            if one.name == name:
                one.skip_to(sequence)

    def pending(self, name: str, head: int) -> int:
        """Return how many entries the subscriber has yet to take."""
        for one in self._all:
            if one.name == name:
                return max(0, head - one.sequence)
        raise KeyError(name)

    def close(self) -> None:
        """Stop the subscribers' threads, each within a bounded time, and store every cursor."""
        for threaded in self._threaded:
            threaded.stop()
        self.store()

    def store(self) -> None:
        """Store every cursor that has moved."""
        moved = [Cursor(one.name, one.sequence) for one in self._all if one.sequence > one.stored]
        if moved:
            self._repository.append((), moved)
            self.stored(moved)

    def _claim(self, name: str) -> int:
        """Become the owner of a cursor that nobody here serves, and return where it stands."""
        if any(known.name == name for known in self._all):
            raise SubscriberInUse(f"subscriber {name!r} is subscribed already", subscriber=name)
        return self._repository.claim(name).sequence

    def _deliver_to(self, subscription: Subscription) -> None:
        while True:
            try:
                entries = self._entries_after(subscription.sequence)
            except LedgerError:  # what is committed stays acknowledged; delivery goes on with the next command
                _log.exception("subscriber %r could not be served: the journal could not be read", subscription.name)
                return
            if not entries or not subscription.deliver(entries):
                return

    def _entries_after(self, sequence: int) -> Sequence[Entry]:
        known: list[Entry] = []
        while (entry := self._at_hand.get(sequence + 1 + len(known))) is not None:
            known.append(entry)
        if known or sequence >= self._head:
            return known
        return self._repository.read(sequence, PAGE)


class _ThreadedSubscription:
    """A subscriber with a thread of its own, which may block for as long as it likes."""

    def __init__(self, subscription: Subscription, repository: LedgerRepository) -> None:
        self.subscription = subscription
        self._repository = repository
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"strategy-ledger-{subscription.name}", daemon=True)
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopped.set()
        self._woken.set()
        if self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS)
            if self._thread.is_alive():
                _log.warning("subscriber %r still blocks after %s s", self.subscription.name, STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.wait()
            self._woken.clear()
            try:
                while not self._stopped.is_set():
                    entries = self._repository.read(self.subscription.sequence, PAGE)
                    if not entries or not self.subscription.deliver(entries):
                        break
            except LedgerClosed:
                return
            except LedgerError:
                _log.exception("subscriber %r could not read the journal", self.subscription.name)


class Follower:
    """Deliver other processes' entries every so often, until stopped."""

    def __init__(self, publish_pending: Callable[[], None], interval: float) -> None:
        """Start the thread."""
        self._publish_pending = publish_pending
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="strategy-ledger-follow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop within a bounded time."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self._publish_pending()
            except LedgerClosed:
                return
            except LedgerError:
                _log.exception("following the journal failed; trying again in %s s", self._interval)
