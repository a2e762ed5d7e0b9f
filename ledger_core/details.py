"""What callers hand in -> checked values: every argument of the public face passes through here, once.

Mappings are checked key by key; an unknown key is refused with the nearest known name. Errors are InvalidValue
with the path of the argument, such as `fill_data.fees[0].amount`. Nothing is coerced that could lose meaning:
floats, naive times and numbers in text that is no number are refused. What is kept are plain values: of a subclass
of str, Decimal or datetime only what it says is taken, and an object that raises when it is looked at is malformed.
"""

import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import attrs

from ledger_core._frozen import FrozenDict, freeze
from ledger_core.commands import AdjustmentDetails, Correction, FillDetails, TradeDetails
from ledger_core.errors import InvalidValue
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
from ledger_core.numbers import parse_date, parse_decimal, parse_time, plain

ID_LENGTH_MAX = 128
WORD_LENGTH_MAX = 128
REASON_LENGTH_MAX = 1_000
METADATA_BYTES_MAX = 16_384
METADATA_DEPTH_MAX = 16
ITEMS_MAX = 1_000
"""The most fees, tags or order ids in one argument."""

EnumT = TypeVar("EnumT", bound=StrEnum)
Parser = Callable[[object, str], Any]


def check_id(value: object, argument: str) -> str:
    """Return an id: 1 to 128 printable characters."""
    if not isinstance(value, str):
        raise _invalid(argument, value, f"must be a str, not {type(value).__name__}")
    if not 1 <= len(value) <= ID_LENGTH_MAX:
        raise _invalid(argument, value, f"must have 1 to {ID_LENGTH_MAX} characters, has {len(value)}")
    if not value.isprintable():
        raise _invalid(argument, value, "has characters that cannot be printed")
    return str.__str__(value)


def check_optional_id(value: object, argument: str) -> str | None:
    """Return an id, or None."""
    return None if value is None else check_id(value, argument)


def check_reason(value: object, argument: str = "reason") -> str | None:
    """Return a reason of up to 1,000 printable characters, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _invalid(argument, value, f"must be a str, not {type(value).__name__}")
    if len(value) > REASON_LENGTH_MAX:
        raise _invalid(argument, value, f"has {len(value)} characters, at most {REASON_LENGTH_MAX} are kept")
    if not value.isprintable():
        raise _invalid(argument, value, "has characters that cannot be printed")
    return str.__str__(value) or None


def check_time(value: object, argument: str) -> datetime:
    """Return an aware time in UTC."""
    try:
        return parse_time(value, argument)
    except ValueError as error:
        raise InvalidValue(str(error), argument=argument, value=value) from None


def check_optional_time(value: object, argument: str) -> datetime | None:
    """Return an aware time in UTC, or None."""
    return None if value is None else check_time(value, argument)


def check_date(value: object, argument: str) -> date:
    """Return a date."""
    try:
        return parse_date(value, argument)
    except ValueError as error:
        raise InvalidValue(str(error), argument=argument, value=value) from None


def check_optional_date(value: object, argument: str) -> date | None:
    """Return a date, or None."""
    return None if value is None else check_date(value, argument)


def check_bool(value: object, argument: str) -> bool:
    """Return a bool; nothing else is taken for one."""
    if isinstance(value, bool):
        return value
    raise _invalid(argument, value, f"must be True or False, not {_shown(value)}")


def check_optional_bool(value: object, argument: str) -> bool | None:
    """Return a bool, or None."""
    return None if value is None else check_bool(value, argument)


def check_count(value: object, argument: str, *, minimum: int) -> int:
    """Return a whole number from `minimum` up, of at most 63 bits; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value < 2**63:
        raise _invalid(argument, value, f"must be a whole number from {minimum} up, not {_shown(value)}")
    return value


def check_seconds(value: object, argument: str) -> float:
    """Return a number of seconds above 0, at most a day."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 86_400:
        raise _invalid(argument, value, f"must be seconds above 0, at most a day, not {_shown(value)}")
    return value


def check_enum(words: type[EnumT], value: object, argument: str) -> EnumT:
    """Return the member of an enum, given as member or as its word."""
    if isinstance(value, words):
        return value
    if type(value) is str:
        try:
            return words(value)
        except ValueError:
            pass
    known = list(words.__members__)
    near = _nearest(value.upper() if isinstance(value, str) else "", known)
    raise _invalid(argument, value, f"must be one of {', '.join(known)}, not {_shown(value)}{near}")


def check_choice(value: object, argument: str, choices: Sequence[str]) -> str:
    """Return one of a few words that are no enum."""
    if isinstance(value, str) and str.__str__(value) in choices:
        return str.__str__(value)
    raise _invalid(argument, value, f"must be {' or '.join(map(repr, choices))}, not {_shown(value)}")


def check_callable(value: object, argument: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise _invalid(argument, value, f"must be callable, which {_shown(value)} is not")


def check_price(value: object, argument: str) -> Decimal:
    """Return a finite decimal of any sign, its trailing zeros kept: prices may be zero or negative."""
    try:
        return parse_decimal(value, argument)
    except ValueError as error:
        raise InvalidValue(str(error), argument=argument, value=value) from None


def check_amount(value: object, argument: str) -> Decimal:
    """Return a finite decimal of any sign, in the one form that is stored: without trailing zeros."""
    return plain(check_price(value, argument))


def check_quantity(value: object, argument: str) -> Decimal:
    """Return a positive decimal, in the one form that is stored: without trailing zeros."""
    number = check_amount(value, argument)
    if number <= 0:
        raise _invalid(argument, value, f"must be positive, not {number}")
    return number


def check_not_negative(value: object, argument: str) -> Decimal:
    """Return a decimal of 0 or more, in the one form that is stored."""
    number = check_amount(value, argument)
    if number < 0:
        raise _invalid(argument, value, f"must not be negative, is {number}")
    return number


def check_metadata(value: object, argument: str) -> Mapping[str, Any]:
    """Return a JSON object, frozen: at most 16 KiB, 16 deep, finite numbers, text keys."""
    if not isinstance(value, Mapping):
        raise _invalid(argument, value, f"must be a JSON object, not {type(value).__name__}")
    try:
        _check_json(value, argument, METADATA_DEPTH_MAX)
        text = json.dumps(freeze(value), ensure_ascii=False)
        size = len(text.encode())
    except InvalidValue:
        raise
    except Exception as error:  # noqa: BLE001  # a mapping of the caller's own may raise anything when it is read
        raise _invalid(argument, value, f"cannot be written as JSON: {error}") from None
    if size > METADATA_BYTES_MAX:
        raise _invalid(argument, "…", f"has {size} bytes as JSON, at most {METADATA_BYTES_MAX} are kept")
    as_read_back: FrozenDict = freeze(json.loads(text))
    return as_read_back


def check_ids(value: object, argument: str) -> tuple[str, ...]:
    """Return distinct ids from a list, tuple or set of them."""
    items = _items(value, argument)
    ids = tuple(check_id(item, f"{argument}[{index}]") for index, item in enumerate(items))
    if len(set(ids)) != len(ids):
        raise _invalid(argument, value, "names an id twice")
    return ids


def check_shares(value: object, argument: str) -> tuple[tuple[str, ...], Mapping[str, Decimal]]:
    """Return order ids and, where a mapping of order id to quantity was given, the units of each that are meant."""
    if not isinstance(value, Mapping):
        return check_ids(value, argument), FrozenDict()
    items = _mapping(value, argument)
    if len(items) > ITEMS_MAX:
        raise _invalid(argument, "…", f"has {len(items)} items, at most {ITEMS_MAX} are taken")
    shares = {}
    for order_id, quantity in items.items():
        name = check_id(order_id, argument)
        shares[name] = check_quantity(quantity, f"{argument}[{name!r}]")
    return tuple(shares), FrozenDict(shares)


def order_details(given: object, argument: str = "order_details") -> tuple[OrderDetails, datetime | None]:
    """Check `order_details`; return them and `placed_at`, where given."""
    read = _read(given, _ORDER_DETAILS, argument, required=("symbol", "side", "order_type"))
    placed_at = read.pop("placed_at", None)
    if ("quantity" in read) == ("cash_quantity" in read):
        found = "both" if "quantity" in read else "neither"
        raise _invalid(f"{argument}.quantity", given, f"give quantity or cash_quantity, not {found}")
    if ("cash_quantity" in read) != ("cash_currency" in read):
        raise _invalid(f"{argument}.cash_currency", given, "goes with cash_quantity: give both or neither")
    return OrderDetails(**read), placed_at


def fill_details(given: object) -> tuple[FillDetails, datetime | None]:
    """Check `fill_data`; return it and `executed_at`, where given."""
    read = _read(given, _FILL_DETAILS, "fill_data", required=("fill_id", "quantity", "price"))
    executed_at = read.pop("executed_at", None)
    if ("fee" in read) != ("fee_currency" in read):
        raise _invalid("fill_data.fee_currency", given, "goes with fee: give both or neither")
    if "fee" in read:
        if "fees" in read:
            raise _invalid("fill_data.fees", given, "give fee and fee_currency, or fees, not both")
        read["fees"] = (Fee(read.pop("fee_currency"), read.pop("fee")),)
    if read.get("fee_in_base") and not read.get("fees"):
        raise _invalid("fill_data.fee_in_base", given, "needs a fee: the first of fees is the one in the base currency")
    return FillDetails(**read), executed_at


def order_changes(given: object, argument: str = "changes", *, required: bool = True) -> OrderChanges | None:
    """Check new terms of an order; None stays None unless `required`."""
    if given is None and not required:
        return None
    read = _read(given, _ORDER_CHANGES, argument)
    if required and not read:
        raise _invalid(argument, given, f"names no term; known are {', '.join(_ORDER_CHANGES)}")
    return OrderChanges(**read) if read else None


def acceptance_data(given: object) -> Mapping[str, Any]:
    """Check `acceptance_data`: the venue's id of the order, and the quantity of a cash order."""
    return {} if given is None else _read(given, _ACCEPTANCE, "acceptance_data")


def correction(given: object) -> Correction:
    """Check `correction`: the correction's own id, and what was executed in truth."""
    return Correction(**_read(given, _CORRECTION, "correction", required=("fill_id", "quantity", "price")))


def fees(given: object) -> tuple[Fee, ...]:
    """Check `fees`: a list of {amount, currency}, or one of them."""
    return _fees([given] if isinstance(given, Mapping) else given, "fees")


def status_report(given: object) -> tuple[StatusReport, str | None]:
    """Check the answer of a poll; return it, and the venue's id of the order where it was given."""
    read = _read(given, _REPORT, "report")
    if not read:
        raise _invalid("report", given, f"says nothing; known are {', '.join(_REPORT)}")
    venue_order_id = read.pop("venue_order_id", None)
    return StatusReport(**read), venue_order_id


def adjustment(given: object) -> tuple[AdjustmentDetails, datetime | None]:
    """Check `adjustment`: the keys that its kind needs, and no others; return it and `occurred_at`, where given."""
    read = _read(given, _ADJUSTMENT, "adjustment", required=("kind", "symbol"))
    occurred_at = read.pop("occurred_at", None)
    kind = read["kind"]
    needed = _ADJUSTMENT_KEYS[kind]
    for name in needed:
        if name not in read:
            raise _invalid(f"adjustment.{name}", None, f"is required of {kind}")
    for name in ("amount", "quantity", "price", "ratio"):
        if name in read and name not in needed:
            raise _invalid(f"adjustment.{name}", read[name], f"says nothing of {kind}, which takes {', '.join(needed)}")
    for name in needed:
        if name in ("amount", "quantity") and not read[name]:
            raise _invalid(f"adjustment.{name}", read[name], "must not be zero")
    return AdjustmentDetails(**read), occurred_at


def resolution(given: object) -> tuple[str | None, OrderDetails | None, str | None]:
    """Check `resolution`: {order_id} or {order_id, order_details} to book, or {dismiss: True}, each with a reason.

    Returns the order to book onto, the details of a new one, and the reason.
    """
    read = _read(given, _RESOLUTION, "resolution", required=("reason",))
    if read.get("dismiss", False) == ("order_id" in read):
        raise _invalid("resolution.order_id", given, "give order_id, to book the fact, or dismiss=True")
    if "order_details" in read and "order_id" not in read:
        raise _invalid("resolution.order_details", given, "goes with the order_id that the new order shall have")
    return read.get("order_id"), read.get("order_details"), read["reason"]


def trade_details(given: object, argument: str = "details") -> TradeDetails:
    """Check what is said of a trade beside its orders."""
    return TradeDetails() if given is None else TradeDetails(**_read(given, _TRADE_DETAILS, argument))


def trade_updates(given: object) -> tuple[TradeDetails, tuple[str, ...], Mapping[str, Decimal]]:
    """Check `updates` of a trade; return the details, the further orders, and the units of those that are shared."""
    read = _read(given, {**_TRADE_DETAILS, "order_ids": check_shares}, "updates")
    order_ids, shares = read.pop("order_ids", ((), FrozenDict()))
    if not read and not order_ids:
        raise _invalid("updates", given, f"names nothing; known are {', '.join(_TRADE_DETAILS)}, order_ids")
    return TradeDetails(**read), order_ids, shares


def exit_data(given: object) -> tuple[Mapping[str, Any], datetime | None]:
    """Check `exit_data` of a trade's closure; return it and `closed_at`, where given."""
    read = {} if given is None else _read(given, _EXIT_DATA, "exit_data")
    closed_at = read.pop("closed_at", None)
    if ("residual" in read) != ("residual_reason" in read):
        raise _invalid("exit_data.residual_reason", given, "goes with residual: give both or neither")
    if "order_ids" in read:
        read["order_ids"], read["shares"] = read["order_ids"]
    return read, closed_at


def one_time(occurred_at: object, named: datetime | None, name: str, now: Callable[[], datetime]) -> datetime:
    """Return when a command happened: `occurred_at`, the time named in its data, or the clock's."""
    given = check_optional_time(occurred_at, "occurred_at")
    if given is not None and named is not None and given != named:
        raise _invalid(name, named, f"differs from occurred_at: {named} and {given}")
    return given or named or now()


def _word(value: object, argument: str) -> str:
    return check_id(value, argument)


def _fees(value: object, argument: str) -> tuple[Fee, ...]:
    return tuple(
        Fee(**_read(item, _FEE, f"{argument}[{index}]", required=("amount", "currency")))
        for index, item in enumerate(_items(value, argument))
    )


def _tags(value: object, argument: str) -> tuple[str, ...]:
    return tuple(_word(item, f"{argument}[{index}]") for index, item in enumerate(_items(value, argument)))


def _residual(value: object, argument: str) -> Mapping[str, Decimal]:
    items = _mapping(value, argument)
    if not items:
        raise _invalid(argument, value, "must be a mapping of symbol to quantity")
    residual = {}
    for symbol, quantity in items.items():
        name = _word(symbol, argument)
        residual[name] = check_amount(quantity, f"{argument}[{name!r}]")
    return FrozenDict(residual)


def _of(words: type[StrEnum]) -> Parser:
    return lambda value, argument: check_enum(words, value, argument)


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


def _read(
    given: object, parsers: Mapping[str, Parser], argument: str, *, required: Iterable[str] = ()
) -> dict[str, Any]:
    """Check a mapping, or an attrs value, key by key; None means not given."""
    read: dict[str, Any] = {}
    for name, value in _mapping(given, argument).items():
        parser = parsers.get(name) if isinstance(name, str) else None
        if parser is None:
            near = _nearest(name if isinstance(name, str) else "", parsers)
            raise _invalid(argument, name, f"has no key {_shown(name)}{near}")
        if value is not None:
            read[name] = parser(value, f"{argument}.{name}")
    for name in required:
        if name not in read:
            raise _invalid(f"{argument}.{name}", None, "is required")
    return read


def _mapping(given: object, argument: str) -> Mapping[Any, Any]:
    """Return a mapping, or the fields of an attrs value, as something that can be read without surprises."""
    if type(given) is dict:
        return given
    if attrs.has(type(given)):
        return attrs.asdict(given, recurse=False)  # type: ignore[arg-type]  # attrs.has() has looked
    if not isinstance(given, Mapping):
        raise _invalid(argument, given, f"must be a mapping, not {type(given).__name__}")
    try:
        return dict(given)
    except Exception as error:  # noqa: BLE001  # a mapping of the caller's own may raise anything when it is read
        raise _invalid(argument, given, f"cannot be read: {error!r}") from None


def _items(value: object, argument: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise _invalid(argument, value, f"must be a list, not {type(value).__name__}")
    if len(value) > ITEMS_MAX:
        raise _invalid(argument, "…", f"has {len(value)} items, at most {ITEMS_MAX} are taken")
    return tuple(value)


def _check_json(value: object, argument: str, depth: int) -> None:
    if depth < 0:
        raise _invalid(argument, "…", f"is nested more than {METADATA_DEPTH_MAX} deep")
    match value:
        case None | bool() | str() | int():
            return
        case float():
            if not math.isfinite(value):
                raise _invalid(argument, value, f"must be finite, not {value}")
        case Mapping():
            for name, item in value.items():
                if not isinstance(name, str):
                    raise _invalid(argument, name, f"has a key that is no text: {_shown(name)}")
                _check_json(item, f"{argument}.{name[:WORD_LENGTH_MAX]}", depth - 1)
        case list() | tuple():
            for index, item in enumerate(value):
                _check_json(item, f"{argument}[{index}]", depth - 1)
        case Decimal():
            raise _invalid(argument, value, "holds a Decimal, which JSON cannot; give its text")
        case _:
            raise _invalid(argument, value, f"holds a {type(value).__name__}, which JSON cannot")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name[:WORD_LENGTH_MAX], list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def _shown(value: object) -> str:
    try:
        text = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    except ValueError:
        text = "a number of too many digits"
    return text if len(text) <= WORD_LENGTH_MAX else text[:WORD_LENGTH_MAX] + "…"


def _invalid(argument: str, value: object, complaint: str) -> InvalidValue:
    return InvalidValue(f"{argument} {complaint}", argument=argument, value=value)
