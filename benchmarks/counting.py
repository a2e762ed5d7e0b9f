"""Counted, not timed: what a command asks of SQLite and of the disk. The same on every machine with the same SQLite."""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import COMMANDS, LedgerContestant, run_rounds
from benchmarks.replaying import Recorder, Statement, nothing_copied
from benchmarks.results import Options, Result, Row

HEADINGS = ("what", "counted", "goal")
ROUNDS = 400
ORDERS_A_ROUND = 2
FRAME_BYTES = 4096 + 24
WAL_HEADER_BYTES = 32
_TRANSACTION = ("BEGIN", "COMMIT")


def measure(options: Options) -> Result:
    """Count over some hundred rounds, after some that warm up."""
    commands = COMMANDS[options.form] * ROUNDS
    with TemporaryDirectory(dir=options.folder) as directory:
        path = Path(directory) / "ledger.db"
        url = f"sqlite:///{path}?durability=process"
        with Recorder() as recorder, nothing_copied():
            with LedgerContestant(url) as contestant:
                run_rounds(contestant, options.form, 0, ROUNDS // 4)
            before, parts_before = path.stat().st_size, _parts(path)
            with LedgerContestant(url) as contestant:
                wal = path.with_name("ledger.db-wal")
                run_rounds(contestant, options.form, ROUNDS, 1)
                wal_before = wal.stat().st_size
                made = recorder.take(partial(run_rounds, contestant, options.form, 2 * ROUNDS, ROUNDS))
                frames = (wal.stat().st_size - wal_before) / FRAME_BYTES
        orders = (ROUNDS + 1) * ORDERS_A_ROUND
        bytes_an_order = (path.stat().st_size - before) / orders
        parts = {name: (size - parts_before.get(name, 0)) / orders for name, size in _parts(path).items()}
    rows: list[Row] = [
        _row("statements a command, without BEGIN and COMMIT", _own(made) / commands, 6),
        _row("... of them reads", sum(one.text.startswith("SELECT") for one in made) / commands),
        _row("WAL frames a command", frames / commands, 7),
        _row("bytes of file an order", bytes_an_order, 2560),
    ]
    rows += [_row(f"... {name}", size) for name, size in parts.items() if size >= 1]
    rows += [
        _row(f"... {text}", count / commands)
        for text, count in Counter(_summary(one) for one in made).most_common()
        if not text.startswith(_TRANSACTION)
    ]
    return Result(
        what="counts",
        headings=HEADINGS,
        rows=rows,
        notes=(f"Counted over {ROUNDS} rounds of {COMMANDS[options.form]} commands.",),
    )


def _parts(path: Path) -> Mapping[str, int]:
    """Return the bytes of each table and index, the largest first; none where SQLite was built without `dbstat`."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return dict(connection.execute("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"))
        except sqlite3.OperationalError:
            return {}


def _row(what: str, counted: float, goal: float | None = None) -> Row:
    return {"what": what, "counted": round(counted, 2), "goal": goal}


def _own(made: Sequence[Statement]) -> int:
    return sum(not one.text.startswith(_TRANSACTION) for one in made)


def _summary(statement: Statement) -> str:
    """Return what a statement does, in a few words."""
    words = statement.text.split()
    match words[0]:
        case "INSERT":
            return f"INSERT INTO {words[2]}"
        case "UPDATE":
            return f"UPDATE {words[1]}"
        case "SELECT":
            return f"SELECT FROM {words[words.index('FROM') + 1]}"
        case _:
            return " ".join(words[:2])
