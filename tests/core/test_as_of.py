"""The views of `as_of` against random lives and against what the ledger itself answered at each moment."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_core import (
    CommandRefused,
    InvalidValue,
    LedgerView,
    OverfillError,
    StrategyLedger,
    UnknownFill,
    UnknownOrder,
    UnknownTrade,
)
from ledger_core.errors import Archived
from ledger_storage_memory import MemoryRepository
from support import START, SteppingClock, fill, limit_order
from support.life import live

OpenLedger = Callable[..., StrategyLedger]
Tell = Callable[[StrategyLedger], object]

SYMBOLS = ("ACME", "SPLT")
HOLDINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ACME", {"venue": "XNAS"}),
    ("ACME", {"account": "main", "position_side": "NET"}),
    ("SPLT", {}),
)
ORDERS = ("B", "S")
MOMENTS = tuple(range(-1, 14))
PROPERTY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def at(minutes: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(minutes=minutes)


def everything(source: Any, *, is_view: bool = False) -> dict[str, Any]:
    """Return every answer that a ledger and a view of it share."""
    whole = {} if is_view else {"limit": None}
    return {
        "orders": list(source.find_orders(**whole)),
        "fills": list(source.find_fills(**whole)),
        "trades": list(source.find_trades(**whole)),
        "adjustments": list(source.find_adjustments(**whole)),
        "held": source.get_open_positions(),
        "waiting": source.quarantined(),
        "positions": [source.get_position(symbol, **parts) for symbol, parts in HOLDINGS],
        "exposures": [source.get_position_exposure(symbol) for symbol in SYMBOLS],
        "head": source.head if is_view else source.head(),
    }


# -- as it was believed -----------------------------------------------------------------------------------------------


def test_every_moment_is_answered_as_the_ledger_answered_it_then(ledger: StrategyLedger) -> None:
    """What was asked after each entry of a life is what the finished ledger says of that entry's moment."""
    answered: dict[int, dict[str, Any]] = {}

    def ask(_name: str, _payload: object) -> None:
        answered[ledger.head().sequence] = everything(ledger)

    ledger.subscribe("asker", ask)
    live(ledger)
    entries = list(ledger.read_journal())
    assert len(answered) > len(entries) // 2
    for entry in entries:
        if entry.sequence in answered:
            view = ledger.as_of(recorded=entry.recorded_at)
            assert everything(view, is_view=True) == answered[entry.sequence]


def test_view_of_any_later_moment_is_the_ledger(ledger: StrategyLedger) -> None:
    """A moment that is still to come is answered with what is known by now."""
    live(ledger)
    assert everything(ledger.as_of(recorded=at(10**6)), is_view=True) == everything(ledger)


def test_before_the_first_entry_there_was_nothing(ledger: StrategyLedger) -> None:
    """The head is that of an empty journal, every list is empty, every position flat."""
    live(ledger)
    view = ledger.as_of(recorded=START - timedelta(days=1))
    assert (view.head.sequence, list(view.find_orders()), view.get_open_positions()) == (0, [], [])
    assert view.get_position("ACME").is_flat
    with pytest.raises(UnknownOrder):
        view.get_order("O1")


def test_entries_of_one_time_are_believed_together(open_ledger_on: OpenLedger) -> None:
    """Where the clock stood still, the last entry of the moment counts."""
    ledger = open_ledger_on(clock=SteppingClock(step=timedelta(0)))
    live(ledger)
    assert everything(ledger.as_of(recorded=START), is_view=True) == everything(ledger)


# -- the view itself --------------------------------------------------------------------------------------------------


def test_view_is_read_only_and_does_not_move(ledger: StrategyLedger) -> None:
    """What is written afterwards does not show; nothing of a view can be set; it prints as its moments."""
    ledger.record_order("B", limit_order(), occurred_at=at(0))
    view = ledger.as_of(recorded=at(60), occurred=at(60))
    before = everything(view, is_view=True)
    ledger.update_order_fill("B", fill("F1", 4), occurred_at=at(1))
    assert everything(view, is_view=True) == before
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        view.recorded = None  # type: ignore[misc]  # what must not be done
    assert "Order(" not in repr(view)


def test_view_filters_as_the_ledger_does(ledger: StrategyLedger) -> None:
    """Each filter that both have selects the same records."""
    live(ledger)
    ledger.record_order("O6", limit_order())
    view = ledger.as_of(recorded=at(10**6))
    asked: tuple[tuple[str, tuple[dict[str, Any], ...]], ...] = (
        ("find_orders", ({"symbol": "SPLT"}, {"state": "FILLED"}, {"status": "REJECTED"}, {"is_open": True})),
        ("find_fills", ({"symbol": "ACME"}, {"order_id": "O1"})),
        ("find_trades", ({"symbol": "ACME"}, {"state": "CLOSED"})),
        ("find_adjustments", ({"symbol": "SPLT"},)),
    )
    for method, filters in asked:
        for where in filters:
            found = list(getattr(view, method)(**where))
            assert found == list(getattr(ledger, method)(**where))
            assert found, "the filter selects something"


class _Unspeakable(str):
    """An id that raises when it is shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        raise ValueError("not for the eye")


def test_view_never_shows_what_a_caller_handed_in(ledger: StrategyLedger) -> None:
    """An id that cannot be shown is named, as text, in the error about what it does not name."""
    ledger.record_order("B", limit_order(), occurred_at=at(0))
    view = ledger.as_of(recorded=at(60))
    unknown = _Unspeakable("nowhere")
    with pytest.raises(UnknownOrder, match="no order 'nowhere'"):
        view.get_order(unknown)
    with pytest.raises(UnknownTrade, match="no trade 'nowhere'"):
        view.get_trade(unknown)
    with pytest.raises(UnknownFill, match="order 'B' has no fill 'nowhere'") as caught:
        view.get_fill(_Unspeakable("B"), unknown)
    assert type(caught.value.order_id) is type(caught.value.fill_id) is str


@pytest.mark.parametrize(
    ("method", "arguments", "keywords", "error"),
    [
        ("get_order", ("nowhere",), {}, UnknownOrder),
        ("get_fill", ("nowhere", "F1"), {}, UnknownOrder),
        ("get_fill", ("O1", "F99"), {}, UnknownFill),
        ("get_order", (7,), {}, InvalidValue),
        ("get_position", ("ACME",), {"venue": 5}, InvalidValue),
        ("get_position", ("ACME",), {"account": ""}, InvalidValue),
        ("get_position", ("ACME",), {"position_side": "BOTH"}, InvalidValue),
        ("get_position_exposure", ("ACME",), {"venue": ""}, InvalidValue),
        ("get_position_exposure", ("ACME",), {"account": ["main"]}, InvalidValue),
        ("find_orders", (), {"state": "NEW"}, InvalidValue),
        ("find_orders", (), {"is_open": "yes"}, InvalidValue),
        ("find_fills", (), {"order_id": 7}, InvalidValue),
        ("find_trades", (), {"state": "NEW"}, InvalidValue),
    ],
)
def test_view_refuses_what_the_ledger_refuses(
    ledger: StrategyLedger, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], error: type[Exception]
) -> None:
    """Unknown ids and malformed arguments raise the same errors, at the call."""
    live(ledger)
    for source in (ledger, ledger.as_of(recorded=at(10**6)), ledger.as_of(occurred=at(10**6))):
        with pytest.raises(error):
            getattr(source, method)(*arguments, **keywords)


# -- as is known now --------------------------------------------------------------------------------------------------


def told(facts: Sequence[Tell]) -> StrategyLedger:
    """Return a ledger that was told facts in this order; those that it cannot book yet wait in quarantine."""
    ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), clock=SteppingClock(at(600)))
    for tell in facts:
        with suppress(CommandRefused):
            tell(ledger)
    return ledger


def placements() -> list[Tell]:
    """Return a buy and a sale, a minute apart."""
    return [
        lambda ledger: ledger.record_order("B", limit_order("BUY", 20, currency="USD"), occurred_at=at(0)),
        lambda ledger: ledger.record_order("S", limit_order("SELL", 20, currency="USD"), occurred_at=at(1)),
    ]


def _fill_told(order_id: str, minute: int, quantity: int, price: int) -> Tell:
    data = fill(f"F{minute}", quantity, price, fee="0.1", fee_currency="USD")
    return lambda ledger: ledger.update_order_fill(order_id, data, occurred_at=at(minute))


def _acceptance_told(order_id: str, minute: int) -> Tell:
    data = {"venue_order_id": f"V-{order_id}"}
    return lambda ledger: ledger.update_order_acceptance(order_id, data, occurred_at=at(minute))


def _cancellation_told(order_id: str, minute: int) -> Tell:
    return lambda ledger: ledger.update_order_cancellation(order_id, occurred_at=at(minute))


def _transfer_told(minute: int, quantity: int) -> Tell:
    data = {"kind": "TRANSFER", "symbol": "ACME", "quantity": quantity, "price": 50, "currency": "USD"}
    return lambda ledger: ledger.record_adjustment(f"A{minute}", data, occurred_at=at(minute))


def _bust_told(order_id: str, fill_minute: int) -> Tell:
    return lambda ledger: ledger.bust_order_fill(order_id, f"F{fill_minute}", occurred_at=at(12))


@st.composite
def lives(draw: st.DrawFn) -> list[Tell]:
    """Draw what a venue has to say of the two orders, each fact at a minute of its own, in order of time."""
    facts: list[Tell] = []
    filled: list[tuple[str, int]] = []
    for minute in range(2, 11):
        order_id = draw(st.sampled_from(ORDERS))
        match draw(st.sampled_from(("fill", "fill", "acceptance", "transfer", "nothing"))):
            case "fill":
                facts.append(_fill_told(order_id, minute, draw(st.integers(1, 2)), draw(st.integers(90, 110))))
                filled.append((order_id, minute))
            case "acceptance":
                facts.append(_acceptance_told(order_id, minute))
            case "transfer":
                facts.append(_transfer_told(minute, draw(st.sampled_from((-3, 2)))))
            case _:
                pass
    if draw(st.booleans()):
        facts.append(_cancellation_told(draw(st.sampled_from(ORDERS)), 11))
    is_busted = draw(st.booleans())
    if filled and is_busted:
        order_id, minute = filled[draw(st.integers(0, len(filled) - 1))]
        facts.append(_bust_told(order_id, minute))
    return facts


def figures(view: LedgerView) -> list[object]:
    """Return what no order of arrival may change."""
    orders = {order.order_id: order for order in view.find_orders()}
    position = view.get_position("ACME")
    return [
        [(name, one.cum_quantity, one.executed_value, one.leaves_quantity) for name, one in sorted(orders.items())],
        (position.quantity, position.cost, position.realized_pnl, position.cycle_realized_pnl),
        (position.fees, position.cash_flows, position.opened_at),
        view.get_position_exposure("ACME"),
        sorted(one.key for one in view.find_fills()),
    ]


@PROPERTY
@given(facts=lives(), data=st.data())
def test_no_order_of_arrival_changes_what_is_known_of_any_moment(facts: list[Tell], data: st.DataObject) -> None:
    """Orders, executions, acceptances, ends, busts, transfers, told in any order, come to one view of each minute.

    What comes before its order or its execution waits in quarantine, and is booked in the entry of what it waited for.
    """
    life = [*placements(), *facts]
    in_order, otherwise = told(life), told(data.draw(st.permutations(life)))
    assert not otherwise.quarantined(), "all facts are in"
    for minute in MOMENTS:
        moment = at(minute)
        assert figures(otherwise.as_of(occurred=moment)) == figures(in_order.as_of(occurred=moment))


@PROPERTY
@given(facts=lives(), data=st.data())
def test_views_of_random_lives_end_at_the_present(facts: list[Tell], data: st.DataObject) -> None:
    """At the end of time what was believed is the ledger, and what is known now has the ledger's figures."""
    ledger = told([*placements(), *data.draw(st.permutations(facts))])
    present = everything(ledger)
    assert everything(ledger.as_of(recorded=at(10**6)), is_view=True) == present
    known = ledger.as_of(occurred=at(10**6))
    assert [(one.state, one.cum_quantity, one.status) for one in known.find_orders()] == [
        (one.state, one.cum_quantity, one.status) for one in present["orders"]
    ]
    assert known.get_position_exposure("ACME") == ledger.get_position_exposure("ACME")
    # A position of a moment is folded, not stored: it has no place in the journal.
    assert known.get_open_positions() == [attrs.evolve(one, sequence=0, version=0) for one in present["held"]]


@PROPERTY
@given(facts=lives(), data=st.data())
def test_both_moments_are_what_the_shorter_journal_knew(facts: list[Tell], data: st.DataObject) -> None:
    """What was known at an entry of a moment is what a ledger that was told no more knows of it."""
    arrival = [*placements(), *data.draw(st.permutations(facts))]
    ledger = told(arrival)
    length = data.draw(st.integers(2, len(arrival)))
    shorter = told(arrival[:length])
    ends = list(shorter.read_journal())[-1].recorded_at
    for minute in MOMENTS[::3]:
        both = ledger.as_of(recorded=ends, occurred=at(minute))
        assert everything(both, is_view=True) == everything(shorter.as_of(occurred=at(minute)), is_view=True)


@pytest.mark.parametrize("told_first", ["order", "fact"])
@pytest.mark.parametrize(
    ("tell", "state"),
    [
        (_cancellation_told("B", 5), "CANCELED"),
        (_acceptance_told("B", 5), "ACCEPTED"),
        (_fill_told("B", 5, 20, 100), "FILLED"),
        (lambda ledger: ledger.update_order_restatement("B", {"quantity": 4}, occurred_at=at(5)), "ACCEPTED"),
    ],
)
def test_fact_that_waited_for_its_order_had_not_happened_before_its_time(
    ledger: StrategyLedger, tell: Tell, state: str, told_first: str
) -> None:
    """Though it shares the entry of the order's placement, the order was PLACED until then."""
    facts = [placements()[0], tell]
    for one in facts if told_first == "order" else reversed(facts):
        with suppress(UnknownOrder):
            one(ledger)
    before = ledger.as_of(occurred=at(3))
    order = before.get_order("B")
    assert (order.state, order.quantity, order.venue_order_ids, order.ended_at) == ("PLACED", 20, (), None)
    assert before.get_position_exposure("ACME").pending_buy_quantity == 20
    assert ledger.as_of(occurred=at(5)).get_order("B").state == state


@pytest.mark.parametrize("asked", [None, "cancel", "replace"])
def test_fact_that_was_retried_with_another_keeps_its_own_time(ledger: StrategyLedger, asked: str | None) -> None:
    """A cancellation that was refused of a filled order is booked in the entry of the bust that reopens it.

    So it is where the end of the order answers a request, which is told as a change of its own.
    """
    placements()[0](ledger)
    if asked == "cancel":
        ledger.request_order_cancel("B", "R1", occurred_at=at(1))
    elif asked == "replace":
        ledger.request_order_replace("B", {"quantity": 30}, "R1", occurred_at=at(1))
    _fill_told("B", 2, 20, 100)(ledger)
    with suppress(CommandRefused):
        _cancellation_told("B", 14)(ledger)
    _bust_told("B", 2)(ledger)
    states = [ledger.as_of(occurred=at(minute)).get_order("B").state for minute in (12, 13, 14)]
    assert states == ["ACCEPTED", "ACCEPTED", "CANCELED"]


def test_order_that_a_person_made_for_a_fact_was_placed_when_it_says(ledger: StrategyLedger) -> None:
    """The order and its execution are known of the execution's time, not only of the time of the resolution."""
    with suppress(CommandRefused):
        _fill_told("B", 5, 20, 100)(ledger)
    (waiting,) = ledger.quarantined()
    resolution = {"order_id": "B", "order_details": limit_order("BUY", 20), "reason": "placed by hand"}
    ledger.resolve_quarantined(waiting.quarantine_id, resolution, occurred_at=at(60))
    view = ledger.as_of(occurred=at(5))
    assert (view.get_order("B").state, view.get_position("ACME").quantity) == ("FILLED", 20)
    with pytest.raises(UnknownOrder):
        ledger.as_of(occurred=at(4)).get_order("B")


def test_fact_that_a_person_booked_happened_when_it_says(ledger: StrategyLedger) -> None:
    """Onto an order that was there: the order was accepted then, not when somebody had found out which it was."""
    placements()[0](ledger)
    with suppress(UnknownOrder):
        ledger.update_order_acceptance("X", {"venue_order_id": "V1"}, occurred_at=at(5))
    (waiting,) = ledger.quarantined()
    resolution = {"order_id": "B", "reason": "the venue's name for it"}
    ledger.resolve_quarantined(waiting.quarantine_id, resolution, occurred_at=at(60))
    before, after = (ledger.as_of(occurred=at(minute)).get_order("B") for minute in (4, 5))
    assert (before.state, before.venue_order_ids) == ("PLACED", ())
    assert (after.state, after.venue_order_ids) == ("ACCEPTED", ("V1",))


def test_fact_that_was_corrected_while_it_waited_happened_when_it_says(ledger: StrategyLedger) -> None:
    """With all that it said, though the correction let it be booked."""
    placements()[0](ledger)
    with suppress(OverfillError):
        ledger.update_order_fill("B", fill("F5", 30, venue_order_id="V2"), occurred_at=at(5))
    ledger.correct_order_fill("B", "F5", {"fill_id": "F5c", "quantity": 20, "price": 100}, occurred_at=at(60))
    assert not ledger.quarantined()
    before, after = (ledger.as_of(occurred=at(minute)).get_order("B") for minute in (4, 5))
    assert (before.state, before.venue_order_ids) == ("PLACED", ())
    assert (after.state, after.cum_quantity, after.venue_order_ids) == ("FILLED", 20, ("V2",))


def test_fact_that_more_units_let_be_booked_happened_when_it_says(ledger: StrategyLedger) -> None:
    """With its correction, and not when the order was made larger."""
    placements()[0](ledger)
    with suppress(OverfillError):
        ledger.update_order_fill("B", fill("F5", 30, venue_order_id="V2"), occurred_at=at(5))
    with suppress(CommandRefused):
        ledger.correct_order_fill("B", "F5", {"fill_id": "F5c", "quantity": 25, "price": 90})
    (waiting,) = ledger.quarantined()
    assert len(waiting.corrections) == 1
    ledger.update_order_restatement("B", {"quantity": 40}, occurred_at=at(8))
    assert not ledger.quarantined()
    asked = [ledger.as_of(occurred=at(minute)).get_order("B") for minute in (4, 5, 8)]
    assert [(one.quantity, one.cum_quantity, one.venue_order_ids) for one in asked] == [
        (20, 0, ()),
        (20, 25, ("V2",)),
        (40, 25, ("V2",)),
    ]


def test_fact_that_a_split_let_be_booked_happened_when_it_says(ledger: StrategyLedger) -> None:
    """The split restated every order of the symbol in the same entry, before there was that execution."""
    for place in placements():
        place(ledger)
    with suppress(OverfillError):
        ledger.update_order_fill("B", fill("F5", 30, venue_order_id="V2"), occurred_at=at(10))
    ledger.record_adjustment("A1", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(8))
    assert not ledger.quarantined()
    asked = [ledger.as_of(occurred=at(minute)) for minute in (7, 9, 10)]
    assert [[(one.quantity, one.venue_order_ids) for one in view.find_orders()] for view in asked] == [
        [(20, ()), (20, ())],
        [(40, ()), (40, ())],
        [(40, ("V2",)), (40, ())],
    ]


def test_fact_that_brought_nothing_leaves_a_command_its_time(ledger: StrategyLedger) -> None:
    """The same execution was told by the order's own id meanwhile."""
    placements()[0](ledger)
    with suppress(UnknownOrder):
        ledger.update_order_fill(None, fill("F5", 20, venue_order_id="V1"), occurred_at=at(5))
    ledger.update_order_fill("B", fill("F5", 20), occurred_at=at(5))
    ledger.update_order_acceptance("B", {"venue_order_id": "V1"}, occurred_at=at(2))
    assert not ledger.quarantined()
    asked = [ledger.as_of(occurred=at(minute)).get_order("B") for minute in (1, 2)]
    assert [(one.state, one.venue_order_ids) for one in asked] == [("PLACED", ()), ("ACCEPTED", ("V1",))]


@pytest.mark.parametrize("command", ["create", "update", "close"])
def test_fact_that_a_trade_let_be_booked_happened_when_it_says(open_ledger_on: OpenLedger, command: str) -> None:
    """A fill beyond its order is booked once that is allowed, with the next command that changes the order."""
    with open_ledger_on() as strict:
        for tell in (*placements(), _fill_told("B", 2, 10, 100), _fill_told("S", 3, 4, 100)):
            tell(strict)
        with suppress(OverfillError):
            strict.update_order_fill("B", fill("F5", 20, venue_order_id="V2"), occurred_at=at(5))
    ledger = open_ledger_on(overfill="book")
    if command == "create":
        ledger.create_trade("T1", ["S", "B"], occurred_at=at(60))
    else:
        ledger.create_trade("T1", ["S"], occurred_at=at(4))
        added: dict[str, Any] = {"order_ids": ["B"]}
        if command == "update":
            ledger.update_trade("T1", added, occurred_at=at(60))
        else:
            left = {"residual": {"ACME": 6}, "residual_reason": "TRANSFERRED"}
            ledger.close_trade("T1", {**added, **left}, occurred_at=at(60))
    assert not ledger.quarantined()
    order = ledger.as_of(occurred=at(5)).get_order("B")
    assert (order.state, order.cum_quantity, order.venue_order_ids, order.trade_ids) == ("FILLED", 30, ("V2",), ())
    assert ledger.as_of(occurred=at(4)).get_order("B").venue_order_ids == ()
    before, after = ([one.order_ids for one in ledger.as_of(occurred=at(now)).find_trades()] for now in (59, 60))
    assert (before, after) == ([] if command == "create" else [("S",)], [("S", "B")])


def test_fact_that_waited_for_its_order_to_come_back_happened_when_it_says(open_ledger_on: OpenLedger) -> None:
    """And the order that came back from an archive lived as it did before it went."""
    now = [at(60)]
    ledger = open_ledger_on(clock=lambda: now[0])
    placements()[0](ledger)
    _fill_told("B", 2, 10, 100)(ledger)
    _cancellation_told("B", 5)(ledger)
    ledger.record_order("C", limit_order("SELL", 10), occurred_at=at(6))
    ledger.update_order_fill("C", fill("F", 10), occurred_at=at(7))
    groups = list(ledger.archivist.archivable(at(50)))
    assert [why for _, why in ledger.archivist.let_go("A1", groups)] == [None] * len(groups)
    with suppress(Archived):
        ledger.update_order_acceptance("B", {"venue_order_id": "V2"}, occurred_at=at(8))
    now[0] = at(1)  # a clock that was set back: nothing that happened then is told by what comes back
    ledger.archivist.take_back("A1", groups)
    assert not ledger.quarantined()
    asked = [ledger.as_of(occurred=at(minute)).get_order("B") for minute in (2, 5, 7, 8)]
    assert [(one.state, one.venue_order_ids) for one in asked] == [
        ("PARTIALLY_FILLED", ()),
        ("CANCELED", ()),
        ("CANCELED", ()),
        ("CANCELED", ("V2",)),
    ]


def test_trade_has_orders_without_an_execution(ledger: StrategyLedger) -> None:
    """They are its own, and add nothing until there is one."""
    for place in placements():
        place(ledger)
    _fill_told("B", 2, 10, 100)(ledger)
    ledger.create_trade("T1", ["B", "S"], occurred_at=at(3))
    _fill_told("S", 4, 6, 100)(ledger)
    asked = [ledger.as_of(occurred=at(minute)).get_trade("T1") for minute in (3, 4)]
    assert [(one.order_ids, one.entry_quantity, one.exit_quantity) for one in asked] == [
        (("B", "S"), 10, 0),
        (("B", "S"), 10, 6),
    ]


def test_trade_that_was_created_later_has_no_share_yet(ledger: StrategyLedger) -> None:
    """Where the trade of the newer share had come first, the view of then holds that one alone."""
    placements()[0](ledger)
    _fill_told("B", 2, 10, 100)(ledger)
    ledger.create_trade("T1", {"B": 4}, occurred_at=at(9))
    ledger.create_trade("T2", {"B": 6}, occurred_at=at(7))
    view = ledger.as_of(occurred=at(8))
    assert [(trade.trade_id, trade.entry_quantity) for trade in view.find_trades()] == [("T2", 6)]
    assert view.get_order("B").trade_ids == ("T2",)
    assert [trade.entry_quantity for trade in ledger.as_of(occurred=at(9)).find_trades()] == [4, 6]


def test_raise_in_flight_is_no_overfill(ledger: StrategyLedger) -> None:
    """More than the quantity, but not than what was asked for: an overfill only once the raise was refused."""
    placements()[0](ledger)
    ledger.request_order_replace("B", {"quantity": 30}, "R1", occurred_at=at(2))
    _fill_told("B", 3, 25, 100)(ledger)
    ledger.update_order_request_rejection("B", "too late", "R1", occurred_at=at(5))
    overfills = [ledger.as_of(occurred=at(minute)).get_order("B").overfill_quantity for minute in (2, 4, 5)]
    assert overfills == [0, 0, 5]


@pytest.mark.parametrize("told_first", ["fill", "split"])
def test_trade_before_a_split_counts_units_of_then(ledger: StrategyLedger, told_first: str) -> None:
    """Also where an execution of then was told after the split: order, position and trade agree."""
    placements()[0](ledger)
    _fill_told("B", 2, 2, 100)(ledger)
    ledger.create_trade("T1", ["B"], occurred_at=at(3))
    split = {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}
    facts: list[Tell] = [
        _fill_told("B", 4, 3, 100),
        lambda ledger: ledger.record_adjustment("A1", split, occurred_at=at(8)),
    ]
    for tell in facts if told_first == "fill" else reversed(facts):
        tell(ledger)
    for minute, quantity in ((5, 5), (8, 10)):
        view = ledger.as_of(occurred=at(minute))
        assert view.get_trade("T1").entry_quantity == quantity
        assert view.get_order("B").cum_quantity == view.get_position("ACME").quantity == quantity


def test_what_was_told_late_brings_only_what_it_says(ledger: StrategyLedger) -> None:
    """The venue's id of a later execution is not known before; an order ended with its last execution."""
    placements()[0](ledger)
    ledger.update_order_fill("B", fill("F5", 20, venue_order_id="V2"), occurred_at=at(5))
    ledger.update_order_acceptance("B", {"venue_order_id": "V1"}, occurred_at=at(1))
    assert ledger.as_of(occurred=at(3)).get_order("B").venue_order_ids == ("V1",)
    order = ledger.as_of(occurred=at(6)).get_order("B")
    assert (set(order.venue_order_ids), order.ended_at) == ({"V1", "V2"}, at(5))


def test_known_records_of_a_whole_life_are_those_of_the_ledger(ledger: StrategyLedger) -> None:
    """What was told in order of time is, at the end of it, the ledger's own orders and trades, versions included."""
    live(ledger)
    view = ledger.as_of(occurred=at(10**6))
    archived = ("GONE1BUY", "GONE1SELL")  # what happened is told of them, too
    assert [one for one in view.find_orders() if one.order_id not in archived] == list(ledger.find_orders(limit=None))
    assert {order_id for order_id in archived if view.get_order(order_id).cum_quantity == 2} == set(archived)
    assert list(view.find_trades()) == list(ledger.find_trades(limit=None))
