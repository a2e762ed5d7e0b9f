"""What one currency made: its total, its curve, and its rows by period, symbol and strategy.

Currencies are never added to each other: each has figures of its own, unless everything was converted by rates.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

import attrs

from ledger_core import Adjustment, CashFlow, Fee, RealizedPnl
from ledger_core.netting import check_rates, net_of
from ledger_core.numbers import plain, total
from ledger_report.page.curve import Drawdown, Step, accumulate, deepest
from ledger_report.pnl import By, PnlRow, Realization, pnl_by

PERIODS_MAX = 400
"""More days than this are shown as weeks, more weeks as months."""


@attrs.frozen(kw_only=True)
class Total:
    """The sums of the period; the net ones are None where the currency, or a rate, is not known.

    `left_out` says, kind by kind and currency by currency, what is in no figure because it has no rate.
    """

    gross: Decimal | None
    fees: Decimal | None
    cash_flows: Decimal | None
    net: Decimal | None
    fills: int
    left_out: tuple[tuple[str, str | None, Decimal], ...]


@attrs.frozen(kw_only=True)
class Money:
    """What one currency made; None is a currency that nobody ever said.

    `steps` are None where a realized PnL has no rate. `periods` are days, or weeks or months where there are too many
    days; `days` is how many days had anything.
    """

    currency: str | None
    total: Total
    steps: Sequence[Step] | None
    drawdown: Drawdown | None
    by: By
    periods: Sequence[PnlRow]
    months: Sequence[PnlRow]
    days: int
    days_won: int
    days_lost: int
    best_day: PnlRow | None
    worst_day: PnlRow | None
    symbols: Sequence[PnlRow]
    strategies: Sequence[PnlRow]

    @property
    def is_net(self) -> bool:
        """Whether fees and cash flows are in the figures."""
        return self.total.net is not None


def net_of_row(row: PnlRow) -> Decimal | None:
    """Return what a row made: net where that is known, gross where nobody ever said the currency."""
    return row.realized_pnl if row.net is None else row.net.net_realized_pnl


def moneys(items: Sequence[Realization], *, zone: tzinfo | None, currency: str | None, rates: Any) -> list[Money]:
    """Return the figures of each currency, those with the most executions first."""
    rows = {by: pnl_by(items, by, zone=zone, currency=currency, rates=rates) for by in By}
    steps = _steps(items, currency, rates)
    known = {row.currency for row in rows[By.STRATEGY]}
    found = [_money(one, {by: [row for row in rows[by] if row.currency == one] for by in By}, steps) for one in known]
    return sorted(found, key=lambda one: (-one.total.fills, one.currency or ""))


def _money(currency: str | None, rows: dict[By, list[PnlRow]], steps: dict[str | None, Sequence[Step] | None]) -> Money:
    days = rows[By.DAY]
    curve = steps.get(currency)
    dated = [(net, row) for row in days if (net := net_of_row(row)) is not None]
    by = next((one for one in (By.DAY, By.WEEK) if len(rows[one]) <= PERIODS_MAX), By.MONTH)
    return Money(
        currency=currency,
        total=_total(rows[By.STRATEGY]),
        steps=curve,
        drawdown=None if curve is None else deepest(curve),
        by=by,
        periods=rows[by],
        months=rows[By.MONTH],
        days=len(days),
        days_won=sum(net > 0 for net, _ in dated),
        days_lost=sum(net < 0 for net, _ in dated),
        best_day=max(dated, key=lambda one: one[0], default=(None, None))[1],
        worst_day=min(dated, key=lambda one: one[0], default=(None, None))[1],
        symbols=rows[By.SYMBOL],
        strategies=rows[By.STRATEGY],
    )


def _total(rows: Sequence[PnlRow]) -> Total:
    gross = [row.realized_pnl for row in rows if row.realized_pnl is not None]
    nets = [row.net for row in rows if row.net is not None]
    net = [one.net_realized_pnl for one in nets if one.net_realized_pnl is not None]
    left_out: defaultdict[tuple[str, str | None], list[Decimal]] = defaultdict(list)
    for one in nets:
        for part in one.unconverted:
            left_out[_kind(part), part.currency].append(part.amount)
    return Total(
        gross=plain(total(gross)) if len(gross) == len(rows) else None,
        fees=plain(total(one.fees for one in nets)) if len(nets) == len(rows) else None,
        cash_flows=plain(total(one.cash_flows for one in nets)) if len(nets) == len(rows) else None,
        net=plain(total(net)) if len(net) == len(rows) else None,
        fills=sum(row.fills for row in rows),
        left_out=tuple(
            (kind, money, plain(total(amounts)))
            for (kind, money), amounts in sorted(left_out.items(), key=lambda one: (one[0][0], one[0][1] or ""))
        ),
    )


def _kind(part: RealizedPnl | Fee | CashFlow) -> str:
    match part:
        case Fee():
            return "fees"
        case RealizedPnl():
            return "realized PnL"
        case CashFlow():
            return part.adjustment_kind.value.lower()


def _steps(items: Sequence[Realization], currency: str | None, rates: Any) -> dict[str | None, Sequence[Step] | None]:
    """Return the curve of each currency; None where a realized PnL has no rate."""
    known_rates = check_rates(rates)
    amounts: defaultdict[str | None, list[tuple[datetime, Decimal]]] = defaultdict(list)
    unknown: set[str | None] = set()
    for one in items:
        money = currency or one.currency
        made: Decimal | None = one.realized_pnl
        if money is not None:
            parts = [(one.movement, one.instrument)]
            made = net_of(money, known_rates, [RealizedPnl(one.currency, one.realized_pnl)], parts).net_realized_pnl
        if made is None:
            if one.realized_pnl:
                unknown.add(money)
        elif made or not isinstance(one.movement, Adjustment):
            amounts[money].append((one.occurred_at, made))
    curves: dict[str | None, Sequence[Step] | None] = {money: accumulate(each) for money, each in amounts.items()}
    curves.update(dict.fromkeys(unknown))
    return curves
