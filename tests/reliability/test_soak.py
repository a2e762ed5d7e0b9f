"""A long life is like a short one; and where it is not, the same judgement says so."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs
import pytest

from ledger_core.current import CurrentRecords
from reliability.campaign import require_kept
from reliability.soak import CAMPAIGN, Life, run
from reliability.soak_curve import MEBIBYTE, Point, violations
from reliability.soak_trading import SLOTS, Desk, _Round
from reliability.workload import Command

pytestmark = pytest.mark.reliability

_SHORT = 2_000
"""Commands of a life that a control spoils."""


def test_a_long_life_is_like_a_short_one() -> None:
    """Beside readers, across reopenings and big deletes, memory and WAL stay, and all is there at the end."""
    tally = require_kept(CAMPAIGN)
    for happened in ("batches", "reopenings", "deletes of all records", "looks by another process"):
        assert tally.details[happened], f"there were no {happened}"


def test_a_life_whose_memory_grows_is_seen() -> None:
    """Control: something that is kept of each command shows as growing memory."""
    kept: list[bytes] = []
    advance = CurrentRecords.advance

    def hoarding(records: CurrentRecords, *arguments: Any) -> None:
        kept.append(bytes(range(256)) * 256)
        advance(records, *arguments)

    with patch.object(CurrentRecords, "advance", hoarding):
        found = run(0, _SHORT, None).violations
    assert any("memory grew" in violation for violation in found), found


def test_an_order_that_is_left_open_is_seen() -> None:
    """Control: with rounds that open orders and never end them, whoever asks finds more open than there can be."""
    with patch.object(_Round, "cancellation", lambda left_open: left_open._open("in", "BUY")):
        found = run(0, _SHORT, None).violations
    assert any("orders are open" in violation for violation in found), found


def test_an_answer_that_no_command_of_the_desk_can_have_is_seen() -> None:
    """Control: if the ledger refuses what it must take, the life ends there and says so."""
    with patch.object(_Round, "cancellation", lambda _: iter([Command("close_trade", ("nowhere",), {})])):
        found = run(0, _SHORT, None).violations
    assert any("was answered with UnknownTrade" in violation for violation in found), found


def test_a_neighbour_that_dies_is_seen(tmp_path: Path) -> None:
    """Control: a reader in another process that ends before its time ends the life, and is told of."""
    life = Life(tmp_path, 0, _SHORT)
    os.kill(life.neighbour.process_id, signal.SIGKILL)
    found = list(life.live(None))
    assert "the reader died" in found, found
    assert life.done < _SHORT


def _points(**figures: float) -> list[Point]:
    flat = dict.fromkeys((field.name for field in attrs.fields(Point)), 1_000.0)
    return [
        Point(**{**flat, **{name: 1_000 + place * by for name, by in figures.items()}})  # type: ignore[arg-type]  # ints
        for place in range(20)
    ]


@pytest.mark.parametrize(
    ("figure", "by"),
    [
        ("memory", 3 * MEBIBYTE),
        ("reader_memory", 3 * MEBIBYTE),
        ("wal", 3 * MEBIBYTE),
        ("cpu_us", 20),
        ("command_us", 60),
        ("positions_us", 50),
        ("exposure_us", 50),
        ("orders_us", 50),
        ("reopen_ms", 50),
    ],
)
def test_each_figure_that_grows_is_seen(figure: str, by: float) -> None:
    """A curve that rises is a violation that names its figure; a flat one is none."""
    assert not list(violations(_points(), times=True))
    (found,) = violations(_points(**{figure: by}), times=True)
    assert found.startswith(f"{figure} grew")


def test_the_time_of_a_short_life_is_not_judged() -> None:
    """Seconds on a machine that others use say nothing; minutes do."""
    assert not list(violations(_points(cpu_us=1_000), times=False))


def test_what_is_open_stays_bounded_however_long_the_trading_goes_on() -> None:
    """Each slot ends what it began before it begins anew, and the end of a desk ends everything."""

    def orders_of(commands: Iterator[Command]) -> set[str]:
        return {command.arguments[0] for command in commands if command.method == "record_order"}

    desk = Desk(1)
    begun = orders_of(desk.next_command() for _ in range(2_000))
    assert len(begun) > 10 * SLOTS
    left = list(desk.end())
    assert len(left) < 20 * SLOTS
