"""The model of the disk loses what a power cut may take, and nothing that was synced."""

import os
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.disk import SECTOR, Damage, Disk, Recorder, moments
from reliability.image import Content, Image
from reliability.os_calls import WatchedOs
from reliability.vfs import Event, Kind, Observer

pytestmark = pytest.mark.reliability

_OLD, _NEW = b"o" * SECTOR, b"n" * SECTOR


class Applied(Observer):
    """Does to a disk what really happened to files."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def happened(self, event: Event) -> None:
        """Pass on."""
        self.disk.apply(event)


class World:
    """A folder with its model; `calls` are those of `os`, of which the model learns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.disk = Disk(folder)
        self.calls = WatchedOs(Applied(self.disk))

    def open(self, name: str) -> int:
        """Open a file, and make it if need be."""
        return self.calls.open(self.folder / name, os.O_RDWR | os.O_CREAT)

    def made(self, name: str, data: bytes) -> int:
        """Make a file whose content and name are durable."""
        descriptor = self.open(name)
        self.calls.pwrite(descriptor, data, 0)
        self.calls.fsync(descriptor)
        self.sync_folder()
        return descriptor

    def sync_folder(self) -> None:
        """Make the names durable."""
        descriptor = self.calls.open(self.folder, os.O_RDONLY)
        self.calls.fsync(descriptor)
        self.calls.close(descriptor)

    def left(self, damage: Damage, seed: int = 0) -> Mapping[str, bytes]:
        """Return what a power cut leaves."""
        return contents(self.disk.image(damage, random.Random(seed)))

    def possible(self, damage: Damage, name: str) -> set[bytes | None]:
        """Return what a power cut may leave of a file."""
        return {self.left(damage, seed).get(name) for seed in range(200)}


def contents(image: Image) -> Mapping[str, bytes]:
    """Return an image's files."""
    return {name: content.data for name, content in image.files.items()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return an empty folder with its model."""
    return World(tmp_path)


def test_what_was_synced_survives_every_damage(world: World) -> None:
    """A write that was synced, under a name that was synced, is there whatever the cut does to the rest."""
    descriptor = world.made("f", _OLD)
    world.calls.pwrite(descriptor, _NEW, SECTOR)
    for damage in Damage:
        assert all((left or b"").startswith(_OLD) for left in world.possible(damage, "f")), damage


def test_dropping_takes_all_that_was_not_synced_and_keeping_takes_nothing(world: World) -> None:
    """The two ends of what may happen: the last sync, and the file as the process saw it."""
    descriptor = world.made("f", _OLD + _OLD)
    world.calls.pwrite(descriptor, _NEW, 0)
    world.calls.ftruncate(descriptor, SECTOR)
    world.open("g")
    assert world.left(Damage.DROP) == {"f": _OLD + _OLD}
    assert world.left(Damage.KEEP) == {"f": _NEW, "g": b""}


def test_a_prefix_keeps_what_came_first(world: World) -> None:
    """No later write is there without all that came before it."""
    descriptor = world.made("f", b"....")
    for place in range(4):
        world.calls.pwrite(descriptor, b"x", place)
    assert world.possible(Damage.PREFIX, "f") == {b"....", b"x...", b"xx..", b"xxx.", b"xxxx"}


def test_a_subset_keeps_any_writes_whatever_their_order(world: World) -> None:
    """Each write may be there without the others."""
    descriptor = world.made("f", b"...")
    for place in range(3):
        world.calls.pwrite(descriptor, b"x", place)
    assert len(world.possible(Damage.SUBSET, "f")) == 8


def test_a_write_is_torn_at_sectors_and_nowhere_else(world: World) -> None:
    """Of a write over several sectors some are new and others old; none is half new."""
    descriptor = world.made("f", _OLD * 4)
    world.calls.pwrite(descriptor, (_NEW * 4)[: 3 * SECTOR], 100)
    found = world.possible(Damage.TORN, "f")
    assert len(found) == 16, "four sectors, the first and the last written in part: each of them may be there"
    for left in found:
        assert left is not None
        parts = (left[100:SECTOR], left[SECTOR : 2 * SECTOR], left[2 * SECTOR : 3 * SECTOR], left[3 * SECTOR :][:100])
        assert all(len(set(part)) == 1 for part in parts)


def test_garbage_is_where_a_write_was_going_on_and_nowhere_else(world: World) -> None:
    """A sector may hold neither the old nor the new bytes; bytes that were not written, or not changed, are whole."""
    descriptor = world.made("f", _OLD * 3)
    world.calls.pwrite(descriptor, _OLD + _NEW + _OLD[:10] + _NEW[:5], 0)
    found = world.possible(Damage.GARBAGE, "f")
    assert any(left is not None and left[SECTOR : 2 * SECTOR] not in (_OLD, _NEW) for left in found)
    for left in found:
        assert left is not None
        assert left[:SECTOR] == _OLD
        assert left[2 * SECTOR :][:10] == _OLD[:10]
        assert left[2 * SECTOR :][15:] == _OLD[15:]


def test_a_file_vanishes_if_its_name_was_not_synced(world: World) -> None:
    """Syncing the file alone does not keep its name; syncing the folder does, and what was not synced is empty."""
    descriptor = world.open("f")
    world.calls.pwrite(descriptor, _NEW, 0)
    world.calls.fsync(descriptor)
    world.open("g")
    assert world.left(Damage.DROP) == {}
    assert {None, _NEW} == world.possible(Damage.SUBSET, "f")
    world.sync_folder()
    assert world.left(Damage.DROP) == {"f": _NEW, "g": b""}


def test_a_deleted_file_may_come_back_with_what_was_synced_of_it(world: World) -> None:
    """A rollback journal that was deleted is there again unless the folder was synced; so is one without a name yet."""
    world.made("f", _OLD)
    descriptor = world.open("g")
    world.calls.pwrite(descriptor, _NEW, 0)
    world.calls.fsync(descriptor)
    world.calls.unlink(world.folder / "f")
    world.calls.unlink(world.folder / "g")
    assert world.left(Damage.DROP) == {"f": _OLD}
    assert _NEW in world.possible(Damage.SUBSET, "g")
    world.sync_folder()
    assert world.disk.unsynced == 0
    assert world.possible(Damage.SUBSET, "f") == {None}


def test_a_name_that_is_given_again_is_another_file(world: World) -> None:
    """Without a sync of the folder the old file is back, not the new one's bytes in it."""
    world.made("f", _OLD)
    world.calls.unlink(world.folder / "f")
    descriptor = world.open("f")
    world.calls.pwrite(descriptor, _NEW, 0)
    world.calls.fsync(descriptor)
    assert world.left(Damage.DROP) == {"f": _OLD}
    assert world.possible(Damage.PREFIX, "f") == {_OLD, None, _NEW}


def test_shared_memory_is_no_file_of_the_disk(tmp_path: Path) -> None:
    """No image has a -shm, though the folder that the model was made of has one."""
    (tmp_path / "x.db").write_bytes(b"db")
    (tmp_path / "x.db-shm").write_bytes(b"shm")
    (tmp_path / "x.db-claims").mkdir()
    assert World(tmp_path).left(Damage.KEEP) == {"x.db": b"db"}


def test_what_a_failed_sync_dropped_no_later_sync_makes_durable(world: World) -> None:
    """The kernel counts the pages as written; only bytes that are written again are durable after the next sync."""
    descriptor = world.made("f", b"......")
    world.calls.pwrite(descriptor, b"abcdef", 0)
    world.disk.sync_failed(str(world.folder / "f"))
    world.calls.fsync(descriptor)
    assert world.left(Damage.DROP) == {"f": b"......"}
    assert world.left(Damage.KEEP) == {"f": b"abcdef"}, "they may have reached the disk all the same"
    world.calls.pwrite(descriptor, b"CD", 2)
    world.calls.fsync(descriptor)
    assert world.possible(Damage.PREFIX, "f") == {b"..CD..", b"abCD..", b"abCDef"}
    world.calls.pwrite(descriptor, b"abCDef", 0)
    world.calls.fsync(descriptor)
    assert (world.left(Damage.DROP), world.disk.unsynced) == ({"f": b"abCDef"}, 0)


def test_an_image_stays_what_it_is_when_the_disk_goes_on(world: World) -> None:
    """An image may be looked at long after it was made."""
    descriptor = world.made("f", b"ab")
    image = world.disk.image(Damage.DROP, random.Random(0))
    world.calls.pwrite(descriptor, b"cd", 0)
    world.calls.fsync(descriptor)
    world.calls.unlink(world.folder / "f")
    world.sync_folder()
    assert contents(image) == {"f": b"ab"}


def test_writing_an_image_leaves_nothing_else_in_the_folder(world: World, tmp_path: Path) -> None:
    """Files of the image before are overwritten or gone, folders stay; so one folder serves for all images."""
    world.made("f", _NEW)
    other = tmp_path / "other"
    (other / "claims").mkdir(parents=True)
    for name in ("f", "g", "f-shm"):
        (other / name).write_bytes(_OLD * 2)
    world.disk.image(Damage.DROP, random.Random(0)).write_to(other)
    assert {path.name: path.read_bytes() for path in other.iterdir() if path.is_file()} == {"f": _NEW}
    assert (other / "claims").is_dir()


def test_moments_tell_what_was_acknowledged_before_the_next_event() -> None:
    """A step that was acknowledged after the last event of its own counts for the disk as that event left it."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as name:
        disk, path = Disk(Path(name)), f"{os.path.realpath(name)}/f"
        for number in range(2):
            recorder.attempted = number + 1
            recorder.happened(Event(Kind.OPEN, path))
            recorder.happened(Event(Kind.READ, path))
            recorder.happened(Event(Kind.WRITE, path, 0, 1, b"x"))
            recorder.acknowledged = number + 1
        told = [(moment.acknowledged, moment.attempted, disk.unsynced) for moment in moments(recorder, disk)]
    assert told == [(0, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 3)]


_CALLS = st.lists(
    st.tuples(
        st.sampled_from(("write", "truncate", "sync", "sync folder", "unlink", "open")),
        st.sampled_from(("f", "g")),
        st.integers(0, 9000),
        st.binary(min_size=1, max_size=6000),
    ),
    max_size=25,
)


def _do(world: World, call: tuple[str, str, int, bytes]) -> None:
    kind, name, place, data = call
    path = world.folder / name
    if kind == "sync folder":
        world.sync_folder()
    elif kind == "unlink":
        if path.exists():
            world.calls.unlink(path)
    else:
        descriptor = world.open(name)
        if kind == "write":
            world.calls.pwrite(descriptor, data, place)
        elif kind == "truncate":
            world.calls.ftruncate(descriptor, place)
        elif kind == "sync":
            world.calls.fsync(descriptor)
        world.calls.close(descriptor)


@settings(max_examples=60, deadline=None)
@given(calls=_CALLS, seed=st.integers(0, 1000))
def test_keeping_everything_is_what_the_files_really_are_and_digests_tell_contents(
    calls: list[tuple[str, str, int, bytes]], seed: int
) -> None:
    """After any calls the model has the real files, to the byte; digests from parts are those of the whole."""
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name))
        for place, call in enumerate(calls):
            _do(world, call)
            if place % 3 == 0:
                _ = world.disk.image(Damage.KEEP, random.Random(0)).digest  # from which the next ones are derived
        real = {path.name: path.read_bytes() for path in world.folder.iterdir()}
        assert world.left(Damage.KEEP) == real
        for damage in Damage:
            image = world.disk.image(damage, random.Random(seed))
            again = world.disk.image(damage, random.Random(seed))
            assert contents(image) == contents(again), "the same seed makes the same image"
            assert image.key == again.key
            assert {name: content.digest for name, content in image.files.items()} == {
                name: Content(content.data).digest for name, content in image.files.items()
            }


def test_digests_differ_where_contents_or_names_do(world: World) -> None:
    """Blocks that change places, a byte more and another name each make another digest."""
    digests = {
        Content(data).digest
        for data in (b"", b"\0", b"\0" * 4096, b"\0" * 4097, b"a" * 4096 + b"b" * 4096, b"b" * 4096 + b"a" * 4096)
    }
    assert len(digests) == 6
    world.made("f", b"x")
    one = world.disk.image(Damage.KEEP, random.Random(0)).digest
    world.made("g", b"x")
    world.calls.unlink(world.folder / "f")
    assert world.disk.image(Damage.KEEP, random.Random(0)).digest != one
