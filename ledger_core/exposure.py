"""Add up what is held and what may still be: the exposure of a symbol, and a position over several keys."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from ledger_core._frozen import replaced
from ledger_core.errors import InvalidValue
from ledger_core.model import Exposure, Order, Position, PositionSide, QuarantinedFact
from ledger_core.numbers import ZERO, magnitude, minus, plus, total
from ledger_core.positions import merge_fees, sum_cash_flows

_NEVER = (datetime.min.replace(tzinfo=UTC), 0, 0)


def exposure_of(
    symbol: str,
    positions: Sequence[Position],
    orders: Sequence[Order],
    facts: Sequence[QuarantinedFact],
) -> Exposure:
    """Sum what is held, what open orders may still add, and what waits in quarantine."""
    long = total(position.quantity for position in positions if position.quantity > 0)
    short = total(magnitude(position.quantity) for position in positions if position.quantity < 0)
    net = minus(long, short)
    buys = _pending(orders, is_buy=True)
    sells = _pending(orders, is_buy=False)
    return Exposure(
        symbol=symbol,
        net_quantity=net,
        long_quantity=long,
        short_quantity=short,
        average_price=_average_price(positions),
        pending_buy_quantity=buys,
        pending_sell_quantity=sells,
        worst_case_long=plus(plus(net, buys), _waiting(facts, is_buy=True)),
        worst_case_short=minus(minus(net, sells), _waiting(facts, is_buy=False)),
        unquantified_order_ids=tuple(order.order_id for order in orders if order.pending_quantity is None),
    )


def summed(symbol: str, exposures: Iterable[Exposure], positions: Sequence[Position]) -> Exposure:
    """Add up the exposures of several strategies to one symbol; `positions` are all that they hold of it."""
    parts = tuple(exposures)

    def sum_of(name: str) -> Decimal:
        return total(getattr(part, name) for part in parts)

    return Exposure(
        symbol=symbol,
        net_quantity=sum_of("net_quantity"),
        long_quantity=sum_of("long_quantity"),
        short_quantity=sum_of("short_quantity"),
        average_price=_average_price(positions),
        pending_buy_quantity=sum_of("pending_buy_quantity"),
        pending_sell_quantity=sum_of("pending_sell_quantity"),
        worst_case_long=sum_of("worst_case_long"),
        worst_case_short=sum_of("worst_case_short"),
        unquantified_order_ids=tuple(order_id for part in parts for order_id in part.unquantified_order_ids),
    )


def combined(positions: Sequence[Position]) -> Position:
    """Add positions of one symbol under several keys; raise InvalidValue where they differ in sign or terms."""
    held = [position for position in positions if not position.is_flat]
    terms = {(one.multiplier, one.inverse, one.base_currency, one.currency) for one in positions}
    if len(terms) > 1 or len({one.quantity > 0 for one in held}) > 1:
        keys = tuple(position.key for position in positions)
        raise InvalidValue(
            f"{positions[0].symbol!r} has positions that cannot be added: {', '.join(map(str, keys))}; "
            "name venue, account and position_side",
            argument="symbol",
            value=positions[0].symbol,
            keys=keys,
        )
    last = max(positions, key=lambda one: one.last_economic_order or _NEVER)
    shared = {
        name: getattr(last, name) if len({getattr(one, name) for one in positions}) == 1 else None
        for name in ("venue", "account")
    }
    sides = {one.position_side for one in positions}
    return replaced(
        last,
        {
            **shared,
            "position_side": sides.pop() if len(sides) == 1 else PositionSide.NET,
            "quantity": total(one.quantity for one in positions),
            "cost": total(one.cost for one in positions),
            "realized_pnl": total(one.realized_pnl for one in positions),
            "cycle_realized_pnl": total(one.cycle_realized_pnl for one in positions),
            "fees": merge_fees((), (fee for one in positions for fee in one.fees)),
            "cash_flows": sum_cash_flows(flow for one in positions for flow in one.cash_flows),
            "opened_at": min((one.opened_at for one in held if one.opened_at is not None), default=None),
        },
    )


def _pending(orders: Iterable[Order], *, is_buy: bool) -> Decimal:
    return total(order.pending_quantity or ZERO for order in orders if order.side.is_buy is is_buy)


def _waiting(facts: Iterable[QuarantinedFact], *, is_buy: bool) -> Decimal:
    return total(
        fact.quantity
        for fact in facts
        if fact.side is not None and fact.quantity is not None and fact.side.is_buy is is_buy
    )


def _average_price(positions: Sequence[Position]) -> Decimal | None:
    """Average over keys that agree in sign and terms; None otherwise."""
    terms = {(one.multiplier, one.inverse, one.quantity > 0, one.money_currency) for one in positions}
    if len(terms) != 1:
        return None
    quantity = total(magnitude(position.quantity) for position in positions)
    return positions[0].instrument.price(quantity, total(position.cost for position in positions))
