"""Files as a stream of lines or JSON values, packed or not; a hostile one costs a bounded amount of memory.

What is broken raises UnreadableSource with the place. Nothing is ever extracted to disk.
"""

import gzip
import json
import lzma
import zlib
from collections.abc import Iterator
from decimal import Decimal
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from ledger_interop.errors import UnreadableSource

LINE_BYTES_MAX = 4 * 2**20
"""The longest line."""
VALUE_CHARACTERS_MAX = 64 * 2**20
"""The largest JSON value that is read as one; a list may hold any number of smaller ones."""
_CHUNK = 64 * 2**10
_BLANK = " \t\r\n"
_BOM = "﻿"


class SourceFile:
    """A file to import from, opened for reading; use it in a `with` block."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open a file; one packed with gzip or xz is unpacked while it is read."""
        self.path = Path(path)
        try:
            self.size = self.path.stat().st_size
            if self.path.is_dir():
                raise UnreadableSource(f"{self.path} is a directory")
            self._raw = self.path.open("rb")
            start = self._raw.peek(6)  # a pipe can be read once only
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise UnreadableSource(f"{self.path} cannot be opened: {why}") from error
        self._unpacked = cast(IO[bytes], self._raw)
        if start.startswith(b"\x1f\x8b"):
            self._unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=cast(IO[bytes], self._raw)))  # closed by close()
        elif start.startswith(b"\xfd7zXZ\x00"):
            self._unpacked = cast(IO[bytes], lzma.LZMAFile(self._raw))  # noqa: SIM115  # closed by close()

    @property
    def done(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return min(1.0, self._raw.tell() / self.size) if self.size else 1.0

    def lines(self) -> Iterator[tuple[int, str]]:
        """Generate (number, line) from 1 on, without the line's end; bytes that are no UTF-8 are kept as such."""
        number = 0
        while True:
            line = self._read(lambda: self._unpacked.readline(LINE_BYTES_MAX + 1), f"line {number + 1}")
            if not line:
                return
            number += 1
            if len(line) > LINE_BYTES_MAX:
                raise UnreadableSource(f"the line has more than {LINE_BYTES_MAX:,} bytes", place=f"line {number}")
            text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            yield number, text.removeprefix(_BOM) if number == 1 else text

    def chunks(self, size: int = _CHUNK) -> Iterator[bytes]:
        """Generate the file in pieces."""
        while piece := self._read(lambda: self._unpacked.read(size), "the end"):
            yield piece

    def values(self) -> Iterator[tuple[str, Any]]:
        """Generate (place, value) of JSON: the items of a list, one value after another, or JSON Lines.

        Numbers with a point become Decimals, so no digit is lost.
        """
        return _JsonValues(self._texts()).values()

    def close(self) -> None:
        """Close the file."""
        self._unpacked.close()
        self._raw.close()

    def __enter__(self) -> Self:
        """Use the file as a context manager that closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, whatever happened."""
        self.close()

    def _texts(self) -> Iterator[str]:
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for piece in self.chunks():
                yield decoder.decode(piece)
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise UnreadableSource(f"{self.path} is no UTF-8 text: {error.reason}") from error

    def _read(self, read: Any, place: str) -> bytes:
        try:
            return cast(bytes, read())
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise UnreadableSource(f"{self.path} is broken: {error}", place=place) from error


class _JsonValues:
    """JSON values out of pieces of text, one at a time."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_not_set)
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def values(self) -> Iterator[tuple[str, Any]]:
        if self._peek() == _BOM:
            self._at += 1
        number = 0
        while self._peek():
            if self._peek() == "[":
                self._at += 1
                for value in self._items():
                    number += 1
                    yield f"item {number}", value
            else:
                line = self._line
                number += 1
                yield f"line {line}", self._value()
            if self._peek() == ",":  # values one after another, parted by commas, are often pasted together
                self._at += 1

    def _items(self) -> Iterator[Any]:
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            mark = self._peek()
            if mark not in (",", "]"):
                raise self._broken("a comma or the end of the list is missing")
            self._at += 1
            if mark == "]":
                return

    def _value(self) -> Any:
        """Return the value that begins here; read on until it is whole."""
        self._peek()
        wanted = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise self._broken("the value is nested too deep") from None
            except ValueError:
                if self._ended:
                    raise self._broken("this is no JSON, or is cut off") from None
            else:
                if end < len(self._text) or self._ended:  # a number at the end of what was read may go on
                    self._skip_to(end)
                    return value
            if len(self._text) - self._at > VALUE_CHARACTERS_MAX:
                raise self._broken(f"a value has more than {VALUE_CHARACTERS_MAX:,} characters, or is no JSON")
            self._more(wanted)
            wanted *= 2  # so that a large value is not tried again for every piece of it

    def _peek(self) -> str:
        """Return the next character that is no blank, without taking it; nothing at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._skip_to(self._at + 1)
            if self._ended:
                return ""
            self._more(_CHUNK)

    def _more(self, wanted: int) -> None:
        parts = [self._text[self._at :]]
        self._at = 0
        while wanted > 0:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
                break
            parts.append(piece)
            wanted -= len(piece)
        self._text = "".join(parts)

    def _skip_to(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _broken(self, problem: str) -> UnreadableSource:
        return UnreadableSource(problem, place=f"line {self._line}")


def _not_set(name: str) -> None:  # noqa: ARG001  # the name of the constant, which json hands over
    """Read NaN and infinities, which are no JSON and which sources write for "not set", as none."""
    return
