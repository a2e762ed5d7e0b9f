"""What the commands of an archivist decide, in whatever order and how often their records are named."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from typing import Any

import pytest

from ledger_core import InvalidValue, StrategyLedger, codec
from ledger_core.archivable import Group
from ledger_core.commands import Operation, ReopenPositions, SetCheckpoint
from ledger_core.errors import Archived
from ledger_core.model import ArchivedRecord, Checkpoint, RecordKind, archived_key
from ledger_core.repository import Query
from support import RecordingPublisher, fill, limit_order, market_order
from support.trading import at


def round_trip(ledger: StrategyLedger, number: int, minute: float, symbol: str = "ACME") -> None:
    """Buy 10 and sell them a minute later."""
    for side, later in (("BUY", 0), ("SELL", 60)):
        order_id = f"{side}{number}"
        ledger.record_order(order_id, market_order(side, symbol=symbol))
        ledger.update_order_fill(order_id, fill("F", 10, 100 + later), occurred_at=at(60 * minute + later))


def go(ledger: StrategyLedger, archive_id: str = "A1", *, backwards: bool = False) -> list[Group]:
    """Let everything go that may, the last first if told so, and return it."""
    groups = list(ledger.archivist.archivable(at(10**6)))[:: -1 if backwards else 1]
    assert [reason for _, reason in ledger.archivist.let_go(archive_id, groups)] == [None] * len(groups)
    return groups


@pytest.mark.parametrize("backwards", [False, True])
def test_opening_lies_behind_the_last_of_what_goes(ledger: StrategyLedger, backwards: bool) -> None:
    """Whichever group is named first: nothing before it is here any more."""
    for number in range(3):
        round_trip(ledger, number, 10 * number)
    go(ledger, backwards=backwards)
    opening = ledger.get_position("ACME").opening
    assert opening is not None
    assert (opening.executed_at, opening.realized_pnl) == (at(60 * 21), 3 * 600)
    assert ledger.verify().is_intact


def test_order_that_was_never_filled_goes_alone_and_comes_back(ledger: StrategyLedger) -> None:
    """With nothing but itself."""
    ledger.record_order("O1", limit_order())
    order = ledger.update_order_cancellation("O1")
    groups = go(ledger)
    assert [[record.key for record in group] for group in groups] == [[("O1",)]]
    with pytest.raises(Archived):
        ledger.get_order("O1")
    assert ledger.archivist.take_back("A1", groups) == 1
    assert ledger.get_order("O1").ended_at == order.ended_at


def test_what_repeats_are_compared_by_is_kept_in_one_form(ledger: StrategyLedger) -> None:
    """Digests of the details and of each execution, which later versions have to make out of the same words."""
    ledger.record_order("O1", market_order(metadata={"signal": 1}))
    ledger.update_order_fill("O1", fill("F", 10, 100), occurred_at=at(1))
    ledger.correct_order_fill("O1", "F", {"fill_id": "C", "quantity": 10, "price": "100.5"})
    ledger.record_order("X1", market_order("SELL"))
    ledger.update_order_fill("X1", fill("F", 10, 110), occurred_at=at(2))
    go(ledger)
    kept = {one.key: one for one in ledger._repository.find(Query(kind=RecordKind.ARCHIVED))}
    for kind, key, said in (
        (RecordKind.ORDER, ("O1",), [{"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "quantity": "10"}]),
        (
            RecordKind.FILL,
            ("O1", "F"),
            [{"quantity": "10", "price": "100"}, {"quantity": "10", "price": "100.5"}],
        ),
    ):
        found = kept[archived_key(kind, key)]
        assert isinstance(found, ArchivedRecord)
        assert found.contents == tuple(codec.digest_of(one) for one in said)


def test_requests_come_back_with_their_order_whichever_is_named_first(ledger: StrategyLedger) -> None:
    """The order is there again before its requests are."""
    ledger.record_order("O1", limit_order())
    ledger.request_order_cancel("O1", "C1")
    order = ledger.update_order_cancellation("O1")
    groups = [group[::-1] for group in go(ledger)]
    assert groups[0][0].kind == "REQUEST"
    ledger.archivist.take_back("A1", groups)
    assert [(one.request_id, one.state) for one in ledger.get_order("O1").requests] == [("C1", "ACCEPTED")]
    assert ledger.get_order("O1").ended_at == order.ended_at
    assert ledger.verify().is_intact


def test_return_goes_on_where_it_was_stopped(ledger: StrategyLedger) -> None:
    """What is back already is passed over, among records as among positions."""
    for number, symbol in enumerate(("ACME", "BOLT")):
        round_trip(ledger, number, 10 * number, symbol)
    before = [ledger.get_order(order_id).cum_quantity for order_id in ("BUY0", "SELL0", "BUY1", "SELL1")]
    groups = go(ledger)
    with pytest.raises(InvalidValue, match="is not among the groups"):
        ledger.archivist.take_back("A1", groups[:1])
    with pytest.raises(InvalidValue, match="is not among the groups"):
        ledger.archivist.take_back("A1", [sum(groups[:-1], ())])
    acme, bolt = ("ACME", "", "", "NET"), ("BOLT", "", "", "NET")
    reopen(ledger, acme)
    reopen(ledger, acme, bolt)
    assert ledger.get_position("BOLT").opening is None
    assert ledger.archivist.take_back("A1", [sum(groups, ())]) == 8
    assert [ledger.get_order(order_id).cum_quantity for order_id in ("BUY0", "SELL0", "BUY1", "SELL1")] == before
    assert [ledger.get_position(symbol).opening for symbol in ("ACME", "BOLT")] == [None, None]
    assert ledger.archivist.openings("A1") == {}


def reopen(ledger: StrategyLedger, *keys: tuple[str, ...]) -> None:
    """Move positions back to where they began before archive A1."""
    ledger._execute(
        ReopenPositions(operation=Operation.REOPEN_POSITIONS, occurred_at=at(0), archive_id="A1", keys=keys)
    )


def checkpoint(ledger: StrategyLedger, sequence: int) -> Checkpoint:
    """Set a checkpoint at an entry, without asking whether an archive has what lies before."""
    made: Any = ledger._execute(
        SetCheckpoint(
            operation=Operation.SET_CHECKPOINT,
            occurred_at=at(0),
            archive_id=f"J{sequence}",
            cut_sequence=sequence,
            cut_digest="0" * 64,
            cut_at=at(0),
            stage="pages",
            runs=(1,),
            digest="1" * 64,
        )
    )
    assert isinstance(made, Checkpoint)
    return made


def test_checkpoint_lies_between_the_last_one_and_the_end_of_the_journal(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """From the first entry to the last; the same again is a repeat, and it never goes back."""
    for number in range(4):
        ledger.record_order(f"O{number}", limit_order())
    for wrong in (0, 5):
        with pytest.raises(InvalidValue) as refused:
            checkpoint(ledger, wrong)
        assert (refused.value.argument, refused.value.value) == ("through", wrong)
    assert (checkpoint(ledger, 1).cut_sequence, ledger.head().sequence) == (1, 5)
    assert (checkpoint(ledger, 1).archive_id, ledger.head().sequence) == ("J1", 5)
    assert (checkpoint(ledger, 5).archive_id, ledger.head().sequence) == ("J5", 6)
    told = [(event["archive_id"], event["cut_sequence"]) for event in published.of_type("CHECKPOINT_SET")]
    assert told == [("J1", 1), ("J5", 5)]
    with pytest.raises(InvalidValue) as refused:
        checkpoint(ledger, 4)
    assert (refused.value.value, ledger.head().sequence) == (4, 6)
