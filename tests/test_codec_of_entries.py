"""Entries as bytes: every word of a change is there, and each entry is chained to the one before it."""

import json
from typing import Any

import pytest

from ledger_core import codec
from ledger_core._frozen import freeze
from ledger_core.changes import GENESIS_DIGEST, Change, Entry, EventType, Head, chain
from ledger_core.codec import build_entry, canonical_json, load_entry
from ledger_core.errors import StorageCorrupt
from ledger_core.model import RecordKind
from ledger_core.testing.samples import NOON, entry

EMPTY = Head(0, GENESIS_DIGEST)

TOLD: dict[str, Any] = {
    "event_type": EventType.ORDER_ACCEPTED,
    "from_state": "PLACED",
    "to_state": "ACCEPTED",
    "status": "PENDING_CANCEL",
    "facts": freeze({"late": True, "reason": "r", "fill_id": None, "legs": ["a"], "again": False, "count": 3}),
}


def built(previous: Head | Entry, number: int, key: bytes | None = None) -> Entry:
    """Return an entry without changes."""
    return build_entry(previous, "alpha", number, "op", None, None, NOON, NOON, (), (), key)


@pytest.mark.parametrize("left_out", [None, *TOLD])
@pytest.mark.parametrize("key", [("O-1",), ("O-1", 'F"1')])
def test_every_word_of_a_change_is_stored_unless_it_is_empty(key: tuple[str, ...], left_out: str | None) -> None:
    """Its event, states, status and facts go into the body, read back, and are written as its document is."""
    kind = RecordKind.ORDER if len(key) == 1 else RecordKind.FILL
    told = {name: value for name, value in TOLD.items() if name != left_out}
    change = Change(kind=kind, key=key, version=3, values={"sequence": 7}, **told)
    given = entry(EMPTY, changes=[change])
    document = {"kind": kind, "key": key, "version": 3, "values": {"sequence": 7}, **told}
    assert given.documents == (document,)
    assert canonical_json(json.loads(given.body)["changes"]) == canonical_json([document])
    read = load_entry(given.body, given.digest)
    assert read.changes == (change,)
    assert canonical_json(read.documents) == canonical_json([document])
    assert type(read.changes[0].event_type) is (EventType if left_out != "event_type" else type(None))


@pytest.mark.parametrize("facts", [None, [], "late", 0, False, [["late", True]]])
def test_facts_that_are_no_object_make_no_entry(facts: object) -> None:
    """Whoever asks a change for one of its facts would meet an error that is not ours."""
    document = {"kind": "ORDER", "key": ["O-1"], "version": 1, "values": {}, "facts": facts}
    body = {**json.loads(built(EMPTY, 1).body), "changes": [document]}
    with pytest.raises(StorageCorrupt, match="cannot be read"):
        load_entry(canonical_json(body), GENESIS_DIGEST)
    del document["facts"]
    assert load_entry(canonical_json({**body, "changes": [document]}), GENESIS_DIGEST).changes[0].facts == {}


@pytest.mark.parametrize("first_read", range(5))
def test_entries_that_nobody_has_looked_at_are_written_in_their_order(first_read: int) -> None:
    """Whichever is asked for its digest first, each is chained to the one before it, with the key."""
    made: list[Entry] = []
    for number in range(1, 6):
        made.append(built(made[-1] if made else EMPTY, number, b"key"))
    assert made[first_read].digest
    for before, after in zip([EMPTY.digest, *(one.digest for one in made)], made, strict=False):
        assert after.digest == chain(before, after.body, b"key")
    assert built(EMPTY, 1).digest == chain(GENESIS_DIGEST, made[0].body) != made[0].digest


def test_an_entry_follows_one_that_was_read_back() -> None:
    """It is the digest of that one which counts, however it came to be known."""
    first = built(EMPTY, 1)
    body = (
        b'{"changes":[],"command_id":null,"format":1,"occurred_at":"2026-03-02T12:00:00.123456Z","operation":"op",'
        b'"recorded_at":"2026-03-02T12:00:00.123456Z","sequence":2,"strategy_id":"alpha","subject":null}'
    )
    for previous in (first, load_entry(first.body, first.digest), Head(1, first.digest)):
        after = built(previous, 2)
        assert (after.digest, after.body) == (chain(first.digest, body), body)


def test_no_entry_is_written_before_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many a ledger in memory never does: one that is looked at has those before it written, each once, and no other."""
    written: list[bytes] = []

    def noted(previous: str, body: bytes, key: bytes | None = None) -> str:
        written.append(body)
        return chain(previous, body, key)

    monkeypatch.setattr(codec, "chain", noted)
    made: list[Entry] = []
    for number in range(1, 6):
        made.append(built(made[-1] if made else EMPTY, number))
    assert written == []
    bodies = [made[place].body for place in (2, 0, 1)]
    assert written == [bodies[1], bodies[2], bodies[0]]
    assert made[4].digest
    assert written[3:] == [made[3].body, made[4].body]
