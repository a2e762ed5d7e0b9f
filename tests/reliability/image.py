"""One possible content of a disk after a power cut: what was durable, with some of the unsynced changes.

Contents never change, so that an image stays what it is when the disk goes on. Nothing is made before it is asked
for: a campaign passes over most images by their `key`, and over most of the rest by their `digest`, which costs no
more than the blocks that differ from what was durable.
"""

import hashlib
import operator
import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import attrs

_BLOCK = 4096  # bytes of which a digest is made at once


class Content:
    """The content of one file."""

    __slots__ = ("_blocks", "_digest", "data")

    def __init__(self, data: bytes = b"", blocks: list[int] | None = None) -> None:
        """Hold these bytes; `blocks` are the digests of its blocks, where they are known."""
        self.data = data
        self._blocks = blocks
        self._digest: bytes | None = None

    @property
    def digest(self) -> bytes:
        """Equal exactly for equal contents."""
        if self._digest is None:
            # Each block's digest counts by its place: a sum takes no longer when only a few of them are new.
            places = range(1, 2 * len(self.blocks) + 1, 2)
            total = sum(map(operator.mul, self.blocks, places)) % (1 << 256)
            self._digest = len(self.data).to_bytes(8, "big") + total.to_bytes(32, "big")
        return self._digest

    @property
    def blocks(self) -> list[int]:
        """The digests of its blocks, in order."""
        if self._blocks is None:
            self._blocks = [_digest_of_block(self.data, number) for number in range(_blocks_in(len(self.data)))]
        return self._blocks

    def changed(self, changes: "Sequence[Change]") -> "Content":
        """Return the content after these changes, in order."""
        buffer, touched = bytearray(self.data), set[int]()
        for change in changes:
            touched.update(change.do(buffer))
        return self.after(bytes(buffer), touched)

    def after(self, data: bytes, touched: set[int]) -> "Content":
        """Return what became of it when only these blocks, and those behind its end, were touched."""
        if self._blocks is None:
            return Content(data)
        count = _blocks_in(len(data))
        blocks = self._blocks[:count] + [0] * (count - len(self._blocks))
        for number in touched:
            if number < count:
                blocks[number] = _digest_of_block(data, number)
        return Content(data, blocks)


def _blocks_in(size: int) -> int:
    return -(-size // _BLOCK)


def _digest_of_block(data: bytes, number: int) -> int:
    return int.from_bytes(hashlib.sha256(data[number * _BLOCK : (number + 1) * _BLOCK]).digest(), "big")


class File:
    """A file, whatever its name: its durable content."""

    __slots__ = ("_buffer", "_content", "_touched")

    def __init__(self, data: bytes = b"") -> None:
        """Hold these bytes."""
        self._buffer = bytearray(data)
        self._content: Content = Content(data)
        self._touched: set[int] = set()

    @property
    def durable(self) -> Content:
        """What of it survives a power cut for certain."""
        if self._touched:
            self._content = self._content.after(bytes(self._buffer), self._touched)
            self._touched = set()
        return self._content

    def make_durable(self, change: "Change") -> None:
        """Do a change that was synced."""
        self._touched.update(change.do(self._buffer))


class Change:
    """An unsynced write, or truncate to `offset` if there is no data. A lost one no sync makes durable any more."""

    __slots__ = ("data", "file", "is_lost", "number", "offset")

    def __init__(self, number: int, file: File, offset: int, data: bytes | None, *, is_lost: bool = False) -> None:
        """Name it by a number that no other change of the disk has."""
        self.number = number
        self.file = file
        self.offset = offset
        self.data = data
        self.is_lost = is_lost

    @property
    def key(self) -> tuple[int, int, int]:
        """What tells it, and a part of it, from all others."""
        return (self.number, self.offset, -1 if self.data is None else len(self.data))

    def do(self, buffer: bytearray) -> range:
        """Do it to a file's bytes, and return which blocks it touched."""
        size = len(buffer)
        end = self.offset + len(self.data or b"")
        if self.offset > size:
            buffer.extend(bytes(self.offset - size))
        if self.data is not None:
            buffer[self.offset : end] = self.data
        else:
            del buffer[self.offset :]
            end = max(size, end)
        return range(min(size, self.offset) // _BLOCK, _blocks_in(end))

    def part(self, start: int, stop: int) -> "Change":
        """Return what it writes from one place in the file to another."""
        assert self.data is not None, "a truncate has no parts"
        data = self.data[start - self.offset : stop - self.offset]
        return Change(self.number, self.file, start, data, is_lost=self.is_lost)

    def without(self, later: "Change") -> "Iterator[Change]":
        """Generate what a later change of the same file leaves of this write."""
        assert self.data is not None, "only writes are lost"
        end = self.offset + len(self.data)
        later_end = end if later.data is None else later.offset + len(later.data)
        if self.offset < later.offset:
            yield self.part(self.offset, min(end, later.offset))
        if later_end < end:
            yield self.part(max(self.offset, later_end), end)


@attrs.frozen(eq=False)
class Naming:
    """An unsynced change of a folder: a name given to a file, or taken from it."""

    number: int
    name: str
    file: File
    is_given: bool

    @property
    def key(self) -> tuple[int, int, int]:
        """What tells it from all others."""
        return (self.number, 0, 0)

    def do(self, names: dict[str, File]) -> None:
        """Do it to the names of a folder."""
        if self.is_given:
            names[self.name] = self.file
        elif names.get(self.name) is self.file:
            del names[self.name]


@attrs.frozen(eq=False)
class Image:
    """One possible content of the folder after a power cut."""

    _names: Mapping[str, File]
    _durable: Mapping[File, Content]
    _kept: Sequence[Change | Naming]
    generation: int

    @cached_property
    def key(self) -> Hashable:
        """Equal only for images of one disk with equal contents, and cheap: for passing over what was seen before."""
        return (self.generation, *[change.key for change in self._kept])

    @cached_property
    def files(self) -> Mapping[str, Content]:
        """What each file holds, by its name."""
        names = dict(self._names)
        changes: dict[File, list[Change]] = {}
        for change in self._kept:
            if isinstance(change, Naming):
                change.do(names)
            else:
                changes.setdefault(change.file, []).append(change)
        return {
            name: self._durable[file].changed(changes[file]) if file in changes else self._durable[file]
            for name, file in names.items()
        }

    @cached_property
    def digest(self) -> bytes:
        """Equal exactly for images with the same names and contents."""
        for content in self._durable.values():
            _ = content.blocks  # made once, for all images that have most of it in common
        whole = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            whole.update(f"{len(name)} {name}".encode() + content.digest)
        return whole.digest()

    def write_to(self, folder: Path) -> None:
        """Make the folder's files those of the image; others go, folders stay."""
        for entry in os.scandir(folder):
            if entry.name not in self.files and entry.is_file():
                os.unlink(entry.path)  # noqa: PTH108 - a str
        for name, content in self.files.items():
            descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                view = memoryview(content.data)
                while view:
                    view = view[os.write(descriptor, view) :]
            finally:
                os.close(descriptor)
