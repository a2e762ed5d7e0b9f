"""What a ledger must hold after a crash: the same for every adapter, every fault and every campaign.

A seed's steps, run without any fault on the memory adapter, are the reference. Whatever happened to another ledger
that was given the same steps, its journal is a prefix of the reference's, byte for byte, that ends with a whole
step: not before what was acknowledged, not behind what was attempted. And its records are those of the reference at
that place, to the byte.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import attrs

from ledger_core import LedgerRepository, RecordKind, StorageError, StrategyLedger
from ledger_core.model import Key, Record
from ledger_core.repository import PAGE_SIZE_MAX, Query, RawEntry, all_pages
from ledger_storage_memory import MemoryRepository
from reliability.workload import STRATEGY, Outcome, Step, StepClock, leave_step, run_step, steps_of

Records = Mapping[tuple[RecordKind, Key], Record]

Left = tuple[tuple[int, int], ...]
"""(number of a step that is a batch, how many of its commands were given before its block was left)."""


@attrs.frozen
class Reference:
    """What a seed comes to without faults; `heads[i]` is the journal's last sequence after i steps.

    A batch whose block an error leaves files the facts that it had told were quarantined. `left` says of some steps
    after how many of their commands that happened, before they were given whole; `left_heads` is where the journal
    ended in between.
    """

    seed: int
    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...]
    entries: tuple[RawEntry, ...]
    heads: tuple[int, ...]
    records: Mapping[int, Records]  # by the sequence of the head
    left: Left = ()
    left_heads: Mapping[int, int] = MappingProxyType({})  # by the number of the step

    @classmethod
    def of(cls, seed: int, length: int = 60, left: Left = ()) -> "Reference":
        """Return the reference of a seed; the last ones are kept."""
        return _reference(seed, length, left)


@lru_cache(maxsize=64)
def _reference(seed: int, length: int, left: Left) -> Reference:
    steps, clock = steps_of(seed, length), StepClock()
    repository = MemoryRepository(strategy_id=STRATEGY)
    ledger = StrategyLedger(repository, clock=clock)
    heads, outcomes, records = [0], [], {0: _records_of(repository)}
    left_heads: dict[int, int] = {}
    for step in steps:
        if step.number in dict(left):
            leave_step(ledger, clock, step, dict(left)[step.number])
            left_heads[step.number] = repository.head().sequence
            records[left_heads[step.number]] = _records_of(repository)
        outcomes.append(run_step(ledger, clock, step))
        heads.append(repository.head().sequence)
        if heads[-1] not in records:
            records[heads[-1]] = _records_of(repository)
    return Reference(
        seed,
        steps,
        tuple(outcomes),
        tuple(_journal(repository)),
        tuple(heads),
        MappingProxyType(records),
        left,
        left_heads,
    )


def violations(repository: LedgerRepository, reference: Reference, acknowledged: int, attempted: int) -> list[str]:
    """Return what is wrong with a ledger that was given the first `attempted` steps and told of `acknowledged`.

    An empty list: nothing acknowledged is lost, nothing is there that nobody gave, nothing is torn.
    """
    try:
        journal = list(_journal(repository))
        found = [*_of_journal(journal, reference, acknowledged, attempted)]
        # Of a head at which the reference never stood, the records mean nothing more.
        return found or [*_of_records(repository, reference.records[len(journal)])]
    except StorageError as error:
        return [f"corrupt: {type(error).__name__}: {error}"]


def _of_journal(journal: Sequence[RawEntry], reference: Reference, acknowledged: int, attempted: int) -> Iterator[str]:
    for expected, entry in zip(reference.entries, journal, strict=False):
        if entry != expected:
            yield f"changed: entry {expected.sequence} is {entry}, not {expected}"
            return
    first = reference.heads[acknowledged]
    last = max(reference.heads[attempted], reference.left_heads.get(acknowledged, 0))
    if len(journal) < first:
        yield f"lost: the journal ends at {len(journal)}, {first} was acknowledged"
    elif len(journal) > last:
        yield f"phantom: the journal ends at {len(journal)}, only {last} was attempted"
    elif len(journal) not in (*reference.heads[acknowledged : attempted + 1], reference.left_heads.get(acknowledged)):
        yield f"torn: the journal ends at {len(journal)}, in the middle of a step"


def _of_records(repository: LedgerRepository, expected: Records) -> Iterator[str]:
    count = 0
    for kind in RecordKind:
        after: tuple[object, ...] = ()
        while rows := repository.scan(kind, after):
            for row in rows:
                record = expected.get((kind, row.key))
                if record is None:
                    yield f"phantom: {kind} {row.key} is stored"
                elif differences := row.differences(record):
                    yield f"torn: {kind} {row.key} differs: {differences}"
                count += 1
            if len(rows) < PAGE_SIZE_MAX:
                break
            after = (rows[-1].sequence, *rows[-1].key)
    if count != len(expected):
        yield f"torn: {count} records are stored, not {len(expected)}"
    for difference in repository.audit():
        yield f"torn: {difference}"


def _journal(repository: LedgerRepository) -> Iterator[RawEntry]:
    after = 0
    while page := repository.read_raw(after):
        yield from page
        after = page[-1].sequence


def _records_of(repository: MemoryRepository) -> Records:
    return {
        (kind, record.key): record for kind in RecordKind for record in all_pages(repository.find, Query(kind=kind))
    }
