"""A head: a place in the journal and its digest, a value that a caller compares, keeps and hands on."""

import copy
import pickle
from collections.abc import Callable

import attrs
import pytest

from ledger_core import Head, StrategyLedger, codec, open_ledger
from support import limit_order


@pytest.fixture
def in_memory() -> StrategyLedger:
    """A ledger in memory with one order, whose entry nobody has looked at."""
    ledger = open_ledger("memory://", strategy_id="S")
    ledger.record_order("O-1", limit_order())
    return ledger


def test_heads_of_one_entry_are_equal_before_and_after_the_digest_is_read(in_memory: StrategyLedger) -> None:
    """They have one hash too, whichever of them was looked at."""
    first, second = in_memory.head(), in_memory.head()
    assert first == second
    assert hash(first) == hash(second)
    assert in_memory.head() == Head(1, first.digest)


def test_a_head_is_that_of_an_entry_just_made_or_read_back(in_memory: StrategyLedger) -> None:
    """Place, digest and time, whether the entry was written yet or comes from its body."""
    (entry,) = in_memory.read_journal()
    read_back = codec.load_entry(entry.body, entry.digest)
    for one in (entry, read_back):
        head = Head.at(one)
        assert (head.sequence, head.digest, head.recorded_at) == (1, entry.digest, entry.recorded_at)


def test_heads_are_told_apart_in_a_set() -> None:
    """By their hashes already."""
    assert len({hash(Head(place, digest)) for place in (1, 2) for digest in ("ab", "cd")}) == 4


def test_a_head_differs_by_place_and_by_digest(in_memory: StrategyLedger) -> None:
    """Journals of equal length are told apart, and a head is nothing else than a head."""
    other = open_ledger("memory://", strategy_id="S")
    other.record_order("O-2", limit_order())
    head = in_memory.head()
    assert head != other.head()
    in_memory.update_order_cancellation("O-1")
    assert head != in_memory.head()
    assert head != (head.sequence, head.digest)


@pytest.mark.parametrize(
    "handed_on",
    [lambda head: pickle.loads(pickle.dumps(head)), copy.copy, copy.deepcopy, attrs.evolve],
    ids=["pickle", "copy", "deepcopy", "evolve"],
)
def test_a_head_can_be_kept_before_anybody_has_read_its_digest(
    in_memory: StrategyLedger, handed_on: Callable[[Head], Head]
) -> None:
    """A copy is equal and whole, whether the original's digest was made or not."""
    kept = handed_on(in_memory.head())
    assert kept == in_memory.head()
    assert (kept.digest, kept.recorded_at) == (in_memory.head().digest, in_memory.head().recorded_at)


def test_a_head_shows_its_three_fields(in_memory: StrategyLedger) -> None:
    """How its digest is made is nobody's business."""
    head = in_memory.head()
    assert attrs.asdict(head) == {"sequence": 1, "digest": head.digest, "recorded_at": head.recorded_at}
    assert repr(Head(1, "ab")) == "Head(sequence=1, digest='ab', recorded_at=None)"
    with pytest.raises(AttributeError, match="'colour'"):
        head.colour  # type: ignore[attr-defined]  # noqa: B018


def test_commands_and_questions_in_memory_make_no_digest(
    in_memory: StrategyLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody reads is not made, and is made once when somebody does."""
    made = []

    def chained(*link: object) -> str:
        made.append(link)
        return "ab" * 32

    monkeypatch.setattr(codec, "chain", chained)
    in_memory.update_order_acceptance("O-1")
    in_memory.get_order("O-1")
    in_memory.get_open_positions()
    head = in_memory.head()
    assert not made
    assert head.digest == in_memory.head().digest == "ab" * 32
    assert len(made) == 2
