"""Compare what the ledger file says with what the stream's own rows say; nothing expected is written down here.

The ledger's side is read back from the file. Sums and products are exact; the stream's figures were computed in
floating point, so they agree within 1e-9 or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise

import attrs

from ledger_cli.demo.handler import CLOSE_OUT
from ledger_cli.demo.stream import Day, RecordedStatus, RecordedStream
from ledger_core import Fill, Order, Position, StrategyLedger, Trade, TradeState
from ledger_core.numbers import ZERO, magnitude, minus, plus, times, total

TOLERANCE = Decimal("1e-9")


@attrs.frozen
class Check:
    """One figure, as the ledger and as the stream have it."""

    what: str
    ledger: Decimal
    stream: Decimal

    @property
    def difference(self) -> Decimal:
        """How far apart they are."""
        return magnitude(minus(self.ledger, self.stream))

    @property
    def agrees(self) -> bool:
        """Whether they are the same within TOLERANCE."""
        return self.difference <= TOLERANCE


@attrs.frozen(kw_only=True)
class Books:
    """What the file holds, read back."""

    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    positions: Mapping[str, Position]

    @classmethod
    def read(cls, ledger: StrategyLedger) -> "Books":
        """Read everything that the checks need; positions of symbols that are flat now are included."""
        fills = tuple(ledger.find_fills(limit=None))
        return cls(
            orders=tuple(ledger.find_orders(limit=None)),
            fills=fills,
            trades=tuple(ledger.find_trades(limit=None)),
            positions={symbol: ledger.get_position(symbol) for symbol in sorted({fill.symbol for fill in fills})},
        )


@attrs.frozen(kw_only=True)
class SymbolPnl:
    """What became of a symbol: realized, unrealized at the last price, and the fees paid."""

    symbol: str
    quantity: Decimal
    last_price: Decimal | None
    realized: Decimal
    unrealized: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """What is left of it after fees."""
        return minus(plus(self.realized, self.unrealized), self.fees)


def pnl_by_symbol(books: Books, last: Day) -> list[SymbolPnl]:
    """Return the PnL of every symbol that was traded, from the ledger's positions."""
    return [_pnl_of(position, last) for position in books.positions.values()]


def checks(books: Books, stream: RecordedStream) -> list[Check]:
    """Return every figure that the ledger and the stream both have."""
    return [
        *_order_checks(books, stream),
        *_execution_checks(books, stream),
        *_holding_checks(books, stream),
        *_pnl_checks(books, stream),
    ]


def _order_checks(books: Books, stream: RecordedStream) -> Iterable[Check]:
    ours = [order for order in books.orders if order.details.origin != CLOSE_OUT]
    here = Counter(order.state.value for order in ours if not order.is_open)
    there = Counter(order.status for order in stream.final_orders())
    is_open = sum(order.is_open for order in ours)
    close_outs = sum(transaction.recorded_id is None for transaction in stream.transactions())
    yield Check("orders", Decimal(len(ours)), Decimal(there.total()))
    yield Check("orders filled", Decimal(here["FILLED"]), Decimal(there[RecordedStatus.FILLED]))
    yield Check("orders canceled", Decimal(here["CANCELED"]), Decimal(there[RecordedStatus.CANCELED]))
    yield Check("orders open", Decimal(is_open), Decimal(there[RecordedStatus.OPEN]))
    yield Check("close-outs by the venue", Decimal(len(books.orders) - len(ours)), Decimal(close_outs))


def _execution_checks(books: Books, stream: RecordedStream) -> Iterable[Check]:
    """Join what the venue split in two: what is of one order at one time is one transaction again."""
    transactions = stream.transactions()
    joined = {(fill.order_id, fill.executed_at) for fill in books.fills}
    commissions = total(order.commission for order in stream.final_orders())
    yield Check("transactions", Decimal(len(joined)), Decimal(len(transactions)))
    yield Check(
        "units traded",
        total(fill.quantity for fill in books.fills),
        total(magnitude(transaction.amount) for transaction in transactions),
    )
    yield Check(
        "value traded, net",
        total(times(fill.signed_quantity, fill.price) for fill in books.fills),
        total(times(transaction.amount, transaction.price) for transaction in transactions),
    )
    yield Check("commission", total(_fees_of(fill) for fill in books.fills), commissions)


def _holding_checks(books: Books, stream: RecordedStream) -> Iterable[Check]:
    closed = sum(trade.state is TradeState.CLOSED for trade in books.trades)
    yield Check("trades closed (flat again)", Decimal(closed), Decimal(_times_flat(stream)))
    holdings = stream.days[-1].holdings
    held = {symbol: position for symbol, position in books.positions.items() if not position.is_flat}
    yield Check("positions", Decimal(len(held)), Decimal(len(holdings)))
    fees = _fees_in_cost(books.fills)
    for symbol in sorted({*held, *holdings}):
        position, holding = books.positions.get(symbol), holdings.get(symbol)
        quantity = position.quantity if position else ZERO
        yield Check(f"{symbol} held", quantity, holding.amount if holding else ZERO)
        cost = _signed_cost(position) if position else ZERO
        basis = times(holding.cost_basis, holding.amount) if holding else ZERO
        yield Check(f"{symbol} cost with commission", plus(cost, fees.get(symbol, ZERO)), basis)


def _pnl_checks(books: Books, stream: RecordedStream) -> Iterable[Check]:
    """Compare the PnL of each day, from the fills' cash, and the sum of it once more, from the positions."""
    worst = Check("PnL of each day (the worst)", ZERO, ZERO)
    worth_before = ZERO
    cash = ZERO
    held: dict[str, Decimal] = {}
    fills = sorted(books.fills, key=lambda fill: fill.economic_order)
    for day in stream.days:
        while fills and fills[0].executed_at <= day.at:
            fill = fills.pop(0)
            held[fill.symbol] = plus(held.get(fill.symbol, ZERO), fill.signed_quantity)
            cash = minus(minus(cash, times(fill.signed_quantity, fill.price)), _fees_of(fill))
        # A symbol that is held here and not there has no price: it counts nothing, and the day does not agree.
        prices = {symbol: holding.last_price for symbol, holding in day.holdings.items()}
        worth = plus(cash, total(times(held[symbol], prices.get(symbol, ZERO)) for symbol in held))
        check = Check(worst.what, minus(worth, worth_before), day.pnl)
        worst = max(worst, check, key=lambda one: one.difference)
        worth_before = worth
    yield worst
    net = total(one.net for one in pnl_by_symbol(books, stream.days[-1]))
    yield Check("sum of PnL", net, total(day.pnl for day in stream.days))


def _pnl_of(position: Position, last: Day) -> SymbolPnl:
    holding = last.holdings.get(position.symbol)
    worth = times(position.quantity, holding.last_price) if holding else ZERO
    return SymbolPnl(
        symbol=position.symbol,
        quantity=position.quantity,
        last_price=holding.last_price if holding else None,
        realized=position.realized_pnl,
        unrealized=minus(worth, _signed_cost(position)),
        fees=total(fee.amount for fee in position.fees),
    )


def _signed_cost(position: Position) -> Decimal:
    """Return what the open part was bought for; of a short, less than nothing."""
    return position.cost if position.quantity >= 0 else -position.cost


def _fees_of(fill: Fill) -> Decimal:
    return total(fee.amount for fee in fill.fees)


def _fees_in_cost(fills: Iterable[Fill]) -> dict[str, Decimal]:
    """Return what the engine's cost basis holds of commissions, by symbol.

    Its convention, not the ledger's, which keeps fees apart from cost: a commission raises the cost of what is held
    after it, and leaves with it, share by share. It is charged once a transaction, so after its last execution.
    """
    carried: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    by_transaction: dict[tuple[str, object], list[Fill]] = {}
    for fill in sorted(fills, key=lambda fill: fill.economic_order):
        by_transaction.setdefault((fill.order_id, fill.executed_at), []).append(fill)
    for executions in by_transaction.values():
        symbol = executions[0].symbol
        before = held.get(symbol, ZERO)
        after = plus(before, total(fill.signed_quantity for fill in executions))
        held[symbol] = after
        fee = total(_fees_of(fill) for fill in executions)
        if not after:
            carried[symbol] = ZERO
        elif before * after <= 0:  # opened, or gone through zero: what is held now is new
            carried[symbol] = fee
        elif abs(after) < abs(before):
            carried[symbol] = carried.get(symbol, ZERO) * after / before + fee
        else:
            carried[symbol] = carried.get(symbol, ZERO) + fee
    return carried


def _times_flat(stream: RecordedStream) -> int:
    """Count how often a symbol that was held at a close was not held at the next one."""
    closes = [set(day.holdings) for day in stream.days]
    return sum(len(before - after) for before, after in pairwise(closes))
