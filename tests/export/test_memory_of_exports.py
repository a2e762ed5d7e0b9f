"""Memory: an export of ten times as many fills needs hardly more of it."""

import itertools
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from export.books import pyarrow
from ledger_core import open_ledger
from support import START, fill, market_order

FILLS_OF_AN_ORDER = 50
MORE_MAX_MB = 96
"""What a ten times longer history may take on top: the rows of one row group, and SQLite's cache."""

MEASURE = """
import resource, sys
from ledger_core import open_reader
from ledger_interop.exporting import export
source, target, form = sys.argv[1:]
with open_reader(source) as reader:
    rows = sum(file.rows for file in export(reader, target + "/", form, tables=["orders", "fills"]).files)
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def _fill(path: Path, count: int) -> None:
    ticks = itertools.count()
    url = f"sqlite:///{path}?durability=none"
    with open_ledger(url, strategy_id="alpha", clock=lambda: START + timedelta(seconds=next(ticks))) as ledger:
        for order in range(count // FILLS_OF_AN_ORDER):
            details = market_order(
                "SELL" if order % 2 else "BUY", FILLS_OF_AN_ORDER, symbol=f"S{order % 7}", currency="USD"
            )
            with ledger.batch() as batch:
                batch.record_order(f"o{order}", details)
                for number in range(FILLS_OF_AN_ORDER):
                    price = f"{100 + (order + number) % 37}.{number:02}"
                    batch.update_order_fill(f"o{order}", fill(f"f{number}", 1, price, fee="0.01", fee_currency="USD"))


def _measured(path: Path, form: str) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), f"{path}-{form}", form], capture_output=True, text=True, check=True
    )
    rows, megabytes = map(int, done.stdout.split())
    return rows, megabytes


@pytest.mark.once
@pytest.mark.reliability
def test_memory_does_not_grow_with_the_history(tmp_path: Path) -> None:
    """50,000 fills are exported in about the memory of 5,000, typed and as text."""
    pyarrow()
    counts = (5_000, 50_000)
    paths = [tmp_path / f"{count}.db" for count in counts]
    for path, count in zip(paths, counts, strict=True):
        _fill(path, count)
    for form in ("parquet", "csv"):
        (few, little), (many, much) = (_measured(path, form) for path in paths)
        assert many > 9 * few
        assert much - little < MORE_MAX_MB, f"{form}: {little} MB for {few} rows, {much} MB for {many}"
