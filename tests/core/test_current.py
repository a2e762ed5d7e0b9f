"""Records at hand: what is open and a bounded rest, wherever they came from, and never another answer than the store's."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import current
from ledger_core.changes import GENESIS_DIGEST, Change, Entry, Head
from ledger_core.codec import digest_of, record_digest
from ledger_core.current import CurrentRecords
from ledger_core.lifecycle import OrderState, RequestState, TradeState
from ledger_core.model import AdjustmentKind, Order, QuarantineState, Record, RecordKind, Side
from ledger_core.repository import PAGE_SIZE_MAX
from ledger_core.testing.samples import (
    STRATEGY,
    adjustment,
    archived,
    entry,
    fill,
    head_after,
    later,
    leg,
    order,
    position,
    quarantined,
    request,
    trade,
)
from ledger_storage_memory import MemoryRepository
from support.repositories import CountingRepository

ENDED = OrderState.CANCELED
EMPTY = Head(0, GENESIS_DIGEST)


def following(head: Head, *records: Record) -> Entry:
    """Return an entry whose changes, as real ones do, say nothing that the entry itself says."""
    plain = entry(head, *records)
    said = {"sequence", "version", "recorded_at"}
    changes = [
        attrs.evolve(one, values={name: value for name, value in one.values.items() if name not in said})
        for one in plain.changes
    ]
    return entry(head, *records, changes=changes)


class World:
    """A store, and the records of it that another process has at hand."""

    def __init__(self, *stored: Record) -> None:
        """Store some records before anybody looks."""
        self.inner = MemoryRepository(strategy_id=STRATEGY)
        self.repository = CountingRepository(self.inner)
        self.head = EMPTY
        for record in stored:
            self.write(record)
        self.records = CurrentRecords(self.repository)
        self.repository.reset()

    def write(self, *records: Record) -> Entry:
        """Store records, all in one entry."""
        made = following(self.head, *records)
        self.inner.append([made])
        self.head = head_after(made)
        return made

    def told(self, *records: Record) -> None:
        """Store records that another process wrote, and follow it."""
        self.records.fold(self.write(*records))

    def get(self, kind: RecordKind, *key: str) -> Record | None:
        """Return a record as it is at hand."""
        return self.records.get(kind, key)

    def reads(self) -> int:
        """Return how often the store was asked since the last time."""
        calls = self.repository.calls
        self.repository.reset()
        return calls


def moved(record: Any, **values: Any) -> Any:
    """Return the next version of a record."""
    return attrs.evolve(record, version=record.version + 1, **values)


OPEN: tuple[tuple[Record, dict[str, Any]], ...] = (
    # what is open, and what it is when it is not any more
    (order(), {"state": ENDED}),
    (order("O-2", state=ENDED, cancels_in_flight=1), {"cancels_in_flight": 0}),
    (order("O-3", state=ENDED, replaces_in_flight=1), {"replaces_in_flight": 0}),
    (trade(), {"state": TradeState.CLOSED}),
    (position(quantity=Decimal(-1)), {"quantity": Decimal(0)}),
    (quarantined(order_id="O-1"), {"state": QuarantineState.DISMISSED}),
)


@pytest.mark.parametrize(("record", "ended"), OPEN, ids=lambda value: getattr(value, "kind", ""))
def test_what_is_open_is_at_hand_until_it_is_not(record: Record, ended: dict[str, Any]) -> None:
    """From the opening on, or from when another process made it; what has ended is still known."""
    has_ended = isinstance(record, Order) and not record.is_open  # it is its requests that it is loaded with
    for world in (World(),) if has_ended else (World(record), World()):
        if not world.head.sequence:
            world.told(record)
        (known,) = world.records.live(record.kind)
        assert (known.key, world.get(record.kind, *record.key), world.reads()) == (record.key, known, 0)
        world.told(moved(known, **ended))
        assert list(world.records.live(record.kind)) == []
        assert world.get(record.kind, *record.key) == moved(known, **ended)
        assert world.reads() == 0
        world.told(moved(moved(known, **ended), **{name: getattr(known, name) for name in ended}))
        assert [one.key for one in world.records.live(record.kind)] == [record.key]


def test_what_is_not_open_is_read_when_it_is_asked_for_and_once() -> None:
    """What is not there is looked for each time: another process may have made it."""
    world = World(order(state=ENDED), trade("T-1", state=TradeState.CLOSED))
    assert list(world.records.live(RecordKind.ORDER)) == []
    for kind, key in ((RecordKind.ORDER, "O-1"), (RecordKind.TRADE, "T-1")):
        found = world.get(kind, key)
        assert found is not None
        assert found.key == (key,)
        assert world.reads() == 1
        assert world.get(kind, key) is found
        assert world.reads() == 0
    for _ in range(2):
        assert world.get(RecordKind.ORDER, "O-9") is None
        assert world.reads() == 1


def test_the_store_is_not_asked_for_trades_before_there_is_one() -> None:
    """Each order asks whether its id is a trade's, and many strategies keep no trades."""
    world = World(order())
    assert world.get(RecordKind.TRADE, "T-1") is None
    assert world.reads() == 0
    world.told(trade())
    assert world.get(RecordKind.TRADE, "T-9") is None
    assert world.reads() == 1
    assert World(trade(state=TradeState.CLOSED)).get(RecordKind.TRADE, "T-1") is not None


def test_the_rest_is_bounded_and_the_longest_untouched_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an order its fills; whatever went is read again."""
    monkeypatch.setattr(current, "RECENT_MAX", 2)
    world = World()
    for name in ("O-1", "O-2"):
        made = world.write(order(name), fill(order_id=name))
        world.records.advance(made, {(one.kind, one.key): one for one in made.records})
        ended = world.write(order(name, state=ENDED, version=2, sequence=made.sequence))
        world.records.advance(ended, {(one.kind, one.key): one for one in ended.records})
    assert len(world.records.fills_of("O-1")) == len(world.records.fills_of("O-2")) == 1
    assert world.reads() == 0
    world.told(moved(world.get(RecordKind.ORDER, "O-1"), reason="touched"))
    world.told(adjustment())
    assert world.get(RecordKind.ORDER, "O-1") is not None
    assert len(world.records.fills_of("O-1")) == 1
    assert world.reads() == 0
    assert len(world.records.fills_of("O-2")) == 1
    assert world.get(RecordKind.ORDER, "O-2") is not None
    assert world.reads() == 2


def test_an_order_that_was_read_makes_room_without_its_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an order that was not placed here the fills are not at hand."""
    monkeypatch.setattr(current, "RECENT_MAX", 1)
    world = World(order("O-1", state=ENDED), order("O-2", state=ENDED))
    for name in ("O-1", "O-2", "O-1"):
        assert world.get(RecordKind.ORDER, name) is not None
    assert world.reads() == 3


def test_fills_of_an_order_that_was_placed_here_are_all_at_hand() -> None:
    """As it was placed before any of them; of another order the store is asked."""
    world = World(order("O-0"), fill(order_id="O-0"))
    made = world.write(order(), fill(), fill("F-2"))
    world.records.advance(made, {(one.kind, one.key): one for one in made.records})
    assert [one.fill_id for one in world.records.fills_of("O-1")] == ["F-1", "F-2"]
    assert world.get(RecordKind.FILL, "O-1", "F-2") is not None
    assert world.get(RecordKind.FILL, "O-1", "F-9") is None
    assert world.reads() == 0
    world.told(moved(world.get(RecordKind.FILL, "O-1", "F-2"), busted=True))
    assert [one.busted for one in world.records.fills_of("O-1")] == [False, True]
    assert world.reads() == 0
    assert [one.fill_id for one in world.records.fills_of("O-0")] == ["F-1"]
    assert world.get(RecordKind.FILL, "O-0", "F-1") is not None
    assert world.reads() == 2
    placed = world.write(order("O-2"))
    world.records.advance(placed, {(one.kind, one.key): one for one in placed.records})
    assert list(world.records.fills_of("O-2")) == []
    assert world.reads() == 0
    assert world.records.tip is not None
    assert world.records.head == world.head


def test_requests_come_with_their_order() -> None:
    """Oldest first, from the store or from another process; one that is known is looked up in its order."""
    asked = [request(name, sequence=sequence) for name, sequence in (("R-2", 1), ("R-1", 1), ("R-0", 2))]
    placed = order(request_count=3, cancels_in_flight=3)
    world = World()
    world.inner.restore([placed, *asked, request("R-9", order_id="O-9")])
    world.records = CurrentRecords(world.repository)
    world.reads()
    found: Any = world.get(RecordKind.ORDER, "O-1")
    assert [one.request_id for one in found.requests] == ["R-1", "R-2", "R-0"]
    assert world.get(RecordKind.REQUEST, "O-1", "R-2") == asked[0]
    assert world.reads() == 0
    assert world.get(RecordKind.REQUEST, "O-1", "R-9") is None
    assert world.records.with_requests(placed) == attrs.evolve(placed, requests=found.requests)
    assert world.records.with_requests(order("O-5")) == order("O-5")
    world.told(moved(asked[0], state=RequestState.REJECTED))
    found = world.get(RecordKind.ORDER, "O-1")
    assert [one.state for one in found.requests] == ["REQUESTED", "REJECTED", "REQUESTED"]


def test_an_ended_order_with_a_request_in_flight_is_at_hand() -> None:
    """The venue has yet to answer, and the answer is about it."""
    placed = order(state=ENDED, request_count=1, cancels_in_flight=1)
    world = World()
    world.inner.restore([placed, request()])
    world.records = CurrentRecords(world.repository)
    (found,) = world.records.live(RecordKind.ORDER)
    assert found == attrs.evolve(placed, requests=(request(),))
    world.reads()
    assert world.get(RecordKind.REQUEST, "O-1", "O-1#1") == request()
    assert world.reads() == 0


def test_waiting_facts_are_found_by_what_they_name() -> None:
    """The order's id, or else any id that the venue gave it; until they wait no more, under whichever name."""
    by_id = quarantined("Q-1", order_id="O-1", venue_order_id="V-9")
    by_venue = quarantined("Q-2", venue_order_id="V-2")
    other = quarantined("Q-3", order_id="O-9")
    placed = order(venue_order_ids=("V-1", "V-2"))
    world = World()
    assert not world.records.has_waiting_facts()
    assert world.records.waiting_facts(placed) == ()
    for one in (by_id, by_venue, other):
        world.told(one)
    assert world.records.has_waiting_facts()
    assert [fact.quarantine_id for fact in world.records.waiting_facts(placed)] == ["Q-1", "Q-2"]
    assert [fact.quarantine_id for fact in world.records.waiting_facts(order("O-9"))] == ["Q-3"]
    assert list(world.records.waiting_facts(order("O-5", venue_order_ids=("V-9",)))) == []
    booked = world.get(RecordKind.QUARANTINE, "Q-3")
    world.told(moved(booked, state=QuarantineState.BOOKED, order_id="O-1"))
    assert list(world.records.waiting_facts(order("O-9"))) == []
    assert [fact.quarantine_id for fact in world.records.waiting_facts(placed)] == ["Q-1", "Q-2"]
    for name in ("Q-1", "Q-2"):
        world.told(moved(world.get(RecordKind.QUARANTINE, name), state=QuarantineState.DISMISSED))
    assert not world.records.has_waiting_facts()
    assert list(world.records.waiting_facts(placed)) == []


def test_two_facts_about_one_order_wait_apart() -> None:
    """What becomes of one is nothing to the other; a fact that says more is the same fact."""
    world = World(quarantined("Q-1", order_id="O-1"), quarantined("Q-2", order_id="O-1"))
    assert [fact.quarantine_id for fact in world.records.waiting_facts(order())] == ["Q-1", "Q-2"]
    known = world.get(RecordKind.QUARANTINE, "Q-1")
    world.told(moved(known, message="again"))
    assert sorted(fact.message for fact in world.records.waiting_facts(order())) == ["again", "no such order"]
    world.told(moved(world.get(RecordKind.QUARANTINE, "Q-1"), state=QuarantineState.BOOKED))
    assert [fact.quarantine_id for fact in world.records.waiting_facts(order())] == ["Q-2"]


def test_what_went_to_an_archive_is_not_at_hand() -> None:
    """An order and its fills, a fill, whatever else; where it came back it is there again."""
    world = World()
    made = world.write(order(state=ENDED), fill(), fill("F-2"), trade(state=TradeState.CLOSED))
    world.records.advance(made, {(one.kind, one.key): one for one in made.records})
    assert not world.records.has_archived()
    world.told(archived('["O-1","F-1"]', record_kind=RecordKind.FILL))
    assert world.records.has_archived()
    assert [one.fill_id for one in world.records.fills_of("O-1")] == ["F-2"]
    assert world.get(RecordKind.FILL, "O-1", "F-1") is None
    world.told(archived('["T-1"]', record_kind=RecordKind.TRADE))
    assert world.get(RecordKind.TRADE, "T-1") is None
    world.told(archived('["O-1","F-2"]', record_kind=RecordKind.FILL), archived('["O-1"]'))
    assert world.get(RecordKind.ORDER, "O-1") is None
    assert list(world.records.fills_of("O-1")) == []
    assert World(archived()).records.has_archived()
    made = world.write(order("O-2", state=ENDED), fill(order_id="O-2"))
    world.records.advance(made, {(one.kind, one.key): one for one in made.records})
    world.told(archived('["O-2"]'))
    world.reads()
    world.records.fills_of("O-2")
    assert world.reads() == 1


def test_what_came_back_from_an_archive_stays_at_hand() -> None:
    """Its stub says that it was restored: nothing is let go, and the store is not asked."""
    world = World()
    made = world.write(order(state=ENDED))
    world.records.advance(made, {(one.kind, one.key): one for one in made.records})
    world.told(archived('["O-1"]', is_restored=True))
    world.reads()
    assert world.get(RecordKind.ORDER, "O-1") is not None
    assert world.reads() == 0


def test_what_others_did_to_what_is_not_at_hand_is_read_or_left() -> None:
    """One that was lost meanwhile is passed over: it is verification that finds it."""
    world = World(order(state=ENDED))
    world.reads()
    world.told(moved(order(state=ENDED, sequence=1), reason="late"))
    known: Any = world.get(RecordKind.ORDER, "O-1")
    assert (known.reason, known.version) == ("late", 2)
    made = world.write(order("O-2", state=ENDED))
    lost = following(head_after(made), order("O-3", state=ENDED, version=2, sequence=1), order("O-4", state=ENDED))
    world.records.fold(made)
    world.records.fold(lost)
    assert world.get(RecordKind.ORDER, "O-3") is None
    assert world.get(RecordKind.ORDER, "O-4") is not None
    assert world.records.head == head_after(lost)


def test_an_order_that_others_placed_is_at_hand_as_it_is_stored() -> None:
    """With when it was recorded."""
    world = World()
    world.told(order())
    (found,) = world.records.live(RecordKind.ORDER)
    stored = world.inner.load(RecordKind.ORDER, ("O-1",))
    assert isinstance(found, Order)
    assert isinstance(stored, Order)
    assert (found, found.recorded_at) == (stored, stored.recorded_at)


def test_what_others_did_to_an_order_keeps_its_requests() -> None:
    """A change says only what it sets: the rest, and what the order asked for, is read."""
    asked = request(state=RequestState.ACCEPTED)
    placed = order(state=ENDED, request_count=1, venue_order_ids=("V-1",))
    world = World()
    world.inner.restore([placed, asked])
    world.records = CurrentRecords(world.repository)
    change = Change(kind=RecordKind.ORDER, key=placed.key, version=2, values={"reason": "late"})
    world.records.fold(entry(EMPTY, changes=[change]))
    expected = attrs.evolve(placed, reason="late", version=2, requests=(asked,))
    assert world.get(RecordKind.ORDER, "O-1") == expected


def test_an_opening_reads_what_is_open_and_no_more() -> None:
    """Of what is over, or archived, one record is enough to know that there is some."""
    closed = [trade(f"T-{number}", state=TradeState.CLOSED, sequence=number) for number in range(1, 5)]
    over = [request(f"R-{number}", state=RequestState.REJECTED, sequence=number) for number in range(1, 5)]
    gone = [archived(f'["O-{number}"]', sequence=number) for number in range(1, 5)]
    world = World()
    world.inner.restore([*closed, *over, *gone, order(), order("O-9", state=ENDED)])
    world.records = CurrentRecords(world.repository)
    assert world.repository.records == 3
    assert [one.key for one in world.records.live(RecordKind.ORDER)] == [("O-1",)]
    assert world.records.has_archived()
    assert world.get(RecordKind.TRADE, "T-1") == closed[0]


def test_adjustments_are_those_of_the_symbol_the_kind_and_the_time() -> None:
    """All that are given must fit."""
    world = World(
        adjustment("A-1", occurred_at=later(1)),
        adjustment("A-2", occurred_at=later(2), adjustment_kind=AdjustmentKind.SPLIT),
        adjustment("A-3", occurred_at=later(3)),
        adjustment("A-4", occurred_at=later(3), symbol="OTHER"),
    )

    def found(**given: Any) -> list[str]:
        return [one.adjustment_id for one in world.records.adjustments_of("AAPL", **given)]

    assert found() == ["A-1", "A-2", "A-3"]
    assert found(since=later(2)) == ["A-2", "A-3"]
    assert found(kind=AdjustmentKind.FUNDING) == ["A-1", "A-3"]
    assert found(since=later(2), kind=AdjustmentKind.FUNDING) == ["A-3"]


def test_orders_are_found_by_the_ids_of_their_venue() -> None:
    """With their requests, as they are at hand."""
    placed = order(venue_order_ids=("V-1", "V-2"), request_count=1, cancels_in_flight=1)
    world = World(placed, request(), order("O-2", venue_order_ids=("V-2",)), order("O-3"))
    assert [one.order_id for one in world.records.orders_at_venue("V-2")] == ["O-1", "O-2"]
    (found,) = world.records.orders_at_venue("V-1")
    assert [one.request_id for one in found.requests] == ["O-1#1"]
    assert list(world.records.orders_at_venue("V-9")) == []


def test_records_that_a_symbol_concerns_are_found() -> None:
    """Its positions, flat ones included, and what is open in it."""
    world = World(
        order(),
        order("O-2", details={"symbol": "OTHER"}),
        order("O-3", state=ENDED),
        trade(legs=(leg(), leg("OTHER"))),
        position(),
        position(venue="X", quantity=Decimal(1)),
        position("OTHER", quantity=Decimal(1)),
    )

    world.told(order("O-4", state=ENDED, cancels_in_flight=1))  # at hand, but nothing more happens to it

    def keys(kind: RecordKind, symbol: str) -> list[tuple[str, ...]]:
        return [one.key for one in world.records.concerned(kind, symbol)]

    assert keys(RecordKind.ORDER, "AAPL") == [("O-1",)]
    assert keys(RecordKind.TRADE, "OTHER") == keys(RecordKind.TRADE, "AAPL") == [("T-1",)]
    assert sorted(keys(RecordKind.POSITION, "AAPL")) == [("AAPL", "", "", "NET"), ("AAPL", "X", "", "NET")]
    assert keys(RecordKind.POSITION, "NONE") == []


KEY = ("AAPL", "X", "main", "NET")


def fills() -> Iterator[Record]:
    """Generate fills of a position and of others, told in another order than they happened."""
    parts: Sequence[tuple[str, float, bool, dict[str, Any]]] = (
        ("F-3", 3, True, {}),
        ("F-1", 1, True, {}),
        ("F-2", 2, False, {}),
        ("G-1", 2, True, {"venue": "Y"}),
        ("G-2", 2, True, {"account": None}),
        ("G-3", 2, True, {"symbol": "OTHER"}),
        ("F-4", 4, False, {"side": Side.SELL}),
    )
    for name, seconds, is_flat, more in parts:
        flat = Decimal(0) if is_flat else None
        own: dict[str, Any] = {"venue": "X", "account": "main", "executed_at": later(seconds), **more}
        yield fill(name, flat_realized_pnl=flat, **own)


@pytest.mark.parametrize(
    ("before", "found"),
    [(later(9), "F-3"), (later(3.5), "F-3"), (later(3), "F-1"), (later(2), "F-1"), (later(1), None)],
)
def test_the_last_flat_point_lies_before_a_place(before: datetime, found: str | None) -> None:
    """Of this position alone, and before the place itself."""
    world = World(*fills())
    flat = world.records.last_flat_before(KEY, (before, 0, 0))
    assert (flat.fill_id if flat is not None else None) == found
    assert world.repository.records == (found is not None)


def test_fills_of_a_position_come_in_the_order_in_which_they_happened() -> None:
    """From the beginning, or behind a flat point."""
    world = World(*fills())
    assert [one.fill_id for one in world.records.fills_after(KEY, None)] == ["F-1", "F-2", "F-3", "F-4"]
    start = world.records.last_flat_before(KEY, (later(2), 0, 0))
    assert [one.fill_id for one in world.records.fills_after(KEY, start)] == ["F-2", "F-3", "F-4"]


@pytest.mark.parametrize("amount", [PAGE_SIZE_MAX - 1, PAGE_SIZE_MAX, PAGE_SIZE_MAX + 1])
def test_fills_of_a_position_are_read_page_by_page(amount: int) -> None:
    """However many they are, each comes once."""
    told = [fill(f"F-{number}", executed_at=later(number), sequence=amount - number + 1) for number in range(amount)]
    world = World()
    world.inner.restore(told)
    assert list(world.records.fills_after(("AAPL", "", "", "NET"), None)) == told
    assert world.reads() == amount // PAGE_SIZE_MAX + 1


def test_what_decisions_ask_for_is_written_as_it_is_stored() -> None:
    """Digests are of canonical JSON, and a command comes back from its own."""
    records = World().records
    assert records.record_digest(order()) == record_digest(order())
    assert records.digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
