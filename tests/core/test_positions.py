"""Positions by average cost: growing, closing, flipping, reopening; multipliers, inverse contracts, hedge sides."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from ledger_core import Fee, InvalidValue, Position, StrategyLedger
from support import START, fill, market_order

Trader = Callable[..., Position]


@pytest.fixture
def trade(ledger: StrategyLedger) -> Trader:
    """Return what executes (signed quantity, price) in ACME, one order a call, and returns the position."""
    count = 0

    def trade(quantity: object, price: object, fees: Mapping[str, Any] | None = None, **details: Any) -> Position:
        nonlocal count
        count += 1
        units = Decimal(str(quantity))
        side = "BUY" if units > 0 else "SELL"
        order = ledger.record_order(f"O{count}", market_order(side, abs(units), **details))
        ledger.update_order_fill(order.order_id, fill("F", abs(units), price, **(fees or {})))
        return ledger.get_position(
            details.get("symbol", "ACME"),
            venue=details.get("venue"),
            account=details.get("account"),
            position_side=details.get("position_side"),
        )

    return trade


def test_position_that_was_never_traded_is_flat(ledger: StrategyLedger) -> None:
    """An unknown symbol has a position of nothing; it is listed nowhere."""
    position = ledger.get_position("NEVER", venue="X")
    assert (position.quantity, position.average_price, position.realized_pnl) == (0, None, 0)
    assert (position.symbol, position.venue, position.is_flat, position.version) == ("NEVER", "X", True, 0)
    assert ledger.get_open_positions() == []


@pytest.mark.parametrize("sign", [1, -1])
def test_average_of_entries_and_part_exits(trade: Trader, sign: int) -> None:
    """Exits leave the average and realize against it; long and short mirror each other."""
    trade(10 * sign, 100)
    position = trade(30 * sign, 104)
    assert (position.quantity, position.cost, position.average_price) == (40 * sign, 4120, 103)
    position = trade(-10 * sign, 107)
    assert (position.quantity, position.cost, position.average_price) == (30 * sign, 3090, 103)
    assert position.realized_pnl == position.cycle_realized_pnl == 40 * sign
    position = trade(-30 * sign, 100)
    assert (position.quantity, position.cost, position.average_price) == (0, 0, None)
    assert position.realized_pnl == -50 * sign


def test_remainder_of_a_rounded_share_stays_with_the_open_part(trade: Trader) -> None:
    """Cost leaves in shares of 18 places; when flat, every digit of it has left."""
    trade(3, 100)
    trade("0.000000000000000001", "0.01")
    for _ in range(3):
        position = trade(-1, 100)
    position = trade("-0.000000000000000001", 100)
    assert position.is_flat
    assert position.cost == 0
    spent = 3 * 100 + Fraction(1, 10**18) * Fraction(1, 100)
    assert Fraction(position.realized_pnl) == 3 * 100 + Fraction(100, 10**18) - spent


@pytest.mark.parametrize("sign", [1, -1])
def test_flip_opens_the_rest_at_its_own_price(ledger: StrategyLedger, trade: Trader, sign: int) -> None:
    """The closed part realizes; the other side begins a cycle of its own."""
    trade(10 * sign, 100)
    position = trade(-25 * sign, 110)
    assert (position.quantity, position.average_price, position.cost) == (-15 * sign, 110, 1650)
    assert (position.realized_pnl, position.cycle_realized_pnl) == (100 * sign, 0)
    flipped_at = list(ledger.find_fills())[-1].executed_at
    assert position.opened_at == flipped_at > START


def test_reopened_position_begins_a_new_cycle(trade: Trader) -> None:
    """Realized PnL is cumulative; the cycle's stays until the position opens again."""
    trade(10, 100)
    position = trade(-10, 101)
    assert (position.realized_pnl, position.cycle_realized_pnl) == (10, 10)
    began_at = position.opened_at
    assert began_at is not None
    position = trade(5, 200)
    assert (position.realized_pnl, position.cycle_realized_pnl, position.average_price) == (10, 0, 200)
    reopened_at = position.opened_at
    assert reopened_at is not None
    assert reopened_at == position.last_executed_at
    assert reopened_at > began_at
    position = trade(-5, 199)
    assert (position.realized_pnl, position.cycle_realized_pnl) == (5, -5)


def test_fees_are_summed_by_currency_and_touch_neither_cost_nor_pnl(trade: Trader) -> None:
    """Gross of fees, in every currency apart."""
    trade(10, 100, {"fee": 1, "fee_currency": "USD"})
    position = trade(-10, 101, {"fees": [{"amount": 2, "currency": "USD"}, {"amount": "-0.5", "currency": "EUR"}]})
    assert (position.realized_pnl, position.cost) == (10, 0)
    assert position.fees == (Fee("EUR", Decimal("-0.5")), Fee("USD", Decimal(3)))


@pytest.mark.parametrize("price", ["0", "-37.63"])
def test_prices_may_be_zero_or_negative(trade: Trader, price: str) -> None:
    """As crude oil's were."""
    position = trade(10, price)
    assert (position.cost, position.average_price) == (10 * Decimal(price), Decimal(price))
    assert trade(-10, 5).realized_pnl == 50 - 10 * Decimal(price)


def test_multiplier_turns_price_into_money(trade: Trader) -> None:
    """Cost and PnL are money, the average is a price; the currency is named."""
    terms = {"multiplier": 50, "currency": "USD"}
    position = trade(2, "4000.25", **terms)
    assert (position.cost, position.average_price, position.money_currency) == (400_025, Decimal("4000.25"), "USD")
    assert trade(-2, "4001.25", **terms).realized_pnl == 100


@pytest.mark.parametrize("sign", [1, -1])
def test_inverse_contract_averages_harmonically_and_pays_in_the_base(trade: Trader, sign: int) -> None:
    """A contract worth one quote unit costs 1/price of the base; its PnL is in the base currency."""
    terms = {"inverse": True, "base_currency": "BTC", "currency": "USD"}
    trade(100 * sign, 10_000, **terms)
    position = trade(100 * sign, 20_000, **terms)
    assert (position.cost, position.money_currency) == (Decimal("0.015"), "BTC")
    assert position.average_price is not None
    assert abs(Fraction(position.average_price) - Fraction(40_000, 3)) < Fraction(1, 10**17)
    position = trade(-200 * sign, 16_000, **terms)
    assert (position.is_flat, position.cost, position.realized_pnl) == (True, 0, sign * Decimal("0.0025"))


def test_terms_reach_the_position_one_by_one(trade: Trader) -> None:
    """Whichever of them is named first, and alone: a position takes it, and what it has already stays."""
    assert trade(1000, 50, symbol="COIN", inverse=True).cost == 20
    assert trade(10, 5).base_currency is None
    position = trade(10, 5, base_currency="ACM")
    assert (position.base_currency, position.currency, position.quantity) == ("ACM", None, 20)
    position = trade(10, 5, currency="USD")
    assert (position.base_currency, position.currency, position.cost) == ("ACM", "USD", 150)


def test_inverse_flip_opens_at_its_own_price(trade: Trader) -> None:
    """The closed part pays the difference of inverse prices; the rest costs its own inverse."""
    terms = {"inverse": True, "base_currency": "BTC", "currency": "USD"}
    trade(1000, 1000, **terms)
    position = trade(-3000, 1250, **terms)
    assert (position.quantity, position.cost, position.average_price) == (-2000, Decimal("1.6"), 1250)
    assert position.realized_pnl == Decimal("0.2")


def test_inverse_contract_has_no_price_of_zero(ledger: StrategyLedger) -> None:
    """Such a fill is refused and not filed: its price is malformed."""
    terms = {"inverse": True, "base_currency": "BTC", "currency": "USD"}
    ledger.record_order("O1", market_order("BUY", 1, **terms))
    for price in (0, -1):
        with pytest.raises(InvalidValue) as refused:
            ledger.update_order_fill("O1", fill("F1", 1, price))
        assert refused.value.argument == "fill_data.price"
    assert (ledger.quarantined(), ledger.head().sequence) == ([], 1)


def test_keys_are_held_apart_and_found_by_what_is_named(ledger: StrategyLedger, trade: Trader) -> None:
    """(symbol, venue, account, side): parts left out mean all, and several are never added."""
    trade(10, 100)
    trade(20, 100, venue="X")
    trade(30, 100, venue="X", account="A")
    trade(-40, 100, venue="X", account="A", position_side="SHORT")
    trade(50, 100, symbol="OTHER")
    assert [position.quantity for position in ledger.get_open_positions()] == [10, 20, 30, -40, 50]
    assert ledger.get_position("ACME", venue="X", account="A", position_side="SHORT").quantity == -40
    assert ledger.get_position("ACME", position_side="SHORT").quantity == -40
    with pytest.raises(InvalidValue) as refused:
        ledger.get_position("ACME", venue="X", account="A")
    assert [key[3] for key in refused.value.keys] == ["NET", "SHORT"]
    with pytest.raises(InvalidValue) as refused:
        ledger.get_position("ACME")
    assert (refused.value.argument, refused.value.value) == ("symbol", "ACME")
    assert ledger.get_position("ACME", venue="X", account="A", position_side="NET").quantity == 30
    assert ledger.get_position("ACME", venue="Y").is_flat


def test_positions_of_several_keys_are_added_where_that_means_something(ledger: StrategyLedger, trade: Trader) -> None:
    """Same direction, same terms: quantity, cost, PnL and fees are sums; what the keys differ in is left open."""
    trade(10, 100, {"fee": 1, "fee_currency": "USD"}, venue="X", account="A")
    trade(30, 104, {"fee": 2, "fee_currency": "USD"}, venue="Y", account="A")
    trade(-10, 106, venue="Y", account="A")
    position = ledger.get_position("ACME", account="A")
    assert (position.quantity, position.cost, position.average_price) == (30, 3080, Decimal("102.666666666666666667"))
    assert (position.realized_pnl, position.fees) == (20, (Fee("USD", Decimal(3)),))
    assert (position.venue, position.account, position.position_side) == (None, "A", "NET")
    first, last = (ledger.get_position("ACME", venue=venue) for venue in ("X", "Y"))
    assert first.last_executed_at is not None
    assert last.last_executed_at is not None
    assert (position.opened_at, position.last_executed_at) == (first.opened_at, last.last_executed_at)
    assert first.last_executed_at < last.last_executed_at
    trade(-20, 104, venue="Y", account="A")
    assert ledger.get_position("ACME").quantity == 10
    trade(-10, 101, venue="X", account="A")
    flat = ledger.get_position("ACME")
    assert (flat.is_flat, flat.cost, flat.average_price, flat.realized_pnl) == (True, 0, None, 30)


def test_positions_of_one_hedge_side_are_added_on_that_side(ledger: StrategyLedger, trade: Trader) -> None:
    """What they agree in stays what it is."""
    trade(2, 100, venue="X", position_side="LONG")
    trade(1, 130, venue="Y", position_side="LONG")
    position = ledger.get_position("ACME")
    assert (position.quantity, position.average_price, position.position_side) == (3, 110, "LONG")
    trade(1, 150, venue="Z")
    position = ledger.get_position("ACME")
    assert (position.quantity, position.average_price, position.position_side) == (4, 120, "NET")


def test_position_of_a_hedge_side_and_one_that_is_flat_is_on_no_side(ledger: StrategyLedger, trade: Trader) -> None:
    """They are added, as nothing is held on the other; whatever they have in common is left."""
    trade(-4, 110, position_side="SHORT", venue="X")
    trade(4, 100, position_side="SHORT", venue="X")
    trade(3, 100, position_side="LONG", venue="X")
    position = ledger.get_position("ACME")
    assert (position.position_side, position.venue, position.quantity, position.realized_pnl) == ("NET", "X", 3, 40)


def test_positions_in_different_terms_are_not_added(ledger: StrategyLedger, trade: Trader) -> None:
    """Contracts of two sizes, or money of two currencies, make no average."""
    trade(10, 100, venue="X", multiplier=1)
    trade(10, 100, venue="Y", multiplier=5)
    trade(10, 100, venue="X", symbol="FX", currency="USD")
    trade(10, 100, venue="Y", symbol="FX", currency="EUR")
    for symbol in ("ACME", "FX"):
        with pytest.raises(InvalidValue) as refused:
            ledger.get_position(symbol)
        assert [key[1] for key in refused.value.keys] == ["X", "Y"]
        assert (refused.value.argument, refused.value.value) == ("symbol", symbol)


def test_hedge_sides_do_not_net(ledger: StrategyLedger, trade: Trader) -> None:
    """A hedged account holds long and short at once; each averages for itself."""
    trade(10, 100, position_side="LONG")
    trade(-4, 110, position_side="SHORT")
    position = trade(-5, 120, position_side="LONG")
    assert (position.quantity, position.realized_pnl) == (5, 100)
    exposure = ledger.get_position_exposure("ACME")
    assert (exposure.net_quantity, exposure.long_quantity, exposure.short_quantity) == (1, 5, 4)
    assert (exposure.gross_quantity, exposure.average_price, exposure.symbol) == (9, None, "ACME")


def test_exposure_counts_fractions_of_a_unit(ledger: StrategyLedger, trade: Trader) -> None:
    """Half a coin on either side is as long and as short as any; two parts of one side have one average."""
    trade("0.5", 100, position_side="LONG")
    trade("-0.25", 110, position_side="SHORT")
    exposure = ledger.get_position_exposure("ACME")
    assert (exposure.net_quantity, exposure.long_quantity) == (Decimal("0.25"), Decimal("0.5"))
    assert (exposure.short_quantity, exposure.average_price) == (Decimal("0.25"), None)
    trade("0.5", 100, symbol="COIN", venue="X")
    trade("1.5", 120, symbol="COIN", venue="Y")
    assert ledger.get_position_exposure("COIN").average_price == 115


def test_selling_short_is_selling(ledger: StrategyLedger) -> None:
    """SELL_SHORT reduces, as SELL does; a fill may call it either."""
    ledger.record_order("O1", market_order("SELL_SHORT", 10))
    ledger.update_order_fill("O1", fill("F1", 4, side="SELL"))
    ledger.update_order_fill("O1", fill("F1", 4, side="SELL_SHORT"))
    assert ledger.get_position("ACME").quantity == -4


def test_flat_position_is_not_open_but_remembered(ledger: StrategyLedger, trade: Trader) -> None:
    """get_open_positions lists what is held; get_position knows what was."""
    trade(10, 100)
    trade(-10, 103)
    assert ledger.get_open_positions() == []
    assert ledger.get_position("ACME").realized_pnl == 30


@pytest.mark.parametrize("method", ["AVERAGE", "", None])
def test_unknown_cost_method_is_refused(ledger: StrategyLedger, method: object) -> None:
    """Only what is offered is answered; nothing falls back in silence."""
    with pytest.raises(InvalidValue) as refused:
        ledger.get_position("ACME", cost_method=method)  # type: ignore[arg-type]  # what a caller might give
    assert refused.value.argument == "cost_method"


def test_exposure_adds_what_is_pending(ledger: StrategyLedger, trade: Trader) -> None:
    """Held, and what open orders may still add on either side; worst cases take one side each."""
    trade(10, 100)
    ledger.record_order("B", market_order("BUY", 7))
    ledger.update_order_fill("B", fill("F", 2, 106))
    ledger.record_order("S", market_order("SELL", 30))
    exposure = ledger.get_position_exposure("ACME")
    assert (exposure.net_quantity, exposure.pending_buy_quantity, exposure.pending_sell_quantity) == (12, 5, 30)
    assert (exposure.worst_case_long, exposure.worst_case_short, exposure.average_price) == (17, -18, 101)
    assert (exposure.long_quantity, exposure.short_quantity, exposure.gross_quantity) == (12, 0, 12)


@pytest.mark.parametrize("fact", ["in_doubt", "suspension", "guarantee", "acceptance"])
def test_every_open_order_is_pending(ledger: StrategyLedger, fact: str) -> None:
    """IN_DOUBT and SUSPENDED included: what may execute is counted."""
    ledger.record_order("O1", market_order("BUY", 7))
    getattr(ledger, f"update_order_{fact}")("O1")
    assert ledger.get_position_exposure("ACME").pending_buy_quantity == 7


def test_ended_orders_are_not_pending_and_good_till_orders_overnight_are(ledger: StrategyLedger) -> None:
    """Done for the day ends a day order; a GTC order works again tomorrow."""
    for order_id, time_in_force in (("DAY", "DAY"), ("GTC", "GTC")):
        ledger.record_order(order_id, market_order("BUY", 7, time_in_force=time_in_force))
        ledger.update_order_done_for_day(order_id)
    ledger.update_order_cancellation(ledger.record_order("O3", market_order("BUY", 7)).order_id)
    assert ledger.get_position_exposure("ACME").pending_buy_quantity == 7


def test_request_in_flight_counts_with_the_larger_quantity(ledger: StrategyLedger) -> None:
    """A raise may be granted, a cut refused: until the answer the larger of both is pending."""
    ledger.record_order("O1", market_order("SELL", 10))
    ledger.update_order_fill("O1", fill("F1", 4))
    ledger.request_order_replace("O1", {"quantity": 5}, "R1")
    assert ledger.get_position_exposure("ACME").pending_sell_quantity == 6
    ledger.request_order_replace("O1", {"quantity": 20}, "R2")
    assert ledger.get_position_exposure("ACME").pending_sell_quantity == 16
    ledger.request_order_cancel("O1", "C1")
    assert ledger.get_position_exposure("ACME").pending_sell_quantity == 16
    ledger.update_order_request_rejection("O1", "no", "R2")
    assert ledger.get_position_exposure("ACME").pending_sell_quantity == 6


def test_raise_in_flight_of_a_filled_order_is_pending(ledger: StrategyLedger) -> None:
    """The venue may grant it and execute at once: the worst case counts it although the order is not open."""
    ledger.record_order("O1", market_order("BUY", 10))
    ledger.update_order_fill("O1", fill("F1", 10))
    ledger.request_order_replace("O1", {"quantity": 15}, "R1")
    exposure = ledger.get_position_exposure("ACME")
    assert (exposure.net_quantity, exposure.pending_buy_quantity, exposure.worst_case_long) == (10, 5, 15)
    ledger.update_order_request_rejection("O1", "no", "R1")
    assert ledger.get_position_exposure("ACME").worst_case_long == 10


def test_exposure_of_a_venue_or_account_counts_that_alone(ledger: StrategyLedger, trade: Trader) -> None:
    """Parts left out mean all; an unknown symbol has none."""
    trade(10, 100, venue="X", account="A")
    trade(20, 110, venue="Y", account="A")
    ledger.record_order("P", market_order("BUY", 3, venue="X", account="B"))
    assert ledger.get_position_exposure("ACME").net_quantity == 30
    assert ledger.get_position_exposure("ACME").average_price == Decimal("106.666666666666666667")
    found = ledger.get_position_exposure("ACME", venue="X")
    assert (found.net_quantity, found.pending_buy_quantity) == (10, 3)
    found = ledger.get_position_exposure("ACME", account="A")
    assert (found.net_quantity, found.pending_buy_quantity) == (30, 0)
    found = ledger.get_position_exposure("NEVER")
    assert (found.net_quantity, found.worst_case_long, found.worst_case_short, found.average_price) == (0, 0, 0, None)


@pytest.mark.parametrize("cost_method", ["average", "fifo", "lifo"])
def test_each_part_of_a_key_chooses_whatever_the_cost_method(ledger: StrategyLedger, cost_method: str) -> None:
    """Venue, account and side, alone and together; what is left out means all."""
    keys: list[dict[str, Any]] = [
        {"venue": "XNAS", "account": "main", "position_side": "LONG"},
        {"venue": "XNAS", "account": "other", "position_side": "LONG"},
        {"venue": "XLON", "account": "main", "position_side": "SHORT"},
    ]
    for quantity, key in enumerate(keys, 1):
        side = "SELL" if key["position_side"] == "SHORT" else "BUY"
        ledger.record_order(f"O{quantity}", market_order(side, quantity, **key))
        ledger.update_order_fill(f"O{quantity}", fill("F", quantity, 100))
    for chosen, held in (
        ({"venue": "XNAS"}, 3),
        ({"venue": "XLON"}, -3),
        ({"account": "other"}, 2),
        ({"position_side": "LONG"}, 3),
        ({"position_side": "SHORT"}, -3),
        *((key, quantity) for quantity, key in zip((1, 2, -3), keys, strict=True)),
        ({"venue": "XLON", "account": "other"}, 0),
    ):
        assert ledger.get_position("ACME", cost_method=cost_method, **chosen).quantity == held, chosen
