"""Numbers are exact and times are in UTC, whatever is thrown at them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Context, Decimal, DecimalException, Inexact, localcontext
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from ledger_core.numbers import (
    DIGITS_MAX,
    PLACES_MAX,
    ZERO,
    decimal_text,
    magnitude,
    minus,
    negated,
    parse_date,
    parse_decimal,
    parse_time,
    plain,
    plus,
    price_text,
    quotient,
    time_text,
    times,
    total,
)

UNIT = Fraction(1, 10**PLACES_MAX)


unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure: nothing here depends on the clock."""


@st.composite
def inputs(draw: st.DrawFn) -> Decimal:
    """Draw any number that an input may be: at most 38 digits, 18 of them after the point."""
    places = draw(st.integers(0, PLACES_MAX))
    digits = draw(st.integers(0, 10 ** draw(st.integers(1, DIGITS_MAX)) - 1))
    return Decimal(draw(st.sampled_from((1, -1))) * digits).scaleb(-places, Context(prec=60))


wide = st.tuples(st.integers(-(10**100), 10**100), st.integers(0, 60)).map(
    lambda parts: Decimal(parts[0]).scaleb(-parts[1], Context(prec=120))
)
"""Numbers as sums and products have them, far wider than inputs."""

aware = st.datetimes(timezones=st.sampled_from((UTC, ZoneInfo("America/New_York"), timezone(timedelta(hours=-11)))))
in_utc = st.datetimes(timezones=st.just(UTC))


@unhurried
@given(inputs())
@example(Decimal("0.00000812"))
@example(Decimal("0.0000004"))
@example(Decimal("9.5e12"))
@example(Decimal("-0"))
@example(Decimal("1E+37"))
def test_canonical_text_reads_back_as_the_same_number(number: Decimal) -> None:
    """Printing and parsing a number yields it again, and its canonical text is a fixed point."""
    for write in (decimal_text, price_text):
        text = write(number)
        assert parse_decimal(text, "x") == number
        assert write(parse_decimal(text, "x")) == text


@unhurried
@given(inputs())
@example(Decimal("1E+37"))
@example(Decimal("1E-18"))
@example(Decimal("-0.0"))
def test_canonical_text_has_no_exponent_and_no_ballast(number: Decimal) -> None:
    """A number's text is digits with at most one point: no exponent, plus, trailing zero or signed zero."""
    text = decimal_text(number)
    assert set(text) <= set("-0123456789.")
    assert not ("." in text and text.endswith(("0", ".")))
    assert not text.startswith(("+", ".", "-."))
    assert text != "-0"
    assert text.lstrip("-")[:2] != "00"
    assert Fraction(text) == Fraction(number)


@unhurried
@given(inputs(), st.integers(0, 4))
def test_a_price_keeps_the_zeros_that_were_given(number: Decimal, zeros: int) -> None:
    """A price's text is the text that was given; any other number's text drops the zeros after the point."""
    given_text = f"{decimal_text(number)}{'' if '.' in decimal_text(number) else '.0'}{'0' * zeros}"
    assume(len(given_text.partition(".")[2]) <= PLACES_MAX)
    assume(len(given_text.replace(".", "").lstrip("-0")) <= DIGITS_MAX and number)
    assert price_text(parse_decimal(given_text, "x")) == given_text
    assert decimal_text(parse_decimal(given_text, "x")) == decimal_text(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("50.00", "50.00"), ("0.00", "0"), ("-0", "0"), ("5e1", "50"), ("1.50e-2", "0.0150"), ("+7", "7"), (".5", "0.5")],
)
def test_the_canonical_text_of_prices(text: str, expected: str) -> None:
    """A price's text has the zeros that were given and no exponent; zero is just 0."""
    assert price_text(parse_decimal(text, "price")) == expected


@unhurried
@given(st.integers(-(10**DIGITS_MAX) + 1, 10**DIGITS_MAX - 1))
def test_integers_are_read_exactly(number: int) -> None:
    """An int of up to 38 digits is read as it is."""
    assert parse_decimal(number, "x") == number
    assert decimal_text(parse_decimal(number, "x")) == str(number)


@unhurried
@given(st.floats())
@example(1.0)
@example(0.5)
@example(float("nan"))
def test_floats_are_refused(value: float) -> None:
    """No float is read as a number, not even one that a decimal could hold exactly; the message says why."""
    with pytest.raises(ValueError, match="quantity must be a Decimal, int or str, not float; floats lose digits"):
        parse_decimal(value, "quantity")


@pytest.mark.parametrize("value", [True, False, None, b"1", [], 1j, Fraction(1, 2), (0, (1,), 0)])
def test_other_types_are_refused(value: object) -> None:
    """Booleans, bytes and other types are refused, naming the argument and the type."""
    with pytest.raises(ValueError, match=f"quantity must be .* not {type(value).__name__}"):
        parse_decimal(value, "quantity")


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "sNaN", "-nan", "inf", "-Infinity", "Infinity"),
        *("1_000", "1__0", "_1", "1,000", "1.000.000"),
        *("١٢٣", "１", "1²", "½", "1\u0660"),  # noqa: RUF001  # digits that are not ASCII
        *(" 1", "1 ", "\t1", "1\n", "1 000", "", " ", "\u00a01"),
        *("+", "-", ".", "1e", "e5", "1e+", "0x10", "1e1000", "--1", "1.e", "one"),
        "1" * 129,
    ],
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    """NaN, infinities, underscores, blanks, foreign digits and other words are no numbers."""
    with pytest.raises(ValueError, match="price is not a decimal number"):
        parse_decimal(text, "price")


@pytest.mark.parametrize("value", ["NaN", "sNaN", "-Infinity", "Infinity", "NaN123"])
def test_decimals_that_are_not_finite_are_refused(value: str) -> None:
    """A Decimal that is NaN or infinite is refused like its text."""
    with pytest.raises(ValueError, match="price must be finite"):
        parse_decimal(Decimal(value), "price")


@unhurried
@given(st.text() | st.text(alphabet="0123456789.-+eE_ \u0661", max_size=12))
def test_any_text_is_a_number_within_the_limits_or_a_value_error(text: str) -> None:
    """Any text is read exactly as an input may be, or refused with ValueError; nothing else escapes."""
    try:
        number = parse_decimal(text, "x")
    except ValueError:
        return
    assert text.isascii()
    assert Fraction(number) == Fraction(text)
    assert _places(number) <= PLACES_MAX


@unhurried
@given(st.decimals())
@example(Decimal("1E+999999"))
@example(Decimal("1E-999999"))
@example(Decimal("0E+999999"))
@example(Decimal("1." + "0" * 40))
@example(Decimal("1" * 400))
def test_any_decimal_is_read_exactly_or_refused(value: Decimal) -> None:
    """Any Decimal is read exactly, without exponent, or refused with ValueError; nothing else escapes."""
    try:
        number = parse_decimal(value, "x")
    except ValueError:
        return
    assert number == value
    assert -PLACES_MAX <= _exponent(number) <= 0


@unhurried
@given(inputs(), st.sampled_from((str, Decimal)))
def test_the_limits_are_in_reach(number: Decimal, form: Callable[[Any], Any]) -> None:
    """Every number of at most 38 digits, 18 after the point, is read, as text and as Decimal."""
    assert parse_decimal(form(number), "x") == number


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0." + "0" * 18 + "1", "more than 18 digits after the point"),
        ("1." + "1" * 19, "more than 18 digits after the point"),
        ("1" * 39, "more than 38 digits"),
        ("1" + "0" * 38, "more than 38 digits"),
        ("1" * 21 + "." + "1" * 18, "more than 38 digits"),
        ("1e38", "more than 38 digits"),
        ("1e-19", "more than 18 digits after the point"),
    ],
)
def test_one_digit_beyond_the_limits_is_refused(text: str, complaint: str, sign: str) -> None:
    """39 digits, or 19 after the point, are refused, as text and as Decimal."""
    for value in (sign + text, Decimal(sign + text)):
        with pytest.raises(ValueError, match=f"price has {complaint}"):
            parse_decimal(value, "price")


@pytest.mark.parametrize("value", [10**38, -(10**38), 2**127, 2**200, 10**5000], ids=int.bit_length)
def test_integers_beyond_the_limits_are_refused(value: int) -> None:
    """An int of more than 38 digits is refused, however long it is."""
    with pytest.raises(ValueError, match="more than 38 digits"):
        parse_decimal(value, "quantity")


def test_zeros_beyond_the_limits_are_no_digits() -> None:
    """Trailing zeros after the 18th place say nothing and do not count."""
    assert parse_decimal("1.5" + "0" * 30, "x") == Decimal("1.5")
    assert decimal_text(parse_decimal("1" * 20 + "." + "1" * 18 + "0000", "x")) == "1" * 20 + "." + "1" * 18


@unhurried
@given(wide, wide)
@example(Decimal("0.1"), Decimal("0.2"))
def test_sums_and_differences_are_exact(one: Decimal, other: Decimal) -> None:
    """Sums and differences agree with fractions to the last digit."""
    assert Fraction(plus(one, other)) == Fraction(one) + Fraction(other)
    assert Fraction(minus(one, other)) == Fraction(one) - Fraction(other)
    assert plus(minus(one, other), other) == one


@unhurried
@given(inputs(), inputs(), inputs())
def test_products_are_exact(price: Decimal, quantity: Decimal, multiplier: Decimal) -> None:
    """A product agrees with fractions for a product of three inputs."""
    product = times(times(price, quantity), multiplier)
    assert Fraction(product) == Fraction(price) * Fraction(quantity) * Fraction(multiplier)


@unhurried
@given(st.lists(wide, max_size=20))
def test_totals_are_exact_in_any_order(values: list[Decimal]) -> None:
    """A total agrees with fractions, forwards and backwards."""
    assert Fraction(total(values)) == sum(map(Fraction, values), Fraction(0))
    assert total(values) == total(reversed(values))


@unhurried
@given(wide)
def test_sign_and_magnitude_are_exact(value: Decimal) -> None:
    """Negating and taking the magnitude change the sign alone."""
    assert Fraction(negated(value)) == -Fraction(value)
    assert Fraction(magnitude(value)) == abs(Fraction(value))


@pytest.mark.parametrize(
    ("operation", "one", "other"),
    [
        (plus, Decimal("1e150"), Decimal("1e-60")),
        (minus, Decimal("1e150"), Decimal("1e-60")),
        (times, Decimal(10**101 + 1), Decimal(10**101 + 1)),
    ],
)
def test_what_does_not_fit_raises_rather_than_rounds(operation: Any, one: Decimal, other: Decimal) -> None:
    """A sum or product of more than 200 digits raises Inexact; it is never rounded."""
    with pytest.raises(Inexact):
        operation(one, other)


def test_arithmetic_with_a_float_raises() -> None:
    """A float that slipped through the types stops at the first sum."""
    anything: Any = 0.5
    for operation in (plus, minus, times):
        with pytest.raises(TypeError):
            operation(Decimal(1), anything)


@unhurried
@given(wide, wide)
@example(Decimal(1), Decimal(3))
@example(Decimal("0.000000000000000001"), Decimal(2))
@example(Decimal("0.000000000000000003"), Decimal(2))
@example(Decimal(-5), Decimal("1e19"))
def test_quotients_round_half_even_at_eighteen_places(dividend: Decimal, divisor: Decimal) -> None:
    """A quotient is the true quotient rounded half-even to 18 places, as fractions have it."""
    assume(divisor)
    exact = Fraction(dividend) / Fraction(divisor)
    assert Fraction(quotient(dividend, divisor)) == round(exact / UNIT) * UNIT


@unhurried
@given(st.integers(-(10**30), 10**30), inputs(), st.sampled_from((-1, 0, 1)))
def test_quotients_at_a_tie_look_at_every_digit(halves: int, divisor: Decimal, nudge: int) -> None:
    """At a tie between two places, and a hair beside it, the hair decides; at the tie the even neighbour."""
    assume(divisor)
    tie = times(times(Decimal(2 * halves + 1), Decimal("5e-19")), divisor)
    dividend = plus(tie, Decimal(nudge).scaleb(-70))
    exact = Fraction(dividend) / Fraction(divisor)
    assert Fraction(quotient(dividend, divisor)) == round(exact / UNIT) * UNIT


def test_a_quotient_by_zero_raises() -> None:
    """Nothing is divided by zero, and zero by zero is nothing."""
    for dividend in (Decimal(1), ZERO):
        with pytest.raises(DecimalException):
            quotient(dividend, ZERO)


@unhurried
@given(wide)
@example(Decimal("1E+20"))
@example(Decimal("100.00"))
@example(Decimal("-0.000"))
def test_plain_is_the_same_number_without_ballast(value: Decimal) -> None:
    """Plain form keeps the number and leaves no exponent above 0 and no zero at the end of the places."""
    result = plain(value)
    assert result == value
    assert _exponent(result) <= 0
    assert not (_exponent(result) < 0 and result.as_tuple().digits[-1] == 0)
    assert str(result) != "-0"


@unhurried
@given(inputs(), inputs())
def test_the_caller_s_context_changes_nothing(one: Decimal, other: Decimal) -> None:
    """Whatever decimal context the caller has set, numbers are read, added, divided and written the same."""

    def everything() -> tuple[object, ...]:
        texts = (decimal_text(one), price_text(other), str(parse_decimal(str(one), "x")))
        return (
            *texts,
            plus(one, other),
            minus(one, other),
            times(one, other),
            quotient(one, other or Decimal(3)),
            plain(one),
        )

    expected = everything()
    with localcontext(Context(prec=2, Emax=3, Emin=-3, traps=[])):
        assert everything() == expected
    with localcontext(Context(prec=2, traps=[Inexact])):
        assert everything() == expected


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def _places(number: Decimal) -> int:
    return max(0, -_exponent(number))


@unhurried
@given(in_utc)
def test_a_time_s_text_reads_back_as_the_same_time(value: datetime) -> None:
    """Printing and parsing a time yields it again, in UTC, in 27 characters."""
    text = time_text(value)
    assert len(text) == 27
    assert text.endswith("Z")
    read = parse_time(text, "t")
    assert read == value
    assert read.tzinfo is UTC


def test_what_is_no_utc_time_leaves_the_text_of_the_same_moment_alone() -> None:
    """Texts are remembered by their time, and the same moment in another zone is an equal one."""
    moment = datetime(2026, 1, 5, 8, 0, 0, 7, tzinfo=UTC)
    for hours in (1, 2, 1):
        elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
        assert time_text(elsewhere) == f"2026-01-05T{8 + hours:02}:00:00.000007Z"
        assert time_text(moment) == "2026-01-05T08:00:00.000007Z"


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (1e22, "1" + "0" * 22), (-2.0, "-2"), (1e-7, "0")])
def test_a_float_is_written_without_an_exponent(value: float, text: str) -> None:
    """Nobody hands one in; what a damaged store holds is written as it is, for who reads it to refuse."""
    given_value: Any = value
    assert decimal_text(given_value) == text
    assert price_text(given_value) == f"{value:f}"


@unhurried
@given(in_utc, in_utc)
@example(datetime(999, 1, 1, tzinfo=UTC), datetime(1000, 1, 1, tzinfo=UTC))
@example(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
def test_times_sort_as_their_texts(one: datetime, other: datetime) -> None:
    """The texts of two times compare as the times do."""
    assert (time_text(one) < time_text(other)) == (one < other)
    assert (time_text(one) == time_text(other)) == (one == other)


@unhurried
@given(aware)
def test_offsets_are_converted_to_utc(value: datetime) -> None:
    """A time with an offset, as datetime or text, is the same moment in UTC; out of range is a ValueError."""
    for given_value in (value, value.isoformat()):
        if not 2 <= value.year <= 9998:
            with suppress(ValueError):
                assert parse_time(given_value, "t").tzinfo is UTC
            continue
        read = parse_time(given_value, "t")
        offset = value.utcoffset()
        assert offset is not None
        assert read.replace(tzinfo=None) == value.replace(tzinfo=None) - offset
        assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02T12:00:00+05:30", datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
        ("2026-03-02 12:00:00.000001-01:00", datetime(2026, 3, 2, 13, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_with_their_offset(text: str, expected: datetime) -> None:
    """ISO 8601 with Z or an offset is read, to the microsecond."""
    assert parse_time(text, "t") == expected


@unhurried
@given(st.datetimes())
def test_naive_times_are_refused(value: datetime) -> None:
    """A time without a zone is refused, as datetime and as text: nobody knows when it was."""
    for given_value in (value, value.isoformat()):
        with pytest.raises(ValueError, match="executed_at is naive"):
            parse_time(given_value, "executed_at")


@pytest.mark.parametrize("value", [1_700_000_000, 1.5, None, date(2026, 1, 1), b"2026-01-01T00:00:00Z", True])
def test_what_is_no_time_is_refused(value: object) -> None:
    """Numbers, dates and bytes are no times."""
    with pytest.raises(ValueError, match=f"must be an aware datetime, not {type(value).__name__}"):
        parse_time(value, "t")


@unhurried
@given(st.text() | st.text(alphabet="0123456789-:TZ+. W\u0661", max_size=35))
@example("2026-03-02T12:00:00" + "0" * 200)
@example("２０２６-03-02T12:00:00Z")  # noqa: RUF001  # digits that are not ASCII
@example("0001-01-01T00:00:00+23:59")
@example("9999-12-31T23:59:59-23:59")
@example("\ud800")
def test_any_text_is_a_time_or_a_date_or_a_value_error(text: str) -> None:
    """Any text is read as a time in UTC, or a date, or refused with ValueError; nothing else escapes."""
    with suppress(ValueError):
        assert parse_time(text, "t").tzinfo is UTC
    with suppress(ValueError):
        assert type(parse_date(text, "d")) is date


@unhurried
@given(st.dates())
def test_dates_are_read_as_dates(value: date) -> None:
    """A date, or its ISO 8601 text, is read as that date."""
    assert parse_date(value, "trade_date") == parse_date(value.isoformat(), "trade_date") == value


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), 20260101, None, "2026-02-30", "", "today"])
def test_what_is_no_date_is_refused(value: object) -> None:
    """Times, numbers and days that never were are no dates."""
    with pytest.raises(ValueError, match="trade_date"):
        parse_date(value, "trade_date")
