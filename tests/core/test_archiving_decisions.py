"""What an archivist lets go of, and why something stays: groups of a caller's own making, second rounds, damage."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from ledger_core import InvalidValue, StrategyLedger
from ledger_core.archivable import Group
from ledger_core.errors import StorageCorrupt
from ledger_core.model import Record, RecordKind
from ledger_core.repository import Query
from support import RecordingPublisher, fill, market_order
from support.trading import at

OpenLedger = Callable[..., StrategyLedger]
FEE = {"fees": [{"currency": "USD", "amount": "0.35"}]}


def round_trip(ledger: StrategyLedger, number: int, **terms: Any) -> None:
    """Buy 10 at 100 and sell them at 101, a minute later, ten minutes after the last number's; each fill pays a fee."""
    for later, (side, price) in enumerate((("BUY", 100), ("SELL", 101))):
        order_id = f"{side}{number}"
        ledger.record_order(order_id, market_order(side, currency="USD", **terms))
        ledger.update_order_fill(order_id, fill("F", 10, price, **FEE), occurred_at=at(600 * number + 60 * later))


def stored(ledger: StrategyLedger) -> list[Record]:
    """Return every record."""
    return [one for kind in RecordKind for one in ledger._repository.find(Query(kind=kind, limit=1000))]


def only(ledger: StrategyLedger, *names: tuple[str, ...]) -> Group:
    """Return the records of some names, a kind and a key each, as one group."""
    return tuple(one for one in stored(ledger) if (one.kind.value, *one.key) in names)


def reason_for(ledger: StrategyLedger, group: Group, archive_id: str = "A1") -> str | None:
    """Try to let a group go; return the reason for which it stayed."""
    ((_, reason),) = ledger.archivist.let_go(archive_id, [group])
    return reason


def let_all_go(ledger: StrategyLedger, archive_id: str) -> list[Group]:
    """Let everything go that may, and return it."""
    groups = list(ledger.archivist.archivable(at(10**6)))
    assert [reason for _, reason in ledger.archivist.let_go(archive_id, groups)] == [None] * len(groups)
    return groups


def amounts(fees: Iterable[Any]) -> list[tuple[str, Decimal]]:
    """Return currency and amount of each fee."""
    return [(fee.currency, fee.amount) for fee in fees]


@pytest.mark.parametrize("ask", ["request_order_cancel", "request_order_replace"])
def test_filled_order_whose_venue_has_yet_to_answer_stays(ledger: StrategyLedger, ask: str) -> None:
    """It is not over while a single request is in flight, of whichever kind; once that is refused it may go."""
    ledger.record_order("O1", market_order())
    given = [{"quantity": 12}] if ask == "request_order_replace" else []
    getattr(ledger, ask)("O1", *given, request_id="R1")
    ledger.update_order_fill("O1", fill("F", 10), occurred_at=at(1))
    ledger.record_order("X1", market_order("SELL"))
    ledger.update_order_fill("X1", fill("F", 10), occurred_at=at(2))
    group = (("ORDER", "O1"), ("FILL", "O1", "F"), ("REQUEST", "O1", "R1"))
    assert ledger.get_order("O1").state == "FILLED"
    assert "order 'O1' is not over" in str(reason_for(ledger, only(ledger, *group)))
    ledger.update_order_request_rejection("O1", "no", "R1")
    assert reason_for(ledger, only(ledger, *group)) is None


def test_reason_names_what_is_missing_from_a_group(ledger: StrategyLedger) -> None:
    """An order goes with its fills, a trade with its orders; what stays, and for want of what, is said."""
    round_trip(ledger, 1)
    alone = reason_for(ledger, only(ledger, ("ORDER", "BUY1")))
    assert "order 'BUY1' cannot go without its fill 'BUY1/F'" in str(alone)
    ledger.create_trade("T1", ["BUY1", "SELL1"])
    ledger.close_trade("T1")
    bought_alone = only(ledger, ("TRADE", "T1"), ("ORDER", "BUY1"), ("FILL", "BUY1", "F"))
    assert "trade 'T1' cannot go without its order 'SELL1'" in str(reason_for(ledger, bought_alone))
    assert len(list(ledger.find_fills())) == 2


def test_reason_says_how_a_record_is_another_than_the_one_that_was_copied(open_ledger_on: OpenLedger) -> None:
    """It has another version than the copy, or it is not there at all."""
    ledger, another = open_ledger_on(), open_ledger_on("beta")
    round_trip(ledger, 1)
    (group, *_) = ledger.archivist.archivable(at(10**6))
    assert "order 'BUY1' is not there" in str(reason_for(another, group))
    copied = ledger.get_order("BUY1").version
    ledger.update_order_acceptance("BUY1", {"venue_order_id": "V1"})
    now = ledger.get_order("BUY1").version
    assert f"order 'BUY1' has version {now}, not {copied}" in str(reason_for(ledger, group))


def test_refused_return_blames_the_groups_that_were_given(ledger: StrategyLedger) -> None:
    """By the name of the argument that `take_back` has for them."""
    round_trip(ledger, 1)
    groups = let_all_go(ledger, "A1")
    with pytest.raises(InvalidValue, match="did not go to archive 'A2'") as refused:
        ledger.archivist.take_back("A2", groups)
    assert refused.value.argument == "groups"


def test_each_order_is_told_of_again_when_it_goes_to_another_archive(
    ledger: StrategyLedger, published: RecordingPublisher
) -> None:
    """Gone, back, and gone again: an event each time."""
    round_trip(ledger, 1)
    ledger.archivist.take_back("A1", let_all_go(ledger, "A1"))
    let_all_go(ledger, "A2")
    told = [(event["order_id"], event["archive_id"]) for event in published.of_type("RECORD_ARCHIVED")]
    assert told == [("BUY1", "A1"), ("SELL1", "A1"), ("BUY1", "A2"), ("SELL1", "A2")]


def test_opening_holds_what_all_archives_together_came_to(ledger: StrategyLedger) -> None:
    """Fees and realized PnL of the first are part of the second, and every figure stays what it was."""
    round_trip(ledger, 1)
    let_all_go(ledger, "A1")
    round_trip(ledger, 2)
    before = ledger.get_net_pnl(symbol="ACME", currency="USD")
    let_all_go(ledger, "A2")
    opening = ledger.get_position("ACME").opening
    assert opening is not None
    assert (opening.archive_id, opening.realized_pnl, opening.executed_at) == ("A2", 20, at(1260))
    assert amounts(opening.fees) == amounts(opening.money_fees) == [("USD", Decimal("1.4"))]
    assert (before.fees, ledger.get_net_pnl(symbol="ACME", currency="USD")) == (Decimal("1.4"), before)


@pytest.mark.parametrize("venue", [None, "XNAS"])
def test_fee_taken_out_of_the_quantity_keeps_its_value_in_money(ledger: StrategyLedger, venue: str | None) -> None:
    """It is worth what it was worth at the price of its own fill, in an archive as well."""
    terms: Any = {"currency": "USD", "base_currency": "ACM", "venue": venue}
    ledger.record_order("BUY1", market_order(**terms))
    taken = {"fees": [{"amount": "0.5", "currency": "ACM"}], "fee_in_base": True}
    ledger.update_order_fill("BUY1", fill("F", 10, 100, **taken), occurred_at=at(1))
    ledger.record_order("SELL1", market_order("SELL", "9.5", **terms))
    ledger.update_order_fill("SELL1", fill("F", "9.5", 110), occurred_at=at(2))
    before = ledger.get_net_pnl(symbol="ACME", currency="USD")
    let_all_go(ledger, "A1")
    opening = ledger.get_position("ACME", venue=venue).opening
    assert opening is not None
    assert (amounts(opening.fees), amounts(opening.money_fees)) == ([("ACM", Decimal("0.5"))], [("USD", 50)])
    assert (before.fees, ledger.get_net_pnl(symbol="ACME", currency="USD")) == (50, before)


def test_adjustments_before_an_opening_are_not_counted_again(ledger: StrategyLedger) -> None:
    """They stay when the fills around them go, and the next archive begins behind them."""
    moved = {"kind": "TRANSFER", "symbol": "ACME", "quantity": "4", "price": "100"}
    ledger.record_adjustment("IN", moved, occurred_at=at(0))
    ledger.record_order("OUT", market_order("SELL", 4, currency="USD"))
    ledger.update_order_fill("OUT", fill("F", 4, 105), occurred_at=at(1))
    let_all_go(ledger, "A1")
    round_trip(ledger, 1)
    let_all_go(ledger, "A2")
    opening = ledger.get_position("ACME").opening
    assert opening is not None
    assert (opening.archive_id, opening.realized_pnl, opening.cycle_realized_pnl) == ("A2", 30, 10)
    assert ledger.verify().is_intact


@pytest.mark.parametrize("damage", ["another figure", "flat while held", "no position"])
def test_position_that_does_not_come_to_what_its_fills_say_is_named(ledger: StrategyLedger, damage: str) -> None:
    """Nothing goes by the word of a damaged store: its key is told, so that somebody can look."""
    round_trip(ledger, 1)
    kept = stored(ledger)
    group = only(ledger, ("ORDER", "BUY1"), ("FILL", "BUY1", "F"))
    order_id, figure = ("BUY1", Decimal(0)) if damage == "flat while held" else ("SELL1", Decimal(99))
    if damage == "no position":
        kept = [one for one in kept if one.kind is not RecordKind.POSITION]
    else:
        (wrong,) = (one for one in kept if one.kind is RecordKind.FILL and one.key[0] == order_id)
        changed: Any = wrong
        kept = [attrs.evolve(changed, flat_realized_pnl=figure) if one is wrong else one for one in kept]
    ledger._repository.restore(kept)
    ledger._writer.reload()
    head = ledger.head()
    with pytest.raises(StorageCorrupt, match="ACME///NET") as found:
        reason_for(ledger, group)
    assert found.value.key == ("ACME", "", "", "NET")
    assert ledger.head() == head
