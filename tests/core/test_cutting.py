"""The journal goes up to an entry, and what it came to there stays: all answers, proofs and refusals go on from it."""

# Numbers and words are written here as a caller would.
# mypy: disable-error-code="comparison-overlap"

import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from unittest.mock import patch

import attrs
import pytest

from ledger_core import InvalidValue, StrategyLedger, checkpoints, replaying
from ledger_core.archivable import Group
from ledger_core.changes import Entry, Head
from ledger_core.checkpoints import Sum, checkpoint_of, pages_of, records_at
from ledger_core.errors import Archived, CommandRefused, ReadOnlyLedger, StorageBusy, StorageCorrupt, UnknownOrder
from ledger_core.findings import Finding, Verification
from ledger_core.model import Record, RecordKind
from ledger_core.repository import LedgerRepository, Query, RawEntry, all_pages
from ledger_core.verifying import rebuild, verify
from support import START, SteppingClock, fill, limit_order, market_order
from support.life import live
from support.repositories import AroundRepository
from support.stores import Store

LATER = START + timedelta(days=400)


def at(minutes: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(minutes=minutes)


def head_at(ledger: StrategyLedger, sequence: int) -> Head:
    """Return an entry of a journal as a head."""
    (entry,) = islice(ledger.read_journal(sequence - 1), 1)
    return Head(entry.sequence, entry.digest, entry.recorded_at)


def cut(ledger: StrategyLedger, sequence: int, archive_id: str = "J1") -> None:
    """Cut the journal behind an entry."""
    ledger.archivist.set_checkpoint(archive_id, head_at(ledger, sequence))
    ledger.archivist.cut()


def records_of(repository: LedgerRepository) -> dict[tuple[RecordKind, Any], Record]:
    """Return every record there is, but for the checkpoint's own."""
    kinds = (kind for kind in RecordKind if kind is not RecordKind.CHECKPOINT)
    return {(one.kind, one.key): one for kind in kinds for one in all_pages(repository.find, Query(kind=kind))}


def require_intact(store: Store) -> Verification:
    """Verify whole and by parts, rebuild, and verify again: nothing differs, and nothing changed."""
    repository = store.repository()
    before = records_of(repository)
    whole = verify(repository)
    assert whole.is_intact, whole.differences
    with patch.object(replaying, "HELD_MAX", 3):
        parts = verify(repository)
        assert parts == whole, parts.differences
        rebuild(repository)
    assert records_of(repository) == before
    assert verify(repository) == whole
    return whole


def lived(store: Store, **options: Any) -> StrategyLedger:
    """Return a ledger in which every kind of record came into being; it has a checkpoint, but is not cut."""
    ledger = store.open(clock=SteppingClock(), **options)
    live(ledger)
    return ledger


def go_on(ledger: StrategyLedger, name: str = "NEW") -> None:
    """Give further commands, on what is new and on what there was."""
    ledger.record_order(name, market_order("BUY", 2, symbol="ACME"), occurred_at=at(900))
    ledger.update_order_fill(name, fill("F", 2, 10), occurred_at=at(901))
    for order_id in ("O4", "O5", "GONE1BUY"):
        with suppress(CommandRefused):
            ledger.update_order_fill(order_id, fill(f"F{name}", 1, 10), occurred_at=at(902))


def test_a_journal_may_be_cut_behind_any_entry(store: Store) -> None:
    """Whichever entry it is cut behind, all records are proven, rebuilt, and go on; the older ones are gone."""
    last = 1
    for sequence in range(1, 46):
        name = f"at {sequence}"
        with store.open(name, clock=SteppingClock()) as ledger:
            live(ledger)
            if sequence == 1:
                last = ledger.head().sequence
            if sequence > last:
                break
            known = checkpoint_of(store.repository(name))
            assert known is not None
            if sequence < known.cut_sequence:
                with pytest.raises(InvalidValue, match="lies not between"):
                    cut(ledger, sequence)
                continue
            before = records_of(store.repository(name))
            cut(ledger, sequence)
            assert next(ledger.read_journal()).sequence == sequence + 1
            assert records_of(store.repository(name)) == before
            assert ledger.verify().is_intact, ledger.verify().differences
            rebuild(store.repository(name))
            assert records_of(store.repository(name)) == before
        with store.open(name, clock=SteppingClock(START + timedelta(days=1))) as ledger:
            go_on(ledger)
            assert ledger.verify().is_intact, ledger.verify().differences
            ledger.rebuild()
            assert ledger.verify().is_intact
    else:
        raise AssertionError("the life is longer than this test tries")


def test_what_was_cut_is_all_that_is_missing(store: Store) -> None:
    """Answers, money and refusals are the same as before; the history that is left is the end of it."""
    ledger = lived(store)
    go_on(ledger)

    def answers() -> list[Any]:
        return [
            list(ledger.find_orders(limit=None)),
            list(ledger.find_fills(limit=None)),
            list(ledger.find_trades(limit=None)),
            list(ledger.find_adjustments(limit=None)),
            ledger.get_open_positions(),
            ledger.quarantined(),
            ledger.get_position("ACME", venue="XNAS", account="main", cost_method="fifo"),
            ledger.explain_pnl(symbol="ACME"),
            ledger.get_trade_statistics("T1"),
            ledger.head().sequence,
        ]

    before, history = answers(), ledger.get_history("O4")
    sequence = history[-1].sequence - 1
    ledger.archivist.set_checkpoint("J1", head_at(ledger, sequence))
    before[-1] = ledger.head().sequence
    ledger.archivist.cut()
    assert answers() == before
    assert ledger.get_history("O4") == [entry for entry in history if entry.sequence > sequence]
    for name in ("O2", "T1"):
        with pytest.raises(Archived, match=f"what happened to '{name}' lies before .* archive 'J1'"):
            ledger.get_history(name)
    with pytest.raises(UnknownOrder):
        ledger.get_history("NOBODY")
    with pytest.raises(CommandRefused):
        ledger.record_order("O1", limit_order(), occurred_at=at(1000))
    require_intact(store)


def test_a_fact_whose_entry_was_cut_lends_its_place_to_no_other(store: Store) -> None:
    """A fact in quarantine that names the order by the venue's id is in its history, unless its entry is gone."""
    ledger = store.open(clock=SteppingClock())
    ledger.record_order("V", market_order(quantity=2))
    ledger.update_order_acceptance("V", {"venue_order_id": "V1"})
    with suppress(CommandRefused):
        ledger.update_order_fill("?", fill("F1", 1, venue_order_id="V1"))
    last = ledger.head().sequence
    assert [entry.sequence for entry in ledger.get_history("V")] == [1, 2, last]
    ledger.record_order("W", market_order())
    ledger.request_order_cancel("V")
    cut(ledger, last)
    assert [entry.operation for entry in ledger.get_history("V")] == ["request_order_cancel"]


def test_a_journal_is_cut_again(store: Store) -> None:
    """A later cut takes the place of the one before, whether or not that one's own entry goes with it."""
    ledger = lived(store)
    for number, step in enumerate((0, 4, 1, 3)):
        go_on(ledger, f"N{number}")
        known = checkpoint_of(store.repository())
        assert known is not None
        cut(ledger, known.cut_sequence + 3 + step, f"J{number}")
        require_intact(store)
    cut(ledger, ledger.head().sequence, "J9")
    assert len(list(ledger.read_journal())) == 1
    require_intact(store)
    repository = store.repository()
    assert repository.staged(f"{ledger.head().sequence - 1} J9", 0) is not None
    assert repository.staged("21 A1", 0) is None


def test_archives_are_restored_behind_a_cut(store: Store) -> None:
    """What went before the cut comes back, and goes again, with the birth that it had; so does what went after."""
    ledger = store.open(clock=SteppingClock())
    went: dict[str, list[Group]] = {}
    for number in (1, 2, 3):
        for side, minutes in (("BUY", 0), ("SELL", 1)):
            order_id, when = f"{side}{number}", at(number * 10 + minutes)
            ledger.record_order(order_id, market_order(side, 10), command_id="C", occurred_at=when)
            ledger.update_order_fill(order_id, fill("F", 10, 100 + number + minutes), occurred_at=when)
        went[f"A{number}"] = list(ledger.archivist.archivable(at(number * 10 + 5)))
        assert not [why for _, why in ledger.archivist.let_go(f"A{number}", went[f"A{number}"]) if why]
        if number == 2:
            cut(ledger, ledger.head().sequence)
    require_intact(store)
    for archive_id in ("A3", "A2", "A1"):
        ledger.archivist.take_back(archive_id, went[archive_id])
        require_intact(store)
    again = list(ledger.archivist.archivable(at(15)))
    assert not [why for _, why in ledger.archivist.let_go("A4", again) if why]
    require_intact(store)
    cut(ledger, ledger.head().sequence - 1, "J2")
    ledger.archivist.take_back("A4", again)
    require_intact(store)
    assert [fact.sequence for fact in ledger.find_fills(limit=None)] == sorted(
        record.sequence for groups in went.values() for group in groups for record in group
        if record.kind is RecordKind.FILL
    )  # fmt: skip


def test_looking_back_begins_at_the_cut(store: Store) -> None:
    """`as_of(recorded=)` says behind the cut what it said before, and refuses what lies further back."""
    ledger = lived(store)
    entries = list(ledger.read_journal())
    moments = [entry.recorded_at for entry in entries]
    place = 30

    def then(moment: datetime) -> list[list[Record]]:
        past = ledger.as_of(recorded=moment)
        return [list(past.records(kind)) for kind in RecordKind if kind is not RecordKind.CHECKPOINT]

    before = {moment: then(moment) for moment in moments}
    cut(ledger, place)
    for moment in moments:
        if moment < moments[place - 1]:
            with pytest.raises(Archived, match="J1"):
                ledger.as_of(recorded=moment)
        else:
            assert then(moment) == before[moment]
    with pytest.raises(Archived, match="J1") as caught:
        ledger.as_of(occurred=LATER)
    assert caught.value.archive_id == "J1"


def test_another_process_that_was_behind_begins_anew(store: Store) -> None:
    """Who has not seen entries that were cut knows all that there is, decides on it, and proves it."""
    ledger = lived(store)
    other = store.open(clock=SteppingClock(START + timedelta(days=2)))
    reader = store.open(read_only=True)
    assert other.head() == reader.head() == ledger.head()
    go_on(ledger)
    cut(ledger, ledger.head().sequence)
    go_on(ledger, "AND ON")
    for one in (other, reader):
        assert {one.get_order(name).status for name in ("NEW", "AND ON")} == {"FILLED"}
        assert one.get_open_positions() == ledger.get_open_positions()
    other.update_fill_fee("NEW", "F", [{"currency": "USD", "amount": "1"}], occurred_at=at(1001))
    assert ledger.get_fill("NEW", "F") == other.get_fill("NEW", "F")
    require_intact(store)


def test_a_subscriber_holds_the_journal_until_it_has_taken_it(store: Store) -> None:
    """Who is behind is named and loses nothing; with its taking the rest, the rest goes."""
    heard: list[int] = []
    is_down = True

    def monitor(_: str, payload: Any) -> None:
        if is_down and payload["sequence"] > 10:
            raise ConnectionError
        heard.append(payload["sequence"])

    ledger = lived(store)
    ledger.subscribe("monitor", monitor)
    ledger.archivist.set_checkpoint("J1", head_at(ledger, 30))
    done = ledger.archivist.cut()
    assert (done.held_by, done.first_left, done.checkpoint.cut_sequence) == (("monitor",), 11, 30)
    require_intact(store)
    is_down, taken = False, sorted(set(heard))
    ledger.publish_pending()
    assert sorted(set(heard)) == [*taken, *told(ledger)]
    done = ledger.archivist.cut()
    assert (done.held_by, done.first_left) == ((), 31)
    later: list[int] = []
    ledger.close()
    ledger = store.open(clock=SteppingClock())
    ledger.subscribe("later", lambda _, payload: later.append(payload["sequence"]))
    assert sorted(set(later)) == told(ledger)
    assert later[0] == 31
    with pytest.raises(InvalidValue, match="its next entry is 31"):
        ledger.skip_entry("newest", 1, "it cannot take it")
    ledger.skip_entry("newest", 31, "it cannot take it")


def told(ledger: StrategyLedger) -> list[int]:
    """Return the entries that are left and that have an event."""
    return [entry.sequence for entry in ledger.read_journal() if any(one.event_type for one in entry.changes)]


def test_a_claimed_cursor_holds_the_journal_before_anything_was_taken(store: Store) -> None:
    """A subscriber that was never served holds all of it: what comes is promised to it."""
    ledger = lived(store)

    def broken(_: str, __: Any) -> None:
        raise ConnectionError

    ledger.subscribe("broken", broken)
    ledger.archivist.set_checkpoint("J1", head_at(ledger, 30))
    assert ledger.archivist.cut().held_by == ("broken",)
    assert next(ledger.read_journal()).sequence == 1


def test_an_opening_looks_no_further_back_than_the_cut(store: Store) -> None:
    """With one entry left, with few, and with remains of what is being cut, the ledger opens, also after a crash."""
    for name, place, through in (("one", 42, 42), ("few", 40, 40), ("remains", 40, 37)):
        with store.open(name, clock=SteppingClock()) as ledger:
            live(ledger)
            ledger.archivist.set_checkpoint("J1", head_at(ledger, min(place, ledger.head().sequence)))
        repository = store.repository(name)
        repository.cut(through)
        if store.adapter == "sqlite":
            _mark_as_crashed(store)
        with store.open(name, clock=SteppingClock(START + timedelta(days=1))) as ledger:
            go_on(ledger)
            assert ledger.verify().is_intact, ledger.verify().differences


def _mark_as_crashed(store: Store) -> None:
    lock = store.path.with_name(store.path.name + "-lock")
    with lock.open("r+b") as file:
        file.write(b"\x01")


# -- proof ------------------------------------------------------------------------------------------------------------


class Shown(AroundRepository):
    """A repository that shows its pages and its journal otherwise than they are."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Show everything as it is."""
        super().__init__(inner)
        self.page: Callable[[int, bytes | None], bytes | None] = lambda _, page: page
        self.journal: Callable[[Sequence[RawEntry]], Iterable[RawEntry]] = lambda page: page
        self.record: Callable[[Any], Record | None] = lambda record: record

    def staged(self, stage: str, page: int) -> bytes | None:
        """Return what is to be shown."""
        return self.page(page, super().staged(stage, page))

    def read_raw(self, after: int, limit: int = 1_000) -> Sequence[RawEntry]:
        """Return what is to be shown."""
        return list(self.journal(super().read_raw(after, limit)))

    def load(self, kind: RecordKind, key: Any) -> Record | None:
        """Return what is to be shown."""
        found = super().load(kind, key)
        return self.record(found) if kind is RecordKind.CHECKPOINT else found


@pytest.fixture
def shown(store: Store) -> Shown:
    """Return a repository whose journal was cut at entry 30."""
    with lived(store) as ledger:
        cut(ledger, 30)
    return Shown(store.repository())


def found(repository: LedgerRepository) -> set[tuple[str, str | None]]:
    """Return what verification finds, and about which kind."""
    differences = verify(repository).differences
    return {(one.what.value, None if one.kind is None else one.kind.value) for one in differences}


def test_pages_that_were_changed_are_found(shown: Shown) -> None:
    """Pages with another byte, missing, cut short, or others altogether: verification says so, rebuild refuses."""
    assert found(shown) == set()
    other = next(pages_of([]), zlib.compress(b"[]"))
    bomb = zlib.compress(b"[" * 1_000_000)
    for page in (
        lambda _, page: page[:-1] + bytes([page[-1] ^ 1]),
        lambda _, page: page[:-5],
        lambda _, __: None,
        lambda _, __: b"",
        lambda _, __: other,
        lambda _, __: bomb,
    ):
        shown.page = page
        assert (Finding.RECORD_UNREADABLE, RecordKind.CHECKPOINT) in found(shown)
        with pytest.raises(StorageCorrupt):
            rebuild(shown)


def test_pages_that_fit_a_forged_checkpoint_are_found(shown: Shown) -> None:
    """Whoever changes pages and the record of their digest is told on by the entry that set it."""
    genuine = checkpoint_of(shown)
    assert genuine is not None
    content = list(records_at(shown, genuine))
    order = next(one for one in content if one.kind is RecordKind.ORDER and one.key == ("O5",))
    order.values["reason"] = "forged"
    pages = list(pages_of(content))
    shown.inner.stage("forged", pages)
    total = Sum()
    for page in pages:
        total.add(page)
    digest = total.digest
    shown.record = lambda record: attrs.evolve(record, stage="forged", runs=(len(pages),), digest=digest)
    assert (Finding.RECORD_DIFFERS, RecordKind.ORDER) in found(shown)


@pytest.mark.parametrize(
    ("field", "value"),
    [("cut_digest", "0" * 64), ("digest", "0" * 64), ("cut_sequence", 29), ("cut_sequence", 31), ("runs", ())],
)
def test_a_checkpoint_that_was_changed_is_found(shown: Shown, field: str, value: Any) -> None:
    """Each of its values is needed to prove the rest."""
    shown.record = lambda record: attrs.evolve(record, **{field: value})
    assert found(shown)


def test_an_entry_behind_the_cut_that_cannot_be_read_is_one_difference(shown: Shown) -> None:
    """The first that is left: the search for where the journal goes on begins at the cut, not at its beginning."""

    def refuse(page: Sequence[RawEntry]) -> Sequence[RawEntry]:
        if any(raw.sequence == 31 for raw in page):
            raise StorageCorrupt("a bad page")
        return page

    shown.journal = refuse
    (first, *others) = verify(shown).differences
    assert (first.what, first.sequence) == (Finding.ENTRY_UNREADABLE, 31)
    assert not [one for one in others if one.what is Finding.ENTRY_UNREADABLE]


def test_a_journal_without_its_beginning_needs_a_checkpoint(shown: Shown) -> None:
    """Where the record of it is gone, the beginning is missing; so are entries behind the cut that are not there."""
    shown.record = lambda _: None
    assert ("ENTRY_MISSING", None) in found(shown)
    with pytest.raises(StorageCorrupt):
        rebuild(shown)
    shown.record = lambda record: record
    for gone in (31, 35):
        shown.journal = lambda page, gone=gone: [raw for raw in page if raw.sequence != gone]  # type: ignore[misc]
        assert ("ENTRY_MISSING", None) in found(shown)
        assert Finding.ENTRY_MISSING in {one.what for one in verify(shown, chain_only=True).differences}


def test_remains_of_what_is_cut_must_lead_to_the_checkpoint(store: Store) -> None:
    """Entries up to the checkpoint that are still there are part of the chain, or are reported."""
    with lived(store) as ledger:
        ledger.archivist.set_checkpoint("J1", head_at(ledger, 30))
    shown = Shown(store.repository())
    shown.cut(20)
    assert found(shown) == set()
    for gone in (25, 30):
        shown.journal = lambda page, gone=gone: [raw for raw in page if raw.sequence != gone]  # type: ignore[misc]
        assert ("ENTRY_MISSING", None) in found(shown)
    shown.journal = lambda page: [raw._replace(digest="0" * 64) if raw.sequence == 30 else raw for raw in page]
    assert {("DIGEST_BROKEN", None), ("HEAD_DIFFERS", None)} <= found(shown)


def test_heads_are_proven_from_the_cut_on(store: Store) -> None:
    """A head that was remembered at the cut or behind it is proven; one before it is in the archive."""
    ledger = lived(store)
    heads = {sequence: head_at(ledger, sequence) for sequence in (20, 29, 30, 31, 35)}
    cut(ledger, 30)
    for sequence, head in heads.items():
        verification = ledger.verify(head)
        assert verification.is_intact == (sequence >= 30)
        if sequence < 30:
            (difference,) = verification.differences
            assert (difference.what, difference.sequence) == (Finding.HEAD_DIFFERS, sequence)
            assert difference.found == "cut: archive 'J1' has it"
    assert not ledger.verify(Head(30, "0" * 64)).is_intact


def test_a_record_that_is_in_no_journal_is_found_behind_a_cut(shown: Shown) -> None:
    """A stored record that neither the checkpoint nor an entry knows is extra; one they know is missing if it is."""
    real = shown.inner
    known: Any = real.load(RecordKind.ORDER, ("O5",))
    extra = attrs.evolve(known, order_id="NOBODY")
    kept = list(records_of(real).values())
    checkpoint = checkpoint_of(real)
    assert checkpoint is not None
    real.restore([*kept, extra, checkpoint])
    assert found(shown) == {("RECORD_EXTRA", "ORDER")}
    real.restore([*(one for one in kept if one.key != ("O5",)), checkpoint])
    assert found(shown) == {("RECORD_MISSING", "ORDER")}


def test_a_cut_in_the_middle_of_reading_says_so(store: Store) -> None:
    """Who is verifying, rebuilding or looking back while the journal is cut is told to begin again, not of damage."""
    with lived(store) as ledger:
        cut(ledger, 22, "J1")
        for number in range(3):
            go_on(ledger, f"N{number}")
        last = ledger.head().sequence
    for read in (verify, rebuild):
        with store.open(clock=SteppingClock()) as ledger:
            go_on(ledger, read.__name__)
            last = ledger.head().sequence
            shown = Shown(store.repository())

            def cut_first(page: Sequence[RawEntry], ledger: StrategyLedger = ledger, last: int = last) -> Any:
                if len(page) < 2 or checkpoint_of(ledger._repository).cut_sequence == last:  # type: ignore[union-attr]
                    return page
                cut(ledger, last, f"J{last}")
                return page[:3]

            shown.journal = cut_first
            with pytest.raises(StorageBusy, match="begin again"):
                read(shown)


def test_pages_hold_so_many_records_or_bytes(store: Store) -> None:
    """However the records are divided among pages and runs, they are the same ones."""
    for name, pages_max, bytes_max, held_max in (
        ("one", 1, 2**20, 2**20),
        ("bytes", 999, 100, 2**20),
        ("runs", 3, 500, 4),
    ):
        with (
            store.open(name, clock=SteppingClock()) as ledger,
            patch.object(checkpoints, "PAGE_RECORDS", pages_max),
            patch.object(checkpoints, "PAGE_BYTES", bytes_max),
            patch.object(replaying, "HELD_MAX", held_max),
        ):
            live(ledger)
            before = records_of(store.repository(name))
            cut(ledger, 35)
            checkpoint = ledger.archivist.base
            assert checkpoint is not None
            assert sum(checkpoint.runs) > 10
            assert (len(checkpoint.runs) > 1) == (name == "runs")
            births = [one.birth for one in records_at(store.repository(name), checkpoint)]
            assert births == sorted(births)
            assert ledger.verify().is_intact, ledger.verify().differences
            ledger.rebuild()
            assert records_of(store.repository(name)) == before


def test_a_journal_whose_chain_has_a_key_is_cut(store: Store) -> None:
    """With the key all is as without one; another key finds nothing sound, and sets no checkpoint."""
    key = b"0123456789abcdef"
    with store.open(clock=SteppingClock(), chain_key=key) as ledger:
        live(ledger)
        cut(ledger, 30)
        assert ledger.verify().is_intact
    with store.open(clock=SteppingClock(START + timedelta(days=1)), chain_key=key) as ledger:
        go_on(ledger)
        assert ledger.verify().is_intact
        cut(ledger, 33, "J2")
        assert ledger.verify().is_intact
    with pytest.raises(StorageCorrupt, match="chain_key"):
        store.open(chain_key=b"another key of it")
    assert not verify(store.repository()).is_intact


def test_what_is_damaged_before_the_cut_keeps_the_journal(store: Store) -> None:
    """A broken chain sets no checkpoint, and a checkpoint whose pages are damaged cuts nothing."""
    with lived(store):
        pass
    shown = Shown(store.repository())
    ledger = StrategyLedger(shown, clock=SteppingClock(START + timedelta(days=1)))
    head = head_at(ledger, 30)
    shown.journal = lambda page: [raw._replace(body=raw.body + b" ") if raw.sequence == 25 else raw for raw in page]
    with pytest.raises(StorageCorrupt, match="no checkpoint is made of it"):
        ledger.archivist.set_checkpoint("J1", head)
    shown.journal = lambda page: page
    shown.page = lambda _, page: None if page is None else page[:-1]
    with pytest.raises(StorageBusy, match="begin again"):
        ledger.archivist.set_checkpoint("J1", head)
    assert ledger.head().sequence == 41
    shown.page = lambda _, page: page
    ledger.archivist.set_checkpoint("J1", head)
    shown.page = lambda _, page: None if page is None else page[:-1]
    with pytest.raises(StorageCorrupt, match="nothing was cut"):
        ledger.archivist.cut()
    assert next(ledger.read_journal()).sequence == 1


def test_what_the_store_cannot_give_back_behind_a_cut_is_found(shown: Shown) -> None:
    """Entries at the beginning of what is left, the record of the checkpoint: each is a finding, busy stores are not."""

    def failing(page: Sequence[RawEntry]) -> Sequence[RawEntry]:
        if page and page[0].sequence <= 31:
            raise StorageCorrupt("a damaged page")
        return page

    shown.journal = failing
    assert ("ENTRY_UNREADABLE", None) in found(shown) | {
        (one.what.value, None) for one in verify(shown, chain_only=True).differences
    }  # fmt: skip
    shown.journal = lambda page: page

    def corrupt(_: Any) -> Record | None:
        raise StorageCorrupt("a damaged row")

    def busy(_: Any) -> Record | None:
        raise StorageBusy("somebody holds it")

    shown.record = corrupt
    assert (Finding.RECORD_UNREADABLE, RecordKind.CHECKPOINT) in found(shown)
    shown.record = busy
    for read in (verify, rebuild):
        with pytest.raises(StorageBusy):
            read(shown)
    loads = 0

    def later(error: Exception) -> Callable[[Any], Record | None]:
        def load(record: Any) -> Record | None:
            nonlocal loads
            loads += 1
            if loads > 1:
                raise error
            return record  # type: ignore[no-any-return]

        return load

    shown.journal = lambda page: [raw for raw in page if raw.sequence != 35]
    shown.record = later(StorageBusy("somebody holds it"))
    with pytest.raises(StorageBusy):
        verify(shown, chain_only=True)
    loads, shown.record = 0, later(StorageCorrupt("a damaged row"))
    assert Finding.ENTRY_MISSING in {one.what for one in verify(shown, chain_only=True).differences}
    loads, shown.record = 0, lambda record: record
    with pytest.raises(StorageCorrupt, match="entry 35 is missing"):
        list(replaying.folded_records(shown))


def test_a_page_that_goes_while_it_is_read_is_missed(shown: Shown) -> None:
    """Between proving the pages and reading them another may drop them."""
    asked = 0

    def once(_: int, page: bytes | None) -> bytes | None:
        nonlocal asked
        asked += 1
        return page if asked == 1 else None

    shown.page = once
    with pytest.raises(StorageCorrupt, match="page 0 of the checkpoint is missing"):
        list(replaying.folded_records(shown))


def test_a_page_that_vouches_for_too_little_is_refused(shown: Shown) -> None:
    """Bytes that end in the middle are no page, though their digest is right."""
    genuine = checkpoint_of(shown)
    assert genuine is not None
    short = (shown.inner.staged(genuine.stage, 0) or b"")[:-9]
    total = Sum()
    total.add(short)
    shown.page = lambda _, __: short
    shown.record = lambda record: attrs.evolve(record, digest=total.digest)
    with pytest.raises(StorageCorrupt, match="ends in the middle"):
        list(replaying.folded_records(shown))


def test_a_stop_that_was_stated_before_the_cut_counts_in_units_of_its_time(store: Store) -> None:
    """Splits behind the cut divide it; whether one before the cut does, only the archive can tell."""
    for name, first, second in (("before", True, False), ("behind", False, True)):
        ledger = store.open(name, clock=SteppingClock())
        ledger.record_order("IN", market_order("BUY", 10), occurred_at=at(1))
        ledger.update_order_fill("IN", fill("F", 10, 100), occurred_at=at(1))
        ledger.create_trade("T1", ["IN"], {"stop_price": "90"}, occurred_at=at(2))
        split = {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}
        if first:
            ledger.record_adjustment("S", split, occurred_at=at(3))
        stated = ledger.get_trade_statistics("T1") if first else None
        cut(ledger, ledger.head().sequence)
        if second:
            ledger.record_adjustment("S", split, occurred_at=at(3))
            assert ledger.get_trade_statistics("T1").initial_risk == 100
        else:
            assert stated is not None
            assert stated.initial_risk == 100
            with pytest.raises(Archived, match="before its split or after") as refused:
                ledger.get_trade_statistics("T1")
            assert refused.value.archive_id == "J1"


def test_whoever_is_far_behind_a_cut_hears_of_all_that_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages of entries are left, each is given to the subscribers once."""
    ledger = lived(store)
    heard: list[int] = []
    other = store.open(clock=SteppingClock(START + timedelta(days=2)))
    go_on(ledger, "UNSEEN")
    cut(ledger, ledger.head().sequence)
    for number in range(6):
        go_on(ledger, f"N{number}")
    left = [entry.sequence for entry in ledger.read_journal()]
    other.subscribe("ear", lambda _, payload: heard.append(payload["sequence"]))
    heard.clear()
    read = other._repository.read
    monkeypatch.setattr(
        other._repository, "read", lambda after, limit=4, subject=None: read(after, min(limit, 4), subject)
    )
    assert other.get_order("N5").status == "FILLED"
    other.publish_pending()
    assert other.head() == ledger.head()
    assert set(heard) <= set(left)
    assert other.pending("ear") == 0


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_what_is_no_entry_of_the_journal_sets_no_checkpoint(store: Store) -> None:
    """Neither a place without an entry, nor another digest, nor what is no head; nothing is written or kept."""
    ledger = lived(store)
    head = ledger.head()
    for wrong in (Head(10, "0" * 64), Head(0, "0" * 64), Head(99, head.digest), Head(-1, head.digest), 10, None):
        with pytest.raises(InvalidValue):
            ledger.archivist.set_checkpoint("J1", wrong)  # type: ignore[arg-type]
    assert ledger.head() == head
    with store.open("new") as new, pytest.raises(InvalidValue, match="no checkpoint"):
        new.archivist.cut()
    with pytest.raises(ReadOnlyLedger):
        cut(store.open(read_only=True), 30)


def test_the_same_checkpoint_again_changes_nothing(store: Store) -> None:
    """It is answered with the one there is, and no entry is written."""
    ledger = lived(store)
    first = ledger.archivist.set_checkpoint("J1", head_at(ledger, 30))
    head = ledger.head()
    assert ledger.archivist.set_checkpoint("J1", head_at(ledger, 30)) == first
    assert ledger.archivist.set_checkpoint("J2", head_at(ledger, 30)) == first
    assert ledger.head() == head


class Meddling(AroundRepository):
    """Stages something of its own over what is staged."""

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Stage the pages, then another one."""
        super().stage(stage, pages)
        super().stage(stage, [b"of another", b"of another", b"of another"])


def test_pages_of_two_at_once_are_not_mixed(store: Store) -> None:
    """Pages that another wrote over meanwhile make no checkpoint."""
    with lived(store):
        pass
    ledger = StrategyLedger(Meddling(store.repository()), clock=SteppingClock(START + timedelta(days=1)))
    with patch.object(checkpoints, "PAGE_RECORDS", 10), pytest.raises(StorageBusy, match="begin again"):
        ledger.archivist.set_checkpoint("J1", head_at(ledger, 30))
    known = checkpoint_of(store.repository())
    assert known is not None
    assert known.cut_sequence == 21
    require_intact(store)


class Beside(AroundRepository):
    """A repository beside which another cuts the journal, or sets its checkpoint, at a certain moment."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Be alone, until told otherwise."""
        super().__init__(inner)
        self.before_read: Callable[[int], object] = lambda _: None
        self.after_stage: Callable[[], object] = lambda: None

    def read(self, after: int, limit: int = 1_000, subject: str | None = None) -> Sequence[Entry]:
        """Read, after the other's step, pages of ten."""
        self.before_read(after)
        return super().read(after, min(limit, 10), subject)

    def stage(self, stage: str, pages: Iterable[bytes]) -> None:
        """Stage, before the other's step."""
        super().stage(stage, pages)
        self.after_stage()


def test_a_journal_that_is_cut_while_it_is_read_is_read_again(store: Store) -> None:
    """Looking back at entries that go at that moment: begin again, nothing is made up."""
    ledger = lived(store)
    beside = Beside(store.repository())
    with StrategyLedger(beside, clock=SteppingClock(START + timedelta(days=1))) as other:
        beside.before_read = lambda after: cut(ledger, 30) if after == 10 else None
        with patch("ledger_core.past.PAGE_SIZE_MAX", 10), pytest.raises(StorageBusy, match="begin again"):
            other.as_of(recorded=LATER)
        beside.before_read = lambda _: None
        assert other.as_of(recorded=LATER).get_order("O1") == ledger.get_order("O1")


def test_entries_that_go_before_they_are_kept_make_no_checkpoint(store: Store) -> None:
    """They were there when the chain was verified, and are gone when the last of them is looked at."""
    ledger = lived(store)
    beside = Beside(store.repository())
    with StrategyLedger(beside, clock=SteppingClock(START + timedelta(days=1))) as other:
        beside.before_read = lambda after: cut(ledger, 30) if after == 24 else None
        with pytest.raises(StorageBusy, match="begin again"):
            other.archivist.set_checkpoint("J2", head_at(ledger, 25))
    require_intact(store)


def test_two_who_set_the_same_checkpoint_at_once_set_one(store: Store) -> None:
    """The second finds it there, and writes nothing."""
    ledger = lived(store)
    beside = Beside(store.repository())
    with StrategyLedger(beside, clock=SteppingClock(START + timedelta(days=1))) as other:
        through = head_at(ledger, 30)
        beside.after_stage = lambda: ledger.archivist.set_checkpoint("J1", through)
        assert other.archivist.set_checkpoint("J1", through) == ledger.archivist.checkpoint
        assert [entry.operation for entry in ledger.read_journal()].count("set_checkpoint") == 2
    require_intact(store)


def test_events_tell_of_the_cut(store: Store) -> None:
    """Subscribers hear where the journal was cut and which archive has the rest."""
    heard: list[Any] = []
    ledger = lived(store)
    ledger.subscribe("monitor", lambda _, payload: heard.append(payload))
    heard.clear()
    ledger.archivist.set_checkpoint("J1", head_at(ledger, 30))
    (payload,) = heard
    assert payload["event_type"] == "CHECKPOINT_SET"
    assert (payload["archive_id"], payload["cut_sequence"]) == ("J1", 30)


def test_the_last_entry_before_a_moment(store: Store) -> None:
    """It is found by the journal's own times; there is none before the first, and none that was cut."""
    ledger = lived(store)
    entries = list(ledger.read_journal())
    for entry in entries[21:]:
        through = ledger.archivist.journal_before(entry.recorded_at)
        earlier = [one for one in entries if one.recorded_at < entry.recorded_at]
        assert through == (None if earlier[-1].sequence == 21 else head_at(ledger, earlier[-1].sequence))
    assert ledger.archivist.journal_before(entries[3].recorded_at) is None
    last = ledger.archivist.journal_before(LATER)
    assert last == ledger.head()
    with store.open("new") as new:
        assert new.archivist.journal_before(LATER) is None
