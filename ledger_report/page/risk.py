"""Open risk: what is in doubt, what works at the venues, what is held, what is exposed, what waits in quarantine."""

from collections.abc import Iterator, Sequence

import attrs

from ledger_core import Exposure, Order, OrderRequest, Position, QuarantinedFact
from ledger_report.page.markup import Content, Html, tag
from ledger_report.page.report import Of, Report
from ledger_report.page.sections import ROWS_MAX, Section, command, note, shown_of
from ledger_report.page.tables import Cell, Column, money, numbers, prose, table, text
from ledger_report.page.wording import fees, length, moment, number, rounded

_ORDER = (
    text("Order"),
    text("Strategy"),
    text("Venue's id"),
    text("Symbol"),
    text("Side"),
    text("Status"),
    numbers("Quantity"),
    numbers("Filled"),
    numbers("Limit"),
    numbers("Stop"),
    text("Venue"),
    text("Placed"),
    numbers("Age"),
    prose("Reason"),
)
_REQUEST = (text("Request"), text("Strategy"), text("Order"), text("Asks to"), text("Requested"), numbers("Age"))
_POSITION = (
    text("Symbol"),
    text("Strategy"),
    text("Venue"),
    text("Account"),
    text("Side"),
    numbers("Quantity"),
    numbers("~Average"),
    numbers("Cost"),
    numbers("Realized"),
    text("Currency"),
    text("Fees"),
    text("Opened"),
)
_EXPOSURE = (
    text("Symbol"),
    numbers("Net"),
    numbers("Long"),
    numbers("Short"),
    numbers("Pending buy"),
    numbers("Pending sell"),
    numbers("Worst long"),
    numbers("Worst short"),
    prose("Orders of unknown quantity"),
)
_FACT = (
    text("Quarantine"),
    text("Strategy"),
    text("Fact"),
    text("Order"),
    text("Venue's id"),
    text("Symbol"),
    text("Side"),
    numbers("Quantity"),
    text("Recorded"),
    prose("Why it is not booked"),
)

Row = Sequence[Content | Cell]


def section(report: Report) -> Section:
    """Return the section about open risk."""
    intro = note("As it is at the journal's last entry, whatever the period. Nothing here is valued at a market price.")
    return Section("risk", "Open risk", [intro, *(html for part in _parts(report) for html in _shown(report, part))])


@attrs.frozen(kw_only=True)
class _Part:
    """A part: what it is, what it says where there is nothing, its rows, and the command that shows all of them."""

    name: str
    heading: str
    caption: str
    nothing: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    count: int
    command: str


def _parts(report: Report) -> Iterator[_Part]:
    risk = report.risk
    yield _Part(
        name="in-doubt",
        heading="In doubt",
        caption="The venue may have these orders or not.",
        nothing="No order in doubt.",
        columns=_ORDER,
        rows=[_order(report, one) for one in risk.in_doubt[:ROWS_MAX]],
        count=len(risk.in_doubt),
        command="orders",
    )
    yield _Part(
        name="requests",
        heading="Requests without an answer",
        caption="Asked of the venue, and not answered yet.",
        nothing="No request without an answer.",
        columns=_REQUEST,
        rows=[_request(report, one) for one in risk.requests[:ROWS_MAX]],
        count=len(risk.requests),
        command="status",
    )
    yield _Part(
        name="working",
        heading="Working orders",
        caption="What the venues may still execute.",
        nothing="No order working.",
        columns=_ORDER,
        rows=[_order(report, one) for one in risk.working[:ROWS_MAX]],
        count=len(risk.working),
        command="orders",
    )
    yield _Part(
        name="positions",
        heading="Positions",
        caption="What is held.",
        nothing="No position.",
        columns=_POSITION,
        rows=[_position(report, one) for one in risk.positions[:ROWS_MAX]],
        count=len(risk.positions),
        command="positions",
    )
    yield _Part(
        name="exposure",
        heading="Exposure",
        caption="Net by symbol, and what open orders and quarantined facts may still make of it.",
        nothing="No exposure.",
        columns=_EXPOSURE,
        rows=[_exposure(one) for one in risk.exposures[:ROWS_MAX]],
        count=len(risk.exposures),
        command="exposure",
    )
    yield _Part(
        name="quarantine",
        heading="Quarantine",
        caption="Told by the venue, and in no order and no position.",
        nothing="Nothing in quarantine.",
        columns=_FACT,
        rows=[_fact(report, one) for one in risk.facts[:ROWS_MAX]],
        count=len(risk.facts),
        command="status",
    )


def _shown(report: Report, part: _Part) -> Iterator[Html]:
    """Return a part; columns in which there is nothing are left out."""
    yield tag("h3", part.heading)
    if not part.count:
        yield note(part.nothing)
        return
    rest = command(part.command, report.source.arguments, "--all")
    said = shown_of(len(part.rows), part.count, "rows", rest)
    used = [
        place for place in range(len(part.columns)) if not place or any(_is_something(row[place]) for row in part.rows)
    ]
    rows = [[row[place] for place in used] for row in part.rows]
    yield table(f"{part.name}-table", f"{part.caption} {said}".strip(), [part.columns[place] for place in used], rows)


def _is_something(cell: Content | Cell) -> bool:
    return bool(cell.content if isinstance(cell, Cell) else cell)


def _order(report: Report, one: Of[Order]) -> Row:
    order = one.record
    details = order.details
    cash = f"{number(details.cash_quantity)} {details.cash_currency}"
    return (
        order.order_id,
        one.strategy_id,
        ", ".join(order.venue_order_ids),
        order.symbol,
        order.side.value,
        order.status.value,
        cash if order.quantity is None else number(order.quantity),
        number(order.cum_quantity),
        number(order.limit_price),
        number(order.stop_price),
        order.venue,
        moment(order.placed_at, report.zone),
        length(report.made_at - order.placed_at),
        order.reason,
    )


def _request(report: Report, one: Of[OrderRequest]) -> Row:
    request = one.record
    return (
        request.request_id,
        one.strategy_id,
        request.order_id,
        request.request_kind.value,
        moment(request.requested_at, report.zone),
        length(report.made_at - request.requested_at),
    )


def _position(report: Report, one: Of[Position]) -> Row:
    position = one.record
    return (
        position.symbol,
        one.strategy_id,
        position.venue,
        position.account,
        position.position_side.value,
        number(position.quantity),
        rounded(position.average_price),
        number(position.cost),
        money(position.realized_pnl),
        position.money_currency,
        fees(position.fees),
        moment(position.opened_at, report.zone),
    )


def _exposure(one: Exposure) -> Row:
    return (
        one.symbol,
        number(one.net_quantity),
        number(one.long_quantity),
        number(one.short_quantity),
        number(one.pending_buy_quantity),
        number(one.pending_sell_quantity),
        number(one.worst_case_long),
        number(one.worst_case_short),
        ", ".join(one.unquantified_order_ids),
    )


def _fact(report: Report, one: Of[QuarantinedFact]) -> Row:
    fact = one.record
    return (
        fact.quarantine_id,
        one.strategy_id,
        fact.operation.removeprefix("update_order_"),
        fact.order_id,
        fact.venue_order_id,
        fact.symbol,
        fact.side.value if fact.side else None,
        number(fact.quantity),
        moment(fact.recorded_at, report.zone),
        fact.message,
    )
