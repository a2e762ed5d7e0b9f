"""`python -m benchmarks`: run the benchmarks, print a table, and JSON with --json."""

import argparse
import json
import platform
import sqlite3
import sys
from typing import Any

from benchmarks import threads, verification
from benchmarks.lifecycle import COLUMNS, COMMANDS, measure

HEADINGS = ("column", "form", "ledger_us", "floor_us", "ledger_cpu_us", "floor_cpu_us", "ratio", "ratio_quartiles")


def main() -> int:
    """Measure what was asked for; one line a column."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=("lifecycle", "verification", "threads", "async"), default="lifecycle"
    )
    parser.add_argument("--form", choices=sorted(COMMANDS), default="orders")
    parser.add_argument("--only", help="columns whose name contains this text")
    parser.add_argument("--blocks", type=int, default=9, help="alternating blocks of ledger and floor")
    parser.add_argument("--rounds", type=int, default=40, help="rounds in a block")
    parser.add_argument("--folder", help="where the database files go (a disk, or tmpfs)")
    parser.add_argument("--entries", type=int, default=verification.ENTRIES, help="how many entries are verified")
    parser.add_argument("--commands", type=int, default=8, help="commands of each thread or coroutine in a block")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if arguments.what == "verification":
        headings: tuple[str, ...] = verification.HEADINGS
        results = verification.measure(entries=arguments.entries, folder=arguments.folder)
    elif arguments.what in ("threads", "async"):
        headings = threads.HEADINGS
        many = threads.measure_threads if arguments.what == "threads" else threads.measure_coroutines
        results = many(blocks=arguments.blocks, commands=arguments.commands, folder=arguments.folder)
    else:
        headings = HEADINGS
        results = _lifecycle(arguments)
    machine = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}"
    if arguments.json:
        json.dump({"machine": machine, "results": results}, sys.stdout, indent=2)
        print()
    else:
        print(machine)
        _print_table(headings, results)
    return 0


def _lifecycle(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    return [
        measure(
            column,
            form=arguments.form,
            blocks=arguments.blocks,
            rounds=arguments.rounds,
            folder=arguments.folder,
        )
        for column in COLUMNS
        if not arguments.only or arguments.only in column.name
    ]


def _print_table(headings: tuple[str, ...], results: list[dict[str, Any]]) -> None:
    rows = [headings, *(tuple(str(result[name]) for name in headings) for result in results)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(headings))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
