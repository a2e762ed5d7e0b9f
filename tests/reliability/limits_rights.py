"""Row 12, further: the file, its folder or the whole disk becomes read-only, and writable again.

Half of a workload is done; then writing is forbidden. Whoever has the ledger open goes on, or gets a StorageError;
opening it for writing is a StorageError that leaves everything as it was; reading goes on, whether the writer before
had closed the file or was killed. When writing is allowed again the workload is done to its end, and nothing of it is
missing.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from ledger_core import LedgerRepository, StorageError, StrategyLedger
from ledger_storage_sqlite import open_repository
from reliability.kill_zygote import Teller
from reliability.limits import IMPOSSIBLE, WRONG
from reliability.limits_disk import SmallDisk
from reliability.oracle import Reference, violations
from reliability.workload import STRATEGY, StepClock, run_step

REFUSED: Final = "r"
"""Told with the error that opening for writing raised."""

PROGRAM = "reliability.limits_rights:work_without_rights"
NOBODY = 65534


@attrs.frozen
class Rights:
    """How writing is forbidden, and allowed again."""

    forbid: Callable[[], None]
    allow: Callable[[], None]


def work_without_rights(teller: Teller, folder: str, what: str, seed: int, is_killed: bool) -> None:
    """Do half of a workload, do without the right to write, and do the rest."""
    try:
        place, rights = _prepared(Path(folder), what)
    except OSError as error:
        teller.tell(IMPOSSIBLE, content=str(error).encode())
        return
    worker = _Worker(teller, place, seed)
    half = len(worker.reference.steps) // 2
    worker.work_in_a_child(half, is_killed=is_killed)
    rights.forbid()
    worker.look(half)
    worker.open_to_write()
    worker.look(half)
    rights.allow()
    if what != "disk":  # which cannot be made read-only under an open file
        worker.work_while(rights, half)
        half += 1
    worker.work_in_a_child(len(worker.reference.steps), first=half)
    worker.look(len(worker.reference.steps))


def _prepared(folder: Path, what: str) -> tuple[Path, Rights]:
    """Return where to work, and how it becomes read-only; who may do everything becomes somebody who may not."""
    if what == "disk":
        disk = SmallDisk(folder)
        return folder, Rights(
            lambda: disk.make_read_only(is_read_only=True), lambda: disk.make_read_only(is_read_only=False)
        )
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    place = folder / "place"
    place.mkdir()
    if what == "folder":
        return place, Rights(lambda: _close_folder(place), lambda: place.chmod(0o755))
    return place, Rights(lambda: _change_files(place, 0o444), lambda: _change_files(place, 0o644))


def _close_folder(folder: Path) -> None:
    """Let nothing be made in the folder, where something has to be."""
    (folder / "ledger.db-lock").unlink(missing_ok=True)
    folder.chmod(0o555)


def _change_files(folder: Path, mode: int) -> None:
    for path in folder.glob("ledger.db*"):
        if path.is_file():
            path.chmod(mode)


class _Worker:
    """Works on one file, each time in a process of its own, as a bot that is started again."""

    def __init__(self, teller: Teller, folder: Path, seed: int) -> None:
        self.reference = Reference.of(seed)
        self._teller = teller
        self._url = f"sqlite:///{folder / 'ledger.db'}"

    def work_in_a_child(self, last: int, *, first: int = 0, is_killed: bool = False) -> None:
        """Do steps in a process that closes the ledger or does not."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                clock = StepClock()
                ledger = StrategyLedger(self._repository(), clock=clock)
                for step in self.reference.steps[first:last]:
                    run_step(ledger, clock, step)
                if not is_killed:
                    ledger.close()
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            self._tell_wrong(f"steps {first} to {last} ended with exit code {code}")

    def work_while(self, rights: Rights, number: int) -> None:
        """Do a step in a ledger that was opened before writing was forbidden, then or when it is allowed again."""
        clock = StepClock()
        repository = self._repository()
        with StrategyLedger(repository, clock=clock) as ledger:
            step, done = self.reference.steps[number], number
            rights.forbid()
            try:
                run_step(ledger, clock, step)
                done += 1
            except StorageError:
                pass
            self._compare(repository, done)
            rights.allow()
            run_step(ledger, clock, step)
            self._compare(repository, number + 1)

    def open_to_write(self) -> None:
        """Open for writing, which is refused by a StorageError or possible."""
        try:
            self._repository().close()
        except StorageError as error:
            self._teller.tell(REFUSED, content=f"{type(error).__name__}: {error}"[:500].encode())

    def look(self, done: int) -> None:
        """Read without the right to write."""
        repository = self._repository(read_only=True)
        self._compare(repository, done)
        repository.close()

    def _repository(self, *, read_only: bool = False) -> LedgerRepository:
        return open_repository(self._url, strategy_id=STRATEGY, read_only=read_only)

    def _compare(self, repository: LedgerRepository, done: int) -> None:
        for violation in violations(repository, self.reference, done, done):
            self._tell_wrong(f"after {done} steps: {violation}")

    def _tell_wrong(self, what: str) -> None:
        self._teller.tell(WRONG, content=what[:1500].encode())
