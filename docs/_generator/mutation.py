"""mutation.md: which small faults the tests would notice, from the results that runs keep in docs/_data/mutation."""

import json
from pathlib import Path
from typing import Any

from _generator.markdown import code, page, table

DATA = Path(__file__).resolve().parents[1] / "_data" / "mutation"

INTRODUCTION = """\
A test that runs a line need not notice when the line is wrong. So each function of the core and the adapters is broken
in every small way that mutmut knows (a `<` for a `<=`, a `None` for an argument, a `-` for a `+`), one way at a time,
and the tests are run: a mutant that no test kills is a test that is missing, or code that nobody needs. The goal is
95 % of all mutants that a caller could tell from the code.

Left out are the words of log lines and errors, which are for people; assertions, which say what cannot happen; the laws
in `ledger_core.testing`, which are tests themselves; and `_rewrite.py`, which runs in a Python without libraries. What
the lifecycle's table says is not mutated; its cases hold it cell by cell.
"""

HOW = """\
## Run it

```sh
$ tox -e mutation -- run ledger_core.lots      # the mutants of a module that were not run yet
$ tox -e mutation -- run ledger_core.lots --tests tests/core/test_lots.py     # what these tests alone kill
$ tox -e mutation -- run --minutes 60          # of all modules; the next run goes on from there
$ tox -e mutation -- show ledger_core.lots     # the survivors without an excuse
```

Survivors that may live are in `tests/mutation/excused.toml`, each with its reason, known by what the mutant changes:
of kind `equivalent` where no caller can tell, which do not count, or `accepted`, which count as alive. `code` is a
digest of the module that was mutated; a module without a line here has not been run whole.
"""


def files() -> dict[str, str]:
    """Return the page."""
    results = [json.loads(path.read_text("utf-8")) for path in sorted(DATA.glob("*.json"))]
    heading = ("module", "mutants", "killed", "survived", "equivalent", "score", "date", "code")
    parts = [table(heading, [_row(result) for result in results]) if results else "No module was run whole yet.", HOW]
    parts += [_section(result) for result in results if result["survivors"]]
    return {"mutation.md": page("Would a test notice?", INTRODUCTION, *parts)}


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    counts = (f"{result[name]:,}" for name in ("mutants", "killed", "survived", "equivalent"))
    return (code(result["module"]), *counts, f"{result['score']:.1%}", result["date"], code(result["code"]))


def _section(result: dict[str, Any]) -> str:
    rows = [
        (code(one["function"]), code(one["was"]), code(one["became"]), one["excuse"], one["reason"])
        for one in result["survivors"]
    ]
    return f"## {result['module']}\n\n" + table(("function", "was", "became", "excuse", "reason"), rows)
