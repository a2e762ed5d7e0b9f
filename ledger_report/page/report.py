"""What the page tells, as values, and how they are read from a ledger.

Nothing is written and nothing is rounded. The period bounds what was made and how orders were executed; open risk is
always that of the journal's head.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, Generic, TypeVar

import attrs

from ledger_core import (
    Exposure,
    Head,
    Order,
    OrderRequest,
    OrderState,
    Position,
    QuarantinedFact,
    StrategyLedger,
    Trade,
    TradeState,
)
from ledger_core.exposure import summed
from ledger_report.page.money import Money, moneys
from ledger_report.pnl import Carried, Realization, read_carried, read_realizations
from ledger_report.quality import OrderHistory, Quality, quality_by, read_order_histories

TRADES_MAX = 200
"""How many trades the page lists, the latest ones."""

ATTEMPTS_MAX = 3
"""How often a ledger is read again because its bot wrote meanwhile."""

_UNANSWERED = (OrderState.IN_DOUBT, OrderState.PLACED)

RecordT = TypeVar("RecordT")
Done = Callable[[int], None]
"""Is told how many entries' worth of work is done."""


@attrs.frozen(kw_only=True)
class Source:
    """Where a report comes from: `name` for people, and what the command line is told to find it again.

    `arguments` are those that every command takes, `period` the options that bound it.
    """

    name: str
    arguments: str = "PATH"
    period: str = ""


@attrs.frozen
class StrategyHead:
    """A strategy and the last entry of its journal; None where it has none."""

    strategy_id: str
    head: Head


@attrs.frozen
class Of(Generic[RecordT]):
    """A record, and the strategy whose it is."""

    strategy_id: str
    record: RecordT


@attrs.frozen(kw_only=True)
class TradeFigures:
    """The trades of the period: the latest of them, and figures of all; those of a currency are gross of fees."""

    latest: "Sequence[Of[Trade]]"
    count: int
    closed: int
    won: int
    lost: int


@attrs.frozen(kw_only=True)
class OpenRisk:
    """What is open at the journal's head, whatever the period. Orders in doubt come first those IN_DOUBT."""

    in_doubt: "Sequence[Of[Order]]"
    requests: "Sequence[Of[OrderRequest]]"
    working: "Sequence[Of[Order]]"
    positions: "Sequence[Of[Position]]"
    exposures: Sequence[Exposure]
    facts: "Sequence[Of[QuarantinedFact]]"


@attrs.frozen(kw_only=True)
class Report:
    """Everything that the page tells.

    `archived` is what is in archives, and in no figure of what was made. `entries_meanwhile` is how many entries were
    written while the ledger was read, so that figures may differ by them; 0 but for a bot that never paused.
    """

    source: Source
    made_at: datetime
    zone: tzinfo | None
    since: datetime | None
    until: datetime | None
    currency: str | None
    heads: Sequence[StrategyHead]
    entries_meanwhile: int
    archived: Sequence[Carried]
    first_at: datetime | None
    last_at: datetime | None
    moneys: Sequence[Money]
    trades: TradeFigures
    risk: OpenRisk
    quality: Sequence[Quality]
    quality_by_symbol: Sequence[Quality]


def read_report(
    ledgers: Mapping[str, StrategyLedger],
    source: Source,
    *,
    made_at: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    zone: tzinfo | None = UTC,
    currency: str | None = None,
    rates: Any = None,
    done: Done = lambda _: None,
) -> Report:
    """Read a report of ledgers by strategy: of all that happened, or from `since` on and before `until`.

    Days are those of `zone` (None: this machine's own). With `currency` everything is converted by `rates`, as in
    `ledger_report.pnl`. A ledger whose bot writes meanwhile is read again, a few times.
    """
    named = sorted(ledgers.items())
    wanted = _Wanted(since, until)
    before: Sequence[StrategyHead] = _heads(named)
    found = _read(named, wanted, done)
    for _ in range(ATTEMPTS_MAX - 1):
        if found.heads == before:
            break
        before, found = found.heads, _read(named, wanted, done)
    return Report(
        source=source,
        made_at=made_at,
        zone=zone,
        since=since,
        until=until,
        currency=currency,
        heads=found.heads,
        entries_meanwhile=sum(one.head.sequence for one in found.heads) - sum(one.head.sequence for one in before),
        archived=found.archived,
        first_at=found.items[0].occurred_at if found.items else None,
        last_at=found.items[-1].occurred_at if found.items else None,
        moneys=moneys(found.items, zone=zone, currency=currency, rates=rates),
        trades=found.trades,
        risk=found.risk,
        quality=quality_by(found.histories),
        quality_by_symbol=quality_by(found.histories, lambda one: one.order.symbol),
    )


@attrs.frozen
class _Wanted:
    """The period."""

    since: datetime | None
    until: datetime | None

    def holds(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


@attrs.frozen(kw_only=True)
class _Records:
    """What was read, and the heads after it."""

    items: Sequence[Realization]
    archived: Sequence[Carried]
    histories: Sequence[OrderHistory]
    trades: TradeFigures
    risk: OpenRisk
    heads: Sequence[StrategyHead]


def _read(ledgers: Sequence[tuple[str, StrategyLedger]], wanted: _Wanted, done: Done) -> _Records:
    items = [one for _, ledger in ledgers for one in read_realizations(ledger) if wanted.holds(one.occurred_at)]
    return _Records(
        items=sorted(items, key=lambda one: one.occurred_at),  # stable: a strategy's economic order stays
        archived=[one for _, ledger in ledgers for one in read_carried(ledger)],
        histories=list(_histories(ledgers, wanted, done)),
        trades=_trades(ledgers, wanted),
        risk=_risk(ledgers),
        heads=_heads(ledgers),
    )


def _heads(ledgers: Sequence[tuple[str, StrategyLedger]]) -> list[StrategyHead]:
    return [StrategyHead(name, ledger.head()) for name, ledger in ledgers]


def _histories(ledgers: Sequence[tuple[str, StrategyLedger]], wanted: _Wanted, done: Done) -> Iterator[OrderHistory]:
    entries = 0
    for _, ledger in ledgers:
        yield from read_order_histories(ledger, since=wanted.since, until=wanted.until)
        entries += ledger.head().sequence
        done(entries)


def _trades(ledgers: Sequence[tuple[str, StrategyLedger]], wanted: _Wanted) -> TradeFigures:
    """Read the trades that were opened in the period."""
    latest: list[Of[Trade]] = []
    count = closed = won = lost = 0
    for name, ledger in ledgers:
        kept: deque[Of[Trade]] = deque(maxlen=TRADES_MAX)
        for trade in ledger.find_trades(since=wanted.since, until=wanted.until, limit=None):
            count += 1
            kept.append(Of(name, trade))
            if trade.state is TradeState.CLOSED:
                closed += 1
                made = trade.realized_pnl or Decimal(0)
                won += made > 0
                lost += made < 0
        latest.extend(kept)
    latest.sort(key=lambda one: (one.record.opened_at, one.strategy_id, one.record.sequence), reverse=True)
    return TradeFigures(latest=latest[:TRADES_MAX], count=count, closed=closed, won=won, lost=lost)


def _risk(ledgers: Sequence[tuple[str, StrategyLedger]]) -> OpenRisk:
    orders = [Of(name, order) for name, ledger in ledgers for order in ledger.find_orders(is_open=True, limit=None)]
    orders.sort(key=lambda one: (one.record.state is not OrderState.IN_DOUBT, one.record.placed_at, one.strategy_id))
    positions = [Of(name, position) for name, ledger in ledgers for position in ledger.get_open_positions()]
    requests = [Of(name, request) for name, ledger in ledgers for request in ledger.unresolved().requests]
    facts = [Of(name, fact) for name, ledger in ledgers for fact in ledger.quarantined()]
    symbols = {one.record.symbol for one in orders} | {one.record.symbol for one in positions}
    symbols.update(one.record.symbol for one in facts if one.record.symbol is not None)
    return OpenRisk(
        in_doubt=[one for one in orders if one.record.state in _UNANSWERED],
        requests=sorted(requests, key=lambda one: one.record.requested_at),
        working=[one for one in orders if one.record.state not in _UNANSWERED],
        positions=positions,
        exposures=[
            summed(
                symbol,
                [ledger.get_position_exposure(symbol) for _, ledger in ledgers],
                [one.record for one in positions if one.record.symbol == symbol],
            )
            for symbol in sorted(symbols)
        ],
        facts=facts,
    )
