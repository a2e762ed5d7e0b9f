"""Entries and changes as values: what a journal's chain is made of, and what is left of an entry that was stored."""

import hashlib
import hmac
from typing import Any

import attrs
import pytest

from ledger_core.changes import GENESIS_DIGEST, Change, Entry, EventType, Head, chain, silent_change, without_records
from ledger_core.codec import load_entry
from ledger_core.lifecycle import OrderState, OrderStatus
from ledger_core.model import RecordKind
from ledger_core.testing.samples import entry, fill, later, order

EMPTY = Head(0, GENESIS_DIGEST)
PREVIOUS = "1f" * 32
BODY = b'{"format":1}'


def test_digest_is_over_the_previous_digest_and_the_body() -> None:
    """SHA-256, so that everybody can check a chain; with a key HMAC-SHA-256 (RFC 2104), so that few can make one."""
    linked = bytes.fromhex(PREVIOUS) + BODY
    assert chain(PREVIOUS, BODY) == hashlib.sha256(linked).hexdigest()
    assert chain(PREVIOUS, BODY, b"secret") == hmac.new(b"secret", linked, "sha256").hexdigest()
    assert len({chain(PREVIOUS, BODY, key) for key in (None, b"secret", b"another")}) == 3


@pytest.mark.parametrize("is_read", [True, False])
def test_entry_without_records_is_what_is_read_back(is_read: bool) -> None:
    """All but its after-images, whether or not its body was looked at before."""
    given = entry(EMPTY, order(), fill(), subject="O-1", command_id="C-1", occurred_at=later(1), recorded_at=later(2))
    if is_read:
        assert given.body
    stored = without_records(given)
    assert (stored.records, len(given.records)) == ((), 2)
    assert stored == load_entry(given.body, given.digest)
    assert (stored.changes, stored.documents) == (given.changes, given.documents)
    assert without_records(attrs.evolve(load_entry(given.body, given.digest), records=given.records)) == stored


def test_entry_that_was_stored_writes_its_body_once() -> None:
    """It shares what is written, and when, with the entry that was decided."""
    given = entry(EMPTY, order())
    assert without_records(given).body is given.body


@pytest.mark.parametrize("name", ["body", "digest", "documents"])
def test_what_is_made_when_it_is_first_read_stays(name: str) -> None:
    """The second reader gets what the first did."""
    given = entry(EMPTY, order())
    first = getattr(given, name)
    assert first
    assert getattr(given, name) is first


def test_a_silent_change_has_no_facts() -> None:
    """It is the change that its values make, which nobody is told of."""
    assert silent_change(RecordKind.ORDER, ("O-1",), 2, {}) == Change(
        kind=RecordKind.ORDER, key=("O-1",), version=2, values={}
    )


def test_entry_has_its_fields_and_no_others() -> None:
    """A word that no entry has is an AttributeError that names it, not something to be written."""
    given: Any = entry(EMPTY, order())
    with pytest.raises(AttributeError, match="bodies"):
        given.bodies  # noqa: B018  # the attribute is what is asked for


def test_states_of_a_change_are_plain_text() -> None:
    """As storage gives them back: an enum's word is told from a text by its type alone, and only by some adapters."""
    made = Change(
        kind=RecordKind.ORDER,
        key=("O-1",),
        version=2,
        values={},
        event_type=EventType.ORDER_ACCEPTED,
        from_state=OrderState.PLACED,
        to_state=OrderState.ACCEPTED,
        status=OrderStatus.ACCEPTED,
    )
    assert [type(word) for word in (made.from_state, made.to_state, made.status)] == [str, str, str]
    assert (made.from_state, made.to_state, made.status) == ("PLACED", "ACCEPTED", "ACCEPTED")


def test_entries_are_equal_by_what_is_stored_of_them() -> None:
    """Records and changes are read off the body: they make no difference of their own."""
    given = entry(EMPTY, order())
    assert attrs.evolve(load_entry(given.body, given.digest), changes=(), records=given.records) == given
    assert isinstance(given, Entry)
    assert given != entry(EMPTY, order(), occurred_at=later(1))
