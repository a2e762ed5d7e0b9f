"""Without room or without the right to write: a typed error, nothing stored, reads go on, and later writes do."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reliability.campaign import require_kept
from reliability.kill_moments import Death, live_until
from reliability.kill_zygote import Zygote
from reliability.kills import WARM_UP
from reliability.limits import CAMPAIGN, IMPOSSIBLE, ROOMS, WITHOUT_ROOM, WRONG
from reliability.limits_rights import PROGRAM as WITHOUT_RIGHTS
from reliability.limits_rights import REFUSED

pytestmark = [pytest.mark.reliability, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork() here")]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Return a zygote that has imported what works without room or rights."""
    with Zygote("reliability.limits:work_without_room", WITHOUT_RIGHTS, warm_up=WARM_UP) as started:
        yield started


@pytest.fixture
def folder() -> Iterator[str]:
    """Return an empty folder that others may enter."""
    with tempfile.TemporaryDirectory(prefix="limits-") as made:
        Path(made).chmod(0o755)
        yield made


def _told(death: Death, word: str) -> list[str]:
    return [told.content.decode() for told in death.told if told.word == word]


def _require_possible(death: Death) -> None:
    assert death.failure is None, death.failure
    for reason in _told(death, IMPOSSIBLE):
        pytest.skip(f"not possible here: {reason}")


def test_without_room_nothing_is_stored_and_nothing_is_lost() -> None:
    """Commands that are refused for want of room store nothing, reads go on, and with room again so do writes."""
    require_kept(CAMPAIGN)


@pytest.mark.parametrize(("room", "expected"), [("small disk", "StorageFull"), ("size limit", "StorageError")])
def test_each_kind_of_room_runs_out(zygote: Zygote, folder: str, room: str, expected: str) -> None:
    """The disk is really full, the limit is really met: commands are refused, with the error that fits."""
    assert room in ROOMS
    death = live_until(zygote.start("reliability.limits:work_without_room", room=room, folder=folder, seed=11), None)
    _require_possible(death)
    assert not _told(death, WRONG)
    assert expected in _told(death, WITHOUT_ROOM)


def test_taking_a_refusal_for_a_success_is_seen(zygote: Zygote, folder: str) -> None:
    """Negative control: who claims what was refused for want of room is caught by the same inspection."""
    program = "reliability.kill_controls:claim_without_room"
    death = live_until(zygote.start(program, room="size limit", folder=folder, seed=11), None)
    assert death.failure is None, death.failure
    assert any(found.startswith("lost: ") for found in _told(death, WRONG)), death.told


@pytest.mark.parametrize("is_killed", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize("what", ["file", "folder", "disk"])
def test_where_nothing_may_be_written_reading_goes_on(zygote: Zygote, folder: str, what: str, is_killed: bool) -> None:
    """A read-only file, folder or disk can be read and not opened for writing; writable again, it is as it was."""
    if what == "disk" and sys.platform != "linux":
        pytest.skip("a disk of one's own is Linux's")
    death = live_until(zygote.start(WITHOUT_RIGHTS, folder=folder, what=what, seed=3, is_killed=is_killed), None)
    _require_possible(death)
    assert not _told(death, WRONG)
    (refusal,) = _told(death, REFUSED)
    assert refusal.startswith("StorageError: ")
