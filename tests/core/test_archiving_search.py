"""What the search for closed history offers: whole groups that are over, once each, and nothing that is needed still."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Sequence
from contextlib import suppress

import pytest

from ledger_core import LedgerRepository, OverfillError, StrategyLedger
from ledger_core.model import Key, Record, RecordKind
from ledger_core.repository import Query
from support import SteppingClock, Store, fill, limit_order, market_order
from support.repositories import AroundRepository
from support.trading import at

LATER = at(10**6)


def ordered(ledger: StrategyLedger, *order_ids: str, placed: float = 0, ended: float = 1) -> None:
    """Place orders that end without a fill."""
    for order_id in order_ids:
        ledger.record_order(order_id, limit_order(), occurred_at=at(placed))
        ledger.update_order_cancellation(order_id, occurred_at=at(ended))


def filled(ledger: StrategyLedger, order_id: str, side: str, second: float, **details: object) -> None:
    """Buy or sell 10."""
    ledger.record_order(order_id, market_order(side, 10, **details), occurred_at=at(second))
    ledger.update_order_fill(order_id, fill("F", 10), occurred_at=at(second))


def offered(ledger: StrategyLedger, second: float | None = None) -> list[list[str]]:
    """Return the ids of the orders and trades in each group that may go."""
    before = LATER if second is None else at(second)
    kinds = (RecordKind.ORDER, RecordKind.TRADE)
    return [[one.key[0] for one in group if one.kind in kinds] for group in ledger.archivist.archivable(before)]


class Watched(AroundRepository):
    """Notes the orders of each page that is read, and which records are loaded one by one."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Note nothing yet."""
        super().__init__(inner)
        self.pages: list[list[str]] = []
        self.loaded: list[tuple[RecordKind, Key]] = []

    def find(self, query: Query) -> Sequence[Record]:
        """Find, and note the orders."""
        found = super().find(query)
        if query.kind is RecordKind.ORDER:
            self.pages.append([one.key[0] for one in found])
        return found

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Load, and note it."""
        self.loaded.append((kind, key))
        return super().load(kind, key)


@pytest.fixture
def watched(store: Store) -> Watched:
    """Return a repository whose reads are noted."""
    return Watched(store.repository())


@pytest.fixture
def ledger(watched: Watched) -> StrategyLedger:
    """Return a ledger on the repository that is watched."""
    return StrategyLedger(watched, clock=SteppingClock())


# -- which orders are looked at ----------------------------------------------------------------------------------------


def test_every_order_is_come_by_once_page_by_page(
    ledger: StrategyLedger, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more are held at once than a page has; the next page goes on behind the last, with the same conditions."""
    monkeypatch.setattr("ledger_core.archivable.PAGE_SIZE_MAX", 3)
    for number in range(8):
        ordered(ledger, f"O{number}")
        ledger.record_order(f"OPEN{number}", limit_order(), occurred_at=at(0))
        ordered(ledger, f"YOUNG{number}", placed=100, ended=101)
    watched.pages.clear()
    assert offered(ledger, 50) == [[f"O{number}"] for number in range(8)]
    assert watched.pages == [["O0", "O1", "O2"], ["O3", "O4", "O5"], ["O6", "O7"]]


def test_the_last_page_may_be_full(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the next is empty, and nothing is told twice."""
    monkeypatch.setattr("ledger_core.archivable.PAGE_SIZE_MAX", 2)
    ordered(ledger, "A", "B", "C", "D")
    assert offered(ledger) == [["A"], ["B"], ["C"], ["D"]]


def test_order_that_was_placed_later_stays_whenever_it_is_said_to_have_ended(ledger: StrategyLedger) -> None:
    """Brokers' clocks may say that it ended before it was placed; it happened later all the same."""
    ordered(ledger, "A", placed=100, ended=50)
    assert offered(ledger, 90) == []
    assert offered(ledger, 101) == [["A"]]


# -- what is over ------------------------------------------------------------------------------------------------------


def test_order_goes_only_if_it_ended_earlier(ledger: StrategyLedger) -> None:
    """Not at the very moment, nor later."""
    ordered(ledger, "A", ended=10)
    assert offered(ledger, 9) == []
    assert offered(ledger, 10) == []
    assert offered(ledger, 10.5) == [["A"]]


def test_trade_goes_only_if_it_was_closed_earlier(ledger: StrategyLedger) -> None:
    """Its orders, which were over long before, stay with it."""
    filled(ledger, "BUY", "BUY", 1)
    filled(ledger, "SELL", "SELL", 2)
    ledger.create_trade("T", ["BUY", "SELL"], occurred_at=at(3))
    assert offered(ledger, 10) == []
    ledger.close_trade("T", occurred_at=at(30))
    assert offered(ledger, 10) == []
    assert offered(ledger, 30) == []
    assert offered(ledger, 30.5) == [["BUY", "SELL", "T"]]


def test_order_with_a_request_in_flight_stays(ledger: StrategyLedger) -> None:
    """A fill ended it first, and the answer to its cancel, or to its replacement, is still to come."""
    for order_id in ("CANCEL", "REPLACE", "NEITHER"):
        ledger.record_order(order_id, limit_order(), occurred_at=at(0))
    ledger.request_order_cancel("CANCEL", "R", occurred_at=at(1))
    ledger.request_order_replace("REPLACE", {"limit_price": 99}, "R", occurred_at=at(1))
    for order_id in ("CANCEL", "REPLACE", "NEITHER"):
        ledger.update_order_fill(order_id, fill("F", 10), occurred_at=at(2))
    filled(ledger, "OUT", "SELL", 3)
    filled(ledger, "OUT AGAIN", "SELL", 4)
    filled(ledger, "FLAT", "SELL", 5)
    assert offered(ledger) == [["NEITHER"], ["OUT"], ["OUT AGAIN"], ["FLAT"]]
    ledger.update_order_request_rejection("CANCEL", "too late", "R", occurred_at=at(6))
    assert ["CANCEL"] in offered(ledger)


def test_order_that_a_fact_in_quarantine_is_about_stays(ledger: StrategyLedger) -> None:
    """Whoever resolves the fact needs it."""
    ordered(ledger, "A", "B")
    with suppress(OverfillError):
        ledger.update_order_fill("A", fill("F", 11), occurred_at=at(2))
    (waiting,) = ledger.quarantined()
    assert offered(ledger) == [["B"]]
    ledger.resolve_quarantined(waiting.quarantine_id, {"dismiss": True, "reason": "a mistake of theirs"})
    assert offered(ledger) == [["A"], ["B"]]


def test_fills_stay_where_their_position_was_never_flat(ledger: StrategyLedger) -> None:
    """Or was flat only later: they are needed to fold it. Other positions do not suffer."""
    filled(ledger, "HELD", "BUY", 1)
    filled(ledger, "IN", "BUY", 2, symbol="BOLT")
    filled(ledger, "OUT", "SELL", 3, symbol="BOLT")
    assert offered(ledger) == [["IN"], ["OUT"]]
    filled(ledger, "SOLD", "SELL", 10)
    assert offered(ledger, 10) == [["IN"], ["OUT"]]
    assert offered(ledger, 10.5) == [["HELD"], ["IN"], ["OUT"], ["SOLD"]]


def test_busted_fill_goes_only_if_it_happened_earlier(ledger: StrategyLedger) -> None:
    """It needs no flat position, but it has a time like any other."""
    ordered(ledger, "A", ended=3)
    ledger.update_order_fill("A", fill("F", 1), occurred_at=at(5))
    ledger.bust_order_fill("A", "F", occurred_at=at(6))
    assert offered(ledger, 4) == []
    assert offered(ledger, 5) == []
    assert offered(ledger, 5.5) == [["A"]]


# -- what trades tie together ------------------------------------------------------------------------------------------


def tied(ledger: StrategyLedger, **trades: tuple[str, ...]) -> None:
    """Create trades of two units of each of their orders, and close them; the orders bought 10 and are flat."""
    order_ids = sorted({order_id for names in trades.values() for order_id in names})
    for order_id in order_ids:
        filled(ledger, order_id, "BUY", 1)
    ledger.record_order("OUT", market_order("SELL", 10 * len(order_ids)), occurred_at=at(2))
    ledger.update_order_fill("OUT", fill("F", 10 * len(order_ids)), occurred_at=at(2))
    for trade_id, names in trades.items():
        ledger.create_trade(trade_id, dict.fromkeys(names, 2), occurred_at=at(3))
    for trade_id, names in trades.items():
        rest = {"residual": {"ACME": 2 * len(names)}, "residual_reason": "TRANSFERRED"}
        ledger.close_trade(trade_id, rest, occurred_at=at(4))


def test_chain_of_trades_is_followed_to_its_end(ledger: StrategyLedger, watched: Watched) -> None:
    """Whatever shares an order with what shares an order goes along, and each record is loaded once."""
    tied(ledger, T1=("A", "B"), T2=("B", "C"), T3=("A", "B", "C", "D"), T4=("D", "E"))
    watched.loaded.clear()
    group, alone = offered(ledger)
    assert (set(group), len(group), alone) == ({"A", "B", "C", "D", "E", "T1", "T2", "T3", "T4"}, 9, ["OUT"])
    assert len(watched.loaded) == len(set(watched.loaded))
    assert [why for _, why in ledger.archivist.let_go("X", list(ledger.archivist.archivable(LATER)))] == [None, None]


def test_group_has_so_many_orders_and_no_more(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit it goes, with all its trades; beyond it stays."""
    tied(ledger, T1=("A", "B"), T2=("B",))
    for limit, groups in ((1, [["OUT"]]), (2, [["A", "B", "T1", "T2"], ["OUT"]])):
        monkeypatch.setattr("ledger_core.archivable.GROUP_ORDERS_MAX", limit)
        assert offered(ledger) == groups
