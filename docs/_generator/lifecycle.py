"""lifecycle.md: the machines of orders, requests and trades, drawn and tabulated from their rows."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs

from ledger_core import lifecycle
from ledger_core._machine import SAME, Row
from ledger_core.lifecycle import (
    DAY_OPEN_STATES,
    GOOD_TILL_OPEN_STATES,
    ORDER_ROWS,
    REQUEST_ROWS,
    TRADE_ROWS,
    OrderEvent,
    OrderState,
    OrderStatus,
    RequestState,
    TradeState,
)

from _generator import svg
from _generator.markdown import code, codes, fence, page, prose, sentence, table
from _generator.source import member_comments, row_comments

INTRODUCTION = """\
Orders, requests and trades are finite state machines. A row of the table says: from these states, this event leads to
that state; what has no row is refused with `IllegalTransition` and changes nothing. The rows below are the ones that
the program itself uses.
"""

Rows = Sequence[Row[Any, Any]]
_E = OrderEvent
_WORKING = {"PLACED", "IN_DOUBT", "ACCEPTED", "PARTIALLY_FILLED"}
_OPEN = {state.value for state in GOOD_TILL_OPEN_STATES}


@attrs.frozen(kw_only=True)
class Drawing:
    """A part of a machine: which events, and where its states stand (column, row)."""

    name: str
    title: str
    events: frozenset[StrEnum]
    places: Mapping[str, tuple[float, float]]
    frames: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    shifts: Mapping[tuple[str, str], tuple[float, float]] = attrs.field(factory=dict)
    text: str = ""


_ORDER_DRAWINGS = (
    Drawing(
        name="order-life.svg",
        title="Placing, filling and ending an order",
        text="An arrow from a frame holds for every state in the frame. An order is *open* while the venue may still "
        "execute it.",
        events=frozenset(
            {
                _E.PLACEMENT,
                _E.ACCEPTANCE,
                _E.DOUBT,
                _E.PARTIAL_FILL,
                _E.COMPLETING_FILL,
                _E.REJECTION,
                _E.CANCELLATION,
                _E.EXPIRY,
            }
        ),
        places={
            "PLACED": (0.4, 0.5),
            "IN_DOUBT": (0.4, 2.0),
            "ACCEPTED": (1.4, 0.5),
            "PARTIALLY_FILLED": (1.4, 2.0),
            "STOPPED": (0.4, 3.4),
            "SUSPENDED": (1.4, 3.4),
            "DONE_FOR_DAY": (0.4, 4.2),
            "FILLED": (3.1, 0.5),
            "CANCELED": (3.1, 2.0),
            "EXPIRED": (3.1, 2.9),
            "REJECTED": (3.1, 3.8),
        },
        frames={"open": frozenset(_OPEN), "working": frozenset(_WORKING)},
    ),
    Drawing(
        name="order-interruptions.svg",
        title="Guarantees, suspensions and the end of the day",
        events=frozenset(
            {
                _E.GUARANTEE,
                _E.SUSPENSION,
                _E.RESUMPTION_UNFILLED,
                _E.RESUMPTION_PARTLY_FILLED,
                _E.DAY_END,
                _E.NEXT_DAY_PARTIAL_FILL,
                _E.NEXT_DAY_COMPLETING_FILL,
            }
        ),
        places={},
    ),
    Drawing(
        name="order-terms.svg",
        title="Replacements and restatements",
        text="Other terms, whoever set them, lead to the state that the filled quantity has under them.",
        events=frozenset({_E.TERMS_UNFILLED, _E.TERMS_PARTLY_FILLED, _E.TERMS_COMPLETE}),
        places={},
    ),
    Drawing(
        name="order-revisions.svg",
        title="Busted and corrected fills",
        text="The rows are declared; no command of this version causes them yet.",
        events=frozenset(
            {_E.REVISION_UNFILLED, _E.REVISION_PARTLY_FILLED, _E.REVISION_COMPLETE, _E.REVISION_NOT_REINSTATED}
        ),
        places={},
    ),
)
_NO_STATE = frozenset({_E.TRIGGER, _E.REQUEST, _E.REQUEST_REJECTION})
"""Events that never change an order's state."""
