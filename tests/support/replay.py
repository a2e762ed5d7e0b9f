"""The journal folded by hand: every state that a record ever had."""

from collections.abc import Iterable

from ledger_core import Entry, RecordKind
from ledger_core.evolve import evolve
from ledger_core.model import Key, Record

States = dict[tuple[RecordKind, Key, int], Record]


def states_of(entries: Iterable[Entry]) -> States:
    """Return each record in each of its versions, as the journal has it; orders come without their requests."""
    states: States = {}
    for entry in entries:
        for change in entry.changes:
            before = states.get((change.kind, change.key, change.version - 1))
            assert (before is None) == (change.version == 1), "versions follow each other"
            after = evolve(before, change, sequence=entry.sequence, recorded_at=entry.recorded_at)
            states[change.kind, change.key, change.version] = after
    return states
