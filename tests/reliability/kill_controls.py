"""Row 13: writers that are wrong on purpose, each in a way that a campaign of kills or limits is there to find."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ledger_core import Cursor, Entry, StorageError, StrategyLedger
from ledger_core.writing import Writer
from ledger_storage_sqlite import SqliteRepository
from ledger_storage_sqlite._locks import LockFile, WriteLock
from reliability import kill_publishers, kill_writers, kills, limits
from reliability.kill_zygote import Teller
from reliability.oracle import Reference
from reliability.workload import Outcome, Step, StepClock, run_step


class _HastyTeller(Teller):
    """Tells that a step is acknowledged before it is given to the ledger."""

    def __init__(self, teller: Teller, seed: int) -> None:
        """Tell in the place of another."""
        super().__init__(teller.descriptor)
        self._answers = [kills.digest_of(outcome) for outcome in Reference.of(seed).outcomes]

    def tell(self, word: str, number: int = 0, content: bytes = b"") -> None:
        """Tell a step's beginning and end at once, and its end not again."""
        if word != kills.ACKNOWLEDGED:
            super().tell(word, number, content)
        if word == kills.BEGUN:
            super().tell(kills.ACKNOWLEDGED, number, self._answers[number])


def acknowledge_before_commit(teller: Teller, url: str, seed: int, first: int) -> None:
    """Be a writer whose caller is told too early."""
    kills.trade(_HastyTeller(teller, seed), url, seed, first)


def publish_before_commit(teller: Teller, url: str, seed: int, first: int) -> None:
    """Be a writer that publishes an entry, and then commits it."""
    append = Writer.append

    def publish_and_append(self: Writer, entries: tuple[Entry, ...], *cursors: Any) -> bool:
        for entry in entries:
            self._publishing.committed(entry)
        self._publishing.deliver()
        return append(self, entries, *cursors)

    Writer.append = publish_and_append  # type: ignore[assignment]  # wrong on purpose
    kill_publishers.publish(teller, url, seed, first)


def publish_without_outbox(teller: Teller, url: str, seed: int, first: int) -> None:
    """Be a writer that publishes what it commits itself, and nothing that was committed before it was there."""

    def claim(self: SqliteRepository, subscriber: str) -> Cursor:
        return Cursor(subscriber, self.head().sequence)

    SqliteRepository.claim = claim  # type: ignore[method-assign]  # wrong on purpose
    kill_publishers.publish(teller, url, seed, first)


def write_without_dedupe(teller: Teller, life: int, **arguments: Any) -> None:
    """Be one of the writers, which after a death gives the command that it was not told of with a new id."""
    kill_writers.write(teller, life=life, suffix=f".{life}", **arguments)


def write_under_a_lock_that_outlives(teller: Teller, **arguments: Any) -> None:
    """Be one of the writers, whose lock is a file that is there, and stays when its process is killed."""

    def try_acquire(self: LockFile) -> bool:
        try:
            os.close(os.open(f"{self.path}.held", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def release(self: LockFile) -> None:
        Path(f"{self.path}.held").unlink()

    WriteLock.try_acquire = try_acquire  # type: ignore[method-assign]  # wrong on purpose
    WriteLock.release = release  # type: ignore[method-assign]  # wrong on purpose
    kill_writers.write(teller, **arguments)


def claim_without_room(teller: Teller, **arguments: Any) -> None:
    """Be a caller without room who takes every refusal for a success."""

    def claimed(ledger: StrategyLedger, clock: StepClock, step: Step) -> Outcome:
        with suppress(StorageError):
            return run_step(ledger, clock, step)
        return ()

    vars(limits)["run_step"] = claimed
    limits.work_without_room(teller, **arguments)
