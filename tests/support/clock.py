"""A clock that tests can reason about: it starts at a fixed moment and advances by one second at each reading."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""What the clock says when it is read for the first time: a Monday morning."""


class SteppingClock:
    """Call it for the time; each reading is one `step` after the one before."""

    def __init__(self, start: datetime = START, step: timedelta = timedelta(seconds=1)) -> None:
        """Start at `start`; a step of zero makes a clock that stands still."""
        self.time = start
        self.step = step

    def __call__(self) -> datetime:
        """Return the time and advance."""
        now = self.time
        self.time = now + self.step
        return now

    def set(self, time: datetime) -> None:
        """Let the next reading say `time`; it may lie in the past."""
        self.time = time

    def turn(self, **shift: float) -> None:
        """Turn the clock by a timedelta's keywords, such as `hours=-1`."""
        self.time += timedelta(**shift)


class StillTime:
    """Stands in for the module `time`: what is measured with it passes when it is told to."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.now = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now
