"""The campaign of hostile input, and whether it would see what it looks for."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_core import Batch, LedgerReader, LedgerView, StrategyLedger, UnknownOrder
from reliability.campaign import require_kept
from reliability.disguises import endless
from reliability.hostile import CALLS_A_STRETCH, CAMPAIGN, Stores, World, run_seed, silence, verdict_on
from reliability.hostile_values import AROUND, EXTREMES, STRANGERS, Faceless, Strange
from reliability.public_calls import OPENERS, OPERATIONS, TABLES, PublicOperation

pytestmark = pytest.mark.reliability

CLASSES: dict[str, type] = {"ledger": StrategyLedger, "batch": Batch, "reader": LedgerReader, "view": LedgerView}
UNCALLED = {
    "ledger": {"close", "strategy_id", "read_only", "archivist"},
    "reader": {"close"},
    "view": {"head", "recorded", "occurred"},
}
"""Attributes, and what takes no argument and ends everything."""

PLACES = {
    (operation.of == "module", place[-1]): (operation, number)
    for operation in OPERATIONS
    for number, place in enumerate(operation.places)
}
"""An operation and a place in it for every name that an argument or key has anywhere."""

GET_ORDER = next(one for one in OPERATIONS if (one.of, one.name) == ("ledger", "get_order"))
CANCEL = next(one for one in OPERATIONS if (one.of, one.name) == ("ledger", "update_order_cancellation"))
FILL = next(one for one in OPERATIONS if (one.of, one.name) == ("ledger", "update_order_fill"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a ledger in memory that has lived a little."""
    stores = Stores(tmp_path)
    with stores.world("memory") as made:
        yield made
    stores.close()


def test_hostile_input_meets_a_legal_answer_or_an_error_of_ours() -> None:
    """Nobody's object gets another exception out of the ledger, or a change into it."""
    tally = require_kept(CAMPAIGN)
    assert set(tally.details) - {"filed"} == {"answered", "refused"}
    # Three of a thousand calls are good enough to be filed in quarantine: of few there may be none.
    assert "filed" in tally.details or tally.done < CAMPAIGN.ci


def test_a_fact_that_is_filed_is_no_change_that_was_not_told(world: World) -> None:
    """It leaves an entry, of which its error tells."""
    arguments = {**FILL.good, "order_id": "nobody's"}
    assert verdict_on(world, FILL, arguments) == ("filed", "")


@pytest.mark.parametrize("of", CLASSES)
def test_every_public_operation_is_called(of: str) -> None:
    """An operation or argument that is added later fails here until it is called with hostile values, too."""
    public = {name for name in dir(CLASSES[of]) if not name.startswith("_")}
    assert set(TABLES[of]) == public - UNCALLED.get(of, set())
    for name, good in TABLES[of].items():
        parameters = inspect.signature(getattr(CLASSES[of], name)).parameters
        assert [argument for argument in parameters if argument != "self"] == list(good), name


@pytest.mark.parametrize("name", OPENERS)
def test_every_argument_of_opening_is_given(name: str) -> None:
    """So a secret, a clock or a flag that is added later is tried with hostile values, too."""
    assert list(inspect.signature(OPENERS[name]).parameters) == list(TABLES["module"][name])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.of}.{one.name}")
def test_the_good_call_is_good(world: World, operation: PublicOperation) -> None:
    """Else what the hostile calls prove would be something else."""
    assert verdict_on(world, operation, operation.arguments([])) == ("answered", "")
    assert list(world.wrong_at_the_end()) == []


def test_no_value_is_too_strange_anywhere(world: World) -> None:
    """Each by itself, in a place of each name: the law holds, and the ledger is whole afterwards."""
    samples = [*STRANGERS, *EXTREMES, *AROUND]
    found = []
    with silence():
        for operation, number in PLACES.values():
            for sample in samples:
                edits = [(number, sample)]
                verdict = verdict_on(world, operation, operation.arguments(edits))
                if verdict.problem:
                    found.append(f"{operation.described(edits)}: {verdict.problem}")
        assert found == []
        assert list(world.wrong_at_the_end()) == []


def test_the_same_seed_makes_the_same_calls(tmp_path: Path) -> None:
    """So a violation can be looked at again."""
    first, second = (_tally(tmp_path / name, 1) for name in ("a", "b"))
    others = [_tally(tmp_path / str(seed), seed) for seed in (2, 3, 4, 5)]
    assert first == second
    # Of two seeds as many calls may happen to be refused: hypothesis draws constants of whatever modules are loaded.
    assert any(first.details != other.details for other in others)
    assert first.done == 3 * CALLS_A_STRETCH


def _tally(folder: Path, seed: int) -> Any:
    folder.mkdir()
    return run_seed(seed, folder, stretches=3)


# -- negative controls ----------------------------------------------------------------------------------------------


def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (lambda _ledger: _raise(KeyError("o1")), "KeyError at"),
        (lambda _ledger: _raise(MemoryError()), "MemoryError at"),
        (lambda _ledger: list(endless()), "it goes on for ever"),
        (lambda _ledger: [Strange()], "answer[0] is a reliability.hostile_values.Strange"),
        (lambda ledger: ledger.update_order_expiry("o2") and None, "answered, and the journal moved by 1"),
        (lambda ledger: ledger.update_order_expiry("o2") and _raise(UnknownOrder("o1")), "refused, and the journal moved"),
        (lambda _ledger: _raise(UnknownOrder(Faceless())), "its error cannot be shown"),  # type: ignore[arg-type]  # that is the point
    ],
)  # fmt: skip
def test_a_broken_law_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: Callable[[StrategyLedger], Any], problem: str
) -> None:
    """Another exception, an endless call, a stranger in the answer, a write by a question or before a refusal."""
    monkeypatch.setattr(StrategyLedger, "get_order", lambda ledger, order_id: broken(ledger))
    assert problem in verdict_on(world, GET_ORDER, GET_ORDER.arguments([])).problem


def test_an_event_without_an_entry_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was published and is not in the journal was never true."""
    told = world.published.events[0]
    monkeypatch.setattr(StrategyLedger, "get_order", lambda ledger, order_id: world.published.events.append(told))
    assert "without an entry" in verdict_on(world, GET_ORDER, GET_ORDER.arguments([])).problem
    assert any(problem.startswith("published") for problem in world.wrong_at_the_end())


def test_records_that_are_not_the_journals_are_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of a record alone shows when the journal is verified at the end."""
    world.ledger.get_order("o1")
    repository: Any = world.ledger._repository
    orders = repository.store.journal(world.strategy_id).records["ORDER"]
    orders["o1",] = orders["o2",]
    assert any(problem.startswith("verify") for problem in world.wrong_at_the_end())


def test_a_violation_is_told_with_its_seed_and_reduced_to_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it can make the call by hand."""
    monkeypatch.setattr(StrategyLedger, "update_order_cancellation", lambda *_, **__: _raise(ZeroDivisionError()))
    told = [found for seed in range(3) for found in run_seed(seed, _made(tmp_path / str(seed)), stretches=4).violations]
    assert told
    for found in told:
        assert found.startswith("seed ")
        assert "ZeroDivisionError" in found
        assert "update_order_cancellation(" in found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
