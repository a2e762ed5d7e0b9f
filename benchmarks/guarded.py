"""What `guard` counts the instructions of: `python -m benchmarks.guarded CONTESTANT ROUNDS` lives so many rounds, no more."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import Contestant, Dumping, LedgerContestant, Silent, run_rounds
from benchmarks.floors import DictFloor, SqliteFloor

CONTESTANTS: Mapping[str, Callable[[Path], Contestant]] = {
    "memory": lambda _: LedgerContestant("memory://"),
    "memory, a publisher that reads nothing": lambda _: LedgerContestant("memory://", publisher=Silent()),
    "memory, a publisher that makes JSON": lambda _: LedgerContestant("memory://", publisher=Dumping()),
    "sqlite": lambda folder: LedgerContestant(f"sqlite:///{folder}/ledger.db?durability=none"),
    "sqlite, batches of 100": lambda folder: LedgerContestant(f"sqlite:///{folder}/ledger.db?durability=none", 100),
    "dicts": lambda _: DictFloor(),
    "by hand": lambda folder: SqliteFloor(folder / "floor.db", "none"),
    "by hand, batches of 100": lambda folder: SqliteFloor(folder / "floor.db", "none", 100),
}
"""Floors are named as in `lifecycle`; nothing is synced, since waiting for a disk takes no instructions."""


def main(name: str, rounds: int) -> None:
    """Live the rounds."""
    with TemporaryDirectory() as directory, CONTESTANTS[name](Path(directory)) as contestant:
        run_rounds(contestant, "orders", 0, rounds)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
