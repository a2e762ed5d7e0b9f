"""What a broker says it has, as plain records -> checked values: open orders, executions, positions.

Checked as everything that callers hand in: key by key, an unknown key refused with the nearest known name, errors
with the path of the argument, such as `snapshot.executions[3].price`.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import attrs

from ledger_core import checks as check
from ledger_core.lifecycle import OrderStatus
from ledger_core.model import Fee, Liquidity, OrderType, PositionSide, Side, TimeInForce
from ledger_core.numbers import ZERO, Price, magnitude, minus, negated

ITEMS_MAX = 100_000
"""The most orders, executions or positions in one snapshot."""

ENDED_STATUSES = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
"""What a broker says of an order that it does not work any more, though it still lists it."""

ValueT = TypeVar("ValueT")


@attrs.frozen(kw_only=True)
class BrokerOrder:
    """An order as the broker lists it; `order_id` is ours (the client order id), None where the broker has none."""

    order_id: str | None = None
    venue_order_id: str | None = None
    symbol: str
    side: Side
    quantity: Decimal
    cum_quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    status: OrderStatus | None = None
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide | None = None
    order_type: OrderType | None = None
    time_in_force: TimeInForce | None = None

    @property
    def reference(self) -> str:
        """The order as the broker names it: by our id, else by its own."""
        return self.order_id or self.venue_order_id or ""

    @property
    def has_ended(self) -> bool:
        """Whether the broker says that it does not work the order any more."""
        return self.status in ENDED_STATUSES


@attrs.frozen(kw_only=True)
class BrokerExecution:
    """An execution as the broker lists it, of the order that `order_id` or `venue_order_id` names."""

    fill_id: str
    order_id: str | None = None
    venue_order_id: str | None = None
    symbol: str | None = None
    side: Side | None = None
    quantity: Decimal
    price: Price
    fees: tuple[Fee, ...] | None = None
    fee_in_base: bool | None = None
    liquidity: Liquidity | None = None
    executed_at: datetime | None = None
    trade_date: date | None = None

    @property
    def reference(self) -> str:
        """The order as the broker names it: by our id, else by its own."""
        return self.order_id or self.venue_order_id or ""

    def moves(self, *, is_buy: bool) -> Decimal:
        """Return what it adds to the position of an order of this side, less a fee taken in the base currency."""
        gross = self.quantity if is_buy else negated(self.quantity)
        return minus(gross, self.fees[0].amount) if self.fee_in_base and self.fees else gross


@attrs.frozen(kw_only=True)
class BrokerPosition:
    """A position as the broker lists it, its quantity signed; None stands for a part that was not given."""

    symbol: str
    quantity: Decimal
    venue: str | None = None
    account: str | None = None
    position_side: PositionSide | None = None
    average_price: Price | None = None


@attrs.frozen(kw_only=True)
class Snapshot:
    """What a broker says it has. A part that is None was not asked for; an empty one says that there is none.

    `as_of` is when it was taken. With `venue` or `account` it speaks of that venue or account alone.
    """

    open_orders: tuple[BrokerOrder, ...] | None = None
    executions: tuple[BrokerExecution, ...] | None = None
    positions: tuple[BrokerPosition, ...] | None = None
    as_of: datetime | None = None
    venue: str | None = None
    account: str | None = None

    def covers(self, venue: str | None, account: str | None) -> bool:
        """Say whether it speaks of what is on this venue and account; ours that name none may be anywhere."""
        return agrees(self.venue, venue) and agrees(self.account, account)


def agrees(given: object, other: object) -> bool:
    """Say whether two parts of a key may be the same: they are, or one of them was not given."""
    return given is None or other is None or given == other


def broker_snapshot(given: object) -> Snapshot:
    """Check `snapshot`; items that are listed twice, word for word, count once (but for positions: they are added).

    Raises InvalidValue.
    """
    read = check.read_keys(given, _SNAPSHOT, "snapshot")
    told = Snapshot(**read)
    if told.open_orders is None and told.executions is None and told.positions is None:
        raise check.invalid("snapshot", given, "says nothing; give open_orders, executions or positions")
    return told


def _order(given: object, argument: str) -> BrokerOrder:
    read = check.read_keys(given, _ORDER, argument, required=("symbol", "side", "quantity"))
    _refuse_nameless(read, given, argument)
    return BrokerOrder(**read)


def _execution(given: object, argument: str) -> BrokerExecution:
    read = check.read_keys(given, _EXECUTION, argument, required=("fill_id", "quantity", "price"))
    _refuse_nameless(read, given, argument)
    if ("fee" in read) != ("fee_currency" in read):
        raise check.invalid(f"{argument}.fee_currency", given, "goes with fee: give both or neither")
    if "fee" in read:
        if "fees" in read:
            raise check.invalid(f"{argument}.fees", given, "give fee and fee_currency, or fees, not both")
        read["fees"] = (Fee(read.pop("fee_currency"), read.pop("fee")),)
    if read.get("fee_in_base") and not read.get("fees"):
        raise check.invalid(f"{argument}.fee_in_base", given, "needs a fee: the first of fees is the one in the base")
    return BrokerExecution(**read)


def _position(given: object, argument: str) -> BrokerPosition:
    read = check.read_keys(given, _POSITION, argument, required=("symbol", "quantity"))
    side, quantity = read.get("position_side"), read["quantity"]
    if side not in (None, PositionSide.NET) and quantity and (quantity > ZERO) != (side is PositionSide.LONG):
        hint = f"{'-' if quantity > ZERO else ''}{magnitude(quantity)}"
        raise check.invalid(
            f"{argument}.quantity", quantity, f"is signed: a {side} position holds {hint}, not {quantity}"
        )
    return BrokerPosition(**read)


def _fee(given: object, argument: str) -> Fee:
    return Fee(**check.read_keys(given, _FEE, argument, required=("amount", "currency")))


def _refuse_nameless(read: Mapping[str, Any], given: object, argument: str) -> None:
    if "order_id" not in read and "venue_order_id" not in read:
        raise check.invalid(f"{argument}.order_id", given, "is required, or venue_order_id")


def _of(words: type[StrEnum]) -> check.Parser:
    return lambda value, argument: check.check_enum(words, value, argument)


def _all(parser: Callable[[object, str], ValueT], *, distinct: bool) -> Callable[[object, str], tuple[ValueT, ...]]:
    def read(value: object, argument: str) -> tuple[ValueT, ...]:
        given = check.items_of(value, argument, at_most=ITEMS_MAX)
        items = [parser(item, f"{argument}[{index}]") for index, item in enumerate(given)]
        return tuple(dict.fromkeys(items)) if distinct else tuple(items)

    return read


_FEE: Mapping[str, check.Parser] = {"amount": check.check_amount, "currency": check.check_id}
_ORDER: Mapping[str, check.Parser] = {
    "order_id": check.check_id,
    "venue_order_id": check.check_id,
    "symbol": check.check_id,
    "side": _of(Side),
    "quantity": check.check_quantity,
    "cum_quantity": check.check_not_negative,
    "limit_price": check.check_price,
    "stop_price": check.check_price,
    "status": _of(OrderStatus),
    "venue": check.check_id,
    "account": check.check_id,
    "position_side": _of(PositionSide),
    "order_type": _of(OrderType),
    "time_in_force": _of(TimeInForce),
}
_EXECUTION: Mapping[str, check.Parser] = {
    "fill_id": check.check_id,
    "order_id": check.check_id,
    "venue_order_id": check.check_id,
    "symbol": check.check_id,
    "side": _of(Side),
    "quantity": check.check_quantity,
    "price": check.check_price,
    "fee": check.check_amount,
    "fee_currency": check.check_id,
    "fees": _all(_fee, distinct=False),
    "fee_in_base": check.check_bool,
    "liquidity": _of(Liquidity),
    "executed_at": check.check_time,
    "trade_date": check.check_date,
}
_POSITION: Mapping[str, check.Parser] = {
    "symbol": check.check_id,
    "quantity": check.check_amount,
    "venue": check.check_id,
    "account": check.check_id,
    "position_side": _of(PositionSide),
    "average_price": check.check_price,
}
_SNAPSHOT: Mapping[str, check.Parser] = {
    "open_orders": _all(_order, distinct=True),
    "executions": _all(_execution, distinct=True),
    "positions": _all(_position, distinct=False),
    "as_of": check.check_time,
    "venue": check.check_id,
    "account": check.check_id,
}
