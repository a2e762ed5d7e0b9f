"""Curves and axes: sums are exact, thinning loses no extreme, and what stands beside an axis is true."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_report.page.charts import slot_of
from ledger_report.page.curve import STEPS_MAX, Step, accumulate, deepest, falls, thinned
from ledger_report.page.scales import TICKS_MAX, scale_of, short, times_of
from ledger_report.pnl import By
from support import START

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=6)
SECONDS = st.integers(min_value=0, max_value=10**9)
CURVES = st.lists(st.tuples(SECONDS, AMOUNTS), min_size=1, max_size=60).map(
    lambda found: accumulate((START + timedelta(seconds=seconds), amount) for seconds, amount in sorted(found))
)


def wave(count: int) -> list[Step]:
    """Return a long curve without a repeated value."""
    return accumulate((START + timedelta(minutes=n), Decimal((n * 7_919) % 10_007 - 5_000)) for n in range(count))


@given(steps=CURVES)
def test_the_deepest_fall_is_the_largest_below_any_earlier_high(steps: list[Step]) -> None:
    """It is what comparing every pair of steps finds, the beginning at 0 included."""
    values = [Decimal(0), *(step.value for step in steps)]
    pairs = (high - low for place, high in enumerate(values) for low in values[place:])
    assert deepest(steps).amount == max(pairs)
    assert -min((step.value for step in falls(steps)), default=Decimal(0)) == deepest(steps).amount


def test_amounts_of_one_moment_are_one_step() -> None:
    """A fee and a gain of the same execution are no fall and rise."""
    found = accumulate([(START, Decimal(-5)), (START, Decimal(8)), (START + timedelta(1), Decimal("0.1"))])
    assert found == [Step(START, Decimal(3)), Step(START + timedelta(1), Decimal("3.1"))]


@pytest.mark.parametrize("count", [1, STEPS_MAX, STEPS_MAX + 1, 20_000])
def test_thinning_keeps_the_ends_and_every_extreme(count: int) -> None:
    """What is drawn of a long curve has its highest and lowest point, its beginning and end, in order."""
    steps = wave(count)
    kept = thinned(steps)
    assert len(kept) <= STEPS_MAX
    assert (kept[0], kept[-1]) == (steps[0], steps[-1])
    assert {max(kept, key=lambda one: one.value), min(kept, key=lambda one: one.value)} == {
        max(steps, key=lambda one: one.value),
        min(steps, key=lambda one: one.value),
    }
    assert all(one.at < other.at for one, other in pairwise(kept))
    assert set(kept) <= set(steps)
    assert (list(kept) == steps) == (count <= STEPS_MAX)


@given(low=AMOUNTS, high=AMOUNTS)
def test_an_axis_of_amounts_holds_its_range_and_zero(low: Decimal, high: Decimal) -> None:
    """Its marks are round, even, few, and what is written beside them is their value."""
    low, high = sorted((low, high))
    scale = scale_of(low, high)
    assert scale.low <= min(low, Decimal(0)) <= max(high, Decimal(0)) <= scale.high
    assert 0 in scale.ticks
    assert 2 <= len(scale.ticks) <= TICKS_MAX + 1
    assert len({after - before for before, after in pairwise(scale.ticks)}) == 1
    for tick in scale.ticks:
        written = short(tick, max(abs(scale.low), abs(scale.high)))
        number = written.rstrip("kmbn")
        unit = {"k": 10**3, "m": 10**6, "bn": 10**9, "": 1}[written[len(number) :]]
        assert Decimal(number) * unit == tick, written


@given(first=SECONDS, length=SECONDS, zone=st.sampled_from([UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")]))
def test_an_axis_of_times_has_few_marks_within_it(first: int, length: int, zone: ZoneInfo) -> None:
    """From a second to thirty years: marks are in order, inside, and not too many to be read."""
    begin = START + timedelta(seconds=first)
    times = times_of([begin, begin + timedelta(seconds=length)], zone)
    places = [times.place(at) for at, _ in times.ticks]
    assert all(-0.05 <= place <= 1.05 for place in places)
    assert places == sorted(places)
    assert len(places) <= TICKS_MAX + 2
    assert times.place(begin) >= 0


def test_marks_of_days_are_midnights_of_the_zone() -> None:
    """Also across a change of the clocks."""
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 3, 27, 12, tzinfo=UTC)
    ticks = times_of([begin, begin + timedelta(days=5)], zone).ticks
    assert {at.astimezone(zone).hour for at, _ in ticks} == {0}
    assert [label for _, label in ticks][:3] == ["28 Mar", "29 Mar", "30 Mar"]


def test_periods_have_places_in_order() -> None:
    """The last day of a year and the first of the next are neighbours, and so are weeks and months."""
    for by, before, after in (
        (By.DAY, "2025-12-31", "2026-01-01"),
        (By.WEEK, "2025-W52", "2026-W01"),
        (By.WEEK, "2020-W53", "2021-W01"),
        (By.MONTH, "2025-12", "2026-01"),
    ):
        assert slot_of(after, by) == slot_of(before, by) + 1
