"""What stays of archived records: the key under which they are known, and what of them is stored no more."""

import pytest

from ledger_core.archived import archived_key, key_behind
from ledger_core.model import RecordKind
from ledger_core.testing.samples import archived, checkpoint


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (("O-1",), '["O-1"]'),
        (("O-1", "F-1"), '["O-1","F-1"]'),
        (("é", "\u2028", '"'), '["é","\u2028","\\""]'),
        (("", ""), '["",""]'),
    ],
)
def test_key_of_an_archived_record_is_the_json_of_its_own(key: tuple[str, ...], text: str) -> None:
    """Without spaces or escapes, so that it is one text for one key; and the key can be read off it again."""
    assert archived_key(RecordKind.FILL, key) == ("FILL", text)
    assert [type(part) for part in archived_key(RecordKind.FILL, key)] == [str, str]
    assert key_behind(text) == key


@pytest.mark.parametrize("text", ["", "x", '"O-1"', "{}", "[1]", '["O-1",null]', "null", '[["O-1"]]'])
def test_what_is_no_key_is_none(text: str) -> None:
    """Whatever somebody wrote there."""
    assert key_behind(text) is None


def test_an_archived_record_stands_for_one_that_is_stored_no_more() -> None:
    """Unless that came back, is a position, which stays, or has no key that can be read."""
    assert archived().removed == (RecordKind.ORDER, ("O-0",))
    assert archived('["O-0","F-1"]', record_kind=RecordKind.FILL).removed == (RecordKind.FILL, ("O-0", "F-1"))
    assert archived(is_restored=True).removed is None
    assert archived('["A","S"]', record_kind=RecordKind.POSITION).removed is None
    assert archived("x").removed is None
    assert archived().key == ("ORDER", '["O-0"]')


def test_a_strategy_has_one_checkpoint() -> None:
    """It goes by one name, so that a later one takes its place."""
    assert checkpoint().key == checkpoint(7).key == ("journal",)
