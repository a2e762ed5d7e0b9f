"""Looking back: where a view ends, what it asks of the store, and facts that were booked together."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from ledger_core import CommandRefused, RecordKind, StrategyLedger, UnknownOrder, past
from ledger_core.changes import GENESIS_DIGEST, Head
from ledger_core.errors import Archived, StorageCorrupt
from ledger_core.model import AdjustmentKind, Record
from ledger_core.past import past_of
from ledger_core.testing.samples import KEY_FIELDS, STRATEGY, adjustment, entries, entry, later
from ledger_core.testing.samples import fill as fill_record
from ledger_core.testing.samples import order as order_record
from ledger_storage_memory import MemoryRepository
from support import START, CountingRepository, SteppingClock, fill, limit_order

Tell = Callable[[StrategyLedger], object]


def at(minutes: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(minutes=minutes)


@pytest.fixture
def repository() -> MemoryRepository:
    """Return the repository of a strategy that has done nothing yet."""
    return MemoryRepository(strategy_id="alpha")


@pytest.fixture
def ledger(repository: MemoryRepository) -> StrategyLedger:
    """Return a ledger on it."""
    return StrategyLedger(repository, clock=SteppingClock())


def place(ledger: StrategyLedger, count: int) -> list[Head]:
    """Record orders; return the head after each entry."""
    for number in range(count):
        ledger.record_order(f"O{number}", limit_order("BUY", 20), occurred_at=at(0))
    return [Head(entry.sequence, entry.digest, entry.recorded_at) for entry in ledger.read_journal()]


def parts_of(head: Head) -> tuple[int, str, datetime | None]:
    """Return all that a head has, of which equal heads may differ in the time."""
    return (head.sequence, head.digest, head.recorded_at)


# -- where a view ends ------------------------------------------------------------------------------------------------


def test_view_ends_at_the_last_entry_of_its_moment(ledger: StrategyLedger) -> None:
    """Its head has that entry's place, digest and time, or those of an empty journal."""
    heads = place(ledger, 3)
    for head in heads:
        assert head.recorded_at is not None
        assert parts_of(ledger.as_of(recorded=head.recorded_at).head) == parts_of(head)
    before = ledger.as_of(recorded=START - timedelta(days=1))
    assert parts_of(before.head) == (0, GENESIS_DIGEST, None)
    assert parts_of(ledger.as_of(occurred=at(0)).head) == parts_of(heads[-1])


def test_view_of_the_moment_of_a_cut_ends_there(ledger: StrategyLedger) -> None:
    """The entry itself is gone, and its place, digest and time are known all the same."""
    heads = place(ledger, 4)
    ledger.archivist.set_checkpoint("J1", heads[2])
    ledger.archivist.cut()
    assert heads[2].recorded_at is not None
    assert parts_of(ledger.as_of(recorded=heads[2].recorded_at).head) == parts_of(heads[2])
    asked: tuple[dict[str, Any], ...] = ({"recorded": heads[1].recorded_at}, {"occurred": at(10**6)})
    for moment in asked:
        with pytest.raises(Archived) as refused:
            ledger.as_of(**moment)
        found = refused.value
        assert (found.archive_id, found.cut_sequence, found.cut_at) == ("J1", 3, heads[2].recorded_at)


@pytest.mark.parametrize("is_cut", [False, True])
def test_nothing_is_said_of_a_past_that_is_missing_in_part(
    ledger: StrategyLedger, repository: MemoryRepository, monkeypatch: pytest.MonkeyPatch, *, is_cut: bool
) -> None:
    """A store that passes over an entry, as SQLite does not: the entry is named, be the journal cut or not."""
    heads = place(ledger, 5)
    if is_cut:
        ledger.archivist.set_checkpoint("J1", heads[1])
        ledger.archivist.cut()
    whole = repository.read
    monkeypatch.setattr(repository, "read", lambda *page: [one for one in whole(*page) if one.sequence != 4])
    with pytest.raises(StorageCorrupt, match="entry 4 is missing") as told:
        past_of(repository, recorded=at(10**6), occurred=None)
    assert told.value.sequence == 4
    assert past_of(repository, recorded=heads[2].recorded_at, occurred=None).head == heads[2]


# -- what is asked of the store ---------------------------------------------------------------------------------------


def test_journal_is_read_once_in_pages(
    ledger: StrategyLedger, repository: MemoryRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is asked of the store for an entry; a page that is full has another one behind it."""
    place(ledger, 6)
    whole = past_of(repository, recorded=None, occurred=None)
    counting = CountingRepository(repository)
    monkeypatch.setattr(past, "PAGE_SIZE_MAX", 4)
    in_pages = past_of(counting, recorded=None, occurred=None)
    assert in_pages == whole
    assert counting.calls == 3  # the checkpoint, which there is none, and two pages
    monkeypatch.setattr(past, "PAGE_SIZE_MAX", 3)
    counting.reset()
    assert past_of(counting, recorded=None, occurred=None) == whole
    assert counting.calls == 4


def test_records_of_a_kind_are_in_the_order_of_the_journal(
    ledger: StrategyLedger, repository: MemoryRepository
) -> None:
    """Not in that of their names, and none of another kind is among them."""
    for order_id in ("C", "A", "B"):
        ledger.record_order(order_id, limit_order(), occurred_at=at(0))
    ledger.update_order_fill("A", fill("F1", 1), occurred_at=at(1))
    for occurred in (None, at(2)):
        found = past_of(repository, recorded=None, occurred=occurred)
        assert [one.key for one in found.of_kind(RecordKind.ORDER)] == [("C",), ("A",), ("B",)]
        assert [one.key for one in found.of_kind(RecordKind.FILL)] == [("A", "F1")]
        assert found.of_kind(RecordKind.TRADE) == []


# -- facts that were booked together ----------------------------------------------------------------------------------


def _accepted(ledger: StrategyLedger, minute: int) -> None:
    ledger.update_order_acceptance("B", {"venue_order_id": "V1"}, occurred_at=at(minute))


def _filled(ledger: StrategyLedger, minute: int) -> None:
    ledger.update_order_fill("B", fill(f"F{minute}", 5), occurred_at=at(minute))


def _canceled(ledger: StrategyLedger, minute: int) -> None:
    ledger.update_order_cancellation("B", occurred_at=at(minute))


def _restated(ledger: StrategyLedger, minute: int) -> None:
    ledger.update_order_restatement("B", {"limit_price": "77"}, occurred_at=at(minute))


@pytest.mark.parametrize(
    ("facts", "states"),
    [
        ([_accepted, _canceled], ["PLACED", "ACCEPTED", "CANCELED"]),
        ([_accepted, _filled], ["PLACED", "ACCEPTED", "PARTIALLY_FILLED"]),
        ([_filled, _canceled], ["PLACED", "PARTIALLY_FILLED", "CANCELED"]),
        ([_filled, _restated, _canceled], ["PLACED", "PARTIALLY_FILLED", "PARTIALLY_FILLED", "CANCELED"]),
        ([_accepted, _restated, _filled, _canceled], ["PLACED", "ACCEPTED", "ACCEPTED", "PARTIALLY_FILLED", "CANCELED"]),
    ],
)  # fmt: skip
def test_facts_that_waited_together_happened_one_by_one(
    ledger: StrategyLedger, facts: list[Callable[[StrategyLedger, int], None]], states: list[str]
) -> None:
    """All are booked in the entry that places their order; each counts from its own time on."""
    in_order = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    in_order.record_order("B", limit_order("BUY", 20, limit_price="50"), occurred_at=at(0))
    for number, fact in enumerate(facts, 1):
        with suppress(UnknownOrder):
            fact(ledger, 10 * number)
        fact(in_order, 10 * number)
    ledger.record_order("B", limit_order("BUY", 20, limit_price="50"), occurred_at=at(0))
    assert not ledger.quarantined()

    def told(source: StrategyLedger) -> list[tuple[object, ...]]:
        orders = [source.as_of(occurred=at(10 * number + 5)).get_order("B") for number in range(len(states))]
        return [
            (one.state, one.cum_quantity, one.limit_price, one.venue_order_ids, one.ended_at, one.quantity)
            for one in orders
        ]

    assert told(ledger) == told(in_order)
    assert [one[0] for one in told(ledger)] == states
    with pytest.raises(UnknownOrder):
        ledger.as_of(occurred=at(-1)).get_order("B")


# -- what an order of a moment comes to -------------------------------------------------------------------------------


def test_order_of_a_moment_has_the_sums_of_its_fills_by_then(ledger: StrategyLedger) -> None:
    """Quantity and value, and when it ended: all as if asked then."""
    ledger.record_order("B", limit_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_fill("B", fill("F1", 4, 100), occurred_at=at(1))
    ledger.update_order_fill("B", fill("F2", 6, 90), occurred_at=at(3))
    asked = [ledger.as_of(occurred=at(minute)).get_order("B") for minute in (0, 1, 2, 3)]
    assert [(one.state, one.cum_quantity, one.executed_value, one.overfill_quantity) for one in asked] == [
        ("PLACED", 0, 0, 0),
        ("PARTIALLY_FILLED", 4, 400, 0),
        ("PARTIALLY_FILLED", 4, 400, 0),
        ("FILLED", 10, 940, 0),
    ]
    assert [one.ended_at for one in asked] == [None, None, None, at(3)]


def test_requests_in_flight_at_a_moment_are_counted_by_kind(ledger: StrategyLedger) -> None:
    """Those that were made later are not there, those that were answered later are not answered."""
    ledger.record_order("B", limit_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_acceptance("B", {"venue_order_id": "V1"}, occurred_at=at(1))
    ledger.request_order_replace("B", {"quantity": 12}, "R1", occurred_at=at(2))
    ledger.request_order_cancel("B", "R2", occurred_at=at(3))
    ledger.update_order_request_rejection("B", "too late", "R1", occurred_at=at(4))
    ledger.update_order_cancellation("B", occurred_at=at(5))
    asked = [ledger.as_of(occurred=at(minute)).get_order("B") for minute in range(1, 6)]
    counts = [(one.request_count, one.replaces_in_flight, one.cancels_in_flight) for one in asked]
    assert counts == [(0, 0, 0), (1, 1, 0), (2, 1, 1), (2, 0, 1), (2, 0, 0)]
    first = asked[2].requests[0]
    assert (first.state, first.ended_at, first.reason, first.answer) == ("REQUESTED", None, None, None)
    refused = asked[3].requests[0]
    assert (refused.state, refused.ended_at, refused.reason) == ("REJECTED", at(4), "too late")
    assert asked[4] == ledger.get_order("B")


def test_more_than_was_ordered_at_a_moment_is_an_overfill() -> None:
    """From the execution on that made it one; an end is that of the last execution, whichever was told last."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock(), overfill="book")
    ledger.record_order("B", limit_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_fill("B", fill("F9", 7, 100), occurred_at=at(9))
    ledger.update_order_fill("B", fill("F3", 6, 100), occurred_at=at(3))
    asked = [ledger.as_of(occurred=at(minute)).get_order("B") for minute in (2, 3, 9)]
    assert [(one.state, one.overfill_quantity, one.ended_at) for one in asked] == [
        ("PLACED", 0, None),
        ("PARTIALLY_FILLED", 0, None),
        ("FILLED", 3, at(9)),
    ]


def test_order_that_ended_by_a_word_of_the_venue_ended_then(ledger: StrategyLedger) -> None:
    """Not with its last execution, which came before; what was filled at last ended with that."""
    ledger.record_order("B", limit_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_fill("B", fill("F1", 4), occurred_at=at(1))
    ledger.update_order_cancellation("B", occurred_at=at(5))
    view = ledger.as_of(occurred=at(6))
    assert (view.get_order("B").state, view.get_order("B").ended_at) == ("CANCELED", at(5))
    ledger.record_order("C", limit_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_cancellation("C", occurred_at=at(5))
    assert ledger.as_of(occurred=at(6)).get_order("C").ended_at == at(5)


def test_dividend_is_no_split(ledger: StrategyLedger) -> None:
    """Cash moves the position that it was paid on; a split moves every position in its symbol, on every account."""
    for account, quantity in (("main", 4), ("other", 6)):
        ledger.record_order(account, limit_order("BUY", 10, account=account, currency="USD"), occurred_at=at(0))
        ledger.update_order_fill(account, fill("F1", quantity, 100), occurred_at=at(1))
    paid = {"kind": "DIVIDEND", "symbol": "ACME", "account": "main", "amount": 3, "currency": "USD"}
    ledger.record_adjustment("A1", paid, occurred_at=at(2))
    ledger.record_adjustment("A2", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(3))

    def held(minute: int) -> list[tuple[object, object]]:
        view = ledger.as_of(occurred=at(minute))
        positions = [view.get_position("ACME", account=account) for account in ("main", "other")]
        return [(one.quantity, sum(flow.amount for flow in one.cash_flows)) for one in positions]

    assert [held(minute) for minute in (1, 2, 3)] == [[(4, 0), (6, 0)], [(4, 3), (6, 0)], [(8, 3), (12, 0)]]


# -- a fact that was retried because of a command ---------------------------------------------------------------------


def test_command_that_let_a_fact_be_booked_keeps_its_own_time(ledger: StrategyLedger) -> None:
    """A cancellation waits until a correction opens its order: what was corrected is known before it was canceled."""
    ledger.record_order("B", limit_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_acceptance("B", {"venue_order_id": "V1"}, occurred_at=at(1))
    ledger.update_order_fill("B", fill("F1", 4), occurred_at=at(2))
    ledger.update_order_fill("B", fill("F2", 6), occurred_at=at(3))
    with suppress(CommandRefused):
        ledger.update_order_cancellation("B", occurred_at=at(20))
    (waiting,) = ledger.quarantined()
    assert waiting.occurred_at == at(20)
    ledger.correct_order_fill("B", "F2", {"fill_id": "F2c", "quantity": 5, "price": 100}, occurred_at=at(10))
    assert not ledger.quarantined()
    asked = [ledger.as_of(occurred=at(minute)).get_order("B") for minute in (3, 10, 19, 20)]
    assert [(one.state, one.cum_quantity) for one in asked] == [
        ("PARTIALLY_FILLED", 9),
        ("PARTIALLY_FILLED", 9),
        ("PARTIALLY_FILLED", 9),
        ("CANCELED", 9),
    ]


def test_execution_behind_an_end_leaves_it_where_it_was(ledger: StrategyLedger) -> None:
    """A venue may tell of an execution after a cancellation: the order ended when it was canceled."""
    ledger.record_order("B", limit_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_cancellation("B", occurred_at=at(5))
    ledger.update_order_fill("B", fill("F1", 4), occurred_at=at(7))
    order = ledger.as_of(occurred=at(8)).get_order("B")
    assert (order.state, order.cum_quantity, order.ended_at) == ("CANCELED", 4, at(5))
    assert order == ledger.get_order("B")


def test_trade_of_then_is_added_up_from_what_was_there() -> None:
    """As `TradeRecords` promises it: executions of an order, adjustments of a symbol, of one kind, from a time on."""
    filled = fill_record()
    kept = [
        adjustment("A-1", adjustment_kind=AdjustmentKind.SPLIT, symbol="ACME", occurred_at=later(1)),
        adjustment("A-2", adjustment_kind=AdjustmentKind.DIVIDEND, symbol="ACME", occurred_at=later(2)),
        adjustment("A-3", adjustment_kind=AdjustmentKind.SPLIT, symbol="ACME", occurred_at=later(3)),
        adjustment("A-4", adjustment_kind=AdjustmentKind.SPLIT, symbol="BOLT", occurred_at=later(3)),
    ]
    records: list[Record] = [filled, *kept]
    known = past._Lookup({(one.kind, one.key): one for one in records})
    assert (known.fills_of(filled.order_id), known.fills_of("O-9")) == ([filled], ())
    assert known.adjustments_of("ACME") == kept[:3]
    assert known.adjustments_of("ACME", kind=AdjustmentKind.SPLIT) == [kept[0], kept[2]]
    assert known.adjustments_of("ACME", since=later(2)) == kept[1:3]
    assert known.adjustments_of("COIL") == []


def test_position_whose_instrument_was_never_noted_is_told_as_damage() -> None:
    """No terms are made up by which it would be valued; the position is named."""
    damaged = MemoryRepository(strategy_id=STRATEGY)
    (plain,) = entries(Head(0, GENESIS_DIGEST), [order_record(), fill_record()])
    changes = []
    for change in plain.changes:
        left_out = {"sequence", "version", "recorded_at", *KEY_FIELDS[change.kind]}  # what the entry itself says
        values = {name: value for name, value in change.values.items() if name not in left_out}
        changes.append(attrs.evolve(change, values=values))
    damaged.append([entry(Head(0, GENESIS_DIGEST), order_record(), fill_record(), changes=changes)])
    with pytest.raises(StorageCorrupt, match="instrument of position 'AAPL/") as told:
        past_of(damaged, recorded=None, occurred=later(10**6))
    assert told.value.key == fill_record().position_key
