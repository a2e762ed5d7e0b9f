"""A campaign: a promise, a way to try to break it, and how often it was tried.

A tier says how much is done: `quick` in every run of the tests, `ci` in CI, `whole` once by hand, for as long as
it takes (`python -m reliability NAME`), whose result is kept in docs/_data/reliability and printed in the docs.
Amounts are counted in a campaign's own units, such as crash images. Seeds go on from run to run, so that what is
added up was never the same twice.
"""

import os
from collections.abc import Callable
from typing import Any

import attrs

TIER_VARIABLE = "STRATEGY_LEDGER_RELIABILITY"
TIERS = ("quick", "ci", "whole")


@attrs.frozen
class Tally:
    """What a stretch of a campaign came to: so many units, the violations that were found, and further counts.

    `next_seed` is the first seed that was not used. `details` are counts that can be added up, such as
    {"I/O events": 4711}.
    """

    done: int
    next_seed: int
    violations: tuple[str, ...] = ()
    details: dict[str, int] = attrs.Factory(dict)

    def plus(self, other: "Tally") -> "Tally":
        """Return both together."""
        names = [*self.details, *(name for name in other.details if name not in self.details)]
        return Tally(
            done=self.done + other.done,
            next_seed=max(self.next_seed, other.next_seed),
            violations=(*self.violations, *other.violations),
            details={name: self.details.get(name, 0) + other.details.get(name, 0) for name in names},
        )


Run = Callable[[int, int, float | None], Tally]
"""run(first seed, amount, deadline): do at least `amount` units from a seed on, or stop at `time.monotonic()`'s time."""


@attrs.frozen(kw_only=True)
class Campaign:
    """A row of the goals: `promise` is a sentence, `unit` what is counted, the tiers' amounts are in units."""

    name: str
    row: str
    promise: str
    unit: str
    quick: int
    ci: int
    whole: int
    run: Run
    is_one_life: bool = False  # it cannot be divided: one process does all of it in one stretch

    def amount(self, tier: str) -> int:
        """Return how many units a tier asks for."""
        amount: Any = getattr(self, tier)
        return int(amount)


def tier() -> str:
    """Return the tier that the environment names; `quick` where it names none."""
    named = os.environ.get(TIER_VARIABLE, "quick")
    if named not in TIERS:
        raise ValueError(f"{TIER_VARIABLE} is {named!r}; it can be {', '.join(TIERS)}")
    return named


def tier_amount(campaign: Campaign) -> int:
    """Return how many units the present tier asks for."""
    return campaign.amount(tier())


def require_kept(campaign: Campaign, first_seed: int = 0) -> Tally:
    """Run the present tier's amount; fail with every violation, each of which names its seed."""
    amount = tier_amount(campaign)
    tally = campaign.run(first_seed, amount, None)
    assert not tally.violations, "\n".join((f"{campaign.name}: {campaign.promise}", *tally.violations[:20]))
    assert tally.done >= amount, f"{campaign.name}: only {tally.done} of {amount} {campaign.unit} were done"
    return tally
