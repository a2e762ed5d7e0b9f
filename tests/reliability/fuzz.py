"""Fuzzing by coverage, with atheris: `python -m reliability.fuzz TARGET -- -runs=100000 -seed=1`.

What stands behind `--` are options of libFuzzer. The corpus is where it starts; what it finds on the way stays in a
temporary folder. It stops at the first crash, says what it was and names the file that reproduces it; that file goes
into the corpus, once the crash is mended. Without atheris, which only some machines have a build of, there is no
campaign here.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

from reliability.campaign import Campaign, Tally
from reliability.mutations import BYTES_MAX, mutated

TARGETS = ("command", "details", "entry", "journal", "page", "record", "url")
WHOLE_LEDGERS = ("journal", "page")
"""Targets that read a ledger from end to end: a run of them takes as long as many of the others."""

CORPUS = Path(__file__).parent / "corpus"
SECONDS_MAX = 3_600
"""What a stretch of a campaign may take; beyond that it hangs."""

RUNS_MIN = 20_000
"""What a process does at least, which takes some seconds to instrument what it runs."""

EDGES_MIN = 20
"""So much code is reached at least, or it was not instrumented."""

_DONE = re.compile(r"Done (\d+) runs")
_EDGES = re.compile(r"cov: (\d+)")


def fuzz(target: str, options: Sequence[str], found: Path) -> None:
    """Run a target until libFuzzer ends the process; inputs that lead to new code are written to a folder."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["ledger_core", "ledger_storage_sqlite"]):
        function = import_module("reliability.fuzz_targets").TARGETS[target]
    seeds = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        generator = random.Random(seed)
        if generator.random() < 0.5:
            return bytes(atheris.Mutate(data, size_max))
        return mutated(data, seeds, generator)[:size_max]

    arguments = [sys.argv[0], f"-max_len={BYTES_MAX}", *options, str(found), str(CORPUS / target)]
    atheris.Setup(arguments, function, custom_mutator=mutate)
    atheris.Fuzz()


def run(first_seed: int, amount: int, deadline: float | None, *, runs_min: int = RUNS_MIN) -> Tally:
    """Run one target, the next one with the next seed, in a process of its own."""
    target = TARGETS[first_seed % len(TARGETS)]
    runs = max(amount, runs_min)
    if target in WHOLE_LEDGERS:
        runs = max(1, runs // 20)
    seconds = SECONDS_MAX if deadline is None else max(1, int(deadline - time.monotonic()))
    options = [f"-runs={runs}", f"-seed={first_seed + 1}", f"-max_total_time={seconds}"]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        found, crashes = Path(folder, "found"), Path(folder, "crashes")
        for made in (found, crashes):
            made.mkdir()
        command = [sys.executable, "-m", "reliability.fuzz", target, "--found", str(found), "--", *options]
        ended = subprocess.run(
            [*command, f"-artifact_prefix={crashes}/"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=2 * SECONDS_MAX,
            check=False,
        )
        units = [path.read_bytes() for path in sorted(crashes.iterdir())]
    done = _DONE.search(ended.stderr)
    edges = max(map(int, _EDGES.findall(ended.stderr)), default=0)
    violations = []
    if units or done is None or edges < EDGES_MIN:
        said = f"{ended.stdout[-2000:]} {ended.stderr[-500:]}"
        violations = [f"seed {first_seed}, {target}: {said}, {edges} edges were reached, crashes {units!r}"]
    count = int(done[1]) if done else 1
    return Tally(done=count, next_seed=first_seed + 1, violations=tuple(violations), details={target: count})


def campaign() -> Campaign | None:
    """Return the campaign; None where atheris is not installed."""
    if find_spec("atheris") is None:
        return None
    return Campaign(
        name="fuzzing-guided",
        row="15",
        promise="what coverage leads to is answered with a typed error, or with what comes back from being stored",
        unit="runs",
        quick=1_000,
        ci=200_000,
        whole=10_000_000,
        run=run,
    )


def main(arguments: Sequence[str]) -> None:
    """Fuzz the target that is named."""
    parser = argparse.ArgumentParser(prog="python -m reliability.fuzz", description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--found", type=Path, help="where inputs go that lead to new code; default a new folder")
    ours = list(takewhile(lambda argument: argument != "--", arguments))
    given = parser.parse_args(ours)
    fuzz(given.target, arguments[len(ours) + 1 :], given.found or Path(tempfile.mkdtemp(prefix="fuzz-")))


CAMPAIGN = campaign()

if __name__ == "__main__":
    main(sys.argv[1:])
