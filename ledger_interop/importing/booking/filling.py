"""Booking executions, what is taken back, corrected or charged of them, and totals that show what is missing."""

from decimal import Decimal
from typing import Any

from ledger_core import Fill, Order, OrderStatus, UnknownFill, UnknownOrder
from ledger_core.errors import Archived
from ledger_core.numbers import decimal_text, minus, plain, quotient, times
from ledger_interop.importing.booking.desk import KNOWN, Booked, Desk, id_of
from ledger_interop.importing.facts import Bust, Correction, Execution, FeeReport, Fees, Status
from ledger_interop.importing.report import Outcome

MISSING = "the venue counts more as filled than it told executions of: missing_quantity of the order shows it"
_LESS: Booked = (
    Outcome.OUTDATED,
    "it counts less as filled than is booked: it is older, or an execution was taken back",
)
_REVISED: Booked = (Outcome.OUTDATED, "it counts executions that were taken back or corrected since")
_TOLD = (OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)


def execution(desk: Desk, order: Order | None, fact: Execution) -> Booked:
    """Book a fill, once; a newer version of a known one corrects it, an older one is passed."""
    if order is not None:
        if any(desk.has_fill(order, newer) for newer in fact.revised_by):
            return Outcome.OUTDATED, "the execution was corrected since"
        older = next((one for one in fact.revises if desk.has_fill(order, one)), None)
        if older is not None:
            return correction(desk, order, _as_correction(fact, older))
        if not desk.has_fill(order, fact.fill_id):
            order = desk.make_room(order, fact.quantity, fact.at)
    data = _fill_data(fact)
    order_id = order.order_id if order is not None else fact.order.client_id
    if order_id is None and fact.order.venue_id is None:
        order_id = id_of(order, fact.order)
    booked = desk.called(
        order, lambda batch: batch.update_order_fill(order_id, data, occurred_at=fact.at), adds=fact.quantity
    )
    if order is None:
        return booked
    desk.orders.keep_fill(fact.fill_id, order.order_id, None if booked is KNOWN else fact.quantity)
    if booked is KNOWN and fact.fees:
        return _charge(desk, order.order_id, fact)
    return booked


def bust(desk: Desk, order: Order | None, fact: Bust) -> Booked:
    """Take an execution back."""
    order_id = id_of(order, fact.order)
    booked = desk.called(
        order, lambda batch: batch.bust_order_fill(order_id, fact.fill_id, fact.reason, occurred_at=fact.at)
    )
    if order is not None:
        desk.past.note_revision(order, fact.at)
    return booked


def correction(desk: Desk, order: Order | None, fact: Correction) -> Booked:
    """Correct an execution."""
    if order is not None and not desk.has_fill(order, fact.correction_id):
        known = desk.orders.quantity_of(order.order_id, fact.fill_id)
        if known is None and (stored := _stored(desk, order, fact.fill_id)) is not None:
            known = stored.quantity
        if known is not None:
            order = desk.make_room(order, minus(fact.quantity, known), fact.at)
    order_id = id_of(order, fact.order)
    figures = {"fill_id": fact.correction_id, "quantity": fact.quantity, "price": fact.price}
    booked = desk.called(
        order, lambda batch: batch.correct_order_fill(order_id, fact.fill_id, figures, occurred_at=fact.at)
    )
    if order is not None:
        for fill_id in (fact.fill_id, fact.correction_id):
            desk.orders.keep_fill(fill_id, order.order_id, None if booked is KNOWN else fact.quantity)
        desk.past.note_revision(order, fact.at)
    return booked


def fee(desk: Desk, order: Order | None, fact: FeeReport) -> Booked:
    """Book what an execution cost."""
    if order is None:
        return Outcome.REFUSED, "it tells what an execution cost that no message tells of"
    return _set_fees(desk, order, fact.fill_id, fact.fees, fact)


def status(desk: Desk, order: Order | None, fact: Status) -> Booked:
    """Compare the venue's total with what is booked, and book or show what is missing."""
    total = fact.cum_quantity
    if order is None:
        return _report(desk, None, fact, total)
    if total is None and fact.status is OrderStatus.FILLED:
        total = order.quantity
    if total is None or total == order.cum_quantity:
        return KNOWN
    if total < order.cum_quantity:
        return _LESS
    if desk.past.is_revised_since(order, fact.at, total):
        return _REVISED
    infers = desk.rules.infers
    if fact.stands_for_fills if infers is None else infers:
        price = _missing_price(order, total, fact.average_price)
        if price is not None:
            return _infer(desk, order, fact, total, price)
    return _report(desk, order, fact, total)


def _as_correction(fact: Execution, older: str) -> Correction:
    return Correction(
        order=fact.order,
        at=fact.at,
        fill_id=older,
        correction_id=fact.fill_id,
        quantity=fact.quantity,
        price=fact.price,
    )


def _fill_data(fact: Execution) -> dict[str, Any]:
    details = fact.order.details
    given: dict[str, Any] = {
        "fill_id": fact.fill_id,
        "quantity": fact.quantity,
        "price": fact.price,
        "side": details.get("side"),
        "symbol": details.get("symbol"),
        "liquidity": fact.liquidity,
        "trade_date": fact.trade_date,
        "venue_order_id": fact.order.venue_id,
        "fees": _fees(fact.fees) or None,
        "fee_in_base": True if fact.fee_in_base else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _charge(desk: Desk, order_id: str, fact: Execution) -> Booked:
    """Book the fees that a known execution was told without."""
    order = desk.orders.get(order_id)
    assert order is not None, "kept after its fill"
    known = _stored(desk, order, fact.fill_id)
    if known is not None and known.fees:
        return KNOWN
    return _set_fees(desk, order, fact.fill_id, fact.fees, fact)


def _set_fees(desk: Desk, order: Order, fill_id: str, fees: Fees, fact: Execution | FeeReport) -> Booked:
    return desk.called(
        order, lambda batch: batch.update_fill_fee(order.order_id, fill_id, _fees(fees), occurred_at=fact.at)
    )


def _stored(desk: Desk, order: Order, fill_id: str) -> Fill | None:
    try:
        return desk.ledger.get_fill(order.order_id, order.corrections.get(fill_id, fill_id))
    except (UnknownFill, UnknownOrder, Archived):
        return None


def _missing_price(order: Order, total: Decimal, average: Decimal | None) -> Decimal | None:
    """Return the price of what is missing, from the average of all; None where it cannot be told."""
    if average is None or not order.cum_quantity:
        return average
    price = quotient(minus(times(average, total), order.executed_value), minus(total, order.cum_quantity))
    return price if (price > 0) == (average > 0) else None  # an average that was rounded can make nonsense of a rest


def _infer(desk: Desk, order: Order, fact: Status, total: Decimal, price: Decimal) -> Booked:
    """Book what is missing as an inferred fill, which the real ones will take the place of."""
    missing = plain(minus(total, order.cum_quantity))
    data: dict[str, Any] = {
        "fill_id": f"inferred:{decimal_text(total)}",
        "quantity": missing,
        "price": price,
        "inferred": True,
    }
    if fact.fees and not order.cum_quantity:  # the fees of the whole order
        data["fees"] = _fees(fact.fees)
        if fact.fee_in_base:
            data["fee_in_base"] = True
    known = order.cum_quantity
    order = desk.make_room(order, missing, fact.at)
    booked = desk.called(
        order, lambda batch: batch.update_order_fill(order.order_id, data, occurred_at=fact.at), adds=missing
    )
    after = desk.orders.get(order.order_id)
    if after is not None and after.cum_quantity == known:  # inferred before, and taken back since
        return _report(desk, after, fact, total)
    return booked


def _report(desk: Desk, order: Order | None, fact: Status, total: Decimal | None) -> Booked:
    known = order.report.cum_quantity if order is not None and order.report is not None else None
    if known is not None and total is not None and known >= total:
        return KNOWN
    given = {
        "cum_quantity": total,
        "average_price": fact.average_price,
        "status": fact.status if fact.status in _TOLD else None,
        "venue_order_id": fact.order.venue_id,
    }
    report = {name: value for name, value in given.items() if value is not None}
    order_id = id_of(order, fact.order)
    outcome, _ = desk.called(order, lambda batch: batch.report_order_status(order_id, report, occurred_at=fact.at))
    return outcome, MISSING if outcome is Outcome.BOOKED else None


def _fees(fees: Fees) -> list[dict[str, Any]]:
    return [{"amount": amount, "currency": currency} for amount, currency in fees]
