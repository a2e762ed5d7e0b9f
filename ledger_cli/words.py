"""Numbers, times and ages as a person reads them. Nothing stored is rounded, but where the name says so."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger_core import CashFlow, Fee

_DIGITS_MAX = 80
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_YEAR = 365 * _DAY
_BYTES = ("bytes", "KiB", "MiB", "GiB", "TiB")


def number(value: Decimal | None) -> str | None:
    """Write a number with every digit that is stored, without an exponent."""
    if value is None:
        return None
    return format(value, "f") if value else "0"


def rounded(value: Decimal | None, places: int) -> str | None:
    """Write a number rounded for the eye, half-even; the heading of its column says so with a `~`."""
    if value is None:
        return None
    with localcontext() as context:
        context.prec = _DIGITS_MAX
        near = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return format(near or abs(near), "f")


def at(moment: datetime | None, zone: tzinfo | None = UTC) -> str | None:
    """Write a time, to the second, or to the microsecond where it has a fraction.

    It is in UTC unless told otherwise; None is this machine's own zone.
    """
    if moment is None:
        return None
    timespec = "microseconds" if moment.microsecond else "seconds"
    if zone is UTC:
        return moment.replace(tzinfo=None).isoformat(" ", timespec) + "Z"
    return moment.astimezone(zone).isoformat(" ", timespec)


def age(now: datetime, then: datetime | None) -> str | None:
    """Write how long ago something was, in its two largest units; with a minus sign if it lies ahead."""
    return None if then is None else duration(now - then)


def duration(length: timedelta) -> str:
    """Write a length of time in its two largest units, such as `3d 04h`."""
    seconds = int(abs(length).total_seconds())
    sign = "-" if length < timedelta(0) and seconds else ""
    if seconds < _MINUTE:
        return f"{sign}{seconds}s"
    if seconds < _HOUR:
        return f"{sign}{seconds // _MINUTE}m {seconds % _MINUTE:02}s"
    if seconds < _DAY:
        return f"{sign}{seconds // _HOUR}h {seconds % _HOUR // _MINUTE:02}m"
    if seconds < _YEAR:
        return f"{sign}{seconds // _DAY}d {seconds % _DAY // _HOUR:02}h"
    return f"{sign}{seconds // _YEAR}y {seconds % _YEAR // _DAY}d"


def fine_duration(length: timedelta) -> str:
    """Write a length of time that may be short: `250 ms`, `1.5 s`, and from a minute on as `duration` does."""
    microseconds = length // timedelta(microseconds=1)
    if abs(microseconds) >= _MINUTE * 1_000_000:
        return duration(length)
    if abs(microseconds) >= 1_000_000:
        return f"{Decimal(microseconds).scaleb(-6).quantize(Decimal('0.001')).normalize():f} s"
    return f"{Decimal(microseconds).scaleb(-3).normalize():f} ms"


def fees(paid: "Iterable[Fee]") -> str | None:
    """Write fees currency by currency: they are never added to each other."""
    return ", ".join(f"{number(fee.amount)} {fee.currency}" for fee in paid) or None


def cash_flows(flows: "Iterable[CashFlow]") -> str | None:
    """Write funding, interest and dividends, each kind and currency for itself."""
    return ", ".join(f"{flow.adjustment_kind.lower()} {number(flow.amount)} {flow.currency}" for flow in flows) or None


def count(how_many: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things: `1 order`, `1,204 orders`."""
    return f"{how_many:,} {noun if how_many == 1 else plural or noun + 's'}"


def size(how_many: int) -> str:
    """Write a number of bytes in a unit that fits."""
    value, unit = Decimal(how_many), 0
    while value >= 1024 and unit < len(_BYTES) - 1:
        value, unit = value / 1024, unit + 1
    return f"{how_many:,} bytes" if not unit else f"{value:.1f} {_BYTES[unit]}"
