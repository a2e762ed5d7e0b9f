"""explanation/performance.md: how fast it is, from the results that the benchmarks keep in docs/_data/performance."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _generator import flame
from _generator.markdown import code, page, table

DATA = Path(__file__).resolve().parents[1] / "_data" / "performance"
PICTURE = "performance-flame.svg"

INTRODUCTION = """\
The ledger sits on the path of every order. What it costs should be the disk's doing, not ours, and should not grow with
its history. This page says how far that is so: every figure is a ratio to a floor that was measured in the same run,
block by block in turn, and every target that is missed is named.

A round is the life of two orders in 7 commands: a BUY placed, accepted, half filled and filled, a SELL placed, accepted
and filled. Each command is a transaction of its own, with its journal entry, its order, fill and position, unless it is
given in a batch. Where it says so, a trade is created and closed besides, and an order and the open positions are asked
for. Floors:

- **replay**: the ledger's own statements and commits, recorded and made again in plain sqlite3 by nobody. What is above
  it is our Python.
- **by hand**: what an engineer writes in an afternoon: four tables, no checks, no index to serve a query, no digest.
- **dicts**: the same in memory, in plain dicts, with a check of the state.
- **fdatasync**: some pages written and synced for each command, nothing else.
"""

HOW = """\
## Measure it again

```sh
$ python -m benchmarks all                     # everything but peers and guard
$ python -m benchmarks lifecycle --only full   # some columns of the lifecycle
$ python -m benchmarks scale --cache ~/ledgers --sizes 10000 10000000
$ python -m benchmarks peers --cache ~/ledgers # other programs, each installed into an environment of its own
$ python -m benchmarks all --keep              # also writes what this page is made from
$ tox -e guard                                 # fails where a round has become dearer than what is kept
```

Wall time is what a caller waits; CPU time does not count what other programs do meanwhile. Medians are of blocks, each
of many rounds, and a ratio is the median of the ratios of neighbouring blocks, with its quartiles beside it. `--folder`
names a folder on the disk in question, or one in memory to take the disk out.

The guard counts instructions with valgrind, which are nearly the same however busy a machine is, and compares the ratio
to the floor's with the one kept in `benchmarks/guard.json` for this version of Python.
"""

FLAME = """\
A command of a round on SQLite, from the call at the top down to what it calls, as wide as its CPU time. What SQLite
does counts as its caller's. A pointer on a bar shows the whole name.
"""

NEXT = """\
## What could come next

- **Fewer pages a command.** A fill changes a leaf of each index of its fill, its order and the journal, and each page
  is a frame in the log. An index less is a query that walks the history instead; those that are there each serve one.
  The index of the journal's own key is one of the pages. With the journal clustered by its key little of it is saved,
  since rows that long split more pages, and every file there is would have to be copied once. An integer that has both
  strategy and sequence would save the page, and everybody's SQL would have to know how it is made.
- **Bodies that are shorter still.** The journal's bodies are shortened by words that the file's view `v_journal` spells
  out again. Compression with a dictionary makes them shorter still; it takes more than twice as long, and nobody could
  read them in an emergency without this program.
- **The records behind the journal.** A commit that writes the journal alone, with records later, saves most of the
  statements. Then the tables lag behind the journal whenever a process dies, and whoever reads the file by plain SQL
  in an emergency would have to know. That is the moment the file is for, so it is not done.
- **A compiler.** Decimals, JSON and SQLite are compiled already. mypyc and Cython were tried on the functions that a
  command runs through: a round in memory got faster by less than a tenth with the one and not at all with the other.
  What is left are calls into C and small records, which the interpreter handles as fast. An attrs class that mypyc
  compiles also loses the types of its fields, of which the columns are made.
- **A command in memory.** What is left are many small steps, each with a check or a record of its own, and no function
  takes a tenth. Fewer of them would be fewer checks, or an entry that cannot be read back.
- **Events that are made when they are read.** An event carries its entry's digest, so the entry is written for it,
  which is most of what a publisher costs in memory. A dict that fills itself in is empty for code in C that reads dicts
  directly, and a mapping that is no dict cannot be dumped as JSON.
- **Imports.** Most of the time is attrs, which compiles the methods of each frozen class. Writing them when they are
  first called, as `__init__` is already, was tried: a fifth less, since attrs compiles an initialiser of its own all
  the same. They could be written into files beforehand, and then would have to be kept in step.
"""

# fmt: off
_SECTIONS: Sequence[tuple[str, str, str]] = (
    ("lifecycle", "A round", "Microseconds of a round."),
    ("latency", "A single command", "Microseconds of a command, checkpoints included."),
    ("counts", "Asked of SQLite and the disk", "Counted, not timed."),
    ("reads", "Questions", "Microseconds of a question; where memory answers, the floor is one look at the head."),
    ("threads", "Many callers", "Commands a second of 64 callers, each waiting until its own is durable."),
    ("scale", "With age", "The same work on files of different age."),
    ("verification", "Verifying and rebuilding", "Entries a second, of one core."),
    ("importing", "Importing", "CPU milliseconds in a new process."),
    ("peers", "Other programs", "The same round; the floor is the other program: below 1 the ledger is faster."),
)
# fmt: on


def files() -> dict[str, str]:
    """Return the page and its picture; nothing where nothing was kept yet."""
    kept = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(DATA.glob("*.json"))}
    if not kept:
        return {}
    parts = [_targets(kept)]
    parts += [_section(kept[what], title, words) for what, title, words in _SECTIONS if what in kept]
    written: dict[str, str] = {}
    if "flame" in kept:
        parts.append(_flame(kept["flame"]))
        written[f"explanation/{PICTURE}"] = flame.draw("Where the time of a command goes", kept["flame"]["tree"])
    parts += [NEXT, HOW]
    return {**written, "explanation/performance.md": page("How fast it is", INTRODUCTION, *parts)}


def _section(result: Mapping[str, Any], title: str, words: str) -> str:
    headings = result["headings"]
    rows = [[_cell(row.get(name)) for name in headings] for row in result["rows"]]
    shown = [index for index, _ in enumerate(headings) if any(row[index] for row in rows)]
    head = [headings[index].replace("_", " ") for index in shown]
    lines = [f"## {title}", words, table(head, [[row[index] for index in shown] for row in rows])]
    return "\n\n".join([*lines, *result["notes"][1:], _origin(result)])


def _origin(result: Mapping[str, Any]) -> str:
    versions = f"Python {result['python']}, SQLite {result['sqlite']}"
    return f"Measured on {result['date']} by {code(result['command'])}: {result['machine']}; {versions}."


def _targets(kept: Mapping[str, Any]) -> str:
    """Say of every row with a goal whether it is met."""
    rows = []
    for what, title, _ in _SECTIONS:
        for row in kept.get(what, {"rows": ()})["rows"]:
            rows += [(title, *judged) for judged in _judged(what, row)]
    missed = [row for row in rows if row[-1] != "met"]
    words = f"{len(rows) - len(missed)} of {len(rows)} are met." if missed else f"All {len(rows)} are met."
    return "\n\n".join(["## Targets", words, table(("where", "what", "target", "measured", ""), rows)])


def _judged(what: str, row: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return (what, target, measured, verdict) of each goal that a row has."""
    name = row["what"]
    judged: list[tuple[str, str, float, float, bool]] = []
    if row.get("goal") is not None:
        goal = row["goal"]
        match what:
            case "latency":
                judged.append((f"{name}: p99 by median", "≤", goal, row["p99_by_median"], True))
                judged.append((f"{name}: the slowest, ms", "≤", row["max_goal_us"] / 1e3, row["max_us"] / 1e3, True))
            case "threads":
                judged.append((name, "≥", goal, row["ratio"], False))
            case "counts":
                judged.append((name, "≤", goal, row["counted"], True))
            case "verification":
                is_rate = row["unit"].startswith("entries")
                judged.append((f"{name}, {row['unit']}", "≥" if is_rate else "≤", goal, row["measured"], not is_rate))
            case _:
                floor = f", to {row['floor']}" if row.get("floor") else ""
                judged.append((f"{name}{floor}", "≤", goal, row["ratio"], True))
    if row.get("goal_ms") is not None:
        measured = row["own_ms"] if "own_ms" in row else _last(row)
        judged.append((f"{name}, ms", "≤", row["goal_ms"], measured, True))
    return [
        (
            one,
            f"{sign} {_cell(goal)}",
            _cell(found),
            "met" if (found <= goal) is is_most or found == goal else "**missed**",
        )
        for one, sign, goal, found, is_most in judged
    ]


def _last(row: Mapping[str, Any]) -> float:
    """Return the figure of the largest file."""
    figures = [value for name, value in row.items() if name.replace(",", "").isdigit()]
    return float(figures[-1])


def _flame(result: Mapping[str, Any]) -> str:
    rows = [(code(row["what"]), f"{row['own_share']:.1%}", f"{row['share']:.1%}") for row in result["rows"][:12]]
    return "\n\n".join(
        [
            "## Where the time goes",
            FLAME,
            f"````{{container}} drawing\n```{{raw}} html\n:file: {PICTURE}\n```\n````",
            "The functions that take most themselves, and with all that they call:",
            table(("function", "itself", "with what it calls"), rows),
            *result["notes"],
            _origin(result),
        ]
    )


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case float() if abs(value) >= 100:
            return f"{value:,.0f}"
        case float() if abs(value) >= 1:
            return f"{value:,.2f}".rstrip("0").rstrip(".")
        case float():
            return f"{value:.3g}"
        case int():
            return f"{value:,}"
        case [low, high]:
            return f"{low}–{high}"
        case _:
            return str(value)
