"""A store that lost or changed something: what is built on it is refused by name, and what is not goes on."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

import attrs
import pytest

from ledger_core import (
    Difference,
    Finding,
    Head,
    LedgerClosed,
    LedgerRepository,
    RecordKind,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StrategyLedger,
    open_reader,
    open_repository,
    reader,
    replaying,
)
from ledger_core.changes import GENESIS_DIGEST, chain
from ledger_core.checkpoints import require_same_base
from ledger_core.ending import require_sound_end
from ledger_core.model import Fill, Key, Order, QuarantinedFact, Record
from ledger_core.past import _Lookup
from ledger_core.repository import PAGE_SIZE_MAX, Query, RawEntry, StoredRecord
from ledger_core.testing.samples import STRATEGY, change_of, checkpoint, entry, order
from ledger_core.testing.samples import fill as fill_record
from ledger_core.verifying import verify
from support import DictCache, SteppingClock, Store, fill, limit_order, market_order
from support.life import live
from support.repositories import AroundRepository
from support.trading import at


class Damaged(AroundRepository):
    """A repository in which records are missing, or are shown otherwise than they are."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Show everything as it is."""
        super().__init__(inner)
        self.missing: set[tuple[RecordKind, Key]] = set()
        self.shown: Callable[[Record], Record] = lambda record: record

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Return what is left."""
        return None if (kind, key) in self.missing else super().load(kind, key)

    def find(self, query: Query) -> Sequence[Record]:
        """Return what is left, as it is to be shown."""
        return [self.shown(one) for one in super().find(query) if (one.kind, one.key) not in self.missing]


@pytest.fixture
def damaged(store: Store) -> Damaged:
    """Return a repository with a life in it, whose last order has ended."""
    with store.open(clock=SteppingClock()) as ledger:
        live(ledger)
    return Damaged(store.repository())


def opened(repository: LedgerRepository, **options: Any) -> StrategyLedger:
    """Open a ledger on the repository."""
    return StrategyLedger(repository, clock=SteppingClock(), **options)


# -- what a command needs ---------------------------------------------------------------------------------------------


def test_fill_without_its_position_is_not_taken_back(damaged: Damaged) -> None:
    """What remains of the position would be made up: the bust is refused as damage, and nothing is written."""
    damaged.missing = {(RecordKind.POSITION, ("ACME", "XNAS", "main", "NET"))}
    with opened(damaged) as ledger:
        head = ledger.head()
        with pytest.raises(StorageCorrupt, match="position of fill O1/F1 is not there") as caught:
            ledger.bust_order_fill("O1", "F1")
        assert (caught.value.key, ledger.head()) == (("ACME", "XNAS", "main", "NET"), head)


def test_fill_whose_instrument_is_gone_is_not_booked(damaged: Damaged) -> None:
    """No terms are made up by which it would be valued: the fill is refused as damage, and nothing is written."""
    damaged.missing = {(RecordKind.INSTRUMENT, ("XNAS", "ACME"))}
    with opened(damaged) as ledger:
        head = ledger.head()
        with pytest.raises(StorageCorrupt, match="instrument 'XNAS/ACME' is not there") as caught:
            ledger.update_order_fill("O1", fill("F3", 1), occurred_at=at(60))
        assert (caught.value.key, ledger.head()) == (("XNAS", "ACME"), head)


def test_fill_whose_fee_is_gone_is_told_as_damage(damaged: Damaged) -> None:
    """A fill cannot have its fee in the base currency and none: what it added to the position is not known."""
    damaged.shown = lambda record: (
        attrs.evolve(record, fee_in_base=True, fees=()) if isinstance(record, Fill) else record
    )
    with opened(damaged) as ledger:
        head = ledger.head()
        with pytest.raises(StorageCorrupt, match="fee in the base currency, but no fee") as caught:
            ledger.bust_order_fill("O1", "F1")
        assert (caught.value.key[0], ledger.head()) == ("O1", head)


def test_correction_whose_fill_is_gone_is_told_as_damage(damaged: Damaged) -> None:
    """It is no repeat and no conflict, and waits in no quarantine: the store lost the fill that it was made to."""
    damaged.missing = {(RecordKind.FILL, ("O2", "F1"))}
    with opened(damaged) as ledger:
        waiting = ledger.quarantined()
        with pytest.raises(StorageCorrupt, match="fill O2/F1 was corrected, but is not there") as caught:
            ledger.correct_order_fill("O2", "F1", {"fill_id": "F1c", "quantity": 10, "price": "101.25"})
        assert (caught.value.key, ledger.quarantined()) == (("O2", "F1"), waiting)


def test_repeat_whose_record_is_gone_is_told_as_damage(damaged: Damaged) -> None:
    """The command is known by its id, but the order that it made is not there: no answer is made up."""
    placed = damaged.inner.load(RecordKind.ORDER, ("O1",))
    assert isinstance(placed, Order)
    given = {name: value for name, value in attrs.asdict(placed.details, recurse=False).items() if value is not None}
    damaged.missing = {(RecordKind.ORDER, ("O1",))}
    with opened(damaged) as ledger, pytest.raises(StorageCorrupt, match=r"ORDER .*'O1'.* is not there"):
        ledger.record_order("O1", given, command_id="C1", occurred_at=at(60))


def test_quarantine_holds_facts_alone(damaged: Damaged) -> None:
    """Another command in a fact's place, which the ledger never files, is not carried out."""
    forged = {"operation": "close_trade", "occurred_at": "2026-01-05T09:00:00.000000Z", "trade_id": "T1"}
    (first, *_) = (one for one in damaged.inner.find(Query(kind=RecordKind.QUARANTINE)))

    def show(record: Record) -> Record:
        return attrs.evolve(record, fact=forged) if isinstance(record, QuarantinedFact) else record

    damaged.shown = show
    with opened(damaged) as ledger, pytest.raises(StorageCorrupt, match="close_trade is no fact"):
        ledger.resolve_quarantined(first.key[0], {"order_id": "O1", "reason": "booked by hand"})


def test_stop_that_no_entry_states_is_told_as_damage(store: Store) -> None:
    """Splits are counted from the entry that stated it: where that is gone, no risk is made up."""

    class Forgetful(AroundRepository):
        def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Any:
            return [] if subject == "T1" else super().read(after, limit, subject)

    with opened(Forgetful(store.repository())) as ledger:
        ledger.record_order("O1", market_order())
        ledger.update_order_fill("O1", fill("F1", 10))
        ledger.create_trade("T1", ["O1"], {"stop_price": 90})
        ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2})
        with pytest.raises(StorageCorrupt, match="no entry states the initial stop of trade 'T1'"):
            ledger.get_trade_statistics("T1")


# -- what goes on -----------------------------------------------------------------------------------------------------


def test_ledger_follows_others_beside_a_lost_record(store: Store, damaged: Damaged) -> None:
    """A change of a record that is gone from the store does not stop what is not about it; verify tells of it."""
    cache = DictCache()
    damaged.missing = {(RecordKind.ORDER, ("O3",)), (RecordKind.FILL, ("O3", "F1"))}
    with opened(damaged, cache=cache) as ledger, store.open(clock=SteppingClock()) as other:
        other.update_order_acceptance("O3", {"venue_order_id": "V3"})
        other.update_fill_fee("O3", "F1", [{"currency": "USD", "amount": 1}])
        other.record_order("O8", limit_order())
        ledger.publish_pending()
        assert cache.contexts["O8"]["state"] == "PLACED"
        assert "O3" not in cache.contexts
        assert ledger.pending("cache") == 0


def test_request_of_a_lost_order_is_followed(store: Store) -> None:
    """A request whose order is gone from the store waits for nobody: what comes behind it is seen."""
    with store.open(clock=SteppingClock()) as ledger:
        ledger.record_order("O1", limit_order())
    repository = Damaged(store.repository())
    repository.missing = {(RecordKind.ORDER, ("O1",))}
    with opened(repository) as ledger, store.open(clock=SteppingClock()) as other:
        other.request_order_cancel("O1", "R1")
        other.record_order("O2", limit_order())
        assert ledger.get_order("O2").state == "PLACED"


def test_reader_lets_go_of_a_strategy_that_does_not_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged strategy does not keep its file open behind the error; the others can be read."""
    for strategy_id in ("alpha", "beta"):
        with store.open(strategy_id) as ledger:
            ledger.record_order("O1", limit_order())
    closed: list[str] = []

    class Broken(AroundRepository):
        def find(self, query: Query) -> Sequence[Record]:
            if self.strategy_id == "alpha":
                raise StorageCorrupt("a stored order cannot be read")
            return super().find(query)

        def close(self) -> None:
            closed.append(self.strategy_id)
            super().close()

    monkeypatch.setattr(reader, "open_repository", lambda url, **options: Broken(open_repository(url, **options)))
    with open_reader(store.url) as tool:
        with pytest.raises(StorageCorrupt):
            tool.strategy("alpha")
        assert closed == ["alpha"]
        assert tool.strategy("beta").get_order("O1").state == "PLACED"


def test_history_of_a_trade_knows_the_splits_of_its_symbol(damaged: Damaged) -> None:
    """What a trade of then is added up from has adjustments by symbol, time and kind, as the ledger has."""
    records = {(one.kind, one.key): one for one in damaged.inner.find(Query(kind=RecordKind.ADJUSTMENT))}
    known = _Lookup(records)
    assert [one.adjustment_id for one in known.adjustments_of("SPLT")] == ["A2"]
    assert known.adjustments_of("SPLT", since=at(60 * 600)) == []


# -- the end of the journal -------------------------------------------------------------------------------------------


class End(AroundRepository):
    """A repository whose last writer did not end well, with entries shown otherwise than they are."""

    @property
    def ended_uncleanly(self) -> bool:
        """Always."""
        return True

    def __init__(self, inner: LedgerRepository) -> None:
        """Show everything as it is."""
        super().__init__(inner)
        self.shown: dict[int, RawEntry] = {}
        self.reads = 0
        self.before_load: Callable[[], object] | None = None

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Count, and return what is to be shown."""
        self.reads += 1
        return [self.shown.get(one.sequence, one) for one in super().read_raw(after, limit)]

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Load, after another writer's step."""
        if self.before_load is not None:
            step, self.before_load = self.before_load, None
            step()
        return super().load(kind, key)


@pytest.fixture
def end(store: Store) -> End:
    """Return the repository of three orders."""
    with store.open(clock=SteppingClock()) as ledger:
        for number in (1, 2, 3):
            ledger.record_order(f"O{number}", limit_order())
    return End(store.repository())


def test_digest_before_the_end_that_is_none_is_a_broken_chain(end: End, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the last entries follow may be damaged too: no number at all is no other error than a wrong one."""
    monkeypatch.setattr("ledger_core.ending.ENTRIES_CHECKED", 2)
    require_sound_end(end)
    (first,) = end.inner.read_raw(0, 1)
    end.shown = {1: first._replace(digest="no digest")}
    with pytest.raises(StorageCorrupt, match="digest of entry 2 of alpha does not follow") as corrupt:
        require_sound_end(end)
    assert corrupt.value.context == {"sequence": 2}


def test_last_entry_that_says_nothing_of_its_record_is_unreadable(end: End) -> None:
    """A chain can hold together around values that are none of the record's: the entry is named."""
    second, third = end.inner.read_raw(1, 2)
    body = third.body.replace(b'"limit_price":"100"', b'"limit_price":"abc"')
    assert body != third.body
    end.shown = {3: third._replace(body=body, digest=chain(second.digest, body))}
    with pytest.raises(StorageCorrupt, match="entry 3 cannot be read") as corrupt:
        require_sound_end(end)
    assert corrupt.value.context == {"sequence": 3}


def test_record_that_a_later_entry_changed_is_not_torn(store: Store, end: End) -> None:
    """Another writer may change a record while the end is looked through: its new version is no damage, nor read again."""
    with store.open(clock=SteppingClock()) as other:
        end.before_load = lambda: other.update_order_acceptance("O1", {"venue_order_id": "V1"})
        require_sound_end(end)
        assert other.head().sequence == 4
    assert end.reads == 1


# -- verification -----------------------------------------------------------------------------------------------------


class Shown(AroundRepository):
    """A repository that shows its journal, its records and its own check otherwise than they are."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Show everything as it is."""
        super().__init__(inner)
        self.journal: Callable[[Sequence[RawEntry]], Sequence[RawEntry]] = lambda page: page
        self.page: Callable[[Sequence[StoredRecord]], Sequence[StoredRecord]] = lambda page: page
        self.scan_error: Exception | None = None
        self.load_error: Exception | None = None
        self.checkpoint_error: Exception | None = None
        self.audit_error: Exception | None = None

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return what is to be shown."""
        return self.journal(super().read_raw(after, limit))

    def scan(self, kind: RecordKind, after: tuple[Any, ...] = (), limit: int = PAGE_SIZE_MAX) -> Sequence[StoredRecord]:
        """Return what is to be shown."""
        if self.scan_error is not None:
            raise self.scan_error
        page = super().scan(kind, after, limit)
        return self.page(page) if kind is RecordKind.ORDER else page

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Load, or fail as told."""
        error = self.checkpoint_error if kind is RecordKind.CHECKPOINT else self.load_error
        if error is not None:
            raise error
        return super().load(kind, key)

    def audit(self) -> Iterator[Difference]:
        """Look, or fail as told."""
        if self.audit_error is not None:
            raise self.audit_error
        return super().audit()


@pytest.fixture
def shown(store: Store) -> Shown:
    """Return the repository of a few bare entries."""
    return Shown(store.repository(STRATEGY))


def append(repository: LedgerRepository, *parts: Sequence[Record]) -> None:
    """Append an entry for each part, in the words that commands would use."""
    for records in parts:
        repository.append([entry(repository.head(), *records)])


def told(repository: LedgerRepository, **options: Any) -> list[tuple[Finding, Key | None, int | None]]:
    """Return what verification finds, of which record, at which entry."""
    return [(one.what, one.key, one.sequence) for one in verify(repository, **options).differences]


@pytest.mark.parametrize("error", [StorageBusy("the file is locked"), LedgerClosed("closed meanwhile")])
@pytest.mark.parametrize("place", ["scan_error", "audit_error", "load_error", "checkpoint_error"])
def test_error_that_passes_is_no_difference(shown: Shown, place: str, error: StorageError) -> None:
    """A file that is locked, or was closed meanwhile, says nothing of the ledger: verification fails with it."""
    shown.append([entry(Head(0, GENESIS_DIGEST), attrs.evolve(order(), version=2, sequence=1))])
    setattr(shown, place, error)
    with pytest.raises(type(error)):
        verify(shown)


@pytest.mark.parametrize("error", [StorageBusy("the file is locked"), LedgerClosed("closed meanwhile")])
def test_error_that_passes_is_no_sign_of_a_cut(shown: Shown, error: StorageError) -> None:
    """Behind a first entry that cannot be read, the place up to which the journal was cut is looked at."""
    append(shown, [checkpoint(cut_sequence=2)], [order("O-1")], [order("O-2")])
    read = shown.read_raw

    def read_raw(after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        if limit > 1:
            return read(after, limit)
        raise error if after else StorageCorrupt("the page is unreadable")

    with patch.object(shown, "read_raw", read_raw), pytest.raises(type(error)):
        verify(shown)


def test_error_that_passes_is_no_cut_while_it_is_read(shown: Shown) -> None:
    """Whether a journal was cut while it was read is not known of a store that cannot be asked."""
    require_same_base(shown, None)
    shown.checkpoint_error = StorageBusy("the file is locked")
    with pytest.raises(StorageBusy, match="the file is locked"):
        require_same_base(shown, None)


def test_record_that_cannot_be_loaded_is_a_difference(shown: Shown) -> None:
    """A change that follows no birth is told as such, though what is stored of its record cannot be read."""
    shown.append([entry(Head(0, GENESIS_DIGEST), attrs.evolve(order(), version=2, sequence=1))])
    shown.load_error = StorageCorrupt("the row is unreadable")
    assert (Finding.VERSION_BROKEN, ("O-1",), 1) in told(shown)


def test_entry_that_comes_again_is_out_of_order(shown: Shown) -> None:
    """A journal that shows an entry twice is reported, and the entry is counted and compared once."""
    append(shown, [order("O-1")], [order("O-2")])
    shown.journal = lambda page: [*page[:1], *page]
    assert told(shown, chain_only=True) == [(Finding.ENTRY_OUT_OF_ORDER, None, 1)]
    assert verify(shown, chain_only=True).entries == 2


@pytest.mark.parametrize("pages", [[(0, 2), (0, 2)], [(1, 3), (0, 2)]])
def test_records_that_lead_round_in_circles_end(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, pages: list[tuple[int, int]]
) -> None:
    """A damaged index may lead back to where it came from: it is reported, and verification comes to its end."""
    monkeypatch.setattr(replaying, "PAGE_SIZE_MAX", 2)
    append(shown, [order("O-1")], [order("O-2")], [order("O-3")])
    whole = shown.scan(RecordKind.ORDER, (), 10)
    places = iter(pages)
    shown.page = lambda _page: whole[slice(*next(places, (0, 0)))]
    found = [(one.what, one.kind, one.found) for one in verify(shown).differences]
    assert (Finding.RECORD_UNREADABLE, RecordKind.ORDER, "not in order") in found


def test_unreadable_entry_is_reported_once_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few records a pass may hold, an entry that cannot be read, and a record too many, are said once."""
    with store.open(clock=SteppingClock()) as ledger:
        live(ledger)
    repository = Shown(store.repository())
    repository.journal = lambda page: [one._replace(body=b"{}") if one.sequence == 26 else one for one in page]
    records = [one for kind in RecordKind for one in repository.find(Query(kind=kind))]
    extra = [fill_record(f"F-{number}", order_id="O1", sequence=99, index=number) for number in range(8)]
    repository.restore([*records, *(attrs.evolve(one, sequence=99) for one in extra)])
    whole = verify(repository)
    monkeypatch.setattr(replaying, "HELD_MAX", 1)
    in_parts = verify(repository)
    for found in (whole, in_parts):
        kinds = [one.what for one in found.differences]
        assert kinds.count(Finding.ENTRY_UNREADABLE) == 1
        assert kinds.count(Finding.RECORD_EXTRA) == len(extra)


def test_what_was_reported_is_remembered_within_bounds(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record without a birth is told once; beyond what may be held in memory it may be told again, never less."""
    versions = [attrs.evolve(order(name), version=number, sequence=1) for number in (2, 3) for name in ("O-1", "O-2")]
    changes = [change_of(one) for one in versions]
    shown.append([entry(Head(0, GENESIS_DIGEST), *versions[2:], changes=changes)])
    assert told(shown).count((Finding.VERSION_BROKEN, ("O-2",), 1)) == 1
    monkeypatch.setattr(replaying, "HELD_MAX", 1)
    broken = [key for what, key, _ in told(shown) if what is Finding.VERSION_BROKEN]
    assert set(broken) == {("O-1",), ("O-2",)}
    assert len(broken) > 2
