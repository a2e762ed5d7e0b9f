"""Finding orders, fills and trades: every filter, time ranges, pages; what is unresolved; history and journal."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from ledger_core import Entry, InvalidValue, StrategyLedger, UnknownOrder, UnknownTrade
from ledger_core.changes import GENESIS_DIGEST
from support import START, SteppingClock, fill, market_order

OpenLedger = Callable[..., StrategyLedger]


def minute(number: int) -> Any:
    """Return a time some minutes after the start."""
    return START + timedelta(minutes=number)


@pytest.fixture
def filled(ledger: StrategyLedger) -> StrategyLedger:
    """Return a ledger with eight orders of every kind, in this order, some filled, one trade open and one closed."""
    place = ledger.record_order
    place(
        "A",
        market_order("BUY", venue="X", account="1", execution_group_id="G1", trade_plan_id="P1"),
        occurred_at=minute(1),
    )
    place(
        "B",
        market_order("SELL", venue="Y", account="1", execution_group_id="G1", trade_plan_id="P1"),
        occurred_at=minute(2),
    )
    place(
        "C",
        market_order("BUY", symbol="ZZZ", venue="X", account="2", parent_order_id="A", trade_plan_id="P1"),
        occurred_at=minute(3),
    )
    place("D", market_order("SELL_SHORT", venue_order_id="V-D", execution_group_id="G2"), occurred_at=minute(4))
    place("E", market_order("BUY", symbol="ZZZ"), occurred_at=minute(5))
    place("F", market_order("SELL", symbol="ZZZ"), occurred_at=minute(6))
    place("G", market_order("BUY"), occurred_at=minute(1))
    place("H", market_order("BUY", position_side="LONG"), occurred_at=minute(8))
    ledger.update_order_acceptance("A", {"venue_order_id": "V-A"})
    ledger.update_order_acceptance("A", {"venue_order_id": "V-A2"})
    ledger.update_order_fill("B", fill("F1", 4, executed_at=minute(12)))
    ledger.update_order_fill("B", fill("F2", 6, executed_at=minute(11)))
    ledger.update_order_fill("E", fill("F1", 10, executed_at=minute(13)))
    ledger.update_order_fill("F", fill("F1", 10, executed_at=minute(14)))
    ledger.update_order_fill("H", fill("F9", 1, executed_at=minute(15)))
    ledger.update_order_cancellation("G")
    ledger.update_order_in_doubt("D")
    ledger.request_order_cancel("A", "R1")
    ledger.request_order_replace("C", {"quantity": 20}, "R1")
    ledger.create_trade("T1", ["B"])
    ledger.create_trade("T2", ["E", "F"])
    ledger.close_trade("T2")
    return ledger


def ids(found: Iterator[Any]) -> str:
    """Return the ids of orders, in order."""
    return "".join(order.order_id for order in found)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "ABCDEFGH"),
        ({"symbol": "ZZZ"}, "CEF"),
        ({"side": "SELL_SHORT"}, "D"),
        ({"side": "BUY"}, "ACEGH"),
        ({"state": "FILLED"}, "BEF"),
        ({"state": "PLACED"}, "C"),
        ({"state": "ACCEPTED"}, "A"),
        ({"status": "PENDING_CANCEL"}, "A"),
        ({"status": "PENDING_REPLACE"}, "C"),
        ({"status": "IN_DOUBT"}, "D"),
        ({"status": "ACCEPTED"}, ""),
        ({"is_open": True}, "ACDH"),
        ({"is_open": False}, "BEFG"),
        ({"venue": "X"}, "AC"),
        ({"account": "1"}, "AB"),
        ({"venue_order_id": "V-A"}, "A"),
        ({"venue_order_id": "V-A2"}, "A"),
        ({"venue_order_id": "V-D"}, "D"),
        ({"venue_order_id": "V-?"}, ""),
        ({"request_id": "R1"}, "AC"),
        ({"request_id": "R1", "symbol": "ZZZ"}, "C"),
        ({"request_id": "R9"}, ""),
        ({"parent_order_id": "A"}, "C"),
        ({"execution_group_id": "G1"}, "AB"),
        ({"execution_group_id": "G1", "is_open": True}, "A"),
        ({"trade_plan_id": "P1"}, "ABC"),
        ({"trade_plan_id": "P1", "is_open": True}, "AC"),
        ({"trade_id": "T1"}, "B"),
        ({"trade_id": "T2"}, "EF"),
        ({"trade_id": "T2", "side": "SELL"}, "F"),
        ({"trade_id": "T9"}, ""),
        ({"trade_id": "T2", "request_id": "R1"}, ""),
        ({"since": minute(3)}, "CDEFH"),
        ({"until": minute(3)}, "ABG"),
        ({"since": minute(2), "until": minute(5)}, "BCD"),
        ({"since": minute(2), "until": minute(2)}, ""),
        ({"since": minute(2), "trade_id": "T1"}, "B"),
        ({"until": minute(2), "trade_id": "T1"}, ""),
        ({"symbol": "ACME", "side": "BUY", "is_open": True, "venue": "X"}, "A"),
        ({"limit": 3}, "ABC"),
        ({"limit": 2, "is_open": True}, "AC"),
        ({"limit": 1, "trade_id": "T2"}, "E"),
        ({"limit": 1, "request_id": "R1"}, "A"),
        ({"limit": None}, "ABCDEFGH"),
    ],
)
def test_orders_are_found_by_every_filter(filled: StrategyLedger, where: dict[str, Any], expected: str) -> None:
    """Everything given must match; the answer is in sequence order."""
    assert ids(filled.find_orders(**where)) == expected


def test_found_orders_are_the_orders_themselves(filled: StrategyLedger) -> None:
    """A page and get_order give equal records, requests included, also on a ledger just opened."""
    for order in filled.find_orders():
        assert order == filled.get_order(order.order_id)
    assert [one.request_id for one in next(filled.find_orders(request_id="R1")).requests] == ["R1"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "B1 B2 E1 F1 H9"),
        ({"order_id": "B"}, "B1 B2"),
        ({"fill_id": "F1"}, "B1 E1 F1"),
        ({"symbol": "ZZZ"}, "E1 F1"),
        ({"side": "SELL"}, "B1 B2 F1"),
        ({"venue": "Y"}, "B1 B2"),
        ({"account": "1"}, "B1 B2"),
        ({"position_side": "LONG"}, "H9"),
        ({"position_side": "NET", "side": "BUY"}, "E1"),
        ({"trade_id": "T2"}, "E1 F1"),
        ({"trade_id": "T2", "side": "BUY"}, "E1"),
        ({"trade_id": "T9"}, ""),
        ({"since": minute(12)}, "B1 E1 F1 H9"),
        ({"until": minute(12)}, "B2"),
        ({"since": minute(14), "trade_id": "T2"}, "F1"),
        ({"limit": 2}, "B1 B2"),
        ({"limit": 1, "trade_id": "T1"}, "B1"),
    ],
)
def test_fills_are_found_by_every_filter(filled: StrategyLedger, where: dict[str, Any], expected: str) -> None:
    """In the order in which they were booked; times are those of the execution."""
    found = " ".join(one.order_id + one.fill_id[1:] for one in filled.find_fills(**where))
    assert found == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, ["T1", "T2"]),
        ({"state": "OPEN"}, ["T1"]),
        ({"state": "CLOSED"}, ["T2"]),
        ({"symbol": "ZZZ"}, ["T2"]),
        ({"order_id": "B"}, ["T1"]),
        ({"order_id": "A"}, []),
        ({"order_id": "?"}, []),
        ({"order_id": "B", "state": "CLOSED"}, []),
        ({"since": minute(12)}, ["T2"]),
        ({"until": minute(12)}, ["T1"]),
        ({"limit": 1}, ["T1"]),
    ],
)
def test_trades_are_found_by_every_filter(filled: StrategyLedger, where: dict[str, Any], expected: list[str]) -> None:
    """In the order of their creation; times are those of the first execution."""
    assert [trade.trade_id for trade in filled.find_trades(**where)] == expected


@pytest.mark.parametrize("size", [1, 3, 8, 9])
@pytest.mark.parametrize("by", ["record", "sequence"])
def test_pages_follow_each_other_without_gap_or_repeat(filled: StrategyLedger, size: int, by: str) -> None:
    """`after` is the last record of the page before, or its sequence."""
    for find in (filled.find_orders, filled.find_fills):
        whole = list(find(limit=None))
        paged: list[Any] = []
        while page := list(
            find(limit=size, after=(paged[-1] if by == "record" else paged[-1].sequence) if paged else None)
        ):
            assert len(page) <= size
            paged.extend(page)
        assert paged == whole


def test_page_after_a_record_goes_on_within_its_entry(ledger: StrategyLedger) -> None:
    """Fills out of quarantine share a sequence: the record says which of them was the last, a sequence skips them."""
    for number in (2, 1, 3):
        with pytest.raises(UnknownOrder):
            ledger.update_order_fill("O1", fill(f"F{number}", 1))
    ledger.record_order("O1", market_order())
    whole = list(ledger.find_fills())
    first = next(ledger.find_fills(limit=1))
    assert [one.fill_id for one in ledger.find_fills(after=first)] == [one.fill_id for one in whole[1:]]
    assert list(ledger.find_fills(after=first.sequence)) == []


def test_page_is_longer_than_the_store_gives_at_once(ledger: StrategyLedger) -> None:
    """An iteration goes on page by page, past what one query returns; the default limit is 1,000."""
    with ledger.batch() as batch:
        for number in range(1_005):
            batch.record_order(f"O{number}", market_order(symbol="MANY"))
    ledger.record_order("last", market_order(symbol="MANY"))
    assert len(list(ledger.find_orders(limit=None))) == 1_006
    assert len(list(ledger.find_orders())) == 1_000
    assert [order.order_id for order in ledger.find_orders(limit=1_003)][-1] == "O1002"
    assert len(list(ledger.read_journal())) == 1_006
    assert len({entry.sequence for entry in ledger.read_journal(after=6)}) == 1_000


@pytest.mark.parametrize(
    ("where", "argument"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": True}, "limit"),
        ({"after": -1}, "after"),
        ({"after": "A"}, "after"),
        ({"since": "yesterday"}, "since"),
        ({"until": START.replace(tzinfo=None)}, "until"),
    ],
)
def test_malformed_page_is_refused_at_the_call(ledger: StrategyLedger, where: dict[str, Any], argument: str) -> None:
    """Not at the first record, long after."""
    for find in (ledger.find_orders, ledger.find_fills, ledger.find_trades):
        with pytest.raises(InvalidValue) as refused:
            find(**where)
        assert refused.value.argument == argument


def test_unresolved_lists_what_has_no_outcome(filled: StrategyLedger) -> None:
    """Orders PLACED or IN_DOUBT, requests in flight, filed facts, each in the order of the journal."""
    with pytest.raises(UnknownOrder):
        filled.update_order_fill("?", fill("F1", 1))
    unresolved = filled.unresolved()
    assert unresolved
    assert [order.order_id for order in unresolved.orders] == ["C", "D"]
    assert [(one.order_id, one.request_id) for one in unresolved.requests] == [("A", "R1"), ("C", "R1")]
    assert [fact.order_id for fact in unresolved.quarantined] == ["?"]


def test_history_is_every_entry_that_touched_a_record(filled: StrategyLedger) -> None:
    """Of an order: placing, facts, requests, its trades; of a trade: its orders' fills since it has them."""
    assert [entry.operation for entry in filled.get_history("A")] == [
        "record_order",
        "update_order_acceptance",
        "update_order_acceptance",
        "request_order_cancel",
    ]
    assert [entry.operation for entry in filled.get_history("B")][-1] == "create_trade"
    filled.update_order_fill("H", fill("F10", 1))
    assert [entry.operation for entry in filled.get_history("T2")] == ["create_trade", "close_trade"]
    with pytest.raises(UnknownOrder):
        filled.get_history("nothing")


def test_history_of_a_trade_has_the_fills_of_its_orders(ledger: StrategyLedger) -> None:
    """Those that moved it."""
    ledger.record_order("E", market_order())
    ledger.update_order_fill("E", fill("F1", 1))
    ledger.create_trade("T", ["E"])
    ledger.update_order_fill("E", fill("F2", 1))
    ledger.request_order_cancel("E")
    assert [entry.sequence for entry in ledger.get_history("T")] == [3, 4]


def test_history_has_the_splits_that_restated_a_record(ledger: StrategyLedger) -> None:
    """A split changes open orders and trades, though its entry is about the symbol; not what it does not concern."""
    for order_id, symbol, venue in (("E", "ACME", "XNAS"), ("G", "ACME", "XLON"), ("H", "OTHER", "XNAS")):
        ledger.record_order(order_id, market_order(symbol=symbol, venue=venue))
    ledger.update_order_fill("E", fill("F1", 1))
    ledger.create_trade("T", ["E"])
    split = {"kind": "SPLIT", "symbol": "ACME", "venue": "XNAS", "ratio": 2}
    before = {name: ledger.get_history(name) for name in ("E", "T", "G", "H")}
    entry = ledger.record_adjustment("S", split)
    assert ledger.get_order("E").quantity == 20
    for name, gained in (("E", [entry.sequence]), ("T", [entry.sequence]), ("G", []), ("H", [])):
        assert [one.sequence for one in ledger.get_history(name)[len(before[name]) :]] == gained, name


def test_journal_chain_can_be_recomputed_from_the_bodies(filled: StrategyLedger) -> None:
    """Digest = sha256(previous digest, body); sequences are gap-free; the head is the last."""
    digest = GENESIS_DIGEST
    entries = list(filled.read_journal())
    for number, entry in enumerate(entries, 1):
        digest = hashlib.sha256(bytes.fromhex(digest) + entry.body).hexdigest()
        body = json.loads(entry.body)
        assert (entry.sequence, entry.digest, body["sequence"], body["strategy_id"]) == (
            number,
            digest,
            number,
            "alpha",
        )
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert canonical == entry.body
    assert (filled.head().sequence, filled.head().digest) == (len(entries), digest)
    assert list(filled.read_journal(after=len(entries) - 2)) == entries[-2:]


def test_reopened_store_has_the_same_journal_and_answers(open_ledger_on: OpenLedger, filled: StrategyLedger) -> None:
    """Nothing is recomputed on the way to the disk and back."""

    def answers(ledger: StrategyLedger) -> list[object]:
        journal: list[Entry] = list(ledger.read_journal())
        return [
            [(entry.body, entry.digest) for entry in journal],
            list(ledger.find_orders(limit=None)),
            list(ledger.find_fills(limit=None)),
            list(ledger.find_trades(limit=None)),
            ledger.get_open_positions(),
            ledger.unresolved(),
            ledger.get_position_exposure("ACME"),
        ]

    before = answers(filled)
    filled.close()
    assert answers(open_ledger_on()) == before
    assert answers(open_ledger_on(read_only=True)) == before


def test_empty_ledger_answers_with_nothing(ledger: StrategyLedger) -> None:
    """Lists are empty, the head is the beginning."""
    assert (ledger.head().sequence, ledger.head().digest) == (0, GENESIS_DIGEST)
    for found in (ledger.find_orders(), ledger.find_fills(), ledger.find_trades(), ledger.read_journal()):
        assert list(found) == []
    assert (ledger.get_open_positions(), ledger.quarantined(), bool(ledger.unresolved())) == ([], [], False)
    with pytest.raises(UnknownTrade):
        ledger.get_trade("T1")


def test_recorded_at_is_the_clock_and_occurred_at_the_callers(ledger: StrategyLedger, clock: SteppingClock) -> None:
    """Two times, each from where it is known."""
    clock.set(minute(10))
    ledger.record_order("O1", market_order(), occurred_at=minute(-60))
    (entry,) = ledger.read_journal()
    assert (entry.occurred_at, entry.recorded_at) == (minute(-60), minute(10))
    assert ledger.get_order("O1").recorded_at == minute(10)
