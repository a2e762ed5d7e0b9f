"""Explain a realized figure: the tree from it down to which fill closed which, with fees and adjustments beside it.

Every node is the exact sum of the nodes below it. A tree is as long as the history that it explains; by average cost
every exit takes from every open lot, so a position that was long kept open has (entries x exits) matches.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import attrs

from ledger_core._answer import Answer
from ledger_core.lots import LotBook, Match, fill_moves, opens_cycle, unit_value_of
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    CashFlow,
    CostMethod,
    Fee,
    Fill,
    Opening,
    Position,
    PositionSide,
    Side,
    Trade,
    TradeLeg,
    split_quantity,
)
from ledger_core.numbers import ZERO, Price, magnitude, minus, negated, plain, plus, total
from ledger_core.positions import Movement, merge_cash_flows, merge_fees


@attrs.frozen(kw_only=True)
class FillRef(Answer):
    """A fill, named by its key; `quantity` is its own, or the part of it that is a trade's."""

    order_id: str
    fill_id: str
    side: Side
    quantity: Decimal
    price: Price
    executed_at: datetime


@attrs.frozen(kw_only=True)
class AdjustmentRef(Answer):
    """An adjustment, named by its id. `quantity` is what it added to the position, signed; 0 of cash and splits."""

    adjustment_id: str
    adjustment_kind: AdjustmentKind
    quantity: Decimal
    price: Price | None
    ratio: Decimal | None
    amount: Decimal | None
    currency: str | None
    occurred_at: datetime


MovementRef = FillRef | AdjustmentRef


@attrs.frozen(kw_only=True)
class LotMatch(Answer):
    """Units that entered with one fill and left with another, or with an adjustment.

    `realized_pnl` is `exit_value` - `entry_value`, the other way round for a short (and for a long inverse contract).
    A transfer takes units along at their cost and realizes nothing.
    """

    entry: MovementRef
    exit: MovementRef
    quantity: Decimal
    entry_value: Decimal
    exit_value: Decimal
    realized_pnl: Decimal


@attrs.frozen(kw_only=True)
class OpenLot(Answer):
    """What is still open of one fill or adjustment: units, and the value at which they entered."""

    entry: MovementRef
    quantity: Decimal
    cost: Decimal


@attrs.frozen(kw_only=True)
class PnlCycle(Answer):
    """From flat to flat, or to a flip; `closed_at` is None of the one that is open. The sum of its matches."""

    opened_at: datetime
    closed_at: datetime | None
    realized_pnl: Decimal
    matches: tuple[LotMatch, ...]


@attrs.frozen(kw_only=True)
class FeesPaid(Answer):
    """The fees of one fill."""

    fill: FillRef
    fees: tuple[Fee, ...]


@attrs.frozen(kw_only=True)
class PnlPart(Answer):
    """One position, or one leg of a trade: `realized_pnl` = the sum of its cycles + `difference_to_average`.

    Of a position whose history was archived up to its `opening`, what that had realized comes on top, as do its fees.

    The difference is 0 of a position. `Trade.realized_pnl` is an average over everything that entered, which an open
    trade does not share with any lot: the difference says by how much, and is 0 once the trade is flat. `quantity`
    (signed) and `cost` are the sums of the open lots, `fees` and `cash_flows` those of `fees_paid` and `adjustments`.
    """

    symbol: str
    venue: str | None
    account: str | None
    position_side: PositionSide | None
    currency: str | None
    realized_pnl: Decimal
    difference_to_average: Decimal
    cycles: tuple[PnlCycle, ...]
    quantity: Decimal
    cost: Decimal
    open_lots: tuple[OpenLot, ...]
    fees: tuple[Fee, ...]
    fees_paid: tuple[FeesPaid, ...]
    cash_flows: tuple[CashFlow, ...]
    adjustments: tuple[AdjustmentRef, ...]
    opening: Opening | None = None

    @property
    def matches(self) -> tuple[LotMatch, ...]:
        """The matches of all cycles, in the order in which they were closed."""
        return tuple(match for cycle in self.cycles for match in cycle.matches)


@attrs.frozen(kw_only=True)
class PnlExplanation(Answer):
    """Where a realized figure comes from: the sum of its parts, the positions of a symbol or the legs of a trade.

    `realized_pnl` is gross of fees; it and `currency` are None where the parts are in several currencies.
    """

    trade_id: str | None
    symbol: str | None
    cost_method: CostMethod
    currency: str | None
    realized_pnl: Decimal | None
    parts: tuple[PnlPart, ...]
    fees: tuple[Fee, ...]
    cash_flows: tuple[CashFlow, ...]

    @property
    def cycles(self) -> tuple[PnlCycle, ...]:
        """The cycles of all parts."""
        return tuple(cycle for part in self.parts for cycle in part.cycles)

    @property
    def matches(self) -> tuple[LotMatch, ...]:
        """The matches of all parts."""
        return tuple(match for part in self.parts for match in part.matches)

    @property
    def open_lots(self) -> tuple[OpenLot, ...]:
        """The open lots of all parts."""
        return tuple(lot for part in self.parts for lot in part.open_lots)

    @property
    def adjustments(self) -> tuple[AdjustmentRef, ...]:
        """The adjustments of all parts; a split of several positions is among those of each."""
        return tuple(adjustment for part in self.parts for adjustment in part.adjustments)

    @property
    def difference_to_average(self) -> Decimal | None:
        """The balancing nodes of all parts, added; None where they are in several currencies."""
        return None if self.realized_pnl is None else total(part.difference_to_average for part in self.parts)


@attrs.frozen
class History:
    """A position, and all that moved it since its opening, in economic order; adjustments are never archived."""

    position: Position
    movements: tuple[Movement, ...]
    adjustments_before: tuple[Adjustment, ...] = ()

    @property
    def transfers(self) -> list[tuple[datetime, int, int]]:
        """Where the transfers stand that there were before the opening."""
        kind = AdjustmentKind.TRANSFER
        return [known.economic_order for known in self.adjustments_before if known.adjustment_kind is kind]


def explain_positions(symbol: str, histories: Iterable[History], cost_method: CostMethod) -> PnlExplanation:
    """Explain the realized PnL of positions of a symbol."""
    parts = tuple(_position(history, cost_method) for history in histories)
    return _explanation(None, symbol, cost_method, parts)


def explain_trade(trade: Trade, fills: Sequence[Fill], cost_method: CostMethod) -> PnlExplanation:
    """Explain the realized PnL of a trade by the fills, or parts of fills, that are its own, in economic order."""
    parts = tuple(
        _leg(leg, [fill for fill in fills if (fill.symbol, fill.venue) == (leg.symbol, leg.venue)], cost_method)
        for leg in trade.legs
    )
    return _explanation(trade.trade_id, trade.symbol, cost_method, parts)


class _Cycles:
    """The cycles so far, while movements go by."""

    def __init__(self) -> None:
        self._ended: list[PnlCycle] = []
        self._opened_at: datetime | None = None
        self._matches: list[LotMatch] = []

    def add(self, at: datetime, before: Decimal, after: Decimal, matches: Iterable[Match]) -> None:
        """Note what a movement closed, which took the held quantity from `before` to `after`."""
        self._matches.extend(
            LotMatch(
                entry=_ref(match.entry),
                exit=_ref(match.exit),
                quantity=match.quantity,
                entry_value=match.entry_value,
                exit_value=match.exit_value,
                realized_pnl=match.realized_pnl,
            )
            for match in matches
        )
        opens = opens_cycle(before, after)
        if before and (opens or not after):
            self._end(at)
        if opens:
            self._opened_at = at

    def all(self) -> tuple[PnlCycle, ...]:
        """Return every cycle, the open one last."""
        if self._opened_at is not None:
            self._end(None)
        return tuple(self._ended)

    def _end(self, closed_at: datetime | None) -> None:
        assert self._opened_at is not None, "what is held was opened"
        realized_pnl = plain(total(match.realized_pnl for match in self._matches))
        self._ended.append(
            PnlCycle(
                opened_at=self._opened_at, closed_at=closed_at, realized_pnl=realized_pnl, matches=tuple(self._matches)
            )
        )
        self._opened_at, self._matches = None, []


def _position(history: History, cost_method: CostMethod) -> PnlPart:
    position, movements = history.position, history.movements
    terms = position.instrument
    book, cycles = LotBook(cost_method, inverse=terms.inverse), _Cycles()
    cash_flows: tuple[CashFlow, ...] = ()
    adjustments = []
    for adjustment in history.adjustments_before:
        cash_flows = merge_cash_flows(cash_flows, adjustment)
        adjustments.append(_adjustment_ref(adjustment))
    for movement in movements:
        before = book.quantity
        matches = book.fold(movement, terms)
        cycles.add(movement.economic_order[0], before, book.quantity, matches)
        if isinstance(movement, Adjustment):
            cash_flows = merge_cash_flows(cash_flows, movement)
            adjustments.append(_adjustment_ref(movement))
    return _part(
        book,
        cycles.all(),
        [movement for movement in movements if isinstance(movement, Fill)],
        symbol=position.symbol,
        venue=position.venue,
        account=position.account,
        position_side=position.position_side,
        currency=position.money_currency,
        cash_flows=cash_flows,
        adjustments=tuple(adjustments),
        opening=position.opening,
    )


def _leg(leg: TradeLeg, fills: Sequence[Fill], cost_method: CostMethod) -> PnlPart:
    terms = leg.instrument
    book, cycles = LotBook(cost_method, inverse=terms.inverse), _Cycles()
    for fill in fills:
        before = book.quantity
        moved = magnitude(fill.signed_quantity)
        quantity = split_quantity(moved, fill.economic_order, leg.splits)
        unit_value = unit_value_of(terms, fill.price) if quantity == moved else None
        signed = quantity if fill.side.is_buy else negated(quantity)
        moves = fill_moves(fill, signed, terms.value(moved, fill.price), unit_value, before)
        matches = [match for move in moves for match in book.take(move)]
        cycles.add(fill.executed_at, before, book.quantity, matches)
    return _part(
        book,
        cycles.all(),
        fills,
        realized_pnl=leg.realized_pnl,
        symbol=leg.symbol,
        venue=leg.venue,
        currency=terms.money_currency,
    )


def _part(
    book: LotBook,
    cycles: tuple[PnlCycle, ...],
    fills: Sequence[Fill],
    *,
    symbol: str,
    venue: str | None,
    currency: str | None,
    account: str | None = None,
    position_side: PositionSide | None = None,
    realized_pnl: Decimal | None = None,
    cash_flows: tuple[CashFlow, ...] = (),
    adjustments: tuple[AdjustmentRef, ...] = (),
    opening: Opening | None = None,
) -> PnlPart:
    before = ZERO if opening is None else opening.realized_pnl
    of_lots = plain(plus(before, total(cycle.realized_pnl for cycle in cycles)))
    realized_pnl = of_lots if realized_pnl is None else realized_pnl
    return PnlPart(
        symbol=symbol,
        venue=venue,
        account=account,
        position_side=position_side,
        currency=currency,
        realized_pnl=realized_pnl,
        difference_to_average=plain(minus(realized_pnl, of_lots)),
        cycles=cycles,
        quantity=plain(book.quantity),
        cost=plain(book.cost),
        open_lots=tuple(
            OpenLot(entry=_ref(lot.entry), quantity=plain(lot.quantity), cost=plain(lot.cost)) for lot in book.lots
        ),
        fees=merge_fees(() if opening is None else opening.fees, (fee for fill in fills for fee in fill.fees)),
        fees_paid=tuple(FeesPaid(fill=_fill_ref(fill), fees=fill.fees) for fill in fills if fill.fees),
        cash_flows=cash_flows,
        adjustments=adjustments,
        opening=opening,
    )


def _explanation(
    trade_id: str | None, symbol: str | None, cost_method: CostMethod, parts: tuple[PnlPart, ...]
) -> PnlExplanation:
    currencies = {part.currency for part in parts}
    one_currency = len(currencies) <= 1
    return PnlExplanation(
        trade_id=trade_id,
        symbol=symbol,
        cost_method=cost_method,
        currency=currencies.pop() if len(currencies) == 1 else None,
        realized_pnl=plain(total(part.realized_pnl for part in parts)) if one_currency else None,
        parts=parts,
        fees=merge_fees((), (fee for part in parts for fee in part.fees)),
        cash_flows=_summed(flow for part in parts for flow in part.cash_flows),
    )


def _summed(flows: Iterable[CashFlow]) -> tuple[CashFlow, ...]:
    amounts: dict[tuple[AdjustmentKind, str], list[Decimal]] = {}
    for flow in flows:
        amounts.setdefault((flow.adjustment_kind, flow.currency), []).append(flow.amount)
    return tuple(CashFlow(kind, currency, plain(total(amounts[kind, currency]))) for kind, currency in sorted(amounts))


def _ref(movement: Movement) -> MovementRef:
    return _fill_ref(movement) if isinstance(movement, Fill) else _adjustment_ref(movement)


def _fill_ref(fill: Fill) -> FillRef:
    return FillRef(
        order_id=fill.order_id,
        fill_id=fill.fill_id,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        executed_at=fill.executed_at,
    )


def _adjustment_ref(adjustment: Adjustment) -> AdjustmentRef:
    return AdjustmentRef(
        adjustment_id=adjustment.adjustment_id,
        adjustment_kind=adjustment.adjustment_kind,
        quantity=adjustment.signed_quantity,
        price=adjustment.price,
        ratio=adjustment.ratio,
        amount=adjustment.amount,
        currency=adjustment.currency,
        occurred_at=adjustment.occurred_at,
    )
