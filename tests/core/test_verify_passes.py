"""However a verification comes by the records, it finds the same: in parts, while others write, and behind a cut."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import (
    Difference,
    Finding,
    Head,
    LedgerRepository,
    RecordKind,
    StorageCorrupt,
    StrategyLedger,
    Verification,
    replaying,
)
from ledger_core.archivable import Group
from ledger_core.model import Order, Record
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry, StoredRecord
from ledger_core.testing.samples import STRATEGY, entry, fill, order
from ledger_core.verifying import verify
from support import START, SteppingClock, Store, limit_order, market_order
from support import fill as fill_data
from support.journals import append, stored
from support.repositories import AroundRepository


class Between(AroundRepository):
    """Lets another writer take a step between two looks into the store, and fails where it is told to."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Do nothing in between."""
        super().__init__(inner)
        self.before_scan: dict[RecordKind, Callable[[], object]] = {}
        self.before_read: Callable[[], object] | None = None
        self.audited: list[Difference] = []
        self.bad_records: set[tuple[RecordKind, int]] = set()
        self.has_bad_pages = False

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Step once, and scan, unless a bad record is on the page."""
        step = self.before_scan.pop(kind, None)
        if step is not None:
            step()
        page = super().scan(kind, after, limit)
        if any((kind, one.sequence) in self.bad_records for one in page):
            raise StorageCorrupt("a bad page")
        return page

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Step each time, and read."""
        if self.before_read is not None and limit > 1:
            self.before_read()
        return super().read_raw(after, limit)

    def staged(self, stage: str, page: int) -> bytes | None:
        """Return a page of a checkpoint, or another one."""
        return b"another" if self.has_bad_pages else super().staged(stage, page)

    def audit(self) -> Iterator[Difference]:
        """Find what is to be found."""
        yield from self.audited


@pytest.fixture
def between(store: Store) -> Between:
    """Return the repository of a strategy that has done nothing yet."""
    return Between(store.repository(STRATEGY))


def forged(record: Record) -> Record:
    """Return an order as nobody made it."""
    assert isinstance(record, Order)
    return attrs.evolve(record, reason="forged")


def in_parts(repository: LedgerRepository, held_max: int = 1) -> Verification:
    """Verify with no more than so many records held at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "HELD_MAX", held_max)
        return verify(repository)


def require_same(parts: Verification, whole: Verification) -> None:
    """Fail unless both found the same, though in another order."""
    assert sorted(map(str, parts.differences)) == sorted(map(str, whole.differences))
    assert (parts.entries, parts.records, parts.head) == (whole.entries, whole.records, whole.head)
    assert parts.difference_count == whole.difference_count


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
    """What lies beside its body, and when it was recorded, is looked at by the first pass alone."""
    lives = [order(f"O-{number}") for number in range(1, 9)]
    append(between, *([one] for one in lives))
    between.append([entry(between.head(), subject="O", recorded_at=START - timedelta(days=1))])
    append(between, *([attrs.evolve(one, version=2, sequence=at)] for at, one in enumerate(lives, 1)))
    whole = verify(between)
    assert [(one.what, one.sequence) for one in whole.differences] == [(Finding.TIME_WENT_BACK, 9)]
    require_same(in_parts(between), whole)


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


# -- behind a cut -----------------------------------------------------------------------------------------------------


def at(minutes: float) -> Any:
    """Return a time after the start."""
    return START + timedelta(minutes=minutes)


def cut(ledger: StrategyLedger) -> None:
    """Cut the journal behind its last entry."""
    ledger.archivist.set_checkpoint("J", ledger.head())
    ledger.archivist.cut()


def begun(store: Store) -> StrategyLedger:
    """Return a ledger of six entries: four orders, one accepted and one partly filled."""
    ledger = store.open(clock=SteppingClock())
    for number in range(1, 5):
        ledger.record_order(f"O{number}", limit_order())
    ledger.update_order_acceptance("O1")
    ledger.update_order_fill("O2", fill_data("F1", 4))
    return ledger


def go_on(ledger: StrategyLedger) -> None:
    """Change what there was, and add to it."""
    ledger.update_order_fill("O2", fill_data("F2", 3))
    ledger.update_order_acceptance("O3")
    ledger.record_order("O5", market_order("SELL"))
    ledger.update_order_fill("O5", fill_data("F1", 7))
    ledger.update_order_rejection("O1", "too late")


@pytest.mark.parametrize("through", [6, 5, 4, 0])
def test_records_are_compared_from_the_checkpoint_on(store: Store, through: int) -> None:
    """Whatever is left of what was cut, each record is compared once with all that the journal says of it."""
    with begun(store) as ledger:
        ledger.archivist.set_checkpoint("J", ledger.head())
        store.repository().cut(through)
        go_on(ledger)
    repository = Between(store.repository())
    whole = verify(repository)
    assert whole.is_intact, whole.differences
    assert (whole.entries, whole.records) == (12 - through, len(stored(repository)))
    assert in_parts(repository) == whole


def test_records_that_differ_behind_a_cut_are_told(store: Store) -> None:
    """Missing, extra and forged ones, which the checkpoint, or an entry behind it, knows or does not know."""
    with begun(store) as ledger:
        cut(ledger)
        go_on(ledger)
    repository = Between(store.repository())
    kept = {one.key: one for one in stored(repository) if isinstance(one, Order)}
    others = [one for one in stored(repository) if not isinstance(one, Order)]
    (gone, later), same = (kept.pop((name,)) for name in ("O1", "O5")), kept[("O4",)]
    extra = [attrs.evolve(same, order_id=f"X{number}", sequence=number) for number in (1, 3, 6, 9, 20)]
    (forged_then, forged_since) = (forged(kept.pop((name,))) for name in ("O4", "O3"))
    repository.restore([*others, *kept.values(), forged_then, forged_since, *extra])
    whole = verify(repository)
    an_order: dict[str, Any] = {"kind": RecordKind.ORDER}
    expected = [
        Difference(what=Finding.RECORD_MISSING, **an_order, key=gone.key, sequence=gone.sequence),
        Difference(what=Finding.RECORD_MISSING, **an_order, key=later.key, sequence=later.sequence),
        *(Difference(what=Finding.RECORD_EXTRA, **an_order, key=one.key, sequence=one.sequence) for one in extra),
    ]
    for one in (forged_then, forged_since):
        where: dict[str, Any] = {**an_order, "key": one.key, "sequence": one.sequence, "field": "reason"}
        expected.append(Difference(what=Finding.RECORD_DIFFERS, **where, expected=None, found="forged"))
    assert sorted(map(str, whole.differences)) == sorted(map(str, expected))
    assert whole.records == len(stored(repository)) - len(extra)
    for held_max in (1, 2, 3):
        require_same(in_parts(repository, held_max), whole)


def test_pages_that_are_others_are_one_difference(store: Store) -> None:
    """Without them nothing of the time before is judged; what was born since is compared."""
    with begun(store) as ledger:
        cut(ledger)
        go_on(ledger)
    repository = Between(store.repository())
    repository.has_bad_pages = True
    (difference,) = verify(repository).differences
    assert attrs.evolve(difference, found=None) == Difference(
        what=Finding.RECORD_UNREADABLE, kind=RecordKind.CHECKPOINT, key=("journal",)
    )
    assert "pages of the checkpoint" in difference.found
    born_since = next(one for one in stored(repository) if one.key == ("O5",))
    repository.restore([one for one in stored(repository) if one is not born_since and one.key != ("O5",)])
    assert {(one.what, one.key) for one in verify(repository).differences} == {
        (Finding.RECORD_UNREADABLE, ("journal",)),
        (Finding.RECORD_MISSING, ("O5",)),
    }


def rounds(ledger: StrategyLedger, number: int) -> list[Group]:
    """Buy and sell, and return what may go to an archive."""
    for side, minutes in (("BUY", 0), ("SELL", 1)):
        when = at(number * 10 + minutes)
        ledger.record_order(f"{side}{number}", market_order(side), occurred_at=when)
        ledger.update_order_fill(f"{side}{number}", fill_data("F", 10), occurred_at=when)
    return list(ledger.archivist.archivable(at(number * 10 + 5)))


@pytest.fixture
def back(store: Store) -> tuple[StrategyLedger, Between, list[Group]]:
    """Return a ledger in which what went to an archive before a cut came back since."""
    ledger = store.open(clock=SteppingClock())
    groups = rounds(ledger, 1)
    assert not [why for _, why in ledger.archivist.let_go("A1", groups) if why]
    cut(ledger)
    return ledger, Between(store.repository()), groups


Back = tuple[StrategyLedger, Between, list[Group]]


def test_what_came_back_behind_a_cut_is_compared(back: Back) -> None:
    """With its birth before the cut and its changes behind it, whole and in parts; it may go once more."""
    ledger, repository, groups = back
    before = verify(repository)
    assert before.records == len(stored(repository))
    ledger.archivist.take_back("A1", groups)
    whole = verify(repository)
    assert whole.is_intact, whole.differences
    assert whole.records == len(stored(repository))
    assert in_parts(repository) == whole
    place, bought = next((place, one) for place, one in enumerate(stored(repository)) if one.key == ("BUY1",))
    kept = stored(repository)
    repository.restore([*kept[:place], forged(bought), *kept[place + 1 :]])
    (difference,) = verify(repository).differences
    assert (difference.what, difference.key, difference.field, difference.found) == (
        Finding.RECORD_DIFFERS,
        ("BUY1",),
        "reason",
        "forged",
    )
    repository.restore(kept)
    again = list(ledger.archivist.archivable(at(100)))
    assert not [why for _, why in ledger.archivist.let_go("A2", again) if why]
    assert verify(repository).is_intact
    assert in_parts(repository) == verify(repository)


def test_what_comes_back_while_it_is_read_is_explained(back: Back) -> None:
    """Another takes an archive back between two looks: it is followed to the entries that did so."""
    ledger, repository, groups = back
    repository.before_scan[RecordKind.ORDER] = lambda: ledger.archivist.take_back("A1", groups)
    verification = verify(repository)
    assert verification.is_intact, verification.differences


def test_what_came_back_and_is_gone_is_told(back: Back) -> None:
    """It is named, though the entry of its birth was cut."""
    ledger, repository, groups = back
    ledger.archivist.take_back("A1", groups)
    repository.restore([one for one in stored(repository) if one.key != ("BUY1",)])
    assert {(one.kind, one.key) for one in verify(repository).differences} == {(RecordKind.ORDER, ("BUY1",))}
