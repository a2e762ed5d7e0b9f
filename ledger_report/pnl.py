"""Realized PnL by day, week, month, symbol or strategy: exact, gross of fees and net of them.

The fills and adjustments of each position are folded in economic order, as the ledger itself folds them, and what each
of them realized counts for the time at which it happened. What positions had realized where their live history begins,
behind what is in archives, has no time of its own: it is a row apart. So the rows add up, to the last digit, to the
realized PnL of the positions. Currencies are never added without rates.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs

from ledger_core import Adjustment, AdjustmentKind, Fill, InvalidValue, NetPnl, Position, RealizedPnl, StrategyLedger
from ledger_core.model import Instrument, Key, Opening, PositionSide, RecordKind
from ledger_core.netting import check_rates, net_of, pnl_currency
from ledger_core.numbers import minus, plain, total, utc_now
from ledger_core.positions import Movement, fold, restart


class By(StrEnum):
    """What the rows are."""

    DAY = "day"
    WEEK = "week"  # ISO 8601: from Monday on, 2026-W01 is the one with the year's first Thursday
    MONTH = "month"
    SYMBOL = "symbol"
    STRATEGY = "strategy"


@attrs.frozen(kw_only=True)
class Realization:
    """What one fill or adjustment did to one position: `realized_pnl` is gross, in `currency`, and often 0.

    `quantity` is what the position held after it, signed.
    """

    strategy_id: str
    position_key: Key
    movement: Movement
    instrument: Instrument
    quantity: Decimal
    realized_pnl: Decimal

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""
        return self.movement.economic_order[0]

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.position_key[0]

    @property
    def currency(self) -> str | None:
        """The currency of `realized_pnl`; None where nobody ever said."""
        return pnl_currency(self.instrument)


@attrs.frozen(kw_only=True)
class PnlRow:
    """The figures of one period, symbol or strategy, in one currency.

    `net` is None where the currency is not known; `net.unconverted` lists fees and cash flows in other currencies for
    which there is no rate: they are in no figure. `realized_pnl` is None where a part of it has no rate. `fills` counts
    executions.
    """

    name: str
    currency: str | None
    realized_pnl: Decimal | None
    net: NetPnl | None
    fills: int


@attrs.frozen(kw_only=True)
class Carried:
    """What one position had realized and paid at its opening; the history of it is in archives."""

    strategy_id: str
    position_key: Key
    instrument: Instrument
    opening: Opening

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.position_key[0]

    @property
    def currency(self) -> str | None:
        """The currency of what was realized; None where nobody ever said."""
        return pnl_currency(self.instrument)


IN_ARCHIVES = "in archives"
"""The name of the row of a period that has what is carried."""

Instruments = Mapping[tuple[str | None, str], Instrument]
"""(venue, symbol) -> the terms by which it is valued."""


def realizations(
    strategy_id: str,
    fills: Iterable[Fill],
    adjustments: Iterable[Adjustment],
    instruments: Instruments,
    openings: Mapping[Key, Opening] | None = None,
) -> list[Realization]:
    """Return what each movement of a strategy realized, in economic order; busted fills count nowhere.

    `fills` and `adjustments` are all there are, but for what is in archives before the `openings`. Raises LookupError
    for an instrument that is not given.
    """
    begun = openings or {}
    movements: defaultdict[Key, list[Movement]] = defaultdict(list)
    for fill in fills:
        if not fill.busted:
            movements[fill.position_key].append(fill)
    others = list(adjustments)
    for adjustment in others:
        if adjustment.adjustment_kind is not AdjustmentKind.SPLIT:
            movements[adjustment.position_key].append(adjustment)
    for split in others:
        if split.adjustment_kind is AdjustmentKind.SPLIT:
            for key in movements:
                if split.concerns(key):
                    movements[key].append(split)
    found = [one for key in movements for one in _folded(strategy_id, key, movements[key], instruments, begun.get(key))]
    return sorted(found, key=lambda one: (one.movement.economic_order, one.position_key))


def read_realizations(ledger: StrategyLedger) -> list[Realization]:
    """Return what each movement of a ledger realized, in economic order. Reads the whole history."""
    fills = list(ledger.find_fills(limit=None))
    adjustments = list(ledger.find_adjustments(limit=None))
    instruments = read_instruments(ledger, fills, adjustments)
    return realizations(ledger.strategy_id, fills, adjustments, instruments, ledger.archivist.live_openings())


def read_carried(ledger: StrategyLedger) -> list[Carried]:
    """Return what the positions of a ledger had realized where their live history begins."""
    found = []
    for key, opening in ledger.archivist.live_openings().items():
        symbol, venue, account, side = key
        position = ledger.get_position(
            symbol, venue=venue or None, account=account or None, position_side=PositionSide(side)
        )
        found.append(
            Carried(
                strategy_id=ledger.strategy_id,
                position_key=key,
                instrument=position.instrument,
                opening=opening,
            )
        )
    return found


def read_instruments(
    ledger: StrategyLedger, fills: Iterable[Fill], adjustments: Iterable[Adjustment] = ()
) -> Instruments:
    """Return the terms of everything that was traded or adjusted."""
    keys: set[tuple[str, str | None, str | None, PositionSide | None]] = set()
    keys.update((one.symbol, one.venue, one.account, one.position_side) for one in fills)
    keys.update((one.symbol, one.venue, one.account, one.position_side) for one in adjustments if one.ratio is None)
    found: dict[tuple[str | None, str], Instrument] = {}
    try:
        for symbol, venue, account, side in keys:
            if (venue, symbol) not in found:
                position = ledger.get_position(symbol, venue=venue, account=account, position_side=side)
                found[venue, symbol] = attrs.evolve(position.instrument, venue=venue)
    except InvalidValue:  # positions of several keys, one of which has no venue, cannot be added: read each for itself
        records = ledger.as_of(recorded=utc_now()).records(RecordKind.POSITION)
        return {(one.venue, one.symbol): one.instrument for one in records if isinstance(one, Position)}
    return found


def pnl_by(
    items: Iterable[Realization],
    by: By,
    *,
    carried: Iterable[Carried] = (),
    zone: tzinfo | None = UTC,
    currency: str | None = None,
    rates: Any = None,
) -> list[PnlRow]:
    """Add up realizations by period, symbol or strategy, and by currency; what moved nothing but units has a row too.

    Days, weeks and months are those of `zone` (None: this machine's own). With `currency` everything is converted by
    `rates`, {("BNB", "USDT"): "310.5"}; without, each currency has rows of its own. What is `carried` is in the row of
    its symbol or strategy; of periods it has a row of its own, `IN_ARCHIVES`, before the others.
    """
    known_rates = check_rates(rates)
    before: defaultdict[tuple[str, str | None], list[Carried]] = defaultdict(list)
    for known in carried:
        before[_name_of_carried(known, by), currency or known.currency].append(known)
    groups: defaultdict[tuple[str, str | None], list[Realization]] = defaultdict(list)
    for one in items:
        groups[_name(one, by, zone), currency or one.currency].append(one)
    return [
        _row(name, money, groups[name, money], before[name, money], known_rates)
        for name, money in sorted(
            {*groups, *before}, key=lambda place: (place[0] != IN_ARCHIVES, place[0], place[1] or "")
        )
    ]


def _folded(
    strategy_id: str, key: Key, movements: Sequence[Movement], instruments: Instruments, opening: Opening | None
) -> Iterator[Realization]:
    symbol, venue, account, _ = key
    terms = instruments[venue or None, symbol]
    position = Position(
        symbol=symbol,
        venue=venue or None,
        account=account or None,
        currency=terms.currency,
        base_currency=terms.base_currency,
        multiplier=terms.multiplier,
        inverse=terms.inverse,
    )
    position = restart(position, opening)
    for movement in sorted(movements, key=lambda one: one.economic_order):
        is_before = opening is not None and movement.economic_order <= opening.economic_order
        # Of what was before, only what it paid or received counts: what it moved is in the opening.
        after = position if is_before else fold(position, movement)
        yield Realization(
            strategy_id=strategy_id,
            position_key=key,
            movement=movement,
            instrument=terms,
            quantity=after.quantity,
            realized_pnl=plain(minus(after.realized_pnl, position.realized_pnl)),
        )
        position = after


def _row(
    name: str,
    currency: str | None,
    group: Sequence[Realization],
    carried: Sequence[Carried],
    rates: Mapping[tuple[str, str], Decimal],
) -> PnlRow:
    sums: defaultdict[str | None, list[Decimal]] = defaultdict(list)
    for one in group:
        sums[one.currency].append(one.realized_pnl)
    for known in carried:
        sums[known.currency].append(known.opening.realized_pnl)
    realized = [RealizedPnl(money, plain(total(amounts))) for money, amounts in sums.items()]
    net = None
    if currency is not None:
        moved = [(one.movement, one.instrument) for one in group]
        net = net_of(currency, rates, realized, moved, [(known.opening, known.instrument) for known in carried])
    return PnlRow(
        name=name,
        currency=currency,
        realized_pnl=realized[0].amount if net is None else net.gross_realized_pnl,
        net=net,
        fills=sum(isinstance(one.movement, Fill) for one in group),
    )


def _name_of_carried(known: Carried, by: By) -> str:
    match by:
        case By.SYMBOL:
            return known.symbol
        case By.STRATEGY:
            return known.strategy_id
        case _:
            return IN_ARCHIVES


def _name(one: Realization, by: By, zone: tzinfo | None) -> str:
    day = one.occurred_at.astimezone(zone).date()
    match by:
        case By.DAY:
            return day.isoformat()
        case By.WEEK:
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case By.MONTH:
            return day.isoformat()[:7]
        case By.SYMBOL:
            return one.symbol
        case By.STRATEGY:
            return one.strategy_id
