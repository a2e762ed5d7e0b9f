"""The life of orders through the ledger and through its floors; what a round is, `contestants` says.

Floors: `replay` is the ledger's own statements and commits made again in plain sqlite3, `by hand` four tables without
checks or indexes, `dicts` the same in memory, `fdatasync` the disk alone. The ledger has no publisher unless it says so.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from benchmarks.contestants import COMMANDS, Contestant, Dumping, LedgerContestant, Silent, run_rounds
from benchmarks.floors import DictFloor, SqliteFloor, SyncFloor
from benchmarks.replaying import Recorder, Replay, Statement
from benchmarks.results import Options, Result, Row
from benchmarks.timing import RATIO_HEADINGS, Block, compare
from ledger_core import EventPublisher

REPLAY, BY_HAND, DICTS, FDATASYNC = "replay", "by hand", "dicts", "fdatasync"


@attrs.frozen
class Column:
    """One way of storing, and its goals by floor."""

    name: str
    durability: str | None = None  # None: in memory
    batch: int = 1
    publisher: Callable[[], EventPublisher] | None = None
    form: str | None = None  # what a round is made of, whatever was asked for
    goals: dict[str, float] = attrs.field(factory=dict)

    def open(self, folder: Path) -> LedgerContestant:
        """Open the ledger."""
        publisher = None if self.publisher is None else self.publisher()
        if self.durability is None:
            return LedgerContestant("memory://", self.batch, publisher)
        return LedgerContestant(f"sqlite:///{folder}/ledger.db?durability={self.durability}", self.batch, publisher)


# fmt: off
COLUMNS = (
    Column("memory", goals={DICTS: 10}),
    Column("memory, with trades and questions", form="trade"),
    Column("memory, a publisher that reads nothing", publisher=Silent),
    Column("memory, a publisher that makes JSON", publisher=Dumping),
    Column("sqlite full", "full", goals={REPLAY: 1.15, BY_HAND: 1.25}),
    Column("sqlite full, with trades and questions", "full", form="trade"),
    Column("sqlite process", "process", goals={REPLAY: 1.4, BY_HAND: 1.8}),
    Column("sqlite none", "none"),
    Column("sqlite full, batches of 100", "full", batch=100, goals={REPLAY: 2.0, BY_HAND: 2.5}),
    Column("sqlite process, batches of 100", "process", batch=100),
    Column("sqlite process, a publisher that makes JSON", "process", publisher=Dumping),
)
# fmt: on


def measure(options: Options) -> Result:
    """Measure every column whose name contains what was asked for."""
    rows: list[Row] = []
    for column in COLUMNS:
        if options.only in column.name:
            rows += measure_column(column, options)
    return Result(
        what="lifecycle",
        headings=RATIO_HEADINGS,
        rows=rows,
        notes=(f"Microseconds of a round of {COMMANDS[options.form]} commands; floors are explained in its module.",),
    )


def measure_column(column: Column, options: Options) -> list[Row]:
    """Alternate blocks of the ledger and of its floors."""
    form, rounds = column.form or options.form, options.rounds
    with TemporaryDirectory(dir=options.folder) as directory, ExitStack() as stack:
        folder = Path(directory)
        ours = _block(stack.enter_context(column.open(folder)), form, rounds)
        floors: dict[str, Block] = {}
        if column.durability is None:
            floors[DICTS] = _block(stack.enter_context(DictFloor()), form, rounds)
        else:
            replay = stack.enter_context(Replay(folder / "replay.db", column.durability))
            statements = recorded(column, folder, form, options.blocks + 1, rounds)
            floors[REPLAY] = lambda block: replay.run(statements[block])
            by_hand = SqliteFloor(folder / "floor.db", column.durability, column.batch)
            floors[BY_HAND] = _block(stack.enter_context(by_hand), form, rounds)
        if column.durability == "full":
            disk = stack.enter_context(SyncFloor(folder / "sync"))
            commits = -(-COMMANDS[form] * rounds // column.batch)
            floors[FDATASYNC] = lambda _: disk.run(commits)
        return compare(column.name, ours, floors, blocks=options.blocks, units=rounds, goals=column.goals)


def recorded(column: Column, folder: Path, form: str, blocks: int, rounds: int) -> list[list[Statement]]:
    """Return the statements that the ledger makes in each block."""
    place = folder / "recorded"
    place.mkdir()
    with Recorder() as recorder, attrs.evolve(column, durability="none").open(place) as contestant:
        return [recorder.take(partial(_block(contestant, form, rounds), block)) for block in range(blocks)]


def _block(contestant: Contestant, form: str, rounds: int) -> Block:
    return lambda block: run_rounds(contestant, form, block * rounds, rounds)
