"""What verification finds: differences, one by one, and what they come to.

Plain values below the port, so that an adapter can report what only it can see in the words of the core.
"""

from typing import Any

import attrs

from ledger_core._frozen import quick
from ledger_core._words import Word
from ledger_core.changes import Head
from ledger_core.model import Key, RecordKind

DIFFERENCES_MAX = 1_000
"""How many differences a verification keeps; it counts them all."""

TEXT_MAX = 120
"""How much of a value the sentence about a difference shows."""


class Finding(Word):
    """What is wrong, by the invariant that is broken."""

    # Of the journal.
    HEAD_DIFFERS = "HEAD_DIFFERS"  # the remembered head is not in the journal, or has another digest there
    ENTRY_MISSING = "ENTRY_MISSING"  # a gap: `sequence` is the first one missing, `found` the one after the gap
    ENTRY_OUT_OF_ORDER = "ENTRY_OUT_OF_ORDER"  # a sequence that is not above the one before
    ENTRY_UNREADABLE = "ENTRY_UNREADABLE"  # the store does not give it back, or its body is no entry
    DIGEST_BROKEN = "DIGEST_BROKEN"  # the digest is not over the previous digest and the body
    ENTRY_DIFFERS = "ENTRY_DIFFERS"  # what is stored beside a body is not what the body says
    TIME_WENT_BACK = "TIME_WENT_BACK"  # recorded_at lies before that of the entry before
    VERSION_BROKEN = "VERSION_BROKEN"  # a change does not follow the version before it
    SUM_DIFFERS = "SUM_DIFFERS"  # an order's sums are not those of its fills
    # Of the records.
    RECORD_MISSING = "RECORD_MISSING"  # the journal has it, the store does not
    RECORD_EXTRA = "RECORD_EXTRA"  # the store has it, the journal does not
    RECORD_DIFFERS = "RECORD_DIFFERS"  # `field` is not what the journal comes to
    RECORD_UNREADABLE = "RECORD_UNREADABLE"  # the store does not give it back, or the journal comes to no record
    INDEX_DIFFERS = "INDEX_DIFFERS"  # what the adapter derives from records, for look-ups, is not what they say


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Difference:
    """One difference: what is wrong, where, and what was expected and found.

    `kind` and `key` name the record, `sequence` the entry of the journal (of a record, that of its birth), `field`
    the part of it. Parts that do not apply are None.
    """

    what: Finding
    kind: RecordKind | None = None
    key: Key | None = None
    sequence: int | None = None
    field: str | None = None
    expected: Any = None
    found: Any = None

    def __str__(self) -> str:
        """Return a sentence for people."""
        parts = [self.what.value]
        if self.kind is not None:
            parts.append(f"{self.kind.value} {' '.join(map(str, self.key or ()))}".rstrip())
        if self.sequence is not None:
            parts.append(f"entry {self.sequence}")
        if self.field is not None:
            parts.append(self.field)
        return f"{', '.join(parts)}: expected {_shown(self.expected)}, found {_shown(self.found)}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Verification:
    """What a verification came to.

    `entries` were read and `records` compared (0 where only the chain was looked at). `head` is the last entry that
    was read: remember its sequence and digest elsewhere, and give it to the next verification. `differences` holds
    the first DIFFERENCES_MAX; `difference_count` counts all.
    """

    entries: int
    records: int
    head: Head
    differences: tuple[Difference, ...]
    difference_count: int

    @property
    def is_intact(self) -> bool:
        """Whether nothing differs."""
        return not self.difference_count


class Report:
    """Collects differences: keeps the first DIFFERENCES_MAX, counts all."""

    def __init__(self) -> None:
        """Start with none."""
        self.kept: list[Difference] = []
        self.count = 0
        self.is_muted = False
        """While set, what is found was counted before, in an earlier pass."""

    def add(self, what: Finding, **parts: Any) -> None:
        """Add a difference; `parts` are the fields of Difference."""
        self.take(Difference(what=what, **parts))

    def take(self, difference: Difference) -> None:
        """Add a difference that was found elsewhere."""
        if self.is_muted:
            return
        self.count += 1
        if len(self.kept) < DIFFERENCES_MAX:
            self.kept.append(difference)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
