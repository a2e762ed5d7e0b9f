"""What stays of what moved to an archive: enough to know its id, to tell a repeat, and to prove the rest.

Storing an ArchivedRecord removes the record that it stands for, in the same append. It is never removed itself: a
record that came back from its archive is marked so. A Checkpoint is what the beginning of the journal came to, so that
the rest can be folded without it.
"""

import json
from datetime import datetime
from typing import ClassVar

import attrs

from ledger_core._frozen import quick
from ledger_core.holdings import Opening
from ledger_core.vocabulary import Key, RecordKind


def archived_key(kind: RecordKind, key: Key) -> Key:
    """Return the key under which it is known that a record was archived."""
    return (kind._value_, json.dumps(key, ensure_ascii=False, separators=(",", ":")))


def key_behind(record_key: str) -> Key | None:
    """Return the key that a `record_key` is the JSON of; None for what is none."""
    try:
        key = json.loads(record_key)
    except ValueError:
        return None
    if not isinstance(key, list) or not all(type(part) is str for part in key):
        return None
    return tuple(key)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class ArchivedRecord:
    """What stays of a record of `record_kind` whose key, as JSON, is `record_key`.

    `digest` is the SHA-256, in hex, of the record's canonical JSON at `record_version`. `contents` are digests of what
    a repeat is compared by: of an order its details, of a fill the figures of each of its executions, of a command its
    content. A position stays; what is kept of it, under (archive_id, *key), is the opening that it had before.
    """

    kind: ClassVar[RecordKind] = RecordKind.ARCHIVED

    record_kind: RecordKind
    record_key: str
    archive_id: str
    record_version: int
    digest: str = ""
    contents: tuple[str, ...] = ()
    opening: Opening | None = None
    is_restored: bool = False
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(record_kind, record_key)."""
        return (self.record_kind._value_, self.record_key)

    @property
    def removed(self) -> tuple[RecordKind, Key] | None:
        """The record that is stored no more; None where it is: it was restored, or is a position."""
        if self.is_restored or self.record_kind is RecordKind.POSITION:
            return None
        key = key_behind(self.record_key)
        return None if key is None else (self.record_kind, key)


JOURNAL = "journal"
"""The name of the one checkpoint that a strategy has."""


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Checkpoint:
    """What the journal came to up to an entry: whoever has it needs no entry up to there.

    `cut_sequence`, `cut_digest` and `cut_at` are the sequence, digest and recorded_at of that entry. Every record as of
    there is kept beside the records, as pages under the name `stage`: `runs` says how many pages each run of records in
    the order of their births has, and `digest` is the SHA-256, in hex, over the digests of all pages. A later
    checkpoint takes its place. `archive_id` names the archive that holds the entries.
    """

    kind: ClassVar[RecordKind] = RecordKind.CHECKPOINT

    name: str = JOURNAL
    archive_id: str
    cut_sequence: int
    cut_digest: str
    cut_at: datetime
    stage: str
    runs: tuple[int, ...]
    digest: str
    sequence: int = 0
    version: int = 1

    @property
    def key(self) -> Key:
        """(name,)."""
        return (self.name,)
