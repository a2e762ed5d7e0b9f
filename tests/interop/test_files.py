"""Files that are no files, cut off, packed, hostile or huge: one sentence with the place, and memory that does not grow."""

import gc
import gzip
import json
import lzma
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any
from uuid import uuid4

import pytest

from interop.fix_rendering import fix_line
from interop.imports import brief, imported_file
from ledger_core import StrategyLedger, open_ledger
from ledger_interop.errors import UnreadableSource
from ledger_interop.importing import (
    SOURCES,
    Import,
    ImportReport,
    Options,
    import_file,
    inspect_file,
    running,
    source_of,
)
from ledger_interop.importing.booking import known_orders, past
from ledger_interop.importing.csv_columns import REQUIRED
from ledger_interop.importing.fix import read_lines

ORDER = {"id": "1", "clientOrderId": "O1", "symbol": "X/USD", "side": "buy", "type": "limit", "price": 9, "amount": 3}
OPENED = {**ORDER, "status": "open", "filled": 0, "remaining": 3, "timestamp": 1_772_461_800_000}
LINE = fix_line(
    "FIX.4.4", {"35": "D", "11": "O1", "55": "X", "54": "1", "38": "3", "40": "1", "60": "20260302-09:00:00"}
)
COLUMNS = {name: name for name in REQUIRED}

Write = Callable[[Path, bytes], object]


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_no_kind_of_source_lets_a_bad_file_out_as_anything_but_our_error(
    kind: str, ledger: StrategyLedger, tmp_path: Path
) -> None:
    """Missing, a folder, empty, zeros, cut-off archives, deep brackets: an UnreadableSource, or a report that tells."""
    contents = {
        "empty": b"",
        "zeros": bytes(4_096),
        "gzip": gzip.compress(b"x" * 100_000)[:60],
        "xz": lzma.compress(b"x" * 100_000)[:60],
        "deep": b"[" * 200_000,
        "deeper": b'{"a":' * 200_000,
        "text": "não é nada, 你好\n".encode(),
        "bytes": b"\xff\xfe\x00\x01" * 100,
        "surrogate": b'["\\ud800"]',
        "number": b"1e999999999",
        "long": b'"' + b"x" * 3_000_000 + b'"',
    }
    paths = [tmp_path / "none", tmp_path]
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        paths.append(path)
    options = Options(columns=COLUMNS)
    for path in paths:
        with suppress(UnreadableSource):
            assert import_file(ledger, kind, path, options=options).booked == 0, path
    assert ledger.head().sequence == 0


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress], ids=["plain", "gzip", "xz"])
def test_a_packed_file_is_read_as_it_is(pack: Callable[[bytes], bytes], ledger: StrategyLedger, tmp_path: Path) -> None:
    """What it is packed with is told by its first bytes, not by its name."""
    path = tmp_path / "fix.log"
    path.write_bytes(pack(f"{LINE}\n".encode()))
    imported_file(ledger, "fix", path)
    assert brief(ledger, "O1") == "PLACED 0 of 3"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([OPENED]),
        json.dumps({"result": {"orders": [OPENED]}}, indent=2),
        f"{json.dumps(OPENED)}\n{json.dumps({**OPENED, 'id': '2', 'clientOrderId': 'O2'})}\n",
        f"\ufeff{json.dumps(OPENED)}",
    ],
    ids=["list", "nested", "lines", "byte order mark"],
)
def test_json_is_read_in_every_arrangement(text: str, ledger: StrategyLedger, tmp_path: Path) -> None:
    """A list, an answer with the list inside, a value a line, with a byte order mark."""
    path = tmp_path / "orders.json"
    path.write_text(text, "utf-8")
    imported_file(ledger, "ccxt", path)
    assert brief(ledger, "O1") == "ACCEPTED 0 of 3"


def test_a_list_that_breaks_off_has_booked_what_came_before(ledger: StrategyLedger, tmp_path: Path) -> None:
    """The error names the line."""
    path = tmp_path / "orders.json"
    path.write_text(f'[{json.dumps(OPENED)},\n{{"id": ', "utf-8")
    with pytest.raises(UnreadableSource, match="line 2: this is no JSON, or is cut off"):
        import_file(ledger, "ccxt", path)
    assert brief(ledger, "O1") == "ACCEPTED 0 of 3"


def test_a_line_without_an_end_is_refused(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A file of one line that never ends is not held in memory."""
    path = tmp_path / "fix.log"
    path.write_bytes(gzip.compress(b"8=FIX.4.4|" + b"x" * 80_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableSource, match="line 1: "):
            import_file(ledger, "fix", path)
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


def _held(count: int) -> int:
    """Return how many objects an import holds on to after so many filled orders, beside the ledger itself."""
    filled = {"35": "8", "150": "F", "39": "2", "17": "E1", "55": "X", "54": "1", "38": "3", "32": "3", "31": "10"}
    lines = (
        (number, fix_line("FIX.4.4", {**filled, "11": f"O{number}", "37": f"V{number}", "60": "20260302-09:00:00"}))
        for number in range(count)
    )
    with open_ledger(f"memory://{uuid4().hex}", strategy_id="s") as ledger:
        importing = Import(ledger, "fix")
        importing.run(read_lines(lines))
        assert importing.report.booked == count
        known = {id(ledger)}
        waiting: list[Any] = [importing]
        while waiting:
            for one in gc.get_referents(waiting.pop()):
                if id(one) not in known and not isinstance(one, (type, ModuleType, FunctionType)):
                    known.add(id(one))
                    waiting.append(one)
    return len(known)


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as many orders leave no more behind, once the limits of what is kept at hand are reached."""
    monkeypatch.setattr(known_orders, "ORDERS_KEPT_MAX", 100)
    monkeypatch.setattr(past, "MARKS_KEPT_MAX", 100)
    monkeypatch.setattr(running, "FACTS_MAX", 100)
    assert _held(1_200) < _held(300) * 1.1


def test_progress_goes_from_nothing_to_all(ledger: StrategyLedger, tmp_path: Path) -> None:
    """The part of the file that was read, after each batch."""
    path = tmp_path / "fix.log"
    path.write_text("".join(f"{LINE.replace('11=O1', f'11=O{number}')}\n" for number in range(3_500)), "utf-8")
    told: list[float] = []
    import_file(ledger, "fix", path, progress=told.append)
    assert told == sorted(told)
    assert 0 < told[0] < 0.5
    assert told[-1] == 1.0


def test_a_file_is_looked_at_without_a_ledger(tmp_path: Path) -> None:
    """What it holds, by kinds of facts; nothing is booked."""
    path = tmp_path / "fix.log"
    path.write_text(f"{LINE}\njunk\n", "utf-8")
    report: ImportReport = inspect_file("fix", path)
    assert list(report.summary()) == [
        "fix: read 2 messages: 1 understood, 1 passed over, 0 not understood",
        "1 Placement; nothing was booked",
    ]


def test_a_kind_that_is_not_known_is_refused_with_those_that_are() -> None:
    """The error names all of them."""
    with pytest.raises(UnreadableSource, match=r"no source is called 'excel'; known are fix, csv, .*zerodha"):
        source_of("excel")


def test_a_report_is_a_document(tmp_path: Path) -> None:
    """JSON-ready, with every count and reason."""
    path = tmp_path / "fix.log"
    path.write_text(f"{LINE}\n8=FIX.4.4\x019=5\x0135=8\n", "utf-8")
    with open_ledger(f"memory://{uuid4().hex}", strategy_id="s") as ledger:
        document: dict[str, Any] = json.loads(json.dumps(import_file(ledger, "fix", path).document()))
    assert (document["read"], document["not_understood"], document["facts"]["booked"]) == (2, 1, 1)
    (reason,) = document["reasons"]["not understood"].items()
    assert reason == ("the message is cut off: its checksum (10) is missing", {"count": 1, "places": ["line 2: FIX"]})
