"""LedgerView: what `as_of` answers with, the questions of a ledger over the records of a moment."""

from collections.abc import Iterator
from datetime import datetime
from typing import cast

import attrs

from ledger_core import checks as check
from ledger_core.changes import Head
from ledger_core.errors import InvalidValue, UnknownFill, UnknownOrder, UnknownTrade
from ledger_core.exposure import combined, exposure_of
from ledger_core.lifecycle import OrderState, OrderStatus, TradeState
from ledger_core.model import (
    Adjustment,
    Exposure,
    Fill,
    Order,
    Position,
    PositionSide,
    QuarantinedFact,
    QuarantineState,
    Record,
    RecordKind,
    Trade,
)
from ledger_core.past import Past, past_of
from ledger_core.repository import LedgerRepository, matches


@attrs.frozen(kw_only=True)
class LedgerView:
    """Orders, fills, trades, positions and exposure as of a moment.

    `recorded` answers as the ledger believed then. `occurred` answers with what is known now of then: executions that
    had happened by then, with every bust and correction since; terms and states of orders and trades as the facts up to
    then set them. Both together: what the ledger knew at `recorded` of `occurred`. `head` is the last entry that
    counts. The journal is read from its start, so time and memory grow with the history up to the moment.
    """

    recorded: datetime | None
    occurred: datetime | None
    # The whole history: not shown, and compared by its head, whose digest is over all of it.
    _past: Past = attrs.field(repr=False, eq=lambda past: past.head)

    @property
    def head(self) -> Head:
        """The last entry of the journal that counts, with its digest."""
        return self._past.head

    def get_order(self, order_id: str) -> Order:
        """Return an order. Raises UnknownOrder."""
        checked = check.check_id(order_id, "order_id")
        found = self._past.records.get((RecordKind.ORDER, (checked,)))
        if not isinstance(found, Order):
            raise UnknownOrder(f"no order {checked!r} at that moment", order_id=checked)
        return found

    def get_trade(self, trade_id: str) -> Trade:
        """Return a trade. Raises UnknownTrade."""
        checked = check.check_id(trade_id, "trade_id")
        found = self._past.records.get((RecordKind.TRADE, (checked,)))
        if not isinstance(found, Trade):
            raise UnknownTrade(f"no trade {checked!r} at that moment", trade_id=checked)
        return found

    def get_fill(self, order_id: str, fill_id: str) -> Fill:
        """Return one execution of an order. Raises UnknownOrder, UnknownFill."""
        key = (self.get_order(order_id).order_id, check.check_id(fill_id, "fill_id"))
        found = self._past.records.get((RecordKind.FILL, key))
        if not isinstance(found, Fill):
            raise UnknownFill(
                f"order {key[0]!r} has no fill {key[1]!r} at that moment", order_id=key[0], fill_id=key[1]
            )
        return found

    def get_open_positions(self) -> list[Position]:
        """Return every position that is not flat, ordered by its key."""
        held = [position for position in self._positions() if not position.is_flat]
        return sorted(held, key=lambda position: position.key)

    def get_position(
        self,
        symbol: str,
        *,
        venue: str | None = None,
        account: str | None = None,
        position_side: PositionSide | str | None = None,
    ) -> Position:
        """Return the position of a symbol by average cost, also when flat; see `StrategyLedger.get_position`."""
        name = check.check_id(symbol, "symbol")
        side = None if position_side is None else check.check_enum(PositionSide, position_side, "position_side")
        venue, account = check.check_optional_id(venue, "venue"), check.check_optional_id(account, "account")
        where = {"symbol": name, "venue": venue, "account": account, "position_side": side}
        given = {part: value for part, value in where.items() if value is not None}
        found = sorted((one for one in self._positions() if matches(one, given)), key=lambda one: one.key)
        if not found:
            return Position(symbol=name, venue=venue, account=account, position_side=side or PositionSide.NET)
        return found[0] if len(found) == 1 else combined(found)

    def get_position_exposure(self, symbol: str, *, venue: str | None = None, account: str | None = None) -> Exposure:
        """Return what was held of a symbol and what open orders might still have added."""
        name = check.check_id(symbol, "symbol")
        venue, account = check.check_optional_id(venue, "venue"), check.check_optional_id(account, "account")
        where = {"symbol": name, "venue": venue, "account": account}
        given = {part: value for part, value in where.items() if value is not None}
        return exposure_of(
            name,
            [position for position in self._positions() if matches(position, given) and not position.is_flat],
            [one for one in self._orders() if matches(one, given) and (one.is_open or one.replaces_in_flight)],
            [fact for fact in self.quarantined() if fact.symbol == name],
        )

    def find_orders(
        self,
        *,
        symbol: str | None = None,
        state: OrderState | str | None = None,
        status: OrderStatus | str | None = None,
        is_open: bool | None = None,
    ) -> Iterator[Order]:
        """Iterate over the orders that match everything given, in the order of the journal."""
        where: dict[str, object] = {} if symbol is None else {"symbol": check.check_id(symbol, "symbol")}
        if state is not None:
            where["state"] = check.check_enum(OrderState, state, "state")
        if status is not None:
            where["status"] = check.check_enum(OrderStatus, status, "status")
        if is_open is not None:
            where["is_open"] = check.check_bool(is_open, "is_open")
        return (order for order in self._orders() if matches(order, where))

    def find_fills(self, *, order_id: str | None = None, symbol: str | None = None) -> Iterator[Fill]:
        """Iterate over the executions that match everything given, in the order of the journal."""
        named = {"order_id": order_id, "symbol": symbol}
        where = {name: check.check_id(value, name) for name, value in named.items() if value is not None}
        return (fill for fill in cast(list[Fill], self._past.of_kind(RecordKind.FILL)) if matches(fill, where))

    def find_trades(self, *, state: TradeState | str | None = None, symbol: str | None = None) -> Iterator[Trade]:
        """Iterate over the trades that match everything given, in the order of the journal."""
        where: dict[str, object] = {} if symbol is None else {"symbol": check.check_id(symbol, "symbol")}
        if state is not None:
            where["state"] = check.check_enum(TradeState, state, "state")
        return (trade for trade in cast(list[Trade], self._past.of_kind(RecordKind.TRADE)) if matches(trade, where))

    def find_adjustments(self, *, symbol: str | None = None) -> Iterator[Adjustment]:
        """Iterate over the adjustments of a symbol, or all, in the order of the journal."""
        where = {} if symbol is None else {"symbol": check.check_id(symbol, "symbol")}
        found = cast(list[Adjustment], self._past.of_kind(RecordKind.ADJUSTMENT))
        return (adjustment for adjustment in found if matches(adjustment, where))

    def quarantined(self) -> list[QuarantinedFact]:
        """Return the facts that waited in quarantine: then (`recorded`), or that still wait (`occurred` alone)."""
        found = cast(list[QuarantinedFact], self._past.of_kind(RecordKind.QUARANTINE))
        return [fact for fact in found if fact.state is QuarantineState.WAITING]

    def records(self, kind: RecordKind) -> list[Record]:
        """Return every record of a kind, in the order of the journal."""
        return self._past.of_kind(check.check_enum(RecordKind, kind, "kind"))

    def _positions(self) -> list[Position]:
        return cast(list[Position], self._past.of_kind(RecordKind.POSITION))

    def _orders(self) -> list[Order]:
        return cast(list[Order], self._past.of_kind(RecordKind.ORDER))


def view_as_of(repository: LedgerRepository, *, recorded: object = None, occurred: object = None) -> LedgerView:
    """Read the journal up to a moment and return the view of it; raise InvalidValue where no moment is given."""
    believed = check.check_optional_time(recorded, "recorded")
    happened = check.check_optional_time(occurred, "occurred")
    if believed is None and happened is None:
        raise InvalidValue("give recorded, occurred, or both", argument="recorded", value=None)
    past = past_of(repository, recorded=believed, occurred=happened)
    return LedgerView(recorded=believed, occurred=happened, past=past)
