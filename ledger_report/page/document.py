"""The page: its head, its sections in order, and what it says of how its figures came about."""

from collections.abc import Iterator, Sequence

from ledger_report.page import execution, performance, risk, trades
from ledger_report.page.markup import Content, Html, html_of, join, tag, void
from ledger_report.page.performance import name_of
from ledger_report.page.report import Report
from ledger_report.page.sections import Section
from ledger_report.page.style import style_sheet
from ledger_report.page.wording import count, moment, number, zone_name

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html_page(report: Report) -> str:
    """Return the page as text: one file that needs no other, no network and no script."""
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        void("meta", name="color-scheme", content="light dark"),
        void("link", rel="icon", href="data:,"),
        tag("title", f"Ledger report: {report.source.name}"),
        tag("style", Html(style_sheet())),
    )
    sections = [*performance.sections(report), trades.section(report), risk.section(report), execution.section(report)]
    body = tag(
        "body",
        tag("a", "Skip to the figures", class_="skip", href="#figures"),
        _header(report),
        _contents(sections),
        tag("main", join((section.html for section in sections), "\n"), id="figures"),
        _footer(),
    )
    return f"<!doctype html>\n{html_of(tag('html', head, body, lang='en'))}\n"


def _header(report: Report) -> Html:
    return tag(
        "header",
        tag("h1", "Ledger report"),
        tag("p", report.source.name, class_="lead"),
        tag("dl", *(join((tag("dt", what), tag("dd", value))) for what, value in _facts(report)), class_="facts"),
        _warnings(report),
    )


def _facts(report: Report) -> Iterator[tuple[str, Content]]:
    zone = report.zone
    name = zone_name(zone, report.made_at)
    yield "Made at", f"{moment(report.made_at, zone)} {name}"
    yield "Period", _period(report)
    yield "Days and times", name
    if report.currency is not None:
        yield "Everything in", report.currency
    strategies = "Strategy" if len(report.heads) == 1 else "Strategies"
    yield strategies, ", ".join(one.strategy_id for one in report.heads) or "none yet"
    for one in report.heads:
        of = f" of {one.strategy_id}" if len(report.heads) > 1 else ""
        if one.head.recorded_at is None:
            yield f"Journal{of}", "nothing was ever recorded"
            continue
        recorded = moment(one.head.recorded_at, zone)
        yield (
            f"Journal{of}",
            join((f"entry {one.head.sequence:,} of {recorded}, digest ", tag("code", one.head.digest))),
        )


def _period(report: Report) -> str:
    since = moment(report.since, report.zone)
    until = moment(report.until, report.zone)
    match since, until:
        case "", "":
            return _whole(report)
        case _, "":
            return f"from {since} on"
        case "", _:
            return f"before {until}"
        case _:
            return f"from {since} on, before {until}"


def _whole(report: Report) -> str:
    if report.first_at is None or report.last_at is None:
        return "everything that was recorded"
    first, last = moment(report.first_at, report.zone)[:10], moment(report.last_at, report.zone)[:10]
    return f"everything that was recorded, with executions from {first} to {last}"


def _warnings(report: Report) -> Html:
    """Return what a reader must know before the figures; nothing where there is nothing."""
    found = list(_warned(report))
    if not found:
        return Html("")
    return tag("div", tag("ul", *(tag("li", one) for one in found)), class_="warn", role="note")


def _warned(report: Report) -> Iterator[Content]:
    waiting = [
        counted
        for how_many, counted in (
            (len(report.risk.in_doubt), count(len(report.risk.in_doubt), "order") + " in doubt"),
            (len(report.risk.requests), count(len(report.risk.requests), "request") + " without an answer"),
            (len(report.risk.facts), count(len(report.risk.facts), "fact") + " in quarantine"),
        )
        if how_many
    ]
    if waiting:
        yield join((f"{', '.join(waiting)}: ", tag("a", "see open risk", href="#risk"), "."))
    if report.entries_meanwhile:
        entries = count(report.entries_meanwhile, "entry", "entries")
        yield f"The ledger was written to while it was read, {entries}: some figures may be older than others by these."
    for one in report.archived:
        made = f"{number(one.opening.realized_pnl)} {one.currency or ''}".strip()
        until = moment(one.opening.executed_at, report.zone)
        yield (
            f"Not in the figures and curves, because it is in archives: what {one.symbol} of {one.strategy_id} made up"
            f" to {until}, realized {made} before fees."
        )
    for money in report.moneys:
        name = name_of(money)
        if money.total.left_out:
            parts = ", ".join(
                f"{kind} of {number(amount)} {code or '?'}" for kind, code, amount in money.total.left_out
            )
            yield f"Not in the figures of {name}, because no rate was given: {parts}."
        if money.currency is None:
            yield f"Nobody said the currency of some orders: figures of {name} are gross, without fees."


def _contents(sections: Sequence[Section]) -> Html:
    links = (tag("li", tag("a", section.heading, href=f"#{section.name}")) for section in sections)
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _footer() -> Html:
    return tag(
        "footer",
        tag(
            "p",
            "Realized PnL is that of average cost, at the time of the execution that realized it. Net is gross less "
            "fees plus funding, interest and dividends. Currencies are not added unless rates were given. "
            "A position that is open has realized nothing yet: what it would make at a market price is in no figure.",
        ),
        tag(
            "p",
            "Numbers have every digit that is stored, but for columns with a ~, percentages and lengths of time, which "
            "are rounded for the eye, and times, which are cut to the second, those of trades to "
            "the minute. "
            "The digest names the journal's state: strategy-ledger verify checks the ledger against it.",
        ),
    )
