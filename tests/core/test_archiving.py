"""Closed history goes to an archive and comes back; what stays behind still answers, refuses and proves."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import (
    AsyncStrategyLedger,
    CommandRefused,
    IdempotencyConflict,
    InvalidValue,
    LedgerRepository,
    StrategyLedger,
    UnknownOrder,
)
from ledger_core.archivable import Group
from ledger_core.commands import Operation, ReopenPositions
from ledger_core.errors import Archived, StorageBusy, StorageCorrupt
from ledger_core.model import Record, RecordKind
from ledger_core.repository import Query
from ledger_core.verifying import verify
from support import START, fill, limit_order, market_order
from support.life import live
from support.repositories import AroundRepository

OpenLedger = Callable[..., StrategyLedger]

LATER = START + timedelta(days=1)


def at(minutes: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(minutes=minutes)


def trade(ledger: StrategyLedger, number: int, minutes: float, *, price: str = "100", **details: Any) -> None:
    """Buy 10 and sell 10 one minute later, 1 dearer; each fill pays a fee."""
    fee = {"fees": [{"currency": "USD", "amount": "0.35"}]}
    for side, delay, change in (("BUY", 0, 0), ("SELL", 1, 1)):
        order_id = f"{side}{number}"
        ledger.record_order(
            order_id, market_order(side, 10, **details), command_id="C", occurred_at=at(minutes + delay)
        )
        told = fill("F", 10, Decimal(price) + change, **fee)
        ledger.update_order_fill(order_id, told, occurred_at=at(minutes + delay + 0.1))


def archive(ledger: StrategyLedger, archive_id: str = "A1", before: datetime = LATER) -> list[Group]:
    """Let everything go that may, and return it."""
    groups = list(ledger.archivist.archivable(before))
    assert [reason for _, reason in ledger.archivist.let_go(archive_id, groups)] == [None] * len(groups)
    return groups


def names(groups: Iterable[Group]) -> set[tuple[str, tuple[str, ...]]]:
    """Return the kind and key of each record."""
    return {(record.kind.value, record.key) for group in groups for record in group}


def answers(ledger: StrategyLedger) -> dict[str, Any]:
    """Return what a ledger says of what it holds, and of money: nothing of it may change when history goes."""
    return {
        "held": held(ledger),
        "acme": figures(ledger.get_position("ACME")),
        "fifo": figures(ledger.get_position("ACME", cost_method="fifo")),
        "net": ledger.get_net_pnl(symbol="ACME", currency="USD"),
        "explained": ledger.explain_pnl(symbol="ACME").realized_pnl,
        "exposure": ledger.get_position_exposure("ACME"),
        "waiting": ledger.quarantined(),
    }


def held(ledger: StrategyLedger) -> list[tuple[Any, ...]]:
    """Return what is held."""
    return [(one.key, *figures(one)) for one in ledger.get_open_positions()]


def figures(position: Any) -> tuple[Any, ...]:
    """Return what a position came to, whatever its versions are."""
    return (position.quantity, position.cost, position.realized_pnl, position.cycle_realized_pnl, position.fees)


def everything(ledger: StrategyLedger) -> list[Record]:
    """Return all orders, fills and trades, but for their versions."""
    found: list[Record] = [
        *ledger.find_orders(limit=None),
        *ledger.find_fills(limit=None),
        *ledger.find_trades(limit=None),
    ]
    return found


def test_what_is_over_goes_and_every_figure_stays(ledger: StrategyLedger) -> None:
    """Orders, fills and commands are gone; position, PnL, fees and exposure are what they were; the proof holds."""
    for number in range(5):
        trade(ledger, number, 10 * number, price=str(100 + number))
    ledger.record_order("OPEN", limit_order(), occurred_at=at(60))
    before = answers(ledger)
    gone = archive(ledger)
    assert len(gone) == 10
    assert names(gone) >= {("ORDER", ("BUY0",)), ("FILL", ("SELL4", "F")), ("COMMAND", ("record_order", "BUY0", "C"))}
    assert [order.order_id for order in ledger.find_orders(limit=None)] == ["OPEN"]
    assert list(ledger.find_fills(limit=None)) == []
    assert answers(ledger) == before
    assert ledger.verify().is_intact
    with pytest.raises(Archived, match="A1") as caught:
        ledger.get_order("BUY0")
    assert caught.value.archive_id == "A1"
    with pytest.raises(Archived):
        ledger.get_fill("BUY0", "F")


def test_a_ledger_that_is_opened_anew_knows_what_was_archived(open_ledger_on: OpenLedger) -> None:
    """What stays behind is stored, and rebuilding comes to the same."""
    ledger = open_ledger_on()
    trade(ledger, 1, 0)
    archive(ledger)
    before = answers(ledger)
    ledger.close()
    ledger = open_ledger_on()
    with pytest.raises(Archived):
        ledger.record_order("BUY1", market_order("BUY", 10), command_id="C")
    ledger.rebuild()
    assert answers(ledger) == before
    assert everything(ledger) == []
    assert ledger.verify().is_intact


def test_repeats_of_what_was_archived_are_known_and_others_are_not(ledger: StrategyLedger) -> None:
    """A repeat files nothing; what is new about an archived order waits in quarantine; other content is a conflict."""
    trade(ledger, 1, 0)
    archive(ledger)
    head = ledger.head()
    repeats: tuple[Callable[[], object], ...] = (
        lambda: ledger.record_order("BUY1", market_order("BUY", 10), command_id="C"),
        lambda: ledger.record_order("BUY1", market_order("BUY", 10)),
        lambda: ledger.update_order_fill("BUY1", fill("F", 10, "100.00"), occurred_at=at(0.1)),
    )
    for repeat in repeats:
        with pytest.raises(Archived) as caught:
            repeat()
        assert caught.value.is_repeat
    conflicts: tuple[Callable[[], object], ...] = (
        lambda: ledger.record_order("BUY1", market_order("BUY", 11), command_id="C"),
        lambda: ledger.record_order("BUY1", market_order("BUY", 11)),
    )
    for conflict in conflicts:
        with pytest.raises(IdempotencyConflict):
            conflict()
    assert ledger.head() == head
    with pytest.raises(Archived) as caught:
        ledger.bust_order_fill("BUY1", "F", "erroneous", occurred_at=at(100))
    assert not caught.value.is_repeat
    (waiting,) = ledger.quarantined()
    assert (waiting.code, waiting.quarantine_id) == ("ARCHIVED", caught.value.quarantine_id)
    with pytest.raises(Archived):
        ledger.create_trade("BUY1", ["BUY1"])
    assert ledger.verify().is_intact


def test_what_happened_before_the_opening_is_not_booked(ledger: StrategyLedger) -> None:
    """A late fill of a new order before the flat point waits; one behind it is booked; cash alone is always booked."""
    trade(ledger, 1, 0)
    trade(ledger, 2, 10)
    archive(ledger, before=at(5))
    assert [order.order_id for order in ledger.find_orders()] == ["BUY2", "SELL2"]
    ledger.record_order("LATE", market_order("BUY", 1), occurred_at=at(0))
    with pytest.raises(Archived, match="history of position"):
        ledger.update_order_fill("LATE", fill("F1", 1, 90), occurred_at=at(1))
    assert len(ledger.quarantined()) == 1
    ledger.update_order_fill("LATE", fill("F2", 1, 90), occurred_at=at(2))
    assert ledger.get_position("ACME").quantity == 1
    funding = {"kind": "FUNDING", "symbol": "ACME", "amount": "1.5", "currency": "USD"}
    ledger.record_adjustment("ADJ", funding, occurred_at=at(0.5))
    assert ledger.get_net_pnl(symbol="ACME", currency="USD").cash_flows == Decimal("1.5")
    with pytest.raises(Archived):
        ledger.record_adjustment("SPLIT", {"kind": "SPLIT", "symbol": "ACME", "ratio": 2}, occurred_at=at(0.5))
    ledger.bust_order_fill("LATE", "F2", occurred_at=at(30))
    assert figures(ledger.get_position("ACME"))[:3] == (0, 0, 20)
    assert ledger.verify().is_intact


def test_a_bust_of_all_that_is_live_comes_back_to_the_opening(ledger: StrategyLedger) -> None:
    """With nothing behind the opening the position is what it was there, its last cycle included."""
    trade(ledger, 1, 0)
    at_opening = ledger.get_position("ACME")
    trade(ledger, 2, 10)
    archive(ledger, before=at(5))
    for order_id in ("BUY2", "SELL2"):
        ledger.bust_order_fill(order_id, "F", occurred_at=at(30))
    found = ledger.get_position("ACME")
    assert figures(found) == figures(at_opening)
    assert (found.opened_at, found.last_executed_at) == (at_opening.opened_at, at_opening.last_executed_at)


def test_restored_history_is_what_it_was_and_can_be_busted(ledger: StrategyLedger) -> None:
    """Everything comes back but for the versions; the fact that waited is booked then."""
    for number in range(3):
        trade(ledger, number, 10 * number)
    history, before = [as_it_was(one) for one in everything(ledger)], answers(ledger)
    gone = archive(ledger)
    with pytest.raises(Archived):
        ledger.bust_order_fill("SELL2", "F", occurred_at=at(100))
    (waiting,) = ledger.quarantined()
    assert ledger.archivist.take_back("A1", gone) == sum(map(len, gone))
    assert [as_it_was(one) for one in everything(ledger)] == history
    assert ledger.verify().is_intact
    assert {**answers(ledger), "waiting": []} == {**before, "exposure": ledger.get_position_exposure("ACME")}
    ledger.resolve_quarantined(waiting.quarantine_id, {"order_id": "SELL2", "reason": "restored"})
    assert ledger.get_position("ACME").quantity == 10
    ledger.rebuild()
    assert ledger.verify().is_intact
    assert ledger.get_position("ACME").quantity == 10


def as_it_was(record: Any) -> dict[str, Any]:
    """Return the fields of a record but for its version."""
    return {name: getattr(record, name) for name in record.__slots__ if name not in ("version", "__weakref__")}


def test_archives_are_restored_last_first(ledger: StrategyLedger) -> None:
    """An opening goes back to the one before; out of turn it is refused; a second round through archives works too."""
    trade(ledger, 1, 0)
    trade(ledger, 2, 10)
    first = archive(ledger, "A1", at(5))
    opening = ledger.get_position("ACME").opening
    second = archive(ledger, "A2", at(15))
    with pytest.raises(InvalidValue, match="A2"):
        ledger.archivist.take_back("A1", first)
    ledger.archivist.take_back("A2", second)
    assert ledger.get_position("ACME").opening == opening
    ledger.archivist.take_back("A1", first)
    assert ledger.get_position("ACME").opening is None
    again = list(ledger.archivist.archivable(LATER))
    reasons = [reason for _, reason in ledger.archivist.let_go("A1", again)]
    assert all("begin another archive" in str(reason) for reason in reasons[:2])
    archive(ledger, "A3")
    assert everything(ledger) == []
    assert ledger.verify().is_intact
    ledger.rebuild()
    assert everything(ledger) == []


def test_what_is_open_or_needed_stays(ledger: StrategyLedger) -> None:
    """Open orders, orders of open trades, fills since the last flat point, what is younger: none of it goes."""
    trade(ledger, 1, 0)
    ledger.create_trade("T1", ["BUY1", "SELL1"], occurred_at=at(2))
    trade(ledger, 2, 10)
    ledger.record_order("HELD", market_order("BUY", 5), occurred_at=at(20))
    ledger.update_order_fill("HELD", fill("F", 5, 100), occurred_at=at(21))
    ledger.record_order("OPEN", limit_order(), occurred_at=at(22))
    assert names(ledger.archivist.archivable(at(10.5))) == set()
    groups = list(ledger.archivist.archivable(LATER))
    assert {record.key for group in groups for record in group if record.kind == "ORDER"} == {("BUY2",), ("SELL2",)}
    ledger.close_trade("T1", occurred_at=at(30))
    (tied, *_) = ledger.archivist.archivable(LATER)
    assert names([tied]) >= {("ORDER", ("BUY1",)), ("ORDER", ("SELL1",)), ("TRADE", ("T1",))}
    with pytest.raises(CommandRefused):
        raise_for(ledger, [tuple(one for one in tied if one.kind != "TRADE")])


def raise_for(ledger: StrategyLedger, groups: list[Group]) -> None:
    """Raise the reason for which a group stayed."""
    for _, reason in ledger.archivist.let_go("X", groups):
        if reason is not None:
            raise CommandRefused(reason)


def test_a_record_that_changed_since_it_was_copied_stays(ledger: StrategyLedger) -> None:
    """The rest of the same entry goes all the same."""
    trade(ledger, 1, 0)
    trade(ledger, 2, 10)
    groups = list(ledger.archivist.archivable(LATER))
    ledger.update_fill_fee("BUY2", "F", [{"currency": "USD", "amount": "0.40"}], occurred_at=at(20))
    told = {group[0].key: reason for group, reason in ledger.archivist.let_go("A1", groups)}
    assert "changed since it was copied" in str(told.pop(("BUY2",)))
    assert set(told.values()) == {None}
    assert ledger.get_order("BUY2").version > 0
    assert ledger.verify().is_intact


def test_a_whole_life_can_go_and_come_back(ledger: StrategyLedger) -> None:
    """Of a life with every kind of record what is over goes; verified and rebuilt, before and after its return."""
    live(ledger)
    history, before = [as_it_was(one) for one in everything(ledger)], held(ledger)
    gone = archive(ledger, "B1")
    assert gone
    assert ledger.verify().is_intact
    assert held(ledger) == before
    ledger.rebuild()
    assert held(ledger) == before
    ledger.archivist.take_back("B1", gone)
    assert ledger.verify().is_intact
    assert [as_it_was(one) for one in everything(ledger)] == history


def test_events_tell_which_orders_and_trades_went(open_ledger_on: OpenLedger) -> None:
    """Each order and trade has an event of its own when it goes and when it comes back."""
    heard: list[tuple[Any, ...]] = []
    ledger = open_ledger_on()
    trade(ledger, 1, 0)
    ledger.create_trade("T1", ["BUY1", "SELL1"], occurred_at=at(2))
    ledger.close_trade("T1", occurred_at=at(3))

    def hear(_: str, payload: Any) -> None:
        heard.append((payload["event_type"], payload["order_id"], payload["trade_id"], payload.get("archive_id")))

    ledger.subscribe("ear", hear)
    heard.clear()
    gone = archive(ledger)
    ledger.archivist.take_back("A1", gone)
    assert {one for one in heard if one[0] == "RECORD_ARCHIVED"} == {
        ("RECORD_ARCHIVED", "BUY1", None, "A1"),
        ("RECORD_ARCHIVED", "SELL1", None, "A1"),
        ("RECORD_ARCHIVED", None, "T1", "A1"),
    }
    assert {one for one in heard if one[0] == "RECORD_RESTORED"} == {
        ("RECORD_RESTORED", "BUY1", None, "A1"),
        ("RECORD_RESTORED", "SELL1", None, "A1"),
        ("RECORD_RESTORED", None, "T1", "A1"),
    }
    assert len(heard) == 6


@pytest.mark.parametrize("group", [(), [], None, "BUY1", ("BUY1",), (None,)], ids=repr)
def test_what_is_no_group_is_refused(ledger: StrategyLedger, group: Any) -> None:
    """A typed error, and nothing is written."""
    trade(ledger, 1, 0)
    head = ledger.head()
    with pytest.raises(InvalidValue, match="groups"):
        list(ledger.archivist.let_go("A1", [group]))
    with pytest.raises(InvalidValue, match="groups"):
        ledger.archivist.take_back("A1", [group])
    assert ledger.head() == head


# -- what a caller may do wrong ---------------------------------------------------------------------------------------


def whole(ledger: StrategyLedger, order_id: str) -> Group:
    """Return an order with its fills and commands, whatever may go."""
    repository = ledger._repository
    found: list[Record] = list(repository.find(Query(kind=RecordKind.FILL, where={"order_id": order_id})))
    found += repository.find(Query(kind=RecordKind.COMMAND, where={"target": order_id}))
    order = repository.load(RecordKind.ORDER, (order_id,))
    assert order is not None
    return (order, *found)


def test_what_may_not_go_stays_whoever_asks(ledger: StrategyLedger) -> None:
    """Groups of a caller's own making are judged like any other: each has its reason, and nothing is written."""
    trade(ledger, 1, 0)
    ledger.create_trade("T1", ["BUY1", "SELL1"], occurred_at=at(2))
    ledger.record_order("HELD", market_order("BUY", 5), command_id="C", occurred_at=at(20))
    ledger.update_order_fill("HELD", fill("F", 5, 100), occurred_at=at(21))
    ledger.record_order("OPEN", limit_order(), occurred_at=at(22))
    ledger.record_adjustment("A1", {"kind": "FUNDING", "symbol": "ACME", "amount": 1, "currency": "USD"})
    repository = ledger._repository
    (adjustment,) = repository.find(Query(kind=RecordKind.ADJUSTMENT))
    (open_trade,) = repository.find(Query(kind=RecordKind.TRADE))
    bought, sold = whole(ledger, "BUY1"), whole(ledger, "SELL1")
    head = ledger.head()
    for group, reason in (
        (bought[1:2], "cannot go without its order"),
        ((open_trade, *bought, *sold), "trade 'T1' is open"),
        (whole(ledger, "OPEN"), "order 'OPEN' is not over"),
        (whole(ledger, "HELD"), "was not flat since"),
        (bought, "cannot go without its trade"),
        ((adjustment,), "is nothing that can go to an archive"),
    ):
        ((given, told),) = ledger.archivist.let_go("X", [group])
        assert (given, reason in str(told)) == (group, True), told
    assert ledger.head() == head


def test_fills_may_be_named_before_their_order(ledger: StrategyLedger) -> None:
    """The order within a group is the caller's; what was born here is let go of all the same."""
    trade(ledger, 1, 0)
    groups = [group[::-1] for group in ledger.archivist.archivable(LATER)]
    assert [reason for _, reason in ledger.archivist.let_go("A1", groups)] == [None] * len(groups)
    assert everything(ledger) == []
    ledger.archivist.take_back("A1", groups)
    assert len(everything(ledger)) == 4
    assert ledger.verify().is_intact


def test_a_return_that_is_incomplete_or_false_is_refused(ledger: StrategyLedger) -> None:
    """A record that went elsewhere, is another, or is left out: what came back stays, and the rest may follow."""
    trade(ledger, 1, 0)
    trade(ledger, 2, 10)
    groups = archive(ledger)
    order: Any = next(record for record in groups[0] if record.kind is RecordKind.ORDER)
    with pytest.raises(InvalidValue, match="did not go to archive 'A2'"):
        ledger.archivist.take_back("A2", groups)
    with pytest.raises(InvalidValue, match="is not the one that went"):
        ledger.archivist.take_back("A1", [(attrs.evolve(order, reason="another"),)])
    assert everything(ledger) == []
    with pytest.raises(InvalidValue, match="is not among the groups"):
        ledger.archivist.take_back("A1", groups[:1])
    assert ledger.get_order("BUY1").status == "FILLED"
    assert ledger.archivist.openings("A1")
    ledger.archivist.take_back("A1", groups)
    assert len(everything(ledger)) == 8
    assert ledger.archivist.openings("A1") == {}
    assert not ledger.archivist.is_missing_records
    assert ledger.verify().is_intact


def test_positions_are_moved_back_by_the_archive_that_moved_them(ledger: StrategyLedger) -> None:
    """Not by another, nor before a later one; twice is as good as once."""
    trade(ledger, 1, 0)
    first = archive(ledger, "A1")
    trade(ledger, 2, 10)
    archive(ledger, "A2")
    key = ("ACME", "", "", "NET")

    def reopen(archive_id: str) -> None:
        now = at(100)
        keys: Any = (key,)
        ledger._execute(
            ReopenPositions(operation=Operation.REOPEN_POSITIONS, occurred_at=now, archive_id=archive_id, keys=keys)
        )

    with pytest.raises(InvalidValue, match="did not move position"):
        reopen("A3")
    with pytest.raises(InvalidValue, match="moved on by archive 'A2'"):
        reopen("A1")
    with pytest.raises(InvalidValue, match="restore it first"):
        ledger.archivist.take_back("A1", first)
    reopen("A2")
    head = ledger.head()
    reopen("A2")
    assert ledger.head() == head


def test_the_search_goes_page_by_page(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many orders there are, each group comes once."""
    monkeypatch.setattr("ledger_core.archiving.RECORDS_MAX", 3)
    for number in range(5):
        trade(ledger, number, 10 * number)
    found = [record.key for group in ledger.archivist.archivable(LATER) for record in group if record.kind == "ORDER"]
    assert sorted(found) == sorted((f"{side}{number}",) for number in range(5) for side in ("BUY", "SELL"))


def test_an_archived_record_that_is_stored_all_the_same_is_found(ledger: StrategyLedger) -> None:
    """What went is not there; where it is, verification says so."""
    trade(ledger, 1, 0)
    (group, *_) = archive(ledger)
    repository = ledger._repository
    kept: list[Any] = [one for kind in RecordKind for one in repository.find(Query(kind=kind))]
    repository.restore([*kept, group[0]])
    assert {difference.what.value for difference in ledger.verify().differences} == {"RECORD_EXTRA"}


def test_the_asynchronous_ledger_has_the_same_archivist(ledger: StrategyLedger) -> None:
    """Its methods block, so it is used in a thread."""
    trade(ledger, 1, 0)

    async def found() -> set[Any]:
        archivist = AsyncStrategyLedger(ledger).archivist
        return names(await asyncio.to_thread(lambda: list(archivist.archivable(LATER))))

    assert asyncio.run(found()) == names(ledger.archivist.archivable(LATER))


def test_lots_behind_an_archived_transfer_are_in_the_archive(ledger: StrategyLedger) -> None:
    """By FIFO and LIFO a transfer before the opening makes the archived fills needed; by average cost it does not."""
    ledger.record_order("IN", market_order("BUY", 10), occurred_at=at(0))
    ledger.update_order_fill("IN", fill("F", 10, 100), occurred_at=at(0))
    moved = {"kind": "TRANSFER", "symbol": "ACME", "quantity": "-4", "price": "100"}
    ledger.record_adjustment("T1", moved, occurred_at=at(1))
    ledger.record_order("OUT", market_order("SELL", 6), occurred_at=at(2))
    ledger.update_order_fill("OUT", fill("F", 6, 101), occurred_at=at(2))
    archive(ledger)
    average = ledger.get_position("ACME")
    assert average.opening is not None
    for cost_method in ("fifo", "lifo"):
        with pytest.raises(Archived, match="a transfer moved position") as refused:
            ledger.get_position("ACME", cost_method=cost_method)
        assert (refused.value.archive_id, refused.value.kind, refused.value.key) == ("A1", average.kind, average.key)
    explained = ledger.explain_pnl(symbol="ACME")
    assert explained.realized_pnl == average.realized_pnl


def test_a_transfer_behind_the_opening_needs_no_archive(ledger: StrategyLedger) -> None:
    """What it took along is live history: every cost method tells it."""
    for order_id, side, minute in (("IN", "BUY", 0), ("OUT", "SELL", 1), ("NOW", "BUY", 600)):
        ledger.record_order(order_id, market_order(side, 10), occurred_at=at(minute))
        ledger.update_order_fill(order_id, fill("F", 10, 100 + minute), occurred_at=at(minute))
    archive(ledger)
    moved = {"kind": "TRANSFER", "symbol": "ACME", "quantity": "-4", "price": "700"}
    ledger.record_adjustment("T1", moved, occurred_at=at(601))
    assert ledger.get_position("ACME").opening is not None
    for cost_method in ("average", "fifo", "lifo"):
        assert ledger.get_position("ACME", cost_method=cost_method).quantity == 6


def test_a_position_whose_fills_since_its_opening_are_busted_is_as_it_was(ledger: StrategyLedger) -> None:
    """Its last cycle is the archived one again: when it began, and what it came to."""
    trade(ledger, 1, 0)
    archive(ledger)
    before = ledger.get_position("ACME")
    assert before.opened_at is not None
    ledger.record_order("AGAIN", market_order("BUY", 10), occurred_at=at(10))
    ledger.update_order_fill("AGAIN", fill("F", 10, 50), occurred_at=at(10))
    assert ledger.get_position("ACME").opened_at == at(10)
    ledger.bust_order_fill("AGAIN", "F", occurred_at=at(11))
    after = ledger.get_position("ACME")
    assert (*figures(after), after.opened_at) == (*figures(before), before.opened_at)


def test_a_resolution_is_known_although_what_it_made_is_in_an_archive(ledger: StrategyLedger) -> None:
    """A command about a fact in quarantine stays, and its repeat is answered."""
    with pytest.raises(UnknownOrder) as caught:
        ledger.update_order_fill("LATE", fill("F", 10, 100), occurred_at=at(1))
    quarantine_id = caught.value.quarantine_id
    assert quarantine_id is not None
    resolution = {"order_details": market_order("BUY", 10), "order_id": "LATE", "reason": "placed by hand"}
    resolved = ledger.resolve_quarantined(quarantine_id, resolution, command_id="R")
    ledger.record_order("OUT", market_order("SELL", 10), occurred_at=at(2))
    ledger.update_order_fill("OUT", fill("F", 10, 101), occurred_at=at(2))
    archive(ledger)
    head = ledger.head()
    assert ledger.resolve_quarantined(quarantine_id, resolution, command_id="R") == resolved
    assert ledger.head() == head


class Failing(AroundRepository):
    """Fails to load what it is told to."""

    def __init__(self, inner: LedgerRepository, kind: RecordKind, error: Exception) -> None:
        """Fail for a kind."""
        super().__init__(inner)
        self._kind, self._error = kind, error

    def load(self, kind: RecordKind, key: Any) -> Record | None:
        """Load, or fail."""
        if kind is self._kind:
            raise self._error
        return super().load(kind, key)


def test_a_store_that_is_busy_is_no_finding(ledger: StrategyLedger) -> None:
    """What it holds of archived records cannot be said then; what is damaged is told once, where it lies."""
    trade(ledger, 1, 0)
    archive(ledger)
    for kind in (RecordKind.ARCHIVED, RecordKind.ORDER):
        with pytest.raises(StorageBusy):
            verify(Failing(ledger._repository, kind, StorageBusy("somebody holds it")))
        findings = verify(Failing(ledger._repository, kind, StorageCorrupt("a damaged row"))).differences
        assert {one.what.value for one in findings} == ({"RECORD_MISSING"} if kind is RecordKind.ARCHIVED else set())
