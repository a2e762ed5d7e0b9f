"""The stored facts: what one command did to each record, and the entry that holds all of it together.

A change carries the values that it set (the after-image of what changed) and the state it led to, so replaying
never consults the lifecycle table. An entry is atomic: all its changes are stored, or none.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from ledger_core._frozen import EMPTY, finish, maker, quick, replaced, unfinished
from ledger_core._words import Word
from ledger_core.model import Key, Record, RecordKind

GENESIS_DIGEST = "0" * 64
"""The digest before the first entry of every strategy."""


class EventType(Word):
    """What is published; a change without an event type is stored silently (positions, fill records)."""

    ORDER_PLACED = "ORDER_PLACED"
    ORDER_ACCEPTED = "ORDER_ACCEPTED"
    ORDER_PARTIALLY_FILLED = "ORDER_PARTIALLY_FILLED"
    ORDER_FILLED = "ORDER_FILLED"
    ORDER_REJECTED = "ORDER_REJECTED"
    ORDER_CANCELED = "ORDER_CANCELED"
    ORDER_EXPIRED = "ORDER_EXPIRED"
    ORDER_IN_DOUBT = "ORDER_IN_DOUBT"
    ORDER_TRIGGERED = "ORDER_TRIGGERED"
    ORDER_STOPPED = "ORDER_STOPPED"
    ORDER_SUSPENDED = "ORDER_SUSPENDED"
    ORDER_RESUMED = "ORDER_RESUMED"
    ORDER_DONE_FOR_DAY = "ORDER_DONE_FOR_DAY"
    ORDER_RESTATED = "ORDER_RESTATED"
    ORDER_CANCEL_REQUESTED = "ORDER_CANCEL_REQUESTED"
    ORDER_REPLACE_REQUESTED = "ORDER_REPLACE_REQUESTED"
    ORDER_REPLACED = "ORDER_REPLACED"
    ORDER_REQUEST_REJECTED = "ORDER_REQUEST_REJECTED"
    ORDER_UPDATED = "ORDER_UPDATED"
    FILL_BUSTED = "FILL_BUSTED"
    FILL_CORRECTED = "FILL_CORRECTED"
    FILL_FEE_UPDATED = "FILL_FEE_UPDATED"
    ADJUSTMENT_RECORDED = "ADJUSTMENT_RECORDED"
    TRADE_CREATED = "TRADE_CREATED"
    TRADE_UPDATED = "TRADE_UPDATED"
    TRADE_CLOSED = "TRADE_CLOSED"
    TRADE_RESTATED = "TRADE_RESTATED"
    FACT_QUARANTINED = "FACT_QUARANTINED"
    QUARANTINE_RESOLVED = "QUARANTINE_RESOLVED"
    ENTRY_SKIPPED = "ENTRY_SKIPPED"
    UPKEEP_NOTED = "UPKEEP_NOTED"
    RECORD_ARCHIVED = "RECORD_ARCHIVED"
    RECORD_RESTORED = "RECORD_RESTORED"
    CHECKPOINT_SET = "CHECKPOINT_SET"


def plain_text(word: str | None) -> str | None:
    """Return an enum's word as the text that storage gives back, so that entries look alike wherever they were."""
    return None if word is None else str.__str__(word)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Change:
    """What a command did to one record.

    `values` are the fields that it set, by name, as they are after it; `version` is the record's version after
    it, 1 for the change that creates the record. `facts` are JSON-ready words for the event alone, such as a
    reason or `late`.
    """

    kind: RecordKind
    key: Key
    version: int
    values: Mapping[str, Any]
    event_type: EventType | None = None
    from_state: str | None = attrs.field(default=None, converter=plain_text)
    to_state: str | None = attrs.field(default=None, converter=plain_text)
    status: str | None = attrs.field(default=None, converter=plain_text)
    facts: Mapping[str, Any] = EMPTY


new_change = maker(Change)
"""Makes a change; its states and status are plain text already."""

change_in_order = unfinished(
    Change, "kind", "key", "version", "values", "event_type", "from_state", "to_state", "status", "facts"
)
"""Makes a change of all its fields, in their order: for those of which there is one for each command."""


def silent_change(kind: RecordKind, key: Key, version: int, values: Mapping[str, Any]) -> Change:
    """Make a change that is stored and not published."""
    return change_in_order(kind, key, version, values, None, None, None, None, EMPTY)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Entry:
    """All the changes of one command, as stored at its place in a strategy's journal.

    `body` is the canonical JSON that is stored verbatim, `digest` is what `chain` makes of the previous one and it.
    `documents` are the changes as the body's JSON. All three are made when they are first read. `records` are
    the after-images, for the adapter to store beside the journal; they are empty on an entry that was read back.
    `subject` is the order or trade that the command was about.
    """

    strategy_id: str
    sequence: int
    operation: str
    subject: str | None
    command_id: str | None
    occurred_at: datetime
    recorded_at: datetime
    changes: tuple[Change, ...] = attrs.field(eq=False)
    body: bytes
    digest: str
    documents: tuple[Mapping[str, Any], ...] = attrs.field(eq=False, repr=False)
    records: tuple[Record, ...] = attrs.field(default=(), eq=False, repr=False)
    writing: "Writing | None" = attrs.field(default=None, init=False, eq=False, repr=False)

    def __getattr__(self, name: str) -> Any:
        """Write the body when it, its digest or its documents are first read: an entry in memory may never need to."""
        if name not in ("body", "digest", "documents"):
            raise AttributeError(f"an entry has no {name!r}")
        writing = self.writing
        assert writing is not None, "a complete entry has all fields"
        if name == "documents":
            finish(self, name, writing.documents)
            return writing.documents
        body, digest = writing.written
        finish(self, "body", body)
        finish(self, "digest", digest)
        return body if name == "body" else digest


class Writing(Protocol):
    """How an entry that was just decided is written, once, when somebody wants to know; copies of it share this."""

    @property
    def written(self) -> tuple[bytes, str]:
        """Its body and its digest."""
        ...

    @property
    def documents(self) -> tuple[Mapping[str, Any], ...]:
        """Its changes as the body's JSON."""
        ...


unwritten = unfinished(
    Entry,
    "strategy_id",
    "sequence",
    "operation",
    "subject",
    "command_id",
    "occurred_at",
    "recorded_at",
    "changes",
    "records",
    "writing",
)
"""Makes an entry whose body, digest and documents come from `writing` when they are first read."""


def without_records(entry: Entry) -> Entry:
    """Return the entry as it is read back: its after-images are for `load` and `find` to return."""
    if entry.writing is None:
        return replaced(entry, {"records": ()})
    return unwritten(
        entry.strategy_id,
        entry.sequence,
        entry.operation,
        entry.subject,
        entry.command_id,
        entry.occurred_at,
        entry.recorded_at,
        entry.changes,
        (),
        entry.writing,
    )


class _Written:
    """Keeps how an entry is written outside of the fields that a caller sees, copies and pickles."""

    __slots__ = ("_writing",)
    _writing: "Writing | None"


@quick
@attrs.frozen(eq=False, weakref_slot=False)
class Head(_Written):
    """The end of a strategy's journal: the sequence and digest of its last entry, (0, zeros) when empty.

    Heads are equal that have both in common. The digest of an entry that was not written yet is made when it is read.
    """

    sequence: int
    digest: str
    recorded_at: datetime | None = None

    @classmethod
    def at(cls, tip: "Tip") -> "Head":
        """Return where a journal ends with a tip, without a look at its digest."""
        if isinstance(tip, Head):
            return tip
        if tip.writing is None:
            return cls(tip.sequence, tip.digest, tip.recorded_at)
        return _unwritten_head(tip.sequence, tip.recorded_at, tip.writing)

    if not TYPE_CHECKING:  # pragma: no branch  # mypy, which goes past it, would take any name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Write the entry when its digest is first read."""
            if name == "_writing":
                return None  # it was made whole
            if name != "digest" or self._writing is None:
                raise AttributeError(f"a head has no {name!r}")
            _, digest = self._writing.written
            finish(self, name, digest)
            return digest

    def __eq__(self, other: object) -> bool:
        """Compare place and digest; two heads of one entry are equal without a look at its digest."""
        if not isinstance(other, Head):
            return NotImplemented
        if self.sequence != other.sequence:
            return False
        is_one_entry = self._writing is not None and self._writing is other._writing
        return is_one_entry or self.digest == other.digest

    def __hash__(self) -> int:
        """Hash by place and digest."""
        return hash((self.sequence, self.digest))


_unwritten_head = unfinished(Head, "sequence", "recorded_at", "_writing")


Tip = Head | Entry
"""Where a journal ends, as what comes next needs it: sequence, digest, time. A digest is made when it is read."""


@quick
@attrs.frozen(weakref_slot=False)
class Cursor:
    """How far a subscriber has been served: every entry up to `sequence` was delivered at least once.

    Given to `append` with FORGOTTEN as its sequence, it takes the subscriber's cursor away.
    """

    subscriber: str
    sequence: int


FORGOTTEN = -1
"""The sequence of a cursor that is to be no more."""


ChainKey = bytes | None
"""A secret that makes the chain one that nobody else can make; None for a chain that everybody can."""


def chain(previous_digest: str, body: bytes, key: ChainKey = None) -> str:
    """Return the digest of an entry, in hex: over the previous digest's 32 bytes and the body.

    SHA-256; with a key, HMAC-SHA-256 (RFC 2104).
    """
    linked = bytes.fromhex(previous_digest) + body
    if key is None:
        return hashlib.sha256(linked).hexdigest()
    return hmac.digest(key, linked, "sha256").hex()
