"""A subscriber that nobody serves any more can be forgotten: it holds nothing then, and the journal says who said so."""

from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from ledger_core import ReadOnlyLedger, StorageFull, StrategyLedger, SubscriberInUse
from ledger_core.changes import Head
from support import RecordingPublisher, Store, limit_order
from support.clock import START, SteppingClock

LONG = "s" * 128


def with_orders(store: Store, **options: Any) -> StrategyLedger:
    """Return a ledger with three entries."""
    ledger = store.open(clock=SteppingClock(START + timedelta(days=len(store.repository().read(0)))), **options)
    for number in range(1, 4):
        ledger.record_order(f"O{number}", limit_order())
    return ledger


def served_once(store: Store, name: str) -> None:
    """Serve a subscriber once; it takes nothing."""

    def broken(_: str, __: Any) -> None:
        raise ConnectionError

    with store.open() as ledger:
        ledger.subscribe(name, broken)


@pytest.mark.parametrize("name", ["old monitor", LONG, "publisher"])
def test_who_is_forgotten_does_not_hold_the_journal(store: Store, name: str) -> None:
    """Its cursor kept every entry; now what is in an archive can go."""
    ledger = with_orders(store)
    served_once(store, name)
    (second,) = islice(ledger.read_journal(1), 1)
    ledger.archivist.set_checkpoint("J1", Head(2, second.digest, second.recorded_at))
    held = ledger.archivist.cut()
    assert (held.held_by, held.first_left) == ((name,), 1)
    ledger.forget_subscriber(name, "replaced by another program")
    done = ledger.archivist.cut()
    assert (done.held_by, done.first_left) == ((), 3)
    assert ledger.verify().is_intact


def test_it_is_on_the_record_and_published(store: Store) -> None:
    """Who was forgotten, and why, in an entry of its own."""
    published = RecordingPublisher()
    ledger = with_orders(store, publisher=published)
    ledger.forget_subscriber("old", "replaced")
    noted = list(ledger.read_journal())[-1]
    assert (noted.sequence, noted.operation, noted.subject) == (4, "note_upkeep", None)
    told = published.of_type("UPKEEP_NOTED")
    assert [(one["upkeep"], one["reason"], one["sequence"]) for one in told] == [
        ("forget subscriber old", "replaced", 4)
    ]


def test_who_is_served_is_not_forgotten(store: Store) -> None:
    """Neither by the ledger that serves it, nor by another; nothing is written, and it goes on."""
    ledger = with_orders(store)
    heard: list[int] = []
    ledger.subscribe("monitor", lambda _, payload: heard.append(payload["sequence"]))
    with store.open() as operator:
        for one in (ledger, operator):
            with pytest.raises(SubscriberInUse) as refused:
                one.forget_subscriber("monitor", "because")
            assert refused.value.subscriber == "monitor"
            assert "monitor" in refused.value.message
    assert ledger.head().sequence == 3
    ledger.record_order("O4", limit_order())
    assert heard == [1, 2, 3, 4]


def test_who_comes_back_begins_anew(store: Store) -> None:
    """With the first entry there is, whether in the ledger that forgot it or in another, and keeps its place then."""
    ledger = with_orders(store)
    served_once(store, "monitor")
    ledger.forget_subscriber("monitor", "gone")
    heard: list[int] = []
    ledger.subscribe("monitor", lambda _, payload: heard.append(payload["sequence"]))
    assert heard == [1, 2, 3, 4]
    ledger.close()
    again: list[int] = []
    with store.open() as later:
        later.subscribe("monitor", lambda _, payload: again.append(payload["sequence"]))
        assert later.pending("monitor") == 0
    with store.open() as later:
        later.forget_subscriber("monitor", "gone for good")
        later.subscribe("monitor", lambda _, payload: again.append(payload["sequence"]))
    assert again == [1, 2, 3, 4, 5]


def refuse(*_: object) -> None:
    """Have no room."""
    raise StorageFull("no room")


def test_a_cursor_is_only_gone_with_its_note(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the note is not stored, the subscriber is where it was."""
    with with_orders(store) as ledger:
        ledger.subscribe("monitor", lambda *_: None)
    served_once(store, "monitor")
    ledger = store.open()
    with monkeypatch.context() as patch:
        patch.setattr(ledger._repository, "append", refuse)
        with pytest.raises(StorageFull):
            ledger.forget_subscriber("monitor", "gone")
    ledger.close()
    heard: list[int] = []
    with store.open() as ledger:
        ledger.subscribe("monitor", lambda _, payload: heard.append(payload["sequence"]))
        assert (heard, ledger.head().sequence) == ([], 3)


def test_a_ledger_for_reading_forgets_nobody(store: Store) -> None:
    """It serves nobody either."""
    with_orders(store)
    reading = store.open(read_only=True)
    with pytest.raises(ReadOnlyLedger):
        reading.forget_subscriber("monitor", "because")
    assert reading.head().sequence == 3
