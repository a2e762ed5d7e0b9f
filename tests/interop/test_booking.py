"""The booking of facts: messages that are missing, late, early or twice, and another process that writes in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import attrs
import pytest

from interop.imports import brief, fills, reasons
from ledger_core import Batch, OrderState, StrategyLedger, open_ledger
from ledger_core.lifecycle import OrderStatus, RequestKind
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing import Import, ImportReport, Message, import_messages
from ledger_interop.importing import facts as neutral
from ledger_interop.importing.booking import waiting
from ledger_interop.importing.running import FACTS_MAX

D = Decimal
NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a moment after nine."""
    return NINE + timedelta(seconds=seconds)


def named(order_id: str | None = "O1", **more: Any) -> neutral.NamedOrder:
    """Return an order by its name alone."""
    return neutral.NamedOrder(client_id=order_id, **more)


def described(order_id: str | None = "O1", quantity: int | None = 100, **more: Any) -> neutral.NamedOrder:
    """Return an order with its terms."""
    details = {"symbol": "ACME", "side": "BUY"} | ({} if quantity is None else {"quantity": D(quantity)})
    return neutral.NamedOrder(client_id=order_id, details=details, **more)


def executed(order: neutral.NamedOrder, fill_id: str, quantity: int, price: int = 10, **more: Any) -> neutral.Execution:
    """Return a fill."""
    return neutral.Execution(
        **{"order": order, "at": at(10), "fill_id": fill_id, "quantity": D(quantity), "price": D(price), **more}
    )


def total(order: neutral.NamedOrder, quantity: int | None, **more: Any) -> neutral.Status:
    """Return what a venue says that is filled of an order, at 10 on average."""
    known = {"order": order, "at": at(20), "cum_quantity": None if quantity is None else D(quantity)}
    return neutral.Status(**{**known, "average_price": D(10), **more})


def messages(*told: neutral.AnyFact) -> Iterator[Message]:
    """Generate a message for each fact."""
    return (Message(f"message {number}", "fact", (fact,)) for number, fact in enumerate(told, start=1))


def book(ledger: StrategyLedger, *told: neutral.AnyFact, **options: Any) -> ImportReport:
    """Book facts, and again, which must change nothing; return what the first time came to."""
    report = import_messages(ledger, messages(*told), source="test", **options)
    before = ledger.head()
    import_messages(ledger, messages(*told), source="test", **options)
    assert ledger.head() == before
    assert not ledger.verify().differences
    return report


def test_a_fill_whose_placement_is_missing_records_its_order(ledger: StrategyLedger) -> None:
    """The order has the source as its origin, the venue's id, and the time of the fill."""
    book(ledger, executed(described(venue_id="V1"), "F1", 40))
    order = ledger.get_order("O1")
    assert (order.details.origin, order.venue_order_ids, order.placed_at) == ("test", ("V1",), at(10))
    assert brief(ledger, "O1") == "PARTIALLY_FILLED 40 of 100"


def test_the_origin_may_be_another_word(ledger: StrategyLedger) -> None:
    """A user names the bot that placed the orders."""
    book(ledger, neutral.Placement(order=described(), at=at(0)), origin="old-bot")
    assert ledger.get_order("O1").details.origin == "old-bot"


def test_an_order_that_only_fills_tell_of_is_as_large_as_they_are(ledger: StrategyLedger) -> None:
    """Trades of a venue do not say what was ordered: the order grows with them."""
    order = described(None, None, venue_id="V1")
    book(ledger, executed(order, "F1", 40), executed(order, "F2", 60))
    assert brief(ledger, "V1") == "FILLED 100 of 100"


def test_an_order_gets_its_own_quantity_when_that_is_told_at_last(ledger: StrategyLedger) -> None:
    """Its end, told before its quantity, is booked then; later fills no longer make it grow."""
    ending = neutral.Ending(order=named(), at=at(30), state=OrderState.CANCELED)
    book(ledger, executed(described(quantity=None), "F1", 40), ending)
    assert brief(ledger, "O1") == "FILLED 40 of 40"
    placed = neutral.Placement(order=described(), at=at(0))
    book(ledger, executed(described(quantity=None), "F1", 40), ending, placed)
    assert brief(ledger, "O1") == "CANCELED 40 of 100"
    told = book(ledger, executed(described(quantity=None), "F2", 61))
    assert brief(ledger, "O1") == "CANCELED 40 of 100"
    assert told.quarantined == 1


def test_an_order_whose_quantity_was_told_grows_no_more(ledger: StrategyLedger) -> None:
    """In the same import too: a fill beyond it goes to the quarantine."""
    placed = neutral.Placement(order=described(), at=at(0))
    told = book(
        ledger, executed(described(quantity=None), "F1", 40), placed, executed(described(quantity=None), "F2", 61)
    )
    assert reasons(told, "quarantined") == ["more was filled than was ordered"]
    assert brief(ledger, "O1") == "PARTIALLY_FILLED 40 of 100"


def test_restatements_that_are_read_again_do_not_restate_again(ledger: StrategyLedger) -> None:
    """The last one stands, however often the first ones are told."""
    placed = neutral.Placement(order=described(), at=at(0))
    told = [
        neutral.NewTerms(order=named(), at=at(number), terms={"quantity": D(quantity)}, asked=False)
        for number, quantity in ((1, 80), (2, 60))
    ]
    book(ledger, placed, *told, told[0])
    assert brief(ledger, "O1") == "ACCEPTED 0 of 60"


def test_an_order_recorded_before_is_found_by_the_id_of_the_venue(ledger: StrategyLedger) -> None:
    """What the strategy itself recorded is not recorded again under the name that the venue has for it."""
    details: dict[str, Any] = {"symbol": "ACME", "side": "BUY", "order_type": "MARKET", "quantity": 100}
    ledger.record_order("mine", {**details, "venue_order_id": "V1"})
    book(ledger, executed(described(None, None, venue_id="V1"), "F1", 40))
    assert brief(ledger, "mine") == "PARTIALLY_FILLED 40 of 100"


def test_one_venue_id_in_two_symbols_is_two_orders(ledger: StrategyLedger) -> None:
    """Venues number the orders of each symbol."""
    other = neutral.NamedOrder(venue_id="1", recorded_as="XYZ:1", details={"symbol": "XYZ", "side": "BUY"})
    mine = neutral.NamedOrder(venue_id="1", recorded_as="ACME:1", details={"symbol": "ACME", "side": "SELL"})
    book(ledger, executed(mine, "F1", 40), executed(other, "F1", 7))
    assert fills(ledger, "ACME:1") == ["F1: 40 @ 10"]
    assert fills(ledger, "XYZ:1") == ["F1: 7 @ 10"]


def test_messages_in_the_wrong_order_come_to_the_same(ledger: StrategyLedger) -> None:
    """A fill, a fee, an end and a bust that come before what they are about wait for it."""
    told = (
        neutral.FeeReport(order=neutral.NamedOrder(), at=at(12), fill_id="F1", fees=((D(1), "USD"),)),
        neutral.Bust(order=named(), at=at(13), fill_id="F2"),
        neutral.Ending(order=named(), at=at(30), state=OrderState.CANCELED),
        executed(named(), "F1", 40),
        executed(named(), "F2", 5),
        neutral.Placement(order=described(), at=at(0)),
    )
    report = book(ledger, *told)
    assert brief(ledger, "O1") == "CANCELED 40 of 100"
    assert fills(ledger, "O1") == ["F1: 40 @ 10 - 1 USD"]
    assert (report.booked, report.needs_attention) == (6, False)


def test_what_nothing_tells_of_goes_to_the_quarantine_at_the_end(ledger: StrategyLedger) -> None:
    """A fill of an unknown order is kept, and booked when its order is recorded; it is not dropped."""
    report = book(ledger, executed(named(), "F1", 40))
    assert reasons(report, "quarantined") == ["it is about an order that nobody recorded"]
    assert [one.order_id for one in ledger.quarantined()] == ["O1"]
    book(ledger, neutral.Placement(order=described(), at=at(0)), executed(named(), "F1", 40))
    assert brief(ledger, "O1") == "PARTIALLY_FILLED 40 of 100"


def test_too_many_facts_that_wait_go_to_the_ledger_at_once(
    ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is held in memory, so it has a limit."""
    monkeypatch.setattr(waiting, "WAITING_MAX", 3)
    report = book(ledger, *(executed(named(f"O{number}"), "F1", 1) for number in range(5)))
    assert report.quarantined == 5


def test_a_total_without_its_fills_is_shown(ledger: StrategyLedger) -> None:
    """A stream that says FILLED and has not the fills: the quantities decide, and what is missing is shown."""
    placed = neutral.Placement(order=described(), at=at(0))
    report = book(ledger, placed, executed(named(), "F1", 40), total(named(), None, status=OrderStatus.FILLED))
    assert brief(ledger, "O1") == "PARTIALLY_FILLED 40 of 100"
    assert ledger.get_order("O1").missing_quantity == 60
    assert "missing_quantity" in reasons(report, "booked")[0]


def test_a_snapshot_stands_for_its_fills_until_they_come(ledger: StrategyLedger) -> None:
    """An order of a REST interface is all there is; when its trades are imported later they take the place."""
    placed = neutral.Placement(order=described(), at=at(0))
    book(ledger, placed, executed(named(), "F1", 40), total(named(), 100, stands_for_fills=True))
    assert fills(ledger, "O1") == ["F1: 40 @ 10", "inferred:100: 60 @ 10"]
    book(ledger, executed(named(), "F2", 25), executed(named(), "F3", 35, 11))
    assert fills(ledger, "O1") == ["F1: 40 @ 10", "F2: 25 @ 10", "F3: 35 @ 11"]


def test_the_price_of_what_is_missing_follows_from_the_average(ledger: StrategyLedger) -> None:
    """40 at 10 are known, 100 at 13 on average are told: the other 60 were at 15."""
    told = total(described(), 100, average_price=D(13), stands_for_fills=True)
    book(ledger, executed(described(), "F1", 40), told)
    assert fills(ledger, "O1") == ["F1: 40 @ 10", "inferred:100: 60 @ 15"]


def test_an_average_that_makes_nonsense_of_the_rest_is_not_believed(ledger: StrategyLedger) -> None:
    """A rounded average may give what is missing a price below zero: then it is only shown as missing."""
    told = total(described(), 41, average_price=D(9), stands_for_fills=True)
    book(ledger, executed(described(), "F1", 40), told)
    assert fills(ledger, "O1") == ["F1: 40 @ 10"]
    assert ledger.get_order("O1").missing_quantity == 1


def test_a_total_that_is_older_than_what_is_booked_is_outdated(ledger: StrategyLedger) -> None:
    """Nothing is taken back because an old snapshot counts less."""
    report = book(ledger, executed(described(), "F1", 40), total(named(), 20))
    assert (report.outdated, brief(ledger, "O1")) == (1, "PARTIALLY_FILLED 40 of 100")


def test_a_total_from_before_a_bust_is_outdated(ledger: StrategyLedger) -> None:
    """It counts the execution that was taken back since."""
    bust = neutral.Bust(order=named(), at=at(25), fill_id="F1")
    report = book(ledger, executed(described(), "F1", 40), total(named(), 40), bust, total(named(), 40))
    assert brief(ledger, "O1") == "ACCEPTED 0 of 100"
    assert ledger.get_order("O1").missing_quantity == 0
    assert reasons(report, "outdated") == ["it counts executions that were taken back or corrected since"]


def test_a_newer_version_of_an_execution_corrects_it_and_an_older_one_is_passed(ledger: StrategyLedger) -> None:
    """Interactive Brokers numbers the versions of an execution: they are one fill in either order."""
    first = executed(described(), "E.01", 40, revised_by=("E.02",))
    second = executed(named(), "E.02", 35, revises=("E.01",), at=at(11))
    book(ledger, first, second)
    assert brief(ledger, "O1") == "PARTIALLY_FILLED 35 of 100"
    with open_ledger(f"memory://{uuid4().hex}", strategy_id="alpha") as other:
        report = book(other, attrs.evolve(second, order=described()), first)
        assert brief(other, "O1") == "PARTIALLY_FILLED 35 of 100"
        assert reasons(report, "outdated") == ["the execution was corrected since"]


def test_fees_of_a_known_execution_are_added(ledger: StrategyLedger) -> None:
    """The same trade told again with its fees (a REST answer after the stream) brings them; other fees are refused."""
    book(ledger, executed(described(), "F1", 40))
    book(ledger, executed(named(), "F1", 40, fees=((D(1), "USD"),)))
    assert fills(ledger, "O1") == ["F1: 40 @ 10 - 1 USD"]


def test_an_execution_that_says_otherwise_is_refused_and_told(ledger: StrategyLedger) -> None:
    """The same id with another price: what is booked stays, the report names the place."""
    report = book(ledger, executed(described(), "F1", 40), executed(named(), "F1", 40, 11))
    assert fills(ledger, "O1") == ["F1: 40 @ 10"]
    assert report.reasons["refused"]["what is recorded under its id says otherwise"].places[0].startswith("message 2: ")


def test_a_message_that_contradicts_the_order_that_it_names_is_refused(ledger: StrategyLedger) -> None:
    """A status of another symbol under the same id is about another order."""
    other = neutral.NamedOrder(client_id="O1", details={"symbol": "XYZ"})
    report = book(ledger, neutral.Placement(order=described(), at=at(0)), total(other, 10))
    assert report.refused == 1
    assert ledger.get_order("O1").missing_quantity == 0


@pytest.mark.parametrize("state", [OrderState.CANCELED, OrderState.EXPIRED])
def test_the_rest_of_an_ioc_is_canceled_whatever_the_word(state: OrderState, ledger: StrategyLedger) -> None:
    """Venues call it expired or canceled."""
    order = neutral.NamedOrder(client_id="O1", details={**described().details, "time_in_force": "IOC"})
    book(ledger, executed(order, "F1", 40), neutral.Ending(order=named(), at=at(30), state=state))
    assert brief(ledger, "O1") == "CANCELED 40 of 100"


def test_an_end_that_is_told_in_two_words_is_one(ledger: StrategyLedger) -> None:
    """A stream says expired, a snapshot later canceled: the order ended once."""
    expired = neutral.Ending(order=described(), at=at(30), state=OrderState.EXPIRED)
    canceled = neutral.Ending(order=named(), at=at(40), state=OrderState.CANCELED)
    report = book(ledger, expired, canceled)
    assert (brief(ledger, "O1"), report.booked, report.known) == ("EXPIRED 0 of 100", 1, 1)


def test_a_suspension_that_is_read_again_does_not_suspend_again(ledger: StrategyLedger) -> None:
    """What has no id is past once something later is booked, also in another import."""
    happenings = (neutral.Happening.SUSPENDED, neutral.Happening.RESUMED, neutral.Happening.SUSPENDED)
    told = [
        neutral.Change(order=described(), at=at(number), happening=one)
        for number, one in enumerate(happenings, start=1)
    ]
    for count in (1, 2, 3):
        book(ledger, *told[:count])
        assert (ledger.get_order("O1").state is OrderState.SUSPENDED) is (count != 2)


def test_a_request_and_its_answer_are_one(ledger: StrategyLedger) -> None:
    """A replace that was asked for and accepted; a cancel that was refused and never asked for here."""
    accepted: dict[str, Any] = {"order": named(other_ids=("R1",)), "terms": {"quantity": D(120)}, "request_id": "R1"}
    book(
        ledger,
        neutral.Placement(order=described(), at=at(0)),
        neutral.Request(kind=RequestKind.REPLACE, at=at(1), **accepted),
        neutral.NewTerms(asked=True, at=at(2), **accepted),
        neutral.RequestRefusal(order=named(), at=at(3), kind=RequestKind.CANCEL, request_id="C1", reason="no"),
    )
    order = ledger.get_order("O1")
    assert [(one.request_id, one.state.value) for one in order.requests] == [("R1", "ACCEPTED"), ("C1", "REJECTED")]
    assert brief(ledger, "O1") == "ACCEPTED 0 of 120"


def test_a_round_trip_is_booked_when_its_orders_are(ledger: StrategyLedger) -> None:
    """A bot's trade names orders that come later in the file; it is closed when the bot has closed it."""
    exit_order = neutral.NamedOrder(client_id="O2", details={"symbol": "ACME", "side": "SELL", "quantity": D(40)})
    grouping = neutral.Grouping(trade_id="T1", orders=(named(), named("O2")), closed_at=at(40), reason="roi")
    book(ledger, grouping, executed(described(quantity=40), "F1", 40), executed(exit_order, "F2", 40, 12, at=at(30)))
    trade = ledger.get_trade("T1")
    assert (trade.state.value, trade.realized_pnl, trade.order_ids) == ("CLOSED", D(80), ("O1", "O2"))


def test_an_import_that_breaks_off_has_booked_what_came_before(ledger: StrategyLedger) -> None:
    """The error of a broken file passes through; the same import of the whole file goes on from there."""

    def breaking() -> Iterator[Message]:
        yield from messages(executed(described(), "F1", 40))
        raise UnreadableSource("cut off", place="line 2")

    with pytest.raises(UnreadableSource, match="line 2"):
        import_messages(ledger, breaking(), source="test")
    assert brief(ledger, "O1") == "PARTIALLY_FILLED 40 of 100"


def test_a_batch_that_another_writer_came_before_is_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another import of the same messages writes in between: each fact is booked once, by one of the two."""
    told = [executed(described(f"O{number}"), "F1", 1) for number in range(5)]
    url = f"memory://{uuid4().hex}"
    with open_ledger(url, strategy_id="alpha") as ledger, open_ledger(url, strategy_id="alpha") as other:
        batch, is_first = ledger.batch, [True]

        @contextmanager
        def interrupted() -> Iterator[Batch]:
            with batch() as opened:
                yield opened
                if is_first:
                    is_first.clear()
                    assert import_messages(other, messages(*told[:3]), source="test").booked == 3

        monkeypatch.setattr(ledger, "batch", interrupted)
        report = import_messages(ledger, messages(*told), source="test")
        assert (report.booked, report.known) == (2, 3)
        assert len(list(ledger.find_fills(limit=None))) == 5
        assert not ledger.verify().differences


def test_what_a_bot_books_between_two_batches_is_not_inferred_again() -> None:
    """A total is compared with what is booked now, not with what was when the order was last looked at."""
    url = f"memory://{uuid4().hex}"
    with open_ledger(url, strategy_id="alpha") as ledger, open_ledger(url, strategy_id="alpha") as bot:
        importing = Import(ledger, "test")
        importing.run(messages(neutral.Placement(order=described(), at=at(0))))
        bot.update_order_fill("O1", {"fill_id": "F1", "quantity": 40, "price": 10}, occurred_at=at(10))
        importing.run(messages(total(named(), 40, stands_for_fills=True)))
        assert (importing.finish().known, fills(ledger, "O1")) == (1, ["F1: 40 @ 10"])


def test_what_a_bot_books_while_a_batch_is_open_is_not_inferred_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot's fill comes between the look at the order and the write: the rest of the total is worked out anew."""
    url = f"memory://{uuid4().hex}"
    with open_ledger(url, strategy_id="alpha") as ledger, open_ledger(url, strategy_id="alpha") as bot:
        importing = Import(ledger, "test")
        importing.run(messages(neutral.Placement(order=described(), at=at(0))))
        bot.update_order_fill("O1", {"fill_id": "F1", "quantity": 10, "price": 10}, occurred_at=at(5))
        batch, is_first = ledger.batch, [True]

        @contextmanager
        def interrupted() -> Iterator[Batch]:
            with batch() as opened:
                yield opened
                if is_first:
                    is_first.clear()
                    bot.update_order_fill("O1", {"fill_id": "F2", "quantity": 20, "price": 10}, occurred_at=at(10))

        monkeypatch.setattr(ledger, "batch", interrupted)
        importing.run(messages(total(named(), 40, stands_for_fills=True)))
        importing.finish()
        assert (fills(ledger, "O1")[:2], len(fills(ledger, "O1"))) == (["F1: 10 @ 10", "F2: 20 @ 10"], 3)
        assert brief(ledger, "O1") == "PARTIALLY_FILLED 40 of 100"


def test_more_facts_that_waited_than_a_batch_may_hold_are_booked(
    ledger: StrategyLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message that tells at last what they are about sets all of them free at once."""
    monkeypatch.setattr("ledger_core.batch.BATCH_SIZE_MAX", 3 * FACTS_MAX)
    count = 4 * FACTS_MAX
    told = [executed(named(), f"F{number}", 1) for number in range(count)]
    report = book(ledger, *told, executed(described(quantity=None), "last", 1))
    assert (report.booked, brief(ledger, "O1")) == (count + 1, f"FILLED {count + 1} of {count + 1}")


def test_each_batch_is_one_write(ledger: StrategyLedger) -> None:
    """Progress is told after each batch, and memory holds no more than one."""
    order = described("O1", FACTS_MAX * 3)
    told = [executed(order, f"F{number}", 1) for number in range(FACTS_MAX * 2 + 1)]
    steps: list[int] = []
    importing = Import(ledger, "test")
    importing.run(messages(*told), steps.append)
    assert importing.finish().booked == len(told)
    assert steps == [FACTS_MAX, FACTS_MAX * 2, FACTS_MAX * 2 + 1]
