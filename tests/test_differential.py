"""Memory and SQLite side by side: the same random commands, legal and illegal, give the same everything.

After each step the digests of both journals are equal, so their bodies are, byte by byte. At the end of each example
the journal is folded again and compared with what is stored, and both with sums that are computed here.

`STRATEGY_LEDGER_EXAMPLES` sets the number of examples for a campaign.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import attrs
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ledger_core import Fill, LedgerError, Order, Position, RecordKind, StrategyLedger, Trade
from ledger_core.archivable import Group
from ledger_core.changes import GENESIS_DIGEST, Head, chain
from ledger_core.checkpoints import base_of, checkpoint_of, records_at
from ledger_core.codec import canonical_json
from ledger_core.commands import Operation
from ledger_core.events import context_of, events_of
from ledger_core.evolve import attach, evolve
from ledger_core.model import Adjustment, CashFlow, OrderRequest, Record, split_quantity
from ledger_core.numbers import times, total
from ledger_core.positions import Movement, fold, merge_cash_flows, merge_fees
from ledger_core.repository import Query, all_pages, sort_key
from support import ADAPTERS, DictCache, RecordingPublisher, Store

EXAMPLES = int(os.environ.get("STRATEGY_LEDGER_EXAMPLES", "40"))
STEPS = 50
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

ORDERS = ("o1", "o2", "o3")
TRADES = ("t1", "t2")
SYMBOLS = ("ACME", "BTC-PERP")


# -- what is asked of a ledger ----------------------------------------------------------------------------------------


class Call(NamedTuple):
    """A command: the method's name, its arguments, its keywords."""

    method: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def on(self, target: Any) -> Any:
        """Give it to a ledger or a batch."""
        if self.method == "resolve_quarantined":
            waiting = target.quarantined() if isinstance(target, StrategyLedger) else []
            place = self.arguments[0]
            named = waiting[place].quarantine_id if place < len(waiting) else "Q-unknown"
            return target.resolve_quarantined(named, *self.arguments[1:], **self.keywords)
        return getattr(target, self.method)(*self.arguments, **self.keywords)


def _times() -> st.SearchStrategy[datetime]:
    return st.integers(-5, 5).map(lambda hours: START + timedelta(hours=hours))


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def _given(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


ORDER_IDS = st.sampled_from((*ORDERS * 5, "unknown", TRADES[0]))
TRADE_IDS = st.sampled_from((*TRADES * 4, "unknown", ORDERS[0]))
REQUEST_IDS = st.sampled_from(("r1", "r2", "r3", "o1#1", "o1#2"))
VENUE_IDS = st.sampled_from(("v1", "v2", "v3"))
QUANTITIES = st.sampled_from(("1", "2", "2.50", "3", "4", "7", "0.000000000000000001", "10"))
PRICES = st.sampled_from(("100", "100.50", "99", "3", "0", "-1.25", "0.00000812"))
REASONS = _maybe(st.sampled_from(("first", "second")))
DAYS = st.integers(4, 7).map(lambda day: date(2026, 1, day))
FEES = st.lists(
    st.fixed_dictionaries({"amount": st.sampled_from(("0.1", "-0.2")), "currency": st.sampled_from(("USD", "BTC"))}),
    max_size=2,
)

ORDER_DETAILS = _given(
    {
        "symbol": st.sampled_from((*SYMBOLS, SYMBOLS[0])),
        "side": st.sampled_from(("BUY", "BUY", "SELL", "SELL_SHORT")),
        "order_type": st.sampled_from(("LIMIT", "MARKET")),
    },
    {
        "limit_price": PRICES,
        "time_in_force": st.sampled_from(("DAY", "GTC", "GTD", "IOC")),
        "expire_at": _times(),
        "venue": st.sampled_from(("X", "Y")),
        "account": st.just("main"),
        "position_side": st.sampled_from(("NET", "LONG", "SHORT")),
        "venue_order_id": VENUE_IDS,
        "currency": st.sampled_from(("USD", "USD", "EUR")),
        "base_currency": st.just("BTC"),
        "multiplier": st.sampled_from(("1", "10")),
        "inverse": st.booleans(),
        "reduce_only": st.booleans(),
        "parent_order_id": st.just("o1"),
        "execution_group_id": st.just("g1"),
        "trade_plan_id": st.just("p1"),
        "metadata": st.just({"note": ["é", 1, {"deep": None}]}),
    },
)
AMOUNTS = st.one_of(
    st.fixed_dictionaries({"quantity": st.sampled_from(("4", "7", "10", "10.0"))}),
    st.fixed_dictionaries({"cash_quantity": st.just("1000"), "cash_currency": st.just("USD")}),
)
PLAIN_DETAILS = st.fixed_dictionaries(
    {
        "symbol": st.just(SYMBOLS[0]),
        "side": st.sampled_from(("BUY", "SELL")),
        "order_type": st.just("MARKET"),
        "quantity": st.sampled_from(("4", "10")),
    }
)
DETAILS = st.one_of(PLAIN_DETAILS, st.builds(lambda details, amount: {**details, **amount}, ORDER_DETAILS, AMOUNTS))
TERMS = _given(
    {},
    {
        "quantity": QUANTITIES,
        "limit_price": PRICES,
        "time_in_force": st.sampled_from(("DAY", "GTC")),
        "expire_at": _times(),
        "venue_order_id": VENUE_IDS,
    },
)
FILLS = _given(
    {
        "fill_id": st.sampled_from(("f1", "f2", "f3", "f4", "f5", "f6")),
        "quantity": QUANTITIES,
        "price": PRICES,
    },
    {
        "side": st.sampled_from(("BUY", "SELL")),
        "symbol": st.sampled_from((*SYMBOLS, SYMBOLS[0], SYMBOLS[0])),
        "fees": FEES,
        "fee_in_base": st.booleans(),
        "liquidity": st.sampled_from(("MAKER", "TAKER")),
        "trade_date": DAYS,
        "venue_order_id": VENUE_IDS,
        "inferred": st.booleans(),
        "metadata": st.just({"source": "feed"}),
    },
)
SIMPLE_FILLS = _given(
    {
        "fill_id": st.integers(1, 30).map(lambda number: f"f{number}"),
        "quantity": st.sampled_from(("1", "2", "3", "4")),
        "price": st.sampled_from(("100", "101.5", "98")),
    },
    {"fees": FEES},
)
TRADE_DETAILS: dict[str, Any] = {
    "stop_price": PRICES,
    "target_price": PRICES,
    "tags": st.lists(st.sampled_from(("a", "b")), max_size=2),
    "metadata": st.just({"why": "signal"}),
}
FILL_IDS = st.sampled_from(("f1", "f2", "f3", "f4", "f99", "x1", "x2", "nowhere"))
CORRECTIONS = st.fixed_dictionaries(
    {"fill_id": st.sampled_from(("x1", "x2", "x3", "f1")), "quantity": QUANTITIES, "price": PRICES}
)
REPORTS = _given(
    {"status": st.sampled_from(("ACCEPTED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "PENDING_CANCEL"))},
    {"cum_quantity": st.sampled_from(("0", "2", "4")), "average_price": PRICES, "venue_order_id": VENUE_IDS},
)
WHERE: dict[str, Any] = {"venue": st.sampled_from(("X", "Y")), "account": st.just("main"), "occurred_at": _times()}
ADJUSTMENTS = st.one_of(
    _given(
        {
            "kind": st.sampled_from(("FUNDING", "INTEREST", "DIVIDEND")),
            "symbol": st.sampled_from(SYMBOLS),
            "amount": st.sampled_from(("0.5", "-1.25")),
            "currency": st.sampled_from(("USD", "BTC")),
        },
        WHERE,
    ),
    _given(
        {
            "kind": st.sampled_from(("TRANSFER", "OPENING_POSITION")),
            "symbol": st.sampled_from(SYMBOLS),
            "quantity": st.sampled_from(("3", "-4", "2.5")),
            "price": PRICES,
        },
        WHERE,
    ),
    _given(
        {
            "kind": st.just("SPLIT"),
            "symbol": st.sampled_from(SYMBOLS),
            "ratio": st.sampled_from(("2", "0.5", "0.333333333333333333")),
        },
        WHERE,
    ),
)
RESOLUTIONS = st.one_of(
    st.just({"dismiss": True, "reason": "by hand"}),
    st.sampled_from(ORDERS).map(lambda order_id: {"order_id": order_id, "reason": "by hand"}),
    PLAIN_DETAILS.map(lambda details: {"order_id": "o9", "order_details": details, "reason": "new"}),
)
ORDER_LISTS = st.one_of(
    st.dictionaries(st.sampled_from(ORDERS), st.sampled_from(("1", "2", "3")), min_size=1, max_size=2),
    st.sampled_from(ORDERS).map(lambda order_id: [order_id]),
    st.lists(st.sampled_from((*ORDERS, "unknown")), max_size=3, unique=True),
)
RESIDUALS = st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from(("1", "-2", "4")), min_size=1)


def _calls_of(operation: Operation) -> st.SearchStrategy[Call]:
    arguments: st.SearchStrategy[tuple[Any, ...]]
    match operation:
        case Operation.RECORD_ORDER:
            arguments = st.tuples(st.sampled_from((*ORDERS, TRADES[0])), DETAILS)
        case Operation.REQUEST_ORDER_CANCEL:
            arguments = st.tuples(ORDER_IDS, _maybe(REQUEST_IDS))
        case Operation.REQUEST_ORDER_REPLACE:
            arguments = st.tuples(ORDER_IDS, TERMS, _maybe(REQUEST_IDS))
        case Operation.UPDATE_ORDER_ACCEPTANCE:
            data = _given({}, {"venue_order_id": VENUE_IDS, "quantity": QUANTITIES})
            arguments = st.tuples(ORDER_IDS, _maybe(data))
        case Operation.UPDATE_ORDER_FILL:
            arguments = st.tuples(_maybe(ORDER_IDS), FILLS)
        case Operation.UPDATE_ORDER_TRIGGER | Operation.UPDATE_ORDER_GUARANTEE | Operation.UPDATE_ORDER_RESUMPTION:
            arguments = st.tuples(ORDER_IDS)
        case Operation.UPDATE_ORDER_DONE_FOR_DAY:
            arguments = st.tuples(ORDER_IDS, _maybe(DAYS))
        case Operation.UPDATE_ORDER_RESTATEMENT:
            arguments = st.tuples(ORDER_IDS, _maybe(TERMS), REASONS, _maybe(DAYS))
        case Operation.UPDATE_ORDER_REPLACEMENT:
            arguments = st.tuples(ORDER_IDS, _maybe(REQUEST_IDS), _maybe(TERMS))
        case Operation.UPDATE_ORDER_REQUEST_REJECTION:
            arguments = st.tuples(ORDER_IDS, REASONS, _maybe(REQUEST_IDS))
        case Operation.BUST_ORDER_FILL:
            arguments = st.tuples(ORDER_IDS, FILL_IDS, REASONS, _maybe(st.booleans()))
        case Operation.CORRECT_ORDER_FILL:
            arguments = st.tuples(ORDER_IDS, FILL_IDS, CORRECTIONS, _maybe(st.booleans()))
        case Operation.UPDATE_FILL_FEE:
            arguments = st.tuples(ORDER_IDS, FILL_IDS, FEES)
        case Operation.REPORT_ORDER_STATUS:
            arguments = st.tuples(ORDER_IDS, REPORTS)
        case Operation.RECORD_ADJUSTMENT:
            arguments = st.tuples(st.sampled_from(("a1", "a2", "a3", "a4")), ADJUSTMENTS)
        case Operation.RESOLVE_QUARANTINED:
            # Whose place among the waiting facts it is, `on` turns into its id.
            arguments = st.tuples(st.integers(0, 3), RESOLUTIONS)
        case Operation.CREATE_TRADE:
            arguments = st.tuples(TRADE_IDS, ORDER_LISTS, _maybe(_given({}, TRADE_DETAILS)))
        case Operation.UPDATE_TRADE:
            arguments = st.tuples(TRADE_IDS, _given({}, {**TRADE_DETAILS, "order_ids": ORDER_LISTS}))
        case Operation.CLOSE_TRADE:
            data = _given({}, {"order_ids": ORDER_LISTS, "reason": REASONS, "closed_at": _times()})
            left = st.fixed_dictionaries({"residual": RESIDUALS, "residual_reason": st.just("DUST")})
            both = st.builds(lambda one, other: {**one, **other}, data, left)
            arguments = st.tuples(TRADE_IDS, _maybe(st.one_of(data, both)))
        case _:
            arguments = st.tuples(ORDER_IDS, REASONS)
    keywords = _given({}, {"occurred_at": _times(), "command_id": st.sampled_from(("c1", "c2"))})
    return st.builds(Call, st.just(operation.value), arguments, keywords)


def _calls(*operations: Operation) -> st.SearchStrategy[Call]:
    return st.one_of([_calls_of(operation) for operation in operations])


OF_AN_OBJECT = (
    Operation.SKIP_ENTRY, Operation.ARCHIVE_RECORDS, Operation.RESTORE_RECORDS, Operation.REOPEN_POSITIONS,
    Operation.SET_CHECKPOINT, Operation.NOTE_UPKEEP,
)  # fmt: skip
ANY_CALL = _calls(*(operation for operation in Operation if operation not in OF_AN_OBJECT))
REQUEST_CALLS = _calls(
    Operation.REQUEST_ORDER_CANCEL,
    Operation.REQUEST_ORDER_REPLACE,
    Operation.UPDATE_ORDER_REPLACEMENT,
    Operation.UPDATE_ORDER_REQUEST_REJECTION,
    Operation.UPDATE_ORDER_RESTATEMENT,
    Operation.UPDATE_ORDER_CANCELLATION,
)
TRADE_CALLS = _calls(Operation.CREATE_TRADE, Operation.UPDATE_TRADE, Operation.CLOSE_TRADE)
REVISION_CALLS = _calls(
    Operation.BUST_ORDER_FILL,
    Operation.CORRECT_ORDER_FILL,
    Operation.UPDATE_FILL_FEE,
    Operation.REPORT_ORDER_STATUS,
    Operation.RECORD_ADJUSTMENT,
    Operation.RESOLVE_QUARANTINED,
)
PLAIN_FILLS = st.builds(
    Call,
    st.just("update_order_fill"),
    st.tuples(st.sampled_from(ORDERS), SIMPLE_FILLS),
    _given({}, {"occurred_at": _times()}),
)
PLAIN_ORDERS = st.builds(Call, st.just("record_order"), st.tuples(st.sampled_from(ORDERS), DETAILS), st.just({}))
CALLS = st.one_of(ANY_CALL, REQUEST_CALLS, TRADE_CALLS, PLAIN_FILLS, PLAIN_ORDERS)


# -- what a ledger answers --------------------------------------------------------------------------------------------


def outcome_of(action: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """Return what a call came to: its answer, or everything that its error says."""
    try:
        return ("answered", action(*arguments))
    except LedgerError as error:
        filed = getattr(error, "quarantine_id", None)
        return ("refused", type(error), error.code, error.message, error.retryable, filed, error.context)


def every_answer(ledger: StrategyLedger) -> dict[str, Any]:
    """Return all that a ledger says of itself."""
    orders = list(ledger.find_orders(limit=None))
    trades = list(ledger.find_trades(limit=None))
    unresolved = ledger.unresolved()
    return {
        "head": ledger.head(),
        "orders": orders,
        "orders by id": [ledger.get_order(order.order_id) for order in orders],
        "fills": list(ledger.find_fills(limit=None)),
        "trades": trades,
        "trades by id": [ledger.get_trade(trade.trade_id) for trade in trades],
        "open positions": ledger.get_open_positions(),
        "positions": [outcome_of(ledger.get_position, symbol) for symbol in SYMBOLS],
        "exposures": [ledger.get_position_exposure(symbol) for symbol in SYMBOLS],
        "unresolved": (unresolved.orders, unresolved.requests, unresolved.quarantined),
        "quarantined": ledger.quarantined(),
        "days": [ledger.get_order_day(order.order_id, START.date()) for order in orders],
        "histories": [outcome_of(history_of, ledger, order.order_id) for order in orders],
    }


def history_of(ledger: StrategyLedger, order_id: str) -> list[int]:
    """Return the entries that name an order."""
    return [entry.sequence for entry in ledger.get_history(order_id)]


class Left(Exception):
    """Leaves a batch by an exception."""


class Half:
    """One adapter's half of an example: a store, the bot's ledger, perhaps an operator's ledger beside it."""

    def __init__(self, store: Store, strategy_id: str, overfill: str, clock: Callable[[], datetime]) -> None:
        """Open the bot's ledger."""
        self.store = store
        self.strategy_id = strategy_id
        self.published = RecordingPublisher()
        self.cache = DictCache()
        self._clock = clock
        self._overfill = overfill
        self.ledgers: dict[str, StrategyLedger] = {}
        self.open("bot")

    def open(self, name: str) -> None:
        """Open a ledger of the strategy; only the bot's publishes, and each may stand anywhere behind the head."""
        more: dict[str, Any] = {"publisher": self.published, "cache": self.cache} if name == "bot" else {}
        strategy_id = f"{self.strategy_id}-other" if name == "other strategy" else self.strategy_id
        self.ledgers[name] = self.store.open(
            strategy_id, clock=self._clock, overfill=self._overfill, read_only=name == "reader", **more
        )

    def ledger(self, name: str) -> StrategyLedger:
        """Return a ledger of this half, opened when it is first asked for."""
        if name not in self.ledgers:
            self.open(name)
        return self.ledgers[name]

    def close(self, name: str) -> None:
        """Close a ledger, if it is open."""
        if name in self.ledgers:
            self.ledgers.pop(name).close()


ANSWERS = ("update_order_replacement", "update_order_request_rejection")
WRITERS = st.sampled_from(("bot", "bot", "bot", "operator", "other strategy"))


class Differential(RuleBasedStateMachine):
    """Two halves that must never be told apart."""

    stores: dict[str, Store]
    numbers: Iterator[int]

    def __init__(self) -> None:
        """Start at a fixed time; the halves are opened by `begin`."""
        super().__init__()
        self.now = START
        self.halves: list[Half] = []
        self.archives: list[tuple[str, list[Group]]] = []
        self.archives_begun = 0

    @initialize(
        overfill=st.sampled_from(("quarantine", "quarantine", "book")),
        placed=st.lists(st.tuples(st.sampled_from(ORDERS), DETAILS), max_size=3, unique_by=lambda one: one[0]),
    )
    def begin(self, overfill: str, placed: list[tuple[str, dict[str, Any]]]) -> None:
        """Open both halves on a strategy of this example's own, with some orders; stores are shared by all examples."""
        strategy_id = f"s{next(self.numbers)}"
        self.halves = [Half(store, strategy_id, overfill, lambda: self.now) for store in self.stores.values()]
        for arguments in placed:
            self.command("bot", Call("record_order", arguments, {}))

    def both(self, action: Callable[[Half], Any]) -> Any:
        """Do the same on both halves; return the outcome, which is one."""
        first, second = (outcome_of(action, half) for half in self.halves)
        assert first == second
        return first

    def command(self, writer: str, call: Call) -> Any:
        """Give one command to both halves."""
        return self.both(lambda half: call.on(half.ledger(writer)))

    @rule(writer=WRITERS, call=PLAIN_ORDERS)
    def place(self, writer: str, call: Call) -> None:
        """Place an order, or try to."""
        self.command(writer, call)

    @rule(writer=WRITERS, calls=st.lists(PLAIN_FILLS, min_size=1, max_size=3))
    def fill(self, writer: str, calls: list[Call]) -> None:
        """Book some fills, in any order of their times."""
        for call in calls:
            self.command(writer, call)

    @rule(writer=WRITERS, call=REQUEST_CALLS)
    def request(self, writer: str, call: Call) -> None:
        """Ask for other terms or for the end, or answer."""
        self.command(writer, call)

    @rule(writer=WRITERS, call=TRADE_CALLS)
    def trade(self, writer: str, call: Call) -> None:
        """Group orders, regroup them, close a trade."""
        self.command(writer, call)

    @rule(writer=WRITERS, call=REVISION_CALLS)
    def revise(self, writer: str, call: Call) -> None:
        """Bust, correct, charge, poll, adjust, resolve."""
        self.command(writer, call)

    @rule(writer=WRITERS, call=CALLS)
    def anything(self, writer: str, call: Call) -> None:
        """Give any command, however senseless."""
        self.command(writer, call)

    @rule(writer=WRITERS, call=CALLS)
    def repeat(self, writer: str, call: Call) -> None:
        """Give a command twice: the second time writes nothing, whatever came of the first."""
        before = self.halves[0].ledger(writer).head().sequence
        first = self.command(writer, call)
        heads = [half.ledger(writer).head() for half in self.halves]
        written = self.halves[0].ledger(writer).read_journal(before)
        # A fact that waited may have been booked along with it, and have moved the order on: then it is no repeat.
        moved_on = any(change.event_type == "QUARANTINE_RESOLVED" for entry in written for change in entry.changes)
        second = self.command(writer, call)
        # A request without an id is a new one each time, an answer without an id answers the next one in flight.
        place = {"update_order_replacement": 1}.get(call.method, -1)
        is_about_a_request = call.method.startswith("request_") or call.method in ANSWERS
        named = call.keywords.get("command_id") is not None or call.arguments[place] is not None
        if not moved_on and (named or not is_about_a_request):
            assert heads == [half.ledger(writer).head() for half in self.halves]
            assert first[0] == second[0]

    @rule(
        trade_id=st.sampled_from(TRADES),
        entry=st.sampled_from(ORDERS),
        exit=st.sampled_from(ORDERS),
        side=st.booleans(),
    )
    def round_trip(self, trade_id: str, entry: str, exit: str, *, side: bool) -> None:
        """Enter and leave: a trade opened and closed, as far as what happened before allows."""
        plain = {"symbol": SYMBOLS[0], "order_type": "MARKET", "quantity": "4"}
        sides = ("BUY", "SELL") if side else ("SELL", "BUY")
        fill = {"fill_id": "f99", "quantity": "4", "price": "100"}
        for call in (
            Call("record_order", (entry, {**plain, "side": sides[0]}), {}),
            Call("update_order_acceptance", (entry, {"venue_order_id": "v1"}), {}),
            Call("update_order_fill", (entry, fill), {}),
            Call("create_trade", (trade_id, [entry]), {}),
            Call("record_order", (exit, {**plain, "side": sides[1]}), {}),
            Call("update_order_fill", (exit, {**fill, "price": "101"}), {}),
            Call("close_trade", (trade_id, {"order_ids": [exit]}), {}),
        ):
            self.command("bot", call)

    @rule(
        writer=WRITERS,
        calls=st.lists(CALLS, min_size=1, max_size=6),
        meanwhile=st.lists(CALLS, max_size=2),
        catches=st.booleans(),
        leaves=st.booleans(),
    )
    def batch(self, writer: str, calls: list[Call], meanwhile: list[Call], *, catches: bool, leaves: bool) -> None:
        """Give some commands in one batch, perhaps with others in between, perhaps left by an exception."""

        def run(half: Half) -> Any:
            told = []
            try:
                with half.ledger(writer).batch() as batch:
                    for call in calls:
                        told.append(outcome_of(call.on, batch))
                        if told[-1][0] == "refused" and not catches:
                            raise Left
                    for call in meanwhile:
                        outcome_of(call.on, half.ledger("operator"))
                    if leaves:
                        raise Left
            except Left:
                return "left", told
            if told[-1][0] == "answered" and writer == "bot" and isinstance(told[-1][1], (Order, Trade)):
                record = told[-1][1]
                get = half.ledger("bot").get_order if isinstance(record, Order) else half.ledger("bot").get_trade
                assert meanwhile or get(record.key[0]) == record
            return "written", told

        self.both(run)

    @rule(writer=st.sampled_from(("bot", "operator")), hours=st.integers(-4, 8))
    def archive(self, writer: str, hours: int) -> None:
        """Let everything go that is over and older; what is left proves itself, and is what rebuilding comes to."""
        self.archives_begun += 1
        archive_id = f"archive {self.archives_begun}"

        def let_go(half: Half) -> Any:
            archivist = half.ledger(writer).archivist
            groups = list(archivist.archivable(START + timedelta(hours=hours)))
            return [(group, reason) for group, reason in archivist.let_go(archive_id, groups)]

        _, told = self.both(let_go)
        assert [reason for _, reason in told] == [None] * len(told)
        if told:
            self.archives.append((archive_id, [group for group, _ in told]))
            said = self.both(lambda half: every_answer(half.ledger(writer)))
            for half in self.halves:
                assert half.ledger(writer).verify().is_intact
                half.ledger(writer).rebuild()
            assert self.both(lambda half: every_answer(half.ledger(writer))) == said

    @rule()
    def take_back(self) -> None:
        """Take back what went last."""
        if self.archives:
            archive_id, groups = self.archives.pop()
            self.both(lambda half: half.ledger("bot").archivist.take_back(archive_id, groups))

    @rule(percent=st.integers(1, 100))
    def cut(self, percent: int) -> None:
        """Cut the journal; but for its history the ledger says what it said, proves itself, and rebuilds to the same."""
        writer = self.halves[0].ledger("bot")
        sequence = writer.head().sequence * percent // 100
        checkpoint = checkpoint_of(writer._repository)
        if sequence <= (0 if checkpoint is None else checkpoint.cut_sequence):
            return
        _, said = self.both(lambda half: every_answer(half.ledger("bot")))

        def cut(half: Half) -> Any:
            half.ledger("bot").publish_pending()
            (last,) = islice(half.ledger("bot").read_journal(sequence - 1), 1)
            archivist = half.ledger("bot").archivist
            archivist.set_checkpoint("archive", Head(last.sequence, last.digest))
            return archivist.cut()

        _, done = self.both(cut)
        assert (done.first_left, done.held_by) == (sequence + 1, ())
        for half in self.halves:
            assert half.ledger("bot").verify().is_intact
            half.ledger("bot").rebuild()
        _, left = self.both(lambda half: every_answer(half.ledger("bot")))
        assert {**said, "head": left["head"], "histories": left["histories"]} == left

    @rule(minutes=st.integers(-90, 90))
    def clock(self, minutes: int) -> None:
        """Turn the clock, also back."""
        self.now += timedelta(minutes=minutes)

    @rule(name=st.sampled_from(("bot", "operator", "reader")))
    def reopen(self, name: str) -> None:
        """Close a ledger and open it again."""
        for half in self.halves:
            half.close(name)
            half.open(name)

    @rule(name=st.sampled_from(("bot", "operator", "reader", "other strategy")))
    def ask(self, name: str) -> None:
        """Ask a ledger everything; one that stood still meanwhile says the same as one that wrote."""
        said = self.both(lambda half: every_answer(half.ledger(name)))
        if name != "other strategy":
            assert said == self.both(lambda half: every_answer(half.ledger("bot")))

    @rule(
        method=st.sampled_from(("find_orders", "find_fills", "find_trades")),
        filters=_given(
            {},
            {
                "symbol": st.sampled_from(SYMBOLS),
                "since": _times(),
                "until": _times(),
                "side": st.sampled_from(("BUY", "SELL", "SELL_SHORT")),
                "state": st.sampled_from(("OPEN", "CLOSED", "ACCEPTED", "FILLED", "CANCELED", "PLACED")),
                "status": st.sampled_from(("PENDING_CANCEL", "PENDING_REPLACE", "PARTIALLY_FILLED")),
                "is_open": st.booleans(),
                "venue": st.just("X"),
                "account": st.just("main"),
                "venue_order_id": VENUE_IDS,
                "request_id": REQUEST_IDS,
                "execution_group_id": st.just("g1"),
                "trade_plan_id": st.just("p1"),
                "parent_order_id": st.just("o1"),
                "trade_id": st.sampled_from(TRADES),
                "order_id": st.sampled_from(ORDERS),
                "fill_id": st.just("f1"),
                "position_side": st.sampled_from(("LONG", "NET")),
            },
        ),
        size=st.integers(1, 3),
        names=st.sets(st.integers(0, 18), max_size=3),
    )
    def pages(self, method: str, filters: dict[str, Any], size: int, names: set[int]) -> None:
        """Page through a query: the pages together are the whole, whatever their size."""
        known = getattr(StrategyLedger, method).__kwdefaults__
        where = {name: value for place, (name, value) in enumerate(filters.items()) if place in names and name in known}

        def paged(half: Half) -> list[Record]:
            find = getattr(half.ledger("bot"), method)
            whole = list(find(**where, limit=None))
            found: list[Record] = []
            while page := list(find(**where, limit=size, after=found[-1] if found else None)):
                assert len(page) <= size
                found += page
            assert found == whole
            return whole

        assume(where or method)
        self.both(paged)

    @invariant()
    def the_journals_are_the_same(self) -> None:
        """Equal digests are equal journals, byte by byte, and equal events were published."""
        if self.halves:
            first, second = self.halves
            for name in ("bot", "other strategy"):
                if name in first.ledgers:
                    assert first.ledger(name).head() == second.ledger(name).head()
            assert first.published.events == second.published.events

    def teardown(self) -> None:
        """Take everything back from the archives; check each half against itself, and events against the journal."""
        while self.archives:
            self.take_back()
        for half in self.halves:
            half.ledger("bot").publish_pending()
            check_journal(half)
            for name in list(half.ledgers):
                half.close(name)


# -- what must hold of every ledger -----------------------------------------------------------------------------------


def check_journal(half: Half) -> None:
    """Fold the journal and compare it with what is stored, published and cached."""
    repository = half.store.repository(half.strategy_id)
    ledger = half.ledger("bot")
    folded: dict[RecordKind, dict[Any, Record]] = defaultdict(dict)
    digest, recorded_at = GENESIS_DIGEST, START - timedelta(days=9999)
    events: list[Any] = []
    base = base_of(repository)
    if base is not None:
        digest, recorded_at = base.cut_digest, base.cut_at
        for one in records_at(repository, base):
            folded[one.kind][one.key] = one.record()
    for sequence, entry in enumerate(ledger.read_journal(), 1 if base is None else base.cut_sequence + 1):
        assert entry.sequence == sequence
        digest = chain(digest, entry.body)
        assert entry.digest == digest
        assert entry.recorded_at >= recorded_at
        recorded_at = entry.recorded_at
        assert entry.changes, "an entry changes something"
        events += events_of(entry)
        for change in entry.changes:
            before = folded[change.kind].get(change.key)
            came_back = base is not None and before is None and "sequence" in change.values
            assert came_back or change.version == (1 if before is None else before.version + 1)
            folded[change.kind][change.key] = evolve(before, change, sequence=sequence, recorded_at=recorded_at)
    assert half.published.events[-len(events) :] == events
    assert base is not None or half.published.events == events
    canonical_json(events)
    for kind in RecordKind:
        expected = sorted(folded[kind].values(), key=sort_key)
        assert list(all_pages(repository.find, Query(kind=kind))) == expected
        assert [repository.load(kind, record.key) for record in expected] == expected
    repository.close()
    check_orders(ledger, folded)
    check_positions(folded)
    assert ledger.verify().is_intact
    if folded[RecordKind.ORDER]:
        view = ledger.as_of(recorded=recorded_at)
        assert list(view.find_orders()) == list(ledger.find_orders(limit=None))
        assert list(view.find_trades()) == list(ledger.find_trades(limit=None))
        assert view.get_open_positions() == ledger.get_open_positions()
    if folded[RecordKind.ORDER] and base is None:
        # What is known now of the end of time is what is known now.
        known = ledger.as_of(occurred=START + timedelta(days=9999))
        assert known.get_open_positions() == [
            attrs.evolve(one, sequence=0, version=0) for one in ledger.get_open_positions()
        ]
    check_trades(folded)
    for key, context in half.cache.contexts.items():
        record = folded[RecordKind.TRADE].get((key,)) or ledger.get_order(key)
        assert isinstance(record, (Order, Trade))
        assert context == context_of(record, half.strategy_id)


def check_orders(ledger: StrategyLedger, folded: dict[RecordKind, dict[Any, Record]]) -> None:
    """Check each order against its fills and its requests."""
    fills: dict[str, list[Fill]] = defaultdict(list)
    for fill in folded[RecordKind.FILL].values():
        assert isinstance(fill, Fill)
        fills[fill.order_id].append(fill)
    for order in folded[RecordKind.ORDER].values():
        assert isinstance(order, Order)
        requests = sorted(
            (one for one in folded[RecordKind.REQUEST].values() if one.key[0] == order.order_id), key=sort_key
        )
        whole = order
        for request in requests:
            assert isinstance(request, OrderRequest)
            whole = attach(whole, request)
        assert ledger.get_order(order.order_id) == whole
        standing = [fill for fill in fills[order.order_id] if not fill.busted]
        counted = [split_quantity(fill.quantity, fill.economic_order, order.splits) for fill in standing]
        assert order.cum_quantity == total(counted)
        assert order.executed_value == total(times(fill.quantity, fill.price) for fill in standing)
        assert order.inferred_quantity == total(fill.quantity for fill in standing if fill.inferred)
        in_flight = [request.request_kind for request in whole.requests if request.is_in_flight]
        assert in_flight.count("CANCEL") == order.cancels_in_flight  # type: ignore[arg-type]  # a StrEnum is its word
        assert in_flight.count("REPLACE") == order.replaces_in_flight  # type: ignore[arg-type]
        assert order.request_count == len(requests)
        if order.state in ("CANCELED", "EXPIRED", "REJECTED"):
            assert not in_flight
        if order.state == "IN_DOUBT" or not in_flight:
            assert order.status.value == order.state.value
        else:
            assert order.status == ("PENDING_CANCEL" if "CANCEL" in in_flight else "PENDING_REPLACE")
        assert (order.ended_at is None) is order.is_open
        assert order.state != "FILLED" or order.quantity is None or order.cum_quantity >= order.quantity
        assert order.state != "ACCEPTED" or not order.cum_quantity
        limit = whole.fill_limit
        assert order.overfill_quantity == (0 if limit is None else max(0, order.cum_quantity - limit))


def check_positions(folded: dict[RecordKind, dict[Any, Record]]) -> None:
    """Fold the fills of each position anew, in economic order, and weigh the result against the cash that moved."""
    by_key: dict[Any, list[Movement]] = {key: [] for key in folded[RecordKind.POSITION]}
    for fill in folded[RecordKind.FILL].values():
        assert isinstance(fill, Fill)
        if not fill.busted:
            by_key[fill.position_key].append(fill)
    for adjustment in folded[RecordKind.ADJUSTMENT].values():
        assert isinstance(adjustment, Adjustment)
        for key, concerned in by_key.items():
            if adjustment.concerns(key):
                concerned.append(adjustment)
    for key, movements in by_key.items():
        stored = folded[RecordKind.POSITION][key]
        assert isinstance(stored, Position)
        movements.sort(key=lambda movement: movement.economic_order)
        fills = [movement for movement in movements if isinstance(movement, Fill)]
        adjustments = [movement for movement in movements if isinstance(movement, Adjustment)]
        anew = attrs.evolve(
            Position(
                symbol=stored.symbol, venue=stored.venue, account=stored.account, position_side=stored.position_side
            ),
            multiplier=stored.multiplier,
            inverse=stored.inverse,
            currency=stored.currency,
            base_currency=stored.base_currency,
            sequence=stored.sequence,
            version=stored.version,
        )
        flows: tuple[CashFlow, ...] = ()
        for movement in movements:
            anew = fold(anew, movement)
            if isinstance(movement, Fill):
                assert movement.flat_realized_pnl == (anew.realized_pnl if anew.is_flat else None)
            else:
                flows = merge_cash_flows(flows, movement)
        fees = merge_fees((), (fee for fill in fills for fee in fill.fees))
        assert stored == attrs.evolve(anew, fees=fees, cash_flows=flows)
        if adjustments:
            continue
        # In fractions: the sums have more digits than the context of this thread keeps.
        moved = [(Fraction(fill.signed_quantity), Fraction(fill.price)) for fill in fills]
        assert stored.quantity == sum(quantity for quantity, _ in moved)
        if not stored.inverse:
            cash = -sum(quantity * price for quantity, price in moved) * Fraction(stored.multiplier)
            held = Fraction(stored.cost) if stored.quantity > 0 else -Fraction(stored.cost)
            assert stored.realized_pnl == cash + held


def check_trades(folded: dict[RecordKind, dict[Any, Record]]) -> None:
    """Sum the fills of each trade's orders anew."""
    for trade in folded[RecordKind.TRADE].values():
        assert isinstance(trade, Trade)
        for order_id, share in trade.shares.items():
            others = [one for one in folded[RecordKind.TRADE].values() if isinstance(one, Trade)]
            shared = sum(one.shares.get(order_id, Decimal(0)) for one in others)
            order = folded[RecordKind.ORDER][order_id,]
            assert isinstance(order, Order)
            assert order.splits or share <= shared <= order.cum_quantity
        if trade.shares or any(leg.splits for leg in trade.legs):
            continue
        fills = [fill for fill in folded[RecordKind.FILL].values() if fill.key[0] in trade.order_ids]
        standing = [fill for fill in fills if isinstance(fill, Fill) and not fill.busted]
        bought = [fill for fill in standing if fill.side.is_buy]
        sold = [fill for fill in standing if not fill.side.is_buy]
        assert sum(leg.bought_quantity for leg in trade.legs) == sum(abs(fill.signed_quantity) for fill in bought)
        assert sum(leg.sold_quantity for leg in trade.legs) == sum(abs(fill.signed_quantity) for fill in sold)
        assert not standing or trade.opened_at == min(fill.executed_at for fill in standing)
        assert trade.fees == merge_fees((), (fee for fill in (*bought, *sold) for fee in fill.fees))
        for order_id in trade.order_ids:
            order = folded[RecordKind.ORDER][order_id,]
            assert isinstance(order, Order)
            assert trade.trade_id in order.trade_ids
        if trade.state == "CLOSED" and not trade.restated and not trade.residual:
            assert trade.is_flat


# -- the tests --------------------------------------------------------------------------------------------------------


def test_memory_and_sqlite_cannot_be_told_apart(tmp_path: Path) -> None:
    """The same commands give the same answers, errors, journals, events and open records on both adapters."""
    stores = {name: make(tmp_path) for name, make in ADAPTERS.items()}
    machine = type("Differential", (Differential,), {"stores": stores, "numbers": count(1)})
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
    finally:
        for store in stores.values():
            store.close()
