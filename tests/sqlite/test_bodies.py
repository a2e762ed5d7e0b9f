"""How bodies lie in the journal: shortened, and spelled out to the byte by us and by the file's own view."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger_core import open_ledger
from ledger_storage_sqlite._bodies import (
    BODY_BYTES_MAX,
    SUBJECT_BYTES_MAX,
    WORDS,
    shortened,
    spelled_out,
    spelling,
)
from sqlite.files import open_at, query
from support import fill, market_order

TIME = "2026-01-05T09:00:00.000001Z"
ENVELOPE = (
    '],"command_id":{command_id},"format":1,"occurred_at":"{occurred_at}","operation":"record_order",'
    '"recorded_at":"{recorded_at}","sequence":1,"strategy_id":"alpha","subject":{subject}}}'
)


def body(
    changes: str = '{"key":["O-1"]}',
    *,
    command_id: str = "null",
    occurred_at: str = TIME,
    recorded_at: str = TIME,
    subject: str = '"O-1"',
) -> bytes:
    """Return a body of the usual form."""
    envelope = ENVELOPE.format(command_id=command_id, occurred_at=occurred_at, recorded_at=recorded_at, subject=subject)
    return f'{{"changes":[{changes}{envelope}'.encode()


@pytest.fixture(scope="module")
def spelled_by_sqlite() -> Iterator[Callable[[str], bytes]]:
    """Return what gives the body that the view shows for a stored text."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE journal (body TEXT NOT NULL) STRICT")

    def spelled(stored: str) -> bytes:
        connection.execute("DELETE FROM journal")
        connection.execute("INSERT INTO journal VALUES (?)", (stored,))
        ((found,),) = connection.execute(f"SELECT CAST({spelling()} AS BLOB) FROM journal")
        assert isinstance(found, bytes)
        return found

    yield spelled
    connection.close()


def test_the_life_of_orders_is_shortened_and_spelled_out(path: Path) -> None:
    """What commands write takes less than half of its bodies in the file, and both of us give them back to the byte."""
    with open_ledger(path, strategy_id="alpha") as ledger:
        for side in ("BUY", "SELL"):
            ledger.record_order(side, market_order(side, 10))
            ledger.update_order_acceptance(side, {"venue_order_id": f"V-{side}"}, command_id=f"ack of {side}")
            ledger.update_order_fill(side, fill("F-1", 4, 100))
            ledger.update_order_fill(side, fill("F-2", 6, 100))
        bodies = [entry.body for entry in ledger.read_journal()]
        assert ledger.verify().is_intact
    rows = query(path, "SELECT j.body, v.body FROM journal AS j JOIN v_journal AS v USING (sequence) ORDER BY sequence")
    stored, spelled = ([str(row[place]) for row in rows] for place in (0, 1))
    assert [text.encode() for text in spelled] == bodies
    assert all(text.startswith("20") for text in stored)
    assert sum(map(len, stored)) < sum(map(len, spelled)) / 2


@pytest.mark.parametrize(
    "usual",
    [
        body(),
        body(command_id='"C-1"'),
        body(recorded_at="2026-01-05T09:00:00.999999Z"),
        body(recorded_at="2026-01-05T09:00:01.000000Z"),
        body(subject='"Zürich"'),
        body(subject=f'"{"O" * SUBJECT_BYTES_MAX}"'),
        body('{"order_ids":["O-1"],"command_id":null}'),
        body('{"key":["O-1"]},{"late":["O-1","O-1"],"at":"2026-01-05T09:00:00.000001Z"}'),
        body("".join(words for words in WORDS.values() if words.isprintable())),
    ],
)
def test_a_usual_body(usual: bytes, spelled_by_sqlite: Callable[[str], bytes]) -> None:
    """It is stored behind its time and its subject, shorter, and comes back to the byte."""
    stored = shortened(usual)
    assert stored.startswith(TIME)
    assert len(stored.encode()) < len(usual)
    assert spelled_out(stored.encode()) == usual == spelled_by_sqlite(stored)


@pytest.mark.parametrize(
    ("usual", "stored"),
    [
        (body('{"key":["O-1"]}'), f'{TIME}O-1\x01{{"key":[\x03]}}\x05record_order\x07000001Z\x0b1\x0calpha\x0e'),
        (
            body(f'{{"at":"{TIME}","before":"2026-01-05T09:00:00.000000Z"}}', recorded_at=TIME.replace(":00.", ":01.")),
            (
                f'{TIME}O-1\x01{{"at":\x02,"before":"2026-01-05T09:00:00.000000Z"}}\x05record_order'
                "\x082026-01-05T09:00:01.000001Z\x0b1\x0calpha\x0e"
            ),
        ),
        (
            body('{"key":["O-1"],"kind":"ORDER","status":"NEW"}', command_id='"C-1"'),
            (
                f'{TIME}O-1\x01{{"key":[\x03],"kind":"ORDER","status":"NEW"}}],"command_id":"C-1"\x06record_order'
                "\x07000001Z\x0b1\x0calpha\x0e"
            ),
        ),
    ],
)
def test_what_most_entries_say_is_one_byte_each(usual: bytes, stored: str) -> None:
    """The time, the subject, that no command id was given, and that it was recorded in the second it occurred in."""
    assert shortened(usual) == stored


def test_a_body_of_the_length_limit_is_shortened_and_a_longer_one_is_not() -> None:
    """The limit itself is within it, of a body as of a text in the file."""
    beside = len(body('{"key":[""]}'))
    for over in (0, 1):
        long = body(f'{{"key":["{"é" * 10}{"x" * (BODY_BYTES_MAX - beside - 20 + over)}"]}}')
        assert len(long) == BODY_BYTES_MAX + over
        assert shortened(long).startswith(TIME) == (not over)
        start = f"{TIME}O-1\x01".encode()
        text = start + b"\x03" * (BODY_BYTES_MAX - len(start) + over)
        assert (spelled_out(text) == text) == bool(over)


@pytest.mark.parametrize("text", [f"{TIME}O\x01-1\x01\x03\x02", f"{TIME}\x01\x03"])
def test_a_text_that_somebody_forged_is_shown_as_it_is_read(
    text: str, spelled_by_sqlite: Callable[[str], bytes]
) -> None:
    """Whoever looks at the file sees in the view what the ledger refuses."""
    assert spelled_out(text.encode()) == spelled_by_sqlite(text)


@pytest.mark.parametrize(
    "unusual",
    [
        b"",
        b"{}",
        b'{"operation":"record_order"}',
        body(subject="null"),
        body(subject='"a \\"quoted\\" one"'),
        body(subject=f'"{"O" * (SUBJECT_BYTES_MAX + 1)}"'),
        body(occurred_at="2026-01-05"),
        body(occurred_at="{026-01-05T09:00:00.000001Z"),
        body(command_id='"a \\"quoted\\" one"'),
        body() + b" ",
        b" " + body(),
        body(f'{{"key":["{"O" * BODY_BYTES_MAX}"]}}'),
        body(f'{{"reason":"a longer sentence {chr(1)}"}}'),
        *(body(f'{{"key":["{mark}"]}}') for mark in ("\x00", "\x01", "\x02", "\x0f", "\t", "\x1f")),
    ],
)
def test_an_unusual_body_is_stored_as_it_is(unusual: bytes) -> None:
    """Nothing is lost of a body that cannot be shortened: it lies in the file whole."""
    assert shortened(unusual) == unusual.decode()
    if unusual.startswith(b"{"):
        assert spelled_out(unusual) == unusual


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(changes=st.lists(st.one_of(_TEXTS, st.sampled_from([*WORDS.values(), f'"{TIME}"', f'"{TIME[:20]}', '"O-1"']))))
@example(changes=['"', "O-1", '"'])
def test_whatever_the_changes_say_they_come_back(changes: list[str], spelled_by_sqlite: Callable[[str], bytes]) -> None:
    """Whatever stands in a body, it is spelled out to the byte."""
    any_body = body("".join(changes))
    stored = shortened(any_body)
    assert spelled_out(stored.encode()) == any_body
    if "\x00" not in stored:  # a text ends there for SQLite's functions; JSON never has one
        assert spelled_by_sqlite(stored) == any_body


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x01",
        b"2026-01-05T09:00:00.000001Z",
        b"2026-01-05T09:00\x01" + b"\x02" * 100,
        b"2026-01-05T09:00:00.000001Z" + b"O" * (SUBJECT_BYTES_MAX + 1) + b"\x01\x03\x03",
        b"2026-01-05T09:00:00.000001ZO-1\x01" + b"\x02" * BODY_BYTES_MAX,
        b"\xff" * 30,
    ],
)
def test_a_text_that_we_cannot_have_written_spells_nothing(text: bytes) -> None:
    """It is left for the digest's check as it is; so nobody fills the memory with a few marks."""
    assert spelled_out(text) == text


def test_the_view_spells_to_the_letter_as_the_schema_has_it(path: Path) -> None:
    """Its text is in every file: written otherwise, be it to the same effect, a file would not be known again."""
    open_at(path).close()
    ((statement,),) = query(path, "SELECT sql FROM sqlite_schema WHERE name = 'v_journal'")
    assert spelling() in str(statement)


def test_a_mark_has_its_words_for_ever() -> None:
    """The words are part of the schema: each has a mark of its own, none that JSON or a terminal may have."""
    marks = [*WORDS, "\x01", "\x02", "\x03", "\x04"]
    assert len(set(marks)) == len(marks)
    assert all(mark < " " and mark not in "\0\t\n\r" for mark in marks)
    assert len(set(WORDS.values())) == len(WORDS)
