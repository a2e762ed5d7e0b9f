"""The journal writer: killed anywhere and started again, its file has every event once, in order.

Run as a script this file is a nursery: for each line of its input it forks a process that runs the example and dies
as the line says, so that a hundred deaths cost two seconds rather than a minute.
"""

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ledger_core import SubscriberInUse, open_ledger
from ledger_core.events import events_of

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "journal_writer.py"
ROUNDS = 6
STRATEGY = "journal-demo"
DEATH = 99
"""The exit status of a process that ended itself where it was told to."""


def _load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("journal_writer", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- the nursery ------------------------------------------------------------------------------------------------------


def _nursery(ledger: str, journal: str) -> None:
    """Live one life for each line read; answer with how it ended."""
    for line in sys.stdin:
        sys.stdout.write(f"{_live(ledger, Path(journal), json.loads(line))}\n")
        sys.stdout.flush()


def _live(ledger: str, journal: Path, plan: dict[str, Any]) -> int:
    """Fork a process that runs the example; return its exit status, negative for a signal."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            example = _load_example()
            _arrange_death(example, plan, writing)
            example.run(ledger, journal, ROUNDS)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    if plan["death"] == "sigkill":
        _read_until(reading, plan["line"])
        os.kill(child, signal.SIGKILL)
    else:
        _read_until(reading, sys.maxsize)
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _read_until(pipe: int, count: int) -> None:
    while count > 0 and (read := os.read(pipe, 1)):
        count -= len(read)


def _arrange_death(example: ModuleType, plan: dict[str, Any], told: int) -> None:
    """Make the process die at its `line`-th line, or tell the nursery of each so that it may kill."""
    write, place = example.os.write, {"line": 0, "store": 0}

    def write_and_die(file: int, line: bytes) -> int:
        place["line"] += 1
        if plan["death"] == "torn" and place["line"] == plan["line"]:
            write(file, line[: plan["bytes"]])
            os._exit(DEATH)
        written: int = write(file, line)
        os.write(told, b".")
        return written

    def store_and_die(cache: Any, key: str, context: Any) -> None:
        place["store"] += 1
        if plan["death"] == "undelivered" and place["store"] == plan["line"]:
            os._exit(DEATH)
        store(cache, key, context)

    store = example.DictCache.store
    example.DictCache.store = store_and_die
    example.os = _OsWith(write=write_and_die)  # type: ignore[attr-defined]  # a module loaded by path has no type


class _OsWith:
    """The os module with another `write`."""

    def __init__(self, write: Callable[[int, bytes], int]) -> None:
        self.write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


# -- the tests --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["process", "none"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a ledger's URL under the settings that promise less than a power cut: a killed process harms neither."""
    return f"sqlite:///{tmp_path}/ledger.db?durability={request.param}"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Return where the writer keeps its file."""
    return tmp_path / "journal.jsonl"


def _lives(ledger_url: str, journal: Path, plans: Sequence[dict[str, Any]]) -> list[int]:
    """Run the example once for each plan and return how each process ended."""
    finished = subprocess.run(
        [sys.executable, __file__, ledger_url, str(journal)],
        input="".join(f"{json.dumps(plan)}\n" for plan in plans),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [int(status) for status in finished.stdout.split()]


def _published(ledger_url: str) -> list[dict[str, Any]]:
    """Return every event that the ledger's journal yields, as JSON."""
    with open_ledger(ledger_url, strategy_id=STRATEGY, read_only=True) as ledger:
        events = [payload for entry in ledger.read_journal() for payload in events_of(entry)]
    return [json.loads(json.dumps(payload)) for payload in events]


def _written(journal: Path) -> list[dict[str, Any]]:
    """Return the events of the file, without their contexts."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:
        line.pop("context")
    return lines


def _plans(deaths: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the deaths, and at last a life that may run to its end."""
    yield from deaths
    yield {"death": "none"}


def _check(ledger_url: str, journal: Path) -> None:
    written, published = _written(journal), _published(ledger_url)
    assert written == published
    assert len(written) == ROUNDS * 11


def test_lines_torn_anywhere_are_written_once_in_the_end(ledger_url: str, journal: Path) -> None:
    """Every life dies at its second line: before it, within it, without its end, or after it and before the cursor."""
    draw = random.Random(20)
    lengths = [draw.choice([0, 1, 60, 200, -1, 10**6]) for _ in range(60)]
    deaths = [{"death": "torn", "line": 2, "bytes": length} for length in lengths]
    statuses = _lives(ledger_url, journal, list(_plans(deaths)))
    assert statuses[:40] == [DEATH] * 40
    assert statuses[-1] == 0
    _check(ledger_url, journal)


def test_a_death_after_the_commit_and_before_the_delivery_loses_no_event(ledger_url: str, journal: Path) -> None:
    """What was committed and never delivered is written by the next process."""
    deaths = [{"death": "undelivered", "line": line} for line in [2, 1, 3, 5, 1, 4, 2, 8, 6, 3] * 3]
    statuses = _lives(ledger_url, journal, list(_plans(deaths)))
    assert DEATH in statuses
    assert statuses[-1] == 0
    _check(ledger_url, journal)


def test_a_process_killed_at_any_moment_leaves_a_file_that_is_completed(ledger_url: str, journal: Path) -> None:
    """Kill -9 comes from outside, after some lines, wherever the process is then."""
    draw = random.Random(9)
    deaths = [{"death": "sigkill", "line": draw.randint(0, 4)} for _ in range(40)]
    statuses = _lives(ledger_url, journal, list(_plans(deaths)))
    assert statuses.count(-signal.SIGKILL) >= 10
    assert statuses[-1] == 0
    _check(ledger_url, journal)


def test_a_file_that_was_lost_is_filled_again(ledger_url: str, journal: Path) -> None:
    """The stored cursor is at the end; the file's own last line, or its absence, says what is missing."""
    assert _lives(ledger_url, journal, [{"death": "none"}]) == [0]
    whole = journal.read_bytes()
    journal.unlink()
    assert _lives(ledger_url, journal, [{"death": "none"}]) == [0]
    _check(ledger_url, journal)
    journal.write_bytes(whole[: len(whole) // 2])
    assert _lives(ledger_url, journal, [{"death": "none"}]) == [0]
    _check(ledger_url, journal)


def test_each_line_has_the_context_that_the_cache_then_had(tmp_path: Path, journal: Path) -> None:
    """In one undisturbed life the context of a line is the record as the event left it."""
    example = _load_example()
    example.run(f"sqlite:///{tmp_path}/ledger.db?durability=none", journal, 2)
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert {line["context"]["strategy_id"] for line in lines} == {STRATEGY}
    assert all(line["context"]["state"] == line["to_state"] for line in lines)
    traded = [line["context"] for line in lines if line["event_type"] == "TRADE_CLOSED"]
    assert [context["realized_pnl"] for context in traded] == ["6.3", "6.3"]


def test_a_line_that_the_disk_did_not_take_is_cut_off_and_comes_again(
    ledger_url: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscriber that raises fails no write, and the event is delivered again: the file has no half line."""
    example = _load_example()
    write, refused = os.write, {2: 0, 5: 1, 6: 30}
    calls = iter(range(1, 10_000))

    def refuse_some(file: int, line: bytes) -> int:
        number = next(calls)
        if number in refused:
            write(file, line[: refused[number]])
            if refused[number] == 1:
                return 1
            raise OSError("no space left on device")
        return write(file, line)

    monkeypatch.setattr(example, "os", _OsWith(write=refuse_some))
    example.run(ledger_url, journal, ROUNDS)
    _check(ledger_url, journal)


def test_a_file_of_another_ledger_is_refused(tmp_path: Path, journal: Path) -> None:
    """Its places mean other events: going on would pass over the new ledger's beginning in silence."""
    example = _load_example()
    example.run(f"sqlite:///{tmp_path}/one.db?durability=none", journal, 2)
    before = journal.read_bytes()
    for rounds in (1, 3):
        with pytest.raises(ValueError, match="is not the one that the file ends with"):
            example.run(f"sqlite:///{tmp_path}/other{rounds}.db?durability=none", journal, rounds)
        with open_ledger(f"sqlite:///{tmp_path}/other{rounds}.db", strategy_id=STRATEGY) as ledger:
            example.trade(ledger, rounds)
    with pytest.raises(ValueError, match="is not the one that the file ends with"):
        example.run(f"sqlite:///{tmp_path}/other3.db?durability=none", journal, 3)
    assert journal.read_bytes() == before


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, journal: Path) -> None:
    """Nothing is appended to a stranger's file, nor is any of its lines cut."""
    journal.write_text("dear diary,\nnothing happened today\n")
    with pytest.raises(ValueError, match="is no event"):
        _load_example().run(f"sqlite:///{tmp_path}/ledger.db?durability=none", journal, 1)
    assert journal.read_text() == "dear diary,\nnothing happened today\n"


def test_a_file_and_a_subscriber_have_one_writer_at_a_time(tmp_path: Path, journal: Path) -> None:
    """A second writer is refused, by the file's lock or by the ledger, and leaves no trace."""
    example = _load_example()
    url = f"sqlite:///{tmp_path}/ledger.db?durability=none"
    cache = example.DictCache()
    writer = example.JournalWriter(journal, cache)
    with pytest.raises(BlockingIOError):
        example.JournalWriter(journal, cache)
    with open_ledger(url, strategy_id=STRATEGY) as first, open_ledger(url, strategy_id=STRATEGY) as second:
        writer.attach(first)
        other = example.JournalWriter(tmp_path / "other.jsonl", cache)
        with pytest.raises(SubscriberInUse):
            other.attach(second)
        other.close()
    writer.close()


def test_the_command_says_how_many_events_the_file_has(
    tmp_path: Path, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run adds nothing; without arguments the command explains itself."""
    example = _load_example()
    for _ in range(2):
        assert example.main([str(tmp_path / "ledger.db"), str(journal), "1"]) == 0
        assert "has 11 events" in capsys.readouterr().out
    assert example.main([]) == 2
    assert "LEDGER.db" in capsys.readouterr().err


if __name__ == "__main__":
    _nursery(*sys.argv[1:])
