"""A power cut while history goes to an archive, while a checkpoint is made, or while the journal is cut."""

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from ledger_core import StrategyLedger, archiving, checkpoints, open_ledger
from ledger_core.changes import Head
from ledger_core.model import RecordKind
from ledger_core.repository import Query
from ledger_storage_sqlite import _writer, open_repository
from ledger_storage_sqlite import repository as adapter
from reliability.disk import Damage, Disk, Recorder, moments
from reliability.os_calls import adapter_watched
from reliability.power_cuts import scratch, url_in
from reliability.workload import STRATEGY, StepClock
from support import START, fill, market_order

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim below SQLite is proven on Linux only"),
]

ROUNDS = 6
CUT_AT = 20
LATER = START + timedelta(days=1)
EVERY = 17
"""Of the moments between two I/O events, so many are passed over for each that is tried with every damage."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder in memory."""
    with scratch() as made:
        yield Path(made)


@contextmanager
def in_small_steps() -> Iterator[None]:
    """Make each step of archiving several transactions, with checkpoints of the log in between."""
    with ExitStack() as stack:
        for where, name, small in (
            (archiving, "GROUPS_MAX", 2),
            (checkpoints, "PAGE_RECORDS", 4),
            (adapter, "_PAGES_AT_ONCE", 2),
            (adapter, "_ENTRIES_AT_ONCE", 5),
            (_writer, "CHECKPOINT_ROWS", 40),
        ):
            stack.enter_context(patch.object(where, name, small))
        yield


def opened(folder: Path) -> StrategyLedger:
    """Open the ledger of a folder."""
    clock = StepClock()
    clock.now = LATER
    return open_ledger(url_in(folder), strategy_id=STRATEGY, clock=clock)


def trade(ledger: StrategyLedger) -> None:
    """Buy and sell some times, and leave an order open."""
    for number in range(ROUNDS):
        for side in ("BUY", "SELL"):
            ledger.record_order(f"{side}{number}", market_order(side, 1), command_id="C", occurred_at=START)
            ledger.update_order_fill(f"{side}{number}", fill("F", 1, 100), occurred_at=START)
    ledger.record_order("OPEN", market_order(), occurred_at=START)


def archive_and_cut(ledger: StrategyLedger, through: Head) -> None:
    """Let go of all that is over, set the checkpoint, and cut; what was done before is not done again."""
    list(ledger.archivist.let_go("A1", ledger.archivist.archivable(LATER)))
    ledger.archivist.set_checkpoint("A1", through)
    ledger.archivist.cut()


def records(folder: Path) -> set[tuple[RecordKind, tuple[str, ...]]]:
    """Return what is stored, and what is known to be in an archive."""
    repository = open_repository(url_in(folder), strategy_id=STRATEGY)
    try:
        kinds = (RecordKind.ORDER, RecordKind.FILL, RecordKind.COMMAND, RecordKind.ARCHIVED)
        return {(one.kind, one.key) for kind in kinds for one in repository.find(Query(kind=kind))}
    finally:
        repository.close()


def test_a_power_cut_while_archiving_loses_nothing(folder: Path) -> None:
    """At every moment, whatever became of what was not synced: all is proven, and going on ends as without the cut."""
    life, image = folder / "life", folder / "image"
    life.mkdir()
    image.mkdir()
    disk, recorder, generator = Disk(life), Recorder(), random.Random(1)
    with in_small_steps(), adapter_watched(recorder, seed=1):
        with opened(life) as ledger:
            trade(ledger)
            (last,) = [entry for entry in ledger.read_journal() if entry.sequence == CUT_AT]
            through = Head(last.sequence, last.digest, last.recorded_at)
            begun = recorder.acknowledged = ledger.head().sequence
            archive_and_cut(ledger, through)
            recorder.acknowledged = ledger.head().sequence
        expected = records(life)
    tried = 0
    for moment in moments(recorder, disk):
        if moment.acknowledged < begun or moment.number % EVERY:
            continue
        for damage in Damage:
            disk.image(damage, generator).write_to(image)
            where = f"event {moment.number} ({moment.event.kind} of {moment.event.path}), {damage}"
            with in_small_steps(), opened(image) as ledger:
                assert ledger.head().sequence >= moment.acknowledged, where
                assert ledger.verify().is_intact, (where, ledger.verify().differences)
                first = next(ledger.read_journal()).sequence
                assert 1 <= first <= CUT_AT + 1, where
                archive_and_cut(ledger, through)
                assert next(ledger.read_journal()).sequence == CUT_AT + 1, where
                assert ledger.verify().is_intact, (where, ledger.verify().differences)
                ledger.rebuild()
                assert ledger.verify().is_intact, where
            assert records(image) == expected, where
            tried += 1
    assert tried > 100
