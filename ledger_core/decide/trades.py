"""Decide on trades: which orders they group, what their fills come to, and when they may be closed.

Figures of a trade are sums over its fills, so the order in which facts arrive is no matter. A fact on an order
of a closed trade leaves it closed and publishes TRADE_RESTATED with the figures before and after.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from ledger_core.changes import EventType
from ledger_core.commands import CloseTrade, CreateTrade, TradeDetails, UpdateTrade
from ledger_core.decide.draft import Draft
from ledger_core.errors import AllocationConflict, IdempotencyConflict, InvalidValue, TradeNotFlat
from ledger_core.lifecycle import TRADE_MACHINE, TradeEvent, TradeState
from ledger_core.model import Fill, Instrument, Key, Order, RecordKind, Trade, TradeLeg
from ledger_core.numbers import decimal_text, plain, plus
from ledger_core.positions import merge_fees


def create(draft: Draft, command: CreateTrade) -> tuple[RecordKind, Key]:
    """Group orders, at least one of them filled, into a trade; the same id with the same orders is a repeat."""
    key = (command.trade_id,)
    known = draft.get(RecordKind.TRADE, key)
    if known is not None:
        assert isinstance(known, Trade), "kind TRADE"
        if set(known.initial_order_ids) != set(command.order_ids):
            raise IdempotencyConflict(
                f"trade {command.trade_id!r} is known with other orders",
                recorded=known.initial_order_ids,
                given=command.order_ids,
            )
        return RecordKind.TRADE, key
    draft.refuse_taken_id(RecordKind.ORDER, command.trade_id)
    orders = _free_orders(draft, command.order_ids, command.trade_id)
    legs, fills = _with_fills(draft, (), orders)
    if not legs:
        raise InvalidValue(
            "order_ids has no order with a fill; a trade begins with one",
            argument="order_ids",
            value=command.order_ids,
        )
    values: dict[str, Any] = {
        "order_ids": command.order_ids,
        "initial_order_ids": command.order_ids,
        "legs": legs,
        "opened_at": min(leg.first_executed_at for leg in legs),
        **_details(command.details),
    }
    fees = merge_fees((), (fee for fill in fills for fee in fill.fees))
    if fees:
        values["fees"] = fees
    state = TRADE_MACHINE.target(None, TradeEvent.CREATION)
    draft.create(RecordKind.TRADE, key, values, event_type=EventType.TRADE_CREATED, to_state=state)
    _join(draft, orders, command.trade_id)
    return RecordKind.TRADE, key


def update(draft: Draft, command: UpdateTrade) -> tuple[RecordKind, Key]:
    """Change what is said of an open trade, or add further orders; no difference is a repeat."""
    trade = draft.trade(command.trade_id)
    values = {name: value for name, value in _details(command.details).items() if value != getattr(trade, name)}
    added = [order_id for order_id in command.order_ids if order_id not in trade.order_ids]
    if values or added:
        TRADE_MACHINE.target(trade.state, TradeEvent.UPDATE)
        values.update(_add_orders(draft, trade, added))
        _change(draft, trade, TradeEvent.UPDATE, EventType.TRADE_UPDATED, values)
    return trade.kind, trade.key


def close(draft: Draft, command: CloseTrade) -> tuple[RecordKind, Key]:
    """Close a trade that is flat and works no order, or one whose residual the caller states exactly."""
    trade = draft.trade(command.trade_id)
    if trade.state is TradeState.CLOSED:
        _refuse_other_close(trade, command)
        return trade.kind, trade.key
    added = [order_id for order_id in command.order_ids if order_id not in trade.order_ids]
    values = _add_orders(draft, trade, added)
    after = attrs.evolve(trade, **values)
    if command.residual:
        _refuse_wrong_residual(after, command.residual)
        values.update(residual=command.residual, residual_reason=command.residual_reason)
    else:
        _refuse_unfinished(draft, after)
    values.update(closed_at=command.occurred_at, exit_order_ids=command.order_ids)
    if command.reason:
        values["reason"] = command.reason
    facts = {"reason": command.reason} if command.reason else {}
    _change(draft, trade, TradeEvent.CLOSURE, EventType.TRADE_CLOSED, values, facts)
    return trade.kind, trade.key


def progress(draft: Draft, order: Order, fill: Fill, instrument: Instrument) -> None:
    """Add a new fill of an order to the trades it belongs to."""
    for trade_id in order.trade_ids:
        trade = draft.trade(trade_id)
        legs = _add_fill(trade.legs, fill, instrument)
        values: dict[str, Any] = {"legs": legs}
        if fill.fees:
            values["fees"] = merge_fees(trade.fees, fill.fees)
        opened_at = min(leg.first_executed_at for leg in legs)
        if opened_at != trade.opened_at:
            values["opened_at"] = opened_at
        if trade.state is TradeState.OPEN:
            _change(draft, trade, TradeEvent.PROGRESS, EventType.TRADE_UPDATED, values)
        else:
            if not trade.restated:
                values["restated"] = True
            facts = {"before": figures(trade), "after": figures(attrs.evolve(trade, **values))}
            _change(draft, trade, TradeEvent.RESTATEMENT, EventType.TRADE_RESTATED, values, facts)


def figures(trade: Trade) -> dict[str, str | None]:
    """Return the figures of a trade that a restatement compares, as text."""
    named = {
        "entry_quantity": trade.entry_quantity,
        "exit_quantity": trade.exit_quantity,
        "open_quantity": trade.open_quantity,
        "average_entry_price": trade.average_entry_price,
        "average_exit_price": trade.average_exit_price,
        "realized_pnl": trade.realized_pnl,
    }
    return {name: None if value is None else decimal_text(value) for name, value in named.items()}


def _details(details: TradeDetails) -> dict[str, Any]:
    return {name: value for name, value in attrs.asdict(details, recurse=False).items() if value is not None}


def _free_orders(draft: Draft, order_ids: Iterable[str], trade_id: str) -> list[Order]:
    orders = [draft.order(order_id) for order_id in order_ids]
    for order in orders:
        if order.trade_ids:
            raise AllocationConflict(
                f"order {order.order_id!r} belongs to trade {order.trade_ids[0]!r}",
                order_id=order.order_id,
                trade_ids=order.trade_ids,
                given=trade_id,
            )
    return orders


def _add_orders(draft: Draft, trade: Trade, order_ids: Sequence[str]) -> dict[str, Any]:
    if not order_ids:
        return {}
    orders = _free_orders(draft, order_ids, trade.trade_id)
    legs, fills = _with_fills(draft, trade.legs, orders)
    _join(draft, orders, trade.trade_id)
    values: dict[str, Any] = {"order_ids": (*trade.order_ids, *order_ids)}
    if fills:
        values["legs"] = legs
        values["opened_at"] = min(leg.first_executed_at for leg in legs)
    fees = tuple(fee for fill in fills for fee in fill.fees)
    if fees:
        values["fees"] = merge_fees(trade.fees, fees)
    return values


def _join(draft: Draft, orders: Iterable[Order], trade_id: str) -> None:
    for order in orders:
        draft.change(order, {"trade_ids": (*order.trade_ids, trade_id)})


def _with_fills(
    draft: Draft, legs: tuple[TradeLeg, ...], orders: Iterable[Order]
) -> tuple[tuple[TradeLeg, ...], list[Fill]]:
    fills = [fill for order in orders for fill in draft.fills_of(order.order_id)]
    fills.sort(key=lambda fill: fill.economic_order)
    for fill in fills:
        instrument = draft.get(RecordKind.INSTRUMENT, (fill.venue or "", fill.symbol))
        assert isinstance(instrument, Instrument), "every recorded order has noted its instrument"
        legs = _add_fill(legs, fill, instrument)
    return legs, fills


def _add_fill(legs: tuple[TradeLeg, ...], fill: Fill, instrument: Instrument) -> tuple[TradeLeg, ...]:
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
    )
    return (*legs, _grown(new, fill, instrument))


def _grown(leg: TradeLeg, fill: Fill, instrument: Instrument) -> TradeLeg:
    quantity = fill.signed_quantity.copy_abs()
    value = instrument.value(quantity, fill.price)
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
    if fill.economic_order < first:
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


def _change(
    draft: Draft,
    trade: Trade,
    event: TradeEvent,
    event_type: EventType,
    values: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
) -> None:
    state = TRADE_MACHINE.target(trade.state, event)
    if state is not trade.state:
        values = {**values, "state": state}
    draft.change(trade, values, event_type=event_type, from_state=trade.state, to_state=state, facts=facts)


def _refuse_other_close(trade: Trade, command: CloseTrade) -> None:
    other_orders = bool(command.order_ids) and set(command.order_ids) != set(trade.exit_order_ids)
    other_residual = bool(command.residual) and dict(command.residual) != dict(trade.residual)
    if other_orders or other_residual:
        raise IdempotencyConflict(
            f"trade {trade.trade_id!r} was closed otherwise",
            recorded={"order_ids": trade.exit_order_ids, "residual": trade.residual},
            given={"order_ids": command.order_ids, "residual": command.residual},
        )


def _refuse_wrong_residual(trade: Trade, residual: Mapping[str, Any]) -> None:
    held = {leg.symbol: leg.open_quantity for leg in trade.legs if leg.open_quantity}
    if held != dict(residual):
        shown = {symbol: decimal_text(quantity) for symbol, quantity in held.items()}
        raise TradeNotFlat(
            f"trade {trade.trade_id!r} holds {shown}, which the residual does not state",
            trade_id=trade.trade_id,
            open_quantities=held,
            residual=residual,
        )


def _refuse_unfinished(draft: Draft, trade: Trade) -> None:
    held = {leg.symbol: leg.open_quantity for leg in trade.legs if leg.open_quantity}
    working = [order_id for order_id in trade.order_ids if draft.order(order_id).is_open]
    if held or working:
        shown = ", ".join(f"{decimal_text(quantity)} {symbol}" for symbol, quantity in held.items())
        raise TradeNotFlat(
            f"trade {trade.trade_id!r} still holds {shown or 'nothing'} and works {len(working)} orders; "
            "state a residual with a reason to close it all the same",
            trade_id=trade.trade_id,
            open_quantities=held,
            open_order_ids=tuple(working),
        )
