"""Exact decimals and UTC times: the one context, how input is parsed, and the canonical text of both.

Money never meets binary floating point here. Sums and products go through `plus`, `minus` and `times`, which
raise rather than round; the only operation that may round is `quotient`, and it says how. The operators of
Decimal are not used on money: they would round silently in the caller's ambient context.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import (
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    Underflow,
)
from functools import lru_cache
from typing import Annotated

DIGITS_MAX = 38
"""Significant digits an input may have: what NUMERIC(38, 18) of SQL databases and decimal128 hold."""

PLACES_MAX = 18
"""Digits after the point an input may have, and the places to which quotients are rounded."""

Price = Annotated[Decimal, "price"]
"""A decimal whose canonical text keeps the trailing zeros that were given (50.00 stays 50.00)."""

ZERO = Decimal(0)
ONE = Decimal(1)
_QUANTUM = Decimal(1).scaleb(-PLACES_MAX)

# A product of three inputs (price x quantity x multiplier) has at most 114 digits; sums of 10**12 of them fit.
EXACT = Context(
    prec=200, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, Underflow, Clamped, FloatOperation]
)
_ROUNDING = Context(prec=400, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])

plus = EXACT.add
minus = EXACT.subtract
times = EXACT.multiply
negated = Decimal.copy_negate
_text = EXACT.to_sci_string
magnitude = Decimal.copy_abs

_DECIMAL_TEXT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_CANONICAL_TEXT = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_TEXT_LENGTH_MAX = 128
_TIME_LENGTH = len("2026-01-31T23:59:59.000000Z")
_TIME_TEXT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z", re.ASCII)


def total(values: Iterable[Decimal]) -> Decimal:
    """Sum exactly."""
    result = ZERO
    for value in values:
        result = plus(result, value)
    return result


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Divide, rounding half-even to 18 places; the caller keeps the remainder where it belongs."""
    return plain(_ROUNDING.quantize(_ROUNDING.divide(dividend, divisor), _QUANTUM))


def plain(value: Decimal) -> Decimal:
    """Return the same number without exponent and without trailing zeros after the point."""
    if not value:
        return ZERO
    if value.same_quantum(ONE):  # a whole number without an exponent, as many are
        return value
    text = _text(value)
    if text[-1] != "0" and "E" not in text:
        return value
    text = _fixed(value)
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


@lru_cache(maxsize=4096)  # the price and quantity of an order are said again by its fills; no long text is kept
def short_decimal(text: str) -> Decimal | None:
    """Return the number behind a text that fits into PLACES_MAX, and so is within every limit; None if it has none."""
    if not text.isascii():
        return None
    # Where there is no sign it is seen faster than by the pattern; "5." and ".5" are numbers to `parse_decimal` too.
    is_number = text.replace(".", "", 1).isdecimal() or _CANONICAL_TEXT.fullmatch(text)
    return Decimal(text) or ZERO if is_number else None


def parse_decimal(value: object, argument: str) -> Decimal:
    """Read a Decimal, int or str exactly; raise ValueError with a sentence about anything else.

    Floats are refused: by the time a float arrives here its digits are already wrong.
    """
    if isinstance(value, Decimal):
        number = Decimal(value)  # of a subclass, only the number
    elif isinstance(value, bool) or not isinstance(value, (int, str)):
        hint = "; floats lose digits, give str or Decimal" if isinstance(value, float) else ""
        raise ValueError(f"{argument} must be a Decimal, int or str, not {type(value).__name__}{hint}")
    elif isinstance(value, int):
        if value.bit_length() > 127:
            raise ValueError(f"{argument} has more than {DIGITS_MAX} digits")
        number = Decimal(value)
    elif len(value) <= PLACES_MAX and (short := short_decimal(str.__str__(value))) is not None:
        return short
    elif len(value) <= _TEXT_LENGTH_MAX and _DECIMAL_TEXT.fullmatch(value):
        number = Decimal(value)
    else:
        raise ValueError(f"{argument} is not a decimal number: {value[:_TEXT_LENGTH_MAX]!r}")
    return _checked(number, argument)


def _checked(number: Decimal, argument: str) -> Decimal:
    """Return a number within the limits, without exponent, its trailing zeros kept up to 18 places."""
    if not number.is_finite():
        raise ValueError(f"{argument} must be finite, not {number}")
    if not number:
        return ZERO
    exponent = _exponent(number)
    if not -PLACES_MAX <= exponent <= 0:
        if abs(number.adjusted()) <= DIGITS_MAX and len(number.as_tuple().digits) <= _TEXT_LENGTH_MAX:
            number = plain(number)
            exponent = _exponent(number)
        if -exponent > PLACES_MAX:
            raise ValueError(f"{argument} has more than {PLACES_MAX} digits after the point: {number}")
    if max(number.adjusted(), 0) + 1 - min(exponent, 0) > DIGITS_MAX:
        raise ValueError(f"{argument} has more than {DIGITS_MAX} digits: {number}")
    return number


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "finite"
    return exponent


def decimal_text(value: Decimal) -> str:
    """Write the canonical text: no exponent, no trailing zeros, no sign on zero."""
    text = _fixed(value)
    if text[-1] != "0" or text.isdecimal():  # as most are: nothing to strip
        return text
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@lru_cache(maxsize=4096)  # records say the same few numbers again and again; the text is the key, so 50.0 stays 50.0
def load_decimal(text: object) -> Decimal:
    """Read canonical text back; raise ValueError for anything that `decimal_text` or `price_text` never writes."""
    if type(text) is str and _CANONICAL_TEXT.fullmatch(text):
        return Decimal(text)
    raise ValueError(f"not a canonical decimal: {text!r}")


def price_text(value: Decimal) -> str:
    """Write the canonical text of a price: as `decimal_text`, with the trailing zeros that were given."""
    return _fixed(value) if value else "0"


def _fixed(value: Decimal) -> str:
    """Write a number without an exponent, as `format(value, "f")` does at three times the cost."""
    try:
        text = _text(value)
    except TypeError:  # of a float, which whoever stores it refuses by its name
        return format(value, "f")
    return text if "E" not in text else format(value, "f")


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def parse_time(value: object, argument: str) -> datetime:
    """Read an aware datetime or an ISO 8601 text with an offset; return it in UTC, to the microsecond."""
    if isinstance(value, str):
        if len(value) > _TEXT_LENGTH_MAX:
            raise ValueError(f"{argument} is too long for a time")
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{argument} is not an ISO 8601 time: {value!r}") from None
    if not isinstance(value, datetime):
        raise ValueError(f"{argument} must be an aware datetime, not {type(value).__name__}")
    if value.tzinfo is UTC and type(value) is datetime:
        return value
    try:
        plain_value = datetime.combine(value.date(), value.timetz())  # of a subclass, only the time
        if plain_value.utcoffset() is None:
            raise ValueError(f"{argument} is naive; give it a time zone, such as datetime.UTC")
        return plain_value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{argument} is outside the years that UTC can express") from None
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001  # a time zone of the caller's own may raise anything
        raise ValueError(f"{argument} has a time zone that does not know its offset: {error}") from None


def time_text(value: datetime) -> str:
    """Write an aware UTC time in fixed width: 2026-01-31T23:59:59.000000Z, which sorts as text."""
    # Only what is UTC is remembered: the same moment in another zone is equal to it.
    if type(value) is datetime and value.tzinfo is UTC:
        return _time_text(value)
    return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"  # its offset is never asked for


@lru_cache(maxsize=4096)  # a command writes the same few times, and an order's are written with every change of it
def _time_text(value: datetime) -> str:
    second = _second_text(value.replace(microsecond=0, tzinfo=None))
    return f"{second}.{value.microsecond:06}Z"


@lru_cache(maxsize=64)  # to write the second is most of the work, and the times of commands that follow share it
def _second_text(value: datetime) -> str:
    return value.isoformat()


@lru_cache(maxsize=4096)  # an entry says the same few times again and again, and so do its records
def load_time(text: object) -> datetime:
    """Read a stored time back; raise ValueError for anything that `time_text` never writes."""
    if type(text) is str and len(text) == _TIME_LENGTH and text[-1] == "Z":
        value = datetime.fromisoformat(text)
        if _TIME_TEXT.fullmatch(text):  # quicker than to write it again and compare
            return value
    raise ValueError(f"not a time as it is stored: {text!r}")


def load_date(text: object) -> date:
    """Read a stored date back; raise ValueError for anything that `date.isoformat` never writes."""
    if type(text) is str:
        value = date.fromisoformat(text)
        if value.isoformat() == text:
            return value
    raise ValueError(f"not a date as it is stored: {text!r}")


def parse_date(value: object, argument: str) -> date:
    """Read a date or an ISO 8601 date text."""
    if isinstance(value, datetime):
        raise ValueError(f"{argument} must be a date without a time")
    if isinstance(value, date):
        return date(value.year, value.month, value.day)  # of a subclass, only the date
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{argument} is not an ISO 8601 date: {value[:_TEXT_LENGTH_MAX]!r}") from None
    raise ValueError(f"{argument} must be a date, not {type(value).__name__}")
