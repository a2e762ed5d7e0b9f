"""AsyncStrategyLedger: a StrategyLedger for asyncio, whose coroutines' commands share durable writes.

Every method is that of StrategyLedger or Batch, with its parameters and its meaning; this module says only where each
runs. A command is checked at its call, and executed by the one thread that writes, in the order given.
"""

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from datetime import datetime
from functools import partial, wraps
from itertools import islice
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, cast

from ledger_core.archiving import Archivist
from ledger_core.batch import Batch
from ledger_core.errors import InvalidValue, ReadOnlyLedger
from ledger_core.events import EventPublisher, StrategyCache
from ledger_core.ledger import Callback, StrategyLedger, open_ledger
from ledger_core.methods import Commands
from ledger_core.numbers import utc_now
from ledger_core.repository import PAGE_SIZE_MAX
from ledger_core.turns import Turns, heard

if TYPE_CHECKING:
    from ledger_core.commands import AnyCommand
    from ledger_core.model import Record
    from ledger_core.publishing import Follower

P = ParamSpec("P")
T = TypeVar("T")


def _command(
    method: Callable[Concatenate[Commands, P], T],
) -> "Callable[Concatenate[AsyncCommands, P], Coroutine[Any, Any, T]]":
    """Return the command as a coroutine function."""

    @wraps(method)
    async def give(self: "AsyncCommands", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await heard(self._give(lambda commands: method(commands, *args, **kwargs)))

    return give


def _question(
    method: Callable[Concatenate[StrategyLedger, P], T],
) -> "Callable[Concatenate[AsyncStrategyLedger, P], Coroutine[Any, Any, T]]":
    """Return the question as a coroutine function, answered in a thread that reads."""

    @wraps(method)
    async def ask(self: "AsyncStrategyLedger", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._answer(partial(method, self._ledger, *args, **kwargs))

    return ask


def _pages(
    method: Callable[Concatenate[StrategyLedger, P], Iterator[T]],
) -> "Callable[Concatenate[AsyncStrategyLedger, P], AsyncIterator[T]]":
    """Return the question as an asynchronous iterator, read page by page in a thread that reads."""

    @wraps(method)
    async def iterate(self: "AsyncStrategyLedger", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        found = await self._answer(partial(method, self._ledger, *args, **kwargs))
        while page := await self._answer(lambda: list(islice(found, PAGE_SIZE_MAX))):
            for one in page:
                yield one

    return iterate


def _job(
    method: Callable[Concatenate[StrategyLedger, P], T],
) -> "Callable[Concatenate[AsyncStrategyLedger, P], Coroutine[Any, Any, T]]":
    """Return the method as a coroutine function, with its turn among the commands."""

    @wraps(method)
    async def do(self: "AsyncStrategyLedger", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await heard(self._in_turn(partial(method, self._ledger, *args, **kwargs)))

    return do


class AsyncCommands(ABC):
    """The commands of StrategyLedger, awaitable. Cancelling an await does not cancel its command."""

    @abstractmethod
    def _give(self, call: Callable[[Commands], T]) -> asyncio.Future[T]:
        """Give the command that `call` makes, and return the future of its record."""

    record_order = _command(Commands.record_order)
    request_order_cancel = _command(Commands.request_order_cancel)
    request_order_replace = _command(Commands.request_order_replace)
    update_order_acceptance = _command(Commands.update_order_acceptance)
    update_order_fill = _command(Commands.update_order_fill)
    update_order_rejection = _command(Commands.update_order_rejection)
    update_order_cancellation = _command(Commands.update_order_cancellation)
    update_order_expiry = _command(Commands.update_order_expiry)
    update_order_in_doubt = _command(Commands.update_order_in_doubt)
    update_order_trigger = _command(Commands.update_order_trigger)
    update_order_guarantee = _command(Commands.update_order_guarantee)
    update_order_suspension = _command(Commands.update_order_suspension)
    update_order_resumption = _command(Commands.update_order_resumption)
    update_order_done_for_day = _command(Commands.update_order_done_for_day)
    update_order_restatement = _command(Commands.update_order_restatement)
    update_order_replacement = _command(Commands.update_order_replacement)
    update_order_request_rejection = _command(Commands.update_order_request_rejection)
    bust_order_fill = _command(Commands.bust_order_fill)
    correct_order_fill = _command(Commands.correct_order_fill)
    update_fill_fee = _command(Commands.update_fill_fee)
    report_order_status = _command(Commands.report_order_status)
    record_adjustment = _command(Commands.record_adjustment)
    resolve_quarantined = _command(Commands.resolve_quarantined)
    create_trade = _command(Commands.create_trade)
    update_trade = _command(Commands.update_trade)
    close_trade = _command(Commands.close_trade)


class AsyncBatch(AsyncCommands):
    """The commands of `async with ledger.batch() as batch:`; see Batch.

    Each command is checked and decided in its turn, and its record is provisional until the block is left. Leaving
    the block writes, or discards, even if that await is cancelled.
    """

    def __init__(self, batch: Batch, turns: Turns) -> None:
        """Wait for the block to be entered."""
        self._batch = batch
        self._turns = turns

    async def __aenter__(self) -> Self:
        """Start on the records as they are."""
        await heard(self._turns.job(self._batch.__enter__))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write everything in one append; after an exception, only what was quarantined."""
        await heard(self._turns.job(partial(self._batch.__exit__, kind, error, trace)))

    def _give(self, call: Callable[[Commands], T]) -> asyncio.Future[T]:
        return self._turns.job(partial(call, self._batch))


class AsyncFollower:
    """What `follow` returns: it delivers other processes' entries until it is stopped, or the ledger closed."""

    def __init__(self, follower: "Follower", turns: Turns) -> None:
        """Stand for the one that runs in its own thread."""
        self._follower = follower
        self._turns = turns

    async def stop(self) -> None:
        """Stop within a bounded time."""
        await self._turns.answer(self._follower.stop)


class AsyncStrategyLedger(AsyncCommands):
    """A StrategyLedger for one event loop: the same methods, to be awaited; `find_*` and `read_journal` iterate.

    Commands that coroutines give at the same time are one durable write; each is still decided in the order given,
    refused alone, and acknowledged only when durable. Cancelling an await does not cancel its command: it is stored,
    or refused, all the same, and a refusal that nobody awaits any more is logged.

    Publisher, cache and subscribers are called in the thread that writes, never in the loop's, before the commands
    that they are told of return; those of `subscribe(..., thread=True)` and of `follow` in threads of their own. They
    are plain functions that must not wait for this ledger; `loop.call_soon_threadsafe` takes them into the loop.
    """

    def __init__(self, ledger: StrategyLedger, turns: Turns | None = None) -> None:
        """Serve an open ledger to the running event loop; `open_ledger_async` opens one without blocking the loop."""
        self._ledger = ledger
        self._turns = turns or Turns()
        self._turns.serve(ledger._execute_all)  # noqa: SLF001  # made for this class alone
        self._giver = _Giver(ledger, self._turns)

    @property
    def strategy_id(self) -> str:
        """The strategy that this ledger keeps."""
        return self._ledger.strategy_id

    @property
    def read_only(self) -> bool:
        """Whether commands are refused with ReadOnlyLedger."""
        return self._ledger.read_only

    @property
    def archivist(self) -> Archivist:
        """What lets closed history go to an archive; its methods block, so call them in a thread."""
        return self._ledger.archivist

    def batch(self) -> AsyncBatch:
        """Return a block of commands that become durable together, in one write, when it is left. See AsyncBatch."""
        return AsyncBatch(self._ledger.batch(), self._turns)

    get_order = _question(StrategyLedger.get_order)
    get_trade = _question(StrategyLedger.get_trade)
    get_fill = _question(StrategyLedger.get_fill)
    get_order_day = _question(StrategyLedger.get_order_day)
    get_open_positions = _question(StrategyLedger.get_open_positions)
    get_position = _question(StrategyLedger.get_position)
    get_position_exposure = _question(StrategyLedger.get_position_exposure)
    unresolved = _question(StrategyLedger.unresolved)
    quarantined = _question(StrategyLedger.quarantined)
    find_orders = _pages(StrategyLedger.find_orders)
    find_fills = _pages(StrategyLedger.find_fills)
    find_trades = _pages(StrategyLedger.find_trades)
    find_adjustments = _pages(StrategyLedger.find_adjustments)
    get_history = _question(StrategyLedger.get_history)
    read_journal = _pages(StrategyLedger.read_journal)
    as_of = _question(StrategyLedger.as_of)
    reconcile = _question(StrategyLedger.reconcile)
    head = _question(StrategyLedger.head)
    explain_pnl = _question(StrategyLedger.explain_pnl)
    get_net_pnl = _question(StrategyLedger.get_net_pnl)
    get_trade_statistics = _question(StrategyLedger.get_trade_statistics)
    pending = _question(StrategyLedger.pending)
    verify = _question(StrategyLedger.verify)

    publish_pending = _job(StrategyLedger.publish_pending)
    skip_entry = _job(StrategyLedger.skip_entry)
    forget_subscriber = _job(StrategyLedger.forget_subscriber)
    note_upkeep = _job(StrategyLedger.note_upkeep)
    rebuild = _job(StrategyLedger.rebuild)

    async def subscribe(self, name: str, callback: Callback, *, thread: bool = False) -> None:
        """Deliver every event to `callback`, a plain function; see StrategyLedger.subscribe."""
        _refuse_coroutine_function(callback, "callback")
        await heard(self._in_turn(partial(self._ledger.subscribe, name, callback, thread=thread)))

    async def follow(self, interval: float) -> AsyncFollower:
        """Call `publish_pending` every `interval` seconds in a thread of its own, until `stop()` or close."""
        return AsyncFollower(await heard(self._in_turn(partial(self._ledger.follow, interval))), self._turns)

    async def close(self) -> None:
        """Do all that was given, and close the ledger. Twice is fine."""
        await asyncio.shield(self._turns.end(self._ledger.close))

    async def __aenter__(self) -> Self:
        """Use the ledger as a context manager that closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        await self.close()

    def _give(self, call: Callable[[Commands], T]) -> asyncio.Future[T]:
        return cast(asyncio.Future[T], call(self._giver))

    def _in_turn(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return self._turns.job(call)

    async def _answer(self, question: Callable[[], T]) -> T:
        return await self._turns.answer(question)


class Opening:
    """A ledger that is being opened: `await` it, or use it in `async with`, which closes the ledger at the end."""

    def __init__(self, open_it: Callable[[], StrategyLedger]) -> None:
        """Open nothing yet."""
        self._open_it = open_it
        self._ledger: AsyncStrategyLedger | None = None

    def __await__(self) -> Generator[Any, None, AsyncStrategyLedger]:
        """Open the ledger."""
        return self._open().__await__()

    async def __aenter__(self) -> AsyncStrategyLedger:
        """Open the ledger."""
        self._ledger = await self._open()
        return self._ledger

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, whatever happened."""
        assert self._ledger is not None, "entered"
        await self._ledger.close()

    async def _open(self) -> AsyncStrategyLedger:
        turns = Turns()
        opened: list[StrategyLedger] = []

        def close() -> None:
            for ledger in opened:
                ledger.close()

        try:
            await heard(turns.job(lambda: opened.append(self._open_it())))
        except BaseException:  # also where the await was cancelled while the ledger was being opened
            turns.end(close)
            raise
        return AsyncStrategyLedger(opened[0], turns)


def open_ledger_async(
    url_or_path: str | PathLike[str],
    *,
    strategy_id: str,
    publisher: EventPublisher | None = None,
    cache: StrategyCache | None = None,
    clock: Callable[[], datetime] = utc_now,
    read_only: bool = False,
    overfill: str = "quarantine",
    chain_key: bytes | None = None,
) -> Opening:
    """Open one strategy's ledger for the running event loop, without blocking the loop.

    `async with open_ledger_async(...) as ledger:` closes it at the end; `ledger = await open_ledger_async(...)` leaves
    that to `await ledger.close()`. Arguments and errors are those of `open_ledger`.
    """
    _refuse_coroutine_function(getattr(publisher, "publish", None), "publisher")
    _refuse_coroutine_function(getattr(cache, "store", None), "cache")
    return Opening(
        partial(
            open_ledger,
            url_or_path,
            strategy_id=strategy_id,
            publisher=publisher,
            cache=cache,
            clock=clock,
            read_only=read_only,
            overfill=overfill,
            chain_key=chain_key,
        )
    )


class _Giver(Commands):
    """The commands' own methods, of which executing means giving: they return a future in place of the record."""

    def __init__(self, ledger: StrategyLedger, turns: Turns) -> None:
        self._ledger = ledger
        self._turns = turns

    def _execute(self, command: "AnyCommand") -> "Record":
        if self._ledger.read_only:
            raise ReadOnlyLedger(f"{command.operation} needs a ledger opened for writing")
        return cast("Record", self._turns.command(command))

    def _now(self) -> datetime:
        return self._ledger._now()  # noqa: SLF001  # its clock, checked


def _refuse_coroutine_function(callback: object, argument: str) -> None:
    """Raise InvalidValue for a function that would only return a coroutine, which nobody would await."""
    if inspect.iscoroutinefunction(callback):
        raise InvalidValue(
            f"{argument} must be a plain function: it is called in a thread, and loop.call_soon_threadsafe leads from"
            " there into the loop",
            argument=argument,
            value=callback,
        )
