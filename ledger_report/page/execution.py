"""How orders were executed: ratios, times, slippage, maker share, and why orders were refused."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from ledger_report.page.markup import Content, Html
from ledger_report.page.report import Report
from ledger_report.page.sections import ROWS_MAX, Section, command, nothing, shown_of
from ledger_report.page.tables import Cell, numbers, prose, table, text
from ledger_report.page.wording import length, percent, rounded
from ledger_report.quality import Durations, MakerShare, Quality, Slippage

_PLACES = 2
_COLUMNS = (
    text("Orders of"),
    numbers("Orders"),
    numbers("Ended"),
    numbers("Filled whole"),
    numbers("Fill ratio"),
    numbers("Rejected"),
    numbers("Answered, median"),
    numbers("95 %"),
    numbers("First fill, median"),
    numbers("95 %"),
    text("~Against limit"),
    text("~Against arrival"),
    text("Maker share"),
)


def section(report: Report) -> Section:
    """Return the section about execution quality."""
    if not report.quality:
        return Section("quality", "Execution quality", [nothing("No order was placed in this period.")])
    return Section("quality", "Execution quality", list(_tables(report, report.quality[0])))


def _tables(report: Report, whole: Quality) -> Iterator[Html]:
    by_symbol = report.quality_by_symbol if len(report.quality_by_symbol) > 1 else []
    shown = by_symbol[:ROWS_MAX]
    said = shown_of(
        len(shown),
        len(by_symbol),
        "symbols",
        command("quality", report.source.arguments, report.source.period, "--by symbol"),
    )
    caption = (
        "Orders that were placed in this period. The fill ratio is the mean of what was filled of the quantity, over "
        "orders that have ended; times count from placing. Slippage is in basis points of the value, positive to our "
        f"disadvantage; the maker share is by value, of executions of which the venue told it. {said}"
    )
    rows = [_row("all symbols", whole), *(_row(one.name, one) for one in shown)]
    yield table("quality-table", caption.strip(), _COLUMNS, rows)
    if not whole.rejections:
        yield nothing("Nothing was refused.")
        return
    refused = [(why, what, f"{count:,}") for what, why, count in whole.rejections[:ROWS_MAX]]
    said = shown_of(
        len(refused),
        len(whole.rejections),
        "reasons",
        command("quality", report.source.arguments, report.source.period),
    )
    columns = (prose("Reason"), text("What was refused"), numbers("How often"))
    yield table("rejections-table", f"What venues refused, the most frequent first. {said}".strip(), columns, refused)


def _row(name: str, one: Quality) -> Sequence[Content | Cell]:
    return (
        name,
        f"{one.orders:,}",
        f"{one.ended:,}",
        percent(one.filled_share),
        percent(one.fill_ratio),
        f"{one.rejected:,}",
        *_times(one.time_to_acknowledgement),
        *_times(one.time_to_first_fill),
        _slippage(one.against_limit),
        _slippage(one.against_arrival),
        _maker(one.maker),
    )


def _times(found: Durations | None) -> tuple[str, str]:
    return ("", "") if found is None else (length(found.median), length(found.percentile_95))


def _slippage(found: Iterable[Slippage]) -> str:
    return ", ".join(
        f"{_signed(one.basis_points)} bp {one.currency or ''}".strip() for one in found if one.basis_points is not None
    )


def _maker(found: Iterable[MakerShare]) -> str:
    return ", ".join(f"{percent(one.share)} {one.currency or ''}".strip() for one in found if one.share is not None)


def _signed(points: Decimal) -> str:
    return rounded(points, _PLACES)
