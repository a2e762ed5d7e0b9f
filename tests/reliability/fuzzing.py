"""Fuzzing without coverage: a seeded mutator drives every target over its corpus, which needs nothing but Python.

`fuzz` drives the same targets by coverage, with atheris.
"""

import random
import time
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from reliability.campaign import Campaign, Tally
from reliability.fuzz_targets import TARGETS, Target
from reliability.mutations import mutated

CORPUS = Path(__file__).parent / "corpus"
RUNS_A_SEED = {name: 20 if name in ("journal", "page") else 100 for name in TARGETS}
"""A whole journal takes as long as many of the others."""


@lru_cache(maxsize=len(TARGETS))
def corpus(name: str) -> tuple[bytes, ...]:
    """Return the seeds of a target, in the order of their names."""
    return tuple(path.read_bytes() for path in sorted((CORPUS / name).iterdir()))


def inputs(name: str, seed: int) -> Iterator[bytes]:
    """Generate what a seed makes of a target's corpus."""
    generator = random.Random(f"{name} {seed}")
    seeds = corpus(name)
    for _ in range(RUNS_A_SEED[name]):
        yield mutated(generator.choice(seeds), seeds, generator)


def crash_of(target: Target, data: bytes) -> str:
    """Return what a target raised, and where; nothing if it kept its promise."""
    try:
        target(data)
    except Exception as error:  # noqa: BLE001  # which is what is looked for
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/ledger_" in frame.filename]
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        return f"{type(error).__name__}: {str(error)[:200]}{place}"
    return ""


def run(first_seed: int, amount: int, deadline: float | None) -> Tally:
    """Give each target in turn what a seed makes of its corpus; so many bytes of a crash are shown as reproduce it."""
    tally = Tally(done=0, next_seed=first_seed)
    while tally.done < amount and (deadline is None or time.monotonic() < deadline):
        tally = tally.plus(_run_seed(tally.next_seed))
    return tally


def _run_seed(seed: int) -> Tally:
    found = tuple(
        f"seed {seed}, {name}: {crash} of {data!r}"
        for name, target in TARGETS.items()
        for data in inputs(name, seed)
        if (crash := crash_of(target, data))
    )
    return Tally(done=sum(RUNS_A_SEED.values()), next_seed=seed + 1, violations=found, details=RUNS_A_SEED)


CAMPAIGN = Campaign(
    name="fuzzing",
    row="15",
    promise="decoders and importers answer any bytes with a typed error, or with what comes back from being stored",
    unit="runs",
    quick=5_000,
    ci=300_000,
    whole=10_000_000,
    run=run,
)
