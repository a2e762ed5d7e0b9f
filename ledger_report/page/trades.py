"""The trades of the period, the latest first."""

from collections.abc import Sequence

from ledger_core import Trade
from ledger_report.page.markup import Content
from ledger_report.page.report import Of, Report
from ledger_report.page.sections import Section, command, nothing, shown_of
from ledger_report.page.tables import Cell, money, numbers, prose, table, text
from ledger_report.page.wording import fees, length, moment, number, rounded

_COLUMNS = (
    text("Trade"),
    text("Symbol"),
    text("Direction"),
    numbers("Realized"),
    text("Currency"),
    text("Fees"),
    numbers("Entered"),
    numbers("~Entry"),
    numbers("~Exit"),
    text("Opened"),
    numbers("Lasted"),
    text("Strategy"),
    prose("Note"),
)
_STRATEGY = 11
_MINUTES = len("2026-01-05 09:30")


def section(report: Report) -> Section:
    """Return the section about trades."""
    found = report.trades
    if not found.count:
        return Section("trades", "Trades", [nothing("No trade was opened in this period.")])
    rows = [_row(report, one) for one in found.latest]
    names = {one.strategy_id for one in found.latest}
    left_out = {_STRATEGY} if len(names) == 1 else set()
    left_out |= set() if any(row[-1] for row in rows) else {len(_COLUMNS) - 1}
    kept = [place for place in range(len(_COLUMNS)) if place not in left_out]
    columns = [_COLUMNS[place] for place in kept]
    rows = [[row[place] for place in kept] for row in rows]
    rest = command("trades", report.source.arguments, report.source.period, "--all")
    said = shown_of(len(found.latest), found.count, "trades", rest)
    caption = f"Trades that were opened in this period, the latest first; realized PnL is gross of fees. {said}".strip()
    return Section("trades", "Trades", [table("trades-table", caption, columns, rows)])


def _row(report: Report, one: Of[Trade]) -> Sequence[Content | Cell]:
    trade = one.record
    lasted = length((trade.closed_at or report.made_at) - trade.opened_at)
    return (
        trade.trade_id,
        trade.symbol or ", ".join(leg.symbol for leg in trade.legs),
        trade.direction.value,
        money(trade.realized_pnl),
        trade.currency,
        fees(trade.fees),
        number(trade.entry_quantity),
        rounded(trade.average_entry_price),
        rounded(trade.average_exit_price),
        moment(trade.opened_at, report.zone)[:_MINUTES],
        lasted if trade.closed_at else f"open, {lasted}",
        one.strategy_id,
        _note(trade),
    )


def _note(trade: Trade) -> str:
    residual = ", ".join(f"{number(quantity)} {symbol}" for symbol, quantity in trade.residual.items())
    notes = (
        "restated after its close" if trade.restated else "",
        trade.reason or "",
        f"residual {residual}" if residual else "",
    )
    return "; ".join(note for note in notes if note)
