"""The end of the journal at opening, and the key of its chain: nothing is built on what does not hold together."""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from conftest import OpenLedger
from ledger_core import (
    Head,
    InvalidValue,
    StorageBusy,
    StorageCorrupt,
    StrategyLedger,
    open_ledger,
    open_reader,
)
from ledger_core.changes import chain
from ledger_core.ending import ENTRIES_CHECKED, require_sound_end
from ledger_core.findings import Finding
from ledger_core.model import Order, RecordKind
from ledger_core.repository import PAGE_SIZE_MAX, Query, RawEntry
from ledger_core.verifying import verify
from support import Store
from support.details import fill, limit_order
from support.endings import Doubtful
from support.life import live

KEY = b"0123456789abcdef"
OTHER_KEY = b"fedcba9876543210"


@pytest.fixture
def doubtful(store: Store, open_ledger_on: OpenLedger) -> Doubtful:
    """Return a repository with a life in it, in doubt."""
    live(open_ledger_on())
    return Doubtful(store.repository())


def test_a_sound_end_is_confirmed(doubtful: Doubtful) -> None:
    """After an unclean end that left everything whole the ledger opens, and the next opening need not look again."""
    with StrategyLedger(doubtful) as ledger:
        assert ledger.get_order("O1").state == "FILLED"
        assert not doubtful.in_doubt
        assert doubtful.loaded > 20


def test_an_empty_journal_ends_soundly(store: Store) -> None:
    """Nothing is wrong with nothing."""
    repository = Doubtful(store.repository())
    StrategyLedger(repository).close()
    assert not repository.in_doubt


def test_a_good_end_costs_two_entries(doubtful: Doubtful) -> None:
    """Where everybody ended well no record is read to look at the end, whatever the history."""
    doubtful.in_doubt = False
    require_sound_end(doubtful)
    assert doubtful.asked == [1, 1]
    assert doubtful.loaded == 0


@pytest.mark.parametrize("damage", ["digest", "body", "gap", "first", "nonsense", "order"])
def test_a_broken_chain_is_not_opened(doubtful: Doubtful, damage: str) -> None:
    """After an unclean end an entry that was changed, is missing or is out of its place keeps the ledger shut."""
    (tenth,) = doubtful.inner.read_raw(9, 1)
    doubtful.shown = {
        "digest": {10: tenth._replace(digest="0" * 64)},
        "body": {10: tenth._replace(body=tenth.body.replace(b"O", b"P"))},
        "gap": {10: None},
        "first": {1: None},
        "nonsense": {10: tenth._replace(digest="no digest")},
        "order": {10: tenth._replace(sequence=9)},
    }[damage]  # type: ignore[assignment]  # dicts of one value type each
    with pytest.raises(
        StorageCorrupt, match=r"entry (1|10|11) of alpha (is missing|does)|digest of entry 1[01] of alpha"
    ) as corrupt:
        StrategyLedger(doubtful)
    assert corrupt.value.context == {"sequence": 1 if damage == "first" else 10}
    assert doubtful.in_doubt


def test_a_torn_record_is_not_opened(doubtful: Doubtful) -> None:
    """After an unclean end a record that is not what the last entries left keeps the ledger shut, and is named."""
    order = doubtful.inner.load(RecordKind.ORDER, ("O2",))
    assert isinstance(order, Order)
    for shown, differs in (
        (None, "it differ"),
        (attrs.evolve(order, version=order.version - 1), "version differ"),
        (attrs.evolve(order, executed_value=order.executed_value + 1), "executed_value differ"),
    ):
        doubtful.records = {(RecordKind.ORDER, ("O2",)): shown}
        with pytest.raises(StorageCorrupt, match=f"ORDER O2 is not stored as entry .* left it: {differs}") as corrupt:
            StrategyLedger(doubtful)
        (*_, last) = (one for one in doubtful.read(0) if any(change.key == order.key for change in one.changes))
        assert corrupt.value.context == {"kind": RecordKind.ORDER, "key": ("O2",), "sequence": last.sequence}
    assert doubtful.in_doubt


def test_a_torn_record_is_known_by_the_values_that_the_entries_set(doubtful: Doubtful) -> None:
    """By the last entry that set each, whichever that was; what none of them set, nor its key, is not looked at."""
    position = next(one for one in doubtful.inner.find(Query(kind=RecordKind.POSITION)) if one.version > 2)
    for name in ("quantity", "last_sequence", "fees"):
        changed: dict[str, Any] = {name: None}
        doubtful.records = {(position.kind, position.key): attrs.evolve(position, **changed)}
        with pytest.raises(StorageCorrupt, match=f"{name} differs"):
            require_sound_end(doubtful)
    unsaid: dict[str, Any] = {"sequence": 99, "symbol": "OTHER"}
    doubtful.records = {(position.kind, position.key): attrs.evolve(position, **unsaid)}
    require_sound_end(doubtful)


def test_only_the_last_entries_are_looked_through(store: Store, open_ledger_on: OpenLedger) -> None:
    """What the check costs does not grow with the history: damage before the last 1,000 entries is verify's to find."""
    with open_ledger_on() as ledger, ledger.batch() as batch:
        for number in range(ENTRIES_CHECKED + 5):
            batch.record_order(f"O{number}", limit_order())
    repository = Doubtful(store.repository())
    (early,) = repository.inner.read_raw(2, 1)
    repository.shown = {3: early._replace(body=b"{}")}
    require_sound_end(repository)
    assert sum(repository.asked) == ENTRIES_CHECKED + 1
    repository.in_doubt = True
    last_before = repository.inner.read_raw(4, 1)[0]
    repository.shown = {5: None, 6: last_before}
    with pytest.raises(StorageCorrupt, match="entry 5 of alpha is missing") as corrupt:
        StrategyLedger(repository)
    assert corrupt.value.context == {"sequence": 5}


def test_a_record_that_moved_on_meanwhile_is_not_torn(store: Store, doubtful: Doubtful) -> None:
    """A killed bot opens its ledger beside busy writers: what a later entry changed says nothing of the end."""
    head = doubtful.inner.head()
    with store.open() as other:
        other.update_order_acceptance("O3", {"venue_order_id": "V3"})
        doubtful.heads = [head, other.head()]
        StrategyLedger(doubtful).close()
    assert not doubtful.in_doubt


def test_others_may_write_meanwhile(doubtful: Doubtful) -> None:
    """What was read while another writer moved on means nothing, and is read again; but not for ever."""
    head = doubtful.inner.head()
    doubtful.records = {(RecordKind.ORDER, ("O5",)): None}
    doubtful.heads = [Head(head.sequence - 1, "x"), head, Head(head.sequence - 1, "x")]
    with pytest.raises(StorageCorrupt, match="ORDER O5"):
        StrategyLedger(doubtful)
    doubtful.heads = [head, Head(head.sequence + 1, "x")] * 200
    with pytest.raises(StorageBusy, match="stayed ahead"):
        StrategyLedger(doubtful)


# -- the key ----------------------------------------------------------------------------------------------------------


def test_a_keyed_chain_is_made_and_verified_with_its_key(store: Store, open_ledger_on: OpenLedger) -> None:
    """With the key the ledger is intact, read-only and rebuilt too; without it, nobody can say so."""
    ledger = open_ledger_on(chain_key=KEY)
    live(ledger)
    assert ledger.verify().is_intact
    ledger.rebuild()
    (first, second) = store.repository().read_raw(0, 2)
    assert second.digest == chain(first.digest, second.body, KEY) != chain(first.digest, second.body)
    with open_ledger(store.url, strategy_id="alpha", read_only=True, chain_key=KEY) as reader:
        assert reader.verify(chain_only=True).is_intact
    with open_reader(store.url, chain_key=KEY) as tool:
        assert tool.strategy("alpha").verify().is_intact
    for key in (None, OTHER_KEY):
        found = {difference.what for difference in verify(store.repository(), chain_key=key).differences}
        assert found == {Finding.DIGEST_BROKEN}


@pytest.mark.parametrize(("made_with", "opened_with"), [(KEY, None), (KEY, OTHER_KEY), (None, KEY)])
def test_a_key_that_does_not_fit_writes_nothing(
    store: Store, open_ledger_on: OpenLedger, made_with: bytes | None, opened_with: bytes | None
) -> None:
    """A ledger opened with another key than its chain was made with is refused; reading it needs none."""
    live(open_ledger_on(chain_key=made_with))
    before = store.repository().head()
    with pytest.raises(StorageCorrupt, match="another chain_key") as caught:
        open_ledger_on(chain_key=opened_with)
    assert "fedcba" not in repr(caught.value) + str(caught.value.context)
    assert store.repository().head() == before
    with open_ledger_on(read_only=True, chain_key=opened_with) as reader:
        assert reader.get_order("O1").state == "FILLED"


def test_whoever_lacks_the_key_cannot_forge_the_chain(store: Store, open_ledger_on: OpenLedger) -> None:
    """A journal whose changed body was chained again by SHA-256 to its end passes as whole only where no key is asked."""

    class Forged(Doubtful):
        def read_raw(self, after: int, limit: int = PAGE_SIZE_MAX) -> Sequence[RawEntry]:
            digest, forged = "0" * 64, []
            for entry in self.inner.read_raw(0, PAGE_SIZE_MAX):
                body = entry.body.replace(b"99.90", b"99.80")
                digest = chain(digest, body)
                forged.append(entry._replace(body=body, digest=digest))
            return [entry for entry in forged if entry.sequence > after][:limit]

    live(open_ledger_on(chain_key=KEY))
    forged = Forged(store.repository())
    forged.heads = [Head(0, "0" * 64)] * 10
    assert verify(forged, chain_only=True).is_intact
    assert not verify(forged, chain_only=True, chain_key=KEY).is_intact


@pytest.mark.parametrize("value", ["0123456789abcdef", bytearray(KEY), 17, b"short", b"x" * 1_025, b""])
def test_a_key_is_bytes_of_some_length(value: Any) -> None:
    """A key that is no key is refused without being shown."""
    with pytest.raises(InvalidValue, match=r"chain_key (must be bytes|has 16 to 1024 bytes)") as caught:
        open_ledger("memory://", strategy_id="alpha", chain_key=value)
    assert "0123456789" not in repr(caught.value) + str(caught.value.context)
    with pytest.raises(InvalidValue, match="chain_key"):
        open_reader("memory://", chain_key=value)


def test_events_and_heads_carry_the_keyed_digest(open_ledger_on: OpenLedger) -> None:
    """What a subscriber remembers of the chain is what verification compares with."""
    seen: list[Head] = []
    ledger = open_ledger_on(chain_key=KEY)
    ledger.subscribe("auditor", lambda _name, payload: seen.append(Head(payload["sequence"], payload["digest"])))
    ledger.record_order("O1", limit_order())
    ledger.update_order_fill("O1", fill("F1", 10))
    assert seen[-1] == ledger.head()
    for head in seen:
        assert ledger.verify(head).is_intact
    assert not ledger.verify(Head(1, seen[-1].digest)).is_intact
