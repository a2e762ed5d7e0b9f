"""Axes: round numbers and round times for a range, and where a value lies in it.

A position on an axis is a float from 0 to 1; everything that is written beside an axis is exact.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import attrs

TICKS_MAX = 6
"""At most so many marks on an axis."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10), Decimal(20))
_SHORT = (  # from which on, the unit, and its name
    (Decimal(10**9), Decimal(10**9), "bn"),
    (Decimal(10**6), Decimal(10**6), "m"),
    (Decimal(10**4), Decimal(10**3), "k"),
)
_DAY = timedelta(days=1)
_EARLIEST = datetime.min.replace(tzinfo=UTC) + 2 * _DAY
_LATEST = datetime.max.replace(tzinfo=UTC) - 2 * _DAY
_WIDTHS = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 5, 15, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600)
)
_MONTH_WIDTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200)


@attrs.frozen
class Scale:
    """An axis of values, from `low` to `high`, with its marks."""

    low: Decimal
    high: Decimal
    ticks: tuple[Decimal, ...]

    def place(self, value: Decimal) -> float:
        """Return where a value lies: 0 is the lower end."""
        return float((value - self.low) / (self.high - self.low))


def scale_of(low: Decimal, high: Decimal, ticks_max: int = TICKS_MAX) -> Scale:
    """Return an axis of round numbers that holds a range, and 0."""
    low, high = min(low, Decimal(0)), max(high, Decimal(0))
    if low == high:
        high = Decimal(1)
    power = Decimal(1).scaleb(((high - low) / ticks_max).adjusted())
    marks = next(found for one in _STEPS if len(found := _round(low, high, power * one)) <= ticks_max + 1)
    return Scale(marks[0], marks[-1], marks)


def _round(low: Decimal, high: Decimal, step: Decimal) -> tuple[Decimal, ...]:
    """Return the multiples of a step that hold a range between them."""
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = (high / step).to_integral_value(ROUND_CEILING)
    return tuple((first + place) * step for place in range(int(last - first) + 1))


def short(value: Decimal, widest: Decimal) -> str:
    """Write a mark of an axis whose largest is `widest`: 250k, 1.5m; it is exact."""
    for least, unit, name in _SHORT:
        if abs(widest) >= least:
            text = format(value / unit, "f")
            text = text.rstrip("0").rstrip(".") if "." in text else text
            return f"{text}{name}" if value else "0"
    text = format(value, "f")
    if not value:
        return "0"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if len(text) <= 9 else f"{value.normalize():e}"


@attrs.frozen
class Times:
    """An axis of times, with its marks and what is written beside each."""

    begin: datetime
    end: datetime
    ticks: tuple[tuple[datetime, str], ...]

    def place(self, moment: datetime) -> float:
        """Return where a moment lies: 0 is the beginning."""
        return (moment - self.begin) / (self.end - self.begin)


def times_of(moments: Sequence[datetime], zone: tzinfo | None) -> Times:
    """Return an axis that begins a little before the first moment and ends at the last."""
    begin, end = moments[0], moments[-1]
    margin = max((end - begin) / 50, timedelta(seconds=1))
    if end - begin < margin and end <= _LATEST:
        end += margin
    if begin >= _EARLIEST + margin:
        begin -= margin
    return Times(begin, end, tuple(marks_between(begin, end, zone)))


def marks_between(begin: datetime, end: datetime, zone: tzinfo | None) -> Iterator[tuple[datetime, str]]:
    """Return round times of a zone, at most about `TICKS_MAX`, and what is written beside each."""
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (begin, end))
    for width in _WIDTHS:
        if (last - first) / width <= TICKS_MAX:
            yield from ((_aware(mark, zone), _time_label(mark, width)) for mark in _by_width(first, last, width))
            return
    months = next((width for width in _MONTH_WIDTHS if _months(last - first) / width <= TICKS_MAX), _MONTH_WIDTHS[-1])
    yield from ((_aware(mark, zone), _month_label(mark, months)) for mark in _by_months(first, last, months))


def _by_width(first: datetime, last: datetime, width: timedelta) -> Iterator[datetime]:
    start = datetime(2001, 1, 1)  # noqa: DTZ001  # a Monday; the clock of the zone is counted, not the time
    mark = start + -((start - first) // width) * width
    while mark <= last:
        yield mark
        mark += width


def _by_months(first: datetime, last: datetime, width: int) -> Iterator[datetime]:
    number = -(-(first.year * 12 + first.month - 1) // width) * width
    while number // 12 <= last.year:
        mark = datetime(number // 12, number % 12 + 1, 1)  # noqa: DTZ001  # as above
        if first <= mark <= last:
            yield mark
        number += width


def _months(span: timedelta) -> float:
    return span / _DAY / 30.5


def _aware(mark: datetime, zone: tzinfo | None) -> datetime:
    return mark.astimezone() if zone is None else mark.replace(tzinfo=zone)


def _time_label(mark: datetime, width: timedelta) -> str:
    day = f"{mark.day} {MONTHS[mark.month - 1]}"
    if width >= _DAY:
        return day
    if mark.time() == mark.min.time():
        return day
    return mark.strftime("%H:%M:%S" if width < timedelta(minutes=1) else "%H:%M")


def _month_label(mark: datetime, width: int) -> str:
    return str(mark.year) if width >= 12 else f"{MONTHS[mark.month - 1]} {mark.year}"
