"""The curve of what was made: net realized PnL, step by step, and how far it fell from its highest point.

Amounts are exact. Thinning keeps, of each stretch of time, the first, the lowest, the highest and the last step, so a
drawn curve loses no extreme.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby

import attrs

from ledger_core.numbers import ZERO, minus, plain, plus

STRETCHES = 200
"""Of how many stretches of time a thinned curve consists; each keeps at most four steps."""

STEPS_MAX = 4 * STRETCHES
"""A curve of more steps is thinned before it is drawn."""


@attrs.frozen
class Step:
    """The sum of all that was made until a moment, that moment included."""

    at: datetime
    value: Decimal


@attrs.frozen
class Drawdown:
    """The deepest fall below an earlier high: how much, from which moment, until which; nothing fell where it is 0.

    A curve starts at 0, so a loss at its beginning is a fall, too; `peak_at` is None then.
    """

    amount: Decimal
    peak_at: datetime | None
    trough_at: datetime | None


def accumulate(amounts: Iterable[tuple[datetime, Decimal]]) -> list[Step]:
    """Add up amounts that stand in order of time; those of one moment are one step."""
    steps = []
    value = ZERO
    for at, group in groupby(amounts, key=lambda one: one[0]):
        for _, amount in group:
            value = plus(value, amount)
        steps.append(Step(at, plain(value)))
    return steps


def falls(steps: Iterable[Step]) -> list[Step]:
    """Return, for each step, how far it lies below the highest before it: 0 or negative."""
    high = ZERO
    found = []
    for step in steps:
        high = max(high, step.value)
        found.append(Step(step.at, plain(minus(step.value, high))))
    return found


def deepest(steps: Iterable[Step]) -> Drawdown:
    """Return the deepest fall; of several that are alike, the first."""
    high, high_at = ZERO, None
    found = Drawdown(ZERO, None, None)
    for step in steps:
        if step.value > high:
            high, high_at = step.value, step.at
        fall = minus(high, step.value)
        if fall > found.amount:
            found = Drawdown(plain(fall), high_at, step.at)
    return found


def thinned(steps: Sequence[Step]) -> Sequence[Step]:
    """Return the steps that are drawn: all of them, or of each stretch of time the four that make its shape."""
    if len(steps) <= STEPS_MAX:
        return steps
    begin = steps[0].at
    width = (steps[-1].at - begin) / STRETCHES
    kept: list[Step] = []
    for _, group in groupby(steps, key=lambda step: min((step.at - begin) // width, STRETCHES - 1)):
        stretch = list(group)
        low = min(stretch, key=lambda step: step.value)
        high = max(stretch, key=lambda step: step.value)
        shape = {step.at: step for step in (stretch[0], low, high, stretch[-1])}
        kept.extend(shape[at] for at in sorted(shape))
    return kept
