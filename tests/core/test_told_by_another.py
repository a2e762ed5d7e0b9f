"""What another writer of the same store began is here as it is there, part by part."""

from decimal import Decimal

from support import fill
from support.stores import Store


def test_parts_of_a_key_that_were_not_given_are_none_here_too(store: Store) -> None:
    """A position without venue and account, born elsewhere while this ledger was open, is the very same here."""
    here, there = store.open("alpha"), store.open("alpha")
    assert here.get_open_positions() == []
    details = {"symbol": "ACME", "side": "BUY", "quantity": 5, "order_type": "MARKET", "currency": "USD"}
    there.record_order("O-1", details)
    there.update_order_fill("O-1", fill("F-1", 5, "10"))
    for ledger in (here, there):
        (position,) = ledger.get_open_positions()
        assert (position.venue, position.account, position.position_side) == (None, None, "NET")
    assert here.get_open_positions() == there.get_open_positions()
    told = there.get_fill("O-1", "F-1").recorded_at
    assert [held.venue for held in here.as_of(recorded=told).get_open_positions()] == [None]


def test_an_instrument_without_a_venue_is_known_here_too(store: Store) -> None:
    """Terms that another writer noted hold for what is told here, without a venue as with one."""
    here, there = store.open("alpha"), store.open("alpha")
    details = {"symbol": "ACME", "side": "BUY", "quantity": 5, "order_type": "MARKET"}
    for number, venue in enumerate((None, "X")):
        named = details | ({"venue": venue} if venue else {})
        there.record_order(f"O-{number}", named | {"multiplier": "50"})
        here.record_order(f"P-{number}", named)
        here.update_order_fill(f"P-{number}", fill("F-1", 5, "10"))
    assert {(held.venue, held.multiplier) for held in here.get_open_positions()} == {
        (None, Decimal(50)),
        ("X", Decimal(50)),
    }
