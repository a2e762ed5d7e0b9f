"""Whatever a source tells, in whatever order and however often: told again it changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger_core import RecordKind, StrategyLedger, open_ledger
from ledger_core.lifecycle import OrderState, OrderStatus, RequestKind
from ledger_interop.importing import Message, import_messages
from ledger_interop.importing import facts as neutral
from ledger_interop.importing.facts import Happening

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ORDERS = ("A", "B")
QUANTITIES = tuple(Decimal(n) for n in (1, 2, 3, 5, 8))
ENDS = (OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED)

Making = Callable[[st.DrawFn], neutral.AnyFact]


def _order(draw: st.DrawFn, name: str) -> neutral.NamedOrder:
    """Return an order as messages name it: with its terms or without, by one id or several."""
    details: dict[str, Any] = {"symbol": "X", "side": "BUY" if name == "A" else "SELL"}
    if draw(st.booleans()):
        details["quantity"] = Decimal(8)
    if draw(st.integers(0, 9)) == 0:
        details = {}
    if draw(st.integers(0, 9)) == 0 and details:
        details["time_in_force"] = draw(st.sampled_from(("IOC", "GTC")))
    shape = draw(st.integers(0, 2))
    return neutral.NamedOrder(
        client_id=name if shape != 1 else None,
        venue_id=f"V{name}" if shape != 0 else None,
        other_ids=(f"{name}-{draw(st.sampled_from((1, 2)))}",) if draw(st.integers(0, 5)) == 0 else (),
        details=details,
    )


@st.composite
def told_facts(draw: st.DrawFn) -> neutral.AnyFact:
    """Draw a fact about one of two orders, at one of a few moments."""
    name = draw(st.sampled_from(ORDERS))
    order = _order(draw, name)
    at = START + timedelta(seconds=draw(st.integers(0, 5))) if draw(st.integers(0, 19)) else None
    quantity, fill_id = draw(st.sampled_from(QUANTITIES)), draw(st.sampled_from(("F1", "F2", "F3", "C1")))
    price, fees = Decimal(10), draw(st.sampled_from(((), ((Decimal(1), "USD"),))))
    common: dict[str, Any] = {"order": order, "at": at}
    terms = draw(st.sampled_from(({"quantity": quantity}, {"limit_price": Decimal(9)}, {})))
    request_id = draw(st.sampled_from((f"{order.client_id}-1", f"{order.client_id}-2", None)))
    makers: tuple[Callable[[], neutral.AnyFact], ...] = (
        lambda: neutral.Placement(**common),
        lambda: neutral.Acceptance(**common, resumes=draw(st.booleans())),
        lambda: neutral.Execution(**common, fill_id=fill_id, quantity=quantity, price=price, fees=fees),
        lambda: neutral.Execution(
            **common, fill_id=f"{fill_id} of {name}", quantity=quantity, price=price, is_unique=True
        ),
        lambda: neutral.Ending(**common, state=draw(st.sampled_from(ENDS))),
        lambda: neutral.Change(**common, happening=draw(st.sampled_from(tuple(Happening)))),
        lambda: neutral.Request(
            **common, kind=draw(st.sampled_from(tuple(RequestKind))), request_id=request_id or "R3", terms=terms
        ),
        lambda: neutral.RequestRefusal(
            **common, kind=draw(st.sampled_from((*RequestKind, None))), request_id=request_id
        ),
        lambda: neutral.NewTerms(**common, terms=terms, asked=request_id is not None, request_id=request_id),
        lambda: neutral.Bust(**common, fill_id=fill_id),
        lambda: neutral.Correction(**common, fill_id=fill_id, correction_id="C1", quantity=quantity, price=price),
        lambda: neutral.FeeReport(**common, fill_id=fill_id, fees=((Decimal(2), "USD"),)),
        lambda: neutral.Status(
            **common,
            cum_quantity=draw(st.sampled_from((*QUANTITIES, Decimal(0), None))),
            average_price=draw(st.sampled_from((price, None))),
            status=draw(st.sampled_from((*OrderStatus, None))),
            stands_for_fills=draw(st.booleans()),
        ),
        lambda: neutral.Movement(
            adjustment_id=draw(st.sampled_from(("M1", "M2"))),
            adjustment={"kind": "DIVIDEND", "symbol": "X", "amount": Decimal(3), "currency": "USD"},
            at=at,
        ),
        lambda: neutral.Grouping(trade_id="T1", orders=(order,), closed_at=at if draw(st.booleans()) else None),
    )
    return draw(st.sampled_from(makers))()


def _was_dismissed(ledger: StrategyLedger) -> bool:
    """Say whether a bust dismissed a fill in quarantine: told again, the ledger files that fill anew."""
    changes = (change for entry in ledger.read_journal() for change in entry.changes)
    return any(change.kind is RecordKind.QUARANTINE and change.to_state == "DISMISSED" for change in changes)


def _check(told: list[neutral.AnyFact], known: int) -> bool:
    """Import facts, some of them twice, and again: the last import must change nothing. False: it is known to."""
    messages = [Message(f"message {number}", "fact", (fact,)) for number, fact in enumerate(told, start=1)]
    with open_ledger(f"memory://{uuid4().hex}", strategy_id="s") as ledger:
        import_messages(ledger, messages[:known], source="test")
        import_messages(ledger, messages, source="test")
        if _was_dismissed(ledger):
            return False
        before = ledger.head()
        again = import_messages(ledger, messages, source="test")
        assert ledger.head() == before, list(again.lines())
        assert again.booked == 0
        assert not ledger.verify().differences
    return True


@given(told=st.lists(told_facts(), min_size=1, max_size=14), known=st.integers(0, 14))
@settings(max_examples=200, deadline=None)
def test_what_was_told_changes_nothing_when_it_is_told_again(told: list[neutral.AnyFact], known: int) -> None:
    """After an import of any facts, perhaps in two portions, the same import leaves the journal where it is."""
    groupings = [fact for fact in told if isinstance(fact, neutral.Grouping)]
    assume(_check([fact for fact in told if fact not in groupings[1:]], known))  # a source tells of a round trip once


_A = neutral.NamedOrder(client_id="A", other_ids=("A-1",))
_TERMS: dict[str, Any] = {"symbol": "X", "side": "BUY"}
_OWN = neutral.NamedOrder(client_id="A", details={**_TERMS, "quantity": Decimal(8)})
_AT_VENUE = neutral.NamedOrder(venue_id="VA", details={**_TERMS, "quantity": Decimal(8)})
_FILL = neutral.Execution(
    order=neutral.NamedOrder(client_id="A", details=_TERMS), fill_id="F1", quantity=Decimal(1), price=Decimal(10)
)
_ENDED = neutral.Ending(order=_A, state=OrderState.CANCELED)
_RAISED = neutral.NewTerms(order=_A, terms={"quantity": Decimal(2)}, asked=True, request_id="A-1")

FOUND: dict[str, list[neutral.AnyFact]] = {
    "end before the own quantity": [_FILL, _ENDED, neutral.Placement(order=_OWN)],
    "the own quantity is that of the fills": [
        neutral.Execution(order=_FILL.order, fill_id="F1", quantity=Decimal(8), price=Decimal(10)),
        neutral.Placement(order=_OWN),
        neutral.Change(order=_A, happening=Happening.DONE_FOR_DAY),
    ],
    "end before new terms": [_FILL, _ENDED, _RAISED],
    "end and end of day": [_ENDED, _FILL, neutral.Change(order=_A, happening=Happening.DONE_FOR_DAY)],
    "restatement before the own quantity": [
        neutral.NewTerms(order=_A, terms={"quantity": Decimal(1)}, asked=False),
        _FILL,
        neutral.Placement(order=_OWN),
    ],
    "refusal before its request": [
        neutral.RequestRefusal(order=neutral.NamedOrder(client_id="A"), at=START, kind=RequestKind.CANCEL),
        _FILL,
        neutral.Request(order=_A, at=START, kind=RequestKind.CANCEL, request_id="A-1"),
    ],
    "one refusal of two requests": [
        neutral.Request(order=_OWN, at=START, kind=RequestKind.CANCEL, request_id="A-1"),
        neutral.Request(order=_OWN, at=START, kind=RequestKind.CANCEL, request_id="A-2"),
        neutral.RequestRefusal(order=_OWN, at=START, kind=RequestKind.CANCEL),
        neutral.Placement(order=_OWN),
    ],
    "bust before a fill that is too much": [
        neutral.Bust(order=_A, fill_id="F2"),
        neutral.Execution(order=_OWN, fill_id="F1", quantity=Decimal(8), price=Decimal(10)),
    ],
    "new terms that bring the venue's id, before a bust": [
        neutral.Ending(order=neutral.NamedOrder(venue_id="VA"), state=OrderState.CANCELED),
        _FILL,
        attrs.evolve(_RAISED, order=attrs.evolve(_A, venue_id="VA")),
        neutral.Bust(order=_A, fill_id="F1"),
    ],
    "one order under two names, known as one at last": [
        neutral.Placement(order=_AT_VENUE),
        neutral.Placement(order=_OWN),
        neutral.Execution(order=_AT_VENUE, fill_id="F1", quantity=Decimal(1), price=Decimal(10)),
        neutral.Acceptance(order=attrs.evolve(_OWN, venue_id="VA")),
    ],
    "one order under two names, known as one before": [
        neutral.Ending(order=attrs.evolve(_A, client_id=None, venue_id="VA"), state=OrderState.CANCELED),
        neutral.Placement(order=attrs.evolve(_OWN, other_ids=("A-1",))),
        neutral.Placement(order=_AT_VENUE),
    ],
    "a request that leads elsewhere later": [
        neutral.Execution(
            order=attrs.evolve(_A, client_id=None, venue_id="VA"), fill_id="F1", quantity=Decimal(1), price=Decimal(10)
        ),
        neutral.Placement(order=_OWN),
        neutral.Placement(order=attrs.evolve(_AT_VENUE, other_ids=("A-1",))),
        neutral.Request(order=_A, kind=RequestKind.CANCEL, request_id="A-1"),
        neutral.Acceptance(order=attrs.evolve(_A, venue_id="VA")),
    ],
    "an execution that leads to its order under another name": [
        neutral.Execution(
            order=neutral.NamedOrder(venue_id="VA"),
            fill_id="F1",
            quantity=Decimal(1),
            price=Decimal(10),
            is_unique=True,
        ),
        attrs.evolve(_FILL, is_unique=True),
        neutral.Execution(order=_AT_VENUE, fill_id="F2", quantity=Decimal(1), price=Decimal(10)),
    ],
    "a bust with the time of what it takes back": [
        _FILL,
        neutral.Placement(order=_OWN),
        neutral.Status(order=_A, at=START + timedelta(seconds=1), cum_quantity=Decimal(1), average_price=Decimal(10)),
        neutral.Bust(order=_A, at=START, fill_id="F1"),
    ],
    "a total between what was counted before a bust and after it": [
        attrs.evolve(_FILL, quantity=Decimal(2)),
        neutral.Status(order=_A, at=START + timedelta(seconds=1), cum_quantity=Decimal(1), average_price=Decimal(10)),
        neutral.Bust(order=_A, at=START, fill_id="F1"),
    ],
    "a correction that makes the order larger": [
        neutral.Correction(order=_A, fill_id="F1", correction_id="C1", quantity=Decimal(5), price=Decimal(10)),
        _FILL,
        neutral.Execution(order=_A, fill_id="F2", quantity=Decimal(4), price=Decimal(10)),
    ],
    "suspension that is older than the acceptance": [
        neutral.Placement(order=_OWN),
        neutral.Acceptance(order=_OWN, at=START + timedelta(seconds=1), resumes=True),
        neutral.Change(order=_OWN, at=START, happening=Happening.SUSPENDED),
    ],
    "an acceptance that resumes, and brings the venue's id": [
        neutral.Placement(order=_OWN),
        neutral.Change(order=_A, happening=Happening.SUSPENDED),
        neutral.Acceptance(order=attrs.evolve(_A, venue_id="VA"), resumes=True),
    ],
    "a fill from quarantine, corrected in the write that books it": [
        neutral.Correction(order=_A, fill_id="F2", correction_id="C1", quantity=Decimal(3), price=Decimal(10)),
        neutral.Execution(
            order=neutral.NamedOrder(venue_id="VA", other_ids=("A-1",)),
            fill_id="F2",
            quantity=Decimal(1),
            price=Decimal(10),
        ),
        neutral.Placement(order=attrs.evolve(_A, other_ids=("A-1",))),
        neutral.Execution(
            order=neutral.NamedOrder(venue_id="VA", details=_TERMS),
            fill_id="F1",
            quantity=Decimal(1),
            price=Decimal(10),
        ),
    ],
    "guarantee before a bust": [
        neutral.Execution(order=_OWN, fill_id="F1", quantity=Decimal(8), price=Decimal(10)),
        neutral.Change(order=_OWN, at=START, happening=Happening.STOPPED),
        neutral.Bust(order=_OWN, at=START + timedelta(seconds=1), fill_id="F1"),
    ],
}
"""Sequences that once were booked anew."""


@pytest.mark.parametrize("name", FOUND)
def test_what_once_was_booked_anew_is_not(name: str) -> None:
    """Messages in an order that a source hardly sends, found by the test above."""
    for known in range(len(FOUND[name]) + 1):
        assert _check(FOUND[name], known)
