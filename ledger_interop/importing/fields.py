"""Reading values out of what a source hands over: mappings and objects alike, by name, without trusting any of it.

Numbers become Decimals by their shortest text, never by their binary value; what is empty, or the source's word for
"not set", is None. What is there and makes no sense raises NotUnderstood, which names the field.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

from ledger_interop.importing.times import moment_of

TEXT_LENGTH_MAX = 128
"""The longest text that is taken for an id, a word or a number; the ledger takes no longer ones."""
REASON_LENGTH_MAX = 1_000
ITEMS_MAX = 100_000
"""The most items of one list inside a message."""
UNSET = Decimal("1e300")
"""Numbers from here on mean "not set" (Interactive Brokers' UNSET_DOUBLE, the largest double there is)."""

Path = str | tuple[str, ...]
"""A field: `order.id` is the field `id` of the field `order`; of a tuple, the first that is there."""


class NotUnderstood(ValueError):
    """A message cannot be read; the sentence says what of it."""


class Fields:
    """One mapping or object of a source."""

    __slots__ = ("_source", "_zone")

    def __init__(self, source: Any, zone: tzinfo | None = None) -> None:
        """Read from a mapping by keys, from anything else by attributes; `zone` is that of times without one."""
        self._source = source.source if isinstance(source, Fields) else source
        self._zone = zone

    @property
    def source(self) -> Any:
        """What is read from."""
        return self._source

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of times that have none."""
        return self._zone

    def __contains__(self, name: str) -> bool:
        """Whether a field is there, whatever its value."""
        return _raw(self._source, name) is not None

    def has(self, *names: str) -> bool:
        """Whether all of these fields are there."""
        return all(name in self for name in names)

    def value(self, *paths: Path) -> Any:
        """Return the first value that is there: not None, and no empty text."""
        for path in paths:
            for one in (path,) if isinstance(path, str) else path:
                found: Any = self._source
                for name in one.split("."):
                    found = _raw(found, name)
                if isinstance(found, Enum):
                    found = found.value
                elif isinstance(found, UUID):
                    found = str(found)
                if found is not None and not (isinstance(found, str) and not found.strip()):
                    return found
        return None

    def text(self, *paths: Path) -> str | None:
        """Return a text, or a whole number as its digits."""
        found = self.value(*paths)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, (str, int, Decimal)):
            raise NotUnderstood(f"{_name(paths)} is no text: {shown(found)}")
        return printable(str(found), TEXT_LENGTH_MAX, paths)

    def id(self, *paths: Path) -> str | None:
        """Return an id: a text or a whole number; 0 and a bare dash stand for none."""
        found = self.text(*paths)
        return None if found in ("0", "-", "-1", "None") else found

    def reason(self, *paths: Path) -> str | None:
        """Return a sentence, cut to what the ledger keeps; characters that cannot be printed become blanks."""
        found = self.value(*paths)
        if found is None:
            return None
        text = "".join(letter if letter.isprintable() else " " for letter in str(found)).strip()
        return text[:REASON_LENGTH_MAX] or None

    def word(self, *paths: Path) -> str | None:
        """Return a text in capitals without blanks, dashes and underscores: how words of a vocabulary are compared."""
        found = self.text(*paths)
        return None if found is None else plain_word(found)

    def number(self, *paths: Path) -> Decimal | None:
        """Return a number; a float by its shortest text."""
        return decimal_of(self.value(*paths), _name(paths))

    def positive(self, *paths: Path) -> Decimal | None:
        """Return a number above zero; zero and less are how sources write "none"."""
        found = self.number(*paths)
        return found if found is not None and found > 0 else None

    def nonzero(self, *paths: Path) -> Decimal | None:
        """Return a number that is not zero, which is how sources write "no price"."""
        return self.number(*paths) or None

    def needed(self, *paths: Path) -> Decimal:
        """Return a number above zero that must be there."""
        found = self.positive(*paths)
        if found is None:
            raise NotUnderstood(f"{_name(paths)} is missing, or not above zero")
        return found

    def flag(self, *paths: Path) -> bool | None:
        """Return True or False, also where the source writes it as text or number."""
        found = self.value(*paths)
        if found is None or isinstance(found, bool):
            return found
        word = plain_word(str(found)[:TEXT_LENGTH_MAX])
        if word in ("TRUE", "Y", "YES", "1"):
            return True
        if word in ("FALSE", "N", "NO", "0"):
            return False
        raise NotUnderstood(f"{_name(paths)} is neither true nor false: {shown(found)}")

    def time(self, *paths: Path) -> datetime | None:
        """Return a time in UTC: a datetime, ISO 8601 text, or seconds, milli-, micro- or nanoseconds since 1970."""
        found = self.value(*paths)
        if found is None:
            return None
        try:
            return moment_of(found, self._zone)
        except ValueError as error:
            raise NotUnderstood(f"{_name(paths)} {error}") from None

    def day(self, *paths: Path) -> date | None:
        """Return a date: ISO 8601, or eight digits."""
        found = self.value(*paths)
        if found is None or (isinstance(found, date) and not isinstance(found, datetime)):
            return found
        try:
            return date.fromisoformat(str(found)[:TEXT_LENGTH_MAX].strip())
        except ValueError:
            raise NotUnderstood(f"{_name(paths)} is no date: {shown(found)}") from None

    def part(self, *paths: Path) -> "Fields":
        """Return a mapping or object inside this one; an empty one where there is none."""
        found = self.value(*paths)
        return Fields({} if found is None else found, self._zone)

    def parts(self, *paths: Path) -> list["Fields"]:
        """Return the items of a list inside this one."""
        found = self.value(*paths)
        if found is None:
            return []
        if not isinstance(found, (list, tuple)) or len(found) > ITEMS_MAX:
            raise NotUnderstood(f"{_name(paths)} is no list of at most {ITEMS_MAX} items")
        return [Fields(item, self._zone) for item in found]


Getter = Path | Callable[[Fields], Any] | None
"""How a table says where a value is: a field, the first of several, or a function of the message."""


Terms = Mapping[str, Getter]
"""What an order is, by the names of the ledger: where each of them is."""


def got(fields: Fields, getter: Getter, read: Callable[..., Any]) -> Any:
    """Return what a getter finds: fields are read with `read`, what a function returns is taken as it is."""
    if getter is None:
        return None
    return getter(fields) if callable(getter) else read(getter)


def decimal_of(found: Any, name: str) -> Decimal | None:
    """Return a number as a Decimal; None for none, for NaN and for infinities, which stand for "not set"."""
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (str, int, float, Decimal)):
        raise NotUnderstood(f"{name} is no number: {shown(found)}")
    text = repr(found) if isinstance(found, float) else str(found).strip()
    if len(text) > TEXT_LENGTH_MAX:
        raise NotUnderstood(f"{name} has more than {TEXT_LENGTH_MAX} characters")
    try:
        number = Decimal(text)
    except (InvalidOperation, ValueError):
        raise NotUnderstood(f"{name} is no number: {shown(found)}") from None
    if not number.is_finite() or abs(number) >= UNSET:
        return None
    return number


def printable(text: str, length_max: int, paths: object) -> str:
    """Return a text without blanks around it; refuse one that the ledger would not take."""
    stripped = text.strip()
    if len(stripped) > length_max or not stripped.isprintable():
        problem = f"has more than {length_max} characters" if len(stripped) > length_max else "cannot be printed"
        raise NotUnderstood(f"{_name(paths)} {problem}: {shown(stripped)}")
    return stripped


def plain_word(text: str) -> str:
    """Return a word as vocabularies are compared: capitals, no blanks, dashes, underscores or slashes."""
    return "".join(letter for letter in text.upper() if letter.isalnum())


def shown(value: object) -> str:
    """Return a value as a sentence can hold it."""
    text = repr(value) if isinstance(value, (str, int, float, Decimal, bool)) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."


def items_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Generate the (name, value) pairs of a mapping; nothing for anything else."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name), item


def _raw(source: Any, name: str) -> Any:
    if source is None:
        return None
    try:
        if isinstance(source, Mapping):
            return source.get(name)
        if isinstance(source, (str, bytes, int, float, Decimal, list, tuple)):
            return None
        return getattr(source, name, None)
    except Exception as error:  # noqa: BLE001  # an object of the caller's own may raise anything when it is read
        raise NotUnderstood(f"{name} cannot be read: {type(error).__name__}") from None


def _name(paths: object) -> str:
    if isinstance(paths, tuple):
        names = [name for path in paths for name in ((path,) if isinstance(path, str) else path)]
        return " or ".join(names)
    return str(paths)
