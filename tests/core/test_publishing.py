"""Delivery: at least once, in order, never before the commit, each subscriber from its own stored place."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ledger_core import (
    STRATEGY_LEDGER_UPDATED,
    InvalidValue,
    LedgerClosed,
    StrategyLedger,
    SubscriberInUse,
)
from support import DictCache, RaisingPublisher, RecordingPublisher, Store, fill, limit_order

OpenLedger = Callable[..., StrategyLedger]
PATIENCE = 30.0
"""Seconds after which a thread that should have done something has failed; nothing waits that long."""


def live(ledger: StrategyLedger) -> None:
    """Live through an order and a trade."""
    ledger.record_order("O1", limit_order())
    ledger.update_order_acceptance("O1", {"venue_order_id": "V1"})
    ledger.update_order_fill("O1", fill("F1", 4))
    ledger.create_trade("T1", ["O1"])
    ledger.update_order_fill("O1", fill("F2", 6))


LIFE = ["ORDER_PLACED", "ORDER_ACCEPTED", "ORDER_PARTIALLY_FILLED", "TRADE_CREATED", "ORDER_FILLED", "TRADE_UPDATED"]


def test_events_come_in_order_each_with_its_place(ledger: StrategyLedger, published: RecordingPublisher) -> None:
    """(sequence, index) never goes back and names each event once."""
    live(ledger)
    assert published.types == LIFE
    assert published.places == [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (5, 1)]
    assert set(published.names) == {STRATEGY_LEDGER_UPDATED}
    digests = [entry.digest for entry in ledger.read_journal()]
    assert [event["digest"] for event in published.events] == [*digests, digests[-1]]


def test_subscriber_gets_the_whole_journal_and_then_goes_on(ledger: StrategyLedger) -> None:
    """A new name starts at the beginning, whenever it subscribes."""
    live(ledger)
    late = RecordingPublisher()
    ledger.subscribe("late", late.publish)
    assert late.types == LIFE
    ledger.record_order("O2", limit_order())
    assert late.types == [*LIFE, "ORDER_PLACED"]
    assert ledger.pending("late") == 0


def test_subscriber_goes_on_where_it_was_after_a_restart(open_ledger_on: OpenLedger) -> None:
    """Its place is stored when the ledger closes; what others wrote meanwhile is delivered on opening."""
    publisher = RecordingPublisher()
    ledger = open_ledger_on(publisher=publisher)
    live(ledger)
    ledger.close()
    between = open_ledger_on()
    between.record_order("O2", limit_order())
    between.close()
    again = RecordingPublisher()
    open_ledger_on(publisher=again)
    assert (again.types, again.places) == (["ORDER_PLACED"], [(6, 0)])
    assert publisher.types == LIFE


def test_replay_ends_nowhere_short_for_one_that_died_without_closing(open_ledger_on: OpenLedger, store: Store) -> None:
    """A place that was not stored means repeats, never gaps."""
    first = RecordingPublisher()
    dying = store.repository()
    ledger = StrategyLedger(dying, publisher=first)
    live(ledger)
    dying.close()  # the claims go with the process, the cursor was never stored
    again = RecordingPublisher()
    open_ledger_on(publisher=again)
    assert again.types == first.types == LIFE
    assert again.places == first.places


def test_cursor_is_stored_with_later_commits(open_ledger_on: OpenLedger, store: Store) -> None:
    """After 256 delivered entries at the latest it rides on a commit: a crash repeats no more than that."""
    dying = store.repository()
    ledger = StrategyLedger(dying, publisher=RecordingPublisher())
    with ledger.batch() as batch:
        for number in range(300):
            batch.record_order(f"O{number}", limit_order())
    ledger.record_order("one more", limit_order())
    dying.close()
    again = RecordingPublisher()
    open_ledger_on(publisher=again)
    assert [sequence for sequence, _ in again.places] == [301]


def test_entry_that_was_taken_in_part_comes_again_whole(open_ledger_on: OpenLedger) -> None:
    """The unit of delivery is the entry: all its events are repeated, in order."""
    taken: list[tuple[int, int]] = []

    class Choking:
        chokes = True

        def publish(self, _name: str, payload: Mapping[str, Any]) -> None:
            if self.chokes and payload["index"] == 1:
                raise RuntimeError("one event was too much")
            taken.append((payload["sequence"], payload["index"]))

    publisher = Choking()
    ledger = open_ledger_on(publisher=publisher)
    live(ledger)
    assert taken[-1] == (5, 0)
    publisher.chokes = False
    ledger.publish_pending()
    assert taken[-3:] == [(5, 0), (5, 0), (5, 1)]


def test_raising_subscriber_gets_its_events_at_the_next_command(open_ledger_on: OpenLedger) -> None:
    """Also at the next command of any kind, in order, before the new ones."""
    publisher = RaisingPublisher()
    ledger = open_ledger_on(publisher=publisher)
    live(ledger)
    assert set(publisher.attempts) == {(1, 0)}
    publisher.fails = False
    ledger.record_order("O2", limit_order())
    assert publisher.types == [*LIFE, "ORDER_PLACED"]


def test_raising_publisher_fails_no_opening(open_ledger_on: OpenLedger) -> None:
    """What is pending on opening waits."""
    live(open_ledger_on())
    publisher = RaisingPublisher()
    ledger = open_ledger_on(publisher=publisher)
    assert ledger.pending("publisher") == 5
    publisher.fails = False
    ledger.publish_pending()
    assert publisher.types == LIFE


def test_command_from_a_callback_is_committed_and_its_events_queue_behind(open_ledger_on: OpenLedger) -> None:
    """A subscriber may answer an event with a command: no deadlock, and every subscriber sees one order."""
    seen = RecordingPublisher()
    ledger = open_ledger_on()

    def answer(name: str, payload: Mapping[str, Any]) -> None:
        seen.publish(name, payload)
        if payload["event_type"] == "ORDER_PLACED":
            order = ledger.update_order_acceptance(payload["order_id"])
            assert order.state == "ACCEPTED"
            assert seen.types[-1] == "ORDER_PLACED"

    other = RecordingPublisher()
    ledger.subscribe("answering", answer)
    ledger.subscribe("other", other.publish)
    ledger.record_order("O1", limit_order())
    assert seen.types == other.types == ["ORDER_PLACED", "ORDER_ACCEPTED"]
    with ledger.batch() as batch:
        batch.record_order("O2", limit_order())
        batch.record_order("O3", limit_order())
    assert seen.types[2:] == ["ORDER_PLACED", "ORDER_PLACED", "ORDER_ACCEPTED", "ORDER_ACCEPTED"]
    assert seen.places == other.places


def test_batch_and_questions_are_allowed_in_a_callback(open_ledger_on: OpenLedger) -> None:
    """The callback runs outside every lock: it may ask, and it may write a batch."""
    ledger = open_ledger_on()

    def mirror(_name: str, payload: Mapping[str, Any]) -> None:
        order_id = payload["order_id"]
        if order_id.startswith("copy"):
            return
        assert ledger.get_order(order_id).order_id == order_id
        with ledger.batch() as batch:
            batch.record_order(f"copy of {order_id}", limit_order())

    ledger.subscribe("mirror", mirror)
    ledger.record_order("O1", limit_order())
    assert [order.order_id for order in ledger.find_orders()] == ["O1", "copy of O1"]


def test_callback_runs_outside_every_lock(open_ledger_on: OpenLedger) -> None:
    """While a subscriber takes its time, another thread reads and writes."""
    ledger = open_ledger_on()
    entered, release = threading.Event(), threading.Event()

    def slow(_name: str, payload: Mapping[str, Any]) -> None:
        if payload["order_id"] == "O1":
            entered.set()
            assert release.wait(PATIENCE)

    ledger.subscribe("slow", slow)
    thread = threading.Thread(target=lambda: ledger.record_order("O1", limit_order()))
    thread.start()
    assert entered.wait(PATIENCE)
    assert ledger.record_order("O2", limit_order()).state == "PLACED"
    assert ledger.get_order("O1").state == "PLACED"
    release.set()
    thread.join()
    assert ledger.pending("slow") == 0


# -- the cache --------------------------------------------------------------------------------------------------------


def test_cache_has_the_context_before_the_publisher_speaks(open_ledger_on: OpenLedger) -> None:
    """Whoever hears an event finds the record's present context in the cache."""
    cache = DictCache()

    class Checking(RecordingPublisher):
        def publish(self, name: str, payload: Mapping[str, Any]) -> None:
            super().publish(name, payload)
            key = payload["order_id"] or payload["trade_id"]
            assert cache.contexts[key]["state"] == payload["to_state"]

    publisher = Checking()
    ledger = open_ledger_on(publisher=publisher, cache=cache)
    live(ledger)
    assert publisher.types == LIFE


def test_context_has_what_is_stored_and_what_derives_from_it(open_ledger_on: OpenLedger) -> None:
    """JSON-ready, numbers as text, of orders and of trades."""
    cache = DictCache()
    ledger = open_ledger_on(cache=cache)
    ledger.record_order("O1", limit_order(trade_plan_id="P1"))
    ledger.update_order_fill("O1", fill("F1", 4, "100.5"))
    ledger.request_order_cancel("O1", "C1")
    ledger.create_trade("T1", ["O1"])
    order, trade = cache.contexts["O1"], cache.contexts["T1"]
    expected = {
        "strategy_id": "alpha", "order_id": "O1", "state": "PARTIALLY_FILLED", "status": "PENDING_CANCEL", "is_open": True,
        "quantity": "10", "cum_quantity": "4", "leaves_quantity": "6", "average_price": "100.5",
    }  # fmt: skip
    assert {name: order[name] for name in expected} == expected
    assert order["details"]["trade_plan_id"] == "P1"
    assert [request["request_id"] for request in order["requests"]] == ["C1"]
    expected = {
        "strategy_id": "alpha", "trade_id": "T1", "state": "OPEN", "direction": "BUY", "entry_quantity": "4",
        "open_quantity": "4", "average_entry_price": "100.5", "realized_pnl": "0",
    }  # fmt: skip
    assert {name: trade[name] for name in expected} == expected


def test_cache_is_filled_again_on_opening_with_what_is_open(open_ledger_on: OpenLedger) -> None:
    """It may have been lost with the process; ended orders and closed trades are not put back."""
    ledger = open_ledger_on(cache=DictCache())
    live(ledger)
    ledger.record_order("O2", limit_order())
    ledger.record_order("O3", limit_order())
    ledger.update_order_cancellation("O3")
    ledger.close()
    cache = DictCache()
    again = open_ledger_on(cache=cache)
    assert set(cache.contexts) == {"O2", "T1"}
    again.update_order_fill("O2", fill("F1", 1))
    assert cache.contexts["O2"]["cum_quantity"] == "1"


def test_cache_that_raises_gets_its_contexts_later(open_ledger_on: OpenLedger) -> None:
    """As any subscriber: the write stands, the context comes."""

    class Failing(DictCache):
        fails = True

        def store(self, key: str, context: Mapping[str, Any]) -> None:
            if self.fails:
                raise RuntimeError("the cache is away")
            super().store(key, context)

    cache = Failing()
    ledger = open_ledger_on(cache=cache)
    live(ledger)
    assert (cache.contexts, ledger.pending("cache")) == ({}, 5)
    cache.fails = False
    ledger.publish_pending()
    assert cache.contexts["O1"]["state"] == "FILLED"
    assert cache.contexts["T1"]["entry_quantity"] == "10"


def test_cache_that_raises_on_opening_fails_no_opening(open_ledger_on: OpenLedger) -> None:
    """A cache that is away must not keep the ledger from opening: it is a subscriber like any other."""
    live(open_ledger_on())
    open_ledger_on().record_order("O2", limit_order())

    class Failing(DictCache):
        fails = True

        def store(self, key: str, context: Mapping[str, Any]) -> None:
            if self.fails:
                raise RuntimeError("the cache is away")
            super().store(key, context)

    cache = Failing()
    ledger = open_ledger_on(cache=cache)
    assert ledger.get_order("O2").state == "PLACED"
    cache.fails = False
    ledger.update_order_acceptance("O2")
    assert cache.contexts["O2"]["state"] == "ACCEPTED"


# -- owners, other processes, threads ---------------------------------------------------------------------------------


def test_subscriber_name_has_one_owner(open_ledger_on: OpenLedger) -> None:
    """A second ledger, and a second subscription here, are refused until the first closes."""
    first = open_ledger_on(publisher=RecordingPublisher())
    with pytest.raises(SubscriberInUse):
        open_ledger_on(publisher=RecordingPublisher())
    first.subscribe("monitor", RecordingPublisher().publish)
    for ledger in (first, open_ledger_on()):
        with pytest.raises(SubscriberInUse):
            ledger.subscribe("monitor", RecordingPublisher().publish)
    first.close()
    open_ledger_on(publisher=RecordingPublisher()).subscribe("monitor", RecordingPublisher().publish)


def test_subscriber_names_belong_to_their_strategy(open_ledger_on: OpenLedger) -> None:
    """Two strategies may each have a publisher."""
    for strategy_id in ("alpha", "beta"):
        publisher = RecordingPublisher()
        ledger = open_ledger_on(strategy_id, publisher=publisher)
        ledger.record_order("O1", limit_order())
        assert [event["strategy_id"] for event in publisher.events] == [strategy_id]


def test_entries_of_another_writer_are_delivered_at_the_next_command(
    ledger: StrategyLedger, published: RecordingPublisher, open_ledger_on: OpenLedger
) -> None:
    """In order, before one's own."""
    other = open_ledger_on()
    other.record_order("O1", limit_order())
    ledger.record_order("O2", limit_order())
    assert [event["order_id"] for event in published.events] == ["O1", "O2"]


def test_entries_of_another_writer_are_delivered_by_publish_pending(
    ledger: StrategyLedger, published: RecordingPublisher, open_ledger_on: OpenLedger
) -> None:
    """Without a command."""
    other = open_ledger_on()
    live(other)
    assert (published.events, ledger.pending("publisher")) == ([], 5)
    ledger.publish_pending()
    assert (published.types, ledger.pending("publisher")) == (LIFE, 0)


def test_follow_delivers_entries_of_another_writer_until_it_is_stopped(open_ledger_on: OpenLedger) -> None:
    """A thread looks every so often; close and stop end it."""
    heard = threading.Event()
    ledger, other = open_ledger_on(), open_ledger_on()
    ledger.subscribe("ear", lambda _name, _payload: heard.set())
    follower = ledger.follow(0.01)
    other.record_order("O1", limit_order())
    assert heard.wait(PATIENCE)
    follower.stop()
    heard.clear()
    other.record_order("O2", limit_order())
    assert ledger.pending("ear") == 1
    ledger.follow(3600)
    ledger.close()
    assert not any(thread.name == "strategy-ledger-follow" for thread in threading.enumerate())


@pytest.mark.parametrize("interval", [0, -1, "1", None, True, float("nan"), float("inf"), 86_401])
def test_interval_is_seconds(ledger: StrategyLedger, interval: object) -> None:
    """Anything else is refused."""
    with pytest.raises(InvalidValue) as refused:
        ledger.follow(interval)  # type: ignore[arg-type]  # what a caller might give
    assert refused.value.argument == "interval"


def test_threaded_subscriber_may_block_without_stopping_the_ledger(open_ledger_on: OpenLedger) -> None:
    """It has its own thread: commands, other subscribers and close go on."""
    entered, release, taken = threading.Event(), threading.Event(), threading.Event()
    events: list[str] = []

    def blocking(_name: str, payload: Mapping[str, Any]) -> None:
        entered.set()
        assert release.wait(PATIENCE)
        events.append(payload["event_type"])
        if len(events) == len(LIFE):
            taken.set()

    steady = RecordingPublisher()
    ledger = open_ledger_on(publisher=steady)
    ledger.subscribe("blocking", blocking, thread=True)
    live(ledger)
    assert entered.wait(PATIENCE)
    assert (steady.types, events) == (LIFE, [])
    assert ledger.pending("blocking") == 5
    release.set()
    assert taken.wait(PATIENCE)
    assert events == LIFE
    ledger.close()


def test_close_returns_although_a_threaded_subscriber_blocks(
    open_ledger_on: OpenLedger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Within a bounded time; its events come again to the next owner of the name."""
    monkeypatch.setattr("ledger_core.publishing.STOP_SECONDS", 0.01)
    entered, release = threading.Event(), threading.Event()

    def blocking(_name: str, _payload: Mapping[str, Any]) -> None:
        entered.set()
        release.wait(PATIENCE)

    ledger = open_ledger_on()
    ledger.subscribe("blocking", blocking, thread=True)
    ledger.record_order("O1", limit_order())
    assert entered.wait(PATIENCE)
    thread = next(one for one in threading.enumerate() if one.name == "strategy-ledger-blocking")
    ledger.close()
    assert "still blocks" in caplog.text
    release.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    again = RecordingPublisher()
    open_ledger_on().subscribe("blocking", again.publish)
    assert again.types == ["ORDER_PLACED"]


def test_threaded_subscriber_that_raises_is_served_again(open_ledger_on: OpenLedger) -> None:
    """At the next wake-up, from the entry that it did not take."""
    tries: list[int] = []
    taken, first = threading.Event(), threading.Event()

    def reluctant(_name: str, payload: Mapping[str, Any]) -> None:
        tries.append(payload["sequence"])
        if len(tries) == 1:
            first.set()
            raise RuntimeError("not yet")
        if payload["sequence"] == 2:
            taken.set()

    ledger = open_ledger_on()
    ledger.subscribe("reluctant", reluctant, thread=True)
    ledger.record_order("O1", limit_order())
    assert first.wait(PATIENCE)
    ledger.record_order("O2", limit_order())
    assert taken.wait(PATIENCE)
    assert tries == [1, 1, 2]


def test_threaded_subscriber_may_issue_commands(open_ledger_on: OpenLedger) -> None:
    """From its own thread, as any thread may."""
    accepted = threading.Event()
    ledger = open_ledger_on()

    def accept(_name: str, payload: Mapping[str, Any]) -> None:
        if payload["event_type"] == "ORDER_PLACED":
            ledger.update_order_acceptance(payload["order_id"])
        else:
            accepted.set()

    ledger.subscribe("acceptor", accept, thread=True)
    ledger.record_order("O1", limit_order())
    assert accepted.wait(PATIENCE)
    assert ledger.get_order("O1").state == "ACCEPTED"


def test_pending_of_a_name_that_is_not_subscribed_is_refused(ledger: StrategyLedger) -> None:
    """Zero would say that it is served."""
    with pytest.raises(InvalidValue):
        ledger.pending("nobody")


@pytest.mark.parametrize("given", [None, "not callable", 7])
def test_callback_must_be_callable(ledger: StrategyLedger, given: object) -> None:
    """Told at the subscription, and the name stays free."""
    with pytest.raises(InvalidValue):
        ledger.subscribe("monitor", given)  # type: ignore[arg-type]  # what a caller might give
    ledger.subscribe("monitor", RecordingPublisher().publish)


def test_process_that_only_operates_takes_no_cursor(open_ledger_on: OpenLedger) -> None:
    """Without publisher and cache a ledger owns nothing and delivers nothing: the bot's names stay the bot's."""
    bot = open_ledger_on(publisher=RecordingPublisher())
    operator = open_ledger_on()
    operator.record_order("O1", limit_order())
    bot.publish_pending()
    assert bot.pending("publisher") == 0
    with pytest.raises(InvalidValue):
        operator.pending("publisher")


def test_publishing_on_a_closed_ledger_is_refused(ledger: StrategyLedger) -> None:
    """As every other call."""
    ledger.close()
    for call in (ledger.publish_pending, lambda: ledger.subscribe("x", print), lambda: ledger.pending("publisher")):
        with pytest.raises(LedgerClosed):
            call()


# -- an entry that a subscriber can never take ------------------------------------------------------------------------


def until(holds: Callable[[], bool]) -> bool:
    """Wait for a subscriber's own thread; False where it took too long."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Chokes:
    """A subscriber that raises at one sequence, and keeps the others."""

    def __init__(self, poison: int) -> None:
        """Choke on one entry."""
        self.poison = poison
        self.taken: list[int] = []

    def __call__(self, _name: str, payload: Mapping[str, Any]) -> None:
        """Take an event, or choke."""
        if payload["sequence"] == self.poison:
            raise ValueError("poison")
        self.taken.append(payload["sequence"])


@pytest.mark.parametrize("thread", [False, True])
def test_poison_is_skipped_by_hand_and_on_the_record(
    open_ledger_on: OpenLedger, published: RecordingPublisher, thread: bool
) -> None:
    """A subscriber that chokes on an entry goes on behind it once a person said so; everybody hears of that."""
    ledger = open_ledger_on(publisher=published)
    choking = Chokes(2)
    ledger.subscribe("choking", choking, thread=thread)
    for number in range(1, 4):
        ledger.record_order(f"O{number}", limit_order())
    assert until(lambda: choking.taken == [1])
    assert ledger.pending("choking") == 2
    with pytest.raises(InvalidValue, match="its next entry is 2"):
        ledger.skip_entry("choking", 3, "not that one")
    ledger.skip_entry("choking", 2, "a symbol that the monitor cannot parse")
    assert until(lambda: choking.taken == [1, 3, 4])
    assert ledger.pending("choking") == 0
    (skipped,) = published.of_type("ENTRY_SKIPPED")
    assert (skipped["subscriber"], skipped["skipped"], skipped["order_id"]) == ("choking", 2, None)
    assert skipped["reason"] == "a symbol that the monitor cannot parse"
    assert ledger.verify().is_intact


def test_skipping_survives_a_crash(open_ledger_on: OpenLedger, store: Store) -> None:
    """The note and the subscriber's place are stored together: after a restart the poison does not come back."""
    ledger = open_ledger_on()
    for number in range(1, 4):
        ledger.record_order(f"O{number}", limit_order())
    choking = Chokes(1)
    ledger.subscribe("choking", choking)
    ledger.skip_entry("choking", 1, "poison")
    assert [entry.operation for entry in ledger.read_journal(3)] == ["skip_entry"]
    assert choking.taken == [2, 3, 4]
    store.repository().close()
    ledger._repository.close()  # as a process that dies: what is not stored with a commit is lost
    again = Chokes(1)
    open_ledger_on().subscribe("choking", again)
    assert again.taken == [2, 3, 4]


def test_an_operator_skips_for_a_bot_that_is_dead(open_ledger_on: OpenLedger) -> None:
    """Whoever owns no subscriber can skip for one; not while somebody serves it, and not what it has taken."""
    bot = open_ledger_on()
    bot.subscribe("monitor", Chokes(1))
    bot.record_order("O1", limit_order())
    bot.record_order("O2", limit_order())
    operator = open_ledger_on()
    with pytest.raises(SubscriberInUse):
        operator.skip_entry("monitor", 1, "poison")
    bot.close()
    operator.skip_entry("monitor", 1, "poison")
    operator.skip_entry("monitor", 2, "this one too")
    for sequence, says in ((2, "next entry is 3"), (5, "next entry is 3"), (0, "from 1 up")):
        with pytest.raises(InvalidValue, match=says):
            operator.skip_entry("monitor", sequence, "once more")
    operator.close()
    heard = Chokes(0)
    open_ledger_on().subscribe("monitor", heard)
    assert heard.taken == [3, 4]


def test_nothing_is_skipped_ahead_of_time(open_ledger_on: OpenLedger) -> None:
    """An entry that is not there yet cannot be skipped."""
    ledger = open_ledger_on()
    with pytest.raises(InvalidValue, match="all there is"):
        ledger.skip_entry("monitor", 1, "in advance")
    assert ledger.head().sequence == 0
