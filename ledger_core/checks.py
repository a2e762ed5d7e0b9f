"""Check one value that a caller handed in: ids, numbers, times, words, JSON; InvalidValue names the argument.

Nothing is coerced that could lose meaning: floats, naive times and numbers in text that is no number are refused. What
is kept are plain values: of a subclass of str, Decimal or datetime only the value is taken, and none of its own methods
is called. An object that says it is of another class, raises when it is read or never ends is malformed.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import attrs

from ledger_core._frozen import FrozenDict
from ledger_core._plain import is_mapping, kind_of, native, pairs_of, said, taken
from ledger_core.errors import InvalidValue
from ledger_core.numbers import PLACES_MAX, parse_date, parse_decimal, parse_time, plain, short_decimal

ID_LENGTH_MAX = 128
WORD_LENGTH_MAX = 128
REASON_LENGTH_MAX = 1_000
METADATA_BYTES_MAX = 16_384
METADATA_DEPTH_MAX = 16
ITEMS_MAX = 1_000
"""The most fees, tags or order ids in one argument."""
CHAIN_KEY_BYTES_MIN = 16
CHAIN_KEY_BYTES_MAX = 1_024

EnumT = TypeVar("EnumT", bound=StrEnum)
Parser = Callable[[object, str], Any]


def check_id(value: object, argument: str) -> str:
    """Return an id: 1 to 128 printable characters."""
    if type(value) is str and 0 < len(value) <= ID_LENGTH_MAX and value.isprintable():
        return value
    text = _text(value, argument)
    if not 1 <= len(text) <= ID_LENGTH_MAX:
        raise invalid(argument, value, f"must have 1 to {ID_LENGTH_MAX} characters, has {len(text)}")
    if not text.isprintable():
        raise invalid(argument, value, "has characters that cannot be printed")
    return text


def check_optional_id(value: object, argument: str) -> str | None:
    """Return an id, or None."""
    return None if value is None else check_id(value, argument)


def check_reason(value: object, argument: str = "reason") -> str | None:
    """Return a reason of up to 1,000 printable characters, or None."""
    if value is None:
        return None
    text = _text(value, argument)
    if len(text) > REASON_LENGTH_MAX:
        raise invalid(argument, value, f"has {len(text)} characters, at most {REASON_LENGTH_MAX} are kept")
    if not text.isprintable():
        raise invalid(argument, value, "has characters that cannot be printed")
    return text or None


def check_required_reason(value: object, argument: str = "reason") -> str:
    """Return a reason, which must be given."""
    reason = check_reason(value, argument)
    if reason is None:
        raise invalid(argument, value, "must say why")
    return reason


def check_time(value: object, argument: str) -> datetime:
    """Return an aware time in UTC."""
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    time = native(value)
    if not issubclass(type(time), (datetime, str)):
        raise invalid(argument, value, f"must be an aware datetime, not {kind_of(value)}")
    try:
        return parse_time(time, argument)
    except ValueError as error:
        raise InvalidValue(said(error), argument=argument, value=value) from None
    except Exception as error:  # noqa: BLE001  # a time zone of the caller's own may raise anything, and in any words
        raise invalid(argument, value, f"cannot be read: {said(error)}") from None


def check_optional_time(value: object, argument: str) -> datetime | None:
    """Return an aware time in UTC, or None."""
    return None if value is None else check_time(value, argument)


def check_date(value: object, argument: str) -> date:
    """Return a date."""
    day = native(value)
    if not issubclass(type(day), (date, str)):
        raise invalid(argument, value, f"must be a date, not {kind_of(value)}")
    try:
        return parse_date(day, argument)
    except ValueError as error:
        raise InvalidValue(str(error), argument=argument, value=value) from None


def check_optional_date(value: object, argument: str) -> date | None:
    """Return a date, or None."""
    return None if value is None else check_date(value, argument)


def check_bool(value: object, argument: str) -> bool:
    """Return a bool; nothing else is taken for one."""
    if value is True or value is False:
        return value
    raise invalid(argument, value, f"must be True or False, not {shown(value)}")


def check_optional_bool(value: object, argument: str) -> bool | None:
    """Return a bool, or None."""
    return None if value is None else check_bool(value, argument)


def check_count(value: object, argument: str, *, minimum: int) -> int:
    """Return a whole number from `minimum` up, of at most 63 bits; a bool is none."""
    number = native(value)
    if type(number) is not int or not minimum <= number < 2**63:
        raise invalid(argument, value, f"must be a whole number from {minimum} up, not {shown(value)}")
    return number


def check_optional_count(value: object, argument: str, *, minimum: int) -> int | None:
    """Return a whole number from `minimum` up, or None."""
    return None if value is None else check_count(value, argument, minimum=minimum)


def check_seconds(value: object, argument: str) -> float:
    """Return a number of seconds above 0, at most a day."""
    seconds = native(value)
    if (type(seconds) is not int and type(seconds) is not float) or not 0 < seconds <= 86_400:
        raise invalid(argument, value, f"must be seconds above 0, at most a day, not {shown(value)}")
    return seconds


def check_enum(words: type[EnumT], value: object, argument: str) -> EnumT:
    """Return the member of an enum, given as member or as its word."""
    if type(value) is words:
        return value
    if type(value) is str:
        try:
            return words(value)
        except ValueError:
            pass
    known = list(words.__members__)
    text = native(value)
    near = nearest(text[:WORD_LENGTH_MAX].upper() if type(text) is str else "", known)
    raise invalid(argument, value, f"must be one of {', '.join(known)}, not {shown(value)}{near}")


def check_choice(value: object, argument: str, choices: Sequence[str]) -> str:
    """Return one of a few words that are no enum."""
    text = native(value)
    if type(text) is str and text in choices:
        return text
    raise invalid(argument, value, f"must be {' or '.join(map(repr, choices))}, not {shown(value)}")


def check_chain_key(value: object) -> bytes | None:
    """Return a secret of 16 to 1,024 bytes, or None; no error ever shows it."""
    if value is None:
        return None
    if type(value) is not bytes:
        raise invalid("chain_key", None, f"must be bytes, not {kind_of(value)}")
    if not CHAIN_KEY_BYTES_MIN <= len(value) <= CHAIN_KEY_BYTES_MAX:
        limits = f"{CHAIN_KEY_BYTES_MIN} to {CHAIN_KEY_BYTES_MAX}"
        raise invalid("chain_key", None, f"has {limits} bytes, not {len(value)}: os.urandom(32) makes one")
    return value


def check_callable(value: object, argument: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise invalid(argument, value, f"must be callable, which {shown(value)} is not")


def check_price(value: object, argument: str) -> Decimal:
    """Return a finite decimal of any sign, its trailing zeros kept: prices may be zero or negative."""
    if type(value) is str and len(value) <= PLACES_MAX and (short := short_decimal(value)) is not None:
        return short
    number = native(value)
    if not issubclass(type(number), (Decimal, str, int, float)):
        raise invalid(argument, value, f"must be a Decimal, int or str, not {kind_of(value)}")
    try:
        return parse_decimal(number, argument)
    except ValueError as error:
        raise InvalidValue(str(error), argument=argument, value=value) from None


def check_amount(value: object, argument: str) -> Decimal:
    """Return a finite decimal of any sign, in the one form that is stored: without trailing zeros."""
    number = check_price(value, argument)
    return number if type(value) is str and value.isdecimal() and number else plain(number)


def check_quantity(value: object, argument: str) -> Decimal:
    """Return a positive decimal, in the one form that is stored: without trailing zeros."""
    if type(value) is str and value.isdecimal() and len(value) <= PLACES_MAX and (short := short_decimal(value)):
        return short  # digits alone: a whole number above 0, in its one form
    number = check_amount(value, argument)
    if number <= 0:
        raise invalid(argument, value, f"must be positive, not {number}")
    return number


def check_not_negative(value: object, argument: str) -> Decimal:
    """Return a decimal of 0 or more, in the one form that is stored."""
    number = check_amount(value, argument)
    if number < 0:
        raise invalid(argument, value, f"must not be negative, is {number}")
    return number


def check_metadata(value: object, argument: str) -> Mapping[str, Any]:
    """Return a JSON object, frozen: at most 16 KiB, 16 deep, finite numbers, text keys."""
    if not is_mapping(value):
        raise invalid(argument, value, f"must be a JSON object, not {kind_of(value)}")
    try:
        metadata: FrozenDict = _JsonReader(argument).read(value, argument, METADATA_DEPTH_MAX)
        size = len(json.dumps(metadata, ensure_ascii=False).encode())
    except InvalidValue:
        raise
    except Exception as error:  # noqa: BLE001  # a mapping of the caller's own may raise anything when it is read
        raise invalid(argument, value, f"cannot be written as JSON: {said(error)}") from None
    if size > METADATA_BYTES_MAX:
        raise invalid(argument, "…", f"has {size} bytes as JSON, at most {METADATA_BYTES_MAX} are kept")
    return metadata


def check_ids(value: object, argument: str) -> tuple[str, ...]:
    """Return distinct ids from a list, tuple or set of them."""
    items = items_of(value, argument)
    ids = tuple(check_id(item, f"{argument}[{index}]") for index, item in enumerate(items))
    if len(set(ids)) != len(ids):
        raise invalid(argument, value, "names an id twice")
    return ids


def check_shares(value: object, argument: str) -> tuple[tuple[str, ...], Mapping[str, Decimal]]:
    """Return order ids and, where a mapping of order id to quantity was given, the units of each that are meant."""
    if not is_mapping(value):
        return check_ids(value, argument), FrozenDict()
    items = mapping_of(value, argument)
    if len(items) > ITEMS_MAX:
        raise invalid(argument, "…", f"has {len(items)} items, at most {ITEMS_MAX} are taken")
    shares = {}
    for order_id, quantity in items.items():
        name = check_id(order_id, argument)
        shares[name] = check_quantity(quantity, f"{argument}[{name!r}]")
    return tuple(shares), FrozenDict(shares)


def given_time(occurred_at: object, now: Callable[[], datetime]) -> datetime:
    """Return when a command happened: `occurred_at`, or the clock's time."""
    return now() if occurred_at is None else check_time(occurred_at, "occurred_at")


def one_time(occurred_at: object, named: datetime | None, name: str, now: Callable[[], datetime]) -> datetime:
    """Return when a command happened: `occurred_at`, the time named in its data, or the clock's."""
    if occurred_at is None:
        return named or now()
    given = check_time(occurred_at, "occurred_at")
    if named is not None and given != named:
        raise invalid(name, named, f"differs from occurred_at: {named} and {given}")
    return given


def read_keys(
    given: object, parsers: Mapping[str, Parser], argument: str, *, required: Iterable[str] = ()
) -> dict[str, Any]:
    """Check a mapping, or an attrs value, key by key; None means not given."""
    read: dict[str, Any] = {}
    pairs = given if type(given) is dict else mapping_of(given, argument)
    for key, value in pairs.items():
        name = key
        if type(key) is not str or (parser := parsers.get(key)) is None:
            name, parser = _known_key(key, parsers, argument)
        if value is not None:
            read[name] = parser(value, f"{argument}.{name}")
    for name in required:
        if name not in read:
            raise invalid(f"{argument}.{name}", None, "is required")
    return read


def _known_key(key: object, parsers: Mapping[str, Parser], argument: str) -> tuple[str, Parser]:
    """Return the parser of a key that may be of a subclass of str; raise InvalidValue for one that is not known."""
    name = native(key)
    if type(name) is str and name in parsers:
        return name, parsers[name]
    raise invalid(argument, name, f"has no key {shown(name)}{nearest(name if type(name) is str else '', parsers)}")


def mapping_of(given: object, argument: str) -> Mapping[Any, Any]:
    """Return a mapping, or the fields of an attrs value, as something that can be read without surprises."""
    if type(given) is dict:
        return given
    try:
        if attrs.has(type(given)):
            return attrs.asdict(given, recurse=False)  # type: ignore[arg-type]  # attrs.has() has looked
        if not is_mapping(given):
            raise invalid(argument, given, f"must be a mapping, not {kind_of(given)}")
        return dict(pairs_of(given, argument))
    except InvalidValue:
        raise
    except Exception as error:  # noqa: BLE001  # a mapping of the caller's own may raise anything when it is read
        raise invalid(argument, given, f"cannot be read: {said(error)}") from None


def items_of(value: object, argument: str, *, at_most: int = ITEMS_MAX) -> Sequence[Any]:
    """Return the items of a list, tuple or set, of which there are not too many."""
    if not issubclass(type(value), (list, tuple, set, frozenset)):
        raise invalid(argument, value, f"must be a list, not {kind_of(value)}")
    return taken(value, argument, at_most=at_most)


class _JsonReader:
    """Reads JSON of the caller's own, once: what is checked is what is kept, and no more is read than may be kept."""

    def __init__(self, argument: str) -> None:
        self._argument = argument
        self._left = METADATA_BYTES_MAX

    def read(self, value: object, argument: str, depth: int) -> Any:
        if depth < 0:
            raise invalid(argument, "…", f"is nested more than {METADATA_DEPTH_MAX} deep")
        plain = native(value)
        self._take(1)
        if plain is None or plain is True or plain is False:
            return plain
        if type(plain) is str:
            self._take(len(plain))
            return plain
        if type(plain) is int:
            self._take(plain.bit_length() // 4)  # a digit has less than 4 bits
            return plain
        if type(plain) is float:
            if not math.isfinite(plain):
                raise invalid(argument, value, f"must be finite, not {plain}")
            return plain
        if is_mapping(plain):
            return FrozenDict(self._read_members(plain, argument, depth))
        if issubclass(type(plain), (list, tuple)):
            items = taken(plain, argument, at_most=METADATA_BYTES_MAX)
            return tuple(self.read(item, f"{argument}[{index}]", depth - 1) for index, item in enumerate(items))
        if type(plain) is Decimal:
            raise invalid(argument, value, "holds a Decimal, which JSON cannot; give its text")
        raise invalid(argument, value, f"holds a {kind_of(value)}, which JSON cannot")

    def _read_members(self, given: Any, argument: str, depth: int) -> Iterator[tuple[str, Any]]:
        for key, item in pairs_of(given, argument):
            name = native(key)
            if type(name) is not str:
                raise invalid(argument, key, f"has a key that is no text: {shown(key)}")
            self._take(len(name))
            yield name, self.read(item, f"{argument}.{name[:WORD_LENGTH_MAX]}", depth - 1)

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise invalid(self._argument, "…", f"is longer as JSON than is kept: at most {METADATA_BYTES_MAX} bytes")


def _text(value: object, argument: str) -> str:
    text = native(value)
    if type(text) is not str:
        raise invalid(argument, value, f"must be a str, not {kind_of(value)}")
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name that comes nearest, or nothing."""
    import difflib  # which a program without a misspelt name never needs

    near = difflib.get_close_matches(name[:WORD_LENGTH_MAX], list(known), cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def shown(value: object) -> str:
    """Return how a value is shown in a message: short, and without asking a stranger's object for anything."""
    plain = native(value)
    try:
        text = repr(plain) if plain is None or issubclass(type(plain), (str, int, float)) else kind_of(value)
    except ValueError:
        text = "a number of too many digits"
    return text if len(text) <= WORD_LENGTH_MAX else text[:WORD_LENGTH_MAX] + "…"


def invalid(argument: str, value: object, complaint: str) -> InvalidValue:
    """Return the error for an argument; the complaint goes on where its name ends."""
    return InvalidValue(f"{argument} {complaint}", argument=argument, value=value)
