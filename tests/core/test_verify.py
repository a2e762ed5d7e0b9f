"""Verification on every adapter: what is intact, what is not, while others write, in bounded memory; and repair."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from ledger_core import (
    Difference,
    Entry,
    Finding,
    Head,
    InvalidValue,
    LedgerClosed,
    LedgerRepository,
    ReadOnlyLedger,
    RecordKind,
    StorageBusy,
    StorageCorrupt,
    StrategyLedger,
    Verification,
    replaying,
)
from ledger_core.changes import GENESIS_DIGEST, Change, chain
from ledger_core.findings import DIFFERENCES_MAX
from ledger_core.model import Fill, Key, Order, Record
from ledger_core.repository import PAGE_SIZE_MAX, Query, RawEntry, StoredRecord
from ledger_core.testing.samples import KEY_FIELDS, STRATEGY, change_of, entries, entry, fill, head_after, order
from ledger_core.verifying import rebuild, verify
from support import START, RecordingPublisher, SteppingClock, Store, limit_order, market_order
from support import fill as fill_data
from support.life import live
from support.repositories import AroundRepository

EMPTY = Head(0, GENESIS_DIGEST)


@pytest.fixture
def repository(store: Store) -> LedgerRepository:
    """Return the bare repository of a strategy that has done nothing yet."""
    return store.repository(STRATEGY)  # the strategy of the samples


@pytest.fixture
def lived(store: Store, clock: SteppingClock) -> LedgerRepository:
    """Return the repository of a strategy with every kind of record."""
    with store.open(clock=clock) as ledger:
        live(ledger)
    return store.repository()


def found(verification: Verification) -> list[tuple[Any, ...]]:
    """Return what was found, of which record, at which entry and in which field."""
    return [(one.what, one.key, one.sequence, one.field) for one in verification.differences]


def stored(repository: LedgerRepository) -> list[Record]:
    """Return every stored record."""
    return [record for kind in RecordKind for record in repository.find(Query(kind=kind))]


def told(previous: Head, *parts: Sequence[Record], **options: Any) -> list[Entry]:
    """Return the entries of these records, whose changes say, as real ones do, nothing that the entry itself says."""
    made: list[Entry] = []
    for records in parts:
        (plain,) = entries(previous, records, **options)
        changes = [attrs.evolve(one, values=_said(one)) for one in plain.changes]
        made.append(entry(previous, *records, changes=changes, **options))
        previous = head_after(made[-1])
    return made


def _said(change: Change) -> dict[str, Any]:
    left_out = {"sequence", "version", "recorded_at", *KEY_FIELDS[change.kind]}
    return {name: value for name, value in change.values.items() if name not in left_out}


# -- intact -----------------------------------------------------------------------------------------------------------


def test_an_empty_ledger_is_intact(ledger: StrategyLedger) -> None:
    """There is nothing to differ, and the head is that of an empty journal."""
    assert ledger.verify() == ledger.verify(chain_only=True)
    assert ledger.verify() == Verification(entries=0, records=0, head=EMPTY, differences=(), difference_count=0)
    assert ledger.verify(EMPTY).is_intact


def test_a_lived_ledger_is_intact(lived: LedgerRepository) -> None:
    """Every entry is read, every record compared, and the head is the journal's."""
    verification = verify(lived)
    assert verification.is_intact, verification.differences
    assert verification.entries == lived.head().sequence == verification.head.sequence
    assert verification.head == lived.head()
    assert verification.head.recorded_at == lived.head().recorded_at
    assert verification.records == len(stored(lived))
    assert {record.kind for record in stored(lived)} == set(RecordKind)


def test_the_chain_alone_looks_at_no_record(lived: LedgerRepository) -> None:
    """`chain_only` finds what is wrong with the journal and nothing else."""
    lived.restore([])
    assert not verify(lived).is_intact
    chain = verify(lived, chain_only=True)
    assert chain.is_intact
    assert (chain.entries, chain.records) == (lived.head().sequence, 0)


def test_a_reader_verifies(lived: LedgerRepository, store: Store) -> None:
    """Verification changes nothing, so a read-only ledger can do it."""
    with store.open(read_only=True) as ledger:
        assert ledger.verify().is_intact


def test_arguments_are_checked(ledger: StrategyLedger) -> None:
    """A head that is none and a flag that is none are the caller's mistakes."""
    with pytest.raises(InvalidValue, match="head"):
        ledger.verify(cast(Head, ("1", "ab")))
    with pytest.raises(InvalidValue, match="chain_only"):
        ledger.verify(chain_only=cast(bool, "yes"))


# -- heads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain_only", [True, False])
def test_a_remembered_head_must_be_there(lived: LedgerRepository, *, chain_only: bool) -> None:
    """Every head that was is there; one of another digest, or beyond the end, is a difference."""
    for raw in lived.read_raw(0):
        assert verify(lived, Head(raw.sequence, raw.digest), chain_only=chain_only).is_intact
    end = lived.head()
    for head in (Head(3, end.digest), Head(0, end.digest), Head(end.sequence + 1, end.digest)):
        (difference,) = verify(lived, head, chain_only=chain_only).differences
        assert (difference.what, difference.sequence, difference.expected) == (
            Finding.HEAD_DIFFERS,
            head.sequence,
            head.digest,
        )


# -- records ----------------------------------------------------------------------------------------------------------


def test_every_record_that_differs_is_named(lived: LedgerRepository) -> None:
    """One changed field, one record too few, one too many: three differences, each with its place."""
    records = stored(lived)
    first = next(one for one in records if isinstance(one, Order))
    gone = next(one for one in records if isinstance(one, Fill))
    more = attrs.evolve(gone, fill_id="invented")
    changed = attrs.evolve(first, reason="forged")
    lived.restore([changed, *(one for one in records if one not in (first, gone)), more])
    verification = verify(lived)
    assert sorted(found(verification)) == sorted(
        [
            (Finding.RECORD_DIFFERS, first.key, first.sequence, "reason"),
            (Finding.RECORD_MISSING, gone.key, gone.sequence, None),
            (Finding.RECORD_EXTRA, more.key, more.sequence, None),
        ]
    )
    differing = next(one for one in verification.differences if one.what is Finding.RECORD_DIFFERS)
    assert (differing.kind, differing.expected, differing.found) == (RecordKind.ORDER, first.reason, "forged")
    assert str(differing) == f"RECORD_DIFFERS, ORDER O1, entry 1, reason: expected {first.reason!r}, found 'forged'"


def test_a_record_of_an_older_version_is_named(lived: LedgerRepository) -> None:
    """A stored record that stayed behind what the journal made of it is a difference of its version."""
    records = stored(lived)
    place, last = next((place, one) for place, one in enumerate(records) if one.key == ("O1",))
    assert isinstance(last, Order)
    born = attrs.evolve(
        Order(order_id="O1", details=last.details, placed_at=last.placed_at, recorded_at=last.recorded_at, sequence=1),
        **{name: getattr(last.details, name) for name in ("quantity", "limit_price", "stop_price", "time_in_force")},
    )
    lived.restore([*records[:place], born, *records[place + 1 :]])
    assert (Finding.RECORD_DIFFERS, ("O1",), 2, "version") in found(verify(lived))


def test_a_number_of_equal_value_differs_all_the_same(lived: LedgerRepository) -> None:
    """100.0 is no 100.00: the text of a price is what the caller wrote."""
    records = stored(lived)
    place, priced = next((place, one) for place, one in enumerate(records) if one.key == ("O1",))
    assert isinstance(priced, Order)
    assert str(priced.limit_price) == "100.00"
    lived.restore([*records[:place], attrs.evolve(priced, limit_price=Decimal("100.0")), *records[place + 1 :]])
    assert found(verify(lived)) == [(Finding.RECORD_DIFFERS, ("O1",), 1, "limit_price")]


def test_differences_are_counted_beyond_those_kept(repository: LedgerRepository) -> None:
    """A thousand differences are kept, and all are counted."""
    count = DIFFERENCES_MAX + 5
    repository.append(told(EMPTY, [order(f"O-{number}") for number in range(count)]))
    repository.restore([])
    verification = verify(repository)
    assert (len(verification.differences), verification.difference_count) == (DIFFERENCES_MAX, count)
    assert not verification.is_intact


# -- what the journal itself may not say ------------------------------------------------------------------------------


def filled(cum_quantity: int, value: int, **more: Any) -> Order:
    """Return an order as it was filled."""
    return order(cum_quantity=Decimal(cum_quantity), executed_value=Decimal(value), version=2, sequence=1, **more)


def test_sums_must_be_those_of_the_fills(repository: LedgerRepository) -> None:
    """An order whose sums are not those of its fills is named, though journal and records agree."""
    given = told(EMPTY, [order()], [fill("F-1"), fill("F-2"), filled(20, 1000)])
    repository.append(given)
    assert verify(repository).is_intact
    busted = attrs.evolve(fill("F-2"), busted=True, version=2, sequence=2, index=1)
    wrong = attrs.evolve(filled(11, 501), version=3)
    repository.append(told(head_after(given[-1]), [busted, wrong]))
    assert found(verify(repository)) == [
        (Finding.SUM_DIFFERS, ("O-1",), 1, "cum_quantity"),
        (Finding.SUM_DIFFERS, ("O-1",), 1, "executed_value"),
    ]


def test_a_fill_that_its_order_knows_nothing_of_is_named(repository: LedgerRepository) -> None:
    """A fill is booked in the entry that changes its order; one that is not is in nobody's sums."""
    repository.append(told(EMPTY, [order()], [fill("F-1")]))
    assert found(verify(repository)) == [(Finding.SUM_DIFFERS, ("O-1",), 2, "cum_quantity")]


@pytest.mark.parametrize("version", [2, 4])
def test_versions_follow_each_other(repository: LedgerRepository, version: int) -> None:
    """A change that is not the next of its record is named, though the stored record agrees with it."""
    given = [attrs.evolve(order(), version=number, sequence=1) for number in (1, 2, version, version + 1)]
    repository.append(told(EMPTY, *([one] for one in given)))
    places = [(one.what, one.key, one.sequence, one.expected, one.found) for one in verify(repository).differences]
    assert places == [(Finding.VERSION_BROKEN, ("O-1",), 3, 3, version)]
    with pytest.raises(StorageCorrupt):
        rebuild(repository)


def test_a_record_begins_with_version_one(repository: LedgerRepository) -> None:
    """A change of a record that the journal never made is named, and what is stored of it is one too many."""
    repository.append([entry(EMPTY, attrs.evolve(order(), version=2, sequence=1))])
    assert found(verify(repository)) == [
        (Finding.VERSION_BROKEN, ("O-1",), 1, "version"),
        (Finding.RECORD_EXTRA, ("O-1",), 1, None),
    ]


def test_the_time_of_recording_never_goes_back(repository: LedgerRepository) -> None:
    """An entry recorded before the one before it is named; one at the same moment is not."""
    first = entry(EMPTY, recorded_at=START)
    same = entry(head_after(first), recorded_at=START)
    repository.append([first, same, entry(head_after(same), recorded_at=START - timedelta(microseconds=1))])
    assert found(verify(repository)) == [(Finding.TIME_WENT_BACK, None, 3, "recorded_at")]


def test_an_entry_of_a_newer_format_is_unreadable(repository: LedgerRepository) -> None:
    """What this program cannot read is a difference of that entry, and the rest is verified all the same."""
    (given,) = told(EMPTY, [order()])
    body = given.body.replace(b'"format":1', b'"format":2')
    repository.append([attrs.evolve(given, body=body, digest=chain(GENESIS_DIGEST, body))])
    (later,) = told(repository.head(), [order("O-2")])
    repository.append([later])
    repository.restore([attrs.evolve(order(), sequence=1), _forged(later.records[0])])
    assert found(verify(repository)) == [
        (Finding.ENTRY_UNREADABLE, None, 1, None),
        (Finding.RECORD_DIFFERS, ("O-2",), 2, "reason"),
    ]


def test_changes_that_make_no_record_are_named(repository: LedgerRepository) -> None:
    """A record that the journal cannot make is a difference, not an exception; it cannot be rebuilt from either."""
    change = attrs.evolve(change_of(attrs.evolve(order(), sequence=1)), values={"reason": "no details"})
    given = entry(EMPTY, order(), changes=[change])
    repository.append([given])
    assert found(verify(repository)) == [(Finding.RECORD_UNREADABLE, ("O-1",), 1, None)]
    with pytest.raises(StorageCorrupt):
        rebuild(repository)
    assert repository.load(RecordKind.ORDER, ("O-1",)) == given.records[0]


def test_a_fill_without_figures_is_named(repository: LedgerRepository) -> None:
    """It adds nothing to its order, and is no record."""
    given = told(EMPTY, [order()])
    repository.append(given)
    bare = attrs.evolve(change_of(attrs.evolve(fill("F-1"), sequence=2)), values={"inferred": True})
    repository.append([entry(head_after(given[-1]), fill("F-1"), changes=[bare])])
    assert (Finding.RECORD_UNREADABLE, ("O-1", "F-1"), 2, None) in found(verify(repository))


# -- what the store cannot give back ----------------------------------------------------------------------------------


class Damaged(AroundRepository):
    """Cannot give back some entries and some records, whichever page they are on."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Be whole."""
        super().__init__(inner)
        self.bad_entries: set[int] = set()
        self.bad_records: set[tuple[RecordKind, int]] = set()
        self.error: type[Exception] = StorageCorrupt
        self.has_bad_head = False
        self.has_bad_keys = False

    def head(self) -> Head:
        """Return the head, unless it is bad."""
        if self.has_bad_head:
            raise self.error("a bad page")
        return super().head()

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Load, unless nothing is found by its key."""
        if self.has_bad_keys:
            raise self.error("a bad page")
        return super().load(kind, key)

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Read, unless a bad entry is on the page."""
        page = super().read_raw(after, limit)
        if any(raw.sequence in self.bad_entries for raw in page):
            raise self.error("a bad page")
        return page

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Scan, unless a bad record is on the page."""
        page = super().scan(kind, after, limit)
        if any((kind, one.sequence) in self.bad_records for one in page):
            raise self.error("a bad page")
        return page


@pytest.fixture
def damaged(repository: LedgerRepository) -> Damaged:
    """Return a damaged repository of 60 orders, each born and changed, with a forged one among the last."""
    born = [order(f"O-{number}") for number in range(1, 61)]
    given = told(EMPTY, *([one] for one in born))
    repository.append(given)
    changed = (attrs.evolve(one, reason="changed", sequence=number, version=2) for number, one in enumerate(born, 1))
    repository.append(told(head_after(given[-1]), *([one] for one in changed)))
    records = stored(repository)
    repository.restore([*records[:-1], _forged(records[-1])])
    return Damaged(repository)


FORGED = (Finding.RECORD_DIFFERS, ("O-60",), 60, "reason")


def test_entries_that_cannot_be_read_are_passed_over(damaged: Damaged) -> None:
    """Each is a difference of its own; what they had said is not held against the records, and the rest is verified."""
    damaged.bad_entries = {5, 6, 80, 90}
    expected = [(Finding.ENTRY_UNREADABLE, None, sequence, None) for sequence in (5, 6, 80, 90)]
    assert found(verify(damaged)) == [*expected, FORGED]
    assert found(verify(damaged, chain_only=True)) == expected


def test_a_journal_that_cannot_be_read_is_given_up(damaged: Damaged) -> None:
    """After several unreadable places in a row the rest of the journal is given up, which the end then says."""
    damaged.bad_entries = set(range(50, 121))
    verification = verify(damaged)
    unreadable = [one for one in verification.differences if one.what is Finding.ENTRY_UNREADABLE]
    assert [one.sequence for one in unreadable] == list(range(50, 50 + replaying.SKIPS_MAX))
    assert [one.what for one in verification.differences if one not in unreadable] == [Finding.HEAD_DIFFERS]


def test_records_that_cannot_be_read_are_passed_over(damaged: Damaged) -> None:
    """The place is named, what may have been there is not called missing, and the rest is verified."""
    damaged.bad_records = {(RecordKind.ORDER, 20), (RecordKind.ORDER, 21)}
    differences = verify(damaged).differences
    assert [(one.what, one.kind, one.sequence) for one in differences] == [
        (Finding.RECORD_UNREADABLE, RecordKind.ORDER, 19),
        (Finding.RECORD_DIFFERS, RecordKind.ORDER, 60),
    ]
    damaged.bad_records = {(RecordKind.ORDER, number) for number in range(20, 61)}
    assert found(verify(damaged)) == [(Finding.RECORD_UNREADABLE, None, 19, None)]


@pytest.mark.parametrize("error", [StorageBusy, LedgerClosed])
def test_what_says_nothing_about_the_store_is_raised(damaged: Damaged, error: type[Exception]) -> None:
    """A store that is locked or closed is no finding."""
    damaged.error = error
    damaged.bad_entries = {1}
    with pytest.raises(error):
        verify(damaged)
    damaged.bad_entries, damaged.has_bad_head = set(), True
    with pytest.raises(error):
        verify(damaged)


@pytest.mark.parametrize("error", [StorageBusy, LedgerClosed])
def test_a_record_that_cannot_be_looked_up_now_is_no_finding(
    repository: LedgerRepository, error: type[Exception]
) -> None:
    """What a change without a birth is about is looked up; a store that is locked or closed then says so."""
    repository.append([entry(EMPTY, attrs.evolve(order(), version=2, sequence=1))])
    damaged = Damaged(repository)
    damaged.error, damaged.has_bad_keys = error, True
    with pytest.raises(error):
        verify(damaged)


# -- while others write -----------------------------------------------------------------------------------------------


class Busy(AroundRepository):
    """Lets another writer do something at each look into the store."""

    def __init__(self, inner: LedgerRepository, step: Callable[[], object]) -> None:
        """Call `step` before and after every page."""
        super().__init__(inner)
        self._step = step

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Step, read, step."""
        self._step()
        page = super().read_raw(after, min(limit, 7))
        self._step()
        return page

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Step, scan, step."""
        self._step()
        page = super().scan(kind, after, limit)
        self._step()
        return page


def commands(ledger: StrategyLedger) -> Iterator[object]:
    """Generate, each at its own time, commands that place, fill, correct and close."""
    for number in range(12):
        buy, sell, trade = f"B{number}", f"S{number}", f"T{number}"
        yield ledger.record_order(buy, limit_order(currency="USD"))
        yield ledger.update_order_acceptance(buy, {"venue_order_id": f"V{buy}"})
        yield ledger.update_order_fill(buy, fill_data("F1", 4))
        yield ledger.update_order_fill(buy, fill_data("F2", 6, 101))
        yield ledger.create_trade(trade, [buy])
        yield ledger.record_order(sell, market_order("SELL"))
        yield ledger.update_order_fill(sell, fill_data("F1", 10, 102))
        yield ledger.close_trade(trade, {"order_ids": [sell]})
        yield ledger.bust_order_fill(buy, "F1")
        yield ledger.correct_order_fill(buy, "F2", {"fill_id": "C", "quantity": 6, "price": 99})


@pytest.mark.parametrize("before", [0, 5, 40, 95])
def test_a_writer_does_not_disturb_a_verification(store: Store, clock: SteppingClock, before: int) -> None:
    """Records that move on between two looks are explained by the entries that moved them, and are no difference."""
    ledger = store.open(clock=clock)
    steps = commands(ledger)
    for _ in range(before):
        next(steps)
    verification = verify(Busy(store.repository(), lambda: next(steps, None)))
    assert verification.is_intact, verification.differences
    assert verification.entries >= before


def test_a_forged_record_is_found_while_others_write(store: Store, clock: SteppingClock) -> None:
    """What others write explains what they changed, and nothing else."""
    ledger = store.open(clock=clock)
    ledger.record_order("forged", limit_order())
    steps = commands(ledger)
    repository = store.repository()
    records = stored(repository)
    repository.restore([_forged(records[0]), *records[1:]])
    verification = verify(Busy(repository, lambda: next(steps, None)))
    assert found(verification) == [(Finding.RECORD_DIFFERS, ("forged",), 1, "reason")]
    assert verification.entries > 1


class Late(AroundRepository):
    """Shows fills as they were, and orders as they are after another writer's step."""

    def __init__(self, inner: LedgerRepository, step: Callable[[], object]) -> None:
        """Look at the fills now; `step` comes when orders are asked for."""
        super().__init__(inner)
        self._fills = inner.scan(RecordKind.FILL)
        self._step = step

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Scan; of fills, return what there was."""
        if kind is RecordKind.FILL:
            return self._fills
        if kind is RecordKind.ORDER:
            self._step()
        return super().scan(kind, after, limit)


def test_a_fill_that_was_busted_meanwhile_is_no_difference(store: Store, clock: SteppingClock) -> None:
    """A fill may be read before, and its order after, another writer took the fill back."""
    ledger = store.open(clock=clock)
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill_data("F1", 4))
    repository = Late(store.repository(), lambda: ledger.bust_order_fill("O1", "F1"))
    verification = verify(repository)
    assert verification.is_intact, verification.differences
    assert verification.entries == 3


def test_a_ledger_verifies_while_its_own_threads_write(store: Store, clock: SteppingClock) -> None:
    """Verification holds no lock of the ledger: commands go on meanwhile."""
    ledger = store.open(clock=clock)
    steps = commands(ledger)
    writer = threading.Thread(target=lambda: [None for _ in steps])
    writer.start()
    while writer.is_alive():
        verification = ledger.verify()
        assert verification.is_intact, verification.differences
    writer.join()
    assert ledger.verify().entries == 120


# -- in bounded memory ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held_max", [1, 2, 3])
def test_parts_come_to_the_same(lived: LedgerRepository, monkeypatch: pytest.MonkeyPatch, held_max: int) -> None:
    """However few records a pass may hold, each record is compared once and each difference reported once."""
    whole = verify(lived)
    records = stored(lived)
    forged = [_forged(one) for one in records]
    monkeypatch.setattr(replaying, "HELD_MAX", held_max)
    counting = Counting(lived)
    assert verify(counting) == whole
    assert counting.reads > 1
    lived.restore([one for place, one in enumerate(forged) if place % 3])
    in_parts = verify(lived)
    monkeypatch.undo()
    assert in_parts.records == verify(lived).records
    assert sorted(map(str, in_parts.differences)) == sorted(map(str, verify(lived).differences))
    assert in_parts.difference_count > 10
    monkeypatch.setattr(replaying, "HELD_MAX", held_max)
    rebuild(lived)
    assert stored(lived) == records


def test_what_is_wrong_with_the_journal_is_said_once(lived: LedgerRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further passes over the journal report nothing of it again."""
    monkeypatch.setattr(replaying, "HELD_MAX", 1)
    for place in (3, 26):
        assert found(verify(Tampered(lived, place))) == [(Finding.DIGEST_BROKEN, None, place, None)]


def _forged(record: Record) -> Record:
    values: dict[str, Any] = {"reason": "forged"} if hasattr(record, "reason") else {}
    return attrs.evolve(record, **values)


def test_what_is_held_is_what_is_alive(repository: LedgerRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is let go once it has come to what is stored, so a long history of short lives is one pass."""
    lives = [[order(f"O-{number}")] for number in range(300)]
    repository.append(told(EMPTY, *lives))
    monkeypatch.setattr(replaying, "HELD_MAX", 1)
    counting = Counting(repository)
    assert verify(counting).records == 300
    assert counting.reads == 1


class Counting(AroundRepository):
    """Counts how often the journal is read."""

    reads = 0

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Count, read."""
        self.reads += 1
        return super().read_raw(after, limit)


# -- repair -----------------------------------------------------------------------------------------------------------


def test_rebuild_restores_every_record(lived: LedgerRepository, store: Store) -> None:
    """Whatever is stored, `rebuild` makes it what the journal says; the journal gets no entry of it."""
    records, entries_before = stored(lived), list(lived.read(0))
    for broken in ([], [_forged(one) for one in records], records[::2]):
        lived.restore(broken)
        with store.open() as ledger:
            ledger.rebuild()
            assert ledger.verify().is_intact
        assert stored(lived) == records
        assert list(lived.read(0)) == entries_before


def test_a_rebuilt_ledger_goes_on(store: Store, clock: SteppingClock, published: RecordingPublisher) -> None:
    """The records in memory are the restored ones, nothing is published, and the next command is decided on them."""
    ledger = store.open(clock=clock, publisher=published)
    ledger.record_order("O1", limit_order())
    repository = store.repository()
    repository.restore([attrs.evolve(one, quantity=Decimal(1)) for one in stored(repository) if isinstance(one, Order)])
    ledger.close()
    ledger = store.open(clock=clock, publisher=published)
    assert ledger.get_order("O1").quantity == 1
    events = list(published.events)
    ledger.rebuild()
    assert ledger.get_order("O1").quantity == 10
    assert published.events == events
    other = store.open(clock=clock)
    other.update_order_acceptance("O1")
    ledger.rebuild()
    ledger.update_order_fill("O1", fill_data("F1", 10))
    assert [event["event_type"] for event in published.events[len(events) :]] == ["ORDER_ACCEPTED", "ORDER_FILLED"]
    assert ledger.verify().is_intact


def test_a_damaged_journal_is_not_rebuilt_from(lived: LedgerRepository) -> None:
    """A chain that is broken is refused, with the difference, before anything is changed."""
    lived.restore([])
    broken = Tampered(lived)
    with pytest.raises(StorageCorrupt) as caught:
        rebuild(broken)
    (difference,) = caught.value.differences
    assert isinstance(difference, Difference)
    assert (difference.what, difference.sequence) == (Finding.DIGEST_BROKEN, 3)
    assert stored(lived) == []


class Tampered(AroundRepository):
    """Gives back an entry that was changed."""

    def __init__(self, inner: LedgerRepository, place: int = 3) -> None:
        """Change the entry at this place."""
        super().__init__(inner)
        self._place = place

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Read, and put a space behind one body."""
        page = super().read_raw(after, limit)
        return [raw._replace(body=raw.body + b" ") if raw.sequence == self._place else raw for raw in page]


def test_a_reader_does_not_rebuild(lived: LedgerRepository, store: Store) -> None:
    """Rebuilding writes, so a read-only ledger refuses it before anything is read."""
    with store.open(read_only=True) as ledger, pytest.raises(ReadOnlyLedger):
        ledger.rebuild()
