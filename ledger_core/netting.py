"""Net a realized figure: convert fees and cash flows by rates that the caller gives, and list what has no rate.

Nothing is assumed: a currency without a rate is listed, never taken as zero, and rates are not chained.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import attrs

from ledger_core import checks as check
from ledger_core._answer import Answer
from ledger_core.errors import InvalidValue
from ledger_core.model import AdjustmentKind, CashFlow, Fee, Fill, Instrument, Opening
from ledger_core.numbers import ONE, ZERO, minus, negated, plain, plus, quotient, times
from ledger_core.positions import Movement, merge_cash_flows, merge_fees

Rates = Mapping[tuple[str, str], Decimal]
"""(base, quote) -> how much of the quote one unit of the base is."""


@attrs.frozen
class RealizedPnl(Answer):
    """A gross figure in its own currency; None where the currency is not known."""

    currency: str | None
    amount: Decimal


@attrs.frozen(kw_only=True)
class NetPnl(Answer):
    """`net_realized_pnl` = `gross_realized_pnl` - `fees` + `cash_flows`, all in `currency`.

    `fees` (positive = paid) and `cash_flows` (positive = received) are what could be converted; `unconverted` lists
    the rest, as it was paid, received or realized: the net figure is complete only if that is empty. Where a realized
    PnL has no rate, gross and net are None. `within_gross` are payments in the base currency which moved the quantity
    of the position: the realized PnL has them already.
    """

    currency: str
    gross_realized_pnl: Decimal | None
    fees: Decimal
    cash_flows: Decimal
    net_realized_pnl: Decimal | None
    unconverted: tuple[RealizedPnl | Fee | CashFlow, ...]
    within_gross: tuple[CashFlow, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything could be converted."""
        return not self.unconverted


def check_rates(given: object, argument: str = "rates") -> Rates:
    """Check rates: {("BNB", "USDT"): "310.5"} means that 1 BNB is 310.5 USDT. None means none."""
    if given is None:
        return {}
    rates = {}
    for key, rate in check.mapping_of(given, argument).items():
        pair = check.items_of(key, argument) if issubclass(type(key), tuple) else ()
        if len(pair) != 2:
            raise InvalidValue(
                f"{argument} has a key that is no pair of currencies, such as ('BNB', 'USDT')",
                argument=argument,
                value=key,
            )
        base, quote = check.check_id(pair[0], f"{argument}.base"), check.check_id(pair[1], f"{argument}.quote")
        path = f"{argument}[{(base, quote)!r}]"
        if base == quote:
            raise InvalidValue(f"{path} is between a currency and itself", argument=path, value=rate)
        rates[base, quote] = check.check_quantity(rate, path)
    return rates


def net_of(
    currency: str,
    rates: Rates,
    realized: Iterable[RealizedPnl],
    movements: Iterable[tuple[Movement, Instrument]],
    openings: Iterable[tuple[Opening, Instrument]] = (),
) -> NetPnl:
    """Return realized figures net of the fees and cash flows of their movements, each with its instrument's terms.

    The fees of what was archived come with the openings.

    A fee in the base currency left the position without being realized: it is valued at the price of its own fill,
    so that gross less fees is the money that flowed.
    """
    unconverted: list[RealizedPnl | Fee | CashFlow] = []
    gross: Decimal | None = ZERO
    for figure in realized:
        amount = _converted(figure.amount, figure.currency, currency, rates)
        if amount is None:
            unconverted.append(figure)
        gross = None if amount is None or gross is None else plus(gross, amount)
    paid: tuple[Fee, ...] = ()
    for opening, instrument in openings:
        money = pnl_currency(instrument)
        is_known = money is not None and _converted(ONE, money, currency, rates) is not None
        paid = merge_fees(paid, opening.money_fees if is_known else opening.fees)
    flowed: tuple[CashFlow, ...] = ()
    within: tuple[CashFlow, ...] = ()
    for movement, instrument in movements:
        if isinstance(movement, Fill):
            paid = merge_fees(paid, _fees(movement, instrument, currency, rates))
        elif movement.moves_quantity:
            within = merge_cash_flows(within, movement)
        else:
            flowed = merge_cash_flows(flowed, movement)
    fees, cash_flows = ZERO, ZERO
    for fee in paid:
        amount = _converted(fee.amount, fee.currency, currency, rates)
        if amount is None:
            unconverted.append(fee)
        else:
            fees = plus(fees, amount)
    for flow in flowed:
        amount = _converted(flow.amount, flow.currency, currency, rates)
        if amount is None:
            unconverted.append(flow)
        else:
            received = negated(amount) if flow.adjustment_kind is AdjustmentKind.INTEREST else amount
            cash_flows = plus(cash_flows, received)
    return NetPnl(
        currency=currency,
        gross_realized_pnl=None if gross is None else plain(gross),
        fees=plain(fees),
        cash_flows=plain(cash_flows),
        net_realized_pnl=None if gross is None else plain(plus(minus(gross, fees), cash_flows)),
        unconverted=tuple(unconverted),
        within_gross=within,
    )


def pnl_currency(instrument: Instrument) -> str | None:
    """Return the currency of PnL; where none was given, what a symbol written BASE/QUOTE says."""
    if instrument.money_currency is not None:
        return instrument.money_currency
    base, slash, rest = instrument.symbol.partition("/")
    if not slash:
        return None
    return (base if instrument.inverse else rest.partition(":")[0]) or None


def _fees(fill: Fill, instrument: Instrument, currency: str, rates: Rates) -> tuple[Fee, ...]:
    money = pnl_currency(instrument)
    if money is None or _converted(fill.price, money, currency, rates) is None:
        return fill.fees
    return money_fees(fill, instrument)


def money_fees(fill: Fill, instrument: Instrument) -> tuple[Fee, ...]:
    """Return the fees of a fill, one that was taken out of its quantity in the currency of the PnL."""
    money = pnl_currency(instrument)
    if not fill.fee_in_base or money is None:
        return fill.fees
    value = instrument.value(fill.base_fee, fill.price)
    return (Fee(money, value), *fill.fees[1:])


def _converted(amount: Decimal, given: str | None, wanted: str, rates: Rates) -> Decimal | None:
    """Convert by the rate as given, else by its reverse, rounded to 18 places; None where there is neither."""
    if given == wanted or not amount:
        return amount
    if given is None:
        return None
    rate, reverse = rates.get((given, wanted)), rates.get((wanted, given))
    if rate is not None:
        return times(amount, rate)
    return None if reverse is None else quotient(amount, reverse)
