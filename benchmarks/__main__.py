"""`python -m benchmarks`: measure, print tables, and JSON with --json.

`all` measures everything but peers and guard; `--keep` writes the results to where the documentation is made from.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from benchmarks import counting, flame, guard, importing, latency, lifecycle, peers, reads, scale, threads, verification
from benchmarks.contestants import COMMANDS
from benchmarks.results import Options, Result, environment

MEASUREMENTS: Mapping[str, Callable[[Options], Result]] = {
    "lifecycle": lifecycle.measure,
    "counts": counting.measure,
    "latency": latency.measure,
    "reads": reads.measure,
    "verification": verification.measure,
    "importing": importing.measure,
    "flame": flame.measure,
    "threads": threads.measure,
    "scale": scale.measure,
}
APART: Mapping[str, Callable[[Options], Result]] = {
    "guard": guard.measure,
    "peers": peers.measure,
}
"""What `all` leaves out."""


def main() -> int:
    """Measure what was asked for."""
    arguments = _parser().parse_args()
    options = Options(
        blocks=arguments.blocks,
        rounds=arguments.rounds,
        folder=arguments.folder,
        cache=arguments.cache,
        sizes=tuple(arguments.sizes),
        entries=arguments.entries,
        only=arguments.only,
        form=arguments.form,
        keep=arguments.keep,
    )
    command = shlex.join(["python", "-m", "benchmarks", *_told(sys.argv[1:])])
    known = {**MEASUREMENTS, **APART}
    documents, failures = [], list[str]()
    for what in MEASUREMENTS if arguments.what == "all" else [arguments.what]:
        result = known[what](options)
        failures += result.failures
        if arguments.json:
            documents.append(result.document(command))
        else:
            print(f"\n{what}: {', '.join(environment().values())}\n{result.table()}", flush=True)
        if arguments.keep and what != "guard":  # which keeps for itself
            result.keep(command)
    if arguments.json:
        json.dump(documents, sys.stdout, indent=2)
        print()
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _told(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without the names of this machine's folders."""
    return ["FOLDER" if before in ("--folder", "--cache") else word for before, word in pairwise(("", *arguments))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("all", *MEASUREMENTS, *APART), default="lifecycle")
    parser.add_argument("--blocks", type=int, default=9, help="alternating blocks of the ledger and its floors")
    parser.add_argument("--rounds", type=int, default=40, help="rounds of commands in a block")
    parser.add_argument("--form", choices=sorted(COMMANDS), default="orders", help="what a round is made of")
    parser.add_argument("--only", default="", help="columns of the lifecycle whose name contains this text")
    parser.add_argument("--folder", help="where database files go: a folder on a disk, or in memory")
    parser.add_argument("--cache", help="a folder where the files of `scale` are kept, to be measured again")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**4, 10**5, 10**6], help="closed orders in `scale`")
    parser.add_argument("--entries", type=int, default=20_000, help="how many entries are verified")
    parser.add_argument("--keep", action="store_true", help="keep the results for the documentation")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
