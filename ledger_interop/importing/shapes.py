"""How a source writes an order as it stands, or an execution, as a table of fields; and what that says as facts.

Most sources differ in names and words only. A shape maps the ledger's names to the source's fields, and its status
words to the ledger's. Quantities decide: a status word that is not known is told as a problem, and what was filled
counts all the same.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

import attrs

from ledger_core.lifecycle import OrderState, OrderStatus
from ledger_interop.importing.facts import (
    Acceptance,
    AnyFact,
    Change,
    Ending,
    Execution,
    Fact,
    Fees,
    Happening,
    NamedOrder,
    Placement,
    Status,
)
from ledger_interop.importing.fields import Fields, Getter, NotUnderstood, got, plain_word, shown
from ledger_interop.importing.vocabulary import liquidity_of, order_type_of, side_of, time_in_force_of

ENDED = "ENDED"
"""A status word: the order is over; its quantities tell whether it was filled or canceled."""
PENDING = "PENDING"
"""A status word: a request is on its way, which says nothing of the order."""

_AT_WORK = ("ACCEPTED", "PARTIALLY_FILLED", "SUSPENDED", "STOPPED", "DONE_FOR_DAY", PENDING)
_ENDINGS = {state.value: state for state in (OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED)}
_HAPPENINGS = {one.value: one for one in Happening}
_STATUSES = {status.value: status for status in OrderStatus}
_WITHOUT_LIMIT = ("MARKET", "STOP")

FeesOf = Callable[[Fields], Fees]


@attrs.frozen(kw_only=True)
class Defaults:
    """What a user says of all that a source holds: where it was traded, on whose account, in which time zone.

    `terms` has, by symbol, terms of instruments that the source does not tell: multiplier, inverse, currencies.
    """

    venue: str | None = None
    account: str | None = None
    zone: tzinfo | None = None
    terms: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)

    def completed(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """Return details of an order with what they leave out."""
        terms = self.terms.get(details.get("symbol", ""), {})
        known = {"venue": self.venue, "account": self.account, **terms}
        return {**{name: value for name, value in known.items() if value is not None}, **details}


_NOTHING_SAID = Defaults()


@attrs.frozen(kw_only=True)
class OrderShape:
    """An order as it stands. `details` maps keys of `order_details` to fields of the source.

    `placed_at` is when it was placed, `at` when it became what it is; a name that is in both is for an order of which
    nothing newer is told. `stands_for_fills`: the source lists executions nowhere else, or not always, so what was
    filled is booked from here unless executions were, or until they are.
    """

    details: Mapping[str, Getter]
    client_id: Getter = None
    venue_id: Getter = None
    reference: Getter = None
    recorded_as: Getter = None
    placed_at: Getter = None
    at: Getter = None
    status: Getter = None
    statuses: Mapping[str, str] = attrs.field(factory=dict)
    filled: Getter = None
    average: Getter = None
    reason: Getter = None
    fees: FeesOf | None = None
    fee_in_base: Callable[[Fields], bool] | None = None
    stands_for_fills: bool = True


@attrs.frozen(kw_only=True)
class FillShape:
    """An execution. `details` is what it tells of its order; without `quantity` the order is as large as its fills."""

    details: Mapping[str, Getter]
    fill_id: Getter
    quantity: Getter
    price: Getter
    client_id: Getter = None
    venue_id: Getter = None
    reference: Getter = None
    recorded_as: Getter = None
    placed_at: Getter = None
    at: Getter = None
    trade_date: Getter = None
    liquidity: Getter = None
    fees: FeesOf | None = None
    fee_in_base: Callable[[Fields], bool] | None = None


def read_order(fields: Fields, shape: OrderShape, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what an order as it stands says; raise PartlyUnderstood, with the facts, for a status word not known."""
    order = _named(fields, shape, defaults)
    at = got(fields, shape.at, fields.time)
    filled = got(fields, shape.filled, fields.number)
    quantity = order.details.get("quantity")
    word = got(fields, shape.status, fields.text)
    status = None if word is None else shape.statuses.get(plain_word(word))
    if status == ENDED and filled is None:
        raise PartlyUnderstood(
            f"the status {shown(word)} does not tell how much was filled",
            (Placement(order=order, at=order.placed_at),),
        )
    is_complete = filled is not None and quantity is not None and filled >= quantity
    if status == ENDED or (is_complete and status in ("CANCELED", "EXPIRED")):
        status = "FILLED" if is_complete else "CANCELED"
    if status == "FILLED" and filled is None:
        filled = quantity
    facts: list[AnyFact] = [Placement(order=order, at=order.placed_at)]
    if status in _AT_WORK or status in ("FILLED", "CANCELED", "EXPIRED"):
        facts.append(Acceptance(order=order, at=order.placed_at or at))
    if filled is not None:
        fees = shape.fees(fields) if shape.fees is not None and filled else ()
        facts.append(
            Status(
                order=order,
                at=_as_of(fields, shape, at),
                status=_STATUSES.get(status) if status is not None else None,
                cum_quantity=filled,
                average_price=got(fields, shape.average, fields.nonzero),
                stands_for_fills=shape.stands_for_fills,
                fees=fees,
                fee_in_base=bool(fees) and shape.fee_in_base is not None and shape.fee_in_base(fields),
            )
        )
    facts.extend(_outcome(order, status, at, got(fields, shape.reason, fields.reason)))
    if word is not None and status is None:
        raise PartlyUnderstood(f"the status {shown(word)} is not known", tuple(facts))
    return tuple(facts)


def read_fill(fields: Fields, shape: FillShape, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return what an execution says."""
    order = _named(fields, shape, defaults)
    fill_id = got(fields, shape.fill_id, fields.id)
    if fill_id is None:
        raise NotUnderstood("the execution has no id")
    problem: str | None = None
    fees: Fees = ()
    try:
        fees = shape.fees(fields) if shape.fees is not None else ()
    except NotUnderstood as error:
        problem = str(error)
    price = got(fields, shape.price, fields.number)
    if price is None:
        raise NotUnderstood("the execution has no price")
    execution = Execution(
        order=order,
        at=got(fields, shape.at, fields.time),
        fill_id=fill_id,
        quantity=_above_zero(got(fields, shape.quantity, fields.needed)),
        price=price,
        fees=fees,
        fee_in_base=bool(fees) and shape.fee_in_base is not None and shape.fee_in_base(fields),
        liquidity=_liquidity(fields, shape.liquidity),
        trade_date=got(fields, shape.trade_date, fields.day),
    )
    if problem is not None:
        raise PartlyUnderstood(problem, (execution,))
    return (execution,)


class PartlyUnderstood(NotUnderstood):
    """Something of a message is not understood; its facts count all the same."""

    def __init__(self, message: str, facts: tuple[AnyFact, ...]) -> None:
        """Keep the facts."""
        super().__init__(message)
        self.facts = facts


def fee(amount: Getter, currency: Getter, *, negative_is_paid: bool = False) -> FeesOf:
    """Return what reads one fee. Most sources write what was paid as a positive number, some as a negative one."""

    def read(fields: Fields) -> Fees:
        found = got(fields, amount, fields.nonzero)
        if not found:
            return ()
        name = got(fields, currency, fields.text)
        if name is None:
            raise NotUnderstood("it does not say in which currency the fee is")
        return ((found.copy_negate() if negative_is_paid else found, name),)

    return read


def with_defaults(facts: tuple[AnyFact, ...], defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return facts whose orders are of the user's venue and account where the message names none."""
    if defaults == _NOTHING_SAID:
        return facts
    return tuple(
        attrs.evolve(fact, order=attrs.evolve(fact.order, details=defaults.completed(fact.order.details)))
        if isinstance(fact, Fact)
        else fact
        for fact in facts
    )


def details_of(fields: Fields, shape: Mapping[str, Getter], defaults: Defaults) -> dict[str, Any]:
    """Return keys of `order_details` with what the message says of them."""
    found: dict[str, Any] = {}
    for name, getter in shape.items():
        value = got(fields, getter, _READERS.get(name, Fields.text).__get__(fields))
        if value is None:
            continue
        if name == "side":
            value = side_of(value)
        elif name == "order_type":
            value = order_type_of(value)
        elif name == "time_in_force":
            value = time_in_force_of(value)
        elif name == "position_side":
            value = _POSITION_SIDES.get(plain_word(value), "NET")
        found[name] = value
    found = defaults.completed(found)
    if found.get("order_type") in _WITHOUT_LIMIT:
        found.pop("limit_price", None)
    return found


_READERS: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(("quantity", "cash_quantity", "multiplier"), Fields.positive),
    **dict.fromkeys(("limit_price", "stop_price", "trailing_offset", "arrival_price"), Fields.nonzero),
    **dict.fromkeys(("reduce_only", "post_only", "inverse"), Fields.flag),
    **dict.fromkeys(("parent_order_id", "order_list_id", "execution_group_id", "trade_plan_id"), Fields.id),
    "expire_at": Fields.time,
}
_POSITION_SIDES = {"LONG": "LONG", "SHORT": "SHORT"}


def _named(fields: Fields, shape: OrderShape | FillShape, defaults: Defaults) -> NamedOrder:
    client_id = got(fields, shape.client_id, fields.id)
    venue_id = got(fields, shape.venue_id, fields.id)
    if client_id is None and venue_id is None:
        raise NotUnderstood("it names no order")
    return NamedOrder(
        client_id=client_id,
        venue_id=venue_id,
        reference=got(fields, shape.reference, fields.id),
        recorded_as=got(fields, shape.recorded_as, fields.id),
        details=details_of(fields, shape.details, defaults),
        placed_at=got(fields, shape.placed_at, fields.time),
    )


def _as_of(fields: Fields, shape: OrderShape, at: datetime | None) -> datetime | None:
    """Return the time of which a total is, as far as the source tells it: when the order was placed is another.

    A total that stands for executions must not seem older than they are, or they would be booked on top of it.
    """
    if not shape.stands_for_fills or not isinstance(shape.at, (str, tuple)):
        return at
    placed = (shape.placed_at,) if isinstance(shape.placed_at, str) else shape.placed_at
    names = (shape.at,) if isinstance(shape.at, str) else shape.at
    later = tuple(name for name in names if not isinstance(placed, tuple) or name not in placed)
    return got(fields, later, fields.time) if later else None


def _outcome(order: NamedOrder, status: str | None, at: datetime | None, reason: str | None) -> list[AnyFact]:
    if status in _ENDINGS:
        return [Ending(order=order, at=at, state=_ENDINGS[status], reason=reason)]
    if status in _HAPPENINGS:
        return [Change(order=order, at=at, happening=_HAPPENINGS[status], reason=reason)]
    return []


def _liquidity(fields: Fields, getter: Getter) -> str | None:
    found = got(fields, getter, fields.value)
    return liquidity_of(found) if isinstance(found, (str, bool)) else None


def _above_zero(quantity: Decimal | None) -> Decimal:
    if quantity is None or quantity <= 0:
        raise NotUnderstood("the execution's quantity is missing, or not above zero")
    return quantity
