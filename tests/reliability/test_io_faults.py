"""Whatever I/O call fails, nothing is lost and nobody is told anything untrue; and an adapter that errs is seen."""

import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any
from unittest.mock import patch

import pytest

from ledger_core import StrategyLedger
from ledger_core.errors import StorageError, StorageFull
from ledger_storage_memory import MemoryRepository
from ledger_storage_sqlite import _writer, repository, statements
from reliability.campaign import require_kept
from reliability.failing_calls import ERRORS, Call, Faults, Lasts, Point, Way, points_of
from reliability.io_faults import CAMPAIGN, Judge, Setting, Trials, tried
from reliability.oracle import Reference, violations
from reliability.stretches import LENGTH, Right, Start, rehearsed, stretch_of
from reliability.vfs import Event, Kind, Partly
from reliability.workload import STRATEGY, StepClock, leave_step, run_step

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim below SQLite is proven on Linux only"),
]

_SEED = 1


def test_whichever_call_fails_nothing_is_lost_and_the_next_try_succeeds() -> None:
    """Only typed errors come out, answers are right, and once the fault is over the life is lived to its end."""
    require_kept(CAMPAIGN)


def _is_sync(call: Call) -> bool:
    return call.kind is Kind.SYNC and call.name == "x.db-wal"


def _is_read(call: Call) -> bool:
    return call.kind is Kind.READ and call.name == "x.db"


def _is_mark(call: Call) -> bool:
    return call.kind is Kind.READ and call.name == "x.db-lock"


def _found(
    broken: Callable[[], AbstractContextManager[Any]],
    is_meant: Callable[[Call], bool],
    count: int = 4,
) -> list[str]:
    """Return what is found of a broken adapter, where calls that are meant fail, so many of them."""
    stretch, faults = stretch_of(_SEED, Start.CLOSED), Faults()
    found: list[str] = []
    with rehearsed(stretch, faults) as (folder, shim), broken():
        trials = Trials(stretch, Setting(Start.CLOSED), folder, faults, shim)
        calls = [(number, call) for number, call in enumerate(trials.calls()) if is_meant(call)]
        for number, call in calls[:: -(-len(calls) // count)]:
            for way in Way:
                point = Point(number, call.kind, call.name, ERRORS[call.kind][0], way=way)
                found += trials.lived([point]).found
                if shim.open_paths():
                    return found  # a further life would not be the same
    return found


def test_a_sound_adapter_is_not_complained_of() -> None:
    """Control of the controls: at the same points the shipped adapter does nothing wrong."""
    assert _found(nullcontext, _is_sync) == []


def test_an_adapter_that_believes_a_failed_commit_is_seen_to_lose_it() -> None:
    """Control: who acknowledges what COMMIT did not confirm is told of the loss."""

    def believes(_writer: _writer.Writer, connection: sqlite3.Connection, _what: str) -> None:
        with suppress(sqlite3.Error):
            connection.execute(statements.COMMIT)

    found = _found(lambda: patch.object(_writer.Writer, "_commit", believes), _is_sync, count=100)
    assert any(violation.startswith("lost: ") for violation in found), found


@pytest.mark.parametrize(("is_meant", "error"), [(_is_read, "OperationalError"), (_is_mark, "OSError")])
def test_an_adapter_that_lets_the_drivers_errors_out_is_seen(is_meant: Callable[[Call], bool], error: str) -> None:
    """Control: an error that is none of the ledger's is a violation, wherever it comes out."""
    found = _found(lambda: patch.object(repository, "translated", lambda _what: nullcontext()), is_meant)
    assert any(violation.startswith(f"raised {error}: ") for violation in found), found


def test_an_adapter_that_takes_an_unknown_outcome_for_a_failure_is_seen() -> None:
    """Control: StorageFull says that nothing was written; where something was, that is a violation."""

    def is_sure(writer: _writer.Writer, connection: sqlite3.Connection, what: str) -> None:
        try:
            connection.execute(statements.COMMIT)
        except sqlite3.Error as error:
            writer._discard()
            raise StorageFull(what) from error

    found = _found(lambda: patch.object(_writer.Writer, "_commit", is_sure), _is_sync)
    assert any(violation.startswith("wrong: ") and "says of head" in violation for violation in found), found


def test_an_adapter_that_leaves_a_connection_open_is_seen() -> None:
    """Control: what is not closed after an error is found, even if the garbage collector would close it one day."""
    kept: list[sqlite3.Connection] = []

    def forgets(writer: _writer.Writer) -> None:
        if writer._connection is not None:
            kept.append(writer._connection)
        writer._connection = None
        writer.reader.disconnect()
        writer._users.release()

    found = _found(lambda: patch.object(_writer.Writer, "_discard", forgets), _is_sync)
    for connection in kept:
        connection.close()
    assert any(violation.startswith("left open after closing, for ever: ") for violation in found), found


def test_an_adapter_that_never_recovers_is_seen() -> None:
    """Control: a ledger that goes on failing when nothing fails any more is a violation."""

    def refuses(_writer: _writer.Writer) -> None:
        raise StorageError("no connection")

    found = _found(lambda: patch.object(_writer.Writer, "_reconnect", refuses), _is_sync)
    assert any(violation.startswith("stuck: ") for violation in found), found


def test_a_batch_that_was_left_may_have_filed_what_it_told_and_nothing_else() -> None:
    """Seed 17, kept: a batch that an I/O error leaves files the facts that it had told, one or two; half of it is torn."""
    reference = Reference.of(17, LENGTH)
    step = reference.steps[10]
    assert step.is_batch
    judges = list(Judge(reference, Right.of(17, LENGTH)).if_left(step))
    assert [judge.reference.left_heads.get(10) for judge in judges] == [None, 17, 18]

    def is_right(happens: Callable[[StrategyLedger, StepClock], object]) -> bool:
        clock, store = StepClock(), MemoryRepository(strategy_id=STRATEGY)
        ledger = StrategyLedger(store, clock=clock)
        for earlier in reference.steps[:10]:
            run_step(ledger, clock, earlier)
        happens(ledger, clock)
        return any(not violations(store, judge.reference, 10, 11) for judge in judges)

    assert is_right(lambda ledger, clock: None)
    assert is_right(lambda ledger, clock: run_step(ledger, clock, step))
    for count in range(len(step.commands) + 1):
        assert is_right(lambda ledger, clock, count=count: leave_step(ledger, clock, step, count))  # type: ignore[misc]
    for command in step.commands[1:3]:
        assert not is_right(lambda ledger, clock, command=command: command.on(ledger))  # type: ignore[misc]


def test_a_stretch_that_commits_nothing_is_tried_without_a_failed_commit_before_it() -> None:
    """All that seed 219 has to tell behind a failed commit is known already."""
    told = tried(219, 3, None)
    assert (told.done, told.violations) == (3, ())


def test_the_same_seed_tries_the_same_points() -> None:
    """A violation can be replayed: a seed has the same points, and the same comes of them."""
    assert tried(3, 5, None) == tried(3, 5, None)


@pytest.mark.parametrize(
    ("lasts", "failing"),
    [(Lasts.ONCE, [1]), (Lasts.KIND, [1, 3]), (Lasts.ALL, [1, 2, 3])],
)
def test_a_fault_lasts_as_long_as_it_is_said_to(lasts: Lasts, failing: list[int]) -> None:
    """A fault is one call's, all calls' of its kind, or all calls', until it is mended."""
    faults = Faults()
    faults.begin([Point(1, Kind.SYNC, "x.db", sqlite3.SQLITE_IOERR_FSYNC, lasts)])
    calls = [Event(kind, "/x.db") for kind in (Kind.READ, Kind.SYNC, Kind.READ, Kind.SYNC)]
    assert [number for number, call in enumerate(calls) if faults.decide(call)] == failing
    faults.mend()
    assert not any(faults.decide(call) for call in calls)


def test_a_full_disk_takes_a_part_of_what_is_written() -> None:
    """Every call fails in every way for every duration; what finds the disk full is written in part."""
    calls = [Call(Kind.READ, "x.db", 8), Call(Kind.WRITE, "x.db", 512)]
    points = list(points_of(calls, 0, random.Random(0)))
    assert [point.number for point in points] == [0] * 3 + [1] * 6
    answers = {point.answer for point in points if isinstance(point.answer, Partly)}
    assert len(answers) == 1
    assert all(answer.code == sqlite3.SQLITE_FULL and answer.size < 512 for answer in answers)
