"""reliability.md: what the campaigns came to, from the results in docs/_data, and what of the code was run."""

import json
import re
from pathlib import Path
from typing import Any

from _generator.markdown import code, page, sentence, table

DATA = Path(__file__).resolve().parents[1] / "_data" / "reliability"
COVERAGE = DATA.with_name("coverage.json")
MENDED = DATA.with_name("mended.json")
"""What became of a finding, by its campaign and seed."""

WORDS_MAX = 140
"""How much the page shows of what a campaign said of a finding."""

INTRODUCTION = """\
A ledger that loses a fill loses somebody's money. So each promise of [what survives what](explanation/durability.md)
has a campaign that tries to break it: on the shipped adapter, through the public interface, with orders, fills, trades,
positions, batches, busts, corrections and a quarantine, and with the same oracle everywhere. A part of each campaign
runs with every run of the tests, a larger one in CI, and all of it by hand; this page is made from what those whole
campaigns came to.

The oracle compares what is stored with a reference: the same steps on the memory adapter, without any fault. The same
step makes the same bytes wherever and however often it is given, so after any crash the journal must be the
reference's to the byte, up to a whole step that is not before what was acknowledged and not behind what was attempted,
and every record must be what it was there.

A promise is only as good as the test that would see it broken. For each campaign there are negative controls: tests
that take a protection away, or break the ledger on purpose, and pass only if the same oracle reports it.
"""

HOW = """\
## Run them

```sh
$ tox -e reliability                           # CI's amount of each
$ tox -e reliability -- power-cuts             # as much as the whole campaign still lacks
$ tox -e reliability -- power-cuts --amount 5000 --minutes 10
```

A violation prints the seed that shows it; `--first-seed SEED --amount 1 --dry-run` shows it again. Seeds go on from run
to run, so what is added up was never the same twice. `code` is a digest of the packages that were tested.
"""

_COUNTS = ("statements", "branches", "not run")

COVERED = """\
## Every line, every branch

What no test runs, no test can see broken. So of the core and the adapters every line and both ways out of every branch
must be run by a test, in whatever process:

```sh
$ tox -e coverage                              # all tests with coverage, then the check and its result
```

It fails for a line or branch of these packages that was not run, with its place. What no test can bring about has its
excuse on its line, `# pragma: no cover  # reason`; an excuse without a reason fails too. That a line was run does not
mean that a test would notice if it were wrong: for that there are [mutants](mutation.md).
"""


def files() -> dict[str, str]:
    """Return the page."""
    results = [json.loads(path.read_text("utf-8")) for path in sorted(DATA.glob("*.json"))]
    results.sort(key=lambda result: (int(result["row"]) if result["row"].isdigit() else 99, result["name"]))
    parts = [
        table(("campaign", "promise", "done", "violations", "last run"), [_row(result) for result in results]),
        HOW,
        COVERED,
        *_coverage(),
    ]
    parts += [_section(result) for result in results]
    return {"reliability.md": page("Nothing acknowledged is ever lost", INTRODUCTION, *parts)}


def _coverage() -> list[str]:
    """Return what the last coverage run came to, and the excuses."""
    if not COVERAGE.exists():
        return ["No result is kept yet."]
    kept = json.loads(COVERAGE.read_text("utf-8"))
    heading = ("package", "must be whole", "lines", "branches", "not run")
    rows = [
        (code(one["package"]), "yes" if one["judged"] else "no", *(f"{one[name]:,}" for name in _COUNTS))
        for one in kept["packages"]
    ]
    parts = [
        f"The last run: {kept['date']}, Python {kept['python']}, coverage {kept['coverage']}, {code(kept['command'])}.",
        table(heading, rows),
    ]
    if kept["excuses"]:
        excuses = [(code(one["path"]), code(one["code"]), one["reason"]) for one in kept["excuses"]]
        parts.append(table(("excused in", "line", "because of"), excuses))
    return parts


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    runs = result["runs"]
    done = sum(run["done"] for run in runs)
    goal = f"{done:,} of {result['whole']:,} {result['unit']}"
    violations = sum(len(run["violations"]) for run in runs)
    return (f"[{result['name']}](#{result['name']})", _promise(result), goal, f"{violations:,}", runs[-1]["date"])


def _promise(result: dict[str, Any]) -> str:
    promise: str = result["promise"]
    return sentence(promise[:1].upper() + promise[1:])


def _section(result: dict[str, Any]) -> str:
    runs = result["runs"]
    details: dict[str, int] = {}
    for run in runs:
        for name, count in run["details"].items():
            details[name] = details.get(name, 0) + count
    lines = [
        f"## {result['name']}",
        f"{_promise(result)} CI: {result['ci']:,} {result['unit']}; whole: {result['whole']:,}.",
        table(
            ("date", "command", "seeds", result["unit"], "violations", "seconds", "Python, SQLite", "code"),
            [_run(run) for run in runs],
        ),
    ]
    if details:
        lines.append(table(("counted", "in all runs"), [(name, f"{count:,}") for name, count in details.items()]))
    if found := _found(result["name"], [violation for run in runs for violation in run["violations"]]):
        lines.append(table(("found", "the first of its words", "what became of it"), found))
    return "\n\n".join(lines)


def _found(campaign: str, violations: list[str]) -> list[tuple[str, str, str]]:
    """Return what a campaign found, a row for each seed, and whether it was mended."""
    mended = json.loads(MENDED.read_text("utf-8"))
    rows: dict[str, tuple[str, str, str]] = {}
    for violation in violations:
        seed, _, words = re.split(r"([,:] )", violation, maxsplit=1)
        rows.setdefault(seed, (seed, code(words[:WORDS_MAX]), mended.get(f"{campaign}: {seed}", "open")))
    return list(rows.values())


def _run(run: dict[str, Any]) -> tuple[str, ...]:
    seeds = ", ".join(f"{first:,}–{end - 1:,}" for first, end in run["seeds"])
    versions = f"{run['python']}, {run['sqlite']}"
    return (
        run["date"],
        code(run["command"]),
        seeds,
        f"{run['done']:,}",
        f"{len(run['violations']):,}",
        f"{run['seconds']:,}",
        versions,
        code(run["code"]),
    )
