"""The ledger itself: what its options and its own commands take, what it writes of them, and what it holds on to."""

# Numbers and words are written here as a caller would: Decimal(10) == 10, OrderState.FILLED == "FILLED".
# mypy: disable-error-code="comparison-overlap"

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import OpenLedger
from ledger_core import (
    InvalidValue,
    LedgerClosed,
    OverfillError,
    ReadOnlyLedger,
    StorageCorrupt,
    StrategyLedger,
    open_ledger,
)
from ledger_core.changes import GENESIS_DIGEST, chain
from ledger_core.events import STRATEGY_LEDGER_UPDATED
from ledger_core.model import RecordKind
from ledger_core.repository import Query
from ledger_storage_memory import MemoryRepository, MemoryStore
from support import DictCache, RecordingPublisher, SteppingClock, Store, fill, limit_order, market_order
from support.trading import at

OWN: Mapping[str, dict[str, Any]] = {
    "subscribe": {"name": "S", "callback": print},
    "follow": {"interval": 1},
    "pending": {"name": "S"},
    "skip_entry": {"name": "S", "sequence": 1, "reason": "because"},
    "forget_subscriber": {"name": "S", "reason": "because"},
    "note_upkeep": {"upkeep": "rebuild", "reason": "because"},
    "verify": {},
}
"""What a ledger does itself, and with what."""


@pytest.mark.parametrize("name", OWN)
def test_a_malformed_argument_is_named_and_nothing_is_written(ledger: StrategyLedger, name: str) -> None:
    """Nor subscribed, nor followed."""
    junk = object()
    for argument in inspect.signature(getattr(ledger, name)).parameters:
        with pytest.raises(InvalidValue) as refused:
            getattr(ledger, name)(**{**OWN[name], argument: junk})
        assert (refused.value.argument, refused.value.value) == (argument, junk)
    assert ledger.head().sequence == 0
    with pytest.raises(InvalidValue):
        ledger.pending("S")


@pytest.mark.parametrize("option", ["overfill", "publisher", "cache", "clock", "chain_key"])
def test_a_malformed_option_is_named_and_shown(store: Store, option: str) -> None:
    """But for a secret, of which nothing is shown."""
    junk = object()
    with pytest.raises(InvalidValue) as refused:
        store.open(**{option: junk})  # type: ignore[arg-type]  # what a caller might give
    assert refused.value.argument == option
    assert refused.value.value is (None if option == "chain_key" else junk)


class Touchy:
    """Something that raises when it is asked for anything."""

    def __getattr__(self, name: str) -> Any:
        """Break."""
        raise RuntimeError("no")


@pytest.mark.parametrize("option", ["publisher", "cache"])
def test_what_cannot_be_asked_for_a_method_has_none(store: Store, option: str) -> None:
    """Whatever it raises; nor has one that is no function."""
    method = {"publisher": "publish", "cache": "store"}[option]
    for wrong in (Touchy(), type("Wrong", (), {method: 7})()):
        with pytest.raises(InvalidValue, match=f"{option} has no method '{method}'") as refused:
            store.open(**{option: wrong})  # type: ignore[arg-type]  # what a caller might give
        assert (refused.value.argument, refused.value.value) == (option, wrong)


@pytest.mark.parametrize("option", ["strategy_id", "overfill", "read_only"])
def test_a_malformed_option_of_an_opening_is_named(tmp_path: Path, option: str) -> None:
    """Nothing stays open: the file can be opened at once."""
    given: dict[str, Any] = {"strategy_id": "alpha", option: 7}
    with pytest.raises(InvalidValue) as refused:
        open_ledger(tmp_path / "x.db", **given)
    assert (refused.value.argument, refused.value.value) == (option, 7)
    open_ledger(tmp_path / "x.db", strategy_id="alpha").close()


def test_every_option_of_an_opening_reaches_the_ledger(tmp_path: Path) -> None:
    """Publisher, cache, clock, overfills, the key and whether it may write."""
    published, cache, clock = RecordingPublisher(), DictCache(), SteppingClock()
    options: dict[str, Any] = {"strategy_id": "beta", "chain_key": b"k" * 16}
    path = tmp_path / "x.db"
    with open_ledger(
        path, publisher=published, cache=cache, clock=clock, overfill="book", read_only=False, **options
    ) as ledger:
        placed = ledger.record_order("O", limit_order())
        assert ledger.update_order_fill("O", fill("F", 12)).overfill_quantity == 2
        assert ledger.verify().is_intact
        assert (ledger.strategy_id, ledger.read_only) == ("beta", False)
    assert placed.recorded_at < clock.time
    assert published.types == ["ORDER_PLACED", "ORDER_FILLED"]
    assert list(cache.contexts) == ["O"]
    with pytest.raises(StorageCorrupt):
        open_ledger(path, strategy_id="beta", chain_key=b"l" * 16)
    with open_ledger(path, read_only=True, **options) as reading:
        assert reading.read_only
        with pytest.raises(ReadOnlyLedger):
            reading.rebuild()


class Late(DictCache):
    """A cache that comes up late."""

    is_up = False

    def store(self, key: str, context: Mapping[str, Any]) -> None:
        """Take a context, or raise."""
        if not self.is_up:
            raise RuntimeError("down")
        super().store(key, context)


def test_an_overfill_is_kept_apart_unless_it_is_to_be_booked() -> None:
    """As the ledger was opened."""
    opened: tuple[dict[str, Any], ...] = ({}, {"overfill": "quarantine"}, {"overfill": "book"})
    for options in opened:
        ledger = StrategyLedger(MemoryRepository(strategy_id="alpha"), **options)
        ledger.record_order("O", limit_order())
        if options.get("overfill") == "book":
            assert ledger.update_order_fill("O", fill("F", 12)).overfill_quantity == 2
        else:
            with pytest.raises(OverfillError):
                ledger.update_order_fill("O", fill("F", 12))


def test_a_keyed_chain_goes_on_with_its_key_alone() -> None:
    """Entries are made with it, looked at with it when the ledger is opened, and verified with it."""
    store, key = MemoryStore(), b"k" * 16
    with StrategyLedger(MemoryRepository(store, strategy_id="alpha"), chain_key=key) as ledger:
        ledger.note_upkeep("copy", "first")
        (first,) = ledger.read_journal()
        assert first.digest == chain(GENESIS_DIGEST, first.body, key)
        assert ledger.verify().is_intact
    for wrong in (None, b"l" * 16):
        with pytest.raises(StorageCorrupt):
            StrategyLedger(MemoryRepository(store, strategy_id="alpha"), chain_key=wrong)
    with StrategyLedger(MemoryRepository(store, strategy_id="alpha"), chain_key=key) as ledger:
        ledger.note_upkeep("copy", "second")
        assert [entry.sequence for entry in ledger.read_journal()] == [1, 2]


def test_a_cache_is_told_once_when_it_is_there_and_with_all_that_is_open_when_it_was_not() -> None:
    """It may have been down when the ledger was opened."""
    store, cache = MemoryStore(), DictCache()
    with StrategyLedger(MemoryRepository(store, strategy_id="alpha"), cache=cache) as ledger:
        for name in ("A", "B"):
            ledger.record_order(name, limit_order())
        assert cache.stores == ["A", "B"]
        assert ledger.pending("cache") == 0
    late = Late()
    with StrategyLedger(MemoryRepository(store, strategy_id="alpha"), cache=late) as ledger:
        assert (ledger.pending("cache"), late.stores) == (0, [])
        late.is_up = True
        ledger.record_order("C", limit_order())
        ledger.record_order("D", limit_order())
    assert late.stores == ["A", "B", "C", "C", "D"]


def test_a_clock_of_the_callers_is_checked_at_each_reading(store: Store) -> None:
    """A time that is none is refused before anything is written."""
    moments: list[Any] = [at(0)]
    ledger = store.open(clock=lambda: moments[-1])
    ledger.record_order("O", limit_order())
    moments.append(datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point
    with pytest.raises(InvalidValue) as refused:
        ledger.record_order("P", limit_order())
    assert (refused.value.argument, refused.value.value) == ("clock", moments[-1])
    assert ledger.head().sequence == 1


def test_notes_of_a_person_are_entries_and_are_published(
    ledger: StrategyLedger, published: RecordingPublisher, clock: SteppingClock
) -> None:
    """What was done and why; what was skipped, for whom and why; at the time of the clock."""
    before = clock.time
    ledger.note_upkeep("copy", "to another disk")
    ledger.skip_entry("S", 1, "poison")
    upkeep, skipped = ledger.read_journal()
    assert (upkeep.operation, upkeep.subject, skipped.operation, skipped.subject) == (
        "note_upkeep",
        None,
        "skip_entry",
        None,
    )
    assert before <= upkeep.occurred_at < skipped.occurred_at
    events = [(event["event_type"], event.get("upkeep"), event["reason"]) for event in published.events]
    assert events == [("UPKEEP_NOTED", "copy", "to another disk"), ("ENTRY_SKIPPED", None, "poison")]
    assert published.events[1]["subscriber"] == "S"


def test_only_the_next_entry_can_be_skipped(ledger: StrategyLedger) -> None:
    """What is asked for is shown, and what would be the next one is said."""
    ledger.record_order("O", limit_order())
    for sequence in (2, 3):
        with pytest.raises(InvalidValue, match=r": its next entry is 1$") as refused:
            ledger.skip_entry("S", sequence, "because")
        assert (refused.value.argument, refused.value.value) == ("sequence", sequence)
    ledger.skip_entry("S", 1, "because")
    ledger.skip_entry("S", 2, "because of that")
    with pytest.raises(InvalidValue, match="its next entry is 3"):
        ledger.skip_entry("S", 2, "again")
    ledger.skip_entry("S", 3, "because of that too")
    with pytest.raises(InvalidValue, match=r": it has taken all there is$") as refused:
        ledger.skip_entry("publisher", 5, "ahead")
    assert (refused.value.argument, refused.value.value) == ("sequence", 5)
    heard: list[int] = []
    ledger.subscribe("S", lambda _, payload: heard.append(payload["sequence"]))
    assert heard == [4]
    assert (ledger.pending("S"), ledger.pending("publisher")) == (0, 0)


def test_a_ledger_for_reading_takes_no_note(store: Store) -> None:
    """Of a person neither, and serves nobody."""
    store.open().note_upkeep("copy", "first")
    reading = store.open(read_only=True)
    calls: tuple[Callable[[], None], ...] = (
        lambda: reading.note_upkeep("copy", "second"),
        lambda: reading.skip_entry("S", 1, "because"),
        lambda: reading.subscribe("S", print),
    )
    for call in calls:
        with pytest.raises(ReadOnlyLedger):
            call()
    assert reading.head().sequence == 1


def test_a_name_that_is_not_subscribed_is_shown(ledger: StrategyLedger) -> None:
    """Whoever asks for what is pending must be served here."""
    with pytest.raises(InvalidValue, match="no subscriber 'S' here") as refused:
        ledger.pending("S")
    assert (refused.value.argument, refused.value.value) == ("name", "S")


def test_events_come_under_one_name(ledger: StrategyLedger) -> None:
    """The payload says what happened."""
    heard: list[tuple[str, str]] = []
    ledger.subscribe("S", lambda name, payload: heard.append((name, payload["event_type"])))
    ledger.record_order("O", limit_order())
    assert heard == [(STRATEGY_LEDGER_UPDATED, "ORDER_PLACED")]


def test_the_cache_has_what_is_open_and_what_changes(open_ledger_on: OpenLedger) -> None:
    """Orders and trades, under their ids, each once for an entry, with the strategy's name; and nothing else."""
    with open_ledger_on() as ledger:
        ledger.record_order("O", market_order())
        ledger.update_order_fill("O", fill("F", 4))
        ledger.create_trade("T", ["O"])
        ledger.record_order("GONE", limit_order())
        ledger.update_order_cancellation("GONE")
    cache = DictCache()
    ledger = open_ledger_on(cache=cache)
    assert cache.stores == ["O", "T"]
    assert {name: one["strategy_id"] for name, one in cache.contexts.items()} == {"O": "alpha", "T": "alpha"}
    ledger.update_order_fill("O", fill("G", 1))
    assert cache.stores == ["O", "T", "O", "T"]
    assert cache.contexts["O"]["cum_quantity"] == "5"
    ledger.update_order_fill("GONE", fill("F", 1))
    assert cache.stores[4:] == ["GONE"]
    assert cache.contexts["GONE"]["state"] == "CANCELED"


def test_a_later_follower_takes_the_place_of_the_one_before(ledger: StrategyLedger) -> None:
    """And stops with the ledger; a closed ledger follows nobody."""
    first = ledger.follow(60)
    second = ledger.follow(60)
    assert first is not second
    assert [follower._thread.is_alive() for follower in (first, second)] == [False, True]
    ledger.close()
    assert not second._thread.is_alive()
    with pytest.raises(LedgerClosed):
        ledger.follow(60)
    ledger.close()


def test_a_rebuilt_ledger_goes_on_with_what_the_journal_comes_to(store: Store) -> None:
    """What it had at hand is read again."""
    ledger = store.open()
    ledger.record_order("O", limit_order())
    repository: Any = ledger._repository
    repository.restore([])
    ledger._writer.reload()
    assert list(ledger.find_orders()) == []
    ledger.rebuild()
    assert [order.order_id for order in ledger.find_orders()] == ["O"]
    assert ledger.get_order("O").state == "PLACED"
    assert len(repository.find(Query(kind=RecordKind.ORDER))) == 1


def test_only_the_chain_is_verified_where_that_is_asked(ledger: StrategyLedger) -> None:
    """Against a head that was remembered elsewhere, or none."""
    ledger.record_order("O", limit_order())
    head = ledger.head()
    ledger.record_order("P", limit_order())
    assert (ledger.verify().records, ledger.verify(chain_only=True).records) == (3, 0)
    assert ledger.verify(head).is_intact
    assert not ledger.verify(type(head)(1, "0" * 64)).is_intact
    assert ledger.verify(chain_only=True).entries == 2
