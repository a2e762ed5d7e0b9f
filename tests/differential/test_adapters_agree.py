"""Both adapters driven side by side with the same random commands, legal and illegal: no difference is allowed.

What is compared after every step: the answer or the error, what was published, positions, exposure, what is
unresolved. At the end of each life: the journals byte by byte, every page of every kind, and the journal folded
from nothing against what is stored. STRATEGY_LEDGER_EXAMPLES sets how many lives are tried (40 unless set).
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger_core import LedgerError, StrategyLedger
from ledger_core.changes import GENESIS_DIGEST, Entry, chain
from ledger_core.evolve import evolve
from ledger_core.methods import Commands
from ledger_core.model import Fill, Key, Order, Position, Record, RecordKind
from ledger_core.numbers import total
from ledger_core.positions import fold
from ledger_core.repository import Query, all_pages
from support import START, RecordingPublisher, SteppingClock, Store, memory_store, sqlite_store

EXAMPLES = int(os.environ.get("STRATEGY_LEDGER_EXAMPLES", "40"))
SYMBOLS = ("X", "Y")
STRATEGIES = ("alpha", "beta")

Call = tuple[str, tuple[Any, ...], dict[str, Any]]
"""A command: the method, its arguments, its keywords."""

order_ids = st.sampled_from(["o1", "o2", "o3", "t1"])
trade_ids = st.sampled_from(["t1", "t2", "o1"])
request_ids = st.sampled_from([None, None, "r1", "r2"])
quantities = st.sampled_from(["1", "2.5", "3", "10", "0.0000004"])
prices = st.sampled_from(["100", "100.50", "-3", "0.00000812", "99.9"])
reasons = st.sampled_from([None, "no", "ORDER_ENDED"])
moments = st.integers(min_value=-20, max_value=20).map(lambda minutes: START + timedelta(minutes=minutes))
days = st.sampled_from([None, "2026-01-05", "2026-01-06"])
commons = st.fixed_dictionaries({}, optional={"command_id": st.sampled_from(["c1", "c2"]), "occurred_at": moments})

details = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(SYMBOLS),
        "side": st.sampled_from(["BUY", "SELL", "SELL_SHORT"]),
        "order_type": st.just("LIMIT"),
        "quantity": quantities,
    },
    optional={
        "limit_price": prices,
        "time_in_force": st.sampled_from(["DAY", "GTC", "IOC"]),
        "venue_order_id": st.sampled_from(["V1", "V2"]),
        "currency": st.sampled_from(["USD", "EUR"]),
        "account": st.sampled_from(["main"]),
        "position_side": st.sampled_from(["LONG", "SHORT"]),
        "metadata": st.just({"signal": [1, {"strength": 0.5}]}),
    },
)
cash_details = st.just(
    {"symbol": "X", "side": "BUY", "order_type": "MARKET", "cash_quantity": "50", "cash_currency": "USD"}
)
fill_data = st.fixed_dictionaries(
    {"fill_id": st.sampled_from(["f1", "f2", "f3", "f4"]), "quantity": quantities, "price": prices},
    optional={
        "symbol": st.sampled_from(SYMBOLS),
        "side": st.sampled_from(["BUY", "SELL"]),
        "fees": st.just([{"amount": "0.10", "currency": "USD"}, {"amount": "-0.001", "currency": "BNB"}]),
        "fee_in_base": st.booleans(),
        "executed_at": moments,
        "trade_date": days,
        "venue_order_id": st.sampled_from(["V1", "V2", "V3"]),
    },
)
changes = st.fixed_dictionaries(
    {}, optional={"quantity": quantities, "limit_price": prices, "venue_order_id": st.sampled_from(["V2", "V4"])}
)


def call(
    method: str, *arguments: st.SearchStrategy[Any], **keywords: st.SearchStrategy[Any]
) -> st.SearchStrategy[Call]:
    """Return calls of a method: arguments in place, keywords mixed with those that every command takes."""
    named = st.fixed_dictionaries(keywords)
    return st.builds(
        lambda given, own, common: (method, given, {**common, **own}), st.tuples(*arguments), named, commons
    )


calls: st.SearchStrategy[Call] = st.one_of(
    call("record_order", order_ids, details),
    call("record_order", order_ids, st.one_of(details, cash_details)),
    call("update_order_acceptance", order_ids, st.sampled_from([None, {"venue_order_id": "V1"}, {"quantity": "3"}])),
    call("update_order_fill", order_ids, fill_data),
    call("update_order_fill", st.one_of(order_ids, st.none()), fill_data),
    call("update_order_rejection", order_ids, reasons),
    call("update_order_cancellation", order_ids, reasons),
    call("update_order_expiry", order_ids, reasons),
    call("update_order_in_doubt", order_ids, reasons),
    call("update_order_trigger", order_ids),
    call("update_order_guarantee", order_ids),
    call("update_order_suspension", order_ids, reasons),
    call("update_order_resumption", order_ids),
    call("update_order_done_for_day", order_ids, days),
    call("update_order_restatement", order_ids, changes, reasons, days),
    call("update_order_replacement", order_ids, request_ids, changes),
    call("update_order_request_rejection", order_ids, reasons, request_ids),
    call("request_order_cancel", order_ids, request_ids),
    call("request_order_replace", order_ids, changes, request_ids),
    call("create_trade", trade_ids, st.lists(order_ids, max_size=2)),
    call("update_trade", trade_ids, st.sampled_from([{"tags": ["a"]}, {"stop_price": "9"}, {"order_ids": ["o2"]}, {}])),
    call("close_trade", trade_ids, st.sampled_from([None, {"order_ids": ["o2"]}, {"reason": "done"}])),
    call(
        "close_trade",
        trade_ids,
        st.fixed_dictionaries(
            {
                "residual": st.dictionaries(st.sampled_from(SYMBOLS), quantities, min_size=1),
                "residual_reason": st.just("DUST"),
            }
        ),
    ),
)


class Discard(Exception):
    """Leaves a batch's block, so that the batch is thrown away."""


class Side:
    """One adapter with its ledgers, publishers and clock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SteppingClock()
        self.published = {strategy: RecordingPublisher() for strategy in STRATEGIES}
        self.ledgers: dict[str, StrategyLedger] = {}
        self.others: dict[str, StrategyLedger] = {}
        self.open()

    def open(self) -> None:
        """Open each strategy twice: with a publisher, and as a second writer beside it."""
        for strategy in STRATEGIES:
            self.ledgers[strategy] = self.store.open(strategy, clock=self.clock, publisher=self.published[strategy])
            self.others[strategy] = self.store.open(strategy, clock=self.clock)

    def reopen(self) -> None:
        """Close everything and open it again."""
        for ledger in (*self.ledgers.values(), *self.others.values()):
            ledger.close()
        self.open()


def outcome(run: Callable[[], Any]) -> Any:
    """Return what a call came to, in a form that two adapters can be compared by."""
    try:
        return ("answer", run())
    except LedgerError as error:
        quarantine_id = getattr(error, "quarantine_id", None)
        return ("error", type(error), error.message, quarantine_id, sorted(error.context))


class Adapters(RuleBasedStateMachine):
    """Random lives of two strategies on two adapters."""

    @initialize()
    def start(self) -> None:
        """Begin on empty stores."""
        self.folder = Path(tempfile.mkdtemp(prefix="adapters-agree-"))
        self.sides = (Side(memory_store(self.folder)), Side(sqlite_store(self.folder)))

    def both(self, run: Callable[[Side], Any]) -> None:
        """Do the same on both sides and compare what came of it."""
        first, second = (outcome(lambda side=side: run(side)) for side in self.sides)  # type: ignore[misc]  # bound now
        assert first == second

    @rule(strategy=st.sampled_from(STRATEGIES), command=calls)
    def command(self, strategy: str, command: Call) -> None:
        """Give a command."""
        self.both(lambda side: give(side.ledgers[strategy], command))

    @rule(strategy=st.sampled_from(STRATEGIES), command=calls)
    def command_of_another_writer(self, strategy: str, command: Call) -> None:
        """Give a command through a second ledger on the same store: the first finds out by itself."""
        self.both(lambda side: give(side.others[strategy], command))

    @rule(strategy=st.sampled_from(STRATEGIES), commands=st.lists(calls, max_size=6), discards=st.booleans())
    def batch(self, strategy: str, commands: list[Call], discards: bool) -> None:
        """Give several commands in a batch, refusals caught inside; leave it by an exception or in peace."""

        def run(side: Side) -> list[Any]:
            told: list[Any] = []
            try:
                with side.ledgers[strategy].batch() as batch:
                    told.extend(outcome(lambda one=one: give(batch, one)) for one in commands)  # type: ignore[misc]  # bound now
                    if discards:
                        raise Discard
            except Discard:
                pass
            return told

        self.both(run)

    @rule()
    def reopen(self) -> None:
        """Close and open everything."""
        self.both(lambda side: side.reopen())

    @rule(strategy=st.sampled_from(STRATEGIES), back=st.integers(min_value=-3_600, max_value=3_600))
    def turn_the_clock(self, strategy: str, back: int) -> None:
        """Let the clock step, forward or back."""
        for side in self.sides:
            side.clock.turn(seconds=back)

    @rule(strategy=st.sampled_from(STRATEGIES))
    def publish_pending(self, strategy: str) -> None:
        """Deliver what other writers did."""
        self.both(lambda side: side.ledgers[strategy].publish_pending())

    @invariant()
    def answers_agree(self) -> None:
        """What is open, exposed, unresolved and published is the same."""
        if not hasattr(self, "sides"):
            return
        for strategy in STRATEGIES:
            self.both(lambda side, strategy=strategy: questions(side.ledgers[strategy]))  # type: ignore[misc]  # bound now
            first, second = (side.published[strategy].events for side in self.sides)
            assert first == second

    def teardown(self) -> None:
        """Compare journals and pages, fold the journal against the records, and check the invariants."""
        if not hasattr(self, "sides"):
            return
        try:
            for strategy in STRATEGIES:
                self.both(lambda side, strategy=strategy: pages(side.ledgers[strategy]))  # type: ignore[misc]  # bound now
                for side in self.sides:
                    side.ledgers[strategy].publish_pending()
                    check_life(side, strategy)
        finally:
            for side in self.sides:
                side.store.close()
            shutil.rmtree(self.folder)


def give(ledger: Commands, command: Call) -> Any:
    """Call the method that a command names."""
    method, arguments, keywords = command
    return getattr(ledger, method)(*arguments, **keywords)


def questions(ledger: StrategyLedger) -> Any:
    """Return what the ledger says of now."""
    return (
        ledger.head(),
        ledger.get_open_positions(),
        [ledger.get_position_exposure(symbol) for symbol in SYMBOLS],
        ledger.unresolved(),
        list(ledger.find_orders(is_open=True)),
    )


def pages(ledger: StrategyLedger) -> Any:
    """Return everything that can be paged through, in small pages."""
    found: list[Any] = [list(ledger.find_fills(limit=None)), list(ledger.find_trades(limit=None))]
    after: Order | None = None
    while page := list(ledger.find_orders(limit=2, after=after)):
        found.append(page)
        after = page[-1]
    ids = [order.order_id for order in ledger.find_orders(limit=None)]
    found.append([[entry.body for entry in ledger.get_history(order_id)] for order_id in ids])
    found.append([(entry.body, entry.digest, entry.changes) for entry in ledger.read_journal()])
    return found


def check_life(side: Side, strategy: str) -> None:
    """Fold the journal from nothing and compare it with what is stored; check what must hold of any life."""
    journal = list(side.ledgers[strategy].read_journal())
    digest, recorded_at = GENESIS_DIGEST, None
    for sequence, entry in enumerate(journal, 1):
        assert entry.sequence == sequence
        digest = chain(digest, entry.body)
        assert entry.digest == digest
        assert recorded_at is None or entry.recorded_at >= recorded_at
        recorded_at = entry.recorded_at
    folded = fold_journal(journal)
    repository = side.store.repository(strategy)
    stored: dict[tuple[RecordKind, Key], Record] = {}
    for kind in RecordKind:
        for record in all_pages(repository.find, Query(kind=kind)):
            stored[kind, record.key] = record
            assert repository.load(kind, record.key) == record
    assert stored == folded
    check_orders(stored)
    check_positions(stored)
    expected = [(entry.sequence, index) for entry in journal for index in range(events_in(entry))]
    assert side.published[strategy].places == expected


def fold_journal(journal: list[Entry]) -> Mapping[tuple[RecordKind, Key], Record]:
    """Replay every change; versions have no gaps."""
    folded: dict[tuple[RecordKind, Key], Record] = {}
    for entry in journal:
        for change in entry.changes:
            before = folded.get((change.kind, change.key))
            assert change.version == (1 if before is None else before.version + 1)
            folded[change.kind, change.key] = evolve(
                before, change, sequence=entry.sequence, recorded_at=entry.recorded_at
            )
    return folded


def check_orders(stored: Mapping[tuple[RecordKind, Key], Record]) -> None:
    """What an order says it executed is the sum of its fills."""
    for order in (record for record in stored.values() if isinstance(record, Order)):
        fills = [one for one in stored.values() if isinstance(one, Fill) and one.order_id == order.order_id]
        assert order.cum_quantity == total(one.quantity for one in fills)
        assert order.overfill_quantity == 0
        assert (order.ended_at is None) == order.is_open


def check_positions(stored: Mapping[tuple[RecordKind, Key], Record]) -> None:
    """A position is its fills folded in economic order, however they arrived."""
    for position in (record for record in stored.values() if isinstance(record, Position)):
        fills = [one for one in stored.values() if isinstance(one, Fill) and one.position_key == position.key]
        again = attrs.evolve(
            position, quantity=Decimal(0), cost=Decimal(0), realized_pnl=Decimal(0), cycle_realized_pnl=Decimal(0)
        )
        for one in sorted(fills, key=lambda one: one.economic_order):
            again = fold(again, one)
            assert one.flat_realized_pnl == (again.realized_pnl if again.is_flat else None)
        assert again == position


def events_in(entry: Entry) -> int:
    """Return how many events an entry publishes."""
    return sum(change.event_type is not None for change in entry.changes)


TestAdaptersAgree = Adapters.TestCase
TestAdaptersAgree.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
