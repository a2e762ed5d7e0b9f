"""Letting history go and taking it back, step by step: what one entry holds, what is known of it, whose fault it is."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable
from typing import Any

import pytest

from ledger_core import InvalidValue, StrategyLedger
from ledger_core.archivable import Group
from ledger_core.archiving import Archivist
from ledger_core.changes import Head
from ledger_core.errors import StorageCorrupt
from ledger_core.model import RecordKind
from ledger_core.repository import Query
from support import fill, limit_order, market_order
from support.trading import at

LATER = at(10**6)
ACME = ("ACME", "", "", "NET")
BOLT = ("BOLT", "", "", "NET")
NO_NUMBER: Any = "1"


def ended(ledger: StrategyLedger, *order_ids: str) -> None:
    """Place orders that end without a fill: each is a group of one record."""
    for order_id in order_ids:
        ledger.record_order(order_id, limit_order())
        ledger.update_order_cancellation(order_id)


def round_trip(ledger: StrategyLedger, number: int, second: float, symbol: str = "ACME") -> None:
    """Buy 10 and sell them a second later: two groups of an order and its fill each."""
    for side, later in (("BUY", 0), ("SELL", 1)):
        when = at(second + later)
        ledger.record_order(f"{side}{number}", market_order(side, symbol=symbol), occurred_at=when)
        ledger.update_order_fill(f"{side}{number}", fill("F", 10, 100 + later), occurred_at=when)


def groups_of(ledger: StrategyLedger, second: float = 10**6) -> list[Group]:
    """Return what may go."""
    return list(ledger.archivist.archivable(at(second)))


def go(ledger: StrategyLedger, archive_id: str, second: float = 10**6) -> list[Group]:
    """Let everything go that may, and return it."""
    groups = groups_of(ledger, second)
    assert [why for _, why in ledger.archivist.let_go(archive_id, groups)] == [None] * len(groups)
    return groups


def entries_of_archives(ledger: StrategyLedger) -> list[int]:
    """Return how many records each entry let go."""
    return [len(entry.changes) for entry in ledger.read_journal() if entry.operation == "archive_records"]


# -- what one entry holds ----------------------------------------------------------------------------------------------


def test_an_entry_has_so_many_records_at_most(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is filled up to the limit, all of them under the archive that was named."""
    monkeypatch.setattr("ledger_core.archiving.RECORDS_MAX", 3)
    ended(ledger, *"ABCDEFGH")
    groups = go(ledger, "A1")
    assert entries_of_archives(ledger) == [3, 3, 2]
    assert all(ledger.archivist.has_gone("A1", group[0]) for group in groups)


def test_an_entry_has_so_many_groups_at_most(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small they are."""
    monkeypatch.setattr("ledger_core.archiving.GROUPS_MAX", 2)
    ended(ledger, *"ABCDE")
    go(ledger, "A1")
    assert entries_of_archives(ledger) == [2, 2, 1]


def test_a_larger_group_has_an_entry_of_its_own(ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes all the same, in one transaction, and the others do not go with it."""
    monkeypatch.setattr("ledger_core.archiving.RECORDS_MAX", 2)
    ended(ledger, "A")
    round_trip(ledger, 1, 10)
    ledger.create_trade("T", ["BUY1", "SELL1"], occurred_at=at(20))
    ledger.close_trade("T", occurred_at=at(21))
    ended(ledger, "B")
    groups = [group for group in groups_of(ledger) if len(group) == 5 or group[0].key in (("A",), ("B",))]
    assert [len(group) for group in groups] == [1, 5, 1]
    assert [why for _, why in ledger.archivist.let_go("A1", groups)] == [None] * 3
    first, second, third = entries_of_archives(ledger)
    assert (first, third) == (1, 1)
    assert second >= 5


# -- what is known of it -----------------------------------------------------------------------------------------------


def test_a_record_has_gone_to_the_archive_that_took_it_until_it_is_back(ledger: StrategyLedger) -> None:
    """Not before, to no other, and only that record."""
    ended(ledger, "A", "B")
    (first,), (second,) = groups = groups_of(ledger)
    archivist = ledger.archivist
    assert not archivist.has_gone("A1", first)
    list(archivist.let_go("A1", groups[:1]))
    assert archivist.has_gone("A1", first)
    assert not archivist.has_gone("A2", first)
    assert not archivist.has_gone("A1", second)
    archivist.take_back("A1", groups[:1])
    assert not archivist.has_gone("A1", first)


def test_what_went_already_is_passed_over(ledger: StrategyLedger) -> None:
    """A run that was stopped begins again with all of its groups: those that went say so, and are told once."""
    ended(ledger, "A", "B", "C")
    groups = groups_of(ledger)
    list(ledger.archivist.let_go("A1", groups[:2]))
    assert [why for _, why in ledger.archivist.let_go("A1", groups)] == [None] * 3
    assert entries_of_archives(ledger) == [2, 1]
    assert [why for _, why in ledger.archivist.let_go("A1", groups)] == [None] * 3
    assert entries_of_archives(ledger) == [2, 1]


def test_openings_say_where_live_history_begins(ledger: StrategyLedger) -> None:
    """Of each position that an archive moved on, by the last that did; a position whose history is whole has none."""
    archivist = ledger.archivist
    assert (archivist.live_openings(), archivist.openings("A1")) == ({}, {})
    round_trip(ledger, 1, 10)
    first = go(ledger, "A1")
    round_trip(ledger, 2, 20, "BOLT")
    assert not archivist.openings("A2")
    second = go(ledger, "A2")
    ledger.record_order("HELD", market_order("BUY", 1, symbol="COIL"), occurred_at=at(30))
    ledger.update_order_fill("HELD", fill("F", 1), occurred_at=at(30))
    acme, bolt = (ledger.get_position(symbol).opening for symbol in ("ACME", "BOLT"))
    assert acme is not None
    assert bolt is not None
    assert (acme.executed_at, bolt.executed_at) == (at(11), at(21))
    assert archivist.live_openings() == {ACME: acme, BOLT: bolt}
    assert archivist.openings("A1") == {ACME: acme}
    assert archivist.openings("A2") == {BOLT: bolt}
    archivist.take_back("A2", second)
    assert archivist.live_openings() == {ACME: acme}
    archivist.take_back("A1", first)
    assert archivist.live_openings() == {}


def test_an_archive_that_was_taken_back_moves_no_position_again(ledger: StrategyLedger) -> None:
    """It could not be moved back a second time: history that never went to it needs another archive as well."""
    round_trip(ledger, 1, 10)
    ledger.archivist.take_back("A1", go(ledger, "A1"))
    round_trip(ledger, 2, 20)
    groups = [group for group in groups_of(ledger) if group[0].key in (("BUY2",), ("SELL2",))]
    for _, why in ledger.archivist.let_go("A1", groups):
        assert "came back from 'A1', or another" in str(why)
    assert ledger.get_position("ACME").opening is None
    assert [why for _, why in ledger.archivist.let_go("A2", groups)] == [None, None]
    ledger.archivist.take_back("A2", groups)
    assert ledger.get_position("ACME").opening is None
    ledger.bust_order_fill("SELL2", "F", occurred_at=at(100))
    assert ledger.get_position("ACME").quantity == 10


def test_an_archive_moves_a_position_on_only_while_it_is_the_last_that_did(ledger: StrategyLedger) -> None:
    """Taken back later, it would lead behind what another archive has taken meanwhile, whose PnL would be lost."""
    gone = {}
    for number, archive_id in ((1, "A1"), (2, "A1"), (3, "A2")):
        round_trip(ledger, number, 10 * number)
        gone[number] = go(ledger, archive_id)
    round_trip(ledger, 4, 40)
    groups = groups_of(ledger)
    for _, why in ledger.archivist.let_go("A1", groups):
        assert "another archive moved it on since: begin another archive" in str(why)
    ledger.archivist.take_back("A2", gone[3])
    assert [why for _, why in ledger.archivist.let_go("A1", groups)] == [None, None]
    ledger.archivist.take_back("A1", gone[1] + gone[2] + groups)
    ledger.bust_order_fill("SELL4", "F", occurred_at=at(100))
    position = ledger.get_position("ACME")
    assert (position.realized_pnl, position.quantity, position.opening) == (30, 10, None)


def test_a_position_that_is_not_there_is_no_reason_to_go_on(ledger: StrategyLedger) -> None:
    """An archive moved it on: a store without it, or without where it begins, is damaged, and says so."""
    round_trip(ledger, 1, 10)
    groups = go(ledger, "A1")
    repository = ledger._repository
    position = repository.load(RecordKind.POSITION, ACME)
    kept: list[Any] = [one for kind in RecordKind for one in repository.find(Query(kind=kind)) if one != position]
    repository.restore(kept)
    for ask in (lambda: ledger.archivist.openings("A1"), lambda: ledger.archivist.take_back("A1", groups)):
        with pytest.raises(StorageCorrupt, match=r"ACME.* is not there: verify the ledger") as caught:
            ask()
        assert caught.value.context["key"] == ACME


# -- whose fault it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "argument", "value"),
    [
        (lambda archivist: archivist.archivable("soon"), "before", "soon"),
        (lambda archivist: archivist.journal_before("soon"), "before", "soon"),
        (lambda archivist: list(archivist.let_go("", [])), "archive_id", ""),
        (lambda archivist: list(archivist.let_go("A", [()])), "groups", ()),
        (lambda archivist: archivist.take_back("", []), "archive_id", ""),
        (lambda archivist: archivist.take_back("A", ["BUY1"]), "groups", "BUY1"),
        (lambda archivist: archivist.set_checkpoint("", Head(1, "0" * 64)), "archive_id", ""),
        (lambda archivist: archivist.set_checkpoint("J", 10), "through", 10),
        (lambda archivist: archivist.set_checkpoint("J", Head(1, "0" * 64)), "through", Head(1, "0" * 64)),
        (lambda archivist: archivist.set_checkpoint("J", Head(0, "0" * 64)), "through.sequence", 0),
        (lambda archivist: archivist.set_checkpoint("J", Head(NO_NUMBER, "0" * 64)), "through.sequence", NO_NUMBER),
    ],
)
def test_a_refusal_names_the_argument(
    ledger: StrategyLedger, ask: Callable[[Archivist], object], argument: str, value: object
) -> None:
    """And keeps what was given for it; nothing is written."""
    ended(ledger, "A")
    head = ledger.head()
    with pytest.raises(InvalidValue) as caught:
        ask(ledger.archivist)
    assert (caught.value.argument, caught.value.value) == (argument, value)
    assert ledger.head() == head


def test_an_archive_that_is_taken_back_too_early_is_to_blame(ledger: StrategyLedger) -> None:
    """And the one that has to come before it is named."""
    round_trip(ledger, 1, 10)
    first = go(ledger, "A1")
    round_trip(ledger, 2, 20)
    go(ledger, "A2")
    with pytest.raises(InvalidValue, match="'A2' is later than 'A1'") as caught:
        ledger.archivist.take_back("A1", first)
    assert (caught.value.argument, caught.value.value) == ("archive_id", "A1")


def test_groups_that_leave_a_record_out_are_to_blame(ledger: StrategyLedger) -> None:
    """And the record is named."""
    ended(ledger, "A", "B")
    groups = go(ledger, "A1")
    with pytest.raises(InvalidValue, match=r"order .*B.* of archive 'A1' is not among") as caught:
        ledger.archivist.take_back("A1", groups[:1])
    assert caught.value.argument == "groups"
