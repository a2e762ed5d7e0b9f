"""FIX logs: any log that has whole messages in its lines, of any FIX version, both directions or one.

parsing    messages out of lines            terms      the order that a message names, and its terms
reports    execution reports                requests   orders, requests, and what refuses them
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ledger_interop.importing.facts import AnyFact, Message
from ledger_interop.importing.fields import NotUnderstood
from ledger_interop.importing.fix.parsing import FixMessage, messages_in_line
from ledger_interop.importing.fix.reports import execution_report
from ledger_interop.importing.fix.requests import (
    business_reject,
    cancel_reject,
    cancel_request,
    new_order,
    replace_request,
)
from ledger_interop.importing.shapes import Defaults, with_defaults

# fmt: off
_READERS: Mapping[str, Callable[[FixMessage], tuple[AnyFact, ...]]] = {
    "8": execution_report,
    "D": new_order,
    "F": cancel_request,
    "G": replace_request,
    "9": cancel_reject,
    "j": business_reject,
}
_PASSED_OVER: Mapping[str, str] = {
    **dict.fromkeys(("0", "1", "2", "4", "5", "A"), "a message of the session"),
    **dict.fromkeys(("V", "W", "X", "Y", "R", "S", "Z", "a", "b"), "market data"),
    **dict.fromkeys(("c", "d", "e", "f", "g", "h", "v", "w", "x", "y"), "reference data"),
    "H": "a question after an order's status",
    "B": "news",
    "C": "mail",
}
_NOT_READ: Mapping[str, str] = {
    "3": "a session reject names a sequence number only: which order it is about cannot be told",
    "E": "lists of orders (35=E) are not read",
    "J": "allocations (35=J) are not read",
    "AB": "multileg orders (35=AB) are not read",
    "AC": "multileg orders (35=AC) are not read",
    "AE": "trade capture reports (35=AE) are not read",
}
# fmt: on


def read_message(pairs: Iterable[tuple[Any, Any]] | Mapping[Any, Any], place: str = "", **options: Any) -> Message:
    """Return what one FIX message says, given as (tag, value) pairs, or a mapping of them, as FIX engines have it."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return _read(FixMessage([(str(tag), str(value)) for tag, value in items]), place, Defaults(**options))


def read_lines(
    lines: Iterable[tuple[int, str]], defaults: Defaults | None = None, session: str | None = None
) -> Iterator[Message]:
    """Generate the messages of a log, from numbered lines.

    `session` (SENDER->TARGET) takes only what one side sent to the other. Both directions of an order's life together
    are understood best: then requests are known with their terms.
    """
    known = defaults or Defaults()
    for number, line in lines:
        found = False
        for index, message in enumerate(messages_in_line(line)):
            place = f"line {number}" if index == 0 else f"line {number}, message {index + 1}"
            found = True
            if isinstance(message, str):
                yield Message(place, "FIX", problem=message)
            elif session is not None and message.session != session:
                yield Message(place, f"35={message.kind}", passed_over=f"of another session than {session}")
            else:
                yield _read(message, place, known)
        if not found:
            yield Message(f"line {number}", "text", passed_over="no FIX message is in the line")


def _read(message: FixMessage, place: str, defaults: Defaults) -> Message:
    kind = message.kind
    what = f"35={kind}" + (f" 150={message.get('150')} 39={message.get('39')}" if kind == "8" else "")
    if kind in _PASSED_OVER:
        return Message(place, what, passed_over=_PASSED_OVER[kind])
    reader = _READERS.get(kind)
    if reader is None:
        return Message(place, what, problem=_NOT_READ.get(kind, f"messages of the kind 35={kind[:10]} are not known"))
    try:
        facts = reader(message)
    except NotUnderstood as error:
        return Message(place, what, problem=str(error))
    if not facts:
        return Message(place, what, passed_over="it rejects what is no order and no request")
    return Message(place, what, with_defaults(facts, defaults))
