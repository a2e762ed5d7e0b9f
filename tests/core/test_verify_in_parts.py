"""Verifying in parts: what is divided by its key may have a damaged one."""

import json
from collections.abc import Sequence

import pytest

from ledger_core import LedgerRepository, StorageCorrupt, replaying
from ledger_core.replaying import folded_records
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry
from ledger_core.verifying import verify
from support import SteppingClock, Store
from support.life import live
from support.repositories import AroundRepository


class Misnamed(AroundRepository):
    """Shows the last change of an entry as one of an archived record with a key that is none."""

    def __init__(self, inner: LedgerRepository, sequence: int, key: Sequence[str]) -> None:
        """Show the change of the entry with this key."""
        super().__init__(inner)
        self._sequence = sequence
        self._key = key

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return the entries as they are, but for the one."""
        return [
            self._misnamed(raw) if raw.sequence == self._sequence else raw for raw in super().read_raw(after, limit)
        ]

    def _misnamed(self, raw: RawEntry) -> RawEntry:
        body = json.loads(raw.body)
        body["changes"][-1] |= {"kind": "ARCHIVED", "key": list(self._key)}
        return raw._replace(body=json.dumps(body).encode())


@pytest.mark.parametrize("key", [(), ("ORDER",), ("NOTHING",), ("ORDER", ""), ("ORDER", "O1", "O2")])
def test_damaged_key_is_reported_in_parts_too(
    store: Store, monkeypatch: pytest.MonkeyPatch, key: tuple[str, ...]
) -> None:
    """A ledger too large for one pass is told what a small one is; the journal comes to no records either way."""
    with store.open(clock=SteppingClock()) as ledger:
        live(ledger)
    misnamed = Misnamed(store.repository(), 5, key)
    whole = verify(misnamed)
    assert whole.difference_count > 1
    monkeypatch.setattr(replaying, "HELD_MAX", 1)
    in_parts = verify(misnamed)
    assert sorted(map(str, in_parts.differences)) == sorted(map(str, whole.differences))
    with pytest.raises(StorageCorrupt):
        list(folded_records(misnamed))
