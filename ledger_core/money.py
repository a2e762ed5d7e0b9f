"""The questions about money: where a figure comes from, what is left of it after fees, how a trade went.

Each walks the whole history of what it is asked about. What it reads is all of one moment: where another process
writes in between, it reads again.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from ledger_core import checks as check
from ledger_core.checkpoints import base_of
from ledger_core.current import CurrentRecords
from ledger_core.decide.draft import EconomicOrder, Overlay
from ledger_core.decide.holdings import flat_before, instrument_of, movements_after
from ledger_core.decide.shares import fills_of_trade
from ledger_core.errors import Archived, InvalidValue, StorageBusy, StorageCorrupt
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    CostMethod,
    Fill,
    Instrument,
    Opening,
    Position,
    PositionSide,
    RecordKind,
    Trade,
    TradeLeg,
)
from ledger_core.netting import NetPnl, RealizedPnl, check_rates, net_of, pnl_currency
from ledger_core.numbers import quotient
from ledger_core.positions import Movement
from ledger_core.repository import PAGE_SIZE_MAX, LedgerRepository

if TYPE_CHECKING:  # imported by those who ask for it
    from ledger_core.explaining import History, PnlExplanation
    from ledger_core.trade_statistics import Mark, TradeStatistics

READS_MAX = 16
"""How often an answer is read again because another process wrote in between, before it is given up."""

AnswerT = TypeVar("AnswerT")


@attrs.frozen
class _Subject:
    """What a question is about: a trade, or the positions of a symbol; None for a part of the key means all."""

    trade_id: str | None
    symbol: str | None
    venue: str | None
    account: str | None
    position_side: PositionSide | None

    def positions(self, records: CurrentRecords) -> list[Position]:
        """Return the positions, flat ones included, in the order of their keys."""
        assert self.symbol is not None, "a question about a symbol"
        wanted = (self.venue, self.account, self.position_side)
        found = []
        for record in records.concerned(RecordKind.POSITION, self.symbol):
            position = cast(Position, record)
            parts = (position.venue, position.account, position.position_side)
            if all(one is None or one == part for one, part in zip(wanted, parts, strict=True)):
                found.append(position)
        return sorted(found, key=lambda position: position.key)

    def histories(self, records: CurrentRecords) -> "list[History]":
        """Return the positions, each with all that moved it since its opening."""
        return [_history(records, position) for position in self.positions(records)]

    def trade(self, records: CurrentRecords) -> tuple[Trade, list[Fill]]:
        """Return the trade and the fills, and parts of fills, that are its own. Raises UnknownTrade."""
        assert self.trade_id is not None, "a question about a trade"
        overlay = Overlay(records)
        trade = overlay.trade(self.trade_id)
        return trade, fills_of_trade(overlay, trade.trade_id, trade.order_ids, trade.shares)


class MoneyAnswers:
    """What can be asked about money. The host brings its repository and its records at the journal's head."""

    _repository: LedgerRepository

    def _at_head(self) -> AbstractContextManager[CurrentRecords]:
        raise NotImplementedError

    def explain_pnl(
        self,
        trade_id: str | None = None,
        symbol: str | None = None,
        *,
        venue: str | None = None,
        account: str | None = None,
        position_side: PositionSide | str | None = None,
        cost_method: str = "average",
    ) -> "PnlExplanation":
        """Return where a realized figure comes from, down to which fill closed which; see PnlExplanation.

        Give a trade, or a symbol; parts of its key that are left out mean all, and each position is a part of the
        tree. `cost_method` is "average", "fifo" or "lifo": the figure of a position is the one by that method, the
        figure of a trade is `Trade.realized_pnl`, and what lots differ from it while it is open is said. Raises
        UnknownTrade; of an unknown symbol there is nothing to explain.
        """
        from ledger_core.explaining import explain_positions, explain_trade

        method = check_cost_method(cost_method)
        subject = _checked(trade_id, symbol, venue, account, position_side)
        if subject.trade_id is not None:
            return explain_trade(*self._consistently(subject.trade), method)
        assert subject.symbol is not None, "one of the two is given"
        histories = self._consistently(subject.histories)
        for history in histories:
            _refuse_archived_lots(history.position, history.transfers, method)
        return explain_positions(subject.symbol, histories, method)

    def get_net_pnl(
        self,
        trade_id: str | None = None,
        symbol: str | None = None,
        *,
        currency: str,
        rates: Any = None,
        venue: str | None = None,
        account: str | None = None,
        position_side: PositionSide | str | None = None,
    ) -> NetPnl:
        """Return the realized PnL in a currency, net of fees and cash flows; see NetPnl.

        Give a trade, or a symbol with such parts of its key as matter. `rates` maps pairs of currencies:
        {("BNB", "USDT"): "310.5"} means that 1 BNB is 310.5 USDT; a pair serves both ways, pairs are not chained.
        What has no rate is listed, never zero. Funding, interest and dividends belong to positions: a trade has fees
        alone. Raises UnknownTrade.
        """
        wanted = check.check_id(currency, "currency")
        known_rates = check_rates(rates)
        subject = _checked(trade_id, symbol, venue, account, position_side)

        def read(
            records: CurrentRecords,
        ) -> tuple[list[RealizedPnl], list[tuple[Movement, Instrument]], list[tuple[Opening, Instrument]]]:
            realized: list[RealizedPnl] = []
            moved: list[tuple[Movement, Instrument]] = []
            openings: list[tuple[Opening, Instrument]] = []
            if subject.trade_id is not None:
                trade, fills = subject.trade(records)
                for leg in trade.legs:
                    terms = instrument_of(records, leg.venue, leg.symbol)
                    realized.append(RealizedPnl(pnl_currency(terms), leg.realized_pnl))
                    moved.extend((one, terms) for one in fills if (one.symbol, one.venue) == (leg.symbol, leg.venue))
                return realized, moved, openings
            for history in subject.histories(records):
                position = history.position
                terms = instrument_of(records, position.venue, position.symbol)
                realized.append(RealizedPnl(pnl_currency(terms), position.realized_pnl))
                moved.extend((one, terms) for one in (*history.adjustments_before, *history.movements))
                if position.opening is not None:
                    openings.append((position.opening, terms))
            return realized, moved, openings

        return net_of(wanted, known_rates, *self._consistently(read))

    def get_trade_statistics(self, trade_id: str, marks: "Iterable[Mark | Any]" = ()) -> "TradeStatistics":
        """Return the R-multiple, excursions and holding time of a trade; see TradeStatistics.

        `marks` say what the price was at some times: Mark values, {at, price, symbol}, or (at, price[, symbol]); the
        symbol may be left out of a trade that has only one. Raises UnknownTrade.
        """
        from ledger_core.trade_statistics import check_marks, statistics_of

        subject = _Subject(check.check_id(trade_id, "trade_id"), None, None, None, None)

        def read(records: CurrentRecords) -> tuple[Trade, list[Fill], Decimal | None]:
            trade, fills = subject.trade(records)
            return trade, fills, self._initial_stop(trade)

        trade, fills, stop_price = self._consistently(read)
        return statistics_of(trade, fills, check_marks(marks, trade), stop_price)

    def _positions_by(
        self,
        cost_method: CostMethod,
        symbol: str,
        venue: str | None,
        account: str | None,
        position_side: PositionSide | None,
    ) -> list[Position]:
        """Return the positions of a symbol by a cost method, flat ones included; None means all."""
        subject = _Subject(None, symbol, venue, account, position_side)
        return self._consistently(
            lambda records: [position_by_method(records, one, cost_method) for one in subject.positions(records)]
        )

    def _initial_stop(self, trade: Trade) -> Decimal | None:
        """Return the initial stop in present units: every split since it was stated divides it."""
        stop_price, leg = trade.initial_stop_price, trade.leg
        if stop_price is None or leg is None or not leg.splits:
            return stop_price
        stated = self._stated_at(trade, leg)
        for split in leg.splits:
            if split.sequence > stated:
                stop_price = quotient(stop_price, split.ratio)
        return stop_price

    def _stated_at(self, trade: Trade, leg: TradeLeg) -> int:
        """Return the sequence of the entry that stated the initial stop of a trade, or of one as good as that."""
        after = 0
        while page := self._repository.read(after, PAGE_SIZE_MAX, trade.trade_id):
            for entry in page:
                for change in entry.changes:
                    named = (change.kind, change.key) == (trade.kind, trade.key)
                    if named and "initial_stop_price" in change.values:
                        return entry.sequence
            after = page[-1].sequence
        base = base_of(self._repository)
        if base is None:
            raise StorageCorrupt(f"no entry states the initial stop of trade {trade.trade_id!r}: verify the ledger")
        if any(split.sequence <= base.cut_sequence for split in leg.splits):
            raise Archived(
                f"whether the initial stop of trade {trade.trade_id!r} was stated before its split or after is told in"
                f" archive {base.archive_id!r}: make one ledger of ledger and archives",
                archive_id=base.archive_id,
            )
        return base.cut_sequence

    def _consistently(self, read: Callable[[CurrentRecords], AnswerT]) -> AnswerT:
        """Read until nothing was written in between; pages of another process's writes would not fit together."""
        for _ in range(READS_MAX):
            with self._at_head() as records:
                found = read(records)
                if self._repository.head() == records.head:
                    return found
        raise StorageBusy(f"other writers stayed ahead of {READS_MAX} attempts to read one moment", attempts=READS_MAX)


def position_by_method(records: CurrentRecords, position: Position, cost_method: CostMethod) -> Position:
    """Return a position by a cost method, its lots folded from the last flat point at which all methods agree.

    They agree wherever it was flat, until a transfer takes units along: which of them, and so at what cost, is the
    method's to say. So lots start before the first transfer, if there was one.
    """
    last = position.last_economic_order
    if cost_method is CostMethod.AVERAGE or last is None:
        return position
    transfers = [
        known.economic_order
        for known in records.adjustments_of(position.symbol, kind=AdjustmentKind.TRANSFER)
        if known.concerns(position.key)
    ]
    if position.is_flat and not transfers:
        return position
    _refuse_archived_lots(position, transfers, cost_method)
    from ledger_core.lots import position_by

    start = flat_before(records, position, min(transfers, default=last))
    return position_by(cost_method, position, movements_after(records, position.key, start), start=start)


def _history(records: CurrentRecords, position: Position) -> "History":
    from ledger_core.explaining import History

    opening = position.opening
    before: list[Adjustment] = []
    if opening is not None:
        concerned = (known for known in records.adjustments_of(position.symbol) if known.concerns(position.key))
        before = sorted(
            (known for known in concerned if known.economic_order <= opening.economic_order),
            key=lambda known: known.economic_order,
        )
    return History(position, tuple(movements_after(records, position.key, opening)), tuple(before))


def _refuse_archived_lots(position: Position, transfers: Iterable[EconomicOrder], cost_method: CostMethod) -> None:
    """Raise Archived where a transfer took units along before the opening: at what cost, only archived fills say."""
    opening = position.opening
    if cost_method is CostMethod.AVERAGE or opening is None:
        return
    if any(transfer <= opening.economic_order for transfer in transfers):
        raise Archived(
            f"a transfer moved position {'/'.join(position.key)!r} before its opening: its figures by {cost_method}"
            f" need the fills of archive {opening.archive_id!r} and before",
            archive_id=opening.archive_id,
            kind=position.kind,
            key=position.key,
        )


def check_cost_method(value: object, argument: str = "cost_method") -> CostMethod:
    """Return a cost method, given as member or as its word: average, fifo or lifo."""
    return CostMethod(check.check_choice(value, argument, [method.value for method in CostMethod]))


def _checked(trade_id: object, symbol: object, venue: object, account: object, position_side: object) -> _Subject:
    if (trade_id is None) == (symbol is None):
        raise InvalidValue(
            f"give trade_id or symbol, not {'neither' if symbol is None else 'both'}",
            argument="trade_id",
            value=trade_id,
        )
    parts = {"venue": venue, "account": account, "position_side": position_side}
    for name, value in parts.items():
        if trade_id is not None and value is not None:
            raise InvalidValue(f"{name} goes with symbol: a trade has its own orders", argument=name, value=value)
    return _Subject(
        trade_id=check.check_optional_id(trade_id, "trade_id"),
        symbol=check.check_optional_id(symbol, "symbol"),
        venue=check.check_optional_id(venue, "venue"),
        account=check.check_optional_id(account, "account"),
        position_side=None if position_side is None else check.check_enum(PositionSide, position_side, "position_side"),
    )
