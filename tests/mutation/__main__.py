"""Break the code in every small way and see whether a test notices: `tox -e mutation -- ledger_core.decide*`.

    python -m mutation                          what became of all mutants so far
    python -m mutation run ledger_core.lots     run the tests on the mutants of a module that were not run yet
    python -m mutation run ledger_core.lots --tests tests/core/test_lots.py     ... these tests alone, which is quicker
    python -m mutation run --minutes 30         ... of all modules, for so long; the next run goes on from there
    python -m mutation show ledger_core.lots    the survivors that have no excuse
    python -m mutation check                    exit with 1 for a score below the goal, or an excuse that excuses nothing

Names are of modules, functions or mutants, with * for any part. It runs in the root of the repository; mutmut's folder
`mutants/` keeps what was done there, and `mutmut show NAME`, `mutmut browse` work on it. What a whole module came to
is kept in docs/_data/mutation.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from mutation.mutants import mutants_like, run
from mutation.results import ALIVE, GOAL, HEADING, results, store
from mutation.survivors import Excuse, excuse_for, excuses, unused


def main(arguments: Sequence[str]) -> int:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("action", nargs="?", choices=("list", "run", "show", "check"), default="list")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--minutes", type=float, help="stop after so long; the next run goes on from there")
    parser.add_argument("--workers", type=int, default=2, help="how many mutants are run at a time")
    parser.add_argument("--tests", nargs="+", default=(), metavar="FILE", help="run these tests alone")
    options = parser.parse_args(arguments)
    known = excuses()
    if options.action == "run":
        _run(options.names, options.minutes, options.workers, options.tests)
    elif options.action == "show":
        return _show(options.names, known)
    elif options.action == "check":
        return _check(options.names, known)
    _list(options.names, known)
    return 0


def _run(names: Sequence[str], minutes: float | None, workers: int, tests: Sequence[str]) -> None:
    end = None if minutes is None else time.monotonic() + minutes * 60

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    run(names, say, lambda: end is not None and time.monotonic() > end, workers, tests)


def _list(names: Sequence[str], known: Sequence[Excuse]) -> None:
    print(HEADING)
    modules = {mutant.module for mutant in mutants_like(names)}
    for result in results((mutant for mutant in mutants_like(()) if mutant.module in modules), known):
        if not result.unchecked:
            store(result)
            print(result)
        elif result.unchecked < result.total:
            print(f"{result}  ({result.unchecked:,} not run yet)")


def _show(names: Sequence[str], known: Sequence[Excuse]) -> int:
    shown = 0
    for mutant in mutants_like(names):
        if mutant.status in ALIVE and excuse_for(mutant.change, known) is None:
            print(f"{mutant.name} ({mutant.status})\n  {mutant.change}\n")
            shown += 1
    print(f"{shown} survivors without an excuse")
    return 1 if shown else 0


def _check(names: Sequence[str], known: Sequence[Excuse]) -> int:
    mutants = mutants_like(names)
    found = [
        f"{result.module}: {result.score:.1%} killed, {result.unexcused} survivors without an excuse"
        for result in results(mutants, known)
        if result.unchecked < result.total and (result.score < GOAL or result.unexcused)
    ]
    if not names:
        alive = [mutant.change for mutant in mutants if mutant.status in ALIVE]
        found += [f"an excuse excuses nothing: {excuse.where}: {excuse.was}" for excuse in unused(alive, known)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
