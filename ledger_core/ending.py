"""Look at the end of the journal before anything is built on it.

At every opening for writing the last digest must be one that this ledger would have made. After a writer that did
not end well, the last entries are looked through: their chain, and each record that they changed against what is
stored. Neither costs anything that grows with the history; `verify` looks at all of it.
"""

from typing import Any

from ledger_core.changes import GENESIS_DIGEST, ChainKey, chain
from ledger_core.checkpoints import base_of
from ledger_core.codec import load_values
from ledger_core.errors import StorageBusy, StorageCorrupt
from ledger_core.evolve import KEY_FIELDS
from ledger_core.model import Key, RecordKind
from ledger_core.replaying import body_of
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository, RawEntry, archived_in

ENTRIES_CHECKED = 1_000
"""How many of the last entries are looked through after a writer that did not end well."""

_ATTEMPTS_MAX = 100

_Changed = dict[tuple[RecordKind, Key], tuple[int, int, dict[str, Any]]]  # -> sequence, version, values as JSON


def require_sound_end(repository: LedgerRepository, key: ChainKey = None) -> None:
    """Raise StorageCorrupt unless the journal's end holds together, and fits the key."""
    if not repository.ended_uncleanly:
        head = repository.head()
        if head.sequence:
            _require_chain(repository, head.sequence - 1, head.sequence, key)
        return
    for _ in range(_ATTEMPTS_MAX):
        head = repository.head()
        after = max(0, head.sequence - ENTRIES_CHECKED)
        entries = _require_chain(repository, after, head.sequence, key)
        torn = _torn(repository, _changed(entries), head.sequence)
        if torn is None:
            repository.confirm_end()
            return
        if repository.head() == head:
            raise torn
        # Others write meanwhile, and what was read is of two moments: of a record that moved on, nothing is known.
    raise StorageBusy("other writers stayed ahead while the end of the journal was looked through")


def _entries(repository: LedgerRepository, after: int, last: int) -> list[RawEntry]:
    entries: list[RawEntry] = []
    while after < last and (page := repository.read_raw(after, min(PAGE_SIZE_MAX, last - after))):
        entries += page
        after = page[-1].sequence
    return [entry for entry in entries if entry.sequence <= last]


def _require_chain(repository: LedgerRepository, after: int, last: int, key: ChainKey) -> list[RawEntry]:
    """Return the entries behind one, or behind the first that is left; raise StorageCorrupt unless they are a chain."""
    before = _entries(repository, after - 1, after) if after else []
    after, digest = (after, before[0].digest) if before else _beginning(repository, after)
    entries = _entries(repository, after, last)
    for expected, entry in enumerate(entries, after + 1):
        if entry.sequence != expected:
            raise StorageCorrupt(f"entry {expected} of {repository.strategy_id} is missing", sequence=expected)
        try:
            is_made_here = chain(digest, entry.body, key) == entry.digest
        except ValueError:  # the digest before it is no hexadecimal number
            is_made_here = False
        if not is_made_here:
            raise StorageCorrupt(
                f"the digest of entry {expected} of {repository.strategy_id} does not follow from the one before:"
                " the journal was changed, or its chain was made with another chain_key",
                sequence=expected,
            )
        digest = entry.digest
    return entries


def _beginning(repository: LedgerRepository, missing: int) -> tuple[int, str]:
    """Return the entry that a journal begins behind, and its digest: 0, or an entry up to which it was cut."""
    base = base_of(repository)
    if base is None and not missing:
        return 0, GENESIS_DIGEST
    if base is None or missing > base.cut_sequence:
        raise StorageCorrupt(f"entry {missing} of {repository.strategy_id} is missing", sequence=missing)
    (first,) = repository.read_raw(0, 1)  # where a journal begins behind a checkpoint, it begins with something
    return (
        (base.cut_sequence, base.cut_digest) if first.sequence > base.cut_sequence else (first.sequence, first.digest)
    )


def _changed(entries: list[RawEntry]) -> _Changed:
    """Return the last version, and the values that were set, of every record that the entries changed."""
    changed: _Changed = {}
    for entry in entries:
        for kind, key, version, values in body_of(entry)[1]:
            known = changed.get((kind, key))
            changed[kind, key] = (entry.sequence, version, {**(known[2] if known else {}), **values})
    return changed


def _torn(repository: LedgerRepository, changed: _Changed, last: int) -> StorageCorrupt | None:
    for (kind, key), (sequence, version, values) in changed.items():
        record = repository.load(kind, key)
        if record is not None and record.version > version and repository.head().sequence > last:
            continue  # a later entry has changed it since, and is not among these
        if record is None and archived_in(repository, kind, key) is not None:
            continue
        if record is None:
            differs = ["it"]
        else:
            try:
                expected = {"version": version, **load_values(kind, values)}
            except Exception as error:
                raise StorageCorrupt(f"entry {sequence} cannot be read: {error!r}", sequence=sequence) from error
            differs = [
                name
                for name, value in expected.items()
                if name not in KEY_FIELDS[kind] and getattr(record, name) != value
            ]
        if differs:
            return StorageCorrupt(
                f"{kind} {'/'.join(key)} is not stored as entry {sequence} left it: {', '.join(differs)} differs;"
                " verify the ledger, and rebuild it from its journal",
                kind=kind,
                key=key,
                sequence=sequence,
            )
    return None
