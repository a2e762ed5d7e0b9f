"""Runs tests on mutants in forks of one process that has collected all tests: no mutant waits for an import.

The process that calls `within` becomes a pytest session that has collected every test; each job is a fork of it that
runs a few of them, in the order given, and ends at the first that fails. What is run while modules are imported is
behind it by then: a mutant of that needs a process of its own (`run_cold`).
"""

import gc
import hashlib
import importlib
import inspect
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn, cast

import attrs
import pytest
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test

from mutation import trampolines

FAILED = 1
SURVIVED = 0
TIMEOUT = 36  # mutmut's code for it

_EXAMPLES_MAX = 25
_MEMORY_MAX = 8 << 30
_CHUNK_SECONDS_MAX = 900.0
_WAIT = 4  # how much longer than it may compute a fork may take on a busy machine

_ANSWER = "answer"

_IMPORTED_LATE = ("sqlite_utils", "shutil", "tempfile", "ctypes", "asyncio")
"""What the code imports when it is first needed: a third of a second that each fork would take again."""

_Work = Callable[[Any, Path], NoReturn]


@attrs.frozen
class Job:
    """Tests to run on one mutant, in this order, computing for at most so many seconds."""

    mutant: str
    tests: Sequence[str]
    seconds_max: float
    has_all_examples: bool = False


@attrs.frozen
class Outcome:
    """What became of a job: an exit code of mutmut's, how long it took, and the test that failed."""

    job: Job
    exit_code: int
    seconds: float
    killer: str | None


@attrs.frozen
class Fact:
    """What one test does without a mutant: for how long it computes, and which functions it calls."""

    seconds: float
    functions: frozenset[str]
    has_passed: bool


@attrs.define
class Warm:
    """A session that has collected all tests, and the forks of it that run."""

    folder: Path
    workers: int
    _items: dict[str, pytest.Item]
    is_part: bool  # whether the tests were chosen by hand
    _examples: Mapping[str, Any]  # hypothesis' settings of properties with more examples than they are given at first
    called_by_imports: frozenset[str]

    def digests(self) -> dict[str, str]:
        """Return a digest of the text of each test."""
        return {name: _digest(item) for name, item in self._items.items()}

    def facts(self, tests: Sequence[str], say: Callable[[str], None]) -> dict[str, Fact]:
        """Run tests without a mutant."""
        chunks = [tests[start : start + 20] for start in range(0, len(tests), 20)]
        found: dict[str, Fact] = {}
        for done, child in enumerate(self._each(chunks, self._observe, lambda _: _CHUNK_SECONDS_MAX), 1):
            rows: dict[str, Any] = json.loads(child.text or "{}")
            found |= {name: Fact(seconds, frozenset(called), ok) for name, (seconds, called, ok) in rows.items()}
            if done % 20 == 0 or done == len(chunks):
                say(f"{done * 20:,} of {len(tests):,} tests run without a mutant")
        return found

    def outcomes(self, jobs: Iterator[Job]) -> Iterator[Outcome]:
        """Run jobs, and generate what became of each; a job is asked for when there is a worker for it."""
        for child in self._each(jobs, self._try, lambda job: _WAIT * float(job.seconds_max)):
            is_late = child.is_late or child.status == -signal.SIGXCPU
            exit_code = TIMEOUT if is_late else child.status
            yield Outcome(child.job, exit_code, time.monotonic() - child.started_at, child.text or None)

    def _each(self, jobs: Iterable[Any], work: _Work, seconds_max: Callable[[Any], float]) -> "Iterator[_Child]":
        left = iter(jobs)
        running: list[_Child] = []
        while True:
            while len(running) < self.workers and (job := next(left, None)) is not None:
                running.append(_Child.start(job, work, self.folder, seconds_max(job)))
            if not running:
                return
            ready = select.select([child.process for child in running], [], [], 0.5)[0]
            for child in list(running):
                child.check()
                if child.process in ready:
                    running.remove(child)
                    child.end()
                    yield child

    def _try(self, job: Job, folder: Path) -> NoReturn:
        limit = int(job.seconds_max) + int(time.process_time()) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MAX, _MEMORY_MAX))
        set_mutant_under_test(job.mutant)
        trampolines.settle()
        trampolines.choose(job.mutant)
        if job.has_all_examples:
            for name, own in self._examples.items():
                cast(Any, self._items[name]).obj._hypothesis_internal_use_settings = own
        for name, is_ok in self._run(job.tests, folder):
            if not is_ok:
                (folder / _ANSWER).write_text(name)
                os._exit(FAILED)
        os._exit(SURVIVED)

    def _observe(self, tests: Sequence[str], folder: Path) -> NoReturn:
        set_mutant_under_test("stats")
        found = {}
        trampolines.called.clear()
        before = _computed()
        for name, is_ok in self._run(tests, folder):
            found[name] = (_computed() - before, sorted(trampolines.called), is_ok)
            trampolines.called.clear()
            before = _computed()
        (folder / _ANSWER).write_text(json.dumps(found))
        os._exit(0)

    def _run(self, tests: Sequence[str], folder: Path) -> Iterator[tuple[str, bool]]:
        """Run tests in this fork."""
        items = [self._items[name] for name in tests if name in self._items]
        reports = _Reports()
        for item, following in zip_longest(items, items[1:]):
            if item is items[0]:
                item.config.pluginmanager.register(reports)
                item.config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined]
                item.config.get_terminal_writer()._file = StringIO()
            reports.has_failed = False
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            yield item.nodeid, not reports.has_failed


class _Reports:
    """Whether a test has failed, in any of its phases."""

    has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.has_failed |= report.failed


@attrs.define
class _Child:
    """A fork that runs."""

    job: Any
    pid: int
    process: int
    folder: Path
    started_at: float
    ends_at: float
    is_late: bool = False
    status: int = 0
    text: str = ""

    @classmethod
    def start(cls, job: Any, work: _Work, folder: Path, seconds_max: float) -> "_Child":
        """Fork."""
        own = Path(tempfile.mkdtemp(dir=folder))
        pid = os.fork()
        if not pid:
            try:
                os.setpgid(0, 0)
                os.chdir(Path("mutants"))
                work(job, own)
            finally:
                os._exit(FAILED)  # an error outside of all tests is what the mutant has done
        now = time.monotonic()
        return cls(job, pid, os.pidfd_open(pid), own, now, now + seconds_max)

    def check(self) -> None:
        """End it if it is late."""
        if not self.is_late and time.monotonic() > self.ends_at:
            self.is_late = True
            self._kill()

    def end(self) -> None:
        """Wait for its end and read its answer."""
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._kill()
        os.close(self.process)
        answer = self.folder / _ANSWER
        self.text = answer.read_text() if answer.exists() else ""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


class _Session:
    """What pytest is told: do this in the place of running the tests."""

    def __init__(self, work: Callable[[Warm], None], workers: int, root: Path, *, is_part: bool) -> None:
        self._work = work
        self._is_part = is_part
        self._workers = workers
        self._root = root
        self._examples: dict[str, Any] = {}

    def pytest_configure(self) -> None:
        hypothesis = importlib.import_module("hypothesis")  # not before pytest, which would rewrite its assertions
        hypothesis.settings.load_profile("mutation")  # once more: tests/conftest.py has a profile of its own

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        hypothesis = importlib.import_module("hypothesis")
        for item in session.items:
            inner: Any = getattr(item, "obj", None)
            own = getattr(inner, "_hypothesis_internal_use_settings", None)
            if own is not None and own.max_examples > _EXAMPLES_MAX:
                self._examples[item.nodeid] = own
                inner._hypothesis_internal_use_settings = hypothesis.settings(own, max_examples=_EXAMPLES_MAX)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("tests could not be collected")
        called = frozenset(trampolines.called)
        os.chdir(self._root)
        memory = Path("/dev/shm")
        folder = Path(tempfile.mkdtemp(prefix="mutation-", dir=memory if memory.is_dir() else None))
        for name in _IMPORTED_LATE:
            importlib.import_module(name)
        gc.collect()
        gc.freeze()
        try:
            items = {item.nodeid: item for item in session.items}
            self._work(Warm(folder, self._workers, items, self._is_part, self._examples, called))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True


def within(work: Callable[[Warm], None], *, workers: int, tests: Sequence[str] = ()) -> None:
    """Collect all tests, or those named, and do `work` with them; the working folder is the repository's root."""
    root = Path.cwd()
    os.chdir("mutants")
    set_mutant_under_test("")
    trampolines.install()
    options = [*(tests or config().pytest_add_cli_args_test_selection), *config().pytest_add_cli_args]
    session = _Session(work, workers, root, is_part=bool(tests))
    code = pytest.main(["--rootdir=.", "-q", "--tb=native", "-p", "no:randomly", *options], plugins=[session])
    os.chdir(root)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(int(code))


def run_cold(job: Job) -> Outcome:
    """Run a job in a process of its own, which imports the mutant's module."""
    folder = Path("mutants").absolute()
    environment = {
        **os.environ,
        "MUTANT_UNDER_TEST": job.mutant,
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "tests")]),
        "PYTHONSAFEPATH": "1",
    }
    options = ["--rootdir=.", "-x", "-q", "-p", "no:randomly", *config().pytest_add_cli_args]
    started_at = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *job.tests],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
            timeout=job.seconds_max + 30,
        )
        code = SURVIVED if done.returncode == 0 else FAILED
    except subprocess.TimeoutExpired:
        code = TIMEOUT
    return Outcome(job, code, time.monotonic() - started_at, None)


def _computed() -> float:
    """Return for how many seconds this process and its children have computed: others may keep the machine busy."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def _digest(item: pytest.Item) -> str:
    function = getattr(item, "function", None)
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    try:
        text = inspect.getsource(function)  # type: ignore[arg-type]
    except (OSError, TypeError):
        text = ""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
