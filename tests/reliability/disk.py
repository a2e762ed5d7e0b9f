"""A model of the disk under a ledger: what of it survives a power cut, and what the cut may do to the rest.

    disk = Disk(folder)                     # knows what lies there, and takes it for durable
    disk.apply(event)                       # each `vfs.Event` that happened, in order
    disk.sync_failed(path)                  # instead of a sync: it failed, and the kernel dropped the pages
    image = disk.image(Damage.TORN, random.Random(7))
    image.write_to(another_folder)          # as a machine finds it that starts again
    image.digest                            # equal exactly where the content is equal

    recorder = Recorder()                   # an observer that keeps what happened, with the caller's progress
    for moment in moments(recorder, disk):  # the disk after each event, with what was acknowledged then
        ...

What a sync or the sync of a folder reached is durable. Everything else is a list of unsynced writes, truncates and
names, each of which may be there or not, whatever their order: neither SQLite nor a file system promises more. A
write may be torn at its sectors, and a sector that was being written may hold garbage. Bytes that no unsynced write
touched are never damaged (SQLite's "powersafe overwrite"); nor are those that are written anew as they were, which
is the same to a disk, as file systems write whole pages. A file is lost with its name. The -shm is shared memory: it
is no file of the model, so no image has it.
"""

import itertools
import os
import random
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import assert_never

import attrs

from reliability.image import Change, File, Image, Naming
from reliability.vfs import CHANGES, Event, Kind, Observer, Partly

SECTOR = 512
"""Bytes that a disk writes at once; what is written to a sector is there, or not, or garbage."""

Unsynced = Change | Naming


class Damage(StrEnum):
    """What a power cut does to everything unsynced; the chance that a thing is kept is drawn for each image."""

    DROP = "drop"  # all of it is gone
    KEEP = "keep"  # all of it is there: what the death of the process alone leaves
    PREFIX = "prefix"  # what came first is there
    SUBSET = "subset"  # some of it is there, whatever the order
    TORN = "torn"  # some of it is there, and of some writes only some sectors
    GARBAGE = "garbage"  # as torn, and sectors that are not there may hold random bytes instead of old ones


class Disk:
    """The files of one folder, without its folders."""

    def __init__(self, folder: Path) -> None:
        """Take what lies in the folder for durable."""
        self._folder = os.path.realpath(folder)
        self._unsynced: list[Unsynced] = []
        self._names: dict[str, File] = {
            entry.name: File(Path(entry.path).read_bytes())
            for entry in os.scandir(self._folder)
            if entry.is_file() and not entry.name.endswith("-shm")
        }
        self._durable_names = dict(self._names)
        self._numbers = itertools.count()
        self._generation = 0

    @property
    def unsynced(self) -> int:
        """How many changes the next power cut may take away."""
        return len(self._unsynced)

    def apply(self, event: Event) -> None:
        """Do what happened; events that change nothing, and those of other folders, are passed over."""
        if event.kind not in CHANGES:
            return
        if event.kind is Kind.SYNC_FOLDER:
            if event.path == self._folder:
                self._sync_folder()
            return
        folder, _, name = event.path.rpartition("/")
        if folder != self._folder:
            return
        if event.kind is Kind.OPEN:
            if name not in self._names:
                self._names[name] = File()
                self._unsynced.append(Naming(next(self._numbers), name, self._names[name], is_given=True))
            return
        file = self._names[name]
        if event.kind is Kind.WRITE:
            self._unsynced.append(Change(next(self._numbers), file, event.offset, event.data))
        elif event.kind is Kind.TRUNCATE:
            self._unsynced.append(Change(next(self._numbers), file, event.size, None))
        elif event.kind is Kind.SYNC:
            self._sync(file)
        else:
            self._unsynced.append(Naming(next(self._numbers), name, self._names.pop(name), is_given=False))

    def sync_failed(self, path: str) -> None:
        """Have a sync of the file fail: its unsynced bytes stay readable, and no later sync makes them durable.

        They may have reached the disk or not. Only writing them again helps. The kernel works by pages, of which it
        writes all again when one byte is written again; the model works by bytes, so it loses more.
        """
        file = self._names[path.rpartition("/")[2]]
        for change in self._unsynced:
            if isinstance(change, Change) and change.file is file and change.data is not None:
                change.is_lost = True

    def image(self, damage: Damage, generator: random.Random) -> Image:
        """Return one possible content of the disk, were the power cut now."""
        files = {*self._durable_names.values(), *(change.file for change in self._unsynced)}
        durable = {file: file.durable for file in files}
        left = kept(self._unsynced, damage, generator)
        return Image(dict(self._durable_names), durable, left, self._generation)

    def _sync(self, file: File) -> None:
        synced: list[Change] = []
        left: list[Unsynced] = []
        for change in self._unsynced:
            if isinstance(change, Change) and change.file is file and not change.is_lost:
                synced.append(change)
            else:
                left.append(change)
        for change in synced:
            file.make_durable(change)
            self._generation += 1
            if any(isinstance(other, Change) and other.is_lost and other.file is file for other in left):
                left = [rest for other in left for rest in _without(other, change)]
        self._unsynced = left

    def _sync_folder(self) -> None:
        for change in self._unsynced:
            if isinstance(change, Naming):
                change.do(self._durable_names)
                self._generation += 1
        reachable = {*self._names.values(), *self._durable_names.values()}
        self._unsynced = [
            change for change in self._unsynced if isinstance(change, Change) and change.file in reachable
        ]


def _without(other: Unsynced, durable: Change) -> Iterator[Unsynced]:
    if isinstance(other, Change) and other.is_lost and other.file is durable.file:
        yield from other.without(durable)
    else:
        yield other


def kept(unsynced: Sequence[Unsynced], damage: Damage, generator: random.Random) -> list[Unsynced]:
    """Return what a power cut leaves of the unsynced changes."""
    if not unsynced:
        return []
    match damage:
        case Damage.DROP:
            return []
        case Damage.KEEP:
            return list(unsynced)
        case Damage.PREFIX:
            return list(unsynced[: generator.randint(0, len(unsynced))])
        case Damage.SUBSET:
            chance = generator.random()
            return [change for change in unsynced if generator.random() < chance]
        case Damage.TORN | Damage.GARBAGE:
            chance, found = generator.random(), list[Unsynced]()
            for change in unsynced:
                if isinstance(change, Change) and change.data is not None:
                    found.extend(_torn(change, chance, generator, with_garbage=damage is Damage.GARBAGE))
                elif generator.random() < chance:
                    found.append(change)
            return found
        case _:
            assert_never(damage)


def _torn(change: Change, chance: float, generator: random.Random, *, with_garbage: bool) -> Iterator[Change]:
    """Generate the sectors of a write that are kept, runs of them as one, and perhaps garbage for the others."""
    assert change.data is not None, "a truncate is not torn"
    start, end = change.offset, change.offset + len(change.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        is_kept = generator.random() < chance
        while is_kept and stop < end and generator.random() < chance:
            stop = min(end, stop + SECTOR)
        if is_kept:
            yield change.part(start, stop)
        elif with_garbage and generator.random() < 0.5:
            first, last = _differing(change, start, stop)
            if first < last:
                # Negative, and drawn: no other garbage is taken for the same.
                number = -1 - generator.getrandbits(64)
                yield Change(number, change.file, first, generator.randbytes(last - first))
        start = stop


def _differing(change: Change, start: int, stop: int) -> tuple[int, int]:
    """Return from where to where a part of a write differs from what is durable there."""
    old, new = change.file.durable.data[start:stop], change.part(start, stop).data or b""
    if old == new:
        return start, start
    first = next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    if len(old) < len(new):
        return start + first, stop
    behind = next(
        place for place, pair in enumerate(zip(reversed(old), reversed(new), strict=True)) if pair[0] != pair[1]
    )
    return start + first, stop - behind


class Recorder(Observer):
    """Keeps each change of the disk, together with how far the caller had come; may hand on to something that fails.

    The caller sets `attempted` before a step and `acknowledged` after it.
    """

    def __init__(self, decide: Callable[[Event], int | Partly] | None = None) -> None:
        """Let everything happen, or what `decide` does not make fail."""
        self.acknowledged = 0
        self.attempted = 0
        self.trace: list[tuple[Event, int, int]] = []
        self._decide = decide

    def decide(self, event: Event) -> int | Partly:
        """Ask what was given, if anything was."""
        return 0 if self._decide is None else self._decide(event)

    def happened(self, event: Event) -> None:
        """Keep a change."""
        if event.kind in CHANGES and event.path:
            self.trace.append((event, self.acknowledged, self.attempted))


@attrs.frozen
class Moment:
    """The disk after an event of a trace, until the next one: what the caller may have been told by then."""

    number: int
    event: Event
    acknowledged: int
    attempted: int


def moments(recorder: Recorder, disk: Disk) -> Iterator[Moment]:
    """Apply a trace to the disk, event by event, and stop after each one; the disk must be as it was before."""
    trace = recorder.trace
    for number, (event, _, attempted) in enumerate(trace):
        disk.apply(event)
        # The cut may come just before the next event, when more may have been acknowledged on this same disk.
        acknowledged = trace[number + 1][1] if number + 1 < len(trace) else recorder.acknowledged
        yield Moment(number, event, acknowledged, max(attempted, acknowledged))
