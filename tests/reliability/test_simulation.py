"""A ledger survives a life of errors, kills and power cuts, and the same seed is the same life."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from ledger_storage_sqlite import _writer
from reliability.campaign import require_kept
from reliability.machine import Machine
from reliability.power_cuts import scratch
from reliability.simulation import CAMPAIGN, simulated
from reliability.vfs import Event, Kind

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim below SQLite is proven on Linux only"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder in memory: what a real sync costs is no matter here."""
    with scratch() as made:
        yield Path(made)


def test_whatever_happens_a_ledger_that_is_given_every_step_again_ends_as_if_nothing_had() -> None:
    """Nothing acknowledged is ever missing, nothing is there twice, and the end is the one of an undisturbed life."""
    require_kept(CAMPAIGN)


def test_the_same_seed_is_the_same_life(folder: Path) -> None:
    """Every I/O call with its bytes, every error and every death come again; another seed is another life."""
    first = [simulated(seed, folder) for seed in range(6)]
    again = [simulated(seed, folder) for seed in range(6)]
    assert first == again
    assert len({told.trace for told in first}) == 6


def test_lives_are_as_hard_as_they_are_meant_to_be(folder: Path) -> None:
    """Among a few seeds there are errors, dropped syncs, kills, power cuts, steps given again and many openings."""
    counts: dict[str, int] = {}
    for seed in range(25):
        for name, count in simulated(seed, folder).counts.items():
            counts[name] = counts.get(name, 0) + count
    assert min(counts.values()) > 2, counts
    assert counts["power cuts"] > 15


def _loss(folder: Path, seeds: int, parameters: str = "") -> str | None:
    """Return the first loss that is found in the lives of so many seeds."""
    found = (violation for seed in range(seeds) for violation in simulated(seed, folder, parameters).violations)
    return next((violation for violation in found if ": lost: " in violation), None)


@pytest.mark.parametrize("durability", ["process", "none"])
def test_a_weaker_durability_is_seen_losing_what_was_acknowledged(durability: str, folder: Path) -> None:
    """Control: the same lives, with fewer syncs, lose acknowledged steps, and the oracle says so."""
    assert _loss(folder, 100, f"?durability={durability}")


def test_a_ledger_that_trusts_the_wal_after_a_failed_sync_is_seen_losing(folder: Path) -> None:
    """Control: without rewriting the WAL's bytes, what a failed sync dropped is believed, and lost by the next cut."""
    with patch.object(_writer, "rewrite_wal", lambda *_, **__: None):
        assert _loss(folder, 400)


def test_on_a_machine_that_is_down_nothing_happens(tmp_path: Path) -> None:
    """Every call fails, and none is noted: what a dead process would have done next is not done."""
    machine = Machine(tmp_path, random.Random(0))
    assert all(machine.decide(Event(kind, str(tmp_path / "f"), size=1, data=b"x")) for kind in Kind)
    assert machine.trace == []


def test_pages_that_the_machine_dropped_stay_lost(tmp_path: Path) -> None:
    """After a sync that failed so, a later sync that succeeds does not make the bytes durable."""
    machine, path = Machine(tmp_path, random.Random(0)), str(tmp_path.resolve() / "f")
    machine.start(may_die=False)
    machine.happened(Event(Kind.OPEN, path))
    machine.happened(Event(Kind.SYNC_FOLDER, str(tmp_path.resolve())))
    machine.happened(Event(Kind.WRITE, path, 0, 1, b"x"))
    with patch.object(machine, "_rate", 1.0):
        while not machine.counts["dropped syncs"]:
            assert machine.decide(Event(Kind.SYNC, path))
    machine.happened(Event(Kind.SYNC, path))
    assert machine._disk.unsynced == 1
