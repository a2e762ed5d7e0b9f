"""A change makes a record, or moves one: what it does not say comes from its entry, and what makes no record is named."""

from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core.changes import Change
from ledger_core.errors import StorageCorrupt
from ledger_core.evolve import attach, birth_of, detached, evolve
from ledger_core.model import Fill, Order, OrderDetails, OrderType, RecordKind, Side
from ledger_core.testing.samples import NOON, fill, later, order, request

DETAILS = OrderDetails(symbol="AAPL", side=Side.BUY, order_type=OrderType.LIMIT)


def changed(kind: RecordKind, key: tuple[str, ...], version: int, **values: Any) -> Change:
    """Return a change that sets these values."""
    return Change(kind=kind, key=key, version=version, values=values)


def born(details: OrderDetails, **values: Any) -> Order:
    """Return the order that a change brings into being."""
    change = changed(RecordKind.ORDER, ("O-1",), 1, details=details, placed_at=NOON, **values)
    made = evolve(None, change, sequence=7, recorded_at=later(1))
    assert isinstance(made, Order)
    return made


@pytest.mark.parametrize(
    "terms",
    [
        {"quantity": Decimal(3)},
        {"limit_price": Decimal(4)},
        {"stop_price": Decimal(5)},
        {"trailing_offset": Decimal(6)},
        {"time_in_force": "GTC"},
        {"expire_at": later(9)},
    ],
)
def test_an_order_is_born_with_the_terms_of_its_details(terms: dict[str, Any]) -> None:
    """They are its first; a change need not say them twice, and what it says is what counts."""
    ((name, value),) = terms.items()
    assert getattr(born(attrs.evolve(DETAILS, **terms)), name) == value
    assert getattr(born(DETAILS), name) is None
    assert getattr(born(DETAILS, **terms), name) == value


def test_an_order_is_born_with_the_venues_id_of_its_details() -> None:
    """Where the details name one, which is then the first of them; else it has none yet."""
    assert born(attrs.evolve(DETAILS, venue_order_id="V-1")).venue_order_ids == ("V-1",)
    assert born(DETAILS).venue_order_ids == ()


def test_a_record_is_born_where_its_entry_stands() -> None:
    """Unless it comes back from an archive, and brings along where it was born."""
    made = born(DETAILS)
    assert (made.order_id, made.sequence, made.recorded_at, made.version) == ("O-1", 7, later(1), 1)
    back = born(DETAILS, sequence=2, recorded_at=later(-5))
    assert (back.sequence, back.recorded_at) == (2, later(-5))


def test_a_fill_is_born_as_it_was_decided() -> None:
    """Its birth says what is not at its default, and makes the very same of it."""
    given = fill(sequence=7, recorded_at=later(1), late=True, venue="X")
    change = birth_of(given)
    assert (change.kind, change.key, change.version) == (RecordKind.FILL, ("O-1", "F-1"), 1)
    assert "inferred" not in change.values
    made = evolve(None, change, sequence=7, recorded_at=later(1))
    assert made == attrs.evolve(given, version=1)
    assert isinstance(made, Fill)


def test_a_change_moves_a_record_once() -> None:
    """One that the record has already, or has gone beyond, leaves it as it is."""
    known = order(version=3, reason="old")
    for version, reason in ((4, "new"), (3, "old"), (2, "old")):
        after = evolve(known, changed(RecordKind.ORDER, ("O-1",), version, reason="new"), sequence=9, recorded_at=NOON)
        assert isinstance(after, Order)
        assert (after.reason, after.version) == (reason, max(version, 3))


@pytest.mark.parametrize("known", [None, order()])
def test_a_change_that_makes_no_record_names_itself_and_its_entry(known: Order | None) -> None:
    """It is the store that is damaged, and this is where to look."""
    change = changed(RecordKind.ORDER, ("O-1",), 2, no_such_field=1)
    with pytest.raises(StorageCorrupt) as corrupt:
        evolve(known, change, sequence=7, recorded_at=NOON)
    assert corrupt.value.context == {"kind": RecordKind.ORDER, "key": ("O-1",), "sequence": 7}


def test_requests_of_an_order_stand_in_their_order() -> None:
    """Oldest first, of one entry by their ids; one that is known already is replaced where it stands."""
    requests = [request(name, sequence=sequence) for name, sequence in (("R-2", 5), ("R-3", 4), ("R-1", 5))]
    made = order()
    for one in requests:
        made = attach(made, one)
    assert [one.request_id for one in made.requests] == ["R-3", "R-1", "R-2"]
    answered = attrs.evolve(requests[2], version=2, reason="no")
    after = attach(made, answered)
    assert after.requests == (made.requests[0], answered, made.requests[2])
    assert detached(after) == order()
    assert detached(requests[0]) is requests[0]
    untouched = order()
    assert detached(untouched) is untouched
