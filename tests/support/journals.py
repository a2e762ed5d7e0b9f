"""Journals made of bare records, without a ledger: what they say need not be what a ledger would ever write."""

from collections.abc import Sequence
from typing import Any

import attrs

from ledger_core import LedgerRepository, Query, RecordKind
from ledger_core.changes import Change
from ledger_core.model import Record
from ledger_core.testing.samples import KEY_FIELDS, entry


def append(repository: LedgerRepository, *parts: Sequence[Record], **options: Any) -> None:
    """Append an entry for each part, whose changes say, as real ones do, nothing that the entry itself says."""
    for records in parts:
        head = repository.head()
        bare = entry(head, *records, **options)
        repository.append([entry(head, *records, changes=[_real(one) for one in bare.changes], **options)])


def stored(repository: LedgerRepository) -> list[Record]:
    """Return every stored record."""
    return [record for kind in RecordKind for record in repository.find(Query(kind=kind))]


def _real(change: Change) -> Change:
    left_out = {"sequence", "version", "recorded_at", *KEY_FIELDS[change.kind]}
    return attrs.evolve(change, values={name: one for name, one in change.values.items() if name not in left_out})
