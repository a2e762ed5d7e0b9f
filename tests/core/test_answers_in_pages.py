"""Answers in pages: as many as are asked for, in the order of the journal, of those that fit and no others."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import InvalidValue, StrategyLedger
from ledger_core.lifecycle import OrderState
from ledger_core.model import Record
from ledger_core.testing.samples import adjustment, fill, later, order, quarantined, request, trade
from ledger_storage_memory import MemoryRepository

FINDS = ("find_orders", "find_fills", "find_trades", "find_adjustments")


def holding(*records: Record) -> StrategyLedger:
    """Return a ledger whose store holds these records."""
    repository = MemoryRepository(strategy_id="alpha")
    repository.restore(records)
    return StrategyLedger(repository)


def some(amount: int) -> Iterator[Record]:
    """Generate as many records of each kind, each in an entry of its own."""
    for number in range(1, amount + 1):
        place: dict[str, Any] = {"sequence": number}
        yield order(f"O-{number}", state=OrderState.CANCELED, placed_at=later(number), **place)
        yield fill(f"F-{number}", executed_at=later(number), **place)
        yield trade(f"T-{number}", opened_at=later(number), **place)
        yield adjustment(f"A-{number}", occurred_at=later(number), **place)


def places(found: Iterator[Any]) -> list[int]:
    """Return the sequences of records."""
    return [one.sequence for one in found]


@pytest.mark.parametrize("name", FINDS)
def test_a_page_has_as_many_records_as_are_asked_for(name: str) -> None:
    """From one up; None means all. The next page goes on behind it."""
    find = getattr(holding(*some(4)), name)
    assert places(find()) == places(find(limit=None)) == [1, 2, 3, 4]
    for limit in (1, 2, 3, 4, 5):
        assert places(find(limit=limit)) == [1, 2, 3, 4][:limit]
        assert places(find(limit=limit, after=2)) == [3, 4][:limit]
    (second,) = find(after=1, limit=1)
    assert places(find(after=second)) == [3, 4]
    assert places(find(after=attrs.evolve(second, sequence=0))) == [1, 2, 3, 4]
    for wrong in (0, -1, True, 2.5):
        with pytest.raises(InvalidValue) as refused:
            find(limit=wrong)
        assert (refused.value.argument, refused.value.value) == ("limit", wrong)


@pytest.mark.parametrize("name", FINDS)
def test_a_page_has_a_thousand_records_unless_it_says_otherwise(name: str) -> None:
    """However many there are, and more than the store gives at once."""
    find = getattr(holding(*some(1_002)), name)
    assert places(find()) == list(range(1, 1_001))
    assert places(find(limit=1_001)) == list(range(1, 1_002))
    assert places(find(limit=None)) == list(range(1, 1_003))


@pytest.mark.parametrize("name", FINDS)
def test_a_page_is_of_a_time(name: str) -> None:
    """From since on, and before until."""
    find = getattr(holding(*some(4)), name)
    assert places(find(since=later(2))) == [2, 3, 4]
    assert places(find(until=later(3))) == [1, 2]
    assert places(find(since=later(2), until=later(4), limit=1)) == [2]
    assert places(find(since=later(2), after=2)) == [3, 4]


def related() -> StrategyLedger:
    """Return a ledger with a trade of two orders, whose fills and requests are found through them."""
    orders = [
        order(f"O-{number}", state=OrderState.CANCELED, placed_at=later(number), sequence=number, trade_ids=ids)
        for number, ids in ((1, ("T-1", "T-2")), (2, ("T-1",)), (3, ()))
    ]
    fills = [
        fill("F", order_id=f"O-{number}", executed_at=later(10 - number), sequence=number + 3) for number in (3, 2, 1)
    ]
    trades = [
        trade(f"T-{number}", order_ids=ids, opened_at=later(number), sequence=number + 6)
        for number, ids in ((2, ("O-1",)), (1, ("O-2", "O-1")))
    ]
    asked = [request(name, order_id=order_id) for name, order_id in (("R", "O-2"), ("R", "O-3"), ("S", "O-1"))]
    return holding(*orders, *fills, *trades, *asked)


@pytest.mark.parametrize(
    ("find", "found"),
    [
        (lambda ledger, **page: ledger.find_fills(trade_id="T-1", **page), [4, 5]),
        (lambda ledger, **page: ledger.find_trades(order_id="O-1", **page), [7, 8]),
        (lambda ledger, **page: ledger.find_orders(trade_id="T-1", **page), [1, 2]),
        (lambda ledger, **page: ledger.find_orders(request_id="R", **page), [2, 3]),
    ],
    ids=["fills of a trade", "trades of an order", "orders of a trade", "orders of a request"],
)
def test_what_belongs_to_a_record_comes_in_pages_too(find: Callable[..., Iterator[Any]], found: list[int]) -> None:
    """In the order of the journal, whatever the order in which the record names it."""
    ledger = related()
    assert places(find(ledger)) == found
    assert places(find(ledger, limit=1)) == found[:1]
    assert places(find(ledger, limit=2)) == found
    assert places(find(ledger, limit=None, after=found[0])) == found[1:]


def test_what_belongs_to_two_records_belongs_to_both() -> None:
    """To a trade and a request; to what is not there nothing belongs."""
    ledger = related()
    assert places(ledger.find_orders(trade_id="T-1", request_id="R")) == [2]
    assert places(ledger.find_orders(trade_id="T-2", request_id="R")) == []
    for nothing in (
        ledger.find_orders(trade_id="T-9"),
        ledger.find_orders(trade_id="O-1"),
        ledger.find_orders(request_id="R-9"),
        ledger.find_fills(trade_id="T-9"),
        ledger.find_trades(order_id="O-9"),
    ):
        assert list(nothing) == []
    assert places(ledger.find_fills(trade_id="T-1", symbol="AAPL", since=later(8.5))) == [4]
    assert places(ledger.find_fills(trade_id="T-1", until=later(8.5))) == [5]
    assert places(ledger.find_trades(order_id="O-1", state="CLOSED")) == []


def test_a_day_of_an_order_is_what_was_filled_on_it() -> None:
    """Of what was left in the morning; busted fills count nowhere."""
    days = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 3))
    prices = (10, 20, 40, 99, 50)
    fills = [
        fill(f"F-{number}", quantity=Decimal(number + 1), price=Decimal(price), trade_date=day, busted=price == 99)
        for number, (day, price) in enumerate(zip(days, prices, strict=True))
    ]
    for quantity, open_then in ((Decimal(20), 19), (None, None)):
        ledger = holding(order(quantity=quantity), *fills)
        found = ledger.get_order_day("O-1", days[1])
        assert (found.order_id, found.trade_date) == ("O-1", days[1])
        assert (found.day_order_quantity, found.day_cum_quantity, found.day_average_price) == (open_then, 5, 32)
    assert holding(order(), *fills).get_order_day("O-1", date(2026, 3, 4)).day_average_price is None


def test_what_is_unresolved_stands_in_the_order_of_the_journal() -> None:
    """Orders, requests and facts, each for themselves."""
    orders = [
        order("O-2", state=OrderState.IN_DOUBT, sequence=1),
        order("O-1", sequence=2, request_count=2, cancels_in_flight=2),
        order("O-3", state=OrderState.ACCEPTED, sequence=3),
    ]
    asked = [request("R-2", sequence=4), request("R-1", sequence=5)]
    facts = [quarantined(f"Q-{number}", sequence=9 - number) for number in (1, 2, 3)]
    found = holding(*orders, *asked, *facts).unresolved()
    assert [one.order_id for one in found.orders] == ["O-2", "O-1"]
    assert [one.request_id for one in found.requests] == ["R-2", "R-1"]
    assert [one.quarantine_id for one in found.quarantined] == ["Q-3", "Q-2", "Q-1"]
    waiting = holding(*facts).quarantined()
    assert [one.quarantine_id for one in waiting] == ["Q-3", "Q-2", "Q-1"]
