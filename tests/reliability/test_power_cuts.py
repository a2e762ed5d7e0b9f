"""A power cut loses nothing that was acknowledged; and where it must lose something, the same inspection sees it."""

import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ledger_storage_sqlite import _connections
from reliability.campaign import require_kept
from reliability.disk import Damage, Moment
from reliability.power_cuts import CAMPAIGN, SHIPPED, Inspection, Setting, inspected, lived, scratch

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim below SQLite is proven on Linux only"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder in memory: what a real sync costs is no matter here."""
    with scratch() as made:
        yield Path(made)


_WANTED = 150
"""Images that a control is given to show its loss; each shows it in many."""


def test_a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() -> None:
    """Whatever the cut did to what was not synced, the ledger opens, holds what was acknowledged, and goes on."""
    require_kept(CAMPAIGN)


class _InDeleteMode(sqlite3.Connection):
    """Stays in the rollback journal's mode, and says that it is in WAL mode."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Pass on all but the switch to WAL."""
        return super().execute("SELECT 'wal'" if sql == "PRAGMA journal_mode = WAL" else sql, parameters)


@contextmanager
def _delete_mode(synchronous: int) -> Iterator[None]:
    def connect(uri: str, *, busy_timeout: float) -> sqlite3.Connection:
        return sqlite3.connect(
            uri,
            uri=True,
            timeout=busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=_InDeleteMode,
        )

    with (
        patch.object(_connections, "connect", connect),
        patch.dict(_connections._SYNCHRONOUS, {"EXTRA": synchronous}),
    ):
        yield


def _losses(folder: Path, setting: Setting, seed: int = 1, wanted: int = _WANTED) -> list[str]:
    tally = inspected(seed, folder, wanted, None, setting)
    assert tally.done >= wanted, "the control was not given what it was to be given"
    return [found for found in tally.violations if ": lost: " in found]


@pytest.mark.parametrize("durability", ["process", "none"])
def test_the_inspection_sees_what_a_weaker_durability_loses(durability: str, folder: Path) -> None:
    """Control: without a sync at each commit acknowledged entries are lost, and the oracle says so."""
    assert _losses(folder, Setting(parameters=f"?durability={durability}"))


def test_an_image_that_was_seen_before_is_judged_anew_when_more_was_acknowledged(folder: Path) -> None:
    """Files that were right when nothing was acknowledged are a loss once something was, though they are the same."""
    for name in ("life", "image"):
        (folder / name).mkdir()
    life = lived(1, folder / "life")
    event = life.recorder.trace[-1][0]
    inspection = Inspection(life, folder / "image", random.Random(0))
    before = life.disk.image(Damage.DROP, random.Random(0))
    assert inspection.of(before, Moment(0, event, 0, 0)) == []
    assert inspection.of(before, Moment(0, event, 0, 1)) == []
    (found,) = inspection.of(before, Moment(0, event, 10, 10))
    assert found.startswith("lost: ")
    assert inspection.distinct == 1


def test_the_inspection_sees_the_transaction_that_a_rollback_journal_loses(folder: Path) -> None:
    """Control: with journal_mode=DELETE and synchronous=FULL a journal that comes back undoes the last commit."""
    assert _losses(folder, Setting(patched=lambda: _delete_mode(2)))


def test_synchronous_extra_is_safe_even_where_the_mode_fell_back_to_a_rollback_journal(folder: Path) -> None:
    """The default setting loses nothing should the file ever be in DELETE mode: EXTRA syncs the folder too."""
    tally = inspected(1, folder, _WANTED, None, Setting(patched=lambda: _delete_mode(3)))
    assert not tally.violations, tally.violations[:3]


def test_a_cut_that_damages_nothing_shows_no_loss(folder: Path) -> None:
    """Control: if everything unsynced is kept, even the weakest setting loses nothing; so the damages do it."""
    setting = Setting(parameters="?durability=none", damages=[Damage.KEEP])
    assert not inspected(1, folder, _WANTED, None, setting).violations


def test_the_images_are_what_the_files_really_were(folder: Path) -> None:
    """Replaying a recorded life without a cut ends with the very files that it left, byte for byte."""
    life = lived(2, folder, SHIPPED)
    for event, _, _ in life.recorder.trace:
        life.disk.apply(event)
    image = life.disk.image(Damage.KEEP, random.Random(0))
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "x.db-shm"}
    assert {name: content.data for name, content in image.files.items()} == found
