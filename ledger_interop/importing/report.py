"""What an import came to: how many messages were read, what became of each fact, and every reason, with places."""

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import attrs

PLACES_MAX = 20
"""How many places are kept for one reason; all are counted."""
REASONS_MAX = 1_000
"""How many reasons are kept apart; what comes beyond is counted under `OTHER`."""
OTHER = "and for other reasons"


class Outcome(StrEnum):
    """What became of a fact."""

    BOOKED = "booked"  # the ledger has an entry of it now
    KNOWN = "known"  # the ledger had it already, or it confirms what is booked
    OUTDATED = "outdated"  # the order is past it: what came after it is booked
    QUARANTINED = "quarantined"  # kept in the ledger's quarantine, until its order can take it or a person decides
    REFUSED = "refused"  # contradicts what is recorded under its id; nothing was written


class Without(StrEnum):
    """What became of a message without a fact."""

    PASSED_OVER = "passed over"  # says nothing of an order
    NOT_UNDERSTOOD = "not understood"


@attrs.define
class Reason:
    """A reason, how often it was given, and where, the first times."""

    count: int = 0
    places: list[str] = attrs.field(factory=list)

    def add(self, place: str, count: int = 1) -> None:
        """Count it once more."""
        self.count += count
        if place and len(self.places) < PLACES_MAX and place not in self.places:
            self.places.append(place)


@attrs.define
class ImportReport:
    """What an import came to. Nothing is left out: counts are complete, places are the first ones of each reason.

    `read` counts messages; `understood` those that said something of an order. `facts` counts facts by outcome;
    `reasons` says why facts were not booked and messages not understood or passed over, by outcome.
    """

    source: str
    read: int = 0
    understood: int = 0
    passed_over: int = 0
    not_understood: int = 0
    facts: Counter[Outcome] = attrs.field(factory=Counter)
    kinds: Counter[str] = attrs.field(factory=Counter)
    reasons: dict[str, dict[str, Reason]] = attrs.field(factory=dict)
    is_trial: bool = False

    @property
    def booked(self) -> int:
        """How many facts were booked."""
        return self.facts[Outcome.BOOKED]

    @property
    def known(self) -> int:
        """How many facts the ledger had already."""
        return self.facts[Outcome.KNOWN]

    @property
    def outdated(self) -> int:
        """How many facts their order was past."""
        return self.facts[Outcome.OUTDATED]

    @property
    def quarantined(self) -> int:
        """How many facts wait in quarantine."""
        return self.facts[Outcome.QUARANTINED]

    @property
    def refused(self) -> int:
        """How many facts contradict what is recorded."""
        return self.facts[Outcome.REFUSED]

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look: something waits, contradicts or was not understood."""
        return bool(self.quarantined or self.refused or self.not_understood)

    def count(self, kind: str, outcome: Outcome) -> None:
        """Count a fact."""
        self.facts[outcome] += 1
        self.kinds[kind] += 1

    def note(self, about: Outcome | Without, reason: str, place: str, count: int = 1) -> None:
        """Keep why something was not booked or not understood."""
        known = self.reasons.setdefault(about.value, {})
        if reason not in known and len(known) >= REASONS_MAX:
            reason = OTHER
        known.setdefault(reason, Reason()).add(place, count)

    def add(self, other: "ImportReport") -> None:
        """Take what a part of the import came to."""
        self.read += other.read
        self.understood += other.understood
        self.passed_over += other.passed_over
        self.not_understood += other.not_understood
        self.facts.update(other.facts)
        self.kinds.update(other.kinds)
        for about, reasons in other.reasons.items():
            known = self.reasons.setdefault(about, {})
            for text, reason in reasons.items():
                name = text if text in known or len(known) < REASONS_MAX else OTHER
                kept = known.setdefault(name, Reason())
                kept.count += reason.count
                kept.places.extend(reason.places[: PLACES_MAX - len(kept.places)])

    def summary(self) -> Iterator[str]:
        """Write what it came to in two lines."""
        read = f"read {self.read:,} messages: {self.understood:,} understood"
        yield f"{self.source}: {read}, {self.passed_over:,} passed over, {self.not_understood:,} not understood"
        if self.is_trial:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.most_common())
            yield f"{kinds or 'no facts'}; nothing was booked"
        else:
            yield ", ".join(f"{self.facts[outcome]:,} {outcome.value}" for outcome in Outcome)

    def lines(self) -> Iterator[str]:
        """Write the report for a person: the summary, and every reason with its first places."""
        yield from self.summary()
        for about, reasons in self.reasons.items():
            for text, reason in sorted(reasons.items(), key=lambda item: -item[1].count):
                where = f" ({'; '.join(reason.places[:3])}{'; …' if reason.count > 3 else ''})" if reason.places else ""
                yield f"  {about}, {reason.count:,} times: {text}{where}"

    def document(self) -> Mapping[str, Any]:
        """Return the report JSON-ready."""
        return {
            "source": self.source,
            "read": self.read,
            "understood": self.understood,
            "passed_over": self.passed_over,
            "not_understood": self.not_understood,
            "facts": {outcome.value: self.facts[outcome] for outcome in Outcome},
            "kinds": dict(sorted(self.kinds.items())),
            "reasons": {
                about: {text: {"count": reason.count, "places": reason.places} for text, reason in reasons.items()}
                for about, reasons in self.reasons.items()
            },
        }
