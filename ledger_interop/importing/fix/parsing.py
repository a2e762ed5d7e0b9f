"""FIX messages out of lines of a log: whatever stands around them, whichever separator the log was written with."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from ledger_interop.importing.fields import NotUnderstood, decimal_of, printable, shown
from ledger_interop.importing.times import moment_of

FIELDS_MAX = 2_000
"""The most fields of one message."""

SOH = "\x01"
_START = re.compile(r"8=FIXT?\.\d\.\d", re.ASCII)
# What logs put in the place of SOH: itself, |, ^A, <SOH>, the picture of it, ;.
_SEPARATOR = re.compile(r"8=FIXT?\.\d\.\d(?P<mark>\x01|\||\^A|<SOH>|␁|;)9=", re.ASCII)
_END = re.compile(r"(?:^|\x01)10=\d{1,3}(?:\x01|$|(?=\D))")
_FIELD = re.compile(r"(\d{1,6})=(.*)", re.ASCII | re.DOTALL)

FixFields = Mapping[str, str]


class FixMessage:
    """One message: the first value of each tag, and all of them in order, for repeating groups."""

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        """Keep the fields in their order."""
        self._pairs = pairs
        self._values: dict[str, str] = {}
        for tag, value in pairs:
            self._values.setdefault(tag, value)

    @property
    def kind(self) -> str:
        """MsgType (35)."""
        return self._values.get("35", "")

    @property
    def session(self) -> str:
        """Who sent it to whom: SenderCompID->TargetCompID."""
        return f"{self._values.get('49', '')}->{self._values.get('56', '')}"

    def get(self, tag: str) -> str | None:
        """Return a value as text; None where it is not there or empty."""
        value = self._values.get(tag)
        return value.strip() or None if value is not None else None

    def id(self, tag: str) -> str | None:
        """Return an id; NONE and 0 are what gateways write where there is none."""
        value = self.get(tag)
        if value is None or value.upper() in ("NONE", "UNKNOWN", "N/A", "0"):
            return None
        return printable(value, 128, tag)

    def reason(self) -> str | None:
        """Return Text (58), as the ledger keeps reasons."""
        value = "".join(letter if letter.isprintable() else " " for letter in self._values.get("58", "")).strip()
        return value[:1_000] or None

    def number(self, tag: str) -> Decimal | None:
        """Return a number."""
        return decimal_of(self.get(tag), f"tag {tag}")

    def positive(self, tag: str) -> Decimal | None:
        """Return a number above zero."""
        number = self.number(tag)
        return number if number is not None and number > 0 else None

    def time(self) -> datetime | None:
        """Return when it happened: TransactTime (60), else when it was sent (52). FIX times are UTC."""
        for tag in ("60", "52"):
            value = self.get(tag)
            if value is not None:
                try:
                    return moment_of(value, UTC)
                except ValueError as error:
                    raise NotUnderstood(f"tag {tag} {error}") from None
        return None

    def day(self, tag: str) -> date | None:
        """Return a date (YYYYMMDD)."""
        value = self.get(tag)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise NotUnderstood(f"tag {tag} is no date: {shown(value)}") from None

    def group(self, first: str, *others: str) -> Iterator[FixFields]:
        """Generate the entries of a repeating group, each beginning with the tag `first`."""
        entry: dict[str, str] = {}
        for tag, value in self._pairs:
            if tag == first:
                if entry:
                    yield entry
                entry = {tag: value}
            elif entry and tag in others:
                entry.setdefault(tag, value)
        if entry:
            yield entry


def messages_in_line(line: str) -> Iterator[FixMessage | str]:
    """Generate the messages of a line; for one that is broken, what is wrong with it."""
    starts = [found.start() for found in _START.finditer(line)]
    for start, end in zip(starts, [*starts[1:], len(line)], strict=False):
        yield _message(line[start:end])


def _message(text: str) -> FixMessage | str:
    found = _SEPARATOR.match(text)
    if found is None:
        return "the fields are parted by nothing that is known"
    if found["mark"] != SOH:
        text = text.replace(found["mark"], SOH)
    end = _END.search(text)
    if end is None:
        return "the message is cut off: its checksum (10) is missing"
    pairs: list[tuple[str, str]] = []
    for part in text[: end.end()].split(SOH):
        if not part:
            continue
        field = _FIELD.match(part)
        if field is None:
            if not pairs:
                return "it does not begin with a field"
            tag, value = pairs[-1]  # a separator inside a text field
            pairs[-1] = (tag, f"{value} {part}")
            continue
        pairs.append((field[1], field[2]))
        if len(pairs) > FIELDS_MAX:
            return f"it has more than {FIELDS_MAX:,} fields"
    return FixMessage(pairs)
