"""Runs in a peer's own environment: for each line on stdin, a number of rounds; on stdout, the seconds that they took."""

import json
import sys
import time
from collections.abc import Callable


def serve(version: str, run: Callable[[int, int], None]) -> None:
    """Say the version, then do what is asked for until there is no more; `run` takes the first id and how many."""
    print(json.dumps({"version": version}), flush=True)
    first = 0
    for line in sys.stdin:
        rounds = int(line)
        wall, cpu = time.perf_counter(), time.process_time()
        run(first, rounds)
        taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(taken), flush=True)
        first += rounds
