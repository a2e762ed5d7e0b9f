"""Fail where a round has become dearer, by a margin that noise cannot reach.

Where valgrind is installed, instructions are counted: those of 160 rounds less those of 40, so that starting cancels
out. However busy the machine is, two counts in memory are the same, and those on SQLite differ by less than 4 %. What
is compared is the ratio to the floor, counted in the same way, with the ratio that `guard.json` keeps for this minor
version of Python.

Where it is not, ours and the floor alternate in one process, pinned to one core, and CPU time is taken. That fails
only if the whole 95 % interval of the median ratio lies above what is kept and the margin.
"""

import json
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from benchmarks.contestants import run_rounds
from benchmarks.guarded import CONTESTANTS
from benchmarks.results import Options, Result, Row, environment
from benchmarks.timing import Block, timed

KEPT = Path(__file__).with_name("guard.json")
ROOT = Path(__file__).resolve().parents[1]

PAIRS: Mapping[str, str] = {"memory": "dicts", "sqlite": "by hand"}
"""What is guarded, and its floor."""

ROUNDS_FEW, ROUNDS_MANY = 40, 160
BLOCKS, ROUNDS_A_BLOCK = 31, 50
AT_A_TIME = 2

MARGIN_OF_COUNTS = 1.1
"""More than twice what two counts of the same code differ by at most."""

MARGIN_OF_TIMES = 1.5
"""Times depend on the processor too: on its caches, and on what else it does."""

COUNTS, TIMES = "instructions", "CPU time"
DEARER = "DEARER"
HEADINGS = ("what", "floor", "unit", "a_round", "floor_a_round", "ratio", "kept", "limit", "verdict")


@attrs.frozen
class Figure:
    """What a round came to, its floor's, and the least that the ratio can be."""

    ours: float
    floor: float
    ratio: float
    ratio_least: float


def measure(options: Options) -> Result:
    """Compare with what is kept; with `keep`, keep what was found instead."""
    version = ".".join(platform.python_version_tuple()[:2])
    has_valgrind = shutil.which("valgrind") is not None
    if options.keep:
        return _kept(version, [COUNTS, TIMES] if has_valgrind else [TIMES])
    method = COUNTS if has_valgrind else TIMES
    known = _known().get(version, {}).get(method, {})
    rows = [_row(what, figure, method, known.get(what)) for what, figure in METHODS[method][0]().items()]
    notes = [f"{method} a round, Python {version}; the limit is what is kept times {METHODS[method][1]}."]
    if not has_valgrind:
        notes.append("valgrind is not installed, so CPU time was taken, which sees no small loss.")
    if not known:
        notes.append(f"nothing is kept for Python {version}: `python -m benchmarks guard --keep` keeps it.")
    failures = tuple(f"{row['what']} is dearer than kept" for row in rows if row["verdict"] == DEARER)
    return Result(what="guard", headings=HEADINGS, rows=rows, notes=tuple(notes), failures=failures)


def _known() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return kept


def _kept(version: str, methods: Sequence[str]) -> Result:
    """Measure by each method, and keep the ratios for this version of Python."""
    rows: list[Row] = []
    found: dict[str, Any] = environment()
    for method in methods:
        figures = METHODS[method][0]()
        rows += [_row(what, figure, method, None) for what, figure in figures.items()]
        found[method] = {what: round(figure.ratio, 3) for what, figure in figures.items()}
    KEPT.write_text(json.dumps(dict(sorted({**_known(), version: found}.items())), indent=2) + "\n", "utf-8")
    return Result(what="guard", headings=HEADINGS, rows=rows, notes=(f"Kept for Python {version}.",))


def _row(what: str, figure: Figure, method: str, known: float | None) -> Row:
    margin = METHODS[method][1]
    verdict = "not kept"
    if known is not None:
        verdict = DEARER if figure.ratio_least > known * margin else "as kept"
        if figure.ratio * margin < known:
            verdict = "cheaper: keep it"
    return {
        "what": what,
        "floor": PAIRS[what],
        "unit": method,
        "a_round": round(figure.ours),
        "floor_a_round": round(figure.floor),
        "ratio": round(figure.ratio, 3),
        "kept": known,
        "limit": None if known is None else round(known * margin, 3),
        "verdict": verdict,
    }


def _counted() -> dict[str, Figure]:
    """Return the instructions of a round of each."""
    with TemporaryDirectory() as compiled:
        names = [*PAIRS, *PAIRS.values()]
        for name in names:  # so that no counted run compiles a module
            _run(name, 1, compiled)
        jobs = [(name, rounds) for name in names for rounds in (ROUNDS_MANY, ROUNDS_FEW)]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            counts = dict(zip(jobs, pool.map(lambda job: _instructions(job[0], job[1], compiled), jobs), strict=True))
    a_round = {
        name: (counts[name, ROUNDS_MANY] - counts[name, ROUNDS_FEW]) / (ROUNDS_MANY - ROUNDS_FEW) for name in names
    }
    figures = {}
    for what, floor in PAIRS.items():
        ratio = a_round[what] / a_round[floor]
        figures[what] = Figure(a_round[what], a_round[floor], ratio, ratio)
    return figures


def _instructions(name: str, rounds: int, compiled: str) -> int:
    tool = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    found = re.search(r"I\s+refs:\s+([\d,]+)", _run(name, rounds, compiled, tool))
    assert found is not None, "cachegrind says how many"
    return int(found[1].replace(",", ""))


def _run(name: str, rounds: int, compiled: str, tool: Sequence[str] = ()) -> str:
    ignored = ("PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH")
    inherited = {name: value for name, value in os.environ.items() if name not in ignored}
    return subprocess.run(
        [*tool, sys.executable, "-m", "benchmarks.guarded", name, str(rounds)],
        cwd=ROOT,
        env=inherited | {"PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": compiled},
        capture_output=True,
        text=True,
        check=True,
    ).stderr


def _timed() -> dict[str, Figure]:
    """Return the CPU time of a round of each, ours and the floor in turn."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        return {what: _figure(what, floor) for what, floor in PAIRS.items()}
    finally:
        os.sched_setaffinity(0, cores)


def _figure(what: str, floor: str) -> Figure:
    with TemporaryDirectory() as directory, ExitStack() as stack:
        folder = Path(directory)
        blocks: dict[str, Block] = {}
        for name in (what, floor):
            contestant = stack.enter_context(CONTESTANTS[name](folder))
            blocks[name] = lambda block, contestant=contestant: run_rounds(  # type: ignore[misc]
                contestant, "orders", block * ROUNDS_A_BLOCK, ROUNDS_A_BLOCK
            )
        _, cpus = timed(blocks, blocks=BLOCKS, units=ROUNDS_A_BLOCK)
    ratios = sorted(ours / theirs for ours, theirs in zip(cpus[what], cpus[floor], strict=True))
    # The order statistics between which the median lies with 95 % (binomial, by its normal approximation).
    rank = math.floor(len(ratios) / 2 - 0.98 * math.sqrt(len(ratios)))
    median = statistics.median
    return Figure(median(cpus[what]), median(cpus[floor]), median(ratios), ratios[rank])


METHODS: Mapping[str, tuple[Callable[[], dict[str, Figure]], float]] = {
    COUNTS: (_counted, MARGIN_OF_COUNTS),
    TIMES: (_timed, MARGIN_OF_TIMES),
}
"""How a method measures, and its margin."""
