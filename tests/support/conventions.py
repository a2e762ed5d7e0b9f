"""How the sources of the conformance cases count money, and how their figures are compared with ours.

Ours: realized PnL is gross of fees and cumulative, cost is without fees, fees stand beside both. The sources put
fees elsewhere, so their share is folded here, in fractions, from the fills that the ledger answers with:

    freqtrade, worked_examples   entry fees belong to the cost and are realized pro rata with each exit; funding and
                                 interest are realized when paid
    nautilus                     fees in the money currency are realized when charged; realized restarts when the
                                 position opens from flat or flips; money is rounded at each fill
    lean                         fees are kept apart: realized is gross, as ours
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs

from ledger_core import Adjustment, AdjustmentKind, Fill, Position, StrategyLedger
from ledger_core.positions import Movement

COST_METHODS = {
    "gross_realized_average_cost": "average",
    "gross_realized_fifo": "fifo",
    "gross_realized_lifo": "lifo",
}
"""Figures of `derived_pnl_by_method` by the cost method that gives them."""

# Fields of `positions` that are not compared, and why.
NOT_COMPARED: Mapping[str, str] = {
    **dict.fromkeys(("symbol", "after_step", "tolerance", "note", "derived_note", "derived_fields"), "not a figure"),
    "realized_excludes_fees": "says which convention the source follows",
    "mark_price": "an input of unrealized figures",
    **dict.fromkeys(
        ("profit_ratio", "profit_ratio_total", "end_profit_ratio", "realized_return", "leverage"),
        "a ratio of figures that are compared; a ledger of orders knows no margin",
    ),
    **dict.fromkeys(
        ("cash", "equity", "last_exit_pnl_account_ccy", "fees_account_ccy"),
        "a ledger of orders keeps no cash and converts no currency",
    ),
    "peak_qty": "not kept: a question to the journal",
    "source_amount_after_full_exit": "a quirk of the source",
}

PRINTED_PLACES_MIN = 8
"""A figure printed with at least so many decimals is taken as rounded to them, a shorter one as exact."""

_ROUNDED_PLACES = {"USD": 2, "EUR": 2, "GBP": 2}
_ROUNDED_PLACES_DEFAULT = 8


def same(ours: Decimal | Fraction, theirs: str, tolerance: Decimal | Fraction | None = None) -> bool:
    """Say whether a figure is the one that a source printed."""
    printed = Decimal(theirs)
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int), "sources print finite numbers"
    if tolerance is None:
        rounded = -exponent >= PRINTED_PLACES_MIN
        # Sources compute in binary floating point: its last bit may show in the last printed place.
        unit = max(Fraction(10) ** exponent, abs(Fraction(printed)) / 2**52)
        tolerance = unit if rounded else Fraction(0)
    return abs(Fraction(ours) - Fraction(printed)) <= Fraction(tolerance)


@attrs.frozen
class FeeShare:
    """Where the fees of a position have gone after a number of fills, by the conventions of the sources."""

    held: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)  # all of them
    in_cost: Fraction = Fraction(0)  # of the entries that are still open
    realized: Fraction = Fraction(0)  # of the exits, with their share of the entries
    of_cycle: Fraction = Fraction(0)  # since the position was last flat, or flipped

    def moved(self, adjustment: Adjustment) -> "FeeShare":
        """Return the shares after an adjustment, which has no fee."""
        return attrs.evolve(self, held=self.held + Fraction(adjustment.signed_quantity))

    def after(self, fill: Fill, currency: str | None) -> "FeeShare":
        """Return the shares after one more fill; only fees in `currency` count, if it is given."""
        delta = Fraction(fill.signed_quantity)
        counted = [fee.amount for fee in fill.fees if currency is None or fee.currency == currency]
        fee = Fraction(0) if fill.fee_in_base else sum(map(Fraction, counted), Fraction(0))
        held, paid = self.held + delta, self.paid + fee
        if self.held * delta >= 0:
            of_cycle = fee + (self.of_cycle if self.held else 0)
            return attrs.evolve(self, held=held, paid=paid, in_cost=self.in_cost + fee, of_cycle=of_cycle)
        closed = min(abs(delta), abs(self.held))
        entry_fee = self.in_cost * closed / abs(self.held)
        exit_fee = fee * closed / abs(delta)
        flipped = abs(delta) > abs(self.held)
        return FeeShare(
            held=held,
            paid=paid,
            in_cost=fee - exit_fee if flipped else self.in_cost - entry_fee,
            realized=self.realized + entry_fee + exit_fee,
            of_cycle=fee - exit_fee if flipped else self.of_cycle + fee,
        )


class Conventions:
    """The money figures of one case, compared step by step."""

    def __init__(self, ledger: StrategyLedger, case: Mapping[str, Any], orders: Sequence[str]) -> None:
        """`orders` grows as the case places them."""
        self._ledger = ledger
        self._case = case
        self._orders = orders
        self._last = len(case["steps"])
        instrument = case.get("instrument", {})
        self._currency = instrument.get("settle_ccy") or instrument.get("quote_ccy")
        self._realized_before: dict[str, Fraction] = {}
        self._realized: dict[str, Fraction] = {}

    def after_step(self, number: int) -> None:
        """Compare the positions that the case expects after a step."""
        step = self._case["steps"][number - 1]
        if step["op"] == "fill" and "symbol" in step:
            symbol = step["symbol"]
            self._realized_before[symbol] = self._realized.get(symbol, Fraction(0))
            self._realized[symbol] = self._realized_by_source(symbol)
        for expected in self._case.get("positions", ()):
            if expected.get("after_step", self._last) == number:
                wanted = {**expected, **expected.get("derived", {})}
                wanted.pop("derived", None)
                for name in wanted.keys() - NOT_COMPARED.keys():
                    self._compare(wanted, name, f"{self._case['id']} after step {number}")

    def at_the_end(self) -> None:
        """Compare what the case says of its end: PnL by cost method, and closed trades."""
        for symbol, figures in self._case.get("derived_pnl_by_method", {}).items():
            for name, value in figures.items():
                position = self._ledger.get_position(symbol, cost_method=COST_METHODS.get(name, "average"))
                found = position.quantity if name == "net_qty" else position.realized_pnl
                assert name == "net_qty" or name in COST_METHODS, f"{name} is not known"
                assert same(found, value), f"{self._case['id']}: {name} is {found}, not {value}"
        self._compare_closed_trades(self._case.get("closed_trades", ()))

    def _fills(self, symbol: str) -> list[Fill]:
        found = self._ledger.find_fills(symbol=symbol, limit=None)
        return sorted(found, key=lambda fill: fill.economic_order)

    def _shares(self, symbol: str) -> FeeShare:
        shares = FeeShare()
        movements: list[Movement] = [*self._fills(symbol), *self._adjustments(symbol)]
        for movement in sorted(movements, key=lambda movement: movement.economic_order):
            shares = shares.after(movement, self._currency) if isinstance(movement, Fill) else shares.moved(movement)
        return shares

    def _adjustments(self, symbol: str) -> list[Adjustment]:
        return list(self._ledger.find_adjustments(symbol=symbol, limit=None))

    def _realized_by_source(self, symbol: str) -> Fraction:
        position, shares = self._ledger.get_position(symbol), self._shares(symbol)
        match self._case["source"]:
            case "lean":
                return Fraction(position.realized_pnl)
            case "nautilus":
                return Fraction(position.cycle_realized_pnl) - shares.of_cycle
            case _:
                return Fraction(position.realized_pnl) - shares.realized + self._received(position)

    def _received(self, position: Position) -> Fraction:
        """Return the cash that adjustments brought in the currency of the price, which freqtrade realizes."""
        received = Fraction(0)
        for flow in position.cash_flows:
            if flow.currency == (self._currency or position.symbol.partition("/")[2]):
                paid = flow.adjustment_kind is AdjustmentKind.INTEREST
                received += -Fraction(flow.amount) if paid else Fraction(flow.amount)
        return received

    def _compare(self, wanted: Mapping[str, Any], name: str, where: str) -> None:
        symbol, value = wanted["symbol"], wanted[name]
        position = self._ledger.get_position(symbol)
        if name == "fees":
            found = {fee.currency: fee.amount for fee in position.fees}
            expected = {currency: Decimal(amount) for currency, amount in value.items()}
            assert found == expected, f"{where}: fees are {found}, not {expected}"
            return
        figure = self._figure(name, position, wanted)
        assert figure is not None, f"{where}: there is no {name}"
        tolerance = self._tolerance(name, symbol, wanted)
        assert same(figure, value, tolerance), f"{where}: {name} is {figure}, not {value}"

    def _tolerance(self, name: str, symbol: str, wanted: Mapping[str, Any]) -> Decimal | Fraction | None:
        if name in ("net_qty", "avg_price"):
            return None
        if "tolerance" in wanted:
            return Decimal(str(wanted["tolerance"]))
        if self._case["source"] == "nautilus" and name in ("realized_pnl", "cumulative_realized_pnl", "total_pnl"):
            places = _ROUNDED_PLACES.get(self._currency or "", _ROUNDED_PLACES_DEFAULT)
            return Fraction(len(self._fills(symbol)), 2) * Fraction(1, 10**places)
        return None

    def _figure(self, name: str, position: Position, wanted: Mapping[str, Any]) -> Decimal | Fraction | None:
        symbol = position.symbol
        match name:
            case "net_qty":
                return position.quantity
            case "avg_price":
                return position.average_price
            case "cost_value":
                return position.cost
            case "cost_incl_fees":
                return Fraction(position.cost) + self._shares(symbol).in_cost
            case "gross_pnl":
                return position.realized_pnl
            case "realized_pnl" | "end_profit":
                return self._realized_by_source(symbol)
            case "cumulative_realized_pnl":
                return Fraction(position.realized_pnl) - self._shares(symbol).paid
            case "last_exit_pnl":
                return self._realized[symbol] - self._realized_before[symbol]
            case "unrealized_pnl":
                return _unrealized(position, Decimal(wanted["mark_price"]))
            case "total_pnl":
                return self._realized_by_source(symbol) + _unrealized(position, Decimal(wanted["mark_price"]))
            case "notional":
                return position.instrument.value(abs(position.quantity), Decimal(wanted["mark_price"]))
            case "avg_open" | "avg_close" | "open_value" | "close_value":
                return self._trade_figure(name)
            case _:
                raise KeyError(f"no figure of a position is known as {name!r}")

    def _trade_figure(self, name: str) -> Decimal | Fraction | None:
        """Read a figure of the round trip off a trade made of all the case's orders."""
        if not list(self._ledger.find_trades(limit=1)):
            self._ledger.create_trade("the whole case", self._orders)
        trade = self._ledger.get_trade("the whole case")
        if name == "avg_open":
            return trade.average_entry_price
        if name == "avg_close":
            return trade.average_exit_price or Decimal(0)
        assert trade.leg is not None, "these cases trade one symbol"
        enters = name == "open_value"
        _, value = trade.leg.entry if enters else trade.leg.exit
        bought = trade.direction.is_buy == enters
        fills = [fill for fill in self._ledger.find_fills(limit=None) if fill.side.is_buy == bought]
        fees = sum((Fraction(fee.amount) for fill in fills for fee in fill.fees), Fraction(0))
        received = Fraction(0) if enters else self._received(self._ledger.get_position(trade.leg.symbol))
        return Fraction(value) + (fees - received if bought else received - fees)

    def _compare_closed_trades(self, expected: Sequence[Mapping[str, Any]]) -> None:
        """Compare trades whose orders no other trade shares: the sources do not say which share is whose."""
        named = [order_id for one in expected for order_id in one["orders"]]
        if len(set(named)) != len(named):
            return
        for number, one in enumerate(expected, 1):
            self._ledger.create_trade(f"trade {number}", one["orders"])
            trade = self._ledger.close_trade(f"trade {number}")
            where = f"{self._case['id']}: trade {number}"
            assert trade.state == "CLOSED", where
            assert trade.direction == ("BUY" if one["direction"] == "LONG" else "SELL"), where
            figures = {
                "qty": trade.exit_quantity,
                "entry_price": trade.average_entry_price,
                "exit_price": trade.average_exit_price,
                "profit_loss": trade.realized_pnl,
            }
            for name, found in figures.items():
                assert found is not None, f"{where} has no {name}"
                assert same(found, one[name]), f"{where}: {name} is {found}, not {one[name]}"
        if expected:  # which trade bears a fee is the source's choice, the sum is not
            trades = list(self._ledger.find_trades(limit=None))
            fees = sum(Fraction(fee.amount) for trade in trades for fee in trade.fees)
            assert fees == sum(Fraction(one["fees"]) for one in expected), f"{self._case['id']}: fees are {fees}"


def _unrealized(position: Position, mark_price: Decimal) -> Fraction:
    value = position.instrument.value(abs(position.quantity), mark_price)
    gain = Fraction(value) - Fraction(position.cost)
    return gain if (position.quantity > 0) != position.inverse else -gain
