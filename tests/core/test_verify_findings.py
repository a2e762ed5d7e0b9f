"""Each finding of a verification, to the last word: what is wrong, where, what was expected and what was found."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from ledger_core import Difference, Finding, Head, InvalidValue, LedgerRepository, RecordKind, StorageCorrupt
from ledger_core.changes import GENESIS_DIGEST, Entry, chain
from ledger_core.errors import StorageError
from ledger_core.model import Key, Order, Record
from ledger_core.numbers import time_text
from ledger_core.repository import PAGE_SIZE_MAX, RawEntry
from ledger_core.testing.samples import (
    NOON,
    STRATEGY,
    archived,
    change_of,
    checkpoint,
    entry,
    fill,
    later,
    order,
    position,
)
from ledger_core.verifying import verify
from support import Store
from support.journals import append, stored
from support.repositories import AroundRepository

EMPTY = Head(0, GENESIS_DIGEST)


class Shown(AroundRepository):
    """Shows its journal otherwise than it is, and fails where it is told to."""

    def __init__(self, inner: LedgerRepository) -> None:
        """Show everything as it is."""
        super().__init__(inner)
        self.journal: Callable[[Sequence[RawEntry]], Sequence[RawEntry]] = lambda page: page
        self.failing: dict[str | RecordKind, StorageError] = {}
        self.name = inner.strategy_id

    @property
    def strategy_id(self) -> str:
        """Return the name that is to be shown."""
        return self.name

    def head(self) -> Head:
        """Return the head, or fail."""
        self._fail("head")
        return super().head()

    def load(self, kind: RecordKind, key: Key) -> Record | None:
        """Load, or fail for the kind."""
        self._fail(kind)
        return super().load(kind, key)

    def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
        """Return what is to be shown."""
        return self.journal(super().read_raw(after, limit))

    def audit(self) -> Iterator[Difference]:
        """Look, or fail."""
        self._fail("audit")
        return super().audit()

    def _fail(self, place: str | RecordKind) -> None:
        if place in self.failing:
            raise self.failing[place]


@pytest.fixture
def shown(store: Store) -> Shown:
    """Return the repository of a strategy that has done nothing yet."""
    return Shown(store.repository(STRATEGY))


def found(repository: LedgerRepository, **options: Any) -> list[Difference]:
    """Return what verification finds."""
    return list(verify(repository, **options).differences)


def replaced(sequence: int, **parts: Any) -> Callable[[Sequence[RawEntry]], Sequence[RawEntry]]:
    """Return what shows these parts of an entry."""
    return lambda page: [one._replace(**parts) if one.sequence == sequence else one for one in page]


def without(*sequences: int) -> Callable[[Sequence[RawEntry]], Sequence[RawEntry]]:
    """Return what shows no such entries."""
    return lambda page: [one for one in page if one.sequence not in sequences]


# -- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "argument", "value"),
    [
        ((1, "ab"), "head", (1, "ab")),
        (Head(-1, "ab"), "head.sequence", -1),
        (Head(cast(int, "1"), "ab"), "head.sequence", "1"),
        (Head(1, ""), "head.digest", ""),
    ],
)
def test_head_that_is_none_is_refused_with_its_part(shown: Shown, head: Any, argument: str, value: object) -> None:
    """It is the caller's mistake and no difference of the journal."""
    with pytest.raises(InvalidValue) as caught:
        verify(shown, head)
    assert (caught.value.argument, caught.value.value) == (argument, value)


# -- what the store cannot give back ----------------------------------------------------------------------------------


def test_head_that_cannot_be_read_is_found_beside_the_rest(shown: Shown) -> None:
    """What the store says of its end is one difference; the journal is followed to its own end, and all compared."""
    append(shown, [order("O-1")], [order("O-2")])
    shown.failing["head"] = StorageCorrupt("a bad page")
    verification = verify(shown)
    assert verification.differences == (Difference(what=Finding.HEAD_DIFFERS, field="head", found="a bad page"),)
    assert (verification.entries, verification.records, verification.head.sequence) == (2, 2, 2)
    shown.restore(stored(shown)[:1])
    assert found(shown)[1:] == [
        Difference(what=Finding.RECORD_MISSING, kind=RecordKind.ORDER, key=("O-2",), sequence=2)
    ]


def test_checkpoint_that_cannot_be_read_is_found_beside_the_rest(shown: Shown) -> None:
    """The journal is then followed from its first entry."""
    append(shown, [order("O-1")])
    shown.failing[RecordKind.CHECKPOINT] = StorageCorrupt("a damaged row")
    assert found(shown) == [
        Difference(what=Finding.RECORD_UNREADABLE, kind=RecordKind.CHECKPOINT, key=("journal",), found="a damaged row")
    ]


def test_indexes_that_cannot_be_looked_through_are_found(shown: Shown) -> None:
    """What the adapter fails with is told in its words."""
    append(shown, [order("O-1")])
    shown.failing["audit"] = StorageCorrupt("a bad index")
    assert found(shown) == [Difference(what=Finding.INDEX_DIFFERS, found="a bad index")]


@pytest.mark.parametrize("is_left", [True, False])
def test_first_entry_that_cannot_be_read_does_not_make_a_cut(shown: Shown, *, is_left: bool) -> None:
    """A checkpoint is begun with where its entry is gone; where it is there, the journal begins at its beginning."""
    append(shown, [order("O-1")], [order("O-2")], [checkpoint(cut_sequence=2)], [order("O-3")])
    looks = 0

    def fail_once(page: Sequence[RawEntry]) -> Sequence[RawEntry]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise StorageCorrupt("a bad page")
        return page if is_left else []

    shown.journal = fail_once
    differences = found(shown)
    if is_left:
        assert differences == []
    else:
        assert Finding.HEAD_DIFFERS in {one.what for one in differences}


def test_entry_that_is_no_entry_is_named_and_takes_its_records_with_it(shown: Shown) -> None:
    """What was born in it is not judged, and what was changed in it is not held against anything."""
    append(shown, [order("O-1")], [order("O-2")], [order("O-3")])
    append(shown, [attrs.evolve(order("O-3"), reason="changed", version=2, sequence=3)])
    shown.journal = replaced(2, body=b"[]")
    unreadable, *others = [one for one in found(shown) if one.what is not Finding.DIGEST_BROKEN]
    assert (unreadable.what, unreadable.sequence, unreadable.kind) == (Finding.ENTRY_UNREADABLE, 2, None)
    assert unreadable.found.startswith("entry 2 cannot be read")
    assert others == []


def test_entries_that_are_missing_take_their_records_with_them(shown: Shown) -> None:
    """The gap is all that is found, whatever was born before, in and behind it; an end that is gone shows none."""
    append(shown, *([order(f"O-{number}")] for number in range(1, 7)))
    append(shown, [attrs.evolve(order("O-3"), reason="changed", version=2, sequence=3)])
    append(shown, [attrs.evolve(order("O-3"), reason="again", version=3, sequence=3)])
    shown.journal = without(3, 4)
    assert found(shown) == [Difference(what=Finding.ENTRY_MISSING, sequence=3, expected=3, found=5)]
    shown.journal = without(7)
    assert found(shown) == [Difference(what=Finding.ENTRY_MISSING, sequence=7, expected=7, found=8)]
    shown.journal = without(8)
    assert {(one.what, one.key, one.field) for one in found(shown)} == {
        (Finding.HEAD_DIFFERS, None, "digest"),
        (Finding.RECORD_DIFFERS, ("O-3",), "reason"),
        (Finding.RECORD_DIFFERS, ("O-3",), "version"),
    }


# -- the journal ------------------------------------------------------------------------------------------------------


def test_what_is_stored_beside_a_body_is_compared_part_by_part(shown: Shown) -> None:
    """Strategy, time and subject of an entry are those that its body names; each that is not is named."""
    append(shown, [order("O-1")], [order("O-2")], subject="O")
    what = Finding.ENTRY_DIFFERS
    shown.journal = replaced(2, recorded_at="2020", subject="P")
    assert found(shown) == [
        Difference(what=what, sequence=2, field="recorded_at", expected=time_text(NOON), found="2020"),
        Difference(what=what, sequence=2, field="subject", expected="O", found="P"),
    ]
    shown.journal, shown.name = lambda page: page, "another"
    assert found(shown) == [
        Difference(what=what, sequence=sequence, field="strategy_id", expected=STRATEGY, found="another")
        for sequence in (1, 2)
    ]


@pytest.mark.parametrize(
    ("was", "became", "field", "expected", "there"),
    [
        (b'"subject":null', b'"subjects":null', "subject", None, None),
        (b'"sequence":1,', b'"sequence":7,', "sequence", 7, 1),
        (b'"sequence":1,', b"", "sequence", None, 1),
    ],
)
def test_body_must_name_what_is_stored_beside_it(
    shown: Shown, was: bytes, became: bytes, field: str, expected: object, there: object
) -> None:
    """A part that the body does not have is a difference, also where nothing is stored for it."""
    given = entry(EMPTY)
    assert given.body.count(was) == 1
    shown.append([_with_body(given, given.body.replace(was, became))])
    (difference,) = found(shown)
    assert difference == Difference(what=Finding.ENTRY_DIFFERS, sequence=1, field=field, expected=expected, found=there)


def _with_body(given: Entry, body: bytes) -> Entry:
    return attrs.evolve(given, body=body, digest=chain(GENESIS_DIGEST, body))


def test_time_that_went_back_is_measured_at_the_latest_before(shown: Shown) -> None:
    """Every entry that was recorded before an earlier one is named with the latest time before it."""
    for seconds in (0, -2, -1, 1):
        append(shown, [], recorded_at=later(seconds))
    assert found(shown) == [
        Difference(
            what=Finding.TIME_WENT_BACK,
            sequence=sequence,
            field="recorded_at",
            expected=time_text(NOON),
            found=time_text(NOON - timedelta(seconds=back)),
        )
        for sequence, back in ((2, 2), (3, 1))
    ]


def test_change_without_a_birth_is_told_with_what_is_stored(shown: Shown) -> None:
    """Nothing is stored before the first version, so the journal has a hole; a record once let go is behind it."""
    for name in ("O-1", "O-2"):
        append(shown, [attrs.evolve(order(name), version=2, sequence=1)])
    broken: dict[str, Any] = {
        "what": Finding.VERSION_BROKEN,
        "kind": RecordKind.ORDER,
        "field": "version",
        "expected": 1,
        "found": 2,
    }
    differences = found(shown)
    assert [one for one in differences if one.what is Finding.VERSION_BROKEN] == [
        Difference(**broken, key=("O-1",), sequence=1),
        Difference(**broken, key=("O-2",), sequence=2),
    ]
    assert {one.key for one in differences if one.what is not Finding.VERSION_BROKEN} == {("O-1",), ("O-2",)}


def test_record_that_stayed_behind_is_told_once_with_both_versions(shown: Shown) -> None:
    """What is stored agrees with an older version: the first entry that it knows nothing of is named, no later one."""
    append(shown, [order("O-1")], [order("O-2")])
    first = stored(shown)
    for version in (2, 3, 4):
        append(shown, [attrs.evolve(order("O-1"), reason=f"{version}", version=version, sequence=1)])
    shown.restore(first)
    assert found(shown) == [
        Difference(
            what=Finding.RECORD_DIFFERS, kind=RecordKind.ORDER, key=("O-1",), sequence=3, field="version",
            expected=2, found=1,
        )
    ]  # fmt: skip


def test_version_that_was_left_out_is_told_with_both(shown: Shown) -> None:
    """The next entry goes on from the version that was found."""
    append(shown, [order("O-1")], *([attrs.evolve(order("O-1"), version=number, sequence=1)] for number in (3, 4)))
    assert found(shown) == [
        Difference(
            what=Finding.VERSION_BROKEN, kind=RecordKind.ORDER, key=("O-1",), sequence=2, field="version",
            expected=2, found=3,
        )
    ]  # fmt: skip


# -- records ----------------------------------------------------------------------------------------------------------


def test_record_is_missing_or_one_too_many_by_its_key(shown: Shown) -> None:
    """One that the journal has and the store has not; and the other way round, at an entry, or beyond the last."""
    append(shown, [order("O-1"), order("O-2")], [position("ACME")], [])
    kept, _, held = stored(shown)
    assert isinstance(kept, Order)
    beside, beyond = attrs.evolve(kept, order_id="O-3"), attrs.evolve(kept, order_id="O-4", sequence=9)
    elsewhere = attrs.evolve(kept, order_id="O-5", sequence=3)
    shown.restore([kept, held, beside, elsewhere, beyond])
    of_an_order: dict[str, Any] = {"kind": RecordKind.ORDER}
    assert found(shown) == [
        Difference(what=Finding.RECORD_MISSING, **of_an_order, key=("O-2",), sequence=1),
        Difference(what=Finding.RECORD_EXTRA, **of_an_order, key=("O-3",), sequence=1),
        Difference(what=Finding.RECORD_EXTRA, **of_an_order, key=("O-5",), sequence=3),
        Difference(what=Finding.RECORD_EXTRA, **of_an_order, key=("O-4",), sequence=9),
    ]
    assert verify(shown).records == 2


def test_changes_that_make_no_record_are_told_with_why(shown: Shown) -> None:
    """The record is named with the entry of its birth."""
    append(shown, [])
    bare = attrs.evolve(change_of(attrs.evolve(order(), sequence=2)), values={"reason": "no details"})
    shown.append([entry(shown.head(), order(), changes=[bare])])
    (difference,) = found(shown)
    assert "make no record" in difference.found
    assert attrs.evolve(difference, found=None) == Difference(
        what=Finding.RECORD_UNREADABLE, kind=RecordKind.ORDER, key=("O-1",), sequence=2
    )


def test_sums_are_told_with_those_of_the_fills(shown: Shown) -> None:
    """Both sums of an order are compared with what its fills come to, corrected and busted ones as they are now."""
    append(shown, [], [order()], [fill("F-1"), fill("F-2"), filled(20, 1000)])
    assert found(shown) == []
    now = attrs.evolve(fill("F-1"), quantity=Decimal(4), price=Decimal(60), version=2, sequence=3)
    append(shown, [now, filled(14, 740, version=3)])
    assert found(shown) == []
    gone = attrs.evolve(fill("F-2"), busted=True, version=2, sequence=3, index=1)
    append(shown, [gone, filled(3, 239, version=4)])
    where: dict[str, Any] = {"kind": RecordKind.ORDER, "key": ("O-1",), "sequence": 2}
    assert found(shown) == [
        Difference(what=Finding.SUM_DIFFERS, **where, field="cum_quantity", expected=Decimal(4), found=Decimal(3)),
        Difference(
            what=Finding.SUM_DIFFERS, **where, field="executed_value", expected=Decimal(240), found=Decimal(239)
        ),
    ]


def filled(quantity: int, value: int, version: int = 2) -> Order:
    """Return an order, born in the second entry, as it was filled."""
    return order(cum_quantity=Decimal(quantity), executed_value=Decimal(value), version=version, sequence=2)


def test_fill_that_its_order_knows_nothing_of_is_told(shown: Shown) -> None:
    """Booking a fill changes its order in the same entry; one that was born busted adds nothing."""
    append(shown, [], [order()], [fill("F-1"), fill("F-2", order_id="O-9"), fill("F-3", busted=True)])
    expected = "a change together with its fill"
    where: dict[str, Any] = {"kind": RecordKind.ORDER, "sequence": 3, "field": "cum_quantity", "expected": expected}
    assert found(shown) == [
        Difference(what=Finding.SUM_DIFFERS, key=("O-1",), **where),
        Difference(what=Finding.SUM_DIFFERS, key=("O-9",), **where),
    ]
    append(shown, [fill("F-2", order_id="O-9", version=2, sequence=3, index=1, busted=True)])
    assert found(shown)[2:] == [Difference(what=Finding.SUM_DIFFERS, key=("O-9",), **{**where, "sequence": 4})]


def test_fill_of_no_figures_is_no_record_and_in_no_sum(shown: Shown) -> None:
    """Whatever stands in the place of its figures, the fill itself is what is found."""
    append(shown, [order()])
    for number, figures in enumerate((b'"price":"much"', b'"price":null', b'"price":[]', b'"prices":"50.00"')):
        given = entry(shown.head(), fill(f"F-{number}"))
        body = given.body.replace(b'"price":"50.00"', figures)
        assert body != given.body
        shown.append([attrs.evolve(given, body=body, digest=chain(shown.head().digest, body))])
    assert [(one.what, one.key, one.sequence) for one in found(shown)] == [
        (Finding.RECORD_UNREADABLE, ("O-1", f"F-{number}"), 2 + number) for number in range(4)
    ]


def test_record_that_went_to_an_archive_is_proven_by_its_digest(shown: Shown) -> None:
    """What stayed of it stands for it; it counts as compared no more, and is not to be stored any longer."""
    append(shown, [order("O-0")], [order("O-0", reason="changed", version=2, sequence=1)])
    (gone,) = stored(shown)
    append(shown, [archived(record_version=2, digest="0" * 64)])
    verification = verify(shown)
    (difference,) = verification.differences
    assert isinstance(difference.expected, str)
    assert len(difference.expected) == 64
    assert attrs.evolve(difference, expected=None) == Difference(
        what=Finding.RECORD_DIFFERS, kind=RecordKind.ORDER, key=("O-0",), sequence=1, field="digest", found="0" * 64
    )
    assert verification.records == 1
    shown.journal = without(1)
    assert found(shown) == [Difference(what=Finding.ENTRY_MISSING, sequence=1, expected=1, found=2)]
    shown.journal = lambda page: page
    shown.restore([gone, *stored(shown)])
    assert found(shown) == [Difference(what=Finding.RECORD_EXTRA, kind=RecordKind.ORDER, key=("O-0",), sequence=1)]
