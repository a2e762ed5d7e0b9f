"""Makes the mutants with mutmut and runs the tests on them, going on where the last run ended.

mutmut makes a copy of the packages in `mutants/` in which every function has all its mutants beside it, and keeps
there what became of each; `mutmut show NAME` and `mutmut browse` work on it. Which tests a mutant is given, and for
how long, is decided by `nearest`; `warm` runs them.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from fnmatch import fnmatch
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs
from mutmut.__main__ import create_mutants
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths, walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name, orig_function_and_class_names_from_key

from mutation.changes import Change
from mutation.facts import facts_of
from mutation.nearest import Known
from mutation.warm import Job, Outcome, Warm, run_cold, within

FOLDER = Path("mutants")
BUDGETS = (3.0, 10.0)
"""Seconds of tests that a mutant is given, and that a survivor is given then, with all examples of properties."""

_SLOWER = 3
_EXAMPLES_SLOWER = 4
_SECONDS_MIN = 5.0
"""How much longer than without a mutant the tests may take."""

_KEPT_EVERY = 5.0  # seconds
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

    def note(self, exit_code: int, seconds: float) -> None:
        """Note what became of it."""
        self.file.exit_code_by_key[self.name] = exit_code
        self.file.durations_by_key[self.name] = seconds

    def keep(self) -> None:
        """Keep what was noted of all mutants of its module."""
        kept = self.file.meta_path
        self.file.meta_path = kept.with_suffix(".new")  # a run that is killed while it writes must not lose the rest
        self.file.save()
        self.file.meta_path.replace(kept)
        self.file.meta_path = kept


def mutants_like(patterns: Sequence[str]) -> list[Mutant]:
    """Return the mutants that were made, of the modules and functions whose names match, in that order, or all."""
    if not patterns:
        return list(_made())
    found: dict[str, list[Mutant]] = {pattern: [] for pattern in patterns}
    for mutant in _made():
        names = (mutant.name, mutant.module, f"{mutant.module}.{mutant.function}")
        first = next((pattern for pattern in patterns if any(fnmatch(name, pattern) for name in names)), None)
        if first is not None:
            found[first].append(mutant)
    return [mutant for pattern in found for mutant in found[pattern]]


def _made() -> Iterator[Mutant]:
    for path in sorted(walk_mutatable_files()):
        file = SourceFileMutationData(path=path)
        file.load()
        for name in file.exit_code_by_key:
            yield Mutant(name, file)


def prepare() -> None:
    """Make the mutants of what has changed."""
    set_mutant_under_test("mutant_generation")
    FOLDER.mkdir(exist_ok=True)
    copy_src_dir()
    shutil.rmtree(FOLDER / "tests", ignore_errors=True)  # a test that is gone must not be found there
    with redirect_stdout(StringIO()):
        copy_also_copy_files()
        create_mutants(1)
    setup_source_paths()
    sys.path.insert(1, str(FOLDER.absolute() / "tests"))


def run(
    patterns: Sequence[str],
    say: Callable[[str], None],
    deadline: Callable[[], bool],
    workers: int,
    tests: Sequence[str] = (),
) -> None:
    """Run the tests on every mutant that matches and was not run yet, or survived fewer tests, until the deadline.

    With files of tests, only those: what they kill, all tests would kill.
    """
    prepare()
    within(lambda warm: _Run(warm, patterns, say, deadline).run(), workers=workers, tests=tests)


class _Run:
    """One run over many mutants."""

    def __init__(
        self, warm: Warm, patterns: Sequence[str], say: Callable[[str], None], deadline: Callable[[], bool]
    ) -> None:
        self._warm = warm
        self._say = say
        self._deadline = deadline
        self._tests = facts_of(warm, FOLDER / "tests.json", say)
        self._tried = _Tried(self._tests)
        self._chosen = {mutant.name: mutant for mutant in mutants_like(patterns)}
        self._noted: dict[str, Mutant] = {}
        self._kept_at = time.monotonic()

    def run(self) -> None:
        """Give every mutant the tests of the first budget, and those that survive the tests of the next."""
        try:
            for budget in BUDGETS:
                for module, mutants in groupby(self._chosen.values(), key=lambda mutant: mutant.module):
                    self._run_module(module, list(mutants), budget)
            self._run_cold(list(self._chosen.values()))
        finally:
            self._keep()

    def _run_module(self, module: str, mutants: Sequence[Mutant], budget: float) -> None:
        left = [mutant for mutant in mutants if self._needs(mutant, budget)]
        for place, outcome in enumerate(self._warm.outcomes(self._jobs(left, budget)), 1):
            self._note(outcome, budget)
            if place % 100 == 0 or place == len(left):
                self._say(f"{module}: {place:,} of {len(left):,} mutants, {budget} s of tests each")

    def _needs(self, mutant: Mutant, budget: float) -> bool:
        code = mutant.file.exit_code_by_key[mutant.name]
        return code is None or (code in (_SURVIVED, _NO_TESTS) and self._tried.seconds(mutant) < budget)

    def _jobs(self, mutants: Sequence[Mutant], budget: float) -> Iterator[Job]:
        for mutant in mutants:
            if self._deadline():
                return
            if given := self._tests.nearest(mutant.called, budget):
                yield self._job(mutant, given, has_all_examples=budget == BUDGETS[-1])
            else:
                self._note(Outcome(Job(mutant.name, (), 0), _NO_TESTS, 0.0, None), budget)

    def _job(self, mutant: Mutant, tests: Sequence[str], *, has_all_examples: bool) -> Job:
        slower = _SLOWER * (_EXAMPLES_SLOWER if has_all_examples else 1)
        return Job(mutant.name, tests, slower * self._tests.cost(tests) + _SECONDS_MIN, has_all_examples)

    def _run_cold(self, mutants: Sequence[Mutant]) -> None:
        """Give the mutants of what is called while modules are imported a process of their own."""
        for mutant in mutants:
            is_alive = mutant.file.exit_code_by_key[mutant.name] in (_SURVIVED, _NO_TESTS)
            if not is_alive or mutant.called not in self._warm.called_by_imports or self._tried.is_cold(mutant):
                continue
            if self._deadline():
                return
            tests = self._tests.nearest(mutant.called, BUDGETS[-1]) or self._tests.of_module(mutant.called, BUDGETS[-1])
            outcome = run_cold(self._job(mutant, tests, has_all_examples=True))
            self._note(outcome, BUDGETS[-1])
            self._tried.note_cold(mutant)

    def _note(self, outcome: Outcome, budget: float) -> None:
        mutant = self._chosen[outcome.job.mutant]
        mutant.note(outcome.exit_code, outcome.seconds)
        self._tried.note(mutant, budget)
        if outcome.killer is not None:
            self._tests.note_killer(mutant.called, outcome.killer)
        self._noted[mutant.module] = mutant
        if time.monotonic() > self._kept_at + _KEPT_EVERY:
            self._keep()

    def _keep(self) -> None:
        for mutant in self._noted.values():
            mutant.keep()
        self._noted.clear()
        self._tried.store()
        self._kept_at = time.monotonic()


class _Tried:
    """For how many seconds of tests each survivor was tried; a function that gets new tests starts again."""

    def __init__(self, tests: Known) -> None:
        self._tests = tests
        self._seconds: dict[str, list[Any]] = {}  # seconds, digest, and whether it was in a process of its own
        if _TRIED.exists():
            self._seconds = json.loads(_TRIED.read_text("utf-8"))

    def seconds(self, mutant: Mutant) -> float:
        seconds, digest, _ = self._seconds.get(mutant.name, (0.0, "", False))
        return float(seconds) if digest == self._tests.digest(mutant.called) else 0.0

    def is_cold(self, mutant: Mutant) -> bool:
        return self.seconds(mutant) > 0 and bool(self._seconds[mutant.name][2])

    def note(self, mutant: Mutant, budget: float) -> None:
        if mutant.status in ("survived", "no tests"):
            self._seconds[mutant.name] = [budget, self._tests.digest(mutant.called), False]
        else:
            self._seconds.pop(mutant.name, None)

    def note_cold(self, mutant: Mutant) -> None:
        if mutant.name in self._seconds:
            self._seconds[mutant.name][2] = True

    def store(self) -> None:
        _TRIED.write_text(json.dumps(self._seconds), "utf-8")
