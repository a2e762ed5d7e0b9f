"""Hostile input: generated calls with bad values in any place of any public operation.

Whatever is handed in: an answer that is legal, or an error of our tree; after an error nothing has changed but what
it says was filed, and nothing was published. Hypothesis generates the calls and the values (`hostile_values`), a
stretch of them on one ledger, so that the states in which they arrive differ. At the end of a stretch the journal is
verified, and a ledger that is opened anew must answer as the one that was called.
"""

import logging
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import attrs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ledger_core import LedgerError, LedgerReader, LedgerView, RecordKind, UnknownOrder
from ledger_core.codec import canonical_json, dump_record
from ledger_core.publishing import Follower
from ledger_core.repository import Query, all_pages
from reliability.campaign import Campaign, Tally
from reliability.disguises import NeverEnds
from reliability.hostile_values import SAMPLES
from reliability.public_calls import OPENERS, OPERATIONS, Edits, PublicOperation
from support import START, DictCache, RecordingPublisher, Store, memory_store, sqlite_store
from test_bad_input import LATER

CALLS_A_STRETCH = 50
STRETCHES_A_SEED = 20
EDITS_MAX = 3
SQLITE_SHARE = 8
"""One stretch in so many is on the SQLite adapter, the rest on the one in memory."""

SHARED_MEMORY = Path("/dev/shm")

# -- the ledger that is called ------------------------------------------------------------------------------------


class World:
    """A ledger with something of everything, and all that could change on it."""

    def __init__(self, store: Store, strategy_id: str) -> None:
        """Live a little."""
        self.store, self.strategy_id = store, strategy_id
        self.published, self.cache = RecordingPublisher(), DictCache()
        self.ledger = store.open(strategy_id, publisher=self.published, cache=self.cache, clock=lambda: LATER)
        self._reader: LedgerReader | None = None
        ledger = self.ledger
        acme = {"symbol": "ACME", "side": "BUY", "order_type": "LIMIT", "quantity": 10, "limit_price": "100"}
        for order_id in ("o1", "o2", "o3"):
            ledger.record_order(order_id, {**acme, "venue": "X", "account": "main", "time_in_force": "GTC"})
        ledger.update_order_acceptance("o1", {"venue_order_id": "v1"}, occurred_at=START)
        ledger.update_order_fill("o1", {"fill_id": "f1", "quantity": 4, "price": "99.5"})
        ledger.update_order_fill("o3", {"fill_id": "f1", "quantity": 10, "price": "99"}, occurred_at=START)
        ledger.request_order_replace("o1", {"quantity": 12}, "r1")
        ledger.request_order_cancel("o1", "r2")
        ledger.create_trade("t1", ["o1"])
        with suppress(UnknownOrder):
            ledger.update_order_fill("elsewhere", {"fill_id": "f1", "quantity": 1, "price": 1})

    def state(self) -> tuple[Any, ...]:
        """Return what an error must leave alone; the head's digest stands for all that the journal holds."""
        return (self.ledger.head(), len(self.published.events), len(self.cache.stores))

    def perform(self, operation: PublicOperation, arguments: dict[str, Any]) -> object:
        """Make a call; what it returns lazily is read to its end, what it opens or starts is ended."""
        match operation.of:
            case "ledger":
                answer = getattr(self.ledger, operation.name)(**arguments)
            case "batch":
                with self.ledger.batch() as batch:
                    try:
                        answer = getattr(batch, operation.name)(**arguments)
                    except LedgerError as error:
                        answer = error
                if isinstance(answer, LedgerError):
                    raise answer
            case "reader":
                if self._reader is None:
                    self._reader = self.store.reader()
                answer = getattr(self._reader, operation.name)(**arguments)
            case "view":
                answer = getattr(self.ledger.as_of(recorded=LATER), operation.name)(**arguments)
            case _:
                # Whatever place is named instead of the table's, nothing may be made there.
                if arguments["url_or_path"] is not operation.good["url_or_path"] and "read_only" in arguments:
                    arguments["read_only"] = True
                OPENERS[operation.name](**arguments).close()
                return None
        if isinstance(answer, Follower):
            answer.stop()
            return None
        return list(answer) if isinstance(answer, Iterator) else answer

    def contents(self) -> list[bytes]:
        """Return what the ledger answers with, as JSON."""
        return [
            canonical_json(dump_record(record))
            for records in (
                self.ledger.find_orders(limit=None),
                self.ledger.find_fills(limit=None),
                self.ledger.find_trades(limit=None),
                self.ledger.find_adjustments(limit=None),
                self.ledger.get_open_positions(),
                self.ledger.quarantined(),
                self.ledger.unresolved().orders,
                self.ledger.unresolved().requests,
            )
            for record in records
        ]

    def wrong_at_the_end(self) -> Iterator[str]:
        """Generate what is wrong with the ledger after all the calls."""
        yield from (f"verify: {difference}" for difference in self.ledger.verify().differences)
        expected = [
            (entry.sequence, index)
            for entry in self.ledger.read_journal()
            for index in range(sum(change.event_type is not None for change in entry.changes))
        ]
        if self.published.places != expected:
            yield f"published {self.published.places}, not {expected}"
        before = self.contents()
        self.ledger.close()
        repository = self.store.repository(self.strategy_id, read_only=True)
        for kind in RecordKind:
            yield from strangers(all_pages(repository.find, Query(kind=kind)), kind)
        repository.close()
        self.ledger = self.store.open(self.strategy_id, read_only=True)
        if self.contents() != before:
            yield "a ledger that is opened anew answers otherwise"

    def close(self) -> None:
        """Close what this world opened."""
        self.ledger.close()
        if self._reader is not None:
            self._reader.close()


class Stores:
    """The stores of a seed: one in memory for each world, and a file that worlds share, a strategy each."""

    def __init__(self, folder: Path) -> None:
        """Make nothing yet."""
        self._file = sqlite_store(folder)
        self._count = 0

    @contextmanager
    def world(self, adapter: str) -> Iterator[World]:
        """Return a new world."""
        self._count += 1
        store = self._file if adapter == "sqlite" else memory_store(Path())
        world = World(store, f"s{self._count}")
        try:
            yield world
        finally:
            world.close()
            if store is not self._file:
                store.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


# -- the law ------------------------------------------------------------------------------------------------------

_PLAIN = (str, int, float, bool, type(None), Decimal, datetime, date, timedelta, bytes)


def strangers(value: object, path: str = "answer") -> Iterator[str]:
    """Generate the places of an answer that hold something of a type that is neither ours nor plain."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from strangers(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from strangers(name, f"{path}'s key")
            yield from strangers(item, f"{path}[...]")
    elif not kind.__module__.startswith("ledger_"):
        yield f"{path} is a {kind.__module__}.{kind.__name__}"
    elif attrs.has(kind) and not isinstance(value, LedgerView):
        for field in attrs.fields(kind):
            yield from strangers(getattr(value, field.name), f"{path}.{field.name}")


class Verdict(NamedTuple):
    """What a call came to, and what is wrong with that, if anything."""

    outcome: str
    problem: str = ""


def verdict_on(world: World, operation: PublicOperation, arguments: dict[str, Any]) -> Verdict:
    """Make a call and judge it by the law."""
    before = world.state()
    problem = ""
    try:
        answer = world.perform(operation, arguments)
    except LedgerError as error:
        outcome = "refused" if getattr(error, "quarantine_id", None) is None else "filed"
        if not _can_be_shown(error):
            problem = "its error cannot be shown"
    except NeverEnds:
        return Verdict("endless", "it goes on for ever")
    except Exception as error:  # noqa: BLE001  # which is what is looked for
        return Verdict("raised", f"{type(error).__name__} at {_place_of(error)}")
    else:
        outcome, problem = "answered", next(strangers(answer), "")
    after = world.state()
    moves_max = outcome == "filed" or (outcome == "answered" and operation.is_command)
    moved = after[0].sequence - before[0].sequence
    if not 0 <= moved <= moves_max:
        problem = f"{outcome}, and the journal moved by {moved}"
    elif not moved and after != before:
        problem = f"{outcome}, and without an entry {before} became {after}"
    return Verdict(outcome, problem)


def _can_be_shown(error: LedgerError) -> bool:
    try:
        return all(type(words) is str for words in (str(error), repr(error), error.code, error.message))
    except Exception:  # noqa: BLE001  # whatever it is
        return False


def _place_of(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/ledger_" in frame.filename]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-3:]))


# -- the campaign -------------------------------------------------------------------------------------------------

Call = tuple[PublicOperation, Edits]
CALLS = st.tuples(
    st.sampled_from(OPERATIONS),
    st.lists(st.tuples(st.integers(0, 200), SAMPLES), min_size=1, max_size=EDITS_MAX),
)
STRETCHES = st.tuples(
    st.integers(0, SQLITE_SHARE - 1).map(lambda number: "sqlite" if number == SQLITE_SHARE // 2 else "memory"),
    st.lists(CALLS, min_size=CALLS_A_STRETCH, max_size=CALLS_A_STRETCH),
)


def run_seed(number: int, folder: Path, stretches: int = STRETCHES_A_SEED) -> Tally:
    """Make the calls of a seed; one that breaks the law is told in the simplest form that breaks it."""
    outcomes: Counter[str] = Counter()
    found: list[str] = []
    stores = Stores(folder)

    @seed(number)
    @settings(
        max_examples=stretches,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STRETCHES)
    def make_calls(stretch: tuple[str, list[Call]]) -> None:
        adapter, calls = stretch
        with stores.world(adapter) as world:
            for operation, edits in calls:
                verdict = verdict_on(world, operation, operation.arguments(edits))
                outcomes[verdict.outcome] += 1
                if verdict.problem:
                    simplest = _simplest(stores, adapter, operation, edits) or (
                        f"after other calls, {operation.described(edits)}: {verdict.problem}"
                    )
                    found.append(f"seed {number}, {adapter}: {simplest}")
                    return  # what comes after a broken law means nothing
            for problem in world.wrong_at_the_end():
                described = "; ".join(operation.described(edits) for operation, edits in calls)
                found.append(f"seed {number}, {adapter}: {problem} after {described}")

    with silence():
        try:
            make_calls()
        finally:
            stores.close()
    return Tally(
        done=outcomes.total(), next_seed=number + 1, violations=tuple(found), details=dict(sorted(outcomes.items()))
    )


def _simplest(stores: Stores, adapter: str, operation: PublicOperation, edits: Edits) -> str:
    """Return the call with as few edits as break the law on a ledger of its own; nothing if it does not there."""
    for few in (*([edit] for edit in edits), edits):
        with stores.world(adapter) as world:
            verdict = verdict_on(world, operation, operation.arguments(few))
        if verdict.problem:
            return f"{operation.described(few)}: {verdict.problem}"
    return ""


@contextmanager
def silence() -> Iterator[None]:
    """Keep out of the log what hostile subscribers raise: the ledger logs it, as it should."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def run(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Make calls, seed after seed."""
    tally = Tally(done=0, next_seed=first_seed)
    while tally.done < amount and (deadline is None or time.monotonic() < deadline):
        folder = Path(tempfile.mkdtemp(prefix="hostile-", dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None))
        try:
            tally = tally.plus(run_seed(tally.next_seed, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return tally


CAMPAIGN = Campaign(
    name="hostile-input",
    row="input",
    promise="whatever is handed in: a legal answer or an error of our tree, and no change that was not told",
    unit="calls",
    quick=1_000,
    ci=10_000,
    whole=1_000_000,
    run=run,
)
