"""A sync that fails and loses its pages takes nothing along that was told; without the protection it would."""

import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest

from ledger_core import StorageError
from ledger_storage_sqlite import _locks, _writer, open_repository
from ledger_storage_sqlite._location import Location
from reliability.campaign import require_kept
from reliability.disk import Damage, Disk
from reliability.dropped_pages import Aftermath, Point, Relay, Sync
from reliability.image import Image
from reliability.os_calls import adapter_watched
from reliability.power_cuts import scratch, url_in
from reliability.stretches import Start, rehearsed, stretch_of
from reliability.sync_faults import CAMPAIGN, STEPS, lived, tried
from reliability.vfs import CHANGES, Event, Kind, Observer
from reliability.workload import STRATEGY

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim below SQLite is proven on Linux only"),
]

_SEED = 1
_TRIED = 4  # syncs that fail, each in a life of its own
_NO_REWRITING = patch.object(_writer, "rewrite_wal", lambda *_arguments, **_keywords: None)


def test_whichever_sync_fails_a_power_cut_loses_nothing_that_was_told() -> None:
    """The ledger goes on, dies, is cut off or overtaken: what was acknowledged or shown survives the next cut."""
    require_kept(CAMPAIGN)


def _found(
    start: Start, aftermath: Aftermath, is_meant: Callable[[Sync], bool], *patches: Any, seed: int = _SEED
) -> list[str]:
    """Return what is found where syncs that are meant fail, each in a life of its own."""
    stretch, relay = stretch_of(seed, start, STEPS), Relay()
    found: list[str] = []
    with ExitStack() as stack:
        folder, shim = stack.enter_context(rehearsed(stretch, relay))
        _, kernel = lived(stretch, folder, relay, shim, aftermath)
        for one in patches:
            stack.enter_context(one)
        meant = [(number, sync) for number, sync in enumerate(kernel.syncs) if is_meant(sync)]
        for number, sync in meant[:_TRIED]:
            point = Point(number, sync, aftermath, is_lasting=_is_of_folder(sync))
            found += lived(stretch, folder, relay, shim, aftermath, point)[0].found
    return found


def _is_of_wal(sync: Sync) -> bool:
    return sync.name == "x.db-wal"


def _is_of_folder(sync: Sync) -> bool:
    return sync.kind is Kind.SYNC_FOLDER


@pytest.mark.parametrize("aftermath", [Aftermath.GOES_ON, Aftermath.DIES, Aftermath.OTHER_OPENED])
def test_without_rewriting_the_wal_what_was_told_is_lost(aftermath: Aftermath) -> None:
    """Control: if nobody writes the WAL's bytes again, the next power cut takes away what was acknowledged."""
    assert _found(Start.CLOSED, aftermath, _is_of_wal) == []
    found = _found(Start.CLOSED, aftermath, _is_of_wal, _NO_REWRITING)
    assert any(violation.startswith("after a cut: lost: ") for violation in found), found[:5]


def test_where_nobody_notices_that_a_sync_failed_what_was_told_is_lost() -> None:
    """Control: the WAL is rewritten because a mark, or a WAL that is left over, tells of the need."""
    blind = (
        patch.object(_locks.WriteLock, "is_marked", PropertyMock(return_value=False)),
        patch.object(_writer.Writer, "_wal_bytes", lambda _writer: 0),
    )
    found = _found(Start.CLOSED, Aftermath.GOES_ON, _is_of_wal, *blind)
    assert any(violation.startswith("after a cut: lost: ") for violation in found), found[:5]


def test_it_is_the_dropped_pages_that_are_lost() -> None:
    """Control of the control: where a failed sync leaves the pages to the next one, even no rewriting loses nothing."""
    kept = patch.object(Disk, "sync_failed", lambda _disk, _path: None)
    assert _found(Start.CLOSED, Aftermath.GOES_ON, _is_of_wal, _NO_REWRITING, kept) == []


def test_a_folder_that_is_synced_no_second_time_is_lost() -> None:
    """Control: if the folder's sync fails at the making of a file, and is not done again, the whole file is lost."""
    calls: list[Location] = []
    sync_folder = _writer.sync_folder

    def once(location: Location) -> None:
        calls.append(location)
        if len(calls) == 1:
            sync_folder(location)

    found = _found(Start.NEW, Aftermath.GOES_ON, _is_of_folder, patch.object(_writer, "sync_folder", once))
    assert any(violation.startswith("after a cut: lost: ") for violation in found), found[:5]


def test_a_name_that_is_made_durable_behind_its_log_is_missing_beside_it() -> None:
    """Seed 18, kept, and its control: if the folder is synced only once there is a log, a cut can leave the log alone."""
    sync_folder = _writer.sync_folder

    def behind(location: Location) -> None:
        if location.beside("-wal").exists():
            sync_folder(location)

    assert _found(Start.NEW, Aftermath.IS_CUT, _is_of_folder, seed=18) == []
    too_late = patch.object(_writer, "sync_folder", behind)
    found = _found(Start.NEW, Aftermath.IS_CUT, _is_of_folder, too_late, seed=18)
    assert any("is gone, but x.db-wal beside it holds" in violation for violation in found), found[:5]


class _FirstPageFails(Observer):
    """The syncs fail by which a file gets its first page, and by which that is taken back; both lose their bytes.

    What a power cut may leave of the opening behind that is kept, event by event, until there is a first page.
    """

    def __init__(self, folder: Path) -> None:
        """Watch an empty folder."""
        self.images: list[Image] = []
        self.is_mended = False
        self._has_page = False
        self._disk = Disk(folder)
        self._generator = random.Random(_SEED)

    def decide(self, event: Event) -> int:
        """Let the syncs of the file fail until the disk is mended."""
        if self.is_mended or event.kind is not Kind.SYNC or not event.path.endswith("x.db"):
            return 0
        self._disk.sync_failed(event.path)
        return sqlite3.SQLITE_IOERR_FSYNC

    def happened(self, event: Event) -> None:
        """Look at what a cut would leave now."""
        self._disk.apply(event)
        if not self.is_mended or self._has_page or event.kind not in CHANGES:
            return
        self.images += [self._disk.image(damage, self._generator) for damage in Damage for _ in range(2)]
        self._has_page = event.kind is Kind.WRITE and event.path.endswith("x.db")


def _after_first_page_failed() -> list[str]:
    """Fail to make a ledger, make it on the second try, and open it after a power cut at each moment of that."""
    found = []
    with scratch() as place, scratch() as cut:
        observer = _FirstPageFails(Path(place))
        with adapter_watched(observer):
            with pytest.raises(StorageError, match="SQLITE_IOERR_FSYNC"):
                open_repository(url_in(Path(place)), strategy_id=STRATEGY)
            observer.is_mended = True
            open_repository(url_in(Path(place)), strategy_id=STRATEGY).close()
        assert len(observer.images) > 50
        for image in observer.images:
            image.write_to(Path(cut))
            try:
                open_repository(url_in(Path(cut)), strategy_id=STRATEGY).close()
            except StorageError as error:
                found.append(str(error))
    return found


def test_a_first_page_that_was_taken_back_stays_away() -> None:
    """The remains of a ledger that could not be made are no file that cannot be opened after the next power cut."""
    assert _after_first_page_failed() == []


def test_a_first_page_comes_back_where_it_is_not_made_durable_that_it_went(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: SQLite takes the journal that would remove it for one of an empty file, and deletes it."""
    monkeypatch.setattr(_writer, "sync_empty_file", lambda _: None)
    found = _after_first_page_failed()
    assert any("SQLITE_NOTADB" in error for error in found), found[:5]


def test_the_same_seed_tries_the_same_points() -> None:
    """A violation can be replayed: a seed has the same points, and the same comes of them."""
    assert tried(_SEED, 3, None) == tried(_SEED, 3, None)
