"""How a body lies in the journal: shortened, and spelled out again to the byte, here or by the view `v_journal`.

A body is canonical JSON, and most of it is the same words in every entry. JSON has control characters only where they
are escaped, so in the file each of them can stand for some words. What is stored is, for a body that looks as usual,

    when it occurred, the subject, END, its changes and its envelope with marks in the place of words

and for any other body that body itself, which begins with a brace. What a text spells is written in itself alone: in
no other column, and in no other row.
"""

import re
from collections.abc import Mapping

END, TIME, SUBJECT, SECOND = "\x01", "\x02", "\x03", "\x04"
"""The end of what stands before the body, and the marks of that: the time and the subject as JSON, and of the time
`"2026-01-05T09:00:00.`, with which most times of an entry begin."""

TIME_LENGTH, SECOND_LENGTH = 27, 20
"""Characters of a time, and of those that say its second."""

BEGINNING = '{"changes":['
"""What every body begins with; it is not stored."""

# fmt: off
_WORDS_OF_THE_ENVELOPE: Mapping[str, str] = {
    "\x05": f'],"command_id":null,"format":1,"occurred_at":{TIME},"operation":"',
    "\x06": f',"format":1,"occurred_at":{TIME},"operation":"',
    "\x07": f'","recorded_at":{SECOND}',
    "\x08": '","recorded_at":"',
    "\x0b": '","sequence":',
    "\x0c": ',"strategy_id":"',
    "\x0e": f'","subject":{SUBJECT}}}',
}
_WORDS_OF_CHANGES: Mapping[str, str] = {
    "\x0f": f',"key":[{SUBJECT}],"kind":"ORDER","status":"',
    "\x10": '","to_state":"',
    "\x11": '","values":{"',
    "\x12": '},"version":',
    "\x13": '{"event_type":"ORDER_',
    "\x14": '","late":false},"from_state":"',
    "\x15": 'PARTIALLY_FILLED',
}
# fmt: on

WORDS: Mapping[str, str] = {**_WORDS_OF_THE_ENVELOPE, **_WORDS_OF_CHANGES}
"""What each mark stands for, in schema 4 and for ever: bodies that were stored depend on it."""

BODY_BYTES_MAX = 16 * 1024
"""A longer body is not shortened, so that no text, whoever wrote it, spells out more than a megabyte or two."""

SUBJECT_BYTES_MAX = 64
"""The body of a subject with a longer id is not shortened, likewise."""

_BEGINNING, _END, _TIME, _SUBJECT, _SECOND = (text.encode() for text in (BEGINNING, END, TIME, SUBJECT, SECOND))
_WORDS = tuple((mark.encode(), words.encode()) for mark, words in WORDS.items())
_CHANGES = tuple((words.encode(), mark.encode()) for mark, words in _WORDS_OF_CHANGES.items())
_CONTROLS = bytes(range(0x20))
_COMMAND_ID = b'],"command_id":'
_ENVELOPE = re.compile(
    rb'\],"command_id":(null|"[^"]*"),"format":1,"occurred_at":"(\d[^"]{%d}Z)","operation":"([^"]+)",'
    rb'"recorded_at":"([^"]{%d})([^"]{%d})","sequence":(\d+),"strategy_id":"([^"]*)","subject":"([^"]{1,%d})"}'
    % (TIME_LENGTH - 2, SECOND_LENGTH, TIME_LENGTH - SECOND_LENGTH, SUBJECT_BYTES_MAX)
)


def shortened(body: bytes) -> str:
    """Return the text to store for a body."""
    start = body.rfind(_COMMAND_ID)
    envelope = _ENVELOPE.fullmatch(body, start) if body.startswith(_BEGINNING) else None
    if envelope is None or len(body) > BODY_BYTES_MAX or len(body.translate(None, _CONTROLS)) != len(body):
        return body.decode()
    command_id, time, operation, second, fraction, sequence, strategy_id, subject = envelope.groups()
    changes = body[len(BEGINNING) : start].replace(b'"%b"' % time, _TIME).replace(b'"%b"' % subject, _SUBJECT)
    for words, mark in _CHANGES:
        changes = changes.replace(words, mark)
    before = b"\x05" if command_id == b"null" else b"%b%b\x06" % (_COMMAND_ID, command_id)
    recorded = b"\x07" if time.startswith(second) else b"\x08" + second
    parts = (time, subject, _END, changes, before, operation, recorded, fraction)
    return b"".join((*parts, b"\x0b", sequence, b"\x0c", strategy_id, b"\x0e")).decode()


def spelled_out(stored: bytes) -> bytes:
    """Return the body behind a text of the journal; of one that we cannot have written, the text as it is."""
    end = stored.find(_END, TIME_LENGTH, TIME_LENGTH + SUBJECT_BYTES_MAX + 1)
    if end < 0 or len(stored) > BODY_BYTES_MAX or stored.startswith(b"{"):
        return stored
    body = stored[end + 1 :]
    for mark, words in _WORDS:
        body = body.replace(mark, words)
    time = stored[:TIME_LENGTH]
    body = body.replace(_TIME, b'"%b"' % time).replace(_SECOND, b'"%b' % time[:SECOND_LENGTH])
    return _BEGINNING + body.replace(_SUBJECT, b'"%b"' % stored[TIME_LENGTH:end])


def spelling() -> str:
    """Return the expression of SQL that spells out the column `body`, for the view; it is part of the schema."""
    first, end = f"SUBSTR(body, 1, {TIME_LENGTH})", "INSTR(body, CHAR(1))"
    subject = f"SUBSTR(body, {TIME_LENGTH + 1}, {end} - {TIME_LENGTH + 1})"
    marks = [(ord(mark), _literal(words)) for mark, words in WORDS.items()]
    marks += [
        (ord(TIME), f"""'"' || {first} || '"'"""),
        (ord(SECOND), f"""'"' || SUBSTR(body, 1, {SECOND_LENGTH})"""),
        (ord(SUBJECT), f"""'"' || {subject} || '"'"""),
    ]
    lines = [f"    CHAR({mark}), {words})" for mark, words in marks]
    return "\n".join(
        (
            f"CASE WHEN SUBSTR(body, 1, 1) = '{{' THEN body ELSE '{BEGINNING}' ||",
            f"    {'REPLACE(' * len(marks)}",
            f"    SUBSTR(body, {end} + 1),",
            ",\n".join(lines),
            "    END",
        )
    )


def _literal(words: str) -> str:
    """Return words as an expression, the marks in them by their number."""
    parts = re.split(f"([{TIME}{SUBJECT}{SECOND}])", words)
    return " || ".join(f"CHAR({ord(part)})" if place % 2 else f"'{part}'" for place, part in enumerate(parts) if part)
