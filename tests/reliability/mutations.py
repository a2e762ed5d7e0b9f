"""Mutations: other bytes out of known ones, the same for the same random numbers.

Some treat the bytes as bytes: flipped, cut, doubled, spliced with others. Most take JSON apart and put something else
into one of its places, which gets past the parser to what reads the values.
"""

import json
import random
from collections.abc import Sequence
from typing import Any

BYTES_MAX = 16_384
MUTATIONS_MAX = 6

# fmt: off
TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"\\ud800", b"\\u0000", b"\xff",
    b"\xed\xa0\x80", b"%00", b"%", b"?", b"&", b"=", b"/", b"..", b"//", b"#", b"durability=none", b"busy_timeout=1e9", b"\n",
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**63, 10**30, 0.5, float("nan"), float("inf"), -0.0, "", "x", "0", "-0", "1", "1.10", "1e5", "NaN",
    "99.50", "-3", "9" * 39, "0." + "0" * 20 + "1", "2026-01-05", "2026-01-05T09:00:00.000000Z", "2026-01-05T09:00:00+01:00", "2026-01-05T09:00:00",
    "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999-00:01", "BUY", "SELL", "ORDER", "FILL", "FILLED", "O1", "F1", "T1", "ACME", "\ud800", "\0",
    [], {}, [[]], [None], ["O1"], ["O1", "F1"], {"a": 1}, [{"amount": "1", "currency": "USD"}], {"O1": "1"}, [["O1", "1"]],
)
NAMES = (
    "format", "sequence", "strategy_id", "operation", "subject", "command_id", "occurred_at", "recorded_at", "changes", "kind", "key", "version",
    "values", "event_type", "from_state", "to_state", "status", "facts", "order_id", "fill_id", "details", "quantity", "price", "fees", "state", "symbol",
)
# fmt: on


def mutated(data: bytes, others: Sequence[bytes], generator: random.Random) -> bytes:
    """Return the data with some mutations, of one sort: after one of the bytes there is no JSON left to change."""
    keeps_json = generator.random() < 0.7
    for _ in range(generator.randint(1, MUTATIONS_MAX)):
        data = _with_other_value(data, generator) if keeps_json else _with_other_bytes(data, others, generator)
    return data[:BYTES_MAX]


def _with_other_bytes(data: bytes, others: Sequence[bytes], generator: random.Random) -> bytes:
    start = generator.randint(0, len(data))
    end = min(len(data), start + generator.choice((0, 1, 1, 2, 4, 16, 64)))
    match generator.randrange(6):
        case 0:
            middle = bytes(byte ^ (1 << generator.randrange(8)) for byte in data[start:end])
        case 1:
            middle = b""
        case 2:
            middle = data[start:end] * 2
        case 3:
            middle = generator.choice(TOKENS)
        case 4:
            middle = generator.randbytes(generator.randint(1, 4))
        case _:
            other = generator.choice(others) if others else data
            cut = generator.randint(0, len(other))
            middle = other[cut : cut + generator.choice((8, 64, 512))]
    return data[:start] + middle + data[end:]


def _with_other_value(data: bytes, generator: random.Random) -> bytes:
    """Return JSON with something else in one place, in one of its lines; other bytes as they are."""
    lines = data.split(b"\n")
    place = generator.randrange(len(lines))
    start = lines[place].find(b"{") if lines[place][:1] not in (b"{", b"[") else 0  # what stands before it is kept
    try:
        value = json.loads(lines[place][start:])
        lines[place] = lines[place][:start] + json.dumps(_changed(value, generator)).encode()
    except (ValueError, RecursionError):
        return _with_other_bytes(data, (), generator)
    return b"\n".join(lines)


def _changed(value: Any, generator: random.Random) -> Any:
    if isinstance(value, dict) and value and generator.random() < 0.85:
        name = generator.choice(list(value))
        match generator.randrange(10):
            case 0:
                return {known: item for known, item in value.items() if known != name}
            case 1:
                return {**value, generator.choice(NAMES): generator.choice(VALUES)}
            case _:
                return {**value, name: _changed(value[name], generator)}
    if isinstance(value, list) and value and generator.random() < 0.85:
        index = generator.randrange(len(value))
        match generator.randrange(10):
            case 0:
                return [*value[:index], *value[index + 1 :]]
            case 1:
                return [*value, value[index]]
            case _:
                return [*value[:index], _changed(value[index], generator), *value[index + 1 :]]
    return generator.choice(VALUES)
