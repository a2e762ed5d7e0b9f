"""History: every entry that touched one order or trade, each once and in order, however it did, and from every page."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from ledger_core import CommandRefused, LedgerRepository, StrategyLedger, UnknownOrder
from ledger_core.changes import Entry, Head
from ledger_core.errors import Archived
from ledger_core.history import entries_after, history_of
from ledger_core.model import AdjustmentKind, Record, RecordKind
from ledger_core.repository import PAGE_SIZE_MAX, Query
from support import Store, fill, limit_order, market_order
from support.repositories import CountingRepository
from support.trading import at

SPLIT: dict[str, Any] = {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}


def sequences(entries: Iterable[Entry]) -> list[int]:
    """Return the places of entries in the journal."""
    return [entry.sequence for entry in entries]


@pytest.fixture
def lived(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger in which an order was touched in every way, and another in none of them."""
    ledger.record_order("A", limit_order(venue_order_id="V-A"))  # 1
    ledger.record_order("B", limit_order(symbol="OTHER"))  # 2
    ledger.record_adjustment("S1", {**SPLIT, "symbol": "OTHER"})  # 3
    ledger.update_order_fill("A", fill("F1", 2))  # 4
    with suppress(CommandRefused):
        ledger.update_order_fill(None, fill("F2", 999, venue_order_id="V-A"))  # 5, waits: too much for the order
    ledger.create_trade("T", ["A"])  # 6
    ledger.update_order_fill("A", fill("F3", 1))  # 7
    ledger.record_adjustment("S2", SPLIT)  # 8
    with suppress(CommandRefused):
        ledger.update_order_expiry("C", "no such order")  # 9
    ledger.update_order_fill("B", fill("F1", 1))  # 10
    ledger.update_trade("T", {"stop_price": 1})  # 11
    return ledger


def test_history_has_every_entry_that_touched_a_record(lived: StrategyLedger) -> None:
    """Its own, those of its trades, facts that wait, and splits of its symbol: none of another's."""
    assert sequences(lived.get_history("A")) == [1, 4, 5, 6, 7, 8]
    assert sequences(lived.get_history("B")) == [2, 3, 10]
    assert sequences(lived.get_history("T")) == [6, 7, 8, 11]
    assert [entry.subject for entry in lived.get_history("T")][:2] == ["T", "A"]
    journal = {entry.sequence: entry for entry in lived.read_journal()}
    assert lived.get_history("A") == [journal[sequence] for sequence in (1, 4, 5, 6, 7, 8)]


def test_history_of_an_order_that_is_not_there_is_of_the_facts_about_it(lived: StrategyLedger) -> None:
    """They wait under its id; what nobody ever named is not known."""
    assert sequences(lived.get_history("C")) == [9]
    with pytest.raises(UnknownOrder) as refused:
        lived.get_history("D")
    assert refused.value.context == {"order_id": "D"}


def test_history_has_what_a_person_decided_on_a_fact(ledger: StrategyLedger) -> None:
    """Booked onto an order, it is part of that order's and its trades'; dismissed, of the order that it named."""
    ledger.record_order("A", limit_order())  # 1
    ledger.update_order_fill("A", fill("F1", 1))  # 2
    ledger.create_trade("T", ["A"])  # 3

    def file(order_id: str | None, fill_id: str, **more: Any) -> str:
        with suppress(CommandRefused):
            ledger.update_order_fill(order_id, fill(fill_id, 2, **more))
        return ledger.quarantined()[-1].quarantine_id

    ledger.resolve_quarantined(file("Z", "F2"), {"order_id": "A", "reason": "a misspelt id"})  # 4, 5
    ledger.resolve_quarantined(file("Z", "F3"), {"dismiss": True, "reason": "not ours"})  # 6, 7
    made = {"order_id": "NEW", "order_details": limit_order(), "reason": "placed by hand"}
    ledger.resolve_quarantined(file(None, "F4", venue_order_id="V"), made)  # 8, 9
    ledger.resolve_quarantined(file("A", "F5", symbol="OTHER"), {"dismiss": True, "reason": "not ours"})  # 10, 11
    ledger.record_order("B", limit_order(venue_order_id="V-B"))  # 12
    with suppress(CommandRefused):
        ledger.update_order_fill(None, fill("F6", 999, venue_order_id="V-B"))  # 13
    ledger.resolve_quarantined(ledger.quarantined()[-1].quarantine_id, {"dismiss": True, "reason": "too much"})  # 14
    expected = {"A": [1, 2, 3, 4, 5, 10, 11], "T": [3, 5], "Z": [4, 6, 7], "NEW": [8, 9], "B": [12, 13, 14]}
    assert {name: sequences(ledger.get_history(name)) for name in expected} == expected


class Noting(CountingRepository):
    """A repository that notes what is asked of it."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Note nothing yet."""
        super().__init__(inner)
        self.queries: list[Query] = []
        self.reads: list[tuple[str | None, int]] = []

    def find(self, query: Query) -> Sequence[Record]:
        """Note the query."""
        self.queries.append(query)
        return super().find(query)

    def read(self, after: int, limit: int = PAGE_SIZE_MAX, subject: str | None = None) -> Sequence[Entry]:
        """Note the subject."""
        self.reads.append((subject, limit))
        return super().read(after, limit, subject)


def test_history_reads_no_more_than_may_touch_the_record(lived: StrategyLedger, store: Store) -> None:
    """Entries by their subjects, facts by what they name, splits by their symbol, and of each the entry of its birth."""
    repository = Noting(store.repository())
    assert sequences(history_of(repository, "A", lived.get_order("A"), None)) == [1, 4, 5, 6, 7, 8]
    fact = lived.quarantined()[0].quarantine_id
    whole = PAGE_SIZE_MAX
    assert sorted(repository.reads, key=str) == sorted(
        [("A", whole), ("T", whole), (fact, whole), (None, 1), (None, 1)], key=str
    )
    assert [(query.kind, dict(query.where)) for query in repository.queries] == [
        (RecordKind.QUARANTINE, {"order_id": "A"}),
        (RecordKind.QUARANTINE, {"venue_order_id": "V-A"}),
        (RecordKind.ADJUSTMENT, {"symbol": "ACME", "adjustment_kind": AdjustmentKind.SPLIT}),
    ]

    repository.queries.clear()
    assert sequences(history_of(repository, "T", None, lived.get_trade("T"))) == [6, 7, 8, 11]
    assert [(query.kind, dict(query.where)) for query in repository.queries] == [
        (RecordKind.QUARANTINE, {"order_id": "T"}),
        (RecordKind.QUARANTINE, {"order_id": "A"}),
        (RecordKind.ADJUSTMENT, {"symbol": "ACME", "adjustment_kind": AdjustmentKind.SPLIT}),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 20])
def test_entries_are_read_page_by_page(
    lived: StrategyLedger, store: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Whatever a page holds; one that is not full is the last."""
    monkeypatch.setattr("ledger_core.history.PAGE_SIZE_MAX", size)
    repository = CountingRepository(store.repository())
    assert sequences(entries_after(repository, 0)) == list(range(1, 12))
    assert repository.calls == 11 // size + 1
    assert sequences(entries_after(repository, 4)) == list(range(5, 12))
    assert sequences(entries_after(repository, 11)) == []
    assert sequences(entries_after(repository, 0, "A")) == [1, 4, 7]
    assert sequences(entries_after(repository, 1, "A")) == [4, 7]
    order, trade = lived.get_order("A"), lived.get_trade("T")
    assert sequences(history_of(repository, "A", order, None)) == [1, 4, 5, 6, 7, 8]
    assert sequences(history_of(repository, "T", None, trade)) == [6, 7, 8, 11]


def test_history_that_was_cut_is_told_as_far_as_it_is_left(lived: StrategyLedger) -> None:
    """Of what was last touched before, the archive is named; of what is not known nothing is."""
    for order_id, side in (("X", "BUY"), ("Y", "SELL")):
        lived.record_order(order_id, market_order(side, symbol="GONE"), occurred_at=at(0))
        lived.update_order_fill(order_id, fill("F", 10), occurred_at=at(1))
    assert sequences(lived.get_history("X")) == [12, 13]
    cut_at = lived.head()
    lived.archivist.set_checkpoint("J1", Head(cut_at.sequence, cut_at.digest, cut_at.recorded_at))
    lived.update_order_fill("B", fill("F2", 1))
    lived.archivist.cut()
    assert sequences(lived.get_history("B")) == [17]
    for name in ("A", "X", "T"):
        with pytest.raises(Archived) as refused:
            lived.get_history(name)
        assert refused.value.archive_id == "J1"
    with pytest.raises(UnknownOrder) as unknown:
        lived.get_history("D")
    assert unknown.value.context == {"order_id": "D"}


@pytest.mark.parametrize("name", ["O", "T"])
def test_history_of_what_is_archived_and_cut_names_the_archive(ledger: StrategyLedger, name: str) -> None:
    """An order or a trade of which nothing is left but that it went."""
    for order_id, side in (("O", "BUY"), ("P", "SELL")):
        ledger.record_order(order_id, market_order(side), occurred_at=at(0))
        ledger.update_order_fill(order_id, fill("F", 10), occurred_at=at(1))
    ledger.create_trade("T", ["O", "P"], occurred_at=at(2))
    ledger.close_trade("T", occurred_at=at(3))
    groups = list(ledger.archivist.archivable(at(10_000)))
    assert [refusal for _, refusal in ledger.archivist.let_go("A1", groups)] == [None] * len(groups)
    head = ledger.head()
    ledger.archivist.set_checkpoint("J1", head)
    ledger.archivist.cut()
    with pytest.raises(Archived) as refused:
        ledger.get_history(name)
    assert refused.value.archive_id == "J1"
    assert len(list(ledger.read_journal())) == 1
