"""What was made, currency by currency: key figures, the curve with its falls, PnL by period, symbol and strategy."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from ledger_core.numbers import ZERO
from ledger_report.page.charts import Bar, Words, axis_of, bars, curve, slot_of
from ledger_report.page.curve import STEPS_MAX, STRETCHES, falls, thinned
from ledger_report.page.markup import Content, Html, join, tag
from ledger_report.page.money import PERIODS_MAX, Money, net_of_row
from ledger_report.page.report import Report
from ledger_report.page.sections import ROWS_MAX, Section, command, note, nothing, shown_of
from ledger_report.page.tables import Cell, Column, bar, bars_column, money, numbers, sign_of, table, text
from ledger_report.page.wording import count, moment, number, percent
from ledger_report.pnl import By, PnlRow

CHARTS_MAX = 4
"""Of how many currencies there are charts, those with the most executions."""

DAYS_MAX = 600
"""How many days the tables of all currencies list together."""

_LONG = 14  # digits that a tile has room for in large print
_NO_MONEY = "Nothing was bought or sold in this period."
_PERIODS = {By.DAY: "day", By.WEEK: "week", By.MONTH: "month"}


def name_of(one: Money) -> str:
    """Return what a currency is called."""
    return one.currency or "unknown currency"


def sections(report: Report) -> Iterator[Section]:
    """Return the sections about what was made."""
    yield Section("key-figures", "Key figures", _key_figures(report))
    yield Section("equity", "Equity and drawdown", list(_curves(report)))
    yield Section("pnl-by-period", "PnL by day", list(_by_period(report)))
    yield Section("pnl-by-symbol", "PnL by symbol", [_by_name(report, By.SYMBOL)])
    yield Section("pnl-by-strategy", "PnL by strategy", [_by_name(report, By.STRATEGY)])


# --- key figures


def _key_figures(report: Report) -> list[Html]:
    parts = []
    for one in report.moneys:
        if len(report.moneys) > 1:
            parts.append(tag("h3", name_of(one).capitalize() if one.currency is None else name_of(one)))
        parts.append(tag("dl", *(_tile(*tile) for tile in _tiles(report, one)), class_="tiles"))
    trades = report.trades
    if trades.count:
        tiles = [
            ("Trades opened", f"{trades.count:,}", f"{trades.closed:,} of them closed", ""),
            (
                "Closed trades won",
                _share(trades.won, trades.closed),
                f"{trades.won:,} won, {trades.lost:,} lost, gross",
                "",
            ),
        ]
        if len(report.moneys) > 1:
            parts.append(tag("h3", "Trades"))
        parts.append(tag("dl", *(_tile(*tile) for tile in tiles), class_="tiles"))
    return parts or [nothing(_NO_MONEY)]


def _tiles(report: Report, one: Money) -> Iterator[tuple[str, str, Content, str]]:
    """Return of each figure what it is, its value, what more there is to say, and its class."""
    total, unit = one.total, one.currency or ""
    if one.is_net:
        yield "Net realized PnL", number(total.net), unit, sign_of(total.net)
    gross = "no rate for a part of it" if total.gross is None else unit
    yield "Gross realized PnL", number(total.gross) or "unknown", gross, sign_of(total.gross)
    if total.fees is not None:
        yield "Fees paid", number(total.fees), unit, ""
    if total.cash_flows:
        yield "Funding, interest, dividends", number(total.cash_flows), unit, sign_of(total.cash_flows)
    if one.drawdown is not None:
        fall = one.drawdown
        since = moment(fall.peak_at, report.zone)[:10] or "the beginning"
        until = moment(fall.trough_at, report.zone)[:10]
        span = join((f"{unit}, from ", _date(since), " to ", _date(until))) if fall.amount else unit
        yield "Deepest drawdown", number(-fall.amount), span, sign_of(-fall.amount)
    for name, row in (("Best day", one.best_day), ("Worst day", one.worst_day)):
        if row is not None:
            made = net_of_row(row)
            yield name, number(made), join((f"{unit}, ", _date(row.name))), sign_of(made)
    days = count(one.days, "day")
    yield "Days won", _share(one.days_won, one.days), f"{one.days_won:,} won, {one.days_lost:,} lost, of {days}", ""
    yield "Executions", f"{total.fills:,}", "", ""


def _tile(what: str, value: str, more: Content, style: str) -> Html:
    size = "long" if len(value) > _LONG else None
    details = join((tag("span", value, class_=size), tag("small", more) if more else None))
    return tag("div", tag("dt", what), tag("dd", details, class_=style or None))


def _date(day: str) -> Html:
    return tag("span", day, class_="date")


def _share(part: int, whole: int) -> str:
    return percent(Decimal(part) / whole) if whole else "none"


# --- curves


def _curves(report: Report) -> Iterator[Html]:
    if not report.moneys:
        yield nothing(_NO_MONEY)
    for place, one in enumerate(report.moneys[:CHARTS_MAX]):
        if len(report.moneys) > 1:
            yield tag("h3", name_of(one))
        yield _curve(report, one, f"equity-{place}")
    yield from _left_out(report)


def _curve(report: Report, one: Money, name: str) -> Html:
    if not one.steps or one.drawdown is None:
        why = "a part of what was realized has no rate" if one.steps is None else "nothing was realized"
        return nothing(f"No curve: {why}.")
    steps, depths = thinned(one.steps), thinned(falls(one.steps))
    axis = axis_of(one.steps, report.zone)
    last = number(one.steps[-1].value)
    kind = "net realized PnL" if one.is_net else "gross realized PnL"
    begin, end = moment(one.steps[0].at, report.zone), moment(one.steps[-1].at, report.zone)
    fall = one.drawdown
    deepest = f"The deepest fall below an earlier high is {number(fall.amount)}." if fall.amount else "It never fell."
    equity = Words(
        name=name,
        title=f"Cumulative {kind} in {name_of(one)}",
        description=f"From {begin} to {end} it went from 0 to {last}.",
        unit=f"{name_of(one)}, cumulative {kind}",
    )
    drawdown = Words(
        name=f"{name}-drawdown",
        title=f"Drawdown in {name_of(one)}",
        description=deepest,
        unit="below the highest point before",
    )
    drawn = count(len(one.steps), "step")
    if len(one.steps) > STEPS_MAX:
        drawn += (
            f", thinned: of each of {STRETCHES} stretches of time the first, lowest, highest and last are drawn, "
            f"{len(steps):,} in all; no high and no low is lost"
        )
    caption = f"{drawn}. Each is an execution or a payment; 0 is the beginning of the period. {deepest}"
    return tag(
        "figure",
        curve(steps, axis, equity),
        curve(depths, axis, drawdown, is_filled=True),
        tag("figcaption", caption),
    )


def _left_out(report: Report) -> Iterator[Html]:
    if len(report.moneys) > CHARTS_MAX:
        yield note(
            f"Charts of {CHARTS_MAX} of {len(report.moneys)} currencies, those with the most executions; ",
            "the key figures and tables have all of them.",
        )


# --- by period


def _by_period(report: Report) -> Iterator[Html]:
    if not report.moneys:
        yield nothing(_NO_MONEY)
    for place, one in enumerate(report.moneys[:CHARTS_MAX]):
        if len(report.moneys) > 1:
            yield tag("h3", name_of(one))
        yield _bars(one, f"periods-{place}")
        yield table(f"months-{place}", f"By month, in {name_of(one)}", *_rows(one.months[-ROWS_MAX:], "month"))
        if one.by is By.DAY:
            yield _days(report, one, f"days-{place}")
        rest = command("pnl", report.source.arguments, report.source.period, "--by month --all")
        if said := shown_of(min(len(one.months), ROWS_MAX), len(one.months), "months, the latest", rest):
            yield note(said)
    yield from _left_out(report)


def _days(report: Report, one: Money, name: str) -> Html:
    """Return a table of days to be opened; the charts of a page with many currencies leave it less room."""
    shown = one.periods[-(DAYS_MAX // min(len(report.moneys), CHARTS_MAX)) :]
    rest = command("pnl", report.source.arguments, report.source.period, "--by day --all")
    said = shown_of(len(shown), len(one.periods), "days, the latest", rest)
    rows = table(name, f"By day, in {name_of(one)}. {said}".strip(), *_rows(shown, "day", has_bars=False))
    return tag("details", tag("summary", f"{count(len(shown), 'day')} in figures, in {name_of(one)}"), rows)


def _bars(one: Money, name: str) -> Html:
    made = [(row.name, net_of_row(row)) for row in one.periods]
    known = [Bar(slot_of(period, one.by), period, value) for period, value in made if value is not None]
    if not known:
        return nothing("No bars: what was realized has no rate.")
    period = _PERIODS[one.by]
    best, worst = max(known, key=lambda bar: bar.value), min(known, key=lambda bar: bar.value)
    kind = "Net" if one.is_net else "Gross"
    words = Words(
        name=name,
        title=f"{kind} realized PnL by {period} in {name_of(one)}",
        description=f"{count(len(known), period)}; the best is {best.name} with {number(best.value)}, "
        f"the worst {worst.name} with {number(worst.value)}.",
        unit=f"{name_of(one)}, {kind.lower()} realized PnL by {period}",
    )
    caption = (
        f"Gains stand above the line, losses hang below it. {count(len(known), period)} with executions or payments."
    )
    if one.by is not By.DAY:
        caption += f" Bars are {period}s, because {one.days:,} days are more than the {PERIODS_MAX} that fit."
    if len(known) < len(made):
        caption += f" {count(len(made) - len(known), period)} without a bar: there is no rate for what they made."
    return tag("figure", bars(known, one.by, words), tag("figcaption", caption))


# --- tables


def _by_name(report: Report, by: By) -> Html:
    if not report.moneys:
        return nothing(_NO_MONEY)
    parts = []
    for place, one in enumerate(report.moneys):
        rows = one.symbols if by is By.SYMBOL else one.strategies
        ordered = sorted(rows, key=lambda row: (-(net_of_row(row) or ZERO), row.name))
        caption = f"By {by.value}, in {name_of(one)}, the best first."
        rest = command("pnl", report.source.arguments, report.source.period, f"--by {by.value} --all")
        said = shown_of(min(len(ordered), ROWS_MAX), len(ordered), f"{by.value}s".replace("ys", "ies"), rest)
        parts.append(table(f"{by.value}-{place}", f"{caption} {said}".strip(), *_rows(ordered[:ROWS_MAX], by.value)))
    return join(parts, "\n")


def _rows(
    rows: Sequence[PnlRow], what: str, *, has_bars: bool = True
) -> tuple[list[Column], list[Sequence[Content | Cell]]]:
    """Return the columns and rows of a table of what was made; columns in which there is nothing are left out."""
    has_net = any(row.net is not None for row in rows)
    has_flows = any(row.net is not None and row.net.cash_flows for row in rows)
    values = [value for row in rows if (value := net_of_row(row)) is not None]
    low, high = min(values, default=ZERO), max(values, default=ZERO)
    low, high = min(low, ZERO), max(high, ZERO)
    columns = [text(what.capitalize()), numbers("Net" if has_net else "Gross")]
    columns += [bars_column()] if has_bars else []
    columns += [numbers("Gross"), numbers("Fees")] if has_net else []
    columns += [numbers("Cash flows")] if has_flows else []
    columns.append(numbers("Executions"))
    cells: list[Sequence[Content | Cell]] = []
    for row in rows:
        line: list[Content | Cell] = [row.name, money(net_of_row(row))]
        line += [bar(net_of_row(row), low, high)] if has_bars else []
        if has_net:
            line += [number(row.realized_pnl), None if row.net is None else number(row.net.fees)]
        if has_flows:
            line.append(None if row.net is None else number(row.net.cash_flows))
        line.append(f"{row.fills:,}")
        cells.append(line)
    return columns, cells
