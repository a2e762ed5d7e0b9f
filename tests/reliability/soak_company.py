"""Who else is at the ledger during its long life: a thread that asks, and a process that reads and pins the WAL."""

import multiprocessing
import os
import sqlite3
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

from ledger_core import StrategyLedger, open_reader
from reliability.soak_trading import SLOTS
from reliability.workload import STRATEGY

OPEN_ORDERS_MAX = 2 * SLOTS
PAUSE = 0.05  # seconds between questions, so that whoever writes has most of the processor
_LONG_EVERY = 50  # questions
_LONG = 5_000  # fills of a long answer
_STOP_SECONDS = 60.0


class Asker:
    """A thread that puts questions to the very ledger that is written; `pausing` keeps it out meanwhile."""

    def __init__(self, ledger: StrategyLedger) -> None:
        """Begin to ask."""
        self.ledger = ledger
        self.questions = 0
        self.wrong: list[str] = []
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="asker")
        self._thread.start()

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Ask nothing inside the block."""
        with self._mutex:
            yield

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        try:
            while not self._stop.wait(PAUSE):
                with self._mutex:
                    self.wrong += _wrong_in(self.ledger)
                    if self.questions % _LONG_EVERY == 0:
                        _read_long(self.ledger)
                    self.questions += 1
        except Exception:  # noqa: BLE001  # whatever it is, it is what the campaign looks for
            self.wrong.append(f"a question in a thread: {traceback.format_exc()}")


def _wrong_in(ledger: StrategyLedger) -> Iterator[str]:
    positions = ledger.get_open_positions()
    if len(positions) > SLOTS:
        yield f"{len(positions)} positions are open, of at most {SLOTS}"
    orders = list(ledger.find_orders(is_open=True, limit=None))
    if len(orders) > OPEN_ORDERS_MAX:
        yield f"{len(orders)} orders are open, of at most {OPEN_ORDERS_MAX}"
    for order in orders[:1]:
        ledger.get_position_exposure(order.symbol)
        ledger.get_history(order.order_id)


def _read_long(ledger: StrategyLedger) -> None:
    """Read through many fills, page by page."""
    for _ in islice(ledger.find_fills(limit=None), _LONG):
        pass


class Neighbour:
    """Another process that reads the same file all the time, and pins the WAL for some seconds now and then."""

    def __init__(self, path: Path, *, pin_every: float, pin_for: float) -> None:
        """Start it."""
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._hears, tells = context.Pipe(duplex=False)
        arguments = (str(path), pin_every, pin_for, self._stop, tells)
        self._process = context.Process(target=_read_along, args=arguments, name="neighbour")
        self._process.start()
        tells.close()
        self.process_id = self._process.pid or 0

    @property
    def is_alive(self) -> bool:
        """Whether it still reads."""
        return self._process.is_alive()

    def stop(self) -> tuple[dict[str, int], list[str]]:
        """End it, and return what it did and what it found wrong."""
        self._stop.set()
        try:
            counts, wrong = self._hears.recv() if self._hears.poll(_STOP_SECONDS) else ({}, ["the reader hangs"])
        except EOFError:
            counts, wrong = {}, ["the reader died"]
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        return counts, wrong


def _read_along(path: str, pin_every: float, pin_for: float, stop: Event, tells: Connection) -> None:
    counts = {"looks by another process": 0, "pins of the WAL": 0}
    wrong: list[str] = []
    try:
        head, pinned, parent = 0, time.monotonic(), os.getppid()
        while not stop.is_set() and os.getppid() == parent:  # nobody is left alone when the writer is killed
            with open_reader(f"sqlite:///{path}") as reader:
                ledger = reader.strategy(STRATEGY)
                _read_long(ledger)
                for _ in range(_LONG_EVERY):
                    before, head = head, ledger.head().sequence
                    if head < before:
                        wrong.append(f"the journal ended at {before} and then at {head}")
                    reader.get_exposures()
                    wrong += _wrong_in(ledger)
                    counts["looks by another process"] += 1
                    if time.monotonic() - pinned >= pin_every:
                        wrong += _pin(path, pin_for, stop)
                        counts["pins of the WAL"] += 1
                        pinned = time.monotonic()
                    if stop.wait(PAUSE):
                        break
    except Exception:  # noqa: BLE001  # whatever it is, it is what the campaign looks for
        wrong.append(f"another process: {traceback.format_exc()}")
    tells.send((counts, wrong))


def _pin(path: str, seconds: float, stop: Event) -> Iterator[str]:
    """Hold a read transaction, as a tool does that somebody left open; it must see one state all the time."""
    question = "SELECT count(*), max(sequence) FROM (SELECT sequence FROM journal ORDER BY rowid DESC LIMIT 100)"
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN")
        before = connection.execute(question).fetchone()
        stop.wait(seconds)
        after = connection.execute(question).fetchone()
        connection.execute("COMMIT")
    finally:
        connection.close()
    if before != after:
        yield f"a read transaction saw {before} and then {after}"
