"""Turns: what the coroutines of an event loop give is done by one thread, in the order in which it was given.

Commands that are given in one round of the loop, or while a write syncs, are one group: one durable write, and one
call back into the loop. Questions, which change nothing, are answered by a few threads of their own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ledger_core.commands import AnyCommand
from ledger_core.errors import LedgerClosed, StorageError
from ledger_core.grouping import GROUP_MAX, Given

READERS_MAX = 4
"""How many questions are answered at once; further ones wait."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Command(Given):
    """A command, and the future of whoever gave it."""

    __slots__ = ("future",)

    def __init__(self, command: AnyCommand, future: asyncio.Future[Any]) -> None:
        super().__init__(command)
        self.future = future


class _Job:
    """Anything else that has its turn among the commands."""

    __slots__ = ("answer", "call", "error", "future")

    def __init__(self, call: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self.call = call
        self.future = future
        self.answer: Any = None
        self.error: BaseException | None = None


class Turns:
    """The thread that writes and the threads that read for one event loop."""

    def __init__(self) -> None:
        """Work for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="strategy-ledger-writer")
        self._readers = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="strategy-ledger-reader")
        self._given: list[_Command | _Job] = []  # in this round of the loop
        self._due: deque[_Command | _Job] = deque()
        self._end: asyncio.Future[None] | None = None

    def serve(self, execute_all: Callable[[Sequence[Given]], None]) -> None:
        """Execute commands by this function from now on."""
        self._execute_all = execute_all

    def command(self, command: AnyCommand) -> asyncio.Future[Any]:
        """Execute a command in its turn, together with those beside it."""
        one = _Command(command, self._future())
        self._give(one)
        return one.future

    def job(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Call something in its turn, in the thread that writes."""
        one = _Job(call, self._future())
        self._give(one)
        return one.future

    async def answer(self, question: Callable[[], T]) -> T:
        """Answer a question in a thread that reads."""
        self._require_open()
        return await self._loop.run_in_executor(self._readers, question)

    def end(self, close: Callable[[], None]) -> asyncio.Future[None]:
        """Do what was given, answer what was asked, and close; further calls return the same future."""

        def close_last() -> None:
            try:
                self._readers.shutdown()
                close()
            finally:
                self._writer.shutdown(wait=False)  # here, since the loop may have ended meanwhile

        if self._end is None:
            self._end = self.job(close_last)
        return self._end

    def _require_open(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError("this ledger belongs to another event loop; open one in each")
        if self._end is not None:
            raise LedgerClosed("this ledger is closed")

    def _future(self) -> asyncio.Future[Any]:
        self._require_open()
        return self._loop.create_future()

    def _give(self, one: _Command | _Job) -> None:
        if not self._given:
            self._loop.call_soon(self._start)  # behind every coroutine that is ready to give something as well
        self._given.append(one)

    def _start(self) -> None:
        given, self._given = self._given, []
        self._due.extend(given)
        self._writer.submit(self._work)

    def _work(self) -> None:
        """Do what is due; another round's may have been done by the call before."""
        while self._due:
            one = self._due.popleft()
            if isinstance(one, _Job):
                self._do(one)
                continue
            group = [one]
            while self._due and len(group) < GROUP_MAX and isinstance(following := self._due[0], _Command):
                group.append(following)
                self._due.popleft()
            self._write(group)

    def _write(self, group: list[_Command]) -> None:
        try:
            self._execute_all(group)
        except BaseException as error:  # noqa: BLE001  # a callback may even ask the thread to exit
            _log.exception("the thread that writes was interrupted")
            for one in group:
                if not one.is_told:
                    one.error = StorageError(f"the thread that writes was interrupted; nothing was written: {error!r}")
        self._tell(group)

    def _do(self, job: _Job) -> None:
        try:
            job.answer = job.call()
        except BaseException as error:  # noqa: BLE001  # it is raised where the job's future is awaited
            job.error = error
        self._tell([job])

    def _tell(self, done: Sequence[_Command | _Job]) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, done)
        except RuntimeError:  # the loop is closed: nobody awaits anything any more
            for one in done:
                if one.error is not None:
                    _log_unheard(one.error)


async def heard(future: asyncio.Future[T]) -> T:
    """Await a future. Cancelling that does not cancel what was given; if it fails, the log says so."""
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled() and (error := future.exception()) is not None:
            _log_unheard(error)
        raise


def _resolve(done: Sequence[_Command | _Job]) -> None:
    for one in done:
        if one.error is None:
            if not one.future.cancelled():
                one.future.set_result(one.answer)
        elif one.future.cancelled():
            _log_unheard(one.error)
        else:
            one.future.set_exception(one.error)


def _log_unheard(error: BaseException) -> None:
    _log.error("nobody awaited this any more: %s", error, exc_info=error)
