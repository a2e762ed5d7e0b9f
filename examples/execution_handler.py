"""The platform's side of a StrategyLedger: an ExecutionHandler, its exchange, and a restart in between.

    python examples/execution_handler.py [LEDGER_FILE]

The ledger is the handler's one dependency for what must not be forgotten. Four rules make it safe to kill the
process at any line:

    1. Intent is recorded before the exchange is called.
    2. What the exchange reports is booked as it comes; a report that comes twice changes nothing.
    3. A call without an answer leaves the order IN_DOUBT: not rejected, not assumed to be working.
    4. After a start, whatever is unresolved is asked of the exchange, and its answer is booked as a fact.

Nothing here is needed by the ledger; take what fits your platform. The story at the end runs in a second, on a
clock of its own, and prints the same lines each time.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from ledger_core import CommandRefused, Order, StrategyLedger, Trade, UnknownTrade, open_ledger

ANSWER_WITHIN_SECONDS = 2.0

# --- what a platform has anyway ---------------------------------------------------------------------------------


class ReportKind(StrEnum):
    """What an exchange can say of an order."""

    ACCEPTED = "ACCEPTED"
    EXECUTED = "EXECUTED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, kw_only=True)
class Report:
    """One message of the exchange about one order, by the client's id."""

    kind: ReportKind
    order_id: str
    venue_order_id: str
    execution_id: str = ""
    quantity: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)


class ExchangeConnector(Protocol):
    """What the handler needs of an exchange. Calls return when the exchange has the message; reports come later."""

    reports: "asyncio.Queue[Report]"

    async def submit(self, order_id: str, details: Mapping[str, Any]) -> None: ...

    async def cancel(self, order_id: str) -> None: ...

    async def ask(self, order_id: str) -> list[Report] | None:
        """Return everything that happened to an order, or None if the exchange never heard of it."""
        ...


class CausalityChain:
    """Why an order exists: the platform's own object. It stays here; the ledger knows nothing of it."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def link(self, order_id: str, reason: str) -> None:
        self.reasons[order_id] = reason


class EventBus:
    """The injected publisher: gets STRATEGY_LEDGER_UPDATED after each commit and passes it on, here to the screen."""

    def publish(self, name: str, payload: Mapping[str, Any]) -> None:
        subject = payload["order_id"] or payload["trade_id"]
        status = f"  {payload['status']}" if payload["status"] else ""
        print(f"    {name} #{payload['sequence']:<2} {payload['event_type']:<23} {subject}{status}")


class StrategyCache:
    """The injected cache: the ledger keeps the present context of each order and trade in it, under its id."""

    def __init__(self) -> None:
        self.contexts: dict[str, Mapping[str, Any]] = {}

    def store(self, key: str, context: Mapping[str, Any]) -> None:
        self.contexts[key] = context


# --- the part to copy -------------------------------------------------------------------------------------------


class ExecutionHandler:
    """Places orders and books what becomes of them. All it has to remember is in the ledger.

    A ledger call takes about a millisecond, most of it the disk's. Where that is too long for the event loop, put it
    into a thread (`await asyncio.to_thread(...)`): a ledger may be used from several.
    """

    def __init__(self, ledger: StrategyLedger, exchange: ExchangeConnector, chain: CausalityChain) -> None:
        self._ledger = ledger
        self._exchange = exchange
        self._chain = chain

    async def place(self, order_id: str, details: Mapping[str, Any], because: str) -> None:
        """Send an order. `order_id` is made here, not by the exchange, so that trying again is the same order."""
        self._ledger.record_order(order_id, details)  # on disk before the exchange can know of it
        self._chain.link(order_id, because)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                await self._exchange.submit(order_id, details)
        except TimeoutError:
            self._ledger.update_order_in_doubt(order_id, f"no answer within {ANSWER_WITHIN_SECONDS} s")

    async def cancel_group(self, execution_group_id: str) -> None:
        """Ask for the cancellation of every open order of a group, as an emergency stop does."""
        for order in self._ledger.find_orders(execution_group_id=execution_group_id, is_open=True, limit=None):
            # PENDING_CANCEL from here on; fills may still come. With an id of its own, asking twice is one request.
            self._ledger.request_order_cancel(order.order_id, f"{order.order_id}-cancel")
            await self._exchange.cancel(order.order_id)

    async def listen(self) -> None:
        """Book the exchange's reports as they come, until cancelled."""
        while True:
            report = await self._exchange.reports.get()
            self.book(report)
            self._exchange.reports.task_done()

    def book(self, report: Report) -> None:
        """Book one report. What cannot be booked is kept by the ledger, in quarantine, for a person to look at."""
        try:
            match report.kind:
                case ReportKind.ACCEPTED:
                    acceptance_data = {"venue_order_id": report.venue_order_id}
                    self._ledger.update_order_acceptance(report.order_id, acceptance_data)
                case ReportKind.EXECUTED:
                    self._book_execution(report)
                case ReportKind.CANCELED:
                    self._ledger.update_order_cancellation(report.order_id)
        except CommandRefused as refused:
            print(f"    not booked: {refused} (quarantine: {refused.quarantine_id})")

    async def recover(self) -> None:
        """Find out what became of orders whose outcome is unknown: the first thing to do after a start.

        PLACED: the process died before it could note the exchange's answer. IN_DOUBT: there was none. Either way the
        exchange may have executed it, so the exchange is asked, and only its answer is booked.
        """
        for order in self._ledger.unresolved().orders:
            reports = await self._exchange.ask(order.order_id)
            if reports is None:
                self._ledger.update_order_rejection(order.order_id, "the exchange never received it")
                continue
            for report in reports:
                self.book(report)

    def _book_execution(self, report: Report) -> None:
        """Book a fill with what it means for its trade, in one durable write: no crash can part them."""
        with self._ledger.batch() as batch:
            order: Order = batch.update_order_fill(
                report.order_id,
                {
                    "fill_id": report.execution_id,
                    "quantity": report.quantity,
                    "price": report.price,
                    "fee": report.fee,
                    "fee_currency": "USD",
                    "venue_order_id": report.venue_order_id,
                },
            )
            trade_id = f"{order.details.trade_plan_id}-trade"
            if self._is_known(trade_id):
                # An order that is in its trade already changes nothing; the answer is the trade as it is now.
                trade: Trade = batch.update_trade(trade_id, {"order_ids": [order.order_id]})
            else:
                trade = batch.create_trade(trade_id, [order.order_id], {"tags": ["example"]})
            if trade.is_flat and not order.is_open:
                batch.close_trade(trade_id, {"order_ids": [order.order_id], "reason": "flat"})

    def _is_known(self, trade_id: str) -> bool:
        try:
            self._ledger.get_trade(trade_id)
        except UnknownTrade:
            return False
        return True


# --- an exchange to try it on -----------------------------------------------------------------------------------


class Killed(Exception):
    """The process dies here. (A real one would not get to raise anything.)"""


@dataclass
class FakeExchange:
    """Answers through a queue, as over a wire, and fails as it is told to."""

    market: dict[str, Decimal]
    loses_answer_to: set[str] = field(default_factory=set)
    dies_before: set[str] = field(default_factory=set)
    reports: "asyncio.Queue[Report]" = field(default_factory=asyncio.Queue)
    known: dict[str, list[Report]] = field(default_factory=dict)

    async def submit(self, order_id: str, details: Mapping[str, Any]) -> None:
        if order_id in self.dies_before:
            raise Killed(order_id)
        venue_order_id = f"X{len(self.known) + 1}"
        self.known[order_id] = [
            Report(kind=ReportKind.ACCEPTED, order_id=order_id, venue_order_id=venue_order_id),
        ]
        if order_id in self.loses_answer_to:
            self._execute(order_id, details["quantity"], details["symbol"])  # it trades, and nobody is told
            raise TimeoutError
        self.reports.put_nowait(self.known[order_id][0])

    async def cancel(self, order_id: str) -> None:
        venue_order_id = self.known[order_id][0].venue_order_id
        self._report(Report(kind=ReportKind.CANCELED, order_id=order_id, venue_order_id=venue_order_id))

    async def ask(self, order_id: str) -> list[Report] | None:
        return self.known.get(order_id)

    def trade(self, order_id: str, quantity: int, symbol: str) -> None:
        """Execute a part of an order and report it; the connection repeats the report, as connections do."""
        report = self._execute(order_id, quantity, symbol)
        self.reports.put_nowait(report)
        self.reports.put_nowait(report)

    def _execute(self, order_id: str, quantity: int, symbol: str) -> Report:
        history = self.known[order_id]
        report = Report(
            kind=ReportKind.EXECUTED,
            order_id=order_id,
            venue_order_id=history[0].venue_order_id,
            execution_id=f"{history[0].venue_order_id}-{len(history)}",
            quantity=Decimal(quantity),
            price=self.market[symbol],
            fee=Decimal("0.01") * quantity,
        )
        history.append(report)
        return report

    def _report(self, report: Report) -> None:
        self.known[report.order_id].append(report)
        self.reports.put_nowait(report)


# --- the story --------------------------------------------------------------------------------------------------


class SteppingClock:
    """A clock that makes every run the same; leave it out and the ledger takes the system's."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def order_details(side: str, quantity: int, symbol: str, plan: str) -> dict[str, Any]:
    """Return what the strategy decided, as the ledger takes it."""
    return {
        "symbol": symbol,
        "side": side,
        "quantity": quantity,
        "order_type": "MARKET",
        "time_in_force": "GTC",
        "venue": "XFAKE",
        "currency": "USD",
        "trade_plan_id": plan,
        "execution_group_id": f"{plan}-group",
    }


async def before_the_crash(handler: ExecutionHandler, exchange: FakeExchange) -> None:
    """Enter, cancel a rest, try to leave without an answer, and die while placing one more order."""
    print("\n  An entry: recorded, accepted, filled in two parts (each report comes twice, each is booked once)")
    await handler.place("entry", order_details("BUY", 100, "ACME", "plan-1"), because="signal 17")
    exchange.trade("entry", 40, "ACME")
    exchange.trade("entry", 60, "ACME")
    await exchange.reports.join()

    print("\n  A scale-in that fills in part; the rest is canceled")
    await handler.place("scale-in", order_details("BUY", 50, "ACME", "plan-1"), because="signal 18")
    exchange.trade("scale-in", 20, "ACME")
    await exchange.reports.join()
    await handler.cancel_group("plan-1-group")
    await exchange.reports.join()

    print("\n  An exit whose call times out: nobody knows whether it trades (it does)")
    exchange.market["ACME"] = Decimal("51.75")
    await handler.place("exit", order_details("SELL", 120, "ACME", "plan-1"), because="target reached")

    print("\n  One more order: recorded, and then the process is killed before the exchange is called")
    await handler.place("hedge", order_details("BUY", 10, "BETA", "plan-2"), because="signal 19")


async def session(path: Path, exchange: FakeExchange, clock: SteppingClock, *, is_restart: bool) -> None:
    """Run a process of the platform: open the ledger, recover, listen, trade."""
    cache, chain = StrategyCache(), CausalityChain()
    with open_ledger(path, strategy_id="example", publisher=EventBus(), cache=cache, clock=clock) as ledger:
        print(f"\n  The cache holds, as the ledger opens: {', '.join(cache.contexts) or 'nothing'}")
        handler = ExecutionHandler(ledger, exchange, chain)
        await handler.recover()
        if not is_restart:
            async with asyncio.TaskGroup() as tasks:
                listener = tasks.create_task(handler.listen())
                await before_the_crash(handler, exchange)
                listener.cancel()
        print_summary(ledger, cache)


def print_summary(ledger: StrategyLedger, cache: StrategyCache) -> None:
    """Print what a person would ask."""
    trade = ledger.get_trade("plan-1-trade")
    print(f"\n  Trade {trade.trade_id}: {trade.state}, {trade.order_ids}")
    print(f"    entered {trade.entry_quantity} at {trade.average_entry_price}", end="")
    print(f", left {trade.exit_quantity} at {trade.average_exit_price}")
    fee = trade.fees[0]
    print(f"    realized {trade.realized_pnl} {trade.currency} gross, fees {fee.amount} {fee.currency}")
    print(f"  Open positions: {[position.symbol for position in ledger.get_open_positions()]}")
    print(f"  Unresolved: {[order.order_id for order in ledger.unresolved().orders]}")
    print(f"  The cache says of exit: {cache.contexts['exit']['status']}")


def run(path: Path) -> None:
    """Tell the story in the file `path`: a session that is killed, and the one after it."""
    clock = SteppingClock()
    exchange = FakeExchange(market={"ACME": Decimal("50.25"), "BETA": Decimal("9.80")})
    exchange.loses_answer_to = {"exit"}
    exchange.dies_before = {"hedge"}

    print("The first process")
    try:
        asyncio.run(session(path, exchange, clock, is_restart=False))
    except* Killed:
        print("\nKilled. The ledger's file is all that is left; the exchange goes on without us.")

    print("\nThe second process: it asks the exchange about every order of unknown outcome")
    exchange.reports = asyncio.Queue()
    asyncio.run(session(path, exchange, clock, is_restart=True))


def main() -> None:
    """Use the file that was named, or one that is gone afterwards."""
    if len(sys.argv) > 1:
        run(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder, "ledger.db"))


if __name__ == "__main__":
    main()
