"""Decide, append: one command at a time, on the records as they are, until it is stored or refused.

A refusal and a no-op are given only after a look has shown that the records are at the journal's head. On
Conflict the missed entries are folded and the command is decided again, until the busy timeout.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import attrs

from ledger_core import codec
from ledger_core._frozen import maker, quick
from ledger_core.changes import ChainKey, Cursor, Entry, Head, Tip
from ledger_core.commands import FACT_TYPES, AnyCommand, BookFill, Fact
from ledger_core.current import CurrentRecords
from ledger_core.decide import decide, fills, quarantine, repeats
from ledger_core.decide.draft import Draft, Overlay, Records
from ledger_core.errors import (
    BatchConflict,
    CommandRefused,
    Conflict,
    OutcomeUnknown,
    ReadOnlyLedger,
    StorageBusy,
    StorageCorrupt,
    StorageError,
)
from ledger_core.model import Order, QuarantinedFact, QuarantineState, Record, RecordKind, Trade
from ledger_core.publishing import Publishing
from ledger_core.repository import LedgerRepository

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a command keeps trying while other writers are ahead of it."""

OVERTAKEN_MAX = 2
"""How often a command is overtaken by other writers before it keeps them out."""

COMMITS_FAILED_MAX = 2
"""How often the commit of a command may fail, and be looked up and found not to have happened, before it is told."""

ATTEMPTS_MAX = 1_000
"""How often a command is decided again at most; a backstop behind the busy timeout."""


@quick
@attrs.frozen(weakref_slot=False)
class Decided:
    """What deciding a command came to: an entry or none (a no-op), and an answer or a refusal."""

    entry: Entry | None
    staged: dict[tuple[RecordKind, tuple[str, ...]], Record]
    answer: Record | None
    refusal: CommandRefused | None

    @property
    def outcome(self) -> tuple[Any, ...]:
        """What the caller was told, for comparing a second decision with the first.

        The figures belong to it: who was told that an order is filled to 4 may have worked out the next command by it.
        """
        if self.refusal is not None:
            return (type(self.refusal), self.refusal.quarantine_id)
        assert self.answer is not None, "a command is answered or refused"
        changes = () if self.entry is None else self.entry.changes
        told = tuple(
            (change.event_type, change.key, change.from_state, change.to_state, change.status)
            for change in changes
            if change.event_type is not None
        )
        return (self.answer.key, _figures(self.answer), told)


_decided = maker(Decided)


def _figures(answer: Record) -> tuple[Any, ...]:
    match answer:
        case Order():
            return (answer.quantity, answer.cum_quantity, answer.executed_value, answer.overfill_quantity)
        case Trade():
            return (answer.order_ids, answer.legs, answer.fees)
        case _:
            return ()


class Writer:
    """The one place of a ledger object that writes; its lock makes the object safe for threads."""

    def __init__(
        self,
        repository: LedgerRepository,
        publishing: Publishing,
        clock: Callable[[], datetime],
        *,
        books_overfills: bool,
        chain_key: ChainKey = None,
    ) -> None:
        """Load what is open."""
        self._repository = repository
        self._strategy_id, self._is_read_only = repository.strategy_id, repository.read_only
        self._publishing = publishing
        self.now = clock  # which is the clock of every command, too
        self._books_overfills = books_overfills
        self._chain_key = chain_key
        self._commits_failed = 0
        self.lock = threading.RLock()
        self.records = CurrentRecords(repository)

    @property
    def chain_key(self) -> ChainKey:
        """The key that the journal's chain is made with."""
        return self._chain_key

    def catch_up(self) -> bool:
        """Fold what other writers committed; say whether there was anything."""
        with self.lock:
            moved = False
            while (head := self._repository.head()) != self.records.head:
                missed = self._repository.read(self.records.head.sequence)
                if not missed:
                    raise StorageCorrupt(
                        f"the journal ends at {head.sequence} {head.digest[:12]}, but this ledger has seen "
                        f"{self.records.head.sequence} {self.records.head.digest[:12]}: the store was replaced",
                        found=head,
                        known=self.records.head,
                    )
                moved = True
                if missed[0].sequence != self.records.head.sequence + 1:
                    self._begin_anew(missed)
                    continue
                for entry in missed:
                    self.records.fold(entry)
                    self._publishing.committed(entry)
            return moved

    def _begin_anew(self, left: Sequence[Entry]) -> None:
        """Load the records anew, as entries that were not folded yet were cut; `left` are the first that are left."""
        self.records = CurrentRecords(self._repository)
        while left:  # pragma: no branch  # there is more as long as the head is not reached: it is never cut
            for entry in left:
                self._publishing.committed(entry)
            if left[-1].sequence >= self.records.head.sequence:
                return
            left = self._repository.read(left[-1].sequence)

    def store_cursors(self) -> None:
        """Store how far each subscriber of this ledger has come."""
        self._publishing.store()

    def reload(self) -> None:
        """Load the records anew, after what is stored was restored from the journal."""
        with self.lock:
            for _ in range(ATTEMPTS_MAX):
                self.catch_up()  # tells the subscribers of what other writers committed
                records = CurrentRecords(self._repository)
                if records.head == self.records.head:
                    self.records = records
                    return
            raise StorageBusy(f"other writers stayed ahead for {ATTEMPTS_MAX} attempts")

    def execute(self, command: AnyCommand, cursors: Sequence[Cursor] = ()) -> Record:
        """Decide and append one command, together with these cursors; return its record, or raise its refusal."""
        if self._is_read_only:
            self.refuse_if_read_only(command)
        with self.lock:
            self._commits_failed = 0
            decided = self._decide_and_append(command, cursors)  # nearly always alone
            if decided is None:
                decided = self.until_stored(lambda: self._decide_and_append(command, cursors), overtaken=1)
        if decided.refusal is not None:
            raise decided.refusal
        assert decided.answer is not None, "a command is answered or refused"
        return decided.answer

    def _decide_and_append(self, command: AnyCommand, cursors: Sequence[Cursor]) -> Decided | None:
        """Decide and store; None where others came first, and their entries are folded now."""
        try:
            decided = self.decide_at(self.records, self.records.tip, command)
        except Exception:
            if self.catch_up():
                return None  # on a mixture of older and newer records anything may go wrong, and means nothing
            raise
        if decided.entry is None:
            return None if self.catch_up() else decided
        if not self.append((decided.entry,), cursors):
            return None
        self.advance(decided.entry, decided.staged)
        return decided

    def until_stored(self, attempt: Callable[[], T | None], *, overtaken: int = 0) -> T:
        """Try until nobody else comes first, or the time is up.

        Who was overtaken some times keeps the others out: a faster one would overtake it for ever.
        """
        deadline = time.monotonic() + BUSY_SECONDS
        if not overtaken:
            self._commits_failed = 0
        for number in range(overtaken, ATTEMPTS_MAX):
            if number < OVERTAKEN_MAX:
                done = attempt()
            else:
                with self._repository.alone():
                    self.catch_up()
                    done = attempt()
            if done is not None:
                return done
            if time.monotonic() >= deadline:
                raise StorageBusy(f"other writers stayed ahead for {BUSY_SECONDS} s")
        raise StorageBusy(f"other writers stayed ahead for {ATTEMPTS_MAX} attempts")

    def refuse_if_read_only(self, command: AnyCommand) -> None:
        """Raise ReadOnlyLedger where the repository was opened for reading."""
        if self._repository.read_only:
            raise ReadOnlyLedger(f"{command.operation} needs a ledger opened for writing")

    def execute_batch(self, base: Head, commands: Sequence[AnyCommand], told: Sequence[Decided]) -> None:
        """Append everything that a batch decided on `base`, in one write; decide all again if others came first.

        Raises BatchConflict, with nothing written, if a command then has another outcome than was told.
        """
        decided = told

        def attempt() -> bool | None:
            nonlocal base, decided
            if self.records.head != base:
                decided = self._decide_all(commands)
                base = self.records.head
                _refuse_other_outcomes(told, decided)
            written = [(one.entry, one.staged) for one in decided if one.entry is not None]
            if not written:
                return None if self.catch_up() else True
            if not self.append(tuple(entry for entry, _ in written)):
                return None
            for entry, staged in written:
                self.advance(entry, staged)
            return True

        with self.lock:
            self.until_stored(attempt)

    def file_refused(self, command: AnyCommand, refusal: CommandRefused) -> None:
        """File a fact that a discarded batch had told its caller was quarantined."""
        assert isinstance(command, FACT_TYPES), "only facts are quarantined"

        def attempt() -> bool | None:
            tip = self.records.tip
            decided = self._decide_quarantine(self.records, tip, self._time_after(tip), command, refusal)
            if decided.entry is not None:
                if not self.append((decided.entry,)):
                    return None
                self.advance(decided.entry, decided.staged)
            return True

        with self.lock:
            self.until_stored(attempt)

    def decide_at(self, records: Records, tip: Tip, command: AnyCommand) -> Decided:
        """Decide a command on given records; nothing is written."""
        recorded_at = self._time_after(tip)
        draft = self._draft(records, tip, recorded_at, command)
        try:
            answer = decide(draft, command)
        except CommandRefused as refusal:
            is_filed = isinstance(refusal, quarantine.QUARANTINABLE) and not getattr(refusal, "is_repeat", False)
            if not isinstance(command, FACT_TYPES) or not is_filed:
                return _decided(None, {}, None, refusal)
            return self._decide_quarantine(records, tip, recorded_at, command, refusal)
        record = draft.staged.get(answer) or draft.get(*answer)
        if record is None:
            kind, key = answer  # where it is in an archive, the command is there too, and was looked for first
            raise StorageCorrupt(
                f"{command.operation} is known, but the {kind} {key} that it made is not there: verify the ledger",
                kind=kind,
                key=key,
            )
        entry = self._entry(draft, tip, command) if draft.changes else None
        return _decided(entry, draft.staged, record, None)

    def _decide_quarantine(
        self, records: Records, tip: Tip, recorded_at: datetime, command: Fact, refusal: CommandRefused
    ) -> Decided:
        draft = self._draft(records, tip, recorded_at, command)
        base = _quarantine_id(draft, command)
        quarantine_id, number = base, 1
        while (known := draft.get(RecordKind.QUARANTINE, (quarantine_id,))) is not None:
            assert isinstance(known, QuarantinedFact), "kind QUARANTINE"
            if known.state is QuarantineState.WAITING:
                try:
                    _refuse_other_fact(draft, known, command)
                except CommandRefused as conflict:
                    return _decided(None, {}, None, conflict)
                refusal.quarantine_id = quarantine_id
                return _decided(None, {}, None, refusal)
            number += 1
            quarantine_id = f"{base}-{number}"
        refusal.quarantine_id = quarantine_id
        quarantine.file_fact(draft, quarantine_id, command, draft.json_of(command), refusal)
        return _decided(self._entry(draft, tip, command), draft.staged, None, refusal)

    def _time_after(self, tip: Tip) -> datetime:
        """Return the clock's time, or the head's where the clock stepped back: the journal's time does not."""
        now = self.now()
        return now if tip.recorded_at is None or tip.recorded_at < now else tip.recorded_at

    def _decide_all(self, commands: Sequence[AnyCommand]) -> list[Decided]:
        overlay, tip = Overlay(self.records), self.records.tip
        results = []
        for command in commands:
            decided = self.decide_at(overlay, tip, command)
            if decided.entry is not None:
                overlay.absorb(decided.staged)
                tip = decided.entry
            results.append(decided)
        return results

    def _draft(self, records: Records, tip: Tip, recorded_at: datetime, command: AnyCommand) -> Draft:
        return Draft(records, tip.sequence + 1, recorded_at, command, self._books_overfills, 0)

    def _entry(self, draft: Draft, tip: Tip, command: AnyCommand) -> Entry:
        changes = tuple(draft.changes)
        subject = command.target
        if subject is None:
            subject = next((change.key[0] for change in changes if change.kind is RecordKind.ORDER), None)
        return codec.build_entry(
            tip,
            self._strategy_id,
            draft.sequence,
            command.operation._value_,
            subject,
            command.command_id,
            command.occurred_at,
            draft.recorded_at,
            changes,
            draft.after_images(),
            self._chain_key,
        )

    def append(self, entries: tuple[Entry, ...], moved: Sequence[Cursor] = ()) -> bool:
        """Append; False on Conflict, after catching up. Looks up an outcome that the adapter could not tell."""
        cursors = self._publishing.due_cursors()
        try:
            self._repository.append(entries, (*cursors, *moved))
        except Conflict:
            self.catch_up()
            return False
        except OutcomeUnknown as unknown:
            if not self._was_stored(entries[0], unknown):
                self._commits_failed += 1
                if self.catch_up() or self._commits_failed < COMMITS_FAILED_MAX:
                    return False
                raise StorageError(f"{unknown.message}; it was looked up: nothing was stored") from unknown
        self._publishing.stored(cursors)
        return True

    def is_stored(self, entry: Entry) -> bool:
        """Look up whether an entry is in the journal, after a write whose outcome is not known."""
        stored = self._repository.read(entry.sequence - 1, 1)
        return bool(stored) and stored[0].digest == entry.digest

    def _was_stored(self, entry: Entry, unknown: OutcomeUnknown) -> bool:
        try:
            return self.is_stored(entry)
        except StorageError:
            raise unknown from None

    def advance(self, entry: Entry, staged: dict[tuple[RecordKind, tuple[str, ...]], Record]) -> None:
        """Take over a stored entry, and note it for the subscribers; entries come in the journal's order."""
        self.records.advance(entry, staged)
        self._publishing.committed(entry)


def _refuse_other_outcomes(told: Sequence[Decided], now: Sequence[Decided]) -> None:
    for before, after in zip(told, now, strict=True):
        if before.outcome != after.outcome:
            raise BatchConflict(
                "another writer changed the outcome of a command of the batch; nothing was written",
                told=before.outcome,
                now=after.outcome,
            )


def _quarantine_id(draft: Draft, command: Fact) -> str:
    """Return an id that the same fact always has: fills by order and fill id, the rest by their content."""
    identity: dict[str, Any]
    if isinstance(command, BookFill):
        venue_order_id = command.fill.venue_order_id if command.order_id is None else None
        identity = {
            "order_id": command.order_id,
            "venue_order_id": venue_order_id,
            "fill_id": command.fill.fill_id,
        }
    else:
        identity = dict(repeats.content(draft.json_of(command)))
    identity["operation"] = command.operation.value
    return "Q-" + hashlib.sha256(codec.canonical_json(identity)).hexdigest()[:16]


def _refuse_other_fact(draft: Draft, known: QuarantinedFact, command: Fact) -> None:
    """Raise IdempotencyConflict when a fill that waits in quarantine comes again with other figures."""
    first = draft.command_of(known.fact)
    if isinstance(command, BookFill) and isinstance(first, BookFill):
        fills.refuse_other_content(first.fill, command.fill)
