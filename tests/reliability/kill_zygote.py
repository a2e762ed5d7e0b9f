"""Processes to kill: a zygote forks one for each life of a writer, and what it tells survives it.

The zygote is a fresh interpreter that has imported everything once and has no file open, no thread and no SQLite
connection: a fork() of it is as good as a new process, and a hundred times as fast. A life tells by records in a
pipe, each one write: what is in the pipe was told before the process died. Whoever started a life kills it and has
the zygote collect it; a life whose listener is gone ends at its next word, and a zygote whose owner is gone kills
its lives and ends.
"""

import faulthandler
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import attrs

WAIT = 60.0
"""Seconds after which a process counts as hung."""

ABORT_SECONDS = 0.5
"""How long a process that hangs is given to print where it does."""

THROUGH: Final = "z"
FAILED: Final = "!"
"""Told when a life's program has returned, and with the traceback when it has raised."""

_RECORD: Final = struct.Struct("<cII")  # the word, a number, the length of what follows
_POLL = 0.000_2


class Hung(AssertionError):
    """A process did not end, or did not tell anything, within WAIT seconds."""


@attrs.frozen
class Told:
    """One record: a word of one letter, a number, and bytes that belong to it."""

    word: str
    number: int
    content: bytes = b""


class Teller:
    """The end of the pipe in a life: what `tell` has returned from is heard, whatever happens to the process."""

    def __init__(self, descriptor: int) -> None:
        """Tell through a pipe."""
        self.descriptor = descriptor

    def tell(self, word: str, number: int = 0, content: bytes = b"") -> None:
        """Tell one record, from any thread; the process ends if nobody listens any more."""
        record = _RECORD.pack(word.encode(), number, len(content)) + content
        try:
            if os.write(self.descriptor, record) != len(record):
                os._exit(3)  # only records beyond PIPE_BUF are torn, and those are the last words of a failed life
        except BrokenPipeError:
            os._exit(3)


Program = Callable[..., None]
"""What a life runs: program(teller, **arguments). It is named "module:function", its arguments are JSON."""


class Life:
    """A process, seen by the one who started it."""

    def __init__(self, zygote: "Zygote", pid: int, descriptor: int) -> None:
        """Listen to a process that was started."""
        self._zygote = zygote
        self.pid = pid
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._heard = bytearray()
        self._has_ended = False
        self.code: int | None = None
        os.set_blocking(descriptor, False)

    def next(self, timeout: float = WAIT) -> Told | None:
        """Return the next record; None when `timeout` is over or the process has said its last."""
        deadline = time.monotonic() + timeout
        while (told := self._take()) is None and not self._has_ended:
            remaining = deadline - time.monotonic()
            if not self._receive() and not self._has_ended:
                if remaining <= 0:
                    return None
                self._poll.poll(remaining * 1000)
        return told

    @property
    def is_silent(self) -> bool:
        """Whether nothing more will be told."""
        return self._has_ended and len(self._heard) == 0

    def listen(self, seconds: float) -> Iterator[Told]:
        """Generate what is told in this time."""
        deadline = time.monotonic() + seconds
        while (told := self.next(max(0.0, deadline - time.monotonic()))) is not None:
            yield told

    def kill(self) -> list[Told]:
        """Kill the process as `kill -9` does, and collect it."""
        os.kill(self.pid, signal.SIGKILL)
        return self.collect()

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self.pid, number)

    def abort(self) -> None:
        """End a process that hangs; it prints where its threads are."""
        os.kill(self.pid, signal.SIGABRT)
        time.sleep(ABORT_SECONDS)
        self.kill()

    def collect(self) -> list[Told]:
        """Wait until the process has ended, set `code`, and return what it had still told; raise Hung if it does not end.

        A negative code is the signal that ended it.
        """
        self.code = self._zygote.reap(self)
        return self.close()

    def close(self) -> list[Told]:
        """Return what is still in the pipe, and close it."""
        told = []
        while (one := self.next(0.0)) is not None:
            told.append(one)
        os.close(self._descriptor)
        return told

    def _take(self) -> Told | None:
        if len(self._heard) < _RECORD.size:
            return None
        word, number, length = _RECORD.unpack_from(self._heard)
        end = _RECORD.size + length
        if len(self._heard) < end:
            return None
        told = Told(word.decode(), number, bytes(self._heard[_RECORD.size : end]))
        del self._heard[:end]
        return told

    def _receive(self) -> bool:
        try:
            heard = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return False
        self._heard += heard
        self._has_ended = not heard
        return bool(heard)


class Zygote:
    """The owner's side: start lives, collect them; on leaving, everything that was started is gone."""

    def __init__(self, *programs: str, warm_up: str | None = None) -> None:
        """Start the interpreter, let it import the programs' modules and run `warm_up`, a function without arguments."""
        ours, theirs = socket.socketpair()
        tests = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), tests])
        modules = [program.partition(":")[0] for program in (*programs, *filter(None, [warm_up]))]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(theirs.fileno()), json.dumps(modules), warm_up or ""],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )
        self._connection = ours
        self._connection.settimeout(2 * WAIT)
        self._lives: set[Life] = set()

    def __enter__(self) -> Self:
        """Use the zygote in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it and all that it started."""
        self.close()

    def start(self, program: str, **arguments: Any) -> Life:
        """Start a life."""
        ours, theirs = os.pipe()
        try:
            answer = self._ask({"program": program, "arguments": arguments}, theirs)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        life = Life(self, answer["pid"], ours)
        self._lives.add(life)
        return life

    def reap(self, life: Life) -> int:
        """Return the exit code of a life that ends; raise Hung, and kill it, if it does not."""
        status = self._ask({"reap": life.pid})["status"]
        if status is None:
            raise Hung(f"process {life.pid} did not end within {WAIT:.0f} s")
        self._lives.discard(life)
        return int(status)

    def close(self) -> None:
        """Kill what still runs, also what the lives started themselves."""
        self._connection.close()
        try:
            self._process.wait(WAIT)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(WAIT)
        while self._lives:
            self._lives.pop().close()

    def _ask(self, request: Mapping[str, Any], descriptor: int | None = None) -> dict[str, Any]:
        data = json.dumps(request).encode() + b"\n"
        answer = bytearray()
        try:
            socket.send_fds(self._connection, [data], [] if descriptor is None else [descriptor])
            while not answer.endswith(b"\n"):
                part = self._connection.recv(65536)
                if not part:
                    raise BrokenPipeError
                answer += part
        except (BrokenPipeError, ConnectionResetError):
            raise Hung("the zygote has ended; what it printed says why") from None
        return dict(json.loads(answer))


_SERVE = "import sys; from reliability.kill_zygote import serve; serve(*sys.argv[1:])"


def serve(descriptor: str, modules: str, warm_up: str) -> None:
    """Fork lives and collect them, as asked, until the owner is gone."""
    logging.getLogger().addHandler(logging.NullHandler())  # what goes wrong is told, not printed
    for module in json.loads(modules):
        importlib.import_module(module)
    if warm_up:
        _function(warm_up)()
    gc.collect()
    gc.freeze()  # so that a child's collections touch, and copy, none of our pages
    connection = socket.socket(fileno=int(descriptor))
    children: set[int] = set()
    try:
        while (asked := _receive(connection)) is not None:
            request, given = asked
            if "reap" in request:
                answer = {"status": _collect(request["reap"], children)}
            else:
                pid = os.fork()
                if pid == 0:
                    connection.close()
                    _live(given, request)
                os.close(given)
                children.add(pid)
                answer = {"pid": pid}
            connection.sendall(json.dumps(answer).encode() + b"\n")
    except BrokenPipeError:
        pass  # the owner is gone
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        _end_session()


def _receive(connection: socket.socket) -> tuple[dict[str, Any], int] | None:
    data, descriptors, _, _ = socket.recv_fds(connection, 65536, 1)
    while data and not data.endswith(b"\n"):
        data += connection.recv(65536)
    return (json.loads(data), descriptors[0] if descriptors else -1) if data else None


def _collect(pid: int, children: set[int]) -> int | None:
    """Return the exit code of a child; None if it had to be killed because it did not end."""
    deadline = time.monotonic() + WAIT
    pause = _POLL
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            break
        if time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            children.discard(pid)
            return None
        time.sleep(pause)
        pause = min(2 * pause, 0.01)
    children.discard(pid)
    return os.waitstatus_to_exitcode(status)


def _live(descriptor: int, request: Mapping[str, Any]) -> None:
    """Be a life: run the program, and end without any of the interpreter's clean-up."""
    faulthandler.enable()
    teller = Teller(descriptor)
    code = 1
    try:
        _function(request["program"])(teller, **request["arguments"])
        teller.tell(THROUGH)
        code = 0
    except BaseException:  # noqa: BLE001  # whatever it is, the owner must see it
        teller.tell(FAILED, content=traceback.format_exc()[-3500:].encode())
    finally:
        os._exit(code)


def _function(name: str) -> Program:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]  # as the caller named it


def _end_session() -> None:
    """End what lives have left behind them: it is of our session, which holds nobody else."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(0, signal.SIGKILL)
