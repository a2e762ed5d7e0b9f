"""Decide on what moves positions and money without an execution: funding, interest, dividends, splits, transfers."""

from typing import Any, cast

import attrs

from ledger_core._frozen import given as given_of
from ledger_core.changes import EventType
from ledger_core.commands import AdjustmentDetails, RecordAdjustment
from ledger_core.decide.draft import Draft
from ledger_core.decide.holdings import add_adjustment, instrument_of
from ledger_core.decide.orders import note_terms
from ledger_core.decide.shares import split_shares
from ledger_core.decide.trades import restated_by_split
from ledger_core.errors import IdempotencyConflict, InvalidValue
from ledger_core.lifecycle import OrderEvent
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    Instrument,
    Key,
    Order,
    Position,
    RecordKind,
    Split,
    Trade,
    split_quantity,
)
from ledger_core.numbers import ONE, plain, quotient, times, total

SPLIT = "SPLIT"
"""The reason of an order that a split restated."""

_OTHERWISE = ("base_currency", "multiplier", "inverse", "kind")
"""What is kept of an adjustment elsewhere, or under another name."""

_values_of = given_of(AdjustmentDetails, *_OTHERWISE)
_COMPARED = tuple(name for name in attrs.fields_dict(AdjustmentDetails) if name not in ("metadata", *_OTHERWISE))


def record_adjustment(draft: Draft, command: RecordAdjustment) -> tuple[RecordKind, Key]:
    """Book an adjustment; the same id with the same content is a repeat, two ids at one moment both count."""
    key = (command.adjustment_id,)
    known = draft.get(RecordKind.ADJUSTMENT, key)
    given = command.adjustment
    if known is not None:
        assert isinstance(known, Adjustment), "kind ADJUSTMENT"
        _refuse_other_content(known, given)
        return RecordKind.ADJUSTMENT, key
    if given.kind is AdjustmentKind.SPLIT:
        adjustment = _create(draft, command)
        _split(draft, adjustment)
        return RecordKind.ADJUSTMENT, key
    note_terms(
        draft,
        given.venue,
        given.symbol,
        multiplier=given.multiplier,
        inverse=given.inverse,
        base_currency=given.base_currency,
        currency=None if given.kind.moves_cash else given.currency,  # that of money says nothing of its price
    )
    instrument = instrument_of(draft, given.venue, given.symbol)
    if instrument.inverse and given.price is not None and given.price <= 0:
        raise InvalidValue(
            f"an inverse contract has no price of {given.price}", argument="adjustment.price", value=given.price
        )
    adjustment = _create(draft, command, moves_quantity=_moves_quantity(given, instrument))
    add_adjustment(draft, adjustment, adjustment.position_key, instrument)
    return RecordKind.ADJUSTMENT, key


def _create(draft: Draft, command: RecordAdjustment, *, moves_quantity: bool = False) -> Adjustment:
    given = command.adjustment
    values = {**_values_of(given), "adjustment_kind": given.kind, "occurred_at": command.occurred_at}
    if moves_quantity:
        values["moves_quantity"] = True
    record = draft.create(
        RecordKind.ADJUSTMENT,
        (command.adjustment_id,),
        values,
        event_type=EventType.ADJUSTMENT_RECORDED,
        facts={"adjustment_id": command.adjustment_id},
    )
    return cast(Adjustment, record)


def _moves_quantity(given: AdjustmentDetails, instrument: Instrument) -> bool:
    """Say whether interest is paid in what the position itself consists of.

    Where no base currency is known, the symbol says it if it is written BASE/QUOTE, as is the custom.
    """
    if given.kind is not AdjustmentKind.INTEREST or instrument.inverse:
        return False
    base, slash, _ = given.symbol.partition("/")
    return given.currency == (instrument.base_currency or (base if slash else None))


def _refuse_other_content(known: Adjustment, given: AdjustmentDetails) -> None:
    differing = [name for name in _COMPARED if getattr(given, name) != getattr(known, name)]
    if known.adjustment_kind is not given.kind:
        differing.append("kind")
    if differing:
        raise IdempotencyConflict(
            f"adjustment {known.adjustment_id!r} is known with other {', '.join(differing)}",
            fields=tuple(differing),
            recorded=known,
            given=given,
        )


def _split(draft: Draft, adjustment: Adjustment) -> None:
    """Restate every position of the symbol, its open orders and its open trades."""
    for position in draft.concerned(RecordKind.POSITION, adjustment.symbol):
        if isinstance(position, Position) and adjustment.concerns(position.key):
            add_adjustment(draft, adjustment, position.key, position.instrument)
    assert adjustment.ratio is not None, "a split has one"
    split = Split(adjustment.occurred_at, adjustment.sequence, adjustment.ratio)
    for order in draft.concerned(RecordKind.ORDER, adjustment.symbol):
        if isinstance(order, Order) and adjustment.concerns(order.position_key):
            _restate_order(draft, order, split)
    for trade in draft.concerned(RecordKind.TRADE, adjustment.symbol):
        assert isinstance(trade, Trade), "kind TRADE"
        _restate_trade(draft, trade, adjustment, split)


def _restate_order(draft: Draft, order: Order, split: Split) -> None:
    splits = (*order.splits, split)
    for trade, shares in split_shares(draft, order, splits):
        draft.change(trade, {"shares": shares})
    fills = [fill for fill in draft.fills_of(order.order_id) if not fill.busted]
    quantity = None if order.quantity is None else quotient(times(order.quantity, split.ratio), ONE)
    cum_quantity = plain(total(split_quantity(fill.quantity, fill.economic_order, splits) for fill in fills))
    values: dict[str, Any] = {"splits": splits, "quantity": quantity, "cum_quantity": cum_quantity}
    for name in ("limit_price", "stop_price", "trailing_offset"):
        price = getattr(order, name)
        if price is not None:
            values[name] = quotient(price, split.ratio)
    values = {name: value for name, value in values.items() if value != getattr(order, name)}
    if quantity is not None and cum_quantity >= quantity:  # told late, behind fills in the new units
        event = OrderEvent.TERMS_COMPLETE
        draft.change_order(order, event, EventType.ORDER_RESTATED, values, facts={"reason": SPLIT})
        return
    draft.change(
        order,
        values,
        event_type=EventType.ORDER_RESTATED,
        from_state=order.state,
        to_state=order.state,
        status=order.status,
        facts={"reason": SPLIT},
    )


def _restate_trade(draft: Draft, trade: Trade, adjustment: Adjustment, split: Split) -> None:
    legs = tuple(
        attrs.evolve(leg, splits=(*leg.splits, split))
        if leg.symbol == adjustment.symbol and adjustment.venue in (None, leg.venue)
        else leg
        for leg in trade.legs
    )
    if legs != trade.legs:
        restated_by_split(draft, trade, legs)
