"""A history of 100,000 messages is read and booked in as much memory as one of 50,000."""

import gzip
import json
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from interop.fix_rendering import fix_line
from ledger_core import open_ledger
from ledger_interop.importing import Import, Message
from ledger_interop.importing.files import SourceFile
from ledger_interop.importing.fix import read_lines

pytestmark = pytest.mark.once

MESSAGES = 100_000
BEGUN = 50_000
"""By then as many orders are at hand as are ever kept."""
KIBIBYTES_MAX = 6 * 1024

HEARTBEAT = fix_line("FIX.4.4", {"35": "0"})


def lines() -> Iterator[tuple[int, str]]:
    """Generate a log: of ten messages one fills an order, two repeat that, the rest are heartbeats."""
    for number in range(1, MESSAGES + 1):
        order, part = divmod(number, 10)
        if part > 2:
            yield number, HEARTBEAT
            continue
        own = {"35": "8", "11": f"O{order}", "37": f"V{order}", "55": "X", "54": "1", "38": "3"}
        done = {"150": "F", "39": "2", "17": f"F{order}", "32": "3", "31": "10", "14": "3"}
        yield number, fix_line("FIX.4.4", {**own, **done, "60": "20260302-09:00:00"})


def import_all(url: str) -> tuple[int, int, int]:
    """Import the log; return how many facts were booked, and how much memory was needed early and in all."""
    early: list[int] = []

    def measured(messages: Iterable[Message]) -> Iterator[Message]:
        for number, message in enumerate(messages):
            if number == BEGUN:
                early.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            yield message

    with open_ledger(url, strategy_id="s") as ledger:
        importing = Import(ledger, "fix")
        importing.run(measured(read_lines(lines())))
        report = importing.finish()
    assert report.read == MESSAGES
    return report.booked, early[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.reliability
def test_a_hundred_thousand_messages_are_booked_in_constant_memory(tmp_path: Path) -> None:
    """What the process needs at most stands still while the second half of the log is booked into a file."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}?durability=none"
    program = f"import sys\nsys.path[:0] = {sys.path!r}\nfrom interop import test_streaming\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}print(*test_streaming.import_all({url!r}))"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    booked, early, late = (int(word) for word in done.stdout.split())
    assert booked == MESSAGES // 10 + 1
    assert late - early < KIBIBYTES_MAX


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("is_list", [True, False], ids=["one list", "lines"])
def test_a_hundred_thousand_values_of_json_are_read_in_constant_memory(
    is_list: bool, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """One list of all is read item by item, as lines are."""
    written = json.dumps({"id": "1", "symbol": "BTC/USDT", "price": 50000.1, "amount": 0.25, "side": "buy"})
    text = f"[{', '.join([written] * MESSAGES)}]" if is_list else f"{written}\n" * MESSAGES
    path = tmp_path / "orders.json"
    path.write_bytes(pack(text.encode()))
    del text
    count = 0
    tracemalloc.start()
    try:
        with SourceFile(path) as file:
            for _, value in file.values():
                count += 1
                assert str(value["price"]) == "50000.1"
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()
    assert count == MESSAGES
