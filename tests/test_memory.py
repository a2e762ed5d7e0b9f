"""What the memory adapter promises beyond the laws: its stores, and who shares them."""

import gc
from decimal import Decimal

import attrs
import pytest

from ledger_core.changes import GENESIS_DIGEST, Cursor, Head
from ledger_core.errors import Conflict, InvalidValue, ReadOnlyLedger
from ledger_core.model import RecordKind
from ledger_core.repository import LedgerRepository, Query
from ledger_core.testing import archived, checkpoint, entry, fill, head_after, later, order
from ledger_core.testing.samples import STRATEGY
from ledger_storage_memory import MemoryRepository, MemoryStore, open_repository

EMPTY = Head(0, GENESIS_DIGEST)


def test_it_is_a_repository() -> None:
    """The adapter has the port's shape, for the type checker as well as at run time."""
    repository: LedgerRepository = open_repository("memory://", strategy_id="S")
    assert isinstance(repository, MemoryRepository)
    assert repository.strategy_id == "S"
    assert repository.read_only is False
    assert open_repository("memory://", strategy_id="S", read_only=True).read_only is True


@pytest.mark.parametrize("url", ["memory://", "memory:///"])
def test_without_a_name_each_store_is_its_own(url: str) -> None:
    """Opening `memory://` twice opens two stores."""
    first, second = (open_repository(url, strategy_id="S") for _ in range(2))
    first.append([entry(EMPTY, order(), strategy_id="S")])
    assert second.head() == EMPTY
    assert first.store is not second.store


def test_a_named_store_is_shared_by_its_name() -> None:
    """Opening one name twice opens one store; another name is another store."""
    first = open_repository("memory://desk", strategy_id="S")
    second = open_repository("memory://desk", strategy_id="S")
    others = [open_repository(f"memory://{name}", strategy_id="S") for name in ("desk-2", "Xdesk", "a://desk")]
    given = entry(EMPTY, order(), strategy_id="S")
    first.append([given])
    assert second.head() == head_after(given)
    assert [other.head() for other in others] == [EMPTY] * 3


def test_a_named_store_lives_while_somebody_holds_it() -> None:
    """A named store outlives its opener while another repository is there, closed or not, and ends with the last."""
    first = open_repository("memory://night", strategy_id="S")
    second = open_repository("memory://night", strategy_id="S")
    first.append([entry(EMPTY, order(), strategy_id="S")])
    first.close()
    del first
    gc.collect()
    assert second.head().sequence == 1
    second.close()
    assert open_repository("memory://night", strategy_id="S").head().sequence == 1
    del second
    gc.collect()
    assert open_repository("memory://night", strategy_id="S").head() == EMPTY


def test_a_repository_without_a_store_makes_one() -> None:
    """MemoryRepository alone has a store of its own, which others may be given."""
    first = MemoryRepository(strategy_id="S")
    assert MemoryRepository(strategy_id="S").store is not first.store
    first.append([entry(EMPTY, order(), strategy_id="S")])
    assert MemoryRepository(first.store, strategy_id="S").head().sequence == 1


def test_an_empty_store_is_still_the_store_given() -> None:
    """A store that holds nothing yet is used, not replaced."""
    store = MemoryStore()
    assert MemoryRepository(store, strategy_id="S").store is store


def test_records_are_kept_not_copied() -> None:
    """A frozen record is stored as it is: `load` hands out the very object, so that reading costs nothing."""
    repository = MemoryRepository(strategy_id="S")
    given = entry(EMPTY, order(), strategy_id="S")
    repository.append([given])
    assert repository.load(RecordKind.ORDER, ("O-1",)) is given.records[0]


def test_errors_say_what_was_found() -> None:
    """A Conflict carries the head; a refused query names what it does not know; a refused page its limit."""
    repository = MemoryRepository(strategy_id="S")
    repository.append([entry(EMPTY, order(), strategy_id="S")])
    with pytest.raises(Conflict, match="the journal of S ends at 1") as conflict:
        repository.append([entry(EMPTY, order(), strategy_id="S")])
    assert conflict.value.context == {"head": 1}
    assert conflict.value.retryable
    with pytest.raises(InvalidValue, match="'price'"):
        repository.find(Query(kind=RecordKind.ORDER, where={"price": 1}))
    with pytest.raises(InvalidValue, match="limit"):
        repository.find(Query(kind=RecordKind.ORDER, limit=0))
    with pytest.raises(InvalidValue) as page:
        repository.read(0, 0)
    assert (page.value.argument, page.value.value) == ("limit", 0)


def test_a_reader_changes_nothing() -> None:
    """Whatever would write is refused before anything is looked at."""
    writer = MemoryRepository(strategy_id="S")
    reader = MemoryRepository(writer.store, strategy_id="S", read_only=True)
    for call in (
        lambda: reader.append([entry(EMPTY, order(), strategy_id="S")]),
        lambda: reader.append([], [Cursor("bot", 1)]),
        lambda: reader.claim("bot"),
        lambda: reader.restore([order()]),
        lambda: reader.stage("1", [b"page"]),
        lambda: reader.cut(1),
    ):
        with pytest.raises(ReadOnlyLedger):
            call()
    assert writer.head() == EMPTY
    assert writer.find(Query(kind=RecordKind.ORDER)) == []
    assert writer.store.journals["S"].cursors == {}


def test_what_is_archived_goes_and_what_is_not_stays() -> None:
    """The record that stands for it takes its place; a checkpoint without a page needs none to be cut by."""
    repository = MemoryRepository(strategy_id="S")
    repository.append([entry(EMPTY, order("O-0"), order("O-1"), strategy_id="S")])
    repository.append([entry(repository.head(), archived(), checkpoint(1), strategy_id="S")])
    assert [one.key for one in repository.find(Query(kind=RecordKind.ORDER))] == [("O-1",)]
    for _ in range(2):
        assert repository.cut(1) == []
    assert [one.sequence for one in repository.read(0)] == [2]


def test_a_difference_may_be_one_of_writing_alone() -> None:
    """A price of 50.0 is written otherwise than 50.00, and true otherwise than 1, though Python calls them equal."""
    repository = MemoryRepository(strategy_id="S")
    repository.append([entry(EMPTY, fill(price=Decimal("50.0"), late=1), strategy_id="S")])
    (stored,) = repository.scan(RecordKind.FILL)
    found = stored.differences(fill(price=Decimal("50.00"), sequence=1, executed_at=later(1)))
    assert {name: tuple(map(str, both)) for name, both in found.items()} == {
        "price": ("50.00", "50.0"),
        "late": ("False", "1"),
        "executed_at": (str(later(1)), str(later(0))),
    }
    assert stored.differences(fill(price=Decimal("50.0"), sequence=1, late=1)) == {}


def test_reading_from_before_the_start_reads_from_the_start() -> None:
    """A negative `after` is before the first entry, not a place counted from the end."""
    repository = MemoryRepository(strategy_id="S")
    for number in range(3):
        repository.append([entry(repository.head(), order(f"O-{number}"), strategy_id="S")])
    assert [read.sequence for read in repository.read(-1)] == [1, 2, 3]


def test_a_value_that_is_none_of_its_field_is_a_difference() -> None:
    """Records in memory can be of any shape: what could not even be written is reported by name, and stops nothing."""
    repository = open_repository("memory://", strategy_id=STRATEGY)
    repository.append([entry(EMPTY, order())])
    (stored,) = repository.scan(RecordKind.ORDER)
    expected = order(sequence=1)
    assert dict(stored.differences(expected)) == {}
    repository.restore([attrs.evolve(expected, quantity=object(), placed_at="yesterday")])  # type: ignore[arg-type]  # damage
    (stored,) = repository.scan(RecordKind.ORDER)
    assert set(stored.differences(expected)) == {"quantity", "placed_at"}
