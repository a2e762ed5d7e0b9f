"""Charts as inline SVG: a curve of steps, and bars by period.

The paths stretch with the page, the words beside the axes do not: they are placed in per cent. Each chart has a title
and a description, which say its figures in words. Gains and losses differ by their side of the zero line, not only by
colour.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal

import attrs

from ledger_report.page.curve import Step
from ledger_report.page.markup import Html, join, tag
from ledger_report.page.scales import MONTHS, TICKS_MAX, Scale, Times, marks_between, scale_of, short, times_of
from ledger_report.pnl import By

WIDTH, HEIGHT = 2_000, 1_000
"""The units of a chart's own coordinates, whatever its size on a screen."""

FEW = 12
"""So many bars at most have their own names below them, and are no wider than if there were so many."""

_BAR = 0.8  # of its slot


@attrs.frozen(kw_only=True)
class Words:
    """What a chart says of itself: a name that is unique on the page, a title, and a description with its figures."""

    name: str
    title: str
    description: str
    unit: str


@attrs.frozen
class Bar:
    """A bar: where its slot is, counted from the first, and how far it goes; `name` is that of its period."""

    slot: int
    name: str
    value: Decimal


def curve(steps: Sequence[Step], times: Times, words: Words, *, is_filled: bool = False) -> Html:
    """Return a curve that keeps its value until the next step; filled down from zero, it shows falls."""
    scale = scale_of(min(step.value for step in steps), max(step.value for step in steps), 3 if is_filled else 5)
    zero = _y(scale, Decimal(0))
    drawn = [f"M0 {zero}"]
    drawn += [f"H{round(times.place(step.at) * WIDTH)}V{_y(scale, step.value)}" for step in steps]
    drawn.append(f"H{WIDTH}")
    if is_filled:
        drawn.append(f"V{zero}Z")
    path = tag("path", class_="fall" if is_filled else "line", d="".join(drawn))
    last = steps[-1]
    dot = tag("circle", class_="dot", cx=_percent(times.place(last.at)), cy=_down(scale, last.value), r="3.5")
    return _chart("low" if is_filled else "high", words, _grid(scale), _time_marks(times), _stretched(path), dot)


def bars(found: Sequence[Bar], by: By, words: Words) -> Html:
    """Return a bar for each period: gains above the zero line, losses below it."""
    scale = scale_of(min(bar.value for bar in found), max(bar.value for bar in found), 5)
    first, last = found[0].slot, found[-1].slot
    width = WIDTH / max(last - first + 1, FEW)
    left = (WIDTH - width * (last - first + 1)) / 2
    zero = _y(scale, Decimal(0))

    def path(style: str, wanted: Sequence[Bar]) -> Html:
        drawn = []
        for bar in wanted:
            x = left + (bar.slot - first + (1 - _BAR) / 2) * width
            drawn.append(f"M{x:.1f} {zero}h{width * _BAR:.1f}V{_y(scale, bar.value)}h-{width * _BAR:.1f}z")
        return tag("path", class_=style, d="".join(drawn))

    paths = (
        path("gain", [bar for bar in found if bar.value > 0]),
        path("loss", [bar for bar in found if bar.value < 0]),
    )
    if by is By.MONTH or last - first < FEW:
        marks = [(bar.slot - first + 0.5, _period_label(bar.name, by)) for bar in _few(found, first)]
    else:
        marks = _calendar(first, last, by)
    marks = [((left + slots * width) / WIDTH, label) for slots, label in marks]
    return _chart("high", words, _grid(scale), _marks(marks), _stretched(*paths))


def slot_of(name: str, by: By) -> int:
    """Return the place of a period in time: days, weeks or months since the beginning of the calendar."""
    match by:
        case By.DAY:
            return date.fromisoformat(name).toordinal()
        case By.WEEK:
            return date.fromisocalendar(int(name[:4]), int(name[6:]), 1).toordinal() // 7
        case By.MONTH:
            return int(name[:4]) * 12 + int(name[5:]) - 1
        case _:
            raise AssertionError(f"{by} is no period")


def axis_of(steps: Sequence[Step], zone: tzinfo | None) -> Times:
    """Return the axis that a curve and its falls share."""
    return times_of([steps[0].at, steps[-1].at], zone)


def _calendar(first: int, last: int, by: By) -> list[tuple[float, str]]:
    """Return round dates between the first slot and the last, by how many slots they lie behind the first."""
    begin, end = (
        datetime.combine(date.fromordinal(7 * slot + 1 if by is By.WEEK else slot), time(), UTC)
        for slot in (first, last)
    )
    width = timedelta(days=7 if by is By.WEEK else 1)
    return [((at - begin) / width, label) for at, label in marks_between(begin, end, UTC)]


def _few(found: Sequence[Bar], first: int) -> list[Bar]:
    """Return the bars that get a mark below them: far enough apart for its words."""
    apart = max((found[-1].slot - first + 1) / TICKS_MAX, 1)
    marked: list[Bar] = []
    for bar in found:
        if not marked or bar.slot - marked[-1].slot >= apart:
            marked.append(bar)
    return marked


def _period_label(name: str, by: By) -> str:
    if by is By.WEEK:
        return name
    month = f"{MONTHS[int(name[5:7]) - 1]}"
    return f"{int(name[8:])} {month} {name[:4]}" if by is By.DAY else f"{month} {name[:4]}"


def _chart(size: str, words: Words, *parts: Html) -> Html:
    title, description = f"{words.name}-title", f"{words.name}-description"
    return tag(
        "svg",
        tag("title", words.title, id=title),
        tag("desc", words.description, id=description),
        *parts[:2],
        tag("text", words.unit, class_="unit", x=0, y=0, dy="-.7em"),
        *parts[2:],
        class_=f"plot {size}",
        role="img",
        aria_labelledby=title,
        aria_describedby=description,
    )


def _stretched(*paths: Html) -> Html:
    return tag("svg", *paths, viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none", width="100%", height="100%")


def _grid(scale: Scale) -> Html:
    widest = max(abs(scale.low), abs(scale.high))
    lines = []
    for value in scale.ticks:
        y = _down(scale, value)
        lines.append(tag("line", class_=None if value else "zero", x2="100%", y1=y, y2=y))
        lines.append(tag("text", short(value, widest), x=-8, y=y, dy=".32em"))
    return tag("g", *lines, class_="y")


def _time_marks(times: Times) -> Html:
    return _marks([(times.place(at), label) for at, label in times.ticks])


def _marks(marks: Sequence[tuple[float, str]]) -> Html:
    """Return what stands below a chart. Every second mark is hidden where there is no room."""
    texts = []
    for number, (place, label) in enumerate(marks):
        edge = "end" if place > 0.94 else "begin" if place < 0.06 else ""
        style = " ".join(name for name in (edge, "second" if number % 2 else "") if name)
        texts.append(tag("text", label, class_=style or None, x=_percent(place), y="100%", dy="1.6em"))
    return tag("g", join(texts), class_="x")


def _y(scale: Scale, value: Decimal) -> int:
    return round((1 - scale.place(value)) * HEIGHT)


def _down(scale: Scale, value: Decimal) -> str:
    return _percent(1 - scale.place(value))


def _percent(place: float) -> str:
    return f"{place * 100:.4g}%"
