"""What callers hand in as mappings -> checked values: every mapping of the public face passes through here, once.

Mappings are checked key by key; an unknown key is refused with the nearest known name. Errors are InvalidValue with
the path of the argument, such as `fill_data.fees[0].amount`. `checks` says what each value may be.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ledger_core._frozen import FrozenDict, maker
from ledger_core._plain import is_mapping
from ledger_core.checks import (
    Parser,
    check_amount,
    check_bool,
    check_date,
    check_enum,
    check_id,
    check_metadata,
    check_not_negative,
    check_price,
    check_quantity,
    check_reason,
    check_shares,
    check_time,
    invalid,
    items_of,
    mapping_of,
    read_keys,
)
from ledger_core.commands import AdjustmentDetails, Correction, FillDetails, TradeDetails
from ledger_core.lifecycle import OrderStatus
from ledger_core.model import (
    AdjustmentKind,
    Fee,
    Liquidity,
    OrderChanges,
    OrderDetails,
    OrderType,
    PositionSide,
    ResidualReason,
    Side,
    StatusReport,
    TimeInForce,
)

_new_order_details = maker(OrderDetails)
_new_fill_details = maker(FillDetails)


def order_details(given: object, argument: str = "order_details") -> tuple[OrderDetails, datetime | None]:
    """Check `order_details`; return them and `placed_at`, where given."""
    read = read_keys(given, _ORDER_DETAILS, argument, required=("symbol", "side", "order_type"))
    placed_at = read.pop("placed_at", None)
    if ("quantity" in read) == ("cash_quantity" in read):
        found = "both" if "quantity" in read else "neither"
        raise invalid(f"{argument}.quantity", given, f"give quantity or cash_quantity, not {found}")
    if ("cash_quantity" in read) != ("cash_currency" in read):
        raise invalid(f"{argument}.cash_currency", given, "goes with cash_quantity: give both or neither")
    return _new_order_details(**read), placed_at


def fill_details(given: object) -> tuple[FillDetails, datetime | None]:
    """Check `fill_data`; return it and `executed_at`, where given."""
    read = read_keys(given, _FILL_DETAILS, "fill_data", required=("fill_id", "quantity", "price"))
    executed_at = read.pop("executed_at", None)
    if ("fee" in read) != ("fee_currency" in read):
        raise invalid("fill_data.fee_currency", given, "goes with fee: give both or neither")
    if "fee" in read:
        if "fees" in read:
            raise invalid("fill_data.fees", given, "give fee and fee_currency, or fees, not both")
        read["fees"] = (Fee(read.pop("fee_currency"), read.pop("fee")),)
    if read.get("fee_in_base") and not read.get("fees"):
        raise invalid("fill_data.fee_in_base", given, "needs a fee: the first of fees is the one in the base currency")
    return _new_fill_details(**read), executed_at


def order_changes(given: object, argument: str = "changes", *, required: bool = True) -> OrderChanges | None:
    """Check new terms of an order; None stays None unless `required`."""
    if given is None and not required:
        return None
    read = read_keys(given, _ORDER_CHANGES, argument)
    if required and not read:
        raise invalid(argument, given, f"names no term; known are {', '.join(_ORDER_CHANGES)}")
    return OrderChanges(**read) if read else None


def acceptance_data(given: object) -> Mapping[str, Any]:
    """Check `acceptance_data`: the venue's id of the order, and the quantity of a cash order."""
    return {} if given is None else read_keys(given, _ACCEPTANCE, "acceptance_data")


def correction(given: object) -> Correction:
    """Check `correction`: the correction's own id, and what was executed in truth."""
    return Correction(**read_keys(given, _CORRECTION, "correction", required=("fill_id", "quantity", "price")))


def fees(given: object) -> tuple[Fee, ...]:
    """Check `fees`: a list of {amount, currency}, or one of them."""
    return _fees(given, "fees")


def status_report(given: object) -> tuple[StatusReport, str | None]:
    """Check the answer of a poll; return it, and the venue's id of the order where it was given."""
    read = read_keys(given, _REPORT, "report")
    if not read:
        raise invalid("report", given, f"says nothing; known are {', '.join(_REPORT)}")
    venue_order_id = read.pop("venue_order_id", None)
    return StatusReport(**read), venue_order_id


def adjustment(given: object) -> tuple[AdjustmentDetails, datetime | None]:
    """Check `adjustment`: the keys that its kind needs, and no others; return it and `occurred_at`, where given."""
    read = read_keys(given, _ADJUSTMENT, "adjustment", required=("kind", "symbol"))
    occurred_at = read.pop("occurred_at", None)
    kind = read["kind"]
    needed = _ADJUSTMENT_KEYS[kind]
    for name in needed:
        if name not in read:
            raise invalid(f"adjustment.{name}", None, f"is required of {kind}")
    for name in ("amount", "quantity", "price", "ratio"):
        if name in read and name not in needed:
            raise invalid(f"adjustment.{name}", read[name], f"says nothing of {kind}, which takes {', '.join(needed)}")
    for name in needed:
        if name in ("amount", "quantity") and not read[name]:
            raise invalid(f"adjustment.{name}", read[name], "must not be zero")
    return AdjustmentDetails(**read), occurred_at


def resolution(given: object) -> tuple[str | None, OrderDetails | None, str | None]:
    """Check `resolution`: {order_id} or {order_id, order_details} to book, or {dismiss: True}, each with a reason.

    Returns the order to book onto, the details of a new one, and the reason.
    """
    read = read_keys(given, _RESOLUTION, "resolution", required=("reason",))
    if read.get("dismiss", False) == ("order_id" in read):
        raise invalid("resolution.order_id", given, "give order_id, to book the fact, or dismiss=True")
    if "order_details" in read and "order_id" not in read:
        raise invalid("resolution.order_details", given, "goes with the order_id that the new order shall have")
    return read.get("order_id"), read.get("order_details"), read["reason"]


def trade_details(given: object, argument: str = "details") -> TradeDetails:
    """Check what is said of a trade beside its orders."""
    return TradeDetails() if given is None else TradeDetails(**read_keys(given, _TRADE_DETAILS, argument))


def trade_updates(given: object) -> tuple[TradeDetails, tuple[str, ...], Mapping[str, Decimal]]:
    """Check `updates` of a trade; return the details, the further orders, and the units of those that are shared."""
    read = read_keys(given, {**_TRADE_DETAILS, "order_ids": check_shares}, "updates")
    order_ids, shares = read.pop("order_ids", ((), FrozenDict()))
    if not read and not order_ids:
        raise invalid("updates", given, f"names nothing; known are {', '.join(_TRADE_DETAILS)}, order_ids")
    return TradeDetails(**read), order_ids, shares


def exit_data(given: object) -> tuple[Mapping[str, Any], datetime | None]:
    """Check `exit_data` of a trade's closure; return it and `closed_at`, where given."""
    read = {} if given is None else read_keys(given, _EXIT_DATA, "exit_data")
    closed_at = read.pop("closed_at", None)
    if ("residual" in read) != ("residual_reason" in read):
        raise invalid("exit_data.residual_reason", given, "goes with residual: give both or neither")
    if "order_ids" in read:
        read["order_ids"], read["shares"] = read["order_ids"]
    return read, closed_at


_word = check_id


def _fees(value: object, argument: str) -> tuple[Fee, ...]:
    return tuple(
        Fee(**read_keys(item, _FEE, f"{argument}[{index}]", required=("amount", "currency")))
        for index, item in enumerate([value] if is_mapping(value) else items_of(value, argument))
    )


def _tags(value: object, argument: str) -> tuple[str, ...]:
    return tuple(_word(item, f"{argument}[{index}]") for index, item in enumerate(items_of(value, argument)))


def _residual(value: object, argument: str) -> Mapping[str, Decimal]:
    items = mapping_of(value, argument)
    if not items:
        raise invalid(argument, value, "must be a mapping of symbol to quantity")
    residual = {}
    for symbol, quantity in items.items():
        name = _word(symbol, argument)
        residual[name] = check_amount(quantity, f"{argument}[{name!r}]")
    return FrozenDict(residual)


def _of(words: type[StrEnum]) -> Parser:
    known: Mapping[object, StrEnum] = {word.value: word for word in words}

    def read(value: object, argument: str) -> StrEnum:
        found = known.get(value) if type(value) is str else None
        return check_enum(words, value, argument) if found is None else found

    return read


_TERMS: Mapping[str, Parser] = {
    "quantity": check_quantity,
    "limit_price": check_price,
    "stop_price": check_price,
    "trailing_offset": check_price,
    "time_in_force": _of(TimeInForce),
    "expire_at": check_time,
    "venue_order_id": check_id,
}
_ORDER_CHANGES = _TERMS
_ORDER_DETAILS: Mapping[str, Parser] = {
    **_TERMS,
    "symbol": _word,
    "side": _of(Side),
    "order_type": _of(OrderType),
    "cash_quantity": check_quantity,
    "cash_currency": _word,
    "venue": _word,
    "account": _word,
    "position_side": _of(PositionSide),
    "currency": _word,
    "base_currency": _word,
    "multiplier": check_quantity,
    "inverse": check_bool,
    "reduce_only": check_bool,
    "post_only": check_bool,
    "parent_order_id": check_id,
    "order_list_id": check_id,
    "execution_group_id": check_id,
    "trade_plan_id": check_id,
    "arrival_price": check_price,
    "origin": _word,
    "placed_at": check_time,
    "metadata": check_metadata,
}
_FILL_DETAILS: Mapping[str, Parser] = {
    "fill_id": check_id,
    "quantity": check_quantity,
    "price": check_price,
    "side": _of(Side),
    "symbol": _word,
    "fee": check_amount,
    "fee_currency": _word,
    "fees": _fees,
    "fee_in_base": check_bool,
    "liquidity": _of(Liquidity),
    "executed_at": check_time,
    "trade_date": check_date,
    "venue_order_id": check_id,
    "inferred": check_bool,
    "metadata": check_metadata,
}
_FEE: Mapping[str, Parser] = {"amount": check_amount, "currency": _word}
_ACCEPTANCE: Mapping[str, Parser] = {"venue_order_id": check_id, "quantity": check_quantity}
_TRADE_DETAILS: Mapping[str, Parser] = {
    "stop_price": check_price,
    "target_price": check_price,
    "tags": _tags,
    "metadata": check_metadata,
}


def _new_order(value: object, argument: str) -> OrderDetails:
    return order_details(value, argument)[0]


_CORRECTION: Mapping[str, Parser] = {"fill_id": check_id, "quantity": check_quantity, "price": check_price}
_REPORT: Mapping[str, Parser] = {
    "status": _of(OrderStatus),
    "cum_quantity": check_not_negative,
    "average_price": check_price,
    "venue_order_id": check_id,
}
_ADJUSTMENT: Mapping[str, Parser] = {
    "kind": _of(AdjustmentKind),
    "symbol": _word,
    "venue": _word,
    "account": _word,
    "position_side": _of(PositionSide),
    "amount": check_amount,
    "currency": _word,
    "quantity": check_amount,
    "price": check_price,
    "ratio": check_quantity,
    "base_currency": _word,
    "multiplier": check_quantity,
    "inverse": check_bool,
    "occurred_at": check_time,
    "metadata": check_metadata,
}
_ADJUSTMENT_KEYS: Mapping[AdjustmentKind, tuple[str, ...]] = {
    AdjustmentKind.FUNDING: ("amount", "currency"),
    AdjustmentKind.INTEREST: ("amount", "currency"),
    AdjustmentKind.DIVIDEND: ("amount", "currency"),
    AdjustmentKind.TRANSFER: ("quantity", "price"),
    AdjustmentKind.OPENING_POSITION: ("quantity", "price"),
    AdjustmentKind.SPLIT: ("ratio",),
}
_RESOLUTION: Mapping[str, Parser] = {
    "order_id": check_id,
    "order_details": _new_order,
    "dismiss": check_bool,
    "reason": check_reason,
}
_EXIT_DATA: Mapping[str, Parser] = {
    "order_ids": check_shares,
    "reason": check_reason,
    "closed_at": check_time,
    "residual": _residual,
    "residual_reason": _of(ResidualReason),
}
