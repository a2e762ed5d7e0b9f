"""lifecycle.md: the machines of orders, requests and trades, drawn and tabulated from their rows."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from _generator import svg
from _generator.markdown import code, codes, fence, page, prose, sentence, table
from _generator.source import member_comments, row_comments
from _generator.vocabulary import ORD_STATUS
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

INTRODUCTION = """\
Orders, requests and trades are finite state machines. A row of the table says: from these states, this event leads to
that state; what has no row is refused with `IllegalTransition` and changes nothing. The rows below are the ones that
the program itself uses.
"""

Rows = Sequence[Row[Any, Any]]
Arrow = tuple[str, str, str]
_E = OrderEvent

_FRAMES: Mapping[str, frozenset[str]] = {
    "open": frozenset(GOOD_TILL_OPEN_STATES),
    "open, and not done for the day": frozenset(DAY_OPEN_STATES),
    "working": frozenset({OrderState.PLACED, OrderState.IN_DOUBT, OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED}),
}
_PLACES: Mapping[str, tuple[float, float]] = {
    "PLACED": (0, 0),
    "IN_DOUBT": (0, 1.3),
    "ACCEPTED": (1, 0),
    "PARTIALLY_FILLED": (1, 1.3),
    "STOPPED": (0, 2.8),
    "SUSPENDED": (1, 2.8),
    "DONE_FOR_DAY": (0, 3.9),
    "FILLED": (2.6, 0.65),
    "CANCELED": (2.6, 2),
    "EXPIRED": (2.6, 2.9),
    "REJECTED": (2.6, 3.8),
}
_SHIFTS = {("", "PLACED"): (-38.0, 0.0), ("IN_DOUBT", "ACCEPTED"): (4.0, 10.0)}

# Which events each drawing of the order's machine shows; every event is in exactly one of these, or in _NO_STATE.
_LIFE = (
    _E.PLACEMENT,
    _E.ACCEPTANCE,
    _E.DOUBT,
    _E.PARTIAL_FILL,
    _E.COMPLETING_FILL,
    _E.REJECTION,
    _E.CANCELLATION,
    _E.EXPIRY,
)
_INTERRUPTIONS = (
    _E.GUARANTEE,
    _E.SUSPENSION,
    _E.RESUMPTION_UNFILLED,
    _E.RESUMPTION_PARTLY_FILLED,
    _E.DAY_END,
    _E.NEXT_DAY_PARTIAL_FILL,
    _E.NEXT_DAY_COMPLETING_FILL,
)
_TERMS = (_E.TERMS_UNFILLED, _E.TERMS_PARTLY_FILLED, _E.TERMS_COMPLETE)
_REVISIONS = (
    _E.REVISION_UNFILLED,
    _E.REVISION_PARTLY_FILLED,
    _E.REVISION_COMPLETE,
    _E.REVISION_NOT_REINSTATED,
)
_NO_STATE = (_E.TRIGGER, _E.REQUEST, _E.REQUEST_REJECTION)

# What causes each event.
_CAUSES: Mapping[OrderEvent, str] = {
    _E.PLACEMENT: "`record_order`",
    _E.ACCEPTANCE: "`update_order_acceptance`",
    _E.PARTIAL_FILL: "`update_order_fill` that leaves something to execute",
    _E.COMPLETING_FILL: "`update_order_fill` that brings the filled quantity to the order's, or beyond",
    _E.NEXT_DAY_PARTIAL_FILL: "as PARTIAL_FILL, of a GTC or GTD order, on a later trade date than the one that is done",
    _E.NEXT_DAY_COMPLETING_FILL: "as COMPLETING_FILL, likewise",
    _E.REJECTION: "`update_order_rejection`",
    _E.CANCELLATION: "`update_order_cancellation`",
    _E.EXPIRY: "`update_order_expiry`",
    _E.DOUBT: "`update_order_in_doubt`",
    _E.TRIGGER: "`update_order_trigger`",
    _E.GUARANTEE: "`update_order_guarantee`",
    _E.SUSPENSION: "`update_order_suspension`",
    _E.RESUMPTION_UNFILLED: "`update_order_resumption` of an order without fills",
    _E.RESUMPTION_PARTLY_FILLED: "`update_order_resumption` of an order with fills",
    _E.DAY_END: "`update_order_done_for_day`",
    _E.TERMS_UNFILLED: "`update_order_replacement` or `update_order_restatement` of an order without fills",
    _E.TERMS_PARTLY_FILLED: "the same, where the fills are less than the quantity under the new terms",
    _E.TERMS_COMPLETE: "the same, where the fills are all of it",
    _E.REVISION_UNFILLED: "a bust or correction that leaves the order without fills",
    _E.REVISION_PARTLY_FILLED: "one that leaves it partly filled",
    _E.REVISION_COMPLETE: "one that leaves it filled",
    _E.REVISION_NOT_REINSTATED: "one after which the venue does not work the freed quantity again",
    _E.REQUEST: "`request_order_cancel`, `request_order_replace`",
    _E.REQUEST_REJECTION: "`update_order_request_rejection`, or the end of the order while a request is in flight",
}


def files() -> dict[str, str]:
    """Return the page and its drawings."""
    shown = (*_LIFE, *_INTERRUPTIONS, *_TERMS, *_REVISIONS, *_NO_STATE)
    assert sorted(shown) == sorted(OrderEvent), "lifecycle.py must draw every event once"
    drawings = {
        "order-life.svg": _statechart("The life of an order", ORDER_ROWS, _LIFE),
        "order-interruptions.svg": _fan("Guarantees, suspensions and days", ORDER_ROWS, _INTERRUPTIONS),
        "order-terms.svg": _fan("Replacements and restatements", ORDER_ROWS, _TERMS),
        "order-revisions.svg": _fan("Busts and corrections", ORDER_ROWS, _REVISIONS),
        "request.svg": _fan("The life of a request", REQUEST_ROWS, tuple(lifecycle.RequestEvent)),
        "trade.svg": _fan("The life of a trade", TRADE_ROWS, tuple(lifecycle.TradeEvent)),
    }
    parts = [
        "## Orders",
        (
            "An order is *open* while the venue may still execute it. An arrow from a frame holds for every state "
            "in it. Events that keep the state are left out of the drawings; the tables have them all."
        ),
        _drawn("order-life.svg", ORDER_ROWS, _LIFE),
        "### Guarantees, suspensions, days",
        _drawn("order-interruptions.svg", ORDER_ROWS, _INTERRUPTIONS),
        "### Replacements and restatements",
        "Other terms, whoever set them, lead to the state that the filled quantity has under them.",
        _drawn("order-terms.svg", ORDER_ROWS, _TERMS),
        "### Busts and corrections",
        "These rows are declared; no command of this version causes them.",
        _drawn("order-revisions.svg", ORDER_ROWS, _REVISIONS),
        "### States of an order",
        _states(),
        (
            f"Open are {_listed(DAY_OPEN_STATES)}; DONE_FOR_DAY is open for an order that outlives the day (GTC, GTD) "
            "and has ended for every other. Rejecting, canceling, expiring or suspending an order that is done for the "
            "day is legal only for the former."
        ),
        "### Status of an order",
        prose(OrderStatus.__doc__) + " `order.status` is IN_DOUBT if the state is; else PENDING_CANCEL or "
        "PENDING_REPLACE while such a request is in flight; else the state.",
        "### Events of an order",
        table(("event", "caused by"), [(code(event), _CAUSES[event]) for event in OrderEvent]),
        "### Every row",
        _rows("ORDER_ROWS", ORDER_ROWS),
        "### Every state and event",
        (
            "The state after; `=` means that the state is kept and what the event brings is booked; an empty cell is "
            "refused."
        ),
        _grid(ORDER_ROWS, OrderState, OrderEvent),
        "## Requests to cancel or replace",
        (
            "A request is a machine of its own: an order may have several in flight, and none of them overwrites the "
            "order's state. An order that ends CANCELED, EXPIRED or REJECTED ends its requests in the same entry."
        ),
        _drawn("request.svg", REQUEST_ROWS, tuple(lifecycle.RequestEvent)),
        _rows("REQUEST_ROWS", REQUEST_ROWS),
        _grid(REQUEST_ROWS, RequestState, lifecycle.RequestEvent),
        "## Trades",
        _drawn("trade.svg", TRADE_ROWS, tuple(lifecycle.TradeEvent)),
        _rows("TRADE_ROWS", TRADE_ROWS),
        _grid(TRADE_ROWS, TradeState, lifecycle.TradeEvent),
    ]
    return {"lifecycle.md": page("Lifecycles", INTRODUCTION, *parts), **drawings}


# -- arrows --------------------------------------------------------------------------------------------------------


def _moves(rows: Rows, events: Sequence[StrEnum]) -> dict[tuple[str, str], frozenset[str]]:
    """Return (event, to) -> the states that it leads there from; "" is birth. Kept states are left out."""
    found: dict[tuple[str, str], set[str]] = {}
    for sources, event, target in rows:
        if event not in events or target == SAME:
            continue
        states = {""} if sources is None else {str(state) for state in sources if state != target}
        found.setdefault((str(event), str(target)), set()).update(states)
    return {move: frozenset(states) for move, states in found.items()}


def _arrows(moves: Mapping[tuple[str, str], frozenset[str]], frames: Mapping[str, frozenset[str]]) -> list[Arrow]:
    """Return one arrow for each (from, to), from the largest frames that fit, with its events as the label."""
    labels: dict[tuple[str, str], list[str]] = {}
    for (event, target), sources in moves.items():
        left = set(sources)
        for name, members in frames.items():
            if members - {target} <= left:
                labels.setdefault((name, target), []).append(_spoken(event))
                left -= members
        for source in sorted(left):
            labels.setdefault((source, target), []).append(_spoken(event))
    return [(source, target, "\n".join(events)) for (source, target), events in labels.items()]


def _spoken(event: str) -> str:
    return event.replace("_", " ").lower()


# -- drawings ------------------------------------------------------------------------------------------------------


def _statechart(title: str, rows: Rows, events: Sequence[StrEnum]) -> str:
    states = {name: svg.at(*place) for name, place in _PLACES.items()}
    assert set(states) == set(OrderState), "lifecycle.py must place every state"
    padding = {"working": (18, 30), "open, and not done for the day": (36, -12), "open": (54, -30)}
    frames = {
        name: svg.around([states[member] for member in members], padding[name][0], padding[name][1])
        for name, members in _FRAMES.items()
    }
    return svg.draw(title, states, frames, _arrows(_moves(rows, events), _FRAMES), _SHIFTS)


def _fan(title: str, rows: Rows, events: Sequence[StrEnum]) -> str:
    """Draw sets of states on the left, and beside each where events lead from them."""
    by_sources: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for (event, target), sources in _moves(rows, events).items():
        targets = by_sources.setdefault(tuple(sorted(sources, key=_declared)), {})
        targets.setdefault(target, []).append(_spoken(event))
    boxes: dict[str, svg.Box] = {}
    arrows: list[Arrow] = []
    top = float(svg.MARGIN)
    for sources, targets in by_sources.items():
        source = svg.listed(0, top, sources)
        step = svg.HEIGHT + 18
        height = max(source.bottom - top, len(targets) * step - 18)
        source = svg.listed(0, top + (height - (source.bottom - top)) / 2, sources)
        name = "\n".join(sources)
        if name:
            boxes[name] = source
        first = top + (height - (len(targets) * step - 18)) / 2
        for number, (target, labels) in enumerate(targets.items()):
            place = f"{target}{' ' * (len(boxes) + 1)}"  # one state may be drawn several times
            boxes[place] = svg.Box(svg.MARGIN + 1.5 * svg.COLUMN, first + number * step)
            arrows.append((name, place, "\n".join(labels)))
        top += height + 26
    return svg.draw(title, boxes, {}, arrows)


def _drawn(name: str, rows: Rows, events: Sequence[StrEnum]) -> str:
    """Return the diagram as Mermaid text, whose first line names the drawing that Sphinx shows instead."""
    frames = _FRAMES if events is _LIFE else {}
    lines = [f"%% {name}", "stateDiagram-v2", "    direction LR"]
    inner: frozenset[str] = frozenset()
    for number, members in enumerate(reversed(frames.values())):
        # From the innermost frame outwards, each around the one before.
        body = lines[3:] if number else []
        body += [f"    {state}" for state in sorted(members - inner, key=_declared)]
        opening = f'    state "{list(frames)[-1 - number]}" as {_identifier(list(frames)[-1 - number])} {{'
        lines = [*lines[:3], opening, *(f"    {line}" for line in body), "    }"]
        inner = members
    for source, target, label in _arrows(_moves(rows, events), frames):
        joined = " / ".join(label.split("\n"))
        for one in _mermaid_sources(source, target, frames):
            lines.append(f"    {one} --> {target}: {joined}")
    return fence("mermaid", "\n".join(lines))


def _mermaid_sources(source: str, target: str, frames: Mapping[str, frozenset[str]]) -> list[str]:
    """Mermaid has no arrow from a frame to a state within it: one from each other state stands for it."""
    if source not in frames:
        return [source or "[*]"]
    if target not in frames[source]:
        return [_identifier(source)]
    return sorted(frames[source] - {target}, key=_declared)


def _identifier(name: str) -> str:
    return name.replace(",", "").replace(" ", "_")


# -- tables --------------------------------------------------------------------------------------------------------


def _states() -> str:
    rows = []
    for name, comment in member_comments(OrderState).items():
        fix, _, meaning = comment.partition(":") if comment.startswith("39=") else ("", "", comment)
        rows.append((code(name), code(fix) if fix else "", sentence(meaning or ORD_STATUS[name][1])))
    return table(("state", "FIX", "meaning"), rows)


def _rows(name: str, rows: Rows) -> str:
    comments = row_comments(lifecycle, name)
    assert len(comments) == len(rows), name
    return table(
        ("from", "event", "to", "why"),
        [
            (_sources(sources), code(event), "kept" if target == SAME else code(target), sentence(comment))
            for (sources, event, target), comment in zip(rows, comments, strict=True)
        ],
    )


def _sources(sources: frozenset[Any] | set[Any] | None) -> str:
    if sources is None:
        return "(birth)"
    if sources and all(isinstance(state, OrderState) for state in sources):
        if set(sources) == set(OrderState):
            return "every state"
        missing = set(OrderState) - set(sources)
        if len(missing) <= 3:
            return f"every state but {_listed(missing)}"
    return _listed(sources)


def _listed(states: Any) -> str:
    return codes(sorted((str(state) for state in states), key=_declared))


def _declared(state: str) -> int:
    order = [word.value for cls in (OrderState, RequestState, TradeState) for word in cls]
    return order.index(state) if state in order else -1


def _grid(rows: Rows, states: type[StrEnum], events: type[StrEnum]) -> str:
    cells: dict[tuple[str | None, str], str] = {}
    for sources, event, target in rows:
        for state in [None] if sources is None else sources:
            cells[state, event] = "=" if target == SAME else code(target)
    head = ("event", "(none)", *(code(state.value) for state in states))
    body = [(code(event.value), *(cells.get((state, event), "") for state in (None, *states))) for event in events]
    return table(head, body)
