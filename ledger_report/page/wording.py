"""Numbers, times and lengths of time as the page writes them. Only what says `rounded` rounds."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from ledger_core import Fee

PLACES = 6
"""To how many places a column with a `~` is rounded."""

_DIGITS_MAX = 80


def number(value: Decimal | None) -> str:
    """Write a number with every digit that is stored, without an exponent."""
    if value is None:
        return ""
    return format(value, "f") if value else "0"


def rounded(value: Decimal | None, places: int = PLACES) -> str:
    """Write a number rounded half-even, without trailing zeros."""
    if value is None:
        return ""
    with localcontext() as context:
        context.prec = _DIGITS_MAX
        near = format(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN), "f")
    text = near.rstrip("0").rstrip(".") if "." in near else near
    return "0" if text in ("", "-0") else text


def percent(share: Decimal | None) -> str:
    """Write a share as per cent, rounded to two places."""
    return "" if share is None else f"{rounded(share * 100, 2)} %"


def moment(value: datetime | None, zone: tzinfo | None) -> str:
    """Write a time to the second, in the zone of the page."""
    return "" if value is None else value.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")


def zone_name(zone: tzinfo | None, at: datetime) -> str:
    """Return what the page calls its zone."""
    if zone is UTC:
        return "UTC"
    return str(zone) if zone is not None else f"this machine's time zone ({at.astimezone().tzname()})"


def length(value: timedelta | None) -> str:
    """Write a length of time in a unit that fits: 250 ms, 1.5 s, 4m 05s, 3h 07m, 12d 04h."""
    if value is None:
        return ""
    sign, size = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = size // timedelta(seconds=1)
    if seconds < 1:
        return f"{sign}{rounded(Decimal(size // timedelta(microseconds=1)).scaleb(-3), 3)} ms"
    if seconds < 60:
        return f"{sign}{rounded(Decimal(size // timedelta(microseconds=1)).scaleb(-6), 3)} s"
    if seconds < 3_600:
        return f"{sign}{seconds // 60}m {seconds % 60:02}s"
    if seconds < 86_400:
        return f"{sign}{seconds // 3_600}h {seconds % 3_600 // 60:02}m"
    return f"{sign}{seconds // 86_400}d {seconds % 86_400 // 3_600:02}h"


def fees(paid: Iterable[Fee]) -> str:
    """Write fees currency by currency."""
    return ", ".join(f"{number(fee.amount)} {fee.currency}" for fee in paid)


def count(how_many: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things: `1 order`, `1,204 orders`."""
    return f"{how_many:,} {noun if how_many == 1 else plural or noun + 's'}"
