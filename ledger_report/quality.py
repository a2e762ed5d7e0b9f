"""How orders were executed: fill ratio, times, slippage against limit and arrival, maker share, reasons of rejections.

Slippage is money: positive is what an execution cost more than its benchmark, negative what it was better. Money of
different currencies is never added. Busted executions count nowhere.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from ledger_core import Change, Entry, Fill, Liquidity, Order, OrderState, RequestState, StrategyLedger
from ledger_core.model import Instrument, RecordKind
from ledger_core.netting import pnl_currency
from ledger_core.numbers import magnitude, minus, negated, plain, quotient, times, total
from ledger_report.pnl import Instruments, read_instruments

NO_REASON = "no reason given"

_BASIS_POINTS = Decimal(10_000)
_PERCENTILE = 95
_UNANSWERED = (OrderState.PLACED, OrderState.IN_DOUBT)


@attrs.frozen(kw_only=True)
class Durations:
    """How long something took, over `count` orders; negative where the venue's clock is behind ours."""

    count: int
    least: timedelta
    median: timedelta
    percentile_95: timedelta
    most: timedelta


@attrs.frozen(kw_only=True)
class Slippage:
    """What executions cost more than a benchmark, in one currency.

    `value` is what they would have come to at the benchmark; `cost` is the difference, positive to our disadvantage;
    `basis_points` is cost / value x 10,000, rounded to 18 places, None where the value is 0.
    """

    currency: str | None
    fills: int
    value: Decimal
    cost: Decimal
    basis_points: Decimal | None


@attrs.frozen(kw_only=True)
class MakerShare:
    """What of the executions, by value and in one currency, made liquidity; where the venue said which."""

    currency: str | None
    fills: int
    maker_fills: int
    value: Decimal
    maker_value: Decimal
    share: Decimal | None


@attrs.frozen(kw_only=True)
class Quality:
    """How a group of orders was executed; see the module for what the figures mean.

    `ended` are the orders that the venue works no more. `fill_ratio` is the mean over them of what was filled of the
    quantity (a rejected order has 0, one of unknown quantity is left out), `filled_share` how many were filled whole.
    `rejections` says how often the venue refused an order, a cancel or a replace, and why.
    """

    name: str
    orders: int
    ended: int
    filled: int
    partly_filled: int
    rejected: int
    fill_ratio: Decimal | None
    filled_share: Decimal | None
    time_to_acknowledgement: Durations | None
    time_to_first_fill: Durations | None
    time_to_filled: Durations | None
    against_limit: tuple[Slippage, ...]
    against_arrival: tuple[Slippage, ...]
    maker: tuple[MakerShare, ...]
    rejections: tuple[tuple[str, str, int], ...]


@attrs.frozen(kw_only=True)
class OrderHistory:
    """An order, its executions, and what the journal alone tells of it.

    `answered_at` is when the venue first said anything, at its own time: the first fact after which the order was
    neither PLACED nor IN_DOUBT. `limits` are (sequence, limit price), in order, one for each that was ever in force.
    """

    strategy_id: str
    order: Order
    fills: tuple[Fill, ...]
    instrument: Instrument
    answered_at: datetime | None
    limits: tuple[tuple[int, Decimal | None], ...]

    def limit_at(self, sequence: int) -> Decimal | None:
        """Return the limit price that was in force when an entry was recorded."""
        known = [price for place, price in self.limits if place <= sequence]
        return known[-1] if known else self.order.limit_price


@attrs.define
class _Told:
    """What the journal tells of an order, while it is read."""

    answered_at: datetime | None = None
    limits: list[tuple[int, Decimal | None]] = attrs.field(factory=list)


def order_histories(
    strategy_id: str,
    orders: Iterable[Order],
    fills: Iterable[Fill],
    entries: Iterable[Entry],
    instruments: Instruments,
) -> list[OrderHistory]:
    """Return the history of each order. `fills` and `entries` are those about the orders, or more; in order."""
    told: defaultdict[str, _Told] = defaultdict(_Told)
    for entry in entries:
        for change in entry.changes:
            if change.kind is RecordKind.ORDER:
                _listen(told[change.key[0]], entry, change)
    executed: defaultdict[str, list[Fill]] = defaultdict(list)
    for fill in fills:
        if not fill.busted:
            executed[fill.order_id].append(fill)
    unknown = Instrument(symbol="")
    return [
        OrderHistory(
            strategy_id=strategy_id,
            order=order,
            fills=tuple(executed[order.order_id]),
            instrument=instruments.get((order.venue, order.symbol), unknown),  # needed only where there are fills
            answered_at=told[order.order_id].answered_at,
            limits=tuple(told[order.order_id].limits),
        )
        for order in orders
    ]


def read_order_histories(
    ledger: StrategyLedger,
    *,
    symbol: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    watched: Callable[[Iterable[Entry]], Iterable[Entry]] = iter,
) -> list[OrderHistory]:
    """Return the histories of a ledger's orders that were placed from `since` on and before `until`.

    The journal is read from the first of them on; `watched` may look at the entries that go by. Where the journal was
    cut, orders that were recorded up to there are left out: what is left does not tell all of them.
    """
    base = ledger.archivist.base
    cut_at = 0 if base is None else base.cut_sequence
    found = ledger.find_orders(symbol=symbol, since=since, until=until, limit=None)
    orders = [order for order in found if order.sequence > cut_at]
    if not orders:
        return []
    first = min(order.sequence for order in orders)
    fills = list(ledger.find_fills(symbol=symbol, after=first - 1 or None, limit=None))
    entries = watched(ledger.read_journal(first - 1))
    return order_histories(ledger.strategy_id, orders, fills, entries, read_instruments(ledger, fills))


def quality_by(
    histories: Iterable[OrderHistory], group: Callable[[OrderHistory], str] = lambda _: "all"
) -> list[Quality]:
    """Return the quality of each group of orders, by name."""
    groups: defaultdict[str, list[OrderHistory]] = defaultdict(list)
    for history in histories:
        groups[group(history)].append(history)
    return [_quality(name, groups[name]) for name in sorted(groups)]


def _listen(told: _Told, entry: Entry, change: Change) -> None:
    if told.answered_at is None and change.to_state is not None and change.to_state not in _UNANSWERED:
        told.answered_at = entry.occurred_at
    if "limit_price" in change.values:
        told.limits.append((entry.sequence, change.values["limit_price"]))
    elif "details" in change.values:  # the birth of an order: its terms are those of its details
        told.limits.append((entry.sequence, change.values["details"].limit_price))


def _quality(name: str, histories: Sequence[OrderHistory]) -> Quality:
    ended = [one for one in histories if not one.order.is_open]
    filled = [one for one in ended if one.order.state is OrderState.FILLED]
    executed = [one for one in histories if one.fills]
    ratios = [
        quotient(min(one.order.cum_quantity, one.order.quantity), one.order.quantity)
        for one in ended
        if one.order.quantity
    ]
    return Quality(
        name=name,
        orders=len(histories),
        ended=len(ended),
        filled=len(filled),
        partly_filled=sum(bool(one.order.cum_quantity) for one in ended) - len(filled),
        rejected=sum(one.order.state is OrderState.REJECTED for one in ended),
        fill_ratio=quotient(total(ratios), Decimal(len(ratios))) if ratios else None,
        filled_share=quotient(Decimal(len(filled)), Decimal(len(ended))) if ended else None,
        time_to_acknowledgement=_durations(
            one.answered_at - one.order.placed_at for one in histories if one.answered_at is not None
        ),
        time_to_first_fill=_durations(
            min(fill.executed_at for fill in one.fills) - one.order.placed_at for one in executed
        ),
        time_to_filled=_durations(
            max(fill.executed_at for fill in one.fills) - one.order.placed_at for one in filled if one.fills
        ),
        against_limit=_slippage(executed, lambda one, fill: one.limit_at(fill.sequence)),
        against_arrival=_slippage(executed, lambda one, _: one.order.details.arrival_price),
        maker=_maker(executed),
        rejections=_rejections([one.order for one in histories]),
    )


def _slippage(
    histories: Iterable[OrderHistory], benchmark: Callable[[OrderHistory, Fill], Decimal | None]
) -> tuple[Slippage, ...]:
    sums: defaultdict[str | None, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for one in histories:
        terms = one.instrument
        for fill in one.fills:
            price = benchmark(one, fill)
            if price is None or (terms.inverse and price <= 0):
                continue
            value = terms.value(fill.quantity, price)
            more = minus(terms.value(fill.quantity, fill.price), value)
            cost = more if fill.side.is_buy != terms.inverse else negated(more)
            sums[pnl_currency(terms)].append((value, cost))
    return tuple(_one_slippage(currency, sums[currency]) for currency in sorted(sums, key=str))


def _one_slippage(currency: str | None, parts: Sequence[tuple[Decimal, Decimal]]) -> Slippage:
    value, cost = total(magnitude(value) for value, _ in parts), total(cost for _, cost in parts)
    return Slippage(
        currency=currency,
        fills=len(parts),
        value=plain(value),
        cost=plain(cost),
        basis_points=quotient(times(cost, _BASIS_POINTS), value) if value else None,
    )


def _maker(histories: Iterable[OrderHistory]) -> tuple[MakerShare, ...]:
    known: defaultdict[str | None, list[tuple[bool, Decimal]]] = defaultdict(list)
    for one in histories:
        for fill in one.fills:
            if fill.liquidity is not None:
                value = magnitude(one.instrument.value(fill.quantity, fill.price))
                known[pnl_currency(one.instrument)].append((fill.liquidity is Liquidity.MAKER, value))
    shares = []
    for currency in sorted(known, key=str):
        parts = known[currency]
        value = total(value for _, value in parts)
        made = total(value for is_maker, value in parts if is_maker)
        shares.append(
            MakerShare(
                currency=currency,
                fills=len(parts),
                maker_fills=sum(is_maker for is_maker, _ in parts),
                value=plain(value),
                maker_value=plain(made),
                share=quotient(made, value) if value else None,
            )
        )
    return tuple(shares)


def _rejections(orders: Iterable[Order]) -> tuple[tuple[str, str, int], ...]:
    """Return (what was refused, why, how often), the most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for order in orders:
        if order.state is OrderState.REJECTED:
            counts["order", order.reason or NO_REASON] += 1
        for request in order.requests:
            if request.state is RequestState.REJECTED:
                counts[request.request_kind.value.lower(), request.reason or NO_REASON] += 1
    return tuple((what, why, count) for (what, why), count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _durations(lengths: Iterable[timedelta]) -> Durations | None:
    ordered = sorted(lengths)
    if not ordered:
        return None
    return Durations(
        count=len(ordered),
        least=ordered[0],
        median=ordered[(len(ordered) - 1) // 2],
        percentile_95=ordered[-(-len(ordered) * _PERCENTILE // 100) - 1],
        most=ordered[-1],
    )
