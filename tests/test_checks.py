"""Checks of one value: what is taken, as what, and what is said of what is not; the last that fits and the first beyond."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from ledger_core import checks as check
from ledger_core._frozen import FrozenDict
from ledger_core.errors import InvalidValue
from ledger_core.model import Fee, Side
from ledger_core.testing.samples import NOON, later

Check = Callable[[object], Any]


class Text(str):
    """A text of somebody's own."""

    __slots__ = ()


class Number(Decimal):
    """A number of somebody's own."""


class Count(int):
    """A count of somebody's own."""


class Day(date):
    """A date of somebody's own."""


class Moment(datetime):
    """A time of somebody's own."""


class Broken(dict[str, Any]):
    """A mapping that cannot be read."""

    def __iter__(self) -> Iterator[str]:
        """Break."""
        raise RuntimeError("cannot be had")


class Members(dict[str, Any]):
    """A mapping whose values cannot be read."""

    def __iter__(self) -> Iterator[str]:
        """Name one."""
        return iter(("a",))

    def __getitem__(self, key: str) -> Any:
        """Break."""
        raise RuntimeError("cannot be had")


class Silent(RuntimeError):
    """An error that cannot be asked what it is."""

    def __str__(self) -> str:
        """Break."""
        raise RuntimeError


class Nowhere(tzinfo):
    """A time zone that raises such an error."""

    def utcoffset(self, _when: datetime | None) -> timedelta:
        """Break."""
        raise Silent

    def dst(self, _when: datetime | None) -> timedelta:
        """Break."""
        raise Silent

    def tzname(self, _when: datetime | None) -> str:
        """Break."""
        raise Silent


def named(checked: Callable[..., Any], **options: Any) -> Check:
    """Return a check whose argument is called `it`."""
    return lambda value: checked(value, "it", **options)


BERLIN = timezone(timedelta(hours=1))


def side(value: object) -> Side:
    """Check a word of an enum."""
    return check.check_enum(Side, value, "it")


# fmt: off
CHECKS: Mapping[str, tuple[Check, Mapping[Any, Any] | Sequence[tuple[Any, Any]], Sequence[Any]]] = {
    # what is checked: by what, what is taken and as what, and what is refused
    "id": (named(check.check_id), {"x": "x", "x" * 128: "x" * 128, Text("é ✓"): "é ✓", Text("y" * 128): "y" * 128},
           ("", "x" * 129, "a\nb", 7, None, b"x")),
    "optional id": (named(check.check_optional_id), {None: None, "x": "x"}, ("", 7)),
    "reason": (named(check.check_reason), {None: None, "": None, "r" * 1000: "r" * 1000, Text("why"): "why"},
               ("r" * 1001, "a\0b", 7, b"x")),
    "required reason": (named(check.check_required_reason), {"why": "why"}, (None, "", 7)),
    "time": (
        named(check.check_time),
        {
            NOON: NOON, "2026-03-02T13:00+01:00": later(-0.123456), later(1).astimezone(BERLIN): later(1),
            Moment(2026, 3, 2, tzinfo=UTC): datetime(2026, 3, 2, tzinfo=UTC),
        },
        (NOON.replace(tzinfo=None), "2026-03-02T13:00", "soon", 7, date(2026, 3, 2), None),
    ),
    "optional time": (named(check.check_optional_time), {None: None, NOON: NOON}, ("soon", 7)),
    "date": (
        named(check.check_date),
        {"2026-03-02": date(2026, 3, 2), Day(2026, 3, 3): date(2026, 3, 3), date(2026, 3, 4): date(2026, 3, 4)},
        (NOON, "2026-02-30", 20260302, None, b"2026-03-02"),
    ),
    "optional date": (named(check.check_optional_date), {None: None, "2026-03-02": date(2026, 3, 2)},
                      (NOON, "2026-02-30")),
    "bool": (named(check.check_bool), {True: True, False: False}, (None, 1, 0, "True")),
    "optional bool": (named(check.check_optional_bool), {None: None, True: True, False: False}, (1, 0, "")),
    "count": (named(check.check_count, minimum=3), {3: 3, 2**63 - 1: 2**63 - 1, Count(4): 4},
              (2, -1, 2**63, 3.0, "3", None, True)),
    "optional count": (named(check.check_optional_count, minimum=3), {None: None, 3: 3}, (2, "3")),
    "seconds": (named(check.check_seconds), {1: 1, 0.001: 0.001, 86_400: 86_400},
                (0, -1, 86_400.5, 86_401, float("nan"), "1", True, None)),
    "word": (side, ((Side.SELL, Side.SELL), ("BUY", Side.BUY)), ("buy", "UP", None, 1)),
    "choice": (named(check.check_choice, choices=("this", "that")), {"that": "that", Text("this"): "this"},
               ("THIS", "", None, 1)),
    "callable": (named(check.check_callable), {print: None}, (7, None)),
    "price": (
        named(check.check_price),
        {
            "50.00": "50.00", -3: "-3", "0": "0", Number("1.50"): "1.50", Text("1.5"): "1.5", Count(7): "7",
            "9" * 38: "9" * 38, "1e3": "1000",
        },
        (1.5, float("nan"), "1_0", "x", None, True, b"1", "9" * 39, "0." + "0" * 18 + "1", Decimal("NaN")),
    ),
    "amount": (
        named(check.check_amount),
        {"50.00": "50", "-0.10": "-0.1", "0": "0", "100": "100", Decimal("1E+2"): "100", "007": "7", 0: "0", "00": "0"},
        (1.5, "x", None),
    ),
    "quantity": (
        named(check.check_quantity),
        {
            "5": "5", "5.50": "5.5", 1: "1", "0." + "0" * 17 + "1": "0." + "0" * 17 + "1",
            "123456789012345678": "123456789012345678", "1234567890123456789": "1234567890123456789",
        },
        (0, "0", "00", "-1", Decimal("-0.5"), 1.5, "x", None),
    ),
    "not negative": (named(check.check_not_negative), {0: "0", "2.0": "2"}, (-1, "-0." + "0" * 17 + "1", 1.5)),
    "metadata": (
        named(check.check_metadata),
        (
            ({}, {}), (MappingProxyType({"a": [1, {"b": None}]}), {"a": (1, {"b": None})}),
            ({Text("k"): Text("v"), "f": 0.5, "i": Count(3)}, {"k": "v", "f": 0.5, "i": 3}),
            ({"yes": True, "no": False, "none": None}, {"yes": True, "no": False, "none": None}),
            ({"a": "x" * (16_384 - 9)}, {"a": "x" * (16_384 - 9)}), ({"a": "é" * 8_187}, {"a": "é" * 8_187}),
        ),
        (None, "x", [], [("a", 1)], 7),
    ),
    "ids": (named(check.check_ids), ((["a", "b"], ("a", "b")), (("a",), ("a",)), ({"a"}, ("a",)), (frozenset(), ())),
            (["a", "a"], "ab", {"a": 1}, None, 7)),
    "shares": (
        named(check.check_shares),
        (
            (["a"], (("a",), {})), ({}, ((), {})),
            ({"a": "2.0", "b": 3}, (("a", "b"), {"a": Decimal(2), "b": Decimal(3)})),
        ),
        ("ab", None, ["a", "a"]),
    ),
}

INSIDE: tuple[tuple[Check, Any, str, Any], ...] = (
    # by what is checked, what is given, the part that is malformed, and what is shown of it
    (named(check.check_metadata), {"a": {"b": Decimal(1)}}, "it.a.b", Decimal(1)),
    (named(check.check_metadata), {"a": [1, float("inf")]}, "it.a[1]", float("inf")),
    (named(check.check_metadata), {"a": NOON}, "it.a", NOON),
    (named(check.check_metadata), {"a": b"x"}, "it.a", b"x"),
    (named(check.check_metadata), {"a": {7: 1}}, "it.a", 7),
    (named(check.check_metadata), {"k" * 200: b"x"}, "it." + "k" * 128, b"x"),
    (named(check.check_metadata), {"a": "x" * (16_384 - 8)}, "it", "…"),
    (named(check.check_metadata), {"a": "x" * 16_384}, "it", "…"),
    (named(check.check_metadata), {"a": "é" * 8_188}, "it", "…"),
    (named(check.check_metadata), {"a": 2 ** 66_000}, "it", "…"),
    (named(check.check_metadata), {"k" * 16_384: 1}, "it", "…"),
    (named(check.check_metadata), {"a": [1] * 16_384}, "it", "…"),
    (named(check.check_metadata), {"a": [1] * 16_385}, "it.a", None),
    (named(check.check_ids), ["a", 7], "it[1]", 7),
    (named(check.check_ids), [str(number) for number in range(1001)], "it", None),
    (named(check.check_shares), {"a": 1, "b": 0}, "it['b']", 0),
    (named(check.check_shares), {7: 1}, "it", 7),
    (named(check.check_shares), {str(number): 1 for number in range(1001)}, "it", "…"),
    (check.check_chain_key, b"k" * 15, "chain_key", None),
    (check.check_chain_key, b"k" * 1025, "chain_key", None),
    (check.check_chain_key, "k" * 16, "chain_key", None),
    (check.check_reason, 7, "reason", 7),
    (check.check_required_reason, "", "reason", ""),
)

SENTENCES: tuple[tuple[str, object, str], ...] = (
    # what is checked, what is given, and what is said of it
    ("id", "", "must have 1 to 128 characters, has 0"),
    ("id", "a\nb", "has characters that cannot be printed"),
    ("id", 7, "must be a str, not int"),
    ("reason", "r" * 1001, "has 1001 characters, at most 1000 are kept"),
    ("reason", "a\0b", "has characters that cannot be printed"),
    ("required reason", None, "must say why"),
    ("time", 7, "must be an aware datetime, not int"),
    ("time", NOON.replace(tzinfo=None), "is naive; give it a time zone, such as datetime.UTC"),
    ("date", 7, "must be a date, not int"),
    ("date", "soon", "is not an ISO 8601 date: 'soon'"),
    ("bool", 1, "must be True or False, not 1"),
    ("count", "3", "must be a whole number from 3 up, not '3'"),
    ("seconds", 0, "must be seconds above 0, at most a day, not 0"),
    ("word", "sel", "must be one of BUY, SELL, SELL_SHORT, not 'sel'; did you mean 'SELL'?"),
    ("word", 7, "must be one of BUY, SELL, SELL_SHORT, not 7"),
    ("choice", "other", "must be 'this' or 'that', not 'other'"),
    ("callable", 7, "must be callable, which 7 is not"),
    ("price", b"x", "must be a Decimal, int or str, not bytes"),
    ("price", 1.5, "must be a Decimal, int or str, not float; floats lose digits, give str or Decimal"),
    ("quantity", -1, "must be positive, not -1"),
    ("not negative", -1, "must not be negative, is -1"),
    ("metadata", [], "must be a JSON object, not list"),
    ("metadata", {"a": "é" * 8_188}, "has 16385 bytes as JSON, at most 16384 are kept"),
    ("metadata", {"a": "x" * 16_384}, "is longer as JSON than is kept: at most 16384 bytes"),
    ("ids", "ab", "must be a list, not str"),
    ("ids", ["a", "a"], "names an id twice"),
    ("ids", ["a"] * 1001, "has more than 1000 items, at most so many are taken"),
    ("shares", dict.fromkeys(range(1001), 1), "has 1001 items, at most 1000 are taken"),
)
# fmt: on


def refusal_of(checked: Check, value: object) -> InvalidValue:
    """Return what a check says of a malformed value."""
    with pytest.raises(InvalidValue) as refused:
        checked(value)
    return refused.value


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_well_formed_is_kept_as_a_plain_value(name: str) -> None:
    """Of a subclass the value alone; a number keeps the digits that mean something, and no others."""
    checked, pairs, _ = CHECKS[name]
    for value, kept in pairs.items() if isinstance(pairs, Mapping) else pairs:
        found = checked(value)
        if isinstance(found, Decimal):
            assert (found.as_tuple(), type(found)) == (Decimal(kept).as_tuple(), Decimal)
        else:
            assert (found, type(found)) == (kept, FrozenDict if isinstance(kept, dict) else type(kept))


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_malformed_is_refused_with_its_name_and_what_was_given(name: str) -> None:
    """As it was given, and the sentence begins with the name."""
    checked, _, values = CHECKS[name]
    for value in values:
        refusal = refusal_of(checked, value)
        assert (refusal.argument, refusal.message[:2]) == ("it", "it")
        assert refusal.value is value


def test_the_part_that_is_malformed_is_named() -> None:
    """By its path, and shown; of what is too long, or secret, nothing is shown."""
    for checked, value, argument, shown in INSIDE:
        refusal = refusal_of(checked, value)
        assert (refusal.argument, refusal.value) == (argument, shown)


def test_what_was_found_and_what_is_accepted_is_said() -> None:
    """In a sentence for people, which goes on where the name ends."""
    for name, value, sentence in SENTENCES:
        assert refusal_of(CHECKS[name][0], value).message == f"it {sentence}"
    for key, sentence in (
        ("k" * 16, "must be bytes, not str"),
        (b"k", "has 16 to 1024 bytes, not 1: os.urandom(32) makes one"),
    ):
        assert refusal_of(check.check_chain_key, key).message == f"chain_key {sentence}"
    inside: tuple[tuple[Any, str], ...] = (
        ({"a": Decimal(1)}, "it.a holds a Decimal, which JSON cannot; give its text"),
        ({"a": b"x"}, "it.a holds a bytes, which JSON cannot"),
        ({"a": [float("inf")]}, "it.a[0] must be finite, not inf"),
        ({7: 1}, "it has a key that is no text: 7"),
        ({"a": [1] * 16_385}, "it.a has more than 16384 items, at most so many are taken"),
    )
    for value, sentence in inside:
        assert refusal_of(CHECKS["metadata"][0], value).message == sentence
    missing = refusal_of(lambda given: check.read_keys(given, {}, "it", required=("price",)), {})
    assert missing.message == "it.price is required"


def test_a_chain_key_has_sixteen_bytes_to_a_thousand() -> None:
    """Or there is none."""
    for key in (None, b"k" * 16, b"k" * 1024):
        assert check.check_chain_key(key) == key


def test_shares_of_a_thousand_orders_are_taken() -> None:
    """And as many ids; the next one is too many."""
    names = [str(number) for number in range(1000)]
    assert check.check_ids(names, "it") == tuple(names)
    assert len(check.check_shares(dict.fromkeys(names, 1), "it")[1]) == 1000


def test_metadata_is_taken_up_to_sixteen_deep() -> None:
    """Each object and each array is one level; what is deeper is refused before it is read."""

    def nested(depth: int) -> dict[str, Any]:
        value: Any = 1
        for level in range(depth):
            value = {"a": value} if level % 2 else [value]
        return {"a": value}

    assert check.check_metadata(nested(15), "it")
    with pytest.raises(InvalidValue) as refused:
        check.check_metadata(nested(17), "it")
    assert refused.value.argument.startswith("it.a[0].a")
    assert refused.value.value == "…"
    assert refused.value.message == f"{refused.value.argument} is nested more than 16 deep"


def test_what_cannot_be_read_says_why() -> None:
    """In the words of whatever it raised, and shows what it was."""
    for checked in (CHECKS["metadata"][0], CHECKS["shares"][0], lambda value: check.mapping_of(value, "it")):
        for broken in (Broken(a=1), Members()):
            given = MappingProxyType(broken)
            refusal = refusal_of(checked, given)
            assert refusal.argument == "it"
            assert refusal.value is given
            assert refusal.message.startswith("it cannot be ")
            assert refusal.message.endswith(": cannot be had")


def test_a_zone_that_raises_in_no_words_is_told_all_the_same() -> None:
    """By the name of what it raised."""
    lost = datetime(2026, 3, 2, tzinfo=Nowhere())
    refusal = refusal_of(CHECKS["time"][0], lost)
    assert (refusal.argument, refusal.value) == ("it", lost)
    assert refusal.message == "it cannot be read: RuntimeError"


def test_fields_of_a_value_are_taken_as_they_are() -> None:
    """A value in it stays what it is: whoever reads that checks it."""
    fee = Fee("USD", Decimal(1))
    assert check.mapping_of(Given(price=fee), "it") == {"price": fee, "order_id": None}


PARSERS: Mapping[str, check.Parser] = {"price": check.check_price, "order_id": check.check_id}


@attrs.frozen
class Given:
    """A caller's own value with the keys as fields."""

    price: object = "1.50"
    order_id: object = None


@pytest.mark.parametrize(
    "given",
    [
        {"price": "1.50", "order_id": None},
        {Text("price"): "1.50"},
        MappingProxyType({"price": "1.50"}),
        FrozenDict(price="1.50"),
        Given(),
    ],
)
def test_keys_are_read_from_whatever_has_them(given: object) -> None:
    """A mapping, or a value of a class with fields; None means that it was not given."""
    read = check.read_keys(given, PARSERS, "it", required=("price",))
    assert read == {"price": Decimal("1.50")}
    assert [type(name) for name in read] == [str]


@pytest.mark.parametrize(
    ("given", "argument", "shown", "words"),
    [
        ({"price": 1.5}, "it.price", 1.5, "float"),
        ({"order_id": "x"}, "it.price", None, "is required"),
        ({"price": None}, "it.price", None, "is required"),
        ({"prise": 1}, "it", "prise", "did you mean 'price'"),
        ({Text("prise"): 1}, "it", "prise", "has no key 'prise'"),
        ({7: 1}, "it", 7, "has no key 7"),
        (Given(order_id=7), "it.order_id", 7, "must be a str"),
        ("price", "it", "price", "must be a mapping, not str"),
        (None, "it", None, "must be a mapping, not NoneType"),
        ([("price", 1)], "it", [("price", 1)], "must be a mapping, not list"),
    ],
)
def test_keys_that_are_malformed_missing_or_not_known_are_named(
    given: object, argument: str, shown: object, words: str
) -> None:
    """With what was there; of a key that is not known the one that comes nearest is told."""
    with pytest.raises(InvalidValue, match=words) as refused:
        check.read_keys(given, PARSERS, "it", required=("price",))
    assert (refused.value.argument, refused.value.value) == (argument, shown)


def test_the_time_of_a_command_is_the_one_that_was_given() -> None:
    """As its argument, else in its data, else the clock's; where both are given they must agree."""

    def clock() -> datetime:
        return later(9)

    assert check.given_time(None, clock) == check.one_time(None, None, "it", clock) == later(9)
    assert check.given_time(later(2), clock) == later(2)
    with pytest.raises(InvalidValue) as refused:
        check.given_time("soon", clock)
    assert (refused.value.argument, refused.value.value) == ("occurred_at", "soon")
    assert check.one_time(None, later(1), "it", clock) == later(1)
    assert check.one_time(later(2), None, "it", clock) == later(2)
    assert check.one_time(NOON.astimezone(BERLIN), NOON, "it", clock) == NOON
    with pytest.raises(InvalidValue) as refused:
        check.one_time(later(2), later(1), "it", clock)
    assert (refused.value.argument, refused.value.value) == ("it", later(1))
    assert refused.value.message == f"it differs from occurred_at: {later(1)} and {later(2)}"
    with pytest.raises(InvalidValue) as refused:
        check.one_time("soon", later(1), "it", clock)
    assert (refused.value.argument, refused.value.value) == ("occurred_at", "soon")


def test_items_are_taken_up_to_as_many_as_are_wanted() -> None:
    """And refused as too many from the next on."""
    assert check.items_of([1, 2], "it", at_most=2) == (1, 2)
    with pytest.raises(InvalidValue) as refused:
        check.items_of([1, 2, 3], "it", at_most=2)
    assert refused.value.argument == "it"
    assert len(check.items_of(list(range(1000)), "it")) == 1000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ("x", "'x'"),
        (7, "7"),
        (True, "True"),
        (1.5, "1.5"),
        (Text("x"), "'x'"),
        (object(), "object"),
        (b"x", "bytes"),
        ("x" * 126, repr("x" * 126)),
        ("x" * 127, "'" + "x" * 127 + "…"),
        pytest.param(10**5000, "a number of too many digits", id="long"),
    ],
)
def test_a_value_is_shown_in_a_few_characters(value: object, text: str) -> None:
    """What it is, of a stranger's object only its class; never more than a line."""
    assert check.shown(value) == text


def test_a_hint_is_the_nearest_known_name_or_nothing() -> None:
    """Half of the letters are enough; of a very long name the beginning counts."""
    assert check.nearest("pirce", ["size", "price"]) == "; did you mean 'price'?"
    assert check.nearest("abcd", ["abxy"]) == "; did you mean 'abxy'?"
    assert check.nearest("abcd", ["axyz"]) == ""
    assert check.nearest("price" + "!" * 10_000, ["price"]) == ""
    assert check.nearest("x" * 128 + "y" * 10_000, ["x" * 100]) == f"; did you mean {'x' * 100!r}?"
