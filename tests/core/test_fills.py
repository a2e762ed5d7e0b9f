"""Fills: how they find their order, late ones, fees, overfills that are booked, and the order of economics."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import islice, permutations
from typing import Any

import pytest

from ledger_core import Fee, InvalidValue, StrategyLedger, UnknownFill, UnknownOrder
from support import START, RecordingPublisher, fill, limit_order, market_order

OpenLedger = Callable[..., StrategyLedger]


def test_fill_is_kept_with_all_that_was_said_of_it(ledger: StrategyLedger) -> None:
    """Quantity, price as given, fees, liquidity, times, ids, metadata; symbol and side from its order."""
    ledger.record_order("O1", limit_order(venue="XNAS", account="A-1", position_side="LONG"))
    when = START + timedelta(minutes=5)
    ledger.update_order_fill(
        "O1",
        fill(
            "F1",
            "4.50",
            "100.10",
            side="BUY",
            symbol="ACME",
            fees=[{"amount": "0.10", "currency": "USD"}, {"amount": "-0.02", "currency": "BNB"}],
            liquidity="MAKER",
            executed_at=when,
            trade_date="2026-01-06",
            venue_order_id="V1",
            inferred=True,
            metadata={"leg": 1},
        ),
    )
    booked = ledger.get_fill("O1", "F1")
    assert (booked.quantity, str(booked.price), booked.side, booked.symbol) == (Decimal("4.5"), "100.10", "BUY", "ACME")
    assert (booked.venue, booked.account, booked.position_side) == ("XNAS", "A-1", "LONG")
    assert booked.fees == (Fee("USD", Decimal("0.1")), Fee("BNB", Decimal("-0.02")))
    assert (booked.liquidity, booked.executed_at, str(booked.trade_date)) == ("MAKER", when, "2026-01-06")
    assert (booked.venue_order_id, booked.inferred, booked.late, booked.metadata) == ("V1", True, False, {"leg": 1})
    assert (booked.sequence, booked.recorded_at) == (2, ledger.head().recorded_at)


def test_fee_in_another_currency_takes_nothing_of_the_quantity(ledger: StrategyLedger) -> None:
    """Only the fee that is taken in the base currency is a part of what was bought."""
    ledger.record_order("O-1", limit_order())
    ledger.update_order_fill("O-1", fill("F1", 4, 100, fee="0.5", fee_currency="USD"))
    ledger.update_order_fill("O-1", fill("F2", 4, 100, fee="0.5", fee_currency="ACME", fee_in_base=True))
    assert [ledger.get_fill("O-1", name).base_fee for name in ("F1", "F2")] == [0, Decimal("0.5")]
    assert ledger.get_position("ACME").quantity == Decimal("7.5")


def test_unknown_fill_is_told_apart_from_an_unknown_order(ledger: StrategyLedger) -> None:
    """get_fill names what it did not find."""
    ledger.record_order("O1", limit_order())
    with pytest.raises(UnknownFill) as refused:
        ledger.get_fill("O1", "F1")
    assert (refused.value.order_id, refused.value.fill_id) == ("O1", "F1")


def test_average_price_and_executed_value_follow_the_fills(ledger: StrategyLedger) -> None:
    """The value is exact; the average is rounded to 18 places."""
    ledger.record_order("O1", limit_order(quantity=3))
    ledger.update_order_fill("O1", fill("F1", 1, 100))
    order = ledger.update_order_fill("O1", fill("F2", 2, "100.5"))
    assert (order.executed_value, order.average_price) == (301, Decimal("100.333333333333333333"))


def test_event_of_a_fill_carries_the_fill(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """ORDER_PARTIALLY_FILLED and ORDER_FILLED have the execution and whether it was late."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 4, "100.10", fee=1, fee_currency="USD"))
    ledger.update_order_fill("O1", fill("F2", 6))
    part, whole = published.events[1:]
    assert (part["event_type"], whole["event_type"]) == ("ORDER_PARTIALLY_FILLED", "ORDER_FILLED")
    assert (part["fill"]["fill_id"], part["fill"]["quantity"], part["fill"]["price"]) == ("F1", "4", "100.10")
    assert part["fill"]["fees"] == [{"amount": "1", "currency": "USD"}]
    assert (part["late"], part["changed"]["cum_quantity"], whole["changed"]["cum_quantity"]) == (False, "4", "10")


@pytest.mark.parametrize("early", ["details", "acceptance", "fill"])
def test_fill_finds_its_order_by_the_venues_id(open_ledger_on: OpenLedger, early: str) -> None:
    """With order_id None the order is the one that has the venue's id, however it learned it, after a restart too."""
    ledger = open_ledger_on()
    ledger.record_order("O1", limit_order(venue_order_id="V1" if early == "details" else None))
    if early == "acceptance":
        ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    if early == "fill":
        ledger.update_order_fill("O1", fill("F0", 1, venue_order_id="V1"))
    ledger.close()
    again = open_ledger_on()
    assert again.update_order_fill(None, fill("F1", 4, venue_order_id="V1")).order_id == "O1"
    head = again.head()
    again.update_order_fill("O1", fill("F1", 4))
    assert again.head() == head


def test_fill_without_any_id_of_its_order_is_refused(ledger: StrategyLedger) -> None:
    """Nothing to find it by is a caller's bug."""
    with pytest.raises(InvalidValue):
        ledger.update_order_fill(None, fill("F1", 1))
    assert ledger.head().sequence == 0


def test_venue_id_that_two_orders_share_is_told_apart_by_the_symbol_or_filed(ledger: StrategyLedger) -> None:
    """Venues number each symbol for itself: the fill's symbol decides; without it the fill is filed, never guessed."""
    ledger.record_order("O1", limit_order(venue_order_id="7"))
    ledger.record_order("O2", limit_order(symbol="OTHER", venue_order_id="7"))
    assert ledger.update_order_fill(None, fill("F1", 1, venue_order_id="7", symbol="OTHER")).order_id == "O2"
    with pytest.raises(UnknownOrder) as refused:
        ledger.update_order_fill(None, fill("F2", 1, venue_order_id="7"))
    assert sorted(refused.value.order_ids) == ["O1", "O2"]
    assert len(ledger.quarantined()) == 1


def test_overfill_is_booked_where_the_ledger_was_opened_to_book_it(open_ledger_on: OpenLedger) -> None:
    """The excess is shown; position and trade have it."""
    ledger = open_ledger_on(overfill="book")
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 9))
    ledger.create_trade("T1", ["O1"])
    order = ledger.update_order_fill("O1", fill("F2", 3))
    assert (order.state, order.cum_quantity, order.leaves_quantity, order.overfill_quantity) == ("FILLED", 12, 0, 2)
    order = ledger.update_order_fill("O1", fill("F3", 1))
    assert (order.state, order.overfill_quantity) == ("FILLED", 3)
    assert (ledger.get_position("ACME").quantity, ledger.get_trade("T1").entry_quantity) == (13, 13)
    assert ledger.quarantined() == []


def test_overfill_that_waits_is_booked_by_a_ledger_that_books_them(open_ledger_on: OpenLedger) -> None:
    """Reopened with overfill="book" the next change of the order books what was filed."""
    ledger = open_ledger_on()
    ledger.record_order("O1", limit_order())
    with pytest.raises(Exception, match="exceeds"):
        ledger.update_order_fill("O1", fill("F1", 11))
    ledger.close()
    again = open_ledger_on(overfill="book")
    order = again.update_order_acceptance("O1")
    assert (order.state, order.overfill_quantity, again.quarantined()) == ("FILLED", 1, [])


# -- fees ------------------------------------------------------------------------------------------------------------


def test_fee_and_fees_say_the_same(ledger: StrategyLedger) -> None:
    """One fee may be given flat; a repeat may give it either way."""
    ledger.record_order("O1", limit_order())
    order = ledger.update_order_fill("O1", fill("F1", 1, fee="0.50", fee_currency="USD"))
    again = ledger.update_order_fill("O1", fill("F1", 1, fees=[{"amount": "0.5", "currency": "USD"}]))
    assert again == order
    assert ledger.get_fill("O1", "F1").fees == (Fee("USD", Decimal("0.5")),)


def test_redelivery_without_fees_is_no_conflict(ledger: StrategyLedger) -> None:
    """Fees are compared where both copies have them."""
    ledger.record_order("O1", limit_order())
    order = ledger.update_order_fill("O1", fill("F1", 1, fee=1, fee_currency="USD"))
    assert ledger.update_order_fill("O1", fill("F1", 1)) == order


@pytest.mark.parametrize(("side", "held"), [("BUY", "0.999"), ("SELL", "-1.001")])
def test_base_fee_leaves_the_position_and_no_order_quantity(ledger: StrategyLedger, side: str, held: str) -> None:
    """A buyer holds less than it bought, a seller is short by more than it sold."""
    ledger.record_order("O1", limit_order(side, 1, symbol="BTC-USD", base_currency="BTC", currency="USD"))
    order = ledger.update_order_fill("O1", fill("F1", 1, 50_000, fee="0.001", fee_currency="BTC", fee_in_base=True))
    position = ledger.get_position("BTC-USD")
    assert (order.cum_quantity, order.state) == (1, "FILLED")
    assert (position.quantity, position.average_price) == (Decimal(held), 50_000)
    assert position.fees == (Fee("BTC", Decimal("0.001")),)


def test_base_fee_is_no_part_of_gross_pnl(ledger: StrategyLedger) -> None:
    """What was taken as a fee was paid for at the fill's price: closing the rest realizes only the price's move."""
    details = {"symbol": "BTC-USD", "base_currency": "BTC", "currency": "USD"}
    ledger.record_order("B", limit_order("BUY", 1, **details))
    ledger.record_order("S", limit_order("SELL", "0.999", **details))
    ledger.update_order_fill("B", fill("F1", 1, 100, fee="0.001", fee_currency="BTC", fee_in_base=True))
    ledger.update_order_fill("S", fill("F1", "0.999", 110))
    position = ledger.get_position("BTC-USD")
    assert (position.is_flat, position.cost, position.realized_pnl) == (True, 0, Decimal("9.99"))


def test_base_rebate_adds_to_the_position(ledger: StrategyLedger) -> None:
    """A negative base fee is quantity received."""
    ledger.record_order("O1", limit_order(quantity=1, base_currency="ACM"))
    ledger.update_order_fill("O1", fill("F1", 1, fee="-0.01", fee_currency="ACM", fee_in_base=True))
    assert ledger.get_position("ACME").quantity == Decimal("1.01")


# -- economic order --------------------------------------------------------------------------------------------------

Life = Sequence[tuple[str, str, int, int, int]]  # (order, fill, minute, quantity, price)
LIFE: Life = (
    ("B", "1", 1, 10, 100),
    ("S", "1", 2, 10, 104),  # flat
    ("S", "2", 3, 6, 103),
    ("B", "2", 4, 9, 101),  # a flip
    ("S", "3", 5, 3, 107),  # flat again
    ("B", "3", 6, 4, 99),
)
FIGURES = (Decimal(4), Decimal(396), Decimal(40 + 12 + 18), Decimal(0))


def place(ledger: StrategyLedger) -> None:
    """Place the two orders of the life."""
    ledger.record_order("B", market_order("BUY", 100))
    ledger.record_order("S", market_order("SELL", 100))


def tell(ledger: Any, one: tuple[str, str, int, int, int]) -> None:
    """Book one fill of the life, on a ledger or in a batch."""
    order_id, fill_id, minute, quantity, price = one
    executed_at = START + timedelta(minutes=minute)
    ledger.update_order_fill(order_id, fill(fill_id, quantity, price, executed_at=executed_at))


def figures(ledger: StrategyLedger) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Return quantity, cost, realized PnL and that of the cycle."""
    position = ledger.get_position("ACME")
    return position.quantity, position.cost, position.realized_pnl, position.cycle_realized_pnl


def flat_points(ledger: StrategyLedger) -> dict[tuple[str, ...], Decimal | None]:
    """Return what each fill says of being flat after it."""
    return {one.key: one.flat_realized_pnl for one in ledger.find_fills(limit=None)}


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_no_order_of_arrival_changes_the_figures(open_ledger_on: OpenLedger) -> None:
    """Of the 720 orders in which six fills can arrive every 7th: all end in one position, with one set of flat points."""
    for number, arrival in enumerate(islice(permutations(LIFE), 0, None, 7)):
        ledger = open_ledger_on(f"strategy-{number}")
        place(ledger)
        for one in arrival:
            tell(ledger, one)
        assert figures(ledger) == FIGURES
        assert flat_points(ledger) == {
            ("B", "1"): None,
            ("S", "1"): 40,
            ("S", "2"): None,
            ("B", "2"): None,
            ("S", "3"): 70,
            ("B", "3"): None,
        }
        ledger.close()


@pytest.mark.parametrize("arrival", [(5, 4, 3, 2, 1, 0), (1, 0, 3, 2, 5, 4), (0, 5, 1, 4, 2, 3), (3, 5, 1, 0, 4, 2)])
@pytest.mark.parametrize("restarts", [False, True])
def test_late_facts_refold_from_the_last_flat_point(
    open_ledger_on: OpenLedger, arrival: tuple[int, ...], restarts: bool
) -> None:
    """On every adapter, also when each fill is booked by a process that has just begun."""
    ledger = open_ledger_on()
    place(ledger)
    for index in arrival:
        tell(ledger, LIFE[index])
        if restarts:
            ledger.close()
            ledger = open_ledger_on()
    assert figures(ledger) == FIGURES
    assert ledger.get_position("ACME").last_executed_at == START + timedelta(minutes=6)
    assert ledger.get_position("ACME").opened_at == START + timedelta(minutes=6)


def test_facts_about_records_that_are_no_longer_at_hand_are_booked_the_same(
    open_ledger_on: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that keeps one closed record in memory reads the rest from its store, and comes to the same."""
    monkeypatch.setattr("ledger_core.current.RECENT_MAX", 1)
    ledger = open_ledger_on()
    place(ledger)
    for number in range(5):
        ledger.record_order(f"O{number}", limit_order(symbol="OTHER"))
        ledger.update_order_fill(f"O{number}", fill("F", 10))
    for index in (3, 5, 1, 0, 4, 2):
        tell(ledger, LIFE[index])
    assert figures(ledger) == FIGURES
    for number in range(5):
        order = ledger.update_order_fill(f"O{number}", fill("F", 10))
        assert (order.cum_quantity, order.state) == (10, "FILLED")
        assert ledger.get_fill(f"O{number}", "F").quantity == 10
    assert ledger.create_trade("T", [f"O{number}" for number in range(5)]).entry_quantity == 50


@pytest.mark.parametrize("arrival", [(5, 4, 3, 2, 1, 0), (2, 4, 0, 5, 3, 1)])
def test_batch_folds_in_economic_order_too(ledger: StrategyLedger, arrival: tuple[int, ...]) -> None:
    """Out of order within one batch, on top of what is stored."""
    place(ledger)
    tell(ledger, LIFE[arrival[0]])
    with ledger.batch() as batch:
        for index in arrival[1:]:
            tell(batch, LIFE[index])
    assert figures(ledger) == FIGURES


def test_facts_of_one_entry_fold_in_the_order_of_their_arrival(ledger: StrategyLedger) -> None:
    """Fills out of quarantine share a sequence: with equal times their index decides."""
    for number, (side, price) in enumerate([("B", 100), ("S", 110), ("B", 120)]):
        with pytest.raises(UnknownOrder):
            ledger.update_order_fill(None, fill(f"F{number}", 1, price, venue_order_id=side, executed_at=START))
    ledger.record_order("S", market_order("SELL", 10, venue_order_id="S"))
    ledger.record_order("B", market_order("BUY", 10, venue_order_id="B"))
    position = ledger.get_position("ACME")
    assert (position.quantity, position.average_price, position.realized_pnl) == (1, 120, 10)
    assert [(one.sequence, one.index) for one in ledger.find_fills(order_id="B")] == [(5, 0), (5, 1)]


def test_late_fill_of_one_key_leaves_other_keys_alone(ledger: StrategyLedger) -> None:
    """A re-fold concerns one (symbol, venue, account, side)."""
    for venue in ("X", "Y"):
        ledger.record_order(venue, market_order("BUY", 100, venue=venue))
    for venue in ("X", "Y"):
        ledger.update_order_fill(venue, fill("F2", 1, 110, executed_at=START + timedelta(minutes=2)))
    untouched = ledger.get_position("ACME", venue="Y")
    ledger.update_order_fill("X", fill("F1", 1, 100, executed_at=START + timedelta(minutes=1)))
    assert ledger.get_position("ACME", venue="Y") == untouched
    assert ledger.get_position("ACME", venue="X").opened_at == START + timedelta(minutes=1)


def test_fills_of_one_entry_stand_one_behind_the_other(ledger: StrategyLedger) -> None:
    """Those that waited for their order are numbered in the order in which they came."""
    for number in range(3):
        with pytest.raises(UnknownOrder):
            ledger.update_order_fill("O1", fill(f"F{number}", 1))
    ledger.record_order("O1", limit_order())
    assert [(one.fill_id, one.sequence, one.index) for one in ledger.find_fills()] == [
        ("F0", 4, 0),
        ("F1", 4, 1),
        ("F2", 4, 2),
    ]
