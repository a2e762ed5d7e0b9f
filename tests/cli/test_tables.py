"""Plain text tables and the words in them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_cli import tables, words

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12)


def test_numbers_stand_at_their_decimal_point() -> None:
    """Points of one column stand below each other, whatever the number of digits."""
    columns = [tables.text("symbol"), tables.numbers("price")]
    rows = [("BTC", "64000"), ("DOGE", "0.00000812"), ("ETH", "-3000.5")]
    assert tables.render(columns, rows).splitlines() == [
        "symbol           price",
        "------  --------------",
        "BTC     64000",
        "DOGE        0.00000812",
        "ETH     -3000.5",
    ]


@given(rows=st.lists(st.tuples(WORDS, NUMBERS, WORDS), min_size=1, max_size=8))
def test_columns_begin_at_the_same_place_in_every_row(rows: list[tuple[str, Decimal, str]]) -> None:
    """Whatever the words and numbers, no column moves: each line is cut at the same places of a terminal."""
    columns = [tables.text("word"), tables.numbers("number"), tables.text("more")]
    cells = [(first or "x", words.number(number), last or "y") for first, number, last in rows]
    lines = tables.render(columns, cells).splitlines()
    ruler = lines[1]
    starts = [index for index, mark in enumerate(ruler) if mark == "-" and (index == 0 or ruler[index - 1] == " ")]
    for line, (_, number, last) in zip(lines[2:], cells, strict=True):
        head = line[: len(line) - len(last)]
        assert line.endswith(last)
        assert tables.display_width(head) == starts[2]
        assert number is not None
        assert number in head


def test_a_column_without_a_value_is_left_out() -> None:
    """What no row has takes no room."""
    columns = [tables.text("a"), tables.text("b"), tables.numbers("c")]
    assert tables.render(columns, [("1", None, None), ("2", "", None)]) == "a\n-\n1\n2"


def test_wide_and_combining_characters_are_measured_as_a_terminal_shows_them() -> None:
    """A wide character takes two columns, an accent that is added to a letter none."""
    assert tables.display_width("株式") == 4
    assert tables.display_width("e\u0301") == 1
    lines = tables.render([tables.text("id"), tables.text("x")], [("株式", "1"), ("abcd", "2")]).splitlines()
    assert lines[2:] == ["株式  1", "abcd  2"]


def test_pairs_leave_out_what_has_no_value() -> None:
    """A record is shown as names and values, aligned."""
    assert tables.render_pairs([("a", "1"), ("long", "2"), ("gone", None)]) == "a     1\nlong  2"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m 00s"),
        (3_599, "59m 59s"),
        (3_600, "1h 00m"),
        (86_399, "23h 59m"),
        (86_400, "1d 00h"),
        (364 * 86_400, "364d 00h"),
        (366 * 86_400, "1y 1d"),
        (-90, "-1m 30s"),
    ],
)
def test_ages_are_told_in_their_two_largest_units(seconds: int, shown: str) -> None:
    """A person reads how old an order is without counting digits; a time that lies ahead has a minus sign."""
    now = datetime(2026, 1, 5, tzinfo=UTC)
    assert words.age(now, now - timedelta(seconds=seconds)) == shown


def test_numbers_keep_every_digit_and_rounded_ones_say_so_elsewhere() -> None:
    """`number` changes nothing but the form; `rounded` rounds half to even and knows no minus zero."""
    assert words.number(Decimal("1E+3")) == "1000"
    assert words.number(Decimal("0.000000000000000001")) == "0.000000000000000001"
    assert words.number(Decimal("50.00")) == "50.00"
    assert words.rounded(Decimal("2.5"), 0) == "2"
    assert words.rounded(Decimal("-0.0001"), 2) == "0.00"
    assert words.number(None) is None
    assert words.rounded(None, 2) is None


def test_times_are_utc_and_show_a_fraction_only_where_there_is_one() -> None:
    """Seconds are enough until they are not."""
    moment = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    assert words.at(moment) == "2026-01-05 09:30:00Z"
    assert words.at(moment.replace(microsecond=5)) == "2026-01-05 09:30:00.000005Z"
    assert words.at(None) is None


def test_counts_agree_with_their_noun() -> None:
    """One order, two orders, 1,204 entries."""
    assert words.count(1, "order") == "1 order"
    assert words.count(0, "order") == "0 orders"
    assert words.count(1_204, "entry", "entries") == "1,204 entries"
