"""What is left of a realized figure after fees and cash flows, and how a trade went."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger_core import AdjustmentKind, CashFlow, Fee, InvalidValue, StrategyLedger
from ledger_core.model import Instrument
from ledger_core.netting import RealizedPnl, pnl_currency
from ledger_core.trade_statistics import Mark
from support import fill, market_order
from support.trading import at, traded

# -- net ----------------------------------------------------------------------------------------------------------


def charged(ledger: StrategyLedger) -> StrategyLedger:
    """Charge the two fills: 2 USD, and 0.01 BNB."""
    ledger.update_fill_fee("BUY", "F0", [{"amount": 2, "currency": "USD"}])
    ledger.update_fill_fee("SELL", "F1", [{"amount": "0.01", "currency": "BNB"}])
    return ledger


def test_net_is_gross_less_fees_with_rates_given() -> None:
    """A rate converts; a pair serves the other way round too, rounded to 18 places."""
    ledger = charged(traded(("BUY", 10, 100), ("SELL", 10, 110)))
    net = ledger.get_net_pnl(symbol="ACME", currency="USD", rates={("BNB", "USD"): "310.5"})
    assert (net.gross_realized_pnl, net.fees, net.net_realized_pnl) == (100, Decimal("5.105"), Decimal("94.895"))
    assert net.is_complete
    in_euro = ledger.get_net_pnl(symbol="ACME", currency="EUR", rates={("EUR", "USD"): 3, ("BNB", "EUR"): 100})
    third = Decimal("33.333333333333333333")
    assert (in_euro.gross_realized_pnl, in_euro.fees) == (third, Decimal("1.666666666666666667"))
    assert ledger.create_trade("T", ["BUY", "SELL"]).realized_pnl == 100
    assert ledger.get_net_pnl("T", currency="USD", rates={("BNB", "USD"): "310.5"}) == net


def test_what_has_no_rate_is_listed_and_never_zero() -> None:
    """A fee without a rate is left out of the sum and listed; a PnL without one leaves no figure at all."""
    ledger = charged(traded(("BUY", 10, 100), ("SELL", 10, 110)))
    net = ledger.get_net_pnl(symbol="ACME", currency="USD")
    assert (net.fees, net.net_realized_pnl) == (2, 98)
    assert (net.unconverted, net.is_complete) == ((Fee("BNB", Decimal("0.01")),), False)
    other = ledger.get_net_pnl(symbol="ACME", currency="EUR", rates={("BNB", "EUR"): 100})
    assert (other.gross_realized_pnl, other.net_realized_pnl, other.fees) == (None, None, 1)
    assert other.unconverted == (RealizedPnl("USD", Decimal(100)), Fee("USD", Decimal(2)))
    assert other.as_dict()["unconverted"][0] == {"currency": "USD", "amount": "100"}


def test_net_of_a_part_of_the_key_is_of_that_part_alone() -> None:
    """Each venue has the terms of its own instrument; what is left out of the key means all."""
    ledger = traded()
    keys = ({"venue": "X"}, {"venue": "Y", "account": "A"}, {"venue": "Y", "position_side": "LONG"})
    for number, key in enumerate(keys):
        for side, price in (("BUY", 100), ("SELL", 101 + number)):
            order_id = f"{side}{number}"
            ledger.record_order(order_id, market_order(side, 10, currency="EUR", **key))
            ledger.update_order_fill(order_id, fill("F", 10, price))
    found = [ledger.get_net_pnl(symbol="ACME", currency="EUR", **key).net_realized_pnl for key in keys]
    assert found == [10, 20, 30]
    assert ledger.get_net_pnl(symbol="ACME", currency="EUR", venue="Y").net_realized_pnl == 50
    assert ledger.get_net_pnl(symbol="ACME", currency="EUR").net_realized_pnl == 60
    assert [ledger.get_position("ACME", cost_method="fifo", **key).realized_pnl for key in keys] == found
    ledger.create_trade("T", ["BUY0", "SELL0"])
    assert ledger.get_net_pnl("T", currency="EUR").net_realized_pnl == 10


def test_currency_of_a_pair_is_read_off_its_symbol() -> None:
    """Where none was given, BASE/QUOTE says it; a symbol that says nothing leaves it unknown."""
    pair = traded(("BUY", 1, 100), ("SELL", 1, 110), symbol="BTC/USDT", currency=None)
    assert pair.get_net_pnl(symbol="BTC/USDT", currency="USDT").net_realized_pnl == 10
    unknown = traded(("BUY", 1, 100), ("SELL", 1, 110), currency=None)
    assert unknown.get_net_pnl(symbol="ACME", currency="USD").unconverted == (RealizedPnl(None, Decimal(10)),)


@pytest.mark.parametrize(
    ("symbol", "linear", "inverse"),
    [
        ("BTC/USDT", "USDT", "BTC"),
        ("BTC/USDT:USDT", "USDT", "BTC"),
        ("BTC/USD:BTC", "USD", "BTC"),
        ("A/B/C", "B/C", "A"),
        ("X:Y/Z", "Z", "X:Y"),
        ("/USD", "USD", None),
        ("BTC/", None, "BTC"),
        ("BTC", None, None),
    ],
)
def test_currency_of_pnl_is_what_the_first_slash_of_a_symbol_divides(
    symbol: str, linear: str | None, inverse: str | None
) -> None:
    """The quote of a linear contract, without where it is settled; the base of an inverse one; given ones count first."""
    assert pnl_currency(Instrument(symbol=symbol)) == linear
    assert pnl_currency(Instrument(symbol=symbol, inverse=True)) == inverse
    known: dict[str, Any] = {"currency": "QUO", "base_currency": "BAS"}
    assert pnl_currency(Instrument(symbol=symbol, **known)) == "QUO"
    assert pnl_currency(Instrument(symbol=symbol, inverse=True, **known)) == "BAS"


def test_only_the_first_fee_is_taken_out_of_the_quantity() -> None:
    """The others of the same fill are money as they are."""
    ledger = traded(symbol="BTC/USDT", currency="USDT", base_currency="BTC")
    fees = [("0.01", "BTC"), (3, "USDT"), (4, "BNB")]
    given = [{"amount": amount, "currency": currency} for amount, currency in fees]
    ledger.update_order_fill("BUY", fill("F0", 1, 100, fees=given, fee_in_base=True))
    net = ledger.get_net_pnl(symbol="BTC/USDT", currency="USDT")
    assert (net.currency, net.fees, net.unconverted) == ("USDT", 4, (Fee("BNB", Decimal(4)),))


def test_fee_in_the_base_currency_is_valued_at_its_own_fill() -> None:
    """1 bought at 100 with 0.01 kept back, 0.99 sold at 110: what flowed is 108.9 - 100."""
    ledger = traded(symbol="BTC/USDT", currency="USDT", base_currency="BTC")
    data = fill("F0", 1, 100, fees=[{"amount": "0.01", "currency": "BTC"}], fee_in_base=True)
    ledger.update_order_fill("BUY", data)
    ledger.update_order_fill("SELL", fill("F1", "0.99", 110))
    net = ledger.get_net_pnl(symbol="BTC/USDT", currency="USDT")
    assert (net.gross_realized_pnl, net.fees) == (Decimal("9.9"), 1)
    assert (net.net_realized_pnl, net.unconverted) == (Decimal("8.9"), ())
    assert ledger.get_net_pnl(symbol="BTC/USDT", currency="EUR").unconverted[1:] == (Fee("BTC", Decimal("0.01")),)


def test_cash_flows_are_signed_by_their_kind() -> None:
    """Funding and dividends are received, interest is paid; interest that moved the quantity counts once."""
    ledger = traded(("BUY", 10, 100), base_currency="ACM")
    for number, (kind, amount, currency) in enumerate(
        [("FUNDING", -3, "USD"), ("DIVIDEND", 10, "USD"), ("INTEREST", 2, "USD"), ("INTEREST", 1, "ACM")]
    ):
        given = {"kind": kind, "symbol": "ACME", "amount": amount, "currency": currency}
        ledger.record_adjustment(f"A{number}", given, occurred_at=at(10 + number))
    ledger.update_order_fill("SELL", fill("F1", 9, 100, executed_at=at(20)))
    net = ledger.get_net_pnl(symbol="ACME", currency="USD")
    assert (net.gross_realized_pnl, net.cash_flows, net.net_realized_pnl) == (-100, 5, -95)
    assert net.within_gross == (CashFlow(AdjustmentKind.INTEREST, "ACM", Decimal(1)),)
    assert net.is_complete
    ledger.create_trade("T", ["BUY", "SELL"])
    assert ledger.get_net_pnl("T", currency="USD").cash_flows == 0


class Unreadable(tuple[str, ...]):
    """A tuple whose items cannot be had."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        """Break."""
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("rates", "argument"),
    [
        ([("BNB", "USD", 3)], "rates"),
        ({"BNB/USD": 3}, "rates"),
        ({frozenset({"BNB", "USD"}): 3}, "rates"),
        ({Unreadable(("BNB", "USD")): 3}, "rates"),
        ({("BNB", "USD"): 310.5}, "rates[('BNB', 'USD')]"),
        ({("BNB", "USD"): 0}, "rates[('BNB', 'USD')]"),
        ({("BNB", "BNB"): 1}, "rates[('BNB', 'BNB')]"),
        ({("BNB", 7): 1}, "rates.quote"),
    ],
)
def test_malformed_rates_are_refused(rates: Any, argument: str) -> None:
    """With the path of what is wrong."""
    with pytest.raises(InvalidValue) as refused:
        traded().get_net_pnl(symbol="ACME", currency="USD", rates=rates)
    assert refused.value.argument == argument


def test_currency_is_a_name() -> None:
    """Nothing else is a currency, and there is no default."""
    with pytest.raises(InvalidValue) as refused:
        traded().get_net_pnl(symbol="ACME", currency=7)  # type: ignore[arg-type]  # what a caller might give
    assert refused.value.argument == "currency"


def test_refusal_of_rates_holds_what_was_given() -> None:
    """The key that is no pair, or the rate of a currency in itself, is in the error."""
    for rates, value in (({("A", "B", "C"): 3}, ("A", "B", "C")), ({("BNB", "BNB"): 7}, 7)):
        with pytest.raises(InvalidValue) as refused:
            traded().get_net_pnl(symbol="ACME", currency="USD", rates=rates)
        assert refused.value.value == value
    with pytest.raises(InvalidValue) as refused:
        traded().get_net_pnl(symbol="ACME", currency="USD", rates={(7, "USD"): 1})
    assert refused.value.argument == "rates.base"


def test_cash_flow_without_a_rate_is_listed() -> None:
    """As it was paid or received, beside a net figure that is not complete."""
    ledger = traded(("BUY", 10, 100))
    given = {"kind": "DIVIDEND", "symbol": "ACME", "amount": 4, "currency": "EUR"}
    ledger.record_adjustment("A1", given, occurred_at=at(10))
    net = ledger.get_net_pnl(symbol="ACME", currency="USD")
    assert net.unconverted == (CashFlow(AdjustmentKind.DIVIDEND, "EUR", Decimal(4)),)
    assert (net.cash_flows, net.is_complete) == (0, False)


# -- statistics ---------------------------------------------------------------------------------------------------


def test_statistics_measure_a_trade_by_its_risk() -> None:
    """Entered 10 at 100 with a stop at 95, multiplier 5: 250 at risk, 500 made."""
    ledger = traded(("BUY", 10, 100), ("SELL", 10, 110), multiplier=5)
    ledger.create_trade("T", ["BUY", "SELL"], {"stop_price": 95})
    assert ledger.get_trade_statistics("T").holding_time is None
    ledger.update_trade("T", {"stop_price": 105})
    ledger.update_order_cancellation("BUY")
    ledger.update_order_cancellation("SELL")
    ledger.close_trade("T", occurred_at=at(90))
    marks = [(at(-5), 1), {"at": at(0.5), "price": 97}, Mark(at(0.7), Decimal(112)), (at(50), 3)]
    found = ledger.get_trade_statistics("T", marks)
    assert (found.initial_risk, found.r_multiple) == (250, 2)
    assert (found.maximum_adverse_excursion, found.maximum_favorable_excursion) == (-150, 600)
    assert (found.holding_time, found.currency) == (timedelta(seconds=90), "USD")
    assert found.as_dict()["holding_time"] == "90"
    none = ledger.get_trade_statistics("T")
    assert (none.maximum_adverse_excursion, none.maximum_favorable_excursion) == (None, None)


def test_statistics_without_a_stop_have_no_risk() -> None:
    """Nor has a trade whose stop is its entry an R-multiple."""
    ledger = traded(("BUY", 10, 100))
    ledger.create_trade("T", ["BUY"])
    found = ledger.get_trade_statistics("T")
    assert (found.initial_risk, found.r_multiple, found.realized_pnl) == (None, None, 0)
    ledger.update_trade("T", {"stop_price": 100})
    found = ledger.get_trade_statistics("T")
    assert (found.initial_risk, found.r_multiple) == (0, None)


def test_statistics_of_a_short_inverse_trade_are_in_the_base() -> None:
    """1000 contracts short at 50, stop at 40: at risk are 1000/40 - 1000/50 coins; at 100 ten were made."""
    ledger = traded(("SELL", 1000, 50), inverse=True, base_currency="BTC")
    ledger.create_trade("T", ["SELL"], {"stop_price": 40})
    found = ledger.get_trade_statistics("T", [(at(1), 100), (at(2), 40)])
    assert (found.initial_risk, found.currency) == (5, "BTC")
    assert (found.maximum_adverse_excursion, found.maximum_favorable_excursion) == (-10, 5)


def test_statistics_follow_a_split() -> None:
    """The stop was stated in old units, marks are in those of their own time."""
    ledger = traded(("BUY", 10, 100))
    ledger.create_trade("T", ["BUY"], {"stop_price": 90})
    ledger.record_adjustment("A", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(10))
    found = ledger.get_trade_statistics("T", [(at(5), 110), (at(15), 45)])
    assert found.initial_risk == 100
    assert (found.maximum_adverse_excursion, found.maximum_favorable_excursion) == (-100, 100)


def test_excursions_begin_with_the_first_fill_and_follow_every_fraction() -> None:
    """A mark at the moment of a fill comes after it; what is held is worth as much below one unit, and below zero."""
    ledger = traded(("BUY", "0.5", 100), ("SELL", "1", 102))
    ledger.create_trade("T", ["BUY", "SELL"])

    def excursions(*marks: tuple[float, object]) -> tuple[Any, Any]:
        found = ledger.get_trade_statistics("T", [(at(seconds), price) for seconds, price in marks])
        assert (found.trade_id, found.initial_risk) == ("T", None)
        return found.maximum_adverse_excursion, found.maximum_favorable_excursion

    assert excursions((-1, 1), (0.5, 104)) == (2, 2)
    assert excursions((0, 110), (0.5, 90)) == (-5, 5)
    assert excursions((1, 102), (2, 101)) == (1, Decimal("1.5"))
    assert excursions((0.5, -10)) == (-55, -55)
    assert excursions((-1, 1)) == (None, None)


def test_stop_of_an_inverse_trade_is_a_price_above_zero() -> None:
    """However small: at zero there is no limit to the loss, and so no risk to measure by."""
    for stop_price, risk in (("0.5", 1000 / Decimal("0.5") - 1000 / Decimal(50)), (0, None), (-1, None)):
        ledger = traded(("BUY", 1000, 50), inverse=True, base_currency="BTC")
        ledger.create_trade("T", ["BUY"], {"stop_price": stop_price})
        assert ledger.get_trade_statistics("T").initial_risk == risk


def test_excursions_of_several_legs_need_a_price_of_each() -> None:
    """A mark counts once every leg that is held has one; legs in several currencies have no excursions."""
    ledger = traded(("BUY", 10, 100))
    ledger.record_order("HEDGE", market_order("SELL", 5, symbol="HEDGE", currency="USD"))
    ledger.update_order_fill("HEDGE", fill("F1", 5, 50, executed_at=at(0)))
    ledger.create_trade("T", ["BUY", "HEDGE"], {"stop_price": 90})
    marks = [(at(1), 90, "ACME"), (at(2), 40, "HEDGE"), (at(3), 120, "ACME"), (at(3), 60, "HEDGE")]
    found = ledger.get_trade_statistics("T", marks)
    assert (found.maximum_adverse_excursion, found.maximum_favorable_excursion) == (-50, 150)
    assert (found.initial_risk, found.r_multiple) == (None, None)
    with pytest.raises(InvalidValue) as refused:
        ledger.get_trade_statistics("T", [(at(1), 90)])
    assert refused.value.argument == "marks[0].symbol"
    ledger.record_order("EURO", market_order(symbol="EURO", currency="EUR"))
    ledger.update_order_fill("EURO", fill("F1", 10, 7))
    ledger.update_trade("T", {"order_ids": ["EURO"]})
    assert ledger.get_trade_statistics("T", marks).maximum_adverse_excursion is None


NAIVE = at(0).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("marks", "argument", "value", "words"),
    [
        ("2026", "marks", "2026", "a list of marks, not str"),
        ({"at": at(0), "price": 1}, "marks", {"at": at(0), "price": 1}, "a list of marks, not dict"),
        (b"2026", "marks", b"2026", "a list of marks, not bytes"),
        ([5], "marks[0]", 5, "must be a Mark, or have at, price, symbol"),
        ([{}], "marks[0]", {}, "must be a Mark, or have at, price, symbol"),
        ([(at(0), 1), (at(0),)], "marks[1]", (at(0),), "must be a Mark"),
        ([(at(0), 1, "ACME", 2)], "marks[0]", (at(0), 1, "ACME", 2), "must be a Mark"),
        ([tuple(range(1001))], "marks[0]", None, "more than 1000 items"),
        ([(at(0), 1.5)], "marks[0].price", 1.5, "float"),
        ([(NAIVE, 1)], "marks[0].at", NAIVE, "naive"),
        ([{"at": at(0), "price": 1, "size": 2}], "marks[0]", "size", "has no key 'size'; known are at, price, symbol"),
        ([{"at": at(0), 7: 2}], "marks[0]", 7, "must be a str"),
        ([(at(0), 1, "OTHER")], "marks[0].symbol", "OTHER", "must be one of ACME"),
        ([(at(0), 1, 7)], "marks[0].symbol", 7, "must be a str"),
    ],
)
def test_malformed_marks_are_refused(marks: Any, argument: str, value: object, words: str) -> None:
    """With the path of what is wrong, and what was there."""
    ledger = traded(("BUY", 10, 100))
    ledger.create_trade("T", ["BUY"])
    with pytest.raises(InvalidValue, match=words) as refused:
        ledger.get_trade_statistics("T", marks)
    assert (refused.value.argument, refused.value.value) == (argument, value)


@pytest.mark.parametrize("price", [0, -1])
def test_mark_of_an_inverse_contract_has_a_price_above_zero(price: int) -> None:
    """There is no worth at zero, and none below."""
    ledger = traded(("SELL", 1000, 50), inverse=True, base_currency="BTC")
    ledger.create_trade("T", ["SELL"])
    with pytest.raises(InvalidValue) as refused:
        ledger.get_trade_statistics("T", [(at(1), price)])
    assert (refused.value.argument, refused.value.value) == ("marks[0].price", price)
    assert ledger.get_trade_statistics("T", [(at(1), "0.5")]).maximum_adverse_excursion is not None
