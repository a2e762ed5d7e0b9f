"""Two adapters side by side: the same random program gives the same answers, errors and journal on each.

A program is the workload's, with commands strewn in that have a real argument replaced by another well-typed one: ids
that are unknown, known elsewhere, or of another kind; quantities at the edge of what a number may be; times before
and behind all others. After each step the journals' digests are equal, so their bodies are, byte by byte. At the end
every question is asked of each ledger, of one that stood still meanwhile, and of one opened anew.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from ledger_core import CommandRefused, LedgerError, LedgerRepository, StrategyLedger
from ledger_storage_memory import MemoryRepository
from ledger_storage_memory.repository import MemoryStore
from ledger_storage_sqlite import open_repository
from reliability.campaign import Campaign, Tally
from reliability.finished import FOLDER
from reliability.workload import SYMBOLS, Command, Step, StepClock, steps_of, time_of
from support.clock import START

COMMANDS = 50
"""How many commands a program has, those in batches included."""

CASES_PER_STORE = 50
"""How many cases share a store, each as a strategy of its own."""

Opener = Callable[[str], LedgerRepository]
Outcome = tuple[Any, ...]


# -- the program ------------------------------------------------------------------------------------------------------

# fmt: off
HOSTILE: Mapping[type, tuple[Any, ...]] = {
    str: (
        "o1", "o2", "late1", "t1", "nowhere", "f1-0", "o1#1", "v-o1", "ACME", "BTC-PERP", "X", "é" * 128, "a b", "'; --",
        "0", "-0", "1e3", "0.000000000000000001", "99999999999999999999", "0.1234567890123456789", "-1.5", "",
        "BUY", "SELL", "SELL_SHORT", "LIMIT", "STOP", "GTC", "IOC", "GTD", "DAY", "CANCELED", "FILLED", "NET", "LONG",
        "USD", "2026-01-05", "\u202e", "\0", "x" * 129,
    ),
    int: (0, 1, -1, 7, 10**18, 10**38, 10**39),
    datetime: (START - timedelta(days=3), START + timedelta(days=3), datetime(1, 1, 2, tzinfo=UTC), START.replace(tzinfo=None)),
    bool: (True, False),
}
ANYTHING: tuple[Any, ...] = (None, "o1")
MORE_DETAILS: Mapping[str, tuple[Any, ...]] = {
    "time_in_force": ("DAY", "GTC", "IOC", "FOK", "GTD"), "expire_at": (START + timedelta(hours=1),),
    "position_side": ("NET", "LONG", "SHORT"), "account": ("main", "other"), "currency": ("USD", "EUR"),
    "multiplier": ("1", "10"), "inverse": (True, False), "base_currency": ("BTC",), "venue_order_id": ("v-o1", "v9"),
    "parent_order_id": ("o1", "nowhere"), "cash_quantity": ("1000",), "cash_currency": ("USD",), "symbol": SYMBOLS,
    "side": ("BUY", "SELL", "SELL_SHORT"), "fill_id": ("f1-0", "f2-0", "x1"), "quantity": (1, "2.5", None), "price": ("0", "-1"),
    "trade_date": ("2026-01-05", "2026-01-06"), "fee_in_base": (True,), "liquidity": ("MAKER",), "inferred": (True,),
    "order_ids": (["o1"], ["o1", "o2"], {"o1": 1}, []), "stop_price": ("95.5",), "tags": (["a", "b"], []), "kind": ("SPLIT", "DIVIDEND"),
    "ratio": ("2", "0.333333333333333333"), "residual": ({"ACME": "1"},), "residual_reason": ("DUST",), "no_such_key": (1,),
}
PLAIN: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("update_order_trigger", ("o1",)), ("update_order_guarantee", ("o2",)), ("update_order_resumption", ("o1",)),
    ("update_order_suspension", ("o2", "halted")), ("update_order_done_for_day", ("o1",)), ("update_order_expiry", ("o3", None)),
    ("update_order_restatement", ("o1", {"quantity": 9}, "by the venue")), ("update_order_replacement", ("o2", None, {"limit_price": "99"})),
    ("report_order_status", ("o1", {"status": "FILLED", "cum_quantity": 5})), ("close_trade", ("t1", {"residual": {"ACME": 1}, "residual_reason": "DUST"})),
    ("record_adjustment", ("split", {"kind": "SPLIT", "symbol": "ACME", "ratio": "2"})), ("update_order_fill", (None, {"fill_id": "n1", "quantity": 1, "price": 5, "venue_order_id": "v-o1"})),
    ("create_trade", ("t1", {"o1": "1", "o2": "2"})), ("update_trade", ("t1", {"target_price": "120"})),
)
# fmt: on


def program_of(seed: int) -> tuple[Step, ...]:
    """Return the steps of a case: the workload's, a part of them twisted."""
    chance = random.Random(f"differential {seed}")
    program: list[Step] = []
    left = COMMANDS
    for step in steps_of(seed, COMMANDS):
        commands = tuple(_twisted(chance, command) for command in step.commands[:left])
        program.append(attrs.evolve(step, commands=commands))
        left -= len(commands)
        if not left:
            break
    return tuple(program)


def _twisted(chance: random.Random, command: Command) -> Command:
    draw = chance.random()
    if draw < 0.55 or command.method == "resolve_quarantined":
        return command
    if draw < 0.65:
        method, given = chance.choice(PLAIN)
        command = attrs.evolve(command, method=method, arguments=given)
        if draw < 0.6:
            return command
    if draw > 0.9:
        odd: tuple[dict[str, Any], ...] = (
            {"command_id": "c1"}, {"command_id": None}, {"occurred_at": chance.choice(HOSTILE[datetime])},
        )  # fmt: skip
        return attrs.evolve(command, keywords={**command.keywords, **chance.choice(odd)})
    arguments = list(command.arguments)
    place = chance.randrange(len(arguments))
    arguments[place] = _other(chance, arguments[place])
    return attrs.evolve(command, arguments=tuple(arguments))


def _other(chance: random.Random, value: Any) -> Any:
    """Return something of the same type in place of a value: of a mapping, with one key changed, added or removed."""
    match value:
        case dict():
            given: dict[str, Any] = {**value}
            draw = chance.random()
            names = list(given)
            if names and draw < 0.25:
                del given[chance.choice(names)]
            elif names and draw < 0.6:
                name = chance.choice(names)
                given[name] = (
                    chance.choice(MORE_DETAILS.get(name, ANYTHING)) if draw < 0.4 else _other(chance, given[name])
                )
            else:
                name = chance.choice(tuple(MORE_DETAILS))
                given[name] = chance.choice(MORE_DETAILS[name])
            return given
        case [first, *rest]:
            return [_other(chance, first), *rest]
        case _:
            return chance.choice(HOSTILE.get(type(value), ANYTHING))


# -- one adapter's half -----------------------------------------------------------------------------------------------


def outcome_of(action: Callable[..., Any], *arguments: Any, **keywords: Any) -> Outcome:
    """Return what a call came to: its answer, or everything that its error says.

    On a healthy store a call is answered or refused; that storage fails it is never right.
    """
    try:
        return ("answered", action(*arguments, **keywords))
    except CommandRefused as error:
        said = (type(error), error.code, error.message, error.retryable, error.quarantine_id)
        return ("refused", *said, error.context)
    except LedgerError as error:
        return ("failed", type(error), error.code, error.message)


class Half:
    """One adapter, with the bot's ledger, an operator's beside it, and one that is opened at the end."""

    def __init__(self, opener: Opener, strategy_id: str, overfill: str) -> None:
        """Open the ledgers on a strategy that is new."""
        self.clock = StepClock()
        self._opener = opener
        self._strategy_id = strategy_id
        self._overfill = overfill
        self.ledgers: dict[str, StrategyLedger] = {}

    def ledger(self, name: str) -> StrategyLedger:
        """Return a ledger by name, opened when it is first asked for."""
        if name not in self.ledgers:
            self.ledgers[name] = StrategyLedger(
                self._opener(self._strategy_id), clock=self.clock, overfill=self._overfill
            )
        return self.ledgers[name]

    def close(self, *names: str) -> None:
        """Close ledgers; all that are open if none is named."""
        for name in names or tuple(self.ledgers):
            if name in self.ledgers:
                self.ledgers.pop(name).close()

    def run(self, name: str, step: Step) -> list[Outcome]:
        """Give a step to a ledger and return all that was said, of a batch also what leaving it came to."""
        self.clock.now = time_of(step.number)
        ledger = self.ledger(name)
        told: list[Outcome] = []
        if not step.is_batch:
            told += (_given(command, ledger, ledger) for command in step.commands)
            return told

        def batch() -> None:
            with ledger.batch() as block:
                told.extend(_given(command, block, ledger) for command in step.commands)

        left = outcome_of(batch)
        return [*told, left]


def _given(command: Command, target: Any, ledger: StrategyLedger) -> Outcome:
    if command.method != "resolve_quarantined":
        return outcome_of(getattr(target, command.method), *command.arguments, **command.keywords)
    waiting = ledger.quarantined()
    named = waiting[0].quarantine_id if waiting else "Q-unknown"
    return outcome_of(ledger.resolve_quarantined, named, *command.arguments[1:], **command.keywords)


def answers_of(ledger: StrategyLedger) -> Iterator[tuple[str, Any]]:
    """Generate all that a ledger says of what is."""
    orders = list(ledger.find_orders(limit=None))
    trades = list(ledger.find_trades(limit=None))
    unresolved = ledger.unresolved()
    yield "head", ledger.head()
    yield "orders", orders
    yield "open orders", list(ledger.find_orders(is_open=True, limit=None))
    yield "orders by id", [ledger.get_order(order.order_id) for order in orders]
    yield "orders by venue id", list(ledger.find_orders(venue_order_id="v-o1"))
    yield "orders of a group", list(ledger.find_orders(execution_group_id="g1", limit=3))
    yield "fills", list(ledger.find_fills(limit=None))
    yield "fills of a symbol", list(ledger.find_fills(symbol=SYMBOLS[0], limit=5))
    yield "adjustments", list(ledger.find_adjustments(limit=None))
    yield "trades", trades
    yield "trades by id", [ledger.get_trade(trade.trade_id) for trade in trades]
    yield "open positions", ledger.get_open_positions()
    yield "positions", [outcome_of(ledger.get_position, symbol) for symbol in SYMBOLS]
    yield "exposures", [ledger.get_position_exposure(symbol) for symbol in SYMBOLS]
    yield "unresolved", (unresolved.orders, unresolved.requests, unresolved.quarantined)
    yield "quarantined", ledger.quarantined()
    yield "days", [ledger.get_order_day(order.order_id, START.date()) for order in orders]


def history_of(ledger: StrategyLedger) -> Iterator[tuple[str, Any]]:
    """Generate all that a ledger says of how it came to be; its head has said already that the bodies are the same."""
    named = [order.order_id for order in ledger.find_orders(limit=2)]
    for name in (*named, *(trade.trade_id for trade in ledger.find_trades(limit=1))):
        yield f"history of {name}", ledger.get_history(name)
    yield "verification", ledger.verify()


# -- the campaign -----------------------------------------------------------------------------------------------------


def memory_and_sqlite(folder: Path) -> dict[str, Opener]:
    """Return how both adapters of this distribution open a strategy of a new store."""
    store = MemoryStore()
    return {
        "memory": lambda strategy_id: MemoryRepository(store, strategy_id=strategy_id),
        "SQLite": lambda strategy_id: open_repository(
            f"sqlite:///{folder}/ledger.db?durability=none", strategy_id=strategy_id
        ),
    }


def run(
    first_seed: int,
    amount: int,
    deadline: float | None,
    adapters: Callable[[Path], dict[str, Opener]] = memory_and_sqlite,
) -> Tally:
    """Run one case for each seed on every adapter and compare all that was said."""
    violations: list[str] = []
    counts = {"commands": 0, "refused": 0, "entries": 0}
    seed = first_seed
    while seed < first_seed + amount and (deadline is None or time.monotonic() < deadline):
        with TemporaryDirectory(dir=FOLDER) as folder, ExitStack() as stack:
            openers = adapters(Path(folder))
            for opener in openers.values():
                stack.callback(opener("anchor").close)  # a store lasts as long as something is open on it
            for _ in range(CASES_PER_STORE):
                if seed < first_seed + amount:
                    violations += (f"seed {seed}: {found}" for found in _one(seed, openers, counts))
                    seed += 1
    return Tally(seed - first_seed, seed, tuple(violations), counts)


def _one(seed: int, openers: Mapping[str, Opener], counts: dict[str, int]) -> list[str]:
    chance = random.Random(f"writers {seed}")
    overfill = "book" if seed % 3 == 2 else "quarantine"
    halves = {name: Half(opener, f"s{seed}", overfill) for name, opener in openers.items()}
    try:
        for step in program_of(seed):
            writer = chance.choice(("bot", "bot", "bot", "bot", "operator"))
            told = {name: half.run(writer, step) for name, half in halves.items()}
            heads = {name: [("answered", half.ledger(writer).head())] for name, half in halves.items()}
            outcomes = next(iter(told.values()))
            failed = (outcome for outcome in outcomes if outcome[0] == "failed")
            found = _different(told) or _different(heads) or next(failed, None)
            if found is not None:
                return [f"step {step.number} ({writer}): {found}"]
            counts["commands"] += len(outcomes)
            counts["refused"] += sum(outcome[0] == "refused" for outcome in outcomes)
            if chance.random() < 0.02:
                for half in halves.values():
                    half.close(writer)
        counts["entries"] += next(iter(halves.values())).ledger("bot").head().sequence
        found = _at_the_end(halves, chance.choice(("bot", "operator")))
        return [] if found is None else [f"at the end: {found}"]
    except Exception as error:  # noqa: BLE001  # an error that is not typed is what is looked for
        return [f"{type(error).__name__}: {error}"]
    finally:
        for half in halves.values():
            half.close()


def _at_the_end(halves: Mapping[str, Half], still: str) -> str | None:
    """Ask everything: of a ledger that is there on each adapter, and of one that is opened anew on all but the first."""
    asked = {f"{adapter}, {still}": half.ledger(still) for adapter, half in halves.items()}
    asked |= {f"{adapter}, opened anew": half.ledger("new") for adapter, half in tuple(halves.items())[1:]}
    found = _different({name: list(answers_of(ledger)) for name, ledger in asked.items()})
    if found is not None:
        return found
    histories = {adapter: list(history_of(half.ledger(still))) for adapter, half in halves.items()}
    damaged = (f"{adapter}: {said[-1][1]}" for adapter, said in histories.items() if not said[-1][1].is_intact)
    return _different(histories) or next(damaged, None)


def _different(said: Mapping[str, list[Any]]) -> str | None:
    """Return what the first adapter that says otherwise says, beside what the first one said."""
    (first, expected), *others = said.items()
    for name, found in others:
        for one, other in zip(expected, found, strict=True):
            if one != other:
                return f"{first} says {one}, {name} says {other}"
    return None


CAMPAIGN = Campaign(
    name="differential",
    row="10",
    promise="The same random program gives the same answers, errors and journal on every adapter.",
    unit="programs of 50 commands",
    quick=20,
    ci=1_000,
    whole=20_000,
    run=run,
)
