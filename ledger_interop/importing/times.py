"""Times as sources write them -> aware datetimes in UTC, to the microsecond."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DIGITS = re.compile(r"-?\d{1,20}(?:\.\d{1,18})?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})", re.ASCII)  # with dots it is a day, a month, a year everywhere
# 2024-01-15 09:30:00, 20240115;093000, 20240115  09:30:00 US/Eastern, 20240115-14:30:00.123: brokers, FIX, spreadsheets
_WRITTEN = re.compile(
    r"(\d{4})[-/]?(\d\d)[-/]?(\d\d)(?:[T;, -]+(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,12}))?)?)?"
    r"\s*(Z|[+-]\d\d(?::?\d\d)?|[A-Za-z]+(?:[_/][A-Za-z_]+)*)?",
    re.ASCII,
)
_LENGTH_MAX = 64


def moment_of(value: object, zone: tzinfo | None = None) -> datetime:
    """Return the time that a value means; raise ValueError with the end of a sentence about it.

    Numbers count from 1970 in the unit that their size tells. A time without a zone is of `zone`; without that it
    is refused, because hours may be wrong.
    """
    if isinstance(value, datetime):
        return _aware(value, zone)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise ValueError(f"is no time: {type(value).__name__}")
    text = (repr(value) if isinstance(value, float) else str(value)).strip()
    if len(text) > _LENGTH_MAX:
        raise ValueError("is too long for a time")
    if _DIGITS.fullmatch(text) and not (len(text) in (8, 14) and text.startswith(("19", "20"))):
        return since_epoch(Decimal(text))
    return _written(text, zone)


def since_epoch(number: Decimal, unit: str | None = None) -> datetime:
    """Return the time so many units (s, ms, us, ns) after 1970 began; the size of the number tells the unit."""
    size = abs(number)
    unit = unit or ("s" if size < 10**11 else "ms" if size < 10**14 else "us" if size < 10**17 else "ns")
    try:
        if unit == "ns":
            return _EPOCH + timedelta(microseconds=int(number // 1_000))
        return _EPOCH + timedelta(microseconds=int(number * _MICROSECONDS[unit]))
    except (OverflowError, InvalidOperation, ValueError):
        raise ValueError(f"is no time: {number}") from None


def zone_named(name: str) -> tzinfo:
    """Return a time zone by its name, such as Europe/Berlin; raise ValueError for one that is not known here."""
    try:
        return UTC if name.upper() in ("UTC", "GMT", "Z") else ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"names the time zone {name!r}, which is not known here") from None


def _written(text: str, zone: tzinfo | None) -> datetime:
    found = _WRITTEN.fullmatch(_DAY_FIRST.sub(r"\3-\2-\1", text, count=1))
    if found is None:
        raise ValueError(f"is no time: {text!r}")
    year, month, day, hour, minute, second, fraction, named = found.groups()
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        moment = datetime(  # noqa: DTZ001  # its zone is found next
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond
        )
    except ValueError:
        raise ValueError(f"is no time: {text!r}") from None
    if named is None:
        return _aware(moment, zone)
    if named[0] in "+-":
        digits = named[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return _aware(moment, UTC) - offset * (-1 if named[0] == "-" else 1)
    return _aware(moment, zone_named(named))


def _aware(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError(f"has no time zone: {moment}; name the zone that it is of")
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError(f"is no time: {moment}") from None
