"""What a reconciliation says: findings, and proposals, which are calls of the ledger that nobody has made yet."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

import attrs

from ledger_core._frozen import FrozenDict
from ledger_core.commands import Operation
from ledger_core.model import Fill, Key, Order, Position, PositionSide, QuarantinedFact, RecordKind, Trade


class LedgerSource(Protocol):
    """What a reconciliation asks of a ledger: questions of StrategyLedger, no command among them."""

    def get_order(self, order_id: str) -> Order:
        """Return an order as it is now. Raises UnknownOrder, Archived."""
        ...

    def get_fill(self, order_id: str, fill_id: str) -> Fill:
        """Return one execution of an order. Raises UnknownOrder, UnknownFill, Archived."""
        ...

    def get_trade(self, trade_id: str) -> Trade:
        """Return a trade as it is now. Raises UnknownTrade, Archived."""
        ...

    def get_position(
        self, symbol: str, *, venue: str | None, account: str | None, position_side: PositionSide
    ) -> Position:
        """Return a position, also when flat. Raises InvalidValue where several fit that cannot be added."""
        ...

    def get_open_positions(self) -> list[Position]:
        """Return every position that is not flat."""
        ...

    def quarantined(self) -> list[QuarantinedFact]:
        """Return the facts that wait in quarantine."""
        ...

    def find_orders(
        self, *, is_open: bool | None = None, venue_order_id: str | None = None, limit: int | None = 1000
    ) -> Iterator[Order]:
        """Iterate over the orders that match everything given."""
        ...

    def find_fills(
        self,
        *,
        order_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 1000,
    ) -> Iterator[Fill]:
        """Iterate over the executions that match everything given."""
        ...


@attrs.frozen(kw_only=True)
class Comparison:
    """One thing that both sides, or one of them, know.

    `subject` is ORDER, FILL or POSITION and `key` that record's key; parts of a position's key that were not compared
    are "". `ours` and `theirs` hold the values that were compared, None where a side has nothing. `fields` names those
    that differ; `note` says what a person should know, and what can be done where nothing is proposed.
    """

    subject: RecordKind
    key: Key
    ours: Mapping[str, Any] | None = None
    theirs: Mapping[str, Any] | None = None
    fields: tuple[str, ...] = ()
    note: str = ""


@attrs.frozen(kw_only=True)
class Proposal:
    """A call of the ledger that would bring it nearer to what the broker says, and why; it is made by `apply`."""

    operation: Operation
    arguments: Mapping[str, Any]
    reason: str

    def apply(self, ledger: Any) -> Any:
        """Make the call on a ledger, or in a batch of it; return the record, raise what the operation raises.

        A second call is a repeat and changes nothing.
        """
        return getattr(ledger, self.operation.value)(**self.arguments)


@attrs.frozen(kw_only=True)
class Reconciliation:
    """What a broker's snapshot and a ledger agree and differ in, and what could be done, in the order to do it.

    `missing_here` the broker has and we have not; `missing_there` we have and the broker has not listed.
    """

    matched: tuple[Comparison, ...] = ()
    missing_here: tuple[Comparison, ...] = ()
    missing_there: tuple[Comparison, ...] = ()
    different: tuple[Comparison, ...] = ()
    proposals: tuple[Proposal, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing on either side and nothing differs."""
        return not (self.missing_here or self.missing_there or self.different)


class Results:
    """Comparisons and proposals while they are being gathered.

    Proposals come in three rounds: orders and their terms, executions in the order of time, and what the broker says
    of an order that no execution explains. Fills come before an end, so that none of them is late.
    """

    def __init__(self, as_of: datetime | None) -> None:
        """Start with nothing; `as_of` is when proposed facts occurred, where they say nothing else."""
        self._as_of = as_of
        self.matched: list[Comparison] = []
        self.missing_here: list[Comparison] = []
        self.missing_there: list[Comparison] = []
        self.different: list[Comparison] = []
        self.terms: list[Proposal] = []
        self.fills: list[Proposal] = []
        self.reports: list[Proposal] = []

    def compared(self, finding: Comparison) -> None:
        """Keep a finding of what both sides have, by whether anything differs."""
        (self.different if finding.fields else self.matched).append(finding)

    def proposal(self, operation: Operation, why: str, /, **arguments: Any) -> Proposal:
        """Return a proposal whose fact occurred when the snapshot was taken, unless its data say otherwise."""
        data = arguments.get("fill_data", {})
        if self._as_of is not None and "executed_at" not in data:
            arguments["occurred_at"] = self._as_of
        return Proposal(operation=operation, arguments=FrozenDict(arguments), reason=why)

    def reconciliation(self) -> Reconciliation:
        """Return what was gathered."""
        return Reconciliation(
            matched=tuple(self.matched),
            missing_here=tuple(self.missing_here),
            missing_there=tuple(self.missing_there),
            different=tuple(self.different),
            proposals=(*self.terms, *self.fills, *self.reports),
        )


def told(value: object, *names: str) -> Mapping[str, Any]:
    """Return those of the named attributes that say anything, as a mapping."""
    given = ((name, getattr(value, name, None)) for name in names)
    return FrozenDict({name: one for name, one in given if one is not None})
