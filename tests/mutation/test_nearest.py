"""The tests that a mutant is given first are those most likely to be about it."""

from mutation.nearest import Known

FUNCTION = "ledger_core.positions.x_fold"
OWN = "tests/core/test_positions.py::test_flip"
NARROW = "tests/core/test_fills.py::test_narrow"
BROAD = "tests/core/test_queries.py::test_broad"
SLOW = "tests/core/test_as_of.py::test_slow"

ELSEWHERE = {f"ledger_core.other.x_{number}": {BROAD, OWN} for number in range(10)}
TESTS = Known(
    {OWN: 0.0, NARROW: 0.0, BROAD: 0.0, SLOW: 60.0},
    {FUNCTION: {OWN, NARROW, BROAD, SLOW}, **ELSEWHERE},
)


def test_tests_named_after_the_module_come_first_then_those_that_call_little() -> None:
    """A test of positions is nearer to a mutant of positions than one that happens to fold a fill."""
    assert TESTS.nearest(FUNCTION, budget=1_000) == [OWN, NARROW, BROAD, SLOW]


def test_tests_are_near_in_files_that_are_known_to_be_about_the_module() -> None:
    """Not every file is named after the module that it is about."""
    function = "ledger_core.reconciling.orders.x_check"
    own = "tests/core/test_reconcile_corners.py::test_a"
    assert Known({}, {function: {own, "tests/core/test_a.py::test_a"}}).nearest(function, budget=1_000)[0] == own


def test_an_adapter_s_own_tests_and_the_contract_come_before_those_of_the_core() -> None:
    """What an adapter owes is said there; the core's tests go through it on their way."""
    function = "ledger_storage_sqlite._stored.x_scan"
    own = [
        "tests/sqlite/test_stored.py::test_a",
        "tests/sqlite/test_other.py::test_a",
        "tests/test_contract.py::test_b",
    ]
    known = Known({}, {function: {*own, "tests/core/test_a.py::test_a"}})
    assert known.nearest(function, budget=1_000) == [*own, "tests/core/test_a.py::test_a"]


def test_one_case_of_each_test_comes_before_all_cases_of_one() -> None:
    """Forty cases of one test say less about a mutant than forty tests."""
    cases = [f"{OWN}[{number}]" for number in range(5)]
    known = Known({}, {FUNCTION: {*cases, "tests/core/test_positions.py::test_other"}})
    assert known.nearest(FUNCTION, budget=1_000)[:2] == [cases[0], "tests/core/test_positions.py::test_other"]


def test_no_more_tests_are_given_than_the_budget_allows() -> None:
    """A budget that is used up ends the list, but one test is always given."""
    assert TESTS.nearest(FUNCTION, budget=0.001) == [OWN]
    assert SLOW not in TESTS.nearest(FUNCTION, budget=0.05)


def test_tests_that_have_killed_other_mutants_of_the_function_come_first() -> None:
    """What has seen one mistake in a function sees most others; the budget is for the rest."""
    known = Known(TESTS.seconds, TESTS.by_function)
    for test in (BROAD, SLOW, SLOW):
        known.note_killer(FUNCTION, test)
    assert known.nearest(FUNCTION, budget=0.001) == [SLOW, BROAD, OWN]
    assert known.nearest("ledger_core.other.x_1", budget=0.001) == [OWN], "of another function they say nothing"


def test_what_is_called_by_imports_alone_gets_the_tests_of_its_module() -> None:
    """No test calls it, but its neighbours' tests fail where it went wrong."""
    assert TESTS.of_module("ledger_core.positions.x_table", budget=1_000) == [OWN, NARROW, BROAD, SLOW]
    assert TESTS.of_module("ledger_core.unknown.x_table", budget=1_000) == []


def test_a_function_that_no_test_calls_has_none() -> None:
    """There is nothing to give, and that is told."""
    assert TESTS.nearest("ledger_core.positions.x_unknown", budget=10) == []


def test_new_tests_are_noticed() -> None:
    """A survivor starts again when its function has a test that it did not have before, or one that says more."""
    more = Known({}, {FUNCTION: {*TESTS.by_function[FUNCTION], "tests/core/test_new.py::test_new"}})
    assert more.digest(FUNCTION) != TESTS.digest(FUNCTION)
    assert Known({}, TESTS.by_function).digest(FUNCTION) == TESTS.digest(FUNCTION)
    changed = Known({}, TESTS.by_function, {OWN: "another text"})
    assert changed.digest(FUNCTION) != TESTS.digest(FUNCTION)
