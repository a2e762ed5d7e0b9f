"""Realized PnL by period: the rows add up to what the ledger itself holds, whatever happened, in any order."""

# Numbers are written here as a caller would: Decimal(10) == 10.
# mypy: disable-error-code="comparison-overlap"

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_core import Fill, InvalidValue, StrategyLedger
from ledger_core.numbers import total
from ledger_report.pnl import IN_ARCHIVES, By, Realization, pnl_by, read_carried, read_realizations
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, market_order
from support.trading import at, traded

Step = tuple[str, Any, Any, Any, Any]


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Draw fills of two symbols and two venues with fees, busts, funding, transfers and a split, in any order of time."""
    kinds = st.sampled_from(["fill", "fill", "fill", "fill", "bust", "FUNDING", "TRANSFER", "SPLIT"])
    number = st.decimals(min_value="0.001", max_value=1000, places=3)
    return draw(
        st.lists(
            st.tuples(
                kinds, st.sampled_from(["BUY", "SELL"]), number, number, st.integers(min_value=0, max_value=5 * 86_400)
            ),
            min_size=1,
            max_size=25,
        )
    )


def lived(life: list[Step]) -> StrategyLedger:
    """Return a ledger in which all of it happened."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for symbol in ("ACME", "INV"):
        terms = {"inverse": True, "base_currency": "BTC", "multiplier": 10} if symbol == "INV" else {}
        for side in ("BUY", "SELL"):
            for venue in (None, "XNAS"):
                order_id = f"{symbol}-{side}-{venue}"
                details = market_order(side, 10**9, symbol=symbol, currency="USD", **terms)
                ledger.record_order(order_id, details if venue is None else {**details, "venue": venue})
    filled: list[tuple[str, str]] = []
    for number, (kind, side, first, second, seconds) in enumerate(life):
        symbol, venue = ("ACME", "INV")[number % 2], (None, "XNAS")[number // 2 % 2]
        moment = START + timedelta(seconds=seconds)
        if kind == "fill":
            order_id = f"{symbol}-{side}-{venue}"
            fee = {"fee": first, "fee_currency": ("USD", "BNB")[number % 2]}
            ledger.update_order_fill(order_id, fill(f"F{number}", first, second, executed_at=moment, **fee))
            filled.append((order_id, f"F{number}"))
        elif kind == "bust" and filled:
            ledger.bust_order_fill(*filled.pop())
        elif kind == "FUNDING":
            ledger.record_adjustment(
                f"J{number}",
                {"kind": kind, "symbol": symbol, "amount": first, "currency": "USD", "occurred_at": moment},
            )
        elif kind == "TRANSFER":
            signed = first if side == "BUY" else -first
            ledger.record_adjustment(
                f"J{number}",
                {"kind": kind, "symbol": symbol, "quantity": signed, "price": second, "occurred_at": moment},
            )
        elif kind == "SPLIT":
            ledger.record_adjustment(f"J{number}", {"kind": kind, "symbol": symbol, "ratio": 2, "occurred_at": moment})
    return ledger


@given(life=steps())
def test_the_realizations_add_up_to_the_positions(life: list[Step]) -> None:
    """Whatever arrived in whatever order, each position's realized PnL and quantity are the sum of what moved it."""
    ledger = lived(life)
    found = read_realizations(ledger)
    for symbol in ("ACME", "INV"):
        explained = ledger.explain_pnl(symbol=symbol)
        for part in explained.parts:
            mine = [one for one in found if _is_of(one, part)]
            assert total(one.realized_pnl for one in mine) == part.realized_pnl
            assert (mine[-1].quantity if mine else 0) == part.quantity
    for by in By:
        rows = pnl_by(found, by)
        for currency in ("USD", "BTC"):
            of_rows = total(row.realized_pnl or Decimal(0) for row in rows if row.currency == currency)
            assert of_rows == total(one.realized_pnl for one in found if one.currency == currency)
    assert sum(row.fills for row in pnl_by(found, By.DAY)) == sum(
        not one.busted for one in ledger.find_fills(limit=None)
    )


def _is_of(one: Realization, part: Any) -> bool:
    return one.position_key == (part.symbol, part.venue or "", part.account or "", part.position_side.value)


def test_what_is_in_archives_is_a_row_of_its_own_and_the_rows_still_add_up() -> None:
    """By symbol and strategy nothing changes when history goes; cash before the opening counts once, units do not."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for number in range(3):
        for side in ("BUY", "SELL"):
            order_id, moment = f"{side}{number}", at(10 * number + (side == "SELL"))
            ledger.record_order(order_id, market_order(side, 10, currency="USD"), occurred_at=moment)
            figures = fill("F", 10, 100 + number + (side == "SELL"), fee="0.5", fee_currency="USD")
            ledger.update_order_fill(order_id, figures, occurred_at=moment)
    funding = {"kind": "FUNDING", "symbol": "ACME", "amount": 3, "currency": "USD"}
    ledger.record_adjustment("J1", funding, occurred_at=at(0.5))
    for number, quantity in enumerate((4, -4)):
        moved = {"kind": "TRANSFER", "symbol": "ACME", "quantity": quantity, "price": 100}
        ledger.record_adjustment(f"J{2 + number}", moved, occurred_at=at(0.6 + number / 10))
    by_symbol, by_day = (pnl_by(read_realizations(ledger), by) for by in (By.SYMBOL, By.DAY))
    assert list(ledger.archivist.let_go("A1", ledger.archivist.archivable(at(15))))
    assert [order.order_id for order in ledger.find_orders()] == ["BUY2", "SELL2"]
    items, carried = read_realizations(ledger), read_carried(ledger)
    (symbol,) = pnl_by(items, By.SYMBOL, carried=carried)
    assert attrs.evolve(symbol, fills=6) == by_symbol[0]
    before, day = pnl_by(items, By.DAY, carried=carried)
    assert (before.name, before.realized_pnl, before.fills) == (IN_ARCHIVES, 20, 0)
    assert before.net is not None
    assert day.net is not None
    assert by_day[0].net is not None
    assert (before.net.fees, day.net.cash_flows) == (2, 3)
    assert [one.quantity for one in items if isinstance(one.movement, Fill)] == [10, 0]
    parts = [before.net.net_realized_pnl, day.net.net_realized_pnl]
    together = total(one for one in parts if one is not None)
    assert together == by_day[0].net.net_realized_pnl


def test_what_was_realized_counts_for_its_own_time_not_for_when_it_was_heard() -> None:
    """A fill that was reported a day later belongs to the day on which it was executed."""
    ledger = traded(("BUY", 10, 100))
    ledger.update_order_fill("SELL", fill("late", 10, 110, executed_at=at(60)), occurred_at=at(60))
    ledger.update_order_fill("BUY", fill("next day", 1, 100, executed_at=at(2 * 86_400)))
    days = {row.name: row.realized_pnl for row in pnl_by(read_realizations(ledger), By.DAY)}
    assert days == {START.date().isoformat(): 100, (START + timedelta(days=2)).date().isoformat(): 0}


@pytest.mark.parametrize(
    ("by", "name"), [(By.DAY, "2026-01-01"), (By.WEEK, "2026-W01"), (By.MONTH, "2026-01"), (By.STRATEGY, "alpha")]
)
def test_periods_are_named_as_iso_8601_does(by: By, name: str) -> None:
    """The week of New Year belongs to the year that has its Thursday."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    ledger.record_order("A1", market_order(currency="USD"))
    ledger.update_order_fill("A1", fill("F1", 1, executed_at=datetime(2026, 1, 1, 12, tzinfo=UTC)))
    assert [row.name for row in pnl_by(read_realizations(ledger), by)] == [name]
    ledger.update_order_fill("A1", fill("F2", 1, executed_at=datetime(2025, 12, 29, 12, tzinfo=UTC)))
    if by is By.WEEK:
        assert [row.name for row in pnl_by(read_realizations(ledger), by)] == [name]


def test_days_are_those_of_the_zone() -> None:
    """A trade at 23:30 UTC is one of the next day in Berlin, in summer by two hours."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    ledger.record_order("A1", market_order(currency="USD"))
    for number, moment in enumerate(
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), datetime(2026, 1, 1, 22, 30, tzinfo=UTC))
    ):
        ledger.update_order_fill("A1", fill(f"F{number}", 1, executed_at=moment))
    rows = pnl_by(read_realizations(ledger), By.DAY, zone=ZoneInfo("Europe/Berlin"))
    assert [row.name for row in rows] == ["2026-01-01", "2026-07-02"]


def test_currencies_are_never_added_without_rates() -> None:
    """Two currencies are two rows; with a rate they are one, and what has none leaves the figure open."""
    usd, eur = traded(("BUY", 1, 100), ("SELL", 1, 110)), traded(("BUY", 1, 100), ("SELL", 1, 120), currency="EUR")
    items = read_realizations(usd) + read_realizations(eur)
    assert [(row.currency, row.realized_pnl) for row in pnl_by(items, By.DAY)] == [("EUR", 20), ("USD", 10)]
    (row,) = pnl_by(items, By.DAY, currency="USD", rates={("EUR", "USD"): "1.1"})
    assert (row.realized_pnl, row.currency) == (32, "USD")
    (open_row,) = pnl_by(items, By.DAY, currency="USD")
    assert open_row.realized_pnl is None
    assert open_row.net is not None
    assert len(open_row.net.unconverted) == 1
    with pytest.raises(InvalidValue):
        pnl_by(items, By.DAY, rates={("EUR", "EUR"): 1})


def test_fees_and_cash_flows_are_net_of_the_figure() -> None:
    """Net is gross less fees, with funding added; what is in another currency is listed beside it."""
    ledger = traded(("BUY", 1, 100))
    ledger.update_order_fill("SELL", fill("F", 1, 110, executed_at=at(5), fee="1.5", fee_currency="USD"))
    ledger.record_adjustment(
        "J1", {"kind": "FUNDING", "symbol": "ACME", "amount": "-0.5", "currency": "USD", "occurred_at": at(6)}
    )
    (row,) = pnl_by(read_realizations(ledger), By.SYMBOL)
    assert row.net is not None
    assert (row.realized_pnl, row.net.fees, row.net.cash_flows, row.net.net_realized_pnl) == (
        10,
        Decimal("1.5"),
        Decimal("-0.5"),
        8,
    )


def test_a_currency_that_nobody_told_is_no_reason_to_fail() -> None:
    """The figure stands; there is just no net of it."""
    (row,) = pnl_by(read_realizations(traded(("BUY", 1, 100), ("SELL", 1, 110), currency=None)), By.DAY)
    assert (row.realized_pnl, row.currency, row.net) == (10, None, None)


def test_positions_that_cannot_be_added_are_still_told() -> None:
    """One symbol without a venue and another on one, under other terms: each by its own."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    for venue, multiplier in ((None, 1), ("CME", 50)):
        for side, price in (("BUY", 100), ("SELL", 101)):
            order = market_order(side, 1, currency="USD", multiplier=multiplier)
            ledger.record_order(f"{side}-{venue}", {**order, "venue": venue} if venue else order)
            ledger.update_order_fill(f"{side}-{venue}", fill("F", 1, price))
    with pytest.raises(InvalidValue):
        ledger.get_position("ACME")
    (row,) = pnl_by(read_realizations(ledger), By.SYMBOL)
    assert row.realized_pnl == 51
