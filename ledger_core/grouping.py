"""Group commit: while one write syncs, the commands of other callers gather, and the next write takes them all.

A command that meets no other is written alone, at once. Else it queues: the first of a queue leads, waits for the
writer's lock, and writes what has gathered by then, each command decided in its turn on those before it. Nobody waits
for a group to fill. Each caller is told its own outcome, after the write.
"""

import copy
import os
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakSet

from ledger_core.changes import Entry
from ledger_core.commands import AnyCommand
from ledger_core.decide.draft import Overlay
from ledger_core.errors import OutcomeUnknown, StorageError
from ledger_core.model import Record
from ledger_core.writing import BUSY_SECONDS, Decided, Writer

GROUP_MAX = 256
"""The most commands of one write; the rest of the queue is the next one's."""

LEADER_SECONDS = 2 * BUSY_SECONDS
"""After this long a caller writes for itself: whoever led may have been interrupted before it could hand over."""


class Given:
    """A command that a caller gave, and what came of it."""

    __slots__ = ("answer", "command", "error")

    def __init__(self, command: AnyCommand) -> None:
        """Nothing has come of it yet."""
        self.command = command
        self.answer: Record | None = None
        self.error: Exception | None = None

    @property
    def is_told(self) -> bool:
        """Whether it is known what came of it."""
        return self.answer is not None or self.error is not None

    def tell(self, decided: Decided) -> None:
        """Pass on what is stored now, or needed no storing."""
        self.answer, self.error = decided.answer, decided.refusal

    def outcome(self) -> Record:
        """Return the record, or raise what the command met."""
        if self.error is not None:
            raise self.error
        assert self.answer is not None, "told"
        return self.answer


class _Waiting(Given):
    """A command whose caller waits in a thread."""

    __slots__ = ("gate",)

    def __init__(self, command: AnyCommand) -> None:
        super().__init__(command)
        self.gate = threading.Lock()
        self.gate.acquire()

    def wake(self) -> None:
        """Let the caller look whether it was told, or leads."""
        with suppress(RuntimeError):  # it was woken before, and has not looked yet
            self.gate.release()


class GroupCommit:
    """Executes commands for any number of threads, in as few durable writes as they come to."""

    def __init__(self, writer: Writer) -> None:
        """Start with nobody waiting."""
        self._writer = writer
        self._start()
        _known.add(self)

    def _start(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._leader: _Waiting | None = None
        self._is_busy = False

    def execute(self, command: AnyCommand) -> Record:
        """Return the command's record once it is durable, or raise its refusal or what kept it from being stored."""
        if self._is_busy or self._leader is not None:
            return self._in_turn(command)
        self._is_busy = True  # a hint: two that meet here write one after the other
        try:
            return self._writer.execute(command)
        finally:
            self._is_busy = False

    def execute_all(self, given: Sequence[Given]) -> None:
        """Write the commands in their order, in as few writes as they need, and tell each what came of it."""
        with self._writer.lock:
            for first in range(0, len(given), GROUP_MAX):
                _Group(self._writer, given[first : first + GROUP_MAX]).write()

    def abandon(self) -> None:
        """Forget the threads of a parent process, which this one does not have."""
        self._writer.lock = threading.RLock()
        self._start()

    def _in_turn(self, command: AnyCommand) -> Record:
        """Queue, and wait to be told or to lead."""
        self._writer.refuse_if_read_only(command)
        if self._writer.lock._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  # as threading.Condition asks it
            return self._writer.execute(command)  # from the clock, say, of a command that is being decided
        own = _Waiting(command)
        told: list[_Waiting] = []
        try:
            with self._mutex:
                self._waiting.append(own)
                if self._leader is None:
                    self._leader = own
            while True:
                if self._leader is not own and not own.gate.acquire(timeout=LEADER_SECONDS):
                    self._leader = own  # the one before was interrupted before it could hand over
                if self._leader is own:
                    with self._writer.lock:
                        self._lead(own, told)
                if own.is_told:  # pragma: no branch  # a gate that opens for another reason is waited at again
                    break
        finally:
            self._leave(own, told)
        return own.outcome()

    def _lead(self, own: _Waiting, told: list[_Waiting]) -> None:
        """Write what has gathered, until the leader's own command is told; the writer's lock is held."""
        while not own.is_told:
            with self._mutex:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]
            assert group, "who is not told is in the queue while nobody writes"
            try:
                _Group(self._writer, group).write()
            finally:
                told += [one for one in group if one.is_told]
                left = [one for one in group if not one.is_told and one is not own]
                if left:  # the leader was interrupted before anything of theirs was written
                    with self._mutex:
                        self._waiting.extendleft(reversed(left))

    def _leave(self, own: _Waiting, told: list[_Waiting]) -> None:
        for one in told:
            one.wake()
        with self._mutex:
            if not own.is_told and own in self._waiting:  # interrupted while it waited
                self._waiting.remove(own)
            if self._leader is own:
                self._leader = self._waiting[0] if self._waiting else None
                if self._leader is not None:
                    self._leader.wake()


class _Group:
    """The commands of one write, in order, each decided on those before it."""

    def __init__(self, writer: Writer, given: Sequence[Given]) -> None:
        self._writer = writer
        self._given = given
        self._decided: dict[Given, Decided] = {}
        self._is_in_doubt = False

    def write(self) -> None:
        """Store what can be stored and tell everyone. An interrupt leaves those untold of whom nothing is stored."""
        try:
            self._writer.until_stored(self._attempt)
        except Exception as error:  # noqa: BLE001  # it is raised for each caller, in its own thread
            if len(self._given) > 1 and not _concerns_all(error):
                for one in self._given:
                    _Group(self._writer, [one]).write()
            else:
                self._settle(error)
        except BaseException:
            if self._is_in_doubt:
                self._settle(OutcomeUnknown("the thread that wrote it was interrupted"), is_over=False)
            raise

    def _attempt(self) -> bool | None:
        """Decide all on the records as they are, append, and tell; None where others came first."""
        writer = self._writer
        overlay, tip = Overlay(writer.records), writer.records.tip
        decided: dict[Given, Decided] = {}
        failed: dict[Given, Exception] = {}
        for one in self._given:
            try:
                outcome = writer.decide_at(overlay, tip, one.command)
            except Exception as error:  # noqa: BLE001  # its caller's alone, if the records prove to be at the head
                failed[one] = error
                continue
            if outcome.entry is not None:
                overlay.absorb(outcome.staged)
                tip = outcome.entry
            decided[one] = outcome
        self._decided = decided
        written = [(outcome.entry, outcome.staged) for outcome in decided.values() if outcome.entry is not None]
        if not written:
            if writer.catch_up():
                return None
        else:
            self._is_in_doubt = True
            if not writer.append(tuple(entry for entry, _ in written)):
                self._is_in_doubt = False
                return None
            for entry, staged in written:
                writer.advance(entry, staged)
        for one, outcome in decided.items():
            one.tell(outcome)
        for one, reason in failed.items():
            one.error = reason
        return True

    def _settle(self, reason: Exception, *, is_over: bool = True) -> None:
        """Tell each what is true of its own command after the write failed; if it `is_over`, everyone is told."""
        in_doubt: list[tuple[Given, Entry, Decided]] = []
        if isinstance(reason, OutcomeUnknown):
            known = [(one, decided) for one, decided in self._decided.items() if not one.is_told]
            in_doubt = [(one, decided.entry, decided) for one, decided in known if decided.entry is not None]
        for one, _, _ in in_doubt:
            one.error = self._own(reason)
        is_stored = False
        for one, entry, decided in in_doubt:
            with suppress(Exception):  # whatever keeps it from being looked up, its outcome is not known then
                if self._writer.is_stored(entry):
                    is_stored = True
                    one.tell(decided)
                else:
                    one.error = None
                    if is_over:
                        one.error = StorageError(f"{reason}; it was looked up: nothing was stored")
                        one.error.__cause__ = reason
        if is_stored:
            with suppress(Exception):
                self._writer.catch_up()  # so that subscribers get it
        if is_over:
            for one in self._given:
                if not one.is_told:
                    self._tell_without_writing(one, reason)

    def _tell_without_writing(self, one: Given, reason: Exception) -> None:
        """Tell a command that is known, or refused, by itself; it was decided on what could not be stored."""
        one.error = self._own(reason)
        if isinstance(reason, OutcomeUnknown):
            one.error = StorageError(f"{reason}; of this command, decided beside others, nothing was written")
        with suppress(Exception):
            decided = self._writer.decide_at(self._writer.records, self._writer.records.tip, one.command)
            if decided.entry is None and not self._writer.catch_up():
                one.tell(decided)

    def _own(self, error: Exception) -> Exception:
        """Return an error of a caller's own: several threads that raise the same one would mix their tracebacks."""
        if len(self._given) == 1:
            return error
        try:
            own = copy.copy(error)
        except Exception:  # noqa: BLE001  # an adapter's own class may not be made by its arguments alone
            return error
        own.__cause__ = error
        return own


def _concerns_all(error: Exception) -> bool:
    """Whether a failed write would fail for each command by itself as well: the store is the reason, not an entry."""
    if type(error) is StorageError:
        return isinstance(error.__cause__, OutcomeUnknown)
    return isinstance(error, StorageError)


_known: "WeakSet[GroupCommit]" = WeakSet()


def _after_fork() -> None:
    for group in list(_known):
        group.abandon()


os.register_at_fork(after_in_child=_after_fork)
