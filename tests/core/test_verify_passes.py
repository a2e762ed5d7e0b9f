"""However a verification comes by the records, it finds the same: in parts, and while others write."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import (
    Difference,
    Finding,
    Head,
    RecordKind,
    replaying,
)
from ledger_core.model import Order, Record
from ledger_core.testing.samples import STRATEGY, entry, fill, order
from ledger_core.verifying import verify
from support import START, Store
from support.journals import append, stored
from support.verifying import Between, forged, in_parts, require_same


@pytest.fixture
def between(store: Store) -> Between:
    """Return the repository of a strategy that has done nothing yet."""
    return Between(store.repository(STRATEGY))


# -- in parts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held_max", [1, 2, 5])
def test_every_part_is_compared_once(between: Between, held_max: int) -> None:
    """Records that live on, others that do not, forged, missing and extra ones: as if they were compared at once."""
    lives = [f"L-{number}" for number in range(16)]
    append(between, *([order(name), order(f"S{name}")] for name in lives))
    changed = [attrs.evolve(order(name), version=2, sequence=place) for place, name in enumerate(lives, 1)]
    append(between, *([one] for one in changed))
    intact = verify(between)
    assert (intact.is_intact, intact.records) == (True, 32)
    assert in_parts(between, held_max) == intact
    kept = stored(between)
    extra = [
        attrs.evolve(one, order_id=f"X{one.key[0]}") for one in kept if isinstance(one, Order) and one.sequence % 4 == 1
    ]
    kept = [forged(one) if one.sequence % 3 else one for one in kept if one.sequence % 5]
    between.restore([*kept, *extra])
    between.audited = [Difference(what=Finding.INDEX_DIFFERS, found="an index")]
    whole = verify(between)
    assert whole.difference_count > 30
    require_same(in_parts(between, held_max), whole)


def test_what_is_found_at_the_last_entry_does_not_hide_what_comes_behind(between: Between) -> None:
    """Parts that are left at the end of the journal have nothing to find there again; the store's own check has."""
    append(between, [order("O-1"), order("O-2"), order("O-3"), order("O-4")])
    between.restore([])
    between.audited = [Difference(what=Finding.INDEX_DIFFERS, found="an index")]
    missing = verify(between)
    assert missing.difference_count == 5
    require_same(in_parts(between), missing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "HELD_MAX", 1)
        beyond = verify(between, Head(9, "ab"))
    assert [one.what for one in beyond.differences][-2:] == [Finding.INDEX_DIFFERS, Finding.HEAD_DIFFERS]


def test_records_that_cannot_be_read_are_told_once_in_parts(between: Between) -> None:
    """Each part skips them again, and none but the first says so."""
    append(between, *([order(f"O-{number}")] for number in range(1, 9)))
    changed = [attrs.evolve(order(f"O-{number}"), version=2, sequence=number) for number in range(1, 9)]
    append(between, *([one] for one in changed))
    between.bad_records = {(RecordKind.ORDER, 4)}
    whole = verify(between)
    assert [(one.what, one.sequence) for one in whole.differences] == [(Finding.RECORD_UNREADABLE, 3)]
    require_same(in_parts(between), whole)


def test_a_damaged_entry_is_told_once_in_parts(between: Between) -> None:
    """Its digest, and when it was recorded, are looked at by the first pass alone."""
    lives = [order(f"O-{number}") for number in range(1, 9)]
    append(between, *([one] for one in lives))
    between.append([entry(between.head(), subject="O", recorded_at=START - timedelta(days=1))])
    append(between, *([attrs.evolve(one, version=2, sequence=at)] for at, one in enumerate(lives, 1)))
    between.bad_digests = {12}
    whole = verify(between)
    assert [(one.what, one.sequence) for one in whole.differences] == [
        (Finding.TIME_WENT_BACK, 9),
        (Finding.DIGEST_BROKEN, 12),
    ]
    require_same(in_parts(between), whole)


def test_there_are_so_many_parts_and_no_more(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that a pass holds more than it should, rather than that the journal is read for ever."""
    lives = [order(f"O-{number}") for number in range(1, 17)]
    append(between, *([one] for one in lives))
    append(between, *([attrs.evolve(one, version=2, sequence=at)] for at, one in enumerate(lives, 1)))
    monkeypatch.setattr("ledger_core.comparing.PARTS_MAX", 2)
    passes: list[int] = []
    between.before_read = lambda: passes.append(1)
    assert in_parts(between).is_intact
    assert len(passes) == 2


# -- while others write -----------------------------------------------------------------------------------------------


def filled(name: str, sequence: int, version: int = 2) -> list[Record]:
    """Return a fill and what it made of its order."""
    sums: dict[str, Any] = {"cum_quantity": Decimal(10), "executed_value": Decimal(500)}
    return [fill("F-1", order_id=name), order(name, sequence=sequence, version=version, **sums)]


@pytest.mark.parametrize("held_max", [1, 100])
def test_verification_ends_where_all_that_was_seen_is_explained(between: Between, held_max: int) -> None:
    """It reads no further than its beginning, but for what was read of the records later; that is not counted."""
    append(between, [order("O-1")], [order("O-2")], [order("O-3")])
    between.before_read = lambda: append(between.inner, [order(f"N-{between.inner.head().sequence}")])
    verification = in_parts(between, held_max)
    assert (verification.is_intact, verification.entries, verification.records) == (True, 3, 3)
    between.before_read = None
    end = between.head().sequence
    between.before_scan[RecordKind.ORDER] = lambda: append(between.inner, [order("O-4")])
    between.before_scan[RecordKind.FILL] = lambda: append(between.inner, [order("O-5")])
    verification = in_parts(between, held_max)
    assert (verification.is_intact, verification.entries, verification.records) == (True, end + 1, end)
    end = between.head().sequence
    again = attrs.evolve(order("O-1"), version=2, sequence=1)
    between.before_scan[RecordKind.ORDER] = lambda: append(between.inner, [], [again], [])
    verification = in_parts(between, held_max)
    assert (verification.is_intact, verification.entries, verification.records) == (True, end + 2, end)


def test_parts_do_not_miss_what_was_born_since(between: Between) -> None:
    """What others write between two passes belongs to no pass: neither missing nor without its birth."""
    lives = [order(f"O-{number}") for number in range(1, 9)]
    append(between, *([one] for one in lives))
    append(between, *([attrs.evolve(one, version=2, sequence=at)] for at, one in enumerate(lives, 1)))

    def write() -> None:
        born = between.inner.head().sequence + 1
        append(between.inner, [order(f"N-{born}")], [order(f"N-{born}", version=2, sequence=born)])

    between.before_read = write
    verification = in_parts(between)
    assert verification.is_intact, verification.differences
    assert verification.records == 8


def test_fill_that_was_booked_meanwhile_is_in_nobodys_sums(between: Between) -> None:
    """Its order may have been read before, and the fill after: it is followed and not judged."""
    append(between, [order("O-1")], [order("O-2")])
    between.before_scan[RecordKind.FILL] = lambda: append(between.inner, filled("O-1", 1))
    verification = verify(between)
    assert verification.is_intact, verification.differences
    assert (verification.entries, verification.records) == (3, 2)
