"""StrategyLedger, the face: one strategy's ledger, given to an ExecutionHandler as its one dependency.

Load, decide, store, publish: a command is decided on the current records, appended to the journal with its
after-images in one atomic write, and only then published. The commands are documented in `methods`, the questions
in `answers`; this module opens, closes, batches and publishes.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from types import TracebackType
from typing import Any, Self, cast

from ledger_core import checks as check
from ledger_core.answers import Answers
from ledger_core.archiving import Archivist
from ledger_core.batch import Batch
from ledger_core.changes import FORGOTTEN, Cursor, Entry, Head
from ledger_core.commands import AnyCommand, NoteUpkeep, Operation, SkipEntry
from ledger_core.ending import require_sound_end
from ledger_core.errors import InvalidValue, LedgerClosed, ReadOnlyLedger
from ledger_core.events import (
    STRATEGY_LEDGER_UPDATED,
    EventPublisher,
    StrategyCache,
    context_of,
    events_of,
)
from ledger_core.findings import Verification
from ledger_core.grouping import Given, GroupCommit
from ledger_core.methods import Commands
from ledger_core.model import Order, Record, RecordKind, Trade
from ledger_core.numbers import utc_now
from ledger_core.publishing import Follower, Publishing
from ledger_core.repository import LedgerRepository, open_repository
from ledger_core.verifying import rebuild, verify
from ledger_core.writing import Writer

_log = logging.getLogger(__name__)

PUBLISHER = "publisher"
CACHE = "cache"
"""The subscriber names under which the injected publisher and cache are served."""

Callback = Callable[[str, Mapping[str, Any]], object]
"""What `subscribe` takes: called with STRATEGY_LEDGER_UPDATED and a payload, as a publisher is."""


class StrategyLedger(Commands, Answers):
    """One strategy's orders, fills, trades and positions: legal, durable, published, answerable.

    The object is safe to use from several threads, whose commands share durable writes when they come at once; several
    processes may write one store. After each commit the cache is given the contexts of the orders and trades that
    changed, then the publisher and the subscribers are given the events: in a caller's thread, outside every lock, so
    they must return, and they may issue commands. One that raises fails no write and gets the same events again at the
    next command or `publish_pending()`.
    """

    def __init__(
        self,
        repository: LedgerRepository,
        *,
        publisher: EventPublisher | None = None,
        cache: StrategyCache | None = None,
        clock: Callable[[], datetime] = utc_now,
        overfill: str = "quarantine",
        chain_key: bytes | None = None,
    ) -> None:
        """Serve the repository's strategy; deliver what its subscribers have missed.

        `overfill` is "quarantine" (a fill beyond the order's quantity is filed and refused) or "book" (it is
        booked with `overfill_quantity`). `chain_key`, 16 to 1,024 secret bytes, makes the journal's digests HMACs,
        which nobody can recompute who has the file but not the key; it is given at every opening, and a key that
        does not fit raises StorageCorrupt. Raises SubscriberInUse where another process serves `publisher` or
        `cache` of this strategy.
        """
        books_overfills = check.check_choice(overfill, "overfill", ("quarantine", "book")) == "book"
        check.check_callable(clock, "clock")
        self._chain_key = check.check_chain_key(chain_key)
        _check_has(publisher, "publish", "publisher")
        _check_has(cache, "store", "cache")
        publishing = Publishing(repository)
        if not repository.read_only:
            require_sound_end(repository, self._chain_key)
        writer = Writer(
            repository,
            publishing,
            _checked_clock(clock),
            books_overfills=books_overfills,
            chain_key=self._chain_key,
        )
        super().__init__(repository, writer)
        self._group = GroupCommit(writer)
        self._publishing = publishing
        self._cache = cache
        self._cache_is_filled = False
        self._follower: Follower | None = None
        if cache is not None:
            publishing.subscribe(CACHE, self._store_contexts, from_head=writer.records.head.sequence)
            try:
                self._fill_cache(cache)
            except Exception:  # noqa: BLE001  # a cache that is down must not keep the ledger from opening
                _log.exception("the cache could not be filled; it is tried again with the next entry")
        if publisher is not None:
            publishing.subscribe(PUBLISHER, _event_handler(publisher.publish))
        publishing.deliver()

    @property
    def strategy_id(self) -> str:
        """The strategy that this ledger keeps."""
        return self._repository.strategy_id

    @property
    def read_only(self) -> bool:
        """Whether commands are refused with ReadOnlyLedger."""
        return self._repository.read_only

    def batch(self) -> Batch:
        """Return a block of commands that become durable together, in one write, when it is left.

        Each command is decided at its call on the state with the batch so far. See Batch.
        """
        return Batch(self._writer, self._publishing.deliver)

    # -- publishing -----------------------------------------------------------------------------------------------

    def subscribe(self, name: str, callback: Callback, *, thread: bool = False) -> None:
        """Deliver every event to `callback(STRATEGY_LEDGER_UPDATED, payload)`, at least once and in order.

        The subscriber's place in the journal is stored under `name`: a new one gets the whole journal, a known one
        goes on where it was. `thread=True` gives it a thread and reader of its own, so that it may block. Raises
        SubscriberInUse while another process, or this ledger, serves the name.
        """
        checked = check.check_id(name, "name")
        check.check_callable(callback, "callback")
        check.check_bool(thread, "thread")
        self._publishing.subscribe(checked, _event_handler(callback), thread=thread)
        self._publishing.deliver()

    def publish_pending(self) -> None:
        """Deliver what subscribers have not taken yet, entries of other processes included."""
        self._writer.catch_up()
        self._publishing.deliver()

    def follow(self, interval: float) -> Follower:
        """Call `publish_pending` every `interval` seconds in a thread of its own, until `stop()` or close."""
        seconds = check.check_seconds(interval, "interval")
        self._repository.head()  # a closed ledger says so now, not in a thread of its own
        if self._follower is not None:
            self._follower.stop()
        self._follower = Follower(self.publish_pending, seconds)
        return self._follower

    def pending(self, name: str) -> int:
        """Return how many entries the subscriber has yet to take; raises InvalidValue for a name not subscribed."""
        checked = check.check_id(name, "name")
        try:
            return self._publishing.pending(checked, self._repository.head().sequence)
        except KeyError:
            raise InvalidValue(f"no subscriber {checked!r} here", argument="name", value=name) from None

    def skip_entry(self, name: str, sequence: int, reason: str) -> None:
        """Let a subscriber go on behind an entry that it can never take; the journal keeps who skipped what, and why.

        `sequence` must be the entry that the subscriber is to get next, of which it then gets no event, so that
        nothing is skipped that nobody looked at. The note is an entry of its own (ENTRY_SKIPPED, published) and is
        stored together with the cursor. A name that is not subscribed here is skipped for whoever subscribes next.
        Raises InvalidValue for any other entry, SubscriberInUse while another process serves the name.
        """
        command = SkipEntry(
            operation=Operation.SKIP_ENTRY,
            occurred_at=self._now(),
            subscriber=check.check_id(name, "name"),
            entry_sequence=check.check_count(sequence, "sequence", minimum=1),
            reason=check.check_required_reason(reason),
        )
        self._writer.refuse_if_read_only(command)
        self._writer.catch_up()
        following = self._publishing.place_of(command.subscriber) + 1
        if left := self._repository.read(following - 1, 1):
            following = left[0].sequence  # a new subscriber begins behind what was cut
        if command.entry_sequence != following or following > self._writer.records.head.sequence:
            where = f"its next entry is {following}"
            if following > self._writer.records.head.sequence:
                where = "it has taken all there is"
            raise InvalidValue(
                f"sequence {command.entry_sequence} cannot be skipped for subscriber {command.subscriber!r}: {where}",
                argument="sequence",
                value=sequence,
            )
        self._writer.execute(command, [Cursor(command.subscriber, following)])
        self._publishing.skip_to(command.subscriber, following)
        self._publishing.deliver()

    def forget_subscriber(self, name: str, reason: str) -> None:
        """Take away the cursor of a subscriber that nobody will serve any more; the journal keeps that, and why.

        Until then its cursor holds the journal: nothing that it did not take can be cut. The note is an entry of its
        own (UPKEEP_NOTED, published) and is stored together with that. Whoever subscribes under the name later begins
        as a new subscriber does, with the first entry there is.
        Raises SubscriberInUse while the name is served, here or by another process.
        """
        checked = check.check_id(name, "name")
        command = NoteUpkeep(
            operation=Operation.NOTE_UPKEEP,
            occurred_at=self._now(),
            upkeep=f"forget subscriber {checked}",
            reason=check.check_required_reason(reason),
        )
        self._writer.refuse_if_read_only(command)
        self._publishing.take_over(checked)
        self._writer.execute(command, [Cursor(checked, FORGOTTEN)])
        self._publishing.deliver()

    def note_upkeep(self, upkeep: str, reason: str) -> None:
        """Keep in the journal what a person did to the store, and why, where no command tells of it: a rebuild, a copy.

        `upkeep` says in a word or two what it was. The note is an entry of its own (UPKEEP_NOTED, published).
        """
        self._execute(
            NoteUpkeep(
                operation=Operation.NOTE_UPKEEP,
                occurred_at=self._now(),
                upkeep=check.check_id(upkeep, "upkeep"),
                reason=check.check_required_reason(reason),
            )
        )

    # -- truth ----------------------------------------------------------------------------------------------------

    def verify(self, head: Head | None = None, *, chain_only: bool = False) -> Verification:
        """Fold the journal from nothing, compare every record with what is stored, and report each difference.

        The journal's chain, its order and its versions are checked, orders against their fills, and every stored
        record, to the byte, against what the journal comes to. `head` is one that was remembered elsewhere, such as
        that of the verification before: the digest at its sequence proves that nothing up to it was changed,
        removed, inserted or reordered. `chain_only` leaves the records out and is many times as fast. Nothing is
        changed, and commands go on meanwhile; memory is bounded, whatever the length of the journal.
        """
        checked = check.check_bool(chain_only, "chain_only")
        return verify(self._repository, head, chain_only=checked, chain_key=self._chain_key)

    @property
    def archivist(self) -> Archivist:
        """What lets closed history go to an archive, and takes it back; see `ledger_core.archiving`."""
        return Archivist(self._repository, self._writer, self._execute, self._publishing.deliver)

    def rebuild(self) -> None:
        """Restore every record from the journal, in one transaction; the journal gets no entry of it.

        Commands, of other processes too, wait meanwhile. Raises StorageCorrupt, with nothing changed, for a journal
        whose own chain is broken: verify it against a remembered head first, for that alone shows whether it is the
        journal that was written. A ledger that does not open because of a damaged record is rebuilt by
        `ledger_core.verifying.rebuild(open_repository(...))`.
        """
        if self.read_only:
            raise ReadOnlyLedger("rebuild needs a ledger opened for writing")
        with self._writer.lock:
            rebuild(self._repository, chain_key=self._chain_key)
            self._writer.reload()

    # -- opening and closing --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Store the cursors, stop the threads within a bounded time, close the repository. Twice is fine."""
        if self._follower is not None:
            self._follower.stop()
        try:
            self._publishing.close()
        except LedgerClosed:
            pass
        finally:
            self._repository.close()

    def __enter__(self) -> Self:
        """Use the ledger as a context manager that closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        self.close()

    # -- shared ---------------------------------------------------------------------------------------------------

    def _execute(self, command: AnyCommand) -> Record:
        try:
            return self._group.execute(command)
        finally:
            self._publishing.deliver()

    def _execute_all(self, given: Sequence[Given]) -> None:
        """Execute the commands of several callers, and tell each what came of its own."""
        try:
            self._group.execute_all(given)
        finally:
            self._publishing.deliver()

    def _now(self) -> datetime:
        return self._writer.now()

    def _store_contexts(self, entry: Entry) -> None:
        """Give the cache the present context of every order and trade that the entry changed."""
        assert self._cache is not None, "subscribed only with a cache"
        if not self._cache_is_filled:
            self._fill_cache(self._cache)
        for kind, key in dict.fromkeys((change.kind, change.key) for change in entry.changes):
            if kind not in (RecordKind.ORDER, RecordKind.TRADE):
                continue
            with self._writer.lock:
                record = self._writer.records.get(kind, key)
            if record is not None:
                self._cache.store(key[0], context_of(cast(Order | Trade, record), self.strategy_id))

    def _fill_cache(self, cache: StrategyCache) -> None:
        """Give the cache every open order and trade: it may have been lost with the process."""
        with self._writer.lock:
            records = [*self._writer.records.live(RecordKind.ORDER), *self._writer.records.live(RecordKind.TRADE)]
        for record in records:
            cache.store(record.key[0], context_of(cast(Order | Trade, record), self.strategy_id))
        self._cache_is_filled = True


def open_ledger(
    url_or_path: str | PathLike[str],
    *,
    strategy_id: str,
    publisher: EventPublisher | None = None,
    cache: StrategyCache | None = None,
    clock: Callable[[], datetime] = utc_now,
    read_only: bool = False,
    overfill: str = "quarantine",
    chain_key: bytes | None = None,
) -> StrategyLedger:
    """Open one strategy's ledger in the store that a URL or path names; use it in a `with` block.

    `sqlite:///orders.db` (a plain path means the same) is created if it is not there, unless `read_only`;
    `memory://` keeps nothing. Raises UnknownStorage for a scheme without an installed adapter, and the
    StorageErrors of the adapter.
    """
    repository = open_repository(
        url_or_path, strategy_id=check.check_id(strategy_id, "strategy_id"), read_only=read_only
    )
    try:
        return StrategyLedger(
            repository, publisher=publisher, cache=cache, clock=clock, overfill=overfill, chain_key=chain_key
        )
    except BaseException:
        repository.close()
        raise


def _event_handler(callback: Callback) -> Callable[[Entry], None]:
    def handle(entry: Entry) -> None:
        for payload in events_of(entry):
            callback(STRATEGY_LEDGER_UPDATED, payload)

    return handle


def _checked_clock(clock: Callable[[], datetime]) -> Callable[[], datetime]:
    return clock if clock is utc_now else lambda: check.check_time(clock(), "clock")


def _check_has(injected: object, method: str, argument: str) -> None:
    try:
        has_it = injected is None or callable(getattr(injected, method, None))
    except Exception:  # noqa: BLE001  # an object of the caller's own may raise anything when it is asked
        has_it = False
    if not has_it:
        raise InvalidValue(f"{argument} has no method {method!r}", argument=argument, value=injected)
