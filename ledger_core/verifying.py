"""Verify what is stored against the journal, and rebuild it from there.

The chain is followed from entry to entry (`replaying.Walk`), and beside it every record is compared with what its
changes come to (`comparing`).

Others may write meanwhile. What was there at the beginning is verified; where a record has moved on since, the
journal is followed until it explains what was read.
"""

from ledger_core.archived import JOURNAL
from ledger_core.changes import ChainKey, Head
from ledger_core.checkpoints import PASSING, base_of, checkpoint_of
from ledger_core.checks import check_count, check_id
from ledger_core.comparing import Pass
from ledger_core.errors import InvalidValue, StorageCorrupt, StorageError
from ledger_core.findings import Finding, Report, Verification
from ledger_core.model import Checkpoint, RecordKind
from ledger_core.replaying import Walk, folded_records
from ledger_core.repository import LedgerRepository


def verify(
    repository: LedgerRepository, head: Head | None = None, *, chain_only: bool = False, chain_key: ChainKey = None
) -> Verification:
    """Fold the journal from nothing, compare every record with what is stored, and report each difference.

    `head` is one that was remembered: nothing up to it was changed, removed, inserted or reordered if the digest
    at its sequence is still the same. `chain_only` looks at sequences and digests alone, many times as fast.
    `chain_key` is the key that the chain was made with.
    Differences are reported, never raised; nothing is changed.
    """
    if head is not None:
        if type(head) is not Head:
            raise InvalidValue(
                "head must be a Head, as `head()` or a verification returned it", argument="head", value=head
            )
        sequence = check_count(head.sequence, "head.sequence", minimum=0)
        head = Head(sequence, check_id(head.digest, "head.digest"))
    report = Report()
    base = _base(repository, report)
    try:
        end: Head | None = repository.head()
    except PASSING:
        raise
    except StorageError as error:
        end = None
        report.add(Finding.HEAD_DIFFERS, field="head", found=error.message)
    walk = Walk(repository, report, [known for known in (head, end) if known is not None], chain_key, base)
    if chain_only:
        for _ in walk:
            pass
        records = 0
    else:
        records = _compare_all(repository, report, walk, end, base)
    walk.require_heads()
    return Verification(
        entries=walk.entries,
        records=records,
        head=walk.head,
        differences=tuple(report.kept),
        difference_count=report.count,
    )


def rebuild(repository: LedgerRepository, *, chain_key: ChainKey = None) -> None:
    """Replace all records by what the journal comes to; the journal stays as it is.

    Raises StorageCorrupt, with nothing changed, for a journal whose chain is broken or whose entries make no
    records: records made from it would be no better than those there are.
    """
    chain = verify(repository, chain_only=True, chain_key=chain_key)
    if not chain.is_intact:
        raise StorageCorrupt(
            f"the journal itself is damaged, so nothing was rebuilt from it: {chain.differences[0]}",
            differences=chain.differences,
        )
    repository.restore(folded_records(repository))


def _base(repository: LedgerRepository, report: Report) -> Checkpoint | None:
    """Return the checkpoint from which the journal is folded; one that cannot be read is reported."""
    try:
        checkpoint = checkpoint_of(repository)
    except PASSING:
        raise
    except StorageError as error:
        report.add(Finding.RECORD_UNREADABLE, kind=RecordKind.CHECKPOINT, key=(JOURNAL,), found=error.message)
        return None
    try:
        return base_of(repository)
    except PASSING:
        raise
    except StorageError:
        return checkpoint if checkpoint is not None and _is_cut_at(repository, checkpoint) else None


def _is_cut_at(repository: LedgerRepository, checkpoint: Checkpoint) -> bool:
    """Say, where the first entry cannot be read, whether the one that the checkpoint stands for is gone."""
    try:
        found = repository.read_raw(checkpoint.cut_sequence - 1, 1)
    except PASSING:
        raise
    except StorageError:
        return True
    return not found or found[0].sequence != checkpoint.cut_sequence


def _compare_all(
    repository: LedgerRepository, report: Report, walk: Walk, end: Head | None, base: Checkpoint | None
) -> int:
    first = Pass(repository, report, end, base=base)
    first.run(walk)
    records = first.records
    for part, counted_to in first.other_parts():
        further = Pass(repository, report, end, part=part, counted_to=counted_to, base=base)
        further.run(Walk(repository, Report(), base=base))  # what is wrong with the chain was reported by the first
        records += further.records
    try:
        for difference in repository.audit():
            report.take(difference)
    except PASSING:
        raise
    except StorageError as error:
        report.add(Finding.INDEX_DIFFERS, found=error.message)
    return records
