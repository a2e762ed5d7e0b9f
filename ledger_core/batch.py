"""Many commands in one durable write: each is decided at its call, nothing is acknowledged before the exit."""

from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

from ledger_core.changes import Head, Tip
from ledger_core.commands import AnyCommand
from ledger_core.decide.draft import Overlay
from ledger_core.errors import BatchConflict, BatchUsage
from ledger_core.methods import Commands
from ledger_core.model import Record
from ledger_core.writing import Decided, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_SIZE_MAX = 10_000
"""The most commands of one batch: it is held in memory and written in one transaction."""


class Batch(Commands):
    """The commands of `with ledger.batch() as batch:`.

    Each command sees the batch so far, and its record is provisional until the block is left. A refusal caught
    inside the block leaves the rest standing. An exception that leaves the block discards everything but what
    went to quarantine. If another writer was there first all commands are decided again, and a changed outcome
    raises BatchConflict with nothing written.
    """

    def __init__(self, writer: Writer, published: "Callable[[], None]") -> None:
        """Wait for the block to be entered."""
        self._writer = writer
        self._published = published
        self._overlay: Overlay | None = None
        self._base: Head | None = None
        self._tip: Tip | None = None
        self._commands: list[AnyCommand] = []
        self._told: list[Decided] = []

    def __enter__(self) -> "Batch":
        """Start on the records as they are."""
        if self._base is not None:
            raise BatchUsage("a batch is entered once; take a new one from ledger.batch()")
        with self._writer.lock:
            self._writer.catch_up()
            self._overlay = Overlay(self._writer.records)
            self._base = self._tip = self._writer.records.head
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write everything in one append; after an exception, only what was quarantined."""
        assert self._base is not None, "entered"
        self._overlay = None
        if kind is None:
            if self._commands:
                self._writer.execute_batch(self._base, self._commands, self._told)
        else:
            for command, told in zip(self._commands, self._told, strict=True):
                if told.refusal is not None and told.entry is not None:
                    self._writer.file_refused(command, told.refusal)
        self._published()

    def _execute(self, command: AnyCommand) -> Record:
        self._writer.refuse_if_read_only(command)
        if self._overlay is None or self._tip is None:
            raise BatchUsage("a batch takes commands inside its with block only")
        if len(self._commands) >= BATCH_SIZE_MAX:
            raise BatchUsage(f"a batch holds at most {BATCH_SIZE_MAX} commands")
        with self._writer.lock:
            try:
                decided = self._writer.decide_at(self._overlay, self._tip, command)
            except Exception as error:
                if self._writer.catch_up() or self._writer.records.head != self._base:
                    raise BatchConflict("another writer came in between; nothing of the batch was written") from error
                raise
        self._commands.append(command)
        self._told.append(decided)
        if decided.entry is not None:
            self._overlay.absorb(decided.staged)
            self._tip = decided.entry
        if decided.refusal is not None:
            raise decided.refusal
        assert decided.answer is not None, "a command is answered or refused"
        return decided.answer

    def _now(self) -> datetime:
        return self._writer.now()
