"""What verifying and rebuilding cost: entries a second, a ratio to a floor, memory, and the chain's share of a write.

The file is made by rounds of form `trade`, in batches. Rates are entries per second of CPU time, that is, of one core,
whatever else the machine does; memory is the peak that one verification adds, by tracemalloc. Floors in plain sqlite3
and hashlib, on a file that has every body whole: `chain by hand` reads every body and computes every digest, `JSON by
hand` decodes every body too. `replay` makes the statements of a rebuild again.
"""

import json
import sqlite3
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path

from benchmarks.contestants import COMMANDS, LedgerContestant, run_rounds
from benchmarks.replaying import Recorder, Replay
from benchmarks.results import Options, Result, Row
from ledger_core import LedgerRepository, open_ledger
from ledger_core.changes import GENESIS_DIGEST, chain
from ledger_core.repository import open_repository
from ledger_core.verifying import verify

REPEATS = 5
FORM = "trade"
BATCH = 500

HEADINGS = ("what", "measured", "unit", "goal", "wall_s", "floor", "ratio")


def measure(options: Options) -> Result:
    """Make a file of about so many entries and measure it; one row a figure."""
    with tempfile.TemporaryDirectory(dir=options.folder) as directory:
        path = Path(directory) / "ledger.db"
        url = f"sqlite:///{path}?durability=none"
        with LedgerContestant(url, BATCH) as contestant:
            run_rounds(contestant, FORM, 0, max(1, options.entries // COMMANDS[FORM]))
        size = path.stat().st_size
        with closing(open_repository(url, strategy_id="bench", read_only=True)) as repository:
            whole = verify(repository)
            assert whole.is_intact, whole.differences[0]
            plain = _plain_journal(path)
            rows = [
                _compared("verify(chain_only=True)", partial(_verified, repository, True), "chain by hand", plain, 1e5),
                _compared("verify()", partial(_verified, repository, False), "JSON by hand", plain, 15_000),
                _row("memory of verify()", _peak(repository), "MiB"),
                _row("chain of digests", _chain_cost(repository), "us a transaction", goal=10),
            ]
        rows.append(_rebuilding(url, path, whole.entries))
        rows += [
            _row("entries in the file", whole.entries, "entries"),
            _row("records in the file", whole.records, "records"),
            _row("size of the file", size / 2**20, "MiB"),
        ]
    return Result(
        what="verification",
        headings=HEADINGS,
        rows=rows,
        notes=("Goals of entries/s are lower limits; the floors are explained in its module.",),
    )


def _row(
    what: str,
    measured: float,
    unit: str,
    *,
    goal: float | None = None,
    wall: float | None = None,
    floor: str | None = None,
    ratio: float | None = None,
) -> Row:
    return {
        "what": what,
        "measured": round(measured, 1),
        "unit": unit,
        "goal": goal,
        "wall_s": None if wall is None else round(wall, 3),
        "floor": floor,
        "ratio": None if ratio is None else round(ratio, 2),
    }


def _plain_journal(path: Path) -> Path:
    """Return a file with the same journal whose bodies are whole: what somebody would have written by hand."""
    plain = path.with_name("plain.db")
    with closing(sqlite3.connect(plain, isolation_level=None)) as connection:
        connection.execute("ATTACH DATABASE ? AS ledger", (str(path),))
        connection.execute("CREATE TABLE journal (sequence INTEGER PRIMARY KEY, body TEXT, digest TEXT) STRICT")
        connection.execute("INSERT INTO journal SELECT sequence, body, digest FROM ledger.v_journal ORDER BY sequence")
    return plain


def _verified(repository: LedgerRepository, chain_only: bool) -> int:
    return verify(repository, chain_only=chain_only).entries


def _compared(what: str, action: Callable[[], int], floor: str, path: Path, goal: float) -> Row:
    """Return how many entries a second an action does, and how much longer it takes than its floor, in turn."""
    ours, floors, walls = [], [], []
    for _ in range(REPEATS):
        rate, wall = _rate(action)
        ours.append(rate)
        walls.append(wall)
        floors.append(_rate(partial(_by_hand, path, decodes=floor.startswith("JSON")))[0])
    ratio = statistics.median(theirs / mine for mine, theirs in zip(ours, floors, strict=True))
    return _row(
        what,
        statistics.median(ours),
        "entries/s",
        goal=goal,
        wall=statistics.median(walls),
        floor=floor,
        ratio=ratio,
    )


def _rate(action: Callable[[], int]) -> tuple[float, float]:
    """Return how many of what the action did it does in a second of CPU time, and the seconds that passed."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = action()
    return done / (time.process_time() - cpu), time.perf_counter() - wall


def _by_hand(path: Path, *, decodes: bool) -> int:
    digest, entries = bytes(32), 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for body, stored in connection.execute("SELECT CAST(body AS BLOB), digest FROM journal ORDER BY sequence"):
            digest = sha256(digest + body).digest()
            assert digest.hex() == stored
            if decodes:
                json.loads(body)
            entries += 1
    return entries


def _rebuilding(url: str, path: Path, entries: int) -> Row:
    """Return how many entries a second a rebuild goes through, over its own statements made again."""

    def rebuild() -> int:
        with open_ledger(url, strategy_id="bench") as ledger:
            ledger.rebuild()
        return entries

    with Recorder() as recorder:
        statements = recorder.take(rebuild)

    def again() -> int:
        with Replay(path, "none") as replay:
            replay.run(statements)
        return entries

    ours, floors, walls = [], [], []
    for _ in range(REPEATS - 2):
        rate, wall = _rate(rebuild)
        ours.append(rate)
        walls.append(wall)
        floors.append(_rate(again)[0])
    ratio = statistics.median(theirs / mine for mine, theirs in zip(ours, floors, strict=True))
    rate, wall = statistics.median(ours), statistics.median(walls)
    return _row("rebuild()", rate, "entries/s", wall=wall, floor="replay", ratio=ratio)


def _peak(repository: LedgerRepository) -> float:
    tracemalloc.start()
    try:
        verify(repository)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def _chain_cost(repository: LedgerRepository) -> float:
    """Return what computing an entry's digest takes, in microseconds of CPU time, over the bodies that are there."""
    bodies: list[bytes] = []
    while page := repository.read_raw(len(bodies)):
        bodies += (raw.body for raw in page)

    def link_all() -> int:
        digest = GENESIS_DIGEST
        for body in bodies:
            digest = chain(digest, body)
        return len(bodies)

    return 1e6 / statistics.median(_rate(link_all)[0] for _ in range(REPEATS))
