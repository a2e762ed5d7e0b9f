"""One session: day after day the venue trades, the handler books, the strategy's decisions are placed.

The clock is the stream's, so the file is the same, to the digest, at every run.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import attrs

from ledger_cli.demo.handler import ExecutionHandler, Tally
from ledger_cli.demo.stream import Day, RecordedStream
from ledger_cli.demo.venue import SimulatedVenue
from ledger_core import open_ledger

STRATEGY = "demo-momentum"
"""The strategy that the demonstration writes as."""

Progress = Callable[[int, Day, Tally], None]
"""Called after each day with its number from 1, the day, and what the handler did on it."""


def run(path: Path, stream: RecordedStream, progress: Progress, *, durability: str) -> None:
    """Play the stream into a new ledger file."""
    clock = _StreamClock(stream.days[0].at)
    url = f"sqlite:///{quote(os.fsencode(path))}?durability={durability}"
    with open_ledger(url, strategy_id=STRATEGY, clock=clock) as ledger:
        venue = SimulatedVenue(stream)
        handler = ExecutionHandler(ledger, venue)
        for number, day in enumerate(stream.days, start=1):
            clock.now = day.at
            handler.tally = Tally()
            venue.trade(day)
            handler.take_replies()
            for decision in day.new_orders:
                handler.place(decision, day)
            handler.take_replies()
            progress(number, day, handler.tally)


@attrs.define
class _StreamClock:
    """Stands at the close of the day that is played."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now
