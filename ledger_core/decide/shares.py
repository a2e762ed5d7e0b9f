"""Work out what of an order belongs to a trade, and add it up: whole orders, or shares of one between several.

Shares take the fills of an order in economic order, the oldest share first; a fill on the border of two shares is
divided. So what a share consists of does not depend on the order in which facts arrive.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import attrs

from ledger_core._frozen import FrozenDict, replaced
from ledger_core.decide.draft import Draft
from ledger_core.decide.holdings import instrument_of
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    Fee,
    Fill,
    Instrument,
    Key,
    Order,
    Record,
    RecordKind,
    Split,
    Trade,
    TradeLeg,
    split_quantity,
)
from ledger_core.numbers import ZERO, magnitude, minus, plain, plus, quotient, times, total
from ledger_core.positions import merge_fees


class TradeRecords(Protocol):
    """What adding up a trade looks at; an Overlay is one."""

    def get(self, kind: RecordKind, key: Key) -> Record | None:
        """Return a record, or None."""
        ...

    def order(self, order_id: str) -> Order:
        """Return an order; raise UnknownOrder."""
        ...

    def trade(self, trade_id: str) -> Trade:
        """Return a trade; raise UnknownTrade."""
        ...

    def fills_of(self, order_id: str) -> Sequence[Fill]:
        """Return every fill of an order."""
        ...

    def adjustments_of(
        self, symbol: str, *, since: datetime | None = None, kind: AdjustmentKind | None = None
    ) -> Sequence[Adjustment]:
        """Return the adjustments of a symbol that happened at `since` or later, of one kind where it is given."""
        ...


def figures_of(
    draft: TradeRecords,
    trade_id: str,
    order_ids: Iterable[str],
    shares: Mapping[str, Decimal],
    known: Iterable[TradeLeg],
) -> dict[str, Any]:
    """Return `legs`, `fees` and `opened_at` of a trade, added up from its fills.

    `known` are its legs so far: one of which every fill was busted stays, at zero, and splits stay with their leg.
    """
    fills = fills_of_trade(draft, trade_id, order_ids, shares)
    before = {(leg.symbol, leg.venue): leg for leg in known}
    legs: tuple[TradeLeg, ...] = ()
    for fill in fills:
        leg = before.get((fill.symbol, fill.venue))
        legs = add_fill(draft, legs, fill, instrument_of(draft, fill.venue, fill.symbol), leg)
    found = {(leg.symbol, leg.venue) for leg in legs}
    legs += tuple(_emptied(leg) for name, leg in before.items() if name not in found)
    figures: dict[str, Any] = {"legs": legs, "fees": merge_fees((), (fee for fill in fills for fee in fill.fees))}
    if legs:
        figures["opened_at"] = min(leg.first_executed_at for leg in legs)
    return figures


def fills_of_trade(
    records: TradeRecords, trade_id: str, order_ids: Iterable[str], shares: Mapping[str, Decimal]
) -> list[Fill]:
    """Return the fills, and parts of fills, that are a trade's, in economic order."""
    fills = [
        part
        for order_id in order_ids
        for part in _parts(records, records.order(order_id), trade_id, shares.get(order_id))
    ]
    return sorted(fills, key=lambda fill: fill.economic_order)


def add_fill(
    draft: TradeRecords, legs: tuple[TradeLeg, ...], fill: Fill, instrument: Instrument, known: TradeLeg | None = None
) -> tuple[TradeLeg, ...]:
    """Return the legs with one more fill in its own; a leg that is new takes the splits of the one `known` before."""
    for index, leg in enumerate(legs):
        if (leg.symbol, leg.venue) == (fill.symbol, fill.venue):
            return (*legs[:index], _grown(leg, fill, instrument), *legs[index + 1 :])
    new = TradeLeg(
        symbol=fill.symbol,
        venue=fill.venue,
        direction=fill.side,
        first_executed_at=fill.executed_at,
        first_sequence=fill.sequence,
        first_index=fill.index,
        splits=_splits_of(draft, fill) if known is None else known.splits,
    )
    return (*legs, _grown(new, fill, instrument))


def _splits_of(draft: TradeRecords, fill: Fill) -> tuple[Split, ...]:
    """Return the splits of an instrument that were recorded so far: a trade may begin after its fills were split."""
    return tuple(
        Split(known.occurred_at, known.sequence, known.ratio)
        for known in sorted(
            draft.adjustments_of(fill.symbol, kind=AdjustmentKind.SPLIT), key=lambda known: known.economic_order
        )
        if known.ratio is not None and known.venue in (None, fill.venue)
    )


def used_share(draft: Draft, order: Order) -> Decimal | None:
    """Return how much of an order is shared out; None where a trade has it whole."""
    shares = [draft.trade(trade_id).shares.get(order.order_id) for trade_id in order.trade_ids]
    return None if None in shares else total(share for share in shares if share is not None)


def shrunk_shares(draft: Draft, order: Order) -> Iterator[tuple[Trade, Mapping[str, Decimal]]]:
    """Yield the trades whose share of an order must shrink, the newest first, with their shares after it."""
    used = used_share(draft, order)
    excess = ZERO if used is None else minus(used, order.cum_quantity)
    for trade_id in reversed(order.trade_ids):
        if excess <= ZERO:
            return
        trade = draft.trade(trade_id)
        share = trade.shares[order.order_id]
        taken = min(share, excess)
        excess = minus(excess, taken)
        yield trade, FrozenDict({**trade.shares, order.order_id: plain(minus(share, taken))})


def split_shares(draft: Draft, order: Order, splits: tuple[Split, ...]) -> list[tuple[Trade, Mapping[str, Decimal]]]:
    """Return the trades that share an order which a split is about to restate, with their shares after it.

    A share is in the order's units: after the split it is what the trade's fills come to then.
    """
    found: list[tuple[Trade, Mapping[str, Decimal]]] = []
    for trade_id in order.trade_ids:
        trade = draft.trade(trade_id)
        share = trade.shares.get(order.order_id)
        if share is not None:
            parts = _parts(draft, order, trade_id, share)
            units = plain(total(split_quantity(part.quantity, part.economic_order, splits) for part in parts))
            found.append((trade, FrozenDict({**trade.shares, order.order_id: units})))
    return found


def _parts(records: TradeRecords, order: Order, trade_id: str, share: Decimal | None) -> Iterator[Fill]:
    """Yield the fills of an order that are a trade's, the one on the border of a share divided."""
    fills = [fill for fill in records.fills_of(order.order_id) if not fill.busted]
    if share is None:
        yield from fills
        return
    start = ZERO
    for other in order.trade_ids:
        if other == trade_id:
            break
        start = plus(start, records.trade(other).shares[order.order_id])
    end, place = plus(start, share), ZERO
    for fill in sorted(fills, key=lambda fill: fill.economic_order):
        counted = split_quantity(fill.quantity, fill.economic_order, order.splits)
        low, high = max(start, place), min(end, plus(place, counted))
        if low < high:
            yield _part(fill, minus(low, place), minus(high, place), counted)
        place = plus(place, counted)


def _part(fill: Fill, low: Decimal, high: Decimal, counted: Decimal) -> Fill:
    if not low and high == counted:
        return fill

    def part_of(amount: Decimal) -> Decimal:
        # Differences of a running share: the parts of a fill add up to it, to the last digit.
        before, after = (quotient(times(amount, place), counted) for place in (low, high))
        return plain(minus(after, before))

    fees = tuple(Fee(fee.currency, part_of(fee.amount)) for fee in fill.fees)
    return replaced(fill, {"quantity": part_of(fill.quantity), "fees": fees})


def _grown(leg: TradeLeg, fill: Fill, instrument: Instrument) -> TradeLeg:
    moved = magnitude(fill.signed_quantity)
    value = instrument.value(moved, fill.price)
    quantity = split_quantity(moved, fill.economic_order, leg.splits)
    sums: dict[str, Any] = (
        {
            "bought_quantity": plain(plus(leg.bought_quantity, quantity)),
            "bought_value": plain(plus(leg.bought_value, value)),
        }
        if fill.side.is_buy
        else {
            "sold_quantity": plain(plus(leg.sold_quantity, quantity)),
            "sold_value": plain(plus(leg.sold_value, value)),
        }
    )
    first = (leg.first_executed_at, leg.first_sequence, leg.first_index)
    was_emptied = not (leg.bought_quantity or leg.sold_quantity)  # every fill was busted: this one is the first
    if fill.economic_order < first or was_emptied:
        sums["direction"] = fill.side
        sums["first_executed_at"], sums["first_sequence"], sums["first_index"] = fill.economic_order
    return attrs.evolve(
        leg,
        **sums,
        currency=instrument.currency,
        base_currency=instrument.base_currency,
        multiplier=instrument.multiplier,
        inverse=instrument.inverse,
    )


def _emptied(leg: TradeLeg) -> TradeLeg:
    return attrs.evolve(leg, bought_quantity=ZERO, bought_value=ZERO, sold_quantity=ZERO, sold_value=ZERO)
