"""Decide on trades: which orders they group, what their fills come to, and when they may be closed.

Figures of a trade are sums over its fills, so the order in which facts arrive is no matter. A fact on an order
of a closed trade leaves it closed and publishes TRADE_RESTATED with the figures before and after. What of an order
belongs to a trade, `shares` works out.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from ledger_core._frozen import FrozenDict, given
from ledger_core.changes import EventType
from ledger_core.commands import CloseTrade, CreateTrade, TradeDetails, UpdateTrade
from ledger_core.decide.draft import Draft
from ledger_core.decide.shares import add_fill, figures_of, shrunk_shares, used_share
from ledger_core.errors import AllocationConflict, IdempotencyConflict, InvalidValue, TradeNotFlat
from ledger_core.lifecycle import TRADE_MACHINE, TradeEvent, TradeState
from ledger_core.model import Fill, Instrument, Key, Order, RecordKind, Trade
from ledger_core.numbers import ZERO, decimal_text, plain, plus
from ledger_core.positions import merge_fees

_details = given(TradeDetails)


def create(draft: Draft, command: CreateTrade) -> tuple[RecordKind, Key]:
    """Group orders, at least one of them filled, into a trade; the same id with the same orders is a repeat."""
    key = (command.trade_id,)
    known = draft.get(RecordKind.TRADE, key)
    if known is not None:
        assert isinstance(known, Trade), "kind TRADE"
        same = set(known.initial_order_ids) == set(command.order_ids) and known.initial_shares == command.shares
        if not same:
            raise IdempotencyConflict(
                f"trade {command.trade_id!r} is known with other orders",
                recorded=known.initial_shares or known.initial_order_ids,
                given=command.shares or command.order_ids,
            )
        return RecordKind.TRADE, key
    draft.refuse_archived(RecordKind.TRADE, key)
    draft.refuse_taken_id(RecordKind.ORDER, command.trade_id)
    _refuse_taken_orders(draft, command.order_ids, command.shares, command.trade_id)
    figures = figures_of(draft, command.trade_id, command.order_ids, command.shares, ())
    if not figures["legs"]:
        raise InvalidValue(
            "order_ids has no order with a fill; a trade begins with one",
            argument="order_ids",
            value=command.order_ids,
        )
    values: dict[str, Any] = {
        "order_ids": command.order_ids,
        "initial_order_ids": command.order_ids,
        **figures,
        **_details(command.details),
    }
    if command.shares:
        values.update(shares=command.shares, initial_shares=command.shares)
    if command.details.stop_price is not None:
        values["initial_stop_price"] = command.details.stop_price
    state = TRADE_MACHINE.target(None, TradeEvent.CREATION)
    draft.create(RecordKind.TRADE, key, values, event_type=EventType.TRADE_CREATED, to_state=state)
    _join(draft, command.order_ids, command.trade_id)
    return RecordKind.TRADE, key


def update(draft: Draft, command: UpdateTrade) -> tuple[RecordKind, Key]:
    """Change what is said of an open trade, or add further orders; no difference is a repeat."""
    trade = draft.trade(command.trade_id)
    values = {name: value for name, value in _details(command.details).items() if value != getattr(trade, name)}
    added = _added(trade, command.order_ids, command.shares)
    if values or added:
        TRADE_MACHINE.target(trade.state, TradeEvent.UPDATE)
        if "stop_price" in values and trade.initial_stop_price is None:
            values["initial_stop_price"] = values["stop_price"]
        values.update(_add_orders(draft, trade, added, command.shares))
        _change(draft, trade, TradeEvent.UPDATE, EventType.TRADE_UPDATED, values)
    return trade.kind, trade.key


def close(draft: Draft, command: CloseTrade) -> tuple[RecordKind, Key]:
    """Close a trade that is flat and works no order, or one whose residual the caller states exactly."""
    trade = draft.trade(command.trade_id)
    if trade.state is TradeState.CLOSED:
        _refuse_other_close(trade, command)
        return trade.kind, trade.key
    added = _added(trade, command.order_ids, command.shares)
    values = _add_orders(draft, trade, added, command.shares)
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
        if order.order_id in trade.shares:
            _restate_one(draft, trade)
            continue
        legs = add_fill(draft, trade.legs, fill, instrument)
        values: dict[str, Any] = {"legs": legs}
        if fill.fees:
            values["fees"] = merge_fees(trade.fees, fill.fees)
        opened_at = min(leg.first_executed_at for leg in legs)
        if opened_at != trade.opened_at:
            values["opened_at"] = opened_at
        _follow(draft, trade, values)


def restate(draft: Draft, order: Order) -> None:
    """Add up every trade of an order again, after its fills were busted, corrected or charged otherwise."""
    for trade_id in order.trade_ids:
        _restate_one(draft, draft.trade(trade_id))


def shrink_shares(draft: Draft, order: Order) -> None:
    """Where less of an order stands than was shared out, take it from the newest share first."""
    for trade, shares in shrunk_shares(draft, order):
        _follow(
            draft, trade, {"shares": shares, **figures_of(draft, trade.trade_id, trade.order_ids, shares, trade.legs)}
        )


def restated_by_split(draft: Draft, trade: Trade, legs: Any) -> None:
    """Stage a trade whose legs a split restated."""
    figures = figures_of(draft, trade.trade_id, trade.order_ids, trade.shares, legs)
    _change(draft, trade, TradeEvent.PROGRESS, EventType.TRADE_UPDATED, figures)


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


def _added(trade: Trade, order_ids: Iterable[str], shares: Mapping[str, Decimal]) -> list[str]:
    """Return the orders that a trade does not have yet; refuse another share of one that it has."""
    added = []
    for order_id in order_ids:
        if order_id not in trade.order_ids:
            added.append(order_id)
        elif order_id in shares and shares[order_id] != trade.shares.get(order_id):
            raise AllocationConflict(
                f"trade {trade.trade_id!r} has another share of order {order_id!r}",
                order_id=order_id,
                trade_ids=(trade.trade_id,),
                recorded=trade.shares.get(order_id),
                given=shares[order_id],
            )
    return added


def _refuse_taken_orders(draft: Draft, order_ids: Iterable[str], shares: Mapping[str, Decimal], trade_id: str) -> None:
    for order in [draft.order(order_id) for order_id in order_ids]:
        share = shares.get(order.order_id)
        used = used_share(draft, order)
        if share is None:
            problem = f"belongs to trade {order.trade_ids[0]!r}" if order.trade_ids else None
        elif used is None:
            problem = f"belongs to trade {order.trade_ids[0]!r} whole"
        elif plus(used, share) > order.cum_quantity:
            problem = f"has {order.cum_quantity} filled, of which {used} are shared out"
        else:
            problem = None
        if problem is not None:
            raise AllocationConflict(
                f"order {order.order_id!r} {problem}",
                order_id=order.order_id,
                trade_ids=order.trade_ids,
                given=trade_id if share is None else share,
            )


def _add_orders(draft: Draft, trade: Trade, order_ids: Sequence[str], shares: Mapping[str, Decimal]) -> dict[str, Any]:
    if not order_ids:
        return {}
    added = {order_id: shares[order_id] for order_id in order_ids if order_id in shares}
    _refuse_taken_orders(draft, order_ids, added, trade.trade_id)
    all_ids = (*trade.order_ids, *order_ids)
    all_shares = FrozenDict({**trade.shares, **added})
    found = figures_of(draft, trade.trade_id, all_ids, all_shares, trade.legs)
    values = {name: value for name, value in found.items() if value != getattr(trade, name)}
    if added:
        values["shares"] = all_shares
    _join(draft, order_ids, trade.trade_id)
    return {"order_ids": all_ids, **values}


def _join(draft: Draft, order_ids: Iterable[str], trade_id: str) -> None:
    for order_id in order_ids:
        order = draft.order(order_id)
        draft.change(order, {"trade_ids": (*order.trade_ids, trade_id)})


def _restate_one(draft: Draft, trade: Trade) -> None:
    found = figures_of(draft, trade.trade_id, trade.order_ids, trade.shares, trade.legs)
    values = {name: value for name, value in found.items() if value != getattr(trade, name)}
    if values:
        _follow(draft, trade, values)


def _follow(draft: Draft, trade: Trade, values: dict[str, Any]) -> None:
    """Stage what a fact on its orders makes of a trade: progress while it is open, a restatement afterwards."""
    if trade.state is TradeState.OPEN:
        _change(draft, trade, TradeEvent.PROGRESS, EventType.TRADE_UPDATED, values)
        return
    if not trade.restated:
        values["restated"] = True
    facts = {"before": figures(trade), "after": figures(attrs.evolve(trade, **values))}
    _change(draft, trade, TradeEvent.RESTATEMENT, EventType.TRADE_RESTATED, values, facts)


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
    held = _held(trade)
    if held != dict(residual):
        raise TradeNotFlat(
            f"trade {trade.trade_id!r} holds {_shown(held)}, which the residual does not state",
            trade_id=trade.trade_id,
            open_quantities=held,
            residual=residual,
        )


def _refuse_unfinished(draft: Draft, trade: Trade) -> None:
    held = _held(trade)
    whole = [order_id for order_id in trade.order_ids if order_id not in trade.shares]
    working = [order_id for order_id in whole if draft.order(order_id).is_open]
    if held or working:
        raise TradeNotFlat(
            f"trade {trade.trade_id!r} still holds {_shown(held)} and works {len(working)} orders; "
            "state a residual with a reason to close it all the same",
            trade_id=trade.trade_id,
            open_quantities=held,
            open_order_ids=tuple(working),
        )


def _held(trade: Trade) -> dict[str, Decimal]:
    """Return what a trade holds of each symbol, at all venues together."""
    held: dict[str, Decimal] = {}
    for leg in trade.legs:
        if leg.open_quantity:
            held[leg.symbol] = plain(plus(held.get(leg.symbol, ZERO), leg.open_quantity))
    return held


def _shown(held: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{decimal_text(quantity)} {symbol}" for symbol, quantity in held.items()) or "nothing"
