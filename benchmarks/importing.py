"""What importing costs, in a new process each time: our own modules over the libraries that they stand on."""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from benchmarks.results import Options, Result, Row

LIBRARIES = "attrs, cattrs, transitions"
MODULES = {
    "ledger_core": (30.0, "import ledger_core"),
    "ledger_core, ledger_storage_sqlite": (30.0, "import ledger_core, ledger_storage_sqlite"),
}
HEADINGS = ("what", "ms", "libraries_ms", "own_ms", "self_ms", "goal_ms")

PROGRAM = "import time, sys\nbegan = time.process_time()\n{}\nprint((time.process_time() - began) * 1e3)"


def measure(options: Options) -> Result:
    """Import in turn what is compared; `own_ms` is the difference of the medians, `self_ms` our modules' own bodies."""
    programs = {"libraries": f"import {LIBRARIES}", **{what: program for what, (_, program) in MODULES.items()}}
    took: dict[str, list[float]] = {what: [] for what in programs}
    with TemporaryDirectory() as compiled:
        for repeat in range(options.blocks + 1):
            for what, program in programs.items():
                milliseconds = float(_run(compiled, PROGRAM.format(program)).stdout)
                if repeat:  # the first one compiles
                    took[what].append(milliseconds)
        # The least: importing does the same work each time, so whatever is above it is somebody else's.
        least = {what: min(values) for what, values in took.items()}
        rows: list[Row] = [
            {
                "what": what,
                "ms": round(least[what], 1),
                "libraries_ms": round(least["libraries"], 1),
                "own_ms": round(least[what] - least["libraries"], 1),
                "self_ms": round(min(_self_milliseconds(compiled, program) for _ in range(3)), 1),
                "goal_ms": goal,
            }
            for what, (goal, program) in MODULES.items()
        ]
    note = f"CPU milliseconds of an import, the least of {options.blocks}; libraries: {LIBRARIES}."
    return Result(what="importing", headings=HEADINGS, rows=rows, notes=(note,))


def _self_milliseconds(compiled: str, program: str) -> float:
    """Return what -X importtime says of the bodies of our own modules alone."""
    total = 0.0
    for line in _run(compiled, program, "-X", "importtime").stderr.splitlines():
        own, _, name = line.removeprefix("import time:").split("|")
        if name.strip().startswith("ledger_"):
            total += int(own) / 1e3
    return total


def _run(compiled: str, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it in a Python that keeps what it compiles, as an installed package is kept."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, *options, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment | {"PYTHONPYCACHEPREFIX": compiled},
    )
