"""Interactive Brokers: the Trade, Fill, Execution, OrderStatus and CommissionReport of ib_async, or dicts of them.

An order is known by its permId; an orderRef that is the id of an order of the ledger leads to it too. A corrected
execution has the same execId but for the digits after the last dot. What an execution costs may come in a message of
its own, before or after it.
"""

from typing import Any

from ledger_core.lifecycle import OrderState
from ledger_interop.importing.facts import (
    Acceptance,
    AnyFact,
    Ending,
    Execution,
    FeeReport,
    Fees,
    NamedOrder,
    Placement,
    Status,
)
from ledger_interop.importing.fields import Fields, NotUnderstood, shown
from ledger_interop.importing.shapes import Defaults, PartlyUnderstood
from ledger_interop.importing.venue import Venue
from ledger_interop.importing.vocabulary import order_type_of, side_of, time_in_force_of
from ledger_interop.importing.walking import Aside, Record

VERSIONS_MAX = 9
"""How many versions of an execution are looked for."""

_AT_WORK = ("PreSubmitted", "Submitted", "Filled", "PendingCancel")
_SENT = ("PendingSubmit", "ApiPending")
_CANCELED = ("Cancelled", "ApiCancelled")
_LIQUIDITIES = {"1": "MAKER", "2": "TAKER"}
_BY_NAME = ("FUT", "OPT", "FOP", "CASH", "WAR", "CONTFUT", "CRYPTO", "CFD")
"""Kinds of contracts whose symbol is that of what they are on; their local symbol tells them apart."""


def _trade(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return a trade: its order, its executions, then its status."""
    contract, status = fields.part("contract"), fields.part("orderStatus")
    log = fields.parts("log")
    order = _order_of(fields.part("order"), contract, defaults, placed_at=log[0].time("time") if log else None)
    facts: list[AnyFact] = [Placement(order=order, at=order.placed_at)]
    at = log[-1].time("time") if log else None
    word = status.text("status") or fields.text("orderState.status")
    if word in _AT_WORK:
        facts.append(Acceptance(order=order, at=order.placed_at))
    for fill in fields.parts("fills"):
        facts.extend(_filled(fill, order, defaults))
    facts.extend(_total(status, order, at))
    if word in _CANCELED:
        reason = log[-1].reason("message") if log else None
        facts.append(Ending(order=order, at=at, state=OrderState.CANCELED, reason=reason))
    elif word is not None and word not in (*_AT_WORK, *_SENT):
        problem = f"the status {shown(word)} may mean that it was refused, canceled or waits"
        raise PartlyUnderstood(problem, tuple(facts))
    return tuple(facts)


def _fill(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    return _filled(fields, None, defaults)


def _filled(fields: Fields, order: NamedOrder | None, defaults: Defaults) -> tuple[AnyFact, ...]:
    """Return an execution with what it cost, as far as that is told already."""
    execution = fields.part("execution")
    fill_id, price = execution.id("execId"), execution.number("price")
    if fill_id is None or price is None:
        raise NotUnderstood("the execution has no execId, or no price")
    older, newer = versions_of(fill_id)
    return (
        Execution(
            order=order or _order_of_execution(execution, fields.part("contract"), defaults),
            at=execution.time("time"),
            fill_id=fill_id,
            quantity=execution.needed("shares"),
            price=price,
            fees=_fees(fields.part("commissionReport", "commissionAndFeesReport")),
            liquidity=_LIQUIDITIES.get(execution.text("lastLiquidity") or ""),
            revises=older,
            revised_by=newer,
            is_unique=True,
        ),
    )


def _execution(fields: Fields, defaults: Defaults) -> tuple[AnyFact, ...]:
    return _filled(Fields({"execution": fields.source, "contract": {}}, fields.zone), None, defaults)


def _commission(fields: Fields, _: Defaults) -> tuple[AnyFact, ...]:
    fees, fill_id = _fees(fields), fields.id("execId")
    if fill_id is None:
        raise NotUnderstood("the commission does not say of which execution it is")
    return (FeeReport(order=NamedOrder(), fill_id=fill_id, fees=fees),) if fees else ()


def _status(fields: Fields, _: Defaults) -> tuple[AnyFact, ...]:
    order = NamedOrder(venue_id=fields.id("permId"), session_id=_session_id(fields))
    if not order.has_name:
        raise NotUnderstood("it names no order")
    facts: list[AnyFact] = []
    word = fields.text("status")
    if word in _AT_WORK:
        facts.append(Acceptance(order=order))
    facts.extend(_total(fields, order, None))
    if word in _CANCELED:
        facts.append(Ending(order=order, state=OrderState.CANCELED, reason=fields.reason("whyHeld")))
    return tuple(facts)


def _total(status: Fields, order: NamedOrder, at: Any) -> list[AnyFact]:
    filled = status.number("filled")
    if filled is None:
        return []
    average = status.nonzero("avgFillPrice")
    return [Status(order=order, at=at, cum_quantity=filled, average_price=average, stands_for_fills=False)]


def _order_of(order: Fields, contract: Fields, defaults: Defaults, *, placed_at: Any) -> NamedOrder:
    order_type = order_type_of(order.text("orderType"))
    quantity = order.positive("totalQuantity") or order.positive("filledQuantity")
    cash = None if quantity is not None else order.positive("cashQty")
    is_stop = order_type in ("STOP", "STOP_LIMIT", "TRAILING_STOP")
    found = {
        **_contract(contract),
        "side": side_of(order.text("action") or ""),
        "order_type": order_type,
        "quantity": quantity,
        "cash_quantity": cash,
        "cash_currency": contract.text("currency") if cash is not None else None,
        "limit_price": order.nonzero("lmtPrice") if order_type not in ("MARKET", "STOP") else None,
        "stop_price": order.nonzero("trailStopPrice", "auxPrice") if is_stop else None,
        "time_in_force": time_in_force_of(order.text("tif")),
        "account": order.text("account"),
        "parent_order_id": order.id("parentPermId"),
    }
    return _named(order, found, defaults, placed_at)


def _order_of_execution(execution: Fields, contract: Fields, defaults: Defaults) -> NamedOrder:
    found = {
        **_contract(contract),
        "side": side_of(execution.text("side") or ""),
        "account": execution.text("acctNumber"),
    }
    return _named(execution, found, defaults, None)


def _named(fields: Fields, found: dict[str, Any], defaults: Defaults, placed_at: Any) -> NamedOrder:
    perm_id, reference, session_id = fields.id("permId"), fields.id("orderRef"), _session_id(fields)
    own_id = perm_id or session_id or reference
    if own_id is None:
        raise NotUnderstood("it names no order")
    given = {name: value for name, value in found.items() if value is not None}
    return NamedOrder(
        venue_id=perm_id,
        reference=reference,
        session_id=session_id,
        recorded_as=own_id,
        details=defaults.completed(given),
        placed_at=placed_at,
    )


def _session_id(fields: Fields) -> str | None:
    """Return the id of an order whose permId has not come yet: unique for its client only."""
    order_id = fields.id("orderId")
    return f"{fields.text('clientId') or 0}:{order_id}" if order_id is not None else None


def _contract(contract: Fields) -> dict[str, Any]:
    symbol = contract.text("symbol")
    if contract.text("secType") in _BY_NAME:
        local = contract.text("localSymbol")
        symbol = " ".join(local.split()) if local is not None else _described(contract)
    return {"symbol": symbol, "currency": contract.text("currency"), "multiplier": contract.positive("multiplier")}


def _described(contract: Fields) -> str | None:
    parts = [contract.text(name) for name in ("symbol", "lastTradeDateOrContractMonth", "right") if contract.text(name)]
    strike = contract.nonzero("strike")
    return "-".join([*(part for part in parts if part), *((str(strike),) if strike is not None else ())]) or None


def versions_of(fill_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of older versions of an execution, the newest first, and of newer ones."""
    base, dot, number = fill_id.rpartition(".")
    if not dot or not number.isdigit():
        return (), ()
    own, width = int(number), len(number)
    before = range(own - 1, max(0, own - 1 - VERSIONS_MAX), -1)
    after = range(own + 1, own + 1 + VERSIONS_MAX)
    return tuple(f"{base}.{one:0{width}}" for one in before), tuple(f"{base}.{one:0{width}}" for one in after)


def _fees(report: Fields) -> Fees:
    amount, currency = report.nonzero("commission", "commissionAndFees"), report.text("currency")
    return ((amount, currency),) if amount and currency is not None else ()


VENUE = Venue(
    kind="ib",
    name="IB",
    records=(
        Record("Trade", ("contract", "order", "orderStatus"), _trade),
        Record("open order", ("contract", "order", "orderState"), _trade),
        Record("Fill", ("contract", "execution"), _fill),
        Record("CommissionReport", ("execId", "commission", "currency"), _commission, unless=("shares",)),
        Record("CommissionReport", ("execId", "commissionAndFees", "currency"), _commission, unless=("shares",)),
        Record("Execution", ("execId", "shares", "price", "side"), _execution),
        Record("OrderStatus", ("status", "filled", "remaining", "permId"), _status),
    ),
    asides=(
        Aside(("tag", "value", "account"), "account balances"),
        Aside(("account", "position", "avgCost"), "positions"),
        Aside(("marketPrice", "position"), "positions"),
    ),
)
