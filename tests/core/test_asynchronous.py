"""The ledger for asyncio: the same methods, awaitable; coroutines share writes, and cancelling an await cancels nothing."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import asyncio
import inspect
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_core import (
    AsyncStrategyLedger,
    BatchUsage,
    CommandRefused,
    IdempotencyConflict,
    InvalidValue,
    LedgerClosed,
    Order,
    OverfillError,
    ReadOnlyLedger,
    StorageError,
    StorageFull,
    StrategyLedger,
    SubscriberInUse,
    UnknownOrder,
    UnknownStorage,
    open_ledger,
    open_ledger_async,
)
from ledger_core.asynchronous import AsyncBatch, Opening
from ledger_core.batch import Batch
from ledger_core.evolve import detached
from ledger_core.turns import _resolve
from ledger_storage_memory import MemoryRepository
from support import (
    DictCache,
    FaultyRepository,
    RecordingPublisher,
    SteppingClock,
    Store,
    fill,
    limit_order,
    market_order,
)
from support.gathering import PATIENCE, wait_until
from support.replay import states_of


@pytest.fixture
def repository(store: Store) -> FaultyRepository:
    """Return the repository of `serve`, which fails on demand."""
    return FaultyRepository(store.repository())


Use = Callable[[AsyncStrategyLedger], Coroutine[Any, Any, Any]]
Serve = Callable[[Use], StrategyLedger]


@pytest.fixture
def serve(repository: FaultyRepository, clock: SteppingClock, published: RecordingPublisher, store: Store) -> Serve:
    """Return what lets a coroutine function use a ledger in an event loop, closes it, and opens it again."""

    def serve(use: Use) -> StrategyLedger:
        async def main() -> None:
            async with AsyncStrategyLedger(StrategyLedger(repository, clock=clock, publisher=published)) as ledger:
                await asyncio.wait_for(use(ledger), PATIENCE)

        asyncio.run(main())
        return store.open(clock=clock)

    return serve


def subjects(ledger: StrategyLedger) -> list[str | None]:
    """Return the subject of each entry, in order."""
    return [entry.subject for entry in ledger.read_journal()]


def public(cls: type[Any]) -> dict[str, Any]:
    """Return the public methods and properties of a class."""
    return {name: value for name, value in inspect.getmembers(cls) if not name.startswith("_")}


# -- the same names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "theirs"), [(AsyncStrategyLedger, StrategyLedger), (AsyncBatch, Batch)])
def test_every_method_is_there_with_the_same_parameters(ours: type[Any], theirs: type[Any]) -> None:
    """Whoever knows the ledger knows this one: names, parameters and defaults are the same."""
    known, expected = public(ours), public(theirs)
    assert known.keys() == expected.keys()
    for name, method in expected.items():
        if isinstance(method, property):
            assert isinstance(known[name], property), name
            continue
        found, wanted = inspect.signature(known[name]), inspect.signature(method)
        assert list(found.parameters.values()) == list(wanted.parameters.values()), name
        assert known[name].__doc__, name
        if name != "batch":
            assert inspect.iscoroutinefunction(known[name]) or inspect.isasyncgenfunction(known[name]), name


def test_opening_takes_what_opening_takes() -> None:
    """`open_ledger_async` has the parameters of `open_ledger`."""
    found, wanted = inspect.signature(open_ledger_async), inspect.signature(open_ledger)
    assert list(found.parameters.values()) == list(wanted.parameters.values())


def test_importing_the_ledger_does_not_import_asyncio() -> None:
    """Who does not use it does not wait for it: asyncio takes longer to import than all of the ledger."""
    program = "import sys, ledger_core; print('asyncio' in sys.modules); ledger_core.AsyncStrategyLedger; print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "True"]


def test_name_that_is_not_there_is_an_attribute_error() -> None:
    """The lazy import of two names makes up no others."""
    import ledger_core

    with pytest.raises(AttributeError, match="AsyncLedger"):
        ledger_core.AsyncLedger  # noqa: B018


# -- commands -----------------------------------------------------------------------------------------------------------


def test_life_of_an_order(serve: Serve, published: RecordingPublisher) -> None:
    """Commands return records, and every kind of question is answered after them."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        assert (await ledger.record_order("O1", limit_order())).state == "PLACED"
        assert (await ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})).state == "ACCEPTED"
        assert (await ledger.update_order_fill("O1", fill("F1", 10))).state == "FILLED"
        assert (await ledger.create_trade("T1", ["O1"])).entry_quantity == 10
        assert (await ledger.get_order("O1")).cum_quantity == 10
        assert [position.quantity for position in await ledger.get_open_positions()] == [10]
        assert [order.order_id async for order in ledger.find_orders(symbol="ACME")] == ["O1"]
        assert [entry.sequence async for entry in ledger.read_journal(2)] == [3, 4]
        assert (await ledger.head()).sequence == 4
        assert (await ledger.verify()).is_intact
        assert (ledger.strategy_id, ledger.read_only) == ("alpha", False)
        with pytest.raises(UnknownOrder):
            await ledger.get_order("O2")

    serve(use)
    assert published.types == ["ORDER_PLACED", "ORDER_ACCEPTED", "ORDER_FILLED", "TRADE_CREATED"]


def test_commands_given_at_once_are_one_write(serve: Serve, repository: FaultyRepository) -> None:
    """What coroutines give in one round of the loop is stored together, in the order given."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        orders = await asyncio.gather(*(ledger.record_order(f"O{number}", limit_order()) for number in range(50)))
        assert [order.order_id for order in orders] == [f"O{number}" for number in range(50)]
        assert repository.appends == [50]

    assert subjects(serve(use)) == [f"O{number}" for number in range(50)]


def test_commands_given_during_a_write_are_the_next_write(serve: Serve, repository: FaultyRepository) -> None:
    """While one command syncs the loop goes on, and what comes up is written together afterwards."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        reached, go = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def hold() -> None:
            loop.call_soon_threadsafe(reached.set)
            assert go.wait(PATIENCE)

        repository.on_append = hold
        first = asyncio.create_task(ledger.record_order("first", limit_order()))
        await reached.wait()
        others = []
        for number in range(5):
            others.append(asyncio.create_task(ledger.record_order(f"O{number}", limit_order())))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not first.done()
        go.set()
        await asyncio.gather(first, *others)
        assert repository.appends == [1, 5]

    serve(use)


def test_each_coroutine_gets_its_own_refusal(serve: Serve, repository: FaultyRepository) -> None:
    """A refusal, a fact in quarantine, a malformed argument and a good command, given at once."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        await ledger.record_order("O1", limit_order())
        told = await asyncio.gather(
            ledger.record_order("O1", limit_order(quantity=11)),
            ledger.update_order_fill("O1", fill("F1", 11)),
            ledger.record_order("O2", limit_order(quantity=-1)),
            ledger.update_order_fill("O1", fill("F2", 10)),
            return_exceptions=True,
        )
        assert [type(one) for one in told] == [IdempotencyConflict, OverfillError, InvalidValue, Order]
        assert isinstance(told[1], OverfillError)
        assert told[1].quarantine_id == (await ledger.quarantined())[0].quarantine_id
        assert repository.appends == [1, 2]

    serve(use)


def test_long_round_is_several_writes(
    serve: Serve, repository: FaultyRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write takes a bounded number of commands."""
    monkeypatch.setattr("ledger_core.turns.GROUP_MAX", 3)

    async def use(ledger: AsyncStrategyLedger) -> None:
        await asyncio.gather(*(ledger.record_order(f"O{number}", limit_order()) for number in range(7)))
        assert repository.appends == [3, 3, 1]

    serve(use)


def test_everything_else_has_its_turn_among_the_commands(serve: Serve, repository: FaultyRepository) -> None:
    """What is no command, given in the same round, stands between those given before and after it."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        seen: list[str] = []
        await asyncio.gather(
            ledger.record_order("O1", limit_order()),
            ledger.subscribe("seeing", lambda _name, payload: seen.append(payload["order_id"])),
            ledger.record_order("O2", limit_order()),
            ledger.record_order("O3", limit_order()),
        )
        assert (repository.appends, seen) == ([1, 2], ["O1", "O2", "O3"])

    serve(use)


def test_long_answers_come_page_by_page(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An iteration goes on where its page ended, and may be left early."""
    monkeypatch.setattr("ledger_core.asynchronous.PAGE_SIZE_MAX", 2)

    async def use(ledger: AsyncStrategyLedger) -> None:
        names = [f"O{number}" for number in range(5)]
        for name in names:
            await ledger.record_order(name, limit_order())
        assert [order.order_id async for order in ledger.find_orders()] == names
        async for entry in ledger.read_journal():
            assert entry.subject == "O0"
            break

    serve(use)


def test_failed_write_is_told_to_each_and_the_next_one_goes_on(serve: Serve, repository: FaultyRepository) -> None:
    """StorageFull reaches every coroutine of the group, as an error of its own."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        repository.fail_before_storing(StorageFull("no room"))
        told = await asyncio.gather(
            *(ledger.record_order(f"O{number}", limit_order()) for number in range(3)), return_exceptions=True
        )
        assert [type(one) for one in told] == [StorageFull] * 3
        assert len({id(one) for one in told}) == 3
        await ledger.record_order("O1", limit_order())

    assert subjects(serve(use)) == ["O1"]


def test_nothing_is_acknowledged_before_it_is_durable(serve: Serve, repository: FaultyRepository) -> None:
    """While the write is under way no coroutine goes on."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        tasks: list[asyncio.Task[Order]] = []
        done: list[bool] = []
        repository.on_append = lambda: done.extend(task.done() for task in tasks)
        tasks += [asyncio.create_task(ledger.record_order(f"O{number}", limit_order())) for number in range(3)]
        await asyncio.gather(*tasks)
        assert done == [False] * 3

    serve(use)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), min_size=2, max_size=6))
def test_whatever_coroutines_give_agrees_with_the_journal(plans: list[list[int]]) -> None:
    """Random commands of several coroutines: every answer is a state of the journal, and what is stored folds from it."""
    sync = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock())
    answers: list[Order] = []

    async def live(ledger: AsyncStrategyLedger, plan: list[int]) -> None:
        seen: dict[str, int] = {}
        for step in plan:
            order_id = f"O{step // 5 % 3}"
            with suppress(CommandRefused):
                match step % 5:
                    case 0:
                        answer = await ledger.record_order(order_id, limit_order(quantity=10 + step // 15 % 2))
                    case 1:
                        answer = await ledger.update_order_acceptance(order_id)
                    case 2 | 3:
                        answer = await ledger.update_order_fill(
                            order_id, fill(f"F{step // 15 % 5}", 1 + step // 75 % 4)
                        )
                    case _:
                        answer = await ledger.request_order_cancel(order_id)
                assert answer.version >= seen.get(order_id, 0), "a coroutine sees what it was told before"
                seen[order_id] = answer.version
                answers.append(answer)

    async def main() -> None:
        ledger = AsyncStrategyLedger(sync)
        await asyncio.wait_for(asyncio.gather(*(live(ledger, plan) for plan in plans)), PATIENCE)
        states = states_of([entry async for entry in ledger.read_journal()])
        for answer in answers:
            assert detached(answer) == states[answer.kind, answer.key, answer.version]
        assert (await ledger.verify()).is_intact
        await ledger.close()

    asyncio.run(main())


# -- awaits that are cancelled --------------------------------------------------------------------------------------------


async def cancelled(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Await something for one round of the loop, and cancel that."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_cancelling_an_await_does_not_cancel_its_command(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The command is stored all the same, and nothing is complained of."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        await cancelled(ledger.record_order("O1", limit_order()))
        assert (await ledger.record_order("O2", limit_order())).state == "PLACED"

    assert subjects(serve(use)) == ["O1", "O2"]
    assert [entry for entry in caplog.records if entry.levelno >= logging.ERROR] == []


def test_refusal_that_nobody_awaits_any_more_is_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """No refusal is lost: the log has it, and its traceback."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        await cancelled(ledger.request_order_cancel("nobody"))
        await ledger.record_order("O1", limit_order())

    serve(use)
    (logged,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert "no order 'nobody'" in logged.getMessage()
    assert logged.exc_info is not None
    assert isinstance(logged.exc_info[1], UnknownOrder)


def test_refusal_that_comes_with_the_cancellation_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled when the refusal was there, but before its coroutine went on: it is not lost in between."""
    tasks: list[asyncio.Task[Order]] = []

    def resolve_and_cancel(done: Any) -> None:
        _resolve(done)
        tasks[0].cancel()

    async def use(ledger: AsyncStrategyLedger) -> None:
        monkeypatch.setattr("ledger_core.turns._resolve", resolve_and_cancel)
        tasks.append(asyncio.create_task(ledger.update_order_fill("nobody", fill("F1", 1))))
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        monkeypatch.undo()

    serve(use)
    assert "no order 'nobody'" in caplog.text


def test_timeout_leaves_its_command_alone(serve: Serve, repository: FaultyRepository) -> None:
    """`asyncio.timeout` around a slow write raises, and the command is in the journal afterwards."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        go = threading.Event()
        repository.on_append = lambda: go.wait(PATIENCE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await ledger.record_order("O1", limit_order())
        go.set()

    assert subjects(serve(use)) == ["O1"]


# -- batches ----------------------------------------------------------------------------------------------------------------


def test_batch_is_one_write_in_its_turn(serve: Serve, repository: FaultyRepository) -> None:
    """Commands of the block are provisional; leaving it writes them together, and refusals leave the rest standing."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        async with ledger.batch() as batch:
            assert (await batch.record_order("O1", limit_order())).state == "PLACED"
            with pytest.raises(OverfillError):
                await batch.update_order_fill("O1", fill("F1", 11))
            orders = await asyncio.gather(*(batch.record_order(f"B{number}", limit_order()) for number in range(5)))
            assert [order.order_id for order in orders] == [f"B{number}" for number in range(5)]
            assert (await ledger.head()).sequence == 0
        assert repository.appends == [7]
        with pytest.raises(BatchUsage):
            await batch.record_order("O2", limit_order())

    serve(use)


def test_batch_that_an_exception_leaves_is_discarded(serve: Serve) -> None:
    """As with the ledger itself: only what went to quarantine stays."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        async def write() -> None:
            async with ledger.batch() as batch:
                await batch.record_order("O1", limit_order())
                await batch.update_order_fill("O1", fill("F1", 11))

        with pytest.raises(OverfillError):
            await write()
        assert (await ledger.head()).sequence == 1
        assert [fact.order_id for fact in await ledger.quarantined()] == ["O1"]

    serve(use)


def test_leaving_a_batch_writes_even_if_cancelled(serve: Serve, repository: FaultyRepository) -> None:
    """A cancellation that comes while the block is being left cancels the await, not the write."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        loop, leaving = asyncio.get_running_loop(), asyncio.Event()
        go = threading.Event()

        def hold() -> None:
            loop.call_soon_threadsafe(leaving.set)
            assert go.wait(PATIENCE)

        async def write() -> None:
            async with ledger.batch() as batch:
                await batch.record_order("O1", limit_order())
                repository.on_append = hold

        task = asyncio.create_task(write())
        await leaving.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()

    assert subjects(serve(use)) == ["O1"]


# -- subscribers ------------------------------------------------------------------------------------------------------------


def test_subscribers_are_called_in_the_thread_that_writes(repository: FaultyRepository) -> None:
    """Publisher, cache and subscribers, at opening and later, never in the loop's thread, before the command returns."""
    threads: set[str] = set()

    class Publisher(RecordingPublisher):
        def publish(self, name: str, payload: Any) -> None:
            threads.add(threading.current_thread().name)
            super().publish(name, payload)

    publisher, seen = Publisher(), RecordingPublisher()

    def see(name: str, payload: Any) -> None:
        threads.add(threading.current_thread().name)
        seen.publish(name, payload)

    async def main() -> None:
        ledger = AsyncStrategyLedger(StrategyLedger(repository, publisher=publisher))
        await ledger.record_order("O1", limit_order())
        assert len(publisher.events) == 1
        await ledger.subscribe("seeing", see)
        assert len(seen.events) == 1
        with pytest.raises(SubscriberInUse):
            await ledger.subscribe("seeing", see)
        assert await ledger.pending("seeing") == 0
        await ledger.publish_pending()
        await ledger.close()

    asyncio.run(main())
    assert len(threads) == 1
    assert threads.pop().startswith("strategy-ledger-writer")


def test_subscriber_with_a_thread_of_its_own(serve: Serve) -> None:
    """`thread=True` is passed on: it may block, and holds up no command."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        go, taken = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def block(*_: Any) -> None:
            assert go.wait(PATIENCE)
            loop.call_soon_threadsafe(taken.set)

        await ledger.subscribe("slow", block, thread=True)
        await ledger.record_order("O1", limit_order())
        assert await ledger.pending("slow") == 1
        go.set()
        await taken.wait()

    serve(use)


def test_coroutine_functions_are_no_subscribers(serve: Serve) -> None:
    """They would return coroutines that nobody awaits: refused, with what to do instead."""

    class AsyncPublisher:
        async def publish(self, name: str, payload: Any, /) -> None:
            """Never run."""

        async def store(self, key: str, context: Any, /) -> None:
            """Never run."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        with pytest.raises(InvalidValue, match="call_soon_threadsafe"):
            await ledger.subscribe("x", AsyncPublisher().publish)

    serve(use)
    with pytest.raises(InvalidValue, match="publisher"):
        open_ledger_async("memory://", strategy_id="alpha", publisher=AsyncPublisher())
    with pytest.raises(InvalidValue, match="cache"):
        open_ledger_async("memory://", strategy_id="alpha", cache=AsyncPublisher())


def test_following_and_skipping(serve: Serve, store: Store, clock: SteppingClock) -> None:
    """Entries of another process are delivered by `follow`, until it is stopped; a poison entry is skipped in its turn."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        taken = asyncio.Event()
        loop = asyncio.get_running_loop()
        await ledger.subscribe("seeing", lambda *_: loop.call_soon_threadsafe(taken.set))
        follower = await ledger.follow(0.005)
        store.open(clock=clock).record_order("other", limit_order())
        await taken.wait()
        await follower.stop()
        await ledger.skip_entry("poisoned", 1, "cannot be taken")
        await ledger.rebuild()
        assert [entry.operation async for entry in ledger.read_journal()] == ["record_order", "skip_entry"]

    serve(use)


# -- opening and closing ------------------------------------------------------------------------------------------------------


def test_ledger_is_opened_without_the_loops_thread(store: Store) -> None:
    """`async with open_ledger_async(...)` opens and closes; the cache is filled and events are delivered meanwhile."""
    with store.open() as before:
        before.record_order("O1", limit_order())
    cache, publisher = DictCache(), RecordingPublisher()
    before_it = set(threading.enumerate())
    kept: list[AsyncStrategyLedger] = []  # so that no thread ends for being forgotten

    async def main() -> None:
        opening = open_ledger_async(store.url, strategy_id="alpha", cache=cache, publisher=publisher)
        assert isinstance(opening, Opening)
        async with opening as ledger:
            assert (len(cache.contexts), len(publisher.events)) == (1, 1)
            await ledger.record_order("O2", limit_order())
        with pytest.raises(LedgerClosed):
            await ledger.record_order("O3", limit_order())
        kept.append(ledger)
        ledger = await open_ledger_async(store.url, strategy_id="alpha", read_only=store.adapter == "sqlite")
        kept.append(ledger)
        assert [order.order_id async for order in ledger.find_orders()] == ["O1", "O2"]
        await ledger.close()
        await ledger.close()

    asyncio.run(main())
    wait_until(lambda: set(threading.enumerate()) <= before_it)


def test_opening_what_cannot_be_opened_says_so() -> None:
    """The errors of `open_ledger`, and no thread stays behind."""

    async def main() -> None:
        with pytest.raises(UnknownStorage):
            await open_ledger_async("nowhere://x", strategy_id="alpha")
        with pytest.raises(InvalidValue):
            async with open_ledger_async("memory://", strategy_id=""):
                raise AssertionError("never entered")

    asyncio.run(main())


def test_opening_that_is_cancelled_closes_what_it_opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that nobody waits for any more holds nothing: its subscribers' names are free."""
    go, opened = threading.Event(), []
    before_it = set(threading.enumerate())

    def slowly(*args: Any, **options: Any) -> StrategyLedger:
        assert go.wait(PATIENCE)
        opened.append(open_ledger(*args, **options))
        return opened[-1]

    monkeypatch.setattr("ledger_core.asynchronous.open_ledger", slowly)

    async def main() -> None:
        opening = open_ledger_async(store.url, strategy_id="alpha", publisher=RecordingPublisher())
        await cancelled(opening._open())
        go.set()

    asyncio.run(main())
    wait_until(lambda: opened and _is_closed(opened[0]))
    wait_until(lambda: set(threading.enumerate()) <= before_it)
    store.open(publisher=RecordingPublisher())


def _is_closed(ledger: StrategyLedger) -> bool:
    try:
        ledger.head()
    except LedgerClosed:
        return True
    return False


def test_closing_waits_for_what_was_given(serve: Serve, repository: FaultyRepository) -> None:
    """Commands and questions that were given before are done; those given afterwards get LedgerClosed."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        tasks = [asyncio.create_task(ledger.record_order(f"O{number}", limit_order())) for number in range(5)]
        asked = asyncio.create_task(ledger.head())
        await asyncio.sleep(0)
        closing = asyncio.create_task(ledger.close())
        await asyncio.sleep(0)
        for late in (ledger.record_order("late", limit_order()), ledger.head(), ledger.publish_pending()):
            with pytest.raises(LedgerClosed):
                await late
        await closing
        assert [task.result().state for task in tasks] == ["PLACED"] * 5
        assert (await asked).sequence in (0, 5)

    assert len(subjects(serve(use))) == 5


def test_closing_goes_on_when_its_await_is_cancelled(serve: Serve) -> None:
    """And may be awaited again."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        await cancelled(ledger.close())
        await ledger.close()

    serve(use)


def test_loop_that_ends_early_loses_no_command(repository: FaultyRepository, caplog: pytest.LogCaptureFixture) -> None:
    """The loop was closed without closing the ledger: what was given is stored, and its refusals are logged."""
    ledgers: list[AsyncStrategyLedger] = []
    go = threading.Event()

    async def main() -> None:
        ledger = AsyncStrategyLedger(StrategyLedger(repository))
        ledgers.append(ledger)
        repository.on_append = lambda: go.wait(PATIENCE)
        for coroutine in (ledger.record_order("O1", limit_order()), ledger.request_order_cancel("nobody")):
            asyncio.create_task(coroutine).cancelled()  # nobody awaits it
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(main())
    go.set()
    ledgers[0]._turns._writer.shutdown()
    assert [entry.subject for entry in ledgers[0]._ledger.read_journal()] == ["O1"]
    assert "no order 'nobody'" in caplog.text
    ledgers[0]._ledger.close()


def test_ledger_belongs_to_one_loop(repository: FaultyRepository) -> None:
    """A second event loop is told to open its own."""
    ledgers: list[AsyncStrategyLedger] = []

    async def first() -> None:
        ledgers.append(AsyncStrategyLedger(StrategyLedger(repository)))

    async def second() -> None:
        for call in (ledgers[0].record_order("O1", limit_order()), ledgers[0].head()):
            with pytest.raises(RuntimeError, match="another event loop"):
                await call

    asyncio.run(first())
    asyncio.run(second())
    ledgers[0]._ledger.close()


def test_reading_ledger_refuses_commands(store: Store) -> None:
    """As a StrategyLedger that was opened for reading."""
    store.open().record_order("O1", limit_order())

    async def main() -> None:
        async with open_ledger_async(store.url, strategy_id="alpha", read_only=True) as ledger:
            assert ledger.read_only
            with pytest.raises(ReadOnlyLedger):
                await ledger.record_order("O1", limit_order())
            assert (await ledger.get_order("O1")).state == "PLACED"

    asyncio.run(main())


def test_callback_that_exits_ends_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """SystemExit in the thread that writes is logged; what was stored is acknowledged, and the next command is done."""

    async def use(ledger: AsyncStrategyLedger) -> None:
        exits = [SystemExit(3)]

        def leave(*_: Any) -> None:
            if exits:
                raise exits.pop()

        await ledger.subscribe("leaving", leave)
        assert (await ledger.record_order("O1", limit_order())).state == "PLACED"
        assert (await ledger.record_order("O2", limit_order())).state == "PLACED"

    serve(use)
    assert "interrupted" in caplog.text


def test_clock_that_exits_is_told(repository: FaultyRepository) -> None:
    """A command that was interrupted before anything of it was written says so."""
    exits: list[BaseException] = []
    steps = SteppingClock()

    def clock() -> Any:
        if exits and threading.current_thread().name.startswith("strategy-ledger"):
            raise exits.pop()
        return steps()

    async def main() -> None:
        async with AsyncStrategyLedger(StrategyLedger(repository, clock=clock)) as ledger:
            exits.append(SystemExit(3))
            with pytest.raises(StorageError, match="nothing was written"):
                await ledger.record_order("O1", limit_order())
            assert (await ledger.record_order("O1", limit_order())).state == "PLACED"

    asyncio.run(main())


def test_threads_beside_the_loop_may_use_the_ledger_that_it_serves(repository: FaultyRepository) -> None:
    """One StrategyLedger for both: their commands are in one journal, in order, and see each other."""
    sync = StrategyLedger(repository)
    sync.record_order("shared", market_order(quantity=1000))

    def live(number: int) -> None:
        for index in range(10):
            sync.update_order_fill("shared", fill(f"t{number}-{index}", 1))

    async def main() -> None:
        async with AsyncStrategyLedger(sync) as ledger:
            await asyncio.gather(
                *(asyncio.to_thread(live, number) for number in range(3)),
                *(ledger.update_order_fill("shared", fill(f"c-{index}", 1)) for index in range(30)),
            )
            assert (await ledger.get_order("shared")).cum_quantity == 60
            assert (await ledger.verify()).is_intact

    asyncio.run(main())
