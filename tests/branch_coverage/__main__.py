"""Judge what a coverage run of the whole suite recorded: `tox -e coverage` runs the tests, then this.

    python -m branch_coverage            print each package's figures, and keep them in docs/_data/coverage.json
    python -m branch_coverage --dry-run  keep nothing

It exits with 1 if a line or branch of the core or an adapter was not run and has no excuse, or an excuse has no reason.
It runs in the root of the repository, where coverage left its data.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coverage import Coverage

from branch_coverage.excuses import excuses, without_reason
from branch_coverage.figures import JUDGED, figures_of, store

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Judge, keep, and say what is missing."""
    parser = argparse.ArgumentParser(prog="python -m branch_coverage", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--dry-run", action="store_true", help="keep no result")
    options = parser.parse_args(arguments)
    figures = figures_of(_report())
    for one in figures:
        print(one)
    judged = [one for one in figures if one.package in JUDGED]
    for one in judged:
        for place in one.missing:
            print(f"not run: {place}")
    nameless = [excuse for package in JUDGED for excuse in without_reason(ROOT / package)]
    for excuse in nameless:
        print(f"an excuse without a reason: {excuse.path}:{excuse.line}")
    if not options.dry_run:
        store(figures, [excuse for package in JUDGED for excuse in excuses(ROOT / package)])
    absent = sorted(set(JUDGED) - {one.package for one in judged})
    for package in absent:
        print(f"not measured: {package}")
    return 1 if nameless or absent or any(one.missing for one in judged) else 0


def _report() -> dict[str, Any]:
    """Return coverage's own JSON report of the data in the present folder."""
    data = Coverage()
    data.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        data.json_report(outfile=str(path))
        report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
