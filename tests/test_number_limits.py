"""The limits of what a number may be hold to the digit, and each refusal names what was refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import pytest

from ledger_core.numbers import (
    DIGITS_MAX,
    PLACES_MAX,
    load_decimal,
    parse_date,
    parse_decimal,
    parse_time,
    price_text,
    utc_now,
)

WHOLE_MAX = DIGITS_MAX - PLACES_MAX


@pytest.mark.parametrize(
    "number",
    [
        "9" * DIGITS_MAX,
        "-" + "9" * DIGITS_MAX,
        "9" * WHOLE_MAX + "." + "9" * PLACES_MAX,
        "0." + "0" * (PLACES_MAX - 1) + "1",
        "1E+37",
        "1e-18",
    ],
)
def test_a_number_may_use_every_digit_that_there_is(number: str) -> None:
    """38 digits, 18 of them after the point, are taken as they are, however they are given."""
    assert parse_decimal(number, "price") == Decimal(number)
    assert parse_decimal(Decimal(number), "price") == Decimal(number)


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        ("9" * (DIGITS_MAX + 1), "price has more than 38 digits"),
        ("1E+38", "price has more than 38 digits"),
        ("1" + "0" * WHOLE_MAX + "." + "9" * PLACES_MAX, "price has more than 38 digits"),
        ("0." + "0" * PLACES_MAX + "1", "price has more than 18 digits after the point"),
        ("1." + "0" * PLACES_MAX + "1", "price has more than 18 digits after the point"),
        ("1E-19", "price has more than 18 digits after the point"),
    ],
)
def test_a_digit_more_is_refused(number: str, complaint: str) -> None:
    """A number is never rounded to fit: one digit too many, and the caller hears which limit it is."""
    for given in (number, Decimal(number)):
        with pytest.raises(ValueError, match=f"^{complaint}"):
            parse_decimal(given, "price")


def test_an_int_of_too_many_digits_is_refused_before_it_is_written_out() -> None:
    """The largest int that fits is taken; a huge one costs no time."""
    assert parse_decimal(10**DIGITS_MAX - 1, "quantity") == 10**DIGITS_MAX - 1
    for huge in (10**DIGITS_MAX, 1 << 127, -(1 << 127), 1 << 10_000_000):
        with pytest.raises(ValueError, match=r"^quantity has more than 38 digits"):
            parse_decimal(huge, "quantity")


@pytest.mark.parametrize("zeros", [1, 5, 100])
def test_zeros_beyond_the_last_place_are_no_digits(zeros: int) -> None:
    """A broker that pads its numbers says the same as one that does not."""
    for text in ("1.5", "0." + "0" * (PLACES_MAX - 1) + "1", "7." + "1" * PLACES_MAX):
        places = len(text.partition(".")[2])
        padded = text + "0" * (PLACES_MAX - places + zeros)
        assert parse_decimal(padded, "price") == Decimal(text)


def test_a_text_of_many_zeros_is_read_up_to_a_limit() -> None:
    """128 characters, or digits of a Decimal, are looked at; more are no number that anybody means."""
    longest = "1." + "0" * 126
    assert parse_decimal(longest, "price") == 1
    assert parse_decimal(Decimal(longest + "0"), "price") == 1
    for longer in (longest + "0", Decimal(longest + "00")):
        with pytest.raises(ValueError, match=r"^price "):
            parse_decimal(longer, "price")


@pytest.mark.parametrize("number", ["1E+1", "12E+2", "1e+37", "-5E+1"])
def test_an_exponent_is_written_out(number: str) -> None:
    """What is kept has no exponent, so that equal numbers are equal to the digit."""
    assert parse_decimal(number, "quantity").as_tuple() == Decimal(int(Decimal(number))).as_tuple()


@pytest.mark.parametrize("zero", ["0", "-0", "0.00", "0E+5", "-0E-5"])
def test_a_price_of_zero_is_written_as_zero(zero: str) -> None:
    """There is one zero, whatever sign, places or exponent it came with."""
    assert price_text(Decimal(zero)) == "0"


def test_what_is_stored_reads_back_and_nothing_else_does() -> None:
    """The canonical text of a number is read; whatever we never wrote is refused, and shown."""
    assert load_decimal("-12.50") == Decimal("-12.50")
    for foreign in ("1e5", "+1", ".5", "1.", " 1", "", "NaN", 5, None, Decimal(5)):
        with pytest.raises(ValueError, match=r"^not a canonical decimal: ") as refusal:
            load_decimal(foreign)
        assert repr(foreign) in str(refusal.value)


class _Moment(datetime):
    """A library's own kind of time."""


def test_a_time_of_a_librarys_own_kind_becomes_a_plain_one() -> None:
    """What is stored does not depend on whose class of datetime, in UTC or not, was handed in."""
    moment = parse_time(_Moment(2026, 1, 5, 9, tzinfo=UTC), "occurred_at")
    assert type(moment) is datetime
    assert moment == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_the_present_moment_is_aware_and_in_utc() -> None:
    """The clock that a ledger has by itself says the time in UTC."""
    assert utc_now().tzinfo is UTC


class _Nowhere(tzinfo):
    """A time zone that fails when it is asked."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        raise RuntimeError("no table of this zone")

    def dst(self, when: datetime | None) -> None: ...

    def tzname(self, when: datetime | None) -> None: ...


Parse = Callable[[Any, str], object]


@pytest.mark.parametrize(
    ("parse", "given", "complaint"),
    [
        (parse_decimal, 0.1, "must be a Decimal, int or str, not float; floats lose digits, give str or Decimal"),
        (parse_decimal, True, "must be a Decimal, int or str, not bool"),
        (parse_decimal, "one", "is not a decimal number: 'one'"),
        (parse_decimal, "1" * 129, "is not a decimal number: '" + "1" * 128 + "'"),
        (parse_decimal, Decimal("NaN"), "must be finite, not NaN"),
        (parse_time, "x" * 129, "is too long for a time"),
        (parse_time, "noon", "is not an ISO 8601 time: 'noon'"),
        (parse_time, 5, "must be an aware datetime, not int"),
        (parse_time, datetime(2026, 1, 5), "is naive; give it a time zone, such as datetime.UTC"),  # noqa: DTZ001
        (parse_time, "0001-01-01T00:00:00+01:00", "is outside the years that UTC can express"),
        (
            parse_time,
            datetime(2026, 1, 5, tzinfo=_Nowhere()),
            "has a time zone that does not know its offset: no table of this zone",
        ),
        (parse_date, datetime(2026, 1, 5, tzinfo=UTC), "must be a date without a time"),
        (parse_date, "today", "is not an ISO 8601 date: 'today'"),
        (parse_date, 5, "must be a date, not int"),
    ],
)
def test_a_refusal_names_the_argument_and_what_was_found(parse: Parse, given: object, complaint: str) -> None:
    """The caller sees at once which of his arguments it was, and what is wrong with it."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # the words are compared below, all of them
        parse(given, "fill_data.x")
    assert str(refusal.value) == f"fill_data.x {complaint}"


def test_a_plain_date_is_taken_as_it_is() -> None:
    """A date, or its text, is a date."""
    assert parse_date("2026-01-05", "trade_date") == parse_date(date(2026, 1, 5), "trade_date") == date(2026, 1, 5)
