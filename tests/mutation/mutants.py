"""Makes the mutants with mutmut and runs the tests on them, a mutant at a time, going on where the last run ended.

mutmut makes a copy of the packages in `mutants/` in which every function has all its mutants beside it, and keeps
there what became of each; `mutmut show NAME` and `mutmut browse` work on it. Which tests a mutant is given, and for
how long, is decided here (`nearest`).
"""

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import attrs
from mutmut.__main__ import collect_or_load_stats, create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths, walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name, orig_function_and_class_names_from_key
from mutmut.workers.isolation import MutantRunner, get_mutant_runner

from mutation.changes import Change
from mutation.nearest import Known

FOLDER = Path("mutants")
BUDGETS = (1.5, 6.0)
"""Seconds of tests that a mutant is given, and that a survivor is given then."""

_TRIED = FOLDER / "tried.json"
_NO_TESTS = 33  # mutmut's code for it
_SURVIVED = 0


@attrs.define
class Mutant:
    """One mutant and what became of it."""

    name: str
    file: SourceFileMutationData = attrs.field(repr=False)

    @property
    def module(self) -> str:
        """The dotted name of its module."""
        return str(self.file.path).removesuffix(".py").replace(os.sep, ".").removesuffix(".__init__")

    @property
    def function(self) -> str:
        """The name of its function or, with the class, of its method."""
        function, owner = orig_function_and_class_names_from_key(self.name)
        return f"{owner}.{function}" if owner else function

    @property
    def called(self) -> str:
        """What mutmut calls its function."""
        return mangled_name_from_mutant_name(self.name)

    @property
    def status(self) -> str:
        """What mutmut calls what became of it."""
        return status_by_exit_code[self.file.exit_code_by_key[self.name]]

    @property
    def change(self) -> Change:
        """What it changes in the function's text."""
        return Change.of(self.module, self.function, get_diff_for_mutant(self.name, path=self.file.path))

    def keep(self, exit_code: int, seconds: float) -> None:
        """Keep what became of it."""
        self.file.exit_code_by_key[self.name] = exit_code
        self.file.durations_by_key[self.name] = seconds
        kept = self.file.meta_path
        self.file.meta_path = kept.with_suffix(".new")  # a run that is killed while it writes must not lose the rest
        self.file.save()
        self.file.meta_path.replace(kept)
        self.file.meta_path = kept


def mutants_like(patterns: Sequence[str]) -> list[Mutant]:
    """Return the mutants that were made, of the modules and functions whose names match, or all of them."""
    return [
        mutant
        for mutant in _made()
        if not patterns
        or any(
            fnmatch(name, pattern)
            for pattern in patterns
            for name in (mutant.name, mutant.module, f"{mutant.module}.{mutant.function}")
        )
    ]


def _made() -> Iterator[Mutant]:
    for path in sorted(walk_mutatable_files()):
        file = SourceFileMutationData(path=path)
        file.load()
        for name in file.exit_code_by_key:
            yield Mutant(name, file)


def prepare() -> tuple[MutantRunner, Known]:
    """Make the mutants of what has changed, and run all tests once, without any, if that was not done before."""
    folder = FOLDER.absolute()
    set_mutant_under_test("mutant_generation")
    FOLDER.mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    sys.path.insert(1, str(folder / "tests"))
    create_mutants(1)
    runner = get_mutant_runner(1)
    collect_or_load_stats(runner, apply_config_invalidation=True)
    set_mutant_under_test("")
    tests = Known(dict(state().duration_by_test), dict(state().tests_by_mangled_function_name))
    return runner, tests


def run(patterns: Sequence[str], say: Callable[[str], None], deadline: Callable[[], bool]) -> None:
    """Run the tests on every mutant that matches and was not run yet, or survived fewer tests, until the deadline."""
    runner, tests = prepare()
    tried = _Tried(tests)
    chosen = mutants_like(patterns)
    runner.startup()
    try:
        for budget in BUDGETS:
            left = [mutant for mutant in chosen if _needs(mutant, tried, budget)]
            for place, mutant in enumerate(left, 1):
                if deadline():
                    return
                _run_one(runner, tests, mutant, budget, tried.seconds(mutant))
                tried.note(mutant, budget)
                if place % 50 == 0 or place == len(left):
                    tried.store()
                    say(f"{place:,} of {len(left):,} mutants, {budget} s of tests each")
    finally:
        tried.store()
        runner.shutdown()


def _needs(mutant: Mutant, tried: "_Tried", budget: float) -> bool:
    code = mutant.file.exit_code_by_key[mutant.name]
    return code is None or (code in (_SURVIVED, _NO_TESTS) and tried.seconds(mutant) < budget)


def _run_one(runner: MutantRunner, tests: Known, mutant: Mutant, budget: float, tried: float) -> None:
    given = tests.nearest(mutant.called, budget, tried)
    if not given:
        mutant.keep(_SURVIVED if tried else _NO_TESTS, 0.0)
        return
    seconds = tests.cost(given)
    limit = math.ceil((seconds + config().timeout_constant) * config().timeout_multiplier)
    runner.submit(mutant.name, given, limit, seconds)
    result = runner.wait_for_result()
    mutant.keep(result.exit_code, result.duration)


class _Tried:
    """For how many seconds of tests each survivor was tried; a function that gets new tests starts again."""

    def __init__(self, tests: Known) -> None:
        self._tests = tests
        self._seconds: dict[str, tuple[float, str]] = {}
        if _TRIED.exists():
            loaded: dict[str, list[Any]] = json.loads(_TRIED.read_text("utf-8"))
            self._seconds = {name: (seconds, digest) for name, (seconds, digest) in loaded.items()}

    def seconds(self, mutant: Mutant) -> float:
        seconds, digest = self._seconds.get(mutant.name, (0.0, ""))
        return seconds if digest == self._tests.digest(mutant.called) else 0.0

    def note(self, mutant: Mutant, budget: float) -> None:
        if mutant.status in ("survived", "no tests"):
            self._seconds[mutant.name] = (budget, self._tests.digest(mutant.called))
        else:
            self._seconds.pop(mutant.name, None)

    def store(self) -> None:
        _TRIED.write_text(json.dumps(self._seconds), "utf-8")
