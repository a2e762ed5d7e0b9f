"""Group commit on a file: writers of several ledgers meet there, and what was acknowledged is in it."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ledger_core import StorageError, StrategyLedger, open_ledger, open_repository
from ledger_core.evolve import detached
from ledger_core.model import Order
from support import FaultyRepository, fill, limit_order, market_order
from support.gathering import in_one_group
from support.replay import states_of

THREADS, COMMANDS = 6, 10


@pytest.mark.parametrize("ledgers", [1, 2])
def test_threads_of_ledgers_on_one_file_lose_nothing(tmp_path: Path, ledgers: int) -> None:
    """Groups of one ledger conflict with groups of another: gap-free, and each answer is a state of the journal."""
    url = f"sqlite:///{tmp_path}/ledger.db?durability=none"
    opened = [open_ledger(url, strategy_id="alpha") for _ in range(ledgers)]
    opened[0].record_order("shared", market_order(quantity=10_000))
    answers: list[Order] = []
    errors: list[BaseException] = []

    def live(ledger: StrategyLedger, name: str) -> None:
        try:
            for index in range(COMMANDS):
                answers.append(ledger.update_order_fill("shared", fill(f"{name}-{index}", 1)))
                answers.append(ledger.record_order(f"{name}-{index}", limit_order()))
        except BaseException as error:  # noqa: BLE001  # it is what the test looks at
            errors.append(error)

    _at_once([partial(live, ledger, f"{at}.{n}") for at, ledger in enumerate(opened) for n in range(THREADS)])
    assert errors == []
    for ledger in opened:
        ledger.close()
    with open_ledger(url, strategy_id="alpha", read_only=True) as reader:
        total = 1 + 2 * ledgers * THREADS * COMMANDS
        assert [entry.sequence for entry in reader.read_journal()] == list(range(1, total + 1))
        states = states_of(reader.read_journal())
        for answer in answers:
            assert detached(answer) == states[answer.kind, answer.key, answer.version]
        assert reader.get_position("ACME").quantity == ledgers * THREADS * COMMANDS
        assert reader.verify().is_intact


def test_row_that_the_schema_refuses_fails_its_own_caller(tmp_path: Path) -> None:
    """An append that fails for what one entry holds is made again without it; the file has no trace of that one."""
    path = tmp_path / "ledger.db"
    repository = FaultyRepository(open_repository(f"sqlite:///{path}?durability=none", strategy_id="alpha"))
    with StrategyLedger(repository) as ledger:
        ledger.record_order("O0", limit_order())
        tool = sqlite3.connect(path)
        tool.execute(
            "CREATE TRIGGER choosy BEFORE INSERT ON orders WHEN NEW.order_id = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'refused for the test'); END"
        )
        tool.close()
        outcomes = in_one_group(
            ledger,
            repository,
            [partial(_record, name) for name in ("O1", "bad", "O2")],
        )
        assert [type(outcome.error) for outcome in outcomes] == [type(None), StorageError, type(None)]
        assert "refused for the test" in str(outcomes[1].error)
        assert [entry.subject for entry in ledger.read_journal()] == ["O0", "first", "O1", "O2"]


def _record(order_id: str, ledger: StrategyLedger) -> Order:
    return ledger.record_order(order_id, limit_order())


WRITING = """
import os, sys, threading
from ledger_core import open_ledger
from support import limit_order

ledger = open_ledger(sys.argv[1], strategy_id="alpha")

def live(name):
    for number in range(100_000):
        order = ledger.record_order(f"{name}-{number}", limit_order())
        os.write(1, f"{order.order_id}\\n".encode())

for name in "abcdefgh":
    threading.Thread(target=live, args=(name,)).start()
"""


@pytest.mark.reliability
def test_what_threads_were_told_outlives_a_kill(tmp_path: Path) -> None:
    """Eight threads are killed in the middle of their groups: every command that was acknowledged is in the file."""
    url = f"sqlite:///{tmp_path}/ledger.db?durability=process"
    program = tmp_path / "writing.py"
    program.write_text(WRITING)
    with subprocess.Popen([sys.executable, str(program), url], stdout=subprocess.PIPE, text=True) as writing:
        assert writing.stdout is not None
        told = [writing.stdout.readline() for _ in range(300)]
        writing.kill()
        told += writing.stdout.readlines()
    acknowledged = {line.strip() for line in told if line.endswith("\n")}
    assert len(acknowledged) >= 300
    with open_ledger(url, strategy_id="alpha") as ledger:
        stored = [str(entry.subject) for entry in ledger.read_journal()]
        assert acknowledged <= set(stored)
        assert len(stored) == len(set(stored)) <= len(acknowledged) + 8
        assert ledger.verify().is_intact


def _at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
